//! Co-op funds: what a location earned, to be used in a usage period.

use rust_decimal::Decimal;

use super::FundKey;
use crate::{
    Context, Event, Reason, Rejection,
    catalog::Catalog,
    check,
    command::AccrueCoopFunds,
    coop::{self, UsagePeriod},
    event::CoopFundsAccrued,
    ids::UsagePeriodId,
    partner::Partner,
};

/// The program, and its usage period.
pub(super) fn period<'a>(
    catalog: &'a Catalog,
    program: &str,
    usage_period_id: &UsagePeriodId,
) -> Result<&'a UsagePeriod, Rejection> {
    if coop::program(program).is_none() {
        let accepted: Vec<_> = coop::programs().map(|program| program.code).collect();
        let message = format!("{program:?} is no program with co-op funds");
        return Err(check::invalid("program", message).with("accepted", accepted.join(", ")));
    }
    catalog.usage_period(program, usage_period_id).ok_or_else(|| {
        let message = format!("No usage period {usage_period_id} of {program} is published; publish it first");
        Rejection::field(Reason::UsagePeriodNotFound, "usage_period_id", message)
    })
}

/// Funds of a program and period are in one currency, so that caps are of one sum. What claims hold is not taken back.
pub(super) fn accrue(
    partner: &Partner,
    catalog: &Catalog,
    command: &AccrueCoopFunds,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let AccrueCoopFunds { partner_id, program, location_mpn_id, usage_period_id, amount, currency, reference } =
        command.clone();
    let period = period(catalog, &program, &usage_period_id)?;
    partner.check_location(&location_mpn_id, "location_mpn_id")?;
    check::amount("amount", amount.abs(), currency)?;
    check::optional("reference", &reference)?;
    let key = FundKey { program, usage_period_id, location_mpn_id };
    let of_period = |other: &&FundKey| other.program == key.program && other.usage_period_id == key.usage_period_id;
    let other = partner.coop.funds.iter().find(|(other, _)| of_period(other));
    if let Some((_, other)) = other.filter(|(_, other)| other.currency != currency) {
        let message = format!("The partner's funds of the program and period are in {}", other.currency);
        return Err(Rejection::field(Reason::CurrencyMismatch, "currency", message).with("currency", other.currency));
    }
    let before = partner.coop.funds.get(&key).map_or(Decimal::ZERO, |fund| fund.accrued);
    let drawn = partner.coop.drawn(&key, None);
    if before + amount < drawn {
        let free = before - drawn;
        let message = format!("Claims hold {drawn} of the {before} {currency}; at most {free} can be taken back");
        return Err(Rejection::field(Reason::CoopFundExceeded, "amount", message).with("available", free));
    }
    let FundKey { program, usage_period_id, location_mpn_id } = key;
    Ok(vec![
        CoopFundsAccrued {
            partner_id,
            program,
            location_mpn_id,
            usage_period_id,
            amount: currency.round(amount),
            currency,
            reference,
            accrued_on: context.effective_on(),
            claim_deadline: period.claim_deadline(),
        }
        .into(),
    ])
}
