//! What customers do, day by day. Some of it the ledger refuses, as it does in life.

use std::collections::{BTreeSet, HashMap};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::{
    Options,
    world::{self, Kind, OTHER_PLAN, PARTNERS, PRODUCTS, Partner, Product},
};
use crate::random::Random;

/// Changes of a subscription in a year, about.
const CHANGES_A_YEAR: u64 = 5;
/// Days over which everything is bought the first time.
const BUYING_DAYS: usize = 270;
/// How many in a hundred commands come late, and by how many days at most.
const LATE_PERCENT: u64 = 6;
const LATE_DAYS_MAX: u64 = 25;
/// Subscriptions of one customer, on average.
const OF_A_CUSTOMER: usize = 3;

#[derive(Clone, Debug)]
struct Customer {
    id: String,
    partner: &'static Partner,
    country: &'static str,
    /// Its Azure plan.
    plan: Option<String>,
    knows_neighbour: bool,
}

#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    order: String,
    customer: usize,
    product: &'static Product,
    seats: u64,
    suspended: bool,
    frequency: &'static str,
    renews: bool,
}

/// What an accepted command means for what may come next.
#[derive(Clone, Debug)]
enum Effect {
    Bought(Subscription),
    Planned(usize, String),
    Seats(String, u64),
    Suspended(String, bool),
    Renews(String, bool),
    Gone(String),
}

/// The history in the making.
pub(super) struct Story {
    random: Random,
    start: NaiveDate,
    last: NaiveDate,
    wanted: usize,
    customers: Vec<Customer>,
    subscriptions: Vec<Subscription>,
    bought: usize,
    commands: u64,
    effects: HashMap<String, Vec<Effect>>,
    /// Subscriptions that something happened to today.
    touched: BTreeSet<usize>,
}

impl Story {
    pub(super) fn new(options: Options, random: Random, start: NaiveDate, last: NaiveDate) -> Self {
        Self {
            random,
            start,
            last,
            wanted: options.subscriptions,
            customers: Vec::new(),
            subscriptions: Vec::new(),
            bought: 0,
            commands: 0,
            effects: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Subscriptions ordered so far.
    pub(super) fn bought(&self) -> usize {
        self.bought
    }

    /// The commands of a day.
    pub(super) fn day(&mut self, day: NaiveDate) -> Vec<Value> {
        let mut commands = Vec::new();
        self.touched.clear();
        let passed = usize::try_from((day - self.start).num_days()).unwrap_or(0) + 1;
        let days = usize::try_from((self.last - self.start).num_days()).unwrap_or(0).clamp(1, BUYING_DAYS);
        let due = self.wanted * passed.min(days) / days;
        while self.bought < due {
            let bodies = self.purchase(day, due - self.bought);
            commands.extend(bodies);
        }
        // A little more on some days, so that few subscriptions change too.
        let alive = u64::try_from(self.subscriptions.len()).unwrap_or(0);
        let changes = (alive * CHANGES_A_YEAR + self.random.below(366)) / 366;
        for _ in 0..changes {
            let bodies = self.change(day);
            commands.extend(bodies);
        }
        commands
    }

    /// Takes over what was accepted.
    pub(super) fn learn(&mut self, commands: &[Value], refusals: &[Option<String>]) {
        for (command, refusal) in commands.iter().zip(refusals) {
            let id = command["command_id"].as_str().unwrap_or_default();
            for effect in self.effects.remove(id).unwrap_or_default() {
                if refusal.is_none() {
                    self.apply(effect);
                }
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        let of = |subscriptions: &[Subscription], id: &str| subscriptions.iter().position(|s| s.id == id);
        match effect {
            Effect::Bought(subscription) => self.subscriptions.push(subscription),
            Effect::Planned(customer, plan) => self.customers[customer].plan = Some(plan),
            Effect::Seats(id, seats) => {
                of(&self.subscriptions, &id).into_iter().for_each(|at| self.subscriptions[at].seats = seats);
            }
            Effect::Suspended(id, suspended) => {
                of(&self.subscriptions, &id).into_iter().for_each(|at| self.subscriptions[at].suspended = suspended);
            }
            Effect::Renews(id, renews) => {
                of(&self.subscriptions, &id).into_iter().for_each(|at| self.subscriptions[at].renews = renews);
            }
            Effect::Gone(id) => self.subscriptions.retain(|subscription| subscription.id != id),
        }
    }

    /// A command of the day, or one that comes late.
    fn command(&mut self, day: NaiveDate, name: &str, body: &Value, effects: Vec<Effect>) -> Value {
        self.commands += 1;
        let id = format!("c{}", self.commands);
        let mut command = json!({ "command_id": id, name: body.clone() });
        if self.random.below(100) < LATE_PERCENT {
            let earlier = day.checked_sub_days(Days::new(1 + self.random.below(LATE_DAYS_MAX))).unwrap_or(day);
            command["effective_at"] = json!(format!("{}T12:00:00Z", earlier.max(self.start)));
        }
        if !effects.is_empty() {
            self.effects.insert(id, effects);
        }
        command
    }

    /// A command that takes effect when it comes.
    fn now(&mut self, day: NaiveDate, name: &str, body: &Value, effects: Vec<Effect>) -> Value {
        let mut command = self.command(day, name, body, effects);
        command.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("effective_at")));
        command
    }

    fn new_customer(&mut self, day: NaiveDate) -> Vec<Value> {
        let number = self.customers.len();
        let partner = &PARTNERS[self.random.index(PARTNERS.len())];
        let country = partner.sells_in[self.random.index(partner.sells_in.len())];
        let (state, postal_code) = match country {
            "US" => ("WA", "98052"),
            "CA" => ("BC", "V6B 1A1"),
            _ => ("", "1000"),
        };
        let id = format!("k{number}");
        self.customers.push(Customer { id: id.clone(), partner, country, plan: None, knows_neighbour: false });
        let contact = json!({ "first_name": "Kim", "last_name": "Lee", "email": format!("kim@{id}.example") });
        let create = json!({
            "customer_id": id, "partner_id": partner.id, "company_name": format!("Company, \"{number}\""),
            "domain_prefix": format!("company{number}"), "contact": contact,
            "address": { "country": country, "line1": "2 Main Street", "city": "Capital", "state": state, "postal_code": postal_code },
        });
        let agree = json!({ "customer_id": id, "mode": "AGREEMENT_MODE_CUSTOMER_DIRECT", "signatory": contact,
            "accepted_on": "2019-12-01" });
        let mut commands =
            vec![self.now(day, "create_customer", &create, vec![]), self.now(day, "accept_agreement", &agree, vec![])];
        if let Some(reseller) = partner.reseller {
            let related = json!({ "customer_id": id, "partner_id": reseller, "delegated_admin": true });
            commands.push(self.now(day, "request_relationship", &related, vec![]));
            let accept = json!({ "customer_id": id, "partner_id": reseller });
            commands.push(self.now(day, "accept_relationship", &accept, vec![]));
            let add = json!({ "customer_id": id, "partner_id": partner.id, "reseller_id": reseller });
            commands.push(self.now(day, "add_reseller", &add, vec![]));
        }
        commands
    }

    /// One order of one to three lines, after its customer if that is new.
    fn purchase(&mut self, day: NaiveDate, most: usize) -> Vec<Value> {
        let (mut commands, customers) = (Vec::new(), self.customers.len());
        if customers * OF_A_CUSTOMER <= self.bought {
            commands = self.new_customer(day);
        }
        let customer = if commands.is_empty() { self.random.index(customers) } else { customers };
        let order = format!("o{}", self.bought);
        let (mut lines, mut effects) = (Vec::new(), Vec::new());
        for _ in 0..(1 + self.random.index(3)).min(most) {
            let product = &PRODUCTS[self.random.index(PRODUCTS.len())];
            let Some((line, effect)) = self.line(customer, product, &order) else { continue };
            // An order is taken whole: what may be refused for its own reasons stands alone.
            let alone = matches!(product.kind, Kind::AddOn | Kind::Plan | Kind::Reservation);
            if alone && !lines.is_empty() {
                continue;
            }
            self.bought += 1;
            lines.push(line);
            effects.extend(effect);
            if alone {
                break;
            }
        }
        if !lines.is_empty() {
            let Customer { id, partner, .. } = &self.customers[customer];
            let body = json!({ "customer_id": id, "partner_id": partner.id, "order_id": order, "lines": lines });
            commands.push(self.command(day, "purchase", &body, effects));
        }
        commands
    }

    fn line(&mut self, customer: usize, product: &'static Product, order: &str) -> Option<(Value, Vec<Effect>)> {
        let Customer { partner, plan, .. } = self.customers[customer].clone();
        let id = format!("s{}", self.bought);
        let frequency = match product.frequencies {
            [] => "UNSPECIFIED",
            some => some[self.random.index(some.len())],
        };
        let seats = if product.kind == Kind::Plan { 1 } else { 1 + self.random.below(40) };
        let mut line = json!({ "subscription_id": id, "offer_id": product.id, "quantity": seats,
            "billing_frequency": format!("BILLING_FREQUENCY_{frequency}") });
        let mut effects = Vec::new();
        match product.kind {
            Kind::AddOn => {
                let base = |s: &&Subscription| {
                    s.customer == customer && !s.suspended && ["e3", "premium"].contains(&s.product.id)
                };
                line["base_subscription_id"] = json!(self.subscriptions.iter().find(base)?.id);
            }
            Kind::Meter => line["sku"] = json!("render-silver"),
            Kind::Saas if self.random.below(3) == 0 => line["free_trial_days"] = json!(30),
            Kind::Plan if plan.is_some() => return None,
            Kind::Plan => effects.push(Effect::Planned(customer, id.clone())),
            Kind::Reservation => line["azure_subscription_id"] = json!(plan?),
            _ => {}
        }
        let often = matches!(product.kind, Kind::Plan | Kind::Reservation) || self.random.below(2) == 0;
        if let Some(reseller) = partner.reseller.filter(|_| often) {
            line["reseller_id"] = json!(reseller);
        }
        let order = order.to_owned();
        effects.push(Effect::Bought(Subscription {
            id,
            order,
            customer,
            product,
            seats,
            suspended: false,
            frequency,
            renews: true,
        }));
        Some((line, effects))
    }

    /// Something happens to a subscription, at most once a day.
    fn change(&mut self, day: NaiveDate) -> Vec<Value> {
        let place = self.random.index(self.subscriptions.len());
        if self.subscriptions.is_empty() || !self.touched.insert(place) {
            return Vec::new();
        }
        let subscription = self.subscriptions[place].clone();
        let (dice, id) = (self.random.below(100), subscription.id.clone());
        let mut body = json!({ "customer_id": self.customers[subscription.customer].id,
            "partner_id": self.customers[subscription.customer].partner.id, "subscription_id": id });
        match (subscription.product.kind, dice) {
            (Kind::License | Kind::AddOn, _) if subscription.suspended => {
                vec![self.command(day, "reactivate", &body, vec![Effect::Suspended(id, false)])]
            }
            (Kind::License | Kind::AddOn, 0..14) => {
                let reasons = ["CUSTOMER_REQUEST", "NON_PAYMENT"];
                body["reason"] = json!(format!("SUSPENSION_REASON_{}", reasons[self.random.index(2)]));
                vec![self.command(day, "suspend", &body, vec![Effect::Suspended(id, true)])]
            }
            (Kind::License, 14..20) => self.frequency(day, &subscription),
            (Kind::License, 20..25) => self.transfer(day, &subscription),
            (Kind::License, 25..29) => self.schedule(day, body),
            (Kind::License | Kind::Recurring | Kind::Saas, 29..36) => self.adjust(day, &subscription, body),
            (Kind::License | Kind::Saas, 36..39) => self.claim(day, &subscription),
            (Kind::Saas, 39..47) => {
                body["auto_renew"] = json!(!subscription.renews);
                vec![self.command(day, "set_auto_renew", &body, vec![Effect::Renews(id, !subscription.renews)])]
            }
            (Kind::Meter, 0..60) => {
                (body["to_sku"], body["to_offer_id"]) = (json!("gold"), json!(OTHER_PLAN));
                vec![self.command(day, "convert", &body, vec![])]
            }
            (Kind::Reservation, 0..50) => {
                (body["reservation_used"], body["accept_capped_refund"]) = (json!(dice < 25), json!(true));
                vec![self.command(day, "cancel", &body, vec![Effect::Gone(id)])]
            }
            (Kind::License | Kind::Recurring | Kind::Saas, 47..51)
            | (Kind::Software | Kind::Perpetual | Kind::Meter, 51..80) => {
                vec![self.command(day, "cancel", &body, vec![Effect::Gone(id)])]
            }
            (Kind::License | Kind::AddOn | Kind::Recurring | Kind::Saas | Kind::Software, _) => {
                let seats = 1 + self.random.below(60);
                body["quantity"] = json!(seats);
                vec![self.command(day, "change_quantity", &body, vec![Effect::Seats(id, seats)])]
            }
            (Kind::Meter | Kind::Perpetual | Kind::Plan | Kind::Reservation, _) => Vec::new(),
        }
    }

    fn frequency(&mut self, day: NaiveDate, of: &Subscription) -> Vec<Value> {
        let other = if of.frequency == "MONTHLY" { "ANNUAL" } else { "MONTHLY" };
        let customer = &self.customers[of.customer];
        let body = json!({ "customer_id": customer.id, "partner_id": customer.partner.id, "order_id": of.order,
            "billing_frequency": format!("BILLING_FREQUENCY_{other}") });
        vec![self.now(day, "change_billing_frequency", &body, vec![])]
    }

    /// To another partner of the market, where the subscription has another id; what becomes of it there is left to the calendar.
    fn transfer(&mut self, day: NaiveDate, of: &Subscription) -> Vec<Value> {
        let Customer { id: customer, partner, knows_neighbour, .. } = self.customers[of.customer].clone();
        let Some(target) = partner.neighbour else { return Vec::new() };
        let mut commands = Vec::new();
        if !knows_neighbour {
            self.customers[of.customer].knows_neighbour = true;
            let related = json!({ "customer_id": customer, "partner_id": target, "delegated_admin": true });
            commands.push(self.now(day, "request_relationship", &related, vec![]));
            let accept = json!({ "customer_id": customer, "partner_id": target });
            commands.push(self.now(day, "accept_relationship", &accept, vec![]));
        }
        let transfer = format!("t{}", self.commands);
        let request = json!({ "customer_id": customer, "transfer_id": transfer, "source_partner_id": partner.id,
            "target_partner_id": target, "subscription_ids": [of.id], "expires_after_days": 30 });
        commands.push(self.now(day, "request_transfer", &request, vec![]));
        let accept = json!({ "customer_id": customer, "transfer_id": transfer, "partner_id": target });
        commands.push(self.now(day, "accept_transfer", &accept, vec![Effect::Gone(of.id.clone())]));
        commands
    }

    fn schedule(&mut self, day: NaiveDate, mut body: Value) -> Vec<Value> {
        let on = day.checked_add_days(Days::new(3 + self.random.below(40))).unwrap_or(day);
        let seats = 1 + self.random.below(60);
        body["change"] = json!({ "on": on.to_string(), "quantity": seats });
        vec![self.now(day, "schedule_change", &body, vec![])]
    }

    /// The currency a subscription is billed in.
    fn currency(&self, of: &Subscription) -> &'static str {
        let customer = &self.customers[of.customer];
        match of.product.kind {
            Kind::License | Kind::AddOn => customer.partner.currency,
            _ => world::one_time_currency(customer.country, customer.partner),
        }
    }

    /// An amount of some minor units.
    fn amount(&mut self, currency: &str) -> String {
        let digits = world::minor_digits(currency);
        let units = 1 + self.random.below(3_000);
        let scale = 10_u64.pow(digits);
        if digits == 0 {
            return units.to_string();
        }
        format!("{}.{:0width$}", units / scale, units % scale, width = usize::try_from(digits).unwrap_or(0))
    }

    fn adjust(&mut self, day: NaiveDate, of: &Subscription, mut body: Value) -> Vec<Value> {
        let currency = self.currency(of);
        let amount = self.amount(currency);
        (body["amount"], body["currency"]) = (json!(format!("-{amount}")), json!(currency));
        body["reason"] = json!("goodwill, \"as agreed\"");
        vec![self.now(day, "post_adjustment", &body, vec![])]
    }

    /// A claim for an outage, granted at once.
    fn claim(&mut self, day: NaiveDate, of: &Subscription) -> Vec<Value> {
        let claim = format!("claim{}", self.commands);
        let currency = self.currency(of);
        let amount = self.amount(currency);
        let customer = self.customers[of.customer].clone();
        let submit = json!({ "customer_id": customer.id, "partner_id": customer.partner.id, "claim_id": claim,
            "incident_id": format!("EX{}", self.commands), "incident_date": day.to_string(), "purchased_through_csp": true });
        let approve = json!({ "customer_id": customer.id, "claim_id": claim,
            "credits": [{ "subscription_id": of.id, "amount": amount, "currency": currency }] });
        vec![self.now(day, "submit_sla_claim", &submit, vec![]), self.now(day, "approve_sla_claim", &approve, vec![])]
    }
}
