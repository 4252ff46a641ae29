//! Taking records of use: each is checked, and a command with one that is wrong changes nothing.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    METERED_RESOURCES_MAX, Usage,
    account::{DayUse, Taken},
    open_until,
};
use crate::{
    Reason, Rejection, check,
    command::RecordUsage,
    customer::{Customer, Standing, Subscription, draft::Draft},
    event::UsageRecorded,
    ids::{MeterId, SubscriptionId},
    offer::ProductKind,
    usage::{Resource, UsageRecord},
};

/// Records in one command.
pub const USAGE_RECORDS_MAX: usize = 100;
/// Texts of one command, in bytes, so that its commit stays below the longest record.
const TEXT_BYTES_MAX: usize = 20_000;
/// Longest name of a resource, in characters.
const RESOURCE_CHARS_MAX: usize = 512;
/// Largest quantity of a record; what lies above is a mistake.
const QUANTITY_MAX: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);
/// Digits after the point of a quantity; files show six (L13821), and none is dropped.
const QUANTITY_DECIMALS_MAX: u32 = 12;

/// Units of a meter in the open days of a subscription, so that their sum keeps every digit.
const UNITS_MAX: Decimal = Decimal::from_parts(1_215_752_192, 23, 0, false, 0);

/// Days of use as the records so far leave them.
type Days = BTreeMap<(SubscriptionId, MeterId, Resource, NaiveDate), DayUse>;

/// Takes records; those known already are left out.
pub(in crate::customer) fn record(draft: &mut Draft<'_>, command: &RecordUsage) -> Result<(), Rejection> {
    check::count("records", command.records.len(), USAGE_RECORDS_MAX)?;
    let bytes: usize = command.records.iter().map(text_bytes).sum();
    if bytes > TEXT_BYTES_MAX {
        let message =
            format!("The texts of the records have {bytes} bytes; at most {TEXT_BYTES_MAX} are taken at once");
        return Err(check::invalid("records", message).with("maximum", TEXT_BYTES_MAX));
    }
    let customer = draft.customer;
    let mut days = Days::new();
    let mut taken: BTreeMap<&SubscriptionId, Vec<UsageRecord>> = BTreeMap::new();
    for (index, record) in command.records.iter().enumerate() {
        let at = At(index);
        at.shape(record)?;
        at.meter(draft, record)?;
        let subscription = at.subscription(customer, record)?;
        at.date(draft, subscription, &customer.usage, record)?;
        let id = &subscription.subscription_id;
        let key = (id.clone(), record.meter_id.clone(), record.resource(), record.usage_date);
        let known = || customer.usage.accounts.get(id).and_then(|account| account.day(record)).cloned();
        let day = days.entry(key).or_insert_with(|| known().unwrap_or_default());
        if at.take(day, record)? {
            taken.entry(id).or_default().push(record.clone());
        }
    }
    room(&customer.usage, &days)?;
    countable(&customer.usage, &days)?;
    for (subscription_id, records) in taken {
        let (customer_id, subscription_id) = (customer.id().clone(), subscription_id.clone());
        draft.push(UsageRecorded { customer_id, subscription_id, records });
    }
    Ok(())
}

fn texts(record: &UsageRecord) -> [(&'static str, &str); 7] {
    [
        ("resource_group", &record.resource_group),
        ("resource_location", &record.resource_location),
        ("consumed_service", &record.consumed_service),
        ("service_info1", &record.service_info1),
        ("service_info2", &record.service_info2),
        ("tags", &record.tags),
        ("additional_info", &record.additional_info),
    ]
}

fn text_bytes(record: &UsageRecord) -> usize {
    texts(record).iter().map(|(_, text)| text.len()).sum::<usize>() + record.resource_uri.len()
}

/// The number of meters and resources stays bounded.
fn room(usage: &Usage, days: &Days) -> Result<(), Rejection> {
    let known: usize = usage.accounts.values().map(super::Account::len).sum();
    let mut new: Vec<_> = days.keys().map(|(id, meter, resource, _)| (id, meter, resource)).collect();
    new.dedup();
    let is_new = |(id, meter, resource): &(&SubscriptionId, &MeterId, &Resource)| {
        let resources = usage.accounts.get(*id).and_then(|account| account.meters.get(*meter));
        !resources.is_some_and(|resources| resources.contains_key(*resource))
    };
    if known + new.into_iter().filter(is_new).count() <= METERED_RESOURCES_MAX {
        return Ok(());
    }
    let message = format!("A customer has at most {METERED_RESOURCES_MAX} meters of resources in use");
    Err(Rejection::field(Reason::TooManyMeteredResources, "records", message).with("maximum", METERED_RESOURCES_MAX))
}

/// The sum of a meter's units stays within the digits of an amount.
fn countable(usage: &Usage, days: &Days) -> Result<(), Rejection> {
    let meters: std::collections::BTreeSet<_> = days.keys().map(|(id, meter, ..)| (id, meter)).collect();
    for (id, meter) in meters {
        let known = usage.accounts.get(id).and_then(|account| account.meters.get(meter));
        let known: Decimal =
            known.into_iter().flatten().flat_map(|(_, days)| days.values()).map(|day| day.quantity).sum();
        let of_meter = days.iter().filter(|((of, on, ..), _)| (of, on) == (id, meter));
        let new: Decimal = of_meter.map(|(_, day)| day.quantity).sum();
        if known + new > UNITS_MAX {
            let message = format!("Meter {meter} has more than {UNITS_MAX} units in the days that are open");
            return Err(check::invalid("records", message).with("meter_id", meter).with("maximum", UNITS_MAX));
        }
    }
    Ok(())
}

/// The record with that index.
#[derive(Clone, Copy)]
struct At(usize);

impl At {
    fn field(self, name: &str) -> String {
        format!("records[{}].{name}", self.0)
    }

    /// What needs no state.
    fn shape(self, record: &UsageRecord) -> Result<(), Rejection> {
        texts(record).iter().try_for_each(|(name, text)| check::optional(&self.field(name), text))?;
        let uri = record.resource_uri.trim();
        if uri.is_empty() {
            return Err(check::missing(&self.field("resource_uri")));
        }
        if uri.chars().count() > RESOURCE_CHARS_MAX || uri.chars().any(char::is_control) {
            let message = format!("A resource has at most {RESOURCE_CHARS_MAX} characters, no control characters");
            return Err(check::invalid(&self.field("resource_uri"), message));
        }
        if record.hour.is_some_and(|hour| hour > 24) {
            let message = "The hour is 1 to 24, by its end; 0 or nothing is the whole day";
            return Err(check::invalid(&self.field("hour"), message));
        }
        self.quantity("quantity", record.quantity)?;
        record.replaces_quantity.map_or(Ok(()), |before| self.quantity("replaces_quantity", before))
    }

    fn quantity(self, name: &str, quantity: Decimal) -> Result<(), Rejection> {
        if quantity < Decimal::ZERO {
            let message = format!("A quantity is 0 or more, not {quantity}; a correction names what it replaces");
            return Err(Rejection::field(Reason::NegativeQuantity, &self.field(name), message));
        }
        if quantity > QUANTITY_MAX || quantity.normalize().scale() > QUANTITY_DECIMALS_MAX {
            let message = format!(
                "A quantity is at most {QUANTITY_MAX} and has at most {QUANTITY_DECIMALS_MAX} digits after the point"
            );
            return Err(check::invalid(&self.field(name), message));
        }
        Ok(())
    }

    fn meter(self, draft: &Draft<'_>, record: &UsageRecord) -> Result<(), Rejection> {
        let Some(meter) = draft.reference.catalog.usage().meter(&record.meter_id) else {
            let message = format!("No meter {} is published", record.meter_id);
            return Err(Rejection::field(Reason::UnknownMeter, &self.field("meter_id"), message)
                .with("meter_id", &record.meter_id));
        };
        if meter.unit == record.unit {
            return Ok(());
        }
        let message = format!("Meter {} counts in {:?}, not in {:?}", meter.meter_id, meter.unit, record.unit);
        Err(Rejection::field(Reason::UnitMismatch, &self.field("unit"), message).with("unit", &meter.unit))
    }

    /// The Azure plan it stands under, or the classic subscription of that id.
    fn subscription<'a>(self, customer: &'a Customer, record: &UsageRecord) -> Result<&'a Subscription, Rejection> {
        let id = &record.azure_subscription_id;
        let plan = customer.usage.azure_subscriptions.get(id).map(|known| &known.subscription_id);
        let plan = plan.and_then(|plan| customer.subscription(plan));
        let classic = || {
            let own = SubscriptionId::new(id.as_str()).ok()?;
            let own = customer.subscription(&own)?;
            Some(own).filter(|own| own.product_kind == Some(ProductKind::AzureSubscription))
        };
        // A day belongs to the partner that held it when the day began: use before a transfer is billed to the source (L5496).
        let held = |holder: &&SubscriptionId| {
            customer.subscription(holder).is_some_and(|holder| holder.start < record.usage_date)
        };
        let holders = customer.usage.moved.get(id);
        let holder = holders.and_then(|holders| holders.iter().skip(1).rev().find(held));
        if let Some(holder) = holder.and_then(|holder| customer.subscription(holder)) {
            return Ok(holder);
        }
        plan.or_else(classic).ok_or_else(|| {
            let message = format!("Azure subscription {id} is not registered for customer {}", customer.id());
            Rejection::field(Reason::UnknownAzureSubscription, &self.field("azure_subscription_id"), message)
                .with("azure_subscription_id", id)
        })
    }

    fn date(
        self,
        draft: &Draft<'_>,
        subscription: &Subscription,
        usage: &Usage,
        record: &UsageRecord,
    ) -> Result<(), Rejection> {
        let (day, field) = (record.usage_date, self.field("usage_date"));
        let created = usage.azure_subscriptions.get(&record.azure_subscription_id);
        let first = created.map_or(subscription.start, |known| known.created_at.date_naive());
        let today = draft.decision.context.recorded_at.date_naive();
        if day < first || day > today {
            let message = format!("Usage is of a day from {first}, when the subscription began, to {today}");
            return Err(Rejection::field(Reason::UsageDateOutOfRange, &field, message)
                .with("first_day", first)
                .with("last_day", today));
        }
        let last = match subscription.standing {
            Standing::Suspended { since, .. } => Some(since),
            Standing::Cancelled | Standing::Expired | Standing::Deprovisioned => Some(subscription.last_changed_on),
            _ => None,
        };
        if let Some(last) = last.filter(|last| day > *last) {
            let message = format!("Subscription {} was in use until {last}", subscription.subscription_id);
            return Err(Rejection::field(Reason::UsageAfterCancellation, &field, message).with("last_day", last));
        }
        let (until, closed) = (open_until(day), draft.reference.catalog.last_closed());
        if closed.is_some_and(|closed| closed >= until) {
            let message = format!("Usage of {day} was taken until the end of {until}");
            return Err(Rejection::field(Reason::UsagePeriodClosed, &field, message).with("open_until", until));
        }
        Ok(())
    }

    /// Adds it to the day; false if it is known.
    fn take(self, day: &mut DayUse, record: &UsageRecord) -> Result<bool, Rejection> {
        let refuse = |reason, field: &str, message: &str| Err(Rejection::field(reason, &self.field(field), message));
        match day.take(record) {
            Taken::Changed => Ok(true),
            Taken::Known => Ok(false),
            Taken::Other => {
                let message = "Another quantity is recorded for this meter, resource and time; a correction names it in replaces_quantity";
                refuse(Reason::UsageAlreadyRecorded, "quantity", message)
            }
            Taken::Missing => {
                let message = "Nothing is recorded for this meter, resource and time that could be replaced";
                refuse(Reason::UsageNotFound, "replaces_quantity", message)
            }
            Taken::Conflict => {
                let message = "This is not the quantity that is recorded for this meter, resource and time";
                refuse(Reason::UsageConflict, "replaces_quantity", message)
            }
            Taken::Mixed => {
                let message = "A day of a meter and resource is recorded by its hours or as a whole, not both";
                refuse(Reason::UsageGranularityMixed, "hour", message)
            }
        }
    }
}
