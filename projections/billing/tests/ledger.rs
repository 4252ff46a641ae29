//! Balanced entries and balances.

mod common;

use common::{ALL, History, amount, partner_id};
use subledger_billing::{
    Account, AccountFilter, ChargeFilter, list_balances, list_charges, list_entries, trial_balance,
};
use subledger_domain::{
    charge::InvoiceFamily::{LicenseUsage, OneTimeRecurring},
    ids::{CustomerId, SubscriptionId},
};
use subledger_fold::page::{PageRequest, QueryError};

fn history() -> History {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-02", "100.00");
    h.charge("p1", "2018-01-03", "-30.00");
    h.charge("p1", "2018-01-03", "0.00");
    h.charge("p1", "2018-01-16", "5.00");
    h.charge_in(0, "p1", OneTimeRecurring, "JPY", "2018-01-02", "-500");
    h.charge_in(0, "p2", LicenseUsage, "USD", "2018-01-02", "1.00");
    h.close("2018-01-31");
    h.issue();
    h
}

fn filter(id: &str, account: Option<Account>) -> AccountFilter {
    AccountFilter { partner_id: Some(partner_id(id)), account, ..AccountFilter::default() }
}

#[test]
fn charges_and_invoices_move_balances() {
    let h = history();
    let balances = |filter: &AccountFilter| -> Vec<String> {
        let items = list_balances(&h.rows, filter, ALL).unwrap().items;
        let line = |b: &subledger_billing::Balance| {
            let path = b.account.path(&b.partner_id, b.currency);
            format!("{path} {} = {} - {} of {}", b.amount, b.debits, b.credits, b.entry_count)
        };
        items.iter().map(line).collect()
    };
    assert_eq!(
        balances(&filter("p1", None)),
        [
            "p1/JPY/receivable -500 = 0 - 500 of 1",
            "p1/JPY/unbilled 0 = 500 - 500 of 2",
            "p1/JPY/credits 500 = 500 - 0 of 1",
            "p1/USD/receivable 70.00 = 70.00 - 0.00 of 1",
            "p1/USD/unbilled 5.00 = 105.00 - 100.00 of 4",
            "p1/USD/revenue -105.00 = 0.00 - 105.00 of 2",
            "p1/USD/credits 30.00 = 30.00 - 0.00 of 1",
        ]
    );
    let unbilled = AccountFilter { account: Some(Account::Unbilled), ..AccountFilter::default() };
    assert_eq!(
        balances(&unbilled),
        [
            "p1/JPY/unbilled 0 = 500 - 500 of 2",
            "p1/USD/unbilled 5.00 = 105.00 - 100.00 of 4",
            "p2/USD/unbilled 1.00 = 1.00 - 0.00 of 1",
        ]
    );
    let trial = trial_balance(&h.rows).unwrap();
    assert_eq!(trial.len(), 2);
    assert!(trial.iter().all(|t| t.difference.is_zero() && t.debits == t.credits));
    assert_eq!(trial[1].debits, amount("206.00"));
}

#[test]
fn entries_come_in_the_order_booked() {
    let h = history();
    let usd = AccountFilter { currency: Some(common::currency("USD")), ..filter("p1", Some(Account::Unbilled)) };
    let entries = list_entries(&h.rows, &usd, ALL).unwrap().items;
    let lines: Vec<_> = entries
        .iter()
        .map(|e| format!("{} {} {} {} {}", e.booked_on, e.reference, e.debit, e.credit, e.position))
        .collect();
    assert_eq!(
        lines,
        [
            "2018-01-02 line-1 100.00 0 customers/0@0",
            "2018-01-03 line-2 0 30.00 customers/0@1",
            "2018-01-15 p1-L-USD-000001 0 70.00 partners/0@1",
            "2018-01-16 line-4 5.00 0 customers/0@3",
        ]
    );
    assert!(entries[0].customer_id.is_some() && entries[2].customer_id.is_none());
}

#[test]
fn lists_come_in_pages() {
    let h = history();
    let all = list_entries(&h.rows, &AccountFilter::default(), ALL).unwrap();
    assert_eq!((all.items.len(), &all.next), (14, &None));
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = list_entries(&h.rows, &AccountFilter::default(), PageRequest { size: 3, token: &token }).unwrap();
        paged.extend(page.items);
        let Some(next) = page.next else { break };
        token = next;
    }
    assert_eq!(paged, all.items);
    // A token of another list is refused.
    let balances = list_balances(&h.rows, &AccountFilter::default(), PageRequest { size: 3, token: &token });
    assert!(matches!(balances, Err(QueryError::InvalidPageToken)));
}

#[test]
fn charges_of_a_customer_or_subscription() {
    let h = history();
    let ids = |filter: ChargeFilter| -> Vec<String> {
        let items = list_charges(&h.rows, &filter, ALL).unwrap().items;
        items.into_iter().map(|line| line.line.line_id.into()).collect()
    };
    let customer = |id: &str| CustomerId::new(id).ok();
    let subscription = |id: &str| SubscriptionId::new(id).ok();
    assert_eq!(ids(ChargeFilter { customer_id: customer("c-0"), ..Default::default() }), ["line-6", "line-3"]);
    let of_partner = ChargeFilter { partner_id: Some(partner_id("p2")), ..Default::default() };
    assert_eq!(ids(ChargeFilter { customer_id: customer("c-0"), ..of_partner }), ["line-6"]);
    let of_subscription = ChargeFilter { subscription_id: subscription("s-0"), ..Default::default() };
    assert_eq!(ids(of_subscription.clone()), ["line-6", "line-2", "line-4"]);
    assert_eq!(ids(ChargeFilter { unbilled: true, ..of_subscription.clone() }), ["line-6", "line-4"]);
    assert_eq!(ids(ChargeFilter { customer_id: customer("c-1"), ..of_subscription }), ["line-4"]);
    assert_eq!(ids(ChargeFilter { customer_id: customer("c-9"), ..Default::default() }), Vec::<String>::new());
}

#[test]
fn unbilled_charges_of_all_partners_in_pages() {
    let mut h = history();
    for number in 1..=4 {
        h.charge("p1", &format!("2018-02-0{number}"), "1.00");
        h.charge_in(0, "p3", OneTimeRecurring, "EUR", &format!("2018-02-0{number}"), "1.00");
    }
    let filter = ChargeFilter { unbilled: true, ..Default::default() };
    let all = list_charges(&h.rows, &filter, ALL).unwrap().items;
    assert_eq!(all.len(), 10);
    assert!(all.iter().all(|line| line.invoice_number.is_none()));
    for size in 1..=11 {
        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let page = list_charges(&h.rows, &filter, PageRequest { size, token: &token }).unwrap();
            assert!(page.items.len() <= size);
            paged.extend(page.items);
            let Some(next) = page.next else { break };
            token = next;
        }
        assert_eq!(paged, all, "{size}");
    }
}

#[test]
fn entries_of_charges_of_all_partitions_and_families_come_in_one_order_and_in_pages() {
    let mut h = History::new(3);
    h.register("p1", "USD", 15, "2018-01-01");
    h.register("p2", "USD", 15, "2018-01-01");
    let mut posted = Vec::new();
    for n in 0..450_u16 {
        let family = if n % 2 == 0 { LicenseUsage } else { OneTimeRecurring };
        let (partner, day) =
            (["p1", "p1", "p2"][usize::from(n) % 3], ["2018-01-10", "2018-01-11"][usize::from(n) / 225]);
        let cost = if n % 5 == 0 { format!("-{n}.50") } else { format!("{n}.25") };
        h.charge_in(n % 3, partner, family, "USD", day, &cost);
        let (position, events) = h.commits.last().unwrap();
        let subledger_domain::Event::Charged(line) = &events[0] else { panic!("a charge was appended") };
        let credited = line.amount.is_sign_negative();
        let account = if credited { Account::Credits } else { Account::Revenue };
        for (account, debit) in [(Account::Unbilled, !credited), (account, credited)] {
            let place = (partner.to_owned(), account, day.to_owned(), *position);
            posted.push((place, line.line_id.to_string(), debit, line.amount.abs()));
        }
    }
    posted.sort();
    let all = AccountFilter::default();
    let walk = |filter: &AccountFilter, size: usize| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = list_entries(&h.rows, filter, PageRequest { size, token: &token }).unwrap();
            assert!(page.items.len() <= size);
            found.extend(page.items);
            match page.next {
                Some(next) => token = next,
                None => return found,
            }
        }
    };
    let listed = walk(&all, 1_000);
    let mut shown: Vec<_> = listed
        .iter()
        .map(|e| {
            assert!(e.customer_id.is_some() && (e.debit.is_zero() != e.credit.is_zero()));
            let place = (e.partner_id.to_string(), e.account, e.booked_on.to_string(), e.position);
            (place, e.reference.clone(), e.credit.is_zero(), e.debit + e.credit)
        })
        .collect();
    assert_eq!(shown.len(), 900);
    // By the code of the account, which is not the order of its name.
    assert!(listed.is_sorted_by_key(|e| {
        let code = Account::ALL.iter().position(|account| *account == e.account);
        (e.partner_id.clone(), code, e.booked_on, e.position)
    }));
    shown.sort();
    assert_eq!(shown, posted);
    for size in [1, 7, 199, 200, 201, 899, 900] {
        assert_eq!(walk(&all, size), listed, "pages of {size}");
    }
    let credits = AccountFilter { account: Some(Account::Credits), ..AccountFilter::default() };
    let of_credits: Vec<_> = listed.iter().filter(|e| e.account == Account::Credits).cloned().collect();
    assert_eq!(of_credits.len(), 90);
    for size in [1, 20, 1_000] {
        assert_eq!(walk(&credits, size), of_credits, "pages of {size}");
    }
}
