//! Drives the charge functions as a customer's decisions do: one subscription, a clock, every line in order.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "shared by several suites; a test may stop"
)]

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use subledger_domain::{
    Context, Event,
    calendar::{add_days, anniversary},
    charge::{self, Charged},
    customer::{Standing, Subscription, SuspensionReason},
    decision::Decision,
    event::{
        QuantityChanged, SubscriptionCancelled, SubscriptionConverted, SubscriptionCreated, SubscriptionExpired,
        SubscriptionReactivated, SubscriptionRenewed, SubscriptionSuspended,
    },
    ids::CommandId,
    money::Currency,
    offer::{BillingFrequency, PriceComponent, PricePer, ProductFamily, ProrationRule},
};

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).unwrap().and_utc()
}

/// A license of 12 months at 31.00 USD a month by the `exact` rule, auto-renewing; tests change what they are about.
pub(crate) fn created(start: DateTime<Utc>, quantity: u32) -> SubscriptionCreated {
    let day = start.date_naive();
    SubscriptionCreated {
        customer_id: "contoso".to_owned().try_into().unwrap(),
        partner_id: "fabrikam".to_owned().try_into().unwrap(),
        subscription_id: "s-1".to_owned().try_into().unwrap(),
        order_id: "o-1".to_owned().try_into().unwrap(),
        offer_id: "offer".to_owned().try_into().unwrap(),
        offer_name: "Offer".to_owned(),
        product_family: ProductFamily::License,
        base_subscription_id: None,
        quantity,
        billing_frequency: Some(BillingFrequency::Monthly),
        term_months: 12,
        start: day,
        term_end: anniversary(day, 12),
        prices: vec![price("31.00", PricePer::Month)],
        currency: Currency::new("USD").unwrap(),
        price_list_id: "list".to_owned().try_into().unwrap(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        auto_renew: true,
        reseller_id: None,
        friendly_name: None,
        sku: None,
        trial_end: None,
        transferred_from_subscription_id: None,
        hold_days: 90,
        ordered_at: start,
        promotion: None,
        product_kind: None,
        authorization_code: None,
        reservation: None,
    }
}

pub(crate) fn price(unit: &str, per: PricePer) -> PriceComponent {
    PriceComponent { component: None, unit_price: unit.parse().unwrap(), per }
}

/// A line and the moment of the command behind it; none for what a day's end charged.
pub(crate) struct Line {
    pub(crate) charged: Charged,
    pub(crate) commanded_at: Option<DateTime<Utc>>,
}

pub(crate) struct Run {
    pub(crate) subscription: Subscription,
    pub(crate) lines: Vec<Line>,
    pub(crate) events: Vec<Event>,
    /// Prices of the terms to come.
    pub(crate) renewal_prices: Vec<PriceComponent>,
    /// Whether the cause's event comes before its charges.
    pub(crate) cause_first: bool,
    next_day: NaiveDate,
    commands: usize,
}

impl Run {
    pub(crate) fn purchase(created: SubscriptionCreated) -> Self {
        let subscription = Subscription::from(&created);
        let mut run = Self {
            renewal_prices: subscription.prices.clone(),
            next_day: subscription.start,
            subscription,
            lines: Vec::new(),
            events: Vec::new(),
            cause_first: true,
            commands: 0,
        };
        run.decide(created.ordered_at, true, charge::purchase);
        run
    }

    fn decide(&mut self, at: DateTime<Utc>, commanded: bool, charge: impl FnOnce(&Subscription, &mut Decision<'_>)) {
        self.commands += 1;
        let command_id = CommandId::new(format!("command-{}", self.commands)).unwrap();
        let context = Context { command_id, effective_at: at, recorded_at: at };
        let mut decision = Decision::new(&context, self.next_day.pred_opt());
        charge(&self.subscription, &mut decision);
        for event in decision.into_events() {
            self.apply(event, commanded.then_some(at));
        }
    }

    fn apply(&mut self, event: Event, commanded_at: Option<DateTime<Utc>>) {
        let s = &mut self.subscription;
        match &event {
            Event::QuantityChanged(e) => s.quantity = e.to,
            Event::SubscriptionSuspended(e) => {
                let (reason, since, expires_on) = (e.reason, e.effective_on, e.expires_on);
                s.standing = Standing::Suspended { reason, since, expires_on, term_ended: false };
            }
            Event::SubscriptionReactivated(_) => s.standing = Standing::Active,
            Event::SubscriptionCancelled(_) => s.standing = Standing::Cancelled,
            Event::SubscriptionExpired(_) => s.standing = Standing::Expired,
            Event::SubscriptionConverted(e) => {
                s.sku = Some(e.to_sku.clone());
                s.prices.clone_from(&e.prices);
            }
            Event::SubscriptionRenewed(e) => {
                (s.term_number, s.term_start, s.term_end) = (e.term_number, e.term_start, e.term_end);
                s.prices.clone_from(&e.prices);
            }
            Event::TrialConverted(e) => {
                s.standing = Standing::Active;
                (s.term_start, s.term_end) = (e.paid_from, e.term_end);
            }
            _ => {}
        }
        charge::evolve(s, &event);
        if let Event::Charged(charged) = &event {
            self.lines.push(Line { charged: charged.clone(), commanded_at });
        }
        self.events.push(event);
    }

    /// Ends every day before `day`.
    pub(crate) fn advance(&mut self, day: NaiveDate) {
        while self.next_day < day {
            let today = self.next_day;
            self.end_term(today);
            if charge::next_due(&self.subscription).is_some_and(|due| due <= today) {
                self.decide(midnight(today), false, |s, d| charge::day_end(s, today, d));
                let due = charge::next_due(&self.subscription);
                assert!(due.is_none_or(|due| due > today), "still due on {today}: {due:?}");
            }
            self.next_day = add_days(today, 1);
        }
    }

    fn end_term(&mut self, today: NaiveDate) {
        let s = &self.subscription;
        if s.term_end != today || s.standing == Standing::Trial {
            return;
        }
        if s.auto_renew && !matches!(s.standing, Standing::Expired | Standing::Cancelled) {
            let renewed = SubscriptionRenewed {
                customer_id: s.customer_id.clone(),
                subscription_id: s.subscription_id.clone(),
                term_number: s.term_number + 1,
                term_start: today,
                term_end: anniversary(today, s.term_months),
                prices: self.renewal_prices.clone(),
                price_list_id: s.price_list_id.clone(),
            };
            self.apply(renewed.into(), None);
        } else if s.standing == Standing::Active {
            let (customer_id, subscription_id) = (s.customer_id.clone(), s.subscription_id.clone());
            self.apply(SubscriptionExpired { customer_id, subscription_id, effective_on: today }.into(), None);
        }
    }

    fn command(&mut self, at: DateTime<Utc>, cause: Event, charge: impl FnOnce(&Subscription, &mut Decision<'_>)) {
        self.advance(at.date_naive());
        let first = self.cause_first;
        self.decide(at, true, |s, d| {
            if first {
                d.push(cause.clone());
            }
            charge(s, d);
            if !first {
                d.push(cause);
            }
        });
    }

    pub(crate) fn change_quantity(&mut self, at: DateTime<Utc>, to: u32) {
        let s = &self.subscription;
        let (customer_id, subscription_id) = (s.customer_id.clone(), s.subscription_id.clone());
        let effective_on = at.date_naive();
        let cause = QuantityChanged { customer_id, subscription_id, from: s.quantity, to, effective_on };
        self.command(at, cause.into(), |s, d| charge::change_quantity(s, to, d));
    }

    pub(crate) fn suspend(&mut self, at: DateTime<Utc>) {
        let s = &self.subscription;
        let (customer_id, subscription_id) = (s.customer_id.clone(), s.subscription_id.clone());
        let effective_on = at.date_naive();
        let (reason, expires_on) = (SuspensionReason::CustomerRequest, add_days(effective_on, s.hold_days));
        let cause = SubscriptionSuspended { customer_id, subscription_id, reason, effective_on, expires_on };
        self.command(at, cause.into(), charge::suspend);
    }

    pub(crate) fn reactivate(&mut self, at: DateTime<Utc>) {
        let s = &self.subscription;
        let (customer_id, subscription_id) = (s.customer_id.clone(), s.subscription_id.clone());
        let cause = SubscriptionReactivated { customer_id, subscription_id, effective_on: at.date_naive() };
        self.command(at, cause.into(), charge::reactivate);
    }

    pub(crate) fn cancel(&mut self, at: DateTime<Utc>) {
        let s = &self.subscription;
        let (customer_id, subscription_id) = (s.customer_id.clone(), s.subscription_id.clone());
        let cause = SubscriptionCancelled { customer_id, subscription_id, effective_on: at.date_naive() };
        self.command(at, cause.into(), |s, d| {
            assert!(charge::cancel_window_open(s, d), "the window is closed");
            charge::cancel(s, d);
        });
    }

    pub(crate) fn convert(&mut self, at: DateTime<Utc>, to_sku: &str, unit: &str) {
        let s = &self.subscription;
        let prices = vec![price(unit, s.prices[0].per)];
        let cause = SubscriptionConverted {
            customer_id: s.customer_id.clone(),
            subscription_id: s.subscription_id.clone(),
            from_sku: s.sku.clone(),
            to_sku: to_sku.to_owned(),
            prices: prices.clone(),
            offer_id: s.offer_id.clone(),
            offer_name: s.offer_name.clone(),
            effective_on: at.date_naive(),
        };
        self.command(at, cause.into(), |s, d| charge::convert(s, to_sku, &prices, d));
    }

    /// What a commented table shows of each line: created, first and last day, type, unit price, seats, amount.
    pub(crate) fn table(&self) -> Vec<String> {
        self.lines.iter().map(|line| row(&line.charged)).collect()
    }

    pub(crate) fn total(&self) -> Decimal {
        self.lines.iter().map(|line| line.charged.amount).sum()
    }
}

pub(crate) fn row(l: &Charged) -> String {
    let (on, start, last) = (l.charged_on, l.charge_start, l.charge_end.pred_opt().unwrap());
    let label = l.charge_type.label();
    format!("{on} | {start} {last} | {label} | {} x {} = {}", l.unit_price, l.quantity, l.amount)
}

/// The billing day of a month, clamped, on or after `day`.
pub(crate) fn invoice_date(day: NaiveDate, billing_day: u32) -> NaiveDate {
    let anchor = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + TimeDelta::days(i64::from(billing_day) - 1);
    let months = u32::try_from((day.year() - 2000) * 12).unwrap() + day.month0();
    let this_month = anniversary(anchor, months);
    if this_month >= day { this_month } else { anniversary(anchor, months + 1) }
}
