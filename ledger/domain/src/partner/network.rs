//! Whether a partner may earn credit: its agreement in the partner network, and times in which it is barred
//! (azure-marketplace-software.md 2.18, 2.19).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Partner;
use crate::{
    Event, Reason, Rejection, check,
    command::{BarEarnedCredit, RecordNetworkAgreement},
    event::{EarnedCreditBarred, NetworkAgreementRecorded},
};

/// Facts of one partner.
const FACTS_MAX: usize = 1_000;

/// A partner's standing in the partner network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Whether it is a member by its id, until a fact says otherwise.
    member: bool,
    /// From each day on.
    agreement: BTreeMap<NaiveDate, bool>,
    /// First and last day, the last included.
    bars: Vec<(NaiveDate, Option<NaiveDate>)>,
}

impl Network {
    /// A partner with an id in the network has its agreement (L13656), until a fact says otherwise.
    pub(super) fn of(mpn_id: &str) -> Self {
        Self { member: !mpn_id.is_empty(), ..Self::default() }
    }

    /// Whether its agreement is active for all of a day.
    pub fn has_agreement(&self, on: NaiveDate) -> bool {
        self.agreement.range(..=on).next_back().map_or(self.member, |(_, active)| *active)
    }

    /// Whether it may not earn on a day (L13630).
    pub fn is_barred(&self, on: NaiveDate) -> bool {
        self.bars.iter().any(|(from, to)| *from <= on && to.is_none_or(|to| on <= to))
    }

    pub(super) fn record(&mut self, from: NaiveDate, active: bool) {
        self.agreement.insert(from, active);
    }

    pub(super) fn bar(&mut self, from: NaiveDate, to: Option<NaiveDate>) {
        self.bars.push((from, to));
    }

    fn has_room(&self) -> Result<(), Rejection> {
        if self.agreement.len() + self.bars.len() < FACTS_MAX {
            return Ok(());
        }
        let message = format!("A partner has at most {FACTS_MAX} facts about its standing in the network");
        Err(Rejection::field(Reason::InvalidValue, "partner_id", message).with("maximum", FACTS_MAX))
    }
}

pub(super) fn agreement(partner: &Partner, command: &RecordNetworkAgreement) -> Result<Vec<Event>, Rejection> {
    partner.network.has_room()?;
    let RecordNetworkAgreement { partner_id, from, active } = command.clone();
    Ok(vec![NetworkAgreementRecorded { partner_id, from, active }.into()])
}

pub(super) fn bar(partner: &Partner, command: &BarEarnedCredit) -> Result<Vec<Event>, Rejection> {
    partner.network.has_room()?;
    check::required("reason", &command.reason)?;
    if command.to.is_some_and(|to| to < command.from) {
        return Err(check::invalid("to", "The last day is not before the first"));
    }
    let BarEarnedCredit { partner_id, from, to, reason } = command.clone();
    Ok(vec![EarnedCreditBarred { partner_id, from, to, reason }.into()])
}
