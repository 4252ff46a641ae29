//! Moving subscriptions to another partner (customers page section 2.18).

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    Customer, Standing, Subscription, SuspensionReason, access,
    draft::Draft,
    gates,
    purchase::{self, Choice},
    suspension, transaction,
};
use crate::{
    Reason, Rejection, calendar, check,
    command::{AcceptTransfer, DeclineTransfer, RequestTransfer, WithdrawTransfer},
    event::{
        FormSigner, OrderPlaced, SubscriptionCreated, TransferCompleted, TransferDeclined, TransferLine,
        TransferRequested, TransferWithdrawn,
    },
    ids::{OrderId, PartnerId, SubscriptionId, TransferId},
    offer::{LOCKED_TERM_MONTHS, ProductFamily, ProductKind},
    partner::Partner,
    party::PartnerKind,
    reference::partner_standing::Action,
};

/// Subscriptions of one request, add-ons included.
pub const TRANSFER_LINES_MAX: usize = 500;
/// Longest wait for an answer.
pub const TRANSFER_DAYS_MAX: u32 = 365;

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferStanding {
    /// Waiting for the target's answer.
    Active,
    /// Taken.
    Complete,
    /// Not taken.
    Declined,
    /// Taken back.
    Withdrawn,
    /// Not answered in time.
    Expired,
}

/// A request to move subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The owner.
    pub source_partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// What moves, with the quantities of the request.
    pub lines: Vec<TransferLine>,
    /// First day on which it cannot be answered.
    pub expires_on: Option<NaiveDate>,
    /// Where it stands.
    pub standing: TransferStanding,
    /// Of one that goes by ticket and form.
    pub form: Option<TransferForm>,
}

/// How far the form of a transfer has come (customers page section 2.19).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferForm {
    /// Who signed.
    pub signed: BTreeSet<FormSigner>,
    /// Whether it went to the ticket.
    pub submitted: bool,
    /// Whether the new owner removed the former one's roles.
    pub access_cleaned: bool,
}

impl From<&TransferRequested> for Transfer {
    fn from(e: &TransferRequested) -> Self {
        Self {
            source_partner_id: e.source_partner_id.clone(),
            target_partner_id: e.target_partner_id.clone(),
            lines: e.lines.clone(),
            expires_on: e.expires_on,
            standing: TransferStanding::Active,
            form: e.form.as_ref().map(|_| TransferForm::default()),
        }
    }
}

impl Transfer {
    /// Whether it waits for an answer on that day; its timer may not have run yet.
    pub fn is_open(&self, on: NaiveDate) -> bool {
        self.standing == TransferStanding::Active && self.expires_on.is_none_or(|expires_on| on < expires_on)
    }
}

/// The open transfer that the subscription is part of.
pub(super) fn open_transfer_of<'a>(draft: &Draft<'a>, id: &SubscriptionId) -> Option<&'a TransferId> {
    let customer: &'a Customer = draft.customer;
    let transfer_id = customer.in_open_transfer.get(id)?;
    customer.transfer(transfer_id).filter(|transfer| transfer.is_open(draft.on())).map(|_| transfer_id)
}

pub(super) fn request(draft: &mut Draft<'_>, command: &RequestTransfer) -> Result<(), Rejection> {
    let (customer, on) = (draft.customer, draft.on());
    let (source, target) = (&command.source_partner_id, &command.target_partner_id);
    check::count("subscription_ids", command.subscription_ids.len(), TRANSFER_LINES_MAX)?;
    let source_partner = gates::buyer(draft.reference, source, "source_partner_id")?;
    let target_partner = gates::buyer(draft.reference, target, "target_partner_id")?;
    if source == target {
        let message = "A transfer goes to another partner";
        return Err(Rejection::field(Reason::TransferTargetIsSource, "target_partner_id", message));
    }
    gates::relationship(customer, source, "source_partner_id")?;
    gates::relationship(customer, target, "target_partner_id")?;
    if target_partner.kind == PartnerKind::IndirectProvider {
        access::transitioning(draft, source_partner, target_partner)?;
    }
    gates::market(target_partner, customer.country(), "target_partner_id")?;
    let transfer_id = transfer_id(draft, command.transfer_id.as_ref())?;
    let expires_on = expiry(on, command.expires_after_days)?;
    let (lines, form) = (lines_of_request(draft, source, &command.subscription_ids)?, None);
    draft.push(TransferRequested {
        customer_id: command.customer_id.clone(),
        transfer_id,
        source_partner_id: source.clone(),
        target_partner_id: target.clone(),
        lines,
        requested_on: on,
        expires_on,
        form,
    });
    Ok(())
}

pub(super) fn transfer_id(draft: &Draft<'_>, chosen: Option<&TransferId>) -> Result<TransferId, Rejection> {
    let id = match chosen {
        Some(id) => id.clone(),
        None => TransferId::new(draft.decision.context.new_id("transfer", 0))
            .map_err(|error| check::invalid("transfer_id", error.to_string()))?,
    };
    if draft.customer.transfer(&id).is_some() {
        let message = format!("The customer has a transfer {id} already");
        return Err(Rejection::field(Reason::TransferAlreadyExists, "transfer_id", message));
    }
    Ok(id)
}

/// By default a request waits for ever (decision G27).
pub(super) fn expiry(on: NaiveDate, days: Option<u32>) -> Result<Option<NaiveDate>, Rejection> {
    match days {
        None => Ok(None),
        Some(days @ 1..=TRANSFER_DAYS_MAX) => Ok(Some(calendar::add_days(on, days))),
        Some(_) => {
            let message = format!("A request waits 1 to {TRANSFER_DAYS_MAX} days, or for ever if none are given");
            Err(check::invalid("expires_after_days", message))
        }
    }
}

/// The chosen subscriptions, each base followed by its active add-ons (L5498). Refused whole, with one reason for each line that
/// cannot move (L5503).
fn lines_of_request(
    draft: &mut Draft<'_>,
    source: &PartnerId,
    chosen: &[SubscriptionId],
) -> Result<Vec<TransferLine>, Rejection> {
    let chosen_set: BTreeSet<_> = chosen.iter().collect();
    if chosen_set.len() != chosen.len() {
        return Err(check::invalid("subscription_ids", "Each subscription is named once"));
    }
    for id in chosen {
        draft.owned(source, id)?;
    }
    let mut lines = Vec::new();
    let mut ineligible = Vec::new();
    for id in chosen {
        let subscription = gates::found(draft.get(id), id)?;
        let base_chosen = subscription.base_subscription_id.as_ref().map(|base| chosen_set.contains(base));
        match why_not(draft, subscription) {
            Some(reason) => ineligible.push((id, reason)),
            None if base_chosen == Some(false) => ineligible.push((id, Reason::AddonMovesWithBase)),
            None if base_chosen == Some(true) => {} // It comes with its base.
            None => lines.push(line(draft.customer, subscription)),
        }
        let add_ons = draft.customer.add_ons_of(id).filter_map(|id| draft.get(id));
        for add_on in add_ons.filter(|add_on| add_on.standing == Standing::Active) {
            match why_not(draft, add_on) {
                Some(reason) if !chosen_set.contains(&add_on.subscription_id) => {
                    ineligible.push((&add_on.subscription_id, reason));
                }
                Some(_) => {}
                None => lines.push(line(draft.customer, add_on)),
            }
        }
    }
    if let Some((_, first)) = ineligible.first() {
        let message = format!("{} subscriptions cannot move; each is named with its reason", ineligible.len());
        let rejection = Rejection::field(*first, "subscription_ids", message);
        return Err(ineligible
            .iter()
            .fold(rejection, |rejection, (id, reason)| rejection.with(&format!("reason.{id}"), reason)));
    }
    check::count("subscription_ids", lines.len(), TRANSFER_LINES_MAX)?;
    Ok(lines)
}

pub(super) fn line(customer: &Customer, subscription: &Subscription) -> TransferLine {
    let classic = subscription.product_kind == Some(ProductKind::AzureSubscription);
    TransferLine {
        subscription_id: subscription.subscription_id.clone(),
        offer_id: subscription.offer_id.clone(),
        quantity: subscription.quantity,
        base_subscription_id: subscription.base_subscription_id.clone(),
        new_subscription_id: None,
        azure_subscription_id: classic.then(|| customer.usage.azure_id(&subscription.subscription_id)).flatten(),
        last_billed: customer.usage.last_billed(subscription),
    }
}

/// The first reason for which the subscription cannot move.
fn why_not(draft: &Draft<'_>, subscription: &Subscription) -> Option<Reason> {
    match (subscription.product_family, subscription.standing) {
        _ if gates::open(subscription, draft.on()).is_err() => Some(Reason::SubscriptionClosed),
        (ProductFamily::MarketplaceSaas, _) => Some(Reason::NotTransferableMarketplace),
        _ if subscription.product_kind == Some(ProductKind::AzurePlan) => Some(Reason::NotTransferableAzurePlan),
        _ if subscription.product_kind == Some(ProductKind::Reservation) => Some(Reason::NotTransferableReservation),
        (ProductFamily::OneTimeRecurring, _) => Some(Reason::NotTransferableTermBased),
        (_, Standing::Trial) => Some(Reason::NotTransferableTrial),
        (_, Standing::Suspended { .. }) => Some(Reason::NotTransferableSuspended),
        _ if subscription.term_months == LOCKED_TERM_MONTHS => Some(Reason::NotTransferableLocked),
        _ if open_transfer_of(draft, &subscription.subscription_id).is_some() => Some(Reason::InAnotherRequest),
        _ => None,
    }
}

/// The transfer, open or not.
pub(super) fn found<'a>(draft: &Draft<'a>, id: &TransferId) -> Result<&'a Transfer, Rejection> {
    let customer: &'a Customer = draft.customer;
    customer.transfer(id).ok_or_else(|| {
        let message = format!("The customer has no transfer {id}");
        Rejection::field(Reason::TransferNotFound, "transfer_id", message)
    })
}

/// The transfer, if nobody has answered it yet.
pub(super) fn open<'a>(draft: &Draft<'a>, id: &TransferId) -> Result<&'a Transfer, Rejection> {
    let transfer = found(draft, id)?;
    if transfer.is_open(draft.on()) {
        return Ok(transfer);
    }
    let message = format!("Transfer {id} has its answer, or nobody answered in time");
    Err(Rejection::field(Reason::TransferClosed, "transfer_id", message))
}

/// The transfer, if it is open and the partner is the one to act on it.
fn open_for<'a>(
    draft: &Draft<'a>,
    id: &TransferId,
    partner_id: &PartnerId,
    actor: impl Fn(&Transfer) -> PartnerId,
) -> Result<&'a Transfer, Rejection> {
    gates::partner(draft.reference, partner_id, "partner_id")?;
    if actor(found(draft, id)?) != *partner_id {
        let message = "The source withdraws a request; the target accepts or declines it";
        return Err(Rejection::field(Reason::NotATransferParty, "partner_id", message));
    }
    open(draft, id)
}

/// The target answers by itself, but not where support does.
fn answered_by_target(transfer: &Transfer) -> Result<(), Rejection> {
    if transfer.form.is_none() {
        return Ok(());
    }
    let message =
        "This transfer goes by its form: everybody signs, the owner submits it, and support completes or rejects it";
    Err(Rejection::field(Reason::TransferStepOutOfTurn, "transfer_id", message))
}

pub(super) fn decline(draft: &mut Draft<'_>, command: &DeclineTransfer) -> Result<(), Rejection> {
    let actor = |transfer: &Transfer| transfer.target_partner_id.clone();
    answered_by_target(open_for(draft, &command.transfer_id, &command.partner_id, actor)?)?;
    check::optional("note", &command.note)?;
    let DeclineTransfer { customer_id, transfer_id, note, .. } = command.clone();
    draft.push(TransferDeclined { customer_id, transfer_id, note });
    Ok(())
}

pub(super) fn withdraw(draft: &mut Draft<'_>, command: &WithdrawTransfer) -> Result<(), Rejection> {
    open_for(draft, &command.transfer_id, &command.partner_id, |transfer| transfer.source_partner_id.clone())?;
    let WithdrawTransfer { customer_id, transfer_id, .. } = command.clone();
    draft.push(TransferWithdrawn { customer_id, transfer_id });
    Ok(())
}

pub(super) fn accept(draft: &mut Draft<'_>, command: &AcceptTransfer) -> Result<(), Rejection> {
    let actor = |transfer: &Transfer| transfer.target_partner_id.clone();
    let transfer = open_for(draft, &command.transfer_id, &command.partner_id, actor)?;
    answered_by_target(transfer)?;
    complete(draft, &command.transfer_id, transfer)
}

/// Moves what the transfer is about to its target, today.
pub(super) fn complete(draft: &mut Draft<'_>, id: &TransferId, transfer: &Transfer) -> Result<(), Rejection> {
    let (customer, on, target_id) = (draft.customer, draft.on(), &transfer.target_partner_id);
    let target = gates::buyer(draft.reference, target_id, "partner_id")?;
    gates::may(draft, target_id, Action::TakeOver)?;
    gates::relationship(customer, target_id, "partner_id")?;
    gates::agreement(customer, target_id, on)?;
    gates::market(target, customer.country(), "partner_id")?;
    transaction::sale(customer, draft.reference, target, Some(&transfer.source_partner_id), "partner_id")?;
    gates::tax_id(draft.reference, target, on, "partner_id")?;
    check_lines_active(draft, transfer)?;
    let order_id = purchase::order_id(draft, None)?;
    let lines = with_new_ids(draft, &transfer.lines)?;
    let mut created: Vec<SubscriptionCreated> = Vec::with_capacity(lines.len());
    for line in &lines {
        let successor = successor(draft, target, &order_id, line, &created)?;
        created.push(successor);
    }
    let customer_id = customer.id().clone();
    let subscription_ids = created.iter().map(|created| created.subscription_id.clone()).collect();
    draft.push(TransferCompleted {
        customer_id: customer_id.clone(),
        transfer_id: id.clone(),
        source_partner_id: transfer.source_partner_id.clone(),
        target_partner_id: transfer.target_partner_id.clone(),
        lines,
    });
    for line in &transfer.lines {
        let hold_days = gates::found(draft.get(&line.subscription_id), &line.subscription_id)?.hold_days;
        let expires_on = calendar::add_days(on, hold_days);
        suspension::push_suspended(draft, &line.subscription_id, SuspensionReason::Transferred, expires_on);
    }
    draft.push(OrderPlaced {
        customer_id,
        partner_id: target.partner_id.clone(),
        order_id,
        subscription_ids,
        by_customer: false,
        location_mpn_id: None,
    });
    for created in created {
        draft.create(created);
    }
    Ok(())
}

fn check_lines_active(draft: &mut Draft<'_>, transfer: &Transfer) -> Result<(), Rejection> {
    let mut inactive = Vec::new();
    for line in &transfer.lines {
        draft.settle_before(&line.subscription_id);
        let subscription = gates::found(draft.get(&line.subscription_id), &line.subscription_id)?;
        gates::not_before(subscription, draft.on())?;
        if gates::active(subscription, draft.on()).is_err() {
            inactive.push(line.subscription_id.as_str());
        }
    }
    if inactive.is_empty() {
        return Ok(());
    }
    let message = "Not every subscription of the request is active any more; the source withdraws it and asks again";
    Err(Rejection::new(Reason::TransferLineNotActive, message).with("subscription_ids", inactive.join(",")))
}

fn with_new_ids(draft: &Draft<'_>, lines: &[TransferLine]) -> Result<Vec<TransferLine>, Rejection> {
    let renamed = lines.iter().enumerate().map(|(index, line)| {
        let new_subscription_id = Some(purchase::subscription_id(draft, None, index, "transfer_id")?);
        Ok(TransferLine { new_subscription_id, ..line.clone() })
    });
    renamed.collect()
}

/// The target's subscription: its price list of the day, its currency and billing day, a new term; frequency and frozen quantity
/// are kept, and the source becomes the reseller of record (decision G28).
fn successor(
    draft: &Draft<'_>,
    target: &Partner,
    order_id: &OrderId,
    line: &TransferLine,
    created: &[SubscriptionCreated],
) -> Result<SubscriptionCreated, Rejection> {
    let (catalog, on) = (&draft.reference.catalog, draft.on());
    let source = gates::found(draft.get(&line.subscription_id), &line.subscription_id)?;
    let offer = gates::offer_on_sale(catalog, &source.offer_id, on, "transfer_id")?;
    gates::offer_market(offer, target, draft.customer, "transfer_id")?;
    let currency = gates::billing_currency(offer.product_family, target, draft.customer);
    let quote = gates::price(catalog, offer, currency, on, "transfer_id")?;
    gates::tax_rates(draft.reference, target, offer, &quote, draft.decision.charged_on, "transfer_id")?;
    let billing_frequency = source.next_billing_frequency.or(source.billing_frequency);
    gates::frequency(offer, billing_frequency, "transfer_id")?;
    let new_base = line.base_subscription_id.as_ref().and_then(|base| {
        let of_base = |created: &&SubscriptionCreated| created.transferred_from_subscription_id.as_ref() == Some(base);
        created.iter().find(of_base).map(|base| (base.subscription_id.clone(), base.term_end))
    });
    let subscription_id = line.new_subscription_id.clone().ok_or_else(|| check::missing("new_subscription_id"))?;
    let choice = Choice {
        subscription_id,
        order_id: order_id.clone(),
        quantity: line.quantity,
        billing_frequency,
        base: new_base,
        reseller_id: Some(source.partner_id.clone()),
        friendly_name: source.friendly_name.clone(),
        sku: source.sku.clone(),
        free_trial_days: 0,
        auto_renew: purchase::renews_by_itself(offer),
        transferred_from: Some(line.subscription_id.clone()),
        reservation: None,
    };
    Ok(purchase::new_subscription(draft, target, offer, quote, currency, choice))
}
