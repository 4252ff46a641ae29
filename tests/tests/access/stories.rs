//! Stories of who may do what, through gRPC with real certificates and real tokens: a restricted partner, two companies that merge, a
//! sign-in without a second factor, an administrator whose role is taken away.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use subledger_proto::api::{SubmitStreamRequest, command_service_client::CommandServiceClient};
use subledger_tests::{
    callers::Checked,
    commands::{self, change_quantity, customer, purchase},
    partners::{about, global_account, register},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// How long something may take to be seen.
const SEEN_MAX: Duration = Duration::from_secs(30);

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    answer.unwrap_err().get_error_details().error_info().unwrap().reason.clone()
}

/// Two partners, the first with a customer; and who has which role where.
async fn ledger(roles: &[(&str, &str, &str)]) -> anyhow::Result<Checked> {
    let ledger = Checked::start_with_certificates(&[]).await?;
    for command in [
        register("contoso", "DIRECT_BILL", "4952745"),
        register("litware", "DIRECT_BILL", "5366091"),
        commands::offer("e3"),
        commands::price("e3", "20.00"),
        customer("fabrikam", "contoso"),
        customer("woodgrove", "litware"),
        commands::agreement("fabrikam", "2018-01-01"),
        purchase("old", "fabrikam", "contoso", "e3", 10),
    ] {
        ledger.accepted(&command).await?;
    }
    for (who, role, partner) in roles {
        ledger.assign(who, &format!("ROLE_{role}"), partner, "").await?;
    }
    Ok(ledger)
}

/// Sends a command as somebody.
async fn sends(ledger: &Checked, who: &str, command: Value) -> Result<Value, Status> {
    let token = ledger.token(who).map_err(|error| Status::internal(error.to_string()))?;
    ledger.call(&token, "CommandService/Submit", &json!({ "command": command })).await
}

/// Program page C05: what a restricted direct bill partner may not do any more, what it still may, and that it ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_partner_keeps_what_it_has_and_sells_nothing_new() -> anyhow::Result<()> {
    let ledger = ledger(&[("ada", "ADMIN_AGENT", "contoso"), ("grace", "GLOBAL_ADMIN", "contoso")]).await?;
    let restrict = |id: &str| {
        let fields = json!({ "from": "2018-01-01", "reason": "no support plan", "notice": "N-1" });
        about(id, "contoso", "restrict_direct_bill", fields)
    };
    // Its own administrators neither restrict nor lift.
    assert_eq!(reason(sends(&ledger, "grace", restrict("r-0")).await), "OPERATORS_ONLY");
    ledger.accepted(&restrict("r-1")).await?;
    let lift = about("lift-0", "contoso", "lift_restriction", json!({ "note": "please" }));
    assert_eq!(reason(sends(&ledger, "grace", lift).await), "OPERATORS_ONLY");

    let invite = |id: &str| {
        let body = json!({ "customer_id": "woodgrove", "partner_id": "contoso" });
        json!({ "command_id": id, "request_relationship": body })
    };
    for refused in [
        purchase("new", "fabrikam", "contoso", "e3", 1),
        customer("tailspin", "contoso"),
        about("aps", "contoso", "create_shared_services", json!({ "customer_id": "aps" })),
        invite("i-1"),
    ] {
        let status = sends(&ledger, "ada", refused.clone()).await.unwrap_err();
        let why = reason::<Value>(Err(status.clone()));
        assert_eq!(why, "PARTNER_RESTRICTED", "{refused}: {status:?}");
    }
    let suspend = |kind: &str| {
        json!({ "command_id": kind, kind: { "customer_id": "fabrikam", "partner_id": "contoso",
        "subscription_id": "sub-old", "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" } })
    };
    let mut reactivate = suspend("reactivate");
    reactivate["reactivate"].as_object_mut().unwrap().remove("reason");
    for allowed in [change_quantity("seats", "fabrikam", "contoso", "sub-old", 12), suspend("suspend"), reactivate] {
        sends(&ledger, "ada", allowed).await?;
    }
    ledger.accepted(&about("lift-1", "contoso", "lift_restriction", json!({ "note": "plan bought" }))).await?;
    sends(&ledger, "ada", purchase("after", "fabrikam", "contoso", "e3", 1)).await?;
    Ok(())
}

/// Accounts page 2.4: account administrators of both companies, each in its own account, and what stands under which company afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn two_companies_merge_by_the_hands_of_their_account_administrators() -> anyhow::Result<()> {
    let ledger = ledger(&[
        ("ada", "ACCOUNT_ADMIN", "contoso"),
        ("grace", "GLOBAL_ADMIN", "contoso"),
        ("bob", "ACCOUNT_ADMIN", "litware"),
        ("inga", "INCENTIVES_ADMIN", "litware"),
    ])
    .await?;
    sends(&ledger, "ada", global_account("contoso", "6104425")).await?;
    sends(&ledger, "bob", global_account("litware", "6105399")).await?;
    let invite = |id: &str, target: &str| {
        let fields = json!({ "merge_id": id, "target_mpn_id": target, "invited_by": "ada" });
        about(&format!("invite-{id}"), "contoso", "invite_merge", fields)
    };
    assert_eq!(reason(sends(&ledger, "grace", invite("m-0", "6105399")).await), "ROLE_FORBIDDEN");
    assert_eq!(
        reason(sends(&ledger, "bob", invite("m-0", "6105399")).await),
        "PARTNER_NOT_FOUND",
        "it is not his account"
    );
    let location = sends(&ledger, "ada", invite("m-1", "5366091")).await;
    assert!(location.is_err(), "a location is not invited");
    sends(&ledger, "ada", invite("m", "6105399")).await?;
    let accept =
        |id: &str| about(id, "contoso", "accept_merge", json!({ "merge_id": "m", "target_partner_id": "litware" }));
    assert_eq!(reason(sends(&ledger, "ada", accept("a-0")).await), "PARTNER_NOT_FOUND", "nobody answers himself");
    sends(&ledger, "bob", accept("a-1")).await?;
    let complete = |id: &str| about(id, "contoso", "complete_merge", json!({ "merge_id": "m" }));
    assert_eq!(reason(sends(&ledger, "bob", complete("c-0")).await), "PARTNER_NOT_FOUND");
    sends(&ledger, "ada", complete("c-1")).await?;

    let ada = ledger.token("ada")?;
    let locations = ledger.call(&ada, "CatalogService/ListLocations", &json!({ "partner_id": "contoso" })).await?;
    let text = locations.to_string();
    assert!(["6104425", "4952745", "6105399", "5366091"].iter().all(|id| text.contains(id)), "{text}");
    // Roles are carried, and what was is still told as it was.
    let bob = ledger.token("bob")?;
    let merges = ledger.call(&bob, "CatalogService/ListMerges", &json!({ "partner_id": "litware" })).await?;
    assert!(merges.to_string().contains("merged"), "{merges}");
    let inga = ledger.call(&ledger.token("inga")?, "IncentiveService/ListEnrollments", &json!({})).await;
    assert!(inga.is_ok(), "{inga:?}");
    Ok(())
}

/// Reports page 2.18: 401, the challenge, nothing done; and the refusal is in the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_without_a_second_factor_gets_nowhere_on_a_protected_page() -> anyhow::Result<()> {
    let ledger = ledger(&[("ada", "ADMIN_AGENT", "contoso"), ("grace", "GLOBAL_ADMIN", "contoso")]).await?;
    let (once, twice) = (ledger.token_with("ada", &json!({ "amr": ["pwd"] }))?, ledger.token("ada")?);
    let order = |id: &str| json!({ "command": purchase(id, "fabrikam", "contoso", "e3", 1) });
    let status = ledger.call(&once, "CommandService/Submit", &order("b-1")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(status.message().starts_with("MFA required"), "{}", status.message());
    let info = status.get_error_details().error_info().cloned().unwrap();
    assert_eq!(info.metadata["www_authenticate"], "Bearer error=\"invalid_token\"");
    assert_eq!(reason(ledger.call(&once, "CustomerService/ListCustomers", &json!({})).await), "MFA_REQUIRED");
    ledger.call(&twice, "CommandService/Submit", &order("b-2")).await?;
    let list = json!({ "customer_id": "fabrikam", "partner_id": "contoso" });
    let subscriptions = ledger.operate("CustomerService/ListSubscriptions", &list).await?.to_string();
    assert!(!subscriptions.contains("sub-b-1"), "{subscriptions}");

    let grace = ledger.token("grace")?;
    let deadline = Instant::now() + SEEN_MAX;
    loop {
        let asked = json!({ "outcome": "ACCESS_OUTCOME_REFUSED", "principal": "oidc:ada" });
        let answer = ledger.call(&grace, "AccessService/ListAccessRecords", &asked).await?;
        let rows = answer["records"].as_array().cloned().unwrap_or_default();
        let has = |operation: &str| {
            rows.iter().any(|row| row["row"]["operation"] == operation && row["row"]["reason"] == "MFA_REQUIRED")
        };
        if has("Submit/purchase") && has("CustomerService/ListCustomers") {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A role that is taken away counts at once: for the next call, and on a stream that is open.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_whose_role_is_taken_away_may_nothing_more() -> anyhow::Result<()> {
    let ledger = ledger(&[("ada", "ADMIN_AGENT", "contoso"), ("grace", "GLOBAL_ADMIN", "contoso")]).await?;
    let token = ledger.token("ada")?;
    let (batches, queue) = tokio::sync::mpsc::channel(4);
    let mut request = Request::new(ReceiverStream::new(queue));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let seats = |n: u32| change_quantity(&format!("s-{n}"), "fabrikam", "contoso", "sub-old", n);
    let batch = |command: &Value| {
        anyhow::Ok(SubmitStreamRequest { commands: vec![commands::command(command)?], include_events: false })
    };
    batches.send(batch(&seats(11))?).await?;
    let mut answers = CommandServiceClient::new(ledger.channel()).submit_stream(request).await?.into_inner();
    let outcome = answers.message().await?.unwrap().outcomes.remove(0);
    assert!(outcome.rejection.is_none(), "{outcome:?}");

    let take = |id: &str, role: &str| {
        about(id, "contoso", "remove_role", json!({ "principal": "oidc:ada", "role": format!("ROLE_{role}") }))
    };
    assert_eq!(reason(sends(&ledger, "ada", take("t-0", "ADMIN_AGENT")).await), "ROLE_FORBIDDEN");
    sends(&ledger, "grace", take("t-1", "ADMIN_AGENT")).await?;
    let deadline = Instant::now() + SEEN_MAX;
    let mut n = 11;
    loop {
        n += 1;
        batches.send(batch(&seats(n))?).await?;
        let outcome = answers.message().await?.unwrap().outcomes.remove(0);
        match outcome.rejection {
            Some(rejection) => {
                assert_eq!(rejection.reason, "ROLE_FORBIDDEN");
                break;
            }
            None => assert!(Instant::now() < deadline, "she still may"),
        }
    }
    for (method, asked) in [
        ("CustomerService/ListCustomers", json!({})),
        ("CustomerService/GetCustomer", json!({ "customer_id": "fabrikam" })),
    ] {
        assert_eq!(reason(ledger.call(&token, method, &asked).await), "ROLE_FORBIDDEN");
    }
    assert_eq!(reason(sends(&ledger, "ada", seats(100)).await), "ROLE_FORBIDDEN");
    let granted = ledger.assign("ada", "ROLE_SALES_AGENT", "contoso", "").await;
    assert!(granted.is_ok() && sends(&ledger, "ada", seats(100)).await.is_ok(), "another role lets her in again");
    Ok(())
}
