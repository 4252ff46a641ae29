//! Offers and prices as values: what the catalog publishes and a subscription carries.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{OfferId, PartnerId, PromotionId, SubscriptionId},
    party::Segment,
    tax::TaxScope,
};

/// How often a subscription is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BillingFrequency {
    /// Every month, on the anniversary of the purchase.
    Monthly,
    /// Every twelve months.
    Annual,
    /// Once, up front for the whole term (L12796, L13421).
    OneTime,
}

impl BillingFrequency {
    /// Months of one billing period in a term of that length.
    pub fn months(self, term_months: u32) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Annual => 12,
            Self::OneTime => term_months,
        }
    }

    /// `Monthly`, `Annual` or `One time`, as the files print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Monthly => "Monthly",
            Self::Annual => "Annual",
            Self::OneTime => "One time",
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
    /// The whole term; for a product without an end, ever.
    Term,
}

impl PricePer {
    /// Months it pays for in a term of that length.
    pub fn months(self, term_months: u32) -> u32 {
        match self {
            Self::Month => 1,
            Self::Year => 12,
            Self::Term => term_months,
        }
    }
}

/// A product that has rules of its own within its family (azure-marketplace-software.md 2.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProductKind {
    /// Software for a term of one or three years, paid up front.
    SoftwareSubscription,
    /// Software for ever.
    SoftwarePerpetual,
    /// A reservation of Azure capacity for one or three years.
    Reservation,
    /// An Azure plan: it costs nothing and holds Azure subscriptions until it is cancelled.
    AzurePlan,
    /// A classic Azure subscription (`MS-AZR-0145P`): it costs nothing itself.
    AzureSubscription,
}

impl ProductKind {
    /// As the API shows it.
    pub fn label(self) -> &'static str {
        match self {
            Self::SoftwareSubscription => "software_subscription",
            Self::SoftwarePerpetual => "software_perpetual",
            Self::Reservation => "reservation",
            Self::AzurePlan => "azure_plan",
            Self::AzureSubscription => "azure_subscription",
        }
    }

    /// Whether it has no term: it ends when somebody ends it.
    pub fn is_endless(self) -> bool {
        matches!(self, Self::SoftwarePerpetual | Self::AzurePlan | Self::AzureSubscription)
    }

    /// Whether it has no price of its own: what is used is charged elsewhere (L13430, L7951).
    pub fn is_free(self) -> bool {
        matches!(self, Self::AzurePlan | Self::AzureSubscription)
    }

    /// Whether it is software.
    pub fn is_software(self) -> bool {
        matches!(self, Self::SoftwareSubscription | Self::SoftwarePerpetual)
    }
}

/// Who says when a marketplace product is ready for use, and its billing starts (L12216-12218).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fulfilment {
    /// Nobody: it is ready with the order.
    #[default]
    Automatic,
    /// Its publisher, by two facts.
    Publisher,
}

/// Which partners may buy an offer of a publisher (L12157-12159).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Availability {
    /// Every partner.
    #[default]
    All,
    /// Those it was granted to.
    Selected,
    /// No partner.
    None,
}

/// What an offer has beyond the offer matrix; a plain one has nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// None for a product that its family says all about.
    pub kind: Option<ProductKind>,
    /// Plans of one product may be converted into each other; none if any of the family may.
    pub product_id: Option<String>,
    /// The publisher's name on documents.
    pub publisher_name: Option<String>,
    /// Who says when it is ready.
    pub fulfilment: Fulfilment,
    /// Who may buy it.
    pub availability: Availability,
    /// With [`Availability::Selected`]: these may.
    pub granted_partner_ids: BTreeSet<PartnerId>,
    /// A marketplace trial that comes with every purchase and cannot be waived (L14516); 0 for none.
    pub free_trial_days: u32,
    /// It can neither be cancelled nor exchanged (L14307).
    pub not_returnable: bool,
    /// Customers of these segments may buy it; empty: as its rows of the price list say (L15112-15116).
    pub segments: BTreeSet<Segment>,
}

impl Product {
    const PLAIN: Self = Self {
        kind: None,
        product_id: None,
        publisher_name: None,
        fulfilment: Fulfilment::Automatic,
        availability: Availability::All,
        granted_partner_ids: BTreeSet::new(),
        free_trial_days: 0,
        not_returnable: false,
        segments: BTreeSet::new(),
    };
}

/// A percentage off for the term of what is bought while it lasts (L14600-14632).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Its id.
    pub promotion_id: PromotionId,
    /// Its name.
    pub display_name: String,
    /// The licenses it holds for.
    pub offer_ids: BTreeSet<OfferId>,
    /// Off the list price: above 0, 100 at most.
    pub percent: Decimal,
    /// First day on which an order gets it, UTC.
    pub first_day: NaiveDate,
    /// Last day, included; none while it is open.
    pub last_day: Option<NaiveDate>,
    /// ISO 3166 alpha-2 codes of the partner's country; empty for all partners (L14607).
    pub markets: BTreeSet<String>,
    /// Months of the term it holds for, of subscriptions billed monthly; none for the whole term (L886-890).
    pub months: Option<u32>,
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
    /// Length of the term in months: 1, 12, 36 or 72; 0 for a product without an end.
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
    /// What it has beyond that; none for a plain offer.
    pub product: Option<Product>,
}

impl Offer {
    /// Whether it is charged once and whole for the day it is bought, if at all: a custom meter, which is a marketplace plan without
    /// a billing period (L10618-10640), or a product without an end.
    pub fn is_metered(&self) -> bool {
        self.billing_frequencies.is_empty()
    }

    /// What it has beyond the offer matrix.
    pub fn product(&self) -> &Product {
        static PLAIN: Product = Product::PLAIN;
        self.product.as_ref().unwrap_or(&PLAIN)
    }

    /// Its rules beside those of its family.
    pub fn product_kind(&self) -> Option<ProductKind> {
        self.product().kind
    }

    /// Whether it has no term.
    pub fn is_endless(&self) -> bool {
        self.product_kind().is_some_and(ProductKind::is_endless)
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

/// Which resources a reservation makes cheaper (L12784).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReservationScope {
    /// Those of one Azure subscription.
    Single,
    /// Those of every subscription that the partner sold the customer (L11704).
    Shared,
}

impl ReservationScope {
    /// `Single` or `Shared`, as the pages print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Single => "Single",
            Self::Shared => "Shared",
        }
    }
}

/// What a reservation belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The Azure plan or classic Azure subscription it was bought under.
    pub azure_subscription_id: SubscriptionId,
    /// What it makes cheaper.
    pub scope: ReservationScope,
}

/// One of the two facts that start the billing of a marketplace product (L12216-12218).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FulfilmentFact {
    /// The publisher has assigned the licenses.
    LicensesAssigned,
    /// The publisher has confirmed that the account is set up.
    SetupConfirmed,
}
