//! Two companies become one (accounts page section 2.4). A merge stands on the stream of the company that invites and survives.
//!
//! Tenants, customers and bills are not merged (L7175): the other partner goes on under its own id, and only its global account and
//! locations stand under another company. Nothing of its history changes; who folds it reads under which company a location was when.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Absorbed, Partner, Partners, account, membership};
use crate::{
    Context, Event, Reason, Reference, Rejection, check,
    command::{AcceptMerge, CompleteMerge, InviteMerge, RejectMerge},
    event::{AccountsMerged, MergeAccepted, MergeInvited, MergeRejected},
    ids::{MergeId, MpnId, PartnerId},
};

/// Merges that one company ever began.
const MERGES_MAX: usize = 10_000;

/// Where a merge stands (L7216).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MergeStanding {
    /// The other company has not answered.
    Invited,
    /// It accepted.
    Accepted,
    /// They are one company.
    Merged,
    /// It rejected.
    Rejected,
}

impl MergeStanding {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Accepted => "accepted",
            Self::Merged => "merged",
            Self::Rejected => "rejected",
        }
    }
}

/// A merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// The other company.
    pub target_partner_id: PartnerId,
    /// Its global account.
    pub target_mpn_id: MpnId,
    /// Where it stands.
    pub standing: MergeStanding,
    /// Since when.
    pub since: NaiveDate,
    /// Why it was rejected; may be empty.
    pub reason: String,
}

impl Partner {
    /// The merges that the company began, by id.
    pub fn merges(&self) -> impl Iterator<Item = (&MergeId, &Merge)> {
        self.merges.iter()
    }

    pub(super) fn apply_merge(&mut self, event: &Event) {
        let (merge_id, standing, since) = match event {
            Event::MergeInvited(e) => {
                let merge = Merge {
                    target_partner_id: e.target_partner_id.clone(),
                    target_mpn_id: e.target_mpn_id.clone(),
                    standing: MergeStanding::Invited,
                    since: e.invited_on,
                    reason: String::new(),
                };
                self.merges.insert(e.merge_id.clone(), merge);
                return;
            }
            Event::MergeAccepted(e) => (&e.merge_id, MergeStanding::Accepted, e.accepted_on),
            Event::MergeRejected(e) => {
                if let Some(merge) = self.merges.get_mut(&e.merge_id) {
                    merge.reason.clone_from(&e.reason);
                }
                (&e.merge_id, MergeStanding::Rejected, e.rejected_on)
            }
            Event::AccountsMerged(e) => (&e.merge_id, MergeStanding::Merged, e.merged_on),
            _ => return,
        };
        if let Some(merge) = self.merges.get_mut(merge_id) {
            (merge.standing, merge.since) = (standing, since);
        }
    }
}

impl Partners {
    /// The other company, and all that it had absorbed, stand under the one that survives.
    pub(super) fn merge(&mut self, e: &AccountsMerged) {
        for (id, partner) in &mut self.partners {
            let was_its = partner.account.absorbed.as_ref().is_some_and(|known| known.by == e.absorbed_partner_id);
            if *id == e.absorbed_partner_id || was_its {
                let (by, pga_mpn_id, on) = (e.partner_id.clone(), e.surviving_mpn_id.clone(), e.merged_on);
                partner.account.absorbed = Some(Absorbed { by, pga_mpn_id, on });
            }
            if *id == e.absorbed_partner_id || *id == e.partner_id {
                partner.memberships.resolve(&e.resolutions);
            }
        }
    }
}

/// A company that is one of its own, by what its stream says and by what is known of the others.
fn independent(partner: &Partner, partners: &Partners, field: &str) -> Result<(), Rejection> {
    let known = partners.get(&partner.partner_id).and_then(|known| known.account.absorbed.as_ref());
    let Some(absorbed) = partner.account.absorbed.as_ref().or(known) else { return Ok(()) };
    let message = format!("{} is a location of {} since {}", partner.partner_id, absorbed.by, absorbed.on);
    Err(Rejection::field(Reason::AccountAbsorbed, field, message).with("absorbed_by", &absorbed.by))
}

pub(super) fn invite(
    partner: &Partner,
    reference: &Reference,
    command: &InviteMerge,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let own = account::global(partner)?;
    independent(partner, &reference.partners, "partner_id")?;
    check::required("invited_by", &command.invited_by)?;
    let (id, field) = (&command.target_mpn_id, "target_mpn_id");
    if own.mpn_id == *id {
        return Err(check::invalid(field, "A company merges with another one"));
    }
    let Some(target) = reference.partners.with_mpn_id(id).filter(|target| target.partner_id != partner.partner_id)
    else {
        let message = format!("No other company has the account {id}");
        return Err(Rejection::field(Reason::MergeTargetUnknown, field, message).with("mpn_id", id));
    };
    let Some(global) = target.account.global().filter(|global| global.mpn_id == *id) else {
        let message = format!("{id} is a location; a merge addresses the global account of a company (L7215)");
        return Err(Rejection::field(Reason::MergeTargetNotGlobalAccount, field, message).with("mpn_id", id));
    };
    independent(target, &reference.partners, field)?;
    let open = |merge: &Merge| {
        merge.target_mpn_id == *id && matches!(merge.standing, MergeStanding::Invited | MergeStanding::Accepted)
    };
    if let Some((known, _)) = partner.merges.iter().find(|(_, merge)| open(merge)) {
        let message = format!("The company {id} is invited by merge {known}");
        return Err(Rejection::field(Reason::MergeExists, field, message).with("merge_id", known));
    }
    let merge_id = match &command.merge_id {
        Some(id) => id.clone(),
        None => MergeId::new(context.new_id("merge", 0)).map_err(|e| check::invalid("merge_id", e.to_string()))?,
    };
    if partner.merges.contains_key(&merge_id) || partner.merges.len() >= MERGES_MAX {
        let message = format!("A merge {merge_id} is known, or there are {MERGES_MAX} already");
        return Err(Rejection::field(Reason::MergeExists, "merge_id", message).with("merge_id", merge_id));
    }
    Ok(vec![
        MergeInvited {
            partner_id: command.partner_id.clone(),
            merge_id,
            target_mpn_id: global.mpn_id.clone(),
            target_partner_id: target.partner_id.clone(),
            invited_by: command.invited_by.clone(),
            invited_on: context.effective_on(),
        }
        .into(),
    ])
}

fn found<'a>(partner: &'a Partner, id: &MergeId) -> Result<&'a Merge, Rejection> {
    partner.merges.get(id).ok_or_else(|| {
        let message = format!("{} has no merge {id}", partner.partner_id);
        Rejection::field(Reason::MergeNotFound, "merge_id", message).with("merge_id", id)
    })
}

/// A merge that its target has not answered.
fn unanswered<'a>(partner: &'a Partner, id: &MergeId, target: &PartnerId) -> Result<&'a Merge, Rejection> {
    let merge = found(partner, id)?;
    if merge.target_partner_id != *target {
        let message = format!("Merge {id} invites another company");
        return Err(Rejection::field(Reason::MergeNotFound, "target_partner_id", message).with("merge_id", id));
    }
    if merge.standing != MergeStanding::Invited {
        let message = format!("Merge {id} is {}", merge.standing.name());
        return Err(Rejection::field(Reason::MergeClosed, "merge_id", message).with("merge_id", id));
    }
    Ok(merge)
}

pub(super) fn accept(partner: &Partner, command: &AcceptMerge, context: &Context) -> Result<Vec<Event>, Rejection> {
    unanswered(partner, &command.merge_id, &command.target_partner_id)?;
    let AcceptMerge { partner_id, merge_id, target_partner_id } = command.clone();
    Ok(vec![MergeAccepted { partner_id, merge_id, target_partner_id, accepted_on: context.effective_on() }.into()])
}

pub(super) fn reject(partner: &Partner, command: &RejectMerge, context: &Context) -> Result<Vec<Event>, Rejection> {
    unanswered(partner, &command.merge_id, &command.target_partner_id)?;
    check::optional("reason", &command.reason)?;
    let RejectMerge { partner_id, merge_id, target_partner_id, reason } = command.clone();
    let rejected_on = context.effective_on();
    Ok(vec![MergeRejected { partner_id, merge_id, target_partner_id, reason, rejected_on }.into()])
}

/// Both are looked at again: either may have gone into a third company since.
pub(super) fn complete(
    partner: &Partner,
    reference: &Reference,
    command: &CompleteMerge,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let merge = found(partner, &command.merge_id)?;
    match merge.standing {
        MergeStanding::Accepted => {}
        MergeStanding::Invited => {
            let message = format!("{} has not accepted", merge.target_partner_id);
            return Err(Rejection::field(Reason::MergeNotAccepted, "merge_id", message));
        }
        MergeStanding::Merged | MergeStanding::Rejected => {
            let message = format!("Merge {} is {}", command.merge_id, merge.standing.name());
            return Err(Rejection::field(Reason::MergeClosed, "merge_id", message));
        }
    }
    let own = account::global(partner)?;
    independent(partner, &reference.partners, "partner_id")?;
    let Some(target) = reference.partners.get(&merge.target_partner_id) else {
        let message = format!("There is no partner {}", merge.target_partner_id);
        return Err(Rejection::field(Reason::PartnerNotFound, "merge_id", message));
    };
    independent(target, &reference.partners, "merge_id")?;
    Ok(vec![
        AccountsMerged {
            partner_id: command.partner_id.clone(),
            merge_id: command.merge_id.clone(),
            absorbed_partner_id: target.partner_id.clone(),
            surviving_mpn_id: own.mpn_id.clone(),
            relocated_mpn_ids: relocated(target, &reference.partners),
            resolutions: membership::resolutions(&partner.memberships, &target.memberships, context.effective_on()),
            merged_on: context.effective_on(),
        }
        .into(),
    ])
}

/// The other company's global account first, then all locations that stood under it.
fn relocated(target: &Partner, partners: &Partners) -> Vec<MpnId> {
    let under =
        |partner: &&Partner| partner.account.absorbed.as_ref().is_some_and(|absorbed| absorbed.by == target.partner_id);
    let global = target.account.global().map(|global| global.mpn_id.clone());
    let of = |partner: &Partner| {
        let own = partner.account.global().map(|global| global.mpn_id.clone());
        own.into_iter().chain(partner.account.locations.keys().cloned()).collect::<Vec<_>>()
    };
    let own = target.account.locations.keys().cloned();
    let others = partners.iter().map(|(_, partner)| partner).filter(under).flat_map(of);
    global.into_iter().chain(own).chain(others).collect()
}
