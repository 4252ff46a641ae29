//! A file that the ledger wrote is equal to the ledger; ten kinds of differences put into it are each found and named.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    charge::{AppliedPromotion, ChargeType, Charged, Derivation, InvoiceFamily},
    money::Currency,
    offer::{BillingFrequency, ProrationRule},
    proration::{Part, prorate},
    tax::{TaxRule, TaxTreatment},
};
use subledger_files::{
    Facts, Row,
    compare::{Cause, Finding, Kind, Line, Summary, compare},
    layout::Layout,
    read::Reader,
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// 31.00 a month and seat, 10 % off, 19 % on top.
fn line(number: u32, subscription: &str, charge_type: ChargeType, days: (&str, &str), quantity: u32) -> Charged {
    let (start, end) = (day(days.0), day(days.1));
    let billed_days = u32::try_from((end - start).num_days()).unwrap();
    let derivation =
        Derivation { rule: ProrationRule::Exact, period_price: "31.00".parse().unwrap(), period_days: 31, billed_days };
    let currency = Currency::new("EUR").unwrap();
    let Derivation { rule, period_price, period_days, .. } = derivation;
    let priced = prorate(rule, currency, Part { period_price, quantity, billed_days, period_days });
    let promotion =
        AppliedPromotion { promotion_id: "spring".to_owned().try_into().unwrap(), percent: Decimal::TEN, until: None };
    let discount = promotion.on(currency, priced.amount);
    let rule = TaxRule { name: "VAT DE".into(), treatment: TaxTreatment::Exclusive, rate_percent: Decimal::from(19) };
    let tax = rule.on(currency, priced.amount - discount.amount);
    Charged {
        line_id: format!("line-{number}").try_into().unwrap(),
        customer_id: "fabrikam".to_owned().try_into().unwrap(),
        partner_id: "contoso".to_owned().try_into().unwrap(),
        subscription_id: subscription.to_owned().try_into().unwrap(),
        order_id: "o-1".to_owned().try_into().unwrap(),
        offer_id: "e3".to_owned().try_into().unwrap(),
        offer_name: "Enterprise, \"E3\"".to_owned(),
        invoice_family: InvoiceFamily::LicenseUsage,
        charge_type,
        charge_start: start,
        charge_end: end,
        unit_price: priced.unit_price,
        quantity,
        amount: priced.amount,
        currency,
        charged_on: start,
        component: None,
        sku: None,
        subscription_description: None,
        purchase_date: start,
        billing_frequency: Some(BillingFrequency::Monthly),
        reverses_line_id: None,
        derivation,
        reseller_id: None,
        discount: Some(discount),
        tax: Some(tax),
        reference: None,
        usage: None,
    }
}

/// Subscriptions `s-0` to `s-9` with a whole period each, and two parts of one in `s-a`.
fn ledger() -> Vec<Charged> {
    let whole = ("2019-01-01", "2019-02-01");
    let mut lines: Vec<Charged> =
        (0..10).map(|n| line(n, &format!("s-{n}"), ChargeType::CycleFee, whole, n + 1)).collect();
    lines.push(line(10, "s-a", ChargeType::CycleInstanceProrate, ("2019-01-01", "2019-01-20"), 7));
    lines.push(line(11, "s-a", ChargeType::CycleInstanceProrate, ("2019-01-20", "2019-02-01"), 3));
    lines
}

fn file(lines: &[Charged]) -> String {
    let layout = Layout::of(InvoiceFamily::LicenseUsage, true);
    let facts = Facts { mpn_id: "4390934".into(), customer_name: "Fabrikam, Inc.".into(), ..Facts::default() };
    let mut out = Vec::new();
    layout.write_header(&mut out);
    for line in lines {
        Row { line, invoice_number: None, facts: &facts }.write(&layout, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn compared(file: &str, ledger: &[Charged]) -> (Vec<Finding>, Summary) {
    let mut reader = Reader::new(file.as_bytes()).unwrap();
    let mut theirs = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        theirs.push(line);
    }
    let mut ours: Vec<Line> = ledger.iter().map(Line::from).collect();
    theirs.sort_by_key(Line::sort_key);
    ours.sort_by_key(Line::sort_key);
    let mut findings = Vec::new();
    let sides = (theirs.into_iter().map(Ok::<_, Infallible>), ours.into_iter().map(Ok));
    let summary = compare(sides.0, sides.1, &mut |finding| {
        findings.push(finding);
        Ok(())
    });
    (findings, summary.unwrap())
}

/// The row of a subscription, changed.
fn edit(file: &str, subscription: &str, change: impl Fn(&mut Vec<String>)) -> String {
    let mut out = Vec::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
    for record in reader.records() {
        let mut cells: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        if cells[7] == subscription {
            change(&mut cells);
        }
        subledger_files::write_record(&mut out, cells);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn what_the_ledger_wrote_is_equal_to_it() {
    let lines = ledger();
    let (findings, summary) = compared(&file(&lines), &lines);
    assert_eq!(findings, []);
    assert!(summary.is_equal());
    assert_eq!((summary.matched, &summary.file_total), (12, &summary.ledger_total));
    // 31.00 x 55 seats and parts, less 10 %, plus 19 %.
    let total: Decimal = lines.iter().map(Charged::total).sum();
    assert_eq!(summary.file_total["EUR"], total);
}

#[test]
fn the_bytes_are_these() {
    let text = file(&ledger()[..1]);
    let mut rows = text.split("\r\n");
    assert!(rows.next().unwrap().starts_with("PartnerId,CustomerId,CustomerName,MpnId,ResellerMpnId,OrderId,"));
    assert_eq!(
        rows.next().unwrap(),
        "contoso,fabrikam,\"Fabrikam, Inc.\",4390934,4390934,o-1,fabrikam/s-0,s-0,e3,e3,\"Enterprise, \"\"E3\"\"\",,,\
         1/1/2019 0:00,1/31/2019 23:59,Cycle fee,31.00,1,31.00,3.10,27.90,5.30,33.20,EUR,,\"Enterprise, \"\"E3\"\"\",\
         \"Enterprise, \"\"E3\"\"\",Monthly"
    );
    assert_eq!((rows.next(), rows.next()), (Some(""), None));
}

#[test]
fn columns_that_may_differ_do_not_matter() {
    let lines = ledger();
    let text = edit(&file(&lines), "s-3", |cells| {
        (cells[6], cells[8], cells[24]) = ("usCBMgAAAAAAAIA".into(), "another".into(), "example.com".into());
        cells[15] = "CYCLE FEE".into();
        cells[14] = "1/31/2019 0:00".into();
    });
    assert!(compared(&text, &lines).1.is_equal());
}

#[test]
fn ten_kinds_of_differences_are_found_and_named() {
    const QUANTITY: usize = 17;
    const UNIT: usize = 16;
    const AMOUNT: usize = 18;
    const DISCOUNT: usize = 19;
    const SUBTOTAL: usize = 20;
    const TAX: usize = 21;
    const TOTAL: usize = 22;
    let lines = ledger();
    let mut text = file(&lines);
    let mut change = |subscription: &str, cells: &[(usize, &str)]| {
        text = edit(&text, subscription, |row| cells.iter().for_each(|(at, value)| row[*at] = (*value).into()));
    };
    // s-0: a seat more. s-1: a newer price. s-2: tax. s-3: no promotion. s-4: other days. s-5: another type.
    change(
        "s-0",
        &[
            (QUANTITY, "2"),
            (AMOUNT, "62.00"),
            (DISCOUNT, "6.20"),
            (SUBTOTAL, "55.80"),
            (TAX, "10.60"),
            (TOTAL, "66.40"),
        ],
    );
    change(
        "s-1",
        &[
            (UNIT, "33.00"),
            (AMOUNT, "66.00"),
            (DISCOUNT, "6.60"),
            (SUBTOTAL, "59.40"),
            (TAX, "11.29"),
            (TOTAL, "70.69"),
        ],
    );
    change("s-2", &[(TAX, "0.00"), (TOTAL, "83.70")]);
    change("s-3", &[(DISCOUNT, "0.00"), (SUBTOTAL, "124.00"), (TAX, "23.56"), (TOTAL, "147.56")]);
    change("s-4", &[(14, "1/30/2019 23:59")]);
    change("s-5", &[(15, "Prorate fees when purchase")]);
    // s-6: the sums of the file are wrong. s-7: another currency. s-8: a cent.
    change("s-6", &[(TOTAL, "1,000.00")]);
    change("s-7", &[(23, "USD")]);
    change("s-8", &[(AMOUNT, "279.01"), (SUBTOTAL, "251.11"), (TOTAL, "298.82")]);
    change("s-9", &[(1, "somebody-else")]);
    // s-a: 19 days of 31 by the published formula: 7 x 31.00 / 31 = 7.00 a day are 133.00 too, so 3 seats for 12 days lose their line.
    let text: String = text.split_inclusive("\r\n").filter(|row| !row.contains("1/20/2019")).collect();
    let text = format!("{text}{}\r\n", text.lines().nth(1).unwrap().replace("s-0", "s-new"));
    let (findings, summary) = compared(&text, &lines);
    let found: Vec<_> = findings
        .iter()
        .map(|f| {
            let line = f.file.as_ref().or(f.ledger.as_ref()).unwrap();
            (line.subscription.as_str(), f.kind.name(), f.cause.name(), f.difference.to_string())
        })
        .collect();
    let differs = Kind::Differs.name();
    assert_eq!(
        found,
        [
            ("s-0", differs, "quantity", "33.20".to_owned()),
            ("s-1", differs, "price_version", "4.29".to_owned()),
            ("s-2", differs, "tax", "-15.90".to_owned()),
            ("s-3", differs, "discount", "14.76".to_owned()),
            ("s-4", differs, "period", "0.00".to_owned()),
            ("s-5", differs, "charge_type", "0.00".to_owned()),
            ("s-6", differs, "total_mismatch", "767.59".to_owned()),
            ("s-7", differs, "currency", "0.00".to_owned()),
            ("s-8", differs, "rounding", "0.01".to_owned()),
            ("s-9", differs, "identity", "0.00".to_owned()),
            ("s-a", "only_in_ledger", "missed_change", "-38.56".to_owned()),
            ("s-new", "only_in_file", "missing_charge", "66.40".to_owned()),
        ]
    );
    assert_eq!((summary.matched, summary.differing, summary.only_in_file, summary.only_in_ledger), (1, 10, 1, 1));
    assert_eq!(summary.causes[&Cause::Tax].difference.to_string(), "-15.90");
    let price = &findings[1];
    assert_eq!(price.detail, "the file's period price is about 33.00, the ledger's 31.00");
    let columns: Vec<_> = price.fields.iter().map(|field| field.column).collect();
    assert_eq!(columns, ["UnitPrice", "Amount", "TotalOtherDiscount", "Subtotal", "Tax", "TotalForCustomer"]);
    // What differs adds up to the difference of the totals; the other currency's line is in both.
    let total = |sums: &std::collections::BTreeMap<String, Decimal>| sums.values().sum::<Decimal>();
    let differences: Decimal = findings.iter().map(|finding| finding.difference).sum();
    assert_eq!(total(&summary.file_total) - total(&summary.ledger_total), differences);
}

/// 48.00 a year for 346 of 365 days: the published formula charges 89.96 where exact proration charges 91.00 (L10311).
#[test]
fn another_proration_rule_is_named() {
    let mut ours = line(1, "s-1", ChargeType::CycleInstanceProrate, ("2018-02-01", "2019-01-13"), 2);
    ours.discount = None;
    ours.tax = None;
    ours.derivation = Derivation {
        rule: ProrationRule::Exact,
        period_price: "48.00".parse().unwrap(),
        period_days: 365,
        billed_days: 346,
    };
    (ours.unit_price, ours.amount) = ("45.50".parse().unwrap(), "91.00".parse().unwrap());
    let text = file(std::slice::from_ref(&ours)).replace("45.50", "44.98").replace("91.00", "89.96");
    let (findings, _) = compared(&text, &[ours]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].cause, Cause::ProrationRule);
    assert_eq!(findings[0].detail, "the file prorates by published_formula, the ledger by exact");
    assert_eq!(findings[0].difference.to_string(), "-1.04");
}

/// Two prices of one offer have equal keys but for the price (L10904): each finds its own.
#[test]
fn two_lines_with_equal_keys_are_told_apart_by_price() {
    let whole = ("2019-01-01", "2019-02-01");
    let mut cheap = line(1, "s-1", ChargeType::CycleFee, whole, 1);
    let dear = line(2, "s-1", ChargeType::CycleFee, whole, 1);
    cheap.discount = None;
    cheap.tax = None;
    (cheap.unit_price, cheap.amount) = ("2.00".parse().unwrap(), "2.00".parse().unwrap());
    let text = file(&[dear.clone(), cheap.clone()])
        .replace("2.00,1,2.00,0.00,2.00,0.00,2.00", "2.50,1,2.50,0.00,2.50,0.00,2.50");
    let (findings, summary) = compared(&text, &[cheap, dear]);
    assert_eq!((findings.len(), summary.matched), (1, 1));
    assert_eq!(findings[0].ledger.as_ref().unwrap().line_id, "line-1");
    assert_eq!(findings[0].cause, Cause::PriceVersion);
}
