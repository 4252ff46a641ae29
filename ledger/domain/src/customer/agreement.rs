//! The customer agreement is accepted (program page C02).

use super::{create, draft::Draft, gates};
use crate::{
    Reason, Rejection, check,
    command::AcceptAgreement,
    event::AgreementAccepted,
    party::{AgreementMode, PartnerKind},
    reference::template,
};

pub(super) fn accept(draft: &mut Draft<'_>, command: &AcceptAgreement) -> Result<(), Rejection> {
    match (command.mode, &command.partner_id) {
        (AgreementMode::PartnerAttestation, None) => return Err(check::missing("partner_id")),
        (AgreementMode::PartnerAttestation, Some(partner_id)) => {
            let partner = gates::partner(draft.reference, partner_id, "partner_id")?;
            if partner.kind == PartnerKind::IndirectReseller {
                let message = "An indirect reseller cannot attest the agreement; its provider does (L6126)";
                return Err(Rejection::field(Reason::ResellerCannotAttest, "partner_id", message));
            }
            gates::relationship(draft.customer, partner_id, "partner_id")?;
        }
        (AgreementMode::CustomerDirect, None) => {}
        (AgreementMode::CustomerDirect, Some(_)) => {
            let message = "A customer that accepts directly accepts for every partner: name none";
            return Err(check::invalid("partner_id", message));
        }
    }
    create::person("signatory", &command.signatory)?;
    if command.accepted_on > draft.on() {
        let message = format!("An acceptance is dated {} or earlier (L6138)", draft.on());
        return Err(Rejection::field(Reason::AcceptanceDateInFuture, "accepted_on", message));
    }
    language(draft.customer.country(), command.language.as_deref())?;
    let AcceptAgreement { customer_id, mode, partner_id, signatory, accepted_on, version, language } = command.clone();
    draft.push(AgreementAccepted { customer_id, mode, partner_id, signatory, accepted_on, version, language });
    Ok(())
}

/// The template is the one of the customer's country (L4729, L6122), and so is its language.
fn language(country: &str, language: Option<&str>) -> Result<(), Rejection> {
    let Some(language) = language else { return Ok(()) };
    let offered = template::languages(country);
    if offered.contains(&language) {
        return Ok(());
    }
    let message = match offered.as_slice() {
        [] => format!("No template is published for {country}; leave the language out"),
        offered => format!("In {country} the agreement is published in {}, not in {language:?}", offered.join(", ")),
    };
    Err(check::invalid("language", message).with("languages", offered.join(",")))
}
