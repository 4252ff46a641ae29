//! Co-op funds: what a location earned, to be used in a usage period.

use rust_decimal::Decimal;

use super::FundKey;
use crate::{
    Command, Context, Event, Reason, Rejection,
    catalog::Catalog,
    check,
    command::{AccrueCoopFunds, ExpireCoopFunds},
    coop::{self, UsagePeriod},
    event::{CoopFundsAccrued, CoopFundsExpired},
    ids::UsagePeriodId,
    partner::Partner,
};

/// The program, and its usage period.
pub(in crate::partner) fn period<'a>(
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
    let before = partner.coop.funds.get(&key).map_or(Decimal::ZERO, |fund| fund.accrued - fund.expired);
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

/// The last day of claims is over.
pub(super) fn check_over(partner: &Partner, command: &ExpireCoopFunds, context: &Context) -> Result<(), Rejection> {
    let key = FundKey {
        program: command.program.clone(),
        usage_period_id: command.usage_period_id.clone(),
        location_mpn_id: command.location_mpn_id.clone(),
    };
    let Some(fund) = partner.coop.funds.get(&key) else {
        let message = format!("The location has no fund of {} for {}", key.program, key.usage_period_id);
        return Err(Rejection::field(Reason::CoopFundNotFound, "usage_period_id", message));
    };
    if context.effective_on() > fund.deadline {
        return Ok(());
    }
    let message = format!("Claims are taken until {}; nothing expires before", fund.deadline);
    Err(Rejection::field(Reason::CoopFundOpen, "usage_period_id", message).with("claim_deadline", fund.deadline))
}

/// The events of a command, and what expires with them: after the last day of claims a fund keeps only what claims take.
pub(super) fn expire(partner: &Partner, command: &Command, events: Vec<Event>, context: &Context) -> Vec<Event> {
    let of_claim = |id| partner.coop.claims.get(id).map(|claim| claim.fund.clone());
    let key = match command {
        Command::AccrueCoopFunds(AccrueCoopFunds { program, usage_period_id, location_mpn_id, .. })
        | Command::ExpireCoopFunds(ExpireCoopFunds { program, usage_period_id, location_mpn_id, .. }) => {
            let (program, usage_period_id) = (program.clone(), usage_period_id.clone());
            Some(FundKey { program, usage_period_id, location_mpn_id: location_mpn_id.clone() })
        }
        Command::SubmitCoopClaim(command) => of_claim(&command.claim_id),
        Command::ApproveCoopClaim(command) => of_claim(&command.claim_id),
        Command::RejectCoopClaim(command) => of_claim(&command.claim_id),
        _ => None,
    };
    let at_deadline = matches!(command, Command::ExpireCoopFunds(_));
    late(partner, key.into_iter().collect(), events, (context, at_deadline))
}

/// The same of funds that earnings fed.
pub(in crate::partner) fn expire_late(partner: &Partner, events: Vec<Event>, context: &Context) -> Vec<Event> {
    let fed = events.iter().filter_map(|event| match event {
        Event::CoopFundsAccrued(e) => Some(FundKey {
            program: e.program.clone(),
            usage_period_id: e.usage_period_id.clone(),
            location_mpn_id: e.location_mpn_id.clone(),
        }),
        _ => None,
    });
    let keys = fed.collect();
    late(partner, keys, events, (context, false))
}

fn late(
    partner: &Partner,
    keys: Vec<FundKey>,
    mut events: Vec<Event>,
    (context, at_deadline): (&Context, bool),
) -> Vec<Event> {
    if keys.is_empty() {
        return events;
    }
    let (mut coop, on) = (partner.coop.clone(), context.effective_on());
    events.iter().for_each(|event| coop.apply(event));
    for key in keys {
        let Some(fund) = coop.funds.get(&key).filter(|fund| on > fund.deadline) else { continue };
        let amount = fund.currency.round(coop.free(&key));
        if amount <= Decimal::ZERO {
            continue;
        }
        let expired = CoopFundsExpired {
            partner_id: partner.partner_id.clone(),
            program: key.program,
            location_mpn_id: key.location_mpn_id,
            usage_period_id: key.usage_period_id,
            amount,
            currency: fund.currency,
            expired_on: if at_deadline { fund.deadline } else { on },
        };
        events.push(expired.into());
    }
    events
}
