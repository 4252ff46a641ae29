//! The command line, as a person and a script use it: what it prints, what it leaves behind, and its exit codes.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};
use subledger_tests::{
    cli::{run, run_with},
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    kafka::Part,
    process::{Process, Serve, free_port, wait_ready},
    shop::TEST_CLOCK,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

async fn ledger(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    Ok((serve, client))
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

/// Rows of CSV by the names of their columns, which are fields.
fn csv_rows(text: &str) -> anyhow::Result<Vec<serde_json::Map<String, Value>>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let row = |record: csv::StringRecord| names.iter().zip(&record).map(|(k, v)| (k.to_owned(), json!(v))).collect();
    let is_field = |name: &str| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'.'));
    anyhow::ensure!(names.iter().all(is_field), "{names:?} are not all named as fields");
    reader.records().map(|record| Ok(row(record?))).collect()
}

#[test]
fn every_golden_case_comes_out_as_published() -> anyhow::Result<()> {
    every_case_comes_out(GOLDEN, 19)
}

/// Month ends, leap years, other currencies and months without an invoice, under the same rules.
#[test]
fn every_case_computed_by_hand_comes_out() -> anyhow::Result<()> {
    every_case_comes_out(CASES, 12)
}

fn every_case_comes_out(folder: &str, count: usize) -> anyhow::Result<()> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let case: Value = serde_json::from_str(&fs::read_to_string(entry?.path())?)?;
        ids.push(case["id"].as_str().context("a case has an id")?.to_owned());
    }
    assert_eq!(ids.len(), count);
    let ended = run(&["simulate", folder, "--check"])?;
    let ok: Vec<_> = ended.out.lines().filter_map(|line| line.strip_prefix("ok")).map(str::trim).collect();
    let missing: Vec<_> = ids.iter().filter(|id| !ok.contains(&id.as_str())).collect();
    assert!(missing.is_empty(), "not as expected: {missing:?}\n{}\n{}", ended.out, ended.err);
    ended.expect_code(0)?;
    Ok(())
}

#[test]
fn what_differs_from_a_case_is_said_and_what_is_no_case_is_not_run() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("case.json");
    let mut case: Value = serde_json::from_str(&fs::read_to_string(format!("{GOLDEN}/license-monthly-new.json"))?)?;
    let amount = case["invoices"][0]["lines"][0]["amount"].clone();
    assert!(amount.is_string(), "{case}");
    case["invoices"][0]["lines"][0]["amount"] = json!("123456.78");
    fs::write(&file, case.to_string())?;
    let ended = run(&["simulate", text(&file)?, "--check"])?.expect_code(1)?;
    assert!(ended.out.contains("FAIL license-monthly-new") && ended.out.contains("123456.78"), "{ended:?}");

    case["commands"][0]["purchase"]["quantity"] = json!("ten");
    fs::write(&file, case.to_string())?;
    let ended = run(&["simulate", text(&file)?])?.expect_code(2)?;
    assert!(ended.err.contains("is not a case") && ended.err.contains("commands[0].purchase.quantity"), "{ended:?}");
    fs::write(&file, "[1, 2")?;
    let ended = run(&["simulate", text(&file)?])?.expect_code(2)?;
    assert!(ended.err.contains(text(&file)?) && ended.err.contains("not JSON"), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_mistakes_is_loaded_all_the_same_and_only_once() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let mut unnamed = purchase("b-1", "fabrikam", "contoso", "e3", 10);
    unnamed.as_object_mut().context("an object")?.remove("command_id");
    let lines = [
        partner("contoso").to_string(),
        offer("e3").to_string(),
        price("e3", "4.00").to_string(),
        customer("fabrikam", "contoso").to_string(),
        agreement("fabrikam", "2018-01-13").to_string(),
        unnamed.to_string(),
        r#"{"command_id": "broken", "purchase": {"customer_id": "fabrikam", "seats": 3}}"#.to_owned(),
        change_quantity("zero", "fabrikam", "contoso", "sub-b-1", 0).to_string(),
        change_quantity("good", "fabrikam", "contoso", "sub-b-1", 12).to_string(),
    ];
    let file = dir.path().join("commands.jsonl");
    fs::write(&file, lines.join("\n"))?;
    let rejections = dir.path().join("commands.jsonl.rejected.jsonl");
    let load = ["load", text(&file)?, "--address", &serve.address, "--output", "csv"];

    for round in ["accepted", "accepted before"] {
        let history = client.history().await?.len();
        // What was not taken is an exit code of 1, and on standard error.
        let ended = run(&load)?.expect_code(1)?;
        assert!(ended.err.contains("2 not taken") && ended.err.contains(text(&rejections)?), "{ended:?}");
        let summary = csv_rows(&ended.out)?;
        let counted: Vec<_> = summary.iter().map(|row| (&row["outcome"], &row["reason"], &row["commands"])).collect();
        for wanted in [
            (&json!(round), &json!(""), &json!("7")),
            (&json!("refused"), &json!("QUANTITY_BELOW_MINIMUM"), &json!("1")),
            (&json!("unreadable"), &json!("UNREADABLE"), &json!("1")),
        ] {
            assert!(counted.contains(&wanted), "{round}: {counted:?} has no {wanted:?}");
        }
        let rejected: Vec<Value> =
            fs::read_to_string(&rejections)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!(rejected.len(), 2, "{rejected:?}");
        let at = |line: u64| rejected.iter().find(|row| row["line"] == line).context("a rejection of that line");
        let (broken, refused) = (at(7)?, at(8)?);
        assert!(broken["message"].to_string().contains("seats"), "{broken}");
        assert!(broken["text"].to_string().contains("broken"), "the line itself is kept: {broken}");
        assert_eq!(
            (&refused["reason"], &refused["command"]["command_id"]),
            (&json!("QUANTITY_BELOW_MINIMUM"), &json!("zero"))
        );
        if round == "accepted before" {
            assert_eq!(client.history().await?.len(), history, "loading again recorded something");
        }
    }
    assert_eq!(client.subscription("sub-b-1", None).await?.quantity, 12);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_price_list_is_what_purchases_cost() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let file = dir.path().join("2018-01.csv");
    fs::write(
        &file,
        "Change Flag,Valid From Date,Valid To Date,Offer Display Name,Offer ID,License Agreement Type,Purchase Unit,\
         Secondary License Type,End Customer Type,List Price,ERP Price\n\
         ADD,1/1/2018,12/31/9999,\"Suite, small\",e3,Corporate,1 Month(s),Non-Specific,Cloud Reseller Corporate,7.50,9.00\n\
         UNC,1/1/2018,,Suite large,e5,Corporate,1 Month(s),Non-Specific,Cloud Reseller Corporate,19.25,\n",
    )?;
    for command in
        [partner("contoso"), offer("e3"), customer("fabrikam", "contoso"), agreement("fabrikam", "2018-01-13")]
    {
        client.accepted(&command).await?;
    }
    assert_eq!(client.refused(&purchase("early", "fabrikam", "contoso", "e3", 10)).await?, "OFFER_NOT_IN_PRICE_LIST");
    let load = ["load", "--prices", text(&file)?, "--price-list", "2018-01-US", "--currency", "USD"];
    run(&[&load[..], &["--address", &serve.address]].concat())?.expect_code(0)?;
    let bought = client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    let balances = client.balances("contoso", bought.position).await?;
    assert!(balances.contains(&("unbilled".to_owned(), "75.00".to_owned())), "{balances:?}");

    // A file that is no price list is refused whole, before anything is sent.
    let history = client.history().await?.len();
    fs::write(&file, fs::read_to_string(&file)?.replace(",List Price,", ",Colour,"))?;
    run(&[&load[..], &["--address", &serve.address]].concat())?.expect_code(2)?.expect_error(&["Colour"])?;
    assert_eq!(client.history().await?.len(), history);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_commands_are_loaded_and_replay_to_the_live_answers() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let generate =
        ["generate", "--customers", "150", "--commands", "2000", "--seed", "7", "--start", "2018-01-13", "--days", "1"];
    let commands = run(&generate)?.expect_code(0)?.out;
    assert_eq!(commands.lines().count(), 2_000);
    assert_eq!(commands, run(&generate)?.out, "one seed is one history");
    let rejections = dir.path().join("rejected.jsonl");
    let load = ["load", "-", "--address", &serve.address, "--rejections", text(&rejections)?, "--output", "csv"];
    let loaded = run_with(&load, &[], &commands)?;
    let rejected = fs::read_to_string(&rejections).unwrap_or_default();
    assert_eq!((loaded.code, rejected.as_str()), (0, ""), "{loaded:?}");
    let total: u64 =
        csv_rows(&loaded.out)?.iter().filter_map(|row| row["commands"].as_str()?.parse::<u64>().ok()).sum();
    assert_eq!(total, 2_000, "{loaded:?}");

    let compared = run(&["compare", "--address", &serve.address])?.expect_code(0)?;
    assert!(compared.out.contains("live read models are equal to the replay"), "{compared:?}");

    // The history as lines of JSON, as many as there are records; and as CSV, with every command in it.
    let records = client.history().await?;
    let events = run(&["events", "--output", "json", "--address", &serve.address])?.expect_code(0)?;
    let printed: Vec<Value> = events.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(printed.len(), records.len());
    let ids = |value: &Value| value["command_id"].as_str().unwrap_or_default().to_owned();
    let mut shown: Vec<_> = printed.iter().map(ids).collect();
    let mut recorded: Vec<_> =
        records.iter().filter_map(|record| Some(record.commit.as_ref()?.command_id.clone())).collect();
    shown.sort();
    recorded.sort();
    assert_eq!(shown, recorded);
    let table = run(&["events", "--output", "csv", "--address", &serve.address])?.expect_code(0)?;
    let rows = csv_rows(&table.out)?;
    assert!(rows.len() >= 2_000 && rows.iter().any(|row| row["command_id"] == json!("g-7-1999")), "{:?}", rows.last());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_json_and_csv_and_ids_stay_text() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    // Ids that a spreadsheet or a careless program would take for numbers.
    let (short, long) = ("0042", "90071992547409931");
    for command in [partner("007"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for id in [short, long] {
        client.accepted(&customer(id, "007")).await?;
        client.accepted(&agreement(id, "2018-01-13")).await?;
    }
    client.accepted(&purchase("1e5", short, "007", "e3", 3)).await?;
    let say = |arguments: &[&str]| -> anyhow::Result<String> {
        Ok(run(&[arguments, &["--address", &serve.address]].concat())?.expect_code(0)?.out)
    };
    let json = |arguments: &[&str]| -> anyhow::Result<Value> {
        let printed = say(&[arguments, &["--output", "json"]].concat())?;
        serde_json::from_str(&printed).or_else(|_| {
            let rows = printed.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
            rows.map(Value::Array).with_context(|| format!("{arguments:?} printed {printed}"))
        })
    };
    assert_eq!(json(&["get", "customer", short])?["customer_id"], json!(short));
    assert_eq!(json(&["get", "subscription", "sub-1e5"])?["customer_id"], json!(short));
    assert_eq!(json(&["get", "partner", "007"])?["partner_id"], json!("007"));
    let listed = json(&["list", "customers"])?;
    let ids: Vec<_> = listed.as_array().context("a list")?.iter().map(|row| row["customer_id"].clone()).collect();
    assert_eq!(ids, [json!(short), json!(long)], "{listed}");
    let balances = json(&["list", "balances", "--partner", "007"])?;
    assert!(
        balances.as_array().is_some_and(|rows| rows.iter().any(|row| row["amount"] == json!("12.00"))),
        "{balances}"
    );

    let rows = csv_rows(&say(&["list", "customers", "--output", "csv"])?)?;
    let ids: Vec<_> = rows.iter().map(|row| row["customer_id"].clone()).collect();
    assert_eq!(ids, [json!(short), json!(long)], "{rows:?}");
    let (many, one) = (say(&["list", "customers"])?, say(&["get", "customer", short])?);
    assert!(many.starts_with("CUSTOMER") && one.contains("\nCUSTOMER ID  "), "{many}\n{one}");
    assert!(one.contains("COMPANY NAME") && !one.contains("company_name"), "{one}");
    let events = csv_rows(&say(&["events", "--output", "csv"])?)?;
    assert!(events.iter().any(|row| row["command_id"] == json!("1e5") && row["stream"] == json!(short)), "{events:?}");
    let one = say(&["get", "customer", short, "--output", "csv"])?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(one.as_bytes());
    let cells: Vec<_> = reader.records().collect::<Result<_, _>>()?;
    assert!(cells.iter().any(|row| row.iter().any(|cell| cell == short)), "{one}");
    let subscriptions = csv_rows(&say(&["list", "subscriptions", "--customer", short, "--output", "csv"])?)?;
    assert_eq!((subscriptions.len(), &subscriptions[0]["quantity"]), (1, &json!("3")), "{subscriptions:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_the_roles_and_what_does_not_answer_is_exit_code_3() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let status = run(&["status", "--address", &serve.address])?.expect_code(0)?.out;
    let parts =
        ["serve", "embedded", "catalog/0", "partners/0", "customers/0", "access/0", "billing", "customer", "incentive"];
    for part in parts {
        assert!(status.contains(part), "{part} is not in\n{status}");
    }
    let status: Value = serde_json::from_str(&run(&["status", "-o", "json", "--address", &serve.address])?.out)?;
    assert_eq!(status["roles"], json!(["serve"]));
    assert_eq!(status["projectors"].as_array().map(Vec::len), Some(3), "{status}");
    assert!(status["partitions"].as_array().is_some_and(|all| all.len() == 7), "{status}");

    let settings = [format!("data_dir={}", dir.path().join("billing").display())];
    let projector = Part::start("billing", &["projector", "billing", "--log", &serve.address], &settings, true).await?;
    let address = projector.address.clone().context("a projector listens")?;
    let status = run(&["status", "--address", &address])?.expect_code(0)?.out;
    assert!(status.contains("projector billing") && status.contains("remote"), "{status}");

    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    for command in [
        &["status"][..],
        &["get", "customer", "c"],
        &["list", "customers"],
        &["events"],
        &["compare"],
        &["clock", "show"],
    ] {
        let ended = run(&[command, &["--address", &nowhere]].concat())?.expect_code(3)?;
        assert!(ended.err.contains("cannot be reached") && ended.err.contains(&nowhere), "{ended:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_is_started_serves_and_gives_memory_back_as_soon_as_its_environment_says() -> anyhow::Result<()>
{
    const DELAY: &str = "MIMALLOC_PURGE_DELAY";
    let dir = tempfile::tempdir()?;
    for (name, environment, expected) in [("one", &[][..], "300"), ("other", &[(DELAY, "50")], "50")] {
        let address = format!("127.0.0.1:{}", free_port()?);
        let (data, url) = (dir.path().join(name), format!("http://{address}"));
        let arguments = ["serve", "--data-dir", text(&data)?, "--listen", &address, "--metrics-listen", "none"];
        let mut process = Process::start(name, &arguments, environment)?;
        wait_ready(&mut process, &url).await?;
        assert_eq!(process.variable(DELAY)?.as_deref(), Some(expected));
        assert!(process.stop()?.success(), "{}", process.printed());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_is_a_role_and_show_and_advance_are_asked_of_a_ledger() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    client.accepted(&partner("contoso")).await?;
    let at = ["--address", serve.address.as_str(), "--output", "json"];
    let clock = |arguments: &[&str]| -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&run(&[&["clock"], arguments, &at].concat())?.expect_code(0)?.out)?)
    };
    assert_eq!(clock(&["show"])?["test_clock"], json!(true));
    assert_eq!(clock(&["advance", "2018-01-14"])?["last_closed"], json!("2018-01-14"));
    assert_eq!(clock(&["show"])?["last_closed"], json!("2018-01-14"));
    // The address in front, or in a variable.
    let shown = run(&[&["clock"], &at[..], &["show"]].concat())?.expect_code(0)?.out;
    assert!(shown.contains("2018-01-14"), "{shown}");
    let shown = run_with(&["clock", "show"], &[("SUBLEDGER_ADDRESS", &serve.address)], "")?.expect_code(0)?.out;
    assert!(shown.contains("2018-01-14"), "{shown}");

    // The role asks no ledger, and who is asked is no role.
    run(&["clock", "--address", &serve.address])?.expect_code(2)?.expect_error(&["--address", "clock show"])?;
    run(&["clock", "--set", "log_level=warn", "show"])?.expect_code(2)?.expect_error(&["--set", "`show`"])?;
    for role in [&["clock"][..], &["clock", "run"]] {
        let settings = ["--set", "kafka.bootstrap=127.0.0.1:1", "--set", "test_clock.enabled=true"];
        run(&[role, &settings].concat())?.expect_code(1)?.expect_error(&["test_clock.enabled", "clock advance"])?;
    }
    Ok(())
}

#[test]
fn a_shell_completes_every_command() -> anyhow::Result<()> {
    let script = run(&["completions", "bash"])?.expect_code(0)?.out;
    let help = run(&["--help"])?.expect_code(0)?.out;
    let commands = help.split("Commands:").nth(1).context("help lists commands")?;
    let names: Vec<_> = commands
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"serve") && names.contains(&"load") && names.len() > 12, "{names:?}");
    for name in names.into_iter().filter(|&name| name != "help") {
        assert!(script.contains(&format!("subledger,{name})")), "{name} is not completed");
        assert!(run(&[name, "--help"])?.code == 0, "{name} has no help");
    }
    assert!(script.contains("complete -F _subledger"), "{script}");
    run(&["completions", "tcsh"])?.expect_code(2)?.expect_error(&["tcsh", "bash"])?;
    run(&["sell"])?.expect_code(2)?.expect_error(&["sell"])?;
    Ok(())
}
