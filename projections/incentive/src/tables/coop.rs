//! Co-op funds and claims on them.
//!
//! - [`CoopFund`]. Key: partner text, program text, usage period text, location text.
//! - [`CoopClaim`]. Key: partner text, claim text.
//! - [`Step`] of a claim. Key: partner text, claim text, `seq` (8 bytes), number within the commit (4 bytes).
//! - The last closed business day. Key: none.
//! - Funds that have something left to expire. Key: last day of claims, partner text, program text, usage period text, location text. Row:
//!   empty.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    coop::{CoopClaimDetails, CoopClaimState},
    evidence::Evidence,
    ids::{CoopClaimId, PartnerId, UsagePeriodId},
    money::Currency,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::{
    associations::Step,
    prefix::{COOP_CLAIM_STEPS, COOP_CLAIMS, COOP_DUE, COOP_FUNDS, LAST_CLOSED},
};

/// What names a fund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FundOf {
    pub(crate) partner_id: PartnerId,
    pub(crate) program: String,
    pub(crate) usage_period_id: UsagePeriodId,
    pub(crate) location_mpn_id: String,
}

/// A fund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fund {
    pub(crate) of: FundOf,
    pub(crate) currency: Currency,
    /// Less what was taken back.
    pub(crate) accrued: Decimal,
    /// Claimed and not decided.
    pub(crate) in_review: Decimal,
    pub(crate) approved: Decimal,
    /// Of what is approved.
    pub(crate) handed_over: Decimal,
    /// Of what accrued, what is booked as lost.
    pub(crate) expired: Decimal,
    pub(crate) claim_deadline: NaiveDate,
}

impl Fund {
    /// What is neither claimed nor lost.
    pub(crate) fn left(&self) -> Decimal {
        self.accrued - self.in_review - self.approved - self.expired
    }
}

/// A claim on a fund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// Its id.
    pub claim_id: CoopClaimId,
    /// Code of the program.
    pub program: String,
    /// Whose funds are claimed.
    pub usage_period_id: UsagePeriodId,
    /// Id of the location in the partner network.
    pub location_mpn_id: String,
    /// Code of the activity.
    pub activity: String,
    /// Where it stands.
    pub state: CoopClaimState,
    /// The form.
    pub details: CoopClaimDetails,
    /// What proves it.
    pub documents: Vec<Evidence>,
    /// What was claimed when it was handed in last; 0 before.
    pub claimed: Decimal,
    /// What was granted.
    pub approved: Option<Decimal>,
    /// The day it was begun.
    pub created_on: NaiveDate,
    /// The day it was handed in last.
    pub submitted_on: Option<NaiveDate>,
    /// The day of the decision.
    pub decided_on: Option<NaiveDate>,
    /// The last day of claims.
    pub claim_deadline: NaiveDate,
    /// The last day to answer.
    pub answer_by: Option<NaiveDate>,
    /// Until when originals are kept.
    pub retained_until: NaiveDate,
    /// The last question or reason.
    pub note: String,
    /// What payment calls it.
    pub payment_reference: String,
}

impl CoopClaim {
    pub(crate) fn fund(&self) -> FundOf {
        FundOf {
            partner_id: self.partner_id.clone(),
            program: self.program.clone(),
            usage_period_id: self.usage_period_id.clone(),
            location_mpn_id: self.location_mpn_id.clone(),
        }
    }
}

/// The prefix of all funds, of one partner's, of one of its programs.
pub(crate) fn funds_prefix(partner: Option<&str>, program: Option<&str>) -> Vec<u8> {
    let key = Key::table(COOP_FUNDS);
    let Some(partner) = partner else { return key.build() };
    program.into_iter().fold(key.text(partner), Key::text).build()
}

impl FundOf {
    fn write(&self, key: Key) -> Vec<u8> {
        let key = key.text(self.partner_id.as_str()).text(&self.program);
        key.text(self.usage_period_id.as_str()).text(&self.location_mpn_id).build()
    }

    fn key(&self) -> Vec<u8> {
        self.write(Key::table(COOP_FUNDS))
    }

    /// What the funds of a partner's program and usage period are in.
    pub(crate) fn currency(
        rows: &dyn Rows,
        partner: &PartnerId,
        (program, usage_period_id): (&str, &UsagePeriodId),
    ) -> Result<Option<Currency>, StoreError> {
        let prefix = Key::table(COOP_FUNDS).text(partner.as_str()).text(program).text(usage_period_id.as_str()).build();
        let mut currency = None;
        rows.scan(&prefix, &[], false, &mut |_, row| {
            let fund: Fund = subledger_fold::decode(row)?;
            currency = Some(fund.currency);
            Ok(false)
        })?;
        Ok(currency)
    }

    /// Changes the fund; `new` is one that there is not yet.
    pub(crate) fn change(
        &self,
        rows: &mut dyn Changes,
        new: Option<Fund>,
        change: impl FnOnce(&mut Fund),
    ) -> Result<(), StoreError> {
        let missing = || {
            let Self { partner_id, program, usage_period_id, .. } = self;
            StoreError(format!("a claim draws on a fund that {partner_id} has not: {program} {usage_period_id}"))
        };
        let mut fund = subledger_fold::get(rows, &self.key())?.or(new).ok_or_else(missing)?;
        change(&mut fund);
        let due = self.write(Key::table(COOP_DUE).date(fund.claim_deadline));
        if fund.left() > Decimal::ZERO {
            rows.put(due, Vec::new());
        } else {
            rows.delete(due);
        }
        subledger_fold::put(rows, self.key(), &fund)
    }
}

/// Funds of which something expires by the end of a day, the oldest first, at most `limit`.
pub(crate) fn expiring(rows: &dyn Rows, day: NaiveDate, limit: usize) -> Result<Vec<(NaiveDate, FundOf)>, StoreError> {
    let mut due = Vec::new();
    rows.scan(&Key::table(COOP_DUE).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(COOP_DUE, key)?;
        let deadline = reader.date()?;
        if due.len() == limit || deadline > day {
            return Ok(false);
        }
        let of = FundOf {
            partner_id: reader.parse(PartnerId::new)?,
            program: reader.text()?.to_owned(),
            usage_period_id: reader.parse(UsagePeriodId::new)?,
            location_mpn_id: reader.text()?.to_owned(),
        };
        reader.end()?;
        due.push((deadline, of));
        Ok(true)
    })?;
    Ok(due)
}

/// The prefix of all claims, or of one partner's.
pub(crate) fn claims_prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(COOP_CLAIMS), Key::text).build()
}

fn claim_key(partner: &PartnerId, id: &CoopClaimId) -> Vec<u8> {
    Key::table(COOP_CLAIMS).text(partner.as_str()).text(id.as_str()).build()
}

pub(crate) fn get(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    id: &CoopClaimId,
) -> Result<Option<CoopClaim>, StoreError> {
    subledger_fold::get(rows, &claim_key(partner, id))
}

pub(crate) fn put(rows: &mut dyn Changes, claim: &CoopClaim) -> Result<(), StoreError> {
    subledger_fold::put(rows, claim_key(&claim.partner_id, &claim.claim_id), claim)
}

/// The prefix of the steps of a claim.
pub(crate) fn steps_prefix(partner: &PartnerId, id: &CoopClaimId) -> Vec<u8> {
    Key::table(COOP_CLAIM_STEPS).text(partner.as_str()).text(id.as_str()).build()
}

pub(crate) fn put_step(rows: &mut dyn Changes, claim: &CoopClaim, number: u32, step: &Step) -> Result<(), StoreError> {
    let prefix = steps_prefix(&claim.partner_id, &claim.claim_id);
    subledger_fold::put(rows, Key::default().bytes(&prefix).number(step.position.seq).u32(number).build(), step)
}

/// Notes that a day was closed.
pub(crate) fn close_day(rows: &mut dyn Changes, date: NaiveDate) -> Result<(), StoreError> {
    subledger_fold::put(rows, Key::table(LAST_CLOSED).build(), &date)
}

/// The last closed day.
pub(crate) fn last_closed(rows: &dyn Rows) -> Result<Option<NaiveDate>, StoreError> {
    subledger_fold::get(rows, &Key::table(LAST_CLOSED).build())
}
