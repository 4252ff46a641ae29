//! What a case runs against: a ledger with a test clock.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use subledger_proto::{
    api::{
        AdvanceClockRequest, Command, GetClockRequest, GetInvoiceRequest, Invoice, LineSelection, ListInvoicesRequest,
        ListReconciliationLinesRequest, Outcome, SubmitRequest,
    },
    common::Rejection,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::run::Told;
use crate::client::{Failure, connect::Connection, times};

/// Time between two looks at what is invoiced.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longest wait for invoices while none comes.
const STALL_MAX: Duration = Duration::from_secs(60);

/// A ledger that is driven by hand.
pub(super) trait Target {
    /// Sends a command. A refusal is an outcome.
    async fn submit(&mut self, command: Command) -> Result<Outcome, Failure>;

    /// Closes every day up to this one, and waits until all that follows from it is done.
    async fn advance(&mut self, through: NaiveDate) -> Result<(), Failure>;

    /// Every invoice of a partner, with its lines, oldest first.
    async fn invoices(&mut self, partner: &str) -> Result<Vec<Invoice>, Failure>;
}

/// How often a command is sent whose outcome is not known.
const SENDS_MAX: u32 = 5;

/// A ledger behind its gRPC interface.
pub(super) struct Remote {
    connection: Connection,
}

impl Remote {
    /// Drives the ledger at the other end.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The ledger must have a test clock that is not past the first day of any case.
    pub(super) async fn check(&self, address: &str, cases: &[Told]) -> Result<(), Failure> {
        let clock = self.connection.admin().get_clock(GetClockRequest {}).await?.into_inner();
        if !clock.test_clock {
            return Err(Failure::Usage(format!(
                "--address: the ledger at {address} follows the wall clock, which nobody moves; cases need one with a test clock \
                 (test_clock.enabled = true)"
            )));
        }
        let today = clock.now.as_ref().and_then(times::from_timestamp).map(|now| now.date_naive());
        let first = cases.iter().map(|told| &told.case).min_by_key(|case| case.first_day());
        match (today, first) {
            (Some(today), Some(case)) if today > case.first_day() => {
                let (first, id) = (case.first_day(), &case.id);
                let years = (today.years_since(first).unwrap_or(0) / 4 + 1) * 4 + case.years_later;
                Err(Failure::Usage(format!(
                    "--address: it is {today} by the clock of the ledger at {address}, which only goes forward, and {id} begins on {first}; \
                     use a ledger whose clock stands on {first} or before, or --shift-years {years}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Waits until everything dated on this day or before is invoiced. The billing projector sends invoices as commands of its own, and may
    /// run in another process.
    async fn invoiced(&self, through: NaiveDate) -> Result<(), Failure> {
        let (mut last_news, mut seen) = (Instant::now(), String::new());
        let request = ListInvoicesRequest { page_size: 1, ..ListInvoicesRequest::default() };
        loop {
            let answer = self.connection.billing().list_invoices(request.clone()).await?.into_inner();
            // Dates of this form are in order as texts.
            if answer.invoiced_through >= through.to_string() {
                return Ok(());
            }
            if answer.invoiced_through != seen {
                (last_news, seen) = (Instant::now(), answer.invoiced_through);
            }
            if last_news.elapsed() > STALL_MAX {
                return Err(Failure::Differs(format!(
                    "error: {through} is closed, but for {} s everything was invoiced through {seen:?} only; \
                     is the billing projector running?",
                    STALL_MAX.as_secs()
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The lines of an invoice that did not come with it.
    async fn rest_of(&self, invoice: &mut Invoice) -> Result<(), Failure> {
        let mut billing = self.connection.billing();
        let mut page_token = std::mem::take(&mut invoice.next_lines_page_token);
        while !page_token.is_empty() {
            let invoice_number = invoice.invoice_number.clone();
            let selection = Some(LineSelection { invoice_number, ..LineSelection::default() });
            let request = ListReconciliationLinesRequest { selection, page_token, ..Default::default() };
            let page = billing.list_reconciliation_lines(request).await?.into_inner();
            invoice.lines.extend(page.charges);
            page_token = page.next_page_token;
        }
        let (lines, count) = (invoice.lines.len(), invoice.line_count);
        if usize::try_from(count).ok() != Some(lines) {
            let number = &invoice.invoice_number;
            return Err(Failure::Differs(format!("error: {number} has {count} lines, but {lines} were read")));
        }
        Ok(())
    }
}

/// Nobody knows, or the ledger was busy with something else, such as handing a partition to another writer.
fn may_be_recorded(status: &Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Unavailable) && status.get_details_error_info().is_some()
}

impl Target for Remote {
    async fn submit(&mut self, command: Command) -> Result<Outcome, Failure> {
        let command_id = command.command_id.clone();
        let request = SubmitRequest { command: Some(command), include_events: true, ..SubmitRequest::default() };
        let mut sent = 1;
        let status = loop {
            match self.connection.commands().submit(request.clone()).await {
                Ok(outcome) => return Ok(outcome.into_inner()),
                // The same command again gets the outcome that it had.
                Err(status) if may_be_recorded(&status) && sent < SENDS_MAX => sent += 1,
                Err(status) => break status,
            }
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
        if today.is_some_and(|today| today > through) {
            return Ok(());
        }
        let request = AdvanceClockRequest { close_through: through.to_string() };
        let closed = admin.advance_clock(request).await?.into_inner().last_closed;
        if closed > through.to_string() {
            let text = format!("error: somebody else moved the ledger's clock to {closed}, past {through}");
            return Err(Failure::Differs(text));
        }
        self.invoiced(through).await
    }

    async fn invoices(&mut self, partner: &str) -> Result<Vec<Invoice>, Failure> {
        let mut billing = self.connection.billing();
        let (mut invoices, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListInvoicesRequest { partner_id: partner.to_owned(), page_token, ..Default::default() };
            let page = billing.list_invoices(request).await?.into_inner();
            for invoice in page.invoices {
                let request =
                    GetInvoiceRequest { invoice_number: invoice.invoice_number, ..GetInvoiceRequest::default() };
                let mut invoice = billing.get_invoice(request).await?.into_inner();
                self.rest_of(&mut invoice).await?;
                invoices.push(invoice);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        invoices.sort_by(|a, b| (&a.invoice_date, &a.invoice_number).cmp(&(&b.invoice_date, &b.invoice_number)));
        Ok(invoices)
    }
}
