//! Which records a reader wants.

use std::ops::Range;

use chrono::{DateTime, Utc};
use subledger_domain::ids::ID_LENGTH_MAX;
use subledger_log::{
    Seen,
    codec::{FieldError, Wire as _},
};
use subledger_proto::api::ReadEventsRequest;
use tonic::Status;

use crate::api::errors;

/// Which records a reader wants; all of the conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    stream: Option<String>,
    /// An id that the record mentions, as protobuf stores it: its length, then its characters.
    mentions: Option<Vec<u8>>,
    recorded: Range<Option<DateTime<Utc>>>,
}

impl Filter {
    /// What the request asks for.
    pub(super) fn new(request: &ReadEventsRequest) -> Result<Self, Status> {
        let time = |field: &'static str, at: Option<prost_types::Timestamp>| {
            let checked = at.map(DateTime::<Utc>::from_wire).transpose();
            checked.map_err(|error: FieldError| errors::invalid_field(&error.within(field)))
        };
        Ok(Self {
            stream: Some(request.stream.clone()).filter(|stream| !stream.is_empty()),
            mentions: stored_id(&request.subscription_id)?,
            recorded: time("recorded_from", request.recorded_from)?..time("recorded_to", request.recorded_to)?,
        })
    }

    /// The one stream wanted.
    pub(super) fn stream(&self) -> Option<&str> {
        self.stream.as_deref()
    }

    /// Whether the record is wanted.
    pub(super) fn wants(&self, record: &Seen) -> bool {
        let recorded_at = record.head.recorded_at;
        self.stream.as_ref().is_none_or(|stream| stream.as_bytes() == record.head.stream)
            && self.recorded.start.is_none_or(|from| recorded_at >= from)
            && self.recorded.end.is_none_or(|to| recorded_at < to)
            && self.mentions.as_ref().is_none_or(|id| record.bytes.windows(id.len()).any(|window| window == id))
    }
}

/// An id as it stands in a stored record, whatever the event: so a record is found that changes the subscription, and one that only
/// refers to it, and a refused command about it.
pub(crate) fn stored_id(id: &str) -> Result<Option<Vec<u8>>, Status> {
    if id.is_empty() {
        return Ok(None);
    }
    let length = u8::try_from(id.len()).ok().filter(|&length| usize::from(length) <= ID_LENGTH_MAX);
    let length = length.ok_or_else(|| {
        let what = format!("an id has at most {ID_LENGTH_MAX} characters");
        errors::field_status("INVALID_VALUE", "subscription_id", &what)
    })?;
    Ok(Some([&[length], id.as_bytes()].concat()))
}
