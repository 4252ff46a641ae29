//! Associations by the Claiming Partner of Record model (billing-details.md 2.3, W16).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::kit::*;
use crate::{
    Command, Event, Reason,
    association::{
        AssociationActivity, AssociationContact, AssociationDetails, AssociationState, AssociationStep, ClaimedProduct,
        RevenueDetails, STATES, SolutionArea, after,
    },
    command::{Cancel, RegisterPartner},
    customer,
    evidence::{Evidence, EvidenceKind},
    ids::{AssociationId, DocumentId},
    money::Currency,
    offer::{Offer, ProductFamily},
    party::PartnerKind,
};

fn id(text: &str) -> AssociationId {
    AssociationId::new(text).unwrap()
}

fn document(id: &str, kind: EvidenceKind) -> Evidence {
    let (name, sha256) = ("sow.pdf".to_owned(), "0a".repeat(32));
    Evidence { document_id: DocumentId::new(id).unwrap(), kind, proof: None, name, sha256, note: String::new() }
}

fn person() -> AssociationContact {
    let [name, title, email] = ["Ada Berg", "CIO", "ada@contoso.example"].map(str::to_owned);
    AssociationContact { name, title, email }
}

/// A claim for workloads of Microsoft 365.
fn workloads(names: &[&str]) -> AssociationDetails {
    AssociationDetails {
        name: "Adoption".into(),
        location_mpn_id: "4242".into(),
        domain_name: "contoso.onmicrosoft.com".into(),
        solution_area: SolutionArea::Microsoft365,
        activities: BTreeSet::from([AssociationActivity::Usage]),
        products: Vec::new(),
        workloads: names.iter().map(|&name| name.to_owned()).collect(),
        customer_contact: Some(person()),
        technical_contact: None,
        partner_contact: Some(person()),
        documents: vec![document("poe", EvidenceKind::ProofOfExecution)],
        revenue: None,
        comments: String::new(),
        replaces: None,
    }
}

/// A claim for products of Business Applications.
fn products(products: &[(&str, Option<&str>)]) -> AssociationDetails {
    let claimed = |&(offer, subscription): &(&str, Option<&str>)| ClaimedProduct {
        offer_id: offer_id(offer),
        subscription_id: subscription.map(sub),
    };
    AssociationDetails {
        solution_area: SolutionArea::BusinessApplications,
        activities: BTreeSet::from([AssociationActivity::PreSales, AssociationActivity::Usage]),
        products: products.iter().map(claimed).collect(),
        technical_contact: Some(person()),
        workloads: Vec::new(),
        ..workloads(&[])
    }
}

fn save_as(partner_id: &str, association: &str, details: AssociationDetails) -> Command {
    command!(DraftAssociation { partner_id: partner(partner_id), association_id: id(association), details: details })
}

fn save(association: &str, details: AssociationDetails) -> Command {
    save_as("advisor", association, details)
}

fn submit_as(partner_id: &str, association: &str) -> Command {
    command!(SubmitAssociation { partner_id: partner(partner_id), association_id: id(association) })
}

fn submit(association: &str) -> Command {
    submit_as("advisor", association)
}

fn ask(association: &str) -> Command {
    command!(AskAboutAssociation { association_id: id(association), question: "since when?".into() })
}

fn answer(association: &str) -> Command {
    command!(AnswerAboutAssociation {
        partner_id: partner("advisor"),
        association_id: id(association),
        answer: "since May".into(),
        documents: vec![document("more", EvidenceKind::Other)],
    })
}

fn notify(association: &str) -> Command {
    command!(NotifyAssociationCustomer { association_id: id(association) })
}

fn opt_out(association: &str) -> Command {
    command!(OptOutOfAssociation { association_id: id(association), reason: String::new() })
}

fn reject(association: &str) -> Command {
    command!(RejectAssociation { association_id: id(association), reason: "not proved".into() })
}

fn remove(association: &str) -> Command {
    command!(EndAssociation { association_id: id(association), partner_id: None, reason: "another partner".into() })
}

fn advisor(world: &mut World, partner_id: &str, mpn_id: &str) {
    world.ok(Command::RegisterPartner(RegisterPartner {
        partner_id: partner(partner_id),
        name: partner_id.to_owned(),
        kind: PartnerKind::DirectBill,
        country: "DE".into(),
        currency: Currency::new("EUR").unwrap(),
        billing_day: 1,
        mpn_id: mpn_id.to_owned(),
    }));
}

/// Two advisors, and a customer with what the ledger sells; it is Friday, 19 June 2020.
fn world() -> World {
    let mut world = World::new();
    advisor(&mut world, "advisor", "4242");
    advisor(&mut world, "rival", "7777");
    let crm = Offer { display_name: "Dynamics 365 Sales".into(), ..offer("crm") };
    let store = Offer { product_family: ProductFamily::MarketplaceSaas, ..offer("store") };
    world.publish(vec![crm, offer("bi"), store], 4);
    world.at("2020-06-19");
    world.ok(buy(vec![line("c1", "crm", 1), line("b1", "bi", 1), line("b2", "bi", 1), line("m1", "store", 1)]));
    world
}

fn state(world: &World, association: &str) -> AssociationState {
    let mut states = world.customer().associations.states();
    states.find(|(known, ..)| known.as_str() == association).map(|(.., state)| state).unwrap()
}

fn cancel_store() -> Command {
    Command::Cancel(Cancel {
        customer_id: customer_id(),
        partner_id: partner("direct"),
        subscription_id: sub("m1"),
        reservation_used: None,
        accept_capped_refund: false,
    })
}

/// With an association `x` for the subscription `m1` in that state.
fn at(state_name: AssociationState) -> World {
    let mut world = world();
    let run = |world: &mut World, commands: Vec<Command>| commands.into_iter().for_each(|it| drop(world.ok(it)));
    let details = || products(&[("store", None)]);
    let active = vec![save("x", details()), submit("x"), notify("x")];
    match state_name {
        AssociationState::Draft => run(&mut world, vec![save("x", details())]),
        AssociationState::Validating => run(&mut world, vec![save("x", details()), submit("x")]),
        AssociationState::InformationRequested => run(&mut world, vec![save("x", details()), submit("x"), ask("x")]),
        AssociationState::CustomerNotified => run(&mut world, active),
        AssociationState::OptedOut => run(&mut world, [active, vec![opt_out("x")]].concat()),
        AssociationState::Rejected => run(&mut world, vec![save("x", details()), submit("x"), reject("x")]),
        AssociationState::Expired => run(&mut world, vec![save("x", details()), submit("x"), cancel_store()]),
        AssociationState::Active | AssociationState::Replaced | AssociationState::Removed => {
            run(&mut world, active);
            world.at("2020-06-27");
            settle(&mut world);
        }
    }
    match state_name {
        AssociationState::Removed => run(&mut world, vec![remove("x")]),
        AssociationState::Replaced => {
            let next = AssociationDetails { replaces: Some(id("x")), ..details() };
            run(&mut world, vec![save("y", next), submit("y"), notify("y")]);
            world.at("2020-07-04");
            settle(&mut world);
        }
        _ => {}
    }
    assert_eq!(state(&world, "x"), state_name);
    world
}

/// Ends what is due, as the day's close does.
fn settle(world: &mut World) {
    let date = world.at.date_naive().pred_opt().unwrap();
    while world.customer().next_due().is_some_and(|due| due <= date) {
        world.ok(command!(RunDue { date: date }));
    }
}

/// Every state and every command: the event, or the reason.
#[test]
fn the_state_table_is_walked() {
    type Cell = Result<&'static str, Reason>;
    type Column = (&'static str, fn() -> Command);
    const LOCKED: Cell = Err(Reason::AssociationLocked);
    const NO: Cell = Err(Reason::AssociationMoveNotAllowed);
    let commands: [Column; 8] = [
        ("save", || save("x", products(&[("store", None)]))),
        ("submit", || submit("x")),
        ("ask", || ask("x")),
        ("answer", || answer("x")),
        ("notify", || notify("x")),
        ("opt out", || opt_out("x")),
        ("reject", || reject("x")),
        ("remove", || remove("x")),
    ];
    let [saved, submitted] = [Ok("AssociationDrafted"), Ok("AssociationSubmitted")];
    let [asked, answered] = [Ok("AssociationInformationRequested"), Ok("AssociationInformationProvided")];
    let [told, out] = [Ok("AssociationCustomerNotified"), Ok("AssociationOptedOut")];
    let [refused, ended] = [Ok("AssociationRejected"), Ok("AssociationEnded")];
    let over = Err(Reason::OptOutWindowClosed);
    let closed = [LOCKED, LOCKED, NO, LOCKED, NO, NO, NO, NO];
    let table: [(AssociationState, [Cell; 8]); 10] = [
        (AssociationState::Draft, [saved, submitted, NO, NO, NO, NO, NO, NO]),
        (AssociationState::Validating, [LOCKED, LOCKED, asked, LOCKED, told, NO, refused, NO]),
        (AssociationState::InformationRequested, [LOCKED, LOCKED, NO, answered, NO, NO, refused, NO]),
        (AssociationState::CustomerNotified, [LOCKED, LOCKED, NO, LOCKED, NO, out, NO, NO]),
        (AssociationState::Active, [LOCKED, LOCKED, NO, LOCKED, NO, over, NO, ended]),
        (AssociationState::OptedOut, closed),
        (AssociationState::Rejected, closed),
        (AssociationState::Expired, closed),
        (AssociationState::Replaced, closed),
        (AssociationState::Removed, closed),
    ];
    assert_eq!(table.map(|(state, _)| state), STATES);
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

/// W16: told on Friday 19 June, the customer may opt out until the end of Friday 26 June.
#[test]
fn silence_for_five_business_days_is_consent() {
    let mut told = world();
    told.ok(save("x", workloads(&["Teams"])));
    told.ok(submit("x"));
    told.ok(notify("x"));
    let Some(Event::AssociationCustomerNotified(notified)) = told.journal.last() else { panic!() };
    assert_eq!(notified.opt_out_until, day("2020-06-26"));
    assert_eq!(told.customer().next_due(), Some(day("2020-06-26")));
    let mut in_time = told.clone();
    assert_eq!(in_time.at("2020-06-26T23:59:59Z").ok(opt_out("x")), ["AssociationOptedOut"]);
    assert_eq!(state(&in_time, "x"), AssociationState::OptedOut);
    // Before the day's timers ran, too.
    assert_eq!(told.at("2020-06-27").refused(opt_out("x")), Reason::OptOutWindowClosed);
    settle(&mut told);
    let Some(Event::AssociationActivated(activated)) = told.journal.last() else { panic!("{:?}", told.journal) };
    assert_eq!((activated.from, state(&told, "x")), (day("2020-06-27"), AssociationState::Active));
    settle(&mut in_time);
    assert_eq!(state(&in_time, "x"), AssociationState::OptedOut, "nothing comes after");
}

/// Every field that can be missing or wrong, and what is said of it.
#[test]
fn a_form_is_complete_when_it_is_submitted() {
    type Change = fn(&mut AssociationDetails);
    let cases: [(Change, Reason, &str); 19] = [
        (|it| it.name.clear(), Reason::RequiredFieldMissing, "details.name"),
        (|it| it.location_mpn_id.clear(), Reason::RequiredFieldMissing, "details.location_mpn_id"),
        (|it| it.location_mpn_id = "7777".into(), Reason::MpnIdNotLocation, "details.location_mpn_id"),
        (|it| it.domain_name.clear(), Reason::RequiredFieldMissing, "details.domain_name"),
        (|it| it.domain_name = "other.onmicrosoft.com".into(), Reason::InvalidValue, "details.domain_name"),
        (|it| it.activities.clear(), Reason::ActivityCombinationInvalid, "details.activities"),
        (
            |it| {
                it.activities.insert(AssociationActivity::RevenueAssociation);
            },
            Reason::ActivityCombinationInvalid,
            "details.activities",
        ),
        (|it| it.products.clear(), Reason::RequiredFieldMissing, "details.products"),
        (|it| it.workloads.push("Teams".into()), Reason::InvalidValue, "details.workloads"),
        (
            |it| it.products[0].subscription_id = Some(sub("b1")),
            Reason::InvalidValue,
            "details.products[0].subscription_id",
        ),
        (
            |it| it.products[0].subscription_id = Some(sub("nothing")),
            Reason::SubscriptionNotFound,
            "details.products[0].subscription_id",
        ),
        (
            |it| it.products[0] = ClaimedProduct { offer_id: offer_id("e3"), subscription_id: None },
            Reason::SubscriptionNotFound,
            "details.products[0].subscription_id",
        ),
        (
            |it| it.products[0] = ClaimedProduct { offer_id: offer_id("bi"), subscription_id: None },
            Reason::SubscriptionIdRequired,
            "details.products[0].subscription_id",
        ),
        (|it| it.customer_contact = None, Reason::RequiredFieldMissing, "details.customer_contact"),
        (|it| it.partner_contact = None, Reason::RequiredFieldMissing, "details.partner_contact"),
        (|it| it.technical_contact = None, Reason::TechnicalContactRequired, "details.technical_contact"),
        (
            |it| it.customer_contact.as_mut().unwrap().email = "ada".into(),
            Reason::InvalidValue,
            "details.customer_contact.email",
        ),
        (|it| it.documents[0].kind = EvidenceKind::Other, Reason::PoeMissing, "details.documents"),
        (
            |it| {
                it.revenue = Some(RevenueDetails {
                    solution_seller: "Jane".into(),
                    customer_name: "Contoso".into(),
                    isv_product: "CRM".into(),
                });
            },
            Reason::InvalidValue,
            "details.revenue",
        ),
    ];
    for (change, reason, field) in cases {
        let mut world = world();
        let mut details = products(&[("crm", None)]);
        change(&mut details);
        world.ok(save("x", details));
        let refused = world.refusal(submit("x"));
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field), "{refused}");
        // A draft that lacks something is finished later.
        world.ok(save("x", products(&[("crm", None)])));
        world.ok(submit("x"));
    }
    let mut early = world();
    early.ok(save("x", products(&[("crm", None)])));
    assert_eq!(early.at("2019-09-30").refusal(submit("x")).metadata["earliest"], "2019-10-01");
    // Only Dynamics 365 needs a technical contact (L9577).
    let mut plain = world();
    plain.ok(save("x", AssociationDetails { technical_contact: None, ..products(&[("bi", Some("b1"))]) }));
    plain.ok(submit("x"));
}

#[test]
fn a_revenue_association_says_what_was_sold() {
    let mut world = world();
    let activities = BTreeSet::from([AssociationActivity::RevenueAssociation]);
    let bare = AssociationDetails { activities, ..products(&[("crm", None)]) };
    world.ok(save("x", bare.clone()));
    assert_eq!(world.refusal(submit("x")).metadata["field"], "details.revenue");
    let [solution_seller, customer_name, isv_product] = ["Jane", "Contoso", ""].map(str::to_owned);
    let revenue = RevenueDetails { solution_seller, customer_name, isv_product };
    world.ok(save("x", AssociationDetails { revenue: Some(revenue.clone()), ..bare.clone() }));
    assert_eq!(world.refusal(submit("x")).metadata["field"], "details.revenue.isv_product");
    let revenue = RevenueDetails { isv_product: "CRM for bakeries".into(), ..revenue };
    world.ok(save("x", AssociationDetails { revenue: Some(revenue), ..bare }));
    world.ok(submit("x"));
}

#[test]
fn the_only_subscription_of_a_product_need_not_be_named() {
    let mut world = world();
    world.ok(save("x", products(&[("crm", None), ("bi", Some("b2"))])));
    world.ok(submit("x"));
    let Some(Event::AssociationSubmitted(e)) = world.journal.last() else { panic!() };
    let named: Vec<_> = e.details.products.iter().map(|product| product.subscription_id.clone().unwrap()).collect();
    assert_eq!(named, [sub("c1"), sub("b2")]);
}

/// L9586-9588: a customer has many partners, a workload or subscription has one; who submits first holds it.
#[test]
fn a_workload_or_subscription_has_one_partner() {
    let mut world = world();
    world.ok(save("x", workloads(&["Teams", "Exchange Online"])));
    world.ok(save_as("rival", "y", AssociationDetails { location_mpn_id: "7777".into(), ..workloads(&[" teams"]) }));
    world.ok(submit("x"));
    let refused = world.refusal(submit_as("rival", "y"));
    assert_eq!(
        (refused.reason, refused.metadata["workload"].as_str()),
        (Reason::AssociationExistsForWorkload, "teams")
    );
    assert!(!refused.to_string().contains("advisor"), "who holds it is not said: {refused}");
    let other = AssociationDetails { location_mpn_id: "7777".into(), ..workloads(&["SharePoint Online"]) };
    world.ok(save_as("rival", "y", other));
    world.ok(submit_as("rival", "y"));
    // What was given up, or refused, is free again.
    world.ok(reject("x"));
    let rival = |details: AssociationDetails| AssociationDetails { location_mpn_id: "7777".into(), ..details };
    world.ok(save_as("rival", "z", rival(workloads(&["Teams"]))));
    world.ok(submit_as("rival", "z"));
    world.ok(save("c", products(&[("crm", None)])));
    world.ok(submit("c"));
    world.ok(save_as("rival", "d", rival(products(&[("bi", Some("b1")), ("crm", Some("c1"))]))));
    let refused = world.refusal(submit_as("rival", "d"));
    let about = (refused.reason, refused.metadata["subscription_id"].as_str());
    assert_eq!(about, (Reason::AssociationExistsForSubscription, "c1"));
}

#[test]
fn nobody_meets_another_partner_s_association() {
    let mut world = at(AssociationState::Draft);
    assert_eq!(world.refused(submit_as("rival", "x")), Reason::AssociationNotFound);
    assert_eq!(world.refused(submit_as("rival", "none")), Reason::AssociationNotFound);
    assert_eq!(world.refused(save_as("rival", "x", workloads(&["Teams"]))), Reason::RequestAlreadyExists);
    let mut world = at(AssociationState::Active);
    let end = |by: &str| {
        let partner_id = Some(partner(by));
        command!(EndAssociation { association_id: id("x"), partner_id: partner_id, reason: "given up".into() })
    };
    assert_eq!(world.refused(end("rival")), Reason::AssociationNotFound);
    world.ok(end("advisor"));
}

#[test]
fn bad_documents_are_refused() {
    let mut world = world();
    let with = |documents| AssociationDetails { documents, ..workloads(&["Teams"]) };
    let poe = || document("poe", EvidenceKind::ProofOfExecution);
    let refused = world.refusal(save("x", with(vec![Evidence { sha256: "0A1".into(), ..poe() }])));
    assert_eq!(refused.metadata["field"], "details.documents[0].sha256");
    let refused = world.refusal(save("x", with(vec![Evidence { name: " ".into(), ..poe() }])));
    assert_eq!(refused.metadata["field"], "details.documents[0].name");
    let refused = world.refusal(save("x", with(vec![poe(), poe()])));
    assert_eq!(refused.metadata["field"], "details.documents[1].document_id");
    let mut asked = at(AssociationState::InformationRequested);
    let again = command!(AnswerAboutAssociation {
        partner_id: partner("advisor"),
        association_id: id("x"),
        answer: "here".into(),
        documents: vec![document("poe", EvidenceKind::Other)],
    });
    assert_eq!(asked.refused(again), Reason::RequestAlreadyExists);
}

/// L9585: it lives until its subscriptions are over, and goes on when they renew.
#[test]
fn an_association_lives_as_long_as_its_subscriptions() {
    let mut world = world();
    world.ok(save("x", products(&[("store", None), ("bi", Some("b1"))])));
    world.ok(submit("x"));
    world.ok(notify("x"));
    let mut early = world.clone();
    assert_eq!(early.ok(cancel_store()), ["SubscriptionCancelled"], "something is left of it");
    world.end("2020-06-26");
    assert_eq!(state(&world, "x"), AssociationState::Active);
    world.end("2021-06-20");
    let extended: Vec<_> = world
        .journal
        .iter()
        .filter_map(|event| match event {
            Event::AssociationExtended(e) => Some((e.subscription_id.to_string(), e.until)),
            _ => None,
        })
        .collect();
    let next = day("2022-06-19");
    assert_eq!(BTreeMap::from_iter(extended), BTreeMap::from([("b1".into(), next), ("m1".into(), next)]));

    let mut alone = at(AssociationState::CustomerNotified);
    assert_eq!(alone.ok(cancel_store()), ["SubscriptionCancelled", "AssociationEnded"]);
    assert_eq!((state(&alone, "x"), alone.customer().associations.next_due()), (AssociationState::Expired, None));
}

/// L9584: an existing association is made again, and the old one ends with the first day of the new one.
#[test]
fn the_partner_s_own_association_can_be_replaced() {
    let world = at(AssociationState::Replaced);
    let ended = world.journal.iter().find_map(|event| match event {
        Event::AssociationEnded(e) => Some((e.association_id.clone(), e.replaced_by.clone(), e.ended_on)),
        _ => None,
    });
    assert_eq!(ended, Some((id("x"), Some(id("y")), day("2020-07-04"))));
    assert_eq!(state(&world, "y"), AssociationState::Active);
    let mut foreign = at(AssociationState::Active);
    let location_mpn_id = "7777".into();
    let details = AssociationDetails { replaces: Some(id("x")), location_mpn_id, ..products(&[("store", None)]) };
    foreign.ok(save_as("rival", "y", details));
    let refused = foreign.refusal(submit_as("rival", "y"));
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::AssociationNotFound, "details.replaces"));
}

#[test]
fn a_digital_partner_is_set_and_taken_away() {
    let mut world = world();
    let set = |subscription: &str, by: Option<&str>| {
        command!(RecordDigitalPartner { subscription_id: sub(subscription), partner_id: by.map(partner) })
    };
    assert_eq!(world.refused(set("none", Some("rival"))), Reason::SubscriptionNotFound);
    assert_eq!(world.refused(set("c1", Some("nobody"))), Reason::PartnerNotFound);
    assert_eq!(world.refused(set("c1", None)), Reason::DigitalPartnerUnchanged);
    assert_eq!(world.ok(set("c1", Some("rival"))), ["DigitalPartnerRecorded"]);
    assert_eq!(world.refused(set("c1", Some("rival"))), Reason::DigitalPartnerUnchanged);
    world.ok(set("c1", None));
    world.ok(cancel_store());
    assert_eq!(world.refused(set("m1", Some("rival"))), Reason::SubscriptionClosed);
}

#[derive(Clone, Debug)]
enum Act {
    Do(Box<Command>),
    Pass(u8),
}

fn any_command() -> impl Strategy<Value = Command> {
    let parts = (0..12_u8, 0..4_usize, any::<bool>(), 0..6_usize);
    parts.prop_map(|(which, n, rival, what)| {
        let association = ["a", "b", "c", "d"][n];
        let (by, location) = if rival { ("rival", "7777") } else { ("advisor", "4242") };
        match which {
            0..=2 => {
                let details = match what {
                    0 => workloads(&["Teams"]),
                    1 => workloads(&["Teams", "Exchange Online"]),
                    2 => products(&[("store", None)]),
                    3 => products(&[("store", None), ("bi", Some("b1"))]),
                    4 => products(&[("crm", None)]),
                    _ => AssociationDetails { replaces: Some(id("a")), ..products(&[("crm", None)]) },
                };
                save_as(by, association, AssociationDetails { location_mpn_id: location.into(), ..details })
            }
            3..=5 => submit_as(by, association),
            6 => ask(association),
            7 => answer(association),
            9 => opt_out(association),
            10 if what == 0 => reject(association),
            10 if what == 1 => cancel_store(),
            10 if what == 2 => buy(vec![line("m1", "store", 1)]),
            8 | 10 => notify(association),
            _ => remove(association),
        }
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => any_command().prop_map(|command| Act::Do(Box::new(command))),
        2 => (1..6_u8).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..60)
}

/// The step behind an event.
fn step(event: &Event) -> Option<(AssociationId, AssociationStep)> {
    Some(match event {
        Event::AssociationDrafted(e) => (e.association_id.clone(), AssociationStep::Save),
        Event::AssociationSubmitted(e) => (e.association_id.clone(), AssociationStep::Submit),
        Event::AssociationInformationRequested(e) => (e.association_id.clone(), AssociationStep::Ask),
        Event::AssociationInformationProvided(e) => (e.association_id.clone(), AssociationStep::Answer),
        Event::AssociationCustomerNotified(e) => (e.association_id.clone(), AssociationStep::Notify),
        Event::AssociationOptedOut(e) => (e.association_id.clone(), AssociationStep::OptOut),
        Event::AssociationActivated(e) => (e.association_id.clone(), AssociationStep::Activate),
        Event::AssociationRejected(e) => (e.association_id.clone(), AssociationStep::Reject),
        Event::AssociationExtended(e) => (e.association_id.clone(), AssociationStep::Extend),
        Event::AssociationEnded(e) => {
            let step = match e.reason.state() {
                AssociationState::Expired => AssociationStep::Expire,
                AssociationState::Replaced => AssociationStep::Replace,
                _ => AssociationStep::Remove,
            };
            (e.association_id.clone(), step)
        }
        _ => return None,
    })
}

fn unique(all: impl IntoIterator<Item = String>) -> bool {
    let mut seen = BTreeSet::new();
    all.into_iter().all(|what| seen.insert(what))
}

proptest! {
    /// Any history of two partners: what is active has one partner, only moves of the table happen, and what was recorded gives the
    /// same state again.
    #[test]
    fn no_two_partners_are_associated_for_the_same(acts in acts()) {
        let mut world = world();
        for act in acts {
            match act {
                Act::Do(command) => drop(world.run(&command)),
                Act::Pass(days) => {
                    world.at += chrono::TimeDelta::days(i64::from(days));
                    if days % 2 == 0 {
                        settle(&mut world);
                    }
                }
            }
            let associations = &world.customer().associations;
            prop_assert!(unique(associations.active()), "{:?}", associations.active());
            let replacing = associations.states().any(|(_, _, state)| state == AssociationState::Active);
            let held: Vec<_> = associations.held().map(|(_, what)| what).collect();
            prop_assert!(replacing || unique(held.clone()), "{held:?}");
        }
        let mut states: BTreeMap<AssociationId, AssociationState> = BTreeMap::new();
        for (id, step) in world.journal.iter().filter_map(step) {
            let before = *states.get(&id).unwrap_or(&AssociationState::Draft);
            let next = after(before, step);
            prop_assert!(next.is_some(), "{id}: {step:?} in {before:?}");
            states.extend(next.map(|next| (id, next)));
        }
        let known: BTreeMap<_, _> = world.customer().associations.states().map(|(id, _, state)| (id.clone(), state)).collect();
        prop_assert_eq!(&states, &known);
        let mut replayed = None;
        world.journal.iter().for_each(|event| customer::evolve(&mut replayed, event));
        prop_assert_eq!(replayed.as_ref(), world.customer.as_ref());
    }
}
