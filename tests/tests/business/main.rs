//! The rules of the business through the real process, from commands to lines, invoices and files.

mod azure_usage;
mod claims;
mod customer_life;
mod generated_year;
mod golden_running;
mod incentives;
mod money_files;
mod money_refused;
mod partner_procedures;
mod procedures;
mod receivables;
mod reconciling;
mod taxes;
mod usage_examples;
mod usage_month;
