//! A client of a running ledger, for tests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use serde_json::Value;
use subledger_proto::{
    api::{
        AdvanceClockRequest, GetSubscriptionRequest, ListBalancesRequest, ListInvoicesRequest, Outcome,
        ReadEventsRequest, Record, SubmitRequest, SubmitStreamRequest, Subscription,
        admin_service_client::AdminServiceClient, audit_service_client::AuditServiceClient,
        billing_service_client::BillingServiceClient, catalog_service_client::CatalogServiceClient,
        claim_service_client::ClaimServiceClient, command_service_client::CommandServiceClient,
        customer_service_client::CustomerServiceClient, incentive_service_client::IncentiveServiceClient,
    },
    common::Position,
};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use crate::commands::command;

/// Every service of one address.
#[derive(Clone)]
pub struct Client {
    /// Commands.
    pub commands: CommandServiceClient<Channel>,
    /// Customers and subscriptions.
    pub customers: CustomerServiceClient<Channel>,
    /// Charges, invoices, balances.
    pub billing: BillingServiceClient<Channel>,
    /// Offers, prices, partners.
    pub catalog: CatalogServiceClient<Channel>,
    /// What incentives are computed from.
    pub incentives: IncentiveServiceClient<Channel>,
    /// Associations and claims.
    pub claims: ClaimServiceClient<Channel>,
    /// History.
    pub audit: AuditServiceClient<Channel>,
    /// Clock and status.
    pub admin: AdminServiceClient<Channel>,
    /// The last place of each partition that an answer named.
    seen: Arc<Mutex<BTreeMap<(i32, u32), Position>>>,
}

impl Client {
    /// Connects.
    pub async fn connect(address: &str) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(address.to_owned())?
            .connect()
            .await
            .with_context(|| format!("nothing answers at {address}"))?;
        Ok(Self {
            commands: CommandServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20),
            customers: CustomerServiceClient::new(channel.clone()),
            billing: BillingServiceClient::new(channel.clone()),
            catalog: CatalogServiceClient::new(channel.clone()),
            incentives: IncentiveServiceClient::new(channel.clone()),
            claims: ClaimServiceClient::new(channel.clone()),
            audit: AuditServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20),
            admin: AdminServiceClient::new(channel),
            seen: Arc::default(),
        })
    }

    /// Submits one command in its JSON form.
    pub async fn submit(&self, value: &Value) -> Result<Outcome, Status> {
        let command = command(value).map_err(|error| Status::internal(error.to_string()))?;
        let request = SubmitRequest { command: Some(command), include_events: true, ..SubmitRequest::default() };
        let outcome = self.commands.clone().submit(request).await?.into_inner();
        self.note(outcome.position);
        Ok(outcome)
    }

    fn note(&self, position: Option<Position>) {
        let Some(position) = position else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let last = seen.entry((position.family, position.partition)).or_insert(position);
        last.seq = last.seq.max(position.seq);
    }

    /// What a read has to reflect so that everything answered so far is seen.
    pub fn seen(&self) -> Vec<Position> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// The position given, or everything answered so far.
    fn at_least(&self, at: Option<Position>) -> Vec<Position> {
        at.map_or_else(|| self.seen(), |at| vec![at])
    }

    /// Submits one command that must be accepted.
    pub async fn accepted(&self, value: &Value) -> anyhow::Result<Outcome> {
        self.submit(value).await.with_context(|| value.to_string())
    }

    /// Submits one command that must be refused, and returns the reason of its `ErrorInfo`.
    pub async fn refused(&self, value: &Value) -> anyhow::Result<String> {
        match self.submit(value).await {
            Ok(outcome) => anyhow::bail!("accepted, but should be refused: {value}: {outcome:?}"),
            Err(status) => reason(&status).with_context(|| format!("an error without ErrorInfo: {status:?}")),
        }
    }

    /// Submits commands in batches over the stream; every outcome in order.
    pub async fn submit_stream(&self, values: &[Value], batch: usize) -> anyhow::Result<Vec<Outcome>> {
        let mut batches = Vec::new();
        for chunk in values.chunks(batch) {
            let commands = chunk.iter().map(command).collect::<anyhow::Result<Vec<_>>>()?;
            batches.push(SubmitStreamRequest { commands, include_events: false });
        }
        let mut answers = self.commands.clone().submit_stream(tokio_stream::iter(batches)).await?.into_inner();
        let mut outcomes = Vec::new();
        while let Some(answer) = answers.message().await? {
            answer.outcomes.iter().for_each(|outcome| self.note(outcome.position));
            outcomes.extend(answer.outcomes);
        }
        Ok(outcomes)
    }

    /// Closes every day through `date`.
    pub async fn advance(&self, date: &str) -> anyhow::Result<()> {
        self.admin.clone().advance_clock(AdvanceClockRequest { close_through: date.to_owned() }).await?;
        Ok(())
    }

    /// A subscription as of a position, or of everything answered so far.
    pub async fn subscription(&self, id: &str, at: Option<Position>) -> Result<Subscription, Status> {
        let request = GetSubscriptionRequest {
            subscription_id: id.to_owned(),
            min_position: self.at_least(at),
            ..GetSubscriptionRequest::default()
        };
        Ok(self.customers.clone().get_subscription(request).await?.into_inner())
    }

    /// `account -> amount` of a partner, as of a position or of everything answered so far.
    pub async fn balances(&self, partner: &str, at: Option<Position>) -> anyhow::Result<Vec<(String, String)>> {
        let request = ListBalancesRequest {
            partner_id: partner.to_owned(),
            min_position: self.at_least(at),
            ..ListBalancesRequest::default()
        };
        let answer = self.billing.clone().list_balances(request).await?.into_inner();
        Ok(answer.balances.into_iter().map(|balance| (balance.account, balance.amount)).collect())
    }

    /// `date -> total` of a partner's invoices.
    pub async fn invoices(&self, partner: &str) -> anyhow::Result<Vec<(String, String)>> {
        let request = ListInvoicesRequest {
            partner_id: partner.to_owned(),
            min_position: self.seen(),
            ..ListInvoicesRequest::default()
        };
        let answer = self.billing.clone().list_invoices(request).await?.into_inner();
        Ok(answer.invoices.into_iter().map(|invoice| (invoice.invoice_date, invoice.total)).collect())
    }

    /// The whole history to its end.
    pub async fn history(&self) -> anyhow::Result<Vec<Record>> {
        let mut stream = self.audit.clone().read_events(ReadEventsRequest::default()).await?.into_inner();
        let mut records = Vec::new();
        while let Some(answer) = stream.message().await? {
            records.extend(answer.records);
        }
        Ok(records)
    }
}

/// The reason of an error.
pub fn reason(status: &Status) -> Option<String> {
    status.get_error_details().error_info().map(|info| info.reason.clone())
}
