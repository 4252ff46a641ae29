//! Queries: what the incentive service answers, as typed rows.

mod associations;
mod changes;
mod coop;
mod credits;
mod earnings;
mod overview;
mod programs;

use rust_decimal::Decimal;
use subledger_domain::{
    ids::{OfferId, PartnerId},
    money::Currency,
};
use subledger_fold::{
    Rows,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use crate::{
    month::Month,
    tables::{
        base_days,
        bases::{self, Base, Sums},
    },
};

pub use associations::{
    AssociationCredit, AssociationFilter, get_association, list_association_credits, list_associations,
};
pub use changes::{IncentiveChange, IncentiveChanged, list_incentive_changes};
pub use coop::{CoopFilter, CoopFund, get_coop_claim, list_coop_claims, list_coop_funds};
pub use credits::{
    CreditFilter, EarnedCredit, EarnedCreditDispute, EarnedCreditTotal, list_earned_credit,
    list_earned_credit_disputes, list_earned_credit_totals,
};
pub use earnings::{EarningExplanation, EarningFilter, EarningLine, explain_earning, export_months, list_earnings};
pub use overview::{IncentiveOverview, OverviewRow, TrendPoint, incentive_overview};
pub use programs::{
    EarningDispute, EarningPeriod, EnrollmentView, HistoryStep, IncentivePayment, ProgramFilter, list_earning_disputes,
    list_earning_periods, list_enrollments, list_incentive_payments, list_programs,
};

/// The base of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncentiveBase {
    /// Who pays.
    pub partner_id: PartnerId,
    /// The partner of record behind an indirect provider.
    pub reseller_id: Option<PartnerId>,
    /// The month.
    pub month: Month,
    /// The offer.
    pub offer_id: OfferId,
    /// Of the revenue.
    pub currency: Currency,
    /// Charges less credits created in the month, without discounts and any tax, in the currency's unit, with at least the digits of its minor unit; exact.
    pub net_revenue: Decimal,
    /// Seats bought less seats given back in the month.
    pub net_seats: i64,
    /// Charge lines, credits included.
    pub charge_count: u64,
}

/// Which bases; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct BaseFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// In this month.
    pub month: Option<Month>,
    /// As they were then.
    pub horizon: Horizon,
}

/// Bases by partner, month, reseller, offer and currency.
pub fn list_bases(
    rows: &dyn Rows,
    filter: &BaseFilter,
    page: PageRequest<'_>,
) -> Result<Page<IncentiveBase>, QueryError> {
    let prefix = bases::prefix(filter.partner_id.as_ref().map(PartnerId::as_str), filter.month);
    list(rows, &prefix, page, |key, row| {
        let base = Base::read(key)?;
        if filter.month.is_some_and(|wanted| wanted != base.month) {
            return Ok(None);
        }
        let sums =
            if filter.horizon.is_now() { Some(decode(row)?) } else { base_days::sums(rows, &base, &filter.horizon)? };
        let Some(Sums { mut net_revenue, net_seats, charge_count }) = sums else { return Ok(None) };
        let Base { partner_id, month, reseller_id, offer_id, currency } = base;
        if net_revenue.scale() < currency.minor_digits() {
            net_revenue.rescale(currency.minor_digits());
        }
        Ok(Some(IncentiveBase {
            partner_id,
            reseller_id,
            month,
            offer_id,
            currency,
            net_revenue,
            net_seats,
            charge_count,
        }))
    })
}
