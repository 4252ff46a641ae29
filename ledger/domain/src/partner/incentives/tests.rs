//! Enrollments, closed months, payments and disputes of one partner.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use crate::{
    Command, Context, Event, Reason, Reference, Rejection, calendar,
    command::*,
    coop::UsagePeriod,
    event::{
        IncentiveEnrollmentChanged, IncentivePaymentStatusChanged, IncentiveProgramsPublished, UsagePeriodsPublished,
    },
    ids::{CommandId, DisputeId, IncentiveProgramId, PartnerId, PaymentId, UsagePeriodId},
    incentive::{
        BankProfile, CoopShare, ENROLLMENT_MOVES, EarningType, EnrollmentStatus, IncentiveProgram, Lever, LeverTotal,
        Mover, PaymentMethod, PaymentStatus, ProgramEarner, RateCard, TaxProfile, can_become,
    },
    money::Currency,
    partner::{Partner, Partners, decide},
    party::PartnerKind,
};

const MPN: &str = "4390934";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn partner_id() -> PartnerId {
    PartnerId::new("contoso").unwrap()
}

fn program_id() -> IncentiveProgramId {
    IncentiveProgramId::new("csp").unwrap()
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn program() -> IncentiveProgram {
    let lever = Lever {
        name: "core".into(),
        earning_type: EarningType::Rebate,
        products: BTreeSet::new(),
        offer_ids: BTreeSet::new(),
        rate: amount("0.04"),
        accelerators: Vec::new(),
        minimum_revenue: Decimal::ZERO,
        cap: None,
        coop_program: None,
    };
    IncentiveProgram {
        program_id: program_id(),
        name: "CSP direct bill".into(),
        earner: ProgramEarner::Payer,
        partner_kinds: BTreeSet::from([PartnerKind::DirectBill]),
        markets: BTreeSet::from(["DE".to_owned()]),
        excluded_offer_ids: BTreeSet::new(),
        cards: vec![RateCard {
            valid_from: day("2019-07-01"),
            valid_to: None,
            levers: vec![lever],
            cooling_days: 30,
            payment_days: 45,
            payment_threshold: amount("200.00"),
            clawback_months: 12,
        }],
        discontinued_on: Some(day("2030-01-01")),
    }
}

fn bank() -> BankProfile {
    BankProfile {
        account_reference: "vault-1".into(),
        country: "DE".into(),
        currency: euro(),
        method: PaymentMethod::ElectronicBankTransfer,
    }
}

fn tax(tax_invoice_required: bool) -> TaxProfile {
    TaxProfile {
        form: "W-8BEN-E".into(),
        country: "DE".into(),
        withholding_percent: amount("15"),
        sales_tax_percent: amount("19"),
        service_fee_tax_percent: Decimal::ZERO,
        tax_invoice_required,
    }
}

#[derive(Clone)]
struct World {
    partners: Partners,
    reference: Reference,
    today: NaiveDate,
    last: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let mut reference = Reference::default();
        reference.catalog.evolve(&IncentiveProgramsPublished { programs: vec![program()] }.into());
        let mut world = Self { partners: Partners::default(), reference, today: day("2019-11-01"), last: Vec::new() };
        world
            .run(Command::RegisterPartner(RegisterPartner {
                partner_id: partner_id(),
                name: "Contoso".into(),
                kind: PartnerKind::DirectBill,
                country: "DE".into(),
                currency: euro(),
                billing_day: 8,
                mpn_id: MPN.into(),
            }))
            .unwrap();
        world
    }

    /// Enrolled since 2019-11-01.
    fn enrolled() -> Self {
        let mut world = Self::new();
        world.run(invite()).unwrap();
        world.run(accept()).unwrap();
        world.run(profile(Some(bank()), Some(tax(false)))).unwrap();
        world.run(set(EnrollmentStatus::Enrolled)).unwrap();
        world
    }

    fn partner(&self) -> &Partner {
        self.partners.get(&partner_id()).unwrap()
    }

    #[allow(clippy::needless_pass_by_value, reason = "commands are made on the spot")]
    fn run(&mut self, command: Command) -> Result<(), Rejection> {
        let at = self.today.and_time(NaiveTime::MIN).and_utc();
        let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
        let events = decide(self.partners.get(&partner_id()), &self.reference, &command, &context)?;
        events.iter().for_each(|event| self.partners.evolve(event));
        self.last = events;
        Ok(())
    }

    /// The reason and the field of a refusal, which changes nothing.
    fn refused(&mut self, command: Command) -> (Reason, String) {
        let before = self.partners.clone();
        let refusal = self.run(command).unwrap_err();
        assert_eq!(self.partners, before);
        (refusal.reason, refusal.metadata.get("field").cloned().unwrap_or_default())
    }

    fn status(&self) -> Option<EnrollmentStatus> {
        self.partner().incentives.enrollments.values().next().map(|enrollment| enrollment.status)
    }

    fn close(&mut self, month: &str, earned_usd: &str) -> Result<(), Rejection> {
        let command = self.closing(month, earned_usd);
        self.today = calendar::last_of_month(command.period).succ_opt().unwrap().max(self.today);
        self.run(Command::CloseEarnings(command))
    }

    fn closing(&self, month: &str, earned_usd: &str) -> CloseEarnings {
        let period = day(&format!("{month}-01"));
        let earned_on = calendar::last_of_month(period);
        CloseEarnings {
            partner_id: partner_id(),
            program_id: program_id(),
            mpn_id: MPN.into(),
            period,
            revision: self.partner().incentives.revision(),
            levers: vec![LeverTotal {
                card_from: day("2019-07-01"),
                lever: "core".into(),
                earning_type: EarningType::Rebate,
                rate: Some(amount("0.04")),
                revenue_usd: Decimal::ZERO,
                earned_usd: amount(earned_usd),
                capped_usd: Decimal::ZERO,
            }],
            totals: Vec::new(),
            adjusted_usd: Decimal::ZERO,
            earned_usd: amount(earned_usd),
            coop: Vec::new(),
            line_count: 1,
            lines_digest: vec![7; 32],
            order_on: earned_on + Days::new(30),
            payment_on: earned_on + Days::new(45),
            payment_threshold: amount("200.00"),
            is_last: false,
            reflects: Vec::new(),
        }
    }

    fn order(&mut self, on: &str) -> Result<(), Rejection> {
        self.today = day(on).succ_opt().unwrap().max(self.today);
        let revision = self.partner().incentives.revision();
        self.run(order(on, revision, Some(euro()), Some("0.9")))
    }

    /// The first payment, moved along these statuses.
    fn moved(statuses: &[PaymentStatus]) -> Self {
        let mut world = Self::enrolled();
        world.close("2019-11", "1000.00").unwrap();
        world.order("2019-12-30").unwrap();
        for status in statuses {
            world.run(pay(*status)).unwrap();
        }
        world
    }
}

fn invite() -> Command {
    Command::InviteToIncentive(InviteToIncentive {
        partner_id: partner_id(),
        program_id: program_id(),
        mpn_id: MPN.into(),
    })
}

fn accept() -> Command {
    Command::AcceptIncentiveInvitation(AcceptIncentiveInvitation {
        partner_id: partner_id(),
        program_id: program_id(),
        mpn_id: MPN.into(),
    })
}

fn profile(bank: Option<BankProfile>, tax: Option<TaxProfile>) -> Command {
    Command::UpdatePayoutProfile(UpdatePayoutProfile { partner_id: partner_id(), bank, tax })
}

fn set(status: EnrollmentStatus) -> Command {
    let unmet = if status == EnrollmentStatus::Ineligible { vec!["competency".to_owned()] } else { Vec::new() };
    Command::SetIncentiveEnrollment(SetIncentiveEnrollment {
        partner_id: partner_id(),
        program_id: program_id(),
        mpn_id: MPN.into(),
        status,
        reason: "because".into(),
        unmet: unmet.into_iter().collect(),
    })
}

fn order(on: &str, revision: u64, currency: Option<Currency>, rate: Option<&str>) -> Command {
    Command::OrderIncentivePayment(OrderIncentivePayment {
        partner_id: partner_id(),
        program_id: program_id(),
        mpn_id: MPN.into(),
        ordered_on: day(on),
        revision,
        currency,
        exchange_rate: rate.map(amount),
    })
}

fn payment_id() -> PaymentId {
    PaymentId::new("contoso-I-EUR-000001").unwrap()
}

fn pay(status: PaymentStatus) -> Command {
    let recoup_usd = (status == PaymentStatus::IncorrectPayment).then(|| amount("300.00"));
    let (partner_id, payment_id) = (partner_id(), payment_id());
    let reason = "because".into();
    Command::SetIncentivePaymentStatus(SetIncentivePaymentStatus { partner_id, payment_id, status, reason, recoup_usd })
}

/// The shortest way to each status of an enrollment.
fn in_status(status: Option<EnrollmentStatus>) -> World {
    use EnrollmentStatus::{ActionRequired, Enrolled, Invited, ValidatingEnrollment};
    let mut world = World::new();
    let Some(status) = status else { return world };
    world.run(invite()).unwrap();
    match status {
        Invited => {}
        ActionRequired => world.run(accept()).unwrap(),
        ValidatingEnrollment | Enrolled => {
            world.run(accept()).unwrap();
            world.run(profile(Some(bank()), Some(tax(false)))).unwrap();
            if status == Enrolled {
                world.run(set(Enrolled)).unwrap();
            }
        }
        closed => world.run(set(closed)).unwrap(),
    }
    assert_eq!(world.status(), Some(status));
    world
}

/// Every status, every other one, and everybody who could move it: what the table allows happens, and nothing else.
#[test]
fn the_table_of_enrollment_is_walked() {
    let froms = [None].into_iter().chain(EnrollmentStatus::ALL.map(Some));
    for from in froms {
        for to in EnrollmentStatus::ALL {
            for mover in [Mover::Invitation, Mover::Acceptance, Mover::Data, Mover::Provider] {
                let allowed = ENROLLMENT_MOVES.contains(&(from, to, mover));
                let (command, reached) = match mover {
                    Mover::Invitation => (invite(), EnrollmentStatus::Invited),
                    Mover::Acceptance => (accept(), EnrollmentStatus::ActionRequired),
                    Mover::Data => {
                        let new = BankProfile { account_reference: "vault-2".into(), ..bank() };
                        (profile(Some(new), Some(tax(true))), EnrollmentStatus::ValidatingEnrollment)
                    }
                    Mover::Provider => (set(to), to),
                };
                // A command that leads elsewhere says nothing about this move.
                if reached != to {
                    continue;
                }
                let mut world = in_status(from);
                if mover == Mover::Data {
                    // New data is always taken; it moves only what waits for it or rests on it.
                    world.run(command).unwrap();
                    assert_eq!(world.last.len() == 2, allowed, "{from:?} {to:?}");
                } else if allowed {
                    world.run(command).unwrap();
                } else {
                    let (reason, _) = world.refused(command);
                    let expected = match (from, mover, to) {
                        (None, Mover::Acceptance | Mover::Provider, _) if to != EnrollmentStatus::Enrolled => {
                            vec![Reason::EnrollmentNotFound]
                        }
                        (None, ..) => vec![Reason::EnrollmentNotFound, Reason::EnrollmentNotReady],
                        (_, Mover::Provider, EnrollmentStatus::Enrolled) => {
                            vec![Reason::EnrollmentNotReady, Reason::InvalidEnrollmentTransition]
                        }
                        _ => vec![Reason::InvalidEnrollmentTransition],
                    };
                    assert!(expected.contains(&reason), "{from:?} {to:?} {mover:?}: {reason}");
                    continue;
                }
                if allowed {
                    assert_eq!(world.status(), Some(to), "{from:?} {mover:?}");
                }
            }
        }
    }
}

#[test]
fn data_is_checked_within_48_hours_and_both_parts_are_needed() {
    let mut world = World::new();
    world.run(invite()).unwrap();
    world.run(accept()).unwrap();
    world.run(profile(Some(bank()), None)).unwrap();
    assert_eq!(world.status(), Some(EnrollmentStatus::ActionRequired), "tax data is missing");
    assert_eq!(world.refused(set(EnrollmentStatus::Enrolled)), (Reason::EnrollmentNotReady, "status".into()));
    world.run(profile(None, Some(tax(false)))).unwrap();
    let Some(Event::IncentiveEnrollmentChanged(IncentiveEnrollmentChanged { to, validate_until, .. })) =
        world.last.last()
    else {
        panic!("{:?}", world.last)
    };
    assert_eq!(*to, EnrollmentStatus::ValidatingEnrollment);
    assert_eq!(validate_until.unwrap().to_rfc3339(), "2019-11-03T00:00:00+00:00");
    // The provider asks again; what was given stays, and the same data is no news.
    world.run(set(EnrollmentStatus::ActionRequired)).unwrap();
    world.run(profile(Some(bank()), Some(tax(false)))).unwrap();
    assert_eq!((world.last.len(), world.status()), (0, Some(EnrollmentStatus::ActionRequired)));
    world.run(profile(Some(BankProfile { currency: Currency::DOLLAR, ..bank() }), None)).unwrap();
    assert_eq!(world.status(), Some(EnrollmentStatus::ValidatingEnrollment));
}

#[test]
fn only_a_location_of_a_partner_that_the_program_is_for_is_invited() {
    let mut world = World::new();
    let other = |mpn_id: &str, program_id: &str| {
        Command::InviteToIncentive(InviteToIncentive {
            partner_id: partner_id(),
            program_id: IncentiveProgramId::new(program_id).unwrap(),
            mpn_id: mpn_id.into(),
        })
    };
    assert_eq!(world.refused(other("1", "csp")), (Reason::MpnIdNotAssociated, "mpn_id".into()));
    assert_eq!(world.refused(other("", "csp")), (Reason::RequiredFieldMissing, "mpn_id".into()));
    assert_eq!(world.refused(other(MPN, "nope")), (Reason::IncentiveProgramNotFound, "program_id".into()));
    world.today = day("2030-01-01");
    assert_eq!(world.refused(invite()), (Reason::IncentiveNotOffered, "program_id".into()), "discontinued");
    world.today = day("2019-11-01");
    for change in [
        |it: &mut IncentiveProgram| it.partner_kinds = BTreeSet::from([PartnerKind::IndirectReseller]),
        |it: &mut IncentiveProgram| it.markets = BTreeSet::from(["US".to_owned()]),
    ] {
        let mut programs = vec![program()];
        programs.iter_mut().for_each(change);
        world.reference.catalog.evolve(&IncentiveProgramsPublished { programs }.into());
        assert_eq!(world.refused(invite()), (Reason::IncentiveNotOffered, "program_id".into()));
    }
}

#[test]
fn months_close_one_after_another_with_what_the_partner_stands_at() {
    let mut world = World::enrolled();
    assert_eq!(world.close("2019-12", "1.00").unwrap_err().reason, Reason::EarningPeriodNotNext);
    let early = world.closing("2019-11", "1.00");
    world.today = day("2019-11-30");
    assert_eq!(world.refused(Command::CloseEarnings(early.clone())).0, Reason::InvalidValue, "the month is not over");
    world.today = day("2019-12-01");
    let outdated = CloseEarnings { revision: early.revision - 1, ..early.clone() };
    assert_eq!(world.refused(Command::CloseEarnings(outdated)), (Reason::EarningsOutdated, "revision".into()));
    let wrong = CloseEarnings { earned_usd: amount("2.00"), ..early.clone() };
    assert_eq!(world.refused(Command::CloseEarnings(wrong)), (Reason::InvalidValue, "earned_usd".into()));
    let wrong = CloseEarnings { lines_digest: vec![7; 31], ..early.clone() };
    assert_eq!(world.refused(Command::CloseEarnings(wrong)), (Reason::InvalidValue, "lines_digest".into()));
    let wrong = CloseEarnings { period: day("2019-11-02"), ..early.clone() };
    assert_eq!(world.refused(Command::CloseEarnings(wrong)), (Reason::InvalidValue, "period".into()));
    world.run(Command::CloseEarnings(early.clone())).unwrap();
    assert_eq!(world.refused(Command::CloseEarnings(early)).0, Reason::EarningPeriodClosed);
    // What was earned in a closed month stays: nobody leaves before it.
    world.today = day("2019-11-30");
    assert_eq!(world.refused(set(EnrollmentStatus::Inactive)).0, Reason::EarningPeriodClosed);
    world.today = day("2019-12-01");
    world.run(set(EnrollmentStatus::Inactive)).unwrap();
    let last = CloseEarnings { is_last: true, ..world.closing("2019-12", "0.00") };
    world.today = day("2020-01-01");
    world.run(Command::CloseEarnings(last)).unwrap();
    assert_eq!(world.close("2020-01", "1.00").unwrap_err().reason, Reason::EarningPeriodNotNext);
}

/// What a lever of a co-op program earns goes to the fund of the usage period, and only the rest is paid.
#[test]
fn a_part_of_a_month_goes_to_a_co_op_fund() {
    let mut world = World::enrolled();
    let id = UsagePeriodId::new("FY20-H1").unwrap();
    let period = UsagePeriod {
        program: "coop-marketing-fund".into(),
        usage_period_id: id.clone(),
        first_day: day("2019-07-01"),
        last_day: day("2019-12-31"),
    };
    let share = |usd: &str, code: &str, in_fund: &str| CoopShare {
        program: "coop-marketing-fund".into(),
        usage_period_id: id.clone(),
        amount_usd: amount(usd),
        currency: Currency::new(code).unwrap(),
        amount: amount(in_fund),
    };
    let close = |world: &mut World, month: &str, earned: &str, share: CoopShare| {
        let closing = CloseEarnings { coop: vec![share], ..world.closing(month, earned) };
        world.today = calendar::last_of_month(closing.period) + Days::new(1);
        world.run(Command::CloseEarnings(closing))
    };
    let refused = close(&mut world, "2019-11", "1000.00", share("300.00", "USD", "300.00")).unwrap_err();
    assert_eq!(refused.reason, Reason::UsagePeriodNotFound);
    world.reference.catalog.evolve(&UsagePeriodsPublished { periods: vec![period] }.into());
    let refused = close(&mut world, "2019-11", "1000.00", share("300.00", "USD", "299.99")).unwrap_err();
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::InvalidValue, "coop[0].amount"));
    close(&mut world, "2019-11", "1000.00", share("300.00", "USD", "300.00")).unwrap();
    let [Event::EarningsClosed(closed), Event::CoopFundsAccrued(fund)] = world.last.as_slice() else {
        panic!("{:?}", world.last)
    };
    assert_eq!((closed.earned_usd, closed.payable_usd()), (amount("1000.00"), amount("700.00")));
    assert_eq!(
        (fund.amount, fund.claim_deadline, fund.reference.as_str()),
        (amount("300.00"), day("2020-02-14"), "csp/2019-11")
    );
    world.order("2019-12-30").unwrap();
    let [Event::IncentivePaymentOrdered(ordered)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    assert_eq!(ordered.amounts.earned_usd, amount("700.00"));
    // The fund is in dollars now; a share in another currency was computed without it.
    let refused = close(&mut world, "2019-12", "-50.00", share("-350.00", "EUR", "-315.00")).unwrap_err();
    assert_eq!(refused.reason, Reason::EarningsOutdated);
    // More is taken back than the fund has: the rest is taken off what is paid.
    close(&mut world, "2019-12", "-50.00", share("-350.00", "USD", "-350.00")).unwrap();
    let [Event::EarningsClosed(closed), Event::CoopFundsAccrued(fund)] = world.last.as_slice() else {
        panic!("{:?}", world.last)
    };
    assert_eq!((fund.amount, closed.payable_usd()), (amount("-300.00"), amount("250.00")));
    let refused = close(&mut world, "2020-01", "1.00", share("1.00", "USD", "1.00")).unwrap_err();
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::InvalidValue, "coop[0].usage_period_id"));
}

/// W27 of azure-marketplace-software.md: what was invoiced on 2019-11-08 is paid 45 days after 2019-11-30.
#[test]
fn a_payment_is_due_45_days_after_the_month_of_the_invoice() {
    let mut world = World::enrolled();
    world.close("2019-11", "1000.00").unwrap();
    world.order("2019-12-30").unwrap();
    let [Event::IncentivePaymentOrdered(ordered)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    assert_eq!((ordered.payment_on, &ordered.payment_id), (day("2020-01-14"), &payment_id()));
    let a = &ordered.amounts;
    assert_eq!((a.earned_usd, a.earned, a.withheld_tax), (amount("1000.00"), amount("900.00"), amount("135.00")));
    assert_eq!((a.sales_tax, a.total), (amount("171.00"), amount("936.00")), "earned - withheld + sales tax");
    assert_eq!(world.order("2019-12-30").unwrap_err().reason, Reason::PaymentNotDue);
}

#[test]
fn what_is_below_the_threshold_or_negative_is_carried_over() {
    let mut world = World::enrolled();
    let deferred = |world: &World| match world.last.as_slice() {
        [Event::IncentivePaymentDeferred(e)] => Some((e.carried_usd, e.not_ready)),
        _ => None,
    };
    world.close("2019-11", "199.99").unwrap();
    world.order("2019-12-30").unwrap();
    assert_eq!(deferred(&world), Some((amount("199.99"), false)));
    world.close("2019-12", "-250.00").unwrap();
    world.order("2020-01-30").unwrap();
    assert_eq!(deferred(&world), Some((amount("-50.01"), false)));
    world.close("2020-01", "250.01").unwrap();
    world.order("2020-03-01").unwrap();
    let [Event::IncentivePaymentOrdered(ordered)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    assert_eq!(ordered.amounts.gross_usd, amount("200.00"), "exactly the threshold is paid");
    assert_eq!(ordered.periods, [day("2019-11-01"), day("2019-12-01"), day("2020-01-01")]);
    // A month without earnings asks for no payment.
    world.close("2020-02", "0.00").unwrap();
    assert_eq!(world.order("2020-03-30").unwrap_err().reason, Reason::PaymentNotDue);
}

#[test]
fn nothing_is_paid_while_the_enrollment_is_not_in_order() {
    let mut world = World::enrolled();
    world.close("2019-11", "1000.00").unwrap();
    world.today = day("2019-12-15");
    world.run(profile(Some(BankProfile { account_reference: "vault-2".into(), ..bank() }), None)).unwrap();
    world.order("2019-12-30").unwrap();
    let [Event::IncentivePaymentDeferred(e)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    assert!(e.not_ready);
    // Once the new data is valid a payment is due again.
    world.today = day("2020-01-02");
    world.run(set(EnrollmentStatus::Enrolled)).unwrap();
    let revision = world.partner().incentives.revision();
    world.today = day("2020-01-03");
    let wrong = order("2020-01-02", revision, Some(Currency::DOLLAR), Some("1"));
    assert_eq!(world.refused(wrong), (Reason::CurrencyMismatch, "currency".into()));
    world.run(order("2020-01-02", revision, Some(euro()), Some("0.9"))).unwrap();
    assert!(matches!(world.last.as_slice(), [Event::IncentivePaymentOrdered(_)]));
}

/// The shortest way of a payment to each status.
fn way(status: PaymentStatus) -> Vec<PaymentStatus> {
    use PaymentStatus::{
        Failed, InProgress, IncorrectPayment, PendingTaxInvoice, Rejected, RejectedDuringReview, Reprocessing,
        Reversed, Sent, TaxInvoiceRejected, TaxInvoiceUnderReview, Unprocessed, Upcoming,
    };
    match status {
        Upcoming => vec![],
        PendingTaxInvoice | TaxInvoiceUnderReview | RejectedDuringReview | InProgress => vec![status],
        TaxInvoiceRejected => vec![TaxInvoiceUnderReview, TaxInvoiceRejected],
        Unprocessed => vec![RejectedDuringReview, Unprocessed],
        Failed | Reprocessing | Sent | Rejected => vec![InProgress, status],
        Reversed | IncorrectPayment => vec![InProgress, Sent, status],
    }
}

#[test]
fn the_table_of_payments_is_walked() {
    for from in PaymentStatus::ALL {
        for to in PaymentStatus::ALL {
            let mut world = World::moved(&way(from));
            // A payment is ordered by the ledger itself.
            let allowed = can_become(from, to) && to != PaymentStatus::Upcoming;
            if !allowed {
                let expected = (Reason::InvalidPaymentTransition, "status".to_owned());
                assert_eq!(world.refused(pay(to)), expected, "{from:?} {to:?}");
                continue;
            }
            let refused = world.run(pay(to)).err();
            let held = from == PaymentStatus::TaxInvoiceRejected && to == PaymentStatus::InProgress;
            assert_eq!(refused.is_some(), held, "{from:?} {to:?}");
            let [Event::IncentivePaymentStatusChanged(e)] = world.last.as_slice() else { panic!("{:?}", world.last) };
            assert_eq!((e.from, e.to), (from, to));
        }
    }
}

#[test]
fn a_payment_refused_in_review_frees_its_months() {
    let mut world = World::moved(&way(PaymentStatus::Unprocessed));
    let key = (program_id(), MPN.to_owned());
    assert_eq!(world.partner().incentives.enrollments[&key].unpaid_usd(), amount("1000.00"));
    let on = world.today.to_string();
    world.order(&on).unwrap();
    let [Event::IncentivePaymentOrdered(e)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    assert_eq!((e.payment_id.as_str(), e.amounts.gross_usd), ("contoso-I-EUR-000002", amount("1000.00")));
}

#[test]
fn an_incorrect_payment_is_taken_off_the_next_one() {
    let mut world = World::moved(&[PaymentStatus::InProgress, PaymentStatus::Sent]);
    let mut wrong = pay(PaymentStatus::IncorrectPayment);
    let Command::SetIncentivePaymentStatus(command) = &mut wrong else { unreachable!() };
    command.recoup_usd = Some(amount("1000.01"));
    assert_eq!(world.refused(wrong.clone()), (Reason::InvalidValue, "recoup_usd".into()), "more than was paid");
    let Command::SetIncentivePaymentStatus(command) = &mut wrong else { unreachable!() };
    command.recoup_usd = None;
    assert_eq!(world.refused(wrong), (Reason::RequiredFieldMissing, "recoup_usd".into()));
    world.run(pay(PaymentStatus::IncorrectPayment)).unwrap();
    world.close("2019-12", "700.00").unwrap();
    world.order("2020-01-30").unwrap();
    let [Event::IncentivePaymentOrdered(e)] = world.last.as_slice() else { panic!("{:?}", world.last) };
    let a = &e.amounts;
    assert_eq!((a.gross_usd, a.recouped_usd, a.earned_usd), (amount("700.00"), amount("300.00"), amount("400.00")));
}

#[test]
fn a_refused_tax_invoice_holds_every_pending_payment() {
    let mut world = World::enrolled();
    world.run(profile(None, Some(tax(true)))).unwrap();
    world.run(set(EnrollmentStatus::Enrolled)).unwrap();
    world.close("2019-11", "1000.00").unwrap();
    world.order("2019-12-30").unwrap();
    assert!(matches!(
        world.last.as_slice(),
        [
            Event::IncentivePaymentOrdered(_),
            Event::IncentivePaymentStatusChanged(IncentivePaymentStatusChanged {
                to: PaymentStatus::PendingTaxInvoice,
                ..
            })
        ]
    ));
    world.close("2019-12", "1000.00").unwrap();
    world.order("2020-01-30").unwrap();
    let of = |id: &str, command: Command| match command {
        Command::SetIncentivePaymentStatus(c) => Command::SetIncentivePaymentStatus(SetIncentivePaymentStatus {
            payment_id: PaymentId::new(id).unwrap(),
            ..c
        }),
        other => other,
    };
    let invoice = |id: &str, hash: &str| {
        let (partner_id, payment_id) = (partner_id(), PaymentId::new(id).unwrap());
        let (reference, document_hash) = ("TI-1".into(), hash.into());
        Command::SubmitTaxInvoice(SubmitTaxInvoice { partner_id, payment_id, reference, document_hash })
    };
    let (first, second) = ("contoso-I-EUR-000001", "contoso-I-EUR-000002");
    assert_eq!(world.refused(invoice(first, "xyz")), (Reason::InvalidValue, "document_hash".into()));
    world.run(invoice(first, &"ab".repeat(32))).unwrap();
    world.run(invoice(second, &"cd".repeat(32))).unwrap();
    world.run(of(first, pay(PaymentStatus::TaxInvoiceRejected))).unwrap();
    assert_eq!(
        world.refused(of(second, pay(PaymentStatus::InProgress))),
        (Reason::PaymentHeldTaxInvoice, "status".into())
    );
    world.run(of(first, pay(PaymentStatus::PendingTaxInvoice))).unwrap();
    world.run(of(second, pay(PaymentStatus::InProgress))).unwrap();
    assert_eq!(world.refused(invoice("nope", &"ab".repeat(32))).0, Reason::IncentivePaymentNotFound);
}

fn dispute(id: &str, month: &str, earning: &str) -> Command {
    Command::DisputeEarning(DisputeEarning {
        partner_id: partner_id(),
        dispute_id: DisputeId::new(id).unwrap(),
        program_id: program_id(),
        mpn_id: MPN.into(),
        period: day(&format!("{month}-01")),
        earning_id: earning.into(),
        amount: amount("12.00"),
        currency: euro(),
        reason: "the rate was 6 percent".into(),
    })
}

fn answer(id: &str, correction: Option<&str>) -> Command {
    Command::DecideEarningDispute(DecideEarningDispute {
        partner_id: partner_id(),
        dispute_id: DisputeId::new(id).unwrap(),
        correction: correction.map(amount),
        note: "looked at".into(),
    })
}

#[test]
fn a_dispute_is_opened_once_and_decided_once() {
    let mut world = World::enrolled();
    assert_eq!(world.refused(dispute("d-1", "2019-11", "e")), (Reason::EarningPeriodOpen, "period".into()));
    world.close("2019-11", "1.00").unwrap();
    world.run(dispute("d-1", "2019-11", "e")).unwrap();
    assert_eq!(world.refused(dispute("d-1", "2019-11", "f")).0, Reason::DisputeAlreadyExists);
    assert_eq!(world.refused(dispute("d-2", "2019-11", "e")).0, Reason::EarningAlreadyDisputed);
    assert_eq!(world.refused(answer("d-9", None)).0, Reason::DisputeNotFound);
    assert_eq!(world.refused(answer("d-1", Some("0.00"))), (Reason::InvalidValue, "correction".into()));
    let before = world.partner().incentives.revision();
    world.run(answer("d-1", Some("12.00"))).unwrap();
    assert_eq!(world.partner().incentives.revision(), before + 1, "the next month adjusts by it");
    assert_eq!(world.refused(answer("d-1", None)).0, Reason::DisputeClosed);
    world.run(dispute("d-2", "2019-11", "e")).unwrap();
}
