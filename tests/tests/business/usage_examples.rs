//! The worked examples of usage and earned credit through the real process, exact to the cent (azure-marketplace-software.md section 3).

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use subledger_tests::{cli::run, client::Client, commands::agreement, process::Serve};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2019-10-01"];

/// A customer with a plan and an Azure subscription of its own name.
struct Example {
    customer: &'static str,
    partner: &'static str,
    country: &'static str,
    reseller: Option<&'static str>,
}

const EXAMPLES: &[Example] = &[
    Example { customer: "first-use", partner: "contoso", country: "DE", reseller: None },
    Example { customer: "qualified", partner: "contoso", country: "DE", reseller: None },
    Example { customer: "precise", partner: "contoso", country: "DE", reseller: None },
    Example { customer: "resources", partner: "contoso", country: "DE", reseller: None },
    Example { customer: "halves", partner: "wholesale", country: "DE", reseller: Some("corner-shop") },
    Example { customer: "by-reseller", partner: "wholesale", country: "DE", reseller: Some("corner-shop") },
    Example { customer: "tiers", partner: "contoso", country: "DE", reseller: None },
    Example { customer: "british", partner: "irish", country: "GB", reseller: None },
    Example { customer: "norwegian", partner: "irish", country: "NO", reseller: None },
    Example { customer: "german", partner: "irish", country: "DE", reseller: None },
    Example { customer: "irish-one", partner: "irish", country: "IE", reseller: None },
];

fn partner(id: &str, kind: &str, country: &str) -> Value {
    json!({ "command_id": format!("partner-{id}"), "register_partner": { "partner_id": id, "name": id,
        "kind": format!("PARTNER_KIND_{kind}"), "country": country, "currency": "EUR", "billing_day": 15, "mpn_id": "4390934" }})
}

fn meters() -> Vec<Value> {
    let meters = [("vm", "1 Hour"), ("fine", "1 Hour"), ("disk", "1 GB")];
    let listed: Vec<_> =
        meters.iter().map(|(id, unit)| json!({ "meter_id": id, "unit": unit, "tags": ["Azure"] })).collect();
    let row = |meter: &str, from: &str, price: &str| json!({ "meter_id": meter, "valid_from": "2019-10-01", "tier_from": from, "unit_price": price });
    let prices = |currency: &str, rows: Value| json!({ "command_id": format!("prices-{currency}"), "publish_meter_prices": { "currency": currency, "rows": rows }});
    let rates = [("EUR", "0.913951469"), ("GBP", "0.8"), ("NOK", "9.0")];
    let rates: Vec<_> = ["2019-10-01", "2019-11-01"]
        .iter()
        .flat_map(|month| rates.map(|(to, rate)| json!({ "month": month, "from": "USD", "to": to, "rate": rate })))
        .collect();
    vec![
        json!({ "command_id": "meters", "publish_meters": { "meters": listed }}),
        prices("USD", json!([row("vm", "0", "0.02"), row("fine", "0", "0.016875")])),
        // Priced in the billing currency (G19).
        prices("EUR", json!([row("disk", "0", "0.10"), row("disk", "100", "0.08")])),
        json!({ "command_id": "rates", "publish_exchange_rates": { "rates": rates }}),
    ]
}

fn setup() -> Vec<Value> {
    let mut commands = vec![
        partner("contoso", "DIRECT_BILL", "DE"),
        partner("irish", "DIRECT_BILL", "IE"),
        partner("wholesale", "INDIRECT_PROVIDER", "DE"),
        partner("corner-shop", "INDIRECT_RESELLER", "DE"),
        json!({ "command_id": "offer", "publish_offers": { "offers": [{
            "offer_id": "azure-plan", "display_name": "Azure plan", "product_family": "PRODUCT_FAMILY_ONE_TIME_RECURRING",
            "kind": "OFFER_KIND_BASE", "minimum_quantity": 1, "maximum_quantity": 1, "limit_scope": "OFFER_LIMIT_SCOPE_NONE",
            "proration_rule": "PRORATION_RULE_EXACT", "product": { "kind": "PRODUCT_KIND_AZURE_PLAN" } }]}}),
    ];
    commands.extend(meters());
    for Example { customer, partner, country, reseller } in EXAMPLES {
        let (plan, reseller) = (format!("plan-{customer}"), reseller.unwrap_or_default());
        commands.push(json!({ "command_id": format!("customer-{customer}"), "create_customer": { "customer_id": customer,
            "partner_id": partner, "company_name": customer, "domain_prefix": customer.replace('-', ""), "reseller_id": reseller,
            "address": { "country": country, "line1": "Street 1", "city": "City", "postal_code": "12345" },
            "contact": { "first_name": "Kim", "last_name": "Lee", "email": "kim@example.com" } }}));
        commands.push(agreement(customer, "2019-10-01"));
        commands
            .push(json!({ "command_id": plan, "purchase": { "customer_id": customer, "partner_id": partner, "lines": [
            { "subscription_id": plan, "offer_id": "azure-plan", "quantity": 1, "reseller_id": reseller }]}}));
        commands.push(json!({ "command_id": format!("az-{customer}"), "register_azure_subscription": { "customer_id": customer,
            "partner_id": partner, "subscription_id": plan, "azure_subscription_id": format!("az-{customer}"), "name": "Production",
            "created_at": "2019-10-01T00:00:00Z" }}));
    }
    commands
}

fn granted(customer: &str, to: &str, id: &str, from: &str, resource: &str) -> Value {
    json!({ "command_id": format!("granted-{customer}-{id}"), "grant_access": { "customer_id": customer, "partner_id": to,
        "assignment_id": id, "principal_id": format!("admins of {to}"), "path": "ACCESS_PATH_ADMIN_ON_BEHALF_OF", "role": "Owner",
        "scope": { "azure_subscription_id": format!("az-{customer}"), "resource_uri": resource }, "from": from }})
}

fn taken(customer: &str, id: &str, at: &str) -> Value {
    json!({ "command_id": format!("taken-{customer}-{id}"),
        "revoke_access": { "customer_id": customer, "assignment_id": id, "at": at }})
}

/// The same on each day of October from `from` to `to`.
fn used(customer: &str, meter: &str, resource: &str, (from, to): (u32, u32), quantity: &str) -> Value {
    let unit = if meter == "disk" { "1 GB" } else { "1 Hour" };
    let first = NaiveDate::from_ymd_opt(2019, 10, 1).unwrap_or_default();
    let records: Vec<_> = (from..=to)
        .map(|day| {
            json!({ "azure_subscription_id": format!("az-{customer}"), "resource_group": "web", "resource_uri": resource,
                "meter_id": meter, "usage_date": (first + Days::new(u64::from(day - 1))).to_string(), "quantity": quantity,
                "unit": unit })
        })
        .collect();
    json!({ "command_id": format!("used-{customer}-{meter}-{}-{from}", resource.trim_start_matches('/')),
        "record_usage": { "customer_id": customer, "records": records }})
}

fn october() -> Vec<Value> {
    vec![
        used("first-use", "vm", "/vm", (15, 31), "24"),
        // 5, 11: qualified on 1-3 and 8-31.
        granted("qualified", "contoso", "a", "2019-10-01T00:00:00Z", ""),
        taken("qualified", "a", "2019-10-04T13:00:00Z"),
        granted("qualified", "contoso", "b", "2019-10-07T09:00:00Z", ""),
        used("qualified", "vm", "/vm", (1, 31), "24"),
        used("precise", "fine", "/vm", (1, 31), "24"),
        granted("resources", "contoso", "a", "2019-10-01T00:00:00Z", "/a"),
        used("resources", "vm", "/a", (1, 31), "24"),
        used("resources", "vm", "/b", (1, 31), "24"),
        // 14: on the second the provider until 12:00 and the reseller from 12:00; then the reseller alone.
        granted("halves", "wholesale", "p", "2019-10-01T00:00:00Z", ""),
        taken("halves", "p", "2019-10-02T12:00:00Z"),
        granted("halves", "corner-shop", "r", "2019-10-02T12:00:00Z", ""),
        used("halves", "vm", "/vm", (1, 3), "24"),
        granted("by-reseller", "corner-shop", "r", "2019-10-01T00:00:00Z", ""),
        used("by-reseller", "vm", "/vm", (1, 31), "24"),
        used("tiers", "disk", "/disk", (1, 2), "60"),
        used("british", "vm", "/vm", (1, 1), "100"),
        used("norwegian", "vm", "/vm", (1, 1), "100"),
        used("german", "vm", "/vm", (1, 1), "100"),
        used("irish-one", "vm", "/vm", (1, 1), "100"),
    ]
}

fn listed(arguments: &[&str], address: &str) -> anyhow::Result<Vec<Value>> {
    let out = run(&[&["list"][..], arguments, &["-o", "json", "--address", address]].concat())?.expect_code(0)?.out;
    let values = serde_json::Deserializer::from_str(&out).into_iter::<Value>().collect::<Result<Vec<_>, _>>()?;
    Ok(match values.as_slice() {
        [Value::Array(rows)] => rows.clone(),
        _ => values,
    })
}

/// Until there are so many invoices of a partner.
async fn invoices(client: &Client, partner: &str, count: usize) -> anyhow::Result<()> {
    for _ in 0..200 {
        if client.invoices(partner).await?.len() == count {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("{partner} was to have {count} invoices: {:?}", client.invoices(partner).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_examples_come_out_to_the_cent() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(dir.path(), TEST_CLOCK).await?;
    let (client, address) = (Client::connect(&serve.address).await?, serve.address.as_str());
    for command in setup() {
        client.accepted(&command).await?;
    }
    client.advance("2019-10-30").await?;
    for command in october() {
        client.accepted(&command).await?;
    }
    client.advance("2019-10-31").await?;
    for (partner, count) in [("contoso", 1), ("wholesale", 1), ("irish", 3)] {
        invoices(&client, partner, count).await?;
    }
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for partner in ["contoso", "wholesale", "irish"] {
        for charge in listed(&["charges", "--partner", partner], address)? {
            let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let usage = &charge["usage"];
            let line = [
                &usage["quantity"],
                &usage["credit_percent"],
                &usage["earned_credit"],
                &charge["amount"],
                &charge["currency"],
            ];
            let line = line.map(of).join(" ");
            lines.entry(of(&charge["customer_id"])).or_default().push(line);
        }
    }
    lines.values_mut().for_each(|lines| lines.sort());
    let of = |customer: &str| lines.get(customer).map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
    for (customer, expected) in [
        ("first-use", vec!["408 0 0.00 7.45 EUR"]),
        ("qualified", vec!["648 15 1.78 10.06 EUR", "96 0 0.00 1.75 EUR"]),
        ("precise", vec!["744 0 0.00 11.47 EUR"]),
        ("resources", vec!["744 0 0.00 13.59 EUR", "744 15 2.04 11.55 EUR"]),
        ("halves", vec!["24 0 0.00 0.43 EUR", "48 15 0.13 0.74 EUR"]),
        ("by-reseller", vec!["744 15 2.04 11.55 EUR"]),
        ("tiers", vec!["100 0 0.00 10.00 EUR", "20 0 0.00 1.60 EUR"]),
        ("british", vec!["100 0 0.00 1.60 GBP"]),
        ("norwegian", vec!["100 0 0.00 18.00 NOK"]),
        ("german", vec!["100 0 0.00 1.82 EUR"]),
        ("irish-one", vec!["100 0 0.00 1.82 EUR"]),
    ] {
        ensure!(of(customer) == Some(expected.clone()), "{customer}: {:?} for {expected:?}", of(customer));
    }
    // 2: three invoices of a partner in Ireland, the customer in Ireland on the one in euros.
    let irish = listed(&["invoices", "--partner", "irish"], address)?;
    let mut totals: Vec<_> =
        irish.iter().map(|it| format!("{} {}", it["total"], it["currency"]).replace('"', "")).collect();
    totals.sort();
    ensure!(totals == ["1.60 GBP", "18.00 NOK", "3.64 EUR"], "{totals:?}");
    // 14: the credit is the provider's, by the access of its reseller.
    let credit = listed(&["earned-credit", "--partner", "wholesale", "--customer", "halves"], address)?;
    let credit: Vec<_> = credit
        .iter()
        .map(|it| [&it["reason"], &it["earner_id"]].map(|it| it.as_str().unwrap_or_default()).join(" "))
        .collect();
    ensure!(credit == ["EARNED wholesale", "ACCESS_PARTIAL_DAY ", "EARNED corner-shop"], "{credit:?}");
    // 1: October's period begins with the first use; November's with its first day.
    client.advance("2019-11-29").await?;
    let mut november = used("first-use", "vm", "/vm", (32, 61), "24");
    november["command_id"] = json!("november");
    client.accepted(&november).await?;
    client.advance("2019-11-30").await?;
    invoices(&client, "contoso", 2).await?;
    let charges = listed(&["charges", "--customer", "first-use"], address)?;
    let spans: Vec<_> =
        charges.iter().map(|it| format!("{} {}", it["charge_start"], it["charge_end"]).replace('"', "")).collect();
    ensure!(spans == ["2019-10-15 2019-10-31", "2019-11-01 2019-11-30"], "{spans:?}");
    // 1 and 27: the invoices of 8 November and 8 December; the first is due on 7 January.
    let dates = listed(&["invoices", "--partner", "contoso"], address)?;
    let dates: Vec<_> =
        dates.iter().map(|it| format!("{} {}", it["invoice_date"], it["due_date"]).replace('"', "")).collect();
    ensure!(dates == ["2019-11-08 2020-01-07", "2019-12-08 2020-02-06"], "{dates:?}");
    run(&["compare", "--address", address])?.expect_code(0).context("a replay says the same")?;
    Ok(())
}
