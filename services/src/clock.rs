//! Where the time comes from: the wall, or a clock moved by hand. Nothing below `services` looks at a clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use subledger_domain::Command;
use subledger_writer::{Clock, ReferenceFollower, Submission};

/// How the commands of a ledger's own clock come.
const CHANNEL: &str = "clock";

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge: the only place that looks at the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock of the ledger's own: the last second of the first business day that is still open. It moves when a day is closed, never by
/// itself, and is restored from the log like everything else. The last second, because a command may take effect at any time of the
/// open day, and nothing is recorded before it takes effect. The command that closes a day is what moves it: then it is midnight, because
/// no day closes before it is over.
pub(crate) struct TestClock {
    reference: Arc<ReferenceFollower>,
    start: NaiveDate,
    /// It is this late at least: the midnight after the last day that it was told to close, in seconds.
    midnight: AtomicI64,
}

impl TestClock {
    /// A clock that begins on `start`, or after the last closed day if there is one.
    pub(crate) fn new(reference: Arc<ReferenceFollower>, start: NaiveDate) -> Self {
        Self { reference, start, midnight: AtomicI64::new(i64::MIN) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let closed = self.reference.view().reference.catalog.last_closed();
        let open = closed.and_then(|day| day.succ_opt()).map_or(self.start, |open| open.max(self.start));
        let midnight = DateTime::from_timestamp(self.midnight.load(Ordering::Relaxed), 0);
        midnight.map_or(last_second(open), |midnight| midnight.max(last_second(open)))
    }

    /// Only by whoever closes the ledger's days: anybody else's command to close one waits for its end.
    fn moved_by(&self, submission: &Submission) -> Option<DateTime<Utc>> {
        match &submission.envelope.command {
            Command::CloseDay(close) if submission.actor.channel == CHANNEL => {
                let midnight = last_second(close.date) + TimeDelta::seconds(1);
                self.midnight.fetch_max(midnight.timestamp(), Ordering::Relaxed);
                Some(midnight)
            }
            _ => None,
        }
    }
}

fn last_second(day: NaiveDate) -> DateTime<Utc> {
    (day.and_time(NaiveTime::MIN) + TimeDelta::days(1) - TimeDelta::seconds(1)).and_utc()
}
