//! Making topics, and refusing wrong ones.

use std::{thread, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    config::ClientConfig,
};
use subledger_log::{
    Layout, Log as _, OpenError,
    kafka::{KafkaLog, KafkaOptions, Topics, check, init},
};

use crate::broker::{LAYOUT, bootstrap, new_id, options};

fn admin(options: &KafkaOptions) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &options.bootstrap).create().unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn init_may_be_repeated_and_says_so() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let id = new_id();
    let first = init(&options, id, LAYOUT, 1).unwrap();
    assert_eq!((first.ledger_id, first.layout, first.topics_created.len()), (id, LAYOUT, 8));
    let second = init(&options, new_id(), LAYOUT, 1).unwrap();
    assert_eq!((second.ledger_id, second.topics_created.len()), (id, 0), "the first id counts for ever");
    assert_eq!(check(&options).unwrap(), (id, LAYOUT));

    let log = KafkaLog::open(options.clone()).unwrap();
    assert_eq!((log.ledger_id(), log.layout(), log.backend()), (id, LAYOUT, "kafka"));

    let error = init(&options, new_id(), Layout { partners: 1, customers: 3 }, 1).unwrap_err();
    assert!(matches!(&error, OpenError::WrongSetting { .. }), "{error}");
    assert!(error.to_string().contains("2 customers partitions"), "{error}");
}

#[test]
fn racing_inits_agree() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let ids: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| init(&options, new_id(), LAYOUT, 1).unwrap().ledger_id)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn without_topics_it_says_what_to_run() {
    let Some(bootstrap) = bootstrap() else { return };
    let error = check(&options(&bootstrap)).unwrap_err();
    assert!(matches!(&error, OpenError::NotALedger { .. }), "{error}");
    assert!(error.to_string().contains("subledger kafka init"), "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    let options = KafkaOptions { request_timeout: Duration::from_millis(500), ..KafkaOptions::new("127.0.0.1:9") };
    let error = check(&options).unwrap_err();
    assert!(matches!(&error, OpenError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
}

#[test]
fn wrong_settings_are_named() {
    let Some(bootstrap) = bootstrap() else { return };
    for (setting, wrong, expected) in [
        ("retention.ms", "604800000", "-1"),
        ("cleanup.policy", "compact", "delete"),
        ("flush.messages", "9223372036854775807", "1"),
        ("message.timestamp.type", "LogAppendTime", "CreateTime"),
    ] {
        let options = options(&bootstrap);
        init(&options, new_id(), LAYOUT, 1).unwrap();
        let topic = format!("{}.customers", options.topic_prefix);
        // Replaces all settings, so the others are given as they should be.
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(&topic));
        let right = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
            ("max.message.bytes", "1048588"),
            ("message.timestamp.type", "CreateTime"),
            ("unclean.leader.election.enable", "false"),
            ("min.insync.replicas", "1"),
            ("flush.messages", "1"),
        ];
        for (name, value) in right {
            change = change.set(name, if name == setting { wrong } else { value });
        }
        run(admin(&options).alter_configs([&change], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
        let refused = (0..100).find_map(|_| {
            thread::sleep(Duration::from_millis(20));
            check(&options).err()
        });
        let Some(OpenError::WrongSetting { setting: named, found, expected: wanted, remedy }) = refused else {
            panic!("{setting}={wrong} was accepted, or refused for another reason: {refused:?}");
        };
        assert_eq!(
            (named, found, wanted),
            (format!("topic {topic}: {setting}"), wrong.to_owned(), expected.to_owned())
        );
        assert!(remedy.contains(&format!("--add-config {setting}={expected}")), "{remedy}");
    }
}

#[test]
fn a_wrong_number_of_partitions_is_named() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    init(&options, new_id(), LAYOUT, 1).unwrap();
    let topics = Topics::new(&options.topic_prefix);
    run(admin(&options).create_partitions([&NewPartitions::new(&topics.commands, 5)], &AdminOptions::new())).unwrap()
        [0]
    .as_ref()
    .unwrap();
    let refused = (0..100).find_map(|_| {
        thread::sleep(Duration::from_millis(20));
        check(&options).err()
    });
    let error = refused.expect("refused").to_string();
    assert!(error.contains(&topics.commands) && error.contains("is 5") && error.contains("needs 2"), "{error}");
}

#[test]
fn topics_made_by_others_with_their_defaults_are_refused() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let topic = format!("{}.ledger", options.topic_prefix);
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    run(admin(&options).create_topics([&new], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    let error = init(&options, new_id(), LAYOUT, 1).unwrap_err();
    assert!(matches!(&error, OpenError::WrongSetting { setting, .. } if setting.contains(&topic)), "{error}");
}
