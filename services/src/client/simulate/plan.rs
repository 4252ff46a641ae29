//! A case as commands of the ledger: a partner, an offer and its price, a customer, and then the story.

use chrono::{DateTime, NaiveDate, Utc};
use subledger_proto::{
    api::{
        AcceptAgreement, Cancel, ChangeQuantity, Command, Convert, CreateCustomer, PublishOffers, PublishPriceList,
        Purchase, PurchaseLine, Reactivate, RegisterPartner, Suspend, command::Body,
    },
    common::{
        Address, AgreementMode, BillingFrequency, Contact, Offer, OfferKind, OfferLimitScope, PartnerKind, PricePer,
        PriceRow, ProductFamily, SuspensionReason,
    },
};

use super::case::{Action, Case, Price, Step};
use crate::client::times::{midnight, timestamp};

/// The ids of a case: several cases, or several runs of one, may live in one ledger.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    tag: String,
}

impl Ids {
    /// Ids that begin with `tag`.
    pub(super) fn new(tag: impl Into<String>) -> Self {
        Self { tag: tag.into() }
    }

    fn of(&self, what: &str) -> String {
        format!("{}-{what}", self.tag)
    }

    /// The partner whose invoices are printed.
    pub(super) fn partner(&self) -> String {
        self.of("partner")
    }

    fn customer(&self) -> String {
        self.of("customer")
    }

    fn offer(&self) -> String {
        self.of("offer")
    }

    /// The offer behind the plan that the command at `index` converts to.
    fn plan_offer(&self, index: usize) -> String {
        self.of(&format!("offer-{index}"))
    }

    /// The customer's domain, which no other customer has.
    fn domain_prefix(&self) -> String {
        self.tag.replace('-', "")
    }
}

/// A country whose market has no currency of its own, so that a partner there may be billed in any.
const COUNTRY: &str = "AO";
/// Months of a term.
const TERM_MONTHS: u32 = 12;
/// The billing day where a case has none: its invoices do not depend on it.
const BILLING_DAY_DEFAULT: u32 = 1;

/// What must be there before the story, in this order.
pub(super) fn setup(case: &Case, ids: &Ids) -> Vec<(&'static str, Command)> {
    let at = midnight(case.first_day());
    let bodies = [
        ("currency", Body::RegisterPartner(partner(case, ids))),
        ("proration_rule", Body::PublishOffers(PublishOffers { offers: offers(case, ids) })),
        ("price", Body::PublishPriceList(price_list(case, ids))),
        ("commands", Body::CreateCustomer(customer(ids))),
        ("commands", Body::AcceptAgreement(agreement(case.first_day(), ids))),
    ];
    let commands = bodies.into_iter().enumerate();
    commands.map(|(index, (field, body))| (field, command(ids.of(&format!("setup-{index}")), at, body))).collect()
}

/// The command of a step; `index` is its place in the case.
pub(super) fn story(case: &Case, ids: &Ids, index: usize, step: &Step) -> Command {
    // Of several subscriptions, a command is about the one bought last.
    let bought = |upto: usize| case.commands.iter().take(upto).filter(|step| is_purchase(step)).count();
    let subscription_id = ids.of(&format!("subscription-{}", bought(index + 1)));
    let (customer_id, partner_id) = (ids.customer(), ids.partner());
    let body = match &step.action {
        Action::Purchase { quantity, billing_frequency, sku, free_trial_days } => Body::Purchase(Purchase {
            location_mpn_id: String::new(),
            customer_id,
            partner_id,
            order_id: ids.of(&format!("order-{}", bought(index + 1))),
            lines: vec![PurchaseLine {
                subscription_id,
                offer_id: ids.offer(),
                quantity: *quantity,
                billing_frequency: (*billing_frequency).into(),
                sku: sku.clone().unwrap_or_default(),
                free_trial_days: *free_trial_days,
                ..PurchaseLine::default()
            }],
            by_customer: false,
        }),
        Action::ChangeQuantity { to } => {
            Body::ChangeQuantity(ChangeQuantity { customer_id, partner_id, subscription_id, quantity: *to })
        }
        Action::Suspend => {
            let reason = SuspensionReason::CustomerRequest.into();
            Body::Suspend(Suspend { customer_id, partner_id, subscription_id, reason })
        }
        Action::Reactivate => Body::Reactivate(Reactivate { customer_id, partner_id, subscription_id }),
        Action::Cancel => Body::Cancel(Cancel { customer_id, partner_id, subscription_id, ..Cancel::default() }),
        Action::Convert { to_sku, .. } => Body::Convert(Convert {
            customer_id,
            partner_id,
            subscription_id,
            to_sku: to_sku.clone(),
            to_offer_id: ids.plan_offer(index),
        }),
    };
    command(ids.of(&index.to_string()), step.at, body)
}

fn is_purchase(step: &Step) -> bool {
    matches!(step.action, Action::Purchase { .. })
}

fn command(command_id: String, at: DateTime<Utc>, body: Body) -> Command {
    Command { command_id, effective_at: Some(timestamp(at)), expected_version: None, body: Some(body) }
}

fn partner(case: &Case, ids: &Ids) -> RegisterPartner {
    RegisterPartner {
        partner_id: ids.partner(),
        name: "Simulated partner".to_owned(),
        kind: PartnerKind::DirectBill.into(),
        country: COUNTRY.to_owned(),
        currency: case.currency.to_string(),
        billing_day: case.billing_day.unwrap_or(BILLING_DAY_DEFAULT),
        mpn_id: String::new(),
    }
}

fn customer(ids: &Ids) -> CreateCustomer {
    CreateCustomer {
        customer_id: ids.customer(),
        partner_id: ids.partner(),
        company_name: "Simulated customer".to_owned(),
        domain_prefix: ids.domain_prefix(),
        address: Some(Address {
            country: COUNTRY.to_owned(),
            line1: "1 Main Street".to_owned(),
            city: "Luanda".to_owned(),
            ..Address::default()
        }),
        contact: Some(contact()),
        reseller_id: String::new(),
    }
}

fn contact() -> Contact {
    Contact {
        first_name: "Kim".to_owned(),
        last_name: "Lee".to_owned(),
        email: "kim.lee@example.com".to_owned(),
        phone: String::new(),
    }
}

fn agreement(day: NaiveDate, ids: &Ids) -> AcceptAgreement {
    AcceptAgreement {
        customer_id: ids.customer(),
        mode: AgreementMode::CustomerDirect.into(),
        partner_id: String::new(),
        signatory: Some(contact()),
        accepted_on: day.to_string(),
        ..AcceptAgreement::default()
    }
}

/// How the case's offers are billed: both ways, or as a custom meter if it is a marketplace product bought without a frequency.
fn frequencies(case: &Case) -> Vec<i32> {
    let unspecified = BillingFrequency::Unspecified;
    let is_metered = |step: &Step| matches!(step.action, Action::Purchase { billing_frequency, .. } if billing_frequency == unspecified);
    if case.family == ProductFamily::MarketplaceSaas && case.commands.iter().any(is_metered) {
        return Vec::new();
    }
    [BillingFrequency::Monthly, BillingFrequency::Annual].map(i32::from).to_vec()
}

/// The offer of the case, and one for each plan it converts to.
fn offers(case: &Case, ids: &Ids) -> Vec<Offer> {
    let frequencies = frequencies(case);
    let offers = plans(case, ids).into_iter().map(|(offer_id, _)| offer_id);
    offers
        .map(|offer_id| Offer {
            offer_id,
            display_name: "Simulated offer".to_owned(),
            product_family: case.family.into(),
            kind: OfferKind::Base.into(),
            term_months: TERM_MONTHS,
            billing_frequencies: frequencies.clone(),
            minimum_quantity: 1,
            limit_scope: OfferLimitScope::None.into(),
            proration_rule: case.proration_rule.into(),
            split_rebill_at_anniversary: case.split_rebill_at_anniversary,
            ..Offer::default()
        })
        .collect()
}

fn price_list(case: &Case, ids: &Ids) -> PublishPriceList {
    let unit = if case.per == PricePer::Year { "year" } else { "month" };
    let rows = plans(case, ids).into_iter().flat_map(|(offer_id, prices)| {
        prices.into_iter().map(move |price| PriceRow {
            change_flag: "ADD".to_owned(),
            valid_from: case.first_day().to_string(),
            offer_display_name: "Simulated offer".to_owned(),
            offer_id: offer_id.clone(),
            license_agreement_type: "corporate".to_owned(),
            purchase_unit: unit.to_owned(),
            secondary_license_type: "non-specific".to_owned(),
            end_customer_type: "cloud reseller corporate".to_owned(),
            list_price: price.unit,
            component: price.component.unwrap_or_default(),
            ..PriceRow::default()
        })
    });
    PublishPriceList { price_list_id: ids.tag.clone(), currency: case.currency.to_string(), rows: rows.collect() }
}

/// Offer ids with their prices.
fn plans(case: &Case, ids: &Ids) -> Vec<(String, Vec<Price>)> {
    let converted = case.commands.iter().enumerate().filter_map(|(index, step)| match &step.action {
        Action::Convert { unit_price, .. } => {
            Some((ids.plan_offer(index), vec![Price { component: None, unit: unit_price.clone() }]))
        }
        _ => None,
    });
    std::iter::once((ids.offer(), case.prices.clone())).chain(converted).collect()
}
