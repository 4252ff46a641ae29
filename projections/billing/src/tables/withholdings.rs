//! Withholding requests.
//!
//! Key: partner text, request id text. Row: [`Withholding`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::WithholdingRequested,
    ids::{InvoiceNumber, PartnerId, WithholdingId},
    money::Currency,
    partner::Certificate,
};
use subledger_fold::{Changes, Key, Rows, StoreError};

use super::prefix::WITHHOLDINGS;

/// Where a request stands (billing-details.md 2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithholdingState {
    /// Waits for the review team.
    Submitted,
    /// Was sent back.
    PendingPartnerAction,
    /// Another request stands in its place.
    Replaced,
    /// Granted; the next invoice prints it.
    Approved,
    /// An invoice printed it, and credited what was not written off.
    Executed,
}

impl WithholdingState {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::PendingPartnerAction => "pending partner action",
            Self::Replaced => "replaced",
            Self::Approved => "approved",
            Self::Executed => "executed",
        }
    }
}

/// A withholding request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withholding {
    /// Who asks.
    pub partner_id: PartnerId,
    /// Its id.
    pub request_id: WithholdingId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
    /// The credit expected.
    pub amount: Decimal,
    /// The invoice's.
    pub currency: Currency,
    /// The authority's.
    pub certificate: Certificate,
    /// The partner's.
    pub country: String,
    /// Who answers questions.
    pub contact_email: String,
    /// Where it stands.
    pub state: WithholdingState,
    /// What the review team said last.
    pub comments: String,
    /// The day it was asked for.
    pub requested_on: NaiveDate,
    /// The day it was granted.
    pub approved_on: Option<NaiveDate>,
    /// What its invoice owes no more.
    pub written_off: Decimal,
    /// What later invoices are to credit, and have not yet.
    pub rest: Decimal,
    /// The invoices that printed it, and what each credited.
    pub credited: BTreeMap<InvoiceNumber, Decimal>,
}

impl From<&WithholdingRequested> for Withholding {
    fn from(e: &WithholdingRequested) -> Self {
        Self {
            partner_id: e.partner_id.clone(),
            request_id: e.request_id.clone(),
            invoice_number: e.invoice_number.clone(),
            amount: e.amount,
            currency: e.currency,
            certificate: e.certificate.clone(),
            country: e.country.clone(),
            contact_email: e.contact_email.clone(),
            state: WithholdingState::Submitted,
            comments: String::new(),
            requested_on: e.requested_on,
            approved_on: None,
            written_off: Decimal::ZERO,
            rest: Decimal::ZERO,
            credited: BTreeMap::new(),
        }
    }
}

/// The prefix of all requests, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(WITHHOLDINGS), Key::text).build()
}

fn key(partner: &PartnerId, id: &WithholdingId) -> Vec<u8> {
    Key::default().bytes(&prefix(Some(partner.as_str()))).text(id.as_str()).build()
}

pub(crate) fn get(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    id: &WithholdingId,
) -> Result<Option<Withholding>, StoreError> {
    subledger_fold::get(rows, &key(partner, id))
}

pub(crate) fn put(rows: &mut dyn Changes, row: &Withholding) -> Result<(), StoreError> {
    subledger_fold::put(rows, key(&row.partner_id, &row.request_id), row)
}

/// Changes a request.
pub(crate) fn change(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    id: &WithholdingId,
    change: impl FnOnce(&mut Withholding),
) -> Result<(), StoreError> {
    let row = get(rows, partner, id)?;
    let missing = || StoreError(format!("an event speaks of request {id} of {partner}, which was not made"));
    let mut row = row.ok_or_else(missing)?;
    change(&mut row);
    put(rows, &row)
}
