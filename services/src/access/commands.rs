//! Commands of callers with roles: by their kind, the partner that acts, and the customer they are about.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use subledger_domain::{
    access::AccessOutcome,
    ids::{CustomerId, OfferId, PartnerId},
    offer::{ProductFamily, ProductKind},
    role::{Role, RoleFamily},
};
use subledger_log::codec::Wire as _;
use subledger_proto::{api, common as pbc};
use tonic::Code;

use super::{
    Access, Call, Checks, even,
    lookup::{Lookup, When},
    matrix::{Operation, Scope},
    refusal::Refusal,
    standing::{Of, Reach, Standing, Tenant},
    visible, wire,
};
use crate::{api::errors, identity::Caller};

/// The kind of command that says what callers did.
const RECORD: &str = "record_access";

/// Judges the commands of one call.
#[derive(Clone)]
pub(crate) struct Gate {
    access: Arc<Access>,
    caller: Caller,
    lookup: Lookup,
}

impl Gate {
    pub(super) fn new(access: Arc<Access>, caller: Caller, lookup: Lookup) -> Self {
        Self { access, caller, lookup }
    }

    /// Whether the caller may send the command. With `validate_only` nothing is done, which more roles may.
    pub(crate) async fn allow(&self, command: &api::Command, validate_only: bool) -> Result<(), Refusal> {
        let Some(checks) = &self.access.checks else { return Ok(()) };
        // Roles are looked at for each command: a stream does not outlive them.
        let Standing::Tenant(tenant) = checks.standing(&self.caller) else { return Ok(()) };
        let began = Instant::now();
        let judged = self.judge(checks, &tenant, command, validate_only).await;
        if let Err(refusal) = &judged {
            let principal = self.caller.principal.as_str();
            let (kind, customer) = body(command).map_or_else(Default::default, |(kind, body)| {
                (kind, CustomerId::new(wire::text(&body, "customer_id")).ok())
            });
            tracing::info!(principal, kind, from = ?self.caller.from, reason = refusal.reason, "refused");
            checks.recorder.note(&Call {
                outcome: AccessOutcome::Refused,
                caller: Some(&self.caller),
                operation: &format!("Submit/{kind}"),
                reason: &refusal.reason,
                partner: Standing::Tenant(tenant).home(),
                customer,
                from: self.caller.from.map(|from| from.ip()),
            });
            if refusal.hides() {
                even::tick(began).await;
            }
        }
        judged
    }

    async fn judge(
        &self,
        checks: &Checks,
        tenant: &Tenant,
        command: &api::Command,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        // What is no command is refused by whoever reads it next, with its fault.
        let Some((kind, body)) = body(command) else { return Ok(()) };
        // What a process of the ledger says of its callers is nobody's command.
        if self.caller.is_own && kind == RECORD {
            return Ok(());
        }
        for variant in variants(checks, &kind, &body) {
            // Each kind has a row, or the process would not have started; without one nobody may.
            let Some(operation) = checks.matrix.command(&kind, variant) else {
                let message = format!("nobody may send {kind}: the matrix has no row for it");
                return Err(Refusal::of(errors::status(Code::PermissionDenied, "ROLE_FORBIDDEN", message, &[])));
            };
            self.judge_as(checks, tenant, operation, &body, validate_only).await?;
        }
        Ok(())
    }

    async fn judge_as(
        &self,
        checks: &Checks,
        tenant: &Tenant,
        operation: &Operation,
        body: &DynamicMessage,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let mut roles = operation.allowed.clone();
        if validate_only {
            roles.extend(&operation.read_only);
        }
        let reach = checks.reach_by(operation, &roles, tenant, &self.caller)?;
        self.at_own_location(operation, &reach, body).await?;
        match operation.scope {
            Scope::Partner => acting(operation, tenant, &reach, &wire::text(body, actor(operation)), None),
            Scope::NewCustomer => {
                let (customer, partner) = (wire::text(body, "customer_id"), wire::text(body, "partner_id"));
                // The customer itself acts for no partner.
                if partner.is_empty() && reach.is_customer(&customer) {
                    return Ok(());
                }
                acting(operation, tenant, &reach, &partner, Some(&customer))
            }
            Scope::Customer => self.about_customer(operation, tenant, &reach, body).await,
            _ => Err(Refusal::operators_only(operation)),
        }
    }

    /// A role for single locations acts for one of them: that of the command, and that of what it is about.
    async fn at_own_location(
        &self,
        operation: &Operation,
        reach: &Reach,
        body: &DynamicMessage,
    ) -> Result<(), Refusal> {
        let partner = wire::text(body, "partner_id");
        let Some(locations) = reach.partners.get(&*partner).and_then(Of::locations) else { return Ok(()) };
        if !operation.is_by_location {
            return Ok(());
        }
        let named = wire::location(body);
        if !named.is_empty() && !locations.contains(&*named) {
            return Err(Refusal::not_found("location", &named));
        }
        let (kind, id, found) = if wire::has(body, "claim_id") {
            let id = wire::text(body, "claim_id");
            let found = self.lookup.coop_claim(&partner, &id).await.map_err(Refusal::of)?;
            ("claim", id, found)
        } else if wire::has(body, "association_id") {
            let (customer, id) = (wire::text(body, "customer_id"), wire::text(body, "association_id"));
            let found = self.lookup.association(&customer, &id).await.map_err(Refusal::of)?;
            ("association", id, found)
        } else {
            return if named.is_empty() { Err(Refusal::role(operation)) } else { Ok(()) };
        };
        match found {
            Some(found) if locations.contains(&*wire::location(&found)) => Ok(()),
            // It is made by this command, for the location that it names.
            None if !named.is_empty() => Ok(()),
            _ => Err(Refusal::not_found(kind, &id)),
        }
    }

    async fn about_customer(
        &self,
        operation: &Operation,
        tenant: &Tenant,
        reach: &Reach,
        body: &DynamicMessage,
    ) -> Result<(), Refusal> {
        let customer = wire::text(body, "customer_id");
        if reach.is_customer(&customer) {
            return Ok(());
        }
        if reach.partners.is_empty() {
            return Err(Refusal::not_found("customer", &customer));
        }
        let source = wire::text(body, "source_partner_id");
        let named = if source.is_empty() { wire::text(body, "partner_id") } else { source };
        let named = if wire::has(body, "signer") { self.signer(body, &customer, reach).await?.into() } else { named };
        if named.is_empty() {
            return Err(Refusal::field("REQUIRED_FIELD_MISSING", "partner_id", "is required"));
        }
        acting(operation, tenant, reach, &named, Some(&customer))?;
        let own = reach.only(&named);
        // Read models lag behind: who was just created must be found.
        for when in [When::Known(None), When::Decided] {
            let found = self.lookup.customer(&customer, when).await.map_err(Refusal::of)?;
            if found.is_some_and(|found| visible::sees_customer(&found, &own, true)) {
                return Ok(());
            }
        }
        Err(Refusal::not_found("customer", &customer))
    }

    /// The partner that signs a form: the form does not say which one it is, its transfer does.
    async fn signer(&self, body: &DynamicMessage, customer: &str, reach: &Reach) -> Result<String, Refusal> {
        let side = match signs(body) {
            Some(pbc::FormSigner::CurrentPartner) => "source_partner_id",
            Some(pbc::FormSigner::NewPartner) => "target_partner_id",
            _ => return Err(Refusal::field("REQUIRED_FIELD_MISSING", "signer", "is required")),
        };
        let id = wire::text(body, "transfer_id");
        // As for customers: it may just have been asked for.
        for fresh in [false, true] {
            let found = self.lookup.transfer(customer, &id, fresh).await.map_err(Refusal::of)?;
            let partner = found.map(|transfer| wire::text(&transfer, side).into_owned()).unwrap_or_default();
            if reach.partners.contains_key(partner.as_str()) {
                return Ok(partner);
            }
        }
        Err(Refusal::not_found("transfer", &id))
    }
}

/// The field that says which partner acts.
fn actor(operation: &Operation) -> &'static str {
    match operation.name.as_str() {
        "Submit/request_partnership" => "provider_id",
        "Submit/authorize_provider" | "Submit/revoke_provider_admin" => "reseller_id",
        "Submit/accept_merge" | "Submit/reject_merge" => "target_partner_id",
        _ => "partner_id",
    }
}

/// Who signs a form.
fn signs(body: &DynamicMessage) -> Option<pbc::FormSigner> {
    let wire = body.get_field_by_name("signer").and_then(|signer| signer.as_enum_number())?;
    pbc::FormSigner::try_from(wire).ok()
}

/// The partner that acts is one of the caller's, and its customer too where the role is for single customers.
fn acting(
    operation: &Operation,
    tenant: &Tenant,
    reach: &Reach,
    partner: &str,
    customer: Option<&str>,
) -> Result<(), Refusal> {
    if !reach.partners.contains_key(partner) {
        let known = PartnerId::new(partner).is_ok_and(|id| tenant.knows(&id));
        return Err(if known { Refusal::role(operation) } else { Refusal::not_found("partner", partner) });
    }
    match customer {
        Some(customer) if !reach.covers(partner, Some(customer)) => Err(Refusal::not_found("customer", customer)),
        _ => Ok(()),
    }
}

/// The kind of a command, as its field is called, and what it says.
fn body(command: &api::Command) -> Option<(String, DynamicMessage)> {
    let message = wire::dynamic(command, "subledger.v1.Command")?;
    let body = message.descriptor().oneofs().find(|oneof| oneof.name() == "body")?;
    let field = body.fields().find(|field| message.has_field(field))?;
    let inner = message.get_field(&field).as_message()?.clone();
    Some((field.name().to_owned(), inner))
}

/// Kinds of command that are several operations: each that this one is. `None` stands for the kind as such.
fn variants(checks: &Checks, kind: &str, body: &DynamicMessage) -> BTreeSet<Option<&'static str>> {
    match kind {
        "accept_agreement" if wire::text(body, "partner_id").is_empty() => BTreeSet::from([Some("direct")]),
        "assign_role" | "remove_role" => {
            let wire = body.get_field_by_name("role").and_then(|role| role.as_enum_number()).unwrap_or_default();
            BTreeSet::from([Role::from_wire(wire).ok().and_then(|role| family(role.family()))])
        }
        "sign_transfer_form" if signs(body) == Some(pbc::FormSigner::Customer) => BTreeSet::from([Some("customer")]),
        "purchase" => {
            let lines = body.get_field_by_name("lines");
            let lines = lines.iter().flat_map(|lines| lines.as_list().into_iter().flatten());
            let offers = lines.filter_map(Value::as_message).map(|line| wire::text(line, "offer_id"));
            let kinds: BTreeSet<_> = offers.map(|offer| product(checks, &offer)).collect();
            if kinds.is_empty() { BTreeSet::from([None]) } else { kinds }
        }
        _ => BTreeSet::from([None]),
    }
}

fn family(family: RoleFamily) -> Option<&'static str> {
    match family {
        RoleFamily::Tenant => None,
        RoleFamily::Reseller => Some("reseller"),
        RoleFamily::Company => Some("company"),
        RoleFamily::Insights => Some("insights"),
        RoleFamily::Customer => Some("customer"),
    }
}

fn product(checks: &Checks, offer: &str) -> Option<&'static str> {
    let view = checks.ledger.get()?.reference.view();
    let offer = view.reference.catalog.offer(&OfferId::new(offer).ok()?)?;
    match offer.product.as_ref().and_then(|product| product.kind) {
        Some(ProductKind::SoftwareSubscription | ProductKind::SoftwarePerpetual) => Some("software"),
        Some(ProductKind::Reservation) => Some("reservation"),
        Some(ProductKind::AzurePlan | ProductKind::AzureSubscription) => Some("azure_plan"),
        None if offer.product_family == ProductFamily::MarketplaceSaas => Some("marketplace"),
        None => None,
    }
}
