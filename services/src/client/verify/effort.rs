//! What a check took, and what the machine can do: a time says little without the rate at which it hashes.

use std::{
    fmt,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

/// How long to measure the rate of hashing.
const MEASURED: Duration = Duration::from_millis(100);
/// Bytes hashed at a time.
const MEASURED_BYTES: usize = 64 * 1024;

/// A check that was begun.
pub(super) struct Effort(Instant);

impl Effort {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// What it took by now, for so many records and events.
    pub(super) fn took(&self, records: u64, events: u64) -> Took {
        let elapsed = self.0.elapsed();
        Took { elapsed, records, events, peak_mb: peak_memory_mb(), hash_mb_per_second: hash_rate() }
    }
}

/// What a check took.
pub(super) struct Took {
    elapsed: Duration,
    records: u64,
    events: u64,
    /// Megabytes; none where the system does not tell.
    peak_mb: Option<u64>,
    hash_mb_per_second: u128,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.elapsed.as_millis().max(1);
        let rate = u128::from(self.events) * 1000 / millis;
        write!(
            f,
            "effort         {:.1} s for {} records with {} events ({rate} events/s)",
            self.elapsed.as_secs_f64(),
            self.records,
            self.events
        )?;
        if let Some(peak) = self.peak_mb {
            write!(f, ", {peak} MB of memory at most")?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        write!(f, "; one of this machine's {cores} cores hashes {} MB/s (SHA-256)", self.hash_mb_per_second)
    }
}

/// Megabytes a second that one core hashes.
fn hash_rate() -> u128 {
    let block = vec![0xa5; MEASURED_BYTES];
    let (mut hasher, mut bytes, began) = (Sha256::new(), 0_u128, Instant::now());
    while began.elapsed() < MEASURED {
        hasher.update(&block);
        bytes += block.len() as u128;
    }
    std::hint::black_box(hasher.finalize());
    bytes / began.elapsed().as_micros().max(1)
}

/// The most memory that this process had at a time.
fn peak_memory_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}
