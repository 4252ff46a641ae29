//! Forgetting a customer that was erased.
//!
//! Rows of earlier states, activities and indexes have its names, and so have the files of the store, where nothing is overwritten in
//! place. So everything is folded again from the history, in which the names cannot be read any more, into a store that replaces this one.
//! Until that is done a mark stands in the projection's directory, and a restart goes on with it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use subledger_fold::StoreError;

use crate::{
    error::RebuildError,
    handle::Shared,
    rebuild::{self, GivenUp, Rebuild},
};

/// How long to wait before trying again, when a rebuild is running already or failed.
const RETRY: Duration = Duration::from_millis(500);

impl Shared {
    /// Notes that a customer was erased, before the rows say so. What a crash leaves undone is done at the next start.
    pub(crate) fn note_erasure(&self) -> Result<(), StoreError> {
        self.home
            .must_forget()
            .map_err(|error| StoreError(format!("cannot note that a customer was erased: {error}")))?;
        self.erasures.fetch_add(1, Ordering::SeqCst);
        self.forgetting.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Begins to fold again on a thread of its own, unless that is being done.
pub(crate) fn begin(shared: &Arc<Shared>) {
    if shared.forgetter.swap(true, Ordering::SeqCst) {
        return;
    }
    let forgetful = Arc::clone(shared);
    let name = format!("forget-{}", shared.name());
    if let Err(error) = std::thread::Builder::new().name(name).spawn(move || run(&forgetful)) {
        shared.forgetter.store(false, Ordering::SeqCst);
        tracing::error!(projection = shared.name(), %error, "no thread to forget an erased customer with; a restart tries again");
    }
}

fn run(shared: &Arc<Shared>) {
    while !shared.stopping() {
        let before = shared.erasures.load(Ordering::SeqCst);
        match refold(shared) {
            Ok(()) if shared.erasures.load(Ordering::SeqCst) == before => {
                if let Err(error) = shared.home.forgot() {
                    tracing::warn!(projection = shared.name(), %error, "rows will be folded once more than needed");
                }
                shared.forgetting.store(false, Ordering::SeqCst);
                tracing::info!(projection = shared.name(), "nothing is left of the names of erased customers");
                break;
            }
            // Another one was erased meanwhile.
            Ok(()) => {}
            Err(RebuildError::Stopped) => break,
            Err(error) => {
                if !matches!(error, RebuildError::AlreadyRunning { .. }) {
                    tracing::error!(projection = shared.name(), %error, "rows still have names of an erased customer; trying again");
                }
                std::thread::sleep(RETRY);
            }
        }
    }
    shared.forgetter.store(false, Ordering::SeqCst);
    // One that was noted between the last look and now.
    if shared.forgetting.load(Ordering::SeqCst) && !shared.stopping() {
        begin(shared);
    }
}

fn refold(shared: &Arc<Shared>) -> Result<(), RebuildError> {
    let stopped = Arc::clone(shared);
    let given_up: GivenUp = Arc::new(move || stopped.stopping());
    let what = Rebuild { compare: false, swap: true };
    rebuild::run(shared, what, &given_up, &mut |_| {}).map(|_| ())
}
