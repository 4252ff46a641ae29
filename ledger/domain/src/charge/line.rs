//! A charge line, as the published files have it.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CustomerId, LineId, OfferId, OrderId, PartnerId, PromotionId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, ProductFamily, ProrationRule},
    tax::LineTax,
    usage::UsageCharge,
};

/// What a line is for (billing.md section 2, billing-details.md section 3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChargeType {
    /// A license's period.
    CycleFee,
    /// A license's purchase or reactivation.
    ProrateFeesWhenPurchase,
    /// A license's correction.
    CycleInstanceProrate,
    /// A license's suspension or cancellation.
    CancelFee,
    /// A one-time or recurring purchase.
    New,
    /// Its next period.
    Renew,
    /// More seats.
    AddQuantity,
    /// Fewer seats.
    RemoveQuantity,
    /// Another plan.
    Convert,
    /// A cancellation.
    Cancel,
    /// A cancellation at once.
    CancelImmediate,
    /// A correction of a line by hand (billing-details.md C3).
    LineItemOffset,
    /// A credit for an outage, or out of goodwill (billing-details.md C3).
    CustomerCredit,
    /// What a reservation's cancellation costs (azure-marketplace-software.md G37).
    EarlyTerminationFee,
}

impl ChargeType {
    /// As the published files print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::CycleFee => "Cycle fee",
            Self::ProrateFeesWhenPurchase => "Prorate fees when purchase",
            Self::CycleInstanceProrate => "Cycle Instance Prorate",
            Self::CancelFee => "Cancel Fee",
            Self::New => "New",
            Self::Renew => "Renew",
            Self::AddQuantity => "addQuantity",
            Self::RemoveQuantity => "removeQuantity",
            Self::Convert => "Convert",
            Self::Cancel => "Cancel",
            Self::CancelImmediate => "Cancel immediate",
            Self::LineItemOffset => "Line-item offset",
            Self::CustomerCredit => "customerCredit",
            Self::EarlyTerminationFee => "earlyTerminationFee",
        }
    }
}

/// Which invoice a charge goes to (billing.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InvoiceFamily {
    /// Monthly on the partner's billing day, in the partner's currency.
    LicenseUsage,
    /// By calendar month, one per currency.
    OneTimeRecurring,
}

impl InvoiceFamily {
    /// The invoices that a product's lines go to.
    pub fn of(product: ProductFamily) -> Self {
        match product {
            ProductFamily::License => Self::LicenseUsage,
            ProductFamily::OneTimeRecurring | ProductFamily::MarketplaceSaas => Self::OneTimeRecurring,
        }
    }
}

/// How an amount was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    /// The rule.
    pub rule: ProrationRule,
    /// Price of one seat for the whole period, not rounded.
    pub period_price: Decimal,
    /// Days of the whole period.
    pub period_days: u32,
    /// Days billed.
    pub billed_days: u32,
}

/// A promotion that holds for a term (billing.md section 2, L14600-14612).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPromotion {
    /// Which one.
    pub promotion_id: PromotionId,
    /// Off every line's amount.
    pub percent: Decimal,
    /// The day after the last one it takes something off; none for the whole term.
    pub until: Option<NaiveDate>,
}

impl AppliedPromotion {
    /// Whether it holds for days up to that one, which is not included.
    pub fn covers(&self, end: NaiveDate) -> bool {
        self.until.is_none_or(|until| end <= until)
    }

    /// What it takes off an amount: rounded half up to the minor unit, with the amount's sign.
    pub fn on(&self, currency: Currency, amount: Decimal) -> Discount {
        let amount = currency.round(amount * self.percent / Decimal::ONE_HUNDRED);
        Discount { promotion: self.clone(), amount }
    }
}

/// What a promotion took off a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// What held when the line was decided.
    pub promotion: AppliedPromotion,
    /// Rounded to the minor unit; its sign is the line's.
    pub amount: Decimal,
}

/// A charge line. Never changed; a correction is another line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Unique; derived from the command.
    pub line_id: LineId,
    /// Whose subscription it is.
    pub customer_id: CustomerId,
    /// Who pays.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Its order.
    pub order_id: OrderId,
    /// Its offer.
    pub offer_id: OfferId,
    /// The offer's name.
    pub offer_name: String,
    /// The invoice it goes to.
    pub invoice_family: InvoiceFamily,
    /// What it is for.
    pub charge_type: ChargeType,
    /// First day.
    pub charge_start: NaiveDate,
    /// The day after the last; files print the last.
    pub charge_end: NaiveDate,
    /// Price of a seat for the days billed, with the sign the published files have.
    pub unit_price: Decimal,
    /// Seats.
    pub quantity: u32,
    /// What it costs, or gives back if negative; rounded to the minor unit.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// The day it was created: the first invoice on or after it carries it.
    pub charged_on: NaiveDate,
    /// One of several prices of the offer.
    pub component: Option<String>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// Such as `Free trial`.
    pub subscription_description: Option<String>,
    /// The day of the purchase or change behind it, UTC.
    pub purchase_date: NaiveDate,
    /// How the subscription is billed; none for a custom meter.
    pub billing_frequency: Option<BillingFrequency>,
    /// The line it takes back.
    pub reverses_line_id: Option<LineId>,
    /// How it was computed.
    pub derivation: Derivation,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// What a promotion took off; none without one.
    pub discount: Option<Discount>,
    /// Its tax; none where no tax is known.
    pub tax: Option<LineTax>,
    /// What a credit or an offset by hand refers to: a claim, an incident, a reason.
    pub reference: Option<String>,
    /// The usage it charges.
    pub usage: Option<UsageCharge>,
}

impl Charged {
    /// What a promotion took off.
    pub fn discount_amount(&self) -> Decimal {
        self.discount.as_ref().map_or(Decimal::ZERO, |discount| discount.amount)
    }

    /// Amount less discount, before tax that comes on top (billing-details.md section 3.6, S4).
    pub fn subtotal(&self) -> Decimal {
        self.amount - self.discount_amount()
    }

    /// Tax on top of the subtotal.
    pub fn tax_amount(&self) -> Decimal {
        self.tax.as_ref().map_or(Decimal::ZERO, |tax| tax.amount)
    }

    /// Tax contained in the subtotal.
    pub fn tax_included(&self) -> Decimal {
        self.tax.as_ref().map_or(Decimal::ZERO, |tax| tax.included)
    }

    /// What the line is worth before any tax: the revenue.
    pub fn net(&self) -> Decimal {
        self.subtotal() - self.tax_included()
    }

    /// What is to be paid for the line.
    pub fn total(&self) -> Decimal {
        self.subtotal() + self.tax_amount()
    }
}
