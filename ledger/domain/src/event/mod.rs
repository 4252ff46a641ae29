//! Events: what happened. Immutable, and enough to rebuild every state from.

mod access;
mod account;
mod association;
mod catalog;
mod charge;
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
mod transfer;
mod trial;
mod usage;
mod user;

use serde::{Deserialize, Serialize};

use crate::charge::Charged;

pub use self::{
    access::*, account::*, association::*, catalog::*, charge::*, coop::*, customer::*, incentive::*, membership::*,
    partner::*, partnership::*, program::*, receivables::*, sla::*, subscription::*, transfer::*, trial::*, usage::*,
    user::*,
};

macro_rules! event {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

use event;

macro_rules! events {
    ($($name:ident,)*) => {
        /// An event.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        #[allow(clippy::large_enum_variant, reason = "a charge is the largest, and most events are charges")]
        pub enum Event { $($name($name),)* }

        impl Event {
            /// The event's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }
        }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

events! {
    OfferPublished, PricesPublished, DayClosed,
    TaxRatesPublished, PaymentInstructionsPublished,
    PartnerRegistered, InvoiceIssued,
    BillingProfileUpdated, TaxIdSubmitted, TaxIdValidated, TaxIdRejected, TaxExemptionSubmitted, TaxExemptionGranted,
    TaxExemptionRefused,
    CustomerCreated, AgreementAccepted, RelationshipRequested, RelationshipEstablished, RelationshipRemoved,
    OrderPlaced, SubscriptionCreated, QuantityChanged, SubscriptionSuspended, SubscriptionReactivated,
    SubscriptionCancelled, BillingFrequencyChanged, AutoRenewChanged, SubscriptionConverted, SubscriptionRenewed,
    SubscriptionExpired, SubscriptionDeprovisioned, TermRolled, TermEnded, TrialConverted, CancellationScheduled,
    TransferRequested, TransferCompleted, TransferDeclined, TransferWithdrawn, TransferExpired,
    PaymentReceived, PaymentAllocated, PaymentReleased, PaymentRefunded, CreditAllocated, CreditReleased,
    PartnerBecameDelinquent, PartnerAccountSuspended, PartnerAccountReinstated,
    WithholdingRequested, WithholdingReturned, WithholdingResubmitted, WithholdingApproved,
    CreditNoteRequested, CreditNoteRefused, CreditNoteIssued, InvoiceRebilled,
    SlaClaimSubmitted, SlaClaimantAsked, SlaClaimAnswered, SlaClaimApproved, SlaClaimRefused, AdjustmentPosted,
    Charged, PeriodStarted, PartitionDayClosed,
    CustomerUpdated, QualificationRequested, QualificationDecided, CustomerTagged, ResellerAdded, ResellerRemoved,
    DelegatedAdminRequested, DelegatedAdminGranted, DelegatedAdminRemoved, PurchasePermissionChanged,
    UserCreated, UserPasswordReset, UserDeleted, UserRestored, UserPurged, LicensesChanged,
    TrialStarted, TrialExpired, FreeTrialConverted, ChangeScheduled, ScheduledChangeWithdrawn, ScheduledChangeApplied,
    SubscriptionDetailsChanged, SubscriptionUpgraded, SubscriptionMigrated,
    TrialsPublished,
    CustomerErased,
    PromotionPublished, RefundCapPublished, FulfilmentConfirmed, SubscriptionActivated, CancellationWithdrawn,
    ReservationRefunded, ReservationExchanged, ReservationChanged,
    MetersPublished, MeterPricesPublished, ExchangeRatesPublished, CreditTermsPublished,
    NetworkAgreementRecorded, EarnedCreditBarred,
    AzureSubscriptionRegistered, UsageRecorded, UsageRated, UsageCharged, AccessGranted, AccessRevoked, PartnerIdLinked,
    EarnedCreditReviewed, EarnedCreditDisputed, EarnedCreditDisputeDecided, EarnedCreditDisputeWithdrawn,
    SpendingBudgetSet, SpendingBudgetRemoved, BudgetThresholdReached, BudgetNoticeSwitched, EarnedCreditLost,
    // Requests that run out, transfers by form, groups of licenses.
    RelationshipRequestExpired, TransferFormSigned, TransferFormSubmitted, TransferAccessCleaned,
    LicenseGroupSet, LicenseGroupDeleted,
    // Partners: accounts, bonds, memberships, rules.
    GlobalAccountOpened, LocationAdded, LegalProfileUpdated, HeadquartersMoved, DomainVerified, VerificationDecided, VerificationProofProvided, AccountConsolidated, SharedServicesCreated, PartnerAgreementSigned, ResellerEnrolled, DirectBillRestricted, RestrictionLifted,
    PartnershipRequested, PartnershipAuthorized, ProviderAdminRevoked, PartnershipEnded, MergeInvited, MergeAccepted, MergeRejected, AccountsMerged,
    MembershipPurchased, MembershipRenewed, MembershipRenewalStopped, MembershipCancelled, BenefitActivated, MembershipReminded, MembershipLapsed,
    PartnerAgreementPublished, PartnerRulesPublished, CustomerTied,
    AssociationDrafted, AssociationSubmitted, AssociationInformationRequested, AssociationInformationProvided,
    AssociationCustomerNotified, AssociationOptedOut, AssociationRejected, AssociationActivated,
    AssociationExtended, AssociationEnded, DigitalPartnerRecorded,
    UsagePeriodsPublished, CoopFundsAccrued, CoopClaimCreated, CoopClaimRevised, CoopClaimDocumentAdded,
    CoopClaimCommented, CoopClaimSubmitted, CoopClaimInformationRequested, CoopClaimApproved, CoopClaimRejected,
    CoopClaimHandedOver, CoopFundsExpired,
    // Incentives.
    IncentiveProgramsPublished, IncentiveRatesPublished, IncentiveEnrollmentChanged, PayoutProfileUpdated, EarningsClosed,
    IncentivePaymentOrdered, IncentivePaymentDeferred, IncentivePaymentStatusChanged, TaxInvoiceSubmitted,
    EarningDisputed, EarningDisputeDecided,
    // Access.
    RoleAssigned, RoleRemoved, AccessRecorded,
}
