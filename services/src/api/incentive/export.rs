//! The documented exports of incentives, sent while they are made: RFC 4180, UTF-8, CRLF.

use subledger_files::write_record;
use subledger_fold::{
    Rows,
    page::{PageRequest, QueryError},
};
use subledger_incentive::{
    EarningFilter, PAYMENT_COLUMNS, TRANSACTION_COLUMNS, export_months, list_earnings, payment_row, transaction_row,
};
use subledger_proto::api::{ExportIncentivesRequest, FileChunk, IncentiveFile};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::programs;
use crate::api::{errors, position::Wanted, read_model::ReadModel};

/// Parts of a file that wait until the client takes them.
const CHUNKS_WAITING_MAX: usize = 4;
const CSV: &str = "text/csv; charset=utf-8";

/// A file, part by part.
pub(super) type Chunks = ReceiverStream<Result<FileChunk, Status>>;

/// One page of rows, and the token of the next.
type Part = (Vec<u8>, u64, Option<String>);

/// Reads a page of a file's rows.
type ReadPart = fn(&dyn Rows, &EarningFilter, PageRequest<'_>) -> Result<Part, QueryError>;

/// Sends a file. Waits for the positions asked for before its first row.
pub(super) async fn export(
    model: &ReadModel,
    wanted: Wanted,
    request: ExportIncentivesRequest,
) -> Result<Chunks, Status> {
    let filter = programs::export_filter(&request)?;
    let (name, part): (_, ReadPart) = match request.file() {
        IncentiveFile::Payments => ("payments", payments),
        IncentiveFile::Transactions => ("transactions", transactions),
        IncentiveFile::Unspecified => {
            return Err(errors::field_status("INVALID_VALUE", "file", "is one of PAYMENTS and TRANSACTIONS"));
        }
    };
    let months = (filter.from, filter.to);
    let ((from, to), _) = model.read(wanted, move |rows| export_months(rows, months)).await?;
    let filter = EarningFilter { from, to, ..filter };
    let (parts, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    let model = model.clone();
    tokio::spawn(async move {
        let first = FileChunk {
            content_type: CSV.into(),
            file_name: format!("incentive-{name}.csv"),
            layout: format!("incentive/{name}"),
            ..FileChunk::default()
        };
        if parts.send(Ok(first)).await.is_err() {
            return;
        }
        if let Err(status) = send(&model, filter, part, &parts).await {
            // Whoever reads it may have gone away.
            let _ = parts.send(Err(status)).await;
        }
    });
    Ok(ReceiverStream::new(chunks))
}

async fn send(
    model: &ReadModel,
    filter: EarningFilter,
    part: fn(&dyn Rows, &EarningFilter, PageRequest<'_>) -> Result<Part, QueryError>,
    parts: &mpsc::Sender<Result<FileChunk, Status>>,
) -> Result<(), Status> {
    let (mut lines, mut token) = (0, String::new());
    loop {
        let page = model.page(i32::MAX, token)?;
        let filter = filter.clone();
        let read = move |rows: &dyn Rows| part(rows, &filter, page.request());
        let ((bytes, count, next), _) = model.read(Wanted::default(), read).await?;
        lines += count;
        if parts.send(Ok(FileChunk { bytes, lines, ..FileChunk::default() })).await.is_err() {
            return Ok(());
        }
        let Some(next) = next else { return Ok(()) };
        token = next;
    }
}

fn payments(rows: &dyn Rows, filter: &EarningFilter, page: PageRequest<'_>) -> Result<Part, QueryError> {
    let found = programs::export_payments(rows, filter, page)?;
    let texts = found.items.iter().map(payment_row);
    Ok(part(page, &PAYMENT_COLUMNS, texts, found.next))
}

fn transactions(rows: &dyn Rows, filter: &EarningFilter, page: PageRequest<'_>) -> Result<Part, QueryError> {
    let found = list_earnings(rows, filter, page)?;
    let texts = found.items.iter().map(transaction_row);
    Ok(part(page, &TRANSACTION_COLUMNS, texts, found.next))
}

/// The first part begins with the heads of the columns.
fn part<const N: usize>(
    page: PageRequest<'_>,
    columns: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    next: Option<String>,
) -> Part {
    let (mut bytes, mut count) = (Vec::new(), 0);
    if page.token.is_empty() {
        write_record(&mut bytes, columns);
    }
    for row in rows {
        write_record(&mut bytes, &row);
        count += 1;
    }
    (bytes, count, next)
}
