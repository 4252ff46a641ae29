//! Payments of what was earned: ordering them, and the moves between their states (billing-details.md 2.2).

use rust_decimal::Decimal;

use super::{Enrollment, Payment};
use crate::{
    Context, Event, Reason, Rejection, check,
    command::{OrderIncentivePayment, SetIncentivePaymentStatus, SubmitTaxInvoice},
    event::{IncentivePaymentDeferred, IncentivePaymentOrdered, IncentivePaymentStatusChanged, TaxInvoiceSubmitted},
    ids::PaymentId,
    incentive::{EnrollmentStatus, PaymentAmounts, PaymentStatus, can_become},
    money::Currency,
    partner::{Partner, number},
};

/// Hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// Pays every closed month past its cooling period, or carries it over: below the threshold, or while the enrollment is not in order.
pub(super) fn order(
    partner: &Partner,
    command: &OrderIncentivePayment,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let incentives = &partner.incentives;
    let enrollment = incentives.enrollment(&command.program_id, &command.mpn_id)?;
    if !enrollment.cycles.contains(&command.ordered_on) {
        let message = format!("No payment is to be ordered on {}", command.ordered_on);
        return Err(Rejection::field(Reason::PaymentNotDue, "ordered_on", message));
    }
    incentives.check_revision(command.revision)?;
    if context.effective_on() <= command.ordered_on {
        return Err(check::invalid("ordered_on", format!("{} is not over", command.ordered_on)));
    }
    let past = enrollment.open.iter().filter(|(_, open)| open.order_on <= command.ordered_on);
    let gross_usd: Decimal = past.clone().map(|(_, open)| open.earned_usd).sum();
    let last = past.clone().next_back().map(|(_, open)| *open);
    let payment_threshold = last.map_or(Decimal::ZERO, |open| open.payment_threshold);
    let carried_usd = gross_usd - enrollment.recoup_usd;
    let ready = match (&incentives.bank, &incentives.tax, command.exchange_rate) {
        (Some(bank), Some(tax), Some(rate)) if enrollment.status == EnrollmentStatus::Enrolled => {
            Some((bank, tax, rate))
        }
        _ => None,
    };
    let (Some((bank, tax, rate)), Some(last)) = (ready, last) else {
        return Ok(vec![deferred(command, carried_usd, payment_threshold, ready.is_none())]);
    };
    if command.currency != Some(bank.currency) || rate <= Decimal::ZERO {
        let message = format!("The partner is paid in {}, at a rate above 0", bank.currency);
        return Err(Rejection::field(Reason::CurrencyMismatch, "currency", message).with("currency", bank.currency));
    }
    if carried_usd <= Decimal::ZERO || carried_usd < payment_threshold {
        return Ok(vec![deferred(command, carried_usd, payment_threshold, false)]);
    }
    let amounts = PaymentAmounts::new(gross_usd, enrollment.recoup_usd, bank.currency, rate, tax)
        .ok_or_else(|| check::invalid("exchange_rate", "The amount is too large"))?;
    let count = u64::try_from(incentives.payments.len()).unwrap_or(u64::MAX).saturating_add(1);
    let payment_id = PaymentId::new(number::text(&partner.partner_id, 'I', bank.currency, count))
        .map_err(|error| check::invalid("partner_id", error.to_string()))?;
    let ordered = IncentivePaymentOrdered {
        partner_id: command.partner_id.clone(),
        program_id: command.program_id.clone(),
        mpn_id: command.mpn_id.clone(),
        payment_id: payment_id.clone(),
        periods: past.map(|(period, _)| *period).collect(),
        amounts: amounts.clone(),
        method: bank.method,
        ordered_on: command.ordered_on,
        payment_on: last.payment_on.max(command.ordered_on),
    };
    let mut events: Vec<Event> = vec![ordered.into()];
    if tax.tax_invoice_required {
        let waits = IncentivePaymentStatusChanged {
            partner_id: command.partner_id.clone(),
            program_id: command.program_id.clone(),
            mpn_id: command.mpn_id.clone(),
            payment_id,
            from: PaymentStatus::Upcoming,
            to: PaymentStatus::PendingTaxInvoice,
            on: command.ordered_on,
            reason: "The country of the partner asks for a tax invoice".to_owned(),
            amounts,
            recoup_usd: Decimal::ZERO,
        };
        events.push(waits.into());
    }
    Ok(events)
}

fn deferred(
    command: &OrderIncentivePayment,
    carried_usd: Decimal,
    payment_threshold: Decimal,
    not_ready: bool,
) -> Event {
    IncentivePaymentDeferred {
        partner_id: command.partner_id.clone(),
        program_id: command.program_id.clone(),
        mpn_id: command.mpn_id.clone(),
        ordered_on: command.ordered_on,
        carried_usd,
        payment_threshold,
        not_ready,
    }
    .into()
}

pub(super) fn set_status(
    partner: &Partner,
    command: &SetIncentivePaymentStatus,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    check::optional("reason", &command.reason)?;
    let payment = found(partner, &command.payment_id)?;
    check_move(partner, payment, command.status, context)?;
    let recoup_usd = match (command.status, command.recoup_usd) {
        (PaymentStatus::IncorrectPayment, Some(recoup)) => {
            check::amount("recoup_usd", recoup, Currency::DOLLAR)?;
            let paid = payment.amounts.earned_usd;
            if recoup > paid {
                return Err(
                    check::invalid("recoup_usd", format!("At most what was paid, {paid} USD")).with("maximum", paid)
                );
            }
            recoup
        }
        (PaymentStatus::IncorrectPayment, None) => return Err(check::missing("recoup_usd")),
        (_, Some(_)) => return Err(check::invalid("recoup_usd", "Only an incorrect payment is recouped")),
        (_, None) => Decimal::ZERO,
    };
    let event = changed(partner, &command.payment_id, payment, command.status, context);
    Ok(vec![IncentivePaymentStatusChanged { reason: command.reason.clone(), recoup_usd, ..event }.into()])
}

pub(super) fn submit_tax_invoice(
    partner: &Partner,
    command: &SubmitTaxInvoice,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    check::required("reference", &command.reference)?;
    let hash = &command.document_hash;
    if hash.len() != HASH_DIGITS || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!("The SHA-256 of the document has {HASH_DIGITS} hexadecimal digits");
        return Err(check::invalid("document_hash", message));
    }
    let payment = found(partner, &command.payment_id)?;
    check_move(partner, payment, PaymentStatus::TaxInvoiceUnderReview, context)?;
    let SubmitTaxInvoice { partner_id, payment_id, reference, document_hash } = command.clone();
    let submitted_on = context.effective_on();
    let moved = changed(partner, &payment_id, payment, PaymentStatus::TaxInvoiceUnderReview, context);
    Ok(vec![
        TaxInvoiceSubmitted { partner_id, payment_id, reference, document_hash, submitted_on }.into(),
        moved.into(),
    ])
}

fn found<'a>(partner: &'a Partner, id: &PaymentId) -> Result<&'a Payment, Rejection> {
    partner.incentives.payments.get(id).ok_or_else(|| {
        let message = format!("The partner has no incentive payment {id}");
        Rejection::field(Reason::IncentivePaymentNotFound, "payment_id", message)
    })
}

fn check_move(partner: &Partner, payment: &Payment, to: PaymentStatus, context: &Context) -> Result<(), Rejection> {
    let from = payment.status;
    // A payment is ordered by the ledger itself, from months that are open.
    if !can_become(from, to) || to == PaymentStatus::Upcoming {
        let next =
            PaymentStatus::ALL.into_iter().filter(|next| can_become(from, *next) && *next != PaymentStatus::Upcoming);
        let next: Vec<_> = next.map(PaymentStatus::label).collect();
        let message = format!("The payment is {:?} and does not become {:?}", from.label(), to.label());
        return Err(Rejection::field(Reason::InvalidPaymentTransition, "status", message)
            .with("from", from.label())
            .with("accepted", next.join(", ")));
    }
    if context.effective_on() < payment.since {
        let message = format!("The payment is {:?} since {}", from.label(), payment.since);
        return Err(
            Rejection::field(Reason::EffectiveBeforeLastChange, "effective_at", message).with("since", payment.since)
        );
    }
    let goes_on = matches!(to, PaymentStatus::InProgress | PaymentStatus::Reprocessing | PaymentStatus::Sent);
    let holds = |(_, other): &(&PaymentId, &Payment)| other.status == PaymentStatus::TaxInvoiceRejected;
    match partner.incentives.payments.iter().find(holds).filter(|_| goes_on) {
        Some((holding, _)) => {
            let message =
                format!("The tax invoice of {holding} was refused: every pending payment is held until it is reviewed");
            Err(Rejection::field(Reason::PaymentHeldTaxInvoice, "status", message).with("payment_id", holding))
        }
        None => Ok(()),
    }
}

fn changed(
    partner: &Partner,
    payment_id: &PaymentId,
    payment: &Payment,
    to: PaymentStatus,
    context: &Context,
) -> IncentivePaymentStatusChanged {
    let (program_id, mpn_id) = payment.of.clone();
    IncentivePaymentStatusChanged {
        partner_id: partner.partner_id.clone(),
        program_id,
        mpn_id,
        payment_id: payment_id.clone(),
        from: payment.status,
        to,
        on: context.effective_on(),
        reason: String::new(),
        amounts: payment.amounts.clone(),
        recoup_usd: Decimal::ZERO,
    }
}

impl Enrollment {
    /// What no payment has, in US dollars, less what is to be recouped.
    #[cfg(test)]
    pub(super) fn unpaid_usd(&self) -> Decimal {
        self.open.values().map(|open| open.earned_usd).sum::<Decimal>() - self.recoup_usd
    }
}
