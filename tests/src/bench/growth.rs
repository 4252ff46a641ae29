//! How the time for each item grows with their number.

use std::time::Duration;

use anyhow::bail;

use super::{
    report::Row,
    rows::{EMBEDDED, STREAMS, TURNS},
    tools::{Bench, count, hundredths},
    world::{World, read_all, rebuild},
};

/// Growth of time for each item that still counts as none, in percent.
const GROWTH_PERCENT_MAX: u64 = 15;

/// Time for each item at a size, and at ten times of it.
fn grown(what: &str, items: &str, [small, large]: [(u64, Duration); 2]) -> Row {
    let nanos = |(items, time): (u64, Duration)| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / items.max(1);
    let (before, after) = (nanos(small), nanos(large));
    let percent = after * 100 / before.max(1);
    Row {
        measure: format!("{what}: time for each, 10 times as many {items}"),
        reach: "less than 15 % more".into(),
        got: format!("{} us", hundredths(after / 10)),
        limit: format!("{} us", hundredths(before / 10)),
        ratio: format!("{percent} %"),
        reached: Some(percent <= 100 + GROWTH_PERCENT_MAX),
        how: String::new(),
    }
}

/// All of its rows.
pub(super) async fn growth(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = of_worlds(bench).await?;
    rows.push(of_commands(bench, "partitions", [("layout.customers=4", ""), ("layout.customers=40", "")]).await?);
    for (items, worlds) in [
        ("partners", ["--partners 10 --subscriptions 10000", "--partners 100 --subscriptions 10000"]),
        ("subscriptions", ["--subscriptions 10000", "--subscriptions 100000"]),
    ] {
        rows.push(of_commands(bench, items, worlds.map(|world| ("layout.customers=4", world))).await?);
    }
    Ok(rows)
}

/// Filling a ledger, and reading and folding all of it.
async fn of_worlds(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let sizes = [bench.subscriptions / 40, bench.subscriptions / 4];
    let mut worlds = Vec::new();
    for size in sizes {
        worlds.push((size, World::fill(bench, &format!("growth-{size}"), size).await?));
    }
    let [small, large] = &worlds[..] else { bail!("two sizes") };
    let filled = [small, large].map(|(size, world)| (u64::from(*size), world.fill));
    let mut read = Vec::new();
    let mut folded = Vec::new();
    for (_, world) in &worlds {
        read.push((world.events, read_all(world.address(), true).await?.2));
        folded.push((world.events, rebuild(world.address(), "billing").await?.folded));
    }
    let how = format!("embedded; {} and {} events", count(small.1.events), count(large.1.events));
    Ok(vec![
        Row {
            how: format!(
                "{EMBEDDED}; {} and {} subscriptions, filled by one stream, until every read model has them",
                count(sizes[0].into()),
                count(sizes[1].into())
            ),
            ..grown("filling a ledger", "subscriptions and partners", filled)
        },
        Row { how: how.clone(), ..grown("replay over gRPC", "events", [read[0], read[1]]) },
        Row { how, ..grown("rebuilding billing", "events", [folded[0], folded[1]]) },
    ])
}

/// Commands on two ledgers, each with a setting and a world, measured in turn.
async fn of_commands(bench: &Bench, items: &str, ledgers: [(&str, &str); 2]) -> anyhow::Result<Row> {
    let mut spent = [(0, Duration::ZERO); 2];
    for turn in 0..2 * TURNS {
        let (setting, world) = ledgers[turn % 2];
        let name = format!("growth-{items}-{turn}");
        let a_second = bench.once(&name, &[setting], Some(world), &format!("{STREAMS} {world}")).await?;
        spent[turn % 2].0 += a_second;
        spent[turn % 2].1 += Duration::from_secs(1);
    }
    let [small, large] = ledgers.map(|(setting, world)| format!("{setting} {world}"));
    let how = format!("{EMBEDDED}; 4 streams, batches of 100; {small} and {large}");
    Ok(Row { how, ..grown("commands", items, spent) })
}
