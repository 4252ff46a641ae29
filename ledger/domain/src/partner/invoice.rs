//! Invoices: which document follows which, and what it says of the partner (billing-details.md 3.5).

use chrono::Days;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Partner, number};
use crate::{
    Event, Reason, Rejection,
    catalog::Catalog,
    check,
    command::IssueInvoice,
    event::InvoiceIssued,
    ids::InvoiceNumber,
    party::{Address, Recipient},
    tax::TaxIdKind,
};

/// Days from the invoice date to the due date (L9725).
pub const PAYMENT_TERM_DAYS: u64 = 60;
/// A SHA-256.
const DIGEST_BYTES: usize = 32;
/// In payment instructions: where the invoice's number goes (L10496).
const NUMBER_IN_TEXT: &str = "{invoice_number}";

/// The printed fields of an invoice that are not sums, dates or its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceHeader {
    /// Federal tax number, in the United States only (L10483); may be empty.
    pub us_fein: String,
    /// The partner's number (L10484).
    pub customer_number: String,
    /// Whom it is addressed to (L10485).
    pub bill_to: Recipient,
    /// By region, with the invoice's number (L10496); empty where none are published.
    pub payment_instructions: String,
    /// Such as `Net 60 days` (L10500).
    pub payment_terms: String,
    /// Purchase order number (L10502); may be empty.
    pub customer_po: String,
    /// Address of customer service (L10503); may be empty.
    pub customer_service: String,
    /// Legal address (L10504).
    pub service_recipient: Recipient,
    /// The validated VAT id; may be empty.
    pub tax_id: String,
}

impl InvoiceHeader {
    pub(super) fn new(partner: &Partner, catalog: &Catalog, number: &InvoiceNumber) -> Self {
        let profile = partner.profile.as_ref();
        let [line1, city, state, postal_code] = [const { String::new() }; 4];
        let unstated = Address { country: partner.country.clone(), line1, city, state, postal_code };
        let address = profile.map_or(unstated, |profile| profile.address.clone());
        let itself = Recipient { name: partner.name.clone(), address };
        let instructions = catalog.payment_instructions(&partner.country);
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let payment_instructions = text(instructions.map(|i| &i.text)).replace(NUMBER_IN_TEXT, number.as_str());
        Self {
            us_fein: text(profile.map(|profile| &profile.us_fein)),
            customer_number: partner.partner_id.to_string(),
            bill_to: profile.and_then(|profile| profile.bill_to.clone()).unwrap_or_else(|| itself.clone()),
            payment_instructions,
            payment_terms: format!("Net {PAYMENT_TERM_DAYS} days"),
            customer_po: text(profile.map(|profile| &profile.customer_po)),
            customer_service: text(instructions.map(|i| &i.customer_service)),
            service_recipient: profile.and_then(|profile| profile.service_recipient.clone()).unwrap_or(itself),
            tax_id: text(partner.tax.valid_id(TaxIdKind::Vat).map(|id| &id.value)),
        }
    }
}

/// Closes a document. What it says of the partner is taken from the partner's state of now and kept with it, so a later change of the
/// profile changes no issued document.
pub(super) fn issue(partner: &Partner, catalog: &Catalog, command: &IssueInvoice) -> Result<Vec<Event>, Rejection> {
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
    let count = issued.map_or(0, |issued| issued.count) + 1;
    let invoice_number = number::invoice(&partner.partner_id, command.family, command.currency, count)?;
    let Some(due_date) = command.invoice_date.checked_add_days(Days::new(PAYMENT_TERM_DAYS)) else {
        return Err(check::invalid("invoice_date", "The due date is 60 days later, which no calendar has"));
    };
    let header = Some(InvoiceHeader::new(partner, catalog, &invoice_number));
    let IssueInvoice { partner_id, family, currency, period_start, period_end, invoice_date, .. } = command.clone();
    let IssueInvoice { totals, line_count, lines_digest, reflects, .. } = command.clone();
    let withholding_credits = partner.receivables.credits_for(currency, command.total);
    let total = command.total - withholding_credits.iter().map(|credit| credit.credited).sum::<Decimal>();
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
            header,
            withholding_credits,
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
