//! The rows of the table. Each starts what it needs, measures it and its limit, and tidies up.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use subledger_proto::api::GetSubscriptionRequest;

use super::{
    growth::growth,
    limits::{self, RawTopic, per_second},
    report::Row,
    tools::{Bench, Load, Loading, count, hundredths, ledger, load, mean_bytes, millis, percent, sample, settled},
    world::{World, read_all, rebuild},
};
use crate::{
    client::Client,
    kafka::{Broker, PROJECTORS, Part},
    process::run_cli,
};

/// The rows by name, in the order of the table.
pub const NAMES: [&str; 10] =
    ["single", "callers", "streams", "large", "hot", "kafka", "reads", "restart", "replay", "growth"];

/// How 64 callers are spread.
const CALLERS: &str = "--clients 4 --in-flight 16";
/// How the four streams are.
pub(super) const STREAMS: &str = "--clients 4 --batch 100 --in-flight 4";
/// Appends that the disk's own time is taken from.
const APPENDS: usize = 2_000;
/// Round trips that a broker's own time is taken from.
const ROUND_TRIPS: usize = 1_000;
/// What a single durable command may take beyond tonic and the disk.
const SINGLE_EXTRA: Duration = Duration::from_micros(100);
/// Longer than a burst: what a ledger does all day.
const LONGER_SECONDS: u64 = 40;
/// How often each of several loads that are compared is measured, in turn, because the machine is not the same all the time.
pub(super) const TURNS: usize = 3;
/// To whom commands go: to all alike, and to some above all.
const SKEWS: [&str; 4] = ["uniform", "hot-customer", "hot-partner", "zipf"];

/// Measures a row by its name. What it had on disk is gone afterwards.
pub async fn measure(name: &str, bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let rows = match name {
        "single" => single(bench).await,
        "callers" => callers(bench).await,
        "streams" => streams(bench).await,
        "large" => large(bench).await,
        "hot" => hot(bench).await,
        "kafka" => kafka(bench).await,
        "reads" => reads(bench).await,
        "restart" => restart(bench).await,
        "replay" => replay(bench).await,
        "growth" => growth(bench).await,
        _ => bail!("there is no row {name:?}; there are {}", NAMES.join(", ")),
    }?;
    bench.tidy()?;
    Ok(rows)
}

pub(super) const EMBEDDED: &str = "embedded, on disk (fdatasync) before each answer";

async fn single(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let served = bench.fresh("single", &[]).await?;
    let (got, null) = bench.both(&served, "")?;
    let bytes = mean_bytes(&sample(&served.address).await?);
    let disk = limits::appends(&bench.dir, bytes, APPENDS)?;
    let (p50, tonic) =
        (got.time("purchase", "p50_ns").max(got.time("seats", "p50_ns")), null.time("purchase", "p50_ns"));
    let most = tonic + disk.p50 + SINGLE_EXTRA;
    let how = format!(
        "{EMBEDDED}; purchases and seat changes, half each; uniform over 1,000 customers; {bytes} bytes a record"
    );
    Ok(vec![
        Row {
            measure: "one caller, one command per call".into(),
            reach: "4,000/s".into(),
            got: format!("{}/s", count(got.per_second())),
            limit: format!("{}/s null; fdatasync alone {}/s", count(null.per_second()), count(per_second(1, disk.p50))),
            ratio: percent(got.per_second(), null.per_second()),
            reached: Some(got.per_second() >= 4_000),
            how: how.clone(),
        },
        Row {
            measure: "its p50".into(),
            reach: "tonic + fdatasync + 0.1 ms".into(),
            got: format!("{} (p99 {})", millis(p50), millis(got.time("purchase", "p99_ns"))),
            limit: format!("{} + {} + 0.1 ms = {}", millis(tonic), millis(disk.p50), millis(most)),
            ratio: percent(micros(p50), micros(most)),
            reached: Some(p50 <= most),
            how,
        },
    ])
}

async fn callers(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let served = bench.fresh("callers", &[]).await?;
    let (got, null) = bench.both(&served, CALLERS)?;
    Ok(vec![Row {
        measure: "64 callers, one command per call".into(),
        reach: "80 % of tonic".into(),
        got: format!(
            "{}/s (p50 {}, p99 {})",
            count(got.per_second()),
            millis(got.time("purchase", "p50_ns")),
            millis(got.time("purchase", "p99_ns"))
        ),
        limit: format!("{}/s null", count(null.per_second())),
        ratio: percent(got.per_second(), null.per_second()),
        reached: Some(got.per_second() * 100 >= null.per_second() * 80),
        how: format!(
            "{EMBEDDED}; 4 connections with 16 calls each; purchases and seat changes; uniform over 1,000 customers"
        ),
    }])
}

fn streamed(measure: &str, reach: u64, got: &Load, null: &Load, how: String) -> Row {
    Row {
        measure: measure.into(),
        reach: format!("{}/s", count(reach)),
        got: format!(
            "{}/s (batch p50 {}, p99 {})",
            count(got.per_second()),
            millis(got.time("batch", "p50_ns")),
            millis(got.time("batch", "p99_ns"))
        ),
        limit: format!("{}/s null", count(null.per_second())),
        ratio: percent(got.per_second(), null.per_second()),
        reached: Some(got.per_second() >= reach),
        how,
    }
}

async fn streams(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let served = bench.fresh("streams", &[]).await?;
    let (got, null) = bench.both(&served, STREAMS)?;
    let how = format!(
        "{EMBEDDED}; 4 streams, batches of 100, 4 of each on their way; purchases and seat changes; uniform over 1,000 customers"
    );
    let longer = bench.fresh("streams-longer", &[]).await?;
    let lasting = load(&longer.address, &format!("{STREAMS} --seconds {LONGER_SECONDS}"))?;
    let lasting_how = format!("{how}; longer than read models may be behind, so writers wait for them");
    // A server that answers at once has nothing to fall behind with.
    let lasting = Row {
        limit: String::new(),
        ratio: String::new(),
        ..streamed(&format!("the same for {LONGER_SECONDS} s"), 90_000, &lasting, &null, lasting_how)
    };
    Ok(vec![streamed("4 clients, batches of 100", 90_000, &got, &null, how), lasting])
}

async fn large(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let served = bench.fresh("large", &[]).await?;
    let (got, null) = bench.both(&served, "--clients 4 --batch 1000 --in-flight 4")?;
    let how = format!(
        "{EMBEDDED}; 4 streams, batches of 1,000, 4 of each on their way; purchases and seat changes; uniform over 1,000 customers"
    );
    Ok(vec![streamed("4 clients, batches of 1,000", 200_000, &got, &null, how)])
}

async fn hot(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut sums = [0; SKEWS.len()];
    for turn in 0..SKEWS.len() * TURNS {
        let n = turn % SKEWS.len();
        let how = format!("{STREAMS} --skew {} --mix seats=1", SKEWS[n]);
        sums[n] += bench.once(&format!("hot-{turn}"), &[], None, &how).await?;
    }
    let [uniform, skewed @ ..] = sums.map(|sum| sum / TURNS as u64);
    let row = |(skew, got): (&str, u64)| Row {
        measure: format!(
            "everything to {}",
            match skew {
                "hot-customer" => "one customer",
                "hot-partner" => "customers of one partner",
                _ => "customers by Zipf's law",
            }
        ),
        reach: "within 10 % of uniform".into(),
        got: format!("{}/s", count(got)),
        limit: format!("{}/s uniform", count(uniform)),
        ratio: percent(got, uniform),
        reached: Some(got * 100 >= uniform * 90),
        how: format!("{EMBEDDED}; 4 streams, batches of 100; seat changes; {skew}; {TURNS} of each, in turn"),
    };
    Ok(SKEWS[1..].iter().copied().zip(skewed).map(row).collect())
}

async fn reads(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let served = bench.fresh("reads", &[]).await?;
    let under_writes = |address: &str| -> anyhow::Result<(Load, Load)> {
        let writes = format!("--prefix w --clients 2 --batch 100 --in-flight 2 --seconds {}", bench.seconds + 4);
        let reads = format!(
            "--clients 4 --in-flight 4 --mix get=1,as-of=1,list=1 --each 10 --subscriptions 1000 --seconds {}",
            bench.seconds
        );
        // The world that is read is there before it begins.
        load(address, "--each 10 --subscriptions 1000 --seconds 0")?;
        let writing = Loading::start(address, &writes)?;
        std::thread::sleep(Duration::from_secs(2));
        let read = load(address, &reads)?;
        Ok((read, writing.wait()?))
    };
    let (got, written) = under_writes(&served.address)?;
    let (null, _) = under_writes(&bench.null.address)?;
    let p99 = ["get", "as-of", "list"].map(|call| got.time(call, "p99_ns"));
    let [get, as_of, list] = p99.map(millis);
    let how = format!(
        "{EMBEDDED}; 4 connections with 4 reads each, while 2 streams of batches of 100 write {}/s; the limit has the same writers",
        count(written.per_second())
    );
    Ok(vec![
        Row {
            measure: "reads by id, as-of, lists of 50, under writes".into(),
            reach: "80 % of tonic".into(),
            got: format!("{}/s", count(got.per_second())),
            limit: format!("{}/s null", count(null.per_second())),
            ratio: percent(got.per_second(), null.per_second()),
            reached: Some(got.per_second() * 100 >= null.per_second() * 80),
            how: how.clone(),
        },
        Row {
            measure: "their p99".into(),
            reach: "5 ms".into(),
            got: format!("by id {get}, as-of {as_of}, lists {list}"),
            limit: format!("{} null", millis(null.time("list", "p99_ns"))),
            ratio: String::new(),
            reached: Some(p99.iter().all(|&time| time < Duration::from_millis(5))),
            how,
        },
    ])
}

async fn kafka(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let broker = Broker::start(bench.dir.join("kafka"))?;
    let settings = vec![format!("kafka.bootstrap={}", broker.bootstrap), "kafka.topic_prefix=bench".to_owned()];
    let mut init = vec!["kafka", "init"];
    init.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    run_cli(&init)?;
    let mut own = settings.clone();
    own.push(format!("data_dir={}", bench.dir.join("kafka-writer").display()));
    let writer = Part::start("writer", &["writer"], &own, false).await?;
    let gateway = Part::start("gateway", &["gateway"], &settings, true).await?;
    let address = gateway.address.clone().context("a gateway listens")?;
    // The limits are measured last; a broker that has just started is several times slower than they find it.
    let streams = bench.arguments("--clients 4 --batch 500 --in-flight 4");
    for warming in [&streams, &streams, &bench.arguments("")] {
        load(&address, warming)?;
    }
    let got = load(&address, &streams)?;
    let one = load(&address, &bench.arguments(""))?;
    let records = sample(&address).await?;
    drop((gateway, writer));

    let raw = RawTopic::create(&broker.bootstrap, "raw").await?;
    let trips = raw.round_trips(records.first().context("no record")?, ROUND_TRIPS)?;
    let produced = raw.produce(&records, Duration::from_secs(bench.seconds.into()))?;
    let consumed = raw.consume(Duration::from_secs(bench.seconds.into()))?;
    let how = "one Kafka broker with a heap of 1 GB, warm, acks=all, flush.messages=1; a gateway and a writer, no projectors; purchases and seat changes; uniform over 1,000 customers";
    let p50 = one.time("purchase", "p50_ns").max(one.time("seats", "p50_ns"));
    Ok(vec![
        Row {
            measure: "through one Kafka broker".into(),
            reach: "60 % of raw produce".into(),
            got: format!("{}/s (batch p50 {})", count(got.per_second()), millis(got.time("batch", "p50_ns"))),
            limit: format!("{}/s produced, {}/s consumed by librdkafka alone", count(produced), count(consumed)),
            ratio: percent(got.per_second(), produced),
            reached: Some(got.per_second() * 100 >= produced * 60),
            how: format!(
                "{how}; 4 streams, batches of 500, 4 of each on their way; raw: the same records of {} bytes",
                mean_bytes(&records)
            ),
        },
        Row {
            measure: "p50 of a single command there".into(),
            reach: "3 round trips".into(),
            got: format!("{} (p99 {})", millis(p50), millis(one.time("purchase", "p99_ns"))),
            limit: format!("{} (p99 {}) for one produce and its acknowledgement", millis(trips.p50), millis(trips.p99)),
            ratio: format!("{} round trips", hundredths(micros(p50) * 100 / micros(trips.p50).max(1))),
            reached: Some(p50 < trips.p50 * 3),
            how: format!("{how}; one caller"),
        },
    ])
}

async fn restart(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let name = format!("world-{}", bench.subscriptions);
    let world = World::fill(bench, &name, bench.subscriptions).await?;
    let mut served = world.ledger;
    load(&served.address, &bench.arguments(&format!("{STREAMS} --prefix tail")))?;
    let commits = settled(&served.address).await?;
    served.process.kill()?;
    let began = Instant::now();
    let served = ledger(&bench.dir.join(&name), &[]).await?;
    let mut client = Client::connect(&served.address).await?;
    let request = GetSubscriptionRequest {
        customer_id: "load-customer-0000000".into(),
        subscription_id: "load-0000000-0".into(),
        ..Default::default()
    };
    client.customers.get_subscription(request).await?;
    load(&served.address, "--seconds 0 --subscriptions 10 --prefix after")?;
    let ready = began.elapsed();
    let resident = served.process.resident_kib()?;
    let per_event = world.disk_bytes / world.events.max(1);
    Ok(vec![
        Row {
            measure: format!("restart after SIGKILL with {} subscriptions", count(bench.subscriptions.into())),
            reach: "3 s".into(),
            got: millis(ready),
            limit: String::new(),
            ratio: String::new(),
            reached: Some(ready <= Duration::from_secs(3)),
            how: format!(
                "embedded; a snapshot of {} commits and a tail of {}; until a read and commands are answered",
                count(world.commits),
                count(commits - world.commits)
            ),
        },
        Row {
            measure: format!("memory with {} subscriptions", count(bench.subscriptions.into())),
            reach: "1 GB resident".into(),
            got: format!("{} MB after filling, {} MB after the restart", world.resident_kib / 1_024, resident / 1_024),
            limit: String::new(),
            ratio: String::new(),
            reached: Some(world.resident_kib.max(resident) <= 1_000_000_000 / 1_024),
            how: "embedded, all roles in one process, 10 subscriptions of each customer".into(),
        },
        Row {
            measure: "disk".into(),
            reach: "stated".into(),
            got: format!("{per_event} bytes for each of {} events", count(world.events)),
            limit: String::new(),
            ratio: String::new(),
            reached: None,
            how: format!("embedded; log, read models, snapshots and trees: {} MB", world.disk_bytes / 1_000_000),
        },
    ])
}

async fn replay(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let world = World::fill(bench, "replay", bench.subscriptions / 4).await?;
    let address = world.address();
    let (records, _, time) = read_all(address, true).await?;
    let speed = per_second(world.events, time);
    let mut rows = vec![Row {
        measure: "replay to a consumer over gRPC".into(),
        reach: "500,000 events/s".into(),
        got: format!("{} events/s ({} records/s)", count(speed), count(per_second(records, time))),
        limit: String::new(),
        ratio: String::new(),
        reached: Some(speed >= 500_000),
        how: format!(
            "embedded; {} events in {} records; stored bytes, as projectors read them",
            count(world.events),
            count(records)
        ),
    }];
    for name in PROJECTORS {
        let rebuilt = rebuild(address, name).await?;
        let speed = per_second(world.events, rebuilt.folded);
        rows.push(Row {
            measure: format!("replay into the {name} read model"),
            reach: "250,000 events/s".into(),
            got: format!("{} events/s", count(speed)),
            limit: String::new(),
            ratio: String::new(),
            reached: Some(speed >= 250_000),
            how: format!(
                "embedded; {} events into new rows on disk, beside those that are served; {} with every row compared",
                count(world.events),
                millis(rebuilt.all)
            ),
        });
    }
    Ok(rows)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
