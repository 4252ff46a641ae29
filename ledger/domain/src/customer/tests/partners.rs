//! What partners' standing, bonds and ties mean for what is sold to a customer.

use super::kit::*;
use crate::{
    Command, Event, Reason, command as c, event as e,
    ids::MpnId,
    offer::ProductKind,
    partner::{PartnerRule, PartnerRuleRow, SuspensionTrigger},
    party::CustomerTie,
    reference::partner_standing::{self, Action},
};

fn bind(world: &mut World, rule: PartnerRule) {
    let rules = vec![PartnerRuleRow { rule, from: day("2018-01-01") }];
    world.ok(Command::PublishPartnerRules(c::PublishPartnerRules { rules }));
}

fn tie(to: &str, tie: CustomerTie) -> Command {
    command!(TieCustomer { partner_id: partner(to), tie: tie })
}

/// A provider and a reseller that authorized it.
fn partner_up(world: &mut World, provider: &str, reseller: &str) {
    let (provider_id, reseller_id) = (partner(provider), partner(reseller));
    world.ok(Command::RequestPartnership(c::RequestPartnership {
        provider_id: provider_id.clone(),
        reseller_id: reseller_id.clone(),
    }));
    world.ok(Command::AuthorizeProvider(c::AuthorizeProvider { provider_id, reseller_id, confirmed: true }));
}

fn buy_through(provider: &str, reseller: &str, id: &str) -> Command {
    buy_from(provider, vec![c::PurchaseLine { reseller_id: Some(partner(reseller)), ..line(id, "e3", 1) }])
}

/// Section 2.15, by commands: the customer is a tenant in which `direct` is the end customer.
#[test]
fn what_a_partner_uses_itself_is_sold_by_others() {
    let mut w = World::with_provider();
    w.ok(tie("direct", CustomerTie::OwnUse));
    assert_eq!(w.refused(buy(vec![line("s", "e3", 1)])), Reason::SelfSale);
    assert_eq!(w.refused(buy_from("provider", vec![line("s", "e3", 1)])), Reason::OwnUseSellerNotAllowed);
    w.ok(buy_through("provider", "reseller", "s"));

    // A reseller that is a partner of the provider does not buy for itself from it (L17951), and not by itself either.
    w.ok(tie("direct", CustomerTie::Affiliate));
    w.ok(tie("reseller", CustomerTie::OwnUse));
    assert_eq!(w.refused(buy_through("provider", "reseller", "t")), Reason::SelfSale);
    partner_up(&mut w, "provider", "reseller");
    assert_eq!(w.refused(buy_from("provider", vec![line("t", "e3", 1)])), Reason::OwnProviderSale);
    let refusal = w.refusal(buy_from("provider", vec![line("t", "e3", 1)]));
    assert_eq!(refusal.metadata["accepted"], "another provider sells it or the partnership ends first");
}

#[test]
fn nobody_sells_into_the_tenant_that_a_partner_sells_in_nor_to_its_own_company() {
    let mut w = World::with_provider();
    assert_eq!(w.ok(tie("american", CustomerTie::CspTenant)), ["CustomerTied"]);
    assert_eq!(w.refused(tie("american", CustomerTie::CspTenant)), Reason::CustomerTieUnchanged);
    for command in [buy(vec![line("s", "e3", 1)]), buy_from("provider", vec![line("s", "e3", 1)])] {
        assert_eq!(w.refused(command), Reason::CspPartnerResale);
    }
    w.ok(tie("american", CustomerTie::Affiliate));
    w.ok(buy(vec![line("s", "e3", 1)]));
    w.ok(tie("direct", CustomerTie::Affiliate));
    assert_eq!(w.refused(buy(vec![line("t", "e3", 1)])), Reason::AffiliateSale);
    w.ok(buy_from("provider", vec![line("t", "e3", 1)]));
    assert_eq!(w.ok(seats("s", 5)), ["QuantityChanged"], "what was sold goes on");
}

/// After a merge the other partner is of the same company, and its own use is an affiliate's.
#[test]
fn a_company_is_one_after_a_merge() {
    let mut w = World::new();
    w.ok(tie("american", CustomerTie::OwnUse));
    w.ok(buy(vec![line("s", "e3", 1)]));
    let merged = e::AccountsMerged {
        partner_id: partner("direct"),
        merge_id: crate::ids::MergeId::new("m").unwrap(),
        absorbed_partner_id: partner("american"),
        surviving_mpn_id: MpnId::new("1").unwrap(),
        relocated_mpn_ids: Vec::new(),
        resolutions: Vec::new(),
        merged_on: day("2018-01-01"),
    };
    w.reference.partners.evolve(&merged.into());
    assert_eq!(w.refused(buy(vec![line("t", "e3", 1)])), Reason::AffiliateSale);
}

/// A partner in transition may not use direct bill for a customer it acquired as a reseller (L5174).
#[test]
fn a_dual_partner_leaves_the_customers_of_its_reseller_side_to_the_provider() {
    let mut w = World::empty();
    w.ok(Command::EnrollReseller(c::EnrollReseller { partner_id: partner("direct") }));
    let (partner_id, reseller_id) = (partner("provider"), Some(partner("direct")));
    w.ok(Command::CreateCustomer(c::CreateCustomer { partner_id, reseller_id, ..create() }));
    accept(&mut w);
    w.relate("direct");
    assert_eq!(w.refused(buy(vec![line("s", "e3", 1)])), Reason::CustomerIsResellerCustomer);
    w.ok(buy_through("provider", "direct", "s"));

    // A customer of its own stays one, when it brings the provider in.
    let mut w = World::new();
    w.ok(Command::EnrollReseller(c::EnrollReseller { partner_id: partner("direct") }));
    let consent_on = Some(day("2018-01-01"));
    w.ok(command!(ExtendRelationship {
        partner_id: partner("direct"),
        provider_id: partner("provider"),
        consent_on: consent_on,
    }));
    w.ok(command!(AddReseller { partner_id: partner("provider"), reseller_id: partner("direct") }));
    w.ok(buy(vec![line("s", "e3", 1)]));
}

fn accept(world: &mut World) {
    world.ok(Command::AcceptAgreement(c::AcceptAgreement {
        customer_id: customer_id(),
        mode: crate::party::AgreementMode::CustomerDirect,
        partner_id: None,
        signatory: contact(),
        accepted_on: day("2018-01-01"),
        version: None,
        language: None,
    }));
}

#[test]
fn where_partnerships_are_required_only_who_authorized_the_provider_is_named() {
    let mut w = World::with_provider();
    w.ok(buy_through("provider", "reseller", "s"));
    bind(&mut w, PartnerRule::PartnershipRequired);
    let add = command!(AddReseller { partner_id: partner("provider"), reseller_id: partner("reseller") });
    assert_eq!(w.refused(buy_through("provider", "reseller", "t")), Reason::ResellerNoPartnership);
    assert_eq!(w.refused(add.clone()), Reason::ResellerNoPartnership);
    partner_up(&mut w, "provider", "reseller");
    w.ok(add);
    w.ok(buy_through("provider", "reseller", "t"));

    // The end of the partnership leaves what was sold, and lets nothing new be sold with it.
    w.ok(Command::EndPartnership(c::EndPartnership {
        provider_id: partner("provider"),
        reseller_id: partner("reseller"),
        support_request: "119040921001234".to_owned(),
    }));
    assert_eq!(w.refused(buy_from("provider", vec![line("u", "e3", 1)])), Reason::ResellerNoPartnership);
    let extend = command!(ExtendRelationship {
        partner_id: partner("direct"),
        provider_id: partner("provider"),
        consent_on: Some(day("2018-01-01")),
    });
    w.ok(command!(RemoveReseller { partner_id: partner("provider"), reseller_id: partner("reseller") }));
    assert_eq!(w.refused(extend), Reason::ResellerNotEnrolled, "only a partner in transition brings one in (L5215)");
}

#[test]
fn where_locations_are_required_an_order_comes_from_one() {
    let mut w = World::new();
    let from = |location: Option<&str>, id: &str| {
        let Command::Purchase(order) = buy(vec![line(id, "e3", 1)]) else { unreachable!() };
        Command::Purchase(c::Purchase { location_mpn_id: location.map(|id| MpnId::new(id).unwrap()), ..order })
    };
    w.ok(from(None, "a"));
    assert_eq!(w.refused(from(Some("301"), "b")), Reason::LocationNotFound);
    bind(&mut w, PartnerRule::LocationRequired);
    assert_eq!(w.refused(from(None, "b")), Reason::LocationRequired, "it was registered without one");
    let account = |name: &str, country: &str| e::LocationAdded {
        partner_id: partner("direct"),
        mpn_id: MpnId::new(name).unwrap(),
        name: name.to_owned(),
        address: Some(crate::party::Address { country: country.to_owned(), ..create().address }),
        contact: None,
        added_on: day("2018-01-01"),
    };
    let opened = e::GlobalAccountOpened {
        partner_id: partner("direct"),
        pga_mpn_id: MpnId::new("3000").unwrap(),
        legal: crate::partner::LegalProfile {
            name: "Direct".to_owned(),
            address: create().address,
            contact: contact(),
        },
        opened_on: day("2018-01-01"),
    };
    w.reference.partners.evolve(&opened.into());
    w.reference.partners.evolve(&account("301", "AT").into());
    w.reference.partners.evolve(&account("302", "US").into());
    assert_eq!(w.refused(from(Some("3000"), "b")), Reason::PgaCannotTransact);
    assert_eq!(w.refused(from(Some("302"), "b")), Reason::MarketNotAllowed, "a location sells in its own market");
    let events = w.run(&from(Some("301"), "b")).unwrap();
    let Some(Event::OrderPlaced(placed)) = events.first() else { panic!("{events:?}") };
    assert_eq!(placed.location_mpn_id, Some(MpnId::new("301").unwrap()));
}

#[test]
fn a_tenant_for_shared_services_takes_one_offer_and_nothing_off_it() {
    let shared = "Azure - Internal/Shared Services";
    let mut w = World::new();
    let offer = crate::offer::Offer { display_name: shared.to_owned(), ..offer("apss") };
    w.publish(vec![offer], 4);
    w.publish(
        vec![crate::offer::Offer {
            product_family: crate::offer::ProductFamily::MarketplaceSaas,
            ..super::kit::offer("byol")
        }],
        0,
    );
    assert_eq!(w.refused(buy(vec![line("s", "apss", 1)])), Reason::SharedServicesTenantRequired);
    w.ok(Command::CreateSharedServices(c::CreateSharedServices {
        partner_id: partner("direct"),
        customer_id: customer_id(),
    }));
    assert_eq!(w.refused(buy(vec![line("s", "e3", 1)])), Reason::OfferNotAllowedOnSharedServicesTenant);
    w.ok(buy(vec![line("s", "apss", 1)]));
    // Golden vector G14: what is free up to the day before March 1, 2019.
    w.at("2019-02-28").ok(buy(vec![line("t", "byol", 1)]));
    w.at("2019-03-01");
    assert_eq!(w.refused(buy(vec![line("u", "byol", 1)])), Reason::OfferNotAllowedOnSharedServicesTenant);
}

/// A reason, and what brings it about.
type Cause = (Reason, fn(&mut World));

/// The rows of the table that commands of a customer ask about, each in each standing.
#[test]
fn the_table_of_standings_holds_for_commands() {
    let standings: [Cause; 3] = [
        (Reason::PartnerRestricted, |w| {
            w.ok(Command::RestrictDirectBill(c::RestrictDirectBill {
                partner_id: partner("direct"),
                from: w.at.date_naive(),
                reason: "no support plan".to_owned(),
                notice: "N-1".to_owned(),
            }));
        }),
        (Reason::PartnerSuspended, |w| {
            w.ok(Command::SuspendPartner(c::SuspendPartner {
                partner_id: partner("direct"),
                trigger: SuspensionTrigger::Abuse,
                note: "abuse".to_owned(),
            }));
        }),
        (Reason::PartnerAgreementMissing, |w| {
            w.ok(Command::PublishPartnerAgreement(c::PublishPartnerAgreement {
                version: "MPA".to_owned(),
                signing_from: day("2018-01-01"),
                required_from: Some(day("2018-01-01")),
            }));
        }),
    ];
    let mut cells = 0;
    for (action, command) in actions() {
        for (number, (reason, change)) in standings.iter().enumerate() {
            let mut w = owner();
            change(&mut w);
            let bars = partner_standing::bars(action);
            let barred = [bars.restricted, bars.suspended, bars.unsigned][number];
            match w.run(&command) {
                Ok(_) => assert!(!barred, "{action:?} although {reason}"),
                Err(refusal) => assert_eq!((barred, refusal.reason), (true, *reason), "{action:?}: {refusal}"),
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 33);
}

/// A restricted partner makes no customers and invites none by itself; as the reseller of a provider it does (L5063-5068).
#[test]
fn a_restricted_partner_invites_as_a_reseller_only() {
    let mut w = World::empty();
    w.ok(Command::EnrollReseller(c::EnrollReseller { partner_id: partner("direct") }));
    w.ok(Command::RestrictDirectBill(c::RestrictDirectBill {
        partner_id: partner("direct"),
        from: day("2018-01-01"),
        reason: "no support plan".to_owned(),
        notice: "N-1".to_owned(),
    }));
    assert_eq!(w.refused(Command::CreateCustomer(create())), Reason::PartnerRestricted);
    let invite = |by: &str, reseller: Option<&str>| {
        command!(RequestRelationship {
            partner_id: partner(by),
            delegated_admin: true,
            reseller_id: reseller.map(partner),
            expires_after_days: None,
        })
    };
    w.ok(Command::CreateCustomer(c::CreateCustomer { partner_id: partner("provider"), ..create() }));
    assert_eq!(w.refused(invite("direct", None)), Reason::PartnerRestricted);
    w.ok(command!(RemoveRelationship { partner_id: partner("provider") }));
    w.ok(invite("provider", Some("direct")));
}

/// `direct` with a subscription, a suspended one and a plan.
fn owner() -> World {
    let mut w = World::new();
    w.publish(
        vec![
            crate::offer::Offer { display_name: "Microsoft 365 Business Basic".to_owned(), ..offer("basic") },
            crate::offer::Offer { display_name: "Office 365 Enterprise E1".to_owned(), ..offer("big") },
        ],
        4,
    );
    w.give(product("plan", ProductKind::AzurePlan, 0));
    w.sell(product("tool", ProductKind::SoftwarePerpetual, 0), "100.00", crate::offer::PricePer::Term);
    let bought = vec![line("s", "e3", 5), line("off", "e1", 5), line("up", "basic", 5)];
    w.ok(buy_order(bought));
    w.at("2018-01-02").ok(suspend("off"));
    w
}

fn buy_order(lines: Vec<c::PurchaseLine>) -> Command {
    let Command::Purchase(order) = buy(lines) else { unreachable!() };
    Command::Purchase(c::Purchase { order_id: Some(order_id()), ..order })
}

fn order_id() -> crate::ids::OrderId {
    order("o")
}

fn actions() -> Vec<(Action, Command)> {
    let direct = || partner("direct");
    vec![
        (Action::OrderAzure, buy(vec![endless("p", "plan")])),
        (Action::OrderSubscription, buy(vec![line("n", "saas", 1)])),
        (Action::OrderAddOn, buy(vec![add_on("a", "phone", "s")])),
        (Action::OrderOneTime, buy(vec![endless("t", "tool")])),
        (
            Action::OpenSharedServices,
            Command::CreateSharedServices(c::CreateSharedServices {
                partner_id: direct(),
                customer_id: crate::ids::CustomerId::new("own").unwrap(),
            }),
        ),
        (Action::ChangeSeats, seats("s", 7)),
        (Action::Suspend, suspend("s")),
        (Action::Reactivate, reactivate("off")),
        (Action::Cancel, cancel("s")),
        (
            Action::ChangeFrequency,
            command!(ChangeBillingFrequency {
                partner_id: direct(),
                order_id: order_id(),
                billing_frequency: crate::offer::BillingFrequency::Annual,
                subscription_ids: Vec::new(),
            }),
        ),
        (
            Action::Upgrade,
            command!(Upgrade {
                partner_id: direct(),
                subscription_id: sub("up"),
                to_offer_id: offer_id("big"),
                new_subscription_id: None,
            }),
        ),
    ]
}
