//! The record changes, and a partner's own tags (customers page section 2.2, accounts page section 2.18).

use std::collections::BTreeSet;

use super::{create, draft::Draft, gates};
use crate::{
    Reason, Rejection, check,
    command::{TagCustomer, UpdateCustomer},
    event::{CustomerTagged, CustomerUpdated},
    personal::is_withheld,
};

/// Tags that one partner puts on one customer.
pub const TAGS_MAX: usize = 20;
/// Longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 64;

/// A partner changes what is billed to, the address and the contact; the legal name comes from the customer itself (decision G05).
pub(super) fn update(draft: &mut Draft<'_>, command: &UpdateCustomer) -> Result<(), Rejection> {
    if let Some(partner_id) = &command.partner_id {
        gates::partner(draft.reference, partner_id, "partner_id")?;
        gates::relationship(draft.customer, partner_id, "partner_id")?;
        if command.company_name.is_some() {
            let message = "The legal name changes in the customer's own admin center; a partner changes bill_to_name";
            return Err(check::invalid("company_name", message));
        }
    } else if command.bill_to_name.is_some() {
        let message = "What is billed to is the partner's: name the partner that changes it";
        return Err(check::invalid("bill_to_name", message));
    }
    let UpdateCustomer { company_name, bill_to_name, address, contact, .. } = command;
    if company_name.is_none() && bill_to_name.is_none() && address.is_none() && contact.is_none() {
        return Err(Rejection::new(
            Reason::RequiredFieldMissing,
            "Nothing changes: give company_name, bill_to_name, address or contact",
        ));
    }
    for (field, text) in [("company_name", company_name), ("bill_to_name", bill_to_name)] {
        text.as_ref().map_or(Ok(()), |text| check::required(field, text))?;
    }
    if let Some(address) = address {
        create::place(address)?;
        if address.country != draft.customer.country() {
            let country = draft.customer.country();
            let message = format!("A customer stays in {country}: its market, agreement and currency rest on it");
            return Err(Rejection::field(Reason::MarketNotAllowed, "address.country", message).with("country", country));
        }
    }
    contact.as_ref().map_or(Ok(()), |contact| create::person("contact", contact))?;
    let UpdateCustomer { customer_id, partner_id, company_name, bill_to_name, address, contact } = command.clone();
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
    let (company_name, bill_to_name) = (trimmed(company_name), trimmed(bill_to_name));
    draft.push(CustomerUpdated { customer_id, partner_id, company_name, bill_to_name, address, contact });
    Ok(())
}

pub(super) fn tag(draft: &mut Draft<'_>, command: &TagCustomer) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    if command.tags.len() > TAGS_MAX {
        let message = format!("A partner has at most {TAGS_MAX} tags for one customer, not {}", command.tags.len());
        return Err(check::invalid("tags", message).with("maximum", TAGS_MAX));
    }
    let mut seen = BTreeSet::new();
    for (index, tag) in command.tags.iter().enumerate() {
        let field = format!("tags[{index}]");
        check::required(&field, tag)?;
        let plain = tag.chars().count() <= TAG_CHARS_MAX && tag.trim() == tag;
        let again = !is_withheld(tag) && !seen.insert(tag.to_lowercase());
        if !plain || again {
            let message =
                format!("A tag has at most {TAG_CHARS_MAX} characters, no space around them, and stands here once");
            return Err(check::invalid(&field, message));
        }
    }
    let TagCustomer { customer_id, partner_id, tags } = command.clone();
    draft.push(CustomerTagged { customer_id, partner_id, tags });
    Ok(())
}
