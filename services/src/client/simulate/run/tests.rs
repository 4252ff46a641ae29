use subledger_proto::{api::Command, api::command::Body, common::Rejection, log};

use super::*;
use crate::client::simulate::check::differences;

/// A ledger that writes down what it is asked, and invoices what it is told.
#[derive(Default)]
struct Fake {
    heard: Vec<String>,
    invoices: Vec<Invoice>,
    refuse: Option<&'static str>,
}

impl Target for Fake {
    async fn submit(&mut self, command: Command) -> Result<Outcome, Failure> {
        let at = times::text(command.effective_at.as_ref());
        let body = command.body.clone().unwrap();
        let name = format!("{body:?}").split('(').next().unwrap().to_owned();
        self.heard.push(format!("{at} {name}"));
        let refused = self.refuse.is_some_and(|refused| refused == name);
        let rejection = Rejection { reason: "NOT_TODAY".into(), message: "no".into(), ..Rejection::default() };
        let line_id = format!("{}-line", command.command_id);
        let event = log::Charged { line_id, ..log::Charged::default() };
        let events = matches!(body, Body::Purchase(_) | Body::ChangeQuantity(_))
            .then(|| log::Event { body: Some(event::Body::Charged(event)) });
        Ok(Outcome {
            rejection: refused.then_some(rejection),
            events: events.into_iter().collect(),
            ..Outcome::default()
        })
    }

    async fn advance(&mut self, through: NaiveDate) -> Result<(), Failure> {
        self.heard.push(format!("close {through}"));
        Ok(())
    }

    async fn invoices(&mut self, _: &str) -> Result<Vec<Invoice>, Failure> {
        Ok(self.invoices.clone())
    }
}

/// Runs one case.
async fn run(case: &Case, target: &mut impl Target) -> Result<Run, Failure> {
    let told = [Told { case: case.clone(), ids: Ids::new("simulate") }];
    Ok(super::run(&told, target).await?.remove(0))
}

fn case(name: &str) -> Case {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/golden/{name}.json"));
    Case::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The charge line of a command, as the API shows it.
fn charge(line_id: &str, charge_type: &str, quantity: u32, amount: &str, purchase_date: &str) -> Charge {
    Charge {
        line_id: line_id.into(),
        charge_type: charge_type.into(),
        charge_start: "2019-06-10".into(),
        charge_end: "2019-07-09".into(),
        unit_price: "4".into(),
        quantity,
        amount: amount.into(),
        purchase_date: purchase_date.into(),
        ..Charge::default()
    }
}

fn june() -> Invoice {
    Invoice {
        invoice_number: "i-1".into(),
        family: InvoiceFamily::OneTimeRecurring.into(),
        // No line was due in the months before: the invoice is June's all the same.
        period_start: "2019-04-01".into(),
        period_end: "2019-06-30".into(),
        invoice_date: "2019-07-08".into(),
        total: "7.87".into(),
        lines: vec![
            charge("simulate-0-line", "New", 1, "4.0", "2019-06-10"),
            charge("simulate-1-line", "AddQuantity", 1, "-3.87", "2019-06-11"),
            charge("simulate-1-line", "addQuantity", 2, "7.74", "2019-06-11"),
        ],
        ..Invoice::default()
    }
}

#[tokio::test]
async fn a_case_is_told_in_order_and_dated_in_its_offset() {
    let case = case("onetime-add-seat-next-day");
    let mut fake = Fake { invoices: vec![june()], ..Fake::default() };
    let run = run(&case, &mut fake).await.unwrap();
    let setup = ["RegisterPartner", "PublishOffers", "PublishPriceList", "CreateCustomer", "AcceptAgreement"];
    let mut expected = vec!["close 2019-06-09".to_owned()];
    expected.extend(setup.map(|name| format!("2019-06-10T00:00:00Z {name}")));
    expected.extend(["2019-06-10T20:00:00Z Purchase".to_owned(), "close 2019-06-10".to_owned()]);
    expected.extend(["2019-06-11T20:00:00Z ChangeQuantity".to_owned(), "close 2019-06-30".to_owned()]);
    assert_eq!(fake.heard, expected);
    assert_eq!(differences(&case, &run), Vec::<String>::new());
    let json = run.to_json();
    assert_eq!(json["invoices"][0]["invoice_month"], "2019-06");
    assert_eq!(json["invoices"][0]["lines"][1]["purchase_date"], "2019-06-12");
    assert_eq!(json["invoices"][0]["total"], "7.87");
    assert!(json.get("rejections").is_none());
}

#[tokio::test]
async fn a_difference_names_invoice_line_and_field() {
    let case = case("onetime-add-seat-next-day");
    let mut wrong = june();
    wrong.lines[2].amount = "7.75".into();
    wrong.lines.push(charge("x", "Renew", 1, "4", ""));
    let mut early = june();
    early.period_end = "2019-05-31".into();
    early.invoice_date = "2019-06-08".into();
    early.lines.truncate(1);
    let mut fake = Fake { invoices: vec![early, wrong], ..Fake::default() };
    let found = differences(&case, &run(&case, &mut fake).await.unwrap());
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(found[0], "2019-06 line 3: amount: expected 7.74, printed 7.75");
    assert!(found[1].starts_with("2019-06 line 4: not expected: "), "{}", found[1]);
    assert!(found[2].starts_with("2019-05: not expected: "), "{}", found[2]);
    let nothing = differences(&case, &run(&case, &mut Fake::default()).await.unwrap());
    assert_eq!(nothing.len(), 3);
}

#[tokio::test]
async fn a_refused_command_is_printed_and_the_run_goes_on() {
    let case = case("onetime-add-seat-next-day");
    let mut fake = Fake { refuse: Some("ChangeQuantity"), ..Fake::default() };
    let json = run(&case, &mut fake).await.unwrap().to_json();
    assert_eq!(
        json["rejections"],
        json!([{"at": "2019-06-11T20:00:00Z", "command": "change_quantity", "reason": "NOT_TODAY", "message": "no"}])
    );
    assert_eq!(fake.heard.last().unwrap(), "close 2019-06-30");
}

#[tokio::test]
async fn a_case_the_ledger_cannot_hold_is_no_case() {
    let mut fake = Fake { refuse: Some("RegisterPartner"), ..Fake::default() };
    let result = run(&case("license-annual-new"), &mut fake).await;
    assert!(matches!(result, Err(Failure::Usage(text)) if text.contains("currency") && text.contains("NOT_TODAY")));
}

#[test]
fn amounts_have_the_digits_of_the_currency() {
    let money = |text, code| money(text, Currency::new(code).unwrap()).unwrap();
    assert_eq!(money("4", "USD"), "4.00");
    assert_eq!(money("-3.870", "USD"), "-3.87");
    assert_eq!(money("-0.00", "USD"), "0.00");
    assert_eq!(money("120", "JPY"), "120");
    assert_eq!(money("1.2", "KWD"), "1.200");
    assert_eq!(money("0.123456", "USD"), "0.123456");
}
