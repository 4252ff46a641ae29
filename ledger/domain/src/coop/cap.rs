//! What claims for an activity come to at most (L9304, L9315-9319, L9335-9336, W14).

use std::sync::LazyLock;

use rust_decimal::Decimal;

use super::catalogue::{cells, codes};
use crate::money::Currency;

/// `activity,expenses,programs,per,percent,amount_usd,attendees,source_line`; without expenses or programs, all of them.
const CAPS: &str = include_str!("../../data/coop-caps.csv");

/// What a cap holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapPer {
    /// A program's usage period (decision C31: "usage period", "program period" and "period" are one).
    Period,
    /// A conference.
    Conference,
    /// A person at a conference.
    Person,
}

/// A cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Code of the activity.
    pub activity: &'static str,
    /// Codes of the expenses that it counts; empty for all.
    pub expenses: Vec<&'static str>,
    /// Codes of the programs that have it; empty for all.
    pub programs: Vec<&'static str>,
    /// What it holds for.
    pub per: CapPer,
    /// Of what the partner's funds of program and period accrued.
    pub percent: Option<Decimal>,
    /// In US dollars; beside a percentage the greater of the two holds.
    pub amount_usd: Option<Decimal>,
    /// People.
    pub attendees: Option<usize>,
    /// Where it is printed.
    pub source_line: u32,
}

static READ: LazyLock<Vec<Cap>> = LazyLock::new(|| CAPS.lines().skip(1).filter_map(|row| read(&cells(row))).collect());

fn read(cells: &[&'static str]) -> Option<Cap> {
    let [activity, expenses, programs, per, percent, amount, attendees, line] = *cells else { return None };
    let per = match per {
        "period" => CapPer::Period,
        "conference" => CapPer::Conference,
        "person" => CapPer::Person,
        _ => return None,
    };
    let number = |cell: &str| if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) };
    Some(Cap {
        activity,
        expenses: codes(expenses),
        programs: codes(programs),
        per,
        percent: number(percent)?,
        amount_usd: number(amount)?,
        attendees: if attendees.is_empty() { None } else { Some(attendees.parse().ok()?) },
        source_line: line.parse().ok()?,
    })
}

/// The caps of an activity under a program.
pub fn caps(activity: &str, program: &str) -> impl Iterator<Item = &'static Cap> {
    READ.iter()
        .filter(move |cap| cap.activity == activity && (cap.programs.is_empty() || cap.programs.contains(&program)))
}

impl Cap {
    /// Whether it counts an expense.
    pub fn counts(&self, expense: &str) -> bool {
        self.expenses.is_empty() || self.expenses.contains(&expense)
    }

    /// The most in a currency, rounded down to its minor unit; none for a cap on people. `accrued` is what the funds accrued, `rate` what
    /// one US dollar is in the currency.
    pub fn most(&self, accrued: Decimal, currency: Currency, rate: Decimal) -> Option<Decimal> {
        let share = self.percent.map(|percent| accrued * percent / Decimal::ONE_HUNDRED);
        let amount = self.amount_usd.map(|amount| amount * rate);
        share.into_iter().chain(amount).max().map(|most| currency.floor(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coop::{activity, program, programs};

    fn most(of: &str, program: &str, accrued: &str) -> Vec<String> {
        let most = |cap: &Cap| cap.most(accrued.parse().unwrap(), Currency::DOLLAR, Decimal::ONE);
        caps(of, program).map(|cap| most(cap).map_or_else(String::new, |amount| amount.to_string())).collect()
    }

    #[test]
    fn every_row_is_read_and_names_what_there_is() {
        assert_eq!(READ.len(), CAPS.lines().count() - 1);
        for cap in READ.iter() {
            let activity = activity(cap.activity).unwrap_or_else(|| panic!("{cap:?}"));
            assert!(cap.expenses.iter().all(|expense| activity.expenses.contains(expense)), "{cap:?}");
            assert!(cap.programs.iter().all(|code| program(code).is_some()), "{cap:?}");
            assert!(cap.percent.is_some() || cap.amount_usd.is_some() || cap.attendees.is_some(), "{cap:?}");
            assert_eq!(cap.source_line, activity.source_line);
        }
        // No program has two caps of one kind where the page prints one.
        for program in programs() {
            for of in ["customer-offers", "internal-incentives-and-spiffs", "on-site-champ", "syndicated-content"] {
                assert_eq!(caps(of, program.code).count(), 1, "{of} {}", program.code);
            }
        }
    }

    /// W14.
    #[test]
    fn caps_are_the_printed_ones() {
        let (standard, surface) = ("coop-marketing-fund", "surface-add");
        assert_eq!(most("syndicated-content", standard, "1000000"), ["18750.00"]);
        assert_eq!(most("customer-offers", standard, "10000.03"), ["2500.00"], "rounded down");
        assert_eq!(most("customer-offers", surface, "10000.00"), ["10000.00"]);
        assert_eq!(most("internal-incentives-and-spiffs", standard, "10000"), ["2500.00"]);
        assert_eq!(most("on-site-champ", standard, "10000"), ["5000.00"]);
        assert_eq!(most("on-site-champ", "surface-pc-hub", "10000"), ["10000.00"]);
        assert_eq!(most("hosted-conferences", standard, "0"), ["", "5000.00", "45000.00"]);
        assert_eq!(most("product-seeding-demo-units", standard, "20000"), ["3000.00"]);
        assert_eq!(most("product-seeding-demo-units", standard, "50000"), ["5000.00"]);
        assert_eq!(most("product-seeding-demo-units", "surface-pc-hub", "50000"), [""; 0], "no limit");
        assert_eq!(most("print-advertising", standard, "50000"), [""; 0]);
        let yen = Currency::new("JPY").unwrap();
        let cap = caps("syndicated-content", standard).next().unwrap();
        assert_eq!(cap.most(Decimal::ZERO, yen, "107.1999".parse().unwrap()).unwrap().to_string(), "2009998");
    }
}
