//! What the activity list says of an event.

use subledger_domain::{Event, Rejection, customer::ScheduledChange};

use crate::rows::{fact_label, reason_label};

/// What a refusal is about, the most particular first.
const SUBJECTS: [&str; 5] = ["subscription_id", "transfer_id", "order_id", "partner_id", "customer_id"];

/// What a refusal was about, if it says so.
pub(super) fn subject_of(rejection: &Rejection) -> Option<&str> {
    SUBJECTS.iter().find_map(|name| rejection.metadata.get(*name)).map(String::as_str)
}

/// Subject and detail. None for what is no news to a person: charges and periods, which the billing read model lists, come by the
/// dozen with every change.
pub(super) fn describe(event: &Event) -> Option<(String, String)> {
    let plain = |subject: &str| Some((subject.to_owned(), String::new()));
    let with = |subject: &str, detail: String| Some((subject.to_owned(), detail));
    match event {
        Event::CustomerCreated(e) => plain(e.customer_id.as_str()),
        Event::AgreementAccepted(e) => match &e.partner_id {
            Some(partner) => plain(partner.as_str()),
            None => plain(e.customer_id.as_str()),
        },
        Event::RelationshipRequested(e) => plain(e.partner_id.as_str()),
        Event::RelationshipEstablished(e) => plain(e.partner_id.as_str()),
        Event::RelationshipRemoved(e) => plain(e.partner_id.as_str()),
        Event::OrderPlaced(e) => plain(e.order_id.as_str()),
        Event::SubscriptionCreated(e) => with(e.subscription_id.as_str(), format!("{} x {}", e.quantity, e.offer_name)),
        Event::QuantityChanged(e) => with(e.subscription_id.as_str(), format!("{} -> {}", e.from, e.to)),
        Event::SubscriptionSuspended(e) => with(e.subscription_id.as_str(), reason_label(e.reason).to_owned()),
        Event::SubscriptionReactivated(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionCancelled(e) => plain(e.subscription_id.as_str()),
        Event::BillingFrequencyChanged(e) => {
            with(e.order_id.as_str(), format!("{} -> {}", e.from.label(), e.to.label()))
        }
        Event::AutoRenewChanged(e) => {
            with(e.subscription_id.as_str(), if e.auto_renew { "on" } else { "off" }.to_owned())
        }
        Event::SubscriptionConverted(e) => {
            let from = e.from_sku.as_deref().unwrap_or_default();
            with(e.subscription_id.as_str(), format!("{from} -> {}", e.to_sku))
        }
        Event::SubscriptionRenewed(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionExpired(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionDeprovisioned(e) => plain(e.subscription_id.as_str()),
        Event::TermRolled(e) => plain(e.subscription_id.as_str()),
        Event::TermEnded(e) => plain(e.subscription_id.as_str()),
        Event::TrialConverted(e) => plain(e.subscription_id.as_str()),
        Event::CancellationScheduled(e) => with(e.subscription_id.as_str(), e.effective_on.to_string()),
        Event::FulfilmentConfirmed(e) => with(e.subscription_id.as_str(), fact_label(e.fact).to_owned()),
        Event::SubscriptionActivated(e) => with(e.subscription_id.as_str(), e.start.to_string()),
        Event::CancellationWithdrawn(e) => plain(e.subscription_id.as_str()),
        Event::ReservationRefunded(e) => {
            let capped = if e.capped { ", capped" } else { "" };
            let (credit, value, fee, currency) = (e.credit, e.value, e.fee, e.currency);
            with(e.subscription_id.as_str(), format!("{credit} {currency} of {value}, fee {fee}{capped}"))
        }
        Event::ReservationExchanged(e) => with(e.subscription_id.as_str(), format!("-> {}", e.new_subscription_id)),
        Event::ReservationChanged(e) => {
            let (scope, id) = (e.reservation.scope.label(), &e.reservation.azure_subscription_id);
            with(e.subscription_id.as_str(), format!("{scope} under {id}"))
        }
        Event::TransferRequested(e) => {
            with(e.transfer_id.as_str(), format!("{} -> {}", e.source_partner_id, e.target_partner_id))
        }
        Event::TransferCompleted(e) => {
            with(e.transfer_id.as_str(), format!("{} -> {}", e.source_partner_id, e.target_partner_id))
        }
        Event::TransferDeclined(e) => with(e.transfer_id.as_str(), e.note.clone()),
        Event::TransferWithdrawn(e) => plain(e.transfer_id.as_str()),
        Event::TransferExpired(e) => plain(e.transfer_id.as_str()),
        Event::CustomerUpdated(e) => {
            let changed = [
                ("company_name", e.company_name.as_deref()),
                ("bill_to_name", e.bill_to_name.as_deref()),
                ("address", e.address.as_ref().map(|address| address.city.as_str())),
                ("contact", e.contact.as_ref().map(|contact| contact.email.as_str())),
            ];
            let named = changed.iter().filter_map(|(name, to)| Some(format!("{name} -> {}", (*to)?)));
            with(e.customer_id.as_str(), named.collect::<Vec<_>>().join("; "))
        }
        Event::QualificationRequested(e) => with(e.customer_id.as_str(), e.segment.label().to_owned()),
        Event::QualificationDecided(e) => {
            let answer = if e.qualified { "qualified" } else { "denied" };
            with(e.customer_id.as_str(), format!("{}: {answer}", e.segment.label()))
        }
        Event::CustomerTagged(e) => with(e.partner_id.as_str(), e.tags.join(", ")),
        Event::ResellerAdded(e) => with(e.partner_id.as_str(), e.reseller_id.to_string()),
        Event::ResellerRemoved(e) => with(e.partner_id.as_str(), e.reseller_id.to_string()),
        Event::DelegatedAdminRequested(e) => plain(e.partner_id.as_str()),
        Event::DelegatedAdminGranted(e) => plain(e.partner_id.as_str()),
        Event::DelegatedAdminRemoved(e) => plain(e.partner_id.as_str()),
        // The texts that the log prints (L11687).
        Event::PurchasePermissionChanged(e) => {
            let verb = if e.allowed { "Create" } else { "Delete" };
            with(e.partner_id.as_str(), format!("{verb} Customer Purchase Permissions"))
        }
        Event::UserCreated(e) => with(e.user_id.as_str(), e.display_name.clone()),
        Event::UserPasswordReset(e) => plain(e.user_id.as_str()),
        Event::UserDeleted(e) => with(e.user_id.as_str(), format!("restorable until {}", e.restorable_until)),
        Event::UserRestored(e) => plain(e.user_id.as_str()),
        Event::UserPurged(e) => plain(e.user_id.as_str()),
        Event::LicensesChanged(e) => {
            let refused = e.rows.iter().filter(|row| row.refused.is_some()).count();
            with(e.customer_id.as_str(), format!("{} done, {refused} refused", e.rows.len() - refused))
        }
        Event::TrialStarted(e) => with(e.subscription_id.as_str(), format!("{} x {}", e.quantity, e.offer_name)),
        Event::TrialExpired(e) => plain(e.subscription_id.as_str()),
        Event::FreeTrialConverted(e) => with(e.subscription_id.as_str(), format!("{} x {}", e.quantity, e.offer_name)),
        Event::ChangeScheduled(e) => with(e.subscription_id.as_str(), planned(e.change)),
        Event::ScheduledChangeWithdrawn(e) => {
            with(e.subscription_id.as_str(), e.reason.map(|reason| reason.code().to_owned()).unwrap_or_default())
        }
        Event::ScheduledChangeApplied(e) => with(e.subscription_id.as_str(), planned(e.change)),
        Event::SubscriptionDetailsChanged(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionUpgraded(e) => {
            with(e.subscription_id.as_str(), format!("-> {} {}", e.new_subscription_id, e.to_offer_id))
        }
        Event::SubscriptionMigrated(e) => {
            let (moved, left) = (e.moved_user_ids.len(), e.left_user_ids.len());
            with(
                e.subscription_id.as_str(),
                format!("-> {}: {moved} licenses moved, {left} left", e.to_subscription_id),
            )
        }
        Event::SlaClaimSubmitted(e) => with(e.claim_id.as_str(), e.incident_id.clone()),
        Event::SlaClaimantAsked(e) => with(e.claim_id.as_str(), e.question.clone()),
        Event::SlaClaimAnswered(e) => with(e.claim_id.as_str(), e.answer.clone()),
        Event::SlaClaimApproved(e) => plain(e.claim_id.as_str()),
        Event::SlaClaimRefused(e) => with(e.claim_id.as_str(), e.comments.clone()),
        Event::AdjustmentPosted(e) => {
            with(e.subscription_id.as_str(), format!("{} {}: {}", e.amount, e.currency, e.reason))
        }
        Event::AzureSubscriptionRegistered(e) => with(e.azure_subscription_id.as_str(), e.name.clone()),
        Event::AccessGranted(e) => {
            with(e.assignment_id.as_str(), format!("{} of {} for {}", e.role, e.partner_id, e.principal_id))
        }
        Event::AccessRevoked(e) => plain(e.assignment_id.as_str()),
        Event::PartnerIdLinked(e) => {
            let what = if e.linked { "linked" } else { "no more" };
            with(e.partner_id.as_str(), format!("{} {what}", e.principal_id))
        }
        Event::EarnedCreditReviewed(e) => with(e.partner_id.as_str(), format!("from {}", e.from)),
        Event::SpendingBudgetSet(e) => with(e.partner_id.as_str(), format!("{} {}", e.amount, e.currency)),
        Event::SpendingBudgetRemoved(e) => plain(e.partner_id.as_str()),
        Event::BudgetThresholdReached(e) => {
            with(e.partner_id.as_str(), format!("{} % of {} {}", e.percent, e.budget, e.currency))
        }
        Event::MetersPublished(_)
        | Event::MeterPricesPublished(_)
        | Event::ExchangeRatesPublished(_)
        | Event::CreditTermsPublished(_)
        | Event::NetworkAgreementRecorded(_)
        | Event::EarnedCreditBarred(_)
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
        | Event::UsageRecorded(_)
        | Event::UsageRated(_)
        | Event::UsageCharged(_)
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
        | Event::Charged(_)
        | Event::PeriodStarted(_)
        | Event::OfferPublished(_)
        | Event::PromotionPublished(_)
        | Event::RefundCapPublished(_)
        | Event::PricesPublished(_)
        | Event::DayClosed(_)
        | Event::PartnerRegistered(_)
        | Event::InvoiceIssued(_)
        | Event::TaxRatesPublished(_)
        | Event::PaymentInstructionsPublished(_)
        | Event::BillingProfileUpdated(_)
        | Event::TaxIdSubmitted(_)
        | Event::TaxIdValidated(_)
        | Event::TaxIdRejected(_)
        | Event::TaxExemptionSubmitted(_)
        | Event::TaxExemptionGranted(_)
        | Event::TaxExemptionRefused(_)
        | Event::TrialsPublished(_)
        | Event::PartitionDayClosed(_) => None,
    }
}

/// A scheduled change in words.
fn planned(change: ScheduledChange) -> String {
    let what = change.quantity.map_or_else(|| "end".to_owned(), |seats| format!("{seats} seats"));
    let when = change.on.map_or_else(|| "with the renewal".to_owned(), |on| format!("on {on}"));
    format!("{what} {when}")
}
