//! What free trials give (customers page section 2.12): offer data, because not every trial has the usual numbers (L1322-1327).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::{Event, Rejection, check, command::PublishTrials, event::TrialsPublished, ids::OfferId};

/// Days of a trial whose terms name none (L14685).
pub const TRIAL_DAYS: u32 = 30;
/// Seats of a trial whose terms name none (L14675).
pub const TRIAL_QUANTITY: u32 = 25;
/// The longest trial: six months of the longest published one, and as much again (L1322).
pub const TRIAL_DAYS_MAX: u32 = 366;
/// Terms in one command.
pub const TRIALS_MAX: usize = 1_000;

/// What a free trial gives, and what it may become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTerms {
    /// The trial offer.
    pub offer_id: OfferId,
    /// The offer it tries out.
    pub paid_offer_id: OfferId,
    /// Days; 0 for [`TRIAL_DAYS`].
    pub days: u32,
    /// Seats; 0 for [`TRIAL_QUANTITY`].
    pub quantity: u32,
    /// What it converts into; none: it runs out.
    pub convert_to_offer_ids: BTreeSet<OfferId>,
}

impl TrialTerms {
    /// Its days.
    pub fn days(&self) -> u32 {
        if self.days == 0 { TRIAL_DAYS } else { self.days }
    }

    /// Its seats.
    pub fn quantity(&self) -> u32 {
        if self.quantity == 0 { TRIAL_QUANTITY } else { self.quantity }
    }
}

pub(super) fn publish(command: &PublishTrials) -> Result<Vec<Event>, Rejection> {
    check::count("trials", command.trials.len(), TRIALS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, terms) in command.trials.iter().enumerate() {
        let field = |name: &str| format!("trials[{index}].{name}");
        if !seen.insert(&terms.offer_id) {
            let message = format!("Offer {} stands in this command twice", terms.offer_id);
            return Err(check::invalid(&field("offer_id"), message));
        }
        if terms.days > TRIAL_DAYS_MAX {
            return Err(check::invalid(&field("days"), format!("A trial has at most {TRIAL_DAYS_MAX} days")));
        }
        if terms.paid_offer_id == terms.offer_id || terms.convert_to_offer_ids.contains(&terms.offer_id) {
            return Err(check::invalid(&field("paid_offer_id"), "A trial tries out, and becomes, another offer"));
        }
    }
    Ok(vec![TrialsPublished { trials: command.trials.clone() }.into()])
}

impl Catalog {
    /// What every trial offer gives, by its id.
    pub fn trials(&self) -> impl Iterator<Item = &TrialTerms> {
        self.trials.values()
    }

    /// What a trial offer gives, as it was published last.
    pub fn trial(&self, offer_id: &OfferId) -> Option<&TrialTerms> {
        self.trials.get(offer_id)
    }
}
