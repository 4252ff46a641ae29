//! Which partners an event concerns: in whose activity log it stands, and who may see it.
//!
//! A partner sees what it did, what happened to subscriptions that it pays for or is the reseller of, transfers from and to it, and, while
//! it has a relationship, the customer's own record. So after a transfer the source keeps its history, and the target sees the new
//! subscriptions and not what the old ones were.

use subledger_domain::{
    Event, Rejection,
    ids::{PartnerId, SubscriptionId, TransferId},
};
use subledger_fold::{StoreError, get};

use super::Fold;
use crate::{
    rows::{Customer, RelationshipState, Subscription, Transfer},
    tables::{subscriptions, transfers},
};

/// What an event is about.
pub(super) enum About<'a> {
    /// Its owner and its reseller of record.
    Subscription(&'a SubscriptionId),
    /// These.
    Partners(Vec<&'a PartnerId>),
    /// Source and target.
    Transfer(&'a TransferId),
    /// Every partner with a relationship.
    Customer,
    /// Nobody but the customer.
    Nobody,
}

impl About<'_> {
    /// Whether it is this subscription.
    pub(super) fn is_about(&self, subscription: &Subscription) -> bool {
        matches!(self, Self::Subscription(id) if **id == subscription.subscription_id)
    }
}

/// What an event is about.
pub(super) fn about(event: &Event) -> About<'_> {
    use About::{Customer, Nobody, Partners, Transfer};
    let of = |id| About::Subscription(id);
    match event {
        Event::CustomerCreated(e) => Partners(vec![&e.partner_id]),
        Event::AgreementAccepted(e) => e.partner_id.as_ref().map_or(Customer, |partner| Partners(vec![partner])),
        Event::RelationshipRequested(e) => Partners(vec![&e.partner_id]),
        Event::RelationshipRequestExpired(e) => Partners(vec![&e.partner_id]),
        Event::RelationshipEstablished(e) => Partners(vec![&e.partner_id]),
        Event::RelationshipRemoved(e) => Partners(vec![&e.partner_id]),
        Event::DelegatedAdminRequested(e) => Partners(vec![&e.partner_id]),
        Event::DelegatedAdminGranted(e) => Partners(vec![&e.partner_id]),
        Event::DelegatedAdminRemoved(e) => Partners(vec![&e.partner_id]),
        Event::PurchasePermissionChanged(e) => Partners(vec![&e.partner_id]),
        Event::ResellerAdded(e) => Partners(vec![&e.partner_id, &e.reseller_id]),
        Event::ResellerRemoved(e) => Partners(vec![&e.partner_id, &e.reseller_id]),
        Event::CustomerTagged(e) => Partners(vec![&e.partner_id]),
        Event::QualificationRequested(e) => Partners(vec![&e.partner_id]),
        Event::CustomerUpdated(_)
        | Event::QualificationDecided(_)
        | Event::UserCreated(_)
        | Event::UserPasswordReset(_)
        | Event::UserDeleted(_)
        | Event::UserRestored(_)
        | Event::UserPurged(_) => Customer,
        Event::LicensesChanged(e) => Partners(vec![&e.partner_id]),
        Event::LicenseGroupSet(e) => Partners(vec![&e.partner_id]),
        Event::LicenseGroupDeleted(e) => Partners(vec![&e.partner_id]),
        Event::OrderPlaced(e) => Partners(vec![&e.partner_id]),
        Event::SubscriptionCreated(e) => Partners(std::iter::once(&e.partner_id).chain(&e.reseller_id).collect()),
        Event::TrialStarted(e) => Partners(std::iter::once(&e.partner_id).chain(&e.reseller_id).collect()),
        Event::BillingFrequencyChanged(e) => e.subscription_ids.first().map_or(Nobody, of),
        Event::QuantityChanged(e) => of(&e.subscription_id),
        Event::SubscriptionSuspended(e) => of(&e.subscription_id),
        Event::SubscriptionReactivated(e) => of(&e.subscription_id),
        Event::SubscriptionCancelled(e) => of(&e.subscription_id),
        Event::SubscriptionExpired(e) => of(&e.subscription_id),
        Event::SubscriptionDeprovisioned(e) => of(&e.subscription_id),
        Event::SubscriptionConverted(e) => of(&e.subscription_id),
        Event::SubscriptionRenewed(e) => of(&e.subscription_id),
        Event::SubscriptionActivated(e) => of(&e.subscription_id),
        Event::SubscriptionDetailsChanged(e) => of(&e.subscription_id),
        Event::SubscriptionUpgraded(e) => of(&e.subscription_id),
        Event::SubscriptionMigrated(e) => of(&e.subscription_id),
        Event::AutoRenewChanged(e) => of(&e.subscription_id),
        Event::TermRolled(e) => of(&e.subscription_id),
        Event::TermEnded(e) => of(&e.subscription_id),
        Event::TrialConverted(e) => of(&e.subscription_id),
        Event::TrialExpired(e) => of(&e.subscription_id),
        Event::FreeTrialConverted(e) => of(&e.subscription_id),
        Event::CancellationScheduled(e) => of(&e.subscription_id),
        Event::CancellationWithdrawn(e) => of(&e.subscription_id),
        Event::FulfilmentConfirmed(e) => of(&e.subscription_id),
        Event::ChangeScheduled(e) => of(&e.subscription_id),
        Event::ScheduledChangeWithdrawn(e) => of(&e.subscription_id),
        Event::ScheduledChangeApplied(e) => of(&e.subscription_id),
        Event::ReservationRefunded(e) => of(&e.subscription_id),
        Event::ReservationExchanged(e) => of(&e.subscription_id),
        Event::ReservationChanged(e) => of(&e.subscription_id),
        Event::AdjustmentPosted(e) => of(&e.subscription_id),
        Event::AzureSubscriptionRegistered(e) => of(&e.subscription_id),
        Event::TransferRequested(e) => Partners(vec![&e.source_partner_id, &e.target_partner_id]),
        Event::TransferCompleted(e) => Partners(vec![&e.source_partner_id, &e.target_partner_id]),
        Event::TransferDeclined(e) => Transfer(&e.transfer_id),
        Event::TransferWithdrawn(e) => Transfer(&e.transfer_id),
        Event::TransferExpired(e) => Transfer(&e.transfer_id),
        Event::TransferFormSigned(e) => Transfer(&e.transfer_id),
        Event::TransferFormSubmitted(e) => Transfer(&e.transfer_id),
        Event::TransferAccessCleaned(e) => Transfer(&e.transfer_id),
        Event::SlaClaimSubmitted(e) => Partners(vec![&e.partner_id]),
        Event::SlaClaimantAsked(e) => Partners(vec![&e.partner_id]),
        Event::SlaClaimAnswered(e) => Partners(vec![&e.partner_id]),
        Event::SlaClaimApproved(e) => Partners(vec![&e.partner_id]),
        Event::SlaClaimRefused(e) => Partners(vec![&e.partner_id]),
        Event::AccessGranted(e) => Partners(vec![&e.partner_id]),
        Event::PartnerIdLinked(e) => Partners(vec![&e.partner_id]),
        Event::EarnedCreditReviewed(e) => Partners(vec![&e.partner_id]),
        Event::EarnedCreditDisputed(e) => Partners(vec![&e.partner_id]),
        Event::EarnedCreditDisputeDecided(e) => Partners(vec![&e.partner_id]),
        Event::EarnedCreditDisputeWithdrawn(e) => Partners(vec![&e.partner_id]),
        Event::SpendingBudgetSet(e) => Partners(vec![&e.partner_id]),
        Event::SpendingBudgetRemoved(e) => Partners(vec![&e.partner_id]),
        Event::BudgetThresholdReached(e) => Partners(vec![&e.partner_id]),
        Event::EarnedCreditLost(e) => Partners(vec![&e.partner_id]),
        _ => Nobody,
    }
}

/// Each once, by id.
fn each_once<'a>(partners: impl IntoIterator<Item = &'a PartnerId>) -> Vec<PartnerId> {
    let mut partners: Vec<_> = partners.into_iter().cloned().collect();
    partners.sort_unstable();
    partners.dedup();
    partners
}

fn of_subscription(known: &Subscription) -> Vec<PartnerId> {
    each_once(std::iter::once(&known.partner_id).chain(&known.reseller_id))
}

fn of_transfer(known: &Transfer) -> Vec<PartnerId> {
    each_once([&known.source_partner_id, &known.target_partner_id])
}

fn related(customer: &Customer) -> Vec<PartnerId> {
    let active = customer.relationships.iter().filter(|known| known.state == RelationshipState::Active);
    each_once(active.map(|known| &known.partner_id))
}

impl Fold<'_> {
    /// Whom an event concerns, by id.
    pub(super) fn concerned(&mut self, about: &About<'_>) -> Result<Vec<PartnerId>, StoreError> {
        Ok(match about {
            About::Subscription(id) => self.subscription(id)?.map(of_subscription).unwrap_or_default(),
            About::Partners(partners) => each_once(partners.iter().copied()),
            About::Transfer(id) => {
                let known: Option<Transfer> = get(self.rows, &transfers::key(self.commit.stream, id.as_str()))?;
                known.as_ref().map(of_transfer).unwrap_or_default()
            }
            About::Customer => self.customer.as_ref().map(related).unwrap_or_default(),
            About::Nobody => Vec::new(),
        })
    }

    /// Whom a refusal concerns, as far as it says so: the partner that it names, or whose subscription or transfer it is about.
    pub(super) fn concerned_by(&self, rejection: &Rejection) -> Result<Vec<PartnerId>, StoreError> {
        let stream = self.commit.stream;
        if let Some(partner) = rejection.metadata.get("partner_id").and_then(|id| PartnerId::new(id).ok()) {
            return Ok(vec![partner]);
        }
        if let Some(id) = rejection.metadata.get("subscription_id") {
            let known: Option<Subscription> = get(self.rows, &subscriptions::key(stream, id))?;
            return Ok(known.as_ref().map(of_subscription).unwrap_or_default());
        }
        let Some(id) = rejection.metadata.get("transfer_id") else { return Ok(Vec::new()) };
        let known: Option<Transfer> = get(self.rows, &transfers::key(stream, id))?;
        Ok(known.as_ref().map(of_transfer).unwrap_or_default())
    }
}
