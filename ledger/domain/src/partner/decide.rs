//! Decisions about one partner.

use chrono::Days;
use sha2::{Digest, Sha256};

use super::Partner;
use crate::{
    Command, Context, Event, Reason, Rejection,
    charge::InvoiceFamily,
    check,
    command::{IssueInvoice, RegisterPartner},
    event::{InvoiceIssued, PartnerRegistered},
    ids::InvoiceNumber,
    reference::market,
};

/// Days from the invoice date to the due date (L9725).
pub const PAYMENT_TERM_DAYS: u64 = 60;
/// A SHA-256.
const DIGEST_BYTES: usize = 32;
/// Part of an invoice number that is the partner's id; family, currency and up to ten digits have the other 17 of 64 characters.
const NUMBER_PARTNER_CHARS_MAX: usize = 47;
/// Of a longer partner id its beginning, a point and 16 hexadecimal digits of its hash.
const NUMBER_PARTNER_CHARS_KEPT: usize = 30;

/// Decides a command about one partner; `state` is none before it is registered.
pub fn decide(state: Option<&Partner>, command: &Command, context: &Context) -> Result<Vec<Event>, Rejection> {
    check::time(context)?;
    match command {
        Command::RegisterPartner(command) => register(state, command, context),
        Command::IssueInvoice(command) => issue_invoice(state, command),
        _ => Err(check::misdirected("partner")),
    }
}

fn register(state: Option<&Partner>, command: &RegisterPartner, context: &Context) -> Result<Vec<Event>, Rejection> {
    if state.is_some() {
        let message = format!("Partner {} is registered already", command.partner_id);
        return Err(Rejection::field(Reason::PartnerAlreadyExists, "partner_id", message));
    }
    check::required("name", &command.name)?;
    check::optional("mpn_id", &command.mpn_id)?;
    if !(1..=31).contains(&command.billing_day) {
        return Err(check::invalid("billing_day", "The billing day is a day of the month, 1 to 31"));
    }
    let Some(country) = market::country(&command.country) else {
        let message =
            format!("{:?} is in no market: two capital letters of a listed country are, such as DE", command.country);
        return Err(Rejection::field(Reason::MarketNotAllowed, "country", message));
    };
    match country.currency {
        Some(currency) if currency != command.currency => {
            let message = format!("A partner in {} is billed in {currency}", command.country);
            Err(Rejection::field(Reason::CurrencyMismatch, "currency", message).with("currency", currency))
        }
        None if !market::is_known_currency(command.currency) => {
            let message = format!("{} is no currency of ISO 4217 in use", command.currency);
            Err(Rejection::field(Reason::CurrencyMismatch, "currency", message))
        }
        _ => Ok(vec![registered(command, context).into()]),
    }
}

fn registered(command: &RegisterPartner, context: &Context) -> PartnerRegistered {
    let RegisterPartner { partner_id, name, kind, country, currency, billing_day, mpn_id } = command.clone();
    let registered_on = context.effective_on();
    PartnerRegistered { partner_id, name, kind, country, currency, billing_day, mpn_id, registered_on }
}

fn issue_invoice(state: Option<&Partner>, command: &IssueInvoice) -> Result<Vec<Event>, Rejection> {
    let Some(partner) = state else {
        let message = format!("There is no partner {}", command.partner_id);
        return Err(Rejection::field(Reason::PartnerNotFound, "partner_id", message));
    };
    check_invoice(command)?;
    let issued = partner.issued.get(&(command.family, command.currency));
    if let Some(last) = issued {
        if command.period_end <= last.period_end {
            let message = format!("The invoice up to {} was issued; the next period starts there", last.period_end);
            return Err(Rejection::field(Reason::InvoiceAlreadyIssued, "period_end", message)
                .with("period_start", last.period_end));
        }
        if command.period_start != last.period_end {
            let message = format!("The period starts where the previous one ended, on {}", last.period_end);
            return Err(Rejection::field(Reason::InvoicePeriodGap, "period_start", message)
                .with("period_start", last.period_end));
        }
    }
    let invoice_number = number(partner, command, issued.map_or(0, |issued| issued.count) + 1)?;
    let Some(due_date) = command.invoice_date.checked_add_days(Days::new(PAYMENT_TERM_DAYS)) else {
        return Err(check::invalid("invoice_date", "The due date is 60 days later, which no calendar has"));
    };
    let IssueInvoice { partner_id, family, currency, period_start, period_end, invoice_date, .. } = command.clone();
    let IssueInvoice { total, totals, line_count, lines_digest, reflects, .. } = command.clone();
    Ok(vec![
        InvoiceIssued {
            partner_id,
            invoice_number,
            family,
            currency,
            period_start,
            period_end,
            invoice_date,
            due_date,
            total,
            totals,
            line_count,
            lines_digest,
            reflects,
        }
        .into(),
    ])
}

fn check_invoice(command: &IssueInvoice) -> Result<(), Rejection> {
    if command.period_end <= command.period_start {
        return Err(check::invalid(
            "period_end",
            format!("The period ends after its start on {}", command.period_start),
        ));
    }
    if command.invoice_date < command.period_start {
        return Err(check::invalid(
            "invoice_date",
            format!("The invoice is not dated before {}", command.period_start),
        ));
    }
    if command.total.normalize().scale() > command.currency.minor_digits() {
        let message = format!("{} has {} decimal places", command.currency, command.currency.minor_digits());
        return Err(check::invalid("total", message));
    }
    if command.total != command.totals.total() {
        let message = format!("Subtotal and tax are {}, which the total must be", command.totals.total());
        return Err(check::invalid("total", message));
    }
    if command.lines_digest.len() != DIGEST_BYTES {
        return Err(check::invalid("lines_digest", format!("A SHA-256 has {DIGEST_BYTES} bytes")));
    }
    Ok(())
}

/// `{partner}-{L or O}-{currency}-{number}`, unique in the ledger and gapless for each partner, family and currency.
fn number(partner: &Partner, command: &IssueInvoice, number: u64) -> Result<InvoiceNumber, Rejection> {
    let family = match command.family {
        InvoiceFamily::LicenseUsage => 'L',
        InvoiceFamily::OneTimeRecurring => 'O',
    };
    let id = partner.partner_id.as_str();
    let prefix = if id.len() <= NUMBER_PARTNER_CHARS_MAX {
        id.to_owned()
    } else {
        let mut head = [0; 8];
        head.iter_mut().zip(Sha256::digest(id)).for_each(|(to, from)| *to = from);
        let hash = u64::from_be_bytes(head);
        format!("{}.{hash:016x}", id.get(..NUMBER_PARTNER_CHARS_KEPT).unwrap_or_default())
    };
    let text = format!("{prefix}-{family}-{}-{number:06}", command.currency);
    InvoiceNumber::new(text).map_err(|error| check::invalid("partner_id", error.to_string()))
}
