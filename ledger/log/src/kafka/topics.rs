//! The topics around the log: commands come in on one, outcomes and dead letters go out on others.
//!
//! Nothing here is part of the history. A command that is read twice, or by two writers at a time while partitions move, is harmless:
//! its commit carries the place it came from ([`crate::Source`]), and of two writers the reader rule accepts one.

mod commands;
mod publish;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use rdkafka::message::{BorrowedHeaders, Header, Headers as _, OwnedHeaders};

pub use self::{
    commands::{
        CommandConsumer, CommandEvent, ConsumeError, IncomingRecord, POLL_BYTES_MAX, POLL_EVENTS_MAX,
        POLL_INTERVAL_MAX, SESSION_TIMEOUT,
    },
    publish::{
        Delivered, Delivery, Destination, IN_FLIGHT_KIB_MAX, OutgoingRecord, PUBLISHED_BYTES_MAX, PublishError,
        RecordProducer,
    },
};

/// The version of `CloudEvents` that is written.
const SPEC_VERSION: &str = "1.0";

/// Headers of a record, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Bytes)>);

impl Headers {
    /// The last value of that name, as Kafka's own clients look it up.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| &value[..])
    }

    /// The same, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Of names and values together.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn from_kafka(headers: Option<&BorrowedHeaders>) -> Self {
        let copy = |header: Header<'_, &[u8]>| {
            (header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default()))
        };
        Self(headers.map(|headers| headers.iter().map(copy).collect()).unwrap_or_default())
    }

    fn to_kafka(&self) -> OwnedHeaders {
        self.0.iter().fold(OwnedHeaders::new_with_capacity(self.0.len()), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(&value[..]) })
        })
    }
}

/// The attributes of a `CloudEvent` in Kafka's binary mode: the record's value is the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// `ce_id`: with the source, unique in the world. Of a command, its id.
    pub id: String,
    /// `ce_type`.
    pub kind: String,
    /// `ce_source`: who says so.
    pub source: String,
    /// `ce_time`.
    pub time: Option<DateTime<Utc>>,
    /// `content-type` of the data.
    pub content_type: String,
}

impl CloudEvent {
    /// As headers.
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::default()
            .with("ce_specversion", SPEC_VERSION)
            .with("ce_id", self.id.clone())
            .with("ce_type", self.kind.clone())
            .with("ce_source", self.source.clone());
        if let Some(time) = self.time {
            headers = headers.with("ce_time", time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        }
        headers.with("content-type", self.content_type.clone())
    }

    /// From headers. None unless they have every attribute that `CloudEvents` requires, of a major version that is known.
    pub fn from_headers(headers: &Headers) -> Option<Self> {
        let text = |name| headers.text(name).filter(|value| !value.is_empty()).map(str::to_owned);
        if !text("ce_specversion")?.starts_with("1.") {
            return None;
        }
        let time = match headers.text("ce_time") {
            None => None,
            Some(time) => Some(DateTime::parse_from_rfc3339(time).ok()?.with_timezone(&Utc)),
        };
        let content_type = text("content-type").unwrap_or_default();
        Some(Self { id: text("ce_id")?, kind: text("ce_type")?, source: text("ce_source")?, time, content_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloud_events_come_back_from_headers() {
        let event = CloudEvent {
            id: "c-1".into(),
            kind: "subledger.v1.Command".into(),
            source: "/shop".into(),
            time: DateTime::from_timestamp(1_700_000_000, 5_000_000),
            content_type: "application/protobuf".into(),
        };
        let headers = event.headers();
        assert_eq!(headers.text("ce_time"), Some("2023-11-14T22:13:20.005Z"));
        assert_eq!(CloudEvent::from_headers(&headers), Some(event));
    }

    #[test]
    fn half_a_cloud_event_is_none() {
        let whole = CloudEvent {
            id: "c-1".into(),
            kind: "t".into(),
            source: "s".into(),
            time: None,
            content_type: String::new(),
        };
        for missing in ["ce_specversion", "ce_id", "ce_type", "ce_source"] {
            let mut headers = whole.headers();
            headers.0.retain(|(name, _)| name != missing);
            assert_eq!(CloudEvent::from_headers(&headers), None, "without {missing}");
        }
        assert_eq!(CloudEvent::from_headers(&whole.headers().with("ce_time", "yesterday")), None);
        assert_eq!(CloudEvent::from_headers(&whole.headers().with("ce_specversion", "2.0")), None);
    }
}
