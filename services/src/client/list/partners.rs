//! Columns of what is known about partners beside their names.

use super::Column;

pub(super) const LOCATIONS: &[Column] = &[
    Column::text("LOCATION", "mpn_id"),
    Column::text("NAME", "name"),
    Column::text("KIND", "kind"),
    Column::text("PARTNER", "partner_id"),
    Column::text("COMPANY", "company_mpn_id"),
    Column::switch("HEADQUARTERS", "headquarters"),
    Column::text("SINCE", "since"),
    Column::text("EXTENDED UNTIL", "extended_until"),
];
pub(super) const PARTNERSHIPS: &[Column] = &[
    Column::text("PROVIDER", "provider_id"),
    Column::text("RESELLER", "reseller_id"),
    Column::text("STATE", "state"),
    Column::text("SINCE", "since"),
    Column::switch("PROVIDER ADMIN", "provider_admin"),
];
pub(super) const MEMBERSHIPS: &[Column] = &[
    Column::text("MEMBERSHIP", "membership_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("OFFER", "offer"),
    Column::text("COMPETENCY", "competency"),
    Column::text("STATE", "state"),
    Column::text("ANNIVERSARY", "anniversary"),
    Column::text("OPENS", "window_opens"),
    Column::text("CLOSES", "window_closes"),
    Column::switch("RENEWS", "auto_renew"),
    Column::amount("PAID", "amount"),
    Column::text("CURRENCY", "currency"),
];
pub(super) const MERGES: &[Column] = &[
    Column::text("MERGE", "merge_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("TARGET", "target_partner_id"),
    Column::text("TARGET ACCOUNT", "target_mpn_id"),
    Column::text("STATE", "state"),
    Column::text("SINCE", "since"),
    Column::text("REASON", "reason"),
];
pub(super) const AGREEMENTS: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("VERSION", "version"),
    Column::text("SIGNED", "signed_on"),
    Column::text("BY", "signatory"),
    Column::text("SIGNED FROM", "signing_from"),
    Column::text("REQUIRED FROM", "required_from"),
];
