//! What a case runs against: a ledger with a test clock.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use subledger_proto::{
    api::{
        AdvanceClockRequest, Command, GetClockRequest, GetInvoiceRequest, GetStatusRequest, Invoice,
        ListInvoicesRequest, Outcome, Status, SubmitRequest,
    },
    common::Rejection,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::client::{Failure, connect::Connection, times};

/// Time between two looks at whether the ledger is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Looks in a row that must find nothing new.
const CALM_LOOKS: u32 = 5;
/// Longest wait for the ledger to come to rest.
const CALM_MAX: Duration = Duration::from_secs(60);
/// Invoices of one page: more than any case has.
const INVOICES_MAX: i32 = 1000;

/// A ledger that is driven by hand.
pub(super) trait Target {
    /// Sends a command. A refusal is an outcome.
    async fn submit(&mut self, command: Command) -> Result<Outcome, Failure>;

    /// Closes every day up to this one, and waits until all that follows from it is done.
    async fn advance(&mut self, through: NaiveDate) -> Result<(), Failure>;

    /// Every invoice of a partner, with its lines, oldest first.
    async fn invoices(&mut self, partner: &str) -> Result<Vec<Invoice>, Failure>;
}

/// A ledger behind its gRPC interface.
pub(super) struct Remote {
    connection: Connection,
}

impl Remote {
    /// Drives the ledger at the other end.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Waits until no partition grows, no queue holds a command and every projector has folded everything. The billing projector sends
    /// invoices as commands of its own, so one calm look is not enough.
    async fn calm(&self) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut before, mut calm) = (None, 0);
        while calm < CALM_LOOKS {
            if began.elapsed() > CALM_MAX {
                return Err(Failure::Differs(format!(
                    "the ledger does not come to rest within {} s",
                    CALM_MAX.as_secs()
                )));
            }
            let status = self.connection.admin().get_status(GetStatusRequest {}).await?.into_inner();
            let ends: Vec<_> = status.partitions.iter().map(|p| (p.family, p.partition, p.next_seq)).collect();
            let same = before.replace(ends.clone()) == Some(ends);
            calm = if same && is_idle(&status)? { calm + 1 } else { 0 };
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

fn is_idle(status: &Status) -> Result<bool, Failure> {
    if let Some(failed) = status.projectors.iter().find(|projector| projector.state == "failed") {
        return Err(Failure::Differs(format!("the projector {} failed: {}", failed.name, failed.error)));
    }
    let queues = status.partitions.iter().all(|partition| partition.queue_depth == 0);
    Ok(queues && status.projectors.iter().all(|projector| projector.lag_records == 0))
}

impl Target for Remote {
    async fn submit(&mut self, command: Command) -> Result<Outcome, Failure> {
        let command_id = command.command_id.clone();
        let request = SubmitRequest { command: Some(command), include_events: true, ..SubmitRequest::default() };
        let status = match self.connection.commands().submit(request).await {
            Ok(outcome) => return Ok(outcome.into_inner()),
            Err(status) => status,
        };
        let refused = matches!(
            status.code(),
            Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::Aborted
        );
        match status.get_details_error_info().filter(|_| refused) {
            None => Err(status.into()),
            Some(info) => {
                let message = status.message().to_owned();
                let rejection = Rejection { reason: info.reason, message, metadata: info.metadata };
                Ok(Outcome { command_id, rejection: Some(rejection), ..Outcome::default() })
            }
        }
    }

    async fn advance(&mut self, through: NaiveDate) -> Result<(), Failure> {
        let mut admin = self.connection.admin();
        // A clock that begins later has nothing to close.
        let now = admin.get_clock(GetClockRequest {}).await?.into_inner().now;
        let today = now.as_ref().and_then(times::from_timestamp).map(|now| now.date_naive());
        if today.is_none_or(|today| today <= through) {
            admin.advance_clock(AdvanceClockRequest { close_through: through.to_string() }).await?;
        }
        self.calm().await
    }

    async fn invoices(&mut self, partner: &str) -> Result<Vec<Invoice>, Failure> {
        let mut billing = self.connection.billing();
        let request =
            ListInvoicesRequest { partner_id: partner.to_owned(), page_size: INVOICES_MAX, ..Default::default() };
        let listed = billing.list_invoices(request).await?.into_inner().invoices;
        let mut invoices = Vec::with_capacity(listed.len());
        for invoice in listed {
            let request = GetInvoiceRequest { invoice_number: invoice.invoice_number, ..GetInvoiceRequest::default() };
            invoices.push(billing.get_invoice(request).await?.into_inner());
        }
        invoices.sort_by(|a, b| (&a.invoice_date, &a.invoice_number).cmp(&(&b.invoice_date, &b.invoice_number)));
        Ok(invoices)
    }
}
