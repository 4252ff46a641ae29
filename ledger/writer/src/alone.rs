//! A command that comes while no other is on its way is decided on the thread that brings it: to hand it to the writer's thread, and the
//! answer back, takes longer than to decide it.
//!
//! Only where an append is a matter of a disk, and one command at a time: whoever brings the next one finds its thread free.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use subledger_domain::{Command, command::Target};

use crate::{
    CommandError, Submission,
    partition::{Answers, Job, Shared},
    run::Writer,
};

/// A writer, for whoever decides next; none once it has ended.
pub(crate) type Desk = Mutex<Option<Writer>>;

/// Sits down at it, once nobody else does.
pub(crate) fn lock(desk: &Desk) -> MutexGuard<'_, Option<Writer>> {
    // Only the writer's thread panics with it, and that is its end.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commands that are on their way to the writers of a process.
#[derive(Debug, Default)]
pub struct Traffic {
    commands: AtomicUsize,
}

impl Traffic {
    pub(crate) fn came(&self, commands: usize) {
        self.commands.fetch_add(commands, Ordering::AcqRel);
    }

    pub(crate) fn went(&self, commands: usize) {
        self.commands.fetch_sub(commands, Ordering::AcqRel);
    }

    fn is_one(&self) -> bool {
        self.commands.load(Ordering::Acquire) == 1
    }
}

/// Decides here and now what has room in the queue, if it is one command, alone, and quick to decide. None if the thread is to do it.
pub(crate) fn decide(
    shared: &Shared,
    desk: &Desk,
    thread: &mpsc::Sender<Job>,
    submissions: &[Submission],
) -> Option<Answers> {
    let [only] = submissions else { return None };
    let alone = shared.options.traffic.as_ref().is_some_and(|traffic| traffic.is_one());
    if !alone || !is_quick(&only.envelope.command) || shared.options.brake.is_set() {
        return None;
    }
    let mut desk = desk.try_lock().ok()?;
    let writer = desk.as_mut().filter(|writer| writer.is_at_rest())?;
    let decided = catch_unwind(AssertUnwindSafe(|| (writer.decide_and_commit(submissions), writer.has_more_to_do())));
    shared.went(submissions.len());
    let (answers, more) = decided.unwrap_or_else(|_| {
        // What it knows may be half changed. Its thread finds it gone, and ends.
        *desk = None;
        let reason = format!("the writer of {} panicked", shared.partition);
        (vec![Err(CommandError::Unknown { reason })], true)
    });
    if more {
        // Fails if its thread has ended, and then nothing more is done.
        let _ = thread.send(Job::Wake);
    }
    Some(answers)
}

/// Whether deciding it is a matter of one customer: catalogs are long, and after an erasure a snapshot is written before the answer.
fn is_quick(command: &Command) -> bool {
    let is_customers = matches!(command.target(), Target::Customer(_));
    is_customers && !matches!(command, Command::EraseCustomer(_) | Command::RunDue(_))
}
