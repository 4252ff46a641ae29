//! What is to be done: for each enrollment the month to close next, and the days on which payments are ordered.
//!
//! Key: day, what (1 byte), partner text, program text, location text. Row: empty.

use chrono::NaiveDate;
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::{enrollments::EnrollmentKey, prefix::AGENDA};

/// What is to be done once a day is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// The earnings of the month that ends on the day are closed.
    Close,
    /// A payment is ordered.
    Order,
}

fn key(date: NaiveDate, task: Task, of: &EnrollmentKey) -> Vec<u8> {
    of.write(Key::table(AGENDA).date(date).byte(task as u8)).build()
}

pub(crate) fn put(rows: &mut dyn Changes, date: NaiveDate, task: Task, of: &EnrollmentKey) {
    rows.put(key(date, task, of), Vec::new());
}

pub(crate) fn delete(rows: &mut dyn Changes, date: NaiveDate, task: Task, of: &EnrollmentKey) {
    rows.delete(key(date, task, of));
}

/// What is to be done once a day is closed, the oldest first, at most `limit`.
pub(crate) fn through(
    rows: &dyn Rows,
    day: NaiveDate,
    limit: usize,
) -> Result<Vec<(NaiveDate, Task, EnrollmentKey)>, StoreError> {
    let mut due = Vec::new();
    rows.scan(&Key::table(AGENDA).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(AGENDA, key)?;
        let date = reader.date()?;
        if due.len() == limit || date > day {
            return Ok(false);
        }
        let task = if reader.byte()? == Task::Close as u8 { Task::Close } else { Task::Order };
        due.push((date, task, EnrollmentKey::read(&mut reader)?));
        reader.end()?;
        Ok(true)
    })?;
    Ok(due)
}
