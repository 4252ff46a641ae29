//! The usage of one Azure plan or classic subscription.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::open_until;
use crate::{
    calendar,
    charge::Charged,
    event::UsageRated,
    ids::{MeterId, PartnerId},
    money::Currency,
    usage::{CreditReason, HeldUsage, Portion, RatedUsage, Resource, UsageCharge, UsageRecord},
};

/// Stands for a record of a whole day.
const WHOLE_DAY: u8 = 0;

/// What was rated of a day, resource and meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rated {
    pub(super) portions: Vec<Portion>,
    pub(super) percent: Decimal,
    pub(super) reason: CreditReason,
    pub(super) earner_id: Option<PartnerId>,
    line: Period,
}

/// The use of a day by a resource on a meter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayUse {
    pub(super) quantity: Decimal,
    /// The hour of each record, and a check number of its quantity.
    records: Vec<(u8, u32)>,
    pub(super) rated: Option<Rated>,
}

/// What a record does to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It adds, or corrects.
    Changed,
    /// It is known.
    Known,
    /// Another quantity is recorded for the hour or day.
    Other,
    /// It corrects what was not recorded.
    Missing,
    /// It corrects another quantity than was recorded.
    Conflict,
    /// The day is recorded by its hours, or as a whole.
    Mixed,
}

impl DayUse {
    /// Takes a record, if it fits.
    pub(super) fn take(&mut self, record: &UsageRecord) -> Taken {
        let hour = record.hour.and_then(|hour| u8::try_from(hour).ok()).unwrap_or(WHOLE_DAY);
        if self.records.iter().any(|(known, _)| (*known == WHOLE_DAY) != (hour == WHOLE_DAY)) {
            return Taken::Mixed;
        }
        let check = check_number(record.quantity);
        let known = self.records.iter_mut().find(|(known, _)| *known == hour);
        match (known, record.replaces_quantity) {
            (Some((_, known)), _) if *known == check => Taken::Known,
            (Some(_), None) => Taken::Other,
            (Some((_, known)), Some(before)) if *known == check_number(before) => {
                *known = check;
                self.quantity = (self.quantity - before + record.quantity).normalize();
                Taken::Changed
            }
            (Some(_), Some(_)) => Taken::Conflict,
            (None, Some(_)) => Taken::Missing,
            (None, None) => {
                self.records.push((hour, check));
                self.quantity = (self.quantity + record.quantity).normalize();
                Taken::Changed
            }
        }
    }
}

/// FNV-1a of a quantity: tells a repetition from another quantity without keeping the quantity of every hour.
fn check_number(quantity: Decimal) -> u32 {
    let bytes = quantity.normalize().serialize();
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Billing period and month of some usage; they differ for a classic subscription only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Period {
    /// The first day of the month of usage.
    pub(super) month: NaiveDate,
    pub(super) start: NaiveDate,
    /// The day after its last.
    pub(super) end: NaiveDate,
}

impl From<&RatedUsage> for Period {
    fn from(row: &RatedUsage) -> Self {
        let month = calendar::first_of_month(row.usage_date);
        Self { month, start: row.period_start, end: row.period_end }
    }
}

/// What makes a charge line: everything of a period with one price and one share of credit (decision G20).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct LineKey {
    pub(super) period: Period,
    pub(super) meter_id: MeterId,
    pub(super) percent: Decimal,
    pub(super) unit_price: Decimal,
}

/// The sums of a charge line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) pricing_currency: Currency,
    pub(super) exchange_rate: Decimal,
    pub(super) quantity: Decimal,
    pub(super) quantity_charged: Decimal,
    pub(super) charged: Decimal,
    pub(super) credited: Decimal,
}

impl Line {
    pub(super) fn is_pending(&self) -> bool {
        self.quantity != self.quantity_charged
    }

    /// As a charge line shows it.
    pub(super) fn usage(&self, key: &LineKey, unit: String) -> UsageCharge {
        UsageCharge {
            meter_id: key.meter_id.clone(),
            unit,
            month: key.period.month,
            quantity: self.quantity,
            quantity_before: self.quantity_charged,
            unit_price: key.unit_price,
            credit_percent: key.percent,
            pricing_currency: self.pricing_currency,
            exchange_rate: self.exchange_rate,
            charged_before: self.charged,
            earned_credit: Decimal::ZERO,
            credited_before: self.credited,
        }
    }
}

/// Takes what a day was rated at out of the lines it was in, and puts it where it belongs now.
fn move_lines(lines: &mut BTreeMap<LineKey, Line>, before: Option<&Rated>, row: &RatedUsage) {
    let old = before.into_iter().flat_map(|old| old.portions.iter().map(|part| (old.line, old.percent, part, true)));
    let new = row.portions.iter().map(|part| (Period::from(row), row.credit_percent, part, false));
    for (period, percent, portion, taken_out) in old.chain(new) {
        let key = LineKey { period, meter_id: row.meter_id.clone(), percent, unit_price: portion.unit_price };
        let line = lines.entry(key).or_insert_with(|| Line {
            pricing_currency: row.pricing_currency,
            exchange_rate: row.exchange_rate,
            quantity: Decimal::ZERO,
            quantity_charged: Decimal::ZERO,
            charged: Decimal::ZERO,
            credited: Decimal::ZERO,
        });
        let quantity = if taken_out { -portion.quantity } else { portion.quantity };
        line.quantity = (line.quantity + quantity).normalize();
    }
}

/// Use by resource and day.
pub(super) type Resources = BTreeMap<Resource, BTreeMap<NaiveDate, DayUse>>;

/// One account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) meters: BTreeMap<MeterId, Resources>,
    /// Days whose use is to be rated (again), and on which meters.
    pub(super) dirty: BTreeMap<NaiveDate, BTreeSet<MeterId>>,
    rated_through: Option<NaiveDate>,
    pub(super) lines: BTreeMap<LineKey, Line>,
    charge_on: Option<NaiveDate>,
    /// The first day of use ever: the first period begins with it (L13710).
    pub(super) first_use: Option<NaiveDate>,
}

impl Account {
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        self.rating_due().into_iter().chain(self.charge_on).min()
    }

    /// The day at whose end rating has something to do.
    pub(super) fn rating_due(&self) -> Option<NaiveDate> {
        let first = *self.dirty.keys().next()?;
        Some(self.rated_through.and_then(|day| day.succ_opt()).map_or(first, |open| open.max(first)))
    }

    /// What the last charged period came to, without tax.
    pub(super) fn last_billed(&self) -> Option<Decimal> {
        let billed = || self.lines.iter().filter(|(_, line)| !line.charged.is_zero());
        let last = billed().map(|(key, _)| key.period.end).max()?;
        Some(billed().filter(|(key, _)| key.period.end == last).map(|(_, line)| line.charged).sum())
    }

    pub(super) fn charge_on(&self) -> Option<NaiveDate> {
        self.charge_on
    }

    /// A resource's use of a meter on a day.
    pub(super) fn day(&self, record: &UsageRecord) -> Option<&DayUse> {
        self.meters.get(&record.meter_id)?.get(&record.resource())?.get(&record.usage_date)
    }

    /// Meters of resources in use.
    pub(super) fn len(&self) -> usize {
        self.meters.values().map(BTreeMap::len).sum()
    }

    pub(super) fn take(&mut self, record: &UsageRecord) {
        let resources = self.meters.entry(record.meter_id.clone()).or_default();
        let days = resources.entry(record.resource()).or_default();
        days.entry(record.usage_date).or_default().take(record);
        self.dirty.entry(record.usage_date).or_default().insert(record.meter_id.clone());
        self.first_use = Some(self.first_use.map_or(record.usage_date, |first| first.min(record.usage_date)));
    }

    /// Marks the open days from `from` on whose credit may have changed.
    pub(super) fn look_again(&mut self, from: NaiveDate, concerns: impl Fn(&Resource) -> bool) {
        for (meter_id, resources) in &self.meters {
            for (_, days) in resources.iter().filter(|(resource, _)| concerns(resource)) {
                for (day, _) in days.range(from..).filter(|(_, day)| day.rated.is_some()) {
                    self.dirty.entry(*day).or_default().insert(meter_id.clone());
                }
            }
        }
    }

    /// `held_from`: days from there on are disputed, and kept.
    pub(super) fn rated(&mut self, event: &UsageRated, held_from: Option<NaiveDate>) {
        for row in &event.rows {
            self.rate_day(row);
        }
        if !event.rows.is_empty() {
            self.charge_on = Some(self.charge_on.map_or(event.charge_on, |day| day.min(event.charge_on)));
        }
        if event.finished {
            let month = calendar::first_of_month;
            let waits = |day: NaiveDate, meter_id: &MeterId| {
                let same = |held: &&HeldUsage| held.meter_id == *meter_id && month(held.usage_date) == month(day);
                event.held.iter().find(same).is_some_and(|held| held.usage_date <= day)
            };
            self.dirty.retain(|day, meters| {
                meters.retain(|meter_id| *day > event.rated_on || waits(*day, meter_id));
                !meters.is_empty()
            });
            self.rated_through = Some(event.rated_on);
            self.forget(event.rated_on, held_from);
        }
    }

    fn rate_day(&mut self, row: &RatedUsage) {
        let day = self.meters.get_mut(&row.meter_id).and_then(|resources| resources.get_mut(&row.resource));
        let Some(day) = day.and_then(|days| days.get_mut(&row.usage_date)) else { return };
        let rated = Rated {
            portions: row.portions.clone(),
            percent: row.credit_percent,
            reason: row.reason,
            earner_id: row.earner_id.clone(),
            line: Period::from(row),
        };
        let before = day.rated.replace(rated);
        move_lines(&mut self.lines, before.as_ref(), row);
    }

    /// The charge lines as they will be when these rows are rated.
    pub(super) fn lines_with(&self, rows: &[RatedUsage]) -> BTreeMap<LineKey, Line> {
        let mut lines = self.lines.clone();
        for row in rows {
            let day = self.meters.get(&row.meter_id).and_then(|resources| resources.get(&row.resource));
            let before = day.and_then(|days| days.get(&row.usage_date)).and_then(|day| day.rated.as_ref());
            move_lines(&mut lines, before, row);
        }
        lines
    }

    /// Keeps what a charge line took.
    pub(super) fn charged(&mut self, line: &Charged, usage: &UsageCharge) {
        let is_it = |key: &LineKey| {
            (key.period.month, key.period.end) == (usage.month, line.charge_end)
                && key.meter_id == usage.meter_id
                && (key.percent, key.unit_price) == (usage.credit_percent, usage.unit_price)
        };
        if let Some((_, known)) = self.lines.iter_mut().find(|(key, _)| is_it(key)) {
            known.quantity_charged = usage.quantity;
            known.charged += line.amount;
            known.credited += usage.earned_credit;
        }
    }

    /// Nothing is pending any more: what came to nothing needed no line.
    pub(super) fn charged_all(&mut self, on: NaiveDate, held_from: Option<NaiveDate>) {
        self.charge_on = None;
        for line in self.lines.values_mut() {
            line.quantity_charged = line.quantity;
        }
        self.forget(on, held_from);
    }

    /// Drops what can be corrected no more. A month goes as a whole: its tiers rest on all of its days.
    fn forget(&mut self, on: NaiveDate, held_from: Option<NaiveDate>) {
        let held_from = held_from.map(calendar::first_of_month);
        let closed = |day: NaiveDate| open_until(day) <= on && held_from.is_none_or(|from| day < from);
        self.meters.retain(|_, resources| {
            resources.retain(|_, days| {
                days.retain(|day, _| !closed(*day) || self.dirty.contains_key(day));
                !days.is_empty()
            });
            !resources.is_empty()
        });
        self.lines.retain(|key, line| !closed(key.period.month) || line.is_pending());
    }
}
