//! The daily-rated usage file from the read model (billing-details.md section 3.2).

use rust_decimal::Decimal;
use subledger_files::{
    ResellerOfRecord,
    daily::{UsageRow, write_header},
};
use subledger_fold::{
    Rows, StoreError,
    page::{PageRequest, QueryError},
};

use super::{FilePart, Known};
use crate::{
    query::{Selection, UsageLine, list_selected_usage},
    tables::facts,
};

/// What the file calls a day of use, and what takes one back.
const NEW: &str = "New";
const CORRECTION: &str = "Line-item offset";

/// One part of a daily-rated usage file: a page of lines, with the header before the first. What no invoice carries yet has no number.
pub fn daily_usage_part(rows: &dyn Rows, of: &Selection, page: PageRequest<'_>) -> Result<FilePart, QueryError> {
    let mut bytes = Vec::new();
    if page.token.is_empty() {
        write_header(&mut bytes);
    }
    let page = list_selected_usage(rows, of, page)?;
    let mut known = Known::new(rows);
    for line in &page.items {
        row(&mut known, line)?.write(&mut bytes);
    }
    Ok(FilePart { bytes, lines: page.items.len(), next: page.next })
}

fn row(known: &mut Known<'_>, line: &UsageLine) -> Result<UsageRow, StoreError> {
    let partner = facts::partner(known.rows, &line.partner_id)?;
    let (partner_name, mpn_id) = partner.map(|partner| (partner.name, partner.mpn_id)).unwrap_or_default();
    let reseller = match &line.reseller_id {
        None => ResellerOfRecord::OwnSale,
        Some(reseller) => match known.number(reseller)? {
            number if number.is_empty() => ResellerOfRecord::WithoutId,
            number => ResellerOfRecord::Reseller(number),
        },
    };
    let customer = known.customer(&line.customer_id)?;
    let term = facts::term(known.rows, &line.customer_id, &line.subscription_id, line.usage_date)?;
    let row = UsageRow {
        partner_id: line.partner_id.to_string(),
        partner_name,
        customer_id: line.customer_id.to_string(),
        customer_name: customer.company_name,
        customer_domain_name: customer.domain_name,
        customer_country: customer.country,
        mpn_id,
        reseller,
        invoice_number: line.invoice_number.as_ref().map(ToString::to_string).unwrap_or_default(),
        subscription_description: term.map(|term| term.offer_name).unwrap_or_default(),
        subscription_id: line.subscription_id.to_string(),
        charge_start: line.period_start,
        charge_end: line.period_end.pred_opt().unwrap_or(line.period_end),
        usage_date: line.usage_date,
        meter_id: line.meter_id.to_string(),
        resource_location: line.resource_location.clone(),
        consumed_service: line.consumed_service.clone(),
        resource_group: line.resource.resource_group.clone(),
        resource_uri: line.resource.resource_uri.clone(),
        charge_type: if line.quantity < Decimal::ZERO { CORRECTION } else { NEW }.to_owned(),
        unit_price: line.unit_price,
        quantity: line.quantity,
        billing_pre_tax_total: line.amount,
        billing_currency: line.currency.to_string(),
        pricing_pre_tax_total: line.pricing_amount,
        pricing_currency: line.pricing_currency.to_string(),
        service_info1: line.service_info[0].clone(),
        service_info2: line.service_info[1].clone(),
        tags: line.tags.clone(),
        additional_info: line.additional_info.clone(),
        effective_unit_price: line.effective_unit_price,
        exchange_rate: line.exchange_rate,
        exchange_rate_date: subledger_domain::calendar::first_of_month(line.usage_date),
        entitlement_id: line.resource.azure_subscription_id.to_string(),
        entitlement_description: line.azure_subscription_name.clone(),
        partner_earned_credit_percentage: line.credit_percent,
        ..UsageRow::default()
    };
    Ok(with_meter(row, line))
}

/// The names that the meter has now.
fn with_meter(row: UsageRow, line: &UsageLine) -> UsageRow {
    let Some(meter) = line.meter.clone() else { return row };
    UsageRow {
        product_id: meter.product_id,
        sku_id: meter.sku_id,
        availability_id: meter.availability_id,
        sku_name: meter.sku_name,
        product_name: meter.product_name,
        publisher_name: meter.publisher_name,
        meter_type: meter.meter_type,
        meter_category: meter.category,
        meter_sub_category: meter.sub_category,
        meter_name: meter.name,
        meter_region: meter.region,
        unit: meter.unit.clone(),
        unit_type: meter.unit,
        ..row
    }
}
