//! Agreement, restriction, suspension, enrollment.

use super::kit::*;
use crate::{
    Reason,
    partner::{SuspensionTrigger, VerificationCheck},
    reference::partner_standing::{self, Action},
};

fn publish(version: &str, signing_from: &str, required_from: Option<&str>) -> crate::Command {
    command!(PublishPartnerAgreement {
        version: version.to_owned(),
        signing_from: day(signing_from),
        required_from: required_from.map(day),
    })
}

fn sign(name: &str, version: &str, on: &str) -> crate::Command {
    let signatory = format!("admin@{name}.example");
    command!(SignPartnerAgreement {
        partner_id: id(name),
        version: version.to_owned(),
        signatory: signatory,
        signed_on: day(on),
    })
}

fn may(w: &World, name: &str, action: Action) -> Result<(), Reason> {
    w.partner(name).may(action, &w.reference.catalog, w.today(), "partner_id").map_err(|refused| refused.reason)
}

/// Without the agreement nothing new is ordered from its day on, and what exists is managed (L1595, L17905).
#[test]
fn an_agreement_binds_from_its_published_day_on() {
    let mut w = World::new();
    let order = Action::OrderSubscription;
    assert_eq!(w.refused(&sign("direct", "MPA", "2019-01-01")), Reason::AgreementVersionUnknown);
    w.ok(&publish("MPA", "2019-09-01", Some("2020-02-01")));
    w.on("2020-01-31");
    assert_eq!(may(&w, "direct", order), Ok(()));
    w.on("2020-02-01");
    assert_eq!(may(&w, "direct", order), Err(Reason::PartnerAgreementMissing));
    assert_eq!(may(&w, "direct", Action::ChangeSeats), Ok(()));
    assert_eq!(w.refused(&sign("direct", "MPA", "2019-08-31")), Reason::InvalidValue, "before anybody could");
    assert_eq!(w.refused(&sign("direct", "MPA", "2020-02-02")), Reason::AcceptanceDateInFuture);
    w.ok(&sign("direct", "MPA", "2020-02-01"));
    assert_eq!(may(&w, "direct", order), Ok(()));
    assert_eq!(w.refused(&sign("direct", "MPA", "2020-02-01")), Reason::AgreementAlreadySigned);

    w.ok(&publish("MPA 2", "2020-06-01", Some("2020-09-01")));
    w.on("2020-09-01");
    assert_eq!(may(&w, "direct", order), Err(Reason::PartnerAgreementMissing), "the one before counts no more");
    w.ok(&sign("direct", "MPA 2", "2020-09-01"));
    assert_eq!(may(&w, "direct", order), Ok(()));
}

/// The publisher postponed the day without a new one (L1587).
#[test]
fn a_postponed_agreement_binds_nobody_and_only_the_global_admin_signs() {
    let mut w = World::new();
    w.company("direct", "999");
    w.ok(&publish("MPA", "2019-09-01", Some("2020-02-01")));
    w.ok(&publish("MPA", "2019-09-01", None));
    w.on("2021-01-01");
    assert_eq!(may(&w, "direct", Action::OrderSubscription), Ok(()));
    let other = command!(SignPartnerAgreement {
        partner_id: id("direct"),
        version: "MPA".to_owned(),
        signatory: "kim@direct.example".to_owned(),
        signed_on: day("2021-01-01"),
    });
    assert_eq!(w.refused(&other), Reason::NotGlobalAdmin);
    assert_eq!(w.refused(&publish("MPA 3", "2021-01-02", Some("2021-01-01"))), Reason::InvalidValue);
}

/// Whether a standing bars, with which reason, and what brings it about.
type Column<'a> = (bool, Reason, &'a dyn Fn(&mut World));

/// Every cell of the table: a partner in that standing may, or may not.
#[test]
fn the_table_of_standings_is_what_partners_may_do() {
    let restricted = |w: &mut World| {
        w.ok(&command!(RestrictDirectBill {
            partner_id: id("direct"),
            from: w.today(),
            reason: "no support plan".to_owned(),
            notice: "N-1".to_owned(),
        }));
    };
    let suspended = |w: &mut World| {
        w.ok(&suspend("direct", SuspensionTrigger::Abuse));
    };
    let unsigned = |w: &mut World| {
        w.ok(&publish("MPA", "2019-01-01", Some("2019-01-01")));
    };
    let mut cells = 0;
    for &action in Action::ALL {
        let bars = partner_standing::bars(action);
        let columns: [Column<'_>; 3] = [
            (bars.restricted, Reason::PartnerRestricted, &restricted),
            (bars.suspended, Reason::PartnerSuspended, &suspended),
            (bars.unsigned, Reason::PartnerAgreementMissing, &unsigned),
        ];
        for (barred, reason, change) in columns {
            let mut w = World::new();
            assert_eq!(may(&w, "direct", action), Ok(()), "{action:?} in good standing");
            change(&mut w);
            let expected = if barred { Err(reason) } else { Ok(()) };
            assert_eq!(may(&w, "direct", action), expected, "{action:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 63);
}

fn suspend(name: &str, trigger: SuspensionTrigger) -> crate::Command {
    command!(SuspendPartner { partner_id: id(name), trigger: trigger, note: "it happened".to_owned() })
}

fn reinstate(name: &str, trigger: SuspensionTrigger, request: &str) -> crate::Command {
    command!(ReinstatePartner { partner_id: id(name), trigger: trigger, support_request: request.to_owned() })
}

#[test]
fn each_trigger_is_lifted_by_itself() {
    let mut w = World::new();
    let (abuse, provider) = (SuspensionTrigger::Abuse, SuspensionTrigger::ProviderIssue);
    w.ok(&suspend("reseller", abuse));
    w.ok(&suspend("reseller", provider));
    assert_eq!(w.refused(&suspend("reseller", abuse)), Reason::AlreadySuspended);
    assert_eq!(w.refused(&reinstate("reseller", abuse, " ")), Reason::SupportRequestRequired);
    w.ok(&reinstate("reseller", abuse, "119040921001234"));
    assert_eq!(w.suspended_by("reseller"), ["provider_issue"].into());
    assert_eq!(may(&w, "reseller", Action::BeReseller), Err(Reason::PartnerSuspended));
    w.ok(&reinstate("reseller", provider, "119040921001235"));
    assert_eq!(may(&w, "reseller", Action::BeReseller), Ok(()));
    assert_eq!(w.refused(&reinstate("reseller", provider, "1")), Reason::NotSuspended);
    assert_eq!(w.refused(&suspend("direct", provider)), Reason::PartnerTypeNotAllowed, "resellers only (L7442)");
    for command in [suspend("direct", SuspensionTrigger::Overdue), reinstate("direct", SuspensionTrigger::Overdue, "1")]
    {
        assert_eq!(w.refused(&command), Reason::SuspensionFollowsPayments);
    }
}

#[test]
fn a_rejected_profile_suspends_until_every_check_has_passed() {
    let mut w = World::new();
    w.company("direct", "999");
    let failed = w.ok(&decide_check("direct", VerificationCheck::Business, false));
    assert_eq!(failed, ["VerificationDecided", "PartnerAccountSuspended"]);
    assert_eq!(w.suspended_by("direct"), ["profile_rejected"].into());
    let rejected = SuspensionTrigger::ProfileRejected;
    assert_eq!(
        w.refused(&reinstate("direct", rejected, "1")),
        Reason::VerificationNotOpen,
        "complete it first (L7447)"
    );
    w.ok(&command!(ProvideVerificationProof {
        partner_id: id("direct"),
        check: VerificationCheck::Business,
        document_hash: vec![7; 32],
    }));
    w.ok(&decide_check("direct", VerificationCheck::EmailOwnership, true));
    w.ok(&decide_check("direct", VerificationCheck::Employment, true));
    assert_eq!(w.suspended_by("direct"), ["profile_rejected"].into());
    let last = w.ok(&decide_check("direct", VerificationCheck::Business, true));
    assert_eq!(last, ["VerificationDecided", "PartnerAccountReinstated"]);
    assert_eq!(w.suspended_by("direct"), [].into());
}

#[test]
fn a_restriction_holds_between_its_days() {
    let mut w = World::new();
    let restrict = |from: &str| {
        let (reason, notice) = ("no managed service".to_owned(), "N-2".to_owned());
        command!(RestrictDirectBill { partner_id: id("direct"), from: day(from), reason: reason, notice: notice })
    };
    let lift = command!(LiftRestriction { partner_id: id("direct"), note: "requirements met".to_owned() });
    w.on("2019-03-01");
    assert_eq!(w.refused(&restrict("2019-02-28")), Reason::InvalidValue);
    assert_eq!(w.refused(&lift), Reason::NotRestricted);
    w.ok(&restrict("2019-03-10"));
    assert_eq!(may(&w, "direct", Action::OrderOneTime), Ok(()), "it has not begun");
    w.on("2019-03-10");
    assert_eq!(may(&w, "direct", Action::OrderOneTime), Err(Reason::PartnerRestricted));
    assert_eq!(w.refused(&restrict("2019-04-01")), Reason::AlreadyRestricted);
    w.on("2019-05-01").ok(&lift);
    assert_eq!(may(&w, "direct", Action::OrderOneTime), Ok(()));
    let other = command!(RestrictDirectBill {
        partner_id: id("provider"),
        from: day("2019-05-01"),
        reason: "x".to_owned(),
        notice: "N".to_owned(),
    });
    assert_eq!(w.refused(&other), Reason::PartnerTypeNotAllowed);
}

#[test]
fn a_direct_partner_enrolls_as_a_reseller_for_good() {
    let mut w = World::new();
    let enroll = |name: &str| command!(EnrollReseller { partner_id: id(name) });
    assert!(!w.partner("direct").is_reseller());
    w.ok(&enroll("direct"));
    assert!(w.partner("direct").is_reseller());
    assert_eq!(w.refused(&enroll("direct")), Reason::ResellerAlreadyEnrolled);
    assert_eq!(w.refused(&enroll("provider")), Reason::PartnerTypeNotAllowed);
    assert_eq!(w.refused(&enroll("reseller")), Reason::PartnerTypeNotAllowed);
}
