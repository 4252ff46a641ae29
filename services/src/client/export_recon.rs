//! `subledger export-recon`: a reconciliation file, written while it comes.

use std::path::PathBuf;

use subledger_proto::{
    api::{ExportReconciliationRequest, LineSelection},
    common::{InvoiceFamily, Position},
};

use super::{
    Failure,
    connect::{Address, position},
    files, help,
};

/// Arguments of `export-recon`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger export-recon --invoice p-1-L-USD-000001 --out january.csv\n  \
     subledger export-recon --partner p-1 --family license --period 2018-02 > february.csv\n  \
     subledger export-recon --partner p-1 --family one-time --period 2018-02 --currency EUR\n  \
     subledger export-recon --partner p-1 --family one-time --period 2018-02 --currency EUR --daily\n\n\
     CSV in UTF-8 with CRLF and en-US dates. License files have the 28 published columns, 27 for a direct partner. A month\n\
     has the lines charged on its days, whether an invoice carries them yet or not."
))]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selected,
    /// The daily-rated usage behind the lines, in its 50 columns, instead of the lines
    #[arg(long)]
    daily: bool,
    /// File to write; standard output without
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
}

/// Which lines: an invoice's, or those of a month.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Selected {
    /// The partner who pays
    #[arg(long, value_name = "ID", required_unless_present = "invoice")]
    pub(super) partner: Option<String>,
    /// Which of its invoices
    #[arg(long, value_enum, default_value_t)]
    pub(super) family: Family,
    /// Currency, where the partner is charged in several
    #[arg(long, value_name = "CODE")]
    pub(super) currency: Option<String>,
    /// The lines of this invoice
    #[arg(long, value_name = "NUMBER", conflicts_with = "period")]
    pub(super) invoice: Option<String>,
    /// The lines charged in this month, such as 2018-02
    #[arg(long, value_name = "YYYY-MM", required_unless_present = "invoice")]
    pub(super) period: Option<String>,
}

/// Which of a partner's invoices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Family {
    /// Licenses, on the partner's billing day
    #[default]
    License,
    /// One-time and recurring products, by calendar month
    OneTime,
}

impl Selected {
    /// As the API takes it. An invoice needs no family: it has one.
    pub(super) fn to_wire(&self) -> LineSelection {
        let family = match self.family {
            _ if self.invoice.is_some() => InvoiceFamily::Unspecified,
            Family::License => InvoiceFamily::LicenseUsage,
            Family::OneTime => InvoiceFamily::OneTimeRecurring,
        };
        LineSelection {
            partner_id: self.partner.clone().unwrap_or_default(),
            family: family.into(),
            currency: self.currency.clone().unwrap_or_default(),
            invoice_number: self.invoice.clone().unwrap_or_default(),
            period: self.period.clone().unwrap_or_default(),
        }
    }
}

/// Writes the file.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let request = ExportReconciliationRequest {
        selection: Some(args.selection.to_wire()),
        min_position: args.min_position,
        daily_usage: args.daily,
    };
    let stream = args.address.connect().await?.billing().export_reconciliation(request).await?.into_inner();
    files::save(stream, args.out.as_deref()).await.map(|_| ())
}
