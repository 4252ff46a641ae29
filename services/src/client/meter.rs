//! How far long work is: a bar on a terminal, plain lines elsewhere, always on standard error.

use std::{
    io::IsTerminal as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 512;

/// Counts records; any number of threads may add to it.
pub(super) struct Meter {
    what: &'static str,
    total: u64,
    done: AtomicU64,
    bar: Option<ProgressBar>,
    said: Mutex<Instant>,
}

impl Meter {
    /// Begins.
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left");
            let bar = ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what);
            bar
        });
        Self { what, total, done: AtomicU64::new(0), bar, said: Mutex::new(Instant::now()) }
    }

    /// One record more.
    pub(super) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !done.is_multiple_of(LOOK_EVERY) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None => self.line(done),
        }
    }

    fn line(&self, done: u64) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.elapsed() >= LINE_EVERY {
            *said = Instant::now();
            eprintln!("{}: {} of {} records", self.what, HumanCount(done), HumanCount(self.total));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
