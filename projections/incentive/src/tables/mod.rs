//! The tables, one file each, with the layout of their keys. A text in a key ends with a zero byte. Rows are postcard.

pub(crate) mod adjustments;
pub(crate) mod agenda;
pub(crate) mod associations;
pub(crate) mod base_days;
pub(crate) mod bases;
pub(crate) mod causes;
pub(crate) mod coop;
pub(crate) mod credits;
pub(crate) mod enrollments;
pub(crate) mod lines;
pub(crate) mod markers;
pub(crate) mod parties;
pub(crate) mod reference;
pub(crate) mod subscriptions;

/// The first byte of every key. Never reused for another layout.
mod prefix {
    pub(super) const BASES: u8 = 1;
    pub(super) const SUBSCRIPTIONS: u8 = 2;
    pub(super) const BASE_DAYS: u8 = 3;
    // 4 had a row for each change of a commit.
    pub(super) const BASE_CHANGES: u8 = 5;
    pub(super) const CREDITS: u8 = 220;
    pub(super) const CREDIT_SUMS: u8 = 221;
    pub(super) const CREDIT_CHARGES: u8 = 222;
    pub(super) const CREDIT_DISPUTES: u8 = 223;
    pub(super) const ASSOCIATIONS: u8 = 100;
    pub(super) const ASSOCIATIONS_BY_PARTNER: u8 = 101;
    pub(super) const ASSOCIATION_STEPS: u8 = 102;
    pub(super) const ASSOCIATED: u8 = 103;
    pub(super) const COOP_FUNDS: u8 = 104;
    pub(super) const COOP_CLAIMS: u8 = 105;
    pub(super) const COOP_CLAIM_STEPS: u8 = 106;
    pub(super) const LAST_CLOSED: u8 = 107;
    pub(super) const COOP_DUE: u8 = 108;
    pub(super) const LINES: u8 = 40;
    pub(super) const LINE_IDS: u8 = 41;
    pub(super) const FAMILIES: u8 = 42;
    pub(super) const CUSTOMERS: u8 = 43;
    pub(super) const PARTNERS: u8 = 44;
    pub(super) const PROGRAMS: u8 = 45;
    pub(super) const RATES: u8 = 46;
    pub(super) const ENROLLMENTS: u8 = 47;
    pub(super) const AGENDA: u8 = 48;
    pub(super) const CLOSED: u8 = 49;
    pub(super) const INCENTIVE_PAYMENTS: u8 = 50;
    pub(super) const FACTS: u8 = 51;
    pub(super) const INVOICES: u8 = 52;
    pub(super) const INVOICES_BY_PERIOD: u8 = 53;
    pub(super) const DISPUTES: u8 = 54;
    pub(super) const MARKERS: u8 = 55;
    pub(super) const CATALOG_CLOSED: u8 = 56;
    pub(super) const USAGE_PERIODS: u8 = 57;
    pub(super) const CAUSES: u8 = 58;
}
