//! Keeps the read models near the log: where all roles share a process, whoever writes faster than rows can be folded is slowed down.
//!
//! A burst goes into the log as fast as it can be written. Only when what is read has been behind for some seconds do writers begin to
//! pause after each block, longer the further behind it is, so that both end at the pace of folding. A read model that is folded anew, or
//! cannot be folded, holds nobody up. Separate processes do not slow each other down: there the lag is a metric to scale by.

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
/// How often a person is told.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// Pauses at the full lag, in thousandths of the time a block took: a writer then writes hardly any more.
const PAUSE_MAX: u32 = 100_000;

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
        let (mut behind, mut told) = (Behind::default(), None::<Instant>);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = Instant::now();
            let log: Nexts = self.router.handles().iter().map(|(id, writer)| (*id, writer.tail().0)).collect();
            let running = self.models.iter().filter(|model| model.status().state == State::Running);
            let models: Vec<Nexts> = running.map(next_of).collect();
            let lag = behind.look(now, &log, &models);
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

/// Where the log ended lately, as far as not every read model has come.
#[derive(Default)]
struct Behind {
    seen: VecDeque<(Instant, Nexts)>,
}

impl Behind {
    /// How long ago the log was where the last of the read models is now; zero without read models.
    fn look(&mut self, now: Instant, log: &Nexts, models: &[Nexts]) -> Duration {
        if self.seen.back().is_none_or(|(_, last)| last != log) {
            self.seen.push_back((now, log.clone()));
        }
        while self.seen.front().is_some_and(|(_, ends)| models.iter().all(|model| reaches(model, ends))) {
            self.seen.pop_front();
        }
        self.seen.front().map_or(Duration::ZERO, |(at, _)| now.saturating_duration_since(*at))
    }
}

fn reaches(model: &Nexts, ends: &Nexts) -> bool {
    ends.iter().all(|(partition, end)| model.get(partition).copied().unwrap_or(0) >= *end)
}

/// Thousandths of a block's time to pause: none up to half of what is allowed, then more and more.
fn pause(lag: Duration, lag_max: Duration) -> u32 {
    let (lag, half) = (lag.as_millis(), lag_max.as_millis() / 2);
    if half == 0 || lag <= half {
        return 0;
    }
    // Cubed: little while folding nearly keeps up, and enough for any pace at the end.
    let over = (lag - half).min(half);
    u32::try_from(u128::from(PAUSE_MAX) * over.pow(3) / half.pow(3)).unwrap_or(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use subledger_log::Family;

    use super::*;

    fn nexts(customers: [u64; 2]) -> Nexts {
        [0, 1].map(|n| (PartitionId::new(Family::Customers, n), customers[usize::from(n)])).into()
    }

    #[test]
    fn the_lag_is_the_time_since_the_log_was_where_the_slowest_is() {
        let (mut behind, start) = (Behind::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let seconds = Duration::from_secs;
        assert_eq!(behind.look(at(0), &nexts([5, 5]), &[nexts([5, 5]), nexts([5, 5])]), seconds(0));
        assert_eq!(behind.look(at(1), &nexts([9, 5]), &[nexts([9, 5]), nexts([6, 5])]), seconds(0), "just written");
        assert_eq!(behind.look(at(2), &nexts([9, 8]), &[nexts([9, 8]), nexts([6, 5])]), seconds(1));
        assert_eq!(behind.look(at(4), &nexts([20, 8]), &[nexts([20, 8]), nexts([8, 8])]), seconds(3));
        assert_eq!(behind.look(at(5), &nexts([20, 8]), &[nexts([20, 8]), nexts([9, 7])]), seconds(3), "of second 2");
        assert_eq!(behind.look(at(9), &nexts([20, 8]), &[nexts([20, 8]), nexts([20, 8])]), seconds(0));
        assert_eq!(behind.look(at(99), &nexts([20, 8]), &[nexts([20, 8])]), seconds(0), "nothing new, nothing late");
    }

    #[test]
    fn a_read_model_that_is_not_folding_is_not_waited_for() {
        let (mut behind, start) = (Behind::default(), Instant::now());
        let later = start + Duration::from_secs(60);
        behind.look(start, &nexts([9, 9]), &[nexts([0, 0])]);
        assert_eq!(behind.look(later, &nexts([9, 9]), &[]), Duration::ZERO);
    }

    #[test]
    fn writers_pause_more_the_further_it_is_behind() {
        let (seconds, allowed) = (Duration::from_secs, Duration::from_secs(10));
        assert_eq!(pause(seconds(5), allowed), 0);
        assert_eq!(pause(seconds(6), allowed), PAUSE_MAX / 125);
        assert_eq!(pause(seconds(10), allowed), PAUSE_MAX);
        assert_eq!(pause(seconds(3_600), allowed), PAUSE_MAX);
        assert_eq!(pause(seconds(3_600), Duration::ZERO), 0, "never, if it may be any time behind");
    }
}
