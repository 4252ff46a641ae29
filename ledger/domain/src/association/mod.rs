//! Associations of a partner with a customer by the Claiming Partner of Record model (CPOR, billing-details.md 2.3): what is claimed,
//! through which states, and which partner is credited.
//!
//! Here live the values and the published tables; what a customer's stream decides about them is in `customer::association`.

mod credit;
mod state;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    evidence::Evidence,
    ids::{AssociationId, OfferId, SubscriptionId},
    personal::ERASED,
};

pub use credit::{Metric, Parties, PartnerOfRecord, credited};
pub use state::{AssociationEndReason, AssociationState, AssociationStep, MOVES, STATES, STEPS, after, refused_with};

/// The first day on which associations are claimed this way (L9563).
pub const IN_FORCE_FROM: NaiveDate = match NaiveDate::from_ymd_opt(2019, 10, 1) {
    Some(day) => day,
    None => NaiveDate::MAX,
};
/// Business days that a customer has to opt out (L9565).
pub const OPT_OUT_BUSINESS_DAYS: u32 = 5;
/// Products, or workloads, of one association.
pub const CLAIMED_MAX: usize = 20;
/// Documents of one association.
pub const ASSOCIATION_DOCUMENTS_MAX: usize = 50;
/// Associations of one customer.
pub const ASSOCIATIONS_MAX: usize = 2_000;

/// What a partner works in for the customer (L9573).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SolutionArea {
    /// Dynamics 365, Power BI and the like.
    BusinessApplications,
    /// Microsoft 365.
    Microsoft365,
}

/// What the partner did (L9574).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssociationActivity {
    /// It helped to sell.
    PreSales,
    /// It drives usage.
    Usage,
    /// It sold an own product that stands on the customer's.
    RevenueAssociation,
}

/// The incentive that an association is claimed for (L9563).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CporProgram {
    /// Online Services Advisory, Sell.
    OsaSell,
    /// Online Services Usage, Microsoft 365.
    OsuMicrosoft365,
    /// Online Services Usage, Business Applications.
    OsuBusinessApplications,
}

/// What one partner at a time is associated with (L9586-9588).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimScope {
    /// A workload of the customer.
    Workload,
    /// A subscription of the customer.
    Subscription,
}

/// Which activities each solution area has, the program they are claimed for, and by what. The source names areas, activities,
/// programs and scopes (L9563, L9573-9574, L9586-9588), not which goes with which: (derived). Revenue association is of Business
/// Applications only (L9600) and counts as a sale.
pub const ACTIVITIES: &[(SolutionArea, AssociationActivity, CporProgram, ClaimScope)] = &[
    (SolutionArea::BusinessApplications, AssociationActivity::PreSales, CporProgram::OsaSell, ClaimScope::Subscription),
    (
        SolutionArea::BusinessApplications,
        AssociationActivity::Usage,
        CporProgram::OsuBusinessApplications,
        ClaimScope::Subscription,
    ),
    (
        SolutionArea::BusinessApplications,
        AssociationActivity::RevenueAssociation,
        CporProgram::OsaSell,
        ClaimScope::Subscription,
    ),
    (SolutionArea::Microsoft365, AssociationActivity::PreSales, CporProgram::OsaSell, ClaimScope::Subscription),
    (SolutionArea::Microsoft365, AssociationActivity::Usage, CporProgram::OsuMicrosoft365, ClaimScope::Workload),
];

/// A person, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociationContact {
    /// First and last name.
    pub name: String,
    /// Job title.
    pub title: String,
    /// E-mail address.
    pub email: String,
}

/// A product of the customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClaimedProduct {
    /// The offer.
    pub offer_id: OfferId,
    /// The subscription; required where the customer has several of the product (L9610).
    pub subscription_id: Option<SubscriptionId>,
}

/// What a revenue association says more (L9580).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevenueDetails {
    /// Name of the Dynamics solution seller.
    pub solution_seller: String,
    /// Name of the customer.
    pub customer_name: String,
    /// Name of the partner's own product or solution.
    pub isv_product: String,
}

/// The form of an association (L9569-9580).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociationDetails {
    /// What the partner calls the claim.
    pub name: String,
    /// The partner's location that claims, by its id in the partner network.
    pub location_mpn_id: String,
    /// The customer's primary domain.
    pub domain_name: String,
    /// What the partner works in.
    pub solution_area: SolutionArea,
    /// What it did.
    pub activities: BTreeSet<AssociationActivity>,
    /// What it is claimed for, by product.
    pub products: Vec<ClaimedProduct>,
    /// What it is claimed for, by workload.
    pub workloads: Vec<String>,
    /// At the customer.
    pub customer_contact: Option<AssociationContact>,
    /// At the customer; for Dynamics 365.
    pub technical_contact: Option<AssociationContact>,
    /// At the partner; its title may be empty.
    pub partner_contact: Option<AssociationContact>,
    /// Proof of execution, and what else there is.
    pub documents: Vec<Evidence>,
    /// For a revenue association only.
    pub revenue: Option<RevenueDetails>,
    /// May be empty.
    pub comments: String,
    /// The partner's own active association that this one takes the place of.
    pub replaces: Option<AssociationId>,
}

impl AssociationDetails {
    /// Forgets who somebody is.
    pub(crate) fn erase_names(&mut self) {
        let contacts = [&mut self.customer_contact, &mut self.technical_contact, &mut self.partner_contact];
        let contacts = contacts.into_iter().flatten();
        let of_contacts = contacts.flat_map(|contact| [&mut contact.name, &mut contact.title, &mut contact.email]);
        let customer = self.revenue.as_mut().map(|revenue| &mut revenue.customer_name);
        let texts = of_contacts.chain(customer).chain([&mut self.domain_name, &mut self.comments]);
        texts.filter(|text| !text.is_empty()).for_each(|text| ERASED.clone_into(text));
    }
}

impl AssociationDetails {
    /// Rows of [`ACTIVITIES`] that it claims.
    fn rows(&self) -> impl Iterator<Item = &'static (SolutionArea, AssociationActivity, CporProgram, ClaimScope)> {
        ACTIVITIES
            .iter()
            .filter(|(area, activity, ..)| *area == self.solution_area && self.activities.contains(activity))
    }

    /// Whether the area has the activities, and they go together: a revenue association stands alone (L9600).
    pub fn has_valid_activities(&self) -> bool {
        let alone = !self.activities.contains(&AssociationActivity::RevenueAssociation) || self.activities.len() == 1;
        alone && !self.activities.is_empty() && self.rows().count() == self.activities.len()
    }

    /// The programs it is claimed for.
    pub fn programs(&self) -> BTreeSet<CporProgram> {
        self.rows().map(|(_, _, program, _)| *program).collect()
    }

    /// Whether it claims by that.
    pub fn claims_by(&self, scope: ClaimScope) -> bool {
        self.rows().any(|(_, _, _, by)| *by == scope)
    }

    /// The workloads in the form in which two of them are compared.
    pub fn workload_keys(&self) -> BTreeSet<String> {
        self.workloads.iter().map(|workload| workload.trim().to_lowercase()).collect()
    }
}

impl SolutionArea {
    /// As messages and lists name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::BusinessApplications => "Business Applications",
            Self::Microsoft365 => "Microsoft 365",
        }
    }
}

impl CporProgram {
    /// Every program.
    pub const ALL: [Self; 3] = [Self::OsaSell, Self::OsuMicrosoft365, Self::OsuBusinessApplications];

    /// As lists and filters name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OsaSell => "OSA-Sell",
            Self::OsuMicrosoft365 => "OSU-Microsoft 365",
            Self::OsuBusinessApplications => "OSU-Business Applications",
        }
    }

    /// The program of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(area: SolutionArea, activities: &[AssociationActivity]) -> AssociationDetails {
        AssociationDetails {
            name: String::new(),
            location_mpn_id: String::new(),
            domain_name: String::new(),
            solution_area: area,
            activities: activities.iter().copied().collect(),
            products: Vec::new(),
            workloads: vec![" Teams".into(), "teams".into(), "Exchange Online".into()],
            customer_contact: None,
            technical_contact: None,
            partner_contact: None,
            documents: Vec::new(),
            revenue: None,
            comments: String::new(),
            replaces: None,
        }
    }

    /// Every set of activities in both areas.
    #[test]
    fn activities_go_together_as_published() {
        use AssociationActivity::{PreSales, RevenueAssociation, Usage};
        let business = [
            (vec![], false),
            (vec![PreSales], true),
            (vec![Usage], true),
            (vec![PreSales, Usage], true),
            (vec![RevenueAssociation], true),
            (vec![PreSales, RevenueAssociation], false),
            (vec![Usage, RevenueAssociation], false),
            (vec![PreSales, Usage, RevenueAssociation], false),
        ];
        for (activities, valid) in business {
            let of = |area| details(area, &activities).has_valid_activities();
            assert_eq!(of(SolutionArea::BusinessApplications), valid, "{activities:?}");
            assert_eq!(of(SolutionArea::Microsoft365), valid && !activities.contains(&RevenueAssociation));
        }
    }

    #[test]
    fn programs_follow_from_activities() {
        use AssociationActivity::{PreSales, Usage};
        let both = details(SolutionArea::BusinessApplications, &[PreSales, Usage]);
        assert_eq!(both.programs(), BTreeSet::from([CporProgram::OsaSell, CporProgram::OsuBusinessApplications]));
        assert!(both.claims_by(ClaimScope::Subscription) && !both.claims_by(ClaimScope::Workload));
        let usage = details(SolutionArea::Microsoft365, &[Usage]);
        assert_eq!(usage.programs(), BTreeSet::from([CporProgram::OsuMicrosoft365]));
        assert!(usage.claims_by(ClaimScope::Workload) && !usage.claims_by(ClaimScope::Subscription));
        assert_eq!(usage.workload_keys().len(), 2, "a workload is one however it is written");
        for program in CporProgram::ALL {
            assert_eq!(CporProgram::from_name(program.name()), Some(program));
        }
    }
}
