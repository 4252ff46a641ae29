//! What a partner may do in the program: agreement, restriction, suspension, enrollment (program page C04, C05, C17; accounts page
//! section 2.3). Which action each of them bars says a table of the reference data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{AccountStanding, OVERDUE_DAYS_MAX, Partner, verification::Verification};
use crate::{
    Context, Event, Reason, Rejection,
    catalog::Catalog,
    check,
    command::{
        EnrollReseller, LiftRestriction, ReinstatePartner, RestrictDirectBill, SignPartnerAgreement, SuspendPartner,
    },
    event::{
        DirectBillRestricted, PartnerAccountReinstated, PartnerAccountSuspended, PartnerAgreementSigned,
        ResellerEnrolled, RestrictionLifted,
    },
    party::PartnerKind,
    reference::partner_standing::{self, Action},
};

/// Restrictions that one partner ever had.
const RESTRICTIONS_MAX: usize = 1_000;

/// Why an account is suspended (L7440-7443).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SuspensionTrigger {
    /// Something is more than 60 days overdue.
    Overdue,
    /// The account was abused.
    Abuse,
    /// The provider of a reseller has issues that hurt the account.
    ProviderIssue,
    /// The company's verification failed.
    ProfileRejected,
}

impl SuspensionTrigger {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Abuse => "abuse",
            Self::ProviderIssue => "provider_issue",
            Self::ProfileRejected => "profile_rejected",
        }
    }
}

/// A time in which direct bill was restricted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// First day.
    pub from: NaiveDate,
    /// First day without; none while it goes on.
    pub until: Option<NaiveDate>,
    /// Which requirement is missed.
    pub reason: String,
    /// Reference of the notice.
    pub notice: String,
}

/// One partner's standing in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    signed: BTreeMap<String, (NaiveDate, String)>,
    enrolled_on: Option<NaiveDate>,
    restrictions: Vec<Restriction>,
    /// What suspends the account beside a debt, and since when.
    holds: BTreeMap<SuspensionTrigger, NaiveDate>,
}

impl Program {
    /// Versions of the partner agreement that it signed: the day and who signed.
    pub fn signed(&self) -> impl Iterator<Item = (&str, NaiveDate, &str)> {
        self.signed.iter().map(|(version, (on, signatory))| (version.as_str(), *on, signatory.as_str()))
    }

    /// Since when a direct bill partner is enrolled as a reseller too.
    pub fn enrolled_on(&self) -> Option<NaiveDate> {
        self.enrolled_on
    }

    /// Every time in which it was restricted, the last at the end.
    pub fn restrictions(&self) -> &[Restriction] {
        &self.restrictions
    }

    /// Whether its direct bill is restricted on a day.
    pub fn is_restricted(&self, on: NaiveDate) -> bool {
        self.restrictions.iter().any(|known| known.from <= on && known.until.is_none_or(|until| on < until))
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::PartnerAgreementSigned(e) => {
                self.signed.insert(e.version.clone(), (e.signed_on, e.signatory.clone()));
            }
            Event::ResellerEnrolled(e) => self.enrolled_on = Some(e.enrolled_on),
            Event::DirectBillRestricted(e) => {
                let (reason, notice) = (e.reason.clone(), e.notice.clone());
                self.restrictions.push(Restriction { from: e.from, until: None, reason, notice });
            }
            Event::RestrictionLifted(e) => {
                if let Some(open) = self.restrictions.iter_mut().find(|known| known.until.is_none()) {
                    open.until = Some(e.from);
                }
            }
            Event::PartnerAccountSuspended(e) => {
                self.holds.extend(beside_debts(e.trigger).map(|trigger| (trigger, e.since)));
            }
            Event::PartnerAccountReinstated(e) => {
                beside_debts(e.trigger).map(|trigger| self.holds.remove(&trigger));
            }
            _ => {}
        }
    }

    fn open_restriction(&self) -> Option<&Restriction> {
        self.restrictions.iter().find(|known| known.until.is_none())
    }
}

/// The trigger, if it is no debt: those are what the receivables say.
pub(super) fn beside_debts(trigger: Option<SuspensionTrigger>) -> Option<SuspensionTrigger> {
    trigger.filter(|trigger| *trigger != SuspensionTrigger::Overdue)
}

impl Partner {
    /// What suspends the account; nothing in good standing.
    pub fn suspended_by(&self) -> BTreeSet<SuspensionTrigger> {
        let overdue = self.receivables.standing() == AccountStanding::Suspended;
        let overdue = overdue.then_some(SuspensionTrigger::Overdue);
        overdue.into_iter().chain(self.program.holds.keys().copied()).collect()
    }

    /// Whether the partner has signed what is required on a day.
    pub fn has_signed(&self, catalog: &Catalog, on: NaiveDate) -> bool {
        let program = catalog.program();
        let Some((_, required)) = program.required_agreement(on) else { return true };
        self.program.signed.iter().any(|(version, (signed_on, _))| {
            *signed_on <= on
                && program.agreement(version).is_some_and(|known| known.signing_from >= required.signing_from)
        })
    }

    /// Whether the partner works as a reseller: its kind, or an enrollment beside direct bill (L5116).
    pub fn is_reseller(&self) -> bool {
        self.kind == PartnerKind::IndirectReseller || self.program.enrolled_on.is_some()
    }

    /// Whether nothing bars an action: a suspension first, then the agreement, then a restriction of direct bill.
    pub fn may(
        &self,
        action: Action,
        catalog: &Catalog,
        on: NaiveDate,
        field: impl fmt::Display,
    ) -> Result<(), Rejection> {
        let (bars, id) = (partner_standing::bars(action), &self.partner_id);
        let refuse = |reason, message: String| Err(Rejection::of_field(reason, &field, message).with("partner_id", id));
        if bars.suspended && self.receivables.standing() == AccountStanding::Suspended {
            let message =
                format!("{id} is suspended: it has invoices more than {OVERDUE_DAYS_MAX} days overdue; pay them first");
            return refuse(Reason::PartnerSuspended, message);
        }
        if bars.suspended && !self.program.holds.is_empty() {
            let triggers = self.program.holds.keys().map(|trigger| trigger.name()).collect::<Vec<_>>().join(",");
            let message =
                format!("{id} is suspended ({triggers}): it manages what it has and sells nothing new (L7434)");
            return refuse(Reason::PartnerSuspended, message).map_err(|refused| refused.with("triggers", triggers));
        }
        if bars.unsigned && !self.has_signed(catalog, on) {
            let version = catalog.program().required_agreement(on).map(|(version, _)| version).unwrap_or_default();
            let message = format!("{id} has not signed the partner agreement {version}, which is required on {on}");
            return refuse(Reason::PartnerAgreementMissing, message)
                .map_err(|refused| refused.with("version", version));
        }
        if bars.restricted && self.program.is_restricted(on) {
            let message =
                format!("Direct bill of {id} is restricted: it manages what it has and buys nothing new (L5037-5064)");
            return refuse(Reason::PartnerRestricted, message);
        }
        Ok(())
    }
}

/// A version that is published, by the global admin where there is one (L4657).
pub(super) fn sign(
    partner: &Partner,
    catalog: &Catalog,
    command: &SignPartnerAgreement,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let (on, version) = (command.signed_on, &command.version);
    check::required("signatory", &command.signatory)?;
    let Some(published) = catalog.program().agreement(version) else {
        let known: Vec<_> = catalog.program().agreements().map(|(version, _)| version).collect();
        let message = format!("No partner agreement {version:?} is published; {} is", known.join(", "));
        return Err(
            Rejection::field(Reason::AgreementVersionUnknown, "version", message).with("versions", known.join(","))
        );
    };
    if let Some((signed_on, _)) = partner.program.signed.get(version) {
        let message = format!("{} signed {version} on {signed_on}", partner.partner_id);
        return Err(Rejection::field(Reason::AgreementAlreadySigned, "version", message));
    }
    if on > context.effective_on() {
        let message = format!("A signature is dated {} or earlier", context.effective_on());
        return Err(Rejection::field(Reason::AcceptanceDateInFuture, "signed_on", message));
    }
    if on < published.signing_from {
        let message = format!("{version} is signed from {} on", published.signing_from);
        return Err(check::invalid("signed_on", message).with("earliest", published.signing_from));
    }
    if let Some(admin) = partner.account.global_admin()
        && admin != command.signatory
    {
        let message = format!("Only the global admin signs (L4657); that is {admin}");
        return Err(Rejection::field(Reason::NotGlobalAdmin, "signatory", message));
    }
    let SignPartnerAgreement { partner_id, version, signatory, signed_on } = command.clone();
    Ok(vec![PartnerAgreementSigned { partner_id, version, signatory, signed_on }.into()])
}

/// The beginning of the way from direct bill to indirect reseller: both on one tenant, for good (L5116, L5120).
pub(super) fn enroll(partner: &Partner, command: &EnrollReseller, context: &Context) -> Result<Vec<Event>, Rejection> {
    direct(partner, "partner_id")?;
    if let Some(enrolled_on) = partner.program.enrolled_on {
        let message = format!("{} is enrolled as a reseller since {enrolled_on}", partner.partner_id);
        return Err(Rejection::field(Reason::ResellerAlreadyEnrolled, "partner_id", message));
    }
    let partner_id = command.partner_id.clone();
    Ok(vec![ResellerEnrolled { partner_id, enrolled_on: context.effective_on() }.into()])
}

fn direct(partner: &Partner, field: &str) -> Result<(), Rejection> {
    if partner.kind == PartnerKind::DirectBill {
        return Ok(());
    }
    let message = format!("{} is no direct bill partner", partner.partner_id);
    Err(Rejection::field(Reason::PartnerTypeNotAllowed, field, message))
}

pub(super) fn restrict(
    partner: &Partner,
    command: &RestrictDirectBill,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    direct(partner, "partner_id")?;
    if let Some(open) = partner.program.open_restriction() {
        let message = format!("{} is restricted from {} on", partner.partner_id, open.from);
        return Err(Rejection::field(Reason::AlreadyRestricted, "partner_id", message).with("from", open.from));
    }
    if command.from < context.effective_on() {
        let message = format!("A restriction begins on {} or later", context.effective_on());
        return Err(check::invalid("from", message));
    }
    if partner.program.restrictions.len() >= RESTRICTIONS_MAX {
        let message = format!("A partner has at most {RESTRICTIONS_MAX} restrictions");
        return Err(check::invalid("partner_id", message).with("maximum", RESTRICTIONS_MAX));
    }
    check::required("reason", &command.reason)?;
    check::required("notice", &command.notice)?;
    let RestrictDirectBill { partner_id, from, reason, notice } = command.clone();
    Ok(vec![DirectBillRestricted { partner_id, from, reason, notice }.into()])
}

pub(super) fn lift(partner: &Partner, command: &LiftRestriction, context: &Context) -> Result<Vec<Event>, Rejection> {
    check::required("note", &command.note)?;
    let Some(open) = partner.program.open_restriction() else {
        let message = format!("{} is not restricted", partner.partner_id);
        return Err(Rejection::field(Reason::NotRestricted, "partner_id", message));
    };
    // One that has not begun never does.
    let from = context.effective_on().max(open.from);
    let LiftRestriction { partner_id, note } = command.clone();
    Ok(vec![RestrictionLifted { partner_id, from, note }.into()])
}

fn follows_payments(trigger: SuspensionTrigger) -> Result<(), Rejection> {
    if trigger != SuspensionTrigger::Overdue {
        return Ok(());
    }
    let message = "What is overdue is found by the review of a day, and reinstated by the payment";
    Err(Rejection::field(Reason::SuspensionFollowsPayments, "trigger", message))
}

pub(super) fn suspend(partner: &Partner, command: &SuspendPartner, context: &Context) -> Result<Vec<Event>, Rejection> {
    follows_payments(command.trigger)?;
    check::required("note", &command.note)?;
    if command.trigger == SuspensionTrigger::ProviderIssue && !partner.is_reseller() {
        let message = format!("{} is no indirect reseller; a provider's issues suspend only those", partner.partner_id);
        return Err(Rejection::field(Reason::PartnerTypeNotAllowed, "trigger", message));
    }
    if let Some(since) = partner.program.holds.get(&command.trigger) {
        let message = format!("{} is suspended for that since {since}", partner.partner_id);
        return Err(Rejection::field(Reason::AlreadySuspended, "trigger", message).with("since", since));
    }
    Ok(vec![suspended(partner, command.trigger, context.effective_on(), &command.note)])
}

fn suspended(partner: &Partner, trigger: SuspensionTrigger, since: NaiveDate, note: &str) -> Event {
    let (partner_id, note) = (partner.partner_id.clone(), note.chars().take(check::TEXT_CHARS_MAX).collect());
    let (invoice_numbers, overdue, trigger) = (Vec::new(), Vec::new(), Some(trigger));
    PartnerAccountSuspended { partner_id, invoice_numbers, overdue, since, trigger, note }.into()
}

fn reinstated(partner: &Partner, trigger: SuspensionTrigger, since: NaiveDate, basis: &str) -> Event {
    let (partner_id, basis) = (partner.partner_id.clone(), basis.chars().take(check::TEXT_CHARS_MAX).collect());
    PartnerAccountReinstated { partner_id, since, trigger: Some(trigger), basis }.into()
}

/// A support request asks for it (L7451). A rejected profile must be complete first (L7447).
pub(super) fn reinstate(
    partner: &Partner,
    command: &ReinstatePartner,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    follows_payments(command.trigger)?;
    support_request(&command.support_request)?;
    if !partner.program.holds.contains_key(&command.trigger) {
        let message = format!("{} is not suspended for that", partner.partner_id);
        return Err(Rejection::field(Reason::NotSuspended, "trigger", message));
    }
    if command.trigger == SuspensionTrigger::ProfileRejected && partner.account.verification.is_rejected() {
        let message = "A check of the verification stands failed; a document or another legal profile opens it again";
        return Err(Rejection::field(Reason::VerificationNotOpen, "trigger", message));
    }
    Ok(vec![reinstated(partner, command.trigger, context.effective_on(), &command.support_request)])
}

/// What only support does needs the number of a request.
pub(super) fn support_request(text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        let message = "Only support does this: name the support request";
        return Err(Rejection::field(Reason::SupportRequestRequired, "support_request", message));
    }
    check::optional("support_request", text)
}

/// What the verification after an answer means for the account.
pub(super) fn profile_hold(partner: &Partner, after: &Verification, on: NaiveDate, note: &str) -> Option<Event> {
    let trigger = SuspensionTrigger::ProfileRejected;
    match partner.program.holds.contains_key(&trigger) {
        false if after.is_rejected() => Some(suspended(partner, trigger, on, note)),
        true if after.is_authorized() => Some(reinstated(partner, trigger, on, "verification authorized")),
        _ => None,
    }
}
