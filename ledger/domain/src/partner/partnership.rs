//! Partnerships of an indirect provider with its resellers (reports page section 2.14). They stand on the provider's stream, so that
//! each has one history.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Partner, program};
use crate::{
    Context, Event, Reason, Reference, Rejection,
    command::{AuthorizeProvider, EndPartnership, RequestPartnership, RevokeProviderAdmin},
    event::{PartnershipAuthorized, PartnershipEnded, PartnershipRequested, ProviderAdminRevoked},
    ids::PartnerId,
    party::PartnerKind,
    reference::{
        market,
        transactions::{self, Bond, Buyer, Deal, Market, Question, Seller},
    },
};

/// Where a partnership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PartnershipStanding {
    /// The provider invited; the reseller has not answered.
    Requested,
    /// The provider may order for customers of the reseller.
    Active,
    /// Support ended it; it may be asked for again.
    Ended,
}

impl PartnershipStanding {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

/// A provider's bond with a reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partnership {
    /// Where it stands.
    pub standing: PartnershipStanding,
    /// Since when.
    pub since: NaiveDate,
    /// Whether the provider has administrator access to the reseller's account (L17805).
    pub admin: bool,
}

impl Partner {
    /// The bonds of a provider, by reseller.
    pub fn partnerships(&self) -> impl Iterator<Item = (&PartnerId, &Partnership)> {
        self.partnerships.iter()
    }

    /// Whether a provider has an active partnership with the reseller.
    pub fn has_partnership(&self, reseller_id: &PartnerId) -> bool {
        self.partnerships.get(reseller_id).is_some_and(|known| known.standing == PartnershipStanding::Active)
    }

    pub(super) fn apply_partnership(&mut self, event: &Event) {
        let (standing, admin) = (PartnershipStanding::Active, true);
        let (reseller_id, known) = match event {
            Event::PartnershipRequested(e) => {
                let (standing, since) = (PartnershipStanding::Requested, e.requested_on);
                (&e.reseller_id, Partnership { standing, since, admin: false })
            }
            Event::PartnershipAuthorized(e) => {
                (&e.reseller_id, Partnership { standing, since: e.authorized_on, admin })
            }
            Event::ProviderAdminRevoked(e) => {
                if let Some(known) = self.partnerships.get_mut(&e.reseller_id) {
                    known.admin = false;
                }
                return;
            }
            Event::PartnershipEnded(e) => {
                let (standing, since) = (PartnershipStanding::Ended, e.ended_on);
                (&e.reseller_id, Partnership { standing, since, admin: false })
            }
            _ => return,
        };
        self.partnerships.insert(reseller_id.clone(), known);
    }
}

/// Who asks whom, by the table of transactions.
pub(super) fn request(
    provider: &Partner,
    reference: &Reference,
    command: &RequestPartnership,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let Some(reseller) = reference.partners.get(&command.reseller_id) else {
        let message = format!("There is no partner {}; a reseller has an account first (L17619)", command.reseller_id);
        return Err(
            Rejection::field(Reason::PartnerNotFound, "reseller_id", message).with("partner_id", &command.reseller_id)
        );
    };
    allowed(provider, reseller)?;
    let known = provider.partnerships.get(&command.reseller_id).map(|known| known.standing);
    if let Some(standing @ (PartnershipStanding::Requested | PartnershipStanding::Active)) = known {
        let message = format!("The partnership with {} is {}", command.reseller_id, standing.name());
        return Err(Rejection::field(Reason::PartnershipExists, "reseller_id", message));
    }
    let RequestPartnership { provider_id, reseller_id } = command.clone();
    Ok(vec![PartnershipRequested { provider_id, reseller_id, requested_on: context.effective_on() }.into()])
}

fn allowed(provider: &Partner, reseller: &Partner) -> Result<(), Rejection> {
    let same_market = market::same_market(&provider.country, &reseller.country);
    let asked = Question {
        deal: Deal::PartnerUp,
        seller: match provider.kind {
            PartnerKind::DirectBill => Seller::Direct,
            PartnerKind::IndirectProvider => Seller::Provider,
            PartnerKind::IndirectReseller => Seller::Reseller,
        },
        buyer: if reseller.is_reseller() { Buyer::Reseller } else { Buyer::Partner },
        bond: if provider.partner_id == reseller.partner_id { Bond::Oneself } else { Bond::None },
        market: if same_market { Market::Same } else { Market::Other },
    };
    transactions::check(asked).map_err(|refusal| {
        let field = if asked.seller == Seller::Provider { "reseller_id" } else { "provider_id" };
        let (one, other) = (&provider.partner_id, &reseller.partner_id);
        let message = format!("{one} and {other} are no provider and reseller for each other: {}", refusal.accepted);
        Rejection::field(refusal.reason, field, message).with("accepted", refusal.accepted)
    })
}

/// The reseller gives the provider administrator access with it (L17805).
pub(super) fn authorize(
    provider: &Partner,
    command: &AuthorizeProvider,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    match provider.partnerships.get(&command.reseller_id).map(|known| known.standing) {
        Some(PartnershipStanding::Requested) => {}
        Some(PartnershipStanding::Active) => {
            let message = format!("{} authorized the provider before", command.reseller_id);
            return Err(Rejection::field(Reason::PartnershipExists, "reseller_id", message));
        }
        Some(PartnershipStanding::Ended) | None => {
            let message = format!("{} has not invited {}; it asks first", command.provider_id, command.reseller_id);
            return Err(Rejection::field(Reason::PartnershipNotRequested, "reseller_id", message));
        }
    }
    if !command.confirmed {
        let message = "The reseller ticks the confirmation (L17799)";
        return Err(Rejection::field(Reason::ConfirmationRequired, "confirmed", message));
    }
    let AuthorizeProvider { provider_id, reseller_id, .. } = command.clone();
    Ok(vec![PartnershipAuthorized { provider_id, reseller_id, authorized_on: context.effective_on() }.into()])
}

fn active<'a>(provider: &'a Partner, reseller_id: &PartnerId) -> Result<&'a Partnership, Rejection> {
    let known = provider.partnerships.get(reseller_id);
    known.filter(|known| known.standing == PartnershipStanding::Active).ok_or_else(|| {
        let message = format!("{} has no active partnership with {reseller_id}", provider.partner_id);
        Rejection::field(Reason::PartnershipNotFound, "reseller_id", message)
    })
}

pub(super) fn revoke_admin(
    provider: &Partner,
    command: &RevokeProviderAdmin,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    if !active(provider, &command.reseller_id)?.admin {
        let message = format!("{} has no administrator access any more", command.provider_id);
        return Err(Rejection::field(Reason::AdminAccessRevoked, "provider_id", message));
    }
    let RevokeProviderAdmin { provider_id, reseller_id } = command.clone();
    Ok(vec![ProviderAdminRevoked { provider_id, reseller_id, revoked_on: context.effective_on() }.into()])
}

/// Only support ends it (L17960). What the provider sold stays, under the reseller it was sold with.
pub(super) fn end(provider: &Partner, command: &EndPartnership, context: &Context) -> Result<Vec<Event>, Rejection> {
    active(provider, &command.reseller_id)?;
    program::support_request(&command.support_request)?;
    let EndPartnership { provider_id, reseller_id, support_request } = command.clone();
    Ok(vec![PartnershipEnded { provider_id, reseller_id, support_request, ended_on: context.effective_on() }.into()])
}
