//! Associations and co-op claims through the real binary, step by step as the published procedures go.

use serde_json::{Value, json};
use subledger_proto::{api::Outcome, common::Family};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, customer, offer, partner, price, purchase},
    process::Serve,
};

/// A Thursday.
const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2020-06-18"];
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn advisor(id: &str, mpn_id: &str) -> Value {
    let mut command = partner(id);
    command["register_partner"]["mpn_id"] = json!(mpn_id);
    command
}

async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in [
        partner("contoso"),
        advisor("adviser", "5550001"),
        advisor("rival", "5550002"),
        offer("crm"),
        price("crm", "65.00"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("b-1", "fabrikam", "contoso", "crm", 10),
    ] {
        client.accepted(&command).await?;
    }
    Ok((serve, client))
}

/// Where the outcome stands, as the command line takes it.
fn place(outcome: &Outcome) -> String {
    let position = outcome.position.unwrap_or_default();
    let family = match position.family() {
        Family::Catalog => "catalog",
        Family::Partners => "partners",
        _ => "customers",
    };
    format!("{family}/{}@{}", position.partition, position.seq)
}

/// What the command line prints in JSON, once it reflects the outcome.
fn print(serve: &Serve, after: &Outcome, args: &[&str]) -> anyhow::Result<Value> {
    let place = place(after);
    let more = ["--address", &serve.address, "--output", "json", "--min-position", &place];
    Ok(serde_json::from_str(&run(&[args, &more].concat())?.expect_code(0)?.out)?)
}

fn association(step: &str, more: Value) -> Value {
    let mut body = json!({ "customer_id": "fabrikam", "association_id": "a-1" });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    json!({ "command_id": format!("{step}-{}", body["association_id"]).replace('"', ""), step: body })
}

fn details(location: &str) -> Value {
    let person = json!({ "name": "Kim Lee", "title": "CIO", "email": "kim@fabrikam.example" });
    json!({
        "name": "CRM for Fabrikam", "location_mpn_id": location, "domain_name": "fabrikam.onmicrosoft.com",
        "solution_area": "SOLUTION_AREA_BUSINESS_APPLICATIONS", "activities": ["ASSOCIATION_ACTIVITY_PRE_SALES"],
        "products": [{ "offer_id": "crm" }], "customer_contact": person, "partner_contact": person,
        "documents": [{
            "document_id": "sow", "kind": "EVIDENCE_KIND_PROOF_OF_EXECUTION", "name": "sow.pdf", "sha256": HASH,
        }],
    })
}

/// L9590-9621: the form, the claim, the customer's five business days, and what comes of silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_associated_with_a_customer() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;

    // The form without its proof of execution is saved, and not taken.
    let mut unproved = details("5550001");
    unproved["documents"] = json!([]);
    client.accepted(&association("draft_association", json!({ "partner_id": "adviser", "details": unproved }))).await?;
    let submit = association("submit_association", json!({ "partner_id": "adviser" }));
    assert_eq!(client.refused(&submit).await?, "POE_MISSING");
    let mut again = association("draft_association", json!({ "partner_id": "adviser", "details": details("5550001") }));
    again["command_id"] = json!("draft-again");
    client.accepted(&again).await?;
    let mut submit_again = submit.clone();
    submit_again["command_id"] = json!("submit-again");
    client.accepted(&submit_again).await?;
    let mut edit = again.clone();
    edit["command_id"] = json!("edit");
    assert_eq!(client.refused(&edit).await?, "ASSOCIATION_LOCKED");

    // Another partner comes later.
    let rival = json!({ "partner_id": "rival", "association_id": "a-2", "details": details("5550002") });
    client.accepted(&association("draft_association", rival)).await?;
    let late = association("submit_association", json!({ "partner_id": "rival", "association_id": "a-2" }));
    assert_eq!(client.refused(&late).await?, "ASSOCIATION_EXISTS_FOR_SUBSCRIPTION");

    // The provider asks, the partner answers, the customer is told: on Friday 19 June, so that it has until the 26th (W16).
    client.accepted(&association("ask_about_association", json!({ "question": "who signed?" }))).await?;
    let answer = json!({ "partner_id": "adviser", "answer": "Kim Lee did" });
    client.accepted(&association("answer_about_association", answer)).await?;
    client.advance("2020-06-18").await?;
    let told = client.accepted(&association("notify_association_customer", json!({}))).await?;
    let rows = print(&serve, &told, &["list", "associations", "--partner", "adviser"])?;
    assert_eq!(
        (&rows[0]["state"], &rows[0]["opt_out_until"]),
        (&json!("customer notified"), &json!("2020-06-26")),
        "{rows}"
    );
    assert_eq!((&rows[0]["programs"], &rows[0]["subscription_ids"]), (&json!(["OSA-Sell"]), &json!(["sub-b-1"])));

    // Nobody objects.
    client.advance("2020-06-26").await?;
    let late = association("opt_out_of_association", json!({}));
    assert_eq!(client.refused(&late).await?, "OPT_OUT_WINDOW_CLOSED");
    let set = json!({ "command_id": "set", "record_digital_partner": {
        "customer_id": "fabrikam", "subscription_id": "sub-b-1", "partner_id": "rival",
    }});
    let last = client.accepted(&set).await?;
    let row = print(&serve, &last, &["get", "association", "a-1", "--customer", "fabrikam"])?;
    assert_eq!((&row["state"], &row["active_from"]), (&json!("active"), &json!("2020-06-27")), "{row}");
    let steps: Vec<_> = row["history"].as_array().into_iter().flatten().map(|step| step["state"].clone()).collect();
    let states = ["draft", "draft", "validating", "information requested", "validating", "customer notified", "active"];
    assert_eq!(steps, states);
    let then = ["list", "associations", "--customer", "fabrikam", "--program", "osa-sell", "--as-of", "2020-06-20"];
    assert_eq!(print(&serve, &last, &then)?[0]["state"], "customer notified");
    assert_eq!(print(&serve, &last, &["list", "associations", "--state", "draft"])?[0]["association_id"], "a-2");

    // The claim comes before what is set in the product, for the metrics of its route (L17053).
    let credits = print(&serve, &last, &["list", "association-credits", "--customer", "fabrikam"])?;
    let credited: Vec<_> = credits[0]["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| format!("{}: {} {}", it["metric"], it["as"], it["partner_id"]).replace('"', ""))
        .collect();
    let expected = [
        "net new revenue: CSP contoso",
        "net new revenue: CPOR adviser",
        "net customer adds: CSP contoso",
        "net customer adds: CPOR adviser",
        "new large deployments: CSP contoso",
        "new large deployments: DPOR rival",
        "monthly active user growth: CSP contoso",
        "monthly active user growth: DPOR rival",
    ];
    assert_eq!(credited, expected);

    // The customer's log has it, and the partner gives it up.
    let end = association("end_association", json!({ "partner_id": "adviser", "reason": "project over" }));
    let ended = client.accepted(&end).await?;
    let log = print(&serve, &ended, &["list", "activities", "--customer", "fabrikam"])?;
    assert_eq!((&log[0]["action"], &log[0]["subject"]), (&json!("AssociationEnded"), &json!("a-1")), "{log}");
    let mut rival = association("submit_association", json!({ "partner_id": "rival", "association_id": "a-2" }));
    rival["command_id"] = json!("rival-again");
    client.accepted(&rival).await?;
    let ended = run(&["compare", "--address", &serve.address])?.expect_code(0)?;
    assert!(ended.out.contains("associations: 2 rows replayed, 2 live: equal"), "{}", ended.out);
    Ok(())
}

fn claim(step: &str, id: &str, more: Value) -> Value {
    let mut body = json!({ "partner_id": "adviser", "claim_id": id });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    json!({ "command_id": format!("{step}-{id}"), step: body })
}

fn create(id: &str, activity: &str, expense: &str, amount: &str) -> Value {
    claim(
        "create_coop_claim",
        id,
        json!({
            "program": "coop-marketing-fund", "location_mpn_id": "5550001", "usage_period_id": "FY20-H2", "activity": activity,
            "details": { "activity_date": "2020-06-10", "currency": "USD", "expenses": [
                { "expense": expense, "amount": amount, "document_id": "invoice" },
            ]},
        }),
    )
}

fn document(id: &str, document: &str, kind: &str, proof: &str) -> Value {
    let mut command = claim(
        "add_coop_claim_document",
        id,
        json!({ "document": {
            "document_id": document, "kind": format!("EVIDENCE_KIND_{kind}"), "proof": proof, "name": "scan.pdf", "sha256": HASH,
        }}),
    );
    command["command_id"] = json!(format!("doc-{id}-{document}"));
    command
}

/// L9245-9274: the short form, the documents, the claim, a question, and the decision; the fund, its caps and its last day.
#[tokio::test(flavor = "multi_thread")]
async fn a_co_op_claim_is_made_and_paid() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let period = json!({ "command_id": "periods", "publish_usage_periods": { "periods": [{
        "program": "coop-marketing-fund", "usage_period_id": "FY20-H2", "first_day": "2020-01-01", "last_day": "2020-06-30",
    }]}});
    client.accepted(&period).await?;
    let accrue = json!({ "command_id": "accrue", "accrue_coop_funds": {
        "partner_id": "adviser", "program": "coop-marketing-fund", "location_mpn_id": "5550001", "usage_period_id": "FY20-H2",
        "amount": "20000.00", "currency": "USD", "reference": "earnings of the half year",
    }});
    client.accepted(&accrue).await?;

    client.accepted(&create("c-1", "print-advertising", "agency", "1200.00")).await?;
    let submit = claim("submit_coop_claim", "c-1", json!({}));
    for (document, reason) in [
        (document("c-1", "invoice", "INVOICE", ""), "THIRD_PARTY_INVOICE_MISSING"),
        (document("c-1", "flyer", "PROOF_OF_EXECUTION", "final-piece"), "POE_MISSING"),
        (document("c-1", "reach", "METRIC", ""), "METRIC_MISSING"),
    ] {
        let mut early = submit.clone();
        early["command_id"] = json!(format!("early-{reason}"));
        assert_eq!(client.refused(&early).await?, reason);
        client.accepted(&document).await?;
    }
    let submitted = client.accepted(&submit).await?;
    let fund = |after: &Outcome, on: &[&str]| -> anyhow::Result<Value> {
        let args = [&["list", "coop-funds", "--partner", "adviser"], on].concat();
        Ok(print(&serve, after, &args)?[0].clone())
    };
    let row = fund(&submitted, &[])?;
    assert_eq!((&row["in_review"], &row["available"]), (&json!("1200.00"), &json!("18800.00")), "{row}");
    assert_eq!(
        client.refused(&claim("comment_on_coop_claim", "c-1", json!({ "text": "well?" }))).await?,
        "CLAIM_LOCKED"
    );

    // A reviewer asks about a document; only then the claim can be changed again.
    let ask = claim("ask_about_coop_claim", "c-1", json!({ "document_id": "flyer", "question": "the back of it?" }));
    client.accepted(&ask).await?;
    client.accepted(&document("c-1", "back", "PROOF_OF_EXECUTION", "final-piece")).await?;
    let mut again = submit.clone();
    again["command_id"] = json!("submit-again");
    client.accepted(&again).await?;
    client.accepted(&claim("approve_coop_claim", "c-1", json!({ "amount": "1150.00" }))).await?;
    let paid = client.accepted(&claim("hand_over_coop_claim", "c-1", json!({ "payment_reference": "pay-77" }))).await?;
    let row = print(&serve, &paid, &["get", "coop-claim", "c-1", "--partner", "adviser"])?;
    assert_eq!((&row["state"], &row["approved"]), (&json!("handed over"), &json!("1150.00")), "{row}");
    assert_eq!((&row["claim_deadline"], &row["retained_until"]), (&json!("2020-08-14"), &json!("2022-06-10")), "W15");
    assert_eq!(row["history"].as_array().map(Vec::len), Some(10), "{row}");
    let row = fund(&paid, &[])?;
    let sums =
        ["accrued", "in_review", "approved", "handed_over", "available", "expired"].map(|name| row[name].clone());
    assert_eq!(sums, ["20000.00", "0.00", "1150.00", "1150.00", "18850.00", "0.00"].map(|text| json!(text)));

    // W14: of 20,000 accrued, 3,000 may go into demo units.
    client.accepted(&create("c-2", "product-seeding-demo-units", "demo-units", "3000.01")).await?;
    for document in [
        document("c-2", "invoice", "INVOICE", ""),
        document("c-2", "delivery", "PROOF_OF_EXECUTION", "proof-of-delivery"),
        document("c-2", "unit", "PROOF_OF_EXECUTION", "proof-of-unit"),
    ] {
        client.accepted(&document).await?;
    }
    assert_eq!(client.refused(&claim("submit_coop_claim", "c-2", json!({}))).await?, "ACTIVITY_CAP_EXCEEDED");
    let revise = claim(
        "revise_coop_claim",
        "c-2",
        json!({ "details": {
            "activity_date": "2020-06-10", "currency": "USD",
            "expenses": [{ "expense": "demo-units", "amount": "3000.00", "document_id": "invoice" }],
        }}),
    );
    client.accepted(&revise).await?;
    let mut within = claim("submit_coop_claim", "c-2", json!({}));
    within["command_id"] = json!("submit-within");
    client.accepted(&within).await?;

    // What is not claimed by 14 August is lost.
    client.advance("2020-08-14").await?;
    assert_eq!(client.refused(&create("c-3", "print-advertising", "agency", "1.00")).await?, "CLAIM_PERIOD_CLOSED");
    let reject = claim("reject_coop_claim", "c-2", json!({ "reason": "not delivered" }));
    let last = client.accepted(&reject).await?;
    let row = fund(&last, &["--on", "2020-08-15"])?;
    assert_eq!((&row["available"], &row["expired"]), (&json!("0.00"), &json!("18850.00")), "{row}");
    let csv = run(&["list", "coop-claims", "--state", "handed-over", "--output", "csv", "--address", &serve.address])?;
    let csv = csv.expect_code(0)?.out;
    assert!(csv.starts_with("claim_id,partner_id,program,") && csv.lines().count() == 2, "{csv}");
    let activities = print(&serve, &last, &["list", "coop-activities", "--program", "surface-add"]);
    assert!(activities.is_ok_and(|rows| rows.as_array().is_some_and(|rows| rows.len() == 18)));
    let ended = run(&["compare", "--address", &serve.address])?.expect_code(0)?;
    assert!(ended.out.contains("coopclaims: 2 rows replayed, 2 live: equal"), "{}", ended.out);
    Ok(())
}
