//! How fast it is here: printed (`cargo test -- --nocapture speed`), and checked against bounds that only a defect exceeds.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use subledger_log::{
    Log, Tail,
    kafka::topics::{Destination, Headers, OutgoingRecord, RecordProducer},
    limits,
};

use crate::{
    broker::{bootstrap, ledger, options, random},
    history::{P, claim, draft},
};

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100])
}

fn time(count: usize, mut act: impl FnMut()) -> Vec<Duration> {
    (0..count)
        .map(|_| {
            let began = Instant::now();
            act();
            began.elapsed()
        })
        .collect()
}

#[test]
fn speed() {
    let Some(bootstrap) = bootstrap() else { return };
    let options = options(&bootstrap);
    let log = ledger(&options);
    let mut writer = claim(&log, Tail::default(), &mut Vec::new());
    let one = |writer: &mut subledger_log::PartitionWriter| {
        writer.append(vec![draft("c", 150)]).unwrap();
    };
    time(100, || one(&mut writer));
    let single = time(1_000, || one(&mut writer));
    eprintln!("append of 1 commit: {}", spread(single.clone()));

    let block = |writer: &mut subledger_log::PartitionWriter| {
        writer.append((0..1_000).map(|_| draft("c", 150)).collect()).unwrap();
    };
    time(10, || block(&mut writer));
    let blocks = time(100, || block(&mut writer));
    let total: Duration = blocks.iter().sum();
    let rate = 100_000 * 1000 / total.as_millis();
    eprintln!("blocks of 1,000 commits through PartitionWriter: {}, {rate} per s", spread(blocks));
    drop(writer);

    let mut appender = log.appender(P).unwrap();
    // Nothing that compression could make short.
    let record = || (0..38).flat_map(|_| random().to_le_bytes()).take(300).collect::<Vec<u8>>();
    let records: Vec<_> = (0..1_000).map(|_| Bytes::from(record())).collect();
    let mut end = log.end(P).unwrap();
    let raw = time(100, || {
        appender.append(end, &records).unwrap();
        end += 1_000;
    });
    let total: Duration = raw.iter().sum();
    eprintln!("blocks of 1,000 x 300 B through append: {}, {} per s", spread(raw), 100_000 * 1000 / total.as_millis());

    let began = Instant::now();
    let (mut reader, mut read) = (log.reader(&[(P, 0)]).unwrap(), 0);
    while read < end {
        read += reader.next(limits::READ_BYTES, Duration::from_secs(5)).unwrap().len() as u64;
    }
    eprintln!("reading {read} records: {} per s", u128::from(read) * 1000 / began.elapsed().as_millis());
    drop(reader);

    let producer = RecordProducer::new(&options).unwrap();
    let record = OutgoingRecord {
        destination: Destination::Commands,
        partition: None,
        key: Bytes::from_static(b"contoso"),
        payload: Bytes::from(vec![b'p'; 300]),
        headers: Headers::default().with("ce_id", "c-1").with("ce_type", "t").with("ce_source", "s"),
    };
    let began = Instant::now();
    let deliveries: Vec<_> = (0..200_000).map(|_| run(producer.send(record.clone())).unwrap()).collect();
    for delivery in deliveries {
        delivery.wait().unwrap();
    }
    eprintln!("publishing 300 B with receipts: {} per s", 200_000_u128 * 1000 / began.elapsed().as_millis());

    assert!(single[500] < Duration::from_millis(100), "flush slices are back?");
    assert!(rate > 2_000, "{rate} commits per s");
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}
