//! The billing read model: a pure fold over commits ([`BillingProjection`]), the invoices that are due ([`due_invoices`]), and queries.
//!
//! Here lives what is derived from charges: their order, their place on invoices, balanced entries and balances. What may not: deciding an
//! amount (that is done once, with its cause, in the domain), storage, time, randomness.
//!
//! A line is on the first invoice of its series (partner, family, currency) whose period ends after the day it was charged. So an invoice
//! needs no list of its lines and its issue rewrites none; the digest in the event proves that they are still the same
//! ([`verify_invoice`]).

mod digest;
mod files;
mod fold;
mod issue;
mod known;
mod ledger;
mod query;
mod review;
mod schedule;
mod tables;

pub use digest::LineSummary;
pub use files::{
    FilePart, PartnerProfile, customer_name, daily_usage_part, partner_profile, reconciliation_layout,
    reconciliation_part,
};
pub use fold::BillingProjection;
pub use issue::{
    DueInvoice, DueSeries, SERIES_PER_CALL_MAX, closed_through, due_invoices, due_series, has_due_invoices,
    invoiced_through, invoices_of,
};
pub use ledger::Account;
pub use query::*;
pub use review::{DueReview, REVIEWS_PER_CALL_MAX, due_reviews};
pub use tables::{
    claims::{SlaClaim, SlaClaimState},
    credit_notes::{CreditNote, CreditNoteState, IssuedCreditNote},
    refunds::REFUND_OF_TAX,
    statement::StatementKind,
    withholdings::{Withholding, WithholdingState},
};
