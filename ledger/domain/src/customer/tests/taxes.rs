//! How lines are taxed: by the partner's place and standing, the product, the day.

use rust_decimal::Decimal;

use super::kit::*;
use crate::{
    Command, Reason,
    charge::{Charged, InvoiceFamily},
    command::{
        AcceptTransfer, CreateCustomer, GrantTaxExemption, PublishOffers, PublishPriceList, PublishTaxRates,
        RegisterPartner, RequestTransfer, SubmitTaxExemption, SubmitTaxId, UpdateBillingProfile, ValidateTaxId,
    },
    ids::{ExemptionId, PriceListId},
    money::Currency,
    offer::{Offer, PriceRow, ProductFamily},
    partner::BillingProfile,
    party::{Address, PartnerKind},
    tax::{TaxDocumentKind, TaxIdKind, TaxRateRow, TaxScope},
};

/// A partner of a country, billed on the 15th, with a customer there. Everything costs `price` a month.
fn world_in(country: &str, currency: &str, price: &str) -> World {
    let mut world = World::empty();
    let currency = Currency::new(currency).unwrap();
    world.ok(Command::RegisterPartner(RegisterPartner {
        partner_id: partner("local"),
        name: "Local Ltd".to_owned(),
        kind: PartnerKind::DirectBill,
        country: country.to_owned(),
        currency,
        billing_day: 15,
        mpn_id: String::new(),
    }));
    let rows = ["e3", "saas", "software"].map(|id| row(id, price, None)).to_vec();
    let price_list_id = PriceListId::new("local").unwrap();
    world.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows }));
    let mut create = create();
    (create.partner_id, create.address.country) = (partner("local"), country.to_owned());
    world.ok(Command::CreateCustomer(CreateCustomer { ..create }));
    world.ok(Command::AcceptAgreement(crate::command::AcceptAgreement {
        customer_id: customer_id(),
        mode: crate::party::AgreementMode::CustomerDirect,
        partner_id: None,
        signatory: contact(),
        accepted_on: day("2018-01-01"),
        version: None,
        language: None,
    }));
    world
}

fn row(id: &str, price: &str, component: Option<&str>) -> PriceRow {
    let (list_price, component) = (price.parse().unwrap(), component.map(str::to_owned));
    PriceRow { list_price, component, ..price_row(id, 1, "2000-01-01") }
}

/// `DE VAT 19 2018-01-01` or `US-WA sales_tax 10 2018-01-01 2018-12-31`, for everything.
fn rate(text: &str) -> TaxRateRow {
    let words: Vec<_> = text.split(' ').collect();
    let (country, region) = words[0].split_once('-').map_or((words[0], None), |(c, r)| (c, Some(r.to_owned())));
    TaxRateRow {
        country: country.to_owned(),
        region,
        tax: words[1].replace('_', " "),
        scope: TaxScope::All,
        rate_percent: words[2].parse().unwrap(),
        treatment: None,
        valid_from: day(words[3]),
        valid_to: words.get(4).map(|last| day(last)),
    }
}

fn publish(world: &mut World, rates: &[&str]) {
    let rows = rates.iter().map(|text| rate(text)).collect();
    world.ok(Command::PublishTaxRates(PublishTaxRates { rows }));
}

fn buy_local(id: &str, offer: &str) -> Command {
    buy_from("local", vec![line(id, offer, 1)])
}

/// The newest line of a subscription: amount, tax on top, tax in it, and the rule.
fn last(world: &World, id: &str) -> String {
    let line = world.lines().filter(|line| line.subscription_id == sub(id)).last().unwrap();
    let Some(tax) = &line.tax else { return format!("{} untaxed", line.amount) };
    let (rule, treatment) = (&tax.rule, tax.rule.treatment.label());
    format!("{} +{} ({}) {} {}% {treatment}", line.amount, tax.amount, tax.included, rule.name, rule.rate_percent)
}

fn vat_id(world: &mut World, value: &str) {
    let (partner_id, kind, value) = (partner("local"), TaxIdKind::Vat, value.to_owned());
    world.ok(Command::SubmitTaxId(SubmitTaxId { partner_id: partner_id.clone(), kind, value: value.clone() }));
    world.ok(Command::ValidateTaxId(ValidateTaxId { partner_id, kind, value }));
}

fn live_in(world: &mut World, country: &str, state: &str) {
    let [line1, city] = ["1 Road", "Town"].map(str::to_owned);
    let (country, state, postal_code) = (country.to_owned(), state.to_owned(), String::new());
    let address = Address { country, line1, city, state, postal_code };
    let [customer_po, us_fein, contact_email] = [const { String::new() }; 3];
    let profile =
        BillingProfile { address, bill_to: None, service_recipient: None, customer_po, us_fein, contact_email };
    let partner_id = partner("local");
    world.ok(Command::UpdateBillingProfile(UpdateBillingProfile { partner_id, profile }));
}

#[test]
fn every_line_is_rounded_to_the_minor_unit_of_its_currency() {
    for (country, currency, price, rate, expected) in [
        ("JP", "JPY", "105", "JP tax 10 2018-01-01", "105 +11 (0) tax JP 10% exclusive"),
        ("US", "USD", "100", "US tax 8.875 2018-01-01", "100.00 +8.88 (0.00) tax US 8.875% exclusive"),
        ("AO", "KWD", "0.01", "AO tax 5 2018-01-01", "0.010 +0.001 (0.000) tax AO 5% exclusive"),
    ] {
        let mut world = world_in(country, currency, price);
        publish(&mut world, &[rate]);
        world.ok(buy_local("s", "e3"));
        assert_eq!(last(&world, "s"), expected);
    }
}

#[test]
fn no_tax_without_a_rate_and_before_the_first_one_begins() {
    let mut world = world_in("JP", "JPY", "100");
    world.ok(buy_local("s1", "e3"));
    assert_eq!(last(&world, "s1"), "100 untaxed");
    publish(&mut world, &["KR tax 10 2018-01-01", "JP tax 10 2018-02-01"]);
    world.ok(buy_local("s2", "e3"));
    assert_eq!(last(&world, "s2"), "100 untaxed");
    world.end("2018-02-01");
    assert_eq!(last(&world, "s2"), "100 +10 (0) tax JP 10% exclusive");
}

#[test]
fn a_full_credit_gives_back_the_tax_that_was_charged() {
    let mut world = world_in("JP", "JPY", "999");
    publish(&mut world, &["JP tax 8 2000-01-01", "JP tax 10 2018-01-10"]);
    world.at("2018-01-05").ok(buy_local("s", "e3"));
    assert_eq!(last(&world, "s"), "999 +80 (0) tax JP 8% exclusive");
    world.at("2018-01-20").ok(Command::Suspend(crate::command::Suspend {
        customer_id: customer_id(),
        partner_id: partner("local"),
        subscription_id: sub("s"),
        reason: crate::customer::SuspensionReason::CustomerRequest,
    }));
    assert_eq!(last(&world, "s"), "-999 +-80 (0) tax JP 8% exclusive");
    let (amounts, taxes) = (world.charged(), world.lines().map(Charged::tax_amount).sum::<Decimal>());
    assert_eq!((amounts, taxes), (Decimal::ZERO, Decimal::ZERO));
}

#[test]
fn a_european_partner_shows_its_vat_id_first_and_then_accounts_for_the_tax_itself() {
    let mut world = world_in("DE", "EUR", "100");
    world.ok(buy_local("before", "e3"));
    assert_eq!(last(&world, "before"), "100.00 untaxed", "no id is asked for where no VAT is charged");
    publish(&mut world, &["DE VAT 19 2018-01-05"]);
    world.ok(buy_local("advance", "e3"));
    world.at("2018-01-10");
    let refused = world.refusal(buy_local("s", "e3"));
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::VatIdRequiredBeforeSale, "partner_id"));
    vat_id(&mut world, "de 123 456 789");
    world.ok(buy_local("s", "e3"));
    world.ok(buy_local("m", "saas"));
    // Validated in the cycle that ends on the 15th; it counts from the next, which for other products is the calendar month.
    assert_eq!(last(&world, "s"), "100.00 +19.00 (0.00) VAT DE 19% exclusive");
    world.at("2018-01-15").ok(buy_local("s15", "e3"));
    assert_eq!(last(&world, "s15"), "100.00 +19.00 (0.00) VAT DE 19% exclusive");
    world.at("2018-01-16").ok(buy_local("s16", "e3"));
    assert_eq!(last(&world, "s16"), "100.00 +0.00 (0.00) VAT DE 19% reverse charge");
    world.at("2018-01-31").ok(buy_local("m31", "saas"));
    assert_eq!(last(&world, "m31"), "100.00 +19.00 (0.00) VAT DE 19% exclusive");
    world.end("2018-02-10");
    assert_eq!(last(&world, "s"), "100.00 +0.00 (0.00) VAT DE 19% reverse charge");
    assert_eq!(last(&world, "m"), "100.00 +0.00 (0.00) VAT DE 19% reverse charge");
}

#[test]
fn a_transfer_is_a_sale_of_the_partner_that_takes_it() {
    let mut world = World::with_provider();
    world.ok(buy(vec![line("s", "e3", 1)]));
    publish(&mut world, &["AT VAT 20 2018-01-01"]);
    world.ok(Command::RequestTransfer(RequestTransfer {
        customer_id: customer_id(),
        transfer_id: Some(transfer("t")),
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("s")],
        expires_after_days: None,
    }));
    let (transfer_id, partner_id) = (transfer("t"), partner("provider"));
    let accept = Command::AcceptTransfer(AcceptTransfer { customer_id: customer_id(), transfer_id, partner_id });
    assert_eq!(world.refused(accept), Reason::VatIdRequiredBeforeSale);
}

#[test]
fn a_vat_id_leaves_the_tax_off_in_south_africa_and_changes_nothing_elsewhere() {
    for (country, currency, expected) in [
        ("ZA", "USD", "100.00 +0.00 (0.00) VAT ZA 15% exempt"),
        ("CH", "CHF", "100.00 +15.00 (0.00) VAT CH 15% exclusive"),
    ] {
        let mut world = world_in(country, currency, "100");
        publish(&mut world, &[&format!("{country} VAT 15 2018-01-01")]);
        vat_id(&mut world, "4123456789");
        world.at("2018-01-16").ok(buy_local("s", "e3"));
        assert_eq!(last(&world, "s"), expected);
    }
}

fn exempt(world: &mut World, region: &str, tax: &str, document_kind: TaxDocumentKind, to: Option<&str>) {
    let exemption_id = ExemptionId::new(format!("{region}:{}", tax.replace(' ', "-"))).unwrap();
    world.ok(Command::SubmitTaxExemption(SubmitTaxExemption {
        partner_id: partner("local"),
        exemption_id: Some(exemption_id.clone()),
        region: Some(region.to_owned()),
        tax: tax.to_owned(),
        document_kind,
        document_hash: vec![7; 32],
    }));
    let (partner_id, to) = (partner("local"), to.map(day));
    world.ok(Command::GrantTaxExemption(GrantTaxExemption { partner_id, exemption_id, from: None, to }));
}

#[test]
fn an_exemption_counts_from_the_next_cycle_to_its_last_day() {
    let mut world = world_in("US", "USD", "50");
    publish(&mut world, &["US-WA sales_tax 10 2018-01-01", "US-OH sales_tax 5.75 2018-01-01"]);
    live_in(&mut world, "US", "WA");
    let taxed = "50.00 +5.00 (0.00) sales tax US-WA 10% exclusive";
    let free = "50.00 +0.00 (0.00) sales tax US-WA 10% exempt";
    let kind = TaxDocumentKind::StreamlinedSalesTaxCertificate;
    world.at("2018-01-05");
    exempt(&mut world, "WA", "sales tax", kind, Some("2018-02-20"));
    exempt(&mut world, "OH", "sales tax", kind, None);
    for (on, id, expected) in [
        ("2018-01-15", "s1", taxed),
        ("2018-01-16", "s2", free),
        ("2018-02-20", "s3", free),
        ("2018-02-21", "s4", taxed),
    ] {
        world.at(on).ok(buy_local(id, "e3"));
        assert_eq!(last(&world, id), expected, "{on}");
    }
    // A move counts from the next cycle on, too.
    live_in(&mut world, "US", "OH");
    world.at("2018-03-15").ok(buy_local("s5", "e3"));
    assert_eq!(last(&world, "s5"), taxed);
    world.at("2018-03-16").ok(buy_local("s6", "e3"));
    assert_eq!(last(&world, "s6"), "50.00 +0.00 (0.00) sales tax US-OH 5.75% exempt");
}

#[test]
fn one_of_two_taxes_may_be_exempt() {
    let mut world = world_in("CA", "CAD", "100");
    publish(&mut world, &["CA GST/HST/QST 5 2018-01-01", "CA-BC BC_PST 7 2018-01-01"]);
    world.ok(buy_local("country", "e3"));
    assert_eq!(last(&world, "country"), "100.00 +5.00 (0.00) GST/HST/QST CA 5% exclusive");
    live_in(&mut world, "CA", "BC");
    world.ok(buy_local("both", "e3"));
    assert_eq!(last(&world, "both"), "100.00 +12.00 (0.00) GST/HST/QST CA + BC PST CA-BC 12% exclusive");
    exempt(&mut world, "BC", "BC PST", TaxDocumentKind::BcPstNumber, None);
    world.at("2018-01-16").ok(buy_local("one", "e3"));
    assert_eq!(last(&world, "one"), "100.00 +5.00 (0.00) GST/HST/QST CA 5% exclusive");
}

#[test]
fn software_prices_contain_the_tax_where_the_country_says_so() {
    let mut world = world_in("AU", "AUD", "110");
    let software = Offer {
        product_family: ProductFamily::OneTimeRecurring,
        tax_scope: Some(TaxScope::Software),
        ..offer("software")
    };
    world.ok(Command::PublishOffers(PublishOffers { offers: vec![software] }));
    publish(&mut world, &["AU GST 10 2018-01-01"]);
    world.ok(buy_local("soft", "software"));
    assert_eq!(last(&world, "soft"), "110.00 +0.00 (10.00) GST AU 10% inclusive");
    world.ok(buy_local("s", "e3"));
    assert_eq!(last(&world, "s"), "110.00 +11.00 (0.00) GST AU 10% exclusive");
}

#[test]
fn telephone_services_are_a_line_of_their_own_with_the_tax_in_the_price() {
    let mut world = world_in("US", "USD", "1");
    world.ok(Command::PublishPriceList(PublishPriceList {
        price_list_id: PriceListId::new("e5").unwrap(),
        currency: Currency::new("USD").unwrap(),
        rows: vec![row("e1", "28.40", None), row("e1", "2.00", Some("pstn"))],
    }));
    publish(&mut world, &["US-WA sales_tax 10 2018-01-01"]);
    live_in(&mut world, "US", "WA");
    world.ok(buy_local("s", "e1"));
    let lines: Vec<_> = world
        .lines()
        .map(|line| {
            let tax = line.tax.clone().unwrap();
            let (amount, component) = (line.amount, line.component.clone().unwrap_or_default());
            format!(
                "{component}|{amount} +{} ({}) {} {}",
                tax.amount,
                tax.included,
                tax.rule.treatment.label(),
                line.total()
            )
        })
        .collect();
    assert_eq!(lines, ["|28.40 +2.84 (0.00) exclusive 31.24", "pstn|2.00 +0.00 (0.18) inclusive 2.00"]);
    let (first, second) = (world.lines().next().unwrap(), world.lines().nth(1).unwrap());
    assert_eq!((first.charge_start, first.charge_end), (second.charge_start, second.charge_end));
    assert_eq!(first.invoice_family, InvoiceFamily::LicenseUsage);

    // A rate of their own takes the place of the others, and may be on top as in Canada.
    let own = TaxRateRow { scope: TaxScope::Pstn, ..rate("US-WA telephone_tax 20 2018-01-02") };
    world.ok(Command::PublishTaxRates(PublishTaxRates { rows: vec![own] }));
    world.at("2018-01-02").ok(buy_local("t", "e1"));
    assert_eq!(last(&world, "t"), "2.00 +0.00 (0.33) telephone tax US-WA 20% inclusive");
}

#[test]
fn nothing_new_is_sold_after_the_last_rate_ended_and_what_runs_goes_on_at_it() {
    let mut world = world_in("JP", "JPY", "100");
    publish(&mut world, &["JP tax 8 2018-01-01 2018-01-31"]);
    world.ok(buy_local("s", "e3"));
    world.end("2018-02-01");
    assert_eq!(last(&world, "s"), "100 +8 (0) tax JP 8% exclusive");
    assert_eq!(world.lines().filter(|line| line.subscription_id == sub("s")).count(), 2);
    let refused = world.refusal(buy_local("t", "e3"));
    assert_eq!(refused.reason, Reason::TaxRateMissing);
    let named = ["field", "country", "tax", "date"].map(|key| refused.metadata[key].as_str());
    assert_eq!(named, ["lines[0].offer_id", "JP", "tax", "2018-02-02"]);
    publish(&mut world, &["JP tax 10 2018-02-01"]);
    world.ok(buy_local("t", "e3"));
    assert_eq!(last(&world, "t"), "100 +10 (0) tax JP 10% exclusive");
}
