//! A reconciliation file that the ledger wrote, with differences put in as providers, spreadsheets and people put them in, comes back from
//! `reconcile` with each found and named.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price},
    process::{Process, Serve},
    shop::TEST_CLOCK,
};

/// One for each kind of difference. `changed` ones have 12 seats instead of 10 from 20 January on; ids of digits are there for spreadsheets.
const SUBSCRIPTIONS: [&str; 18] = [
    "566890604832738111",
    "566890604832739222",
    "charge-type",
    "changed-credit",
    "changed-rule",
    "currency",
    "customer",
    "discount",
    "duplicate",
    "equal",
    "missing",
    "period",
    "price",
    "quantity",
    "rounding",
    "tax",
    "total",
    "twice-changed",
];

fn purchase(subscription: &str, offer: &str) -> Value {
    json!({ "command_id": format!("buy-{subscription}"), "purchase": {
        "customer_id": "fabrikam", "partner_id": "contoso", "order_id": format!("order-{subscription}"), "lines": [{
            "subscription_id": subscription, "offer_id": offer, "quantity": 10, "billing_frequency": "BILLING_FREQUENCY_MONTHLY",
        }],
    }})
}

/// Ten seats each at 10.00, taxed with 10 percent on top, a month from 13 January and one from 13 February.
async fn ledger(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let address = json!({ "country": "US", "line1": "1 Main Street", "city": "Redmond", "state": "WA" });
    let mut directory = offer("directory");
    directory["publish_offers"]["offers"][0]["product_family"] = json!("PRODUCT_FAMILY_ONE_TIME_RECURRING");
    let setup = [
        offer("e3"),
        directory,
        price("e3", "10.00"),
        price("directory", "5.00"),
        json!({ "command_id": "rates", "publish_tax_rates": { "rows": [{ "country": "US", "region": "WA", "tax": "sales tax",
            "scope": "TAX_SCOPE_ALL", "rate_percent": "10", "valid_from": "2018-01-01" }]}}),
        partner("contoso"),
        json!({ "command_id": "profile", "update_billing_profile": { "partner_id": "contoso", "profile": { "address": address }}}),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("one-time", "directory"),
        purchase("one-time-too", "directory"),
    ];
    for command in setup.into_iter().chain(SUBSCRIPTIONS.map(|id| purchase(id, "e3"))) {
        client.accepted(&command).await?;
    }
    client.advance("2018-01-19").await?;
    for id in ["changed-credit", "changed-rule", "twice-changed"] {
        client.accepted(&change_quantity(&format!("q-{id}"), "fabrikam", "contoso", id, 12)).await?;
    }
    client.advance("2018-02-28").await?;
    Ok((serve, client))
}

/// A file as a person edits it: rows of cells, by the names of their columns.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path)?;
        let mut rows: Vec<Vec<String>> = Vec::new();
        for record in reader.records() {
            rows.push(record?.iter().map(str::to_owned).collect());
        }
        Ok(Self { header: rows.remove(0), rows })
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_path(path)?;
        writer.write_record(&self.header)?;
        self.rows.iter().try_for_each(|row| writer.write_record(row))?;
        Ok(writer.flush()?)
    }

    fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.header.iter().position(|header| header == name).with_context(|| format!("no column {name}"))
    }

    /// The row of a subscription with that amount.
    fn row(&self, subscription: &str, amount: &str) -> anyhow::Result<usize> {
        let (id, paid) = (self.column("SyndicationPartnerSubscriptionNumber")?, self.column("Amount")?);
        let mut rows = self.rows.iter().enumerate().filter(|(_, row)| row[id] == subscription && row[paid] == amount);
        let (at, _) = rows.next().with_context(|| format!("{subscription} has no line of {amount}"))?;
        ensure!(rows.next().is_none(), "{subscription} has two lines of {amount}");
        Ok(at)
    }

    fn set(&mut self, subscription: &str, amount: &str, cells: &[(&str, &str)]) -> anyhow::Result<()> {
        let at = self.row(subscription, amount)?;
        for (name, value) in cells {
            let column = self.column(name)?;
            (*value).clone_into(&mut self.rows[at][column]);
        }
        Ok(())
    }
}

/// Puts one difference of each kind into the file.
fn spoil(table: &mut Table) -> anyhow::Result<()> {
    let id = "SyndicationPartnerSubscriptionNumber";
    // As a spreadsheet saves long numbers: 15 digits, or as it shows them.
    table.set(SUBSCRIPTIONS[0], "100.00", &[(id, "5.66891E+17")])?;
    table.set(SUBSCRIPTIONS[1], "100.00", &[(id, "566890604832739000")])?;
    table.set("charge-type", "100.00", &[("ChargeType", "Prorate fees when purchase")])?;
    let credit = table.row("changed-credit", "-100.00")?;
    table.rows.remove(credit);
    // 12 seats for 24 of 31 days by the published formula.
    table.set(
        "changed-rule",
        "92.90",
        &[("Amount", "92.88"), ("Subtotal", "92.88"), ("Tax", "9.29"), ("TotalForCustomer", "102.17")],
    )?;
    table.set("currency", "100.00", &[("Currency", "EUR")])?;
    table.set("customer", "100.00", &[("CustomerId", "somebody-else")])?;
    table.set(
        "discount",
        "100.00",
        &[("TotalOtherDiscount", "5.00"), ("Subtotal", "95.00"), ("Tax", "9.50"), ("TotalForCustomer", "104.50")],
    )?;
    let again = table.rows[table.row("duplicate", "100.00")?].clone();
    table.rows.push(again);
    let missing = table.row("missing", "100.00")?;
    table.rows.remove(missing);
    table.set("period", "100.00", &[("ChargeEndDate", "3/14/2018 23:59")])?;
    table.set(
        "price",
        "100.00",
        &[
            ("UnitPrice", "11.00"),
            ("Amount", "110.00"),
            ("Subtotal", "110.00"),
            ("Tax", "11.00"),
            ("TotalForCustomer", "121.00"),
        ],
    )?;
    table.set(
        "quantity",
        "100.00",
        &[
            ("Quantity", "11"),
            ("Amount", "110.00"),
            ("Subtotal", "110.00"),
            ("Tax", "11.00"),
            ("TotalForCustomer", "121.00"),
        ],
    )?;
    table.set(
        "rounding",
        "100.00",
        &[("Amount", "100.01"), ("Subtotal", "100.01"), ("Tax", "10.00"), ("TotalForCustomer", "110.01")],
    )?;
    table.set("tax", "100.00", &[("Tax", "7.00"), ("TotalForCustomer", "107.00")])?;
    table.set("total", "100.00", &[("TotalForCustomer", "1,100.00")])?;
    let mut extra = table.rows[table.row("equal", "100.00")?].clone();
    "extra".clone_into(&mut extra[table.column(id)?]);
    table.rows.push(extra);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_seeded_difference_is_found_and_named() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let path = dir.path().join("provider.csv");
    let file = path.to_str().context("a path that is text")?;
    let month = ["--partner", "contoso", "--period", "2018-02", "--address", serve.address.as_str()];
    run(&[&["export-recon", "--out", file][..], &month].concat())?.expect_code(0)?;
    let mut table = Table::read(&path)?;
    ensure!(table.rows.len() == 15 + 3 * 4, "{} rows", table.rows.len());
    table.write(&path)?;
    let ended = run(&[&["reconcile", file][..], &month].concat())?.expect_code(0)?;
    ensure!(ended.out.contains("equal: 27 lines match"), "{ended:?}");

    spoil(&mut table)?;
    table.write(&path)?;
    let ended = run(&[&["reconcile", file, "-o", "json"][..], &month].concat())?.expect_code(1)?;
    let report: Value = serde_json::from_str(&ended.out)?;
    let differences = report["differences"].as_array().context("a list")?;
    let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let found: Vec<_> = differences
        .iter()
        .map(|of| [text(of, "subscription"), text(of, "kind"), text(of, "cause"), text(of, "difference")])
        .collect();
    let expected = [
        ["changed-credit", "only_in_ledger", "missed_change", "110.00"],
        ["changed-rule", "differs", "proration_rule", "-0.02"],
        ["charge-type", "differs", "charge_type", "0.00"],
        ["currency", "differs", "currency", "0.00"],
        ["customer", "differs", "identity", "0.00"],
        ["discount", "differs", "discount", "-5.50"],
        ["duplicate", "only_in_file", "duplicate_line", "110.00"],
        ["extra", "only_in_file", "missing_charge", "110.00"],
        ["missing", "only_in_ledger", "missing_charge", "-110.00"],
        ["period", "differs", "period", "0.00"],
        ["price", "differs", "price_version", "11.00"],
        ["quantity", "differs", "quantity", "11.00"],
        ["rounding", "differs", "rounding", "0.01"],
        ["tax", "differs", "tax", "-3.00"],
        ["total", "differs", "total_mismatch", "990.00"],
        // The one with more digits left is told first.
        ["566890604832739222", "differs", "mangled_id", "0.00"],
        ["566890604832738111", "differs", "mangled_id", "0.00"],
    ];
    assert_eq!(found, expected.map(|row| row.map(str::to_owned)), "{report:#}");
    let details: BTreeMap<String, String> =
        differences.iter().map(|of| (text(of, "subscription"), text(of, "detail"))).collect();
    for (subscription, said) in [
        ("changed-rule", "the file prorates by published_formula, the ledger by exact"),
        ("price", "the file's period price is about 11.00, the ledger's 10.00"),
        ("tax", "7.00 in the file, 10.00 in the ledger: about 7 and 10 percent"),
        ("duplicate", "the same as row "),
        (SUBSCRIPTIONS[0], "a spreadsheet took the id 566890604832738111 for a number and wrote 5.66891E+17"),
        (SUBSCRIPTIONS[1], "wrote 566890604832739000; import the column as text"),
    ] {
        ensure!(details[subscription].contains(said), "{subscription}: {details:#?}");
    }
    assert_eq!(report["summary"]["matched"], json!(12), "equal, and what was not touched of the changed ones");
    // The rows named are those of the file.
    let row = differences.iter().find(|of| of["subscription"] == "tax").and_then(|of| of["row"].as_u64());
    let at = usize::try_from(row.context("a row")?)? - 2;
    assert_eq!(table.rows[at][table.column("Tax")?], "7.00");
    let shown = run(&[&["reconcile", file][..], &month].concat())?.expect_code(1)?.out;
    for cause in expected.map(|row| row[2]) {
        ensure!(shown.contains(cause), "the table does not name {cause}:\n{shown}");
    }
    Ok(())
}

/// A file of any size is sorted on disk: what it takes of memory does not grow with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_needs_little_memory() -> anyhow::Result<()> {
    const ROWS: usize = 150_000;
    const FEW_ROWS: usize = 15_000;
    /// What ten times the rows may take more; the larger file is longer than that.
    const GROWN_KIB_MAX: u64 = 32 * 1024;
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let (small, large) = (dir.path().join("small.csv"), dir.path().join("large.csv"));
    let few = dir.path().join("few.csv");
    let address = serve.address.as_str();
    let month = ["--partner", "contoso", "--period", "2018-02", "--address", address];
    run(&[&["export-recon", "--out", small.to_str().context("a path that is text")?][..], &month].concat())?
        .expect_code(0)?;
    let mut table = Table::read(&small)?;
    let (id, known) = (table.column("SyndicationPartnerSubscriptionNumber")?, table.rows.len());
    let like = table.rows[table.row("equal", "100.00")?].clone();
    table.rows.extend((known..ROWS).map(|n| {
        let mut row = like.clone();
        row[id] = format!("other-{n}");
        row
    }));
    table.write(&large)?;
    table.rows.truncate(FEW_ROWS);
    table.write(&few)?;
    let size = fs::metadata(&large)?.len();
    ensure!(size > 30 << 20, "a file of {size} bytes");
    drop(table);

    let before = reconciled(&few, &month).await?;
    let after = reconciled(&large, &month).await?;
    for (done, rows) in [(&before, FEW_ROWS), (&after, ROWS)] {
        let said = format!("different: {known} lines match, 0 differ, {} only in the file", rows - known);
        ensure!(done.code == Some(1) && done.printed.contains(&said), "{:?}: {}", done.code, done.printed);
    }
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    let (small, large) = (before.resident_kib, after.resident_kib);
    ensure!(grown < GROWN_KIB_MAX, "{large} KiB for a file of {} KiB, {small} for a tenth of it", size / 1024);
    Ok(())
}

/// How a `reconcile` ended.
struct Reconciled {
    code: Option<i32>,
    printed: String,
    /// The most memory it had, in KiB.
    resident_kib: u64,
}

async fn reconciled(file: &Path, month: &[&str]) -> anyhow::Result<Reconciled> {
    let file = file.to_str().context("a path that is text")?;
    let arguments = [&["reconcile", file, "--limit", "3"][..], month].concat();
    let mut process = Process::start("reconcile", &arguments, &[])?;
    let mut resident_kib = 0;
    loop {
        resident_kib = resident_kib.max(process.resident_kib().unwrap_or(0));
        if let Ok(status) = process.wait_within(Duration::ZERO) {
            return Ok(Reconciled { code: status.code(), printed: process.printed(), resident_kib });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lines of one-time files have ids: one that stands twice is no file at all (billing-details.md section 2.9).
#[tokio::test(flavor = "multi_thread")]
async fn a_line_id_that_stands_twice_is_refused_with_both_rows() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let path = dir.path().join("one-time.csv");
    let file = path.to_str().context("a path that is text")?;
    let address = serve.address.as_str();
    let month = ["--partner", "contoso", "--family", "one-time", "--period", "2018-02", "--address", address];
    run(&[&["export-recon", "--out", file][..], &month].concat())?.expect_code(0)?;
    run(&[&["reconcile", file][..], &month].concat())?.expect_code(0)?;
    let whole = fs::read_to_string(&path)?;
    let first = whole.lines().nth(1).context("a line")?;
    fs::write(&path, format!("{whole}{first}\r\n"))?;
    let ended = run(&[&["reconcile", file][..], &month].concat())?.expect_code(2)?;
    ended.expect_error(&["DUPLICATE_LINE_ID", "in rows 2 and 4"])?;
    Ok(())
}
