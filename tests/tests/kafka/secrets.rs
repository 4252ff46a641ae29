//! Brokers that ask who connects: the password comes from a file or the environment, and is printed nowhere; certificates go both ways.

use anyhow::ensure;
use subledger_tests::{
    cli::run_with,
    client::Client,
    commands::partner,
    identities::{Authority, write},
    kafka::{self, Broker, Part},
};

const PASSWORD: &str = "correct-horse-battery";
const WRONG: &str = "wrong-horse-battery";

/// SASL PLAIN, in the clear.
fn broker(dir: &std::path::Path) -> anyhow::Result<Broker> {
    let login = format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"broker\" password=\"between\" \
         user_broker=\"between\" user_ledger=\"{PASSWORD}\";"
    );
    let properties = format!(
        "sasl.enabled.mechanisms=PLAIN\nsasl.mechanism.inter.broker.protocol=PLAIN\n\
         listener.name.sasl_plaintext.plain.sasl.jaas.config={login}\n"
    );
    let file = write(&dir.join("broker.properties"), &properties)?;
    Broker::with_protocol(dir.join("kafka"), "SASL_PLAINTEXT", &file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_passwords_is_used_and_the_password_is_printed_nowhere() -> anyhow::Result<()> {
    if kafka::skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = broker(dir.path())?;
    let file = write(&dir.path().join("password"), &format!("{PASSWORD}\n"))?;
    let settings = [
        format!("kafka.bootstrap={}", broker.bootstrap),
        "kafka.topic_prefix=secret".to_owned(),
        "kafka.client.security.protocol=SASL_PLAINTEXT".to_owned(),
        "kafka.client.sasl.mechanisms=PLAIN".to_owned(),
        "kafka.client.sasl.username=ledger".to_owned(),
    ];
    let with = |more: &[String], environment: &[(&str, &str)], action: &str| {
        let all: Vec<_> = settings.iter().chain(more).flat_map(|setting| ["--set", setting.as_str()]).collect();
        run_with(&[&["kafka", action], &all[..]].concat(), environment, "")
    };
    let in_file = [format!("kafka.client.sasl.password_file={file}")];
    let made = with(&in_file, &[], "init")?.expect_code(0)?;
    let checked = with(&[], &[("SUBLEDGER_KAFKA_CLIENT", &format!("sasl.password={PASSWORD}"))], "check")?;
    let checked = checked.expect_code(0)?;
    // Without it, or with another one, nobody gets in, and is told so.
    let wrong = with(&[format!("kafka.client.sasl.password={WRONG}")], &[], "check")?;
    let both = [&in_file[..], &[format!("kafka.client.sasl.password={WRONG}")]].concat();
    let twice = with(&both, &[], "check")?.expect_error(&["kafka.client.sasl.password_file are both set"])?;
    let nowhere = with(&["kafka.client.sasl.password_file=/nowhere".to_owned()], &[], "check")?;
    let nowhere = nowhere.expect_error(&["kafka.client.sasl.password_file: cannot read /nowhere"])?;
    let wrong = wrong.expect_error(&["cannot open Kafka at", &broker.bootstrap, "Invalid username or password"])?;

    let more = |name: &str| {
        let data = format!("data_dir={}", dir.path().join(name).display());
        let debug = "log_level=debug".to_owned();
        [&settings[..], &in_file, &[data, debug]].concat()
    };
    let writer = Part::start("writer", &["writer"], &more("writer"), true).await?;
    let gateway = Part::start("gateway", &["gateway"], &more("gateway"), true).await?;
    let client = Client::connect(gateway.address.as_deref().unwrap_or_default()).await?;
    client.accepted(&partner("contoso")).await?;
    let ended = [made, checked, wrong, twice, nowhere].map(|ended| format!("{}{}", ended.out, ended.err));
    let printed = [writer.process.printed(), gateway.process.printed()];
    for text in ended.iter().chain(&printed) {
        ensure!(!text.contains(PASSWORD) && !text.contains(WRONG), "a password is printed: {text}");
    }
    Ok(())
}

/// TLS with a certificate for each side.
fn broker_with_certificates(dir: &std::path::Path, authority: &Authority) -> anyhow::Result<Broker> {
    let server = authority.server()?;
    let keys = write(&dir.join("broker.pem"), &format!("{}{}", server.key, server.certificate))?;
    let trusted = write(&dir.join("broker-trusts.pem"), &authority.pem())?;
    let properties = format!(
        "ssl.keystore.type=PEM\nssl.keystore.location={keys}\nssl.truststore.type=PEM\nssl.truststore.location={trusted}\n\
         ssl.client.auth=required\n"
    );
    let file = write(&dir.join("broker.properties"), &properties)?;
    Broker::with_protocol(dir.join("kafka"), "SSL", &file)
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_reached_over_tls_and_each_side_shows_its_certificate() -> anyhow::Result<()> {
    if kafka::skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let (authority, other) = (Authority::new("brokers")?, Authority::new("somebody else")?);
    let broker = broker_with_certificates(dir.path(), &authority)?;
    let (certificate, key) = authority.client("spiffe://example.com/ledger", None)?.write(dir.path(), "ledger")?;
    let (stranger, strange_key) = other.client("spiffe://example.com/ledger", None)?.write(dir.path(), "stranger")?;
    let trusted = write(&dir.path().join("trusted.pem"), &authority.pem())?;
    let distrusted = write(&dir.path().join("distrusted.pem"), &other.pem())?;
    let settings = |ca: &str, certificate: &str, key: &str| {
        vec![
            format!("kafka.bootstrap={}", broker.bootstrap),
            "kafka.topic_prefix=tls".to_owned(),
            "kafka.client.security.protocol=SSL".to_owned(),
            format!("kafka.client.ssl.ca.location={ca}"),
            format!("kafka.client.ssl.certificate.location={certificate}"),
            format!("kafka.client.ssl.key.location={key}"),
        ]
    };
    let run = |settings: &[String], action: &str| {
        let all: Vec<_> = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
        run_with(&[&["kafka", action], &all[..]].concat(), &[], "")
    };
    let good = settings(&trusted, &certificate, &key);
    run(&good, "init")?.expect_code(0)?;
    // A broker of another authority is not talked to, and a client of another authority is not answered.
    let place = broker.bootstrap.as_str();
    run(&settings(&distrusted, &certificate, &key), "check")?.expect_error(&[
        "cannot open Kafka at",
        place,
        "certificate",
    ])?;
    run(&settings(&trusted, &stranger, &strange_key), "check")?.expect_error(&["cannot open Kafka at", place])?;
    // In the clear, and without a certificate.
    run(&good[..2], "check")?.expect_error(&["cannot open Kafka at", place])?;
    run(&good[..4], "check")?.expect_error(&["cannot open Kafka at", place])?;

    let part = |name: &str| [&good[..], &[format!("data_dir={}", dir.path().join(name).display())]].concat();
    let _writer = Part::start("writer", &["writer"], &part("writer"), true).await?;
    let gateway = Part::start("gateway", &["gateway"], &part("gateway"), true).await?;
    let client = Client::connect(gateway.address.as_deref().unwrap_or_default()).await?;
    client.accepted(&partner("contoso")).await?;
    Ok(())
}
