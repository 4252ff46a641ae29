//! Billing periods: where they begin and end on the subscription's grid of anniversaries.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    calendar,
    customer::{Standing, Subscription},
    offer::{BillingFrequency, PriceComponent},
};

/// A service period, half-open, with the length of the whole period it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: NaiveDate,
    /// The day after its last.
    pub(super) end: NaiveDate,
    /// Days of the uncut period: more than `end - start` where the term's end, or a term that began off the grid, cuts it.
    pub(super) period_days: u32,
}

impl Span {
    /// The period of this rhythm that holds the days from `start`, cut at the end of the term.
    ///
    /// A term of a single day is a custom meter plan: charged whole, for the day (L10618-10640).
    pub(super) fn starting(subscription: &Subscription, start: NaiveDate, frequency: BillingFrequency) -> Self {
        let next_day = calendar::add_days(start, 1);
        if subscription.term_end <= calendar::add_days(subscription.start, 1) {
            return Self { start, end: next_day, period_days: 1 };
        }
        let anchor = anchor(subscription);
        let index = calendar::months_elapsed(anchor, start);
        let grid_start = calendar::anniversary(anchor, index);
        let grid_end = calendar::anniversary(anchor, index.saturating_add(frequency.months()));
        let end = if subscription.term_end > start { grid_end.min(subscription.term_end) } else { grid_end };
        Self { start, end, period_days: calendar::days_between(grid_start, grid_end) }
    }

    /// The free days of a marketplace trial.
    pub(super) fn trial(start: NaiveDate, end: NaiveDate) -> Self {
        Self { start, end, period_days: calendar::days_between(start, end) }
    }

    /// The days from `day` on.
    pub(super) fn from(self, day: NaiveDate) -> Self {
        Self { start: self.start.max(day), ..self }
    }

    /// Days of it.
    pub(super) fn days(self) -> u32 {
        calendar::days_between(self.start, self.end)
    }
}

/// The day that anniversaries are counted from: the start, or the first paid day after a trial.
pub(super) fn anchor(subscription: &Subscription) -> NaiveDate {
    subscription.billing.anchor().unwrap_or(subscription.start)
}

/// The rhythm from the next period on.
pub(super) fn next_frequency(subscription: &Subscription) -> BillingFrequency {
    subscription.next_billing_frequency.unwrap_or(subscription.billing_frequency)
}

/// The period that a day after the last billed one falls in, stepping over the terms that rolled meanwhile.
pub(super) fn holding(subscription: &Subscription, day: NaiveDate) -> Option<Span> {
    let last = subscription.billing.current()?;
    let frequency = next_frequency(subscription);
    let mut start = last.end.max(subscription.term_start);
    loop {
        let span = Span::starting(subscription, start, frequency);
        if day < span.end {
            return Some(span);
        }
        if span.end >= subscription.term_end {
            return None;
        }
        start = span.end;
    }
}

/// Price of one seat for a whole period of the current rhythm, not rounded: an annual billing of a monthly price is twelve of
/// them, a monthly billing of a yearly price a twelfth. A marketplace trial is free (L10592-10598).
pub(super) fn period_price(subscription: &Subscription, price: &PriceComponent) -> Decimal {
    if subscription.standing == Standing::Trial {
        return Decimal::ZERO;
    }
    let months = Decimal::from(subscription.billing_frequency.months());
    price.unit_price * months / Decimal::from(price.per.months())
}
