//! What the audit found, for a person.

use std::fmt::{self, Write as _};

use rust_decimal::Decimal;

use super::{Counts, Options};

/// One partner, month and currency, added up in several ways.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The partner.
    pub partner: String,
    /// `2020-01`.
    pub month: String,
    /// ISO 4217.
    pub currency: String,
    /// Documents; none in a month of charges.
    pub invoices: usize,
    /// Charge lines.
    pub lines: usize,
    /// Their subtotals.
    pub charges: Decimal,
    /// Tax on top.
    pub tax: Decimal,
    /// Subtotals and tax of the lines.
    pub lines_total: Decimal,
    /// What invoices say; none in a month of charges.
    pub invoice_total: Option<Decimal>,
    /// What reconciliation files add up to.
    pub file_total: Decimal,
    /// What the entries have moved.
    pub entries: Decimal,
}

impl Row {
    /// The largest distance of any sum from the lines.
    pub fn difference(&self) -> Decimal {
        let others = [self.invoice_total.unwrap_or(self.lines_total), self.file_total, self.entries];
        others.into_iter().map(|other| (other - self.lines_total).abs()).max().unwrap_or_default()
    }
}

/// An account at the end, added up in two ways.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// `contoso/USD/receivable`.
    pub path: String,
    /// What the ledger says.
    pub balance: Decimal,
    /// The sum of the entries.
    pub entries: Decimal,
    /// The sum of the documents behind it, where there is one.
    pub documents: Option<Decimal>,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was generated.
    pub options: Options,
    /// What became of the commands.
    pub counts: Counts,
    /// By the month of the invoice.
    pub invoiced: Vec<Row>,
    /// By the month in which lines were charged, whether an invoice carries them yet or not.
    pub charged: Vec<Row>,
    /// Balances.
    pub accounts: Vec<Account>,
    /// Currency and the sum of all balances, which is zero.
    pub trial: Vec<(String, Decimal)>,
    /// How many things were counted, by name.
    pub totals: Vec<(&'static str, usize)>,
    /// What is not equal, in words.
    pub differences: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { subscriptions, seed, months, .. } = self.options;
        writeln!(f, "A generated year: {subscriptions} subscriptions, seed {seed}, {months} months\n")?;
        writeln!(f, "Commands             accepted  refused")?;
        for (kind, (accepted, refused)) in &self.counts.kinds {
            writeln!(f, "  {kind:<26} {accepted:>8} {refused:>8}")?;
        }
        let refusals: Vec<_> = self.counts.refusals.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        writeln!(f, "refused: {}\n", refusals.join(", "))?;
        writeln!(f, "By the month of the invoice: lines = invoice fields = columns of its file = entries")?;
        table(f, &self.invoiced)?;
        writeln!(f, "\nBy the month charged: lines = columns of the month's files = entries")?;
        table(f, &self.charged)?;
        writeln!(f, "\nBalances: what the ledger says = entries = documents")?;
        for Account { path, balance, entries, documents } in &self.accounts {
            let documents = documents.map(|sum| sum.to_string()).unwrap_or_default();
            writeln!(f, "  {path:<26} {balance:>18} {entries:>18} {documents:>18}")?;
        }
        writeln!(f, "\nTrial balance")?;
        for (currency, sum) in &self.trial {
            writeln!(f, "  {currency} {sum}")?;
        }
        let totals: Vec<_> = self.totals.iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(f, "\nCompared: {}", totals.join(", "))?;
        for difference in &self.differences {
            writeln!(f, "DIFFERENT: {difference}")?;
        }
        match self.differences.len() {
            0 => writeln!(f, "Everything is equal."),
            count => writeln!(f, "{count} differences."),
        }
    }
}

fn table(f: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    writeln!(
        f,
        "  {:<8}{:<9}{:<5}{:>4}{:>7}{:>17}{:>15}{:>17}{:>17}{:>17}{:>17}{:>9}",
        "PARTNER", "MONTH", "", "INV", "LINES", "CHARGES", "TAX", "LINES TOTAL", "INVOICES", "FILES", "ENTRIES", "DIFF"
    )?;
    for row in rows {
        let mut invoices = String::new();
        if let Some(total) = row.invoice_total {
            write!(invoices, "{total}")?;
        }
        writeln!(
            f,
            "  {:<8}{:<9}{:<5}{:>4}{:>7}{:>17}{:>15}{:>17}{:>17}{:>17}{:>17}{:>9}",
            row.partner,
            row.month,
            row.currency,
            row.invoices,
            row.lines,
            row.charges,
            row.tax,
            row.lines_total,
            invoices,
            row.file_total,
            row.entries,
            row.difference()
        )?;
    }
    Ok(())
}
