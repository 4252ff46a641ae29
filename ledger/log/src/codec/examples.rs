//! One full example of each event and command: every field has a value that none does not have.

mod access;
mod claims;
mod incentives;
mod partners;
mod receivables;
mod records;
mod tax;
mod usage;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use subledger_domain::{
    Command, Event,
    charge::{AppliedPromotion, ChargeType, Charged, Derivation, InvoiceFamily, InvoiceTotals},
    command as c,
    customer::SuspensionReason,
    event as e,
    ids::{
        AzureSubscriptionId, CustomerId, InvoiceNumber, LineId, MpnId, OfferId, OrderId, PartnerId, PriceListId,
        PromotionId, SubscriptionId, TransferId,
    },
    money::{Currency, Money},
    offer::{
        Availability, BillingFrequency, Fulfilment, FulfilmentFact, Offer, OfferKind, OfferLimitScope, PriceComponent,
        PricePer, PriceRow, Product, ProductFamily, ProductKind, Promotion, ProrationRule, Reservation,
        ReservationScope,
    },
    party::{Address, AgreementMode, AgreementVersion, Contact, PartnerKind, RelationshipOrigin, Segment},
    tax::{TaxRule, TaxScope, TaxTreatment},
};

use crate::{Family, PartitionId, Position};

fn customer() -> CustomerId {
    CustomerId::new("contoso").unwrap()
}

fn partner() -> PartnerId {
    PartnerId::new("p-1").unwrap()
}

fn other_partner() -> PartnerId {
    PartnerId::new("p-2").unwrap()
}

fn subscription() -> SubscriptionId {
    SubscriptionId::new("s-1").unwrap()
}

fn other_subscription() -> SubscriptionId {
    SubscriptionId::new("s-2").unwrap()
}

fn order() -> OrderId {
    OrderId::new("o-1").unwrap()
}

fn offer_id() -> OfferId {
    OfferId::new("195416c1-3447-423a-b37b-ee59a99a19c4").unwrap()
}

fn price_list() -> PriceListId {
    PriceListId::new("2018-02").unwrap()
}

fn transfer() -> TransferId {
    TransferId::new("t-1").unwrap()
}

fn line_id() -> LineId {
    LineId::new("cmd-1:0").unwrap()
}

fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 2, day).unwrap()
}

pub(super) fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_519_776_000, 123_456_789).unwrap()
}

fn address() -> Address {
    Address {
        country: "US".into(),
        line1: "One Way".into(),
        city: "Redmond".into(),
        state: "WA".into(),
        postal_code: "98052".into(),
    }
}

fn contact() -> Contact {
    Contact {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@contoso.example".into(),
        phone: "+1 425 555 0100".into(),
    }
}

fn prices() -> Vec<PriceComponent> {
    vec![PriceComponent { component: Some("base".into()), unit_price: amount("4.00"), per: PricePer::Month }]
}

fn offer() -> Offer {
    Offer {
        offer_id: offer_id(),
        display_name: "Exchange Online (Plan 1)".into(),
        product_family: ProductFamily::License,
        kind: OfferKind::AddOn,
        term_months: 12,
        billing_frequencies: BTreeSet::from([BillingFrequency::Monthly, BillingFrequency::Annual]),
        minimum_quantity: 1,
        maximum_quantity: Some(300),
        limit_scope: OfferLimitScope::Lifetime,
        limit: 2,
        prerequisite_offer_ids: BTreeSet::from([OfferId::new("base-offer").unwrap()]),
        markets: BTreeSet::from(["DE".to_owned(), "US".to_owned()]),
        proration_rule: ProrationRule::PublishedFormula,
        split_rebill_at_anniversary: true,
        end_of_sale: Some(day(27)),
        tax_scope: Some(TaxScope::Reservation),
        product: None,
    }
}

fn price_row() -> PriceRow {
    PriceRow {
        change_flag: "CHG".into(),
        valid_from: day(1),
        valid_to: Some(day(28)),
        offer_display_name: "Exchange Online (Plan 1)".into(),
        offer_id: offer_id(),
        license_agreement_type: "corporate".into(),
        purchase_unit: PricePer::Year,
        secondary_license_type: "non-specific".into(),
        end_customer_type: "corporate".into(),
        list_price: amount("48.00"),
        erp_price: Some(amount("60.00")),
        component: Some("base".into()),
    }
}

fn reflects() -> Vec<Position> {
    vec![
        Position { partition: PartitionId::CATALOG, seq: 7 },
        Position { partition: PartitionId::new(Family::Customers, 3), seq: 99 },
    ]
}

fn transfer_lines() -> Vec<e::TransferLine> {
    vec![e::TransferLine {
        subscription_id: subscription(),
        offer_id: offer_id(),
        quantity: 5,
        base_subscription_id: Some(SubscriptionId::new("s-base").unwrap()),
        new_subscription_id: Some(other_subscription()),
        azure_subscription_id: None,
        last_billed: None,
    }]
}

fn charged() -> Charged {
    Charged {
        line_id: line_id(),
        customer_id: customer(),
        partner_id: partner(),
        subscription_id: subscription(),
        order_id: order(),
        offer_id: offer_id(),
        offer_name: "Exchange Online (Plan 1)".into(),
        invoice_family: InvoiceFamily::LicenseUsage,
        charge_type: ChargeType::CycleInstanceProrate,
        charge_start: day(10),
        charge_end: day(28),
        unit_price: amount("-2.57"),
        quantity: 12,
        amount: amount("-30.84"),
        currency: usd(),
        charged_on: day(11),
        component: Some("base".into()),
        sku: Some("gold".into()),
        subscription_description: Some("Free trial".into()),
        purchase_date: day(9),
        billing_frequency: Some(BillingFrequency::Annual),
        reverses_line_id: Some(LineId::new("cmd-0:3").unwrap()),
        derivation: Derivation {
            rule: ProrationRule::RoundedUnit,
            period_price: amount("4.0000"),
            period_days: 28,
            billed_days: 18,
        },
        reseller_id: Some(other_partner()),
        discount: Some(promotion().on(usd(), amount("-30.84"))),
        tax: Some(
            TaxRule { name: "VAT DE".into(), treatment: TaxTreatment::Exclusive, rate_percent: amount("19") }
                .on(usd(), amount("-26.21")),
        ),
        reference: Some("EX25194".into()),
        // A field of its own, so that the bytes of lines without usage stay as they are.
        usage: None,
    }
}

fn promotion() -> AppliedPromotion {
    AppliedPromotion { promotion_id: PromotionId::new("spring").unwrap(), percent: amount("15"), until: None }
}

fn published_promotion() -> Promotion {
    Promotion {
        promotion_id: PromotionId::new("spring").unwrap(),
        display_name: "Spring".into(),
        offer_ids: BTreeSet::from([offer_id()]),
        percent: amount("15"),
        first_day: day(1),
        last_day: Some(day(28)),
        markets: BTreeSet::from(["DE".to_owned()]),
        months: Some(6),
    }
}

fn totals() -> InvoiceTotals {
    InvoiceTotals {
        license_charges: amount("1000.00"),
        usage_charges: amount("30.00"),
        one_time_charges: amount("7.43"),
        discounts: amount("10.00"),
        credits: amount("-3.00"),
        subtotal: amount("1037.43"),
        tax: amount("197.13"),
        tax_included: amount("1.00"),
    }
}

fn subscription_created() -> e::SubscriptionCreated {
    e::SubscriptionCreated {
        customer_id: customer(),
        partner_id: partner(),
        subscription_id: subscription(),
        order_id: order(),
        offer_id: offer_id(),
        offer_name: "Exchange Online (Plan 1)".into(),
        product_family: ProductFamily::MarketplaceSaas,
        base_subscription_id: Some(other_subscription()),
        quantity: 12,
        billing_frequency: Some(BillingFrequency::Monthly),
        term_months: 12,
        start: day(1),
        term_end: NaiveDate::from_ymd_opt(2019, 2, 1).unwrap(),
        prices: prices(),
        currency: usd(),
        price_list_id: price_list(),
        proration_rule: ProrationRule::DailyRate3dp,
        split_rebill_at_anniversary: true,
        auto_renew: true,
        reseller_id: Some(other_partner()),
        friendly_name: Some("Mail".into()),
        sku: Some("gold".into()),
        trial_end: Some(day(15)),
        transferred_from_subscription_id: Some(SubscriptionId::new("s-0").unwrap()),
        hold_days: 60,
        ordered_at: at(),
        promotion: Some(promotion()),
        product_kind: None,
        authorization_code: None,
        reservation: None,
    }
}

fn invoice_issued() -> e::InvoiceIssued {
    e::InvoiceIssued {
        partner_id: partner(),
        invoice_number: InvoiceNumber::new("D020001IQP").unwrap(),
        family: InvoiceFamily::OneTimeRecurring,
        currency: usd(),
        period_start: day(1),
        period_end: day(28),
        invoice_date: day(28),
        due_date: NaiveDate::from_ymd_opt(2018, 4, 29).unwrap(),
        total: amount("1234.56"),
        totals: totals(),
        line_count: 17,
        lines_digest: (0..32).collect(),
        reflects: reflects(),
        header: Some(tax::invoice_header()),
        withholding_credits: Vec::new(),
    }
}

fn catalog_and_partner_events() -> Vec<Event> {
    vec![
        e::OfferPublished { offer: offer() }.into(),
        e::PricesPublished { price_list_id: price_list(), currency: usd(), rows: vec![price_row()] }.into(),
        e::DayClosed { date: day(28) }.into(),
        e::PromotionPublished { promotion: published_promotion() }.into(),
        e::RefundCapPublished { currency: usd(), valid_from: day(1), amount: amount("50000.00") }.into(),
        e::PartnerRegistered {
            partner_id: partner(),
            name: "Fabrikam".into(),
            kind: PartnerKind::IndirectProvider,
            country: "US".into(),
            currency: usd(),
            billing_day: 31,
            mpn_id: "4391227".into(),
            registered_on: day(2),
        }
        .into(),
        invoice_issued().into(),
    ]
}

fn customer_events() -> Vec<Event> {
    vec![
        e::CustomerCreated {
            customer_id: customer(),
            partner_id: partner(),
            company_name: "Contoso".into(),
            domain_name: "contoso.onmicrosoft.example".into(),
            address: address(),
            contact: contact(),
        }
        .into(),
        e::AgreementAccepted {
            customer_id: customer(),
            mode: AgreementMode::PartnerAttestation,
            partner_id: Some(partner()),
            signatory: contact(),
            accepted_on: day(3),
            version: None,
            language: None,
        }
        .into(),
        e::RelationshipRequested {
            customer_id: customer(),
            partner_id: partner(),
            delegated_admin: true,
            reseller_id: Some(other_partner()),
            expires_on: None,
        }
        .into(),
        e::RelationshipEstablished {
            customer_id: customer(),
            partner_id: partner(),
            delegated_admin: true,
            reseller_id: Some(other_partner()),
            origin: RelationshipOrigin::Invitation,
        }
        .into(),
        e::RelationshipRemoved { customer_id: customer(), partner_id: partner() }.into(),
        e::OrderPlaced {
            customer_id: customer(),
            partner_id: partner(),
            order_id: order(),
            subscription_ids: vec![subscription(), other_subscription()],
            by_customer: false,
            location_mpn_id: Some(MpnId::new("5359761").unwrap()),
        }
        .into(),
        e::TransferRequested {
            customer_id: customer(),
            transfer_id: transfer(),
            source_partner_id: partner(),
            target_partner_id: other_partner(),
            lines: transfer_lines(),
            requested_on: day(4),
            expires_on: Some(day(20)),
            form: None,
        }
        .into(),
        e::TransferCompleted {
            customer_id: customer(),
            transfer_id: transfer(),
            source_partner_id: partner(),
            target_partner_id: other_partner(),
            lines: transfer_lines(),
        }
        .into(),
        e::TransferDeclined { customer_id: customer(), transfer_id: transfer(), note: "too many seats".into() }.into(),
        e::TransferWithdrawn { customer_id: customer(), transfer_id: transfer() }.into(),
        e::TransferExpired { customer_id: customer(), transfer_id: transfer() }.into(),
        charged().into(),
        e::PartitionDayClosed { date: day(28) }.into(),
    ]
}

fn subscription_events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name { customer_id: customer(), subscription_id: subscription(), $($field: $value),* })
        };
    }
    vec![
        subscription_created().into(),
        on!(QuantityChanged { from: 5, to: 12, effective_on: day(10) }),
        on!(SubscriptionSuspended { reason: SuspensionReason::NonPayment, effective_on: day(10), expires_on: day(25) }),
        on!(SubscriptionReactivated { effective_on: day(11) }),
        on!(SubscriptionCancelled { effective_on: day(12) }),
        e::BillingFrequencyChanged {
            customer_id: customer(),
            order_id: order(),
            from: BillingFrequency::Monthly,
            to: BillingFrequency::Annual,
            subscription_ids: vec![subscription()],
        }
        .into(),
        on!(AutoRenewChanged { auto_renew: true }),
        on!(SubscriptionConverted {
            from_sku: Some("gold".into()),
            to_sku: "platinum".into(),
            prices: prices(),
            offer_id: offer_id(),
            offer_name: "Plan".into(),
            effective_on: day(13),
        }),
        on!(SubscriptionRenewed {
            term_number: 2,
            term_start: day(1),
            term_end: day(28),
            prices: prices(),
            price_list_id: price_list(),
        }),
        on!(SubscriptionExpired { effective_on: day(14) }),
        on!(SubscriptionDeprovisioned { effective_on: day(15) }),
        on!(TermRolled {
            term_number: 3,
            term_start: day(1),
            term_end: day(28),
            prices: prices(),
            price_list_id: price_list(),
        }),
        on!(TermEnded { effective_on: day(16) }),
        on!(TrialConverted { paid_from: day(17), term_end: day(28) }),
        on!(CancellationScheduled { effective_on: day(18) }),
        on!(PeriodStarted { start: day(1), end: day(28), quantity: 12 }),
        on!(FulfilmentConfirmed { fact: FulfilmentFact::SetupConfirmed, effective_on: day(19) }),
        on!(SubscriptionActivated { start: day(19), trial_end: Some(day(20)), term_end: day(28) }),
        on!(CancellationWithdrawn {}),
        on!(ReservationRefunded {
            partner_id: partner(),
            effective_on: day(21),
            elapsed_days: 6,
            remaining_days: 359,
            used: true,
            value: amount("3590.00"),
            fee: amount("430.80"),
            credit: amount("3159.20"),
            currency: usd(),
            capped: true,
        }),
        on!(ReservationExchanged {
            new_subscription_id: other_subscription(),
            effective_on: day(22),
            credit: amount("1810.00"),
            price: amount("5000.00"),
            currency: usd(),
        }),
        on!(ReservationChanged {
            reservation: Reservation { azure_subscription_id: other_subscription(), scope: ReservationScope::Shared },
            effective_on: day(23),
        }),
    ]
}

/// What events have had only since a later version: earlier bytes have nothing of it.
pub(super) fn later_fields() -> Vec<Event> {
    let line = e::TransferLine {
        azure_subscription_id: Some(AzureSubscriptionId::new("azure-1").unwrap()),
        last_billed: Some(Money { amount: amount("12.34"), currency: usd() }),
        ..transfer_lines().remove(0)
    };
    let [programs, closed] = incentives::with_coop();
    vec![
        programs,
        closed,
        e::RelationshipRequested {
            customer_id: customer(),
            partner_id: partner(),
            delegated_admin: true,
            reseller_id: None,
            expires_on: Some(day(20)),
        }
        .into(),
        e::DelegatedAdminRequested { customer_id: customer(), partner_id: partner(), expires_on: Some(day(20)) }.into(),
        e::OrderPlaced {
            customer_id: customer(),
            partner_id: partner(),
            order_id: order(),
            subscription_ids: vec![subscription()],
            by_customer: true,
            location_mpn_id: Some(MpnId::new("5359761").unwrap()),
        }
        .into(),
        e::TransferRequested {
            customer_id: customer(),
            transfer_id: transfer(),
            source_partner_id: partner(),
            target_partner_id: other_partner(),
            lines: vec![line],
            requested_on: day(4),
            expires_on: None,
            form: Some(e::FormRequest { customer_requested_on: day(3), ticket_id: "T-17".into() }),
        }
        .into(),
    ]
}

/// An offer and a subscription with everything that a plain one has not.
pub(super) fn products() -> Vec<Event> {
    let product = Product {
        kind: Some(ProductKind::SoftwarePerpetual),
        product_id: Some("backup".into()),
        publisher_name: Some("Tailspin".into()),
        fulfilment: Fulfilment::Publisher,
        availability: Availability::Selected,
        granted_partner_ids: BTreeSet::from([partner()]),
        free_trial_days: 30,
        not_returnable: true,
        segments: BTreeSet::from([Segment::Education, Segment::NonProfit]),
    };
    let reservation = Reservation { azure_subscription_id: other_subscription(), scope: ReservationScope::Single };
    let until = Some(day(28));
    vec![
        e::OfferPublished {
            offer: Offer {
                product: Some(product),
                billing_frequencies: BTreeSet::from([BillingFrequency::OneTime]),
                ..offer()
            },
        }
        .into(),
        e::SubscriptionCreated {
            product_kind: Some(ProductKind::Reservation),
            authorization_code: Some("code-1".into()),
            reservation: Some(reservation),
            promotion: Some(AppliedPromotion { until, ..promotion() }),
            prices: vec![PriceComponent { per: PricePer::Term, ..prices().remove(0) }],
            ..subscription_created()
        }
        .into(),
        Charged { usage: Some(usage::charge()), ..charged() }.into(),
    ]
}

/// One of each event.
pub(crate) fn events() -> Vec<Event> {
    [
        catalog_and_partner_events(),
        tax::events(),
        customer_events(),
        subscription_events(),
        records::record_events(),
        records::user_events(),
        records::life_events(),
        receivables::events(),
        usage::events(),
        partners::events(),
        claims::events(),
        incentives::events(),
        access::events(),
    ]
    .concat()
}

fn purchase_line() -> c::PurchaseLine {
    c::PurchaseLine {
        subscription_id: Some(subscription()),
        offer_id: offer_id(),
        quantity: 12,
        billing_frequency: Some(BillingFrequency::Annual),
        base_subscription_id: Some(other_subscription()),
        reseller_id: Some(other_partner()),
        friendly_name: Some("Mail".into()),
        sku: Some("gold".into()),
        free_trial_days: 30,
        auto_renew: Some(false),
        azure_subscription_id: Some(other_subscription()),
        reservation_scope: Some(ReservationScope::Shared),
    }
}

fn purchase() -> c::Purchase {
    c::Purchase {
        location_mpn_id: Some(MpnId::new("5359761").unwrap()),
        customer_id: customer(),
        partner_id: partner(),
        order_id: Some(order()),
        lines: vec![purchase_line()],
        by_customer: true,
    }
}

fn catalog_and_partner_commands() -> Vec<Command> {
    vec![
        Command::PublishOffers(c::PublishOffers { offers: vec![offer()] }),
        Command::PublishPriceList(c::PublishPriceList {
            price_list_id: price_list(),
            currency: usd(),
            rows: vec![price_row()],
        }),
        Command::CloseDay(c::CloseDay { date: day(28) }),
        Command::PublishPromotions(c::PublishPromotions { promotions: vec![published_promotion()] }),
        Command::PublishRefundCap(c::PublishRefundCap {
            currency: usd(),
            valid_from: day(1),
            amount: amount("50000.00"),
        }),
        Command::RegisterPartner(c::RegisterPartner {
            partner_id: partner(),
            name: "Fabrikam".into(),
            kind: PartnerKind::IndirectReseller,
            country: "US".into(),
            currency: usd(),
            billing_day: 9,
            mpn_id: "4391227".into(),
        }),
        Command::IssueInvoice(c::IssueInvoice {
            partner_id: partner(),
            family: InvoiceFamily::LicenseUsage,
            currency: usd(),
            period_start: day(1),
            period_end: day(28),
            invoice_date: day(28),
            total: amount("1234.56"),
            totals: totals(),
            line_count: 17,
            lines_digest: (0..32).collect(),
            reflects: reflects(),
        }),
        Command::MarkDay(c::MarkDay { date: day(28) }),
    ]
}

fn customer_commands() -> Vec<Command> {
    macro_rules! of {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Command::$name(c::$name { customer_id: customer(), $($field: $value),* })
        };
    }
    vec![
        of!(CreateCustomer {
            partner_id: partner(),
            company_name: "Contoso".into(),
            domain_prefix: "contoso".into(),
            address: address(),
            contact: contact(),
            reseller_id: Some(other_partner()),
        }),
        of!(AcceptAgreement {
            mode: AgreementMode::CustomerDirect,
            partner_id: Some(partner()),
            signatory: contact(),
            accepted_on: day(3),
            version: Some(AgreementVersion::CloudAgreement),
            language: Some("German".into()),
        }),
        of!(RequestRelationship {
            partner_id: partner(),
            delegated_admin: true,
            reseller_id: Some(other_partner()),
            expires_after_days: Some(30),
        }),
        of!(AcceptRelationship { partner_id: partner() }),
        of!(RemoveRelationship { partner_id: partner() }),
        Command::Purchase(purchase()),
        of!(ChangeQuantity { partner_id: partner(), subscription_id: subscription(), quantity: 7 }),
        of!(Suspend { partner_id: partner(), subscription_id: subscription(), reason: SuspensionReason::Fraud }),
        of!(Reactivate { partner_id: partner(), subscription_id: subscription() }),
        of!(Cancel {
            partner_id: partner(),
            subscription_id: subscription(),
            reservation_used: Some(false),
            accept_capped_refund: true,
        }),
        of!(ConfirmFulfilment {
            subscription_id: subscription(),
            fact: FulfilmentFact::LicensesAssigned,
            authorization_code: "code-1".into(),
        }),
        of!(ExchangeReservation {
            partner_id: partner(),
            subscription_id: subscription(),
            order_id: Some(order()),
            line: purchase_line(),
        }),
        of!(ChangeReservation {
            partner_id: partner(),
            subscription_id: subscription(),
            scope: Some(ReservationScope::Shared),
            azure_subscription_id: Some(other_subscription()),
        }),
        of!(ChangeBillingFrequency {
            partner_id: partner(),
            order_id: order(),
            billing_frequency: BillingFrequency::Annual,
            subscription_ids: vec![subscription()]
        }),
        of!(SetAutoRenew { partner_id: partner(), subscription_id: subscription(), auto_renew: true }),
        of!(Convert {
            partner_id: partner(),
            subscription_id: subscription(),
            to_sku: "platinum".into(),
            to_offer_id: offer_id(),
        }),
        of!(RequestTransfer {
            transfer_id: Some(transfer()),
            source_partner_id: partner(),
            target_partner_id: other_partner(),
            subscription_ids: vec![subscription(), other_subscription()],
            expires_after_days: Some(30),
        }),
        of!(AcceptTransfer { transfer_id: transfer(), partner_id: other_partner() }),
        of!(DeclineTransfer { transfer_id: transfer(), partner_id: other_partner(), note: "no".into() }),
        of!(WithdrawTransfer { transfer_id: transfer(), partner_id: partner() }),
        of!(RunDue { date: day(28) }),
    ]
}

/// One of each command.
pub(crate) fn commands() -> Vec<Command> {
    [
        catalog_and_partner_commands(),
        tax::commands(),
        customer_commands(),
        records::record_commands(),
        records::user_commands(),
        records::life_commands(),
        receivables::commands(),
        usage::commands(),
        partners::commands(),
        claims::commands(),
        incentives::commands(),
        access::commands(),
    ]
    .concat()
}
