//! Which offer may become which (customers page sections 2.12 to 2.14): upgrades, migrations from retired offers, and what may be
//! bought instead of a trial that converts into nothing.
//!
//! The table names offers as they are displayed. A row that is switched off was derived, not printed (decision G21).

use std::sync::LazyLock;

/// The table: `from_offer,to_offer,conditions,source_line`.
const TABLE: &str = include_str!("../../data/upgrade-paths.csv");

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathKind {
    /// The old subscription ends with the upgrade, which moves its licenses.
    Upgrade,
    /// The new one is bought first, then licenses move and the old one ends.
    Migration,
    /// What may be bought before a trial runs out.
    TrialAlternative,
    /// An Azure subscription becomes a plan.
    Transition,
}

/// A row that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Display name of the old offer.
    pub from: &'static str,
    /// Display name of the new offer.
    pub to: &'static str,
    /// What it is about.
    pub kind: PathKind,
}

static PATHS: LazyLock<Vec<Path>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(path).collect());

fn path(row: &'static str) -> Option<Path> {
    let (from, rest) = cell(row)?;
    let (to, rest) = cell(rest)?;
    let (conditions, _) = cell(rest)?;
    let mut conditions = conditions.split(';').map(str::trim);
    let kind = match conditions.next()?.strip_prefix("kind=")? {
        "upgrade" => PathKind::Upgrade,
        "migration" => PathKind::Migration,
        "trial_alternative" => PathKind::TrialAlternative,
        "transition" => PathKind::Transition,
        _ => return None,
    };
    conditions.all(|condition| condition != "enabled=false").then_some(Path { from, to, kind })
}

/// The first cell of a row, and what follows its comma; a cell with a comma stands in quotes.
fn cell(row: &'static str) -> Option<(&'static str, &'static str)> {
    match row.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\","),
        None => row.split_once(','),
    }
}

/// Where an offer of that name leads to, in the order of the table; a target that is printed twice comes once.
pub fn targets(from: &str, kind: PathKind) -> Vec<&'static str> {
    let mut targets = Vec::new();
    for path in PATHS.iter().filter(|path| path.kind == kind && path.from == from) {
        if !targets.contains(&path.to) {
            targets.push(path.to);
        }
    }
    targets
}

/// Whether a row leads from the one offer to the other.
pub fn leads(from: &str, to: &str, kind: PathKind) -> bool {
    PATHS.iter().any(|path| path.kind == kind && path.from == from && path.to == to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let count = |kind| PATHS.iter().filter(|path| path.kind == kind).count();
        let counts =
            [PathKind::Upgrade, PathKind::Migration, PathKind::TrialAlternative, PathKind::Transition].map(count);
        assert_eq!(counts, [12, 125, 10, 1]);
        assert_eq!(TABLE.lines().count() - 1, 149, "one row is switched off");
    }

    /// Worked example V19, and the table of section 2.13.
    #[test]
    fn the_printed_upgrades_hold() {
        let upgrades = |from| targets(from, PathKind::Upgrade);
        assert_eq!(
            upgrades("Microsoft 365 Apps for business"),
            [
                "Microsoft 365 Business Premium",
                "Microsoft 365 Apps for enterprise",
                "Office 365 Enterprise E3",
                "Office 365 Enterprise E5"
            ]
        );
        assert!(leads("Microsoft 365 Business Basic", "Office 365 Enterprise E1", PathKind::Upgrade));
        assert!(!leads("Microsoft 365 Business Standard", "Office 365 Enterprise E1", PathKind::Upgrade));
        assert_eq!(upgrades("Microsoft 365 Business Basic India"), ["Microsoft 365 Business Standard India"]);
        let retired = "Dynamics 365 for Team Members, Business edition";
        assert_eq!(targets(retired, PathKind::Migration), ["Dynamics 365 Business Central"]);
    }
}
