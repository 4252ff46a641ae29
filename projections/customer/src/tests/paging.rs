//! Lists page by page, and search.

use std::collections::BTreeSet;

use subledger_fold::page::{Page, PageRequest, QueryError};

use super::history::*;
use crate::{
    SubscriptionState,
    query::{Days, SubscriptionFilter, Whose, list_activities, list_customers, list_subscriptions},
};

/// Every item, page by page; each page but the last is full.
fn walk<T>(size: usize, mut list: impl FnMut(PageRequest<'_>) -> Result<Page<T>, QueryError>) -> Vec<T> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(PageRequest { size, token: &token }).unwrap();
        items.extend(page.items);
        match page.next {
            Some(next) => token = next,
            None => return items,
        }
    }
}

fn names(history: &History, partner: Option<&str>, prefix: &str) -> Vec<String> {
    let mut before = None;
    for size in [1, 2, 3, 50] {
        let found = walk(size, |request| list_customers(&history.rows, partner, prefix, request));
        let found: Vec<_> = found.into_iter().map(|found| found.company_name).collect();
        assert!(before.is_none_or(|before| before == found), "pages of {size} give another list");
        before = Some(found);
    }
    before.unwrap()
}

#[test]
fn customers_are_found_by_company_and_by_domain_once() {
    let mut history = History::default()
        .with_customer("c-1", "Contoso Ltd", "p-1")
        .with_customer("c-2", "CONTOSO", "p-2")
        .with_customer("c-3", "Fabrikam", "p-1")
        .with_customer("c-4", "Élan vital", "p-1");
    let mut other = created("c-5", "Adventure Works", "p-1");
    other.domain_name = "contosoworks.onmicrosoft.com".into();
    history.event("c-5", other);

    assert_eq!(names(&history, None, ""), ["Adventure Works", "CONTOSO", "Contoso Ltd", "Fabrikam", "Élan vital"]);
    assert_eq!(names(&history, None, "conToso"), ["CONTOSO", "Contoso Ltd", "Adventure Works"]);
    assert_eq!(names(&history, None, "contoso "), ["Contoso Ltd"]);
    assert_eq!(names(&history, None, "contoso.on"), ["Contoso Ltd", "CONTOSO"], "by domain, then by id");
    assert_eq!(names(&history, None, "éL"), ["Élan vital"]);
    assert_eq!(names(&history, Some("p-1"), "c"), ["Contoso Ltd"]);
    assert_eq!(names(&history, Some("p-2"), ""), ["CONTOSO"]);
    assert!(names(&history, Some("p-"), "").is_empty() && names(&history, None, "x").is_empty());
}

#[test]
fn walking_all_pages_gives_everything_once() {
    let mut history = History::default();
    for number in 0..7 {
        let id = format!("c-{number}");
        history = history.with_customer(&id, &format!("Company {number}"), "p-1");
        for subscription in 0..3 {
            history.commit(&id, Ok(purchase(&id, "p-1", &format!("s-{number}-{subscription}"), 1)));
        }
        let suspended = suspended(&id, &format!("s-{number}-0"), subledger_domain::customer::SuspensionReason::Fraud);
        history.event(&id, suspended);
    }
    let rows = &history.rows;
    for (filter, expected) in [
        (SubscriptionFilter::default(), 21),
        (SubscriptionFilter { partner_id: Some("p-1"), ..SubscriptionFilter::default() }, 21),
        (SubscriptionFilter { customer_id: Some("c-3"), ..SubscriptionFilter::default() }, 3),
        (SubscriptionFilter { state: Some(SubscriptionState::Suspended), ..SubscriptionFilter::default() }, 7),
        (
            SubscriptionFilter {
                partner_id: Some("p-1"),
                state: Some(SubscriptionState::Active),
                ..SubscriptionFilter::default()
            },
            14,
        ),
        (
            SubscriptionFilter {
                customer_id: Some("c-3"),
                partner_id: Some("p-1"),
                state: Some(SubscriptionState::Suspended),
            },
            1,
        ),
        (SubscriptionFilter { partner_id: Some("p-9"), ..SubscriptionFilter::default() }, 0),
    ] {
        for size in [1, 2, 5, 21, 1_000] {
            let found = walk(size, |request| list_subscriptions(rows, filter, request));
            assert_eq!(found.len(), expected, "{filter:?} by {size}");
            let ids: BTreeSet<_> = found.iter().map(|found| found.subscription_id.clone()).collect();
            assert_eq!(ids.len(), expected);
        }
    }
    let newest_first = walk(4, |request| list_activities(rows, Whose::Customer("c-3", None), Days::default(), request));
    let whole = walk(1_000, |request| list_activities(rows, Whose::Customer("c-3", None), Days::default(), request));
    assert_eq!(newest_first, whole);
    assert_eq!(whole.len(), 2 + 3 * 2 + 1);
    assert!(whole.is_sorted_by(|a, b| a.position.seq >= b.position.seq));
}

#[test]
fn a_token_of_another_list_is_refused() {
    let history = History::default().with_customer("c-1", "A", "p-1").with_customer("c-2", "B", "p-1");
    let one = PageRequest { size: 1, token: "" };
    let token = list_customers(&history.rows, Some("p-1"), "", one).unwrap().next.unwrap();
    let request = PageRequest { size: 1, token: &token };
    assert!(list_customers(&history.rows, Some("p-1"), "", request).is_ok());
    assert!(matches!(list_customers(&history.rows, Some("p-2"), "", request), Err(QueryError::InvalidPageToken)));
    assert!(matches!(
        list_activities(&history.rows, Whose::Customer("c-1", None), Days::default(), request),
        Err(QueryError::InvalidPageToken)
    ));
}
