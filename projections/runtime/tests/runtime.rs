//! A projection on its thread: resumes exactly, rebuilds to the same rows, tells what is wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod common;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::*;
use proptest::prelude::*;
use subledger_fold::{Changes, Projection, Recorded, Rows, StoreError, get};
use subledger_log::{Body, Position};
use subledger_projection_runtime::{
    Config, Digest, GivenUp, Limits, OnStale, OpenError, Rebuild, RebuildError, Runner, StartError, State, WaitError,
};

fn start(log: &VecLog, config: Config) -> Runner {
    Runner::start(Arc::new(log.clone()), Arc::new(Counting { version: 1 }), config).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn caught_up(runner: &Runner, log: &VecLog) -> Digest {
    let handle = runner.handle();
    let wanted = last_positions(log);
    runtime().block_on(handle.wait_for(&wanted, soon())).unwrap();
    handle.digest().unwrap().value
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn stops_and_goes_on_exactly_where_it_was() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 500);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    runner.stop();
    fill(&log, 500, 900);
    let runner = start(&log, config(dir.path()));
    let resumed = caught_up(&runner, &log);
    // Each commit once: 900 and the start of each partition's writer.
    assert_eq!(total(&runner.handle()), 900 + u64::from(PARTITIONS));

    let other = tempfile::tempdir().unwrap();
    let whole = start(&log, config(other.path()));
    assert_eq!(caught_up(&whole, &log), resumed);
}

#[test]
fn what_a_crash_leaves_on_disk_is_whole() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    let mut config = config(dir.path());
    config.limits.commits_max = 7;
    config.store.settle_every = Duration::from_millis(1);
    let runner = start(&log, config.clone());
    let mut images = Vec::new();
    for step in 0..8 {
        fill(&log, step * 100, step * 100 + 100);
        std::thread::sleep(Duration::from_millis(15));
        // What a process killed now would find, sled's write-out not waited for.
        let image = tempfile::tempdir().unwrap();
        copy(dir.path(), image.path());
        images.push(image);
    }
    let expected = caught_up(&runner, &log);
    for image in images {
        let runner = start(&log, Config { dir: image.path().to_owned(), ..config.clone() });
        assert_eq!(caught_up(&runner, &log), expected);
        assert_eq!(total(&runner.handle()), 800 + u64::from(PARTITIONS));
    }
}

#[test]
fn a_rebuild_gives_the_same_rows_while_commits_keep_coming() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 3_000);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    let handle = runner.handle();
    let writer = {
        let log = log.clone();
        std::thread::spawn(move || {
            for step in 30..60 {
                fill(&log, step * 100, step * 100 + 100);
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let mut told = Vec::new();
    let check = handle.rebuild(Rebuild { compare: true, swap: false }, &mut |at| told.push(*at)).unwrap();
    assert_eq!((check.compared, check.difference, check.swapped), (true, None, false));
    assert!(told.is_sorted_by_key(|at| at.done) && told.last().is_some_and(|at| at.done <= at.total && at.done > 0));

    let before = handle.positions();
    let swap = handle.rebuild(Rebuild { compare: true, swap: true }, &mut |_| {}).unwrap();
    assert_eq!((swap.compared, swap.difference, swap.swapped), (true, None, true));
    let after = handle.positions();
    assert!(before.iter().zip(&after).all(|(before, after)| before <= after), "rows never get older");
    writer.join().unwrap();
    let rows = caught_up(&runner, &log);
    runner.stop();
    drop(handle);

    // What was swapped in is what is found at the next start, and one generation is left.
    let generations = || {
        let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("g-")).count()
    };
    let runner = start(&log, config(dir.path()));
    assert_eq!(caught_up(&runner, &log), rows);
    assert_eq!(generations(), 1);
}

#[test]
fn one_rebuild_at_a_time_and_none_after_the_end() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 100);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    let handle = runner.handle();
    let again = handle.clone();
    let what = Rebuild { compare: false, swap: false };
    let mut second = None;
    handle.rebuild(what, &mut |_| second = Some(again.rebuild(what, &mut |_| {}))).unwrap();
    assert!(matches!(second, Some(Err(RebuildError::AlreadyRunning { .. }))));
    runner.stop();
    assert!(matches!(handle.rebuild(what, &mut |_| {}), Err(RebuildError::Stopped)));
    assert_eq!(handle.status().state, State::Stopped);
    assert_eq!(total(&handle), 103, "rows can be read to the end");
}

#[test]
fn a_rebuild_that_nobody_wants_any_more_leaves_nothing() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 3_000);
    let runner = start(&log, config(dir.path()));
    let rows = caught_up(&runner, &log);
    let handle = runner.handle();
    let stores =
        || std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>();
    let before = stores();
    let what = Rebuild { compare: true, swap: true };
    // In the middle of folding.
    let batches = Arc::new(AtomicUsize::new(0));
    let counting = batches.clone();
    let midway: GivenUp = Arc::new(move || counting.load(Ordering::Relaxed) >= 2);
    let folded = handle.rebuild_unless(&midway, what, &mut |_| {
        batches.fetch_add(1, Ordering::Relaxed);
    });
    assert!(matches!(folded, Err(RebuildError::GivenUp { .. })), "{folded:?}");
    assert_eq!(batches.load(Ordering::Relaxed), 2, "it goes on folding");
    // At the very end, when the folding thread has compared and only the swap is left.
    let caller = std::thread::current().id();
    let at_the_end: GivenUp = Arc::new(move || std::thread::current().id() != caller);
    let swapped = handle.rebuild_unless(&at_the_end, what, &mut |_| {});
    assert!(matches!(swapped, Err(RebuildError::GivenUp { .. })), "{swapped:?}");
    assert_eq!(stores(), before);
    assert_eq!(caught_up(&runner, &log), rows);
    let report = handle.rebuild(what, &mut |_| {}).unwrap();
    assert_eq!((report.difference, report.digest, report.reflects), (None, Some(rows), handle.positions()));
    fill(&log, 3_000, 3_010);
    caught_up(&runner, &log);
    assert_eq!(handle.status().state, State::Running);
}

#[test]
fn another_version_is_stale_and_another_ledger_is_refused() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 50);
    let runner = start(&log, config(dir.path()));
    let rows = caught_up(&runner, &log);
    runner.stop();

    let open = |log: &VecLog, version, on_stale| {
        let config = Config { on_stale, ..config(dir.path()) };
        Runner::start(Arc::new(log.clone()), Arc::new(Counting { version }), config)
    };
    assert!(matches!(open(&log, 2, OnStale::Refuse), Err(StartError::Open(OpenError::Stale { .. }))));
    let other = VecLog::new(2);
    for on_stale in [OnStale::Refuse, OnStale::Rebuild] {
        assert!(matches!(open(&other, 1, on_stale), Err(StartError::Open(OpenError::WrongLedger { .. }))));
    }
    let runner = open(&log, 2, OnStale::Rebuild).unwrap();
    assert_eq!(caught_up(&runner, &log), rows);
    assert_eq!(total(&runner.handle()), 53, "folded again from the beginning, not on top");
}

#[test]
fn a_damaged_store_is_told_apart_and_folded_again() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 50);
    let runner = start(&log, config(dir.path()));
    let rows = caught_up(&runner, &log);
    runner.stop();
    std::fs::write(dir.path().join("CURRENT"), "nonsense").unwrap();
    let refused = Config { on_stale: OnStale::Refuse, ..config(dir.path()) };
    let refused = Runner::start(Arc::new(log.clone()), Arc::new(Counting { version: 1 }), refused);
    assert!(matches!(refused, Err(StartError::Open(OpenError::Damaged { .. }))));
    let runner = start(&log, config(dir.path()));
    assert_eq!(caught_up(&runner, &log), rows);
}

/// Flips bytes all over a store's file. Whatever sled makes of it, the rows become those of the log, by going on, by folding everything
/// again, or by a rebuild once it has said that it cannot go on; never other rows in silence.
#[test]
fn a_flipped_byte_in_a_store_never_gives_other_rows() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 600);
    let runner = start(&log, config(dir.path()));
    let rows = caught_up(&runner, &log);
    runner.stop();
    let db = Path::new("g-00000001").join("db");
    let bytes = std::fs::read(dir.path().join(&db)).unwrap();
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    let (mut went_on, mut said) = (0, 0);
    for n in 0..20 {
        let image = tempfile::tempdir().unwrap();
        copy(dir.path(), image.path());
        let mut bytes = bytes.clone();
        bytes[used * n / 19] ^= 0x10;
        std::fs::write(image.path().join(&db), bytes).unwrap();
        let runner = start(&log, config(image.path()));
        let handle = runner.handle();
        let wanted = last_positions(&log);
        let outcome = runtime().block_on(handle.wait_for(&wanted, soon()));
        match outcome.map(|()| handle.digest()) {
            Ok(Ok(found)) => {
                assert_eq!(found.value, rows, "flip {n} gave other rows");
                went_on += 1;
            }
            failed => {
                println!("flip {n}: {failed:?}");
                handle.rebuild(Rebuild { compare: false, swap: true }, &mut |_| {}).unwrap();
                assert_eq!(caught_up(&runner, &log), rows, "rebuilt after flip {n}");
                said += 1;
            }
        }
    }
    println!("{went_on} went on or began anew, {said} said that they cannot");
}

#[test]
fn few_rows_are_read_wherever_they_lie() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 500);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    let read = |runner: &Runner| {
        let tries = Arc::new(AtomicUsize::new(0));
        let query = {
            let tries = Arc::clone(&tries);
            move |rows: &dyn Rows| {
                tries.fetch_add(1, Ordering::SeqCst);
                get::<u64>(rows, &total_key())
            }
        };
        let read = runtime().block_on(runner.handle().query_few(query)).unwrap();
        assert_eq!(read.value, Some(500 + u64::from(PARTITIONS)));
        assert_eq!(read.reflects.to_vec(), runner.handle().positions());
        tries.load(Ordering::SeqCst)
    };
    read(&runner);
    runner.stop();
    // After a start all is on the disk; what was read once is in memory.
    let runner = start(&log, config(dir.path()));
    assert_eq!([read(&runner), read(&runner)], [2, 1]);
}

#[test]
fn commits_gather_until_somebody_waits_for_them() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    let mut config = config(dir.path());
    config.limits.gather = Duration::from_secs(60);
    let runner = start(&log, config);
    let began = Instant::now();
    for step in 0..5 {
        fill(&log, step * 10, step * 10 + 10);
        std::thread::sleep(Duration::from_millis(30));
        caught_up(&runner, &log);
    }
    fill(&log, 50, 60);
    runner.stop();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?} for what nobody has to wait for", began.elapsed());
}

#[test]
fn waits_for_positions_and_says_what_is_missing() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 10);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    let handle = runner.handle();
    let next = Position { partition: partition(0), seq: last_positions(&log)[0].seq + 1 };
    runtime().block_on(async {
        let soon_over = Instant::now() + Duration::from_millis(50);
        let timeout = handle.wait_for(&[next], soon_over).await;
        assert_eq!(timeout, Err(WaitError::Timeout { projection: "counting", missing: next }));
        let nowhere = Position { partition: partition(0), seq: 0 };
        let nowhere = Position { partition: subledger_log::PartitionId { index: 99, ..nowhere.partition }, ..nowhere };
        assert!(matches!(handle.wait_for(&[nowhere], soon()).await, Err(WaitError::NoSuchPartition { .. })));

        let late = log.clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            late.append(partition(0), "c-0", 900, Body::Accepted(vec![seats("c-0", 5)]))
        });
        handle.wait_for(&[next], soon()).await.unwrap();
        assert_eq!(writer.join().unwrap(), next);
    });
    let read = handle.read(|rows| get::<Count>(rows, &stream_key("c-0"))).unwrap();
    assert_eq!(read.value.unwrap().version, 901);
    assert!(read.reflects.contains(&next));
    assert_eq!(handle.lag().age, Duration::ZERO);
}

#[test]
fn a_commit_that_cannot_be_folded_stops_folding_and_nothing_else() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 30);
    let runner = start(&log, config(dir.path()));
    caught_up(&runner, &log);
    let good = log.append(partition(0), "c-0", 100, Body::Accepted(vec![seats("c-0", 7)]));
    let poison = log.append(partition(0), "c-0", 101, Body::Accepted(vec![seats("c-0", 8), seats("c-0", POISON)]));
    let handle = runner.handle();
    let missing = runtime().block_on(handle.wait_for(&[poison], soon()));
    assert!(matches!(&missing, Err(WaitError::NotFolding { missing, .. }) if *missing == poison), "{missing:?}");
    let status = handle.status();
    assert_eq!(status.state, State::Failed);
    let error = status.error.unwrap();
    assert!(
        error.contains("666 seats") && error.contains(&poison.to_string()) && error.contains("c-0 version 102"),
        "{error}"
    );

    let read = handle.read(|rows| get::<Count>(rows, &stream_key("c-0"))).unwrap();
    assert_eq!(read.value.unwrap().seats, 7, "everything before it is there, nothing of it is");
    assert!(read.reflects.contains(&good) && !read.reflects.contains(&poison));
    let rebuild = handle.rebuild(Rebuild { compare: false, swap: true }, &mut |_| {});
    assert!(matches!(rebuild, Err(RebuildError::Fold(_))), "{rebuild:?}");
}

#[test]
fn after_a_failure_a_rebuild_brings_it_back() {
    /// Fails until it is mended.
    struct Broken(Counting, Arc<AtomicBool>);
    impl Projection for Broken {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn version(&self) -> u32 {
            self.0.version()
        }
        fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
            let broken = self.1.load(Ordering::Relaxed) && commit.position.seq == 5;
            assert!(!broken, "a bug of the fold");
            self.0.fold(commit, rows)
        }
    }
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 100);
    let broken = Arc::new(AtomicBool::new(true));
    let projection = Broken(Counting { version: 1 }, broken.clone());
    let runner = Runner::start(Arc::new(log.clone()), Arc::new(projection), config(dir.path())).unwrap();
    let handle = runner.handle();
    let status = runtime().block_on(handle.changed(State::Rebuilding));
    assert_eq!(status.state, State::Failed);
    assert!(status.error.unwrap().contains("a bug of the fold"));
    broken.store(false, Ordering::Relaxed);
    let report = handle.rebuild(Rebuild { compare: true, swap: true }, &mut |_| {}).unwrap();
    assert_eq!((report.compared, report.swapped), (false, true));
    fill(&log, 100, 200);
    caught_up(&runner, &log);
    assert_eq!((handle.status().state, total(&handle)), (State::Running, 200 + u64::from(PARTITIONS)));
}

#[test]
fn a_fold_may_not_touch_the_stores_own_keys() {
    struct Greedy;
    impl Projection for Greedy {
        fn name(&self) -> &'static str {
            "greedy"
        }
        fn version(&self) -> u32 {
            1
        }
        fn fold(&self, _: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
            rows.put(vec![0, b'c'], vec![1]);
            Ok(())
        }
    }
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    fill(&log, 0, 1);
    let runner = Runner::start(Arc::new(log), Arc::new(Greedy), config(dir.path())).unwrap();
    let handle = runner.handle();
    let status = runtime().block_on(handle.changed(State::Rebuilding));
    assert_eq!(status.state, State::Failed);
    assert!(handle.positions().is_empty());
}

#[test]
fn reads_see_rows_of_exactly_the_positions_they_are_told() {
    let (log, dir) = (VecLog::new(1), tempfile::tempdir().unwrap());
    let mut config = config(dir.path());
    config.limits.commits_max = 3;
    let runner = start(&log, config);
    let handle = runner.handle();
    let late = log.clone();
    let writer = std::thread::spawn(move || fill(&late, 0, 1_500));
    loop {
        let read = handle.read(|rows| get::<u64>(rows, &total_key())).unwrap();
        let folded: u64 = read.reflects.iter().map(|position| position.seq + 1).sum();
        assert_eq!(read.value.unwrap_or_default(), folded);
        if folded == 1_500 + u64::from(PARTITIONS) {
            break;
        }
    }
    writer.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn batches_and_interleavings_do_not_show(
        commits in 1_u32..300,
        (commits_max, keys_max) in (1_u64..40, 1_usize..60),
        read_max in 1_usize..50,
        reverse in any::<bool>(),
    ) {
        let log = VecLog::new(1);
        fill(&log, 0, commits);
        let (plain, odd) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let expected = caught_up(&start(&log, config(plain.path())), &log);
        let mut config = config(odd.path());
        config.limits = Limits { commits_max, keys_max, ..config.limits };
        let other = log.read_as(read_max, reverse);
        prop_assert_eq!(caught_up(&start(&other, config), &log), expected);
    }
}
