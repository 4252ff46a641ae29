//! Where the time comes from: the wall, or a clock moved by hand. Nothing below `services` looks at a clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use subledger_writer::{Clock, ReferenceFollower};

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
/// open day, and nothing is recorded before it takes effect. Whoever closes the day lets it end first ([`TestClock::end`]), because no
/// day closes before it is over.
pub(crate) struct TestClock {
    reference: Arc<ReferenceFollower>,
    start: NaiveDate,
    /// It is this late at least: the midnight after the last day that was ended, in seconds.
    ended: AtomicI64,
}

impl TestClock {
    /// A clock that begins on `start`, or after the last closed day if there is one.
    pub(crate) fn new(reference: Arc<ReferenceFollower>, start: NaiveDate) -> Self {
        Self { reference, start, ended: AtomicI64::new(i64::MIN) }
    }

    /// Lets a day end: it is midnight, and the day may be closed.
    pub(crate) fn end(&self, day: NaiveDate) {
        let midnight = (last_second(day) + TimeDelta::seconds(1)).timestamp();
        self.ended.fetch_max(midnight, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let closed = self.reference.view().reference.catalog.last_closed();
        let open = closed.and_then(|day| day.succ_opt()).map_or(self.start, |open| open.max(self.start));
        let ended = DateTime::from_timestamp(self.ended.load(Ordering::Relaxed), 0);
        ended.map_or(last_second(open), |ended| ended.max(last_second(open)))
    }
}

fn last_second(day: NaiveDate) -> DateTime<Utc> {
    (day.and_time(NaiveTime::MIN) + TimeDelta::days(1) - TimeDelta::seconds(1)).and_utc()
}
