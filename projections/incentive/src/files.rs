//! The two documented exports (billing-details.md 3.7, 3.8), row by row. Texts and numbers as the pages have them; who writes a file quotes
//! them by RFC 4180.

use rust_decimal::Decimal;

use crate::{EarningLine, IncentivePayment};

/// What an id of a location is called (L9486).
const PARTICIPANT_TYPE: &str = "MPN";

/// The 16 columns of the payment export (L9485-9500).
pub const PAYMENT_COLUMNS: [&str; 16] = [
    "participantID",
    "participantIDType",
    "participantName",
    "programName",
    "earned",
    "earnedUSD",
    "withheldTax",
    "salesTax",
    "serviceFeeTax",
    "totalPayment",
    "currencyCode",
    "paymentMethod",
    "paymentID",
    "paymentStatus",
    "paymentStatusDescription",
    "paymentDate",
];

/// The 26 columns of the transaction export (L9507-9534), and the 15 that programs may have (L9539-9553).
pub const TRANSACTION_COLUMNS: [&str; 41] = [
    "earningId",
    "participantID",
    "participantIDType",
    "participantName",
    "partnerCountryCode",
    "programName",
    "transactionCurrency",
    "transactionDate",
    "transactionExchangeRate",
    "transactionAmount",
    "transactionAmountUSD",
    "transactionCountryCode",
    "lever",
    "earningRate",
    "quantity",
    "earningType",
    "earningAmount",
    "earningAmountUSD",
    "earningDate",
    "earningExchangeRate",
    "exchangeRateDate",
    "paymentId",
    "paymentStatus",
    "paymentStatusDescription",
    "customerId",
    "customerName",
    "partNumber",
    "productName",
    "invoiceNumber",
    "subscriptionId",
    "subscriptionStartDate",
    "subscriptionEndDate",
    "offerId",
    "resellerId",
    "resellerName",
    "distributorId",
    "distributorName",
    "agreementNumber",
    "agreementStartDate",
    "agreementEndDate",
    "workload",
];

/// A row of the payment export.
pub fn payment_row(payment: &IncentivePayment) -> [String; 16] {
    let (e, amounts) = (&payment.event, &payment.event.amounts);
    [
        e.mpn_id.clone(),
        PARTICIPANT_TYPE.to_owned(),
        payment.partner_name.clone(),
        payment.program_name.clone(),
        amounts.earned.to_string(),
        amounts.earned_usd.to_string(),
        amounts.withheld_tax.to_string(),
        amounts.sales_tax.to_string(),
        amounts.service_fee_tax.to_string(),
        amounts.total.to_string(),
        amounts.currency.to_string(),
        e.method.label().to_owned(),
        e.payment_id.to_string(),
        payment.status.label().to_owned(),
        payment.status.description().to_owned(),
        payment.sent_on.map(|day| day.to_string()).unwrap_or_default(),
    ]
}

/// A row of the transaction export. An adjustment has no product and no customer (L9448); agreements and workloads are no part of a
/// charge line, and empty.
pub fn transaction_row(line: &EarningLine) -> [String; 41] {
    let e = &line.earning;
    let plain = |number: Decimal| number.normalize().to_string();
    let shown = e.source.as_ref().filter(|_| !e.kind.is_adjustment());
    let of = |text: Option<String>| text.unwrap_or_default();
    let distributor = line.distributor.as_ref();
    [
        e.earning_id.clone(),
        e.mpn_id.clone(),
        PARTICIPANT_TYPE.to_owned(),
        line.partner_name.clone(),
        line.partner_country.clone(),
        line.program_name.clone(),
        e.currency.to_string(),
        e.transaction_date.to_string(),
        plain(e.transaction_rate),
        e.transaction_amount.to_string(),
        e.transaction_usd.to_string(),
        line.customer_country.clone(),
        e.lever.clone(),
        plain(e.rate),
        plain(e.quantity),
        e.earning_type.label().to_owned(),
        e.amount.to_string(),
        e.amount_usd.to_string(),
        e.earned_on.to_string(),
        plain(e.earning_rate),
        e.earned_on.to_string(),
        of(line.payment_id.as_ref().map(ToString::to_string)),
        line.status.label().to_owned(),
        line.status.description().to_owned(),
        of(shown.map(|source| source.customer_id.to_string())),
        line.customer_name.clone(),
        of(shown.and_then(|source| source.sku.clone())),
        of(shown.map(|source| source.offer_name.clone())),
        of(line.invoice_number.as_ref().map(ToString::to_string)),
        of(shown.map(|source| source.subscription_id.to_string())),
        of(line.subscription_start.map(|day| day.to_string())),
        of(line.subscription_end.map(|day| day.to_string())),
        of(shown.map(|source| source.offer_id.to_string())),
        of(shown.and_then(|source| source.reseller_id.as_ref()).map(ToString::to_string)),
        line.reseller_name.clone(),
        of(distributor.map(|(id, _)| id.to_string())),
        of(distributor.map(|(_, name)| name.clone())),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]
}
