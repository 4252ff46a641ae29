//! Another offer: upgrades by the table (customers page section 2.13), and the last step of leaving a retired offer (section 2.14).

use super::{
    Customer, Standing, Subscription, SuspensionReason, access, draft::Draft, gates, purchase, purchase::Choice,
    suspension, transfer::open_transfer_of,
};
use crate::{
    Reason, Rejection, calendar, check,
    command::{Migrate, Upgrade},
    event::{OrderPlaced, SubscriptionMigrated, SubscriptionUpgraded},
    ids::SubscriptionId,
    offer::Offer,
    reference::{
        partner_standing::Action,
        upgrade::{self, PathKind},
    },
};

/// Suspension of a migrated subscription to its deletion, whatever its stub (L15608 and four more).
const MIGRATED_HOLD_DAYS: u32 = 120;

/// Billed as the end of the old and the purchase of the new (L14915): list price of the day, a term of its own, the same seats.
pub(super) fn upgrade(draft: &mut Draft<'_>, command: &Upgrade) -> Result<(), Rejection> {
    let (customer, on, reference) = (draft.customer, draft.on(), draft.reference);
    let old = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::may(draft, &command.partner_id, Action::Upgrade)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    let partner = gates::buyer(reference, &command.partner_id, "partner_id")?;
    let offer = gates::offer_on_sale(&reference.catalog, &command.to_offer_id, on, "to_offer_id")?;
    if !upgrade::leads(&old.offer_name, &offer.display_name, PathKind::Upgrade) {
        let targets = upgrade::targets(&old.offer_name, PathKind::Upgrade);
        let message = match targets.as_slice() {
            [] => format!("{} cannot be upgraded", old.offer_name),
            targets => format!("{} becomes {}, not {}", old.offer_name, targets.join(", "), offer.display_name),
        };
        return Err(
            Rejection::field(Reason::UpgradePathUnknown, "to_offer_id", message).with("targets", targets.join(","))
        );
    }
    gates::active(&old, on)?;
    gates::unlocked(&old)?;
    access::delegated_admin(customer, &command.partner_id, "partner_id")?;
    not_owned(customer, offer)?;
    if let Some(transfer_id) = open_transfer_of(draft, &old.subscription_id) {
        let message = format!("Subscription {} is in transfer {transfer_id}; withdraw it first", old.subscription_id);
        return Err(
            Rejection::field(Reason::TransferInProgress, "subscription_id", message).with("transfer_id", transfer_id)
        );
    }
    let add_on_ids = add_ons(draft, &old, offer)?;
    gates::offer_market(offer, partner, customer, "to_offer_id")?;
    let currency = gates::billing_currency(offer.product_family, partner, customer);
    let quote = gates::price(&reference.catalog, offer, currency, on, "to_offer_id")?;
    gates::tax_rates(reference, partner, offer, &quote, draft.decision.charged_on, "to_offer_id")?;
    super::qualification::gate(&reference.catalog, customer, offer, currency, "to_offer_id")?;
    gates::quantity(offer, old.quantity, "to_offer_id")?;
    let billing_frequency = old.next_billing_frequency.or(old.billing_frequency);
    gates::frequency(offer, billing_frequency, "to_offer_id")?;
    let order_id = purchase::order_id(draft, None)?;
    let chosen = command.new_subscription_id.as_ref();
    let new_id = purchase::subscription_id(draft, chosen, 0, "new_subscription_id")?;
    let choice = Choice {
        subscription_id: new_id.clone(),
        order_id: order_id.clone(),
        quantity: old.quantity,
        billing_frequency,
        base: None,
        reseller_id: old.reseller_id.clone(),
        friendly_name: old.friendly_name.clone(),
        sku: None,
        free_trial_days: 0,
        auto_renew: purchase::renews_by_itself(offer),
        transferred_from: None,
        reservation: None,
    };
    let created = purchase::new_subscription(draft, partner, offer, quote, currency, choice);
    let (customer_id, subscription_id) = (command.customer_id.clone(), command.subscription_id.clone());
    draft.push(SubscriptionUpgraded {
        customer_id: customer_id.clone(),
        subscription_id,
        new_subscription_id: new_id.clone(),
        to_offer_id: offer.offer_id.clone(),
        quantity: old.quantity,
        add_on_ids,
    });
    let expires_on = calendar::add_days(on, old.hold_days);
    suspension::push_suspended(draft, &old.subscription_id, SuspensionReason::Upgraded, expires_on);
    let subscription_ids = vec![new_id];
    draft.push(OrderPlaced {
        customer_id,
        partner_id: partner.partner_id.clone(),
        order_id,
        subscription_ids,
        by_customer: false,
        location_mpn_id: None,
    });
    draft.create(created);
    Ok(())
}

/// Nobody holds the offer for the customer already (L14911).
fn not_owned(customer: &Customer, offer: &Offer) -> Result<(), Rejection> {
    let Some(owned) = customer.holding(&offer.offer_id) else { return Ok(()) };
    let message = format!("The customer has {} already, as subscription {owned}", offer.display_name);
    Err(Rejection::field(Reason::TargetAlreadyOwned, "to_offer_id", message).with("subscription_id", owned))
}

impl Customer {
    /// A subscription of the offer that is in use or suspended, at whichever partner.
    pub(super) fn holding(&self, offer_id: &crate::ids::OfferId) -> Option<&SubscriptionId> {
        let holds = |subscription: &&Subscription| {
            subscription.offer_id == *offer_id
                && matches!(subscription.standing, Standing::Active | Standing::Suspended { .. })
        };
        self.subscriptions().find(holds).map(|subscription| &subscription.subscription_id)
    }
}

/// The add-ons that move along; each stands on the new offer too (decision G11).
fn add_ons(draft: &Draft<'_>, old: &Subscription, to: &Offer) -> Result<Vec<SubscriptionId>, Rejection> {
    let mut moving = Vec::new();
    for id in draft.customer.add_ons_of(&old.subscription_id) {
        let Some(add_on) = draft.get(id).filter(|add_on| !add_on.is_closed()) else { continue };
        let offer = draft.reference.catalog.offer(&add_on.offer_id);
        if !offer.is_some_and(|offer| offer.prerequisite_offer_ids.contains(&to.offer_id)) {
            let message = format!("The add-on {} does not stand on {}", add_on.offer_name, to.display_name);
            return Err(Rejection::field(Reason::AddonIncompatible, "to_offer_id", message).with("subscription_id", id));
        }
        moving.push(id.clone());
    }
    Ok(moving)
}

/// Licenses move to the replacement as far as they fit; then the old subscription is suspended, for 120 days (L15603-15608).
pub(super) fn migrate(draft: &mut Draft<'_>, command: &Migrate) -> Result<(), Rejection> {
    let on = draft.on();
    let old = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    gates::active(&old, on)?;
    if command.to_subscription_id == command.subscription_id {
        return Err(check::invalid("to_subscription_id", "The replacement is another subscription"));
    }
    draft.settle_before(&command.to_subscription_id);
    let new = draft.get(&command.to_subscription_id).cloned();
    let replaces = |new: &Subscription| {
        new.partner_id == command.partner_id
            && upgrade::leads(&old.offer_name, &new.offer_name, PathKind::Migration)
            && gates::active(new, on).is_ok()
    };
    let Some(new) = new.filter(replaces) else {
        let targets = upgrade::targets(&old.offer_name, PathKind::Migration);
        let message = match targets.as_slice() {
            [] => format!("{} is not retired: nothing replaces it", old.offer_name),
            targets => format!("Buy one of {} first; it must be active and this partner's", targets.join(", ")),
        };
        return Err(Rejection::field(Reason::ReplacementNotActive, "to_subscription_id", message)
            .with("replacements", targets.join(",")));
    };
    let mut free = super::licenses::free(draft, &new.subscription_id);
    let (mut moved_user_ids, mut left_user_ids) = (Vec::new(), Vec::new());
    let users = draft.customer.users();
    for user_id in users.holders(&old.subscription_id) {
        let has_it = users.get(user_id).is_some_and(|user| user.licenses.contains(&new.subscription_id));
        if has_it || free > 0 {
            free -= u32::from(!has_it);
            moved_user_ids.push(user_id.clone());
        } else {
            left_user_ids.push(user_id.clone());
        }
    }
    let Migrate { customer_id, subscription_id, to_subscription_id, .. } = command.clone();
    draft.push(SubscriptionMigrated {
        customer_id,
        subscription_id,
        to_subscription_id,
        moved_user_ids,
        left_user_ids,
    });
    suspension::stop_for(draft, &old, SuspensionReason::Migrated, MIGRATED_HOLD_DAYS)
}
