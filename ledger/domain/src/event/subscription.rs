//! Events of orders and subscriptions.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    charge::AppliedPromotion,
    customer::SuspensionReason,
    ids::{CustomerId, MpnId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, FulfilmentFact, PriceComponent, ProductFamily, ProductKind, ProrationRule, Reservation},
};

event! {
    /// An order was taken; its subscriptions follow in the same commit.
    OrderPlaced {
        /// The customer.
        customer_id: CustomerId,
        /// Who pays.
        partner_id: PartnerId,
        /// The order.
        order_id: OrderId,
        /// What it created.
        subscription_ids: Vec<SubscriptionId>,
        /// Whether the customer placed it itself, on the partner's account.
        by_customer: bool,
        /// The partner's location that sold it; none where nobody said.
        location_mpn_id: Option<MpnId>,
    }

    /// A subscription began, with everything that holds for its term.
    SubscriptionCreated {
        /// The customer.
        customer_id: CustomerId,
        /// Who pays.
        partner_id: PartnerId,
        /// Its id.
        subscription_id: SubscriptionId,
        /// Its order.
        order_id: OrderId,
        /// Its offer.
        offer_id: OfferId,
        /// The offer's name.
        offer_name: String,
        /// How it is billed.
        product_family: ProductFamily,
        /// What an add-on stands on.
        base_subscription_id: Option<SubscriptionId>,
        /// Seats.
        quantity: u32,
        /// Its rhythm; none for a custom meter, which is charged once.
        billing_frequency: Option<BillingFrequency>,
        /// Length of the term.
        term_months: u32,
        /// First day of the term.
        start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the term (L9715).
        prices: Vec<PriceComponent>,
        /// Of the prices.
        currency: Currency,
        /// Where the prices stand.
        price_list_id: PriceListId,
        /// How parts of a period are priced.
        proration_rule: ProrationRule,
        /// Whether an annual re-bill is cut at the anniversary.
        split_rebill_at_anniversary: bool,
        /// Whether it renews by itself.
        auto_renew: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// A name of its own.
        friendly_name: Option<String>,
        /// Plan of the product.
        sku: Option<String>,
        /// The first paid day after a marketplace trial.
        trial_end: Option<NaiveDate>,
        /// Its predecessor, if a transfer made it.
        transferred_from_subscription_id: Option<SubscriptionId>,
        /// Days a suspension lasts before it is deprovisioned.
        hold_days: u32,
        /// When the order was placed.
        ordered_at: DateTime<Utc>,
        /// Holds for the term.
        promotion: Option<AppliedPromotion>,
        /// Its rules beside those of its family.
        product_kind: Option<ProductKind>,
        /// What a publisher names the purchase by; with one, billing waits for the publisher.
        authorization_code: Option<String>,
        /// Of a reservation.
        reservation: Option<Reservation>,
    }

    /// Seats were added or removed.
    QuantityChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Before.
        from: u32,
        /// After.
        to: u32,
        /// First day with the new number.
        effective_on: NaiveDate,
    }

    /// Access was stopped.
    SubscriptionSuspended {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Why.
        reason: SuspensionReason,
        /// First day without access.
        effective_on: NaiveDate,
        /// First day on which it cannot be reactivated.
        expires_on: NaiveDate,
    }

    /// Access came back.
    SubscriptionReactivated {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day with access.
        effective_on: NaiveDate,
    }

    /// It ended at once.
    SubscriptionCancelled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A whole order changed its rhythm, from the next period of each subscription.
    BillingFrequencyChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The order.
        order_id: OrderId,
        /// Before.
        from: BillingFrequency,
        /// After.
        to: BillingFrequency,
        /// Which subscriptions follow.
        subscription_ids: Vec<SubscriptionId>,
    }

    /// Renewal was switched.
    AutoRenewChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The new setting.
        auto_renew: bool,
    }

    /// The plan changed.
    SubscriptionConverted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Before.
        from_sku: Option<String>,
        /// After.
        to_sku: String,
        /// Prices from now on.
        prices: Vec<PriceComponent>,
        /// Offer from now on.
        offer_id: OfferId,
        /// Its name.
        offer_name: String,
        /// First day with the new plan.
        effective_on: NaiveDate,
    }

    /// A new term began.
    SubscriptionRenewed {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// 2 for the first renewal.
        term_number: u32,
        /// First day of the new term.
        term_start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the new term.
        prices: Vec<PriceComponent>,
        /// Where they stand.
        price_list_id: PriceListId,
    }

    /// The term ended and no new one began.
    SubscriptionExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A suspension lasted too long; all data is gone.
    SubscriptionDeprovisioned {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A suspended subscription's term ended and runs on without a charge (decision G09).
    TermRolled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Number of the new term.
        term_number: u32,
        /// First day of the new term.
        term_start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the new term.
        prices: Vec<PriceComponent>,
        /// Where they stand.
        price_list_id: PriceListId,
    }

    /// A suspended subscription's term ended and does not renew (decision G09).
    TermEnded {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day after the term.
        effective_on: NaiveDate,
    }

    /// A marketplace trial became a paid subscription.
    TrialConverted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First paid day.
        paid_from: NaiveDate,
        /// The day after the paid term's last.
        term_end: NaiveDate,
    }

    /// Cancelled too late for a credit: it ends with its term.
    CancellationScheduled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A publisher's fact about a purchase.
    FulfilmentConfirmed {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Which one.
        fact: FulfilmentFact,
        /// The day it holds from.
        effective_on: NaiveDate,
    }

    /// Both facts of a publisher hold: the subscription is in use, and its billing starts.
    SubscriptionActivated {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day, the later of the two facts'.
        start: NaiveDate,
        /// The first paid day after a trial.
        trial_end: Option<NaiveDate>,
        /// The day after the term's last.
        term_end: NaiveDate,
    }

    /// A cancellation with the term was taken back.
    CancellationWithdrawn {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
    }

    /// What a cancelled reservation gave back. Without tax; what was charged stands in its lines.
    ReservationRefunded {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Who gets it.
        partner_id: PartnerId,
        /// The day of the request, the first credited.
        effective_on: NaiveDate,
        /// Days since the purchase.
        elapsed_days: u32,
        /// Days to the end of the term.
        remaining_days: u32,
        /// Whether anything was used of it.
        used: bool,
        /// The value of the remaining term.
        value: Decimal,
        /// What the cancellation costs.
        fee: Decimal,
        /// Credit less fee; below 0 if the fee is more.
        credit: Decimal,
        /// Of the amounts.
        currency: Currency,
        /// Whether the cap cut it.
        capped: bool,
    }

    /// A reservation went into another one.
    ReservationExchanged {
        /// The customer.
        customer_id: CustomerId,
        /// The one that ends.
        subscription_id: SubscriptionId,
        /// The one that begins.
        new_subscription_id: SubscriptionId,
        /// First day of the new one.
        effective_on: NaiveDate,
        /// What is credited of the old one.
        credit: Decimal,
        /// The whole price of the new one.
        price: Decimal,
        /// Of the amounts.
        currency: Currency,
    }

    /// A reservation makes something else cheaper from now on.
    ReservationChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// After.
        reservation: Reservation,
        /// The day of the change.
        effective_on: NaiveDate,
    }
}
