//! Tax of a charge line: decided with the line, from the partner's own data (L9731), and never computed again.
//!
//! Rates are published to the catalog ([`rate`]), the rules of countries and regions are a table ([`region`]), what a partner has
//! proved is on its own stream ([`standing`]).

mod line;
mod rate;
pub mod region;
mod standing;
pub mod vat_id;

pub use line::{LineTax, TaxRule, TaxTreatment};
pub use rate::{TaxQuote, TaxRateRow, TaxRates, TaxScope};
pub use region::TaxDocumentKind;
pub use standing::{ExemptionState, TaxExemption, TaxId, TaxIdKind, TaxIdState, TaxStanding};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{Reference, charge::InvoiceFamily, customer::Subscription, offer::Offer, partner::Partner};

/// The name that components of telephone services begin with, such as `pstn` or `pstn-911` (billing-details.md 2.12).
const PSTN: &str = "pstn";

/// How a line is taxed that is created on a day: by the partner's own address and standing, never the customer's (L9731).
///
/// None where no tax is published for the partner's country. Several taxes of one price, such as those of a country and its province,
/// are one rule with the sum of their rates, so that a line is rounded once. Where the last published rate ended and has no
/// successor, it is used on: what runs is charged, and new sales are refused ([`lapsed`]).
pub fn rule(
    reference: &Reference,
    subscription: &Subscription,
    component: Option<&str>,
    charged_on: NaiveDate,
) -> Option<TaxRule> {
    let partner = reference.partners.get(&subscription.partner_id)?;
    let family = InvoiceFamily::of(subscription.product_family);
    let scope = scope(reference.catalog.offer(&subscription.offer_id), component);
    let quote = quote(reference, partner, family, scope, charged_on)?;
    Some(combined(partner, family, scope, &quote, charged_on))
}

/// The tax of a product that a partner cannot buy today: its last published rate has ended, and nothing says what holds since.
pub fn lapsed<'a>(
    reference: &'a Reference,
    partner: &Partner,
    offer: &Offer,
    component: Option<&str>,
    on: NaiveDate,
) -> Option<&'a TaxRateRow> {
    let family = InvoiceFamily::of(offer.product_family);
    quote(reference, partner, family, scope(Some(offer), component), on)?.lapsed(on)
}

/// A tax of the partner's country that it may not sell under without a valid VAT id (L10671). None where no rate of it holds: a ledger
/// that charges no tax asks for no VAT id.
pub fn missing_tax_id<'a>(reference: &'a Reference, partner: &Partner, on: NaiveDate) -> Option<&'a TaxRateRow> {
    if partner.tax.has_valid_id(TaxIdKind::Vat) {
        return None;
    }
    let quote = quote(reference, partner, InvoiceFamily::LicenseUsage, TaxScope::Digital, on)?;
    quote.rows.into_iter().find(|row| region::sale_needs_tax_id(&partner.country, &row.tax, on))
}

/// Whether a component of an offer is telephone services, which are lines of their own (L10891).
pub fn is_telephone(component: &str) -> bool {
    component.get(..PSTN.len()).is_some_and(|head| head.eq_ignore_ascii_case(PSTN))
}

/// What a product is, for tax: a component of telephone services is that, whatever the offer.
fn scope(offer: Option<&Offer>, component: Option<&str>) -> TaxScope {
    match component {
        Some(name) if is_telephone(name) => TaxScope::Pstn,
        _ => offer.and_then(|offer| offer.tax_scope).unwrap_or(TaxScope::Digital),
    }
}

fn quote<'a>(
    reference: &'a Reference,
    partner: &Partner,
    family: InvoiceFamily,
    scope: TaxScope,
    on: NaiveDate,
) -> Option<TaxQuote<'a>> {
    reference.catalog.tax_rates().quote(&partner.country, partner.tax.region_on(family, on), scope, on)
}

/// One rule out of the taxes that hold: of those that are due, else of those that the partner does not pay.
fn combined(partner: &Partner, family: InvoiceFamily, scope: TaxScope, quote: &TaxQuote<'_>, on: NaiveDate) -> TaxRule {
    let country = partner.country.as_str();
    // The table knows prices of one kind of product; a rate published for just that kind knows better.
    let price_mode = if quote.scope == scope { None } else { region::price_mode(country, scope) };
    let treated = quote.rows.iter().map(|row| {
        let due = price_mode.or(row.treatment).unwrap_or(TaxTreatment::Exclusive);
        (partner.tax.instead(country, row, family, on).unwrap_or(due), *row)
    });
    let (due, relieved): (Vec<_>, Vec<_>) =
        treated.partition(|(treatment, _)| matches!(treatment, TaxTreatment::Exclusive | TaxTreatment::Inclusive));
    let rows = if due.is_empty() { relieved } else { due };
    let treatment = rows.first().map_or(TaxTreatment::Exempt, |(treatment, _)| *treatment);
    let names: Vec<_> = rows.iter().map(|(_, row)| name(row)).collect();
    let rate_percent = rows.iter().map(|(_, row)| row.rate_percent).sum::<Decimal>().normalize();
    TaxRule { name: names.join(" + "), treatment, rate_percent }
}

/// `VAT DE`, `BC PST CA-BC`.
fn name(row: &TaxRateRow) -> String {
    let TaxRateRow { tax, country, .. } = row;
    match &row.region {
        Some(region) => format!("{tax} {country}-{region}"),
        None => format!("{tax} {country}"),
    }
}
