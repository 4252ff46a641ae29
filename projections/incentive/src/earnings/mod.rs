//! The earnings of a partner's location in a program and a month: a function of charge lines, reference data and the partner's stream.
//!
//! A line earns in the month in which the invoice that carries it is issued (azure-marketplace-software.md G41): of licenses the month of
//! the billing date on or after the day it was charged; of what is invoiced by calendar month the month after that. It earns if the enrollment did on the day, by the card of the day, on its net revenue: without discount and
//! without any tax. The rate of a lever is one for all its revenue of the month: the accelerator that the revenue in US dollars reaches,
//! or none below the minimum.
//!
//! What takes a line back earns what that line earned, negative: by the card of its day, and by the rate of its month. In a later month
//! it is an adjustment. So are a credit note, which takes back every line of its invoice, the new invoice after it, a granted dispute, and
//! what a cap cuts off. No line is rounded but by [`Rates`].
//!
//! What a lever of a co-op program earns is no payment: it goes to the fund of the usage period that the earning date is in.
//!
//! Nothing of a month changes once its last day is closed: lines are charged on open days, cards and rates of closed days stay, and an
//! enrollment does not change in closed months. What the partner's stream adds later has a later revision, and is in a later month.

mod digest;
mod due;
mod scope;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    charge::InvoiceFamily,
    ids::{CustomerId, IncentiveProgramId, LineId, OfferId, PartnerId, SubscriptionId},
    incentive::{EarningType, IncentiveProgram},
    money::Currency,
    position::Position,
};

pub use due::{AGENDA_PER_CALL_MAX, DueIncentive, DueIncentives, Held, due_incentives, settled_through};
pub use scope::Waiting;
pub(crate) use scope::{Failed, Scope};

/// What an earning is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EarningKind {
    /// A charge line, or one that takes back a line of the same month.
    Transaction,
    /// A line that takes back one of an earlier month.
    Clawback,
    /// A line of an invoice that a credit note cancelled.
    CreditNote,
    /// A line of an invoice that was billed again.
    Rebill,
    /// A granted dispute.
    Correction,
    /// What a cap cut off.
    Cap,
}

impl EarningKind {
    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Clawback => "clawback",
            Self::CreditNote => "credit_note",
            Self::Rebill => "rebill",
            Self::Correction => "correction",
            Self::Cap => "cap",
        }
    }

    /// Whether lists hide its product and customer (L9448).
    pub fn is_adjustment(self) -> bool {
        self != Self::Transaction
    }
}

/// The charge line behind an earning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningSource {
    /// The line.
    pub line_id: LineId,
    /// The commit that charged it.
    pub position: Position,
    /// Who pays for it.
    pub payer_id: PartnerId,
    /// The reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// The customer.
    pub customer_id: CustomerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The offer.
    pub offer_id: OfferId,
    /// Its name.
    pub offer_name: String,
    /// The plan.
    pub sku: Option<String>,
    /// The invoice's family.
    pub family: InvoiceFamily,
    /// The day it was charged.
    pub charged_on: NaiveDate,
    /// Its currency.
    pub currency: Currency,
    /// Its net revenue.
    pub net: Decimal,
    /// The line whose earning it takes back, or that decides its rate.
    pub reverses: Option<LineId>,
}

/// An earning: one lever on one transaction (billing-details.md 3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earning {
    /// `partner/program/month/…`, unique in the ledger.
    pub earning_id: String,
    /// What it is for.
    pub kind: EarningKind,
    /// Who earns.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The location.
    pub mpn_id: String,
    /// First day of its month.
    pub period: NaiveDate,
    /// Of the transaction and of the earning.
    pub currency: Currency,
    /// The day of the transaction.
    pub transaction_date: NaiveDate,
    /// To US dollars, on that day.
    pub transaction_rate: Decimal,
    /// What the earning is on.
    pub transaction_amount: Decimal,
    /// In US dollars, to the cent.
    pub transaction_usd: Decimal,
    /// The lever, or what else made it.
    pub lever: String,
    /// First day of the rate card; none of a correction.
    pub card_from: Option<NaiveDate>,
    /// First day of the month whose revenue decided the rate.
    pub rated_in: NaiveDate,
    /// What one unit earns.
    pub rate: Decimal,
    /// What it is.
    pub earning_type: EarningType,
    /// Billed.
    pub quantity: Decimal,
    /// Transaction amount by rate, rounded half up to the minor unit.
    pub amount: Decimal,
    /// In US dollars, to the cent.
    pub amount_usd: Decimal,
    /// The last day of the month, and the day of the exchange rate.
    pub earned_on: NaiveDate,
    /// To US dollars, on that day.
    pub earning_rate: Decimal,
    /// The line behind it; none of a correction and a cap.
    pub source: Option<EarningSource>,
    /// The credit note, invoice or dispute behind an adjustment; empty otherwise.
    pub reference: String,
}

impl Earning {
    /// The co-op program whose fund it goes to; none if it is paid.
    pub fn coop_program<'a>(&self, program: &'a IncentiveProgram) -> Option<&'a str> {
        let card = program.cards.iter().find(|card| Some(card.valid_from) == self.card_from)?;
        card.lever(&self.lever)?.coop_program.as_deref()
    }
}
