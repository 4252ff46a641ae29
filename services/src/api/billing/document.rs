//! Files and documents, sent while they are made.

use subledger_billing::{
    Charge, FilePart, Selection, customer_name, daily_usage_part, find_invoice_as_of, list_selected, partner_profile,
    reconciliation_part,
};
use subledger_domain::ids::InvoiceNumber;
use subledger_files::layout::Layout;
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    page::{PageRequest, QueryError},
};
use subledger_log::codec::to_json;
use subledger_proto::api::{DocumentFormat, FileChunk, GetInvoiceDocumentRequest, Invoice, LineSelection};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{invoice_fields, printed, selection, to_charge};
use crate::api::{catalog::id, errors, position::Wanted, read_model::ReadModel};

/// Parts of a file that wait until the client takes them.
const CHUNKS_WAITING_MAX: usize = 4;

/// Bytes of one part of a document that is made whole.
const CHUNK_BYTES: usize = 256 * 1024;

/// A file, part by part.
pub(super) type Chunks = ReceiverStream<Result<FileChunk, Status>>;

const CSV: &str = "text/csv; charset=utf-8";

/// The reconciliation file of a selection. Each part is one page of lines, read when the one before it is on its way.
pub(super) fn reconciliation(model: ReadModel, selection: Selection, layout: Layout) -> Chunks {
    let (name, layout_name) = (file_name(&selection, "csv"), layout.name);
    parts(model, name, layout_name, move |rows, page| reconciliation_part(rows, &selection, &layout, page))
}

/// The daily-rated usage file of a selection.
pub(super) fn daily_usage(model: ReadModel, selection: Selection) -> Chunks {
    let name = format!("daily-{}", file_name(&selection, "csv"));
    parts(model, name, "daily_usage", move |rows, page| daily_usage_part(rows, &selection, page))
}

/// Sends a file that is made page by page.
fn parts<P>(model: ReadModel, file_name: String, layout: &'static str, part: P) -> Chunks
where
    P: Fn(&dyn Rows, PageRequest<'_>) -> Result<FilePart, QueryError> + Clone + Send + Sync + 'static,
{
    let (parts, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::spawn(async move {
        let first = FileChunk { content_type: CSV.into(), file_name, layout: layout.into(), ..FileChunk::default() };
        if parts.send(Ok(first)).await.is_err() {
            return;
        }
        if let Err(status) = send_parts(&model, part, &parts).await {
            // Whoever reads it may have gone away.
            let _ = parts.send(Err(status)).await;
        }
    });
    ReceiverStream::new(chunks)
}

async fn send_parts<P>(
    model: &ReadModel,
    part: P,
    parts: &mpsc::Sender<Result<FileChunk, Status>>,
) -> Result<(), Status>
where
    P: Fn(&dyn Rows, PageRequest<'_>) -> Result<FilePart, QueryError> + Clone + Send + Sync + 'static,
{
    let (mut lines, mut token) = (0, String::new());
    loop {
        let page = model.page(i32::MAX, token)?;
        let part = part.clone();
        let read = move |rows: &dyn Rows| part(rows, page.request());
        let (part, _) = model.read(Wanted::default(), read).await?;
        lines += part.lines as u64;
        let chunk = FileChunk { bytes: part.bytes, lines, ..FileChunk::default() };
        if parts.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
        let Some(next) = part.next else { return Ok(()) };
        token = next;
    }
}

fn file_name(selection: &Selection, extension: &str) -> String {
    if let Some(number) = &selection.invoice_number {
        return format!("{number}.{extension}");
    }
    let month = selection.from.map(|day| day.format("%Y-%m").to_string()).unwrap_or_default();
    format!("{}-{}-{month}.{extension}", selection.partner_id, selection.currency)
}

/// An invoice as a document.
pub(super) async fn of_invoice(
    model: &ReadModel,
    wanted: Wanted,
    request: GetInvoiceDocumentRequest,
) -> Result<Chunks, Status> {
    let number: InvoiceNumber = id("invoice_number", request.invoice_number)?;
    let format = DocumentFormat::try_from(request.format).unwrap_or_default();
    if format == DocumentFormat::Unspecified {
        return Err(errors::field_status("INVALID_VALUE", "format", "is one of JSON, PDF and CSV"));
    }
    let of = LineSelection { invoice_number: number.to_string(), ..LineSelection::default() };
    let (selection, layout) = selection::find(model, wanted, Some(of)).await?;
    match format {
        DocumentFormat::Json => json(model.clone(), number, selection).await,
        DocumentFormat::Pdf => pdf(model, number, selection).await,
        DocumentFormat::Csv | DocumentFormat::Unspecified => Ok(reconciliation(model.clone(), selection, layout)),
    }
}

/// Lines that did not come with an invoice may have something to say under it.
pub(super) async fn complete_fields(
    model: &ReadModel,
    selection: &Selection,
    from: &str,
    invoice: &mut Invoice,
) -> Result<(), Status> {
    let mut token = Some(from.to_owned());
    while let (Some(page), Some(fields)) = (token.take(), invoice.fields.as_mut().filter(|f| f.footnote.is_empty())) {
        let (charges, next) = lines_page(model, selection, page).await?;
        invoice_fields::footnote(&charges).clone_into(&mut fields.footnote);
        token = next;
    }
    Ok(())
}

/// The header of an invoice as the API has it, without what differs from one answer to the next.
async fn header(model: &ReadModel, number: &InvoiceNumber, selection: &Selection) -> Result<Invoice, Status> {
    let wanted = number.clone();
    let read = move |rows: &dyn Rows| find_invoice_as_of(rows, &wanted, &Horizon::default());
    let (found, _) = model.read(Wanted::default(), read).await?;
    let mut invoice = found.map(super::to_invoice).ok_or_else(|| errors::not_found("invoice", number.as_str()))?;
    complete_fields(model, selection, "", &mut invoice).await?;
    Ok(invoice)
}

fn unprintable(error: &dyn std::error::Error) -> Status {
    tracing::error!(%error, "a document cannot be made");
    errors::status(Code::Internal, "DOCUMENT_FAILED", format!("the document cannot be made: {error}"), &[])
}

/// One JSON object: the header's fields in the order of their names, then the lines, one on each row, as they are read.
async fn json(model: ReadModel, number: InvoiceNumber, selection: Selection) -> Result<Chunks, Status> {
    let header =
        to_json("subledger.v1.Invoice", &header(&model, &number, &selection).await?).map_err(|e| unprintable(&e))?;
    let text = serde_json::to_string_pretty(&header).map_err(|e| unprintable(&e))?;
    let open = format!("{},\n  \"lines\": [", text.strip_suffix("\n}").unwrap_or(&text));
    let file_name = file_name(&selection, "json");
    let (parts, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::spawn(async move {
        let first = FileChunk { content_type: "application/json".into(), file_name, ..FileChunk::default() };
        let second = FileChunk { bytes: open.into(), ..FileChunk::default() };
        if parts.send(Ok(first)).await.is_err() || parts.send(Ok(second)).await.is_err() {
            return;
        }
        if let Err(status) = send_lines(&model, &selection, &parts).await {
            // Whoever reads it may have gone away.
            let _ = parts.send(Err(status)).await;
        }
    });
    Ok(ReceiverStream::new(chunks))
}

async fn send_lines(
    model: &ReadModel,
    selection: &Selection,
    parts: &mpsc::Sender<Result<FileChunk, Status>>,
) -> Result<(), Status> {
    let (mut lines, mut token) = (0, String::new());
    loop {
        let (page, next) = lines_page(model, selection, token).await?;
        let mut bytes = Vec::new();
        for charge in page {
            let line = to_json("subledger.v1.Charge", &to_charge(charge)).map_err(|e| unprintable(&e))?;
            bytes.extend_from_slice(if lines == 0 { b"\n    " } else { b",\n    " });
            serde_json::to_writer(&mut bytes, &line).map_err(|e| unprintable(&e))?;
            lines += 1;
        }
        if next.is_none() {
            bytes.extend_from_slice(b"\n  ]\n}\n");
        }
        if parts.send(Ok(FileChunk { bytes, lines, ..FileChunk::default() })).await.is_err() {
            return Ok(());
        }
        let Some(next) = next else { return Ok(()) };
        token = next;
    }
}

async fn lines_page(
    model: &ReadModel,
    selection: &Selection,
    token: String,
) -> Result<(Vec<Charge>, Option<String>), Status> {
    let page = model.page(i32::MAX, token)?;
    let selection = selection.clone();
    let (page, _) = model.read(Wanted::default(), move |rows| list_selected(rows, &selection, page.request())).await?;
    Ok((page.items, page.next))
}

/// For people. Very many lines are not printed: they stand in the reconciliation file.
async fn pdf(model: &ReadModel, number: InvoiceNumber, selection: Selection) -> Result<Chunks, Status> {
    let header = header(model, &number, &selection).await?;
    let partner_id = selection.partner_id.clone();
    let (partner, _) = model.read(Wanted::default(), move |rows| partner_profile(rows, &partner_id)).await?;
    let mut lines = Vec::new();
    let mut token = Some(String::new()).filter(|_| header.line_count as usize <= subledger_documents::LINES_MAX);
    while let Some(page) = token {
        let (charges, next) = lines_page(model, &selection, page).await?;
        let named = move |rows: &dyn Rows| {
            let named = charges.into_iter().map(|charge| Ok((customer_name(rows, &charge.line.customer_id)?, charge)));
            named.collect::<Result<Vec<_>, StoreError>>()
        };
        lines.extend(model.read(Wanted::default(), named).await?.0);
        token = next;
    }
    let lines = lines.into_iter().map(|(customer, charge)| (customer, to_charge(charge))).collect();
    let printed = printed::invoice(&header, partner, lines).map_err(|e| unprintable(&e))?;
    let rendered = tokio::task::spawn_blocking(move || subledger_documents::render(&printed)).await;
    let bytes = rendered.map_err(|e| unprintable(&e))?.map_err(|e| unprintable(&e))?;
    let first = FileChunk {
        content_type: "application/pdf".into(),
        file_name: file_name(&selection, "pdf"),
        ..FileChunk::default()
    };
    let (parts, chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::spawn(async move {
        let rest = bytes.chunks(CHUNK_BYTES).map(|part| FileChunk { bytes: part.to_vec(), ..FileChunk::default() });
        for chunk in std::iter::once(first).chain(rest) {
            if parts.send(Ok(chunk)).await.is_err() {
                return;
            }
        }
    });
    Ok(ReceiverStream::new(chunks))
}
