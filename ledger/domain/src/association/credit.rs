//! Which partner a metric of a subscription is credited to (reports-partners-security.md 2.11).

use std::collections::BTreeSet;

use super::CporProgram;
use crate::ids::PartnerId;

/// What partners are credited for (L17047).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Net new revenue.
    NetNewRevenue,
    /// Net customer adds.
    NetCustomerAdds,
    /// New large deployments.
    NewLargeDeployments,
    /// Monthly active user growth.
    MonthlyActiveUserGrowth,
}

/// What makes a partner one of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartnerOfRecord {
    /// It sells the subscription.
    Csp,
    /// It is associated by a claim (L17049).
    Cpor,
    /// It is associated within the product (L17051).
    Dpor,
}

/// The partners of a subscription.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parties<'a> {
    /// Who sells it.
    pub csp: Option<&'a PartnerId>,
    /// Who claims it, and for which programs.
    pub cpor: Option<(&'a PartnerId, &'a BTreeSet<CporProgram>)>,
    /// Who is set in the product.
    pub dpor: Option<&'a PartnerId>,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 4] =
        [Self::NetNewRevenue, Self::NetCustomerAdds, Self::NewLargeDeployments, Self::MonthlyActiveUserGrowth];

    /// As lists name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetNewRevenue => "net new revenue",
            Self::NetCustomerAdds => "net customer adds",
            Self::NewLargeDeployments => "new large deployments",
            Self::MonthlyActiveUserGrowth => "monthly active user growth",
        }
    }

    /// Whether a claim for the program is credited with it (L17053).
    fn follows(self, program: CporProgram) -> bool {
        let sells = matches!(self, Self::NetNewRevenue | Self::NetCustomerAdds);
        match program {
            CporProgram::OsaSell => sells,
            CporProgram::OsuBusinessApplications | CporProgram::OsuMicrosoft365 => !sells,
        }
    }
}

impl PartnerOfRecord {
    /// As lists name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csp => "CSP",
            Self::Cpor => "CPOR",
            Self::Dpor => "DPOR",
        }
    }
}

/// Who is credited with a metric of a subscription; each partner once. The seller always is. A claimed association is for the metrics
/// of its programs, and comes before one that is set in the product; that one keeps the metrics that the claim does not cover
/// (ambiguity 38, decided so).
pub fn credited(metric: Metric, parties: Parties<'_>) -> Vec<(PartnerOfRecord, &PartnerId)> {
    let claimed = parties.cpor.filter(|(_, programs)| programs.iter().any(|program| metric.follows(*program)));
    let associated = match (claimed, parties.dpor) {
        (Some((partner, _)), _) => Some((PartnerOfRecord::Cpor, partner)),
        (None, Some(partner)) => Some((PartnerOfRecord::Dpor, partner)),
        (None, None) => None,
    };
    let associated = associated.filter(|(_, partner)| parties.csp != Some(*partner));
    parties.csp.map(|partner| (PartnerOfRecord::Csp, partner)).into_iter().chain(associated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L17047-17053, each metric with and without the others.
    #[test]
    fn a_claim_is_credited_with_the_metrics_of_its_route() {
        let [seller, claimer, set] = ["seller", "claimer", "set"].map(|id| PartnerId::new(id).unwrap());
        let osa = BTreeSet::from([CporProgram::OsaSell]);
        let osu = BTreeSet::from([CporProgram::OsuBusinessApplications]);
        let both = BTreeSet::from([CporProgram::OsaSell, CporProgram::OsuBusinessApplications]);
        let of = |metric, programs: Option<&BTreeSet<CporProgram>>, dpor: bool| -> Vec<String> {
            let cpor = programs.map(|programs| (&claimer, programs));
            let parties = Parties { csp: Some(&seller), cpor, dpor: dpor.then_some(&set) };
            credited(metric, parties).iter().map(|(by, partner)| format!("{} {partner}", by.name())).collect()
        };
        for metric in Metric::ALL {
            let sells = matches!(metric, Metric::NetNewRevenue | Metric::NetCustomerAdds);
            let cpor = ["CSP seller", "CPOR claimer"];
            let dpor = ["CSP seller", "DPOR set"];
            assert_eq!(of(metric, Some(&osa), true), if sells { cpor } else { dpor }, "{metric:?}");
            assert_eq!(of(metric, Some(&osu), true), if sells { dpor } else { cpor }, "{metric:?}");
            assert_eq!(of(metric, Some(&both), true), cpor, "{metric:?}");
            assert_eq!(of(metric, None, true), dpor, "{metric:?}");
            assert_eq!(of(metric, None, false), ["CSP seller"], "{metric:?}");
            let alone = of(metric, Some(&osa), false);
            assert_eq!(alone.len(), if sells { 2 } else { 1 }, "{metric:?}");
        }
        let same = Parties { csp: Some(&seller), cpor: None, dpor: Some(&seller) };
        assert_eq!(credited(Metric::NetNewRevenue, same), [(PartnerOfRecord::Csp, &seller)], "once");
        assert!(credited(Metric::NetNewRevenue, Parties::default()).is_empty());
    }
}
