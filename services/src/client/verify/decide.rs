//! Deciding every command again, with the state and the reference data that it met.

use std::collections::BTreeMap;

use subledger_domain::Reference;
use subledger_log::{Body, Commit, Family, PartitionId, Position};
use subledger_writer::{Repeated, Replay};

use super::{Export, Listed, bad::Bad, records::Records};
use crate::client::meter::Meter;

/// What came of deciding again.
#[derive(Default)]
pub(super) struct Decisions {
    /// Repeated, and the same.
    pub(super) repeated: u64,
    /// Refused for names that cannot be read here.
    pub(super) rest_on_names: u64,
}

/// Decides the commands of a partition again.
pub(super) fn check(export: &Export, part: Listed, meter: &Meter) -> Result<Decisions, Bad> {
    let mut records = Records::open(export, part.partition)?;
    let mut replay = Replay::new(export.layout, part.partition);
    let mut history = History::new(export);
    let mut decisions = Decisions::default();
    while let Some(record) = records.next()? {
        let commit = records.decode(&record)?;
        let seq = commit.position.seq;
        if !matches!(part.partition.family, Family::Catalog | Family::Access) && !commit.is_writer_started() {
            history.go_to(&commit).map_err(|what| records.bad(record.offset, what).seq(seq))?;
        }
        let decided = replay.check(&commit, &history.reference);
        match decided.map_err(|difference| records.bad(record.offset, difference.to_string()).seq(seq))? {
            Repeated::RestsOnNames => decisions.rest_on_names += 1,
            Repeated::AsRecorded => decisions.repeated += u64::from(!commit.is_writer_started()),
        }
        meter.step();
    }
    Ok(decisions)
}

/// The catalog and all partners as of any positions, by reading on; backwards by beginning again.
struct History<'a> {
    export: &'a Export,
    reference: Reference,
    places: BTreeMap<PartitionId, (Records, u64)>,
}

impl<'a> History<'a> {
    fn new(export: &'a Export) -> Self {
        Self { export, reference: Reference::default(), places: BTreeMap::new() }
    }

    /// Goes to where a commit was decided.
    fn go_to(&mut self, commit: &Commit) -> Result<(), String> {
        let wanted: BTreeMap<PartitionId, u64> =
            commit.decided_against.iter().map(|Position { partition, seq }| (*partition, seq + 1)).collect();
        // A commit that does not name partners was decided without a look at them.
        let is_back = |(partition, (_, next)): (&PartitionId, &(Records, u64))| {
            wanted.get(partition).is_some_and(|wanted| wanted < next)
        };
        if self.places.iter().any(is_back) {
            *self = Self::new(self.export);
        }
        wanted.into_iter().try_for_each(|(partition, next)| self.advance(partition, next))
    }

    fn advance(&mut self, partition: PartitionId, until: u64) -> Result<(), String> {
        if matches!(partition.family, Family::Customers | Family::Access) || !self.export.layout.contains(partition) {
            return Err(format!("it was decided against {partition}, which no decision refers to"));
        }
        let (records, next) = match self.places.entry(partition) {
            std::collections::btree_map::Entry::Occupied(place) => place.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let records = Records::open(self.export, partition).map_err(|bad| bad.to_string())?;
                place.insert((records, 0))
            }
        };
        while *next < until {
            let record = records.next().map_err(|bad| bad.to_string())?;
            let record = record
                .ok_or_else(|| format!("it was decided against {partition}@{}, which is not there", until - 1))?;
            let commit = records.decode(&record).map_err(|bad| bad.to_string())?;
            if let Body::Accepted(events) = &commit.body {
                for event in events {
                    match partition.family {
                        Family::Catalog => self.reference.catalog.evolve(event),
                        _ => self.reference.partners.evolve(event),
                    }
                }
            }
            *next += 1;
        }
        Ok(())
    }
}
