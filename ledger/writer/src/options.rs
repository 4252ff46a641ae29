//! Limits of a writer, each with its unit.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{Brake, Traffic};

/// Customers that are kept ready for commands if nothing else is said.
pub(crate) const READY_CUSTOMERS_MAX: usize = 500;

/// How a writer works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most commands that may wait for one partition's writer; more are refused with a hint when to come back.
    pub queue_commands_max: usize,
    /// Most commands of one block.
    pub block_commands_max: usize,
    /// Most bytes of one block, roughly.
    pub block_bytes_max: usize,
    /// What a refused caller is told to wait.
    pub retry_after: Duration,
    /// Where snapshots are kept; none for no snapshots.
    pub snapshot_dir: Option<PathBuf>,
    /// Commits after which a new snapshot is begun: about so many are folded again after a kill, 30 us each on a slow machine.
    pub snapshot_every_commits: u64,
    /// How long to wait before claiming the partition again after a failure: long enough not to fight with another writer.
    pub claim_backoff: Duration,
    /// How long a writer waits for the reference data it needs before it says that it is unavailable.
    pub reference_wait: Duration,
    /// Customers whose due things are decided between two looks at the queue of commands.
    pub due_customers_max: usize,
    /// Customers that are kept ready for their next command; the others take a twentieth of the memory and 0.1 ms more.
    pub ready_customers_max: usize,
    /// How long to wait after what is due could not be written.
    pub due_retry: Duration,
    /// Slows the writer down.
    pub brake: Arc<Brake>,
    /// Shared by the writers of a process: a command that comes alone is decided on the thread that brings it, which waits for the disk.
    /// None has a writer's thread decide everything, as it must where an append goes to another machine.
    pub traffic: Option<Arc<Traffic>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_commands_max: 16_384,
            block_commands_max: 2_048,
            block_bytes_max: 2 * 1024 * 1024,
            retry_after: Duration::from_millis(50),
            snapshot_dir: None,
            snapshot_every_commits: 25_000,
            claim_backoff: Duration::from_millis(200),
            reference_wait: Duration::from_secs(10),
            due_customers_max: 256,
            ready_customers_max: READY_CUSTOMERS_MAX,
            due_retry: Duration::from_secs(1),
            brake: Arc::default(),
            traffic: None,
        }
    }
}
