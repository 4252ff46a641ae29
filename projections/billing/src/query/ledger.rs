//! Balances, entries and the trial balance.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    ids::{CustomerId, PartnerId},
    money::Currency,
    position::Position,
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, Pager, QueryError, list},
};

use crate::{
    ledger::{Account, add, show},
    tables::{
        balance_days,
        balances::{self, Sums},
        entries::{self, Booking},
    },
};

/// Which accounts; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// With this name.
    pub account: Option<Account>,
    /// As they were then.
    pub horizon: Horizon,
}

impl AccountFilter {
    fn partner(&self) -> Option<&str> {
        self.partner_id.as_ref().map(PartnerId::as_str)
    }

    fn matches(&self, currency: Currency, account: Account) -> bool {
        self.currency.is_none_or(|wanted| wanted == currency) && self.account.is_none_or(|wanted| wanted == account)
    }
}

/// What an account holds. Amounts are in the currency's unit, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose account.
    pub partner_id: PartnerId,
    /// Of the amounts.
    pub currency: Currency,
    /// Which one.
    pub account: Account,
    /// Debits less credits.
    pub amount: Decimal,
    /// Sum of the debits.
    pub debits: Decimal,
    /// Sum of the credits.
    pub credits: Decimal,
    /// Entries summed.
    pub entry_count: u64,
}

/// Balances by partner, currency and account: as they are, or as they were.
pub fn list_balances(
    rows: &dyn Rows,
    filter: &AccountFilter,
    page: PageRequest<'_>,
) -> Result<Page<Balance>, QueryError> {
    let prefix = balances::prefix(filter.partner(), filter.currency, filter.account);
    list(rows, &prefix, page, |key, row| {
        let (partner_id, currency, account) = balances::read_key(key)?;
        if !filter.matches(currency, account) {
            return Ok(None);
        }
        let sums = if filter.horizon.is_now() {
            decode(row)?
        } else {
            balance_days::sums(rows, &partner_id, currency, account, &filter.horizon)?
        };
        let Sums { debits, credits, entry_count } = sums;
        Ok((entry_count > 0).then_some(Balance {
            partner_id,
            currency,
            account,
            amount: show(currency, add(debits, -credits)?),
            debits: show(currency, debits),
            credits: show(currency, credits),
            entry_count,
        }))
    })
}

/// One side of a posting; the two sides of one balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The commit that posted it.
    pub position: Position,
    /// Whose account.
    pub partner_id: PartnerId,
    /// Behind a charge; none for an invoice.
    pub customer_id: Option<CustomerId>,
    /// Of the amounts.
    pub currency: Currency,
    /// Which account.
    pub account: Account,
    /// Greater than zero, or "0" if the other is.
    pub debit: Decimal,
    /// Greater than zero, or "0" if the other is.
    pub credit: Decimal,
    /// The day charged, or the invoice date.
    pub booked_on: NaiveDate,
    /// The charge line or invoice number behind it.
    pub reference: String,
}

/// Entries by partner, currency and account, each in the order booked.
pub fn list_entries(rows: &dyn Rows, filter: &AccountFilter, page: PageRequest<'_>) -> Result<Page<Entry>, QueryError> {
    let mut pager = Pager::new(page, &entries::prefix(filter.partner(), filter.currency, filter.account))?;
    let from = pager.from().to_vec();
    if !entries::is_start(&from) {
        return Err(QueryError::InvalidPageToken);
    }
    let wanted = |currency, account| filter.matches(currency, account);
    entries::each(rows, filter.partner(), &wanted, &from, &mut |key, entry| {
        pager.offer(key, || {
            let seen =
                |booking: &Booking| filter.horizon.knows(booking.position) && filter.horizon.reaches(booking.booked_on);
            Ok(entry.filter(|(booking, _)| seen(booking)).map(|(booking, row)| Entry::new(booking, row)))
        })
    })?;
    Ok(pager.finish())
}

impl Entry {
    fn new(booking: Booking, row: entries::Row) -> Self {
        let Booking { partner_id, currency, account, booked_on, position, index: _ } = booking;
        let entries::Row { customer_id, debit, credit, reference } = row;
        Self { position, partner_id, customer_id, currency, account, debit, credit, booked_on, reference }
    }
}

/// All accounts of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalance {
    /// The currency.
    pub currency: Currency,
    /// Sum of all debits.
    pub debits: Decimal,
    /// Sum of all credits.
    pub credits: Decimal,
    /// Debits less credits: zero, always.
    pub difference: Decimal,
    /// Entries summed.
    pub entry_count: u64,
}

/// The sums over all partners and accounts, for each currency. Reads every balance.
pub fn trial_balance(rows: &dyn Rows) -> Result<Vec<TrialBalance>, StoreError> {
    trial_balance_as_of(rows, &Horizon::default())
}

/// [`trial_balance`] as it was then.
pub fn trial_balance_as_of(rows: &dyn Rows, horizon: &Horizon) -> Result<Vec<TrialBalance>, StoreError> {
    let mut sums: BTreeMap<Currency, Sums> = BTreeMap::new();
    rows.scan(&balances::prefix(None, None, None), &[], false, &mut |key, row| {
        let (partner, currency, account) = balances::read_key(key)?;
        let held: Sums = if horizon.is_now() {
            decode(row)?
        } else {
            balance_days::sums(rows, &partner, currency, account, horizon)?
        };
        sums.entry(currency).or_default().plus(&held)?;
        Ok(true)
    })?;
    let line = |(currency, Sums { debits, credits, entry_count })| {
        Ok(TrialBalance {
            currency,
            debits: show(currency, debits),
            credits: show(currency, credits),
            difference: show(currency, add(debits, -credits)?),
            entry_count,
        })
    };
    sums.into_iter().map(line).collect()
}
