//! Co-op funds and claims (billing-details.md 2.1, W14, W15).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::{
    Command, Context, Event, Reason, Reference, Rejection,
    command::*,
    coop::{CLAIM_STATES, CoopClaimDetails, CoopClaimState, Expense, UsagePeriod, activities, caps},
    evidence::{Evidence, EvidenceKind},
    ids::{CommandId, CoopClaimId, DocumentId, PartnerId, UsagePeriodId},
    money::Currency,
    partner::decide,
    party::PartnerKind,
    usage::ExchangeRate,
};

const FUND: &str = "coop-marketing-fund";
const SURFACE: &str = "surface-add";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn partner_id() -> PartnerId {
    PartnerId::new("p").unwrap()
}

fn claim_id(id: &str) -> CoopClaimId {
    CoopClaimId::new(id).unwrap()
}

fn document_id(id: &str) -> DocumentId {
    DocumentId::new(id).unwrap()
}

fn period_id(id: &str) -> UsagePeriodId {
    UsagePeriodId::new(id).unwrap()
}

/// A partner with one location, and the usage period of the first half of 2020 of every program.
#[derive(Clone)]
struct World {
    reference: Reference,
    today: NaiveDate,
    journal: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { reference: Reference::default(), today: day("2020-06-30"), journal: Vec::new() };
        world.ok(Command::RegisterPartner(RegisterPartner {
            partner_id: partner_id(),
            name: "Partner".into(),
            kind: PartnerKind::DirectBill,
            country: "US".into(),
            currency: Currency::DOLLAR,
            billing_day: 15,
            mpn_id: "4242".into(),
        }));
        let periods = crate::coop::programs().map(|program| UsagePeriod {
            program: program.code.to_owned(),
            usage_period_id: period_id("H2"),
            first_day: day("2020-01-01"),
            last_day: day("2020-06-30"),
        });
        world.ok(Command::PublishUsagePeriods(PublishUsagePeriods { periods: periods.collect() }));
        world
    }

    fn funded(program: &str, accrued: &str) -> Self {
        let mut world = Self::new();
        world.ok(accrue(program, accrued, "USD"));
        world
    }

    fn at(&mut self, date: &str) -> &mut Self {
        self.today = day(date);
        self
    }

    fn run(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let at = self.today.and_time(NaiveTime::MIN).and_utc();
        let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
        let events = match command.target() {
            Target::Catalog => self.reference.catalog.decide(command, &context)?,
            _ => decide(self.reference.partners.get(&partner_id()), &self.reference, command, &context)?,
        };
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
        }
        self.journal.extend(events.clone());
        Ok(events)
    }

    #[allow(clippy::needless_pass_by_value, reason = "commands are made on the spot")]
    fn ok(&mut self, command: Command) -> &'static str {
        let events = self.run(&command).unwrap_or_else(|refused| panic!("{command:?}: {refused}"));
        events[0].name()
    }

    #[allow(clippy::needless_pass_by_value, reason = "commands are made on the spot")]
    fn refusal(&mut self, command: Command) -> Rejection {
        let before = self.reference.clone();
        let refused = self.run(&command).map(|events| panic!("accepted: {events:?}")).unwrap_err();
        assert_eq!(self.reference, before, "a refusal changes nothing");
        refused
    }

    fn refused(&mut self, command: Command) -> Reason {
        self.refusal(command).reason
    }

    fn state(&self, id: &str) -> CoopClaimState {
        self.reference.partners.get(&partner_id()).unwrap().coop.claims[&claim_id(id)].state
    }

    /// A claim with everything that it needs, not submitted.
    fn prepare(&mut self, id: &str, program: &str, activity: &str, expenses: Vec<Expense>) {
        let conference = activity == "hosted-conferences";
        self.ok(create(id, program, activity, details(conference, expenses)));
        for (n, proof) in crate::coop::activity(activity).unwrap().proofs.iter().enumerate() {
            self.ok(add(id, &format!("poe-{n}"), EvidenceKind::ProofOfExecution, Some(proof.code)));
        }
        self.ok(add(id, "inv", EvidenceKind::Invoice, None));
        self.ok(add(id, "csr", EvidenceKind::CertificationStatement, None));
        self.ok(add(id, "metric", EvidenceKind::Metric, None));
    }

    /// Claims one expense and hands it in.
    fn claim(&mut self, id: &str, program: &str, activity: &str, expense: &str, cost: &str) -> Result<(), Rejection> {
        self.prepare(id, program, activity, vec![cost_of(expense, cost)]);
        self.run(&submit(id)).map(|_| ())
    }

    /// Everything that claims hold or were granted, and what was accrued.
    fn drawn(&self) -> (Decimal, Decimal) {
        let coop = &self.reference.partners.get(&partner_id()).unwrap().coop;
        let drawn = coop.claims.values().map(super::Claim::drawn).sum();
        (drawn, coop.funds.values().map(|fund| fund.accrued).sum())
    }
}

fn accrue(program: &str, cost: &str, code: &str) -> Command {
    Command::AccrueCoopFunds(AccrueCoopFunds {
        partner_id: partner_id(),
        program: program.into(),
        location_mpn_id: "4242".into(),
        usage_period_id: period_id("H2"),
        amount: amount(cost),
        currency: Currency::new(code).unwrap(),
        reference: String::new(),
    })
}

fn cost_of(expense: &str, cost: &str) -> Expense {
    Expense {
        expense: expense.into(),
        amount: amount(cost),
        in_house: false,
        document_id: Some(document_id("inv")),
        attendee: None,
    }
}

/// Somebody's expense at a conference.
fn trip(expense: &str, cost: &str, attendee: &str) -> Expense {
    Expense { attendee: Some(attendee.into()), ..cost_of(expense, cost) }
}

fn details(conference: bool, expenses: Vec<Expense>) -> CoopClaimDetails {
    CoopClaimDetails {
        activity_date: day("2020-06-30"),
        currency: Currency::DOLLAR,
        expenses,
        conference: conference.then(|| "Inspire".to_owned()),
    }
}

fn create(id: &str, program: &str, activity: &str, details: CoopClaimDetails) -> Command {
    Command::CreateCoopClaim(CreateCoopClaim {
        partner_id: partner_id(),
        claim_id: claim_id(id),
        program: program.into(),
        location_mpn_id: "4242".into(),
        usage_period_id: period_id("H2"),
        activity: activity.into(),
        details,
    })
}

fn revise(id: &str, details: CoopClaimDetails) -> Command {
    Command::ReviseCoopClaim(ReviseCoopClaim { partner_id: partner_id(), claim_id: claim_id(id), details })
}

fn add(id: &str, document: &str, kind: EvidenceKind, proof: Option<&str>) -> Command {
    let document = Evidence {
        document_id: document_id(document),
        kind,
        proof: proof.map(str::to_owned),
        name: "scan.pdf".into(),
        sha256: "0a".repeat(32),
        note: String::new(),
    };
    Command::AddCoopClaimDocument(AddCoopClaimDocument { partner_id: partner_id(), claim_id: claim_id(id), document })
}

fn comment(id: &str) -> Command {
    let text = "done".into();
    Command::CommentOnCoopClaim(CommentOnCoopClaim { partner_id: partner_id(), claim_id: claim_id(id), text })
}

fn submit(id: &str) -> Command {
    Command::SubmitCoopClaim(SubmitCoopClaim { partner_id: partner_id(), claim_id: claim_id(id) })
}

fn ask(id: &str, answer_by: Option<&str>) -> Command {
    Command::AskAboutCoopClaim(AskAboutCoopClaim {
        partner_id: partner_id(),
        claim_id: claim_id(id),
        document_id: None,
        question: "the back of it?".into(),
        answer_by: answer_by.map(day),
    })
}

fn approve(id: &str, cost: &str) -> Command {
    let amount = amount(cost);
    Command::ApproveCoopClaim(ApproveCoopClaim { partner_id: partner_id(), claim_id: claim_id(id), amount })
}

fn reject(id: &str) -> Command {
    let reason = "no".into();
    Command::RejectCoopClaim(RejectCoopClaim { partner_id: partner_id(), claim_id: claim_id(id), reason })
}

fn hand_over(id: &str) -> Command {
    let payment_reference = "pay-1".into();
    Command::HandOverCoopClaim(HandOverCoopClaim {
        partner_id: partner_id(),
        claim_id: claim_id(id),
        payment_reference,
    })
}

/// With a claim `x` over 100 dollars in that state, on the last day of the usage period.
fn at(state: CoopClaimState) -> World {
    let mut world = World::funded(FUND, "1000");
    world.prepare("x", FUND, "print-advertising", vec![cost_of("agency", "100")]);
    let then: Vec<Command> = match state {
        CoopClaimState::Editing => vec![],
        CoopClaimState::InReview => vec![submit("x")],
        CoopClaimState::InformationRequested => vec![submit("x"), ask("x", None)],
        CoopClaimState::Approved => vec![submit("x"), approve("x", "100")],
        CoopClaimState::Rejected => vec![submit("x"), reject("x")],
        CoopClaimState::HandedOver => vec![submit("x"), approve("x", "100"), hand_over("x")],
    };
    then.into_iter().for_each(|command| {
        world.ok(command);
    });
    assert_eq!(world.state("x"), state);
    world
}

/// Every state and every command: the event, or the reason.
#[test]
fn the_state_table_is_walked() {
    type Cell = Result<&'static str, Reason>;
    type Column = (&'static str, fn() -> Command);
    const LOCKED: Cell = Err(Reason::ClaimLocked);
    const NO: Cell = Err(Reason::ClaimMoveNotAllowed);
    let commands: [Column; 8] = [
        ("revise", || revise("x", details(false, vec![cost_of("agency", "90")]))),
        ("add", || add("x", "more", EvidenceKind::Other, None)),
        ("comment", || comment("x")),
        ("submit", || submit("x")),
        ("ask", || ask("x", None)),
        ("approve", || approve("x", "100")),
        ("reject", || reject("x")),
        ("hand over", || hand_over("x")),
    ];
    let edited = [Ok("CoopClaimRevised"), Ok("CoopClaimDocumentAdded"), Ok("CoopClaimCommented")];
    let [revised, added, said] = edited;
    let submitted = Ok("CoopClaimSubmitted");
    let (asked, granted) = (Ok("CoopClaimInformationRequested"), Ok("CoopClaimApproved"));
    let (refused, paid) = (Ok("CoopClaimRejected"), Ok("CoopClaimHandedOver"));
    let table: [(CoopClaimState, [Cell; 8]); 6] = [
        (CoopClaimState::Editing, [revised, added, said, submitted, NO, NO, NO, NO]),
        (CoopClaimState::InReview, [LOCKED, LOCKED, LOCKED, LOCKED, asked, granted, refused, NO]),
        // Refused only once nobody answered in time; see below.
        (CoopClaimState::InformationRequested, [revised, added, said, submitted, NO, NO, NO, NO]),
        (CoopClaimState::Approved, [LOCKED, LOCKED, LOCKED, LOCKED, NO, NO, NO, paid]),
        (CoopClaimState::Rejected, [LOCKED, LOCKED, LOCKED, LOCKED, NO, NO, NO, NO]),
        (CoopClaimState::HandedOver, [LOCKED, LOCKED, LOCKED, LOCKED, NO, NO, NO, NO]),
    ];
    assert_eq!(table.map(|(state, _)| state), CLAIM_STATES);
    let mut wrong = Vec::new();
    for (state, cells) in table {
        for ((name, command), expected) in commands.iter().zip(cells) {
            let found = at(state).run(&command()).map(|events| events[0].name()).map_err(|refused| refused.reason);
            if found != expected {
                wrong.push(format!("{state:?} x {name}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// W15.
#[test]
fn a_claim_comes_within_forty_five_days_of_its_period() {
    for (date, in_time) in [("2020-08-14", true), ("2020-08-15", false)] {
        let mut world = World::funded(FUND, "1000");
        world.prepare("x", FUND, "print-advertising", vec![cost_of("agency", "100")]);
        let Some(Event::CoopClaimCreated(created)) =
            world.journal.iter().find(|event| matches!(event, Event::CoopClaimCreated(_)))
        else {
            panic!("{:?}", world.journal)
        };
        assert_eq!((created.claim_deadline, created.retained_until), (day("2020-08-14"), day("2022-06-30")));
        world.at(date);
        if in_time {
            world.ok(submit("x"));
        } else {
            let refused = world.refusal(submit("x"));
            assert_eq!(
                (refused.reason, refused.metadata["deadline"].as_str()),
                (Reason::ClaimPeriodClosed, "2020-08-14")
            );
            let late = create("y", FUND, "print-advertising", details(false, vec![cost_of("agency", "1")]));
            assert_eq!(world.refused(late), Reason::ClaimPeriodClosed);
        }
    }
}

#[test]
fn a_question_has_a_last_day_to_answer() {
    let mut world = at(CoopClaimState::InReview);
    // While claims are taken, their last day; later, one that the reviewer names.
    world.ok(ask("x", None));
    world.at("2020-08-14").ok(submit("x"));
    world.at("2020-08-20");
    let refused = world.refusal(ask("x", None));
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::RequiredFieldMissing, "answer_by"));
    assert_eq!(world.refusal(ask("x", Some("2020-08-19"))).metadata["earliest"], "2020-08-20");
    world.ok(ask("x", Some("2020-08-31")));
    let mut late = world.clone();
    world.at("2020-08-31");
    assert_eq!(world.refusal(reject("x")).metadata["answer_by"], "2020-08-31");
    world.ok(add("x", "more", EvidenceKind::Other, None));
    world.ok(submit("x"));
    assert_eq!(late.at("2020-09-01").refusal(submit("x")).metadata["deadline"], "2020-08-31");
    late.ok(reject("x"));
    assert_eq!(late.drawn().0, Decimal::ZERO, "what was refused is in the fund again");
}

fn expire() -> Command {
    Command::ExpireCoopFunds(ExpireCoopFunds {
        partner_id: partner_id(),
        program: FUND.into(),
        location_mpn_id: "4242".into(),
        usage_period_id: period_id("H2"),
    })
}

/// What nobody claimed by the last day of claims is lost on it; what a claim gives back later is lost then.
#[test]
fn what_is_not_claimed_in_time_expires() {
    let expired = |world: &World| -> Vec<String> {
        let of = world.journal.iter().filter_map(|event| match event {
            Event::CoopFundsExpired(e) => Some(format!("{} {} {}", e.expired_on, e.amount, e.currency)),
            _ => None,
        });
        of.collect()
    };
    let mut world = World::funded(FUND, "1000.00");
    for (id, cost) in [("a", "300.00"), ("b", "200.00"), ("c", "100.00")] {
        world.claim(id, FUND, "print-advertising", "agency", cost).unwrap();
    }
    let refusal = world.at("2020-08-14").refusal(expire());
    assert_eq!((refusal.reason, refusal.metadata["claim_deadline"].as_str()), (Reason::CoopFundOpen, "2020-08-14"));
    world.at("2020-08-15").ok(expire());
    assert_eq!(expired(&world), ["2020-08-14 400.00 USD"]);
    assert!(world.run(&expire()).unwrap().is_empty(), "a second time nothing is left");
    world.ok(approve("a", "250.00"));
    world.at("2020-08-20").ok(reject("b"));
    assert_eq!(expired(&world)[1..], ["2020-08-15 50.00 USD", "2020-08-20 200.00 USD"]);
    // An answer may claim less, and not more than it did.
    world.ok(ask("c", Some("2020-08-31")));
    world.ok(revise("c", details(false, vec![cost_of("agency", "100.01")])));
    assert_eq!(world.refusal(submit("c")).metadata["available"], "100.00");
    world.ok(revise("c", details(false, vec![cost_of("agency", "90.00")])));
    world.ok(submit("c"));
    assert_eq!(expired(&world)[3..], ["2020-08-20 10.00 USD"]);
    // What is lost is not taken back, and what comes late is lost at once.
    let refusal = world.refusal(accrue(FUND, "-0.01", "USD"));
    assert_eq!((refusal.reason, refusal.metadata["available"].as_str()), (Reason::CoopFundExceeded, "0.00"));
    world.ok(accrue(FUND, "5.00", "USD"));
    assert_eq!(expired(&world)[4..], ["2020-08-20 5.00 USD"]);
    let unknown = Command::ExpireCoopFunds(ExpireCoopFunds {
        partner_id: partner_id(),
        program: "surface-add".into(),
        location_mpn_id: "4242".into(),
        usage_period_id: period_id("H2"),
    });
    assert_eq!(world.refused(unknown), Reason::CoopFundNotFound);
}

/// Every activity of the catalogue: with all its evidence it is taken, and with any piece missing refused for that.
#[test]
fn every_activity_needs_its_evidence() {
    for activity in activities() {
        let conference = activity.code == "hosted-conferences";
        let in_house = activity.proofs.iter().any(|proof| proof.code == "system-specification");
        let mut expenses: Vec<Expense> = activity.expenses.iter().map(|expense| cost_of(expense, "10")).collect();
        if conference {
            expenses.iter_mut().for_each(|expense| expense.attendee = Some("Ada".into()));
        }
        if in_house {
            let own = Expense { in_house: true, document_id: Some(document_id("csr")), ..expenses[0].clone() };
            expenses.push(own);
        }
        let mut pieces: Vec<(String, EvidenceKind, Option<&str>, Reason)> = activity
            .proofs
            .iter()
            .map(|proof| (proof.code.to_owned(), EvidenceKind::ProofOfExecution, Some(proof.code), Reason::PoeMissing))
            .collect();
        pieces.push(("inv".into(), EvidenceKind::Invoice, None, Reason::ThirdPartyInvoiceMissing));
        if in_house {
            pieces.push(("csr".into(), EvidenceKind::CertificationStatement, None, Reason::CsrMissing));
        }
        if activity.metric.is_some() {
            pieces.push(("metric".into(), EvidenceKind::Metric, None, Reason::MetricMissing));
        }
        for missing in (0..pieces.len()).map(Some).chain([None]) {
            let mut world = World::funded(FUND, "100000");
            world.ok(create("x", FUND, activity.code, details(conference, expenses.clone())));
            for (n, (id, kind, proof, _)) in pieces.iter().enumerate() {
                if Some(n) != missing {
                    world.ok(add("x", id, *kind, *proof));
                }
            }
            let outcome = world.run(&submit("x")).map(|_| ()).map_err(|refused| refused.reason);
            let optional =
                missing.is_some_and(|n| pieces[n].0 == "presentation" && activity.code.starts_with("customer"));
            let expected = missing.filter(|_| !optional).map_or(Ok(()), |n| Err(pieces[n].3));
            assert_eq!(outcome, expected, "{} without {missing:?} of {pieces:?}", activity.code);
        }
    }
}

#[test]
fn conditions_of_proofs_hold_only_with_their_expense() {
    let mut world = World::funded(FUND, "1000");
    let web = "partner-website-and-search-engine";
    world.ok(create("x", FUND, web, details(false, vec![cost_of("agency", "10")])));
    world.ok(add("x", "inv", EvidenceKind::Invoice, None));
    world.ok(add("x", "m", EvidenceKind::Metric, None));
    world.ok(add("x", "page", EvidenceKind::ProofOfExecution, Some("site-page")));
    let mut seo = world.clone();
    world.ok(submit("x"));
    seo.ok(revise("x", details(false, vec![cost_of("seo", "10")])));
    assert_eq!(seo.refusal(submit("x")).metadata["proof"], "statement-of-work");
    // Renewing a trainer's certificate needs no metric.
    let mut exams = World::funded(FUND, "1000");
    for (id, expense, needed) in [("a", "mct-renewal", false), ("b", "exam-fee", true)] {
        exams.ok(create(id, FUND, "exams-and-tuition", details(false, vec![cost_of(expense, "10")])));
        exams.ok(add(id, "inv", EvidenceKind::Invoice, Some("coded-invoice")));
        if needed {
            assert_eq!(exams.refused(submit(id)), Reason::MetricMissing);
        } else {
            exams.ok(submit(id));
        }
    }
    let wrong = add("b", "w", EvidenceKind::ProofOfExecution, Some("site-page"));
    assert_eq!(exams.refusal(wrong).metadata["accepted"], "coded-invoice");
}

/// Every activity under every program, and every expense of the catalogue with every activity.
#[test]
fn programs_and_expenses_are_those_of_the_catalogue() {
    let programs: Vec<_> = crate::coop::programs().map(|program| program.code).collect();
    let expenses: BTreeSet<_> = activities().iter().flat_map(|activity| &activity.expenses).copied().collect();
    for activity in activities() {
        let conference = activity.code == "hosted-conferences";
        for (program, expense) in programs.iter().flat_map(|program| expenses.iter().map(move |it| (*program, *it))) {
            let mut world = World::new();
            let line = if conference { trip(expense, "10", "Ada") } else { cost_of(expense, "10") };
            let found = world.run(&create("x", program, activity.code, details(conference, vec![line])));
            let expected = if activity.code == "employee-purchase-web-setup" && program == "surface-add" {
                Err(Reason::ActivityNotEligibleForProgram)
            } else if activity.expenses.contains(&expense) {
                Ok(())
            } else {
                Err(Reason::ExpenseNotEligible)
            };
            let found = found.map(|_| ()).map_err(|refused| refused.reason);
            assert_eq!(found, expected, "{} {program} {expense}", activity.code);
        }
    }
}

/// W14: each cap, just reached and passed by a cent.
#[test]
fn caps_hold_to_the_cent() {
    for (activity, expense, program, accrued, cap) in [
        ("syndicated-content", "agency", FUND, "100000", "18750.00"),
        ("customer-offers", "giveaways", FUND, "10000", "2500.00"),
        ("customer-offers", "giveaways", SURFACE, "10000", "10000.00"),
        ("internal-incentives-and-spiffs", "agency", FUND, "10000", "2500.00"),
        ("internal-incentives-and-spiffs", "agency", SURFACE, "10000", "10000.00"),
        ("on-site-champ", "champ-services", FUND, "10000", "5000.00"),
        ("on-site-champ", "champ-services", SURFACE, "10000", "10000.00"),
        ("product-seeding-demo-units", "demo-units", FUND, "20000", "3000.00"),
        ("product-seeding-demo-units", "demo-units", FUND, "50000", "5000.00"),
        ("product-seeding-demo-units", "demo-units", "surface-pc-hub", "50000", "50000.00"),
    ] {
        let mut world = World::funded(program, accrued);
        let whole = amount(cap);
        let part = whole - Decimal::TEN;
        world.claim("a", program, activity, expense, &part.to_string()).unwrap();
        let refused = world.claim("b", program, activity, expense, "10.01").unwrap_err();
        let all = whole == amount(accrued);
        let reason = if all && activity == "product-seeding-demo-units" {
            Reason::CoopFundExceeded
        } else {
            Reason::ActivityCapExceeded
        };
        assert_eq!(refused.reason, reason, "{activity} {program}: {refused}");
        if reason == Reason::ActivityCapExceeded {
            assert_eq!((refused.metadata["maximum"].as_str(), refused.metadata["left"].as_str()), (cap, "10.00"));
        }
        world.claim("c", program, activity, expense, "10.00").unwrap();
        // What is granted only in part leaves room.
        world.ok(approve("a", &(part - Decimal::TWO).to_string()));
        world.claim("d", program, activity, expense, "2.00").unwrap();
        assert!(world.claim("e", program, activity, expense, "0.01").is_err());
    }
}

/// L9335: 5,000 for a person and conference, three of them, 45,000 in a period.
#[test]
fn conferences_have_three_caps() {
    let mut world = World::funded(FUND, "1000000");
    let activity = "hosted-conferences";
    world.prepare("a", FUND, activity, vec![trip("airfare", "3000", "Ada"), trip("hotel", "2000", "ada ")]);
    world.ok(submit("a"));
    world.prepare("b", FUND, activity, vec![trip("hotel", "0.01", "ADA")]);
    let refused = world.refusal(submit("b"));
    assert_eq!((refused.reason, refused.metadata["attendee"].as_str()), (Reason::ActivityCapExceeded, "ada"));
    // What is no travel is not capped.
    world.ok(revise("b", details(true, vec![trip("registration", "2000", "Ada")])));
    world.ok(submit("b"));
    world.prepare("c", FUND, activity, vec![trip("hotel", "5000", "Bo"), trip("hotel", "5000", "Cy")]);
    world.ok(submit("c"));
    world.prepare("d", FUND, activity, vec![trip("registration", "1", "Di")]);
    assert_eq!(world.refusal(submit("d")).metadata["maximum"], "3");
    // Two more conferences of three make 45,000, and not a cent more.
    for (n, conference) in ["Ignite", "Build"].iter().enumerate() {
        let id = format!("more-{n}");
        let trips = ["Ada", "Bo", "Cy"].map(|who| trip("airfare", "5000", who)).to_vec();
        world.prepare(&id, FUND, activity, trips.clone());
        let there = CoopClaimDetails { conference: Some((*conference).into()), ..details(true, trips) };
        world.ok(revise(&id, there));
        world.ok(submit(&id));
    }
    world.prepare("e", FUND, activity, vec![trip("airfare", "0.01", "Ada")]);
    let there =
        CoopClaimDetails { conference: Some("Ready".into()), ..details(true, vec![trip("airfare", "0.01", "Ada")]) };
    world.ok(revise("e", there));
    let refused = world.refusal(submit("e"));
    assert_eq!((refused.metadata["maximum"].as_str(), refused.metadata["left"].as_str()), ("45000.00", "0.00"));
    let nobody = create("f", FUND, activity, details(true, vec![cost_of("hotel", "1")]));
    assert_eq!(world.refusal(nobody).metadata["field"], "details.expenses[0].attendee");
    let nowhere = create("f", FUND, activity, details(false, vec![trip("hotel", "1", "Ada")]));
    assert_eq!(world.refusal(nowhere).metadata["field"], "details.conference");
    let elsewhere = create("f", FUND, "print-advertising", details(true, vec![cost_of("agency", "1")]));
    assert_eq!(world.refusal(elsewhere).metadata["field"], "details.conference");
}

#[test]
fn caps_are_converted_at_the_rate_of_the_first_month() {
    let mut world = World::new();
    world.ok(accrue(FUND, "100000", "EUR"));
    let euro = Currency::new("EUR").unwrap();
    let of = |cost: &str| CoopClaimDetails { currency: euro, ..details(false, vec![cost_of("agency", cost)]) };
    world.prepare("x", FUND, "syndicated-content", vec![cost_of("agency", "1")]);
    world.ok(revise("x", of("16875.01")));
    assert_eq!(world.refused(submit("x")), Reason::CapRateMissing);
    let rate = ExchangeRate { month: day("2020-01-01"), from: Currency::DOLLAR, to: euro, rate: amount("0.9") };
    world.ok(Command::PublishExchangeRates(PublishExchangeRates { rates: vec![rate] }));
    assert_eq!(world.refusal(submit("x")).metadata["maximum"], "16875.00");
    world.ok(revise("x", of("16875.00")));
    world.ok(submit("x"));
}

#[test]
fn a_fund_is_never_claimed_twice() {
    let mut world = World::funded(FUND, "1000");
    world.claim("a", FUND, "print-advertising", "agency", "600").unwrap();
    let refused = world.claim("b", FUND, "print-advertising", "agency", "400.01").unwrap_err();
    assert_eq!((refused.reason, refused.metadata["available"].as_str()), (Reason::CoopFundExceeded, "400.00"));
    // Less than is held cannot be left.
    let refused = world.refusal(accrue(FUND, "-400.01", "USD"));
    assert_eq!((refused.reason, refused.metadata["available"].as_str()), (Reason::CoopFundExceeded, "400.00"));
    world.ok(accrue(FUND, "-400", "USD"));
    assert_eq!(world.refused(submit("b")), Reason::CoopFundExceeded);
    world.ok(approve("a", "200.00"));
    world.ok(revise("b", details(false, vec![cost_of("agency", "400.00")])));
    world.ok(submit("b"));
    assert_eq!(world.drawn(), (amount("600"), amount("600")));
    assert_eq!(world.refusal(approve("b", "400.01")).metadata["maximum"], "400.00");
    world.ok(approve("b", "400.00"));
    assert_eq!(world.ok(hand_over("b")), "CoopClaimHandedOver");
    assert_eq!(world.refused(accrue(FUND, "1", "EUR")), Reason::CurrencyMismatch);
    // Another program's fund is another fund.
    assert_eq!(
        world.claim("c", SURFACE, "print-advertising", "agency", "1").unwrap_err().reason,
        Reason::CoopFundExceeded
    );
}

#[test]
fn bad_input_is_named() {
    let mut world = World::funded(FUND, "1000");
    let form = || details(false, vec![cost_of("agency", "1")]);
    let print = "print-advertising";
    let of = |change: fn(&mut CreateCoopClaim)| {
        let Command::CreateCoopClaim(mut command) = create("x", FUND, print, form()) else { unreachable!() };
        change(&mut command);
        Command::CreateCoopClaim(command)
    };
    for (command, reason, field) in [
        (of(|it| it.program = "rebate".into()), Reason::InvalidValue, "program"),
        (of(|it| it.usage_period_id = period_id("H3")), Reason::UsagePeriodNotFound, "usage_period_id"),
        (of(|it| it.location_mpn_id = "1".into()), Reason::MpnIdNotLocation, "location_mpn_id"),
        (of(|it| it.activity = "party".into()), Reason::ActivityNotEligibleForProgram, "activity"),
        (of(|it| it.details.activity_date = day("2020-07-01")), Reason::InvalidValue, "details.activity_date"),
        (of(|it| it.details.expenses.clear()), Reason::RequiredFieldMissing, "details.expenses"),
        (of(|it| it.details.expenses[0].amount = amount("0.001")), Reason::InvalidValue, "details.expenses[0].amount"),
        (of(|it| it.details.expenses[0].amount = amount("-1")), Reason::InvalidValue, "details.expenses[0].amount"),
        (submit("none"), Reason::CoopClaimNotFound, "claim_id"),
    ] {
        let refused = world.refusal(command);
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field), "{refused}");
    }
    world.ok(create("x", FUND, print, form()));
    assert_eq!(world.refused(create("x", FUND, print, form())), Reason::RequestAlreadyExists);
    world.ok(add("x", "d", EvidenceKind::Other, None));
    assert_eq!(world.refused(add("x", "d", EvidenceKind::Other, None)), Reason::RequestAlreadyExists);
    // An activity that is ahead is not claimed yet.
    world.at("2020-06-29");
    assert_eq!(world.refusal(submit("x")).metadata["latest"], "2020-06-29");
}

#[test]
fn usage_periods_stay_as_published() {
    let mut world = World::new();
    let period = |id: &str, first: &str, last: &str| {
        let usage_period = UsagePeriod {
            program: FUND.into(),
            usage_period_id: period_id(id),
            first_day: day(first),
            last_day: day(last),
        };
        Command::PublishUsagePeriods(PublishUsagePeriods { periods: vec![usage_period] })
    };
    world.ok(period("H2", "2020-01-01", "2020-06-30"));
    assert_eq!(world.refused(period("H2", "2020-01-01", "2020-07-31")), Reason::UsagePeriodFixed);
    assert_eq!(world.refusal(period("H3", "2020-06-30", "2020-12-31")).metadata["usage_period_id"], "H2");
    assert_eq!(world.refusal(period("H3", "2020-07-02", "2020-07-01")).metadata["field"], "periods[0].last_day");
    world.ok(period("H3", "2020-07-01", "2020-12-31"));
}

fn any_command() -> impl Strategy<Value = Command> {
    let parts = (0..14_u8, 0..5_usize, 1..4_000_i64, 0..3_usize);
    parts.prop_map(|(which, n, cents, what)| {
        let id = ["a", "b", "c", "d", "e"][n];
        let cost = Decimal::new(cents, 2).to_string();
        let (activity, expense) =
            [("print-advertising", "agency"), ("customer-offers", "agency"), ("on-site-champ", "champ-services")][what];
        let form = || details(false, vec![cost_of(expense, &cost)]);
        match which {
            0..=2 => create(id, FUND, activity, form()),
            3 => revise(id, details(false, vec![cost_of("agency", &cost)])),
            4 => revise(id, form()),
            5..=7 => submit(id),
            8 => ask(id, None),
            9 | 10 => approve(id, &cost),
            11 => reject(id),
            12 => hand_over(id),
            _ => accrue(FUND, &Decimal::new(cents - 2_000, 2).to_string(), "USD"),
        }
    })
}

proptest! {
    /// Any history: claims never exceed the fund nor a cap, and what was recorded gives the same state again.
    #[test]
    fn claims_never_exceed_the_fund_or_a_cap(commands in prop::collection::vec(any_command(), 1..80)) {
        let mut world = World::funded(FUND, "60");
        for command in commands {
            let accepted = world.run(&command).is_ok();
            if let (true, Command::CreateCoopClaim(c)) = (accepted, &command) {
                let id = c.claim_id.to_string();
                for (n, proof) in crate::coop::activity(&c.activity).unwrap().proofs.iter().enumerate() {
                    world.ok(add(&id, &format!("poe-{n}"), EvidenceKind::ProofOfExecution, Some(proof.code)));
                }
                world.ok(add(&id, "inv", EvidenceKind::Invoice, None));
                world.ok(add(&id, "metric", EvidenceKind::Metric, None));
            }
            let (drawn, accrued) = world.drawn();
            prop_assert!(drawn <= accrued, "{drawn} of {accrued}");
            // A cap is of what is accrued when it is drawn on; here it is held against a decision, not against a later loss.
            let coop = &world.reference.partners.get(&partner_id()).unwrap().coop;
            let mut by_activity: BTreeMap<&str, Decimal> = BTreeMap::new();
            for claim in coop.claims.values() {
                *by_activity.entry(&claim.activity).or_default() += claim.drawn();
            }
            if accepted && matches!(command, Command::SubmitCoopClaim(_) | Command::ApproveCoopClaim(_)) {
                let (Command::SubmitCoopClaim(SubmitCoopClaim { claim_id, .. })
                | Command::ApproveCoopClaim(ApproveCoopClaim { claim_id, .. })) = &command else { unreachable!() };
                let activity = coop.claims[claim_id].activity.as_str();
                for cap in caps(activity, FUND) {
                    let most = cap.most(accrued, Currency::DOLLAR, Decimal::ONE).unwrap();
                    prop_assert!(by_activity[activity] <= most, "{activity}: {} of {most}", by_activity[activity]);
                }
            }
        }
        let mut replayed = Reference::default();
        for event in &world.journal {
            replayed.catalog.evolve(event);
            replayed.partners.evolve(event);
        }
        prop_assert_eq!(&replayed, &world.reference);
    }
}
