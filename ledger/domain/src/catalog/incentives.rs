//! What is published for incentives: programs with their rate cards, and exchange rates by day.
//!
//! Earnings of closed days follow the cards and rates that held then: what is published later holds for days to come, or fills a gap of
//! rates that earnings wait at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::decide::check_market;
use crate::{
    Event, Reason, Rejection, check,
    command::{PublishIncentivePrograms, PublishIncentiveRates},
    coop,
    event::{IncentiveProgramsPublished, IncentiveRatesPublished},
    ids::IncentiveProgramId,
    incentive::{DatedRate, EarningType, IncentiveProgram, Lever, RATE_DECIMALS, RateCard},
    money::Currency,
};

/// Programs in one command.
pub const INCENTIVE_PROGRAMS_MAX: usize = 50;
/// Exchange rates in one command.
pub const INCENTIVE_RATES_MAX: usize = 500;
/// Rate cards of a program, levers of a card, accelerators of a lever.
const PARTS_MAX: usize = 50;
/// Offers, products and markets that a program or lever names.
const NAMED_MAX: usize = 1_000;
/// Days of cooling, and to a payment.
const DAYS_MAX: u32 = 366;
/// Months after which nothing is taken back any more.
const CLAWBACK_MONTHS_MAX: u32 = 60;
/// Largest exchange rate.
const EXCHANGE_RATE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Digits after the point of an exchange rate; published ones have nine (L13821).
const EXCHANGE_RATE_DECIMALS: u32 = 12;

/// Everything published for incentives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncentiveCatalog {
    programs: BTreeMap<IncentiveProgramId, IncentiveProgram>,
    rates: BTreeMap<(Currency, Currency), BTreeMap<NaiveDate, Decimal>>,
}

impl IncentiveCatalog {
    /// A program as it was published last.
    pub fn program(&self, id: &IncentiveProgramId) -> Option<&IncentiveProgram> {
        self.programs.get(id)
    }

    /// Every program, by id.
    pub fn programs(&self) -> impl Iterator<Item = &IncentiveProgram> {
        self.programs.values()
    }

    /// What one unit of a currency is in another on a day; none where nothing was published.
    pub fn rate(&self, from: Currency, to: Currency, on: NaiveDate) -> Option<Decimal> {
        if from == to {
            return Some(Decimal::ONE);
        }
        self.rates.get(&(from, to))?.range(..=on).next_back().map(|(_, rate)| *rate)
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::IncentiveProgramsPublished(e) => {
                self.programs.extend(e.programs.iter().map(|program| (program.program_id.clone(), program.clone())));
            }
            Event::IncentiveRatesPublished(e) => {
                for rate in &e.rates {
                    self.rates.entry((rate.from, rate.to)).or_default().insert(rate.valid_from, rate.rate);
                }
            }
            _ => {}
        }
    }

    pub(super) fn publish_programs(
        &self,
        command: &PublishIncentivePrograms,
        last_closed: Option<NaiveDate>,
    ) -> Result<Vec<Event>, Rejection> {
        check::count("programs", command.programs.len(), INCENTIVE_PROGRAMS_MAX)?;
        let mut seen = BTreeSet::new();
        for (index, program) in command.programs.iter().enumerate() {
            let at = format!("programs[{index}]");
            if !seen.insert(&program.program_id) {
                let message = format!("Program {} stands in this command twice", program.program_id);
                return Err(check::invalid(&format!("{at}.program_id"), message));
            }
            check_program(&at, program)?;
            if let Some(known) = self.programs.get(&program.program_id) {
                check_closed_days(&at, known, program, last_closed)?;
            }
        }
        Ok(vec![IncentiveProgramsPublished { programs: command.programs.clone() }.into()])
    }

    pub(super) fn publish_rates(
        &self,
        command: &PublishIncentiveRates,
        last_closed: Option<NaiveDate>,
    ) -> Result<Vec<Event>, Rejection> {
        check::count("rates", command.rates.len(), INCENTIVE_RATES_MAX)?;
        let mut seen = BTreeSet::new();
        for (index, rate) in command.rates.iter().enumerate() {
            let field = |name: &str| format!("rates[{index}].{name}");
            let DatedRate { valid_from, from, to, rate } = *rate;
            if from == to {
                return Err(check::invalid(&field("to"), "A currency is always worth one of itself"));
            }
            if rate <= Decimal::ZERO || rate > EXCHANGE_RATE_MAX || rate.normalize().scale() > EXCHANGE_RATE_DECIMALS {
                let message = format!(
                    "A rate is above 0 and at most {EXCHANGE_RATE_MAX}, with at most {EXCHANGE_RATE_DECIMALS} digits after the point"
                );
                return Err(check::invalid(&field("rate"), message));
            }
            if !seen.insert((from, to, valid_from)) {
                return Err(check::invalid(&field("valid_from"), "The currencies have two rates from that day on"));
            }
            let held = self.rate(from, to, valid_from);
            let is_closed = last_closed.is_some_and(|closed| valid_from <= closed);
            if let Some(held) = held.filter(|held| is_closed && *held != rate) {
                let message = format!("One {from} was {held} {to} on {valid_from}, and that day is closed");
                return Err(Rejection::field(Reason::ExchangeRateFixed, &field("rate"), message).with("rate", held));
            }
        }
        Ok(vec![IncentiveRatesPublished { rates: command.rates.clone() }.into()])
    }
}

/// What earnings of closed days rest on does not change.
fn check_closed_days(
    at: &str,
    known: &IncentiveProgram,
    program: &IncentiveProgram,
    last_closed: Option<NaiveDate>,
) -> Result<(), Rejection> {
    let refuse = |field: &str, message: &str| {
        let rejection = Rejection::field(Reason::IncentiveCardInUse, &format!("{at}.{field}"), message);
        Err(rejection.with("last_closed", last_closed.map(|day| day.to_string()).unwrap_or_default()))
    };
    if program.earner != known.earner {
        return refuse("earner", "Who earns by a program never changes; publish another program");
    }
    let Some(closed) = last_closed else { return Ok(()) };
    let gone = |program: &IncentiveProgram| program.discontinued_on.filter(|gone| *gone <= closed);
    if gone(known) != gone(program) {
        return refuse("discontinued_on", "Earnings of closed days are what they are; a program ends on an open day");
    }
    if !known.excluded_offer_ids.is_subset(&program.excluded_offer_ids) {
        return refuse("excluded_offer_ids", "What a program excludes stays excluded");
    }
    let closed_cards = |program: &IncentiveProgram| -> Vec<RateCard> {
        let cards = program.cards.iter().filter(|card| card.valid_from <= closed).cloned();
        cards.map(|card| RateCard { valid_to: card.valid_to.filter(|to| *to < closed), ..card }).collect()
    };
    if closed_cards(known) != closed_cards(program) {
        return refuse(
            "cards",
            "Cards of closed days stay as they are, but for an end on an open day; add a card from an open day on",
        );
    }
    Ok(())
}

fn check_program(at: &str, program: &IncentiveProgram) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    check::required(&field("name"), &program.name)?;
    program.markets.iter().try_for_each(|market| check_market(&field("markets"), market))?;
    at_most(&field("excluded_offer_ids"), program.excluded_offer_ids.len(), NAMED_MAX)?;
    check::count(&field("cards"), program.cards.len(), PARTS_MAX)?;
    let mut free_from: Option<NaiveDate> = Some(NaiveDate::MIN);
    for (index, card) in program.cards.iter().enumerate() {
        let at = format!("{at}.cards[{index}]");
        if free_from.is_none_or(|free| card.valid_from < free) {
            let message = "Cards stand in the order of their days, and none holds on a day of another";
            return Err(check::invalid(&format!("{at}.valid_from"), message));
        }
        if card.valid_to.is_some_and(|to| to < card.valid_from) {
            return Err(check::invalid(&format!("{at}.valid_to"), "The last day is not before the first"));
        }
        free_from = card.valid_to.and_then(|to| to.succ_opt());
        check_card(&at, card)?;
    }
    Ok(())
}

fn check_card(at: &str, card: &RateCard) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    for (name, days) in [("cooling_days", card.cooling_days), ("payment_days", card.payment_days)] {
        if days > DAYS_MAX {
            return Err(check::invalid(&field(name), format!("{name} is at most {DAYS_MAX}")));
        }
    }
    if card.payment_days < card.cooling_days {
        return Err(check::invalid(
            &field("payment_days"),
            "A payment is ordered before it is made: not below cooling_days",
        ));
    }
    if card.clawback_months > CLAWBACK_MONTHS_MAX {
        return Err(check::invalid(&field("clawback_months"), format!("At most {CLAWBACK_MONTHS_MAX} months")));
    }
    dollars(&field("payment_threshold"), card.payment_threshold)?;
    check::count(&field("levers"), card.levers.len(), PARTS_MAX)?;
    let mut names = BTreeSet::new();
    for (index, lever) in card.levers.iter().enumerate() {
        let at = format!("{at}.levers[{index}]");
        if !names.insert(&lever.name) {
            return Err(check::invalid(&format!("{at}.name"), format!("The card has two levers {}", lever.name)));
        }
        check_lever(&at, lever)?;
    }
    Ok(())
}

fn check_lever(at: &str, lever: &Lever) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    check::required(&field("name"), &lever.name)?;
    at_most(&field("offer_ids"), lever.offer_ids.len(), NAMED_MAX)?;
    earning_rate(&field("rate"), lever.rate)?;
    dollars(&field("minimum_revenue"), lever.minimum_revenue)?;
    lever.cap.map_or(Ok(()), |cap| dollars(&field("cap"), cap))?;
    at_most(&field("accelerators"), lever.accelerators.len(), PARTS_MAX)?;
    if let Some(code) = &lever.coop_program {
        if coop::program(code).is_none() {
            let accepted: Vec<_> = coop::programs().map(|program| program.code).collect();
            let message = format!("{code:?} is no program with co-op funds");
            return Err(check::invalid(&field("coop_program"), message).with("accepted", accepted.join(", ")));
        }
        if lever.earning_type != EarningType::Coop {
            let message = "Only a lever whose earning_type is coop feeds co-op funds";
            return Err(check::invalid(&field("coop_program"), message).with("accepted", "EARNING_TYPE_COOP"));
        }
    }
    let mut last = lever.minimum_revenue;
    for (index, accelerator) in lever.accelerators.iter().enumerate() {
        let at = format!("{at}.accelerators[{index}]");
        dollars(&format!("{at}.from_revenue"), accelerator.from_revenue)?;
        if accelerator.from_revenue <= last {
            let message = "Accelerators stand by rising revenue, each above the minimum of the lever";
            return Err(check::invalid(&format!("{at}.from_revenue"), message));
        }
        last = accelerator.from_revenue;
        earning_rate(&format!("{at}.rate"), accelerator.rate)?;
    }
    Ok(())
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Rejection> {
    if count <= most { Ok(()) } else { check::count(field, count, most) }
}

/// An amount of US dollars, 0 or more.
fn dollars(field: &str, amount: Decimal) -> Result<(), Rejection> {
    if amount.is_zero() { Ok(()) } else { check::amount(field, amount, Currency::DOLLAR) }
}

fn earning_rate(field: &str, rate: Decimal) -> Result<(), Rejection> {
    if rate >= Decimal::ZERO && rate <= Decimal::ONE && rate.normalize().scale() <= RATE_DECIMALS {
        return Ok(());
    }
    let message = format!("A rate is 0 to 1 with at most {RATE_DECIMALS} digits after the point: 0.04 is 4 percent");
    Err(check::invalid(field, message))
}
