//! Corrections of a license's seats: what was charged for the period is taken back and charged anew, a segment for each number of
//! seats (billing.md section 2, L10185-10209, L10267-10324).

use chrono::NaiveDate;

use super::{billing::Segment, charging::Charging, line::ChargeType};
use crate::{calendar, offer::BillingFrequency};

/// Makes the corrections due on a monthly anniversary; says whether there were any. A change on that very day waits for the next.
pub(super) fn on_anniversary(charging: &mut Charging<'_, '_>, anniversary: NaiveDate) -> bool {
    let cut =
        charging.subscription.split_rebill_at_anniversary && charging.frequency() == Some(BillingFrequency::Annual);
    correct(charging, anniversary, cut.then_some(anniversary))
}

/// Makes the corrections that were still to come when a suspension comes first.
pub(super) fn settle(charging: &mut Charging<'_, '_>, day: NaiveDate) {
    correct(charging, day, None);
}

/// Corrects every kept period for the changes that took effect before `before`.
fn correct(charging: &mut Charging<'_, '_>, before: NaiveDate, cut: Option<NaiveDate>) -> bool {
    let billing = charging.subscription.billing.clone();
    let mut corrected = false;
    for period in billing.periods() {
        let Some(differs_from) = billing.first_difference(period, before) else { continue };
        corrected = true;
        // A late change may lie in the period before.
        let changed_on = billing.changed_by(differs_from).unwrap_or(differs_from);
        let lines: Vec<_> = billing.lines_in_force(period).collect();
        for line in &lines {
            charging.take_back(ChargeType::CycleInstanceProrate, line, changed_on);
        }
        // One line of each component carries its price; the lines of a component begin on different days.
        let first = lines.first().map(|line| line.charge_start);
        for segment in segments(billing.used(period, before), cut) {
            for like in lines.iter().filter(|line| Some(line.charge_start) == first) {
                let days = (segment.start, segment.end);
                let span = (days, calendar::days_between(days.0, days.1));
                charging.charge_again(ChargeType::CycleInstanceProrate, like, span, segment.quantity, changed_on);
            }
        }
    }
    corrected
}

fn segments(used: Vec<Segment>, cut: Option<NaiveDate>) -> Vec<Segment> {
    let Some(cut) = cut else { return used };
    let pieces = |s: Segment| {
        if s.start < cut && cut < s.end {
            vec![Segment { end: cut, ..s }, Segment { start: cut, ..s }]
        } else {
            vec![s]
        }
    };
    used.into_iter().flat_map(pieces).collect()
}
