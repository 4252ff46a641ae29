//! What the end of a business day means for memberships: reminders, renewals, lapses.

use chrono::NaiveDate;

use super::{Membership, MembershipReminder};
use crate::{
    Context, Event, Rejection, check,
    command::ReviewMemberships,
    event::{MembershipLapsed, MembershipReminded, MembershipRenewed},
    ids::MembershipId,
    partner::Partner,
};

/// Steps of one membership in one review; a review that comes years late is repeated.
const STEPS_MAX: usize = 100;

/// A review that comes late, or twice, decides the same or nothing.
pub(crate) fn review(
    partner: &Partner,
    command: &ReviewMemberships,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let (date, on) = (command.date, context.effective_on());
    if date > on {
        let message = format!("The day is not after {on}, the day the review takes effect");
        return Err(check::invalid("date", message).with("latest", on));
    }
    let (mut events, mut after) = (Vec::new(), partner.memberships.clone());
    for (id, _) in partner.memberships.iter() {
        for _ in 0..STEPS_MAX {
            let Some(event) = after.0.get(id).and_then(|known| step(partner, id, known, date)) else { break };
            after.apply(&event);
            events.push(event);
        }
    }
    Ok(events)
}

/// The first thing that is due by the end of the day.
fn step(partner: &Partner, id: &MembershipId, known: &Membership, date: NaiveDate) -> Option<Event> {
    let due = known.next_due().filter(|due| *due <= date)?;
    let (partner_id, membership_id) = (partner.partner_id.clone(), id.clone());
    if due > known.window_closes() {
        return Some(MembershipLapsed { partner_id, membership_id, lapsed_on: due }.into());
    }
    if known.auto_renew && !known.dropped && due == known.window_opens() {
        let (previous, anniversary) = (known.anniversary, known.next_anniversary());
        let (amount, currency, paid_on) = (known.amount, known.currency, due);
        let (automatic, reactivated) = (true, false);
        let renewed = MembershipRenewed {
            partner_id,
            membership_id,
            previous,
            anniversary,
            amount,
            currency,
            paid_on,
            automatic,
            reactivated,
        };
        return Some(renewed.into());
    }
    let reminder = match known.reminded {
        None => MembershipReminder::BeforeAnniversary,
        Some(_) => MembershipReminder::BeforeClose,
    };
    Some(MembershipReminded { partner_id, membership_id, reminder, reminded_on: due }.into())
}
