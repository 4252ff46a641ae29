mod incentives;
mod taxes;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::*;
use crate::{
    Command, Context, Reason, Rejection,
    command::{CloseDay, PublishOffers, PublishPriceList},
    ids::{CommandId, PriceListId},
    offer::{BillingFrequency, OfferKind, OfferLimitScope, PricePer, PriceRow, ProductFamily, ProrationRule},
};

type Change<T> = fn(&mut T);
type Case<T> = (Change<T>, Reason, &'static str);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

fn e3() -> OfferId {
    OfferId::new("e3").unwrap()
}

fn offer() -> Offer {
    Offer {
        offer_id: e3(),
        display_name: "Office 365 E3".to_owned(),
        product_family: ProductFamily::License,
        kind: OfferKind::Base,
        term_months: 12,
        billing_frequencies: BTreeSet::from([BillingFrequency::Monthly]),
        minimum_quantity: 1,
        maximum_quantity: None,
        limit_scope: OfferLimitScope::None,
        limit: 0,
        prerequisite_offer_ids: BTreeSet::new(),
        markets: BTreeSet::new(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        end_of_sale: None,
        tax_scope: None,
        product: None,
    }
}

fn row(price: &str, from: &str) -> PriceRow {
    PriceRow {
        change_flag: "ADD".to_owned(),
        valid_from: day(from),
        valid_to: None,
        offer_display_name: "Office 365 E3".to_owned(),
        offer_id: e3(),
        license_agreement_type: "corporate".to_owned(),
        purchase_unit: PricePer::Month,
        secondary_license_type: "non-specific".to_owned(),
        end_customer_type: "cloud reseller corporate".to_owned(),
        list_price: price.parse().unwrap(),
        erp_price: None,
        component: None,
    }
}

fn run(catalog: &mut Catalog, command: &Command) -> Result<usize, Rejection> {
    run_at(catalog, command, "2018-03-01T00:00:00Z")
}

fn run_at(catalog: &mut Catalog, command: &Command, at: &str) -> Result<usize, Rejection> {
    let at = at.parse().unwrap();
    let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
    let events = catalog.decide(command, &context)?;
    for event in &events {
        catalog.evolve(event);
    }
    Ok(events.len())
}

fn publish(catalog: &mut Catalog, list: &str, rows: Vec<PriceRow>) -> Result<usize, Rejection> {
    let price_list_id = PriceListId::new(list).unwrap();
    run(catalog, &Command::PublishPriceList(PublishPriceList { price_list_id, currency: usd(), rows }))
}

fn price(catalog: &Catalog, on: &str) -> Option<String> {
    let quote = catalog.price(&e3(), usd(), day(on))?;
    let prices: Vec<_> = quote.prices.iter().map(|price| price.unit_price.to_string()).collect();
    Some(format!("{} {}", quote.price_list_id, prices.join("+")))
}

#[test]
fn the_row_with_the_latest_first_day_holds() {
    let mut catalog = Catalog::default();
    publish(&mut catalog, "l1", vec![row("20", "2018-01-01"), row("22", "2018-06-01")]).unwrap();
    let offered = PriceRow { valid_to: Some(day("2018-03-31")), ..row("15", "2018-03-01") };
    publish(&mut catalog, "l2", vec![offered]).unwrap();
    assert_eq!(price(&catalog, "2017-12-31"), None);
    assert_eq!(price(&catalog, "2018-02-28").as_deref(), Some("l1 20"));
    assert_eq!(price(&catalog, "2018-03-31").as_deref(), Some("l2 15"));
    assert_eq!(price(&catalog, "2018-04-01").as_deref(), Some("l1 20"));
    assert_eq!(price(&catalog, "2018-06-01").as_deref(), Some("l1 22"));
    publish(&mut catalog, "l3", vec![row("21", "2018-06-01")]).unwrap();
    assert_eq!(price(&catalog, "2018-06-01").as_deref(), Some("l3 21"), "replaced");
    assert_eq!(catalog.price_rows(&e3()).count(), 3);
    assert_eq!(catalog.price(&e3(), Currency::new("EUR").unwrap(), day("2018-06-01")), None);
}

#[test]
fn a_removal_ends_every_earlier_price() {
    let mut catalog = Catalog::default();
    publish(&mut catalog, "l1", vec![row("20", "2018-01-01")]).unwrap();
    let removed =
        PriceRow { change_flag: "DEL".to_owned(), valid_to: Some(day("2018-02-28")), ..row("20", "2018-02-01") };
    publish(&mut catalog, "l2", vec![removed]).unwrap();
    assert_eq!(price(&catalog, "2018-01-31").as_deref(), Some("l1 20"));
    assert_eq!(price(&catalog, "2018-03-01"), None);
    publish(&mut catalog, "l3", vec![row("25", "2018-04-01")]).unwrap();
    assert_eq!(price(&catalog, "2018-04-01").as_deref(), Some("l3 25"), "back on the list");
}

#[test]
fn several_components_are_one_price() {
    let mut catalog = Catalog::default();
    let part = |name: &str, price, from| PriceRow { component: Some(name.to_owned()), ..row(price, from) };
    publish(&mut catalog, "l1", vec![part("a", "3", "2018-01-01"), part("b", "1", "2018-01-01")]).unwrap();
    publish(&mut catalog, "l2", vec![part("b", "2", "2018-02-01")]).unwrap();
    assert_eq!(price(&catalog, "2018-02-01").as_deref(), Some("l2 3+2"));
}

#[test]
fn components_keep_the_order_of_their_rows() {
    let mut catalog = Catalog::default();
    let part = |name: &str, price| PriceRow { component: Some(name.to_owned()), ..row(price, "2018-01-01") };
    publish(&mut catalog, "l1", vec![part("non-PSTN", "28.40"), part("PSTN", "2.00"), part("a", "1")]).unwrap();
    assert_eq!(price(&catalog, "2018-01-01").as_deref(), Some("l1 28.40+2.00+1"));
    publish(&mut catalog, "l2", vec![part("PSTN", "3.00"), part("a", "1"), part("non-PSTN", "28.40")]).unwrap();
    assert_eq!(price(&catalog, "2018-01-01").as_deref(), Some("l2 3.00+1+28.40"), "another list, another order");
}

#[test]
fn days_close_one_after_another() {
    let mut catalog = Catalog::default();
    let close = |date| Command::CloseDay(CloseDay { date: day(date) });
    run(&mut catalog, &close("2018-01-31")).unwrap();
    assert_eq!(run(&mut catalog, &close("2018-01-31")).unwrap_err().reason, Reason::DayAlreadyClosed);
    assert_eq!(run(&mut catalog, &close("2018-02-02")).unwrap_err().reason, Reason::DayNotNext);
    run(&mut catalog, &close("2018-02-01")).unwrap();
    assert_eq!(catalog.last_closed(), Some(day("2018-02-01")));
}

#[test]
fn a_day_closes_when_it_is_over() {
    let close = Command::CloseDay(CloseDay { date: day("2018-01-31") });
    for at in ["2018-01-30T12:00:00Z", "2018-01-31T00:00:00Z", "2018-01-31T23:59:59.999Z"] {
        let refusal = run_at(&mut Catalog::default(), &close, at).unwrap_err();
        assert_eq!(refusal.reason, Reason::DayNotOver, "{at}");
    }
    assert_eq!(run_at(&mut Catalog::default(), &close, "2018-02-01T00:00:00Z"), Ok(1));
}

#[test]
fn an_offer_is_refused_with_the_field_at_fault() {
    let cases: [Case<Offer>; 9] = [
        (|o| o.display_name.clear(), Reason::RequiredFieldMissing, "display_name"),
        (|o| o.term_months = 24, Reason::InvalidValue, "term_months"),
        (|o| o.billing_frequencies.clear(), Reason::RequiredFieldMissing, "billing_frequencies"),
        (|o| o.minimum_quantity = 0, Reason::InvalidValue, "minimum_quantity"),
        (|o| o.maximum_quantity = Some(0), Reason::InvalidValue, "maximum_quantity"),
        (|o| o.limit_scope = OfferLimitScope::Lifetime, Reason::InvalidValue, "limit"),
        (|o| o.kind = OfferKind::AddOn, Reason::RequiredFieldMissing, "prerequisite_offer_ids"),
        (|o| o.markets = BTreeSet::from(["de".to_owned()]), Reason::InvalidValue, "markets"),
        (|o| o.markets = BTreeSet::from(["DEU".to_owned()]), Reason::InvalidValue, "markets"),
    ];
    for (change, reason, field) in cases {
        let mut bad = offer();
        change(&mut bad);
        let refusal =
            run(&mut Catalog::default(), &Command::PublishOffers(PublishOffers { offers: vec![bad] })).unwrap_err();
        assert_eq!(
            (refusal.reason, refusal.metadata["field"].as_str()),
            (reason, format!("offers[0].{field}").as_str())
        );
    }
    let metered =
        Offer { product_family: ProductFamily::MarketplaceSaas, billing_frequencies: BTreeSet::new(), ..offer() };
    assert!(
        run(&mut Catalog::default(), &Command::PublishOffers(PublishOffers { offers: vec![metered] })).is_ok(),
        "a custom meter"
    );
    for offers in [vec![], vec![offer(), offer()], vec![offer(); OFFERS_MAX + 1]] {
        assert!(run(&mut Catalog::default(), &Command::PublishOffers(PublishOffers { offers })).is_err());
    }
    let mut catalog = Catalog::default();
    run(&mut catalog, &Command::PublishOffers(PublishOffers { offers: vec![offer()] })).unwrap();
    assert_eq!((catalog.offers().count(), catalog.offer(&e3())), (1, Some(&offer())));
}

#[test]
fn a_price_is_refused_with_the_field_at_fault() {
    let cases: [(Change<PriceRow>, &str); 6] = [
        (|r| r.change_flag = "CHNG".to_owned(), "change_flag"),
        (|r| r.valid_to = r.valid_from.pred_opt(), "valid_to"),
        (|r| r.list_price = "-0.01".parse().unwrap(), "list_price"),
        (|r| r.list_price = "0.00000000001".parse().unwrap(), "list_price"),
        (|r| r.list_price = LIST_PRICE_MAX + Decimal::ONE, "list_price"),
        (|r| r.erp_price = Some("-1".parse().unwrap()), "erp_price"),
    ];
    for (change, field) in cases {
        let mut bad = row("1", "2018-01-01");
        change(&mut bad);
        let refusal = publish(&mut Catalog::default(), "l", vec![bad]).unwrap_err();
        assert_eq!(refusal.metadata["field"], format!("rows[0].{field}"));
    }
    assert!(publish(&mut Catalog::default(), "l", vec![]).is_err());
    assert!(publish(&mut Catalog::default(), "l", vec![row("1", "2018-01-01"), row("2", "2018-01-01")]).is_err());
    assert_eq!(publish(&mut Catalog::default(), "l", vec![row("1.0000000000000", "2018-01-01")]), Ok(1));
}

#[test]
fn the_state_survives_its_encoding() {
    let mut catalog = Catalog::default();
    publish(&mut catalog, "l1", vec![row("20", "2018-01-01")]).unwrap();
    run(&mut catalog, &Command::CloseDay(CloseDay { date: day("2018-01-31") })).unwrap();
    let bytes = postcard::to_stdvec(&catalog).unwrap();
    assert_eq!(postcard::from_bytes::<Catalog>(&bytes).unwrap(), catalog);
}
