//! Associations, as partners, customers and auditors ask for them.

use chrono::NaiveDate;
use subledger_domain::{
    association::{AssociationState, CporProgram, Metric, Parties, PartnerOfRecord, credited},
    ids::{AssociationId, CustomerId, PartnerId, SubscriptionId},
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use crate::tables::{
    associations::{self, Associated, Association, Step, StepOf},
    subscriptions::Name,
};

/// Which associations; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct AssociationFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// With this customer.
    pub customer_id: Option<CustomerId>,
    /// Claimed for this program.
    pub program: Option<CporProgram>,
    /// Of this location.
    pub location_mpn_id: Option<String>,
    /// In this state.
    pub state: Option<AssociationState>,
    /// Submitted on this day or later.
    pub from: Option<NaiveDate>,
    /// Submitted on this day or before.
    pub to: Option<NaiveDate>,
    /// As they were then.
    pub horizon: Horizon,
}

/// Who is credited with what of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociationCredit {
    /// The customer.
    pub customer_id: CustomerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Who sells it.
    pub csp: PartnerId,
    /// Who claims it, by which association.
    pub cpor: Option<(PartnerId, AssociationId)>,
    /// Who is set within the product.
    pub dpor: Option<PartnerId>,
    /// The metrics in order, and each partner that is credited with one.
    pub metrics: Vec<(Metric, PartnerOfRecord, PartnerId)>,
}

impl AssociationFilter {
    fn takes(&self, row: &Association) -> bool {
        let submitted = |bound: Option<NaiveDate>, within: fn(NaiveDate, NaiveDate) -> bool| {
            bound.is_none_or(|bound| row.submitted_on.is_some_and(|on| within(on, bound)))
        };
        self.customer_id.as_ref().is_none_or(|id| *id == row.customer_id)
            && self.program.is_none_or(|program| row.details.programs().contains(&program))
            && self.location_mpn_id.as_ref().is_none_or(|id| *id == row.details.location_mpn_id)
            && self.state.is_none_or(|state| state == row.state)
            && submitted(self.from, |on, from| from <= on)
            && submitted(self.to, |on, to| on <= to)
    }

    /// As it was then; none if it was not there.
    fn then(&self, rows: &dyn Rows, row: Association) -> Result<Option<Association>, StoreError> {
        if self.horizon.is_now() {
            return Ok(Some(row));
        }
        let mut found = None;
        let prefix = associations::steps_prefix(&row.customer_id, &row.association_id);
        rows.scan(&prefix, &[], false, &mut |_, step| {
            let StepOf { step, after } = decode(step)?;
            if self.horizon.knows(step.position) && self.horizon.reaches(step.effective_on) {
                found = Some(after);
            }
            Ok(true)
        })?;
        Ok(found)
    }
}

/// Associations by customer and id.
pub fn list_associations(
    rows: &dyn Rows,
    filter: &AssociationFilter,
    page: PageRequest<'_>,
) -> Result<Page<Association>, QueryError> {
    let customer = filter.customer_id.as_ref().map(CustomerId::as_str);
    let Some(partner) = &filter.partner_id else {
        return list(rows, &associations::prefix(customer), page, |_, row| {
            Ok(filter.then(rows, decode(row)?)?.filter(|row| filter.takes(row)))
        });
    };
    list(rows, &associations::partner_prefix(partner.as_str(), customer), page, |key, _| {
        let (customer_id, id) = associations::read_partner_key(key)?;
        let Some(row) = associations::get(rows, &customer_id, &id)? else { return Ok(None) };
        Ok(filter.then(rows, row)?.filter(|row| filter.takes(row)))
    })
}

/// One association with its steps; none if there is no such one.
pub fn get_association(
    rows: &dyn Rows,
    customer_id: &CustomerId,
    id: &AssociationId,
) -> Result<Option<(Association, Vec<Step>)>, StoreError> {
    let Some(association) = associations::get(rows, customer_id, id)? else { return Ok(None) };
    let mut steps = Vec::new();
    rows.scan(&associations::steps_prefix(customer_id, id), &[], false, &mut |_, step| {
        let StepOf { step, .. } = decode(step)?;
        steps.push(step);
        Ok(true)
    })?;
    Ok(Some((association, steps)))
}

/// Credits by customer and subscription, of paid subscriptions with a partner associated (reports-partners-security.md 2.11).
pub fn list_association_credits(
    rows: &dyn Rows,
    customer_id: Option<&CustomerId>,
    page: PageRequest<'_>,
) -> Result<Page<AssociationCredit>, QueryError> {
    list(rows, &associations::associated_prefix(customer_id.map(CustomerId::as_str)), page, |key, row| {
        let (customer_id, subscription_id) = associations::read_associated_key(key)?;
        let Associated { by_claim, by_product } = decode(row)?;
        let name = Name { customer: &customer_id, subscription: &subscription_id };
        let Some(holding) = name.get(rows)?.filter(|holding| !holding.trial) else { return Ok(None) };
        let claim = match &by_claim {
            Some(id) => associations::get(rows, &customer_id, id)?,
            None => None,
        };
        let programs = claim.as_ref().map(|claim| claim.details.programs()).unwrap_or_default();
        let parties = Parties {
            csp: Some(&holding.partner_id),
            cpor: claim.as_ref().map(|claim| (&claim.partner_id, &programs)),
            dpor: by_product.as_ref(),
        };
        let of = |metric| credited(metric, parties).into_iter().map(move |(by, id)| (metric, by, id.clone()));
        let metrics = Metric::ALL.into_iter().flat_map(of).collect();
        let cpor = claim.map(|claim| (claim.partner_id, claim.association_id));
        let csp = holding.partner_id.clone();
        Ok(Some(AssociationCredit { customer_id, subscription_id, csp, cpor, dpor: by_product.clone(), metrics }))
    })
}
