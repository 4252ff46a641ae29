//! Adds up what the ledger says, in every way it says it, and compares.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use subledger_proto::{
    api::{Charge, Entry, Invoice, InvoiceFields},
    common::InvoiceFamily,
};

use super::{
    Options, last_day,
    read::{self, FileSums, amount},
    report::{Account, Report, Row},
    world::PARTNERS,
};
use crate::client::Client;

/// Days until an invoice is due (billing-details.md 2.4).
const DUE_DAYS: u64 = 60;

/// A partner, as far as the audit reads it.
struct Books {
    partner: String,
    charges: Vec<Charge>,
    invoices: Vec<Invoice>,
    entries: Vec<Entry>,
}

/// Sums of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    lines: usize,
    discount: Decimal,
    subtotal: Decimal,
    negative: Decimal,
    tax: Decimal,
    included: Decimal,
    total: Decimal,
}

impl Sums {
    fn add(&mut self, line: &Charge) -> anyhow::Result<()> {
        let subtotal = amount(&line.subtotal)?;
        self.lines += 1;
        self.discount += amount(&line.discount)?;
        self.subtotal += subtotal;
        self.negative += subtotal.min(Decimal::ZERO);
        self.tax += amount(&line.tax)?;
        self.included += amount(line.tax_detail.as_ref().map_or("", |tax| &tax.included))?;
        self.total += amount(&line.total)?;
        Ok(())
    }
}

/// The comparison.
struct Audit<'a> {
    client: &'a Client,
    address: &'a str,
    dir: &'a Path,
    report: Report,
    files: usize,
}

/// Reads everything and compares. The differences are in the report.
pub async fn audit(client: &Client, address: &str, dir: &Path, options: Options) -> anyhow::Result<Report> {
    let report = Report {
        options,
        counts: super::Counts::default(),
        invoiced: Vec::new(),
        charged: Vec::new(),
        accounts: Vec::new(),
        trial: Vec::new(),
        totals: Vec::new(),
        differences: Vec::new(),
    };
    let mut audit = Audit { client, address, dir, report, files: 0 };
    let (mut trial, mut counts) = (BTreeMap::new(), [0; 4]);
    for partner in &PARTNERS {
        let books = Books::read(client, partner.id).await?;
        let notes = read::credit_notes(client, partner.id).await?.len();
        let sizes = [books.charges.len(), books.invoices.len(), books.entries.len(), notes];
        counts.iter_mut().zip(sizes).for_each(|(count, size)| *count += size);
        audit.lines(&books)?;
        audit.postings(&books)?;
        audit.invoiced(&books)?;
        audit.charged(&books)?;
        audit.balances(&books).await?;
        for entry in &books.entries {
            let sum: &mut Decimal = trial.entry(entry.currency.clone()).or_default();
            *sum += amount(&entry.debit)? - amount(&entry.credit)?;
        }
        if options.progress {
            eprintln!("{} is compared: {} lines", partner.id, books.charges.len());
        }
    }
    for (currency, sum) in &trial {
        audit.equal(&format!("trial balance in {currency}"), *sum, Decimal::ZERO);
    }
    audit.report.trial = trial.into_iter().collect();
    let names = ["lines", "invoices", "entries", "credit notes"];
    audit.report.totals = names.into_iter().zip(counts).chain([("files", audit.files)]).collect();
    Ok(audit.report)
}

impl Books {
    async fn read(client: &Client, partner: &str) -> anyhow::Result<Self> {
        let mut invoices = Vec::new();
        for header in read::invoices(client, partner).await? {
            invoices.push(read::invoice(client, &header.invoice_number).await?);
        }
        Ok(Self {
            partner: partner.to_owned(),
            charges: read::charges(client, partner).await?,
            invoices,
            entries: read::entries(client, partner).await?,
        })
    }

    /// What the entries of an account with these references have moved: debits less credits.
    fn moved(&self, account: &str, wanted: impl Fn(&Entry) -> bool) -> anyhow::Result<Decimal> {
        let entries = self.entries.iter().filter(|entry| entry.account == account && wanted(entry));
        entries.map(|entry| Ok(amount(&entry.debit)? - amount(&entry.credit)?)).sum()
    }
}

/// The offer of the line of a refund.
const REFUND: &str = "refund";

/// The invoice that the lines of this one name: itself, or the one that bills them again.
fn carrier<'a>(invoices: &'a [Invoice], of: &'a Invoice) -> &'a str {
    let mut last = of;
    while let Some(next) = invoices.iter().find(|invoice| invoice.invoice_number == last.rebilled_as) {
        last = next;
    }
    &last.invoice_number
}

/// What was refunded with this invoice, and with those it replaces.
fn refunded_with(invoices: &[Invoice], of: &Invoice) -> anyhow::Result<Decimal> {
    let (mut last, mut sum) = (of, amount(&of.refund)?);
    while let Some(before) = invoices.iter().find(|invoice| invoice.invoice_number == last.rebills) {
        last = before;
        sum += amount(&last.refund)?;
    }
    Ok(sum)
}

impl Audit<'_> {
    fn equal(&mut self, what: &str, found: Decimal, wanted: Decimal) {
        if found != wanted {
            self.report.differences.push(format!("{what}: {found}, but the lines come to {wanted}"));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, wanted: &T) {
        if found != wanted {
            self.report.differences.push(format!("{what}: {found:?}, not {wanted:?}"));
        }
    }

    /// Each line adds up, and stands once.
    fn lines(&mut self, books: &Books) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        for line in &books.charges {
            let id = &line.line_id;
            if !seen.insert(id) {
                self.report.differences.push(format!("line {id} stands twice"));
            }
            let subtotal = amount(&line.amount)? - amount(&line.discount)?;
            self.equal(&format!("subtotal of line {id}"), amount(&line.subtotal)?, subtotal);
            self.equal(&format!("total of line {id}"), amount(&line.total)?, subtotal + amount(&line.tax)?);
            let named = books.invoices.iter().any(|invoice| invoice.invoice_number == line.invoice_number);
            if !line.invoice_number.is_empty() && !named {
                self.report.differences.push(format!("line {id} is on {}, which is not there", line.invoice_number));
            }
        }
        Ok(())
    }

    /// The entries of a commit balance by currency.
    fn postings(&mut self, books: &Books) -> anyhow::Result<()> {
        let mut sums: BTreeMap<(String, &str), Decimal> = BTreeMap::new();
        for entry in &books.entries {
            let sum = sums.entry((format!("{:?}", entry.position), &entry.currency)).or_default();
            *sum += amount(&entry.debit)? - amount(&entry.credit)?;
        }
        for ((position, currency), sum) in sums {
            self.equal(&format!("{}: entries in {currency} of {position}", books.partner), sum, Decimal::ZERO);
        }
        Ok(())
    }

    /// Invoices, their lines, files and entries, by month.
    fn invoiced(&mut self, books: &Books) -> anyhow::Result<()> {
        let mut by_number: BTreeMap<&str, Sums> = BTreeMap::new();
        for line in &books.charges {
            by_number.entry(line.invoice_number.as_str()).or_default().add(line)?;
        }
        let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
        for invoice in &books.invoices {
            let number = invoice.invoice_number.as_str();
            let mut own = by_number.get(carrier(&books.invoices, invoice)).cloned().unwrap_or_default();
            // What was refunded with it, and with those it replaces, is a line of the invoice that nobody was charged.
            let refunds = invoice.lines.iter().filter(|line| line.offer_id == REFUND);
            refunds.clone().try_for_each(|line| own.add(line))?;
            let refunded: Decimal = refunds.map(|line| amount(&line.total)).sum::<anyhow::Result<_>>()?;
            self.equal(&format!("{number}: refunds"), refunded, -refunded_with(&books.invoices, invoice)?);
            let file = self.file(number, &invoice.currency, &["--invoice", number])?.unwrap_or_default();
            let sums = self.invoice(invoice, &own, &file)?;
            let other_credits = amount(&invoice.fields.clone().unwrap_or_default().other_credits)?;
            let paid = amount(&invoice.paid)?;
            let named = |entry: &Entry| entry.reference == number;
            let receivable = books.moved("receivable", named)?;
            self.equal(&format!("{number}: receivable"), receivable, amount(&invoice.total)? - paid);
            if !invoice.rebills.is_empty() {
                continue;
            }
            let month = invoice.period_end.get(..7).unwrap_or_default().to_owned();
            let key = (month.clone(), invoice.currency.clone());
            let partner = books.partner.clone();
            let empty = Row { partner, month, currency: invoice.currency.clone(), ..Row::default() };
            let row = rows.entry(key).or_insert(empty);
            row.invoices += 1;
            row.lines += sums.lines;
            row.charges += sums.subtotal;
            row.tax += sums.tax;
            row.lines_total += sums.total;
            *row.invoice_total.get_or_insert_default() += amount(&invoice.total)? + other_credits;
            row.file_total += file.total;
            row.entries -= books.moved("unbilled", named)?;
        }
        let rows: Vec<Row> = rows.into_values().collect();
        self.keep(&rows, "invoices");
        self.report.invoiced.extend(rows);
        Ok(())
    }

    fn keep(&mut self, rows: &[Row], what: &str) {
        for row in rows.iter().filter(|row| !row.difference().is_zero()) {
            let Row { partner, month, currency, .. } = row;
            let text = format!("{partner} {month} {currency}: the {what} are {} off", row.difference());
            self.report.differences.push(text);
        }
    }

    /// One invoice: its lines, its fields, its file. The sums of its lines come back.
    fn invoice(&mut self, invoice: &Invoice, own: &Sums, file: &FileSums) -> anyhow::Result<Sums> {
        let number = &invoice.invoice_number;
        let mut sums = Sums::default();
        for line in &invoice.lines {
            sums.add(line)?;
            self.same(&format!("{number}: currency of {}", line.line_id), &line.currency, &invoice.currency);
        }
        self.same(&format!("{number}: sums of its lines, and of the charges that name it"), &sums, own);
        let fields = invoice.fields.clone().context("an invoice has fields")?;
        self.fields(invoice, &fields, &sums)?;
        self.same(&format!("{number}: line count"), &usize::try_from(invoice.line_count)?, &sums.lines);
        self.same(&format!("{number}: rows of its file"), &file.rows, &sums.lines);
        self.equal(&format!("{number}: column Subtotal"), file.subtotal, sums.subtotal);
        self.equal(&format!("{number}: column Tax"), file.tax, sums.tax);
        self.equal(&format!("{number}: column TotalForCustomer"), file.total, sums.total);
        self.equal(&format!("{number}: column TotalOtherDiscount"), file.discount, sums.discount);
        let due = invoice.invoice_date.parse::<NaiveDate>()?.checked_add_days(Days::new(DUE_DAYS));
        self.same(&format!("{number}: due date"), &Some(invoice.due_date.clone()), &due.map(|day| day.to_string()));
        Ok(sums)
    }

    /// Section 3.5 and S1 to S6 of 3.6 of billing-details.md.
    fn fields(&mut self, invoice: &Invoice, fields: &InvoiceFields, sums: &Sums) -> anyhow::Result<()> {
        let number = &invoice.invoice_number;
        let license = invoice.family() == InvoiceFamily::LicenseUsage;
        let (in_license, in_one_time) =
            if license { (sums.subtotal, Decimal::ZERO) } else { (Decimal::ZERO, sums.subtotal) };
        let withheld: Decimal =
            invoice.withholding_credits.iter().map(|credit| amount(&credit.credited)).sum::<anyhow::Result<_>>()?;
        let charged = amount(&fields.subtotal)? + amount(&fields.tax)?;
        for (name, found, wanted) in [
            ("license_charges", &fields.license_charges, in_license),
            ("usage_charges", &fields.usage_charges, Decimal::ZERO),
            ("one_time_charges", &fields.one_time_charges, in_one_time),
            ("discounts", &fields.discounts, sums.discount),
            ("credits", &fields.credits, sums.negative),
            ("subtotal", &fields.subtotal, sums.subtotal),
            ("tax", &fields.tax, sums.tax),
            ("tax_included", &fields.tax_included, sums.included),
            ("other_credits", &fields.other_credits, withheld),
            ("total_current_charges", &fields.total_current_charges, sums.total - withheld),
        ] {
            self.equal(&format!("{number}: {name}"), amount(found)?, wanted);
        }
        self.equal(&format!("{number}: subtotal and tax"), charged, sums.total);
        self.equal(&format!("{number}: total"), amount(&invoice.total)?, charged - withheld);
        let settled = amount(&invoice.paid)? + amount(&invoice.withheld)? + amount(&invoice.credited)?;
        self.equal(&format!("{number}: due"), amount(&invoice.due)?, amount(&invoice.total)? - settled);
        Ok(())
    }

    /// Lines, files and entries by the month in which lines were charged.
    fn charged(&mut self, books: &Books) -> anyhow::Result<()> {
        let lines: BTreeMap<&str, &Charge> = books.charges.iter().map(|line| (line.line_id.as_str(), line)).collect();
        let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
        for line in &books.charges {
            let month = line.charged_on.get(..7).unwrap_or_default().to_owned();
            let (partner, currency) = (books.partner.clone(), line.currency.clone());
            let row = rows.entry((month.clone(), currency.clone())).or_insert(Row {
                partner,
                month,
                currency,
                ..Row::default()
            });
            row.lines += 1;
            row.charges += amount(&line.subtotal)?;
            row.tax += amount(&line.tax)?;
            row.lines_total += amount(&line.total)?;
        }
        let of_lines = |entry: &&Entry| entry.account == "unbilled" && lines.contains_key(entry.reference.as_str());
        for entry in books.entries.iter().filter(of_lines) {
            let month = entry.booked_on.get(..7).unwrap_or_default().to_owned();
            match rows.get_mut(&(month, entry.currency.clone())) {
                Some(row) => row.entries += amount(&entry.debit)? - amount(&entry.credit)?,
                None => self.report.differences.push(format!("an entry of a month without lines: {entry:?}")),
            }
        }
        for row in rows.values_mut() {
            let mut count = 0;
            for family in ["license", "one-time"] {
                let which = [
                    "--partner",
                    &row.partner,
                    "--family",
                    family,
                    "--period",
                    &row.month,
                    "--currency",
                    &row.currency,
                ];
                let name = format!("{}-{family}-{}-{}", row.partner, row.month, row.currency);
                if let Some(file) = self.file(&name, &row.currency, &which)? {
                    row.file_total += file.total;
                    count += file.rows;
                }
            }
            self.same(
                &format!("{} {} {}: rows of the month's files", row.partner, row.month, row.currency),
                &count,
                &row.lines,
            );
        }
        let rows: Vec<Row> = rows.into_values().collect();
        self.keep(&rows, "months charged");
        self.report.charged.extend(rows);
        Ok(())
    }

    fn file(&mut self, name: &str, currency: &str, which: &[&str]) -> anyhow::Result<Option<FileSums>> {
        self.files += 1;
        read::export(self.address, &self.dir.join(format!("{name}.csv")), currency, which)
    }

    /// Balances are sums of entries, at the end and at the end of every month; and what the documents say.
    async fn balances(&mut self, books: &Books) -> anyhow::Result<()> {
        let partner = books.partner.as_str();
        let documents = self.documents(books).await?;
        let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for entry in &books.entries {
            let sum = sums.entry((entry.currency.clone(), entry.account.clone())).or_default();
            *sum += amount(&entry.debit)? - amount(&entry.credit)?;
        }
        for balance in read::balances(self.client, partner, None).await? {
            let path = format!("{partner}/{}/{}", balance.currency, balance.account);
            let key = (balance.currency.clone(), balance.account.clone());
            let (found, entries) = (amount(&balance.amount)?, sums.remove(&key).unwrap_or_default());
            let documented = ["unbilled", "receivable", "payments", "unallocated"].contains(&balance.account.as_str());
            let documents = documents.get(&key).copied().or_else(|| documented.then_some(Decimal::ZERO));
            self.equal(&format!("balance {path}"), found, entries);
            if let Some(documents) = documents {
                self.equal(&format!("{path} by its documents"), found, documents);
            }
            self.report.accounts.push(Account { path, balance: found, entries, documents });
        }
        for (key, sum) in sums.into_iter().filter(|(_, sum)| !sum.is_zero()) {
            self.equal(&format!("{partner}: a balance of {key:?} is not listed"), sum, Decimal::ZERO);
        }
        self.months_ends(books).await
    }

    /// What the documents say that is owed, paid and not yet billed.
    async fn documents(&mut self, books: &Books) -> anyhow::Result<BTreeMap<(String, String), Decimal>> {
        let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        let mut add = |currency: &str, account: &str, sum: Decimal| {
            *sums.entry((currency.to_owned(), account.to_owned())).or_default() += sum;
        };
        for line in books.charges.iter().filter(|line| line.invoice_number.is_empty()) {
            add(&line.currency, "unbilled", amount(&line.total)?);
        }
        for invoice in &books.invoices {
            add(&invoice.currency, "receivable", amount(&invoice.due)?);
        }
        for payment in read::payments(self.client, &books.partner).await? {
            let kept = amount(&payment.amount)? - amount(&payment.refunded)?;
            add(&payment.currency, "payments", kept);
            add(&payment.currency, "unallocated", Decimal::ZERO - amount(&payment.unallocated)?);
            let parts = amount(&payment.allocated)? + amount(&payment.unallocated)?;
            self.equal(&format!("parts of payment {}", payment.payment_id), parts, kept);
        }
        let mut stated: BTreeMap<String, Decimal> = BTreeMap::new();
        for line in read::statement(self.client, &books.partner).await? {
            *stated.entry(line.currency).or_default() += amount(&line.amount)?;
        }
        for (currency, sum) in stated {
            let owed: Decimal = ["receivable", "unallocated"]
                .iter()
                .filter_map(|account| sums.get(&(currency.clone(), (*account).to_owned())))
                .sum();
            self.equal(&format!("{}: statement in {currency}", books.partner), sum, owed);
        }
        Ok(sums)
    }

    async fn months_ends(&mut self, books: &Books) -> anyhow::Result<()> {
        let last = last_day(self.report.options)?;
        let ends: BTreeSet<String> = super::START
            .parse::<NaiveDate>()?
            .iter_days()
            .take_while(|day| *day <= last)
            .filter(|day| day.succ_opt().is_some_and(|next| next.format("%d").to_string() == "01"))
            .map(|day| day.to_string())
            .collect();
        for end in ends {
            let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
            for entry in books.entries.iter().filter(|entry| entry.booked_on <= end) {
                let sum = sums.entry((entry.currency.clone(), entry.account.clone())).or_default();
                *sum += amount(&entry.debit)? - amount(&entry.credit)?;
            }
            for balance in read::balances(self.client, &books.partner, Some(&end)).await? {
                let key = (balance.currency.clone(), balance.account.clone());
                let entries = sums.remove(&key).unwrap_or_default();
                let what = format!("{}/{}/{} on {end}", books.partner, balance.currency, balance.account);
                self.equal(&what, amount(&balance.amount)?, entries);
            }
            for (key, sum) in sums.into_iter().filter(|(_, sum)| !sum.is_zero()) {
                self.equal(&format!("{} on {end}: {key:?} is not listed", books.partner), sum, Decimal::ZERO);
            }
        }
        Ok(())
    }
}
