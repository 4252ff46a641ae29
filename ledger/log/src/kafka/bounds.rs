//! Where a topic's partition begins and ends, asked until its leader is found.

use std::{
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    client::{Client, ClientContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code},
};

use super::options::KafkaOptions;

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(50);

/// The offsets of the first record of a partition and after its last.
///
/// A topic that was just made has a leader in the metadata before that broker knows of it, and leaders move: such an answer is asked for
/// again until the options' request timeout.
pub(super) fn bounds<C: ClientContext>(
    client: &Client<C>,
    options: &KafkaOptions,
    topic: &str,
    partition: i32,
) -> KafkaResult<(i64, i64)> {
    let deadline = Instant::now() + options.request_timeout;
    loop {
        match client.fetch_watermarks(topic, partition, options.request_timeout) {
            Err(error) if passes(&error) && Instant::now() < deadline => thread::sleep(PAUSE),
            answer => return answer,
        }
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
        assert!(!passes(&KafkaError::MetadataFetch(Code::BrokerTransportFailure)));
    }
}
