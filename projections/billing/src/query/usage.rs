//! Rated usage, billed and unbilled, and what customers spend of their budgets.

use std::cmp::Ordering;

use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};
use subledger_domain::{
    calendar,
    ids::{CustomerId, InvoiceNumber, MeterId, PartnerId, SubscriptionId},
    money::Currency,
    usage::{Meter, Resource},
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, Pager, QueryError, Step, list, list_leaping},
};

use super::{Selection, charges::Numbers};
use crate::tables::{
    markers,
    series::Series,
    usage::{self, Month, MonthOf, Place, Row},
};

/// A day's use of a meter by a resource at one price; a correction is another line, negative where it takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLine {
    /// Who pays.
    pub partner_id: PartnerId,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Whose use it is.
    pub customer_id: CustomerId,
    /// The Azure plan or classic subscription.
    pub subscription_id: SubscriptionId,
    /// What used it.
    pub resource: Resource,
    /// The meter.
    pub meter_id: MeterId,
    /// As it was published last; none if it is not known.
    pub meter: Option<Meter>,
    /// The name of the Azure subscription.
    pub azure_subscription_name: String,
    /// UTC.
    pub usage_date: NaiveDate,
    /// First day of the billing period it belongs to.
    pub period_start: NaiveDate,
    /// The day after its last.
    pub period_end: NaiveDate,
    /// The day that closed when it was rated.
    pub rated_on: NaiveDate,
    /// The day of the invoice that carries it, or will.
    pub charge_on: NaiveDate,
    /// Units.
    pub quantity: Decimal,
    /// Of one unit.
    pub unit_price: Decimal,
    /// Of one unit, less earned credit.
    pub effective_unit_price: Decimal,
    /// Share of earned credit.
    pub credit_percent: Decimal,
    /// Of the prices.
    pub pricing_currency: Currency,
    /// Quantity at the effective price; exact.
    pub pricing_amount: Decimal,
    /// One unit of the pricing currency in the billing currency.
    pub exchange_rate: Decimal,
    /// Of the invoice.
    pub currency: Currency,
    /// In it; exact, the line of the invoice is rounded down once.
    pub amount: Decimal,
    /// None while unbilled.
    pub invoice_number: Option<InvoiceNumber>,
    /// What the record said beside its quantity.
    pub resource_location: String,
    /// The platform's service.
    pub consumed_service: String,
    /// As the service wrote it.
    pub service_info: [String; 2],
    /// The user's tags.
    pub tags: String,
    /// As the service wrote it.
    pub additional_info: String,
}

/// Which usage; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    /// Paid by this partner.
    pub partner_id: Option<PartnerId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Used in the month that begins with this day.
    pub month: Option<NaiveDate>,
    /// Only what no invoice carries yet.
    pub unbilled: bool,
    /// As it was then: what days until then were closed with, and what was known of it.
    pub horizon: Horizon,
}

/// Usage by partner, series, day of the invoice, customer, subscription, meter and day.
pub fn list_usage(rows: &dyn Rows, filter: &UsageFilter, page: PageRequest<'_>) -> Result<Page<UsageLine>, QueryError> {
    let horizon = &filter.horizon;
    let mut numbers = Numbers::new(rows, horizon);
    let prefix = usage::prefix(filter.partner_id.as_ref().map(PartnerId::as_str));
    list_leaping(rows, &prefix, page, |key, row| {
        let place = Place::read(key)?;
        // Of a customer there is one stretch of rows for each day of an invoice.
        match filter.customer_id.as_ref().map(|id| (place.customer_id.cmp(id), id)) {
            Some((Ordering::Less, id)) => {
                return Ok(Step::Leap(usage::customer_from(&place.series, place.charge_on, id)));
            }
            Some((Ordering::Greater, _)) => {
                return Ok(place
                    .charge_on
                    .succ_opt()
                    .map_or(Step::Skip, |next| Step::Leap(usage::series_from(&place.series, Some(next)))));
            }
            _ => {}
        }
        let of_month = |month: NaiveDate| calendar::first_of_month(place.usage_date) == month;
        if !filter.month.is_none_or(of_month) || !horizon.reaches(place.rated_on) {
            return Ok(Step::Skip);
        }
        let row: Row = decode(row)?;
        if !horizon.knows(row.position) {
            return Ok(Step::Skip);
        }
        let number = numbers.of(&place.series, place.charge_on)?;
        if filter.unbilled && number.is_some() {
            return Ok(Step::Skip);
        }
        Ok(Step::Item(line(rows, place, row, number)?))
    })
}

/// Usage of an invoice, or of what is charged in a month, in the same order.
pub(crate) fn list_selected_usage(
    rows: &dyn Rows,
    of: &Selection,
    page: PageRequest<'_>,
) -> Result<Page<UsageLine>, QueryError> {
    let series = Series { partner_id: of.partner_id.clone(), family: of.family, currency: of.currency };
    let horizon = Horizon::default();
    let mut numbers = Numbers::new(rows, &horizon);
    let prefix = usage::series_prefix(&series);
    let mut pager = Pager::new(page, &prefix)?;
    let from = pager.from().max(&usage::series_from(&series, of.from)).to_vec();
    rows.scan(&prefix, &from, false, &mut |key, row| {
        let place = Place::read(key)?;
        if place.charge_on >= of.until {
            return Ok(false);
        }
        let number = numbers.of(&series, place.charge_on)?;
        pager.offer(key, || Ok(Some(line(rows, place, decode(row)?, number)?)))
    })?;
    Ok(pager.finish())
}

fn line(rows: &dyn Rows, place: Place, row: Row, number: Option<InvoiceNumber>) -> Result<UsageLine, StoreError> {
    let (effective_unit_price, pricing_amount) = (row.effective_unit_price(), row.pricing_amount());
    let (_, amount) = row.amounts();
    let details = row.details;
    Ok(UsageLine {
        meter: usage::meter(rows, &place.meter_id)?,
        azure_subscription_name: usage::azure_name(rows, &place.customer_id, &place.resource.azure_subscription_id)?,
        partner_id: place.series.partner_id,
        reseller_id: row.reseller_id,
        customer_id: place.customer_id,
        subscription_id: place.subscription_id,
        resource: place.resource,
        meter_id: place.meter_id,
        usage_date: place.usage_date,
        period_start: row.period_start,
        period_end: row.period_end,
        rated_on: place.rated_on,
        charge_on: place.charge_on,
        quantity: row.quantity,
        unit_price: row.unit_price,
        effective_unit_price,
        credit_percent: row.credit_percent,
        pricing_currency: row.pricing_currency,
        pricing_amount,
        exchange_rate: row.exchange_rate,
        currency: place.series.currency,
        amount: amount.normalize(),
        invoice_number: number,
        resource_location: details.resource_location,
        consumed_service: details.consumed_service,
        service_info: [details.service_info1, details.service_info2],
        tags: details.tags,
        additional_info: details.additional_info,
    })
}

/// What a customer spent in a month (azure-marketplace-software.md 2.21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    /// Who pays.
    pub partner_id: PartnerId,
    /// First day of the month.
    pub month: NaiveDate,
    /// Who spent.
    pub customer_id: CustomerId,
    /// Of the amounts.
    pub currency: Currency,
    /// At the prices, without tax and credit, rounded half up.
    pub estimate: Decimal,
    /// Less earned credit, rounded half up.
    pub net_estimate: Decimal,
    /// The estimate in US dollars, of what is priced in them (L13854-13858), rounded half up to the cent.
    pub estimate_usd: Decimal,
    /// The budget that holds now; none without one, or in another currency.
    pub budget: Option<Decimal>,
    /// Of the budget: whole, rounded half up; 0 without one (L13855-13858).
    pub percent: u32,
    /// Whether the month's notice came.
    pub notified: bool,
    /// Whole days left of the month after the business day; 0 for a month that is over.
    pub days_remaining: u32,
}

/// Whole days of a period left after the day of a report (azure-marketplace-software.md 2.21, L13382-13385, L13470-13481). `last` is the
/// period's last day, included.
fn days_remaining(last: NaiveDate, report: NaiveDate) -> u32 {
    u32::try_from((last - report).num_days() - 1).unwrap_or(0)
}

/// Spending by partner, month and customer. The report is of the business day, the first that is not closed.
pub fn list_spending(
    rows: &dyn Rows,
    filter: &UsageFilter,
    page: PageRequest<'_>,
) -> Result<Page<Spending>, QueryError> {
    let prefix = usage::months_prefix(filter.partner_id.as_ref().map(PartnerId::as_str), filter.month);
    let report = markers::closed_where_known(rows)?.and_then(|closed| closed.succ_opt());
    list(rows, &prefix, page, |key, row| {
        let MonthOf { partner_id, month, customer_id, currency } = MonthOf::read(key)?;
        let matches = filter.customer_id.as_ref().is_none_or(|id| *id == customer_id)
            && filter.month.is_none_or(|wanted| wanted == month);
        if !matches {
            return Ok(None);
        }
        let Month { gross, net, gross_usd } = decode(row)?;
        let budget = usage::budget(rows, &partner_id, &customer_id)?.filter(|budget| budget.currency == currency);
        let (estimate, net_estimate) = (currency.round(gross), currency.round(net));
        let percent = budget.as_ref().map_or(0, |budget| percent(estimate, budget.amount));
        let notified = budget.as_ref().is_some_and(|budget| budget.notified == Some(month));
        let budget = budget.map(|budget| budget.amount);
        Ok(Some(Spending {
            partner_id,
            month,
            customer_id,
            currency,
            estimate,
            net_estimate,
            estimate_usd: Currency::DOLLAR.round(gross_usd),
            budget,
            percent,
            notified,
            // Before the first day is closed there is no use, and the month is whole.
            days_remaining: days_remaining(calendar::last_of_month(month), report.unwrap_or(month).max(month)),
        }))
    })
}

fn percent(estimate: Decimal, budget: Decimal) -> u32 {
    let share = estimate.checked_mul(Decimal::ONE_HUNDRED).and_then(|hundredfold| hundredfold.checked_div(budget));
    let whole = share.map(|share| share.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero));
    whole.and_then(|whole| whole.to_u32()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked example 9 (L13382-13385, L13470-13481).
    #[test]
    fn days_remaining_are_those_after_the_report() {
        let left = |last: &str, report: &str| days_remaining(last.parse().unwrap(), report.parse().unwrap());
        assert_eq!(left("2019-10-31", "2019-10-10"), 20);
        assert_eq!(left("2019-09-22", "2019-09-12"), 9);
        assert_eq!((left("2019-10-31", "2019-10-30"), left("2019-10-31", "2019-10-31")), (0, 0));
        assert_eq!(left("2019-10-31", "2019-12-01"), 0);
    }
}
