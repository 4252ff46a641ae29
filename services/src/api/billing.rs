//! `BillingService`: charges, invoices, balanced entries; payments and what else settles an invoice stand in [`receivables`].

pub(crate) mod receivables;

mod changes;
mod document;
mod explain;
mod invoice_fields;
mod printed;
mod selection;
pub(crate) mod usage;

use rust_decimal::Decimal;
use subledger_billing::{
    Account, AccountFilter, ChargeFilter, find_invoice_as_of, invoice_selection, invoiced_through, list_balances,
    list_charges, list_entries, list_invoices_as_of, list_selected,
};
use subledger_domain::{charge::Charged, ids::InvoiceNumber};
use subledger_fold::{Rows, as_of::Horizon, page::QueryError};
use subledger_log::codec::{FieldError, Wire};
use subledger_proto::api::{
    Balance, Charge, ChargeExplanation, CreditNote, Derivation, Entry, ExplainChargeRequest,
    ExportReconciliationRequest, GetCreditNoteRequest, GetInvoiceDocumentRequest, GetInvoiceRequest, Invoice,
    ListAgeingRequest, ListAgeingResponse, ListBalancesRequest, ListBalancesResponse, ListBillingChangesRequest,
    ListChangesResponse, ListChargesRequest, ListChargesResponse, ListCreditNotesRequest, ListCreditNotesResponse,
    ListEntriesRequest, ListEntriesResponse, ListInvoicesRequest, ListInvoicesResponse, ListPaymentsRequest,
    ListPaymentsResponse, ListReconciliationLinesRequest, ListSlaClaimsRequest, ListSlaClaimsResponse,
    ListSpendingRequest, ListSpendingResponse, ListStatementRequest, ListStatementResponse, ListUsageRequest,
    ListUsageResponse, ListWithholdingRequestsRequest, ListWithholdingRequestsResponse,
    billing_service_server::BillingService,
};
use tonic::{Request, Response, Status};

use super::{catalog::id, errors, position::Wanted, read_model::ReadModel};

/// The service.
pub(crate) struct BillingApi {
    model: ReadModel,
}

impl BillingApi {
    /// A service over the billing read model.
    pub(crate) fn new(model: ReadModel) -> Self {
        Self { model }
    }
}

#[tonic::async_trait]
impl BillingService for BillingApi {
    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        receivables::list_payments(&self.model, request).await
    }

    async fn list_credit_notes(
        &self,
        request: Request<ListCreditNotesRequest>,
    ) -> Result<Response<ListCreditNotesResponse>, Status> {
        receivables::list_credit_notes(&self.model, request).await
    }

    async fn get_credit_note(&self, request: Request<GetCreditNoteRequest>) -> Result<Response<CreditNote>, Status> {
        receivables::get_credit_note(&self.model, request).await
    }

    async fn list_withholding_requests(
        &self,
        request: Request<ListWithholdingRequestsRequest>,
    ) -> Result<Response<ListWithholdingRequestsResponse>, Status> {
        receivables::list_withholding_requests(&self.model, request).await
    }

    async fn list_sla_claims(
        &self,
        request: Request<ListSlaClaimsRequest>,
    ) -> Result<Response<ListSlaClaimsResponse>, Status> {
        receivables::list_sla_claims(&self.model, request).await
    }

    async fn list_ageing(&self, request: Request<ListAgeingRequest>) -> Result<Response<ListAgeingResponse>, Status> {
        receivables::list_ageing(&self.model, request).await
    }

    async fn list_statement(
        &self,
        request: Request<ListStatementRequest>,
    ) -> Result<Response<ListStatementResponse>, Status> {
        receivables::list_statement(&self.model, request).await
    }

    async fn list_balances(
        &self,
        request: Request<ListBalancesRequest>,
    ) -> Result<Response<ListBalancesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let page = self.model.page(request.page_size, request.page_token)?;
        let filter = account_filter(request.partner_id, request.currency, &request.account)?;
        let (balances, next_page_token, reflects) = self
            .model
            .list_as_of(wanted, as_of, move |rows, horizon| {
                list_balances(rows, &AccountFilter { horizon: horizon.clone(), ..filter }, page.request())
            })
            .await?;
        let balances = balances.iter().map(to_balance).collect();
        Ok(Response::new(ListBalancesResponse { balances, next_page_token, reflects }))
    }

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let page = self.model.page(request.page_size, request.page_token)?;
        let filter = account_filter(request.partner_id, request.currency, &request.account)?;
        let (entries, next_page_token, reflects) = self
            .model
            .list_as_of(wanted, as_of, move |rows, horizon| {
                list_entries(rows, &AccountFilter { horizon: horizon.clone(), ..filter }, page.request())
            })
            .await?;
        let entries = entries.into_iter().map(to_entry).collect();
        Ok(Response::new(ListEntriesResponse { entries, next_page_token, reflects }))
    }

    async fn list_charges(
        &self,
        request: Request<ListChargesRequest>,
    ) -> Result<Response<ListChargesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let page = self.model.page(request.page_size, request.page_token)?;
        let filter = ChargeFilter {
            partner_id: optional_id("partner_id", request.partner_id)?,
            customer_id: optional_id("customer_id", request.customer_id)?,
            subscription_id: optional_id("subscription_id", request.subscription_id)?,
            unbilled: request.unbilled,
            ..ChargeFilter::default()
        };
        let (charges, next_page_token, reflects) = self
            .model
            .list_as_of(wanted, as_of, move |rows, horizon| {
                list_charges(rows, &ChargeFilter { horizon: horizon.clone(), ..filter }, page.request())
            })
            .await?;
        let charges = charges.into_iter().map(to_charge).collect();
        Ok(Response::new(ListChargesResponse { charges, next_page_token, reflects }))
    }

    async fn list_invoices(
        &self,
        request: Request<ListInvoicesRequest>,
    ) -> Result<Response<ListInvoicesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let page = self.model.page(request.page_size, request.page_token)?;
        let partner = optional_id("partner_id", request.partner_id)?;
        let partitions = self.model.customers_partitions();
        let read = move |rows: &dyn Rows, horizon: &Horizon| -> Result<_, QueryError> {
            let page = list_invoices_as_of(rows, partner.as_ref(), horizon, page.request())?;
            Ok((page, invoiced_through(rows, partitions)?))
        };
        let ((page, through), reflects) = self.model.read_as_of(wanted, as_of, read).await?;
        Ok(Response::new(ListInvoicesResponse {
            invoices: page.items.into_iter().map(to_invoice).collect(),
            next_page_token: page.next.unwrap_or_default(),
            reflects,
            invoiced_through: through.to_wire(),
        }))
    }

    async fn get_invoice(&self, request: Request<GetInvoiceRequest>) -> Result<Response<Invoice>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let number: InvoiceNumber = id("invoice_number", request.invoice_number)?;
        let text = number.to_string();
        let page = self.model.page(i32::MAX, String::new())?;
        let read = move |rows: &dyn Rows, horizon: &Horizon| -> Result<_, QueryError> {
            let Some(invoice) = find_invoice_as_of(rows, &number, horizon)? else { return Ok(None) };
            let Some(selection) = invoice_selection(rows, &number)? else { return Ok(None) };
            let lines = list_selected(rows, &selection, page.request())?;
            Ok(Some((invoice, selection, lines)))
        };
        let (found, reflects) = self.model.read_as_of(wanted, as_of, read).await?;
        let (mut invoice, selection, lines) = found.ok_or_else(|| errors::not_found("invoice", &text))?;
        invoice.lines = lines.items;
        let mut wire = Invoice { reflects, ..to_invoice(invoice) };
        if let Some(next) = lines.next {
            document::complete_fields(&self.model, &selection, &next, &mut wire).await?;
            wire.next_lines_page_token = next;
        }
        Ok(Response::new(wire))
    }

    async fn list_reconciliation_lines(
        &self,
        request: Request<ListReconciliationLinesRequest>,
    ) -> Result<Response<ListChargesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let (selection, _) = selection::find(&self.model, wanted, request.selection).await?;
        let (charges, next_page_token, reflects) =
            self.model.list(Wanted::default(), move |rows| list_selected(rows, &selection, page.request())).await?;
        let charges = charges.into_iter().map(to_charge).collect();
        Ok(Response::new(ListChargesResponse { charges, next_page_token, reflects }))
    }

    type ExportReconciliationStream = document::Chunks;

    async fn export_reconciliation(
        &self,
        request: Request<ExportReconciliationRequest>,
    ) -> Result<Response<Self::ExportReconciliationStream>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let (selection, layout) = selection::find(&self.model, wanted, request.selection).await?;
        if request.daily_usage {
            return Ok(Response::new(document::daily_usage(self.model.clone(), selection)));
        }
        Ok(Response::new(document::reconciliation(self.model.clone(), selection, layout)))
    }

    type GetInvoiceDocumentStream = document::Chunks;

    async fn get_invoice_document(
        &self,
        request: Request<GetInvoiceDocumentRequest>,
    ) -> Result<Response<Self::GetInvoiceDocumentStream>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        document::of_invoice(&self.model, wanted, request.into_inner()).await.map(Response::new)
    }

    async fn explain_charge(
        &self,
        request: Request<ExplainChargeRequest>,
    ) -> Result<Response<ChargeExplanation>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        explain::explain(&self.model, wanted, request.into_inner()).await.map(Response::new)
    }

    async fn list_billing_changes(
        &self,
        request: Request<ListBillingChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        changes::list(&self.model, request).await
    }

    async fn list_usage(&self, request: Request<ListUsageRequest>) -> Result<Response<ListUsageResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        usage::usage(&self.model, wanted, request.into_inner()).await
    }

    async fn list_spending(
        &self,
        request: Request<ListSpendingRequest>,
    ) -> Result<Response<ListSpendingResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        usage::spending(&self.model, wanted, request.into_inner()).await
    }
}

/// An id that a request may leave empty.
pub(super) fn optional_id<T>(field: &str, text: String) -> Result<Option<T>, Status>
where
    Option<T>: Wire<String>,
{
    Option::<T>::from_wire(text).map_err(|error: FieldError| errors::invalid_field(&error.within(field)))
}

fn account_filter(partner_id: String, currency: String, account: &str) -> Result<AccountFilter, Status> {
    let named = || {
        Account::from_name(account).ok_or_else(|| {
            let names: Vec<_> = Account::ALL.iter().map(|account| account.name()).collect();
            let what = format!("{account:?} is no account; these are: {}", names.join(", "));
            errors::field_status("INVALID_VALUE", "account", &what)
        })
    };
    Ok(AccountFilter {
        partner_id: optional_id("partner_id", partner_id)?,
        currency: optional_id("currency", currency)?,
        account: if account.is_empty() { None } else { Some(named()?) },
        ..AccountFilter::default()
    })
}

/// The API's form.
pub(crate) fn to_balance(balance: &subledger_billing::Balance) -> Balance {
    Balance {
        partner_id: balance.partner_id.to_wire(),
        currency: balance.currency.to_wire(),
        account: balance.account.name().into(),
        amount: balance.amount.to_wire(),
        debits: balance.debits.to_wire(),
        credits: balance.credits.to_wire(),
        entry_count: balance.entry_count,
    }
}

/// The API's form.
pub(crate) fn to_entry(entry: subledger_billing::Entry) -> Entry {
    Entry {
        position: Some(entry.position.to_wire()),
        partner_id: entry.partner_id.to_wire(),
        customer_id: entry.customer_id.to_wire(),
        currency: entry.currency.to_wire(),
        account: entry.account.name().into(),
        debit: entry.debit.to_wire(),
        credit: entry.credit.to_wire(),
        booked_on: entry.booked_on.to_wire(),
        reference: entry.reference,
    }
}

/// The API's form.
pub(crate) fn to_charge(charge: subledger_billing::Charge) -> Charge {
    line_to_wire(charge.line, charge.invoice_number.as_ref())
}

/// A line as the API has it.
pub(crate) fn line_to_wire(line: Charged, invoice_number: Option<&InvoiceNumber>) -> Charge {
    let charge_end = line.charge_end.pred_opt().unwrap_or(line.charge_end);
    let show = |amount: Decimal| line.currency.round(amount).to_wire();
    Charge {
        line_id: line.line_id.to_wire(),
        customer_id: line.customer_id.to_wire(),
        partner_id: line.partner_id.to_wire(),
        subscription_id: line.subscription_id.to_wire(),
        order_id: line.order_id.to_wire(),
        offer_id: line.offer_id.to_wire(),
        charge_type: line.charge_type.label().into(),
        charge_start: line.charge_start.to_wire(),
        charge_end: charge_end.to_wire(),
        unit_price: line.unit_price.to_wire(),
        quantity: line.quantity,
        amount: line.amount.to_wire(),
        currency: line.currency.to_wire(),
        charged_on: line.charged_on.to_wire(),
        purchase_date: line.purchase_date.to_wire(),
        invoice_number: invoice_number.map(ToString::to_string).unwrap_or_default(),
        discount: show(line.discount_amount()),
        subtotal: show(line.subtotal()),
        tax: show(line.tax_amount()),
        total: show(line.total()),
        tax_detail: line.tax.to_wire(),
        promotion: line.discount.as_ref().map(|discount| discount.promotion.to_wire()),
        reverses_line_id: line.reverses_line_id.to_wire(),
        billing_frequency: line.billing_frequency.to_wire(),
        derivation: Some(Derivation {
            rule: line.derivation.rule.to_wire(),
            period_price: line.derivation.period_price.to_wire(),
            period_days: line.derivation.period_days,
            billed_days: line.derivation.billed_days,
        }),
        reseller_id: line.reseller_id.to_wire(),
        offer_name: line.offer_name,
        component: line.component.unwrap_or_default(),
        sku: line.sku.unwrap_or_default(),
        subscription_description: line.subscription_description.unwrap_or_default(),
        reference: line.reference.unwrap_or_default(),
        usage: line.usage.to_wire(),
    }
}

/// The API's form.
pub(crate) fn to_invoice(invoice: subledger_billing::Invoice) -> Invoice {
    let fields = Some(invoice_fields::of(&invoice));
    let settlement = invoice.settlement;
    Invoice {
        fields,
        state: settlement.state.name().into(),
        paid: settlement.paid.to_wire(),
        withheld: settlement.withheld.to_wire(),
        credited: settlement.credited.to_wire(),
        due: settlement.due.to_wire(),
        withholding_credits: invoice.withholding_credits.to_wire(),
        cancelled_by: settlement.cancelled_by.to_wire(),
        rebilled_as: settlement.rebilled_as.to_wire(),
        refund: if settlement.rebills.is_some() { settlement.refund.to_wire() } else { String::new() },
        rebills: settlement.rebills.to_wire(),
        purchase_order: settlement.purchase_order.unwrap_or_default(),
        bill_to: settlement.bill_to.as_ref().map(Wire::to_wire),
        invoice_number: invoice.invoice_number.to_wire(),
        partner_id: invoice.partner_id.to_wire(),
        family: invoice.family.to_wire(),
        currency: invoice.currency.to_wire(),
        period_start: invoice.period_start.to_wire(),
        period_end: invoice.period_end.to_wire(),
        invoice_date: invoice.invoice_date.to_wire(),
        due_date: invoice.due_date.to_wire(),
        total: invoice.total.to_wire(),
        totals: Some(invoice.totals.to_wire()),
        line_count: invoice.line_count,
        lines_digest: invoice.lines_digest,
        lines: invoice.lines.into_iter().map(to_charge).collect(),
        reflects: Vec::new(),
        next_lines_page_token: String::new(),
    }
}
