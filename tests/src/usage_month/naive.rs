//! What the month comes to, by nothing but the rules as they are written (azure-marketplace-software.md 2.16 to 2.18).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    Credit, LineKey, RATE, dec,
    story::{Role, Story, TIER, customer, meter, prices},
};

/// Percent.
const CREDIT: u32 = 15;

/// The month.
pub(super) struct Month {
    /// Units of each charge line.
    pub(super) quantities: BTreeMap<LineKey, Decimal>,
    pub(super) credits: Credit,
}

/// Whether every minute of the day has a role.
fn has_access(roles: &[Role], day: u32) -> bool {
    let held = |minute: u32| roles.iter().any(|role| role.from <= minute && role.to.is_none_or(|to| minute < to));
    ((day - 1) * 1_440..day * 1_440).all(held)
}

/// Whether any minute of the day has one.
fn touches(roles: &[Role], day: u32) -> bool {
    let held = |minute: u32| roles.iter().any(|role| role.from <= minute && role.to.is_none_or(|to| minute < to));
    ((day - 1) * 1_440..day * 1_440).any(held)
}

pub(super) fn month(story: &Story) -> anyhow::Result<Month> {
    let (mut quantities, mut credits) = (BTreeMap::new(), Credit::new());
    let rate = dec(RATE)?;
    for n in 0..story.customers {
        for m in 0..story.meters {
            let mut before = Decimal::ZERO;
            for day in 1..=31 {
                let Some(quantity) = story.used.get(&(n, m, day)).copied() else { continue };
                let third_party = m + 1 == story.meters;
                let covered = has_access(&story.roles[n], day);
                let tiers = prices(m, day);
                let mut gross = Decimal::ZERO;
                let credit = if covered && !third_party { Decimal::from(CREDIT) } else { Decimal::ZERO };
                let bound = Decimal::from(TIER);
                // What is below the bound, and what is above.
                let low = if tiers.len() == 1 { quantity } else { quantity.min((bound - before).max(Decimal::ZERO)) };
                for (part, (_, price)) in [low, quantity - low].into_iter().zip(&tiers) {
                    gross += part * price;
                    if !part.is_zero() {
                        let key = (customer(n), meter(m), credit, price.normalize());
                        *quantities.entry(key).or_insert(Decimal::ZERO) += part;
                    }
                }
                before += quantity;
                let share = gross * rate * Decimal::from(CREDIT) / Decimal::ONE_HUNDRED;
                let (reason, earned, forgone) = match () {
                    () if third_party => ("SERVICE_EXCLUDED", Decimal::ZERO, Decimal::ZERO),
                    () if gross.is_zero() => ("NOT_CHARGED", Decimal::ZERO, Decimal::ZERO),
                    () if covered => ("EARNED", share, Decimal::ZERO),
                    () if touches(&story.roles[n], day) => ("ACCESS_PARTIAL_DAY", Decimal::ZERO, share),
                    () => ("NO_ELIGIBLE_ROLE", Decimal::ZERO, share),
                };
                let date = format!("2019-10-{day:02}");
                let credit = (earned.normalize(), forgone.normalize(), reason.to_owned());
                credits.insert((customer(n), meter(m), date), credit);
            }
        }
    }
    Ok(Month { quantities, credits })
}
