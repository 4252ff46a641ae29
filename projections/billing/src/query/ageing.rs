//! Ageing: how old is what a partner owes.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{ids::PartnerId, money::Currency, partner::AccountStanding};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    page::{Page, PageRequest, QueryError, list},
};

use crate::{
    ledger::{Account, add, show},
    tables::{balance_days, balances, invoice_index, invoices, receivables, standings},
};

/// The last day of each bucket but the last, in days after the due date.
const BUCKET_DAYS: [i64; 4] = [0, 30, 60, 90];

/// What a partner owes in a currency at the end of a day, by the days since it was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ageing {
    /// Who owes.
    pub partner_id: PartnerId,
    /// Of the amounts.
    pub currency: Currency,
    /// The day.
    pub as_of: NaiveDate,
    /// Not due yet; 1 to 30 days overdue; 31 to 60; 61 to 90; more.
    pub buckets: [Decimal; 5],
    /// All of it.
    pub due: Decimal,
    /// What negative invoices have left.
    pub open_credits: Decimal,
    /// Payments that no invoice has.
    pub unallocated: Decimal,
    /// Where the partner stands now.
    pub standing: AccountStanding,
    /// Since when; none if it was never anything but good.
    pub standing_since: Option<NaiveDate>,
}

/// The ageing of one partner or all at the end of a day, by partner and currency, for each currency that was ever invoiced. `horizon`
/// is that day, and by when something was recorded.
pub fn list_ageing(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    (as_of, horizon): (NaiveDate, &Horizon),
    page: PageRequest<'_>,
) -> Result<Page<Ageing>, QueryError> {
    let prefix = balances::prefix(partner.map(PartnerId::as_str), None, None);
    list(rows, &prefix, page, |key, _| {
        let (partner_id, currency, account) = balances::read_key(key)?;
        if account != Account::Receivable {
            return Ok(None);
        }
        ageing(rows, partner_id, currency, (as_of, horizon)).map(Some)
    })
}

fn ageing(
    rows: &dyn Rows,
    partner_id: PartnerId,
    currency: Currency,
    (as_of, horizon): (NaiveDate, &Horizon),
) -> Result<Ageing, StoreError> {
    let mut buckets = [Decimal::ZERO; 5];
    let (mut due, mut open_credits) = (Decimal::ZERO, Decimal::ZERO);
    let prefix = invoice_index::partner_prefix(Some(partner_id.as_str()));
    rows.scan(&prefix, &[], false, &mut |key, _| {
        let (date, of, number) = invoice_index::read_dated_key(key)?;
        if date > as_of {
            return Ok(false);
        }
        let issued = invoices::get(rows, &number)?.filter(|issued| of == currency && issued.is_seen(horizon));
        let Some(issued) = issued else { return Ok(true) };
        let amount = receivables::as_of(rows, &issued, horizon)?.due();
        if amount > Decimal::ZERO {
            let days = (as_of - issued.event.due_date).num_days();
            let bucket = BUCKET_DAYS.iter().position(|last| days <= *last).unwrap_or(BUCKET_DAYS.len());
            if let Some(sum) = buckets.get_mut(bucket) {
                *sum = add(*sum, amount)?;
            }
            due = add(due, amount)?;
        } else {
            open_credits = add(open_credits, -amount)?;
        }
        Ok(true)
    })?;
    let unallocated = balance_days::sums(rows, &partner_id, currency, Account::Unallocated, horizon)?;
    let unallocated = add(unallocated.credits, -unallocated.debits)?;
    let standings::Standing { standing, since: standing_since, .. } = standings::get(rows, &partner_id)?;
    let show = |amount| show(currency, amount);
    Ok(Ageing {
        partner_id,
        currency,
        as_of,
        buckets: buckets.map(show),
        due: show(due),
        open_credits: show(open_credits),
        unallocated: show(unallocated),
        standing,
        standing_since,
    })
}
