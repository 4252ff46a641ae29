//! Columns of associations, and of co-op funds and claims.

use super::Column;

pub(super) const ASSOCIATIONS: &[Column] = &[
    Column::text("ASSOCIATION", "association_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("LOCATION", "details.location_mpn_id"),
    Column::text("NAME", "details.name"),
    Column::text("PROGRAMS", "programs"),
    Column::text("WORKLOADS", "details.workloads"),
    Column::text("SUBSCRIPTIONS", "subscription_ids"),
    Column::text("STATE", "state"),
    Column::text("SUBMITTED", "submitted_on"),
    Column::text("OPT OUT UNTIL", "opt_out_until"),
    Column::text("ACTIVE FROM", "active_from"),
    Column::text("ENDED", "ended_on"),
];
pub(super) const ASSOCIATION_CREDITS: &[Column] = &[
    Column::text("CUSTOMER", "customer_id"),
    Column::text("SUBSCRIPTION", "subscription_id"),
    Column::text("CSP", "csp_partner_id"),
    Column::text("CPOR", "cpor_partner_id"),
    Column::text("DPOR", "dpor_partner_id"),
    Column::text("CREDITED", "metrics"),
];
pub(super) const COOP_ACTIVITIES: &[Column] = &[
    Column::text("ACTIVITY", "activity"),
    Column::text("GROUP", "group"),
    Column::text("PROOFS", "proofs"),
    Column::text("METRIC", "metric"),
    Column::text("EXPENSES", "expenses"),
    Column::text("CAPS", "caps"),
];
pub(super) const COOP_FUNDS: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program"),
    Column::text("PERIOD", "usage_period_id"),
    Column::text("LOCATION", "location_mpn_id"),
    Column::amount("ACCRUED", "accrued"),
    Column::amount("IN REVIEW", "in_review"),
    Column::amount("APPROVED", "approved"),
    Column::amount("PAID OUT", "handed_over"),
    Column::amount("AVAILABLE", "available"),
    Column::amount("EXPIRED", "expired"),
    Column::text("CURRENCY", "currency"),
    Column::text("DEADLINE", "claim_deadline"),
];
pub(super) const COOP_CLAIMS: &[Column] = &[
    Column::text("CLAIM", "claim_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("PROGRAM", "program"),
    Column::text("PERIOD", "usage_period_id"),
    Column::text("LOCATION", "location_mpn_id"),
    Column::text("ACTIVITY", "activity"),
    Column::text("DATE", "details.activity_date"),
    Column::text("STATE", "state"),
    Column::amount("AMOUNT", "amount"),
    Column::amount("APPROVED", "approved"),
    Column::text("CURRENCY", "currency"),
    Column::text("DEADLINE", "claim_deadline"),
    Column::text("ANSWER BY", "answer_by"),
    Column::text("KEEP UNTIL", "retained_until"),
];
/// The steps of an association or a claim.
pub(crate) const CLAIM_HISTORY: &[Column] = &[
    Column::text("FROM", "effective_on"),
    Column::text("EVENT", "event"),
    Column::text("STATE", "state"),
    Column::text("BY", "principal"),
    Column::text("COMMAND", "command_id"),
    Column::text("POSITION", "position"),
    Column::text("NOTE", "note"),
];
