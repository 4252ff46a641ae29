//! `subledger incentives`: a partner's overview, one earning explained, and the documented exports.

use std::path::PathBuf;

use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        ExplainEarningRequest, ExportIncentivesRequest, GetIncentiveOverviewRequest, IncentiveFile, IncentiveOverview,
    },
    common::Position,
};

use super::{
    Failure,
    connect::{Address, position, position_text},
    files, help,
    output::{Format, Output, line, print_one},
};

/// Arguments of `incentives`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger incentives overview p-1\n  \
     subledger list earnings --partner p-1 --month 2019-11\n  \
     subledger incentives explain p-1/csp-direct/2019-11/5ce73e69-5f3e-5d2a-9f01-a336c15e135f/1\n  \
     subledger incentives export transactions --partner p-1 --from 2019-07 --out transactions.csv\n  \
     subledger incentives export payments --partner p-1 > payments.csv"
))]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Wait until the answer reflects this commit, such as partners/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position, global = true)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand)]
enum What {
    /// Totals, what is to be done, this year, the next and the last payment, twelve months
    Overview {
        /// The partner
        partner: String,
    },
    /// How an earning came to be
    Explain {
        /// Its id, as `list earnings` shows it
        earning: String,
    },
    /// Writes a documented export: CSV in UTF-8 with CRLF
    Export(Export),
}

#[derive(clap::Args)]
struct Export {
    /// Payments have 16 columns, transactions 26 and 15 more
    #[arg(value_enum)]
    file: File,
    /// Only of this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only of this program
    #[arg(long, value_name = "ID")]
    program: Option<String>,
    /// Only in this payment
    #[arg(long, value_name = "ID")]
    payment: Option<String>,
    /// Earnings, or payment orders, of this month and later, such as 2019-07 [default: three months before the current one]
    #[arg(long, value_name = "YYYY-MM")]
    from: Option<String>,
    /// Earnings, or payment orders, of this month and before
    #[arg(long, value_name = "YYYY-MM")]
    to: Option<String>,
    /// File to write; standard output without
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum File {
    Payments,
    Transactions,
}

/// Runs it.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    let min_position = args.min_position;
    match args.what {
        What::Overview { partner } => {
            let request = GetIncentiveOverviewRequest { partner_id: partner, min_position, ..Default::default() };
            let overview = connection.incentives().get_incentive_overview(request).await?.into_inner();
            if args.output.output == Format::Table {
                return overview_lines(&overview).into_iter().try_for_each(line);
            }
            print_one(args.output, &to_json("subledger.v1.IncentiveOverview", &overview)?)
        }
        What::Explain { earning } => {
            let request = ExplainEarningRequest { earning_id: earning, min_position };
            let found = connection.incentives().explain_earning(request).await?.into_inner();
            if args.output.output != Format::Table {
                return print_one(args.output, &to_json("subledger.v1.EarningExplanation", &found)?);
            }
            found.steps.iter().try_for_each(line)?;
            let closed = found.closed_at.as_ref().map(position_text).unwrap_or_default();
            let verified =
                if found.verified { "computed again, it is what was closed" } else { "COMPUTED AGAIN, IT DIFFERS" };
            line(format!("the month was closed by {closed}; {verified}"))
        }
        What::Export(export) => {
            let text = Option::unwrap_or_default;
            let file = match export.file {
                File::Payments => IncentiveFile::Payments,
                File::Transactions => IncentiveFile::Transactions,
            };
            let request = ExportIncentivesRequest {
                file: file.into(),
                partner_id: text(export.partner),
                program_id: text(export.program),
                mpn_id: String::new(),
                payment_id: text(export.payment),
                from_month: text(export.from),
                to_month: text(export.to),
                min_position,
            };
            let stream = connection.incentives().export_incentives(request).await?.into_inner();
            if files::save(stream, export.out.as_deref()).await? == 0 {
                // An answer, not a failure (L9478).
                eprintln!("No data available");
            }
            Ok(())
        }
    }
}

/// For people. Amounts are US dollars.
fn overview_lines(of: &IncentiveOverview) -> Vec<String> {
    let mut lines = vec![
        format!("as of {}, fiscal year from {}", of.as_of, of.year_start),
        format!("earned this year   {} USD", of.earned_this_year_usd),
        format!("paid this year     {} USD", of.paid_this_year_usd),
    ];
    if let Some(next) = &of.next_payment {
        lines.push(format!("next payment       about {} USD on {} of {}", next.estimate_usd, next.on, next.program_id));
    }
    if let Some(last) = &of.last_payment {
        let amounts = last.amounts.clone().unwrap_or_default();
        let sent = format!("{} {} on {}", amounts.total, amounts.currency, last.sent_on);
        lines.push(format!("last payment       {sent} of {}, location {}", last.program_id, last.mpn_id));
    }
    for row in &of.rows {
        let enrollment = row.enrollment.clone().unwrap_or_default();
        let what = format!("{} at {}: {}", enrollment.program_id, enrollment.mpn_id, enrollment.status);
        lines
            .push(format!("{what}, earned {}, paid {}, pending {} USD", row.earned_usd, row.paid_usd, row.pending_usd));
        lines.extend(enrollment.actions_required.iter().map(|action| format!("  to do: {action}")));
    }
    let trends = of.trends.iter();
    lines.extend(
        trends.map(|it| format!("{} {}: earned {}, paid {} USD", it.month, it.program_id, it.earned_usd, it.paid_usd)),
    );
    lines
}
