//! The sums of a month's earnings, and a digest over them.
//!
//! # The digest
//! SHA-256 over `subledger-earnings-v1` and a newline, then for each earning its 17 fields in the order of [`Summing::push`]. A field is its
//! length in bytes as 4 bytes big-endian, then its text in UTF-8. Numbers are without zeros at their end. The form never changes: another
//! form would be `v2`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use subledger_domain::{incentive::CurrencyTotal, money::Currency};
use subledger_fold::StoreError;

use super::{Earning, EarningKind};

const VERSION_1: &[u8] = b"subledger-earnings-v1\n";

/// Sums up earnings one after another.
pub(crate) struct Summing {
    hash: Sha256,
    /// Earnings.
    pub(crate) line_count: u32,
    /// Revenue and earnings by currency.
    totals: BTreeMap<Currency, (Decimal, Decimal)>,
    /// Earnings of adjustments other than caps, in US dollars.
    pub(crate) adjusted_usd: Decimal,
    /// All earnings, in US dollars.
    pub(crate) earned_usd: Decimal,
}

impl Default for Summing {
    fn default() -> Self {
        Self {
            hash: Sha256::new_with_prefix(VERSION_1),
            line_count: 0,
            totals: BTreeMap::new(),
            adjusted_usd: Decimal::ZERO,
            earned_usd: Decimal::ZERO,
        }
    }
}

impl Summing {
    /// The next earning.
    pub(crate) fn push(&mut self, earning: &Earning) -> Result<(), StoreError> {
        let too_large = || StoreError("the sum of a month's earnings is too large".to_owned());
        self.line_count = self.line_count.checked_add(1).ok_or_else(too_large)?;
        let is_revenue = !matches!(earning.kind, EarningKind::Cap | EarningKind::Correction);
        let (revenue, earned) = self.totals.entry(earning.currency).or_default();
        let amount = if is_revenue { earning.transaction_amount } else { Decimal::ZERO };
        *revenue = revenue.checked_add(amount).ok_or_else(too_large)?;
        *earned = earned.checked_add(earning.amount).ok_or_else(too_large)?;
        if !matches!(earning.kind, EarningKind::Cap | EarningKind::Transaction) {
            self.adjusted_usd = self.adjusted_usd.checked_add(earning.amount_usd).ok_or_else(too_large)?;
        }
        self.earned_usd = self.earned_usd.checked_add(earning.amount_usd).ok_or_else(too_large)?;
        let source = earning.source.as_ref();
        for text in [
            earning.earning_id.as_str(),
            earning.kind.label(),
            &earning.mpn_id,
            earning.currency.as_str(),
            &earning.transaction_date.to_string(),
            &number(earning.transaction_rate),
            &number(earning.transaction_amount),
            &number(earning.transaction_usd),
            &earning.lever,
            &number(earning.rate),
            earning.earning_type.label(),
            &number(earning.quantity),
            &number(earning.amount),
            &number(earning.amount_usd),
            &number(earning.earning_rate),
            source.map_or("", |source| source.line_id.as_str()),
            &earning.reference,
        ] {
            let length =
                u32::try_from(text.len()).map_err(|_| StoreError("a field of an earning is too long".into()))?;
            self.hash.update(length.to_be_bytes());
            self.hash.update(text);
        }
        Ok(())
    }

    /// The digest.
    pub(crate) fn digest(&self) -> Vec<u8> {
        self.hash.clone().finalize().to_vec()
    }

    /// By currency.
    pub(crate) fn totals(&self) -> Vec<CurrencyTotal> {
        let total = |(currency, (revenue, earned)): (&Currency, &(Decimal, Decimal))| CurrencyTotal {
            currency: *currency,
            revenue: currency.round(*revenue),
            earned: currency.round(*earned),
        };
        self.totals.iter().map(total).collect()
    }
}

fn number(amount: Decimal) -> String {
    amount.normalize().to_string()
}
