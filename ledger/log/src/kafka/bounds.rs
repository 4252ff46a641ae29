//! Where a topic's partition begins and ends, asked until its leader is found.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    client::{Client, ClientContext},
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
};

use super::{context::Context, options::KafkaOptions};

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(50);
/// The part of the time there is that the first question may take; each one after it twice as long, as far as there is time.
const FIRST_QUESTION: u32 = 8;

/// The offsets of the first record of a partition and after its last.
///
/// A topic that was just made has a leader in the metadata before that broker knows of it; leaders move, and they die. The client goes on
/// asking the one it knows, for minutes, so it is told to look for the leader again, until the options' request timeout.
pub(super) fn bounds<C: ClientContext>(
    client: &Client<C>,
    options: &KafkaOptions,
    topic: &str,
    partition: i32,
) -> KafkaResult<(i64, i64)> {
    ask(client, topic, partition, options.request_timeout)
}

fn ask<C: ClientContext>(client: &Client<C>, topic: &str, partition: i32, within: Duration) -> KafkaResult<(i64, i64)> {
    let deadline = Instant::now() + within;
    let mut patience = within / FIRST_QUESTION;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(PAUSE);
        match client.fetch_watermarks(topic, partition, patience.min(left)) {
            Err(error) if passes(&error) && Instant::now() < deadline => {
                // If nobody tells, the next question has the error to report.
                let _ = client.fetch_metadata(Some(topic), patience.min(left));
                patience *= 2;
                thread::sleep(PAUSE);
            }
            answer => return answer,
        }
    }
}

/// A client that asks for ends of partitions and consumes nothing.
pub(super) struct Asker {
    options: KafkaOptions,
    client: Mutex<Arc<BaseConsumer<Context>>>,
}

impl Asker {
    pub(super) fn new(options: &KafkaOptions) -> KafkaResult<Self> {
        let client = Mutex::new(Arc::new(options.metadata_client()?));
        Ok(Self { options: options.clone(), client })
    }

    /// [`bounds`]. With half of the time gone, a new client asks: this one may have lost its brokers for good ([`super::brokers`]), or
    /// have got stuck in what it believes of the topic (a writer was seen to hear of an unknown partition for ten seconds).
    pub(super) fn bounds(&self, topic: &str, partition: i32) -> KafkaResult<(i64, i64)> {
        let client = Arc::clone(&self.client.lock().unwrap_or_else(PoisonError::into_inner));
        // Serves the client's own log lines, which would pile up otherwise.
        let _ = client.poll(Duration::ZERO);
        let half = self.options.request_timeout / 2;
        let error = match ask(client.client(), topic, partition, half) {
            Err(error) => error,
            answer => return answer,
        };
        let Ok(fresh) = self.options.metadata_client().map(Arc::new) else { return Err(error) };
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        if !passes(&error) {
            return Err(error);
        }
        tracing::warn!(%error, topic, partition, "it is not known where the topic ends; a new client asks");
        ask(fresh.client(), topic, partition, half)
    }
}

/// Whether the same question may have another answer a moment later.
fn passes(error: &KafkaError) -> bool {
    let settling = [
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::ReplicaNotAvailable,
        Code::FencedLeaderEpoch,
        Code::UnknownLeaderEpoch,
        Code::OffsetNotAvailable,
        Code::UnknownTopicOrPartition,
        Code::UnknownPartition,
        Code::OperationTimedOut,
        Code::RequestTimedOut,
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
    ];
    error.rdkafka_error_code().is_some_and(|code| settling.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_asked_again() {
        assert!(passes(&KafkaError::MetadataFetch(Code::NotLeaderForPartition)));
        assert!(passes(&KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)));
        assert!(!passes(&KafkaError::MetadataFetch(Code::TopicAuthorizationFailed)));
        // The leader may be dead, and another one be chosen.
        assert!(passes(&KafkaError::MetadataFetch(Code::OperationTimedOut)));
        assert!(!passes(&KafkaError::MetadataFetch(Code::InvalidTopic)));
    }
}
