//! `subledger rebuild --address`: a running process rebuilds one of its read models, and tells how far it is.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use subledger_proto::api::{
    RebuildComparison, RebuildProgress, RebuildProjectionRequest, RebuildResult, rebuild_projection_response::Step,
};

use super::{Failure, connect::Connection, output::line};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Asks for it and waits for the end.
pub(crate) async fn run(address: &str, name: &str, check: bool) -> Result<(), Failure> {
    let request = RebuildProjectionRequest { name: name.to_owned(), check_only: check };
    let mut told = Told::new(name);
    let mut steps = Connection::to(address).await?.admin().rebuild_projection(request).await?.into_inner();
    while let Some(answer) = steps.message().await? {
        match answer.step {
            Some(Step::Progress(progress)) => told.show(&progress),
            Some(Step::Result(result)) => {
                told.end();
                return print(name, &result);
            }
            None => {}
        }
    }
    Err(Failure::Differs(format!("error: {address} ended the rebuild of {name} without a result")))
}

fn print(name: &str, result: &RebuildResult) -> Result<(), Failure> {
    let [folded, all] =
        [result.folded_millis, result.elapsed_millis].map(|millis| Duration::from_millis(millis).as_secs_f64());
    line(format_args!("{} commits folded in {folded:.1} s; {all:.1} s until the rows were compared", result.commits))?;
    match result.comparison() {
        RebuildComparison::Equal => line("the rows in use are the same, byte for byte")?,
        RebuildComparison::Different => line(format_args!("the rows in use were different: {}", result.difference))?,
        RebuildComparison::NotPossible | RebuildComparison::Unspecified => {
            line("the rows in use could not be compared")?;
        }
    }
    line(format_args!("digest {}", result.digest))?;
    if result.swapped {
        line("the rebuilt rows are in use now")?;
    } else if result.comparison() == RebuildComparison::Different {
        return Err(Failure::Differs(format!("error: the rows of {name} in use differ from rebuilt ones")));
    }
    Ok(())
}

/// A bar on a terminal, plain lines elsewhere.
struct Told {
    name: String,
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Told {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), bar: std::io::stderr().is_terminal().then(bar), last: Instant::now() }
    }

    fn show(&mut self, at: &RebuildProgress) {
        let left = at.seconds_left.map_or_else(String::new, |seconds| format!(", about {seconds} s left"));
        let rate = HumanCount(at.records_per_second);
        if let Some(bar) = &self.bar {
            bar.set_length(at.total);
            bar.set_position(at.done);
            bar.set_message(format!("{rate}/s{left}"));
        } else if self.last.elapsed() >= LINE_EVERY {
            self.last = Instant::now();
            let (done, total) = (HumanCount(at.done), HumanCount(at.total));
            eprintln!("{}: {done} of {total} records, {rate}/s{left}", self.name);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} records, {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
