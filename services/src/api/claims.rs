//! `ClaimService`: associations of partners with customers, and claims on co-op funds.

mod wire;

use chrono::NaiveDate;
use subledger_domain::{
    association::{AssociationState, CporProgram},
    coop::{self, CoopClaimState},
    ids::{AssociationId, CoopClaimId, CustomerId, PartnerId},
};
use subledger_fold::{Rows, as_of::Horizon};
use subledger_incentive::{
    AssociationFilter, CoopFilter, get_association, get_coop_claim, list_association_credits, list_associations,
    list_coop_claims, list_coop_funds,
};
use subledger_proto::api::{
    Association, CoopClaim, GetAssociationRequest, GetCoopClaimRequest, ListAssociationCreditsRequest,
    ListAssociationCreditsResponse, ListAssociationsRequest, ListAssociationsResponse, ListCoopActivitiesRequest,
    ListCoopActivitiesResponse, ListCoopClaimsRequest, ListCoopClaimsResponse, ListCoopFundsRequest,
    ListCoopFundsResponse, claim_service_server::ClaimService,
};
use tonic::{Request, Response, Status};

pub(crate) use self::wire::{to_association, to_claim, to_credit, to_fund};
use super::{billing::optional_id, catalog::id, errors, read_model::ReadModel};

/// The service.
pub(crate) struct ClaimApi {
    model: ReadModel,
}

impl ClaimApi {
    /// A service over the incentive read model.
    pub(crate) fn new(model: ReadModel) -> Self {
        Self { model }
    }
}

/// A value out of a published list; empty for none.
fn named<T>(
    field: &str,
    text: &str,
    find: impl FnOnce(&str) -> Option<T>,
    accepted: &[&str],
) -> Result<Option<T>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let what = || format!("{text:?} is not one of {}", accepted.join(", "));
    find(text).map(Some).ok_or_else(|| errors::field_status("INVALID_VALUE", field, &what()))
}

fn optional(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn coop_program(text: &str) -> Result<Option<String>, Status> {
    let accepted: Vec<_> = coop::programs().map(|program| program.code).collect();
    named("program", text, |code| coop::program(code).map(|program| program.code.to_owned()), &accepted)
}

#[tonic::async_trait]
impl ClaimService for ClaimApi {
    async fn list_associations(
        &self,
        request: Request<ListAssociationsRequest>,
    ) -> Result<Response<ListAssociationsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let states = subledger_domain::association::STATES.map(AssociationState::name);
        let filter = AssociationFilter {
            partner_id: optional_id("partner_id", request.partner_id)?,
            customer_id: optional_id("customer_id", request.customer_id)?,
            program: named(
                "program",
                &request.program,
                CporProgram::from_name,
                &CporProgram::ALL.map(CporProgram::name),
            )?,
            location_mpn_id: optional(request.location_mpn_id),
            state: named("state", &request.state, AssociationState::from_name, &states)?,
            from: optional_id::<NaiveDate>("from", request.from)?,
            to: optional_id::<NaiveDate>("to", request.to)?,
            horizon: Horizon::default(),
        };
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_associations(rows, &AssociationFilter { horizon: horizon.clone(), ..filter }, page.request())
        };
        let (found, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let associations = found.iter().map(to_association).collect();
        Ok(Response::new(ListAssociationsResponse { associations, next_page_token, reflects }))
    }

    async fn get_association(&self, request: Request<GetAssociationRequest>) -> Result<Response<Association>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let customer_id: CustomerId = id("customer_id", request.customer_id)?;
        let association_id: AssociationId = id("association_id", request.association_id)?;
        let text = association_id.to_string();
        let get = move |rows: &dyn Rows| get_association(rows, &customer_id, &association_id);
        let (found, reflects) = self.model.read(wanted, get).await?;
        let (association, steps) = found.ok_or_else(|| errors::not_found("association", &text))?;
        let history = steps.into_iter().map(wire::to_step).collect();
        Ok(Response::new(Association { history, reflects, ..to_association(&association) }))
    }

    async fn list_association_credits(
        &self,
        request: Request<ListAssociationCreditsRequest>,
    ) -> Result<Response<ListAssociationCreditsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer_id: Option<CustomerId> = optional_id("customer_id", request.customer_id)?;
        let list = move |rows: &dyn Rows| list_association_credits(rows, customer_id.as_ref(), page.request());
        let (found, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let credits = found.iter().map(to_credit).collect();
        Ok(Response::new(ListAssociationCreditsResponse { credits, next_page_token, reflects }))
    }

    async fn list_coop_activities(
        &self,
        request: Request<ListCoopActivitiesRequest>,
    ) -> Result<Response<ListCoopActivitiesResponse>, Status> {
        let program = coop_program(&request.into_inner().program)?;
        let paid = |activity: &&coop::Activity| {
            program.as_deref().is_none_or(|program| !activity.excluded_programs.contains(&program))
        };
        let activities = coop::activities().iter().filter(paid);
        let activities = activities.map(|activity| wire::to_activity(activity, program.as_deref())).collect();
        Ok(Response::new(ListCoopActivitiesResponse { activities }))
    }

    async fn list_coop_funds(
        &self,
        request: Request<ListCoopFundsRequest>,
    ) -> Result<Response<ListCoopFundsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let on: Option<NaiveDate> = optional_id("on", request.on)?;
        let filter = CoopFilter {
            partner_id: optional_id::<PartnerId>("partner_id", request.partner_id)?,
            program: coop_program(&request.program)?,
            usage_period_id: optional_id("usage_period_id", request.usage_period_id)?,
            location_mpn_id: optional(request.location_mpn_id),
            ..CoopFilter::default()
        };
        let list = move |rows: &dyn Rows| list_coop_funds(rows, &filter, on, page.request());
        let (found, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let funds = found.iter().map(to_fund).collect();
        Ok(Response::new(ListCoopFundsResponse { funds, next_page_token, reflects }))
    }

    async fn list_coop_claims(
        &self,
        request: Request<ListCoopClaimsRequest>,
    ) -> Result<Response<ListCoopClaimsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let states = coop::CLAIM_STATES.map(CoopClaimState::name);
        let filter = CoopFilter {
            partner_id: optional_id::<PartnerId>("partner_id", request.partner_id)?,
            program: coop_program(&request.program)?,
            usage_period_id: optional_id("usage_period_id", request.usage_period_id)?,
            location_mpn_id: optional(request.location_mpn_id),
            state: named("state", &request.state, CoopClaimState::from_name, &states)?,
            activity: optional(request.activity),
        };
        let list = move |rows: &dyn Rows| list_coop_claims(rows, &filter, page.request());
        let (found, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let claims = found.iter().map(to_claim).collect();
        Ok(Response::new(ListCoopClaimsResponse { claims, next_page_token, reflects }))
    }

    async fn get_coop_claim(&self, request: Request<GetCoopClaimRequest>) -> Result<Response<CoopClaim>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let partner_id: PartnerId = id("partner_id", request.partner_id)?;
        let claim_id: CoopClaimId = id("claim_id", request.claim_id)?;
        let text = claim_id.to_string();
        let get = move |rows: &dyn Rows| get_coop_claim(rows, &partner_id, &claim_id);
        let (found, reflects) = self.model.read(wanted, get).await?;
        let (claim, steps) = found.ok_or_else(|| errors::not_found("co-op claim", &text))?;
        let history = steps.into_iter().map(wire::to_step).collect();
        Ok(Response::new(CoopClaim { history, reflects, ..to_claim(&claim) }))
    }
}
