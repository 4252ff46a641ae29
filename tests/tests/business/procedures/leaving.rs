//! Going over to another offer: sections 2.13 to 2.15.

use serde_json::{Value, json};
use subledger_tests::story::Story;

fn order(id: &str, offer: &str, quantity: u32) -> Value {
    json!({ "lines": [{ "subscription_id": id, "offer_id": offer, "quantity": quantity,
        "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] })
}

fn named(name: &'static str) -> impl FnOnce(&mut Value) {
    move |offer| offer["display_name"] = json!(name)
}

/// "Upgrade to another offer" (L14877-14922), worked examples V19 and V20: by the table, licenses carried, both halves in one commit.
#[tokio::test(flavor = "multi_thread")]
async fn upgrade_by_the_table() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.sells("basic", "5.00", named("Microsoft 365 Business Basic")).await?;
    story.sells("o365-e1", "8.00", named("Office 365 Enterprise E1")).await?;
    story.sells("standard", "12.00", named("Microsoft 365 Business Standard")).await?;
    story.does("contoso", "purchase", order("b", "basic", 3)).await?;
    story.does("contoso", "purchase", order("st", "standard", 1)).await?;
    let user = json!({ "user_id": "ada", "display_name": "Ada", "email": "ada@fabrikam.onmicrosoft.com" });
    story.does("contoso", "create_user", user).await?;
    let give = json!({ "rows": [{ "user_id": "ada", "subscription_id": "b", "assign": true }] });
    story.does("contoso", "change_licenses", give).await?;
    assert!(story.subscription("b").await?.upgrade_targets.contains(&"Office 365 Enterprise E1".to_owned()));
    let to =
        |from: &str, offer: &str| json!({ "subscription_id": from, "to_offer_id": offer, "new_subscription_id": "up" });
    assert_eq!(story.may_not("contoso", "upgrade", to("st", "o365-e1")).await?, "UPGRADE_PATH_UNKNOWN");
    story.does("contoso", "remove_delegated_admin", json!({})).await?;
    assert_eq!(story.may_not("contoso", "upgrade", to("b", "o365-e1")).await?, "DELEGATED_ADMIN_REQUIRED");
    story.does("contoso", "request_relationship", json!({ "delegated_admin": true })).await?;
    story.does("contoso", "accept_relationship", json!({})).await?;
    let names = story.does("contoso", "upgrade", to("b", "o365-e1")).await?;
    assert_eq!(names, ["subscription_upgraded", "subscription_suspended", "order_placed", "subscription_created"]);
    let (old, new) = (story.subscription("b").await?, story.subscription("up").await?);
    assert_eq!((old.state_reason.as_str(), old.replaced_by_subscription_id.as_str()), ("upgraded", "up"));
    assert_eq!((new.quantity, new.state.as_str()), (3, "active"));
    assert_eq!(story.users().await?[0].subscription_ids, ["up"], "licenses are carried");
    let back = story.may_not("contoso", "reactivate", json!({ "subscription_id": "b" })).await?;
    assert_eq!(back, "SUBSCRIPTION_UPGRADED");
    Ok(())
}

/// "Migrate retired offers" (L15515-15810): buy the new one, reassign, suspend the old one, which is kept for 120 days (V04).
#[tokio::test(flavor = "multi_thread")]
async fn leave_a_retired_offer() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2019-01-10").await?;
    let retired = "Dynamics 365 for Team Members, Business edition";
    story.sells("team", "5.00", named(retired)).await?;
    story.sells("central", "9.00", named("Dynamics 365 Business Central")).await?;
    story.does("contoso", "purchase", order("old", "team", 2)).await?;
    story.days_pass_through("2019-01-31").await?;
    let to = json!({ "subscription_id": "old", "to_subscription_id": "new" });
    assert_eq!(story.may_not("contoso", "migrate", to.clone()).await?, "REPLACEMENT_NOT_ACTIVE");
    // The customer owns both between the first step and the third.
    story.does("contoso", "purchase", order("new", "central", 2)).await?;
    story.does("contoso", "migrate", to).await?;
    let old = story.subscription("old").await?;
    assert_eq!((old.state_reason.as_str(), old.expires_on.as_str()), ("migrated", "2019-06-01"));
    story.days_pass_through("2019-06-01").await?;
    assert_eq!(story.subscription("old").await?.state, "deprovisioned");
    Ok(())
}

/// "Move customers from other channels" (L14992-15015): a relationship, then the same offers and seats are bought anew.
#[tokio::test(flavor = "multi_thread")]
async fn come_from_another_channel() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.partner("tailspin", "DIRECT_BILL").await?;
    assert_eq!(story.may_not("tailspin", "purchase", order("s", "e3", 20)).await?, "RELATIONSHIP_REQUIRED");
    story.does("tailspin", "request_relationship", json!({})).await?;
    story.does("tailspin", "accept_relationship", json!({})).await?;
    story.does("tailspin", "purchase", order("s", "e3", 20)).await?;
    let bought = story.subscriptions("tailspin").await?;
    assert_eq!((bought.len(), bought[0].quantity), (1, 20));
    Ok(())
}
