//! Partner earned credit: computed by day and resource, all of a day or nothing (azure-marketplace-software.md 2.18).

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Assignment, Link, Resource};
use crate::ids::PartnerId;

/// The rate while nothing else is published (L10075).
pub const CREDIT_PERCENT: Decimal = Decimal::from_parts(15, 0, 0, false, 0);
/// The role that counts while nothing else is published (L13954, decision G22).
pub const ELIGIBLE_ROLE: &str = "Owner";

/// The rate, and the roles that earn it; effective-dated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditTerms {
    /// Above 0, below 100.
    pub percent: Decimal,
    /// By their names.
    pub eligible_roles: BTreeSet<String>,
}

impl Default for CreditTerms {
    fn default() -> Self {
        Self { percent: CREDIT_PERCENT, eligible_roles: BTreeSet::from([ELIGIBLE_ROLE.to_owned()]) }
    }
}

/// Why a day's use earned credit, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CreditReason {
    /// It did.
    Earned,
    /// Nobody had an eligible role.
    NoEligibleRole,
    /// No partner alone had access for the entire day.
    AccessPartialDay,
    /// The access does not count for a partner, because its id is not linked.
    PartnerIdNotLinked,
    /// The partner with the access has no active agreement in the partner network.
    MpnAgreementInactive,
    /// The service never earns.
    ServiceExcluded,
    /// It costs nothing.
    NotCharged,
    /// The partner may not earn.
    PartnerBarred,
    /// A dispute about the day was granted.
    DisputeAccepted,
}

impl CreditReason {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Earned => "EARNED",
            Self::NoEligibleRole => "NO_ELIGIBLE_ROLE",
            Self::AccessPartialDay => "ACCESS_PARTIAL_DAY",
            Self::PartnerIdNotLinked => "PARTNER_ID_NOT_LINKED",
            Self::MpnAgreementInactive => "MPN_AGREEMENT_INACTIVE",
            Self::ServiceExcluded => "SERVICE_EXCLUDED",
            Self::NotCharged => "NOT_CHARGED",
            Self::PartnerBarred => "PARTNER_BARRED",
            Self::DisputeAccepted => "DISPUTE_ACCEPTED",
        }
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Earned => "one partner had an eligible role for the entire day",
            Self::NoEligibleRole => "no partner had an eligible role on the resource, its group or its subscription",
            Self::AccessPartialDay => "no partner alone had access for the entire day, 00:00 to 24:00 UTC",
            Self::PartnerIdNotLinked => "the partner's id is not linked to the user or principal with the access",
            Self::MpnAgreementInactive => "the partner with the access has no active agreement in the partner network",
            Self::ServiceExcluded => "the service earns no credit",
            Self::NotCharged => "the use costs nothing",
            Self::PartnerBarred => "the partner may not earn credit",
            Self::DisputeAccepted => "the partner disputed the day, and it was granted",
        }
    }

    /// Whether the day earned credit.
    pub fn earns(self) -> bool {
        matches!(self, Self::Earned | Self::DisputeAccepted)
    }

    /// How near a candidate came: the nearest one's reason is told.
    fn rank(self) -> u8 {
        match self {
            Self::Earned | Self::DisputeAccepted => 6,
            Self::PartnerBarred => 5,
            Self::MpnAgreementInactive => 4,
            Self::PartnerIdNotLinked => 3,
            Self::AccessPartialDay => 2,
            Self::NoEligibleRole | Self::ServiceExcluded | Self::NotCharged => 1,
        }
    }
}

/// What a day and resource earns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Determined {
    /// Why.
    pub reason: CreditReason,
    /// Whose access earned it.
    pub earner_id: Option<PartnerId>,
}

/// A partner whose access may earn: the billed one, or the reseller behind an indirect provider (L13657).
pub(crate) struct Candidate<'a> {
    pub(crate) partner_id: &'a PartnerId,
    /// Its agreement in the partner network is active on the day.
    pub(crate) agreement: bool,
    /// It may not earn on the day (L13630).
    pub(crate) barred: bool,
}

/// Who earns the credit of a day: one partner alone needs access for all of it; half days of two do not add up (L13660, decision G35).
/// `since` is when the subscription was created: no role is older, so the day of a creation after 00:00 earns nothing (decision G21).
pub(crate) fn determine<'a>(
    candidates: &[Candidate<'a>],
    roles: &BTreeSet<String>,
    assignments: &(impl Iterator<Item = &'a Assignment> + Clone),
    links: impl Fn(&Assignment) -> &'a [Link],
    resource: &Resource,
    (day, since): (NaiveDate, Option<DateTime<Utc>>),
) -> Determined {
    let found = candidates.iter().map(|candidate| {
        let own = assignments.clone().filter(|assignment| {
            assignment.partner_id == *candidate.partner_id
                && roles.contains(&assignment.role)
                && assignment.scope.covers(resource)
        });
        let (mut access, mut linked) = (Vec::new(), Vec::new());
        for assignment in own {
            let from = since.map_or(assignment.from, |since| assignment.from.max(since));
            let span = (from, assignment.to);
            access.push(span);
            if assignment.path.links_by_itself() {
                linked.push(span);
            } else {
                linked.extend(spans(links(assignment)).map(|link| intersection(span, link)));
            }
        }
        let reason = if covers(&linked, day) {
            match (candidate.barred, candidate.agreement) {
                (true, _) => CreditReason::PartnerBarred,
                (false, true) => CreditReason::Earned,
                (false, false) => CreditReason::MpnAgreementInactive,
            }
        } else if covers(&access, day) {
            CreditReason::PartnerIdNotLinked
        } else if touches(&access, day) {
            CreditReason::AccessPartialDay
        } else {
            CreditReason::NoEligibleRole
        };
        let earner_id = (reason == CreditReason::Earned).then(|| candidate.partner_id.clone());
        Determined { reason, earner_id }
    });
    // Of several that come as near the first, which is the billed partner.
    let nearest = found.reduce(|best, next| if next.reason.rank() > best.reason.rank() { next } else { best });
    nearest.unwrap_or(Determined { reason: CreditReason::NoEligibleRole, earner_id: None })
}

type Span = (DateTime<Utc>, Option<DateTime<Utc>>);

/// From each link to the next unlinking.
fn spans(links: &[Link]) -> impl Iterator<Item = Span> {
    links.iter().enumerate().filter(|(_, link)| link.linked).map(|(at, link)| {
        let end = links.iter().skip(at + 1).find(|later| !later.linked).map(|later| later.at);
        (link.at, end)
    })
}

fn intersection(a: Span, b: Span) -> Span {
    let end = match (a.1, b.1) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    (a.0.max(b.0), end)
}

fn bounds(day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
    let start = day.and_time(NaiveTime::MIN).and_utc();
    (start, start.checked_add_days(Days::new(1)).unwrap_or(start))
}

/// Whether the spans together leave no moment of the UTC day out (decision G21).
fn covers(spans: &[Span], day: NaiveDate) -> bool {
    let (mut reached, end) = bounds(day);
    let mut sorted = spans.to_vec();
    sorted.sort_unstable_by_key(|span| span.0);
    for (from, to) in sorted {
        if from > reached {
            return false;
        }
        reached = reached.max(to.unwrap_or(end));
        if reached >= end {
            return true;
        }
    }
    false
}

/// Whether any span has a moment of the day.
fn touches(spans: &[Span], day: NaiveDate) -> bool {
    let (start, end) = bounds(day);
    spans.iter().any(|(from, to)| *from < end && to.is_none_or(|to| to > start && to > *from))
}
