//! What a caller is told who may not. What is another tenant's is not there: the same error, with the same text, as for what never was.

use tonic::{Code, Status};

use super::matrix::Operation;
use crate::api::errors;

/// A call that is not let through.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The stable reason, as `ErrorInfo` has it.
    pub(crate) reason: String,
    /// What the caller is told.
    pub(crate) status: Box<Status>,
}

impl Refusal {
    fn new(code: Code, reason: &str, message: impl Into<String>, metadata: &[(&str, String)]) -> Self {
        Self { reason: reason.to_owned(), status: Box::new(errors::status(code, reason, message, metadata)) }
    }

    /// None of the caller's roles is one that the operation takes.
    pub(super) fn role(operation: &Operation) -> Self {
        let roles: Vec<_> = operation.allowed.iter().map(|role| role.code()).collect();
        let message = format!(
            "{} takes one of these roles, and the caller has none of them: {}",
            operation.name,
            roles.join(", ")
        );
        let facts = [("operation", operation.name.clone()), ("roles", roles.join(" "))];
        Self::new(Code::PermissionDenied, "ROLE_FORBIDDEN", message, &facts)
    }

    /// Only those who run the ledger may.
    pub(super) fn operators_only(operation: &Operation) -> Self {
        let message = format!("{} is for operators of the ledger; identity.operators names them", operation.name);
        Self::new(Code::PermissionDenied, "OPERATORS_ONLY", message, &[("operation", operation.name.clone())])
    }

    /// The sign-in had one factor only (reports-partners-security.md 2.18).
    pub(super) fn second_factor(operation: &Operation) -> Self {
        let message = "MFA required: the token does not say that a second factor was shown; sign in again with one";
        let facts =
            [("operation", operation.name.clone()), ("www_authenticate", "Bearer error=\"invalid_token\"".to_owned())];
        Self::new(Code::Unauthenticated, "MFA_REQUIRED", message, &facts)
    }

    /// There is no such thing, as far as the caller may know.
    pub(super) fn not_found(kind: &str, id: &str) -> Self {
        Self { reason: errors::not_found_reason(kind), status: Box::new(errors::not_found(kind, id)) }
    }

    /// Whether it may stand for something that is another's.
    pub(super) fn hides(&self) -> bool {
        self.status.code() == Code::NotFound
    }

    /// The request has to say what it means.
    pub(super) fn field(reason: &str, path: &str, what: &str) -> Self {
        Self { reason: reason.to_owned(), status: Box::new(errors::field_status(reason, path, what)) }
    }

    /// What the ledger says elsewhere, passed on.
    pub(super) fn of(status: Status) -> Self {
        use tonic_types::StatusExt as _;
        let reason = status.get_error_details().error_info().map_or_else(String::new, |info| info.reason.clone());
        Self { reason, status: Box::new(status) }
    }
}
