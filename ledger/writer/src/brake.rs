//! Slows writers down, for whoever follows them.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// The longest pause after one block.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a writer that pauses looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How much writers pause. Shared by those of a process; set from outside, at any moment.
#[derive(Debug, Default)]
pub struct Brake {
    /// Thousandths of the time that a block took.
    pause: AtomicU32,
}

impl Brake {
    /// From now on a writer pauses after each block for so many thousandths of the time that the block took; 0 lets it go on at once.
    pub fn set(&self, thousandths: u32) {
        self.pause.store(thousandths, Ordering::Relaxed);
    }

    /// Whether writers pause at all.
    pub(crate) fn is_set(&self) -> bool {
        self.pause.load(Ordering::Relaxed) > 0
    }

    /// Pauses after a block that took so long: until that is over, or it is to stop, or it need not pause any more.
    pub(crate) fn wait(&self, took: Duration, stop: &AtomicBool) {
        let began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let left = self.pause(took).saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    /// How long to pause after a block that took so long.
    fn pause(&self, took: Duration) -> Duration {
        let thousandths = self.pause.load(Ordering::Relaxed);
        (took.saturating_mul(thousandths) / 1_000).min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_share_of_the_block_and_bounded() {
        let brake = Brake::default();
        let block = Duration::from_millis(10);
        assert_eq!(brake.pause(block), Duration::ZERO);
        brake.set(1_500);
        assert_eq!(brake.pause(block), Duration::from_millis(15));
        assert_eq!(brake.pause(Duration::from_secs(60)), PAUSE_MAX);
        brake.set(u32::MAX);
        assert_eq!(brake.pause(Duration::MAX), PAUSE_MAX);
        brake.set(0);
        assert_eq!(brake.pause(block), Duration::ZERO);
    }

    #[test]
    fn who_is_to_stop_does_not_pause() {
        let brake = Brake::default();
        brake.set(u32::MAX);
        let (long, began) = (Duration::from_secs(60), Instant::now());
        brake.wait(long, &AtomicBool::new(true));
        assert!(began.elapsed() < PAUSE_MAX);
    }
}
