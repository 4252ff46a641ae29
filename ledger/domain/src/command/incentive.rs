//! Commands about incentives: what is published for them, enrollment, closing earnings, payments, disputes.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{DisputeId, IncentiveProgramId, PartnerId, PaymentId},
    incentive::{
        BankProfile, CoopShare, CurrencyTotal, DatedRate, EnrollmentStatus, IncentiveProgram, LeverTotal,
        PaymentStatus, TaxProfile,
    },
    money::Currency,
    position::Position,
};

/// Programs with their rate cards; one published again replaces its earlier version, but for days that are closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishIncentivePrograms {
    /// At least one.
    pub programs: Vec<IncentiveProgram>,
}

/// Exchange rates by day; a closed day keeps the rate it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishIncentiveRates {
    /// At least one.
    pub rates: Vec<DatedRate>,
}

/// Invites a location of a partner to a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteToIncentive {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location, by its id in the partner network.
    pub mpn_id: String,
}

/// Accepts an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptIncentiveInvitation {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
}

/// Gives the partner's bank or tax data, or new ones; what is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePayoutProfile {
    /// The partner.
    pub partner_id: PartnerId,
    /// Where payments go.
    pub bank: Option<BankProfile>,
    /// How they are taxed.
    pub tax: Option<TaxProfile>,
}

/// The provider's answer about an enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetIncentiveEnrollment {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
    /// What it becomes.
    pub status: EnrollmentStatus,
    /// Why; required unless it is enrolled.
    pub reason: String,
    /// Requirements that are not met; with `Ineligible` at least one.
    pub unmet: BTreeSet<String>,
}

/// Closes the earnings of a month over charges that are already decided. Sent by the incentive projector under an id derived from
/// partner, program, location, month and revision, so a repetition has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseEarnings {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
    /// First day of the month in which the charges were invoiced.
    pub period: NaiveDate,
    /// [`crate::partner::Incentives::revision`] that it was computed with.
    pub revision: u64,
    /// Sums by card and lever.
    pub levers: Vec<LeverTotal>,
    /// Sums by transaction currency.
    pub totals: Vec<CurrencyTotal>,
    /// Adjustments, in US dollars.
    pub adjusted_usd: Decimal,
    /// All earnings, in US dollars.
    pub earned_usd: Decimal,
    /// What of them is for co-op funds.
    pub coop: Vec<CoopShare>,
    /// Earnings.
    pub line_count: u32,
    /// SHA-256 over them, in order.
    pub lines_digest: Vec<u8>,
    /// The day of the payment order.
    pub order_on: NaiveDate,
    /// The day of the payment.
    pub payment_on: NaiveDate,
    /// What the payment is at least, in US dollars.
    pub payment_threshold: Decimal,
    /// No period follows: the enrollment has ended.
    pub is_last: bool,
    /// The last commits of customers that were folded.
    pub reflects: Vec<Position>,
}

/// Orders the payment of what is past its cooling period. Sent by the incentive projector, like [`CloseEarnings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIncentivePayment {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
    /// The day of the order, as a closed period says it.
    pub ordered_on: NaiveDate,
    /// [`crate::partner::Incentives::revision`] that it was computed with.
    pub revision: u64,
    /// What is paid in; none without bank data.
    pub currency: Option<Currency>,
    /// One US dollar in it on the day; none without bank data.
    pub exchange_rate: Option<Decimal>,
}

/// Moves a payment (billing-details.md 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetIncentivePaymentStatus {
    /// The partner.
    pub partner_id: PartnerId,
    /// The payment.
    pub payment_id: PaymentId,
    /// What it becomes.
    pub status: PaymentStatus,
    /// Why; may be empty.
    pub reason: String,
    /// What an incorrect payment takes off the next ones, in US dollars, at most what was paid; none otherwise.
    pub recoup_usd: Option<Decimal>,
}

/// Gives the tax invoice that a payment waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitTaxInvoice {
    /// The partner.
    pub partner_id: PartnerId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The number of the tax invoice.
    pub reference: String,
    /// SHA-256 of the document, in hexadecimal.
    pub document_hash: String,
}

/// Disputes an earning, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeEarning {
    /// The partner.
    pub partner_id: PartnerId,
    /// Unique among the partner's.
    pub dispute_id: DisputeId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
    /// First day of a closed month.
    pub period: NaiveDate,
    /// The earning; empty if one is missing.
    pub earning_id: String,
    /// What is claimed more.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
    /// Why.
    pub reason: String,
}

/// The provider's answer to a dispute; what is corrected is an adjustment of the next period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideEarningDispute {
    /// The partner.
    pub partner_id: PartnerId,
    /// The dispute.
    pub dispute_id: DisputeId,
    /// What is corrected, in the dispute's currency; negative takes back, none refuses.
    pub correction: Option<Decimal>,
    /// Why.
    pub note: String,
}
