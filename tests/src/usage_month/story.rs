//! What happens in the month.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{PARTNER, RATE};
use crate::random::Random;

/// Records of one command.
const RECORDS: usize = 96;
/// Records that come one to nine days late, in a hundred.
const LATE: u64 = 3;
/// Records that are corrected one to nine days later, in a hundred.
const WRONG: u64 = 1;
/// Customers whose roles change on a day, in a hundred.
const ROLES: u64 = 12;
/// Days of October.
const OCTOBER: u32 = 31;
const FIRST_AFTER: u32 = OCTOBER + 1;
/// The last day on which something late comes, counted from the first of October.
const LATEST: u32 = OCTOBER + 10;
/// Days of November that are closed: its invoice has what came after October's.
const LAST: &str = "2019-11-30";
/// Where the second tier of the first meter begins.
pub(super) const TIER: u32 = 300;

/// A role that somebody of the partner had: from and until, in minutes of the month; open if it was not taken.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) from: u32,
    pub(super) to: Option<u32>,
}

/// A month in the making, and what is true of it in the end.
pub struct Story {
    random: Random,
    pub(super) customers: usize,
    pub(super) meters: usize,
    sent: u64,
    /// The last day that was made, counted from the first of October.
    day: u32,
    /// By customer, meter and day: the sum that is right.
    pub(super) used: BTreeMap<(usize, usize, u32), Decimal>,
    /// By customer.
    pub(super) roles: Vec<Vec<Role>>,
    /// To come, on a day of the two months.
    later: BTreeMap<u32, Vec<(usize, Value)>>,
}

/// The id of a customer.
pub(super) fn customer(n: usize) -> String {
    format!("customer-{n:04}")
}

/// The id of a meter.
pub(super) fn meter(n: usize) -> String {
    format!("meter-{n:02}")
}

/// Dollars for a unit of a meter on a day, in each of its tiers. The first meter has two, the second another price from the 16th on, and
/// the last is sold by a third party.
pub(super) fn prices(meter: usize, day: u32) -> Vec<(u32, Decimal)> {
    let price = Decimal::new(i64::try_from(meter).unwrap_or_default() * 7 + 13, 4);
    match meter {
        0 => vec![(0, price), (TIER, price * Decimal::new(5, 1))],
        1 if day >= 16 => vec![(0, price + Decimal::new(1, 3))],
        _ => vec![(0, price)],
    }
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 10, 1).unwrap_or_default() + Days::new(u64::from(day - 1))
}

/// An instant of the month.
fn instant(minute: u32) -> String {
    let (day, minute) = (minute / 1_440 + 1, minute % 1_440);
    format!("{}T{:02}:{:02}:00Z", date(day), minute / 60, minute % 60)
}

impl Story {
    /// A month of so many customers, each with so many meters.
    pub fn new(random: Random, customers: usize, meters: usize) -> Self {
        let roles = vec![Vec::new(); customers];
        Self { random, customers, meters, sent: 0, day: 0, used: BTreeMap::new(), roles, later: BTreeMap::new() }
    }

    #[allow(clippy::needless_pass_by_value, reason = "whoever makes a body has no more use for it")]
    fn command(&mut self, name: &str, body: Value) -> Value {
        self.sent += 1;
        json!({ "command_id": format!("month-{}", self.sent), name: body })
    }

    /// The next day through which is closed, after its commands. A day is made when it is asked for: a month of many customers fits no memory.
    pub fn next_day(&mut self) -> Option<(String, Vec<Value>)> {
        self.day += 1;
        let day = self.day;
        let mut commands = if day == 1 { self.founding() } else { Vec::new() };
        match day {
            1..=OCTOBER => {
                for n in 0..self.customers {
                    commands.extend(self.role(n, day));
                    self.use_of(n, day);
                }
            }
            // Facts about the last days of October.
            FIRST_AFTER => {
                for n in 0..self.customers {
                    commands.extend(self.role(n, day));
                }
            }
            // What is late.
            ..=LATEST => {}
            _ => return (day == LATEST + 1).then(|| (LAST.to_owned(), Vec::new())),
        }
        commands.extend(self.due(day));
        Some((date(day).to_string(), commands))
    }

    fn founding(&mut self) -> Vec<Value> {
        let meters = (0..self.meters).map(|n| {
            let tag = if n + 1 == self.meters { "Third Party" } else { "Azure" };
            json!({ "meter_id": meter(n), "unit": "1 Hour", "name": meter(n), "tags": [tag] })
        });
        let meters: Vec<Value> = meters.collect();
        let mut rows = Vec::new();
        for n in 0..self.meters {
            let mut first_days = BTreeSet::from([1]);
            first_days.extend((n == 1).then_some(16));
            for day in first_days {
                rows.extend(prices(n, day).into_iter().map(|(from, price)| {
                    json!({ "meter_id": meter(n), "valid_from": date(day).to_string(), "tier_from": from.to_string(),
                        "unit_price": price.normalize().to_string() })
                }));
            }
        }
        let mut commands: Vec<Value> = [
            ("register_partner", json!({ "partner_id": PARTNER, "name": "Contoso", "kind": "PARTNER_KIND_DIRECT_BILL",
                "country": "DE", "currency": "EUR", "billing_day": 15, "mpn_id": "4390934" })),
            ("publish_offers", json!({ "offers": [{ "offer_id": "azure-plan", "display_name": "Azure plan",
                "product_family": "PRODUCT_FAMILY_ONE_TIME_RECURRING", "kind": "OFFER_KIND_BASE", "minimum_quantity": 1,
                "maximum_quantity": 1, "limit_scope": "OFFER_LIMIT_SCOPE_NONE", "proration_rule": "PRORATION_RULE_EXACT",
                "product": { "kind": "PRODUCT_KIND_AZURE_PLAN" } }] })),
            ("publish_meters", json!({ "meters": meters })),
            ("publish_meter_prices", json!({ "currency": "USD", "rows": rows })),
            ("publish_exchange_rates", json!({ "rates": [{ "month": "2019-10-01", "from": "USD", "to": "EUR", "rate": RATE }] })),
        ]
        .map(|(name, body)| self.command(name, body))
        .into();
        for n in 0..self.customers {
            let id = customer(n);
            let contact = json!({ "first_name": "Kim", "last_name": "Lee", "email": "kim@example.com" });
            let bodies = [
                (
                    "create_customer",
                    json!({ "customer_id": id, "partner_id": PARTNER, "company_name": id,
                    "domain_prefix": id.replace('-', ""), "contact": contact,
                    "address": { "country": "DE", "line1": "Weg 1", "city": "Ulm", "postal_code": "89073" } }),
                ),
                (
                    "accept_agreement",
                    json!({ "customer_id": id, "mode": "AGREEMENT_MODE_CUSTOMER_DIRECT",
                    "signatory": contact, "accepted_on": "2019-10-01" }),
                ),
                (
                    "purchase",
                    json!({ "customer_id": id, "partner_id": PARTNER, "lines": [
                    { "subscription_id": format!("plan-{n}"), "offer_id": "azure-plan", "quantity": 1 }] }),
                ),
                (
                    "register_azure_subscription",
                    json!({ "customer_id": id, "partner_id": PARTNER,
                    "subscription_id": format!("plan-{n}"), "azure_subscription_id": format!("az-{n}"), "name": "Production",
                    "created_at": "2019-10-01T00:00:00Z" }),
                ),
            ];
            commands.extend(bodies.map(|(name, body)| self.command(name, body)));
            // Most begin with access.
            if self.random.below(100) < 80 {
                commands.push(self.grant(n, 0));
            }
        }
        commands
    }

    fn grant(&mut self, n: usize, minute: u32) -> Value {
        let number = self.roles[n].len();
        self.roles[n].push(Role { from: minute, to: None });
        self.command("grant_access", json!({ "customer_id": customer(n), "partner_id": PARTNER,
            "assignment_id": format!("role-{n}-{number}"), "principal_id": "admins", "path": "ACCESS_PATH_ADMIN_ON_BEHALF_OF",
            "role": "Owner", "scope": { "azure_subscription_id": format!("az-{n}") }, "from": instant(minute) }))
    }

    /// What is heard on a day of the roles of the days before: a role was taken, or given, a day to five days ago, to the minute.
    fn role(&mut self, n: usize, day: u32) -> Vec<Value> {
        if day == 1 || self.random.below(100) >= ROLES {
            return Vec::new();
        }
        let last = self.roles[n].last().cloned();
        let since = last.as_ref().map_or(0, |role| role.to.unwrap_or(role.from));
        let end = (day - 1) * 1_440;
        let earliest = since.max(end.saturating_sub(5 * 1_440));
        let span = u64::from(end - earliest);
        let minute = earliest + u32::try_from(self.random.below(span)).unwrap_or_default();
        // A third of the changes are at midnight, so that whole days begin and end.
        let midnight = minute / 1_440 * 1_440;
        let minute = if self.random.below(3) == 0 && midnight >= since { midnight } else { minute };
        let number = self.roles[n].len();
        match self.roles[n].last_mut().filter(|role| role.to.is_none()) {
            Some(role) => {
                role.to = Some(minute);
                let id = format!("role-{n}-{}", number - 1);
                let body = json!({ "customer_id": customer(n), "assignment_id": id, "at": instant(minute) });
                let mut commands = vec![self.command("revoke_access", body)];
                // Half of them have another one at once, so that two together hold all day.
                if self.random.below(2) == 0 {
                    commands.push(self.grant(n, minute));
                }
                commands
            }
            None => vec![self.grant(n, minute)],
        }
    }

    /// A day's records: sent now, late, or wrong and corrected.
    fn use_of(&mut self, n: usize, day: u32) {
        for m in 0..self.meters {
            for hour in 1..=24_u32 {
                // Some hours nothing is used.
                if self.random.below(10) == 0 {
                    continue;
                }
                let quantity =
                    |random: &mut Random| Decimal::new(i64::try_from(random.below(400)).unwrap_or_default(), 2);
                let right = quantity(&mut self.random);
                *self.used.entry((n, m, day)).or_default() += right;
                let record = |quantity: Decimal, replaces: Option<Decimal>| {
                    let replaces = replaces.map(|before| before.to_string()).unwrap_or_default();
                    json!({ "azure_subscription_id": format!("az-{n}"), "resource_group": "web",
                        "resource_uri": format!("/subscriptions/az-{n}/{}", meter(m)), "meter_id": meter(m),
                        "usage_date": date(day).to_string(), "hour": hour, "quantity": quantity.to_string(),
                        "replaces_quantity": replaces, "unit": "1 Hour" })
                };
                let after = day + 1 + u32::try_from(self.random.below(9)).unwrap_or_default();
                match self.random.below(100) {
                    chance if chance < LATE => self.later.entry(after).or_default().push((n, record(right, None))),
                    chance if chance < LATE + WRONG => {
                        let wrong = right + Decimal::ONE;
                        self.later.entry(day).or_default().push((n, record(wrong, None)));
                        self.later.entry(after).or_default().push((n, record(right, Some(wrong))));
                    }
                    _ => self.later.entry(day).or_default().push((n, record(right, None))),
                }
            }
        }
    }

    /// Commands with the records that come on a day.
    fn due(&mut self, day: u32) -> Vec<Value> {
        let mut of_customer: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
        for (n, record) in self.later.remove(&day).unwrap_or_default() {
            of_customer.entry(n).or_default().push(record);
        }
        let mut commands = Vec::new();
        for (n, records) in of_customer {
            for part in records.chunks(RECORDS) {
                commands.push(self.command("record_usage", json!({ "customer_id": customer(n), "records": part })));
                // Some are sent twice.
                if self.random.below(50) == 0 {
                    commands.push(self.command("record_usage", json!({ "customer_id": customer(n), "records": part })));
                }
            }
        }
        commands
    }
}
