//! The rules of the program that a ledger publishes: versions of the partner agreement, and from when rules bind (program page C04).
//!
//! The dates are data (ambiguity A01): the publisher moved them more than once. Without a publication nothing of this binds.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Event, Rejection, check,
    command::{PublishPartnerAgreement, PublishPartnerRules},
    event::{PartnerAgreementPublished, PartnerRulesPublished},
    partner::{PartnerRule, PartnerRuleRow},
};

/// Rules in one command.
pub const PARTNER_RULES_MAX: usize = 100;

/// A version of the partner agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementTerms {
    /// First day on which it can be signed.
    pub signing_from: NaiveDate,
    /// First day without new orders for who has not signed it or a later one; none while that is postponed.
    pub required_from: Option<NaiveDate>,
}

/// What is published about partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramRules {
    agreements: BTreeMap<String, AgreementTerms>,
    rules: BTreeMap<PartnerRule, NaiveDate>,
}

impl ProgramRules {
    /// A version of the partner agreement.
    pub fn agreement(&self, version: &str) -> Option<&AgreementTerms> {
        self.agreements.get(version)
    }

    /// Every version, by name.
    pub fn agreements(&self) -> impl Iterator<Item = (&str, &AgreementTerms)> {
        self.agreements.iter().map(|(version, terms)| (version.as_str(), terms))
    }

    /// The latest version that is required on a day.
    pub fn required_agreement(&self, on: NaiveDate) -> Option<(&str, &AgreementTerms)> {
        let required = self.agreements().filter(|(_, terms)| terms.required_from.is_some_and(|from| from <= on));
        required.max_by_key(|(_, terms)| terms.signing_from)
    }

    /// Whether a rule binds on a day.
    pub fn binds(&self, rule: PartnerRule, on: NaiveDate) -> bool {
        self.rules.get(&rule).is_some_and(|from| *from <= on)
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::PartnerAgreementPublished(e) => {
                let terms = AgreementTerms { signing_from: e.signing_from, required_from: e.required_from };
                self.agreements.insert(e.version.clone(), terms);
            }
            Event::PartnerRulesPublished(e) => self.rules.extend(e.rules.iter().map(|row| (row.rule, row.from))),
            _ => {}
        }
    }
}

pub(super) fn publish_agreement(command: &PublishPartnerAgreement) -> Result<Vec<Event>, Rejection> {
    check::required("version", &command.version)?;
    if command.required_from.is_some_and(|from| from < command.signing_from) {
        let message = "Nobody can have signed it before the first day on which it is signed";
        return Err(check::invalid("required_from", message).with("earliest", command.signing_from));
    }
    let PublishPartnerAgreement { version, signing_from, required_from } = command.clone();
    Ok(vec![PartnerAgreementPublished { version, signing_from, required_from }.into()])
}

pub(super) fn publish_rules(command: &PublishPartnerRules) -> Result<Vec<Event>, Rejection> {
    check::count("rules", command.rules.len(), PARTNER_RULES_MAX)?;
    for (index, PartnerRuleRow { rule, .. }) in command.rules.iter().enumerate() {
        if command.rules[..index].iter().any(|before| before.rule == *rule) {
            return Err(check::invalid(&format!("rules[{index}].rule"), "The rule stands in this command twice"));
        }
    }
    Ok(vec![PartnerRulesPublished { rules: command.rules.clone() }.into()])
}
