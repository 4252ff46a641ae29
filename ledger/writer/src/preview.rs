//! A command decided without being recorded: against the state as it is, on a copy of the one customer that it concerns.
//!
//! Nothing is appended, staged or remembered. The copy first does what closed days have made due, as the writer would before the command, and
//! afterwards lives on to the next invoices, as it would if nothing else happened.

use std::{borrow::Cow, collections::BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use subledger_domain::{
    Command, Context, Event, Rejection,
    charge::{Charged, InvoiceFamily},
    command::{RunDue, Target},
    customer::Customer,
    ids::{CustomerId, PartnerId, SubscriptionId},
    money::Currency,
    partner::{cycle_end, invoice_date},
};

use crate::{
    CommandError, Outcome, ReferenceView, Submission,
    dedup::{content_key, id_key},
    due::{end_of, preview_id},
    machine::{Machine, stream},
    run::Writer,
};

/// Invoices told: the next one, and the one after it, because a correction waits for the monthly anniversary.
const INVOICES_MAX: usize = 2;
/// Decisions about what is due that a preview makes at most.
const DUE_DECISIONS_MAX: usize = 1_000;

/// What would become of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preview {
    /// It was recorded before: this is its outcome.
    Recorded(Box<Outcome>),
    /// What would be recorded now.
    Decided(Decided),
}

/// What a command would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its events, or why it would be refused.
    pub result: Result<Vec<Event>, Rejection>,
    /// The stream's version after it.
    pub stream_version: u64,
    /// When it was decided, UTC.
    pub decided_at: DateTime<Utc>,
    /// When it would take effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// What the next invoices would carry for the subscriptions concerned, if nothing else happened; the earliest first. Without what
    /// was charged before.
    pub invoices: Vec<UpcomingInvoice>,
}

/// Lines of an invoice to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpcomingInvoice {
    /// Who would pay.
    pub partner_id: PartnerId,
    /// Which of the partner's invoices.
    pub family: InvoiceFamily,
    /// Of every line.
    pub currency: Currency,
    /// The last day of its period.
    pub period_end: NaiveDate,
    /// Its date, which may be later.
    pub date: NaiveDate,
    /// In the order charged.
    pub lines: Vec<Charged>,
}

impl Writer {
    /// Previews a command.
    pub(crate) fn preview(&mut self, submission: &Submission) -> Result<Preview, CommandError> {
        self.ensure_claimed().map_err(|error| CommandError::Unavailable { reason: error.to_string() })?;
        if let Some(recorded) = self.core.dedup.get(id_key(submission.envelope.command_id.as_str())) {
            let place = self.place();
            if recorded.content != content_key(&submission.bytes) {
                return Err(place.records([recorded.offset]).reused(submission, recorded.offset));
            }
            let records = place.records([recorded.offset]);
            return records.outcome(submission, recorded.offset).map(|o| Preview::Recorded(Box::new(o)));
        }
        let reference = std::sync::Arc::clone(&self.reference);
        let now = self.clock.now();
        let now = self.clock.moved_by(submission).map_or(now, |moved| moved.max(now));
        let mut decided = self.preview_by(&reference.view(), submission, now);
        if decided.result.is_err() {
            // A refusal must not rest on data that only has not arrived yet.
            if !matches!(reference.catch_up(self.shared.options.reference_wait), Ok(true)) {
                let reason = "the catalog and partners cannot be read to their end".to_owned();
                return Err(CommandError::Unavailable { reason });
            }
            decided = self.preview_by(&reference.view(), submission, now);
        }
        let outcome = if decided.result.is_ok() { "accepted" } else { "rejected" };
        metrics::counter!("subledger_previews_total", "outcome" => outcome).increment(1);
        Ok(Preview::Decided(decided))
    }

    fn preview_by(&self, view: &ReferenceView, submission: &Submission, now: DateTime<Utc>) -> Decided {
        let envelope = &submission.envelope;
        let effective_at = envelope.effective_at.unwrap_or(now);
        let decided = |result: Result<_, _>, version: u64, invoices| {
            let stream_version = version + u64::from(result.is_ok());
            Decided { result, stream_version, decided_at: now, effective_at, invoices }
        };
        let (Target::Customer(customer), Some(customers)) = (envelope.command.target(), self.core.machine.customers())
        else {
            let version = self.core.machine.version(stream(&envelope.command));
            return decided(self.decide(view, submission, now), version, Vec::new());
        };
        let machine = Machine::Customers(customers.only(customer));
        let mut copy = Copy { machine, customer: customer.clone(), view, now };
        if let Some((first, last)) = self.day_to_close_by(view).zip(view.reference.catalog.last_closed()) {
            copy.live_through(last, |due| due.max(first));
        }
        let stream = customer.as_str();
        let version = copy.machine.version(stream);
        let result = copy.machine.decide_envelope(&view.reference, envelope, stream, now);
        let invoices = match &result {
            Ok(events) => copy.invoices(events),
            Err(_) => Vec::new(),
        };
        decided(result, version, invoices)
    }
}

/// A customer that lives on by itself.
struct Copy<'a> {
    machine: Machine,
    customer: CustomerId,
    view: &'a ReferenceView,
    now: DateTime<Utc>,
}

impl Copy<'_> {
    fn state(&self) -> Option<Cow<'_, Customer>> {
        self.machine.customers()?.state(&self.customer)
    }

    /// Decides what is due by the end of a day. `run_on` says on which day what was due earlier is run.
    fn live_through(&mut self, until: NaiveDate, run_on: impl Fn(NaiveDate) -> NaiveDate) -> Vec<Event> {
        let mut all = Vec::new();
        for number in 0..DUE_DECISIONS_MAX {
            let next = self.machine.customers().and_then(|customers| customers.next_due(until, None));
            let Some(due) = next.map(|(due, _)| *due) else { break };
            let date = run_on(due);
            let command = Command::RunDue(RunDue { customer_id: self.customer.clone(), date });
            let context = Context {
                command_id: preview_id(&self.customer, date, number),
                effective_at: end_of(date),
                recorded_at: self.now,
            };
            let decided = self.machine.decide(&self.view.reference, &command, &context);
            let Ok(events) = decided.inspect_err(|error| tracing::warn!(%error, "what is due cannot be previewed"))
            else {
                break;
            };
            if events.is_empty() {
                break;
            }
            self.machine.apply(self.customer.as_str(), &events);
            all.extend(events);
        }
        all
    }

    /// What the command charges, and what its subscriptions would be charged until their next invoices.
    fn invoices(mut self, events: &[Event]) -> Vec<UpcomingInvoice> {
        let before = self.state().map(Cow::into_owned);
        self.machine.apply(self.customer.as_str(), events);
        let first_open = self.view.reference.catalog.last_closed().and_then(|day| day.succ_opt());
        let today = first_open.unwrap_or_else(|| self.now.date_naive());
        // Those that the command changed.
        let was = |id: &SubscriptionId| before.as_ref().and_then(|customer| customer.subscription(id));
        let after = self.state();
        let after = after.iter().flat_map(|customer| customer.subscriptions());
        let changed = after.filter(|subscription| was(&subscription.subscription_id) != Some(subscription));
        let concerned: BTreeSet<SubscriptionId> = changed.map(|s| s.subscription_id.clone()).collect();
        let mut invoices: Vec<UpcomingInvoice> = Vec::new();
        for id in &concerned {
            self.add_dates(id, today, &mut invoices);
        }
        let Some(last) = invoices.iter().map(|invoice| invoice.period_end).max() else { return Vec::new() };
        let later = self.live_through(last, |due| due.max(today));
        for event in events.iter().chain(&later) {
            let Event::Charged(line) = event else { continue };
            if !concerned.contains(&line.subscription_id) {
                continue;
            }
            let carries = |invoice: &&mut UpcomingInvoice| {
                (&invoice.partner_id, invoice.family, invoice.currency)
                    == (&line.partner_id, line.invoice_family, line.currency)
                    && line.charged_on <= invoice.period_end
            };
            if let Some(invoice) = invoices.iter_mut().find(carries) {
                invoice.lines.push(line.clone());
            }
        }
        invoices
    }

    /// The dates of the next invoices of a subscription's partner, in their order.
    fn add_dates(&self, id: &SubscriptionId, today: NaiveDate, invoices: &mut Vec<UpcomingInvoice>) {
        let state = self.state();
        let Some(subscription) = state.as_ref().and_then(|customer| customer.subscription(id)) else { return };
        let Some(partner) = self.view.reference.partners.get(&subscription.partner_id) else { return };
        let family = InvoiceFamily::of(subscription.product_family);
        let mut day = Some(today);
        for _ in 0..INVOICES_MAX {
            let end = day.and_then(|day| cycle_end(family, partner.billing_day, day.max(partner.registered_on)));
            let Some((period_end, date)) = end.and_then(|end| Some((end, invoice_date(family, end)?))) else { break };
            day = period_end.succ_opt();
            let invoice = UpcomingInvoice {
                partner_id: subscription.partner_id.clone(),
                family,
                currency: subscription.currency,
                period_end,
                date,
                lines: Vec::new(),
            };
            if !invoices.contains(&invoice) {
                invoices.push(invoice);
            }
        }
        invoices
            .sort_by(|a, b| (a.period_end, &a.partner_id, a.currency).cmp(&(b.period_end, &b.partner_id, b.currency)));
    }
}
