//! Queries: what the billing service answers, as typed rows. Dates at the end of a period are inclusive here, as in the published files.

mod ageing;
mod changes;
mod charges;
mod explain;
mod invoices;
mod ledger;
mod payments;
mod requests;
mod selection;
mod statement;
mod usage;

pub use ageing::{Ageing, list_ageing};
pub use changes::{Change, Changed, list_balance_changes, list_invoice_changes};
pub use charges::{Charge, ChargeFilter, list_charges};
pub use explain::{DateReason, Explanation, Origin, PriceOrigin, REVERSALS_MAX, explain_charge};
pub use invoices::{
    Difference, Invoice, InvoiceState, Settlement, Verification, each_invoice_line, find_invoice_as_of, get_invoice,
    get_invoice_as_of, list_invoice_lines, list_invoices, list_invoices_as_of, verify_invoice,
};
pub use ledger::{
    AccountFilter, Balance, Entry, TrialBalance, list_balances, list_entries, trial_balance, trial_balance_as_of,
};
pub use payments::{Payment, PaymentFilter, list_payments};
pub use requests::{get_credit_note, list_credit_notes, list_sla_claims, list_withholdings};
pub use selection::{Selection, currencies, invoice_selection, list_selected};
pub use statement::{StatementFilter, StatementLine, list_statement};
pub(crate) use usage::list_selected_usage;
pub use usage::{Spending, UsageFilter, UsageLine, list_spending, list_usage};
