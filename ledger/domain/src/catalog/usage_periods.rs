//! Usage periods of co-op programs: the days in which funds are used (billing-details.md decision C31).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Event, Reason, Rejection, check,
    command::PublishUsagePeriods,
    coop::{self, USAGE_PERIODS_MAX, UsagePeriod},
    event::UsagePeriodsPublished,
    ids::UsagePeriodId,
};

/// Periods by program and id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsagePeriods(BTreeMap<(String, UsagePeriodId), UsagePeriod>);

impl UsagePeriods {
    /// One period of a program.
    pub(super) fn get(&self, program: &str, id: &UsagePeriodId) -> Option<&UsagePeriod> {
        self.0.get(&(program.to_owned(), id.clone()))
    }

    pub(super) fn add(&mut self, periods: &[UsagePeriod]) {
        let keyed = periods.iter().map(|it| ((it.program.clone(), it.usage_period_id.clone()), it.clone()));
        self.0.extend(keyed);
    }

    /// A period keeps its days: claims stand on them. Two of a program share no day.
    pub(super) fn publish(&self, command: &PublishUsagePeriods) -> Result<Vec<Event>, Rejection> {
        check::count("periods", command.periods.len(), USAGE_PERIODS_MAX)?;
        let mut known = self.clone();
        for (index, period) in command.periods.iter().enumerate() {
            let field = |name: &str| format!("periods[{index}].{name}");
            if coop::program(&period.program).is_none() {
                let accepted: Vec<_> = coop::programs().map(|program| program.code).collect();
                let message = format!("{:?} is no program with co-op funds", period.program);
                return Err(check::invalid(&field("program"), message).with("accepted", accepted.join(", ")));
            }
            if period.last_day < period.first_day {
                return Err(check::invalid(&field("last_day"), "The last day is not before the first"));
            }
            let same = known.get(&period.program, &period.usage_period_id);
            if let Some(same) = same.filter(|same| *same != period) {
                let (first, last) = (same.first_day, same.last_day);
                let message = format!("Usage period {} is {first} to {last}, and stays so", same.usage_period_id);
                return Err(Rejection::field(Reason::UsagePeriodFixed, &field("first_day"), message));
            }
            let others = known.0.values().filter(|other| other.program == period.program && *other != period);
            let shares =
                |other: &&UsagePeriod| other.first_day <= period.last_day && period.first_day <= other.last_day;
            if let Some(other) = others.into_iter().find(shares) {
                let message = format!("Usage period {} of the program has days of it", other.usage_period_id);
                return Err(
                    check::invalid(&field("first_day"), message).with("usage_period_id", &other.usage_period_id)
                );
            }
            known.add(std::slice::from_ref(period));
        }
        Ok(vec![UsagePeriodsPublished { periods: command.periods.clone() }.into()])
    }
}
