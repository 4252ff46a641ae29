//! Licenses are assigned to users and revoked, never more than were bought (customers page section 2.6).

use std::collections::{BTreeMap, BTreeSet};

use super::{Standing, draft::Draft, gates, license_group};
use crate::{
    Reason, Rejection, check,
    command::ChangeLicenses,
    event::{LicenseRow, LicensesChanged},
    ids::{PartnerId, SubscriptionId},
    offer::ProductFamily,
};

/// Rows of one command, as of one file (L11734).
pub const LICENSE_ROWS_MAX: usize = 100;

/// Licenses of an active subscription that nobody holds; none of any other.
pub(super) fn free(draft: &Draft<'_>, id: &SubscriptionId) -> u32 {
    let in_use = |standing| matches!(standing, Standing::Active | Standing::Trial);
    let bought = draft.get(id).filter(|subscription| in_use(subscription.standing)).map_or(0, |found| found.quantity);
    bought.saturating_sub(draft.customer.users().assigned(id))
}

/// Fewer seats than assigned licenses would leave somebody without one (decision G12).
pub(super) fn check_assigned(draft: &Draft<'_>, id: &SubscriptionId, to: u32) -> Result<(), Rejection> {
    let assigned = draft.customer.users().assigned(id);
    if to >= assigned {
        return Ok(());
    }
    let message = format!("{assigned} licenses are assigned; revoke {} of them first", assigned - to);
    Err(Rejection::field(Reason::LicensesStillAssigned, "quantity", message).with("assigned", assigned))
}

/// What can be done is done, the rest is reported row by row (L14975). Licenses that are revoked here are free here. A product with
/// fewer free licenses than users who lack one is refused for all of them (decision G37).
pub(super) fn change(draft: &mut Draft<'_>, command: &ChangeLicenses) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    let wanted = wanted(draft, command)?;
    check::count("rows", wanted.len(), LICENSE_ROWS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, row) in wanted.iter().enumerate() {
        if !seen.insert((&row.user_id, &row.subscription_id)) {
            return Err(check::invalid(&format!("rows[{index}]"), "Each user and subscription stand here once"));
        }
        draft.settle_before(&row.subscription_id);
    }
    let judge = |row: &LicenseRow| LicenseRow { refused: why_not(draft, &command.partner_id, row), ..row.clone() };
    let mut rows: Vec<_> = wanted.iter().map(judge).collect();
    let mut free_after: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.refused.is_none()) {
        let free = free_after
            .entry(row.subscription_id.clone())
            .or_insert_with(|| i64::from(free(draft, &row.subscription_id)));
        *free += if row.assign { -1 } else { 1 };
    }
    for row in rows.iter_mut().filter(|row| row.assign && row.refused.is_none()) {
        if free_after.get(&row.subscription_id).is_some_and(|free| *free < 0) {
            row.refused = Some(Reason::NoAvailableLicense);
        }
    }
    let ChangeLicenses { customer_id, partner_id, .. } = command.clone();
    draft.push(LicensesChanged { customer_id, partner_id, rows });
    Ok(())
}

/// The rows, and one for each license of the groups.
fn wanted(draft: &Draft<'_>, command: &ChangeLicenses) -> Result<Vec<LicenseRow>, Rejection> {
    check::at_most("groups", command.groups.len(), LICENSE_ROWS_MAX)?;
    let mut rows = command.rows.clone();
    for (index, row) in command.groups.iter().enumerate() {
        let group = license_group::found(draft, &row.group_id, &format!("groups[{index}].group_id"))?;
        rows.extend(group.subscription_ids.iter().map(|id| LicenseRow {
            user_id: row.user_id.clone(),
            subscription_id: id.clone(),
            assign: row.assign,
            refused: None,
        }));
    }
    Ok(rows)
}

fn why_not(draft: &Draft<'_>, partner_id: &PartnerId, row: &LicenseRow) -> Option<Reason> {
    let user = match draft.customer.users().get(&row.user_id) {
        None => return Some(Reason::UserNotFound),
        Some(user) if user.deleted_until.is_some() => return Some(Reason::UserDeleted),
        Some(user) => user,
    };
    let Some(subscription) = draft.get(&row.subscription_id) else { return Some(Reason::SubscriptionNotFound) };
    if subscription.partner_id != *partner_id {
        return Some(Reason::SubscriptionNotOwned);
    }
    if subscription.product_family != ProductFamily::License {
        return Some(Reason::LicenseManagedByPublisher);
    }
    let held = user.licenses.contains(&row.subscription_id);
    match (row.assign, held) {
        (true, true) => Some(Reason::LicenseAssigned),
        (false, false) => Some(Reason::LicenseNotAssigned),
        (true, false) if gates::open(subscription, draft.on()).is_err() => Some(Reason::SubscriptionClosed),
        (true, false) if matches!(subscription.standing, Standing::Suspended { .. }) => {
            Some(Reason::SubscriptionNotActive)
        }
        (true, false) | (false, true) => None,
    }
}
