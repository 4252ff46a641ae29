//! Columns of enrollment, earnings and payments.

use super::Column;

pub(super) const PROGRAMS: &[Column] = &[
    Column::text("PROGRAM", "program_id"),
    Column::text("NAME", "name"),
    Column::text("EARNER", "earner"),
    Column::text("MARKETS", "markets"),
    Column::text("CARDS", "cards"),
    Column::text("DISCONTINUED", "discontinued_on"),
];
pub(super) const ENROLLMENTS: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program_id"),
    Column::text("LOCATION", "mpn_id"),
    Column::text("STATUS", "status"),
    Column::text("TO DO", "actions_required"),
    Column::text("UNMET", "unmet"),
    Column::text("ENROLLED", "enrolled_on"),
    Column::text("CLOSED", "closed_through"),
    Column::text("VALIDATED BY", "validate_until"),
];
pub(super) const PERIODS: &[Column] = &[
    Column::text("MONTH", "month"),
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program_id"),
    Column::text("LOCATION", "mpn_id"),
    Column::number("EARNINGS", "line_count"),
    Column::amount("EARNED USD", "earned_usd"),
    Column::amount("ADJUSTED USD", "adjusted_usd"),
    Column::text("STATUS", "status"),
    Column::text("PAYMENT", "payment_id"),
    Column::text("PAID ON", "payment_on"),
];
pub(super) const EARNINGS: &[Column] = &[
    Column::text("EARNING", "earning_id"),
    Column::text("KIND", "kind"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("OFFER", "offer_name"),
    Column::text("DATE", "transaction_date"),
    Column::amount("REVENUE", "transaction_amount"),
    Column::text("LEVER", "lever"),
    Column::amount("RATE", "earning_rate"),
    Column::amount("EARNED", "amount"),
    Column::text("CURRENCY", "currency"),
    Column::amount("EARNED USD", "amount_usd"),
    Column::text("STATUS", "status"),
    Column::text("PAYMENT", "payment_id"),
];
pub(super) const PAYMENTS: &[Column] = &[
    Column::text("PAYMENT", "payment_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program_id"),
    Column::text("LOCATION", "mpn_id"),
    Column::amount("EARNED", "amounts.earned"),
    Column::amount("WITHHELD", "amounts.withheld_tax"),
    Column::amount("SALES TAX", "amounts.sales_tax"),
    Column::amount("TOTAL", "amounts.total"),
    Column::text("CURRENCY", "amounts.currency"),
    Column::text("STATUS", "status"),
    Column::text("ESTIMATED", "payment_on"),
    Column::text("SENT", "sent_on"),
];
pub(super) const DISPUTES: &[Column] = &[
    Column::text("DISPUTE", "dispute_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program_id"),
    Column::text("MONTH", "month"),
    Column::text("EARNING", "earning_id"),
    Column::amount("CLAIMED", "amount"),
    Column::text("CURRENCY", "currency"),
    Column::text("STATE", "state"),
    Column::amount("CORRECTION", "correction"),
    Column::text("NOTE", "note"),
];
