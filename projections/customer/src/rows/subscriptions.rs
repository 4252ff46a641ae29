//! Subscriptions: what they are, what they were, and what they begin as.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    calendar::NEVER,
    charge::AppliedPromotion,
    compact,
    customer::{ScheduledChange, SuspensionReason},
    event::{SubscriptionCreated, TrialStarted},
    ids::{AzureSubscriptionId, CustomerId, OfferId, OrderId, PartnerId, PromotionId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, FulfilmentFact, PriceComponent, PricePer, ProductKind, Reservation},
    position::Position,
};

use super::states::SubscriptionState;

/// What a subscription was from a day on, and what made it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOnDay {
    /// From this day.
    #[serde(with = "compact::date")]
    pub since: NaiveDate,
    /// Its state.
    pub state: SubscriptionState,
    /// Why it was suspended.
    pub suspension_reason: Option<SuspensionReason>,
    /// Seats.
    pub quantity: u32,
    /// Its offer.
    pub offer_id: OfferId,
    /// The event that made it so.
    pub event: String,
    /// Its commit.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// Who sent it.
    pub principal: String,
}

impl StateOnDay {
    /// Why it was suspended, as the API shows it; empty if it was not.
    pub fn state_reason(&self) -> &'static str {
        self.suspension_reason.map_or("", reason_label)
    }
}

/// One price of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Names it where the offer has several.
    pub component: Option<String>,
    /// List price of one seat for one `per`, not rounded.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
    /// The period it pays for.
    pub per: PricePer,
}

impl From<&PriceComponent> for Price {
    fn from(price: &PriceComponent) -> Self {
        Self { component: price.component.clone(), unit_price: price.unit_price, per: price.per }
    }
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
    /// A name of its own.
    pub friendly_name: Option<String>,
    /// What it may do now.
    pub state: SubscriptionState,
    /// Why it is suspended.
    pub suspension_reason: Option<SuspensionReason>,
    /// Seats.
    pub quantity: u32,
    /// The rhythm of the current period; none for a custom meter.
    pub billing_frequency: Option<BillingFrequency>,
    /// The rhythm from the next period on, if it changes.
    pub next_billing_frequency: Option<BillingFrequency>,
    /// Length of a term.
    pub term_months: u32,
    /// First day of the first term.
    #[serde(with = "compact::date")]
    pub start: NaiveDate,
    /// First day of the current term.
    #[serde(with = "compact::date")]
    pub term_start: NaiveDate,
    /// Last day of the current term, included; none if it has no end.
    #[serde(with = "compact::optional_date")]
    pub term_end: Option<NaiveDate>,
    /// Whether a new term follows.
    pub auto_renew: bool,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// Locked for the term.
    pub prices: Vec<Price>,
    /// Of the prices.
    pub currency: Currency,
    /// First day on which a suspended subscription can no longer be reactivated.
    #[serde(with = "compact::optional_date")]
    pub expires_on: Option<NaiveDate>,
    /// First day without it, once it has ended or is bound to.
    #[serde(with = "compact::optional_date")]
    pub ends_on: Option<NaiveDate>,
    /// Its predecessor, if a transfer made it.
    pub transferred_from_subscription_id: Option<SubscriptionId>,
    /// Its successor, if it was transferred.
    pub transferred_to_subscription_id: Option<SubscriptionId>,
    /// The customer's purchase order.
    pub po_number: Option<String>,
    /// Who supports the customer; the owner, if none.
    pub support_contact_id: Option<PartnerId>,
    /// First day without a free trial that is not paid for.
    #[serde(with = "compact::optional_date")]
    pub free_trial_ends_on: Option<NaiveDate>,
    /// What waits for its day.
    pub scheduled: Option<ScheduledChange>,
    /// Its successor, if it was upgraded or migrated.
    pub replaced_by_subscription_id: Option<SubscriptionId>,
    /// Takes something off the prices.
    pub promotion: Option<Promotion>,
    /// Its rules beside those of its family.
    pub product_kind: Option<ProductKind>,
    /// What a publisher names the purchase by.
    pub authorization_code: Option<String>,
    /// What the publisher has confirmed, in the order of the facts.
    pub confirmed: Vec<FulfilmentFact>,
    /// The first paid day after a trial.
    #[serde(with = "compact::optional_date")]
    pub trial_end: Option<NaiveDate>,
    /// Of a reservation.
    pub reservation: Option<Reservation>,
    /// The reservation it went into.
    pub exchanged_for_subscription_id: Option<SubscriptionId>,
    /// Of a classic Azure subscription: the id that Azure knows it by, which a transfer keeps (L15859).
    pub azure_subscription_id: Option<AzureSubscriptionId>,
}

/// What a promotion takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Which one.
    pub promotion_id: PromotionId,
    /// Off every line.
    #[serde(with = "rust_decimal::serde::str")]
    pub percent: Decimal,
    /// The day after the last one it holds for; none for the whole term.
    #[serde(with = "compact::optional_date")]
    pub until: Option<NaiveDate>,
}

impl From<&AppliedPromotion> for Promotion {
    fn from(promotion: &AppliedPromotion) -> Self {
        let AppliedPromotion { promotion_id, percent, until } = promotion.clone();
        Self { promotion_id, percent, until }
    }
}

impl Subscription {
    /// Why it is suspended, as the API shows it; empty if it is not.
    pub fn state_reason(&self) -> &'static str {
        self.suspension_reason.map_or("", reason_label)
    }

    /// Whether [`super::Customer::subscription_count`] counts it.
    pub(crate) fn counts(&self) -> bool {
        use SubscriptionState::{Active, PendingFulfilment, Suspended, Trial};
        let transferred = self.suspension_reason.is_some_and(SuspensionReason::is_final)
            || self.transferred_to_subscription_id.is_some();
        matches!(self.state, PendingFulfilment | Trial | Active | Suspended) && !transferred
    }
}

/// A reason of a suspension, as the API shows it.
pub(crate) fn reason_label(reason: SuspensionReason) -> &'static str {
    match reason {
        SuspensionReason::CustomerRequest => "customer_request",
        SuspensionReason::NonPayment => "non_payment",
        SuspensionReason::Fraud => "fraud",
        SuspensionReason::Cancelled => "cancelled",
        SuspensionReason::Transferred => "transferred",
        SuspensionReason::Upgraded => "upgraded",
        SuspensionReason::Migrated => "migrated",
        SuspensionReason::Enforced => "enforced",
    }
}

/// A publisher's fact, as the API shows it.
pub(crate) fn fact_label(fact: FulfilmentFact) -> &'static str {
    match fact {
        FulfilmentFact::LicensesAssigned => "licenses_assigned",
        FulfilmentFact::SetupConfirmed => "setup_confirmed",
    }
}

/// The last day before one that is not included; none if that is never.
pub(crate) fn last_day(end: NaiveDate) -> Option<NaiveDate> {
    end.pred_opt().filter(|_| end < NEVER)
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
            friendly_name: e.friendly_name.clone(),
            state: match (&e.authorization_code, e.trial_end) {
                (Some(_), _) => SubscriptionState::PendingFulfilment,
                (None, Some(_)) => SubscriptionState::Trial,
                (None, None) => SubscriptionState::Active,
            },
            suspension_reason: None,
            quantity: e.quantity,
            billing_frequency: e.billing_frequency,
            next_billing_frequency: None,
            term_months: e.term_months,
            start: e.start,
            term_start: e.start,
            term_end: last_day(e.term_end),
            auto_renew: e.auto_renew,
            base_subscription_id: e.base_subscription_id.clone(),
            reseller_id: e.reseller_id.clone(),
            sku: e.sku.clone(),
            prices: e.prices.iter().map(Price::from).collect(),
            currency: e.currency,
            expires_on: None,
            ends_on: None,
            transferred_from_subscription_id: e.transferred_from_subscription_id.clone(),
            transferred_to_subscription_id: None,
            po_number: None,
            support_contact_id: None,
            free_trial_ends_on: None,
            scheduled: None,
            replaced_by_subscription_id: None,
            promotion: e.promotion.as_ref().map(Promotion::from),
            product_kind: e.product_kind,
            authorization_code: e.authorization_code.clone(),
            confirmed: Vec::new(),
            trial_end: e.trial_end,
            reservation: e.reservation.clone(),
            exchanged_for_subscription_id: None,
            azure_subscription_id: (e.product_kind == Some(ProductKind::AzureSubscription))
                .then(|| AzureSubscriptionId::new(e.subscription_id.as_str()).ok())
                .flatten(),
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
            friendly_name: None,
            state: SubscriptionState::Trial,
            suspension_reason: None,
            quantity: e.quantity,
            billing_frequency: None,
            next_billing_frequency: None,
            term_months: 1,
            start: e.start,
            term_start: e.start,
            term_end: last_day(e.ends_on),
            auto_renew: false,
            base_subscription_id: None,
            reseller_id: e.reseller_id.clone(),
            sku: None,
            prices: Vec::new(),
            currency: e.currency,
            expires_on: None,
            ends_on: Some(e.ends_on),
            transferred_from_subscription_id: None,
            transferred_to_subscription_id: None,
            po_number: None,
            support_contact_id: None,
            free_trial_ends_on: Some(e.ends_on),
            scheduled: None,
            replaced_by_subscription_id: None,
            promotion: None,
            product_kind: None,
            authorization_code: None,
            confirmed: Vec::new(),
            trial_end: None,
            reservation: None,
            exchanged_for_subscription_id: None,
            azure_subscription_id: None,
        }
    }
}
