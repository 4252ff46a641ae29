//! The limits of [`crate::limits`], from both sides.

use bytes::Bytes;

use crate::{
    AppendError, Tail,
    limits::{BLOCK_BYTES_MAX, BLOCK_COMMITS_MAX, RECORD_BYTES_MAX},
};

use super::{
    Fixture, Outcome, check,
    tools::{P, append_raw, claim, drafts, history, ids, read_raw, same},
};

fn bytes(length: usize, fill: u8) -> Bytes {
    vec![fill; length].into()
}

pub(super) fn longest_record(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let records = [bytes(10, 1), bytes(RECORD_BYTES_MAX, 2), bytes(10, 3)];
    append_raw(&*log, P, &records)?;
    let too_long = [bytes(10, 4), bytes(RECORD_BYTES_MAX + 1, 5)];
    let refused = log.appender(P)?.append(3, &too_long);
    let right = matches!(refused, Err(AppendError::TooLarge { bytes, limit: RECORD_BYTES_MAX, .. }) if bytes == RECORD_BYTES_MAX + 1);
    check(right, || format!("a record that is too long: {refused:?}"))?;
    same(log.end(P)?, 3, "the end after a refused block")?;
    append_raw(&*log, P, &[bytes(1, 6)])?;
    let found: Vec<Bytes> = read_raw(&*log, P, 0)?.into_iter().map(|record| record.bytes).collect();
    check(found[..3] == records && found[3] == bytes(1, 6), || "the records came back changed".into())
}

pub(super) fn empty_append(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let mut appender = log.appender(P)?;
    appender.append(0, &[])?;
    same(log.end(P)?, 0, "the end after an empty append")?;
    appender.append(0, &[bytes(3, 1)])?;
    appender.append(1, &[])?;
    same(log.end(P)?, 1, "the end after another")?;
    same(read_raw(&*log, P, 0)?.len(), 1, "records")
}

pub(super) fn largest_block(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    let written = writer.append(drafts("block", BLOCK_COMMITS_MAX))?;
    same(written.len(), BLOCK_COMMITS_MAX, "commits written")?;
    let (found, skipped) = history(&*log, P)?;
    same((ids(&found).len(), skipped), (BLOCK_COMMITS_MAX, 0), "commands and skipped records")
}

pub(super) fn longest_block(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let count = BLOCK_BYTES_MAX / RECORD_BYTES_MAX;
    let records: Vec<Bytes> = (0..=u8::MAX).cycle().take(count).map(|fill| bytes(RECORD_BYTES_MAX, fill)).collect();
    append_raw(&*log, P, &records)?;
    let found: Vec<Bytes> = read_raw(&*log, P, 0)?.into_iter().map(|record| record.bytes).collect();
    check(found == records, || "the records came back changed".into())
}
