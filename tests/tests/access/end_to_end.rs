//! Who may do what, end to end: second factors, vendors, what is recorded of callers, tokens that end, limits, and keys from an address.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use subledger_tests::{
    callers::{Checked, OPERATOR},
    cli, commands,
    identities::{AUDIENCE, ISSUER, ProviderKey, key_set, write},
    process::Serve,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// How long something may take to be seen.
const SEEN_MAX: Duration = Duration::from_secs(30);

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    answer.unwrap_err().get_error_details().error_info().unwrap().reason.clone()
}

/// A partner with a customer, and somebody with a role.
async fn partner(ledger: &Checked, id: &str, subject: &str, role: &str) -> anyhow::Result<()> {
    ledger.accepted(&commands::partner(id)).await?;
    ledger.accepted(&commands::customer(&format!("c-{id}"), id)).await?;
    ledger.assign(subject, role, id, "").await
}

/// Asks until the answer is as wanted.
async fn until(ledger: &Checked, token: &str, method: &str, request: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + SEEN_MAX;
    loop {
        let answer = ledger.call(token, method, request).await.unwrap();
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{method} {request}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_where_the_pages_say_so() -> anyhow::Result<()> {
    let panel = "identity.vendor_applications=panel";
    let ledger = Checked::start(&[panel, "identity.second_factor_exceptions=oidc:excepted"]).await?;
    partner(&ledger, "p-1", "ada", "ROLE_BILLING_ADMIN").await?;
    for (subject, role) in [
        ("ada", "ROLE_GLOBAL_ADMIN"),
        ("grace", "ROLE_GLOBAL_ADMIN"),
        ("excepted", "ROLE_BILLING_ADMIN"),
        ("erp", "ROLE_BILLING_ADMIN"),
    ] {
        if (subject, role) != ("ada", "ROLE_BILLING_ADMIN") {
            ledger.assign(subject, role, "p-1", "").await?;
        }
    }
    let (billing, customers) = ("BillingService/ListBalances", "CustomerService/ListCustomers");
    let once = json!({ "amr": ["pwd"] });
    let of = |subject: &str, claims: &Value| ledger.token_with(subject, claims).unwrap();
    let ask = |token: String, method: &'static str| {
        let ledger = &ledger;
        async move { ledger.call(&token, method, &json!({})).await }
    };
    // A billing admin on the billing page, with and without.
    assert!(ask(ledger.token("ada")?, billing).await.is_ok());
    let status = ask(of("ada", &once), billing).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let info = status.get_error_details().error_info().cloned().unwrap();
    assert_eq!(info.reason, "MFA_REQUIRED");
    assert_eq!(info.metadata["www_authenticate"], "Bearer error=\"invalid_token\"");
    // A global admin is affected on the billing page, and not on the customers pages.
    assert_eq!(reason(ask(of("grace", &once), billing).await), "MFA_REQUIRED");
    assert!(ask(of("grace", &once), customers).await.is_ok());
    // An application for a person always is; for itself never; nor who has an exception.
    let for_person = json!({ "amr": ["pwd"], "azp": "crm", "scp": "user_impersonation" });
    assert_eq!(reason(ask(of("grace", &for_person), customers).await), "MFA_REQUIRED");
    assert!(ask(of("erp", &json!({ "amr": null, "appid": "erp" })), billing).await.is_ok());
    assert!(ask(of("excepted", &once), billing).await.is_ok());
    // Whoever runs the ledger shows one too.
    assert_eq!(reason(ask(of(OPERATOR, &once), billing).await), "MFA_REQUIRED");

    // A vendor's application: never for itself, and only where the partner let it in.
    let vendor = json!({ "appid": "panel", "scp": "user_impersonation" });
    assert_eq!(reason(ask(of("panel", &json!({ "appid": "panel" })), customers).await), "VENDOR_WITHOUT_USER");
    assert_eq!(reason(ask(of("grace", &vendor), customers).await), "ROLE_FORBIDDEN");
    let consent = json!({ "command_id": "consent", "assign_role": {
        "partner_id": "p-1", "principal": "app:panel", "role": "ROLE_GLOBAL_ADMIN" } });
    ledger.accepted(&consent).await?;
    assert!(ask(of("grace", &vendor), customers).await.is_ok());

    // Counts are written when their minute is over, or when the ledger stops.
    let ledger = ledger.restart().await?;
    let operator = ledger.token(OPERATOR)?;
    let answer = ledger.call(&operator, "AccessService/ListSecondFactors", &json!({})).await?;
    let status = &answer["statuses"][0];
    assert_eq!(status["partner_id"], "p-1", "{status}");
    assert_eq!((&status["user_calls"], &status["user_calls_with"]), (&json!(5), &json!(1)), "{status}");
    assert_eq!((&status["user_percent"], &status["application_percent"]), (&json!("20"), &json!("50")), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_and_every_read_across_tenants_is_an_event() -> anyhow::Result<()> {
    let ledger = Checked::start(&[]).await?;
    partner(&ledger, "p-1", "ada", "ROLE_GLOBAL_ADMIN").await?;
    partner(&ledger, "p-2", "bob", "ROLE_GLOBAL_ADMIN").await?;
    let (ada, bob, operator) = (ledger.token("ada")?, ledger.token("bob")?, ledger.token(OPERATOR)?);
    for _ in 0..3 {
        let peeked = ledger.call(&ada, "CustomerService/GetCustomer", &json!({ "customer_id": "c-p-2" })).await;
        assert_eq!(reason(peeked), "CUSTOMER_NOT_FOUND");
    }
    let issued = json!({ "command": { "command_id": "mine", "review_standing": { "partner_id": "p-1", "date": "2018-01-01" } } });
    assert_eq!(reason(ledger.call(&ada, "CommandService/Submit", &issued).await), "OPERATORS_ONLY");
    let forged = json!({ "command": { "command_id": "forged", "record_access": { "rows": [{ "count": 1 }] } } });
    assert_eq!(reason(ledger.call(&operator, "CommandService/Submit", &forged).await), "COMMAND_RESERVED");
    assert_eq!(reason(ledger.call("no token", "CustomerService/ListCustomers", &json!({})).await), "TOKEN_MALFORMED");
    ledger.call(&operator, "CustomerService/GetCustomer", &json!({ "customer_id": "c-p-1" })).await?;

    let list = "AccessService/ListAccessRecords";
    let refused = json!({ "outcome": "ACCESS_OUTCOME_REFUSED" });
    let rows = |answer: &Value| answer["records"].as_array().cloned().unwrap_or_default();
    let own = until(&ledger, &ada, list, &refused, |answer| rows(answer).len() >= 2).await;
    let operations: Vec<_> = rows(&own).iter().map(|row| row["row"]["operation"].clone()).collect();
    assert!(operations.contains(&json!("CustomerService/GetCustomer")), "{own}");
    assert!(operations.contains(&json!("Submit/review_standing")), "{own}");
    assert!(rows(&own).iter().all(|row| row["row"]["principal"] == "oidc:ada" && row["partner_id"] == "p-1"), "{own}");
    assert!(rows(&own).iter().all(|row| row["row"]["from"] == "127.0.0.1"), "{own}");
    let theirs = ledger.call(&bob, list, &refused).await?;
    assert!(rows(&theirs).is_empty(), "{theirs}");
    let nobody = until(&ledger, &operator, list, &refused, |answer| {
        rows(answer).iter().any(|row| row["row"]["reason"] == "TOKEN_MALFORMED")
    });
    nobody.await;
    let privileged = json!({ "outcome": "ACCESS_OUTCOME_PRIVILEGED", "principal": format!("oidc:{OPERATOR}") });
    until(&ledger, &operator, list, &privileged, |answer| {
        rows(answer).iter().any(|row| row["row"]["customer_id"] == "c-p-1")
    })
    .await;

    // It is history like any other: streamed, exported, proved.
    let token = write(&ledger.path("token"), &operator)?;
    let (address, out) = (ledger.serve.address.clone(), ledger.path("audit"));
    let with = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--address", &address, "--token-file", &token]);
        cli::run(&all)
    };
    let listed = with(&["list", "refusals", "--partner", "p-1", "--output", "csv"])?.expect_code(0)?;
    assert!(listed.out.contains("oidc:ada"), "{}", listed.out);
    let events = with(&["events", "--output", "json"])?.expect_code(0)?;
    assert!(events.out.contains("access_recorded"), "{}", events.out);
    let out = out.to_str().unwrap();
    with(&["export", "--out", out])?.expect_code(0)?;
    let key = write(&ledger.path("key.txt"), &with(&["keys", "list"])?.expect_code(0)?.out)?;
    let verified = cli::run(&["verify", out, "--key", &key])?.expect_code(0)?;
    assert!(verified.out.contains("good:"), "{}", verified.out);
    assert!(std::path::Path::new(out).join("records/access-0.records").exists());

    // Nothing that lets anybody in stands in the log of the process, the history or the files.
    let printed = ledger.serve.process.printed();
    for secret in [&ada, &bob, &operator] {
        let signature = secret.rsplit('.').next().unwrap();
        for (place, text) in [("the log", &printed), ("the events", &events.out), ("the list", &listed.out)] {
            assert!(!text.contains(signature), "a token is in {place}");
        }
        let records = std::fs::read(std::path::Path::new(out).join("records/access-0.records"))?;
        assert!(!records.windows(signature.len()).any(|window| window == signature.as_bytes()), "a token is exported");
    }
    Ok(())
}

/// A read model in a process of its own says what it refused to the ledger it follows, which takes that from its own processes only.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_projector_refuses_is_recorded_by_the_ledger_it_follows() -> anyhow::Result<()> {
    use subledger_tests::process::{Process, free_port, wait_listening};
    let ledger = Checked::start(&[
        "identity.gateways=oidc:projector",
        "identity.operators=oidc:projector,oidc:operator@ledger.example",
    ])
    .await?;
    partner(&ledger, "p-1", "ada", "ROLE_GLOBAL_ADMIN").await?;
    let token = write(&ledger.path("projector.token"), &ledger.token("projector")?)?;
    let mut settings = ledger.identity_settings();
    settings.push(format!("tls.token_file={token}"));
    let (listen, data) = (format!("127.0.0.1:{}", free_port()?), ledger.path("projector"));
    let mut arguments = vec!["projector", "customer", "--log", &ledger.serve.address, "--listen", &listen];
    arguments.extend(["--data-dir", data.to_str().unwrap(), "--metrics-listen", "none"]);
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    let mut projector = Process::start("projector", &arguments, &[])?;
    let address = format!("http://{listen}");
    wait_listening(&mut projector, &address).await?;
    let channel = tonic::transport::Endpoint::from_shared(address)?.connect().await?;
    let list = async |who: &str| {
        let mut customers = subledger_proto::api::customer_service_client::CustomerServiceClient::new(channel.clone());
        let mut request = tonic::Request::new(subledger_proto::api::ListCustomersRequest::default());
        let token = ledger.token(who).unwrap();
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        customers.list_customers(request).await
    };
    assert!(list("ada").await.is_ok());
    assert_eq!(reason(list("mallory").await), "ROLE_FORBIDDEN");
    let asked = json!({ "outcome": "ACCESS_OUTCOME_REFUSED", "principal": "oidc:mallory" });
    let operator = ledger.token(OPERATOR)?;
    let answer = until(&ledger, &operator, "AccessService/ListAccessRecords", &asked, |answer| {
        answer["records"].as_array().is_some_and(|rows| !rows.is_empty())
    });
    let row = &answer.await["records"][0]["row"];
    assert_eq!(
        (&row["operation"], &row["reason"]),
        (&json!("CustomerService/ListCustomers"), &json!("ROLE_FORBIDDEN"))
    );
    // Who runs the ledger is none of its processes.
    let forged = json!({ "command": { "command_id": "forged", "record_access": { "rows": [{ "count": 1 }] } } });
    assert_eq!(reason(ledger.call(&operator, "CommandService/Submit", &forged).await), "COMMAND_RESERVED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token_and_a_gateways_header_is_nobodys_to_set() -> anyhow::Result<()> {
    let ledger = Checked::start(&["identity.clock_skew_seconds=0"]).await?;
    let soon = subledger_tests::identities::now() + 3;
    let token = ledger.token_with(OPERATOR, &json!({ "exp": soon }))?;
    let channel = tonic::transport::Endpoint::from_shared(ledger.serve.address.clone())?.connect().await?;
    let mut audit = subledger_proto::api::audit_service_client::AuditServiceClient::new(channel);
    let follow = subledger_proto::api::ReadEventsRequest { follow: true, ..Default::default() };
    let mut request = tonic::Request::new(follow);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let mut stream = audit.read_events(request).await?.into_inner();
    let ended = tokio::time::timeout(SEEN_MAX, async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    });
    assert_eq!(reason(ended.await?.map(|_| ())), "TOKEN_EXPIRED");

    let mut request = tonic::Request::new(subledger_proto::api::GetStatusRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {}", ledger.token("mallory")?).parse()?);
    request.metadata_mut().insert("subledger-caller", format!("oidc:{OPERATOR}").parse()?);
    let channel = tonic::transport::Endpoint::from_shared(ledger.serve.address.clone())?.connect().await?;
    let mut admin = subledger_proto::api::admin_service_client::AdminServiceClient::new(channel);
    assert_eq!(reason(admin.get_status(request).await), "OPERATORS_ONLY");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_over_a_limit_is_told_which() -> anyhow::Result<()> {
    let ledger = Checked::start(&["limits.principal_calls_per_second=20", "limits.message_bytes=100000"]).await?;
    let token = ledger.token("busy")?;
    let mut refused = None;
    for _ in 0..200 {
        if let Err(status) = ledger.call(&token, "AdminService/GetClock", &json!({})).await {
            refused = Some(status);
            break;
        }
    }
    let status = refused.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.principal_calls_per_second"), "{}", status.message());
    assert!(status.get_error_details().retry_info().is_some());
    // Another is not held up.
    let idle = ledger.token("idle")?;
    ledger.call(&idle, "AdminService/GetClock", &json!({})).await?;
    // A message has a size.
    let large = json!({ "command": { "command_id": "x".repeat(150_000) } });
    let status = ledger.call(&idle, "CommandService/Submit", &large).await.unwrap_err();
    assert!([Code::OutOfRange, Code::ResourceExhausted].contains(&status.code()), "{status:?}");
    assert!(status.message().contains("100000"), "the limit is not named: {}", status.message());
    let status = ledger.call(&idle, "CatalogService/GetPartner", &json!({ "partner_id": "x".repeat(150_000) })).await;
    assert_eq!(reason(status), "ROLE_FORBIDDEN", "who may not is told so before anything is read");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_principal_has_so_many_streams_open() -> anyhow::Result<()> {
    let ledger = Checked::start(&["limits.principal_calls_open=3"]).await?;
    let follow = async |channel: tonic::transport::Channel, token: &str| {
        let request = subledger_proto::api::ReadEventsRequest { follow: true, ..Default::default() };
        let mut request = tonic::Request::new(request);
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let mut audit = subledger_proto::api::audit_service_client::AuditServiceClient::new(channel);
        audit.read_events(request).await.map(tonic::Response::into_inner)
    };
    let (operator, other) = (ledger.token(OPERATOR)?, ledger.token("other")?);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(follow(ledger.channel(), &operator).await?);
    }
    // On another connection too.
    let channel = tonic::transport::Endpoint::from_shared(ledger.serve.address.clone())?.connect().await?;
    let status = follow(channel, &operator).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("limits.principal_calls_open"), "{}", status.message());
    ledger.call(&other, "AdminService/GetClock", &json!({})).await?;
    // What ends makes room.
    open.pop();
    let deadline = Instant::now() + SEEN_MAX;
    while follow(ledger.channel(), &operator).await.is_err() {
        assert!(Instant::now() < deadline, "there is no room again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A provider's address that says what it is told, or nothing.
fn provider(set: Arc<Mutex<Option<String>>>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/keys", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked);
            let answer = match set.lock().unwrap().as_ref() {
                Some(set) => {
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{set}", set.len())
                }
                None => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_an_address_and_stay_while_it_is_down() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (first, second) = (ProviderKey::new("first")?, ProviderKey::new("second")?);
    let set = Arc::new(Mutex::new(Some(key_set(&[&first])?)));
    let address = provider(Arc::clone(&set))?;
    let settings = [
        format!("identity.issuer={ISSUER}"),
        format!("identity.audience={AUDIENCE}"),
        format!("identity.jwks_address={address}"),
        "identity.operators=oidc:ada".to_owned(),
    ];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let serve = Serve::start(&dir.path().join("data"), &arguments).await?;
    let list = |key: &ProviderKey| {
        let file = write(&dir.path().join("token"), &key.token("ada").unwrap()).unwrap();
        cli::run(&["list", "partners", "--address", &serve.address, "--token-file", &file]).unwrap()
    };
    let until = |key: &ProviderKey, code: i32| {
        let deadline = Instant::now() + SEEN_MAX;
        while list(key).code != code {
            assert!(Instant::now() < deadline, "{}\n{}", list(key).err, serve.process.printed());
            std::thread::sleep(Duration::from_millis(300));
        }
    };
    until(&first, 0);
    // Down: what was known stays.
    *set.lock().unwrap() = None;
    assert!(list(&second).err.contains("TOKEN_KEY_UNKNOWN"));
    until(&first, 0);
    // A new key is fetched when a token names it, and the old one is gone.
    *set.lock().unwrap() = Some(key_set(&[&second])?);
    until(&second, 0);
    assert!(list(&first).err.contains("TOKEN_KEY_UNKNOWN"));
    Ok(())
}
