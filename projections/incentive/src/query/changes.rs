//! What changed between two moments of a partner's enrollments, earnings, payments and disputes, and by which commits.

use std::collections::BTreeSet;

use subledger_domain::{ids::PartnerId, position::Position};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    change::{self, Cause},
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use super::{
    credits::{EarnedCreditDispute, credit_dispute_view},
    programs::{
        EarningDispute, EarningPeriod, EnrollmentView, IncentivePayment, dispute_view, enrollment_view, payment_view,
        period_view,
    },
};
use crate::tables::{
    causes,
    credits::{self, CreditDispute},
    enrollments::{self, Closed, Dispute, Enrollment, EnrollmentKey, Payment, Told},
};

/// A thing at two moments, which differs between them; none where it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncentiveChanged {
    /// A location in a program.
    Enrollment(Option<Box<EnrollmentView>>, Option<Box<EnrollmentView>>),
    /// The earnings of a closed month.
    Period(Option<Box<EarningPeriod>>, Option<Box<EarningPeriod>>),
    /// A payment.
    Payment(Option<Box<IncentivePayment>>, Option<Box<IncentivePayment>>),
    /// A dispute about an earning.
    Dispute(Option<Box<EarningDispute>>, Option<Box<EarningDispute>>),
    /// A dispute about earned credit.
    CreditDispute(Option<Box<EarnedCreditDispute>>, Option<Box<EarnedCreditDispute>>),
}

/// A change of one of them.
pub type IncentiveChange = change::Change<IncentiveChanged>;

/// The moments that are compared.
struct Between<'a> {
    rows: &'a dyn Rows,
    from: &'a Horizon,
    to: &'a Horizon,
}

impl Between<'_> {
    /// The thing at both moments; none where it is the same.
    fn both<T: PartialEq>(
        &self,
        at: impl Fn(&Horizon) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<[Option<Box<T>>; 2]>, StoreError> {
        let (before, after) = (at(self.from)?, at(self.to)?);
        Ok((before != after).then(|| [before.map(Box::new), after.map(Box::new)]))
    }

    /// Changed by what one of the moments has and the other has not.
    fn change<'t>(
        &self,
        what: IncentiveChanged,
        told: impl Iterator<Item = &'t Told>,
    ) -> Result<IncentiveChange, StoreError> {
        let one_sided = told.filter(|told| told.is_seen(self.from) != told.is_seen(self.to));
        let positions: BTreeSet<Position> = one_sided.map(|told| told.position).collect();
        IncentiveChange::new(what, positions.into_iter().collect(), |position| {
            let found = causes::cause(self.rows, position)?;
            Ok(found.map(|cause| Cause {
                position,
                command_id: cause.command_id,
                principal: cause.principal,
                channel: cause.channel,
                effective_at: cause.effective_at,
                recorded_at: cause.recorded_at,
                events: cause.events,
            }))
        })
    }

    fn period(&self, closed: &Closed) -> Result<Option<IncentiveChange>, StoreError> {
        let at = |horizon: &Horizon| period_view(self.rows, closed.clone(), horizon);
        let Some([before, after]) = self.both(at)? else { return Ok(None) };
        // Where a month stands is where its payments stand.
        let mut told: Vec<Told> = vec![closed.told];
        for (payment, moved) in &closed.payments {
            told.push(*moved);
            let payment = payment.as_ref().map(|id| enrollments::payment(self.rows, &closed.event.partner_id, id));
            let payment = payment.transpose()?.flatten();
            told.extend(payment.into_iter().flat_map(|payment| payment.history).map(|step| step.told));
        }
        self.change(IncentiveChanged::Period(before, after), told.iter()).map(Some)
    }
}

/// Changes of a partner's closed months, the oldest first; with the first page of them those of enrollments, payments and disputes. An item
/// is none where nothing changed.
pub fn list_incentive_changes(
    rows: &dyn Rows,
    partner: &PartnerId,
    (from, to): (&Horizon, &Horizon),
    page: PageRequest<'_>,
) -> Result<Page<IncentiveChange>, QueryError> {
    let between = Between { rows, from, to };
    let mut items = if page.token.is_empty() { others(&between, partner)? } else { Vec::new() };
    let page =
        list(rows, &enrollments::closed_prefix(Some(partner), None), page, |_, row| between.period(&decode(row)?))?;
    items.extend(page.items);
    Ok(Page { items, next: page.next })
}

fn others(between: &Between<'_>, partner: &PartnerId) -> Result<Vec<IncentiveChange>, StoreError> {
    let (rows, mut found) = (between.rows, Vec::new());
    rows.scan(&enrollments::prefix(Some(partner), None), &[], false, &mut |key, row| {
        let (of, row): (_, Enrollment) = (EnrollmentKey::of(key)?, decode(row)?);
        let at = |horizon: &Horizon| enrollment_view(rows, of.clone(), row.clone(), horizon);
        if let Some([before, after]) = between.both(at)? {
            let told = row.history.iter().map(|moved| &moved.told);
            found.push(between.change(IncentiveChanged::Enrollment(before, after), told)?);
        }
        Ok(true)
    })?;
    rows.scan(&enrollments::payments_prefix(Some(partner)), &[], false, &mut |_, row| {
        let payment: Payment = decode(row)?;
        let at = |horizon: &Horizon| payment.clone().at(horizon).map(|payment| payment_view(rows, payment)).transpose();
        if let Some([before, after]) = between.both(at)? {
            let moves = payment.history.iter().map(|step| &step.told);
            let told = moves.chain(payment.tax_invoices.iter().map(|(_, told)| told));
            found.push(between.change(IncentiveChanged::Payment(before, after), told)?);
        }
        Ok(true)
    })?;
    rows.scan(&enrollments::disputes_prefix(Some(partner)), &[], false, &mut |_, row| {
        let dispute: Dispute = decode(row)?;
        let at = |horizon: &Horizon| Ok(dispute.clone().at(horizon).map(dispute_view));
        if let Some([before, after]) = between.both(at)? {
            let told = std::iter::once(&dispute.told).chain(dispute.answer.as_ref().map(|answer| &answer.told));
            found.push(between.change(IncentiveChanged::Dispute(before, after), told)?);
        }
        Ok(true)
    })?;
    rows.scan(&credits::disputes_prefix(Some(partner)), &[], false, &mut |_, row| {
        let dispute: CreditDispute = decode(row)?;
        let at = |horizon: &Horizon| Ok(dispute.clone().at(horizon).map(credit_dispute_view));
        if let Some([before, after]) = between.both(at)? {
            let told = std::iter::once(&dispute.told).chain(dispute.answer.as_ref().map(|answer| &answer.told));
            found.push(between.change(IncentiveChanged::CreditDispute(before, after), told)?);
        }
        Ok(true)
    })?;
    Ok(found)
}
