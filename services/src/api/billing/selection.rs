//! Which lines a request means.

use chrono::{Datelike, Months, NaiveDate};
use subledger_billing::{Selection, currencies, invoice_selection, reconciliation_layout};
use subledger_domain::{
    charge::InvoiceFamily,
    ids::{InvoiceNumber, PartnerId},
    money::Currency,
};
use subledger_files::layout::Layout;
use subledger_fold::{Rows, page::QueryError};
use subledger_log::codec::Wire as _;
use subledger_proto::api::LineSelection;
use tonic::{Code, Status};

use super::optional_id;
use crate::api::{catalog::id, errors, position::Wanted, read_model::ReadModel};

/// What a request asks for, checked.
struct Asked {
    partner_id: Option<PartnerId>,
    family: Option<InvoiceFamily>,
    currency: Option<Currency>,
    what: What,
}

enum What {
    Invoice(InvoiceNumber),
    /// A partner's family in the days from one to another.
    Days(PartnerId, InvoiceFamily, NaiveDate, NaiveDate),
}

/// What was found.
enum Found {
    Selection(Box<Selection>, Layout),
    NoInvoice,
    /// Charges in several currencies, or in none.
    Currencies(Vec<Currency>),
    /// The invoice is another partner's, of another family or currency.
    Other(&'static str, String),
}

/// The lines that a request means, and the layout of their file.
pub(super) async fn find(
    model: &ReadModel,
    wanted: Wanted,
    selection: Option<LineSelection>,
) -> Result<(Selection, Layout), Status> {
    let selection =
        selection.ok_or_else(|| errors::field_status("REQUIRED_FIELD_MISSING", "selection", "is required"))?;
    let number = selection.invoice_number.clone();
    let partner = selection.partner_id.clone();
    let asked = check(selection)?;
    let (found, _) = model.read(wanted, move |rows| look(rows, &asked)).await?;
    match found {
        Found::Selection(selection, layout) => Ok((*selection, layout)),
        Found::NoInvoice => Err(errors::not_found("invoice", &number)),
        Found::Other(field, is) => {
            let message = format!("invoice {number:?} has {field} {is}; leave {field} out, or name another invoice");
            Err(errors::status(Code::FailedPrecondition, "INVOICE_MISMATCH", message, &[("field", field.into())]))
        }
        Found::Currencies(found) if found.is_empty() => {
            let message = format!("partner {partner:?} has no charges of this family");
            Err(errors::status(Code::NotFound, "LINES_NOT_FOUND", message, &[("partner_id", partner)]))
        }
        Found::Currencies(found) => {
            let list: Vec<_> = found.iter().map(Currency::as_str).collect();
            let what = format!("say one of {}: a file has one currency", list.join(", "));
            Err(errors::field_status("CURRENCY_REQUIRED", "selection.currency", &what))
        }
    }
}

fn check(selection: LineSelection) -> Result<Asked, Status> {
    let LineSelection { partner_id, family, currency, invoice_number, period } = selection;
    let family_given = family != 0;
    let family = || InvoiceFamily::from_wire(family).map_err(|e| errors::invalid_field(&e.within("selection.family")));
    let what = match (invoice_number.is_empty(), period.is_empty()) {
        (false, true) => What::Invoice(id("selection.invoice_number", invoice_number)?),
        (true, false) => {
            let (from, until) = month(&period).ok_or_else(|| {
                let what = format!("{period:?} is no month; one is written 2018-02");
                errors::field_status("INVALID_VALUE", "selection.period", &what)
            })?;
            What::Days(id("selection.partner_id", partner_id.clone())?, family()?, from, until)
        }
        _ => {
            let what = "name either invoice_number or period";
            return Err(errors::field_status("INVALID_VALUE", "selection", what));
        }
    };
    Ok(Asked {
        partner_id: optional_id("selection.partner_id", partner_id)?,
        family: if family_given { Some(family()?) } else { None },
        currency: optional_id("selection.currency", currency)?,
        what,
    })
}

/// The first day of `2018-02` and of the month after it.
pub(super) fn month(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let first: NaiveDate = format!("{text}-01").parse().ok()?;
    let digits = text.bytes().enumerate().all(|(at, byte)| if at == 4 { byte == b'-' } else { byte.is_ascii_digit() });
    let plain = text.len() == 7 && digits && first.year() > 0;
    Some((first, first.checked_add_months(Months::new(1))?)).filter(|_| plain)
}

fn look(rows: &dyn Rows, asked: &Asked) -> Result<Found, QueryError> {
    let selection = match &asked.what {
        What::Invoice(number) => {
            let Some(selection) = invoice_selection(rows, number)? else { return Ok(Found::NoInvoice) };
            selection
        }
        What::Days(partner_id, family, from, until) => {
            let known = currencies(rows, partner_id, *family)?;
            let ((Some(currency), _) | (None, &[currency])) = (asked.currency, known.as_slice()) else {
                return Ok(Found::Currencies(known));
            };
            Selection {
                partner_id: partner_id.clone(),
                family: *family,
                currency,
                from: Some(*from),
                until: *until,
                invoice_number: None,
            }
        }
    };
    if asked.partner_id.as_ref().is_some_and(|partner| *partner != selection.partner_id) {
        return Ok(Found::Other("partner_id", selection.partner_id.to_string()));
    }
    if asked.family.is_some_and(|family| family != selection.family) {
        let wire: i32 = selection.family.to_wire();
        let name = subledger_proto::common::InvoiceFamily::try_from(wire).unwrap_or_default();
        return Ok(Found::Other("family", name.as_str_name().to_owned()));
    }
    if asked.currency.is_some_and(|currency| currency != selection.currency) {
        return Ok(Found::Other("currency", selection.currency.to_string()));
    }
    let layout = reconciliation_layout(rows, &selection)?;
    Ok(Found::Selection(Box::new(selection), layout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_months() {
        let days = |text: &str| month(text).map(|(from, until)| format!("{from} {until}"));
        assert_eq!(days("2018-12").as_deref(), Some("2018-12-01 2019-01-01"));
        assert_eq!(days("2020-02").as_deref(), Some("2020-02-01 2020-03-01"));
        for text in ["", "2018", "2018-13", "2018-2", "18-02", "2018-02-01", "+018-02", "2018-00"] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
