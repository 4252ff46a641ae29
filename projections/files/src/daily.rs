//! The daily-rated usage file: 50 columns, A to AX (billing-details.md section 3.2, L10021-10075).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{ResellerOfRecord, text, write_record};

/// The header, in order.
pub const COLUMNS: [&str; 50] = [
    "PartnerId",
    "PartnerName",
    "CustomerId",
    "CustomerName",
    "CustomerDomainName",
    "CustomerCountry",
    "MpnId",
    "Tier2MpnId",
    "InvoiceNumber",
    "ProductId",
    "SkuId",
    "AvailabilityId",
    "SkuName",
    "ProductName",
    "PublisherName",
    "PublisherId",
    "SubscriptionDescription",
    "SubscriptionId",
    "ChargeStartDate",
    "ChargeEndDate",
    "UsageDate",
    "MeterType",
    "MeterCategory",
    "MeterId",
    "MeterSubCategory",
    "MeterName",
    "MeterRegion",
    "Unit",
    "ResourceLocation",
    "ConsumedService",
    "ResourceGroup",
    "ResourceURI",
    "ChargeType",
    "UnitPrice",
    "Quantity",
    "UnitType",
    "BillingPreTaxTotal",
    "BillingCurrency",
    "PricingPreTaxTotal",
    "PricingCurrency",
    "ServiceInfo1",
    "ServiceInfo2",
    "Tags",
    "AdditionalInfo",
    "EffectiveUnitPrice",
    "PCToBCExchangeRate",
    "PCToBCExchangeRateDate",
    "EntitlementId",
    "EntitlementDescription",
    "PartnerEarnedCreditPercentage",
];

/// A day's usage of a meter. Texts may be empty; amounts are written as they are, rounding is the rating's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the column of its name")]
pub struct UsageRow {
    pub partner_id: String,
    pub partner_name: String,
    pub customer_id: String,
    pub customer_name: String,
    pub customer_domain_name: String,
    pub customer_country: String,
    pub mpn_id: String,
    /// Written as `Tier2MpnId`.
    pub reseller: ResellerOfRecord,
    /// Empty while unbilled.
    pub invoice_number: String,
    pub product_id: String,
    pub sku_id: String,
    pub availability_id: String,
    pub sku_name: String,
    pub product_name: String,
    pub publisher_name: String,
    pub publisher_id: String,
    pub subscription_description: String,
    pub subscription_id: String,
    /// Late usage keeps the days of the earlier cycle (L10042).
    pub charge_start: NaiveDate,
    /// The last day, included.
    pub charge_end: NaiveDate,
    pub usage_date: NaiveDate,
    pub meter_type: String,
    pub meter_category: String,
    pub meter_id: String,
    pub meter_sub_category: String,
    pub meter_name: String,
    pub meter_region: String,
    pub unit: String,
    pub resource_location: String,
    pub consumed_service: String,
    pub resource_group: String,
    pub resource_uri: String,
    pub charge_type: String,
    pub unit_price: Decimal,
    pub quantity: Decimal,
    pub unit_type: String,
    pub billing_pre_tax_total: Decimal,
    pub billing_currency: String,
    pub pricing_pre_tax_total: Decimal,
    pub pricing_currency: String,
    pub service_info1: String,
    pub service_info2: String,
    pub tags: String,
    pub additional_info: String,
    pub effective_unit_price: Decimal,
    pub exchange_rate: Decimal,
    pub exchange_rate_date: NaiveDate,
    pub entitlement_id: String,
    pub entitlement_description: String,
    /// 0 or 15 (billing-details.md C36).
    pub partner_earned_credit_percentage: Decimal,
}

/// Appends the header.
pub fn write_header(out: &mut Vec<u8>) {
    write_record(out, COLUMNS);
}

impl UsageRow {
    /// Appends the row.
    pub fn write(&self, out: &mut Vec<u8>) {
        let reseller = match &self.reseller {
            ResellerOfRecord::OwnSale | ResellerOfRecord::WithoutId => &self.mpn_id,
            ResellerOfRecord::Reseller(id) => id,
            ResellerOfRecord::Removed => "-1",
        };
        let cells: [&str; 50] = [
            &self.partner_id,
            &self.partner_name,
            &self.customer_id,
            &self.customer_name,
            &self.customer_domain_name,
            &self.customer_country,
            &self.mpn_id,
            reseller,
            &self.invoice_number,
            &self.product_id,
            &self.sku_id,
            &self.availability_id,
            &self.sku_name,
            &self.product_name,
            &self.publisher_name,
            &self.publisher_id,
            &self.subscription_description,
            &self.subscription_id,
            &text::first_day(self.charge_start),
            &text::last_day(self.charge_end),
            &text::date(self.usage_date),
            &self.meter_type,
            &self.meter_category,
            &self.meter_id,
            &self.meter_sub_category,
            &self.meter_name,
            &self.meter_region,
            &self.unit,
            &self.resource_location,
            &self.consumed_service,
            &self.resource_group,
            &self.resource_uri,
            &self.charge_type,
            &self.unit_price.to_string(),
            &self.quantity.to_string(),
            &self.unit_type,
            &self.billing_pre_tax_total.to_string(),
            &self.billing_currency,
            &self.pricing_pre_tax_total.to_string(),
            &self.pricing_currency,
            &self.service_info1,
            &self.service_info2,
            &self.tags,
            &self.additional_info,
            &self.effective_unit_price.to_string(),
            &self.exchange_rate.to_string(),
            &text::date(self.exchange_rate_date),
            &self.entitlement_id,
            &self.entitlement_description,
            &self.partner_earned_credit_percentage.to_string(),
        ];
        write_record(out, cells);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_price_page() {
        let at = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
        // AS, AT, AU, AV, AW, AX (billing-details.md section 3.2).
        let names = [
            "EffectiveUnitPrice",
            "PCToBCExchangeRate",
            "PCToBCExchangeRateDate",
            "EntitlementId",
            "EntitlementDescription",
        ];
        assert_eq!(names.map(at), [44, 45, 46, 47, 48]);
        assert_eq!(at("PartnerEarnedCreditPercentage"), 49);
    }

    #[test]
    fn every_value_stands_under_its_header() {
        let row = UsageRow {
            mpn_id: "4390934".into(),
            reseller: ResellerOfRecord::Removed,
            charge_start: "2019-10-01".parse().unwrap(),
            charge_end: "2019-10-31".parse().unwrap(),
            usage_date: "2019-10-09".parse().unwrap(),
            tags: "{\"env\": \"prod\", \"a\": \"b\"}".into(),
            resource_uri: "/subscriptions/1".into(),
            effective_unit_price: "0.016875".parse().unwrap(),
            exchange_rate: "0.913951469".parse().unwrap(),
            exchange_rate_date: "2019-10-01".parse().unwrap(),
            partner_earned_credit_percentage: Decimal::from(15),
            ..UsageRow::default()
        };
        let mut out = Vec::new();
        write_header(&mut out);
        row.write(&mut out);
        let mut reader = csv::Reader::from_reader(out.as_slice());
        let header = reader.headers().unwrap().clone();
        let record = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| record.get(header.iter().position(|h| h == name).unwrap()).unwrap();
        assert_eq!(record.len(), 50);
        assert_eq!((cell("MpnId"), cell("Tier2MpnId")), ("4390934", "-1"));
        assert_eq!((cell("ChargeStartDate"), cell("ChargeEndDate")), ("10/1/2019 0:00", "10/31/2019 23:59"));
        assert_eq!((cell("UsageDate"), cell("ResourceURI")), ("10/9/2019", "/subscriptions/1"));
        assert_eq!(cell("Tags"), "{\"env\": \"prod\", \"a\": \"b\"}");
        assert_eq!((cell("EffectiveUnitPrice"), cell("PCToBCExchangeRate")), ("0.016875", "0.913951469"));
        assert_eq!((cell("PCToBCExchangeRateDate"), cell("PartnerEarnedCreditPercentage")), ("10/1/2019", "15"));
    }
}
