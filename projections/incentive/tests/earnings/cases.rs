//! Worked cases.

use subledger_billing::{AccountFilter, list_balances};
use subledger_domain::{
    Command,
    charge::{InvoiceFamily, InvoiceTotals},
    command::*,
    coop::UsagePeriod,
    ids::{DisputeId, InvoiceNumber, PaymentId, UsagePeriodId},
    incentive::{EarningType, EnrollmentStatus, IncentiveProgram, Lever, PaymentStatus, ProgramEarner},
    partner::CreditNoteReason,
};
use subledger_incentive::{
    CoopFilter, Month, PAYMENT_COLUMNS, ProgramFilter, TRANSACTION_COLUMNS, Waiting, due_incentives, explain_earning,
    export_months, incentive_overview, list_coop_funds, list_earnings, list_incentive_payments, payment_row,
    transaction_row,
};

use super::ledger::*;

fn enrolled(program: IncentiveProgram) -> Ledger {
    let mut ledger = Ledger::new("US", "USD", program);
    ledger.rate("USD", "EUR", "2019-07-01", "0.9");
    ledger.enroll("contoso", "2019-11-01");
    ledger
}

/// The billing day is the 8th: what is charged later is on the invoice of the next month, and earns then.
#[test]
fn a_line_earns_in_the_month_of_its_invoice_net_of_discount() {
    let mut ledger = enrolled(program(vec![lever("core", "0.04")]));
    ledger.charge(0, &sale("before", "2019-10-31", "500.00"));
    ledger.charge(0, &Sale { discount: "20.00", ..sale("first", "2019-11-08", "1020.00") });
    ledger.charge(1, &sale("later", "2019-11-09", "10.13"));
    ledger.charge(1, &Sale { offer: "shared-services", ..sale("own", "2019-11-02", "900.00") });
    ledger.charge(1, &Sale { family: InvoiceFamily::OneTimeRecurring, ..sale("once", "2019-11-30", "33.33") });
    ledger.close("2019-11-29");
    assert_eq!(ledger.months(), [""; 0], "the month is not over");
    ledger.close("2019-12-31");
    assert_eq!(
        ledger.shown("2019-11"),
        ["first/1 transaction: 1000.00 USD x 0.04 = 40.00 (40.00)",],
        "not what was charged before the enrollment, and nothing of shared services"
    );
    assert_eq!(
        ledger.shown("2019-12"),
        ["later/1 transaction: 10.13 USD x 0.04 = 0.41 (0.41)", "once/1 transaction: 33.33 USD x 0.04 = 1.33 (1.33)",],
        "the invoice of November's one-time purchases is issued in December"
    );
    assert_eq!(ledger.months(), ["2019-11 40.00", "2019-12 1.74"]);
    assert_eq!(
        ledger.balances("USD"),
        ["incentive_cost 41.74", "incentive_payable -1.74", "incentive_exchange -40.00"]
    );
}

/// Azure page 3, item 27: invoiced on 2019-11-08, paid 45 days after 2019-11-30.
#[test]
fn it_is_paid_45_days_after_the_month_of_the_invoice() {
    let mut ledger = enrolled(program(vec![lever("core", "0.04")]));
    ledger.charge(0, &sale("first", "2019-11-08", "1000.00"));
    ledger.close("2019-12-30");
    let payments = list_incentive_payments(&ledger.rows, &ProgramFilter::default(), None, None, ALL).unwrap().items;
    let [payment] = payments.as_slice() else { panic!("{payments:#?}") };
    assert_eq!(payment.event.ordered_on, day("2019-12-30"));
    assert_eq!(payment.event.payment_on, day("2020-01-14"));
    let a = &payment.event.amounts;
    let shown = [a.earned_usd, a.earned, a.withheld_tax, a.sales_tax, a.total].map(|it| it.to_string());
    assert_eq!(shown, ["40.00", "36.00", "5.40", "6.84", "37.44"]);
    let status = |ledger: &mut Ledger, status| {
        let payment_id = PaymentId::new("contoso-I-EUR-000001").unwrap();
        let (partner_id, reason) = (partner_id("contoso"), "because".into());
        let move_ = SetIncentivePaymentStatus { partner_id, payment_id, status, reason, recoup_usd: None };
        ledger.run("2020-01-14", Command::SetIncentivePaymentStatus(move_)).unwrap();
    };
    assert_eq!(ledger.balances("EUR"), ["incentive_exchange 36.00", "incentive_due -36.00"]);
    status(&mut ledger, PaymentStatus::InProgress);
    status(&mut ledger, PaymentStatus::Sent);
    let sent =
        ["incentive_exchange 36.00", "incentive_withheld -5.40", "incentive_sales_tax 6.84", "incentive_paid -37.44"];
    assert_eq!(ledger.balances("EUR"), sent);
    let overview = incentive_overview(&ledger.rows, &partner_id("contoso"), None).unwrap();
    assert_eq!(overview.year_start, Some(day("2019-07-01")));
    assert_eq!(overview.paid_this_year_usd, amount("40.00"));
    assert_eq!(overview.last_payment.unwrap().sent_on, Some(day("2020-01-14")));
    status(&mut ledger, PaymentStatus::Reversed);
    assert_eq!(ledger.balances("EUR"), ["incentive_exchange 36.00", "incentive_due -36.00"], "the money came back");
}

/// The same item of what is invoiced by calendar month, as usage is: October's is on the invoice that is ready by 8 November.
#[test]
fn a_calendar_month_is_paid_45_days_after_the_month_in_which_it_is_invoiced() {
    let mut ledger = Ledger::new("US", "USD", program(vec![lever("core", "0.04")]));
    ledger.rate("USD", "EUR", "2019-07-01", "0.9");
    ledger.enroll("contoso", "2019-10-01");
    let october = Sale { family: InvoiceFamily::OneTimeRecurring, ..sale("october", "2019-10-31", "1000.00") };
    ledger.charge(0, &october);
    ledger.close("2019-12-30");
    assert_eq!(ledger.months(), ["2019-10 0", "2019-11 40.00"]);
    let payments = list_incentive_payments(&ledger.rows, &ProgramFilter::default(), None, None, ALL).unwrap().items;
    let [payment] = payments.as_slice() else { panic!("{payments:#?}") };
    assert_eq!((payment.event.ordered_on, payment.event.payment_on), (day("2019-12-30"), day("2020-01-14")));
}

/// A lever of a co-op program feeds the fund of the usage period that the earning date is in; the rest is paid. What nobody claims is booked
/// back when the last day of claims is over.
#[test]
fn a_lever_feeds_a_co_op_fund_which_expires() {
    let fed = Lever {
        earning_type: EarningType::Coop,
        coop_program: Some("coop-marketing-fund".into()),
        ..lever("fund", "0.01")
    };
    let mut ledger = enrolled(program(vec![lever("core", "0.04"), fed]));
    ledger.charge(0, &sale("first", "2019-11-08", "1000.00"));
    ledger.close("2019-11-30");
    assert!(ledger.periods().is_empty());
    let waits = due_incentives(&ledger.rows, PARTITIONS).unwrap().held;
    let waiting = Waiting::UsagePeriod { program: "coop-marketing-fund".into(), on: day("2019-11-30") };
    assert_eq!(waits.iter().map(|held| &held.waiting).collect::<Vec<_>>(), [&waiting]);
    let period = UsagePeriod {
        program: "coop-marketing-fund".into(),
        usage_period_id: UsagePeriodId::new("FY20-H1").unwrap(),
        first_day: day("2019-07-01"),
        last_day: day("2019-12-31"),
    };
    ledger.run("2019-12-01", Command::PublishUsagePeriods(PublishUsagePeriods { periods: vec![period] })).unwrap();
    ledger.close("2019-12-30");
    assert_eq!(ledger.months(), ["2019-11 50.00"]);
    let share = &ledger.periods()[0].event.coop[0];
    assert_eq!((share.amount_usd, share.amount), (amount("10.00"), amount("10.00")));
    let lines = ledger.earnings();
    let paid: Vec<_> = lines.iter().map(|it| (it.coop_program.as_deref(), it.payment_id.is_some())).collect();
    assert_eq!(paid, [(None, true), (Some("coop-marketing-fund"), false)]);
    let funds = |ledger: &Ledger| -> Vec<String> {
        let funds = list_coop_funds(&ledger.rows, &CoopFilter::default(), None, ALL).unwrap().items;
        funds.iter().map(|it| format!("{} {} {}", it.accrued, it.available, it.expired)).collect()
    };
    let booked = |ledger: &Ledger| -> Vec<String> {
        let filter = AccountFilter { currency: Some(currency("USD")), ..AccountFilter::default() };
        let all = list_balances(&ledger.billing, &filter, ALL).unwrap().items;
        let ours = all.iter().filter(|it| it.account.name().starts_with("coop_"));
        ours.map(|it| format!("{} {}", it.account.name(), it.amount)).collect()
    };
    assert_eq!(ledger.balances("USD"), ["incentive_cost 40.00", "incentive_exchange -40.00"]);
    assert_eq!(booked(&ledger), ["coop_cost 10.00", "coop_fund -10.00"]);
    assert_eq!(funds(&ledger), ["10.00 10.00 0.00"]);
    ledger.close("2020-02-13");
    assert_eq!(funds(&ledger), ["10.00 10.00 0.00"]);
    ledger.close("2020-02-14");
    assert_eq!(funds(&ledger), ["10.00 0.00 10.00"]);
    assert_eq!(booked(&ledger), ["coop_cost 0.00", "coop_fund 0.00"]);
    assert!(due_incentives(&ledger.rows, PARTITIONS).unwrap().due.is_empty());
}

#[test]
fn accelerators_minimums_and_caps() {
    let core = accelerated(lever("core", "0.03"), "1000", "0.05");
    let minimum = Lever { minimum_revenue: amount("1500"), ..lever("volume", "0.01") };
    let capped = Lever { cap: Some(amount("12.00")), ..lever("capped", "0.02") };
    let mut ledger = enrolled(program(vec![core, minimum, capped]));
    ledger.charge(0, &sale("a", "2019-11-01", "400.00"));
    ledger.charge(1, &sale("b", "2019-11-02", "599.99"));
    ledger.charge(0, &sale("c", "2019-11-20", "1000.00"));
    ledger.close("2019-12-31");
    assert_eq!(
        ledger.shown("2019-11"),
        [
            "a/1 transaction: 400.00 USD x 0.03 = 12.00 (12.00)",
            "a/3 transaction: 400.00 USD x 0.02 = 8.00 (8.00)",
            "b/1 transaction: 599.99 USD x 0.03 = 18.00 (18.00)",
            "b/3 transaction: 599.99 USD x 0.02 = 12.00 (12.00)",
            "cap/2019-07-01/capped cap: -8.00 USD x 1 = -8.00 (-8.00)",
        ],
        "999.99 is a cent below the accelerator"
    );
    assert_eq!(ledger.shown("2019-12")[0], "c/1 transaction: 1000.00 USD x 0.05 = 50.00 (50.00)");
    let levers = &ledger.periods()[0].event.levers;
    let shown: Vec<_> =
        levers.iter().map(|it| format!("{} {:?} {} {}", it.lever, it.rate, it.earned_usd, it.capped_usd)).collect();
    assert_eq!(shown, ["capped Some(0.02) 12.00 8.00", "core Some(0.03) 30.00 0", "volume None 0 0"]);
}

#[test]
fn what_is_taken_back_later_loses_what_it_earned() {
    let core = accelerated(lever("core", "0.03"), "1000", "0.05");
    let mut ledger = enrolled(program(vec![core]));
    ledger.charge(0, &sale("a", "2019-11-01", "1000.00"));
    ledger.charge(0, &Sale { reverses: Some("a"), ..sale("part", "2019-11-05", "-0.01") });
    ledger.charge(0, &sale("b", "2019-11-06", "0.01"));
    ledger.charge(0, &Sale { reverses: Some("a"), ..sale("back", "2019-12-02", "-400.00") });
    ledger.charge(0, &sale("c", "2019-12-03", "100.00"));
    ledger.close("2019-12-31");
    assert_eq!(
        ledger.shown("2019-11"),
        [
            "a/1 transaction: 1000.00 USD x 0.05 = 50.00 (50.00)",
            "part/1 transaction: -0.01 USD x 0.05 = 0.00 (0.00)",
            "b/1 transaction: 0.01 USD x 0.05 = 0.00 (0.00)",
        ]
    );
    assert_eq!(
        ledger.shown("2019-12"),
        ["back/1 clawback: -400.00 USD x 0.05 = -20.00 (-20.00)", "c/1 transaction: 100.00 USD x 0.03 = 3.00 (3.00)",],
        "at the rate of November, and no part of December's revenue"
    );
    let lines = ledger.earnings();
    let row = transaction_row(lines.iter().find(|line| line.earning.earning_id.ends_with("back/1")).unwrap());
    assert_eq!([&row[24], &row[25], &row[27]], ["", "", ""], "an adjustment shows no customer and no product");
    let explained = explain_earning(&ledger.rows, "contoso/csp/2019-12/back/1").unwrap().unwrap();
    assert!(explained.is_verified);
    assert_eq!(explained.lever_revenue_usd, Some(amount("1000.00")));
    assert_eq!(
        explained.steps,
        [
            "line back was charged on 2019-12-02 at customers/0@4: -400.00 USD net of discount, without tax",
            "it is on an invoice of 2019-12",
            "lever core of the card from 2019-07-01, rated in 2019-11, which had 1000.00 USD of revenue: rate 0.05",
            "-400.00 USD x 0.05 = -20.00 USD, rounded half up to the minor unit",
            "-20.00 USD x 1 of 2019-12-31 = -20.00 USD",
        ]
    );
    assert_eq!(explain_earning(&ledger.rows, "contoso/csp/2019-12/nope/1").unwrap(), None);
    assert_eq!(explain_earning(&ledger.rows, "nonsense").unwrap(), None);
}

#[test]
fn an_enrollment_that_ended_takes_back_for_as_long_as_the_card_says() {
    let mut ledger = enrolled(program(vec![lever("core", "0.10")]));
    ledger.charge(0, &sale("a", "2019-11-01", "100.00"));
    ledger.close("2019-11-30");
    ledger.set("contoso", "2019-12-05", EnrollmentStatus::Inactive).unwrap();
    ledger.charge(0, &sale("in", "2019-12-04", "10.00"));
    ledger.charge(0, &sale("out", "2019-12-05", "10.00"));
    ledger.charge(0, &Sale { reverses: Some("a"), ..sale("late", "2020-05-02", "-50.00") });
    ledger.charge(0, &Sale { reverses: Some("a"), ..sale("too late", "2020-06-02", "-50.00") }.named("toolate"));
    ledger.close("2020-08-31");
    let months = ledger.months();
    assert_eq!(months.first().map(String::as_str), Some("2019-11 10.00"));
    assert_eq!(months[1], "2019-12 1.00");
    assert_eq!(months[6], "2020-05 -5.00");
    assert_eq!(months.last().map(String::as_str), Some("2020-06 0"), "six months after December");
}

impl<'a> Sale<'a> {
    fn named(self, id: &'a str) -> Self {
        Self { id, ..self }
    }
}

#[test]
fn a_missing_exchange_rate_holds_up_only_its_own_month() {
    let mut ledger = Ledger::new("DE", "EUR", program(vec![lever("core", "0.0333")]));
    ledger.enroll("contoso", "2019-11-01");
    ledger.charge(0, &Sale { code: "EUR", ..sale("a", "2019-11-07", "100.00") });
    ledger.close("2019-12-05");
    let held = due_incentives(&ledger.rows, PARTITIONS).unwrap().held;
    let (from, to) = (currency("EUR"), currency("USD"));
    assert_eq!(held[0].waiting, Waiting::Rate { from, to, on: day("2019-11-07") });
    ledger.rate("EUR", "USD", "2019-11-01", "1.10");
    ledger.rate("EUR", "USD", "2019-12-30", "1.25");
    ledger.settle();
    let shown = ledger.shown("2019-11");
    assert_eq!(shown, ["a/1 transaction: 100.00 EUR x 0.0333 = 3.33 (3.66)"], "3.663 dollars");
    // The payment waits for a rate of its own.
    ledger.close("2020-01-02");
    let held = due_incentives(&ledger.rows, PARTITIONS).unwrap().held;
    assert_eq!(held[0].waiting, Waiting::Rate { from: to, to: from, on: day("2019-12-30") });
    ledger.rate("USD", "EUR", "2019-12-01", "0.90");
    ledger.settle();
    let payments = list_incentive_payments(&ledger.rows, &ProgramFilter::default(), None, None, ALL).unwrap().items;
    assert_eq!(payments[0].event.amounts.earned, amount("3.29"));
}

#[test]
fn a_reseller_earns_on_what_its_provider_pays() {
    let mut ledger = Ledger::new(
        "US",
        "USD",
        IncentiveProgram { earner: ProgramEarner::Reseller, ..program(vec![lever("indirect", "0.05")]) },
    );
    ledger.rate("USD", "EUR", "2019-07-01", "0.9");
    ledger.register("reseller", "US", "USD");
    ledger.enroll("reseller", "2019-11-01");
    ledger.enroll("contoso", "2019-11-01");
    ledger.charge(0, &Sale { reseller: Some("reseller"), ..sale("a", "2019-11-07", "100.00") });
    ledger.charge(0, &sale("b", "2019-11-07", "100.00"));
    ledger.close("2019-11-30");
    let lines = ledger.earnings();
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((line.earning.partner_id.as_str(), line.earning.amount), ("reseller", amount("5.00")));
    let row = transaction_row(line);
    assert_eq!(
        [&row[33], &row[34], &row[35], &row[36]],
        ["reseller", "Partner reseller", "contoso", "Partner contoso"]
    );
}

fn issue(ledger: &mut Ledger, on: &str, from: &str, end: &str, net: &str) {
    let totals = InvoiceTotals { one_time_charges: amount(net), subtotal: amount(net), ..InvoiceTotals::default() };
    let command = IssueInvoice {
        partner_id: partner_id("contoso"),
        family: InvoiceFamily::OneTimeRecurring,
        currency: currency("USD"),
        period_start: day(from),
        period_end: day(end),
        invoice_date: day(on),
        total: amount(net),
        totals,
        line_count: 2,
        lines_digest: vec![0; 32],
        reflects: Vec::new(),
    };
    ledger.run(on, Command::IssueInvoice(command)).unwrap();
}

#[test]
fn a_credit_note_takes_back_every_line_and_a_new_invoice_earns_again() {
    let mut ledger = enrolled(program(vec![lever("core", "0.05")]));
    let once = |id, on, amount| Sale { family: InvoiceFamily::OneTimeRecurring, ..sale(id, on, amount) };
    ledger.charge(0, &once("a", "2019-11-07", "100.00"));
    ledger.charge(1, &once("b", "2019-11-08", "200.00"));
    ledger.close("2019-11-30");
    issue(&mut ledger, "2019-11-30", "2019-11-01", "2019-12-01", "300.00");
    let number = || InvoiceNumber::new("contoso-O-USD-000001").unwrap();
    let request = RequestCreditNote {
        partner_id: partner_id("contoso"),
        invoice_number: number(),
        reason: CreditNoteReason::OtherRefund,
        note: "wrong".into(),
    };
    ledger.run("2019-12-10", Command::RequestCreditNote(request)).unwrap();
    let command = IssueCreditNote { partner_id: partner_id("contoso"), invoice_number: number() };
    ledger.run("2019-12-11", Command::IssueCreditNote(command)).unwrap();
    ledger.close("2019-12-31");
    assert_eq!(
        ledger.shown("2019-12"),
        [
            "a/1 transaction: 100.00 USD x 0.05 = 5.00 (5.00)",
            "b/1 transaction: 200.00 USD x 0.05 = 10.00 (10.00)",
            "r6/a/1 credit_note: -100.00 USD x 0.05 = -5.00 (-5.00)",
            "r6/b/1 credit_note: -200.00 USD x 0.05 = -10.00 (-10.00)",
        ]
    );
    let rebill = RebillInvoice {
        partner_id: partner_id("contoso"),
        invoice_number: number(),
        refund: Some(amount("100.00")),
        purchase_order: None,
        bill_to: None,
    };
    ledger.run("2020-01-05", Command::RebillInvoice(rebill)).unwrap();
    ledger.close("2020-01-31");
    assert_eq!(
        ledger.shown("2020-01"),
        ["r7/a/1 rebill: 66.67 USD x 0.05 = 3.33 (3.33)", "r7/b/1 rebill: 133.33 USD x 0.05 = 6.67 (6.67)",],
        "200 of 300, and no cent is lost"
    );
    assert_eq!(ledger.months(), ["2019-11 0", "2019-12 0.00", "2020-01 10.00"]);
}

#[test]
fn a_granted_dispute_is_an_adjustment_of_the_next_month() {
    let mut ledger = enrolled(program(vec![lever("core", "0.05")]));
    ledger.charge(0, &sale("a", "2019-11-07", "100.00"));
    ledger.close("2019-11-30");
    let open = DisputeEarning {
        partner_id: partner_id("contoso"),
        dispute_id: DisputeId::new("d-1").unwrap(),
        program_id: program_id(),
        mpn_id: MPN.into(),
        period: day("2019-11-01"),
        earning_id: "contoso/csp/2019-11/a/1".into(),
        amount: amount("1.00"),
        currency: currency("USD"),
        reason: "the rate was 6 percent".into(),
    };
    ledger.run("2019-12-10", Command::DisputeEarning(open)).unwrap();
    let decide = DecideEarningDispute {
        partner_id: partner_id("contoso"),
        dispute_id: DisputeId::new("d-1").unwrap(),
        correction: Some(amount("0.75")),
        note: "in part".into(),
    };
    ledger.run("2019-12-12", Command::DecideEarningDispute(decide)).unwrap();
    ledger.close("2019-12-31");
    assert_eq!(ledger.shown("2019-12"), ["r6 correction: 0.75 USD x 1 = 0.75 (0.75)"]);
    assert_eq!(ledger.periods()[1].event.adjusted_usd, amount("0.75"));
}

/// L9446, L9478.
#[test]
fn an_export_has_three_months_unless_others_are_named_and_three_fiscal_years_at_most() {
    let mut ledger = enrolled(program(vec![lever("core", "0.04")]));
    ledger.close("2019-12-30");
    let month = |text: &str| Some(text.parse::<Month>().unwrap());
    for (asked, exported) in [
        ((None, None), (month("2019-09"), None)),
        ((month("2019-11"), None), (month("2019-11"), None)),
        ((month("2015-01"), month("2019-10")), (month("2017-07"), month("2019-10"))),
        ((None, month("2019-10")), (month("2017-07"), month("2019-10"))),
    ] {
        assert_eq!(export_months(&ledger.rows, asked).unwrap(), exported, "{asked:?}");
    }
}

/// The columns stand as they are documented, and a row under them.
#[test]
fn the_exports_have_the_documented_columns() {
    let mut ledger = enrolled(program(vec![lever("core", "0.04")]));
    ledger.charge(0, &sale("first", "2019-11-08", "1000.00"));
    ledger.close("2019-12-30");
    let lines = ledger.earnings();
    let row = transaction_row(&lines[0]);
    let pairs: Vec<_> = TRANSACTION_COLUMNS.iter().zip(&row).map(|(head, cell)| format!("{head}={cell}")).collect();
    assert_eq!(
        pairs[..26],
        [
            "earningId=contoso/csp/2019-11/first/1",
            "participantID=4390934",
            "participantIDType=MPN",
            "participantName=Partner contoso",
            "partnerCountryCode=US",
            "programName=CSP direct bill",
            "transactionCurrency=USD",
            "transactionDate=2019-11-08",
            "transactionExchangeRate=1",
            "transactionAmount=1000.00",
            "transactionAmountUSD=1000.00",
            "transactionCountryCode=DE",
            "lever=core",
            "earningRate=0.04",
            "quantity=5",
            "earningType=rebate",
            "earningAmount=40.00",
            "earningAmountUSD=40.00",
            "earningDate=2019-11-30",
            "earningExchangeRate=1",
            "exchangeRateDate=2019-11-30",
            "paymentId=contoso-I-EUR-000001",
            "paymentStatus=Upcoming",
            "paymentStatusDescription=The payment is ordered and in review",
            "customerId=fabrikam",
            "customerName=Fabrikam GmbH",
        ]
    );
    assert_eq!([&row[26], &row[27], &row[29], &row[32]], ["part-1", "Office, \"E3\"", "sub-1", "e3"]);
    let payments = list_incentive_payments(&ledger.rows, &ProgramFilter::default(), None, None, ALL).unwrap().items;
    let pairs: Vec<_> =
        PAYMENT_COLUMNS.iter().zip(payment_row(&payments[0])).map(|(head, cell)| format!("{head}={cell}")).collect();
    assert_eq!(
        pairs,
        [
            "participantID=4390934",
            "participantIDType=MPN",
            "participantName=Partner contoso",
            "programName=CSP direct bill",
            "earned=36.00",
            "earnedUSD=40.00",
            "withheldTax=5.40",
            "salesTax=6.84",
            "serviceFeeTax=0.00",
            "totalPayment=37.44",
            "currencyCode=EUR",
            "paymentMethod=electronic bank transfer",
            "paymentID=contoso-I-EUR-000001",
            "paymentStatus=Upcoming",
            "paymentStatusDescription=The payment is ordered and in review",
            "paymentDate=",
        ]
    );
}

#[test]
fn pages_of_earnings_follow_each_other() {
    let mut ledger = enrolled(program(vec![lever("a", "0.04"), lever("b", "0.01")]));
    for n in 0..7 {
        let id = format!("line-{n}");
        ledger.charge(n % 2, &sale(&id, if n < 4 { "2019-11-05" } else { "2019-12-05" }, "10.00"));
    }
    ledger.close("2019-12-31");
    let whole: Vec<_> = ledger.earnings().into_iter().map(|line| line.earning.earning_id).collect();
    assert_eq!(whole.len(), 14);
    for size in 1..=15 {
        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let page = subledger_fold::page::PageRequest { size, token: &token };
            let page = list_earnings(&ledger.rows, &subledger_incentive::EarningFilter::default(), page).unwrap();
            paged.extend(page.items.into_iter().map(|line| line.earning.earning_id));
            match page.next {
                Some(next) => token = next,
                None => break,
            }
        }
        assert_eq!(paged, whole, "{size}");
    }
}
