//! How charges are split into invoices (L9856-9875), and what stands on them: customers decide, the projection issues.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use common::{ALL, History, currency, day, partner_id};
use subledger_billing::{get_invoice, list_invoices};
use subledger_domain::{
    Command, Context, Event,
    command::{
        AcceptAgreement, CreateCustomer, PublishOffers, PublishPriceList, PublishTaxRates, Purchase, PurchaseLine,
        RegisterPartner, Target, UpdateBillingProfile,
    },
    customer::{self, Customer},
    ids::{CommandId, CustomerId, OfferId, PriceListId, SubscriptionId},
    offer::{BillingFrequency, Offer, OfferKind, OfferLimitScope, PricePer, PriceRow, ProductFamily, ProrationRule},
    partner::{self, BillingProfile},
    party::{Address, AgreementMode, Contact, PartnerKind, Recipient},
    position::Family,
    tax::{TaxRateRow, TaxScope},
};

/// A ledger of one partition in each family, on one day.
struct Ledger {
    history: History,
    customers: BTreeMap<CustomerId, Option<Customer>>,
    today: NaiveDate,
    commands: usize,
}

impl Ledger {
    /// A partner of that country, billed on the 15th.
    fn new(country: &str, code: &str) -> Self {
        let mut ledger =
            Self { history: History::new(1), customers: BTreeMap::new(), today: day("2020-06-01"), commands: 0 };
        ledger.run(Command::RegisterPartner(RegisterPartner {
            partner_id: partner_id("p"),
            name: "Contoso".to_owned(),
            kind: PartnerKind::DirectBill,
            country: country.to_owned(),
            currency: currency(code),
            billing_day: 15,
            mpn_id: String::new(),
        }));
        ledger
    }

    #[allow(clippy::needless_pass_by_value, reason = "a test writes the command where it is sent")]
    fn run(&mut self, command: Command) {
        self.commands += 1;
        let at = self.today.and_time(chrono::NaiveTime::MIN).and_utc();
        let command_id = CommandId::new(format!("c{}", self.commands)).unwrap();
        let context = Context { command_id, effective_at: at, recorded_at: at };
        let reference = &self.history.reference;
        let (family, events) = match command.target() {
            Target::Catalog => (Family::Catalog, reference.catalog.decide(&command, &context).unwrap()),
            Target::Partner(id) => {
                (Family::Partners, partner::decide(reference.partners.get(id), reference, &command, &context).unwrap())
            }
            Target::Customer(id) => {
                let state = self.customers.entry(id.clone()).or_default();
                let events = customer::decide(state.as_ref(), reference, &command, &context).unwrap();
                events.iter().for_each(|event| customer::evolve(state, event));
                (Family::Customers, events)
            }
            Target::CustomersPartition | Target::Access => panic!("{command:?}"),
        };
        self.history.append(family, 0, events);
    }

    fn offer(&mut self, id: &str, product_family: ProductFamily, prices: &[(&str, &str, Option<&str>)]) {
        let offer_id = OfferId::new(id).unwrap();
        let offer = Offer {
            offer_id: offer_id.clone(),
            display_name: id.to_owned(),
            product_family,
            kind: OfferKind::Base,
            term_months: 12,
            billing_frequencies: BTreeSet::from([BillingFrequency::Monthly]),
            minimum_quantity: 1,
            maximum_quantity: None,
            limit_scope: OfferLimitScope::None,
            limit: 0,
            prerequisite_offer_ids: BTreeSet::new(),
            markets: BTreeSet::new(),
            proration_rule: ProrationRule::Exact,
            split_rebill_at_anniversary: false,
            end_of_sale: None,
            tax_scope: None,
            product: None,
        };
        self.run(Command::PublishOffers(PublishOffers { offers: vec![offer] }));
        for (code, price, component) in prices {
            let row = PriceRow {
                change_flag: "ADD".to_owned(),
                valid_from: day("2020-01-01"),
                valid_to: None,
                offer_display_name: id.to_owned(),
                offer_id: offer_id.clone(),
                license_agreement_type: "corporate".to_owned(),
                purchase_unit: PricePer::Month,
                secondary_license_type: "non-specific".to_owned(),
                end_customer_type: "corporate".to_owned(),
                list_price: price.parse().unwrap(),
                erp_price: None,
                component: component.map(str::to_owned),
            };
            let price_list_id = PriceListId::new("2020-06").unwrap();
            self.run(Command::PublishPriceList(PublishPriceList {
                price_list_id,
                currency: currency(code),
                rows: vec![row],
            }));
        }
    }

    /// A customer in a country that buys one of each offer.
    fn buyer(&mut self, id: &str, country: &str, offers: &[&str]) {
        let customer_id = CustomerId::new(id).unwrap();
        let [first_name, last_name, email] = ["Ada", "Berg", "ada@c.example"].map(str::to_owned);
        let contact = Contact { first_name, last_name, email, phone: String::new() };
        self.run(Command::CreateCustomer(CreateCustomer {
            customer_id: customer_id.clone(),
            partner_id: partner_id("p"),
            company_name: id.to_owned(),
            domain_prefix: id.to_owned(),
            address: address(country, ""),
            contact: contact.clone(),
            reseller_id: None,
        }));
        self.run(Command::AcceptAgreement(AcceptAgreement {
            customer_id: customer_id.clone(),
            mode: AgreementMode::CustomerDirect,
            partner_id: None,
            signatory: contact,
            accepted_on: self.today,
            version: None,
            language: None,
        }));
        let lines = offers.iter().map(|offer| PurchaseLine {
            subscription_id: Some(SubscriptionId::new(format!("{id}-{offer}")).unwrap()),
            offer_id: OfferId::new(offer).unwrap(),
            quantity: 1,
            billing_frequency: Some(BillingFrequency::Monthly),
            base_subscription_id: None,
            reseller_id: None,
            friendly_name: None,
            sku: None,
            free_trial_days: 0,
            auto_renew: None,
            azure_subscription_id: None,
            reservation_scope: None,
        });
        let (partner_id, lines) = (partner_id("p"), lines.collect());
        self.run(Command::Purchase(Purchase {
            customer_id,
            partner_id,
            order_id: None,
            lines,
            by_customer: false,
            location_mpn_id: None,
        }));
    }

    /// Closes the month and issues what is due: number, date, lines and total of each invoice.
    fn invoices(&mut self) -> Vec<String> {
        self.today = day("2020-06-30") + TimeDelta::days(1);
        self.history.close("2020-06-30");
        self.history.issue();
        let invoices = list_invoices(&self.history.rows, Some(&partner_id("p")), ALL).unwrap().items;
        let mut shown: Vec<_> = invoices
            .iter()
            .map(|i| {
                format!("{} {} x {} = {} due {}", i.invoice_number, i.invoice_date, i.line_count, i.total, i.due_date)
            })
            .collect();
        shown.sort();
        shown
    }
}

fn address(country: &str, state: &str) -> Address {
    let [line1, city, postal_code] = ["1 Road", "Town", "1"].map(str::to_owned);
    Address { country: country.to_owned(), line1, city, state: state.to_owned(), postal_code }
}

/// W3, L9862-9864: usage and licenses in one currency.
#[test]
fn usage_and_licenses_are_one_invoice() {
    let mut ledger = Ledger::new("DE", "EUR");
    ledger.offer("145p", ProductFamily::License, &[("EUR", "30.00", None)]);
    ledger.offer("office", ProductFamily::License, &[("EUR", "4.00", None)]);
    ledger.buyer("c1", "DE", &["145p", "office"]);
    assert_eq!(ledger.invoices(), ["p-L-EUR-000001 2020-06-15 x 2 = 34.00 due 2020-08-14"]);
}

/// W4, L9866-9869: usage, and one-time or recurring products, in one currency.
#[test]
fn usage_and_one_time_products_are_two_invoices() {
    let mut ledger = Ledger::new("DE", "EUR");
    ledger.offer("145p", ProductFamily::License, &[("EUR", "30.00", None)]);
    ledger.offer("reservation", ProductFamily::OneTimeRecurring, &[("EUR", "100.00", None)]);
    ledger.offer("marketplace", ProductFamily::MarketplaceSaas, &[("EUR", "7.00", None)]);
    ledger.buyer("c1", "DE", &["145p", "reservation", "marketplace"]);
    assert_eq!(
        ledger.invoices(),
        [
            "p-L-EUR-000001 2020-06-15 x 1 = 30.00 due 2020-08-14",
            "p-O-EUR-000001 2020-07-08 x 2 = 107.00 due 2020-09-06",
        ]
    );
}

/// W5, L9871-9875: a reservation in kroner, an Azure plan in euros, usage in the partner's currency, which is the euro.
#[test]
fn other_products_have_an_invoice_for_each_currency() {
    let mut ledger = Ledger::new("DE", "EUR");
    ledger.offer("145p", ProductFamily::License, &[("EUR", "30.00", None)]);
    ledger.offer("reservation", ProductFamily::OneTimeRecurring, &[("DKK", "750.00", None)]);
    ledger.offer("azure-plan", ProductFamily::OneTimeRecurring, &[("EUR", "12.00", None)]);
    ledger.buyer("dane", "DK", &["reservation"]);
    ledger.buyer("german", "DE", &["azure-plan", "145p"]);
    assert_eq!(
        ledger.invoices(),
        [
            "p-L-EUR-000001 2020-06-15 x 1 = 30.00 due 2020-08-14",
            "p-O-DKK-000001 2020-07-08 x 1 = 750.00 due 2020-09-06",
            "p-O-EUR-000001 2020-07-08 x 1 = 12.00 due 2020-09-06",
        ]
    );
}

/// Two lines of one price, one of them telephone services: their taxes are told apart in the totals, and what the invoice says of the
/// partner stays as it was issued.
#[test]
fn telephone_services_and_the_rest_of_an_offer_on_one_invoice() {
    let mut ledger = Ledger::new("US", "USD");
    let profile = |name: &str| BillingProfile {
        address: address("US", "WA"),
        bill_to: Some(Recipient { name: name.to_owned(), address: address("US", "WA") }),
        service_recipient: None,
        customer_po: "PO-7".to_owned(),
        us_fein: "12-3456789".to_owned(),
        contact_email: String::new(),
    };
    let update = |name| UpdateBillingProfile { partner_id: partner_id("p"), profile: profile(name) };
    ledger.run(Command::UpdateBillingProfile(update("Payable")));
    let row = TaxRateRow {
        country: "US".to_owned(),
        region: Some("WA".to_owned()),
        tax: "sales tax".to_owned(),
        scope: TaxScope::All,
        rate_percent: "10".parse().unwrap(),
        treatment: None,
        valid_from: day("2020-01-01"),
        valid_to: None,
    };
    ledger.run(Command::PublishTaxRates(PublishTaxRates { rows: vec![row] }));
    ledger.offer("e5", ProductFamily::License, &[("USD", "28.40", None), ("USD", "2.00", Some("pstn"))]);
    ledger.buyer("c1", "US", &["e5"]);
    assert_eq!(ledger.invoices(), ["p-L-USD-000001 2020-06-15 x 2 = 33.24 due 2020-08-14"]);
    ledger.run(Command::UpdateBillingProfile(update("Somebody else")));

    let number = list_invoices(&ledger.history.rows, None, ALL).unwrap().items[0].invoice_number.clone();
    let invoice = get_invoice(&ledger.history.rows, &number).unwrap().unwrap();
    let totals = invoice.totals.map(|sum| currency("USD").round(sum));
    let shown = [totals.license_charges, totals.subtotal, totals.tax, totals.tax_included].map(|sum| sum.to_string());
    assert_eq!(shown, ["30.40", "30.40", "2.84", "0.18"]);
    let header = invoice.header.unwrap();
    assert_eq!((&*header.bill_to.name, &*header.customer_po, &*header.us_fein), ("Payable", "PO-7", "12-3456789"));
    let again = ledger.history.commits.iter().flat_map(|(_, events)| events).find_map(|event| match event {
        Event::InvoiceIssued(issued) => issued.header.clone(),
        _ => None,
    });
    assert_eq!(again, Some(header));
}
