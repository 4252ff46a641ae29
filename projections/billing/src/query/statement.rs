//! The statement of account of a partner.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{ids::PartnerId, money::Currency};
use subledger_fold::{
    Rows, decode,
    page::{Page, PageRequest, Pager, QueryError},
};

use crate::{
    ledger::{add, show},
    tables::statement::{self, Item, StatementKind},
};

/// A line of a statement, with the balance after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// Of the amounts; each currency has a balance of its own.
    pub currency: Currency,
    /// The day.
    pub booked_on: NaiveDate,
    /// What it is.
    pub kind: StatementKind,
    /// The number of the document, or the id of the payment or request.
    pub reference: String,
    /// What is owed more; negative for less.
    pub amount: Decimal,
    /// What the partner owes after it: invoices less payments, whether allocated or not.
    pub balance: Decimal,
}

/// Which lines.
#[derive(Clone, Debug)]
pub struct StatementFilter {
    /// Of this partner.
    pub partner_id: PartnerId,
    /// In this currency; all, if none.
    pub currency: Option<Currency>,
    /// The first day; the beginning, if none.
    pub from: Option<NaiveDate>,
    /// The last day; the end, if none.
    pub until: Option<NaiveDate>,
}

/// The statement by currency, each in the order booked. Every page reads the lines before it, for their balance.
pub fn list_statement(
    rows: &dyn Rows,
    filter: &StatementFilter,
    page: PageRequest<'_>,
) -> Result<Page<StatementLine>, QueryError> {
    let prefix = statement::prefix(&filter.partner_id, filter.currency);
    let mut pager = Pager::new(page, &prefix)?;
    let first = pager.from().to_vec();
    let mut balance = (None, Decimal::ZERO);
    rows.scan(&prefix, &[], false, &mut |key, row| {
        let (currency, booked_on) = statement::read_key(key)?;
        let Item { kind, reference, amount } = decode(row)?;
        let before = if balance.0 == Some(currency) { balance.1 } else { Decimal::ZERO };
        balance = (Some(currency), add(before, amount)?);
        let inside = filter.from.is_none_or(|from| from <= booked_on)
            && filter.until.is_none_or(|until| booked_on <= until)
            && key >= first.as_slice();
        if !inside {
            return Ok(true);
        }
        let (amount, balance) = (show(currency, amount), show(currency, balance.1));
        pager.offer(key, || Ok(Some(StatementLine { currency, booked_on, kind, reference, amount, balance })))
    })?;
    Ok(pager.finish())
}
