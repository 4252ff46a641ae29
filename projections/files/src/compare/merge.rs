//! Walks two sorted sides at once, a subscription at a time.

use std::{collections::HashMap, iter::Peekable};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Finding, Kind, Line, Summary, cause,
    mangled::Mangled,
    matching::{Matched, matched},
};

/// Lines of one subscription on one side, at most: they are held in memory together.
pub const SUBSCRIPTION_LINES_MAX: usize = 200_000;

/// A comparison that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CompareError<E> {
    /// A side cannot be read, or what was found cannot be written.
    #[error(transparent)]
    Side(#[from] E),
    /// One subscription has too many lines.
    #[error(
        "subscription {subscription} has more than {SUBSCRIPTION_LINES_MAX} lines, which is the limit of a comparison"
    )]
    TooManyLines {
        /// Its id.
        subscription: String,
    },
}

/// Compares two sides, both in the order of [`Line::sort_key`], and tells each finding as it comes. Memory is that of one subscription,
/// and of [`MANGLED_LINES_MAX`](super::MANGLED_LINES_MAX) lines on each side whose ids a spreadsheet may have spoilt: they are told last.
pub fn compare<E>(
    file: impl Iterator<Item = Result<Line, E>>,
    ledger: impl Iterator<Item = Result<Line, E>>,
    visit: &mut dyn FnMut(Finding) -> Result<(), E>,
) -> Result<Summary, CompareError<E>> {
    let (mut file, mut ledger) = (file.peekable(), ledger.peekable());
    let mut summary = Summary::default();
    let mut mangled = Mangled::default();
    loop {
        let next = match (head(&mut file)?, head(&mut ledger)?) {
            (None, None) => break,
            (Some(subscription), None) | (None, Some(subscription)) => subscription,
            (Some(a), Some(b)) => a.min(b),
        };
        let (theirs, ours) = (group(&mut file, &next)?, group(&mut ledger, &next)?);
        for line in &theirs {
            *summary.file_total.entry(line.currency.clone()).or_default() += line.total;
        }
        for line in &ours {
            *summary.ledger_total.entry(line.currency.clone()).or_default() += line.total;
        }
        // A subscription of one side may be one of the other, under an id that a spreadsheet has spoilt.
        let Some((theirs, ours)) = mangled.keep(theirs, ours) else { continue };
        tell_group(theirs, ours, cause::of_pair, &mut summary, visit)?;
    }
    let pair = |file, ledger| Some(cause::of_mangled(file, ledger));
    for (theirs, ours) in mangled.pairs() {
        tell_group(theirs, ours, pair, &mut summary, visit)?;
    }
    Ok(summary)
}

/// Tells what differs between the lines of one subscription.
fn tell_group<E>(
    theirs: Vec<Line>,
    ours: Vec<Line>,
    of_pair: impl Fn(Line, Line) -> Option<Finding>,
    summary: &mut Summary,
    visit: &mut dyn FnMut(Finding) -> Result<(), E>,
) -> Result<(), CompareError<E>> {
    let Matched { pairs, only_in_file, only_in_ledger } = matched(theirs, ours);
    let mut tell = |summary: &mut Summary, finding: Finding| {
        summary.add(&finding);
        visit(finding)
    };
    let mut first_rows: HashMap<Content, u64> = HashMap::new();
    if !only_in_file.is_empty() {
        first_rows.extend(pairs.iter().rev().map(|(theirs, _)| (content(theirs), theirs.row)));
    }
    for (theirs, ours) in pairs {
        match of_pair(theirs, ours) {
            Some(finding) => tell(summary, finding)?,
            None => summary.matched += 1,
        }
    }
    for line in only_in_file {
        let first = *first_rows.entry(content(&line)).or_insert(line.row);
        let finding =
            if first == line.row { cause::of_single(Kind::OnlyInFile, line) } else { cause::of_duplicate(line, first) };
        tell(summary, finding)?;
    }
    for line in only_in_ledger {
        tell(summary, cause::of_single(Kind::OnlyInLedger, line))?;
    }
    Ok(())
}

/// What two rows with the same content have in common.
type Content = (String, String, [NaiveDate; 2], Decimal, [Decimal; 6], String);

fn content(line: &Line) -> Content {
    let money = [line.unit_price, line.amount, line.discount, line.subtotal, line.tax, line.total];
    let days = [line.charge_start, line.charge_end];
    (line.customer_id.clone(), line.charge_type.clone(), days, line.quantity, money, line.currency.clone())
}

/// The subscription of the next line.
fn head<E>(side: &mut Peekable<impl Iterator<Item = Result<Line, E>>>) -> Result<Option<String>, E> {
    if let Some(Err(error)) = side.next_if(Result::is_err) {
        return Err(error);
    }
    Ok(side.peek().and_then(|line| line.as_ref().ok()).map(|line| line.subscription.clone()))
}

fn group<E>(
    side: &mut Peekable<impl Iterator<Item = Result<Line, E>>>,
    subscription: &str,
) -> Result<Vec<Line>, CompareError<E>> {
    let mut lines = Vec::new();
    while let Some(line) = side.next_if(|line| line.as_ref().map_or(true, |line| line.subscription == subscription)) {
        lines.push(line.map_err(CompareError::Side)?);
        if lines.len() > SUBSCRIPTION_LINES_MAX {
            return Err(CompareError::TooManyLines { subscription: subscription.to_owned() });
        }
    }
    Ok(lines)
}
