//! Events about Azure usage: what is published for it, what was used and costs, who has access, budgets.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    charge::InvoiceFamily,
    ids::{AssignmentId, AzureSubscriptionId, CustomerId, DisputeId, PartnerId, SubscriptionId},
    money::Currency,
    usage::{
        AccessPath, AccessScope, CreditReason, CreditTerms, ExchangeRate, HeldUsage, Meter, MeterPriceRow, RatedUsage,
        UsageRecord,
    },
};

event! {
    /// Catalog: meters, as they stand here from now on.
    MetersPublished {
        /// The meters.
        meters: Vec<Meter>,
    }

    /// Catalog: prices of meters.
    MeterPricesPublished {
        /// Of every price.
        currency: Currency,
        /// The prices.
        rows: Vec<MeterPriceRow>,
    }

    /// Catalog: exchange rates of months.
    ExchangeRatesPublished {
        /// The rates.
        rates: Vec<ExchangeRate>,
    }

    /// Catalog: what earns credit, and how much.
    CreditTermsPublished {
        /// First day of usage.
        valid_from: NaiveDate,
        /// What holds.
        terms: CreditTerms,
    }

    /// Partner: its agreement in the partner network is active, or no more.
    NetworkAgreementRecorded {
        /// The partner.
        partner_id: PartnerId,
        /// First day, UTC.
        from: NaiveDate,
        /// Whether it is active.
        active: bool,
    }

    /// Partner: it earns no credit.
    EarnedCreditBarred {
        /// The partner.
        partner_id: PartnerId,
        /// First day, UTC.
        from: NaiveDate,
        /// Last day, included; none for ever.
        to: Option<NaiveDate>,
        /// Why.
        reason: String,
    }

    /// Customer: an Azure subscription stands under an Azure plan.
    AzureSubscriptionRegistered {
        /// The customer.
        customer_id: CustomerId,
        /// Whose plan it is.
        partner_id: PartnerId,
        /// The Azure plan.
        subscription_id: SubscriptionId,
        /// The new subscription.
        azure_subscription_id: AzureSubscriptionId,
        /// Its name.
        name: String,
        /// When, UTC.
        created_at: DateTime<Utc>,
    }

    /// Customer: something was used. What was known already is not repeated here.
    UsageRecorded {
        /// The customer.
        customer_id: CustomerId,
        /// The Azure plan or classic subscription it belongs to.
        subscription_id: SubscriptionId,
        /// At least one.
        records: Vec<UsageRecord>,
    }

    /// Customer: use was rated when a day closed. A decision takes a part of a large day; the last one is finished.
    UsageRated {
        /// The customer.
        customer_id: CustomerId,
        /// Who pays.
        partner_id: PartnerId,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// The Azure plan or classic subscription.
        subscription_id: SubscriptionId,
        /// The day that closed.
        rated_on: NaiveDate,
        /// The day at whose end it is charged: that of the next invoice.
        charge_on: NaiveDate,
        /// The invoice that carries it.
        family: InvoiceFamily,
        /// What it is billed in.
        currency: Currency,
        /// What is new or changed.
        rows: Vec<RatedUsage>,
        /// What waits for a price or an exchange rate.
        held: Vec<HeldUsage>,
        /// Whether everything up to the day is rated, or held.
        finished: bool,
    }

    /// Customer: everything rated of a subscription is charged.
    UsageCharged {
        /// The customer.
        customer_id: CustomerId,
        /// The Azure plan or classic subscription.
        subscription_id: SubscriptionId,
        /// The day that closed.
        charged_on: NaiveDate,
    }

    /// Customer: a partner was given a role.
    AccessGranted {
        /// The customer.
        customer_id: CustomerId,
        /// Whose access it is.
        partner_id: PartnerId,
        /// Its id.
        assignment_id: AssignmentId,
        /// The user, group or service principal.
        principal_id: String,
        /// How it came about.
        path: AccessPath,
        /// Such as `Owner`.
        role: String,
        /// For what.
        scope: AccessScope,
        /// When, UTC.
        from: DateTime<Utc>,
    }

    /// Customer: the role was taken.
    AccessRevoked {
        /// The customer.
        customer_id: CustomerId,
        /// Which.
        assignment_id: AssignmentId,
        /// When, UTC.
        at: DateTime<Utc>,
    }

    /// Customer: a principal's access counts for the partner, or no more.
    PartnerIdLinked {
        /// The customer.
        customer_id: CustomerId,
        /// For whom.
        partner_id: PartnerId,
        /// The user or service principal.
        principal_id: String,
        /// When, UTC.
        at: DateTime<Utc>,
        /// Linked, or no more.
        linked: bool,
    }

    /// Customer: the credit of open days is decided again at the next day's end.
    EarnedCreditReviewed {
        /// The customer.
        customer_id: CustomerId,
        /// Whose plans.
        partner_id: PartnerId,
        /// First day of usage, UTC.
        from: NaiveDate,
    }

    /// Customer: a partner disputes what days of use earned.
    EarnedCreditDisputed {
        /// The customer.
        customer_id: CustomerId,
        /// Who disputes: the billed partner.
        partner_id: PartnerId,
        /// Its id.
        dispute_id: DisputeId,
        /// The subscription, group or resource.
        scope: AccessScope,
        /// First day of usage, UTC.
        from: NaiveDate,
        /// Last day of usage, included.
        to: NaiveDate,
        /// What the days should have earned, in percent.
        claimed_percent: Decimal,
        /// What shows it.
        evidence: String,
        /// The day.
        disputed_on: NaiveDate,
    }

    /// Customer: a dispute about credit has its answer; a granted one is credited at the next day's end.
    EarnedCreditDisputeDecided {
        /// The customer.
        customer_id: CustomerId,
        /// Who disputes.
        partner_id: PartnerId,
        /// Which.
        dispute_id: DisputeId,
        /// Whether it is granted.
        accepted: bool,
        /// Why.
        note: String,
        /// The day.
        decided_on: NaiveDate,
    }

    /// Customer: a dispute about credit is given up.
    EarnedCreditDisputeWithdrawn {
        /// The customer.
        customer_id: CustomerId,
        /// Who disputed.
        partner_id: PartnerId,
        /// Which.
        dispute_id: DisputeId,
        /// The day.
        withdrawn_on: NaiveDate,
    }

    /// Customer: a budget of a partner for it, or another than before.
    SpendingBudgetSet {
        /// The customer.
        customer_id: CustomerId,
        /// Whose budget for it.
        partner_id: PartnerId,
        /// A month's.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// Whether this month's notice can come (again).
        armed: bool,
    }

    /// Customer: no budget any more.
    SpendingBudgetRemoved {
        /// The customer.
        customer_id: CustomerId,
        /// Whose it was.
        partner_id: PartnerId,
    }

    /// Customer: so much of a budget is used that its partner is told, once a month.
    BudgetThresholdReached {
        /// The customer.
        customer_id: CustomerId,
        /// Whose budget for it.
        partner_id: PartnerId,
        /// First day of the month.
        month: NaiveDate,
        /// The month so far, without tax and credit.
        estimate: Decimal,
        /// The budget.
        budget: Decimal,
        /// Of both.
        currency: Currency,
        /// Of the budget, whole, rounded half up.
        percent: u32,
    }

    /// Partner: it is told of budgets that are used up, or no more.
    BudgetNoticeSwitched {
        /// The partner.
        partner_id: PartnerId,
        /// Whether it is told.
        on: bool,
        /// Where; empty where it is not told and named no address.
        email: String,
    }

    /// Customer: use earns no more credit; its partner is told with the first day without, after one with it
    /// (azure-marketplace-software.md 2.19).
    EarnedCreditLost {
        /// The customer.
        customer_id: CustomerId,
        /// Who is billed.
        partner_id: PartnerId,
        /// The plan.
        subscription_id: SubscriptionId,
        /// The narrowest that has everything that lost it.
        scope: AccessScope,
        /// First day of use without, UTC.
        first_day: NaiveDate,
        /// Why, of the first resource of several.
        reason: CreditReason,
    }
}
