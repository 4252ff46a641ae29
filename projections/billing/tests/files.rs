//! Reconciliation files from the read model: facts that come late fill in, pages join without a seam, and a line is explained.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{History, amount, currency, day, fold, partner_id};
use subledger_billing::{
    FilePart, Selection, currencies, explain_charge, invoice_selection, list_invoices, reconciliation_layout,
    reconciliation_part,
};
use subledger_domain::{
    charge::{AppliedPromotion, Basis, ChargeType, InvoiceFamily},
    event::{
        CustomerCreated, MetersPublished, OfferPublished, PartnerRegistered, SubscriptionCreated, SubscriptionRenewed,
    },
    ids::{LineId, MeterId, PromotionId},
    offer::{
        BillingFrequency, Offer, OfferKind, OfferLimitScope, PriceComponent, PricePer, Product, ProductFamily,
        ProrationRule,
    },
    party::{Address, Contact, PartnerKind},
    position::Family,
    usage::{Meter, MeterFamily, UsageCharge},
};
use subledger_fold::{memory::Memory, page::PageRequest};

fn provider(id: &str, kind: PartnerKind, mpn_id: &str) -> PartnerRegistered {
    PartnerRegistered {
        partner_id: partner_id(id),
        name: format!("Name of {id}"),
        kind,
        country: "US".to_owned(),
        currency: currency("USD"),
        billing_day: 15,
        mpn_id: mpn_id.to_owned(),
        registered_on: day("2018-01-01"),
    }
}

fn customer() -> CustomerCreated {
    let contact =
        Contact { first_name: "K".into(), last_name: "L".into(), email: "k@example.com".into(), phone: String::new() };
    CustomerCreated {
        customer_id: "c-1".to_owned().try_into().unwrap(),
        partner_id: partner_id("provider"),
        company_name: "Fabrikam, \"Inc.\"".into(),
        domain_name: "fabrikam.onmicrosoft.com".into(),
        address: Address {
            country: "DE".into(),
            line1: "1".into(),
            city: "Berlin".into(),
            state: String::new(),
            postal_code: "10115".into(),
        },
        contact,
    }
}

fn subscription() -> SubscriptionCreated {
    SubscriptionCreated {
        customer_id: "c-1".to_owned().try_into().unwrap(),
        partner_id: partner_id("provider"),
        subscription_id: "s-1".to_owned().try_into().unwrap(),
        order_id: "o".to_owned().try_into().unwrap(),
        offer_id: "offer".to_owned().try_into().unwrap(),
        offer_name: "Office 365 E3".into(),
        product_family: ProductFamily::License,
        base_subscription_id: None,
        quantity: 1,
        billing_frequency: Some(BillingFrequency::Monthly),
        term_months: 12,
        start: day("2018-01-13"),
        term_end: day("2019-01-13"),
        prices: vec![PriceComponent { component: None, unit_price: amount("10.00"), per: PricePer::Month }],
        currency: currency("USD"),
        price_list_id: "2018-01-US".to_owned().try_into().unwrap(),
        proration_rule: ProrationRule::Exact,
        split_rebill_at_anniversary: false,
        auto_renew: true,
        reseller_id: None,
        friendly_name: Some("Head office".into()),
        sku: None,
        trial_end: None,
        transferred_from_subscription_id: None,
        hold_days: 90,
        ordered_at: day("2018-01-13").and_hms_opt(9, 0, 0).unwrap().and_utc(),
        promotion: None,
        product_kind: None,
        reservation: None,
        authorization_code: None,
    }
}

/// Lines of one subscription: the partner's own sale, one through a reseller with a number, one through a reseller without.
fn history() -> History {
    let mut h = History::new(1);
    let mut events = vec![customer().into(), subscription().into()];
    for (on, reseller) in [("2018-01-13", None), ("2018-01-14", Some("reseller")), ("2018-01-15", Some("nameless"))] {
        let mut line = h.line("provider", InvoiceFamily::LicenseUsage, "USD", on, "10.00");
        line.customer_id = "c-1".to_owned().try_into().unwrap();
        line.subscription_id = "s-1".to_owned().try_into().unwrap();
        line.reseller_id = reseller.map(partner_id);
        events.push(line.into());
    }
    // A later term, which the lines of the first one do not show.
    let renewed = SubscriptionRenewed {
        customer_id: "c-1".to_owned().try_into().unwrap(),
        subscription_id: "s-1".to_owned().try_into().unwrap(),
        term_number: 2,
        term_start: day("2019-01-13"),
        term_end: day("2020-01-13"),
        prices: vec![PriceComponent { component: None, unit_price: amount("12.00"), per: PricePer::Month }],
        price_list_id: "2019-01-US".to_owned().try_into().unwrap(),
    };
    events.push(renewed.into());
    h.append(Family::Customers, 0, events);
    h.append(Family::Partners, 0, vec![provider("provider", PartnerKind::IndirectProvider, "4390934").into()]);
    h.append(Family::Partners, 0, vec![provider("reseller", PartnerKind::IndirectReseller, "777").into()]);
    h.append(Family::Partners, 0, vec![provider("nameless", PartnerKind::IndirectReseller, "").into()]);
    h.close("2018-01-15");
    h.issue();
    h
}

/// The whole file, in pages of this size.
fn file(rows: &Memory, of: &Selection, size: usize) -> String {
    let layout = reconciliation_layout(rows, of).unwrap();
    let (mut bytes, mut token) = (Vec::new(), String::new());
    loop {
        let FilePart { bytes: part, next, .. } =
            reconciliation_part(rows, of, &layout, PageRequest { size, token: &token }).unwrap();
        bytes.extend(part);
        match next {
            Some(next) => token = next,
            None => return String::from_utf8(bytes).unwrap(),
        }
    }
}

fn of_first_invoice(rows: &Memory) -> Selection {
    let invoices = list_invoices(rows, None, common::ALL).unwrap().items;
    invoice_selection(rows, &invoices[0].invoice_number).unwrap().unwrap()
}

#[test]
fn a_file_has_the_published_columns_and_the_rules_of_resellers() {
    let h = history();
    let text = file(&h.rows, &of_first_invoice(&h.rows), 100);
    let rows: Vec<Vec<&str>> = text.split_terminator("\r\n").skip(1).map(|row| row.split(',').collect()).collect();
    // The quoted name has a comma of its own: columns after it are one further.
    let mpn: Vec<_> = rows.iter().map(|row| (row[4], row[5])).collect();
    assert_eq!(mpn, [("4390934", "4390934"), ("4390934", "777"), ("4390934", "4390934")]);
    assert_eq!(rows[0][2..4].join(","), "\"Fabrikam, \"\"Inc.\"\"\"");
    assert_eq!(
        rows[0][6..].join(","),
        "o,c-1/s-1,s-1,offer,offer,Office 365 E3,1/13/2018 0:00,1/13/2019 0:00,1/13/2018 0:00,2/11/2018 23:59,Cycle fee,\
         10.00,1,10.00,0.00,10.00,0.00,10.00,USD,fabrikam.onmicrosoft.com,Head office,Office 365 E3,Monthly"
    );
}

#[test]
fn pages_of_any_size_give_the_same_bytes() {
    let h = history();
    let of = of_first_invoice(&h.rows);
    let whole = file(&h.rows, &of, 100);
    assert_eq!(whole.lines().count(), 4);
    for size in [1, 2, 3] {
        assert_eq!(file(&h.rows, &of, size), whole);
    }
}

#[test]
fn facts_that_come_late_fill_in() {
    let h = history();
    let of = of_first_invoice(&h.rows);
    let mut late = Memory::default();
    let (partners, customers): (Vec<_>, Vec<_>) =
        h.commits.iter().cloned().partition(|(position, _)| position.partition.family == Family::Partners);
    fold(&mut late, &customers);
    // Nothing is known of the partner yet: its cells are empty, and no reseller is left out.
    assert!(file(&late, &of, 100).contains(",,,o,c-1/s-1,"), "{}", file(&late, &of, 100));
    fold(&mut late, &partners);
    assert_eq!(file(&late, &of, 100), file(&h.rows, &of, 100));
    assert!(late == h.rows);
}

#[test]
fn a_direct_partner_has_no_reseller_column() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-02", "100.00");
    h.charge_in(0, "p1", InvoiceFamily::OneTimeRecurring, "EUR", "2018-01-02", "5.00");
    h.charge_in(0, "p1", InvoiceFamily::OneTimeRecurring, "JPY", "2018-01-02", "500");
    let of = |family, code: &str| Selection {
        partner_id: partner_id("p1"),
        family,
        currency: currency(code),
        from: Some(day("2018-01-01")),
        until: day("2018-02-01"),
        invoice_number: None,
    };
    let license = file(&h.rows, &of(InvoiceFamily::LicenseUsage, "USD"), 10);
    assert_eq!(license.lines().next().unwrap().split(',').count(), 27);
    let known = currencies(&h.rows, &partner_id("p1"), InvoiceFamily::OneTimeRecurring).unwrap();
    assert_eq!(known, [currency("EUR"), currency("JPY")]);
    let yen = file(&h.rows, &of(InvoiceFamily::OneTimeRecurring, "JPY"), 10);
    assert_eq!(yen.lines().count(), 2);
    assert!(yen.contains(",500,500,1,500,0,500,0,500,JPY,JPY,1,,"), "{yen}");
    // A month without lines is a header.
    let other =
        Selection { from: Some(day("2018-02-01")), until: day("2018-03-01"), ..of(InvoiceFamily::LicenseUsage, "USD") };
    assert_eq!(file(&h.rows, &other, 10).lines().count(), 1);
}

/// An offer of a publisher, or a first-party one.
fn offer(id: &str, publisher: Option<&str>) -> Offer {
    Offer {
        offer_id: id.to_owned().try_into().unwrap(),
        display_name: id.to_owned(),
        product_family: ProductFamily::MarketplaceSaas,
        kind: OfferKind::Base,
        term_months: 12,
        billing_frequencies: [BillingFrequency::Monthly].into(),
        minimum_quantity: 1,
        maximum_quantity: None,
        limit_scope: OfferLimitScope::None,
        limit: 0,
        prerequisite_offer_ids: [].into(),
        markets: [].into(),
        proration_rule: ProrationRule::RoundedUnit,
        split_rebill_at_anniversary: false,
        end_of_sale: None,
        tax_scope: None,
        product: publisher.map(|name| Product {
            product_id: Some("mail".to_owned()),
            publisher_name: Some(name.to_owned()),
            ..Product::default()
        }),
    }
}

fn meter(id: &str, publisher_name: &str, tag: &str) -> Meter {
    Meter {
        meter_id: MeterId::new(id).unwrap(),
        product_id: "DZH318Z0".to_owned(),
        sku_id: "0001".to_owned(),
        availability_id: "DZH3".to_owned(),
        product_name: "Virtual Machines".to_owned(),
        sku_name: "D2".to_owned(),
        publisher_name: publisher_name.to_owned(),
        family: MeterFamily::Consumption,
        meter_type: String::new(),
        category: String::new(),
        sub_category: String::new(),
        name: String::new(),
        region: String::new(),
        unit: "1 Hour".to_owned(),
        tags: [tag.to_owned()].into(),
        no_credit_from: None,
    }
}

/// What G43 adds to the examples' columns, of usage with credit (worked example 11), of another publisher's product with a promotion, and
/// of a first-party one.
#[test]
fn a_one_time_file_says_price_after_credit_rate_and_publisher() {
    let mut h = History::new(1);
    h.register("p1", "EUR", 15, "2019-01-01");
    for (id, publisher) in [("saas", Some("Tailspin")), ("server", None)] {
        h.append(Family::Catalog, 0, vec![OfferPublished { offer: offer(id, publisher) }.into()]);
    }
    let meters = vec![meter("m1", "", "Azure"), meter("m2", "", "Third Party"), meter("m3", "Contoso", "Third Party")];
    h.append(Family::Catalog, 0, vec![MetersPublished { meters }.into()]);
    let mut lines = Vec::new();
    for (number, sold) in ["saas", "server", "elsewhere", "m1", "m2", "m3"].into_iter().enumerate() {
        let mut line = h.line("p1", InvoiceFamily::OneTimeRecurring, "EUR", "2019-10-31", "10.06");
        line.subscription_id = format!("s-{number}").try_into().unwrap();
        line.offer_id = sold.to_owned().try_into().unwrap();
        if sold == "saas" {
            let promotion_id = PromotionId::new("promotion").unwrap();
            let promotion = AppliedPromotion { promotion_id, percent: amount("12.5"), until: None };
            line.discount = Some(promotion.on(line.currency, line.amount));
        } else if sold.starts_with('m') {
            line.sku = None;
            line.usage = Some(UsageCharge {
                meter_id: MeterId::new(sold).unwrap(),
                unit: "1 Hour".to_owned(),
                month: day("2019-10-01"),
                quantity: amount("648.5"),
                quantity_before: amount("0.500"),
                unit_price: amount("0.02"),
                credit_percent: if sold == "m1" { amount("15") } else { amount("0") },
                pricing_currency: currency("USD"),
                exchange_rate: amount("0.913951469"),
                charged_before: amount("0"),
                earned_credit: amount("1.78"),
                credited_before: amount("0"),
            });
        }
        lines.push(line.into());
    }
    h.append(Family::Customers, 0, lines);
    let of = Selection {
        partner_id: partner_id("p1"),
        family: InvoiceFamily::OneTimeRecurring,
        currency: currency("EUR"),
        from: None,
        until: day("2019-11-01"),
        invoice_number: None,
    };
    let text = file(&h.rows, &of, 4);
    let mut rows = text.split_terminator("\r\n").map(|row| row.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    assert_eq!(header.len(), 41, "a direct partner has no reseller");
    let shown: Vec<String> = rows
        .map(|row| {
            let cell = |name: &str| row[header.iter().position(|column| *column == name).unwrap()];
            let names = [
                "DurableOfferId",
                "ProductId",
                "SkuId",
                "ProductName",
                "TermMonths",
                "UnitPrice",
                "EffectiveUnitPrice",
                "Quantity",
                "Subtotal",
                "Currency",
                "PricingCurrency",
                "PCToBCExchangeRate",
                "PCToBCExchangeRateDate",
                "PublisherName",
            ];
            names.map(cell).join(",")
        })
        .collect();
    let usage = "Virtual Machines,,0.02,{},648,10.06,EUR,USD,0.913951469,10/1/2019,";
    let usage = |price: &str| usage.replace("{}", price);
    assert_eq!(
        shown,
        [
            "saas,mail,P1,Office 365 E3,12,10.06,8.8025,1,8.80,EUR,EUR,1,,Tailspin".to_owned(),
            "server,,P1,Office 365 E3,12,10.06,10.06,1,10.06,EUR,EUR,1,,Microsoft".to_owned(),
            // Nothing is known of it: no publisher is guessed.
            "elsewhere,,P1,Office 365 E3,,10.06,10.06,1,10.06,EUR,EUR,1,,".to_owned(),
            format!("m1,DZH318Z0,0001,{}Microsoft", usage("0.017")),
            format!("m2,DZH318Z0,0001,{}", usage("0.02")),
            format!("m3,DZH318Z0,0001,{}Contoso", usage("0.02")),
        ]
    );
}

#[test]
fn a_credit_is_explained_by_what_it_takes_back() {
    let mut h = history();
    let mut credit = h.line("provider", InvoiceFamily::LicenseUsage, "USD", "2018-01-20", "-10.00");
    credit.customer_id = "c-1".to_owned().try_into().unwrap();
    credit.subscription_id = "s-1".to_owned().try_into().unwrap();
    credit.charge_type = ChargeType::CancelFee;
    credit.charge_start = day("2018-01-13");
    credit.reverses_line_id = Some(LineId::new("line-1").unwrap());
    let id = credit.line_id.clone();
    h.append(Family::Customers, 0, vec![credit.into()]);
    let explained = explain_charge(&h.rows, &id).unwrap().unwrap();
    assert_eq!(explained.arithmetic.basis, Basis::WhatIsLeft);
    assert_eq!(explained.arithmetic.amount.last().unwrap().value, amount("-10.00"));
    assert_eq!(explained.reverses.unwrap().line.line_id.as_str(), "line-1");
    assert_eq!(explained.charge.invoice_number, None);
    assert_eq!(explained.next_invoice_date, Some(day("2018-02-15")));
    let price = explained.price.unwrap();
    assert_eq!(price.price_list_id.unwrap().as_str(), "2018-01-US");

    let first = explain_charge(&h.rows, &LineId::new("line-1").unwrap()).unwrap().unwrap();
    assert_eq!(first.arithmetic.basis, Basis::Prorated);
    assert_eq!(first.reversed_by.len(), 1);
    assert!(first.charge.invoice_number.is_some() && first.next_invoice_date.is_none());
    assert_eq!(explain_charge(&h.rows, &LineId::new("line-99").unwrap()).unwrap(), None);
}
