//! A story: what people do to one customer through the API, step by step, each with what comes of it.

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        Activity, Customer, GetCustomerRequest, GetSubscriptionRequest, GetTransferRequest, ListActivitiesRequest,
        ListChargesRequest, ListSubscriptionsRequest, ListUsersRequest, Outcome, Subscription, Transfer, User,
    },
    common::Position,
};

use crate::{
    client::Client,
    commands::{agreement, customer, offer, partner, price},
    process::Serve,
};

/// The customer of every story.
pub const CUSTOMER: &str = "fabrikam";

/// A running ledger with one customer, and the number of the next command.
pub struct Story {
    /// Its API.
    pub client: Client,
    /// Where it listens.
    pub address: String,
    _serve: Serve,
    steps: u32,
    last: Option<Position>,
}

impl Story {
    /// An empty ledger whose clock begins on that day.
    pub async fn begin(dir: &std::path::Path, first_day: &str) -> anyhow::Result<Self> {
        let start = format!("test_clock.start={first_day}");
        let serve = Serve::start(dir, &["--set", "test_clock.enabled=true", "--set", &start]).await?;
        let client = Client::connect(&serve.address).await?;
        let address = serve.address.clone();
        Ok(Self { client, address, _serve: serve, steps: 0, last: None })
    }

    /// With direct bill partner `contoso`, offer `e3` at 4 dollars a month, and `fabrikam`, which accepted its agreement.
    pub async fn of_a_customer(dir: &std::path::Path, first_day: &str) -> anyhow::Result<Self> {
        let mut story = Self::begin(dir, first_day).await?;
        story.partner("contoso", "DIRECT_BILL").await?;
        story.sells("e3", "4.00", |_| {}).await?;
        story.send(&customer(CUSTOMER, "contoso")).await?;
        story.send(&agreement(CUSTOMER, first_day)).await?;
        Ok(story)
    }

    /// A partner of a kind is registered.
    pub async fn partner(&mut self, id: &str, kind: &str) -> anyhow::Result<()> {
        let mut command = partner(id);
        command["register_partner"]["kind"] = json!(format!("PARTNER_KIND_{kind}"));
        self.send(&command).await.map(drop)
    }

    /// An offer, changed, is published with its price for a month.
    pub async fn sells(&mut self, id: &str, amount: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<()> {
        let (mut offer, mut price) = (offer(id), price(id, amount));
        let published = &mut offer["publish_offers"]["offers"][0];
        change(published);
        let name = published["display_name"].clone();
        price["publish_price_list"]["rows"][0]["offer_display_name"] = name;
        self.send(&offer).await?;
        self.send(&price).await.map(drop)
    }

    async fn send(&mut self, command: &Value) -> anyhow::Result<Outcome> {
        let outcome = self.client.accepted(command).await?;
        self.last = outcome.position.or(self.last.take());
        Ok(outcome)
    }

    fn step(&mut self, who: &str, what: &str, mut fields: Value) -> Value {
        self.steps += 1;
        fields["customer_id"] = json!(CUSTOMER);
        // The customer, support and publishers have no partner's id.
        if !who.is_empty() && fields.get("source_partner_id").is_none() {
            fields["partner_id"] = json!(who);
        }
        json!({ "command_id": format!("step-{}", self.steps), what: fields })
    }

    /// Somebody does something: the names of what happened, charges left out. `who` is a partner, or empty.
    pub async fn does(&mut self, who: &str, what: &str, fields: Value) -> anyhow::Result<Vec<String>> {
        let command = self.step(who, what, fields);
        let outcome = self.send(&command).await?;
        let mut names = Vec::new();
        for event in &outcome.events {
            let event = to_json("subledger.log.v1.Event", event)?;
            names.extend(event.as_object().context("an event is an object")?.keys().cloned());
        }
        names.retain(|name| name != "charged" && name != "period_started");
        Ok(names)
    }

    /// Somebody tries something that is refused: the reason.
    pub async fn may_not(&mut self, who: &str, what: &str, fields: Value) -> anyhow::Result<String> {
        let command = self.step(who, what, fields);
        self.client.refused(&command).await
    }

    /// The same command of a catalog, as it stands.
    pub async fn publishes(&mut self, what: &str, fields: &Value) -> anyhow::Result<()> {
        self.steps += 1;
        let command = json!({ "command_id": format!("step-{}", self.steps), what: fields });
        self.send(&command).await.map(drop)
    }

    /// Every day through that one is over.
    pub async fn days_pass_through(&self, date: &str) -> anyhow::Result<()> {
        self.client.advance(date).await
    }

    fn seen(&self) -> Vec<Position> {
        self.last.iter().copied().collect()
    }

    /// The customer's record.
    pub async fn customer(&self) -> anyhow::Result<Customer> {
        let request = GetCustomerRequest { customer_id: CUSTOMER.into(), min_position: self.seen(), as_of: None };
        Ok(self.client.customers.clone().get_customer(request).await?.into_inner())
    }

    /// One of its subscriptions.
    pub async fn subscription(&self, id: &str) -> anyhow::Result<Subscription> {
        let request = GetSubscriptionRequest {
            customer_id: CUSTOMER.into(),
            subscription_id: id.into(),
            min_position: self.seen(),
            as_of: None,
        };
        Ok(self.client.customers.clone().get_subscription(request).await?.into_inner())
    }

    /// Its subscriptions of a partner.
    pub async fn subscriptions(&self, partner: &str) -> anyhow::Result<Vec<Subscription>> {
        let request = ListSubscriptionsRequest {
            customer_id: CUSTOMER.into(),
            partner_id: partner.into(),
            min_position: self.seen(),
            ..ListSubscriptionsRequest::default()
        };
        Ok(self.client.customers.clone().list_subscriptions(request).await?.into_inner().subscriptions)
    }

    /// One of its transfers.
    pub async fn transfer(&self, id: &str) -> anyhow::Result<Transfer> {
        let request = GetTransferRequest {
            customer_id: CUSTOMER.into(),
            transfer_id: id.into(),
            min_position: self.seen(),
            as_of: None,
        };
        Ok(self.client.customers.clone().get_transfer(request).await?.into_inner())
    }

    /// Its users.
    pub async fn users(&self) -> anyhow::Result<Vec<User>> {
        let request =
            ListUsersRequest { customer_id: CUSTOMER.into(), min_position: self.seen(), ..ListUsersRequest::default() };
        Ok(self.client.customers.clone().list_users(request).await?.into_inner().users)
    }

    /// What concerns a partner, the newest first.
    pub async fn activities(&self, partner: &str) -> anyhow::Result<Vec<Activity>> {
        let request = ListActivitiesRequest {
            partner_id: partner.into(),
            min_position: self.seen(),
            ..ListActivitiesRequest::default()
        };
        Ok(self.client.customers.clone().list_activities(request).await?.into_inner().activities)
    }

    /// Type and amount of each charge of a subscription, in the order of the list.
    pub async fn charges(&self, subscription: &str) -> anyhow::Result<Vec<(String, String)>> {
        let request = ListChargesRequest {
            customer_id: CUSTOMER.into(),
            subscription_id: subscription.into(),
            min_position: self.seen(),
            ..ListChargesRequest::default()
        };
        let charges = self.client.billing.clone().list_charges(request).await?.into_inner().charges;
        Ok(charges.into_iter().map(|charge| (charge.charge_type, charge.amount)).collect())
    }
}
