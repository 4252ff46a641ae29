//! Commands of free trials, scheduled changes, details, upgrades and migrations of one subscription.

use serde::{Deserialize, Serialize};

use crate::{
    customer::ScheduledChange,
    ids::{CustomerId, OfferId, OrderId, PartnerId, SubscriptionId},
    offer::BillingFrequency,
};

/// A free trial of a license offer (customers page section 2.12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartTrial {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who would pay.
    pub partner_id: PartnerId,
    /// Of kind trial.
    pub offer_id: OfferId,
    /// Chosen by the caller, or derived.
    pub subscription_id: Option<SubscriptionId>,
    /// Chosen by the caller, or derived.
    pub order_id: Option<OrderId>,
}

/// A free trial becomes a paid subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertTrial {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// One of the offers that the trial converts into.
    pub to_offer_id: OfferId,
    /// Seats from now on.
    pub quantity: u32,
    /// How it is billed; required.
    pub billing_frequency: Option<BillingFrequency>,
}

/// Seats, or the end, on a day to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleChange {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// What, and when.
    pub change: ScheduledChange,
}

/// The scheduled change is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawScheduledChange {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// Names and people around a subscription; what is none stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSubscription {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// A name of its own.
    pub friendly_name: Option<String>,
    /// The customer's purchase order.
    pub po_number: Option<String>,
    /// Who supports the customer (accounts page section 2.20).
    pub support_contact_id: Option<PartnerId>,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Names of fields that become empty.
    pub clear: Vec<String>,
}

/// Another offer out of the table of upgrades (customers page section 2.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new offer.
    pub to_offer_id: OfferId,
    /// Chosen by the caller, or derived.
    pub new_subscription_id: Option<SubscriptionId>,
}

/// The last step of leaving a retired offer (customers page section 2.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// What ends.
    pub subscription_id: SubscriptionId,
    /// Its replacement, bought before.
    pub to_subscription_id: SubscriptionId,
}
