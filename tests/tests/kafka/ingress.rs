//! What upstream systems see of a ledger on Kafka: commands in on one topic, outcomes and dead letters out on others, once each,
//! whatever else stands in the topic; wrong topics refused by name; and a writer that dies.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use prost::Message as _;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};
use serde_json::{Value, json};
use subledger_log::{
    Family, Layout,
    kafka::{
        settings::plans,
        topics::{CloudEvent, Delivered, Destination, OutgoingRecord, RecordProducer},
    },
};
use subledger_proto::{
    api::Outcome,
    log::{Commit, Event, event},
};
use subledger_tests::{
    cli::{run, run_within},
    client::Client,
    commands::{agreement, change_quantity, command, customer, offer, partner, price, purchase},
    insist::Insisting,
    kafka::{Broker, Fleet, skipped},
    topic::{Reader, Record},
};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";
/// Customers of which each gets an answer after a writer died.
const CUSTOMERS: usize = 16;
/// How long the death of a writer may be felt.
const FAILOVER_MAX: Duration = Duration::from_secs(60);
/// How long a role may take to say that it cannot start.
const REFUSAL_MAX: Duration = Duration::from_secs(30);

/// An upstream system.
struct Upstream {
    producer: RecordProducer,
    outcomes: Reader,
    dead_letters: Reader,
}

impl Upstream {
    fn new(fleet: &Fleet, prefix: &str) -> anyhow::Result<Self> {
        let bootstrap = &fleet.options.bootstrap;
        Ok(Self {
            producer: RecordProducer::new(&fleet.options)?,
            outcomes: Reader::new(bootstrap, &format!("{prefix}.outcomes"))?,
            dead_letters: Reader::new(bootstrap, &format!("{prefix}.dead-letters"))?,
        })
    }

    async fn publish(&self, id: &str, kind: &str, key: &str, payload: Vec<u8>) -> anyhow::Result<Delivered> {
        let event = CloudEvent {
            id: id.to_owned(),
            kind: "subledger.v1.Command".into(),
            source: "/shop".into(),
            time: None,
            content_type: kind.to_owned(),
        };
        let record = OutgoingRecord {
            destination: Destination::Commands,
            partition: None,
            key: key.to_owned().into(),
            payload: payload.into(),
            headers: event.headers(),
        };
        Ok(self.producer.send(record).await?.await?)
    }

    async fn publish_json(&self, key: &str, value: &Value) -> anyhow::Result<Delivered> {
        let id = value["command_id"].as_str().unwrap_or_default();
        self.publish(id, JSON, key, value.to_string().into_bytes()).await
    }

    /// Waits for so many outcomes of a command.
    fn outcomes_of(&mut self, id: &str, count: usize) -> anyhow::Result<Vec<Outcome>> {
        let records = self.outcomes.wait_for(count, |record| record.header("ce_id") == id)?;
        let outcome = |record: &Record| {
            ensure!(record.header("ce_type") == "subledger.v1.Outcome", "{record:?}");
            let outcome = Outcome::decode(&record.payload[..])?;
            ensure!(outcome.command_id == id, "{outcome:?} under {id}");
            Ok(outcome)
        };
        records.iter().map(outcome).collect()
    }
}

async fn commands_become_outcomes(upstream: &mut Upstream, gateway: &Client) -> anyhow::Result<()> {
    upstream.publish_json("fabrikam", &customer("fabrikam", "contoso")).await?;
    let protobuf = command(&agreement("fabrikam", "2018-01-13"))?.encode_to_vec();
    upstream.publish("agreement-fabrikam", PROTOBUF, "fabrikam", protobuf).await?;
    upstream.publish_json("fabrikam", &purchase("k-1", "fabrikam", "contoso", "e3", 10)).await?;
    for id in ["customer-fabrikam", "agreement-fabrikam", "k-1"] {
        let outcome = upstream.outcomes_of(id, 1)?.remove(0);
        ensure!(outcome.rejection.is_none() && outcome.position.is_some() && !outcome.duplicate, "{outcome:?}");
    }
    // A key that says nothing puts it into any partition; it finds its writer all the same.
    for n in 0..8 {
        let id = format!("k-elsewhere-{n}");
        upstream.publish_json(&id, &purchase(&id, "fabrikam", "contoso", "e3", 1)).await?;
        let outcome = upstream.outcomes_of(&id, 1)?.remove(0);
        ensure!(outcome.rejection.is_none(), "{outcome:?}");
        ensure!(gateway.subscription(&format!("sub-{id}"), outcome.position).await?.quantity == 1);
    }
    // A refusal is an outcome too, with its reason.
    upstream.publish_json("fabrikam", &change_quantity("k-zero", "fabrikam", "contoso", "sub-k-1", 0)).await?;
    let refused = upstream.outcomes_of("k-zero", 1)?.remove(0).rejection.context("a refusal")?;
    ensure!(refused.reason == "QUANTITY_BELOW_MINIMUM", "{refused:?}");
    Ok(())
}

/// Records of the log, without those of writers that begin: that may be at any moment.
async fn recorded(gateway: &Client) -> anyhow::Result<usize> {
    let begins = |commit: &Commit| matches!(&commit.events[..], [Event { body: Some(event::Body::WriterStarted(_)) }]);
    let records = gateway.history().await?;
    Ok(records.iter().filter(|record| !record.commit.as_ref().is_some_and(begins)).count())
}

async fn nothing_stops(upstream: &mut Upstream, gateway: &Client) -> anyhow::Result<()> {
    let before = recorded(gateway).await?;
    let unknown = json!({ "command_id": "d-2", "purchase": { "customer_id": "fabrikam", "seats": 3 } });
    let incomplete = change_quantity("d-4", "", "contoso", "sub-k-1", 3).to_string().into_bytes();
    let mut negative = change_quantity("d-8", "fabrikam", "contoso", "sub-k-1", 3);
    negative["change_quantity"]["quantity"] = json!(-3);
    let accepted = "change_quantity.quantity: found -3; accepted is a whole number from 0 to 4294967295";
    let cases: [(&str, &str, Vec<u8>, &str); 6] = [
        ("d-1", PROTOBUF, vec![0xff; 40], "protobuf"),
        ("d-2", JSON, unknown.to_string().into_bytes(), "purchase.seats"),
        ("d-3", JSON, b"{\"command_id\": \"d-3\", ".to_vec(), "JSON"),
        ("d-4", JSON, incomplete, "change_quantity.customer_id"),
        ("d-5", "text/csv", b"purchase,fabrikam".to_vec(), "text/csv"),
        ("d-8", JSON, negative.to_string().into_bytes(), accepted),
    ];
    for (id, kind, payload, reason) in cases {
        let at = upstream.publish(id, kind, "fabrikam", payload.clone()).await?;
        let letter = upstream.dead_letters.wait_for(1, |record| record.header("ce_id") == id)?.remove(0);
        let told = letter.header("subledger_reason");
        ensure!(told.contains(reason), "{id}: the reason {told:?} does not name {reason}");
        let origin = format!(".commands/{}@{}", at.partition, at.offset);
        ensure!(letter.header("subledger_origin").ends_with(&origin), "{letter:?} is not from {origin}");
        ensure!(letter.payload == payload, "{id}: the dead letter is not what was sent");
    }
    // Well formed, but only the ledger itself may send it.
    let reserved = json!({ "command_id": "d-6", "mark_day": { "date": "2018-01-13" }});
    upstream.publish_json("fabrikam", &reserved).await?;
    let refused = upstream.outcomes_of("d-6", 1)?.remove(0);
    ensure!(refused.position.is_none(), "{refused:?} is recorded");
    ensure!(refused.rejection.as_ref().is_some_and(|why| why.reason == "COMMAND_RESERVED"), "{refused:?}");
    ensure!(recorded(gateway).await? == before, "something of it is recorded");

    upstream.publish_json("fabrikam", &change_quantity("d-7", "fabrikam", "contoso", "sub-k-1", 11)).await?;
    let next = upstream.outcomes_of("d-7", 1)?.remove(0);
    ensure!(next.rejection.is_none(), "{next:?}");
    ensure!(gateway.subscription("sub-k-1", next.position).await?.quantity == 11);
    Ok(())
}

async fn twice_is_once(upstream: &mut Upstream, gateway: &Client) -> anyhow::Result<()> {
    let bought = purchase("twice", "fabrikam", "contoso", "e3", 5);
    upstream.publish_json("fabrikam", &bought).await?;
    upstream.publish_json("fabrikam", &bought).await?;
    let outcomes = upstream.outcomes_of("twice", 2)?;
    let again: BTreeSet<bool> = outcomes.iter().map(|outcome| outcome.duplicate).collect();
    ensure!(outcomes[0].position == outcomes[1].position && again.len() == 2, "{outcomes:?}");
    let mut other = bought.clone();
    other["purchase"]["lines"][0]["quantity"] = json!(6);
    upstream.publish_json("fabrikam", &other).await?;
    let third = upstream.outcomes_of("twice", 3)?;
    let reused = |outcome: &Outcome| outcome.rejection.as_ref().is_some_and(|why| why.reason == "COMMAND_ID_REUSED");
    ensure!(third.iter().filter(|outcome| reused(outcome)).count() == 1, "{third:?}");

    let history = gateway.history().await?;
    let commits = history.iter().filter_map(|record| record.commit.as_ref());
    ensure!(commits.filter(|commit| commit.command_id == "twice").count() == 1, "the command has not one commit");
    ensure!(gateway.subscription("sub-twice", outcomes[0].position).await?.quantity == 5);
    Ok(())
}

async fn failover(fleet: &mut Fleet, gateway: &Client) -> anyhow::Result<Duration> {
    for n in 0..CUSTOMERS {
        gateway.accepted(&customer(&format!("f{n}"), "contoso")).await?;
        gateway.accepted(&agreement(&format!("f{n}"), "2018-01-13")).await?;
    }
    let ledger = Insisting::default();
    ledger.at(fleet.gateway.address.as_deref().context("a gateway listens")?);
    fleet.writers[0].process.kill()?;
    let started = Instant::now();
    let sending: Vec<_> = (0..CUSTOMERS)
        .map(|n| {
            let ledger = ledger.clone();
            let bought = purchase(&format!("failover-{n}"), &format!("f{n}"), "contoso", "e3", 1);
            tokio::spawn(async move {
                ledger.send(&mut None, &bought).await?;
                anyhow::Ok(started.elapsed())
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for sent in sending {
        let answered =
            tokio::time::timeout(FAILOVER_MAX, sent).await.context("a customer has no writer any more")???;
        slowest = slowest.max(answered);
    }
    let recorded = gateway.history().await?.into_iter().filter_map(|record| {
        let id = record.commit.as_ref()?.command_id.clone();
        Some((id, record.position?)).filter(|(id, _)| !id.is_empty())
    });
    ledger.check(recorded)?;
    Ok(slowest)
}

/// Sets the retention of the topic of customers, everything else as it must be.
async fn set_retention(fleet: &Fleet, prefix: &str, retention_ms: &str) -> anyhow::Result<String> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &fleet.options.bootstrap).create()?;
    let topics = subledger_log::kafka::Topics::new(prefix);
    let topic = topics.family(Family::Customers).to_owned();
    let plan = plans(&topics, Layout::default()).into_iter().find(|plan| plan.name == topic).context("its plan")?;
    let mut settings = plan.settings(1);
    let retention = settings.iter_mut().find(|setting| setting.name == "retention.ms").context("it has a retention")?;
    retention_ms.clone_into(&mut retention.value);
    let config = settings.iter().fold(AlterConfig::new(ResourceSpecifier::Topic(&topic)), |config, setting| {
        config.set(setting.name, &setting.value)
    });
    for result in admin.alter_configs([&config], &AdminOptions::new()).await? {
        result.map_err(|(resource, code)| anyhow::anyhow!("{resource:?} cannot be changed: {code}"))?;
    }
    Ok(topic)
}

async fn a_wrong_topic_is_named(fleet: &Fleet, prefix: &str, dir: &std::path::Path) -> anyhow::Result<()> {
    let settings: Vec<&str> = fleet.settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let check = [&["kafka", "check"][..], &settings].concat();
    run(&check)?.expect_code(0)?;
    let topic = set_retention(fleet, prefix, "604800000").await?;
    let named = [topic.as_str(), "retention.ms", "604800000", "-1"];
    // The brokers tell everybody within moments.
    let deadline = Instant::now() + REFUSAL_MAX;
    while run(&check)?.code == 0 {
        ensure!(Instant::now() < deadline, "kafka check does not see the wrong setting");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    run(&check)?.expect_error(&named)?;
    let data = dir.join("refused");
    let data = data.to_str().context("a path that is text")?;
    let at = ["--listen", "127.0.0.1:0", "--metrics-listen", "none", "--data-dir", data];
    for role in [&["writer"][..], &["projector", "customer", "--log", "kafka"], &["gateway"], &["clock"]] {
        let ended = run_within(REFUSAL_MAX, &[role, &at, &settings].concat());
        ended.and_then(|ended| ended.expect_error(&named)).with_context(|| format!("{role:?} started"))?;
    }
    set_retention(fleet, prefix, "-1").await?;
    let deadline = Instant::now() + REFUSAL_MAX;
    while run(&check)?.code != 0 {
        ensure!(Instant::now() < deadline, "kafka check does not see that it was put right");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn upstream_systems_get_an_outcome_or_a_reason_for_everything_they_publish() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let prefix = "ingress";
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start(&broker, prefix, dir.path()).await?;
    let gateway = Client::connect(fleet.gateway.address.as_deref().context("a gateway listens")?).await?;
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        gateway.accepted(&command).await?;
    }
    let mut upstream = Upstream::new(&fleet, prefix)?;
    commands_become_outcomes(&mut upstream, &gateway).await.context("commands become outcomes")?;
    nothing_stops(&mut upstream, &gateway).await.context("nothing stops")?;
    twice_is_once(&mut upstream, &gateway).await.context("twice is once")?;
    a_wrong_topic_is_named(&fleet, prefix, dir.path()).await.context("a wrong topic is named")?;
    let slowest = failover(&mut fleet, &gateway).await.context("failover")?;
    println!(
        "{:.1} s from the SIGKILL of a writer until all of {CUSTOMERS} customers had an answer",
        slowest.as_secs_f64()
    );
    assert!(slowest < FAILOVER_MAX, "{slowest:?}");
    Ok(())
}
