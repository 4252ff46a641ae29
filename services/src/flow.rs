//! Keeps the read models near the log: where all roles share a process, whoever writes faster than rows can be folded is slowed down.
//!
//! A burst goes into the log as fast as it can be written. Only when a read model needs some seconds for what it has not folded do writers
//! begin to pause after each block, longer the more that is, so that both end at the pace of folding. It is not asked how old that is: what
//! came in a burst is old until all of it is folded, and writers would stand still until then. A read model that is folded anew, or cannot
//! be folded, holds nobody up. Separate processes do not slow each other down: there the lag is a metric to scale by.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use subledger_log::PartitionId;
use subledger_projection_runtime::{Handle, State};
use subledger_writer::Brake;
use tokio_util::sync::CancellationToken;

use crate::{router::LocalRouter, telemetry};

/// How often it is looked how far the read models are.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Over how long the pace of folding is measured.
const PACE_OVER: Duration = Duration::from_secs(1);
/// How often a person is told.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// The pause where as much is left as may be, in thousandths of the time a block took: a writer then writes hardly any more.
const PAUSE: u32 = 20_000;

/// The next commit of each partition, of the log or of a read model.
type Nexts = BTreeMap<PartitionId, u64>;

/// Watches the read models and sets the brake.
pub(crate) struct Flow {
    pub(crate) router: Arc<LocalRouter>,
    pub(crate) models: Vec<Handle>,
    pub(crate) brake: Arc<Brake>,
    /// How far behind they may be.
    pub(crate) lag_max: Duration,
}

impl Flow {
    /// Until told to stop. Leaves the brake open.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (mut paces, mut told) = (vec![Pace::default(); self.models.len()], None::<Instant>);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = Instant::now();
            let log: Nexts = self.router.handles().iter().map(|(id, writer)| (*id, writer.tail().0)).collect();
            let look = |(model, pace): (&Handle, &mut Pace)| {
                if model.status().state != State::Running {
                    // How long it was away says nothing of its pace.
                    pace.since = None;
                    return None;
                }
                Some(pace.left(now, &log, &next_of(model)))
            };
            let left = self.models.iter().zip(&mut paces).filter_map(look).max().unwrap_or_default();
            let pause = pause(left, self.lag_max);
            self.brake.set(pause);
            metrics::gauge!(telemetry::name::WRITER_PAUSE).set(f64::from(pause) / 1_000.0);
            if pause > 0 && told.is_none_or(|at| now.duration_since(at) >= TELL_EVERY) {
                told = Some(now);
                tracing::info!(
                    seconds_to_fold = left.as_secs(),
                    "commands come faster than they are folded: writers wait for the read models"
                );
            }
        }
        self.brake.set(0);
    }
}

fn next_of(model: &Handle) -> Nexts {
    model.positions().into_iter().map(|position| (position.partition, position.seq + 1)).collect()
}

/// How fast a read model folds.
#[derive(Clone, Debug, Default)]
struct Pace {
    /// Where it is measured from.
    since: Option<Since>,
    /// Commits, in a second in which it never ran out of them.
    a_second: Option<u64>,
}

#[derive(Clone, Debug)]
struct Since {
    at: Instant,
    model: Nexts,
    /// Commits that it had not folded.
    left: u64,
}

impl Pace {
    /// How long it needs for what it has not folded; zero before there was ever enough to measure its pace.
    fn left(&mut self, now: Instant, log: &Nexts, model: &Nexts) -> Duration {
        let left = commits(model, log);
        if self.measure(now, model) {
            self.since = Some(Since { at: now, model: model.clone(), left });
        }
        let seconds = |pace: u64| Duration::from_millis(left.saturating_mul(1_000) / pace.max(1));
        self.a_second.map_or(Duration::ZERO, seconds)
    }

    /// Whether measuring begins anew.
    fn measure(&mut self, now: Instant, model: &Nexts) -> bool {
        let Some(since) = &self.since else { return true };
        let folded = commits(&since.model, model);
        if folded >= since.left {
            return true;
        }
        let took = now.saturating_duration_since(since.at);
        if took < PACE_OVER {
            return false;
        }
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let pace = folded.saturating_mul(1_000) / took.max(1);
        self.a_second = Some(self.a_second.map_or(pace, |before| (3 * before + pace) / 4));
        true
    }
}

/// Commits from one place to a later one.
fn commits(from: &Nexts, to: &Nexts) -> u64 {
    to.iter().map(|(partition, next)| next.saturating_sub(from.get(partition).copied().unwrap_or(0))).sum()
}

/// Thousandths of a block's time to pause: none up to half of what may be left, then more and more, as far as it takes.
fn pause(left: Duration, left_max: Duration) -> u32 {
    let (left, half) = (left.as_millis(), left_max.as_millis() / 2);
    if half == 0 || left <= half {
        return 0;
    }
    // Squared: little while folding nearly keeps up, and enough for any pace in the end. Steeper, it swings.
    let over = (left - half).min(u128::from(u32::MAX));
    u32::try_from(u128::from(PAUSE) * over * over / (half * half)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use subledger_log::Family;

    use super::*;

    fn nexts(customers: [u64; 2]) -> Nexts {
        [0, 1].map(|n| (PartitionId::new(Family::Customers, n), customers[usize::from(n)])).into()
    }

    fn millis(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn what_is_left_is_told_by_the_pace_of_a_second_that_was_full() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |at| millis(start, at);
        let seconds = Duration::from_secs;
        assert_eq!(pace.left(at(0), &nexts([900, 100]), &nexts([0, 0])), seconds(0), "nothing is known");
        assert_eq!(pace.left(at(500), &nexts([900, 100]), &nexts([100, 0])), seconds(0), "too short a time");
        assert_eq!(pace.left(at(1_000), &nexts([900, 100]), &nexts([180, 20])), seconds(4), "200 a second");
        assert_eq!(pace.left(at(1_100), &nexts([900, 500]), &nexts([180, 20])), seconds(6), "more came");
        assert_eq!(pace.left(at(2_000), &nexts([900, 500]), &nexts([200, 400])), Duration::from_millis(3_200), "250");
        assert_eq!(pace.left(at(3_000), &nexts([900, 500]), &nexts([900, 500])), seconds(0), "nothing is left");
        assert_eq!(
            pace.left(at(9_000), &nexts([900, 800]), &nexts([900, 500])),
            Duration::from_millis(1_200),
            "it is no slower for having waited"
        );
    }

    #[test]
    fn who_keeps_up_is_never_waited_for() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for n in 1..100 {
            let (log, model) = (nexts([n * 10, 0]), nexts([n * 10 - 5, 0]));
            assert_eq!(pace.left(millis(start, n * 100), &log, &model), Duration::ZERO);
        }
    }

    #[test]
    fn who_stands_still_is_waited_for_longer_and_longer() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let log = nexts([10_000, 0]);
        pace.left(start, &log, &nexts([0, 0]));
        let mut before = pace.left(millis(start, 1_000), &log, &nexts([1_000, 0]));
        for second in 2..6 {
            let left = pace.left(millis(start, second * 1_000), &log, &nexts([1_000, 0]));
            assert!(left > before, "second {second}: {left:?}");
            before = left;
        }
    }

    #[test]
    fn writers_pause_more_the_further_it_is_behind() {
        let (seconds, allowed) = (Duration::from_secs, Duration::from_secs(10));
        assert_eq!(pause(seconds(5), allowed), 0);
        assert_eq!(pause(seconds(6), allowed), PAUSE / 25);
        assert_eq!(pause(seconds(10), allowed), PAUSE);
        assert_eq!(pause(seconds(20), allowed), 9 * PAUSE);
        assert_eq!(pause(Duration::MAX, allowed), u32::MAX);
        assert_eq!(pause(seconds(3_600), Duration::ZERO), 0, "never, if it may be any time behind");
    }
}
