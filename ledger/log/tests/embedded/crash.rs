//! Processes that die, and processes that share a directory.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use subledger_log::{
    Log as _, OpenError,
    embedded::{EmbeddedLog, EmbeddedOptions},
};

use super::tools::{P, Q, block, child, child_dir, cold, create, directory, verify};

const ROUNDS: u64 = 10;

/// A child of a test below, nothing without its parent: appends to two partitions for ever and prints each end it was told.
#[test]
fn child_that_appends() {
    let Some(dir) = child_dir() else { return };
    // So short that many of them are begun in each round.
    let log = EmbeddedOptions { volume_bytes: 400_000, ..EmbeddedOptions::default() }.open(dir).unwrap();
    std::thread::scope(|scope| {
        for partition in [P, Q] {
            let log = &log;
            scope.spawn(move || {
                let mut appender = log.appender(partition).unwrap();
                let mut end = log.end(partition).unwrap();
                loop {
                    let count = 1 + end * 7 % 90;
                    appender.append(end, &block(partition, end, count)).unwrap();
                    end += count;
                    println!("\nacknowledged {partition} {end}");
                }
            });
        }
    });
}

#[test]
fn killed_processes_lose_nothing() {
    let dir = directory();
    drop(create(dir.path()));
    for round in 0..ROUNDS {
        let mut process =
            child("embedded::crash::child_that_appends", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let reading = std::thread::spawn(move || {
            let mut acknowledged = [0, 0];
            for line in output.lines().map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                if let ["acknowledged", partition, end] = words[..] {
                    // The last line may be cut; a shorter number is a smaller promise.
                    let slot = usize::from(partition == Q.to_string());
                    acknowledged[slot] = acknowledged[slot].max(end.parse().unwrap_or(0));
                }
            }
            acknowledged
        });
        // Different moments each time, some of them while the child still opens.
        std::thread::sleep(Duration::from_millis(40 + round * 97 % 400));
        process.kill().unwrap();
        process.wait().unwrap();
        let acknowledged: [u64; 2] = reading.join().unwrap();
        let log = cold().open(dir.path()).unwrap();
        for (partition, acknowledged) in [P, Q].into_iter().zip(acknowledged) {
            let end = verify(&log, partition);
            assert!(end >= acknowledged, "round {round}: {partition} ends at {end}, {acknowledged} were acknowledged");
            println!("round {round}: {partition} has {end}, acknowledged {acknowledged}");
        }
    }
    assert!(verify(&cold().open(dir.path()).unwrap(), P) > 0, "some child got as far as to append");
    assert!(dir.path().join("volume-3").exists(), "some child got as far as to go on in new volumes");
}

/// A child of a test below, nothing without its parent: holds the directory until it is killed.
#[test]
fn child_that_holds_the_directory() {
    let Some(dir) = child_dir() else { return };
    let _log = EmbeddedLog::open(dir).unwrap();
    println!("\nopened");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn two_processes_do_not_share_a_directory() {
    let dir = directory();
    drop(create(dir.path()));
    let mut process =
        child("embedded::crash::child_that_holds_the_directory", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "opened"));

    let mut options = cold();
    options.lock_wait = Duration::from_millis(200);
    let begin = Instant::now();
    let error = options.open(dir.path()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(begin.elapsed() >= options.lock_wait);

    // While the wait lasts, the other may go.
    let waiting = std::thread::spawn({
        let dir = dir.path().to_owned();
        move || EmbeddedLog::open(dir).map(drop)
    });
    std::thread::sleep(Duration::from_millis(100));
    process.kill().unwrap();
    process.wait().unwrap();
    waiting.join().unwrap().unwrap();
}

#[test]
fn one_process_does_not_open_a_directory_twice() {
    let dir = directory();
    let log = create(dir.path());
    let mut options = cold();
    options.lock_wait = Duration::ZERO;
    assert!(matches!(options.open(dir.path()), Err(OpenError::InUse { .. })));
    drop(log);
    EmbeddedLog::open(dir.path()).unwrap();
}
