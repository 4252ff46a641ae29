//! Whether a partner is told of budgets that are used up. The switch and the address are the partner's, not a customer's (billing-details.md
//! 2.14, L11038-11040).

use serde::{Deserialize, Serialize};

use super::profile;
use crate::{Event, Reason, Rejection, command::SwitchBudgetNotice, event::BudgetNoticeSwitched};

/// The switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetNotice {
    /// Whether it is told.
    pub on: bool,
    /// Where; empty before it said.
    pub email: String,
}

/// Who said nothing yet is told.
impl Default for BudgetNotice {
    fn default() -> Self {
        Self { on: true, email: String::new() }
    }
}

pub(super) fn switch(command: &SwitchBudgetNotice) -> Result<Vec<Event>, Rejection> {
    let invalid = |message| Rejection::field(Reason::EmailInvalid, "email", message);
    if command.on && command.email.is_empty() {
        return Err(invalid("Notices need an address, such as name@company.example".to_owned()));
    }
    profile::email("email", &command.email).map_err(|rejection| invalid(rejection.message))?;
    let SwitchBudgetNotice { partner_id, on, email } = command.clone();
    Ok(vec![BudgetNoticeSwitched { partner_id, on, email }.into()])
}
