//! The customer's users and who holds which license (customers page section 2.6): the state.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Event,
    event::{LicenseRow, SubscriptionMigrated},
    ids::{LicenseGroupId, SubscriptionId, UserId},
    personal::{ERASED, is_withheld},
};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Sign-in name, in small letters.
    pub email: String,
    /// First day on which it cannot be restored, once it is deleted.
    pub deleted_until: Option<NaiveDate>,
    /// What it holds; of a deleted one, what it held.
    pub licenses: BTreeSet<SubscriptionId>,
}

/// Licenses that are given together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseGroup {
    /// As lists show it.
    pub display_name: String,
    /// Its licenses.
    pub subscription_ids: BTreeSet<SubscriptionId>,
}

/// Every user of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    by_id: BTreeMap<UserId, User>,
    emails: BTreeMap<String, UserId>,
    /// Who holds a license of a subscription; deleted users do not.
    assigned: BTreeMap<SubscriptionId, BTreeSet<UserId>>,
    due: BTreeSet<(NaiveDate, UserId)>,
    groups: BTreeMap<LicenseGroupId, LicenseGroup>,
}

impl Users {
    /// One user.
    pub fn get(&self, id: &UserId) -> Option<&User> {
        self.by_id.get(id)
    }

    /// Who signs in with that address.
    pub fn by_email(&self, email: &str) -> Option<&UserId> {
        self.emails.get(&email.to_lowercase())
    }

    /// Who holds a license of the subscription, by id.
    pub fn holders(&self, id: &SubscriptionId) -> impl Iterator<Item = &UserId> {
        self.assigned.get(id).into_iter().flatten()
    }

    /// How many licenses of the subscription are assigned.
    pub fn assigned(&self, id: &SubscriptionId) -> u32 {
        self.assigned.get(id).map_or(0, |users| u32::try_from(users.len()).unwrap_or(u32::MAX))
    }

    /// A group of licenses.
    pub fn group(&self, id: &LicenseGroupId) -> Option<&LicenseGroup> {
        self.groups.get(id)
    }

    /// Every group of licenses, by id.
    pub fn groups(&self) -> impl Iterator<Item = (&LicenseGroupId, &LicenseGroup)> {
        self.groups.iter()
    }

    /// The first day on which a deleted user is gone.
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        self.due.first().map(|(date, _)| *date)
    }

    /// Deleted users that are gone at the end of the day.
    pub(super) fn gone(&self, date: NaiveDate) -> impl Iterator<Item = &UserId> {
        self.due.iter().take_while(move |(due, _)| *due <= date).map(|(_, id)| id)
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::UserCreated(e) => {
                let email = e.email.to_lowercase();
                // Several may be withheld, and none is the other's.
                if !is_withheld(&email) {
                    self.emails.insert(email.clone(), e.user_id.clone());
                }
                self.by_id.insert(e.user_id.clone(), User { email, deleted_until: None, licenses: BTreeSet::new() });
            }
            Event::UserDeleted(e) => {
                let Some(user) = self.by_id.get_mut(&e.user_id) else { return };
                user.deleted_until = Some(e.restorable_until);
                self.due.insert((e.restorable_until, e.user_id.clone()));
                for id in user.licenses.clone() {
                    self.free(&id, &e.user_id);
                }
            }
            Event::UserRestored(e) => {
                let Some(user) = self.by_id.get_mut(&e.user_id) else { return };
                if let Some(until) = user.deleted_until.take() {
                    self.due.remove(&(until, e.user_id.clone()));
                }
                user.licenses.clear();
                for id in &e.restored {
                    self.hold(id, &e.user_id);
                }
            }
            Event::UserPurged(e) => {
                let Some(user) = self.by_id.remove(&e.user_id) else { return };
                self.emails.remove(&user.email);
                user.deleted_until.map(|until| self.due.remove(&(until, e.user_id.clone())));
            }
            Event::LicensesChanged(e) => {
                e.rows.iter().filter(|row| row.refused.is_none()).for_each(|row| self.change(row));
            }
            Event::SubscriptionUpgraded(e) => self.move_all(&e.subscription_id, &e.new_subscription_id),
            Event::TransferCompleted(e) => {
                for line in &e.lines {
                    if let Some(new) = &line.new_subscription_id {
                        self.move_all(&line.subscription_id, new);
                    }
                }
            }
            Event::SubscriptionMigrated(e) => self.migrate(e),
            Event::LicenseGroupSet(e) => {
                let subscription_ids = e.subscription_ids.iter().cloned().collect();
                let group = LicenseGroup { display_name: e.display_name.clone(), subscription_ids };
                self.groups.insert(e.group_id.clone(), group);
            }
            Event::LicenseGroupDeleted(e) => drop(self.groups.remove(&e.group_id)),
            _ => {}
        }
    }

    /// Their addresses are forgotten.
    pub(super) fn erase(&mut self) {
        self.emails.clear();
        self.by_id.values_mut().for_each(|user| ERASED.clone_into(&mut user.email));
    }

    /// The subscription has ended: nobody holds it any more.
    pub(super) fn drop_subscription(&mut self, id: &SubscriptionId) {
        for user_id in self.assigned.remove(id).into_iter().flatten() {
            if let Some(user) = self.by_id.get_mut(&user_id) {
                user.licenses.remove(id);
            }
        }
        for group in self.groups.values_mut() {
            group.subscription_ids.remove(id);
        }
    }

    /// Groups that have the one have the other instead.
    fn regroup(&mut self, from: &SubscriptionId, to: &SubscriptionId) {
        for group in self.groups.values_mut().filter(|group| group.subscription_ids.contains(from)) {
            group.subscription_ids.remove(from);
            group.subscription_ids.insert(to.clone());
        }
    }

    fn change(&mut self, row: &LicenseRow) {
        if row.assign {
            self.hold(&row.subscription_id, &row.user_id);
        } else {
            self.free(&row.subscription_id, &row.user_id);
            if let Some(user) = self.by_id.get_mut(&row.user_id) {
                user.licenses.remove(&row.subscription_id);
            }
        }
    }

    fn migrate(&mut self, e: &SubscriptionMigrated) {
        self.regroup(&e.subscription_id, &e.to_subscription_id);
        self.drop_subscription(&e.subscription_id);
        for user_id in &e.moved_user_ids {
            self.hold(&e.to_subscription_id, user_id);
        }
    }

    fn move_all(&mut self, from: &SubscriptionId, to: &SubscriptionId) {
        self.regroup(from, to);
        let users = self.assigned.get(from).cloned().unwrap_or_default();
        self.drop_subscription(from);
        for user_id in users {
            self.hold(to, &user_id);
        }
    }

    fn hold(&mut self, id: &SubscriptionId, user_id: &UserId) {
        if let Some(user) = self.by_id.get_mut(user_id) {
            user.licenses.insert(id.clone());
            self.assigned.entry(id.clone()).or_default().insert(user_id.clone());
        }
    }

    fn free(&mut self, id: &SubscriptionId, user_id: &UserId) {
        if let Some(users) = self.assigned.get_mut(id) {
            users.remove(user_id);
            if users.is_empty() {
                self.assigned.remove(id);
            }
        }
    }
}
