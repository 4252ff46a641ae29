//! Random histories of customers, and what was so at random moments of them: asked of a ledger, and of a replay of its log.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Days, NaiveDate, Utc};
use prost_types::Timestamp;
use serde_json::{Value, json};
use subledger_customer::{
    CustomerProjection, TransferState,
    query::{self, SubscriptionFilter, TransferFilter},
};
use subledger_fold::{Projection as _, Recorded, memory::Memory, page::PageRequest};
use subledger_incentive::{BaseFilter, IncentiveProjection, list_bases};
use subledger_log::{Body, Commit, Family, Position, codec, remote::opened};
use subledger_proto::{
    api::{
        GetCustomerRequest, ListCustomersRequest, ListIncentiveBasesRequest, ListSubscriptionsRequest,
        ListTransfersRequest, ListUsersRequest, ReadEventsRequest,
    },
    common::{self as pbc, AsOf},
};

use crate::{
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    random::Random,
};

/// Customers of a history.
pub const CUSTOMERS: [&str; 4] = ["fabrikam", "northwind", "tailspin", "wingtip"];
const SUBSCRIPTIONS: usize = 2;
/// The first day on which something takes effect.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2018, 1, 13).unwrap();
const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

/// Sends a random history; commands take effect on random days, so that some are recorded late and some refused.
pub async fn play(client: &Client, random: &mut Random, steps: usize) -> anyhow::Result<()> {
    for command in [partner("contoso"), partner("litware"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for id in CUSTOMERS {
        client.accepted(&on(customer(id, "contoso"), FIRST)).await?;
        client.accepted(&on(agreement(id, "2018-01-13"), FIRST)).await?;
        for n in 0..SUBSCRIPTIONS {
            client.accepted(&on(purchase(&format!("{id}-{n}"), id, "contoso", "e3", 10), FIRST)).await?;
        }
        for command in people(id) {
            client.accepted(&on(command, FIRST)).await?;
        }
    }
    let mut refused = 0;
    for step in 0..steps {
        let id = CUSTOMERS[random.index(CUSTOMERS.len())];
        // Later and later, but not in order.
        let day = FIRST + Days::new((step * 25 / steps) as u64 + random.below(4));
        refused += usize::from(client.submit(&on(command(random, step, id), day)).await.is_err());
    }
    ensure!(refused * 4 < steps * 3, "{refused} of {steps} commands were refused: the seed is {}", random.seed());
    Ok(())
}

/// Two users, and a transfer to a second partner that nobody has answered.
fn people(id: &str) -> Vec<Value> {
    let of = |partner: &str, mut fields: Value| {
        fields["customer_id"] = json!(id);
        fields["partner_id"] = json!(partner);
        fields
    };
    let user = |name: &str| {
        let email = format!("{name}@{id}.onmicrosoft.com");
        let fields = of("contoso", json!({ "user_id": name, "display_name": name, "email": email }));
        json!({ "command_id": format!("user-{id}-{name}"), "create_user": fields })
    };
    vec![
        user("ada"),
        user("bob"),
        json!({ "command_id": format!("ask-{id}"), "request_relationship": of("litware", json!({})) }),
        json!({ "command_id": format!("yes-{id}"), "accept_relationship": of("litware", json!({})) }),
        json!({ "command_id": format!("move-{id}"), "request_transfer": {
            "customer_id": id, "transfer_id": format!("move-{id}"), "source_partner_id": "contoso",
            "target_partner_id": "litware", "subscription_ids": [format!("sub-{id}-0")],
        }}),
    ]
}

fn on(mut command: Value, day: NaiveDate) -> Value {
    command["effective_at"] = json!(format!("{day}T10:00:00Z"));
    command
}

fn command(random: &mut Random, step: usize, id: &str) -> Value {
    let subscription = format!("sub-{id}-{}", random.index(SUBSCRIPTIONS));
    let names = ["Contoso", "Fabrikam", "Wide World"];
    let name = format!("{} {step}", names[random.index(names.len())]);
    let command_id = format!("step-{step}");
    match random.below(7) {
        0 => {
            change_quantity(&command_id, id, "contoso", &subscription, 1 + u32::try_from(random.below(40)).unwrap_or(0))
        }
        1 => json!({ "command_id": command_id, "set_auto_renew": {
            "customer_id": id, "partner_id": "contoso", "subscription_id": subscription, "auto_renew": random.below(2) == 0,
        }}),
        2 => json!({ "command_id": command_id, "update_customer": {
            "customer_id": id, "company_name": name,
        }}),
        3 | 4 => {
            let user = ["ada", "bob"][random.index(2)];
            let row = json!({ "user_id": user, "subscription_id": subscription, "assign": random.below(3) > 0 });
            json!({ "command_id": command_id, "change_licenses": {
                "customer_id": id, "partner_id": "contoso", "rows": [row],
            }})
        }
        5 if random.below(4) == 0 => json!({ "command_id": command_id, "withdraw_transfer": {
            "customer_id": id, "partner_id": "contoso", "transfer_id": format!("move-{id}"),
        }}),
        _ => json!({ "command_id": command_id, "update_customer": {
            "customer_id": id, "partner_id": "contoso", "bill_to_name": name,
        }}),
    }
}

/// The whole log, in the order in which it is read.
pub async fn log(client: &Client) -> anyhow::Result<Vec<Commit>> {
    let request = ReadEventsRequest { bytes_only: true, ..ReadEventsRequest::default() };
    let mut stream = client.audit.clone().read_events(request).await?.into_inner();
    let mut commits = Vec::new();
    while let Some(answer) = stream.message().await? {
        for record in answer.records {
            commits.push(codec::open_as(&record.stored, opened(&record))?);
        }
    }
    Ok(commits)
}

/// A moment on two axes.
#[derive(Clone, Debug)]
pub struct Moment {
    /// A day, or everything.
    pub effective: Option<NaiveDate>,
    /// What was recorded by this commit's time, or up to these commits.
    pub recorded: Known,
}

/// What was recorded.
#[derive(Clone, Debug)]
pub enum Known {
    /// Everything there is.
    All,
    /// By this time, at which a commit was.
    By(DateTime<Utc>),
    /// Up to these.
    Positions(Vec<Position>),
}

impl Moment {
    /// Everything there is.
    pub const NOW: Self = Self { effective: None, recorded: Known::All };

    /// A random one of a log.
    pub fn random(random: &mut Random, log: &[Commit]) -> Self {
        let effective = (random.below(3) > 0).then(|| FIRST - Days::new(2) + Days::new(random.below(30)));
        let recorded = match random.below(4) {
            0 => Known::All,
            1 => Known::By(log[random.index(log.len())].recorded_at),
            _ => {
                let partitions: std::collections::BTreeSet<_> = log.iter().map(Commit::partition).collect();
                let mut cut = |partition| {
                    let records = log.iter().filter(|commit| commit.partition() == partition).count();
                    Some(Position { partition, seq: random.index(records + 1).checked_sub(1)? as u64 })
                };
                Known::Positions(partitions.into_iter().filter_map(&mut cut).collect())
            }
        };
        Self { effective, recorded }
    }

    fn knows(&self, commit: &Commit) -> bool {
        match &self.recorded {
            Known::All => true,
            Known::By(last) => commit.recorded_at <= *last,
            Known::Positions(last) => {
                last.iter().any(|last| last.partition == commit.partition() && commit.position.seq <= last.seq)
            }
        }
    }

    /// The API's form.
    pub fn to_wire(&self) -> AsOf {
        let mut wire =
            AsOf { effective_on: self.effective.map(|day| day.to_string()).unwrap_or_default(), ..AsOf::default() };
        match &self.recorded {
            Known::All => {}
            Known::By(at) => {
                let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default();
                wire.recorded_at = Some(Timestamp { seconds: at.timestamp(), nanos });
            }
            Known::Positions(last) => wire.recorded_positions = last.iter().map(to_wire).collect(),
        }
        wire
    }
}

fn to_wire(position: &Position) -> pbc::Position {
    let family = match position.partition.family {
        Family::Catalog => pbc::Family::Catalog,
        Family::Partners => pbc::Family::Partners,
        Family::Customers => pbc::Family::Customers,
        Family::Access => pbc::Family::Access,
    };
    pbc::Position { family: family.into(), partition: position.partition.index.into(), seq: position.seq }
}

/// What a ledger answers about a moment.
pub async fn asked(
    client: &Client,
    moment: Option<&Moment>,
    min_position: &[pbc::Position],
) -> anyhow::Result<Vec<String>> {
    let as_of = moment.map(Moment::to_wire);
    let min_position = min_position.to_vec();
    let mut lines = Vec::new();
    for prefix in ["", "con"] {
        let request = ListCustomersRequest {
            partner_id: "contoso".into(),
            prefix: prefix.into(),
            as_of: as_of.clone(),
            min_position: min_position.clone(),
            ..ListCustomersRequest::default()
        };
        let page = client.customers.clone().list_customers(request).await?.into_inner();
        lines.extend(page.customers.iter().map(|c| {
            let names = (&c.company_name, &c.bill_to_name);
            format!("{prefix} {} {names:?} {} of {}", c.customer_id, c.version, c.subscription_count)
        }));
    }
    for state in ["", "active"] {
        let request = ListSubscriptionsRequest {
            partner_id: "contoso".into(),
            state: state.into(),
            as_of: as_of.clone(),
            min_position: min_position.clone(),
            ..ListSubscriptionsRequest::default()
        };
        let page = client.customers.clone().list_subscriptions(request).await?.into_inner();
        lines.extend(page.subscriptions.iter().map(|s| {
            format!(
                "{state} {}/{} {} seats {} renews {}",
                s.customer_id, s.subscription_id, s.state, s.quantity, s.auto_renew
            )
        }));
    }
    for id in CUSTOMERS {
        let request = ListUsersRequest {
            customer_id: id.into(),
            as_of: as_of.clone(),
            min_position: min_position.clone(),
            ..ListUsersRequest::default()
        };
        let page = client.customers.clone().list_users(request).await?.into_inner();
        lines.extend(page.users.iter().map(|u| format!("{id} {} {:?}", u.user_id, u.subscription_ids)));
    }
    for state in ["", "active"] {
        let request = ListTransfersRequest {
            partner_id: "litware".into(),
            state: state.into(),
            as_of: as_of.clone(),
            min_position: min_position.clone(),
            ..ListTransfersRequest::default()
        };
        let page = client.customers.clone().list_transfers(request).await?.into_inner();
        lines.extend(page.transfers.iter().map(|t| format!("{state} {} {}", t.transfer_id, t.state)));
    }
    for id in CUSTOMERS {
        let request =
            GetCustomerRequest { customer_id: id.into(), as_of: as_of.clone(), min_position: min_position.clone() };
        let found = client.customers.clone().get_customer(request).await;
        lines.push(
            found.map_or_else(|status| format!("{id} {:?}", status.code()), |c| c.get_ref().company_name.clone()),
        );
    }
    let request = ListIncentiveBasesRequest { as_of, min_position, ..ListIncentiveBasesRequest::default() };
    let page = client.incentives.clone().list_incentive_bases(request).await?.into_inner();
    lines.extend(page.bases.iter().map(|b| {
        format!("{} {} {} seats {} lines {}", b.partner_id, b.month, b.net_revenue, b.net_seats, b.charge_count)
    }));
    Ok(lines)
}

/// What a fold of nothing but what was known and in effect answers.
pub fn replayed(log: &[Commit], moment: &Moment) -> anyhow::Result<Vec<String>> {
    let (mut customers, mut incentives) = (Memory::default(), Memory::default());
    // A refusal changes nothing.
    let accepted = log.iter().filter(|commit| matches!(commit.body, Body::Accepted(_)));
    for commit in accepted.filter(|commit| moment.knows(commit)) {
        let day = commit.effective_at.date_naive();
        if moment.effective.is_none_or(|effective| day <= effective) {
            fold(commit, &mut customers, &mut incentives)?;
        }
    }
    let mut lines = Vec::new();
    for prefix in ["", "con"] {
        let page = query::list_customers(&customers, Some("contoso"), prefix, ALL)?;
        lines.extend(page.items.iter().map(|c| {
            let names = (&c.company_name, c.bill_to_name.clone().unwrap_or_default());
            format!("{prefix} {} {names:?} {} of {}", c.customer_id, c.version, c.subscription_count)
        }));
    }
    for state in ["", "active"] {
        let filter = SubscriptionFilter {
            partner_id: Some("contoso"),
            state: subledger_customer::SubscriptionState::from_label(state),
            ..SubscriptionFilter::default()
        };
        let page = query::list_subscriptions(&customers, filter, ALL)?;
        lines.extend(page.items.iter().map(|s| {
            let at = s.state.label();
            format!("{state} {}/{} {at} seats {} renews {}", s.customer_id, s.subscription_id, s.quantity, s.auto_renew)
        }));
    }
    for id in CUSTOMERS {
        let page = query::list_users(&customers, id, ALL)?;
        lines.extend(page.items.iter().map(|u| {
            let licenses: Vec<_> = u.licenses.iter().map(ToString::to_string).collect();
            format!("{id} {} {licenses:?}", u.user_id)
        }));
    }
    for state in ["", "active"] {
        let state_is = TransferState::from_label(state);
        let filter = TransferFilter { partner_id: Some("litware"), state: state_is, ..TransferFilter::default() };
        let page = query::list_transfers(&customers, filter, ALL)?;
        lines.extend(page.items.iter().map(|t| format!("{state} {} {}", t.transfer_id, t.state.label())));
    }
    for id in CUSTOMERS {
        let found = query::get_customer(&customers, id)?;
        lines.push(found.map_or_else(|| format!("{id} NotFound"), |customer| customer.company_name));
    }
    let page = list_bases(&incentives, &BaseFilter::default(), ALL)?;
    lines.extend(page.items.iter().map(|b| {
        format!("{} {} {} seats {} lines {}", b.partner_id, b.month, b.net_revenue, b.net_seats, b.charge_count)
    }));
    Ok(lines)
}

fn fold(commit: &Commit, customers: &mut Memory, incentives: &mut Memory) -> anyhow::Result<()> {
    let recorded = Recorded {
        position: commit.position,
        stream: &commit.stream,
        stream_version: commit.stream_version_before + u64::from(!commit.stream.is_empty()),
        command_id: &commit.command_id,
        effective_at: commit.effective_at,
        recorded_at: commit.recorded_at,
        principal: &commit.actor.principal,
        channel: &commit.actor.channel,
        outcome: Ok(commit.events()),
    };
    CustomerProjection.fold(&recorded, customers)?;
    Ok(IncentiveProjection.fold(&recorded, incentives)?)
}

/// Asks about random moments, of the ledger and of a replay, and compares. Gives how many answers there were.
pub async fn check(client: &Client, random: &mut Random, moments: usize) -> anyhow::Result<usize> {
    let log = log(client).await?;
    let mut last = std::collections::BTreeMap::new();
    for commit in &log {
        last.insert(commit.partition(), commit.position);
    }
    let reached: Vec<_> = last.values().map(to_wire).collect();
    let mut lines = 0;
    for _ in 0..moments {
        let moment = Moment::random(random, &log);
        let found = asked(client, Some(&moment), &reached).await?;
        let wanted = replayed(&log, &moment).with_context(|| format!("{moment:?}"))?;
        ensure!(found == wanted, "seed {}: {moment:?}:\n{found:#?}\nis not\n{wanted:#?}", random.seed());
        lines += found.len();
    }
    Ok(lines)
}
