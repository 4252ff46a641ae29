//! What a month of usage is made of: the same for the same seed.

use chrono::{Days, NaiveDate};
use subledger_proto::{
    api::{
        AcceptAgreement, AcceptIncentiveInvitation, Command, CreateCustomer, GrantAccess, InviteToIncentive,
        PublishIncentivePrograms, PublishMeterPrices, PublishMeters, PublishOffers, Purchase, PurchaseLine,
        RecordUsage, RegisterAzureSubscription, RegisterPartner, RevokeAccess, SetIncentiveEnrollment,
        UpdatePayoutProfile, command::Body,
    },
    common::{
        AccessPath, AccessScope, Address, AgreementMode, BankProfile, Contact, EarningType, EnrollmentStatus,
        IncentiveProduct, IncentiveProgram, Lever, Meter, MeterPriceRow, Offer, OfferKind, OfferLimitScope,
        PartnerKind, PaymentMethod, Product, ProductFamily, ProductKind, ProgramEarner, ProrationRule, RateCard,
        TaxProfile, UsageRecord,
    },
};

use super::usage::{Args, command};
use crate::client::{
    generate::random::Random,
    times::{midnight, timestamp},
};

/// Records of one command.
pub(super) const RECORDS: usize = 100;
/// Records that come one to three days late, in a hundred.
const LATE: u32 = 3;
/// Records that are corrected on the next day, in a hundred.
const WRONG: u32 = 1;
/// Customers that take or give back their partner's role on a day, in a hundred.
const ROLES: u32 = 2;
const OFFER: &str = "azure-plan";
const PROGRAM: &str = "bench-program";
const MPN: &str = "4390934";

pub(super) fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 10, 1).unwrap_or_default()
}

/// The last day of use.
pub(super) fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 10, 31).unwrap_or_default()
}

/// The last day of the month in which the invoices of use are issued, and earn.
pub(super) fn earned_on() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 11, 30).unwrap_or_default()
}

/// A month as it goes by.
pub(super) struct Story {
    customers: u32,
    meters: u32,
    days: u32,
    partners: u32,
    random: Random,
    sent: u64,
    /// Records to come, with the day they come on and their customer.
    later: Vec<(NaiveDate, u32, UsageRecord)>,
    /// The role that each customer's partner has, if it has one.
    roles: Vec<Option<String>>,
}

impl Story {
    pub(super) fn new(args: &Args) -> Self {
        let (customers, partners) = (args.customers, args.partners.min(args.customers));
        let roles = (0..customers).map(|n| Some(format!("role-{n}-0"))).collect();
        let random = Random::new(args.seed);
        Self { customers, meters: args.meters, days: args.days, partners, random, sent: 0, later: Vec::new(), roles }
    }

    fn command(&mut self, on: NaiveDate, body: Body) -> Command {
        self.sent += 1;
        command(format!("bench-usage-{}", self.sent), on, body)
    }

    /// What is published, partners that are enrolled, and customers with their plans.
    pub(super) fn founding(&mut self) -> Vec<Command> {
        let mut bodies = vec![offers(), meters(self.meters), prices(self.meters), program()];
        for n in 0..self.partners {
            bodies.extend(partner(n));
        }
        for n in 0..self.customers {
            bodies.extend(customer(n, n % self.partners));
        }
        bodies.into_iter().map(|body| self.command(first_day(), body)).collect()
    }

    /// What happens on a day, before it is closed.
    pub(super) fn day(&mut self, day: NaiveDate) -> Vec<Command> {
        let mut bodies = Vec::new();
        let used = day < first_day() + Days::new(u64::from(self.days));
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.later).into_iter().partition(|it| it.0 <= day);
        self.later = later;
        let mut of_customer: Vec<Vec<UsageRecord>> = (0..self.customers).map(|_| Vec::new()).collect();
        for (_, customer, record) in due {
            if let Some(records) = of_customer.get_mut(customer as usize) {
                records.push(record);
            }
        }
        for n in 0..self.customers {
            if used {
                bodies.extend(self.role(n, day));
                let fresh = self.usage(n, day);
                if let Some(records) = of_customer.get_mut(n as usize) {
                    records.extend(fresh);
                }
            }
        }
        for (n, records) in of_customer.iter().enumerate() {
            let customer_id = format!("bench-customer-{n:05}");
            bodies.extend(records.chunks(RECORDS).map(|records| {
                Body::RecordUsage(RecordUsage { customer_id: customer_id.clone(), records: records.to_vec() })
            }));
        }
        bodies.into_iter().map(|body| self.command(day, body)).collect()
    }

    /// Takes the role of a customer's partner, or gives it back.
    fn role(&mut self, n: u32, day: NaiveDate) -> Option<Body> {
        if !self.random.percent(ROLES) {
            return None;
        }
        let partner = n % self.partners;
        let role = self.roles.get_mut(n as usize)?;
        if let Some(assignment_id) = role.take() {
            Some(Body::RevokeAccess(RevokeAccess {
                customer_id: format!("bench-customer-{n:05}"),
                assignment_id,
                at: Some(timestamp(midnight(day))),
            }))
        } else {
            let id = format!("role-{n}-{day}");
            *role = Some(id.clone());
            Some(granted(n, partner, id, day))
        }
    }

    /// The day's records of a customer, without those that come late; their corrections come on the next day.
    fn usage(&mut self, n: u32, day: NaiveDate) -> Vec<UsageRecord> {
        let mut records = Vec::with_capacity(self.meters as usize * 24);
        for meter in 0..self.meters {
            for hour in 1..=24 {
                let record = UsageRecord {
                    azure_subscription_id: format!("az-{n:05}"),
                    resource_group: "web".to_owned(),
                    resource_uri: format!("/subscriptions/az-{n:05}/vm-{meter}"),
                    meter_id: meter_id(meter),
                    usage_date: day.to_string(),
                    hour,
                    quantity: format!("0.{:04}", self.random.between(1, 9_999)),
                    unit: "1 Hour".to_owned(),
                    ..UsageRecord::default()
                };
                if self.random.percent(WRONG) {
                    let quantity = format!("0.{:04}", self.random.between(1, 9_999));
                    let right = UsageRecord { quantity, replaces_quantity: record.quantity.clone(), ..record.clone() };
                    if right.quantity != right.replaces_quantity {
                        self.later.push((day + Days::new(1), n, right));
                    }
                    records.push(record);
                } else if self.random.percent(LATE) {
                    let days = u64::from(self.random.between(1, 3));
                    self.later.push((day + Days::new(days), n, record));
                } else {
                    records.push(record);
                }
            }
        }
        records
    }
}

fn meter_id(n: u32) -> String {
    format!("bench-meter-{n:03}")
}

fn offers() -> Body {
    let offer = Offer {
        offer_id: OFFER.to_owned(),
        display_name: "Azure plan".to_owned(),
        product_family: ProductFamily::OneTimeRecurring.into(),
        kind: OfferKind::Base.into(),
        minimum_quantity: 1,
        maximum_quantity: 1,
        limit_scope: OfferLimitScope::None.into(),
        proration_rule: ProrationRule::Exact.into(),
        product: Some(Product { kind: ProductKind::AzurePlan.into(), ..Product::default() }),
        ..Offer::default()
    };
    Body::PublishOffers(PublishOffers { offers: vec![offer] })
}

fn meters(count: u32) -> Body {
    let meter = |n| Meter {
        meter_id: meter_id(n),
        name: format!("Meter {n}"),
        category: "Compute".to_owned(),
        unit: "1 Hour".to_owned(),
        tags: vec!["Azure".to_owned()],
        ..Meter::default()
    };
    Body::PublishMeters(PublishMeters { meters: (0..count).map(meter).collect() })
}

fn prices(count: u32) -> Body {
    let price = |n| MeterPriceRow {
        meter_id: meter_id(n),
        valid_from: first_day().to_string(),
        tier_from: "0".to_owned(),
        unit_price: format!("0.{:03}", n + 1),
        ..MeterPriceRow::default()
    };
    Body::PublishMeterPrices(PublishMeterPrices { currency: "USD".to_owned(), rows: (0..count).map(price).collect() })
}

fn program() -> Body {
    let lever = Lever {
        name: "azure".to_owned(),
        earning_type: EarningType::Rebate.into(),
        products: vec![IncentiveProduct::AzureUsage.into()],
        rate: "0.04".to_owned(),
        minimum_revenue: "0".to_owned(),
        ..Lever::default()
    };
    let card = RateCard {
        valid_from: first_day().to_string(),
        levers: vec![lever],
        cooling_days: 30,
        payment_days: 45,
        payment_threshold: "0".to_owned(),
        clawback_months: 12,
        ..RateCard::default()
    };
    let program = IncentiveProgram {
        program_id: PROGRAM.to_owned(),
        name: "Azure".to_owned(),
        earner: ProgramEarner::Payer.into(),
        cards: vec![card],
        ..IncentiveProgram::default()
    };
    Body::PublishIncentivePrograms(PublishIncentivePrograms { programs: vec![program] })
}

/// A partner, enrolled.
fn partner(n: u32) -> [Body; 5] {
    let (partner_id, program_id, mpn_id) = (format!("bench-partner-{n:04}"), PROGRAM.to_owned(), MPN.to_owned());
    let (us, usd) = ("US".to_owned(), "USD".to_owned());
    let register = RegisterPartner {
        partner_id: partner_id.clone(),
        name: format!("Partner {n}"),
        kind: PartnerKind::DirectBill.into(),
        country: us.clone(),
        currency: usd.clone(),
        billing_day: 8,
        mpn_id: mpn_id.clone(),
    };
    let bank = BankProfile {
        account_reference: format!("account-{n}"),
        country: us.clone(),
        currency: usd,
        method: PaymentMethod::ElectronicBankTransfer.into(),
    };
    let none = || "0".to_owned();
    let tax = TaxProfile {
        form: "W-9".to_owned(),
        country: us,
        withholding_percent: none(),
        sales_tax_percent: none(),
        service_fee_tax_percent: none(),
        tax_invoice_required: false,
    };
    let profile = UpdatePayoutProfile { partner_id: partner_id.clone(), bank: Some(bank), tax: Some(tax) };
    let invite =
        InviteToIncentive { partner_id: partner_id.clone(), program_id: program_id.clone(), mpn_id: mpn_id.clone() };
    let accept = AcceptIncentiveInvitation {
        partner_id: partner_id.clone(),
        program_id: program_id.clone(),
        mpn_id: mpn_id.clone(),
    };
    let enrolled = SetIncentiveEnrollment {
        partner_id,
        program_id,
        mpn_id,
        status: EnrollmentStatus::Enrolled.into(),
        ..SetIncentiveEnrollment::default()
    };
    [
        Body::RegisterPartner(register),
        Body::UpdatePayoutProfile(profile),
        Body::InviteToIncentive(invite),
        Body::AcceptIncentiveInvitation(accept),
        Body::SetIncentiveEnrollment(enrolled),
    ]
}

/// A customer with a plan, a subscription under it, and its partner's role.
fn customer(n: u32, of: u32) -> [Body; 5] {
    let (customer_id, partner_id) = (format!("bench-customer-{n:05}"), format!("bench-partner-{of:04}"));
    let contact = || Contact {
        first_name: "Robin".to_owned(),
        last_name: "Example".to_owned(),
        email: "robin@example.com".to_owned(),
        phone: String::new(),
    };
    let address = Address {
        country: "US".to_owned(),
        line1: "1 Main Street".to_owned(),
        city: "Springfield".to_owned(),
        state: "WA".to_owned(),
        postal_code: "98052".to_owned(),
    };
    let created = CreateCustomer {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        company_name: format!("Customer {n}"),
        domain_prefix: format!("benchusage{n}"),
        address: Some(address),
        contact: Some(contact()),
        ..CreateCustomer::default()
    };
    let agreement = AcceptAgreement {
        customer_id: customer_id.clone(),
        mode: AgreementMode::CustomerDirect.into(),
        signatory: Some(contact()),
        accepted_on: first_day().to_string(),
        ..AcceptAgreement::default()
    };
    let plan = PurchaseLine {
        subscription_id: format!("plan-{n}"),
        offer_id: OFFER.to_owned(),
        quantity: 1,
        ..PurchaseLine::default()
    };
    let order = Purchase {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        lines: vec![plan],
        ..Purchase::default()
    };
    let azure = RegisterAzureSubscription {
        customer_id,
        partner_id,
        subscription_id: format!("plan-{n}"),
        azure_subscription_id: format!("az-{n:05}"),
        name: "Production".to_owned(),
        created_at: Some(timestamp(midnight(first_day()))),
        owner_access: false,
    };
    [
        Body::CreateCustomer(created),
        Body::AcceptAgreement(agreement),
        Body::Purchase(order),
        Body::RegisterAzureSubscription(azure),
        granted(n, of, format!("role-{n}-0"), first_day()),
    ]
}

fn granted(n: u32, of: u32, assignment_id: String, on: NaiveDate) -> Body {
    Body::GrantAccess(GrantAccess {
        customer_id: format!("bench-customer-{n:05}"),
        partner_id: format!("bench-partner-{of:04}"),
        assignment_id,
        principal_id: "admins".to_owned(),
        path: AccessPath::AdminOnBehalfOf.into(),
        role: "Owner".to_owned(),
        scope: Some(AccessScope { azure_subscription_id: format!("az-{n:05}"), ..AccessScope::default() }),
        from: Some(timestamp(midnight(on))),
    })
}
