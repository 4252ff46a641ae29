//! The fold: events of the customers family in, rows out.

mod activity;
mod concern;
mod erasure;
mod history;
mod records;
mod relations;
mod subscriptions;
mod timelines;
mod transfers;
mod users;

use chrono::NaiveDate;
use subledger_domain::{
    Event, Rejection,
    ids::{PartnerId, SubscriptionId},
    position::Family,
};
use subledger_fold::{Changes, Projection, Recorded, StoreError, as_of, encode, get, put};

use crate::{
    rows::{Activity, Customer, Subscription, SubscriptionState},
    tables::{
        activities, customers,
        ids::IdKind,
        of_partner::{self, Table},
    },
};

/// Raised when the same history gives other rows.
const VERSION: u32 = 9;

/// The customer read model.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerProjection;

impl Projection for CustomerProjection {
    fn name(&self) -> &'static str {
        "customer"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        // Records of the partition (a writer's start, a day's end) and the other families are about no customer.
        if commit.position.partition.family != Family::Customers || commit.stream.is_empty() {
            return Ok(());
        }
        as_of::note(rows, commit);
        let customer = get(rows, &customers::key(commit.stream))?;
        let mut fold = Fold { customer, ..Fold::new(commit, rows) };
        match commit.outcome {
            Ok(events) => {
                for (number, event) in (0..).zip(events) {
                    fold.event(event)?;
                    fold.note_state(event, number)?;
                }
            }
            Err(rejection) => fold.rejected(rejection)?,
        }
        fold.finish()
    }
}

/// One commit being folded.
struct Fold<'a> {
    commit: &'a Recorded<'a>,
    rows: &'a mut dyn Changes,
    /// None before it is created; written back at the end.
    customer: Option<Customer>,
    /// The subscription that was read or written last, as it stands in its row: an event reads it several times.
    subscription: Option<Subscription>,
    /// The subscription that the commit began last.
    begun: Option<SubscriptionId>,
    /// From which the event being folded holds for a subscription.
    day: NaiveDate,
    /// Written so far.
    activities: u64,
    orders: u64,
}

impl<'a> Fold<'a> {
    fn new(commit: &'a Recorded<'a>, rows: &'a mut dyn Changes) -> Self {
        let day = commit.effective_at.date_naive();
        Self { commit, rows, customer: None, subscription: None, begun: None, day, activities: 0, orders: 0 }
    }
}

impl Fold<'_> {
    fn event(&mut self, event: &Event) -> Result<(), StoreError> {
        self.day = history::day_of(event, self.commit);
        if let Some((subject, detail)) = activity::describe(event) {
            let about = concern::about(event);
            let partners = self.concerned(&about)?;
            let before = self.subscription.as_ref().filter(|known| about.is_about(known));
            let change = activity::change(event, self.customer.as_ref(), before);
            self.activity(event.name(), subject, change.unwrap_or(detail), &partners)?;
        }
        match event {
            Event::CustomerCreated(e) => self.created(e),
            Event::AgreementAccepted(e) => self.agreement_accepted(e),
            Event::RelationshipRequested(e) => self.relationship_requested(e),
            Event::RelationshipEstablished(e) => self.relationship_established(e),
            Event::RelationshipRemoved(e) => self.relationship_removed(e),
            Event::SubscriptionCreated(e) => self.subscription_created(e),
            Event::QuantityChanged(e) => self.change(&e.subscription_id, |s| s.quantity = e.to),
            Event::SubscriptionSuspended(e) => self.suspended(e),
            Event::SubscriptionReactivated(e) => self.change(&e.subscription_id, |s| {
                let trial = s.free_trial_ends_on.is_some();
                s.state = if trial { SubscriptionState::Trial } else { SubscriptionState::Active };
                s.suspension_reason = None;
                s.expires_on = None;
            }),
            Event::SubscriptionCancelled(e) => {
                self.ended(&e.subscription_id, SubscriptionState::Cancelled, e.effective_on)
            }
            Event::SubscriptionExpired(e) => self.ended(&e.subscription_id, SubscriptionState::Expired, e.effective_on),
            Event::SubscriptionDeprovisioned(e) => {
                self.ended(&e.subscription_id, SubscriptionState::Deprovisioned, e.effective_on)
            }
            Event::BillingFrequencyChanged(e) => self.billing_frequency_changed(e),
            Event::PeriodStarted(e) => self.period_started(e),
            Event::AutoRenewChanged(e) => self.change(&e.subscription_id, |s| {
                s.auto_renew = e.auto_renew;
                s.ends_on = s.ends_on.filter(|_| !e.auto_renew);
            }),
            Event::SubscriptionConverted(e) => self.converted(e),
            Event::SubscriptionRenewed(e) => self.new_term(&e.subscription_id, e.term_start, e.term_end, &e.prices),
            Event::TermRolled(e) => self.new_term(&e.subscription_id, e.term_start, e.term_end, &e.prices),
            Event::TermEnded(e) => self.change(&e.subscription_id, |s| {
                s.auto_renew = false;
                s.ends_on = Some(e.effective_on);
            }),
            Event::TrialConverted(e) => self.trial_converted(e),
            Event::CancellationScheduled(e) => self.change(&e.subscription_id, |s| {
                s.auto_renew = false;
                s.ends_on = Some(e.effective_on);
            }),
            Event::FulfilmentConfirmed(e) => self.confirmed(e),
            Event::SubscriptionActivated(e) => self.activated(e),
            Event::CancellationWithdrawn(e) => self.change(&e.subscription_id, |s| s.ends_on = None),
            Event::ReservationExchanged(e) => self.change(&e.subscription_id, |s| {
                s.exchanged_for_subscription_id = Some(e.new_subscription_id.clone());
            }),
            Event::ReservationChanged(e) => {
                self.change(&e.subscription_id, |s| s.reservation = Some(e.reservation.clone()))
            }
            Event::TransferRequested(e) => self.transfer_requested(e),
            Event::TransferCompleted(e) => self.transfer_completed(e),
            Event::TransferDeclined(e) => self.transfer_declined(e),
            Event::TransferWithdrawn(e) => self.transfer_closed(&e.transfer_id, crate::TransferState::Withdrawn),
            Event::TransferExpired(e) => self.transfer_closed(&e.transfer_id, crate::TransferState::Expired),
            Event::TransferFormSigned(e) => self.transfer_signed(e),
            Event::TransferFormSubmitted(e) => self.transfer_submitted(&e.transfer_id),
            Event::TransferAccessCleaned(e) => self.transfer_access_cleaned(&e.transfer_id),
            Event::RelationshipRequestExpired(e) => self.request_expired(&e.partner_id),
            Event::LicenseGroupSet(e) => self.license_group_set(e),
            Event::LicenseGroupDeleted(e) => {
                self.license_group_deleted(e);
                Ok(())
            }
            Event::OrderPlaced(e) => self.order_placed(e),
            Event::CustomerUpdated(e) => self.updated(e),
            Event::CustomerErased(_) => self.erased(),
            Event::QualificationRequested(e) => self.qualification_requested(e),
            Event::QualificationDecided(e) => self.qualification_decided(e),
            Event::CustomerTagged(e) => self.tagged(e),
            Event::ResellerAdded(e) => self.reseller_added(e),
            Event::ResellerRemoved(e) => self.reseller_removed(e),
            Event::DelegatedAdminRequested(e) => self.admin_requested(e),
            Event::DelegatedAdminGranted(e) => self.admin(&e.partner_id, true),
            Event::DelegatedAdminRemoved(e) => self.admin(&e.partner_id, false),
            Event::PurchasePermissionChanged(e) => self.permission_changed(e),
            Event::UserCreated(e) => self.user_created(e),
            Event::UserDeleted(e) => self.user_deleted(e),
            Event::UserRestored(e) => self.user_restored(e),
            Event::UserPurged(e) => self.user_purged(e),
            Event::LicensesChanged(e) => self.licenses_changed(e),
            Event::TrialStarted(e) => {
                self.index_id(e.subscription_id.as_str(), IdKind::Subscription)?;
                self.add(e.into())
            }
            Event::TrialExpired(e) => self.ended(&e.subscription_id, SubscriptionState::Expired, e.effective_on),
            Event::FreeTrialConverted(e) => self.free_trial_converted(e),
            Event::ChangeScheduled(e) => self.change(&e.subscription_id, |s| s.scheduled = Some(e.change)),
            Event::ScheduledChangeWithdrawn(e) => self.change(&e.subscription_id, |s| s.scheduled = None),
            Event::ScheduledChangeApplied(e) => self.scheduled_change_applied(e),
            Event::SubscriptionDetailsChanged(e) => self.details_changed(e),
            Event::SubscriptionUpgraded(e) => self.upgraded(e),
            Event::SubscriptionMigrated(e) => {
                self.licenses_migrated(e)?;
                self.change(&e.subscription_id, |s| {
                    s.replaced_by_subscription_id = Some(e.to_subscription_id.clone());
                })
            }
            // Money is the billing read model's; a password is nobody's.
            Event::Charged(_)
            // What it is to a partner decides sales; the activity log tells it.
            | Event::CustomerTied(_)
            | Event::ReservationRefunded(_)
            | Event::UserPasswordReset(_)
            | Event::SlaClaimSubmitted(_)
            | Event::SlaClaimantAsked(_)
            | Event::SlaClaimAnswered(_)
            | Event::SlaClaimApproved(_)
            | Event::SlaClaimRefused(_)
            | Event::AdjustmentPosted(_)
            // Usage is the billing and the incentive read model's.
            | Event::AzureSubscriptionRegistered(_)
            | Event::UsageRecorded(_)
            | Event::UsageRated(_)
            | Event::UsageCharged(_)
            | Event::AccessGranted(_)
            | Event::AccessRevoked(_)
            | Event::PartnerIdLinked(_)
            | Event::EarnedCreditReviewed(_)
            | Event::EarnedCreditDisputed(_)
            | Event::EarnedCreditDisputeDecided(_)
            | Event::EarnedCreditDisputeWithdrawn(_)
            | Event::SpendingBudgetSet(_)
            | Event::SpendingBudgetRemoved(_)
            | Event::BudgetThresholdReached(_)
            | Event::EarnedCreditLost(_)
            // Associations are the incentive read model's.
            | Event::AssociationDrafted(_)
            | Event::AssociationSubmitted(_)
            | Event::AssociationInformationRequested(_)
            | Event::AssociationInformationProvided(_)
            | Event::AssociationCustomerNotified(_)
            | Event::AssociationOptedOut(_)
            | Event::AssociationRejected(_)
            | Event::AssociationActivated(_)
            | Event::AssociationExtended(_)
            | Event::AssociationEnded(_)
            | Event::DigitalPartnerRecorded(_) => Ok(()),
            Event::OfferPublished(_)
            | Event::MetersPublished(_)
            | Event::MeterPricesPublished(_)
            | Event::ExchangeRatesPublished(_)
            | Event::CreditTermsPublished(_)
            | Event::NetworkAgreementRecorded(_)
            | Event::EarnedCreditBarred(_)
            | Event::GlobalAccountOpened(_)
            | Event::LocationAdded(_)
            | Event::LegalProfileUpdated(_)
            | Event::HeadquartersMoved(_)
            | Event::DomainVerified(_)
            | Event::VerificationDecided(_)
            | Event::VerificationProofProvided(_)
            | Event::AccountConsolidated(_)
            | Event::SharedServicesCreated(_)
            | Event::PartnerAgreementSigned(_)
            | Event::ResellerEnrolled(_)
            | Event::DirectBillRestricted(_)
            | Event::RestrictionLifted(_)
            | Event::PartnershipRequested(_)
            | Event::PartnershipAuthorized(_)
            | Event::ProviderAdminRevoked(_)
            | Event::PartnershipEnded(_)
            | Event::MergeInvited(_)
            | Event::MergeAccepted(_)
            | Event::MergeRejected(_)
            | Event::AccountsMerged(_)
            | Event::MembershipPurchased(_)
            | Event::MembershipRenewed(_)
            | Event::MembershipRenewalStopped(_)
            | Event::MembershipCancelled(_)
            | Event::BenefitActivated(_)
            | Event::MembershipReminded(_)
            | Event::MembershipLapsed(_)
            | Event::PartnerAgreementPublished(_)
            | Event::PartnerRulesPublished(_)
            | Event::IncentiveProgramsPublished(_)
            | Event::IncentiveRatesPublished(_)
            | Event::IncentiveEnrollmentChanged(_)
            | Event::PayoutProfileUpdated(_)
            | Event::EarningsClosed(_)
            | Event::IncentivePaymentOrdered(_)
            | Event::IncentivePaymentDeferred(_)
            | Event::IncentivePaymentStatusChanged(_)
            | Event::TaxInvoiceSubmitted(_)
            | Event::EarningDisputed(_)
            | Event::EarningDisputeDecided(_)
            | Event::RoleAssigned(_)
            | Event::RoleRemoved(_)
            | Event::AccessRecorded(_)
            | Event::PromotionPublished(_)
            | Event::RefundCapPublished(_)
            | Event::PricesPublished(_)
            | Event::DayClosed(_)
            | Event::PartnerRegistered(_)
            | Event::InvoiceIssued(_)
            | Event::TaxRatesPublished(_)
            | Event::PaymentInstructionsPublished(_)
            | Event::BillingProfileUpdated(_)
            | Event::BudgetNoticeSwitched(_)
            | Event::TaxIdSubmitted(_)
            | Event::TaxIdValidated(_)
            | Event::TaxIdRejected(_)
            | Event::TaxExemptionSubmitted(_)
            | Event::TaxExemptionGranted(_)
            | Event::TaxExemptionRefused(_)
            | Event::TrialsPublished(_)
            | Event::PaymentReceived(_)
            | Event::PaymentAllocated(_)
            | Event::PaymentReleased(_)
            | Event::PaymentRefunded(_)
            | Event::CreditAllocated(_)
            | Event::CreditReleased(_)
            | Event::PartnerBecameDelinquent(_)
            | Event::PartnerAccountSuspended(_)
            | Event::PartnerAccountReinstated(_)
            | Event::WithholdingRequested(_)
            | Event::WithholdingReturned(_)
            | Event::WithholdingResubmitted(_)
            | Event::WithholdingApproved(_)
            | Event::CreditNoteRequested(_)
            | Event::CreditNoteRefused(_)
            | Event::CreditNoteIssued(_)
            | Event::InvoiceRebilled(_)
            | Event::UsagePeriodsPublished(_)
            | Event::CoopFundsAccrued(_)
            | Event::CoopClaimCreated(_)
            | Event::CoopClaimRevised(_)
            | Event::CoopClaimDocumentAdded(_)
            | Event::CoopClaimCommented(_)
            | Event::CoopClaimSubmitted(_)
            | Event::CoopClaimInformationRequested(_)
            | Event::CoopClaimApproved(_)
            | Event::CoopClaimRejected(_)
            | Event::CoopClaimHandedOver(_)
            | Event::CoopFundsExpired(_)
            | Event::PartitionDayClosed(_) => {
                Err(self.impossible(&format!("{} is not about a customer", event.name())))
            }
        }
    }

    fn rejected(&mut self, rejection: &Rejection) -> Result<(), StoreError> {
        let subject = activity::subject_of(rejection).unwrap_or(self.commit.stream).to_owned();
        let partners = self.concerned_by(rejection)?;
        self.activity("rejected", subject, rejection.to_string(), &partners)
    }

    fn activity(
        &mut self,
        action: &str,
        subject: String,
        detail: String,
        partners: &[PartnerId],
    ) -> Result<(), StoreError> {
        let commit = self.commit;
        let activity = Activity {
            customer_id: commit.stream.to_owned(),
            position: commit.position,
            command_id: commit.command_id.to_owned(),
            effective_at: commit.effective_at,
            recorded_at: commit.recorded_at,
            principal: commit.principal.to_owned(),
            channel: commit.channel.to_owned(),
            action: action.to_owned(),
            subject,
            detail,
        };
        put(self.rows, activities::key(commit.stream, commit.position.seq, self.activities), &activity)?;
        for partner in partners {
            let (at, number) = (commit.recorded_at, self.activities);
            let key = of_partner::key(Table::Activities, partner.as_str(), at, commit.position, number);
            put(self.rows, key, &commit.stream)?;
        }
        self.activities += 1;
        Ok(())
    }

    /// The customer, which everything but its creation needs.
    fn customer(&mut self) -> Result<&mut Customer, StoreError> {
        let commit = self.commit;
        self.customer.as_mut().ok_or_else(|| impossible(commit, "the customer was never created"))
    }

    fn finish(mut self) -> Result<(), StoreError> {
        let Some(mut customer) = self.customer.take() else { return Ok(()) };
        if self.commit.outcome.is_err() && customer.version == self.commit.stream_version {
            return Ok(());
        }
        customer.version = self.commit.stream_version;
        let row = encode(&customer)?;
        self.rows.put(customers::key(self.commit.stream), row.clone());
        self.note_customer(&customer, row)
    }

    fn impossible(&self, what: &str) -> StoreError {
        impossible(self.commit, what)
    }
}

fn impossible(commit: &Recorded<'_>, what: &str) -> StoreError {
    let Recorded { position, stream, .. } = commit;
    StoreError(format!("the history of {stream} is impossible at {position}: {what}"))
}
