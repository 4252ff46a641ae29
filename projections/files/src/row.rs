//! A charge line as a row of a reconciliation file.

use std::borrow::Cow;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    charge::{Charged, InvoiceFamily},
    ids::InvoiceNumber,
    offer::BillingFrequency,
};

use crate::{
    layout::{Column, Layout},
    text,
};

/// Whose sale a line is (L9974-9986). The number in the file is only how this is written (billing-details.md C34).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ResellerOfRecord {
    /// The partner's own: its number stands twice (L9982).
    #[default]
    OwnSale,
    /// A reseller with a number.
    Reseller(String),
    /// A reseller without one: the partner's stands in its place (L9984).
    WithoutId,
    /// A reseller that was taken off: `-1` (L9986).
    Removed,
}

/// The publisher of what names no other one (azure-marketplace-software.md 2.20, L12331).
pub const FIRST_PARTY: &str = "Microsoft";

/// The product that a line charges: an offer, or the meter of a line of usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sold {
    /// Its product; may be empty.
    pub product_id: String,
    /// Its plan; empty if the line says it.
    pub sku_id: String,
    /// The plan's name; only of a meter.
    pub sku_name: String,
    /// Only of a meter.
    pub availability_id: String,
    /// Empty if the line's name of the offer is the product's.
    pub product_name: String,
    /// [`FIRST_PARTY`], or another.
    pub publisher_name: String,
    /// 0 for a product without an end, and for usage.
    pub term_months: u32,
}

/// What a row says that its line does not. An unknown fact is an empty cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The partner's name.
    pub partner_name: String,
    /// What is sold; none for what is no product, such as a refund.
    pub sold: Option<Sold>,
    /// The partner's number in the partner network.
    pub mpn_id: String,
    /// Whose sale it is.
    pub reseller: ResellerOfRecord,
    /// The customer's legal name.
    pub customer_name: String,
    /// Its whole primary domain name.
    pub customer_domain: String,
    /// ISO 3166 alpha-2.
    pub customer_country: String,
    /// A name of its own.
    pub subscription_name: Option<String>,
    /// UTC day of the order (billing-details.md C9).
    pub subscription_start: Option<NaiveDate>,
    /// First day after the term in which the line was charged (billing-details.md C10).
    pub subscription_end: Option<NaiveDate>,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The line.
    pub line: &'a Charged,
    /// None while unbilled.
    pub invoice_number: Option<&'a InvoiceNumber>,
    /// What else is known.
    pub facts: &'a Facts,
}

/// The price and the units that a line shows. Usage: of one unit at list price, and the units since the line before (L10059, L10060); what
/// earned credit takes off is in the effective price (L13804-13807).
pub fn priced(line: &Charged) -> (Decimal, Decimal) {
    match &line.usage {
        Some(usage) => (usage.unit_price, (usage.quantity - usage.quantity_before).normalize()),
        None => (line.unit_price, line.quantity.into()),
    }
}

/// The price less discount and earned credit, every digit (L10070).
fn effective_price(line: &Charged) -> Decimal {
    match (&line.usage, &line.discount) {
        (Some(usage), _) => usage.effective_unit_price(),
        (None, Some(discount)) => {
            let left = Decimal::ONE_HUNDRED - discount.promotion.percent;
            (line.unit_price * left / Decimal::ONE_HUNDRED).normalize()
        }
        (None, None) => line.unit_price,
    }
}

impl<'a> Row<'a> {
    /// Appends the row.
    pub fn write(&self, layout: &Layout, out: &mut Vec<u8>) {
        crate::write_record(out, layout.columns.iter().map(|column| self.cell(*column)));
    }

    /// A value, as the file has it. Amounts have the digits of the currency's minor unit, and the sign of the line: a credit takes back
    /// its discount too, so that `Subtotal` is `Amount` less `TotalOtherDiscount` on every line (billing-details.md section 3.6, S4).
    pub fn cell(&self, column: Column) -> Cow<'a, str> {
        let Self { line, facts, .. } = *self;
        let show = |amount| Cow::Owned(line.currency.round(amount).to_string());
        let optional = |text: &'a Option<String>| Cow::Borrowed(text.as_deref().unwrap_or_default());
        let sold = |text: fn(&'a Sold) -> &'a str| Cow::Borrowed(facts.sold.as_ref().map_or("", text));
        let usage = line.usage.as_ref();
        match column {
            Column::PartnerId => line.partner_id.as_str().into(),
            Column::PartnerName => facts.partner_name.as_str().into(),
            Column::CustomerId => line.customer_id.as_str().into(),
            Column::CustomerName => facts.customer_name.as_str().into(),
            Column::CustomerDomainName | Column::DomainName => facts.customer_domain.as_str().into(),
            Column::CustomerCountry => facts.customer_country.as_str().into(),
            Column::MpnId => facts.mpn_id.as_str().into(),
            Column::ResellerMpnId => match &facts.reseller {
                ResellerOfRecord::OwnSale | ResellerOfRecord::WithoutId => facts.mpn_id.as_str().into(),
                ResellerOfRecord::Reseller(id) => id.as_str().into(),
                ResellerOfRecord::Removed => "-1".into(),
            },
            Column::InvoiceNumber => self.invoice_number.map_or("", |number| number.as_str()).into(),
            Column::OrderId => line.order_id.as_str().into(),
            Column::PurchaseDate => text::date(line.purchase_date).into(),
            // A subscription's id is unique within its customer; the billing platform's is unique in the ledger.
            Column::SubscriptionId => format!("{}/{}", line.customer_id, line.subscription_id).into(),
            Column::SyndicationPartnerSubscriptionNumber => line.subscription_id.as_str().into(),
            Column::OfferId => match &line.component {
                Some(component) => format!("{}/{component}", line.offer_id).into(),
                None => line.offer_id.as_str().into(),
            },
            Column::DurableOfferId => line.offer_id.as_str().into(),
            Column::OfferName => line.offer_name.as_str().into(),
            Column::ProductId => sold(|sold| &sold.product_id),
            Column::AvailabilityId => sold(|sold| &sold.availability_id),
            Column::SkuName => sold(|sold| &sold.sku_name),
            Column::ProductName => match sold(|sold| &sold.product_name) {
                name if name.is_empty() => line.offer_name.as_str().into(),
                name => name,
            },
            Column::SkuId if line.sku.is_none() => sold(|sold| &sold.sku_id),
            Column::SkuId => optional(&line.sku),
            Column::SubscriptionStartDate => facts.subscription_start.map(text::first_day).unwrap_or_default().into(),
            Column::SubscriptionEndDate => facts.subscription_end.map(text::first_day).unwrap_or_default().into(),
            Column::ChargeStartDate => text::first_day(line.charge_start).into(),
            Column::ChargeEndDate => text::last_day(line.charge_end.pred_opt().unwrap_or(line.charge_end)).into(),
            Column::ChargeType => line.charge_type.label().into(),
            Column::UnitPrice => priced(line).0.to_string().into(),
            Column::EffectiveUnitPrice => effective_price(line).to_string().into(),
            Column::Quantity => priced(line).1.to_string().into(),
            Column::Amount => show(line.amount),
            Column::TotalOtherDiscount => show(line.discount_amount()),
            Column::Subtotal => show(line.subtotal()),
            Column::Tax => show(line.tax_amount()),
            Column::TotalForCustomer => show(line.total()),
            Column::Currency => line.currency.to_string().into(),
            Column::PricingCurrency => usage.map_or(line.currency, |usage| usage.pricing_currency).to_string().into(),
            Column::PCToBCExchangeRate => usage.map_or(Decimal::ONE, |usage| usage.exchange_rate).to_string().into(),
            Column::PCToBCExchangeRateDate => usage.map(|usage| text::date(usage.month)).unwrap_or_default().into(),
            Column::SubscriptionName => facts.subscription_name.as_deref().unwrap_or(&line.offer_name).into(),
            Column::SubscriptionDescription => match line.invoice_family {
                InvoiceFamily::LicenseUsage => line.offer_name.as_str().into(),
                InvoiceFamily::OneTimeRecurring => optional(&line.subscription_description),
            },
            // Earned credit names itself; there is no text for it in the source (X L13804).
            Column::PriceAdjustmentDescription => match &line.usage {
                Some(usage) if !usage.credit_percent.is_zero() => {
                    format!("{} % partner earned credit", usage.credit_percent.normalize()).into()
                }
                _ => optional(&line.reference),
            },
            Column::TermMonths => match facts.sold.as_ref().map_or(0, |sold| sold.term_months) {
                0 => "".into(),
                months => months.to_string().into(),
            },
            Column::PublisherName => sold(|sold| &sold.publisher_name),
            Column::BillingCycleType => line.billing_frequency.map_or("", BillingFrequency::label).into(),
            Column::LineId => line.line_id.as_str().into(),
        }
    }
}
