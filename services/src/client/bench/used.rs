//! What this process takes of the machine.

use std::time::Duration;

/// The kernel's unit of processor time in files: a hundredth of a second on every Linux.
const MILLIS_PER_TICK: u64 = 10;

/// What the process took, as the kernel counts it.
pub(super) struct Used {
    /// Of all threads, in user mode and in the kernel's.
    pub(super) processor: Duration,
    /// The most that was ever in memory.
    pub(super) resident_bytes: u64,
}

impl Used {
    /// So far; none where the kernel has no such files.
    pub(super) fn now() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // After the name, which may hold anything, are the state and then numbers: the 12th and 13th are ticks.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?;
        let resident_bytes = peak.trim().parse::<u64>().ok()? * 1024;
        Some(Self { processor: Duration::from_millis(ticks * MILLIS_PER_TICK), resident_bytes })
    }
}
