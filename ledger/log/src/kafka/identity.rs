//! The record that says which ledger the topics are: the first of the topic `ledger`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
};
use serde::{Deserialize, Serialize};

use super::{
    append::{Failure, Producing},
    bounds::bounds,
    context::Context,
    options::KafkaOptions,
    settings::Topics,
};
use crate::{Layout, LedgerId, OpenError};

/// The version of the record's form.
const FORMAT: u32 = 1;
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    ledger_id: LedgerId,
    layout: Layout,
}

/// The identity, if the topic has a record.
pub(super) fn read(options: &KafkaOptions, topics: &Topics) -> Result<Option<(LedgerId, Layout)>, OpenError> {
    let failed = |error| options.cannot_open(error);
    let config = options.consumer("identity", &format!("{}-reader", options.topic_prefix));
    let consumer: BaseConsumer<Context> =
        BaseConsumer::from_config_and_context(&config, Context::default()).map_err(failed)?;
    let (low, high) = bounds(consumer.client(), options, &topics.ledger, 0).map_err(failed)?;
    if low > 0 {
        return Err(not_a_ledger(topics, "its first record is gone: was its retention changed?"));
    }
    if high == 0 {
        return Ok(None);
    }
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&topics.ledger, 0, Offset::Offset(0)).map_err(failed)?;
    consumer.assign(&from).map_err(failed)?;
    let deadline = Instant::now() + options.request_timeout;
    loop {
        match consumer.poll(POLL) {
            Some(Ok(message)) => return decode(topics, message.payload().unwrap_or_default()).map(Some),
            Some(Err(error)) if Instant::now() >= deadline => return Err(failed(error)),
            None if Instant::now() >= deadline => {
                return Err(options.cannot_open(format!("topic {} has a record, but it did not come", topics.ledger)));
            }
            Some(Err(_)) | None => {}
        }
    }
}

/// Writes an identity and says which one counts: if somebody else was faster, theirs.
pub(super) fn write(
    options: &KafkaOptions,
    topics: &Topics,
    ledger_id: LedgerId,
    layout: Layout,
) -> Result<(LedgerId, Layout), OpenError> {
    let record = serde_json::to_vec(&Record { format: FORMAT, ledger_id, layout })
        .map_err(|error| options.cannot_open(error))?;
    let mut producing = Producing::new(options, &topics.ledger, 0).map_err(|error| options.cannot_open(error))?;
    match producing.write(0, &[Bytes::from(record)]) {
        // Reading tells: whether it was written, and whether somebody else was faster.
        Ok(()) | Err(Failure::Interleaved { .. } | Failure::Unknown(_)) => {}
        Err(Failure::NotWritten(error)) => return Err(options.cannot_open(error)),
    }
    read(options, topics)?.ok_or_else(|| {
        not_a_ledger(
            topics,
            "it could not be written to: the brokers did not answer in time. Run `subledger kafka init` again",
        )
    })
}

fn decode(topics: &Topics, bytes: &[u8]) -> Result<(LedgerId, Layout), OpenError> {
    let record: Record = serde_json::from_slice(bytes)
        .map_err(|error| not_a_ledger(topics, &format!("its first record does not name a ledger ({error})")))?;
    if record.format != FORMAT {
        let what = format!("its record has format {}, this program knows {FORMAT}: use a newer one", record.format);
        return Err(not_a_ledger(topics, &what));
    }
    let layout = Layout::new(record.layout.partners, record.layout.customers)
        .map_err(|error| not_a_ledger(topics, &format!("its layout makes no sense: {error}")))?;
    Ok((record.ledger_id, layout))
}

fn not_a_ledger(topics: &Topics, what: &str) -> OpenError {
    OpenError::NotALedger { what: format!("topic {}: {what}", topics.ledger) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_stays() {
        let stored =
            br#"{"format":1,"ledger_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","layout":{"partners":1,"customers":4}}"#;
        let topics = Topics::new("t");
        let (ledger_id, layout) = decode(&topics, stored).unwrap();
        assert_eq!(layout, Layout { partners: 1, customers: 4 });
        let again = serde_json::to_vec(&Record { format: FORMAT, ledger_id, layout }).unwrap();
        assert_eq!(again, stored);
    }

    #[test]
    fn other_records_are_refused() {
        let topics = Topics::new("t");
        for (stored, says) in [
            (&b"hello"[..], "does not name a ledger"),
            (br#"{"format":2,"ledger_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","layout":{"partners":1,"customers":4}}"#, "format 2"),
            (br#"{"format":1,"ledger_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","layout":{"partners":1,"customers":0}}"#, "makes no sense"),
        ] {
            let error = decode(&topics, stored).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
