//! Entries of earnings, co-op funds and their payments, in the same ledger of accounts as what the partner is billed.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    event::{EarningsClosed, IncentivePaymentOrdered, IncentivePaymentStatusChanged},
    incentive::PaymentStatus,
    money::Currency,
    position::{Family, Position},
};
use subledger_fold::{Changes, StoreError};

use super::{Booked, expect_family};
use crate::ledger::{self, Account, Posting};

/// Posts an event, if it is about earnings, co-op funds or their payments.
pub(super) fn fold(rows: &mut dyn Changes, position: Position, index: u32, event: &Event) -> Result<(), StoreError> {
    match event {
        Event::EarningsClosed(e) => closed(rows, position, index, e),
        Event::IncentivePaymentOrdered(e) => ordered(rows, position, index, e),
        Event::IncentivePaymentStatusChanged(e) => moved(rows, position, index, e),
        Event::CoopFundsAccrued(e) => {
            let of = Booked { position, index, partner_id: &e.partner_id, currency: e.currency };
            let reference = format!("{}/{}", e.program, e.usage_period_id);
            coop(rows, of, (Account::CoopCost, Account::CoopFund, e.amount), e.accrued_on, &reference)
        }
        Event::CoopFundsExpired(e) => {
            let of = Booked { position, index, partner_id: &e.partner_id, currency: e.currency };
            let reference = format!("{}/{}", e.program, e.usage_period_id);
            coop(rows, of, (Account::CoopFund, Account::CoopCost, e.amount), e.expired_on, &reference)
        }
        Event::CoopClaimApproved(e) => {
            let of = Booked { position, index, partner_id: &e.partner_id, currency: e.currency };
            coop(rows, of, (Account::CoopFund, Account::CoopDue, e.amount), e.approved_on, e.claim_id.as_str())
        }
        Event::CoopClaimHandedOver(e) => {
            let of = Booked { position, index, partner_id: &e.partner_id, currency: e.currency };
            coop(rows, of, (Account::CoopDue, Account::CoopPaid, e.amount), e.handed_over_on, e.claim_id.as_str())
        }
        _ => Ok(()),
    }
}

/// Moves an amount from the second account to the first.
fn coop(
    rows: &mut dyn Changes,
    of: Booked<'_>,
    (debit, credit, amount): (Account, Account, Decimal),
    on: NaiveDate,
    reference: &str,
) -> Result<(), StoreError> {
    expect_family(of.position, Family::Partners, "an event about co-op funds")?;
    of.post(rows, &Posting::default().transfer(debit, credit, amount), on, reference)
}

fn closed(rows: &mut dyn Changes, position: Position, index: u32, e: &EarningsClosed) -> Result<(), StoreError> {
    expect_family(position, Family::Partners, "EarningsClosed")?;
    let booking = Booked { position, index, partner_id: &e.partner_id, currency: Currency::DOLLAR };
    let reference = format!("{}/{}", e.program_id, e.period.format("%Y-%m"));
    booking.post(rows, &ledger::earnings_posting(e.payable_usd()), e.earned_on, &reference)
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
