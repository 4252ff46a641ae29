//! Columns of usage, spending and earned credit.

use super::Column;

pub(super) const USAGE: &[Column] = &[
    Column::text("USED", "usage_date"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("AZURE SUBSCRIPTION", "azure_subscription_id"),
    Column::text("RESOURCE", "resource_uri"),
    Column::text("METER", "meter_id"),
    Column::amount("QUANTITY", "quantity"),
    Column::amount("UNIT PRICE", "unit_price"),
    Column::amount("CREDIT PERCENT", "credit_percent"),
    Column::amount("RATE", "exchange_rate"),
    Column::amount("AMOUNT", "amount"),
    Column::text("CURRENCY", "currency"),
    Column::text("CHARGED", "charge_on"),
    Column::text("INVOICE", "invoice_number"),
];
pub(super) const SPENDING: &[Column] = &[
    Column::text("MONTH", "month"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::amount("BUDGET", "budget"),
    Column::amount("ESTIMATE", "estimate"),
    Column::text("CURRENCY", "currency"),
    Column::amount("ESTIMATE USD", "estimate_usd"),
    Column::number("PERCENT", "percent"),
    Column::number("DAYS LEFT", "days_remaining"),
    Column::switch("NOTIFIED", "notified"),
];
pub(super) const EARNED_CREDIT: &[Column] = &[
    Column::text("USED", "usage_date"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("RESOURCE", "resource_uri"),
    Column::text("METER", "meter_id"),
    Column::amount("GROSS", "gross"),
    Column::amount("PERCENT", "percent"),
    Column::amount("EARNED", "earned"),
    Column::amount("FORGONE", "forgone"),
    Column::text("CURRENCY", "currency"),
    Column::text("REASON", "reason"),
    Column::text("BY", "earner_id"),
];
pub(super) const EARNED_CREDIT_TOTALS: &[Column] = &[
    Column::text("MONTH", "month"),
    Column::text("PARTNER", "partner_id"),
    Column::amount("GROSS", "gross"),
    Column::amount("EARNED", "earned"),
    Column::amount("FORGONE", "forgone"),
    Column::amount("CHARGED", "charged"),
    Column::text("CURRENCY", "currency"),
];
pub(super) const EARNED_CREDIT_DISPUTES: &[Column] = &[
    Column::text("DISPUTE", "dispute_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("AZURE SUBSCRIPTION", "scope.azure_subscription_id"),
    Column::text("FROM", "from"),
    Column::text("TO", "to"),
    Column::amount("PERCENT", "claimed_percent"),
    Column::text("STATE", "state"),
    Column::text("NOTE", "note"),
];
