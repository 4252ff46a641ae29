//! Memberships: window, reminders, renewal by itself, refunds, the rule of spring 2020.

use proptest::prelude::*;

use super::kit::*;
use crate::{
    Command, Event, Reason,
    partner::{Benefit, MembershipOffer, MembershipPayment, MembershipReminder, MembershipStanding},
};

pub(super) fn set_renewal(name: &str, membership_id: &str, auto_renew: bool) -> Command {
    let membership_id = membership(membership_id);
    command!(SetMembershipRenewal { partner_id: id(name), membership_id: membership_id, auto_renew: auto_renew })
}

pub(super) fn cancel(name: &str, membership_id: &str, refund: bool) -> Command {
    command!(CancelMembership {
        partner_id: id(name),
        membership_id: membership(membership_id),
        support_request: "119040921001234".to_owned(),
        refund: refund,
    })
}

pub(super) fn activate(name: &str, membership_id: &str, benefit: Benefit) -> Command {
    let membership_id = membership(membership_id);
    command!(ActivateBenefit { partner_id: id(name), membership_id: membership_id, benefit: benefit })
}

fn company() -> World {
    let mut w = World::new();
    w.company("direct", "3000");
    w
}

fn anniversary(w: &World, membership_id: &str) -> chrono::NaiveDate {
    let wanted = membership(membership_id);
    w.partner("direct").memberships.iter().find(|(id, _)| **id == wanted).unwrap().1.anniversary
}

fn standing(w: &World, membership_id: &str, on: &str) -> MembershipStanding {
    let wanted = membership(membership_id);
    w.partner("direct").memberships.iter().find(|(id, _)| **id == wanted).unwrap().1.standing(day(on))
}

/// Golden vector G2 and the derived ones of section 3.2: A = 2019-09-01.
#[test]
fn the_printed_days_hold() {
    let mut w = company();
    w.reference.catalog.evolve(&crate::event::DayClosed { date: day("2018-08-31") }.into());
    w.on("2018-09-01").ok(&purchase("direct", MembershipOffer::ActionPack, "m"));
    assert_eq!(anniversary(&w, "m"), day("2019-09-01"));
    w.on("2019-09-01");
    assert_eq!(w.refused(&renew("direct", "m")), Reason::RenewalWindowNotOpen);
    assert_eq!(standing(&w, "m", "2019-09-01"), MembershipStanding::Active);
    assert_eq!(standing(&w, "m", "2019-09-02"), MembershipStanding::RenewalWindow);
    assert_eq!(standing(&w, "m", "2019-10-01"), MembershipStanding::RenewalWindow);
    assert_eq!(standing(&w, "m", "2019-10-02"), MembershipStanding::Lapsed);
    let reminders = w.on("2019-09-24").decide(&review("direct", "2019-09-24")).unwrap();
    let days = reminders.iter().map(|event| match event {
        Event::MembershipReminded(e) => (e.reminder, e.reminded_on),
        other => panic!("{other:?}"),
    });
    let days: Vec<_> = days.collect();
    let expected = [
        (MembershipReminder::BeforeAnniversary, day("2019-08-17")),
        (MembershipReminder::BeforeClose, day("2019-09-24")),
    ];
    assert_eq!(days, expected);
    w.on("2019-10-01").ok(&renew("direct", "m"));
    assert_eq!(anniversary(&w, "m"), day("2020-08-31"), "365 days after it, not a year after the payment");
    w.on("2019-10-02");
    assert_eq!(w.refused(&renew("direct", "m")), Reason::RenewalWindowNotOpen);
}

#[test]
fn what_is_not_renewed_lapses_and_cannot_be_renewed() {
    let mut w = company();
    w.on("2018-09-01").ok(&purchase("direct", MembershipOffer::ActionPack, "m"));
    w.on("2019-10-02");
    assert_eq!(w.refused(&renew("direct", "m")), Reason::RenewalWindowClosed, "before its timer ran");
    assert_eq!(w.ok(&review("direct", "2019-10-02")), ["MembershipReminded", "MembershipReminded", "MembershipLapsed"]);
    assert_eq!(w.refused(&renew("direct", "m")), Reason::RenewalWindowClosed);
    assert_eq!(w.ok(&review("direct", "2019-10-02")), [""; 0], "a review that comes twice says nothing");
    w.ok(&purchase("direct", MembershipOffer::ActionPack, "again"));
}

#[test]
fn an_action_pack_renews_by_itself_after_it_was_renewed_until_that_is_turned_off() {
    let mut w = company();
    w.on("2018-09-01").ok(&purchase("direct", MembershipOffer::ActionPack, "m"));
    assert_eq!(w.refused(&set_renewal("direct", "m", false)), Reason::InvalidValue, "it does not yet");
    w.on("2019-09-02").ok(&renew("direct", "m"));
    w.on("2020-09-01");
    assert_eq!(w.ok(&review("direct", "2020-09-01")), ["MembershipReminded", "MembershipRenewed"]);
    assert_eq!(anniversary(&w, "m"), day("2021-08-31"));
    w.ok(&set_renewal("direct", "m", false));
    assert_eq!(w.refused(&set_renewal("direct", "m", true)), Reason::AutorenewLockedOff);
    w.on("2021-09-01");
    assert_eq!(w.ok(&review("direct", "2021-09-01")), ["MembershipReminded"]);
    w.ok(&renew("direct", "m"));
    w.ok(&set_renewal("direct", "m", false));
}

#[test]
fn a_competency_never_renews_by_itself() {
    let mut w = company();
    w.on("2018-09-01").ok(&purchase("direct", MembershipOffer::GoldCompetency, "g"));
    w.on("2019-09-02").ok(&renew("direct", "g"));
    w.on("2020-09-01");
    assert_eq!(w.ok(&review("direct", "2020-09-01")), ["MembershipReminded"]);
}

/// Golden vector G5.
#[test]
fn money_goes_back_within_thirty_days_unless_software_was_activated() {
    let mut w = company();
    w.on("2019-03-01").ok(&purchase("direct", MembershipOffer::ActionPack, "m"));
    w.on("2019-03-31").ok(&activate("direct", "m", Benefit::Technical));
    assert_eq!(w.ok(&cancel("direct", "m", true)), ["MembershipCancelled"]);
    assert_eq!(w.refused(&cancel("direct", "m", false)), Reason::MembershipClosed);
    assert_eq!(w.refused(&renew("direct", "m")), Reason::MembershipClosed);

    w.on("2019-05-01").ok(&purchase("direct", MembershipOffer::ActionPack, "n"));
    w.on("2019-06-01");
    assert_eq!(w.refused(&cancel("direct", "n", true)), Reason::RefundWindowExpired);
    w.on("2019-05-20").ok(&activate("direct", "n", Benefit::Software));
    assert_eq!(w.refused(&activate("direct", "n", Benefit::Software)), Reason::BenefitAlreadyActivated);
    assert_eq!(w.refused(&cancel("direct", "n", true)), Reason::BenefitsActivated);
    w.ok(&cancel("direct", "n", false));
}

/// Golden vector G4: a competency of spring 2020 whose window was missed comes back with its fee, up to 2020-06-30.
#[test]
fn a_lapsed_competency_of_spring_2020_is_reactivated_by_its_fee() {
    let mut w = company();
    w.on("2019-03-01").ok(&purchase("direct", MembershipOffer::SilverCompetency, "s"));
    w.ok(&purchase("direct", MembershipOffer::ActionPack, "p"));
    w.on("2020-06-30");
    w.ok(&review("direct", "2020-06-30"));
    assert_eq!(standing(&w, "s", "2020-06-30"), MembershipStanding::Lapsed);
    assert_eq!(w.refused(&renew("direct", "p")), Reason::RenewalWindowClosed, "competencies only");
    let events = w.decide(&renew("direct", "s")).unwrap();
    let [Event::MembershipRenewed(renewed)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((renewed.anniversary, renewed.reactivated), (day("2021-02-28"), true));
    w.on("2020-07-01");
    assert_eq!(w.refused(&renew("direct", "s")), Reason::RenewalWindowClosed);
}

#[test]
fn what_is_needed_to_buy() {
    let mut w = World::new();
    let pack = purchase("direct", MembershipOffer::ActionPack, "m");
    assert_eq!(w.refused(&pack), Reason::GlobalAccountMissing);
    let open =
        command!(OpenGlobalAccount { partner_id: id("direct"), pga_mpn_id: mpn("3000"), legal: legal("d", "US") });
    w.ok(&open);
    assert_eq!(w.refused(&pack), Reason::NoGlobalAdmin);
    w.ok(&verify_domain("direct"));
    let Command::PurchaseMembership(mut transfer) = pack.clone() else { unreachable!() };
    transfer.payment = MembershipPayment::BankTransfer;
    let rejection = w.decide(&Command::PurchaseMembership(transfer.clone())).unwrap_err();
    assert_eq!((rejection.reason, rejection.metadata["field"].as_str()), (Reason::RequiredFieldMissing, "payer"));
    transfer.payer = Some(contact("ada@company.example"));
    w.ok(&Command::PurchaseMembership(transfer));
    assert_eq!(w.refused(&purchase("direct", MembershipOffer::ActionPack, "n")), Reason::DuplicateActionPack);
    assert_eq!(w.refused(&purchase("direct", MembershipOffer::GoldCompetency, "m")), Reason::MembershipExists);
    w.ok(&purchase("direct", MembershipOffer::GoldCompetency, "g"));
    assert_eq!(w.refused(&purchase("direct", MembershipOffer::GoldCompetency, "h")), Reason::DuplicateCompetency);
}

proptest! {
    /// Days reviewed one by one and days reviewed at once come to the same memberships, whatever is done in between.
    #[test]
    fn a_late_review_comes_to_the_same(
        steps in prop::collection::vec((0_u32..200, 0_u8..5), 1..12),
        start in 0_u32..900,
    ) {
        let first = crate::calendar::add_days(day("2018-01-01"), start);
        let [mut daily, mut late] = [company(), company()];
        for w in [&mut daily, &mut late] {
            w.at(first).ok(&purchase("direct", MembershipOffer::ActionPack, "m"));
        }
        let mut today = first;
        for (wait, action) in steps {
            let next = crate::calendar::add_days(today, wait);
            for date in today.iter_days().take_while(|date| *date < next) {
                daily.at(date).ok(&review("direct", &date.to_string()));
            }
            if let Some(yesterday) = next.pred_opt().filter(|yesterday| *yesterday >= today) {
                late.at(yesterday).ok(&review("direct", &yesterday.to_string()));
            }
            today = next;
            let command = match action {
                0 | 1 => renew("direct", "m"),
                2 => set_renewal("direct", "m", false),
                3 => activate("direct", "m", Benefit::Software),
                _ => set_renewal("direct", "m", true),
            };
            let [one, other] = [&mut daily, &mut late].map(|w| w.at(today).run(&command));
            prop_assert_eq!(one, other);
            prop_assert_eq!(&daily.partner("direct").memberships, &late.partner("direct").memberships);
            let known = daily.partner("direct").memberships.iter().next().unwrap().1.clone();
            prop_assert!(known.anniversary >= first);
            prop_assert_eq!((known.anniversary - first).num_days() % 365, 0);
        }
    }
}
