//! What changed between two moments, field by field, and by which commands.

use anyhow::ensure;
use serde_json::json;
use subledger_proto::{
    api::{Change, ListBillingChangesRequest, ListCustomerChangesRequest},
    common::AsOf,
};
use subledger_tests::{
    cli::run,
    client::{Client, reason},
    commands::{change_quantity, purchase},
    process::Serve,
    shop,
};

fn day(text: &str) -> AsOf {
    AsOf { effective_on: text.into(), ..AsOf::default() }
}

/// In short: what it is, its fields, and the commands behind it.
fn short(change: &Change) -> String {
    let fields = change.fields.iter().map(|field| format!("{} {:?} {:?}", field.field, field.before, field.after));
    let causes = change.causes.iter().map(|cause| {
        let actor = cause.actor.clone().unwrap_or_default();
        format!("{} {}/{} {}", cause.command_id, actor.principal, actor.channel, cause.events.join("+"))
    });
    let (fields, causes) = (fields.collect::<Vec<_>>().join(", "), causes.collect::<Vec<_>>().join(", "));
    format!("{} {}: {fields}; by {causes}", change.kind, change.id)
}

struct Ledger {
    _dir: tempfile::TempDir,
    serve: Serve,
    client: Client,
    /// The last change of seats.
    at: subledger_proto::common::Position,
}

async fn ledger() -> anyhow::Result<Ledger> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = shop::open(dir.path(), ["fabrikam"]).await?;
    client.accepted(&purchase("p", "fabrikam", "contoso", "e3", 10)).await?;
    client.advance("2018-01-20").await?;
    client
        .accepted(&json!({ "command_id": "rename", "update_customer": {
        "customer_id": "fabrikam", "partner_id": "contoso", "bill_to_name": "Fabrikam Ltd" }}))
        .await?;
    let changed = client.accepted(&change_quantity("q", "fabrikam", "contoso", "sub-p", 25)).await?;
    let at = changed.position.unwrap_or_default();
    client.advance("2018-02-20").await?;
    Ok(Ledger { _dir: dir, serve, client, at })
}

impl Ledger {
    async fn changes(
        &self,
        customer: &str,
        partner: &str,
        from: Option<AsOf>,
        to: Option<AsOf>,
    ) -> anyhow::Result<Vec<String>> {
        let mut changes = Vec::new();
        if customer.is_empty() {
            let request = ListBillingChangesRequest {
                partner_id: partner.into(),
                from: from.clone(),
                to: to.clone(),
                min_position: vec![self.at],
                ..ListBillingChangesRequest::default()
            };
            changes.extend(self.client.billing.clone().list_billing_changes(request).await?.into_inner().changes);
        }
        let request = ListCustomerChangesRequest {
            customer_id: customer.into(),
            partner_id: partner.into(),
            from,
            to,
            min_position: vec![self.at],
            ..ListCustomerChangesRequest::default()
        };
        changes.extend(self.client.customers.clone().list_customer_changes(request).await?.into_inner().changes);
        Ok(changes.iter().map(short).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_named_with_the_commands_behind_it() -> anyhow::Result<()> {
    let ledger = ledger().await?;
    let found = ledger.changes("fabrikam", "", Some(day("2018-01-20")), Some(day("2018-01-21"))).await?;
    let wanted = [
        "customer fabrikam: bill_to_name \"\" \"Fabrikam Ltd\"; by rename anonymous/grpc CustomerUpdated",
        "subscription sub-p: quantity \"10\" \"25\"; by q anonymous/grpc QuantityChanged",
    ];
    ensure!(found == wanted, "{found:#?}");
    // The other way round it is the same, taken back.
    let back = ledger.changes("fabrikam", "contoso", Some(day("2018-01-21")), Some(day("2018-01-20"))).await?;
    ensure!(back[1].contains("quantity \"25\" \"10\"; by q "), "{back:#?}");
    // On both axes: what was known of that day before the last command, and after it.
    let before = Some(AsOf {
        effective_on: "2018-01-31".into(),
        recorded_positions: vec![subledger_proto::common::Position { seq: ledger.at.seq - 1, ..ledger.at }],
        ..AsOf::default()
    });
    let after = Some(AsOf { recorded_positions: vec![ledger.at], ..before.clone().unwrap_or_default() });
    let found = ledger.changes("fabrikam", "", before, after).await?;
    ensure!(found == wanted[1..], "{found:#?}");
    ensure!(ledger.changes("fabrikam", "", None, None).await?.is_empty());
    ensure!(ledger.changes("nobody", "", Some(day("2018-01-20")), None).await?.is_empty());
    // From before it was there.
    let found = ledger.changes("fabrikam", "", Some(day("2018-01-12")), Some(day("2018-01-13"))).await?;
    ensure!(
        found[0].contains("customer_id \"\" \"fabrikam\"")
            && found[0].contains("relationships[contoso].state \"\" \"active\"")
    );
    ensure!(
        found[1].contains("quantity \"\" \"10\"")
            && found[1].ends_with("by p anonymous/grpc OrderPlaced+SubscriptionCreated"),
        "{found:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_and_invoices_of_a_partner_are_compared() -> anyhow::Result<()> {
    let ledger = ledger().await?;
    let found = ledger.changes("", "contoso", Some(day("2018-02-14")), Some(day("2018-02-15"))).await?;
    let kinds: Vec<_> = found.iter().map(|text| text.split(':').next().unwrap_or_default().to_owned()).collect();
    ensure!(kinds == ["balance USD receivable", "balance USD unbilled", "invoice contoso-L-USD-000002"], "{found:#?}");
    let by = "by inv:contoso:L:USD:2018-02-15 billing/projector InvoiceIssued";
    let receivable = "amount \"40.00\" \"184.51\", debits \"40.00\" \"184.51\", entry_count \"1\" \"2\"";
    ensure!(found[0] == format!("balance USD receivable: {receivable}; {by}"), "{found:#?}");
    let unbilled = "amount \"144.51\" \"0.00\", credits \"80.00\" \"224.51\", entry_count \"6\" \"7\"";
    ensure!(found[1] == format!("balance USD unbilled: {unbilled}; {by}"), "{found:#?}");
    let invoice = &found[2];
    ensure!(
        invoice.contains("state \"\" \"open\"") && invoice.contains("invoice_date \"\" \"2018-02-15\""),
        "{invoice}"
    );
    ensure!(invoice.ends_with(by), "{invoice}");
    ledger
        .client
        .accepted(&json!({ "command_id": "pay", "receive_payment": { "partner_id": "contoso", "payment_id": "pay-1", "amount": "5.00",
            "currency": "USD", "value_date": "2018-02-20", "invoice_number": "contoso-L-USD-000002" }}))
        .await?;
    let mut paid = Vec::new();
    for _ in 0..50 {
        paid = ledger.changes("", "contoso", Some(day("2018-02-19")), None).await?;
        if paid.iter().any(|text| text.starts_with("invoice")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let invoice = paid.iter().find(|text| text.starts_with("invoice")).cloned().unwrap_or_default();
    ensure!(
        invoice.contains("paid \"0.00\" \"5.00\"") && invoice.contains("state \"open\" \"part paid\""),
        "{paid:#?}"
    );
    ensure!(invoice.ends_with("by pay anonymous/grpc PaymentReceived+PaymentAllocated"), "{invoice}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_what_changed_and_refuses_what_it_cannot_compare() -> anyhow::Result<()> {
    let ledger = ledger().await?;
    let address = ledger.serve.address.as_str();
    let diff = |arguments: &[&str]| run(&[&["diff", "--address", address], arguments].concat());
    let place = format!("customers/{}@{}", ledger.at.partition, ledger.at.seq);
    let printed = diff(&["--customer", "fabrikam", "--from", "2018-01-20", "--to", "2018-01-21"])?.expect_code(0)?.out;
    ensure!(printed.contains("subscription sub-p of fabrikam, paid by contoso\n  quantity  10 -> 25\n"), "{printed}");
    ensure!(printed.contains(&format!("  by {place}  command q (anonymous, grpc)  QuantityChanged\n")), "{printed}");
    let csv = diff(&["--customer", "fabrikam", "--from", "2018-01-20", "--to", "2018-01-21", "--output", "csv"])?
        .expect_code(0)?
        .out;
    ensure!(csv.contains(&format!("subscription,contoso,fabrikam,sub-p,quantity,10,25,{place} q\r\n")), "{csv}");
    let none = diff(&["--customer", "fabrikam", "--from", "2018-01-21", "--to", "2018-01-21"])?.expect_code(0)?.out;
    ensure!(none == "nothing changed\n", "{none}");
    ensure!(diff(&["--from", "2018-01-21"])?.expect_code(2)?.err.contains("--customer"));
    let backward = diff(&["--customer", "fabrikam", "--from", "2018-01-21", "--to", "2018-01-20"])?.expect_code(2)?.err;
    ensure!(backward.contains("--from is later than --to"), "{backward}");
    ensure!(diff(&["--customer", "x", "--from", "yesterday"])?.expect_code(2)?.err.contains("is no part of a moment"));
    let nobody = ListCustomerChangesRequest::default();
    let status = ledger.client.customers.clone().list_customer_changes(nobody.clone()).await.err();
    ensure!(status.as_ref().and_then(reason).as_deref() == Some("REQUIRED_FIELD_MISSING"), "{status:?}");
    let of_customer =
        ListCustomerChangesRequest { customer_id: "fabrikam".into(), partner_id: "contoso".into(), ..nobody };
    let of_nobody =
        ledger.client.billing.clone().list_billing_changes(ListBillingChangesRequest::default()).await.err();
    ensure!(of_nobody.is_some_and(|status| status.message().contains("partner_id")));
    let wrong = ListCustomerChangesRequest { to: Some(day("tomorrow")), ..of_customer };
    let status = ledger.client.customers.clone().list_customer_changes(wrong).await.err();
    ensure!(status.is_some_and(|status| status.message().contains("to.effective_on")));
    Ok(())
}
