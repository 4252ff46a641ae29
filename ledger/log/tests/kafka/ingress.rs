//! Commands in, outcomes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use subledger_log::kafka::{
    KafkaOptions,
    topics::{
        CloudEvent, CommandConsumer, CommandEvent, ConsumeError, Delivery, Destination, IncomingRecord, OutgoingRecord,
        PUBLISHED_BYTES_MAX, PublishError, RecordProducer,
    },
};

use crate::broker::{bootstrap, ledger, options};

fn command(n: u64, partition: u32) -> OutgoingRecord {
    let event = CloudEvent {
        id: format!("command-{n}"),
        kind: "subledger.v1.Command".into(),
        source: "/test".into(),
        time: None,
        content_type: "application/protobuf".into(),
    };
    OutgoingRecord {
        destination: Destination::Commands,
        partition: Some(partition),
        key: Bytes::from(format!("customer-{n}")),
        payload: Bytes::from(vec![b'p'; 300]),
        headers: event.headers(),
    }
}

fn publish(producer: &RecordProducer, from: u64, count: u64) {
    let deliveries: Vec<Delivery> =
        (from..from + count).map(|n| producer.try_send(&command(n, u32::try_from(n % 2).unwrap())).unwrap()).collect();
    for delivery in deliveries {
        delivery.wait().unwrap();
    }
}

/// A writer as the consumer sees it: starts partitions where its "log" says.
struct Writer {
    consumer: CommandConsumer,
    records: Vec<IncomingRecord>,
    changes: Vec<CommandEvent>,
}

impl Writer {
    fn join(options: &KafkaOptions, member: Option<&str>) -> Self {
        let consumer = CommandConsumer::join(options, member).unwrap();
        Self { consumer, records: Vec::new(), changes: Vec::new() }
    }

    fn poll(&mut self, log: &BTreeMap<u32, u64>) {
        for event in self.consumer.poll(Duration::from_millis(50)).unwrap() {
            match event {
                CommandEvent::Record(record) => self.records.push(record),
                change => {
                    if let CommandEvent::Assigned(partitions) = &change {
                        for partition in partitions {
                            self.consumer.start_at(*partition, log.get(partition).copied().unwrap_or(0)).unwrap();
                        }
                    }
                    self.changes.push(change);
                }
            }
        }
    }

    fn assigned(&self) -> BTreeSet<u32> {
        self.consumer.assigned().collect()
    }
}

/// Polls until it holds.
fn until(what: &str, mut writers: Vec<&mut Writer>, log: &BTreeMap<u32, u64>, holds: impl Fn(&[&mut Writer]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds(&writers) {
        assert!(Instant::now() < deadline, "{what}: it never happened");
        for writer in &mut writers {
            writer.poll(log);
        }
    }
}

#[test]
fn commands_arrive_whole_and_in_order_from_where_the_owner_says() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let _log = ledger(&options);
    let producer = RecordProducer::new(&options).unwrap();
    publish(&producer, 0, 100);
    let mut writer = Writer::join(&options, None);
    // Partition 0 holds commands 0, 2, 4, …; the first ten are in the log already.
    let log = BTreeMap::from([(0, 10), (1, 0)]);
    until("commands", vec![&mut writer], &log, |w| w[0].records.len() >= 90);
    for partition in 0..2_u32 {
        let offsets: Vec<_> = writer.records.iter().filter(|r| r.partition == partition).map(|r| r.offset).collect();
        assert_eq!(offsets, (log[&partition]..50).collect::<Vec<_>>(), "partition {partition}");
    }
    let first = writer.records.iter().find(|r| r.partition == 0).unwrap();
    assert_eq!(CloudEvent::from_headers(&first.headers).unwrap().id, "command-20");
    assert_eq!((first.key.as_deref(), first.payload.len()), (Some(&b"customer-20"[..]), 300));

    // Back again, as after a lost append.
    writer.records.clear();
    writer.consumer.start_at(0, 45).unwrap();
    until("the rest again", vec![&mut writer], &log, |w| w[0].records.len() >= 5);
    assert_eq!(writer.records.iter().map(|r| r.offset).collect::<Vec<_>>(), [45, 46, 47, 48, 49]);

    // Paused, nothing comes; resumed, everything does.
    writer.records.clear();
    writer.consumer.pause(&[0]).unwrap();
    publish(&producer, 100, 20);
    until("the other partition", vec![&mut writer], &log, |w| w[0].records.len() >= 10);
    for _ in 0..10 {
        writer.poll(&log);
    }
    assert!(writer.records.iter().all(|r| r.partition == 1), "{:?}", writer.records.len());
    writer.consumer.resume(&[0]).unwrap();
    until("the paused partition", vec![&mut writer], &log, |w| w[0].records.len() >= 20);
    assert_eq!(
        writer.records.iter().filter(|r| r.partition == 0).map(|r| r.offset).collect::<Vec<_>>(),
        (50..60).collect::<Vec<_>>()
    );

    let error = writer.consumer.start_at(0, 1_000).unwrap_err();
    assert!(matches!(error, ConsumeError::PastEnd { offset: 1_000, end: 60, .. }), "{error}");
    let error = writer.consumer.start_at(7, 0).unwrap_err();
    assert!(matches!(error, ConsumeError::NotAssigned { partition: 7, .. }), "{error}");
    writer.consumer.commit(0, 60).unwrap();
}

#[test]
fn partitions_move_between_two_writers() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let _log = ledger(&options);
    let producer = RecordProducer::new(&options).unwrap();
    publish(&producer, 0, 10);
    let mut one = Writer::join(&options, None);
    let start = BTreeMap::new();
    until("all commands at the only writer", vec![&mut one], &start, |w| w[0].records.len() == 10);
    assert_eq!(one.assigned(), BTreeSet::from([0, 1]));

    let mut two = Writer::join(&options, None);
    let log = BTreeMap::from([(0, 5), (1, 5)]);
    until("one partition each", vec![&mut one, &mut two], &log, |w| {
        w[0].assigned().len() == 1 && w[1].assigned().len() == 1
    });
    assert!(one.assigned().is_disjoint(&two.assigned()));
    let moved: Vec<u32> = two.assigned().into_iter().collect();
    assert!(one.changes.contains(&CommandEvent::Revoked(moved)), "{:?}", one.changes);
    one.records.clear();
    publish(&producer, 10, 10);
    until("new commands at their writers", vec![&mut one, &mut two], &log, |w| {
        w[0].records.len() >= 5 && w[1].records.len() >= 5
    });
    for writer in [&one, &two] {
        let owned = writer.assigned();
        assert!(writer.records.iter().all(|r| owned.contains(&r.partition)));
        assert_eq!(writer.records.iter().map(|r| r.offset).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    }

    drop(two);
    let log = BTreeMap::from([(0, 10), (1, 10)]);
    until("both partitions back", vec![&mut one], &log, |w| w[0].assigned().len() == 2);
    publish(&producer, 20, 2);
    one.records.clear();
    until("the last two", vec![&mut one], &log, |w| w[0].records.len() == 2);
}

#[test]
fn a_static_member_comes_back_to_its_partitions() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let _log = ledger(&options);
    let log = BTreeMap::new();
    let mut one = Writer::join(&options, Some("writer-1"));
    let mut two = Writer::join(&options, Some("writer-2"));
    until("one partition each", vec![&mut one, &mut two], &log, |w| w.iter().all(|w| w.assigned().len() == 1));
    let mine = two.assigned();
    let changes = one.changes.len();
    drop(two);
    let mut two = Writer::join(&options, Some("writer-2"));
    until("its partition again", vec![&mut one, &mut two], &log, |w| w[1].assigned() == mine);
    assert_eq!(one.changes.len(), changes, "the other writer never noticed: {:?}", one.changes);
}

#[test]
fn publishing_says_what_became_of_it() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let _log = ledger(&options);
    let producer = RecordProducer::new(&options).unwrap();
    let delivered = producer.try_send(&command(1, 1)).unwrap().wait().unwrap();
    assert_eq!((delivered.partition, delivered.offset), (1, 0));
    let long = OutgoingRecord { payload: Bytes::from(vec![0; PUBLISHED_BYTES_MAX + 1]), ..command(1, 1) };
    assert!(matches!(producer.try_send(&long), Err(PublishError::TooLarge { .. })));
    for destination in [Destination::Outcomes, Destination::DeadLetters] {
        let record = OutgoingRecord { destination, partition: None, ..command(1, 0) };
        producer.try_send(&record).unwrap().wait().unwrap();
    }
    assert_eq!(producer.close(Duration::from_secs(5)), 0);

    let nowhere = KafkaOptions { append_timeout: Duration::from_secs(1), ..KafkaOptions::new("127.0.0.1:9") };
    let producer = RecordProducer::new(&nowhere).unwrap();
    let error = producer.try_send(&command(1, 1)).unwrap().wait().unwrap_err();
    assert!(matches!(error, PublishError::Unknown { .. }), "{error}");
    let mut sent = Vec::new();
    let full = loop {
        match producer.try_send(&command(1, 1)) {
            Ok(delivery) => sent.push(delivery),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, PublishError::Full), "{full}");
    let began = Instant::now();
    assert_eq!(producer.close(Duration::ZERO), sent.len());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
