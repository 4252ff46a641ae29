//! `subledger get`: one thing, as the read models have it.

use chrono::NaiveDate;
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        GetCreditNoteRequest, GetCustomerRequest, GetInvoiceRequest, GetOfferRequest, GetPartnerRequest,
        GetSubscriptionRequest, GetSubscriptionStateRequest,
    },
    common::{AsOf, Position},
};

use super::{
    Failure,
    connect::{Address, Connection, position},
    help, list,
    look_back::LookBack,
    output::{Format, Output, Printer, line, print_one},
    times::date,
};

/// Arguments of `get`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger get customer c-1\n  \
     subledger get subscription s-1 --output json\n  \
     subledger get subscription s-1 --customer c-1   # several customers may have one of that id\n  \
     subledger get subscription s-1 --customer c-1 --on 2018-03-01   # what it was then, and why\n  \
     subledger get invoice p-1-L-USD-1\n  \
     subledger get customer c-1 --min-position customers/2@17   # wait until this commit is in the answer"
))]
pub(crate) struct Args {
    /// What kind of thing
    #[arg(value_enum)]
    kind: Kind,
    /// Its id, or the number of an invoice or credit note
    id: String,
    /// Whose subscription it is, where several customers have one of that id
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    #[command(flatten)]
    days: Days,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    look_back: LookBack,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// Which day is asked about.
#[derive(clap::Args, Clone, Copy)]
struct Days {
    /// What a subscription was at the end of this day, and why; needs --customer
    #[arg(long, value_name = "DATE", value_parser = date, requires = "customer")]
    on: Option<NaiveDate>,
    /// By which day an offer was published; from `--as-of`.
    #[arg(skip)]
    as_of: Option<NaiveDate>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Customer,
    Subscription,
    Partner,
    Offer,
    Invoice,
    CreditNote,
}

/// Prints it.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if args.customer.is_some() && !matches!(args.kind, Kind::Subscription) {
        return Err(Failure::Usage(
            "--customer says whose subscription is meant; other ids need no customer".to_owned(),
        ));
    }
    if args.days.on.is_some() && !matches!(args.kind, Kind::Subscription) {
        return Err(Failure::Usage("--on says on which day a subscription is asked about".to_owned()));
    }
    let days = match args.kind {
        Kind::Offer => Days { as_of: args.look_back.published_by()?, ..args.days },
        _ => args.days,
    };
    if args.look_back.is_given() && !matches!(args.kind, Kind::Invoice | Kind::Offer) {
        return Err(Failure::Usage(
            "--as-of looks back at an invoice or an offer, --recorded-by at an invoice".to_owned(),
        ));
    }
    let as_of = args.look_back.to_wire()?;
    let connection = args.address.connect().await?;
    let mut value = fetch(&connection, args.kind, args.id, args.customer, days, args.min_position, as_of).await?;
    if args.output.output != Format::Table {
        return print_one(args.output, &value);
    }
    let nested = match args.kind {
        Kind::Invoice | Kind::CreditNote => Some(("lines", list::CHARGES)),
        Kind::Offer => Some(("prices", list::PRICES)),
        Kind::Customer | Kind::Subscription | Kind::Partner => None,
    };
    let rows = nested.and_then(|(name, _)| value.as_object_mut()?.remove(name));
    let fields = value.as_object_mut().and_then(|value| value.remove("fields"));
    print_one(args.output, &value)?;
    if let Some(fields) = fields {
        line("")?;
        print_one(args.output, &fields)?;
    }
    if let (Some((_, columns)), Some(Value::Array(rows))) = (nested, rows) {
        line("")?;
        let mut printer = Printer::stdout(args.output, columns)?;
        for row in &rows {
            printer.row(row)?;
        }
        printer.finish()?;
    }
    Ok(())
}

async fn fetch(
    to: &Connection,
    kind: Kind,
    id: String,
    customer: Option<String>,
    days: Days,
    min_position: Vec<Position>,
    as_of: Option<AsOf>,
) -> Result<Value, Failure> {
    let value = match kind {
        Kind::Customer => {
            let request = GetCustomerRequest { customer_id: id, min_position };
            to_json("subledger.v1.Customer", &to.customers().get_customer(request).await?.into_inner())
        }
        Kind::Subscription if days.on.is_some() => {
            let on = days.on.map(|day| day.to_string()).unwrap_or_default();
            let customer_id = customer.unwrap_or_default();
            let request = GetSubscriptionStateRequest { customer_id, subscription_id: id, on, min_position };
            let state = to.customers().get_subscription_state(request).await?.into_inner();
            to_json("subledger.v1.SubscriptionState", &state)
        }
        Kind::Subscription => {
            let customer_id = customer.unwrap_or_default();
            let request = GetSubscriptionRequest { subscription_id: id, min_position, customer_id };
            to_json("subledger.v1.Subscription", &to.customers().get_subscription(request).await?.into_inner())
        }
        Kind::Partner => {
            let request = GetPartnerRequest { partner_id: id, min_position };
            to_json("subledger.v1.Partner", &to.catalog().get_partner(request).await?.into_inner())
        }
        Kind::Offer => {
            let as_of_date = days.as_of.map(|day| day.to_string()).unwrap_or_default();
            let request = GetOfferRequest { offer_id: id, min_position, as_of_date };
            to_json("subledger.v1.Offer", &to.catalog().get_offer(request).await?.into_inner())
        }
        Kind::CreditNote => {
            let request = GetCreditNoteRequest { credit_note_number: id, min_position };
            to_json("subledger.v1.CreditNote", &to.billing().get_credit_note(request).await?.into_inner())
        }
        Kind::Invoice => {
            let request = GetInvoiceRequest { invoice_number: id, min_position, as_of };
            to_json("subledger.v1.Invoice", &to.billing().get_invoice(request).await?.into_inner())
        }
    };
    Ok(value?)
}
