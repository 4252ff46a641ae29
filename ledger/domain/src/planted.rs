//! Bugs planted on purpose, to see whether the simulation of faults finds them. Only with the feature `planted-bugs`, which no build
//! for use has; and of a build that has it, one bug at a time, on the thread that asked for it.

use std::cell::Cell;

/// A bug: one line that is wrong, or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Readers accept the records of a writer that was replaced.
    SkipEpochCheck,
    /// Readers accept a record that is not the next one.
    SkipGapCheck,
    /// An append whose outcome is unknown counts as written.
    AcknowledgeBeforeDisk,
    /// A block that landed elsewhere than expected counts as part of the history.
    IgnoreInterleaving,
    /// A command id gets the outcome recorded for another content.
    ReuseOutcomeOfOtherContent,
    /// The ids of commands read from the log are not remembered.
    ForgetIdsOnRestore,
    /// The offset a command came from is not remembered.
    LoseSourceOffset,
    /// After a block that went wrong, the state still has what it decided.
    KeepStateOfLostBlock,
    /// A snapshot is taken before the block in it is in the log.
    SnapshotBeforeFlush,
    /// A customer that is packed away comes back as nobody.
    ForgetPackedCustomer,
    /// What is due is decided twice.
    DoubleTimer,
    /// The day to close is chosen before it is read what another writer closed.
    ChooseDayBeforeClaim,
    /// A day is marked although not everything due is decided.
    MarkDayEarly,
    /// A command is decided before what a closed day made due.
    SkipSettling,
    /// An expected version is not compared.
    IgnoreExpectedVersion,
    /// A late fact is charged into a day that is closed.
    ChargeClosedDay,
    /// Rows are stored with the checkpoint before them.
    ForgetCheckpoint,
    /// After a restart, the last commit of each partition is folded again.
    FoldAgainAfterRestart,
    /// An invoice is due when the first partition has marked its day.
    InvoiceBeforeAllMarkers,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 19] = [
        Self::SkipEpochCheck,
        Self::SkipGapCheck,
        Self::AcknowledgeBeforeDisk,
        Self::IgnoreInterleaving,
        Self::ReuseOutcomeOfOtherContent,
        Self::ForgetIdsOnRestore,
        Self::LoseSourceOffset,
        Self::KeepStateOfLostBlock,
        Self::SnapshotBeforeFlush,
        Self::ForgetPackedCustomer,
        Self::DoubleTimer,
        Self::ChooseDayBeforeClaim,
        Self::MarkDayEarly,
        Self::SkipSettling,
        Self::IgnoreExpectedVersion,
        Self::ChargeClosedDay,
        Self::ForgetCheckpoint,
        Self::FoldAgainAfterRestart,
        Self::InvoiceBeforeAllMarkers,
    ];
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug on this thread, or with none digs it out.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted on this thread.
pub fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
