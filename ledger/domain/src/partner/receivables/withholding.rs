//! Withholding tax credits: a request for each invoice, reviewed, approved, credited (billing-details.md 2.11, C17, C20).

use rust_decimal::Decimal;

use super::{Certificate, Receivables, Withholding, WithholdingStanding};
use crate::{
    Context, Event, Reason, Rejection, check,
    command::{ApproveWithholding, RequestWithholding, ResubmitWithholding, ReturnWithholding},
    event::{WithholdingApproved, WithholdingRequested, WithholdingResubmitted, WithholdingReturned},
    ids::{InvoiceNumber, WithholdingId},
    money::Currency,
    partner::Partner,
};

/// Kinds of file that a certificate may have (L10827).
const CERTIFICATE_FORMATS: [&str; 5] = ["pdf", "jpg", "jpeg", "png", "gif"];

pub(super) fn request(
    partner: &Partner,
    command: &RequestWithholding,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let money = &partner.receivables;
    let RequestWithholding { partner_id, request_id, invoice_number, amount, currency, .. } = command;
    if money.withholdings.contains_key(request_id) {
        let message = format!("There is a request {request_id} already");
        return Err(Rejection::field(Reason::RequestAlreadyExists, "request_id", message));
    }
    let invoice = money.found(invoice_number, "invoice_number")?;
    if invoice.currency != *currency {
        let message = format!("Invoice {invoice_number} is in {}", invoice.currency);
        return Err(Rejection::field(Reason::CurrencyMismatch, "currency", message).with("currency", invoice.currency));
    }
    let replaces = replaced(money, invoice_number, invoice.open_request.as_ref())?;
    check_eligible(money, invoice_number, *amount)?;
    let certificate = check_certificate(command.certificate.as_ref(), *amount)?;
    check_email(&command.contact_email)?;
    Ok(vec![
        WithholdingRequested {
            partner_id: partner_id.clone(),
            request_id: request_id.clone(),
            invoice_number: invoice_number.clone(),
            amount: *amount,
            currency: *currency,
            certificate: certificate.clone(),
            country: partner.country.clone(),
            contact_email: command.contact_email.clone(),
            requested_on: context.effective_on(),
            replaces,
        }
        .into(),
    ])
}

/// An invoice has one undecided request; one that was sent back may be replaced.
fn replaced(
    money: &Receivables,
    number: &InvoiceNumber,
    open: Option<&WithholdingId>,
) -> Result<Option<WithholdingId>, Rejection> {
    let Some(id) = open else { return Ok(None) };
    match money.withholdings.get(id) {
        Some(request) if request.standing == WithholdingStanding::Submitted => {
            let message = format!("Request {id} for invoice {number} is not decided yet");
            Err(Rejection::field(Reason::RequestAlreadyOpenForInvoice, "invoice_number", message)
                .with("request_id", id))
        }
        _ => Ok(Some(id.clone())),
    }
}

/// A part paid invoice takes what is due, a paid one its total, an unpaid one nothing (billing-details.md C17).
fn check_eligible(money: &Receivables, number: &InvoiceNumber, amount: Decimal) -> Result<(), Rejection> {
    let invoice = money.found(number, "invoice_number")?;
    let due = invoice.due();
    check::amount("amount", amount, invoice.currency)?;
    if invoice.document.as_ref().is_some_and(|document| document.is_cancelled()) {
        let message = format!("Invoice {number} is cancelled");
        return Err(Rejection::field(Reason::InvoiceAlreadyCancelled, "invoice_number", message));
    }
    if invoice.allocated <= Decimal::ZERO {
        let message = format!("Invoice {number} has no payment yet; withholding is credited to a paid invoice");
        return Err(Rejection::field(Reason::InvoiceNotPaid, "invoice_number", message));
    }
    if due > Decimal::ZERO && amount > due {
        let message = format!("{due} {} is due on invoice {number}; at most that is written off", invoice.currency);
        return Err(Rejection::field(Reason::WithholdingExceedsOpenAmount, "amount", message).with("due", due));
    }
    let most = invoice.total - invoice.withheld - invoice.carried;
    if amount > most {
        let message = format!("At most {most} {} of invoice {number} can be credited", invoice.currency);
        return Err(Rejection::field(Reason::WithholdingExceedsInvoiceTotal, "amount", message).with("maximum", most));
    }
    Ok(())
}

/// The file's name and kind, and that its line says the same amount.
fn check_certificate(certificate: Option<&Certificate>, amount: Decimal) -> Result<&Certificate, Rejection> {
    let Some(certificate) = certificate.filter(|certificate| !certificate.name.is_empty()) else {
        let message = "The tax authority's certificate is required: its file name, SHA-256 and amount";
        return Err(Rejection::field(Reason::CertificateMissing, "certificate", message));
    };
    let (stem, format) = certificate.name.rsplit_once('.').unwrap_or((&certificate.name, ""));
    if !CERTIFICATE_FORMATS.contains(&format.to_ascii_lowercase().as_str()) {
        let message = "The certificate is a PDF, JPEG, PNG or GIF file";
        return Err(Rejection::field(Reason::CertificateFormatInvalid, "certificate.name", message)
            .with("accepted", CERTIFICATE_FORMATS.join(", ")));
    }
    let plain = stem.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if stem.is_empty() || !plain || certificate.name.len() > check::TEXT_CHARS_MAX {
        let message = "The file name has letters, digits, _ and - only, without spaces";
        return Err(Rejection::field(Reason::CertificateNameInvalid, "certificate.name", message));
    }
    check::sha256("certificate.sha256", &certificate.sha256)?;
    if certificate.line_amount != amount {
        let message =
            format!("The certificate says {} for this invoice, the request {amount}", certificate.line_amount);
        return Err(Rejection::field(Reason::CertificateAmountMismatch, "amount", message)
            .with("certificate", certificate.line_amount));
    }
    Ok(certificate)
}

fn check_email(email: &str) -> Result<(), Rejection> {
    check::required("contact_email", email)?;
    let parts = email.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
    if parts.is_none() || email.contains(char::is_whitespace) {
        return Err(check::invalid("contact_email", "An e-mail address looks like tax@partner.example"));
    }
    Ok(())
}

pub(super) fn send_back(
    partner: &Partner,
    command: &ReturnWithholding,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let ReturnWithholding { partner_id, request_id, comments } = command;
    submitted(&partner.receivables, request_id)?;
    check::required("comments", comments)?;
    let (partner_id, request_id, comments) = (partner_id.clone(), request_id.clone(), comments.clone());
    Ok(vec![WithholdingReturned { partner_id, request_id, comments, returned_on: context.effective_on() }.into()])
}

pub(super) fn resubmit(
    partner: &Partner,
    command: &ResubmitWithholding,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let ResubmitWithholding { partner_id, request_id, amount, certificate } = command;
    let request = found(&partner.receivables, request_id)?;
    if request.standing != WithholdingStanding::Returned {
        let message = format!("Request {request_id} can be changed only after it was sent back");
        return Err(Rejection::field(Reason::RequestNotEditable, "request_id", message));
    }
    check_eligible(&partner.receivables, &request.invoice_number, *amount)?;
    let certificate = check_certificate(certificate.as_ref(), *amount)?.clone();
    let (partner_id, request_id, amount) = (partner_id.clone(), request_id.clone(), *amount);
    let resubmitted_on = context.effective_on();
    Ok(vec![WithholdingResubmitted { partner_id, request_id, amount, certificate, resubmitted_on }.into()])
}

/// What the invoice still owes is written off there; only the rest goes to the next invoice, never both (billing-details.md C20).
pub(super) fn approve(
    partner: &Partner,
    command: &ApproveWithholding,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let ApproveWithholding { partner_id, request_id } = command;
    let money = &partner.receivables;
    let request = submitted(money, request_id)?;
    let invoice = money.found(&request.invoice_number, "request_id")?;
    if invoice.document.as_ref().is_some_and(|document| document.is_cancelled()) {
        let message = format!("Invoice {} is cancelled", request.invoice_number);
        return Err(Rejection::field(Reason::InvoiceAlreadyCancelled, "request_id", message));
    }
    let currency: Currency = invoice.currency;
    let written_off = request.amount.min(invoice.due().max(Decimal::ZERO));
    Ok(vec![
        WithholdingApproved {
            partner_id: partner_id.clone(),
            request_id: request_id.clone(),
            invoice_number: request.invoice_number.clone(),
            currency,
            written_off: currency.round(written_off),
            rest: currency.round(request.amount - written_off),
            approved_on: context.effective_on(),
        }
        .into(),
    ])
}

fn found<'a>(money: &'a Receivables, id: &WithholdingId) -> Result<&'a Withholding, Rejection> {
    money.withholdings.get(id).ok_or_else(|| {
        let message = format!("The partner has no withholding request {id}");
        Rejection::field(Reason::RequestNotFound, "request_id", message).with("request_id", id)
    })
}

fn submitted<'a>(money: &'a Receivables, id: &WithholdingId) -> Result<&'a Withholding, Rejection> {
    let request = found(money, id)?;
    if request.standing == WithholdingStanding::Submitted {
        return Ok(request);
    }
    let message = format!("Request {id} does not wait for a decision");
    Err(Rejection::field(Reason::RequestNotSubmitted, "request_id", message).with("request_id", id))
}
