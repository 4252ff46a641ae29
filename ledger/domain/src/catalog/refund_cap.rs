//! The cap on refunds of reservations: 50,000 US dollars or their local equivalent, per customer and year (L13430).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::decide::LIST_PRICE_MAX;
use crate::{Event, Rejection, check, command::PublishRefundCap, event::RefundCapPublished, money::Currency};

/// What holds for US dollars while nothing else is published.
const DOLLARS: Decimal = Decimal::from_parts(50_000, 0, 0, false, 0);

/// Caps by currency and first day.
pub(super) type RefundCaps = BTreeMap<Currency, BTreeMap<NaiveDate, Decimal>>;

pub(super) fn publish(command: &PublishRefundCap) -> Result<Vec<Event>, Rejection> {
    let PublishRefundCap { currency, valid_from, amount } = *command;
    if amount <= Decimal::ZERO || amount > LIST_PRICE_MAX || amount != currency.round(amount) {
        let message = format!("A cap is above 0, at most {LIST_PRICE_MAX}, in whole minor units of {currency}");
        return Err(check::invalid("amount", message));
    }
    Ok(vec![RefundCapPublished { currency, valid_from, amount }.into()])
}

/// The cap of that currency on that day. Other currencies than the dollar have one only from when it is published.
pub(super) fn on(caps: &RefundCaps, currency: Currency, on: NaiveDate) -> Option<Decimal> {
    let published = caps.get(&currency).and_then(|caps| caps.range(..=on).next_back());
    let dollars = || (currency.as_str() == "USD").then_some(DOLLARS);
    published.map(|(_, amount)| *amount).or_else(dollars)
}
