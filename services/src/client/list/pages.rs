//! The pages of each list.

use chrono::NaiveDate;
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{
        ListAccessRecordsRequest, ListActivitiesRequest, ListAgeingRequest, ListAssociationCreditsRequest,
        ListAssociationsRequest, ListBalancesRequest, ListChargesRequest, ListCoopActivitiesRequest,
        ListCoopClaimsRequest, ListCoopFundsRequest, ListCreditNotesRequest, ListCustomersRequest,
        ListEarnedCreditDisputesRequest, ListEarnedCreditRequest, ListEarnedCreditTotalsRequest,
        ListEarningDisputesRequest, ListEarningPeriodsRequest, ListEarningsRequest, ListEnrollmentsRequest,
        ListEntriesRequest, ListIncentiveBasesRequest, ListIncentivePaymentsRequest, ListIncentiveProgramsRequest,
        ListInvoicesRequest, ListLicenseGroupsRequest, ListLocationsRequest, ListMembershipsRequest, ListMergesRequest,
        ListOffersRequest, ListOrdersRequest, ListPartnerAgreementsRequest, ListPartnersRequest,
        ListPartnershipsRequest, ListPaymentsRequest, ListPricesRequest, ListPromotionsRequest, ListRolesRequest,
        ListSecondFactorsRequest, ListSlaClaimsRequest, ListSpendingRequest, ListStatementRequest,
        ListSubscriptionsRequest, ListTaxRatesRequest, ListTransfersRequest, ListTrialsRequest, ListUsageRequest,
        ListUsersRequest, ListWithholdingRequestsRequest,
    },
    common::AccessOutcome,
};

use super::{Filter, Kind, choice};
use crate::client::{Failure, connect::Connection};

/// Rows of one page: the most that the API gives at once.
pub(super) const PAGE_ROWS: usize = 1000;

/// Every row of a list, as the canonical JSON of its messages.
pub(crate) async fn all(to: &Connection, kind: Kind, filter: &Filter) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (rows, next) = page(to, kind, filter, PAGE_ROWS, token).await?;
        all.extend(rows);
        token = next;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// One page and the token of the next; empty after the last.
pub(super) async fn page(
    to: &Connection,
    kind: Kind,
    filter: &Filter,
    rows: usize,
    page_token: String,
) -> Result<(Vec<Value>, String), Failure> {
    let page_size = i32::try_from(rows).unwrap_or(i32::MAX);
    let f = filter.clone();
    let text = Option::unwrap_or_default;
    let (partner_id, customer_id, min_position) = (text(f.partner), text(f.customer), f.min_position);
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let (from_date, to_date) = (day(f.from), day(f.to));
    let (currency, account) = (text(f.currency), text(f.account));
    let published = kind.filters().contains(&"as-of") && !kind.filters().contains(&"recorded-by");
    let as_of_date = if published { day(f.look_back.published_by()?) } else { String::new() };
    let as_of = f.look_back.to_wire()?;
    macro_rules! page {
        ($client:ident.$call:ident($request:ident { $($field:ident $(: $value:expr)?),* }).$rows:ident as $message:literal) => {{
            let request = $request { $($field $(: $value)?,)* page_size, page_token, min_position };
            let answer = to.$client().$call(request).await?.into_inner();
            let rows: Result<Vec<_>, _> = answer.$rows.iter().map(|row| to_json(concat!("subledger.v1.", $message), row)).collect();
            Ok((rows?, answer.next_page_token))
        }};
    }
    match kind {
        Kind::Customers => {
            page!(customers.list_customers(ListCustomersRequest { partner_id, prefix: text(f.prefix), as_of })
            .customers as "Customer")
        }
        Kind::Subscriptions => page!(customers.list_subscriptions(ListSubscriptionsRequest {
            customer_id, partner_id, state: text(f.state), as_of }).subscriptions as "Subscription"),
        Kind::Offers => page!(catalog.list_offers(ListOffersRequest {
            as_of_date, country: text(f.country), segment: choice::segment(f.segment)?,
            product_family: choice::family(f.family)?, kind: choice::offer_kind(f.offer_kind)?,
            on_sale_on: day(f.on), text: text(f.text) }).offers as "Offer"),
        Kind::Promotions => {
            let (offer_id, on, country) = (text(f.offer), day(f.on), text(f.country));
            let request =
                ListPromotionsRequest { page_size, page_token, min_position, as_of_date, offer_id, on, country };
            let answer = to.catalog().list_promotions(request).await?.into_inner();
            let known = answer.promotions.iter().map(|row| to_json("subledger.common.v1.Promotion", row));
            Ok((known.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Trials => {
            let request = ListTrialsRequest { page_size, page_token, min_position, as_of_date };
            let answer = to.catalog().list_trials(request).await?.into_inner();
            let known = answer.trials.iter().map(|row| to_json("subledger.common.v1.TrialTerms", row));
            Ok((known.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Partners => {
            page!(catalog.list_partners(ListPartnersRequest { as_of_date, partner_ids: Vec::new() }).partners as "Partner")
        }
        Kind::Locations => page!(catalog.list_locations(ListLocationsRequest { partner_id, as_of_date })
            .locations as "Location"),
        Kind::Partnerships => page!(catalog.list_partnerships(ListPartnershipsRequest { partner_id, as_of_date })
            .partnerships as "Partnership"),
        Kind::Memberships => page!(catalog.list_memberships(ListMembershipsRequest { partner_id, as_of_date })
            .memberships as "Membership"),
        Kind::Merges => page!(catalog.list_merges(ListMergesRequest { partner_id, as_of_date }).merges as "Merge"),
        Kind::PartnerAgreements => page!(catalog.list_partner_agreements(ListPartnerAgreementsRequest {
            partner_id, as_of_date }).agreements as "PartnerAgreement"),
        Kind::TaxRates => {
            let request = ListTaxRatesRequest { country: String::new(), page_size, page_token, min_position };
            let answer = to.catalog().list_tax_rates(request).await?.into_inner();
            let rates = answer.rates.iter().map(|row| to_json("subledger.common.v1.TaxRateRow", row));
            Ok((rates.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Balances => page!(billing.list_balances(ListBalancesRequest { partner_id, currency, account, as_of })
            .balances as "Balance"),
        Kind::Entries => page!(billing.list_entries(ListEntriesRequest { partner_id, currency, account, as_of })
            .entries as "Entry"),
        Kind::Charges => page!(billing.list_charges(ListChargesRequest {
            partner_id, customer_id, subscription_id: text(f.subscription), unbilled: f.unbilled, as_of }).charges as "Charge"),
        Kind::Invoices => page!(billing.list_invoices(ListInvoicesRequest { partner_id, as_of }).invoices as "Invoice"),
        Kind::Payments => page!(billing.list_payments(ListPaymentsRequest {
            partner_id, currency, unallocated: f.unallocated, as_of }).payments as "Payment"),
        Kind::CreditNotes => page!(billing.list_credit_notes(ListCreditNotesRequest { partner_id, as_of })
            .credit_notes as "CreditNote"),
        Kind::Withholdings => page!(billing.list_withholding_requests(ListWithholdingRequestsRequest { partner_id })
            .requests as "WithholdingRequest"),
        Kind::Claims => page!(billing.list_sla_claims(ListSlaClaimsRequest { partner_id }).claims as "SlaClaim"),
        Kind::Ageing => page!(billing.list_ageing(ListAgeingRequest { partner_id, as_of })
            .ageing as "Ageing"),
        Kind::Statement => page!(billing.list_statement(ListStatementRequest {
            partner_id, currency, from: from_date, until: to_date }).lines as "StatementLine"),
        Kind::Transfers => page!(customers.list_transfers(ListTransfersRequest {
            customer_id, partner_id, state: text(f.state), as_of }).transfers as "Transfer"),
        Kind::Orders => page!(customers.list_orders(ListOrdersRequest { customer_id, partner_id, from_date, to_date })
            .orders as "Order"),
        Kind::Activities => page!(customers.list_activities(ListActivitiesRequest {
            customer_id, partner_id, from_date, to_date }).activities as "Activity"),
        Kind::Users => page!(customers.list_users(ListUsersRequest { customer_id, as_of }).users as "User"),
        Kind::LicenseGroups => page!(customers.list_license_groups(ListLicenseGroupsRequest { customer_id })
            .groups as "LicenseGroup"),
        Kind::Prices => page!(catalog.list_prices(ListPricesRequest {
            currency, on: day(f.on), since: day(f.since), as_of_date }).prices as "ListedPrice"),
        Kind::Incentives => page!(incentives.list_incentive_bases(ListIncentiveBasesRequest {
            partner_id, month: text(f.month), as_of }).bases as "IncentiveBase"),
        Kind::Usage => page!(billing.list_usage(ListUsageRequest {
            partner_id, customer_id, month: text(f.month), unbilled: f.unbilled, as_of }).usage as "UsageLine"),
        Kind::Spending => page!(billing.list_spending(ListSpendingRequest {
            partner_id, customer_id, month: text(f.month) }).spending as "Spending"),
        Kind::EarnedCredit => page!(incentives.list_earned_credit(ListEarnedCreditRequest {
            partner_id, customer_id, month: text(f.month), as_of }).credits as "EarnedCredit"),
        Kind::EarnedCreditTotals => page!(incentives.list_earned_credit_totals(ListEarnedCreditTotalsRequest {
            partner_id, month: text(f.month), as_of }).totals as "EarnedCreditTotal"),
        Kind::EarnedCreditDisputes => page!(incentives.list_earned_credit_disputes(ListEarnedCreditDisputesRequest {
            partner_id, customer_id, as_of }).disputes as "EarnedCreditDispute"),
        Kind::Associations => page!(claims.list_associations(ListAssociationsRequest {
            partner_id, customer_id, program: text(f.program), location_mpn_id: text(f.location), state: text(f.state),
            from: from_date, to: to_date, as_of }).associations as "Association"),
        Kind::AssociationCredits => {
            page!(claims.list_association_credits(ListAssociationCreditsRequest { customer_id })
            .credits as "AssociationCredit")
        }
        Kind::CoopActivities => {
            let request = ListCoopActivitiesRequest { program: text(f.program) };
            let answer = to.claims().list_coop_activities(request).await?.into_inner();
            let rows = answer.activities.iter().map(|row| to_json("subledger.v1.CoopActivity", row));
            Ok((rows.collect::<Result<_, _>>()?, String::new()))
        }
        Kind::CoopFunds => page!(claims.list_coop_funds(ListCoopFundsRequest {
            partner_id, program: text(f.program), usage_period_id: text(f.period), location_mpn_id: text(f.location),
            on: day(f.on) }).funds as "CoopFund"),
        Kind::CoopClaims => page!(claims.list_coop_claims(ListCoopClaimsRequest {
            partner_id, program: text(f.program), usage_period_id: text(f.period), location_mpn_id: text(f.location),
            state: text(f.state), activity: String::new() }).claims as "CoopClaim"),
        Kind::IncentivePrograms => {
            let request = ListIncentiveProgramsRequest { page_size, page_token, min_position };
            let answer = to.incentives().list_incentive_programs(request).await?.into_inner();
            let programs = answer.programs.iter().map(|row| to_json("subledger.common.v1.IncentiveProgram", row));
            Ok((programs.collect::<Result<_, _>>()?, answer.next_page_token))
        }
        Kind::Enrollments => page!(incentives.list_enrollments(ListEnrollmentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), masked: false, as_of }).enrollments as "Enrollment"),
        Kind::EarningPeriods => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earning_periods(ListEarningPeriodsRequest {
                partner_id, program_id, mpn_id: String::new(), from_month: month.clone(), to_month: month, verify: false,
                as_of })
                .periods as "EarningPeriod")
        }
        Kind::Earnings => {
            let (program_id, month) = (text(f.program), text(f.month));
            page!(incentives.list_earnings(ListEarningsRequest {
                partner_id, program_id, mpn_id: String::new(), customer_id, payment_id: text(f.payment),
                from_month: month.clone(), to_month: month, lever: String::new(), status: 0, as_of }).earnings as "Earning")
        }
        Kind::IncentivePayments => page!(incentives.list_incentive_payments(ListIncentivePaymentsRequest {
            partner_id, program_id: text(f.program), mpn_id: String::new(), payment_id: String::new(), status: 0, as_of })
            .payments as "IncentivePayment"),
        Kind::EarningDisputes => page!(incentives.list_earning_disputes(ListEarningDisputesRequest {
            partner_id, program_id: text(f.program), as_of }).disputes as "EarningDispute"),
        Kind::Roles => page!(access.list_roles(ListRolesRequest { partner_id, principal: text(f.principal) })
            .roles as "RoleAssignment"),
        Kind::Refusals | Kind::PrivilegedReads => {
            let refused = kind == Kind::Refusals;
            let outcome = if refused { AccessOutcome::Refused } else { AccessOutcome::Privileged } as i32;
            page!(access.list_access_records(ListAccessRecordsRequest { partner_id, principal: text(f.principal), outcome })
                .records as "AccessRecord")
        }
        Kind::SecondFactors => page!(access.list_second_factors(ListSecondFactorsRequest { partner_id })
            .statuses as "SecondFactors"),
    }
}
