//! Roles given and taken, partner ids linked: facts that decide who earns credit (azure-marketplace-software.md 2.18, 2.19).
//!
//! A fact about the past is taken however old it is; it changes the credit of the days that are still open.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::open_until;
use crate::{
    Reason, Rejection, calendar, check,
    command::{GrantAccess, LinkPartnerId, ReviewEarnedCredit, RevokeAccess},
    customer::{draft::Draft, gates},
    event::{AccessGranted, AccessRevoked, EarnedCreditReviewed, Event, PartnerIdLinked},
    ids::{AssignmentId, AzureSubscriptionId, PartnerId},
    offer::ProductKind,
    usage::{AccessScope, Assignment, Link, Resource},
};

/// Roles and links of a customer's Azure subscriptions, those that ended during the open days included.
pub const ASSIGNMENTS_MAX: usize = 5_000;

/// Who has and had access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Access {
    assignments: BTreeMap<AssignmentId, Assignment>,
    /// Oldest first, by partner and principal.
    links: BTreeMap<(PartnerId, String), Vec<Link>>,
}

/// What an event about access changes.
pub(super) struct Change {
    /// First day, UTC.
    pub(super) from: NaiveDate,
    /// None: every resource.
    scope: Option<AccessScope>,
}

impl Change {
    pub(super) fn concerns(&self, resource: &Resource) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.covers(resource))
    }
}

impl Access {
    pub(super) fn assignments(&self) -> impl Iterator<Item = &Assignment> + Clone {
        self.assignments.values()
    }

    pub(super) fn links(&self, assignment: &Assignment) -> &[Link] {
        let key = (assignment.partner_id.clone(), assignment.principal_id.clone());
        self.links.get(&key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn apply(&mut self, event: &Event) -> Change {
        match event {
            Event::AccessGranted(e) => {
                let assignment = Assignment {
                    partner_id: e.partner_id.clone(),
                    principal_id: e.principal_id.clone(),
                    path: e.path,
                    role: e.role.clone(),
                    scope: e.scope.clone(),
                    from: e.from,
                    to: None,
                };
                self.assignments.insert(e.assignment_id.clone(), assignment);
                Change { from: e.from.date_naive(), scope: Some(e.scope.clone()) }
            }
            Event::AccessRevoked(e) => {
                let known = self.assignments.get_mut(&e.assignment_id);
                let scope = known.map(|assignment| {
                    assignment.to = Some(e.at);
                    assignment.scope.clone()
                });
                Change { from: e.at.date_naive(), scope }
            }
            Event::PartnerIdLinked(e) => {
                let links = self.links.entry((e.partner_id.clone(), e.principal_id.clone())).or_default();
                links.push(Link { at: e.at, linked: e.linked });
                links.sort_unstable();
                Change { from: e.at.date_naive(), scope: None }
            }
            _ => Change { from: NaiveDate::MAX, scope: None },
        }
    }

    /// Drops roles that ended before the open days, and before those that are kept for a dispute.
    pub(super) fn forget(&mut self, on: NaiveDate, held_from: Option<NaiveDate>) {
        let held_from = held_from.map(calendar::first_of_month);
        let counts = |day: NaiveDate| open_until(day) >= on || held_from.is_some_and(|from| day >= from);
        self.assignments.retain(|_, known| known.to.is_none_or(|to| counts(to.date_naive())));
    }

    fn len(&self) -> usize {
        self.assignments.len() + self.links.values().map(Vec::len).sum::<usize>()
    }
}

/// There is room for one more.
pub(super) fn room(access: &Access) -> Result<(), Rejection> {
    if access.len() < ASSIGNMENTS_MAX {
        return Ok(());
    }
    let message = format!("A customer has at most {ASSIGNMENTS_MAX} roles and links of partners");
    Err(Rejection::field(Reason::TooManyAssignments, "customer_id", message).with("maximum", ASSIGNMENTS_MAX))
}

/// A role was given.
pub(in crate::customer) fn grant(draft: &mut Draft<'_>, command: &GrantAccess) -> Result<(), Rejection> {
    let usage = &draft.customer.usage;
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    check::required("principal_id", &command.principal_id)?;
    check::required("role", &command.role)?;
    registered(draft, &command.scope.azure_subscription_id)?;
    for (name, text) in
        [("scope.resource_group", &command.scope.resource_group), ("scope.resource_uri", &command.scope.resource_uri)]
    {
        text.as_ref().map_or(Ok(()), |text| check::required(name, text))?;
    }
    if command.from > draft.decision.context.recorded_at {
        return Err(check::invalid("from", "A role is recorded when it was given, not before"));
    }
    if usage.access.assignments.contains_key(&command.assignment_id) {
        let message = format!("Role assignment {} is recorded already", command.assignment_id);
        return Err(Rejection::field(Reason::AssignmentExists, "assignment_id", message));
    }
    room(&usage.access)?;
    let GrantAccess { customer_id, partner_id, assignment_id, principal_id, path, role, scope, from } = command.clone();
    draft.push(AccessGranted { customer_id, partner_id, assignment_id, principal_id, path, role, scope, from });
    Ok(())
}

pub(super) fn registered(draft: &Draft<'_>, id: &AzureSubscriptionId) -> Result<(), Rejection> {
    if draft.customer.usage.azure_subscriptions.contains_key(id) {
        return Ok(());
    }
    let message = format!("Azure subscription {id} is not registered under an Azure plan");
    Err(Rejection::field(Reason::UnknownAzureSubscription, "scope.azure_subscription_id", message)
        .with("azure_subscription_id", id))
}

/// The role was taken.
pub(in crate::customer) fn revoke(draft: &mut Draft<'_>, command: &RevokeAccess) -> Result<(), Rejection> {
    let access = &draft.customer.usage.access;
    let known = access.assignments.get(&command.assignment_id).filter(|known| known.to.is_none());
    let Some(known) = known else {
        let message = format!("Role assignment {} is not recorded, or was taken already", command.assignment_id);
        return Err(Rejection::field(Reason::AssignmentNotFound, "assignment_id", message));
    };
    if command.at < known.from || command.at > draft.decision.context.recorded_at {
        let message = "A role is taken after it was given, and recorded when it was taken";
        return Err(check::invalid("at", message).with("from", known.from.to_rfc3339()));
    }
    let RevokeAccess { customer_id, assignment_id, at } = command.clone();
    draft.push(AccessRevoked { customer_id, assignment_id, at });
    Ok(())
}

/// A principal's access counts for a partner, or no more.
pub(in crate::customer) fn link(draft: &mut Draft<'_>, command: &LinkPartnerId) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    check::required("principal_id", &command.principal_id)?;
    if command.at > draft.decision.context.recorded_at {
        return Err(check::invalid("at", "A link is recorded when it was made, not before"));
    }
    room(&draft.customer.usage.access)?;
    let LinkPartnerId { customer_id, partner_id, principal_id, at, linked } = command.clone();
    draft.push(PartnerIdLinked { customer_id, partner_id, principal_id, at, linked });
    Ok(())
}

/// Decides the credit of open days again.
pub(in crate::customer) fn review(draft: &mut Draft<'_>, command: &ReviewEarnedCredit) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let of_partner = draft.customer.subscriptions().filter(|known| known.partner_id == command.partner_id);
    if !of_partner.into_iter().any(|known| known.product_kind == Some(ProductKind::AzurePlan)) {
        let message = format!("Customer {} has no Azure plan of {}", command.customer_id, command.partner_id);
        return Err(Rejection::field(Reason::NoUsageSubscription, "partner_id", message));
    }
    let ReviewEarnedCredit { customer_id, partner_id, from } = command.clone();
    draft.push(EarnedCreditReviewed { customer_id, partner_id, from });
    Ok(())
}
