//! What a partner owes, through the real binary: an invoice becomes overdue by itself, a payment makes it good again.

use serde_json::{Value, json};
use subledger_tests::{cli::run, client::Client, commands::purchase, process::Serve, shop};

async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let (serve, client) = shop::open(dir, ["fabrikam"]).await?;
    client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    Ok((serve, client))
}

fn pay(id: &str, amount: &str, on: &str, invoice: &str) -> Value {
    json!({ "command_id": id, "receive_payment": {
        "partner_id": "contoso", "payment_id": id, "amount": amount, "currency": "USD", "value_date": on,
        "reference": "transfer", "invoice_number": invoice,
    }})
}

/// The rows of a list as the command line prints them in JSON.
fn list(serve: &Serve, args: &[&str]) -> anyhow::Result<Vec<Value>> {
    let ended = run(&[&["list"], args, &["--address", &serve.address, "--output", "json"]].concat())?.expect_code(0)?;
    Ok(serde_json::from_str(&ended.out)?)
}

/// The partner's standing, once the reviews of the closed days are done.
async fn standing(serve: &Serve, wanted: &str) -> anyhow::Result<Value> {
    let mut row = Value::Null;
    for _ in 0..200 {
        row = list(serve, &["ageing", "--as-of", "2018-05-16"])?.remove(0);
        if row["standing"] == wanted {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::ensure!(row["standing"] == wanted, "not {wanted}: {row}");
    Ok(row)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_pay_sells_nothing_new() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    client.advance("2018-03-17").await?;
    standing(&serve, "delinquent").await?;
    client.accepted(&purchase("b-2", "fabrikam", "contoso", "e3", 1)).await?;
    client.advance("2018-05-16").await?;
    let row = standing(&serve, "suspended").await?;
    // Two invoices are due since 14 May and 16 April, one since 16 March: 2, 30 and 61 days.
    assert_eq!((row["overdue_1_to_30"].as_str(), row["overdue_61_to_90"].as_str()), (Some("80.00"), Some("40.00")));
    assert_eq!(client.refused(&purchase("b-3", "fabrikam", "contoso", "e3", 1)).await?, "PARTNER_SUSPENDED");

    // Every overdue invoice is paid; the last one of them reinstates the partner at once.
    let invoices = list(&serve, &["invoices", "--partner", "contoso"])?;
    let overdue: Vec<_> = invoices.iter().filter(|i| i["due_date"].as_str() < Some("2018-05-16")).collect();
    assert_eq!(overdue.len(), 3, "{invoices:?}");
    let number = |invoice: &&Value| invoice["invoice_number"].as_str().unwrap_or_default().to_owned();
    for (index, invoice) in overdue.iter().enumerate() {
        client.accepted(&pay(&format!("pay-{index}"), "50.00", "2018-05-17", &number(invoice))).await?;
    }
    standing(&serve, "good").await?;
    client.accepted(&purchase("b-4", "fabrikam", "contoso", "e3", 1)).await?;
    let payments = list(&serve, &["payments", "--unallocated"])?;
    let left: Vec<_> = payments.iter().map(|p| p["unallocated"].as_str().unwrap_or_default()).collect();
    assert_eq!(left, ["10.00", "10.00", "10.00"]);
    // Sent again, a payment is the same payment; under another id it is refused.
    let again = pay("pay-0", "50.00", "2018-05-17", &number(&overdue[0]));
    client.accepted(&again).await?;
    let mut other = again.clone();
    other["command_id"] = json!("pay-0-again");
    assert_eq!(client.refused(&other).await?, "PAYMENT_ALREADY_EXISTS");
    assert_eq!(list(&serve, &["payments"])?.len(), 3);
    // Before the last one was received there were two, and on the day before none.
    let place = |at: Option<&subledger_proto::common::Position>| {
        at.map(|at| format!("partners/{}@{}", at.partition, at.seq)).unwrap_or_default()
    };
    let second = client.accepted(&pay("pay-1", "50.00", "2018-05-17", &number(&overdue[1]))).await?;
    let known = list(&serve, &["payments", "--partner", "contoso", "--recorded-by", &place(second.position.as_ref())])?;
    assert_eq!(known.len(), 2, "{known:?}");
    assert_eq!(list(&serve, &["payments", "--as-of", "2018-05-16"])?.len(), 0);
    assert_eq!(list(&serve, &["credit-notes", "--as-of", "2018-05-17"])?.len(), 0);
    let ended = run(&["get", "credit-note", "none", "--as-of", "2018-05-17", "--address", &serve.address])?;
    assert!(ended.err.contains("CREDIT_NOTE_NOT_FOUND"), "{ended:?}");
    let statement = list(&serve, &["statement", "--partner", "contoso", "--from", "2018-05-17"])?;
    assert_eq!(statement.len(), 3, "{statement:?}");
    let ended = run(&["compare", "--address", &serve.address])?.expect_code(0)?;
    assert!(ended.out.contains("payments: 3 rows replayed, 3 live: equal"), "{}", ended.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_about_money_is_named() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    client.advance("2018-01-15").await?;
    let invoice = "contoso-L-USD-000001";
    client.accepted(&pay("pay-1", "30.00", "2018-01-15", invoice)).await?;
    let mut euros = pay("pay-2", "1.00", "2018-01-15", invoice);
    euros["receive_payment"]["currency"] = json!("EUR");
    let allocate = |amount: &str, invoice: &str| {
        json!({ "command_id": format!("a-{amount}-{invoice}"), "allocate_payment": {
            "partner_id": "contoso", "payment_id": "pay-1", "invoice_number": invoice, "amount": amount,
        }})
    };
    let note = json!({ "command_id": "n-1", "request_credit_note": {
        "partner_id": "contoso", "invoice_number": invoice, "reason": "CREDIT_NOTE_REASON_ADDRESS_CORRECTION",
    }});
    let claim = json!({ "command_id": "c-1", "submit_sla_claim": {
        "customer_id": "fabrikam", "partner_id": "contoso", "claim_id": "claim", "incident_id": "EX25194",
        "incident_date": "2017-11-30", "purchased_through_csp": true,
    }});
    for (command, reason) in [
        (euros, "CURRENCY_MISMATCH"),
        (allocate("10.01", invoice), "ALLOCATION_EXCEEDS_OPEN_AMOUNT"),
        (allocate("10.00", invoice), "ALLOCATION_EXCEEDS_PAYMENT"),
        (allocate("1.00", "contoso-L-USD-000009"), "INVOICE_NOT_FOUND"),
        (note, "CREDIT_NOTE_NOT_SUPPORTED_FOR_FAMILY"),
        (claim, "SLA_CLAIM_TOO_LATE"),
    ] {
        assert_eq!(client.refused(&command).await?, reason, "{command}");
    }
    let rows = list(&serve, &["invoices", "--partner", "contoso"])?;
    assert_eq!((rows[0]["due"].as_str(), rows[0]["state"].as_str()), (Some("10.00"), Some("part paid")));
    let ended = run(&["list", "ageing", "--address", &serve.address])?;
    assert!(ended.err.contains("as_of"), "{ended:?}");
    Ok(())
}
