//! A month of generated usage, decided by the domain and folded by both read models, against a program that knows nothing of how the
//! ledger computes: it walks through every minute of every day.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "a test"
)]

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_billing::{AccountFilter, BillingProjection, UsageFilter, list_balances, list_spending, list_usage};
use subledger_domain::{
    Command, Context, Event, Reference,
    charge::Charged,
    command::{self as c, Target},
    customer::{self, Customer},
    ids::{AssignmentId, AzureSubscriptionId, CommandId, CustomerId, MeterId, OfferId, PartnerId, SubscriptionId},
    money::Currency,
    offer::{Offer, OfferKind, OfferLimitScope, Product, ProductFamily, ProductKind, ProrationRule},
    partner,
    party::{Address, AgreementMode, Contact, PartnerKind},
    position::{Family, PartitionId, Position},
    usage::{AccessPath, AccessScope, ExchangeRate, Meter, MeterFamily, MeterPriceRow, UsageRecord},
};
use subledger_fold::{Projection, Recorded, memory::Memory, page::PageRequest};
use subledger_incentive::{
    CreditFilter, EarnedCredit, IncentiveProjection, list_earned_credit, list_earned_credit_totals,
};

const RESOURCES: [&str; 3] = ["vm-a", "vm-b", "vm-c"];
const GROUPS: [&str; 3] = ["g1", "g1", "g2"];
/// One price; three tiers, the first included.
const METERS: [&str; 2] = ["flat", "tiers"];
const TIERS: [(&str, &str); 3] = [("0", "0"), ("50", "0.031"), ("400", "0.0275")];
const FLAT: &str = "0.016875";
const RATE: &str = "0.913951469";
const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn october(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 10, day).unwrap()
}

fn minute(day: NaiveDate, minute: i64) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(minute)
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

macro_rules! id {
    ($type:ident, $text:expr) => {
        $type::new($text).unwrap()
    };
}

/// The ledger in the small: commands are decided, their events folded.
struct World {
    reference: Reference,
    customer: Option<Customer>,
    now: DateTime<Utc>,
    commands: u64,
    incentive: Memory,
    billing: Memory,
    lines: Vec<Charged>,
}

impl World {
    fn run(&mut self, command: &Command) -> Result<(), String> {
        self.commands += 1;
        let command_id = id!(CommandId, format!("c{}", self.commands));
        let context = Context { command_id, effective_at: self.now, recorded_at: self.now };
        let (family, events) = match command.target() {
            Target::Catalog => (Family::Catalog, self.reference.catalog.decide(command, &context)),
            Target::Partner(id) => {
                let state = self.reference.partners.get(id);
                (Family::Partners, partner::decide(state, &self.reference, command, &context))
            }
            _ => (Family::Customers, customer::decide(self.customer.as_ref(), &self.reference, command, &context)),
        };
        let events = events.map_err(|refused| format!("{command:?}: {refused}"))?;
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
            customer::evolve(&mut self.customer, event);
            if let Event::Charged(line) = event {
                self.lines.push(line.clone());
            }
        }
        let recorded = Recorded {
            position: Position { partition: PartitionId::new(family, 0), seq: self.commands },
            stream: "",
            stream_version: 0,
            command_id: "",
            effective_at: self.now,
            recorded_at: self.now,
            principal: "",
            channel: "",
            outcome: Ok(&events),
        };
        IncentiveProjection.fold(&recorded, &mut self.incentive).unwrap();
        BillingProjection.fold(&recorded, &mut self.billing).unwrap();
        Ok(())
    }

    fn ok(&mut self, command: Command) {
        self.run(&command).unwrap();
    }

    fn close(&mut self, date: NaiveDate) {
        self.now = minute(date.succ_opt().unwrap(), 0);
        self.ok(Command::CloseDay(c::CloseDay { date }));
        while self.customer.as_ref().unwrap().next_due().is_some_and(|due| due <= date) {
            let customer_id = id!(CustomerId, "contoso");
            self.ok(Command::RunDue(c::RunDue { customer_id, date }));
        }
    }
}

fn partner_of(id: &str, kind: PartnerKind) -> Command {
    Command::RegisterPartner(c::RegisterPartner {
        partner_id: id!(PartnerId, id),
        name: id.to_owned(),
        kind,
        country: "DE".to_owned(),
        currency: euro(),
        billing_day: 1,
        mpn_id: format!("mpn-{id}"),
    })
}

fn meter(id: &str) -> Meter {
    Meter {
        meter_id: id!(MeterId, id),
        product_id: String::new(),
        sku_id: String::new(),
        availability_id: String::new(),
        product_name: String::new(),
        sku_name: String::new(),
        publisher_name: String::new(),
        family: MeterFamily::Consumption,
        meter_type: String::new(),
        category: String::new(),
        sub_category: String::new(),
        name: String::new(),
        region: String::new(),
        unit: "1 Hour".to_owned(),
        tags: ["Azure".to_owned()].into(),
        no_credit_from: None,
    }
}

fn plan() -> Offer {
    Offer {
        offer_id: id!(OfferId, "azure-plan"),
        display_name: "Azure plan".to_owned(),
        product_family: ProductFamily::OneTimeRecurring,
        kind: OfferKind::Base,
        term_months: 0,
        billing_frequencies: std::collections::BTreeSet::new(),
        minimum_quantity: 1,
        maximum_quantity: Some(1),
        limit_scope: OfferLimitScope::None,
        limit: 0,
        prerequisite_offer_ids: std::collections::BTreeSet::new(),
        markets: std::collections::BTreeSet::new(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        end_of_sale: None,
        tax_scope: None,
        product: Some(Product { kind: Some(ProductKind::AzurePlan), ..Product::default() }),
    }
}

fn world() -> World {
    let mut world = World {
        reference: Reference::default(),
        customer: None,
        now: minute(october(1), 0),
        commands: 0,
        incentive: Memory::default(),
        billing: Memory::default(),
        lines: Vec::new(),
    };
    let contact = Contact {
        first_name: "Ada".to_owned(),
        last_name: "Berg".to_owned(),
        email: "ada@contoso.example".to_owned(),
        phone: String::new(),
    };
    let [country, line1, city] = ["DE", "Weg 1", "Ulm"].map(str::to_owned);
    let row = |meter: &str, tier: &str, price: &str| MeterPriceRow {
        meter_id: id!(MeterId, meter),
        valid_from: october(1),
        valid_to: None,
        tier_from: dec(tier),
        unit_price: dec(price),
    };
    let tiers = TIERS.map(|(from, price)| row("tiers", from, price));
    let (customer_id, partner_id) = (id!(CustomerId, "contoso"), id!(PartnerId, "provider"));
    for command in [
        partner_of("provider", PartnerKind::IndirectProvider),
        partner_of("reseller", PartnerKind::IndirectReseller),
        Command::PublishOffers(c::PublishOffers { offers: vec![plan()] }),
        Command::PublishMeters(c::PublishMeters { meters: METERS.map(meter).to_vec() }),
        Command::PublishMeterPrices(c::PublishMeterPrices {
            currency: Currency::DOLLAR,
            rows: [&[row("flat", "0", FLAT)][..], &tiers].concat(),
        }),
        Command::PublishExchangeRates(c::PublishExchangeRates {
            rates: vec![ExchangeRate { month: october(1), from: Currency::DOLLAR, to: euro(), rate: dec(RATE) }],
        }),
        Command::CreateCustomer(c::CreateCustomer {
            customer_id: customer_id.clone(),
            partner_id: partner_id.clone(),
            company_name: "Contoso".to_owned(),
            domain_prefix: "contoso".to_owned(),
            address: Address { country, line1, city, state: String::new(), postal_code: String::new() },
            contact: contact.clone(),
            reseller_id: Some(id!(PartnerId, "reseller")),
        }),
        Command::AcceptAgreement(c::AcceptAgreement {
            customer_id: customer_id.clone(),
            mode: AgreementMode::CustomerDirect,
            partner_id: None,
            signatory: contact,
            accepted_on: october(1),
            version: None,
            language: None,
        }),
        Command::Purchase(c::Purchase {
            location_mpn_id: None,
            customer_id: customer_id.clone(),
            partner_id: partner_id.clone(),
            order_id: None,
            by_customer: false,
            lines: vec![c::PurchaseLine {
                subscription_id: Some(id!(SubscriptionId, "plan")),
                offer_id: id!(OfferId, "azure-plan"),
                quantity: 1,
                billing_frequency: None,
                base_subscription_id: None,
                reseller_id: Some(id!(PartnerId, "reseller")),
                friendly_name: None,
                sku: None,
                free_trial_days: 0,
                auto_renew: None,
                azure_subscription_id: None,
                reservation_scope: None,
            }],
        }),
        Command::RegisterAzureSubscription(c::RegisterAzureSubscription {
            customer_id,
            partner_id,
            subscription_id: id!(SubscriptionId, "plan"),
            azure_subscription_id: id!(AzureSubscriptionId, "az"),
            name: "Production".to_owned(),
            created_at: minute(october(1), 0),
            owner_access: false,
        }),
    ] {
        world.ok(command);
    }
    world
}

/// A role of a partner at the subscription, a group or a resource, in minutes of the month.
#[derive(Clone, Debug)]
struct Role {
    partner: &'static str,
    scope: usize,
    from: i64,
    to: Option<i64>,
    /// The day on which the ledger hears of it.
    told_on: u32,
}

/// What was used of a meter by a resource in an hour; with what it was thought to be first.
#[derive(Clone, Debug)]
struct Use {
    resource: usize,
    meter: usize,
    day: u32,
    hour: u32,
    hundredths: u32,
    first: Option<u32>,
    late_by: u32,
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    let moment = prop_oneof![(0_i64..31).prop_map(|day| day * 1440), 0_i64..31 * 1440];
    let role = (0_usize..2, 0_usize..6, moment, prop::option::of(0_i64..20 * 1440), 1_u32..40);
    let role = role.prop_map(|(partner, scope, from, lasts, told_on)| {
        let to = lasts.map(|lasts| from + lasts);
        let known = to.unwrap_or(from) / 1440 + 2;
        let told_on = told_on.max(u32::try_from(known).unwrap());
        Role { partner: ["provider", "reseller"][partner], scope, from, to, told_on }
    });
    prop::collection::vec(role, 0..7)
}

fn uses() -> impl Strategy<Value = Vec<Use>> {
    let one = (0_usize..3, 0_usize..2, 1_u32..=31, 1_u32..=24, 0_u32..3_000, prop::option::weighted(0.1, 0_u32..3_000));
    let late = prop_oneof![9 => Just(0_u32), 1 => 0_u32..45];
    let one = (one, late).prop_map(|((resource, meter, day, hour, hundredths, first), late_by)| {
        let first = first.filter(|first| *first != hundredths);
        // All of it comes, and is corrected, while the days of October are open.
        let late_by = late_by.min(60 - day);
        Use { resource, meter, day, hour, hundredths, first, late_by }
    });
    prop::collection::vec(one, 1..160).prop_map(|mut all| {
        all.sort_by_key(|one| (one.resource, one.meter, one.day, one.hour));
        all.dedup_by_key(|one| (one.resource, one.meter, one.day, one.hour));
        all
    })
}

fn scope(number: usize) -> AccessScope {
    let azure_subscription_id = id!(AzureSubscriptionId, "az");
    let (group, uri) = match number {
        0 => (None, None),
        1 => (Some("g1"), None),
        2 => (Some("g2"), None),
        resource => (Some(GROUPS[resource - 3]), Some(RESOURCES[resource - 3])),
    };
    AccessScope {
        azure_subscription_id,
        resource_group: group.map(str::to_owned),
        resource_uri: uri.map(str::to_owned),
    }
}

fn record(of: &Use, hundredths: u32, replaces: Option<u32>) -> Command {
    let quantity = |hundredths: u32| Decimal::new(i64::from(hundredths), 2);
    Command::RecordUsage(c::RecordUsage {
        customer_id: id!(CustomerId, "contoso"),
        records: vec![UsageRecord {
            azure_subscription_id: id!(AzureSubscriptionId, "az"),
            resource_group: GROUPS[of.resource].to_owned(),
            resource_uri: RESOURCES[of.resource].to_owned(),
            meter_id: id!(MeterId, METERS[of.meter]),
            usage_date: october(of.day),
            hour: Some(of.hour),
            quantity: quantity(hundredths),
            unit: "1 Hour".to_owned(),
            replaces_quantity: replaces.map(quantity),
            resource_location: String::new(),
            consumed_service: String::new(),
            service_info1: String::new(),
            service_info2: String::new(),
            tags: String::new(),
            additional_info: String::new(),
        }],
    })
}

/// Lives through October and November, day by day.
fn live(roles: &[Role], uses: &[Use]) -> World {
    let mut world = world();
    for date in october(1).iter_days().take_while(|date| *date <= NaiveDate::from_ymd_opt(2019, 11, 30).unwrap()) {
        let number = u32::try_from((date - october(1)).num_days()).unwrap() + 1;
        world.now = minute(date, 1439);
        for (index, role) in roles.iter().enumerate().filter(|(_, role)| role.told_on == number) {
            let (customer_id, assignment_id) = (id!(CustomerId, "contoso"), id!(AssignmentId, format!("a{index}")));
            world.ok(Command::GrantAccess(c::GrantAccess {
                customer_id: customer_id.clone(),
                partner_id: id!(PartnerId, role.partner),
                assignment_id: assignment_id.clone(),
                principal_id: "admins".to_owned(),
                path: AccessPath::AdminOnBehalfOf,
                role: "Owner".to_owned(),
                scope: scope(role.scope),
                from: minute(october(1), role.from),
            }));
            if let Some(to) = role.to {
                let at = minute(october(1), to);
                world.ok(Command::RevokeAccess(c::RevokeAccess { customer_id, assignment_id, at }));
            }
        }
        for of in uses.iter().filter(|of| of.day + of.late_by == number) {
            world.ok(record(of, of.first.unwrap_or(of.hundredths), None));
        }
        for of in uses.iter().filter(|of| of.first.is_some() && (of.day + of.late_by + 3).min(61) == number) {
            world.ok(record(of, of.hundredths, of.first));
        }
        world.close(date);
    }
    world
}

/// Resource, meter, day: what it costs in dollars, and whether it earns.
type Naive = BTreeMap<(usize, usize, u32), (Vec<(Decimal, Decimal)>, bool)>;

/// Without any of the ledger's arithmetic: hundredths of units one by one through the tiers, and every minute of every day.
fn naively(roles: &[Role], uses: &[Use]) -> Naive {
    let mut days = Naive::new();
    for (meter, tiers) in [vec![("0", FLAT)], TIERS.to_vec()].into_iter().enumerate() {
        let mut before = 0_u32;
        for day in 1..=31 {
            for resource in 0..3 {
                let of = |one: &&Use| (one.resource, one.meter, one.day) == (resource, meter, day);
                if !uses.iter().any(|one| of(&one)) {
                    continue;
                }
                let hundredths: u32 = uses.iter().filter(of).map(|one| one.hundredths).sum();
                let mut prices: BTreeMap<Decimal, u32> = BTreeMap::new();
                for unit in before..before + hundredths {
                    let price = tiers.iter().rev().find(|(from, _)| Decimal::new(i64::from(unit), 2) >= dec(from));
                    *prices.entry(dec(price.unwrap().1)).or_default() += 1;
                }
                before += hundredths;
                let parts: Vec<_> =
                    prices.into_iter().map(|(price, units)| (price, Decimal::new(i64::from(units), 2))).collect();
                let costs = parts.iter().any(|(price, units)| !price.is_zero() && !units.is_zero());
                days.insert((resource, meter, day), (parts, costs && earns(roles, resource, day)));
            }
        }
    }
    days
}

fn earns(roles: &[Role], resource: usize, day: u32) -> bool {
    let reaches = |scope: usize| match scope {
        0 => true,
        1 => GROUPS[resource] == "g1",
        2 => GROUPS[resource] == "g2",
        one => one - 3 == resource,
    };
    ["provider", "reseller"].into_iter().any(|partner| {
        (i64::from(day - 1) * 1440..i64::from(day) * 1440).all(|minute| {
            let has = |role: &&Role| {
                role.partner == partner
                    && reaches(role.scope)
                    && role.from <= minute
                    && role.to.is_none_or(|to| minute < to)
            };
            roles.iter().find(has).is_some()
        })
    })
}

fn credits(world: &World) -> Vec<EarnedCredit> {
    list_earned_credit(&world.incentive, &CreditFilter::default(), ALL).unwrap().items
}

fn floor(amount: Decimal) -> Decimal {
    (amount * Decimal::ONE_HUNDRED).floor() / Decimal::ONE_HUNDRED
}

fn balance(world: &World, account: &str) -> Decimal {
    let balances = list_balances(&world.billing, &AccountFilter::default(), ALL).unwrap().items;
    let of = balances.iter().filter(|balance| balance.account.name() == account);
    of.map(|balance| balance.debits - balance.credits).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_month_comes_to_what_a_naive_program_says(roles in roles(), uses in uses()) {
        let world = live(&roles, &uses);
        let naive = naively(&roles, &uses);
        let (rate, share) = (dec(RATE), dec("0.15"));

        // Each day and resource earned what it should have.
        let found = credits(&world);
        prop_assert_eq!(found.len(), naive.len());
        let (mut earned, mut forgone) = (Decimal::ZERO, Decimal::ZERO);
        for credit in &found {
            let resource = RESOURCES.iter().position(|uri| *uri == credit.resource.resource_uri).unwrap();
            let meter = METERS.iter().position(|id| *id == credit.meter_id.as_str()).unwrap();
            let (parts, earns) = &naive[&(resource, meter, credit.usage_date.day())];
            let gross: Decimal = parts.iter().map(|(price, units)| price * units).sum::<Decimal>() * rate;
            prop_assert_eq!(credit.gross, gross, "{:?}", credit);
            let possible = gross * share;
            let (should, could) = if *earns { (possible, Decimal::ZERO) } else { (Decimal::ZERO, possible) };
            prop_assert_eq!((credit.earned, credit.forgone), (should, could), "{:?}", credit);
            prop_assert_eq!(credit.reason.code() == "EARNED", *earns, "{:?}", credit);
            (earned, forgone) = (earned + should, forgone + could);
        }
        let totals = list_earned_credit_totals(&world.incentive, &CreditFilter::default(), ALL).unwrap().items;
        prop_assert_eq!((totals[0].earned, totals[0].forgone), (earned, forgone));

        // The lines of October, early and late together, are each group rounded down once.
        let mut groups: BTreeMap<(usize, Decimal, bool), Decimal> = BTreeMap::new();
        for ((_, meter, _), (parts, earns)) in &naive {
            for (price, units) in parts {
                *groups.entry((*meter, *price, *earns)).or_default() += *units;
            }
        }
        let (mut net, mut credited) = (Decimal::ZERO, Decimal::ZERO);
        for ((_, price, earns), units) in &groups {
            let factor = if *earns { Decimal::ONE - share } else { Decimal::ONE };
            let line = floor(units * price * factor * rate);
            credited += floor(units * price * rate) - line;
            net += line;
        }
        prop_assert_eq!(world.lines.iter().map(|line| line.amount).sum::<Decimal>(), net);
        prop_assert_eq!(totals[0].charged, credited);

        // The daily rows are what the lines rest on: less than a cent more for each line.
        let rows = list_usage(&world.billing, &UsageFilter::default(), ALL).unwrap().items;
        let daily: Decimal = rows.iter().map(|row| row.amount).sum();
        let over = daily - net;
        let most = Decimal::new(i64::try_from(groups.len()).unwrap(), 2);
        prop_assert!(over >= Decimal::ZERO && over < most, "{} over {}", over, most);
        let spent: Decimal =
            list_spending(&world.billing, &UsageFilter::default(), ALL).unwrap().items.iter().map(|s| s.estimate).sum();
        let gross: Decimal = naive.values().flat_map(|(parts, _)| parts).map(|(price, units)| price * units * rate).sum();
        prop_assert_eq!(spent, euro().round(gross));

        // Entries balance, and say the same as the lines.
        prop_assert_eq!(balance(&world, "unbilled"), net);
        prop_assert_eq!(balance(&world, "earned_credit"), credited);
        prop_assert_eq!(balance(&world, "revenue") + balance(&world, "credits"), -(net + credited));
    }
}
