//! Examples about partners: accounts, bonds, memberships, rules.

use subledger_domain::{
    Command, Event, command as c, event as e,
    ids::{MembershipId, MergeId, MpnId},
    partner::{
        Benefit, LegalProfile, MembershipOffer, MembershipPayment, MembershipReminder, MembershipResolution,
        PartnerRule, PartnerRuleRow, SuspensionTrigger, VerificationCheck,
    },
    party::CustomerTie,
};

use super::*;

fn mpn(id: &str) -> MpnId {
    MpnId::new(id).unwrap()
}

fn merge() -> MergeId {
    MergeId::new("merge-1").unwrap()
}

fn membership() -> MembershipId {
    MembershipId::new("membership-1").unwrap()
}

fn other_membership() -> MembershipId {
    MembershipId::new("membership-2").unwrap()
}

fn legal() -> LegalProfile {
    LegalProfile { name: "Contoso Ltd.".into(), address: address(), contact: contact() }
}

fn account_events() -> Vec<Event> {
    vec![
        e::GlobalAccountOpened { partner_id: partner(), pga_mpn_id: mpn("4952745"), legal: legal(), opened_on: day(4) }
            .into(),
        e::LocationAdded {
            partner_id: partner(),
            mpn_id: mpn("4952745"),
            name: "text".into(),
            address: Some(address()),
            contact: Some(contact()),
            added_on: day(4),
        }
        .into(),
        e::LegalProfileUpdated { partner_id: partner(), legal: legal(), updated_on: day(4) }.into(),
        e::HeadquartersMoved { partner_id: partner(), mpn_id: mpn("4952745") }.into(),
        e::DomainVerified {
            partner_id: partner(),
            domain: "text".into(),
            global_admin: "text".into(),
            verified_on: day(4),
        }
        .into(),
        e::VerificationDecided {
            partner_id: partner(),
            check: VerificationCheck::Business,
            passed: true,
            note: "text".into(),
            decided_on: day(4),
        }
        .into(),
        e::VerificationProofProvided {
            partner_id: partner(),
            check: VerificationCheck::Business,
            document_hash: vec![0xab; 32],
        }
        .into(),
        e::AccountConsolidated {
            partner_id: partner(),
            mpn_id: mpn("4952745"),
            name: "text".into(),
            address: Some(address()),
            contact: Some(contact()),
            consolidated_on: day(4),
            extended_until: day(4),
        }
        .into(),
        e::SharedServicesCreated { partner_id: partner(), customer_id: customer(), created_on: day(4) }.into(),
        e::PartnerAgreementSigned {
            partner_id: partner(),
            version: "text".into(),
            signatory: "text".into(),
            signed_on: day(4),
        }
        .into(),
        e::ResellerEnrolled { partner_id: partner(), enrolled_on: day(4) }.into(),
        e::DirectBillRestricted { partner_id: partner(), from: day(4), reason: "text".into(), notice: "text".into() }
            .into(),
        e::RestrictionLifted { partner_id: partner(), from: day(4), note: "text".into() }.into(),
    ]
}

fn partnership_events() -> Vec<Event> {
    vec![
        e::PartnershipRequested { provider_id: partner(), reseller_id: other_partner(), requested_on: day(4) }.into(),
        e::PartnershipAuthorized { provider_id: partner(), reseller_id: other_partner(), authorized_on: day(4) }.into(),
        e::ProviderAdminRevoked { provider_id: partner(), reseller_id: other_partner(), revoked_on: day(4) }.into(),
        e::PartnershipEnded {
            provider_id: partner(),
            reseller_id: other_partner(),
            support_request: "text".into(),
            ended_on: day(4),
        }
        .into(),
        e::MergeInvited {
            partner_id: partner(),
            merge_id: merge(),
            target_mpn_id: mpn("4952745"),
            target_partner_id: other_partner(),
            invited_by: "text".into(),
            invited_on: day(4),
        }
        .into(),
        e::MergeAccepted {
            partner_id: partner(),
            merge_id: merge(),
            target_partner_id: other_partner(),
            accepted_on: day(4),
        }
        .into(),
        e::MergeRejected {
            partner_id: partner(),
            merge_id: merge(),
            target_partner_id: other_partner(),
            reason: "text".into(),
            rejected_on: day(4),
        }
        .into(),
        e::AccountsMerged {
            partner_id: partner(),
            merge_id: merge(),
            absorbed_partner_id: other_partner(),
            surviving_mpn_id: mpn("4952745"),
            relocated_mpn_ids: vec![mpn("5359761"), mpn("5366091")],
            resolutions: vec![MembershipResolution {
                offer: MembershipOffer::ActionPack,
                kept: membership(),
                dropped: other_membership(),
                anniversary: day(7),
            }],
            merged_on: day(4),
        }
        .into(),
    ]
}

fn membership_events() -> Vec<Event> {
    vec![
        e::MembershipPurchased {
            partner_id: partner(),
            membership_id: membership(),
            offer: MembershipOffer::GoldCompetency,
            competency: "text".into(),
            payment: MembershipPayment::BankTransfer,
            payer: Some(contact()),
            amount: amount("475.00"),
            currency: usd(),
            purchased_on: day(4),
            anniversary: day(4),
        }
        .into(),
        e::MembershipRenewed {
            partner_id: partner(),
            membership_id: membership(),
            previous: day(4),
            anniversary: day(4),
            amount: amount("475.00"),
            currency: usd(),
            paid_on: day(4),
            automatic: true,
            reactivated: true,
        }
        .into(),
        e::MembershipRenewalStopped { partner_id: partner(), membership_id: membership(), stopped_on: day(4) }.into(),
        e::MembershipCancelled {
            partner_id: partner(),
            membership_id: membership(),
            support_request: "text".into(),
            refunded: true,
            cancelled_on: day(4),
        }
        .into(),
        e::BenefitActivated {
            partner_id: partner(),
            membership_id: membership(),
            benefit: Benefit::Software,
            activated_on: day(4),
        }
        .into(),
        e::MembershipReminded {
            partner_id: partner(),
            membership_id: membership(),
            reminder: MembershipReminder::BeforeClose,
            reminded_on: day(4),
        }
        .into(),
        e::MembershipLapsed { partner_id: partner(), membership_id: membership(), lapsed_on: day(4) }.into(),
    ]
}

fn program_events() -> Vec<Event> {
    vec![
        e::PartnerAgreementPublished { version: "text".into(), signing_from: day(4), required_from: Some(day(5)) }
            .into(),
        e::PartnerRulesPublished {
            rules: vec![PartnerRuleRow { rule: PartnerRule::PartnershipRequired, from: day(3) }],
        }
        .into(),
        e::CustomerTied { customer_id: customer(), partner_id: partner(), tie: CustomerTie::OwnUse }.into(),
    ]
}

/// One of each event.
pub(super) fn events() -> Vec<Event> {
    [account_events(), partnership_events(), membership_events(), program_events()].concat()
}

fn account_commands() -> Vec<Command> {
    vec![
        Command::OpenGlobalAccount(c::OpenGlobalAccount {
            partner_id: partner(),
            pga_mpn_id: mpn("4952745"),
            legal: legal(),
        }),
        Command::AddLocation(c::AddLocation {
            partner_id: partner(),
            mpn_id: mpn("4952745"),
            name: "text".into(),
            address: Some(address()),
            contact: Some(contact()),
        }),
        Command::UpdateLegalProfile(c::UpdateLegalProfile { partner_id: partner(), legal: legal() }),
        Command::MoveHeadquarters(c::MoveHeadquarters { partner_id: partner(), mpn_id: mpn("4952745") }),
        Command::VerifyDomain(c::VerifyDomain {
            partner_id: partner(),
            domain: "text".into(),
            record: "text".into(),
            global_admin: "text".into(),
        }),
        Command::DecideVerification(c::DecideVerification {
            partner_id: partner(),
            check: VerificationCheck::Business,
            passed: true,
            note: "text".into(),
        }),
        Command::ProvideVerificationProof(c::ProvideVerificationProof {
            partner_id: partner(),
            check: VerificationCheck::Business,
            document_hash: vec![0xab; 32],
        }),
        Command::ConsolidateAccount(c::ConsolidateAccount {
            partner_id: partner(),
            mpn_id: mpn("4952745"),
            name: "text".into(),
            address: Some(address()),
            contact: Some(contact()),
        }),
        Command::CreateSharedServices(c::CreateSharedServices { partner_id: partner(), customer_id: customer() }),
        Command::SignPartnerAgreement(c::SignPartnerAgreement {
            partner_id: partner(),
            version: "text".into(),
            signatory: "text".into(),
            signed_on: day(4),
        }),
        Command::EnrollReseller(c::EnrollReseller { partner_id: partner() }),
        Command::RestrictDirectBill(c::RestrictDirectBill {
            partner_id: partner(),
            from: day(4),
            reason: "text".into(),
            notice: "text".into(),
        }),
        Command::LiftRestriction(c::LiftRestriction { partner_id: partner(), note: "text".into() }),
        Command::SuspendPartner(c::SuspendPartner {
            partner_id: partner(),
            trigger: SuspensionTrigger::Abuse,
            note: "text".into(),
        }),
        Command::ReinstatePartner(c::ReinstatePartner {
            partner_id: partner(),
            trigger: SuspensionTrigger::Abuse,
            support_request: "text".into(),
        }),
    ]
}

fn partnership_commands() -> Vec<Command> {
    vec![
        Command::RequestPartnership(c::RequestPartnership { provider_id: partner(), reseller_id: other_partner() }),
        Command::AuthorizeProvider(c::AuthorizeProvider {
            provider_id: partner(),
            reseller_id: other_partner(),
            confirmed: true,
        }),
        Command::RevokeProviderAdmin(c::RevokeProviderAdmin { provider_id: partner(), reseller_id: other_partner() }),
        Command::EndPartnership(c::EndPartnership {
            provider_id: partner(),
            reseller_id: other_partner(),
            support_request: "text".into(),
        }),
        Command::InviteMerge(c::InviteMerge {
            partner_id: partner(),
            merge_id: Some(merge()),
            target_mpn_id: mpn("4952745"),
            invited_by: "text".into(),
        }),
        Command::AcceptMerge(c::AcceptMerge {
            partner_id: partner(),
            merge_id: merge(),
            target_partner_id: other_partner(),
        }),
        Command::RejectMerge(c::RejectMerge {
            partner_id: partner(),
            merge_id: merge(),
            target_partner_id: other_partner(),
            reason: "text".into(),
        }),
        Command::CompleteMerge(c::CompleteMerge { partner_id: partner(), merge_id: merge() }),
    ]
}

fn membership_commands() -> Vec<Command> {
    vec![
        Command::PurchaseMembership(c::PurchaseMembership {
            partner_id: partner(),
            membership_id: Some(membership()),
            offer: MembershipOffer::GoldCompetency,
            competency: "text".into(),
            payment: MembershipPayment::BankTransfer,
            payer: Some(contact()),
            amount: amount("475.00"),
            currency: usd(),
        }),
        Command::RenewMembership(c::RenewMembership {
            partner_id: partner(),
            membership_id: membership(),
            amount: amount("475.00"),
            currency: usd(),
        }),
        Command::SetMembershipRenewal(c::SetMembershipRenewal {
            partner_id: partner(),
            membership_id: membership(),
            auto_renew: true,
        }),
        Command::CancelMembership(c::CancelMembership {
            partner_id: partner(),
            membership_id: membership(),
            support_request: "text".into(),
            refund: true,
        }),
        Command::ActivateBenefit(c::ActivateBenefit {
            partner_id: partner(),
            membership_id: membership(),
            benefit: Benefit::Software,
        }),
        Command::ReviewMemberships(c::ReviewMemberships { partner_id: partner(), date: day(4) }),
    ]
}

fn program_commands() -> Vec<Command> {
    vec![
        Command::PublishPartnerAgreement(c::PublishPartnerAgreement {
            version: "text".into(),
            signing_from: day(4),
            required_from: Some(day(5)),
        }),
        Command::PublishPartnerRules(c::PublishPartnerRules {
            rules: vec![PartnerRuleRow { rule: PartnerRule::PartnershipRequired, from: day(3) }],
        }),
        Command::TieCustomer(c::TieCustomer {
            customer_id: customer(),
            partner_id: partner(),
            tie: CustomerTie::OwnUse,
        }),
    ]
}

/// One of each command.
pub(super) fn commands() -> Vec<Command> {
    [account_commands(), partnership_commands(), membership_commands(), program_commands()].concat()
}
