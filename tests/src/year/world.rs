//! Who sells what: partners of many countries and currencies, taxed in every way, and offers of every family.

use serde_json::{Value, json};

/// A partner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partner {
    pub(super) id: &'static str,
    country: &'static str,
    pub(super) currency: &'static str,
    billing_day: u32,
    /// It sells through this reseller.
    pub(super) reseller: Option<&'static str>,
    state: &'static str,
    vat_id: &'static str,
    /// Countries of its customers.
    pub(super) sells_in: &'static [&'static str],
    /// Another partner of the same market, to whom subscriptions move.
    pub(super) neighbour: Option<&'static str>,
}

const fn partner(
    id: &'static str,
    country: &'static str,
    currency: &'static str,
    billing_day: u32,
    sells_in: &'static [&'static str],
) -> Partner {
    Partner { id, country, currency, billing_day, reseller: None, state: "", vat_id: "", sells_in, neighbour: None }
}

/// In Bosnia and Jordan partners may be billed in any currency; the dinar of Kuwait has three digits, the yen none.
pub(super) const PARTNERS: [Partner; 13] = [
    Partner { state: "WA", neighbour: Some("us-2"), ..partner("us-1", "US", "USD", 15, &["US"]) },
    Partner { reseller: Some("us-r"), neighbour: Some("us-1"), ..partner("us-2", "US", "USD", 31, &["US"]) },
    Partner {
        vat_id: "DE123456789",
        neighbour: Some("fr-1"),
        ..partner("de-1", "DE", "EUR", 1, &["DE", "FR", "DK", "SE"])
    },
    Partner {
        vat_id: "FRAB123456789",
        reseller: Some("fr-r"),
        neighbour: Some("de-1"),
        ..partner("fr-1", "FR", "EUR", 28, &["FR", "DE"])
    },
    Partner { vat_id: "GB123456789", ..partner("gb-1", "GB", "GBP", 10, &["GB"]) },
    partner("ch-1", "CH", "CHF", 20, &["CH", "DE"]),
    Partner { neighbour: Some("jp-2"), ..partner("jp-1", "JP", "JPY", 5, &["JP"]) },
    Partner { reseller: Some("jp-r"), neighbour: Some("jp-1"), ..partner("jp-2", "JP", "JPY", 30, &["JP"]) },
    Partner { neighbour: Some("ba-1"), ..partner("jo-1", "JO", "KWD", 12, &["JO"]) },
    Partner { neighbour: Some("jo-1"), ..partner("ba-1", "BA", "KWD", 31, &["BA", "JO"]) },
    partner("br-1", "BR", "USD", 8, &["BR"]),
    partner("au-1", "AU", "AUD", 25, &["AU"]),
    Partner { state: "BC", ..partner("ca-1", "CA", "CAD", 18, &["CA"]) },
];

/// Currencies with how many of it a thousand dollars are, and their minor digits.
const CURRENCIES: [(&str, u64, u32); 10] = [
    ("USD", 1_000, 2),
    ("EUR", 883, 2),
    ("GBP", 761, 2),
    ("CHF", 949, 2),
    ("DKK", 6_597, 2),
    ("SEK", 9_213, 2),
    ("JPY", 107_900, 0),
    ("KWD", 307, 3),
    ("AUD", 1_451, 2),
    ("CAD", 1_333, 2),
];

/// What kind of life a subscription has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    License,
    AddOn,
    Recurring,
    Saas,
    Meter,
    Software,
    Perpetual,
    Plan,
    Reservation,
}

/// An offer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) kind: Kind,
    pub(super) frequencies: &'static [&'static str],
    term_months: u32,
    rule: &'static str,
    /// Of a seat, in US cents, for each `per`.
    cents: u64,
    per: &'static str,
    split: bool,
}

const fn product(
    id: &'static str,
    kind: Kind,
    frequencies: &'static [&'static str],
    rule: &'static str,
    cents: u64,
) -> Product {
    Product { id, kind, frequencies, term_months: 12, rule, cents, per: "month", split: false }
}

const BOTH: &[&str] = &["MONTHLY", "ANNUAL"];

/// What is sold. The bases of add-ons come first.
pub(super) const PRODUCTS: [Product; 14] = [
    product("essentials", Kind::License, BOTH, "DAILY_RATE_3DP", 400),
    product("premium", Kind::License, BOTH, "PUBLISHED_FORMULA", 1_250),
    Product { split: true, ..product("e3", Kind::License, BOTH, "EXACT", 2_060) },
    product("phone", Kind::License, BOTH, "ROUNDED_UNIT", 2_840),
    Product { term_months: 36, ..product("dynamics", Kind::License, &["ANNUAL"], "EXACT", 7_777) },
    Product { term_months: 1, ..product("calls", Kind::License, &["MONTHLY"], "EXACT", 333) },
    product("audio", Kind::AddOn, BOTH, "EXACT", 150),
    product("directory", Kind::Recurring, &["MONTHLY"], "ROUNDED_UNIT", 481),
    product("backup", Kind::Saas, BOTH, "ROUNDED_UNIT", 257),
    product("render", Kind::Meter, &[], "ROUNDED_UNIT", 1_999),
    Product { per: "term", ..product("database", Kind::Software, &["ONE_TIME"], "EXACT", 88_888) },
    Product { term_months: 0, per: "once", ..product("server", Kind::Perpetual, &[], "EXACT", 61_234) },
    Product { term_months: 0, ..product("plan", Kind::Plan, &[], "EXACT", 0) },
    Product { per: "month", ..product("compute", Kind::Reservation, &["ONE_TIME", "MONTHLY"], "EXACT", 10_101) },
];

/// The plan that a meter is converted to.
pub(super) const OTHER_PLAN: &str = "render-gold";

/// Minor digits of a currency.
pub(super) fn minor_digits(currency: &str) -> u32 {
    CURRENCIES.iter().find(|(code, ..)| *code == currency).map_or(2, |(_, _, digits)| *digits)
}

/// The currency in which one-time products are billed to a customer of that country (L9693).
pub(super) fn one_time_currency(country: &str, partner: &Partner) -> &'static str {
    match country {
        "DE" | "FR" => "EUR",
        "DK" => "DKK",
        "SE" => "SEK",
        "CH" => "CHF",
        _ => partner.currency,
    }
}

/// Everything that is there before the first customer.
pub(super) fn setup(start: &str) -> Vec<Value> {
    let mut commands = vec![offers()];
    for (currency, factor, digits) in CURRENCIES {
        commands.push(prices(currency, factor, digits, start, 100));
        commands.push(prices(currency, factor, digits, "2020-06-01", 107));
        commands.push(json!({ "command_id": format!("cap-{currency}"), "publish_refund_cap": {
            "currency": currency, "valid_from": start, "amount": (50 * factor).to_string() }}));
    }
    commands.push(taxes(start));
    commands.push(promotions(start));
    for partner in &PARTNERS {
        commands.extend(of_partner(partner));
    }
    commands
}

fn offers() -> Value {
    let mut offers: Vec<Value> = PRODUCTS.iter().map(offer).collect();
    let meter = PRODUCTS.iter().find(|product| product.kind == Kind::Meter);
    offers.extend(meter.map(|meter| offer(&Product { id: OTHER_PLAN, ..*meter })));
    json!({ "command_id": "offers", "publish_offers": { "offers": offers }})
}

fn offer(product: &Product) -> Value {
    let family = match product.kind {
        Kind::License | Kind::AddOn => "LICENSE",
        Kind::Saas | Kind::Meter => "MARKETPLACE_SAAS",
        _ => "ONE_TIME_RECURRING",
    };
    let kind = match product.kind {
        Kind::Software => "SOFTWARE_SUBSCRIPTION",
        Kind::Perpetual => "SOFTWARE_PERPETUAL",
        Kind::Reservation => "RESERVATION",
        Kind::Plan => "AZURE_PLAN",
        _ => "UNSPECIFIED",
    };
    let scope = match product.kind {
        Kind::Software | Kind::Perpetual => "SOFTWARE",
        Kind::Reservation => "RESERVATION",
        _ => "UNSPECIFIED",
    };
    let frequencies: Vec<_> = product.frequencies.iter().map(|name| format!("BILLING_FREQUENCY_{name}")).collect();
    let mut offer = json!({
        "offer_id": product.id, "display_name": format!("The {}", product.id),
        "product_family": format!("PRODUCT_FAMILY_{family}"), "kind": "OFFER_KIND_BASE",
        "term_months": product.term_months, "billing_frequencies": frequencies,
        "minimum_quantity": 1, "maximum_quantity": if product.kind == Kind::Plan { 1 } else { 300 },
        "limit_scope": "OFFER_LIMIT_SCOPE_NONE", "proration_rule": format!("PRORATION_RULE_{}", product.rule),
        "split_rebill_at_anniversary": product.split, "tax_scope": format!("TAX_SCOPE_{scope}"),
    });
    if kind != "UNSPECIFIED" {
        offer["product"] = json!({ "kind": format!("PRODUCT_KIND_{kind}") });
    }
    if product.kind == Kind::AddOn {
        offer["kind"] = json!("OFFER_KIND_ADD_ON");
        offer["prerequisite_offer_ids"] = json!(["e3", "premium"]);
    }
    offer
}

/// The prices of one currency; from June on they are higher.
fn prices(currency: &str, factor: u64, digits: u32, valid_from: &str, percent: u64) -> Value {
    let price = |cents: u64| {
        let millis = cents * factor * percent / 10_000;
        match digits {
            0 => (millis / 1_000).max(1).to_string(),
            2 => format!("{}.{:02}", millis / 1_000, millis / 10 % 100),
            _ => format!("{}.{:03}", millis / 1_000, millis % 1_000),
        }
    };
    let row = |id: &str, per: &str, cents: u64, component: &str| {
        json!({
            "change_flag": "ADD", "valid_from": valid_from, "offer_display_name": format!("The {id}"), "offer_id": id,
            "license_agreement_type": "corporate", "purchase_unit": per, "secondary_license_type": "non-specific",
            "end_customer_type": "cloud reseller corporate", "list_price": price(cents), "component": component,
        })
    };
    let sold = PRODUCTS.iter().filter(|product| product.kind != Kind::Plan);
    let mut rows: Vec<Value> = sold.map(|product| row(product.id, product.per, product.cents, "")).collect();
    rows.push(row("phone", "month", 200, "pstn"));
    rows.push(row(OTHER_PLAN, "month", 4_999, ""));
    json!({ "command_id": format!("prices-{currency}-{valid_from}"), "publish_price_list": {
        "price_list_id": format!("{valid_from}-{currency}"), "currency": currency, "rows": rows }})
}

/// On top, contained, by region, by scope, and changed in the middle of the year.
fn taxes(start: &str) -> Value {
    let row = |country: &str, region: &str, tax: &str, scope: &str, rate: &str, treatment: &str, from: &str| {
        json!({ "country": country, "region": region, "tax": tax, "scope": format!("TAX_SCOPE_{scope}"), "rate_percent": rate,
            "treatment": format!("TAX_TREATMENT_{treatment}"), "valid_from": from })
    };
    let rows = [
        row("US", "WA", "sales tax", "ALL", "10.1", "EXCLUSIVE", start),
        row("US", "", "telephone tax", "PSTN", "7.5", "INCLUSIVE", start),
        row("DE", "", "VAT", "ALL", "19", "EXCLUSIVE", start),
        row("FR", "", "VAT", "ALL", "20", "EXCLUSIVE", start),
        row("GB", "", "VAT", "ALL", "20", "EXCLUSIVE", start),
        row("CH", "", "VAT", "ALL", "7.7", "EXCLUSIVE", start),
        row("CH", "", "VAT", "ALL", "8.1", "EXCLUSIVE", "2020-09-10"),
        row("JP", "", "consumption tax", "ALL", "10", "INCLUSIVE", start),
        row("JO", "", "sales tax", "ALL", "16", "EXCLUSIVE", start),
        row("BA", "", "VAT", "ALL", "17", "INCLUSIVE", start),
        row("BR", "", "service tax", "ALL", "5", "EXCLUSIVE", start),
        row("BR", "", "service tax", "SOFTWARE", "15", "INCLUSIVE", start),
        row("BR", "", "service tax", "RESERVATION", "15", "INCLUSIVE", start),
        row("AU", "", "GST", "ALL", "10", "EXCLUSIVE", start),
        row("AU", "", "GST", "SOFTWARE", "10", "INCLUSIVE", start),
        row("CA", "", "GST", "ALL", "5", "EXCLUSIVE", start),
        row("CA", "BC", "BC PST", "ALL", "7", "EXCLUSIVE", start),
    ];
    json!({ "command_id": "taxes", "publish_tax_rates": { "rows": rows }})
}

fn promotions(start: &str) -> Value {
    json!({ "command_id": "promotions", "publish_promotions": { "promotions": [
        { "promotion_id": "winter", "display_name": "Winter", "offer_ids": ["essentials", "e3"], "percent": "12.5",
          "first_day": start, "last_day": "2020-03-31" },
        { "promotion_id": "start", "display_name": "Three months", "offer_ids": ["premium"], "percent": "30",
          "first_day": start, "months": 3 },
        { "promotion_id": "japan", "display_name": "Japan", "offer_ids": ["phone"], "percent": "7",
          "first_day": "2020-05-01", "markets": ["JP", "JO"] },
    ]}})
}

fn of_partner(partner: &Partner) -> Vec<Value> {
    let Partner { id, country, currency, billing_day, reseller, state, vat_id, .. } = *partner;
    let register = |id: &str, kind: &str| {
        json!({ "command_id": format!("register-{id}"), "register_partner": {
            "partner_id": id, "name": format!("Partner {id}"), "kind": format!("PARTNER_KIND_{kind}"), "country": country,
            "currency": currency, "billing_day": billing_day, "mpn_id": format!("43{billing_day:05}") }})
    };
    let kind = if reseller.is_some() { "INDIRECT_PROVIDER" } else { "DIRECT_BILL" };
    let mut commands = vec![register(id, kind)];
    commands.extend(reseller.map(|reseller| register(reseller, "INDIRECT_RESELLER")));
    if !state.is_empty() {
        let address = json!({ "country": country, "line1": "1 Main Street", "city": "Capital", "state": state });
        commands.push(json!({ "command_id": format!("profile-{id}"), "update_billing_profile": {
            "partner_id": id, "profile": { "address": address } }}));
    }
    if !vat_id.is_empty() {
        for verb in ["submit", "validate"] {
            commands.push(json!({ "command_id": format!("{verb}-vat-{id}"), format!("{verb}_tax_id"): {
                "partner_id": id, "kind": "TAX_ID_KIND_VAT", "value": vat_id }}));
        }
    }
    commands
}
