//! What librdkafka has to say, as tracing events. It would use the `log` crate otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use super::brokers::KnownBrokers;

/// Of every client that needs no other callbacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    refused: Arc<Mutex<Option<String>>>,
    /// Of a client that reports, which consumers and producers do.
    pub(super) brokers: Arc<KnownBrokers>,
}

impl Context {
    /// What a broker last said against this client's credentials, or this client against the broker's certificate. Known once the client
    /// was polled.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        note_error(&error, reason);
        let refusals = [Code::Authentication, Code::SaslAuthenticationFailed, Code::SSL];
        if error.rdkafka_error_code().is_some_and(|code| refusals.contains(&code)) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }

    fn stats_raw(&self, report: &[u8]) {
        self.brokers.note(report);
    }
}

impl ConsumerContext for Context {}

/// Passes a line of librdkafka's own log on.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "librdkafka: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, "librdkafka: {message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(facility, "librdkafka: {message}");
        }
    }
}

/// A client's error event. Debug only: an error that matters comes out of the operation that met it.
pub(super) fn note_error(error: &KafkaError, reason: &str) {
    tracing::debug!(%error, "librdkafka: {reason}");
}
