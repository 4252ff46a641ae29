//! `IncentiveService`: what incentives are computed on, earned credit; enrollment, earnings and payments stand in [`programs`].

mod changes;
mod export;
pub(crate) mod programs;

use subledger_fold::{Rows, as_of::Horizon};
use subledger_incentive::{
    BaseFilter, CreditFilter, EarnedCredit, EarnedCreditDispute, EarnedCreditTotal, InvalidMonth, Month, list_bases,
    list_earned_credit, list_earned_credit_disputes, list_earned_credit_totals,
};
use subledger_log::codec::Wire as _;
use subledger_proto::api::{
    self, IncentiveBase, ListEarnedCreditRequest, ListEarnedCreditResponse, ListEarnedCreditTotalsRequest,
    ListEarnedCreditTotalsResponse, ListIncentiveBasesRequest, ListIncentiveBasesResponse,
    incentive_service_server::IncentiveService,
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
        let (partner_id, month) = (optional_id("partner_id", request.partner_id)?, month("month", &request.month)?);
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_bases(rows, &BaseFilter { partner_id, month, horizon: horizon.clone() }, page.request())
        };
        let (bases, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let bases = bases.iter().map(to_base).collect();
        Ok(Response::new(ListIncentiveBasesResponse { bases, next_page_token, reflects }))
    }

    async fn list_earned_credit(
        &self,
        request: Request<ListEarnedCreditRequest>,
    ) -> Result<Response<ListEarnedCreditResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let filter = CreditFilter {
            partner_id: optional_id("partner_id", request.partner_id)?,
            customer_id: optional_id("customer_id", request.customer_id)?,
            month: month("month", &request.month)?,
            ..CreditFilter::default()
        };
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_earned_credit(rows, &CreditFilter { horizon: horizon.clone(), ..filter }, page.request())
        };
        let (credits, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let credits = credits.iter().map(to_earned_credit).collect();
        Ok(Response::new(ListEarnedCreditResponse { credits, next_page_token, reflects }))
    }

    async fn list_earned_credit_totals(
        &self,
        request: Request<ListEarnedCreditTotalsRequest>,
    ) -> Result<Response<ListEarnedCreditTotalsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let partner_id = optional_id("partner_id", request.partner_id)?;
        let filter = CreditFilter { partner_id, month: month("month", &request.month)?, ..CreditFilter::default() };
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_earned_credit_totals(rows, &CreditFilter { horizon: horizon.clone(), ..filter }, page.request())
        };
        let (totals, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let totals = totals.iter().map(to_total).collect();
        Ok(Response::new(ListEarnedCreditTotalsResponse { totals, next_page_token, reflects }))
    }

    async fn list_earned_credit_disputes(
        &self,
        request: Request<api::ListEarnedCreditDisputesRequest>,
    ) -> Result<Response<api::ListEarnedCreditDisputesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let filter = CreditFilter {
            partner_id: optional_id("partner_id", request.partner_id)?,
            customer_id: optional_id("customer_id", request.customer_id)?,
            ..CreditFilter::default()
        };
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_earned_credit_disputes(rows, &CreditFilter { horizon: horizon.clone(), ..filter }, page.request())
        };
        let (disputes, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let disputes = disputes.iter().map(to_credit_dispute).collect();
        Ok(Response::new(api::ListEarnedCreditDisputesResponse { disputes, next_page_token, reflects }))
    }

    async fn list_incentive_programs(
        &self,
        request: Request<api::ListIncentiveProgramsRequest>,
    ) -> Result<Response<api::ListIncentiveProgramsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::programs(&self.model, wanted, request.into_inner()).await
    }

    async fn list_enrollments(
        &self,
        request: Request<api::ListEnrollmentsRequest>,
    ) -> Result<Response<api::ListEnrollmentsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::enrollments(&self.model, wanted, request.into_inner()).await
    }

    async fn list_earning_periods(
        &self,
        request: Request<api::ListEarningPeriodsRequest>,
    ) -> Result<Response<api::ListEarningPeriodsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::periods(&self.model, wanted, request.into_inner()).await
    }

    async fn list_earnings(
        &self,
        request: Request<api::ListEarningsRequest>,
    ) -> Result<Response<api::ListEarningsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::earnings(&self.model, wanted, request.into_inner()).await
    }

    async fn list_incentive_payments(
        &self,
        request: Request<api::ListIncentivePaymentsRequest>,
    ) -> Result<Response<api::ListIncentivePaymentsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::payments(&self.model, wanted, request.into_inner()).await
    }

    async fn list_earning_disputes(
        &self,
        request: Request<api::ListEarningDisputesRequest>,
    ) -> Result<Response<api::ListEarningDisputesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::disputes(&self.model, wanted, request.into_inner()).await
    }

    async fn list_incentive_changes(
        &self,
        request: Request<api::ListIncentiveChangesRequest>,
    ) -> Result<Response<api::ListChangesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        changes::list(&self.model, wanted, request.into_inner()).await
    }

    async fn explain_earning(
        &self,
        request: Request<api::ExplainEarningRequest>,
    ) -> Result<Response<api::EarningExplanation>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::explain(&self.model, wanted, request.into_inner()).await
    }

    async fn get_incentive_overview(
        &self,
        request: Request<api::GetIncentiveOverviewRequest>,
    ) -> Result<Response<api::IncentiveOverview>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        programs::overview(&self.model, wanted, request.into_inner()).await
    }

    type ExportIncentivesStream = export::Chunks;

    async fn export_incentives(
        &self,
        request: Request<api::ExportIncentivesRequest>,
    ) -> Result<Response<Self::ExportIncentivesStream>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        export::export(&self.model, wanted, request.into_inner()).await.map(Response::new)
    }
}

/// The API's form.
pub(crate) fn to_earned_credit(credit: &EarnedCredit) -> api::EarnedCredit {
    api::EarnedCredit {
        partner_id: credit.partner_id.to_wire(),
        reseller_id: credit.reseller_id.to_wire(),
        customer_id: credit.customer_id.to_wire(),
        subscription_id: credit.subscription_id.to_wire(),
        azure_subscription_id: credit.resource.azure_subscription_id.to_wire(),
        resource_group: credit.resource.resource_group.clone(),
        resource_uri: credit.resource.resource_uri.clone(),
        meter_id: credit.meter_id.to_wire(),
        usage_date: credit.usage_date.to_wire(),
        quantity: credit.quantity.to_wire(),
        pricing_gross: credit.pricing_gross.to_wire(),
        pricing_currency: credit.pricing_currency.to_wire(),
        exchange_rate: credit.exchange_rate.to_wire(),
        currency: credit.currency.to_wire(),
        gross: credit.gross.to_wire(),
        percent: credit.percent.to_wire(),
        earned: credit.earned.to_wire(),
        forgone: credit.forgone.to_wire(),
        reason: credit.reason.code().to_owned(),
        explanation: credit.reason.text().to_owned(),
        earner_id: credit.earner_id.to_wire(),
        rated_on: credit.rated_on.to_wire(),
    }
}

/// The API's form.
pub(crate) fn to_total(total: &EarnedCreditTotal) -> api::EarnedCreditTotal {
    api::EarnedCreditTotal {
        partner_id: total.partner_id.to_wire(),
        month: total.month.to_string(),
        currency: total.currency.to_wire(),
        gross: total.gross.to_wire(),
        earned: total.earned.to_wire(),
        forgone: total.forgone.to_wire(),
        charged: total.charged.to_wire(),
    }
}

/// The API's form.
pub(crate) fn to_credit_dispute(dispute: &EarnedCreditDispute) -> api::EarnedCreditDispute {
    let e = &dispute.event;
    api::EarnedCreditDispute {
        dispute_id: e.dispute_id.to_wire(),
        partner_id: e.partner_id.to_wire(),
        customer_id: e.customer_id.to_wire(),
        scope: Some(e.scope.to_wire()),
        from: e.from.to_wire(),
        to: e.to.to_wire(),
        claimed_percent: e.claimed_percent.to_wire(),
        evidence: e.evidence.clone(),
        state: dispute.state.to_owned(),
        note: dispute.note.clone(),
        disputed_on: e.disputed_on.to_wire(),
        decided_on: dispute.decided_on.to_wire(),
    }
}

fn month(field: &str, text: &str) -> Result<Option<Month>, Status> {
    let invalid = |error: InvalidMonth| errors::field_status("INVALID_VALUE", field, &error.to_string());
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
