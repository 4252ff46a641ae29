//! Two axes of time: what was in effect on a business day, and what was recorded by some moment.
//!
//! A moment of recording is a set of positions, one for each partition: everything up to them was known. An instant stands for the last
//! commit of each partition that was recorded at or before it; every projection notes when each commit was recorded, so the same instant
//! gives the same positions in a live store, after a rebuild and in a replay.
//!
//! Table of times: key is the family (1 byte), the partition (2 bytes), microseconds since 1970 with the sign bit turned over (8 bytes) and
//! `seq` (8 bytes); no row.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use subledger_domain::position::{Family, PartitionId, Position};

use crate::{Changes, Key, KeyReader, Recorded, Rows, StoreError};

/// The first byte of the table of times, the same in every projection that has it.
pub const TIMES: u8 = 0xfe;
/// Moves instants before 1970 before those after.
const SIGN_BIT: u64 = 1 << 63;

/// By when something was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedBy {
    /// At or before this instant, UTC.
    Instant(DateTime<Utc>),
    /// Up to these commits, included; nothing of a partition that is not named.
    Positions(Vec<Position>),
}

/// How a question looks back; none looks at everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// What was in effect at the end of this business day, UTC.
    pub effective: Option<NaiveDate>,
    /// What was recorded.
    pub recorded: Option<RecordedBy>,
}

/// A look back, with an instant turned into positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Horizon {
    effective: Option<NaiveDate>,
    last: Option<BTreeMap<PartitionId, u64>>,
}

impl Horizon {
    /// Finds the positions that an instant stands for. Reads one or two keys for each partition.
    pub fn of(rows: &(impl Rows + ?Sized), as_of: &AsOf) -> Result<Self, StoreError> {
        let last = match &as_of.recorded {
            None => None,
            Some(RecordedBy::Positions(positions)) => {
                Some(positions.iter().map(|position| (position.partition, position.seq)).collect())
            }
            Some(RecordedBy::Instant(at)) => Some(recorded_by(rows, *at)?),
        };
        Ok(Self { effective: as_of.effective, last })
    }

    /// Whether it looks at everything.
    pub fn is_now(&self) -> bool {
        self.effective.is_none() && self.last.is_none()
    }

    /// Whether the commit was recorded by then.
    pub fn knows(&self, position: Position) -> bool {
        self.last.as_ref().is_none_or(|last| last.get(&position.partition).is_some_and(|last| position.seq <= *last))
    }

    /// The last commit of a partition that was recorded by then; none if nothing was. Without a bound, the largest number.
    pub fn last_of(&self, partition: PartitionId) -> Option<u64> {
        self.last.as_ref().map_or(Some(u64::MAX), |last| last.get(&partition).copied())
    }

    /// Whether the day had come.
    pub fn reaches(&self, day: NaiveDate) -> bool {
        self.effective.is_none_or(|effective| day <= effective)
    }

    /// The business day; none for no bound.
    pub fn effective(&self) -> Option<NaiveDate> {
        self.effective
    }

    /// The positions; none for no bound.
    pub fn positions(&self) -> Option<Vec<Position>> {
        let last = self.last.as_ref()?;
        Some(last.iter().map(|(&partition, &seq)| Position { partition, seq }).collect())
    }
}

/// Notes when a commit was recorded.
pub fn note(rows: &mut (impl Changes + ?Sized), commit: &Recorded<'_>) {
    let Position { partition, seq } = commit.position;
    rows.put(key(partition, commit.recorded_at).number(seq).build(), Vec::new());
}

fn partition_key(partition: PartitionId) -> Key {
    Key::table(TIMES).byte(family_code(partition.family)).u16(partition.index)
}

fn key(partition: PartitionId, at: DateTime<Utc>) -> Key {
    partition_key(partition).number(instant(at))
}

fn instant(at: DateTime<Utc>) -> u64 {
    at.timestamp_micros().cast_unsigned() ^ SIGN_BIT
}

/// A commit, and when it was recorded: as the key has it, for comparing.
fn read(key: &[u8]) -> Result<(Position, u64), StoreError> {
    let mut reader = KeyReader::table(TIMES, key)?;
    let code = reader.byte()?;
    let family = Family::ALL.into_iter().find(|family| family_code(*family) == code);
    let family = family.ok_or_else(|| StoreError(format!("a stored key is damaged: {code} is no family")))?;
    let partition = PartitionId::new(family, reader.u16()?);
    let at = reader.number()?;
    let seq = reader.number()?;
    reader.end()?;
    Ok((Position { partition, seq }, at))
}

/// From the last partition to the first: what is the last commit before a place among those of a partition, or else of one before it?
fn recorded_by(rows: &(impl Rows + ?Sized), at: DateTime<Utc>) -> Result<BTreeMap<PartitionId, u64>, StoreError> {
    let (table, until) = (Key::table(TIMES).build(), instant(at));
    let mut last = BTreeMap::new();
    let mut from = Vec::new();
    loop {
        let mut found = None;
        rows.scan(&table, &from, true, &mut |key, _| {
            found = Some(read(key)?);
            Ok(false)
        })?;
        let Some((Position { partition, seq }, recorded)) = found else { return Ok(last) };
        let mut next = Some(partition);
        if recorded <= until {
            last.insert(partition, seq);
            next = partition.index.checked_sub(1).map(|index| PartitionId::new(partition.family, index));
        }
        from = match next {
            Some(next) => partition_key(next).number(until).number(u64::MAX).build(),
            // Before all of the family.
            None => partition_key(partition).build(),
        };
    }
}

fn family_code(family: Family) -> u8 {
    match family {
        Family::Catalog => 0,
        Family::Customers => 1,
        Family::Partners => 2,
        Family::Access => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::Memory;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn commit(family: Family, index: u16, seq: u64, seconds: i64) -> Recorded<'static> {
        Recorded {
            position: Position { partition: PartitionId::new(family, index), seq },
            stream: "s",
            stream_version: 1,
            command_id: "c",
            effective_at: at(0),
            recorded_at: at(seconds),
            principal: "",
            channel: "",
            outcome: Ok(&[]),
        }
    }

    fn by(rows: &Memory, seconds: i64) -> Vec<String> {
        let as_of = AsOf { recorded: Some(RecordedBy::Instant(at(seconds))), ..AsOf::default() };
        let horizon = Horizon::of(rows, &as_of).unwrap();
        horizon.positions().unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_instant_stands_for_the_last_commit_of_each_partition() {
        let mut rows = Memory::default();
        for (family, index, seq, seconds) in [
            (Family::Customers, 0, 0, -5),
            (Family::Customers, 0, 1, 10),
            (Family::Customers, 0, 2, 10),
            (Family::Customers, 300, 0, 20),
            (Family::Partners, 0, 0, 15),
            (Family::Catalog, 0, 7, 11),
        ] {
            note(&mut rows, &commit(family, index, seq, seconds));
        }
        assert!(by(&rows, -6).is_empty());
        assert_eq!(by(&rows, -5), ["customers/0@0"]);
        assert_eq!(by(&rows, 9), ["customers/0@0"]);
        assert_eq!(by(&rows, 10), ["customers/0@2"]);
        assert_eq!(by(&rows, 15), ["catalog/0@7", "partners/0@0", "customers/0@2"]);
        assert_eq!(by(&rows, 99), ["catalog/0@7", "partners/0@0", "customers/0@2", "customers/300@0"]);
    }

    proptest! {
        #[test]
        fn an_instant_is_what_a_look_at_every_commit_finds(
            commits in prop::collection::vec((0..4_usize, prop_oneof![0..3_u16, Just(300)], -4..20_i64), 0..60),
            until in -6..22_i64,
        ) {
            let mut rows = Memory::default();
            let mut expected: BTreeMap<(u8, u16), (i64, u64)> = BTreeMap::new();
            for (seq, (family, index, seconds)) in (0..).zip(commits) {
                let family = Family::ALL[family];
                note(&mut rows, &commit(family, index, seq, seconds));
                if seconds <= until {
                    let last = expected.entry((family_code(family), index)).or_insert((seconds, seq));
                    *last = (*last).max((seconds, seq));
                }
            }
            let found = recorded_by(&rows, at(until)).unwrap();
            let found: BTreeMap<_, _> =
                found.iter().map(|(partition, seq)| ((family_code(partition.family), partition.index), *seq)).collect();
            prop_assert_eq!(found, expected.into_iter().map(|(key, (_, seq))| (key, seq)).collect());
        }
    }

    #[test]
    fn positions_bound_what_is_known_and_days_what_is_in_effect() {
        let partition = PartitionId::new(Family::Customers, 1);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let as_of = AsOf {
            effective: Some(day("2018-02-28")),
            recorded: Some(RecordedBy::Positions(vec![Position { partition, seq: 4 }])),
        };
        let horizon = Horizon::of(&Memory::default(), &as_of).unwrap();
        assert!(horizon.knows(Position { partition, seq: 4 }) && !horizon.knows(Position { partition, seq: 5 }));
        assert!(!horizon.knows(Position { partition: PartitionId::CATALOG, seq: 0 }), "not named: nothing of it");
        assert!(horizon.reaches(day("2018-02-28")) && !horizon.reaches(day("2018-03-01")));
        let now = Horizon::of(&Memory::default(), &AsOf::default()).unwrap();
        assert!(now.is_now() && now.knows(Position { partition, seq: u64::MAX }) && now.reaches(NaiveDate::MAX));
    }
}
