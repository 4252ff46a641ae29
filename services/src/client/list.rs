//! `subledger list`: lists of the read models, page after page.

mod access;
mod choice;
mod claims;
mod columns;
mod partners;
mod programs;
mod receivables;
mod usage;

use chrono::NaiveDate;
pub(crate) use claims::CLAIM_HISTORY;
use columns::{
    ACTIVITIES, BALANCES, CUSTOMERS, ENTRIES, INCENTIVES, INVOICES, LICENSE_GROUPS, LISTED_PRICES, OFFERS, ORDERS,
    PARTNERS, PROMOTIONS, SUBSCRIPTIONS, TAX_RATES, TRANSFERS, TRIALS, USERS,
};
pub(crate) use columns::{CHARGES, PRICES};
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        ListAccessRecordsRequest, ListActivitiesRequest, ListAgeingRequest, ListAssociationCreditsRequest,
        ListAssociationsRequest, ListBalancesRequest, ListChargesRequest, ListCoopActivitiesRequest,
        ListCoopClaimsRequest, ListCoopFundsRequest, ListCreditNotesRequest, ListCustomersRequest,
        ListEarnedCreditDisputesRequest, ListEarnedCreditRequest, ListEarnedCreditTotalsRequest,
        ListEarningDisputesRequest, ListEarningPeriodsRequest, ListEarningsRequest, ListEnrollmentsRequest,
        ListEntriesRequest, ListIncentiveBasesRequest, ListIncentivePaymentsRequest, ListIncentiveProgramsRequest,
        ListInvoicesRequest, ListLicenseGroupsRequest, ListLocationsRequest, ListMembershipsRequest, ListMergesRequest,
        ListOffersRequest, ListOrdersRequest, ListPartnerAgreementsRequest, ListPartnersRequest,
        ListPartnershipsRequest, ListPaymentsRequest, ListPricesRequest, ListPromotionsRequest, ListRolesRequest,
        ListSecondFactorsRequest, ListSlaClaimsRequest, ListSpendingRequest, ListStatementRequest,
        ListSubscriptionsRequest, ListTaxRatesRequest, ListTransfersRequest, ListTrialsRequest, ListUsageRequest,
        ListUsersRequest, ListWithholdingRequestsRequest,
    },
    common::{AccessOutcome, Position},
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
    /// Only of this principal, such as oidc:ada@example.com
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
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
    /// Only in this state: of subscriptions active, suspended, trial, expired, deprovisioned; of transfers active, complete, declined,
    /// withdrawn, expired
    #[arg(long)]
    state: Option<String>,
    /// Only company names or domains that begin with this
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only what is sold in this country, such as DE
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Only offers for this segment: commercial, education, government, non-profit
    #[arg(long, value_name = "NAME")]
    segment: Option<String>,
    /// Only offers of this family: license, one-time-recurring, marketplace-saas
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Only offers of this kind: base, add-on, trial
    #[arg(long, value_name = "NAME")]
    offer_kind: Option<String>,
    /// Only promotions of this offer
    #[arg(long, value_name = "ID")]
    offer: Option<String>,
    /// Only offers with this in their name or id
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only of this program
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    /// Only of the partner's location with this id in the partner network
    #[arg(long, value_name = "ID")]
    location: Option<String>,
    /// Only of this usage period of co-op funds
    #[arg(long, value_name = "ID")]
    period: Option<String>,
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
    /// The day whose prices are listed (a day to come is a preview), or on which an offer is sold or a promotion holds
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
    /// Accounts and locations in the partner network, by company
    Locations,
    /// Providers and their resellers
    Partnerships,
    /// Membership offers that partners bought
    Memberships,
    /// Companies that become one
    Merges,
    /// Versions of the partner agreement, and who signed
    PartnerAgreements,
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
    /// Transfers of a customer, or from and to a partner
    Transfers,
    /// Orders of a customer, or of a partner; the newest first
    Orders,
    /// What happened to a customer, or concerned a partner; the newest first
    Activities,
    /// Users of a customer with their licenses
    Users,
    /// Groups of licenses of a customer
    LicenseGroups,
    /// Promotions of the catalog
    Promotions,
    /// What free trials give and become
    Trials,
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
    /// What partners dispute of earned credit, and the answers
    EarnedCreditDisputes,
    /// Partners associated with customers by a claim
    Associations,
    /// Who is credited with what of each subscription that has a partner associated
    AssociationCredits,
    /// What co-op claims can be made for, with proofs, expenses and caps
    CoopActivities,
    /// Co-op funds: accrued, in review, approved, available, expired
    CoopFunds,
    /// Claims on co-op funds
    CoopClaims,
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
    /// Who has which role in partners' accounts
    Roles,
    /// Calls that were refused, the newest first
    Refusals,
    /// Reads across tenants, exports and personal data, the newest first
    PrivilegedReads,
    /// How people and applications of partners sign in, by the last seven days
    SecondFactors,
}

impl Kind {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Customers => CUSTOMERS,
            Self::Subscriptions => SUBSCRIPTIONS,
            Self::Partners => PARTNERS,
            Self::Locations => partners::LOCATIONS,
            Self::Partnerships => partners::PARTNERSHIPS,
            Self::Memberships => partners::MEMBERSHIPS,
            Self::Merges => partners::MERGES,
            Self::PartnerAgreements => partners::AGREEMENTS,
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
            Self::Orders => ORDERS,
            Self::LicenseGroups => LICENSE_GROUPS,
            Self::Promotions => PROMOTIONS,
            Self::Trials => TRIALS,
            Self::Prices => LISTED_PRICES,
            Self::Incentives => INCENTIVES,
            Self::Usage => usage::USAGE,
            Self::Spending => usage::SPENDING,
            Self::EarnedCredit => usage::EARNED_CREDIT,
            Self::EarnedCreditTotals => usage::EARNED_CREDIT_TOTALS,
            Self::EarnedCreditDisputes => usage::EARNED_CREDIT_DISPUTES,
            Self::Associations => claims::ASSOCIATIONS,
            Self::AssociationCredits => claims::ASSOCIATION_CREDITS,
            Self::CoopActivities => claims::COOP_ACTIVITIES,
            Self::CoopFunds => claims::COOP_FUNDS,
            Self::CoopClaims => claims::COOP_CLAIMS,
            Self::IncentivePrograms => programs::PROGRAMS,
            Self::Enrollments => programs::ENROLLMENTS,
            Self::EarningPeriods => programs::PERIODS,
            Self::Earnings => programs::EARNINGS,
            Self::IncentivePayments => programs::PAYMENTS,
            Self::EarningDisputes => programs::DISPUTES,
            Self::Roles => access::ROLES,
            Self::Refusals | Self::PrivilegedReads => access::RECORDS,
            Self::SecondFactors => access::SECOND_FACTORS,
        }
    }

    /// The filters the API has for this list.
    fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &["partner", "prefix", "as-of", "recorded-by"],
            Self::Subscriptions | Self::Transfers => &["customer", "partner", "state", "as-of", "recorded-by"],
            Self::Offers => &["country", "segment", "family", "offer-kind", "text", "on", "as-of"],
            Self::Promotions => &["offer", "country", "on", "as-of"],
            Self::Trials | Self::Partners => &["as-of"],
            Self::TaxRates | Self::IncentivePrograms => &[],
            Self::Locations | Self::Partnerships | Self::Memberships | Self::Merges | Self::PartnerAgreements => {
                &["partner", "as-of"]
            }
            Self::Balances | Self::Entries => &["partner", "currency", "account", "as-of", "recorded-by"],
            Self::Charges => &["partner", "customer", "subscription", "unbilled", "as-of", "recorded-by"],
            Self::Withholdings | Self::Claims | Self::SecondFactors => &["partner"],
            Self::Payments => &["partner", "currency", "unallocated", "as-of", "recorded-by"],
            Self::CreditNotes | Self::Invoices | Self::Ageing => &["partner", "as-of", "recorded-by"],
            Self::Statement => &["partner", "currency", "from", "to"],
            Self::Orders | Self::Activities => &["customer", "partner", "from", "to"],
            Self::Users => &["customer", "as-of", "recorded-by"],
            Self::LicenseGroups | Self::AssociationCredits => &["customer"],
            Self::Prices => &["currency", "on", "since", "as-of"],
            Self::Incentives | Self::EarnedCreditTotals => &["partner", "month", "as-of", "recorded-by"],
            Self::EarnedCreditDisputes => &["partner", "customer", "as-of", "recorded-by"],
            Self::Associations => {
                &["partner", "customer", "program", "location", "state", "from", "to", "as-of", "recorded-by"]
            }
            Self::CoopActivities => &["program"],
            Self::CoopFunds => &["partner", "program", "period", "location", "on"],
            Self::CoopClaims => &["partner", "program", "period", "location", "state"],
            Self::Enrollments | Self::IncentivePayments | Self::EarningDisputes => {
                &["partner", "program", "as-of", "recorded-by"]
            }
            Self::EarningPeriods => &["partner", "program", "month", "as-of", "recorded-by"],
            Self::Earnings => &["partner", "program", "customer", "month", "payment", "as-of", "recorded-by"],
            Self::Roles | Self::Refusals | Self::PrivilegedReads => &["partner", "principal"],
            Self::Usage => &["partner", "customer", "month", "unbilled", "as-of", "recorded-by"],
            Self::Spending => &["partner", "customer", "month"],
            Self::EarnedCredit => &["partner", "customer", "month", "as-of", "recorded-by"],
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
            ("principal", self.principal.is_some()),
            ("subscription", self.subscription.is_some()),
            ("currency", self.currency.is_some()),
            ("account", self.account.is_some()),
            ("state", self.state.is_some()),
            ("prefix", self.prefix.is_some()),
            ("country", self.country.is_some()),
            ("segment", self.segment.is_some()),
            ("family", self.family.is_some()),
            ("offer-kind", self.offer_kind.is_some()),
            ("offer", self.offer.is_some()),
            ("text", self.text.is_some()),
            ("program", self.program.is_some()),
            ("location", self.location.is_some()),
            ("period", self.period.is_some()),
            ("month", self.month.is_some()),
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
    let published = kind.filters().contains(&"as-of") && !kind.filters().contains(&"recorded-by");
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
        Kind::Offers => page!(catalog.list_offers(ListOffersRequest {
            as_of_date, country: text(f.country), segment: choice::segment(f.segment)?,
            product_family: choice::family(f.family)?, kind: choice::offer_kind(f.offer_kind)?,
            on_sale_on: day(f.on), text: text(f.text) }).offers as "Offer"),
        Kind::Promotions => {
            let (offer_id, on, country) = (text(f.offer), day(f.on), text(f.country));
            let request =
                ListPromotionsRequest { page_size, page_token, min_position, as_of_date, offer_id, on, country };
            let answer = to.catalog().list_promotions(request).await?.into_inner();
            let known = answer.promotions.iter().map(|row| to_json("subledger.common.v1.Promotion", row));
            Ok((known.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Trials => {
            let request = ListTrialsRequest { page_size, page_token, min_position, as_of_date };
            let answer = to.catalog().list_trials(request).await?.into_inner();
            let known = answer.trials.iter().map(|row| to_json("subledger.common.v1.TrialTerms", row));
            Ok((known.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Partners => {
            page!(catalog.list_partners(ListPartnersRequest { as_of_date, partner_ids: Vec::new() }).partners as "Partner")
        }
        Kind::Locations => page!(catalog.list_locations(ListLocationsRequest { partner_id, as_of_date })
            .locations as "Location"),
        Kind::Partnerships => page!(catalog.list_partnerships(ListPartnershipsRequest { partner_id, as_of_date })
            .partnerships as "Partnership"),
        Kind::Memberships => page!(catalog.list_memberships(ListMembershipsRequest { partner_id, as_of_date })
            .memberships as "Membership"),
        Kind::Merges => page!(catalog.list_merges(ListMergesRequest { partner_id, as_of_date }).merges as "Merge"),
        Kind::PartnerAgreements => page!(catalog.list_partner_agreements(ListPartnerAgreementsRequest {
            partner_id, as_of_date }).agreements as "PartnerAgreement"),
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
            partner_id, currency, unallocated: f.unallocated, as_of }).payments as "Payment"),
        Kind::CreditNotes => page!(billing.list_credit_notes(ListCreditNotesRequest { partner_id, as_of })
            .credit_notes as "CreditNote"),
        Kind::Withholdings => page!(billing.list_withholding_requests(ListWithholdingRequestsRequest { partner_id })
            .requests as "WithholdingRequest"),
        Kind::Claims => page!(billing.list_sla_claims(ListSlaClaimsRequest { partner_id }).claims as "SlaClaim"),
        Kind::Ageing => page!(billing.list_ageing(ListAgeingRequest { partner_id, as_of })
            .ageing as "Ageing"),
        Kind::Statement => page!(billing.list_statement(ListStatementRequest {
            partner_id, currency, from: from_date, until: to_date }).lines as "StatementLine"),
        Kind::Transfers => page!(customers.list_transfers(ListTransfersRequest {
            customer_id, partner_id, state: text(f.state), as_of }).transfers as "Transfer"),
        Kind::Orders => page!(customers.list_orders(ListOrdersRequest { customer_id, partner_id, from_date, to_date })
            .orders as "Order"),
        Kind::Activities => page!(customers.list_activities(ListActivitiesRequest {
            customer_id, partner_id, from_date, to_date }).activities as "Activity"),
        Kind::Users => page!(customers.list_users(ListUsersRequest { customer_id, as_of }).users as "User"),
        Kind::LicenseGroups => page!(customers.list_license_groups(ListLicenseGroupsRequest { customer_id })
            .groups as "LicenseGroup"),
        Kind::Prices => page!(catalog.list_prices(ListPricesRequest {
            currency, on: day(f.on), since: day(f.since), as_of_date }).prices as "ListedPrice"),
        Kind::Incentives => page!(incentives.list_incentive_bases(ListIncentiveBasesRequest {
            partner_id, month: text(f.month), as_of }).bases as "IncentiveBase"),
        Kind::Usage => page!(billing.list_usage(ListUsageRequest {
            partner_id, customer_id, month: text(f.month), unbilled: f.unbilled, as_of }).usage as "UsageLine"),
        Kind::Spending => page!(billing.list_spending(ListSpendingRequest {
            partner_id, customer_id, month: text(f.month) }).spending as "Spending"),
        Kind::EarnedCredit => page!(incentives.list_earned_credit(ListEarnedCreditRequest {
            partner_id, customer_id, month: text(f.month), as_of }).credits as "EarnedCredit"),
        Kind::EarnedCreditTotals => page!(incentives.list_earned_credit_totals(ListEarnedCreditTotalsRequest {
            partner_id, month: text(f.month), as_of }).totals as "EarnedCreditTotal"),
        Kind::EarnedCreditDisputes => page!(incentives.list_earned_credit_disputes(ListEarnedCreditDisputesRequest {
            partner_id, customer_id, as_of }).disputes as "EarnedCreditDispute"),
        Kind::Associations => page!(claims.list_associations(ListAssociationsRequest {
            partner_id, customer_id, program: text(f.program), location_mpn_id: text(f.location), state: text(f.state),
            from: from_date, to: to_date, as_of }).associations as "Association"),
        Kind::AssociationCredits => {
            page!(claims.list_association_credits(ListAssociationCreditsRequest { customer_id })
            .credits as "AssociationCredit")
        }
        Kind::CoopActivities => {
            let request = ListCoopActivitiesRequest { program: text(f.program) };
            let answer = to.claims().list_coop_activities(request).await?.into_inner();
            let rows = answer.activities.iter().map(|row| to_json("subledger.v1.CoopActivity", row));
            Ok((rows.collect::<Result<_, _>>()?, String::new()))
        }
        Kind::CoopFunds => page!(claims.list_coop_funds(ListCoopFundsRequest {
            partner_id, program: text(f.program), usage_period_id: text(f.period), location_mpn_id: text(f.location),
            on: day(f.on) }).funds as "CoopFund"),
        Kind::CoopClaims => page!(claims.list_coop_claims(ListCoopClaimsRequest {
            partner_id, program: text(f.program), usage_period_id: text(f.period), location_mpn_id: text(f.location),
            state: text(f.state), activity: String::new() }).claims as "CoopClaim"),
        Kind::IncentivePrograms => {
            let request = ListIncentiveProgramsRequest { page_size, page_token, min_position };
            let answer = to.incentives().list_incentive_programs(request).await?.into_inner();
            let programs = answer.programs.iter().map(|row| to_json("subledger.common.v1.IncentiveProgram", row));
            Ok((programs.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Enrollments => page!(incentives.list_enrollments(ListEnrollmentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), masked: false, as_of }).enrollments as "Enrollment"),
        Kind::EarningPeriods => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earning_periods(ListEarningPeriodsRequest {
                partner_id, program_id, mpn_id: String::new(), from_month: month.clone(), to_month: month, verify: false,
                as_of })
                .periods as "EarningPeriod")
        }
        Kind::Earnings => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earnings(ListEarningsRequest {
                partner_id, program_id, mpn_id: String::new(), customer_id, payment_id: text(f.payment),
                from_month: month.clone(), to_month: month, lever: String::new(), status: 0, as_of }).earnings as "Earning")
        }
        Kind::IncentivePayments => page!(incentives.list_incentive_payments(ListIncentivePaymentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), payment_id: String::new(), status: 0, as_of })
            .payments as "IncentivePayment"),
        Kind::EarningDisputes => page!(incentives.list_earning_disputes(ListEarningDisputesRequest {
            partner_id, program_id: text(f.program), as_of }).disputes as "EarningDispute"),
        Kind::Roles => page!(access.list_roles(ListRolesRequest { partner_id, principal: text(f.principal) })
            .roles as "RoleAssignment"),
        Kind::Refusals | Kind::PrivilegedReads => {
            let refused = kind == Kind::Refusals;
            let outcome = if refused { AccessOutcome::Refused } else { AccessOutcome::Privileged } as i32;
            page!(access.list_access_records(ListAccessRecordsRequest { partner_id, principal: text(f.principal), outcome })
                .records as "AccessRecord")
        }
        Kind::SecondFactors => page!(access.list_second_factors(ListSecondFactorsRequest { partner_id })
            .statuses as "SecondFactors"),
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
            (partners::LOCATIONS, "Location"),
            (partners::PARTNERSHIPS, "Partnership"),
            (partners::MEMBERSHIPS, "Membership"),
            (partners::MERGES, "Merge"),
            (partners::AGREEMENTS, "PartnerAgreement"),
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
            (usage::EARNED_CREDIT_DISPUTES, "EarnedCreditDispute"),
            (claims::ASSOCIATIONS, "Association"),
            (claims::ASSOCIATION_CREDITS, "AssociationCredit"),
            (claims::COOP_ACTIVITIES, "CoopActivity"),
            (claims::COOP_FUNDS, "CoopFund"),
            (claims::COOP_CLAIMS, "CoopClaim"),
            (CLAIM_HISTORY, "ClaimHistoryEntry"),
            (programs::ENROLLMENTS, "Enrollment"),
            (programs::PERIODS, "EarningPeriod"),
            (programs::EARNINGS, "Earning"),
            (programs::PAYMENTS, "IncentivePayment"),
            (programs::DISPUTES, "EarningDispute"),
            (USERS, "User"),
            (ORDERS, "Order"),
            (LICENSE_GROUPS, "LicenseGroup"),
            (access::ROLES, "RoleAssignment"),
            (access::RECORDS, "AccessRecord"),
            (access::SECOND_FACTORS, "SecondFactors"),
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
