//! `simulate-faults`: worlds full of faults, one seed after another. See `subledger_tests::faults`.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use subledger_tests::faults::{self, Counters};

/// Time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Simulates the whole ledger under faults.
#[derive(Parser)]
struct Arguments {
    /// Steps in all
    #[arg(long, default_value_t = 10_000_000)]
    steps: u64,
    /// Worlds at most
    #[arg(long)]
    worlds: Option<u64>,
    /// The first world's seed; each further one has the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps of one world
    #[arg(long, default_value_t = faults::STEPS_DEFAULT)]
    world_steps: u64,
    /// Run every world twice and compare
    #[arg(long)]
    twice: bool,
    /// Plant each bug in turn and look whether it is found
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    planted_bugs: bool,
    /// Only the planted bug of this name
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    bug: Option<String>,
    /// A planted bug that is not found in so many seconds counts as missed
    #[cfg(feature = "planted-bugs")]
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "planted-bugs")]
    if arguments.planted_bugs {
        return planted::all(&arguments);
    }
    match simulate(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

/// A directory in memory, if there is one: what survives a simulated crash need not survive a real one.
fn scratch() -> Result<tempfile::TempDir, String> {
    let memory = PathBuf::from("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    dir.map_err(|error| error.to_string())
}

fn world(seed: u64, steps: u64) -> Result<faults::Report, String> {
    let scratch = scratch()?;
    faults::run(seed, steps, scratch.path()).map_err(|failure| failure.to_string())
}

fn simulate(arguments: &Arguments) -> Result<(), String> {
    let (mut steps, mut worlds, mut counters) = (0, 0, Counters::default());
    let (began, mut told) = (Instant::now(), Instant::now());
    while steps < arguments.steps && arguments.worlds.is_none_or(|most| worlds < most) {
        let seed = arguments.seed + worlds;
        let report = world(seed, arguments.world_steps)?;
        if arguments.twice {
            let again = world(seed, arguments.world_steps)?;
            if again != report {
                return Err(format!("seed {seed} does not repeat itself: {report:?}, then {again:?}"));
            }
        }
        steps += report.steps;
        worlds += 1;
        counters.add(&report.counters);
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            println!("{}", line(steps, worlds, began, &counters));
        }
    }
    println!("{}", line(steps, worlds, began, &counters));
    println!("nothing that must not be");
    Ok(())
}

fn line(steps: u64, worlds: u64, began: Instant, counters: &Counters) -> String {
    let seconds = began.elapsed().as_millis().max(1);
    let per_second = u128::from(steps) * 1_000 / seconds;
    format!("{steps} steps, {worlds} worlds, {} s, {per_second} steps/s: {counters:?}", seconds / 1_000)
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use std::{process::ExitCode, time::Instant};

    use subledger_domain::planted::{Bug, plant};
    use subledger_tests::faults;

    use super::{Arguments, scratch};

    pub(super) fn all(arguments: &Arguments) -> ExitCode {
        println!("{:<28} {:>6} {:>9} {:>8}  noticed", "bug", "seed", "steps", "seconds");
        let (mut missed, mut tried) = (0, 0);
        for bug in Bug::ALL {
            if arguments.bug.as_ref().is_some_and(|name| *name != format!("{bug:?}")) {
                continue;
            }
            tried += 1;
            match find(arguments, bug) {
                Ok(line) => println!("{line}"),
                Err(line) => {
                    println!("{line}");
                    missed += 1;
                }
            }
        }
        println!("{} of {tried} planted bugs are found", tried - missed);
        if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn find(arguments: &Arguments, bug: Bug) -> Result<String, String> {
        let began = Instant::now();
        let (mut seed, mut steps) = (arguments.seed, 0);
        while began.elapsed().as_secs() < arguments.seconds {
            let scratch = scratch()?;
            plant(Some(bug));
            let ended = faults::run(seed, arguments.world_steps, scratch.path());
            plant(None);
            match ended {
                Ok(report) => steps += report.steps,
                Err(failure) => {
                    steps += failure.step;
                    let seconds = began.elapsed().as_secs_f64();
                    return Ok(format!(
                        "{:<28} {seed:>6} {steps:>9} {seconds:>8.1}  {}",
                        format!("{bug:?}"),
                        failure.what
                    ));
                }
            }
            seed += 1;
        }
        Err(format!("{:<28} {seed:>6} {steps:>9} {:>8}  MISSED", format!("{bug:?}"), arguments.seconds))
    }
}
