//! One subscription, as its customer's state holds it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{ScheduledChange, SuspensionReason};
use crate::{
    charge::{AppliedPromotion, Billing},
    event::{SubscriptionCreated, TrialStarted},
    ids::{CustomerId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, FulfilmentFact, PriceComponent, ProductFamily, ProductKind, ProrationRule, Reservation},
};

/// The states of customers page section 2.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// A marketplace product whose publisher has not confirmed both facts yet; nothing is charged (L12216-12218).
    PendingFulfilment {
        /// The first day with assigned licenses.
        #[serde(with = "crate::compact::optional_date")]
        licenses_assigned_on: Option<NaiveDate>,
        /// The day the set-up was confirmed.
        #[serde(with = "crate::compact::optional_date")]
        setup_confirmed_on: Option<NaiveDate>,
    },
    /// A marketplace trial before its first paid day, or a free trial of a license.
    Trial,
    /// In use and charged.
    Active,
    /// No access, no charge.
    Suspended {
        /// Why.
        reason: SuspensionReason,
        /// First day without access.
        #[serde(with = "crate::compact::date")]
        since: NaiveDate,
        /// First day on which it cannot be reactivated.
        #[serde(with = "crate::compact::date")]
        expires_on: NaiveDate,
        /// Its term ended meanwhile and did not renew (decision G09).
        term_ended: bool,
    },
    /// Ended at once, with a credit.
    Cancelled,
    /// Ended with its term.
    Expired,
    /// Ended by a suspension that lasted too long.
    Deprovisioned,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// Who pays.
    pub partner_id: PartnerId,
    /// Its order.
    pub order_id: OrderId,
    /// Its offer.
    pub offer_id: OfferId,
    /// The offer's name.
    pub offer_name: String,
    /// How it is billed.
    pub product_family: ProductFamily,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// Seats now.
    pub quantity: u32,
    /// The rhythm of the current period; none for a custom meter.
    pub billing_frequency: Option<BillingFrequency>,
    /// The rhythm from the next period on, if it changes.
    pub next_billing_frequency: Option<BillingFrequency>,
    /// Length of a term.
    pub term_months: u32,
    /// 1 for the first term.
    pub term_number: u32,
    /// First day of the first term: its day of month is the anniversary day.
    #[serde(with = "crate::compact::date")]
    pub start: NaiveDate,
    /// First day of the current term.
    #[serde(with = "crate::compact::date")]
    pub term_start: NaiveDate,
    /// The day after the current term's last.
    #[serde(with = "crate::compact::date")]
    pub term_end: NaiveDate,
    /// Locked for the term.
    pub prices: Vec<PriceComponent>,
    /// Of the prices.
    pub currency: Currency,
    /// Where the prices stand.
    pub price_list_id: PriceListId,
    /// How parts of a period are priced.
    pub proration_rule: ProrationRule,
    /// Whether an annual re-bill is cut at the anniversary.
    pub split_rebill_at_anniversary: bool,
    /// Whether it renews by itself.
    pub auto_renew: bool,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// A name of its own.
    pub friendly_name: Option<String>,
    /// The customer's purchase order.
    pub po_number: Option<String>,
    /// Who supports the customer; the owner, if none.
    pub support_contact_id: Option<PartnerId>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// The first paid day after a marketplace trial.
    #[serde(with = "crate::compact::optional_date")]
    pub trial_end: Option<NaiveDate>,
    /// First day without a free trial of a license that is not paid for yet.
    #[serde(with = "crate::compact::optional_date")]
    pub free_trial_ends_on: Option<NaiveDate>,
    /// What waits for its day.
    pub scheduled: Option<ScheduledChange>,
    /// Days a suspension lasts before it is deprovisioned.
    pub hold_days: u32,
    /// When the order was placed: cancel windows run from here.
    #[serde(with = "crate::compact::instant")]
    pub ordered_at: DateTime<Utc>,
    /// Holds for the current term.
    pub promotion: Option<AppliedPromotion>,
    /// Its rules beside those of its family.
    pub product_kind: Option<ProductKind>,
    /// What a publisher names the purchase by.
    pub authorization_code: Option<String>,
    /// Of a reservation.
    pub reservation: Option<Reservation>,
    /// First day without it, once its cancellation is scheduled.
    #[serde(with = "crate::compact::optional_date")]
    pub cancelled_from: Option<NaiveDate>,
    /// What it may do now.
    pub standing: Standing,
    /// The last day on which somebody changed something: nothing takes effect before it. Terms and periods begin by themselves, and a
    /// late change may reach over them.
    #[serde(with = "crate::compact::date")]
    pub last_changed_on: NaiveDate,
    /// What was charged in the current period, and what is to be corrected.
    pub billing: Billing,
}

impl Subscription {
    /// Whether it is a custom meter: charged once, for the day it was bought, and in use until it is cancelled (L10618-10640).
    pub fn is_metered(&self) -> bool {
        self.billing_frequency.is_none() && !self.is_endless()
    }

    /// Whether it has no term.
    pub fn is_endless(&self) -> bool {
        self.product_kind.is_some_and(ProductKind::is_endless)
    }

    /// The day a publisher's fact holds from, while the subscription waits for the other.
    pub fn confirmed_on(&self, fact: FulfilmentFact) -> Option<NaiveDate> {
        let Standing::PendingFulfilment { licenses_assigned_on, setup_confirmed_on } = self.standing else {
            return None;
        };
        match fact {
            FulfilmentFact::LicensesAssigned => licenses_assigned_on,
            FulfilmentFact::SetupConfirmed => setup_confirmed_on,
        }
    }
}

impl From<&SubscriptionCreated> for Subscription {
    fn from(e: &SubscriptionCreated) -> Self {
        Self {
            subscription_id: e.subscription_id.clone(),
            customer_id: e.customer_id.clone(),
            partner_id: e.partner_id.clone(),
            order_id: e.order_id.clone(),
            offer_id: e.offer_id.clone(),
            offer_name: e.offer_name.clone(),
            product_family: e.product_family,
            base_subscription_id: e.base_subscription_id.clone(),
            quantity: e.quantity,
            billing_frequency: e.billing_frequency,
            next_billing_frequency: None,
            term_months: e.term_months,
            term_number: 1,
            start: e.start,
            term_start: e.start,
            term_end: e.term_end,
            prices: e.prices.clone(),
            currency: e.currency,
            price_list_id: e.price_list_id.clone(),
            proration_rule: e.proration_rule,
            split_rebill_at_anniversary: e.split_rebill_at_anniversary,
            auto_renew: e.auto_renew,
            reseller_id: e.reseller_id.clone(),
            friendly_name: e.friendly_name.clone(),
            po_number: None,
            support_contact_id: None,
            sku: e.sku.clone(),
            trial_end: e.trial_end,
            free_trial_ends_on: None,
            scheduled: None,
            hold_days: e.hold_days,
            ordered_at: e.ordered_at,
            promotion: e.promotion.clone(),
            product_kind: e.product_kind,
            authorization_code: e.authorization_code.clone(),
            reservation: e.reservation.clone(),
            cancelled_from: None,
            standing: match (&e.authorization_code, e.trial_end) {
                (Some(_), _) => Standing::PendingFulfilment { licenses_assigned_on: None, setup_confirmed_on: None },
                (None, Some(_)) => Standing::Trial,
                (None, None) => Standing::Active,
            },
            last_changed_on: e.start,
            billing: Billing::default(),
        }
    }
}

impl From<&TrialStarted> for Subscription {
    fn from(e: &TrialStarted) -> Self {
        Self {
            subscription_id: e.subscription_id.clone(),
            customer_id: e.customer_id.clone(),
            partner_id: e.partner_id.clone(),
            order_id: e.order_id.clone(),
            offer_id: e.offer_id.clone(),
            offer_name: e.offer_name.clone(),
            product_family: ProductFamily::License,
            base_subscription_id: None,
            quantity: e.quantity,
            // What it is paid by is chosen when it converts; until then nothing is billed.
            billing_frequency: Some(BillingFrequency::Monthly),
            next_billing_frequency: None,
            term_months: 1,
            term_number: 1,
            start: e.start,
            term_start: e.start,
            term_end: e.ends_on,
            prices: Vec::new(),
            currency: e.currency,
            price_list_id: e.price_list_id.clone(),
            proration_rule: ProrationRule::Exact,
            split_rebill_at_anniversary: false,
            auto_renew: false,
            reseller_id: e.reseller_id.clone(),
            friendly_name: None,
            po_number: None,
            support_contact_id: None,
            sku: None,
            trial_end: None,
            free_trial_ends_on: Some(e.ends_on),
            scheduled: None,
            hold_days: e.hold_days,
            ordered_at: e.ordered_at,
            promotion: None,
            product_kind: None,
            authorization_code: None,
            reservation: None,
            cancelled_from: None,
            standing: Standing::Trial,
            last_changed_on: e.start,
            billing: Billing::default(),
        }
    }
}
