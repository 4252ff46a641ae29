//! Who sends commands: an operator and a few customers' portals, two clocks that close days, and what issues invoices. A command is sent
//! again and again until its outcome is known, sometimes also after.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use subledger_billing::DueInvoice;
use subledger_domain::{Command, Event, Reason};
use subledger_log::{
    Actor, Family, Layout, PartitionId,
    codec::{Envelope, Wire as _},
    sim::SplitMix64,
};
use subledger_proto::{api, common};
use subledger_writer::{CommandError, Outcome, Submission, stream_of};

use super::{ingress::is_uncertain, world::World};
use crate::commands;

/// Commands without an outcome that one world has at most.
const PENDING_MAX: usize = 12;
/// Outcomes kept to be asked for again.
const KNOWN_MAX: usize = 40;
/// How long somebody waits for an answer.
const PATIENCE: TimeDelta = TimeDelta::minutes(90);
/// Days a command goes back at most.
const LATE_DAYS_MAX: usize = 5;

/// On its way.
pub(super) enum Message {
    Request { partition: PartitionId, commands: Vec<(u64, Submission)> },
    Reply { ask: u64, answer: Result<Outcome, CommandError> },
}

/// Why a command is sent.
#[derive(Clone, Debug)]
enum Purpose {
    /// Nothing can go on before it is accepted.
    Setup,
    Work,
    /// Its id was used before for something else.
    Misuse,
    CloseDay {
        clock: usize,
    },
    Invoice {
        projector: usize,
    },
    /// It had an outcome before.
    Again(Box<Outcome>),
}

struct Pending {
    submission: Submission,
    partition: PartitionId,
    purpose: Purpose,
    send_at: DateTime<Utc>,
    by_topic: bool,
}

pub(super) struct Clients {
    setup: VecDeque<Value>,
    customers: Vec<(String, String)>,
    subscriptions: Vec<(String, String, String)>,
    pending: BTreeMap<u64, Pending>,
    known: VecDeque<(Submission, PartitionId, Outcome)>,
    /// Clocks that were told that they came too early.
    early: BTreeSet<usize>,
}

impl Clients {
    pub(super) fn new(random: &mut SplitMix64) -> Self {
        let mut setup = VecDeque::new();
        for (offer, price) in [("e3", "20.00"), ("e5", "1.71")] {
            setup.push_back(commands::offer(offer));
            setup.push_back(commands::price(offer, price));
        }
        let partners = 1 + random.below(3);
        for n in 0..partners {
            let mut partner = commands::partner(&format!("partner-{n}"));
            partner["register_partner"]["billing_day"] = (1 + random.below(31)).into();
            setup.push_back(partner);
        }
        let mut customers = Vec::new();
        for n in 0..=(1 + random.below(4)) {
            let (customer, partner) = (format!("customer-{n}"), format!("partner-{}", random.below(partners)));
            setup.push_back(commands::customer(&customer, &partner));
            setup.push_back(commands::agreement(&customer, "2018-01-13"));
            customers.push((customer, partner));
        }
        Self {
            setup,
            customers,
            subscriptions: Vec::new(),
            pending: BTreeMap::new(),
            known: VecDeque::new(),
            early: BTreeSet::new(),
        }
    }

    pub(super) fn partition_of(layout: Layout, submission: &Submission) -> PartitionId {
        stream_of(layout, &submission.envelope.command).map_or(PartitionId::CATALOG, |(_, partition)| partition)
    }

    pub(super) fn pending(&self) -> Vec<String> {
        self.pending.values().map(|pending| pending.submission.envelope.command_id.to_string()).collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.setup.is_empty()
    }

    fn id_pending(&self, id: &str, of: impl Fn(&Purpose) -> bool) -> bool {
        self.pending.values().any(|p| p.submission.envelope.command_id.as_str() == id && of(&p.purpose))
    }
}

fn actor(channel: &str) -> Actor {
    Actor { principal: "simulation".into(), channel: channel.into() }
}

impl World {
    /// Somebody thinks of something.
    pub(super) fn think(&mut self) {
        let setting_up = self.clients.pending.values().any(|pending| matches!(pending.purpose, Purpose::Setup));
        if setting_up {
            return;
        }
        if let Some(value) = self.clients.setup.pop_front() {
            match commands::command(&value) {
                Ok(command) => self.ask(command, Purpose::Setup, "grpc"),
                Err(error) => self.violated(format!("{error:#}")),
            }
            return;
        }
        if self.mended || self.clients.pending.len() >= PENDING_MAX {
            return;
        }
        match self.random.below(12) {
            0 if !self.clients.known.is_empty() => self.ask_again(),
            1 if !self.clients.known.is_empty() => self.misuse_an_id(),
            _ => {
                let body = self.work();
                let command = self.command(body);
                self.ask(command, Purpose::Work, "grpc");
            }
        }
    }

    fn work(&mut self) -> api::command::Body {
        use api::command::Body;
        let pick = self.random.below(10);
        let subscription = self.random.below(self.clients.subscriptions.len().max(1));
        let Some((customer_id, partner_id, subscription_id)) =
            self.clients.subscriptions.get(subscription).cloned().filter(|_| pick >= 2)
        else {
            return self.purchase();
        };
        match pick {
            2 => {
                let reason = common::SuspensionReason::CustomerRequest.into();
                Body::Suspend(api::Suspend { customer_id, partner_id, subscription_id, reason })
            }
            3 | 4 => Body::Reactivate(api::Reactivate { customer_id, partner_id, subscription_id }),
            _ => {
                let quantity = 1 + u32::try_from(self.random.below(30)).unwrap_or(0);
                Body::ChangeQuantity(api::ChangeQuantity { customer_id, partner_id, subscription_id, quantity })
            }
        }
    }

    fn purchase(&mut self) -> api::command::Body {
        let customer = self.random.below(self.clients.customers.len());
        let (customer_id, partner_id) = self.clients.customers[customer].clone();
        let number = self.number();
        let line = |n: usize, random: &mut SplitMix64| api::PurchaseLine {
            subscription_id: format!("sub-{number}-{n}"),
            offer_id: if random.chance(500) { "e3" } else { "e5" }.into(),
            quantity: 1 + u32::try_from(random.below(9)).unwrap_or(0),
            billing_frequency: common::BillingFrequency::Monthly.into(),
            ..api::PurchaseLine::default()
        };
        let count = 1 + self.random.below(2);
        let lines = (0..count).map(|n| line(n, &mut self.random)).collect();
        let order_id = format!("order-{number}");
        api::command::Body::Purchase(api::Purchase {
            location_mpn_id: String::new(),
            customer_id,
            partner_id,
            order_id,
            lines,
            by_customer: false,
        })
    }

    /// A command with an id of its own; some take effect in the past, some name the version they expect.
    fn command(&mut self, body: api::command::Body) -> api::Command {
        let late = self.profile.late;
        let effective_at = self.random.chance(late).then(|| {
            let at = self.now() - TimeDelta::days(i64::try_from(self.random.below(LATE_DAYS_MAX)).unwrap_or(0));
            prost_types::Timestamp { seconds: at.timestamp(), nanos: 0 }
        });
        let customer = match &body {
            api::command::Body::ChangeQuantity(change) => Some(change.customer_id.clone()),
            _ => None,
        };
        let expected_version = customer.filter(|_| self.random.chance(300)).map(|customer| {
            let version = self.oracle.version(Family::Customers, &customer);
            version.saturating_sub(self.random.below(2) as u64)
        });
        let command_id = format!("c-{}", self.number());
        api::Command { command_id, effective_at, expected_version, body: Some(body) }
    }

    fn ask_again(&mut self) {
        let place = self.random.below(self.clients.known.len());
        let (submission, partition, outcome) = self.clients.known[place].clone();
        self.pend(submission, partition, Purpose::Again(Box::new(outcome)));
    }

    /// The id of a known command, for something else.
    fn misuse_an_id(&mut self) {
        let place = self.random.below(self.clients.known.len());
        let (known, _, _) = self.clients.known[place].clone();
        let Command::ChangeQuantity(change) = &known.envelope.command else { return };
        let mut change = change.clone();
        change.quantity += 1;
        let envelope = Envelope { command: Command::ChangeQuantity(change), ..known.envelope.clone() };
        self.ask(envelope.to_wire(), Purpose::Misuse, "grpc");
    }

    fn ask(&mut self, command: api::Command, purpose: Purpose, channel: &str) {
        match Submission::new(command, actor(channel), None) {
            Ok(submission) => {
                let partition = Clients::partition_of(self.profile.layout, &submission);
                self.pend(submission, partition, purpose);
            }
            Err(error) => self.violated(format!("a client's own command is refused: {error}")),
        }
    }

    fn pend(&mut self, submission: Submission, partition: PartitionId, purpose: Purpose) {
        let by_topic = self.profile.by_topic;
        let pending =
            Pending { submission, partition, purpose, send_at: self.now(), by_topic: self.random.chance(by_topic) };
        let ask = self.number();
        self.note(format!(
            "{ask} asks {} of {partition}: {:?}",
            pending.submission.envelope.command_id, pending.purpose
        ));
        self.clients.pending.insert(ask, pending);
    }

    /// Sends what waits, or waited too long for an answer.
    pub(super) fn send(&mut self) {
        let now = self.now();
        let due = |pending: &Pending| pending.send_at <= now;
        let waiting: Vec<u64> = self.clients.pending.iter().filter(|(_, p)| due(p)).map(|(ask, _)| *ask).collect();
        if waiting.is_empty() {
            return;
        }
        let ask = waiting[self.random.below(waiting.len())];
        let Some(pending) = self.clients.pending.get_mut(&ask) else { return };
        pending.send_at = now + PATIENCE;
        let (partition, commands) = (pending.partition, vec![(ask, pending.submission.clone())]);
        if pending.by_topic { self.publish(partition, commands) } else { self.post(partition, commands) }
    }

    fn post(&mut self, partition: PartitionId, commands: Vec<(u64, Submission)>) {
        self.network.push(Message::Request { partition, commands });
    }

    fn publish(&mut self, partition: PartitionId, commands: Vec<(u64, Submission)>) {
        self.topic.partitions[usize::from(partition.index)].extend(commands);
    }

    /// A clock looks whether a day is over.
    pub(super) fn look_at_clock(&mut self, clock: usize) {
        let Some(date) = self.open_day(clock) else { return };
        let plain = format!("close-day:{date}");
        let command_id = if self.clients.early.remove(&clock) { format!("{plain}:{}", self.number()) } else { plain };
        let of_clock = |purpose: &Purpose| matches!(purpose, Purpose::CloseDay { clock: of } if *of == clock);
        if self.clients.pending.values().any(|pending| of_clock(&pending.purpose)) {
            return;
        }
        let body = Some(api::command::Body::CloseDay(api::CloseDay { date: date.to_string() }));
        self.ask(api::Command { command_id, body, ..api::Command::default() }, Purpose::CloseDay { clock }, "grpc");
    }

    /// The first open day, if it is over by the clock of a node, which may be wrong.
    pub(super) fn open_day(&self, clock: usize) -> Option<NaiveDate> {
        let node = &self.nodes[clock % self.nodes.len()];
        let now = subledger_writer::Clock::now(&*node.clock) - TimeDelta::minutes(5);
        let begin = NaiveDate::from_ymd_opt(2018, 1, 13)?;
        let open = match self.oracle.last_closed() {
            Some(closed) => closed.succ_opt()?,
            None => begin,
        };
        (self.clients.setup.is_empty() && open < now.date_naive()).then_some(open)
    }

    /// Sends the invoices of one partner, in their order.
    pub(super) fn issue(&mut self, projector: usize, due: &[DueInvoice]) {
        let of_projector =
            |purpose: &Purpose| matches!(purpose, Purpose::Invoice { projector: of } if *of == projector);
        let Some(first) = due.first() else { return };
        let partner = &first.command.partner_id;
        let batch: Vec<&DueInvoice> = due.iter().filter(|invoice| invoice.command.partner_id == *partner).collect();
        if batch.iter().any(|invoice| self.clients.id_pending(invoice.command_id.as_str(), of_projector)) {
            return;
        }
        let mut commands = Vec::new();
        for invoice in batch {
            let envelope = Envelope {
                command_id: invoice.command_id.clone(),
                effective_at: Some(invoice.effective_at),
                expected_version: None,
                command: Command::IssueInvoice(invoice.command.clone()),
            };
            let submission = match Submission::new(envelope.to_wire(), actor("projector"), None) {
                Ok(submission) => submission,
                Err(error) => return self.violated(format!("{}: {error}", invoice.command_id)),
            };
            let partition = Clients::partition_of(self.profile.layout, &submission);
            let by_topic = self.profile.by_topic == 1_000;
            let (ask, send_at) = (self.number(), self.now() + PATIENCE);
            self.note(format!("{ask} projector {projector} issues {}", invoice.command_id));
            let purpose = Purpose::Invoice { projector };
            let pending = Pending { submission: submission.clone(), partition, purpose, send_at, by_topic };
            self.clients.pending.insert(ask, pending);
            commands.push((ask, submission));
        }
        let partition = Clients::partition_of(self.profile.layout, &commands[0].1);
        if self.profile.by_topic == 1_000 { self.publish(partition, commands) } else { self.post(partition, commands) }
    }

    /// Whoever issues invoices looks again instead of insisting.
    pub(super) fn forget_invoices(&mut self) {
        let now = self.now();
        let gone = |p: &Pending| matches!(p.purpose, Purpose::Invoice { .. }) && p.send_at <= now;
        self.clients.pending.retain(|_, pending| !gone(pending));
    }

    /// An answer arrives.
    pub(super) fn answered(&mut self, ask: u64, answer: Result<Outcome, CommandError>) {
        // Somebody knows already, or does not care any more.
        let Some(pending) = self.clients.pending.get_mut(&ask) else { return };
        if is_uncertain(&answer) {
            pending.send_at -= PATIENCE / 2;
            return;
        }
        let Some(pending) = self.clients.pending.remove(&ask) else { return };
        let Pending { submission, partition, purpose, .. } = pending;
        self.counters.acknowledged += 1;
        self.read_log();
        let id = submission.envelope.command_id.clone();
        match answer {
            Ok(outcome) => {
                let what = outcome.result.as_ref().map_or_else(|refused| refused.reason.code(), |_| "accepted");
                self.note(format!("{ask} learns that {id} at {}: {what}", outcome.position));
                let found = self.oracle.acknowledged(&submission.bytes, &outcome);
                self.insist(found);
                self.learned(submission, partition, &purpose, outcome);
            }
            Err(CommandError::IdReused { position, .. }) => {
                self.note(format!("{ask} learns that {id} is used at {position}"));
                let other = self.oracle.recorded(partition, id.as_str());
                let right = other.is_some_and(|c| c.position == position && c.command != submission.bytes);
                if !right {
                    self.violated(format!("{id} is said to be used for something else at {position}, which is not so"));
                }
                // Whoever misused the id first may have been recorded first.
                let shared = id.as_str().starts_with("c-");
                if !shared && !matches!(purpose, Purpose::Misuse) {
                    self.violated(format!("{id} means one thing only, but is said to be used for another"));
                }
            }
            Err(error) => self.violated(format!("{id} cannot be recorded: {error}")),
        }
    }

    fn learned(&mut self, submission: Submission, partition: PartitionId, purpose: &Purpose, outcome: Outcome) {
        match (purpose, &outcome.result) {
            (Purpose::Setup | Purpose::Invoice { .. }, Err(refused)) => {
                self.violated(format!("{} must be accepted, but: {refused}", outcome.command_id));
            }
            (Purpose::CloseDay { clock }, Err(refused)) if refused.reason != Reason::DayAlreadyClosed => {
                self.clients.early.insert(*clock);
            }
            (Purpose::Again(first), _) => {
                let same = (&first.result, first.position, first.stream_version)
                    == (&outcome.result, outcome.position, outcome.stream_version);
                if !same || !outcome.duplicate {
                    self.violated(format!("{} had an outcome, and has another now", outcome.command_id));
                }
                return;
            }
            _ => {}
        }
        for event in outcome.result.iter().flatten() {
            if let Event::SubscriptionCreated(created) = event {
                let ids = (&created.customer_id, &created.partner_id, &created.subscription_id);
                let known = (ids.0.to_string(), ids.1.to_string(), ids.2.to_string());
                if !self.clients.subscriptions.contains(&known) {
                    self.clients.subscriptions.push(known);
                }
            }
        }
        self.clients.known.push_back((submission, partition, outcome));
        if self.clients.known.len() > KNOWN_MAX {
            self.clients.known.pop_front();
        }
    }
}
