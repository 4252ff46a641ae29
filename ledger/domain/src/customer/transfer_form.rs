//! Moving a classic Azure subscription by ticket and form (customers page section 2.19): the customer asks its partner in writing,
//! the partner opens a ticket, everybody signs, and the publisher's support moves it.

use std::collections::BTreeMap;

use super::{Transfer, TransferStanding, create::person, draft::Draft, gates, transfer};
use crate::{
    Event, Reason, Rejection, check,
    command::{
        CleanTransferAccess, CompleteTransfer, RejectTransfer, RequestAzureTransfer, SignTransferForm,
        SubmitTransferForm,
    },
    event::{
        FormRequest, FormSigner, TransferAccessCleaned, TransferDeclined, TransferFormSigned, TransferFormSubmitted,
        TransferRequested,
    },
    ids::{PartnerId, TransferId},
    offer::ProductKind,
    partner::Partner,
    party::PartnerKind,
};

pub(super) fn request(draft: &mut Draft<'_>, command: &RequestAzureTransfer) -> Result<(), Rejection> {
    let (customer, on) = (draft.customer, draft.on());
    transacting(draft, &command.partner_id, "partner_id")?;
    transacting(draft, &command.target_partner_id, "target_partner_id")?;
    if command.partner_id == command.target_partner_id {
        let message = "A transfer goes to another partner";
        return Err(Rejection::field(Reason::TransferTargetIsSource, "target_partner_id", message));
    }
    let id = &command.subscription_id;
    let known = gates::found(customer.subscription(id), id)?;
    if known.partner_id != command.partner_id {
        let message =
            format!("Subscription {id} does not belong to {}; its owner opens the ticket", command.partner_id);
        return Err(Rejection::field(Reason::NotCurrentPartner, "partner_id", message).with("subscription_id", id));
    }
    let subscription = draft.owned(&command.partner_id, id)?.clone();
    if subscription.product_kind != Some(ProductKind::AzureSubscription) {
        let message =
            format!("{} does not move by ticket; a classic Azure subscription does (L15828)", subscription.offer_name);
        return Err(
            Rejection::field(Reason::OfferNotTransferable, "subscription_id", message).with("subscription_id", id)
        );
    }
    gates::active(&subscription, on)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    if let Some(other) = transfer::open_transfer_of(draft, id) {
        let message = format!("Subscription {id} is in transfer {other}; withdraw that first");
        return Err(Rejection::field(Reason::InAnotherRequest, "subscription_id", message).with("transfer_id", other));
    }
    let Some(customer_requested_on) = command.customer_requested_on else {
        let message = "Say when the customer asked its partner in writing; nobody else can start it (L15832-15836)";
        return Err(Rejection::field(Reason::CustomerRequestMissing, "customer_requested_on", message));
    };
    if customer_requested_on > on {
        return Err(check::invalid("customer_requested_on", format!("A written request is dated {on} or earlier")));
    }
    check::required("ticket_id", &command.ticket_id)?;
    let transfer_id = transfer::transfer_id(draft, command.transfer_id.as_ref())?;
    draft.push(TransferRequested {
        customer_id: command.customer_id.clone(),
        transfer_id,
        source_partner_id: command.partner_id.clone(),
        target_partner_id: command.target_partner_id.clone(),
        lines: vec![transfer::line(customer, &subscription)],
        requested_on: on,
        expires_on: None,
        form: Some(FormRequest { customer_requested_on, ticket_id: command.ticket_id.trim().to_owned() }),
    });
    Ok(())
}

/// A direct bill partner or a provider (L15828).
fn transacting<'a>(draft: &Draft<'a>, id: &PartnerId, field: &str) -> Result<&'a Partner, Rejection> {
    let partner = gates::partner(draft.reference, id, field)?;
    if partner.kind != PartnerKind::IndirectReseller {
        return Ok(partner);
    }
    let message =
        format!("{id} is an indirect reseller; a direct bill partner or a provider transfers Azure subscriptions");
    Err(Rejection::field(Reason::PartnerTypeNotAllowed, field, message).with("partner_id", id))
}

/// The open transfer, if it goes by a form.
fn open_form<'a>(draft: &Draft<'a>, id: &TransferId) -> Result<&'a Transfer, Rejection> {
    let transfer = transfer::open(draft, id)?;
    if transfer.form.is_some() {
        return Ok(transfer);
    }
    Err(out_of_turn(format!("Transfer {id} has no form: its target accepts or declines it")))
}

fn out_of_turn(message: String) -> Rejection {
    Rejection::field(Reason::TransferStepOutOfTurn, "transfer_id", message)
}

/// The owner signs first, then the customer and the new partner in either order (L15851-15869).
pub(super) fn sign(draft: &mut Draft<'_>, command: &SignTransferForm) -> Result<(), Rejection> {
    let (id, signer) = (&command.transfer_id, command.signer);
    let transfer = open_form(draft, id)?;
    let signatures = transfer.form.as_ref().map(|form| &form.signed);
    let has = |who: FormSigner| signatures.is_some_and(|signatures| signatures.contains(&who));
    if has(signer) {
        let message = format!("The {} has signed already", signer.label());
        return Err(Rejection::field(Reason::SignatureOutOfTurn, "signer", message));
    }
    if signer != FormSigner::CurrentPartner && !has(FormSigner::CurrentPartner) {
        let message = "The current partner fills in the form and signs it first";
        return Err(Rejection::field(Reason::SignatureOutOfTurn, "signer", message));
    }
    if signer == FormSigner::NewPartner {
        takes(draft, &transfer.target_partner_id)?;
    }
    let SignTransferForm { customer_id, transfer_id, signer } = command.clone();
    draft.push(TransferFormSigned { customer_id, transfer_id, signer });
    Ok(())
}

/// The new partner has a relationship, and is in the customer's own country: the market is not enough (L15863-15869, decision G06).
fn takes(draft: &Draft<'_>, target: &PartnerId) -> Result<(), Rejection> {
    let partner = transacting(draft, target, "transfer_id")?;
    gates::relationship(draft.customer, target, "transfer_id")?;
    let country = draft.customer.country();
    if partner.country == country {
        return Ok(());
    }
    let message = format!("{target} is in {} and the customer in {country}; both are in one country", partner.country);
    Err(Rejection::field(Reason::CountryMismatch, "transfer_id", message).with("country", country))
}

pub(super) fn submit(draft: &mut Draft<'_>, command: &SubmitTransferForm) -> Result<(), Rejection> {
    let transfer = open_form(draft, &command.transfer_id)?;
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    if transfer.source_partner_id != command.partner_id {
        let message = "The current partner submits the form to its own ticket (L15873)";
        return Err(Rejection::field(Reason::NotATransferParty, "partner_id", message));
    }
    let Some(form) = transfer.form.as_ref().filter(|form| !form.submitted) else {
        return Err(out_of_turn("The form is submitted; support answers it".to_owned()));
    };
    let missing: Vec<_> = FormSigner::ALL.into_iter().filter(|who| !form.signed.contains(who)).collect();
    if !missing.is_empty() {
        let labels = missing.iter().map(|who| who.label()).collect::<Vec<_>>().join(", ");
        let message = format!("Three sign the form; these have not: {labels}");
        return Err(Rejection::field(Reason::SignaturesIncomplete, "transfer_id", message).with("missing", labels));
    }
    let (Some(current_contact), Some(new_contact)) = (&command.current_contact, &command.new_contact) else {
        let field = if command.current_contact.is_none() { "current_contact" } else { "new_contact" };
        let message = "Name an administrator of each partner; support asks both (L15873)";
        return Err(Rejection::field(Reason::AdminContactMissing, field, message));
    };
    person("current_contact", current_contact)?;
    person("new_contact", new_contact)?;
    let (customer_id, transfer_id) = (command.customer_id.clone(), command.transfer_id.clone());
    let (current_contact, new_contact) = (current_contact.clone(), new_contact.clone());
    draft.push(TransferFormSubmitted { customer_id, transfer_id, current_contact, new_contact });
    Ok(())
}

/// The form lies with support.
fn submitted<'a>(draft: &Draft<'a>, id: &TransferId) -> Result<&'a Transfer, Rejection> {
    let transfer = open_form(draft, id)?;
    if transfer.form.as_ref().is_some_and(|form| form.submitted) {
        return Ok(transfer);
    }
    Err(out_of_turn(format!("The form of transfer {id} is not submitted yet")))
}

/// What was promised at the signature still holds; then it moves like any other transfer.
pub(super) fn complete(draft: &mut Draft<'_>, command: &CompleteTransfer) -> Result<(), Rejection> {
    let transfer = submitted(draft, &command.transfer_id)?;
    takes(draft, &transfer.target_partner_id)?;
    transfer::complete(draft, &command.transfer_id, transfer)
}

pub(super) fn reject(draft: &mut Draft<'_>, command: &RejectTransfer) -> Result<(), Rejection> {
    submitted(draft, &command.transfer_id)?;
    check::optional("note", &command.note)?;
    let RejectTransfer { customer_id, transfer_id, note } = command.clone();
    draft.push(TransferDeclined { customer_id, transfer_id, note });
    Ok(())
}

/// The former partner's roles do not end by themselves (L15877, L15893).
pub(super) fn clean(draft: &mut Draft<'_>, command: &CleanTransferAccess) -> Result<(), Rejection> {
    let id = &command.transfer_id;
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let transfer = transfer::found(draft, id)?;
    if transfer.target_partner_id != command.partner_id {
        let message = "The new partner removes the roles of the former one";
        return Err(Rejection::field(Reason::NotATransferParty, "partner_id", message));
    }
    match &transfer.form {
        Some(form) if transfer.standing == TransferStanding::Complete && !form.access_cleaned => {}
        _ => return Err(out_of_turn(format!("Roles are removed once, after transfer {id} by form is complete"))),
    }
    let CleanTransferAccess { customer_id, transfer_id, partner_id } = command.clone();
    draft.push(TransferAccessCleaned { customer_id, transfer_id, partner_id });
    Ok(())
}

/// Applies an event about a form.
pub(super) fn apply(transfers: &mut BTreeMap<TransferId, Transfer>, event: &Event) {
    let mut change = |id: &TransferId, change: &dyn Fn(&mut super::TransferForm)| {
        if let Some(form) = transfers.get_mut(id).and_then(|transfer| transfer.form.as_mut()) {
            change(form);
        }
    };
    match event {
        Event::TransferFormSigned(e) => change(&e.transfer_id, &|form| {
            form.signed.insert(e.signer);
        }),
        Event::TransferFormSubmitted(e) => change(&e.transfer_id, &|form| form.submitted = true),
        Event::TransferAccessCleaned(e) => change(&e.transfer_id, &|form| form.access_cleaned = true),
        _ => {}
    }
}
