//! Events and their stored form.

use subledger_domain::{
    Event,
    charge::{Charged, Derivation},
    event::*,
    partner::{InvoiceHeader, WithholdingRelease},
    usage::{HeldUsage, Portion, RatedUsage, Resource},
};
use subledger_proto::log as pb;

use super::field::{FieldError, Wire, message, optional};

macro_rules! events {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        message! { $($name => $name { $($field),* })* }

        /// Every kind of event; complete because the match below is.
        #[cfg(test)]
        pub(super) const KINDS: &[&str] = &[$(stringify!($name)),*];

        impl Wire<pb::Event> for Event {
            fn to_wire(&self) -> pb::Event {
                let body = match self { $(Self::$name(event) => pb::event::Body::$name(event.to_wire()),)* };
                pb::Event { body: Some(body) }
            }
            fn from_wire(wire: pb::Event) -> Result<Self, FieldError> {
                match wire.body {
                    $(Some(pb::event::Body::$name(event)) => {
                        $name::from_wire(event).map(Self::$name).map_err(|error| error.within(stringify!($name)))
                    })*
                    Some(pb::event::Body::WriterStarted(_)) => Err(FieldError::new("WriterStarted stands alone in its commit")),
                    None => Err(FieldError::new("an event that this version does not know")),
                }
            }
        }
    };
}

events! {
    OfferPublished { offer }
    PricesPublished { price_list_id, currency, rows }
    DayClosed { date }
    TaxRatesPublished { rows }
    PaymentInstructionsPublished { instructions }
    PartnerRegistered { partner_id, name, kind, country, currency, billing_day, mpn_id, registered_on }
    InvoiceIssued {
        partner_id, invoice_number, family, currency, period_start, period_end, invoice_date, due_date, total, totals, line_count,
        lines_digest, reflects, header, withholding_credits,
    }
    BillingProfileUpdated { partner_id, profile, region_from }
    TaxIdSubmitted { partner_id, kind, value }
    TaxIdValidated { partner_id, kind, value, effective_from }
    TaxIdRejected { partner_id, kind, value, reason, effective_from }
    TaxExemptionSubmitted { partner_id, exemption_id, region, tax, document_kind, document_hash }
    TaxExemptionGranted { partner_id, exemption_id, from, to }
    TaxExemptionRefused { partner_id, exemption_id, reason }
    CustomerCreated { customer_id, partner_id, company_name, domain_name, address, contact }
    AgreementAccepted { customer_id, mode, partner_id, signatory, accepted_on, version, language }
    RelationshipRequested { customer_id, partner_id, delegated_admin, reseller_id, expires_on }
    RelationshipEstablished { customer_id, partner_id, delegated_admin, reseller_id, origin }
    RelationshipRemoved { customer_id, partner_id }
    OrderPlaced { customer_id, partner_id, order_id, subscription_ids, by_customer, location_mpn_id }
    SubscriptionCreated {
        customer_id, partner_id, subscription_id, order_id, offer_id, offer_name, product_family, base_subscription_id, quantity,
        billing_frequency, term_months, start, term_end, prices, currency, price_list_id, proration_rule,
        split_rebill_at_anniversary, auto_renew, reseller_id, friendly_name, sku, trial_end, transferred_from_subscription_id,
        hold_days, ordered_at, promotion, product_kind, authorization_code, reservation,
    }
    QuantityChanged { customer_id, subscription_id, from, to, effective_on }
    SubscriptionSuspended { customer_id, subscription_id, reason, effective_on, expires_on }
    SubscriptionReactivated { customer_id, subscription_id, effective_on }
    SubscriptionCancelled { customer_id, subscription_id, effective_on }
    BillingFrequencyChanged { customer_id, order_id, from, to, subscription_ids }
    AutoRenewChanged { customer_id, subscription_id, auto_renew }
    SubscriptionConverted { customer_id, subscription_id, from_sku, to_sku, prices, offer_id, offer_name, effective_on }
    SubscriptionRenewed { customer_id, subscription_id, term_number, term_start, term_end, prices, price_list_id }
    SubscriptionExpired { customer_id, subscription_id, effective_on }
    SubscriptionDeprovisioned { customer_id, subscription_id, effective_on }
    TermRolled { customer_id, subscription_id, term_number, term_start, term_end, prices, price_list_id }
    TermEnded { customer_id, subscription_id, effective_on }
    TrialConverted { customer_id, subscription_id, paid_from, term_end }
    CancellationScheduled { customer_id, subscription_id, effective_on }
    TransferRequested {
        customer_id, transfer_id, source_partner_id, target_partner_id, lines, requested_on, expires_on, form,
    }
    TransferCompleted { customer_id, transfer_id, source_partner_id, target_partner_id, lines }
    TransferDeclined { customer_id, transfer_id, note }
    TransferWithdrawn { customer_id, transfer_id }
    TransferExpired { customer_id, transfer_id }
    Charged {
        line_id, customer_id, partner_id, subscription_id, order_id, offer_id, offer_name, invoice_family, charge_type,
        charge_start, charge_end, unit_price, quantity, amount, currency, charged_on, component, sku, subscription_description,
        purchase_date, billing_frequency, reverses_line_id, derivation, reseller_id, discount, tax, reference, usage,
    }
    PeriodStarted { customer_id, subscription_id, start, end, quantity }
    PartitionDayClosed { date }
    CustomerUpdated { customer_id, partner_id, company_name, bill_to_name, address, contact }
    QualificationRequested { customer_id, partner_id, segment, submission, email }
    QualificationDecided { customer_id, segment, qualified, note }
    CustomerTagged { customer_id, partner_id, tags }
    ResellerAdded { customer_id, partner_id, reseller_id }
    ResellerRemoved { customer_id, partner_id, reseller_id }
    DelegatedAdminRequested { customer_id, partner_id, expires_on }
    DelegatedAdminGranted { customer_id, partner_id }
    DelegatedAdminRemoved { customer_id, partner_id }
    PurchasePermissionChanged { customer_id, partner_id, permission, allowed }
    UserCreated { customer_id, partner_id, user_id, display_name, first_name, last_name, email }
    UserPasswordReset { customer_id, partner_id, user_id }
    UserDeleted { customer_id, partner_id, user_id, restorable_until, subscription_ids }
    UserRestored { customer_id, partner_id, user_id, restored, not_restored }
    UserPurged { customer_id, user_id }
    LicensesChanged { customer_id, partner_id, rows }
    TrialStarted {
        customer_id, partner_id, subscription_id, order_id, offer_id, offer_name, quantity, start, ends_on, currency,
        price_list_id, hold_days, ordered_at, reseller_id,
    }
    TrialExpired { customer_id, subscription_id, effective_on }
    FreeTrialConverted {
        customer_id, subscription_id, offer_id, offer_name, quantity, billing_frequency, term_months, start, anchor,
        term_end, prices, price_list_id, proration_rule, split_rebill_at_anniversary, auto_renew, promotion,
    }
    ChangeScheduled { customer_id, subscription_id, change }
    ScheduledChangeWithdrawn { customer_id, subscription_id, reason }
    ScheduledChangeApplied { customer_id, subscription_id, change, from, effective_on }
    SubscriptionDetailsChanged {
        customer_id, subscription_id, friendly_name, po_number, support_contact_id, reseller_id,
    }
    SubscriptionUpgraded { customer_id, subscription_id, new_subscription_id, to_offer_id, quantity, add_on_ids }
    SubscriptionMigrated { customer_id, subscription_id, to_subscription_id, moved_user_ids, left_user_ids }
    TrialsPublished { trials }
    PaymentReceived { partner_id, payment_id, amount, currency, value_date, reference, invoice_number }
    PaymentAllocated { partner_id, payment_id, invoice_number, amount, currency, allocated_on }
    PaymentReleased { partner_id, payment_id, invoice_number, amount, currency, released_on }
    PaymentRefunded { partner_id, payment_id, amount, currency, refunded_on, reference }
    CreditAllocated { partner_id, credit_invoice_number, invoice_number, amount, currency, allocated_on }
    CreditReleased { partner_id, credit_invoice_number, invoice_number, amount, currency, released_on }
    PartnerBecameDelinquent { partner_id, invoice_numbers, overdue, since }
    PartnerAccountSuspended { partner_id, invoice_numbers, overdue, since, trigger, note }
    PartnerAccountReinstated { partner_id, since, trigger, basis }
    WithholdingRequested { partner_id, request_id, invoice_number, amount, currency, certificate, country, contact_email, requested_on, replaces }
    WithholdingReturned { partner_id, request_id, comments, returned_on }
    WithholdingResubmitted { partner_id, request_id, amount, certificate, resubmitted_on }
    WithholdingApproved { partner_id, request_id, invoice_number, currency, written_off, rest, approved_on }
    CreditNoteRequested { partner_id, invoice_number, reason, note, requested_on }
    CreditNoteRefused { partner_id, invoice_number, comments, refused_on }
    CreditNoteIssued { partner_id, credit_note_number, invoice_number, family, currency, issued_on, total, totals, line_count, lines_digest, withholding_released }
    InvoiceRebilled { rebills, credit_note_number, reason, refund, purchase_order, bill_to, invoice }
    SlaClaimSubmitted { customer_id, partner_id, claim_id, incident_id, incident_date, service_code, service, submitted_on, deadline }
    SlaClaimantAsked { customer_id, partner_id, claim_id, question, asked_on }
    SlaClaimAnswered { customer_id, partner_id, claim_id, answer, answered_on }
    SlaClaimApproved { customer_id, partner_id, claim_id, credits, approved_on }
    SlaClaimRefused { customer_id, partner_id, claim_id, comments, refused_on }
    AdjustmentPosted { customer_id, partner_id, subscription_id, line_id, amount, currency, reason }
    PromotionPublished { promotion }
    RefundCapPublished { currency, valid_from, amount }
    FulfilmentConfirmed { customer_id, subscription_id, fact, effective_on }
    SubscriptionActivated { customer_id, subscription_id, start, trial_end, term_end }
    CancellationWithdrawn { customer_id, subscription_id }
    ReservationRefunded {
        customer_id, subscription_id, partner_id, effective_on, elapsed_days, remaining_days, used, value, fee, credit, currency,
        capped,
    }
    ReservationExchanged { customer_id, subscription_id, new_subscription_id, effective_on, credit, price, currency }
    ReservationChanged { customer_id, subscription_id, reservation, effective_on }
    MetersPublished { meters }
    MeterPricesPublished { currency, rows }
    ExchangeRatesPublished { rates }
    CreditTermsPublished { valid_from, terms }
    NetworkAgreementRecorded { partner_id, from, active }
    EarnedCreditBarred { partner_id, from, to, reason }
    AzureSubscriptionRegistered { customer_id, partner_id, subscription_id, azure_subscription_id, name, created_at }
    UsageRecorded { customer_id, subscription_id, records }
    UsageRated {
        customer_id, partner_id, reseller_id, subscription_id, rated_on, charge_on, family, currency, rows, held, finished,
    }
    UsageCharged { customer_id, subscription_id, charged_on }
    AccessGranted { customer_id, partner_id, assignment_id, principal_id, path, role, scope, from }
    AccessRevoked { customer_id, assignment_id, at }
    PartnerIdLinked { customer_id, partner_id, principal_id, at, linked }
    EarnedCreditReviewed { customer_id, partner_id, from }
    EarnedCreditDisputed { customer_id, partner_id, dispute_id, scope, from, to, claimed_percent, evidence, disputed_on }
    EarnedCreditDisputeDecided { customer_id, partner_id, dispute_id, accepted, note, decided_on }
    EarnedCreditDisputeWithdrawn { customer_id, partner_id, dispute_id, withdrawn_on }
    SpendingBudgetSet { customer_id, partner_id, amount, currency, armed }
    SpendingBudgetRemoved { customer_id, partner_id }
    CustomerErased { customer_id, reason, erased_on }
    BudgetThresholdReached { customer_id, partner_id, month, estimate, budget, currency, percent }
    BudgetNoticeSwitched { partner_id, on, email }
    EarnedCreditLost { customer_id, partner_id, subscription_id, scope, first_day, reason }
    // Requests that run out, transfers by form, groups of licenses.
    RelationshipRequestExpired { customer_id, partner_id, expired_on }
    TransferFormSigned { customer_id, transfer_id, signer }
    TransferFormSubmitted { customer_id, transfer_id, current_contact, new_contact }
    TransferAccessCleaned { customer_id, transfer_id, partner_id }
    LicenseGroupSet { customer_id, partner_id, group_id, display_name, subscription_ids }
    LicenseGroupDeleted { customer_id, partner_id, group_id }
    // Partners: accounts, bonds, memberships, rules.
    GlobalAccountOpened { partner_id, pga_mpn_id, legal, opened_on }
    LocationAdded { partner_id, mpn_id, name, address, contact, added_on }
    LegalProfileUpdated { partner_id, legal, updated_on }
    HeadquartersMoved { partner_id, mpn_id }
    DomainVerified { partner_id, domain, global_admin, verified_on }
    VerificationDecided { partner_id, check, passed, note, decided_on }
    VerificationProofProvided { partner_id, check, document_hash }
    AccountConsolidated { partner_id, mpn_id, name, address, contact, consolidated_on, extended_until }
    SharedServicesCreated { partner_id, customer_id, created_on }
    PartnerAgreementSigned { partner_id, version, signatory, signed_on }
    ResellerEnrolled { partner_id, enrolled_on }
    DirectBillRestricted { partner_id, from, reason, notice }
    RestrictionLifted { partner_id, from, note }
    PartnershipRequested { provider_id, reseller_id, requested_on }
    PartnershipAuthorized { provider_id, reseller_id, authorized_on }
    ProviderAdminRevoked { provider_id, reseller_id, revoked_on }
    PartnershipEnded { provider_id, reseller_id, support_request, ended_on }
    MergeInvited { partner_id, merge_id, target_mpn_id, target_partner_id, invited_by, invited_on }
    MergeAccepted { partner_id, merge_id, target_partner_id, accepted_on }
    MergeRejected { partner_id, merge_id, target_partner_id, reason, rejected_on }
    AccountsMerged { partner_id, merge_id, absorbed_partner_id, surviving_mpn_id, relocated_mpn_ids, resolutions, merged_on }
    MembershipPurchased { partner_id, membership_id, offer, competency, payment, payer, amount, currency, purchased_on, anniversary }
    MembershipRenewed { partner_id, membership_id, previous, anniversary, amount, currency, paid_on, automatic, reactivated }
    MembershipRenewalStopped { partner_id, membership_id, stopped_on }
    MembershipCancelled { partner_id, membership_id, support_request, refunded, cancelled_on }
    BenefitActivated { partner_id, membership_id, benefit, activated_on }
    MembershipReminded { partner_id, membership_id, reminder, reminded_on }
    MembershipLapsed { partner_id, membership_id, lapsed_on }
    PartnerAgreementPublished { version, signing_from, required_from }
    PartnerRulesPublished { rules }
    CustomerTied { customer_id, partner_id, tie }
    AssociationDrafted { customer_id, partner_id, association_id, details }
    AssociationSubmitted { customer_id, partner_id, association_id, details, submitted_on }
    AssociationInformationRequested { customer_id, partner_id, association_id, question, asked_on }
    AssociationInformationProvided { customer_id, partner_id, association_id, answer, documents, answered_on }
    AssociationCustomerNotified { customer_id, partner_id, association_id, notified_on, opt_out_until }
    AssociationOptedOut { customer_id, partner_id, association_id, reason, opted_out_on }
    AssociationRejected { customer_id, partner_id, association_id, reason, rejected_on }
    AssociationActivated { customer_id, partner_id, association_id, from }
    AssociationExtended { customer_id, partner_id, association_id, subscription_id, until }
    AssociationEnded { customer_id, partner_id, association_id, reason, note, replaced_by, ended_on }
    DigitalPartnerRecorded { customer_id, subscription_id, partner_id, recorded_on }
    UsagePeriodsPublished { periods }
    CoopFundsAccrued { partner_id, program, location_mpn_id, usage_period_id, amount, currency, reference, accrued_on, claim_deadline }
    CoopClaimCreated { partner_id, claim_id, program, location_mpn_id, usage_period_id, activity, details, created_on, claim_deadline, retained_until }
    CoopClaimRevised { partner_id, claim_id, details, retained_until }
    CoopClaimDocumentAdded { partner_id, claim_id, document }
    CoopClaimCommented { partner_id, claim_id, text }
    CoopClaimSubmitted { partner_id, claim_id, amount, currency, submitted_on }
    CoopClaimInformationRequested { partner_id, claim_id, document_id, question, answer_by, asked_on }
    CoopClaimApproved { partner_id, claim_id, amount, currency, approved_on }
    CoopClaimRejected { partner_id, claim_id, reason, rejected_on }
    CoopClaimHandedOver { partner_id, claim_id, amount, currency, payment_reference, handed_over_on }
    CoopFundsExpired { partner_id, program, location_mpn_id, usage_period_id, amount, currency, expired_on }

    // Incentives.
    IncentiveProgramsPublished { programs }
    IncentiveRatesPublished { rates }
    IncentiveEnrollmentChanged { partner_id, program_id, mpn_id, from, to, on, reason, unmet, validate_until }
    PayoutProfileUpdated { partner_id, bank, tax }
    EarningsClosed {
        partner_id, program_id, mpn_id, period, revision, levers, totals, adjusted_usd, earned_usd, line_count, lines_digest,
        order_on, payment_on, payment_threshold, is_last, reflects, earned_on, coop,
    }
    IncentivePaymentOrdered {
        partner_id, program_id, mpn_id, payment_id, periods, amounts, method, ordered_on, payment_on,
    }
    IncentivePaymentDeferred {
        partner_id, program_id, mpn_id, ordered_on, carried_usd, payment_threshold, not_ready,
    }
    IncentivePaymentStatusChanged {
        partner_id, program_id, mpn_id, payment_id, from, to, on, reason, amounts, recoup_usd,
    }
    TaxInvoiceSubmitted { partner_id, payment_id, reference, document_hash, submitted_on }
    EarningDisputed {
        partner_id, dispute_id, program_id, mpn_id, period, earning_id, amount, currency, reason, disputed_on,
    }
    EarningDisputeDecided {
        partner_id, dispute_id, program_id, mpn_id, earning_id, correction, currency, note, decided_on,
    }
    // Access.
    RoleAssigned { partner_id, principal, role, customer_id, location_mpn_ids }
    RoleRemoved { partner_id, principal, role, customer_id, location_mpn_ids }
    AccessRecorded { rows }
}

message! {
    TransferLine => TransferLine {
        subscription_id, offer_id, quantity, base_subscription_id, new_subscription_id, azure_subscription_id, last_billed,
    }
    WithholdingRelease => WithholdingRelease { request_id, amount }
    Resource => Resource { azure_subscription_id, resource_group, resource_uri }
    Portion => Portion { unit_price, quantity }
    RatedUsage => RatedUsage {
        resource, meter_id, usage_date, period_start, period_end, portions, pricing_currency, exchange_rate, credit_percent,
        possible_percent, reason, earner_id,
    }
    HeldUsage => HeldUsage { meter_id, usage_date, reason }
    Derivation => Derivation { rule, period_price, period_days, billed_days }
    InvoiceHeader => InvoiceHeader {
        us_fein, customer_number, bill_to, payment_instructions, payment_terms, customer_po, customer_service, service_recipient,
        tax_id,
    }
}

optional! { InvoiceHeader }

/// The event that begins an epoch.
pub(super) fn writer_started(writer_id: &str) -> pb::Event {
    pb::Event { body: Some(pb::event::Body::WriterStarted(pb::WriterStarted { writer_id: writer_id.to_owned() })) }
}

/// The writer's id, if these are the events of a `WriterStarted`.
pub(super) fn as_writer_started(events: &[pb::Event]) -> Option<&str> {
    match events {
        [pb::Event { body: Some(pb::event::Body::WriterStarted(started)) }] => Some(&started.writer_id),
        _ => None,
    }
}
