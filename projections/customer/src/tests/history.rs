//! Events as the ledger would decide them, and commits as the runtime would hand them over.

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use subledger_domain::{
    Event, Rejection,
    customer::SuspensionReason,
    event::{
        CustomerCreated, OrderPlaced, QuantityChanged, RelationshipEstablished, RelationshipRemoved,
        SubscriptionCreated, SubscriptionSuspended, TransferLine,
    },
    ids::{CustomerId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId, TransferId},
    money::Currency,
    offer::{BillingFrequency, PriceComponent, PricePer, ProductFamily, ProrationRule},
    party::{Address, Contact, RelationshipOrigin},
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Changes, Projection as _, Recorded, StoreError, memory::Memory};

use crate::CustomerProjection;

pub(super) fn customer(id: &str) -> CustomerId {
    CustomerId::new(id).unwrap()
}

pub(super) fn partner(id: &str) -> PartnerId {
    PartnerId::new(id).unwrap()
}

pub(super) fn subscription(id: &str) -> SubscriptionId {
    SubscriptionId::new(id).unwrap()
}

pub(super) fn transfer(id: &str) -> TransferId {
    TransferId::new(id).unwrap()
}

pub(super) fn offer() -> OfferId {
    OfferId::new("offer-1").unwrap()
}

pub(super) fn order() -> OrderId {
    OrderId::new("o-1").unwrap()
}

/// A day of 2018.
pub(super) fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, month, day).unwrap()
}

/// A recorded commit that owns what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) partition: u16,
    pub(super) seq: u64,
    pub(super) stream: String,
    pub(super) version: u64,
    pub(super) outcome: Result<Vec<Event>, Rejection>,
}

fn at(seq: u64) -> DateTime<Utc> {
    let day = day(1, 1).checked_add_days(Days::new(seq)).unwrap();
    day.and_hms_opt(12, 0, 0).unwrap().and_utc()
}

impl Entry {
    pub(super) fn fold(&self, rows: &mut dyn Changes) -> Result<(), StoreError> {
        let partition = PartitionId::new(Family::Customers, self.partition);
        CustomerProjection.fold(
            &Recorded {
                position: Position { partition, seq: self.seq },
                stream: &self.stream,
                stream_version: self.version,
                command_id: &format!("cmd-{}-{}", self.partition, self.seq),
                effective_at: at(self.seq),
                recorded_at: at(self.seq + 1),
                principal: "alice",
                channel: "grpc",
                outcome: self.outcome.as_ref().map(Vec::as_slice),
            },
            rows,
        )
    }
}

/// A history of one partition being written, folded as it grows.
#[derive(Default)]
pub(super) struct History {
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Memory,
}

impl History {
    pub(super) fn commit(&mut self, stream: &str, outcome: Result<Vec<Event>, Rejection>) {
        self.try_commit(stream, outcome).unwrap();
    }

    pub(super) fn try_commit(
        &mut self,
        stream: &str,
        outcome: Result<Vec<Event>, Rejection>,
    ) -> Result<(), StoreError> {
        let before = self.entries.iter().filter(|entry| entry.stream == stream).count() as u64;
        let version = if stream.is_empty() { 0 } else { before + 1 };
        let entry = Entry { partition: 0, seq: self.entries.len() as u64, stream: stream.into(), version, outcome };
        entry.fold(&mut self.rows)?;
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn event(&mut self, stream: &str, event: impl Into<Event>) {
        self.commit(stream, Ok(vec![event.into()]));
    }

    /// A customer with an active relationship.
    pub(super) fn with_customer(mut self, id: &str, company: &str, by: &str) -> Self {
        self.commit(id, Ok(vec![created(id, company, by).into(), established(id, by).into()]));
        self
    }
}

pub(super) fn created(id: &str, company: &str, by: &str) -> CustomerCreated {
    let word = company.split(' ').next().unwrap_or_default().to_lowercase();
    CustomerCreated {
        customer_id: customer(id),
        partner_id: partner(by),
        company_name: company.into(),
        domain_name: format!("{word}.onmicrosoft.com"),
        address: Address {
            country: "US".into(),
            line1: "1 Main St".into(),
            city: "Redmond".into(),
            state: "WA".into(),
            postal_code: "98052".into(),
        },
        contact: Contact {
            first_name: "A".into(),
            last_name: "B".into(),
            email: "a@example.com".into(),
            phone: String::new(),
        },
    }
}

pub(super) fn established(id: &str, by: &str) -> RelationshipEstablished {
    RelationshipEstablished {
        customer_id: customer(id),
        partner_id: partner(by),
        delegated_admin: true,
        reseller_id: None,
        origin: RelationshipOrigin::Created,
    }
}

pub(super) fn removed(id: &str, by: &str) -> RelationshipRemoved {
    RelationshipRemoved { customer_id: customer(id), partner_id: partner(by) }
}

pub(super) fn bought(id: &str, by: &str, subscription_id: &str, quantity: u32) -> SubscriptionCreated {
    SubscriptionCreated {
        customer_id: customer(id),
        partner_id: partner(by),
        subscription_id: subscription(subscription_id),
        order_id: order(),
        offer_id: offer(),
        offer_name: "Office 365 E3".into(),
        product_family: ProductFamily::License,
        base_subscription_id: None,
        quantity,
        billing_frequency: Some(BillingFrequency::Monthly),
        term_months: 12,
        start: day(1, 15),
        term_end: NaiveDate::from_ymd_opt(2019, 1, 15).unwrap(),
        prices: vec![PriceComponent { component: None, unit_price: Decimal::new(16_005, 3), per: PricePer::Month }],
        currency: Currency::new("USD").unwrap(),
        price_list_id: PriceListId::new("2018-01-US").unwrap(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        auto_renew: true,
        reseller_id: None,
        friendly_name: None,
        sku: None,
        trial_end: None,
        transferred_from_subscription_id: None,
        hold_days: 90,
        ordered_at: at(0),
        promotion: None,
        product_kind: None,
        authorization_code: None,
        reservation: None,
    }
}

pub(super) fn purchase(id: &str, by: &str, subscription_id: &str, quantity: u32) -> Vec<Event> {
    let placed = OrderPlaced {
        customer_id: customer(id),
        partner_id: partner(by),
        order_id: order(),
        subscription_ids: vec![subscription(subscription_id)],
        by_customer: false,
        location_mpn_id: None,
    };
    vec![placed.into(), bought(id, by, subscription_id, quantity).into()]
}

pub(super) fn seats(id: &str, subscription_id: &str, from: u32, to: u32) -> QuantityChanged {
    QuantityChanged {
        customer_id: customer(id),
        subscription_id: subscription(subscription_id),
        from,
        to,
        effective_on: day(2, 1),
    }
}

pub(super) fn suspended(id: &str, subscription_id: &str, reason: SuspensionReason) -> SubscriptionSuspended {
    SubscriptionSuspended {
        customer_id: customer(id),
        subscription_id: subscription(subscription_id),
        reason,
        effective_on: day(3, 1),
        expires_on: day(5, 30),
    }
}

pub(super) fn line(subscription_id: &str, new: Option<&str>) -> TransferLine {
    TransferLine {
        subscription_id: subscription(subscription_id),
        offer_id: offer(),
        quantity: 5,
        base_subscription_id: None,
        new_subscription_id: new.map(subscription),
        azure_subscription_id: None,
        last_billed: None,
    }
}
