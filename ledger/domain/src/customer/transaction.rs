//! Who may sell to this customer, by the table of transactions (reports page section 2.15), and what the customer is to a partner.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Customer, RelationshipStanding, draft::Draft, gates};
use crate::{
    Event, Reason, Reference, Rejection, check,
    command::TieCustomer,
    event::CustomerTied,
    ids::PartnerId,
    partner::Partner,
    party::{CustomerTie, PartnerKind},
    reference::{
        market,
        transactions::{self, Bond, Buyer, Deal, Market, Question, Seller},
    },
};

/// Partners that one customer is tied to.
const TIES_MAX: usize = 100;

/// What makes a customer another buyer than any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ties {
    /// What it is to partners.
    partners: BTreeMap<PartnerId, CustomerTie>,
    /// Partners that work for it as resellers and had no relationship of their own before (L5174).
    acquired_as_reseller: BTreeSet<PartnerId>,
}

impl Ties {
    /// Follows `event`; `before` are the relationships before it.
    pub(super) fn apply(&mut self, event: &Event, customer: &Relations<'_>) {
        match event {
            Event::CustomerTied(e) => {
                self.partners.insert(e.partner_id.clone(), e.tie);
            }
            Event::RelationshipEstablished(e) => {
                self.acquired_as_reseller.extend(e.reseller_id.iter().filter(|id| !customer.is_active(id)).cloned());
            }
            Event::ResellerAdded(e) if !customer.is_active(&e.reseller_id) => {
                self.acquired_as_reseller.insert(e.reseller_id.clone());
            }
            Event::ResellerRemoved(e) if !customer.has_reseller(&e.reseller_id, &e.partner_id) => {
                self.acquired_as_reseller.remove(&e.reseller_id);
            }
            Event::RelationshipRemoved(e) => {
                self.acquired_as_reseller.retain(|id| customer.has_reseller(id, &e.partner_id));
            }
            _ => {}
        }
    }
}

/// The relationships of a customer.
pub(super) struct Relations<'a>(pub(super) &'a BTreeMap<PartnerId, super::Relationship>);

impl Relations<'_> {
    fn is_active(&self, id: &PartnerId) -> bool {
        self.0.get(id).is_some_and(|known| known.standing == RelationshipStanding::Active)
    }

    /// Whether the partner is a reseller of another provider than that one.
    fn has_reseller(&self, id: &PartnerId, but_for: &PartnerId) -> bool {
        self.0.iter().any(|(provider, known)| provider != but_for && known.resellers.contains(id))
    }
}

/// The customer belongs to a partner; what was said of that before is replaced.
pub(super) fn tie(draft: &mut Draft<'_>, command: &TieCustomer) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let ties = &draft.customer.ties.partners;
    if ties.get(&command.partner_id) == Some(&command.tie) {
        let message = format!("The customer is that to {} already", command.partner_id);
        return Err(Rejection::field(Reason::CustomerTieUnchanged, "tie", message));
    }
    if !ties.contains_key(&command.partner_id) && ties.len() >= TIES_MAX {
        let message = format!("A customer belongs to at most {TIES_MAX} partners");
        return Err(check::invalid("partner_id", message).with("maximum", TIES_MAX));
    }
    let TieCustomer { customer_id, partner_id, tie } = command.clone();
    draft.push(CustomerTied { customer_id, partner_id, tie });
    Ok(())
}

/// Whether the partner, through that reseller or by itself, may sell something new to the customer.
pub(super) fn sale(
    customer: &Customer,
    reference: &Reference,
    partner: &Partner,
    reseller_id: Option<&PartnerId>,
    field: &str,
) -> Result<(), Rejection> {
    let seller = match (partner.kind, reseller_id) {
        (PartnerKind::DirectBill, _) => Seller::Direct,
        (PartnerKind::IndirectProvider, None) => Seller::Provider,
        (PartnerKind::IndirectProvider, Some(_)) => Seller::ProviderWithReseller,
        (PartnerKind::IndirectReseller, _) => Seller::Reseller,
    };
    let same_market = market::same_market(&partner.country, customer.country());
    let market = if same_market { Market::Same } else { Market::Other };
    let ties = &customer.ties.partners;
    let as_tied = ties.iter().map(|(behind, tie)| (tied_buyer(*tie), bond(reference, partner, reseller_id, behind)));
    let untied = ties.is_empty().then(|| (end_customer(customer, partner), Bond::None));
    for (buyer, bond) in as_tied.chain(untied) {
        let asked = Question { deal: Deal::Sell, seller, buyer, bond, market };
        transactions::check(asked).map_err(|refusal| {
            // The gate of the market says more.
            if refusal.reason == Reason::MarketNotAllowed
                && let Err(rejection) = gates::market(partner, customer.country(), field)
            {
                return rejection;
            }
            let message =
                format!("{} does not sell to customer {}: {}", partner.partner_id, customer.id(), refusal.accepted);
            Rejection::field(refusal.reason, field, message)
                .with("partner_id", &partner.partner_id)
                .with("accepted", refusal.accepted)
        })?;
    }
    Ok(())
}

fn tied_buyer(tie: CustomerTie) -> Buyer {
    match tie {
        CustomerTie::OwnUse => Buyer::OwnUse,
        CustomerTie::Affiliate => Buyer::Affiliate,
        CustomerTie::CspTenant => Buyer::CspTenant,
    }
}

fn end_customer(customer: &Customer, partner: &Partner) -> Buyer {
    let others = |(id, known): (&PartnerId, &super::Relationship)| {
        *id != partner.partner_id && known.standing == RelationshipStanding::Active
    };
    // Who only works as a reseller was refused before it comes to its customers.
    let dual = partner.kind == PartnerKind::DirectBill && partner.program.enrolled_on().is_some();
    if dual && customer.ties.acquired_as_reseller.contains(&partner.partner_id) {
        Buyer::ResellerCustomer
    } else if customer.relationships.iter().any(others) {
        Buyer::CustomerOfOthers
    } else {
        Buyer::Customer
    }
}

/// How a seller stands to the partner behind a customer: the closest bond counts.
fn bond(reference: &Reference, partner: &Partner, reseller_id: Option<&PartnerId>, behind: &PartnerId) -> Bond {
    let sellers = || reseller_id.into_iter().chain([&partner.partner_id]);
    let company = reference.partners.company_of(behind);
    if sellers().any(|seller| seller == behind) {
        Bond::Oneself
    } else if sellers().any(|seller| reference.partners.company_of(seller) == company) {
        Bond::Company
    } else if partner.has_partnership(behind) {
        Bond::Partnered
    } else {
        Bond::None
    }
}
