//! What happened, line by line: the last lines to read, and a hash over all.

use std::collections::VecDeque;

/// Lines kept.
const LINES_MAX: usize = 120;

pub(super) struct Trace {
    hash: u64,
    last: VecDeque<String>,
}

impl Trace {
    pub(super) fn new() -> Self {
        // FNV-1a.
        Self { hash: 0xcbf2_9ce4_8422_2325, last: VecDeque::new() }
    }

    pub(super) fn note(&mut self, line: String) {
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.last.len() == LINES_MAX {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
