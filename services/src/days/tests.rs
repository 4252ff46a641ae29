//! A ledger whose wall clock is set by the test.

use std::sync::atomic::{AtomicI64, Ordering};

use subledger_log::{Body, Follower, PartitionId};

use super::*;
use crate::{config::Config, ledger::Ledger};

/// A wall clock that somebody sets, in seconds of Unix time.
struct Hands(AtomicI64);

impl Hands {
    fn set(&self, text: &str) -> DateTime<Utc> {
        let at: DateTime<Utc> = text.parse().unwrap();
        self.0.store(at.timestamp(), Ordering::Relaxed);
        at
    }
}

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

struct Bench {
    hands: Arc<Hands>,
    ledger: Ledger,
    days: Arc<Days>,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// A ledger without a test clock that begins then.
    fn start(at: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hands = Arc::new(Hands(AtomicI64::new(0)));
        hands.set(at);
        let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        let clock = Arc::clone(&hands);
        let ledger = Ledger::start_with(&config, move |_, _| clock).unwrap();
        let days = Arc::new(Days {
            router: ledger.router.clone(),
            reference: Arc::clone(&ledger.reference),
            log: Arc::clone(&ledger.log),
            billing: None,
            incentive: None,
            customer: None,
            start: None,
            actor: Actor { principal: "clock".into(), channel: "clock".into() },
            first_day: OnceLock::new(),
        });
        Self { hands, ledger, days, _dir: dir }
    }

    /// What the role does whenever it looks at the clock.
    async fn look(&self, at: &str) {
        let now = self.hands.set(at);
        self.days.catch_up(now).await.unwrap();
    }

    /// Every command that closed a day, in order, with the time at which it is recorded.
    fn closed(&self) -> Vec<(String, String)> {
        self.commits(PartitionId::CATALOG, |event| match event {
            Event::DayClosed(day) => Some(day.date),
            _ => None,
        })
    }

    /// The days that each partition of customers has marked.
    fn marked(&self, date: &str) -> usize {
        let marks = |partition| {
            let marked = self.commits(partition, |event| match event {
                Event::PartitionDayClosed(mark) => Some(mark.date),
                _ => None,
            });
            marked.iter().filter(|(day, _)| day == date).count()
        };
        let counts: Vec<usize> = self.ledger.log.layout().of(Family::Customers).map(marks).collect();
        assert!(counts.iter().all(|&count| count <= 1), "{date} is marked twice: {counts:?}");
        counts.iter().sum()
    }

    fn commits(&self, partition: PartitionId, date: impl Fn(&Event) -> Option<NaiveDate>) -> Vec<(String, String)> {
        let log = &*self.ledger.log;
        let mut follower = Follower::from_start(log, [partition]).unwrap();
        let end = ends(log, [partition]).unwrap();
        let mut found = Vec::new();
        while !follower.reached(&end) {
            for accepted in follower.next(READ_WAIT).unwrap() {
                let Body::Accepted(events) = &accepted.commit.body else { continue };
                let at = accepted.commit.recorded_at.format("%dT%H:%M:%S").to_string();
                found.extend(events.iter().filter_map(&date).map(|day| (day.to_string(), at.clone())));
            }
        }
        found
    }

    /// Waits until every partition of customers has marked that day.
    async fn wait_for(&self, date: &str) {
        let from = self.ledger.log.layout().of(Family::Customers).map(|partition| (partition, 0)).collect();
        self.days.wait_for_marks(from, date.parse().unwrap()).await.unwrap();
    }
}

fn days(closed: &[(String, String)]) -> Vec<&str> {
    closed.iter().map(|(day, _)| day.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_closed_five_minutes_after_its_midnight_once_and_none_is_left_out() {
    let bench = Bench::start("2018-01-30T22:00:00Z");
    for early in ["2018-01-30T22:00:00Z", "2018-01-30T23:59:59Z", "2018-01-31T00:00:00Z", "2018-01-31T00:04:59Z"] {
        bench.look(early).await;
        assert_eq!(bench.closed(), [], "at {early}");
    }
    bench.look("2018-01-31T00:05:00Z").await;
    assert_eq!(bench.closed(), [("2018-01-30".to_owned(), "31T00:05:00".to_owned())]);
    bench.wait_for("2018-01-30").await;
    let partitions = usize::from(bench.ledger.log.layout().count(Family::Customers));
    assert_eq!(bench.marked("2018-01-30"), partitions);

    // The rest of the day, a clock that goes back a little, and one more clock: nothing new.
    for later in ["2018-01-31T00:05:20Z", "2018-01-31T12:00:00Z", "2018-01-31T23:59:59Z", "2018-01-31T00:01:00Z"] {
        bench.look(later).await;
    }
    assert_eq!(days(&bench.closed()), ["2018-01-30"]);

    // Nobody looked for three days: each of them is closed, in order.
    bench.look("2018-02-03T00:10:00Z").await;
    assert_eq!(days(&bench.closed()), ["2018-01-30", "2018-01-31", "2018-02-01", "2018-02-02"]);
    bench.wait_for("2018-02-02").await;
    for day in ["2018-01-31", "2018-02-01", "2018-02-02"] {
        assert_eq!(bench.marked(day), partitions, "{day}");
    }
    bench.ledger.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_too_fast_closes_nothing_and_keeps_no_day_open() {
    let bench = Bench::start("2018-01-30T22:00:00Z");
    // The machine of the clock is a day ahead of the writers, which decide.
    let ahead = "2018-01-31T12:00:00Z".parse().unwrap();
    let refused = bench.days.catch_up(ahead).await.unwrap_err();
    assert!(matches!(&refused, CloseError::Refused(why) if why.reason.code() == "DAY_NOT_OVER"), "{refused:?}");
    assert_eq!(bench.closed(), []);
    bench.look("2018-01-31T00:05:00Z").await;
    assert_eq!(days(&bench.closed()), ["2018-01-30"]);
    bench.ledger.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_follow_until_they_are_told_to_stop_and_two_close_a_day_once() {
    let bench = Bench::start("2018-01-30T22:00:00Z");
    bench.hands.set("2018-02-01T00:05:00Z");
    let stop = CancellationToken::new();
    let clocks: Vec<_> = (0..2)
        .map(|_| {
            let (days, clock, stop) = (Arc::clone(&bench.days), Arc::clone(&bench.hands), stop.clone());
            tokio::spawn(async move { days.follow(clock, stop).await })
        })
        .collect();
    bench.wait_for("2018-01-31").await;
    stop.cancel();
    for clock in clocks {
        tokio::time::timeout(LOOK_EVERY / 2, clock).await.unwrap().unwrap();
    }
    assert_eq!(days(&bench.closed()), ["2018-01-30", "2018-01-31"]);
    bench.ledger.stop();
}
