//! The conformance suite.

use std::{cell::Cell, sync::Arc};

use subledger_log::{
    Log,
    conformance::{Capabilities, Fixture, run_all},
    embedded::{EmbeddedLog, EmbeddedOptions},
};
use tempfile::TempDir;

use super::tools::{LAYOUT, LEDGER, cold, directory};

struct Directory {
    options: EmbeddedOptions,
    dir: TempDir,
    log: Option<EmbeddedLog>,
}

impl Fixture for Directory {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.log.clone().unwrap())
    }

    fn reopen(&mut self) {
        self.log = None;
        self.log = Some(self.options.open(self.dir.path()).unwrap());
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { interleaved_is_written: false, durable: true }
    }
}

fn conforms(options: &EmbeddedOptions) {
    let count = Cell::new(0);
    run_all(&mut || {
        count.set(count.get() + 1);
        let dir = directory();
        let log = options.create(dir.path(), LAYOUT, LEDGER).unwrap();
        Box::new(Directory { options: options.clone(), dir, log: Some(log) })
    });
    assert!(count.get() > 20);
}

#[test]
fn conforms_with_recent_records_in_memory() {
    conforms(&EmbeddedOptions::default());
}

/// So short a journal that sled takes over after every few appends, and some are too long for it.
#[test]
fn conforms_with_a_short_journal_and_nothing_else_in_memory() {
    conforms(&EmbeddedOptions { journal_bytes: 5_000, ..cold() });
}

#[test]
fn conforms_when_everything_is_read_from_disk() {
    conforms(&cold());
}

/// The log goes on in a new volume after every few appends.
#[test]
fn conforms_in_short_volumes() {
    conforms(&EmbeddedOptions { volume_bytes: 3_000, ..cold() });
    conforms(&EmbeddedOptions { volume_bytes: 50_000, ..EmbeddedOptions::default() });
}
