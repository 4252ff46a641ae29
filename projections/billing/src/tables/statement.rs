//! The statement of account: what made a partner's balance, in the order booked.
//!
//! Key: partner text, currency, day booked, `seq` (8 bytes), index of the event in the commit (4 bytes). Row: [`Item`]. All of a
//! partner are in its partition.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{ids::PartnerId, money::Currency};
use subledger_fold::{Changes, Key, KeyReader, StoreError};

use super::prefix::STATEMENT;

/// What made the balance go up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatementKind {
    /// More is owed; less by a negative one.
    Invoice,
    /// Money came in.
    Payment,
    /// Money went back.
    Refund,
    /// Tax was paid to an authority instead.
    Withholding,
    /// An invoice was cancelled.
    CreditNote,
}

impl StatementKind {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Withholding => "withholding",
            Self::CreditNote => "credit note",
        }
    }
}

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) kind: StatementKind,
    /// The number of the document, or the id of the payment or request.
    pub(crate) reference: String,
    /// What is owed more; negative for less.
    pub(crate) amount: Decimal,
}

/// The prefix of all lines of a partner, or of those in one currency.
pub(crate) fn prefix(partner: &PartnerId, currency: Option<Currency>) -> Vec<u8> {
    currency.into_iter().fold(Key::table(STATEMENT).text(partner.as_str()), super::currency).build()
}

pub(crate) fn put(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    currency: Currency,
    (day, seq, index): (NaiveDate, u64, u32),
    item: &Item,
) -> Result<(), StoreError> {
    let key = Key::default().bytes(&prefix(partner, Some(currency))).date(day).number(seq).u32(index);
    let item = Item { amount: item.amount.normalize(), ..item.clone() };
    subledger_fold::put(rows, key.build(), &item)
}

/// Reads a key: the currency and the day.
pub(crate) fn read_key(key: &[u8]) -> Result<(Currency, NaiveDate), StoreError> {
    let mut reader = KeyReader::table(STATEMENT, key)?;
    reader.text()?;
    Ok((super::read_currency(&mut reader)?, reader.date()?))
}
