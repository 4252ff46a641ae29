//! Events of free trials, scheduled changes, details, upgrades and migrations.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    Reason,
    charge::AppliedPromotion,
    customer::ScheduledChange,
    ids::{CustomerId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId, UserId},
    money::Currency,
    offer::{BillingFrequency, PriceComponent, ProrationRule},
};

event! {
    /// A free trial began: it costs nothing, and no document shows it.
    TrialStarted {
        /// The customer.
        customer_id: CustomerId,
        /// Who would pay.
        partner_id: PartnerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Its order.
        order_id: OrderId,
        /// The trial offer.
        offer_id: OfferId,
        /// The offer's name.
        offer_name: String,
        /// Seats, fixed.
        quantity: u32,
        /// First day.
        start: NaiveDate,
        /// First day without it.
        ends_on: NaiveDate,
        /// What it would be billed in.
        currency: Currency,
        /// Where the trial stands.
        price_list_id: PriceListId,
        /// Days a suspension lasts before it is deprovisioned.
        hold_days: u32,
        /// When it was ordered.
        ordered_at: DateTime<Utc>,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
    }

    /// A free trial ran out.
    TrialExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A free trial became a paid subscription.
    FreeTrialConverted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The paid offer.
        offer_id: OfferId,
        /// Its name.
        offer_name: String,
        /// Seats.
        quantity: u32,
        /// Its rhythm.
        billing_frequency: BillingFrequency,
        /// Length of a term.
        term_months: u32,
        /// First paid day.
        start: NaiveDate,
        /// The day that anniversaries are counted from: the start, or the partner's next billing date.
        anchor: NaiveDate,
        /// The day after the term's last.
        term_end: NaiveDate,
        /// Locked for the term.
        prices: Vec<PriceComponent>,
        /// Where they stand.
        price_list_id: PriceListId,
        /// How parts of a period are priced.
        proration_rule: ProrationRule,
        /// Whether an annual re-bill is cut at the anniversary.
        split_rebill_at_anniversary: bool,
        /// Whether it renews by itself.
        auto_renew: bool,
        /// Holds for the term.
        promotion: Option<AppliedPromotion>,
    }

    /// A change waits for its day.
    ChangeScheduled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// What, and when.
        change: ScheduledChange,
    }

    /// It waits no longer, and does not happen.
    ScheduledChangeWithdrawn {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Why the ledger dropped it; none if it was taken back.
        reason: Option<Reason>,
    }

    /// Its day came.
    ScheduledChangeApplied {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// What was scheduled.
        change: ScheduledChange,
        /// Seats before.
        from: u32,
        /// The day.
        effective_on: NaiveDate,
    }

    /// Names and people around the subscription are these.
    SubscriptionDetailsChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// A name of its own.
        friendly_name: Option<String>,
        /// The customer's purchase order.
        po_number: Option<String>,
        /// Who supports the customer; the owner, if none.
        support_contact_id: Option<PartnerId>,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
    }

    /// It became another offer; the new subscription follows in the same commit, licenses and add-ons move there.
    SubscriptionUpgraded {
        /// The customer.
        customer_id: CustomerId,
        /// The old one.
        subscription_id: SubscriptionId,
        /// The new one.
        new_subscription_id: SubscriptionId,
        /// The new offer.
        to_offer_id: OfferId,
        /// Seats that move.
        quantity: u32,
        /// Add-ons that stand on the new one from now on.
        add_on_ids: Vec<SubscriptionId>,
    }

    /// Its licenses moved to its replacement.
    SubscriptionMigrated {
        /// The customer.
        customer_id: CustomerId,
        /// The old one.
        subscription_id: SubscriptionId,
        /// Its replacement.
        to_subscription_id: SubscriptionId,
        /// Whose licenses moved.
        moved_user_ids: Vec<UserId>,
        /// For whom there was none.
        left_user_ids: Vec<UserId>,
    }
}
