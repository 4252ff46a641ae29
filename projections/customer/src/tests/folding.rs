//! What each event makes of the rows.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event, Reason, Rejection,
    charge::AppliedPromotion,
    customer::SuspensionReason,
    event::{
        AgreementAccepted, AutoRenewChanged, BillingFrequencyChanged, CancellationScheduled, CancellationWithdrawn,
        DayClosed, FulfilmentConfirmed, PartitionDayClosed, PeriodStarted, RelationshipRequested, ReservationChanged,
        ReservationExchanged, SubscriptionActivated, SubscriptionCancelled, SubscriptionConverted, SubscriptionCreated,
        SubscriptionDeprovisioned, SubscriptionExpired, SubscriptionReactivated, SubscriptionRenewed, TermEnded,
        TermRolled, TransferCompleted, TransferDeclined, TransferExpired, TransferRequested, TransferWithdrawn,
        TrialConverted,
    },
    ids::{PriceListId, PromotionId},
    money::Currency,
    offer::{BillingFrequency, FulfilmentFact, ProductKind, Reservation, ReservationScope},
    party::{AgreementMode, Contact},
};

use subledger_fold::page::PageRequest;

use super::history::*;
use crate::{
    RelationshipState, Subscription, SubscriptionState, TransferState,
    query::{
        Days, SubscriptionFilter, TransferFilter, Whose, customers_of_subscription, get_customer, get_subscription,
        get_transfer, list_activities, list_customers, list_subscriptions, list_transfers,
    },
};

fn one() -> History {
    let mut history = History::default().with_customer("c-1", "Contoso Ltd", "p-1");
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-1", 5)));
    history
}

fn row(history: &History, subscription_id: &str) -> Subscription {
    get_subscription(&history.rows, None, subscription_id).unwrap().unwrap()
}

fn in_state(history: &History, partner: &str, state: SubscriptionState) -> Vec<String> {
    let filter = SubscriptionFilter { partner_id: Some(partner), state: Some(state), ..SubscriptionFilter::default() };
    let page = list_subscriptions(&history.rows, filter, PageRequest::default()).unwrap();
    page.items.iter().map(|item| item.subscription_id.to_string()).collect()
}

#[test]
fn a_purchase_is_a_subscription_with_an_inclusive_last_day() {
    let history = one();
    let bought = row(&history, "s-1");
    assert_eq!((bought.state, bought.state_reason(), bought.quantity), (SubscriptionState::Active, "", 5));
    assert_eq!(bought.term_end, NaiveDate::from_ymd_opt(2019, 1, 14));
    assert_eq!(bought.prices[0].unit_price.to_string(), "16.005");
    let owner = get_customer(&history.rows, "c-1").unwrap().unwrap();
    assert_eq!((owner.subscription_count, owner.version, owner.created_on), (1, 2, day(1, 1)));
    assert_eq!(in_state(&history, "p-1", SubscriptionState::Active), ["s-1"]);
}

fn one_with(change: impl FnOnce(&mut SubscriptionCreated)) -> History {
    let mut history = History::default().with_customer("c-1", "Contoso Ltd", "p-1");
    let mut e = bought("c-1", "p-1", "s-1", 5);
    change(&mut e);
    history.commit("c-1", Ok(vec![e.into()]));
    history
}

#[test]
fn a_promotion_shows_until_the_renewal() {
    let percent = Decimal::new(15, 0);
    let mut history = one_with(|e| {
        e.promotion = Some(AppliedPromotion {
            promotion_id: PromotionId::new("spring").unwrap(),
            percent,
            until: Some(day(7, 15)),
        });
    });
    let shown = row(&history, "s-1").promotion.unwrap();
    assert_eq!((shown.promotion_id.as_str(), shown.percent, shown.until), ("spring", percent, Some(day(7, 15))));
    let renewed = SubscriptionRenewed {
        customer_id: customer("c-1"),
        subscription_id: subscription("s-1"),
        term_number: 2,
        term_start: day(6, 1),
        term_end: day(7, 1),
        prices: Vec::new(),
        price_list_id: PriceListId::new("next").unwrap(),
    };
    history.commit("c-1", Ok(vec![renewed.into()]));
    assert_eq!(row(&history, "s-1").promotion, None);
}

#[test]
fn a_publishers_facts_start_it() {
    let mut history = one_with(|e| e.authorization_code = Some("code".into()));
    assert_eq!(in_state(&history, "p-1", SubscriptionState::PendingFulfilment), ["s-1"]);
    assert_eq!(get_customer(&history.rows, "c-1").unwrap().unwrap().subscription_count, 1);
    let (customer_id, subscription_id) = (customer("c-1"), subscription("s-1"));
    for fact in [FulfilmentFact::SetupConfirmed, FulfilmentFact::LicensesAssigned] {
        let (customer_id, subscription_id) = (customer_id.clone(), subscription_id.clone());
        let confirmed = FulfilmentConfirmed { customer_id, subscription_id, fact, effective_on: day(2, 1) };
        history.commit("c-1", Ok(vec![confirmed.into()]));
    }
    let pending = row(&history, "s-1");
    assert_eq!(pending.confirmed, [FulfilmentFact::LicensesAssigned, FulfilmentFact::SetupConfirmed]);
    assert_eq!(pending.authorization_code.as_deref(), Some("code"));
    let (start, term_end) = (day(2, 1), day(3, 1));
    let activated = SubscriptionActivated { customer_id, subscription_id, start, trial_end: None, term_end };
    history.commit("c-1", Ok(vec![activated.into()]));
    let active = row(&history, "s-1");
    assert_eq!((active.state, active.start, active.term_end), (SubscriptionState::Active, start, Some(day(2, 28))));
}

#[test]
fn a_cancellation_that_was_withdrawn_leaves_no_end() {
    let mut history = one();
    let (customer_id, subscription_id) = (customer("c-1"), subscription("s-1"));
    let scheduled = CancellationScheduled {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        effective_on: day(7, 1),
    };
    history.commit("c-1", Ok(vec![scheduled.into()]));
    assert_eq!(row(&history, "s-1").ends_on, Some(day(7, 1)));
    let switched = AutoRenewChanged {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        auto_renew: true,
    };
    history.commit("c-1", Ok(vec![switched.into(), CancellationWithdrawn { customer_id, subscription_id }.into()]));
    assert_eq!((row(&history, "s-1").ends_on, row(&history, "s-1").auto_renew), (None, true));
}

#[test]
fn a_reservation_shows_what_it_belongs_to_and_what_it_became() {
    let scope = ReservationScope::Shared;
    let belongs = |id: &str, scope| Reservation { azure_subscription_id: subscription(id), scope };
    let mut history = one_with(|e| {
        e.product_kind = Some(ProductKind::Reservation);
        e.reservation = Some(belongs("plan", scope));
    });
    let shown = row(&history, "s-1");
    assert_eq!((shown.product_kind, shown.reservation), (Some(ProductKind::Reservation), Some(belongs("plan", scope))));
    let (customer_id, subscription_id) = (customer("c-1"), subscription("s-1"));
    let changed = ReservationChanged {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        reservation: belongs("other", ReservationScope::Single),
        effective_on: day(2, 1),
    };
    let exchanged = ReservationExchanged {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        new_subscription_id: subscription("s-2"),
        effective_on: day(2, 2),
        credit: Decimal::TEN,
        price: Decimal::ONE_HUNDRED,
        currency: Currency::new("USD").unwrap(),
    };
    let cancelled = SubscriptionCancelled { customer_id, subscription_id, effective_on: day(2, 2) };
    history.commit("c-1", Ok(vec![changed.into(), exchanged.into(), cancelled.into()]));
    let shown = row(&history, "s-1");
    assert_eq!(shown.reservation, Some(belongs("other", ReservationScope::Single)));
    assert_eq!(
        (shown.state, shown.exchanged_for_subscription_id),
        (SubscriptionState::Cancelled, Some(subscription("s-2")))
    );
}

#[test]
fn a_product_without_an_end_has_no_last_day() {
    let history = one_with(|e| e.term_end = subledger_domain::calendar::NEVER);
    assert_eq!(row(&history, "s-1").term_end, None);
}

#[test]
fn seats_suspension_and_its_end() {
    let mut history = one();
    history.event("c-1", seats("c-1", "s-1", 5, 8));
    assert_eq!(row(&history, "s-1").quantity, 8);
    history.event("c-1", suspended("c-1", "s-1", SuspensionReason::NonPayment));
    let held = row(&history, "s-1");
    assert_eq!((held.state, held.state_reason()), (SubscriptionState::Suspended, "non_payment"));
    assert_eq!(held.expires_on, Some(day(5, 30)));
    assert_eq!(in_state(&history, "p-1", SubscriptionState::Suspended), ["s-1"]);
    assert!(in_state(&history, "p-1", SubscriptionState::Active).is_empty());

    let (customer_id, subscription_id) = (customer("c-1"), subscription("s-1"));
    let mut back = one();
    back.event("c-1", suspended("c-1", "s-1", SuspensionReason::CustomerRequest));
    let effective_on = day(3, 9);
    back.event(
        "c-1",
        SubscriptionReactivated {
            customer_id: customer_id.clone(),
            subscription_id: subscription_id.clone(),
            effective_on,
        },
    );
    let again = row(&back, "s-1");
    assert_eq!((again.state, again.expires_on, again.state_reason()), (SubscriptionState::Active, None, ""));

    history.event(
        "c-1",
        TermEnded { customer_id: customer_id.clone(), subscription_id: subscription_id.clone(), effective_on },
    );
    assert!(!row(&history, "s-1").auto_renew);
    history.event("c-1", SubscriptionDeprovisioned { customer_id, subscription_id, effective_on: day(5, 30) });
    let gone = row(&history, "s-1");
    assert_eq!((gone.state, gone.ends_on), (SubscriptionState::Deprovisioned, Some(day(5, 30))));
    assert_eq!(get_customer(&history.rows, "c-1").unwrap().unwrap().subscription_count, 0);
    assert_eq!(in_state(&history, "p-1", SubscriptionState::Deprovisioned), ["s-1"]);
}

#[test]
fn settings_and_terms() {
    let mut history = one();
    let (customer_id, subscription_id) = (customer("c-1"), subscription("s-1"));
    let (prices, price_list_id) = (bought("c-1", "p-1", "s-1", 1).prices, PriceListId::new("2019-01-US").unwrap());
    history.event(
        "c-1",
        BillingFrequencyChanged {
            customer_id: customer_id.clone(),
            order_id: order(),
            from: BillingFrequency::Monthly,
            to: BillingFrequency::Annual,
            subscription_ids: vec![subscription_id.clone()],
        },
    );
    assert_eq!(row(&history, "s-1").billing_frequency, Some(BillingFrequency::Monthly), "until the next period");
    let period = PeriodStarted {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        start: day(2, 15),
        end: day(3, 15),
        quantity: 5,
    };
    history.event("c-1", period);
    let annual = row(&history, "s-1");
    assert_eq!((annual.billing_frequency, annual.next_billing_frequency), (Some(BillingFrequency::Annual), None));
    let off = AutoRenewChanged {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        auto_renew: false,
    };
    history.event("c-1", off);
    assert!(!row(&history, "s-1").auto_renew);
    history.event(
        "c-1",
        SubscriptionRenewed {
            customer_id: customer_id.clone(),
            subscription_id: subscription_id.clone(),
            term_number: 2,
            term_start: day(6, 1),
            term_end: day(7, 1),
            prices: prices.clone(),
            price_list_id: price_list_id.clone(),
        },
    );
    assert_eq!((row(&history, "s-1").term_start, row(&history, "s-1").term_end), (day(6, 1), Some(day(6, 30))));
    history.event(
        "c-1",
        TermRolled {
            customer_id: customer_id.clone(),
            subscription_id: subscription_id.clone(),
            term_number: 3,
            term_start: day(7, 1),
            term_end: day(8, 1),
            prices: prices.clone(),
            price_list_id,
        },
    );
    assert_eq!((row(&history, "s-1").start, row(&history, "s-1").term_end), (day(1, 15), Some(day(7, 31))));
    history.event(
        "c-1",
        SubscriptionConverted {
            customer_id: customer_id.clone(),
            subscription_id: subscription_id.clone(),
            from_sku: None,
            to_sku: "gold".into(),
            prices,
            offer_id: offer(),
            offer_name: "Gold".into(),
            effective_on: day(7, 2),
        },
    );
    let gold = row(&history, "s-1");
    assert_eq!((gold.sku.as_deref(), gold.offer_name.as_str()), (Some("gold"), "Gold"));
    let effective_on = day(8, 1);
    let scheduled = CancellationScheduled {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        effective_on,
    };
    history.event("c-1", scheduled);
    assert_eq!(row(&history, "s-1").ends_on, Some(effective_on));
    history.event("c-1", SubscriptionExpired { customer_id, subscription_id, effective_on });
    assert_eq!(row(&history, "s-1").state, SubscriptionState::Expired);
}

#[test]
fn a_trial_becomes_paid_or_is_cancelled() {
    let mut history = one();
    for id in ["t-1", "t-2"] {
        let trial = SubscriptionCreated { trial_end: Some(day(2, 14)), ..bought("c-1", "p-1", id, 1) };
        history.event("c-1", trial);
    }
    assert_eq!(in_state(&history, "p-1", SubscriptionState::Trial), ["t-1", "t-2"]);
    let (customer_id, paid_from) = (customer("c-1"), day(2, 14));
    let converted = TrialConverted {
        customer_id: customer_id.clone(),
        subscription_id: subscription("t-1"),
        paid_from,
        term_end: day(3, 14),
    };
    history.event("c-1", converted);
    let paid = row(&history, "t-1");
    assert_eq!((paid.state, paid.term_start, paid.term_end), (SubscriptionState::Active, paid_from, Some(day(3, 13))));
    let cancelled =
        SubscriptionCancelled { customer_id, subscription_id: subscription("t-2"), effective_on: day(2, 1) };
    history.event("c-1", cancelled);
    assert_eq!(in_state(&history, "p-1", SubscriptionState::Cancelled), ["t-2"]);
    assert_eq!(get_customer(&history.rows, "c-1").unwrap().unwrap().subscription_count, 2);
}

#[test]
fn a_transfer_moves_a_subscription_to_a_new_one() {
    let mut history = one();
    history.event("c-1", established("c-1", "p-2"));
    let (customer_id, transfer_id) = (customer("c-1"), transfer("t-1"));
    let (source, target) = (partner("p-1"), partner("p-2"));
    let requested = |id: &str| TransferRequested {
        customer_id: customer("c-1"),
        transfer_id: transfer(id),
        source_partner_id: partner("p-1"),
        target_partner_id: partner("p-2"),
        lines: vec![line("s-1", None)],
        requested_on: day(4, 1),
        expires_on: Some(day(5, 1)),
        form: None,
    };
    history.event("c-1", requested("t-1"));
    let open = get_transfer(&history.rows, "c-1", "t-1").unwrap().unwrap();
    assert_eq!((open.state, open.lines[0].quantity, open.expires_on), (TransferState::Active, 5, Some(day(5, 1))));

    let successor = SubscriptionCreated {
        transferred_from_subscription_id: Some(subscription("s-1")),
        ..bought("c-1", "p-2", "s-2", 5)
    };
    let completed = TransferCompleted {
        customer_id: customer_id.clone(),
        transfer_id,
        source_partner_id: source,
        target_partner_id: target,
        lines: vec![line("s-1", Some("s-2"))],
    };
    let moved: Vec<Event> =
        vec![completed.into(), suspended("c-1", "s-1", SuspensionReason::Transferred).into(), successor.into()];
    history.commit("c-1", Ok(moved));
    let (old, new) = (row(&history, "s-1"), row(&history, "s-2"));
    assert_eq!(old.transferred_to_subscription_id, Some(subscription("s-2")));
    assert_eq!((old.state_reason(), new.partner_id.as_str()), ("transferred", "p-2"));
    assert_eq!(new.transferred_from_subscription_id, Some(subscription("s-1")));
    assert_eq!(get_customer(&history.rows, "c-1").unwrap().unwrap().subscription_count, 1);
    let done = get_transfer(&history.rows, "c-1", "t-1").unwrap().unwrap();
    assert_eq!(
        (done.state, done.lines[0].new_subscription_id.clone()),
        (TransferState::Complete, Some(subscription("s-2")))
    );

    for (id, state) in
        [("t-2", TransferState::Declined), ("t-3", TransferState::Withdrawn), ("t-4", TransferState::Expired)]
    {
        history.event("c-1", requested(id));
        let (customer_id, transfer_id) = (customer_id.clone(), transfer(id));
        let closed: Event = match state {
            TransferState::Declined => TransferDeclined { customer_id, transfer_id, note: "no".into() }.into(),
            TransferState::Withdrawn => TransferWithdrawn { customer_id, transfer_id }.into(),
            _ => TransferExpired { customer_id, transfer_id }.into(),
        };
        history.event("c-1", closed);
        assert_eq!(get_transfer(&history.rows, "c-1", id).unwrap().unwrap().state, state);
    }
    let list = |customer_id, partner_id| {
        let filter = TransferFilter { customer_id, partner_id, state: None };
        list_transfers(&history.rows, filter, PageRequest::default()).unwrap().items.len()
    };
    assert_eq!((list(None, Some("p-1")), list(None, Some("p-2")), list(Some("c-1"), None)), (4, 4, 4));
    assert_eq!((list(Some("c-1"), Some("p-3")), list(None, Some("p-3"))), (0, 0));
}

#[test]
fn relationships_and_agreements() {
    let mut history = History::default().with_customer("c-1", "Contoso Ltd", "p-1");
    let listed = |history: &History, partner| {
        list_customers(&history.rows, Some(partner), "", PageRequest::default()).unwrap().items.len()
    };
    history.event(
        "c-1",
        RelationshipRequested {
            customer_id: customer("c-1"),
            partner_id: partner("p-0"),
            delegated_admin: false,
            reseller_id: Some(partner("r-1")),
            expires_on: None,
        },
    );
    assert_eq!((listed(&history, "p-1"), listed(&history, "p-0")), (1, 0));
    history.event("c-1", established("c-1", "p-0"));
    history.event("c-1", removed("c-1", "p-1"));
    assert_eq!((listed(&history, "p-1"), listed(&history, "p-0")), (0, 1));
    let known = get_customer(&history.rows, "c-1").unwrap().unwrap();
    let states: Vec<_> = known.relationships.iter().map(|known| (known.partner_id.as_str(), known.state)).collect();
    assert_eq!(states, [("p-0", RelationshipState::Active), ("p-1", RelationshipState::Removed)]);

    let accepted = |on| AgreementAccepted {
        customer_id: customer("c-1"),
        mode: AgreementMode::PartnerAttestation,
        partner_id: Some(partner("p-0")),
        signatory: Contact {
            first_name: "A".into(),
            last_name: "B".into(),
            email: "a@example.com".into(),
            phone: String::new(),
        },
        accepted_on: on,
        version: None,
        language: None,
    };
    history.event("c-1", accepted(day(1, 2)));
    history.event("c-1", accepted(day(1, 3)));
    let agreements = get_customer(&history.rows, "c-1").unwrap().unwrap().agreements;
    assert_eq!(agreements.len(), 1);
    assert_eq!(agreements[0].accepted_on, day(1, 3));
}

#[test]
fn refusals_are_activities_and_count_as_versions() {
    let mut history = one();
    let refusal = Rejection::new(Reason::SubscriptionNotFound, "there is none").with("subscription_id", "s-9");
    history.commit("c-1", Err(refusal));
    history.commit("ghost", Err(Rejection::new(Reason::CustomerNotFound, "there is none")));
    let version = get_customer(&history.rows, "c-1").unwrap().unwrap().version;
    assert_eq!(version, 3);
    let activities =
        list_activities(&history.rows, Whose::Customer("c-1", None), Days::default(), PageRequest::default())
            .unwrap()
            .items;
    let actions: Vec<_> = activities.iter().map(|activity| activity.action.as_str()).collect();
    assert_eq!(
        actions,
        ["rejected", "SubscriptionCreated", "OrderPlaced", "RelationshipEstablished", "CustomerCreated"],
        "the newest first"
    );
    assert_eq!(activities[0].subject, "s-9");
    assert_eq!(activities[0].detail, "SUBSCRIPTION_NOT_FOUND: there is none");
    assert_eq!((activities[0].principal.as_str(), activities[0].channel.as_str()), ("alice", "grpc"));
    let ghost = list_activities(&history.rows, Whose::Customer("ghost", None), Days::default(), PageRequest::default())
        .unwrap()
        .items;
    assert_eq!(ghost.len(), 1);
    assert_eq!(ghost[0].subject, "ghost");
    assert!(get_customer(&history.rows, "ghost").unwrap().is_none());
}

#[test]
fn ids_of_subscriptions_belong_to_customers() {
    let mut history = one().with_customer("c-0", "Fabrikam", "p-1");
    history.commit("c-0", Ok(purchase("c-0", "p-1", "s-1", 9)));
    // A search would find it; it is another id all the same.
    history.commit("c-0", Ok(purchase("c-0", "p-1", "S-2", 1)));
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-2", 2)));
    let quantity = |customer| get_subscription(&history.rows, customer, "s-1").unwrap().map(|row| row.quantity);
    assert_eq!((quantity(Some("c-1")), quantity(Some("c-0")), quantity(None)), (Some(5), Some(9), Some(9)));
    let owners = |id| customers_of_subscription(&history.rows, id, 2).unwrap();
    assert_eq!(
        (owners("s-1"), owners("S-2"), owners("s-2")),
        (vec!["c-0".to_owned(), "c-1".to_owned()], vec!["c-0".to_owned()], vec!["c-1".to_owned()])
    );
    assert_eq!(quantity(Some("c-2")), None);
}

#[test]
fn what_is_about_no_customer_is_passed_and_what_cannot_be_is_refused() {
    let mut history = one();
    let before = history.rows.clone();
    history.event("", PartitionDayClosed { date: day(1, 31) });
    history.commit("", Ok(Vec::new()));
    assert_eq!(history.rows, before);
    let refused = |history: &mut History, event: Event| history.try_commit("c-1", Ok(vec![event])).unwrap_err().0;
    let error = refused(&mut history, seats("c-1", "s-9", 1, 2).into());
    assert_eq!(error, "the history of c-1 is impossible at customers/0@4: there is no subscription s-9");
    assert!(refused(&mut history, bought("c-1", "p-1", "s-1", 1).into()).contains("created before"));
    assert!(refused(&mut history, DayClosed { date: day(1, 1) }.into()).contains("not about a customer"));
    assert!(refused(&mut history, created("c-1", "Again", "p-1").into()).contains("created before"));
    assert!(refused(&mut history, removed("c-1", "p-7").into()).contains("never began"));
    let ghost = history.try_commit("c-2", Ok(purchase("c-2", "p-1", "s-1", 1)));
    assert!(ghost.unwrap_err().0.contains("never created"));
}
