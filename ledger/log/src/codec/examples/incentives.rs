//! Examples of incentives.

use subledger_domain::{
    Command, Event, command as c, event as e,
    ids::{DisputeId, IncentiveProgramId, PaymentId, UsagePeriodId},
    incentive::{
        Accelerator, BankProfile, CoopShare, CurrencyTotal, DatedRate, EarningType, EnrollmentStatus, IncentiveProduct,
        IncentiveProgram, Lever, LeverTotal, PaymentAmounts, PaymentMethod, PaymentStatus, ProgramEarner, RateCard,
        TaxProfile,
    },
    party::PartnerKind,
};

use super::{Currency, amount, at, day, offer_id, partner, reflects, usd};

fn program_id() -> IncentiveProgramId {
    IncentiveProgramId::new("csp-direct").unwrap()
}

fn payment_id() -> PaymentId {
    PaymentId::new("p-1-I-EUR-000001").unwrap()
}

fn dispute_id() -> DisputeId {
    DisputeId::new("d-1").unwrap()
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn mpn() -> String {
    "4391227".into()
}

fn coop() -> Vec<CoopShare> {
    vec![CoopShare {
        program: "coop-marketing-fund".into(),
        usage_period_id: UsagePeriodId::new("FY18-H2").unwrap(),
        amount_usd: amount("9.00"),
        currency: euro(),
        amount: amount("8.10"),
    }]
}

fn programs() -> Vec<IncentiveProgram> {
    let lever = Lever {
        name: "core".into(),
        earning_type: EarningType::Coop,
        products: [IncentiveProduct::AzureUsage].into(),
        offer_ids: [offer_id()].into(),
        rate: amount("0.04"),
        accelerators: vec![Accelerator { from_revenue: amount("1000.00"), rate: amount("0.06") }],
        minimum_revenue: amount("100.00"),
        cap: Some(amount("5000.00")),
        coop_program: None,
    };
    let card = RateCard {
        valid_from: day(1),
        valid_to: Some(day(28)),
        levers: vec![lever],
        cooling_days: 30,
        payment_days: 45,
        payment_threshold: amount("200.00"),
        clawback_months: 12,
    };
    vec![IncentiveProgram {
        program_id: program_id(),
        name: "CSP direct bill".into(),
        earner: ProgramEarner::Reseller,
        partner_kinds: [PartnerKind::IndirectReseller].into(),
        markets: ["DE".to_owned()].into(),
        excluded_offer_ids: [offer_id()].into(),
        cards: vec![card],
        discontinued_on: Some(day(28)),
    }]
}

fn rates() -> Vec<DatedRate> {
    vec![DatedRate { valid_from: day(1), from: euro(), to: usd(), rate: amount("1.094151469") }]
}

fn bank() -> BankProfile {
    BankProfile {
        account_reference: "vault-17".into(),
        country: "DE".into(),
        currency: euro(),
        method: PaymentMethod::CreditNote,
    }
}

fn tax() -> TaxProfile {
    TaxProfile {
        form: "W-8BEN-E".into(),
        country: "DE".into(),
        withholding_percent: amount("15"),
        sales_tax_percent: amount("19"),
        service_fee_tax_percent: amount("1"),
        tax_invoice_required: true,
    }
}

fn levers() -> Vec<LeverTotal> {
    vec![LeverTotal {
        card_from: day(1),
        lever: "core".into(),
        earning_type: EarningType::Coop,
        rate: Some(amount("0.04")),
        revenue_usd: amount("1000.00"),
        earned_usd: amount("40.00"),
        capped_usd: amount("2.00"),
    }]
}

fn totals() -> Vec<CurrencyTotal> {
    vec![CurrencyTotal { currency: euro(), revenue: amount("900.00"), earned: amount("36.00") }]
}

fn amounts() -> PaymentAmounts {
    PaymentAmounts {
        gross_usd: amount("40.00"),
        recouped_usd: amount("5.00"),
        earned_usd: amount("35.00"),
        currency: euro(),
        exchange_rate: amount("0.913951469"),
        earned: amount("31.99"),
        withheld_tax: amount("4.80"),
        sales_tax: amount("6.08"),
        service_fee_tax: amount("0.32"),
        total: amount("33.27"),
    }
}

/// Builds an event about the enrollment.
macro_rules! of {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        e::$name { partner_id: partner(), program_id: program_id(), mpn_id: mpn(), $($field: $value,)* }.into()
    };
}

/// One of each event.
pub(super) fn events() -> Vec<Event> {
    vec![
        e::IncentiveProgramsPublished { programs: programs() }.into(),
        e::IncentiveRatesPublished { rates: rates() }.into(),
        of!(IncentiveEnrollmentChanged {
            from: Some(EnrollmentStatus::ActionRequired),
            to: EnrollmentStatus::ValidatingEnrollment,
            on: day(3),
            reason: "data given".into(),
            unmet: ["competency".to_owned()].into(),
            validate_until: Some(at()),
        }),
        e::PayoutProfileUpdated { partner_id: partner(), bank: Some(bank()), tax: Some(tax()) }.into(),
        of!(EarningsClosed {
            period: day(1),
            earned_on: day(28),
            revision: 3,
            levers: levers(),
            totals: totals(),
            adjusted_usd: amount("-1.00"),
            earned_usd: amount("39.00"),
            coop: Vec::new(),
            line_count: 17,
            lines_digest: (0..32).collect(),
            order_on: day(28),
            payment_on: day(28),
            payment_threshold: amount("200.00"),
            is_last: true,
            reflects: reflects(),
        }),
        of!(IncentivePaymentOrdered {
            payment_id: payment_id(),
            periods: vec![day(1)],
            amounts: amounts(),
            method: PaymentMethod::ElectronicBankTransfer,
            ordered_on: day(27),
            payment_on: day(28),
        }),
        of!(IncentivePaymentDeferred {
            ordered_on: day(27),
            carried_usd: amount("39.00"),
            payment_threshold: amount("200.00"),
            not_ready: true,
        }),
        of!(IncentivePaymentStatusChanged {
            payment_id: payment_id(),
            from: PaymentStatus::Sent,
            to: PaymentStatus::IncorrectPayment,
            on: day(28),
            reason: "paid twice".into(),
            amounts: amounts(),
            recoup_usd: amount("35.00"),
        }),
        e::TaxInvoiceSubmitted {
            partner_id: partner(),
            payment_id: payment_id(),
            reference: "TI-1".into(),
            document_hash: "ab".repeat(32),
            submitted_on: day(28),
        }
        .into(),
        of!(EarningDisputed {
            dispute_id: dispute_id(),
            period: day(1),
            earning_id: "e-1".into(),
            amount: amount("12.00"),
            currency: euro(),
            reason: "the rate was 6 percent".into(),
            disputed_on: day(20),
        }),
        of!(EarningDisputeDecided {
            dispute_id: dispute_id(),
            earning_id: "e-1".into(),
            correction: Some(amount("12.00")),
            currency: euro(),
            note: "granted".into(),
            decided_on: day(21),
        }),
    ]
}

/// A lever that feeds a co-op fund, and a month of which a part went there.
pub(super) fn with_coop() -> [Event; 2] {
    let mut programs = programs();
    let levers = programs.iter_mut().flat_map(|program| &mut program.cards).flat_map(|card| &mut card.levers);
    levers.for_each(|lever| lever.coop_program = Some("coop-marketing-fund".into()));
    let closed = events().into_iter().find_map(|event| match event {
        Event::EarningsClosed(closed) => Some(e::EarningsClosed { coop: coop(), ..closed }),
        _ => None,
    });
    [e::IncentiveProgramsPublished { programs }.into(), closed.unwrap().into()]
}

/// Builds a command about the enrollment.
macro_rules! command {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        Command::$name(c::$name { partner_id: partner(), program_id: program_id(), mpn_id: mpn(), $($field: $value,)* })
    };
}

/// One of each command.
pub(super) fn commands() -> Vec<Command> {
    vec![
        Command::PublishIncentivePrograms(c::PublishIncentivePrograms { programs: programs() }),
        Command::PublishIncentiveRates(c::PublishIncentiveRates { rates: rates() }),
        command!(InviteToIncentive {}),
        command!(AcceptIncentiveInvitation {}),
        Command::UpdatePayoutProfile(c::UpdatePayoutProfile {
            partner_id: partner(),
            bank: Some(bank()),
            tax: Some(tax()),
        }),
        command!(SetIncentiveEnrollment {
            status: EnrollmentStatus::Ineligible,
            reason: "no competency".into(),
            unmet: ["competency".to_owned()].into(),
        }),
        command!(CloseEarnings {
            period: day(1),
            revision: 3,
            levers: levers(),
            totals: totals(),
            adjusted_usd: amount("-1.00"),
            earned_usd: amount("39.00"),
            coop: coop(),
            line_count: 17,
            lines_digest: (0..32).collect(),
            order_on: day(28),
            payment_on: day(28),
            payment_threshold: amount("200.00"),
            is_last: true,
            reflects: reflects(),
        }),
        command!(OrderIncentivePayment {
            ordered_on: day(27),
            revision: 3,
            currency: Some(euro()),
            exchange_rate: Some(amount("0.913951469")),
        }),
        Command::SetIncentivePaymentStatus(c::SetIncentivePaymentStatus {
            partner_id: partner(),
            payment_id: payment_id(),
            status: PaymentStatus::IncorrectPayment,
            reason: "paid twice".into(),
            recoup_usd: Some(amount("35.00")),
        }),
        Command::SubmitTaxInvoice(c::SubmitTaxInvoice {
            partner_id: partner(),
            payment_id: payment_id(),
            reference: "TI-1".into(),
            document_hash: "ab".repeat(32),
        }),
        command!(DisputeEarning {
            dispute_id: dispute_id(),
            period: day(1),
            earning_id: "e-1".into(),
            amount: amount("12.00"),
            currency: euro(),
            reason: "the rate was 6 percent".into(),
        }),
        Command::DecideEarningDispute(c::DecideEarningDispute {
            partner_id: partner(),
            dispute_id: dispute_id(),
            correction: Some(amount("12.00")),
            note: "granted".into(),
        }),
    ]
}
