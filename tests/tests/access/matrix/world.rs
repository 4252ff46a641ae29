//! Partners with one of everything, and the principals of each role.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use subledger_domain::role::{Role, RoleFamily};
use subledger_tests::{
    callers::{Checked, method_of},
    commands,
};

/// Its location in the partner network, of every partner here.
const MPN_ID: &str = "4390934";
/// The rows of closed months and invoices come when they are folded.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a request names, by the partner whose it is.
pub(crate) struct Object {
    partner: &'static str,
    customer: &'static str,
    subscription: &'static str,
    /// A transfer, whose customer it is, and as which side the partner signs its form.
    transfer: Transfer,
    invoice: String,
    line: String,
    credit_note: String,
    earning: String,
}

#[derive(Clone, Copy)]
struct Transfer {
    id: &'static str,
    customer: &'static str,
    signer: &'static str,
}

impl Object {
    /// What a message says of it; `of_transfer` where it is about the transfer.
    fn field(&self, name: &str, of_transfer: bool) -> Option<Value> {
        Some(match name {
            "customer_id" if of_transfer => json!(self.transfer.customer),
            "partner_id" | "source_partner_id" | "target_partner_id" | "provider_id" | "reseller_id" => {
                json!(self.partner)
            }
            "customer_id" => json!(self.customer),
            "subscription_id" => json!(self.subscription),
            "invoice_number" => json!(self.invoice),
            "line_id" => json!(self.line),
            "transfer_id" => json!(self.transfer.id),
            "credit_note_number" => json!(self.credit_note),
            "earning_id" => json!(self.earning),
            "association_id" | "claim_id" => json!(format!("of-{}", self.partner)),
            "selection" => json!({ "invoice_number": self.invoice }),
            "currency" => json!("USD"),
            "on" => json!("2018-02-20"),
            "text" => json!("Company"),
            "offer_id" => json!("o-1"),
            "as_of" => json!(null),
            _ => return None,
        })
    }

    /// A request of a method that names it.
    pub(crate) fn request(&self, method: &str) -> Value {
        let fields = method_of(method).unwrap().input();
        let customer_or_partner = fields.get_field_by_name("customer_id").is_some();
        let of_transfer = fields.get_field_by_name("transfer_id").is_some();
        let mut request = Map::new();
        for field in fields.fields() {
            // Where both are filters, whose customer it is decides.
            let both = field.name() == "partner_id" && customer_or_partner && method.starts_with("CustomerService/");
            if let Some(value) = self.field(field.name(), of_transfer).filter(|value| !value.is_null() && !both) {
                request.insert(field.name().to_owned(), value);
            }
        }
        Value::Object(request)
    }

    /// A command that names it, and that the rules refuse whoever sends it.
    pub(crate) fn command(&self, kind: &str, variant: Option<&str>, role: Role) -> Value {
        let command = subledger_proto::POOL.get_message_by_name("subledger.v1.Command").unwrap();
        let body = command.get_field_by_name(kind).unwrap().kind().as_message().cloned().unwrap();
        let mut fields = Map::new();
        let of_transfer = body.get_field_by_name("transfer_id").is_some();
        for field in body.fields().filter(|field| !field.is_list()) {
            if field.name().ends_with("_id") || field.name() == "invoice_number" {
                fields.extend(self.field(field.name(), of_transfer).map(|value| (field.name().to_owned(), value)));
            }
        }
        match (kind, variant) {
            ("accept_agreement", Some("direct")) => _ = fields.remove("partner_id"),
            // The customer acts for no partner.
            ("end_association", _) if role == Role::Customer => _ = fields.remove("partner_id"),
            ("sign_transfer_form", variant) => {
                let signer = variant.map_or(self.transfer.signer, |_| "FORM_SIGNER_CUSTOMER");
                fields.insert("signer".into(), json!(signer));
            }
            ("purchase", variant) => {
                let offer = variant.map_or_else(|| "o-1".to_owned(), |variant| format!("o-{variant}"));
                fields.insert("lines".into(), json!([{ "offer_id": offer, "quantity": 1 }]));
            }
            ("assign_role" | "remove_role", variant) => {
                let role = match variant {
                    None => "ROLE_GLOBAL_ADMIN",
                    Some("reseller") => "ROLE_SALES_AGENT",
                    Some("company") => "ROLE_REFERRALS_ADMIN",
                    Some("insights") => "ROLE_REPORT_VIEWER",
                    Some(_) => "ROLE_CUSTOMER",
                };
                fields.insert("role".into(), json!(role));
                fields.insert("principal".into(), json!("oidc:nobody"));
                fields.remove("customer_id");
            }
            _ => {}
        }
        json!({ "command": { "command_id": "never", "expected_version": 999_999_999_u64, kind: fields } })
    }
}

const PARTNERS: [(&str, &str); 7] = [
    ("p-own", "DIRECT_BILL"),
    ("p-other", "DIRECT_BILL"),
    ("p-lone", "DIRECT_BILL"),
    ("p-provider", "INDIRECT_PROVIDER"),
    ("p-reseller", "INDIRECT_RESELLER"),
    // The other sides of transfers.
    ("p-source", "DIRECT_BILL"),
    ("p-target", "INDIRECT_PROVIDER"),
];

/// A customer, its partner, the reseller.
const CUSTOMERS: [(&str, &str, &str); 4] = [
    ("c-own", "p-own", ""),
    ("c-other", "p-other", ""),
    ("c-resold", "p-provider", "p-reseller"),
    ("c-moved", "p-source", ""),
];

/// Who has one of everything, about which customer, and its transfer.
const OWNERS: [(&str, &str, Transfer); 3] = [
    ("p-own", "c-own", Transfer { id: "t-own", customer: "c-own", signer: "FORM_SIGNER_CURRENT_PARTNER" }),
    ("p-other", "c-other", Transfer { id: "t-other", customer: "c-other", signer: "FORM_SIGNER_CURRENT_PARTNER" }),
    ("p-provider", "c-resold", Transfer { id: "t-moved", customer: "c-moved", signer: "FORM_SIGNER_NEW_PARTNER" }),
];

fn subscription(customer: &str) -> String {
    format!("s-{}", &customer[2..])
}

/// Partners with what they have, and the principals of each role.
pub(crate) async fn world(ledger: &Checked) -> anyhow::Result<BTreeMap<&'static str, Object>> {
    for (id, kind) in PARTNERS {
        let mut partner = commands::partner(id);
        partner["register_partner"]["kind"] = json!(format!("PARTNER_KIND_{kind}"));
        ledger.accepted(&partner).await?;
    }
    for command in catalog() {
        ledger.accepted(&command).await?;
    }
    for (customer, partner, reseller) in CUSTOMERS {
        let mut created = commands::customer(customer, partner);
        created["create_customer"]["reseller_id"] = json!(reseller);
        ledger.accepted(&created).await?;
        ledger.accepted(&commands::agreement(customer, "2018-01-01")).await?;
        for (subscription, offer) in [(subscription(customer), "o-1"), (format!("once-{customer}"), "o-once")] {
            let purchase = json!({ "command_id": format!("buy-{subscription}"), "purchase": {
                "customer_id": customer, "partner_id": partner, "order_id": format!("order-{subscription}"), "lines": [{
                    "subscription_id": subscription, "offer_id": offer, "quantity": 10, "reseller_id": reseller,
                    "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] } });
            ledger.accepted(&purchase).await?;
        }
    }
    for command in OWNERS.iter().flat_map(|(partner, ..)| enrolled(partner)).chain(transfers()) {
        ledger.accepted(&command).await?;
    }
    ledger.operate("AdminService/AdvanceClock", &json!({ "close_through": "2018-02-15" })).await?;
    for (partner, customer, _) in OWNERS {
        for command in claims(partner, customer) {
            ledger.accepted(&command).await?;
        }
    }
    for (id, _) in PARTNERS {
        for role in Role::ALL.iter().filter(|role| role.family() != RoleFamily::Customer) {
            let name = format!("ROLE_{}", role.code().to_uppercase());
            ledger.assign(&subject(*role, id), &name, id, "").await?;
        }
    }
    ledger.assign(&subject(Role::Customer, "p-own"), "ROLE_CUSTOMER", "p-own", "c-own").await?;
    let mut objects = BTreeMap::new();
    for (partner, customer, transfer) in OWNERS {
        objects.insert(partner, object(ledger, partner, customer, transfer).await.with_context(|| partner)?);
    }
    Ok(objects)
}

/// Offers of every kind that has a row of its own, with a program of incentives.
fn catalog() -> Vec<Value> {
    let mut once = commands::offer("o-once");
    once["publish_offers"]["offers"][0]["product_family"] = json!("PRODUCT_FAMILY_ONE_TIME_RECURRING");
    let mut commands = vec![commands::offer("o-1"), once];
    for (variant, family, kind) in [
        ("marketplace", "PRODUCT_FAMILY_MARKETPLACE_SAAS", None),
        ("reservation", "PRODUCT_FAMILY_ONE_TIME_RECURRING", Some("PRODUCT_KIND_RESERVATION")),
        ("azure_plan", "PRODUCT_FAMILY_ONE_TIME_RECURRING", Some("PRODUCT_KIND_AZURE_PLAN")),
        ("software", "PRODUCT_FAMILY_ONE_TIME_RECURRING", Some("PRODUCT_KIND_SOFTWARE_SUBSCRIPTION")),
    ] {
        let mut offer = commands::offer(&format!("o-{variant}"));
        let published = &mut offer["publish_offers"]["offers"][0];
        published["product_family"] = json!(family);
        if let Some(kind) = kind {
            published["product"] = json!({ "kind": kind });
            published["billing_frequencies"] = json!(["BILLING_FREQUENCY_ONE_TIME"]);
        }
        if variant == "azure_plan" {
            published["billing_frequencies"] = json!([]);
            published["term_months"] = json!(0);
            published["maximum_quantity"] = json!(1);
        }
        commands.push(offer);
    }
    let mut prices = commands::price("o-1", "5.00");
    let mut of_once = commands::price("o-once", "7.00")["publish_price_list"]["rows"][0].clone();
    prices["publish_price_list"]["rows"].as_array_mut().unwrap().push(of_once.take());
    commands.push(prices);
    commands.push(json!({ "command_id": "program", "publish_incentive_programs": { "programs": [{
        "program_id": "csp", "name": "CSP", "earner": "PROGRAM_EARNER_PAYER", "markets": ["US"],
        "partner_kinds": ["PARTNER_KIND_DIRECT_BILL", "PARTNER_KIND_INDIRECT_PROVIDER"],
        "cards": [{ "valid_from": "2018-01-01", "cooling_days": 30, "payment_days": 45, "payment_threshold": "10.00",
            "clawback_months": 12,
            "levers": [{ "name": "core", "earning_type": "EARNING_TYPE_REBATE", "rate": "0.05",
                "products": ["INCENTIVE_PRODUCT_LICENSE"], "minimum_revenue": "0" }] }] }] }}));
    commands.push(json!({ "command_id": "periods", "publish_usage_periods": { "periods": [{
        "program": "coop-marketing-fund", "usage_period_id": "FY18-H2", "first_day": "2018-01-01", "last_day": "2018-06-30",
    }]}}));
    commands
}

/// The location of a partner earns from the first day.
fn enrolled(partner: &str) -> Vec<Value> {
    let of = |name: &str, more: Value| {
        let mut body = json!({ "partner_id": partner, "program_id": "csp", "mpn_id": MPN_ID });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        json!({ "command_id": format!("{name}-{partner}"), name: body })
    };
    let profile = json!({ "command_id": format!("profile-{partner}"), "update_payout_profile": { "partner_id": partner,
        "bank": { "account_reference": "vault-1", "country": "US", "currency": "USD",
            "method": "PAYMENT_METHOD_ELECTRONIC_BANK_TRANSFER" },
        "tax": { "form": "W-9", "country": "US", "withholding_percent": "0", "sales_tax_percent": "0",
            "service_fee_tax_percent": "0" } } });
    vec![
        of("invite_to_incentive", json!({})),
        of("accept_incentive_invitation", json!({})),
        profile,
        of("set_incentive_enrollment", json!({ "status": "ENROLLMENT_STATUS_ENROLLED" })),
    ]
}

/// Direct partners hand customers over to providers, which are not asked yet.
fn transfers() -> Vec<Value> {
    let moves =
        [("p-own", "p-target", "t-own"), ("p-other", "p-target", "t-other"), ("p-source", "p-provider", "t-moved")];
    let of = moves.into_iter().flat_map(|(source, target, id)| {
        let customer = format!("c-{}", &id[2..]);
        let extend = json!({ "command_id": format!("extend-{id}"), "extend_relationship": { "customer_id": customer,
            "partner_id": source, "provider_id": target, "consent_on": "2018-01-01" } });
        let request = json!({ "command_id": format!("request-{id}"), "request_transfer": { "customer_id": customer,
            "transfer_id": id, "source_partner_id": source, "target_partner_id": target,
            "subscription_ids": [subscription(&customer)] } });
        [extend, request]
    });
    of.collect()
}

/// A claim on the customer, and one on funds.
fn claims(partner: &str, customer: &str) -> Vec<Value> {
    let (id, person) =
        (format!("of-{partner}"), json!({ "name": "Kim Lee", "title": "CIO", "email": "kim@a.example" }));
    let association = json!({ "customer_id": customer, "association_id": id, "partner_id": partner, "details": {
        "name": "Mail", "location_mpn_id": MPN_ID, "domain_name": "a.onmicrosoft.com", "customer_contact": person,
        "partner_contact": person, "solution_area": "SOLUTION_AREA_BUSINESS_APPLICATIONS",
        "activities": ["ASSOCIATION_ACTIVITY_PRE_SALES"], "products": [{ "offer_id": "o-1" }] } });
    let claim = json!({ "partner_id": partner, "claim_id": id, "program": "coop-marketing-fund",
        "location_mpn_id": MPN_ID, "usage_period_id": "FY18-H2", "activity": "print-advertising", "details": {
            "activity_date": "2018-02-10", "currency": "USD",
            "expenses": [{ "expense": "agency", "amount": "12.00", "document_id": "invoice" }] } });
    vec![
        json!({ "command_id": format!("associate-{partner}"), "draft_association": association }),
        json!({ "command_id": format!("claim-{partner}"), "create_coop_claim": claim }),
    ]
}

/// The rows of a partner's list, once there are some that fit.
async fn rows(
    ledger: &Checked,
    method: &str,
    partner: &str,
    rows: &str,
    fits: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    for _ in 0..600 {
        let answer = ledger.operate(method, &json!({ "partner_id": partner })).await?;
        if let Some(row) = answer[rows].as_array().into_iter().flatten().find(|row| fits(row)) {
            return Ok(row.clone());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("{method} has nothing for {partner}")
}

async fn object(
    ledger: &Checked,
    partner: &'static str,
    customer: &'static str,
    transfer: Transfer,
) -> anyhow::Result<Object> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let invoice = rows(ledger, "BillingService/ListInvoices", partner, "invoices", |row| {
        text(row, "invoice_number").contains("-L-")
    });
    let invoice = text(&invoice.await?, "invoice_number");
    let once = rows(ledger, "BillingService/ListInvoices", partner, "invoices", |row| {
        !text(row, "invoice_number").contains("-L-")
    });
    let once = text(&once.await?, "invoice_number");
    for (kind, more) in [
        ("request_credit_note", json!({ "reason": "CREDIT_NOTE_REASON_ADDRESS_CORRECTION" })),
        ("issue_credit_note", json!({})),
    ] {
        let mut body = json!({ "partner_id": partner, "invoice_number": once });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        ledger.accepted(&json!({ "command_id": format!("{kind}-{partner}"), kind: body })).await?;
    }
    let charge = rows(ledger, "BillingService/ListCharges", partner, "charges", |_| true).await?;
    let note = rows(ledger, "BillingService/ListCreditNotes", partner, "credit_notes", |note| {
        !text(note, "credit_note_number").is_empty()
    })
    .await?;
    let earning = rows(ledger, "IncentiveService/ListEarnings", partner, "earnings", |_| true).await?;
    Ok(Object {
        partner,
        customer,
        subscription: match partner {
            "p-own" => "s-own",
            "p-other" => "s-other",
            _ => "s-resold",
        },
        transfer,
        invoice,
        line: text(&charge, "line_id"),
        credit_note: text(&note, "credit_note_number"),
        earning: text(&earning, "earning_id"),
    })
}

pub(crate) fn subject(role: Role, partner: &str) -> String {
    format!("{}@{partner}", role.code())
}
