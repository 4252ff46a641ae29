//! What is another's and what nobody has are told at the same moment, however much was read to find out: answers that something is not
//! there leave at the ticks of a clock that the call itself began.

use std::time::{Duration, Instant};

/// From tick to tick; longer than it takes to find out.
const TICK: Duration = Duration::from_millis(10);

/// Waits for the next tick of a call that began `since`.
pub(super) async fn tick(since: Instant) {
    tokio::time::sleep_until((since + next(since.elapsed())).into()).await;
}

fn next(spent: Duration) -> Duration {
    let ticks = spent.as_micros() / TICK.as_micros() + 1;
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_done_before_a_tick_ends_at_it() {
        let ms = Duration::from_millis;
        for (spent, until) in [(0, 10), (1, 10), (9, 10), (10, 20), (25, 30)] {
            assert_eq!(next(ms(spent)), ms(until), "{spent}");
        }
        assert_eq!(next(Duration::from_nanos(9_999_999)), ms(10));
    }
}
