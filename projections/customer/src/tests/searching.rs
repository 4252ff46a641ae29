//! Finding customers, and what was on a day.

use proptest::prelude::*;
use subledger_domain::{
    customer::SuspensionReason,
    event::{CustomerTagged, CustomerUpdated, OrderPlaced, SubscriptionReactivated, UserCreated},
    ids::{OrderId, UserId},
};
use subledger_fold::page::PageRequest;

use super::history::*;
use crate::{
    SubscriptionState,
    query::{get_customer, list_customers, list_users, state_on},
    search::{ALIKE_MIN, Found, HITS_MAX, Match, Wanted, alike, index_cost, search, trigrams_of},
};

fn found(history: &History, partner: Option<&str>, text: &str) -> Vec<(String, Match)> {
    let Found { hits, complete } =
        search(&history.rows, partner, Wanted { text, most: HITS_MAX, alike: true }).unwrap();
    assert!(complete);
    hits.into_iter().map(|hit| (hit.customer.customer_id.to_string(), hit.by)).collect()
}

fn ids(history: &History, text: &str) -> Vec<String> {
    found(history, None, text).into_iter().map(|(id, _)| id).collect()
}

fn names() -> History {
    History::default()
        .with_customer("c-1", "Contoso Ltd", "p-1")
        .with_customer("c-2", "Fabrikam Inc", "p-2")
        .with_customer("c-3", "Contoso North", "p-2")
}

#[test]
fn a_customer_is_found_by_everything_it_is_known_by() {
    let mut history = names();
    history.commit("c-1", Ok(purchase("c-1", "p-1", "SUB-77", 5)));
    let placed = OrderPlaced {
        customer_id: customer("c-1"),
        partner_id: partner("p-1"),
        order_id: OrderId::new("Order-9").unwrap(),
        subscription_ids: vec![subscription("SUB-77")],
        by_customer: false,
        location_mpn_id: None,
    };
    history.event("c-1", placed);
    let tagged = |tags: &[&str]| CustomerTagged {
        customer_id: customer("c-1"),
        partner_id: partner("p-1"),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    };
    history.event("c-1", tagged(&["Gold", "Key account"]));
    for (text, by) in
        [("c-1", "customer_id"), ("sub-77", "subscription_id"), (" ORDER-9 ", "order_id"), ("key account", "tag")]
    {
        assert_eq!(found(&history, None, text)[0], ("c-1".to_owned(), Match::Id(by)), "{text}");
    }
    assert_eq!(found(&history, Some("p-1"), "gold"), [("c-1".to_owned(), Match::Id("tag"))]);
    assert_eq!(found(&history, Some("p-2"), "gold"), [], "a tag is its partner's own");
    assert_eq!(found(&history, Some("p-2"), "sub-77"), [], "and so are its customers");
    history.event("c-1", tagged(&["Silver"]));
    assert_eq!((ids(&history, "gold").len(), ids(&history, "silver")), (0, vec!["c-1".to_owned()]));
}

#[test]
fn names_are_found_by_their_beginning_and_by_likeness() {
    let history = names();
    let prefix = |id: &str| (id.to_owned(), Match::Prefix);
    assert_eq!(found(&history, None, "CONTOSO")[..2], [prefix("c-1"), prefix("c-3")]);
    assert_eq!(found(&history, Some("p-2"), "contoso"), [prefix("c-3")]);
    let misspelt = found(&history, None, "Fabricam");
    assert_eq!(misspelt, [("c-2".to_owned(), Match::Alike)]);
    assert_eq!(ids(&history, "north contoso"), ["c-3", "c-1"], "words in another order, the most alike first");
    assert_eq!(ids(&history, "zzz"), [""; 0]);
    assert_eq!(ids(&history, "  "), [""; 0]);
}

/// Decision G05: lists and searches show what is billed to; the legal name stays in the record.
#[test]
fn a_new_bill_to_name_is_the_one_that_is_found() {
    let mut history = names();
    let renamed = CustomerUpdated {
        customer_id: customer("c-2"),
        partner_id: Some(partner("p-2")),
        company_name: None,
        bill_to_name: Some("Woodgrove".into()),
        address: None,
        contact: None,
    };
    history.event("c-2", renamed);
    assert_eq!(ids(&history, "woodgr"), ["c-2"]);
    assert_eq!(ids(&history, "Woodgrov Bank"), ["c-2"]);
    assert!(ids(&history, "fabrikam in").is_empty());
    let known = get_customer(&history.rows, "c-2").unwrap().unwrap();
    assert_eq!((known.company_name.as_str(), known.listed_name()), ("Fabrikam Inc", "Woodgrove"));
    let listed = list_customers(&history.rows, Some("p-2"), "wood", PageRequest::default()).unwrap();
    assert_eq!(listed.items.len(), 1);
}

#[test]
fn what_a_subscription_was_on_a_day() {
    let mut history = History::default().with_customer("c-1", "Contoso", "p-1");
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-1", 5)));
    let start = get_start(&history);
    history.event("c-1", seats("c-1", "s-1", 5, 9));
    history.event("c-1", suspended("c-1", "s-1", SuspensionReason::NonPayment));
    let back = SubscriptionReactivated {
        customer_id: customer("c-1"),
        subscription_id: subscription("s-1"),
        effective_on: day(9, 1),
    };
    history.event("c-1", back);
    let on = |date| state_on(&history.rows, "c-1", "s-1", date).unwrap();
    assert_eq!(on(start.pred_opt().unwrap()), None, "before it began");
    let first = on(start).unwrap();
    assert_eq!((first.state, first.event.as_str()), (SubscriptionState::Active, "SubscriptionCreated"));
    let suspended = on(day(8, 31)).unwrap();
    assert_eq!((suspended.state, suspended.state_reason()), (SubscriptionState::Suspended, "non_payment"));
    assert_eq!((suspended.event.as_str(), suspended.quantity), ("SubscriptionSuspended", 9));
    let back = on(day(9, 1)).unwrap();
    assert_eq!((back.state, back.state_reason(), back.since), (SubscriptionState::Active, "", day(9, 1)));
    assert_eq!(state_on(&history.rows, "c-1", "s-2", day(9, 1)).unwrap(), None);
}

fn get_start(history: &History) -> chrono::NaiveDate {
    crate::query::get_subscription(&history.rows, None, "s-1").unwrap().unwrap().start
}

#[test]
fn users_are_listed_with_their_licenses() {
    let mut history = History::default().with_customer("c-1", "Contoso", "p-1");
    history.event(
        "c-1",
        UserCreated {
            customer_id: customer("c-1"),
            partner_id: partner("p-1"),
            user_id: UserId::new("u-1").unwrap(),
            display_name: "Ada".into(),
            first_name: String::new(),
            last_name: String::new(),
            email: "ada@contoso.onmicrosoft.com".into(),
        },
    );
    let users = list_users(&history.rows, "c-1", PageRequest::default()).unwrap().items;
    assert_eq!((users.len(), users[0].display_name.as_str(), users[0].licenses.len()), (1, "Ada", 0));
}

/// Words that look alike, so that searches hit and miss closely.
fn name() -> impl Strategy<Value = String> {
    let word =
        prop::sample::select(vec!["contoso", "contosa", "kontoso", "north", "northwind", "n", "über", "ab", "a.b"]);
    prop::collection::vec(word, 1..4).prop_map(|words| words.join(" "))
}

proptest! {
    /// The index finds exactly what looking through all names finds.
    #[test]
    fn the_index_agrees_with_looking_through_all(
        customers in prop::collection::vec((name(), any::<bool>()), 1..12),
        renamed in prop::collection::vec((0..12_usize, name()), 0..6),
        text in name(),
    ) {
        let mut history = History::default();
        for (number, (name, first)) in customers.iter().enumerate() {
            let partner = if *first { "p-1" } else { "p-2" };
            history = history.with_customer(&format!("id{number}"), name, partner);
        }
        for (number, name) in renamed {
            let number = number % customers.len();
            history.event(&format!("id{number}"), CustomerUpdated {
                customer_id: customer(&format!("id{number}")),
                partner_id: None,
                company_name: Some(name),
                bill_to_name: None,
                address: None,
                contact: None,
            });
        }
        for partner in [None, Some("p-1")] {
            let all = list_customers(&history.rows, partner, "", PageRequest::default()).unwrap().items;
            let wanted = trigrams_of(&text);
            let mut naive: Vec<_> = all.iter().filter(|customer| {
                let name = customer.company_name.to_lowercase();
                name.starts_with(&text)
                    || customer.domain_name.starts_with(&text)
                    || alike(&wanted, &trigrams_of(&name)) >= ALIKE_MIN
            }).map(|customer| customer.customer_id.to_string()).collect();
            naive.sort();
            let mut indexed: Vec<_> = found(&history, partner, &text).into_iter().map(|(id, _)| id).collect();
            indexed.sort();
            prop_assert_eq!(indexed, naive);
        }
    }
}

#[test]
fn without_names_that_are_alike_only_beginnings_are_found() {
    let history = names();
    let only = |text| {
        let wanted = Wanted { text, most: HITS_MAX, alike: false };
        search(&history.rows, None, wanted).unwrap().hits.into_iter().map(|hit| hit.by).collect::<Vec<_>>()
    };
    assert_eq!(only("conto"), [Match::Prefix; 2]);
    assert_eq!(only("Contosso"), []);
    assert!(!ids(&history, "Contosso").is_empty(), "which a whole search finds");
}

#[test]
fn the_cost_of_the_index_is_what_a_customer_adds() {
    let history = History::default().with_customer("c-1", "Contoso Ltd", "p-1");
    let mut rows = 0;
    let mut bytes = 0;
    for table in [0x11_u8, 0x22, 0x1a, 0x1b] {
        subledger_fold::Rows::scan(&history.rows, &[table], &[], false, &mut |key, _| {
            rows += 1;
            bytes += key.len() as u64;
            Ok(true)
        })
        .unwrap();
    }
    let known = get_customer(&history.rows, "c-1").unwrap().unwrap();
    let cost = index_cost("c-1", &known.company_name, &known.domain_name, "p-1");
    assert_eq!((cost.rows, cost.key_bytes), (rows, bytes));
}
