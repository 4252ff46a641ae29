//! Roles: what a person may be in a partner's account (accounts-roles-offers-incentives.md 2.8.1), and which of them a grant may be
//! narrowed to. What a role may do stands in the permission matrix of the services.

use serde::{Deserialize, Serialize};

/// Where a role comes from, which decides who may give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoleFamily {
    /// Of the tenant (L7536-7568).
    Tenant,
    /// Of the reseller programme.
    Reseller,
    /// Of the company: not of the tenant's directory.
    Company,
    /// Of the reports (L7685-7686).
    Insights,
    /// Not of a partner at all: the customer itself.
    Customer,
}

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $short:literal, $family:ident, $scope:ident;)*) => {
        /// A role.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Role { $($(#[$doc])* $variant,)* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable name, as lists and refusals carry it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Its abbreviation in the source pages and in the permission matrix.
            pub fn short(self) -> &'static str {
                match self { $(Self::$variant => $short,)* }
            }

            /// Where it comes from.
            pub fn family(self) -> RoleFamily {
                match self { $(Self::$variant => RoleFamily::$family,)* }
            }

            /// Whether it may be given for some locations of the partner only (L3169, L3384, L16077).
            pub fn takes_locations(self) -> bool {
                match self { $(Self::$variant => $scope,)* }
            }
        }
    };
}

/// May be given for locations.
const LOCATIONS: bool = true;
/// Holds for the company as a whole.
const COMPANY: bool = false;

roles! {
    /// Global admin.
    GlobalAdmin = "global_admin", "GA", Tenant, COMPANY;
    /// User management admin.
    UserAdmin = "user_admin", "UMA", Tenant, COMPANY;
    /// Admin agent.
    AdminAgent = "admin_agent", "AA", Reseller, COMPANY;
    /// Billing admin.
    BillingAdmin = "billing_admin", "BA", Reseller, COMPANY;
    /// Sales agent.
    SalesAgent = "sales_agent", "SA", Reseller, COMPANY;
    /// Helpdesk agent.
    HelpdeskAgent = "helpdesk_agent", "HA", Reseller, COMPANY;
    /// Partner admin in the partner network.
    NetworkAdmin = "network_admin", "MPA", Company, COMPANY;
    /// Account admin.
    AccountAdmin = "account_admin", "ACC", Company, COMPANY;
    /// Referrals admin.
    ReferralsAdmin = "referrals_admin", "REF", Company, COMPANY;
    /// Business profile admin.
    ProfileAdmin = "profile_admin", "BPA", Company, COMPANY;
    /// Incentives admin.
    IncentivesAdmin = "incentives_admin", "IA", Company, LOCATIONS;
    /// Incentives user.
    IncentivesUser = "incentives_user", "IU", Company, LOCATIONS;
    /// Incentive read-only viewer (L9371).
    IncentivesViewer = "incentives_viewer", "IRV", Company, LOCATIONS;
    /// Executive report viewer: all reports.
    ExecutiveReportViewer = "executive_report_viewer", "ERV", Insights, LOCATIONS;
    /// Report viewer: no revenue, and no personal data of customers and employees (L16220).
    ReportViewer = "report_viewer", "RV", Insights, LOCATIONS;
    /// The customer itself.
    Customer = "customer", "CUST", Customer, COMPANY;
}

impl Role {
    /// The role with that abbreviation.
    pub fn from_short(short: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.short() == short)
    }

    /// The role with that name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for &role in Role::ALL {
            assert_eq!((Role::from_short(role.short()), Role::from_code(role.code())), (Some(role), Some(role)));
        }
    }

    #[test]
    fn users_are_managed_for_the_company_but_for_incentives_and_reports() {
        let located: Vec<_> = Role::ALL.iter().filter(|role| role.takes_locations()).map(|role| role.short()).collect();
        assert_eq!(located, ["IA", "IU", "IRV", "ERV", "RV"]);
    }
}
