//! The whole way of a command through the real binary: in over gRPC, decided, in the log, in three read models, replayed.

use serde_json::json;
use subledger_proto::api::GetSubscriptionRequest;
use subledger_tests::{
    client::{Client, reason},
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    process::Serve,
    shop::TEST_CLOCK,
};

async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    Ok((serve, client))
}

async fn with_customer(client: &Client) -> anyhow::Result<()> {
    for command in [
        partner("contoso"),
        partner("adatum"),
        offer("e3"),
        price("e3", "4.00"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
    ] {
        client.accepted(&command).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_purchase_to_its_invoice_and_back_to_its_history() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut serve, client) = ledger(dir.path()).await?;
    with_customer(&client).await?;

    let bought = client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    let subscription = client.subscription("sub-b-1", bought.position).await?;
    assert_eq!((subscription.state.as_str(), subscription.quantity), ("active", 10));
    assert_eq!((subscription.start.as_str(), subscription.term_end.as_str()), ("2018-01-13", "2019-01-12"));
    let balances = client.balances("contoso", bought.position).await?;
    assert_eq!(balances, [("unbilled".to_owned(), "40.00".to_owned()), ("revenue".to_owned(), "-40.00".to_owned())]);

    client.advance("2018-01-15").await?;
    assert_eq!(client.invoices("contoso").await?, [("2018-01-15".to_owned(), "40.00".to_owned())]);
    let receivable = client.balances("contoso", None).await?;
    assert!(receivable.contains(&("receivable".to_owned(), "40.00".to_owned())), "{receivable:?}");
    assert!(receivable.contains(&("unbilled".to_owned(), "0.00".to_owned())), "{receivable:?}");

    // The same after a restart, and the clock goes on where it stood.
    serve.process.stop()?;
    let serve = serve.restart().await?;
    let client = Client::connect(&serve.address).await?;
    let changed = client.accepted(&change_quantity("q-1", "fabrikam", "contoso", "sub-b-1", 12)).await?;
    assert_eq!(client.subscription("sub-b-1", changed.position).await?.quantity, 12);
    client.advance("2018-02-15").await?;
    let invoices = client.invoices("contoso").await?;
    assert_eq!(invoices.len(), 2, "{invoices:?}");

    // The history is gapless per partition and has every command once.
    let history = client.history().await?;
    let mut next = std::collections::BTreeMap::new();
    for record in &history {
        let position = record.position.unwrap_or_default();
        let expected = next.entry((position.family, position.partition)).or_insert(0);
        assert_eq!(position.seq, *expected);
        *expected += 1;
    }
    let bought = history.iter().filter(|r| r.commit.as_ref().is_some_and(|c| c.command_id == "b-1")).count();
    assert_eq!(bought, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_moves_seats_and_the_bill_to_another_partner() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    with_customer(&client).await?;
    client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    let request = json!({ "command_id": "t-1", "request_transfer": {
        "customer_id": "fabrikam", "transfer_id": "move", "source_partner_id": "contoso", "target_partner_id": "adatum",
        "subscription_ids": ["sub-b-1"],
    }});
    let accept = json!({ "command_id": "t-2", "accept_transfer": {
        "customer_id": "fabrikam", "transfer_id": "move", "partner_id": "adatum",
    }});
    assert_eq!(client.refused(&accept).await?, "TRANSFER_NOT_FOUND");
    for command in [
        json!({ "command_id": "r-1", "request_relationship": { "customer_id": "fabrikam", "partner_id": "adatum" }}),
        json!({ "command_id": "r-2", "accept_relationship": { "customer_id": "fabrikam", "partner_id": "adatum" }}),
        request,
    ] {
        client.accepted(&command).await?;
    }
    let mut again = accept.clone();
    again["command_id"] = json!("t-3");
    let done = client.accepted(&again).await?;
    let old = client.subscription("sub-b-1", done.position).await?;
    assert_eq!((old.state.as_str(), old.partner_id.as_str()), ("suspended", "contoso"));
    let new = client.subscription(&old.transferred_to_subscription_id, done.position).await?;
    assert_eq!((new.state.as_str(), new.partner_id.as_str(), new.quantity), ("active", "adatum", 10));
    let mut late = again.clone();
    late["command_id"] = json!("t-4");
    assert_eq!(client.refused(&late).await?, "TRANSFER_CLOSED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_leaves_no_trace() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    with_customer(&client).await?;
    client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    client.accepted(&customer("northwind", "adatum")).await?;
    let before = client.history().await?.len();

    // Not recorded at all: the message itself is wrong.
    let shapeless: &[(serde_json::Value, &str)] = &[
        (change_quantity("", "fabrikam", "contoso", "sub-b-1", 1), "command_id"),
        (change_quantity("bad id!", "fabrikam", "contoso", "sub-b-1", 1), "command_id"),
        (change_quantity("x-1", "", "contoso", "sub-b-1", 1), "change_quantity.customer_id"),
        (json!({ "command_id": "x-2" }), "body"),
        (json!({ "command_id": "x-3", "close_day": { "date": "2018-02-30" }}), "close_day.date"),
        (
            json!({ "command_id": "x-4", "publish_price_list": { "price_list_id": "l", "currency": "dollars", "rows": [] }}),
            "publish_price_list.currency",
        ),
    ];
    for (command, field) in shapeless {
        let status = client.submit(command).await.expect_err("a malformed command");
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{command}: {status:?}");
        assert!(reason(&status).is_some(), "{status:?}");
        assert!(format!("{status:?}").contains(field), "{command}: {status:?} does not name {field}");
    }
    let reserved = json!({ "command_id": "x-5", "mark_day": { "date": "2018-01-13" }});
    assert_eq!(client.refused(&reserved).await?, "COMMAND_RESERVED");
    assert_eq!(client.history().await?.len(), before, "nothing of a malformed command is recorded");

    // Recorded as refusals, with nothing done.
    let refusals = [
        (change_quantity("y-1", "fabrikam", "contoso", "sub-b-1", 0), "QUANTITY_BELOW_MINIMUM"),
        (change_quantity("y-2", "fabrikam", "contoso", "sub-b-1", 301), "QUANTITY_ABOVE_MAXIMUM"),
        (change_quantity("y-3", "fabrikam", "contoso", "nobody", 2), "SUBSCRIPTION_NOT_FOUND"),
        (change_quantity("y-4", "nobody", "contoso", "sub-b-1", 2), "CUSTOMER_NOT_FOUND"),
        (change_quantity("y-5", "northwind", "adatum", "sub-b-1", 2), "SUBSCRIPTION_NOT_FOUND"),
        (purchase("y-6", "fabrikam", "contoso", "e5", 1), "OFFER_NOT_FOUND"),
        (purchase("y-7", "fabrikam", "adatum", "e3", 1), "RELATIONSHIP_REQUIRED"),
        (purchase("y-8", "northwind", "adatum", "e3", 1), "MCA_NOT_ACCEPTED"),
    ];
    for (command, expected) in &refusals {
        assert_eq!(client.refused(command).await?, *expected, "{command}");
    }
    let mut reused = purchase("b-1", "fabrikam", "contoso", "e3", 11);
    assert_eq!(client.refused(&reused).await?, "COMMAND_ID_REUSED");
    reused["purchase"]["lines"][0]["quantity"] = json!(10);
    assert!(client.accepted(&reused).await?.duplicate);
    let subscription = client.subscription("sub-b-1", None).await?;
    assert_eq!(subscription.quantity, 10);
    let history = client.history().await?;
    assert_eq!(history.len(), before + refusals.len(), "each refusal is one record");
    assert!(
        history[before..]
            .iter()
            .all(|r| r.commit.as_ref().is_some_and(|c| c.events.is_empty() || c.rejection.is_none()))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_closes_when_the_clock_has_passed_it() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    // Under the very id that the clock uses.
    let early = json!({ "command_id": "close-day:2018-01-13", "close_day": { "date": "2018-01-13" }});
    assert_eq!(client.refused(&early).await?, "DAY_NOT_OVER");
    client.advance("2018-01-14").await?;
    let again = json!({ "command_id": "again", "close_day": { "date": "2018-01-13" }});
    assert_eq!(client.refused(&again).await?, "DAY_ALREADY_CLOSED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_id_belongs_to_a_customer() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    with_customer(&client).await?;
    client.accepted(&customer("northwind", "adatum")).await?;
    client.accepted(&agreement("northwind", "2018-01-13")).await?;
    client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    let mut same = purchase("b-2", "northwind", "adatum", "e3", 20);
    same["purchase"]["lines"][0]["subscription_id"] = json!("sub-b-1");
    let min_position: Vec<_> = client.accepted(&same).await?.position.into_iter().collect();
    let request = |customer_id: &str| GetSubscriptionRequest {
        subscription_id: "sub-b-1".to_owned(),
        customer_id: customer_id.to_owned(),
        min_position: min_position.clone(),
        as_of: None,
    };
    for (customer_id, quantity) in [("fabrikam", 10), ("northwind", 20)] {
        let found = client.customers.clone().get_subscription(request(customer_id)).await?.into_inner();
        assert_eq!((found.customer_id.as_str(), found.quantity), (customer_id, quantity));
    }
    let nobody = client.customers.clone().get_subscription(request("nobody")).await.expect_err("no customer");
    assert_eq!(nobody.code(), tonic::Code::NotFound);
    let refused = client.customers.clone().get_subscription(request("")).await.expect_err("two customers");
    assert_eq!(
        (refused.code(), reason(&refused).as_deref()),
        (tonic::Code::FailedPrecondition, Some("SUBSCRIPTION_AMBIGUOUS"))
    );
    assert!(refused.message().contains("fabrikam, northwind"), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_on_the_stream_answer_in_order() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    with_customer(&client).await?;
    let commands: Vec<_> =
        (0..500).map(|n| purchase(&format!("s-{n}"), "fabrikam", "contoso", "e3", 1 + n % 5)).collect();
    let outcomes = client.submit_stream(&commands, 64).await?;
    assert_eq!(outcomes.len(), commands.len());
    for (outcome, command) in outcomes.iter().zip(&commands) {
        assert_eq!(json!(outcome.command_id), command["command_id"]);
        assert!(outcome.rejection.is_none(), "{outcome:?}");
    }
    let again = client.submit_stream(&commands, 100).await?;
    assert!(again.iter().all(|outcome| outcome.duplicate));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_ledger_is_small() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let own = serve.process.own_kib()?;
    assert!(own < 24 * 1024, "{own} KiB of its own");
    // A debug build's own pages would be most of it.
    if !cfg!(debug_assertions) {
        let resident = serve.process.resident_kib()?;
        assert!(resident < 50 * 1024, "{resident} KiB resident");
    }
    Ok(())
}
