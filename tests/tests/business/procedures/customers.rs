//! Customers and their partners: sections 2.2 to 2.5 and 2.17.

use serde_json::json;
use subledger_proto::api::ListOrdersRequest;
use subledger_tests::{
    cli::run,
    commands::customer,
    story::{CUSTOMER, Story},
};

/// "Add a customer" (L11187-11243): account info, agreement, then the first order.
#[tokio::test(flavor = "multi_thread")]
async fn add_a_customer() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::begin(dir.path(), "2018-01-13").await?;
    story.partner("contoso", "DIRECT_BILL").await?;
    story.partner("wingtip", "INDIRECT_RESELLER").await?;
    story.sells("e3", "4.00", |_| {}).await?;
    let order = json!({ "order_id": "o-1", "lines": [
        { "subscription_id": "s-1", "offer_id": "e3", "quantity": 5, "billing_frequency": "BILLING_FREQUENCY_MONTHLY" },
        { "subscription_id": "s-2", "offer_id": "e3", "quantity": 2, "billing_frequency": "BILLING_FREQUENCY_ANNUAL" }] });
    // Nothing can be sold before the record exists, and a reseller does not create it.
    assert_eq!(story.may_not("contoso", "purchase", order.clone()).await?, "CUSTOMER_NOT_FOUND");
    let account = customer(CUSTOMER, "contoso")["create_customer"].clone();
    assert_eq!(story.may_not("wingtip", "create_customer", account.clone()).await?, "RESELLER_CANNOT_CREATE_TENANT");
    let mut abroad = account.clone();
    abroad["address"]["country"] = json!("DE");
    assert_eq!(story.may_not("contoso", "create_customer", abroad).await?, "MARKET_NOT_ALLOWED");
    let mut unnamed = account.clone();
    unnamed["domain_prefix"] = json!("fabrikam corp");
    assert_eq!(story.may_not("contoso", "create_customer", unnamed).await?, "DOMAIN_INVALID");
    let created = story.does("contoso", "create_customer", account.clone()).await?;
    assert_eq!(created, ["customer_created", "relationship_established"]);
    assert_eq!(story.may_not("contoso", "create_customer", account).await?, "CUSTOMER_ALREADY_EXISTS");
    // No order without the agreement, which the partner attests with a date that is not in the future.
    assert_eq!(story.may_not("contoso", "purchase", order.clone()).await?, "MCA_NOT_ACCEPTED");
    let attest = |on: &str| {
        json!({ "mode": "AGREEMENT_MODE_PARTNER_ATTESTATION", "accepted_on": on,
            "signatory": { "first_name": "Kim", "last_name": "Lee", "email": "kim@fabrikam.example" } })
    };
    let future = story.may_not("contoso", "accept_agreement", attest("2018-01-14")).await?;
    assert_eq!(future, "ACCEPTANCE_DATE_IN_FUTURE");
    story.does("contoso", "accept_agreement", attest("2018-01-13")).await?;
    // The order is taken whole, or not at all.
    let mut half = order.clone();
    half["lines"][1]["quantity"] = json!(301);
    assert_eq!(story.may_not("contoso", "purchase", half).await?, "QUANTITY_ABOVE_MAXIMUM");
    assert_eq!(story.customer().await?.subscription_count, 0);
    let bought = story.does("contoso", "purchase", order).await?;
    assert_eq!(bought, ["order_placed", "subscription_created", "subscription_created"]);
    assert_eq!(story.customer().await?.subscription_count, 2);
    let request = ListOrdersRequest { partner_id: "contoso".into(), ..ListOrdersRequest::default() };
    let orders = story.client.customers.clone().list_orders(request).await?.into_inner().orders;
    assert_eq!((orders.len(), orders[0].subscription_ids.clone()), (1, vec!["s-1".to_owned(), "s-2".to_owned()]));
    let listed = run(&["list", "orders", "--customer", CUSTOMER, "-o", "csv", "--address", &story.address])?;
    assert!(listed.expect_code(0)?.out.contains("o-1,fabrikam,contoso,"), "the order history");
    Ok(())
}

/// "Request a reseller relationship" (L11265-11314), with a request that runs out, and "delegated admin privileges" (L11360-11426).
#[tokio::test(flavor = "multi_thread")]
async fn request_a_relationship_and_admin_rights() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.partner("tailspin", "DIRECT_BILL").await?;
    let order = json!({ "lines": [{ "subscription_id": "s-9", "offer_id": "e3", "quantity": 1,
        "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] });
    assert_eq!(story.may_not("tailspin", "purchase", order.clone()).await?, "RELATIONSHIP_REQUIRED");
    story.does("tailspin", "request_relationship", json!({ "expires_after_days": 7 })).await?;
    let known = story.customer().await?.relationships;
    assert_eq!((known[1].state.as_str(), known[1].request_expires_on.as_str()), ("requested", "2018-01-20"));
    // Nobody answers for a week.
    story.days_pass_through("2018-01-20").await?;
    assert_eq!(story.customer().await?.relationships[1].state, "expired");
    assert_eq!(story.may_not("tailspin", "accept_relationship", json!({})).await?, "RELATIONSHIP_NOT_REQUESTED");
    // The second time the customer accepts; a purchase needs nothing more.
    story.does("tailspin", "request_relationship", json!({})).await?;
    assert_eq!(story.does("tailspin", "accept_relationship", json!({})).await?, ["relationship_established"]);
    story.does("tailspin", "purchase", order).await?;
    // Admin rights are asked for by another request, granted, and taken back; the relationship stays.
    assert_eq!(story.may_not("tailspin", "remove_delegated_admin", json!({})).await?, "DELEGATED_ADMIN_REQUIRED");
    story.does("tailspin", "request_relationship", json!({ "delegated_admin": true })).await?;
    assert_eq!(story.does("tailspin", "accept_relationship", json!({})).await?, ["delegated_admin_granted"]);
    assert!(story.customer().await?.relationships[1].delegated_admin);
    story.does("tailspin", "remove_delegated_admin", json!({})).await?;
    let known = story.customer().await?.relationships;
    assert_eq!((known[1].state.as_str(), known[1].delegated_admin), ("active", false));
    Ok(())
}

/// "Remove a reseller relationship" (L11316-11358), worked example V29: first everything in use ends.
#[tokio::test(flavor = "multi_thread")]
async fn remove_a_relationship() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    let order = |id: &str| {
        json!({ "lines": [{ "subscription_id": id, "offer_id": "e3", "quantity": 1,
            "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] })
    };
    story.does("contoso", "purchase", order("s-1")).await?;
    assert_eq!(story.may_not("contoso", "remove_relationship", json!({})).await?, "ACTIVE_SUBSCRIPTIONS_EXIST");
    let suspend = json!({ "subscription_id": "s-1", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" });
    story.does("contoso", "suspend", suspend).await?;
    assert_eq!(story.does("contoso", "remove_relationship", json!({})).await?, ["relationship_removed"]);
    let known = story.customer().await?.relationships;
    assert_eq!((known[0].state.as_str(), known[0].delegated_admin), ("removed", false));
    assert_eq!(story.may_not("contoso", "purchase", order("s-2")).await?, "RELATIONSHIP_REQUIRED");
    assert_eq!(
        story.may_not("contoso", "reactivate", json!({ "subscription_id": "s-1" })).await?,
        "RELATIONSHIP_REQUIRED"
    );
    // The suspended subscription keeps its deletion clock, and the relationship can be asked for again.
    story.days_pass_through("2018-06-01").await?;
    assert_eq!(story.subscription("s-1").await?.state, "deprovisioned");
    story.does("contoso", "request_relationship", json!({})).await?;
    story.does("contoso", "accept_relationship", json!({})).await?;
    story.does("contoso", "purchase", order("s-2")).await?;
    Ok(())
}

/// "Relationship extension" (L5202-5310): a direct partner gives a provider a relationship with its customer.
#[tokio::test(flavor = "multi_thread")]
async fn extend_a_relationship_to_a_provider() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.partner("tailspin", "INDIRECT_PROVIDER").await?;
    let extend = |consent: &str| json!({ "provider_id": "tailspin", "consent_on": consent });
    assert_eq!(story.may_not("contoso", "extend_relationship", extend("")).await?, "CONSENT_REQUIRED");
    assert_eq!(story.may_not("tailspin", "extend_relationship", extend("2018-01-13")).await?, "RELATIONSHIP_REQUIRED");
    story.does("contoso", "extend_relationship", extend("2018-01-13")).await?;
    let known = story.customer().await?.relationships;
    let states: Vec<_> =
        known.iter().map(|it| (it.partner_id.as_str(), it.state.as_str(), it.delegated_admin)).collect();
    assert_eq!(states, [("contoso", "active", true), ("tailspin", "active", false)]);
    let again = story.may_not("contoso", "extend_relationship", extend("2018-01-13")).await?;
    assert_eq!(again, "RELATIONSHIP_EXISTS");
    Ok(())
}

/// "Update bill-to name" (L11476), "customer activity log" (L11509-11544) with its file: who did what, from what to what.
#[tokio::test(flavor = "multi_thread")]
async fn the_activity_log_says_who_did_what() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.partner("tailspin", "DIRECT_BILL").await?;
    story.does("contoso", "update_customer", json!({ "bill_to_name": "Woodgrove Bank" })).await?;
    story.does("contoso", "update_customer", json!({ "bill_to_name": "Woodgrove" })).await?;
    story.does("contoso", "tag_customer", json!({ "tags": ["gold"] })).await?;
    let log = story.activities("contoso").await?;
    let told: Vec<_> = log.iter().take(3).map(|it| (it.action.as_str(), it.detail.as_str())).collect();
    assert_eq!(
        told,
        [
            ("CustomerTagged", "none -> gold"),
            ("CustomerUpdated", "bill_to_name Woodgrove Bank -> Woodgrove"),
            ("CustomerUpdated", "bill_to_name none -> Woodgrove Bank"),
        ]
    );
    assert!(
        log.iter().all(|it| it.customer_id == CUSTOMER && !it.recorded_at.is_empty() && !it.effective_at.is_empty())
    );
    assert!(story.activities("tailspin").await?.is_empty(), "another partner sees nothing of it");
    let file = run(&["csv", "activities", "--partner", "contoso", "--address", &story.address])?.expect_code(0)?.out;
    assert!(file.starts_with("Date-Time,Affected customer,Action,Partner user\r\n"), "{file}");
    assert!(file.contains(",fabrikam,CustomerTagged contoso none -> gold,"), "{file}");
    let listed = run(&["list", "activities", "--partner", "contoso", "-o", "csv", "--address", &story.address])?;
    assert_eq!(listed.expect_code(0)?.out.lines().count(), log.len() + 1);
    Ok(())
}
