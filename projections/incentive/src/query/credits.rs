//! Earned credit, as a partner asks for it: earned, forgone, and why.

use std::cmp::Ordering;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    calendar,
    event::EarnedCreditDisputed,
    ids::{CustomerId, MeterId, PartnerId, SubscriptionId},
    money::Currency,
    usage::{CreditReason, Resource},
};
use subledger_fold::{
    Rows,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, Step, list, list_leaping},
};

use crate::{
    month::Month,
    tables::credits::{self, CreditAnswer, CreditDispute, CreditOf, CreditSums, Versions},
};

/// What a day's use of a meter by a resource earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnedCredit {
    /// Who is billed, and credited.
    pub partner_id: PartnerId,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Whose resource it is.
    pub customer_id: CustomerId,
    /// The Azure plan or classic subscription.
    pub subscription_id: SubscriptionId,
    /// What used it.
    pub resource: Resource,
    /// The meter.
    pub meter_id: MeterId,
    /// UTC.
    pub usage_date: NaiveDate,
    /// Units.
    pub quantity: Decimal,
    /// At the prices, in the pricing currency; exact.
    pub pricing_gross: Decimal,
    /// Of the prices.
    pub pricing_currency: Currency,
    /// One unit of it in the billing currency.
    pub exchange_rate: Decimal,
    /// Of the amounts that follow.
    pub currency: Currency,
    /// At the prices; exact.
    pub gross: Decimal,
    /// Share of the credit.
    pub percent: Decimal,
    /// Exact; a charge line is rounded as a whole.
    pub earned: Decimal,
    /// What access for the whole day would have earned more; exact.
    pub forgone: Decimal,
    /// Why.
    pub reason: CreditReason,
    /// Whose access earned it.
    pub earner_id: Option<PartnerId>,
    /// The day that closed when it was decided last.
    pub rated_on: NaiveDate,
}

/// Sums of a month of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnedCreditTotal {
    /// Who is credited.
    pub partner_id: PartnerId,
    /// The month of use.
    pub month: Month,
    /// Of the amounts.
    pub currency: Currency,
    /// Use at its prices; exact.
    pub gross: Decimal,
    /// Exact.
    pub earned: Decimal,
    /// Exact.
    pub forgone: Decimal,
    /// What charge lines have of it so far: gross less net of each line, both rounded down.
    pub charged: Decimal,
}

/// Which credit; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct CreditFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// In this month.
    pub month: Option<Month>,
    /// As it was then.
    pub horizon: Horizon,
}

/// Earned credit by partner, month, customer, day, resource and meter.
pub fn list_earned_credit(
    rows: &dyn Rows,
    filter: &CreditFilter,
    page: PageRequest<'_>,
) -> Result<Page<EarnedCredit>, QueryError> {
    let partner = filter.partner_id.as_ref().map(PartnerId::as_str);
    let prefix = credits::prefix(partner, filter.month, filter.customer_id.as_ref().map(CustomerId::as_str));
    list_leaping(rows, &prefix, page, |key, row| {
        let of = CreditOf::read(key)?;
        let month = Month::of(of.usage_date);
        let (partner, next_month) =
            (of.partner_id.as_str(), calendar::last_of_month(of.usage_date).succ_opt().map(Month::of));
        // Of a customer there is one stretch of rows in each month.
        let leap = |month, customer| Step::Leap(credits::prefix(Some(partner), Some(month), customer));
        match filter.customer_id.as_ref().map(|id| (of.customer_id.cmp(id), id.as_str())) {
            Some((Ordering::Less, id)) => return Ok(leap(month, Some(id))),
            Some((Ordering::Greater, _)) => return Ok(next_month.map_or(Step::Skip, |month| leap(month, None))),
            _ => {}
        }
        if filter.month.is_some_and(|wanted| wanted != month) {
            return Ok(Step::Skip);
        }
        let Some(credit) = decode::<Versions>(row)?.at(&filter.horizon) else { return Ok(Step::Skip) };
        let [gross, earned, forgone] = credit.amounts();
        Ok(Step::Item(EarnedCredit {
            partner_id: of.partner_id,
            reseller_id: credit.reseller_id,
            customer_id: of.customer_id,
            subscription_id: credit.subscription_id,
            resource: of.resource,
            meter_id: of.meter_id,
            usage_date: of.usage_date,
            quantity: credit.quantity,
            pricing_gross: credit.pricing_gross,
            pricing_currency: credit.pricing_currency,
            exchange_rate: credit.exchange_rate,
            currency: credit.currency,
            gross,
            percent: credit.percent,
            earned,
            forgone,
            reason: credit.reason,
            earner_id: credit.earner_id,
            rated_on: credit.rated_on,
        }))
    })
}

/// Sums by partner, month of use and currency.
pub fn list_earned_credit_totals(
    rows: &dyn Rows,
    filter: &CreditFilter,
    page: PageRequest<'_>,
) -> Result<Page<EarnedCreditTotal>, QueryError> {
    let prefix = credits::sums_prefix(filter.partner_id.as_ref().map(PartnerId::as_str), filter.month);
    list(rows, &prefix, page, |key, row| {
        let (partner_id, month, currency) = credits::read_sums_key(key)?;
        if filter.month.is_some_and(|wanted| wanted != month) {
            return Ok(None);
        }
        let sums = if filter.horizon.is_now() {
            Some(decode(row)?)
        } else {
            credits::sums_at(rows, (&partner_id, month, currency), &filter.horizon)?
        };
        let Some(CreditSums { gross, earned, forgone, charged }) = sums else { return Ok(None) };
        let charged = currency.round(charged);
        Ok(Some(EarnedCreditTotal { partner_id, month, currency, gross, earned, forgone, charged }))
    })
}

/// A dispute about earned credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnedCreditDispute {
    /// What is disputed.
    pub event: EarnedCreditDisputed,
    /// `open`, `accepted`, `rejected` or `withdrawn`.
    pub state: &'static str,
    /// The provider's note; empty while it is open.
    pub note: String,
    /// The day of the answer, or on which it was withdrawn.
    pub decided_on: Option<NaiveDate>,
}

/// Disputes about earned credit by partner, customer and id.
pub fn list_earned_credit_disputes(
    rows: &dyn Rows,
    filter: &CreditFilter,
    page: PageRequest<'_>,
) -> Result<Page<EarnedCreditDispute>, QueryError> {
    list(rows, &credits::disputes_prefix(filter.partner_id.as_ref()), page, |_, row| {
        let Some(dispute) = decode::<CreditDispute>(row)?.at(&filter.horizon) else { return Ok(None) };
        let is_other = filter.customer_id.as_ref().is_some_and(|id| *id != dispute.event.customer_id);
        Ok(if is_other { None } else { Some(credit_dispute_view(dispute)) })
    })
}

pub(super) fn credit_dispute_view(CreditDispute { event, answer, .. }: CreditDispute) -> EarnedCreditDispute {
    let (state, note, decided_on) = match answer {
        None => ("open", String::new(), None),
        Some(CreditAnswer { accepted, note, on, .. }) => {
            let state = match accepted {
                Some(true) => "accepted",
                Some(false) => "rejected",
                None => "withdrawn",
            };
            (state, note, Some(on))
        }
    };
    EarnedCreditDispute { event, state, note, decided_on }
}
