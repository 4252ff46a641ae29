//! `subledger list`: lists of the read models, page after page.

mod access;
mod choice;
mod claims;
mod columns;
mod pages;
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
pub(crate) use pages::all;
use pages::{PAGE_ROWS, page};
use subledger_proto::common::Position;

use super::{
    Failure,
    connect::{Address, position},
    help,
    look_back::LookBack,
    output::{Column, Output, Printer},
    times::date,
};

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

#[cfg(test)]
mod tests;
