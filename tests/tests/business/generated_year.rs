//! A generated year in short: what `tests/generated-year` does with 10,000 subscriptions.

use anyhow::ensure;
use subledger_tests::year::{self, Options, report::Report};

/// Lives through some months and fails at any difference.
async fn compared(subscriptions: usize, seed: u64, months: u32) -> anyhow::Result<Report> {
    let dir = tempfile::tempdir()?;
    let report = year::run(dir.path(), Options { subscriptions, seed, months, progress: false }).await?;
    ensure!(report.differences.is_empty(), "{report}");
    Ok(report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_invoices_files_and_entries_are_equal_for_each_partner_and_month() -> anyhow::Result<()> {
    let report = compared(200, 2, 4).await?;
    // Nothing is equal only because nothing is there.
    let count = |name: &str| report.totals.iter().find(|(what, _)| *what == name).map_or(0, |(_, count)| *count);
    ensure!(count("lines") > 250 && count("invoices") > 60 && count("credit notes") > 0, "{report}");
    let accepted = |kind: &str| report.counts.kinds.get(kind).map_or(0, |counts| counts.0);
    let purchases = accepted("purchase");
    ensure!(purchases > 100 && accepted("change_quantity") > 10 && accepted("receive_payment") > 30, "{report}");
    let mut currencies: Vec<_> = report.invoiced.iter().map(|row| row.currency.as_str()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    ensure!(currencies.len() >= 8 && currencies.contains(&"JPY") && currencies.contains(&"KWD"), "{currencies:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_seed_is_another_history_and_equal_too() -> anyhow::Result<()> {
    let report = compared(60, 11, 2).await?;
    ensure!(report.counts.accepted() > 150, "{report}");
    Ok(())
}
