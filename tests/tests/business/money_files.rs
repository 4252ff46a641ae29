//! Files, documents, explanations, previews and the comparison with a provider's file, through the command line as a finance person uses it.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::Value;
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    process::Serve,
    shop::TEST_CLOCK,
};

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

/// 10 seats at 10.00 from 13 January, 12 from 20 January on; two invoices of 15 January and 15 February.
async fn ledger(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let setup = [
        offer("e3"),
        price("e3", "10.00"),
        partner("contoso"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("b-1", "fabrikam", "contoso", "e3", 10),
    ];
    for setup in setup {
        client.accepted(&setup).await?;
    }
    client.advance("2018-01-19").await?;
    client.accepted(&change_quantity("q-1", "fabrikam", "contoso", "sub-b-1", 12)).await?;
    client.advance("2018-02-15").await?;
    for _ in 0..100 {
        if client.invoices("contoso").await?.len() == 2 {
            return Ok((serve, client));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    anyhow::bail!("two invoices were to be issued: {:?}", client.invoices("contoso").await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_a_file_a_document_and_explained() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let address = serve.address.as_str();
    let number = "contoso-L-USD-000002";

    let csv = run(&["get", "invoice", number, "-o", "csv", "--address", address])?.expect_code(0)?.out;
    let file = run(&["export-recon", "--invoice", number, "--address", address])?.expect_code(0)?.out;
    assert_eq!(csv, file);
    let rows: Vec<&str> = file.split_terminator("\r\n").collect();
    // 31 days from 13 January: all taken back, 7 days with 10 seats (22.58), 24 with 12 (92.90), then the next month.
    assert_eq!(rows.len(), 5, "{file}");
    assert!(rows[1].contains("Cycle Instance Prorate,-10.00,10,-100.00,0.00,-100.00,0.00,-100.00,USD"), "{file}");
    assert!(rows[2].contains("1/13/2018 0:00,1/19/2018 23:59,Cycle Instance Prorate,2.26,10,22.58,"), "{file}");
    assert!(rows[3].contains("1/20/2018 0:00,2/12/2018 23:59,Cycle Instance Prorate,7.74,12,92.90,"), "{file}");
    assert!(rows[4].contains("2/13/2018 0:00,3/12/2018 23:59,Cycle Instance Prorate,10.00,12,120.00,"), "{file}");

    let json = run(&["get", "invoice", number, "-o", "json", "--address", address])?.expect_code(0)?.out;
    let invoice: Value = serde_json::from_str(&json)?;
    assert_eq!((&invoice["total"], invoice["lines"].as_array().map(Vec::len)), (&"135.48".into(), Some(4)), "{json}");
    let (one, two) = (dir.path().join("one.pdf"), dir.path().join("two.pdf"));
    for path in [&one, &two] {
        run(&["get", "invoice", number, "-o", "pdf", "--out", text(path)?, "--address", address])?.expect_code(0)?;
    }
    assert!(fs::read(&one)?.starts_with(b"%PDF-1.7"));
    assert_eq!(fs::read(&one)?, fs::read(&two)?);

    let line = invoice["lines"][2]["line_id"].as_str().context("an id")?;
    let explained = run(&["explain", line, "--address", address])?.expect_code(0)?.out;
    for said in [
        "command q-1 (",
        "10.00 USD a seat and month of price list 2018-01-US, locked for the term",
        "24 of 31 days, by the rule exact",
        "amount = 10.00 × 12 × 24 / 31 = 92.90",
        "the monthly anniversary after the change of 2018-01-20",
        number,
    ] {
        assert!(explained.contains(said), "does not say {said:?}:\n{explained}");
    }
    run(&["explain", "nope", "--address", address])?.expect_error(&["LINE_NOT_FOUND"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_file_is_compared_with_the_ledger() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let address = serve.address.as_str();
    let file = dir.path().join("provider.csv");
    let month = ["--partner", "contoso", "--period", "2018-02", "--address", address];
    run(&[&["export-recon", "--out", text(&file)?][..], &month].concat())?.expect_code(0)?;
    let compare = |more: &[&str]| run(&[&["reconcile", text(&file)?][..], &month, more].concat());
    let ended = compare(&[])?.expect_code(0)?;
    assert!(ended.out.contains("equal: 4 lines match"), "{ended:?}");

    // The provider prorates 24 of 31 days by the published formula, and knows nothing of the credit.
    let whole = fs::read_to_string(&file)?;
    let changed = whole.replace("7.74,12,92.90,0.00,92.90,0.00,92.90", "7.74,12,92.88,0.00,92.88,0.00,92.88");
    let changed: String = changed.split_inclusive("\r\n").filter(|row| !row.contains("-100.00")).collect();
    fs::write(&file, &changed)?;
    let ended = compare(&["-o", "json"])?.expect_code(1)?;
    let report: Value = serde_json::from_str(&ended.out)?;
    let causes: Vec<_> =
        report["differences"].as_array().context("a list")?.iter().map(|d| d["cause"].clone()).collect();
    assert_eq!(causes, ["proration_rule", "missed_change"], "{report:#}");
    assert_eq!(report["summary"]["ledger_total"]["USD"], "135.48");
    let ended = compare(&["-o", "csv"])?.expect_code(1)?;
    assert!(ended.out.contains("only_in_ledger,missed_change,sub-b-1,Cycle Instance Prorate"), "{ended:?}");

    fs::write(&file, whole.replace(",Subtotal", ""))?;
    compare(&[])?.expect_code(2)?.expect_error(&["COLUMN_MISSING", "Subtotal"])?;
    fs::write(&file, whole.replace("2/12/2018 23:59", "12.02.2018 23:59"))?;
    compare(&[])?.expect_code(2)?.expect_error(&["FILE_LOCALE_NOT_EN_US", "row 2, ChargeEndDate"])?;
    run(&["reconcile", text(&file)?, "--partner", "contoso", "--address", address])?.expect_code(2)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_the_cost_and_changes_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let address = serve.address.as_str();
    let before = client.history().await?.len();
    let change = change_quantity("q-2", "fabrikam", "contoso", "sub-b-1", 20).to_string();
    let said = run(&["submit", "--dry-run", &change, "--address", address])?.expect_code(0)?.out;
    assert!(said.contains("would be accepted") && said.contains("nothing is recorded"), "{said}");
    assert!(said.contains("charges now: none") && said.contains("invoice of 2018-03-15 to contoso: "), "{said}");
    let too_many = change_quantity("q-3", "fabrikam", "contoso", "sub-b-1", 301).to_string();
    run(&["submit", "--dry-run", &too_many, "--address", address])?
        .expect_code(1)?
        .expect_error(&["QUANTITY_ABOVE_MAXIMUM"])?;
    assert_eq!(client.history().await?.len(), before);
    // The id is free, and what comes of it is what was said.
    let said = run(&["submit", &change, "--address", address])?.expect_code(0)?.out;
    assert!(said.contains("accepted  customers/"), "{said}");
    Ok(())
}
