//! Users and who holds which license.

use subledger_domain::{
    event::{
        LicenseGroupDeleted, LicenseGroupSet, LicensesChanged, SubscriptionMigrated, UserCreated, UserDeleted,
        UserPurged, UserRestored,
    },
    ids::{SubscriptionId, UserId},
};
use subledger_fold::{StoreError, decode, encode, get, put};

use super::Fold;
use crate::{
    rows::{LicenseGroup, UserRow},
    tables::{license_groups, timelines, users},
};

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
        let (customer, user_id) = (self.commit.stream, e.user_id.as_str());
        put(self.rows, users::key(customer, user_id), &user)?;
        put(self.rows, timelines::user_ever(customer, user_id), &())?;
        let timeline = timelines::user(customer, user_id);
        timeline.put(self.rows, self.day, self.commit.position, encode(&Some(user))?)
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

    pub(super) fn user_purged(&mut self, e: &UserPurged) -> Result<(), StoreError> {
        let (customer, user_id) = (self.commit.stream, e.user_id.as_str());
        self.rows.delete(users::key(customer, user_id));
        self.note(&timelines::user(customer, user_id), &None::<UserRow>, |user| *user = None)
    }

    pub(super) fn license_group_set(&mut self, e: &LicenseGroupSet) -> Result<(), StoreError> {
        let group = LicenseGroup {
            group_id: e.group_id.clone(),
            display_name: e.display_name.clone(),
            subscription_ids: e.subscription_ids.clone(),
        };
        put(self.rows, license_groups::key(self.commit.stream, e.group_id.as_str()), &group)
    }

    pub(super) fn license_group_deleted(&mut self, e: &LicenseGroupDeleted) {
        self.rows.delete(license_groups::key(self.commit.stream, e.group_id.as_str()));
    }

    /// Groups that have the license have the other one instead, or none.
    fn regroup(&mut self, from: &SubscriptionId, to: Option<&SubscriptionId>) -> Result<(), StoreError> {
        let mut groups: Vec<LicenseGroup> = Vec::new();
        self.rows.scan(&license_groups::prefix(self.commit.stream), &[], false, &mut |_, row| {
            let group: LicenseGroup = decode(row)?;
            groups.extend(Some(group).filter(|group| group.subscription_ids.contains(from)));
            Ok(true)
        })?;
        for mut group in groups {
            set(&mut group.subscription_ids, from, false);
            to.into_iter().for_each(|to| set(&mut group.subscription_ids, to, true));
            put(self.rows, license_groups::key(self.commit.stream, group.group_id.as_str()), &group)?;
        }
        Ok(())
    }

    pub(super) fn licenses_changed(&mut self, e: &LicensesChanged) -> Result<(), StoreError> {
        for row in e.rows.iter().filter(|row| row.refused.is_none()) {
            self.change_user(&row.user_id, |user| set(&mut user.licenses, &row.subscription_id, row.assign))?;
        }
        Ok(())
    }

    /// Everybody who holds the one holds the other instead.
    pub(super) fn licenses_moved(&mut self, from: &SubscriptionId, to: &SubscriptionId) -> Result<(), StoreError> {
        self.regroup(from, Some(to))?;
        self.each_holder(from, |user| set(&mut user.licenses, to, true))
    }

    pub(super) fn licenses_migrated(&mut self, e: &SubscriptionMigrated) -> Result<(), StoreError> {
        self.regroup(&e.subscription_id, Some(&e.to_subscription_id))?;
        self.each_holder(&e.subscription_id, |user| {
            if e.moved_user_ids.contains(&user.user_id) {
                set(&mut user.licenses, &e.to_subscription_id, true);
            }
        })
    }

    /// The subscription is over: nobody holds it.
    pub(super) fn licenses_gone(&mut self, id: &SubscriptionId) -> Result<(), StoreError> {
        self.regroup(id, None)?;
        self.each_holder(id, |_| ())
    }

    /// Takes a license from everybody who holds it, after `change`. A deleted user remembers what it held.
    fn each_holder(&mut self, id: &SubscriptionId, change: impl Fn(&mut UserRow)) -> Result<(), StoreError> {
        let mut holders: Vec<UserId> = Vec::new();
        self.rows.scan(&users::prefix(self.commit.stream), &[], false, &mut |_, row| {
            let user: UserRow = decode(row)?;
            if user.restorable_until.is_none() && user.licenses.contains(id) {
                holders.push(user.user_id);
            }
            Ok(true)
        })?;
        holders.iter().try_for_each(|user_id| {
            self.change_user(user_id, |user| {
                change(user);
                set(&mut user.licenses, id, false);
            })
        })
    }

    fn change_user(&mut self, user_id: &UserId, change: impl Fn(&mut UserRow)) -> Result<(), StoreError> {
        let key = users::key(self.commit.stream, user_id.as_str());
        let user: Option<UserRow> = get(self.rows, &key)?;
        let mut user = user.ok_or_else(|| self.impossible(&format!("there is no user {user_id}")))?;
        change(&mut user);
        put(self.rows, key, &user)?;
        let timeline = timelines::user(self.commit.stream, user_id.as_str());
        self.note(&timeline, &Some(user), |user: &mut Option<UserRow>| user.iter_mut().for_each(&change))
    }
}

/// Puts an id into a list that is in order, or takes it out.
fn set(ids: &mut Vec<SubscriptionId>, id: &SubscriptionId, held: bool) {
    match (ids.binary_search(id), held) {
        (Err(at), true) => ids.insert(at, id.clone()),
        (Ok(at), false) => drop(ids.remove(at)),
        _ => {}
    }
}
