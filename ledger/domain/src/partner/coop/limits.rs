//! What a claim may come to: its fund, and the caps of its activity.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Claim, Coop, fund};
use crate::{
    Reason, Rejection,
    catalog::Catalog,
    coop::{self, Cap, CapPer, CoopClaimDetails, Expense},
    ids::CoopClaimId,
    money::Currency,
};

/// The claim whose limits are asked for: as it is handed in, or as it is granted.
pub(super) struct Wanted<'a> {
    pub(super) id: &'a CoopClaimId,
    pub(super) claim: &'a Claim,
    pub(super) details: &'a CoopClaimDetails,
    pub(super) amount: Decimal,
}

/// The fund has it, in its currency.
pub(super) fn check_fund(coop: &Coop, wanted: &Wanted<'_>) -> Result<(), Rejection> {
    let (key, currency) = (&wanted.claim.fund, wanted.details.currency);
    let fund = coop.funds.get(key);
    if let Some(other) = fund.map(|fund| fund.currency).filter(|other| *other != currency) {
        let message = format!("The fund is in {other}");
        return Err(Rejection::field(Reason::CurrencyMismatch, "details.currency", message).with("currency", other));
    }
    let left = fund.map_or(Decimal::ZERO, |fund| fund.accrued - fund.expired);
    let available = currency.round(left - coop.drawn(key, Some(wanted.id)));
    if wanted.amount <= available {
        return Ok(());
    }
    let message = format!("{} {currency} are claimed, and the fund has {available}", wanted.amount);
    Err(Rejection::field(Reason::CoopFundExceeded, "claim_id", message).with("available", available))
}

/// Every cap of the activity under the program holds.
pub(super) fn check_caps(coop: &Coop, catalog: &Catalog, wanted: &Wanted<'_>) -> Result<(), Rejection> {
    let fund = &wanted.claim.fund;
    for cap in coop::caps(&wanted.claim.activity, &fund.program) {
        let same = |other: &Claim| other.activity == wanted.claim.activity && other.fund.program == fund.program;
        let others: Vec<&Claim> = coop
            .claims
            .iter()
            .filter(|(id, other)| *id != wanted.id && other.state.draws() && same(other))
            .map(|(_, other)| other)
            .collect();
        match cap.per {
            CapPer::Period => check_period(coop, catalog, cap, wanted, &others)?,
            CapPer::Conference => check_attendees(cap, wanted, &others)?,
            CapPer::Person => check_person(catalog, cap, wanted, &others)?,
        }
    }
    Ok(())
}

/// The sum of what a cap counts, at most what the claim comes to.
fn counted(cap: &Cap, expenses: &[Expense], most: Decimal) -> Decimal {
    let counted = expenses.iter().filter(|expense| cap.counts(&expense.expense));
    counted.map(|expense| expense.amount).sum::<Decimal>().min(most)
}

fn expenses(claim: &Claim) -> &[Expense] {
    claim.submitted.as_ref().map_or(&[], |details| details.expenses.as_slice())
}

fn check_period(
    coop: &Coop,
    catalog: &Catalog,
    cap: &Cap,
    wanted: &Wanted<'_>,
    others: &[&Claim],
) -> Result<(), Rejection> {
    let (key, currency) = (&wanted.claim.fund, wanted.details.currency);
    let of_period = coop
        .funds
        .iter()
        .filter(|(other, _)| other.program == key.program && other.usage_period_id == key.usage_period_id);
    let accrued = of_period.map(|(_, fund)| fund.accrued).sum();
    let rate = rate(catalog, cap, wanted)?;
    let Some(most) = cap.most(accrued, currency, rate) else { return Ok(()) };
    let of_period = others.iter().filter(|other| other.fund.usage_period_id == key.usage_period_id);
    let used: Decimal = of_period.map(|other| counted(cap, expenses(other), other.drawn())).sum();
    let own = counted(cap, &wanted.details.expenses, wanted.amount);
    if used + own <= most {
        return Ok(());
    }
    Err(exceeded(cap, own, most - used, most, currency).with("used", currency.round(used)))
}

fn check_person(catalog: &Catalog, cap: &Cap, wanted: &Wanted<'_>, others: &[&Claim]) -> Result<(), Rejection> {
    let currency = wanted.details.currency;
    let Some(most) = cap.most(Decimal::ZERO, currency, rate(catalog, cap, wanted)?) else { return Ok(()) };
    let conference = conference(wanted.details);
    let of_person = |expenses: &[Expense], person: &str| -> Decimal {
        let of_person = expenses.iter().filter(|it| cap.counts(&it.expense) && attendee(it).as_deref() == Some(person));
        of_person.map(|expense| expense.amount).sum()
    };
    for person in wanted.details.expenses.iter().filter_map(attendee).collect::<BTreeSet<_>>() {
        let there = others.iter().filter(|other| other.submitted.as_ref().and_then(self::conference) == conference);
        let used: Decimal = there.map(|other| of_person(expenses(other), &person).min(other.drawn())).sum();
        let own = of_person(&wanted.details.expenses, &person).min(wanted.amount);
        if used + own > most {
            return Err(exceeded(cap, own, most - used, most, currency).with("attendee", person));
        }
    }
    Ok(())
}

fn check_attendees(cap: &Cap, wanted: &Wanted<'_>, others: &[&Claim]) -> Result<(), Rejection> {
    let Some(most) = cap.attendees else { return Ok(()) };
    let conference = conference(wanted.details);
    let there = others.iter().filter(|other| other.submitted.as_ref().and_then(self::conference) == conference);
    let people: BTreeSet<_> = there
        .flat_map(|other| expenses(other))
        .chain(&wanted.details.expenses)
        .filter(|expense| cap.counts(&expense.expense))
        .filter_map(attendee)
        .collect();
    if people.len() <= most {
        return Ok(());
    }
    let message = format!("At most {most} attendees of a conference are claimed for, not {}", people.len());
    Err(Rejection::field(Reason::ActivityCapExceeded, "details.expenses", message).with("maximum", most))
}

/// A name in the form in which two of them are compared.
fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

fn conference(details: &CoopClaimDetails) -> Option<String> {
    details.conference.as_deref().map(plain)
}

fn attendee(expense: &Expense) -> Option<String> {
    expense.attendee.as_deref().map(plain)
}

/// What a US dollar is in the claim's currency: in the month in which the usage period begins, so that a cap stays what it is.
fn rate(catalog: &Catalog, cap: &Cap, wanted: &Wanted<'_>) -> Result<Decimal, Rejection> {
    let currency = wanted.details.currency;
    if cap.amount_usd.is_none() {
        return Ok(Decimal::ONE);
    }
    let key = &wanted.claim.fund;
    let month = fund::period(catalog, &key.program, &key.usage_period_id)?.first_day;
    catalog.usage().rate(month, Currency::DOLLAR, currency).ok_or_else(|| {
        let message = format!("The cap is in USD, and no rate to {currency} is published for the month of {month}");
        Rejection::field(Reason::CapRateMissing, "details.currency", message).with("month", month)
    })
}

fn exceeded(cap: &Cap, own: Decimal, left: Decimal, most: Decimal, currency: Currency) -> Rejection {
    let (own, left) = (currency.round(own), currency.round(left.max(Decimal::ZERO)));
    let what = match cap.per {
        CapPer::Period => "the usage period",
        CapPer::Conference => "the conference",
        CapPer::Person => "a person at the conference",
    };
    let message = format!("{own} {currency} are claimed; of {most} for {what}, {left} are left");
    Rejection::field(Reason::ActivityCapExceeded, "details.expenses", message)
        .with("maximum", most)
        .with("left", left)
        .with("currency", currency)
}
