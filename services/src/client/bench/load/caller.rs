//! Callers: each sends its next call when the one before it is answered.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use prost_types::Timestamp;
use subledger_log::remote::Calls;
use subledger_proto::{
    api::{
        ChangeQuantity, Command, GetSubscriptionRequest, ListSubscriptionsRequest, Outcome, SubmitRequest,
        SubmitStreamRequest, command::Body, command_service_client::CommandServiceClient,
        customer_service_client::CustomerServiceClient,
    },
    common::AsOf,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{
    mix::{Customers, Kind, Mix},
    tally::Tally,
};
use crate::client::{bench::world::World, connect::Connection, failure::code_name, generate::Random};

/// Subscriptions of one page.
const PAGE: i32 = 50;
/// Seats go round through so many numbers: hardly ever does a command ask for what an earlier run left.
const SEATS: u32 = 1_000_003;
/// How long to wait after a call that did not reach a ledger.
const PAUSE: Duration = Duration::from_millis(50);

/// What all callers share.
pub(super) struct Plan {
    pub(super) world: World,
    pub(super) mix: Mix,
    pub(super) customers: Customers,
    /// Begins the ids of this run's commands.
    pub(super) run: String,
    /// Reads of the past ask for what was recorded by then.
    pub(super) as_of: Timestamp,
    /// The seats asked for last, of each named subscription.
    pub(super) seats: Vec<AtomicU32>,
}

/// One caller.
pub(super) struct Caller {
    plan: Arc<Plan>,
    random: Random,
    number: usize,
    sent: u64,
    tally: Tally,
    commands: CommandServiceClient<Calls>,
    customers: CustomerServiceClient<Calls>,
}

impl Caller {
    /// The caller of that number.
    pub(super) fn new(plan: Arc<Plan>, connection: &Connection, number: usize, seed: u64, tally: Tally) -> Self {
        let random = Random::new(seed);
        let (commands, customers) = (connection.commands(), connection.customers());
        Self { plan, random, number, sent: 0, tally, commands, customers }
    }

    /// One call after the other.
    pub(super) async fn one_by_one(mut self) -> Tally {
        while !self.tally.is_over() {
            let kind = self.plan.mix.pick(&mut self.random);
            let customer = self.plan.customers.pick(&mut self.random);
            let began = Instant::now();
            let answer = match kind {
                Kind::Purchase | Kind::Seats => {
                    let command = Some(self.command(kind, customer));
                    self.commands.submit(SubmitRequest { command, ..SubmitRequest::default() }).await.map(drop)
                }
                Kind::Get => {
                    let request = self.subscription(customer, None);
                    self.customers.get_subscription(request).await.map(drop)
                }
                Kind::AsOf => {
                    let as_of = AsOf { recorded_at: Some(self.plan.as_of), ..AsOf::default() };
                    let request = self.subscription(customer, Some(as_of));
                    self.customers.get_subscription(request).await.map(drop)
                }
                Kind::List => {
                    let request = self.list(customer);
                    self.customers.list_subscriptions(request).await.map(drop)
                }
            };
            if !self.tally.answered(kind.name(), began) {
                continue;
            }
            match answer {
                Ok(()) => self.tally.done(kind, 1),
                Err(status) => self.failed(&status).await,
            }
        }
        self.tally
    }

    /// Batches of commands on one stream, so many of them on their way at once.
    pub(super) async fn stream(mut self, batch: usize, in_flight: usize) -> Tally {
        while !self.tally.is_over() {
            if let Err(status) = self.one_stream(batch, in_flight).await {
                self.failed(&status).await;
            }
        }
        self.tally
    }

    async fn one_stream(&mut self, batch: usize, in_flight: usize) -> Result<(), Status> {
        let (requests, queue) = mpsc::channel(in_flight);
        let opened = self.commands.submit_stream(ReceiverStream::new(queue)).await?;
        let mut answers = opened.into_inner();
        let mut sent: VecDeque<(Instant, Vec<Kind>)> = VecDeque::with_capacity(in_flight);
        loop {
            while sent.len() < in_flight && !self.tally.is_over() {
                let kinds: Vec<_> = (0..batch).map(|_| self.plan.mix.pick(&mut self.random)).collect();
                let commands = kinds.iter().map(|&kind| {
                    let customer = self.plan.customers.pick(&mut self.random);
                    self.command(kind, customer)
                });
                let request = SubmitStreamRequest { commands: commands.collect(), include_events: false };
                sent.push_back((Instant::now(), kinds));
                // Nobody takes it if the stream ended, which the next answer tells.
                let _ = requests.send(request).await;
            }
            let Some((began, kinds)) = sent.pop_front() else { return Ok(()) };
            let Some(answer) = answers.message().await? else { return Ok(()) };
            if self.tally.answered("batch", began) {
                answer.outcomes.iter().zip(kinds).for_each(|(outcome, kind)| self.settled(outcome, kind));
            }
        }
    }

    fn settled(&mut self, outcome: &Outcome, kind: Kind) {
        match &outcome.rejection {
            None => self.tally.done(kind, 1),
            Some(rejection) => self.tally.error(&rejection.reason),
        }
    }

    async fn failed(&mut self, status: &Status) {
        let reason = status.get_details_error_info().map(|info| info.reason);
        let unreached = reason.is_none();
        self.tally.error(&reason.unwrap_or_else(|| code_name(status.code()).to_owned()));
        if unreached {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn command(&mut self, kind: Kind, customer: u32) -> Command {
        let world = &self.plan.world;
        let body = if kind == Kind::Seats {
            let line = self.random.between(0, world.each - 1);
            let place = usize::try_from(customer * world.each + line).unwrap_or(usize::MAX);
            let turn = self.plan.seats.get(place).map_or(0, |seats| seats.fetch_add(1, Ordering::Relaxed));
            Body::ChangeQuantity(ChangeQuantity {
                customer_id: world.customer_id(customer),
                partner_id: world.partner_id(world.partner_of(customer)),
                subscription_id: world.subscription_id(customer, line),
                quantity: 6 + turn % SEATS,
            })
        } else {
            world.order(customer, std::iter::once(String::new()))
        };
        self.sent += 1;
        let command_id = format!("{}-{}-{}", self.plan.run, self.number, self.sent);
        Command { command_id, effective_at: None, expected_version: None, body: Some(body) }
    }

    fn subscription(&mut self, customer: u32, as_of: Option<AsOf>) -> GetSubscriptionRequest {
        let world = &self.plan.world;
        let line = self.random.between(0, world.each - 1);
        GetSubscriptionRequest {
            subscription_id: world.subscription_id(customer, line),
            customer_id: world.customer_id(customer),
            as_of,
            ..GetSubscriptionRequest::default()
        }
    }

    fn list(&self, customer: u32) -> ListSubscriptionsRequest {
        let world = &self.plan.world;
        let partner_id = world.partner_id(world.partner_of(customer));
        ListSubscriptionsRequest { partner_id, page_size: PAGE, ..ListSubscriptionsRequest::default() }
    }
}
