//! Providers and their resellers.

use super::kit::*;
use crate::{Command, Reason};

pub(super) fn request(provider: &str, reseller: &str) -> Command {
    command!(RequestPartnership { provider_id: id(provider), reseller_id: id(reseller) })
}

pub(super) fn authorize(provider: &str, reseller: &str, confirmed: bool) -> Command {
    command!(AuthorizeProvider { provider_id: id(provider), reseller_id: id(reseller), confirmed: confirmed })
}

pub(super) fn revoke(provider: &str, reseller: &str) -> Command {
    command!(RevokeProviderAdmin { provider_id: id(provider), reseller_id: id(reseller) })
}

pub(super) fn end(provider: &str, reseller: &str, request: &str) -> Command {
    let support_request = request.to_owned();
    command!(EndPartnership { provider_id: id(provider), reseller_id: id(reseller), support_request: support_request })
}

#[test]
fn who_may_invite_whom() {
    let mut w = World::new();
    for (provider, reseller, reason) in [
        ("provider", "german", Reason::MarketNotAllowed),
        ("provider", "direct", Reason::PartnerTypeNotAllowed),
        ("provider", "other-provider", Reason::PartnerTypeNotAllowed),
        ("provider", "provider", Reason::PartnerTypeNotAllowed),
        ("direct", "reseller", Reason::PartnerTypeNotAllowed),
        ("reseller", "reseller", Reason::PartnerTypeNotAllowed),
        ("provider", "nobody", Reason::PartnerNotFound),
    ] {
        assert_eq!(w.refused(&request(provider, reseller)), reason, "{provider} {reseller}");
    }
    w.ok(&request("provider", "reseller"));
    w.ok(&request("other-provider", "reseller"));
    w.ok(&command!(EnrollReseller { partner_id: id("direct") }));
    w.ok(&request("provider", "direct"));
}

#[test]
fn a_box_is_ticked_and_access_can_be_taken_back_while_the_partnership_stays() {
    let mut w = World::new();
    w.ok(&request("provider", "reseller"));
    assert_eq!(w.refused(&authorize("provider", "reseller", false)), Reason::ConfirmationRequired);
    w.ok(&authorize("provider", "reseller", true));
    w.ok(&revoke("provider", "reseller"));
    assert_eq!(w.refused(&revoke("provider", "reseller")), Reason::AdminAccessRevoked);
    assert!(w.partner("provider").has_partnership(&id("reseller")));
    assert_eq!(w.refused(&end("provider", "reseller", "")), Reason::SupportRequestRequired);
    w.ok(&end("provider", "reseller", "119040921001234"));
    assert!(!w.partner("provider").has_partnership(&id("reseller")));
}
