//! Lines, reference data, and what a partner's stream says about its incentives.
//!
//! Rows of customers and of partners meet only in queries, so the order in which partitions arrive changes nothing.

use chrono::NaiveDate;
use subledger_domain::{
    Event, calendar,
    charge::{Charged, InvoiceFamily},
    event::{
        EarningDisputeDecided, EarningsClosed, IncentiveEnrollmentChanged, IncentivePaymentOrdered,
        IncentivePaymentStatusChanged, InvoiceIssued, InvoiceRebilled,
    },
    ids::PaymentId,
    incentive::{EnrollmentStatus, IncentiveProduct, PaymentStatus},
    offer::ProductFamily,
    partner::Incentives,
};
use subledger_fold::{Changes, Recorded, StoreError};

use crate::tables::{
    adjustments::{self, Correction, Fact, Invoice},
    agenda::{self, Task},
    enrollments::{self, Answer, Closed, Dispute, Enrollment, EnrollmentKey, Moved, Payment, Step, Told},
    lines, markers,
    parties::{self, Customer, Partner, Sold},
    reference,
};

/// Folds an event, if earnings need it.
pub(super) fn fold(rows: &mut dyn Changes, commit: &Recorded<'_>, index: u32, event: &Event) -> Result<(), StoreError> {
    let revision = count(rows, event)?;
    let told = Told { on: commit.effective_at.date_naive(), position: commit.position };
    let mut fold = Fold { rows, told, revision };
    match event {
        Event::Charged(line) => fold.charged(index, line),
        Event::PartitionDayClosed(e) => markers::put(fold.rows, told.position, e.date),
        Event::DayClosed(e) => reference::put_closed(fold.rows, e.date),
        Event::IncentiveProgramsPublished(e) => {
            e.programs.iter().try_for_each(|program| reference::put_program(fold.rows, program))
        }
        Event::UsagePeriodsPublished(e) => {
            e.periods.iter().try_for_each(|period| reference::put_usage_period(fold.rows, period))
        }
        Event::IncentiveRatesPublished(e) => e.rates.iter().try_for_each(|rate| reference::put_rate(fold.rows, rate)),
        Event::PartnerRegistered(e) => parties::put_partner(fold.rows, &e.partner_id, &Partner::from(e)),
        Event::CustomerCreated(e) => {
            let row = Customer { name: e.company_name.clone(), country: e.address.country.clone() };
            parties::put_customer(fold.rows, &e.customer_id, &row)
        }
        Event::CustomerUpdated(e) => {
            let mut row = parties::customer(fold.rows, &e.customer_id)?.unwrap_or_default();
            row.name = e.company_name.clone().unwrap_or(row.name);
            row.country = e.address.as_ref().map_or(row.country, |address| address.country.clone());
            parties::put_customer(fold.rows, &e.customer_id, &row)
        }
        Event::SubscriptionCreated(e) => {
            let row = Sold { family: e.product_family, start: e.start, term_end: e.term_end };
            parties::put_sold(fold.rows, &e.customer_id, &e.subscription_id, &row)
        }
        Event::InvoiceIssued(e) => fold.invoice(e),
        Event::CreditNoteIssued(e) => {
            let known = adjustments::invoice(fold.rows, &e.partner_id, &e.invoice_number)?;
            let known = known.ok_or_else(|| StoreError(format!("invoice {} does not exist", e.invoice_number)))?;
            let fact = Fact::CreditNote(e.invoice_number.clone(), Invoice { dated: e.issued_on, ..known });
            adjustments::put_fact(fold.rows, &e.partner_id, revision, &fact)
        }
        Event::InvoiceRebilled(e) => fold.rebilled(e),
        Event::IncentiveEnrollmentChanged(e) => fold.enrolled(e),
        Event::PayoutProfileUpdated(e) => parties::change_partner(fold.rows, &e.partner_id, |partner| {
            partner.bank_since = partner.bank_since.or_else(|| e.bank.as_ref().map(|_| told));
            partner.tax_since = partner.tax_since.or_else(|| e.tax.as_ref().map(|_| told));
            partner.bank = e.bank.clone().or_else(|| partner.bank.take());
            partner.tax = e.tax.clone().or_else(|| partner.tax.take());
        }),
        Event::EarningsClosed(e) => fold.closed(e),
        Event::IncentivePaymentOrdered(e) => fold.ordered(e),
        Event::IncentivePaymentDeferred(e) => {
            let key = EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id);
            agenda::delete(fold.rows, e.ordered_on, Task::Order, &key);
            Ok(())
        }
        Event::IncentivePaymentStatusChanged(e) => fold.moved(e),
        Event::TaxInvoiceSubmitted(e) => {
            enrollments::change_payment(fold.rows, &e.partner_id, &e.payment_id, |payment| {
                payment.tax_invoices.push((e.reference.clone(), told));
            })
            .map(|_| ())
        }
        Event::EarningDisputed(e) => {
            enrollments::put_dispute(fold.rows, &Dispute { event: e.clone(), told, answer: None })
        }
        Event::EarningDisputeDecided(e) => fold.decided(e),
        _ => Ok(()),
    }
}

/// Counts a fact as the partner's stream does; the revision with it.
fn count(rows: &mut dyn Changes, event: &Event) -> Result<u64, StoreError> {
    let partner = match event {
        _ if !Incentives::counts(event) => return Ok(0),
        Event::IncentiveEnrollmentChanged(e) => &e.partner_id,
        Event::PayoutProfileUpdated(e) => &e.partner_id,
        Event::CreditNoteIssued(e) => &e.partner_id,
        Event::InvoiceRebilled(e) => &e.invoice.partner_id,
        Event::EarningDisputeDecided(e) => &e.partner_id,
        Event::CoopFundsAccrued(e) => &e.partner_id,
        _ => return Err(StoreError(format!("{} counts for no partner", event.name()))),
    };
    let mut revision = 0;
    parties::change_partner(rows, partner, |partner| {
        partner.revision += 1;
        revision = partner.revision;
    })?;
    Ok(revision)
}

struct Fold<'a> {
    rows: &'a mut dyn Changes,
    told: Told,
    revision: u64,
}

impl Fold<'_> {
    fn charged(&mut self, index: u32, line: &Charged) -> Result<(), StoreError> {
        let sold = parties::sold(self.rows, &line.customer_id, &line.subscription_id)?;
        let family = sold.map_or(
            match line.invoice_family {
                InvoiceFamily::LicenseUsage => ProductFamily::License,
                InvoiceFamily::OneTimeRecurring => ProductFamily::OneTimeRecurring,
            },
            |sold| sold.family,
        );
        let product = IncentiveProduct::of(line.usage.is_some(), family);
        lines::put(self.rows, line, product, self.told.position, index)
    }

    fn invoice(&mut self, e: &InvoiceIssued) -> Result<(), StoreError> {
        adjustments::put_invoice(self.rows, e)
    }

    fn rebilled(&mut self, e: &InvoiceRebilled) -> Result<(), StoreError> {
        let known = adjustments::invoice(self.rows, &e.invoice.partner_id, &e.rebills)?;
        let known = known.ok_or_else(|| StoreError(format!("invoice {} does not exist", e.rebills)))?;
        self.invoice(&e.invoice)?;
        let new = Invoice::from(&e.invoice);
        // Its lines are those of the cancelled one, and their net is what the refund left of it.
        let fact = Fact::Rebill(e.invoice.invoice_number.clone(), Invoice { dated: new.dated, ..known }, new.net);
        adjustments::put_fact(self.rows, &e.invoice.partner_id, self.revision, &fact)
    }

    fn enrolled(&mut self, e: &IncentiveEnrollmentChanged) -> Result<(), StoreError> {
        let key = EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id);
        let mut row = key.get(self.rows)?.unwrap_or_else(|| Enrollment::new(e.to));
        row.moved(Moved {
            from: e.from,
            to: e.to,
            on: e.on,
            reason: e.reason.clone(),
            unmet: e.unmet.clone(),
            validate_until: e.validate_until,
            told: self.told,
        });
        if e.to == EnrollmentStatus::Enrolled {
            let month = calendar::first_of_month(e.on);
            let after = row.closed.map_or(month, |(_, last)| next_month(last).max(month));
            if row.next_period.is_none() {
                self.set_next(&key, &mut row, Some(after));
            }
            if !row.open.is_empty() {
                agenda::put(self.rows, e.on, Task::Order, &key);
            }
        }
        key.put(self.rows, &row)
    }

    /// Moves the month to close next.
    fn set_next(&mut self, key: &EnrollmentKey, row: &mut Enrollment, next: Option<NaiveDate>) {
        if let Some(before) = row.next_period {
            agenda::delete(self.rows, calendar::last_of_month(before), Task::Close, key);
        }
        if let Some(next) = next {
            agenda::put(self.rows, calendar::last_of_month(next), Task::Close, key);
        }
        row.next_period = next;
    }

    fn closed(&mut self, e: &EarningsClosed) -> Result<(), StoreError> {
        let key = EnrollmentKey::from(e);
        let mut row = key.known(self.rows)?;
        let closed =
            Closed { event: e.clone(), after_revision: row.closed_revision, payments: Vec::new(), told: self.told };
        key.put_closed(self.rows, &closed)?;
        row.closed = Some((row.closed.map_or(e.period, |(first, _)| first), e.period));
        row.closed_revision = e.revision;
        self.set_next(&key, &mut row, (!e.is_last).then(|| next_month(e.period)));
        if !e.payable_usd().is_zero() {
            row.open.insert(e.period);
            agenda::put(self.rows, e.order_on, Task::Order, &key);
        }
        key.put(self.rows, &row)
    }

    /// Says which payment has a closed month.
    fn pay(&mut self, key: &EnrollmentKey, period: NaiveDate, payment: Option<&PaymentId>) -> Result<(), StoreError> {
        let Some(mut closed) = key.closed(self.rows, period)? else {
            return Err(StoreError(format!("the month of {period} is paid and not closed")));
        };
        closed.payments.push((payment.cloned(), self.told));
        key.put_closed(self.rows, &closed)
    }

    fn ordered(&mut self, e: &IncentivePaymentOrdered) -> Result<(), StoreError> {
        let key = EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id);
        agenda::delete(self.rows, e.ordered_on, Task::Order, &key);
        let mut row = key.known(self.rows)?;
        for period in &e.periods {
            row.open.remove(period);
            self.pay(&key, *period, Some(&e.payment_id))?;
        }
        key.put(self.rows, &row)?;
        enrollments::put_payment(self.rows, &Payment::new(e.clone(), self.told))
    }

    fn moved(&mut self, e: &IncentivePaymentStatusChanged) -> Result<(), StoreError> {
        let step = Step { to: e.to, on: e.on, reason: e.reason.clone(), told: self.told };
        let payment = enrollments::change_payment(self.rows, &e.partner_id, &e.payment_id, |it| it.moved(step))?;
        if e.to != PaymentStatus::Unprocessed {
            return Ok(());
        }
        let key = EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id);
        let mut row = key.known(self.rows)?;
        for period in &payment.event.periods {
            row.open.insert(*period);
            self.pay(&key, *period, None)?;
        }
        agenda::put(self.rows, e.on, Task::Order, &key);
        key.put(self.rows, &row)
    }

    fn decided(&mut self, e: &EarningDisputeDecided) -> Result<(), StoreError> {
        let known = enrollments::dispute(self.rows, &e.partner_id, &e.dispute_id)?;
        let known = known.ok_or_else(|| StoreError(format!("dispute {} does not exist", e.dispute_id)))?;
        let (correction, note, decided_on) = (e.correction, e.note.clone(), e.decided_on);
        let answer = Some(Answer { correction, note, decided_on, told: self.told });
        enrollments::put_dispute(self.rows, &Dispute { answer, ..known })?;
        let Some(amount) = e.correction else { return Ok(()) };
        let key = EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id);
        let mut row = key.known(self.rows)?;
        if let (None, Some((_, last))) = (row.next_period, row.closed) {
            self.set_next(&key, &mut row, Some(next_month(last)));
            key.put(self.rows, &row)?;
        }
        let fact = Fact::Correction(Correction {
            dispute_id: e.dispute_id.clone(),
            program_id: e.program_id.clone(),
            mpn_id: e.mpn_id.clone(),
            currency: e.currency,
            amount,
            decided_on: e.decided_on,
        });
        adjustments::put_fact(self.rows, &e.partner_id, self.revision, &fact)
    }
}

/// The month after that of a day.
fn next_month(day: NaiveDate) -> NaiveDate {
    calendar::anniversary(calendar::first_of_month(day), 1)
}
