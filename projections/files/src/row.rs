//! A charge line as a row of a reconciliation file.

use std::borrow::Cow;

use chrono::NaiveDate;
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

/// What a row says that its line does not. An unknown fact is an empty cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
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
        match column {
            Column::PartnerId => line.partner_id.as_str().into(),
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
            Column::SkuId => optional(&line.sku),
            Column::SubscriptionStartDate => facts.subscription_start.map(text::first_day).unwrap_or_default().into(),
            Column::SubscriptionEndDate => facts.subscription_end.map(text::first_day).unwrap_or_default().into(),
            Column::ChargeStartDate => text::first_day(line.charge_start).into(),
            Column::ChargeEndDate => text::last_day(line.charge_end.pred_opt().unwrap_or(line.charge_end)).into(),
            Column::ChargeType => line.charge_type.label().into(),
            Column::UnitPrice => line.unit_price.to_string().into(),
            Column::Quantity => line.quantity.to_string().into(),
            Column::Amount => show(line.amount),
            Column::TotalOtherDiscount => show(line.discount_amount()),
            Column::Subtotal => show(line.subtotal()),
            Column::Tax => show(line.tax_amount()),
            Column::TotalForCustomer => show(line.total()),
            Column::Currency => line.currency.to_string().into(),
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
            Column::BillingCycleType => line.billing_frequency.map_or("", BillingFrequency::label).into(),
            Column::LineId => line.line_id.as_str().into(),
        }
    }
}
