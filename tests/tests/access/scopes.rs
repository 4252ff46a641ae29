//! How far a role reaches: locations of a partner, and what it was related to on a day.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use serde_json::{Value, json};
use subledger_tests::{
    callers::Checked,
    commands,
    partners::{about, global_account},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The location the partner registered with, and another one.
const MAIN: &str = "4390934";
const BRANCH: &str = "4390935";

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    answer.unwrap_err().get_error_details().error_info().unwrap().reason.clone()
}

fn program() -> Value {
    json!({ "command_id": "program", "publish_incentive_programs": { "programs": [{
        "program_id": "csp", "name": "CSP", "earner": "PROGRAM_EARNER_PAYER", "markets": ["US"],
        "partner_kinds": ["PARTNER_KIND_DIRECT_BILL"],
        "cards": [{ "valid_from": "2018-01-01", "cooling_days": 30, "payment_days": 45, "payment_threshold": "1.00",
            "clawback_months": 12,
            "levers": [{ "name": "core", "earning_type": "EARNING_TYPE_REBATE", "rate": "0.05",
                "products": ["INCENTIVE_PRODUCT_LICENSE"], "minimum_revenue": "0" }] }] }] }})
}

fn enroll(location: &str) -> Vec<Value> {
    let of = |name: &str, more: Value| {
        let mut body = json!({ "program_id": "csp", "mpn_id": location });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        about(&format!("{name}-{location}"), "p-1", name, body)
    };
    vec![
        of("invite_to_incentive", json!({})),
        of("accept_incentive_invitation", json!({})),
        of("set_incentive_enrollment", json!({ "status": "ENROLLMENT_STATUS_ENROLLED" })),
    ]
}

fn fund(location: &str) -> Vec<Value> {
    let accrue = about(
        &format!("accrue-{location}"),
        "p-1",
        "accrue_coop_funds",
        json!({ "program": "coop-marketing-fund", "location_mpn_id": location, "usage_period_id": "FY18-H2",
            "amount": "2000.00", "currency": "USD", "reference": "earnings" }),
    );
    vec![accrue, claim(&format!("c-{location}"), location)]
}

fn claim(id: &str, location: &str) -> Value {
    about(
        &format!("claim-{id}"),
        "p-1",
        "create_coop_claim",
        json!({ "claim_id": id, "program": "coop-marketing-fund", "location_mpn_id": location,
            "usage_period_id": "FY18-H2", "activity": "print-advertising", "details": {
                "activity_date": "2018-02-10", "currency": "USD",
                "expenses": [{ "expense": "agency", "amount": "12.00", "document_id": "invoice" }] } }),
    )
}

/// A partner with two locations that have funds; the first of them is billed, and earns.
async fn two_locations() -> anyhow::Result<Checked> {
    let ledger = Checked::start(&[]).await?;
    let mut commands = vec![
        commands::partner("p-1"),
        global_account("p-1", "6104425"),
        about("branch", "p-1", "add_location", json!({ "mpn_id": BRANCH, "name": "Branch" })),
        commands::offer("o-1"),
        commands::price("o-1", "5.00"),
        commands::customer("c-1", "p-1"),
        commands::agreement("c-1", "2018-01-01"),
        program(),
        about(
            "profile",
            "p-1",
            "update_payout_profile",
            json!({ "bank": { "account_reference": "vault-1", "country": "US", "currency": "USD",
                    "method": "PAYMENT_METHOD_ELECTRONIC_BANK_TRANSFER" },
                "tax": { "form": "W-9", "country": "US", "withholding_percent": "0", "sales_tax_percent": "0",
                    "service_fee_tax_percent": "0" } }),
        ),
        json!({ "command_id": "periods", "publish_usage_periods": { "periods": [{ "program": "coop-marketing-fund",
            "usage_period_id": "FY18-H2", "first_day": "2018-01-01", "last_day": "2018-06-30" }]}}),
    ];
    commands.extend(enroll(MAIN));
    commands.push(commands::purchase("b-1", "c-1", "p-1", "o-1", 10));
    for command in &commands {
        ledger.accepted(command).await?;
    }
    ledger.operate("AdminService/AdvanceClock", &json!({ "close_through": "2018-02-15" })).await?;
    for command in [fund(MAIN), fund(BRANCH)].concat() {
        ledger.accepted(&command).await?;
    }
    for (principal, locations) in
        [("whole", vec![]), ("main", vec![MAIN]), ("branch", vec![BRANCH]), ("both", vec![MAIN, BRANCH])]
    {
        let assign = json!({ "command_id": format!("role-{principal}"), "assign_role": { "partner_id": "p-1",
            "principal": format!("oidc:{principal}"), "role": "ROLE_INCENTIVES_ADMIN", "location_mpn_ids": locations } });
        ledger.accepted(&assign).await?;
    }
    Ok(ledger)
}

/// The locations in an answer, wherever they stand.
fn locations(answer: &Value) -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let named = ["mpn_id", "location_mpn_id"].iter().filter_map(|name| fields.get(*name)?.as_str());
                into.extend(named.filter(|id| !id.is_empty()).map(ToOwned::to_owned));
                fields.values().for_each(|value| collect(value, into));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(answer, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_a_location_sees_what_that_location_earns() -> anyhow::Result<()> {
    let ledger = two_locations().await?;
    let token = |who: &str| ledger.token(who).unwrap();
    for _ in 0..200 {
        let earnings = ledger.call(&token("whole"), "IncentiveService/ListEarnings", &json!({})).await?;
        if !locations(&earnings).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Whose rows a list has, for whom: of the company, of the location that is billed, of the one that is not.
    let lists = [
        ("IncentiveService/ListEnrollments", [&[MAIN][..], &[MAIN], &[]]),
        ("IncentiveService/GetIncentiveOverview", [&[MAIN], &[MAIN], &[]]),
        ("IncentiveService/ListEarnings", [&[MAIN], &[MAIN], &[]]),
        ("IncentiveService/ListEarningPeriods", [&[MAIN], &[MAIN], &[]]),
        ("ClaimService/ListCoopFunds", [&[MAIN, BRANCH], &[MAIN], &[BRANCH]]),
        ("ClaimService/ListCoopClaims", [&[MAIN, BRANCH], &[MAIN], &[BRANCH]]),
    ];
    for (method, wanted) in lists {
        for (who, wanted) in ["whole", "main", "branch"].into_iter().zip(wanted) {
            let answer = ledger.call(&token(who), method, &json!({})).await?;
            assert_eq!(locations(&answer), wanted, "{method} for {who}: {answer}");
        }
    }
    // The overview's sums are those of its rows.
    let overview = ledger.call(&token("branch"), "IncentiveService/GetIncentiveOverview", &json!({})).await?;
    assert_eq!(overview["earned_this_year_usd"], "0", "{overview}");
    assert!(overview["trends"].as_array().is_none_or(Vec::is_empty), "{overview}");
    let whole = ledger.call(&token("whole"), "IncentiveService/GetIncentiveOverview", &json!({})).await?;
    assert_ne!(whole["earned_this_year_usd"], "0", "{whole}");
    // Who has several says which; another one's is not there.
    let list = "ClaimService/ListCoopFunds";
    assert_eq!(reason(ledger.call(&token("both"), list, &json!({})).await), "REQUIRED_FIELD_MISSING");
    let named = ledger.call(&token("both"), list, &json!({ "location_mpn_id": BRANCH })).await?;
    assert_eq!(locations(&named), [BRANCH]);
    for location in [MAIN, "1111111"] {
        let answer = ledger.call(&token("branch"), list, &json!({ "location_mpn_id": location })).await;
        assert_eq!(reason(answer), "LOCATION_NOT_FOUND");
    }
    one_thing_of_a_location(&ledger).await
}

async fn one_thing_of_a_location(ledger: &Checked) -> anyhow::Result<()> {
    let token = |who: &str| ledger.token(who).unwrap();
    let earnings = ledger.call(&token("main"), "IncentiveService/ListEarnings", &json!({})).await?;
    let earning = json!({ "earning_id": earnings["earnings"][0]["earning_id"] });
    assert!(ledger.call(&token("main"), "IncentiveService/ExplainEarning", &earning).await.is_ok());
    let hidden = ledger.call(&token("branch"), "IncentiveService/ExplainEarning", &earning).await;
    assert_eq!(reason(hidden), "EARNING_NOT_FOUND");
    for (claim, seen) in [(format!("c-{BRANCH}"), true), (format!("c-{MAIN}"), false)] {
        let answer = ledger.call(&token("branch"), "ClaimService/GetCoopClaim", &json!({ "claim_id": claim })).await;
        if seen {
            assert_eq!(answer?["location_mpn_id"], BRANCH);
        } else {
            assert_eq!(reason(answer), "CO_OP_CLAIM_NOT_FOUND");
        }
    }
    // It acts for that location only.
    let submit = async |who: &str, command: Value| {
        ledger.call(&token(who), "CommandService/Submit", &json!({ "command": command })).await
    };
    assert!(submit("branch", claim("new", BRANCH)).await.is_ok());
    assert_eq!(reason(submit("branch", claim("theirs", MAIN)).await), "LOCATION_NOT_FOUND");
    let comment =
        |id: &str, claim: &str| about(id, "p-1", "comment_on_coop_claim", json!({ "claim_id": claim, "text": "x" }));
    assert!(submit("branch", comment("n-1", &format!("c-{BRANCH}"))).await.is_ok());
    assert_eq!(reason(submit("branch", comment("n-2", &format!("c-{MAIN}"))).await), "CLAIM_NOT_FOUND");
    assert_eq!(reason(submit("branch", comment("n-3", "none")).await), "CLAIM_NOT_FOUND");
    assert!(submit("main", comment("n-4", &format!("c-{MAIN}"))).await.is_ok());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relationship_of_the_day_decides_about_a_look_back() -> anyhow::Result<()> {
    let ledger = Checked::start(&[]).await?;
    let user = |id: &str, partner: &str| {
        json!({ "command_id": format!("user-{id}"), "create_user": { "customer_id": "c-1", "partner_id": partner,
            "user_id": id, "display_name": id, "first_name": id, "last_name": "Lee",
            "email": format!("{id}@c1.onmicrosoft.com") } })
    };
    let about = |id: &str, kind: &str, partner: &str| json!({ "command_id": id, kind: { "customer_id": "c-1", "partner_id": partner } });
    for partner in ["p-1", "p-2"] {
        ledger.accepted(&commands::partner(partner)).await?;
        ledger.assign(&format!("admin@{partner}"), "ROLE_ADMIN_AGENT", partner, "").await?;
    }
    for command in [commands::customer("c-1", "p-1"), commands::agreement("c-1", "2018-01-01"), user("early", "p-1")] {
        ledger.accepted(&command).await?;
    }
    let advance =
        async |through: &str| ledger.operate("AdminService/AdvanceClock", &json!({ "close_through": through })).await;
    advance("2018-01-10").await?;
    ledger.accepted(&about("end", "remove_relationship", "p-1")).await?;
    advance("2018-01-20").await?;
    let mut ask = about("ask", "request_relationship", "p-2");
    ask["request_relationship"]["delegated_admin"] = json!(true);
    for command in [ask, about("yes", "accept_relationship", "p-2"), user("late", "p-2")] {
        ledger.accepted(&command).await?;
    }
    advance("2018-01-25").await?;
    let (first, second) = (ledger.token("admin@p-1")?, ledger.token("admin@p-2")?);
    let ask = async |token: &str, method: &str, day: &str| {
        let as_of = if day.is_empty() { Value::Null } else { json!({ "effective_on": day }) };
        ledger.call(token, method, &json!({ "customer_id": "c-1", "as_of": as_of })).await
    };
    for method in ["CustomerService/ListUsers", "CustomerService/GetCustomer", "CustomerService/ListSubscriptions"] {
        assert_eq!(reason(ask(&first, method, "").await), "CUSTOMER_NOT_FOUND", "{method}: it is nobody's any more");
        assert!(ask(&first, method, "2018-01-09").await.is_ok(), "{method}: it was its customer then");
        assert!(ask(&second, method, "").await.is_ok(), "{method}: it is its customer now");
        assert_eq!(reason(ask(&second, method, "2018-01-09").await), "CUSTOMER_NOT_FOUND", "{method}: not yet");
    }
    let ids = |answer: Value| {
        let users = answer["users"].as_array().cloned().unwrap_or_default();
        users.iter().map(|user| user["user_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(ask(&first, "CustomerService/ListUsers", "2018-01-09").await?), ["early"]);
    assert_eq!(ids(ask(&second, "CustomerService/ListUsers", "").await?), ["early", "late"]);
    let status = ask(&first, "CustomerService/ListUsers", "tomorrow").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    Ok(())
}
