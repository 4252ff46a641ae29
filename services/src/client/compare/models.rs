//! The read models to compare, and how their rows answer each list. The one place to add a projection or a list.

use serde_json::Value;
use subledger_billing::{self as billing, AccountFilter, BillingProjection, ChargeFilter, PaymentFilter, UsageFilter};
use subledger_customer::{CustomerProjection, query};
use subledger_fold::{
    Projection,
    as_of::Horizon,
    memory::Memory,
    page::{PAGE_SIZE_MAX, Page, PageRequest, QueryError},
};
use subledger_incentive::{
    self as incentive, AssociationFilter, BaseFilter, CoopFilter, CreditFilter, EarningFilter, IncentiveProjection,
    ProgramFilter, list_association_credits, list_associations, list_bases, list_coop_claims, list_coop_funds,
    list_earned_credit, list_earned_credit_totals,
};
use subledger_log::codec::to_json;

use super::Failure;
use crate::{
    api::{
        billing::{
            receivables::{to_claim, to_credit_note, to_payment, to_withholding},
            to_balance, to_charge, to_entry, to_invoice,
            usage::{to_spending, to_usage},
        },
        claims::{to_association, to_claim as to_coop_claim, to_credit, to_fund},
        customer::{to_customer, to_subscription, to_transfer},
        incentive::{
            programs::{to_dispute, to_earning, to_enrollment, to_payment as to_incentive_payment, to_period},
            to_base, to_credit_dispute, to_earned_credit, to_total,
        },
    },
    client::list::Kind,
};

/// A fold, and the lists that its rows answer.
pub(super) struct Model {
    pub(super) projection: Box<dyn Projection>,
    pub(super) lists: Vec<Answers>,
}

/// One list of the API: live, and out of replayed rows.
pub(super) struct Answers {
    pub(super) kind: Kind,
    /// Fields that name a row.
    pub(super) key: &'static [&'static str],
    /// The whole list out of replayed rows, in the form the API gives it.
    pub(super) replayed: fn(&Memory) -> Result<Vec<Value>, Failure>,
}

/// Every read model.
pub(super) fn all() -> Vec<Model> {
    vec![
        Model { projection: Box::new(CustomerProjection), lists: customer_lists() },
        Model { projection: Box::new(BillingProjection), lists: billing_lists() },
        Model { projection: Box::new(IncentiveProjection), lists: incentive_lists() },
    ]
}

/// All pages of a list, as the canonical JSON of the API's message.
macro_rules! every {
    ($message:literal, $wire:expr, $rows:ident, |$page:ident| $query:expr) => {
        |$rows| pages(|$page| $query, |item| to_json(concat!("subledger.v1.", $message), &($wire)(item)))
    };
}

fn customer_lists() -> Vec<Answers> {
    vec![
        Answers {
            kind: Kind::Customers,
            key: &["customer_id"],
            replayed: every!("Customer", to_customer, rows, |page| { query::list_customers(rows, None, "", page) }),
        },
        Answers {
            kind: Kind::Subscriptions,
            key: &["customer_id", "subscription_id"],
            replayed: every!("Subscription", to_subscription, rows, |page| {
                query::list_subscriptions(rows, query::SubscriptionFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Transfers,
            key: &["customer_id", "transfer_id"],
            replayed: every!("Transfer", to_transfer, rows, |page| {
                query::list_transfers(rows, query::TransferFilter::default(), page)
            }),
        },
    ]
}

fn billing_lists() -> Vec<Answers> {
    vec![
        Answers {
            kind: Kind::Balances,
            key: &["partner_id", "currency", "account"],
            replayed: every!("Balance", |balance| to_balance(&balance), rows, |page| {
                billing::list_balances(rows, &AccountFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Entries,
            key: &["position", "partner_id", "currency", "account", "reference", "debit", "credit"],
            replayed: every!("Entry", to_entry, rows, |page| {
                billing::list_entries(rows, &AccountFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Charges,
            key: &["line_id"],
            replayed: every!("Charge", to_charge, rows, |page| {
                billing::list_charges(rows, &ChargeFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Invoices,
            key: &["invoice_number"],
            replayed: every!("Invoice", to_invoice, rows, |page| billing::list_invoices(rows, None, page)),
        },
        Answers {
            kind: Kind::Payments,
            key: &["partner_id", "payment_id"],
            replayed: every!("Payment", to_payment, rows, |page| {
                billing::list_payments(rows, &PaymentFilter::default(), &Horizon::default(), page)
            }),
        },
        Answers {
            kind: Kind::CreditNotes,
            key: &["invoice_number"],
            replayed: every!("CreditNote", to_credit_note, rows, |page| {
                billing::list_credit_notes(rows, None, &Horizon::default(), page)
            }),
        },
        Answers {
            kind: Kind::Withholdings,
            key: &["partner_id", "request_id"],
            replayed: every!("WithholdingRequest", to_withholding, rows, |page| {
                billing::list_withholdings(rows, None, page)
            }),
        },
        Answers {
            kind: Kind::Claims,
            key: &["customer_id", "claim_id"],
            replayed: every!("SlaClaim", to_claim, rows, |page| billing::list_sla_claims(rows, None, page)),
        },
        Answers {
            kind: Kind::Usage,
            key: &[
                "partner_id",
                "customer_id",
                "subscription_id",
                "meter_id",
                "usage_date",
                "azure_subscription_id",
                "resource_group",
                "resource_uri",
                "unit_price",
                "credit_percent",
                "rated_on",
                "charge_on",
            ],
            replayed: every!("UsageLine", |line| to_usage(&line), rows, |page| {
                billing::list_usage(rows, &UsageFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Spending,
            key: &["partner_id", "month", "customer_id", "currency"],
            replayed: every!("Spending", |spending| to_spending(&spending), rows, |page| {
                billing::list_spending(rows, &UsageFilter::default(), page)
            }),
        },
    ]
}

fn incentive_lists() -> Vec<Answers> {
    vec![
        Answers {
            kind: Kind::Incentives,
            key: &["partner_id", "reseller_id", "month", "offer_id", "currency"],
            replayed: every!("IncentiveBase", |base| to_base(&base), rows, |page| list_bases(
                rows,
                &BaseFilter::default(),
                page
            )),
        },
        Answers {
            kind: Kind::EarnedCredit,
            key: &[
                "partner_id",
                "customer_id",
                "usage_date",
                "azure_subscription_id",
                "resource_group",
                "resource_uri",
                "meter_id",
            ],
            replayed: every!("EarnedCredit", |credit| to_earned_credit(&credit), rows, |page| list_earned_credit(
                rows,
                &CreditFilter::default(),
                page
            )),
        },
        Answers {
            kind: Kind::EarnedCreditTotals,
            key: &["partner_id", "month", "currency"],
            replayed: every!("EarnedCreditTotal", |total| to_total(&total), rows, |page| list_earned_credit_totals(
                rows,
                &CreditFilter::default(),
                page
            )),
        },
        Answers {
            kind: Kind::EarnedCreditDisputes,
            key: &["partner_id", "customer_id", "dispute_id"],
            replayed: every!("EarnedCreditDispute", |row| to_credit_dispute(&row), rows, |page| {
                incentive::list_earned_credit_disputes(rows, &CreditFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::Associations,
            key: &["customer_id", "association_id"],
            replayed: every!("Association", |row| to_association(&row), rows, |page| list_associations(
                rows,
                &AssociationFilter::default(),
                page
            )),
        },
        Answers {
            kind: Kind::AssociationCredits,
            key: &["customer_id", "subscription_id"],
            replayed: every!("AssociationCredit", |row| to_credit(&row), rows, |page| list_association_credits(
                rows, None, page
            )),
        },
        Answers {
            kind: Kind::CoopFunds,
            key: &["partner_id", "program", "usage_period_id", "location_mpn_id"],
            replayed: every!("CoopFund", |fund| to_fund(&fund), rows, |page| list_coop_funds(
                rows,
                &CoopFilter::default(),
                None,
                page
            )),
        },
        Answers {
            kind: Kind::CoopClaims,
            key: &["partner_id", "claim_id"],
            replayed: every!("CoopClaim", |claim| to_coop_claim(&claim), rows, |page| list_coop_claims(
                rows,
                &CoopFilter::default(),
                page
            )),
        },
        Answers {
            kind: Kind::Enrollments,
            key: &["partner_id", "program_id", "mpn_id"],
            replayed: every!("Enrollment", |view| to_enrollment(&view), rows, |page| {
                incentive::list_enrollments(rows, &ProgramFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::EarningPeriods,
            key: &["partner_id", "program_id", "mpn_id", "month"],
            replayed: every!("EarningPeriod", |period| to_period(&period), rows, |page| {
                incentive::list_earning_periods(rows, &ProgramFilter::default(), (None, None), false, page)
            }),
        },
        Answers {
            kind: Kind::Earnings,
            key: &["earning_id"],
            replayed: every!("Earning", |line| to_earning(&line), rows, |page| {
                incentive::list_earnings(rows, &EarningFilter::default(), page)
            }),
        },
        Answers {
            kind: Kind::IncentivePayments,
            key: &["partner_id", "payment_id"],
            replayed: every!("IncentivePayment", |payment| to_incentive_payment(&payment), rows, |page| {
                incentive::list_incentive_payments(rows, &ProgramFilter::default(), None, None, page)
            }),
        },
        Answers {
            kind: Kind::EarningDisputes,
            key: &["partner_id", "dispute_id"],
            replayed: every!("EarningDispute", |dispute| to_dispute(&dispute), rows, |page| {
                incentive::list_earning_disputes(rows, &ProgramFilter::default(), page)
            }),
        },
    ]
}

/// Reads page after page.
fn pages<T>(
    query: impl Fn(PageRequest<'_>) -> Result<Page<T>, QueryError>,
    json: impl Fn(T) -> Result<Value, subledger_log::codec::JsonError>,
) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = query(PageRequest { size: PAGE_SIZE_MAX, token: &token })
            .map_err(|error| Failure::Differs(format!("the replayed rows cannot be read: {error}")))?;
        for item in page.items {
            all.push(json(item)?);
        }
        match page.next {
            Some(next) => token = next,
            None => return Ok(all),
        }
    }
}
