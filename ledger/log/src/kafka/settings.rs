//! The topics of a ledger, and what their settings must be.

use crate::{Family, Layout};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a command stays in its topic. A writer takes it within moments; this is for outages, and for looking back.
pub const COMMANDS_RETENTION_MS: i64 = 14 * DAY_MS;
/// How long an outcome can be read from its topic. It stays in the log for ever.
pub const OUTCOMES_RETENTION_MS: i64 = 7 * DAY_MS;
/// How long what could not be decoded is kept for people to look at.
pub const DEAD_LETTERS_RETENTION_MS: i64 = 30 * DAY_MS;
/// Least retention that a check accepts where it is finite: outages over a weekend must not lose commands.
pub const RETENTION_MS_MIN: i64 = 3 * DAY_MS;
/// Longest batch of records, in bytes: what the client sends at most, with room for its header.
pub const BATCH_BYTES_MAX: i64 = 1_048_588;

/// The names of a ledger's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    families: [String; 4],
    /// Commands on their way to the writers; as many partitions as `customers` has.
    pub commands: String,
    /// What came of commands.
    pub outcomes: String,
    /// Records of `commands` that could not be decoded.
    pub dead_letters: String,
    /// One record: which ledger this is.
    pub ledger: String,
}

impl Topics {
    /// The topics with this prefix.
    pub fn new(prefix: &str) -> Self {
        let named = |suffix: &str| format!("{prefix}.{suffix}");
        Self {
            families: Family::ALL.map(|family| named(family.name())),
            commands: named("commands"),
            outcomes: named("outcomes"),
            dead_letters: named("dead-letters"),
            ledger: named("ledger"),
        }
    }

    /// A family's topic.
    pub fn family(&self, family: Family) -> &str {
        match family {
            Family::Catalog => &self.families[0],
            Family::Partners => &self.families[1],
            Family::Customers => &self.families[2],
            Family::Access => &self.families[3],
        }
    }

    /// The family of a topic, if it is one's.
    pub fn family_of(&self, topic: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|&family| self.family(family) == topic)
    }
}

/// What a setting must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// This value.
    Is(&'static str),
    /// This number or more; -1, Kafka's "no limit", counts as more.
    AtLeast(i64),
}

impl Rule {
    /// Whether a value found will do.
    pub fn accepts(self, found: &str) -> bool {
        match self {
            Self::Is(value) => found == value,
            Self::AtLeast(least) => found.parse::<i64>().is_ok_and(|found| found >= least || found == -1),
        }
    }

    /// For people.
    pub fn expected(self) -> String {
        match self {
            Self::Is(value) => value.to_owned(),
            Self::AtLeast(least) => format!("{least} or more"),
        }
    }
}

/// A setting of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's name for it.
    pub name: &'static str,
    /// What `init` sets.
    pub value: String,
    /// What a check accepts.
    pub rule: Rule,
}

/// A topic as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u16,
    /// How long its records are kept, in milliseconds; none means for ever.
    pub retention_ms: Option<i64>,
}

impl Plan {
    /// Its settings, with so many replicas.
    pub fn settings(&self, replication: usize) -> Vec<Setting> {
        let is = |name, value: &'static str| Setting { name, value: value.into(), rule: Rule::Is(value) };
        let least =
            |name, value: i64, least: i64| Setting { name, value: value.to_string(), rule: Rule::AtLeast(least) };
        let mut settings = vec![
            is("cleanup.policy", "delete"),
            is("retention.bytes", "-1"),
            match self.retention_ms {
                None => is("retention.ms", "-1"),
                Some(retention_ms) => least("retention.ms", retention_ms, RETENTION_MS_MIN),
            },
            least("max.message.bytes", BATCH_BYTES_MAX, BATCH_BYTES_MAX),
            is("message.timestamp.type", "CreateTime"),
            // A replica that missed acknowledged records must never become the leader.
            is("unclean.leader.election.enable", "false"),
        ];
        if replication == 1 {
            settings.push(is("min.insync.replicas", "1"));
            // With other replicas, an acknowledged record survives one machine because it is on two. With a single one only the
            // disk remains, and a broker acknowledges from the page cache: so it must flush first. Measured, that costs almost nothing.
            settings.push(is("flush.messages", "1"));
        } else {
            settings.push(least("min.insync.replicas", 2, 2));
        }
        settings
    }
}

/// The one topic that must be readable before the layout is known.
pub(super) fn ledger_plan(topics: &Topics) -> Plan {
    Plan { name: topics.ledger.clone(), partitions: 1, retention_ms: None }
}

/// Every topic of a ledger.
pub fn plans(topics: &Topics, layout: Layout) -> Vec<Plan> {
    let mut plans = vec![ledger_plan(topics)];
    plans.extend(Family::ALL.map(|family| Plan {
        name: topics.family(family).to_owned(),
        partitions: layout.count(family),
        retention_ms: None,
    }));
    plans.extend(
        [
            (&topics.commands, layout.customers, COMMANDS_RETENTION_MS),
            (&topics.outcomes, layout.customers, OUTCOMES_RETENTION_MS),
            (&topics.dead_letters, 1, DEAD_LETTERS_RETENTION_MS),
        ]
        .map(|(name, partitions, retention_ms)| Plan {
            name: name.clone(),
            partitions,
            retention_ms: Some(retention_ms),
        }),
    );
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_sets_what_check_accepts() {
        let topics = Topics::new("t");
        for replication in [1, 2, 3] {
            for plan in plans(&topics, Layout::default()) {
                for setting in plan.settings(replication) {
                    assert!(setting.rule.accepts(&setting.value), "{}: {setting:?}", plan.name);
                }
            }
        }
    }

    #[test]
    fn rules() {
        assert!(Rule::AtLeast(5).accepts("5") && Rule::AtLeast(5).accepts("-1"));
        assert!(!Rule::AtLeast(5).accepts("4") && !Rule::AtLeast(5).accepts("many"));
        assert!(Rule::Is("-1").accepts("-1") && !Rule::Is("-1").accepts("604800000"));
    }

    #[test]
    fn topics_know_their_families() {
        let topics = Topics::new("a.b");
        assert_eq!(topics.family_of("a.b.partners"), Some(Family::Partners));
        assert_eq!(topics.family_of("a.b.commands"), None);
    }
}
