//! Charging: at the end of a billing period everything rated becomes lines, late use of earlier periods too
//! (azure-marketplace-software.md 2.17, L10042).

use chrono::NaiveDate;

use super::account::Account;
use crate::{charge, customer::draft::Draft, event::UsageCharged, ids::SubscriptionId};

/// Lines of one decision, so that its commit stays far below the longest record. Whoever runs it repeats it.
const LINES_PER_DECISION: usize = 40;

/// Charges lines that changed since they were charged, and says when it was the last of them.
pub(super) fn charge(draft: &mut Draft<'_>, id: &SubscriptionId, account: &Account, date: NaiveDate) {
    draft.decision.charged_on = date;
    let mut pending = account.lines.iter().filter(|(_, line)| line.is_pending());
    for (key, line) in pending.by_ref().take(LINES_PER_DECISION) {
        let meter = draft.reference.catalog.usage().meter(&key.meter_id);
        let usage = line.usage(key, meter.map(|meter| meter.unit.clone()).unwrap_or_default());
        // The first period begins with the first day of use (L13710).
        let first = account.first_use.filter(|first| *first < key.period.end);
        let start = first.map_or(key.period.start, |first| first.max(key.period.start));
        draft.charge(id, |subscription, decision| {
            charge::usage(subscription, usage, (start, key.period.end), decision);
        });
    }
    if pending.next().is_none() {
        let customer_id = draft.customer.id().clone();
        draft.push(UsageCharged { customer_id, subscription_id: id.clone(), charged_on: date });
    }
}
