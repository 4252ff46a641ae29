//! A customer whose names are erased: what is refused from then on, what goes on, and that no decision rests on what cannot be read.

use super::{
    kit::*,
    users::{assign, create_user},
};
use crate::{
    Command, Reason,
    command::{AcceptAgreement, CreateCustomer, CreateUser, RequestQualification, TagCustomer, UpdateCustomer},
    customer::{self, Customer},
    party::{Address, AgreementMode, Contact, Segment},
    personal::{ERASED, SEALED},
};

fn erase() -> Command {
    command!(EraseCustomer { reason: "asked for".into() })
}

fn of_names() -> Vec<Command> {
    vec![
        Command::UpdateCustomer(UpdateCustomer {
            customer_id: customer_id(),
            partner_id: None,
            company_name: Some("New".into()),
            bill_to_name: None,
            address: None,
            contact: None,
        }),
        Command::AcceptAgreement(AcceptAgreement {
            customer_id: customer_id(),
            mode: AgreementMode::CustomerDirect,
            partner_id: None,
            signatory: contact(),
            accepted_on: day("2020-01-01"),
            version: None,
            language: None,
        }),
        command!(RequestQualification { partner_id: partner("direct"), segment: Segment::Government, email: None }),
        command!(TagCustomer { partner_id: partner("direct"), tags: vec!["gold".into()] }),
        create_user("v"),
    ]
}

#[test]
fn an_erased_customer_gets_no_names_and_goes_on() {
    let mut world = World::new();
    world.ok(buy(vec![line("s", "e3", 10)]));
    world.ok(create_user("u"));
    world.ok(assign(&[("u", "s")]));
    let charged = world.charged();
    assert_eq!(world.refused(command!(EraseCustomer { reason: " ".into() })), Reason::RequiredFieldMissing);
    assert_eq!(world.ok(erase()), ["CustomerErased"]);
    assert!(world.customer().is_erased());
    assert!(!format!("{:?}", world.customer()).contains("onmicrosoft"), "{:?}", world.customer());
    for command in of_names().into_iter().chain([erase()]) {
        assert_eq!(world.refused(command), Reason::CustomerErased);
    }
    assert_eq!(world.charged(), charged);
    assert_eq!(world.customer().users().assigned(&sub("s")), 1);
    assert_eq!(world.ok(command!(DeleteUser { partner_id: partner("direct"), user_id: user("u") })), ["UserDeleted"]);
    assert!(world.ok(seats("s", 12)).contains(&"QuantityChanged"));
    assert!(!world.ok(cancel("s")).is_empty());
}

/// A command with what stands for its names comes out as it did with them, whatever stands in the state for other names.
#[test]
fn decisions_do_not_rest_on_names() {
    for withheld in [ERASED, SEALED] {
        let text = || withheld.to_owned();
        let person = || Contact { first_name: text(), last_name: text(), email: text(), phone: text() };
        let address =
            || Address { country: "DE".into(), line1: text(), city: text(), state: text(), postal_code: text() };
        let mut world = World::empty();
        let create = CreateCustomer {
            company_name: text(),
            domain_prefix: text(),
            address: Address { country: create().address.country, ..address() },
            contact: person(),
            ..create()
        };
        assert_eq!(world.ok(Command::CreateCustomer(create)), ["CustomerCreated", "RelationshipEstablished"]);
        let user = |id: &str| {
            Command::CreateUser(CreateUser {
                customer_id: customer_id(),
                partner_id: partner("direct"),
                user_id: user(id),
                display_name: text(),
                first_name: text(),
                last_name: text(),
                email: text(),
            })
        };
        // Two addresses that cannot be read are not the same one.
        assert_eq!(world.ok(user("u")), ["UserCreated"]);
        assert_eq!(world.ok(user("v")), ["UserCreated"]);
        assert_eq!(world.refused(user("v")), Reason::UserAlreadyExists);
        let tags = Command::TagCustomer(TagCustomer {
            customer_id: customer_id(),
            partner_id: partner("direct"),
            tags: vec![text(), text()],
        });
        assert_eq!(world.ok(tags), ["CustomerTagged"]);
        let examine = Command::RequestQualification(RequestQualification {
            customer_id: customer_id(),
            partner_id: partner("direct"),
            segment: Segment::Education,
            email: Some(text()),
        });
        assert_eq!(world.ok(examine), ["QualificationRequested"]);
    }
}

#[test]
fn who_is_erased_stays_so_in_every_fold() {
    let mut world = World::new();
    world.ok(create_user("u"));
    world.ok(erase());
    let mut state: Option<Customer> = None;
    world.journal.iter().for_each(|event| customer::evolve(&mut state, event));
    assert_eq!(state.as_ref(), Some(world.customer()));
    assert_eq!(state.map(|state| state.domain_name().to_owned()).as_deref(), Some(ERASED));
}
