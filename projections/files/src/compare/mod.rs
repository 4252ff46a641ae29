//! Compares the lines of a provider's file with the ledger's: which belong together, where they differ, by how much and probably why.
//!
//! Lines are matched within a subscription by charge type, dates and price: never by offer id, the billing platform's subscription id or the domain
//! name, which may differ or change (billing-details.md section 2.9, L10097-10132).

mod cause;
mod mangled;
mod matching;
mod merge;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::charge::{Charged, Derivation};

use crate::priced;

pub use mangled::MANGLED_LINES_MAX;
pub use merge::{CompareError, SUBSCRIPTION_LINES_MAX, compare};

/// A line of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Row in the file, the header being 1; 0 for a line of the ledger.
    pub row: u64,
    /// The line's id; may be empty in a file.
    pub line_id: String,
    /// The subscription's id in the portal.
    pub subscription: String,
    /// Its customer.
    pub customer_id: String,
    /// The price list's id of the offer.
    pub offer_id: String,
    /// As printed; compared without regard to case.
    pub charge_type: String,
    /// First day charged.
    pub charge_start: NaiveDate,
    /// Last day charged, included.
    pub charge_end: NaiveDate,
    /// Price of a seat, or of a unit of usage; signed.
    pub unit_price: Decimal,
    /// Seats, or units of usage.
    pub quantity: Decimal,
    /// Signed.
    pub amount: Decimal,
    /// Signed as the amount is.
    pub discount: Decimal,
    /// Amount less discount.
    pub subtotal: Decimal,
    /// On top.
    pub tax: Decimal,
    /// Subtotal and tax.
    pub total: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// How the ledger prorated it; none for a line of a file, and for usage.
    pub derivation: Option<Derivation>,
}

impl Line {
    /// Lines of a subscription come together, in the order of days.
    pub fn sort_key(&self) -> SortKey {
        let charge_type = self.charge_type.to_ascii_lowercase();
        SortKey(self.subscription.clone(), self.charge_start, self.charge_end, charge_type, self.unit_price, self.row)
    }
}

/// The order in which [`compare`] takes lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey(String, NaiveDate, NaiveDate, String, Decimal, u64);

impl From<&Charged> for Line {
    fn from(line: &Charged) -> Self {
        let show = |amount| line.currency.round(amount);
        let (unit_price, quantity) = priced(line);
        Self {
            row: 0,
            line_id: line.line_id.to_string(),
            subscription: line.subscription_id.to_string(),
            customer_id: line.customer_id.to_string(),
            offer_id: line.offer_id.to_string(),
            charge_type: line.charge_type.label().to_owned(),
            charge_start: line.charge_start,
            charge_end: line.charge_end.pred_opt().unwrap_or(line.charge_end),
            unit_price,
            quantity,
            amount: line.amount,
            discount: show(line.discount_amount()),
            subtotal: show(line.subtotal()),
            tax: show(line.tax_amount()),
            total: show(line.total()),
            currency: line.currency.to_string(),
            derivation: line.usage.is_none().then(|| line.derivation.clone()),
        }
    }
}

/// The likely reason of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Another currency.
    Currency,
    /// Another number of seats.
    Quantity,
    /// Another price of the period: another version of the price list.
    PriceVersion,
    /// The same price, prorated by another of the published rules.
    ProrationRule,
    /// A minor unit per seat at most, which none of the rules explains.
    Rounding,
    /// Another discount.
    Discount,
    /// Another tax.
    Tax,
    /// Subtotal or total is not the sum of its parts.
    TotalMismatch,
    /// Other days.
    Period,
    /// Another charge type.
    ChargeType,
    /// Another customer or offer.
    Identity,
    /// An id that a spreadsheet took for a number: shortened, in scientific notation, or without its leading zeros.
    MangledId,
    /// The same line once more.
    DuplicateLine,
    /// A change of the subscription, or its correction, that one side does not have.
    MissedChange,
    /// A whole charge that one side does not have.
    MissingCharge,
}

impl Cause {
    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Currency => "currency",
            Self::Quantity => "quantity",
            Self::PriceVersion => "price_version",
            Self::ProrationRule => "proration_rule",
            Self::Rounding => "rounding",
            Self::Discount => "discount",
            Self::Tax => "tax",
            Self::TotalMismatch => "total_mismatch",
            Self::Period => "period",
            Self::ChargeType => "charge_type",
            Self::Identity => "identity",
            Self::MangledId => "mangled_id",
            Self::DuplicateLine => "duplicate_line",
            Self::MissedChange => "missed_change",
            Self::MissingCharge => "missing_charge",
        }
    }
}

/// On which side a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On both, with differences.
    Differs,
    /// In the file only.
    OnlyInFile,
    /// In the ledger only.
    OnlyInLedger,
}

impl Kind {
    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::OnlyInFile => "only_in_file",
            Self::OnlyInLedger => "only_in_ledger",
        }
    }
}

/// A column whose values differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its header.
    pub column: &'static str,
    /// In the file.
    pub file: String,
    /// In the ledger.
    pub ledger: String,
}

/// Something that is not equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// On which side.
    pub kind: Kind,
    /// Probably why.
    pub cause: Cause,
    /// The same in words.
    pub detail: String,
    /// What differs; empty for a line of one side.
    pub fields: Vec<FieldDifference>,
    /// The file's total less the ledger's.
    pub difference: Decimal,
    /// The line in the file.
    pub file: Option<Line>,
    /// The line in the ledger.
    pub ledger: Option<Line>,
}

/// Counts and sums of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Findings.
    pub count: u64,
    /// Sum of their differences.
    pub difference: Decimal,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that are equal.
    pub matched: u64,
    /// Lines on both sides that differ.
    pub differing: u64,
    /// Lines in the file only.
    pub only_in_file: u64,
    /// Lines in the ledger only.
    pub only_in_ledger: u64,
    /// Sum of the totals in the file, by currency.
    pub file_total: BTreeMap<String, Decimal>,
    /// Sum of the totals in the ledger, by currency.
    pub ledger_total: BTreeMap<String, Decimal>,
    /// By cause.
    pub causes: BTreeMap<Cause, Sum>,
}

impl Summary {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.causes.is_empty()
    }

    fn add(&mut self, finding: &Finding) {
        match finding.kind {
            Kind::Differs => self.differing += 1,
            Kind::OnlyInFile => self.only_in_file += 1,
            Kind::OnlyInLedger => self.only_in_ledger += 1,
        }
        let sum = self.causes.entry(finding.cause).or_default();
        sum.count += 1;
        sum.difference += finding.difference;
    }
}
