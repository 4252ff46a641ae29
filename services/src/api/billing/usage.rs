//! Rated usage and spending, as the API shows them.

use chrono::NaiveDate;
use subledger_billing::{Spending, UsageFilter, UsageLine, list_spending, list_usage};
use subledger_fold::{Rows, as_of::Horizon};
use subledger_log::codec::Wire as _;
use subledger_proto::api::{self, ListSpendingRequest, ListSpendingResponse, ListUsageRequest, ListUsageResponse};
use tonic::{Response, Status};

use super::{optional_id, selection};
use crate::api::{errors, position::Wanted, read_model::ReadModel};

fn filter(partner: String, customer: String, month: &str, unbilled: bool) -> Result<UsageFilter, Status> {
    let month = match month {
        "" => None,
        text => Some(first_day(text)?),
    };
    let (partner_id, customer_id) = (optional_id("partner_id", partner)?, optional_id("customer_id", customer)?);
    Ok(UsageFilter { partner_id, customer_id, month, unbilled, ..UsageFilter::default() })
}

fn first_day(text: &str) -> Result<NaiveDate, Status> {
    let month = selection::month(text).map(|(first, _)| first);
    month.ok_or_else(|| {
        errors::field_status("INVALID_VALUE", "month", &format!("{text:?} is no month; one is written 2018-02"))
    })
}

/// A page of usage.
pub(super) async fn usage(
    model: &ReadModel,
    wanted: Wanted,
    request: ListUsageRequest,
) -> Result<Response<ListUsageResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.customer_id, &request.month, request.unbilled)?;
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        list_usage(rows, &UsageFilter { horizon: horizon.clone(), ..filter }, page.request())
    };
    let (usage, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let usage = usage.iter().map(to_usage).collect();
    Ok(Response::new(ListUsageResponse { usage, next_page_token, reflects }))
}

/// A page of spending.
pub(super) async fn spending(
    model: &ReadModel,
    wanted: Wanted,
    request: ListSpendingRequest,
) -> Result<Response<ListSpendingResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.customer_id, &request.month, false)?;
    let (spending, next_page_token, reflects) =
        model.list(wanted, move |rows| list_spending(rows, &filter, page.request())).await?;
    let spending = spending.iter().map(to_spending).collect();
    Ok(Response::new(ListSpendingResponse { spending, next_page_token, reflects }))
}

/// The API's form.
pub(crate) fn to_usage(line: &UsageLine) -> api::UsageLine {
    let (meter_name, unit) = line.meter.clone().map(|meter| (meter.name, meter.unit)).unwrap_or_default();
    api::UsageLine {
        partner_id: line.partner_id.to_wire(),
        reseller_id: line.reseller_id.to_wire(),
        customer_id: line.customer_id.to_wire(),
        subscription_id: line.subscription_id.to_wire(),
        azure_subscription_id: line.resource.azure_subscription_id.to_wire(),
        azure_subscription_name: line.azure_subscription_name.clone(),
        resource_group: line.resource.resource_group.clone(),
        resource_uri: line.resource.resource_uri.clone(),
        meter_id: line.meter_id.to_wire(),
        meter_name,
        unit,
        usage_date: line.usage_date.to_wire(),
        period_start: line.period_start.to_wire(),
        period_end: line.period_end.pred_opt().unwrap_or(line.period_end).to_wire(),
        rated_on: line.rated_on.to_wire(),
        charge_on: line.charge_on.to_wire(),
        quantity: line.quantity.to_wire(),
        unit_price: line.unit_price.to_wire(),
        effective_unit_price: line.effective_unit_price.to_wire(),
        credit_percent: line.credit_percent.to_wire(),
        pricing_currency: line.pricing_currency.to_wire(),
        pricing_amount: line.pricing_amount.to_wire(),
        exchange_rate: line.exchange_rate.to_wire(),
        currency: line.currency.to_wire(),
        amount: line.amount.to_wire(),
        invoice_number: line.invoice_number.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// The API's form.
pub(crate) fn to_spending(spending: &Spending) -> api::Spending {
    api::Spending {
        partner_id: spending.partner_id.to_wire(),
        month: spending.month.format("%Y-%m").to_string(),
        customer_id: spending.customer_id.to_wire(),
        currency: spending.currency.to_wire(),
        estimate: spending.estimate.to_wire(),
        net_estimate: spending.net_estimate.to_wire(),
        budget: spending.budget.map(|budget| budget.to_wire()).unwrap_or_default(),
        percent: spending.percent,
        notified: spending.notified,
        estimate_usd: spending.estimate_usd.to_wire(),
        days_remaining: spending.days_remaining,
    }
}
