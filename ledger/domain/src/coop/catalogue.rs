//! The published catalogue: programs, activities, expenses and proofs (L9276-9338).

use std::sync::LazyLock;

/// `code,name,source_line`.
const PROGRAMS: &str = include_str!("../../data/coop-programs.csv");
/// `code,name,source_line`.
const EXPENSES: &str = include_str!("../../data/coop-expenses.csv");
/// `code,group,name,core,proofs,metric,metric_not_for,expenses,excluded_programs,source_line`; lists have semicolons.
const ACTIVITIES: &str = include_str!("../../data/coop-activities.csv");

/// A program with co-op funds (L9225).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its code.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// When a proof is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Always,
    /// Never, but it is taken.
    Optional,
    /// With an expense of this code.
    Expense(&'static str),
    /// With an expense in house, or with one of a third party.
    InHouse(bool),
}

/// A proof of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its code.
    pub code: &'static str,
    /// When it is asked for.
    pub when: Condition,
}

/// An activity that claims are made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its code.
    pub code: &'static str,
    /// What it belongs to.
    pub group: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What its material must show.
    pub core: Vec<&'static str>,
    /// What proves it.
    pub proofs: Vec<Proof>,
    /// What its results are measured by; none if they are not.
    pub metric: Option<&'static str>,
    /// The expense that needs no metric if it is the only one.
    pub metric_not_for: Option<&'static str>,
    /// Codes of what may be claimed.
    pub expenses: Vec<&'static str>,
    /// Codes of programs that do not pay for it.
    pub excluded_programs: Vec<&'static str>,
    /// Where it is printed.
    pub source_line: u32,
}

/// A table that was read when it was first used.
static READ: LazyLock<Vec<Activity>> =
    LazyLock::new(|| ACTIVITIES.lines().skip(1).filter_map(|row| read(&cells(row))).collect());

/// The cells of a row; one with a comma stands in quotes.
pub(super) fn cells(row: &'static str) -> Vec<&'static str> {
    let (mut cells, mut rest) = (Vec::new(), Some(row));
    while let Some(text) = rest {
        let (cell, after) = match text.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some((cell, after)) => (cell, after.strip_prefix(',')),
                None => (quoted, None),
            },
            None => match text.split_once(',') {
                Some((cell, after)) => (cell, Some(after)),
                None => (text, None),
            },
        };
        cells.push(cell);
        rest = after;
    }
    cells
}

/// The codes of a cell.
pub(super) fn codes(cell: &'static str) -> Vec<&'static str> {
    cell.split(';').filter(|code| !code.is_empty()).collect()
}

fn some(cell: &'static str) -> Option<&'static str> {
    (!cell.is_empty()).then_some(cell)
}

fn read(cells: &[&'static str]) -> Option<Activity> {
    let [code, group, name, shown, proofs, metric, metric_not_for, expenses, excluded, line] = *cells else {
        return None;
    };
    Some(Activity {
        code,
        group,
        name,
        core: codes(shown),
        proofs: codes(proofs).into_iter().map(proof).collect(),
        metric: some(metric),
        metric_not_for: some(metric_not_for),
        expenses: codes(expenses),
        excluded_programs: codes(excluded),
        source_line: line.parse().ok()?,
    })
}

/// `code`, `code?` or `code@when`.
fn proof(text: &'static str) -> Proof {
    if let Some(code) = text.strip_suffix('?') {
        return Proof { code, when: Condition::Optional };
    }
    match text.split_once('@') {
        None => Proof { code: text, when: Condition::Always },
        Some((code, "in-house")) => Proof { code, when: Condition::InHouse(true) },
        Some((code, "third-party")) => Proof { code, when: Condition::InHouse(false) },
        Some((code, expense)) => Proof { code, when: Condition::Expense(expense) },
    }
}

/// Every activity, in the order of the page.
pub fn activities() -> &'static [Activity] {
    &READ
}

/// The activity of a code.
pub fn activity(code: &str) -> Option<&'static Activity> {
    READ.iter().find(|activity| activity.code == code)
}

/// Every program.
pub fn programs() -> impl Iterator<Item = Program> {
    PROGRAMS.lines().skip(1).filter_map(|row| match *cells(row) {
        [code, name, _] => Some(Program { code, name }),
        _ => None,
    })
}

/// The program of a code.
pub fn program(code: &str) -> Option<Program> {
    programs().find(|program| program.code == code)
}

/// The name of an expense.
pub fn expense_name(code: &str) -> Option<&'static str> {
    let named = |row| match *cells(row) {
        [listed, name, _] if listed == code => Some(name),
        _ => None,
    };
    EXPENSES.lines().skip(1).find_map(named)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every row is read, and names only what there is.
    #[test]
    fn the_catalogue_is_whole() {
        assert_eq!(ACTIVITIES.lines().count() - 1, activities().len());
        let groups: Vec<_> = ["demand-generation", "market-development", "partner-readiness"]
            .map(|group| activities().iter().filter(|activity| activity.group == group).count())
            .to_vec();
        assert_eq!((activities().len(), groups), (19, vec![6, 8, 5]));
        let codes: BTreeSet<_> = activities().iter().map(|activity| activity.code).collect();
        assert_eq!(codes.len(), 19, "a code stands for one activity");
        for activity in activities() {
            assert!(!activity.proofs.is_empty() && !activity.expenses.is_empty(), "{activity:?}");
            assert!((9298..=9336).contains(&activity.source_line), "{activity:?}");
            for expense in activity.expenses.iter().chain(&activity.metric_not_for) {
                assert!(expense_name(expense).is_some(), "{expense} of {}", activity.code);
                assert!(activity.expenses.contains(expense), "{expense} of {}", activity.code);
            }
            for proof in &activity.proofs {
                if let Condition::Expense(expense) = proof.when {
                    assert!(activity.expenses.contains(&expense), "{} of {}", proof.code, activity.code);
                }
            }
            assert!(activity.excluded_programs.iter().all(|code| program(code).is_some()), "{activity:?}");
        }
        assert_eq!((programs().count(), PROGRAMS.lines().count() - 1), (5, 5));
        for row in EXPENSES.lines().skip(1) {
            let code = cells(row)[0];
            assert!(activities().iter().any(|activity| activity.expenses.contains(&code)), "{code} is nobody's");
        }
    }

    /// What the page prints, one row of each kind.
    #[test]
    fn rows_say_what_is_printed() {
        let mail = activity("direct-mail-email-sms").unwrap();
        assert_eq!((mail.name, mail.metric), ("Direct mail, email, and sms", Some("estimated reach")));
        let web = activity("partner-website-and-search-engine").unwrap();
        assert_eq!(web.proofs[1], Proof { code: "statement-of-work", when: Condition::Expense("seo") });
        let seminar = activity("customer-seminars-and-bootcamps").unwrap();
        assert_eq!(seminar.proofs[2], Proof { code: "presentation", when: Condition::Optional });
        let demo = activity("product-seeding-demo-units").unwrap();
        assert_eq!(demo.proofs.len(), 3);
        assert_eq!(demo.proofs[0].when, Condition::InHouse(true));
        // Every proof of the four activities that make up a campaign (L9305).
        let campaign: BTreeSet<_> =
            activity("multi-touch-digital-campaign").unwrap().proofs.iter().map(|proof| proof.code).collect();
        let parts = ["digital-advertising", "direct-mail-email-sms", "partner-website-and-search-engine"];
        let parts = parts.iter().chain(&["telemarketing-and-expositions"]);
        let of_parts = parts.flat_map(|code| activity(code).unwrap().proofs.iter().map(|proof| proof.code));
        assert_eq!(campaign, of_parts.collect());
        assert_eq!(activity("employee-purchase-web-setup").unwrap().excluded_programs, ["surface-add"]);
        assert_eq!(activity("nothing"), None);
    }
}
