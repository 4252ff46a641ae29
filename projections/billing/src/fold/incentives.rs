//! Entries of earnings and their payments, in the same ledger of accounts as what the partner is billed.

use subledger_domain::{
    Event,
    event::{EarningsClosed, IncentivePaymentOrdered, IncentivePaymentStatusChanged},
    incentive::PaymentStatus,
    money::Currency,
    position::{Family, Position},
};
use subledger_fold::{Changes, StoreError};

use super::{Booked, expect_family};
use crate::ledger;

/// Posts an event, if it is about earnings or their payments.
pub(super) fn fold(rows: &mut dyn Changes, position: Position, index: u32, event: &Event) -> Result<(), StoreError> {
    match event {
        Event::EarningsClosed(e) => closed(rows, position, index, e),
        Event::IncentivePaymentOrdered(e) => ordered(rows, position, index, e),
        Event::IncentivePaymentStatusChanged(e) => moved(rows, position, index, e),
        _ => Ok(()),
    }
}

fn closed(rows: &mut dyn Changes, position: Position, index: u32, e: &EarningsClosed) -> Result<(), StoreError> {
    expect_family(position, Family::Partners, "EarningsClosed")?;
    let booking = Booked { position, index, partner_id: &e.partner_id, currency: Currency::DOLLAR };
    let reference = format!("{}/{}", e.program_id, e.period.format("%Y-%m"));
    booking.post(rows, &ledger::earnings_posting(e.earned_usd), e.earned_on, &reference)
}

fn ordered(
    rows: &mut dyn Changes,
    position: Position,
    index: u32,
    e: &IncentivePaymentOrdered,
) -> Result<(), StoreError> {
    expect_family(position, Family::Partners, "IncentivePaymentOrdered")?;
    for (currency, posting) in ledger::order_postings(&e.amounts) {
        let booking = Booked { position, index, partner_id: &e.partner_id, currency };
        booking.post(rows, &posting, e.ordered_on, e.payment_id.as_str())?;
    }
    Ok(())
}

fn moved(
    rows: &mut dyn Changes,
    position: Position,
    index: u32,
    e: &IncentivePaymentStatusChanged,
) -> Result<(), StoreError> {
    expect_family(position, Family::Partners, "IncentivePaymentStatusChanged")?;
    let (amounts, reference) = (&e.amounts, e.payment_id.as_str());
    let booking = Booked { position, index, partner_id: &e.partner_id, currency: amounts.currency };
    match (e.from, e.to) {
        (_, PaymentStatus::Sent) => booking.post(rows, &ledger::sent_posting(amounts), e.on, reference),
        (PaymentStatus::Sent, PaymentStatus::IncorrectPayment) => {
            let booking = Booked { currency: Currency::DOLLAR, ..booking };
            booking.post(rows, &ledger::recoup_posting(e.recoup_usd), e.on, reference)
        }
        // The money came back.
        (PaymentStatus::Sent, _) => booking.post(rows, &ledger::sent_posting(amounts).reversed(), e.on, reference),
        (_, PaymentStatus::Unprocessed) => {
            for (currency, posting) in ledger::order_postings(amounts) {
                Booked { currency, ..booking }.post(rows, &posting.reversed(), e.on, reference)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
