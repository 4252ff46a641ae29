//! What a decision collects: its events, in order, with ids for its charge lines.

use chrono::NaiveDate;

use crate::{
    Reference,
    context::Context,
    customer::Subscription,
    event::Event,
    ids::LineId,
    tax::{self, TaxRule},
};

/// The events of one command while it is being decided.
#[derive(Debug)]
pub struct Decision<'a> {
    /// The circumstances.
    pub context: &'a Context,
    /// The day that new charge lines are created on: the effective day, or the first business day still open if that is later, so
    /// a late fact is charged in arrears and never inside an issued document.
    pub charged_on: NaiveDate,
    /// The day that an event in the making takes effect, where it is not the command's: a change that was scheduled for it.
    pub effective_on: Option<NaiveDate>,
    /// Rates and the partner's tax data; none in a world without tax.
    reference: Option<&'a Reference>,
    events: Vec<Event>,
    lines: usize,
}

impl<'a> Decision<'a> {
    /// Nothing decided yet.
    pub fn new(context: &'a Context, last_closed_day: Option<NaiveDate>) -> Self {
        let effective_on = context.effective_on();
        #[cfg(feature = "planted-bugs")]
        let last_closed_day = last_closed_day.filter(|_| !crate::planted::has(crate::planted::Bug::ChargeClosedDay));
        let first_open_day = last_closed_day.and_then(|day| day.succ_opt());
        let charged_on = first_open_day.map_or(effective_on, |open| open.max(effective_on));
        Self { context, charged_on, effective_on: None, reference: None, events: Vec::new(), lines: 0 }
    }

    /// Taxes its lines by these rates and partners.
    #[must_use]
    pub fn taxed_by(mut self, reference: &'a Reference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// How a new line of the subscription is taxed; `component` is one of several prices of its offer.
    pub fn tax_rule(&self, subscription: &Subscription, component: Option<&str>) -> Option<TaxRule> {
        tax::rule(self.reference?, subscription, component, self.charged_on)
    }

    /// The day that the next event takes effect.
    pub fn effective_on(&self) -> NaiveDate {
        self.effective_on.unwrap_or_else(|| self.context.effective_on())
    }

    /// Adds an event.
    pub fn push(&mut self, event: impl Into<Event>) {
        self.events.push(event.into());
    }

    /// The id of the next charge line: derived from the command and its place, 36 characters.
    #[allow(clippy::missing_panics_doc, reason = "a UUID's text is an id")]
    pub fn next_line_id(&mut self) -> LineId {
        let id = self.context.new_id("line", self.lines);
        self.lines += 1;
        LineId::new(id).unwrap_or_else(|error| unreachable!("a UUID is an id: {error}"))
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All events.
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }
}
