//! How much of each partition belongs to a moment: a prefix of each, and nothing in one that was decided after what another leaves out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use subledger_log::{Commit, PartitionId, Position};

use super::Until;
use crate::client::{
    Failure,
    export::needs,
    verify::{Export, records::Records},
};

/// Records of each partition.
pub(super) type Sizes = BTreeMap<PartitionId, u64>;

/// The whole backup, or what belongs to the moment.
pub(super) fn sizes(backup: &Export, until: Option<&Until>) -> Result<Sizes, Failure> {
    let mut sizes: Sizes = backup.partitions.iter().map(|part| (part.partition, part.size)).collect();
    let bound = match until {
        None => None,
        Some(Until::Instant(at)) => Some(*at),
        Some(Until::Position(position)) => {
            let at = recorded_at(backup, *position, &sizes)?;
            sizes.insert(position.partition, position.seq + 1);
            Some(at)
        }
    };
    if let Some(bound) = bound {
        for (partition, size) in &mut sizes {
            *size = first(backup, *partition, *size, |commit| commit.recorded_at > bound)?;
        }
    }
    while close(backup, &mut sizes)? {
        if until.is_none() {
            let text = "error: the partitions of the folder are not of one moment: something in one was decided after what another does not \
                        have; make it with `subledger backup`, or restore an earlier moment with --until";
            return Err(Failure::Differs(text.to_owned()));
        }
    }
    if sizes.values().all(|size| *size == 0) {
        return Err(Failure::Usage("--until: nothing was recorded by then".to_owned()));
    }
    Ok(sizes)
}

/// Leaves out what was decided after something that is left out. Says whether there was any.
fn close(backup: &Export, sizes: &mut Sizes) -> Result<bool, Failure> {
    let mut changed = false;
    for part in &backup.partitions {
        let known = sizes.clone();
        let is_missing = |needed: Position| known.get(&needed.partition).is_none_or(|size| needed.seq >= *size);
        let size = known[&part.partition];
        let closed = first(backup, part.partition, size, |commit| needs(commit).any(is_missing))?;
        changed |= closed < size;
        sizes.insert(part.partition, closed);
    }
    Ok(changed)
}

/// The number of the first of `size` commits that is so; `size` if none is.
fn first(backup: &Export, partition: PartitionId, size: u64, is_so: impl Fn(&Commit) -> bool) -> Result<u64, Failure> {
    let bad = |found| Failure::Differs(format!("BAD: {found}"));
    let mut records = Records::open(backup, partition).map_err(bad)?;
    for seq in 0..size {
        let Some(record) = records.next().map_err(bad)? else { return Ok(seq) };
        if is_so(&records.decode(&record).map_err(bad)?) {
            return Ok(seq);
        }
    }
    Ok(size)
}

fn recorded_at(backup: &Export, position: Position, sizes: &Sizes) -> Result<DateTime<Utc>, Failure> {
    let missing = || {
        let size = sizes.get(&position.partition).copied().unwrap_or_default();
        Failure::Usage(format!(
            "--until: the backup has no {position}; it has {size} records of {}",
            position.partition
        ))
    };
    let bad = |found| Failure::Differs(format!("BAD: {found}"));
    if !sizes.contains_key(&position.partition) {
        return Err(missing());
    }
    let mut records = Records::open(backup, position.partition).map_err(bad)?;
    while let Some(record) = records.next().map_err(bad)? {
        let commit = records.decode(&record).map_err(bad)?;
        if commit.position == position {
            return Ok(commit.recorded_at);
        }
    }
    Err(missing())
}
