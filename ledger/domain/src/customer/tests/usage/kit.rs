//! A customer in Germany with an Azure plan of a provider, whose prices are in dollars.

use chrono::{DateTime, NaiveTime, Utc};
use rust_decimal::Decimal;

pub(super) use super::super::kit::*;
use crate::{
    Command, Event,
    charge::Charged,
    command::{
        PublishExchangeRates, PublishMeterPrices, PublishMeters, RecordNetworkAgreement, RegisterAzureSubscription,
    },
    event::UsageRated,
    ids::{AssignmentId, AzureSubscriptionId, MeterId},
    money::Currency,
    offer::ProductKind,
    usage::{AccessPath, AccessScope, ExchangeRate, Meter, MeterFamily, MeterPriceRow, RatedUsage, UsageRecord},
};

pub(super) fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn meter_id(id: &str) -> MeterId {
    MeterId::new(id).unwrap()
}

pub(in crate::customer::tests) fn azure(id: &str) -> AzureSubscriptionId {
    AzureSubscriptionId::new(id).unwrap()
}

pub(super) fn assignment(id: &str) -> AssignmentId {
    AssignmentId::new(id).unwrap()
}

/// An instant: a day's midnight, or as it stands.
pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|_| day(text).and_time(NaiveTime::MIN).and_utc())
}

pub(in crate::customer::tests) fn meter(id: &str) -> Meter {
    let text = |suffix: &str| format!("{id} {suffix}");
    Meter {
        meter_id: meter_id(id),
        product_id: text("product"),
        sku_id: text("sku"),
        availability_id: text("availability"),
        product_name: text("name"),
        sku_name: text("sku name"),
        publisher_name: "Microsoft".to_owned(),
        family: MeterFamily::Consumption,
        meter_type: "1 Hour".to_owned(),
        category: "Virtual Machines".to_owned(),
        sub_category: String::new(),
        name: text("meter"),
        region: "EU West".to_owned(),
        unit: "1 Hour".to_owned(),
        tags: ["Azure".to_owned()].into(),
        no_credit_from: None,
    }
}

pub(in crate::customer::tests) fn price(meter: &str, from: &str, tier_from: &str, unit_price: &str) -> MeterPriceRow {
    MeterPriceRow {
        meter_id: meter_id(meter),
        valid_from: day(from),
        valid_to: None,
        tier_from: dec(tier_from),
        unit_price: dec(unit_price),
    }
}

/// A whole day of resource `vm` in group `group`.
pub(in crate::customer::tests) fn record(meter: &str, resource: &str, date: &str, quantity: &str) -> UsageRecord {
    UsageRecord {
        azure_subscription_id: azure("az"),
        resource_group: "group".to_owned(),
        resource_uri: resource.to_owned(),
        meter_id: meter_id(meter),
        usage_date: day(date),
        hour: None,
        quantity: dec(quantity),
        unit: "1 Hour".to_owned(),
        replaces_quantity: None,
        resource_location: "westeurope".to_owned(),
        consumed_service: "Compute".to_owned(),
        service_info1: String::new(),
        service_info2: String::new(),
        tags: String::new(),
        additional_info: String::new(),
    }
}

pub(in crate::customer::tests) fn use_of(records: Vec<UsageRecord>) -> Command {
    command!(RecordUsage { records: records })
}

/// Meter `vm` at 0.02 dollars an hour, plan `plan` with Azure subscription `az` from 1 October 2019 on.
pub(super) fn world() -> World {
    let mut world = World::with_provider();
    world.give(product("plan", ProductKind::AzurePlan, 0));
    world.give(product("classic", ProductKind::AzureSubscription, 0));
    world.meters(vec![meter("vm")]);
    world.prices("USD", vec![price("vm", "2019-01-01", "0", "0.02")]);
    world.rate("2019-10-01", "0.913951469");
    world.rate("2019-11-01", "0.9");
    world.at("2019-10-01");
    for id in ["direct", "provider", "reseller"] {
        world.agreement(id, "2019-01-01", true);
    }
    world.ok(buy_from("provider", vec![with_reseller(endless("plan", "plan"))]));
    world.azure("az", "plan", "provider");
    world
}

fn with_reseller(line: crate::command::PurchaseLine) -> crate::command::PurchaseLine {
    crate::command::PurchaseLine { reseller_id: Some(partner("reseller")), ..line }
}

impl World {
    pub(in crate::customer::tests) fn meters(&mut self, meters: Vec<Meter>) {
        self.ok(Command::PublishMeters(PublishMeters { meters }));
    }

    pub(in crate::customer::tests) fn prices(&mut self, currency: &str, rows: Vec<MeterPriceRow>) {
        let currency = Currency::new(currency).unwrap();
        self.ok(Command::PublishMeterPrices(PublishMeterPrices { currency, rows }));
    }

    /// Dollars in euros.
    pub(super) fn rate(&mut self, month: &str, rate: &str) {
        let [from, to] = ["USD", "EUR"].map(|code| Currency::new(code).unwrap());
        let rates = vec![ExchangeRate { month: day(month), from, to, rate: dec(rate) }];
        self.ok(Command::PublishExchangeRates(PublishExchangeRates { rates }));
    }

    pub(super) fn agreement(&mut self, id: &str, from: &str, active: bool) {
        let fact = RecordNetworkAgreement { partner_id: partner(id), from: day(from), active };
        self.ok(Command::RecordNetworkAgreement(fact));
    }

    pub(super) fn azure(&mut self, id: &str, plan: &str, of: &str) {
        self.ok(Command::RegisterAzureSubscription(RegisterAzureSubscription {
            customer_id: customer_id(),
            partner_id: partner(of),
            subscription_id: sub(plan),
            azure_subscription_id: azure(id),
            name: id.to_owned(),
            created_at: self.at,
            owner_access: false,
        }));
    }

    /// Gives a partner the role of an owner of the whole subscription.
    pub(super) fn grant(&mut self, id: &str, to: &str, from: &str) {
        self.ok(granted(id, to, from, None, AccessPath::AdminOnBehalfOf, "Owner"));
    }

    pub(super) fn revoke(&mut self, id: &str, when: &str) {
        self.ok(command!(RevokeAccess { assignment_id: assignment(id), at: at(when) }));
    }

    /// The same use on each day of a span, each recorded on its day, which then ends.
    pub(super) fn use_daily(&mut self, meter: &str, resource: &str, from: &str, to: &str, quantity: &str) {
        for date in day(from).iter_days().take_while(|date| *date <= day(to)) {
            self.at(&format!("{date}T23:00:00Z"));
            self.ok(use_of(vec![record(meter, resource, &date.to_string(), quantity)]));
            self.end(&date.to_string());
        }
    }

    pub(super) fn rated(&self) -> impl Iterator<Item = &UsageRated> {
        self.journal.iter().filter_map(|event| match event {
            Event::UsageRated(rated) => Some(rated),
            _ => None,
        })
    }

    /// The last rating of a day of a resource.
    pub(super) fn rated_day(&self, resource: &str, date: &str) -> &RatedUsage {
        let rows = self.rated().flat_map(|rated| &rated.rows);
        let of = |row: &&RatedUsage| row.resource.resource_uri == resource && row.usage_date == day(date);
        rows.filter(of).last().unwrap()
    }

    /// Why a day of `vm1` earned, or did not.
    pub(super) fn why(&self, date: &str) -> &'static str {
        self.rated_day("vm1", date).reason.code()
    }

    /// Quantity, credit, gross less net and net of each line of usage.
    pub(super) fn usage_lines(&self) -> Vec<String> {
        let lines = self.lines().filter_map(|line| line.usage.as_ref().map(|usage| (line, usage)));
        lines
            .map(|(line, usage)| {
                format!("{} {} {} {}", usage.quantity, usage.credit_percent, usage.earned_credit, line.amount)
            })
            .collect()
    }

    pub(super) fn usage_charges(&self) -> Vec<&Charged> {
        self.lines().filter(|line| line.usage.is_some()).collect()
    }
}

pub(super) fn granted(
    id: &str,
    to: &str,
    from: &str,
    scope: Option<(&str, Option<&str>)>,
    path: AccessPath,
    role: &str,
) -> Command {
    command!(GrantAccess {
        partner_id: partner(to),
        assignment_id: assignment(id),
        principal_id: format!("user-of-{to}"),
        path: path,
        role: role.to_owned(),
        scope: AccessScope {
            azure_subscription_id: azure("az"),
            resource_group: scope.map(|(group, _)| group.to_owned()),
            resource_uri: scope.and_then(|(_, uri)| uri).map(str::to_owned),
        },
        from: at(from),
    })
}
