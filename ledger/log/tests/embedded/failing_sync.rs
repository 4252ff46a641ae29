//! A disk that takes the bytes and then says that it cannot keep them.

use subledger_log::{AppendError, Log as _};

use super::tools::{P, block, cold, create, directory, verify};

/// After a failed sync the system may have dropped the pages, so a later sync that succeeds proves nothing: the outcome stays unknown,
/// nothing more is written, nothing of it is shown, and opening again decides.
#[test]
fn a_failed_sync_is_unknown_poisons_the_log_and_reopening_decides() {
    let dir = directory();
    let log = create(dir.path());
    let mut appender = log.appender(P).unwrap();
    appender.append(0, &block(P, 0, 20)).unwrap();
    log.fail_next_sync();
    let error = appender.append(20, &block(P, 20, 5)).unwrap_err();
    assert!(matches!(error, AppendError::Unknown { .. }) && error.to_string().contains("syncing"), "{error}");
    assert_eq!(log.end(P).unwrap(), 20, "what is not certain is not shown");
    for _ in 0..2 {
        let error = log.appender(P).unwrap().append(20, &block(P, 20, 1)).unwrap_err();
        assert!(matches!(error, AppendError::NotWritten { .. }), "{error}");
        assert!(error.to_string().contains("opened again") && error.to_string().contains("syncing"), "{error}");
    }
    assert_eq!(verify(&log, P), 20, "still readable");
    drop((log, appender));
    let log = cold().open(dir.path()).unwrap();
    let found = verify(&log, P);
    assert!(found == 20 || found == 25, "{found} records: whole or not at all");
    log.appender(P).unwrap().append(found, &block(P, found, 5)).unwrap();
    assert_eq!(verify(&log, P), found + 5);
}
