//! Co-op funds and claims, as partners and reviewers ask for them.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    coop::CoopClaimState,
    ids::{CoopClaimId, PartnerId, UsagePeriodId},
    money::Currency,
};
use subledger_fold::{
    Rows, StoreError, decode,
    page::{Page, PageRequest, QueryError, list},
};

use crate::tables::{
    associations::Step,
    coop::{self, CoopClaim, Fund},
};

/// A fund. What accrued is in review, approved, available or expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoopFund {
    /// Who earned.
    pub partner_id: PartnerId,
    /// Code of the program.
    pub program: String,
    /// In which it is used.
    pub usage_period_id: UsagePeriodId,
    /// Id of the location in the partner network.
    pub location_mpn_id: String,
    /// Of the amounts.
    pub currency: Currency,
    /// Less what was taken back.
    pub accrued: Decimal,
    /// Claimed and not decided.
    pub in_review: Decimal,
    /// Granted.
    pub approved: Decimal,
    /// Of what is granted, what went to payment.
    pub handed_over: Decimal,
    /// What can be claimed.
    pub available: Decimal,
    /// What was not claimed in time.
    pub expired: Decimal,
    /// The last day of claims.
    pub claim_deadline: NaiveDate,
}

/// Which funds and claims; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct CoopFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// Of the program with this code.
    pub program: Option<String>,
    /// Of this usage period.
    pub usage_period_id: Option<UsagePeriodId>,
    /// Of this location.
    pub location_mpn_id: Option<String>,
    /// Claims in this state.
    pub state: Option<CoopClaimState>,
    /// Claims for the activity with this code.
    pub activity: Option<String>,
}

/// Whether something is what is wanted.
fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

/// Funds by partner, program, usage period and location. `on` is the day by which what is not claimed expires, or not yet; the last
/// closed business day if none.
pub fn list_coop_funds(
    rows: &dyn Rows,
    filter: &CoopFilter,
    on: Option<NaiveDate>,
    page: PageRequest<'_>,
) -> Result<Page<CoopFund>, QueryError> {
    let last_closed = coop::last_closed(rows)?;
    let is_late = |deadline: NaiveDate| match on {
        Some(on) => on > deadline,
        None => last_closed.is_some_and(|closed| closed >= deadline),
    };
    let partner = filter.partner_id.as_ref().map(PartnerId::as_str);
    list(rows, &coop::funds_prefix(partner, filter.program.as_deref()), page, |_, row| {
        let fund: Fund = decode(row)?;
        let left = fund.left();
        let Fund { of, currency, accrued, in_review, approved, handed_over, expired, claim_deadline } = fund;
        let matches = is(filter.program.as_ref(), &of.program)
            && is(filter.usage_period_id.as_ref(), &of.usage_period_id)
            && is(filter.location_mpn_id.as_ref(), &of.location_mpn_id);
        // What is late and not booked yet is lost all the same.
        let (available, expired) =
            if is_late(claim_deadline) { (Decimal::ZERO, expired + left) } else { (left, expired) };
        let [accrued, in_review, approved, handed_over, available, expired] =
            [accrued, in_review, approved, handed_over, available, expired].map(|amount| currency.round(amount));
        Ok(matches.then_some(CoopFund {
            partner_id: of.partner_id,
            program: of.program,
            usage_period_id: of.usage_period_id,
            location_mpn_id: of.location_mpn_id,
            currency,
            accrued,
            in_review,
            approved,
            handed_over,
            available,
            expired,
            claim_deadline,
        }))
    })
}

/// Claims by partner and id.
pub fn list_coop_claims(
    rows: &dyn Rows,
    filter: &CoopFilter,
    page: PageRequest<'_>,
) -> Result<Page<CoopClaim>, QueryError> {
    let partner = filter.partner_id.as_ref().map(PartnerId::as_str);
    list(rows, &coop::claims_prefix(partner), page, |_, row| {
        let claim: CoopClaim = decode(row)?;
        let matches = is(filter.program.as_ref(), &claim.program)
            && is(filter.usage_period_id.as_ref(), &claim.usage_period_id)
            && is(filter.location_mpn_id.as_ref(), &claim.location_mpn_id)
            && is(filter.state.as_ref(), &claim.state)
            && is(filter.activity.as_ref(), &claim.activity);
        Ok(matches.then_some(claim))
    })
}

/// One claim with its steps; none if there is no such one.
pub fn get_coop_claim(
    rows: &dyn Rows,
    partner_id: &PartnerId,
    id: &CoopClaimId,
) -> Result<Option<(CoopClaim, Vec<Step>)>, StoreError> {
    let Some(claim) = coop::get(rows, partner_id, id)? else { return Ok(None) };
    let mut steps = Vec::new();
    rows.scan(&coop::steps_prefix(partner_id, id), &[], false, &mut |_, step| {
        steps.push(decode(step)?);
        Ok(true)
    })?;
    Ok(Some((claim, steps)))
}
