//! Queries: what the billing service answers, as typed rows. Dates at the end of a period are inclusive here, as in the published files.

mod charges;
mod invoices;
mod ledger;

pub use charges::{Charge, ChargeFilter, list_charges};
pub use invoices::{
    Difference, Invoice, Verification, each_invoice_line, get_invoice, list_invoice_lines, list_invoices,
    verify_invoice,
};
pub use ledger::{AccountFilter, Balance, Entry, TrialBalance, list_balances, list_entries, trial_balance};
