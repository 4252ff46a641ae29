//! Partners: accounts, billing day, currency, issued invoices, and what they owe. One stream each.

mod cycle;
mod decide;
mod incentives;
mod invoice;
mod network;
mod number;
mod profile;
mod receivables;
mod tax;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Event,
    charge::InvoiceFamily,
    event::{InvoiceIssued, PartnerRegistered},
    ids::PartnerId,
    money::Currency,
    party::PartnerKind,
    tax::{ExemptionState, TaxExemption, TaxStanding},
};

pub use cycle::{CycleStart, billing_period_start, invoice_date};
pub use decide::decide;
pub use incentives::Incentives;
pub use invoice::{InvoiceHeader, PAYMENT_TERM_DAYS};
pub use network::Network;
pub use profile::BillingProfile;
pub use receivables::{
    AccountStanding, Certificate, CreditNoteReason, OVERDUE_DAYS_MAX, Receivable, Receivables, WithholdingCredit,
    WithholdingRelease,
};

use cycle::next_cycle;

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
    /// What it earns by programs.
    pub incentives: Incentives,
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
            incentives: Incentives::default(),
        }
    }
}

/// All partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partners {
    partners: BTreeMap<PartnerId, Partner>,
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

    /// Applies an event of any partner.
    pub fn evolve(&mut self, event: &Event) {
        if let Some(id) = receivables::concerned(event) {
            self.change(id, |partner| {
                partner.count_invoice(event);
                partner.receivables.apply(event);
            });
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
            Event::EarnedCreditBarred(e) => self.change(&e.partner_id, |partner| partner.network.bar(e.from, e.to)),
            Event::TaxExemptionRefused(e) => self.change_tax(&e.partner_id, |tax| {
                tax.answer_exemption(&e.exemption_id, ExemptionState::Refused { reason: e.reason.clone() });
            }),
            _ => {}
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

#[cfg(test)]
mod tests;
