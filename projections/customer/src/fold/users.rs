//! Users and who holds which license.

use subledger_domain::{
    event::{LicensesChanged, SubscriptionMigrated, UserCreated, UserDeleted, UserPurged, UserRestored},
    ids::{SubscriptionId, UserId},
};
use subledger_fold::{StoreError, decode, get, put};

use super::Fold;
use crate::{rows::UserRow, tables::users};

impl Fold<'_> {
    pub(super) fn user_created(&mut self, e: &UserCreated) -> Result<(), StoreError> {
        let user = UserRow {
            user_id: e.user_id.clone(),
            display_name: e.display_name.clone(),
            first_name: e.first_name.clone(),
            last_name: e.last_name.clone(),
            email: e.email.clone(),
            restorable_until: None,
            licenses: Vec::new(),
        };
        put(self.rows, users::key(self.commit.stream, user.user_id.as_str()), &user)
    }

    pub(super) fn user_deleted(&mut self, e: &UserDeleted) -> Result<(), StoreError> {
        self.change_user(&e.user_id, |user| user.restorable_until = Some(e.restorable_until))
    }

    pub(super) fn user_restored(&mut self, e: &UserRestored) -> Result<(), StoreError> {
        self.change_user(&e.user_id, |user| {
            user.restorable_until = None;
            user.licenses.clone_from(&e.restored);
        })
    }

    pub(super) fn user_purged(&mut self, e: &UserPurged) {
        self.rows.delete(users::key(self.commit.stream, e.user_id.as_str()));
    }

    pub(super) fn licenses_changed(&mut self, e: &LicensesChanged) -> Result<(), StoreError> {
        for row in e.rows.iter().filter(|row| row.refused.is_none()) {
            self.change_user(&row.user_id, |user| set(user, &row.subscription_id, row.assign))?;
        }
        Ok(())
    }

    /// Everybody who holds the one holds the other instead.
    pub(super) fn licenses_moved(&mut self, from: &SubscriptionId, to: &SubscriptionId) -> Result<(), StoreError> {
        self.each_holder(from, |user| set(user, to, true))
    }

    pub(super) fn licenses_migrated(&mut self, e: &SubscriptionMigrated) -> Result<(), StoreError> {
        self.each_holder(&e.subscription_id, |user| {
            if e.moved_user_ids.contains(&user.user_id) {
                set(user, &e.to_subscription_id, true);
            }
        })
    }

    /// The subscription is over: nobody holds it.
    pub(super) fn licenses_gone(&mut self, id: &SubscriptionId) -> Result<(), StoreError> {
        self.each_holder(id, |_| ())
    }

    /// Takes a license from everybody who holds it, after `change`. A deleted user remembers what it held.
    fn each_holder(&mut self, id: &SubscriptionId, change: impl Fn(&mut UserRow)) -> Result<(), StoreError> {
        let mut holders: Vec<UserRow> = Vec::new();
        self.rows.scan(&users::prefix(self.commit.stream), &[], false, &mut |_, row| {
            let user: UserRow = decode(row)?;
            if user.restorable_until.is_none() && user.licenses.contains(id) {
                holders.push(user);
            }
            Ok(true)
        })?;
        for mut user in holders {
            change(&mut user);
            set(&mut user, id, false);
            put(self.rows, users::key(self.commit.stream, user.user_id.as_str()), &user)?;
        }
        Ok(())
    }

    fn change_user(&mut self, user_id: &UserId, change: impl FnOnce(&mut UserRow)) -> Result<(), StoreError> {
        let key = users::key(self.commit.stream, user_id.as_str());
        let user: Option<UserRow> = get(self.rows, &key)?;
        let mut user = user.ok_or_else(|| self.impossible(&format!("there is no user {user_id}")))?;
        change(&mut user);
        put(self.rows, key, &user)
    }
}

fn set(user: &mut UserRow, id: &SubscriptionId, held: bool) {
    match (user.licenses.binary_search(id), held) {
        (Err(at), true) => user.licenses.insert(at, id.clone()),
        (Ok(at), false) => drop(user.licenses.remove(at)),
        _ => {}
    }
}
