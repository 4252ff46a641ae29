//! Payments and what they pay (billing-details.md 2.16, C37, C38).

use rust_decimal::Decimal;

use super::{Payment, Receivable, Receivables};
use crate::{
    Context, Event, Reason, Rejection, check,
    command::{AllocateCredit, AllocatePayment, ReceivePayment, RefundPayment},
    event::{CreditAllocated, PaymentAllocated, PaymentReceived, PaymentRefunded},
    ids::{InvoiceNumber, PaymentId},
    money::Currency,
    partner::Partner,
    reference::market,
};

/// Money that came in is a fact: a number that is of no use leaves it unallocated (L11149), another currency is a mistake.
pub(super) fn receive(partner: &Partner, command: &ReceivePayment, context: &Context) -> Result<Vec<Event>, Rejection> {
    let money = &partner.receivables;
    let ReceivePayment { partner_id, payment_id, amount, currency, value_date, reference, invoice_number } = command;
    if money.payments.contains_key(payment_id) {
        let message = format!("Payment {payment_id} was received before");
        return Err(Rejection::field(Reason::PaymentAlreadyExists, "payment_id", message));
    }
    if !market::is_known_currency(*currency) {
        let message = format!("{currency} is no currency of ISO 4217 in use");
        return Err(Rejection::field(Reason::CurrencyMismatch, "currency", message));
    }
    check::amount("amount", *amount, *currency)?;
    check::optional("reference", reference)?;
    let on = context.effective_on();
    if *value_date > on {
        let message = format!("The value date is not after {on}, the day the payment takes effect");
        return Err(check::invalid("value_date", message).with("latest", on));
    }
    let named = invoice_number.as_ref().and_then(|number| Some((number, money.invoice(number)?)));
    if let Some((number, invoice)) = named {
        same_currency(invoice.currency, *currency, number)?;
    }
    let mut events = vec![
        PaymentReceived {
            partner_id: partner_id.clone(),
            payment_id: payment_id.clone(),
            amount: *amount,
            currency: *currency,
            value_date: *value_date,
            reference: reference.clone(),
            invoice_number: invoice_number.clone(),
        }
        .into(),
    ];
    let Some((number, due)) =
        named.map(|(number, invoice)| (number, invoice.due())).filter(|(_, due)| *due > Decimal::ZERO)
    else {
        return Ok(events);
    };
    let allocated = due.min(*amount);
    events.push(allocation(partner, payment_id, number, allocated, *currency, context));
    events.extend(open_credits(partner, number, due - allocated, *currency, context));
    Ok(events)
}

/// What negative invoices still owe the partner reduces the payment that its next invoice needs, the oldest number first
/// (billing-details.md C38).
fn open_credits(
    partner: &Partner,
    number: &InvoiceNumber,
    mut due: Decimal,
    currency: Currency,
    context: &Context,
) -> Vec<Event> {
    let mut events = Vec::new();
    let negative = partner.receivables.invoices.iter().filter(|(_, invoice)| invoice.currency == currency);
    for (from, left) in negative.map(|(from, invoice)| (from, -invoice.due())) {
        let amount = left.min(due);
        if amount > Decimal::ZERO {
            due -= amount;
            events.push(credit(partner, from, number, amount, currency, context));
        }
    }
    events
}

pub(super) fn allocate(
    partner: &Partner,
    command: &AllocatePayment,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let AllocatePayment { payment_id, invoice_number, amount, .. } = command;
    let payment = found(&partner.receivables, payment_id)?;
    let invoice = partner.receivables.found(invoice_number, "invoice_number")?;
    same_currency(invoice.currency, payment.currency, invoice_number)?;
    check::amount("amount", *amount, payment.currency)?;
    check_open(invoice, invoice_number, *amount)?;
    if *amount > payment.left() {
        let message = format!("Payment {payment_id} has {} {} left", payment.left(), payment.currency);
        return Err(
            Rejection::field(Reason::AllocationExceedsPayment, "amount", message).with("unallocated", payment.left())
        );
    }
    Ok(vec![allocation(partner, payment_id, invoice_number, *amount, payment.currency, context)])
}

pub(super) fn refund(partner: &Partner, command: &RefundPayment, context: &Context) -> Result<Vec<Event>, Rejection> {
    let RefundPayment { partner_id, payment_id, amount, reference } = command;
    let payment = found(&partner.receivables, payment_id)?;
    check::amount("amount", *amount, payment.currency)?;
    check::optional("reference", reference)?;
    if *amount > payment.left() {
        let message = format!("Payment {payment_id} has {} {} unallocated", payment.left(), payment.currency);
        return Err(
            Rejection::field(Reason::RefundExceedsUnallocated, "amount", message).with("unallocated", payment.left())
        );
    }
    Ok(vec![
        PaymentRefunded {
            partner_id: partner_id.clone(),
            payment_id: payment_id.clone(),
            amount: *amount,
            currency: payment.currency,
            refunded_on: context.effective_on(),
            reference: reference.clone(),
        }
        .into(),
    ])
}

pub(super) fn allocate_credit(
    partner: &Partner,
    command: &AllocateCredit,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let AllocateCredit { credit_invoice_number: from, invoice_number, amount, .. } = command;
    let source = partner.receivables.found(from, "credit_invoice_number")?;
    let invoice = partner.receivables.found(invoice_number, "invoice_number")?;
    same_currency(invoice.currency, source.currency, invoice_number)?;
    check::amount("amount", *amount, source.currency)?;
    check_open(invoice, invoice_number, *amount)?;
    let left = (-source.due()).max(Decimal::ZERO);
    if *amount > left {
        let message = format!("Invoice {from} has a credit of {left} {} left", source.currency);
        return Err(Rejection::field(Reason::AllocationExceedsCredit, "amount", message).with("credit", left));
    }
    Ok(vec![credit(partner, from, invoice_number, *amount, source.currency, context)])
}

fn found<'a>(money: &'a Receivables, id: &PaymentId) -> Result<&'a Payment, Rejection> {
    money.payments.get(id).ok_or_else(|| {
        let message = format!("The partner has no payment {id}");
        Rejection::field(Reason::PaymentNotFound, "payment_id", message).with("payment_id", id)
    })
}

fn same_currency(invoice: Currency, payment: Currency, number: &InvoiceNumber) -> Result<(), Rejection> {
    if invoice == payment {
        return Ok(());
    }
    let message = format!("Invoice {number} is in {invoice}, the payment in {payment}");
    Err(Rejection::field(Reason::CurrencyMismatch, "invoice_number", message).with("currency", invoice))
}

fn check_open(invoice: &Receivable, number: &InvoiceNumber, amount: Decimal) -> Result<(), Rejection> {
    let due = invoice.due();
    if due <= Decimal::ZERO {
        let message = format!("Nothing is due on invoice {number}");
        return Err(Rejection::field(Reason::InvoiceNotOpen, "invoice_number", message).with("invoice_number", number));
    }
    if amount > due {
        let message = format!("{due} {} is due on invoice {number}", invoice.currency);
        return Err(Rejection::field(Reason::AllocationExceedsOpenAmount, "amount", message).with("due", due));
    }
    Ok(())
}

fn allocation(
    partner: &Partner,
    payment_id: &PaymentId,
    number: &InvoiceNumber,
    amount: Decimal,
    currency: Currency,
    context: &Context,
) -> Event {
    let (partner_id, payment_id) = (partner.partner_id.clone(), payment_id.clone());
    let (invoice_number, allocated_on) = (number.clone(), context.effective_on());
    PaymentAllocated { partner_id, payment_id, invoice_number, amount, currency, allocated_on }.into()
}

fn credit(
    partner: &Partner,
    from: &InvoiceNumber,
    to: &InvoiceNumber,
    amount: Decimal,
    currency: Currency,
    context: &Context,
) -> Event {
    let (partner_id, allocated_on) = (partner.partner_id.clone(), context.effective_on());
    let (credit_invoice_number, invoice_number) = (from.clone(), to.clone());
    CreditAllocated { partner_id, credit_invoice_number, invoice_number, amount, currency, allocated_on }.into()
}
