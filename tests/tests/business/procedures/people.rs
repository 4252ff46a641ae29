//! The customer's users and their licenses: section 2.6.

use serde_json::{Value, json};
use subledger_proto::{
    api::{ListLicenseGroupsRequest, ListUsersRequest},
    common::AsOf,
};
use subledger_tests::{
    cli::run,
    story::{CUSTOMER, Story},
};

fn user(id: &str) -> Value {
    json!({ "user_id": id, "display_name": id, "email": format!("{id}@fabrikam.onmicrosoft.com") })
}

fn buy(id: &str, quantity: u32) -> Value {
    json!({ "lines": [{ "subscription_id": id, "offer_id": "e3", "quantity": quantity,
        "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] })
}

/// "Customer's users" (L14799-14875), worked example V31: restored with what is still free, for 30 days.
#[tokio::test(flavor = "multi_thread")]
async fn create_delete_and_restore_users() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2020-06-01").await?;
    story.does("contoso", "purchase", buy("s", 1)).await?;
    for id in ["ada", "bob"] {
        story.does("contoso", "create_user", user(id)).await?;
    }
    let mut elsewhere = user("eve");
    elsewhere["email"] = json!("eve@example.com");
    assert_eq!(story.may_not("contoso", "create_user", elsewhere).await?, "INVALID_VALUE");
    let give = |id: &str| json!({ "rows": [{ "user_id": id, "subscription_id": "s", "assign": true }] });
    story.does("contoso", "change_licenses", give("ada")).await?;
    story.does("contoso", "reset_user_password", json!({ "user_id": "ada" })).await?;
    story.does("contoso", "delete_user", json!({ "user_id": "ada" })).await?;
    story.does("contoso", "change_licenses", give("bob")).await?;
    story.days_pass_through("2020-06-29").await?;
    story.does("contoso", "restore_users", json!({ "user_ids": ["ada"] })).await?;
    let licenses: Vec<_> = story.users().await?.into_iter().map(|user| user.subscription_ids.len()).collect();
    assert_eq!(licenses, [0, 1], "bob has the only license");
    story.does("contoso", "delete_user", json!({ "user_id": "ada" })).await?;
    story.days_pass_through("2020-07-29").await?;
    let late = story.may_not("contoso", "restore_users", json!({ "user_ids": ["ada"] })).await?;
    assert!(["RESTORE_WINDOW_PASSED", "USER_NOT_FOUND"].contains(&late.as_str()), "{late}");
    // What was there on a day stays answerable.
    let request = ListUsersRequest {
        customer_id: CUSTOMER.into(),
        as_of: Some(AsOf { effective_on: "2020-06-30".into(), ..AsOf::default() }),
        ..ListUsersRequest::default()
    };
    let then = story.client.customers.clone().list_users(request).await?.into_inner().users;
    let restorable: Vec<_> = then.iter().map(|user| (user.user_id.as_str(), user.restorable_until.as_str())).collect();
    assert_eq!(restorable, [("ada", "2020-07-30"), ("bob", "")]);
    let arguments = ["list", "users", "--customer", CUSTOMER, "--as-of", "2020-06-02", "-o", "csv", "--address"];
    let printed = run(&[&arguments[..], &[&story.address]].concat())?.expect_code(0)?.out;
    assert!(printed.contains("bob,bob,bob@fabrikam.onmicrosoft.com,,s\r\n"), "{printed}");
    Ok(())
}

/// "Assign and revoke licenses in bulk" (L14924-14990): many users, several products, a report row by row.
#[tokio::test(flavor = "multi_thread")]
async fn assign_licenses_in_bulk() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut story = Story::of_a_customer(dir.path(), "2018-01-13").await?;
    story.does("contoso", "purchase", buy("mail", 2)).await?;
    story.does("contoso", "purchase", buy("files", 1)).await?;
    for id in ["ada", "bob"] {
        story.does("contoso", "create_user", user(id)).await?;
    }
    let group =
        json!({ "group_id": "office", "display_name": "Office workers", "subscription_ids": ["mail", "files"] });
    story.does("contoso", "set_license_group", group).await?;
    let give = |id: &str, assign: bool| json!({ "user_id": id, "group_id": "office", "assign": assign });
    let both = json!({ "groups": [give("ada", true), give("bob", true)] });
    story.does("contoso", "change_licenses", both).await?;
    let held = |users: Vec<subledger_proto::api::User>| -> Vec<String> {
        users.into_iter().map(|user| user.subscription_ids.join(" ")).collect()
    };
    // One license of `files` for two users: that product is refused for both, the other one is given.
    assert_eq!(held(story.users().await?), ["mail", "mail"]);
    story.does("contoso", "change_licenses", json!({ "groups": [give("bob", true)] })).await?;
    assert_eq!(held(story.users().await?), ["mail", "files mail"]);
    let fewer =
        story.may_not("contoso", "change_quantity", json!({ "subscription_id": "mail", "quantity": 1 })).await?;
    assert_eq!(fewer, "LICENSES_STILL_ASSIGNED");
    story.does("contoso", "change_licenses", json!({ "groups": [give("bob", false)] })).await?;
    story.does("contoso", "change_quantity", json!({ "subscription_id": "mail", "quantity": 1 })).await?;
    let many: Vec<_> =
        (0..101).map(|n| json!({ "user_id": format!("u{n}"), "subscription_id": "mail", "assign": true })).collect();
    assert_eq!(story.may_not("contoso", "change_licenses", json!({ "rows": many })).await?, "INVALID_VALUE");
    let request = ListLicenseGroupsRequest { customer_id: CUSTOMER.into(), ..ListLicenseGroupsRequest::default() };
    let groups = story.client.customers.clone().list_license_groups(request).await?.into_inner().groups;
    assert_eq!(groups[0].subscription_ids, ["files", "mail"]);
    let printed = run(&["list", "license-groups", "--customer", CUSTOMER, "-o", "csv", "--address", &story.address])?;
    assert!(printed.expect_code(0)?.out.contains("office,Office workers,"));
    Ok(())
}
