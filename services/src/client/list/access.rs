//! The columns of lists about who may do what.

use crate::client::output::Column;

pub(super) const ROLES: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("PRINCIPAL", "principal"),
    Column::text("ROLE", "role"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("LOCATION", "location_mpn_id"),
];
pub(super) const RECORDS: &[Column] = &[
    Column::text("LAST", "row.last_at"),
    Column::number("CALLS", "row.count"),
    Column::text("PRINCIPAL", "row.principal"),
    Column::text("OPERATION", "row.operation"),
    Column::text("REASON", "row.reason"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "row.customer_id"),
    Column::text("FROM", "row.from"),
];
pub(super) const SECOND_FACTORS: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("ON", "on"),
    Column::number("PEOPLE", "people"),
    Column::number("WITH", "people_with"),
    Column::number("USER CALLS", "user_calls"),
    Column::text("PERCENT", "user_percent"),
    Column::number("APP CALLS", "application_calls"),
    Column::text("APP PERCENT", "application_percent"),
];
