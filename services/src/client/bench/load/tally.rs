//! What was measured: how long calls took, how many of what came, what went wrong.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::mix::Kind;
use crate::client::{Failure, output::line};

/// Longest time that is told apart from longer ones, in nanoseconds.
const TIME_NANOS_MAX: u64 = 60_000_000_000;
/// Digits of a time that are kept.
const DIGITS: u8 = 3;

/// Calls in the measured time. What began before it only warmed up.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    from: Instant,
    to: Instant,
    /// By what was called; a batch is one call.
    times: BTreeMap<&'static str, Histogram<u64>>,
    /// Commands and reads that were answered well, by kind.
    done: BTreeMap<Kind, u64>,
    /// What was not, by reason.
    errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet; counts what is answered from one moment to another.
    pub(super) fn new(from: Instant, to: Instant) -> Self {
        Self { from, to, times: BTreeMap::new(), done: BTreeMap::new(), errors: BTreeMap::new() }
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.to
    }

    /// A call was answered; false if that was not in the measured time.
    pub(super) fn answered(&mut self, what: &'static str, began: Instant) -> bool {
        let now = Instant::now();
        let counts = began >= self.from && now <= self.to;
        if counts {
            let nanos = u64::try_from((now - began).as_nanos()).unwrap_or(u64::MAX);
            let bounds = || Histogram::new_with_bounds(1, TIME_NANOS_MAX, DIGITS);
            if !self.times.contains_key(what)
                && let Ok(empty) = bounds()
            {
                self.times.insert(what, empty);
            }
            if let Some(times) = self.times.get_mut(what) {
                times.saturating_record(nanos);
            }
        }
        counts
    }

    /// So many of a kind came out well.
    pub(super) fn done(&mut self, kind: Kind, count: u64) {
        *self.done.entry(kind).or_default() += count;
    }

    /// One did not.
    pub(super) fn error(&mut self, reason: &str) {
        match self.errors.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.errors.insert(reason.to_owned(), 1)),
        }
    }

    /// Adds what another caller measured.
    pub(super) fn add(&mut self, other: Self) {
        for (what, times) in other.times {
            match self.times.get_mut(what) {
                // The bounds are the same.
                Some(all) => drop(all.add(&times)),
                None => drop(self.times.insert(what, times)),
            }
        }
        other.done.into_iter().for_each(|(kind, count)| self.done(kind, count));
        for (reason, count) in other.errors {
            *self.errors.entry(reason).or_default() += count;
        }
    }

    fn seconds(&self) -> f64 {
        (self.to - self.from).as_secs_f64()
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate has three digits that matter")]
    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds()
    }

    /// For a person.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let total: u64 = self.done.values().sum();
        line(format_args!(
            "  answered       {:>12.0} /s, {} in {:.1} s",
            self.per_second(total),
            HumanCount(total),
            self.seconds()
        ))?;
        if self.done.len() > 1 {
            for (kind, &count) in &self.done {
                line(format_args!("    {:<12} {:>12.0} /s", kind.name(), self.per_second(count)))?;
            }
        }
        for (what, times) in &self.times {
            let [p50, p99, p999, most] = quantiles(times).map(|nanos| millis(Duration::from_nanos(nanos)));
            line(format_args!("  {what:<12} p50 {p50} ms  p99 {p99} ms  p99.9 {p999} ms  longest {most} ms"))?;
        }
        if self.errors.is_empty() {
            return line(format_args!("  errors         none"));
        }
        let mut errors = self.errors.iter();
        errors.try_for_each(|(reason, count)| line(format_args!("  error          {reason}: {}", HumanCount(*count))))
    }

    /// For a program. Times are in nanoseconds.
    pub(super) fn to_json(&self) -> Value {
        let total: u64 = self.done.values().sum();
        let done = self.done.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count))).collect();
        let times = self.times.iter().map(|(what, times)| {
            let [p50, p99, p999, most] = quantiles(times);
            let json = json!({
                "calls": times.len(), "p50_ns": p50, "p99_ns": p99, "p999_ns": p999, "max_ns": most,
            });
            ((*what).to_owned(), json)
        });
        json!({
            "seconds": self.seconds(),
            "answered": total,
            "per_second": self.per_second(total),
            "by_kind": Value::Object(done),
            "calls": Value::Object(times.collect()),
            "errors": self.errors,
        })
    }
}

/// p50, p99, p99.9 and the longest.
fn quantiles(times: &Histogram<u64>) -> [u64; 4] {
    [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.value_at_quantile(0.999), times.max()]
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_added_up_and_what_warms_up_is_left_out() {
        let from = Instant::now();
        let to = from + Duration::from_secs(60);
        let mut all = Tally::new(from, to);
        assert!(!all.answered("get", from.checked_sub(Duration::from_millis(1)).unwrap()), "began too early");
        for _ in 0..2 {
            let mut one = Tally::new(from, to);
            assert!(one.answered("get", Instant::now()));
            one.done(Kind::Get, 1);
            one.error("WRITER_OVERLOADED");
            all.add(one);
        }
        let json = all.to_json();
        assert_eq!(json["answered"], 2);
        assert_eq!(json["calls"]["get"]["calls"], 2);
        assert_eq!(json["errors"]["WRITER_OVERLOADED"], 2);
    }
}
