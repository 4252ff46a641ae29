//! Events about incentives: what is published for them, enrollment, closed earnings, payments, disputes.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{DisputeId, IncentiveProgramId, PartnerId, PaymentId},
    incentive::{
        BankProfile, CoopShare, CurrencyTotal, DatedRate, EnrollmentStatus, IncentiveProgram, LeverTotal,
        PaymentAmounts, PaymentMethod, PaymentStatus, TaxProfile,
    },
    money::Currency,
    position::Position,
};

event! {
    /// Catalog: programs, as they stand here from now on.
    IncentiveProgramsPublished {
        /// The programs.
        programs: Vec<IncentiveProgram>,
    }

    /// Catalog: exchange rates by day.
    IncentiveRatesPublished {
        /// The rates.
        rates: Vec<DatedRate>,
    }

    /// Partner: an enrollment moved.
    IncentiveEnrollmentChanged {
        /// The partner.
        partner_id: PartnerId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// What it was; none before the first invitation.
        from: Option<EnrollmentStatus>,
        /// What it is.
        to: EnrollmentStatus,
        /// The day.
        on: NaiveDate,
        /// Why; may be empty.
        reason: String,
        /// Requirements that are not met.
        unmet: BTreeSet<String>,
        /// By when its data is checked; while that goes on.
        validate_until: Option<DateTime<Utc>>,
    }

    /// Partner: its bank or tax data is another.
    PayoutProfileUpdated {
        /// The partner.
        partner_id: PartnerId,
        /// New bank data.
        bank: Option<BankProfile>,
        /// New tax data.
        tax: Option<TaxProfile>,
    }

    /// Partner: the earnings of a month are closed.
    EarningsClosed {
        /// The partner.
        partner_id: PartnerId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// First day of the month in which the charges were invoiced.
        period: NaiveDate,
        /// Its last day: the day of its earnings.
        earned_on: NaiveDate,
        /// The partner's revision that it was computed with.
        revision: u64,
        /// Sums by card and lever.
        levers: Vec<LeverTotal>,
        /// Sums by transaction currency.
        totals: Vec<CurrencyTotal>,
        /// Adjustments, in US dollars.
        adjusted_usd: Decimal,
        /// All earnings, in US dollars.
        earned_usd: Decimal,
        /// What of them went to co-op funds; the rest is paid.
        coop: Vec<CoopShare>,
        /// Earnings.
        line_count: u32,
        /// SHA-256 over them, in order.
        lines_digest: Vec<u8>,
        /// The day of the payment order.
        order_on: NaiveDate,
        /// The day of the payment.
        payment_on: NaiveDate,
        /// What the payment is at least, in US dollars.
        payment_threshold: Decimal,
        /// No period follows.
        is_last: bool,
        /// The last commits of customers that it was computed with.
        reflects: Vec<Position>,
    }

    /// Partner: a payment is ordered; it is upcoming.
    IncentivePaymentOrdered {
        /// The partner.
        partner_id: PartnerId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// Its id.
        payment_id: PaymentId,
        /// First days of the months in it.
        periods: Vec<NaiveDate>,
        /// What it comes to.
        amounts: PaymentAmounts,
        /// How.
        method: PaymentMethod,
        /// The day.
        ordered_on: NaiveDate,
        /// The day it should be paid.
        payment_on: NaiveDate,
    }

    /// Partner: nothing is paid this time, and what was earned is carried over.
    IncentivePaymentDeferred {
        /// The partner.
        partner_id: PartnerId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// The day of the order.
        ordered_on: NaiveDate,
        /// What is carried over, in US dollars.
        carried_usd: Decimal,
        /// What a payment is at least, in US dollars.
        payment_threshold: Decimal,
        /// The enrollment is not in order, or bank or tax data is missing.
        not_ready: bool,
    }

    /// Partner: a payment moved.
    IncentivePaymentStatusChanged {
        /// The partner.
        partner_id: PartnerId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// The payment.
        payment_id: PaymentId,
        /// What it was.
        from: PaymentStatus,
        /// What it is.
        to: PaymentStatus,
        /// The day.
        on: NaiveDate,
        /// Why; may be empty.
        reason: String,
        /// What it comes to.
        amounts: PaymentAmounts,
        /// What the next payments have less, in US dollars; 0 but for an incorrect payment.
        recoup_usd: Decimal,
    }

    /// Partner: a tax invoice was given.
    TaxInvoiceSubmitted {
        /// The partner.
        partner_id: PartnerId,
        /// The payment it is for.
        payment_id: PaymentId,
        /// Its number.
        reference: String,
        /// SHA-256 of the document, in hexadecimal.
        document_hash: String,
        /// The day.
        submitted_on: NaiveDate,
    }

    /// Partner: an earning is disputed.
    EarningDisputed {
        /// The partner.
        partner_id: PartnerId,
        /// Its id.
        dispute_id: DisputeId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// First day of the month.
        period: NaiveDate,
        /// The earning; empty if one is missing.
        earning_id: String,
        /// What is claimed more.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// Why.
        reason: String,
        /// The day.
        disputed_on: NaiveDate,
    }

    /// Partner: a dispute has its answer.
    EarningDisputeDecided {
        /// The partner.
        partner_id: PartnerId,
        /// The dispute.
        dispute_id: DisputeId,
        /// The program.
        program_id: IncentiveProgramId,
        /// The location.
        mpn_id: String,
        /// The disputed earning.
        earning_id: String,
        /// An adjustment of the next period; none if it was refused.
        correction: Option<Decimal>,
        /// Of the correction.
        currency: Currency,
        /// Why.
        note: String,
        /// The day.
        decided_on: NaiveDate,
    }
}
