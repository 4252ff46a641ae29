//! Examples of usage, access and budgets.

use subledger_domain::{
    Command, Event, command as c, event as e,
    ids::{AssignmentId, AzureSubscriptionId, DisputeId, MeterId},
    usage::{
        AccessPath, AccessScope, CreditReason, CreditTerms, ExchangeRate, HeldReason, HeldUsage, Meter, MeterFamily,
        MeterPriceRow, Portion, RatedUsage, Resource, UsageCharge, UsageRecord,
    },
};

use super::{Currency, InvoiceFamily, amount, at, customer, day, other_partner, partner, subscription, usd};

fn meter_id() -> MeterId {
    MeterId::new("fadc0029-6786-49dc-b8f4-c8edd23c0dae").unwrap()
}

fn azure() -> AzureSubscriptionId {
    AzureSubscriptionId::new("az-1").unwrap()
}

fn assignment_id() -> AssignmentId {
    AssignmentId::new("role-1").unwrap()
}

fn dispute_id() -> DisputeId {
    DisputeId::new("dispute-1").unwrap()
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn meters() -> Vec<Meter> {
    vec![Meter {
        meter_id: meter_id(),
        product_id: "DZH318Z0BPS6".into(),
        sku_id: "00GZ".into(),
        availability_id: "DZH318Z0C6B8".into(),
        product_name: "Virtual Machines".into(),
        sku_name: "D2 v3".into(),
        publisher_name: "Microsoft".into(),
        family: MeterFamily::Marketplace,
        meter_type: "1 Hour".into(),
        category: "Compute".into(),
        sub_category: "Dv3".into(),
        name: "D2 v3 hours".into(),
        region: "EU West".into(),
        unit: "1 Hour".into(),
        tags: ["Azure".to_owned()].into(),
        no_credit_from: Some(day(20)),
    }]
}

fn prices() -> Vec<MeterPriceRow> {
    vec![MeterPriceRow {
        meter_id: meter_id(),
        valid_from: day(1),
        valid_to: Some(day(28)),
        tier_from: amount("100"),
        unit_price: amount("0.016875"),
    }]
}

fn rates() -> Vec<ExchangeRate> {
    vec![ExchangeRate { month: day(1), from: usd(), to: euro(), rate: amount("0.913951469") }]
}

fn terms() -> CreditTerms {
    CreditTerms { percent: amount("15"), eligible_roles: ["Owner".to_owned()].into() }
}

fn records() -> Vec<UsageRecord> {
    vec![UsageRecord {
        azure_subscription_id: azure(),
        resource_group: "web".into(),
        resource_uri: "/subscriptions/az-1/vm".into(),
        meter_id: meter_id(),
        usage_date: day(9),
        hour: Some(24),
        quantity: amount("0.016668"),
        unit: "1 Hour".into(),
        replaces_quantity: Some(amount("1")),
        resource_location: "westeurope".into(),
        consumed_service: "Microsoft.Compute".into(),
        service_info1: "1".into(),
        service_info2: "2".into(),
        tags: "env=prod".into(),
        additional_info: "{}".into(),
    }]
}

fn scope() -> AccessScope {
    AccessScope {
        azure_subscription_id: azure(),
        resource_group: Some("web".into()),
        resource_uri: Some("/subscriptions/az-1/vm".into()),
    }
}

/// The usage of a line.
pub(super) fn charge() -> UsageCharge {
    UsageCharge {
        meter_id: meter_id(),
        unit: "1 Hour".into(),
        month: day(1),
        quantity: amount("648"),
        quantity_before: amount("600"),
        unit_price: amount("0.02"),
        credit_percent: amount("15"),
        pricing_currency: usd(),
        exchange_rate: amount("0.913951469"),
        charged_before: amount("9.32"),
        earned_credit: amount("0.13"),
        credited_before: amount("1.65"),
    }
}

fn rated() -> e::UsageRated {
    let resource = Resource {
        azure_subscription_id: azure(),
        resource_group: "web".into(),
        resource_uri: "/subscriptions/az-1/vm".into(),
    };
    e::UsageRated {
        customer_id: customer(),
        partner_id: partner(),
        reseller_id: Some(other_partner()),
        subscription_id: subscription(),
        rated_on: day(10),
        charge_on: day(28),
        family: InvoiceFamily::OneTimeRecurring,
        currency: euro(),
        rows: vec![RatedUsage {
            resource,
            meter_id: meter_id(),
            usage_date: day(9),
            period_start: day(1),
            period_end: day(28),
            portions: vec![Portion { unit_price: amount("0.02"), quantity: amount("24") }],
            pricing_currency: usd(),
            exchange_rate: amount("0.913951469"),
            credit_percent: amount("15"),
            possible_percent: amount("15"),
            reason: CreditReason::Earned,
            earner_id: Some(partner()),
        }],
        held: vec![HeldUsage { meter_id: meter_id(), usage_date: day(10), reason: HeldReason::ExchangeRateMissing }],
        finished: true,
    }
}

/// Builds an event about the customer.
macro_rules! of {
    ($name:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        e::$name { customer_id: customer(), $($field $(: $value)?,)* }.into()
    };
}

/// One of each event.
pub(super) fn events() -> Vec<Event> {
    let partner_id = partner();
    vec![
        e::MetersPublished { meters: meters() }.into(),
        e::MeterPricesPublished { currency: usd(), rows: prices() }.into(),
        e::ExchangeRatesPublished { rates: rates() }.into(),
        e::CreditTermsPublished { valid_from: day(3), terms: terms() }.into(),
        e::NetworkAgreementRecorded { partner_id: partner(), from: day(4), active: true }.into(),
        e::EarnedCreditBarred { partner_id: partner(), from: day(5), to: Some(day(6)), reason: "conduct".into() }
            .into(),
        of!(AzureSubscriptionRegistered {
            partner_id: partner(),
            subscription_id: subscription(),
            azure_subscription_id: azure(),
            name: "Production".into(),
            created_at: at(),
        }),
        of!(UsageRecorded { subscription_id: subscription(), records: records() }),
        rated().into(),
        of!(UsageCharged { subscription_id: subscription(), charged_on: day(28) }),
        of!(AccessGranted {
            partner_id: partner(),
            assignment_id: assignment_id(),
            principal_id: "admins".into(),
            path: AccessPath::LighthouseTemplate,
            role: "Owner".into(),
            scope: scope(),
            from: at(),
        }),
        of!(AccessRevoked { assignment_id: assignment_id(), at: at() }),
        of!(PartnerIdLinked { partner_id: partner(), principal_id: "admins".into(), at: at(), linked: true }),
        of!(EarnedCreditReviewed { partner_id: partner(), from: day(7) }),
        of!(EarnedCreditDisputed {
            partner_id: partner(),
            dispute_id: dispute_id(),
            scope: scope(),
            from: day(4),
            to: day(6),
            claimed_percent: amount("15"),
            evidence: "activity log of the 4th".into(),
            disputed_on: day(9),
        }),
        of!(EarnedCreditDisputeDecided {
            partner_id: partner(),
            dispute_id: dispute_id(),
            accepted: true,
            note: "seen".into(),
            decided_on: day(10),
        }),
        of!(EarnedCreditDisputeWithdrawn { partner_id: partner(), dispute_id: dispute_id(), withdrawn_on: day(10) }),
        of!(SpendingBudgetSet { partner_id: partner(), amount: amount("200.00"), currency: euro(), armed: true }),
        of!(SpendingBudgetRemoved { partner_id }),
        of!(BudgetThresholdReached {
            partner_id: partner(),
            month: day(1),
            estimate: amount("160.00"),
            budget: amount("200.00"),
            currency: euro(),
            percent: 80,
        }),
        e::BudgetNoticeSwitched { partner_id: partner(), on: true, email: "azure@contoso.example".into() }.into(),
        of!(EarnedCreditLost {
            partner_id: partner(),
            subscription_id: subscription(),
            scope: scope(),
            first_day: day(4),
            reason: CreditReason::AccessPartialDay,
        }),
    ]
}

/// Builds a command about the customer.
macro_rules! command {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        Command::$name(c::$name { customer_id: customer(), $($field: $value,)* })
    };
}

/// One of each command.
pub(super) fn commands() -> Vec<Command> {
    vec![
        Command::PublishMeters(c::PublishMeters { meters: meters() }),
        Command::PublishMeterPrices(c::PublishMeterPrices { currency: usd(), rows: prices() }),
        Command::PublishExchangeRates(c::PublishExchangeRates { rates: rates() }),
        Command::PublishCreditTerms(c::PublishCreditTerms { valid_from: day(3), terms: terms() }),
        command!(RegisterAzureSubscription {
            partner_id: partner(),
            subscription_id: subscription(),
            azure_subscription_id: azure(),
            name: "Production".into(),
            created_at: at(),
            owner_access: true,
        }),
        command!(RecordUsage { records: records() }),
        command!(GrantAccess {
            partner_id: partner(),
            assignment_id: assignment_id(),
            principal_id: "admins".into(),
            path: AccessPath::DirectoryUser,
            role: "Owner".into(),
            scope: scope(),
            from: at(),
        }),
        command!(RevokeAccess { assignment_id: assignment_id(), at: at() }),
        command!(LinkPartnerId { partner_id: partner(), principal_id: "admins".into(), at: at(), linked: true }),
        command!(ReviewEarnedCredit { partner_id: partner(), from: day(7) }),
        command!(DisputeEarnedCredit {
            partner_id: partner(),
            dispute_id: dispute_id(),
            scope: scope(),
            from: day(4),
            to: day(6),
            claimed_percent: amount("15"),
            evidence: "activity log of the 4th".into(),
        }),
        command!(DecideEarnedCreditDispute { dispute_id: dispute_id(), accepted: true, note: "seen".into() }),
        command!(WithdrawEarnedCreditDispute { partner_id: partner(), dispute_id: dispute_id() }),
        Command::RecordNetworkAgreement(c::RecordNetworkAgreement {
            partner_id: partner(),
            from: day(4),
            active: true,
        }),
        Command::BarEarnedCredit(c::BarEarnedCredit {
            partner_id: partner(),
            from: day(5),
            to: Some(day(6)),
            reason: "conduct".into(),
        }),
        command!(SetSpendingBudget { partner_id: partner(), amount: amount("200.00"), currency: euro() }),
        command!(RemoveSpendingBudget { partner_id: partner() }),
        Command::SwitchBudgetNotice(c::SwitchBudgetNotice {
            partner_id: partner(),
            on: true,
            email: "azure@contoso.example".into(),
        }),
    ]
}
