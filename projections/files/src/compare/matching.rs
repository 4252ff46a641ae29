//! Which lines of one subscription belong together: the most alike first, rank after rank.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::Line;

/// Pairs, and the lines of one side only.
pub(super) struct Matched {
    pub(super) pairs: Vec<(Line, Line)>,
    pub(super) only_in_file: Vec<Line>,
    pub(super) only_in_ledger: Vec<Line>,
}

/// What two lines must have in common, in the order of ranks. Two prices of one offer have equal keys but for the price (L10904), so the price
/// counts before anything that may differ with it.
const RANKS: [fn(&Line) -> Key; 9] = [
    |line| Key { unit_price: Some(line.unit_price), sums: Some(sums(line)), ..Key::line(line) },
    |line| Key { unit_price: Some(line.unit_price), amount: Some(line.amount), ..Key::line(line) },
    |line| Key { unit_price: Some(line.unit_price), ..Key::line(line) },
    Key::line,
    |line| Key { unit_price: Some(line.unit_price), quantity: None, ..Key::line(line) },
    |line| Key { quantity: None, ..Key::line(line) },
    // Other days, or another type, for the same money.
    |line| Key { start: None, end: None, amount: Some(line.amount), ..Key::line(line) },
    |line| Key { charge_type: None, amount: Some(line.amount), ..Key::line(line) },
    |line| Key { end: None, quantity: None, ..Key::line(line) },
];

#[derive(PartialEq, Eq, Hash)]
struct Key {
    charge_type: Option<String>,
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    quantity: Option<Decimal>,
    unit_price: Option<Decimal>,
    amount: Option<Decimal>,
    sums: Option<[Decimal; 5]>,
    /// A credit is never the pair of a charge.
    credit: bool,
}

impl Key {
    fn line(line: &Line) -> Self {
        Self {
            charge_type: Some(line.charge_type.to_ascii_lowercase()),
            start: Some(line.charge_start),
            end: Some(line.charge_end),
            quantity: Some(line.quantity),
            unit_price: None,
            amount: None,
            sums: None,
            credit: line.amount.is_sign_negative() && !line.amount.is_zero(),
        }
    }
}

fn sums(line: &Line) -> [Decimal; 5] {
    [line.amount, line.discount, line.subtotal, line.tax, line.total]
}

/// Finds the pairs.
pub(super) fn matched(file: Vec<Line>, ledger: Vec<Line>) -> Matched {
    let mut file: Vec<Option<Line>> = file.into_iter().map(Some).collect();
    let mut ledger: Vec<Option<Line>> = ledger.into_iter().map(Some).collect();
    let mut pairs = Vec::new();
    for rank in RANKS {
        let mut waiting: HashMap<Key, VecDeque<usize>> = HashMap::new();
        for (at, line) in ledger.iter().enumerate() {
            if let Some(line) = line {
                waiting.entry(rank(line)).or_default().push_back(at);
            }
        }
        for place in &mut file {
            let Some(at) = place.as_ref().and_then(|line| waiting.get_mut(&rank(line))?.pop_front()) else { continue };
            if let (Some(theirs), Some(ours)) = (place.take(), ledger[at].take()) {
                pairs.push((theirs, ours));
            }
        }
    }
    let rest = |lines: Vec<Option<Line>>| lines.into_iter().flatten().collect();
    Matched { pairs, only_in_file: rest(file), only_in_ledger: rest(ledger) }
}
