//! Hand-made and random histories.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    charge::{AppliedPromotion, ChargeType, Charged, Derivation, InvoiceFamily},
    customer::{ScheduledChange, SuspensionReason},
    event::{
        FreeTrialConverted, QuantityChanged, ScheduledChangeApplied, SubscriptionCancelled, SubscriptionConverted,
        SubscriptionCreated, SubscriptionDeprovisioned, SubscriptionExpired, SubscriptionReactivated,
        SubscriptionSuspended, TrialConverted, TrialExpired, TrialStarted,
    },
    ids::{CustomerId, LineId, OfferId, OrderId, PartnerId, PriceListId, PromotionId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, ProductFamily, ProrationRule},
    position::{Family, PartitionId, Position},
    tax::{TaxRule, TaxTreatment},
};
use subledger_fold::{
    Projection, Recorded,
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
    page::PageRequest,
};
use subledger_incentive::{BaseFilter, IncentiveProjection, list_bases};

const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn customer(id: &str) -> CustomerId {
    CustomerId::new(id).unwrap()
}

fn subscription(id: &str) -> SubscriptionId {
    SubscriptionId::new(id).unwrap()
}

fn fold(rows: &mut Memory, events: &[Event]) -> Result<(), subledger_fold::StoreError> {
    fold_at(rows, position(0, 0), events)
}

fn position(partition: u16, seq: u64) -> Position {
    Position { partition: PartitionId::new(Family::Customers, partition), seq }
}

fn fold_at(rows: &mut Memory, position: Position, events: &[Event]) -> Result<(), subledger_fold::StoreError> {
    let at: DateTime<Utc> = day("2018-01-01").and_time(NaiveTime::MIN).and_utc();
    let recorded = Recorded {
        position,
        stream: "c",
        stream_version: 1,
        command_id: "x",
        effective_at: at,
        recorded_at: at,
        principal: "",
        channel: "",
        outcome: Ok(events),
    };
    IncentiveProjection.fold(&recorded, rows)
}

fn created(c: &str, s: &str, partner: &str, quantity: u32, start: &str, trial_end: Option<&str>) -> Event {
    SubscriptionCreated {
        customer_id: customer(c),
        partner_id: PartnerId::new(partner).unwrap(),
        subscription_id: subscription(s),
        order_id: OrderId::new("o").unwrap(),
        offer_id: OfferId::new("offer").unwrap(),
        offer_name: "Offer".to_owned(),
        product_family: ProductFamily::License,
        base_subscription_id: None,
        quantity,
        billing_frequency: Some(BillingFrequency::Monthly),
        term_months: 12,
        start: day(start),
        term_end: day(start) + chrono::Months::new(12),
        prices: Vec::new(),
        currency: Currency::new("USD").unwrap(),
        price_list_id: PriceListId::new("l").unwrap(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        auto_renew: true,
        reseller_id: None,
        friendly_name: None,
        sku: None,
        trial_end: trial_end.map(day),
        transferred_from_subscription_id: None,
        hold_days: 90,
        ordered_at: day(start).and_time(NaiveTime::MIN).and_utc(),
        promotion: None,
        product_kind: None,
        authorization_code: None,
        reservation: None,
    }
    .into()
}

fn quantity(c: &str, s: &str, from: u32, to: u32, on: &str) -> Event {
    let (customer_id, subscription_id) = (customer(c), subscription(s));
    QuantityChanged { customer_id, subscription_id, from, to, effective_on: day(on) }.into()
}

fn suspended(c: &str, s: &str, reason: SuspensionReason, on: &str) -> Event {
    let (customer_id, subscription_id, effective_on) = (customer(c), subscription(s), day(on));
    let expires_on = effective_on + chrono::Days::new(90);
    SubscriptionSuspended { customer_id, subscription_id, reason, effective_on, expires_on }.into()
}

fn deprovisioned(c: &str, s: &str, on: &str) -> Event {
    let (customer_id, subscription_id) = (customer(c), subscription(s));
    SubscriptionDeprovisioned { customer_id, subscription_id, effective_on: day(on) }.into()
}

fn charged(partner: &str, reseller: Option<&str>, code: &str, on: &str, amount: &str) -> Event {
    let cost: Decimal = amount.parse().unwrap();
    Charged {
        line_id: LineId::new("l").unwrap(),
        customer_id: customer("c"),
        partner_id: PartnerId::new(partner).unwrap(),
        subscription_id: subscription("s"),
        order_id: OrderId::new("o").unwrap(),
        offer_id: OfferId::new("offer").unwrap(),
        offer_name: "Offer".to_owned(),
        invoice_family: InvoiceFamily::LicenseUsage,
        charge_type: ChargeType::CycleFee,
        charge_start: day(on),
        charge_end: day(on) + chrono::Days::new(30),
        unit_price: cost,
        quantity: 1,
        amount: cost,
        currency: Currency::new(code).unwrap(),
        charged_on: day(on),
        component: None,
        sku: None,
        subscription_description: None,
        purchase_date: day(on),
        billing_frequency: Some(BillingFrequency::Monthly),
        reverses_line_id: None,
        derivation: Derivation { rule: ProrationRule::Exact, period_price: cost, period_days: 30, billed_days: 30 },
        reseller_id: reseller.map(|id| PartnerId::new(id).unwrap()),
        discount: None,
        tax: None,
        reference: None,
        usage: None,
    }
    .into()
}

/// All bases, in short.
fn bases(rows: &Memory, filter: &BaseFilter) -> Vec<String> {
    let items = list_bases(rows, filter, ALL).unwrap().items;
    let line = |b: subledger_incentive::IncentiveBase| {
        let reseller = b.reseller_id.map_or("-".to_owned(), String::from);
        format!(
            "{} {} {reseller} {} {} {} {} seats {} lines",
            b.partner_id, b.month, b.offer_id, b.net_revenue, b.currency, b.net_seats, b.charge_count
        )
    };
    items.into_iter().map(line).collect()
}

fn all(events: &[Event]) -> Vec<String> {
    let mut rows = Memory::default();
    fold(&mut rows, events).unwrap();
    bases(&rows, &BaseFilter::default())
}

#[test]
fn revenue_counts_in_the_month_charged() {
    let mut rows = Memory::default();
    let events = [
        charged("p1", None, "USD", "2018-01-31", "10.00"),
        charged("p1", None, "USD", "2018-01-01", "-2.50"),
        charged("p1", None, "USD", "2018-02-01", "4.00"),
        charged("p1", Some("r1"), "USD", "2018-01-15", "1.00"),
        charged("p1", None, "JPY", "2018-01-15", "100"),
        charged("p2", None, "USD", "2018-01-15", "7.00"),
    ];
    fold(&mut rows, &events).unwrap();
    assert_eq!(
        bases(&rows, &BaseFilter::default()),
        [
            "p1 2018-01 - offer 100 JPY 0 seats 1 lines",
            "p1 2018-01 - offer 7.50 USD 0 seats 2 lines",
            "p1 2018-01 r1 offer 1.00 USD 0 seats 1 lines",
            "p1 2018-02 - offer 4.00 USD 0 seats 1 lines",
            "p2 2018-01 - offer 7.00 USD 0 seats 1 lines",
        ]
    );
    let january = BaseFilter { month: "2018-01".parse().ok(), ..BaseFilter::default() };
    assert_eq!(bases(&rows, &january).len(), 4);
    let of_p1 =
        BaseFilter { partner_id: PartnerId::new("p1").ok(), month: "2018-02".parse().ok(), ..BaseFilter::default() };
    assert_eq!(bases(&rows, &of_p1), ["p1 2018-02 - offer 4.00 USD 0 seats 1 lines"]);
    let (mut count, mut token) = (0, String::new());
    loop {
        let page = list_bases(&rows, &january, PageRequest { size: 2, token: &token }).unwrap();
        count += page.items.len();
        let Some(next) = page.next else { break };
        token = next;
    }
    assert_eq!(count, 4);
}

#[test]
fn revenue_is_what_is_left_without_discount_and_included_tax() {
    let line = |treatment: Option<TaxTreatment>, percent: Option<i64>| {
        let Event::Charged(mut line) = charged("p1", None, "EUR", "2018-01-31", "200.00") else { unreachable!() };
        if let Some(percent) = percent {
            let promotion_id = PromotionId::new("spring").unwrap();
            let promotion = AppliedPromotion { promotion_id, percent: Decimal::from(percent), until: None };
            line.discount = Some(promotion.on(line.currency, line.amount));
        }
        let rule = |treatment| TaxRule { name: "VAT DE".to_owned(), treatment, rate_percent: Decimal::from(19) };
        line.tax = treatment.map(|treatment| rule(treatment).on(line.currency, line.subtotal()));
        Event::Charged(line)
    };
    let revenue = |event| all(&[event]).join("");
    let (on_top, inside) = (Some(TaxTreatment::Exclusive), Some(TaxTreatment::Inclusive));
    assert_eq!(revenue(line(None, None)), "p1 2018-01 - offer 200.00 EUR 0 seats 1 lines");
    assert_eq!(revenue(line(None, Some(10))), "p1 2018-01 - offer 180.00 EUR 0 seats 1 lines");
    // 34.20 on top of 180.00 is the tax office's.
    assert_eq!(revenue(line(on_top, Some(10))), "p1 2018-01 - offer 180.00 EUR 0 seats 1 lines");
    // 180.00 * 19 / 119 = 28.74 is inside.
    assert_eq!(revenue(line(inside, Some(10))), "p1 2018-01 - offer 151.26 EUR 0 seats 1 lines");
}

#[test]
fn seats_count_in_the_month_they_move() {
    let cancelled = SubscriptionCancelled {
        customer_id: customer("c"),
        subscription_id: subscription("s"),
        effective_on: day("2018-03-05"),
    };
    let events = [
        created("c", "s", "p1", 10, "2018-01-31", None),
        quantity("c", "s", 10, 15, "2018-02-01"),
        quantity("c", "s", 15, 12, "2018-02-28"),
        cancelled.into(),
    ];
    assert_eq!(
        all(&events),
        [
            "p1 2018-01 - offer 0.00 USD 10 seats 0 lines",
            "p1 2018-02 - offer 0.00 USD 2 seats 0 lines",
            "p1 2018-03 - offer 0.00 USD -12 seats 0 lines",
        ]
    );
}

fn free_trial(s: &str) -> Event {
    TrialStarted {
        customer_id: customer("c"),
        partner_id: PartnerId::new("p1").unwrap(),
        subscription_id: subscription(s),
        order_id: OrderId::new("o").unwrap(),
        offer_id: OfferId::new("trial").unwrap(),
        offer_name: "Trial".to_owned(),
        quantity: 25,
        start: day("2018-01-01"),
        ends_on: day("2018-01-31"),
        currency: Currency::new("USD").unwrap(),
        price_list_id: PriceListId::new("l").unwrap(),
        hold_days: 90,
        ordered_at: day("2018-01-01").and_time(NaiveTime::MIN).and_utc(),
        reseller_id: None,
    }
    .into()
}

/// A free trial has no effect until it is paid for (L14746), one that runs out none at all.
#[test]
fn a_free_trial_counts_once_it_is_paid_for() {
    let (customer_id, subscription_id) = (customer("c"), subscription("s"));
    let converted = FreeTrialConverted {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        offer_id: OfferId::new("offer").unwrap(),
        offer_name: "Offer".to_owned(),
        quantity: 30,
        billing_frequency: BillingFrequency::Monthly,
        term_months: 12,
        start: day("2018-01-20"),
        anchor: day("2018-02-01"),
        term_end: day("2019-02-01"),
        prices: Vec::new(),
        price_list_id: PriceListId::new("l").unwrap(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        auto_renew: true,
        promotion: None,
    };
    let renewed_with = ScheduledChangeApplied {
        customer_id: customer_id.clone(),
        subscription_id,
        change: ScheduledChange { quantity: Some(20), on: None },
        from: 32,
        effective_on: day("2019-02-01"),
    };
    let ran_out = TrialExpired { customer_id, subscription_id: subscription("u"), effective_on: day("2018-01-31") };
    let events = [
        free_trial("s"),
        free_trial("u"),
        converted.into(),
        ran_out.into(),
        quantity("c", "s", 30, 32, "2018-03-01"),
        renewed_with.into(),
        suspended("c", "s", SuspensionReason::Upgraded, "2019-03-01"),
    ];
    assert_eq!(
        all(&events),
        [
            "p1 2018-01 - offer 0.00 USD 30 seats 0 lines",
            "p1 2018-03 - offer 0.00 USD 2 seats 0 lines",
            "p1 2019-02 - offer 0.00 USD -12 seats 0 lines",
            "p1 2019-03 - offer 0.00 USD -20 seats 0 lines",
        ]
    );
}

#[test]
fn a_suspension_keeps_the_seats_and_its_end_gives_them_back_once() {
    let (customer_id, subscription_id) = (customer("c"), subscription("s"));
    let reactivated = SubscriptionReactivated { customer_id, subscription_id, effective_on: day("2018-02-10") };
    let events = [
        created("c", "s", "p1", 10, "2018-01-01", None),
        suspended("c", "s", SuspensionReason::NonPayment, "2018-02-01"),
        reactivated.into(),
        suspended("c", "s", SuspensionReason::Cancelled, "2018-03-01"),
        deprovisioned("c", "s", "2018-06-01"),
        deprovisioned("c", "s", "2018-06-02"),
    ];
    assert_eq!(
        all(&events),
        ["p1 2018-01 - offer 0.00 USD 10 seats 0 lines", "p1 2018-06 - offer 0.00 USD -10 seats 0 lines"]
    );
}

#[test]
fn a_transfer_moves_seats_at_once() {
    let events = [
        created("c", "s", "p1", 10, "2018-01-01", None),
        suspended("c", "s", SuspensionReason::Transferred, "2018-02-01"),
        created("c", "t", "p2", 10, "2018-02-01", None),
        deprovisioned("c", "s", "2018-05-02"),
    ];
    assert_eq!(
        all(&events),
        [
            "p1 2018-01 - offer 0.00 USD 10 seats 0 lines",
            "p1 2018-02 - offer 0.00 USD -10 seats 0 lines",
            "p2 2018-02 - offer 0.00 USD 10 seats 0 lines",
        ]
    );
}

#[test]
fn a_trial_counts_when_it_is_paid() {
    let expired = |s: &str| -> Event {
        let (customer_id, subscription_id) = (customer("c"), subscription(s));
        SubscriptionExpired { customer_id, subscription_id, effective_on: day("2018-02-01") }.into()
    };
    let paid = TrialConverted {
        customer_id: customer("c"),
        subscription_id: subscription("s"),
        paid_from: day("2018-02-01"),
        term_end: day("2019-02-01"),
    };
    let events = [
        created("c", "s", "p1", 10, "2018-01-01", Some("2018-02-01")),
        created("c", "t", "p1", 3, "2018-01-01", Some("2018-02-01")),
        quantity("c", "s", 10, 11, "2018-01-15"),
        paid.into(),
        expired("t"),
    ];
    assert_eq!(all(&events), ["p1 2018-02 - offer 0.00 USD 11 seats 0 lines"]);
}

#[test]
fn a_conversion_moves_seats_between_offers() {
    let converted = SubscriptionConverted {
        customer_id: customer("c"),
        subscription_id: subscription("s"),
        from_sku: None,
        to_sku: "big".to_owned(),
        prices: Vec::new(),
        offer_id: OfferId::new("offer-2").unwrap(),
        offer_name: "Offer 2".to_owned(),
        effective_on: day("2018-02-01"),
    };
    let events = [created("c", "s", "p1", 10, "2018-01-01", None), converted.into()];
    assert_eq!(
        all(&events),
        [
            "p1 2018-01 - offer 0.00 USD 10 seats 0 lines",
            "p1 2018-02 - offer 0.00 USD -10 seats 0 lines",
            "p1 2018-02 - offer-2 0.00 USD 10 seats 0 lines",
        ]
    );
}

#[test]
fn a_change_of_nothing_is_an_impossible_history() {
    assert!(fold(&mut Memory::default(), &[quantity("c", "s", 1, 2, "2018-01-01")]).is_err());
}

/// The events of one customer, who has one partition for itself: a subscription, changes, charges, perhaps an end.
fn history(index: usize) -> impl Strategy<Value = Vec<Event>> {
    story(index, false)
}

/// The same; if `sorted`, nothing takes effect before what is recorded earlier, as a ledger has it.
fn story(index: usize, sorted: bool) -> impl Strategy<Value = Vec<Event>> {
    let change = (1..50_u32, 1..28_u32, -9_999..9_999_i64);
    (1..50_u32, prop::collection::vec(change, 0..8), any::<bool>()).prop_map(move |(first, mut changes, ends)| {
        if sorted {
            changes.sort_by_key(|change| change.1);
        }
        let c = format!("c{index}");
        let partner = ["p1", "p2"][index % 2];
        let mut events = vec![created(&c, "s", partner, first, "2018-01-01", None)];
        let mut held = first;
        for (to, on, cents) in changes {
            let date = format!("2018-02-{on:02}");
            events.push(quantity(&c, "s", held, to, &date));
            let line_id = LineId::new(format!("l-{index}-{}", events.len())).unwrap();
            let line = charged(partner, None, "USD", &date, &Decimal::new(cents, 2).to_string());
            events.push(match line {
                Event::Charged(line) => Charged { line_id, ..line }.into(),
                other => other,
            });
            held = to;
        }
        if ends {
            events.push(deprovisioned(&c, "s", "2018-03-01"));
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_do_not_depend_on_the_interleaving(
        histories in (history(0), history(1), history(2)),
        picks in prop::collection::vec(0..3_usize, 80),
    ) {
        let histories = [histories.0, histories.1, histories.2];
        let mut in_turn = Memory::default();
        for (partition, events) in (0..).zip(&histories) {
            for (seq, event) in (0..).zip(events) {
                fold_at(&mut in_turn, position(partition, seq), std::slice::from_ref(event)).unwrap();
            }
        }
        let mut queues: BTreeMap<usize, VecDeque<Event>> =
            histories.iter().cloned().map(VecDeque::from).enumerate().collect();
        let (mut mixed, mut seqs) = (Memory::default(), [0_u64; 3]);
        for pick in picks.into_iter().chain((0..3).flat_map(|queue| std::iter::repeat_n(queue, 20))) {
            if let Some(event) = queues.get_mut(&pick).and_then(VecDeque::pop_front) {
                fold_at(&mut mixed, position(u16::try_from(pick).unwrap(), seqs[pick]), &[event]).unwrap();
                seqs[pick] += 1;
            }
        }
        prop_assert!(queues.values().all(VecDeque::is_empty));
        prop_assert!(mixed == in_turn, "other rows");

        // Seats over all months are the seats still held.
        let items = list_bases(&mixed, &BaseFilter::default(), ALL).unwrap().items;
        let held: i64 = histories.iter().map(|events| seats_held(events)).sum();
        prop_assert_eq!(items.iter().map(|base| base.net_seats).sum::<i64>(), held);
    }

    #[test]
    fn a_look_back_is_a_replay_of_what_was_known(
        histories in (story(0, true), story(1, true), story(2, true)),
        cuts in prop::array::uniform3(any::<prop::sample::Index>()),
        days in prop::option::of(0..75_u64),
    ) {
        let histories = [histories.0, histories.1, histories.2];
        let (mut all, mut then, mut last) = (Memory::default(), Memory::default(), Vec::new());
        let effective = days.map(|days| day("2017-12-30") + chrono::Days::new(days));
        for (partition, (events, cut)) in (0..).zip(histories.iter().zip(cuts)) {
            let cut = cut.index(events.len() + 1) as u64;
            if let Some(seq) = cut.checked_sub(1) {
                last.push(position(partition, seq));
            }
            for (seq, event) in (0..).zip(events) {
                let (at, event) = (position(partition, seq), std::slice::from_ref(event));
                fold_at(&mut all, at, event).unwrap();
                let on = match &event[0] {
                    Event::SubscriptionCreated(e) => e.start,
                    Event::QuantityChanged(e) => e.effective_on,
                    Event::SubscriptionDeprovisioned(e) => e.effective_on,
                    Event::Charged(e) => e.charged_on,
                    _ => unreachable!(),
                };
                if seq < cut && effective.is_none_or(|effective| on <= effective) {
                    fold_at(&mut then, at, event).unwrap();
                }
            }
        }
        let recorded = Some(RecordedBy::Positions(last));
        let horizon = Horizon::of(&all, &AsOf { effective, recorded }).unwrap();
        let found = bases(&all, &BaseFilter { horizon, ..BaseFilter::default() });
        prop_assert_eq!(found, bases(&then, &BaseFilter::default()));
    }
}

fn seats_held(events: &[Event]) -> i64 {
    events.iter().fold(0, |held, event| match event {
        Event::SubscriptionCreated(e) => i64::from(e.quantity),
        Event::QuantityChanged(e) => i64::from(e.to),
        Event::SubscriptionDeprovisioned(_) => 0,
        _ => held,
    })
}
