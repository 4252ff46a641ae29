//! Bad input of every kind gets an error that names what is wrong, and leaves everything as it was.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use subledger_proto::{
    api::{
        GetCustomerRequest, GetInvoiceRequest, GetOfferRequest, GetPartnerRequest, ListChargesRequest,
        ListCustomersRequest, ListEntriesRequest, ListIncentiveBasesRequest, ListOffersRequest,
    },
    common::Position,
};
use subledger_tests::{
    cli::{run, run_with, run_within},
    client::{Client, reason},
    commands::{customer, offer, partner, price, purchase},
    disk::Disk,
    process::{Process, Serve, free_port, wait_ready},
    raw, shop,
};
use tonic::{Code, Status, transport::Endpoint};
use tonic_types::StatusExt as _;

/// The message limit of a ledger that is not told otherwise, in bytes.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a ledger may take to say that it cannot start.
const START_MAX: Duration = Duration::from_secs(20);

async fn ledger(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    shop::open(dir, ["fabrikam"]).await
}

/// Still there for everybody: for those connected, and for those who come now.
async fn lives_on(serve: &Serve, client: &Client, id: &str) -> anyhow::Result<()> {
    client.accepted(&purchase(&format!("{id}-a"), "fabrikam", "contoso", "e3", 1)).await?;
    let fresh = Client::connect(&serve.address).await?;
    fresh.accepted(&purchase(&format!("{id}-b"), "fabrikam", "contoso", "e3", 1)).await?;
    Ok(())
}

#[test]
fn a_setting_that_does_not_exist_is_named_with_those_that_do() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let data = data.to_str().context("a path that is text")?;
    let file = dir.path().join("ledger.toml");
    std::fs::write(&file, "log_level = 'info'\n[kafka]\nbootstrp = 'broker:9092'\n")?;
    let file = file.to_str().context("a path that is text")?;
    let serve = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", "none"];
    let with = |more: &[&'static str]| [&serve[..], more].concat();

    // In the file, with its line; as a flag; as a variable.
    run(&[&serve[..], &["--config", file]].concat())?.expect_error(&[file, "line 3", "bootstrp", "`bootstrap`"])?;
    run(&with(&["--set", "kafka.bootstrp=x"]))?.expect_error(&["kafka.bootstrp", "kafka.bootstrap", "listen"])?;
    run_with(&serve, &[("SUBLEDGER_KAFKA_BOOTSTRP", "x")], "")?.expect_error(&[
        "SUBLEDGER_KAFKA_BOOTSTRP",
        "SUBLEDGER_KAFKA_BOOTSTRAP",
        "SUBLEDGER_LISTEN",
    ])?;
    // Values that do not fit.
    run(&with(&["--set", "layout.customers=many"]))?.expect_error(&["layout.customers", "many", "whole number"])?;
    run(&with(&["--set", "layout.customers=0"]))?.expect_error(&["layout", "customers"])?;
    run(&with(&["--set", "limits.page_items=0"]))?.expect_error(&["limits.page_items", "at least 1"])?;
    run(&with(&["--set", "test_clock.enabled=maybe"]))?.expect_error(&["test_clock.enabled", "maybe"])?;
    run(&with(&["--config", "/nowhere/ledger.toml"]))?.expect_error(&["cannot read /nowhere/ledger.toml"])?;
    ensure!(!Path::new(data).exists(), "a ledger that did not start left a directory behind");
    Ok(())
}

#[tokio::test]
async fn other_machines_are_let_in_only_on_a_trusted_network() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let data = data.to_str().context("a path that is text")?;
    let port = free_port()?;
    let listen = format!("0.0.0.0:{port}");
    let serve = ["serve", "--data-dir", data, "--listen", &listen, "--metrics-listen", "none"];
    run(&serve)?.expect_error(&["listen", &listen, "trusted_network"])?;
    let metrics = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", &listen];
    run(&metrics)?.expect_error(&["metrics_listen", &listen])?;
    ensure!(!Path::new(data).exists(), "a ledger that did not start left a directory behind");

    let trusting = [&serve[..], &["--set", "trusted_network=true"]].concat();
    let mut process = Process::start("serve", &trusting, &[])?;
    wait_ready(&mut process, &format!("http://127.0.0.1:{port}")).await?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while !process.printed().contains(&format!("whoever reaches {listen} may do everything")) {
        ensure!(Instant::now() < deadline, "no warning:\n{}", process.printed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_end_one_call_and_nothing_else() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let before = client.history().await?.len();
    let submit = "/subledger.v1.CommandService/Submit";
    // A length that points past the end, a field number 0, a wire type that does not exist, a string that is not UTF-8.
    let malformed: [&[u8]; 4] = [b"\x0a\xff\x01x", b"\x00\x01", b"\x0f\x01", b"\x0a\x04\x0a\x02\xff\xfe"];
    for bytes in malformed {
        let channel = Endpoint::from_shared(serve.address.clone())?.connect().await?;
        let status = raw::call(channel, submit, bytes).await.expect_err("bytes that are no message");
        assert!(matches!(status.code(), Code::Internal | Code::InvalidArgument), "{bytes:?}: {status:?}");
        assert!(status.message().to_lowercase().contains("decode"), "{bytes:?}: {status:?}");
    }
    let channel = Endpoint::from_shared(serve.address.clone())?.connect().await?;
    let status = raw::call(channel, "/subledger.v1.CommandService/Sell", b"").await.expect_err("no such method");
    assert_eq!(status.code(), Code::Unimplemented);

    // Not even HTTP/2, and HTTP/2 that breaks off in the middle of a frame.
    let address = serve.address.trim_start_matches("http://");
    let garbage: [&[u8]; 2] =
        [b"GET / HTTP/1.0\r\n\xff\xff\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04\xff"];
    for bytes in garbage {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(bytes)?;
        socket.shutdown(std::net::Shutdown::Write)?;
        // Whatever it answers, it lets go of the connection.
        let _ = socket.read_to_end(&mut Vec::new());
    }
    assert_eq!(client.history().await?.len(), before, "nothing of it is recorded");
    lives_on(&serve, &client, "after-garbage").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_with_its_limit() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let before = client.history().await?.len();

    let mut huge = customer("huge", "contoso");
    huge["create_customer"]["company_name"] = json!("x".repeat(MESSAGE_BYTES_MAX + 1));
    let status = client.submit(&huge).await.expect_err("a message over the limit");
    assert!(matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange), "{status:?}");
    assert!(status.message().contains(&MESSAGE_BYTES_MAX.to_string()), "{status:?} does not name the limit");

    // A message may be large enough for a batch, but no single record is.
    let mut long = price("e3", "5.00");
    let row = long["publish_price_list"]["rows"][0].clone();
    long["command_id"] = json!("long");
    long["publish_price_list"]["rows"] = Value::Array(vec![row; 20_000]);
    let status = client.submit(&long).await.expect_err("a command over the limit of a record");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(reason(&status).is_some() && status.message().len() < 500, "{status:?}");

    let batch: Vec<_> = (0..1_001).map(|n| purchase(&format!("b-{n}"), "fabrikam", "contoso", "e3", 1)).collect();
    let error = client.submit_stream(&batch, batch.len()).await.expect_err("a batch over the limit");
    let status = error.downcast_ref::<Status>().context("a status")?;
    assert_eq!((status.code(), reason(status).as_deref()), (Code::InvalidArgument, Some("BATCH_TOO_LARGE")));
    assert!(status.message().contains("1001") && status.message().contains("1000"), "{status:?}");
    assert_eq!(client.history().await?.len(), before, "nothing of it is recorded");
    let outcomes = client.submit_stream(&batch[..1_000], 1_000).await?;
    assert!(outcomes.len() == 1_000 && outcomes.iter().all(|outcome| outcome.rejection.is_none()));
    lives_on(&serve, &client, "after-large").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_seats_that_is_none_is_named_with_what_is_accepted() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let before = client.history().await?.len();
    let seats = |id: &str, quantity: Value| {
        let mut bought = purchase(id, "fabrikam", "contoso", "e3", 1);
        bought["purchase"]["lines"][0]["quantity"] = quantity;
        bought.to_string()
    };
    let accepted = "accepted is a whole number from 0 to 4294967295";
    let cases =
        [(json!(-3), "-3"), (json!(1.5), "1.5"), (json!("abc"), "\"abc\""), (json!(4_294_967_296_u64), "4294967296")];
    for (quantity, found) in &cases {
        let field = format!("purchase.lines[0].quantity: found {found}; {accepted}");
        let command = seats("s-1", quantity.clone());
        run(&["submit", &command, "--address", &serve.address])?.expect_code(2)?.expect_error(&[&field])?;
    }
    // In a file, every line for itself.
    let file = dir.path().join("commands.jsonl");
    let lines: Vec<_> =
        cases.iter().enumerate().map(|(n, (quantity, _))| seats(&format!("s-{n}"), quantity.clone())).collect();
    std::fs::write(&file, lines.join("\n"))?;
    let file = file.to_str().context("a path that is text")?;
    let how = format!("{file} is a file, and a command is given as JSON; to send a file: subledger submit - < {file}");
    run(&["submit", file, "--address", &serve.address])?.expect_code(2)?.expect_error(&[&how])?;
    run(&["load", file, "--address", &serve.address])?.expect_code(1)?;
    let rejected = std::fs::read_to_string(format!("{file}.rejected.jsonl"))?;
    for (quantity, found) in &cases {
        let found = json!(format!("purchase.lines[0].quantity: found {found}; {accepted}")).to_string();
        ensure!(rejected.contains(&found), "{quantity}: {found} is not in\n{rejected}");
    }
    ensure!(client.history().await?.len() == before, "something of it is recorded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_another_country_is_refused() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    let mut german = partner("german");
    german["register_partner"]["country"] = json!("DE");
    assert_eq!(client.refused(&german).await?, "CURRENCY_MISMATCH");
    german["register_partner"]["currency"] = json!("EUR");
    german["command_id"] = json!("partner-german-2");
    client.accepted(&german).await?;

    // A price in euro only is no price for a partner who pays in dollars, nor the other way round.
    client.accepted(&offer("euro-only")).await?;
    let mut list = price("euro-only", "4.00");
    list["publish_price_list"]["price_list_id"] = json!("2018-01-DE");
    list["publish_price_list"]["currency"] = json!("EUR");
    client.accepted(&list).await?;
    let bought = purchase("p-1", "fabrikam", "contoso", "euro-only", 1);
    assert_eq!(client.refused(&bought).await?, "OFFER_NOT_IN_PRICE_LIST");
    let bought = client.accepted(&purchase("p-2", "fabrikam", "contoso", "e3", 1)).await?;
    let balances = client.balances("contoso", bought.position).await?;
    assert!(balances.contains(&("unbilled".to_owned(), "4.00".to_owned())), "{balances:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_lookups_name_what_they_cannot_do() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let Client { mut customers, mut billing, mut catalog, mut incentives, .. } = client.clone();
    let (page_token, page_size) = ("no token".to_owned(), -1);
    let negative = [
        customers.list_customers(ListCustomersRequest { page_size, ..Default::default() }).await.err(),
        billing.list_entries(ListEntriesRequest { page_size, ..Default::default() }).await.err(),
        catalog.list_offers(ListOffersRequest { page_size, ..Default::default() }).await.err(),
        incentives.list_incentive_bases(ListIncentiveBasesRequest { page_size, ..Default::default() }).await.err(),
    ];
    for status in negative {
        let status = status.context("a negative page size was taken")?;
        assert_eq!((status.code(), reason(&status).as_deref()), (Code::InvalidArgument, Some("INVALID_VALUE")));
        assert!(status.message().contains("page_size"), "{status:?}");
    }
    let token = || page_token.clone();
    let strange = [
        customers.list_customers(ListCustomersRequest { page_token: token(), ..Default::default() }).await.err(),
        billing.list_charges(ListChargesRequest { page_token: token(), ..Default::default() }).await.err(),
        catalog.list_offers(ListOffersRequest { page_token: token(), ..Default::default() }).await.err(),
    ];
    for status in strange {
        let status = status.context("a token of nobody was taken")?;
        assert_eq!((status.code(), reason(&status).as_deref()), (Code::InvalidArgument, Some("INVALID_PAGE_TOKEN")));
    }

    let id = || "nobody".to_owned();
    let unknown = [
        (
            "CUSTOMER_NOT_FOUND",
            customers.get_customer(GetCustomerRequest { customer_id: id(), ..Default::default() }).await.err(),
        ),
        ("SUBSCRIPTION_NOT_FOUND", client.subscription("nobody", None).await.err()),
        (
            "INVOICE_NOT_FOUND",
            billing.get_invoice(GetInvoiceRequest { invoice_number: id(), ..Default::default() }).await.err(),
        ),
        ("OFFER_NOT_FOUND", catalog.get_offer(GetOfferRequest { offer_id: id(), ..Default::default() }).await.err()),
        (
            "PARTNER_NOT_FOUND",
            catalog.get_partner(GetPartnerRequest { partner_id: id(), ..Default::default() }).await.err(),
        ),
    ];
    for (expected, status) in unknown {
        let status = status.with_context(|| format!("{expected}: found"))?;
        assert_eq!((status.code(), reason(&status).as_deref()), (Code::NotFound, Some(expected)));
        assert!(status.message().contains("nobody"), "{status:?}");
    }
    let shown = run(&["get", "customer", "nobody", "--address", &serve.address])?.expect_code(1)?;
    assert!(shown.err.contains("CUSTOMER_NOT_FOUND") && shown.out.is_empty(), "{shown:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_there_yet_is_waited_for_and_then_given_up() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    let bought = client.accepted(&purchase("p-1", "fabrikam", "contoso", "e3", 1)).await?;
    let here = bought.position.context("a position")?;

    let elsewhere = Position { partition: 999, ..here };
    let status = client.subscription("sub-p-1", Some(elsewhere)).await.expect_err("there is no such partition");
    assert_eq!((status.code(), reason(&status).as_deref()), (Code::InvalidArgument, Some("PARTITION_NOT_FOUND")));

    let started = Instant::now();
    let future = Position { seq: here.seq + 7, ..here };
    let waiting = client.subscription("sub-p-1", Some(future));
    let answer = tokio::time::timeout(Duration::from_secs(25), waiting).await.context("it waits for ever")?;
    let status = answer.expect_err("nobody has written that far");
    assert_eq!(
        (status.code(), reason(&status).as_deref()),
        (Code::DeadlineExceeded, Some("MIN_POSITION_NOT_REACHED")),
        "{status:?}"
    );
    assert!(started.elapsed() > Duration::from_secs(1), "it did not wait: {:?}", started.elapsed());
    assert!(status.message().contains("7 records behind"), "{status:?}");
    let details = status.get_error_details();
    let behind = details.error_info().and_then(|info| info.metadata.get("records_behind").cloned());
    assert_eq!(behind.as_deref(), Some("7"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_belongs_to_one_process() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let data = dir.path().to_str().context("a path that is text")?;
    let second = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", "none"];
    run(&second)?.expect_error(&[data, "is in use by another process"])?;
    run(&["rebuild", "billing", "--check", "--data-dir", data])?.expect_error(&["is in use by another process"])?;
    lives_on(&serve, &client, "after-second").await
}

/// Every file below a directory, with what is in it.
fn files(dir: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path)?));
        }
    }
    Ok(found)
}

/// Starts a ledger where it must not start, and checks that it says why.
fn refuses_to_start(what: &str, dir: &Path, texts: &[&str]) -> anyhow::Result<()> {
    let data = dir.to_str().context("a path that is text")?;
    let serve = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", "none"];
    let ended = run_within(START_MAX, &serve).and_then(|ended| ended.expect_error(texts));
    ended.with_context(|| what.to_owned()).map(|_| ())
}

/// The same, and every file is as it was.
fn refuses_to_start_and_touches_nothing(what: &str, dir: &Path, texts: &[&str]) -> anyhow::Result<()> {
    let before = files(dir)?;
    refuses_to_start(what, dir, texts)?;
    let after = files(dir)?;
    for file in &before {
        ensure!(after.contains(file), "{what}: {} was changed or deleted", file.0);
    }
    Ok(())
}

fn noise(bytes: u32) -> Vec<u8> {
    (0..bytes).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// Writes files into a directory and checks that no ledger starts in it, and that the error names the path `named`.
fn garbage_is_refused(what: &str, garbage: &[(&str, &[u8])], named: &str) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    for (path, bytes) in garbage {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().context("a parent")?)?;
        std::fs::write(path, bytes)?;
    }
    let named = dir.path().join(named).display().to_string();
    refuses_to_start_and_touches_nothing(what, dir.path(), &["error:", &named])
}

#[test]
fn garbage_in_the_data_directory_is_named_and_left_alone() -> anyhow::Result<()> {
    let noise = noise(100_000);
    garbage_is_refused("a file where the log should be", &[("log", &noise)], "log")?;
    garbage_is_refused("a log of noise", &[("log/db", &noise), ("log/conf", &noise)], "log")?;
    garbage_is_refused("settings that are none", &[("ledger.toml", b"test_clock_start = 'soon'")], "ledger.toml")
}

#[test]
fn a_log_of_something_else_is_not_made_a_ledger() -> anyhow::Result<()> {
    garbage_is_refused("a database of noise alone", &[("log/db", &noise(50_000))], "log")?;
    garbage_is_refused("two short texts", &[("log/db", b"hello"), ("log/conf", b"hello")], "log")
}

#[tokio::test]
async fn a_ledger_that_lost_its_database_is_not_begun_anew() -> anyhow::Result<()> {
    for (what, database) in [("emptied", Some(Vec::new())), ("overwritten", Some(noise(100_000))), ("deleted", None)] {
        let dir = tempfile::tempdir()?;
        let (mut serve, _client) = ledger(dir.path()).await?;
        serve.process.stop()?;
        let path = dir.path().join("log/db");
        match database {
            Some(bytes) => std::fs::write(&path, bytes)?,
            None => std::fs::remove_file(&path)?,
        }
        let log = dir.path().join("log").display().to_string();
        // Trying again does not help.
        for _ in 0..2 {
            refuses_to_start(what, dir.path(), &["error:", &log, "damaged", "backup"])?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_disk_that_is_read_only_is_named_and_nothing_is_changed() -> anyhow::Result<()> {
    let Some(disk) = Disk::new(256)? else { return Ok(()) };
    let dir = disk.path().join("ledger");
    let (mut serve, _client) = ledger(&dir).await?;
    serve.process.stop()?;
    disk.remount("ro")?;
    let named = dir.display().to_string();
    refuses_to_start_and_touches_nothing("a ledger", &dir, &["error:", &named, "Read-only file system"])?;
    let new = disk.path().join("new");
    refuses_to_start("a new one", &new, &["error:", &new.display().to_string(), "Read-only file system"])?;
    disk.remount("rw")?;
    serve.restart().await.map(|_| ())
}

/// Without them it would take the wall clock, and close years of days.
#[tokio::test]
async fn a_ledger_that_lost_its_settings_says_how_to_write_them_again() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut serve, _client) = ledger(dir.path()).await?;
    serve.process.stop()?;
    let path = dir.path().join("ledger.toml");
    let kept = std::fs::read(&path)?;
    let named = path.display().to_string();
    let says = ["error:", &named, "test_clock_start = "];
    for damage in [Vec::new(), vec![0; kept.len()]] {
        std::fs::write(&path, damage)?;
        refuses_to_start_and_touches_nothing("damaged", dir.path(), &says)?;
    }
    std::fs::remove_file(&path)?;
    refuses_to_start("gone", dir.path(), &says)?;
    std::fs::write(&path, kept)?;
    serve.restart().await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_damaged_ledger_is_kept() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut serve, client) = ledger(dir.path()).await?;
    let bought: Vec<_> = (0..1_000).map(|n| purchase(&format!("b-{n}"), "fabrikam", "contoso", "e3", 1)).collect();
    client.submit_stream(&bought, 100).await?;
    serve.process.stop()?;
    // A few thousand bytes are damaged; all the others can still tell most of the history to whoever repairs it.
    let path = dir.path().join("log/db");
    let mut database = std::fs::read(&path)?;
    let place = database.len() / 4;
    database[place..place + 3_000].copy_from_slice(&noise(3_000));
    std::fs::write(&path, database)?;
    let log = dir.path().join("log").display().to_string();
    refuses_to_start_and_touches_nothing("damaged", dir.path(), &["error:", &log, "damaged", "backup"])
}
