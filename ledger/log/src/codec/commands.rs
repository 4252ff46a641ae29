//! Commands and their wire form.

use chrono::{DateTime, Utc};
use subledger_domain::{Command, command::*, ids::CommandId};
use subledger_proto::api as pb;

use super::field::{FieldError, Wire, message};

/// A command with what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its id.
    pub command_id: CommandId,
    /// When it takes effect; none for now.
    pub effective_at: Option<DateTime<Utc>>,
    /// The version its stream must have.
    pub expected_version: Option<u64>,
    /// What is to happen.
    pub command: Command,
}

macro_rules! commands {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        message! { $($name => $name { $($field),* })* }

        /// Every kind of command; complete because the match below is.
        #[cfg(test)]
        pub(super) const KINDS: &[&str] = &[$(stringify!($name)),*];

        /// The kind of a command.
        #[cfg(test)]
        pub(super) fn kind(command: &Command) -> &'static str {
            match command { $(Command::$name(_) => stringify!($name),)* }
        }

        impl Wire<pb::command::Body> for Command {
            fn to_wire(&self) -> pb::command::Body {
                match self { $(Self::$name(command) => pb::command::Body::$name(command.to_wire()),)* }
            }
            fn from_wire(wire: pb::command::Body) -> Result<Self, FieldError> {
                match wire {
                    $(pb::command::Body::$name(command) => {
                        $name::from_wire(command).map(Self::$name).map_err(|error| error.within(snake(stringify!($name)).as_str()))
                    })*
                }
            }
        }
    };
}

commands! {
    PublishOffers { offers }
    PublishPriceList { price_list_id, currency, rows }
    CloseDay { date }
    PublishTaxRates { rows }
    PublishPaymentInstructions { instructions }
    RegisterPartner { partner_id, name, kind, country, currency, billing_day, mpn_id }
    IssueInvoice {
        partner_id, family, currency, period_start, period_end, invoice_date, total, totals, line_count, lines_digest, reflects,
    }
    UpdateBillingProfile { partner_id, profile }
    SubmitTaxId { partner_id, kind, value }
    ValidateTaxId { partner_id, kind, value }
    RejectTaxId { partner_id, kind, value, reason }
    SubmitTaxExemption { partner_id, exemption_id, region, tax, document_kind, document_hash }
    GrantTaxExemption { partner_id, exemption_id, from, to }
    RefuseTaxExemption { partner_id, exemption_id, reason }
    CreateCustomer { customer_id, partner_id, company_name, domain_prefix, address, contact, reseller_id }
    AcceptAgreement { customer_id, mode, partner_id, signatory, accepted_on, version, language }
    RequestRelationship { customer_id, partner_id, delegated_admin, reseller_id, expires_after_days }
    AcceptRelationship { customer_id, partner_id }
    RemoveRelationship { customer_id, partner_id }
    Purchase { customer_id, partner_id, order_id, lines, by_customer, location_mpn_id }
    ChangeQuantity { customer_id, partner_id, subscription_id, quantity }
    Suspend { customer_id, partner_id, subscription_id, reason }
    Reactivate { customer_id, partner_id, subscription_id }
    Cancel { customer_id, partner_id, subscription_id, reservation_used, accept_capped_refund }
    ChangeBillingFrequency { customer_id, partner_id, order_id, billing_frequency, subscription_ids }
    SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew }
    Convert { customer_id, partner_id, subscription_id, to_sku, to_offer_id }
    RequestTransfer {
        customer_id, transfer_id, source_partner_id, target_partner_id, subscription_ids, expires_after_days,
    }
    AcceptTransfer { customer_id, transfer_id, partner_id }
    DeclineTransfer { customer_id, transfer_id, partner_id, note }
    WithdrawTransfer { customer_id, transfer_id, partner_id }
    ReceivePayment { partner_id, payment_id, amount, currency, value_date, reference, invoice_number }
    AllocatePayment { partner_id, payment_id, invoice_number, amount }
    RefundPayment { partner_id, payment_id, amount, reference }
    AllocateCredit { partner_id, credit_invoice_number, invoice_number, amount }
    ReviewStanding { partner_id, date }
    RequestWithholding { partner_id, request_id, invoice_number, amount, currency, certificate, contact_email }
    ReturnWithholding { partner_id, request_id, comments }
    ResubmitWithholding { partner_id, request_id, amount, certificate }
    ApproveWithholding { partner_id, request_id }
    RequestCreditNote { partner_id, invoice_number, reason, note }
    RefuseCreditNote { partner_id, invoice_number, comments }
    IssueCreditNote { partner_id, invoice_number }
    RebillInvoice { partner_id, invoice_number, refund, purchase_order, bill_to }
    SubmitSlaClaim {
        customer_id, partner_id, claim_id, incident_id, incident_date, service_code, purchased_through_csp,
    }
    AskSlaClaimant { customer_id, claim_id, question }
    AnswerSlaClaim { customer_id, partner_id, claim_id, answer }
    ApproveSlaClaim { customer_id, claim_id, credits }
    RefuseSlaClaim { customer_id, claim_id, comments }
    PostAdjustment { customer_id, partner_id, subscription_id, line_id, amount, currency, reason }
    RunDue { customer_id, date }
    MarkDay { date }
    UpdateCustomer { customer_id, partner_id, company_name, bill_to_name, address, contact }
    RequestQualification { customer_id, partner_id, segment, email }
    DecideQualification { customer_id, segment, qualified, note }
    TagCustomer { customer_id, partner_id, tags }
    AddReseller { customer_id, partner_id, reseller_id }
    RemoveReseller { customer_id, partner_id, reseller_id }
    RemoveDelegatedAdmin { customer_id, partner_id }
    ExtendRelationship { customer_id, partner_id, provider_id, consent_on }
    SetPurchasePermission { customer_id, partner_id, permission, allowed }
    CreateUser { customer_id, partner_id, user_id, display_name, first_name, last_name, email }
    ResetUserPassword { customer_id, partner_id, user_id }
    DeleteUser { customer_id, partner_id, user_id }
    RestoreUsers { customer_id, partner_id, user_ids }
    ChangeLicenses { customer_id, partner_id, rows, groups }
    StartTrial { customer_id, partner_id, offer_id, subscription_id, order_id }
    ConvertTrial { customer_id, partner_id, subscription_id, to_offer_id, quantity, billing_frequency }
    ScheduleChange { customer_id, partner_id, subscription_id, change }
    WithdrawScheduledChange { customer_id, partner_id, subscription_id }
    UpdateSubscription {
        customer_id, partner_id, subscription_id, friendly_name, po_number, support_contact_id, reseller_id, clear,
    }
    Upgrade { customer_id, partner_id, subscription_id, to_offer_id, new_subscription_id }
    Migrate { customer_id, partner_id, subscription_id, to_subscription_id }
    PublishTrials { trials }
    PublishPromotions { promotions }
    PublishRefundCap { currency, valid_from, amount }
    ConfirmFulfilment { customer_id, subscription_id, fact, authorization_code }
    ExchangeReservation { customer_id, partner_id, subscription_id, order_id, line }
    PublishMeters { meters }
    PublishMeterPrices { currency, rows }
    PublishExchangeRates { rates }
    PublishCreditTerms { valid_from, terms }
    RegisterAzureSubscription {
        customer_id, partner_id, subscription_id, azure_subscription_id, name, created_at, owner_access,
    }
    RecordUsage { customer_id, records }
    GrantAccess { customer_id, partner_id, assignment_id, principal_id, path, role, scope, from }
    RevokeAccess { customer_id, assignment_id, at }
    LinkPartnerId { customer_id, partner_id, principal_id, at, linked }
    ReviewEarnedCredit { customer_id, partner_id, from }
    DisputeEarnedCredit { customer_id, partner_id, dispute_id, scope, from, to, claimed_percent, evidence }
    DecideEarnedCreditDispute { customer_id, dispute_id, accepted, note }
    WithdrawEarnedCreditDispute { customer_id, partner_id, dispute_id }
    RecordNetworkAgreement { partner_id, from, active }
    BarEarnedCredit { partner_id, from, to, reason }
    SetSpendingBudget { customer_id, partner_id, amount, currency }
    RemoveSpendingBudget { customer_id, partner_id }
    SwitchBudgetNotice { partner_id, on, email }
    EraseCustomer { customer_id, reason }
    ChangeReservation { customer_id, partner_id, subscription_id, scope, azure_subscription_id }
    // Transfers by form, groups of licenses.
    RequestAzureTransfer {
        customer_id, transfer_id, partner_id, target_partner_id, subscription_id, customer_requested_on, ticket_id,
    }
    SignTransferForm { customer_id, transfer_id, signer }
    SubmitTransferForm { customer_id, transfer_id, partner_id, current_contact, new_contact }
    CompleteTransfer { customer_id, transfer_id }
    RejectTransfer { customer_id, transfer_id, note }
    CleanTransferAccess { customer_id, transfer_id, partner_id }
    SetLicenseGroup { customer_id, partner_id, group_id, display_name, subscription_ids }
    DeleteLicenseGroup { customer_id, partner_id, group_id }
    // Partners: accounts, bonds, memberships, rules.
    OpenGlobalAccount { partner_id, pga_mpn_id, legal }
    AddLocation { partner_id, mpn_id, name, address, contact }
    UpdateLegalProfile { partner_id, legal }
    MoveHeadquarters { partner_id, mpn_id }
    VerifyDomain { partner_id, domain, record, global_admin }
    DecideVerification { partner_id, check, passed, note }
    ProvideVerificationProof { partner_id, check, document_hash }
    ConsolidateAccount { partner_id, mpn_id, name, address, contact }
    CreateSharedServices { partner_id, customer_id }
    SignPartnerAgreement { partner_id, version, signatory, signed_on }
    EnrollReseller { partner_id }
    RestrictDirectBill { partner_id, from, reason, notice }
    LiftRestriction { partner_id, note }
    SuspendPartner { partner_id, trigger, note }
    ReinstatePartner { partner_id, trigger, support_request }
    RequestPartnership { provider_id, reseller_id }
    AuthorizeProvider { provider_id, reseller_id, confirmed }
    RevokeProviderAdmin { provider_id, reseller_id }
    EndPartnership { provider_id, reseller_id, support_request }
    InviteMerge { partner_id, merge_id, target_mpn_id, invited_by }
    AcceptMerge { partner_id, merge_id, target_partner_id }
    RejectMerge { partner_id, merge_id, target_partner_id, reason }
    CompleteMerge { partner_id, merge_id }
    PurchaseMembership { partner_id, membership_id, offer, competency, payment, payer, amount, currency }
    RenewMembership { partner_id, membership_id, amount, currency }
    SetMembershipRenewal { partner_id, membership_id, auto_renew }
    CancelMembership { partner_id, membership_id, support_request, refund }
    ActivateBenefit { partner_id, membership_id, benefit }
    ReviewMemberships { partner_id, date }
    PublishPartnerAgreement { version, signing_from, required_from }
    PublishPartnerRules { rules }
    TieCustomer { customer_id, partner_id, tie }
    DraftAssociation { customer_id, partner_id, association_id, details }
    SubmitAssociation { customer_id, partner_id, association_id }
    AskAboutAssociation { customer_id, association_id, question }
    AnswerAboutAssociation { customer_id, partner_id, association_id, answer, documents }
    NotifyAssociationCustomer { customer_id, association_id }
    OptOutOfAssociation { customer_id, association_id, reason }
    RejectAssociation { customer_id, association_id, reason }
    EndAssociation { customer_id, association_id, partner_id, reason }
    RecordDigitalPartner { customer_id, subscription_id, partner_id }
    PublishUsagePeriods { periods }
    AccrueCoopFunds { partner_id, program, location_mpn_id, usage_period_id, amount, currency, reference }
    CreateCoopClaim { partner_id, claim_id, program, location_mpn_id, usage_period_id, activity, details }
    ReviseCoopClaim { partner_id, claim_id, details }
    AddCoopClaimDocument { partner_id, claim_id, document }
    CommentOnCoopClaim { partner_id, claim_id, text }
    SubmitCoopClaim { partner_id, claim_id }
    AskAboutCoopClaim { partner_id, claim_id, document_id, question, answer_by }
    ApproveCoopClaim { partner_id, claim_id, amount }
    RejectCoopClaim { partner_id, claim_id, reason }
    HandOverCoopClaim { partner_id, claim_id, payment_reference }
    ExpireCoopFunds { partner_id, program, location_mpn_id, usage_period_id }

    // Incentives.
    PublishIncentivePrograms { programs }
    PublishIncentiveRates { rates }
    InviteToIncentive { partner_id, program_id, mpn_id }
    AcceptIncentiveInvitation { partner_id, program_id, mpn_id }
    UpdatePayoutProfile { partner_id, bank, tax }
    SetIncentiveEnrollment { partner_id, program_id, mpn_id, status, reason, unmet }
    CloseEarnings {
        partner_id, program_id, mpn_id, period, revision, levers, totals, adjusted_usd, earned_usd, line_count, lines_digest,
        order_on, payment_on, payment_threshold, is_last, reflects, coop,
    }
    OrderIncentivePayment { partner_id, program_id, mpn_id, ordered_on, revision, currency, exchange_rate }
    SetIncentivePaymentStatus { partner_id, payment_id, status, reason, recoup_usd }
    SubmitTaxInvoice { partner_id, payment_id, reference, document_hash }
    DisputeEarning {
        partner_id, dispute_id, program_id, mpn_id, period, earning_id, amount, currency, reason,
    }
    DecideEarningDispute { partner_id, dispute_id, correction, note }
    // Access.
    AssignRole { partner_id, principal, role, customer_id, location_mpn_ids }
    RemoveRole { partner_id, principal, role, customer_id, location_mpn_ids }
    RecordAccess { rows }
}

message! {
    PurchaseLine => PurchaseLine {
        subscription_id, offer_id, quantity, billing_frequency, base_subscription_id, reseller_id, friendly_name, sku,
        free_trial_days, auto_renew, azure_subscription_id, reservation_scope,
    }
}

/// `PublishOffers` as the field of the message is called: `publish_offers`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

impl Wire<pb::Command> for Envelope {
    fn to_wire(&self) -> pb::Command {
        pb::Command {
            command_id: self.command_id.to_wire(),
            effective_at: self.effective_at.as_ref().map(Wire::to_wire),
            expected_version: self.expected_version,
            body: Some(self.command.to_wire()),
        }
    }

    fn from_wire(p: pb::Command) -> Result<Self, FieldError> {
        Ok(Self {
            command_id: Wire::from_wire(p.command_id).map_err(|e: FieldError| e.within("command_id"))?,
            effective_at: p
                .effective_at
                .map(Wire::from_wire)
                .transpose()
                .map_err(|e: FieldError| e.within("effective_at"))?,
            expected_version: p.expected_version,
            command: match p.body {
                Some(body) => Wire::from_wire(body)?,
                None => {
                    return Err(
                        FieldError::new("a command has a body, such as purchase or change_quantity").within("body")
                    );
                }
            },
        })
    }
}

/// Checks a command of the API and takes it.
pub fn decode_command(wire: pb::Command) -> Result<Envelope, FieldError> {
    Envelope::from_wire(wire)
}
