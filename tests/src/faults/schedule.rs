//! Who acts when. One thread: an action takes its actor out of the world, runs its real code without holding the world, and puts it
//! back. At each call of a log ([`point`]) other actions may run in between, on top of it, and the process may die: then its code is
//! unwound and what it knew is gone, while what it wrote stays.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use super::{Failure, Report, actions, check, world::World};

/// Actions that may lie on top of each other.
const DEPTH_MAX: usize = 3;
/// Actions of others while a slow disk is at work, at most.
const SLOW_ACTIONS_MAX: usize = 25;
/// How long a slow disk takes, at most, in seconds: longer than a writer is waited for.
const SLOW_SECONDS_MAX: usize = 300;
/// Steps between two looks at everything that is dear to look at.
const CHECK_EVERY: u64 = 1_500;
/// Steps in which a mended world must come to rest.
const SETTLE_STEPS_MAX: u64 = 60_000;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Process {
    Node(usize),
    Projector(usize),
}

/// A process from one start to the next death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) process: Process,
    pub(super) number: u64,
}

/// What unwinds a process that dies.
struct Crash;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Looks at the world, or changes it. No code of the ledger may run meanwhile.
pub(super) fn with<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD
        .with_borrow_mut(|world| look(world.as_mut().unwrap_or_else(|| unreachable!("there is a world while it runs"))))
}

/// A moment at which a process can be interrupted, and can die. False if what it is about to read cannot be reached.
pub(super) fn point(life: Life) -> bool {
    let nested = with(|world| {
        if world.calm || world.violation.is_some() || world.depth >= DEPTH_MAX {
            return 0;
        }
        let interleave = world.profile.interleave;
        if world.random.chance(interleave) { 1 + world.random.below(6) } else { 0 }
    });
    for _ in 0..nested {
        step();
    }
    let (dead, readable) = with(|world| {
        let mut dead = world.is_dead(life);
        if !dead && !world.calm && world.random.below(10_000) < usize::from(world.profile.crash) {
            world.note(format!("{:?} dies in the middle", life.process));
            world.kill(life.process);
            dead = true;
        }
        let unreadable = world.profile.unreadable;
        (dead, world.calm || !world.random.chance(unreadable))
    });
    if dead {
        resume_unwind(Box::new(Crash));
    }
    readable
}

/// An append that takes its time: minutes pass and others act, before it lies there or before anybody learns that it does.
pub(super) fn slow_disk(life: Life) {
    let others = with(|world| {
        let slow = world.profile.slow_disk;
        if world.calm || world.violation.is_some() || world.depth >= DEPTH_MAX || !world.random.chance(slow) {
            return 0;
        }
        let seconds = 1 + world.random.below(SLOW_SECONDS_MAX);
        world.note(format!("the disk of {:?} takes {seconds} s", life.process));
        world.forward(chrono::TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0)));
        world.counters.slow_appends += 1;
        1 + world.random.below(SLOW_ACTIONS_MAX)
    });
    (0..others).for_each(|_| step());
    if with(|world| world.is_dead(life)) {
        resume_unwind(Box::new(Crash));
    }
}

/// Runs a process's code. None if it died.
pub(super) fn alive<T>(run: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(cause) if cause.is::<Crash>() => None,
        Err(cause) => {
            let what = format!("a panic: {}", message(&*cause));
            with(|world| world.violated(what));
            None
        }
    }
}

fn message(cause: &(dyn Any + Send)) -> String {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}

/// One action, and a look at what it left in the log.
fn step() {
    let action = with(|world| {
        world.begin_step();
        world.depth += 1;
        world.violation.is_none().then(|| actions::choose(world))
    });
    if let Some(action) = action {
        actions::run(action);
    }
    with(|world| {
        world.depth -= 1;
        world.read_log();
    });
}

pub(super) fn run(seed: u64, steps: u64, scratch: &Path) -> Result<Report, Box<Failure>> {
    WORLD.set(Some(World::new(seed, scratch)));
    let ended = live(steps);
    let world = WORLD.take();
    let Some(world) = world else { unreachable!("nobody took it") };
    match ended {
        Ok(()) => Ok(Report { trace_hash: world.trace.hash(), steps: world.steps, counters: world.counters }),
        Err(what) => Err(Box::new(Failure { seed, steps, step: world.steps, what, trace: world.trace.last() })),
    }
}

fn live(steps: u64) -> Result<(), String> {
    let mut checked = 0;
    while with(|world| world.steps) < steps {
        step();
        fine()?;
        if with(|world| world.steps) / CHECK_EVERY > checked {
            checked += 1;
            check::everything();
            fine()?;
        }
    }
    with(World::mend);
    let from = with(|world| world.steps);
    loop {
        for _ in 0..50 {
            step();
            fine()?;
        }
        if check::is_settled() {
            break;
        }
        if with(|world| world.steps) > from + SETTLE_STEPS_MAX {
            return Err(format!(
                "everything is mended, but it does not come to rest: {}",
                with(|world| check::unsettled(world))
            ));
        }
    }
    check::everything();
    with(check::at_rest);
    fine()
}

fn fine() -> Result<(), String> {
    with(|world| world.violation.clone()).map_or(Ok(()), Err)
}
