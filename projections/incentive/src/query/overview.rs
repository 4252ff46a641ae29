//! The overview page, and the tiles of the payments page (L9401-9414, L9435-9440). Amounts are US dollars (L9375).

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use subledger_domain::{
    calendar,
    ids::{IncentiveProgramId, PartnerId},
    incentive::{PaymentStatus, PaymentTab, fiscal_year_start},
};
use subledger_fold::{Rows, StoreError, as_of::Horizon, decode};

use super::programs::{EnrollmentView, IncentivePayment, enrollment_view, payment_view};
use crate::{
    month::Month,
    tables::{
        enrollments::{self, Closed, EnrollmentKey, Payment},
        reference,
    },
};

/// Months of trends and of payments by source (L9439).
const TREND_MONTHS: u32 = 12;

/// A program of a location: what it earned and was paid since it enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverviewRow {
    /// The enrollment, its status and what is to be done.
    pub enrollment: EnrollmentView,
    /// Closed earnings.
    pub earned_usd: Decimal,
    /// Those of this fiscal year.
    pub earned_this_year_usd: Decimal,
    /// Sent to the bank.
    pub paid_usd: Decimal,
    /// Closed and not sent.
    pub pending_usd: Decimal,
}

/// A month of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendPoint {
    /// The month.
    pub month: Month,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// Closed earnings of the month.
    pub earned_usd: Decimal,
    /// Sent in the month.
    pub paid_usd: Decimal,
}

/// What a partner's incentives come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncentiveOverview {
    /// The last closed day, with which "this year" and the months are reckoned; none before the first.
    pub as_of: Option<NaiveDate>,
    /// First day of the fiscal year.
    pub year_start: Option<NaiveDate>,
    /// By program and location.
    pub rows: Vec<OverviewRow>,
    /// Sent to the bank in this fiscal year, over all locations (L9436).
    pub paid_this_year_usd: Decimal,
    /// Earned in this fiscal year.
    pub earned_this_year_usd: Decimal,
    /// The next payment on its way (L9437): its day, its program and the estimate.
    pub next_payment: Option<(NaiveDate, IncentiveProgramId, Decimal)>,
    /// The payment that was sent last (L9438).
    pub last_payment: Option<IncentivePayment>,
    /// Twelve months, by month and program.
    pub trends: Vec<TrendPoint>,
}

/// A partner's overview, or that of one of its locations.
pub fn incentive_overview(
    rows: &dyn Rows,
    partner_id: &PartnerId,
    mpn_id: Option<&str>,
) -> Result<IncentiveOverview, StoreError> {
    let is_asked = |location: &str| mpn_id.is_none_or(|asked| asked == location);
    let as_of = reference::closed(rows)?;
    let year_start = as_of.map(fiscal_year_start);
    let trend_start = as_of.map(|day| {
        let month = calendar::first_of_month(day);
        month.checked_sub_months(Months::new(TREND_MONTHS - 1)).unwrap_or(month)
    });
    let is_since = |start: Option<NaiveDate>, day: NaiveDate| start.is_some_and(|start| start <= day);
    let mut overview = IncentiveOverview {
        as_of,
        year_start,
        rows: Vec::new(),
        paid_this_year_usd: Decimal::ZERO,
        earned_this_year_usd: Decimal::ZERO,
        next_payment: None,
        last_payment: None,
        trends: Vec::new(),
    };
    // Earned, earned this year, paid, and earned without what went to co-op funds.
    let mut sums: BTreeMap<EnrollmentKey, [Decimal; 4]> = BTreeMap::new();
    let mut trends: BTreeMap<(NaiveDate, IncentiveProgramId), [Decimal; 2]> = BTreeMap::new();
    let mut open = Vec::new();
    rows.scan(&enrollments::closed_prefix(Some(partner_id), None), &[], false, &mut |_, row| {
        let closed: Closed = decode(row)?;
        let e = &closed.event;
        if !is_asked(&e.mpn_id) {
            return Ok(true);
        }
        let of = sums.entry(EnrollmentKey::from(e)).or_default();
        of[0] += e.earned_usd;
        of[3] += e.payable_usd();
        if is_since(year_start, e.earned_on) {
            of[1] += e.earned_usd;
            overview.earned_this_year_usd += e.earned_usd;
        }
        if is_since(trend_start, e.earned_on) {
            trends.entry((e.period, e.program_id.clone())).or_default()[0] += e.earned_usd;
        }
        if closed.payment_id().is_none() && !e.payable_usd().is_zero() {
            open.push((e.payment_on, e.program_id.clone(), e.payable_usd()));
        }
        Ok(true)
    })?;
    let mut last: Option<Payment> = None;
    rows.scan(&enrollments::payments_prefix(Some(partner_id)), &[], false, &mut |_, row| {
        let payment: Payment = decode(row)?;
        let e = &payment.event;
        if !is_asked(&e.mpn_id) {
            return Ok(true);
        }
        let usd = e.amounts.earned_usd;
        match (payment.status.tab(), payment.sent_on) {
            (PaymentTab::Paid, Some(sent_on)) => {
                let of = sums.entry(EnrollmentKey::new(&e.partner_id, &e.program_id, &e.mpn_id)).or_default();
                of[2] += usd;
                if is_since(year_start, sent_on) {
                    overview.paid_this_year_usd += usd;
                }
                if is_since(trend_start, sent_on) {
                    let month = calendar::first_of_month(sent_on);
                    trends.entry((month, e.program_id.clone())).or_default()[1] += usd;
                }
                if last.as_ref().is_none_or(|last| last.sent_on <= Some(sent_on)) {
                    last = Some(payment);
                }
            }
            (PaymentTab::Pending, _) if payment.status != PaymentStatus::Unprocessed => {
                open.push((e.payment_on, e.program_id.clone(), usd));
            }
            _ => {}
        }
        Ok(true)
    })?;
    overview.next_payment = open.into_iter().min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    overview.last_payment = last.map(|payment| payment_view(rows, payment)).transpose()?;
    rows.scan(&enrollments::prefix(Some(partner_id), None), &[], false, &mut |key, row| {
        let of = EnrollmentKey::of(key)?;
        if !is_asked(&of.mpn_id) {
            return Ok(true);
        }
        let sums = sums.get(&of).copied().unwrap_or_default();
        let Some(enrollment) = enrollment_view(rows, of, decode(row)?, &Horizon::default())? else { return Ok(true) };
        let [earned_usd, earned_this_year_usd, paid_usd, payable_usd] = sums;
        let pending_usd = payable_usd - paid_usd;
        overview.rows.push(OverviewRow { enrollment, earned_usd, earned_this_year_usd, paid_usd, pending_usd });
        Ok(true)
    })?;
    overview.trends = trends
        .into_iter()
        .map(|((month, program_id), [earned_usd, paid_usd])| TrendPoint {
            month: Month::of(month),
            program_id,
            earned_usd,
            paid_usd,
        })
        .collect();
    Ok(overview)
}
