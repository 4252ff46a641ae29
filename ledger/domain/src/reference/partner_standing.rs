//! What a partner may still do whose direct bill is restricted, whose account is suspended, or who has not signed the partner
//! agreement (program page C04 and C05, accounts page section 2.3): a table, one row for each kind of action.
//!
//! Where the pages leave an action open, it manages what exists and is allowed (ambiguities A11 and A27): seats may be added, and a
//! subscription reactivated, cancelled, billed otherwise or upgraded.

use std::{collections::BTreeMap, sync::LazyLock};

/// `action,restricted,suspended,unsigned,source_lines`.
const TABLE: &str = include_str!("../../data/partner-standing.csv");

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What a partner wants to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As the table spells it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

actions! {
    /// A new Azure subscription or plan.
    OrderAzure = "order_azure",
    /// Any other new subscription.
    OrderSubscription = "order_subscription",
    /// A new add-on of a subscription.
    OrderAddOn = "order_add_on",
    /// Software or a reservation.
    OrderOneTime = "order_one_time",
    /// A tenant for its own use.
    OpenSharedServices = "open_shared_services",
    /// A free trial.
    StartTrial = "start_trial",
    /// Paying for a trial.
    ConvertTrial = "convert_trial",
    /// A reservation for another.
    ExchangeReservation = "exchange_reservation",
    /// Subscriptions of another partner.
    TakeOver = "take_over",
    /// A new customer.
    CreateCustomer = "create_customer",
    /// Asking a customer for a relationship.
    InviteDirectly = "invite_directly",
    /// The same as the reseller of a provider.
    InviteAsReseller = "invite_as_reseller",
    /// Being named as the reseller of something new.
    BeReseller = "be_reseller",
    /// More or fewer seats of what exists.
    ChangeSeats = "change_seats",
    /// Suspending a subscription.
    Suspend = "suspend",
    /// Bringing it back.
    Reactivate = "reactivate",
    /// Ending it.
    Cancel = "cancel",
    /// Another billing frequency.
    ChangeFrequency = "change_frequency",
    /// Another offer by the upgrade table.
    Upgrade = "upgrade",
    /// Resources under an existing Azure subscription.
    UseAzure = "use_azure",
    /// Renewal by itself.
    Renew = "renew",
}

/// Which standings bar an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars {
    /// Of a direct bill partner that is restricted.
    pub restricted: bool,
    /// Of an account that is suspended.
    pub suspended: bool,
    /// Of a partner that has not signed the required agreement.
    pub unsigned: bool,
    /// Lines of the source.
    pub source_lines: &'static str,
}

static ROWS: LazyLock<BTreeMap<&'static str, Bars>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(text: &'static str) -> Option<(&'static str, Bars)> {
    let cells: Vec<_> = text.split(',').collect();
    let [action, restricted, suspended, unsigned, source_lines] = cells.try_into().ok()?;
    let bars = |cell| match cell {
        "refuse" => Some(true),
        "allow" => Some(false),
        _ => None,
    };
    let (restricted, suspended, unsigned) = (bars(restricted)?, bars(suspended)?, bars(unsigned)?);
    Some((action, Bars { restricted, suspended, unsigned, source_lines }))
}

/// What bars an action. One that has no row is barred by everything: nobody said that it may be done.
pub fn bars(action: Action) -> Bars {
    let all = Bars { restricted: true, suspended: true, unsigned: true, source_lines: "" };
    ROWS.get(action.label()).copied().unwrap_or(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_row() {
        assert_eq!(ROWS.len(), TABLE.lines().count() - 1);
        assert_eq!(ROWS.len(), Action::ALL.len());
        for action in Action::ALL {
            assert!(ROWS.contains_key(action.label()), "{}", action.label());
        }
    }

    /// Golden vector G9 of the program page, but for sandboxes, which the ledger does not have.
    #[test]
    fn the_printed_table_of_a_restricted_partner_holds() {
        let refused = [
            Action::OrderAzure,
            Action::OrderSubscription,
            Action::OrderAddOn,
            Action::OrderOneTime,
            Action::OpenSharedServices,
            Action::CreateCustomer,
            Action::InviteDirectly,
        ];
        let allowed = [Action::InviteAsReseller, Action::Suspend, Action::ChangeSeats, Action::UseAzure, Action::Renew];
        assert!(refused.into_iter().all(|action| bars(action).restricted));
        assert!(allowed.into_iter().all(|action| !bars(action).restricted));
    }
}
