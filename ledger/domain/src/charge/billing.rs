//! What a subscription's state remembers of its charges: enough to take back what was charged, and no more.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::line::{AppliedPromotion, ChargeType, Charged, Derivation};
use crate::{
    calendar,
    customer::Subscription,
    event::{Event, PeriodStarted},
    ids::LineId,
    offer::ProductFamily,
    tax::TaxRule,
};

/// Periods kept: the current one and the one before, because the full credit of the first 30 days can reach over a 28-day period
/// (billing-details.md C27), and a late fact over an anniversary.
const PERIODS_MAX: usize = 2;

/// What was charged for the current period, and what is to be corrected on the next anniversary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// First paid day after a trial: anniversaries are counted from it instead of the subscription's start.
    #[serde(with = "crate::compact::optional_date")]
    anchor: Option<NaiveDate>,
    /// The last suspension or reactivation of a license: what was charged for days before it is settled.
    #[serde(with = "crate::compact::optional_date")]
    open_from: Option<NaiveDate>,
    /// Oldest first.
    periods: Vec<BilledPeriod>,
    /// Changes of a license's seats since the oldest kept period began, in order; of those that follow each other on a day the last.
    changes: Vec<SeatChange>,
    /// Seats scheduled for the renewal: the next period begins with them.
    renews_with: Option<u32>,
}

/// A period and its lines that were not taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BilledPeriod {
    #[serde(with = "crate::compact::date")]
    pub(super) start: NaiveDate,
    #[serde(with = "crate::compact::date")]
    pub(super) end: NaiveDate,
    /// Seats at its start, before any change of that day.
    quantity: u32,
    pub(super) lines: Vec<BilledLine>,
}

/// A charge in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BilledLine {
    pub(super) line_id: LineId,
    #[serde(with = "crate::compact::date")]
    pub(super) charge_start: NaiveDate,
    #[serde(with = "crate::compact::date")]
    pub(super) charge_end: NaiveDate,
    pub(super) unit_price: Decimal,
    pub(super) quantity: u32,
    /// What was charged less what was credited of it.
    pub(super) left: Sums,
    /// What it was discounted by.
    pub(super) promotion: Option<AppliedPromotion>,
    /// How it was taxed.
    pub(super) tax: Option<TaxRule>,
    pub(super) component: Option<String>,
    /// Of what is left.
    pub(super) derivation: Derivation,
    /// Whether the days to come still rest on it: false once a part was credited.
    pub(super) open: bool,
}

/// The money of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) amount: Decimal,
    pub(super) discount: Decimal,
    /// On top, and contained.
    pub(super) tax: Decimal,
    pub(super) included: Decimal,
}

impl From<&Charged> for Sums {
    fn from(line: &Charged) -> Self {
        let (discount, tax, included) = (line.discount_amount(), line.tax_amount(), line.tax_included());
        Self { amount: line.amount, discount, tax, included }
    }
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.amount += other.amount;
        self.discount += other.discount;
        self.tax += other.tax;
        self.included += other.included;
    }

    fn is_zero(&self) -> bool {
        [self.amount, self.discount, self.tax, self.included].iter().all(Decimal::is_zero)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeatChange {
    #[serde(with = "crate::compact::date")]
    effective_on: NaiveDate,
    to: u32,
}

/// Days with one number of seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: NaiveDate,
    /// The day after its last.
    pub(super) end: NaiveDate,
    pub(super) quantity: u32,
}

impl Billing {
    /// The day that anniversaries are counted from.
    pub(super) fn anchor(&self) -> Option<NaiveDate> {
        self.anchor
    }

    pub(super) fn current(&self) -> Option<&BilledPeriod> {
        self.periods.last()
    }

    pub(super) fn periods(&self) -> &[BilledPeriod] {
        &self.periods
    }

    /// The lines that the days to come, or a correction, rest on, in the order they were charged.
    pub(super) fn lines_in_force<'a>(&'a self, period: &'a BilledPeriod) -> impl Iterator<Item = &'a BilledLine> {
        let from = self.open_from.unwrap_or(period.start);
        period.lines.iter().filter(move |line| line.open && line.charge_start >= from)
    }

    /// Seats at the end of `date`; none before anything was billed.
    pub(super) fn quantity_on(&self, date: NaiveDate) -> Option<u32> {
        let change = self.changes.iter().rev().find(|change| change.effective_on <= date);
        change.map(|change| change.to).or_else(|| self.periods.first().map(|period| period.quantity))
    }

    /// The last day up to this one on which a license's seats changed.
    pub(super) fn changed_by(&self, date: NaiveDate) -> Option<NaiveDate> {
        self.changes.iter().rev().map(|change| change.effective_on).find(|on| *on <= date)
    }

    /// Seats that the next period begins with: those scheduled for it, or those held on the last day of the one before (L9771).
    pub(super) fn next_quantity(&self, last_day: NaiveDate) -> Option<u32> {
        self.renews_with.or_else(|| self.quantity_on(last_day))
    }

    /// How the open days of a period were used, knowing the changes that took effect before `before`. One segment for each number
    /// of seats, none without a day (billing-details.md C43).
    pub(super) fn used(&self, period: &BilledPeriod, before: NaiveDate) -> Vec<Segment> {
        let from = self.used_from(period);
        let Some(last_known) = before.pred_opt() else { return Vec::new() };
        let quantity_on = |day: NaiveDate| self.quantity_on(day.min(last_known)).unwrap_or(period.quantity);
        let mut starts = vec![from];
        let changes = self.changes.iter().map(|change| change.effective_on);
        starts.extend(changes.filter(|day| from < *day && *day < period.end && *day < before));
        starts.dedup();
        let mut segments: Vec<Segment> = Vec::new();
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(period.end);
            push_segment(&mut segments, Segment { start, end, quantity: quantity_on(start) });
        }
        segments
    }

    /// The first open day of a period.
    fn used_from(&self, period: &BilledPeriod) -> NaiveDate {
        self.open_from.map_or(period.start, |day| day.max(period.start))
    }

    /// The lines that tell how the open days of a period are billed. Every component has the same seats; the first one's lines tell.
    fn billed<'a>(&'a self, period: &'a BilledPeriod) -> impl Iterator<Item = &'a BilledLine> {
        let mut component = None;
        self.lines_in_force(period).filter(move |line| *component.get_or_insert(&line.component) == &line.component)
    }

    /// The first day of a period whose seats were billed wrongly, knowing the changes that took effect before `before`.
    pub(super) fn first_difference(&self, period: &BilledPeriod, before: NaiveDate) -> Option<NaiveDate> {
        // Every line was charged with the seats of then; asked of every subscription on every day that something is due.
        if self.changes.is_empty() {
            return None;
        }
        self.billed(period).next()?;
        let (from, last_known) = (self.used_from(period), before.pred_opt());
        let billed = |day: NaiveDate| {
            let line = self.billed(period).find(|line| line.charge_start <= day && day < line.charge_end);
            line.map(|line| line.quantity)
        };
        let used = |day: NaiveDate| {
            let known = last_known.filter(|_| from <= day && day < period.end)?;
            Some(self.quantity_on(day.min(known)).unwrap_or(period.quantity))
        };
        // A line that goes on like the one before, and a change to as many seats as before, begin nothing.
        let mut ended = None;
        let starts = self.billed(period).filter_map(|line| {
            let goes_on = ended.replace((line.charge_end, line.quantity)) == Some((line.charge_start, line.quantity));
            (!goes_on).then_some(line.charge_start)
        });
        let changes = self.changes.iter().map(|change| change.effective_on);
        let changes = changes.filter(|day| from < *day && *day < period.end && *day < before);
        let changes = changes.filter(|day| used(*day) != day.pred_opt().and_then(used));
        let starts = starts.chain([from]);
        starts.chain(changes).filter(|day| billed(*day) != used(*day)).min()
    }

    /// A day is billed by its last number of seats; those before it on that day would only be walked over, thousands for a busy customer.
    fn changed(&mut self, change: SeatChange) {
        match self.changes.last_mut() {
            Some(last) if last.effective_on == change.effective_on => *last = change,
            _ => self.changes.push(change),
        }
    }

    fn start_period(&mut self, event: &PeriodStarted) {
        self.renews_with = None;
        let surplus = (self.periods.len() + 1).saturating_sub(PERIODS_MAX);
        self.periods.drain(..surplus);
        let &PeriodStarted { start, end, quantity, .. } = event;
        self.periods.push(BilledPeriod { start, end, quantity, lines: Vec::new() });
        let oldest = self.periods.first().map_or(start, |period| period.start);
        // A late change may lie before the oldest period: its seats replace those known when that period was billed.
        let earlier = self.changes.iter().rev().find(|change| change.effective_on < oldest);
        if let Some((period, change)) = self.periods.first_mut().zip(earlier) {
            period.quantity = change.to;
        }
        self.changes.retain(|change| change.effective_on >= oldest);
    }

    fn charged(&mut self, line: &Charged) {
        match (line.charge_type, &line.reverses_line_id) {
            // Goodwill takes nothing back: what was charged stands.
            (ChargeType::CustomerCredit, _) => return,
            (ChargeType::LineItemOffset, Some(id)) => return self.corrected(id, line),
            (_, Some(id)) => return self.credited(id, line),
            (_, None) => {}
        }
        let at = self.periods.iter().rposition(|p| p.start <= line.charge_start && line.charge_start < p.end);
        if let Some(period) = at.and_then(|at| self.periods.get_mut(at)) {
            period.lines.push(BilledLine {
                line_id: line.line_id.clone(),
                charge_start: line.charge_start,
                charge_end: line.charge_end,
                unit_price: line.unit_price,
                quantity: line.quantity,
                left: Sums::from(line),
                promotion: line.discount.as_ref().map(|discount| discount.promotion.clone()),
                tax: line.tax.as_ref().map(|tax| tax.rule.clone()),
                component: line.component.clone(),
                derivation: line.derivation.clone(),
                open: true,
            });
        }
    }

    /// A line corrected by hand still has its days; a later credit takes back what is left of its amount.
    fn corrected(&mut self, id: &LineId, offset: &Charged) {
        let lines = self.periods.iter_mut().flat_map(|period| &mut period.lines);
        lines.filter(|line| line.line_id == *id).for_each(|line| line.left.add(Sums::from(offset)));
    }

    fn credited(&mut self, id: &LineId, credit: &Charged) {
        for period in &mut self.periods {
            for line in period.lines.iter_mut().filter(|line| line.line_id == *id) {
                line.left.add(Sums::from(credit));
                line.open = false;
                line.derivation.billed_days = line.derivation.billed_days.saturating_sub(credit.derivation.billed_days);
            }
            period.lines.retain(|line| line.open || !line.left.is_zero());
        }
    }
}

fn push_segment(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.last_mut() {
        Some(last) if last.end == segment.start && last.quantity == segment.quantity => last.end = segment.end,
        _ => segments.push(segment),
    }
}

/// Keeps [`Subscription::billing`] up to date. Called after the event changed everything else.
///
/// A period that begins also takes over the frequency that was chosen for it (billing.md section 2).
pub fn evolve(subscription: &mut Subscription, event: &Event) {
    let license = subscription.product_family == ProductFamily::License;
    let billing = &mut subscription.billing;
    match event {
        Event::PeriodStarted(e) => {
            billing.start_period(e);
            if let Some(frequency) = subscription.next_billing_frequency.take() {
                subscription.billing_frequency = Some(frequency);
            }
        }
        Event::Charged(e) => billing.charged(e),
        Event::QuantityChanged(e) if license => billing.changed(SeatChange { effective_on: e.effective_on, to: e.to }),
        Event::ScheduledChangeApplied(e) if license && e.change.on.is_none() => {
            if let Some(to) = e.change.quantity {
                billing.changed(SeatChange { effective_on: e.effective_on, to });
                billing.renews_with = Some(to);
            }
        }
        Event::FreeTrialConverted(e) => billing.anchor = Some(e.anchor).filter(|anchor| *anchor != e.start),
        Event::SubscriptionSuspended(e) if license => billing.open_from = Some(e.effective_on),
        Event::SubscriptionReactivated(e) if license => billing.open_from = Some(e.effective_on),
        Event::TrialConverted(e) => billing.anchor = Some(e.paid_from),
        Event::SubscriptionDeprovisioned(_) => *billing = Billing::default(),
        _ => {}
    }
}

/// The first monthly anniversary after the first day that was billed wrongly.
pub(super) fn correction_due(subscription: &Subscription) -> Option<NaiveDate> {
    let billing = &subscription.billing;
    let anchor = billing.anchor.unwrap_or(subscription.start);
    let differences = billing.periods.iter().filter_map(|p| billing.first_difference(p, NaiveDate::MAX));
    differences.min().map(|day| calendar::next_anniversary(anchor, day))
}
