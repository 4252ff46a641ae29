//! How far a load is: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Time between two looks of the bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Done, rate, and when it will be over.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    bytes_total: Option<u64>,
    bytes: u64,
    done: u64,
    refused: u64,
    started: Instant,
    shown: Instant,
}

impl Progress {
    /// Begins; the length of the input decides about an estimate.
    pub(super) fn new(bytes_total: Option<u64>) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| bar(bytes_total));
        Self { bar, bytes_total, bytes: 0, done: 0, refused: 0, started: now, shown: now }
    }

    /// Some commands are settled, and the file is done up to there.
    pub(super) fn add(&mut self, done: u64, refused: u64, bytes: u64) {
        self.done += done;
        self.refused += refused;
        self.bytes = self.bytes.max(bytes);
        let every = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        if self.shown.elapsed() >= every {
            self.shown = Instant::now();
            self.show();
        }
    }

    /// Says that the ledger is away.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away; gives commands, time and rate.
    pub(super) fn finish(&self) -> String {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let elapsed = self.started.elapsed();
        format!("{} commands in {:.1} s, {}/s", HumanCount(self.done), elapsed.as_secs_f64(), self.rate())
    }

    fn rate(&self) -> HumanCount {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        HumanCount(self.done.saturating_mul(1000) / millis)
    }

    fn show(&self) {
        let text =
            format!("{} commands, {}/s, {} refused", HumanCount(self.done), self.rate(), HumanCount(self.refused));
        match (&self.bar, self.bytes_total) {
            (Some(bar), _) => {
                bar.set_position(self.bytes);
                bar.set_message(text);
            }
            (None, Some(total)) if total > 0 && self.bytes > 0 => {
                let left =
                    self.started.elapsed().as_secs().saturating_mul(total.saturating_sub(self.bytes)) / self.bytes;
                eprintln!("{text}, {} %, about {left} s left", self.bytes.saturating_mul(100) / total);
            }
            (None, _) => eprintln!("{text}"),
        }
    }
}

fn bar(bytes_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes_total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {percent:>3} %  {msg}  ETA {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {elapsed}  {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
