//! How fast the embedded log is on this disk. Prints, asserts nothing: `cargo test --release --test measure -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "tests; rates are shown, not counted")]

use std::{
    io::Write as _,
    sync::Barrier,
    time::{Duration, Instant},
};

use bytes::Bytes;
use subledger_log::{Family, Layout, LedgerId, Log as _, PartitionId, embedded::EmbeddedLog};

const RECORD_BYTES: usize = 300;

/// Bytes that do not compress, different each time.
fn record(seed: &mut u64) -> Bytes {
    let mut bytes = vec![0; RECORD_BYTES];
    for byte in &mut bytes {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (*seed >> 56) as u8;
    }
    bytes.into()
}

fn quantiles(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let total: Duration = times.iter().sum();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{name}: {} calls, p50 {p50:?}, p99 {p99:?}, {:.0}/s",
        times.len(),
        times.len() as f64 / total.as_secs_f64()
    );
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS unknown").to_owned()
}

/// A child of the test below: what an idle process takes that has opened a grown ledger.
#[test]
fn idle_child() {
    let Some(dir) = std::env::var_os("SUBLEDGER_TEST_CHILD_DIR") else { return };
    let begin = Instant::now();
    let log = EmbeddedLog::open(dir).unwrap();
    println!("\nreopen in a new process: {:?}; {}", begin.elapsed(), memory());
    std::thread::sleep(Duration::from_millis(1_500));
    println!("idle: {}, {} MB on disk", memory(), log.disk_bytes().unwrap() / 1_000_000);
}

#[test]
fn measure() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut seed = 1;

    let mut file = std::fs::File::create(dir.path().join("raw")).unwrap();
    let mut times = Vec::new();
    for _ in 0..1_000 {
        let bytes = record(&mut seed);
        let begin = Instant::now();
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        times.push(begin.elapsed());
    }
    quantiles("raw file, append 300 B and fdatasync", times);

    let path = dir.path().join("ledger");
    let log = EmbeddedLog::create(&path, Layout::default(), LedgerId(uuid::Uuid::nil())).unwrap();
    println!("after create: {}", memory());
    let p = PartitionId::new(Family::Customers, 0);
    let mut appender = log.appender(p).unwrap();
    let mut times = Vec::new();
    for offset in 0..2_000 {
        let record = [record(&mut seed)];
        let begin = Instant::now();
        appender.append(offset, &record).unwrap();
        times.push(begin.elapsed());
    }
    quantiles("embedded, one 300 B record", times);

    let mut times = Vec::new();
    let mut end = log.end(p).unwrap();
    for _ in 0..300 {
        let block: Vec<_> = (0..1_000).map(|_| record(&mut seed)).collect();
        let begin = Instant::now();
        appender.append(end, &block).unwrap();
        times.push(begin.elapsed());
        end += 1_000;
    }
    quantiles("embedded, blocks of 1,000 x 300 B", times);
    println!(
        "disk {} MB for {} MB of records; {}",
        log.disk_bytes().unwrap() / 1_000_000,
        end * 300 / 1_000_000,
        memory()
    );

    let count = 1_000;
    let start = Barrier::new(4);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for index in 0..4 {
            let (log, start) = (&log, &start);
            scope.spawn(move || {
                let p = PartitionId::new(Family::Customers, index);
                let mut appender = log.appender(p).unwrap();
                let end = log.end(p).unwrap();
                let mut seed = u64::from(index);
                start.wait();
                for offset in end..end + count {
                    appender.append(offset, &[record(&mut seed)]).unwrap();
                }
            });
        }
    });
    println!(
        "embedded, four writers of one 300 B record each: {:.0}/s",
        4.0 * count as f64 / begin.elapsed().as_secs_f64()
    );

    drop((log, appender));
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["idle_child", "--exact", "--nocapture"]).env("SUBLEDGER_TEST_CHILD_DIR", &path);
    assert!(child.status().unwrap().success());
    let begin = Instant::now();
    let log = EmbeddedLog::open(&path).unwrap();
    println!("reopen: {:?}; {}", begin.elapsed(), memory());
    let mut reader = log.reader(&[(p, 0)]).unwrap();
    let begin = Instant::now();
    let mut read = 0;
    while read < log.end(p).unwrap() {
        read += reader.next(1 << 20, Duration::ZERO).unwrap().len() as u64;
    }
    println!("read all: {:.0} records/s; {}", read as f64 / begin.elapsed().as_secs_f64(), memory());
    let blobs = std::fs::read_dir(path.join("blobs")).unwrap().count();
    println!("blob files: {blobs}");
}
