//! A naive model of seats and money: what every subscription has, and what it must have been charged.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    calendar::{add_days, anniversary, days_between, months_elapsed, next_anniversary},
    charge::Charged,
    event::SubscriptionCreated,
};
use subledger_log::PartitionId;

use super::oracle::Series;

/// Days after the start in which a suspension gives everything back (billing-details.md 3.5).
const FULL_CREDIT_DAYS: u32 = 30;

struct Subscription {
    customer: String,
    partition: PartitionId,
    start: NaiveDate,
    months: u32,
    price: Decimal,
    minor: Decimal,
    seats: u32,
    /// Seats from a day on; 0 while suspended.
    usage: BTreeMap<NaiveDate, u32>,
    /// The last day that a change concerns: its effect, or the last day done with when it was recorded.
    changed: NaiveDate,
    /// Never suspended, and not ended.
    plain: bool,
    ended: bool,
    charged_until: NaiveDate,
    total: Decimal,
    lines: u32,
}

#[derive(Default)]
pub(super) struct Accounts {
    subscriptions: BTreeMap<String, Subscription>,
    /// What is left of each line.
    left: BTreeMap<String, Decimal>,
    taken_back: BTreeSet<String>,
    series: BTreeMap<Series, Vec<(NaiveDate, Decimal)>>,
}

impl Accounts {
    /// Lines of a series: the day charged, and what is to be paid.
    pub(super) fn lines(&self, series: &Series) -> &[(NaiveDate, Decimal)] {
        self.series.get(series).map_or(&[], Vec::as_slice)
    }

    /// Sums of all lines by partner and currency.
    pub(super) fn totals(&self) -> BTreeMap<(String, String), Decimal> {
        let mut totals = BTreeMap::new();
        for ((partner, _, currency), lines) in &self.series {
            let total = totals.entry((partner.clone(), currency.clone())).or_insert(Decimal::ZERO);
            *total += lines.iter().map(|(_, amount)| amount).sum::<Decimal>();
        }
        totals
    }

    /// A subscription of the customer whose period that begins by `day` is not charged.
    pub(super) fn uncharged(&self, customer: &str, day: NaiveDate) -> Option<String> {
        self.first_uncharged(day, |subscription| subscription.customer == customer)
    }

    pub(super) fn uncharged_in(&self, partition: PartitionId, day: NaiveDate) -> Option<String> {
        self.first_uncharged(day, |subscription| subscription.partition == partition)
    }

    fn first_uncharged(&self, day: NaiveDate, of: impl Fn(&Subscription) -> bool) -> Option<String> {
        let mut late = self.subscriptions.iter().filter(|(_, s)| of(s) && s.plain && s.charged_until <= day);
        late.next().map(|(id, s)| format!("{id} is charged until {} only", s.charged_until))
    }

    pub(super) fn apply(
        &mut self,
        partition: PartitionId,
        marked: Option<NaiveDate>,
        event: &Event,
    ) -> Result<(), String> {
        let changed = |on: NaiveDate| marked.map_or(on, |marked| marked.max(on));
        match event {
            Event::SubscriptionCreated(created) => {
                let subscription = subscription(partition, created);
                self.subscriptions.insert(created.subscription_id.to_string(), subscription);
            }
            Event::QuantityChanged(e) => {
                let s = self.subscription(e.subscription_id.as_str())?;
                if s.seats != e.from {
                    return Err(format!("{} has {} seats, not {}", e.subscription_id, s.seats, e.from));
                }
                s.seats = e.to;
                s.usage.insert(e.effective_on, e.to);
                s.changed = s.changed.max(changed(e.effective_on));
            }
            Event::SubscriptionSuspended(e) => {
                let s = self.subscription(e.subscription_id.as_str())?;
                if e.effective_on < add_days(s.start, FULL_CREDIT_DAYS) {
                    s.usage.clear();
                }
                s.usage.insert(e.effective_on, 0);
                s.plain = false;
                s.changed = s.changed.max(changed(e.effective_on));
            }
            Event::SubscriptionReactivated(e) => {
                let s = self.subscription(e.subscription_id.as_str())?;
                s.usage.insert(e.effective_on, s.seats);
                s.changed = s.changed.max(changed(e.effective_on));
            }
            Event::SubscriptionCancelled(e) => self.end(e.subscription_id.as_str())?,
            Event::SubscriptionExpired(e) => self.end(e.subscription_id.as_str())?,
            Event::SubscriptionDeprovisioned(e) => self.end(e.subscription_id.as_str())?,
            Event::PeriodStarted(e) => {
                let s = self.subscription(e.subscription_id.as_str())?;
                if s.plain && e.start != s.charged_until {
                    return Err(format!(
                        "a period of {} from {} on, not {}",
                        e.subscription_id, e.start, s.charged_until
                    ));
                }
                s.charged_until = e.end;
            }
            Event::Charged(line) => self.charged(line)?,
            _ => {}
        }
        Ok(())
    }

    fn subscription(&mut self, id: &str) -> Result<&mut Subscription, String> {
        self.subscriptions.get_mut(id).ok_or_else(|| format!("there is no subscription {id}"))
    }

    fn end(&mut self, id: &str) -> Result<(), String> {
        let s = self.subscription(id)?;
        (s.plain, s.ended) = (false, true);
        Ok(())
    }

    fn charged(&mut self, line: &Charged) -> Result<(), String> {
        let id = line.line_id.to_string();
        match &line.reverses_line_id {
            None => {
                if self.left.insert(id.clone(), line.amount).is_some() {
                    return Err(format!("line {id} is there twice"));
                }
            }
            Some(first) => {
                let left =
                    self.left.get_mut(first.as_str()).ok_or(format!("line {id} takes back one that is not there"))?;
                *left += line.amount;
                if *left < Decimal::ZERO || !self.taken_back.insert(id.clone()) {
                    return Err(format!("line {id} takes back more of {first} than it charged"));
                }
            }
        }
        let s = self.subscription(line.subscription_id.as_str())?;
        s.total += line.amount;
        s.lines += 1;
        let series = (line.partner_id.to_string(), line.invoice_family, line.currency.to_string());
        self.series.entry(series).or_default().push((line.charged_on, line.total()));
        Ok(())
    }

    /// Charges of subscriptions that nothing changed for two anniversaries are worth their seat-days, to the rounding of their lines.
    /// How many were compared.
    pub(super) fn worth(&self, marked: impl Fn(PartitionId) -> Option<NaiveDate>) -> Result<u64, String> {
        let mut compared = 0;
        for (id, s) in self.subscriptions.iter().filter(|(_, s)| !s.ended) {
            let settled = add_days(next_anniversary(s.start, next_anniversary(s.start, s.changed)), 1);
            let Some(day) = marked(s.partition).filter(|day| *day >= settled) else { continue };
            let (worth, tolerance) = (s.worth(day), s.minor * Decimal::from(s.lines) / Decimal::TWO);
            if (s.total - worth).abs() > tolerance {
                let usage = &s.usage;
                return Err(format!(
                    "{id} is charged {} through {day}, its seat-days are worth {worth}: {usage:?}",
                    s.total
                ));
            }
            compared += 1;
        }
        Ok(compared)
    }
}

impl Subscription {
    /// Seat-days times the price of a day, over every period begun by `last`.
    fn worth(&self, last: NaiveDate) -> Decimal {
        let periods = months_elapsed(self.start, last) / self.months + 1;
        let mut worth = Decimal::ZERO;
        for n in 0..periods {
            let (start, end) =
                (anniversary(self.start, n * self.months), anniversary(self.start, (n + 1) * self.months));
            let days = days_between(start, end);
            let seats = |day: u32| self.usage.range(..=add_days(start, day)).next_back().map_or(0, |(_, seats)| *seats);
            let seat_days: u32 = (0..days).map(seats).sum();
            worth += self.price * Decimal::from(self.months) * Decimal::from(seat_days) / Decimal::from(days);
        }
        worth
    }
}

fn subscription(partition: PartitionId, created: &SubscriptionCreated) -> Subscription {
    Subscription {
        customer: created.customer_id.to_string(),
        partition,
        start: created.start,
        months: created.billing_frequency.map_or(1, |frequency| frequency.months(created.term_months)),
        price: created.prices.iter().map(|price| price.unit_price).sum(),
        minor: Decimal::new(1, created.currency.minor_digits()),
        seats: created.quantity,
        usage: BTreeMap::from([(created.start, created.quantity)]),
        changed: created.start,
        plain: true,
        ended: false,
        charged_until: created.start,
        total: Decimal::ZERO,
        lines: 0,
    }
}
