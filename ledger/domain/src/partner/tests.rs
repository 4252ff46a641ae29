mod account;
mod histories;
mod kit;
mod memberships;
mod merges;
mod partnerships;
mod profile;
mod program;
mod roles;
mod state_tables;

use super::*;
use crate::{
    Command, Context, Reason, Reference, Rejection,
    charge::InvoiceTotals,
    command::{IssueInvoice, RegisterPartner},
    ids::CommandId,
};

type Case = (fn(&mut RegisterPartner), Reason, &'static str);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

fn register(id: &str) -> RegisterPartner {
    RegisterPartner {
        partner_id: PartnerId::new(id).unwrap(),
        name: "Partner".to_owned(),
        kind: PartnerKind::DirectBill,
        country: "US".to_owned(),
        currency: currency("USD"),
        billing_day: 15,
        mpn_id: String::new(),
    }
}

fn invoice(id: &str, period_start: &str, period_end: &str) -> IssueInvoice {
    IssueInvoice {
        partner_id: PartnerId::new(id).unwrap(),
        family: InvoiceFamily::LicenseUsage,
        currency: currency("USD"),
        period_start: day(period_start),
        period_end: day(period_end),
        invoice_date: day(period_end),
        total: "12.50".parse().unwrap(),
        totals: InvoiceTotals { subtotal: "12.50".parse().unwrap(), ..InvoiceTotals::default() },
        line_count: 1,
        lines_digest: vec![0; 32],
        reflects: Vec::new(),
    }
}

fn run(partners: &mut Partners, command: &Command) -> Result<Vec<Event>, Rejection> {
    let at = "2018-01-01T00:00:00Z".parse().unwrap();
    let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
    let crate::command::Target::Partner(id) = command.target() else { panic!("{command:?}") };
    let events = decide(partners.get(id), &Reference::default(), command, &context)?;
    for event in &events {
        partners.evolve(event);
    }
    Ok(events)
}

fn issue(partners: &mut Partners, command: IssueInvoice) -> Result<(String, NaiveDate), Reason> {
    match run(partners, &Command::IssueInvoice(command)) {
        Ok(events) => match events.as_slice() {
            [Event::InvoiceIssued(e)] => Ok((e.invoice_number.to_string(), e.due_date)),
            other => panic!("{other:?}"),
        },
        Err(rejection) => Err(rejection.reason),
    }
}

fn partners(id: &str) -> Partners {
    let mut partners = Partners::default();
    run(&mut partners, &Command::RegisterPartner(register(id))).unwrap();
    partners
}

#[test]
fn a_partner_is_registered_once() {
    let mut partners = partners("p");
    assert_eq!(partners.get(&PartnerId::new("p").unwrap()).unwrap().billing_day, 15);
    assert_eq!(partners.iter().count(), 1);
    let again = run(&mut partners, &Command::RegisterPartner(register("p"))).unwrap_err();
    assert_eq!(again.reason, Reason::PartnerAlreadyExists);
}

#[test]
fn a_partner_is_refused_with_the_field_at_fault() {
    let cases: [Case; 7] = [
        (|c| c.name.clear(), Reason::RequiredFieldMissing, "name"),
        (|c| c.billing_day = 0, Reason::InvalidValue, "billing_day"),
        (|c| c.billing_day = 32, Reason::InvalidValue, "billing_day"),
        (|c| c.country = "CN".to_owned(), Reason::MarketNotAllowed, "country"),
        (|c| c.country = "us".to_owned(), Reason::MarketNotAllowed, "country"),
        (|c| c.currency = Currency::new("EUR").unwrap(), Reason::CurrencyMismatch, "currency"),
        (
            |c| (c.country, c.currency) = ("AO".to_owned(), Currency::new("XYZ").unwrap()),
            Reason::CurrencyMismatch,
            "currency",
        ),
    ];
    for (change, reason, field) in cases {
        let mut command = register("p");
        change(&mut command);
        let refusal = run(&mut Partners::default(), &Command::RegisterPartner(command)).unwrap_err();
        assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (reason, field));
    }
    let blank = RegisterPartner { country: "AO".to_owned(), currency: currency("KWD"), ..register("p") };
    assert!(run(&mut Partners::default(), &Command::RegisterPartner(blank)).is_ok(), "the table names none for Angola");
}

#[test]
fn invoices_follow_each_other_without_a_gap() {
    let mut partners = partners("p");
    assert_eq!(issue(&mut partners, invoice("q", "2018-01-16", "2018-02-16")), Err(Reason::PartnerNotFound));
    let first = issue(&mut partners, invoice("p", "2018-01-16", "2018-02-16"));
    assert_eq!(first, Ok(("p-L-USD-000001".to_owned(), day("2018-04-17"))));
    assert_eq!(issue(&mut partners, invoice("p", "2018-01-16", "2018-02-16")), Err(Reason::InvoiceAlreadyIssued));
    assert_eq!(issue(&mut partners, invoice("p", "2018-02-17", "2018-03-16")), Err(Reason::InvoicePeriodGap));
    assert_eq!(issue(&mut partners, invoice("p", "2018-02-15", "2018-03-16")), Err(Reason::InvoicePeriodGap));
    let second = issue(&mut partners, invoice("p", "2018-02-16", "2018-03-16"));
    assert_eq!(second.map(|(number, _)| number), Ok("p-L-USD-000002".to_owned()));
    let other = IssueInvoice { family: InvoiceFamily::OneTimeRecurring, ..invoice("p", "2018-01-01", "2018-02-01") };
    assert_eq!(issue(&mut partners, other).map(|(number, _)| number), Ok("p-O-USD-000001".to_owned()));
}

#[test]
fn a_long_id_still_has_a_number_of_its_own() {
    let ids = ["a".repeat(64), format!("{}b", "a".repeat(63))];
    let numbers = ids.map(|id| issue(&mut partners(&id), invoice(&id, "2018-01-16", "2018-02-16")).unwrap().0);
    assert!(numbers.iter().all(|number| number.len() <= 64));
    assert_ne!(numbers[0], numbers[1]);
}

#[test]
fn an_invoice_is_whole() {
    let cases: [fn(&mut IssueInvoice); 4] = [
        |c| c.period_end = c.period_start,
        |c| c.invoice_date = c.period_start.pred_opt().unwrap(),
        |c| c.total = "0.001".parse().unwrap(),
        |c| c.lines_digest.clear(),
    ];
    for change in cases {
        let mut command = invoice("p", "2018-01-16", "2018-02-16");
        change(&mut command);
        assert_eq!(issue(&mut partners("p"), command), Err(Reason::InvalidValue));
    }
}

#[test]
fn the_state_survives_its_encoding() {
    let mut partners = partners("p");
    issue(&mut partners, invoice("p", "2018-01-16", "2018-02-16")).unwrap();
    let bytes = postcard::to_stdvec(&partners).unwrap();
    assert_eq!(postcard::from_bytes::<Partners>(&bytes).unwrap(), partners);
}
