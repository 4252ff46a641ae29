//! What can go wrong, and how often.

use bytes::Bytes;
use chrono::DateTime;

use crate::{Actor, Body, Commit, PartitionId, Position, codec};

use super::SplitMix64;

/// Most appends that a late write lets pass.
const LATE_APPENDS_MAX: usize = 5;

/// Chances in a thousand. Those of an append exclude each other; their sum is at most 1,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimFaults {
    /// An append is written, but its outcome is unknown.
    pub lost_acknowledgement: u16,
    /// An append is not written, and its outcome is unknown.
    pub lost_request: u16,
    /// An append's outcome is unknown, and it lands after others.
    pub late: u16,
    /// An append is written twice.
    pub duplicate: u16,
    /// Only the first records of an append are written, and its outcome is unknown.
    pub torn: u16,
    /// An append is not written, and says so.
    pub not_written: u16,
    /// A record of an epoch that is none stands in an append's way.
    pub garbage: u16,
    /// A reader gets nothing although there is something.
    pub reader_delay: u16,
    /// A reader begins with any of its partitions, and gets a few records only.
    pub reader_mixes: u16,
}

impl SimFaults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        lost_acknowledgement: 0,
        lost_request: 0,
        late: 0,
        duplicate: 0,
        torn: 0,
        not_written: 0,
        garbage: 0,
        reader_delay: 0,
        reader_mixes: 0,
    };

    /// About half of all appends go wrong.
    pub const HOSTILE: Self = Self {
        lost_acknowledgement: 80,
        lost_request: 60,
        late: 120,
        duplicate: 60,
        torn: 80,
        not_written: 60,
        garbage: 60,
        reader_delay: 200,
        reader_mixes: 0,
    };

    /// Decides about an append of `count` records.
    pub(super) fn fate(&self, random: &mut SplitMix64, count: usize) -> Fate {
        let mut roll = random.below(1_000);
        let mut hit = |chance: u16| {
            let hit = roll < usize::from(chance);
            roll = roll.wrapping_sub(usize::from(chance));
            hit
        };
        if hit(self.lost_acknowledgement) {
            Fate::LostAcknowledgement
        } else if hit(self.lost_request) {
            Fate::LostRequest
        } else if hit(self.late) {
            Fate::Late { appends: random.below(LATE_APPENDS_MAX) }
        } else if hit(self.duplicate) {
            Fate::Duplicated
        } else if hit(self.torn) {
            Fate::Torn { kept: random.below(count) }
        } else if hit(self.not_written) {
            Fate::NotWritten
        } else {
            Fate::Written
        }
    }
}

/// What becomes of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Written,
    LostAcknowledgement,
    LostRequest,
    Late { appends: usize },
    Duplicated,
    Torn { kept: usize },
    NotWritten,
}

/// A write under way: it lands after so many further appends to its partition.
pub(super) struct Late {
    pub(super) partition: PartitionId,
    pub(super) records: Vec<Bytes>,
    pub(super) appends: usize,
}

/// A commit that reads well and belongs to nobody: of an epoch long gone, or one that was never announced.
pub(super) fn garbage(random: &mut SplitMix64, partition: PartitionId) -> Bytes {
    let epoch = if random.chance(500) { 0 } else { u64::MAX };
    let at = DateTime::from_timestamp(1_517_400_000, 0).unwrap_or_default();
    codec::encode(&Commit {
        position: Position { partition, seq: random.next_u64() % 64 },
        epoch,
        command_id: format!("garbage-{}", random.next_u64()),
        command: Bytes::new(),
        stream: "c-1".into(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        recorded_at: at,
        effective_at: at,
        actor: Actor { principal: "sim".into(), channel: "sim".into() },
        body: Body::Accepted(Vec::new()),
        previous_root: None,
        source: None,
    })
    .into()
}
