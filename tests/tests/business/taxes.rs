//! Taxes from the rate table to the invoice, over the command line and gRPC of a running ledger.

use std::fs;

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, customer, offer, partner, price, purchase},
    process::Serve,
    shop::TEST_CLOCK,
};

const RATES: &str = "country,region,tax,scope,rate_percent,treatment,valid_from,valid_to\n\
    US,WA,sales tax,all,10%,,1/1/2018,\n\
    US,,telephone tax,pstn,7.5,,2018-01-01,2030-12-31\n\
    DE,,VAT,all,19,exclusive,2007-01-01,\n";

fn profile(state: &str, bill_to: &str) -> Value {
    let address = json!({ "country": "US", "line1": "1 Main Street", "city": "Redmond", "state": state });
    json!({ "command_id": format!("profile-{}", bill_to.replace(' ', "-")), "update_billing_profile": { "partner_id": "contoso", "profile": {
        "address": address, "bill_to": { "name": bill_to, "address": address }, "customer_po": "PO-7", "us_fein": "12-3456789",
    }}})
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_loaded_lines_are_taxed_and_the_invoice_keeps_what_it_said() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let to = ["--address", serve.address.as_str()];
    let rates = dir.path().join("rates.csv");
    fs::write(&rates, RATES)?;
    let rates = rates.to_str().context("a path that is text")?;
    for _ in 0..2 {
        run(&[&["load", "--tax-rates", rates][..], &to].concat())?.expect_code(0)?;
    }
    let listed = run(&[&["list", "tax-rates", "--output", "csv"][..], &to].concat())?.expect_code(0)?;
    let rows: Vec<_> = listed.out.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "DE,,VAT,all,19,exclusive,2007-01-01,",
            "US,WA,sales tax,all,10,exclusive,2018-01-01,",
            "US,,telephone tax,pstn,7.5,inclusive,2018-01-01,2030-12-31",
        ]
    );

    for command in [
        partner("contoso"),
        json!({ "command_id": "pay", "publish_payment_instructions": { "instructions": [{
            "country": "US", "text": "Quote {invoice_number}", "customer_service": "https://help.example" }]}}),
        offer("e3"),
        price("e3", "28.40"),
        json!({ "command_id": "price-2", "publish_price_list": {
            "price_list_id": "2018-01-US", "currency": "USD", "rows": [{
                "change_flag": "ADD", "valid_from": "2018-01-01", "offer_display_name": "Offer e3", "offer_id": "e3",
                "license_agreement_type": "corporate", "purchase_unit": "month", "secondary_license_type": "non-specific",
                "end_customer_type": "cloud reseller corporate", "list_price": "2.00", "component": "pstn" }]}}),
        profile("WA", "Payable"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("b-1", "fabrikam", "contoso", "e3", 1),
        json!({ "command_id": "exempt", "submit_tax_exemption": { "partner_id": "contoso", "exemption_id": "x", "region": "WA",
            "tax": "sales tax", "document_kind": "TAX_DOCUMENT_KIND_STATE_RESALE_CERTIFICATE",
            "document_hash": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=" }}),
        json!({ "command_id": "grant", "grant_tax_exemption": { "partner_id": "contoso", "exemption_id": "x" }}),
    ] {
        client.accepted(&command).await?;
    }
    client.advance("2018-02-20").await?;
    client.accepted(&profile("WA", "Somebody else")).await?;
    let get = |kind: &str, id: &str| -> anyhow::Result<Value> {
        let ended = run(&[&["get", kind, id, "--output", "json"][..], &to].concat())?.expect_code(0)?;
        Ok(serde_json::from_str(&ended.out)?)
    };

    // 28.40 and 10 percent on it; 2.00 with 7.5 percent in it. From the 16th on the exemption counts, of the sales tax only.
    let first = get("invoice", "contoso-L-USD-000001")?;
    let second = get("invoice", "contoso-L-USD-000002")?;
    let fields = |invoice: &Value, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| invoice["fields"][*name].as_str().unwrap_or_default().to_owned()).collect()
    };
    let sums = ["license_charges", "usage_charges", "subtotal", "tax", "tax_included", "total_current_charges"];
    assert_eq!(fields(&first, &sums), ["30.40", "0.00", "30.40", "2.84", "0.14", "33.24"], "{first}");
    assert_eq!(fields(&second, &sums), ["30.40", "0.00", "30.40", "0.00", "0.14", "30.40"], "{second}");
    let said = ["us_fein", "customer_number", "payment_instructions", "billing_period", "payment_terms", "customer_po"];
    assert_eq!(
        fields(&first, &said),
        ["12-3456789", "contoso", "Quote contoso-L-USD-000001", "2018-01-13/2018-01-15", "Net 60 days", "PO-7"]
    );
    let dates = ["invoice_date", "payment_due_date"];
    assert_eq!(fields(&first, &dates), ["2018-01-15", "2018-03-16"]);
    assert_eq!(first["fields"]["bill_to"]["name"], "Payable", "as it was issued");
    assert!(first["fields"]["footnote"].as_str().is_some_and(|text| text.contains("Puerto Rico")), "{first}");
    let shown = run(&[&["get", "invoice", "contoso-L-USD-000001"][..], &to].concat())?.expect_code(0)?;
    assert!(shown.out.contains("PAYMENT DUE DATE") && shown.out.contains("name=Payable"), "{}", shown.out);

    let partner = get("partner", "contoso")?;
    assert_eq!(partner["profile"]["bill_to"]["name"], "Somebody else");
    assert_eq!(partner["tax_exemptions"][0]["state"], "granted");
    assert_eq!(
        partner["tax_exemptions"][0]["from"],
        json!({ "license_usage": "2018-01-16", "one_time_recurring": "2018-02-01" })
    );
    run(&[&["compare"][..], &to].concat())?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_tax_id_or_a_rate_is_said() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let mut german = partner("ulm");
    (german["register_partner"]["country"], german["register_partner"]["currency"]) = (json!("DE"), json!("EUR"));
    client.accepted(&german).await?;
    let tax_id = |id: &str, value: &str| json!({ "command_id": id, "submit_tax_id": { "partner_id": "ulm", "kind": "TAX_ID_KIND_VAT", "value": value }});
    assert_eq!(client.refused(&tax_id("t1", "DE12")).await?, "VAT_ID_FORMAT_INVALID");
    client.accepted(&tax_id("t2", "DE 123456789")).await?;
    assert_eq!(client.refused(&tax_id("t3", "DE123456789")).await?, "TAX_ID_ALREADY_SUBMITTED");

    let rates = dir.path().join("rates.csv");
    fs::write(
        &rates,
        "country,region,tax,scope,rate_percent,treatment,valid_from,valid_to\nXX,,VAT,all,19,,2018-01-01,\n",
    )?;
    let rates = rates.to_str().context("a path that is text")?;
    let ended = run(&["load", "--tax-rates", rates, "--address", &serve.address])?.expect_code(1)?;
    assert!(ended.out.contains("INVALID_VALUE") || ended.err.contains("INVALID_VALUE"), "{ended:?}");
    fs::write(rates, "country,tax\nDE,VAT\n")?;
    run(&["load", "--tax-rates", rates, "--address", &serve.address])?
        .expect_error(&["has no column", "rate_percent"])?;
    Ok(())
}
