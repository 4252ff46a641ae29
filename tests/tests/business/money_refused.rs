//! What is wrong about money is refused with the field, the rule and what would do; what is only late is charged in arrears, and no issued
//! document changes.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use subledger_proto::api::{Charge, GetInvoiceRequest, Invoice};
use subledger_tests::{
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    process::Serve,
    shop::TEST_CLOCK,
};
use tonic_types::StatusExt as _;

/// Sales tax of 10 percent in Washington, until the end of January.
async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let address = json!({ "country": "US", "line1": "1 Main Street", "city": "Redmond", "state": "WA" });
    for command in [
        offer("e3"),
        offer("euro-only"),
        price("e3", "31.00"),
        rate("rate", "10", "2018-01-01", "2018-01-31"),
        partner("contoso"),
        json!({ "command_id": "profile", "update_billing_profile": { "partner_id": "contoso", "profile": { "address": address }}}),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("b-1", "fabrikam", "contoso", "e3", 1),
    ] {
        client.accepted(&command).await?;
    }
    let mut euros = price("euro-only", "31.00");
    euros["publish_price_list"]["currency"] = json!("EUR");
    client.accepted(&euros).await?;
    Ok((serve, client))
}

fn rate(id: &str, percent: &str, from: &str, to: &str) -> Value {
    json!({ "command_id": id, "publish_tax_rates": { "rows": [{ "country": "US", "region": "WA", "tax": "sales tax",
        "scope": "TAX_SCOPE_ALL", "rate_percent": percent, "valid_from": from, "valid_to": to }]}})
}

/// Sends a command that must be refused: its reason, message and facts.
async fn refused(client: &Client, command: &Value) -> anyhow::Result<(String, String, HashMap<String, String>)> {
    let status = client.submit(command).await.err().with_context(|| format!("accepted: {command}"))?;
    let info = status.get_details_error_info().context("an error without ErrorInfo")?;
    Ok((info.reason, status.message().to_owned(), info.metadata))
}

/// What the partner was charged and owes, in any way it is told.
async fn money(client: &Client) -> anyhow::Result<String> {
    let invoices = client.invoices("contoso").await?;
    Ok(format!("{:?} {invoices:?}", client.balances("contoso", None).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_rates_limits_and_currencies_that_do_not_fit_are_refused() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    client.advance("2018-02-15").await?;
    let before = money(&client).await?;
    let pay = json!({ "command_id": "pay", "receive_payment": { "partner_id": "contoso", "payment_id": "pay", "amount": "34.10",
        "currency": "EUR", "value_date": "2018-02-15", "invoice_number": "contoso-L-USD-000001" }});
    for (command, reason, message, facts) in [
        (
            purchase("b-2", "fabrikam", "contoso", "euro-only", 1),
            "OFFER_NOT_IN_PRICE_LIST",
            "USD",
            &[("field", "lines[0].offer_id")][..],
        ),
        (
            purchase("b-3", "fabrikam", "contoso", "e3", 1),
            "TAX_RATE_MISSING",
            "ended on 2018-01-31 and no other is published for 2018-02-16; publish it, or 0 percent",
            &[("field", "lines[0].offer_id"), ("country", "US"), ("tax", "sales tax"), ("date", "2018-02-16")],
        ),
        (
            change_quantity("q-1", "fabrikam", "contoso", "sub-b-1", 301),
            "QUANTITY_ABOVE_MAXIMUM",
            "has at most 300 seats, not 301",
            &[("field", "quantity"), ("maximum", "300")],
        ),
        (pay, "CURRENCY_MISMATCH", "USD", &[("field", "invoice_number"), ("currency", "USD")]),
    ] {
        let (found, said, metadata) = refused(&client, &command).await?;
        assert_eq!(found, reason, "{command}");
        ensure!(said.contains(message), "{command}: {said}");
        for (name, value) in facts {
            assert_eq!(metadata.get(*name).map(String::as_str), Some(*value), "{command}: {metadata:?}");
        }
    }
    assert_eq!(money(&client).await?, before, "nothing of it is charged, owed or paid");

    // What was missing is published, and the same is bought under another id.
    client.accepted(&rate("rate-2", "9", "2018-02-01", "")).await?;
    let bought = client.accepted(&purchase("b-4", "fabrikam", "contoso", "e3", 1)).await?;
    client.balances("contoso", bought.position).await?;
    ensure!(money(&client).await? != before);
    Ok(())
}

/// Days that are closed and invoiced: a late change is corrected on the next anniversary, a late suspension credited on the first open day.
/// What would reach back behind the purchase is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_inside_a_closed_period_is_corrected_in_arrears() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    client.accepted(&rate("rate-2", "9", "2018-02-01", "")).await?;
    client.accepted(&purchase("b-2", "fabrikam", "contoso", "e3", 1)).await?;
    client.advance("2018-02-19").await?;
    let issued = async || {
        let mut found = Vec::new();
        for number in ["contoso-L-USD-000001", "contoso-L-USD-000002"] {
            let invoice = invoice(&client, number).await?;
            found.push((invoice.total, invoice.lines_digest, invoice.lines, invoice.fields));
        }
        anyhow::Ok(found)
    };
    let before = issued().await?;
    let late = |mut command: Value, at: &str| {
        command["effective_at"] = json!(at);
        command
    };
    let too_late = late(change_quantity("q-1", "fabrikam", "contoso", "sub-b-1", 2), "2018-01-12T12:00:00Z");
    let (reason, said, facts) = refused(&client, &too_late).await?;
    assert_eq!(reason, "EFFECTIVE_BEFORE_LAST_CHANGE", "{said}");
    assert_eq!(facts.get("last_changed_on").map(String::as_str), Some("2018-01-13"));
    assert_eq!(facts.get("field").map(String::as_str), Some("effective_at"));
    let change = change_quantity("q-2", "fabrikam", "contoso", "sub-b-1", 2);
    client.accepted(&late(change, "2018-02-14T12:00:00Z")).await?;
    let suspend = json!({ "command_id": "s-1", "suspend": { "customer_id": "fabrikam", "partner_id": "contoso",
        "subscription_id": "sub-b-2", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" }});
    client.accepted(&late(suspend, "2018-02-14T12:00:00Z")).await?;
    client.advance("2018-03-15").await?;

    let third = invoice(&client, "contoso-L-USD-000003").await?;
    let line = |l: &Charge| {
        format!("{} {} to {}: {} {} + {}", l.charged_on, l.charge_start, l.charge_end, l.charge_type, l.amount, l.tax)
    };
    let lines: Vec<_> = third.lines.iter().map(line).collect();
    // 31.00 for 28 days: 27 of them with no seat, or one day with one seat and 27 with two.
    assert_eq!(
        lines,
        [
            "2018-02-20 2018-02-14 to 2018-03-12: Cancel Fee -29.89 + -2.69",
            "2018-03-13 2018-02-13 to 2018-03-12: Cycle Instance Prorate -31.00 + -2.79",
            "2018-03-13 2018-02-13 to 2018-02-13: Cycle Instance Prorate 1.11 + 0.10",
            "2018-03-13 2018-02-14 to 2018-03-12: Cycle Instance Prorate 59.79 + 5.38",
            "2018-03-13 2018-03-13 to 2018-04-12: Cycle Instance Prorate 62.00 + 5.58",
        ]
    );
    assert_eq!(third.total, "67.59");
    ensure!(issued().await? == before, "an issued invoice has changed");
    Ok(())
}

/// A change that was made before a service period that is charged already: both periods are corrected, on the first open day, and nothing
/// that was issued changes.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_before_a_period_that_began_is_corrected_in_arrears() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    client.accepted(&rate("rate-2", "9", "2018-02-01", "")).await?;
    client.accepted(&purchase("b-2", "fabrikam", "contoso", "e3", 1)).await?;
    client.advance("2018-02-19").await?;
    let before = invoice(&client, "contoso-L-USD-000002").await?;
    let mut change = change_quantity("q-1", "fabrikam", "contoso", "sub-b-1", 2);
    let mut suspend = json!({ "command_id": "s-1", "suspend": { "customer_id": "fabrikam", "partner_id": "contoso",
        "subscription_id": "sub-b-2", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" }});
    for command in [&mut change, &mut suspend] {
        command["effective_at"] = json!("2018-02-12T12:00:00Z");
        client.accepted(command).await?;
    }
    client.advance("2018-03-15").await?;
    let third = invoice(&client, "contoso-L-USD-000003").await?;
    let line = |l: &Charge| {
        format!("{} {} to {}: {} {} + {}", l.charged_on, l.charge_start, l.charge_end, l.charge_type, l.amount, l.tax)
    };
    assert_eq!(
        third.lines.iter().map(line).collect::<Vec<_>>(),
        [
            "2018-02-20 2018-02-12 to 2018-02-12: Cancel Fee -1.00 + -0.10",
            "2018-02-20 2018-02-13 to 2018-03-12: Cancel Fee -31.00 + -2.79",
            "2018-02-20 2018-01-13 to 2018-02-12: Cycle Instance Prorate -31.00 + -3.10",
            "2018-02-20 2018-01-13 to 2018-02-11: Cycle Instance Prorate 30.00 + 3.00",
            "2018-02-20 2018-02-12 to 2018-02-12: Cycle Instance Prorate 2.00 + 0.20",
            "2018-02-20 2018-02-13 to 2018-03-12: Cycle Instance Prorate -31.00 + -2.79",
            "2018-02-20 2018-02-13 to 2018-03-12: Cycle Instance Prorate 62.00 + 5.58",
            "2018-03-13 2018-03-13 to 2018-04-12: Cycle fee 62.00 + 5.58",
        ]
    );
    let after = invoice(&client, "contoso-L-USD-000002").await?;
    ensure!(
        (after.total, after.lines, after.fields) == (before.total, before.lines, before.fields),
        "an invoice has changed"
    );
    Ok(())
}

async fn invoice(client: &Client, number: &str) -> anyhow::Result<Invoice> {
    let request = GetInvoiceRequest { invoice_number: number.to_owned(), ..GetInvoiceRequest::default() };
    Ok(client.billing.clone().get_invoice(request).await?.into_inner())
}
