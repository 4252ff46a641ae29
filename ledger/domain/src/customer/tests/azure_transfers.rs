//! Classic Azure subscriptions move to another partner: by request (customers page section 2.18) and by ticket and form (2.19).

use rust_decimal::Decimal;

use super::{
    kit::*,
    usage::kit::{azure, meter, price, record, use_of},
};
use crate::{
    Command, Event, Reason,
    command::RequestAzureTransfer,
    customer::{Standing, SuspensionReason, TransferStanding},
    event::FormSigner,
    offer::ProductKind,
    usage::UsageRecord,
};

/// A classic Azure subscription `az` of `direct`; `second` is another direct bill partner in the customer's country.
pub(super) fn world() -> World {
    let mut world = World::with_provider();
    world.give(product("classic", ProductKind::AzureSubscription, 0));
    world.give(product("plan", ProductKind::AzurePlan, 0));
    world.ok(Command::RegisterPartner(crate::command::RegisterPartner {
        partner_id: partner("second"),
        name: "Second".to_owned(),
        kind: crate::party::PartnerKind::DirectBill,
        country: "DE".to_owned(),
        currency: crate::money::Currency::new("EUR").unwrap(),
        billing_day: 20,
        mpn_id: String::new(),
    }));
    world.relate("second");
    world.ok(buy(vec![endless("az", "classic")]));
    world
}

pub(super) fn open() -> RequestAzureTransfer {
    RequestAzureTransfer {
        customer_id: customer_id(),
        transfer_id: Some(transfer("t")),
        partner_id: partner("direct"),
        target_partner_id: partner("second"),
        subscription_id: sub("az"),
        customer_requested_on: Some(day("2018-01-01")),
        ticket_id: "T-1".to_owned(),
    }
}

pub(super) fn sign(signer: FormSigner) -> Command {
    command!(SignTransferForm { transfer_id: transfer("t"), signer: signer })
}

pub(super) fn submit() -> Command {
    command!(SubmitTransferForm {
        transfer_id: transfer("t"),
        partner_id: partner("direct"),
        current_contact: Some(contact()),
        new_contact: Some(contact()),
    })
}

pub(super) fn complete() -> Command {
    command!(CompleteTransfer { transfer_id: transfer("t") })
}

pub(super) fn reject() -> Command {
    command!(RejectTransfer { transfer_id: transfer("t"), note: "a signature differs".to_owned() })
}

pub(super) fn clean() -> Command {
    command!(CleanTransferAccess { transfer_id: transfer("t"), partner_id: partner("second") })
}

#[test]
fn the_form_is_signed_submitted_and_completed() {
    let mut world = world();
    world.ok(Command::RequestAzureTransfer(open()));
    for signer in FormSigner::ALL {
        world.ok(sign(signer));
    }
    world.ok(submit());
    let names = world.at("2018-02-01").ok(complete());
    assert_eq!(names, ["TransferCompleted", "SubscriptionSuspended", "OrderPlaced", "SubscriptionCreated"]);
    assert!(matches!(world.standing("az"), Standing::Suspended { reason: SuspensionReason::Transferred, .. }));
    let moved = world.customer().transfer(&transfer("t")).unwrap();
    assert_eq!(moved.standing, TransferStanding::Complete);
    let new = world.customer().subscriptions().find(|known| known.partner_id == partner("second")).unwrap().clone();
    assert_eq!((new.standing, new.start), (Standing::Active, day("2018-02-01")));
    world.ok(clean());
    assert_eq!(world.refused(clean()), Reason::TransferStepOutOfTurn, "once");
    // It moves on, and Azure still knows it by its first id.
    let again = RequestAzureTransfer {
        transfer_id: Some(transfer("u")),
        partner_id: partner("second"),
        target_partner_id: partner("direct"),
        subscription_id: new.subscription_id,
        ..open()
    };
    world.at("2018-03-01").ok(Command::RequestAzureTransfer(again));
    let line = world.journal.iter().rev().find_map(|event| match event {
        Event::TransferRequested(e) => e.lines.first().cloned(),
        _ => None,
    });
    assert_eq!(line.and_then(|line| line.azure_subscription_id), Some(azure("az")));
}

#[test]
fn who_may_ask_and_for_what() {
    let mut world = world();
    world.ok(buy(vec![endless("plan", "plan"), line("e3", "e3", 5)]));
    let with = |change: fn(&mut RequestAzureTransfer)| {
        let mut command = open();
        change(&mut command);
        Command::RequestAzureTransfer(command)
    };
    let cases = [
        (with(|c| c.customer_requested_on = None), Reason::CustomerRequestMissing),
        (with(|c| c.customer_requested_on = Some(day("2018-01-02"))), Reason::InvalidValue),
        (with(|c| c.ticket_id = " ".to_owned()), Reason::RequiredFieldMissing),
        (with(|c| c.target_partner_id = partner("reseller")), Reason::PartnerTypeNotAllowed),
        (with(|c| c.partner_id = partner("provider")), Reason::NotCurrentPartner),
        (with(|c| c.target_partner_id = partner("direct")), Reason::TransferTargetIsSource),
        (with(|c| c.subscription_id = sub("plan")), Reason::OfferNotTransferable),
        (with(|c| c.subscription_id = sub("e3")), Reason::OfferNotTransferable),
        (with(|c| c.subscription_id = sub("none")), Reason::SubscriptionNotFound),
    ];
    for (command, reason) in cases {
        assert_eq!(world.refused(command.clone()), reason, "{command:?}");
    }
    world.ok(Command::RequestAzureTransfer(open()));
    let other = with(|c| c.transfer_id = Some(transfer("u")));
    assert_eq!(world.refused(other), Reason::InAnotherRequest);
}

/// V33: the market is not enough, and two signatures are not three.
#[test]
fn partner_and_customer_are_in_one_country_and_all_sign() {
    let mut world = world();
    let to_austria = RequestAzureTransfer { target_partner_id: partner("provider"), ..open() };
    world.ok(Command::RequestAzureTransfer(to_austria));
    assert_eq!(world.refused(sign(FormSigner::Customer)), Reason::SignatureOutOfTurn);
    world.ok(sign(FormSigner::CurrentPartner));
    assert_eq!(world.refused(sign(FormSigner::NewPartner)), Reason::CountryMismatch);
    world.ok(sign(FormSigner::Customer));
    let refusal = world.refusal(submit());
    assert_eq!((refusal.reason, refusal.metadata["missing"].as_str()), (Reason::SignaturesIncomplete, "new partner"));
}

#[test]
fn the_new_partner_has_a_relationship_before_it_signs_and_administrators_are_named() {
    let mut world = world();
    world.ok(command!(RemoveRelationship { partner_id: partner("second") }));
    world.ok(Command::RequestAzureTransfer(open()));
    world.ok(sign(FormSigner::CurrentPartner));
    assert_eq!(world.refused(sign(FormSigner::NewPartner)), Reason::RelationshipRequired);
    world.relate("second");
    world.ok(sign(FormSigner::NewPartner));
    world.ok(sign(FormSigner::Customer));
    let unnamed = command!(SubmitTransferForm {
        transfer_id: transfer("t"),
        partner_id: partner("direct"),
        current_contact: Some(contact()),
        new_contact: None,
    });
    let refusal = world.refusal(unnamed);
    assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (Reason::AdminContactMissing, "new_contact"));
    world.ok(submit());
    assert_eq!(world.ok(reject()), ["TransferDeclined"]);
    assert_eq!(world.standing("az"), Standing::Active, "nothing moves");
    world.ok(Command::RequestAzureTransfer(RequestAzureTransfer { transfer_id: Some(transfer("u")), ..open() }));
}

fn used(date: &str, quantity: &str) -> UsageRecord {
    record("vm", "vm-1", date, quantity)
}

/// Use up to the day of the transfer is the source's, later use the target's, each in its own billing period; the request shows what
/// the last billed period came to.
#[test]
fn usage_is_billed_to_who_held_it_when_the_day_began() {
    let mut world = world();
    world.meters(vec![meter("vm")]);
    world.prices("EUR", vec![price("vm", "2017-01-01", "0", "2")]);
    world.ok(use_of(vec![used("2018-01-01", "1")]));
    world.end("2018-01-31");
    let charged = world.charged();
    assert!(charged > Decimal::ZERO, "the source's period is charged");
    world.at("2018-02-01").ok(command!(RequestTransfer {
        transfer_id: Some(transfer("t")),
        source_partner_id: partner("direct"),
        target_partner_id: partner("second"),
        subscription_ids: vec![sub("az")],
        expires_after_days: None,
    }));
    let requested = world.journal.iter().rev().find_map(|event| match event {
        Event::TransferRequested(e) => e.lines.first().and_then(|line| line.last_billed),
        _ => None,
    });
    assert_eq!(requested.map(|billed| billed.amount), Some(charged));
    world.ok(command!(AcceptTransfer { transfer_id: transfer("t"), partner_id: partner("second") }));
    world.at("2018-02-03").ok(use_of(vec![
        used("2018-01-31", "10"),
        used("2018-02-01", "100"),
        used("2018-02-02", "1000"),
    ]));
    world.end("2018-03-31");
    let mut by_partner = std::collections::BTreeMap::new();
    for line in world.lines().filter(|line| line.usage.is_some()) {
        *by_partner.entry(line.partner_id.as_str()).or_insert(Decimal::ZERO) += line.amount;
    }
    let expected: [(&str, Decimal); 2] = [("direct", Decimal::from(222)), ("second", Decimal::from(2000))];
    assert_eq!(by_partner.into_iter().collect::<Vec<_>>(), expected);
}
