//! The reader rule: which records of a partition are its history.
//!
//! A record is accepted only if its epoch is not older than the newest seen and its `seq` is the next. A new epoch begins with a
//! `WriterStarted`; the first of an epoch wins. Everything else is skipped and counted: a zombie's late append, a duplicate, the
//! loser of a race. Every reader applies this rule to the same records in the same order, so all agree.

use serde::{Deserialize, Serialize};
#[cfg(feature = "planted-bugs")]
use subledger_domain::planted;

/// What a reader knows of a partition so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The sequence number the next accepted commit must have.
    pub next_seq: u64,
    /// The newest epoch seen; 0 before the first writer.
    pub epoch: u64,
}

/// The outcome of the rule for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Part of the history.
    Accept,
    /// Not part of it.
    Skip(Skip),
}

/// Why a record is not part of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Its writer had been replaced: a zombie, or the loser of a race for an epoch.
    StaleEpoch,
    /// Its epoch did not begin with a `WriterStarted`.
    UnannouncedEpoch,
    /// It is not the next one: a duplicate, or a record after a hole.
    WrongSeq,
}

impl Admission {
    /// Applies the rule and, on acceptance, moves on.
    pub fn admit(&mut self, seq: u64, epoch: u64, writer_started: bool) -> Verdict {
        #[cfg(feature = "planted-bugs")]
        let epoch = if planted::has(planted::Bug::SkipEpochCheck) { epoch.max(self.epoch) } else { epoch };
        if epoch < self.epoch || (writer_started && epoch == self.epoch) {
            return Verdict::Skip(Skip::StaleEpoch);
        }
        if epoch > self.epoch && !writer_started {
            return Verdict::Skip(Skip::UnannouncedEpoch);
        }
        #[cfg(feature = "planted-bugs")]
        let seq = if planted::has(planted::Bug::SkipGapCheck) { self.next_seq } else { seq };
        if seq != self.next_seq {
            return Verdict::Skip(Skip::WrongSeq);
        }
        self.epoch = epoch;
        self.next_seq += 1;
        Verdict::Accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_writer_of_an_epoch_wins() {
        let mut a = Admission::default();
        assert_eq!(a.admit(0, 1, true), Verdict::Accept);
        assert_eq!(a.admit(1, 1, false), Verdict::Accept);
        assert_eq!(a.admit(2, 1, true), Verdict::Skip(Skip::StaleEpoch), "second start of the same epoch");
        assert_eq!(a.admit(2, 2, true), Verdict::Accept);
        assert_eq!(a.admit(3, 1, false), Verdict::Skip(Skip::StaleEpoch), "zombie with the right seq");
        assert_eq!(a.admit(3, 3, false), Verdict::Skip(Skip::UnannouncedEpoch));
        assert_eq!(a.admit(2, 2, false), Verdict::Skip(Skip::WrongSeq), "duplicate");
        assert_eq!(a.admit(4, 2, false), Verdict::Skip(Skip::WrongSeq), "hole");
        assert_eq!(a.admit(3, 2, false), Verdict::Accept);
        assert_eq!(a, Admission { next_seq: 4, epoch: 2 });
    }
}
