//! `AccessService`: who calls, who has which role, and what callers did.

use std::{sync::Arc, time::Instant};

use subledger_domain::{access::AccessOutcome, ids::PartnerId, partner::Grant};
use subledger_log::{
    Layout, PartitionId,
    codec::{FieldError, Wire as _},
};
use subledger_proto::api::{
    AccessRecord, Caller, GetCallerRequest, ListAccessRecordsRequest, ListAccessRecordsResponse, ListRolesRequest,
    ListRolesResponse, ListSecondFactorsRequest, ListSecondFactorsResponse, RoleAssignment, SecondFactors,
    access_service_server::AccessService,
};
use subledger_writer::{Clock, ReferenceFollower, ReferenceView};
use tonic::{Request, Response, Status};

use super::{
    billing::optional_id,
    errors, paging,
    position::{self, Wanted},
};
use crate::{
    access::{Access, Calls, Seen, SeenFollower, View},
    identity::{self, Principal},
};

/// The service.
pub(crate) struct AccessApi {
    access: Arc<Access>,
    reference: Arc<ReferenceFollower>,
    seen: Arc<SeenFollower>,
    clock: Arc<dyn Clock>,
    layout: Layout,
    page_items_max: usize,
}

impl AccessApi {
    /// A service over the partners' roles and what callers did.
    pub(crate) fn new(
        access: Arc<Access>,
        (reference, seen): (Arc<ReferenceFollower>, Arc<SeenFollower>),
        clock: Arc<dyn Clock>,
        layout: Layout,
        page_items_max: usize,
    ) -> Self {
        Self { access, reference, seen, clock, layout, page_items_max }
    }

    /// Reads what callers did, once everything wanted is known.
    async fn seen<T: Send + 'static>(
        &self,
        wanted: Wanted,
        read: impl FnOnce(&View) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let seen = Arc::clone(&self.seen);
        let reading = move || {
            let last = wanted.positions.iter().filter(|at| at.partition == PartitionId::ACCESS).map(|at| at.seq).max();
            if last.is_some_and(|seq| !seen.wait_for(seq, wanted.wait)) {
                return Err(position::too_far_behind(&wanted, seen.view().position().as_slice()));
            }
            read(&seen.view())
        };
        let read = tokio::task::spawn_blocking(reading).await;
        read.map_err(|_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"))?
    }
}

#[tonic::async_trait]
impl AccessService for AccessApi {
    async fn get_caller(&self, request: Request<GetCallerRequest>) -> Result<Response<Caller>, Status> {
        let principal = Principal::of(&request).as_str().to_owned();
        let Some(caller) = request.extensions().get::<identity::Caller>() else {
            return Ok(Response::new(Caller { principal, is_operator: true, ..Caller::default() }));
        };
        let roles = self.access.roles(caller);
        let row = |(partner_id, grant): (PartnerId, Grant)| to_wire(&partner_id, &principal, &grant);
        Ok(Response::new(Caller {
            kind: caller.kind.label().into(),
            application: caller.application.as_deref().unwrap_or_default().into(),
            second_factor: caller.second_factor,
            is_operator: roles.is_none(),
            roles: roles.unwrap_or_default().into_iter().map(row).collect(),
            principal: principal.clone(),
        }))
    }

    async fn list_roles(&self, request: Request<ListRolesRequest>) -> Result<Response<ListRolesResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let reference = Arc::clone(&self.reference);
        let read = move || {
            let deadline = Instant::now() + wanted.wait;
            if !reference.wait_for(&wanted.positions, deadline.saturating_duration_since(Instant::now())) {
                return Err(position::too_far_behind(&wanted, &reference.view().positions()));
            }
            let view = reference.view();
            let rows = rows(&view, partner.as_ref(), &request.principal);
            let keyed = rows.iter().map(|(key, row)| (key.as_str(), row.clone()));
            let (roles, next_page_token) = paging::slice(keyed, size, &request.page_token)?;
            Ok(ListRolesResponse { roles, next_page_token, reflects: position::to_wire(&view.positions()) })
        };
        let answer = tokio::task::spawn_blocking(read).await;
        let answer = answer.map_err(|_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"))?;
        answer.map(Response::new)
    }

    async fn list_access_records(
        &self,
        request: Request<ListAccessRecordsRequest>,
    ) -> Result<Response<ListAccessRecordsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let outcome = Option::<AccessOutcome>::from_wire(request.outcome)
            .map_err(|error: FieldError| errors::invalid_field(&error.within("outcome")))?;
        let read = move |view: &View| {
            let rows = view.rows().filter(|seen| {
                partner.as_ref().is_none_or(|partner| seen.row.partner_id.as_ref() == Some(partner))
                    && (request.principal.is_empty() || seen.row.principal == request.principal)
                    && outcome.is_none_or(|outcome| seen.row.outcome == outcome)
            });
            // The newest first: keys fall, and a page goes on where the one before ended, whatever came since.
            let keyed =
                rows.map(|seen| (format!("{:016x}{:04x}", u64::MAX - seen.position.seq, 0xffff - seen.number), seen));
            let (page, next_page_token) = paging::slice(keyed, size, &request.page_token)?;
            let records = page.into_iter().map(record).collect();
            let reflects = position::to_wire(view.position().as_slice());
            Ok(ListAccessRecordsResponse { records, next_page_token, reflects })
        };
        self.seen(wanted, read).await.map(Response::new)
    }

    async fn list_second_factors(
        &self,
        request: Request<ListSecondFactorsRequest>,
    ) -> Result<Response<ListSecondFactorsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let on = self.clock.now().date_naive();
        let read = move |view: &View| {
            let partners = view.partners().into_iter().filter(|id| partner.as_ref().is_none_or(|only| only == id));
            let keyed = partners.map(|id| (id.to_string(), id));
            let (page, next_page_token) = paging::slice(keyed, size, &request.page_token)?;
            let statuses = page.into_iter().map(|id| {
                let status = view.status(&id, on);
                SecondFactors {
                    partner_id: id.to_string(),
                    on: on.to_wire(),
                    people: status.people.all,
                    people_with: status.people.with_second_factor,
                    user_calls: status.users.all,
                    user_calls_with: status.users.with_second_factor,
                    application_calls: status.applications.all,
                    application_calls_with: status.applications.with_second_factor,
                    people_percent: percent(status.people),
                    user_percent: percent(status.users),
                    application_percent: percent(status.applications),
                }
            });
            let statuses = statuses.collect();
            Ok(ListSecondFactorsResponse {
                statuses,
                next_page_token,
                reflects: position::to_wire(view.position().as_slice()),
            })
        };
        self.seen(wanted, read).await.map(Response::new)
    }
}

fn record(seen: &Seen) -> AccessRecord {
    AccessRecord {
        position: Some(seen.position.to_wire()),
        partner_id: seen.row.partner_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        row: Some(seen.row.to_wire()),
    }
}

fn percent(calls: Calls) -> String {
    let whole = calls.with_second_factor.saturating_mul(100).checked_div(calls.all);
    whole.map(|percent| percent.to_string()).unwrap_or_default()
}

/// Every assignment asked for, with what tells it from all others, in the order of the list.
fn rows(view: &ReferenceView, partner: Option<&PartnerId>, principal: &str) -> Vec<(String, RoleAssignment)> {
    let partners = view.reference.partners.iter().filter(|(id, _)| partner.is_none_or(|wanted| *id == wanted));
    let rows = partners.flat_map(|(id, partner)| partner.roles.iter().map(move |(of, grant)| (id, of, grant)));
    let wanted = rows.filter(|(_, of, _)| principal.is_empty() || *of == principal);
    let mut rows: Vec<_> = wanted
        .map(|(id, of, grant)| {
            let customer = grant.customer_id.as_ref().map(ToString::to_string).unwrap_or_default();
            let location = grant.location_mpn_id.as_deref().unwrap_or_default();
            let key = format!("{id}\u{1}{of}\u{1}{}\u{1}{customer}\u{1}{location}", grant.role.code());
            (key, to_wire(id, of, grant))
        })
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows
}

fn to_wire(partner_id: &PartnerId, principal: &str, grant: &Grant) -> RoleAssignment {
    RoleAssignment {
        partner_id: partner_id.to_string(),
        principal: principal.to_owned(),
        role: grant.role.to_wire(),
        customer_id: grant.customer_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        location_mpn_id: grant.location_mpn_id.clone().unwrap_or_default(),
    }
}
