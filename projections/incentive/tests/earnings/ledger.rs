//! A ledger in the small: it decides commands of the catalog and of partners, and folds everything at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use subledger_billing::{AccountFilter, BillingProjection, list_balances};
use subledger_domain::{
    Command, Context, Event, Reference, Rejection,
    catalog::Catalog,
    charge::{AppliedPromotion, ChargeType, Charged, Derivation, Discount, InvoiceFamily},
    command::*,
    event::{CustomerCreated, PartitionDayClosed},
    ids::{
        CommandId, CustomerId, IncentiveProgramId, LineId, OfferId, OrderId, PartnerId, PromotionId, SubscriptionId,
    },
    incentive::{
        Accelerator, BankProfile, DatedRate, EarningType, EnrollmentStatus, IncentiveProgram, Lever, PaymentMethod,
        ProgramEarner, RateCard, TaxProfile,
    },
    money::Currency,
    offer::ProrationRule,
    partner,
    party::{Address, Contact, PartnerKind},
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Projection, Recorded, memory::Memory, page::PageRequest};
use subledger_incentive::{
    DueIncentive, EarningFilter, EarningLine, EarningPeriod, IncentiveProjection, ProgramFilter, due_incentives,
    list_earning_periods, list_earnings,
};

pub(crate) const MPN: &str = "4390934";
/// Partitions of customers.
pub(crate) const PARTITIONS: u16 = 2;
pub(crate) const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn partner_id(id: &str) -> PartnerId {
    PartnerId::new(id).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

pub(crate) fn program_id() -> IncentiveProgramId {
    IncentiveProgramId::new("csp").unwrap()
}

pub(crate) fn lever(name: &str, rate: &str) -> Lever {
    Lever {
        name: name.into(),
        earning_type: EarningType::Rebate,
        products: BTreeSet::new(),
        offer_ids: BTreeSet::new(),
        rate: amount(rate),
        accelerators: Vec::new(),
        minimum_revenue: Decimal::ZERO,
        cap: None,
        coop_program: None,
    }
}

pub(crate) fn accelerated(lever: Lever, from: &str, rate: &str) -> Lever {
    let accelerators = vec![Accelerator { from_revenue: amount(from), rate: amount(rate) }];
    Lever { accelerators, ..lever }
}

pub(crate) fn program(levers: Vec<Lever>) -> IncentiveProgram {
    IncentiveProgram {
        program_id: program_id(),
        name: "CSP direct bill".into(),
        earner: ProgramEarner::Payer,
        partner_kinds: BTreeSet::new(),
        markets: BTreeSet::new(),
        excluded_offer_ids: BTreeSet::from([OfferId::new("shared-services").unwrap()]),
        cards: vec![RateCard {
            valid_from: day("2019-07-01"),
            valid_to: None,
            levers,
            cooling_days: 30,
            payment_days: 45,
            payment_threshold: Decimal::ONE,
            clawback_months: 6,
        }],
        discontinued_on: None,
    }
}

/// A charge line in the making.
#[derive(Clone, Debug)]
pub(crate) struct Sale<'a> {
    pub(crate) id: &'a str,
    pub(crate) payer: &'a str,
    pub(crate) reseller: Option<&'a str>,
    pub(crate) offer: &'a str,
    pub(crate) on: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) discount: &'a str,
    pub(crate) code: &'a str,
    pub(crate) family: InvoiceFamily,
    pub(crate) reverses: Option<&'a str>,
}

pub(crate) fn sale<'a>(id: &'a str, on: &'a str, amount: &'a str) -> Sale<'a> {
    Sale {
        id,
        payer: "contoso",
        reseller: None,
        offer: "e3",
        on,
        amount,
        discount: "0",
        code: "USD",
        family: InvoiceFamily::LicenseUsage,
        reverses: None,
    }
}

impl Sale<'_> {
    fn line(&self) -> Charged {
        let promotion =
            AppliedPromotion { promotion_id: PromotionId::new("promo").unwrap(), percent: amount("1"), until: None };
        let discount = amount(self.discount);
        Charged {
            line_id: LineId::new(self.id).unwrap(),
            customer_id: CustomerId::new("fabrikam").unwrap(),
            partner_id: partner_id(self.payer),
            subscription_id: SubscriptionId::new("sub-1").unwrap(),
            order_id: OrderId::new("o").unwrap(),
            offer_id: OfferId::new(self.offer).unwrap(),
            offer_name: "Office, \"E3\"".to_owned(),
            invoice_family: self.family,
            charge_type: ChargeType::CycleFee,
            charge_start: day(self.on),
            charge_end: day(self.on) + Days::new(30),
            unit_price: amount(self.amount),
            quantity: 5,
            amount: amount(self.amount),
            currency: currency(self.code),
            charged_on: day(self.on),
            component: None,
            sku: Some("part-1".to_owned()),
            subscription_description: None,
            purchase_date: day(self.on),
            billing_frequency: None,
            reverses_line_id: self.reverses.map(|id| LineId::new(id).unwrap()),
            derivation: Derivation {
                rule: ProrationRule::Exact,
                period_price: amount(self.amount),
                period_days: 30,
                billed_days: 30,
            },
            reseller_id: self.reseller.map(partner_id),
            discount: (!discount.is_zero()).then_some(Discount { promotion, amount: discount }),
            tax: None,
            reference: None,
            usage: None,
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) rows: Memory,
    pub(crate) billing: Memory,
    /// With the time at which each took effect.
    pub(crate) commits: Vec<(Position, DateTime<Utc>, Vec<Event>)>,
    at: DateTime<Utc>,
    reference: Reference,
    next: BTreeMap<PartitionId, u64>,
    commands: u64,
}

impl Ledger {
    /// A partner that is billed on the 8th in a country, with a program and its rates; not enrolled.
    pub(crate) fn new(country: &str, code: &str, program: IncentiveProgram) -> Self {
        let mut ledger = Self::default();
        ledger.register("contoso", country, code);
        let address = Address {
            country: "DE".into(),
            line1: "Weg 1".into(),
            city: "Ulm".into(),
            state: String::new(),
            postal_code: "89073".into(),
        };
        let contact = Contact {
            first_name: "Kim".into(),
            last_name: "Lee".into(),
            email: "k@f.example".into(),
            phone: String::new(),
        };
        let created = CustomerCreated {
            customer_id: CustomerId::new("fabrikam").unwrap(),
            partner_id: partner_id("contoso"),
            company_name: "Fabrikam GmbH".into(),
            domain_name: "fabrikam.example".into(),
            address,
            contact,
        };
        ledger.append(Family::Customers, 0, vec![created.into()]);
        ledger.publish(program);
        ledger
    }

    pub(crate) fn publish(&mut self, program: IncentiveProgram) {
        let programs = vec![program];
        self.run("2019-10-01", Command::PublishIncentivePrograms(PublishIncentivePrograms { programs })).unwrap();
    }

    pub(crate) fn register(&mut self, id: &str, country: &str, code: &str) {
        let register = RegisterPartner {
            partner_id: partner_id(id),
            name: format!("Partner {id}"),
            kind: PartnerKind::DirectBill,
            country: country.into(),
            currency: currency(code),
            billing_day: 8,
            mpn_id: MPN.into(),
        };
        self.run("2019-10-01", Command::RegisterPartner(register)).unwrap();
    }

    pub(crate) fn rate(&mut self, from: &str, to: &str, valid_from: &str, rate: &str) {
        let rate =
            DatedRate { valid_from: day(valid_from), from: currency(from), to: currency(to), rate: amount(rate) };
        let command = PublishIncentiveRates { rates: vec![rate] };
        self.run("2019-10-01", Command::PublishIncentiveRates(command)).unwrap();
    }

    /// Everything from the invitation to the enrollment, on one day.
    pub(crate) fn enroll(&mut self, partner: &str, on: &str) {
        let (partner_id, program_id, mpn_id) = (partner_id(partner), program_id(), MPN.to_owned());
        let invite = InviteToIncentive {
            partner_id: partner_id.clone(),
            program_id: program_id.clone(),
            mpn_id: mpn_id.clone(),
        };
        let accept = AcceptIncentiveInvitation { partner_id: partner_id.clone(), program_id, mpn_id };
        let bank = BankProfile {
            account_reference: "vault-1".into(),
            country: "DE".into(),
            currency: currency("EUR"),
            method: PaymentMethod::ElectronicBankTransfer,
        };
        let tax = TaxProfile {
            form: "W-8BEN-E".into(),
            country: "DE".into(),
            withholding_percent: amount("15"),
            sales_tax_percent: amount("19"),
            service_fee_tax_percent: Decimal::ZERO,
            tax_invoice_required: false,
        };
        let profile = UpdatePayoutProfile { partner_id, bank: Some(bank), tax: Some(tax) };
        self.run(on, Command::InviteToIncentive(invite)).unwrap();
        self.run(on, Command::AcceptIncentiveInvitation(accept)).unwrap();
        self.run(on, Command::UpdatePayoutProfile(profile)).unwrap();
        self.set(partner, on, EnrollmentStatus::Enrolled).unwrap();
    }

    pub(crate) fn set(&mut self, partner: &str, on: &str, status: EnrollmentStatus) -> Result<(), Rejection> {
        let command = SetIncentiveEnrollment {
            partner_id: partner_id(partner),
            program_id: program_id(),
            mpn_id: MPN.to_owned(),
            status,
            reason: "because".into(),
            unmet: BTreeSet::new(),
        };
        self.run(on, Command::SetIncentiveEnrollment(command))
    }

    pub(crate) fn charge(&mut self, partition: u16, sale: &Sale<'_>) {
        self.at = midnight(day(sale.on));
        self.append(Family::Customers, partition, vec![sale.line().into()]);
    }

    /// Closes a day everywhere, and lets everything due happen.
    pub(crate) fn close(&mut self, date: &str) {
        let last = self.reference.catalog.last_closed();
        let first = last.and_then(|last| last.succ_opt()).unwrap_or_else(|| day(date));
        for date in first.iter_days().take_while(|it| *it <= day(date)) {
            self.at = midnight(date);
            let close = Command::CloseDay(CloseDay { date });
            let events = self.reference.catalog.decide(&close, &context("c", self.at + Days::new(1)));
            self.append(Family::Catalog, 0, events.unwrap());
            for partition in 0..PARTITIONS {
                self.append(Family::Customers, partition, vec![PartitionDayClosed { date }.into()]);
            }
            self.settle();
        }
    }

    /// Sends what is due until nothing is.
    pub(crate) fn settle(&mut self) {
        loop {
            let found = due_incentives(&self.rows, PARTITIONS).unwrap();
            assert_eq!(found, due_incentives(&self.rows, PARTITIONS).unwrap(), "the same commands again");
            if found.due.is_empty() {
                return;
            }
            for DueIncentive { command_id, effective_at, command } in found.due {
                self.decide(command_id.as_str(), effective_at, &command).unwrap();
            }
        }
    }

    /// Decides a command at noon of a day.
    #[allow(clippy::needless_pass_by_value, reason = "commands are made on the spot")]
    pub(crate) fn run(&mut self, on: &str, command: Command) -> Result<(), Rejection> {
        self.commands += 1;
        let id = format!("c-{}", self.commands);
        self.decide(&id, midnight(day(on)), &command)
    }

    fn decide(&mut self, id: &str, at: DateTime<Utc>, command: &Command) -> Result<(), Rejection> {
        self.at = at;
        match command.target() {
            Target::Catalog => {
                let events = Catalog::decide(&self.reference.catalog, command, &context(id, at))?;
                self.append(Family::Catalog, 0, events);
            }
            Target::Partner(partner_id) => {
                let state = self.reference.partners.get(partner_id);
                let events = partner::decide(state, &self.reference, command, &context(id, at))?;
                self.append(Family::Partners, 0, events);
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    pub(crate) fn append(&mut self, family: Family, partition: u16, events: Vec<Event>) {
        let partition = PartitionId::new(family, partition);
        let seq = self.next.entry(partition).or_default();
        let position = Position { partition, seq: *seq };
        *seq += 1;
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
        }
        fold(&IncentiveProjection, &mut self.rows, position, self.at, &events);
        fold(&BillingProjection, &mut self.billing, position, self.at, &events);
        self.commits.push((position, self.at, events));
    }

    pub(crate) fn earnings(&self) -> Vec<EarningLine> {
        list_earnings(&self.rows, &EarningFilter::default(), ALL).unwrap().items
    }

    /// `id kind: amount x rate = earned (usd)`, without the beginning of the id.
    pub(crate) fn shown(&self, month: &str) -> Vec<String> {
        let all = self.earnings().into_iter().map(|line| line.earning);
        all.filter_map(|e| {
            let rest = e.earning_id.split_once(&format!("/{month}/"))?.1.to_owned();
            let (code, rate) = (e.currency, e.rate.normalize());
            Some(format!(
                "{rest} {}: {} {code} x {rate} = {} ({})",
                e.kind.label(),
                e.transaction_amount,
                e.amount,
                e.amount_usd
            ))
        })
        .collect()
    }

    /// Closed months, each computed again.
    pub(crate) fn periods(&self) -> Vec<EarningPeriod> {
        let all = ProgramFilter::default();
        let periods = list_earning_periods(&self.rows, &all, (None, None), true, ALL).unwrap().items;
        assert!(periods.iter().all(|period| period.is_verified == Some(true)), "{periods:#?}");
        periods
    }

    /// `month earned`.
    pub(crate) fn months(&self) -> Vec<String> {
        self.periods().iter().map(|it| format!("{} {}", it.event.period.format("%Y-%m"), it.event.earned_usd)).collect()
    }

    /// `account amount` in a currency, of accounts of incentives that are not zero; all debits are all credits.
    pub(crate) fn balances(&self, code: &str) -> Vec<String> {
        let filter = AccountFilter { currency: Some(currency(code)), ..AccountFilter::default() };
        let balances = list_balances(&self.billing, &filter, ALL).unwrap().items;
        let sides = |side: fn(&subledger_billing::Balance) -> Decimal| balances.iter().map(side).sum::<Decimal>();
        assert_eq!(sides(|it| it.debits), sides(|it| it.credits));
        let ours = balances.iter().filter(|it| it.account.name().starts_with("incentive_") && !it.amount.is_zero());
        ours.map(|it| format!("{} {}", it.account.name(), it.amount)).collect()
    }
}

fn context(id: &str, at: DateTime<Utc>) -> Context {
    Context { command_id: CommandId::new(id).unwrap(), effective_at: at, recorded_at: at }
}

fn midnight(on: NaiveDate) -> DateTime<Utc> {
    on.and_time(NaiveTime::MIN).and_utc()
}

pub(crate) fn fold(
    projection: &dyn Projection,
    rows: &mut Memory,
    position: Position,
    at: DateTime<Utc>,
    events: &[Event],
) {
    let recorded = Recorded {
        position,
        stream: "s",
        stream_version: 1,
        command_id: "x",
        effective_at: at,
        recorded_at: at,
        principal: "",
        channel: "",
        outcome: Ok(events),
    };
    projection.fold(&recorded, rows).unwrap();
}
