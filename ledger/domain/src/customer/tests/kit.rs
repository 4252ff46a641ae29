//! A small ledger in memory: partners, offers, one customer, a calendar driven by hand.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::{
    Command, Context, Event, Reason, Reference, Rejection,
    charge::Charged,
    command::{
        AcceptAgreement, AcceptRelationship, Cancel, ChangeQuantity, CloseDay, CreateCustomer, PublishOffers,
        PublishPriceList, Purchase, PurchaseLine, Reactivate, RegisterPartner, RequestRelationship, RunDue, Suspend,
        Target,
    },
    customer::{self, Customer, Standing, Subscription, SuspensionReason},
    ids::{CommandId, CustomerId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId, TransferId, UserId},
    money::Currency,
    offer::{
        BillingFrequency, Offer, OfferKind, OfferLimitScope, PricePer, PriceRow, Product, ProductFamily, ProductKind,
        ProrationRule,
    },
    partner,
    party::{Address, AgreementMode, Contact, PartnerKind},
};

/// A command about the customer.
macro_rules! command {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        crate::Command::$name(crate::command::$name { customer_id: customer_id(), $($field: $value),* })
    };
}
pub(super) use command;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn partner(id: &str) -> PartnerId {
    PartnerId::new(id).unwrap()
}

pub(super) fn sub(id: &str) -> SubscriptionId {
    SubscriptionId::new(id).unwrap()
}

pub(super) fn offer_id(id: &str) -> OfferId {
    OfferId::new(id).unwrap()
}

pub(super) fn order(id: &str) -> OrderId {
    OrderId::new(id).unwrap()
}

pub(super) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(super) fn transfer(id: &str) -> TransferId {
    TransferId::new(id).unwrap()
}

pub(super) fn customer_id() -> CustomerId {
    CustomerId::new("contoso").unwrap()
}

pub(super) fn contact() -> Contact {
    let [first_name, last_name, email] = ["Ada", "Berg", "ada@contoso.example"].map(str::to_owned);
    Contact { first_name, last_name, email, phone: String::new() }
}

pub(super) fn offer(id: &str) -> Offer {
    Offer {
        offer_id: offer_id(id),
        display_name: id.to_owned(),
        product_family: ProductFamily::License,
        kind: OfferKind::Base,
        term_months: 12,
        billing_frequencies: BTreeSet::from([BillingFrequency::Monthly, BillingFrequency::Annual]),
        minimum_quantity: 1,
        maximum_quantity: Some(300),
        limit_scope: OfferLimitScope::None,
        limit: 0,
        prerequisite_offer_ids: BTreeSet::new(),
        markets: BTreeSet::new(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        end_of_sale: None,
        tax_scope: None,
        product: None,
    }
}

pub(super) fn price_row(id: &str, price: u32, valid_from: &str) -> PriceRow {
    PriceRow {
        change_flag: "ADD".to_owned(),
        valid_from: day(valid_from),
        valid_to: None,
        offer_display_name: id.to_owned(),
        offer_id: offer_id(id),
        license_agreement_type: "corporate".to_owned(),
        purchase_unit: PricePer::Month,
        secondary_license_type: "non-specific".to_owned(),
        end_customer_type: "cloud reseller corporate".to_owned(),
        list_price: price.into(),
        erp_price: None,
        component: None,
    }
}

/// A product with rules of its own, billed up front.
pub(super) fn product(id: &str, kind: ProductKind, term_months: u32) -> Offer {
    let endless = kind.is_endless();
    Offer {
        product_family: match kind {
            ProductKind::AzureSubscription => ProductFamily::License,
            _ => ProductFamily::OneTimeRecurring,
        },
        term_months: if endless { 0 } else { term_months },
        billing_frequencies: (!endless).then_some(BillingFrequency::OneTime).into_iter().collect(),
        maximum_quantity: kind.is_free().then_some(1),
        product: Some(Product { kind: Some(kind), ..Product::default() }),
        ..offer(id)
    }
}

/// A line of a product that is billed up front, or not at all.
pub(super) fn up_front(id: &str, offer: &str) -> PurchaseLine {
    PurchaseLine { billing_frequency: Some(BillingFrequency::OneTime), ..line(id, offer, 1) }
}

/// A line of a product without an end.
pub(super) fn endless(id: &str, offer: &str) -> PurchaseLine {
    PurchaseLine { billing_frequency: None, ..line(id, offer, 1) }
}

/// A custom meter.
fn meter(id: &str) -> Offer {
    let billing_frequencies = BTreeSet::new();
    Offer { product_family: ProductFamily::MarketplaceSaas, billing_frequencies, ..offer(id) }
}

/// Every kind of offer the rules tell apart.
fn offers() -> Vec<Offer> {
    let add_on =
        Offer { kind: OfferKind::AddOn, prerequisite_offer_ids: BTreeSet::from([offer_id("e3")]), ..offer("phone") };
    let monthly_add_on = Offer { offer_id: offer_id("calls"), term_months: 1, ..add_on.clone() };
    let only = |frequency| BTreeSet::from([frequency]);
    vec![
        offer("e3"),
        offer("e1"),
        add_on,
        Offer { billing_frequencies: only(BillingFrequency::Monthly), ..monthly_add_on },
        Offer { product_family: ProductFamily::MarketplaceSaas, ..offer("saas") },
        meter("silver"),
        meter("bronze"),
        Offer { product_family: ProductFamily::OneTimeRecurring, ..offer("software") },
        Offer { term_months: 72, ..offer("a1") },
        Offer { kind: OfferKind::Trial, ..offer("trial") },
        Offer { limit_scope: OfferLimitScope::Concurrent, limit: 2, minimum_quantity: 5, ..offer("small") },
        Offer { limit_scope: OfferLimitScope::Lifetime, limit: 1, ..offer("once") },
        Offer { billing_frequencies: only(BillingFrequency::Annual), ..offer("yearly") },
        Offer { markets: BTreeSet::from(["DE".to_owned()]), ..offer("german") },
        Offer { end_of_sale: Some(day("2018-07-01")), ..offer("old") },
        Offer { maximum_quantity: None, ..offer("unpriced") },
    ]
}

pub(super) fn line(id: &str, offer: &str, quantity: u32) -> PurchaseLine {
    PurchaseLine {
        subscription_id: Some(sub(id)),
        offer_id: offer_id(offer),
        quantity,
        billing_frequency: Some(BillingFrequency::Monthly),
        base_subscription_id: None,
        reseller_id: None,
        friendly_name: None,
        sku: None,
        free_trial_days: 0,
        auto_renew: None,
        azure_subscription_id: None,
        reservation_scope: None,
    }
}

pub(super) fn add_on(id: &str, offer: &str, base: &str) -> PurchaseLine {
    PurchaseLine { base_subscription_id: Some(sub(base)), ..line(id, offer, 1) }
}

/// The ledger.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) reference: Reference,
    pub(super) customer: Option<Customer>,
    pub(super) at: DateTime<Utc>,
    /// Every event of the customer.
    pub(super) journal: Vec<Event>,
    commands: usize,
}

impl World {
    /// Partners and offers, no customer.
    pub(super) fn empty() -> Self {
        let at = day("2018-01-01").and_time(NaiveTime::MIN).and_utc();
        let (reference, customer) = (Reference::default(), None);
        let mut world = Self { reference, customer, at, journal: Vec::new(), commands: 0 };
        for (id, kind, country, currency, billing_day) in [
            ("direct", PartnerKind::DirectBill, "DE", "EUR", 15),
            ("provider", PartnerKind::IndirectProvider, "AT", "EUR", 1),
            ("reseller", PartnerKind::IndirectReseller, "DE", "EUR", 1),
            ("american", PartnerKind::DirectBill, "US", "USD", 1),
        ] {
            world.ok(Command::RegisterPartner(RegisterPartner {
                partner_id: partner(id),
                name: id.to_owned(),
                kind,
                country: country.to_owned(),
                currency: Currency::new(currency).unwrap(),
                billing_day,
                mpn_id: String::new(),
            }));
        }
        let offers = offers();
        let priced = offers.iter().filter(|offer| offer.offer_id.as_str() != "unpriced");
        let rows = priced.map(|offer| price_row(offer.offer_id.as_str(), 4, "2000-01-01")).collect();
        world.ok(Command::PublishOffers(PublishOffers { offers }));
        let currency = Currency::new("EUR").unwrap();
        let price_list_id = PriceListId::new("list").unwrap();
        world.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows }));
        world
    }

    /// The customer of `direct`, its agreement accepted by itself.
    pub(super) fn new() -> Self {
        let mut world = Self::empty();
        world.ok(Command::CreateCustomer(create()));
        world.ok(Command::AcceptAgreement(AcceptAgreement {
            customer_id: customer_id(),
            mode: AgreementMode::CustomerDirect,
            partner_id: None,
            signatory: contact(),
            accepted_on: day("2018-01-01"),
            version: None,
            language: None,
        }));
        world
    }

    /// With a second relationship, to `provider`.
    pub(super) fn with_provider() -> Self {
        let mut world = Self::new();
        world.relate("provider");
        world
    }

    pub(super) fn relate(&mut self, id: &str) {
        self.ok(Command::RequestRelationship(RequestRelationship {
            customer_id: customer_id(),
            partner_id: partner(id),
            delegated_admin: false,
            reseller_id: None,
            expires_after_days: None,
        }));
        let (customer_id, partner_id) = (customer_id(), partner(id));
        self.ok(Command::AcceptRelationship(AcceptRelationship { customer_id, partner_id }));
    }

    /// The time is now a day's midnight, or an instant.
    pub(super) fn at(&mut self, text: &str) -> &mut Self {
        self.at = match text.parse::<DateTime<Utc>>() {
            Ok(at) => at,
            Err(_) => day(text).and_time(NaiveTime::MIN).and_utc(),
        };
        self
    }

    pub(super) fn decide(&self, command: &Command, recorded_at: DateTime<Utc>) -> Result<Vec<Event>, Rejection> {
        let command_id = CommandId::new(format!("c{}", self.commands)).unwrap();
        let context = Context { command_id, effective_at: self.at, recorded_at };
        match command.target() {
            Target::Catalog => self.reference.catalog.decide(command, &context),
            Target::Partner(id) => partner::decide(self.reference.partners.get(id), &self.reference, command, &context),
            Target::Customer(_) => customer::decide(self.customer.as_ref(), &self.reference, command, &context),
            Target::CustomersPartition | Target::Access => unreachable!("the writer's"),
        }
    }

    pub(super) fn run(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        self.commands += 1;
        let events = self.decide(command, self.at)?;
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
            customer::evolve(&mut self.customer, event);
        }
        if matches!(command.target(), Target::Customer(_)) {
            self.journal.extend(events.clone());
        }
        Ok(events)
    }

    /// The names of the events of an accepted command, charges left out.
    #[allow(clippy::needless_pass_by_value, reason = "a test writes the command where it is sent")]
    pub(super) fn ok(&mut self, command: Command) -> Vec<&'static str> {
        let events = self.run(&command).unwrap_or_else(|refused| panic!("{command:?}: {refused}"));
        let charges = |event: &&Event| matches!(event, Event::Charged(_) | Event::PeriodStarted(_));
        events.iter().filter(|event| !charges(event)).map(Event::name).collect()
    }

    pub(super) fn refused(&mut self, command: Command) -> Reason {
        self.refusal(command).reason
    }

    #[allow(clippy::needless_pass_by_value, reason = "a test writes the command where it is sent")]
    pub(super) fn refusal(&mut self, command: Command) -> Rejection {
        match self.run(&command) {
            Ok(events) => panic!("accepted: {events:?}"),
            Err(rejection) => rejection,
        }
    }

    /// Publishes offers under these names and for these prices in euro, a license each.
    pub(super) fn publish(&mut self, offers: Vec<Offer>, price: u32) {
        let rows = offers.iter().map(|offer| price_row(offer.offer_id.as_str(), price, "2000-01-01")).collect();
        self.ok(Command::PublishOffers(PublishOffers { offers }));
        let (price_list_id, currency) = (PriceListId::new("more").unwrap(), Currency::new("EUR").unwrap());
        self.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows }));
    }

    /// Ends every day up to that one, and moves to the next. Days before the first closed one are ended without a mark.
    pub(super) fn end(&mut self, until: &str) {
        let until = day(until);
        let mut date =
            self.reference.catalog.last_closed().map_or(self.at.date_naive(), |last| last.succ_opt().unwrap());
        while date <= until {
            self.at = (date.and_time(NaiveTime::MIN) + TimeDelta::days(1)).and_utc();
            self.ok(Command::CloseDay(CloseDay { date }));
            while self.customer().next_due().is_some_and(|due| due <= date) {
                self.ok(Command::RunDue(RunDue { customer_id: customer_id(), date }));
            }
            date = date.succ_opt().unwrap();
        }
    }

    /// The sum of all charges.
    pub(super) fn charged(&self) -> Decimal {
        self.lines().map(|line| line.amount).sum()
    }

    /// Type, first day and amount of each charge.
    pub(super) fn charges(&self) -> Vec<String> {
        self.lines()
            .map(|l| format!("{} {} {} {}", l.charge_type.label(), l.charge_start, l.charge_end, l.amount))
            .collect()
    }

    /// The day of each charge.
    pub(super) fn charge_days(&self) -> Vec<NaiveDate> {
        self.lines().map(|line| line.charged_on).collect()
    }

    /// Sells an offer from long ago on, at a price in euros.
    pub(super) fn sell(&mut self, offer: Offer, price: &str, per: PricePer) {
        let row = PriceRow {
            purchase_unit: per,
            list_price: price.parse().unwrap(),
            ..price_row(offer.offer_id.as_str(), 0, "2000-01-01")
        };
        self.ok(Command::PublishOffers(PublishOffers { offers: vec![offer] }));
        let (price_list_id, currency) = (PriceListId::new("more").unwrap(), Currency::new("EUR").unwrap());
        self.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows: vec![row] }));
    }

    /// Sells an offer that has no price.
    pub(super) fn give(&mut self, offer: Offer) {
        self.ok(Command::PublishOffers(PublishOffers { offers: vec![offer] }));
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Charged> {
        self.journal.iter().filter_map(|event| match event {
            Event::Charged(line) => Some(line),
            _ => None,
        })
    }

    pub(super) fn customer(&self) -> &Customer {
        self.customer.as_ref().unwrap()
    }

    pub(super) fn sub(&self, id: &str) -> &Subscription {
        self.customer().subscription(&sub(id)).unwrap()
    }

    pub(super) fn standing(&self, id: &str) -> Standing {
        self.sub(id).standing
    }

    pub(super) fn expires_on(&self, id: &str) -> NaiveDate {
        match self.standing(id) {
            Standing::Suspended { expires_on, .. } => expires_on,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn create() -> CreateCustomer {
    let [country, line1, city] = ["DE", "Weg 1", "Ulm"].map(str::to_owned);
    CreateCustomer {
        customer_id: customer_id(),
        partner_id: partner("direct"),
        company_name: "Contoso GmbH".to_owned(),
        domain_prefix: "contoso".to_owned(),
        address: Address { country, line1, city, state: String::new(), postal_code: String::new() },
        contact: contact(),
        reseller_id: None,
    }
}

pub(super) fn buy(lines: Vec<PurchaseLine>) -> Command {
    buy_from("direct", lines)
}

pub(super) fn buy_from(id: &str, lines: Vec<PurchaseLine>) -> Command {
    Command::Purchase(Purchase {
        location_mpn_id: None,
        customer_id: customer_id(),
        partner_id: partner(id),
        order_id: None,
        lines,
        by_customer: false,
    })
}

pub(super) fn seats(id: &str, quantity: u32) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::ChangeQuantity(ChangeQuantity { customer_id, partner_id, subscription_id, quantity })
}

pub(super) fn suspend(id: &str) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::Suspend(Suspend { customer_id, partner_id, subscription_id, reason: SuspensionReason::CustomerRequest })
}

pub(super) fn reactivate(id: &str) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::Reactivate(Reactivate { customer_id, partner_id, subscription_id })
}

pub(super) fn cancel(id: &str) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::Cancel(Cancel {
        customer_id,
        partner_id,
        subscription_id,
        reservation_used: None,
        accept_capped_refund: false,
    })
}
