//! Keeps the read models near the log: where all roles share a process, whoever writes faster than rows can be folded is slowed down.
//!
//! A burst goes into the log as fast as it can be written. Only when what is read has been behind for some seconds, and needs as long for
//! what it has not folded, do writers begin to pause after each block, longer the more that is, so that both end at the pace of folding.
//! How old it is does not tell alone: what came in a burst is old until all of it is folded, and writers would stand still until then. A
//! read model that is folded anew, or cannot be folded, holds nobody up. Separate processes do not slow each other down: there the lag is a
//! metric to scale by.

use std::{
    collections::{BTreeMap, VecDeque},
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
/// Looks that are remembered: five minutes, which is longer than anybody allows.
const SEEN_MAX: usize = 3_000;
/// How often a person is told.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// The pause at the whole lag that may be, in thousandths of the time a block took: a writer then writes hardly any more.
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
        let mut behind: Vec<Behind> = self.models.iter().map(|_| Behind::default()).collect();
        let mut told = None::<Instant>;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = Instant::now();
            let log: Nexts = self.router.handles().iter().map(|(id, writer)| (*id, writer.tail().0)).collect();
            let look = |(model, behind): (&Handle, &mut Behind)| {
                let next = (model.status().state == State::Running).then(|| next_of(model));
                behind.lag(now, &log, next.as_ref())
            };
            let lag = self.models.iter().zip(&mut behind).map(look).max().unwrap_or_default();
            let pause = pause(lag, self.lag_max);
            self.brake.set(pause);
            metrics::gauge!(telemetry::name::WRITER_PAUSE).set(f64::from(pause) / 1_000.0);
            if pause > 0 && told.is_none_or(|at| now.duration_since(at) >= TELL_EVERY) {
                told = Some(now);
                tracing::info!(
                    behind_ms = lag.as_millis(),
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

/// How far a read model is behind.
#[derive(Default)]
struct Behind {
    age: Age,
    pace: Pace,
}

impl Behind {
    /// The lesser of how old it is and how long it needs; zero for one that does not fold, of which there is no place.
    fn lag(&mut self, now: Instant, log: &Nexts, model: Option<&Nexts>) -> Duration {
        let Some(model) = model else {
            // How long it was away says nothing of how it folds.
            (self.age, self.pace.since) = (Age::default(), None);
            return Duration::ZERO;
        };
        self.age.of(now, log, model).min(self.pace.left(now, log, model))
    }
}

/// Where the log ended lately, as far as a read model has not come.
#[derive(Default)]
struct Age {
    seen: VecDeque<(Instant, Nexts)>,
}

impl Age {
    /// How long ago the log was where the read model is now.
    fn of(&mut self, now: Instant, log: &Nexts, model: &Nexts) -> Duration {
        if self.seen.len() < SEEN_MAX && self.seen.back().is_none_or(|(_, last)| last != log) {
            self.seen.push_back((now, log.clone()));
        }
        while self.seen.front().is_some_and(|(_, ends)| commits(model, ends) == 0) {
            self.seen.pop_front();
        }
        self.seen.front().map_or(Duration::ZERO, |(at, _)| now.saturating_duration_since(*at))
    }
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

/// Thousandths of a block's time to pause: none up to half of the lag that may be, then more and more, as far as it takes.
fn pause(lag: Duration, lag_max: Duration) -> u32 {
    let (lag, half) = (lag.as_millis(), lag_max.as_millis() / 2);
    if half == 0 || lag <= half {
        return 0;
    }
    // Squared: little while folding nearly keeps up, and enough for any pace in the end. Steeper, it swings.
    let over = (lag - half).min(u128::from(u32::MAX));
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
    fn the_age_is_the_time_since_the_log_was_where_the_read_model_is() {
        let (mut age, start) = (Age::default(), Instant::now());
        let at = |seconds: u64| millis(start, seconds * 1_000);
        let seconds = Duration::from_secs;
        assert_eq!(age.of(at(0), &nexts([5, 5]), &nexts([5, 5])), seconds(0));
        assert_eq!(age.of(at(1), &nexts([9, 5]), &nexts([6, 5])), seconds(0), "just written");
        assert_eq!(age.of(at(2), &nexts([9, 8]), &nexts([6, 5])), seconds(1));
        assert_eq!(age.of(at(4), &nexts([20, 8]), &nexts([8, 8])), seconds(3));
        assert_eq!(age.of(at(5), &nexts([20, 8]), &nexts([9, 7])), seconds(3), "of second 2");
        assert_eq!(age.of(at(9), &nexts([20, 8]), &nexts([20, 8])), seconds(0));
        assert_eq!(age.of(at(99), &nexts([20, 8]), &nexts([20, 8])), seconds(0), "nothing new, nothing late");
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
    fn a_read_model_that_is_not_folding_is_not_waited_for() {
        let (mut behind, start) = (Behind::default(), Instant::now());
        let (log, model) = (nexts([9, 9]), nexts([0, 0]));
        for second in 0..60 {
            behind.lag(millis(start, second * 1_000), &log, Some(&model));
        }
        assert!(behind.lag(millis(start, 60_000), &log, Some(&model)) >= Duration::from_secs(18), "it should fold");
        assert_eq!(behind.lag(millis(start, 61_000), &log, None), Duration::ZERO);
        assert_eq!(behind.lag(millis(start, 62_000), &log, Some(&model)), Duration::ZERO, "it has just begun again");
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
    fn under_load_that_lasts_writers_come_down_to_the_pace_of_folding_and_never_stand_still() {
        // Commits in a tenth of a second: twice as many as are folded, if nobody pauses.
        let (alone, folds, allowed) = (2_000, 1_000, Duration::from_secs(10));
        let (mut behind, start) = (Behind::default(), Instant::now());
        let (mut written, mut folded, mut seconds) = (0, 0, Vec::new());
        for tenth in 0..1_200 {
            let (now, log, model) = (millis(start, tenth * 100), nexts([written, 0]), nexts([folded, 0]));
            let lag = behind.lag(now, &log, Some(&model));
            let old = behind.age.of(now, &log, &model);
            assert!(old < allowed * 5 / 4, "{old:?} behind after {tenth} tenths");
            let pause = u64::from(pause(lag, allowed));
            written += alone * 1_000 / (1_000 + pause);
            folded = written.min(folded + folds);
            if tenth % 10 == 9 {
                seconds.push(written);
            }
        }
        let of_each: Vec<_> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(of_each[..4].iter().all(|&came| came == 10 * alone), "a burst is let in: {of_each:?}");
        assert!(of_each.iter().all(|&came| came >= folds), "nobody stands still: {of_each:?}");
        let last = &of_each[60..];
        assert!(last.iter().all(|came| came.abs_diff(10 * folds) <= folds), "they end at one pace: {last:?}");
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
