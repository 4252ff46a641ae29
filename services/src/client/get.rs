//! `subledger get`: one thing, as the read models have it.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use chrono::NaiveDate;
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        DocumentFormat, GetAssociationRequest, GetCoopClaimRequest, GetCreditNoteRequest, GetCustomerRequest,
        GetInvoiceDocumentRequest, GetInvoiceRequest, GetOfferRequest, GetPartnerRequest, GetSubscriptionRequest,
        GetSubscriptionStateRequest, GetTransferRequest, Invoice, LineSelection, ListReconciliationLinesRequest,
    },
    common::{AsOf, Position},
};

use super::{
    Failure,
    connect::{Address, Connection, position},
    files, help, list,
    look_back::LookBack,
    output::{Format, Output, Printer, line, print_one},
    times::date,
};

/// Lines asked for at a time: the most that the API gives at once.
const LINES_PAGE: i32 = 1_000;

/// Arguments of `get`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger get customer c-1\n  \
     subledger get subscription s-1 --output json\n  \
     subledger get subscription s-1 --customer c-1   # several customers may have one of that id\n  \
     subledger get subscription s-1 --customer c-1 --on 2018-03-01   # what it was then, and why\n  \
     subledger get subscription s-1 --customer c-1 --as-of 2018-02-28 --recorded-by 2018-03-03   # what we believed then\n  \
     subledger get transfer t-1 --customer c-1\n  \
     subledger get invoice p-1-L-USD-1\n  \
     subledger get invoice p-1-L-USD-1 --output pdf --out invoice.pdf   # json and csv (its reconciliation file) too\n  \
     subledger get customer c-1 --min-position customers/2@17   # wait until this commit is in the answer"
))]
pub(crate) struct Args {
    /// What kind of thing
    #[arg(value_enum)]
    kind: Kind,
    /// Its id, or the number of an invoice or credit note
    id: String,
    /// Whose subscription it is, where several customers have one of that id; whose transfer or association
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Whose co-op claim it is
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    #[command(flatten)]
    days: Days,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    /// File to write an invoice to; standard output without
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    look_back: LookBack,
    #[command(flatten)]
    address: Address,
    /// How to print the answer
    #[arg(long, short = 'o', value_enum, default_value_t, value_name = "FORM")]
    output: Form,
}

/// How one thing is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people
    #[default]
    Table,
    /// For programs: the canonical JSON of the API
    Json,
    /// For spreadsheets: RFC 4180; of an invoice its reconciliation file
    Csv,
    /// For printing: invoices only
    Pdf,
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
    /// A transfer; needs --customer
    Transfer,
    /// A partner's association with a customer, with its history; needs --customer
    Association,
    /// A claim on co-op funds, with its history; needs --partner
    CoopClaim,
}

/// Prints it.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if args.customer.is_some() && !matches!(args.kind, Kind::Subscription | Kind::Transfer | Kind::Association) {
        let text = "--customer says whose subscription, transfer or association is meant; other ids need no customer";
        return Err(Failure::Usage(text.to_owned()));
    }
    if args.partner.is_some() && !matches!(args.kind, Kind::CoopClaim) {
        return Err(Failure::Usage("--partner says whose co-op claim is meant; other ids need no partner".to_owned()));
    }
    match (args.kind, &args.customer, &args.partner) {
        (Kind::Association, None, _) => return Err(Failure::Usage("--customer says whose association".to_owned())),
        (Kind::CoopClaim, _, None) => return Err(Failure::Usage("--partner says whose co-op claim".to_owned())),
        _ => {}
    }
    if args.customer.is_none() && matches!(args.kind, Kind::Transfer) {
        return Err(Failure::Usage("--customer says whose transfer is meant".to_owned()));
    }
    if args.days.on.is_some() && !matches!(args.kind, Kind::Subscription) {
        return Err(Failure::Usage("--on says on which day a subscription is asked about".to_owned()));
    }
    let days = match args.kind {
        Kind::Offer | Kind::Partner => Days { as_of: args.look_back.published_by()?, ..args.days },
        _ => args.days,
    };
    let never = matches!(args.kind, Kind::Association | Kind::CoopClaim);
    if args.look_back.is_given() && (args.days.on.is_some() || never) {
        let text = "--as-of and --recorded-by look back at a customer, a subscription, a transfer, an invoice or a credit note, --as-of at an offer or a partner too; --on stands alone";
        return Err(Failure::Usage(text.to_owned()));
    }
    let as_of = args.look_back.to_wire()?;
    let connection = args.address.connect().await?;
    if matches!(args.kind, Kind::Invoice) {
        if let Some(format) = document_format(&args)? {
            return document(&connection, args, format).await;
        }
    } else if args.out.is_some() || args.output == Form::Pdf {
        return Err(Failure::Usage("--out and --output pdf are for invoices".to_owned()));
    }
    let output = Output {
        output: match args.output {
            Form::Table | Form::Pdf => Format::Table,
            Form::Json => Format::Json,
            Form::Csv => Format::Csv,
        },
    };
    let mut value =
        fetch(&connection, args.kind, args.id, args.customer.or(args.partner), days, args.min_position, as_of).await?;
    if output.output != Format::Table {
        return print_one(output, &value);
    }
    let nested = match args.kind {
        Kind::Invoice | Kind::CreditNote => Some(("lines", list::CHARGES)),
        Kind::Offer => Some(("prices", list::PRICES)),
        Kind::Customer | Kind::Subscription | Kind::Partner | Kind::Transfer => None,
        Kind::Association | Kind::CoopClaim => Some(("history", list::CLAIM_HISTORY)),
    };
    let rows = nested.and_then(|(name, _)| value.as_object_mut()?.remove(name));
    let fields = value.as_object_mut().and_then(|value| value.remove("fields"));
    print_one(output, &value)?;
    if let Some(fields) = fields {
        line("")?;
        print_one(output, &fields)?;
    }
    if let (Some((_, columns)), Some(Value::Array(rows))) = (nested, rows) {
        line("")?;
        let mut printer = Printer::stdout(output, columns)?;
        for row in &rows {
            printer.row(row)?;
        }
        printer.finish()?;
    }
    Ok(())
}

/// The document to ask for; none for what a table is made of.
fn document_format(args: &Args) -> Result<Option<DocumentFormat>, Failure> {
    let format = match args.output {
        Form::Table if args.out.is_some() => {
            return Err(Failure::Usage(
                "--out needs --output json, csv or pdf: a table is for the terminal".to_owned(),
            ));
        }
        Form::Table => return Ok(None),
        Form::Json => DocumentFormat::Json,
        Form::Csv => DocumentFormat::Csv,
        Form::Pdf if args.out.is_none() && io::stdout().is_terminal() => {
            return Err(Failure::Usage("a PDF is not for the terminal; name a file with --out".to_owned()));
        }
        Form::Pdf => DocumentFormat::Pdf,
    };
    if !args.look_back.is_given() {
        return Ok(Some(format));
    }
    // What was asked of the past is an answer, not a document: a document is the same at all times.
    if args.output == Form::Json && args.out.is_none() {
        return Ok(None);
    }
    Err(Failure::Usage("a document never changes; --as-of and --recorded-by are for a table and for JSON".to_owned()))
}

async fn document(to: &Connection, args: Args, format: DocumentFormat) -> Result<(), Failure> {
    let request =
        GetInvoiceDocumentRequest { invoice_number: args.id, format: format.into(), min_position: args.min_position };
    let stream = to.billing().get_invoice_document(request).await?.into_inner();
    files::save(stream, args.out.as_deref()).await.map(|_| ())
}

/// An invoice with all its lines, also those that did not come with it.
async fn invoice(to: &Connection, request: GetInvoiceRequest) -> Result<Invoice, Failure> {
    let mut billing = to.billing();
    let mut invoice = billing.get_invoice(request).await?.into_inner();
    while !invoice.next_lines_page_token.is_empty() {
        let selection = LineSelection { invoice_number: invoice.invoice_number.clone(), ..LineSelection::default() };
        let request = ListReconciliationLinesRequest {
            selection: Some(selection),
            page_size: LINES_PAGE,
            page_token: std::mem::take(&mut invoice.next_lines_page_token),
            min_position: Vec::new(),
        };
        let page = billing.list_reconciliation_lines(request).await?.into_inner();
        invoice.lines.extend(page.charges);
        invoice.next_lines_page_token = page.next_page_token;
    }
    Ok(invoice)
}

async fn fetch(
    to: &Connection,
    kind: Kind,
    id: String,
    owner: Option<String>,
    days: Days,
    min_position: Vec<Position>,
    as_of: Option<AsOf>,
) -> Result<Value, Failure> {
    let value = match kind {
        Kind::Customer => {
            let request = GetCustomerRequest { customer_id: id, min_position, as_of };
            to_json("subledger.v1.Customer", &to.customers().get_customer(request).await?.into_inner())
        }
        Kind::Subscription if days.on.is_some() => {
            let on = days.on.map(|day| day.to_string()).unwrap_or_default();
            let customer_id = owner.unwrap_or_default();
            let request = GetSubscriptionStateRequest { customer_id, subscription_id: id, on, min_position };
            let state = to.customers().get_subscription_state(request).await?.into_inner();
            to_json("subledger.v1.SubscriptionState", &state)
        }
        Kind::Subscription => {
            let customer_id = owner.unwrap_or_default();
            let request = GetSubscriptionRequest { subscription_id: id, min_position, customer_id, as_of };
            to_json("subledger.v1.Subscription", &to.customers().get_subscription(request).await?.into_inner())
        }
        Kind::Transfer => {
            let customer_id = owner.unwrap_or_default();
            let request = GetTransferRequest { customer_id, transfer_id: id, min_position, as_of };
            to_json("subledger.v1.Transfer", &to.customers().get_transfer(request).await?.into_inner())
        }
        Kind::Partner => {
            let as_of_date = days.as_of.map(|day| day.to_string()).unwrap_or_default();
            let request = GetPartnerRequest { partner_id: id, min_position, as_of_date };
            to_json("subledger.v1.Partner", &to.catalog().get_partner(request).await?.into_inner())
        }
        Kind::Offer => {
            let as_of_date = days.as_of.map(|day| day.to_string()).unwrap_or_default();
            let request = GetOfferRequest { offer_id: id, min_position, as_of_date };
            to_json("subledger.v1.Offer", &to.catalog().get_offer(request).await?.into_inner())
        }
        Kind::CreditNote => {
            let request = GetCreditNoteRequest { credit_note_number: id, min_position, as_of };
            to_json("subledger.v1.CreditNote", &to.billing().get_credit_note(request).await?.into_inner())
        }
        Kind::Association => {
            let customer_id = owner.unwrap_or_default();
            let request = GetAssociationRequest { customer_id, association_id: id, min_position };
            to_json("subledger.v1.Association", &to.claims().get_association(request).await?.into_inner())
        }
        Kind::CoopClaim => {
            let request = GetCoopClaimRequest { partner_id: owner.unwrap_or_default(), claim_id: id, min_position };
            to_json("subledger.v1.CoopClaim", &to.claims().get_coop_claim(request).await?.into_inner())
        }
        Kind::Invoice => {
            let request = GetInvoiceRequest { invoice_number: id, min_position, as_of };
            to_json("subledger.v1.Invoice", &invoice(to, request).await?)
        }
    };
    Ok(value?)
}
