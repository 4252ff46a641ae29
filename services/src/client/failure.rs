//! What can end a command, what it prints then, and its exit code.

use std::{fmt::Write as _, io, process::ExitCode};

use subledger_proto::common::Rejection;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The ledger refused, or a difference was found.
const EXIT_REFUSED: u8 = 1;
/// Usage, or input that cannot be read.
const EXIT_USAGE: u8 = 2;
/// The ledger cannot be reached.
const EXIT_UNREACHABLE: u8 = 3;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The ledger answered with an error.
    Refused(Box<Status>),
    /// It is done, but something was refused or differs; the text says what, and may be empty where it was printed already.
    Differs(String),
    /// The arguments or the input make no sense.
    Usage(String),
    /// There is no ledger at the address.
    Unreachable(String),
    /// What was to be printed could not be.
    Output(io::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if is_unreachable(&status) { Self::Unreachable(cause(&status)) } else { Self::Refused(Box::new(status)) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        Self::Output(error.into())
    }
}

impl From<subledger_log::codec::JsonError> for Failure {
    fn from(error: subledger_log::codec::JsonError) -> Self {
        Self::Output(io::Error::other(error))
    }
}

impl Failure {
    /// Prints it on standard error and says with what to exit. A reader that went away (`| head`) is no failure.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Self::Output(error) => (format!("error: cannot write the output: {error}"), EXIT_USAGE),
            Self::Differs(text) if text.is_empty() => return ExitCode::from(EXIT_REFUSED),
            Self::Differs(text) => (text, EXIT_REFUSED),
            Self::Usage(text) => (format!("error: {text}"), EXIT_USAGE),
            Self::Unreachable(text) => (format!("error: the ledger cannot be reached: {text}"), EXIT_UNREACHABLE),
            Self::Refused(status) => (describe(&status), EXIT_REFUSED),
        };
        eprintln!("{text}");
        ExitCode::from(code)
    }
}

/// Whether the call may not have reached a ledger at all.
pub(crate) fn is_unreachable(status: &Status) -> bool {
    let broken = std::error::Error::source(status).is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>);
    (broken || status.code() == Code::Unavailable) && status.get_details_error_info().is_none()
}

/// The innermost cause: "Connection refused" says more than "transport error".
fn cause(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut error = std::error::Error::source(status);
    while let Some(inner) = error {
        text = inner.to_string();
        error = inner.source();
    }
    text
}

/// An error of the ledger for a person: the reason first, then the sentence, then every fact on a line of its own.
pub(crate) fn describe(status: &Status) -> String {
    let info = status.get_details_error_info();
    let reason = info.as_ref().map_or_else(|| code_name(status.code()).to_owned(), |info| info.reason.clone());
    let mut text = format!("error: the ledger refused: {reason}");
    if !status.message().is_empty() {
        let _ = write!(text, "\n  {}", status.message());
    }
    if let Some(info) = info {
        let _ = write!(text, "\n  code: {}", code_name(status.code()));
        for (key, value) in sorted(info.metadata.iter()) {
            let _ = write!(text, "\n  {key}: {value}");
        }
    }
    for violation in status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default() {
        let _ = write!(text, "\n  field {}: {}", violation.field, violation.description);
    }
    if let Some(delay) = status.get_details_retry_info().and_then(|retry| retry.retry_delay) {
        let _ = write!(text, "\n  try again in {} ms", delay.as_millis());
    }
    text
}

/// A refusal that is an outcome, in the same shape as an error.
pub(crate) fn describe_rejection(rejection: &Rejection) -> String {
    let mut text = format!("refused: {}\n  {}", rejection.reason, rejection.message);
    for (key, value) in sorted(rejection.metadata.iter()) {
        let _ = write!(text, "\n  {key}: {value}");
    }
    text
}

fn sorted<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<(&'a String, &'a String)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    pairs
}

/// The code as gRPC names it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_refusal_shows_reason_facts_and_fields() {
        let mut details = ErrorDetails::new();
        details
            .set_error_info("INVALID_VALUE", "subledger", [("field".to_owned(), "quantity".to_owned())])
            .add_bad_request_violation("change_quantity.quantity", "at least 1 seat");
        let status = Status::with_error_details(Code::InvalidArgument, "A quantity is at least 1", details);
        assert_eq!(
            describe(&status),
            "error: the ledger refused: INVALID_VALUE\n  A quantity is at least 1\n  code: INVALID_ARGUMENT\n  \
             field: quantity\n  field change_quantity.quantity: at least 1 seat"
        );
    }

    #[test]
    fn no_ledger_is_another_failure_than_a_refusal() {
        assert!(matches!(Failure::from(Status::unavailable("tcp connect error")), Failure::Unreachable(_)));
        assert!(matches!(Failure::from(Status::not_found("no such customer")), Failure::Refused(_)));
    }
}
