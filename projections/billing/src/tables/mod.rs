//! The tables, one file each, with the layout of their keys.
//!
//! In every key a text ends with a zero byte, a currency is its three letters, a day is 4 bytes and sorts as days do, numbers are
//! big-endian. Rows are postcard unless the table says otherwise.

pub(crate) mod balance_days;
pub(crate) mod balances;
pub(crate) mod causes;
pub(crate) mod charge_index;
pub(crate) mod charges;
pub(crate) mod claims;
pub(crate) mod credit_notes;
pub(crate) mod due;
pub(crate) mod entries;
pub(crate) mod facts;
pub(crate) mod invoice_index;
pub(crate) mod invoices;
pub(crate) mod markers;
pub(crate) mod partners;
pub(crate) mod payments;
pub(crate) mod receivables;
pub(crate) mod refunds;
pub(crate) mod series;
pub(crate) mod standings;
pub(crate) mod statement;
pub(crate) mod usage;
pub(crate) mod withholdings;

use subledger_domain::{charge::InvoiceFamily, money::Currency};
use subledger_fold::{Key, KeyReader, StoreError};

/// The first byte of every key. Never reused for another layout.
mod prefix {
    pub(super) const PARTNERS: u8 = 1;
    pub(super) const MARKERS: u8 = 2;
    pub(super) const CHARGES: u8 = 3;
    pub(super) const CHARGES_BY_CUSTOMER: u8 = 4;
    pub(super) const CHARGES_BY_SUBSCRIPTION: u8 = 5;
    pub(super) const ENTRIES: u8 = 6;
    pub(super) const BALANCES: u8 = 7;
    pub(super) const SERIES: u8 = 8;
    pub(super) const DUE: u8 = 9;
    pub(super) const INVOICES: u8 = 10;
    pub(super) const INVOICES_BY_SERIES: u8 = 11;
    pub(super) const INVOICES_BY_PARTNER: u8 = 12;
    pub(super) const BALANCE_DAYS: u8 = 13;
    pub(super) const REFUNDS: u8 = 14;
    pub(super) const REFUND_IDS: u8 = 15;

    pub(super) const RECEIVABLES: u8 = 100;
    pub(super) const MOVEMENTS: u8 = 101;
    pub(super) const OPEN: u8 = 102;
    pub(super) const PAYMENTS: u8 = 103;
    pub(super) const CREDIT_NOTES: u8 = 104;
    pub(super) const CREDIT_NOTE_NUMBERS: u8 = 105;
    pub(super) const WITHHOLDINGS: u8 = 106;
    pub(super) const SLA_CLAIMS: u8 = 107;
    pub(super) const STATEMENT: u8 = 108;
    pub(super) const STANDINGS: u8 = 109;
    pub(super) const REVIEWS: u8 = 110;
    pub(super) const PAYMENT_MOVES: u8 = 111;
    pub(super) const CREDIT_NOTE_STEPS: u8 = 112;
    pub(super) const USAGE: u8 = 220;
    pub(super) const USAGE_CURRENT: u8 = 221;
    pub(super) const USAGE_DETAILS: u8 = 222;
    pub(super) const USAGE_MONTHS: u8 = 223;
    pub(super) const METERS: u8 = 224;
    pub(super) const AZURE_SUBSCRIPTIONS: u8 = 225;
    pub(super) const BUDGETS: u8 = 226;
    pub(super) const PARTNER_FACTS: u8 = 40;
    pub(super) const CUSTOMER_FACTS: u8 = 41;
    pub(super) const SUBSCRIPTION_FACTS: u8 = 42;
    pub(super) const TERMS: u8 = 43;
    pub(super) const LINES: u8 = 44;
    pub(super) const REVERSALS: u8 = 45;
    pub(super) const CAUSES: u8 = 46;
    pub(super) const CHANGES: u8 = 47;
    pub(super) const OFFER_FACTS: u8 = 48;
}

/// Adds a currency: 3 bytes.
fn currency(key: Key, currency: Currency) -> Key {
    key.bytes(currency.as_str().as_bytes())
}

/// Reads a currency.
fn read_currency(reader: &mut KeyReader<'_>) -> Result<Currency, StoreError> {
    let bytes: [u8; 3] = reader.array()?;
    let text = std::str::from_utf8(&bytes).map_err(|error| StoreError(format!("a stored key is damaged: {error}")))?;
    Currency::new(text).map_err(|error| StoreError(format!("a stored key is damaged: {error}")))
}

/// Adds an invoice family: 1 byte.
fn family(key: Key, family: InvoiceFamily) -> Key {
    key.byte(match family {
        InvoiceFamily::LicenseUsage => 1,
        InvoiceFamily::OneTimeRecurring => 2,
    })
}

/// Reads an invoice family.
fn read_family(reader: &mut KeyReader<'_>) -> Result<InvoiceFamily, StoreError> {
    match reader.byte()? {
        1 => Ok(InvoiceFamily::LicenseUsage),
        2 => Ok(InvoiceFamily::OneTimeRecurring),
        other => Err(StoreError(format!("a stored key is damaged: {other} is no invoice family"))),
    }
}
