//! Incentive programs and their exchange rates.

use std::collections::BTreeSet;

use super::*;
use crate::{
    command::{PublishIncentivePrograms, PublishIncentiveRates},
    ids::IncentiveProgramId,
    incentive::{Accelerator, DatedRate, EarningType, IncentiveProgram, Lever, ProgramEarner, RateCard},
};

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn lever() -> Lever {
    Lever {
        name: "core".into(),
        earning_type: EarningType::Rebate,
        products: BTreeSet::new(),
        offer_ids: BTreeSet::new(),
        rate: amount("0.04"),
        accelerators: vec![Accelerator { from_revenue: amount("1000"), rate: amount("0.06") }],
        minimum_revenue: amount("100"),
        cap: None,
        coop_program: None,
    }
}

fn card(from: &str, to: Option<&str>) -> RateCard {
    RateCard {
        valid_from: day(from),
        valid_to: to.map(day),
        levers: vec![lever()],
        cooling_days: 30,
        payment_days: 45,
        payment_threshold: amount("200.00"),
        clawback_months: 12,
    }
}

fn program(cards: Vec<RateCard>) -> IncentiveProgram {
    IncentiveProgram {
        program_id: IncentiveProgramId::new("csp").unwrap(),
        name: "CSP".into(),
        earner: ProgramEarner::Payer,
        partner_kinds: BTreeSet::new(),
        markets: BTreeSet::new(),
        excluded_offer_ids: BTreeSet::new(),
        cards,
        discontinued_on: None,
    }
}

fn context() -> Context {
    let at = "2030-01-01T00:00:00Z".parse().unwrap();
    Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at }
}

fn publish(catalog: &mut Catalog, program: IncentiveProgram) -> Result<(), Rejection> {
    let command = Command::PublishIncentivePrograms(PublishIncentivePrograms { programs: vec![program] });
    let events = catalog.decide(&command, &context())?;
    events.iter().for_each(|event| catalog.evolve(event));
    Ok(())
}

fn rate(catalog: &mut Catalog, from: &str, rate: &str) -> Result<(), Rejection> {
    let to = Currency::new("EUR").unwrap();
    let rates = vec![DatedRate { valid_from: day(from), from: usd(), to, rate: amount(rate) }];
    let events = catalog.decide(&Command::PublishIncentiveRates(PublishIncentiveRates { rates }), &context())?;
    events.iter().for_each(|event| catalog.evolve(event));
    Ok(())
}

#[test]
fn every_rule_of_a_program_names_its_field() {
    let cases: [Case<IncentiveProgram>; 12] = [
        (|it| it.name.clear(), Reason::RequiredFieldMissing, "programs[0].name"),
        (|it| it.cards.clear(), Reason::RequiredFieldMissing, "programs[0].cards"),
        (|it| it.markets = BTreeSet::from(["Germany".into()]), Reason::InvalidValue, "programs[0].markets"),
        (|it| it.cards[0].valid_to = Some(day("2019-06-30")), Reason::InvalidValue, "programs[0].cards[0].valid_to"),
        (|it| it.cards.push(card("2019-08-01", None)), Reason::InvalidValue, "programs[0].cards[1].valid_from"),
        (|it| it.cards[0].payment_days = 29, Reason::InvalidValue, "programs[0].cards[0].payment_days"),
        (|it| it.cards[0].levers.clear(), Reason::RequiredFieldMissing, "programs[0].cards[0].levers"),
        (|it| it.cards[0].levers.push(lever()), Reason::InvalidValue, "programs[0].cards[0].levers[1].name"),
        (|it| it.cards[0].levers[0].rate = amount("1.01"), Reason::InvalidValue, "programs[0].cards[0].levers[0].rate"),
        (
            |it| it.cards[0].levers[0].cap = Some(amount("-1")),
            Reason::InvalidValue,
            "programs[0].cards[0].levers[0].cap",
        ),
        (
            |it| it.cards[0].levers[0].accelerators[0].from_revenue = amount("100"),
            Reason::InvalidValue,
            "programs[0].cards[0].levers[0].accelerators[0].from_revenue",
        ),
        (|it| it.cards[0].clawback_months = 61, Reason::InvalidValue, "programs[0].cards[0].clawback_months"),
    ];
    for (change, reason, field) in cases {
        let mut wrong = program(vec![card("2019-07-01", None)]);
        change(&mut wrong);
        let refused = publish(&mut Catalog::default(), wrong).unwrap_err();
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field));
    }
    publish(&mut Catalog::default(), program(vec![card("2019-07-01", Some("2019-07-31")), card("2019-08-01", None)]))
        .unwrap();
}

#[test]
fn cards_of_closed_days_stay() {
    let mut catalog = Catalog::default();
    catalog.evolve(&crate::event::DayClosed { date: day("2019-11-30") }.into());
    publish(&mut catalog, program(vec![card("2019-07-01", None)])).unwrap();
    let refused = |program: IncentiveProgram| publish(&mut catalog.clone(), program).unwrap_err();
    let other = RateCard { levers: vec![Lever { rate: amount("0.05"), ..lever() }], ..card("2019-07-01", None) };
    for cards in [
        vec![other.clone()],
        vec![card("2019-07-01", Some("2019-11-29"))],
        vec![card("2019-07-01", Some("2019-11-29")), card("2019-11-30", None)],
        vec![card("2019-06-01", Some("2019-06-30")), card("2019-07-01", None)],
        vec![card("2019-12-01", None)],
    ] {
        let refused = refused(program(cards.clone()));
        assert_eq!((refused.reason, &*refused.metadata["field"]), (Reason::IncentiveCardInUse, "programs[0].cards"));
    }
    let reseller = IncentiveProgram { earner: ProgramEarner::Reseller, ..program(vec![card("2019-07-01", None)]) };
    assert_eq!(refused(reseller).metadata["field"], "programs[0].earner");
    let gone = IncentiveProgram { discontinued_on: Some(day("2019-11-30")), ..program(vec![card("2019-07-01", None)]) };
    assert_eq!(refused(gone).metadata["field"], "programs[0].discontinued_on");
    // It ends on the last closed day, and another one follows.
    let next = RateCard { valid_from: day("2019-12-01"), ..other };
    publish(&mut catalog, program(vec![card("2019-07-01", Some("2019-11-30")), next])).unwrap();
    let found = catalog.incentives().program(&IncentiveProgramId::new("csp").unwrap()).unwrap();
    let rate = |on: &str| found.card(day(on)).map(|card| card.levers[0].rate);
    assert_eq!(rate("2019-06-30"), None);
    assert_eq!(rate("2019-11-30"), Some(amount("0.04")));
    assert_eq!(rate("2019-12-01"), Some(amount("0.05")));
}

#[test]
fn a_closed_day_keeps_the_rate_it_has() {
    let mut catalog = Catalog::default();
    catalog.evolve(&crate::event::DayClosed { date: day("2019-11-30") }.into());
    rate(&mut catalog, "2019-11-01", "0.9").unwrap();
    let on = |catalog: &Catalog, day_: &str| catalog.incentives().rate(usd(), Currency::new("EUR").unwrap(), day(day_));
    assert_eq!(rate(&mut catalog, "2019-11-15", "0.91").unwrap_err().reason, Reason::ExchangeRateFixed);
    rate(&mut catalog, "2019-12-01", "0.92").unwrap();
    // A gap is filled.
    rate(&mut catalog, "2019-10-01", "0.88").unwrap();
    assert_eq!(on(&catalog, "2019-09-30"), None);
    assert_eq!(on(&catalog, "2019-10-31"), Some(amount("0.88")));
    assert_eq!(on(&catalog, "2019-11-30"), Some(amount("0.9")));
    assert_eq!(on(&catalog, "2020-06-01"), Some(amount("0.92")));
    for wrong in ["0", "-1", "1000001", "0.1234567890123"] {
        assert_eq!(rate(&mut catalog, "2020-01-01", wrong).unwrap_err().metadata["field"], "rates[0].rate", "{wrong}");
    }
}
