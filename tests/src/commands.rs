//! Commands as upstream systems send them, in their JSON form.

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_log::codec::command_from_json;
use subledger_proto::api;

/// A command from its JSON form.
pub fn command(value: &Value) -> anyhow::Result<api::Command> {
    command_from_json(&value.to_string()).with_context(|| value.to_string())
}

/// A partner in the United States with billing day 15.
pub fn partner(id: &str) -> Value {
    json!({ "command_id": format!("partner-{id}"), "register_partner": {
        "partner_id": id, "name": format!("Partner {id}"), "kind": "PARTNER_KIND_DIRECT_BILL", "country": "US", "currency": "USD",
        "billing_day": 15, "mpn_id": "4390934",
    }})
}

/// An offer billed monthly or annually, at most 300 seats.
pub fn offer(id: &str) -> Value {
    json!({ "command_id": format!("offer-{id}"), "publish_offers": { "offers": [{
        "offer_id": id, "display_name": format!("Offer {id}"), "product_family": "PRODUCT_FAMILY_LICENSE",
        "kind": "OFFER_KIND_BASE", "term_months": 12,
        "billing_frequencies": ["BILLING_FREQUENCY_MONTHLY", "BILLING_FREQUENCY_ANNUAL"],
        "minimum_quantity": 1, "maximum_quantity": 300, "limit_scope": "OFFER_LIMIT_SCOPE_NONE",
        "proration_rule": "PRORATION_RULE_EXACT",
    }]}})
}

/// Its price in USD, for a month.
pub fn price(offer: &str, amount: &str) -> Value {
    json!({ "command_id": format!("price-{offer}"), "publish_price_list": {
        "price_list_id": "2018-01-US", "currency": "USD", "rows": [{
            "change_flag": "ADD", "valid_from": "2018-01-01", "offer_display_name": format!("Offer {offer}"), "offer_id": offer,
            "license_agreement_type": "corporate", "purchase_unit": "month", "secondary_license_type": "non-specific",
            "end_customer_type": "cloud reseller corporate", "list_price": amount,
        }],
    }})
}

/// A customer of a partner.
pub fn customer(id: &str, partner: &str) -> Value {
    json!({ "command_id": format!("customer-{id}"), "create_customer": {
        "customer_id": id, "partner_id": partner, "company_name": format!("Company {id}"),
        "domain_prefix": id.replace(['-', '_', '.'], ""),
        "address": { "country": "US", "line1": "1 Main Street", "city": "Redmond", "state": "WA", "postal_code": "98052" },
        "contact": { "first_name": "Kim", "last_name": "Lee", "email": format!("kim@{id}.example") },
    }})
}

/// The customer's direct acceptance of the agreement.
pub fn agreement(customer: &str, accepted_on: &str) -> Value {
    json!({ "command_id": format!("agreement-{customer}"), "accept_agreement": {
        "customer_id": customer, "mode": "AGREEMENT_MODE_CUSTOMER_DIRECT",
        "signatory": { "first_name": "Kim", "last_name": "Lee", "email": "kim@example.com" }, "accepted_on": accepted_on,
    }})
}

/// A purchase of one line.
pub fn purchase(id: &str, customer: &str, partner: &str, offer: &str, quantity: u32) -> Value {
    json!({ "command_id": id, "purchase": {
        "customer_id": customer, "partner_id": partner, "order_id": format!("order-{id}"), "lines": [{
            "subscription_id": format!("sub-{id}"), "offer_id": offer, "quantity": quantity,
            "billing_frequency": "BILLING_FREQUENCY_MONTHLY",
        }],
    }})
}

/// A change of seats.
pub fn change_quantity(id: &str, customer: &str, partner: &str, subscription: &str, quantity: u32) -> Value {
    json!({ "command_id": id, "change_quantity": {
        "customer_id": customer, "partner_id": partner, "subscription_id": subscription, "quantity": quantity,
    }})
}
