//! Whether a client's certificate is still good, after the handshake: connections and streams live longer than authorities.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use subledger_writer::Clock as _;
use tokio::sync::watch;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};

use super::Verifier;
use crate::clock::WallClock;

/// How long an answer stands: so long may a certificate be used after its last day.
const STANDS: Duration = Duration::from_secs(60);
/// Answers that are kept; with more, all are asked again.
const ANSWERS_MAX: usize = 1_024;

/// A certificate with those between it and its authority, in DER.
pub(crate) type Chain = Arc<Vec<CertificateDer<'static>>>;

/// Who signs the certificates of clients, as it is now.
pub(crate) struct Trust {
    /// Changes with the authority.
    verifier: watch::Sender<Verifier>,
    /// Certificates that were good, and when.
    good: Mutex<HashMap<Vec<u8>, Instant>>,
}

impl Trust {
    pub(super) fn new(verifier: Verifier) -> Self {
        Self { verifier: watch::Sender::new(verifier), good: Mutex::default() }
    }

    pub(super) fn replace(&self, verifier: Verifier) {
        // In this order: what was good before is not found good after.
        self.verifier.send_replace(verifier);
        self.good.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the certificate is good now.
    pub(crate) fn is_good(&self, chain: &[CertificateDer<'static>]) -> bool {
        let Some((certificate, between)) = chain.split_first() else { return false };
        let (verifier, now) = (self.verifier.borrow().clone(), Instant::now());
        let Some(verifier) = verifier else { return false };
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.get(certificate.as_ref()).is_some_and(|at| now.duration_since(*at) < STANDS) {
            return true;
        }
        let seconds = u64::try_from(WallClock.now().timestamp()).unwrap_or_default();
        let today = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        if verifier.verify_client_cert(certificate, between, today).is_err() {
            good.remove(certificate.as_ref());
            return false;
        }
        if good.len() >= ANSWERS_MAX {
            good.clear();
        }
        good.insert(certificate.to_vec(), now);
        true
    }
}

/// Watches a certificate for a stream that it began.
pub(crate) struct Trusting {
    trust: Arc<Trust>,
    chain: Chain,
}

impl Trusting {
    pub(crate) fn new(trust: Arc<Trust>, chain: Chain) -> Self {
        Self { trust, chain }
    }

    /// Whether the certificate is good now.
    pub(crate) fn is_good(&self) -> bool {
        self.trust.is_good(&self.chain)
    }

    /// Waits until the certificate is not good any more.
    pub(crate) async fn ended(self) {
        let mut authority = self.trust.verifier.subscribe();
        while self.is_good() {
            // The authority changes, or the certificate's last day passes; the sender lives as long as this does.
            let _ = tokio::time::timeout(STANDS, authority.changed()).await;
        }
    }
}
