//! Walks two sorted sides at once, a subscription at a time.

use std::iter::Peekable;

use super::{
    Finding, Kind, Line, Summary, cause,
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

/// Compares two sides, both in the order of [`Line::sort_key`], and tells each finding as it comes. Memory is that of one subscription.
pub fn compare<E>(
    file: impl Iterator<Item = Result<Line, E>>,
    ledger: impl Iterator<Item = Result<Line, E>>,
    visit: &mut dyn FnMut(Finding) -> Result<(), E>,
) -> Result<Summary, CompareError<E>> {
    let (mut file, mut ledger) = (file.peekable(), ledger.peekable());
    let mut summary = Summary::default();
    loop {
        let next = match (head(&mut file)?, head(&mut ledger)?) {
            (None, None) => return Ok(summary),
            (Some(subscription), None) | (None, Some(subscription)) => subscription,
            (Some(a), Some(b)) => a.min(b),
        };
        let theirs = group(&mut file, &next)?;
        let ours = group(&mut ledger, &next)?;
        for line in &theirs {
            *summary.file_total.entry(line.currency.clone()).or_default() += line.total;
        }
        for line in &ours {
            *summary.ledger_total.entry(line.currency.clone()).or_default() += line.total;
        }
        let Matched { pairs, only_in_file, only_in_ledger } = matched(theirs, ours);
        let mut tell = |summary: &mut Summary, finding: Finding| {
            summary.add(&finding);
            visit(finding)
        };
        for (theirs, ours) in pairs {
            match cause::of_pair(theirs, ours) {
                Some(finding) => tell(&mut summary, finding)?,
                None => summary.matched += 1,
            }
        }
        for line in only_in_file {
            tell(&mut summary, cause::of_single(Kind::OnlyInFile, line))?;
        }
        for line in only_in_ledger {
            tell(&mut summary, cause::of_single(Kind::OnlyInLedger, line))?;
        }
    }
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
