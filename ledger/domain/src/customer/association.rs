//! Associations of partners with the customer (billing-details.md 2.3): drafted, validated, told to the customer, and official when
//! the customer does not opt out within five business days.
//!
//! One workload, or one subscription, is associated with one partner at a time, and whoever submits first holds it while the claim is
//! open; so no two associations can become active for the same.

mod form;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Customer, draft::Draft, gates};
use crate::{
    Event, Reason, Rejection,
    association::{
        ASSOCIATION_DOCUMENTS_MAX, ASSOCIATIONS_MAX, AssociationDetails, AssociationEndReason, AssociationState,
        AssociationStep, OPT_OUT_BUSINESS_DAYS, after, refused_with,
    },
    calendar, check,
    command::{
        AnswerAboutAssociation, AskAboutAssociation, DraftAssociation, EndAssociation, NotifyAssociationCustomer,
        OptOutOfAssociation, RecordDigitalPartner, RejectAssociation, SubmitAssociation,
    },
    event::{
        AssociationActivated, AssociationCustomerNotified, AssociationDrafted, AssociationEnded, AssociationExtended,
        AssociationInformationProvided, AssociationInformationRequested, AssociationOptedOut, AssociationRejected,
        AssociationSubmitted, DigitalPartnerRecorded,
    },
    ids::{AssociationId, DocumentId, PartnerId, SubscriptionId},
};

/// The customer's associations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Associations {
    all: BTreeMap<AssociationId, Association>,
    /// The last days to opt out.
    windows: BTreeSet<(NaiveDate, AssociationId)>,
    /// Who is set within the product.
    digital: BTreeMap<SubscriptionId, PartnerId>,
}

impl Associations {
    /// The names in drafts are forgotten; what was submitted is kept without any.
    pub(super) fn erase(&mut self) {
        self.all.values_mut().filter_map(|known| known.draft.as_mut()).for_each(|draft| draft.erase_names());
    }
}

/// An association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Association {
    partner_id: PartnerId,
    state: AssociationState,
    /// The form of a draft.
    draft: Option<Box<AssociationDetails>>,
    /// What it claims and is not over.
    subscriptions: BTreeSet<SubscriptionId>,
    workloads: BTreeSet<String>,
    replaces: Option<AssociationId>,
    documents: BTreeSet<DocumentId>,
    opt_out_until: Option<NaiveDate>,
}

impl Association {
    /// Whether nothing is left of what it claimed.
    fn is_over(&self) -> bool {
        self.subscriptions.is_empty() && self.workloads.is_empty()
    }
}

/// The subscription that an event ends, and from which day on.
fn ends(event: &Event) -> Option<(&SubscriptionId, NaiveDate)> {
    match event {
        Event::SubscriptionCancelled(e) => Some((&e.subscription_id, e.effective_on)),
        Event::SubscriptionExpired(e) => Some((&e.subscription_id, e.effective_on)),
        Event::SubscriptionDeprovisioned(e) => Some((&e.subscription_id, e.effective_on)),
        Event::TrialExpired(e) => Some((&e.subscription_id, e.effective_on)),
        Event::SubscriptionSuspended(e) if e.reason.is_final() => Some((&e.subscription_id, e.effective_on)),
        _ => None,
    }
}

/// The subscription that an event renews, and the day after its new term.
fn renews(event: &Event) -> Option<(&SubscriptionId, NaiveDate)> {
    match event {
        Event::SubscriptionRenewed(e) => Some((&e.subscription_id, e.term_end)),
        Event::TermRolled(e) => Some((&e.subscription_id, e.term_end)),
        _ => None,
    }
}

impl Associations {
    /// The first last day to opt out.
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        self.windows.first().map(|(day, _)| *day)
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::AssociationDrafted(e) => {
                let draft = Association {
                    partner_id: e.partner_id.clone(),
                    state: AssociationState::Draft,
                    draft: Some(Box::new(e.details.clone())),
                    subscriptions: BTreeSet::new(),
                    workloads: BTreeSet::new(),
                    replaces: None,
                    documents: BTreeSet::new(),
                    opt_out_until: None,
                };
                self.all.insert(e.association_id.clone(), draft);
            }
            Event::AssociationSubmitted(e) => self.change(&e.association_id, AssociationState::Validating, |it| {
                it.draft = None;
                it.subscriptions = e.details.products.iter().filter_map(|it| it.subscription_id.clone()).collect();
                it.workloads = e.details.workload_keys();
                it.replaces.clone_from(&e.details.replaces);
                it.documents = e.details.documents.iter().map(|document| document.document_id.clone()).collect();
            }),
            Event::AssociationInformationRequested(e) => {
                self.change(&e.association_id, AssociationState::InformationRequested, |_| {});
            }
            Event::AssociationInformationProvided(e) => {
                self.change(&e.association_id, AssociationState::Validating, |it| {
                    it.documents.extend(e.documents.iter().map(|document| document.document_id.clone()));
                });
            }
            Event::AssociationCustomerNotified(e) => {
                let until = e.opt_out_until;
                self.change(&e.association_id, AssociationState::CustomerNotified, |it| it.opt_out_until = Some(until));
                self.windows.insert((until, e.association_id.clone()));
            }
            Event::AssociationOptedOut(e) => self.change(&e.association_id, AssociationState::OptedOut, |_| {}),
            Event::AssociationRejected(e) => self.change(&e.association_id, AssociationState::Rejected, |_| {}),
            Event::AssociationActivated(e) => self.change(&e.association_id, AssociationState::Active, |_| {}),
            Event::AssociationEnded(e) => self.change(&e.association_id, e.reason.state(), |_| {}),
            Event::DigitalPartnerRecorded(e) => {
                match &e.partner_id {
                    Some(partner_id) => self.digital.insert(e.subscription_id.clone(), partner_id.clone()),
                    None => self.digital.remove(&e.subscription_id),
                };
            }
            _ => {
                if let Some((subscription_id, _)) = ends(event) {
                    self.all.values_mut().for_each(|it| {
                        it.subscriptions.remove(subscription_id);
                    });
                    self.digital.remove(subscription_id);
                }
            }
        }
    }

    fn change(&mut self, id: &AssociationId, state: AssociationState, change: impl FnOnce(&mut Association)) {
        let Some(association) = self.all.get_mut(id) else { return };
        association.state = state;
        change(association);
        if state != AssociationState::CustomerNotified
            && let Some(until) = association.opt_out_until.take()
        {
            self.windows.remove(&(until, id.clone()));
        }
    }

    /// The association, if the step leads on from where it stands. Of another partner than the one named it is as if it were not there.
    fn found(
        &self,
        id: &AssociationId,
        partner_id: Option<&PartnerId>,
        step: AssociationStep,
    ) -> Result<&Association, Rejection> {
        let own = self.all.get(id).filter(|it| partner_id.is_none_or(|partner_id| it.partner_id == *partner_id));
        let Some(association) = own else {
            let message = format!("There is no association {id}");
            return Err(
                Rejection::field(Reason::AssociationNotFound, "association_id", message).with("association_id", id)
            );
        };
        let state = association.state;
        if after(state, step).is_some() {
            return Ok(association);
        }
        let message = match step {
            AssociationStep::Save | AssociationStep::Submit | AssociationStep::Answer => {
                format!(
                    "Association {id} is {}: what was submitted is edited no more, and answered when asked",
                    state.name()
                )
            }
            _ => format!("Association {id} is {}", state.name()),
        };
        Err(Rejection::field(refused_with(state, step), "association_id", message).with("state", state.name()))
    }

    /// Nobody else holds what is claimed (L9586-9588). Who does is not said: the claimant need not know.
    fn check_free(
        &self,
        id: &AssociationId,
        replaces: Option<&AssociationId>,
        subscriptions: &BTreeSet<SubscriptionId>,
        workloads: &BTreeSet<String>,
    ) -> Result<(), Rejection> {
        let others = self.all.iter().filter(|(other, it)| it.state.holds() && *other != id && Some(*other) != replaces);
        for (_, other) in others {
            if let Some(taken) = other.workloads.intersection(workloads).next() {
                let message = format!("Workload {taken:?} of the customer is associated, or claimed, already");
                return Err(Rejection::field(Reason::AssociationExistsForWorkload, "details.workloads", message)
                    .with("workload", taken));
            }
            if let Some(taken) = other.subscriptions.intersection(subscriptions).next() {
                let message = format!("Subscription {taken} is associated, or claimed, already");
                return Err(Rejection::field(Reason::AssociationExistsForSubscription, "details.products", message)
                    .with("subscription_id", taken));
            }
        }
        Ok(())
    }
}

/// The associations on the command's day: windows that ended before it are closed first, so that a command that overtakes the timers
/// meets the same state as one that follows them.
fn up_to_date(draft: &mut Draft<'_>) -> Associations {
    let first = draft.decision.events().len();
    if let Some(yesterday) = draft.on().pred_opt() {
        end_windows(draft, yesterday, usize::MAX);
    }
    let mut associations = draft.customer.associations.clone();
    draft.decision.events().iter().skip(first).for_each(|event| associations.apply(event));
    associations
}

/// Makes official what nobody objected to by the end of the day: at most so many of them.
pub(super) fn end_windows(draft: &mut Draft<'_>, until: NaiveDate, most: usize) {
    let customer = draft.customer;
    let known = &customer.associations;
    let mut gone = BTreeSet::new();
    for (last_day, id) in known.windows.iter().take_while(|(day, _)| *day <= until).take(most) {
        let Some(association) = known.all.get(id) else { continue };
        let from = calendar::add_days(*last_day, 1);
        let (customer_id, partner_id) = (customer.id().clone(), association.partner_id.clone());
        draft.push(AssociationActivated { customer_id, partner_id, association_id: id.clone(), from });
        let before = association.replaces.as_ref().and_then(|old| known.all.get(old).map(|it| (old, it)));
        if let Some((old, replaced)) = before.filter(|(_, it)| it.state == AssociationState::Active)
            && gone.insert(old)
        {
            draft.push(ended(customer, old, replaced, AssociationEndReason::Replaced, from, Some(id)));
        }
    }
}

fn ended(
    customer: &Customer,
    id: &AssociationId,
    association: &Association,
    reason: AssociationEndReason,
    ended_on: NaiveDate,
    replaced_by: Option<&AssociationId>,
) -> AssociationEnded {
    AssociationEnded {
        customer_id: customer.id().clone(),
        partner_id: association.partner_id.clone(),
        association_id: id.clone(),
        reason,
        note: String::new(),
        replaced_by: replaced_by.cloned(),
        ended_on,
    }
}

/// What the events so far mean for associations: one expires with its last subscription (L9585), and goes on when a subscription renews.
pub(super) fn follow(draft: &mut Draft<'_>) {
    let customer = draft.customer;
    let events = draft.decision.events();
    if customer.associations.all.is_empty() || !events.iter().any(|it| ends(it).or(renews(it)).is_some()) {
        return;
    }
    let mut associations = customer.associations.clone();
    let (mut ended_on, mut renewed) = (BTreeMap::new(), Vec::new());
    for event in events {
        let concerned = ends(event).or(renews(event)).map(|(id, day)| (id.clone(), day));
        if let Some((subscription_id, day)) = concerned {
            let of = associations.all.iter().filter(|(_, it)| it.subscriptions.contains(&subscription_id));
            for (id, _) in of {
                if renews(event).is_some() {
                    renewed.push((id.clone(), subscription_id.clone(), day));
                } else {
                    ended_on.insert(id.clone(), day);
                }
            }
        }
        associations.apply(event);
    }
    let mut more: Vec<Event> = Vec::new();
    for (association_id, subscription_id, until) in renewed {
        let Some(association) = associations.all.get(&association_id) else { continue };
        if association.state == AssociationState::Active && association.subscriptions.contains(&subscription_id) {
            let (customer_id, partner_id) = (customer.id().clone(), association.partner_id.clone());
            more.push(AssociationExtended { customer_id, partner_id, association_id, subscription_id, until }.into());
        }
    }
    for (id, day) in ended_on {
        let over = associations.all.get(&id).filter(|it| it.is_over() && it.state.holds());
        let event = over.map(|it| ended(customer, &id, it, AssociationEndReason::Expired, day, None));
        more.extend(event.map(Event::from));
    }
    more.into_iter().for_each(|event| draft.push(event));
}

pub(super) fn save(draft: &mut Draft<'_>, command: &DraftAssociation) -> Result<(), Rejection> {
    let DraftAssociation { customer_id, partner_id, association_id, details } = command;
    gates::partner(draft.reference, partner_id, "partner_id")?;
    let known = &draft.customer.associations;
    match known.all.get(association_id) {
        Some(other) if other.partner_id != *partner_id => {
            let message = format!("The customer has an association {association_id} already; choose another id");
            return Err(Rejection::field(Reason::RequestAlreadyExists, "association_id", message));
        }
        Some(_) => {
            known.found(association_id, Some(partner_id), AssociationStep::Save)?;
        }
        None if known.all.len() >= ASSOCIATIONS_MAX => {
            let message = format!("A customer has at most {ASSOCIATIONS_MAX} associations");
            return Err(check::invalid("customer_id", message).with("maximum", ASSOCIATIONS_MAX));
        }
        None => {}
    }
    form::check_texts(details)?;
    draft.push(AssociationDrafted {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        association_id: association_id.clone(),
        details: details.clone(),
    });
    Ok(())
}

pub(super) fn submit(draft: &mut Draft<'_>, command: &SubmitAssociation) -> Result<(), Rejection> {
    let SubmitAssociation { customer_id, partner_id, association_id } = command;
    let associations = up_to_date(draft);
    let found = associations.found(association_id, Some(partner_id), AssociationStep::Submit)?;
    let Some(details) = found.draft.as_deref() else { return Err(check::missing("details")) };
    let details = form::complete(draft, partner_id, details)?;
    if let Some(old) = &details.replaces {
        form::check_replaced(old, associations.all.get(old).map(|it| (&it.partner_id, it.state)), partner_id)?;
    }
    let subscriptions = details.products.iter().filter_map(|product| product.subscription_id.clone()).collect();
    let workloads = details.workload_keys();
    associations.check_free(association_id, details.replaces.as_ref(), &subscriptions, &workloads)?;
    draft.push(AssociationSubmitted {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        association_id: association_id.clone(),
        details,
        submitted_on: draft.on(),
    });
    Ok(())
}

pub(super) fn ask(draft: &mut Draft<'_>, command: &AskAboutAssociation) -> Result<(), Rejection> {
    let AskAboutAssociation { customer_id, association_id, question } = command.clone();
    let associations = up_to_date(draft);
    let partner_id = associations.found(&association_id, None, AssociationStep::Ask)?.partner_id.clone();
    check::required("question", &question)?;
    let asked_on = draft.on();
    draft.push(AssociationInformationRequested { customer_id, partner_id, association_id, question, asked_on });
    Ok(())
}

pub(super) fn answer(draft: &mut Draft<'_>, command: &AnswerAboutAssociation) -> Result<(), Rejection> {
    let AnswerAboutAssociation { customer_id, partner_id, association_id, answer, documents } = command.clone();
    let associations = up_to_date(draft);
    let found = associations.found(&association_id, Some(&partner_id), AssociationStep::Answer)?;
    check::required("answer", &answer)?;
    form::check_documents("documents", &documents, &found.documents)?;
    if found.documents.len() + documents.len() > ASSOCIATION_DOCUMENTS_MAX {
        let message = format!("An association has at most {ASSOCIATION_DOCUMENTS_MAX} documents");
        return Err(check::invalid("documents", message).with("maximum", ASSOCIATION_DOCUMENTS_MAX));
    }
    let answered_on = draft.on();
    draft.push(AssociationInformationProvided {
        customer_id,
        partner_id,
        association_id,
        answer,
        documents,
        answered_on,
    });
    Ok(())
}

pub(super) fn notify(draft: &mut Draft<'_>, command: &NotifyAssociationCustomer) -> Result<(), Rejection> {
    let NotifyAssociationCustomer { customer_id, association_id } = command.clone();
    let associations = up_to_date(draft);
    let partner_id = associations.found(&association_id, None, AssociationStep::Notify)?.partner_id.clone();
    let notified_on = draft.on();
    let opt_out_until = calendar::add_business_days(notified_on, OPT_OUT_BUSINESS_DAYS);
    draft.push(AssociationCustomerNotified { customer_id, partner_id, association_id, notified_on, opt_out_until });
    Ok(())
}

pub(super) fn opt_out(draft: &mut Draft<'_>, command: &OptOutOfAssociation) -> Result<(), Rejection> {
    let OptOutOfAssociation { customer_id, association_id, reason } = command.clone();
    let associations = up_to_date(draft);
    let partner_id = associations.found(&association_id, None, AssociationStep::OptOut)?.partner_id.clone();
    check::optional("reason", &reason)?;
    let opted_out_on = draft.on();
    draft.push(AssociationOptedOut { customer_id, partner_id, association_id, reason, opted_out_on });
    Ok(())
}

pub(super) fn reject(draft: &mut Draft<'_>, command: &RejectAssociation) -> Result<(), Rejection> {
    let RejectAssociation { customer_id, association_id, reason } = command.clone();
    let associations = up_to_date(draft);
    let partner_id = associations.found(&association_id, None, AssociationStep::Reject)?.partner_id.clone();
    check::required("reason", &reason)?;
    let rejected_on = draft.on();
    draft.push(AssociationRejected { customer_id, partner_id, association_id, reason, rejected_on });
    Ok(())
}

pub(super) fn end(draft: &mut Draft<'_>, command: &EndAssociation) -> Result<(), Rejection> {
    let EndAssociation { association_id, partner_id, reason, .. } = command;
    let associations = up_to_date(draft);
    let found = associations.found(association_id, partner_id.as_ref(), AssociationStep::Remove)?;
    check::required("reason", reason)?;
    let removed = AssociationEndReason::Removed;
    let ended = ended(draft.customer, association_id, found, removed, draft.on(), None);
    draft.push(AssociationEnded { note: reason.clone(), ..ended });
    Ok(())
}

pub(super) fn record_digital_partner(draft: &mut Draft<'_>, command: &RecordDigitalPartner) -> Result<(), Rejection> {
    let RecordDigitalPartner { customer_id, subscription_id, partner_id } = command.clone();
    if let Some(partner_id) = &partner_id {
        gates::partner(draft.reference, partner_id, "partner_id")?;
    }
    form::open_subscription(draft.customer, &subscription_id, "subscription_id")?;
    if draft.customer.associations.digital.get(&subscription_id) == partner_id.as_ref() {
        let set = partner_id.as_ref().map_or("no partner", |id| id.as_str());
        let message = format!("Within the product of subscription {subscription_id} {set} is set already");
        return Err(Rejection::field(Reason::DigitalPartnerUnchanged, "partner_id", message));
    }
    let recorded_on = draft.on();
    draft.push(DigitalPartnerRecorded { customer_id, subscription_id, partner_id, recorded_on });
    Ok(())
}

#[cfg(test)]
impl Associations {
    pub(super) fn states(&self) -> impl Iterator<Item = (&AssociationId, &PartnerId, AssociationState)> {
        self.all.iter().map(|(id, it)| (id, &it.partner_id, it.state))
    }

    /// What is held, by whom: workloads and subscriptions of associations that are open or active.
    pub(super) fn held(&self) -> impl Iterator<Item = (&AssociationId, String)> {
        let holding = self.all.iter().filter(|(_, it)| it.state.holds());
        holding.flat_map(|(id, it)| {
            let subscriptions = it.subscriptions.iter().map(ToString::to_string);
            subscriptions.chain(it.workloads.iter().cloned()).map(move |what| (id, what))
        })
    }

    /// What is active for each workload and subscription.
    pub(super) fn active(&self) -> Vec<String> {
        let active = self.all.values().filter(|it| it.state == AssociationState::Active);
        let what =
            active.flat_map(|it| it.subscriptions.iter().map(ToString::to_string).chain(it.workloads.iter().cloned()));
        what.collect()
    }
}
