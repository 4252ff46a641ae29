//! Offers and prices as values: what the catalog publishes and a subscription carries.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ids::OfferId, tax::TaxScope};

/// How often a subscription is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BillingFrequency {
    /// Every month, on the anniversary of the purchase.
    Monthly,
    /// Every twelve months.
    Annual,
}

impl BillingFrequency {
    /// Months of one billing period.
    pub fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Annual => 12,
        }
    }

    /// `Monthly` or `Annual`, as the files print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Annual => "Annual",
        }
    }
}

/// The family of product: decides invoice, charge types and cancellation (billing.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProductFamily {
    /// Seats on the partner's billing day.
    License,
    /// One-time and recurring products, by calendar month.
    OneTimeRecurring,
    /// Marketplace SaaS, by calendar month.
    MarketplaceSaas,
}

/// How a part of a period is priced (billing.md section 2, "Proration").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProrationRule {
    /// unit = r2(P*d/D); amount = r2(P*Q*d/D).
    Exact,
    /// unit = r2(r3(P/D)*d); amount = unit*Q.
    DailyRate3dp,
    /// amount = r2(r2(r2(P*Q/D)*d)/Q)*Q; unit = amount/Q.
    PublishedFormula,
    /// unit = r2(P*d/D); amount = unit*Q.
    RoundedUnit,
}

/// The period a unit price pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PricePer {
    /// One month.
    Month,
    /// Twelve months.
    Year,
}

impl PricePer {
    /// Months it pays for.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
        }
    }
}

/// How often one customer may buy an offer (accounts page section 2.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OfferLimitScope {
    /// As often as wanted.
    None,
    /// So often ever.
    Lifetime,
    /// So many at once; a slot is free again when deprovisioned or expired.
    Concurrent,
}

/// Secondary license type of a price list row (accounts page section 2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OfferKind {
    /// Bought from the catalog.
    Base,
    /// Bought on top of a base subscription.
    AddOn,
    /// A free trial.
    Trial,
}

/// One price of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceComponent {
    /// Names it where the offer has several; each has its own charge line.
    pub component: Option<String>,
    /// List price of one seat for one `per`, not rounded.
    pub unit_price: Decimal,
    /// The period it pays for.
    pub per: PricePer,
}

/// What may be bought, and under which rules: a row of the offer matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The price list's offer id.
    pub offer_id: OfferId,
    /// Name on every document.
    pub display_name: String,
    /// How it is billed.
    pub product_family: ProductFamily,
    /// Base, add-on or trial.
    pub kind: OfferKind,
    /// Length of the term in months: 1, 12, 36 or 72.
    pub term_months: u32,
    /// How it may be billed; empty for a custom meter, see [`Offer::is_metered`].
    pub billing_frequencies: BTreeSet<BillingFrequency>,
    /// Seats, at least 1.
    pub minimum_quantity: u32,
    /// Seats; none for no maximum.
    pub maximum_quantity: Option<u32>,
    /// What `limit` counts.
    pub limit_scope: OfferLimitScope,
    /// How many one customer may own.
    pub limit: u32,
    /// Bases an add-on may stand on.
    pub prerequisite_offer_ids: BTreeSet<OfferId>,
    /// ISO 3166 alpha-2 codes of the countries it is sold in; empty for all.
    pub markets: BTreeSet<String>,
    /// How parts of a period are priced.
    pub proration_rule: ProrationRule,
    /// Whether an annual re-bill is cut at the first monthly anniversary after a change.
    pub split_rebill_at_anniversary: bool,
    /// First day it can neither be bought nor renewed.
    pub end_of_sale: Option<NaiveDate>,
    /// What it is for tax, if it is more particular than digital content: software or a reservation.
    pub tax_scope: Option<TaxScope>,
}

impl Offer {
    /// Whether it is a custom meter: a marketplace plan without a billing period, charged once and whole for the day it is bought
    /// (L10618-10640). What is used of it is charged elsewhere.
    pub fn is_metered(&self) -> bool {
        self.billing_frequencies.is_empty()
    }
}

/// The longest-term offer of the source, which nothing may change within its term (accounts page section 2.15).
pub const LOCKED_TERM_MONTHS: u32 = 72;

/// A row of a price list, with its published columns (accounts page section 2.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// `ADD`, `CHG`, `DEL` or `UNC`.
    pub change_flag: String,
    /// First day it can be ordered at this price.
    pub valid_from: NaiveDate,
    /// Last day, included.
    pub valid_to: Option<NaiveDate>,
    /// Offer display name.
    pub offer_display_name: String,
    /// Offer id.
    pub offer_id: OfferId,
    /// `corporate`, `government` or `academic`.
    pub license_agreement_type: String,
    /// The period that one list price pays for.
    pub purchase_unit: PricePer,
    /// `non-specific`, `add-on` or `trial`.
    pub secondary_license_type: String,
    /// Who may buy it.
    pub end_customer_type: String,
    /// What the partner pays for one seat.
    pub list_price: Decimal,
    /// Estimated retail price.
    pub erp_price: Option<Decimal>,
    /// Names one of several prices of an offer.
    pub component: Option<String>,
}
