//! How soon the allocator gives memory back to the system.

use std::{env, os::unix::process::CommandExt as _, process::Command};

/// Where mimalloc looks, before `main`, for how many milliseconds it keeps what is free; 1000 if nothing is said.
const DELAY: &str = "MIMALLOC_PURGE_DELAY";
/// With a million subscriptions 50 to 90 MB less than with 1000, and no slower; 100 costs a twentieth of the speed.
const MILLISECONDS: &str = "300";

/// Begins the program again, as the same process, with an allocator that gives memory back sooner, unless its environment says how soon:
/// to tell the allocator later would take unsafe code. Before anything but the log of the process is opened or started. If it cannot,
/// everything goes on as it is.
pub(crate) fn give_back_sooner() {
    let mut arguments = env::args_os();
    if env::var_os(DELAY).is_some() {
        return;
    }
    if let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) {
        // Returns only if it fails.
        let error = Command::new(program).arg0(name).args(arguments).env(DELAY, MILLISECONDS).exec();
        tracing::info!(%error, "the allocator keeps what is free for a second; {DELAY}={MILLISECONDS} in the environment has it keep less");
    }
}
