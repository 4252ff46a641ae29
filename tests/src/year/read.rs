//! Reading through the public interface: every page of a list, every line of an invoice, and files as `export-recon` writes them.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use rust_decimal::Decimal;
use subledger_proto::{
    api::{
        Balance, Charge, CreditNote, Entry, GetInvoiceRequest, Invoice, LineSelection, ListBalancesRequest,
        ListChargesRequest, ListCreditNotesRequest, ListEntriesRequest, ListInvoicesRequest, ListPaymentsRequest,
        ListReconciliationLinesRequest, ListStatementRequest, Payment, StatementLine,
    },
    common::AsOf,
};

use crate::{cli::run, client::Client};

/// An amount of the interface; one that is not given is nothing.
pub fn amount(text: &str) -> anyhow::Result<Decimal> {
    if text.is_empty() { Ok(Decimal::ZERO) } else { text.parse().with_context(|| format!("{text:?} is no amount")) }
}

/// Every page of a list.
macro_rules! all {
    ($client:expr, $method:ident, $items:ident, $request:expr) => {{
        let mut service = $client.billing.clone();
        let (mut items, mut page_token) = (Vec::new(), String::new());
        loop {
            #[allow(clippy::needless_update, reason = "some requests have more fields than others")]
            let mut request = $request;
            request.page_token = page_token;
            let page = service.$method(request).await?.into_inner();
            items.extend(page.$items);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break items;
            }
        }
    }};
}

/// Every charge line of a partner.
pub async fn charges(client: &Client, partner: &str) -> anyhow::Result<Vec<Charge>> {
    let request = || ListChargesRequest { partner_id: partner.to_owned(), ..ListChargesRequest::default() };
    Ok(all!(client, list_charges, charges, request()))
}

/// The invoices of a partner, or of all, without lines.
pub async fn invoices(client: &Client, partner: &str) -> anyhow::Result<Vec<Invoice>> {
    let request = || ListInvoicesRequest { partner_id: partner.to_owned(), ..ListInvoicesRequest::default() };
    Ok(all!(client, list_invoices, invoices, request()))
}

/// An invoice with every line.
pub async fn invoice(client: &Client, number: &str) -> anyhow::Result<Invoice> {
    let request = GetInvoiceRequest { invoice_number: number.to_owned(), ..GetInvoiceRequest::default() };
    let mut invoice = client.billing.clone().get_invoice(request).await?.into_inner();
    while !invoice.next_lines_page_token.is_empty() {
        let selection = LineSelection { invoice_number: number.to_owned(), ..LineSelection::default() };
        let request = ListReconciliationLinesRequest {
            selection: Some(selection),
            page_token: std::mem::take(&mut invoice.next_lines_page_token),
            ..ListReconciliationLinesRequest::default()
        };
        let page = client.billing.clone().list_reconciliation_lines(request).await?.into_inner();
        invoice.lines.extend(page.charges);
        invoice.next_lines_page_token = page.next_page_token;
    }
    Ok(invoice)
}

/// The entries of a partner.
pub async fn entries(client: &Client, partner: &str) -> anyhow::Result<Vec<Entry>> {
    let request = || ListEntriesRequest { partner_id: partner.to_owned(), ..ListEntriesRequest::default() };
    Ok(all!(client, list_entries, entries, request()))
}

/// The balances of a partner as they are, or as they were at the end of a day.
pub async fn balances(client: &Client, partner: &str, on: Option<&str>) -> anyhow::Result<Vec<Balance>> {
    let request = || ListBalancesRequest {
        partner_id: partner.to_owned(),
        as_of: on.map(|on| AsOf { effective_on: on.to_owned(), ..AsOf::default() }),
        ..ListBalancesRequest::default()
    };
    Ok(all!(client, list_balances, balances, request()))
}

/// The payments of a partner.
pub async fn payments(client: &Client, partner: &str) -> anyhow::Result<Vec<Payment>> {
    let request = || ListPaymentsRequest { partner_id: partner.to_owned(), ..ListPaymentsRequest::default() };
    Ok(all!(client, list_payments, payments, request()))
}

/// The credit notes of a partner.
pub async fn credit_notes(client: &Client, partner: &str) -> anyhow::Result<Vec<CreditNote>> {
    let request = || ListCreditNotesRequest { partner_id: partner.to_owned(), ..ListCreditNotesRequest::default() };
    Ok(all!(client, list_credit_notes, credit_notes, request()))
}

/// The statement of a partner.
pub async fn statement(client: &Client, partner: &str) -> anyhow::Result<Vec<StatementLine>> {
    let request = || ListStatementRequest { partner_id: partner.to_owned(), ..ListStatementRequest::default() };
    Ok(all!(client, list_statement, lines, request()))
}

/// What the money columns of a reconciliation file come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSums {
    /// Rows without the header.
    pub rows: usize,
    /// `Amount`.
    pub amount: Decimal,
    /// `TotalOtherDiscount`.
    pub discount: Decimal,
    /// `Subtotal`.
    pub subtotal: Decimal,
    /// `Tax`.
    pub tax: Decimal,
    /// `TotalForCustomer`.
    pub total: Decimal,
    /// By `ChargeType`, the sum of `TotalForCustomer`.
    pub by_type: BTreeMap<String, Decimal>,
}

/// Writes a reconciliation file with the command line, reads it again, and sums its columns. None if there are no such lines.
pub fn export(address: &str, path: &Path, currency: &str, which: &[&str]) -> anyhow::Result<Option<FileSums>> {
    let out = path.to_str().context("a path that is text")?;
    let ended = run(&[&["export-recon", "--out", out, "--address", address][..], which].concat())?;
    if ended.code == 1 && ended.err.contains("LINES_NOT_FOUND") {
        return Ok(None);
    }
    ended.expect_code(0)?;
    sums(path, currency).with_context(|| which.join(" ")).map(Some)
}

fn sums(path: &Path, currency: &str) -> anyhow::Result<FileSums> {
    let mut reader = csv::Reader::from_path(path)?;
    let headers = reader.headers()?.clone();
    let column =
        |name: &str| headers.iter().position(|header| header == name).with_context(|| format!("no column {name}"));
    let money = ["Amount", "TotalOtherDiscount", "Subtotal", "Tax", "TotalForCustomer"].map(column);
    let [paid, discount, subtotal, tax, total] = money;
    let (paid, discount, subtotal, tax, total) = (paid?, discount?, subtotal?, tax?, total?);
    let (kind, code) = (column("ChargeType")?, column("Currency")?);
    let mut sums = FileSums::default();
    for record in reader.records() {
        let record = record?;
        ensure!(record.get(code) == Some(currency), "row {}: {record:?} is not in {currency}", sums.rows + 2);
        let at = |place: usize| amount(record.get(place).unwrap_or_default());
        let (row_discount, row_subtotal, row_tax, row_total) = (at(discount)?, at(subtotal)?, at(tax)?, at(total)?);
        // Section 3.6, S4.
        ensure!(row_subtotal == at(paid)? - row_discount, "row {}: Subtotal is wrong: {record:?}", sums.rows + 2);
        ensure!(row_total == row_subtotal + row_tax, "row {}: the total is wrong: {record:?}", sums.rows + 2);
        sums.rows += 1;
        sums.amount += at(paid)?;
        sums.discount += row_discount;
        sums.subtotal += row_subtotal;
        sums.tax += row_tax;
        sums.total += row_total;
        *sums.by_type.entry(record.get(kind).unwrap_or_default().to_owned()).or_default() += row_total;
    }
    Ok(sums)
}
