//! An order: taken whole or not at all (customers page section 2.7).

use std::fmt;

use chrono::NaiveDate;

use super::{
    Customer, Standing, Subscription, access, azure, dates, draft::Draft, gates, marketplace, qualification,
    shared_services, transaction,
};
use crate::{
    Reason, Rejection, calendar,
    catalog::{self, PriceQuote},
    charge::AppliedPromotion,
    check,
    command::{Purchase, PurchaseLine},
    event::{OrderPlaced, SubscriptionCreated},
    ids::{MpnId, OfferId, OrderId, PartnerId, SubscriptionId},
    money::Currency,
    offer::{
        BillingFrequency, Fulfilment, LOCKED_TERM_MONTHS, Offer, OfferKind, OfferLimitScope, ProductFamily,
        ProductKind, Reservation,
    },
    partner::{Partner, PartnerRule},
    reference::market,
};

/// Lines of one order.
pub const ORDER_LINES_MAX: usize = 500;

/// Who buys what under which number.
pub(super) struct NewOrder<'a> {
    pub(super) partner: &'a Partner,
    pub(super) id: OrderId,
    /// The partner's location.
    pub(super) location_mpn_id: Option<MpnId>,
    /// The lines before; a later line may stand on one of them.
    pub(super) created: Vec<SubscriptionCreated>,
    /// Whether the customer places it itself.
    pub(super) by_customer: bool,
}

/// What a new subscription does not have from its offer.
pub(super) struct Choice {
    pub(super) subscription_id: SubscriptionId,
    pub(super) order_id: OrderId,
    pub(super) quantity: u32,
    pub(super) billing_frequency: Option<BillingFrequency>,
    /// The base, and the end of its term.
    pub(super) base: Option<(SubscriptionId, NaiveDate)>,
    pub(super) reseller_id: Option<PartnerId>,
    pub(super) friendly_name: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) free_trial_days: u32,
    pub(super) auto_renew: bool,
    pub(super) transferred_from: Option<SubscriptionId>,
    pub(super) reservation: Option<Reservation>,
}

/// A field of an order's line. Its name is put together when a rule refuses it, which is seldom, and not for every rule.
#[derive(Clone, Copy)]
struct Field<'a> {
    at: &'a str,
    name: &'a str,
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.name)
    }
}

pub(super) fn purchase(draft: &mut Draft<'_>, command: &Purchase) -> Result<(), Rejection> {
    check::count("lines", command.lines.len(), ORDER_LINES_MAX)?;
    let (customer, on) = (draft.customer, draft.on());
    let partner = gates::buyer(draft.reference, &command.partner_id, "partner_id")?;
    for line in &command.lines {
        gates::may(draft, &command.partner_id, gates::ordering(draft.reference.catalog.offer(&line.offer_id)))?;
    }
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    gates::market(partner, customer.country(), "partner_id")?;
    gates::tax_id(draft.reference, partner, on, "partner_id")?;
    let order_id = order_id(draft, command.order_id.as_ref())?;
    for base in command.lines.iter().filter_map(|line| line.base_subscription_id.as_ref()) {
        draft.settle_before(base);
    }
    let by_customer = command.by_customer;
    let location_mpn_id = location(draft, partner, command.location_mpn_id.as_ref())?;
    let mut order = NewOrder { partner, id: order_id, location_mpn_id, created: Vec::new(), by_customer };
    for (index, line) in command.lines.iter().enumerate() {
        let created = decide_line(draft, &order, index, &format!("lines[{index}]"), line)?;
        order.created.push(created);
    }
    place(draft, order);
    Ok(())
}

/// The location an order comes from: one of the partner's own, and in the customer's market (L5597). Where every order needs one, it is
/// the location the partner was registered with that sells for whom names none.
fn location(draft: &Draft<'_>, partner: &Partner, chosen: Option<&MpnId>) -> Result<Option<MpnId>, Rejection> {
    let field = "location_mpn_id";
    let required = draft.reference.catalog.program().binds(PartnerRule::LocationRequired, draft.on());
    let registered = MpnId::new(&partner.mpn_id).ok();
    let Some(id) = chosen.or(registered.as_ref().filter(|_| required)) else {
        if !required {
            return Ok(None);
        }
        let message =
            format!("{} has no location in the partner network; it names the one that sells", partner.partner_id);
        return Err(Rejection::field(Reason::LocationRequired, field, message).with("partner_id", &partner.partner_id));
    };
    partner.location(id, field)?;
    let country = partner.account.country_of(partner, id).unwrap_or(&partner.country);
    if !market::same_market(country, draft.customer.country()) {
        let message = format!("Location {id} is in {country}; a location sells in its own market (L4524)");
        return Err(Rejection::field(Reason::MarketNotAllowed, field, message).with("country", country));
    }
    Ok(Some(id.clone()))
}

/// Takes the order.
pub(super) fn place(draft: &mut Draft<'_>, order: NewOrder<'_>) {
    let NewOrder { partner, id: order_id, location_mpn_id, created, by_customer } = order;
    let subscription_ids = created.iter().map(|created| created.subscription_id.clone()).collect();
    let (customer_id, partner_id) = (draft.customer.id().clone(), partner.partner_id.clone());
    draft.push(OrderPlaced { customer_id, partner_id, order_id, subscription_ids, by_customer, location_mpn_id });
    for created in created {
        draft.create(created);
    }
}

/// The order's id: the caller's, if it is not in use, or a new one.
pub(super) fn order_id(draft: &Draft<'_>, chosen: Option<&OrderId>) -> Result<OrderId, Rejection> {
    let id = match chosen {
        Some(id) => id.clone(),
        None => OrderId::new(draft.decision.context.new_id("order", 0))
            .map_err(|error| check::invalid("order_id", error.to_string()))?,
    };
    if draft.customer.order(&id).is_some() {
        let message = format!("The customer has an order {id} already");
        return Err(Rejection::field(Reason::OrderAlreadyExists, "order_id", message));
    }
    Ok(id)
}

/// A subscription's id: the caller's, or a new one.
pub(super) fn subscription_id(
    draft: &Draft<'_>,
    chosen: Option<&SubscriptionId>,
    index: usize,
    field: impl fmt::Display,
) -> Result<SubscriptionId, Rejection> {
    let id = match chosen {
        Some(id) => id.clone(),
        None => SubscriptionId::new(draft.decision.context.new_id("subscription", index))
            .map_err(|error| Rejection::of_field(Reason::InvalidValue, &field, error.to_string()))?,
    };
    if draft.customer.subscription(&id).is_some() {
        return Err(id_in_use(&id, field));
    }
    Ok(id)
}

fn id_in_use(id: &SubscriptionId, field: impl fmt::Display) -> Rejection {
    Rejection::of_field(Reason::SubscriptionAlreadyExists, field, format!("The subscription id {id} is in use"))
}

/// One line of an order; `at` is where it stands in the command.
pub(super) fn decide_line(
    draft: &Draft<'_>,
    order: &NewOrder<'_>,
    index: usize,
    at: &str,
    line: &PurchaseLine,
) -> Result<SubscriptionCreated, Rejection> {
    let field = |name| Field { at, name };
    let (catalog, partner, on) = (&draft.reference.catalog, order.partner, draft.on());
    let offer = gates::offer_on_sale(catalog, &line.offer_id, on, field("offer_id"))?;
    if offer.kind == OfferKind::Trial {
        let message = format!("{} is a trial; it is not sold by an order", offer.display_name);
        return Err(Rejection::of_field(Reason::TrialNotOffered, field("offer_id"), message));
    }
    if order.by_customer {
        access::may_buy(draft.customer, &partner.partner_id, offer, field("offer_id"))?;
    }
    gates::offer_market(offer, partner, draft.customer, field("offer_id"))?;
    azure::market(offer, draft.customer, field("offer_id"))?;
    marketplace::available(offer, &partner.partner_id, field("offer_id"))?;
    let currency = gates::billing_currency(offer.product_family, partner, draft.customer);
    let quote = gates::price(catalog, offer, currency, on, field("offer_id"))?;
    gates::tax_rates(draft.reference, partner, offer, &quote, draft.decision.charged_on, field("offer_id"))?;
    qualification::gate(catalog, draft.customer, offer, currency, field("offer_id"))?;
    check_limit(draft.customer, order, offer, field("offer_id"))?;
    let base = base_of(draft, order, offer, line, field("base_subscription_id"))?;
    gates::quantity(offer, line.quantity, field("quantity"))?;
    if line.billing_frequency.is_none() && !offer.is_metered() {
        let message = "State how it is billed, monthly or annual";
        return Err(Rejection::of_field(Reason::BillingFrequencyRequired, field("billing_frequency"), message));
    }
    gates::frequency(offer, line.billing_frequency, field("billing_frequency"))?;
    check_texts(at, line)?;
    gates::reseller(draft.reference, partner, line.reseller_id.as_ref(), field("reseller_id"))?;
    let free_trial_days = marketplace::trial_days(offer, line.free_trial_days, field("free_trial_days"))?;
    let subscription_id = subscription_id(draft, line.subscription_id.as_ref(), index, field("subscription_id"))?;
    if order.created.iter().any(|created| created.subscription_id == subscription_id) {
        return Err(id_in_use(&subscription_id, field("subscription_id")));
    }
    let related = draft.customer.relationship(&partner.partner_id);
    let reseller_id = line.reseller_id.clone().or_else(|| related.and_then(|related| related.reseller_id.clone()));
    gates::associate(draft.reference, partner, reseller_id.as_ref(), on, field("reseller_id"))?;
    transaction::sale(draft.customer, draft.reference, partner, reseller_id.as_ref(), "partner_id")?;
    shared_services::gate(draft.customer, draft.reference, offer, &quote, (on, field("offer_id")))?;
    let reservation = azure::check(draft, order, offer, reseller_id.as_ref(), line, at)?;
    let choice = Choice {
        subscription_id,
        order_id: order.id.clone(),
        quantity: line.quantity,
        billing_frequency: line.billing_frequency,
        base,
        reseller_id,
        friendly_name: line.friendly_name.clone(),
        sku: line.sku.clone(),
        free_trial_days,
        auto_renew: auto_renew(offer, line.auto_renew, field("auto_renew"))?,
        transferred_from: None,
        reservation,
    };
    Ok(new_subscription(draft, partner, offer, quote, currency, choice))
}

/// A subscription that begins on the command's day.
pub(super) fn new_subscription(
    draft: &Draft<'_>,
    partner: &Partner,
    offer: &Offer,
    quote: PriceQuote,
    currency: Currency,
    choice: Choice,
) -> SubscriptionCreated {
    let start = draft.on();
    let trial_end = match choice.free_trial_days {
        0 => None,
        days => Some(calendar::add_days(start, days)),
    };
    // The paid term follows the trial; an add-on's ends with its base's (decision G11).
    let paid_from = trial_end.unwrap_or(start);
    let term_end =
        if offer.is_endless() { calendar::NEVER } else { calendar::anniversary(paid_from, offer.term_months) };
    let authorization_code = (offer.product().fulfilment == Fulfilment::Publisher)
        .then(|| draft.decision.context.new_id(&format!("authorization/{}", choice.subscription_id), 0));
    let base_end = choice.base.as_ref().map(|(_, end)| *end).filter(|end| *end > paid_from);
    SubscriptionCreated {
        customer_id: draft.customer.id().clone(),
        partner_id: partner.partner_id.clone(),
        subscription_id: choice.subscription_id,
        order_id: choice.order_id,
        offer_id: offer.offer_id.clone(),
        offer_name: offer.display_name.clone(),
        product_family: offer.product_family,
        base_subscription_id: choice.base.map(|(id, _)| id),
        quantity: choice.quantity,
        billing_frequency: choice.billing_frequency,
        term_months: offer.term_months,
        start,
        term_end: base_end.map_or(term_end, |end| end.min(term_end)),
        prices: quote.prices,
        currency,
        price_list_id: quote.price_list_id,
        proration_rule: offer.proration_rule,
        split_rebill_at_anniversary: offer.split_rebill_at_anniversary,
        auto_renew: choice.auto_renew,
        reseller_id: choice.reseller_id,
        friendly_name: choice.friendly_name,
        sku: choice.sku,
        trial_end,
        transferred_from_subscription_id: choice.transferred_from,
        hold_days: dates::hold_days(start, partner.billing_day),
        ordered_at: draft.decision.context.effective_at,
        promotion: promotion(draft, partner, offer, choice.billing_frequency),
        product_kind: offer.product_kind(),
        authorization_code,
        reservation: choice.reservation,
    }
}

/// The best promotion of the day; only licenses have one (L14605), and nobody chooses it (L14614). A partner's own tenant has none
/// (L7825).
pub(super) fn promotion(
    draft: &Draft<'_>,
    partner: &Partner,
    offer: &Offer,
    billing_frequency: Option<BillingFrequency>,
) -> Option<AppliedPromotion> {
    let own_tenant = shared_services::is_tenant(partner, draft.customer.id());
    if offer.product_family != ProductFamily::License || own_tenant {
        return None;
    }
    let on = draft.on();
    let order = catalog::Order { offer_id: &offer.offer_id, country: &partner.country, billing_frequency, on };
    let promotion = draft.reference.catalog.promotion(order)?;
    let until = promotion.months.map(|months| calendar::anniversary(on, months));
    Some(AppliedPromotion { promotion_id: promotion.promotion_id.clone(), percent: promotion.percent, until })
}

/// Whether the family renews by itself, and whether the caller may say so (table of customers page section 2.10).
fn auto_renew(offer: &Offer, chosen: Option<bool>, field: impl fmt::Display) -> Result<bool, Rejection> {
    let renews = renews_by_itself(offer);
    match chosen {
        Some(chosen) if chosen != renews && offer.product_family != ProductFamily::MarketplaceSaas => {
            let does = if renews { "always renews" } else { "never renews" };
            let message =
                format!("{} {does} by itself; only a marketplace product can be switched", offer.display_name);
            Err(Rejection::of_field(Reason::AutoRenewNotSwitchable, field, message))
        }
        chosen => Ok(chosen.unwrap_or(renews)),
    }
}

/// Licenses, marketplace products and Azure plans do; one-time purchases and the locked 72 months do not.
pub(super) fn renews_by_itself(offer: &Offer) -> bool {
    if offer.product_kind() == Some(ProductKind::AzurePlan) {
        return true;
    }
    offer.product_family != ProductFamily::OneTimeRecurring && offer.term_months != LOCKED_TERM_MONTHS
}

/// How many of an offer one customer may own (accounts page section 2.14, L7967-7979).
fn check_limit(
    customer: &Customer,
    order: &NewOrder<'_>,
    offer: &Offer,
    field: impl fmt::Display,
) -> Result<(), Rejection> {
    let owned = customer.owned.get(&offer.offer_id).copied().unwrap_or_default();
    let counted = match offer.limit_scope {
        OfferLimitScope::None => return Ok(()),
        OfferLimitScope::Lifetime => owned.ever,
        OfferLimitScope::Concurrent => owned.now,
    };
    let in_order = order.created.iter().filter(|created| created.offer_id == offer.offer_id).count();
    if usize::try_from(counted).unwrap_or(usize::MAX).saturating_add(in_order)
        < usize::try_from(offer.limit).unwrap_or(usize::MAX)
    {
        return Ok(());
    }
    let what = if offer.limit_scope == OfferLimitScope::Lifetime { "ever buy" } else { "own at once" };
    let message = format!("A customer may {what} {} of {}", offer.limit, offer.display_name);
    Err(Rejection::of_field(Reason::OfferLimitExceeded, field, message)
        .with("limit", offer.limit)
        .with("offer_id", &offer.offer_id)
        .with("suspended_subscription_ids", suspended(customer, &offer.offer_id)))
}

/// Suspended subscriptions of the offer: one of them may be reactivated instead (L14498).
fn suspended(customer: &Customer, offer_id: &OfferId) -> String {
    let of_offer = |subscription: &&Subscription| subscription.offer_id == *offer_id;
    let suspended = |subscription: &&Subscription| matches!(subscription.standing, Standing::Suspended { .. });
    let ids = customer.subscriptions().filter(of_offer).filter(suspended);
    ids.map(|subscription| subscription.subscription_id.as_str()).take(ORDER_LINES_MAX).collect::<Vec<_>>().join(",")
}

/// The base of an add-on, active and the same partner's, with the end of its term (accounts page section 2.13, L7939-7943).
fn base_of(
    draft: &Draft<'_>,
    order: &NewOrder<'_>,
    offer: &Offer,
    line: &PurchaseLine,
    field: impl fmt::Display,
) -> Result<Option<(SubscriptionId, NaiveDate)>, Rejection> {
    let refuse = |message: String| Err(Rejection::of_field(Reason::AddonRequiresBase, &field, message));
    let base_id = match (offer.kind, &line.base_subscription_id) {
        (OfferKind::AddOn, Some(id)) => id,
        (OfferKind::AddOn, None) => {
            return refuse(format!("{} is an add-on: name its base subscription", offer.display_name));
        }
        (_, None) => return Ok(None),
        (_, Some(_)) => {
            let message = format!("{} is no add-on and stands on no base", offer.display_name);
            return Err(Rejection::of_field(Reason::InvalidValue, field, message));
        }
    };
    let in_order = order.created.iter().find(|created| created.subscription_id == *base_id).map(Subscription::from);
    let Some(base) = in_order.or_else(|| draft.get(base_id).cloned()) else {
        return refuse(format!("The customer has no subscription {base_id}"));
    };
    if base.partner_id != order.partner.partner_id {
        return refuse(format!("Subscription {base_id} belongs to another partner"));
    }
    if !offer.prerequisite_offer_ids.contains(&base.offer_id) {
        return refuse(format!("{} does not stand on {}", offer.display_name, base.offer_name));
    }
    if gates::active(&base, draft.on()).is_err() {
        return refuse(format!("The base subscription {base_id} is not active"));
    }
    gates::not_before(&base, draft.on())?;
    if let Some(transfer_id) = super::transfer::open_transfer_of(draft, base_id) {
        let message = format!("Subscription {base_id} is in transfer {transfer_id}; withdraw it first");
        return Err(Rejection::of_field(Reason::TransferInProgress, &field, message).with("transfer_id", transfer_id));
    }
    Ok(Some((base_id.clone(), base.term_end)))
}

fn check_texts(at: &str, line: &PurchaseLine) -> Result<(), Rejection> {
    if let Some(name) = &line.friendly_name {
        check::required(&format!("{at}.friendly_name"), name)?;
    }
    line.sku.as_ref().map_or(Ok(()), |sku| check::required(&format!("{at}.sku"), sku))
}
