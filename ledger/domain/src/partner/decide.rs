//! Decisions about one partner.

use super::{
    Partner, account, coop, incentives, invoice, membership, merge, network, notice, partnership, profile, program,
    receivables, roles, tax, verification,
};
use crate::{
    Command, Context, Event, Reason, Reference, Rejection, check,
    command::{RegisterPartner, Target},
    event::PartnerRegistered,
    ids::PartnerId,
    reference::market,
};

/// Decides a command about one partner; `state` is none before it is registered. The catalog of `reference` says what documents print
/// and which rules bind. Its partners are the other ones: a bond between two is decided on one of them, from what is known of the other.
pub fn decide(
    state: Option<&Partner>,
    reference: &Reference,
    command: &Command,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    check::time(context)?;
    match command {
        Command::RegisterPartner(command) => register(state, command, context),
        Command::IssueInvoice(c) => invoice::issue(registered_one(state, &c.partner_id)?, &reference.catalog, c),
        Command::UpdateBillingProfile(c) => profile::update(registered_one(state, &c.partner_id)?, c, context),
        Command::SwitchBudgetNotice(c) => {
            registered_one(state, &c.partner_id)?;
            notice::switch(c)
        }
        Command::SubmitTaxId(c) => tax::submit_id(registered_one(state, &c.partner_id)?, c),
        Command::ValidateTaxId(c) => tax::validate_id(registered_one(state, &c.partner_id)?, c, context),
        Command::RejectTaxId(c) => tax::reject_id(registered_one(state, &c.partner_id)?, c, context),
        Command::SubmitTaxExemption(c) => tax::submit_exemption(registered_one(state, &c.partner_id)?, c, context),
        Command::GrantTaxExemption(c) => tax::grant_exemption(registered_one(state, &c.partner_id)?, c, context),
        Command::RefuseTaxExemption(c) => tax::refuse_exemption(registered_one(state, &c.partner_id)?, c),
        Command::RecordNetworkAgreement(c) => network::agreement(registered_one(state, &c.partner_id)?, c),
        Command::AssignRole(c) => roles::assign(registered_one(state, &c.partner_id)?, c),
        Command::RemoveRole(c) => roles::remove(registered_one(state, &c.partner_id)?, c),
        Command::BarEarnedCredit(c) => network::bar(registered_one(state, &c.partner_id)?, c),
        _ => {
            let Target::Partner(partner_id) = command.target() else { return Err(check::misdirected("partner")) };
            let partner = registered_one(state, partner_id)?;
            business(partner, reference, command, context)
                .or_else(|| receivables::decide(partner, &reference.catalog, command, context))
                .or_else(|| coop::decide(partner, reference, command, context))
                .or_else(|| incentives::decide(partner, &reference.catalog, command, context))
                .unwrap_or_else(|| Err(check::misdirected("partner")))
        }
    }
}

/// Decides about account, standing, bonds and memberships; none if the command is about something else.
fn business(
    partner: &Partner,
    reference: &Reference,
    command: &Command,
    context: &Context,
) -> Option<Result<Vec<Event>, Rejection>> {
    let catalog = &reference.catalog;
    Some(match command {
        Command::OpenGlobalAccount(c) => account::open(partner, reference, c, context),
        Command::AddLocation(c) => account::add_location(partner, reference, c, context),
        Command::UpdateLegalProfile(c) => account::update_legal(partner, c, context),
        Command::MoveHeadquarters(c) => account::move_headquarters(partner, c),
        Command::VerifyDomain(c) => account::verify_domain(partner, c, context),
        Command::ConsolidateAccount(c) => account::consolidate(partner, reference, c, context),
        Command::CreateSharedServices(c) => account::create_shared_services(partner, reference, c, context),
        Command::DecideVerification(c) => verification::decide(partner, c, context),
        Command::ProvideVerificationProof(c) => verification::prove(partner, c),
        Command::SignPartnerAgreement(c) => program::sign(partner, catalog, c, context),
        Command::EnrollReseller(c) => program::enroll(partner, c, context),
        Command::RestrictDirectBill(c) => program::restrict(partner, c, context),
        Command::LiftRestriction(c) => program::lift(partner, c, context),
        Command::SuspendPartner(c) => program::suspend(partner, c, context),
        Command::ReinstatePartner(c) => program::reinstate(partner, c, context),
        Command::RequestPartnership(c) => partnership::request(partner, reference, c, context),
        Command::AuthorizeProvider(c) => partnership::authorize(partner, c, context),
        Command::RevokeProviderAdmin(c) => partnership::revoke_admin(partner, c, context),
        Command::EndPartnership(c) => partnership::end(partner, c, context),
        Command::InviteMerge(c) => merge::invite(partner, reference, c, context),
        Command::AcceptMerge(c) => merge::accept(partner, c, context),
        Command::RejectMerge(c) => merge::reject(partner, c, context),
        Command::CompleteMerge(c) => merge::complete(partner, reference, c, context),
        Command::PurchaseMembership(c) => membership::purchase(partner, reference, c, context),
        Command::RenewMembership(c) => membership::renew(partner, reference, c, context),
        Command::SetMembershipRenewal(c) => membership::set_renewal(partner, c, context),
        Command::CancelMembership(c) => membership::cancel(partner, c, context),
        Command::ActivateBenefit(c) => membership::activate(partner, c, context),
        Command::ReviewMemberships(c) => membership::review(partner, c, context),
        _ => return None,
    })
}

fn registered_one<'a>(state: Option<&'a Partner>, id: &PartnerId) -> Result<&'a Partner, Rejection> {
    state.ok_or_else(|| {
        let message = format!("There is no partner {id}");
        Rejection::field(Reason::PartnerNotFound, "partner_id", message)
    })
}

fn register(state: Option<&Partner>, command: &RegisterPartner, context: &Context) -> Result<Vec<Event>, Rejection> {
    if state.is_some() {
        let message = format!("Partner {} is registered already", command.partner_id);
        return Err(Rejection::field(Reason::PartnerAlreadyExists, "partner_id", message));
    }
    check::required("name", &command.name)?;
    check::optional("mpn_id", &command.mpn_id)?;
    if !(1..=31).contains(&command.billing_day) {
        return Err(check::invalid("billing_day", "The billing day is a day of the month, 1 to 31"));
    }
    let Some(country) = market::country(&command.country) else {
        let message =
            format!("{:?} is in no market: two capital letters of a listed country are, such as DE", command.country);
        return Err(Rejection::field(Reason::MarketNotAllowed, "country", message));
    };
    match country.currency {
        Some(currency) if currency != command.currency => {
            let message = format!("A partner in {} is billed in {currency}", command.country);
            Err(Rejection::field(Reason::CurrencyMismatch, "currency", message).with("currency", currency))
        }
        None if !market::is_known_currency(command.currency) => {
            let message = format!("{} is no currency of ISO 4217 in use", command.currency);
            Err(Rejection::field(Reason::CurrencyMismatch, "currency", message))
        }
        _ => Ok(vec![registered(command, context).into()]),
    }
}

fn registered(command: &RegisterPartner, context: &Context) -> PartnerRegistered {
    let RegisterPartner { partner_id, name, kind, country, currency, billing_day, mpn_id } = command.clone();
    let registered_on = context.effective_on();
    PartnerRegistered { partner_id, name, kind, country, currency, billing_day, mpn_id, registered_on }
}
