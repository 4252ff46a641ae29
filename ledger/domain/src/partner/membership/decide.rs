//! What the company asks for: to buy, renew, cancel, and use a membership.

use chrono::NaiveDate;

use super::{Membership, MembershipOffer, MembershipPayment, MembershipStanding, REFUND_DAYS, YEAR_DAYS};
use crate::{
    Context, Event, Reason, Reference, Rejection, calendar, check,
    command::{ActivateBenefit, CancelMembership, PurchaseMembership, RenewMembership, SetMembershipRenewal},
    event::{BenefitActivated, MembershipCancelled, MembershipPurchased, MembershipRenewalStopped, MembershipRenewed},
    ids::MembershipId,
    partner::{Benefit, Partner, account, program},
};

/// Memberships that one partner ever bought.
const MEMBERSHIPS_MAX: usize = 10_000;

/// A domain is proved before anything is bought or used (L3282, L7090).
fn global_admin(partner: &Partner) -> Result<(), Rejection> {
    if partner.account.global_admin().is_some() {
        return Ok(());
    }
    let message = "The company has no global admin; who proves its domain becomes that";
    Err(Rejection::field(Reason::NoGlobalAdmin, "partner_id", message))
}

pub(crate) fn purchase(
    partner: &Partner,
    reference: &Reference,
    command: &PurchaseMembership,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let on = context.effective_on();
    account::global(partner)?;
    global_admin(partner)?;
    check::amount("amount", command.amount, command.currency)?;
    if command.offer == MembershipOffer::ActionPack {
        if !command.competency.is_empty() {
            return Err(check::invalid("competency", "An action pack is for no competency; leave it empty"));
        }
    } else {
        check::required("competency", &command.competency)?;
    }
    if command.payment == MembershipPayment::BankTransfer && command.payer.is_none() {
        return Err(check::missing("payer"));
    }
    one_of_each(partner, reference, command.offer, on)?;
    let membership_id = match &command.membership_id {
        Some(id) => id.clone(),
        None => MembershipId::new(context.new_id("membership", 0))
            .map_err(|error| check::invalid("membership_id", error.to_string()))?,
    };
    if partner.memberships.0.contains_key(&membership_id) || partner.memberships.0.len() >= MEMBERSHIPS_MAX {
        let message = format!("A membership {membership_id} is known, or there are {MEMBERSHIPS_MAX} already");
        return Err(Rejection::field(Reason::MembershipExists, "membership_id", message));
    }
    let PurchaseMembership { partner_id, offer, competency, payment, payer, amount, currency, .. } = command.clone();
    let (purchased_on, anniversary) = (on, calendar::add_days(on, YEAR_DAYS));
    Ok(vec![
        MembershipPurchased {
            partner_id,
            membership_id,
            offer,
            competency,
            payment,
            payer,
            amount,
            currency,
            purchased_on,
            anniversary,
        }
        .into(),
    ])
}

/// A company has one action pack, and one competency of each level (L3391, L7197).
fn one_of_each(
    partner: &Partner,
    reference: &Reference,
    offer: MembershipOffer,
    on: NaiveDate,
) -> Result<(), Rejection> {
    let company = reference.partners.company_of(&partner.partner_id);
    let others = reference
        .partners
        .iter()
        .filter(|(id, other)| reference.partners.company_of(id) == company && other.partner_id != partner.partner_id);
    let all = others.flat_map(|(_, other)| other.memberships.iter()).chain(partner.memberships.iter());
    let mut held = all.filter(|(_, known)| known.offer == offer && known.is_open(on) && !known.dropped);
    let Some((id, _)) = held.next() else { return Ok(()) };
    let reason = match offer {
        MembershipOffer::ActionPack => Reason::DuplicateActionPack,
        MembershipOffer::SilverCompetency | MembershipOffer::GoldCompetency => Reason::DuplicateCompetency,
    };
    let message = format!("The company has it as membership {id}; one is enough, and is renewed");
    Err(Rejection::field(reason, "offer", message).with("membership_id", id))
}

fn found<'a>(partner: &'a Partner, id: &MembershipId) -> Result<&'a Membership, Rejection> {
    partner.memberships.0.get(id).ok_or_else(|| {
        let message = format!("The partner has no membership {id}");
        Rejection::field(Reason::MembershipNotFound, "membership_id", message).with("membership_id", id)
    })
}

fn open<'a>(partner: &'a Partner, id: &MembershipId, on: NaiveDate) -> Result<&'a Membership, Rejection> {
    let known = found(partner, id)?;
    if known.is_open(on) {
        return Ok(known);
    }
    let message = format!("Membership {id} is {}", known.standing(on).name());
    Err(Rejection::field(Reason::MembershipClosed, "membership_id", message).with("state", known.standing(on).name()))
}

/// Whether a merge has put another membership of the company in its place, by what this stream and the others say.
fn dropped(partner: &Partner, reference: &Reference, id: &MembershipId) -> bool {
    let of = |partner: &Partner| partner.memberships.0.get(id).is_some_and(|known| known.dropped);
    of(partner) || reference.partners.get(&partner.partner_id).is_some_and(of)
}

pub(crate) fn renew(
    partner: &Partner,
    reference: &Reference,
    command: &RenewMembership,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let (on, id) = (context.effective_on(), &command.membership_id);
    let known = found(partner, id)?;
    check::amount("amount", command.amount, command.currency)?;
    if dropped(partner, reference, id) {
        let message = "Since a merge another membership of the company counts; that one is renewed (L7196)";
        return Err(Rejection::field(Reason::DuplicateActionPack, "membership_id", message));
    }
    let (opens, closes) = (known.window_opens(), known.window_closes());
    let refuse = |reason, message: String| {
        let refused = Rejection::field(reason, "membership_id", message);
        Err(refused.with("window_opens", opens).with("window_closes", closes))
    };
    let reactivated = match known.standing(on) {
        MembershipStanding::RenewalWindow => false,
        MembershipStanding::Lapsed if known.is_exempt(on) => true,
        MembershipStanding::Active => {
            return refuse(Reason::RenewalWindowNotOpen, format!("It is renewed from {opens} to {closes}"));
        }
        MembershipStanding::Lapsed => {
            return refuse(Reason::RenewalWindowClosed, format!("It could be renewed from {opens} to {closes}"));
        }
        MembershipStanding::Cancelled => {
            let message = format!("Membership {id} was cancelled; buy it again");
            return Err(Rejection::field(Reason::MembershipClosed, "membership_id", message));
        }
    };
    let RenewMembership { partner_id, membership_id, amount, currency } = command.clone();
    let (previous, anniversary, paid_on) = (known.anniversary, known.next_anniversary(), on);
    Ok(vec![
        MembershipRenewed {
            partner_id,
            membership_id,
            previous,
            anniversary,
            amount,
            currency,
            paid_on,
            automatic: false,
            reactivated,
        }
        .into(),
    ])
}

/// Off at any time; on again only by a renewal (L3663, L3672).
pub(crate) fn set_renewal(
    partner: &Partner,
    command: &SetMembershipRenewal,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let on = context.effective_on();
    let known = open(partner, &command.membership_id, on)?;
    if command.auto_renew {
        let message = "Renewing by itself is turned on by the next renewal, and by nothing else";
        return Err(Rejection::field(Reason::AutorenewLockedOff, "auto_renew", message));
    }
    if !known.auto_renew {
        return Err(check::invalid("auto_renew", "The membership does not renew by itself"));
    }
    let SetMembershipRenewal { partner_id, membership_id, .. } = command.clone();
    Ok(vec![MembershipRenewalStopped { partner_id, membership_id, stopped_on: on }.into()])
}

/// Through a support request (L3676-3683); with the money back within 30 days, unless software was activated (L3952-3954).
pub(crate) fn cancel(
    partner: &Partner,
    command: &CancelMembership,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let on = context.effective_on();
    let known = open(partner, &command.membership_id, on)?;
    program::support_request(&command.support_request)?;
    let last = calendar::add_days(known.purchased_on, REFUND_DAYS);
    if command.refund && on > last {
        let message = format!("Money was given back up to {last}; it can be cancelled without");
        return Err(Rejection::field(Reason::RefundWindowExpired, "refund", message).with("latest", last));
    }
    if command.refund && known.activated.contains(&Benefit::Software) {
        let message = "Software was activated, so no money is given back; it can be cancelled without";
        return Err(Rejection::field(Reason::BenefitsActivated, "refund", message));
    }
    let CancelMembership { partner_id, membership_id, support_request, refund: refunded } = command.clone();
    Ok(vec![MembershipCancelled { partner_id, membership_id, support_request, refunded, cancelled_on: on }.into()])
}

pub(crate) fn activate(
    partner: &Partner,
    command: &ActivateBenefit,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let on = context.effective_on();
    let known = open(partner, &command.membership_id, on)?;
    global_admin(partner)?;
    if known.activated.contains(&command.benefit) {
        let message = format!("{} was activated before", command.benefit.name());
        return Err(Rejection::field(Reason::BenefitAlreadyActivated, "benefit", message));
    }
    let ActivateBenefit { partner_id, membership_id, benefit } = command.clone();
    Ok(vec![BenefitActivated { partner_id, membership_id, benefit, activated_on: on }.into()])
}
