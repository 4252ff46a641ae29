//! Associations and co-op claims: any history, decided by the domain and folded, against sums over its events, and looked back at
//! against a fold of its beginning.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test")]

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_billing::{AccountFilter, BillingProjection, list_balances};
use subledger_domain::{
    Command, Context, Event, Reference,
    association::{AssociationActivity, AssociationContact, AssociationDetails, AssociationState, SolutionArea},
    command::{self as c, Target},
    coop::{CoopClaimDetails, Expense, UsagePeriod},
    customer::{self, Customer},
    evidence::{Evidence, EvidenceKind},
    ids::{AssociationId, CommandId, CoopClaimId, CustomerId, DocumentId, PartnerId, UsagePeriodId},
    money::Currency,
    partner,
    party::{Address, Contact, PartnerKind},
    position::{Family, PartitionId, Position},
};
use subledger_fold::{
    Projection, Recorded,
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
    page::PageRequest,
};
use subledger_incentive::{
    Association, AssociationFilter, CoopFilter, IncentiveProjection, get_association, get_coop_claim,
    list_associations, list_coop_claims, list_coop_funds,
};

const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };
const PROGRAM: &str = "coop-marketing-fund";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn partner_id() -> PartnerId {
    PartnerId::new("p").unwrap()
}

fn customer_id() -> CustomerId {
    CustomerId::new("contoso").unwrap()
}

/// The ledger, and its incentive read model.
struct World {
    reference: Reference,
    customer: Option<Customer>,
    at: DateTime<Utc>,
    rows: Memory,
    /// The billing read model.
    billing: Memory,
    /// Commits of the catalog, the partner, the customer.
    seqs: [u64; 3],
    /// The associations after each commit of the customer.
    after: Vec<Vec<Association>>,
    events: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let at = day("2020-06-01").and_time(chrono::NaiveTime::MIN).and_utc();
        let (reference, rows, billing) = (Reference::default(), Memory::default(), Memory::default());
        let (customer, seqs) = (None, [0; 3]);
        let mut world = Self { reference, customer, at, rows, billing, seqs, after: Vec::new(), events: Vec::new() };
        world.ok(&Command::RegisterPartner(c::RegisterPartner {
            partner_id: partner_id(),
            name: "Partner".into(),
            kind: PartnerKind::DirectBill,
            country: "DE".into(),
            currency: Currency::new("EUR").unwrap(),
            billing_day: 1,
            mpn_id: "4242".into(),
        }));
        let [country, line1, city, state, postal_code] = ["DE", "Weg 1", "Ulm", "", ""].map(str::to_owned);
        let [first_name, last_name, email, phone] = ["Ada", "Berg", "ada@contoso.example", ""].map(str::to_owned);
        world.ok(&Command::CreateCustomer(c::CreateCustomer {
            customer_id: customer_id(),
            partner_id: partner_id(),
            company_name: "Contoso".into(),
            domain_prefix: "contoso".into(),
            address: Address { country, line1, city, state, postal_code },
            contact: Contact { first_name, last_name, email, phone },
            reseller_id: None,
        }));
        let periods = ["H1", "H2"].into_iter().zip([("2020-01-01", "2020-06-10"), ("2020-06-11", "2020-12-31")]);
        let periods = periods.map(|(id, (first, last))| UsagePeriod {
            program: PROGRAM.into(),
            usage_period_id: UsagePeriodId::new(id).unwrap(),
            first_day: day(first),
            last_day: day(last),
        });
        world.ok(&Command::PublishUsagePeriods(c::PublishUsagePeriods { periods: periods.collect() }));
        world
    }

    fn ok(&mut self, command: &Command) {
        assert!(self.run(command), "{command:?}");
    }

    /// Decides and folds; whether it was accepted.
    fn run(&mut self, command: &Command) -> bool {
        let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: self.at, recorded_at: self.at };
        let (family, decided) = match command.target() {
            Target::Catalog => (Family::Catalog, self.reference.catalog.decide(command, &context)),
            Target::Partner(id) => {
                let state = self.reference.partners.get(id);
                (Family::Partners, partner::decide(state, &self.reference, command, &context))
            }
            _ => (Family::Customers, customer::decide(self.customer.as_ref(), &self.reference, command, &context)),
        };
        let Ok(events) = decided else { return false };
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
            customer::evolve(&mut self.customer, event);
        }
        let seq = &mut self.seqs[family as usize];
        let position = Position { partition: PartitionId::new(family, 0), seq: *seq };
        *seq += 1;
        let commit = Recorded {
            position,
            stream: "s",
            stream_version: *seq,
            command_id: "c",
            effective_at: self.at,
            recorded_at: self.at,
            principal: "ada",
            channel: "grpc",
            outcome: Ok(events.as_slice()),
        };
        IncentiveProjection.fold(&commit, &mut self.rows).unwrap();
        BillingProjection.fold(&commit, &mut self.billing).unwrap();
        if family == Family::Customers {
            self.after.push(self.associations(&Horizon::default()));
        }
        self.events.extend(events);
        true
    }

    fn associations(&self, horizon: &Horizon) -> Vec<Association> {
        let filter = AssociationFilter { horizon: horizon.clone(), ..AssociationFilter::default() };
        list_associations(&self.rows, &filter, ALL).unwrap().items
    }

    /// Debits less credits of each account; all debits are all credits.
    fn balances(&self) -> BTreeMap<&'static str, Decimal> {
        let all = list_balances(&self.billing, &AccountFilter::default(), ALL).unwrap().items;
        assert_eq!(all.iter().map(|it| it.debits).sum::<Decimal>(), all.iter().map(|it| it.credits).sum::<Decimal>());
        all.iter().map(|it| (it.account.name(), it.amount)).collect()
    }

    /// Days go by, and what is due is done.
    fn pass(&mut self, days: i64) {
        for _ in 0..days {
            let date = self.at.date_naive();
            self.at += TimeDelta::days(1);
            self.ok(&Command::CloseDay(c::CloseDay { date }));
            while self.customer.as_ref().unwrap().next_due().is_some_and(|due| due <= date) {
                self.ok(&Command::RunDue(c::RunDue { customer_id: customer_id(), date }));
            }
        }
    }
}

fn document(id: &str, kind: EvidenceKind, proof: Option<&str>) -> Evidence {
    Evidence {
        document_id: DocumentId::new(id).unwrap(),
        kind,
        proof: proof.map(str::to_owned),
        name: "scan.pdf".into(),
        sha256: "0a".repeat(32),
        note: String::new(),
    }
}

fn details(workload: usize) -> AssociationDetails {
    let [name, title, email] = ["Ada Berg", "CIO", "ada@contoso.example"].map(str::to_owned);
    let person = Some(AssociationContact { name, title, email });
    AssociationDetails {
        name: "Adoption".into(),
        location_mpn_id: "4242".into(),
        domain_name: "contoso.onmicrosoft.com".into(),
        solution_area: SolutionArea::Microsoft365,
        activities: [AssociationActivity::Usage].into(),
        products: Vec::new(),
        workloads: vec![format!("workload {workload}")],
        customer_contact: person.clone(),
        technical_contact: None,
        partner_contact: person,
        documents: vec![document("poe", EvidenceKind::ProofOfExecution, None)],
        revenue: None,
        comments: String::new(),
        replaces: None,
    }
}

fn association_command(which: u8, n: usize) -> Command {
    let association_id = AssociationId::new(["a", "b", "c"][n]).unwrap();
    let (customer_id, partner_id) = (customer_id(), partner_id());
    let text = || format!("text {which}");
    match which {
        0 | 1 => {
            let details = details(n);
            Command::DraftAssociation(c::DraftAssociation { customer_id, partner_id, association_id, details })
        }
        2 | 3 => Command::SubmitAssociation(c::SubmitAssociation { customer_id, partner_id, association_id }),
        4 => Command::AskAboutAssociation(c::AskAboutAssociation { customer_id, association_id, question: text() }),
        5 => {
            let (answer, documents) = (text(), vec![document("more", EvidenceKind::Other, None)]);
            Command::AnswerAboutAssociation(c::AnswerAboutAssociation {
                customer_id,
                partner_id,
                association_id,
                answer,
                documents,
            })
        }
        6 | 7 => Command::NotifyAssociationCustomer(c::NotifyAssociationCustomer { customer_id, association_id }),
        8 => Command::OptOutOfAssociation(c::OptOutOfAssociation { customer_id, association_id, reason: text() }),
        _ => {
            let (partner_id, reason) = (Some(partner_id), text());
            Command::EndAssociation(c::EndAssociation { customer_id, association_id, partner_id, reason })
        }
    }
}

fn claim_command(which: u8, n: usize, cents: i64) -> Command {
    let claim_id = CoopClaimId::new(["a", "b", "c"][n]).unwrap();
    let partner_id = partner_id();
    let usage_period_id = UsagePeriodId::new(["H1", "H2", "H2"][n]).unwrap();
    let expense = Expense {
        expense: "agency".into(),
        amount: Decimal::new(cents, 2),
        in_house: false,
        document_id: Some(DocumentId::new("inv").unwrap()),
        attendee: None,
    };
    let details = CoopClaimDetails {
        activity_date: day(["2020-06-01", "2020-06-11", "2020-06-12"][n]),
        currency: Currency::DOLLAR,
        expenses: vec![expense],
        conference: None,
    };
    let (program, location_mpn_id) = (PROGRAM.to_owned(), "4242".to_owned());
    let amount = Decimal::new(cents, 2);
    match which {
        0 | 1 => Command::AccrueCoopFunds(c::AccrueCoopFunds {
            partner_id,
            program,
            location_mpn_id,
            usage_period_id,
            amount,
            currency: Currency::DOLLAR,
            reference: String::new(),
        }),
        2 => Command::CreateCoopClaim(c::CreateCoopClaim {
            partner_id,
            claim_id,
            program,
            location_mpn_id,
            usage_period_id,
            activity: "print-advertising".into(),
            details,
        }),
        3 => Command::ReviseCoopClaim(c::ReviseCoopClaim { partner_id, claim_id, details }),
        4..=6 => Command::SubmitCoopClaim(c::SubmitCoopClaim { partner_id, claim_id }),
        7 => Command::AskAboutCoopClaim(c::AskAboutCoopClaim {
            partner_id,
            claim_id,
            document_id: None,
            question: "why?".into(),
            answer_by: Some(day("2020-12-31")),
        }),
        8 | 9 => Command::ApproveCoopClaim(c::ApproveCoopClaim { partner_id, claim_id, amount }),
        10 => Command::RejectCoopClaim(c::RejectCoopClaim { partner_id, claim_id, reason: "no".into() }),
        11 => Command::HandOverCoopClaim(c::HandOverCoopClaim { partner_id, claim_id, payment_reference: "p".into() }),
        n => {
            let (id, kind, proof) = [
                ("inv", EvidenceKind::Invoice, None),
                ("piece", EvidenceKind::ProofOfExecution, Some("final-piece")),
                ("reach", EvidenceKind::Metric, None),
            ][usize::from(n) % 3];
            let document = document(id, kind, proof);
            Command::AddCoopClaimDocument(c::AddCoopClaimDocument { partner_id, claim_id, document })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A look back at a commit is the list as it was then; steps are the events, and lists by partner and by customer are one.
    #[test]
    fn associations_are_asked_for_as_they_were(acts in prop::collection::vec((0..12_u8, 0..3_usize, 1..5_i64), 1..50)) {
        let mut world = World::new();
        for (which, n, days) in acts {
            if which < 10 {
                world.run(&association_command(which, n));
            } else {
                world.pass(days);
            }
        }
        for (seq, then) in (0..).zip(&world.after) {
            let positions = vec![Position { partition: PartitionId::new(Family::Customers, 0), seq }];
            let as_of = AsOf { recorded: Some(RecordedBy::Positions(positions)), effective: None };
            let horizon = Horizon::of(&world.rows, &as_of).unwrap();
            prop_assert_eq!(&world.associations(&horizon), then);
        }
        let now = world.associations(&Horizon::default());
        let by_partner = AssociationFilter { partner_id: Some(partner_id()), ..AssociationFilter::default() };
        prop_assert_eq!(&list_associations(&world.rows, &by_partner, ALL).unwrap().items, &now);
        let names = world.events.iter().filter(|event| event.name().starts_with("Association")).count();
        let steps: usize = now
            .iter()
            .map(|it| get_association(&world.rows, &customer_id(), &it.association_id).unwrap().unwrap().1)
            .map(|steps| steps.len())
            .sum();
        prop_assert_eq!(steps, names);
        for state in subledger_domain::association::STATES {
            let filter = AssociationFilter { state: Some(state), ..AssociationFilter::default() };
            let found = list_associations(&world.rows, &filter, ALL).unwrap().items.len();
            prop_assert_eq!(found, now.iter().filter(|it| it.state == state).count());
        }
        // On the day before the window ends it was not official yet.
        for it in now.iter().filter(|it| it.state == AssociationState::Active) {
            let eve = it.active_from.unwrap().pred_opt().unwrap();
            let horizon = Horizon::of(&world.rows, &AsOf { effective: Some(eve), recorded: None }).unwrap();
            let then = world.associations(&horizon);
            let was = then.iter().find(|was| was.association_id == it.association_id).unwrap();
            prop_assert_eq!(was.state, AssociationState::CustomerNotified);
        }
    }

    /// What accrued is in review, approved, available or expired; each sum is that of the events.
    #[test]
    fn a_fund_is_the_sum_of_its_events(
        acts in prop::collection::vec((0..20_u8, 0..3_usize, 1..9_000_i64), 1..120), late in any::<bool>(),
    ) {
        let mut world = World::new();
        world.pass(20);
        for (which, n, cents) in acts {
            world.run(&claim_command(which, n, cents));
        }
        if late {
            // After the last days of claims the funds expire, and what is refused then is lost with them.
            world.at = day("2021-03-01").and_time(chrono::NaiveTime::MIN).and_utc();
            for id in ["H1", "H2"] {
                world.run(&Command::ExpireCoopFunds(c::ExpireCoopFunds {
                    partner_id: partner_id(),
                    program: PROGRAM.into(),
                    location_mpn_id: "4242".into(),
                    usage_period_id: UsagePeriodId::new(id).unwrap(),
                }));
            }
            let claims = list_coop_claims(&world.rows, &CoopFilter::default(), ALL).unwrap().items;
            for claim in claims {
                let (partner_id, claim_id) = (partner_id(), claim.claim_id);
                world.run(&Command::RejectCoopClaim(c::RejectCoopClaim { partner_id, claim_id, reason: "late".into() }));
            }
        }
        let mut expired: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut accrued: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut held: BTreeMap<String, [Decimal; 3]> = BTreeMap::new();
        let mut of: BTreeMap<String, String> = BTreeMap::new();
        let mut claimed: BTreeMap<String, Decimal> = BTreeMap::new();
        for event in &world.events {
            let zero = Decimal::ZERO;
            let (id, [review, granted, paid]) = match event {
                Event::CoopFundsAccrued(e) => {
                    *accrued.entry(e.usage_period_id.to_string()).or_default() += e.amount;
                    continue;
                }
                Event::CoopFundsExpired(e) => {
                    prop_assert!(late && e.amount > zero, "{:?}", e);
                    *expired.entry(e.usage_period_id.to_string()).or_default() += e.amount;
                    continue;
                }
                Event::CoopClaimCreated(e) => {
                    of.insert(e.claim_id.to_string(), e.usage_period_id.to_string());
                    continue;
                }
                Event::CoopClaimSubmitted(e) => {
                    let before = claimed.insert(e.claim_id.to_string(), e.amount).unwrap_or_default();
                    (&e.claim_id, [e.amount - before, zero, zero])
                }
                Event::CoopClaimApproved(e) => (&e.claim_id, [-claimed[e.claim_id.as_str()], e.amount, zero]),
                Event::CoopClaimRejected(e) => (&e.claim_id, [-claimed[e.claim_id.as_str()], zero, zero]),
                Event::CoopClaimHandedOver(e) => (&e.claim_id, [zero, zero, e.amount]),
                _ => continue,
            };
            let sums = held.entry(of[id.as_str()].clone()).or_default();
            for (sum, more) in sums.iter_mut().zip([review, granted, paid]) {
                *sum += more;
            }
        }
        let balances = world.balances();
        let all = |sums: fn(&[Decimal; 3]) -> Decimal| held.values().map(sums).sum::<Decimal>();
        let (granted, paid) = (all(|it| it[1]), all(|it| it[2]));
        let total = accrued.values().copied().sum::<Decimal>() - expired.values().copied().sum::<Decimal>();
        let booked = |name: &str| balances.get(name).copied().unwrap_or_default();
        prop_assert_eq!(
            ["coop_cost", "coop_fund", "coop_due", "coop_paid"].map(booked),
            [total, granted - total, paid - granted, -paid]
        );
        let on = Some(if late { day("2021-03-01") } else { day("2020-06-21") });
        let funds = list_coop_funds(&world.rows, &CoopFilter::default(), on, ALL).unwrap().items;
        prop_assert_eq!(funds.len(), accrued.len());
        for fund in &funds {
            let id = fund.usage_period_id.as_str();
            let [review, granted, paid] = held.get(id).copied().unwrap_or_default();
            prop_assert_eq!([fund.accrued, fund.in_review, fund.approved, fund.handed_over], [accrued[id], review, granted, paid]);
            prop_assert_eq!(fund.accrued, fund.in_review + fund.approved + fund.available + fund.expired);
            prop_assert!(fund.available >= Decimal::ZERO && fund.expired >= Decimal::ZERO, "{:?}", fund);
            prop_assert!(if late { fund.available.is_zero() } else { fund.expired.is_zero() }, "{:?}", fund);
            prop_assert_eq!(fund.expired, expired.get(id).copied().unwrap_or_default());
        }
        for claim in list_coop_claims(&world.rows, &CoopFilter::default(), ALL).unwrap().items {
            let (_, steps) = get_coop_claim(&world.rows, &partner_id(), &claim.claim_id).unwrap().unwrap();
            prop_assert_eq!(steps.last().map(|step| step.state.as_str()), Some(claim.state.name()));
        }
    }
}
