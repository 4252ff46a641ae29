//! `IncentiveService`: what incentives are computed on.

use subledger_fold::{Rows, as_of::Horizon};
use subledger_incentive::{BaseFilter, InvalidMonth, Month, list_bases};
use subledger_log::codec::Wire as _;
use subledger_proto::api::{
    IncentiveBase, ListIncentiveBasesRequest, ListIncentiveBasesResponse, incentive_service_server::IncentiveService,
};
use tonic::{Request, Response, Status};

use super::{billing::optional_id, errors, read_model::ReadModel};

/// The service.
pub(crate) struct IncentiveApi {
    model: ReadModel,
}

impl IncentiveApi {
    /// A service over the incentive read model.
    pub(crate) fn new(model: ReadModel) -> Self {
        Self { model }
    }
}

#[tonic::async_trait]
impl IncentiveService for IncentiveApi {
    async fn list_incentive_bases(
        &self,
        request: Request<ListIncentiveBasesRequest>,
    ) -> Result<Response<ListIncentiveBasesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let (partner_id, month) = (optional_id("partner_id", request.partner_id)?, month(&request.month)?);
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_bases(rows, &BaseFilter { partner_id, month, horizon: horizon.clone() }, page.request())
        };
        let (bases, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let bases = bases.iter().map(to_base).collect();
        Ok(Response::new(ListIncentiveBasesResponse { bases, next_page_token, reflects }))
    }
}

fn month(text: &str) -> Result<Option<Month>, Status> {
    let invalid = |error: InvalidMonth| errors::field_status("INVALID_VALUE", "month", &error.to_string());
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(invalid) }
}

/// The API's form.
pub(crate) fn to_base(base: &subledger_incentive::IncentiveBase) -> IncentiveBase {
    IncentiveBase {
        partner_id: base.partner_id.to_wire(),
        reseller_id: base.reseller_id.to_wire(),
        month: base.month.to_string(),
        offer_id: base.offer_id.to_wire(),
        currency: base.currency.to_wire(),
        net_revenue: base.net_revenue.to_wire(),
        net_seats: base.net_seats,
        charge_count: base.charge_count,
    }
}
