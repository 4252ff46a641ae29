//! What the activity list says of an event.

use subledger_domain::{
    Event, Rejection,
    association::CporProgram,
    customer::ScheduledChange,
    ids::PartnerId,
    party::{Address, Contact},
    usage::AccessScope,
};

use crate::rows::{Customer, Subscription, SubscriptionState, fact_label, last_day, reason_label};

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
        Event::RelationshipRequestExpired(e) => {
            with(e.partner_id.as_str(), format!("not answered before {}", e.expired_on))
        }
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
        Event::TransferFormSigned(e) => with(e.transfer_id.as_str(), e.signer.label().to_owned()),
        Event::TransferFormSubmitted(e) => {
            with(e.transfer_id.as_str(), format!("{}, {}", e.current_contact.email, e.new_contact.email))
        }
        Event::TransferAccessCleaned(e) => plain(e.transfer_id.as_str()),
        Event::TransferWithdrawn(e) => plain(e.transfer_id.as_str()),
        Event::TransferExpired(e) => plain(e.transfer_id.as_str()),
        Event::CustomerErased(e) => with(e.customer_id.as_str(), e.reason.clone()),
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
        Event::CustomerTied(e) => with(e.partner_id.as_str(), e.tie.name().to_owned()),
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
        Event::LicenseGroupSet(e) => {
            let ids = e.subscription_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            with(e.group_id.as_str(), format!("{}: {ids}", e.display_name))
        }
        Event::LicenseGroupDeleted(e) => plain(e.group_id.as_str()),
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
        Event::EarnedCreditDisputed(e) => with(e.dispute_id.as_str(), format!("{} to {}", e.from, e.to)),
        Event::EarnedCreditDisputeDecided(e) => {
            with(e.dispute_id.as_str(), (if e.accepted { "accepted" } else { "rejected" }).to_owned())
        }
        Event::EarnedCreditDisputeWithdrawn(e) => with(e.dispute_id.as_str(), "withdrawn".to_owned()),
        Event::SpendingBudgetSet(e) => with(e.partner_id.as_str(), format!("{} {}", e.amount, e.currency)),
        Event::SpendingBudgetRemoved(e) => plain(e.partner_id.as_str()),
        Event::BudgetThresholdReached(e) => {
            with(e.partner_id.as_str(), format!("{} % of {} {}", e.percent, e.budget, e.currency))
        }
        Event::EarnedCreditLost(e) => {
            let AccessScope { azure_subscription_id, resource_group, resource_uri } = &e.scope;
            let below = resource_uri.as_ref().or(resource_group.as_ref()).map(|below| format!(" {below}"));
            let of = format!("{azure_subscription_id}{}", below.unwrap_or_default());
            with(&of, format!("from {} on: {}", e.first_day, e.reason.code()))
        }
        Event::AssociationDrafted(e) => {
            with(e.association_id.as_str(), format!("{}: {}", e.partner_id, e.details.name))
        }
        Event::AssociationSubmitted(e) => {
            let programs: Vec<_> = e.details.programs().into_iter().map(CporProgram::name).collect();
            with(e.association_id.as_str(), format!("{}: {}", e.partner_id, programs.join(", ")))
        }
        Event::AssociationInformationRequested(e) => with(e.association_id.as_str(), e.question.clone()),
        Event::AssociationInformationProvided(e) => with(e.association_id.as_str(), e.answer.clone()),
        Event::AssociationCustomerNotified(e) => {
            with(e.association_id.as_str(), format!("opt out until {}", e.opt_out_until))
        }
        Event::AssociationOptedOut(e) => with(e.association_id.as_str(), e.reason.clone()),
        Event::AssociationRejected(e) => with(e.association_id.as_str(), e.reason.clone()),
        Event::AssociationActivated(e) => with(e.association_id.as_str(), format!("{} from {}", e.partner_id, e.from)),
        Event::AssociationExtended(e) => with(e.association_id.as_str(), format!("until {}", e.until)),
        Event::AssociationEnded(e) => {
            let what = e.reason.state().name();
            let note = if e.note.is_empty() { String::new() } else { format!(": {}", e.note) };
            with(e.association_id.as_str(), format!("{what} from {}{note}", e.ended_on))
        }
        Event::DigitalPartnerRecorded(e) => {
            with(e.subscription_id.as_str(), e.partner_id.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Event::MetersPublished(_)
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
        | Event::BudgetNoticeSwitched(_)
        | Event::TaxIdSubmitted(_)
        | Event::TaxIdValidated(_)
        | Event::TaxIdRejected(_)
        | Event::TaxExemptionSubmitted(_)
        | Event::TaxExemptionGranted(_)
        | Event::TaxExemptionRefused(_)
        | Event::TrialsPublished(_)
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
        | Event::PartitionDayClosed(_) => None,
    }
}

/// From what to what, where the event itself says the new only. `before` is the subscription that it is about.
pub(super) fn change(event: &Event, customer: Option<&Customer>, before: Option<&Subscription>) -> Option<String> {
    let state = |to: SubscriptionState| Some(format!("{} -> {}", before?.state.label(), to.label()));
    match event {
        Event::CustomerUpdated(e) => customer.map(|was| {
            let place = |address: &Address| format!("{}, {} {}", address.line1, address.postal_code, address.city);
            let person = |contact: &Contact| format!("{} {} {}", contact.first_name, contact.last_name, contact.email);
            fields(&[
                ("company_name", Some(was.company_name.clone()), e.company_name.clone()),
                ("bill_to_name", was.bill_to_name.clone(), e.bill_to_name.clone()),
                ("address", Some(place(&was.address)), e.address.as_ref().map(place)),
                ("contact", Some(person(&was.contact)), e.contact.as_ref().map(person)),
            ])
        }),
        Event::CustomerTagged(e) => customer.map(|was| {
            let was = was.tags.iter().find(|known| known.partner_id == e.partner_id).map(|known| known.tags.join(", "));
            step(was.as_deref(), Some(&e.tags.join(", ")))
        }),
        Event::SubscriptionSuspended(e) => {
            state(SubscriptionState::Suspended).map(|change| format!("{change}: {}", reason_label(e.reason)))
        }
        Event::SubscriptionReactivated(_) => {
            let trial = before.is_some_and(|was| was.free_trial_ends_on.is_some());
            state(if trial { SubscriptionState::Trial } else { SubscriptionState::Active })
        }
        Event::SubscriptionCancelled(_) => state(SubscriptionState::Cancelled),
        Event::SubscriptionExpired(_) | Event::TrialExpired(_) => state(SubscriptionState::Expired),
        Event::SubscriptionDeprovisioned(_) => state(SubscriptionState::Deprovisioned),
        Event::AutoRenewChanged(e) => before.map(|was| {
            let label = |on| if on { "on" } else { "off" };
            format!("{} -> {}", label(was.auto_renew), label(e.auto_renew))
        }),
        Event::SubscriptionRenewed(e) => {
            before.map(|was| step(day(was.term_end).as_deref(), day(last_day(e.term_end)).as_deref()))
        }
        Event::FreeTrialConverted(e) => {
            before.map(|was| format!("{} x {} -> {} x {}", was.quantity, was.offer_name, e.quantity, e.offer_name))
        }
        Event::SubscriptionDetailsChanged(e) => before.map(|was| {
            let id = |id: &Option<PartnerId>| id.as_ref().map(ToString::to_string);
            let changed = [
                ("friendly_name", was.friendly_name.clone(), e.friendly_name.clone()),
                ("po_number", was.po_number.clone(), e.po_number.clone()),
                ("support_contact_id", id(&was.support_contact_id), id(&e.support_contact_id)),
                ("reseller_id", id(&was.reseller_id), id(&e.reseller_id)),
            ];
            let told = changed.iter().filter(|(_, was, now)| was != now);
            let told = told.map(|(name, was, now)| format!("{name} {}", step(was.as_deref(), now.as_deref())));
            told.collect::<Vec<_>>().join("; ")
        }),
        _ => None,
    }
}

fn day(date: Option<chrono::NaiveDate>) -> Option<String> {
    date.map(|date| date.to_string())
}

/// `name old -> new` of each field that has a new value.
fn fields<const N: usize>(changed: &[(&str, Option<String>, Option<String>); N]) -> String {
    let told = changed.iter().filter_map(|(name, was, now)| Some((name, was, now.as_deref()?)));
    told.map(|(name, was, now)| format!("{name} {}", step(was.as_deref(), Some(now)))).collect::<Vec<_>>().join("; ")
}

fn step(from: Option<&str>, to: Option<&str>) -> String {
    let shown = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("none").to_owned();
    format!("{} -> {}", shown(from), shown(to))
}

/// A scheduled change in words.
fn planned(change: ScheduledChange) -> String {
    let what = change.quantity.map_or_else(|| "end".to_owned(), |seats| format!("{seats} seats"));
    let when = change.on.map_or_else(|| "with the renewal".to_owned(), |on| format!("on {on}"));
    format!("{what} {when}")
}
