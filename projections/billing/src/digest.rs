//! What an invoice says about its lines: how many, their sum, and a digest over each of them in the order charged.
//!
//! # The digest
//! SHA-256 over `subledger-invoice-lines-v1` and a newline, then for each line its 36 fields in the order of [`Fields::line`]. A field is
//! its length in bytes as 4 bytes big-endian, then its text in UTF-8; an absent field is the length `ff ff ff ff` and nothing else.
//! Dates are `YYYY-MM-DD`; `charge_end` is the day after the last; numbers are decimal, without a sign if positive and without zeros at
//! their end (`1.5`, `-20`); the charge type and frequency are as the files print them; the rule is its name in [`rule_name`].
//! A line of usage has 12 more fields, in the order of [`Fields::usage`]; no other line has them, nor an absent one in their place.
//! A refund of an invoice that is billed again is no line that was charged, and not in the digest.
//! The form never changes: another form would be `v2`, and invoices issued under `v1` stay so.

use std::{fmt::Display, io::Write as _};

use chrono::{Datelike as _, NaiveDate};
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
    fields: Fields,
    line_count: u32,
    totals: InvoiceTotals,
}

impl Default for Summing {
    fn default() -> Self {
        let hash = Sha256::new_with_prefix(VERSION_1);
        Self { hash, fields: Fields::default(), line_count: 0, totals: InvoiceTotals::default() }
    }
}

impl Summing {
    /// The next line in the order charged.
    pub(crate) fn push(&mut self, line: &Charged) -> Result<(), StoreError> {
        let too_many = || StoreError(format!("an invoice has more than {} lines", u32::MAX));
        self.line_count = self.line_count.checked_add(1).ok_or_else(too_many)?;
        let too_large = || StoreError("the sum of an invoice's lines is too large".to_owned());
        self.totals = self.totals.plus(line).ok_or_else(too_large)?;
        self.fields.bytes.clear();
        self.fields.line(line)?;
        self.hash.update(&self.fields.bytes);
        Ok(())
    }

    /// The sums.
    pub(crate) fn finish(self) -> LineSummary {
        LineSummary { line_count: self.line_count, totals: self.totals, lines_digest: self.hash.finalize().to_vec() }
    }
}

/// The fields of a line, as they are hashed.
#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    /// Every field of a line, in a fixed order. The pattern names each one, so a new field cannot be forgotten here.
    fn line(&mut self, line: &Charged) -> Result<(), StoreError> {
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
        self.text(line_id.as_str())?;
        self.text(customer_id.as_str())?;
        self.text(partner_id.as_str())?;
        self.text(subscription_id.as_str())?;
        self.text(order_id.as_str())?;
        self.text(offer_id.as_str())?;
        self.text(offer_name)?;
        self.text(family_name(*invoice_family))?;
        self.text(charge_type.label())?;
        self.date(*charge_start)?;
        self.date(*charge_end)?;
        self.shown(unit_price.normalize())?;
        self.shown(quantity)?;
        self.shown(amount.normalize())?;
        self.text(currency.as_str())?;
        self.date(*charged_on)?;
        self.optional(component.as_deref())?;
        self.optional(sku.as_deref())?;
        self.optional(subscription_description.as_deref())?;
        self.date(*purchase_date)?;
        self.optional(billing_frequency.map(BillingFrequency::label))?;
        self.optional(reverses_line_id.as_ref().map(LineId::as_str))?;
        self.text(rule_name(*rule))?;
        self.shown(period_price.normalize())?;
        self.shown(period_days)?;
        self.shown(billed_days)?;
        self.optional(reseller_id.as_ref().map(PartnerId::as_str))?;
        let promotion = discount.as_ref().map(|discount| &discount.promotion);
        self.optional(promotion.map(|promotion| promotion.promotion_id.as_str()))?;
        self.number(promotion.map(|promotion| promotion.percent))?;
        self.number(discount.as_ref().map(|discount| discount.amount))?;
        self.optional(tax.as_ref().map(|tax| tax.rule.name.as_str()))?;
        self.optional(tax.as_ref().map(|tax| tax.rule.treatment.label()))?;
        self.number(tax.as_ref().map(|tax| tax.rule.rate_percent))?;
        self.number(tax.as_ref().map(|tax| tax.amount))?;
        self.number(tax.as_ref().map(|tax| tax.included))?;
        self.optional(reference.as_deref())?;
        // Lines without usage are digested as before there was any.
        usage.as_ref().map_or(Ok(()), |usage| self.usage(usage))
    }

    /// Every field of a line's usage, in a fixed order.
    fn usage(&mut self, usage: &UsageCharge) -> Result<(), StoreError> {
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
        self.text(meter_id.as_str())?;
        self.text(unit)?;
        self.shown(month)?;
        self.text(pricing_currency.as_str())?;
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
        amounts.into_iter().try_for_each(|amount| self.shown(amount.normalize()))
    }

    fn text(&mut self, text: &str) -> Result<(), StoreError> {
        self.bytes.extend(length(text.len())?);
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    fn optional(&mut self, text: Option<&str>) -> Result<(), StoreError> {
        if let Some(text) = text {
            return self.text(text);
        }
        self.bytes.extend(ABSENT);
        Ok(())
    }

    fn number(&mut self, number: Option<Decimal>) -> Result<(), StoreError> {
        if let Some(number) = number {
            return self.shown(number.normalize());
        }
        self.bytes.extend(ABSENT);
        Ok(())
    }

    /// `YYYY-MM-DD`, without a general formatter: a line has five dates, and an invoice many lines.
    fn date(&mut self, date: NaiveDate) -> Result<(), StoreError> {
        let Some(year) = u32::try_from(date.year()).ok().filter(|year| *year <= 9_999) else { return self.shown(date) };
        let number = year * 10_000 + date.month() * 100 + date.day();
        self.bytes.extend(length(10)?);
        for (place, divisor) in [10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1].into_iter().enumerate() {
            if matches!(place, 4 | 6) {
                self.bytes.push(b'-');
            }
            self.bytes.push(b'0' + u8::try_from(number / divisor % 10).unwrap_or_default());
        }
        Ok(())
    }

    /// A value as it is shown, without a text of its own.
    fn shown(&mut self, value: impl Display) -> Result<(), StoreError> {
        let at = self.bytes.len();
        self.bytes.extend([0; 4]);
        write!(self.bytes, "{value}").map_err(|error| StoreError(format!("a field of a line: {error}")))?;
        let length = length(self.bytes.len() - at - 4)?;
        self.bytes[at..at + 4].copy_from_slice(&length);
        Ok(())
    }
}

fn length(length: usize) -> Result<[u8; 4], StoreError> {
    let bytes = u32::try_from(length).map(u32::to_be_bytes).ok().filter(|bytes| *bytes != ABSENT);
    bytes.ok_or_else(|| StoreError("a field of a line is too long".to_owned()))
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
