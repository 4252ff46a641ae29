//! `subledger csv`: the files that partners know, column by column (customers page section 2.5): RFC 4180, ids as text.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDate};
use subledger_proto::{
    api::{
        Activity, Customer, ListActivitiesRequest, ListCustomersRequest, ListSubscriptionsRequest,
        SearchCustomersRequest, Subscription,
    },
    common::Position,
};

use super::{
    Failure,
    connect::{Address, Connection, position},
    help,
    output::csv_line,
    times::date,
};

/// Rows of one page: the most that the API gives at once.
const PAGE_ROWS: i32 = 1000;
/// Hits of a searched subset: the most that a search gives.
const HITS_MAX: i32 = 100;

const CUSTOMERS: [&str; 4] = ["Microsoft ID", "Company name", "Primary domain name", "Relationship"];
const SUBSCRIPTIONS: [&str; 5] = ["Subscription ID", "Subscription", "Quantity", "Status", "Reseller"];
const ACTIVITIES: [&str; 4] = ["Date-Time", "Affected customer", "Action", "Partner user"];
/// What the customer list calls a relationship (L5242).
const RELATIONSHIP: &str = "Cloud Reseller";

/// Arguments of `csv`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger csv customers --partner p-1 > customers.csv\n  \
     subledger csv customers --partner p-1 --search contoso\n  \
     subledger csv customers --partner p-1 --reseller r-1\n  \
     subledger csv subscriptions --customer c-1\n  \
     subledger csv activities --customer c-1 --from 2020-05-01 --to 2020-05-31\n  \
     subledger csv activities --partner p-1          # at all of its customers"
))]
pub(crate) struct Args {
    /// Which file
    #[arg(value_enum)]
    kind: Kind,
    /// Customers of this partner, or what concerns it, only
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Customers for whom this reseller works only
    #[arg(long, value_name = "ID")]
    reseller: Option<String>,
    /// Customers that a search finds only
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Whose subscriptions or activities
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// First day of activities; from the beginning, if absent
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<NaiveDate>,
    /// Last day of activities; up to now, if absent
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<NaiveDate>,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Customers,
    Subscriptions,
    Activities,
}

/// Prints the file.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let of_customers = args.partner.is_some() || args.reseller.is_some() || args.search.is_some();
    match (args.kind, &args.customer) {
        (Kind::Customers, Some(_)) => {
            return Err(Failure::Usage(
                "--customer does not select customers; --partner, --reseller, --search do".into(),
            ));
        }
        (Kind::Activities, _) if args.reseller.is_some() || args.search.is_some() => {
            return Err(Failure::Usage("--reseller and --search select customers only".into()));
        }
        (Kind::Activities, None) if args.partner.is_none() => {
            return Err(Failure::Usage("--customer, --partner or both say whose activities".into()));
        }
        (Kind::Subscriptions, None) => {
            return Err(Failure::Usage("--customer says whose subscriptions".into()));
        }
        (Kind::Subscriptions, Some(_)) if of_customers => {
            return Err(Failure::Usage("--partner, --reseller and --search select customers only".into()));
        }
        _ => {}
    }
    let connection = args.address.connect().await?;
    let mut out = io::stdout().lock();
    match args.kind {
        Kind::Customers => customers(&connection, args, &mut out).await,
        Kind::Subscriptions => subscriptions(&connection, args, &mut out).await,
        Kind::Activities => activities(&connection, args, &mut out).await,
    }
}

async fn customers(to: &Connection, args: Args, out: &mut impl Write) -> Result<(), Failure> {
    csv_line(out, CUSTOMERS.iter())?;
    let (partner_id, min_position) = (args.partner.unwrap_or_default(), args.min_position);
    let partner = partner_id.clone();
    let wanted =
        |customer: &Customer| args.reseller.as_ref().is_none_or(|reseller| works(customer, &partner, reseller));
    if let Some(text) = args.search {
        let request =
            SearchCustomersRequest { text, partner_id, page_size: HITS_MAX, min_position, beginnings_only: false };
        let found = to.customers().search_customers(request).await?.into_inner();
        let found = found.hits.into_iter().filter_map(|hit| hit.customer);
        return found.filter(wanted).try_for_each(|customer| csv_line(out, customer_row(&customer).iter()));
    }
    let mut page_token = String::new();
    loop {
        let request = ListCustomersRequest {
            partner_id: partner_id.clone(),
            prefix: String::new(),
            page_size: PAGE_ROWS,
            page_token,
            min_position: min_position.clone(),
            as_of: None,
        };
        let page = to.customers().list_customers(request).await?.into_inner();
        page.customers.iter().filter(|it| wanted(it)).try_for_each(|it| csv_line(out, customer_row(it).iter()))?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

/// Whether the reseller works for the customer, with that provider if one is named.
fn works(customer: &Customer, provider: &str, reseller: &str) -> bool {
    let mut related = customer.relationships.iter().filter(|known| provider.is_empty() || known.partner_id == provider);
    related.any(|known| known.reseller_ids.iter().any(|id| id == reseller))
}

fn customer_row(customer: &Customer) -> [String; 4] {
    let name = if customer.bill_to_name.is_empty() { &customer.company_name } else { &customer.bill_to_name };
    [customer.customer_id.clone(), name.clone(), customer.domain_name.clone(), RELATIONSHIP.to_owned()]
}

async fn subscriptions(to: &Connection, args: Args, out: &mut impl Write) -> Result<(), Failure> {
    csv_line(out, SUBSCRIPTIONS.iter())?;
    let mut page_token = String::new();
    loop {
        let request = ListSubscriptionsRequest {
            customer_id: args.customer.clone().unwrap_or_default(),
            page_size: PAGE_ROWS,
            page_token,
            min_position: args.min_position.clone(),
            ..ListSubscriptionsRequest::default()
        };
        let page = to.customers().list_subscriptions(request).await?.into_inner();
        page.subscriptions.iter().try_for_each(|it| csv_line(out, subscription_row(it).iter()))?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

fn subscription_row(subscription: &Subscription) -> [String; 5] {
    [
        subscription.subscription_id.clone(),
        subscription.offer_name.clone(),
        subscription.quantity.to_string(),
        status(subscription),
        subscription.reseller_id.clone(),
    ]
}

/// The status as the subscription page prints it (section 2.8): a running one says when it renews or expires.
fn status(subscription: &Subscription) -> String {
    let last_day = NaiveDate::parse_from_str(&subscription.term_end, "%Y-%m-%d").ok();
    let next = last_day.and_then(|day| day.succ_opt());
    let ends =
        subscription.scheduled_change.as_ref().is_some_and(|change| change.quantity == 0 && change.on.is_empty());
    match (subscription.state.as_str(), next) {
        ("active" | "trial", Some(next)) => {
            let verb = if subscription.auto_renew && !ends { "Auto renews" } else { "Expires" };
            format!("{verb} on {}", next.format("%-m/%-d/%Y"))
        }
        (state, _) => {
            let mut letters = state.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

/// The file of the activity log has what the log shows, oldest last.
async fn activities(to: &Connection, args: Args, out: &mut impl Write) -> Result<(), Failure> {
    csv_line(out, ACTIVITIES.iter())?;
    let (from, until) = (args.from, args.to);
    let text = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut page_token = String::new();
    loop {
        let request = ListActivitiesRequest {
            customer_id: args.customer.clone().unwrap_or_default(),
            page_size: PAGE_ROWS,
            page_token,
            min_position: args.min_position.clone(),
            from_date: text(from),
            to_date: text(until),
            partner_id: args.partner.clone().unwrap_or_default(),
        };
        let page = to.customers().list_activities(request).await?.into_inner();
        page.activities.iter().try_for_each(|it| csv_line(out, activity_row(it).iter()))?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}

fn activity_row(activity: &Activity) -> [String; 4] {
    let at = DateTime::parse_from_rfc3339(&activity.recorded_at);
    let at =
        at.map_or_else(|_| activity.recorded_at.clone(), |at| at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let parts = [&activity.action, &activity.subject, &activity.detail];
    let action = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    let by = if activity.principal.is_empty() { &activity.channel } else { &activity.principal };
    [at, activity.customer_id.clone(), action, by.clone()]
}

#[cfg(test)]
mod tests {
    use subledger_proto::{api::Relationship, common::ScheduledChange};

    use super::*;

    fn file(header: &[&str], rows: &[Vec<String>]) -> String {
        let mut out = Vec::new();
        csv_line(&mut out, header.iter()).unwrap();
        rows.iter().for_each(|row| csv_line(&mut out, row.iter()).unwrap());
        String::from_utf8(out).unwrap()
    }

    /// Worked examples V34 and V35.
    #[test]
    fn the_customer_file_has_the_printed_columns() {
        let customer = |id: &str, bill_to: &str| Customer {
            customer_id: id.into(),
            company_name: "Contoso, Ltd".into(),
            domain_name: format!("{id}.onmicrosoft.com"),
            bill_to_name: bill_to.into(),
            ..Customer::default()
        };
        let rows = [customer("0012", ""), customer("c-2", "Woodgrove")].map(|it| customer_row(&it).to_vec());
        assert_eq!(
            file(&CUSTOMERS, &rows),
            "Microsoft ID,Company name,Primary domain name,Relationship\r\n\
             0012,\"Contoso, Ltd\",0012.onmicrosoft.com,Cloud Reseller\r\n\
             c-2,Woodgrove,c-2.onmicrosoft.com,Cloud Reseller\r\n"
        );
    }

    #[test]
    fn a_provider_filters_by_reseller() {
        let reseller_ids = vec!["r-1".to_owned()];
        let relationship = Relationship { partner_id: "p-1".into(), reseller_ids, ..Relationship::default() };
        let customer = Customer { relationships: vec![relationship], ..Customer::default() };
        assert!(works(&customer, "p-1", "r-1") && works(&customer, "", "r-1"));
        assert!(!works(&customer, "p-2", "r-1") && !works(&customer, "p-1", "r-2"));
    }

    #[test]
    fn the_subscription_file_says_when_it_renews_or_expires() {
        let subscription = |state: &str, auto_renew| Subscription {
            subscription_id: "s-1".into(),
            offer_name: "Microsoft 365 E3".into(),
            quantity: 20,
            state: state.into(),
            term_end: "2021-03-12".into(),
            auto_renew,
            reseller_id: "r-1".into(),
            ..Subscription::default()
        };
        let ending = ScheduledChange { quantity: 0, on: String::new() };
        let rows = [
            subscription("active", true),
            subscription("active", false),
            Subscription { scheduled_change: Some(ending), ..subscription("active", true) },
            subscription("suspended", true),
        ];
        assert_eq!(
            file(&SUBSCRIPTIONS, &rows.map(|it| subscription_row(&it).to_vec())),
            "Subscription ID,Subscription,Quantity,Status,Reseller\r\n\
             s-1,Microsoft 365 E3,20,Auto renews on 3/13/2021,r-1\r\n\
             s-1,Microsoft 365 E3,20,Expires on 3/13/2021,r-1\r\n\
             s-1,Microsoft 365 E3,20,Expires on 3/13/2021,r-1\r\n\
             s-1,Microsoft 365 E3,20,Suspended,r-1\r\n"
        );
    }

    #[test]
    fn the_activity_file_has_four_columns() {
        let activity = Activity {
            recorded_at: "2020-05-01T10:00:00.25+02:00".into(),
            action: "QuantityChanged".into(),
            subject: "s-1".into(),
            detail: "5 -> 9".into(),
            principal: "ada@partner.example".into(),
            customer_id: "c-1".into(),
            ..Activity::default()
        };
        assert_eq!(
            file(&ACTIVITIES, &[activity_row(&activity).to_vec()]),
            "Date-Time,Affected customer,Action,Partner user\r\n\
             2020-05-01T08:00:00Z,c-1,QuantityChanged s-1 5 -> 9,ada@partner.example\r\n"
        );
    }
}
