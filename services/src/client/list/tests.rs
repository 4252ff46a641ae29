//! What lists accept and show.

use subledger_proto::POOL;

use super::*;

#[test]
fn a_filter_that_the_list_lacks_is_named() {
    let filter = Filter { month: Some("2018-01".into()), ..Filter::default() };
    let Err(Failure::Usage(text)) = filter.check(Kind::Customers) else { panic!("accepted") };
    assert_eq!(text, "--month does not filter customers; --partner, --prefix, --as-of, --recorded-by does");
    assert!(filter.check(Kind::Incentives).is_ok());
}

#[test]
fn every_column_is_a_field_of_its_message() {
    let lists = [
        (CUSTOMERS, "Customer"),
        (SUBSCRIPTIONS, "Subscription"),
        (PARTNERS, "Partner"),
        (partners::LOCATIONS, "Location"),
        (partners::PARTNERSHIPS, "Partnership"),
        (partners::MEMBERSHIPS, "Membership"),
        (partners::MERGES, "Merge"),
        (partners::AGREEMENTS, "PartnerAgreement"),
        (OFFERS, "Offer"),
        (PRICES, "Price"),
        (BALANCES, "Balance"),
        (ENTRIES, "Entry"),
        (CHARGES, "Charge"),
        (INVOICES, "Invoice"),
        (receivables::PAYMENTS, "Payment"),
        (receivables::CREDIT_NOTES, "CreditNote"),
        (receivables::WITHHOLDINGS, "WithholdingRequest"),
        (receivables::CLAIMS, "SlaClaim"),
        (receivables::AGEING, "Ageing"),
        (receivables::STATEMENT, "StatementLine"),
        (TRANSFERS, "Transfer"),
        (ACTIVITIES, "Activity"),
        (INCENTIVES, "IncentiveBase"),
        (usage::USAGE, "UsageLine"),
        (usage::SPENDING, "Spending"),
        (usage::EARNED_CREDIT, "EarnedCredit"),
        (usage::EARNED_CREDIT_TOTALS, "EarnedCreditTotal"),
        (usage::EARNED_CREDIT_DISPUTES, "EarnedCreditDispute"),
        (claims::ASSOCIATIONS, "Association"),
        (claims::ASSOCIATION_CREDITS, "AssociationCredit"),
        (claims::COOP_ACTIVITIES, "CoopActivity"),
        (claims::COOP_FUNDS, "CoopFund"),
        (claims::COOP_CLAIMS, "CoopClaim"),
        (CLAIM_HISTORY, "ClaimHistoryEntry"),
        (programs::ENROLLMENTS, "Enrollment"),
        (programs::PERIODS, "EarningPeriod"),
        (programs::EARNINGS, "Earning"),
        (programs::PAYMENTS, "IncentivePayment"),
        (programs::DISPUTES, "EarningDispute"),
        (USERS, "User"),
        (ORDERS, "Order"),
        (LICENSE_GROUPS, "LicenseGroup"),
        (access::ROLES, "RoleAssignment"),
        (access::RECORDS, "AccessRecord"),
        (access::SECOND_FACTORS, "SecondFactors"),
        (LISTED_PRICES, "ListedPrice"),
        (super::super::search::HITS, "CustomerHit"),
    ];
    for (columns, name) in lists {
        for column in columns {
            let head = column.name();
            assert!(head.bytes().all(|byte| byte == b' ' || byte.is_ascii_uppercase()), "{head} is no head of a table");
            let mut message = POOL.get_message_by_name(&format!("subledger.v1.{name}"));
            for part in column.path().split('.') {
                let field = message.and_then(|message| message.get_field_by_name(part));
                let field = field.unwrap_or_else(|| panic!("{name} has no {}", column.path()));
                message = field.kind().as_message().cloned();
            }
        }
    }
}
