//! Which part of an answer a caller sees. Rows carry whose they are; one that names a partner out of reach is taken out, wherever it
//! stands, and what only the payer sees is left out for who is not the payer.

use prost_reflect::{DynamicMessage, ReflectMessage as _};

use super::{standing::Reach, wire};

/// Who a row may belong to, beside `partner_id`.
const OTHER_PARTNERS: [&str; 8] = [
    "reseller_id",
    "source_partner_id",
    "target_partner_id",
    "provider_id",
    "csp_partner_id",
    "cpor_partner_id",
    "dpor_partner_id",
    // A location of another account is its company's too, once they are one.
    "company_partner_id",
];
/// Who is credited for a subscription, with what goes with each; who else is, is no business of a partner.
const CREDITED: [(&str, Option<&str>); 3] =
    [("csp_partner_id", None), ("cpor_partner_id", Some("association_id")), ("dpor_partner_id", None)];
/// What a subscription costs its partner; neither its reseller nor its customer buys at these prices (L7883).
const OF_THE_PAYER: [&str; 3] = ["prices", "currency", "promotion"];
/// Changes of a customer's relationships name the partner: `relationships[contoso].state`.
const BY_PARTNER: [&str; 4] = ["relationships[", "agreements[", "tags[", "permissions["];
/// The state of a relationship that lives.
const ACTIVE: &str = "active";
/// That of one whose partner waits for the customer.
const REQUESTED: &str = "requested";

/// Takes out of an answer what is out of reach. Returns the customers in it who have other partners too.
pub(super) fn prune(answer: &mut DynamicMessage, reach: &Reach) -> Vec<String> {
    let mut shared = Vec::new();
    redact(answer, reach);
    shared.extend(shared_customer(answer, reach));
    wire::retain(answer, &mut |inner| {
        let keep = is_visible(inner, reach);
        if keep {
            redact(inner, reach);
            shared.extend(shared_customer(inner, reach));
        }
        keep
    });
    shared
}

/// The id of a customer that has partners out of reach.
pub(super) fn shared_customer(row: &DynamicMessage, reach: &Reach) -> Option<String> {
    let relationships = row.get_field_by_name("relationships")?;
    let mut relationships = relationships.as_list()?.iter().filter_map(|value| value.as_message());
    relationships
        .any(|relationship| !is_visible(relationship, reach))
        .then(|| wire::text(row, "customer_id").into_owned())
}

/// Whether a row is the caller's to see. A row that names nobody belongs to what it stands in.
pub(super) fn is_visible(row: &DynamicMessage, reach: &Reach) -> bool {
    if wire::has(row, "field") && wire::has(row, "before") {
        return field_change_is_visible(row, reach);
    }
    let customer = wire::text(row, "customer_id");
    let customer = (!customer.is_empty()).then_some(customer);
    if !reach.customers.is_empty() && customer.as_deref().is_none_or(|id| reach.is_customer(id)) {
        return true;
    }
    let payer = wire::text(row, "partner_id");
    let others: Vec<_> =
        OTHER_PARTNERS.iter().map(|field| wire::text(row, field)).filter(|id| !id.is_empty()).collect();
    let resellers = wire::texts(row, "reseller_ids");
    let named = std::iter::once(&*payer)
        .chain(others.iter().map(|id| &**id))
        .chain(resellers.iter().map(String::as_str))
        .filter(|id| !id.is_empty());
    let location = wire::location(row);
    let mut nobody = true;
    for partner in named {
        nobody = false;
        if reach.covers_at(partner, customer.as_deref(), &location) {
            return true;
        }
    }
    // Rows of a customer without a partner are reached through the customer, which was looked at before.
    nobody
}

fn field_change_is_visible(change: &DynamicMessage, reach: &Reach) -> bool {
    let field = wire::text(change, "field");
    let partner =
        BY_PARTNER.iter().find_map(|head| field.strip_prefix(head)?.split_once(']')).map(|(partner, _)| partner);
    partner.is_none_or(|partner| reach.covers(partner, None) || !reach.customers.is_empty())
}

/// Leaves out what only the payer sees, and which other partners are credited.
fn redact(row: &mut DynamicMessage, reach: &Reach) {
    match row.descriptor().name() {
        "Subscription" => redact_prices(row, reach),
        "AssociationCredit" => redact_credited(row, reach),
        _ => {}
    }
}

fn redact_credited(row: &mut DynamicMessage, reach: &Reach) {
    let customer = wire::text(row, "customer_id").into_owned();
    for (field, with_it) in CREDITED {
        let covered = reach.covers(&wire::text(row, field), Some(&customer));
        if !covered {
            row.clear_field_by_name(field);
            if let Some(with_it) = with_it {
                row.clear_field_by_name(with_it);
            }
        }
    }
}

fn redact_prices(row: &mut DynamicMessage, reach: &Reach) {
    let (payer, customer) = (wire::text(row, "partner_id").into_owned(), wire::text(row, "customer_id").into_owned());
    if !reach.covers(&payer, Some(&customer)) {
        OF_THE_PAYER.iter().for_each(|field| row.clear_field_by_name(field));
    }
}

/// Whether a customer is one of the caller's: by a relationship of a partner in reach, its own or as a reseller, or because the caller
/// asks as the customer itself. A partner that waits for the customer's answer may go on with its request, and sees nothing.
pub(super) fn sees_customer(customer: &DynamicMessage, reach: &Reach, waiting_too: bool) -> bool {
    let id = wire::text(customer, "customer_id");
    if reach.is_customer(&id) {
        return true;
    }
    let Some(relationships) = customer.get_field_by_name("relationships") else { return false };
    relationships.as_list().into_iter().flatten().filter_map(|value| value.as_message()).any(|relationship| {
        let state = wire::text(relationship, "state");
        let lives = state == ACTIVE || (waiting_too && state == REQUESTED);
        let parties = [wire::text(relationship, "partner_id"), wire::text(relationship, "reseller_id")];
        let resellers = wire::texts(relationship, "reseller_ids");
        let mut parties = parties.iter().map(|party| &**party).chain(resellers.iter().map(String::as_str));
        lives && parties.any(|party| !party.is_empty() && reach.covers(party, Some(&id)))
    })
}
