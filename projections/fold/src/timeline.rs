//! What a thing was on every day, as it was known at every commit of its partition.
//!
//! A commit changes a thing from a day on. The state on a day is what the commits that take effect by then made of it, in the order of the
//! log; so a commit that is recorded late changes the states of later days too, and a question for both times is one row: the state that
//! the last commit recorded by then left for the last day that had come.
//!
//! Two tables, whose keys begin as the caller says. States: day (4 bytes), `seq` (8 bytes) -> the state. Reach: the row of the largest
//! number says how far the states reach now; every [`MARK_EVERY`] states `seq` (8 bytes) -> the last day that had a state after that commit,
//! so that a look back need not pass all that came later.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use subledger_domain::{compact, position::Position};

use crate::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon, decode};

/// Where the row of now stands in the table of reach.
const NOW: u64 = u64::MAX;

/// States after which it is marked how far they reach.
const MARK_EVERY: u32 = 16;

/// How far a thing reaches now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reach {
    /// The last day from which something holds.
    #[serde(with = "compact::date")]
    day: NaiveDate,
    /// The last commit.
    position: Position,
    /// States since the last mark; none if the last commit has one.
    unmarked: u32,
}

/// How far a thing reached after a commit.
#[derive(Serialize, Deserialize)]
struct Marked(#[serde(with = "compact::date")] NaiveDate);

/// One thing's states.
#[derive(Clone, Debug)]
pub struct Timeline {
    states: Key,
    reach: Key,
}

impl Timeline {
    /// With the beginnings of the keys of its states and of its reach; neither may begin another thing's keys.
    pub fn new(states: Key, reach: Key) -> Self {
        Self { states, reach }
    }

    fn now(&self, rows: &(impl Rows + ?Sized)) -> Result<Option<Reach>, StoreError> {
        crate::get(rows, &self.reach.clone().number(NOW).build())
    }

    fn state_key(&self, day: NaiveDate, seq: u64) -> Vec<u8> {
        self.states.clone().date(day).number(seq).build()
    }

    /// Reads day and `seq` of a state's key.
    fn read(&self, key: &[u8]) -> Result<(NaiveDate, u64), StoreError> {
        let mut reader = KeyReader::after(&self.states.clone().build(), key)?;
        let parts = (reader.date()?, reader.number()?);
        reader.end()?;
        Ok(parts)
    }

    /// Whether something holds already from a day after this one.
    pub fn is_late(&self, rows: &(impl Rows + ?Sized), day: NaiveDate) -> Result<bool, StoreError> {
        Ok(self.now(rows)?.is_some_and(|now| day < now.day))
    }

    /// The states that a change from `day` on changes: that of the day itself, if the thing was there, and that of each later day from
    /// which something holds.
    pub fn from_day<T: DeserializeOwned>(
        &self,
        rows: &(impl Rows + ?Sized),
        day: NaiveDate,
    ) -> Result<Vec<(NaiveDate, T)>, StoreError> {
        let prefix = self.states.clone().build();
        let mut found: Vec<(NaiveDate, T)> = Vec::new();
        rows.scan(&prefix, &self.state_key(day, u64::MAX), true, &mut |_, row| {
            found.push((day, decode(row)?));
            Ok(false)
        })?;
        let Some(after) = day.succ_opt() else { return Ok(found) };
        rows.scan(&prefix, &self.state_key(after, 0), false, &mut |key, row| {
            let (on, _) = self.read(key)?;
            // The last commit of a day says what holds.
            if found.last().is_some_and(|(last, _)| *last == on) {
                found.pop();
            }
            found.push((on, decode(row)?));
            Ok(true)
        })?;
        Ok(found)
    }

    /// Sets what holds from a day on, until the next day that has a state: the state, encoded.
    pub fn put(
        &self,
        rows: &mut (impl Changes + ?Sized),
        day: NaiveDate,
        position: Position,
        state: Vec<u8>,
    ) -> Result<(), StoreError> {
        let now = self.now(rows)?;
        self.put_over(rows, now, day, position, state)
    }

    /// [`Self::put`] of a thing that has no state yet.
    pub fn begin(
        &self,
        rows: &mut (impl Changes + ?Sized),
        day: NaiveDate,
        position: Position,
        state: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.put_over(rows, None, day, position, state)
    }

    /// [`Self::put`], unless something holds already from a later day ([`Self::is_late`]): then it is false, and nothing is set.
    pub fn put_in_order(
        &self,
        rows: &mut (impl Changes + ?Sized),
        day: NaiveDate,
        position: Position,
        state: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let now = self.now(rows)?;
        if now.is_some_and(|now| day < now.day) {
            return Ok(false);
        }
        self.put_over(rows, now, day, position, state).map(|()| true)
    }

    fn put_over(
        &self,
        rows: &mut (impl Changes + ?Sized),
        now: Option<Reach>,
        day: NaiveDate,
        position: Position,
        state: Vec<u8>,
    ) -> Result<(), StoreError> {
        let reached = now.map_or(day, |now| day.max(now.day));
        let unmarked = now.map_or(0, |now| now.unmarked) + 1;
        // A commit that has a mark may reach further with another state.
        let marked_before = now.is_some_and(|now| now.unmarked == 0 && now.position == position);
        let is_marked = marked_before || unmarked >= MARK_EVERY;
        if is_marked {
            crate::put(rows, self.reach.clone().number(position.seq).build(), &Marked(reached))?;
        }
        let now = Reach { day: reached, position, unmarked: if is_marked { 0 } else { unmarked } };
        crate::put(rows, self.reach.clone().number(NOW).build(), &now)?;
        rows.put(self.state_key(day, position.seq), state);
        Ok(())
    }

    /// What it was then; none before it was there. Reads two to four rows, up to [`MARK_EVERY`] that came later, and those of commits that
    /// were recorded late.
    pub fn at<T: DeserializeOwned>(
        &self,
        rows: &(impl Rows + ?Sized),
        horizon: &Horizon,
    ) -> Result<Option<T>, StoreError> {
        let Some(now) = self.now(rows)? else { return Ok(None) };
        let Some(last) = horizon.last_of(now.position.partition) else { return Ok(None) };
        let day = if last >= now.position.seq { now.day } else { self.marked_after(rows, last)?.unwrap_or(now.day) };
        let day = horizon.effective().map_or(day, |effective| effective.min(day));
        // Most things have not changed since, and were last changed in order: then the last state is where the last commit put it.
        if day == now.day
            && last >= now.position.seq
            && let Some(state) = crate::get(rows, &self.state_key(day, now.position.seq))?
        {
            return Ok(Some(state));
        }
        let mut found = None;
        rows.scan(&self.states.clone().build(), &self.state_key(day, last), true, &mut |key, row| {
            let (_, seq) = self.read(key)?;
            if seq <= last {
                found = Some(decode(row)?);
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// The commits of one of the two moments and not of the other that changed the thing. `mark` gives equal marks to states between which
    /// nothing changed that counts. Reads every state of the thing.
    pub fn between(
        &self,
        rows: &(impl Rows + ?Sized),
        from: &Horizon,
        to: &Horizon,
        mark: impl Fn(&[u8]) -> Result<u64, StoreError>,
    ) -> Result<Vec<Position>, StoreError> {
        let Some(now) = self.now(rows)? else { return Ok(Vec::new()) };
        let partition = now.position.partition;
        let mut seen: Vec<(u64, u64)> = Vec::new();
        let mut found = BTreeSet::new();
        rows.scan(&self.states.clone().build(), &[], false, &mut |key, row| {
            let (day, seq) = self.read(key)?;
            let position = Position { partition, seq };
            let mark = mark(row)?;
            // What a later commit made of an earlier day is not what this one found.
            let before = seen.iter().rev().find(|(other, _)| *other < seq);
            let changed = before.is_none_or(|(_, before)| *before != mark);
            let in_view = |horizon: &Horizon| horizon.reaches(day) && horizon.knows(position);
            if changed && in_view(from) != in_view(to) {
                found.insert(seq);
            }
            seen.push((seq, mark));
            Ok(true)
        })?;
        Ok(found.into_iter().map(|seq| Position { partition, seq }).collect())
    }

    /// How far it reached at the first mark from a commit on, which is not less than it reached at that commit; none if there is no mark.
    fn marked_after(&self, rows: &(impl Rows + ?Sized), seq: u64) -> Result<Option<NaiveDate>, StoreError> {
        let now = self.reach.clone().number(NOW).build();
        let mut found = None;
        rows.scan(&self.reach.clone().build(), &self.reach.clone().number(seq).build(), false, &mut |key, row| {
            if key != now {
                found = Some(decode::<Marked>(row)?.0);
            }
            Ok(false)
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use subledger_domain::position::{Family, PartitionId};

    use super::*;
    use crate::{
        as_of::{AsOf, RecordedBy},
        memory::Memory,
    };

    const PARTITION: PartitionId = PartitionId::new(Family::Customers, 3);

    fn day(number: u8) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(736_000 + i32::from(number)).unwrap()
    }

    fn timeline(thing: &str) -> Timeline {
        Timeline::new(Key::table(1).text(thing), Key::table(2).text(thing))
    }

    /// Appends a letter from a day on.
    fn append(rows: &mut Memory, thing: &str, on: u8, seq: u64, letter: char) {
        let timeline = timeline(thing);
        let (position, mut states) =
            (Position { partition: PARTITION, seq }, timeline.from_day::<String>(rows, day(on)).unwrap());
        if states.first().is_none_or(|(first, _)| *first != day(on)) {
            states.insert(0, (day(on), String::new()));
        }
        for (day, mut state) in states {
            state.push(letter);
            timeline.put(rows, day, position, crate::encode(&state).unwrap()).unwrap();
        }
    }

    fn at(rows: &Memory, thing: &str, effective: Option<u8>, last: Option<u64>) -> Option<String> {
        let recorded = last.map(|seq| RecordedBy::Positions(vec![Position { partition: PARTITION, seq }]));
        let as_of = AsOf { effective: effective.map(day), recorded };
        timeline(thing).at(rows, &Horizon::of(rows, &as_of).unwrap()).unwrap()
    }

    #[test]
    fn a_late_fact_changes_the_days_after_it_from_then_on() {
        let mut rows = Memory::default();
        append(&mut rows, "x", 10, 5, 'a');
        append(&mut rows, "x", 20, 6, 'b');
        assert!(timeline("x").is_late(&rows, day(15)).unwrap() && !timeline("x").is_late(&rows, day(20)).unwrap());
        append(&mut rows, "x", 15, 9, 'c');
        let text = |effective, last| at(&rows, "x", effective, last).unwrap_or_default();
        assert_eq!(text(None, None), "abc");
        assert_eq!(
            (text(Some(14), None), text(Some(15), None), text(Some(20), None)),
            ("a".into(), "ac".into(), "abc".into())
        );
        assert_eq!((text(Some(15), Some(8)), text(Some(99), Some(8))), ("a".into(), "ab".into()));
        assert_eq!((text(Some(9), None), text(None, Some(4))), (String::new(), String::new()));
        assert_eq!(at(&rows, "y", None, None), None);
        let other = RecordedBy::Positions(vec![Position { partition: PartitionId::CATALOG, seq: 99 }]);
        let horizon = Horizon::of(&rows, &AsOf { effective: None, recorded: Some(other) }).unwrap();
        assert_eq!(timeline("x").at::<String>(&rows, &horizon).unwrap(), None, "its partition is not named");
    }

    #[test]
    fn commits_between_two_moments_are_those_that_one_of_them_does_not_have() {
        let mut rows = Memory::default();
        append(&mut rows, "x", 10, 5, 'a');
        append(&mut rows, "x", 20, 6, 'b');
        append(&mut rows, "x", 15, 9, 'c');
        let horizon = |effective: Option<u8>, last: Option<u64>| {
            let recorded = last.map(|seq| RecordedBy::Positions(vec![Position { partition: PARTITION, seq }]));
            Horizon::of(&rows, &AsOf { effective: effective.map(day), recorded }).unwrap()
        };
        let between = |from: &Horizon, to: &Horizon, mark: fn(&[u8]) -> Result<u64, StoreError>| {
            let found = timeline("x").between(&rows, from, to, mark).unwrap();
            found.iter().map(|position| position.seq).collect::<Vec<_>>()
        };
        let length: fn(&[u8]) -> Result<u64, StoreError> = |row| Ok(row.len() as u64);
        let all = horizon(None, None);
        assert_eq!(between(&horizon(Some(15), Some(6)), &horizon(Some(15), None), length), [9]);
        assert_eq!(between(&horizon(None, Some(5)), &all, length), [6, 9]);
        assert_eq!(between(&all, &horizon(Some(14), None), length), [6, 9]);
        assert_eq!(between(&horizon(Some(9), None), &horizon(Some(14), Some(6)), length), [5]);
        assert!(between(&all, &all, length).is_empty());
        // What changes nothing that counts is no cause but where it all begins.
        assert_eq!(between(&horizon(Some(9), None), &all, |_| Ok(0)), [5]);
    }

    proptest! {
        #[test]
        fn it_is_a_replay_of_what_was_known_and_in_effect(
            steps in prop::collection::vec((0..2_usize, 0..30_u8, 0..4_u64), 0..120),
            effective in prop::option::of(0..32_u8),
            last in prop::option::of(0..200_u64),
        ) {
            let mut rows = Memory::default();
            let (mut seq, mut log) = (0, Vec::new());
            for (letter, (thing, on, gap)) in ('a'..='z').cycle().zip(steps) {
                seq += gap;
                let thing = ["x", "xx"][thing];
                append(&mut rows, thing, on, seq, letter);
                log.push((thing, on, seq, letter));
            }
            let mut expected: BTreeMap<&str, String> = BTreeMap::new();
            for (thing, on, seq, letter) in log {
                if effective.is_none_or(|effective| on <= effective) && last.is_none_or(|last| seq <= last) {
                    expected.entry(thing).or_default().push(letter);
                }
            }
            for thing in ["x", "xx"] {
                prop_assert_eq!(at(&rows, thing, effective, last), expected.get(thing).cloned());
            }
        }
    }
}
