//! Payments, credit notes, withholding requests, claims, ageing and statements.

use rust_decimal::Decimal;
use subledger_billing::{
    PaymentFilter, StatementFilter, get_credit_note as credit_note, list_ageing as ageing,
    list_credit_notes as credit_notes, list_payments as payments, list_sla_claims as claims,
    list_statement as statement, list_withholdings as withholdings,
};
use subledger_domain::ids::{CreditNoteNumber, InvoiceNumber, PartnerId};
use subledger_fold::{Rows, as_of::Horizon};
use subledger_log::codec::Wire;
use subledger_proto::api::{
    Ageing, Allocation, CreditNote, GetCreditNoteRequest, ListAgeingRequest, ListAgeingResponse,
    ListCreditNotesRequest, ListCreditNotesResponse, ListPaymentsRequest, ListPaymentsResponse, ListSlaClaimsRequest,
    ListSlaClaimsResponse, ListStatementRequest, ListStatementResponse, ListWithholdingRequestsRequest,
    ListWithholdingRequestsResponse, Payment, SlaClaim, StatementLine, WithholdingRequest,
};
use tonic::{Request, Response, Status};

use super::{optional_id, to_charge};
use crate::api::{catalog::id, errors, read_model::ReadModel};

/// Where the certificate goes by mail too (L10861).
const HARD_COPY_COUNTRY: &str = "DE";

/// What an ageing needs.
const AGEING_DAY: &str = "as_of.effective_on is required: the day at whose end the amounts stand";

pub(super) async fn list_payments(
    model: &ReadModel,
    request: Request<ListPaymentsRequest>,
) -> Result<Response<ListPaymentsResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let filter = PaymentFilter {
        partner_id: optional_id("partner_id", request.partner_id)?,
        currency: optional_id("currency", request.currency)?,
        unallocated: request.unallocated,
    };
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| payments(rows, &filter, horizon, page.request());
    let (found, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let payments = found.into_iter().map(to_payment).collect();
    Ok(Response::new(ListPaymentsResponse { payments, next_page_token, reflects }))
}

pub(super) async fn list_credit_notes(
    model: &ReadModel,
    request: Request<ListCreditNotesRequest>,
) -> Result<Response<ListCreditNotesResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| credit_notes(rows, partner.as_ref(), horizon, page.request());
    let (found, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let credit_notes = found.into_iter().map(to_credit_note).collect();
    Ok(Response::new(ListCreditNotesResponse { credit_notes, next_page_token, reflects }))
}

pub(super) async fn get_credit_note(
    model: &ReadModel,
    request: Request<GetCreditNoteRequest>,
) -> Result<Response<CreditNote>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let number: CreditNoteNumber = id("credit_note_number", request.credit_note_number)?;
    let as_of = model.as_of(request.as_of)?;
    let text = number.to_string();
    let read = move |rows: &dyn Rows, horizon: &Horizon| credit_note(rows, &number, horizon);
    let (found, reflects) = model.read_as_of(wanted, as_of, read).await?;
    let (note, lines) = found.ok_or_else(|| errors::not_found("credit note", &text))?;
    let lines = lines.into_iter().map(to_charge).collect();
    Ok(Response::new(CreditNote { lines, reflects, ..to_credit_note(note) }))
}

pub(super) async fn list_withholding_requests(
    model: &ReadModel,
    request: Request<ListWithholdingRequestsRequest>,
) -> Result<Response<ListWithholdingRequestsResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
    let (found, next_page_token, reflects) =
        model.list(wanted, move |rows| withholdings(rows, partner.as_ref(), page.request())).await?;
    let requests = found.into_iter().map(to_withholding).collect();
    Ok(Response::new(ListWithholdingRequestsResponse { requests, next_page_token, reflects }))
}

pub(super) async fn list_sla_claims(
    model: &ReadModel,
    request: Request<ListSlaClaimsRequest>,
) -> Result<Response<ListSlaClaimsResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
    let (found, next_page_token, reflects) =
        model.list(wanted, move |rows| claims(rows, partner.as_ref(), page.request())).await?;
    let claims = found.into_iter().map(to_claim).collect();
    Ok(Response::new(ListSlaClaimsResponse { claims, next_page_token, reflects }))
}

pub(super) async fn list_ageing(
    model: &ReadModel,
    request: Request<ListAgeingRequest>,
) -> Result<Response<ListAgeingResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
    let as_of = model.as_of(request.as_of)?;
    let Some(day) = as_of.effective else {
        return Err(errors::field_status("REQUIRED_FIELD_MISSING", "as_of.effective_on", AGEING_DAY));
    };
    let (found, next_page_token, reflects) = model
        .list_as_of(wanted, as_of, move |rows, horizon| ageing(rows, partner.as_ref(), (day, horizon), page.request()))
        .await?;
    let ageing = found.into_iter().map(|ageing| to_ageing(&ageing)).collect();
    Ok(Response::new(ListAgeingResponse { ageing, next_page_token, reflects }))
}

pub(super) async fn list_statement(
    model: &ReadModel,
    request: Request<ListStatementRequest>,
) -> Result<Response<ListStatementResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let filter = StatementFilter {
        partner_id: id("partner_id", request.partner_id)?,
        currency: optional_id("currency", request.currency)?,
        from: optional_id("from", request.from)?,
        until: optional_id("until", request.until)?,
    };
    let (found, next_page_token, reflects) =
        model.list(wanted, move |rows| statement(rows, &filter, page.request())).await?;
    let lines = found.into_iter().map(to_statement_line).collect();
    Ok(Response::new(ListStatementResponse { lines, next_page_token, reflects }))
}

fn allocations<'a>(parts: impl IntoIterator<Item = (&'a InvoiceNumber, &'a Decimal)>) -> Vec<Allocation> {
    let part = |(number, amount): (&InvoiceNumber, &Decimal)| Allocation {
        invoice_number: number.to_wire(),
        amount: amount.to_wire(),
    };
    parts.into_iter().map(part).collect()
}

/// The API's form.
pub(crate) fn to_payment(payment: subledger_billing::Payment) -> Payment {
    Payment {
        partner_id: payment.partner_id.to_wire(),
        payment_id: payment.payment_id.to_wire(),
        currency: payment.currency.to_wire(),
        amount: payment.amount.to_wire(),
        allocated: payment.allocated.to_wire(),
        refunded: payment.refunded.to_wire(),
        unallocated: payment.unallocated.to_wire(),
        value_date: payment.value_date.to_wire(),
        reference: payment.reference,
        invoice_number: payment.invoice_number.to_wire(),
        allocations: allocations(payment.allocations.iter().map(|(number, amount)| (number, amount))),
    }
}

/// The API's form, without the lines.
pub(crate) fn to_credit_note(note: subledger_billing::CreditNote) -> CreditNote {
    let issued = note.issued.as_ref();
    CreditNote {
        credit_note_number: issued.map(|issued| issued.credit_note_number.clone()).to_wire(),
        partner_id: note.partner_id.to_wire(),
        invoice_number: note.invoice_number.to_wire(),
        currency: note.currency.to_wire(),
        state: note.state.name().into(),
        reason: note.reason.to_wire(),
        issued_on: issued.map(|issued| issued.issued_on).to_wire(),
        total: issued.map(|issued| note.currency.round(issued.total)).to_wire(),
        totals: issued.map(|issued| issued.totals.map(|sum| note.currency.round(sum)).to_wire()),
        line_count: issued.map_or(0, |issued| issued.line_count),
        note: note.note,
        comments: note.comments,
        requested_on: note.requested_on.to_wire(),
        rebilled_as: note.rebilled_as.to_wire(),
        lines: Vec::new(),
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(crate) fn to_withholding(request: subledger_billing::Withholding) -> WithholdingRequest {
    let show = |amount: Decimal| request.currency.round(amount).to_wire();
    WithholdingRequest {
        partner_id: request.partner_id.to_wire(),
        request_id: request.request_id.to_wire(),
        invoice_number: request.invoice_number.to_wire(),
        amount: show(request.amount),
        currency: request.currency.to_wire(),
        certificate: Some(request.certificate.to_wire()),
        hard_copy_required: request.country == HARD_COPY_COUNTRY,
        state: request.state.name().into(),
        requested_on: request.requested_on.to_wire(),
        approved_on: request.approved_on.to_wire(),
        written_off: show(request.written_off),
        rest: show(request.rest),
        credited: request
            .credited
            .iter()
            .map(|(number, amount)| Allocation { invoice_number: number.to_wire(), amount: show(*amount) })
            .collect(),
        country: request.country,
        contact_email: request.contact_email,
        comments: request.comments,
    }
}

/// The API's form.
pub(crate) fn to_claim(claim: subledger_billing::SlaClaim) -> SlaClaim {
    SlaClaim {
        partner_id: claim.partner_id.to_wire(),
        customer_id: claim.customer_id.to_wire(),
        claim_id: claim.claim_id.to_wire(),
        incident_id: claim.incident_id,
        incident_date: claim.incident_date.to_wire(),
        service_code: claim.service_code,
        service: claim.service.unwrap_or_default(),
        state: claim.state.name().into(),
        submitted_on: claim.submitted_on.to_wire(),
        deadline: claim.deadline.to_wire(),
        comments: claim.comments,
        credits: claim.credits.to_wire(),
        decided_on: claim.decided_on.to_wire(),
    }
}

fn to_ageing(ageing: &subledger_billing::Ageing) -> Ageing {
    let [current, overdue_1_to_30, overdue_31_to_60, overdue_61_to_90, overdue_over_90] =
        ageing.buckets.map(|sum| sum.to_wire());
    Ageing {
        partner_id: ageing.partner_id.to_wire(),
        currency: ageing.currency.to_wire(),
        as_of: ageing.as_of.to_wire(),
        current,
        overdue_1_to_30,
        overdue_31_to_60,
        overdue_61_to_90,
        overdue_over_90,
        due: ageing.due.to_wire(),
        open_credits: ageing.open_credits.to_wire(),
        unallocated: ageing.unallocated.to_wire(),
        standing: ageing.standing.name().into(),
        standing_since: ageing.standing_since.to_wire(),
    }
}

fn to_statement_line(line: subledger_billing::StatementLine) -> StatementLine {
    StatementLine {
        currency: line.currency.to_wire(),
        booked_on: line.booked_on.to_wire(),
        kind: line.kind.name().into(),
        reference: line.reference,
        amount: line.amount.to_wire(),
        balance: line.balance.to_wire(),
    }
}
