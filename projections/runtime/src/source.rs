//! Where a pump has its commits from: it reads when it has none left, or another thread reads ahead of it.

use std::{
    collections::BTreeMap,
    io,
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use subledger_log::{Accepted, Cursor, Follower, PartitionId, ReadError};

/// Reads that wait to be folded, besides the one that is under way.
const READS_AHEAD: usize = 1;

type Cursors = BTreeMap<PartitionId, Cursor>;
type Read = Result<(Vec<Accepted>, Cursors), ReadError>;

/// Accepted commits, in the order of their partitions.
pub(crate) enum Source {
    /// Read when they are wanted.
    Here(Follower),
    /// Read before they are wanted.
    Ahead(ReadAhead),
}

impl Source {
    /// The next commits; may be none. Waits up to `wait` for them; one that reads ahead waits as long as it was told when it began.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Vec<Accepted>, ReadError> {
        match self {
            Self::Here(follower) => follower.next(wait),
            Self::Ahead(reader) => reader.next(),
        }
    }

    /// Where it stands after what it gave.
    pub(crate) fn cursors(&self) -> &Cursors {
        match self {
            Self::Here(follower) => follower.cursors(),
            Self::Ahead(reader) => &reader.cursors,
        }
    }
}

/// Reads and decodes on a thread of its own while what was read before is folded. Dropping it waits for the read that is under way.
pub(crate) struct ReadAhead {
    reads: Option<Receiver<Read>>,
    cursors: Cursors,
    thread: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Reads on from where the follower stands; each read waits up to `idle` for news.
    pub(crate) fn start(follower: Follower, idle: Duration) -> io::Result<Self> {
        let (sender, reads) = mpsc::sync_channel(READS_AHEAD);
        let cursors = follower.cursors().clone();
        let reading = move || read(follower, idle, &sender);
        let thread = thread::Builder::new().name("read-ahead".into()).spawn(reading)?;
        Ok(Self { reads: Some(reads), cursors, thread: Some(thread) })
    }

    fn next(&mut self) -> Result<Vec<Accepted>, ReadError> {
        let read = self.reads.as_ref().and_then(|reads| reads.recv().ok());
        let (commits, cursors) = read.unwrap_or_else(|| {
            Err(ReadError::Unavailable { place: "the log".into(), source: "the thread that read it is gone".into() })
        })?;
        self.cursors = cursors;
        Ok(commits)
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.reads = None;
        if let Some(thread) = self.thread.take() {
            // A panic of it was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Until nobody wants more, or a read fails. Where nothing is left it says so at once, and only then waits for news.
fn read(mut follower: Follower, idle: Duration, sender: &SyncSender<Read>) {
    let mut wait = Duration::ZERO;
    loop {
        let read = follower.next(wait).map(|commits| (commits, follower.cursors().clone()));
        wait = if read.as_ref().is_ok_and(|(commits, _)| commits.is_empty()) { idle } else { Duration::ZERO };
        let failed = read.is_err();
        if sender.send(read).is_err() || failed {
            return;
        }
    }
}
