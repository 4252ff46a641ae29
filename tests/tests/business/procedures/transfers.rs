//! Both published procedures of a transfer: by request (section 2.18) and by ticket and form (section 2.19).

use serde_json::{Value, json};
use subledger_proto::{
    api::{GetTransferRequest, ListTransfersRequest},
    common::AsOf,
};
use subledger_tests::{
    cli::run,
    story::{CUSTOMER, Story},
};

fn order(id: &str, offer: &str, quantity: u32) -> Value {
    json!({ "lines": [{ "subscription_id": id, "offer_id": offer, "quantity": quantity,
        "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] })
}

async fn with_provider(dir: &std::path::Path) -> anyhow::Result<Story> {
    let mut story = Story::of_a_customer(dir, "2020-02-01").await?;
    story.partner("tailspin", "INDIRECT_PROVIDER").await?;
    let extend = json!({ "provider_id": "tailspin", "consent_on": "2020-02-01" });
    story.does("contoso", "extend_relationship", extend).await?;
    Ok(story)
}

/// "Subscription transfer, direct partner to provider" (L5349-5504), worked examples V23 to V26.
#[tokio::test(flavor = "multi_thread")]
async fn transfer_subscriptions_to_a_provider() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = with_provider(dir.path()).await?;
    story
        .sells("phone", "2.00", |offer| {
            offer["kind"] = json!("OFFER_KIND_ADD_ON");
            offer["prerequisite_offer_ids"] = json!(["e3"]);
        })
        .await?;
    story.does("contoso", "purchase", order("base", "e3", 10)).await?;
    let mut add_on = order("add", "phone", 2);
    add_on["lines"][0]["base_subscription_id"] = json!("base");
    story.does("contoso", "purchase", add_on).await?;
    story.does("contoso", "purchase", order("stays", "e3", 1)).await?;
    story.days_pass_through("2020-02-20").await?;
    let ask = |id: &str, subscriptions: &[&str]| {
        json!({ "transfer_id": id, "source_partner_id": "contoso", "target_partner_id": "tailspin",
            "subscription_ids": subscriptions })
    };
    assert_eq!(story.may_not("contoso", "request_transfer", ask("t", &["add"])).await?, "ADDON_MOVES_WITH_BASE");
    story.does("contoso", "request_transfer", ask("t", &["base"])).await?;
    let open = story.transfer("t").await?;
    assert_eq!((open.state.as_str(), open.lines.len()), ("active", 2), "the add-on comes along");
    // Meanwhile seats change and stay behind; upgrades, second requests and the end of the relationship wait.
    story.does("contoso", "change_quantity", json!({ "subscription_id": "base", "quantity": 12 })).await?;
    assert_eq!(story.may_not("contoso", "request_transfer", ask("u", &["base"])).await?, "IN_ANOTHER_REQUEST");
    assert_eq!(story.may_not("contoso", "remove_relationship", json!({})).await?, "TRANSFER_IN_PROGRESS");
    let answer = json!({ "transfer_id": "t" });
    assert_eq!(story.may_not("contoso", "accept_transfer", answer.clone()).await?, "NOT_A_TRANSFER_PARTY");
    story.days_pass_through("2020-03-04").await?;
    story.does("tailspin", "accept_transfer", answer.clone()).await?;
    let done = story.transfer("t").await?;
    assert_eq!(done.state, "complete");
    let moved = story.subscriptions("tailspin").await?;
    let quantities: Vec<_> =
        moved.iter().map(|it| (it.offer_id.as_str(), it.quantity, it.reseller_id.as_str())).collect();
    assert!(
        quantities.contains(&("e3", 10, "contoso")) && quantities.contains(&("phone", 2, "contoso")),
        "{quantities:?}"
    );
    for id in ["base", "add"] {
        assert_eq!(story.subscription(id).await?.state_reason, "transferred", "{id}");
    }
    assert_eq!(story.subscription("stays").await?.state, "active");
    let back = story.may_not("contoso", "reactivate", json!({ "subscription_id": "base" })).await?;
    assert_eq!(back, "SUBSCRIPTION_TRANSFERRED");
    assert_eq!(story.may_not("contoso", "withdraw_transfer", answer).await?, "TRANSFER_CLOSED");
    // The source is credited for what it had paid ahead, the target is charged its own price from the day on.
    let credited =
        story.charges("base").await?.into_iter().any(|(kind, amount)| kind == "Cancel Fee" && amount.starts_with('-'));
    assert!(credited, "{:?}", story.charges("base").await?);
    what_is_seen_afterwards(&story, &done).await
}

/// Each partner sees the transfer; the target nothing of what went before, both what comes after: the source is the reseller now.
async fn what_is_seen_afterwards(story: &Story, done: &subledger_proto::api::Transfer) -> anyhow::Result<()> {
    let (source, target) = (story.activities("contoso").await?, story.activities("tailspin").await?);
    let about = |log: &[subledger_proto::api::Activity], subject: &str| log.iter().any(|it| it.subject == subject);
    assert!(about(&source, "t") && about(&target, "t"));
    assert!(about(&source, "base") && !about(&target, "base"));
    let new =
        done.lines.iter().find(|line| line.subscription_id == "base").map(|line| line.new_subscription_id.clone());
    let new = new.unwrap_or_default();
    assert!(about(&source, &new) && about(&target, &new));
    for partner in ["contoso", "tailspin"] {
        let request =
            ListTransfersRequest { partner_id: partner.into(), state: "complete".into(), ..Default::default() };
        assert_eq!(story.client.customers.clone().list_transfers(request).await?.into_inner().transfers.len(), 1);
    }
    // Before the answer it was open; two weeks earlier there was none.
    let then = |day: &str| GetTransferRequest {
        customer_id: CUSTOMER.into(),
        transfer_id: "t".into(),
        min_position: Vec::new(),
        as_of: Some(AsOf { effective_on: day.into(), ..AsOf::default() }),
    };
    let mut customers = story.client.customers.clone();
    assert_eq!(customers.get_transfer(then("2020-03-04")).await?.into_inner().state, "active");
    assert!(customers.get_transfer(then("2020-02-20")).await.is_err(), "nobody had asked");
    let arguments =
        ["get", "transfer", "t", "--customer", CUSTOMER, "--as-of", "2020-03-04", "-o", "json", "--address"];
    let printed = run(&[&arguments[..], &[&story.address]].concat())?.expect_code(0)?.out;
    assert!(printed.contains("\"active\""), "{printed}");
    Ok(())
}

/// The request is not taken, taken back, or not answered in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_to_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = with_provider(dir.path()).await?;
    story.does("contoso", "purchase", order("s", "e3", 10)).await?;
    let ask = |id: &str| {
        json!({ "transfer_id": id, "source_partner_id": "contoso", "target_partner_id": "tailspin",
            "subscription_ids": ["s"], "expires_after_days": 30 })
    };
    story.does("contoso", "request_transfer", ask("no")).await?;
    story.does("tailspin", "decline_transfer", json!({ "transfer_id": "no", "note": "not ours" })).await?;
    assert_eq!(story.transfer("no").await?.note, "not ours");
    story.does("contoso", "request_transfer", ask("back")).await?;
    story.does("contoso", "withdraw_transfer", json!({ "transfer_id": "back" })).await?;
    story.does("contoso", "request_transfer", ask("late")).await?;
    story.days_pass_through("2020-03-02").await?;
    assert_eq!(story.transfer("late").await?.state, "expired");
    let late = story.may_not("tailspin", "accept_transfer", json!({ "transfer_id": "late" })).await?;
    assert_eq!(late, "TRANSFER_CLOSED");
    assert_eq!(story.subscription("s").await?.state, "active", "nothing moved");
    Ok(())
}

/// "Transfer a customer's Azure subscription" (L15812-15899): request, ticket, three signatures, support, roles removed.
#[tokio::test(flavor = "multi_thread")]
async fn transfer_an_azure_subscription_by_form() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2020-01-10").await?;
    story.partner("tailspin", "DIRECT_BILL").await?;
    story
        .publishes(
            "publish_offers",
            &json!({ "offers": [{
        "offer_id": "MS-AZR-0145P", "display_name": "Microsoft Azure (MS-AZR-0145P)",
        "product_family": "PRODUCT_FAMILY_LICENSE", "kind": "OFFER_KIND_BASE", "minimum_quantity": 1,
        "maximum_quantity": 1, "limit_scope": "OFFER_LIMIT_SCOPE_NONE", "proration_rule": "PRORATION_RULE_EXACT",
        "product": { "kind": "PRODUCT_KIND_AZURE_SUBSCRIPTION" } }] }),
        )
        .await?;
    let buy = json!({ "lines": [{ "subscription_id": "az", "offer_id": "MS-AZR-0145P", "quantity": 1 }] });
    story.does("contoso", "purchase", buy).await?;
    story.does("contoso", "purchase", order("seats", "e3", 1)).await?;
    // 1 and 2: the customer asks in writing, its partner opens a ticket.
    let ask = |subscription: &str, requested_on: &str| {
        json!({ "transfer_id": "t", "target_partner_id": "tailspin", "subscription_id": subscription,
            "customer_requested_on": requested_on, "ticket_id": "120010" })
    };
    assert_eq!(story.may_not("contoso", "request_azure_transfer", ask("az", "")).await?, "CUSTOMER_REQUEST_MISSING");
    assert_eq!(
        story.may_not("contoso", "request_azure_transfer", ask("seats", "2020-01-09")).await?,
        "OFFER_NOT_TRANSFERABLE"
    );
    assert_eq!(
        story.may_not("tailspin", "request_azure_transfer", ask("az", "2020-01-09")).await?,
        "TRANSFER_TARGET_IS_SOURCE"
    );
    story.does("contoso", "request_azure_transfer", ask("az", "2020-01-09")).await?;
    // 3 and 4: signatures, the current partner's first; the new partner needs a relationship.
    let sign = |signer: &str| json!({ "transfer_id": "t", "signer": format!("FORM_SIGNER_{signer}") });
    assert_eq!(story.may_not("", "sign_transfer_form", sign("CUSTOMER")).await?, "SIGNATURE_OUT_OF_TURN");
    story.does("", "sign_transfer_form", sign("CURRENT_PARTNER")).await?;
    assert_eq!(story.may_not("", "sign_transfer_form", sign("NEW_PARTNER")).await?, "RELATIONSHIP_REQUIRED");
    story.does("tailspin", "request_relationship", json!({})).await?;
    story.does("tailspin", "accept_relationship", json!({})).await?;
    story.does("", "sign_transfer_form", sign("NEW_PARTNER")).await?;
    // 5: the signed form goes to the ticket, with an administrator of each partner.
    let person = |name: &str| json!({ "first_name": name, "last_name": "Lee", "email": format!("{name}@example.com") });
    let submit = json!({ "transfer_id": "t", "current_contact": person("kim"), "new_contact": person("sam") });
    assert_eq!(story.may_not("contoso", "submit_transfer_form", submit.clone()).await?, "SIGNATURES_INCOMPLETE");
    story.does("", "sign_transfer_form", sign("CUSTOMER")).await?;
    assert_eq!(story.transfer("t").await?.step, "signed_by_all");
    let mut unnamed = submit.clone();
    unnamed["new_contact"] = Value::Null;
    assert_eq!(story.may_not("contoso", "submit_transfer_form", unnamed).await?, "ADMIN_CONTACT_MISSING");
    assert_eq!(
        story.may_not("", "complete_transfer", json!({ "transfer_id": "t" })).await?,
        "TRANSFER_STEP_OUT_OF_TURN"
    );
    story.does("contoso", "submit_transfer_form", submit).await?;
    // 6: support completes it.
    story.days_pass_through("2020-01-31").await?;
    story.does("", "complete_transfer", json!({ "transfer_id": "t" })).await?;
    let new = story.subscriptions("tailspin").await?;
    assert_eq!((new.len(), new[0].state.as_str(), new[0].azure_subscription_id.as_str()), (1, "active", "az"));
    assert_ne!(new[0].subscription_id, "az", "for billing it has a new id");
    assert_eq!(story.subscription("az").await?.state_reason, "transferred");
    // 7: the new partner removes the old one's roles.
    story.does("tailspin", "clean_transfer_access", json!({ "transfer_id": "t" })).await?;
    assert_eq!(story.transfer("t").await?.step, "access_cleaned");
    let printed = run(&["list", "transfers", "--partner", "tailspin", "-o", "csv", "--address", &story.address])?;
    assert!(printed.expect_code(0)?.out.contains("t,fabrikam,contoso,tailspin,complete,access_cleaned,2020-01-10,,"));
    Ok(())
}
