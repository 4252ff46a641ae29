//! Records in, records out.

use std::{
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use subledger_log::{AppendError, Family, Log, PartitionId, RawRecord, ReadError, Reader, limits};

use crate::broker::{bootstrap, ledger, options};

const P0: PartitionId = PartitionId::new(Family::Customers, 0);
const P1: PartitionId = PartitionId::new(Family::Customers, 1);

fn records(from: usize, count: usize) -> Vec<Bytes> {
    (from..from + count).map(|n| Bytes::from(format!("record {n} {}", "x".repeat(n % 300)))).collect()
}

fn read(reader: &mut dyn Reader, count: usize) -> Vec<RawRecord> {
    let mut all = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while all.len() < count && Instant::now() < deadline {
        all.extend(reader.next(limits::READ_BYTES, Duration::from_millis(100)).unwrap());
    }
    all
}

#[test]
fn what_is_appended_is_read_back_from_any_offset() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    assert_eq!(log.end(P0).unwrap(), 0);
    let written = records(0, 2_500);
    let mut appender = log.appender(P0).unwrap();
    appender.append(0, &[]).unwrap();
    for (n, block) in written.chunks(500).enumerate() {
        appender.append(n as u64 * 500, block).unwrap();
    }
    log.appender(P1).unwrap().append(0, &records(7, 3)).unwrap();
    assert_eq!((log.end(P0).unwrap(), log.end(P1).unwrap()), (2_500, 3));

    for from in [0, 1, 499, 500, 1_234, 2_499] {
        let got = read(&mut *log.reader(&[(P0, from)]).unwrap(), 2_500 - usize::try_from(from).unwrap());
        let bytes: Vec<_> = got.iter().map(|record| record.bytes.clone()).collect();
        assert_eq!(bytes, written[usize::try_from(from).unwrap()..], "from {from}");
        assert!(got.iter().zip(from..).all(|(record, offset)| record.offset == offset && record.partition == P0));
    }
    // Two readers of several partitions: the same bytes for each partition, whatever the mixture.
    let all = [(P0, 0), (P1, 0)];
    let sorted = |mut records: Vec<RawRecord>| {
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    };
    let one = sorted(read(&mut *log.reader(&all).unwrap(), 2_503));
    let other = sorted(read(&mut *log.reader(&all).unwrap(), 2_503));
    assert_eq!(one.len(), 2_503);
    assert_eq!(one, other);
}

#[test]
fn an_answer_is_about_as_long_as_asked() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    log.appender(P0).unwrap().append(0, &records(0, 1_000)).unwrap();
    let mut reader = log.reader(&[(P0, 0)]).unwrap();
    thread::sleep(Duration::from_millis(300));
    let some = reader.next(2_000, Duration::from_secs(10)).unwrap();
    let bytes: usize = some.iter().map(|record| record.bytes.len()).sum();
    assert!((1..2_500).contains(&bytes), "{bytes}");
    assert_eq!(reader.next(1, Duration::from_secs(10)).unwrap().len(), 1);
}

#[test]
fn a_reader_at_the_end_hears_at_once() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    let mut reader = log.reader(&[(P0, 0), (P1, 0)]).unwrap();
    let began = Instant::now();
    assert_eq!(reader.next(limits::READ_BYTES, Duration::from_millis(300)).unwrap(), []);
    assert!((290..1_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let mut appender = log.appender(P1).unwrap();
    for n in 0..20 {
        appender.append(n, &records(0, 1)).unwrap();
        let began = Instant::now();
        assert_eq!(read(&mut *reader, 1).len(), 1);
        assert!(began.elapsed() < Duration::from_millis(500), "record {n} took {:?}", began.elapsed());
    }
}

#[test]
fn two_appenders_find_each_other_out() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    let (mut one, mut other) = (log.appender(P0).unwrap(), log.appender(P0).unwrap());
    one.append(0, &records(0, 2)).unwrap();
    other.append(2, &records(2, 1)).unwrap();
    let error = one.append(2, &records(3, 2)).unwrap_err();
    assert!(matches!(error, AppendError::Interleaved { expected: 2, got: 3, .. }), "{error}");
    // It knows where it stands, so it may go on; what it wrote is there.
    one.append(5, &records(5, 1)).unwrap();
    assert_eq!(read(&mut *log.reader(&[(P0, 0)]).unwrap(), 6).len(), 6);
}

#[test]
fn limits_and_wrong_addresses_are_refused() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    let mut appender = log.appender(P0).unwrap();
    let longest = Bytes::from(vec![7; limits::RECORD_BYTES_MAX]);
    let too_long = Bytes::from(vec![7; limits::RECORD_BYTES_MAX + 1]);
    let error = appender.append(0, &[longest.clone(), too_long]).unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { .. }), "{error}");
    assert_eq!(log.end(P0).unwrap(), 0, "nothing was written");
    let block = vec![longest; limits::BLOCK_BYTES_MAX / limits::RECORD_BYTES_MAX];
    appender.append(0, &block).unwrap();

    let nowhere = PartitionId::new(Family::Customers, 9);
    assert!(log.appender(nowhere).is_err());
    assert!(matches!(log.end(nowhere), Err(ReadError::NoSuchPartition { .. })));
    assert!(matches!(log.reader(&[(nowhere, 0)]).err(), Some(ReadError::NoSuchPartition { .. })));
    let past = log.reader(&[(P0, 1_000)]).err();
    assert!(matches!(past, Some(ReadError::PastEnd { offset: 1_000, .. })), "{past:?}");
}

#[test]
fn records_that_were_deleted_are_missed() {
    use rdkafka::{
        Offset, TopicPartitionList,
        admin::{AdminClient, AdminOptions},
        client::DefaultClientContext,
        config::ClientConfig,
    };
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    log.appender(P0).unwrap().append(0, &records(0, 10)).unwrap();
    let mut standing = log.reader(&[(P0, 0)]).unwrap();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
    let mut until = TopicPartitionList::new();
    until.add_partition_offset(log.topics().family(P0.family), 0, Offset::Offset(5)).unwrap();
    let deletion = admin.delete_records(&until, &AdminOptions::new());
    let mut deletion = std::pin::pin!(deletion);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while deletion.as_mut().poll(&mut context).is_pending() {
        thread::sleep(Duration::from_millis(5));
    }
    let error = log.reader(&[(P0, 4)]).err();
    assert!(matches!(error, Some(ReadError::Damaged { offset: 4, .. })), "{error:?}");
    // One that stood before may have fetched them already; if not, it must say that they are gone.
    let began = Instant::now();
    let mut got = 0;
    let ended = loop {
        match standing.next(limits::READ_BYTES, Duration::from_millis(100)) {
            Ok(records) => got += records.len(),
            Err(error) => break Some(error),
        }
        if got == 10 || began.elapsed() > Duration::from_secs(10) {
            break None;
        }
    };
    assert!(got == 10 || matches!(ended, Some(ReadError::Damaged { offset: 0, .. })), "{got} records, {ended:?}");
}
