//! Why a command is refused: data, not an error. A rejection is recorded like an acceptance.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// A stable reason code. Programs match on its text, so it never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code, as `ErrorInfo.reason` carries it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason with that code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// A field is absent that the command needs.
    RequiredFieldMissing = "REQUIRED_FIELD_MISSING",
    /// A field has a value that its rule does not accept.
    InvalidValue = "INVALID_VALUE",
    /// The stream has another version than the command expects.
    VersionMismatch = "VERSION_MISMATCH",
    /// The effective time lies after the ledger's business day.
    EffectiveInFuture = "EFFECTIVE_IN_FUTURE",
    /// The effective time lies before something that already happened to the same subscription.
    EffectiveBeforeLastChange = "EFFECTIVE_BEFORE_LAST_CHANGE",
    /// Only the ledger itself sends this command.
    CommandReserved = "COMMAND_RESERVED",

    /// The day is closed already.
    DayAlreadyClosed = "DAY_ALREADY_CLOSED",
    /// Days close one after another.
    DayNotNext = "DAY_NOT_NEXT",
    /// The day is not over by the ledger's clock.
    DayNotOver = "DAY_NOT_OVER",
    /// No such offer is published.
    OfferNotFound = "OFFER_NOT_FOUND",
    /// The offer has no price in this currency on this day.
    OfferNotInPriceList = "OFFER_NOT_IN_PRICE_LIST",
    /// A trial is not bought by an order.
    TrialNotOffered = "TRIAL_NOT_OFFERED",
    /// The offer is not sold any more.
    OfferRetired = "OFFER_RETIRED",

    /// A partner with this id exists.
    PartnerAlreadyExists = "PARTNER_ALREADY_EXISTS",
    /// No partner has this id.
    PartnerNotFound = "PARTNER_NOT_FOUND",
    /// The currency is not the one of the country.
    CurrencyMismatch = "CURRENCY_MISMATCH",
    /// An invoice of that family, currency and period was issued before.
    InvoiceAlreadyIssued = "INVOICE_ALREADY_ISSUED",
    /// An invoice must begin where the previous one ended.
    InvoicePeriodGap = "INVOICE_PERIOD_GAP",

    /// A VAT id does not look like one of the country.
    VatIdFormatInvalid = "VAT_ID_FORMAT_INVALID",
    /// A partner in the European Union sells nothing before its VAT id is valid.
    VatIdRequiredBeforeSale = "VAT_ID_REQUIRED_BEFORE_SALE",
    /// The tax id was given before.
    TaxIdAlreadySubmitted = "TAX_ID_ALREADY_SUBMITTED",
    /// There is no such tax id to answer.
    TaxIdNotSubmitted = "TAX_ID_NOT_SUBMITTED",
    /// An exemption needs its document.
    TaxDocumentMissing = "TAX_DOCUMENT_MISSING",
    /// That document does not exempt from that tax there.
    TaxDocumentNotAcceptedInRegion = "TAX_DOCUMENT_NOT_ACCEPTED_IN_REGION",
    /// Tax does not change for days that are over.
    TaxChangeNotRetroactive = "TAX_CHANGE_NOT_RETROACTIVE",
    /// The partner has no such exemption.
    TaxExemptionNotFound = "TAX_EXEMPTION_NOT_FOUND",
    /// An exemption with this id exists.
    TaxExemptionAlreadyExists = "TAX_EXEMPTION_ALREADY_EXISTS",
    /// The exemption has its answer.
    TaxExemptionClosed = "TAX_EXEMPTION_CLOSED",
    /// The last published rate of a tax has ended, and nothing says what holds since.
    TaxRateMissing = "TAX_RATE_MISSING",

    /// The partner has no such invoice.
    InvoiceNotFound = "INVOICE_NOT_FOUND",
    /// Nothing is due on the invoice.
    InvoiceNotOpen = "INVOICE_NOT_OPEN",
    /// A payment with this id was received before.
    PaymentAlreadyExists = "PAYMENT_ALREADY_EXISTS",
    /// The partner has no such payment.
    PaymentNotFound = "PAYMENT_NOT_FOUND",
    /// More than the payment has left.
    AllocationExceedsPayment = "ALLOCATION_EXCEEDS_PAYMENT",
    /// More than is due on the invoice.
    AllocationExceedsOpenAmount = "ALLOCATION_EXCEEDS_OPEN_AMOUNT",
    /// More than the negative invoice has left.
    AllocationExceedsCredit = "ALLOCATION_EXCEEDS_CREDIT",
    /// More than the payment has unallocated.
    RefundExceedsUnallocated = "REFUND_EXCEEDS_UNALLOCATED",
    /// The partner has invoices that are too long overdue; it sells nothing new until it pays.
    PartnerSuspended = "PARTNER_SUSPENDED",
    /// No payment was allocated to the invoice yet.
    InvoiceNotPaid = "INVOICE_NOT_PAID",
    /// More tax than the whole invoice.
    WithholdingExceedsInvoiceTotal = "WITHHOLDING_EXCEEDS_INVOICE_TOTAL",
    /// More tax than is due on the invoice.
    WithholdingExceedsOpenAmount = "WITHHOLDING_EXCEEDS_OPEN_AMOUNT",
    /// A withholding request needs the authority's certificate.
    CertificateMissing = "CERTIFICATE_MISSING",
    /// The certificate is no PDF, JPEG, PNG or GIF.
    CertificateFormatInvalid = "CERTIFICATE_FORMAT_INVALID",
    /// The certificate's file name has a space or a special character.
    CertificateNameInvalid = "CERTIFICATE_NAME_INVALID",
    /// The certificate says another amount.
    CertificateAmountMismatch = "CERTIFICATE_AMOUNT_MISMATCH",
    /// The invoice has a withholding request that is not decided.
    RequestAlreadyOpenForInvoice = "REQUEST_ALREADY_OPEN_FOR_INVOICE",
    /// A request with this id exists.
    RequestAlreadyExists = "REQUEST_ALREADY_EXISTS",
    /// The partner has no such request.
    RequestNotFound = "REQUEST_NOT_FOUND",
    /// The request was not sent back for a change.
    RequestNotEditable = "REQUEST_NOT_EDITABLE",
    /// The request is not waiting for a decision.
    RequestNotSubmitted = "REQUEST_NOT_SUBMITTED",
    /// Only one-time and recurring invoices have credit notes.
    CreditNoteNotSupportedForFamily = "CREDIT_NOTE_NOT_SUPPORTED_FOR_FAMILY",
    /// A credit note cancelled the invoice.
    InvoiceAlreadyCancelled = "INVOICE_ALREADY_CANCELLED",
    /// The reason is none for a credit note, or not in the partner's country.
    CreditReasonInvalid = "CREDIT_REASON_INVALID",
    /// A credit note was requested already.
    CreditNoteAlreadyRequested = "CREDIT_NOTE_ALREADY_REQUESTED",
    /// Nobody requested a credit note for the invoice.
    CreditNoteNotRequested = "CREDIT_NOTE_NOT_REQUESTED",
    /// Only a cancelled invoice is billed again.
    CreditNoteNotIssued = "CREDIT_NOTE_NOT_ISSUED",
    /// The invoice was billed again already.
    InvoiceAlreadyRebilled = "INVOICE_ALREADY_REBILLED",
    /// The claim came after the month that follows the incident's.
    SlaClaimTooLate = "SLA_CLAIM_TOO_LATE",
    /// Only a direct bill partner or an indirect provider claims.
    SlaClaimantNotAllowed = "SLA_CLAIMANT_NOT_ALLOWED",
    /// The incident's id is not two capital letters and a number.
    IncidentIdInvalid = "INCIDENT_ID_INVALID",
    /// The customer did not buy the service through this partner.
    NotPurchasedThroughCsp = "NOT_PURCHASED_THROUGH_CSP",
    /// The incident concerns another service.
    ServiceNotAffected = "SERVICE_NOT_AFFECTED",
    /// The incident was claimed for this customer before.
    DuplicateSlaClaim = "DUPLICATE_SLA_CLAIM",
    /// The customer has no such claim.
    SlaClaimNotFound = "SLA_CLAIM_NOT_FOUND",
    /// The claim is not waiting for this.
    SlaClaimNotOpen = "SLA_CLAIM_NOT_OPEN",
    /// The subscription has no such line among those that still stand.
    LineNotFound = "LINE_NOT_FOUND",
    /// More than is left of the line.
    AdjustmentExceedsLine = "ADJUSTMENT_EXCEEDS_LINE",

    /// A customer with this id exists.
    CustomerAlreadyExists = "CUSTOMER_ALREADY_EXISTS",
    /// No customer has this id.
    CustomerNotFound = "CUSTOMER_NOT_FOUND",
    /// The domain prefix is not 1 to 27 letters and digits.
    DomainInvalid = "DOMAIN_INVALID",
    /// The agreement cannot be accepted tomorrow.
    AcceptanceDateInFuture = "ACCEPTANCE_DATE_IN_FUTURE",
    /// An indirect reseller cannot create tenants; its provider does.
    ResellerCannotCreateTenant = "RESELLER_CANNOT_CREATE_TENANT",
    /// An indirect reseller cannot attest the agreement; its provider does.
    ResellerCannotAttest = "RESELLER_CANNOT_ATTEST",
    /// An indirect reseller cannot buy; its provider does.
    ResellerCannotTransact = "RESELLER_CANNOT_TRANSACT",
    /// The partner may not sell in the customer's market, or the offer is not sold there.
    MarketNotAllowed = "MARKET_NOT_ALLOWED",
    /// There is no active relationship between the partner and the customer.
    RelationshipRequired = "RELATIONSHIP_REQUIRED",
    /// The relationship is active or requested already.
    RelationshipExists = "RELATIONSHIP_EXISTS",
    /// The request was not answered in time.
    RequestExpired = "REQUEST_EXPIRED",
    /// Nobody requested the relationship.
    RelationshipNotRequested = "RELATIONSHIP_NOT_REQUESTED",
    /// Subscriptions are active; the relationship stays.
    ActiveSubscriptionsExist = "ACTIVE_SUBSCRIPTIONS_EXIST",
    /// The customer agreement is not accepted for this partner.
    McaNotAccepted = "MCA_NOT_ACCEPTED",

    /// The subscription's id is in use.
    SubscriptionAlreadyExists = "SUBSCRIPTION_ALREADY_EXISTS",
    /// The customer has no such subscription.
    SubscriptionNotFound = "SUBSCRIPTION_NOT_FOUND",
    /// The partner does not own the subscription.
    SubscriptionNotOwned = "SUBSCRIPTION_NOT_OWNED",
    /// The subscription is not active.
    SubscriptionNotActive = "SUBSCRIPTION_NOT_ACTIVE",
    /// The subscription is not suspended.
    SubscriptionNotSuspended = "SUBSCRIPTION_NOT_SUSPENDED",
    /// The subscription has expired or was deprovisioned.
    SubscriptionClosed = "SUBSCRIPTION_CLOSED",
    /// It went to another partner.
    SubscriptionTransferred = "SUBSCRIPTION_TRANSFERRED",
    /// It was suspended for a breach of the terms of use.
    SuspensionEnforced = "SUSPENSION_ENFORCED",
    /// Its suspension lasted too long.
    HoldExpired = "HOLD_EXPIRED",
    /// Its term ended while it was suspended.
    TermEnded = "TERM_ENDED",
    /// An order with this id exists.
    OrderAlreadyExists = "ORDER_ALREADY_EXISTS",
    /// The customer has no such order.
    OrderNotFound = "ORDER_NOT_FOUND",
    /// Fewer seats than the offer's minimum.
    QuantityBelowMinimum = "QUANTITY_BELOW_MINIMUM",
    /// More seats than the offer's maximum.
    QuantityAboveMaximum = "QUANTITY_ABOVE_MAXIMUM",
    /// The quantity is what it was.
    QuantityUnchanged = "QUANTITY_UNCHANGED",
    /// A trial's quantity is fixed.
    TrialQuantityFixed = "TRIAL_QUANTITY_FIXED",
    /// A billing frequency must be given.
    BillingFrequencyRequired = "BILLING_FREQUENCY_REQUIRED",
    /// The offer is not billed that way.
    FrequencyNotOffered = "FREQUENCY_NOT_OFFERED",
    /// The frequency is what it was.
    FrequencyUnchanged = "FREQUENCY_UNCHANGED",
    /// The customer may not own more of this offer.
    OfferLimitExceeded = "OFFER_LIMIT_EXCEEDED",
    /// An add-on stands on a base subscription.
    AddonRequiresBase = "ADDON_REQUIRES_BASE",
    /// This offer cannot be changed, extended or cancelled within its term.
    OfferLocked = "OFFER_LOCKED",
    /// The renewal of this product family cannot be switched.
    AutoRenewNotSwitchable = "AUTO_RENEW_NOT_SWITCHABLE",
    /// It renews, or does not renew, already.
    AutoRenewUnchanged = "AUTO_RENEW_UNCHANGED",
    /// A marketplace product is cancelled, not suspended.
    UseCancel = "USE_CANCEL",
    /// Only a marketplace product has plans to convert between.
    ConvertNotOffered = "CONVERT_NOT_OFFERED",
    /// The new plan is the old one.
    ConvertTargetSameSku = "CONVERT_TARGET_SAME_SKU",

    /// The customer has no such transfer.
    TransferNotFound = "TRANSFER_NOT_FOUND",
    /// A transfer with this id exists.
    TransferAlreadyExists = "TRANSFER_ALREADY_EXISTS",
    /// The transfer has its answer.
    TransferClosed = "TRANSFER_CLOSED",
    /// An open transfer stands against it.
    TransferInProgress = "TRANSFER_IN_PROGRESS",
    /// A line is in another open transfer.
    InAnotherRequest = "IN_ANOTHER_REQUEST",
    /// A line is not active any more.
    TransferLineNotActive = "TRANSFER_LINE_NOT_ACTIVE",
    /// An add-on moves with its base only.
    AddonMovesWithBase = "ADDON_MOVES_WITH_BASE",
    /// A trial does not move.
    NotTransferableTrial = "NOT_TRANSFERABLE_TRIAL",
    /// A suspended subscription does not move.
    NotTransferableSuspended = "NOT_TRANSFERABLE_SUSPENDED",
    /// A marketplace subscription does not move.
    NotTransferableMarketplace = "NOT_TRANSFERABLE_MARKETPLACE",
    /// Software, reservations and other one-time purchases do not move.
    NotTransferableTermBased = "NOT_TRANSFERABLE_TERM_BASED",
    /// An Azure plan does not move.
    NotTransferableAzurePlan = "NOT_TRANSFERABLE_AZURE_PLAN",
    /// A reservation does not move.
    NotTransferableReservation = "NOT_TRANSFERABLE_RESERVATION",
    /// Only a classic Azure subscription moves by a form.
    OfferNotTransferable = "OFFER_NOT_TRANSFERABLE",
    /// The customer asks its partner in writing for the transfer.
    CustomerRequestMissing = "CUSTOMER_REQUEST_MISSING",
    /// The subscription belongs to another partner.
    NotCurrentPartner = "NOT_CURRENT_PARTNER",
    /// The partner and the customer are not in one country.
    CountryMismatch = "COUNTRY_MISMATCH",
    /// Not everybody has signed the form.
    SignaturesIncomplete = "SIGNATURES_INCOMPLETE",
    /// The form bears that signature, or waits for another first.
    SignatureOutOfTurn = "SIGNATURE_OUT_OF_TURN",
    /// An administrator of each partner is named for questions.
    AdminContactMissing = "ADMIN_CONTACT_MISSING",
    /// The transfer is not at the step that the command belongs to.
    TransferStepOutOfTurn = "TRANSFER_STEP_OUT_OF_TURN",
    /// A locked 72-month subscription does not move.
    NotTransferableLocked = "NOT_TRANSFERABLE_LOCKED",
    /// Only the parties of a transfer act on it.
    NotATransferParty = "NOT_A_TRANSFER_PARTY",
    /// Source and target are one partner.
    TransferTargetIsSource = "TRANSFER_TARGET_IS_SOURCE",

    /// The partner's kind may not do this.
    PartnerTypeNotAllowed = "PARTNER_TYPE_NOT_ALLOWED",
    /// The customer does not qualify for offers of that segment.
    SegmentNotQualified = "SEGMENT_NOT_QUALIFIED",
    /// The segment is being examined, or was granted.
    QualificationExists = "QUALIFICATION_EXISTS",
    /// Nobody asked for that qualification.
    QualificationNotRequested = "QUALIFICATION_NOT_REQUESTED",
    /// A free mail provider's address, or the tenant's own, does not show who the entity is.
    EmailNotEntityOwned = "EMAIL_NOT_ENTITY_OWNED",
    /// The reseller works for this customer already.
    ResellerExists = "RESELLER_EXISTS",
    /// The reseller does not work for this customer.
    ResellerNotFound = "RESELLER_NOT_FOUND",
    /// The reseller has no active relationship with the customer.
    ResellerNoRelationship = "RESELLER_NO_RELATIONSHIP",
    /// The reseller has no delegated admin rights.
    ResellerNoDap = "RESELLER_NO_DAP",
    /// The partner needs delegated admin rights for this.
    DelegatedAdminRequired = "DELEGATED_ADMIN_REQUIRED",
    /// The customer's consent must be dated.
    ConsentRequired = "CONSENT_REQUIRED",
    /// The partner holds no active Azure subscription of the customer.
    NoAzureSubscription = "NO_AZURE_SUBSCRIPTION",
    /// The partner does not permit the customer to buy that by itself.
    PermissionDisabled = "PERMISSION_DISABLED",
    /// The customer may, or may not, do that already.
    PermissionUnchanged = "PERMISSION_UNCHANGED",
    /// A user with this id, or this address, exists.
    UserAlreadyExists = "USER_ALREADY_EXISTS",
    /// The customer has no such user.
    UserNotFound = "USER_NOT_FOUND",
    /// The user is deleted.
    UserDeleted = "USER_DELETED",
    /// The user is not deleted.
    UserNotDeleted = "USER_NOT_DELETED",
    /// The user was deleted too long ago.
    RestoreWindowPassed = "RESTORE_WINDOW_PASSED",
    /// Fewer licenses are free than asked for.
    NoAvailableLicense = "NO_AVAILABLE_LICENSE",
    /// More licenses are assigned than would be left.
    LicensesStillAssigned = "LICENSES_STILL_ASSIGNED",
    /// The publisher assigns the licenses of its product.
    LicenseManagedByPublisher = "LICENSE_MANAGED_BY_PUBLISHER",
    /// The user has that license.
    LicenseAssigned = "LICENSE_ASSIGNED",
    /// The user does not have that license.
    LicenseNotAssigned = "LICENSE_NOT_ASSIGNED",
    /// The customer has no such group of licenses.
    LicenseGroupNotFound = "LICENSE_GROUP_NOT_FOUND",
    /// One free trial of an offer for each customer.
    TrialAlreadyUsed = "TRIAL_ALREADY_USED",
    /// The customer has what it would try.
    OfferAlreadyOwned = "OFFER_ALREADY_OWNED",
    /// The trial is over.
    TrialEnded = "TRIAL_ENDED",
    /// The subscription is no free trial.
    TrialNotFound = "TRIAL_NOT_FOUND",
    /// The trial does not become that offer.
    TrialNotConvertible = "TRIAL_NOT_CONVERTIBLE",
    /// The number of seats must be given.
    QuantityRequired = "QUANTITY_REQUIRED",
    /// A change is scheduled already.
    ChangeAlreadyScheduled = "CHANGE_ALREADY_SCHEDULED",
    /// Nothing is scheduled.
    ChangeNotScheduled = "CHANGE_NOT_SCHEDULED",
    /// No row of the table leads from the one offer to the other.
    UpgradePathUnknown = "UPGRADE_PATH_UNKNOWN",
    /// The customer has the offer already, from this partner or another.
    TargetAlreadyOwned = "TARGET_ALREADY_OWNED",
    /// An add-on does not stand on the new offer.
    AddonIncompatible = "ADDON_INCOMPATIBLE",
    /// It was upgraded to another offer.
    SubscriptionUpgraded = "SUBSCRIPTION_UPGRADED",
    /// It was migrated to its replacement.
    SubscriptionMigrated = "SUBSCRIPTION_MIGRATED",
    /// The replacement is not active, or is none.
    ReplacementNotActive = "REPLACEMENT_NOT_ACTIVE",
    /// The subscriptions that follow are not those the sender confirmed.
    ConfirmationStale = "CONFIRMATION_STALE",
    /// The publisher sells the offer to no partner.
    OfferNotInCsp = "OFFER_NOT_IN_CSP",
    /// The publisher sells the offer to chosen partners only.
    ExclusiveOfferNotGranted = "EXCLUSIVE_OFFER_NOT_GRANTED",
    /// The offer's trial can neither be waived nor changed.
    TrialNotWaivable = "TRIAL_NOT_WAIVABLE",
    /// The publisher has nothing to confirm, or no more.
    FulfilmentNotPending = "FULFILMENT_NOT_PENDING",
    /// The publisher has confirmed this before.
    FulfilmentAlreadyConfirmed = "FULFILMENT_ALREADY_CONFIRMED",
    /// The purchase has another authorization code.
    AuthorizationCodeMismatch = "AUTHORIZATION_CODE_MISMATCH",
    /// It ends with its term already.
    CancellationAlreadyScheduled = "CANCELLATION_ALREADY_SCHEDULED",
    /// The new plan is of another product.
    ConvertTargetOtherProduct = "CONVERT_TARGET_OTHER_PRODUCT",
    /// It can neither be cancelled nor exchanged.
    NotReturnable = "NOT_RETURNABLE",
    /// Software can be cancelled within 60 days only.
    SoftwareCancelWindowPassed = "SOFTWARE_CANCEL_WINDOW_PASSED",
    /// A part of it cannot be returned.
    PartialReturnNotAllowed = "PARTIAL_RETURN_NOT_ALLOWED",
    /// Its quantity stays as bought.
    QuantityFixed = "QUANTITY_FIXED",
    /// The Azure plan or subscription is not an active one of the partner.
    AzureSubscriptionNotActive = "AZURE_SUBSCRIPTION_NOT_ACTIVE",
    /// A reservation is bought under an Azure plan.
    ReservationRequiresAzurePlan = "RESERVATION_REQUIRES_AZURE_PLAN",
    /// No reservation is sold in the customer's market.
    ReservationMarketExcluded = "RESERVATION_MARKET_EXCLUDED",
    /// Under an Azure plan the scope is shared.
    ScopeMustBeShared = "SCOPE_MUST_BE_SHARED",
    /// A provider names the reseller.
    ResellerRequired = "RESELLER_REQUIRED",
    /// The reseller is not the Azure plan's or subscription's.
    ResellerMismatch = "RESELLER_MISMATCH",
    /// The year's refunds of reservations would be above the cap.
    ReservationRefundCapExceeded = "RESERVATION_REFUND_CAP_EXCEEDED",
    /// Nobody published what the cap is in this currency.
    RefundCapUnknown = "REFUND_CAP_UNKNOWN",
    /// The new reservation costs less than what is credited of the old one.
    ExchangeValueTooLow = "EXCHANGE_VALUE_TOO_LOW",
    /// The customer has an Azure plan of this partner and reseller.
    AzurePlanExists = "AZURE_PLAN_EXISTS",
    /// With an Azure plan, classic Azure subscriptions are bought no more.
    AzurePlanBlocks0145p = "AZURE_PLAN_BLOCKS_0145P",
    /// Something still stands under the Azure plan.
    AzurePlanNotEmpty = "AZURE_PLAN_NOT_EMPTY",
    /// No meter of that id is published.
    UnknownMeter = "UNKNOWN_METER",
    /// The customer has no Azure subscription of that id.
    UnknownAzureSubscription = "UNKNOWN_AZURE_SUBSCRIPTION",
    /// An Azure subscription of that id is registered.
    AzureSubscriptionExists = "AZURE_SUBSCRIPTION_EXISTS",
    /// Closed days were rated at another price.
    MeterPriceInUse = "METER_PRICE_IN_USE",
    /// A month's exchange rate stays.
    ExchangeRateFixed = "EXCHANGE_RATE_FIXED",
    /// Nothing is used by less than nothing.
    NegativeQuantity = "NEGATIVE_QUANTITY",
    /// The record counts in another unit than its meter.
    UnitMismatch = "UNIT_MISMATCH",
    /// It was used before the subscription began, or on a day to come.
    UsageDateOutOfRange = "USAGE_DATE_OUT_OF_RANGE",
    /// It was used after the subscription had been cancelled or suspended.
    UsageAfterCancellation = "USAGE_AFTER_CANCELLATION",
    /// Usage of that day is taken no more.
    UsagePeriodClosed = "USAGE_PERIOD_CLOSED",
    /// The hour or day was recorded with another quantity.
    UsageAlreadyRecorded = "USAGE_ALREADY_RECORDED",
    /// What the correction corrects was never recorded.
    UsageNotFound = "USAGE_NOT_FOUND",
    /// The correction corrects another quantity than was recorded.
    UsageConflict = "USAGE_CONFLICT",
    /// A day is recorded by its hours or as a whole.
    UsageGranularityMixed = "USAGE_GRANULARITY_MIXED",
    /// The customer has too many resources and meters in use.
    TooManyMeteredResources = "TOO_MANY_METERED_RESOURCES",
    /// A role of that id was given.
    AssignmentExists = "ASSIGNMENT_EXISTS",
    /// No role of that id was given.
    AssignmentNotFound = "ASSIGNMENT_NOT_FOUND",
    /// The customer has too many roles given.
    TooManyAssignments = "TOO_MANY_ASSIGNMENTS",
    /// A budget is above 0.
    BudgetNotPositive = "BUDGET_NOT_POSITIVE",
    /// A notice goes to an e-mail address.
    EmailInvalid = "EMAIL_INVALID",
    /// The budget is not in the currency that the customer's usage is billed in.
    BudgetCurrencyMismatch = "BUDGET_CURRENCY_MISMATCH",
    /// The customer has no Azure subscription of the partner.
    NoUsageSubscription = "NO_USAGE_SUBSCRIPTION",
    /// There is no budget.
    NoBudgetSet = "NO_BUDGET_SET",
    /// Who the customer is was erased: nothing personal is recorded of it any more.
    CustomerErased = "CUSTOMER_ERASED",

    /// A partner that is restricted by its publisher sells nothing new by itself.
    PartnerRestricted = "PARTNER_RESTRICTED",
    /// The partner has not signed the agreement that is required.
    PartnerAgreementMissing = "PARTNER_AGREEMENT_MISSING",
    /// No such version of the partner agreement is published.
    AgreementVersionUnknown = "AGREEMENT_VERSION_UNKNOWN",
    /// The partner signed that version before.
    AgreementAlreadySigned = "AGREEMENT_ALREADY_SIGNED",
    /// Only the company's global admin may do that.
    NotGlobalAdmin = "NOT_GLOBAL_ADMIN",
    /// Nobody has proved a domain of the company yet.
    NoGlobalAdmin = "NO_GLOBAL_ADMIN",
    /// The company has its global account.
    GlobalAccountExists = "GLOBAL_ACCOUNT_EXISTS",
    /// The company has no global account.
    GlobalAccountMissing = "GLOBAL_ACCOUNT_MISSING",
    /// Another account has that id in the partner network.
    MpnIdInUse = "MPN_ID_IN_USE",
    /// The partner has no such location.
    LocationNotFound = "LOCATION_NOT_FOUND",
    /// An order comes from a location.
    LocationRequired = "LOCATION_REQUIRED",
    /// A global account does not transact; its locations do.
    PgaCannotTransact = "PGA_CANNOT_TRANSACT",
    /// The country of a partner stays.
    CountryLocked = "COUNTRY_LOCKED",
    /// The legal name of an authorized company is changed by support only.
    LegalNameLocked = "LEGAL_NAME_LOCKED",
    /// The check does not wait for an answer.
    VerificationNotOpen = "VERIFICATION_NOT_OPEN",
    /// The check did not fail.
    VerificationNotFailed = "VERIFICATION_NOT_FAILED",
    /// No document answers that check.
    ProofNotAccepted = "PROOF_NOT_ACCEPTED",
    /// The company's domain is proved.
    DomainAlreadyVerified = "DOMAIN_ALREADY_VERIFIED",
    /// The partner has its tenant for shared services.
    SharedServicesExists = "SHARED_SERVICES_EXISTS",
    /// A tenant for shared services takes only their offer.
    OfferNotAllowedOnSharedServicesTenant = "OFFER_NOT_ALLOWED_ON_SHARED_SERVICES_TENANT",
    /// The offer of shared services is for their tenant only.
    SharedServicesTenantRequired = "SHARED_SERVICES_TENANT_REQUIRED",
    /// The partner is enrolled as a reseller.
    ResellerAlreadyEnrolled = "RESELLER_ALREADY_ENROLLED",
    /// The partner is not enrolled as a reseller.
    ResellerNotEnrolled = "RESELLER_NOT_ENROLLED",
    /// The partner is restricted.
    AlreadyRestricted = "ALREADY_RESTRICTED",
    /// The partner is not restricted.
    NotRestricted = "NOT_RESTRICTED",
    /// The account is suspended for that.
    AlreadySuspended = "ALREADY_SUSPENDED",
    /// The account is not suspended for that.
    NotSuspended = "NOT_SUSPENDED",
    /// What is overdue, and that it is paid, is found by the ledger.
    SuspensionFollowsPayments = "SUSPENSION_FOLLOWS_PAYMENTS",
    /// Only support does that, on a request.
    SupportRequestRequired = "SUPPORT_REQUEST_REQUIRED",
    /// The two are partners, or one invited the other.
    PartnershipExists = "PARTNERSHIP_EXISTS",
    /// The provider has not invited the reseller.
    PartnershipNotRequested = "PARTNERSHIP_NOT_REQUESTED",
    /// The two are no partners.
    PartnershipNotFound = "PARTNERSHIP_NOT_FOUND",
    /// The box is not ticked.
    ConfirmationRequired = "CONFIRMATION_REQUIRED",
    /// The provider has no administrator access any more.
    AdminAccessRevoked = "ADMIN_ACCESS_REVOKED",
    /// The provider has no partnership with the reseller.
    ResellerNoPartnership = "RESELLER_NO_PARTNERSHIP",
    /// The company invited that company, or has a merge of that id.
    MergeExists = "MERGE_EXISTS",
    /// The company has no such merge.
    MergeNotFound = "MERGE_NOT_FOUND",
    /// No company has that global account.
    MergeTargetUnknown = "MERGE_TARGET_UNKNOWN",
    /// A merge addresses a company by its global account, not by a location.
    MergeTargetNotGlobalAccount = "MERGE_TARGET_NOT_GLOBAL_ACCOUNT",
    /// The other company has not accepted.
    MergeNotAccepted = "MERGE_NOT_ACCEPTED",
    /// The merge is answered already.
    MergeClosed = "MERGE_CLOSED",
    /// The account is a location of another company.
    AccountAbsorbed = "ACCOUNT_ABSORBED",
    /// The renewal begins the day after the anniversary.
    RenewalWindowNotOpen = "RENEWAL_WINDOW_NOT_OPEN",
    /// The renewal ended 30 days after the anniversary.
    RenewalWindowClosed = "RENEWAL_WINDOW_CLOSED",
    /// What was turned off stays off until the next renewal.
    AutorenewLockedOff = "AUTORENEW_LOCKED_OFF",
    /// A company has one action pack.
    DuplicateActionPack = "DUPLICATE_ACTION_PACK",
    /// A company has one competency of each level.
    DuplicateCompetency = "DUPLICATE_COMPETENCY",
    /// Money is given back for 30 days.
    RefundWindowExpired = "REFUND_WINDOW_EXPIRED",
    /// Software was activated, so no money is given back.
    BenefitsActivated = "BENEFITS_ACTIVATED",
    /// The benefit was activated before.
    BenefitAlreadyActivated = "BENEFIT_ALREADY_ACTIVATED",
    /// The partner has no such membership.
    MembershipNotFound = "MEMBERSHIP_NOT_FOUND",
    /// A membership of that id was bought.
    MembershipExists = "MEMBERSHIP_EXISTS",
    /// The membership has ended.
    MembershipClosed = "MEMBERSHIP_CLOSED",
    /// No table allows the transaction.
    TransactionNotAllowed = "TRANSACTION_NOT_ALLOWED",
    /// Nobody sells into the tenant that a partner sells in.
    CspPartnerResale = "CSP_PARTNER_RESALE",
    /// A partner does not sell to itself.
    SelfSale = "SELF_SALE",
    /// A partner does not sell to its own company.
    AffiliateSale = "AFFILIATE_SALE",
    /// A reseller does not buy for itself from its own provider.
    OwnProviderSale = "OWN_PROVIDER_SALE",
    /// What a partner uses itself is sold by a direct bill partner or a reseller.
    OwnUseSellerNotAllowed = "OWN_USE_SELLER_NOT_ALLOWED",
    /// The partner acquired the customer as a reseller, so its provider buys.
    CustomerIsResellerCustomer = "CUSTOMER_IS_RESELLER_CUSTOMER",
    /// The customer is that to the partner already.
    CustomerTieUnchanged = "CUSTOMER_TIE_UNCHANGED",

    /// The customer has no such association, or it is another partner's.
    AssociationNotFound = "ASSOCIATION_NOT_FOUND",
    /// What was submitted is edited no more.
    AssociationLocked = "ASSOCIATION_LOCKED",
    /// The association stands where this does not follow.
    AssociationMoveNotAllowed = "ASSOCIATION_MOVE_NOT_ALLOWED",
    /// The workload is associated with a partner, or claimed, already.
    AssociationExistsForWorkload = "ASSOCIATION_EXISTS_FOR_WORKLOAD",
    /// The subscription is associated with a partner, or claimed, already.
    AssociationExistsForSubscription = "ASSOCIATION_EXISTS_FOR_SUBSCRIPTION",
    /// The customer has several subscriptions of the product.
    SubscriptionIdRequired = "SUBSCRIPTION_ID_REQUIRED",
    /// These activities do not go together, or not in this solution area.
    ActivityCombinationInvalid = "ACTIVITY_COMBINATION_INVALID",
    /// The product needs a technical contact.
    TechnicalContactRequired = "TECHNICAL_CONTACT_REQUIRED",
    /// A proof of execution is not there.
    PoeMissing = "POE_MISSING",
    /// The customer had five business days to opt out.
    OptOutWindowClosed = "OPT_OUT_WINDOW_CLOSED",
    /// The id is not that of a location of the partner.
    MpnIdNotLocation = "MPN_ID_NOT_LOCATION",
    /// The product has that partner set, or none, already.
    DigitalPartnerUnchanged = "DIGITAL_PARTNER_UNCHANGED",
    /// A usage period keeps the days it was published with.
    UsagePeriodFixed = "USAGE_PERIOD_FIXED",
    /// The program has no such usage period.
    UsagePeriodNotFound = "USAGE_PERIOD_NOT_FOUND",
    /// Claims of the usage period were due earlier.
    ClaimPeriodClosed = "CLAIM_PERIOD_CLOSED",
    /// The partner has no such claim.
    CoopClaimNotFound = "COOP_CLAIM_NOT_FOUND",
    /// A claim is edited until it is submitted, and when a reviewer asks.
    ClaimLocked = "CLAIM_LOCKED",
    /// The claim stands where this does not follow.
    ClaimMoveNotAllowed = "CLAIM_MOVE_NOT_ALLOWED",
    /// An expense has no third party's invoice.
    ThirdPartyInvoiceMissing = "THIRD_PARTY_INVOICE_MISSING",
    /// Work in house has no certification statement and report.
    CsrMissing = "CSR_MISSING",
    /// The activity's results are not measured.
    MetricMissing = "METRIC_MISSING",
    /// No such activity, or the program does not pay for it.
    ActivityNotEligibleForProgram = "ACTIVITY_NOT_ELIGIBLE_FOR_PROGRAM",
    /// The activity does not have that expense.
    ExpenseNotEligible = "EXPENSE_NOT_ELIGIBLE",
    /// More than the activity may cost.
    ActivityCapExceeded = "ACTIVITY_CAP_EXCEEDED",
    /// More than the fund has left.
    CoopFundExceeded = "COOP_FUND_EXCEEDED",
    /// The location has no such fund.
    CoopFundNotFound = "COOP_FUND_NOT_FOUND",
    /// Claims on the fund are still taken.
    CoopFundOpen = "COOP_FUND_OPEN",
    /// Nobody published what a cap is in the fund's currency.
    CapRateMissing = "CAP_RATE_MISSING",

    /// Earnings of closed days rest on the rate card.
    IncentiveCardInUse = "INCENTIVE_CARD_IN_USE",
    /// No incentive program of that id is published.
    IncentiveProgramNotFound = "INCENTIVE_PROGRAM_NOT_FOUND",
    /// The program is not for partners of this kind or country, or gone.
    IncentiveNotOffered = "INCENTIVE_NOT_OFFERED",
    /// The location is none of the partner's.
    MpnIdNotAssociated = "MPN_ID_NOT_ASSOCIATED",
    /// The location was not invited to the program.
    EnrollmentNotFound = "ENROLLMENT_NOT_FOUND",
    /// The enrollment does not move so.
    InvalidEnrollmentTransition = "INVALID_ENROLLMENT_TRANSITION",
    /// Bank or tax data is missing.
    EnrollmentNotReady = "ENROLLMENT_NOT_READY",
    /// The earnings of that month are closed.
    EarningPeriodClosed = "EARNING_PERIOD_CLOSED",
    /// Months close one after another.
    EarningPeriodNotNext = "EARNING_PERIOD_NOT_NEXT",
    /// What it was computed with has changed since.
    EarningsOutdated = "EARNINGS_OUTDATED",
    /// The earnings of that month are not closed.
    EarningPeriodOpen = "EARNING_PERIOD_OPEN",
    /// No payment is to be ordered on that day.
    PaymentNotDue = "PAYMENT_NOT_DUE",
    /// The partner has no such incentive payment.
    IncentivePaymentNotFound = "INCENTIVE_PAYMENT_NOT_FOUND",
    /// The payment does not move so.
    InvalidPaymentTransition = "INVALID_PAYMENT_TRANSITION",
    /// A refused tax invoice holds every pending payment.
    PaymentHeldTaxInvoice = "PAYMENT_HELD_TAX_INVOICE",
    /// A dispute with this id exists.
    DisputeAlreadyExists = "DISPUTE_ALREADY_EXISTS",
    /// The partner has no such dispute.
    DisputeNotFound = "DISPUTE_NOT_FOUND",
    /// The dispute has its answer.
    DisputeClosed = "DISPUTE_CLOSED",
    /// The earning is disputed already.
    EarningAlreadyDisputed = "EARNING_ALREADY_DISPUTED",

    /// The principal has the role.
    RoleAlreadyAssigned = "ROLE_ALREADY_ASSIGNED",
    /// The principal does not have the role, or not so.
    RoleNotAssigned = "ROLE_NOT_ASSIGNED",
    /// The role is not given for locations.
    RoleNotLocationScoped = "ROLE_NOT_LOCATION_SCOPED",
    /// The role is not given for one customer.
    RoleNotCustomerScoped = "ROLE_NOT_CUSTOMER_SCOPED",
    /// An application of a control panel vendor has one role only.
    RoleNotForApplication = "ROLE_NOT_FOR_APPLICATION",
    /// The partner has too many roles assigned.
    TooManyRoles = "TOO_MANY_ROLES",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refusal: a stable reason, a sentence for a person, and facts for a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The stable code.
    pub reason: Reason,
    /// What is wrong and what would be accepted.
    pub message: String,
    /// Names and values the message speaks of; `field` names the field at fault.
    pub metadata: BTreeMap<String, String>,
}

impl Rejection {
    /// A refusal with its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metadata: BTreeMap::new() }
    }

    /// A refusal of one field of the command.
    pub fn field(reason: Reason, field: &str, message: impl Into<String>) -> Self {
        Self::of_field(reason, field, message)
    }

    /// The same, of a field whose name is put together only now.
    pub fn of_field(reason: Reason, field: impl fmt::Display, message: impl Into<String>) -> Self {
        Self::new(reason, message).with("field", field)
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
    }
}
