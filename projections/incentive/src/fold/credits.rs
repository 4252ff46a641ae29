//! Earned credit: what each day and resource earned or could have, as usage is rated.

use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    charge::Charged,
    event::UsageRated,
    position::Position,
    usage::{RatedUsage, UsageCharge},
};
use subledger_fold::{Changes, Recorded, StoreError};

use crate::{
    month::Month,
    tables::{
        credits::{self, ChargedCredit, Credit, CreditAnswer, CreditDispute, CreditOf, add_sums},
        enrollments::Told,
    },
};

/// Sets what a day, resource and meter earned; it counts instead of what was known.
pub(super) fn rated(
    rows: &mut dyn Changes,
    position: Position,
    event: &UsageRated,
    row: &RatedUsage,
) -> Result<(), StoreError> {
    let of = CreditOf {
        partner_id: event.partner_id.clone(),
        customer_id: event.customer_id.clone(),
        usage_date: row.usage_date,
        resource: row.resource.clone(),
        meter_id: row.meter_id.clone(),
    };
    let credit = Credit {
        subscription_id: event.subscription_id.clone(),
        reseller_id: event.reseller_id.clone(),
        quantity: row.portions.iter().map(|portion| portion.quantity).sum::<Decimal>().normalize(),
        pricing_gross: row.portions.iter().map(|part| part.quantity * part.unit_price).sum::<Decimal>().normalize(),
        pricing_currency: row.pricing_currency,
        exchange_rate: row.exchange_rate,
        currency: event.currency,
        percent: row.credit_percent,
        possible_percent: row.possible_percent,
        reason: row.reason,
        earner_id: row.earner_id.clone(),
        rated_on: event.rated_on,
    };
    let mut versions = of.get(rows)?;
    let before = versions.0.last().map_or([Decimal::ZERO; 3], |(_, before)| before.amounts());
    let [gross, earned, forgone] = credit.amounts();
    let change = [gross - before[0], earned - before[1], forgone - before[2], Decimal::ZERO];
    add_sums(rows, (&event.partner_id, Month::of(row.usage_date), event.currency), change)?;
    versions.0.push((position, credit));
    of.put(rows, &versions)
}

/// Adds the credit that a charge line has.
pub(super) fn charged(
    rows: &mut dyn Changes,
    (position, index): (Position, u32),
    line: &Charged,
    usage: &UsageCharge,
) -> Result<(), StoreError> {
    let (zero, amount) = (Decimal::ZERO, usage.earned_credit);
    let of = (&line.partner_id, Month::of(usage.month), line.currency);
    credits::put_charge(rows, of, &ChargedCredit { charged_on: line.charged_on, position, index, amount })?;
    add_sums(rows, of, [zero, zero, zero, amount])
}

/// Folds an event about disputes.
pub(super) fn disputes(rows: &mut dyn Changes, commit: &Recorded<'_>, event: &Event) -> Result<(), StoreError> {
    let told = Told { on: commit.effective_at.date_naive(), position: commit.position };
    match event {
        Event::EarnedCreditDisputed(e) => CreditDispute { event: e.clone(), told, answer: None }.put(rows),
        Event::EarnedCreditDisputeDecided(e) => {
            let answer = CreditAnswer { accepted: Some(e.accepted), note: e.note.clone(), on: e.decided_on, told };
            credits::answer_dispute(rows, (&e.partner_id, &e.customer_id, &e.dispute_id), answer)
        }
        Event::EarnedCreditDisputeWithdrawn(e) => {
            let answer = CreditAnswer { accepted: None, note: String::new(), on: e.withdrawn_on, told };
            credits::answer_dispute(rows, (&e.partner_id, &e.customer_id, &e.dispute_id), answer)
        }
        _ => Ok(()),
    }
}
