//! The fold: commits become rows.
//!
//! Partitions arrive interleaved in any way. Every row is therefore a function of the set of commits folded, not of their order: keys come
//! from the commit itself, sums are exact, and what depends on two partitions (which lines are unbilled, when the next invoice is due) is
//! brought up to date from whichever side comes last.

mod claims;
mod incentives;
mod receivables;
mod usage;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use subledger_domain::{
    Event,
    charge::Charged,
    event::{InvoiceIssued, PartnerRegistered},
    ids::PartnerId,
    money::Currency,
    position::{Family, Position},
};
use subledger_fold::{Changes, Projection, Recorded, StoreError, as_of};

use crate::{
    known,
    ledger::{Account, Leg, Posting, charge_posting, invoice_posting},
    tables::{
        balance_days,
        balances::{self, Sums},
        causes, charge_index,
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
        9
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        as_of::note(rows, commit);
        let Ok(events) = commit.outcome else { return Ok(()) };
        known::fold(rows, commit, events)?;
        let mut charges = Charges::new(commit.position);
        for (index, event) in events.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| StoreError("a commit has too many events".to_owned()))?;
            match event {
                Event::Charged(line) => charges.add(rows, index, line)?,
                Event::PartitionDayClosed(event) => {
                    expect_family(commit.position, Family::Customers, "PartitionDayClosed")?;
                    markers::put(rows, commit.position.partition.index, event.date, commit.position.seq)?;
                }
                Event::PartnerRegistered(event) => partner_registered(rows, event)?,
                Event::InvoiceIssued(event) => invoice_issued(rows, commit.position, index, event)?,
                _ => {
                    claims::fold(rows, commit.position, event)?;
                    usage::fold(rows, commit.position, event, commit.effective_at)?;
                    incentives::fold(rows, commit.position, index, event)?;
                    receivables::fold(rows, commit.position, index, event)?;
                }
            }
        }
        charges.finish(rows)
    }
}

/// The charges of one commit. What they add to balances and series is added up, and each row is changed once.
struct Charges {
    position: Position,
    balances: BTreeMap<(PartnerId, Currency, Account, NaiveDate), Sums>,
    days: BTreeMap<Series, BTreeSet<NaiveDate>>,
}

impl Charges {
    fn new(position: Position) -> Self {
        Self { position, balances: BTreeMap::new(), days: BTreeMap::new() }
    }

    fn add(&mut self, rows: &mut dyn Changes, index: u32, line: &Charged) -> Result<(), StoreError> {
        expect_family(self.position, Family::Customers, "Charged")?;
        let (series, place) = (Series::from(line), Place::new(line, self.position, index));
        let key = charges::key(&series, &place);
        charge_index::put(rows, line, &place, &key);
        causes::put_line(rows, line, &place, &key);
        charges::put(rows, key, line)?;
        for &Leg { account, debit, credit } in charge_posting(line).legs() {
            let account = (line.partner_id.clone(), line.currency, account, line.charged_on);
            self.balances.entry(account).or_default().plus(&Sums { debits: debit, credits: credit, entry_count: 1 })?;
        }
        self.days.entry(series).or_default().insert(line.charged_on);
        Ok(())
    }

    fn finish(self, rows: &mut dyn Changes) -> Result<(), StoreError> {
        for ((partner_id, currency, account, booked_on), sums) in &self.balances {
            balance_days::add(rows, (partner_id, *currency, *account), *booked_on, self.position, sums)?;
            balances::add(rows, (partner_id, *currency, *account), sums)?;
        }
        for (series, days) in self.days {
            let state = series::get(rows, &series)?.unwrap_or_default();
            let unbilled = days.into_iter().find(|day| state.billed_until.is_none_or(|end| *day >= end));
            let first_unbilled = state.first_unbilled.into_iter().chain(unbilled).min();
            if first_unbilled != state.first_unbilled {
                change_series(rows, &series, state, State { first_unbilled, ..state })?;
            }
        }
        Ok(())
    }
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
    booking.post(rows, &invoice_posting(event), event.invoice_date, event.invoice_number.as_str())?;
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

/// What the entries of a posting have in common. Those of charges are not kept, but read from the charges ([`entries`]).
#[derive(Clone, Copy)]
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
        booked_on: NaiveDate,
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
            let row = entries::Row { customer_id: None, debit, credit, reference: reference.to_owned() };
            let (of, sums) =
                ((self.partner_id, self.currency, account), Sums { debits: debit, credits: credit, entry_count: 1 });
            balance_days::add(rows, of, booked_on, self.position, &sums)?;
            entries::put(rows, &booking, &row)?;
            balances::add(rows, of, &sums)?;
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
