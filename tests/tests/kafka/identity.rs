//! Callers of a ledger on a real Kafka broker, whose roles are processes that show each other certificates: a gateway says for whom it
//! calls and is believed, nobody else is, and what a projector or a writer refuses is in the audit stream.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use subledger_tests::{
    callers::{OPERATOR, method_of, read},
    commands,
    identities::{AUDIENCE, Authority, Certified, ISSUER, ProviderKey, key_set, write},
    kafka::{self, Broker},
    process::{Process, free_port, run_cli, wait_listening},
    raw,
};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

/// How long something may take to be seen.
const SEEN_MAX: Duration = Duration::from_secs(60);
/// Metadata in which a gateway says for whom it calls.
const CALLER: &str = "subledger-caller";

/// A process of the ledger.
struct Role {
    process: Process,
    url: String,
}

/// The processes, and who vouches for whom.
struct Guarded {
    dir: tempfile::TempDir,
    _broker: Broker,
    roles: Authority,
    provider: ProviderKey,
    settings: Vec<String>,
    parts: Vec<Role>,
}

impl Guarded {
    fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let broker = Broker::start(dir.path().join("kafka"))?;
        let (roles, provider) = (Authority::new("roles")?, ProviderKey::new("first")?);
        let ca = write(&dir.path().join("roles.pem"), &roles.pem())?;
        let keys = write(&dir.path().join("jwks.json"), &key_set(&[&provider])?)?;
        let settings = vec![
            format!("kafka.bootstrap={}", broker.bootstrap),
            "kafka.topic_prefix=guarded".to_owned(),
            "test_clock.enabled=true".to_owned(),
            "test_clock.start=2018-01-13".to_owned(),
            format!("customer_keys.dir={}", dir.path().join("customer-keys").display()),
            format!("tls.ca_file={ca}"),
            format!("tls.client_ca_file={ca}"),
            format!("identity.issuer={ISSUER}"),
            format!("identity.audience={AUDIENCE}"),
            format!("identity.jwks_file={keys}"),
            format!("identity.operators=oidc:{OPERATOR}"),
            "identity.gateways=mtls:spiffe://ledger/gateway".to_owned(),
        ];
        Ok(Self { dir, _broker: broker, roles, provider, settings, parts: Vec::new() })
    }

    /// Starts one of the roles, which shows its own name.
    async fn start(&mut self, name: &str, role: &[&str], more: &[String]) -> anyhow::Result<String> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let own = self.roles.process(&format!("spiffe://ledger/{name}"))?;
        let (certificate, key) = own.write(self.dir.path(), name)?;
        let mut settings = self.settings.clone();
        settings.extend(more.iter().cloned());
        settings.extend([format!("tls.certificate_file={certificate}"), format!("tls.key_file={key}")]);
        settings.push(format!("data_dir={}", self.dir.path().join(format!("data-{name}")).display()));
        let mut arguments = [role, &["--listen", &listen, "--metrics-listen", "none"]].concat();
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
        let mut process = Process::start(name, &arguments, &[])?;
        let url = format!("https://{listen}");
        wait_listening(&mut process, &url).await?;
        self.parts.push(Role { process, url: url.clone() });
        Ok(url)
    }

    /// A connection to a process, with a certificate or without.
    async fn connect(&self, url: &str, shown: Option<&Certified>) -> anyhow::Result<Channel> {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.roles.pem()));
        if let Some(Certified { certificate, key }) = shown {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        Ok(Endpoint::from_shared(url.to_owned())?.tls_config(tls)?.connect().await?)
    }

    fn printed(&self) -> String {
        self.parts
            .iter()
            .map(|part| format!("{}:\n{}", part.url, part.process.printed()))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Calls a method, with a token and with metadata that only a gateway may send.
async fn call(
    channel: &Channel,
    token: Option<&str>,
    named: Option<&str>,
    method: &str,
    message: &Value,
) -> Result<Value, Status> {
    let known = method_of(method).map_err(|error| Status::internal(error.to_string()))?;
    let message = DynamicMessage::deserialize(known.input(), message.clone());
    let message = message.map_err(|error| Status::internal(format!("{method}: {error}")))?;
    let more: Vec<_> = named.map(|named| (CALLER, named)).into_iter().collect();
    let path = format!("/subledger.v1.{method}");
    let bytes = raw::call_with(channel.clone(), token, &more, &path, &message.encode_to_vec()).await?;
    read(method, &bytes).map_err(|error| Status::internal(error.to_string()))
}

fn reason(answer: Result<Value, Status>) -> String {
    let status = answer.unwrap_err();
    let info = status.get_error_details().error_info().cloned();
    info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason)
}

/// A gateway, a writer and three projectors; the addresses of gateway, customer projector and writer.
async fn fleet(ledger: &mut Guarded) -> anyhow::Result<[String; 3]> {
    let mut init = vec!["kafka", "init", "--set", "kafka.replication=1"];
    let settings = ledger.settings.clone();
    init.extend(settings.iter().filter(|it| it.starts_with("kafka.")).flat_map(|setting| ["--set", setting.as_str()]));
    run_cli(&init)?;
    let writer = ledger.start("writer", &["writer"], &[]).await?;
    let mut of_gateway = vec![format!("writers={writer}")];
    let mut customer = String::new();
    for name in kafka::PROJECTORS {
        let url = ledger.start(name, &["projector", name, "--log", "kafka"], &[]).await?;
        of_gateway.push(format!("projectors.{name}={url}"));
        if name == "customer" {
            customer = url;
        }
    }
    let gateway = ledger.start("gateway", &["gateway"], &of_gateway).await?;
    Ok([gateway, customer, writer])
}

async fn world(gateway: &Channel, operator: &str) -> anyhow::Result<()> {
    let mut commands = vec![commands::offer("o-1"), commands::price("o-1", "5.00")];
    for partner in ["p-1", "p-2"] {
        let customer = format!("c-{partner}");
        commands.extend([
            commands::partner(partner),
            commands::customer(&customer, partner),
            commands::agreement(&customer, "2018-01-01"),
            commands::purchase(&format!("b-{partner}"), &customer, partner, "o-1", 2),
        ]);
    }
    for role in ["ROLE_GLOBAL_ADMIN", "ROLE_ADMIN_AGENT"] {
        commands.push(json!({ "command_id": format!("ada-{role}"), "assign_role": {
            "partner_id": "p-1", "principal": "oidc:ada", "role": role } }));
    }
    for command in commands {
        let request = json!({ "command": command });
        call(gateway, Some(operator), None, "CommandService/Submit", &request)
            .await
            .with_context(|| command.to_string())?;
    }
    Ok(())
}

/// Asks until the answer is as wanted.
async fn until(ledger: &Guarded, what: &str, mut so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SEEN_MAX;
    while !so().await {
        assert!(Instant::now() < deadline, "{what}\n{}", ledger.printed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

const GET: &str = "CustomerService/GetCustomer";
const LIST: &str = "CustomerService/ListCustomers";

fn ids(answer: &Value) -> Vec<String> {
    let customers = answer["customers"].as_array().cloned().unwrap_or_default();
    customers.iter().map(|row| row["customer_id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Through the gateway everybody is who he is.
async fn what_the_gateway_forwards(ledger: &Guarded, gateway: &Channel) -> anyhow::Result<()> {
    let (ada, operator) = (ledger.provider.token("ada")?, ledger.provider.token(OPERATOR)?);
    until(ledger, "ada sees her customer", async || {
        let answer = call(gateway, Some(&ada), None, LIST, &json!({})).await;
        answer.is_ok_and(|answer| ids(&answer) == ["c-p-1"])
    })
    .await;
    let all = call(gateway, Some(&operator), None, LIST, &json!({})).await?;
    assert_eq!(ids(&all), ["c-p-1", "c-p-2"]);
    let theirs = json!({ "customer_id": "c-p-2" });
    assert_eq!(reason(call(gateway, Some(&ada), None, GET, &theirs).await), "CUSTOMER_NOT_FOUND");
    // What a client says of itself is taken away at the gateway too.
    let named = format!("oidc:{OPERATOR}");
    assert_eq!(reason(call(gateway, Some(&ada), Some(&named), GET, &theirs).await), "CUSTOMER_NOT_FOUND");
    // A preview is answered by a writer, which is told who asks.
    let more = |customer: &str, partner: &str| {
        json!({ "validate_only": true, "command": { "command_id": "try", "change_quantity": { "customer_id": customer,
            "partner_id": partner, "subscription_id": format!("sub-b-{partner}"), "quantity": 3 } } })
    };
    let submit = "CommandService/Submit";
    until(ledger, "a preview", async || call(gateway, Some(&ada), None, submit, &more("c-p-1", "p-1")).await.is_ok())
        .await;
    assert_eq!(reason(call(gateway, Some(&ada), None, submit, &more("c-p-2", "p-2")).await), "PARTNER_NOT_FOUND");
    Ok(())
}

/// Who calls a projector or a writer itself is what it shows, whatever it says.
async fn what_a_direct_caller_forges(ledger: &Guarded, projector: &str, writer: &str) -> anyhow::Result<()> {
    let named = format!("oidc:{OPERATOR}");
    let named = Some(named.as_str());
    let (ada, mallory) = (ledger.provider.token("ada")?, ledger.provider.token("mallory")?);
    let plain = ledger.connect(projector, None).await?;
    let own = call(&plain, Some(&ada), named, LIST, &json!({})).await?;
    assert_eq!(ids(&own), ["c-p-1"], "she is herself here too, and sees her own");
    let theirs = json!({ "customer_id": "c-p-2" });
    assert_eq!(reason(call(&plain, Some(&ada), named, GET, &theirs).await), "CUSTOMER_NOT_FOUND");
    assert_eq!(reason(call(&plain, Some(&mallory), named, LIST, &json!({})).await), "ROLE_FORBIDDEN");
    assert_eq!(reason(call(&plain, None, named, LIST, &json!({})).await), "TOKEN_MISSING");
    // A certificate of the same authority is not the gateway's.
    let other = ledger.roles.client("spiffe://ledger/billing", None)?;
    let known = ledger.connect(projector, Some(&other)).await?;
    assert_eq!(reason(call(&known, None, named, LIST, &json!({})).await), "ROLE_FORBIDDEN");
    // One of another authority is none, though it has the gateway's name.
    let forged = Authority::new("strangers")?.client("spiffe://ledger/gateway", None)?;
    let answer = match ledger.connect(projector, Some(&forged)).await {
        Ok(channel) => call(&channel, None, named, LIST, &json!({})).await,
        Err(error) => Err(Status::unavailable(error.to_string())),
    };
    assert!(answer.is_err_and(|status| status.code() != Code::Internal));
    // The gateway's own certificate is what is believed.
    let gateway = ledger.roles.client("spiffe://ledger/gateway", None)?;
    let gateway = ledger.connect(projector, Some(&gateway)).await?;
    assert_eq!(ids(&call(&gateway, None, named, LIST, &json!({})).await?), ["c-p-1", "c-p-2"]);

    let plain = ledger.connect(writer, None).await?;
    let close = json!({ "validate_only": true,
        "command": { "command_id": "close", "close_day": { "date": "2018-01-01" } } });
    assert_eq!(reason(call(&plain, Some(&mallory), named, "CommandService/Submit", &close).await), "OPERATORS_ONLY");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_believed_and_nobody_else_and_what_projectors_refuse_is_recorded() -> anyhow::Result<()> {
    if kafka::skipped() {
        return Ok(());
    }
    let mut ledger = Guarded::new()?;
    let [gateway, projector, writer] = fleet(&mut ledger).await?;
    let operator = ledger.provider.token(OPERATOR)?;
    let gateway = ledger.connect(&gateway, None).await?;
    world(&gateway, &operator).await.with_context(|| ledger.printed())?;
    what_the_gateway_forwards(&ledger, &gateway).await?;
    what_a_direct_caller_forges(&ledger, &projector, &writer).await.with_context(|| ledger.printed())?;

    let refused = json!({ "outcome": "ACCESS_OUTCOME_REFUSED", "page_size": 100 });
    let wanted = [
        // At the projector,
        ("oidc:mallory", LIST, "ROLE_FORBIDDEN"),
        ("mtls:spiffe://ledger/billing", LIST, "ROLE_FORBIDDEN"),
        ("", LIST, "TOKEN_MISSING"),
        // at the writer,
        ("oidc:mallory", "Submit/close_day", "OPERATORS_ONLY"),
        // and at the gateway.
        ("oidc:ada", "Submit/change_quantity", "PARTNER_NOT_FOUND"),
    ];
    let mut rows = Value::Null;
    until(&ledger, "refusals are recorded", async || {
        let answer = call(&gateway, Some(&operator), None, "AccessService/ListAccessRecords", &refused).await;
        rows = answer.unwrap_or_default()["records"].clone();
        let is = |wanted: &(&str, &str, &str)| {
            rows.as_array().into_iter().flatten().any(|record| {
                let row = &record["row"];
                row["from"] == "127.0.0.1"
                    && (
                        row["principal"].as_str().unwrap_or_default(),
                        row["operation"].as_str(),
                        row["reason"].as_str(),
                    ) == (wanted.0, Some(wanted.1), Some(wanted.2))
            })
        };
        wanted.iter().all(is)
    })
    .await;
    // Stopped at once, it still writes what it knows.
    let mallory = ledger.provider.token("mallory-at-the-end")?;
    let plain = ledger.connect(&projector, None).await?;
    assert_eq!(reason(call(&plain, Some(&mallory), None, LIST, &json!({})).await), "ROLE_FORBIDDEN");
    let at = ledger.parts.iter().position(|part| part.url == projector).context("it runs")?;
    ledger.parts[at].process.stop()?;
    until(&ledger, "the last refusal is recorded", async || {
        let request = json!({ "outcome": "ACCESS_OUTCOME_REFUSED", "principal": "oidc:mallory-at-the-end" });
        let answer = call(&gateway, Some(&operator), None, "AccessService/ListAccessRecords", &request).await;
        answer.is_ok_and(|answer| answer["records"].as_array().is_some_and(|rows| rows.len() == 1))
    })
    .await;
    no_secret_is_printed(&ledger, &[&operator, &mallory], ledger.dir.path());
    Ok(())
}

/// Tokens and keys stand in no log.
fn no_secret_is_printed(ledger: &Guarded, tokens: &[&str], dir: &Path) {
    let printed = ledger.printed();
    for token in tokens {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!printed.contains(signature), "a token is in a log");
    }
    let key = std::fs::read_to_string(dir.join("gateway.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!printed.contains(secret), "a key is in a log");
}
