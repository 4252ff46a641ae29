//! The columns of each list; those of payments and what follows them are in `receivables`.

use crate::client::output::Column;

pub(super) const CUSTOMERS: &[Column] = &[
    Column::text("CUSTOMER", "customer_id"),
    Column::text("COMPANY", "company_name"),
    Column::text("DOMAIN", "domain_name"),
    Column::text("COUNTRY", "address.country"),
    Column::number("SUBSCRIPTIONS", "subscription_count"),
    Column::number("VERSION", "version"),
    Column::text("CREATED", "created_on"),
];
pub(super) const SUBSCRIPTIONS: &[Column] = &[
    Column::text("SUBSCRIPTION", "subscription_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("OFFER", "offer_id"),
    Column::text("NAME", "offer_name"),
    Column::text("STATE", "state"),
    Column::number("SEATS", "quantity"),
    Column::text("BILLING", "billing_frequency"),
    Column::text("START", "start"),
    Column::text("TERM END", "term_end"),
    Column::switch("RENEWS", "auto_renew"),
];
pub(super) const PARTNERS: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("NAME", "name"),
    Column::text("KIND", "kind"),
    Column::text("COUNTRY", "country"),
    Column::text("CURRENCY", "currency"),
    Column::number("BILLING DAY", "billing_day"),
    Column::text("REGISTERED", "registered_on"),
    Column::text("STANDING", "standing"),
    Column::number("VERSION", "version"),
];
pub(super) const OFFERS: &[Column] = &[
    Column::text("OFFER", "offer.offer_id"),
    Column::text("NAME", "offer.display_name"),
    Column::text("FAMILY", "offer.product_family"),
    Column::text("KIND", "offer.kind"),
    Column::number("MONTHS", "offer.term_months"),
    Column::text("BILLING", "offer.billing_frequencies"),
    Column::text("PRORATION", "offer.proration_rule"),
    Column::text("MARKETS", "offer.markets"),
    Column::text("END OF SALE", "offer.end_of_sale"),
];
/// The prices of one offer.
pub(crate) const PRICES: &[Column] = &[
    Column::text("PRICE LIST", "price_list_id"),
    Column::text("CURRENCY", "currency"),
    Column::text("FROM", "row.valid_from"),
    Column::text("TO", "row.valid_to"),
    Column::text("COMPONENT", "row.component"),
    Column::text("UNIT", "row.purchase_unit"),
    Column::amount("LIST PRICE", "row.list_price"),
    Column::amount("ERP PRICE", "row.erp_price"),
];
pub(super) const TAX_RATES: &[Column] = &[
    Column::text("COUNTRY", "country"),
    Column::text("REGION", "region"),
    Column::text("TAX", "tax"),
    Column::text("SCOPE", "scope"),
    Column::amount("PERCENT", "rate_percent"),
    Column::text("TREATMENT", "treatment"),
    Column::text("FROM", "valid_from"),
    Column::text("TO", "valid_to"),
];
pub(super) const BALANCES: &[Column] = &[
    Column::text("PARTNER", "partner_id"),
    Column::text("CURRENCY", "currency"),
    Column::text("ACCOUNT", "account"),
    Column::amount("BALANCE", "amount"),
    Column::amount("DEBITS", "debits"),
    Column::amount("CREDITS", "credits"),
    Column::number("ENTRIES", "entry_count"),
];
pub(super) const ENTRIES: &[Column] = &[
    Column::text("POSITION", "position"),
    Column::text("BOOKED", "booked_on"),
    Column::text("PARTNER", "partner_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("CURRENCY", "currency"),
    Column::text("ACCOUNT", "account"),
    Column::amount("DEBIT", "debit"),
    Column::amount("CREDIT", "credit"),
    Column::text("REFERENCE", "reference"),
];
/// Charge lines, unbilled or of one invoice.
pub(crate) const CHARGES: &[Column] = &[
    Column::text("CHARGED", "charged_on"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("SUBSCRIPTION", "subscription_id"),
    Column::text("OFFER", "offer_name"),
    Column::text("TYPE", "charge_type"),
    Column::text("FROM", "charge_start"),
    Column::text("TO", "charge_end"),
    Column::amount("UNIT PRICE", "unit_price"),
    Column::number("SEATS", "quantity"),
    Column::amount("AMOUNT", "amount"),
    Column::text("CURRENCY", "currency"),
    Column::text("INVOICE", "invoice_number"),
];
pub(super) const INVOICES: &[Column] = &[
    Column::text("INVOICE", "invoice_number"),
    Column::text("PARTNER", "partner_id"),
    Column::text("FAMILY", "family"),
    Column::text("DATE", "invoice_date"),
    Column::text("FROM", "period_start"),
    Column::text("TO", "period_end"),
    Column::number("LINES", "line_count"),
    Column::amount("TOTAL", "total"),
    Column::text("CURRENCY", "currency"),
    Column::text("DUE", "due_date"),
    Column::amount("PAID", "paid"),
    Column::amount("UNPAID", "due"),
    Column::text("STATE", "state"),
];
pub(super) const TRANSFERS: &[Column] = &[
    Column::text("TRANSFER", "transfer_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("FROM", "source_partner_id"),
    Column::text("TO", "target_partner_id"),
    Column::text("STATE", "state"),
    Column::text("STEP", "step"),
    Column::text("REQUESTED", "requested_on"),
    Column::text("EXPIRES", "expires_on"),
    Column::text("LINES", "lines"),
];
pub(super) const ORDERS: &[Column] = &[
    Column::text("ORDER", "order_id"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("PARTNER", "partner_id"),
    Column::text("PLACED", "placed_at"),
    Column::text("BY", "principal"),
    Column::switch("BY CUSTOMER", "by_customer"),
    Column::text("SUBSCRIPTIONS", "subscription_ids"),
];
pub(super) const LICENSE_GROUPS: &[Column] = &[
    Column::text("GROUP", "group_id"),
    Column::text("NAME", "display_name"),
    Column::text("LICENSES", "subscription_ids"),
];
pub(super) const PROMOTIONS: &[Column] = &[
    Column::text("PROMOTION", "promotion_id"),
    Column::text("NAME", "display_name"),
    Column::amount("PERCENT", "percent"),
    Column::text("FROM", "first_day"),
    Column::text("TO", "last_day"),
    Column::text("MARKETS", "markets"),
    Column::number("MONTHS", "months"),
    Column::text("OFFERS", "offer_ids"),
];
pub(super) const TRIALS: &[Column] = &[
    Column::text("TRIAL", "offer_id"),
    Column::text("OF", "paid_offer_id"),
    Column::number("DAYS", "days"),
    Column::number("SEATS", "quantity"),
    Column::text("BECOMES", "convert_to_offer_ids"),
];
pub(super) const ACTIVITIES: &[Column] = &[
    Column::text("POSITION", "position"),
    Column::text("CUSTOMER", "customer_id"),
    Column::text("EFFECTIVE", "effective_at"),
    Column::text("RECORDED", "recorded_at"),
    Column::text("ACTION", "action"),
    Column::text("SUBJECT", "subject"),
    Column::text("BY", "principal"),
    Column::text("CHANNEL", "channel"),
    Column::text("COMMAND", "command_id"),
    Column::text("DETAIL", "detail"),
];
pub(super) const USERS: &[Column] = &[
    Column::text("USER", "user_id"),
    Column::text("NAME", "display_name"),
    Column::text("EMAIL", "email"),
    Column::text("RESTORABLE UNTIL", "restorable_until"),
    Column::text("LICENSES", "subscription_ids"),
];
pub(super) const LISTED_PRICES: &[Column] = &[
    Column::text("OFFER", "offer_id"),
    Column::text("NAME", "offer_name"),
    Column::text("COMPONENT", "component"),
    Column::text("FLAG", "change_flag"),
    Column::amount("LIST PRICE", "list_price"),
    Column::amount("BEFORE", "previous_price"),
    Column::text("PRICE LIST", "price_list_id"),
];
pub(super) const INCENTIVES: &[Column] = &[
    Column::text("MONTH", "month"),
    Column::text("PARTNER", "partner_id"),
    Column::text("RESELLER", "reseller_id"),
    Column::text("OFFER", "offer_id"),
    Column::text("CURRENCY", "currency"),
    Column::amount("NET REVENUE", "net_revenue"),
    Column::number("NET SEATS", "net_seats"),
    Column::number("CHARGES", "charge_count"),
];
