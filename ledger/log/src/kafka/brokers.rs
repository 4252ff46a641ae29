//! Whether a client still knows a broker to talk to.
//!
//! A broker that has just started may answer a question about topics before it knows of any broker, itself included. librdkafka (2.10 to
//! 2.13, its issue 5301) then forgets every broker it knew, and does nothing any more, without an error. Whoever uses a client looks here,
//! and makes a new one.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often a client says which brokers it knows, in milliseconds.
pub(super) const REPORT_MS: u32 = 2_000;
/// Reports without a broker after which it knows none: it may be about to learn of others at the first.
const REPORTS_MAX: u32 = 2;
/// What stands in a report for each broker that was configured or learned.
const KNOWN: [&[u8]; 2] = [b"\"source\":\"configured\"", b"\"source\":\"learned\""];

/// What a client's reports say of the brokers it knows.
#[derive(Debug, Default)]
pub struct KnownBrokers {
    reports_without: AtomicU32,
}

impl KnownBrokers {
    /// Takes a report of the client's statistics, as it is.
    pub fn note(&self, report: &[u8]) {
        let knows = KNOWN.iter().any(|known| report.windows(known.len()).any(|part| part == *known));
        if knows {
            self.reports_without.store(0, Ordering::Relaxed);
        } else {
            self.reports_without.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the client is of no more use.
    pub fn are_lost(&self) -> bool {
        self.reports_without.load(Ordering::Relaxed) >= REPORTS_MAX
    }
}

/// Tells whoever runs the ledger that a client was replaced, and drops it, which may take a while, on a thread of its own.
pub(super) fn give_up(purpose: &'static str, client: impl Send + 'static) {
    tracing::warn!(purpose, "a Kafka client has lost every broker; a new one goes on");
    std::thread::spawn(move || drop(client));
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERNAL: &[u8] =
        br#"{"brokers":{":0/internal":{"name":":0/internal","nodeid":-1,"source":"internal","state":"UP"}}}"#;
    const CONFIGURED: &[u8] = br#"{"brokers":{"b:9092/bootstrap":{"nodeid":-1,"source":"configured","state":"INIT"}}}"#;
    const LEARNED: &[u8] = br#"{"brokers":{"b:9092/1":{"nodeid":1,"source":"learned","state":"DOWN"}}}"#;

    #[test]
    fn a_client_is_lost_after_two_reports_without_a_broker() {
        let brokers = KnownBrokers::default();
        assert!(!brokers.are_lost());
        for known in [CONFIGURED, LEARNED] {
            brokers.note(INTERNAL);
            assert!(!brokers.are_lost(), "it may be about to learn of others");
            brokers.note(known);
            assert!(!brokers.are_lost(), "a broker that is down is still known");
        }
        brokers.note(INTERNAL);
        brokers.note(INTERNAL);
        assert!(brokers.are_lost());
    }
}
