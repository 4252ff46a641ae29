//! A ledger with many subscriptions, and what is asked of all of it.

use std::time::{Duration, Instant};

use anyhow::bail;
use subledger_proto::api::{ReadEventsRequest, RebuildProjectionRequest, rebuild_projection_response::Step};

use super::tools::{Bench, disk_bytes, ledger, load, settled};
use crate::{client::Client, process::Serve};

/// A ledger that was filled, settled, stopped and started again.
pub(super) struct World {
    pub(super) ledger: Serve,
    /// Until every read model had all of it.
    pub(super) fill: Duration,
    pub(super) commits: u64,
    pub(super) events: u64,
    pub(super) resident_kib: u64,
    pub(super) disk_bytes: u64,
}

impl World {
    /// Fills one.
    pub(super) async fn fill(bench: &Bench, name: &str, subscriptions: u32) -> anyhow::Result<Self> {
        let dir = bench.dir.join(name);
        let mut served = ledger(&dir, &[]).await?;
        let partners = (subscriptions / 1_000).max(1);
        let filling = load(
            &served.address,
            &format!("--subscriptions {subscriptions} --each 10 --partners {partners} --seconds 0"),
        )?;
        let filled = Instant::now();
        let commits = settled(&served.address).await?;
        let fill = filling.filled() + filled.elapsed();
        let resident_kib = served.process.resident_kib()?;
        let (_, events, _) = read_all(&served.address, false).await?;
        served.process.stop()?;
        let disk_bytes = disk_bytes(&dir)?;
        Ok(Self { ledger: ledger(&dir, &[]).await?, fill, commits, events, resident_kib, disk_bytes })
    }

    /// Where it answers.
    pub(super) fn address(&self) -> &str {
        &self.ledger.address
    }
}

/// Reads the whole log as a consumer does: records, events (only if decoded), the time.
pub(super) async fn read_all(address: &str, bytes_only: bool) -> anyhow::Result<(u64, u64, Duration)> {
    let mut client = Client::connect(address).await?;
    let began = Instant::now();
    let request = ReadEventsRequest { bytes_only, ..ReadEventsRequest::default() };
    let mut stream = client.audit.read_events(request).await?.into_inner();
    let (mut records, mut events) = (0, 0);
    while let Some(message) = stream.message().await? {
        records += message.records.len() as u64;
        events += message
            .records
            .iter()
            .filter_map(|record| record.commit.as_ref())
            .map(|commit| commit.events.len() as u64)
            .sum::<u64>();
    }
    Ok((records, events, began.elapsed()))
}

/// How long a rebuild of a read model takes, by its own clock.
pub(super) struct Rebuilt {
    /// Until all is folded and written.
    pub(super) folded: Duration,
    /// Until every row is compared, too.
    pub(super) all: Duration,
}

/// Folds a read model anew, beside the one that is served.
pub(super) async fn rebuild(address: &str, name: &str) -> anyhow::Result<Rebuilt> {
    let mut client = Client::connect(address).await?;
    let request = RebuildProjectionRequest { name: name.to_owned(), check_only: true };
    let mut steps = client.admin.rebuild_projection(request).await?.into_inner();
    while let Some(answer) = steps.message().await? {
        if let Some(Step::Result(result)) = answer.step {
            let [folded, all] = [result.folded_millis, result.elapsed_millis].map(Duration::from_millis);
            return Ok(Rebuilt { folded, all });
        }
    }
    bail!("the rebuild of {name} ended without a result")
}
