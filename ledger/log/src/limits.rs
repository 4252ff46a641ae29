//! Named limits of the log, with their units.

/// Longest stored record, in bytes. The C2SP tile format gives an entry two bytes of length, so proofs can cover every record.
pub const RECORD_BYTES_MAX: usize = 65_535;

/// Most bytes of one block of commits: what a writer appends at once.
pub const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most commits of one block.
pub const BLOCK_COMMITS_MAX: usize = 4_096;

/// Bytes that a reader asks for at a time.
pub const READ_BYTES: usize = 1024 * 1024;
