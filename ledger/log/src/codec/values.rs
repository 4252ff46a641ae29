//! Values that commands and events share.

use subledger_domain::{
    Reason,
    access::{AccessOutcome, AccessRow},
    association::{
        AssociationActivity, AssociationContact, AssociationDetails, AssociationEndReason, ClaimedProduct,
        RevenueDetails, SolutionArea,
    },
    catalog::{PaymentInstructions, TrialTerms},
    charge::{AppliedPromotion, ChargeType, Discount, InvoiceFamily, InvoiceTotals},
    command::LicenseGroupRow,
    coop::{CoopClaimDetails, Expense, UsagePeriod},
    customer::{ScheduledChange, SlaCredit, SuspensionReason},
    event::{FormRequest, FormSigner, LicenseRow},
    evidence::{Evidence, EvidenceKind},
    ids::{
        AssignmentId, AssociationId, AzureSubscriptionId, ClaimId, CommandId, CoopClaimId, CreditNoteNumber,
        CustomerId, DisputeId, DocumentId, ExemptionId, IncentiveProgramId, InvoiceNumber, LicenseGroupId, LineId,
        MembershipId, MergeId, MeterId, MpnId, OfferId, OrderId, PartnerId, PaymentId, PriceListId, PromotionId,
        SubscriptionId, TransferId, UsagePeriodId, UserId, WithholdingId,
    },
    incentive::{
        Accelerator, BankProfile, CoopShare, CurrencyTotal, DatedRate, EarningType, EnrollmentStatus, IncentiveProduct,
        IncentiveProgram, Lever, LeverTotal, PaymentAmounts, PaymentMethod, PaymentStatus, ProgramEarner, RateCard,
        TaxProfile,
    },
    money::{Currency, Money},
    offer::{
        Availability, BillingFrequency, Fulfilment, FulfilmentFact, Offer, OfferKind, OfferLimitScope, PriceComponent,
        PricePer, PriceRow, Product, ProductFamily, ProductKind, Promotion, ProrationRule, Reservation,
        ReservationScope,
    },
    partner::{
        Benefit, BillingProfile, Certificate, CreditNoteReason, CycleStart, LegalProfile, MembershipOffer,
        MembershipPayment, MembershipReminder, MembershipResolution, PartnerRule, PartnerRuleRow, SuspensionTrigger,
        VerificationCheck, WithholdingCredit,
    },
    party::{
        Address, AgreementMode, AgreementVersion, Contact, CustomerTie, PartnerKind, PurchasePermission, Recipient,
        RelationshipOrigin, Segment,
    },
    position::Family,
    role::Role,
    tax::{LineTax, TaxDocumentKind, TaxIdKind, TaxRateRow, TaxRule, TaxScope, TaxTreatment},
    usage::{
        AccessPath, AccessScope, CreditReason, CreditTerms, ExchangeRate, HeldReason, Meter, MeterFamily,
        MeterPriceRow, UsageCharge, UsageRecord,
    },
};
use subledger_proto::common as pb;

use super::field::{FieldError, Wire, defaulting, enumeration, message, optional};

macro_rules! text {
    ($($type:ident)*) => {$(
        impl Wire<String> for $type {
            fn to_wire(&self) -> String {
                self.as_str().to_owned()
            }
            fn from_wire(wire: String) -> Result<Self, FieldError> {
                if wire.is_empty() {
                    return Err(FieldError::new("is required"));
                }
                Self::new(&wire).map_err(FieldError::new)
            }
        }
    )*};
}

text! { CommandId CustomerId InvoiceNumber LineId OfferId OrderId PartnerId PriceListId PromotionId SubscriptionId TransferId Currency }
text! { ExemptionId UserId LicenseGroupId }

text! { PaymentId WithholdingId CreditNoteNumber ClaimId }

text! { MeterId AzureSubscriptionId AssignmentId }

text! { AssociationId DocumentId CoopClaimId UsagePeriodId }

text! { IncentiveProgramId DisputeId }

enumeration! {
    Family { Catalog, Partners, Customers, Access }
    BillingFrequency { Monthly, Annual, OneTime }
    ProductFamily { License, OneTimeRecurring, MarketplaceSaas }
    ProrationRule { Exact, DailyRate3dp, PublishedFormula, RoundedUnit }
    OfferLimitScope { None, Lifetime, Concurrent }
    OfferKind { Base, AddOn, Trial }
    PartnerKind { DirectBill, IndirectProvider, IndirectReseller }
    SuspensionReason { CustomerRequest, NonPayment, Fraud, Cancelled, Transferred, Upgraded, Migrated, Enforced }
    AgreementMode { PartnerAttestation, CustomerDirect }
    RelationshipOrigin { Created, Invitation, Extension }
    FormSigner { CurrentPartner, Customer, NewPartner }
    Segment { Commercial, Education, Government, NonProfit }
    AgreementVersion { CustomerAgreement, CloudAgreement }
    PurchasePermission { AzureReservations }
    ChargeType {
        CycleFee, ProrateFeesWhenPurchase, CycleInstanceProrate, CancelFee, New, Renew, AddQuantity, RemoveQuantity, Convert,
        Cancel, CancelImmediate, LineItemOffset, CustomerCredit, EarlyTerminationFee,
    }
    InvoiceFamily { LicenseUsage, OneTimeRecurring }
    PricePer { Month, Year, Term }
    AccessOutcome { Refused, Privileged, Counted }
    Role {
        GlobalAdmin, UserAdmin, AdminAgent, BillingAdmin, SalesAgent, HelpdeskAgent, NetworkAdmin, AccountAdmin, ReferralsAdmin,
        ProfileAdmin, IncentivesAdmin, IncentivesUser, IncentivesViewer, ExecutiveReportViewer, ReportViewer, Customer,
    }
    CreditNoteReason { AddressCorrection, PurchaseOrderCorrection, TaxRefund, LateTaxId, OtherRefund }
    TaxTreatment { Exclusive, Inclusive, Exempt, ReverseCharge }
    TaxScope { All, Digital, Software, Reservation, Pstn }
    TaxIdKind { Vat, Other }
    TaxDocumentKind {
        StateResaleCertificate, StreamlinedSalesTaxCertificate, MultistateTaxCommissionCertificate, BcPstNumber,
        BcCertificateOfExemption, TaxAdvisorDocument, SupportRequest,
    }
}

/// In a price row the period is the published text.
impl Wire<String> for PricePer {
    fn to_wire(&self) -> String {
        match self {
            Self::Month => "month".to_owned(),
            Self::Year => "year".to_owned(),
            Self::Term => "term".to_owned(),
        }
    }
    fn from_wire(wire: String) -> Result<Self, FieldError> {
        match wire.to_ascii_lowercase().as_str() {
            "month" | "1 month" | "1 month(s)" | "monthly" => Ok(Self::Month),
            "year" | "1 year" | "1 year(s)" | "12 months" | "annual" => Ok(Self::Year),
            "term" | "1 term" | "one time" | "once" => Ok(Self::Term),
            _ => Err(FieldError::new(format!("{wire:?} is not a purchase unit; month, year and term are"))),
        }
    }
}

message! {
    AccessRow => AccessRow {
        outcome, principal, kind, application, second_factor, operation, reason, partner_id, customer_id, from, first_at, last_at,
        count,
    }
    PriceComponent => PriceComponent { component, unit_price, per }
    Offer => Offer {
        offer_id, display_name, product_family, kind, term_months, billing_frequencies, minimum_quantity, maximum_quantity,
        limit_scope, limit, prerequisite_offer_ids, markets, proration_rule, split_rebill_at_anniversary, end_of_sale,
        tax_scope,
        product,
    }
    Product => Product {
        kind, product_id, publisher_name, fulfilment, availability, granted_partner_ids, free_trial_days, not_returnable,
        segments,
    }
    Reservation => Reservation { azure_subscription_id, scope }
    Promotion => Promotion {
        promotion_id, display_name, offer_ids, percent, first_day, last_day, markets, months,
    }
    PriceRow => PriceRow {
        change_flag, valid_from, valid_to, offer_display_name, offer_id, license_agreement_type, purchase_unit,
        secondary_license_type, end_customer_type, list_price, erp_price, component,
    }
    Address => Address { country, line1, city, state, postal_code }
    Contact => Contact { first_name, last_name, email, phone }
    TrialTerms => TrialTerms { offer_id, paid_offer_id, days, quantity, convert_to_offer_ids }
    LicenseRow => LicenseRow { user_id, subscription_id, assign, refused }
    LicenseGroupRow => LicenseGroupRow { user_id, group_id, assign }
    FormRequest => FormRequest { customer_requested_on, ticket_id }
    ScheduledChange => ScheduledChange { quantity, on }
    TaxRule => TaxRule { name, treatment, rate_percent }
    TaxRateRow => TaxRateRow { country, region, tax, scope, rate_percent, treatment, valid_from, valid_to }
    PaymentInstructions => PaymentInstructions { country, text, customer_service }
    CycleStart => CycleStart { license_usage, one_time_recurring }
    Recipient => Recipient { name, address }
    BillingProfile => BillingProfile { address, bill_to, service_recipient, customer_po, us_fein, contact_email }
    LineTax => LineTax { rule, amount, included }
    AppliedPromotion => AppliedPromotion { promotion_id, percent, until }
    Discount => Discount { promotion, amount }
    Money => Money { amount, currency }
    Certificate => Certificate { name, sha256, line_amount }
    WithholdingCredit => WithholdingCredit { request_id, invoice_number, written_off, credited }
    SlaCredit => SlaCredit { subscription_id, amount, currency }
    InvoiceTotals => InvoiceTotals {
        license_charges, usage_charges, one_time_charges, discounts, credits, subtotal, tax, tax_included,
    }
}

optional! { LineTax AppliedPromotion Discount Address Contact Recipient Certificate Product Reservation Money FormRequest }

/// The stable code.
impl Wire<String> for Reason {
    fn to_wire(&self) -> String {
        self.code().to_owned()
    }
    fn from_wire(wire: String) -> Result<Self, FieldError> {
        Self::from_code(&wire).ok_or_else(|| FieldError::new(format!("{wire} is not a reason this version knows")))
    }
}

enumeration! {
    ProductKind { SoftwareSubscription, SoftwarePerpetual, Reservation, AzurePlan, AzureSubscription }
    ReservationScope { Single, Shared }
    FulfilmentFact { LicensesAssigned, SetupConfirmed }
}

message! {
    Meter => Meter {
        meter_id, product_id, sku_id, availability_id, product_name, sku_name, publisher_name, family, meter_type, category,
        sub_category, name, region, unit, tags, no_credit_from,
    }
    MeterPriceRow => MeterPriceRow { meter_id, valid_from, valid_to, tier_from, unit_price }
    ExchangeRate => ExchangeRate { month, from, to, rate }
    CreditTerms => CreditTerms { percent, eligible_roles }
    UsageRecord => UsageRecord {
        azure_subscription_id, resource_group, resource_uri, meter_id, usage_date, hour, quantity, unit, replaces_quantity,
        resource_location, consumed_service, service_info1, service_info2, tags, additional_info,
    }
    AccessScope => AccessScope { azure_subscription_id, resource_group, resource_uri }
    UsageCharge => UsageCharge {
        meter_id, unit, month, quantity, quantity_before, unit_price, credit_percent, pricing_currency, exchange_rate,
        charged_before, earned_credit, credited_before,
    }
}

optional! { UsageCharge }

enumeration! {
    AccessPath { AdminOnBehalfOf, LighthouseOffer, LighthouseTemplate, DirectoryUser }
    CreditReason {
        Earned, NoEligibleRole, AccessPartialDay, PartnerIdNotLinked, MpnAgreementInactive, ServiceExcluded, NotCharged,
        PartnerBarred, DisputeAccepted,
    }
    HeldReason { UsagePriceMissing, ExchangeRateMissing }
}

defaulting! {
    MeterFamily { Consumption, Reservation, Marketplace }
    Fulfilment { Automatic, Publisher }
    Availability { All, Selected, None }
}

// Partners: accounts, bonds, memberships, rules.

text! { MpnId MergeId MembershipId }

enumeration! {
    SuspensionTrigger { Overdue, Abuse, ProviderIssue, ProfileRejected }
    VerificationCheck { EmailOwnership, Employment, Business }
    MembershipOffer { ActionPack, SilverCompetency, GoldCompetency }
    MembershipPayment { CreditCard, BankTransfer }
    MembershipReminder { BeforeAnniversary, BeforeClose }
    Benefit { Software, CloudService, VisualStudio, Technical, GoToMarket }
    PartnerRule { LocationRequired, PartnershipRequired }
    CustomerTie { OwnUse, Affiliate, CspTenant }
}

message! {
    LegalProfile => LegalProfile { name, address, contact }
    MembershipResolution => MembershipResolution { offer, kept, dropped, anniversary }
    PartnerRuleRow => PartnerRuleRow { rule, from }
}
enumeration! {
    EvidenceKind { Invoice, CertificationStatement, ProofOfExecution, Metric, Other }
    SolutionArea { BusinessApplications, Microsoft365 }
    AssociationActivity { PreSales, Usage, RevenueAssociation }
    AssociationEndReason { Expired, Replaced, Removed }
}

message! {
    Evidence => Evidence { document_id, kind, proof, name, sha256, note }
    AssociationContact => AssociationContact { name, title, email }
    ClaimedProduct => ClaimedProduct { offer_id, subscription_id }
    RevenueDetails => RevenueDetails { solution_seller, customer_name, isv_product }
    AssociationDetails => AssociationDetails {
        name, location_mpn_id, domain_name, solution_area, activities, products, workloads, customer_contact, technical_contact,
        partner_contact, documents, revenue, comments, replaces,
    }
    UsagePeriod => UsagePeriod { program, usage_period_id, first_day, last_day }
    Expense => Expense { expense, amount, in_house, document_id, attendee }
    CoopClaimDetails => CoopClaimDetails { activity_date, currency, expenses, conference }
}

optional! { AssociationContact RevenueDetails }
// Incentives.
enumeration! {
    ProgramEarner { Payer, Reseller }
    EarningType { Fee, Rebate, Coop, Sell }
    IncentiveProduct { License, OneTimeRecurring, Marketplace, AzureUsage }
    EnrollmentStatus { Invited, ActionRequired, ValidatingEnrollment, Enrolled, Inactive, Ineligible, Discontinued }
    PaymentStatus {
        Unprocessed, Upcoming, PendingTaxInvoice, TaxInvoiceUnderReview, TaxInvoiceRejected, RejectedDuringReview, InProgress,
        Failed, Reprocessing, Sent, Reversed, Rejected, IncorrectPayment,
    }
    PaymentMethod { ElectronicBankTransfer, CreditNote }
}

message! {
    IncentiveProgram => IncentiveProgram {
        program_id, name, earner, partner_kinds, markets, excluded_offer_ids, cards, discontinued_on,
    }
    RateCard => RateCard {
        valid_from, valid_to, levers, cooling_days, payment_days, payment_threshold, clawback_months,
    }
    Lever => Lever { name, earning_type, products, offer_ids, rate, accelerators, minimum_revenue, cap, coop_program }
    Accelerator => Accelerator { from_revenue, rate }
    DatedRate => DatedRate { valid_from, from, to, rate }
    BankProfile => BankProfile { account_reference, country, currency, method }
    TaxProfile => TaxProfile {
        form, country, withholding_percent, sales_tax_percent, service_fee_tax_percent, tax_invoice_required,
    }
    LeverTotal => LeverTotal { card_from, lever, earning_type, rate, revenue_usd, earned_usd, capped_usd }
    CurrencyTotal => CurrencyTotal { currency, revenue, earned }
    CoopShare => CoopShare { program, usage_period_id, amount_usd, currency, amount }
    PaymentAmounts => PaymentAmounts {
        gross_usd, recouped_usd, earned_usd, currency, exchange_rate, earned, withheld_tax, sales_tax, service_fee_tax, total,
    }
}

optional! { BankProfile TaxProfile }
