//! `subledger diff`: what changed between two moments, and by which commands.

use std::fmt::Write as _;

use chrono::NaiveDate;
use serde_json::{Value, json};
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        Change, ChangeCause, ListBillingChangesRequest, ListChangesResponse, ListCustomerChangesRequest,
        ListIncentiveChangesRequest,
    },
    common::{AsOf, Position},
};
use tonic::{Code, Response, Status};

use super::{
    Failure,
    connect::{Address, position, position_text},
    help,
    output::{Column, Format, Output, Printer, line},
    times,
};

/// Things compared at a time: the most that the API compares at once.
const PAGE: i32 = 1_000;

/// Arguments of `diff`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger diff --customer c-1 --from 2018-01-31 --to 2018-02-28            # two business days\n  \
     subledger diff --customer c-1 --from customers/2@17                        # since a commit\n  \
     subledger diff --partner p-1 --from 2018-02-28,recorded:2018-03-03 --to 2018-02-28   # what we learned about February since\n\n\
     A moment is a business day, recorded:TIME, or commits such as customers/2@17 (nothing of a partition that is not named), or a day and\n\
     one of those, with commas between. Without --to, now. Balances, invoices and incentives are a partner's."
))]
#[command(group(clap::ArgGroup::new("whose").required(true).multiple(true).args(["customer", "partner"])))]
pub(crate) struct Args {
    /// Changes of this customer and its subscriptions
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Changes of this partner's balances, invoices, enrollments, earnings, incentive payments, customers and subscriptions; with --customer, of its subscriptions there
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// The first moment
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    from: AsOf,
    /// The second moment [default: now]
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    to: Option<AsOf>,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// Reads `2018-02-28,recorded:2018-03-03`.
fn moment(text: &str) -> Result<AsOf, String> {
    let mut moment = AsOf::default();
    for part in text.split(',') {
        if let Some(at) = part.strip_prefix("recorded:") {
            if moment.recorded_at.replace(times::timestamp(times::instant(at)?)).is_some() {
                return Err("a moment has one time of recording".to_owned());
            }
        } else if part.contains('@') {
            moment.recorded_positions.push(position(part)?);
        } else if moment.effective_on.is_empty() {
            let day = times::date(part);
            let day = day.map_err(|_| {
                format!("{part:?} is no part of a moment; 2018-02-28, recorded:2018-03-03 and customers/2@17 are")
            })?;
            moment.effective_on = day.to_string();
        } else {
            return Err("a moment has one business day".to_owned());
        }
    }
    if moment.recorded_at.is_some() && !moment.recorded_positions.is_empty() {
        return Err("what was recorded is said by a time or by positions, not by both".to_owned());
    }
    Ok(moment)
}

/// Whether a moment is not before another on either axis, and not the same. Moments whose times of recording cannot be compared (a time and
/// commits, or commits of which some are earlier and some later) are taken as they come.
fn is_later(from: &AsOf, to: &AsOf) -> bool {
    // No day and no time is now, which is later than any.
    let day = |at: &AsOf| at.effective_on.parse().unwrap_or(NaiveDate::MAX);
    let is_now = |at: &AsOf| at.recorded_at.is_none() && at.recorded_positions.is_empty();
    let seconds = |at: &AsOf| at.recorded_at.as_ref().map(|at| (at.seconds, at.nanos));
    let recorded_not_before = match (seconds(from), seconds(to)) {
        _ if is_now(from) => true,
        _ if is_now(to) => false,
        (Some(from), Some(to)) => from >= to,
        (None, None) => to.recorded_positions.iter().all(|to| {
            let same = |from: &&Position| (from.family, from.partition) == (to.family, to.partition);
            // Nothing is known of a partition that is not named.
            from.recorded_positions.iter().find(same).is_some_and(|from| from.seq >= to.seq)
        }),
        _ => false,
    };
    recorded_not_before && day(from) >= day(to) && from != to
}

const FIELDS: &[Column] = &[
    Column::text("KIND", "kind"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("ID", "id"),
    Column::text("FIELD", "field"),
    Column::text("BEFORE", "before"),
    Column::text("AFTER", "after"),
    Column::text("COMMANDS", "commands"),
];

/// Prints the changes.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if let Some(to) = &args.to
        && is_later(&args.from, to)
    {
        let text = "--from is later than --to: changes go forward in time, so name the earlier moment first";
        return Err(Failure::Usage(text.to_owned()));
    }
    let connection = args.address.connect().await?;
    // The three requests are alike but for their names.
    macro_rules! request {
        ($message:ident $(of $customer_id:ident)?, $page_token:expr) => {
            $message {
                $($customer_id: args.customer.clone().unwrap_or_default(),)?
                partner_id: args.partner.clone().unwrap_or_default(),
                from: Some(args.from.clone()),
                to: args.to.clone(),
                page_size: PAGE,
                page_token: $page_token,
                min_position: args.min_position.clone(),
            }
        };
    }
    let mut report = Report::new(args.output)?;
    if args.partner.is_some() && args.customer.is_none() {
        let client = connection.billing();
        each_page(&mut report, async |token| {
            client.clone().list_billing_changes(request!(ListBillingChangesRequest, token)).await
        })
        .await?;
        let client = connection.incentives();
        each_page(&mut report, async |token| {
            let page = client.clone().list_incentive_changes(request!(ListIncentiveChangesRequest, token)).await;
            // Who may see invoices may not see incentives.
            match page {
                Err(status) if status.code() == Code::PermissionDenied => {
                    eprintln!("incentives are left out: {}", status.message());
                    Ok(Response::new(ListChangesResponse::default()))
                }
                page => page,
            }
        })
        .await?;
    }
    let client = connection.customers();
    each_page(&mut report, async |token| {
        client.clone().list_customer_changes(request!(ListCustomerChangesRequest of customer_id, token)).await
    })
    .await?;
    report.finish()
}

async fn each_page(
    report: &mut Report,
    ask: impl AsyncFn(String) -> Result<Response<ListChangesResponse>, Status>,
) -> Result<(), Failure> {
    let mut token = String::new();
    loop {
        let page = ask(token).await?.into_inner();
        page.changes.iter().try_for_each(|change| report.change(change))?;
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(());
        }
    }
}

/// What is printed: text for people, messages in JSON, a row for each field in CSV.
enum Report {
    Text { changes: usize },
    Json(Printer<std::io::StdoutLock<'static>>),
    Csv(Printer<std::io::StdoutLock<'static>>),
}

impl Report {
    fn new(output: Output) -> Result<Self, Failure> {
        Ok(match output.output {
            Format::Table => Self::Text { changes: 0 },
            Format::Json => Self::Json(Printer::stdout(output, FIELDS)?),
            Format::Csv => Self::Csv(Printer::stdout(output, FIELDS)?),
        })
    }

    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        match self {
            Self::Text { changes } => {
                *changes += 1;
                line(text(change).trim_end())
            }
            Self::Json(printer) => printer.row(&to_json("subledger.v1.Change", change)?),
            Self::Csv(printer) => rows(change).iter().try_for_each(|row| printer.row(row)),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Text { changes: 0 } => line("nothing changed"),
            Self::Text { .. } => Ok(()),
            Self::Json(printer) | Self::Csv(printer) => printer.finish().map(|_| ()),
        }
    }
}

fn text(change: &Change) -> String {
    let Change { kind, id, customer_id, partner_id, .. } = change;
    let whose = match kind.as_str() {
        "subscription" => format!(" of {customer_id}, paid by {partner_id}"),
        "customer" => String::new(),
        _ => format!(" of {partner_id}"),
    };
    let what = match (change.was_there, change.is_there) {
        (false, true) => ": new",
        (true, false) => ": not there any more",
        _ => "",
    };
    let mut out = format!("{kind} {id}{whose}{what}\n");
    let width = change.fields.iter().map(|field| field.field.chars().count()).max().unwrap_or_default();
    for field in &change.fields {
        let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:<width$}  {} -> {}", field.field, shown(&field.before), shown(&field.after));
    }
    for cause in &change.causes {
        let actor = cause.actor.clone().unwrap_or_default();
        let by = [actor.principal, actor.channel].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let (place, events) = (place(cause), cause.events.join(", "));
        let (effective, recorded) = (times::text(cause.effective_at.as_ref()), times::text(cause.recorded_at.as_ref()));
        let _ = writeln!(out, "  by {place}  command {} ({})  {events}", cause.command_id, by.join(", "));
        let _ = writeln!(out, "     effective {effective}, recorded {recorded}");
    }
    if change.causes_left_out > 0 {
        let _ = writeln!(out, "  and by {} more", change.causes_left_out);
    }
    out
}

fn place(cause: &ChangeCause) -> String {
    cause.position.as_ref().map(position_text).unwrap_or_default()
}

fn rows(change: &Change) -> Vec<Value> {
    let commands = change.causes.iter().map(|cause| format!("{} {}", place(cause), cause.command_id));
    let commands = commands.collect::<Vec<_>>().join("; ");
    let row = |field: &subledger_proto::api::FieldChange| {
        json!({
            "kind": change.kind, "partner_id": change.partner_id, "customer_id": change.customer_id, "id": change.id,
            "field": field.field, "before": field.before, "after": field.after, "commands": commands,
        })
    };
    change.fields.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_backward_on_both_axes_is_told() {
        for (from, to, later) in [
            ("2018-02-28", "2018-01-31", true),
            ("2018-01-31", "2018-02-28", false),
            ("2018-01-31", "2018-01-31", false),
            // February as it is known now and as it was known in March.
            ("2018-02-28", "2018-02-28,recorded:2018-03-03", true),
            ("2018-02-28,recorded:2018-03-03", "2018-02-28", false),
            ("recorded:2018-03-04", "recorded:2018-03-03", true),
            ("recorded:2018-03-03", "recorded:2018-03-04", false),
            // One axis forward, one back: a question of its own.
            ("2018-01-31,recorded:2018-03-04", "2018-02-28,recorded:2018-03-03", false),
            ("customers/2@9", "customers/2@6", true),
            ("customers/2@6", "customers/2@9", false),
            ("customers/2@9", "customers/1@3", false),
            ("customers/2@9,customers/1@2", "customers/2@6,customers/1@3", false),
            ("customers/2@9,customers/1@2", "customers/2@6", true),
            ("customers/2@9", "recorded:2018-03-03", false),
        ] {
            assert_eq!(is_later(&moment(from).unwrap(), &moment(to).unwrap()), later, "{from} {to}");
        }
    }

    #[test]
    fn a_moment_is_a_day_and_what_was_recorded() {
        let both = moment("2018-02-28,recorded:2018-03-03").unwrap();
        assert_eq!(
            (both.effective_on.as_str(), both.recorded_at.map(|at| at.seconds)),
            ("2018-02-28", Some(1_520_035_200))
        );
        assert_eq!(moment("customers/2@17,partners/0@3").unwrap().recorded_positions.len(), 2);
        for (text, part) in [
            ("yesterday", "is no part of a moment"),
            ("", "is no part of a moment"),
            ("2018-02-28,2018-03-01", "one business day"),
            ("recorded:2018-03-03,customers/0@1", "not by both"),
            ("recorded:2018-03-03,recorded:2018-03-04", "one time of recording"),
            ("recorded:soon", "is not a time"),
        ] {
            let error = moment(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
