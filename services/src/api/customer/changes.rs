//! `ListCustomerChanges`.

use subledger_customer::changes::{Between, Change, Changed, list_changes};
use subledger_domain::ids::{CustomerId, PartnerId};
use subledger_proto::api::{self, ListChangesResponse, ListCustomerChangesRequest};
use tonic::{Request, Response, Status};

use super::{to_customer, to_subscription};
use crate::api::{billing::optional_id, changes, errors, read_model::ReadModel};

pub(super) async fn list(
    model: &ReadModel,
    request: Request<ListCustomerChangesRequest>,
) -> Result<Response<ListChangesResponse>, Status> {
    let wanted = model.wanted(&request.get_ref().min_position, request.metadata())?;
    let request = request.into_inner();
    let page = model.page(request.page_size, request.page_token)?;
    let customer: Option<CustomerId> = optional_id("customer_id", request.customer_id)?;
    let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
    if customer.is_none() && partner.is_none() {
        let what = "customer_id or partner_id says whose changes are listed; both are empty";
        return Err(errors::field_status("REQUIRED_FIELD_MISSING", "customer_id", what));
    }
    let moments = model.between(request.from, request.to)?;
    let (page, reflects) = model
        .read_between(wanted, moments, move |rows, from, to| {
            let (customer, partner) =
                (customer.as_ref().map(CustomerId::as_str), partner.as_ref().map(PartnerId::as_str));
            list_changes(rows, customer, partner, Between { from, to }, page.request())
        })
        .await?;
    let changes = page.items.into_iter().flatten().map(to_wire).collect::<Result<_, _>>()?;
    Ok(Response::new(ListChangesResponse { changes, next_page_token: page.next.unwrap_or_default(), reflects }))
}

fn to_wire(change: Change) -> Result<api::Change, Status> {
    let compared = match change.what {
        Changed::Customer(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_customer(*it)));
            let customer_id = before.as_ref().or(after.as_ref()).map(|it| it.customer_id.clone()).unwrap_or_default();
            let compared = changes::change("subledger.v1.Customer", before.as_ref(), after.as_ref())?;
            api::Change { kind: "customer".into(), id: customer_id.clone(), customer_id, ..compared }
        }
        Changed::Subscription(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_subscription(*it)));
            let names = before.as_ref().or(after.as_ref());
            let names = names.map(|it| (it.customer_id.clone(), it.partner_id.clone(), it.subscription_id.clone()));
            let (customer_id, partner_id, id) = names.unwrap_or_default();
            let compared = changes::change("subledger.v1.Subscription", before.as_ref(), after.as_ref())?;
            api::Change { kind: "subscription".into(), id, customer_id, partner_id, ..compared }
        }
    };
    Ok(changes::with_causes(compared, change.causes, change.causes_left_out))
}
