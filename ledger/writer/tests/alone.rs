//! Commands that come alone are decided by whoever brings them; all others by the writer's thread, in the same history.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

mod kit;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use kit::{AGREEMENT, BROKEN, CUSTOMER, Ledger, OFFER, PARTNER, PRICE, PURCHASE, noon, seats};
use subledger_writer::{CommandError, Options};

fn alone() -> Options {
    Options { traffic: Some(Arc::default()), ..Options::default() }
}

/// Threads that asked what time it is while this was decided.
async fn deciders(ledger: &Ledger, text: &str) -> Vec<String> {
    ledger.clock.take_askers();
    ledger.accepted(text).await;
    ledger.clock.take_askers()
}

#[tokio::test]
async fn who_is_alone_waits_for_no_other_thread() {
    for (options, by_thread) in [(alone(), false), (Options::default(), true)] {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::start(dir.path(), &options);
        ledger.with_customer().await;
        let deciders = deciders(&ledger, PURCHASE).await;
        assert!(!deciders.is_empty());
        assert!(deciders.iter().all(|name| name.starts_with("writer ") == by_thread), "{deciders:?}");
        ledger.stop();
    }
}

#[tokio::test]
async fn what_takes_long_is_left_to_the_thread() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &alone());
    ledger.with_customer().await;
    let erasure = r#"{"command_id": "e-1", "erase_customer": {"customer_id": "fabrikam", "reason": "asked for"}}"#;
    let (price, erasure) = (PRICE.replace("l-1", "l-2"), erasure.to_owned());
    for text in [price, erasure] {
        let deciders = deciders(&ledger, &text).await;
        assert!(deciders.iter().all(|name| name.starts_with("writer ")), "{text}: {deciders:?}");
    }
    ledger.stop();
}

/// Some find themselves alone and some do not: whoever decides, each command is in the history once, after those before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_that_meet_others_on_the_way_share_one_history() {
    const CALLERS: u32 = 4;
    const EACH: u32 = 60;
    let dir = tempfile::tempdir().unwrap();
    let options = Options { snapshot_dir: Some(dir.path().join("snapshots")), snapshot_every_commits: 20, ..alone() };
    let ledger = Arc::new(Ledger::start(dir.path(), &options));
    for text in [PARTNER, OFFER, PRICE] {
        ledger.accepted(text).await;
    }
    let of = |text: &str, caller: u32, n: u32| {
        text.replace("fabrikam", &format!("fabrikam{caller}"))
            .replace("\"command_id\": \"", &format!("\"command_id\": \"{caller}-{n}-"))
            .replace("sub-1", &format!("sub-{caller}"))
    };
    ledger.clock.take_askers();
    let callers = (0..CALLERS).map(|caller| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            for text in [CUSTOMER, AGREEMENT, PURCHASE] {
                ledger.accepted(&of(text, caller, 0)).await;
            }
            for n in 0..EACH {
                ledger.accepted(&of(&seats(n), caller, n)).await;
                // Now and then everybody else is waiting too.
                tokio::time::sleep(std::time::Duration::from_micros(u64::from(n % 3 * 400))).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let askers = ledger.clock.take_askers();
    let by_thread = askers.iter().filter(|name| name.starts_with("writer ")).count();
    assert!(by_thread > 0 && by_thread < askers.len(), "{by_thread} of {}", askers.len());

    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for commit in ledger.commits().into_iter().filter(|commit| commit.stream.starts_with("fabrikam")) {
        let next = versions.entry(commit.stream.clone()).or_default();
        assert_eq!(commit.stream_version_before, *next, "{}", commit.command_id);
        *next += 1;
    }
    assert_eq!(versions.into_values().collect::<Vec<_>>(), [u64::from(EACH) + 3; CALLERS as usize]);
    Arc::into_inner(ledger).unwrap().stop();
    // What they wrote between two snapshots is there after a restart.
    let ledger = Ledger::start(dir.path(), &options);
    for caller in 0..CALLERS {
        assert!(ledger.accepted(&of(&seats(EACH - 1), caller, EACH - 1)).await.duplicate);
    }
    ledger.stop();
}

#[tokio::test]
async fn a_panic_on_the_way_ends_the_writer_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &alone());
    ledger.with_customer().await;
    ledger.clock.0.store(BROKEN, Ordering::Relaxed);
    let told = ledger.submit(PURCHASE).await;
    assert!(matches!(&told, Err(CommandError::Unknown { reason }) if reason.contains("panicked")), "{told:?}");
    ledger.clock.0.store(noon().timestamp(), Ordering::Relaxed);
    let running = || ledger.writers.iter().filter(|writer| writer.handle.is_running()).count();
    let all = ledger.writers.len();
    for _ in 0..500 {
        if running() < all {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(running(), all - 1, "the writer of the customer is gone, and no other");
    let refused = ledger.submit(PURCHASE).await;
    assert!(matches!(refused, Err(CommandError::Unavailable { .. })), "{refused:?}");
    ledger.stop();
    let ledger = Ledger::start(dir.path(), &alone());
    assert!(!ledger.accepted(PURCHASE).await.duplicate);
    ledger.stop();
}
