//! Billing profile, tax ids, exemptions, and what an invoice says of the partner.

use super::*;
use crate::{
    catalog::PaymentInstructions,
    command::{
        GrantTaxExemption, PublishPaymentInstructions, RefuseTaxExemption, RejectTaxId, SubmitTaxExemption,
        SubmitTaxId, UpdateBillingProfile, ValidateTaxId,
    },
    ids::ExemptionId,
    party::{Address, Recipient},
    tax::{TaxDocumentKind, TaxIdKind, TaxIdState},
};

fn id() -> PartnerId {
    PartnerId::new("p").unwrap()
}

fn in_country(country: &str, code: &str) -> Partners {
    let mut partners = Partners::default();
    let command = RegisterPartner { country: country.to_owned(), currency: currency(code), ..register("p") };
    run(&mut partners, &Command::RegisterPartner(command)).unwrap();
    partners
}

fn address(country: &str, state: &str) -> Address {
    let [line1, city, postal_code] = ["1 Road", "Town", "12345"].map(str::to_owned);
    Address { country: country.to_owned(), line1, city, state: state.to_owned(), postal_code }
}

fn profile() -> BillingProfile {
    BillingProfile {
        address: address("US", "WA"),
        bill_to: None,
        service_recipient: None,
        customer_po: "PO-7".to_owned(),
        us_fein: "12-3456789".to_owned(),
        contact_email: "bills@p.example".to_owned(),
    }
}

fn update(partners: &mut Partners, profile: BillingProfile) -> Result<Vec<Event>, Rejection> {
    run(partners, &Command::UpdateBillingProfile(UpdateBillingProfile { partner_id: id(), profile }))
}

fn submit(partners: &mut Partners, value: &str) -> Result<Vec<Event>, Rejection> {
    let (partner_id, kind, value) = (id(), TaxIdKind::Vat, value.to_owned());
    run(partners, &Command::SubmitTaxId(SubmitTaxId { partner_id, kind, value }))
}

fn validate(partners: &mut Partners, value: &str) -> Result<Vec<Event>, Rejection> {
    let (partner_id, kind, value) = (id(), TaxIdKind::Vat, value.to_owned());
    run(partners, &Command::ValidateTaxId(ValidateTaxId { partner_id, kind, value }))
}

fn reject(partners: &mut Partners, value: &str) -> Result<Vec<Event>, Rejection> {
    let (partner_id, kind, value, reason) = (id(), TaxIdKind::Vat, value.to_owned(), "unknown".to_owned());
    run(partners, &Command::RejectTaxId(RejectTaxId { partner_id, kind, value, reason }))
}

fn reason(result: Result<Vec<Event>, Rejection>) -> (Reason, String) {
    let refused = result.unwrap_err();
    (refused.reason, refused.metadata["field"].clone())
}

#[test]
fn a_profile_is_refused_with_the_field_at_fault() {
    type Change = fn(&mut BillingProfile);
    let cases: [(Change, Reason, &str); 10] = [
        (|p| p.address.country = "CA".to_owned(), Reason::InvalidValue, "profile.address.country"),
        (|p| p.address.state = "Washington".to_owned(), Reason::InvalidValue, "profile.address.state"),
        (|p| p.address.state.clear(), Reason::InvalidValue, "profile.address.state"),
        (|p| p.address.line1.clear(), Reason::RequiredFieldMissing, "profile.address.line1"),
        (|p| p.us_fein = "123456789-".to_owned(), Reason::InvalidValue, "profile.us_fein"),
        (|p| p.us_fein = "1234567é".to_owned(), Reason::InvalidValue, "profile.us_fein"),
        (|p| p.contact_email = "nobody".to_owned(), Reason::InvalidValue, "profile.contact_email"),
        (|p| p.contact_email = "a@b@c.example".to_owned(), Reason::InvalidValue, "profile.contact_email"),
        (|p| p.customer_po = "x".repeat(257), Reason::InvalidValue, "profile.customer_po"),
        (
            |p| p.bill_to = Some(Recipient { name: String::new(), address: address("US", "WA") }),
            Reason::RequiredFieldMissing,
            "profile.bill_to.name",
        ),
    ];
    for (change, why, field) in cases {
        let mut profile = profile();
        change(&mut profile);
        assert_eq!(reason(update(&mut in_country("US", "USD"), profile)), (why, field.to_owned()));
    }
    let german = BillingProfile { address: address("DE", "Bavaria"), ..profile() };
    assert_eq!(reason(update(&mut in_country("DE", "EUR"), german)).1, "profile.us_fein");
    for us_fein in ["", "123456789", "12-3456789"] {
        let profile = BillingProfile { us_fein: us_fein.to_owned(), ..profile() };
        assert!(update(&mut in_country("US", "USD"), profile).is_ok(), "{us_fein}");
    }
    let nobody = run(
        &mut Partners::default(),
        &Command::UpdateBillingProfile(UpdateBillingProfile { partner_id: id(), profile: profile() }),
    );
    assert_eq!(reason(nobody), (Reason::PartnerNotFound, "partner_id".to_owned()));
}

#[test]
fn the_first_region_counts_at_once_and_another_from_the_next_cycle() {
    let mut partners = in_country("US", "USD");
    update(&mut partners, profile()).unwrap();
    update(&mut partners, BillingProfile { address: address("US", "OR"), ..profile() }).unwrap();
    let region = |family, on: &str| partners.get(&id()).unwrap().tax.region_on(family, day(on)).map(str::to_owned);
    let license = |on| region(InvoiceFamily::LicenseUsage, on);
    let other = |on| region(InvoiceFamily::OneTimeRecurring, on);
    assert_eq!(license("2018-01-01").as_deref(), Some("WA"));
    assert_eq!(license("2018-01-15").as_deref(), Some("WA"));
    assert_eq!(license("2018-01-16").as_deref(), Some("OR"));
    assert_eq!(other("2018-01-31").as_deref(), Some("WA"));
    assert_eq!(other("2018-02-01").as_deref(), Some("OR"));
}

#[test]
fn a_tax_id_is_checked_by_its_country_then_answered() {
    let mut partners = in_country("DE", "EUR");
    let refused = submit(&mut partners, "ATU12345678").unwrap_err();
    assert_eq!(refused.reason, Reason::VatIdFormatInvalid);
    assert_eq!(refused.metadata["accepted"], "DE#########");
    let value = "value".to_owned();
    assert_eq!(reason(validate(&mut partners, "DE123456789")), (Reason::TaxIdNotSubmitted, value.clone()));
    submit(&mut partners, "de 123.456.789").unwrap();
    let standing = |partners: &Partners| partners.get(&id()).unwrap().tax.clone();
    assert!(!standing(&partners).has_valid_id(TaxIdKind::Vat));
    assert_eq!(reason(submit(&mut partners, "DE123456789")), (Reason::TaxIdAlreadySubmitted, value.clone()));
    let events = validate(&mut partners, "DE123456789").unwrap();
    let [Event::TaxIdValidated(validated)] = events.as_slice() else { panic!("{events:?}") };
    let cycle = CycleStart { license_usage: day("2018-01-16"), one_time_recurring: day("2018-02-01") };
    assert_eq!(validated.effective_from, cycle);
    assert_eq!(reason(validate(&mut partners, "DE123456789")).0, Reason::TaxIdNotSubmitted);
    // Another one does not end the first before it is valid itself.
    submit(&mut partners, "DE987654321").unwrap();
    assert_eq!(standing(&partners).valid_id(TaxIdKind::Vat).unwrap().value, "DE123456789");
    reject(&mut partners, "DE987654321").unwrap();
    assert_eq!(standing(&partners).valid_id(TaxIdKind::Vat).unwrap().value, "DE123456789");
    reject(&mut partners, "DE123456789").unwrap();
    assert!(!standing(&partners).has_valid_id(TaxIdKind::Vat));
    assert_eq!(reason(reject(&mut partners, "DE123456789")).0, Reason::TaxIdNotSubmitted);
    let tax = standing(&partners);
    let id = tax.id(TaxIdKind::Vat, "DE123456789").unwrap();
    assert!(
        matches!(&id.state, TaxIdState::Rejected { counted: Some((from, end)), .. } if *from == cycle && *end == cycle)
    );
    submit(&mut partners, "DE123456789").unwrap();
}

fn exemption() -> SubmitTaxExemption {
    SubmitTaxExemption {
        partner_id: id(),
        exemption_id: Some(ExemptionId::new("x").unwrap()),
        region: Some("WA".to_owned()),
        tax: "sales tax".to_owned(),
        document_kind: TaxDocumentKind::StateResaleCertificate,
        document_hash: vec![1; 32],
    }
}

fn grant(partners: &mut Partners, from: Option<&str>, to: Option<&str>) -> Result<Vec<Event>, Rejection> {
    let (exemption_id, from, to) = (ExemptionId::new("x").unwrap(), from.map(day), to.map(day));
    run(partners, &Command::GrantTaxExemption(GrantTaxExemption { partner_id: id(), exemption_id, from, to }))
}

#[test]
fn an_exemption_needs_the_right_document_and_one_answer() {
    type Change = fn(&mut SubmitTaxExemption);
    let cases: [(Change, Reason, &str); 6] = [
        (|c| c.tax.clear(), Reason::RequiredFieldMissing, "tax"),
        (|c| c.region = Some("Washington".to_owned()), Reason::InvalidValue, "region"),
        (|c| c.document_hash.clear(), Reason::TaxDocumentMissing, "document_hash"),
        (|c| c.document_hash.truncate(31), Reason::InvalidValue, "document_hash"),
        (|c| c.document_kind = TaxDocumentKind::BcPstNumber, Reason::TaxDocumentNotAcceptedInRegion, "document_kind"),
        (
            |c| c.document_kind = TaxDocumentKind::SupportRequest,
            Reason::TaxDocumentNotAcceptedInRegion,
            "document_kind",
        ),
    ];
    let mut partners = in_country("US", "USD");
    for (change, why, field) in cases {
        let mut command = exemption();
        change(&mut command);
        let refused = run(&mut partners, &Command::SubmitTaxExemption(command));
        assert_eq!(reason(refused), (why, field.to_owned()));
    }
    let vat = SubmitTaxExemption { region: None, tax: "VAT".to_owned(), ..exemption() };
    let refused = run(&mut in_country("DE", "EUR"), &Command::SubmitTaxExemption(vat)).unwrap_err();
    assert_eq!(refused.metadata["accepted"], "none; a valid VAT id does it");

    assert_eq!(reason(grant(&mut partners, None, None)).0, Reason::TaxExemptionNotFound);
    run(&mut partners, &Command::SubmitTaxExemption(exemption())).unwrap();
    let again = run(&mut partners, &Command::SubmitTaxExemption(exemption()));
    assert_eq!(reason(again), (Reason::TaxExemptionAlreadyExists, "exemption_id".to_owned()));
    assert_eq!(
        reason(grant(&mut partners, Some("2017-12-31"), None)),
        (Reason::TaxChangeNotRetroactive, "from".into())
    );
    assert_eq!(reason(grant(&mut partners, None, Some("2018-01-15"))), (Reason::InvalidValue, "to".into()));
    let events = grant(&mut partners, Some("2018-01-20"), Some("2018-12-31")).unwrap();
    let [Event::TaxExemptionGranted(granted)] = events.as_slice() else { panic!("{events:?}") };
    let from = CycleStart { license_usage: day("2018-01-20"), one_time_recurring: day("2018-02-01") };
    assert_eq!(granted.from, from, "the later of the day asked for and the next cycle");
    let exemption_id = ExemptionId::new("x").unwrap();
    let refuse = RefuseTaxExemption { partner_id: id(), exemption_id, reason: "late".to_owned() };
    assert_eq!(reason(run(&mut partners, &Command::RefuseTaxExemption(refuse))).0, Reason::TaxExemptionClosed);
}

fn issued(partners: &mut Partners, reference: &Reference, command: IssueInvoice) -> InvoiceHeader {
    let at = "2018-02-16T00:00:00Z".parse().unwrap();
    let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
    let events = decide(partners.get(&id()), reference, &Command::IssueInvoice(command), &context).unwrap();
    events.iter().for_each(|event| partners.evolve(event));
    let [Event::InvoiceIssued(issued)] = events.as_slice() else { panic!("{events:?}") };
    issued.header.clone().unwrap()
}

#[test]
fn an_invoice_says_what_the_partner_stated_when_it_was_issued() {
    let mut reference = Reference::default();
    let instructions = |country: Option<&str>, text: &str| PaymentInstructions {
        country: country.map(str::to_owned),
        text: text.to_owned(),
        customer_service: "https://help.example".to_owned(),
    };
    let at = "2018-01-01T00:00:00Z".parse().unwrap();
    let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
    let publish = Command::PublishPaymentInstructions(PublishPaymentInstructions {
        instructions: vec![instructions(None, "Anywhere"), instructions(Some("US"), "Wire, quote {invoice_number}.")],
    });
    for event in reference.catalog.decide(&publish, &context).unwrap() {
        reference.catalog.evolve(&event);
    }
    let mut partners = in_country("US", "USD");
    let first = issued(&mut partners, &reference, invoice("p", "2018-01-16", "2018-02-16"));
    assert_eq!(first.payment_instructions, "Wire, quote p-L-USD-000001.");
    assert_eq!((&*first.customer_number, &*first.payment_terms), ("p", "Net 60 days"));
    assert_eq!((&*first.bill_to.name, &*first.bill_to.address.country, &*first.us_fein), ("Partner", "US", ""));

    let payable = Recipient { name: "Payable".to_owned(), address: address("US", "OR") };
    update(&mut partners, BillingProfile { bill_to: Some(payable.clone()), ..profile() }).unwrap();
    let second = issued(&mut partners, &reference, invoice("p", "2018-02-16", "2018-03-16"));
    assert_eq!(second.payment_instructions, "Wire, quote p-L-USD-000002.");
    assert_eq!(second.bill_to, payable);
    let itself = Recipient { name: "Partner".to_owned(), address: address("US", "WA") };
    assert_eq!(second.service_recipient, itself);
    let texts = [second.us_fein, second.customer_po, second.customer_service];
    assert_eq!(texts, ["12-3456789", "PO-7", "https://help.example"]);
}

#[test]
fn a_partner_in_a_country_without_instructions_gets_those_for_all_others() {
    let mut reference = Reference::default();
    let text = "Elsewhere".to_owned();
    let rest = PaymentInstructions { country: None, text, customer_service: String::new() };
    reference.catalog.evolve(&crate::event::PaymentInstructionsPublished { instructions: vec![rest] }.into());
    let mut partners = in_country("DE", "EUR");
    submit(&mut partners, "DE123456789").unwrap();
    validate(&mut partners, "DE123456789").unwrap();
    let command = IssueInvoice { currency: currency("EUR"), ..invoice("p", "2018-01-16", "2018-02-16") };
    let header = issued(&mut partners, &reference, command);
    assert_eq!((&*header.payment_instructions, &*header.tax_id), ("Elsewhere", "DE123456789"));
}

#[test]
fn invoices_are_due_after_sixty_days() {
    for (date, due) in [("2018-01-15", "2018-03-16"), ("2019-06-12", "2019-08-11")] {
        let mut partners = partners("p");
        let end = day(date).succ_opt().unwrap().to_string();
        let command = IssueInvoice { invoice_date: day(date), ..invoice("p", "2017-12-16", &end) };
        assert_eq!(issue(&mut partners, command).map(|(_, due)| due), Ok(day(due)));
    }
}
