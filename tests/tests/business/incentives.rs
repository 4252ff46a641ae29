//! Incentives through the real process: a program is published, a location enrolls, months are closed and paid, charges are credited
//! later, an earning is disputed; lists, files and entries say the same (accounts page 2.21, billing-details.md 2.2, 3.7, 3.8).

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    kafka::{Broker, Fleet, skipped},
    process::Serve,
};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2018-01-09"];

fn of(id: &str, name: &str, more: Value) -> Value {
    let mut body = json!({ "partner_id": "contoso", "program_id": "csp", "mpn_id": "4390934" });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    json!({ "command_id": id, name: body })
}

fn program(rate: &str) -> Value {
    json!({ "command_id": format!("program-{rate}"), "publish_incentive_programs": { "programs": [{
        "program_id": "csp", "name": "CSP direct bill", "earner": "PROGRAM_EARNER_PAYER",
        "partner_kinds": ["PARTNER_KIND_DIRECT_BILL"], "markets": ["US"],
        "cards": [{ "valid_from": "2018-01-01", "cooling_days": 30, "payment_days": 45, "payment_threshold": "10.00",
            "clawback_months": 12,
            "levers": [{ "name": "core", "earning_type": "EARNING_TYPE_REBATE", "rate": rate,
                "products": ["INCENTIVE_PRODUCT_LICENSE"], "minimum_revenue": "0" }] }] }] }})
}

fn enrollment() -> Vec<Value> {
    vec![
        program("0.05"),
        json!({ "command_id": "rates", "publish_incentive_rates": { "rates": [
            { "valid_from": "2018-01-01", "from": "USD", "to": "EUR", "rate": "0.8" }] }}),
        of("invite", "invite_to_incentive", json!({})),
        of("accept", "accept_incentive_invitation", json!({})),
        json!({ "command_id": "profile", "update_payout_profile": { "partner_id": "contoso",
            "bank": { "account_reference": "vault-1", "country": "US", "currency": "EUR",
                "method": "PAYMENT_METHOD_ELECTRONIC_BANK_TRANSFER" },
            "tax": { "form": "W-9", "country": "US", "withholding_percent": "10", "sales_tax_percent": "0",
                "service_fee_tax_percent": "0" } } }),
        of("enrolled", "set_incentive_enrollment", json!({ "status": "ENROLLMENT_STATUS_ENROLLED" })),
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

fn texts(rows: &[Value], fields: &[&str]) -> Vec<String> {
    let cell = |row: &Value, field: &&str| row[*field].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| fields.iter().map(|field| cell(row, field)).collect::<Vec<_>>().join(" ")).collect()
}

async fn started(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    founded(&client).await?;
    Ok((serve, client))
}

/// A location in the program, and ten seats of 20.00 dollars a month.
async fn founded(client: &Client) -> anyhow::Result<()> {
    for command in [partner("contoso"), offer("e3"), price("e3", "20.00"), customer("fabrikam", "contoso")] {
        client.accepted(&command).await?;
    }
    client.accepted(&agreement("fabrikam", "2018-01-09")).await?;
    for command in enrollment() {
        client.accepted(&command).await?;
    }
    client.accepted(&purchase("p1", "fabrikam", "contoso", "e3", 10)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_billed_earns_is_paid_and_is_explained() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = started(dir.path()).await?;
    let address = serve.address.as_str();
    let enrolled = listed(&["enrollments", "--partner", "contoso"], address)?;
    assert_eq!(texts(&enrolled, &["program_id", "mpn_id", "status"]), ["csp 4390934 Enrolled"]);

    // 10 seats of 20.00 on the 9th, invoiced on the 15th of January; each month again.
    client.advance("2018-03-02").await?;
    let periods = listed(&["earning-periods", "--partner", "contoso"], address)?;
    assert_eq!(
        texts(&periods, &["month", "earned_usd", "status", "payment_on"]),
        ["2018-01 10.00 Upcoming 2018-03-17", "2018-02 10.00 Unprocessed 2018-04-14"],
        "{periods:#?}"
    );
    let earnings = listed(&["earnings", "--partner", "contoso", "--month", "2018-01"], address)?;
    let fields =
        ["transaction_date", "transaction_amount", "earning_rate", "amount", "invoice_number", "customer_name"];
    assert_eq!(texts(&earnings, &fields), ["2018-01-09 200.00 0.05 10.00 contoso-L-USD-000001 Company fabrikam"]);
    let id = earnings[0]["earning_id"].as_str().context("an id")?.to_owned();
    let explained = run(&["incentives", "explain", &id, "--address", address])?.expect_code(0)?.out;
    for said in [
        "was charged on 2018-01-09 at customers/",
        "rated in 2018-01",
        "200.00 USD x 0.05 = 10.00 USD",
        "computed again, it is what was closed",
    ] {
        assert!(explained.contains(said), "does not say {said:?}:\n{explained}");
    }

    // Paid in euros, 10 percent withheld.
    let payments = listed(&["incentive-payments", "--partner", "contoso"], address)?;
    let payment = payments[0]["payment_id"].as_str().context("an id")?.to_owned();
    assert_eq!((payments.len(), payment.as_str()), (1, "contoso-I-EUR-000001"));
    let amounts = &payments[0]["amounts"];
    assert_eq!(
        (&amounts["earned"], &amounts["withheld_tax"], &amounts["total"]),
        (&json!("8.00"), &json!("0.80"), &json!("7.20"))
    );
    let status = |id: &str, status: &str| json!({ "command_id": id, "set_incentive_payment_status": { "partner_id": "contoso", "payment_id": payment, "status": status } });
    assert_eq!(client.refused(&status("wrong", "PAYMENT_STATUS_SENT")).await?, "INVALID_PAYMENT_TRANSITION");
    let moved = client.accepted(&status("progress", "PAYMENT_STATUS_IN_PROGRESS")).await?.position.unwrap_or_default();
    client.accepted(&status("sent", "PAYMENT_STATUS_SENT")).await?;

    // What was so on a day, and what was known before the payment moved.
    let before = format!("partners/{}@{}", moved.partition, moved.seq - 1);
    let then = |kind: &str, look: &[&str]| listed(&[&[kind, "--partner", "contoso"], look].concat(), address);
    let statuses = |rows: Vec<Value>| texts(&rows, &["status"]);
    assert_eq!(statuses(then("incentive-payments", &[])?), ["Sent"]);
    assert_eq!(statuses(then("incentive-payments", &["--recorded-by", &before])?), ["Upcoming"]);
    assert!(then("incentive-payments", &["--as-of", "2018-02-10"])?.is_empty());
    assert_eq!(statuses(then("earning-periods", &["--as-of", "2018-02-10"])?), ["Unprocessed"]);
    assert!(then("earnings", &["--as-of", "2018-01-20"])?.is_empty());
    assert_eq!(texts(&then("earnings", &["--as-of", "2018-02-10"])?, &["status", "amount"]), ["Unprocessed 10.00"]);
    assert_eq!(statuses(then("enrollments", &["--as-of", "2018-02-10"])?), ["Enrolled"]);

    // Seats go: the credit of the next anniversary takes back what it earned.
    client.accepted(&change_quantity("fewer", "fabrikam", "contoso", "sub-p1", 4)).await?;
    client.advance("2018-04-02").await?;
    let march = listed(&["earnings", "--partner", "contoso", "--month", "2018-03"], address)?;
    let kinds = texts(&march, &["kind"]);
    assert!(kinds.contains(&"clawback".to_owned()), "{march:#?}");
    let customers = texts(&march, &["kind", "customer_id"]);
    assert!(customers.iter().all(|it| it == "clawback " || it == "transaction fabrikam"), "{customers:?}");

    // The two files, twice the same.
    let file =
        |name: &str| run(&["incentives", "export", name, "--partner", "contoso", "--address", address])?.expect_code(0);
    let (transactions, paid) = (file("transactions")?.out, file("payments")?.out);
    assert_eq!(transactions, file("transactions")?.out);
    assert!(transactions.starts_with("earningId,participantID,participantIDType,"), "{transactions}");
    assert_eq!(transactions.split_terminator("\r\n").count(), 3 + march.len(), "{transactions}");
    let row = "4390934,MPN,Partner contoso,CSP direct bill,8.00,10.00,0.80,0.00,0.00,7.20,EUR,electronic bank transfer,\
               contoso-I-EUR-000001,Sent,The payment was sent to the bank,";
    assert!(paid.contains(row), "{paid}");
    // A payment outside the period is no failure.
    let outside = ["incentives", "export", "payments", "--payment", &payment, "--from", "2018-01", "--to", "2018-02"];
    let none = run(&[&outside[..], &["--address", address]].concat())?.expect_code(0)?;
    assert!(none.err.contains("No data available") && none.out.lines().count() == 1, "{} {}", none.out, none.err);
    let overview = run(&["incentives", "overview", "contoso", "--address", address])?.expect_code(0)?.out;
    for said in ["fiscal year from 2017-07-01", "paid this year     10.00 USD", "csp at 4390934: Enrolled"] {
        assert!(overview.contains(said), "does not say {said:?}:\n{overview}");
    }

    // Closed days keep their cards; the entries balance; a replay says the same.
    assert_eq!(client.refused(&program("0.06")).await?, "INCENTIVE_CARD_IN_USE");
    let balances = listed(&["balances", "--partner", "contoso"], address)?;
    let sum = |currency: &str, field: &str| -> i64 {
        let of = balances.iter().filter(|it| it["currency"] == currency);
        of.filter_map(|it| it[field].as_str()?.replace('.', "").parse::<i64>().ok()).sum()
    };
    for currency in ["USD", "EUR"] {
        assert_eq!(sum(currency, "debits"), sum(currency, "credits"), "{balances:#?}");
    }
    run(&["compare", "--address", address])?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_decided_and_corrects_the_next_month() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = started(dir.path()).await?;
    let address = serve.address.as_str();
    let dispute = of(
        "dispute",
        "dispute_earning",
        json!({ "dispute_id": "d-1", "period": "2018-01-01", "amount": "2.00", "currency": "USD", "reason": "6 percent" }),
    );
    assert_eq!(client.refused(&dispute).await?, "EARNING_PERIOD_OPEN");
    client.advance("2018-01-31").await?;
    let mut again = dispute.clone();
    again["command_id"] = "dispute-again".into();
    client.accepted(&again).await?;
    let open = listed(&["earning-disputes", "--partner", "contoso"], address)?;
    assert_eq!(texts(&open, &["dispute_id", "state", "amount"]), ["d-1 open 2.00"]);
    let answer = json!({ "command_id": "answer", "decide_earning_dispute": { "partner_id": "contoso", "dispute_id": "d-1",
        "correction": "1.50", "note": "in part" }});
    client.accepted(&answer).await?;
    client.advance("2018-02-28").await?;
    let february = listed(&["earnings", "--partner", "contoso", "--month", "2018-02"], address)?;
    let corrections: Vec<_> = february.iter().filter(|it| it["kind"] == "correction").cloned().collect();
    assert_eq!(texts(&corrections, &["amount", "reference"]), ["1.50 d-1"], "{february:#?}");
    run(&["compare", "--address", address])?.expect_code(0)?;
    Ok(())
}

/// What a moment is told by, and what it says: periods, earnings, payments.
fn then(look: &[&str], address: &str) -> anyhow::Result<[Vec<String>; 3]> {
    let of = |kind: &str, fields: &[&str]| -> anyhow::Result<Vec<String>> {
        Ok(texts(&listed(&[&[kind, "--partner", "contoso"], look].concat(), address)?, fields))
    };
    Ok([
        of("earning-periods", &["month", "earned_usd", "status"])?,
        of("earnings", &["transaction_date", "amount", "status"])?,
        of("incentive-payments", &["payment_id", "status"])?,
    ])
}

/// Without the spaces that line up columns.
fn one_space(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

/// Earnings are looked back at, and compared between two moments, on a real broker as they are embedded.
#[tokio::test(flavor = "multi_thread")]
async fn earnings_are_looked_back_at_on_kafka() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start_on_test_clock(&broker, "incentives", dir.path(), "2018-01-09").await?;
    let address = fleet.gateway.address.clone().context("an address")?;
    let (client, address) = (Client::connect(&address).await?, address.as_str());
    founded(&client).await?;
    client.advance("2018-03-02").await?;
    let [january, february] = ["2018-01 10.00", "2018-02 10.00"];
    let now = [
        vec![format!("{january} Upcoming"), format!("{february} Unprocessed")],
        vec!["2018-01-09 10.00 Upcoming".to_owned(), "2018-02-09 10.00 Unprocessed".to_owned()],
        vec!["contoso-I-EUR-000001 Upcoming".to_owned()],
    ];
    let mut found = then(&[], address)?;
    for _ in 0..200 {
        if found == now {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        found = then(&[], address)?;
    }
    assert_eq!(found, now);
    let status = json!({ "command_id": "progress", "set_incentive_payment_status": { "partner_id": "contoso",
        "payment_id": "contoso-I-EUR-000001", "status": "PAYMENT_STATUS_IN_PROGRESS" } });
    let moved = client.accepted(&status).await?.position.unwrap_or_default();
    let place = |seq: u64| format!("partners/{}@{seq}", moved.partition);
    let (before, after) = (place(moved.seq - 1), place(moved.seq));
    let recorded = |place: &str| then(&["--recorded-by", place, "--min-position", &after], address);
    assert_eq!(recorded(&before)?[2], now[2], "what was known before the payment moved");
    assert_eq!(recorded(&after)?[2], ["contoso-I-EUR-000001 In progress"]);
    let early = then(&["--as-of", "2018-02-10"], address)?;
    assert_eq!(early, [vec![format!("{january} Unprocessed")], vec!["2018-01-09 10.00 Unprocessed".into()], vec![]]);
    // The same two moments side by side, with the commits between them.
    let (from, to) = (["--from", &before], ["--to", &after]);
    let found = run(&[&["diff", "--partner", "contoso", "--address", address], &from[..], &to[..]].concat())?;
    let found = found.expect_code(0)?.out;
    for said in [
        "incentive payment contoso-I-EUR-000001 of contoso\nstatus Upcoming -> In progress\n",
        "command progress (anonymous, grpc) IncentivePaymentStatusChanged",
        "earnings csp 4390934 2018-01 of contoso\nstatus Upcoming -> In progress\n",
    ] {
        assert!(one_space(&found).contains(said), "does not say {said:?}:\n{found}");
    }
    fleet.check_read_models()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_moments_of_incentives_are_compared() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = started(dir.path()).await?;
    let address = serve.address.as_str();
    client.advance("2018-03-02").await?;
    let diff = |from: &str, to: &str| -> anyhow::Result<String> {
        let arguments = ["diff", "--partner", "contoso", "--from", from, "--to", to, "--address", address];
        Ok(run(&arguments)?.expect_code(0)?.out)
    };
    let new = diff("2018-01-08", "2018-01-09")?;
    assert!(new.contains("enrollment csp 4390934 of contoso: new\n"), "{new}");
    let closed = diff("2018-01-30", "2018-02-01")?;
    for said in [
        "earnings csp 4390934 2018-01 of contoso: new\n",
        "earned_usd - -> 10.00\n",
        "(incentive, projector) EarningsClosed",
    ] {
        assert!(one_space(&closed).contains(said), "does not say {said:?}:\n{closed}");
    }
    let paid = diff("2018-02-28", "2018-03-03")?;
    assert!(paid.contains("incentive payment contoso-I-EUR-000001 of contoso: new\n"), "{paid}");
    let nothing = diff("2018-02-12", "2018-02-13")?;
    assert!(!nothing.contains("earnings") && !nothing.contains("enrollment"), "{nothing}");
    Ok(())
}
