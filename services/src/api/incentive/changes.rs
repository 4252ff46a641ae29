//! `ListIncentiveChanges`.

use subledger_domain::ids::PartnerId;
use subledger_incentive::{
    EnrollmentView, IncentiveChange, IncentiveChanged, IncentivePayment, list_incentive_changes,
};
use subledger_proto::api::{self, ListChangesResponse, ListIncentiveChangesRequest};
use tonic::{Response, Status};

use super::{
    programs::{to_dispute, to_enrollment, to_payment, to_period},
    to_credit_dispute,
};
use crate::api::{catalog::id, changes, position::Wanted, read_model::ReadModel};

/// A page of changes.
pub(super) async fn list(
    model: &ReadModel,
    wanted: Wanted,
    request: ListIncentiveChangesRequest,
) -> Result<Response<ListChangesResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let partner: PartnerId = id("partner_id", request.partner_id)?;
    let moments = model.between(request.from, request.to)?;
    let (page, reflects) = model
        .read_between(wanted, moments, move |rows, from, to| {
            list_incentive_changes(rows, &partner, (from, to), page.request())
        })
        .await?;
    let changes = page.items.into_iter().map(to_wire).collect::<Result<_, _>>()?;
    Ok(Response::new(ListChangesResponse { changes, next_page_token: page.next.unwrap_or_default(), reflects }))
}

/// What both moments have in common to name the thing by.
fn names<T>(before: Option<&T>, after: Option<&T>, of: impl Fn(&T) -> (String, String)) -> (String, String) {
    before.or(after).map(of).unwrap_or_default()
}

fn to_wire(change: IncentiveChange) -> Result<api::Change, Status> {
    let compared = match change.what {
        IncentiveChanged::Enrollment(before, after) => {
            // Each move is a change of its own.
            let plain = |view: &EnrollmentView| api::Enrollment { history: Vec::new(), ..to_enrollment(view) };
            let [before, after] = [before, after].map(|it| it.map(|it| plain(&it)));
            let named = |it: &api::Enrollment| (it.partner_id.clone(), format!("{} {}", it.program_id, it.mpn_id));
            let (partner_id, id) = names(before.as_ref(), after.as_ref(), named);
            let compared = changes::change("subledger.v1.Enrollment", before.as_ref(), after.as_ref())?;
            api::Change { kind: "enrollment".into(), id, partner_id, ..compared }
        }
        IncentiveChanged::Period(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_period(&it)));
            let named = |it: &api::EarningPeriod| {
                (it.partner_id.clone(), format!("{} {} {}", it.program_id, it.mpn_id, it.month))
            };
            let (partner_id, id) = names(before.as_ref(), after.as_ref(), named);
            let compared = changes::change("subledger.v1.EarningPeriod", before.as_ref(), after.as_ref())?;
            api::Change { kind: "earnings".into(), id, partner_id, ..compared }
        }
        IncentiveChanged::Payment(before, after) => {
            let plain = |view: &IncentivePayment| api::IncentivePayment { history: Vec::new(), ..to_payment(view) };
            let [before, after] = [before, after].map(|it| it.map(|it| plain(&it)));
            let named = |it: &api::IncentivePayment| (it.partner_id.clone(), it.payment_id.clone());
            let (partner_id, id) = names(before.as_ref(), after.as_ref(), named);
            let compared = changes::change("subledger.v1.IncentivePayment", before.as_ref(), after.as_ref())?;
            api::Change { kind: "incentive payment".into(), id, partner_id, ..compared }
        }
        IncentiveChanged::Dispute(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_dispute(&it)));
            let named = |it: &api::EarningDispute| (it.partner_id.clone(), it.dispute_id.clone());
            let (partner_id, id) = names(before.as_ref(), after.as_ref(), named);
            let compared = changes::change("subledger.v1.EarningDispute", before.as_ref(), after.as_ref())?;
            api::Change { kind: "earning dispute".into(), id, partner_id, ..compared }
        }
        IncentiveChanged::CreditDispute(before, after) => {
            let [before, after] = [before, after].map(|it| it.map(|it| to_credit_dispute(&it)));
            let named = |it: &api::EarnedCreditDispute| (it.partner_id.clone(), it.dispute_id.clone());
            let (partner_id, id) = names(before.as_ref(), after.as_ref(), named);
            let of_customer = before.as_ref().or(after.as_ref()).map(|it| it.customer_id.clone());
            let customer_id = of_customer.unwrap_or_default();
            let compared = changes::change("subledger.v1.EarnedCreditDispute", before.as_ref(), after.as_ref())?;
            api::Change { kind: "earned-credit dispute".into(), id, partner_id, customer_id, ..compared }
        }
    };
    Ok(changes::with_causes(compared, change.causes, change.causes_left_out))
}
