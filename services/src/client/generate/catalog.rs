//! The offers that generated partners sell, and their prices.

use subledger_proto::{
    api::{PublishOffers, PublishPriceList, command::Body},
    common::{BillingFrequency, Offer, OfferKind, OfferLimitScope, PriceRow, ProductFamily, ProrationRule},
};

/// A country with its currency, and how many of it a US dollar is, in cents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Market {
    pub(super) country: &'static str,
    pub(super) currency: &'static str,
    cents: u32,
    minor_digits: u32,
}

/// Where generated partners are; a customer is where its partner is.
pub(super) const MARKETS: [Market; 4] = [
    Market { country: "US", currency: "USD", cents: 100, minor_digits: 2 },
    Market { country: "DE", currency: "EUR", cents: 84, minor_digits: 2 },
    Market { country: "GB", currency: "GBP", cents: 76, minor_digits: 2 },
    Market { country: "JP", currency: "JPY", cents: 11_000, minor_digits: 0 },
];

/// An offer in short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) id: &'static str,
    name: &'static str,
    pub(super) family: ProductFamily,
    pub(super) annual: bool,
    pub(super) seats_max: u32,
    dollar_cents: u32,
    rule: ProrationRule,
    unit: &'static str,
}

/// What is sold. Prices are for a month, or for a year where it is billed so only.
pub(super) const PRODUCTS: [Product; 6] = [
    license("business-essentials", "Business Essentials", 400, ProrationRule::DailyRate3dp),
    license("business-premium", "Business Premium", 1000, ProrationRule::PublishedFormula),
    license("enterprise-e3", "Enterprise E3", 1600, ProrationRule::Exact),
    license("dynamics-sales", "Dynamics Sales", 7600, ProrationRule::Exact),
    Product {
        id: "azure-active-directory",
        name: "Directory P1",
        family: ProductFamily::OneTimeRecurring,
        annual: false,
        seats_max: 5000,
        dollar_cents: 480,
        rule: ProrationRule::RoundedUnit,
        unit: "month",
    },
    Product {
        id: "market-backup",
        name: "Backup for Mail",
        family: ProductFamily::MarketplaceSaas,
        annual: true,
        seats_max: 2000,
        dollar_cents: 250,
        rule: ProrationRule::RoundedUnit,
        unit: "month",
    },
];

const fn license(id: &'static str, name: &'static str, dollar_cents: u32, rule: ProrationRule) -> Product {
    Product {
        id,
        name,
        family: ProductFamily::License,
        annual: true,
        seats_max: 300,
        dollar_cents,
        rule,
        unit: "month",
    }
}

/// The commands that publish offers and a price list for each currency.
pub(super) fn commands(prefix: &str) -> Vec<Body> {
    let offers = PRODUCTS.iter().map(|product| offer(prefix, product)).collect();
    let mut commands = vec![Body::PublishOffers(PublishOffers { offers })];
    commands.extend(MARKETS.iter().map(|market| {
        Body::PublishPriceList(PublishPriceList {
            price_list_id: format!("{prefix}-2018-01-{}", market.country),
            currency: market.currency.to_owned(),
            rows: PRODUCTS.iter().map(|product| row(prefix, product, *market)).collect(),
        })
    }));
    commands
}

/// The id of a product's offer.
pub(super) fn offer_id(prefix: &str, product: &Product) -> String {
    format!("{prefix}-{}", product.id)
}

fn offer(prefix: &str, product: &Product) -> Offer {
    let mut frequencies = vec![BillingFrequency::Monthly.into()];
    if product.annual {
        frequencies.push(BillingFrequency::Annual.into());
    }
    Offer {
        offer_id: offer_id(prefix, product),
        display_name: product.name.to_owned(),
        product_family: product.family.into(),
        kind: OfferKind::Base.into(),
        term_months: 12,
        billing_frequencies: frequencies,
        minimum_quantity: 1,
        maximum_quantity: product.seats_max,
        limit_scope: OfferLimitScope::None.into(),
        proration_rule: product.rule.into(),
        ..Offer::default()
    }
}

fn row(prefix: &str, product: &Product, market: Market) -> PriceRow {
    PriceRow {
        change_flag: "ADD".to_owned(),
        valid_from: "2018-01-01".to_owned(),
        offer_display_name: product.name.to_owned(),
        offer_id: offer_id(prefix, product),
        license_agreement_type: "corporate".to_owned(),
        purchase_unit: product.unit.to_owned(),
        secondary_license_type: "non-specific".to_owned(),
        end_customer_type: "cloud reseller corporate".to_owned(),
        list_price: price(product.dollar_cents, market),
        erp_price: price(product.dollar_cents + product.dollar_cents / 4, market),
        ..PriceRow::default()
    }
}

/// A dollar price in the currency of a market, without a fraction of its minor unit.
fn price(dollar_cents: u32, market: Market) -> String {
    let cents = u64::from(dollar_cents) * u64::from(market.cents) / 100;
    match market.minor_digits {
        0 => (cents / 100).to_string(),
        _ => format!("{}.{:02}", cents / 100, cents % 100),
    }
}
