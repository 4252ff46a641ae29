//! `subledger list`: lists of the read models, page after page.

mod columns;
mod programs;
mod receivables;
mod usage;

use chrono::NaiveDate;
use columns::{
    ACTIVITIES, BALANCES, CUSTOMERS, ENTRIES, INCENTIVES, INVOICES, LISTED_PRICES, OFFERS, PARTNERS, SUBSCRIPTIONS,
    TAX_RATES, TRANSFERS, USERS,
};
pub(crate) use columns::{CHARGES, PRICES};
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        ListActivitiesRequest, ListAgeingRequest, ListBalancesRequest, ListChargesRequest, ListCreditNotesRequest,
        ListCustomersRequest, ListEarnedCreditRequest, ListEarnedCreditTotalsRequest, ListEarningDisputesRequest,
        ListEarningPeriodsRequest, ListEarningsRequest, ListEnrollmentsRequest, ListEntriesRequest,
        ListIncentiveBasesRequest, ListIncentivePaymentsRequest, ListIncentiveProgramsRequest, ListInvoicesRequest,
        ListOffersRequest, ListPartnersRequest, ListPaymentsRequest, ListPricesRequest, ListSlaClaimsRequest,
        ListSpendingRequest, ListStatementRequest, ListSubscriptionsRequest, ListTaxRatesRequest, ListTransfersRequest,
        ListUsageRequest, ListUsersRequest, ListWithholdingRequestsRequest,
    },
    common::Position,
};

use super::{
    Failure,
    connect::{Address, Connection, position},
    help,
    look_back::LookBack,
    output::{Column, Output, Printer},
    times::date,
};

/// Rows of one page: the most that the API gives at once.
const PAGE_ROWS: usize = 1000;

/// Arguments of `list`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger list customers --partner p-1 --prefix con\n  \
     subledger list subscriptions --customer c-1 --state active\n  \
     subledger list charges --partner p-1 --unbilled --output csv > unbilled.csv\n  \
     subledger list balances --currency USD --min-position customers/2@17\n  \
     subledger list balances --partner p-1 --as-of 2018-02-28 --recorded-by 2018-03-03   # what we believed then"
))]
pub(crate) struct Args {
    /// What to list
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    filter: Filter,
    /// Most rows to print; 0 for all
    #[arg(long, default_value_t = 1000, value_name = "ROWS")]
    limit: usize,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// The filters of the API. One that the list does not have is an error.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only of this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only of this customer
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Only of this subscription
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    /// Only in this currency
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Only of this account: receivable, unbilled, revenue, credits
    #[arg(long)]
    account: Option<String>,
    /// Only in this state: active, suspended, trial, expired, deprovisioned
    #[arg(long)]
    state: Option<String>,
    /// Only company names or domains that begin with this
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only of this incentive program
    #[arg(long, value_name = "ID")]
    program: Option<String>,
    /// Only in this incentive payment
    #[arg(long, value_name = "ID")]
    payment: Option<String>,
    /// Only of this month, such as 2018-01
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// What was recorded, or of a statement what was booked, on this day or later
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<NaiveDate>,
    /// What was recorded, or of a statement what was booked, on this day or before
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<NaiveDate>,
    /// The day whose prices are listed; a day to come is a preview
    #[arg(long, value_name = "DATE", value_parser = date)]
    on: Option<NaiveDate>,
    /// The day they are compared with; the last of the month before, if absent
    #[arg(long, value_name = "DATE", value_parser = date)]
    since: Option<NaiveDate>,
    /// Only lines that no invoice carries yet
    #[arg(long)]
    unbilled: bool,
    /// Only payments with something left
    #[arg(long)]
    unallocated: bool,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    look_back: LookBack,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Customers,
    Subscriptions,
    Partners,
    Offers,
    TaxRates,
    Balances,
    Entries,
    Charges,
    Invoices,
    Payments,
    CreditNotes,
    /// Withholding tax requests
    Withholdings,
    /// Claims for outages
    Claims,
    /// What partners owe, by the days since it was due; needs --as-of
    Ageing,
    /// A partner's statement of account; needs --partner
    Statement,
    Transfers,
    Activities,
    /// Users of a customer with their licenses
    Users,
    /// Prices of a currency on a day, with what changed
    Prices,
    /// Net revenue and seats by month, offer and partner
    Incentives,
    /// Rated Azure usage by day and resource
    Usage,
    /// What customers spend on Azure by month, and their budgets
    Spending,
    /// Earned, forgone and why, by day and resource
    EarnedCredit,
    /// Earned credit by month
    EarnedCreditTotals,
    /// Incentive programs with their rate cards
    IncentivePrograms,
    /// Locations in incentive programs
    Enrollments,
    /// Closed months of earnings
    EarningPeriods,
    /// The transaction history of incentives: one row for each earning
    Earnings,
    /// Payments of earnings
    IncentivePayments,
    /// Disputes about earnings
    EarningDisputes,
}

impl Kind {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Customers => CUSTOMERS,
            Self::Subscriptions => SUBSCRIPTIONS,
            Self::Partners => PARTNERS,
            Self::Offers => OFFERS,
            Self::TaxRates => TAX_RATES,
            Self::Balances => BALANCES,
            Self::Entries => ENTRIES,
            Self::Charges => CHARGES,
            Self::Invoices => INVOICES,
            Self::Payments => receivables::PAYMENTS,
            Self::CreditNotes => receivables::CREDIT_NOTES,
            Self::Withholdings => receivables::WITHHOLDINGS,
            Self::Claims => receivables::CLAIMS,
            Self::Ageing => receivables::AGEING,
            Self::Statement => receivables::STATEMENT,
            Self::Transfers => TRANSFERS,
            Self::Activities => ACTIVITIES,
            Self::Users => USERS,
            Self::Prices => LISTED_PRICES,
            Self::Incentives => INCENTIVES,
            Self::Usage => usage::USAGE,
            Self::Spending => usage::SPENDING,
            Self::EarnedCredit => usage::EARNED_CREDIT,
            Self::EarnedCreditTotals => usage::EARNED_CREDIT_TOTALS,
            Self::IncentivePrograms => programs::PROGRAMS,
            Self::Enrollments => programs::ENROLLMENTS,
            Self::EarningPeriods => programs::PERIODS,
            Self::Earnings => programs::EARNINGS,
            Self::IncentivePayments => programs::PAYMENTS,
            Self::EarningDisputes => programs::DISPUTES,
        }
    }

    /// The filters the API has for this list.
    fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &["partner", "prefix", "as-of", "recorded-by"],
            Self::Subscriptions => &["customer", "partner", "state", "as-of", "recorded-by"],
            Self::Partners | Self::TaxRates => &[],
            Self::Offers => &["as-of"],
            Self::Balances | Self::Entries => &["partner", "currency", "account", "as-of", "recorded-by"],
            Self::Charges => &["partner", "customer", "subscription", "unbilled", "as-of", "recorded-by"],
            Self::CreditNotes | Self::Withholdings | Self::Claims => &["partner"],
            Self::Payments => &["partner", "currency", "unallocated"],
            Self::Invoices | Self::Ageing => &["partner", "as-of", "recorded-by"],
            Self::Statement => &["partner", "currency", "from", "to"],
            Self::Transfers => &["customer", "partner"],
            Self::Activities => &["customer", "from", "to"],
            Self::Users => &["customer"],
            Self::Prices => &["currency", "on", "since", "as-of"],
            Self::Incentives => &["partner", "month", "as-of", "recorded-by"],
            Self::EarnedCreditTotals => &["partner", "month"],
            Self::IncentivePrograms => &[],
            Self::Enrollments | Self::IncentivePayments | Self::EarningDisputes => &["partner", "program"],
            Self::EarningPeriods => &["partner", "program", "month"],
            Self::Earnings => &["partner", "program", "customer", "month", "payment"],
            Self::Usage => &["partner", "customer", "month", "unbilled"],
            Self::Spending | Self::EarnedCredit => &["partner", "customer", "month"],
        }
    }
}

impl Filter {
    /// No filter, but a position to wait for.
    pub(crate) fn at(min_position: Vec<Position>) -> Self {
        Self { min_position, ..Self::default() }
    }

    fn check(&self, kind: Kind) -> Result<(), Failure> {
        let given = [
            ("partner", self.partner.is_some()),
            ("customer", self.customer.is_some()),
            ("subscription", self.subscription.is_some()),
            ("currency", self.currency.is_some()),
            ("account", self.account.is_some()),
            ("state", self.state.is_some()),
            ("prefix", self.prefix.is_some()),
            ("month", self.month.is_some()),
            ("program", self.program.is_some()),
            ("payment", self.payment.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("on", self.on.is_some()),
            ("since", self.since.is_some()),
            ("unbilled", self.unbilled),
            ("unallocated", self.unallocated),
            ("as-of", self.look_back.is_given()),
        ];
        let filters = kind.filters();
        match given.iter().find(|(name, given)| *given && !filters.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let accepted = filters.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ");
                let accepted = if accepted.is_empty() { "no filter".to_owned() } else { accepted };
                let kind = format!("{kind:?}").to_ascii_lowercase();
                Err(Failure::Usage(format!("--{name} does not filter {kind}; {accepted} does")))
            }
        }
    }
}

/// Prints the list.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    args.filter.check(args.kind)?;
    let connection = args.address.connect().await?;
    let mut printer = Printer::stdout(args.output, args.kind.columns())?;
    let mut left = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut token = String::new();
    loop {
        let (rows, next) = page(&connection, args.kind, &args.filter, left.min(PAGE_ROWS), token).await?;
        for row in rows.iter().take(left) {
            printer.row(row)?;
        }
        left = left.saturating_sub(rows.len());
        token = next;
        if token.is_empty() || left == 0 {
            break;
        }
    }
    printer.finish()?;
    if !token.is_empty() {
        eprintln!("there is more: --limit 0 prints everything");
    }
    Ok(())
}

/// Every row of a list, as the canonical JSON of its messages.
pub(crate) async fn all(to: &Connection, kind: Kind, filter: &Filter) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (rows, next) = page(to, kind, filter, PAGE_ROWS, token).await?;
        all.extend(rows);
        token = next;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// One page and the token of the next; empty after the last.
async fn page(
    to: &Connection,
    kind: Kind,
    filter: &Filter,
    rows: usize,
    page_token: String,
) -> Result<(Vec<Value>, String), Failure> {
    let page_size = i32::try_from(rows).unwrap_or(i32::MAX);
    let f = filter.clone();
    let text = Option::unwrap_or_default;
    let (partner_id, customer_id, min_position) = (text(f.partner), text(f.customer), f.min_position);
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let (from_date, to_date) = (day(f.from), day(f.to));
    let (currency, account) = (text(f.currency), text(f.account));
    let published = matches!(kind, Kind::Offers | Kind::Prices);
    let as_of_date = if published { day(f.look_back.published_by()?) } else { String::new() };
    let as_of = f.look_back.to_wire()?;
    macro_rules! page {
        ($client:ident.$call:ident($request:ident { $($field:ident $(: $value:expr)?),* }).$rows:ident as $message:literal) => {{
            let request = $request { $($field $(: $value)?,)* page_size, page_token, min_position };
            let answer = to.$client().$call(request).await?.into_inner();
            let rows: Result<Vec<_>, _> = answer.$rows.iter().map(|row| to_json(concat!("subledger.v1.", $message), row)).collect();
            Ok((rows?, answer.next_page_token))
        }};
    }
    match kind {
        Kind::Customers => {
            page!(customers.list_customers(ListCustomersRequest { partner_id, prefix: text(f.prefix), as_of })
            .customers as "Customer")
        }
        Kind::Subscriptions => page!(customers.list_subscriptions(ListSubscriptionsRequest {
            customer_id, partner_id, state: text(f.state), as_of }).subscriptions as "Subscription"),
        Kind::Partners => page!(catalog.list_partners(ListPartnersRequest {}).partners as "Partner"),
        Kind::Offers => page!(catalog.list_offers(ListOffersRequest { as_of_date }).offers as "Offer"),
        Kind::TaxRates => {
            let request = ListTaxRatesRequest { country: String::new(), page_size, page_token, min_position };
            let answer = to.catalog().list_tax_rates(request).await?.into_inner();
            let rates = answer.rates.iter().map(|row| to_json("subledger.common.v1.TaxRateRow", row));
            Ok((rates.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Balances => page!(billing.list_balances(ListBalancesRequest { partner_id, currency, account, as_of })
            .balances as "Balance"),
        Kind::Entries => page!(billing.list_entries(ListEntriesRequest { partner_id, currency, account, as_of })
            .entries as "Entry"),
        Kind::Charges => page!(billing.list_charges(ListChargesRequest {
            partner_id, customer_id, subscription_id: text(f.subscription), unbilled: f.unbilled, as_of }).charges as "Charge"),
        Kind::Invoices => page!(billing.list_invoices(ListInvoicesRequest { partner_id, as_of }).invoices as "Invoice"),
        Kind::Payments => page!(billing.list_payments(ListPaymentsRequest {
            partner_id, currency, unallocated: f.unallocated }).payments as "Payment"),
        Kind::CreditNotes => page!(billing.list_credit_notes(ListCreditNotesRequest { partner_id })
            .credit_notes as "CreditNote"),
        Kind::Withholdings => page!(billing.list_withholding_requests(ListWithholdingRequestsRequest { partner_id })
            .requests as "WithholdingRequest"),
        Kind::Claims => page!(billing.list_sla_claims(ListSlaClaimsRequest { partner_id }).claims as "SlaClaim"),
        Kind::Ageing => page!(billing.list_ageing(ListAgeingRequest { partner_id, as_of })
            .ageing as "Ageing"),
        Kind::Statement => page!(billing.list_statement(ListStatementRequest {
            partner_id, currency, from: from_date, until: to_date }).lines as "StatementLine"),
        Kind::Transfers => page!(customers.list_transfers(ListTransfersRequest { customer_id, partner_id })
            .transfers as "Transfer"),
        Kind::Activities => page!(customers.list_activities(ListActivitiesRequest { customer_id, from_date, to_date })
            .activities as "Activity"),
        Kind::Users => page!(customers.list_users(ListUsersRequest { customer_id }).users as "User"),
        Kind::Prices => page!(catalog.list_prices(ListPricesRequest {
            currency, on: day(f.on), since: day(f.since), as_of_date }).prices as "ListedPrice"),
        Kind::Incentives => page!(incentives.list_incentive_bases(ListIncentiveBasesRequest {
            partner_id, month: text(f.month), as_of }).bases as "IncentiveBase"),
        Kind::Usage => page!(billing.list_usage(ListUsageRequest {
            partner_id, customer_id, month: text(f.month), unbilled: f.unbilled }).usage as "UsageLine"),
        Kind::Spending => page!(billing.list_spending(ListSpendingRequest {
            partner_id, customer_id, month: text(f.month) }).spending as "Spending"),
        Kind::EarnedCredit => page!(incentives.list_earned_credit(ListEarnedCreditRequest {
            partner_id, customer_id, month: text(f.month) }).credits as "EarnedCredit"),
        Kind::EarnedCreditTotals => page!(incentives.list_earned_credit_totals(ListEarnedCreditTotalsRequest {
            partner_id, month: text(f.month) }).totals as "EarnedCreditTotal"),
        Kind::IncentivePrograms => {
            let request = ListIncentiveProgramsRequest { page_size, page_token, min_position };
            let answer = to.incentives().list_incentive_programs(request).await?.into_inner();
            let programs = answer.programs.iter().map(|row| to_json("subledger.common.v1.IncentiveProgram", row));
            Ok((programs.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Enrollments => page!(incentives.list_enrollments(ListEnrollmentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), masked: false }).enrollments as "Enrollment"),
        Kind::EarningPeriods => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earning_periods(ListEarningPeriodsRequest {
                partner_id, program_id, mpn_id: String::new(), from_month: month.clone(), to_month: month, verify: false })
                .periods as "EarningPeriod")
        }
        Kind::Earnings => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earnings(ListEarningsRequest {
                partner_id, program_id, mpn_id: String::new(), customer_id, payment_id: text(f.payment),
                from_month: month.clone(), to_month: month, lever: String::new(), status: 0 }).earnings as "Earning")
        }
        Kind::IncentivePayments => page!(incentives.list_incentive_payments(ListIncentivePaymentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), payment_id: String::new(), status: 0 })
            .payments as "IncentivePayment"),
        Kind::EarningDisputes => page!(incentives.list_earning_disputes(ListEarningDisputesRequest {
            partner_id, program_id: text(f.program) }).disputes as "EarningDispute"),
    }
}

#[cfg(test)]
mod tests {
    use subledger_proto::POOL;

    use super::*;

    #[test]
    fn a_filter_that_the_list_lacks_is_named() {
        let filter = Filter { month: Some("2018-01".into()), ..Filter::default() };
        let Err(Failure::Usage(text)) = filter.check(Kind::Customers) else { panic!("accepted") };
        assert_eq!(text, "--month does not filter customers; --partner, --prefix, --as-of, --recorded-by does");
        assert!(filter.check(Kind::Incentives).is_ok());
    }

    #[test]
    fn every_column_is_a_field_of_its_message() {
        let lists = [
            (CUSTOMERS, "Customer"),
            (SUBSCRIPTIONS, "Subscription"),
            (PARTNERS, "Partner"),
            (OFFERS, "Offer"),
            (PRICES, "Price"),
            (BALANCES, "Balance"),
            (ENTRIES, "Entry"),
            (CHARGES, "Charge"),
            (INVOICES, "Invoice"),
            (receivables::PAYMENTS, "Payment"),
            (receivables::CREDIT_NOTES, "CreditNote"),
            (receivables::WITHHOLDINGS, "WithholdingRequest"),
            (receivables::CLAIMS, "SlaClaim"),
            (receivables::AGEING, "Ageing"),
            (receivables::STATEMENT, "StatementLine"),
            (TRANSFERS, "Transfer"),
            (ACTIVITIES, "Activity"),
            (INCENTIVES, "IncentiveBase"),
            (usage::USAGE, "UsageLine"),
            (usage::SPENDING, "Spending"),
            (usage::EARNED_CREDIT, "EarnedCredit"),
            (usage::EARNED_CREDIT_TOTALS, "EarnedCreditTotal"),
            (programs::ENROLLMENTS, "Enrollment"),
            (programs::PERIODS, "EarningPeriod"),
            (programs::EARNINGS, "Earning"),
            (programs::PAYMENTS, "IncentivePayment"),
            (programs::DISPUTES, "EarningDispute"),
            (USERS, "User"),
            (LISTED_PRICES, "ListedPrice"),
            (super::super::search::HITS, "CustomerHit"),
        ];
        for (columns, name) in lists {
            for column in columns {
                let head = column.name();
                assert!(
                    head.bytes().all(|byte| byte == b' ' || byte.is_ascii_uppercase()),
                    "{head} is no head of a table"
                );
                let mut message = POOL.get_message_by_name(&format!("subledger.v1.{name}"));
                for part in column.path().split('.') {
                    let field = message.and_then(|message| message.get_field_by_name(part));
                    let field = field.unwrap_or_else(|| panic!("{name} has no {}", column.path()));
                    message = field.kind().as_message().cloned();
                }
            }
        }
    }
}
