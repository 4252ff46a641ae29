//! Random histories of partners: whatever is asked in whatever order, these hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{kit::*, memberships, merges, partnerships};
use crate::{
    Command, Event,
    ids::MpnId,
    partner::{Benefit, MembershipOffer, Partners, SuspensionTrigger, VerificationCheck},
    reference::partner_standing::Action,
};

const NAMES: [&str; 5] = ["provider", "reseller", "direct", "rival", "german"];

/// A command out of a few numbers; many of them are refused in most states.
fn command(kind: u8, one: usize, other: usize, flag: bool) -> Command {
    let (name, target) = (NAMES[one % NAMES.len()], NAMES[other % NAMES.len()]);
    let pga = |name: &str| format!("9{}", NAMES.iter().position(|known| *known == name).unwrap());
    let merge_name = format!("m{}", other % 3);
    let trigger = if flag { SuspensionTrigger::Abuse } else { SuspensionTrigger::ProviderIssue };
    let checks = VerificationCheck::ALL;
    match kind % 17 {
        0 => {
            let country = if name == "german" { "DE" } else { "US" };
            command!(OpenGlobalAccount {
                partner_id: id(name),
                pga_mpn_id: mpn(&pga(name)),
                legal: legal(name, country)
            })
        }
        1 => command!(AddLocation {
            partner_id: id(name),
            mpn_id: mpn(&format!("7{}", other % 7)),
            name: "Place".to_owned(),
            address: None,
            contact: None,
        }),
        2 => verify_domain(name),
        3 => decide_check(name, checks[other % checks.len()], flag),
        4 => partnerships::request(name, target),
        5 => partnerships::authorize(name, target, flag),
        6 => partnerships::revoke(name, target),
        7 => partnerships::end(name, target, "1"),
        8 => merges::invite(name, &pga(target), &merge_name),
        9 => merges::accept(name, target, &merge_name),
        10 => merges::reject(name, target, &merge_name),
        11 => merges::complete(name, &merge_name),
        12 => purchase(name, MembershipOffer::ActionPack, &format!("p{}", other % 3)),
        13 => renew(name, &format!("p{}", other % 3)),
        14 => memberships::activate(name, &format!("p{}", other % 3), Benefit::Software),
        15 if flag => command!(SuspendPartner { partner_id: id(name), trigger: trigger, note: "x".to_owned() }),
        15 => command!(ReinstatePartner { partner_id: id(name), trigger: trigger, support_request: "1".to_owned() }),
        _ => command!(EnrollReseller { partner_id: id(name) }),
    }
}

fn locations(partners: &Partners) -> BTreeMap<MpnId, String> {
    let of = |(name, partner): (&crate::ids::PartnerId, &crate::partner::Partner)| {
        let name = name.to_string();
        let global = partner.account.global().map(|global| global.mpn_id.clone());
        let all = global.into_iter().chain(partner.account.locations().map(|(id, _)| id.clone()));
        all.map(|id| (id, name.clone())).collect::<Vec<_>>()
    };
    partners.iter().flat_map(of).collect()
}

fn holds(w: &World, before: &BTreeMap<MpnId, String>) -> Result<(), TestCaseError> {
    let partners = &w.reference.partners;
    let after = locations(partners);
    for (id, whose) in before {
        prop_assert_eq!(after.get(id), Some(whose), "a location stays with who brought it");
    }
    let count = partners.iter().map(|(_, partner)| partner.account.locations().count()).sum::<usize>();
    let globals = partners.iter().filter(|(_, partner)| partner.account.global().is_some()).count();
    prop_assert_eq!(after.len(), count + globals, "an id of the network is one account's");
    for (id, partner) in partners.iter() {
        let company = partners.company_of(id);
        prop_assert_eq!(partners.company_of(company), company, "two levels only");
        let rules = [Action::OrderSubscription, Action::BeReseller, Action::ChangeSeats];
        let may = rules.map(|action| partner.may(action, &w.reference.catalog, w.today(), "f").is_ok());
        let suspended = !partner.suspended_by().is_empty();
        prop_assert_eq!(may, [!suspended, !suspended, true]);
        for (reseller_id, known) in partner.partnerships() {
            let reseller = partners.get(reseller_id).unwrap();
            prop_assert!(reseller.is_reseller() && reseller.country == partner.country);
            prop_assert!(!known.admin || partner.has_partnership(reseller_id));
        }
        let open = partner.memberships.iter().filter(|(_, known)| known.standing(w.today()).name() == "active");
        prop_assert!(open.filter(|(_, known)| !known.dropped).count() <= 1, "one action pack");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_its_promises(
        steps in prop::collection::vec((any::<u8>(), 0_usize..5, 0_usize..9, any::<bool>(), 0_u32..40), 1..80),
    ) {
        let mut w = World::new();
        let mut journal: Vec<Event> = Vec::new();
        let begin = w.reference.partners.clone();
        for (kind, one, other, flag, wait) in steps {
            let before = locations(&w.reference.partners);
            let state = w.reference.partners.clone();
            let today = crate::calendar::add_days(w.today(), wait);
            w.at(today);
            let command = command(kind, one, other, flag);
            if let Ok(events) = w.decide(&command) {
                for event in events {
                    w.reference.partners.evolve(&event);
                    journal.push(event);
                }
            } else {
                prop_assert_eq!(&w.reference.partners, &state, "a refusal changes nothing");
            }
            holds(&w, &before)?;
        }
        let mut again = begin;
        journal.iter().for_each(|event| again.evolve(event));
        prop_assert_eq!(again, w.reference.partners, "the history folded again is the same");
    }
}
