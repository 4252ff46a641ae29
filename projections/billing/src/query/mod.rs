//! Queries: what the billing service answers, as typed rows. Dates at the end of a period are inclusive here, as in the published files.

mod charges;
mod invoices;
mod ledger;

pub use charges::{Charge, ChargeFilter, list_charges};
pub use invoices::{
    Difference, Invoice, Verification, each_invoice_line, get_invoice, get_invoice_as_of, list_invoice_lines,
    list_invoices, list_invoices_as_of, verify_invoice,
};
pub use ledger::{
    AccountFilter, Balance, Entry, TrialBalance, list_balances, list_entries, trial_balance, trial_balance_as_of,
};
