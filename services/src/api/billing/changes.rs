//! `ListBillingChanges`.

use subledger_billing::{Change, Changed, list_balance_changes, list_invoice_changes};
use subledger_domain::ids::PartnerId;
use subledger_fold::page::Page;
use subledger_proto::api::{self, ListBillingChangesRequest, ListChangesResponse};
use tonic::{Request, Response, Status};

use super::{to_balance, to_invoice};
use crate::api::{catalog::id, changes, read_model::ReadModel};

/// Balances come with the first page of invoices.
pub(super) async fn list(
    model: &ReadModel,
    request: Request<ListBillingChangesRequest>,
) -> Result<Response<ListChangesResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let is_first = request.page_token.is_empty();
    let page = model.page(request.page_size, request.page_token)?;
    let partner: PartnerId = id("partner_id", request.partner_id)?;
    let moments = model.between(request.from, request.to)?;
    let (page, reflects) = model
        .read_between(wanted, moments, move |rows, from, to| {
            let mut items = if is_first { list_balance_changes(rows, &partner, from, to)? } else { Vec::new() };
            let page = list_invoice_changes(rows, &partner, from, to, page.request())?;
            items.extend(page.items);
            Ok(Page { items, next: page.next })
        })
        .await?;
    let changes = page.items.into_iter().map(to_wire).collect::<Result<_, _>>()?;
    Ok(Response::new(ListChangesResponse { changes, next_page_token: page.next.unwrap_or_default(), reflects }))
}

fn to_wire(change: Change) -> Result<api::Change, Status> {
    let compared = match change.what {
        Changed::Balance(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_balance(&it)));
            let names = before.as_ref().or(after.as_ref());
            let names = names.map(|it| (it.partner_id.clone(), format!("{} {}", it.currency, it.account)));
            let (partner_id, id) = names.unwrap_or_default();
            let compared = changes::change("subledger.v1.Balance", before.as_ref(), after.as_ref())?;
            api::Change { kind: "balance".into(), id, partner_id, ..compared }
        }
        Changed::Invoice(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_invoice(*it)));
            let names = before.as_ref().or(after.as_ref());
            let names = names.map(|it| (it.partner_id.clone(), it.invoice_number.clone()));
            let (partner_id, id) = names.unwrap_or_default();
            let compared = changes::change("subledger.v1.Invoice", before.as_ref(), after.as_ref())?;
            api::Change { kind: "invoice".into(), id, partner_id, ..compared }
        }
    };
    Ok(changes::with_causes(compared, change.causes, change.causes_left_out))
}
