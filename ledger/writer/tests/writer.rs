//! What a caller of a writer can see, on the embedded log: outcomes, duplicates, versions, restarts, days.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

mod kit;

use std::sync::{Arc, atomic::Ordering};

use kit::{AGREEMENT, CUSTOMER, LAYOUT, Ledger, OFFER, PARTNER, PRICE, PURCHASE, day, seats, submission};
use subledger_domain::{Event, Reason};
use subledger_log::{Family, PartitionId};
use subledger_writer::{CommandError, Decided, Options, Preview};

#[tokio::test]
async fn a_command_sent_again_gets_its_recorded_outcome_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for snapshots in [None, Some(dir.path().join("snapshots"))] {
        let options = Options { snapshot_dir: snapshots, ..Options::default() };
        let ledger = Ledger::start(dir.path(), &options);
        ledger.with_customer().await;
        let first = ledger.accepted(PURCHASE).await;
        let again = ledger.accepted(PURCHASE).await;
        assert!(again.duplicate);
        assert_eq!(
            (&again.result, again.position, again.stream_version),
            (&first.result, first.position, first.stream_version)
        );
        ledger.stop();
        let ledger = Ledger::start(dir.path(), &options);
        let later = ledger.accepted(PURCHASE).await;
        assert!(later.duplicate);
        assert_eq!((later.result, later.position), (first.result, first.position));
        ledger.stop();
    }
}

/// A snapshot that is written while commands go on is of one moment: with it, and what came after, a restart is where the writer was.
#[tokio::test]
async fn a_snapshot_is_written_beside_and_is_of_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = dir.path().join("snapshots");
    let options = Options { snapshot_dir: Some(snapshots.clone()), snapshot_every_commits: 5, ..Options::default() };
    let ledger = Ledger::start(dir.path(), &options);
    ledger.with_customer().await;
    ledger.accepted(PURCHASE).await;
    let files = || std::fs::read_dir(&snapshots).into_iter().flatten().flatten().map(|entry| entry.path());
    let of_customers = || {
        let is_one = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "snapshot");
        let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        files().find(|path| is_one(path) && name(path).starts_with("customers"))
    };
    let mut n = 0;
    let early = loop {
        n += 1;
        ledger.accepted(&seats(n)).await;
        if let Some(path) = of_customers() {
            break (path.clone(), std::fs::read(path).unwrap());
        }
        assert!(n < 200, "no snapshot was written");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    for later in n + 1..n + 50 {
        ledger.accepted(&seats(later)).await;
    }
    let last = ledger.accepted(&seats(n + 50)).await;
    ledger.stop();
    std::fs::write(&early.0, &early.1).unwrap();
    let ledger = Ledger::start(dir.path(), &Options { snapshot_every_commits: 1_000_000, ..options.clone() });
    for known in [1, n, n + 50] {
        assert!(ledger.accepted(&seats(known)).await.duplicate, "seats({known}) is forgotten");
    }
    let next = ledger.accepted(&seats(n + 51)).await;
    assert_eq!(next.stream_version, last.stream_version + 1);
    ledger.stop();
}

/// What five customers do in turn on a month of days, with a restart between: everything that was recorded of customers.
async fn a_month_of_turns(options: &Options) -> Vec<(String, u64, subledger_log::Body)> {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { snapshot_dir: Some(dir.path().join("snapshots")), ..options.clone() };
    let mut ledger = Ledger::start(dir.path(), &options);
    for text in [PARTNER, OFFER, PRICE] {
        ledger.accepted(text).await;
    }
    let names = ["fabrikam", "tailspin", "wingtip", "adatum", "litware"];
    let of = |text: &str, name: &str, n: u32| {
        text.replace("fabrikam", name).replace("\"command_id\": \"", &format!("\"command_id\": \"{name}-{n}-"))
    };
    for name in names {
        for text in [CUSTOMER, AGREEMENT, PURCHASE] {
            ledger.accepted(&of(text, name, 0).replace("sub-1", &format!("sub-{name}"))).await;
        }
    }
    for date in day("2018-01-13").iter_days().take_while(|date| *date <= day("2018-02-14")) {
        let n = chrono::Datelike::ordinal(&date);
        for (turn, name) in (0..).zip(names) {
            if (n + turn) % 3 == 0 {
                // Some are more than the offer allows, and refused.
                let text = of(&seats(n * 7), name, n).replace("sub-1", &format!("sub-{name}"));
                ledger.submit(&text).await.unwrap();
            }
        }
        let next = (date + chrono::Days::new(1)).and_hms_opt(12, 0, 0).unwrap().and_utc();
        ledger.clock.0.store(next.timestamp(), Ordering::Relaxed);
        ledger.accepted(&format!(r#"{{"command_id": "d-{date}", "close_day": {{"date": "{date}"}}}}"#)).await;
        ledger.wait_day(date);
        if n == 25 {
            ledger.stop();
            ledger = Ledger::start(dir.path(), &options);
            ledger.clock.0.store(next.timestamp(), Ordering::Relaxed);
        }
    }
    let of_customers =
        |commit: &subledger_log::Commit| commit.partition().family == Family::Customers && !commit.stream.is_empty();
    let commits = ledger.commits().into_iter().filter(of_customers);
    let mut recorded: Vec<_> =
        commits.map(|commit| (commit.stream, commit.stream_version_before, commit.body)).collect();
    recorded.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    ledger.stop();
    recorded
}

/// With room for one of them, each customer is packed when the next has its turn, and unpacked for its own.
#[tokio::test]
async fn whoever_decides_and_whether_customers_are_packed_meanwhile_the_same_is_decided() {
    let packed = a_month_of_turns(&Options { ready_customers_max: 1, ..Options::default() }).await;
    let open = a_month_of_turns(&Options { ready_customers_max: 1_000, ..Options::default() }).await;
    let refused = open.iter().filter(|(_, _, body)| matches!(body, subledger_log::Body::Rejected(_))).count();
    let charged = open.iter().filter(|(_, _, body)| match body {
        subledger_log::Body::Accepted(events) => events.iter().any(|event| matches!(event, Event::Charged(_))),
        _ => false,
    });
    assert!(refused > 1 && charged.count() >= 10, "{refused} are refused");
    // Each of their commands comes alone here, so whoever brings it decides it.
    let alone = a_month_of_turns(&Options { traffic: Some(Arc::default()), ..Options::default() }).await;
    for other in [packed, alone] {
        for (other, open) in other.iter().zip(&open) {
            assert_eq!(other, open);
        }
        assert_eq!(other.len(), open.len());
    }
}

#[tokio::test]
async fn an_id_used_for_another_content_is_an_error_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    ledger.with_customer().await;
    let first = ledger.accepted(PURCHASE).await;
    let before = ledger.commits().len();
    let other = PURCHASE.replace("\"quantity\": 1", "\"quantity\": 2");
    match ledger.submit(&other).await {
        Err(CommandError::IdReused { position, .. }) => assert_eq!(position, first.position),
        answer => panic!("{answer:?}"),
    }
    assert_eq!(ledger.commits().len(), before);
    ledger.stop();
}

#[tokio::test]
async fn duplicates_inside_one_block_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    ledger.with_customer().await;
    let other = PURCHASE.replace("\"quantity\": 1", "\"quantity\": 2");
    let batch = vec![submission(PURCHASE), submission(PURCHASE), submission(&other)];
    let answers = ledger.writer_of(&batch[0]).submit(batch).await.unwrap();
    let (first, second) = (answers[0].as_ref().unwrap(), answers[1].as_ref().unwrap());
    assert_eq!((first.duplicate, second.duplicate), (false, true));
    assert_eq!((first.position, &first.result), (second.position, &second.result));
    assert!(matches!(&answers[2], Err(CommandError::IdReused { position, .. }) if *position == first.position));
    ledger.stop();
}

#[tokio::test]
async fn an_expected_version_guards_and_a_refusal_leaves_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    ledger.with_customer().await;
    let version = ledger.accepted(PURCHASE).await.stream_version;
    let change = |id: &str, expected: u64| {
        format!(
            r#"{{"command_id": "{id}", "expected_version": "{expected}", "change_quantity": {{"customer_id": "fabrikam",
                "partner_id": "contoso", "subscription_id": "sub-1", "quantity": {}}}}}"#,
            expected + 10
        )
    };
    let refused = ledger.submit(&change("v-1", version + 1)).await.unwrap();
    let rejection = refused.result.unwrap_err();
    assert_eq!(rejection.reason, Reason::VersionMismatch);
    assert_eq!(rejection.metadata["found"], version.to_string());
    assert_eq!(refused.stream_version, version);
    let accepted = ledger.accepted(&change("v-2", version)).await;
    assert_eq!(accepted.stream_version, version + 1);
    ledger.stop();
}

#[tokio::test]
async fn a_refusal_is_recorded_and_keeps_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    let refused = ledger.submit(PURCHASE).await.unwrap();
    let reason = refused.result.clone().unwrap_err().reason;
    let again = ledger.submit(PURCHASE).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.result.unwrap_err().reason, reason);
    ledger.stop();
}

#[tokio::test]
async fn closing_days_charges_what_is_due_and_marks_every_partition() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    ledger.with_customer().await;
    ledger.accepted(PURCHASE).await;
    let mut date = day("2018-01-13");
    while date <= day("2018-02-13") {
        ledger
            .clock
            .0
            .store(date.succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp(), Ordering::Relaxed);
        ledger.accepted(&format!(r#"{{"command_id": "d-{date}", "close_day": {{"date": "{date}"}}}}"#)).await;
        date = date.succ_opt().unwrap();
    }
    ledger.wait_day(day("2018-02-13"));
    let commits = ledger.commits();
    let charges: Vec<_> = commits
        .iter()
        .flat_map(|commit| commit.events().to_vec())
        .filter_map(|event| match event {
            Event::Charged(charged) => Some((charged.charged_on, charged.charge_start, charged.amount.to_string())),
            _ => None,
        })
        .collect();
    assert_eq!(
        charges,
        [
            (day("2018-01-13"), day("2018-01-13"), "4.00".to_owned()),
            (day("2018-02-13"), day("2018-02-13"), "4.00".to_owned())
        ]
    );
    for partition in LAYOUT.of(Family::Customers) {
        let marked: Vec<_> = commits
            .iter()
            .filter(|commit| commit.partition() == partition)
            .flat_map(|commit| commit.events().to_vec())
            .filter_map(|event| match event {
                Event::PartitionDayClosed(closed) => Some(closed.date),
                _ => None,
            })
            .collect();
        let expected: Vec<_> = day("2018-01-13").iter_days().take(32).collect();
        assert_eq!(marked, expected, "{partition} closes each day once, in order");
    }
    ledger.stop();
}

#[tokio::test]
async fn a_full_queue_refuses_with_a_hint_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options { queue_commands_max: 8, ..Options::default() });
    let catalog = ledger.writer(PartitionId::CATALOG).clone();
    let mut tasks = Vec::new();
    for n in 0..200 {
        let catalog = catalog.clone();
        tasks.push(tokio::spawn(async move {
            let text = OFFER.replace("\"o-1\"", &format!("\"o-{n}\""));
            catalog.submit(vec![submission(&text)]).await
        }));
    }
    let (mut done, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(answers) => {
                assert!(answers[0].as_ref().unwrap().result.is_ok());
                done += 1;
            }
            Err(CommandError::Overloaded { limit, retry_after, .. }) => {
                assert_eq!(limit, 8);
                assert!(!retry_after.is_zero());
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(done + refused, 200);
    let recorded = ledger.commits().iter().filter(|commit| commit.stream == "catalog").count();
    assert_eq!(recorded, done, "what was answered is there, what was refused is not");
    assert_eq!(catalog.queue_depth(), 0);
    ledger.stop();
}

/// What is on an invoice to come: its date, then each line's type, seats and amount.
fn on_invoices(decided: &Decided) -> Vec<String> {
    let line = |line: &subledger_domain::charge::Charged| {
        format!("{} x{} {}", line.charge_type.label(), line.quantity, line.amount)
    };
    let invoices = decided.invoices.iter();
    invoices.map(|i| format!("{}: {}", i.date, i.lines.iter().map(line).collect::<Vec<_>>().join(", "))).collect()
}

#[tokio::test]
async fn a_preview_is_what_would_be_recorded_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::start(dir.path(), &Options::default());
    ledger.with_customer().await;
    let before = ledger.commits().len();
    let preview = ledger.would_be(PURCHASE).await;
    // Billing day 15: the purchase of the 13th at once, the next month with the anniversary of 13 February.
    assert_eq!(on_invoices(&preview), ["2018-01-15: Cycle fee x1 4.00", "2018-02-15: Cycle fee x1 4.00"]);
    assert_eq!(ledger.commits().len(), before);
    let outcome = ledger.accepted(PURCHASE).await;
    assert_eq!((&preview.result, preview.stream_version), (&outcome.result, outcome.stream_version));
    assert!(!outcome.duplicate);
    // Once it is recorded, a preview tells so; another content under its id is the error that it would be.
    assert!(matches!(ledger.preview(PURCHASE).await.unwrap(), Preview::Recorded(again) if again.duplicate));
    let other = PURCHASE.replace("\"quantity\": 1", "\"quantity\": 2");
    assert!(matches!(ledger.preview(&other).await, Err(CommandError::IdReused { .. })));

    // A change is corrected on the anniversary: nothing on the next invoice, all of it on the one after it.
    let change = r#"{"command_id": "q-1", "change_quantity": {"customer_id": "fabrikam", "partner_id": "contoso",
        "subscription_id": "sub-1", "quantity": 3}}"#;
    let before = ledger.commits().len();
    let preview = ledger.would_be(change).await;
    assert_eq!(
        on_invoices(&preview),
        [
            "2018-01-15: ",
            "2018-02-15: Cycle Instance Prorate x1 -4.00, Cycle Instance Prorate x3 12.00, Cycle Instance Prorate x3 12.00",
        ]
    );
    let refused = ledger.would_be(&change.replace("3}", "301}")).await;
    assert_eq!(refused.result.unwrap_err().reason, Reason::QuantityAboveMaximum);
    let stale = change.replacen('{', r#"{"expected_version": 1, "#, 1);
    assert_eq!(ledger.would_be(&stale).await.result.unwrap_err().reason, Reason::VersionMismatch);
    assert_eq!(ledger.commits().len(), before);
    assert!(ledger.writers.iter().all(|writer| writer.handle.queue_depth() == 0));
    ledger.stop();
}
