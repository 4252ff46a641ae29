//! The state tables of the customers page, every cell: a state, a command, and its event or the documented reason.

use super::{kit::*, requests, schedule, trials, upgrades};
use crate::{
    Command, Reason,
    command::{ChangeBillingFrequency, Convert, PurchaseLine, SetAutoRenew},
    event::FormSigner,
    ids::TransferId,
    offer::BillingFrequency,
};

/// What a cell holds: the first event that is no charge, or the reason.
type Cell = Result<&'static str, Reason>;
/// A column: its name, and its command.
type Column = (&'static str, fn() -> Command);

fn outcome(world: &mut World, command: &Command) -> Cell {
    let first = |events: Vec<crate::Event>| events.iter().map(crate::Event::name).find(|name| *name != "Charged");
    world.run(command).map(|events| first(events).unwrap_or("Charged")).map_err(|refused| refused.reason)
}

/// Walks a table and says everything that differs at once.
fn walk<const N: usize>(at: impl Fn(&str) -> World, commands: &[Column; N], table: &[(&str, [Cell; N])]) {
    let mut wrong = Vec::new();
    for (state, cells) in table {
        for ((name, command), expected) in commands.iter().zip(cells) {
            let found = outcome(&mut at(state), &command());
            if found != *expected {
                wrong.push(format!("{state} x {name}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn auto_renew(auto_renew: bool) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub("x"));
    Command::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew })
}

fn annual() -> Command {
    let (customer_id, partner_id, order_id) = (customer_id(), partner("direct"), order("order"));
    let billing_frequency = BillingFrequency::Annual;
    Command::ChangeBillingFrequency(ChangeBillingFrequency {
        customer_id,
        partner_id,
        order_id,
        billing_frequency,
        subscription_ids: Vec::new(),
    })
}

fn give() -> Command {
    give_as("t")
}

fn give_as(id: &str) -> Command {
    command!(RequestTransfer {
        transfer_id: Some(transfer(id)),
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("x")],
        expires_after_days: Some(10),
    })
}

fn answer(name: &str) -> Command {
    let transfer_id: TransferId = transfer("t");
    match name {
        "accept" => command!(AcceptTransfer { transfer_id: transfer_id, partner_id: partner("provider") }),
        "decline" => {
            command!(DeclineTransfer { transfer_id: transfer_id, partner_id: partner("provider"), note: String::new() })
        }
        _ => command!(WithdrawTransfer { transfer_id: transfer_id, partner_id: partner("direct") }),
    }
}

fn rename() -> Command {
    command!(UpdateSubscription {
        partner_id: partner("direct"),
        subscription_id: sub("x"),
        friendly_name: Some("Mail".into()),
        po_number: None,
        support_contact_id: None,
        reseller_id: None,
        clear: Vec::new(),
    })
}

fn buy_x(offer: &str) -> Command {
    let Command::Purchase(mut purchase) = buy(vec![line("x", offer, 5)]) else { unreachable!() };
    purchase.order_id = Some(order("order"));
    Command::Purchase(purchase)
}

/// A subscription `x` in one of the states of section 2.8.
fn license(state: &str) -> World {
    let mut world = upgrades::world();
    world.at("2018-01-13");
    if state == "trial" {
        let mut world = trials::world();
        world.at("2018-01-13").ok(trials::start("x", "e3-trial"));
        return world;
    }
    world.ok(buy_x("basic"));
    match state {
        "active" => {}
        "scheduled" => drop(world.ok(schedule::plan("x", Some(9), None))),
        "suspended" => drop(world.at("2018-03-01").ok(suspend("x"))),
        "upgraded" => drop(world.at("2018-03-01").ok(upgrades::upgrade("x", "o-e3"))),
        "transferred" => {
            world.at("2018-03-01").ok(give());
            world.ok(answer("accept"));
        }
        "term ended" => {
            world.ok(schedule::plan("x", None, None));
            world.end("2018-12-31");
            world.ok(schedule::withdraw("x"));
            // The offer retires while it is suspended: the term ends without a new one (decision G09).
            let retired = crate::offer::Offer { end_of_sale: Some(day("2019-01-01")), ..renamed() };
            world.ok(Command::PublishOffers(crate::command::PublishOffers { offers: vec![retired] }));
            world.ok(suspend("x"));
            world.end("2019-01-13");
        }
        "expired" => {
            world.ok(schedule::plan("x", None, None));
            world.end("2019-01-13");
        }
        "deprovisioned" => {
            world.at("2018-03-01").ok(suspend("x"));
            world.end("2018-06-01");
        }
        other => panic!("{other}"),
    }
    world
}

fn renamed() -> crate::offer::Offer {
    crate::offer::Offer { display_name: "Microsoft 365 Business Basic".into(), ..offer("basic") }
}

/// Section 2.8: rows 3 to 16.
#[test]
fn the_life_of_a_license() {
    use Reason::{
        AddonRequiresBase as Base, AutoRenewNotSwitchable as Fixed, ChangeAlreadyScheduled as Planned,
        ChangeNotScheduled as Unplanned, NotTransferableSuspended as Halted, SubscriptionClosed as Closed,
        SubscriptionNotActive as Inactive, SubscriptionNotSuspended as Running, TermEnded, TrialNotFound as Paid,
        TrialQuantityFixed as Trial, UpgradePathUnknown as NoPath,
    };
    let commands: [Column; 12] = [
        ("seats", || seats("x", 7)),
        ("frequency", annual),
        ("suspend", || suspend("x")),
        ("cancel", || cancel("x")),
        ("reactivate", || reactivate("x")),
        ("auto-renew", || auto_renew(false)),
        ("add-on", || buy(vec![PurchaseLine { quantity: 1, ..add_on("y", "both", "x") }])),
        ("upgrade", || upgrades::upgrade("x", "o-e1")),
        ("transfer", || give_as("another")),
        ("schedule", || schedule::plan("x", Some(8), None)),
        ("withdraw", || schedule::withdraw("x")),
        ("convert trial", || trials::convert("x", "e3", 5, Some(BillingFrequency::Monthly))),
    ];
    let (changed, suspended) = (Ok("QuantityChanged"), Ok("SubscriptionSuspended"));
    let closed = |add_on, transfer| {
        [
            Err(Closed),
            Err(Inactive),
            Err(Closed),
            Err(Closed),
            Err(Closed),
            Err(Fixed),
            Err(add_on),
            Err(Closed),
            Err(transfer),
            Err(Closed),
            Err(Closed),
            Err(Paid),
        ]
    };
    let halted = |back: Cell, upgrade, frequency: Cell| {
        [
            Err(Inactive),
            frequency,
            Err(Inactive),
            Err(Inactive),
            back,
            Err(Fixed),
            Err(Base),
            Err(upgrade),
            Err(Halted),
            Err(Inactive),
            Err(Unplanned),
            Err(Paid),
        ]
    };
    let table = [
        (
            "active",
            [
                changed,
                Ok("BillingFrequencyChanged"),
                suspended,
                suspended,
                Err(Running),
                Err(Fixed),
                Ok("OrderPlaced"),
                Ok("SubscriptionUpgraded"),
                Ok("TransferRequested"),
                Ok("ChangeScheduled"),
                Err(Unplanned),
                Err(Paid),
            ],
        ),
        (
            "scheduled",
            [
                changed,
                Ok("BillingFrequencyChanged"),
                suspended,
                suspended,
                Err(Running),
                Err(Fixed),
                Ok("OrderPlaced"),
                Ok("SubscriptionUpgraded"),
                Ok("TransferRequested"),
                Err(Planned),
                Ok("ScheduledChangeWithdrawn"),
                Err(Paid),
            ],
        ),
        ("suspended", halted(Ok("SubscriptionReactivated"), Inactive, Err(Inactive))),
        ("transferred", halted(Err(Reason::SubscriptionTransferred), Inactive, Err(Inactive))),
        ("upgraded", halted(Err(Reason::SubscriptionUpgraded), Inactive, Err(Inactive))),
        ("term ended", halted(Err(TermEnded), Inactive, Err(Inactive))),
        ("expired", closed(Base, Closed)),
        ("deprovisioned", closed(Base, Closed)),
    ];
    walk(license, &commands, &table);
    // A trial's offer has no add-ons, upgrades or order of its own in this world.
    let trial: [Column; 9] = [
        ("seats", || seats("x", 7)),
        ("suspend", || suspend("x")),
        ("reactivate", || reactivate("x")),
        ("auto-renew", || auto_renew(false)),
        ("upgrade", || upgrades::upgrade("x", "e1")),
        ("transfer", || give_as("another")),
        ("schedule", || schedule::plan("x", Some(8), None)),
        ("withdraw", || schedule::withdraw("x")),
        ("convert trial", || trials::convert("x", "e3", 5, Some(BillingFrequency::Monthly))),
    ];
    let cells = [
        Err(Trial),
        suspended,
        Err(Running),
        Err(Fixed),
        Err(NoPath),
        Err(Reason::NotTransferableTrial),
        Err(Trial),
        Err(Unplanned),
        Ok("FreeTrialConverted"),
    ];
    walk(license, &trial, &[("trial", cells)]);
}

/// Names change until it is over.
#[test]
fn details_change_while_it_lives() {
    for (state, expected) in [
        ("active", Ok("SubscriptionDetailsChanged")),
        ("trial", Ok("SubscriptionDetailsChanged")),
        ("suspended", Ok("SubscriptionDetailsChanged")),
        ("expired", Err(Reason::SubscriptionClosed)),
        ("deprovisioned", Err(Reason::SubscriptionClosed)),
    ] {
        assert_eq!(outcome(&mut license(state), &rename()), expected, "{state}");
    }
}

fn relationship(state: &str) -> World {
    let mut world = World::new();
    let ask = || {
        command!(RequestRelationship {
            partner_id: partner("provider"),
            delegated_admin: false,
            reseller_id: None,
            expires_after_days: None
        })
    };
    match state {
        "none" => {}
        "requested" => drop(world.ok(ask())),
        "active" => world.relate("provider"),
        "in use" => {
            world.relate("provider");
            world.ok(buy_from("provider", vec![line("x", "e3", 1)]));
        }
        "in transfer" => {
            world.relate("provider");
            world.ok(buy_x("e3"));
            world.ok(give());
        }
        "removed" => {
            world.relate("provider");
            world.ok(command!(RemoveRelationship { partner_id: partner("provider") }));
        }
        "overdue" => {
            world.ok(requests::ask("provider", false, Some(3)));
            world.at("2018-01-04");
        }
        "request expired" => {
            world.ok(requests::ask("provider", false, Some(3)));
            world.end("2018-01-04");
        }
        other => panic!("{other}"),
    }
    world
}

/// Section 2.3.
#[test]
fn the_life_of_a_relationship() {
    use Reason::{
        ActiveSubscriptionsExist, DelegatedAdminRequired, RelationshipExists as Exists,
        RelationshipNotRequested as NotRequested, RelationshipRequired as Required, TransferInProgress,
    };
    let commands: [Column; 6] = [
        ("request", || {
            command!(RequestRelationship {
                partner_id: partner("provider"),
                delegated_admin: false,
                reseller_id: None,
                expires_after_days: None
            })
        }),
        ("accept", || command!(AcceptRelationship { partner_id: partner("provider") })),
        ("remove", || command!(RemoveRelationship { partner_id: partner("provider") })),
        ("extend", || {
            let consent_on = Some(day("2018-01-01"));
            let (partner_id, provider_id) = (partner("direct"), partner("provider"));
            command!(ExtendRelationship { partner_id: partner_id, provider_id: provider_id, consent_on: consent_on })
        }),
        ("remove admin", || command!(RemoveDelegatedAdmin { partner_id: partner("provider") })),
        ("buy", || buy_from("provider", vec![line("n", "e3", 1)])),
    ];
    let established = Ok("RelationshipEstablished");
    let running = |removed| {
        [Err(Exists), Err(NotRequested), removed, Err(Exists), Err(DelegatedAdminRequired), Ok("OrderPlaced")]
    };
    let none =
        [Ok("RelationshipRequested"), Err(NotRequested), Err(Required), established, Err(Required), Err(Required)];
    let table = [
        ("none", none),
        ("requested", [Err(Exists), established, Err(Required), established, Err(Required), Err(Required)]),
        ("active", running(Ok("RelationshipRemoved"))),
        ("in use", running(Err(ActiveSubscriptionsExist))),
        ("in transfer", running(Err(TransferInProgress))),
        ("removed", none),
        ("request expired", none),
        (
            "overdue",
            [
                Ok("RelationshipRequested"),
                Err(Reason::RequestExpired),
                Err(Required),
                established,
                Err(Required),
                Err(Required),
            ],
        ),
    ];
    walk(relationship, &commands, &table);
}

fn saas(state: &str) -> World {
    let mut world = World::with_provider();
    world.at("2018-01-13");
    let Command::Purchase(mut purchase) = buy_x("saas") else { unreachable!() };
    purchase.lines[0].sku = Some("silver".into());
    if state == "trial" || state == "cancelled trial" {
        purchase.lines[0].free_trial_days = 30;
    }
    world.ok(Command::Purchase(purchase));
    match state {
        "trial" | "active, first day" => {}
        "active" => drop(world.at("2018-02-01")),
        "ending" => drop(world.at("2018-02-01").ok(cancel("x"))),
        "cancelled" | "cancelled trial" => drop(world.ok(cancel("x"))),
        "expired" => {
            world.at("2018-02-01").ok(cancel("x"));
            world.end("2019-01-13");
        }
        other => panic!("{other}"),
    }
    world
}

/// Section 2.11, marketplace products.
#[test]
fn the_life_of_a_marketplace_subscription() {
    use Reason::{
        AutoRenewUnchanged as Unchanged, NotTransferableMarketplace as Stays, SubscriptionClosed as Closed,
        SubscriptionNotActive as Inactive, TrialQuantityFixed as Trial, UseCancel,
    };
    let commands: [Column; 7] = [
        ("cancel", || cancel("x")),
        ("renewal off", || auto_renew(false)),
        ("renewal on", || auto_renew(true)),
        ("seats", || seats("x", 7)),
        ("convert", || {
            let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub("x"));
            let (to_sku, to_offer_id) = ("gold".to_owned(), offer_id("saas"));
            Command::Convert(Convert { customer_id, partner_id, subscription_id, to_sku, to_offer_id })
        }),
        ("suspend", || suspend("x")),
        ("transfer", || give_as("another")),
    ];
    let (cancelled, later, switched) =
        (Ok("SubscriptionCancelled"), Ok("CancellationScheduled"), Ok("AutoRenewChanged"));
    let (changed, converted) = (Ok("QuantityChanged"), Ok("SubscriptionConverted"));
    let active = |cancel| [cancel, switched, Err(Unchanged), changed, converted, Err(UseCancel), Err(Stays)];
    let closed = [Err(Closed), Err(Closed), Err(Closed), Err(Closed), Err(Closed), Err(UseCancel), Err(Closed)];
    let table = [
        ("trial", [cancelled, Err(Inactive), Err(Inactive), Err(Trial), Err(Inactive), Err(UseCancel), Err(Stays)]),
        ("active, first day", active(cancelled)),
        ("active", active(later)),
        (
            "ending",
            [
                Err(Reason::CancellationAlreadyScheduled),
                Err(Unchanged),
                switched,
                changed,
                converted,
                Err(UseCancel),
                Err(Stays),
            ],
        ),
        ("cancelled", closed),
        ("cancelled trial", closed),
        ("expired", closed),
    ];
    walk(saas, &commands, &table);
}

fn transfers(state: &str) -> World {
    let mut world = World::with_provider();
    world.ok(buy_x("e3"));
    world.ok(give());
    match state {
        "active" => {}
        "line suspended" => drop(world.at("2018-01-05").ok(suspend("x"))),
        "complete" => drop(world.ok(answer("accept"))),
        "rejected" => drop(world.ok(answer("decline"))),
        "withdrawn" => drop(world.ok(answer("withdraw"))),
        "expired" => world.end("2018-01-11"),
        other => panic!("{other}"),
    }
    world
}

/// Section 2.18.
#[test]
fn the_life_of_a_transfer() {
    let commands: [Column; 3] =
        [("accept", || answer("accept")), ("reject", || answer("decline")), ("withdraw", || answer("withdraw"))];
    let (rejected, withdrawn) = (Ok("TransferDeclined"), Ok("TransferWithdrawn"));
    let closed = [Err(Reason::TransferClosed); 3];
    let table = [
        ("active", [Ok("TransferCompleted"), rejected, withdrawn]),
        ("line suspended", [Err(Reason::TransferLineNotActive), rejected, withdrawn]),
        ("complete", closed),
        ("rejected", closed),
        ("withdrawn", closed),
        ("expired", closed),
    ];
    walk(transfers, &commands, &table);
}

fn form(state: &str) -> World {
    use super::azure_transfers as azure;
    let mut world = azure::world();
    world.ok(Command::RequestAzureTransfer(azure::open()));
    let signers: &[FormSigner] = match state {
        "requested" => &[],
        "signed by current" => &FormSigner::ALL[..1],
        _ => &FormSigner::ALL,
    };
    signers.iter().for_each(|signer| drop(world.ok(azure::sign(*signer))));
    let later: &[fn() -> Command] = match state {
        "requested" | "signed by current" | "signed by all" => &[],
        "submitted" => &[azure::submit],
        "completed" => &[azure::submit, azure::complete],
        "cleaned" => &[azure::submit, azure::complete, azure::clean],
        "rejected" => &[azure::submit, azure::reject],
        "withdrawn" => &[|| answer("withdraw")],
        other => panic!("{other}"),
    };
    later.iter().for_each(|command| drop(world.ok(command())));
    world
}

/// Section 2.19.
#[test]
fn the_life_of_a_transfer_by_form() {
    use super::azure_transfers::{clean, complete, reject, sign, submit};
    use Reason::{
        NotATransferParty as Stranger, SignatureOutOfTurn as Signature, SignaturesIncomplete as Incomplete,
        TransferClosed as Closed, TransferStepOutOfTurn as Turn,
    };
    let commands: [Column; 10] = [
        ("current partner signs", || sign(FormSigner::CurrentPartner)),
        ("customer signs", || sign(FormSigner::Customer)),
        ("new partner signs", || sign(FormSigner::NewPartner)),
        ("submit", submit),
        ("complete", complete),
        ("reject", reject),
        ("clean", clean),
        ("withdraw", || answer("withdraw")),
        ("accept", || command!(AcceptTransfer { transfer_id: transfer("t"), partner_id: partner("second") })),
        ("accept by another", || answer("accept")),
    ];
    let (signed, withdrawn) = (Ok("TransferFormSigned"), Ok("TransferWithdrawn"));
    let (turn, signature) = (Err(Turn), Err(Signature));
    let closed = |clean| {
        let closed = Err(Closed);
        [closed, closed, closed, closed, closed, closed, clean, closed, closed, Err(Stranger)]
    };
    let table = [
        (
            "requested",
            [signed, signature, signature, Err(Incomplete), turn, turn, turn, withdrawn, turn, Err(Stranger)],
        ),
        (
            "signed by current",
            [signature, signed, signed, Err(Incomplete), turn, turn, turn, withdrawn, turn, Err(Stranger)],
        ),
        (
            "signed by all",
            [
                signature,
                signature,
                signature,
                Ok("TransferFormSubmitted"),
                turn,
                turn,
                turn,
                withdrawn,
                turn,
                Err(Stranger),
            ],
        ),
        (
            "submitted",
            [
                signature,
                signature,
                signature,
                turn,
                Ok("TransferCompleted"),
                Ok("TransferDeclined"),
                turn,
                withdrawn,
                turn,
                Err(Stranger),
            ],
        ),
        ("completed", closed(Ok("TransferAccessCleaned"))),
        ("cleaned", closed(turn)),
        ("rejected", closed(turn)),
        ("withdrawn", closed(turn)),
    ];
    walk(form, &commands, &table);
}
