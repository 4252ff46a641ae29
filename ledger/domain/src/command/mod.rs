//! Commands: what a caller wants to happen. Each concerns one stream; [`Command::target`] says which.

mod access;
mod account;
mod association;
mod catalog;
mod coop;
mod customer;
mod incentive;
mod membership;
mod partner;
mod partnership;
mod program;
mod receivables;
mod sla;
mod subscription;
mod timer;
mod transfer;
mod trial;
mod usage;
mod user;

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, PartnerId};

pub use self::{
    access::*, account::*, association::*, catalog::*, coop::*, customer::*, incentive::*, membership::*, partner::*,
    partnership::*, program::*, receivables::*, sla::*, subscription::*, timer::*, transfer::*, trial::*, usage::*,
    user::*,
};

/// The stream a command concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The catalog.
    Catalog,
    /// One partner.
    Partner(&'a PartnerId),
    /// One customer.
    Customer(&'a CustomerId),
    /// Every customer of a partition.
    CustomersPartition,
    /// What callers did.
    Access,
}

/// A command's body. Its id, its time and its sender travel beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is documented at its struct")]
pub enum Command {
    PublishOffers(PublishOffers),
    PublishPriceList(PublishPriceList),
    CloseDay(CloseDay),
    PublishTaxRates(PublishTaxRates),
    PublishPaymentInstructions(PublishPaymentInstructions),
    RegisterPartner(RegisterPartner),
    IssueInvoice(IssueInvoice),
    UpdateBillingProfile(UpdateBillingProfile),
    SubmitTaxId(SubmitTaxId),
    ValidateTaxId(ValidateTaxId),
    RejectTaxId(RejectTaxId),
    SubmitTaxExemption(SubmitTaxExemption),
    GrantTaxExemption(GrantTaxExemption),
    RefuseTaxExemption(RefuseTaxExemption),
    CreateCustomer(CreateCustomer),
    AcceptAgreement(AcceptAgreement),
    RequestRelationship(RequestRelationship),
    AcceptRelationship(AcceptRelationship),
    RemoveRelationship(RemoveRelationship),
    Purchase(Purchase),
    ChangeQuantity(ChangeQuantity),
    Suspend(Suspend),
    Reactivate(Reactivate),
    Cancel(Cancel),
    ChangeBillingFrequency(ChangeBillingFrequency),
    SetAutoRenew(SetAutoRenew),
    Convert(Convert),
    RequestTransfer(RequestTransfer),
    AcceptTransfer(AcceptTransfer),
    DeclineTransfer(DeclineTransfer),
    WithdrawTransfer(WithdrawTransfer),
    ReceivePayment(ReceivePayment),
    AllocatePayment(AllocatePayment),
    RefundPayment(RefundPayment),
    AllocateCredit(AllocateCredit),
    ReviewStanding(ReviewStanding),
    RequestWithholding(RequestWithholding),
    ReturnWithholding(ReturnWithholding),
    ResubmitWithholding(ResubmitWithholding),
    ApproveWithholding(ApproveWithholding),
    RequestCreditNote(RequestCreditNote),
    RefuseCreditNote(RefuseCreditNote),
    IssueCreditNote(IssueCreditNote),
    RebillInvoice(RebillInvoice),
    SubmitSlaClaim(SubmitSlaClaim),
    AskSlaClaimant(AskSlaClaimant),
    AnswerSlaClaim(AnswerSlaClaim),
    ApproveSlaClaim(ApproveSlaClaim),
    RefuseSlaClaim(RefuseSlaClaim),
    PostAdjustment(PostAdjustment),
    RunDue(RunDue),
    MarkDay(MarkDay),
    UpdateCustomer(UpdateCustomer),
    RequestQualification(RequestQualification),
    DecideQualification(DecideQualification),
    TagCustomer(TagCustomer),
    AddReseller(AddReseller),
    RemoveReseller(RemoveReseller),
    RemoveDelegatedAdmin(RemoveDelegatedAdmin),
    ExtendRelationship(ExtendRelationship),
    SetPurchasePermission(SetPurchasePermission),
    CreateUser(CreateUser),
    ResetUserPassword(ResetUserPassword),
    DeleteUser(DeleteUser),
    RestoreUsers(RestoreUsers),
    ChangeLicenses(ChangeLicenses),
    StartTrial(StartTrial),
    ConvertTrial(ConvertTrial),
    ScheduleChange(ScheduleChange),
    WithdrawScheduledChange(WithdrawScheduledChange),
    UpdateSubscription(UpdateSubscription),
    Upgrade(Upgrade),
    Migrate(Migrate),
    PublishTrials(PublishTrials),
    PublishPromotions(PublishPromotions),
    PublishRefundCap(PublishRefundCap),
    ConfirmFulfilment(ConfirmFulfilment),
    ExchangeReservation(ExchangeReservation),
    ChangeReservation(ChangeReservation),
    PublishMeters(PublishMeters),
    PublishMeterPrices(PublishMeterPrices),
    PublishExchangeRates(PublishExchangeRates),
    PublishCreditTerms(PublishCreditTerms),
    RegisterAzureSubscription(RegisterAzureSubscription),
    RecordUsage(RecordUsage),
    GrantAccess(GrantAccess),
    RevokeAccess(RevokeAccess),
    LinkPartnerId(LinkPartnerId),
    ReviewEarnedCredit(ReviewEarnedCredit),
    DisputeEarnedCredit(DisputeEarnedCredit),
    DecideEarnedCreditDispute(DecideEarnedCreditDispute),
    WithdrawEarnedCreditDispute(WithdrawEarnedCreditDispute),
    RecordNetworkAgreement(RecordNetworkAgreement),
    BarEarnedCredit(BarEarnedCredit),
    SetSpendingBudget(SetSpendingBudget),
    RemoveSpendingBudget(RemoveSpendingBudget),
    /// Whether a partner is told of budgets that are used up.
    SwitchBudgetNotice(SwitchBudgetNotice),
    // Erasure.
    EraseCustomer(EraseCustomer),
    // Transfers by form, groups of licenses.
    RequestAzureTransfer(RequestAzureTransfer),
    SignTransferForm(SignTransferForm),
    SubmitTransferForm(SubmitTransferForm),
    CompleteTransfer(CompleteTransfer),
    RejectTransfer(RejectTransfer),
    CleanTransferAccess(CleanTransferAccess),
    SetLicenseGroup(SetLicenseGroup),
    DeleteLicenseGroup(DeleteLicenseGroup),
    // Partners: accounts, bonds, memberships, rules.
    OpenGlobalAccount(OpenGlobalAccount),
    AddLocation(AddLocation),
    UpdateLegalProfile(UpdateLegalProfile),
    MoveHeadquarters(MoveHeadquarters),
    VerifyDomain(VerifyDomain),
    DecideVerification(DecideVerification),
    ProvideVerificationProof(ProvideVerificationProof),
    ConsolidateAccount(ConsolidateAccount),
    CreateSharedServices(CreateSharedServices),
    SignPartnerAgreement(SignPartnerAgreement),
    EnrollReseller(EnrollReseller),
    RestrictDirectBill(RestrictDirectBill),
    LiftRestriction(LiftRestriction),
    SuspendPartner(SuspendPartner),
    ReinstatePartner(ReinstatePartner),
    RequestPartnership(RequestPartnership),
    AuthorizeProvider(AuthorizeProvider),
    RevokeProviderAdmin(RevokeProviderAdmin),
    EndPartnership(EndPartnership),
    InviteMerge(InviteMerge),
    AcceptMerge(AcceptMerge),
    RejectMerge(RejectMerge),
    CompleteMerge(CompleteMerge),
    PurchaseMembership(PurchaseMembership),
    RenewMembership(RenewMembership),
    SetMembershipRenewal(SetMembershipRenewal),
    CancelMembership(CancelMembership),
    ActivateBenefit(ActivateBenefit),
    ReviewMemberships(ReviewMemberships),
    PublishPartnerAgreement(PublishPartnerAgreement),
    PublishPartnerRules(PublishPartnerRules),
    TieCustomer(TieCustomer),
    DraftAssociation(DraftAssociation),
    SubmitAssociation(SubmitAssociation),
    AskAboutAssociation(AskAboutAssociation),
    AnswerAboutAssociation(AnswerAboutAssociation),
    NotifyAssociationCustomer(NotifyAssociationCustomer),
    OptOutOfAssociation(OptOutOfAssociation),
    RejectAssociation(RejectAssociation),
    EndAssociation(EndAssociation),
    RecordDigitalPartner(RecordDigitalPartner),
    PublishUsagePeriods(PublishUsagePeriods),
    AccrueCoopFunds(AccrueCoopFunds),
    CreateCoopClaim(CreateCoopClaim),
    ReviseCoopClaim(ReviseCoopClaim),
    AddCoopClaimDocument(AddCoopClaimDocument),
    CommentOnCoopClaim(CommentOnCoopClaim),
    SubmitCoopClaim(SubmitCoopClaim),
    AskAboutCoopClaim(AskAboutCoopClaim),
    ApproveCoopClaim(ApproveCoopClaim),
    RejectCoopClaim(RejectCoopClaim),
    HandOverCoopClaim(HandOverCoopClaim),
    ExpireCoopFunds(ExpireCoopFunds),
    // Incentives.
    PublishIncentivePrograms(PublishIncentivePrograms),
    PublishIncentiveRates(PublishIncentiveRates),
    InviteToIncentive(InviteToIncentive),
    AcceptIncentiveInvitation(AcceptIncentiveInvitation),
    UpdatePayoutProfile(UpdatePayoutProfile),
    SetIncentiveEnrollment(SetIncentiveEnrollment),
    CloseEarnings(CloseEarnings),
    OrderIncentivePayment(OrderIncentivePayment),
    SetIncentivePaymentStatus(SetIncentivePaymentStatus),
    SubmitTaxInvoice(SubmitTaxInvoice),
    DisputeEarning(DisputeEarning),
    DecideEarningDispute(DecideEarningDispute),
    // Access.
    AssignRole(AssignRole),
    RemoveRole(RemoveRole),
    RecordAccess(RecordAccess),
}

impl Command {
    /// The stream it concerns.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::PublishOffers(_)
            | Self::PublishPriceList(_)
            | Self::CloseDay(_)
            | Self::PublishTaxRates(_)
            | Self::PublishPaymentInstructions(_)
            | Self::PublishTrials(_)
            | Self::PublishPromotions(_)
            | Self::PublishRefundCap(_)
            | Self::PublishMeters(_)
            | Self::PublishMeterPrices(_)
            | Self::PublishExchangeRates(_)
            | Self::PublishCreditTerms(_)
            | Self::PublishUsagePeriods(_)
            | Self::PublishPartnerAgreement(_)
            | Self::PublishPartnerRules(_)
            | Self::PublishIncentivePrograms(_)
            | Self::PublishIncentiveRates(_) => Target::Catalog,
            Self::RegisterPartner(c) => Target::Partner(&c.partner_id),
            Self::IssueInvoice(c) => Target::Partner(&c.partner_id),
            Self::UpdateBillingProfile(c) => Target::Partner(&c.partner_id),
            Self::SubmitTaxId(c) => Target::Partner(&c.partner_id),
            Self::ValidateTaxId(c) => Target::Partner(&c.partner_id),
            Self::RejectTaxId(c) => Target::Partner(&c.partner_id),
            Self::SubmitTaxExemption(c) => Target::Partner(&c.partner_id),
            Self::GrantTaxExemption(c) => Target::Partner(&c.partner_id),
            Self::RefuseTaxExemption(c) => Target::Partner(&c.partner_id),
            Self::CreateCustomer(c) => Target::Customer(&c.customer_id),
            Self::AcceptAgreement(c) => Target::Customer(&c.customer_id),
            Self::RequestRelationship(c) => Target::Customer(&c.customer_id),
            Self::AcceptRelationship(c) => Target::Customer(&c.customer_id),
            Self::RemoveRelationship(c) => Target::Customer(&c.customer_id),
            Self::Purchase(c) => Target::Customer(&c.customer_id),
            Self::ChangeQuantity(c) => Target::Customer(&c.customer_id),
            Self::Suspend(c) => Target::Customer(&c.customer_id),
            Self::Reactivate(c) => Target::Customer(&c.customer_id),
            Self::Cancel(c) => Target::Customer(&c.customer_id),
            Self::ChangeBillingFrequency(c) => Target::Customer(&c.customer_id),
            Self::SetAutoRenew(c) => Target::Customer(&c.customer_id),
            Self::Convert(c) => Target::Customer(&c.customer_id),
            Self::RequestTransfer(c) => Target::Customer(&c.customer_id),
            Self::AcceptTransfer(c) => Target::Customer(&c.customer_id),
            Self::DeclineTransfer(c) => Target::Customer(&c.customer_id),
            Self::WithdrawTransfer(c) => Target::Customer(&c.customer_id),
            Self::ReceivePayment(c) => Target::Partner(&c.partner_id),
            Self::AllocatePayment(c) => Target::Partner(&c.partner_id),
            Self::RefundPayment(c) => Target::Partner(&c.partner_id),
            Self::AllocateCredit(c) => Target::Partner(&c.partner_id),
            Self::ReviewStanding(c) => Target::Partner(&c.partner_id),
            Self::RequestWithholding(c) => Target::Partner(&c.partner_id),
            Self::ReturnWithholding(c) => Target::Partner(&c.partner_id),
            Self::ResubmitWithholding(c) => Target::Partner(&c.partner_id),
            Self::ApproveWithholding(c) => Target::Partner(&c.partner_id),
            Self::RequestCreditNote(c) => Target::Partner(&c.partner_id),
            Self::RefuseCreditNote(c) => Target::Partner(&c.partner_id),
            Self::IssueCreditNote(c) => Target::Partner(&c.partner_id),
            Self::RebillInvoice(c) => Target::Partner(&c.partner_id),
            Self::SubmitSlaClaim(c) => Target::Customer(&c.customer_id),
            Self::AskSlaClaimant(c) => Target::Customer(&c.customer_id),
            Self::AnswerSlaClaim(c) => Target::Customer(&c.customer_id),
            Self::ApproveSlaClaim(c) => Target::Customer(&c.customer_id),
            Self::RefuseSlaClaim(c) => Target::Customer(&c.customer_id),
            Self::PostAdjustment(c) => Target::Customer(&c.customer_id),
            Self::RunDue(c) => Target::Customer(&c.customer_id),
            Self::MarkDay(_) => Target::CustomersPartition,
            Self::UpdateCustomer(c) => Target::Customer(&c.customer_id),
            Self::RequestQualification(c) => Target::Customer(&c.customer_id),
            Self::DecideQualification(c) => Target::Customer(&c.customer_id),
            Self::TagCustomer(c) => Target::Customer(&c.customer_id),
            Self::AddReseller(c) => Target::Customer(&c.customer_id),
            Self::RemoveReseller(c) => Target::Customer(&c.customer_id),
            Self::RemoveDelegatedAdmin(c) => Target::Customer(&c.customer_id),
            Self::ExtendRelationship(c) => Target::Customer(&c.customer_id),
            Self::SetPurchasePermission(c) => Target::Customer(&c.customer_id),
            Self::CreateUser(c) => Target::Customer(&c.customer_id),
            Self::ResetUserPassword(c) => Target::Customer(&c.customer_id),
            Self::DeleteUser(c) => Target::Customer(&c.customer_id),
            Self::RestoreUsers(c) => Target::Customer(&c.customer_id),
            Self::ChangeLicenses(c) => Target::Customer(&c.customer_id),
            Self::StartTrial(c) => Target::Customer(&c.customer_id),
            Self::ConvertTrial(c) => Target::Customer(&c.customer_id),
            Self::ScheduleChange(c) => Target::Customer(&c.customer_id),
            Self::WithdrawScheduledChange(c) => Target::Customer(&c.customer_id),
            Self::UpdateSubscription(c) => Target::Customer(&c.customer_id),
            Self::Upgrade(c) => Target::Customer(&c.customer_id),
            Self::Migrate(c) => Target::Customer(&c.customer_id),
            Self::ConfirmFulfilment(c) => Target::Customer(&c.customer_id),
            Self::ExchangeReservation(c) => Target::Customer(&c.customer_id),
            Self::ChangeReservation(c) => Target::Customer(&c.customer_id),
            Self::RegisterAzureSubscription(c) => Target::Customer(&c.customer_id),
            Self::RecordUsage(c) => Target::Customer(&c.customer_id),
            Self::GrantAccess(c) => Target::Customer(&c.customer_id),
            Self::RevokeAccess(c) => Target::Customer(&c.customer_id),
            Self::LinkPartnerId(c) => Target::Customer(&c.customer_id),
            Self::ReviewEarnedCredit(c) => Target::Customer(&c.customer_id),
            Self::DisputeEarnedCredit(c) => Target::Customer(&c.customer_id),
            Self::DecideEarnedCreditDispute(c) => Target::Customer(&c.customer_id),
            Self::WithdrawEarnedCreditDispute(c) => Target::Customer(&c.customer_id),
            Self::RecordNetworkAgreement(c) => Target::Partner(&c.partner_id),
            Self::BarEarnedCredit(c) => Target::Partner(&c.partner_id),
            Self::SetSpendingBudget(c) => Target::Customer(&c.customer_id),
            Self::RemoveSpendingBudget(c) => Target::Customer(&c.customer_id),
            Self::SwitchBudgetNotice(c) => Target::Partner(&c.partner_id),
            Self::EraseCustomer(c) => Target::Customer(&c.customer_id),
            Self::RequestAzureTransfer(c) => Target::Customer(&c.customer_id),
            Self::SignTransferForm(c) => Target::Customer(&c.customer_id),
            Self::SubmitTransferForm(c) => Target::Customer(&c.customer_id),
            Self::CompleteTransfer(c) => Target::Customer(&c.customer_id),
            Self::RejectTransfer(c) => Target::Customer(&c.customer_id),
            Self::CleanTransferAccess(c) => Target::Customer(&c.customer_id),
            Self::SetLicenseGroup(c) => Target::Customer(&c.customer_id),
            Self::DeleteLicenseGroup(c) => Target::Customer(&c.customer_id),
            // Partners: accounts, bonds, memberships, rules.
            Self::OpenGlobalAccount(c) => Target::Partner(&c.partner_id),
            Self::AddLocation(c) => Target::Partner(&c.partner_id),
            Self::UpdateLegalProfile(c) => Target::Partner(&c.partner_id),
            Self::MoveHeadquarters(c) => Target::Partner(&c.partner_id),
            Self::VerifyDomain(c) => Target::Partner(&c.partner_id),
            Self::DecideVerification(c) => Target::Partner(&c.partner_id),
            Self::ProvideVerificationProof(c) => Target::Partner(&c.partner_id),
            Self::ConsolidateAccount(c) => Target::Partner(&c.partner_id),
            Self::CreateSharedServices(c) => Target::Partner(&c.partner_id),
            Self::SignPartnerAgreement(c) => Target::Partner(&c.partner_id),
            Self::EnrollReseller(c) => Target::Partner(&c.partner_id),
            Self::RestrictDirectBill(c) => Target::Partner(&c.partner_id),
            Self::LiftRestriction(c) => Target::Partner(&c.partner_id),
            Self::SuspendPartner(c) => Target::Partner(&c.partner_id),
            Self::ReinstatePartner(c) => Target::Partner(&c.partner_id),
            Self::RequestPartnership(c) => Target::Partner(&c.provider_id),
            Self::AuthorizeProvider(c) => Target::Partner(&c.provider_id),
            Self::RevokeProviderAdmin(c) => Target::Partner(&c.provider_id),
            Self::EndPartnership(c) => Target::Partner(&c.provider_id),
            Self::InviteMerge(c) => Target::Partner(&c.partner_id),
            Self::AcceptMerge(c) => Target::Partner(&c.partner_id),
            Self::RejectMerge(c) => Target::Partner(&c.partner_id),
            Self::CompleteMerge(c) => Target::Partner(&c.partner_id),
            Self::PurchaseMembership(c) => Target::Partner(&c.partner_id),
            Self::RenewMembership(c) => Target::Partner(&c.partner_id),
            Self::SetMembershipRenewal(c) => Target::Partner(&c.partner_id),
            Self::CancelMembership(c) => Target::Partner(&c.partner_id),
            Self::ActivateBenefit(c) => Target::Partner(&c.partner_id),
            Self::ReviewMemberships(c) => Target::Partner(&c.partner_id),
            Self::TieCustomer(c) => Target::Customer(&c.customer_id),
            Self::DraftAssociation(c) => Target::Customer(&c.customer_id),
            Self::SubmitAssociation(c) => Target::Customer(&c.customer_id),
            Self::AskAboutAssociation(c) => Target::Customer(&c.customer_id),
            Self::AnswerAboutAssociation(c) => Target::Customer(&c.customer_id),
            Self::NotifyAssociationCustomer(c) => Target::Customer(&c.customer_id),
            Self::OptOutOfAssociation(c) => Target::Customer(&c.customer_id),
            Self::RejectAssociation(c) => Target::Customer(&c.customer_id),
            Self::EndAssociation(c) => Target::Customer(&c.customer_id),
            Self::RecordDigitalPartner(c) => Target::Customer(&c.customer_id),
            Self::AccrueCoopFunds(c) => Target::Partner(&c.partner_id),
            Self::CreateCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::ReviseCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::AddCoopClaimDocument(c) => Target::Partner(&c.partner_id),
            Self::CommentOnCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::SubmitCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::AskAboutCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::ApproveCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::RejectCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::HandOverCoopClaim(c) => Target::Partner(&c.partner_id),
            Self::ExpireCoopFunds(c) => Target::Partner(&c.partner_id),
            // Incentives.
            Self::InviteToIncentive(c) => Target::Partner(&c.partner_id),
            Self::AcceptIncentiveInvitation(c) => Target::Partner(&c.partner_id),
            Self::UpdatePayoutProfile(c) => Target::Partner(&c.partner_id),
            Self::SetIncentiveEnrollment(c) => Target::Partner(&c.partner_id),
            Self::CloseEarnings(c) => Target::Partner(&c.partner_id),
            Self::OrderIncentivePayment(c) => Target::Partner(&c.partner_id),
            Self::SetIncentivePaymentStatus(c) => Target::Partner(&c.partner_id),
            Self::SubmitTaxInvoice(c) => Target::Partner(&c.partner_id),
            Self::DisputeEarning(c) => Target::Partner(&c.partner_id),
            Self::DecideEarningDispute(c) => Target::Partner(&c.partner_id),
            Self::AssignRole(c) => Target::Partner(&c.partner_id),
            Self::RemoveRole(c) => Target::Partner(&c.partner_id),
            Self::RecordAccess(_) => Target::Access,
        }
    }

    /// Whether a decision about one partner looks at other partners too.
    pub fn refers_to_partners(&self) -> bool {
        matches!(
            self,
            Self::OpenGlobalAccount(_)
                | Self::AddLocation(_)
                | Self::ConsolidateAccount(_)
                | Self::RequestPartnership(_)
                | Self::InviteMerge(_)
                | Self::CompleteMerge(_)
                | Self::PurchaseMembership(_)
                | Self::RenewMembership(_)
        )
    }

    /// Whether only the ledger itself may send it.
    pub fn is_reserved(&self) -> bool {
        matches!(self, Self::RunDue(_) | Self::MarkDay(_))
    }
}
