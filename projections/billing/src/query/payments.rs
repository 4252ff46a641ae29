//! Payments, and where they went.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    ids::{InvoiceNumber, PartnerId, PaymentId},
    money::Currency,
};
use subledger_fold::{
    Rows,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use crate::{ledger::show, tables::payments};

/// Money received. Amounts are in the currency's unit, exact; received = allocated + refunded + unallocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Who paid.
    pub partner_id: PartnerId,
    /// Its id.
    pub payment_id: PaymentId,
    /// Of the amounts.
    pub currency: Currency,
    /// What came in.
    pub amount: Decimal,
    /// What invoices have of it.
    pub allocated: Decimal,
    /// What went back.
    pub refunded: Decimal,
    /// What is left.
    pub unallocated: Decimal,
    /// The day it counts from.
    pub value_date: NaiveDate,
    /// What the payer wrote.
    pub reference: String,
    /// The invoice it named.
    pub invoice_number: Option<InvoiceNumber>,
    /// What each invoice has of it.
    pub allocations: Vec<(InvoiceNumber, Decimal)>,
}

impl From<payments::Payment> for Payment {
    fn from(row: payments::Payment) -> Self {
        let (currency, allocated) = (row.currency, row.allocated());
        let show = |amount| show(currency, amount);
        Self {
            allocated: show(allocated),
            unallocated: show(row.amount - allocated - row.refunded),
            amount: show(row.amount),
            refunded: show(row.refunded),
            allocations: row.allocations.into_iter().map(|(number, amount)| (number, show(amount))).collect(),
            partner_id: row.partner_id,
            payment_id: row.payment_id,
            currency,
            value_date: row.value_date,
            reference: row.reference,
            invoice_number: row.invoice_number,
        }
    }
}

/// Which payments; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Only those with something left.
    pub unallocated: bool,
}

/// Payments by partner and id, as they were then: what a payment is worth before its value date is nothing.
pub fn list_payments(
    rows: &dyn Rows,
    filter: &PaymentFilter,
    horizon: &Horizon,
    page: PageRequest<'_>,
) -> Result<Page<Payment>, QueryError> {
    list(rows, &payments::prefix(filter.partner_id.as_ref().map(PartnerId::as_str)), page, |_, row| {
        let Some(payment) = decode::<payments::Payment>(row)?.at(rows, horizon)? else { return Ok(None) };
        let payment = Payment::from(payment);
        let wanted = filter.currency.is_none_or(|currency| currency == payment.currency)
            && (!filter.unallocated || payment.unallocated > Decimal::ZERO);
        Ok(wanted.then_some(payment))
    })
}
