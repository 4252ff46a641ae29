//! What earnings need of partners, customers and subscriptions.
//!
//! Keys: partner text; customer text; customer text and subscription text.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::InvoiceFamily,
    event::PartnerRegistered,
    ids::{CustomerId, PartnerId, SubscriptionId},
    incentive::{BankProfile, TaxProfile},
    offer::ProductFamily,
    partner::{cycle_end, invoice_date},
};
use subledger_fold::{Changes, Key, Rows, StoreError};

use super::{
    enrollments::Told,
    prefix::{CUSTOMERS, FAMILIES, PARTNERS},
};
use crate::month::Month;

/// A partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partner {
    pub(crate) name: String,
    pub(crate) mpn_id: String,
    pub(crate) country: String,
    pub(crate) billing_day: u32,
    pub(crate) registered_on: NaiveDate,
    /// As its stream counts it: facts that earnings and payments are computed with.
    pub(crate) revision: u64,
    pub(crate) bank: Option<BankProfile>,
    pub(crate) tax: Option<TaxProfile>,
    /// Since when there is bank data.
    pub(crate) bank_since: Option<Told>,
    pub(crate) tax_since: Option<Told>,
}

impl From<&PartnerRegistered> for Partner {
    fn from(e: &PartnerRegistered) -> Self {
        Self {
            name: e.name.clone(),
            mpn_id: e.mpn_id.clone(),
            country: e.country.clone(),
            billing_day: e.billing_day,
            registered_on: e.registered_on,
            revision: 0,
            bank: None,
            tax: None,
            bank_since: None,
            tax_since: None,
        }
    }
}

impl Partner {
    /// The month in which the invoice is issued that carries what was charged on a day (azure-marketplace-software.md G41). A license
    /// invoice: that of its billing day. One of a calendar month: the month after, until whose 8th it is ready (L9703, L13708). None only at
    /// the end of the calendar.
    pub(crate) fn invoice_month(&self, family: InvoiceFamily, charged_on: NaiveDate) -> Option<Month> {
        let last = cycle_end(family, self.billing_day, charged_on.max(self.registered_on))?;
        invoice_date(family, last).map(Month::of)
    }
}

fn partner_key(id: &PartnerId) -> Vec<u8> {
    Key::table(PARTNERS).text(id.as_str()).build()
}

pub(crate) fn partner(rows: &(impl Rows + ?Sized), id: &PartnerId) -> Result<Option<Partner>, StoreError> {
    subledger_fold::get(rows, &partner_key(id))
}

pub(crate) fn put_partner(rows: &mut dyn Changes, id: &PartnerId, row: &Partner) -> Result<(), StoreError> {
    subledger_fold::put(rows, partner_key(id), row)
}

/// Changes a partner that is known.
pub(crate) fn change_partner(
    rows: &mut dyn Changes,
    id: &PartnerId,
    change: impl FnOnce(&mut Partner),
) -> Result<(), StoreError> {
    let mut row = partner(rows, id)?.ok_or_else(|| StoreError(format!("partner {id} is not registered")))?;
    change(&mut row);
    put_partner(rows, id, &row)
}

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) country: String,
}

fn customer_key(id: &CustomerId) -> Vec<u8> {
    Key::table(CUSTOMERS).text(id.as_str()).build()
}

pub(crate) fn customer(rows: &(impl Rows + ?Sized), id: &CustomerId) -> Result<Option<Customer>, StoreError> {
    subledger_fold::get(rows, &customer_key(id))
}

pub(crate) fn put_customer(rows: &mut dyn Changes, id: &CustomerId, row: &Customer) -> Result<(), StoreError> {
    subledger_fold::put(rows, customer_key(id), row)
}

/// A subscription, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sold {
    pub(crate) family: ProductFamily,
    pub(crate) start: NaiveDate,
    /// The day after the last one of the first term.
    pub(crate) term_end: NaiveDate,
}

fn sold_key(customer: &CustomerId, subscription: &SubscriptionId) -> Vec<u8> {
    Key::table(FAMILIES).text(customer.as_str()).text(subscription.as_str()).build()
}

pub(crate) fn sold(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    subscription: &SubscriptionId,
) -> Result<Option<Sold>, StoreError> {
    subledger_fold::get(rows, &sold_key(customer, subscription))
}

pub(crate) fn put_sold(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    subscription: &SubscriptionId,
    row: &Sold,
) -> Result<(), StoreError> {
    subledger_fold::put(rows, sold_key(customer, subscription), row)
}
