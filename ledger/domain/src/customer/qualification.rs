//! Special segments: what a customer may buy besides commercial offers (accounts page section 2.12, program page C11).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Customer, create, draft::Draft, gates};
use crate::{
    Reason, Rejection,
    catalog::Catalog,
    check,
    command::{DecideQualification, RequestQualification},
    event::{QualificationDecided, QualificationRequested},
    money::Currency,
    offer::{Offer, PriceRow},
    party::Segment,
    personal::is_withheld,
};

/// Domains whose addresses anybody may have: they do not show who the entity is (L15149, L15176-15180).
const FREE_MAIL: [&str; 8] =
    ["outlook.com", "hotmail.com", "live.com", "gmail.com", "yahoo.com", "aol.com", "icloud.com", "gmx.net"];

/// Where an examination stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QualificationStanding {
    /// The publisher examines it.
    Requested,
    /// The customer belongs to the segment.
    Qualified,
    /// It does not; data may be corrected and submitted again (L1813).
    Denied,
}

/// An examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    /// Where it stands.
    pub standing: QualificationStanding,
    /// How often it was submitted.
    pub submissions: u32,
}

pub(super) fn request(draft: &mut Draft<'_>, command: &RequestQualification) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    if command.segment == Segment::Commercial {
        return Err(check::invalid(
            "segment",
            "Every customer is commercial; education, government or non-profit qualify",
        ));
    }
    let known = draft.customer.qualification(command.segment);
    if let Some(Qualification {
        standing: QualificationStanding::Requested | QualificationStanding::Qualified, ..
    }) = known
    {
        let message = format!("{} is being examined or was granted", command.segment.label());
        return Err(Rejection::field(Reason::QualificationExists, "segment", message));
    }
    match &command.email {
        Some(email) => owned_email(email)?,
        None if command.segment == Segment::Education => return Err(check::missing("email")),
        None => {}
    }
    let RequestQualification { customer_id, partner_id, segment, email } = command.clone();
    let submission = known.map_or(1, |known| known.submissions.saturating_add(1));
    draft.push(QualificationRequested { customer_id, partner_id, segment, submission, email });
    Ok(())
}

/// An address of a domain that the entity owns.
fn owned_email(email: &str) -> Result<(), Rejection> {
    check::required("email", email)?;
    if is_withheld(email) {
        return Ok(());
    }
    let domain = create::email_domain("email", email)?;
    if FREE_MAIL.contains(&domain.as_str()) || domain.ends_with(".onmicrosoft.com") || domain == "on.microsoft.com" {
        let message = format!("{domain} is not the entity's own domain; give an address of a domain that it owns");
        return Err(Rejection::field(Reason::EmailNotEntityOwned, "email", message).with("domain", domain));
    }
    Ok(())
}

pub(super) fn decide(draft: &mut Draft<'_>, command: &DecideQualification) -> Result<(), Rejection> {
    let standing = draft.customer.qualification(command.segment).map(|known| known.standing);
    if standing != Some(QualificationStanding::Requested) {
        let message = format!("Nobody asked to examine {} since the last answer", command.segment.label());
        return Err(Rejection::field(Reason::QualificationNotRequested, "segment", message));
    }
    check::optional("note", &command.note)?;
    let DecideQualification { customer_id, segment, qualified, note } = command.clone();
    draft.push(QualificationDecided { customer_id, segment, qualified, note });
    Ok(())
}

impl Customer {
    /// The examination for a segment, if one was ever asked for.
    pub fn qualification(&self, segment: Segment) -> Option<Qualification> {
        self.qualifications.get(&segment).copied()
    }

    /// Whether the customer belongs to a segment.
    pub fn qualifies(&self, segment: Segment) -> bool {
        let of = |segment| {
            self.qualification(segment).is_some_and(|known| known.standing == QualificationStanding::Qualified)
        };
        match segment {
            // Government customers buy government offers only (L15112-15116).
            Segment::Commercial => !of(Segment::Government),
            other => of(other),
        }
    }
}

/// Whom the offer's row of the price list is for: its agreement type decides who may buy it (L7898-7901), and charities, for whom
/// there is no type, are named as the end customer (accounts page A17).
fn segment_of(row: &PriceRow) -> Segment {
    let customer = row.end_customer_type.to_ascii_lowercase();
    if ["non-profit", "nonprofit", "charity"].iter().any(|name| customer.contains(name)) {
        return Segment::NonProfit;
    }
    match row.license_agreement_type.to_ascii_lowercase().as_str() {
        "academic" => Segment::Education,
        "government" => Segment::Government,
        _ => Segment::Commercial,
    }
}

/// The customer belongs to a segment that the offer is sold to: the offer names them, or else its row of the price list says.
pub(super) fn gate(
    catalog: &Catalog,
    customer: &Customer,
    offer: &Offer,
    currency: Currency,
    field: impl fmt::Display,
) -> Result<(), Rejection> {
    let offer_id = &offer.offer_id;
    let row = catalog.price_rows(offer_id).find(|(of, _)| *of == currency).map(|(_, published)| &published.row);
    let of_row = [row.map_or(Segment::Commercial, segment_of)];
    let named: Vec<_> = offer.product().segments.iter().copied().collect();
    let segments = if named.is_empty() { of_row.as_slice() } else { named.as_slice() };
    if segments.iter().any(|segment| customer.qualifies(*segment)) {
        return Ok(());
    }
    let labels = segments.iter().map(|segment| segment.label()).collect::<Vec<_>>().join(", ");
    let message = format!("{offer_id} is sold to {labels} customers; this one does not qualify");
    Err(Rejection::of_field(Reason::SegmentNotQualified, field, message).with("segment", labels))
}
