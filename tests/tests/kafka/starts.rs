//! Roles that are starting when the only broker stops to answer: none gives up, and all serve once it is back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use subledger_tests::{
    client::Client,
    commands::partner,
    identities::{AUDIENCE, ISSUER, ProviderKey, key_set, write},
    kafka::{Broker, Part, skipped},
    process::run_cli,
};

/// The roles, and whether each takes an address to listen at.
const ROLES: [(&[&str], bool); 4] = [
    (&["clock"], false),
    (&["gateway"], true),
    (&["writer"], true),
    (&["projector", "billing", "--log", "kafka"], true),
];
/// So many of each start one after the other, so that each is at another place when the broker stops.
const MOMENTS: u64 = 4;
/// Between two starts of a role.
const BETWEEN: Duration = Duration::from_millis(250);
/// Longer than a request to a broker may take, so that every wait for it ends in an error.
const AWAY: Duration = Duration::from_secs(35);
/// How long they may take when it is back.
const READY_MAX: Duration = Duration::from_secs(90);

fn is_ready(role: &Part) -> bool {
    role.process.printed().contains(" is ready")
}

/// Begins with every role at every moment; a broker that stops right after it meets them all over their starts.
fn start_all(dir: &Path, settings: &[String]) -> anyhow::Result<Vec<Part>> {
    let key = ProviderKey::new("first")?;
    let keys = write(&dir.join("jwks.json"), &key_set(&[&key])?)?;
    // A projector reads the log at its start only if it checks callers.
    let checked = [("issuer", ISSUER), ("audience", AUDIENCE), ("jwks_file", &keys)];
    let checked = checked.map(|(field, value)| format!("identity.{field}={value}"));
    let mut starting = Vec::new();
    for nth in 0..MOMENTS {
        for (role, listens) in ROLES {
            let more = if role[0] == "projector" { &checked[..] } else { &[] };
            let name = format!("{}-{nth}", role[0]);
            let data = format!("data_dir={}", dir.join(&name).display());
            starting.push(Part::begin(&name, role, &[settings, more, &[data]].concat(), listens)?);
        }
        std::thread::sleep(BETWEEN);
    }
    Ok(starting)
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_start_while_the_broker_goes_away_wait_for_it() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let settings = vec![
        format!("kafka.bootstrap={}", broker.bootstrap),
        "kafka.topic_prefix=starts".to_owned(),
        format!("customer_keys.dir={}", dir.path().join("customer-keys").display()),
    ];
    let init = settings.iter().flat_map(|setting| ["--set", setting.as_str()]);
    run_cli(&["kafka", "init", "--set", "kafka.replication=1"].into_iter().chain(init).collect::<Vec<_>>())?;

    let mut roles = start_all(dir.path(), &settings)?;
    broker.pause_one(1)?;
    let starting = roles.iter().filter(|role| !is_ready(role)).count();
    ensure!(starting > 0, "all were ready before the broker stopped: nothing was tested");
    tokio::time::sleep(AWAY).await;
    broker.continue_one(1)?;

    let deadline = Instant::now() + READY_MAX;
    for role in &mut roles {
        while !is_ready(role) {
            let Part { name, process, .. } = &mut *role;
            let ended = process.ended()?;
            ensure!(
                ended.is_none() && Instant::now() < deadline,
                "{name} ({ended:?}) is not ready:\n{}",
                process.printed()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let waited = roles.iter().filter(|role| role.process.printed().contains("waiting for the log")).count();
    println!(
        "{starting} of {} were starting when the broker stopped, {waited} say that they waited; all are ready",
        roles.len()
    );
    for (nth, gateway) in roles.iter().filter(|role| role.name.starts_with("gateway")).enumerate() {
        let address = gateway.address.as_deref().context("a gateway listens")?;
        Client::connect(address).await?.accepted(&partner(&format!("partner-{nth}"))).await?;
    }
    for role in &roles {
        role.process.signal("TERM")?;
    }
    for Part { name, process, .. } in &mut roles {
        let status = process.wait_within(READY_MAX)?;
        ensure!(status.success(), "{name} did not stop well:\n{}", process.printed());
    }
    Ok(())
}
