//! A month of an Azure plan through the real process: reference data, usage and roles come in, lines, files, credit and balances come out
//! (azure-marketplace-software.md section 3, item 11).

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_tests::{cli::run, client::Client, commands::agreement, process::Serve};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2019-10-01"];
const METER: &str = "fadc0029-6786-49dc-b8f4-c8edd23c0dae";

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

fn granted(id: &str, from: &str) -> Value {
    json!({ "command_id": format!("granted-{id}"), "grant_access": { "customer_id": "fabrikam", "partner_id": "contoso",
        "assignment_id": id, "principal_id": "admins", "path": "ACCESS_PATH_ADMIN_ON_BEHALF_OF", "role": "Owner",
        "scope": { "azure_subscription_id": "az-1" }, "from": from }})
}

fn setup() -> Vec<Value> {
    let german = json!({ "country": "DE", "line1": "Weg 1", "city": "Ulm", "postal_code": "89073" });
    vec![
        json!({ "command_id": "partner", "register_partner": { "partner_id": "contoso", "name": "Contoso",
            "kind": "PARTNER_KIND_DIRECT_BILL", "country": "DE", "currency": "EUR", "billing_day": 15, "mpn_id": "4390934" }}),
        json!({ "command_id": "offer", "publish_offers": { "offers": [{
            "offer_id": "azure-plan", "display_name": "Azure plan", "product_family": "PRODUCT_FAMILY_ONE_TIME_RECURRING",
            "kind": "OFFER_KIND_BASE", "minimum_quantity": 1, "maximum_quantity": 1,
            "limit_scope": "OFFER_LIMIT_SCOPE_NONE", "proration_rule": "PRORATION_RULE_EXACT",
            "product": { "kind": "PRODUCT_KIND_AZURE_PLAN" } }]}}),
        json!({ "command_id": "customer", "create_customer": { "customer_id": "fabrikam", "partner_id": "contoso",
            "company_name": "Fabrikam GmbH", "domain_prefix": "fabrikam", "address": german,
            "contact": { "first_name": "Kim", "last_name": "Lee", "email": "kim@fabrikam.example" }}}),
        agreement("fabrikam", "2019-10-01"),
        json!({ "command_id": "plan", "purchase": { "customer_id": "fabrikam", "partner_id": "contoso", "lines": [
            { "subscription_id": "plan-1", "offer_id": "azure-plan", "quantity": 1 }]}}),
        json!({ "command_id": "azure", "register_azure_subscription": { "customer_id": "fabrikam", "partner_id": "contoso",
            "subscription_id": "plan-1", "azure_subscription_id": "az-1", "name": "Production",
            "created_at": "2019-10-01T00:00:00Z" }}),
        granted("first", "2019-10-01T00:00:00Z"),
        json!({ "command_id": "budget", "set_spending_budget": { "customer_id": "fabrikam", "partner_id": "contoso",
            "amount": "15.00", "currency": "EUR" }}),
    ]
}

/// 24 hours of a virtual machine each day; 1 to 3 and 8 to 31 October with access all day.
async fn october(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in setup() {
        client.accepted(&command).await?;
    }
    let address = serve.address.as_str();
    let file = |name: &str, content: &str| -> anyhow::Result<std::path::PathBuf> {
        let path = dir.join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    };
    let meters =
        file("meters.csv", &format!("meter_id,unit,name,category,tags\n{METER},1 Hour,D2 hours,Compute,Azure\n"))?;
    let prices =
        file("prices.csv", &format!("meter_id,valid_from,valid_to,tier_from,unit_price\n{METER},10/1/2019,,,0.02\n"))?;
    let rates = file("rates.csv", "month,from,to,rate\n10/1/2019,USD,EUR,0.913951469\n2019-11-01,USD,EUR,0.9\n")?;
    for (what, path) in [("--meters", &meters), ("--meter-prices", &prices), ("--exchange-rates", &rates)] {
        run(&["load", what, text(path)?, "--address", address])?.expect_code(0)?;
    }
    client.advance("2019-10-30").await?;
    let taken = json!({ "command_id": "taken", "revoke_access": {
        "customer_id": "fabrikam", "assignment_id": "first", "at": "2019-10-04T13:00:00Z" }});
    let given = granted("again", "2019-10-07T09:00:00Z");
    for command in [taken, given] {
        client.accepted(&command).await?;
    }
    let mut usage =
        "CustomerId,EntitlementId,ResourceGroup,ResourceURI,MeterId,UsageDate,Unit,Quantity,Tags\n".to_owned();
    for day in 1..=31 {
        writeln!(usage, "fabrikam,az-1,web,/subscriptions/az-1/vm,{METER},10/{day}/2019,1 Hour,24,env=prod")?;
    }
    let usage = file("usage.csv", &usage)?;
    for _ in 0..2 {
        // The second time changes nothing.
        run(&["load", "--usage", text(&usage)?, "--address", address])?.expect_code(0)?;
    }
    client.advance("2019-10-31").await?;
    for _ in 0..200 {
        if !client.invoices("contoso").await?.is_empty() {
            return Ok((serve, client));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("an invoice was to be issued")
}

fn listed(arguments: &[&str], address: &str) -> anyhow::Result<Vec<Value>> {
    let out = run(&[&["list"][..], arguments, &["-o", "json", "--address", address]].concat())?.expect_code(0)?.out;
    let values = serde_json::Deserializer::from_str(&out).into_iter::<Value>().collect::<Result<Vec<_>, _>>()?;
    Ok(match values.as_slice() {
        [Value::Array(rows)] => rows.clone(),
        _ => values,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_usage_is_billed_credited_and_explained() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = october(dir.path()).await?;
    let address = serve.address.as_str();

    assert_eq!(client.invoices("contoso").await?, [("2019-11-08".to_owned(), "11.81".to_owned())]);
    let number = "contoso-O-EUR-000001";
    let charges = listed(&["charges", "--partner", "contoso"], address)?;
    let amounts: Vec<_> =
        charges.iter().map(|charge| (charge["amount"].clone(), charge["usage"]["earned_credit"].clone())).collect();
    assert_eq!(amounts, [("1.75".into(), "0.00".into()), ("10.06".into(), "1.78".into())], "{charges:#?}");

    // The daily-rated file: 50 columns, a row for each day, every digit.
    let file = run(&["export-recon", "--invoice", number, "--daily", "--address", address])?.expect_code(0)?.out;
    let rows: Vec<&str> = file.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 32, "{file}");
    assert!(rows.iter().all(|row| row.split(',').count() == 50), "{file}");
    assert!(rows[1].contains("10/1/2019 0:00,10/31/2019 23:59,10/1/2019,") && rows[1].contains(number), "{}", rows[1]);
    assert!(
        rows[1].contains(
            "New,0.02,24,1 Hour,0.372892199352,EUR,0.408,USD,,,env=prod,,0.017,0.913951469,10/1/2019,az-1,Production,15"
        ),
        "{}",
        rows[1]
    );
    assert!(
        rows[4].contains("0.43869670512,EUR,0.48,USD,,,env=prod,,0.02,0.913951469,10/1/2019,az-1,Production,0"),
        "{}",
        rows[4]
    );

    assert!(rows[1].contains(",Azure plan,"), "the offer as the price list names it: {}", rows[1]);
    let recon = run(&["export-recon", "--invoice", number, "--address", address])?.expect_code(0)?.out;
    assert_eq!(recon.matches(",15 % partner earned credit,").count(), 1, "{recon}");
    // Units at list price, and what credit leaves of it; the rate, and the day printed with it.
    for said in [
        ",0.02,0.017,648,10.06,0.00,10.06,0.00,10.06,EUR,USD,0.913951469,10/1/2019,15 % partner earned credit,Microsoft,",
        ",0.02,0.02,96,1.75,0.00,1.75,0.00,1.75,EUR,USD,0.913951469,10/1/2019,,Microsoft,",
    ] {
        assert!(recon.contains(said), "does not say {said:?}: {recon}");
    }
    let path = dir.path().join("recon.csv");
    std::fs::write(&path, &recon)?;
    let file = path.to_str().context("a path")?;
    run(&["reconcile", file, "--invoice", number, "--address", address])?.expect_code(0)?;

    // Earned, forgone, and why.
    let credit = listed(&["earned-credit", "--partner", "contoso", "--month", "2019-10"], address)?;
    assert_eq!(credit.len(), 31);
    let why = |day: usize| credit[day - 1]["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        [why(3), why(4), why(5), why(7), why(8)],
        ["EARNED", "ACCESS_PARTIAL_DAY", "NO_ELIGIBLE_ROLE", "ACCESS_PARTIAL_DAY", "EARNED"]
    );
    assert_eq!((&credit[0]["earned"], &credit[3]["forgone"]), (&"0.065804505768".into(), &"0.065804505768".into()));
    let totals = listed(&["earned-credit-totals", "--partner", "contoso"], address)?;
    assert_eq!(totals[0]["charged"], "1.78");
    let balances = listed(&["balances", "--partner", "contoso", "--account", "earned_credit"], address)?;
    assert_eq!(balances[0]["amount"], "1.78");

    // 13.59 of 15.00 euros: its partner was told.
    let spending = listed(&["spending", "--partner", "contoso"], address)?;
    let of = |field: &str| spending[0][field].clone();
    assert_eq!(
        (of("estimate"), of("percent"), of("notified")),
        ("13.60".into(), 91.into(), true.into()),
        "{spending:#?}"
    );

    // The role that was taken on the 4th: the partner is told once, in what concerns it.
    let lost = listed(&["activities", "--customer", "fabrikam", "--partner", "contoso", "--limit", "0"], address)?;
    let lost: Vec<_> = lost.iter().filter(|it| it["action"] == "EarnedCreditLost").collect();
    assert_eq!(lost.len(), 1, "{lost:#?}");
    assert_eq!(
        (&lost[0]["subject"], &lost[0]["detail"]),
        (&"az-1 /subscriptions/az-1/vm".into(), &"from 2019-10-04 on: ACCESS_PARTIAL_DAY".into())
    );

    let line = charges[1]["line_id"].as_str().context("an id")?;
    let explained = run(&["explain", line, "--address", address])?.expect_code(0)?.out;
    for said in [
        "648 × 0.017 USD",
        "service month, rounded down = 11.016 × 0.913951469 = 10.06",
        "earned credit: 15 %, 1.78 in this line",
    ] {
        assert!(explained.contains(said), "does not say {said:?}:\n{explained}");
    }

    // A day is disputed, and credited with the next month.
    let dispute = json!({ "command_id": "dispute", "dispute_earned_credit": { "customer_id": "fabrikam", "partner_id": "contoso",
        "dispute_id": "d-1", "scope": { "azure_subscription_id": "az-1" }, "from": "2019-10-04", "to": "2019-10-04",
        "claimed_percent": "15", "evidence": "the activity log says 23:59" }});
    client.accepted(&dispute).await?;
    let disputes =
        |look: &[&str]| listed(&[&["earned-credit-disputes", "--partner", "contoso"], look].concat(), address);
    let decide = json!({ "command_id": "decide", "decide_earned_credit_dispute": { "customer_id": "fabrikam",
        "dispute_id": "d-1", "accepted": true, "note": "seen" }});
    let decided = client.accepted(&decide).await?.position.unwrap_or_default();
    let place = |seq: u64| format!("customers/{}@{seq}", decided.partition);
    let (before, after) = (place(decided.seq - 1), place(decided.seq));
    let state = |rows: Vec<Value>| rows[0]["state"].clone();
    assert_eq!(state(disputes(&["--min-position", &after])?), "accepted");
    assert_eq!(state(disputes(&["--recorded-by", &before])?), "open");

    // What comes now is unbilled.
    let records = json!({ "command_id": "november", "record_usage": { "customer_id": "fabrikam", "records": [{
        "azure_subscription_id": "az-1", "resource_group": "web", "resource_uri": "/subscriptions/az-1/vm", "meter_id": METER,
        "usage_date": "2019-11-01", "hour": 1, "quantity": "1", "unit": "1 Hour" }]}});
    client.accepted(&records).await?;
    client.advance("2019-11-01").await?;
    let mut unbilled = Vec::new();
    for _ in 0..100 {
        unbilled = listed(&["usage", "--customer", "fabrikam", "--unbilled"], address)?;
        if unbilled.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // 2 November: 28 days of it are left after today, and the last one does not count.
    let spending = listed(&["spending", "--partner", "contoso", "--month", "2019-11"], address)?;
    assert_eq!(spending[0]["days_remaining"], 27, "{spending:#?}");
    let switch = |on: bool, email: &str| {
        json!({ "command_id": format!("switch-{}", email.len()), "switch_budget_notice": {
            "partner_id": "contoso", "on": on, "email": email }})
    };
    assert_eq!(client.refused(&switch(true, "nobody")).await?, "EMAIL_INVALID");
    let partner = |field: &str| -> anyhow::Result<Value> {
        let out = run(&["get", "partner", "contoso", "-o", "json", "--address", address])?.expect_code(0)?.out;
        Ok(serde_json::from_str::<Value>(&out)?[field].clone())
    };
    assert_eq!(partner("budget_notice")?, true);
    client.accepted(&switch(true, "azure@contoso.example")).await?;
    assert_eq!(partner("budget_notice_email")?, "azure@contoso.example");

    // The use of the day, the disputed day without its credit taken back, and with it.
    let amounts: Vec<_> =
        unbilled.iter().map(|row| format!("{} {}", row["usage_date"], row["amount"]).replace('"', "")).collect();
    assert_eq!(amounts.len(), 3, "{amounts:#?}");
    for said in ["2019-11-01 0.0153", "2019-10-04 -0.43869670512", "2019-10-04 0.372892199352"] {
        assert!(amounts.contains(&said.to_owned()), "{amounts:#?}");
    }
    let why = listed(&["earned-credit", "--partner", "contoso", "--month", "2019-10"], address)?;
    assert_eq!(why[3]["reason"], "DISPUTE_ACCEPTED");
    let then =
        listed(&["earned-credit", "--partner", "contoso", "--month", "2019-10", "--as-of", "2019-10-31"], address)?;
    assert_eq!(then[3]["reason"], "ACCESS_PARTIAL_DAY");
    run(&["compare", "--address", address])?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_refused_whole() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in setup() {
        client.accepted(&command).await?;
    }
    let address = serve.address.as_str();
    let before = client.history().await?.len();
    let record = |meter: &str, quantity: &str| {
        json!({
        "azure_subscription_id": "az-1", "resource_uri": "/vm", "meter_id": meter, "usage_date": "2019-10-01",
        "quantity": quantity, "unit": "1 Hour" })
    };
    let submit = |records: Value| {
        let command =
            json!({ "command_id": "wrong", "record_usage": { "customer_id": "fabrikam", "records": records }});
        run(&["submit", "--dry-run", &command.to_string(), "--address", address])
    };
    submit(json!([record("nope", "1")]))?.expect_code(1)?.expect_error(&["UNKNOWN_METER", "records[0].meter_id"])?;
    submit(json!([record("nope", "-1")]))?
        .expect_code(1)?
        .expect_error(&["NEGATIVE_QUANTITY", "records[0].quantity"])?;
    submit(json!([record("nope", "1e3")]))?.expect_error(&["records[0].quantity"])?;
    let csv = dir.path().join("usage.csv");
    std::fs::write(&csv, "CustomerId,Colour\n")?;
    run(&["load", "--usage", text(&csv)?, "--address", address])?.expect_code(2)?.expect_error(&["Colour"])?;
    assert_eq!(client.history().await?.len(), before);
    Ok(())
}
