//! Every role, every method and every kind of command, about what is the caller's own, its reseller's, its provider's, another's, and
//! of no relationship at all: what the ledger does is held against the permission matrix, cell by cell.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Map, Value, json};
use subledger_domain::role::{Role, RoleFamily};
use subledger_tests::{
    callers::{Checked, method_of},
    commands,
};
use tonic::Status;
use tonic_types::StatusExt as _;

/// The reference data itself.
const MATRIX: &str = include_str!("../../services/src/access/matrix.csv");
/// No unary call asks it.
const NOT_CALLED: [&str; 1] = ["ServerReflection/ServerReflectionInfo"];
/// There is no such object here, so nobody finds one. Which partner signs a form, its transfer says.
const WITHOUT_OBJECT: [&str; 5] = [
    "BillingService/GetCreditNote",
    "CustomerService/GetTransfer",
    "ClaimService/GetAssociation",
    "IncentiveService/ExplainEarning",
    "Submit/sign_transfer_form",
];
/// What access control answers as if it were not there.
const HIDDEN: [&str; 9] = [
    "PARTNER_NOT_FOUND",
    "CUSTOMER_NOT_FOUND",
    "SUBSCRIPTION_NOT_FOUND",
    "INVOICE_NOT_FOUND",
    "LINE_NOT_FOUND",
    "CREDIT NOTE_NOT_FOUND",
    "TRANSFER_NOT_FOUND",
    "ASSOCIATION_NOT_FOUND",
    "EARNING_NOT_FOUND",
];

/// Whose an object is, seen from its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Own,
    Resellers,
    Providers,
    Other,
    None,
}

const RELATIONS: [Relation; 5] =
    [Relation::Own, Relation::Resellers, Relation::Providers, Relation::Other, Relation::None];

impl Relation {
    fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Resellers => "reseller's",
            Self::Providers => "provider's",
            Self::Other => "other",
            Self::None => "none",
        }
    }

    /// In whose account the caller has its role, and whose the object is.
    fn parties(self) -> (&'static str, &'static str) {
        match self {
            Self::Own => ("p-own", "p-own"),
            Self::Resellers => ("p-provider", "p-provider"),
            Self::Providers => ("p-reseller", "p-provider"),
            Self::Other => ("p-own", "p-other"),
            Self::None => ("p-lone", "p-own"),
        }
    }
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// What was asked, or an answer that only who may gets.
    Through,
    /// No role for it.
    Denied,
    /// As if it were not there.
    Hidden,
}

impl Outcome {
    fn letter(self) -> char {
        match self {
            Self::Through => '+',
            Self::Denied => '-',
            Self::Hidden => '0',
        }
    }

    fn of(answer: &Result<Vec<u8>, Status>) -> Self {
        let Err(status) = answer else { return Self::Through };
        let reason = status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default();
        match reason.as_str() {
            "ROLE_FORBIDDEN" | "OPERATORS_ONLY" => Self::Denied,
            hidden if HIDDEN.contains(&hidden) => Self::Hidden,
            _ => Self::Through,
        }
    }
}

struct Row {
    operation: String,
    allowed: BTreeSet<String>,
    scope: String,
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(MATRIX.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let allowed = row[1].split_whitespace().map(ToOwned::to_owned).collect();
        Row { operation: row[0].to_owned(), allowed, scope: row[3].to_owned() }
    });
    rows.filter(|row| !NOT_CALLED.contains(&row.operation.as_str())).collect()
}

/// What the matrix says of a cell, read by people who know nothing of the program.
fn expected(row: &Row, role: Role, relation: Relation) -> Outcome {
    match row.scope.as_str() {
        "any" | "command" => return Outcome::Through,
        "operator" => return Outcome::Denied,
        _ if !row.allowed.contains(role.short()) => return Outcome::Denied,
        _ => {}
    }
    // The customer's own principal reaches that customer, and nobody's prices.
    if role == Role::Customer {
        return if relation == Relation::Own { Outcome::Through } else { Outcome::Hidden };
    }
    let command = row.operation.starts_with("Submit/");
    match (row.scope.as_str(), relation) {
        ("transacting", Relation::Providers) => Outcome::Denied,
        ("catalog" | "transacting" | "partners" | "customer_rows", _) | (_, Relation::Own | Relation::Resellers) => {
            Outcome::Through
        }
        // A reseller sees the customers and subscriptions it is named for; what its provider pays, it does not.
        ("customer" | "customer_or_partner" | "subscription" | "subscription_state", Relation::Providers)
            if !command =>
        {
            Outcome::Through
        }
        _ => Outcome::Hidden,
    }
}

/// What a request names, by the partner whose it is.
struct Object {
    partner: &'static str,
    customer: &'static str,
    subscription: &'static str,
    invoice: String,
    line: String,
}

impl Object {
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "partner_id" | "source_partner_id" | "target_partner_id" | "provider_id" | "reseller_id" => {
                json!(self.partner)
            }
            "customer_id" => json!(self.customer),
            "subscription_id" => json!(self.subscription),
            "invoice_number" => json!(self.invoice),
            "line_id" => json!(self.line),
            "credit_note_number" | "transfer_id" | "association_id" | "earning_id" | "claim_id" => json!("none"),
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
    fn request(&self, method: &str) -> Value {
        let fields = method_of(method).unwrap().input();
        let customer_or_partner = fields.get_field_by_name("customer_id").is_some();
        let mut request = Map::new();
        for field in fields.fields() {
            // Where both are filters, whose customer it is decides.
            let both = field.name() == "partner_id" && customer_or_partner && method.starts_with("CustomerService/");
            if let Some(value) = self.field(field.name()).filter(|value| !value.is_null() && !both) {
                request.insert(field.name().to_owned(), value);
            }
        }
        Value::Object(request)
    }

    /// A command that names it, and that the rules refuse whoever sends it.
    fn command(&self, kind: &str, variant: Option<&str>, role: Role) -> Value {
        let command = subledger_proto::POOL.get_message_by_name("subledger.v1.Command").unwrap();
        let body = command.get_field_by_name(kind).unwrap().kind().as_message().cloned().unwrap();
        let mut fields = Map::new();
        for field in body.fields().filter(|field| !field.is_list()) {
            if field.name().ends_with("_id") || field.name() == "invoice_number" {
                fields.extend(self.field(field.name()).map(|value| (field.name().to_owned(), value)));
            }
        }
        match (kind, variant) {
            ("accept_agreement", Some("direct")) => _ = fields.remove("partner_id"),
            // The customer acts for no partner.
            ("end_association", _) if role == Role::Customer => _ = fields.remove("partner_id"),
            ("sign_transfer_form", variant) => {
                let signer = variant.map_or("FORM_SIGNER_CURRENT_PARTNER", |_| "FORM_SIGNER_CUSTOMER");
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

/// Four partners with what they have, and the principals of each role.
async fn world(ledger: &Checked) -> anyhow::Result<BTreeMap<&'static str, Object>> {
    let partners = [
        ("p-own", "PARTNER_KIND_DIRECT_BILL"),
        ("p-other", "PARTNER_KIND_DIRECT_BILL"),
        ("p-lone", "PARTNER_KIND_DIRECT_BILL"),
        ("p-provider", "PARTNER_KIND_INDIRECT_PROVIDER"),
        ("p-reseller", "PARTNER_KIND_INDIRECT_RESELLER"),
    ];
    for (id, kind) in partners {
        let mut partner = commands::partner(id);
        partner["register_partner"]["kind"] = json!(kind);
        ledger.accepted(&partner).await?;
    }
    ledger.accepted(&commands::offer("o-1")).await?;
    ledger.accepted(&commands::price("o-1", "5.00")).await?;
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
        ledger.accepted(&offer).await?;
    }
    for (customer, partner, reseller) in
        [("c-own", "p-own", ""), ("c-other", "p-other", ""), ("c-resold", "p-provider", "p-reseller")]
    {
        let mut created = commands::customer(customer, partner);
        created["create_customer"]["reseller_id"] = json!(reseller);
        ledger.accepted(&created).await?;
        ledger.accepted(&commands::agreement(customer, "2018-01-01")).await?;
        let subscription = format!("s-{}", &customer[2..]);
        let purchase = json!({ "command_id": format!("buy-{customer}"), "purchase": {
            "customer_id": customer, "partner_id": partner, "order_id": format!("order-{customer}"), "lines": [{
                "subscription_id": subscription, "offer_id": "o-1", "quantity": 10, "reseller_id": reseller,
                "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] } });
        ledger.accepted(&purchase).await?;
    }
    ledger.operate("AdminService/AdvanceClock", &json!({ "close_through": "2018-02-15" })).await?;
    for (id, _) in partners {
        for role in Role::ALL.iter().filter(|role| role.family() != RoleFamily::Customer) {
            let name = format!("ROLE_{}", role.code().to_uppercase());
            ledger.assign(&subject(*role, id), &name, id, "").await?;
        }
    }
    ledger.assign(&subject(Role::Customer, "p-own"), "ROLE_CUSTOMER", "p-own", "c-own").await?;
    objects(ledger).await
}

async fn objects(ledger: &Checked) -> anyhow::Result<BTreeMap<&'static str, Object>> {
    let mut objects = BTreeMap::new();
    for (partner, customer, subscription) in
        [("p-own", "c-own", "s-own"), ("p-other", "c-other", "s-other"), ("p-provider", "c-resold", "s-resold")]
    {
        let filter = json!({ "partner_id": partner });
        let invoice = loop {
            let invoices = ledger.operate("BillingService/ListInvoices", &filter).await?;
            if let Some(number) = invoices["invoices"][0]["invoice_number"].as_str() {
                break number.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        let charges = ledger.operate("BillingService/ListCharges", &filter).await?;
        let line = charges["charges"][0]["line_id"].as_str().unwrap_or_default().to_owned();
        objects.insert(partner, Object { partner, customer, subscription, invoice, line });
    }
    Ok(objects)
}

fn subject(role: Role, partner: &str) -> String {
    format!("{}@{partner}", role.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_the_matrix_has_it() -> anyhow::Result<()> {
    let ledger = Checked::start(&[]).await?;
    let objects = world(&ledger).await?;
    let rows = rows();
    let shorts: Vec<_> = Role::ALL.iter().map(|role| format!("{:>4}", role.short())).collect();
    println!("+ let through   - no role for it   0 as if it were not there");
    println!("{:<46}{:<11}{}", "operation", "whose", shorts.concat());
    let (mut cells, mut different) = (0, Vec::new());
    for row in &rows {
        for relation in RELATIONS {
            let (at, of) = relation.parties();
            let object = &objects[of];
            let mut line = String::new();
            for &role in Role::ALL {
                let at = if role == Role::Customer { "p-own" } else { at };
                // The customer's own principal has one place, and sees no other from there.
                let object = match (role, relation) {
                    (Role::Customer, Relation::Resellers | Relation::Providers) => &objects["p-provider"],
                    (Role::Customer, Relation::Other | Relation::None) => &objects["p-other"],
                    _ => object,
                };
                let token = ledger.token(&subject(role, at))?;
                let answer = match row.operation.strip_prefix("Submit/") {
                    Some(kind) => {
                        let (kind, variant) = kind.split_once(':').map_or((kind, None), |(kind, of)| (kind, Some(of)));
                        ledger.call_raw(&token, "CommandService/Submit", &object.command(kind, variant, role)).await
                    }
                    None => ledger.call_raw(&token, &row.operation, &object.request(&row.operation)).await,
                };
                let (got, mut wanted) = (Outcome::of(&answer), expected(row, role, relation));
                if WITHOUT_OBJECT.contains(&row.operation.as_str()) && wanted == Outcome::Through {
                    wanted = Outcome::Hidden;
                }
                cells += 1;
                write!(line, "{:>4}", got.letter())?;
                if got != wanted {
                    different.push(format!(
                        "{} {} {}: {got:?}, not {wanted:?}: {:?}",
                        row.operation,
                        relation.name(),
                        role.short(),
                        answer.as_ref().err().map(Status::message)
                    ));
                }
            }
            println!("{:<46}{:<11}{line}", row.operation, relation.name());
        }
    }
    println!("{cells} cells, {} differ", different.len());
    assert!(different.is_empty(), "{} of {cells} cells differ:\n{}", different.len(), different.join("\n"));
    assert_eq!(cells, rows.len() * RELATIONS.len() * Role::ALL.len());
    Ok(())
}
