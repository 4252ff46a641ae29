//! Disputes about earned credit (azure-marketplace-software.md 2.19, decision G23). The source prints no procedure: one is open, then
//! granted, refused or withdrawn. What is granted is credited in arrears, at the price and rate of each day; no document changes.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{access, open_until};
use crate::{
    Reason, Rejection, check,
    command::{DecideEarnedCreditDispute, DisputeEarnedCredit, WithdrawEarnedCreditDispute},
    customer::{draft::Draft, gates},
    event::{EarnedCreditDisputeDecided, EarnedCreditDisputeWithdrawn, EarnedCreditDisputed, Event},
    ids::{DisputeId, PartnerId},
    usage::{AccessScope, Resource},
};

/// Days of usage before the day of a dispute that it can be about.
pub(super) const CREDIT_DISPUTE_DAYS: u32 = 90;
/// Disputes of a customer that are open, or about open days.
const DISPUTES_MAX: usize = 500;

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open,
    Accepted,
    Rejected,
    Withdrawn,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dispute {
    partner_id: PartnerId,
    pub(super) scope: AccessScope,
    /// First day of usage.
    pub(super) from: NaiveDate,
    /// Included.
    to: NaiveDate,
    state: State,
}

/// Those of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Disputes(BTreeMap<DisputeId, Dispute>);

impl Disputes {
    /// Whether a granted dispute credits a resource's day to the partner.
    pub(super) fn grants(&self, partner: &PartnerId, resource: &Resource, day: NaiveDate) -> bool {
        self.0.values().any(|known| {
            known.state == State::Accepted
                && known.partner_id == *partner
                && (known.from..=known.to).contains(&day)
                && known.scope.covers(resource)
        })
    }

    /// The first day that an open dispute is about: it and what follows is kept.
    pub(super) fn held_from(&self) -> Option<NaiveDate> {
        self.0.values().filter(|known| known.state == State::Open).map(|known| known.from).min()
    }

    /// Applies an event; the dispute if it was granted by it.
    pub(super) fn apply(&mut self, event: &Event) -> Option<Dispute> {
        match event {
            Event::EarnedCreditDisputed(e) => {
                let dispute = Dispute {
                    partner_id: e.partner_id.clone(),
                    scope: e.scope.clone(),
                    from: e.from,
                    to: e.to,
                    state: State::Open,
                };
                self.0.insert(e.dispute_id.clone(), dispute);
                None
            }
            Event::EarnedCreditDisputeDecided(e) => {
                let known = self.0.get_mut(&e.dispute_id)?;
                known.state = if e.accepted { State::Accepted } else { State::Rejected };
                e.accepted.then(|| known.clone())
            }
            Event::EarnedCreditDisputeWithdrawn(e) => {
                self.0.get_mut(&e.dispute_id)?.state = State::Withdrawn;
                None
            }
            _ => None,
        }
    }

    /// Drops what has its answer and is about days that are closed for good.
    pub(super) fn forget(&mut self, on: NaiveDate) {
        let held_from = self.held_from();
        let kept = |day: NaiveDate| open_until(day) >= on || held_from.is_some_and(|from| day >= from);
        self.0.retain(|_, known| known.state == State::Open || kept(known.to));
    }

    fn open(&self, id: &DisputeId) -> Result<&Dispute, Rejection> {
        let Some(known) = self.0.get(id) else {
            let message = format!("The customer has no dispute {id} about earned credit");
            return Err(Rejection::field(Reason::DisputeNotFound, "dispute_id", message));
        };
        if known.state == State::Open {
            return Ok(known);
        }
        let state = known.state.name();
        let message = format!("Dispute {id} is {state}");
        Err(Rejection::field(Reason::DisputeClosed, "dispute_id", message).with("state", state))
    }
}

/// A partner says that days should have earned credit.
pub(in crate::customer) fn open(draft: &mut Draft<'_>, command: &DisputeEarnedCredit) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    check::required("evidence", &command.evidence)?;
    let (usage, on) = (&draft.customer.usage, draft.on());
    let azure = &command.scope.azure_subscription_id;
    access::registered(draft, azure)?;
    let plan = usage.azure_subscriptions.get(azure).map(|known| &known.subscription_id);
    let plan = plan.and_then(|plan| draft.customer.subscription(plan));
    if plan.is_none_or(|plan| plan.partner_id != command.partner_id) {
        let message = format!("Azure subscription {azure} stands under no plan of {}", command.partner_id);
        return Err(Rejection::field(Reason::NoUsageSubscription, "partner_id", message));
    }
    if usage.disputes.0.contains_key(&command.dispute_id) {
        let message = format!("The customer has a dispute {}", command.dispute_id);
        return Err(Rejection::field(Reason::DisputeAlreadyExists, "dispute_id", message));
    }
    if usage.disputes.0.len() >= DISPUTES_MAX {
        let message = format!("A customer has at most {DISPUTES_MAX} disputes about earned credit at once");
        return Err(check::invalid("dispute_id", message).with("maximum", DISPUTES_MAX));
    }
    check_days(draft, command, on)?;
    let DisputeEarnedCredit { customer_id, partner_id, dispute_id, scope, from, to, claimed_percent, evidence } =
        command.clone();
    let disputed_on = on;
    draft.push(EarnedCreditDisputed {
        customer_id,
        partner_id,
        dispute_id,
        scope,
        from,
        to,
        claimed_percent,
        evidence,
        disputed_on,
    });
    Ok(())
}

/// The days are over, near enough, and have the rate that is claimed.
fn check_days(draft: &Draft<'_>, command: &DisputeEarnedCredit, on: NaiveDate) -> Result<(), Rejection> {
    let earliest = on.checked_sub_days(chrono::Days::new(u64::from(CREDIT_DISPUTE_DAYS))).unwrap_or(on);
    if command.from < earliest || command.from > on {
        let message = format!("Days of usage are disputed up to {CREDIT_DISPUTE_DAYS} days back: from {earliest} on");
        return Err(Rejection::field(Reason::UsageDateOutOfRange, "from", message)
            .with("first_day", earliest)
            .with("last_day", on));
    }
    if command.to < command.from || command.to > on {
        let message = format!("The last day is {} to {on}", command.from);
        return Err(Rejection::field(Reason::UsageDateOutOfRange, "to", message)
            .with("first_day", command.from)
            .with("last_day", on));
    }
    let catalog = draft.reference.catalog.usage();
    let percent = |day: NaiveDate| catalog.credit_terms(day).percent;
    let rate = percent(command.from);
    let one_rate = command.from.iter_days().take_while(|day| *day <= command.to).all(|day| percent(day) == rate);
    if !one_rate {
        let message = format!("The days of a dispute have one rate; {} has {rate} percent", command.from);
        return Err(check::invalid("to", message).with("percent", rate));
    }
    if command.claimed_percent != rate {
        let message = format!("Those days earn {rate} percent, not {}", command.claimed_percent);
        return Err(check::invalid("claimed_percent", message).with("accepted", rate));
    }
    Ok(())
}

/// The provider answers.
pub(in crate::customer) fn decide(draft: &mut Draft<'_>, command: &DecideEarnedCreditDispute) -> Result<(), Rejection> {
    let known = draft.customer.usage.disputes.open(&command.dispute_id)?;
    check::required("note", &command.note)?;
    let (partner_id, decided_on) = (known.partner_id.clone(), draft.on());
    let DecideEarnedCreditDispute { customer_id, dispute_id, accepted, note } = command.clone();
    draft.push(EarnedCreditDisputeDecided { customer_id, partner_id, dispute_id, accepted, note, decided_on });
    Ok(())
}

/// The partner gives it up.
pub(in crate::customer) fn withdraw(
    draft: &mut Draft<'_>,
    command: &WithdrawEarnedCreditDispute,
) -> Result<(), Rejection> {
    let known = draft.customer.usage.disputes.open(&command.dispute_id)?;
    if known.partner_id != command.partner_id {
        let message = format!("Dispute {} is not of {}", command.dispute_id, command.partner_id);
        return Err(Rejection::field(Reason::DisputeNotFound, "dispute_id", message));
    }
    let WithdrawEarnedCreditDispute { customer_id, partner_id, dispute_id } = command.clone();
    let withdrawn_on = draft.on();
    draft.push(EarnedCreditDisputeWithdrawn { customer_id, partner_id, dispute_id, withdrawn_on });
    Ok(())
}
