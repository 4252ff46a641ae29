//! Indirect resellers that work for the customer with a provider (customers page section 2.2, L17674).

use super::{draft::Draft, gates};
use crate::{
    Reason, Rejection,
    command::{AddReseller, RemoveReseller},
    event::{ResellerAdded, ResellerRemoved},
    ids::PartnerId,
};

pub(super) fn add(draft: &mut Draft<'_>, command: &AddReseller) -> Result<(), Rejection> {
    let provider = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    gates::reseller(draft.reference, provider, Some(&command.reseller_id), "reseller_id")?;
    let reseller = gates::partner(draft.reference, &command.reseller_id, "reseller_id")?;
    if !reseller.is_reseller() {
        let message = format!("{} is no indirect reseller", command.reseller_id);
        return Err(Rejection::field(Reason::PartnerTypeNotAllowed, "reseller_id", message));
    }
    gates::associate(draft.reference, provider, Some(&command.reseller_id), draft.on(), "reseller_id")?;
    if works(draft, &command.partner_id, &command.reseller_id) {
        let message = format!("{} works for this customer already", command.reseller_id);
        return Err(Rejection::field(Reason::ResellerExists, "reseller_id", message));
    }
    let AddReseller { customer_id, partner_id, reseller_id } = command.clone();
    draft.push(ResellerAdded { customer_id, partner_id, reseller_id });
    Ok(())
}

/// Subscriptions keep the reseller they were bought with; new ones do not get it.
pub(super) fn remove(draft: &mut Draft<'_>, command: &RemoveReseller) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    if !works(draft, &command.partner_id, &command.reseller_id) {
        let message = format!("{} does not work for this customer", command.reseller_id);
        return Err(Rejection::field(Reason::ResellerNotFound, "reseller_id", message));
    }
    let RemoveReseller { customer_id, partner_id, reseller_id } = command.clone();
    draft.push(ResellerRemoved { customer_id, partner_id, reseller_id });
    Ok(())
}

fn works(draft: &Draft<'_>, provider: &PartnerId, reseller: &PartnerId) -> bool {
    draft.customer.relationship(provider).is_some_and(|known| known.resellers.contains(reseller))
}
