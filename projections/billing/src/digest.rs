//! What an invoice says about its lines: how many, their sum, and a digest over each of them in the order charged.
//!
//! # The digest
//! SHA-256 over `subledger-invoice-lines-v1` and a newline, then for each line its 36 fields in the order of [`feed_line`]. A field is
//! its length in bytes as 4 bytes big-endian, then its text in UTF-8; an absent field is the length `ff ff ff ff` and nothing else.
//! Dates are `YYYY-MM-DD`; `charge_end` is the day after the last; numbers are decimal, without a sign if positive and without zeros at
//! their end (`1.5`, `-20`); the charge type and frequency are as the files print them; the rule is its name in [`rule_name`].
//! A line of usage has 12 more fields, in the order of [`feed_usage`]; no other line has them, nor an absent one in their place.
//! The form never changes: another form would be `v2`, and invoices issued under `v1` stay so.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use subledger_domain::{
    charge::{Charged, Derivation, InvoiceFamily, InvoiceTotals},
    ids::{LineId, PartnerId},
    offer::{BillingFrequency, ProrationRule},
    usage::UsageCharge,
};
use subledger_fold::{Rows, StoreError};

use crate::tables::{charges, series::Series};

const VERSION_1: &[u8] = b"subledger-invoice-lines-v1\n";
const ABSENT: [u8; 4] = [0xff; 4];

/// The sums of a set of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSummary {
    /// Lines.
    pub line_count: u32,
    /// Their sums, in the currency's unit. Not rounded: each line is already.
    pub totals: InvoiceTotals,
    /// SHA-256 over the lines, as the module says.
    pub lines_digest: Vec<u8>,
}

/// Sums up the lines of a series with `from <= charged_on < end`.
pub(crate) fn summarize(
    rows: &dyn Rows,
    series: &Series,
    from: Option<NaiveDate>,
    end: NaiveDate,
) -> Result<LineSummary, StoreError> {
    let mut summary = Summing::default();
    charges::each(rows, series, from, end, &mut |_, line| summary.push(&line))?;
    Ok(summary.finish())
}

/// Sums up lines one after another.
pub(crate) struct Summing {
    hash: Sha256,
    line_count: u32,
    totals: InvoiceTotals,
}

impl Default for Summing {
    fn default() -> Self {
        Self { hash: Sha256::new_with_prefix(VERSION_1), line_count: 0, totals: InvoiceTotals::default() }
    }
}

impl Summing {
    /// The next line in the order charged.
    pub(crate) fn push(&mut self, line: &Charged) -> Result<(), StoreError> {
        let too_many = || StoreError(format!("an invoice has more than {} lines", u32::MAX));
        self.line_count = self.line_count.checked_add(1).ok_or_else(too_many)?;
        let too_large = || StoreError("the sum of an invoice's lines is too large".to_owned());
        self.totals = self.totals.plus(line).ok_or_else(too_large)?;
        feed_line(&mut self.hash, line)
    }

    /// The sums.
    pub(crate) fn finish(self) -> LineSummary {
        LineSummary { line_count: self.line_count, totals: self.totals, lines_digest: self.hash.finalize().to_vec() }
    }
}

/// Every field of a line, in a fixed order. The pattern names each one, so a new field cannot be forgotten here.
fn feed_line(hash: &mut Sha256, line: &Charged) -> Result<(), StoreError> {
    let Charged {
        line_id,
        customer_id,
        partner_id,
        subscription_id,
        order_id,
        offer_id,
        offer_name,
        invoice_family,
        charge_type,
        charge_start,
        charge_end,
        unit_price,
        quantity,
        amount,
        currency,
        charged_on,
        component,
        sku,
        subscription_description,
        purchase_date,
        billing_frequency,
        reverses_line_id,
        derivation: Derivation { rule, period_price, period_days, billed_days },
        reseller_id,
        discount,
        tax,
        reference,
        usage,
    } = line;
    let mut feed = |text: &str| feed_text(hash, Some(text));
    feed(line_id.as_str())?;
    feed(customer_id.as_str())?;
    feed(partner_id.as_str())?;
    feed(subscription_id.as_str())?;
    feed(order_id.as_str())?;
    feed(offer_id.as_str())?;
    feed(offer_name)?;
    feed(family_name(*invoice_family))?;
    feed(charge_type.label())?;
    feed(&charge_start.to_string())?;
    feed(&charge_end.to_string())?;
    feed(&unit_price.normalize().to_string())?;
    feed(&quantity.to_string())?;
    feed(&amount.normalize().to_string())?;
    feed(currency.as_str())?;
    feed(&charged_on.to_string())?;
    feed_text(hash, component.as_deref())?;
    feed_text(hash, sku.as_deref())?;
    feed_text(hash, subscription_description.as_deref())?;
    feed_text(hash, Some(&purchase_date.to_string()))?;
    feed_text(hash, billing_frequency.map(BillingFrequency::label))?;
    feed_text(hash, reverses_line_id.as_ref().map(LineId::as_str))?;
    feed_text(hash, Some(rule_name(*rule)))?;
    feed_text(hash, Some(&period_price.normalize().to_string()))?;
    feed_text(hash, Some(&period_days.to_string()))?;
    feed_text(hash, Some(&billed_days.to_string()))?;
    feed_text(hash, reseller_id.as_ref().map(PartnerId::as_str))?;
    let promotion = discount.as_ref().map(|discount| &discount.promotion);
    feed_text(hash, promotion.map(|promotion| promotion.promotion_id.as_str()))?;
    feed_text(hash, promotion.map(|promotion| number(promotion.percent)).as_deref())?;
    feed_text(hash, discount.as_ref().map(|discount| number(discount.amount)).as_deref())?;
    feed_text(hash, tax.as_ref().map(|tax| tax.rule.name.as_str()))?;
    feed_text(hash, tax.as_ref().map(|tax| tax.rule.treatment.label()))?;
    feed_text(hash, tax.as_ref().map(|tax| number(tax.rule.rate_percent)).as_deref())?;
    feed_text(hash, tax.as_ref().map(|tax| number(tax.amount)).as_deref())?;
    feed_text(hash, tax.as_ref().map(|tax| number(tax.included)).as_deref())?;
    feed_text(hash, reference.as_deref())?;
    // Lines without usage are digested as before there was any.
    usage.as_ref().map_or(Ok(()), |usage| feed_usage(hash, usage))
}

/// Every field of a line's usage, in a fixed order.
fn feed_usage(hash: &mut Sha256, usage: &UsageCharge) -> Result<(), StoreError> {
    let UsageCharge {
        meter_id,
        unit,
        month,
        quantity,
        quantity_before,
        unit_price,
        credit_percent,
        pricing_currency,
        exchange_rate,
        charged_before,
        earned_credit,
        credited_before,
    } = usage;
    for text in [meter_id.as_str(), unit, &month.to_string(), pricing_currency.as_str()] {
        feed_text(hash, Some(text))?;
    }
    let amounts = [
        quantity,
        quantity_before,
        unit_price,
        credit_percent,
        exchange_rate,
        charged_before,
        earned_credit,
        credited_before,
    ];
    amounts.into_iter().try_for_each(|amount| feed_text(hash, Some(&number(*amount))))
}

fn number(amount: Decimal) -> String {
    amount.normalize().to_string()
}

fn feed_text(hash: &mut Sha256, text: Option<&str>) -> Result<(), StoreError> {
    let Some(text) = text else {
        hash.update(ABSENT);
        return Ok(());
    };
    let length = u32::try_from(text.len())
        .ok()
        .filter(|length| length.to_be_bytes() != ABSENT)
        .ok_or_else(|| StoreError("a field of a line is too long".to_owned()))?;
    hash.update(length.to_be_bytes());
    hash.update(text.as_bytes());
    Ok(())
}

fn family_name(family: InvoiceFamily) -> &'static str {
    match family {
        InvoiceFamily::LicenseUsage => "license_usage",
        InvoiceFamily::OneTimeRecurring => "one_time_recurring",
    }
}

/// The rule's name (billing.md section 2, "Proration").
fn rule_name(rule: ProrationRule) -> &'static str {
    match rule {
        ProrationRule::Exact => "exact",
        ProrationRule::DailyRate3dp => "daily_rate_3dp",
        ProrationRule::PublishedFormula => "published_formula",
        ProrationRule::RoundedUnit => "rounded_unit",
    }
}
