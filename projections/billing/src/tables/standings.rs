//! The standing of each partner, and when it is to be reviewed: the day on which its oldest open invoice becomes overdue, then the
//! day on which that is too long (billing-details.md C23).
//!
//! Standing: key is partner text; row is [`Standing`]. Reviews: key is day, partner text; row is empty.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::PartnerId,
    partner::{AccountStanding, OVERDUE_DAYS_MAX},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::{
    prefix::{REVIEWS, STANDINGS},
    receivables,
};

/// Where a partner stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "as the event calls it")]
pub(crate) struct Standing {
    pub(crate) standing: AccountStanding,
    pub(crate) since: Option<NaiveDate>,
    /// None if it is good and nothing is open, or if it cannot become worse.
    next_review: Option<NaiveDate>,
}

fn key(partner: &PartnerId) -> Vec<u8> {
    Key::table(STANDINGS).text(partner.as_str()).build()
}

fn review_key(day: NaiveDate, partner: &PartnerId) -> Vec<u8> {
    Key::table(REVIEWS).date(day).text(partner.as_str()).build()
}

pub(crate) fn get(rows: &(impl Rows + ?Sized), partner: &PartnerId) -> Result<Standing, StoreError> {
    Ok(subledger_fold::get(rows, &key(partner))?.unwrap_or_default())
}

/// Sets the standing.
pub(crate) fn set(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    standing: AccountStanding,
    since: NaiveDate,
) -> Result<(), StoreError> {
    let row = get(rows, partner)?;
    subledger_fold::put(rows, key(partner), &Standing { standing, since: Some(since), ..row })?;
    plan(rows, partner)
}

/// Brings the next review up to date. Called after every change of the standing or of what is due.
pub(crate) fn plan(rows: &mut dyn Changes, partner: &PartnerId) -> Result<(), StoreError> {
    let row = get(rows, partner)?;
    let first_due = receivables::first_due(rows, partner)?;
    let next_review = first_due.and_then(|due| {
        let overdue_on = due.succ_opt()?;
        match row.standing {
            AccountStanding::Good => Some(overdue_on),
            AccountStanding::Delinquent => overdue_on.checked_add_days(Days::new(OVERDUE_DAYS_MAX)),
            AccountStanding::Suspended => None,
        }
    });
    if row.next_review == next_review {
        return Ok(());
    }
    if let Some(day) = row.next_review {
        rows.delete(review_key(day, partner));
    }
    if let Some(day) = next_review {
        rows.put(review_key(day, partner), Vec::new());
    }
    subledger_fold::put(rows, key(partner), &Standing { next_review, ..row })
}

/// The reviews due through a day, the oldest first, at most `limit`.
pub(crate) fn reviews(
    rows: &dyn Rows,
    through: NaiveDate,
    limit: usize,
) -> Result<Vec<(NaiveDate, PartnerId)>, StoreError> {
    let mut due = Vec::new();
    rows.scan(&Key::table(REVIEWS).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(REVIEWS, key)?;
        let day = reader.date()?;
        if due.len() == limit || day > through {
            return Ok(false);
        }
        due.push((day, reader.parse(PartnerId::new)?));
        reader.end()?;
        Ok(true)
    })?;
    Ok(due)
}
