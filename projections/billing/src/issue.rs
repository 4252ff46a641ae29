//! The process manager of invoices: a pure function from rows to the commands that are due (design: "Documents").
//!
//! The commands are the same whenever, wherever and however often they are computed: their content depends on lines and markers that cannot
//! change once the day is closed in every partition, and their ids on partner, family, currency and the period's last day. So a crash, a second projector
//! or a rebuild sends the same command again, and the ledger answers with the recorded outcome.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sha2::{Digest as _, Sha256};
use subledger_domain::{
    charge::InvoiceFamily,
    command::IssueInvoice,
    ids::{CommandId, ID_LENGTH_MAX, PartnerId},
    partner::invoice_date,
    position::Position,
};
use subledger_fold::{Rows, StoreError};

use crate::{
    digest,
    ledger::show,
    tables::{
        charges, due, markers,
        partners::{self, Partner},
        series::{self, Series},
    },
};

/// Series (partner, family, currency) that one call of [`due_series`] looks at; the oldest due come first, the rest with later calls.
pub const SERIES_PER_CALL_MAX: usize = 1_000;

/// Hexadecimal digits that stand for a partner id that is too long for a command id.
const HASH_DIGITS: usize = 40;

/// An invoice to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueInvoice {
    /// Derived from partner, family, currency and the last day of its period: a repetition has no effect.
    pub command_id: CommandId,
    /// 00:00 UTC after the period: everything before belongs to the invoice (L9701).
    pub effective_at: DateTime<Utc>,
    /// The command.
    pub command: IssueInvoice,
}

/// The last day that all partitions of customers, of which there are `customers_partitions`, are done with.
pub fn closed_through(rows: &dyn Rows, customers_partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    markers::closed_through(rows, customers_partitions)
}

/// A series of invoices (partner, family, currency) of which one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueSeries(Series);

/// The invoices that are due: the last day of their period is closed in all `customers_partitions` partitions, they have at least one line, and their issue
/// has not been folded yet. For each series in the order of periods, each beginning where the one before ends.
///
/// Periods (billing-details.md section 2.4, L10498): (end of the previous cycle, end of the cycle], so a line is on the invoice of the cycle in which it was
/// charged. A cycle without lines issues nothing; the next period is then longer. The first period begins with the registration,
/// or with the first line if that is earlier.
///
/// Reads only series that are due, and each of their due lines once.
pub fn due_invoices(rows: &dyn Rows, customers_partitions: u16) -> Result<Vec<DueInvoice>, StoreError> {
    invoices_of(rows, customers_partitions, &due_series(rows, customers_partitions)?)
}

/// The series of [`due_invoices`], the oldest due first, at most [`SERIES_PER_CALL_MAX`]. Reads no lines.
pub fn due_series(rows: &dyn Rows, customers_partitions: u16) -> Result<Vec<DueSeries>, StoreError> {
    let Some(closed_through) = markers::closed_through(rows, customers_partitions)? else {
        return Ok(Vec::new());
    };
    Ok(due::through(rows, closed_through, SERIES_PER_CALL_MAX)?.into_iter().map(DueSeries).collect())
}

/// The invoices that are due of some series. Their lines are what takes time, so many series can be split among several that compute.
pub fn invoices_of(
    rows: &dyn Rows,
    customers_partitions: u16,
    series: &[DueSeries],
) -> Result<Vec<DueInvoice>, StoreError> {
    let Some(closed_through) = markers::closed_through(rows, customers_partitions)? else {
        return Ok(Vec::new());
    };
    let mut issuer = Issuer { rows, customers_partitions, closed_through, reflects: None, invoices: Vec::new() };
    for DueSeries(series) in series {
        issuer.series(series)?;
    }
    Ok(issuer.invoices)
}

/// Whether [`due_invoices`] would give anything. Reads no lines, so it is cheap to ask again and again.
pub fn has_due_invoices(rows: &dyn Rows, customers_partitions: u16) -> Result<bool, StoreError> {
    let Some(closed_through) = markers::closed_through(rows, customers_partitions)? else { return Ok(false) };
    Ok(!due::through(rows, closed_through, 1)?.is_empty())
}

/// The last day through which nothing is left to be invoiced: every partition is done with it, and each invoice whose period ends on it or
/// before is folded. None before the first day is closed.
pub fn invoiced_through(rows: &dyn Rows, customers_partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    let closed = markers::closed_through(rows, customers_partitions)?;
    let due = due::first(rows)?;
    Ok(closed.and_then(|closed| match due {
        Some(due) if due <= closed => due.pred_opt(),
        _ => Some(closed),
    }))
}

/// What an invoice covers.
struct Period {
    /// Its first day; none for the first of a series.
    from: Option<NaiveDate>,
    /// Its last day.
    last: NaiveDate,
    /// The day after.
    end: NaiveDate,
    /// The date of its invoice.
    dated: NaiveDate,
}

impl Period {
    /// None only at the end of the calendar.
    fn ending(family: InvoiceFamily, from: Option<NaiveDate>, last: NaiveDate) -> Option<Self> {
        Some(Self { from, last, end: last.succ_opt()?, dated: invoice_date(family, last)? })
    }
}

struct Issuer<'a> {
    rows: &'a dyn Rows,
    customers_partitions: u16,
    closed_through: NaiveDate,
    /// Of the last date asked for: many partners share a date.
    reflects: Option<(NaiveDate, Vec<Position>)>,
    invoices: Vec<DueInvoice>,
}

impl Issuer<'_> {
    /// All due invoices of one series, one after another.
    fn series(&mut self, series: &Series) -> Result<(), StoreError> {
        let partner = partners::get(self.rows, &series.partner_id)?
            .ok_or_else(|| StoreError(format!("{} is due but not registered", series.partner_id)))?;
        let mut from = series::get(self.rows, series)?.unwrap_or_default().billed_until;
        while let Some(first) = charges::first_day(self.rows, series, from)? {
            let last = partner.cycle_end(series.family, first).filter(|last| *last <= self.closed_through);
            let Some(period) = last.and_then(|last| Period::ending(series.family, from, last)) else { break };
            from = Some(period.end);
            let invoice = self.invoice(series, &partner, first, &period)?;
            self.invoices.push(invoice);
        }
        Ok(())
    }

    fn invoice(
        &mut self,
        series: &Series,
        partner: &Partner,
        first: NaiveDate,
        period: &Period,
    ) -> Result<DueInvoice, StoreError> {
        let Period { from, last, end, dated } = *period;
        let lines = digest::summarize(self.rows, series, from, end)?;
        Ok(DueInvoice {
            command_id: command_id(series, last)?,
            effective_at: end.and_time(NaiveTime::MIN).and_utc(),
            command: IssueInvoice {
                partner_id: series.partner_id.clone(),
                family: series.family,
                currency: series.currency,
                period_start: from.unwrap_or_else(|| partner.registered_on.min(first)),
                period_end: end,
                invoice_date: dated,
                total: show(series.currency, lines.totals.total()),
                totals: lines.totals.map(|sum| show(series.currency, sum)),
                line_count: lines.line_count,
                lines_digest: lines.lines_digest,
                reflects: self.reflects(last)?,
            },
        })
    }

    /// The commits with which the partitions were done with a day. Nothing charged on or before the day comes after them.
    fn reflects(&mut self, date: NaiveDate) -> Result<Vec<Position>, StoreError> {
        if let Some((known, positions)) = &self.reflects
            && *known == date
        {
            return Ok(positions.clone());
        }
        let positions = markers::positions(self.rows, self.customers_partitions, date)?;
        self.reflects = Some((date, positions.clone()));
        Ok(positions)
    }
}

/// `inv:{partner}:{L or O}:{currency}:{last day of the period}`; with a long partner id `invh:` and 40 digits of its SHA-256 in its place.
fn command_id(series: &Series, last: NaiveDate) -> Result<CommandId, StoreError> {
    let family = match series.family {
        InvoiceFamily::LicenseUsage => 'L',
        InvoiceFamily::OneTimeRecurring => 'O',
    };
    let rest = format!("{family}:{}:{last}", series.currency);
    let mut id = format!("inv:{}:{rest}", series.partner_id);
    if id.len() > ID_LENGTH_MAX {
        id = format!("invh:{}:{rest}", hash_digits(&series.partner_id));
    }
    CommandId::new(id).map_err(|error| StoreError(error.to_string()))
}

/// What stands for a partner id that is too long.
pub(crate) fn hash_digits(partner: &PartnerId) -> String {
    let digest = Sha256::digest(partner.as_str());
    digest.iter().take(HASH_DIGITS / 2).fold(String::with_capacity(HASH_DIGITS), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use subledger_domain::money::Currency;

    use super::*;

    fn id(partner: &str) -> String {
        let series = Series {
            partner_id: PartnerId::new(partner).unwrap(),
            family: InvoiceFamily::OneTimeRecurring,
            currency: Currency::new("EUR").unwrap(),
        };
        command_id(&series, "2018-01-31".parse().unwrap()).unwrap().as_str().to_owned()
    }

    #[test]
    fn command_ids_fit() {
        assert_eq!(id("contoso"), "inv:contoso:O:EUR:2018-01-31");
        assert_eq!(id(&"p".repeat(43)).len(), 64);
        let long = id(&"p".repeat(44));
        assert!(long.starts_with("invh:") && long.len() == 62, "{long}");
        assert_ne!(long, id(&"p".repeat(45)));
    }
}
