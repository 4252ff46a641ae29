//! A customer's record begins (customers page section 2.2).

use super::{Customer, gates};
use crate::{
    Context, Event, Reason, Reference, Rejection, check,
    command::CreateCustomer,
    event::{CustomerCreated, RelationshipEstablished},
    party::{Address, Contact, PartnerKind, RelationshipOrigin},
    personal::is_withheld,
    reference::partner_standing::Action,
};

/// Longest prefix of a domain name (decision G01).
const DOMAIN_PREFIX_CHARS_MAX: usize = 27;
/// What every primary domain ends with (L15151).
const DOMAIN_SUFFIX: &str = ".onmicrosoft.com";

pub(super) fn create(
    state: Option<&Customer>,
    reference: &Reference,
    command: &CreateCustomer,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    if state.is_some() {
        let message = format!("Customer {} exists already; request a relationship instead", command.customer_id);
        return Err(Rejection::field(Reason::CustomerAlreadyExists, "customer_id", message));
    }
    let partner = gates::partner(reference, &command.partner_id, "partner_id")?;
    if partner.kind == PartnerKind::IndirectReseller {
        let message = "An indirect reseller cannot create a customer; its provider does, and names the reseller";
        return Err(Rejection::field(Reason::ResellerCannotCreateTenant, "partner_id", message));
    }
    gates::reseller(reference, partner, command.reseller_id.as_ref(), "reseller_id")?;
    let on = context.effective_on();
    partner.may(Action::CreateCustomer, &reference.catalog, on, "partner_id")?;
    gates::associate(reference, partner, command.reseller_id.as_ref(), on, "reseller_id")?;
    check_fields(command)?;
    gates::market(partner, &command.address.country, "address.country")?;
    let (customer_id, partner_id) = (command.customer_id.clone(), command.partner_id.clone());
    Ok(vec![
        CustomerCreated {
            customer_id: customer_id.clone(),
            partner_id: partner_id.clone(),
            company_name: command.company_name.trim().to_owned(),
            domain_name: format!("{}{DOMAIN_SUFFIX}", command.domain_prefix),
            address: command.address.clone(),
            contact: command.contact.clone(),
        }
        .into(),
        RelationshipEstablished {
            customer_id,
            partner_id,
            delegated_admin: true,
            reseller_id: command.reseller_id.clone(),
            origin: RelationshipOrigin::Created,
        }
        .into(),
    ])
}

fn check_fields(command: &CreateCustomer) -> Result<(), Rejection> {
    check::required("company_name", &command.company_name)?;
    check::required("domain_prefix", &command.domain_prefix)?;
    let prefix = &command.domain_prefix;
    let plain = prefix.len() <= DOMAIN_PREFIX_CHARS_MAX && prefix.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain && !is_withheld(prefix) {
        let message = format!("A domain prefix is 1 to {DOMAIN_PREFIX_CHARS_MAX} letters A-Z, a-z and digits");
        return Err(Rejection::field(Reason::DomainInvalid, "domain_prefix", message));
    }
    place(&command.address)?;
    person("contact", &command.contact)
}

/// An address' fields.
pub(super) fn place(address: &Address) -> Result<(), Rejection> {
    check::required("address.country", &address.country)?;
    check::required("address.line1", &address.line1)?;
    check::required("address.city", &address.city)?;
    check::optional("address.state", &address.state)?;
    check::optional("address.postal_code", &address.postal_code)
}

/// A person's fields; the phone number may be left out (L15176-15182).
pub(super) fn person(at: &str, person: &Contact) -> Result<(), Rejection> {
    check::required(&format!("{at}.first_name"), &person.first_name)?;
    check::required(&format!("{at}.last_name"), &person.last_name)?;
    check::required(&format!("{at}.email"), &person.email)?;
    check::optional(&format!("{at}.phone"), &person.phone)
}

/// The domain of an address, in small letters.
pub(super) fn email_domain(field: &str, email: &str) -> Result<String, Rejection> {
    match email.split_once('@') {
        Some((name, domain)) if !name.is_empty() && domain.contains('.') && !email.contains(char::is_whitespace) => {
            Ok(domain.to_ascii_lowercase())
        }
        _ => Err(check::invalid(field, format!("{email:?} is no address; one looks like ada@contoso.example"))),
    }
}
