//! Users begin, end and come back (customers page section 2.6).

use std::collections::BTreeSet;

use super::{create, draft::Draft, gates, users::User};
use crate::{
    Reason, Rejection, calendar, check,
    command::{CreateUser, DeleteUser, ResetUserPassword, RestoreUsers},
    event::{UserCreated, UserDeleted, UserPasswordReset, UserPurged, UserRestored},
    ids::{PartnerId, SubscriptionId, UserId},
    personal::is_withheld,
};

/// Days in which a deleted user comes back (L14815): accepted before the deletion's day plus so many.
pub const USER_RESTORE_DAYS: u32 = 30;
/// Longest name of a user, in characters (L11740-11742).
pub const USER_NAME_CHARS_MAX: usize = 50;
/// Users of one command, as of one file (L11734).
pub const USERS_MAX: usize = 100;

fn partner(draft: &Draft<'_>, partner_id: &PartnerId) -> Result<(), Rejection> {
    gates::partner(draft.reference, partner_id, "partner_id")?;
    gates::relationship(draft.customer, partner_id, "partner_id")
}

pub(super) fn create(draft: &mut Draft<'_>, command: &CreateUser) -> Result<(), Rejection> {
    partner(draft, &command.partner_id)?;
    let customer = draft.customer;
    check::required("display_name", &command.display_name)?;
    for (field, name) in [
        ("display_name", &command.display_name),
        ("first_name", &command.first_name),
        ("last_name", &command.last_name),
    ] {
        check::optional(field, name)?;
        if name.chars().count() > USER_NAME_CHARS_MAX {
            return Err(check::invalid(field, format!("{field} has at most {USER_NAME_CHARS_MAX} characters")));
        }
    }
    check::required("email", &command.email)?;
    let domain = customer.domain_name();
    let withheld = is_withheld(domain) || is_withheld(&command.email);
    if !withheld && create::email_domain("email", &command.email)? != domain.to_ascii_lowercase() {
        let message = format!("A user's address is on the customer's domain, {domain} (L11733)");
        return Err(check::invalid("email", message).with("domain", domain));
    }
    if customer.users().get(&command.user_id).is_some() {
        let message = format!("The customer has a user {}", command.user_id);
        return Err(Rejection::field(Reason::UserAlreadyExists, "user_id", message));
    }
    if let Some(other) = customer.users().by_email(&command.email) {
        let message = format!("User {other} has the address {}", command.email);
        return Err(Rejection::field(Reason::UserAlreadyExists, "email", message).with("user_id", other));
    }
    let CreateUser { customer_id, partner_id, user_id, display_name, first_name, last_name, email } = command.clone();
    draft.push(UserCreated { customer_id, partner_id, user_id, display_name, first_name, last_name, email });
    Ok(())
}

/// The user, deleted or not.
fn found<'a>(draft: &Draft<'a>, id: &UserId, field: &str) -> Result<&'a User, Rejection> {
    draft.customer.users().get(id).ok_or_else(|| {
        let message = format!("The customer has no user {id}");
        Rejection::field(Reason::UserNotFound, field, message).with("user_id", id)
    })
}

fn active<'a>(draft: &Draft<'a>, id: &UserId) -> Result<&'a User, Rejection> {
    let user = found(draft, id, "user_id")?;
    match user.deleted_until {
        None => Ok(user),
        Some(until) => {
            let message = format!("User {id} is deleted; it may be restored before {until}");
            Err(Rejection::field(Reason::UserDeleted, "user_id", message).with("user_id", id))
        }
    }
}

pub(super) fn reset_password(draft: &mut Draft<'_>, command: &ResetUserPassword) -> Result<(), Rejection> {
    partner(draft, &command.partner_id)?;
    active(draft, &command.user_id)?;
    let ResetUserPassword { customer_id, partner_id, user_id } = command.clone();
    draft.push(UserPasswordReset { customer_id, partner_id, user_id });
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, command: &DeleteUser) -> Result<(), Rejection> {
    partner(draft, &command.partner_id)?;
    let user = active(draft, &command.user_id)?;
    let subscription_ids = user.licenses.iter().cloned().collect();
    let restorable_until = calendar::add_days(draft.on(), USER_RESTORE_DAYS);
    let DeleteUser { customer_id, partner_id, user_id } = command.clone();
    draft.push(UserDeleted { customer_id, partner_id, user_id, restorable_until, subscription_ids });
    Ok(())
}

/// All of them or none; each with the licenses it had, as far as they are free (L14815).
pub(super) fn restore(draft: &mut Draft<'_>, command: &RestoreUsers) -> Result<(), Rejection> {
    partner(draft, &command.partner_id)?;
    check::count("user_ids", command.user_ids.len(), USERS_MAX)?;
    let mut seen = BTreeSet::new();
    let mut taken: Vec<SubscriptionId> = Vec::new();
    for (index, user_id) in command.user_ids.iter().enumerate() {
        let field = format!("user_ids[{index}]");
        if !seen.insert(user_id) {
            return Err(check::invalid(&field, "Each user is named once"));
        }
        let user = found(draft, user_id, &field)?;
        let Some(until) = user.deleted_until else {
            let message = format!("User {user_id} is not deleted");
            return Err(Rejection::field(Reason::UserNotDeleted, &field, message).with("user_id", user_id));
        };
        if draft.on() >= until {
            let message = format!("User {user_id} could be restored before {until}");
            return Err(Rejection::field(Reason::RestoreWindowPassed, &field, message).with("restorable_until", until));
        }
        let (mut restored, mut not_restored) = (Vec::new(), Vec::new());
        for id in &user.licenses {
            let given = u32::try_from(taken.iter().filter(|other| *other == id).count()).unwrap_or(u32::MAX);
            if super::licenses::free(draft, id) > given {
                taken.push(id.clone());
                restored.push(id.clone());
            } else {
                not_restored.push(id.clone());
            }
        }
        let (customer_id, partner_id, user_id) =
            (command.customer_id.clone(), command.partner_id.clone(), user_id.clone());
        draft.push(UserRestored { customer_id, partner_id, user_id, restored, not_restored });
    }
    Ok(())
}

/// Deleted users that nobody restored, at the end of the day.
pub(super) fn purge(draft: &mut Draft<'_>, date: chrono::NaiveDate, most: usize) {
    let customer = draft.customer;
    for user_id in customer.users().gone(date).take(most) {
        draft.push(UserPurged { customer_id: customer.id().clone(), user_id: user_id.clone() });
    }
}
