//! The form of an association: what it may hold while it is a draft, and what it must hold when it is handed in.

use std::collections::BTreeSet;

use crate::{
    Reason, Rejection,
    association::{
        ASSOCIATION_DOCUMENTS_MAX, AssociationActivity, AssociationContact, AssociationDetails, AssociationState,
        CLAIMED_MAX, ClaimScope, ClaimedProduct, IN_FORCE_FROM, SolutionArea,
    },
    check,
    customer::{Customer, Standing, Subscription, draft::Draft, gates},
    evidence::{self, Evidence, EvidenceKind},
    ids::{AssociationId, DocumentId, OfferId, PartnerId, SubscriptionId},
    personal::is_withheld,
};

/// How the names of offers begin whose customers name a technical contact too (L9577).
const DYNAMICS: &str = "Dynamics 365";

/// What a draft says has bounds, whatever is still missing.
pub(super) fn check_texts(details: &AssociationDetails) -> Result<(), Rejection> {
    for (name, text) in [
        ("details.name", &details.name),
        ("details.location_mpn_id", &details.location_mpn_id),
        ("details.domain_name", &details.domain_name),
        ("details.comments", &details.comments),
    ] {
        check::optional(name, text)?;
    }
    let several = |field: &str, count: usize| {
        if count == 0 { Ok(()) } else { check::count(field, count, CLAIMED_MAX) }
    };
    several("details.products", details.products.len())?;
    several("details.workloads", details.workloads.len())?;
    details.workloads.iter().try_for_each(|workload| check::required("details.workloads", workload))?;
    if details.documents.len() > ASSOCIATION_DOCUMENTS_MAX {
        check::count("details.documents", details.documents.len(), ASSOCIATION_DOCUMENTS_MAX)?;
    }
    check_documents("details.documents", &details.documents, &BTreeSet::new())
}

/// Documents with names and hashes, none of them there already.
pub(super) fn check_documents(at: &str, documents: &[Evidence], known: &BTreeSet<DocumentId>) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    for (index, document) in documents.iter().enumerate() {
        let at = format!("{at}[{index}]");
        evidence::check(&at, document)?;
        if known.contains(&document.document_id) || !seen.insert(&document.document_id) {
            let message = format!("There is a document {} already", document.document_id);
            return Err(Rejection::field(Reason::RequestAlreadyExists, &format!("{at}.document_id"), message));
        }
    }
    Ok(())
}

/// The form with everything it needs; each product names its subscription.
pub(super) fn complete(
    draft: &Draft<'_>,
    partner_id: &PartnerId,
    details: &AssociationDetails,
) -> Result<AssociationDetails, Rejection> {
    let on = draft.on();
    if on < IN_FORCE_FROM {
        let message = format!("Associations are claimed this way from {IN_FORCE_FROM} on");
        return Err(check::invalid("effective_at", message).with("earliest", IN_FORCE_FROM));
    }
    check::required("details.name", &details.name)?;
    check_location(draft, partner_id, &details.location_mpn_id)?;
    check_domain(draft.customer, &details.domain_name)?;
    check_activities(details)?;
    check_scope(details)?;
    let products = details.products.iter().enumerate();
    let products = products.map(|(index, product)| resolve(draft.customer, index, product));
    let products = products.collect::<Result<Vec<_>, _>>()?;
    contact("details.customer_contact", details.customer_contact.as_ref(), true)?;
    contact("details.partner_contact", details.partner_contact.as_ref(), false)?;
    check_technical_contact(draft, details)?;
    check_revenue(details)?;
    if !details.documents.iter().any(|document| document.kind == EvidenceKind::ProofOfExecution) {
        let message = "A proof of execution is required, such as a statement of work that the customer signed";
        return Err(Rejection::field(Reason::PoeMissing, "details.documents", message));
    }
    Ok(AssociationDetails { products, ..details.clone() })
}

/// The id is that of a location of the partner (L9594).
fn check_location(draft: &Draft<'_>, partner_id: &PartnerId, mpn_id: &str) -> Result<(), Rejection> {
    let field = "details.location_mpn_id";
    check::required(field, mpn_id)?;
    gates::partner(draft.reference, partner_id, "partner_id")?.check_location(mpn_id, field)
}

fn check_domain(customer: &Customer, domain_name: &str) -> Result<(), Rejection> {
    let field = "details.domain_name";
    check::required(field, domain_name)?;
    let withheld = is_withheld(domain_name) || is_withheld(customer.domain_name());
    if withheld || domain_name.eq_ignore_ascii_case(customer.domain_name()) {
        return Ok(());
    }
    let message = format!("{domain_name:?} is not the primary domain of customer {}", customer.id());
    Err(check::invalid(field, message))
}

fn check_activities(details: &AssociationDetails) -> Result<(), Rejection> {
    if details.has_valid_activities() {
        return Ok(());
    }
    let accepted = match details.solution_area {
        SolutionArea::BusinessApplications => "pre-sales, usage, or both; or revenue association alone",
        SolutionArea::Microsoft365 => "pre-sales, usage, or both",
    };
    let message = format!("Activities in {} are {accepted}", details.solution_area.label());
    Err(Rejection::field(Reason::ActivityCombinationInvalid, "details.activities", message).with("accepted", accepted))
}

/// Products where subscriptions are claimed, workloads where workloads are, and nothing that is not.
fn check_scope(details: &AssociationDetails) -> Result<(), Rejection> {
    for (scope, field, none, what) in [
        (ClaimScope::Subscription, "details.products", details.products.is_empty(), "products"),
        (ClaimScope::Workload, "details.workloads", details.workloads.is_empty(), "workloads"),
    ] {
        match (details.claims_by(scope), none) {
            (true, true) => return Err(check::missing(field)),
            (false, false) => {
                let message = format!("These activities in {} claim no {what}", details.solution_area.label());
                return Err(check::invalid(field, message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The product's subscription: the one named, or the only one there is (L9610).
fn resolve(customer: &Customer, index: usize, product: &ClaimedProduct) -> Result<ClaimedProduct, Rejection> {
    let field = format!("details.products[{index}].subscription_id");
    let offer_id = &product.offer_id;
    if let Some(id) = &product.subscription_id {
        let subscription = open_subscription(customer, id, &field)?;
        if subscription.offer_id != *offer_id {
            let message = format!("Subscription {id} is of offer {}, not of {offer_id}", subscription.offer_id);
            return Err(check::invalid(&field, message).with("offer_id", &subscription.offer_id));
        }
        return Ok(product.clone());
    }
    let mut open = customer.subscriptions().filter(|it| it.offer_id == *offer_id && is_open(it));
    match (open.next(), open.count()) {
        (None, _) => Err(no_subscription(customer, offer_id, &field)),
        (Some(only), 0) => {
            let subscription_id = Some(only.subscription_id.clone());
            Ok(ClaimedProduct { offer_id: offer_id.clone(), subscription_id })
        }
        (Some(_), more) => {
            let message =
                format!("Customer {} has {} subscriptions of {offer_id}: say which one", customer.id(), more + 1);
            Err(Rejection::field(Reason::SubscriptionIdRequired, &field, message).with("subscriptions", more + 1))
        }
    }
}

fn no_subscription(customer: &Customer, offer_id: &OfferId, field: &str) -> Rejection {
    let message = format!("Customer {} has no open subscription of {offer_id}", customer.id());
    Rejection::field(Reason::SubscriptionNotFound, field, message).with("offer_id", offer_id)
}

fn is_open(subscription: &Subscription) -> bool {
    let moved = matches!(subscription.standing, Standing::Suspended { reason, .. } if reason.is_final());
    !subscription.is_closed() && !moved
}

/// A subscription of the customer that is not over, whoever sells it.
pub(super) fn open_subscription<'a>(
    customer: &'a Customer,
    id: &SubscriptionId,
    field: &str,
) -> Result<&'a Subscription, Rejection> {
    let not_found = || {
        let message = format!("Customer {} has no subscription {id}", customer.id());
        Rejection::field(Reason::SubscriptionNotFound, field, message).with("subscription_id", id)
    };
    let subscription = customer.subscription(id).ok_or_else(not_found)?;
    if is_open(subscription) {
        return Ok(subscription);
    }
    let message = format!("Subscription {id} is over");
    Err(Rejection::field(Reason::SubscriptionClosed, field, message).with("subscription_id", id))
}

/// Every field of a contact is required (L9606); the source asks for no title of the partner's own.
fn contact(at: &str, contact: Option<&AssociationContact>, titled: bool) -> Result<(), Rejection> {
    let Some(AssociationContact { name, title, email }) = contact else { return Err(check::missing(at)) };
    check::required(&format!("{at}.name"), name)?;
    let title_at = format!("{at}.title");
    if titled { check::required(&title_at, title) } else { check::optional(&title_at, title) }?;
    check::email(&format!("{at}.email"), email)
}

/// A Dynamics 365 product needs a technical contact (L9577).
fn check_technical_contact(draft: &Draft<'_>, details: &AssociationDetails) -> Result<(), Rejection> {
    let at = "details.technical_contact";
    if let Some(given) = &details.technical_contact {
        return contact(at, Some(given), true);
    }
    let named = |offer_id: &OfferId| draft.reference.catalog.offer(offer_id).map(|offer| offer.display_name.as_str());
    let dynamics = details.products.iter().filter_map(|product| named(&product.offer_id));
    match dynamics.into_iter().find(|name| name.starts_with(DYNAMICS)) {
        Some(name) => {
            let message = format!("{name} needs a technical contact: name, title and e-mail address");
            Err(Rejection::field(Reason::TechnicalContactRequired, at, message))
        }
        None => Ok(()),
    }
}

/// A revenue association names seller, customer and product (L9580, L9602); no other one does.
fn check_revenue(details: &AssociationDetails) -> Result<(), Rejection> {
    let at = "details.revenue";
    let claimed = details.activities.contains(&AssociationActivity::RevenueAssociation);
    match (&details.revenue, claimed) {
        (Some(revenue), true) => {
            check::required(&format!("{at}.solution_seller"), &revenue.solution_seller)?;
            check::required(&format!("{at}.customer_name"), &revenue.customer_name)?;
            check::required(&format!("{at}.isv_product"), &revenue.isv_product)
        }
        (None, true) => Err(check::missing(at)),
        (Some(_), false) => Err(check::invalid(at, "Only a revenue association has these")),
        (None, false) => Ok(()),
    }
}

/// What is replaced is an active association of the same partner.
pub(super) fn check_replaced(
    old: &AssociationId,
    known: Option<(&PartnerId, AssociationState)>,
    partner_id: &PartnerId,
) -> Result<(), Rejection> {
    match known {
        Some((owner, AssociationState::Active)) if owner == partner_id => Ok(()),
        _ => {
            let message = format!("{old} is no active association of partner {partner_id}");
            Err(Rejection::field(Reason::AssociationNotFound, "details.replaces", message).with("association_id", old))
        }
    }
}
