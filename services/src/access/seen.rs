//! What callers did, read back from the history: the last rows, and counts of seven days.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chrono::{Days, NaiveDate};
use subledger_domain::{
    Event,
    access::{AccessOutcome, AccessRow},
    ids::PartnerId,
};
use subledger_log::{Accepted, Follower, Log, PartitionId, Position, ReadError, ends};

/// Rows kept for lists: the newest (as published for requests: 10,000, L18986-18988).
const ROWS_KEPT: usize = 10_000;
/// Days that counts are kept for (L18957).
const DAYS_COUNTED: u64 = 7;
/// How long to wait for news before looking whether to stop.
const POLL: Duration = Duration::from_millis(200);
/// How long after a failed read.
const RETRY: Duration = Duration::from_millis(500);

/// A row, where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its commit.
    pub(crate) position: Position,
    /// Its number there.
    pub(crate) number: usize,
    /// What it says.
    pub(crate) row: AccessRow,
}

/// Calls of one kind of caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// All of them.
    pub(crate) all: u64,
    /// Those with a second factor.
    pub(crate) with_second_factor: u64,
}

/// Calls at a partner on a day.
#[derive(Clone, Debug, Default)]
struct Day {
    users: Calls,
    applications: Calls,
    /// People who called, and whether they ever showed a second factor.
    people: BTreeMap<String, bool>,
}

/// How a partner's people and applications sign in (reports-partners-security.md 2.19).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// People who called in the last seven days, with those who showed a second factor.
    pub(crate) people: Calls,
    /// Calls of people.
    pub(crate) users: Calls,
    /// Calls of applications for people. Those for themselves are left out.
    pub(crate) applications: Calls,
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct View {
    rows: VecDeque<Seen>,
    days: BTreeMap<(PartnerId, NaiveDate), Day>,
    next_seq: u64,
}

impl View {
    /// Rows, the newest first.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Seen> {
        self.rows.iter().rev()
    }

    /// The last commit.
    pub(crate) fn position(&self) -> Option<Position> {
        self.next_seq.checked_sub(1).map(|seq| Position { partition: PartitionId::ACCESS, seq })
    }

    /// The last seven days of a partner, up to a day.
    pub(crate) fn status(&self, partner: &PartnerId, on: NaiveDate) -> Status {
        let from = on.checked_sub_days(Days::new(DAYS_COUNTED - 1)).unwrap_or(on);
        let mut status = Status::default();
        let mut people: BTreeMap<&str, bool> = BTreeMap::new();
        for (_, day) in self.days.range((partner.clone(), from)..=(partner.clone(), on)) {
            status.users.add(day.users);
            status.applications.add(day.applications);
            for (name, shown) in &day.people {
                *people.entry(name).or_default() |= shown;
            }
        }
        let shown = people.values().filter(|shown| **shown).count();
        status.people = Calls { all: people.len() as u64, with_second_factor: shown as u64 };
        status
    }

    /// Partners with calls.
    pub(crate) fn partners(&self) -> BTreeSet<PartnerId> {
        self.days.keys().map(|(partner, _)| partner.clone()).collect()
    }

    fn fold(&mut self, accepted: &Accepted) {
        self.next_seq = accepted.commit.position.seq + 1;
        for event in accepted.commit.events() {
            let Event::AccessRecorded(recorded) = event else { continue };
            for (number, row) in recorded.rows.iter().enumerate() {
                if row.outcome == AccessOutcome::Counted {
                    self.count(row);
                    continue;
                }
                if self.rows.len() == ROWS_KEPT {
                    self.rows.pop_front();
                }
                self.rows.push_back(Seen { position: accepted.commit.position, number, row: row.clone() });
            }
        }
    }

    fn count(&mut self, row: &AccessRow) {
        let Some(partner) = &row.partner_id else { return };
        let on = row.last_at.date_naive();
        let day = self.days.entry((partner.clone(), on)).or_default();
        let count = u64::from(row.count);
        let calls = Calls { all: count, with_second_factor: if row.second_factor { count } else { 0 } };
        match row.kind.as_str() {
            "user" => {
                day.users.add(calls);
                *day.people.entry(row.principal.clone()).or_default() |= row.second_factor;
            }
            "app_and_user" | "vendor" => {
                day.applications.add(calls);
                *day.people.entry(row.principal.clone()).or_default() |= row.second_factor;
            }
            _ => {}
        }
        let oldest = on.checked_sub_days(Days::new(DAYS_COUNTED)).unwrap_or(on);
        self.days.retain(|(of, day), _| of != partner || *day >= oldest);
    }
}

impl Calls {
    fn add(&mut self, more: Self) {
        self.all += more.all;
        self.with_second_factor += more.with_second_factor;
    }
}

/// Follows the history on a thread of its own.
pub(crate) struct SeenFollower {
    view: RwLock<View>,
    news: (Mutex<()>, Condvar),
    stop: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SeenFollower {
    /// Reads everything there is, then follows. Blocks.
    pub(crate) fn start(log: &Arc<dyn Log>) -> Result<Arc<Self>, ReadError> {
        let this = Arc::new(Self {
            view: RwLock::default(),
            news: (Mutex::default(), Condvar::new()),
            stop: AtomicBool::new(false),
            thread: Mutex::default(),
        });
        let mut follower = Follower::from_start(&**log, [PartitionId::ACCESS])?;
        let ends = ends(&**log, [PartitionId::ACCESS])?;
        while !follower.reached(&ends) {
            this.take(&mut follower)?;
        }
        let running = Arc::clone(&this);
        let thread = std::thread::Builder::new().name("access".into()).spawn(move || {
            while !running.stop.load(Ordering::Relaxed) {
                if let Err(error) = running.take(&mut follower) {
                    tracing::error!(%error, "cannot follow what callers did; trying again");
                    std::thread::sleep(RETRY);
                }
            }
        });
        let thread = thread
            .map_err(|error| ReadError::Unavailable { place: "the access thread".into(), source: error.into() })?;
        *this.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(this)
    }

    fn take(&self, follower: &mut Follower) -> Result<(), ReadError> {
        let accepted = follower.next(POLL)?;
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        accepted.iter().for_each(|accepted| view.fold(accepted));
        drop(view);
        if !accepted.is_empty() {
            let _waiters = self.news.0.lock().unwrap_or_else(PoisonError::into_inner);
            self.news.1.notify_all();
        }
        Ok(())
    }

    /// What is known now.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a commit is known. False if `wait` was too short.
    pub(crate) fn wait_for(&self, seq: u64, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        let mut waiting = self.news.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.view().next_seq > seq {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            waiting = self.news.1.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops following.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the access thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    fn counted(kind: &str, who: &str, day: i64, count: u32, second_factor: bool) -> AccessRow {
        let at = DateTime::<Utc>::from_timestamp(1_600_000_000, 0).unwrap() + TimeDelta::days(day);
        AccessRow {
            outcome: AccessOutcome::Counted,
            principal: who.into(),
            kind: kind.into(),
            application: None,
            second_factor,
            operation: String::new(),
            reason: None,
            partner_id: Some(PartnerId::new("p-1").unwrap()),
            customer_id: None,
            from: None,
            first_at: at,
            last_at: at,
            count,
        }
    }

    fn status(rows: &[AccessRow], on: i64) -> Status {
        let mut view = View::default();
        rows.iter().for_each(|row| view.count(row));
        let on = (DateTime::<Utc>::from_timestamp(1_600_000_000, 0).unwrap() + TimeDelta::days(on)).date_naive();
        view.status(&PartnerId::new("p-1").unwrap(), on)
    }

    /// Worked examples 2 and 3 of reports-partners-security.md: 2 of 10, and 2 of 5 with what applications do for themselves left out.
    #[test]
    fn the_published_week_comes_out() {
        let users = [
            counted("user", "jane", 1, 3, false),
            counted("user", "john", 2, 5, false),
            counted("user", "jane", 3, 2, true),
        ];
        assert_eq!(status(&users, 7).users, Calls { all: 10, with_second_factor: 2 });
        assert_eq!(status(&users, 7).people, Calls { all: 2, with_second_factor: 1 });
        let apps = [
            counted("app_and_user", "jane", 1, 3, false),
            counted("app", "erp", 2, 5, false),
            counted("app_and_user", "jane", 3, 2, true),
        ];
        assert_eq!(status(&apps, 7).applications, Calls { all: 5, with_second_factor: 2 });
    }

    #[test]
    fn the_eighth_day_does_not_count() {
        let rows = [counted("user", "jane", 0, 3, false), counted("user", "jane", 7, 1, true)];
        assert_eq!(status(&rows, 6).users, Calls { all: 3, with_second_factor: 0 });
        assert_eq!(status(&rows, 7).users, Calls { all: 1, with_second_factor: 1 });
    }
}
