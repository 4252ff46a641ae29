//! Errors of the API: a code, a sentence, and an `ErrorInfo` with a stable reason, always.

use std::{collections::HashMap, time::Duration};

use subledger_domain::{Reason, Rejection};
use subledger_fold::StoreError;
use subledger_log::{Position, ReadError, codec::FieldError};
use subledger_writer::CommandError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::router::SubmitError;

/// The domain of every `ErrorInfo`.
pub(crate) const DOMAIN: &str = "subledger";
/// What a caller is told to wait when something is unavailable.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(1);

/// A status with its reason and facts.
pub(crate) fn status(code: Code, reason: &str, message: impl Into<String>, metadata: &[(&str, String)]) -> Status {
    let metadata: HashMap<_, _> = metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, metadata))
}

/// A field of a request has a value that does not fit.
pub(crate) fn invalid_field(error: &FieldError) -> Status {
    field_status("INVALID_VALUE", &error.path, &error.what)
}

/// A field of a request is at fault.
pub(crate) fn field_status(reason: &str, path: &str, what: &str) -> Status {
    let mut details =
        ErrorDetails::with_error_info(reason, DOMAIN, HashMap::from([("field".to_owned(), path.to_owned())]));
    details.add_bad_request_violation(path, what);
    let message = if path.is_empty() { what.to_owned() } else { format!("{path}: {what}") };
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// There is nothing with that id.
pub(crate) fn not_found(kind: &str, id: &str) -> Status {
    status(Code::NotFound, &not_found_reason(kind), format!("there is no {kind} {id:?}"), &[("id", id.to_owned())])
}

/// `CO_OP_CLAIM_NOT_FOUND` of a co-op claim.
pub(crate) fn not_found_reason(kind: &str) -> String {
    let code = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{}_NOT_FOUND", kind.chars().map(code).collect::<String>())
}

/// Something is missing for now.
pub(crate) fn unavailable(reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_UNAVAILABLE));
    Status::with_error_details(Code::Unavailable, message, details)
}

/// A read model cannot be read.
pub(crate) fn store(error: &StoreError) -> Status {
    tracing::error!(%error, "a read model cannot be read");
    status(Code::Internal, "READ_MODEL_DAMAGED", format!("the read model cannot be read: {error}; rebuild it"), &[])
}

/// The log cannot be read.
pub(crate) fn read(error: &ReadError) -> Status {
    match error {
        ReadError::NoSuchPartition { .. } => status(Code::NotFound, "PARTITION_NOT_FOUND", error.to_string(), &[]),
        ReadError::PastEnd { .. } => status(Code::OutOfRange, "POSITION_PAST_END", error.to_string(), &[]),
        ReadError::Damaged { .. } => {
            tracing::error!(%error, "the log is damaged");
            status(Code::DataLoss, "LOG_DAMAGED", error.to_string(), &[])
        }
        ReadError::Unavailable { .. } => unavailable("LOG_UNAVAILABLE", error.to_string()),
    }
}

/// A command was refused: recorded at `position`, or not recorded.
pub(crate) fn rejection(rejection: &Rejection, position: Option<Position>) -> Status {
    let code = code_of(rejection.reason);
    let mut metadata: HashMap<_, _> = rejection.metadata.clone().into_iter().collect();
    metadata.extend(position.map(|position| ("position".to_owned(), position.to_string())));
    let mut details = ErrorDetails::with_error_info(rejection.reason.code(), DOMAIN, metadata);
    if let (Code::InvalidArgument, Some(field)) = (code, rejection.metadata.get("field")) {
        details.add_bad_request_violation(field, &rejection.message);
    }
    Status::with_error_details(code, &rejection.message, details)
}

/// A command has no recorded outcome.
pub(crate) fn submit(error: &SubmitError) -> Status {
    let command_error = match error {
        SubmitError::Refused(refused) => return rejection(refused, None),
        SubmitError::Command(error) => error,
    };
    let (code, retry) = match command_error {
        CommandError::Overloaded { retry_after, .. } => (Code::ResourceExhausted, Some(*retry_after)),
        CommandError::IdReused { .. } => (Code::AlreadyExists, None),
        CommandError::TooLarge { .. } => (Code::InvalidArgument, None),
        CommandError::Unavailable { .. } => (Code::Unavailable, Some(RETRY_UNAVAILABLE)),
        CommandError::Unknown { .. } => (Code::DeadlineExceeded, None),
    };
    let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, error.metadata());
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    Status::with_error_details(code, error.to_string(), details)
}

/// The status code of a refusal.
fn code_of(reason: Reason) -> Code {
    let code = reason.code();
    match reason {
        Reason::VersionMismatch => Code::Aborted,
        Reason::RequiredFieldMissing | Reason::InvalidValue | Reason::DomainInvalid => Code::InvalidArgument,
        _ if code.ends_with("_NOT_FOUND") => Code::NotFound,
        _ if code.ends_with("_ALREADY_EXISTS") => Code::AlreadyExists,
        _ => Code::FailedPrecondition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_and_travels_in_error_info() {
        let cases = [
            (Reason::VersionMismatch, Code::Aborted),
            (Reason::CustomerNotFound, Code::NotFound),
            (Reason::OrderAlreadyExists, Code::AlreadyExists),
            (Reason::InvalidValue, Code::InvalidArgument),
            (Reason::RelationshipRequired, Code::FailedPrecondition),
            (Reason::OfferNotInPriceList, Code::FailedPrecondition),
        ];
        for (reason, code) in cases {
            let status = rejection(&Rejection::field(reason, "quantity", "no"), None);
            let info = status.get_error_details().error_info().unwrap().clone();
            assert_eq!((status.code(), info.reason.as_str(), info.domain.as_str()), (code, reason.code(), DOMAIN));
        }
    }

    #[test]
    fn overload_says_when_to_come_back() {
        let retry_after = Duration::from_millis(50);
        let error = CommandError::Overloaded { partition: "customers/0".into(), limit: 7, retry_after };
        let status = submit(&error.into());
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_error_details().retry_info().unwrap().retry_delay, Some(retry_after));
    }
}
