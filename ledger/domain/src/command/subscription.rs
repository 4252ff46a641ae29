//! Commands about orders and subscriptions.

use serde::{Deserialize, Serialize};

use crate::{
    customer::SuspensionReason,
    ids::{CustomerId, MpnId, OfferId, OrderId, PartnerId, SubscriptionId},
    offer::{BillingFrequency, FulfilmentFact, ReservationScope},
};

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLine {
    /// Chosen by the caller, or derived.
    pub subscription_id: Option<SubscriptionId>,
    /// What is bought.
    pub offer_id: OfferId,
    /// Seats.
    pub quantity: u32,
    /// How it is billed; required, but for a custom meter, which has none.
    pub billing_frequency: Option<BillingFrequency>,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// A name of its own on documents.
    pub friendly_name: Option<String>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// Days of a marketplace trial; 0 for none.
    pub free_trial_days: u32,
    /// Whether it renews by itself.
    pub auto_renew: Option<bool>,
    /// A reservation's: the Azure plan or subscription it is bought under.
    pub azure_subscription_id: Option<SubscriptionId>,
    /// A reservation's.
    pub reservation_scope: Option<ReservationScope>,
}

/// An order of one customer: accepted whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner's location that sells (L7274); none for the one it was registered with.
    pub location_mpn_id: Option<MpnId>,
    /// Who buys for it, and pays.
    pub partner_id: PartnerId,
    /// Chosen by the caller, or derived.
    pub order_id: Option<OrderId>,
    /// At least one.
    pub lines: Vec<PurchaseLine>,
    /// Whether the customer places it itself, on the partner's account, which the partner must permit.
    pub by_customer: bool,
}

/// Seats from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeQuantity {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new number.
    pub quantity: u32,
}

/// Stop access, and the charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspend {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Why.
    pub reason: SuspensionReason,
}

/// Undo a suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reactivate {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// End a subscription, as its product family allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// A reservation's, needed in its first days: whether anything was used of it (L12855).
    pub reservation_used: Option<bool>,
    /// A reservation's: be content with what is left below the cap (L13430).
    pub accept_capped_refund: bool,
}

/// A publisher's fact about a purchase of its product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmFulfilment {
    /// The customer.
    pub customer_id: CustomerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Which one.
    pub fact: FulfilmentFact,
    /// The purchase's.
    pub authorization_code: String,
}

/// End a reservation and use what is left of it for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeReservation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The reservation that ends.
    pub subscription_id: SubscriptionId,
    /// The new one's, chosen by the caller, or derived.
    pub order_id: Option<OrderId>,
    /// The new one.
    pub line: PurchaseLine,
}

/// Make something else cheaper by a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReservation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The reservation.
    pub subscription_id: SubscriptionId,
    /// The new scope; none to keep it.
    pub scope: Option<ReservationScope>,
    /// The new Azure plan or subscription; none to keep it.
    pub azure_subscription_id: Option<SubscriptionId>,
}

/// Bill a whole order in another rhythm, from the next period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBillingFrequency {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The order.
    pub order_id: OrderId,
    /// The new rhythm.
    pub billing_frequency: BillingFrequency,
    /// What the sender was shown as following (L9750); empty to take it as it is.
    pub subscription_ids: Vec<SubscriptionId>,
}

/// Renew at the end of the term, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAutoRenew {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new setting.
    pub auto_renew: bool,
}

/// Change the plan of a marketplace product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convert {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new plan.
    pub to_sku: String,
    /// The offer whose price holds for it.
    pub to_offer_id: OfferId,
}
