//! Buying, changing, and trying: sections 2.7 to 2.12.

use serde_json::{Value, json};
use subledger_tests::story::Story;

fn line(id: &str, offer: &str, quantity: u32, frequency: &str) -> Value {
    json!({ "subscription_id": id, "offer_id": offer, "quantity": quantity,
        "billing_frequency": format!("BILLING_FREQUENCY_{frequency}") })
}

fn order(id: &str, offer: &str, quantity: u32) -> Value {
    json!({ "order_id": format!("o-{id}"), "lines": [line(id, offer, quantity, "MONTHLY")] })
}

/// "Create a subscription" (L14458-14516), "more seats" (L14877-14922), an add-on from the base's page (L7939-7943).
#[tokio::test(flavor = "multi_thread")]
async fn create_a_subscription_and_change_it() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story
        .sells("phone", "2.00", |offer| {
            offer["kind"] = json!("OFFER_KIND_ADD_ON");
            offer["prerequisite_offer_ids"] = json!(["e3"]);
        })
        .await?;
    story
        .sells("small", "1.00", |offer| {
            offer["limit_scope"] = json!("OFFER_LIMIT_SCOPE_CONCURRENT");
            offer["limit"] = json!(1);
        })
        .await?;
    let unbilled = json!({ "lines": [{ "offer_id": "e3", "quantity": 5 }] });
    assert_eq!(story.may_not("contoso", "purchase", unbilled).await?, "BILLING_FREQUENCY_REQUIRED");
    assert_eq!(story.may_not("contoso", "purchase", order("p", "phone", 5)).await?, "ADDON_REQUIRES_BASE");
    story.does("contoso", "purchase", order("s", "e3", 5)).await?;
    let mut add_on = order("p", "phone", 3);
    add_on["lines"][0]["base_subscription_id"] = json!("s");
    story.does("contoso", "purchase", add_on).await?;
    story.does("contoso", "change_quantity", json!({ "subscription_id": "s", "quantity": 8 })).await?;
    let none = story.may_not("contoso", "change_quantity", json!({ "subscription_id": "s", "quantity": 0 })).await?;
    assert_eq!(none, "QUANTITY_BELOW_MINIMUM");
    let details = json!({ "subscription_id": "s", "friendly_name": "Mail", "po_number": "PO 4711" });
    story.does("contoso", "update_subscription", details).await?;
    let known = story.subscription("s").await?;
    assert_eq!((known.quantity, known.friendly_name.as_str(), known.po_number.as_str()), (8, "Mail", "PO 4711"));
    // The limit counts a suspended one until it is deprovisioned (V18).
    story.does("contoso", "purchase", order("only", "small", 1)).await?;
    let stop = json!({ "subscription_id": "only", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" });
    story.does("contoso", "suspend", stop).await?;
    assert_eq!(story.may_not("contoso", "purchase", order("more", "small", 1)).await?, "OFFER_LIMIT_EXCEEDED");
    // Before the first invoice is more than 60 days overdue.
    story.days_pass_through("2018-05-14").await?;
    story.does("contoso", "purchase", order("more", "small", 1)).await?;
    Ok(())
}

/// "Suspend a subscription" (L14518-14534): worked examples V07 and V01.
#[tokio::test(flavor = "multi_thread")]
async fn suspend_and_reactivate() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.sells("daily", "4.00", |offer| offer["proration_rule"] = json!("PRORATION_RULE_DAILY_RATE_3DP")).await?;
    story.does("contoso", "purchase", order("s", "daily", 1)).await?;
    story.days_pass_through("2018-02-28").await?;
    let stop = |reason: &str| json!({ "subscription_id": "s", "reason": format!("SUSPENSION_REASON_{reason}") });
    story.does("contoso", "suspend", stop("NON_PAYMENT")).await?;
    let known = story.subscription("s").await?;
    assert_eq!((known.state_reason.as_str(), known.expires_on.as_str()), ("non_payment", "2018-06-01"));
    let credit = story.charges("s").await?.into_iter().find(|(kind, _)| kind == "Cancel Fee");
    assert_eq!(credit.map(|(_, amount)| amount).as_deref(), Some("-1.72"));
    let seats = story.may_not("contoso", "change_quantity", json!({ "subscription_id": "s", "quantity": 2 })).await?;
    assert_eq!(seats, "SUBSCRIPTION_NOT_ACTIVE");
    story.days_pass_through("2018-05-30").await?;
    story.does("contoso", "reactivate", json!({ "subscription_id": "s" })).await?;
    assert_eq!(story.subscription("s").await?.state, "active");
    // What the publisher enforces, the partner cannot undo (L11075).
    story.does("contoso", "suspend", stop("ENFORCED")).await?;
    let back = story.may_not("contoso", "reactivate", json!({ "subscription_id": "s" })).await?;
    assert_eq!(back, "SUSPENSION_ENFORCED");
    story.days_pass_through("2018-12-31").await?;
    assert_eq!(story.subscription("s").await?.state, "deprovisioned");
    Ok(())
}

/// "Cancel a marketplace SaaS subscription" (L14536-14567) and "auto-renew switch" (L14569-14581), beside a license.
#[tokio::test(flavor = "multi_thread")]
async fn cancel_by_product_family() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.sells("saas", "2.00", |offer| offer["product_family"] = json!("PRODUCT_FAMILY_MARKETPLACE_SAAS")).await?;
    let cancel = |id: &str| json!({ "subscription_id": id });
    let renew = |id: &str, on: bool| json!({ "subscription_id": id, "auto_renew": on });
    story.does("contoso", "purchase", order("license", "e3", 1)).await?;
    for id in ["early", "late"] {
        story.does("contoso", "purchase", order(id, "saas", 1)).await?;
    }
    // Less than 24 hours after the order: full credit.
    assert_eq!(story.does("contoso", "cancel", cancel("early")).await?, ["subscription_cancelled"]);
    // A license is cancelled by suspending it, and its renewal is not switched.
    assert_eq!(story.does("contoso", "cancel", cancel("license")).await?, ["subscription_suspended"]);
    assert_eq!(story.may_not("contoso", "set_auto_renew", renew("license", false)).await?, "AUTO_RENEW_NOT_SWITCHABLE");
    let suspend = json!({ "subscription_id": "late", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" });
    assert_eq!(story.may_not("contoso", "suspend", suspend).await?, "USE_CANCEL");
    story.days_pass_through("2018-01-20").await?;
    // Later it ends with its term, unless that is taken back.
    let later = story.does("contoso", "cancel", cancel("late")).await?;
    assert_eq!(later, ["cancellation_scheduled", "auto_renew_changed"]);
    story.does("contoso", "set_auto_renew", renew("late", true)).await?;
    story.does("contoso", "set_auto_renew", renew("late", false)).await?;
    story.days_pass_through("2019-01-13").await?;
    assert_eq!(story.subscription("late").await?.state, "expired");
    let mut early: Vec<_> = story.charges("early").await?.into_iter().map(|(_, amount)| amount).collect();
    early.sort();
    assert_eq!(early, ["-2.00", "2.00"]);
    Ok(())
}

/// "Billing frequency" (L9741-9750), worked example V32: an order changes together, or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn change_the_billing_frequency_of_an_order() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.sells("yearly", "9.00", |offer| offer["billing_frequencies"] = json!(["BILLING_FREQUENCY_ANNUAL"])).await?;
    let three: Vec<_> = ["a", "b", "c"].iter().map(|id| line(id, "e3", 1, "MONTHLY")).collect();
    story.does("contoso", "purchase", json!({ "order_id": "three", "lines": three })).await?;
    let mixed = [line("d", "e3", 1, "ANNUAL"), line("e", "yearly", 1, "ANNUAL")];
    story.does("contoso", "purchase", json!({ "order_id": "mixed", "lines": mixed })).await?;
    let to = |order: &str, frequency: &str, shown: &[&str]| json!({ "order_id": order, "billing_frequency": format!("BILLING_FREQUENCY_{frequency}"), "subscription_ids": shown });
    let stale = story.may_not("contoso", "change_billing_frequency", to("three", "ANNUAL", &["a"])).await?;
    assert_eq!(stale, "CONFIRMATION_STALE");
    story.does("contoso", "change_billing_frequency", to("three", "ANNUAL", &["a", "b", "c"])).await?;
    let refused = story.may_not("contoso", "change_billing_frequency", to("mixed", "MONTHLY", &[])).await?;
    assert_eq!(refused, "FREQUENCY_NOT_OFFERED");
    story.days_pass_through("2018-02-13").await?;
    for id in ["a", "b", "c"] {
        assert_eq!(story.subscription(id).await?.billing_frequency, 2, "{id} is billed annually");
    }
    Ok(())
}

/// "Free trials and conversion" (L14634-14750), worked examples V09, V12 and V13.
#[tokio::test(flavor = "multi_thread")]
async fn try_for_free_and_convert() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2020-05-08").await?;
    story.sells("e3-trial", "0", |offer| offer["kind"] = json!("OFFER_KIND_TRIAL")).await?;
    let terms = json!([{ "offer_id": "e3-trial", "paid_offer_id": "e3", "convert_to_offer_ids": ["e3"] }]);
    story.publishes("publish_trials", &json!({ "trials": terms })).await?;
    let start = |id: &str| json!({ "offer_id": "e3-trial", "subscription_id": id });
    story.does("contoso", "start_trial", start("t")).await?;
    assert_eq!(story.may_not("contoso", "start_trial", start("t2")).await?, "TRIAL_ALREADY_USED");
    let known = story.subscription("t").await?;
    assert_eq!((known.quantity, known.free_trial_ends_on.as_str()), (25, "2020-06-07"));
    for seats in [24, 26] {
        let change = json!({ "subscription_id": "t", "quantity": seats });
        assert_eq!(story.may_not("contoso", "change_quantity", change).await?, "TRIAL_QUANTITY_FIXED");
    }
    story.days_pass_through("2020-06-05").await?;
    let convert = |quantity: u32| {
        json!({ "subscription_id": "t", "to_offer_id": "e3", "quantity": quantity,
            "billing_frequency": "BILLING_FREQUENCY_ANNUAL" })
    };
    assert_eq!(story.may_not("contoso", "convert_trial", convert(0)).await?, "QUANTITY_REQUIRED");
    story.does("contoso", "convert_trial", convert(30)).await?;
    let known = story.subscription("t").await?;
    assert_eq!((known.state.as_str(), known.quantity, known.start.as_str()), ("active", 30, "2020-06-06"));
    story.does("contoso", "change_quantity", json!({ "subscription_id": "t", "quantity": 35 })).await?;
    Ok(())
}

/// "Promotions" (L14589-14632), worked example V17: the highest counts, for seats added later too, until the renewal.
#[tokio::test(flavor = "multi_thread")]
async fn buy_on_a_promotion() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-15").await?;
    let promotion = |id: &str, percent: &str| {
        json!({ "promotion_id": id, "display_name": id, "offer_ids": ["e3"], "percent": percent,
            "first_day": "2018-01-01", "last_day": "2018-01-31" })
    };
    let both = json!({ "promotions": [promotion("ten", "10"), promotion("fifteen", "15")] });
    story.publishes("publish_promotions", &both).await?;
    story.does("contoso", "purchase", order("s", "e3", 5)).await?;
    story.days_pass_through("2018-02-14").await?;
    story.does("contoso", "change_quantity", json!({ "subscription_id": "s", "quantity": 8 })).await?;
    let known = story.subscription("s").await?.promotion.map(|known| known.promotion_id);
    assert_eq!(known.as_deref(), Some("fifteen"));
    story.does("contoso", "purchase", order("after", "e3", 1)).await?;
    assert!(story.subscription("after").await?.promotion.is_none(), "the last day is over");
    story.days_pass_through("2019-01-15").await?;
    assert!(story.subscription("s").await?.promotion.is_none(), "the renewal takes the price list");
    Ok(())
}
