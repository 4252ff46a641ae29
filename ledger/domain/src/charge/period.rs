//! Billing periods: where they begin and end on the subscription's grid of anniversaries.

use chrono::{Months, NaiveDate};
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
    /// The period of this rhythm that holds the days from `start`, cut at the end of the term. Without a rhythm, a custom meter's
    /// day.
    pub(super) fn starting(subscription: &Subscription, start: NaiveDate, frequency: Option<BillingFrequency>) -> Self {
        let Some(frequency) = frequency else { return Self::day(start) };
        let anchor = anchor(subscription);
        if start < anchor {
            return Self::up_to(start, anchor);
        }
        let index = calendar::months_elapsed(anchor, start);
        let grid_start = calendar::anniversary(anchor, index);
        let grid_end = calendar::anniversary(anchor, index.saturating_add(frequency.months(subscription.term_months)));
        let end = if subscription.term_end > start { grid_end.min(subscription.term_end) } else { grid_end };
        Self { start, end, period_days: calendar::days_between(grid_start, grid_end) }
    }

    /// The days before the grid begins, part of the month that ends with it (customers page decision G17).
    fn up_to(start: NaiveDate, anchor: NaiveDate) -> Self {
        let grid_start = anchor.checked_sub_months(Months::new(1)).unwrap_or(start);
        Self { start, end: anchor, period_days: calendar::days_between(grid_start, anchor) }
    }

    /// The day that a custom meter is charged for, first and last at once (L10618-10640).
    pub(super) fn day(day: NaiveDate) -> Self {
        Self { start: day, end: calendar::add_days(day, 1), period_days: 1 }
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

/// The rhythm from the next period on; none for a custom meter.
pub(super) fn next_frequency(subscription: &Subscription) -> Option<BillingFrequency> {
    subscription.next_billing_frequency.or(subscription.billing_frequency)
}

/// The first day of the period that follows the last one billed. A custom meter and what has no term are charged once: nothing
/// follows their day, and only a free trial is followed by that day.
pub(super) fn next_start(subscription: &Subscription) -> Option<NaiveDate> {
    let start = subscription.billing.current()?.end;
    let follows = subscription.billing_frequency.is_some() || subscription.billing.anchor() == Some(start);
    follows.then_some(start)
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

/// The first day from which on every remembered period has the length that one of now would have.
pub(super) fn same_rhythm_from(subscription: &Subscription) -> Option<NaiveDate> {
    let same = |start: NaiveDate, end: NaiveDate| {
        Span::starting(subscription, start, subscription.billing_frequency).end == end
    };
    let periods = subscription.billing.periods().iter().rev();
    periods.take_while(|period| same(period.start, period.end)).last().map(|period| period.start)
}

/// Price of one seat for a whole period of the current rhythm, not rounded: an annual billing of a monthly price is twelve of
/// them, a monthly billing of a yearly price a twelfth, of a price for the term its part; a custom meter costs it whole (L10625). A marketplace trial is free
/// (L10592-10598).
pub(super) fn period_price(subscription: &Subscription, price: &PriceComponent) -> Decimal {
    if subscription.standing == Standing::Trial {
        return Decimal::ZERO;
    }
    let Some(frequency) = subscription.billing_frequency else { return price.unit_price };
    let term_months = subscription.term_months;
    let paid_for = Decimal::from(price.per.months(term_months));
    (price.unit_price * Decimal::from(frequency.months(term_months))).checked_div(paid_for).unwrap_or(price.unit_price)
}
