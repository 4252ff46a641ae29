//! Publishing tax rates and payment instructions.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::{
    Event, Rejection, check,
    command::{PublishPaymentInstructions, PublishTaxRates},
    event::{PaymentInstructionsPublished, TaxRatesPublished},
    reference::market,
    tax::{TaxRateRow, TaxTreatment, region},
};

/// Rows in one command; a longer table comes in parts.
pub const TAX_RATES_MAX: usize = 5_000;
/// Largest rate: a tax is never more than the price.
const RATE_MAX: Decimal = Decimal::ONE_HUNDRED;
/// Digits of a rate after the point: 8.8750 is the finest that states publish.
const RATE_DECIMALS_MAX: u32 = 6;
/// Countries in one command.
const INSTRUCTIONS_MAX: usize = 300;
/// Longest instructions, in characters.
const INSTRUCTIONS_CHARS_MAX: usize = 2_000;

/// How partners of a country pay and whom they ask (L10496, L10503).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentInstructions {
    /// ISO 3166 alpha-2; none for every country without instructions of its own.
    pub country: Option<String>,
    /// Printed on invoices; `{invoice_number}` in it is replaced by the number.
    pub text: String,
    /// Address of customer service; may be empty.
    pub customer_service: String,
}

pub(super) fn publish_rates(catalog: &Catalog, command: &PublishTaxRates) -> Result<Vec<Event>, Rejection> {
    check::count("rows", command.rows.len(), TAX_RATES_MAX)?;
    let mut seen = BTreeSet::new();
    let mut after = catalog.tax_rates.clone();
    let mut rows = command.rows.clone();
    for (index, row) in rows.iter_mut().enumerate() {
        let at = format!("rows[{index}]");
        check_rate(&at, row)?;
        if row.treatment.is_none() {
            row.treatment = Some(region::price_mode(&row.country, row.scope).unwrap_or(TaxTreatment::Exclusive));
        }
        after.publish(row.clone());
    }
    for (index, row) in rows.iter().enumerate() {
        let at = format!("rows[{index}]");
        if !seen.insert((&row.country, &row.region, &row.tax, row.scope, row.valid_from)) {
            let message = format!("{} has two rates for {} from {} on", row.tax, row.scope.label(), row.valid_from);
            return Err(check::invalid(&at, message));
        }
        if let Some(other) = after.conflict(row) {
            let message = format!(
                "{} and {} hold together from {} on, but one is in the price and the other on top of it",
                row.tax,
                other.tax,
                row.valid_from.max(other.valid_from)
            );
            return Err(check::invalid(&format!("{at}.treatment"), message).with("other_tax", &other.tax));
        }
    }
    Ok(vec![TaxRatesPublished { rows }.into()])
}

fn check_rate(at: &str, row: &TaxRateRow) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    country(&field("country"), &row.country)?;
    if let Some(region) = &row.region {
        check::region(&field("region"), region)?;
    }
    check::required(&field("tax"), &row.tax)?;
    let rate = row.rate_percent;
    let decimals = rate.normalize().scale();
    if rate.is_sign_negative() && !rate.is_zero() || rate > RATE_MAX || decimals > RATE_DECIMALS_MAX {
        let message = format!("A rate is 0 to {RATE_MAX} percent, with at most {RATE_DECIMALS_MAX} decimal places");
        return Err(check::invalid(&field("rate_percent"), message));
    }
    if !matches!(row.treatment, None | Some(TaxTreatment::Exclusive | TaxTreatment::Inclusive)) {
        let message =
            "A price has its tax on top, exclusive, or in it, inclusive; who pays none is the partner's matter";
        return Err(check::invalid(&field("treatment"), message));
    }
    if row.valid_to.is_some_and(|last| last < row.valid_from) {
        return Err(check::invalid(&field("valid_to"), format!("The last day is not before {}", row.valid_from)));
    }
    Ok(())
}

fn country(field: &str, code: &str) -> Result<(), Rejection> {
    if market::country(code).is_some() {
        return Ok(());
    }
    let message = format!("{code:?} is in no market: two capital letters of a listed country are, such as DE");
    Err(check::invalid(field, message))
}

pub(super) fn publish_instructions(command: &PublishPaymentInstructions) -> Result<Vec<Event>, Rejection> {
    check::count("instructions", command.instructions.len(), INSTRUCTIONS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, instructions) in command.instructions.iter().enumerate() {
        let field = |name: &str| format!("instructions[{index}].{name}");
        if let Some(code) = &instructions.country {
            country(&field("country"), code)?;
        }
        if !seen.insert(&instructions.country) {
            return Err(check::invalid(&field("country"), "The country stands in this command twice"));
        }
        let length = instructions.text.chars().count();
        let printable = |c: char| !c.is_control() || c == '\n';
        if instructions.text.trim().is_empty() {
            return Err(check::missing(&field("text")));
        }
        if length > INSTRUCTIONS_CHARS_MAX || !instructions.text.chars().all(printable) {
            let message = format!("Instructions have at most {INSTRUCTIONS_CHARS_MAX} printable characters");
            return Err(check::invalid(&field("text"), message).with("length", length));
        }
        check::optional(&field("customer_service"), &instructions.customer_service)?;
    }
    Ok(vec![PaymentInstructionsPublished { instructions: command.instructions.clone() }.into()])
}
