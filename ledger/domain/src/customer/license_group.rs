//! Groups of licenses: what is given together has a name, and is assigned and revoked in one row (customers page section 2.6, where
//! several products are assigned at a time). A group follows its licenses when they are upgraded, migrated or transferred.

use std::collections::BTreeSet;

use super::{LicenseGroup, draft::Draft, gates, licenses, user::USER_NAME_CHARS_MAX};
use crate::{
    Reason, Rejection, check,
    command::{DeleteLicenseGroup, SetLicenseGroup},
    event::{LicenseGroupDeleted, LicenseGroupSet},
    ids::{LicenseGroupId, SubscriptionId},
    offer::ProductFamily,
};

/// Groups of one customer.
pub const LICENSE_GROUPS_MAX: usize = 100;
/// Licenses of one group: as many rows as one command has.
pub const GROUP_LICENSES_MAX: usize = licenses::LICENSE_ROWS_MAX;

/// The group of that id.
pub(super) fn found<'a>(draft: &Draft<'a>, id: &LicenseGroupId, field: &str) -> Result<&'a LicenseGroup, Rejection> {
    let customer = draft.customer;
    customer.users().group(id).ok_or_else(|| {
        let message = format!("The customer has no group of licenses {id}");
        Rejection::field(Reason::LicenseGroupNotFound, field, message).with("group_id", id)
    })
}

pub(super) fn set(draft: &mut Draft<'_>, command: &SetLicenseGroup) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    check::required("display_name", &command.display_name)?;
    if command.display_name.chars().count() > USER_NAME_CHARS_MAX {
        let message = format!("display_name has at most {USER_NAME_CHARS_MAX} characters");
        return Err(check::invalid("display_name", message));
    }
    check::count("subscription_ids", command.subscription_ids.len(), GROUP_LICENSES_MAX)?;
    let users = draft.customer.users();
    if users.group(&command.group_id).is_none() && users.groups().count() >= LICENSE_GROUPS_MAX {
        let message = format!("A customer has at most {LICENSE_GROUPS_MAX} groups of licenses");
        return Err(check::invalid("group_id", message).with("maximum", LICENSE_GROUPS_MAX));
    }
    let mut members: BTreeSet<SubscriptionId> = BTreeSet::new();
    for (index, id) in command.subscription_ids.iter().enumerate() {
        let field = format!("subscription_ids[{index}]");
        if !members.insert(id.clone()) {
            return Err(check::invalid(&field, "Each license is named once"));
        }
        let subscription = draft.owned(&command.partner_id, id)?;
        if subscription.product_family != ProductFamily::License {
            let message = format!("The publisher assigns the licenses of {}", subscription.offer_name);
            return Err(
                Rejection::field(Reason::LicenseManagedByPublisher, &field, message).with("subscription_id", id)
            );
        }
        let (subscription, on) = (subscription.clone(), draft.on());
        gates::open(&subscription, on)?;
    }
    let SetLicenseGroup { customer_id, partner_id, group_id, display_name, .. } = command.clone();
    let subscription_ids = members.into_iter().collect();
    draft.push(LicenseGroupSet { customer_id, partner_id, group_id, display_name, subscription_ids });
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, command: &DeleteLicenseGroup) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    found(draft, &command.group_id, "group_id")?;
    let DeleteLicenseGroup { customer_id, partner_id, group_id } = command.clone();
    draft.push(LicenseGroupDeleted { customer_id, partner_id, group_id });
    Ok(())
}
