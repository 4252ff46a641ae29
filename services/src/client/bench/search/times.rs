//! How long calls took, and what of a thousand.

use std::time::Duration;

use indicatif::HumanCount;
use serde_json::json;

use crate::client::{Failure, output::line};

/// How long calls took.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    pub(super) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self { sorted: all }
    }

    /// The time that so many of a thousand calls do not exceed.
    pub(super) fn permille(&self, permille: usize) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted
            .get((self.sorted.len() * permille).div_ceil(1000).saturating_sub(1).min(last))
            .copied()
            .unwrap_or_default()
    }

    fn millis(&self, permille: usize) -> f64 {
        self.permille(permille).as_secs_f64() * 1000.0
    }

    pub(super) fn say(&self, what: &str) -> Result<(), Failure> {
        line(format_args!(
            "  {what:<44} p50 {:>7.3} ms, p99 {:>7.3} ms, p99.9 {:>7.3} ms, longest {:>8.3} ms, {} calls",
            self.millis(500),
            self.millis(990),
            self.millis(999),
            self.millis(1000),
            HumanCount(self.sorted.len() as u64)
        ))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        json!({ "calls": self.sorted.len(), "p50_ms": self.millis(500), "p99_ms": self.millis(990),
            "p999_ms": self.millis(999), "max_ms": self.millis(1000) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_call_that_was_made() {
        let times = Times::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!([500, 990, 999, 1000].map(|of| times.permille(of).as_millis()), [100, 198, 200, 200]);
        assert_eq!(Times::of(Vec::new()).permille(990), Duration::ZERO);
        assert_eq!(Times::of(vec![Duration::from_millis(3)]).permille(1), Duration::from_millis(3));
    }
}
