//! Who calls: certificates and tokens, good and bad, and what changes while the ledger runs.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use subledger_tests::{
    cli::{self, Ended},
    client::Client,
    identities::{AUDIENCE, Authority, ISSUER, ProviderKey, claims, https_get, key_set, now, write},
    process::Serve,
};

/// How long a change of a file may take to be noticed.
const NOTICED_MAX: Duration = Duration::from_secs(30);

/// Who may do everything here; what roles are for is tested elsewhere.
const OPERATORS: &str = "oidc:alice@contoso,oidc:alice,oidc:mallory,oidc:old,oidc:new,oidc:billing-projector";

/// A ledger with TLS and tokens, and what a caller needs.
struct Guarded {
    dir: tempfile::TempDir,
    serve: Serve,
    url: String,
    ca: String,
    provider: ProviderKey,
}

impl Guarded {
    async fn start(extra: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let (authority, provider) = (Authority::new("servers")?, ProviderKey::new("first")?);
        let ca = write(&dir.path().join("ca.pem"), &authority.pem())?;
        let (certificate, key) = authority.server()?.write(dir.path(), "server")?;
        let keys = write(&dir.path().join("jwks.json"), &key_set(&[&provider])?)?;
        let settings = [
            format!("tls.certificate_file={certificate}"),
            format!("tls.key_file={key}"),
            format!("identity.issuer={ISSUER}"),
            format!("identity.audience={AUDIENCE}"),
            format!("identity.jwks_file={keys}"),
            format!("identity.operators={OPERATORS}"),
        ];
        let mut arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        arguments.extend(extra);
        let serve = Serve::start(&dir.path().join("data"), &arguments).await?;
        let url = serve.address.replace("http://", "https://");
        Ok(Self { dir, serve, url, ca, provider })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command with a token.
    fn with_token(&self, token: &str, arguments: &[&str]) -> anyhow::Result<Ended> {
        let file = write(&self.path("token"), token)?;
        let mut all = arguments.to_vec();
        all.extend(["--address", &self.url, "--ca-file", &self.ca, "--token-file", &file]);
        cli::run(&all)
    }

    /// Waits until a call with that token ends so.
    fn until(&self, token: &str, code: i32) -> anyhow::Result<Ended> {
        let deadline = Instant::now() + NOTICED_MAX;
        loop {
            let ended = self.with_token(token, &["list", "partners"])?;
            if ended.code == code || Instant::now() > deadline {
                return ended.expect_code(code);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn register(id: &str) -> String {
    json!({ "command_id": format!("register-{id}"), "register_partner": {
        "partner_id": id, "name": "Contoso", "kind": "PARTNER_KIND_DIRECT_BILL", "country": "US", "currency": "USD", "billing_day": 15 } })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_names_who_sent_the_command() -> anyhow::Result<()> {
    let ledger = Guarded::start(&[]).await?;
    let alice = ledger.provider.token("alice@contoso")?;
    ledger.with_token(&alice, &["submit", &register("p-1")])?.expect_code(0)?;
    let events = ledger.with_token(&alice, &["events", "--output", "json"])?.expect_code(0)?.out;
    let record = events.lines().find(|line| line.contains("register-p-1")).unwrap();
    let record: Value = serde_json::from_str(record)?;
    assert_eq!(record["actor"]["principal"], "oidc:alice@contoso", "{record}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_is_refused_with_its_fault_and_nothing_is_done() -> anyhow::Result<()> {
    let ledger = Guarded::start(&[]).await?;
    let provider = &ledger.provider;
    let but = |key: &str, value: Value| {
        let mut claims = claims("mallory");
        claims[key] = value;
        if claims[key].is_null() {
            claims.as_object_mut().unwrap().remove(key);
        }
        provider.sign(&claims)
    };
    let part = |value: &Value| BASE64.encode(value.to_string());
    let good = provider.token("mallory")?;
    let payload = good.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{payload}.", part(&json!({ "alg": "none", "kid": "first", "typ": "JWT" })));
    let shared = format!(
        "{}.{payload}.{}",
        part(&json!({ "alg": "HS256", "kid": "first" })),
        BASE64.encode("a signature of no worth")
    );
    let rsa = format!("{}.{payload}.{}", part(&json!({ "alg": "RS256", "kid": "first" })), BASE64.encode([7; 256]));
    let cases = [
        ("TOKEN_EXPIRED", but("exp", json!(now() - 3600))?),
        ("TOKEN_NOT_YET_VALID", but("nbf", json!(now() + 3600))?),
        ("TOKEN_AUDIENCE_WRONG", but("aud", json!("another"))?),
        ("TOKEN_ISSUER_WRONG", but("iss", json!("https://evil.example.com/"))?),
        ("TOKEN_CLAIM_MISSING", but("exp", Value::Null)?),
        ("TOKEN_CLAIM_MISSING", but("sub", Value::Null)?),
        ("TOKEN_MALFORMED", but("nbf", json!("tomorrow"))?),
        ("PRINCIPAL_INVALID", but("sub", json!("x".repeat(300)))?),
        ("TOKEN_SIGNATURE_INVALID", ProviderKey::new("first")?.token("mallory")?),
        ("TOKEN_KEY_UNKNOWN", ProviderKey::new("second")?.token("mallory")?),
        ("TOKEN_MALFORMED", unsigned),
        ("TOKEN_ALGORITHM_REFUSED", shared),
        ("TOKEN_ALGORITHM_REFUSED", rsa),
        ("TOKEN_MALFORMED", "no token".to_owned()),
        ("TOKEN_TOO_LARGE", but("note", json!("x".repeat(8_000)))?),
    ];
    for (reason, token) in &cases {
        let ended = ledger.with_token(token, &["submit", &register("p-1")])?.expect_error(&[reason])?;
        assert!(ended.err.contains("UNAUTHENTICATED"), "{}", ended.err);
        assert!(!ended.err.contains(token.as_str()), "the token is printed: {}", ended.err);
        ledger.with_token(token, &["list", "partners"])?.expect_error(&[reason])?;
    }
    cli::run(&["list", "partners", "--address", &ledger.url, "--ca-file", &ledger.ca])?
        .expect_error(&["TOKEN_MISSING"])?;
    let partners = ledger.with_token(&good, &["list", "partners", "--output", "csv"])?.expect_code(0)?.out;
    assert_eq!(partners.lines().count(), 1, "only the head: {partners}");
    let printed = ledger.serve.process.printed();
    assert!(
        cases.iter().all(|(_, token)| token.len() < 20 || !printed.contains(token.as_str())),
        "a token is in the log"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_while_calls_go_on() -> anyhow::Result<()> {
    let ledger = Guarded::start(&[]).await?;
    let (old, new) = (ledger.provider.token("old")?, ProviderKey::new("second")?);
    let fresh = new.token("new")?;
    ledger.until(&old, 0)?;
    ledger.with_token(&fresh, &["list", "partners"])?.expect_error(&["TOKEN_KEY_UNKNOWN"])?;

    write(&ledger.path("jwks.json"), &key_set(&[&ledger.provider, &new])?)?;
    ledger.until(&fresh, 0)?;
    ledger.with_token(&old, &["list", "partners"])?.expect_code(0)?;

    // No set: the keys before stay.
    write(&ledger.path("jwks.json"), "{\"keys\": [")?;
    std::thread::sleep(Duration::from_secs(3));
    ledger.with_token(&fresh, &["list", "partners"])?.expect_code(0)?;
    assert!(ledger.serve.process.printed().contains("the keys before stay"), "{}", ledger.serve.process.printed());

    write(&ledger.path("jwks.json"), &key_set(&[&new])?)?;
    ledger.until(&old, 1)?.expect_error(&["TOKEN_KEY_UNKNOWN"])?;
    ledger.with_token(&fresh, &["list", "partners"])?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_clients_authority_is_enough_and_no_other() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name);
    let (servers, clients, strangers) =
        (Authority::new("servers")?, Authority::new("clients")?, Authority::new("strangers")?);
    let ca = write(&at("ca.pem"), &servers.pem())?;
    let client_ca = write(&at("clients.pem"), &clients.pem())?;
    let (certificate, key) = servers.server()?.write(dir.path(), "server")?;
    let settings = [
        format!("tls.certificate_file={certificate}"),
        format!("tls.key_file={key}"),
        format!("tls.client_ca_file={client_ca}"),
        "identity.operators=mtls:spiffe://contoso/erp".to_owned(),
    ];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let serve = Serve::start(&at("data"), &arguments).await?;
    let url = serve.address.replace("http://", "https://");
    let call = |shown: Option<&(String, String)>, arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--address", &url, "--ca-file", &ca]);
        if let Some((certificate, key)) = shown {
            all.extend(["--certificate-file", certificate, "--client-key-file", key]);
        }
        cli::run(&all)
    };
    let erp = clients.client("spiffe://contoso/erp", None)?.write(dir.path(), "erp")?;
    call(Some(&erp), &["submit", &register("p-1")])?.expect_code(0)?;
    let events = call(Some(&erp), &["events", "--output", "json"])?.expect_code(0)?.out;
    assert!(events.contains("mtls:spiffe://contoso/erp"), "{events}");

    let expired = clients.client("spiffe://contoso/erp", Some((2020, 1, 1)))?.write(dir.path(), "expired")?;
    let strange = strangers.client("spiffe://contoso/erp", None)?.write(dir.path(), "strange")?;
    for shown in [None, Some(&expired), Some(&strange)] {
        let ended = call(shown, &["list", "partners"])?;
        assert_eq!(ended.code, 3, "{shown:?}: {}{}", ended.out, ended.err);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_without_a_restart() -> anyhow::Result<()> {
    let ledger = Guarded::start(&[]).await?;
    let token = ledger.provider.token("alice")?;
    ledger.until(&token, 0)?;

    // A certificate without its key: the pair before stays.
    let successor = Authority::new("successor")?;
    let next = successor.server()?;
    write(&ledger.path("server.pem"), &next.certificate)?;
    std::thread::sleep(Duration::from_secs(5));
    ledger.with_token(&token, &["list", "partners"])?.expect_code(0)?;
    assert!(ledger.serve.process.printed().contains("those before stay"), "{}", ledger.serve.process.printed());

    write(&ledger.path("server.key"), &next.key)?;
    // Who trusts the first authority only does not talk to it any more; who trusts the next one does.
    ledger.until(&token, 3)?;
    write(&ledger.path("ca.pem"), &successor.pem())?;
    ledger.with_token(&token, &["list", "partners"])?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_health_is_told_to_who_shows_nothing() -> anyhow::Result<()> {
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let ledger = Guarded::start(&[]).await?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(&ledger.ca)?));
    let channel = Endpoint::from_shared(ledger.url.clone())?.tls_config(tls)?.connect().await?;
    let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await?;
    assert_eq!(health.into_inner().status, 1);
    let mut request = tonic::Request::new(subledger_proto::api::GetStatusRequest::default());
    for (name, value) in [("x-principal", "admin"), ("x-forwarded-client-cert", "URI=spiffe://contoso/erp")] {
        request.metadata_mut().insert(name, value.parse()?);
    }
    let refused =
        subledger_proto::api::admin_service_client::AdminServiceClient::new(channel).get_status(request).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated);
    // Without TLS nothing is answered at all.
    let plain = Client::connect(&ledger.serve.address).await?;
    assert!(plain.admin.clone().get_status(subledger_proto::api::GetStatusRequest::default()).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_follows_with_a_token_of_its_own() -> anyhow::Result<()> {
    use subledger_tests::process::{Process, free_port};
    let ledger = Guarded::start(&[]).await?;
    ledger.with_token(&ledger.provider.token("alice")?, &["submit", &register("p-1")])?.expect_code(0)?;
    let token = write(&ledger.path("projector.token"), &ledger.provider.token("billing-projector")?)?;
    let dir = ledger.path("projector");
    let data = dir.to_str().unwrap();
    let listen = format!("127.0.0.1:{}", free_port()?);
    let (ca, token) = (format!("tls.ca_file={}", ledger.ca), format!("tls.token_file={token}"));
    let arguments = ["projector", "billing", "--log", &ledger.url, "--data-dir", data, "--listen", &listen];
    let settings = ["--metrics-listen", "none", "--set", &ca, "--set", &token];
    let projector = Process::start("projector", &[&arguments[..], &settings[..]].concat(), &[])?;
    let address = format!("http://{listen}");
    let deadline = Instant::now() + NOTICED_MAX;
    loop {
        let ended = cli::run(&["list", "balances", "--min-position", "partners/0@1", "--address", &address])?;
        if ended.code == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{}\n{}", ended.err, projector.printed());
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The metrics are read over TLS where the ledger has it, by the certificate of the day, and not in clear.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_read_over_tls() -> anyhow::Result<()> {
    let place = format!("127.0.0.1:{}", subledger_tests::process::free_port()?);
    let ledger = Guarded::start(&["--set", &format!("metrics_listen={place}")]).await?;
    let authority = std::fs::read_to_string(&ledger.ca)?;
    let page = https_get(&place, &authority, "/metrics").await?;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("subledger_"), "{page}");
    assert!(https_get(&place, &authority, "/health").await?.ends_with("OK"));
    assert!(https_get(&place, &Authority::new("strangers")?.pem(), "/metrics").await.is_err());
    let mut plain = std::net::TcpStream::connect(&place)?;
    plain.set_read_timeout(Some(NOTICED_MAX))?;
    std::io::Write::write_all(&mut plain, b"GET /metrics HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("subledger_"), "the metrics are told in clear");

    let successor = Authority::new("successor")?;
    successor.server()?.write(ledger.dir.path(), "server")?;
    let deadline = Instant::now() + NOTICED_MAX;
    while https_get(&place, &successor.pem(), "/health").await.is_err() {
        assert!(Instant::now() < deadline, "the next certificate is not taken");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Who is alone is told so at the start, and asked for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_for_one_person_says_that_nobody_is_checked() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("data"), &[]).await?;
    cli::run(&["submit", &register("p-1"), "--address", &serve.address])?.expect_code(0)?;
    let printed = serve.process.printed();
    let place = serve.address.trim_start_matches("http://");
    let said = format!("Nobody's identity is checked: whoever reaches {place} may do everything.");
    assert!(printed.contains(&said), "{printed}");
    Ok(())
}

#[test]
fn other_machines_reach_only_what_knows_its_callers() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name);
    let authority = Authority::new("servers")?;
    let (certificate, key) = authority.server()?.write(dir.path(), "server")?;
    let (_, other_key) = authority.server()?.write(dir.path(), "other")?;
    let keys = write(&at("jwks.json"), &key_set(&[&ProviderKey::new("first")?])?)?;
    let shared = write(&at("shared.json"), r#"{"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}"#)?;
    let tokens = |file: &str| {
        vec![
            format!("identity.issuer={ISSUER}"),
            format!("identity.audience={AUDIENCE}"),
            format!("identity.jwks_file={file}"),
        ]
    };
    let tls = |key: &str| vec![format!("tls.certificate_file={certificate}"), format!("tls.key_file={key}")];
    let open = vec!["listen=0.0.0.0:0".to_owned()];
    let metrics = vec!["metrics_listen=0.0.0.0:0".to_owned()];
    let cases: [(Vec<String>, &[&str]); 9] = [
        (metrics.clone(), &["metrics_listen is 0.0.0.0:0", "nothing there checks who asks", "trusted_network"]),
        ([metrics, tls(&key)].concat(), &["metrics_listen is 0.0.0.0:0", "nothing there checks who asks"]),
        (open.clone(), &["listen is 0.0.0.0:0", "checks who calls", "tls.client_ca_file", "identity.issuer"]),
        ([open.clone(), tls(&key)].concat(), &["checks who calls"]),
        ([open.clone(), tokens(&keys)].concat(), &["travel in clear", "tls.certificate_file"]),
        (
            vec![format!("tls.certificate_file={certificate}")],
            &["tls.certificate_file is set, and needs tls.key_file too"],
        ),
        (vec![format!("identity.issuer={ISSUER}")], &["identity.issuer is set, and needs identity.jwks_file too"]),
        (tls(&other_key), &["do not belong together"]),
        (tokens(&shared), &["shared.json", "shared secret"]),
    ];
    let data = at("data");
    for (settings, texts) in cases {
        let mut arguments = vec!["serve", "--data-dir", data.to_str().unwrap(), "--set", "metrics_listen=none"];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        cli::run(&arguments)?.expect_error(texts)?;
    }
    Ok(())
}
