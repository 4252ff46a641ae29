//! Making a ledger's topics, and checking them whenever it is opened.

use super::{
    admin::{Admin, Found},
    identity,
    options::KafkaOptions,
    settings::{Plan, Topics, ledger_plan, plans},
};
use crate::{Layout, LedgerId, OpenError};

/// What [`init`] found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initialized {
    /// Which ledger it is: the one asked for, or the one that was there.
    pub ledger_id: LedgerId,
    /// Its layout.
    pub layout: Layout,
    /// Topics made now; none if everything was there.
    pub topics_created: Vec<String>,
}

/// Makes the topics of a ledger, as far as they are missing, and checks them all.
///
/// May be repeated, also after it was interrupted, and by several at the same time: the first record of the topic `ledger` says which
/// ledger it is. `replication` is the number of replicas of topics made now.
pub fn init(
    options: &KafkaOptions,
    ledger_id: LedgerId,
    layout: Layout,
    replication: u16,
) -> Result<Initialized, OpenError> {
    options.validate()?;
    let admin = Admin::new(options)?;
    let topics = Topics::new(&options.topic_prefix);
    let mut topics_created = Vec::new();

    // The identity first: it says how many partitions the other topics get, also when two inits with different layouts race.
    let ledger = ledger_plan(&topics);
    create_if_missing(&admin, &ledger, replication, &mut topics_created)?;
    let made = |name: &str| admin.find_made(name);
    check_topics(options, &admin, std::slice::from_ref(&ledger), made)?;
    let (ledger_id, decided) = match identity::read(options, &topics)? {
        Some(found) => found,
        None => identity::write(options, &topics, ledger_id, layout)?,
    };
    if decided != layout {
        return Err(OpenError::WrongSetting {
            setting: format!("the layout of the ledger on {}", options.place()),
            found: describe(decided),
            expected: describe(layout),
            remedy: "a layout is fixed for ever: ask for the one it has, or use another topic prefix for a new ledger"
                .into(),
        });
    }
    for plan in plans(&topics, layout) {
        create_if_missing(&admin, &plan, replication, &mut topics_created)?;
    }
    check_topics(options, &admin, &plans(&topics, layout), made)?;
    Ok(Initialized { ledger_id, layout, topics_created })
}

/// Checks that the ledger is there, with every topic and setting as it must be. Says which one it is.
pub fn check(options: &KafkaOptions) -> Result<(LedgerId, Layout), OpenError> {
    options.validate()?;
    let admin = Admin::new(options)?;
    let topics = Topics::new(&options.topic_prefix);
    let ledger = ledger_plan(&topics);
    if admin.find(&ledger.name)?.is_none() {
        return Err(missing(options, &[&ledger.name]));
    }
    let Some((ledger_id, layout)) = identity::read(options, &topics)? else {
        return Err(OpenError::NotALedger {
            what: format!(
                "topic {} at {} is empty, so it does not say which ledger this is. Run `subledger kafka init`",
                ledger.name, options.bootstrap
            ),
        });
    };
    check_topics(options, &admin, &plans(&topics, layout), |name| admin.find(name))?;
    Ok((ledger_id, layout))
}

fn create_if_missing(
    admin: &Admin<'_>,
    plan: &Plan,
    replication: u16,
    created: &mut Vec<String>,
) -> Result<(), OpenError> {
    if admin.find(&plan.name)?.is_none_or(|found| !found.led) && admin.create(plan, replication)? {
        created.push(plan.name.clone());
    }
    Ok(())
}

fn check_topics(
    options: &KafkaOptions,
    admin: &Admin<'_>,
    plans: &[Plan],
    find: impl Fn(&str) -> Result<Option<Found>, OpenError>,
) -> Result<(), OpenError> {
    let mut present = Vec::with_capacity(plans.len());
    let mut absent = Vec::new();
    for plan in plans {
        match find(&plan.name)? {
            Some(found) => present.push((plan, found)),
            None => absent.push(plan.name.as_str()),
        }
    }
    if !absent.is_empty() {
        return Err(missing(options, &absent));
    }
    check_present(options, admin, &present)
}

fn check_present(options: &KafkaOptions, admin: &Admin<'_>, topics: &[(&Plan, Found)]) -> Result<(), OpenError> {
    for (plan, found) in topics {
        if found.partitions != usize::from(plan.partitions) {
            return Err(OpenError::WrongSetting {
                setting: format!("topic {}: number of partitions", plan.name),
                found: found.partitions.to_string(),
                expected: plan.partitions.to_string(),
                remedy:
                    "it is fixed when the ledger is made, because a key's partition never changes. Delete the topic \
                         if it is empty and run `subledger kafka init` again; otherwise restore it from a backup"
                        .into(),
            });
        }
    }
    let names: Vec<_> = topics.iter().map(|(plan, _)| plan.name.as_str()).collect();
    let actual = admin.settings(&names)?;
    for (plan, found) in topics {
        let actual = actual.get(plan.name.as_str());
        for setting in plan.settings(found.replication) {
            let value = actual.and_then(|actual| actual.get(setting.name)).map_or("not set", String::as_str);
            if !setting.rule.accepts(value) {
                return Err(OpenError::WrongSetting {
                    setting: format!("topic {}: {}", plan.name, setting.name),
                    found: value.into(),
                    expected: setting.rule.expected(),
                    remedy: format!(
                        "kafka-configs --bootstrap-server {} --alter --entity-type topics --entity-name {} --add-config {}={}",
                        options.bootstrap, plan.name, setting.name, setting.value
                    ),
                });
            }
        }
    }
    Ok(())
}

fn missing(options: &KafkaOptions, topics: &[&str]) -> OpenError {
    let (noun, verb) = if topics.len() == 1 { ("topic", "is") } else { ("topics", "are") };
    OpenError::NotALedger {
        what: format!(
            "{noun} {} {verb} missing at {}. Run `subledger kafka init` first, or correct kafka.topic_prefix",
            topics.join(", "),
            options.bootstrap
        ),
    }
}

fn describe(layout: Layout) -> String {
    format!("{} partners and {} customers partitions", layout.partners, layout.customers)
}
