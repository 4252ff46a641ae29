//! The state tables of partners, walked whole: every command in every state, allowed and refused with its reason.

use super::{kit::*, memberships, merges, partnerships};
use crate::{
    Command, Reason,
    partner::{CheckStanding, MembershipOffer, MembershipStanding, Partner, SuspensionTrigger, VerificationCheck},
};

/// A state by name, and the commands that lead there, each on its day.
type Path = (&'static str, Vec<(&'static str, Command)>);
/// A command by name, and what comes of it in each state: the next one, or the reason.
type Row = (&'static str, Command, Vec<Result<&'static str, Reason>>);

/// Walks a table; `on` is the day of every command under test. Gives the number of cells.
fn walk(on: &str, paths: &[Path], rows: &[Row], read: impl Fn(&World) -> &'static str) -> usize {
    let mut cells = 0;
    for (name, command, expected) in rows {
        assert_eq!(expected.len(), paths.len(), "{name} has a cell for every state");
        for ((state, path), expected) in paths.iter().zip(expected) {
            let mut w = World::new();
            for company in ["direct", "rival"] {
                w.company(company, if company == "direct" { "3000" } else { "4000" });
            }
            for (date, command) in path {
                w.on(date).ok(command);
            }
            w.on(on);
            assert_eq!(read(&w), *state, "the path to {state}");
            let outcome = w.run(command).map(|_| read(&w));
            assert_eq!(outcome, *expected, "{name} in {state}");
            cells += 1;
        }
    }
    cells
}

#[test]
fn partnership() {
    use Reason::{AdminAccessRevoked, PartnershipExists, PartnershipNotFound, PartnershipNotRequested};

    let (request, authorize) =
        (partnerships::request("provider", "reseller"), partnerships::authorize("provider", "reseller", true));
    let (revoke, end) = (partnerships::revoke("provider", "reseller"), partnerships::end("provider", "reseller", "1"));
    let day = "2019-02-01";
    let step = |commands: &[&Command]| commands.iter().map(|command| (day, (*command).clone())).collect::<Vec<_>>();
    let paths = [
        ("none", step(&[])),
        ("requested", step(&[&request])),
        ("active", step(&[&request, &authorize])),
        ("active, without access", step(&[&request, &authorize, &revoke])),
        ("ended", step(&[&request, &authorize, &end])),
    ];
    let (none, exists) = (Err(PartnershipNotFound), Err(PartnershipExists));
    let (gone, unasked) = (Err(AdminAccessRevoked), Err(PartnershipNotRequested));
    let (active, ended) = (Ok("active"), Ok("ended"));
    let rows = [
        ("request", request, vec![Ok("requested"), exists, exists, exists, Ok("requested")]),
        ("authorize", authorize, vec![unasked, active, exists, exists, unasked]),
        ("revoke access", revoke, vec![none, none, Ok("active, without access"), gone, none]),
        ("end", end, vec![none, none, ended, ended, none]),
    ];
    let read = |w: &World| {
        let known = w.partner("provider").partnerships().next().map(|(_, known)| *known);
        known.map_or("none", |known| match known.standing.name() {
            "active" if !known.admin => "active, without access",
            name => name,
        })
    };
    assert_eq!(walk("2019-02-02", &paths, &rows, read), 20);
}

#[test]
fn merge() {
    use Reason::{AccountAbsorbed, MergeClosed, MergeExists, MergeNotAccepted, MergeNotFound};

    let invite = merges::invite("direct", "4000", "m");
    let accept = merges::accept("direct", "rival", "m");
    let reject = merges::reject("direct", "rival", "m");
    let complete = merges::complete("direct", "m");
    let step = |commands: &[&Command]| commands.iter().map(|c| ("2019-02-01", (*c).clone())).collect::<Vec<_>>();
    let paths = [
        ("none", step(&[])),
        ("invited", step(&[&invite])),
        ("accepted", step(&[&invite, &accept])),
        ("merged", step(&[&invite, &accept, &complete])),
        ("rejected", step(&[&invite, &reject])),
    ];
    let (none, exists, closed) = (Err(MergeNotFound), Err(MergeExists), Err(MergeClosed));
    let rows = [
        // A rejected company may be invited again, under another id.
        ("invite", invite, vec![Ok("invited"), exists, exists, Err(AccountAbsorbed), exists]),
        ("accept", accept, vec![none, Ok("accepted"), closed, closed, closed]),
        ("reject", reject, vec![none, Ok("rejected"), closed, closed, closed]),
        ("complete", complete, vec![none, Err(MergeNotAccepted), Ok("merged"), closed, closed]),
    ];
    let read = |w: &World| w.partner("direct").merges().next().map_or("none", |(_, merge)| merge.standing.name());
    assert_eq!(walk("2019-02-02", &paths, &rows, read), 20);
}

#[test]
fn membership() {
    use Reason::{
        AutorenewLockedOff, DuplicateActionPack, InvalidValue, MembershipClosed, MembershipExists, MembershipNotFound,
        RenewalWindowClosed, RenewalWindowNotOpen,
    };

    let buy = purchase("direct", MembershipOffer::ActionPack, "m");
    let renewal = renew("direct", "m");
    let cancellation = memberships::cancel("direct", "m", false);
    let activation = memberships::activate("direct", "m", crate::partner::Benefit::CloudService);
    let stop = memberships::set_renewal("direct", "m", false);
    let start = memberships::set_renewal("direct", "m", true);
    // On 2020-09-10, bought so long before that the anniversary lies ahead, less than 30 days ago, or further back.
    let paths = [
        ("none", vec![]),
        ("active", vec![("2020-01-01", buy.clone())]),
        ("renewing", vec![("2018-12-15", buy.clone()), ("2019-12-20", renewal.clone())]),
        ("renewal_window", vec![("2019-09-01", buy.clone())]),
        ("lapsed", vec![("2019-01-05", buy.clone())]),
        ("cancelled", vec![("2020-01-01", buy.clone()), ("2020-01-02", cancellation.clone())]),
    ];
    let (none, closed, early) = (Err(MembershipNotFound), Err(MembershipClosed), Err(RenewalWindowNotOpen));
    let (late, locked, off) = (Err(RenewalWindowClosed), Err(AutorenewLockedOff), Err(InvalidValue));
    let (held, exists) = (Err(DuplicateActionPack), Err(MembershipExists));
    let (active, ended, window) = (Ok("active"), Ok("cancelled"), Ok("renewal_window"));
    let rows = [
        ("purchase", buy, vec![active, held, held, held, exists, exists]),
        ("renew", renewal, vec![none, early, early, Ok("renewing"), late, closed]),
        ("cancel", cancellation, vec![none, ended, ended, ended, closed, closed]),
        ("activate", activation, vec![none, active, Ok("renewing"), window, closed, closed]),
        ("stop renewing", stop, vec![none, off, active, off, closed, closed]),
        ("start renewing", start, vec![none, locked, locked, locked, closed, closed]),
    ];
    let read = |w: &World| {
        let known = w.partner("direct").memberships.iter().next().map(|(_, known)| known);
        known.map_or("none", |known| match known.standing(w.today()) {
            MembershipStanding::Active if known.auto_renew => "renewing",
            standing => standing.name(),
        })
    };
    assert_eq!(walk("2020-09-10", &paths, &rows, read), 36);
}

#[test]
fn verification_check() {
    let business = VerificationCheck::Business;
    let (pass, fail) = (decide_check("direct", business, true), decide_check("direct", business, false));
    let document_hash = vec![7; 32];
    let prove =
        command!(ProvideVerificationProof { partner_id: id("direct"), check: business, document_hash: document_hash });
    let restate = command!(UpdateLegalProfile { partner_id: id("direct"), legal: legal("direct", "US") });
    let paths = [
        ("started", vec![]),
        ("passed", vec![("2019-02-01", pass.clone())]),
        ("failed", vec![("2019-02-01", fail.clone())]),
    ];
    let (decided, sound) = (Err(Reason::VerificationNotOpen), Err(Reason::VerificationNotFailed));
    let rows = [
        ("pass", pass, vec![Ok("passed"), decided, decided]),
        ("fail", fail, vec![Ok("failed"), decided, decided]),
        ("prove", prove, vec![sound, sound, Ok("started")]),
        ("state again", restate, vec![Ok("started"), Ok("started"), Ok("started")]),
    ];
    let read = |w: &World| match w.partner("direct").account.verification().of(business) {
        None => "none",
        Some(CheckStanding::Started) => "started",
        Some(CheckStanding::Passed) => "passed",
        Some(CheckStanding::Failed) => "failed",
    };
    assert_eq!(walk("2019-02-02", &paths, &rows, read), 12);
}

#[test]
fn restriction_and_suspension() {
    let restrict = command!(RestrictDirectBill {
        partner_id: id("direct"),
        from: day("2019-02-02"),
        reason: "no support plan".to_owned(),
        notice: "N-1".to_owned(),
    });
    let lift = command!(LiftRestriction { partner_id: id("direct"), note: "met".to_owned() });
    let trigger = SuspensionTrigger::Abuse;
    let suspend = command!(SuspendPartner { partner_id: id("direct"), trigger: trigger, note: "abuse".to_owned() });
    let reinstate =
        command!(ReinstatePartner { partner_id: id("direct"), trigger: trigger, support_request: "1".to_owned() });
    let on = "2019-02-02";
    let paths = [
        ("good", vec![]),
        ("restricted", vec![(on, restrict.clone())]),
        ("suspended", vec![(on, suspend.clone())]),
        ("both", vec![(on, restrict.clone()), (on, suspend.clone())]),
    ];
    let (again, not) = (Err(Reason::AlreadyRestricted), Err(Reason::NotRestricted));
    let (held, free) = (Err(Reason::AlreadySuspended), Err(Reason::NotSuspended));
    let rows = [
        ("restrict", restrict, vec![Ok("restricted"), again, Ok("both"), again]),
        ("lift", lift, vec![not, Ok("good"), not, Ok("suspended")]),
        ("suspend", suspend, vec![Ok("suspended"), Ok("both"), held, held]),
        ("reinstate", reinstate, vec![free, free, Ok("good"), Ok("restricted")]),
    ];
    let standing =
        |partner: &Partner, w: &World| (partner.program.is_restricted(w.today()), !partner.suspended_by().is_empty());
    let read = |w: &World| match standing(w.partner("direct"), w) {
        (false, false) => "good",
        (true, false) => "restricted",
        (false, true) => "suspended",
        (true, true) => "both",
    };
    assert_eq!(walk(on, &paths, &rows, read), 16);
}
