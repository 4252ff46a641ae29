//! What a partner has proved about its taxes, and from when it counts (billing-details.md 2.10).
//!
//! Whatever changes, changes with the next billing cycle (L9731, L9733, L9735): lines before are not touched, and no invoice is stamped
//! again.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{TaxDocumentKind, TaxRateRow, TaxTreatment, region};
use crate::{charge::InvoiceFamily, event::TaxExemptionSubmitted, ids::ExemptionId, partner::CycleStart};

/// What kind of number a tax id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxIdKind {
    /// A VAT registration; its form is checked, and once validated it changes how VAT is charged.
    Vat,
    /// Any other company tax id; kept, without effect on what is charged.
    Other,
}

impl TaxIdKind {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vat => "VAT id",
            Self::Other => "company tax id",
        }
    }
}

/// Where a tax id stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaxIdState {
    /// Given; without effect.
    Submitted,
    /// Accepted by the provider.
    Validated {
        /// First day it counts.
        from: CycleStart,
    },
    /// Not accepted, or not any more.
    Rejected {
        /// Why.
        reason: String,
        /// The days it counted, if it was valid before: up to the day before the second.
        counted: Option<(CycleStart, CycleStart)>,
    },
}

/// A tax id of a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId {
    /// What kind of number.
    pub kind: TaxIdKind,
    /// Capital letters and digits.
    pub value: String,
    /// Where it stands.
    pub state: TaxIdState,
}

impl TaxId {
    fn counts(&self, family: InvoiceFamily, on: NaiveDate) -> bool {
        match &self.state {
            TaxIdState::Validated { from } => from.of(family) <= on,
            TaxIdState::Rejected { counted: Some((from, end)), .. } => from.of(family) <= on && on < end.of(family),
            TaxIdState::Submitted | TaxIdState::Rejected { counted: None, .. } => false,
        }
    }
}

/// Where an exemption stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExemptionState {
    /// Asked for.
    Submitted,
    /// Holds for a time.
    Granted {
        /// First day.
        from: CycleStart,
        /// Last day, included; none for as long as the partner wants.
        to: Option<NaiveDate>,
    },
    /// Not given.
    Refused {
        /// Why.
        reason: String,
    },
}

/// An exemption from one tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxExemption {
    /// In this region only; none for the whole country.
    pub region: Option<String>,
    /// The name of the tax, as its rates have it.
    pub tax: String,
    /// What proves it.
    pub document_kind: TaxDocumentKind,
    /// SHA-256 of the document.
    pub document_hash: Vec<u8>,
    /// Where it stands.
    pub state: ExemptionState,
}

/// Everything about a partner's taxes but its country.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxStanding {
    /// Regions of the business address, with the first day each counts; in the order stated.
    regions: Vec<(CycleStart, Option<String>)>,
    ids: Vec<TaxId>,
    exemptions: BTreeMap<ExemptionId, TaxExemption>,
}

impl TaxStanding {
    /// The region whose taxes hold for lines of that family on that day.
    pub fn region_on(&self, family: InvoiceFamily, on: NaiveDate) -> Option<&str> {
        let holding = self.regions.iter().rev().find(|(from, _)| from.of(family) <= on);
        holding.and_then(|(_, region)| region.as_deref())
    }

    /// The region stated last.
    pub fn region(&self) -> Option<&str> {
        self.regions.last().and_then(|(_, region)| region.as_deref())
    }

    /// Whether a region was ever stated.
    pub fn has_region(&self) -> bool {
        self.regions.iter().any(|(_, region)| region.is_some())
    }

    /// States a region.
    pub(crate) fn set_region(&mut self, region: Option<String>, from: CycleStart) {
        if self.region() != region.as_deref() {
            self.regions.push((from, region));
        }
    }

    /// Every tax id, in the order submitted; of each kind those that have, or had, an effect and the newest.
    pub fn ids(&self) -> &[TaxId] {
        &self.ids
    }

    /// The newest id of that kind and value.
    pub fn id(&self, kind: TaxIdKind, value: &str) -> Option<&TaxId> {
        self.ids.iter().rev().find(|id| id.kind == kind && id.value == value)
    }

    /// The id that was validated last and not rejected since.
    pub fn valid_id(&self, kind: TaxIdKind) -> Option<&TaxId> {
        let valid = |id: &&TaxId| id.kind == kind && matches!(id.state, TaxIdState::Validated { .. });
        self.ids.iter().rev().find(valid)
    }

    /// Whether an id of that kind is validated, even if it counts from the next cycle only.
    pub fn has_valid_id(&self, kind: TaxIdKind) -> bool {
        self.valid_id(kind).is_some()
    }

    pub(crate) fn submit_id(&mut self, kind: TaxIdKind, value: String) {
        // What never had an effect is replaced.
        self.ids.retain(|id| {
            let without_effect = matches!(id.state, TaxIdState::Submitted | TaxIdState::Rejected { counted: None, .. });
            id.kind != kind || !without_effect
        });
        self.ids.push(TaxId { kind, value, state: TaxIdState::Submitted });
    }

    pub(crate) fn validate_id(&mut self, kind: TaxIdKind, value: &str, from: CycleStart) {
        if let Some(id) = self.id_mut(kind, value) {
            id.state = TaxIdState::Validated { from };
        }
    }

    pub(crate) fn reject_id(&mut self, kind: TaxIdKind, value: &str, reason: String, end: CycleStart) {
        if let Some(id) = self.id_mut(kind, value) {
            let counted = match id.state {
                TaxIdState::Validated { from } => Some((from, end)),
                TaxIdState::Submitted | TaxIdState::Rejected { .. } => None,
            };
            id.state = TaxIdState::Rejected { reason, counted };
        }
    }

    fn id_mut(&mut self, kind: TaxIdKind, value: &str) -> Option<&mut TaxId> {
        self.ids.iter_mut().rev().find(|id| id.kind == kind && id.value == value)
    }

    /// Every exemption ever asked for, by id.
    pub fn exemptions(&self) -> impl Iterator<Item = (&ExemptionId, &TaxExemption)> {
        self.exemptions.iter()
    }

    /// One exemption.
    pub fn exemption(&self, id: &ExemptionId) -> Option<&TaxExemption> {
        self.exemptions.get(id)
    }

    pub(crate) fn submit_exemption(&mut self, id: ExemptionId, exemption: TaxExemption) {
        self.exemptions.insert(id, exemption);
    }

    pub(crate) fn answer_exemption(&mut self, id: &ExemptionId, state: ExemptionState) {
        if let Some(exemption) = self.exemptions.get_mut(id) {
            exemption.state = state;
        }
    }

    /// How a tax is treated instead of being charged; none if it is charged.
    pub(super) fn instead(
        &self,
        country: &str,
        row: &TaxRateRow,
        family: InvoiceFamily,
        on: NaiveDate,
    ) -> Option<TaxTreatment> {
        let with_id = || {
            let counts = self.ids.iter().any(|id| id.kind == TaxIdKind::Vat && id.counts(family, on));
            if counts { region::with_tax_id(country, &row.tax, on) } else { None }
        };
        let exempt = || {
            let region = self.region_on(family, on);
            let covers = |exemption: &TaxExemption| {
                let here = exemption.region.is_none() || exemption.region.as_deref() == region;
                let now = match &exemption.state {
                    ExemptionState::Granted { from, to } => from.of(family) <= on && to.is_none_or(|last| on <= last),
                    ExemptionState::Submitted | ExemptionState::Refused { .. } => false,
                };
                here && now && exemption.tax.eq_ignore_ascii_case(&row.tax)
            };
            self.exemptions.values().any(covers).then_some(TaxTreatment::Exempt)
        };
        with_id().or_else(exempt)
    }
}

impl From<&TaxExemptionSubmitted> for TaxExemption {
    fn from(e: &TaxExemptionSubmitted) -> Self {
        Self {
            region: e.region.clone(),
            tax: e.tax.clone(),
            document_kind: e.document_kind,
            document_hash: e.document_hash.clone(),
            state: ExemptionState::Submitted,
        }
    }
}
