//! The books: folded from the history, compared with the invoices that were issued.

use subledger_billing::{BillingProjection, Verification, trial_balance, verify_invoice};
use subledger_domain::{Event, ids::InvoiceNumber};
use subledger_fold::memory::Memory;

use super::{Export, bad::Bad, records::Records};
use crate::client::{compare, folder, meter::Meter};

/// An invoice, and where it was issued.
struct Issued {
    number: InvoiceNumber,
    bad: Bad,
}

/// Folds every partition; gives lines for the report.
pub(super) fn check(export: &Export, meter: &Meter) -> Result<Vec<String>, Vec<Bad>> {
    let mut rows = Memory::default();
    let mut issued = Vec::new();
    for part in &export.partitions {
        let mut records = Records::open(export, part.partition).map_err(|bad| vec![bad])?;
        while let Some(record) = records.next().map_err(|bad| vec![bad])? {
            let commit = records.decode(&record).map_err(|bad| vec![bad])?;
            let at = |what: String| records.bad(record.offset, what).seq(commit.position.seq);
            compare::fold(&BillingProjection, &commit, &mut rows).map_err(|error| vec![at(error.0)])?;
            for event in commit.events() {
                if let Event::InvoiceIssued(event) = event {
                    let number = event.invoice_number.clone();
                    let bad = at(format!("invoice {number} is not what its charges come to"));
                    issued.push(Issued { number, bad });
                }
            }
            meter.step();
        }
    }
    report(export, &rows, issued)
}

fn report(export: &Export, rows: &Memory, issued: Vec<Issued>) -> Result<Vec<String>, Vec<Bad>> {
    let first = export.partitions[0].partition;
    let failed =
        |error: subledger_fold::StoreError| vec![Bad::of(first, folder::MANIFEST, format!("the books: {error}"))];
    let (mut same, mut later, mut bad) = (0_u64, 0_u64, Vec::new());
    for Issued { number, bad: place } in issued {
        match verify_invoice(rows, &number).map_err(failed)? {
            Verification::Matches => same += 1,
            Verification::Behind(_) => later += 1,
            Verification::Differs(differences) => bad.push(place.because(&format!("{differences:?}"))),
            Verification::Unknown => bad.push(place.because("the fold does not know it")),
        }
    }
    let mut lines = vec![format!("invoices       {same} have the lines and totals that were issued")];
    if later > 0 {
        lines.push(format!(
            "invoices       {later} refer to records after the end of this export and were not compared"
        ));
    }
    for balance in trial_balance(rows).map_err(failed)? {
        if balance.difference.is_zero() {
            let text = format!(
                "balance        {} {} debits = credits, {} entries",
                balance.debits, balance.currency, balance.entry_count
            );
            lines.push(text);
        } else {
            let what = format!("debits and credits in {} differ by {}", balance.currency, balance.difference);
            bad.push(Bad::of(first, folder::MANIFEST, what));
        }
    }
    if bad.is_empty() { Ok(lines) } else { Err(bad) }
}
