//! `deploy/compose.yaml` without Docker: that it says what the binary understands, and keeps to itself what it should.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_yaml_ng::Value;
use subledger_tests::{
    cli::{run, run_with},
    process::{Process, free_port},
};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
/// How long a role may take to find that no broker answers.
const WAITING_MAX: Duration = Duration::from_secs(60);

struct Compose(Value);

/// A service that runs the binary.
struct Role {
    name: String,
    command: Vec<String>,
    environment: BTreeMap<String, String>,
}

fn scalar(value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => anyhow::bail!("a text, a number or a switch is wanted, not {other:?}"),
    }
}

fn texts(value: &Value) -> anyhow::Result<Vec<String>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Sequence(items) => items.iter().map(scalar).collect(),
        // The long form of depends_on, and the top-level volumes.
        Value::Mapping(items) => items.keys().map(scalar).collect(),
        other => anyhow::bail!("a list is wanted, not {other:?}"),
    }
}

impl Compose {
    fn read() -> anyhow::Result<Self> {
        let mut document: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(format!("{DEPLOY}/compose.yaml"))?)?;
        document.apply_merge()?;
        Ok(Self(document))
    }

    fn services(&self) -> anyhow::Result<Vec<(String, &Value)>> {
        let services = self.0["services"].as_mapping().context("services")?;
        services.iter().map(|(name, service)| Ok((scalar(name)?, service))).collect()
    }

    /// Every service whose image is ours.
    fn roles(&self) -> anyhow::Result<Vec<Role>> {
        let mut roles = Vec::new();
        for (name, service) in self.services()? {
            if service["image"].as_str() != Some("subledger") {
                continue;
            }
            let environment = service["environment"].as_mapping().with_context(|| format!("environment of {name}"))?;
            let environment = environment.iter().map(|(key, value)| Ok((scalar(key)?, scalar(value)?)));
            let environment = environment.collect::<anyhow::Result<_>>()?;
            roles.push(Role { command: texts(&service["command"])?, environment, name });
        }
        ensure!(roles.len() > 5, "only {} services run the binary", roles.len());
        Ok(roles)
    }
}

impl Role {
    fn command(&self) -> Vec<&str> {
        self.command.iter().map(String::as_str).collect()
    }

    /// Its variables, with some of them otherwise.
    fn environment<'a>(&'a self, otherwise: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut environment: BTreeMap<_, _> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        environment.extend(otherwise.iter().copied());
        environment.into_iter().collect()
    }
}

#[test]
fn services_volumes_and_images_are_there() -> anyhow::Result<()> {
    let compose = Compose::read()?;
    let services = compose.services()?;
    let names: Vec<_> = services.iter().map(|(name, _)| name.as_str()).collect();
    let volumes = texts(&compose.0["volumes"])?;
    for (name, service) in &services {
        for needed in texts(&service["depends_on"])? {
            ensure!(names.contains(&needed.as_str()), "{name} depends on {needed}, which is no service");
        }
        for volume in texts(&service["volumes"])? {
            let volume = volume.split(':').next().unwrap_or_default().to_owned();
            ensure!(volumes.contains(&volume), "{name} mounts {volume}, which is not declared");
        }
        for port in texts(&service["ports"])? {
            ensure!(port.starts_with("127.0.0.1:"), "{name} publishes {port} beyond this machine");
        }
        let image = service["image"].as_str().unwrap_or_default();
        if image == "subledger" {
            let build = &service["build"];
            let context = PathBuf::from(DEPLOY).join(build["context"].as_str().context("a build context")?);
            let dockerfile = context.join(build["dockerfile"].as_str().context("a Dockerfile")?);
            ensure!(dockerfile.is_file(), "{name} is built from {}, which is not there", dockerfile.display());
        } else {
            ensure!(image.starts_with("apache/kafka:4.1"), "{name} runs {image:?}, not the official Kafka 4.1");
        }
    }
    let published: usize =
        services.iter().map(|(_, service)| texts(&service["ports"]).map_or(0, |all| all.len())).sum();
    ensure!(published == 1, "one port is published, the gateway's, not {published}");
    Ok(())
}

#[test]
fn every_command_and_variable_is_one_the_binary_knows() -> anyhow::Result<()> {
    for role in Compose::read()?.roles()? {
        run(&[&role.command()[..], &["--help"]].concat())?.expect_code(0).with_context(|| role.name.clone())?;
        // Settings are read before anything else, and this command then finds that there is nothing in an empty directory.
        let dir = tempfile::tempdir()?;
        let data = dir.path().to_str().context("a path that is text")?;
        let ended = run_with(&["rebuild", "billing", "--data-dir", data], &role.environment(&[]), "")?;
        ended.expect_error(&["there is no ledger in", data]).with_context(|| format!("settings of {}", role.name))?;
        let wrong = role.environment(&[("SUBLEDGER_KAFKA_BOOTSTRP", "kafka:9092")]);
        run_with(&["rebuild", "billing", "--data-dir", data], &wrong, "")?
            .expect_error(&["SUBLEDGER_KAFKA_BOOTSTRP"])?;
        for (name, address) in role.environment.iter().filter(|(name, _)| name.starts_with("SUBLEDGER_PROJECTORS_")) {
            let read_model = name.trim_start_matches("SUBLEDGER_PROJECTORS_").to_lowercase();
            let host = address.trim_start_matches("http://").split(':').next().unwrap_or_default();
            let other = Compose::read()?.roles()?.into_iter().find(|other| other.name == host);
            let other = other.with_context(|| format!("{name} names {host}, which is no service"))?;
            ensure!(other.command().starts_with(&["projector", &read_model]), "{name} names {host}");
            let listen = other.environment.get("SUBLEDGER_LISTEN").context("it listens")?;
            ensure!(listen.rsplit(':').next() == address.rsplit(':').next(), "{name}: {host} listens on {listen}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_role_starts_as_written_and_waits_for_the_broker() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut waiting, mut names) = (Vec::new(), Vec::new());
    for role in Compose::read()?.roles()? {
        let data = dir.path().join(&role.name);
        let any = [format!("0.0.0.0:{}", free_port()?), format!("0.0.0.0:{}", free_port()?)];
        // As in its container, but for what several on one machine cannot share, and a broker that is not there.
        let environment = role.environment(&[
            ("SUBLEDGER_DATA_DIR", data.to_str().context("a path that is text")?),
            ("SUBLEDGER_LISTEN", &any[0]),
            ("SUBLEDGER_METRICS_LISTEN", &any[1]),
            ("SUBLEDGER_KAFKA_BOOTSTRAP", "127.0.0.1:1"),
        ]);
        waiting.push(Process::start(&role.name, &role.command(), &environment)?);
        names.push(role.name);
    }
    let deadline = Instant::now() + WAITING_MAX;
    for (process, name) in waiting.iter_mut().zip(names) {
        if name == "init" {
            // It ends, and Docker does not go on without it.
            let status = process.wait_within(WAITING_MAX)?;
            ensure!(!status.success() && process.printed().contains("127.0.0.1:1"), "{}", process.printed());
            continue;
        }
        while !process.printed().contains("waiting for the log") {
            ensure!(Instant::now() < deadline, "{name} does not wait for the log:\n{}", process.printed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(process.stop()?.success(), "{name} did not stop well:\n{}", process.printed());
    }
    Ok(())
}
