//! The fold: commits become rows.
//!
//! Partitions arrive interleaved in any way. Every row is therefore a function of the set of commits folded, not of their order: keys come
//! from the commit itself, sums are exact, and what depends on two partitions (which lines are unbilled, when the next invoice is due) is
//! brought up to date from whichever side comes last.

mod claims;
mod receivables;
mod usage;

use subledger_domain::{
    Event,
    charge::Charged,
    event::{InvoiceIssued, PartnerRegistered},
    ids::{CustomerId, PartnerId},
    money::Currency,
    position::{Family, Position},
};
use subledger_fold::{Changes, Projection, Recorded, StoreError, as_of};

use crate::{
    known,
    ledger::{Leg, Posting, charge_posting, invoice_posting},
    tables::{
        balance_days, balances, causes, charge_index,
        charges::{self, Place},
        due, entries, invoice_index, invoices, markers,
        partners::{self, Partner},
        series::{self, Series, State},
    },
};

/// The billing read model: charges, invoices, balanced entries and balances.
#[derive(Clone, Copy, Debug, Default)]
pub struct BillingProjection;

impl Projection for BillingProjection {
    fn name(&self) -> &'static str {
        "billing"
    }

    fn version(&self) -> u32 {
        4
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        as_of::note(rows, commit);
        let Ok(events) = commit.outcome else { return Ok(()) };
        known::fold(rows, commit, events)?;
        for (index, event) in events.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| StoreError("a commit has too many events".to_owned()))?;
            match event {
                Event::Charged(line) => charged(rows, commit.position, index, line)?,
                Event::PartitionDayClosed(event) => {
                    expect_family(commit.position, Family::Customers, "PartitionDayClosed")?;
                    markers::put(rows, commit.position.partition.index, event.date, commit.position.seq)?;
                }
                Event::PartnerRegistered(event) => partner_registered(rows, event)?,
                Event::InvoiceIssued(event) => invoice_issued(rows, commit.position, index, event)?,
                _ => {
                    claims::fold(rows, commit.position, event)?;
                    usage::fold(rows, event, commit.effective_at)?;
                    receivables::fold(rows, commit.position, index, event)?;
                }
            }
        }
        Ok(())
    }
}

fn charged(rows: &mut dyn Changes, position: Position, index: u32, line: &Charged) -> Result<(), StoreError> {
    expect_family(position, Family::Customers, "Charged")?;
    let (series, place) = (Series::from(line), Place::new(line, position, index));
    let key = charges::key(&series, &place);
    charge_index::put(rows, line, &place, &key);
    causes::put_line(rows, line, &place, &key);
    charges::put(rows, key, line)?;
    let booking = Booked { position, index, partner_id: &line.partner_id, currency: line.currency };
    booking.post(rows, &charge_posting(line), line.charged_on, Some(&line.customer_id), line.line_id.as_str())?;
    let state = series::get(rows, &series)?.unwrap_or_default();
    let billed = state.billed_until.is_some_and(|end| line.charged_on < end);
    let earlier_is_known = state.first_unbilled.is_some_and(|first| first <= line.charged_on);
    if !billed && !earlier_is_known {
        let changed = State { first_unbilled: Some(line.charged_on), ..state };
        change_series(rows, &series, state, changed)?;
    }
    Ok(())
}

fn invoice_issued(
    rows: &mut dyn Changes,
    position: Position,
    index: u32,
    event: &InvoiceIssued,
) -> Result<(), StoreError> {
    expect_family(position, Family::Partners, "InvoiceIssued")?;
    invoices::insert(rows, &invoices::Issued { position, event: event.clone() })?;
    invoice_index::insert(rows, event)?;
    receivables::issued(rows, (position, index), event, None)?;
    let booking = Booked { position, index, partner_id: &event.partner_id, currency: event.currency };
    booking.post(rows, &invoice_posting(event), event.invoice_date, None, event.invoice_number.as_str())?;
    let series = Series::from(event);
    let state = series::get(rows, &series)?.unwrap_or_default();
    let billed_until = state.billed_until.max(Some(event.period_end));
    let first_unbilled = charges::first_day(rows, &series, billed_until)?;
    change_series(rows, &series, state, State { billed_until, first_unbilled })
}

fn partner_registered(rows: &mut dyn Changes, event: &PartnerRegistered) -> Result<(), StoreError> {
    let partner = Partner::from(event);
    partners::put(rows, &event.partner_id, &partner)?;
    // Charges may have come before their partner.
    let mut waiting = Vec::new();
    series::each(rows, Some(&event.partner_id), &mut |series, state| {
        waiting.push((series, state));
        Ok(true)
    })?;
    for (series, state) in waiting {
        due::change(rows, &series, None, partner.next_due(series.family, state));
    }
    Ok(())
}

/// Sets where a series stands, and when it is due.
fn change_series(rows: &mut dyn Changes, series: &Series, from: State, to: State) -> Result<(), StoreError> {
    series::put(rows, series, to)?;
    if let Some(partner) = partners::get(rows, &series.partner_id)? {
        let due = |state: State| partner.next_due(series.family, state);
        due::change(rows, series, due(from), due(to));
    }
    Ok(())
}

/// What the entries of a posting have in common.
struct Booked<'a> {
    position: Position,
    index: u32,
    partner_id: &'a PartnerId,
    currency: Currency,
}

impl Booked<'_> {
    fn post(
        &self,
        rows: &mut dyn Changes,
        posting: &Posting,
        booked_on: chrono::NaiveDate,
        customer_id: Option<&CustomerId>,
        reference: &str,
    ) -> Result<(), StoreError> {
        for &Leg { account, debit, credit } in posting.legs() {
            let booking = entries::Booking {
                partner_id: self.partner_id.clone(),
                currency: self.currency,
                account,
                booked_on,
                position: self.position,
                index: self.index,
            };
            let row =
                entries::Row { customer_id: customer_id.cloned(), debit, credit, reference: reference.to_owned() };
            balance_days::post(rows, &booking, debit, credit)?;
            entries::put(rows, &booking, &row)?;
            balances::post(rows, self.partner_id, self.currency, account, debit, credit)?;
        }
        Ok(())
    }
}

fn expect_family(position: Position, family: Family, event: &str) -> Result<(), StoreError> {
    if position.partition.family == family {
        Ok(())
    } else {
        Err(StoreError(format!("{event} at {position}: it belongs to {family}")))
    }
}
