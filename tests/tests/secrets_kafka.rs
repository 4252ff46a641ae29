//! A broker that asks who connects: the password comes from a file or the environment, and is printed nowhere.

use anyhow::ensure;
use subledger_tests::{
    cli::run_with,
    client::Client,
    commands::partner,
    identities::write,
    kafka::{self, Broker, Part},
};

const PASSWORD: &str = "correct-horse-battery";
const WRONG: &str = "wrong-horse-battery";

/// SASL PLAIN without TLS, which needs no more than what is built in.
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
    let wrong = wrong.expect_error(&["cannot open Kafka at", &broker.bootstrap])?;

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
