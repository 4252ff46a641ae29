//! Tax ids and exemptions: given by the partner, answered by the provider, in force from the next billing cycle on
//! (billing-details.md 2.10).

use super::{Partner, next_cycle};
use crate::{
    Context, Event, Reason, Rejection, check,
    command::{GrantTaxExemption, RefuseTaxExemption, RejectTaxId, SubmitTaxExemption, SubmitTaxId, ValidateTaxId},
    event::{
        TaxExemptionGranted, TaxExemptionRefused, TaxExemptionSubmitted, TaxIdRejected, TaxIdSubmitted, TaxIdValidated,
    },
    ids::ExemptionId,
    tax::{ExemptionState, TaxExemption, TaxIdKind, TaxIdState, region, vat_id},
};

/// A SHA-256.
const HASH_BYTES: usize = 32;

/// Takes an id whose form fits; it has no effect before it is validated (billing-details.md C24).
pub(super) fn submit_id(partner: &Partner, command: &SubmitTaxId) -> Result<Vec<Event>, Rejection> {
    check::required("value", &command.value)?;
    let value = vat_id::normalized(&command.value);
    if command.kind == TaxIdKind::Vat && !vat_id::is_well_formed(&partner.country, &value) {
        let forms = vat_id::patterns(&partner.country).unwrap_or(&["1 to 32 letters and digits"]).join(" or ");
        let message = format!(
            "{:?} is no VAT id of {}; these are: {forms} (# is a digit, @ a letter, ? either)",
            command.value, partner.country
        );
        return Err(Rejection::field(Reason::VatIdFormatInvalid, "value", message).with("accepted", forms));
    }
    let known = partner.tax.id(command.kind, &value).map(|id| &id.state);
    if matches!(known, Some(TaxIdState::Submitted | TaxIdState::Validated { .. })) {
        let message = format!("{value} was given already");
        return Err(Rejection::field(Reason::TaxIdAlreadySubmitted, "value", message));
    }
    let (partner_id, kind) = (command.partner_id.clone(), command.kind);
    Ok(vec![TaxIdSubmitted { partner_id, kind, value }.into()])
}

/// The provider found the id valid: it counts from the next cycle on (L9731, L9735).
pub(super) fn validate_id(
    partner: &Partner,
    command: &ValidateTaxId,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let value = vat_id::normalized(&command.value);
    let state = partner.tax.id(command.kind, &value).map(|id| &id.state);
    if !matches!(state, Some(TaxIdState::Submitted)) {
        return Err(not_open(command.kind, &value, state));
    }
    let effective_from = next_cycle(partner, context.effective_on())?;
    let (partner_id, kind) = (command.partner_id.clone(), command.kind);
    Ok(vec![TaxIdValidated { partner_id, kind, value, effective_from }.into()])
}

/// The provider found the id not valid, or not any more: then it counts to the end of the cycle.
pub(super) fn reject_id(partner: &Partner, command: &RejectTaxId, context: &Context) -> Result<Vec<Event>, Rejection> {
    check::required("reason", &command.reason)?;
    let value = vat_id::normalized(&command.value);
    let state = partner.tax.id(command.kind, &value).map(|id| &id.state);
    if !matches!(state, Some(TaxIdState::Submitted | TaxIdState::Validated { .. })) {
        return Err(not_open(command.kind, &value, state));
    }
    let effective_from = next_cycle(partner, context.effective_on())?;
    let RejectTaxId { partner_id, kind, reason, .. } = command.clone();
    Ok(vec![TaxIdRejected { partner_id, kind, value, reason, effective_from }.into()])
}

fn not_open(kind: TaxIdKind, value: &str, state: Option<&TaxIdState>) -> Rejection {
    let message = match state {
        Some(TaxIdState::Validated { .. }) => format!("The {} {value} is validated already", kind.label()),
        Some(TaxIdState::Rejected { .. }) => format!("The {} {value} was rejected; submit it again", kind.label()),
        _ => format!("The partner has not submitted the {} {value}", kind.label()),
    };
    Rejection::field(Reason::TaxIdNotSubmitted, "value", message)
}

/// Takes a request with its document, if such a document exempts from that tax there (billing-details.md section 4).
pub(super) fn submit_exemption(
    partner: &Partner,
    command: &SubmitTaxExemption,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    check::required("tax", &command.tax)?;
    if let Some(region) = &command.region {
        check::region("region", region)?;
    }
    let (country, region) = (partner.country.as_str(), command.region.as_deref());
    let accepted = region::documents(country, region, &command.tax, context.effective_on());
    if !accepted.contains(&command.document_kind) {
        let names: Vec<_> = accepted.iter().map(|kind| kind.label()).collect();
        let accepted = if names.is_empty() { "none; a valid VAT id does it".to_owned() } else { names.join(", ") };
        let message = format!("This document does not exempt from {} in {country}; accepted: {accepted}", command.tax);
        return Err(Rejection::field(Reason::TaxDocumentNotAcceptedInRegion, "document_kind", message)
            .with("accepted", accepted));
    }
    match command.document_hash.len() {
        HASH_BYTES => {}
        0 => {
            let message = "The request needs its document: give the SHA-256 of the file";
            return Err(Rejection::field(Reason::TaxDocumentMissing, "document_hash", message));
        }
        _ => return Err(check::invalid("document_hash", format!("A SHA-256 has {HASH_BYTES} bytes"))),
    }
    let exemption_id = match &command.exemption_id {
        Some(id) => id.clone(),
        None => ExemptionId::new(context.new_id("exemption", 0))
            .map_err(|error| check::invalid("exemption_id", error.to_string()))?,
    };
    if partner.tax.exemption(&exemption_id).is_some() {
        let message = format!("The partner has an exemption {exemption_id} already");
        return Err(Rejection::field(Reason::TaxExemptionAlreadyExists, "exemption_id", message));
    }
    let SubmitTaxExemption { partner_id, region, tax, document_kind, document_hash, .. } = command.clone();
    Ok(vec![TaxExemptionSubmitted { partner_id, exemption_id, region, tax, document_kind, document_hash }.into()])
}

/// Grants a request for a time that begins with the next cycle at the earliest (L9733).
pub(super) fn grant_exemption(
    partner: &Partner,
    command: &GrantTaxExemption,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    open_exemption(partner, &command.exemption_id)?;
    let on = context.effective_on();
    if let Some(from) = command.from.filter(|from| *from < on) {
        let message = format!("An exemption does not reach back to {from}; today is {on}");
        return Err(Rejection::field(Reason::TaxChangeNotRetroactive, "from", message).with("earliest", on));
    }
    let next = next_cycle(partner, on)?;
    let from = command.from.map_or(next, |from| next.not_before(from));
    if command.to.is_some_and(|to| to < from.license_usage.min(from.one_time_recurring)) {
        let first = from.license_usage.min(from.one_time_recurring);
        let message = format!("The exemption begins with the next billing cycle on {first}; it cannot end before");
        return Err(check::invalid("to", message).with("from", first));
    }
    let GrantTaxExemption { partner_id, exemption_id, to, .. } = command.clone();
    Ok(vec![TaxExemptionGranted { partner_id, exemption_id, from, to }.into()])
}

/// Does not grant a request.
pub(super) fn refuse_exemption(partner: &Partner, command: &RefuseTaxExemption) -> Result<Vec<Event>, Rejection> {
    check::required("reason", &command.reason)?;
    open_exemption(partner, &command.exemption_id)?;
    let RefuseTaxExemption { partner_id, exemption_id, reason } = command.clone();
    Ok(vec![TaxExemptionRefused { partner_id, exemption_id, reason }.into()])
}

fn open_exemption<'a>(partner: &'a Partner, id: &ExemptionId) -> Result<&'a TaxExemption, Rejection> {
    let Some(exemption) = partner.tax.exemption(id) else {
        let message = format!("The partner has no tax exemption {id}");
        return Err(Rejection::field(Reason::TaxExemptionNotFound, "exemption_id", message));
    };
    let answer = match exemption.state {
        ExemptionState::Submitted => return Ok(exemption),
        ExemptionState::Granted { .. } => "granted",
        ExemptionState::Refused { .. } => "refused",
    };
    let message = format!("Exemption {id} was {answer} already; another one is a new request");
    Err(Rejection::field(Reason::TaxExemptionClosed, "exemption_id", message))
}
