//! Columns of what partners owe and have paid.

use super::Column;

pub(super) const PAYMENTS: &[Column] = &[
    Column::text("PAYMENT", "payment_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("VALUE DATE", "value_date"),
    Column::amount("AMOUNT", "amount"),
    Column::amount("ALLOCATED", "allocated"),
    Column::amount("REFUNDED", "refunded"),
    Column::amount("UNALLOCATED", "unallocated"),
    Column::text("CURRENCY", "currency"),
    Column::text("INVOICES", "allocations"),
    Column::text("REFERENCE", "reference"),
];
pub(super) const CREDIT_NOTES: &[Column] = &[
    Column::text("CREDIT NOTE", "credit_note_number"),
    Column::text("PARTNER", "partner_id"),
    Column::text("INVOICE", "invoice_number"),
    Column::text("STATE", "state"),
    Column::text("REASON", "reason"),
    Column::text("REQUESTED", "requested_on"),
    Column::text("ISSUED", "issued_on"),
    Column::amount("TOTAL", "total"),
    Column::text("CURRENCY", "currency"),
    Column::text("REBILLED AS", "rebilled_as"),
];
pub(super) const WITHHOLDINGS: &[Column] = &[
    Column::text("REQUEST", "request_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("INVOICE", "invoice_number"),
    Column::text("STATE", "state"),
    Column::amount("AMOUNT", "amount"),
    Column::amount("WRITTEN OFF", "written_off"),
    Column::amount("REST", "rest"),
    Column::text("CURRENCY", "currency"),
    Column::text("CREDITED ON", "credited"),
    Column::text("COMMENTS", "comments"),
];
pub(super) const CLAIMS: &[Column] = &[
    Column::text("CLAIM", "claim_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("INCIDENT", "incident_id"),
    Column::text("DATE", "incident_date"),
    Column::text("SERVICE", "service"),
    Column::text("STATE", "state"),
    Column::text("DEADLINE", "deadline"),
    Column::text("CREDITS", "credits"),
];
/// Overdue by as many days as the heads say.
pub(super) const AGEING: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("CURRENCY", "currency"),
    Column::text("AS OF", "as_of"),
    Column::amount("CURRENT", "current"),
    Column::amount("TO THIRTY", "overdue_1_to_30"),
    Column::amount("TO SIXTY", "overdue_31_to_60"),
    Column::amount("TO NINETY", "overdue_61_to_90"),
    Column::amount("OVER NINETY", "overdue_over_90"),
    Column::amount("DUE", "due"),
    Column::amount("OPEN CREDITS", "open_credits"),
    Column::amount("UNALLOCATED", "unallocated"),
    Column::text("STANDING", "standing"),
];
pub(super) const STATEMENT: &[Column] = &[
    Column::text("BOOKED", "booked_on"),
    Column::text("KIND", "kind"),
    Column::text("REFERENCE", "reference"),
    Column::amount("AMOUNT", "amount"),
    Column::amount("BALANCE", "balance"),
    Column::text("CURRENCY", "currency"),
];
