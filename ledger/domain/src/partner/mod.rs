//! Partners: accounts, billing day, currency, issued invoices, what they owe, and what they may do in the program. One stream each.

mod account;
mod coop;
mod cycle;
mod decide;
mod incentives;
mod invoice;
mod membership;
mod merge;
mod network;
mod notice;
mod number;
mod partnership;
mod profile;
mod program;
mod receivables;
mod roles;
mod tax;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Event, Reason, Rejection,
    charge::InvoiceFamily,
    event::{InvoiceIssued, PartnerRegistered, RoleRemoved},
    ids::{MergeId, PartnerId},
    money::Currency,
    party::PartnerKind,
    tax::{ExemptionState, TaxExemption, TaxStanding},
};

pub use account::{Absorbed, Account, GlobalAccount, LOCATIONS_MAX, LegalProfile, Location};
pub use coop::Coop;
pub use cycle::{CycleStart, billing_period_start, cycle_end, invoice_date};
pub use decide::decide;
pub use incentives::Incentives;
pub use invoice::{InvoiceHeader, PAYMENT_TERM_DAYS};
pub use membership::{
    Benefit, Membership, MembershipOffer, MembershipPayment, MembershipReminder, MembershipResolution,
    MembershipStanding, Memberships,
};
pub use merge::{Merge, MergeStanding};
pub use network::Network;
pub use notice::BudgetNotice;
pub use partnership::{Partnership, PartnershipStanding};
pub use profile::BillingProfile;
pub use program::{Program, Restriction, SuspensionTrigger};
pub use receivables::{
    AccountStanding, Certificate, CreditNoteReason, OVERDUE_DAYS_MAX, Receivable, Receivables, WithholdingCredit,
    WithholdingRelease,
};
pub use roles::{APPLICATION, GRANTS_MAX, Grant, PRINCIPAL_BYTES_MAX, PRINCIPAL_KINDS, Roles};

pub use verification::{CheckStanding, Verification, VerificationCheck};

use cycle::next_cycle;

/// A rule that a ledger may begin without, and binds from a published day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PartnerRule {
    /// An order comes from a location of the partner (L7274, L4524).
    LocationRequired,
    /// A provider names only resellers that authorized it, and brings only those customers in (L17637, L5217).
    PartnershipRequired,
}

/// From when a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerRuleRow {
    /// Which rule.
    pub rule: PartnerRule,
    /// First day.
    pub from: NaiveDate,
}

/// One partner's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its id.
    pub partner_id: PartnerId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: PartnerKind,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Billing currency.
    pub currency: Currency,
    /// 1 to 31, clamped to the month's last day; never changes (L9838).
    pub billing_day: u32,
    /// May be empty.
    pub mpn_id: String,
    /// The day of the registration.
    pub registered_on: NaiveDate,
    /// What was issued, for each family and currency.
    pub issued: BTreeMap<(InvoiceFamily, Currency), Issued>,
    /// What it stated about itself last.
    pub profile: Option<BillingProfile>,
    /// What it proved about its taxes.
    pub tax: TaxStanding,
    /// What it owes and has paid.
    pub receivables: Receivables,
    /// Whether it may earn credit.
    pub network: Network,
    /// The company behind it.
    pub account: Account,
    /// What it may do in the program.
    pub program: Program,
    /// What it bought for years of membership.
    pub memberships: Memberships,
    partnerships: BTreeMap<PartnerId, Partnership>,
    merges: BTreeMap<MergeId, Merge>,
    /// Its co-op funds and what it claims of them.
    pub coop: Coop,
    /// What it earns by programs.
    pub incentives: Incentives,
    /// Who has which role in its account.
    pub roles: Roles,
    /// Whether it is told of budgets that are used up.
    pub budget_notice: BudgetNotice,
}

/// The invoices of one family and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// How many there are; the next has the next number.
    pub count: u64,
    /// First day of the last one's period.
    pub period_start: NaiveDate,
    /// The day after its last; the next period starts here.
    pub period_end: NaiveDate,
}

impl From<&PartnerRegistered> for Partner {
    fn from(e: &PartnerRegistered) -> Self {
        Self {
            partner_id: e.partner_id.clone(),
            name: e.name.clone(),
            kind: e.kind,
            country: e.country.clone(),
            currency: e.currency,
            billing_day: e.billing_day,
            mpn_id: e.mpn_id.clone(),
            registered_on: e.registered_on,
            issued: BTreeMap::new(),
            profile: None,
            tax: TaxStanding::default(),
            receivables: Receivables::default(),
            network: Network::of(&e.mpn_id),
            account: Account::from(e),
            program: Program::default(),
            memberships: Memberships::default(),
            partnerships: BTreeMap::new(),
            merges: BTreeMap::new(),
            coop: Coop::default(),
            incentives: Incentives::default(),
            roles: Roles::default(),
            budget_notice: BudgetNotice::default(),
        }
    }
}

/// All partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partners {
    partners: BTreeMap<PartnerId, Partner>,
    /// Where each principal has a role: what is asked for each call.
    principals: BTreeMap<String, BTreeSet<PartnerId>>,
}

impl Partners {
    /// One partner.
    pub fn get(&self, id: &PartnerId) -> Option<&Partner> {
        self.partners.get(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&PartnerId, &Partner)> {
        self.partners.iter()
    }

    /// Where a principal has a role.
    pub fn of_principal(&self, principal: &str) -> impl Iterator<Item = &Partner> {
        self.principals.get(principal).into_iter().flatten().filter_map(|id| self.partners.get(id))
    }

    /// Applies an event of any partner.
    pub fn evolve(&mut self, event: &Event) {
        if let Some(id) = receivables::concerned(event) {
            self.change(id, |partner| {
                partner.count_invoice(event);
                partner.receivables.apply(event);
            });
        }
        if let Some(id) = business(event) {
            self.change(id, |partner| partner.apply_business(event));
        }
        if let Some(id) = coop::concerned(event) {
            self.change(id, |partner| partner.coop.apply(event));
        }
        if let Some(id) = incentives::concerned(event) {
            self.change(id, |partner| partner.incentives.apply(event));
        }
        match event {
            Event::PartnerRegistered(e) => {
                self.partners.insert(e.partner_id.clone(), Partner::from(e));
            }
            Event::BillingProfileUpdated(e) => self.change(&e.partner_id, |partner| {
                partner.tax.set_region(e.profile.region(), e.region_from);
                partner.profile = Some(e.profile.clone());
            }),
            Event::TaxIdSubmitted(e) => self.change_tax(&e.partner_id, |tax| tax.submit_id(e.kind, e.value.clone())),
            Event::TaxIdValidated(e) => {
                self.change_tax(&e.partner_id, |tax| tax.validate_id(e.kind, &e.value, e.effective_from));
            }
            Event::TaxIdRejected(e) => self.change_tax(&e.partner_id, |tax| {
                tax.reject_id(e.kind, &e.value, e.reason.clone(), e.effective_from);
            }),
            Event::TaxExemptionSubmitted(e) => self.change_tax(&e.partner_id, |tax| {
                tax.submit_exemption(e.exemption_id.clone(), TaxExemption::from(e));
            }),
            Event::TaxExemptionGranted(e) => self.change_tax(&e.partner_id, |tax| {
                tax.answer_exemption(&e.exemption_id, ExemptionState::Granted { from: e.from, to: e.to });
            }),
            Event::NetworkAgreementRecorded(e) => self.change(&e.partner_id, |partner| {
                partner.network.record(e.from, e.active);
            }),
            Event::RoleAssigned(e) => {
                self.change(&e.partner_id, |partner| partner.roles.assign(e));
                self.principals.entry(e.principal.clone()).or_default().insert(e.partner_id.clone());
            }
            Event::RoleRemoved(e) => self.remove_role(e),
            Event::BudgetNoticeSwitched(e) => self.change(&e.partner_id, |partner| {
                partner.budget_notice = BudgetNotice { on: e.on, email: e.email.clone() };
            }),
            Event::EarnedCreditBarred(e) => self.change(&e.partner_id, |partner| partner.network.bar(e.from, e.to)),
            Event::TaxExemptionRefused(e) => self.change_tax(&e.partner_id, |tax| {
                tax.answer_exemption(&e.exemption_id, ExemptionState::Refused { reason: e.reason.clone() });
            }),
            Event::AccountsMerged(e) => self.merge(e),
            _ => {}
        }
    }

    fn remove_role(&mut self, e: &RoleRemoved) {
        self.change(&e.partner_id, |partner| partner.roles.remove(e));
        let left = self.get(&e.partner_id).is_some_and(|partner| partner.roles.of(&e.principal).next().is_some());
        if let Some(partners) = self.principals.get_mut(&e.principal).filter(|_| !left) {
            partners.remove(&e.partner_id);
            if partners.is_empty() {
                self.principals.remove(&e.principal);
            }
        }
    }

    fn change(&mut self, id: &PartnerId, change: impl FnOnce(&mut Partner)) {
        if let Some(partner) = self.partners.get_mut(id) {
            change(partner);
        }
    }

    fn change_tax(&mut self, id: &PartnerId, change: impl FnOnce(&mut TaxStanding)) {
        self.change(id, |partner| change(&mut partner.tax));
    }
}

impl Partner {
    /// Applies what is neither about money nor about tax.
    fn apply_business(&mut self, event: &Event) {
        self.account.apply(event);
        self.program.apply(event);
        self.memberships.apply(event);
        self.apply_partnership(event);
        self.apply_merge(event);
    }

    /// The id is that of a location of the partner.
    pub(crate) fn check_location(&self, mpn_id: &str, field: &str) -> Result<(), Rejection> {
        if self.account.locations().any(|(id, _)| id.as_str() == mpn_id) {
            return Ok(());
        }
        let message = format!("{mpn_id:?} is no location of partner {} in the partner network", self.partner_id);
        Err(Rejection::field(Reason::MpnIdNotLocation, field, message))
    }

    fn count_invoice(&mut self, event: &Event) {
        let (issued, period) = match event {
            Event::InvoiceIssued(e) => (e, Some((e.period_start, e.period_end))),
            // It has the period of the invoice it replaces, and a number of its own.
            Event::InvoiceRebilled(e) => (&e.invoice, None),
            _ => return,
        };
        let InvoiceIssued { family, currency, period_start, period_end, .. } = *issued;
        let before = self.issued.get(&(family, currency)).copied();
        let count = before.map_or(0, |before| before.count) + 1;
        let last = before.map(|before| (before.period_start, before.period_end));
        let (period_start, period_end) = period.or(last).unwrap_or((period_start, period_end));
        self.issued.insert((family, currency), Issued { count, period_start, period_end });
    }
}

/// Whether an event is about what a partner owes or pays, and not about its standing.
pub fn is_money(event: &Event) -> bool {
    let standing = business(event).is_some() || matches!(event, Event::PartnerBecameDelinquent(_));
    receivables::concerned(event).is_some() && !standing
}

/// The partner whose account, standing, memberships or bonds an event is about.
pub fn business(event: &Event) -> Option<&PartnerId> {
    match event {
        Event::GlobalAccountOpened(e) => Some(&e.partner_id),
        Event::LocationAdded(e) => Some(&e.partner_id),
        Event::LegalProfileUpdated(e) => Some(&e.partner_id),
        Event::HeadquartersMoved(e) => Some(&e.partner_id),
        Event::DomainVerified(e) => Some(&e.partner_id),
        Event::VerificationDecided(e) => Some(&e.partner_id),
        Event::VerificationProofProvided(e) => Some(&e.partner_id),
        Event::AccountConsolidated(e) => Some(&e.partner_id),
        Event::SharedServicesCreated(e) => Some(&e.partner_id),
        Event::PartnerAgreementSigned(e) => Some(&e.partner_id),
        Event::ResellerEnrolled(e) => Some(&e.partner_id),
        Event::DirectBillRestricted(e) => Some(&e.partner_id),
        Event::RestrictionLifted(e) => Some(&e.partner_id),
        Event::PartnerAccountSuspended(e) => Some(&e.partner_id),
        Event::PartnerAccountReinstated(e) => Some(&e.partner_id),
        Event::PartnershipRequested(e) => Some(&e.provider_id),
        Event::PartnershipAuthorized(e) => Some(&e.provider_id),
        Event::ProviderAdminRevoked(e) => Some(&e.provider_id),
        Event::PartnershipEnded(e) => Some(&e.provider_id),
        Event::MergeInvited(e) => Some(&e.partner_id),
        Event::MergeAccepted(e) => Some(&e.partner_id),
        Event::MergeRejected(e) => Some(&e.partner_id),
        Event::AccountsMerged(e) => Some(&e.partner_id),
        Event::MembershipPurchased(e) => Some(&e.partner_id),
        Event::MembershipRenewed(e) => Some(&e.partner_id),
        Event::MembershipRenewalStopped(e) => Some(&e.partner_id),
        Event::MembershipCancelled(e) => Some(&e.partner_id),
        Event::BenefitActivated(e) => Some(&e.partner_id),
        Event::MembershipReminded(e) => Some(&e.partner_id),
        Event::MembershipLapsed(e) => Some(&e.partner_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
