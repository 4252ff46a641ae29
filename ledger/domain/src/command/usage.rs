//! Commands about Azure usage: what is published for it, what was used, who has access, budgets.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AssignmentId, AzureSubscriptionId, CustomerId, DisputeId, PartnerId, SubscriptionId},
    money::Currency,
    usage::{AccessPath, AccessScope, CreditTerms, ExchangeRate, Meter, MeterPriceRow, UsageRecord},
};

/// Meters of Azure services; one published again replaces its earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishMeters {
    /// At least one.
    pub meters: Vec<Meter>,
}

/// Prices of meters in one currency. The rows of a meter and first day are its tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishMeterPrices {
    /// Of every price.
    pub currency: Currency,
    /// At least one.
    pub rows: Vec<MeterPriceRow>,
}

/// Exchange rates of months of usage; once published, a rate stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishExchangeRates {
    /// At least one.
    pub rates: Vec<ExchangeRate>,
}

/// The rate of earned credit, and the roles that earn it, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishCreditTerms {
    /// First day of usage they hold for; not closed yet.
    pub valid_from: NaiveDate,
    /// What holds.
    pub terms: CreditTerms,
}

/// An Azure subscription was created under an Azure plan (L13397-13399).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterAzureSubscription {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whose plan it is.
    pub partner_id: PartnerId,
    /// The Azure plan.
    pub subscription_id: SubscriptionId,
    /// The new subscription.
    pub azure_subscription_id: AzureSubscriptionId,
    /// Its name.
    pub name: String,
    /// When, UTC.
    pub created_at: DateTime<Utc>,
    /// Whether the partner became its owner by that, on behalf of the customer (L13973).
    pub owner_access: bool,
}

/// What was used, in bulk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordUsage {
    /// The customer.
    pub customer_id: CustomerId,
    /// At least one.
    pub records: Vec<UsageRecord>,
}

/// A partner was given a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantAccess {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whose access it is.
    pub partner_id: PartnerId,
    /// Its id, unique among the customer's.
    pub assignment_id: AssignmentId,
    /// The user, group or service principal.
    pub principal_id: String,
    /// How it came about.
    pub path: AccessPath,
    /// Such as `Owner`.
    pub role: String,
    /// For what.
    pub scope: AccessScope,
    /// When, UTC; may be long past.
    pub from: DateTime<Utc>,
}

/// The role was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeAccess {
    /// The customer.
    pub customer_id: CustomerId,
    /// Which.
    pub assignment_id: AssignmentId,
    /// When, UTC; not before it was given.
    pub at: DateTime<Utc>,
}

/// A principal's access counts for the partner from now on, or no more (L13977-13978).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPartnerId {
    /// The customer.
    pub customer_id: CustomerId,
    /// For whom.
    pub partner_id: PartnerId,
    /// The user or service principal.
    pub principal_id: String,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Linked, or no more.
    pub linked: bool,
}

/// Decides the credit of open days again, after facts about the partner changed for the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewEarnedCredit {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whose plans.
    pub partner_id: PartnerId,
    /// First day of usage, UTC.
    pub from: NaiveDate,
}

/// Says that days of use should have earned credit (azure-marketplace-software.md 2.19, decision G23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeEarnedCredit {
    /// The customer.
    pub customer_id: CustomerId,
    /// The billed partner.
    pub partner_id: PartnerId,
    /// The partner's name for the dispute.
    pub dispute_id: DisputeId,
    /// The subscription, group or resource.
    pub scope: AccessScope,
    /// First day of usage, UTC; at most 90 days back.
    pub from: NaiveDate,
    /// Last day of usage, included.
    pub to: NaiveDate,
    /// The rate of those days, in percent.
    pub claimed_percent: Decimal,
    /// What shows it.
    pub evidence: String,
}

/// Answers a dispute about credit. A granted one is credited on the next invoice, at the price and exchange rate of each day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideEarnedCreditDispute {
    /// The customer.
    pub customer_id: CustomerId,
    /// Which.
    pub dispute_id: DisputeId,
    /// Whether it is granted.
    pub accepted: bool,
    /// Why.
    pub note: String,
}

/// Gives a dispute about credit up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawEarnedCreditDispute {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who disputed.
    pub partner_id: PartnerId,
    /// Which.
    pub dispute_id: DisputeId,
}

/// The partner's agreement in the partner network is active from a day on, or no more (L13656).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordNetworkAgreement {
    /// The partner.
    pub partner_id: PartnerId,
    /// First day, UTC.
    pub from: NaiveDate,
    /// Whether it is active.
    pub active: bool,
}

/// The partner earns no credit for some time (L13630).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarEarnedCredit {
    /// The partner.
    pub partner_id: PartnerId,
    /// First day, UTC.
    pub from: NaiveDate,
    /// Last day, included; none for ever.
    pub to: Option<NaiveDate>,
    /// Why.
    pub reason: String,
}

/// What a customer should spend on Azure in a month at most; nothing stops when it does (billing-details.md 2.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSpendingBudget {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whose budget for it.
    pub partner_id: PartnerId,
    /// Above 0.
    pub amount: Decimal,
    /// What the customer's Azure usage is billed in.
    pub currency: Currency,
}

/// No budget any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveSpendingBudget {
    /// The customer.
    pub customer_id: CustomerId,
    /// Whose budget for it.
    pub partner_id: PartnerId,
}

/// Whether a partner is told of budgets that are used up, and where (L11038-11040).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchBudgetNotice {
    /// The partner.
    pub partner_id: PartnerId,
    /// Whether it is told.
    pub on: bool,
    /// Where; needed where it is told.
    pub email: String,
}
