//! Tax rates and payment instructions: what is refused, and what is filled in.

use super::*;
use crate::{
    command::{PublishPaymentInstructions, PublishTaxRates},
    tax::{TaxRateRow, TaxScope, TaxTreatment},
};

fn rate() -> TaxRateRow {
    TaxRateRow {
        country: "DE".to_owned(),
        region: None,
        tax: "VAT".to_owned(),
        scope: TaxScope::All,
        rate_percent: "19".parse().unwrap(),
        treatment: None,
        valid_from: day("2018-01-01"),
        valid_to: None,
    }
}

fn publish(catalog: &mut Catalog, rows: Vec<TaxRateRow>) -> Result<usize, Rejection> {
    run(catalog, &Command::PublishTaxRates(PublishTaxRates { rows }))
}

#[test]
fn a_rate_is_refused_with_the_field_at_fault() {
    let cases: [Case<TaxRateRow>; 9] = [
        (|r| r.country = "XX".to_owned(), Reason::InvalidValue, "rows[1].country"),
        (|r| r.country = "de".to_owned(), Reason::InvalidValue, "rows[1].country"),
        (|r| r.region = Some("Bavaria".to_owned()), Reason::InvalidValue, "rows[1].region"),
        (|r| r.tax = " ".to_owned(), Reason::RequiredFieldMissing, "rows[1].tax"),
        (|r| r.rate_percent = "-1".parse().unwrap(), Reason::InvalidValue, "rows[1].rate_percent"),
        (|r| r.rate_percent = "100.01".parse().unwrap(), Reason::InvalidValue, "rows[1].rate_percent"),
        (|r| r.rate_percent = "0.0000001".parse().unwrap(), Reason::InvalidValue, "rows[1].rate_percent"),
        (|r| r.treatment = Some(TaxTreatment::Exempt), Reason::InvalidValue, "rows[1].treatment"),
        (|r| r.valid_to = Some(day("2018-01-01")), Reason::InvalidValue, "rows[1].valid_to"),
    ];
    for (change, reason, field) in cases {
        let mut catalog = Catalog::default();
        let mut row = TaxRateRow { valid_from: day("2018-01-02"), ..rate() };
        change(&mut row);
        let refused = publish(&mut catalog, vec![rate(), row]).unwrap_err();
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field));
        assert_eq!(catalog.tax_rates().rows().count(), 0, "nothing of it is published");
    }
    let mut catalog = Catalog::default();
    let twice = publish(&mut catalog, vec![rate(), rate()]).unwrap_err();
    assert_eq!((twice.reason, twice.metadata["field"].as_str()), (Reason::InvalidValue, "rows[1]"));
    assert_eq!(publish(&mut catalog, Vec::new()).unwrap_err().reason, Reason::RequiredFieldMissing);
}

#[test]
fn what_a_row_leaves_open_is_what_its_country_does() {
    let mut catalog = Catalog::default();
    let at = |country: &str, scope| TaxRateRow { country: country.to_owned(), scope, ..rate() };
    let rows = vec![at("DE", TaxScope::All), at("US", TaxScope::Pstn), at("CA", TaxScope::Pstn)];
    publish(&mut catalog, rows).unwrap();
    let found: Vec<_> = catalog.tax_rates().rows().map(|row| (row.country.as_str(), row.treatment.unwrap())).collect();
    let expected = [("CA", TaxTreatment::Exclusive), ("DE", TaxTreatment::Exclusive), ("US", TaxTreatment::Inclusive)];
    assert_eq!(found, expected);
}

#[test]
fn a_row_replaces_the_one_of_its_key() {
    let mut catalog = Catalog::default();
    publish(&mut catalog, vec![rate()]).unwrap();
    publish(&mut catalog, vec![TaxRateRow { rate_percent: "16".parse().unwrap(), ..rate() }]).unwrap();
    let rates: Vec<_> = catalog.tax_rates().rows().map(|row| row.rate_percent.to_string()).collect();
    assert_eq!(rates, ["16"]);
}

#[test]
fn two_taxes_of_one_price_are_both_in_it_or_both_on_top() {
    let mut catalog = Catalog::default();
    publish(&mut catalog, vec![rate()]).unwrap();
    let levy = |treatment| TaxRateRow { tax: "levy".to_owned(), treatment: Some(treatment), ..rate() };
    let refused = publish(&mut catalog, vec![levy(TaxTreatment::Inclusive)]).unwrap_err();
    assert_eq!(
        (refused.metadata["field"].as_str(), refused.metadata["other_tax"].as_str()),
        ("rows[0].treatment", "VAT")
    );
    publish(&mut catalog, vec![levy(TaxTreatment::Exclusive)]).unwrap();
}

#[test]
fn instructions_are_refused_with_the_field_at_fault() {
    let cases: [Case<PaymentInstructions>; 4] = [
        (|i| i.country = Some("XX".to_owned()), Reason::InvalidValue, "instructions[1].country"),
        (|i| i.country = None, Reason::InvalidValue, "instructions[1].country"),
        (|i| i.text = " \n".to_owned(), Reason::RequiredFieldMissing, "instructions[1].text"),
        (|i| i.text = "x".repeat(2_001), Reason::InvalidValue, "instructions[1].text"),
    ];
    let text = "Wire\nQuote the number".to_owned();
    let rest = PaymentInstructions { country: None, text, customer_service: String::new() };
    for (change, reason, field) in cases {
        let mut other = PaymentInstructions { country: Some("US".to_owned()), ..rest.clone() };
        change(&mut other);
        let instructions = vec![rest.clone(), other];
        let command = Command::PublishPaymentInstructions(PublishPaymentInstructions { instructions });
        let refused = run(&mut Catalog::default(), &command).unwrap_err();
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field));
    }
}
