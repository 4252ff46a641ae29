//! `rebuild`: folds a read model again and swaps it in.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use subledger_log::{Log, remote::RemoteLog};
use subledger_projection_runtime::{Rebuild, RebuildReport};

use super::Ended;
use crate::{
    clock::WallClock,
    config::{Config, Flags},
    ledger,
    read_models::Name,
};

/// How often the bar is drawn at least.
const TICK: Duration = Duration::from_millis(200);

/// Arguments of `rebuild`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which read model
    name: Name,
    /// The log it follows: a ledger's address, or "kafka" [default: the ledger in the data directory]
    #[arg(long, value_name = "URL|kafka")]
    log: Option<String>,
    /// Only compare the rebuilt rows with those in use; change nothing
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Rebuilds a read model of this data directory. The process that has it must be stopped: a directory belongs to one process.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    let report = tokio::task::spawn_blocking(move || rebuild(&args, &config)).await.context("interrupted")??;
    print(&report);
    anyhow::ensure!(report.difference.is_none() || report.swapped, "the read model in use differs from a rebuilt one");
    Ok(Ended::Well)
}

fn rebuild(args: &Args, config: &Config) -> anyhow::Result<RebuildReport> {
    let log = open(args.log.as_deref(), config)?;
    let runner = args.name.start(log, Arc::new(WallClock), config)?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} records, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_message(format!("rebuilding {}", args.name.as_str()));
    bar.enable_steady_tick(TICK);
    let what = Rebuild { compare: true, swap: !args.check };
    let report = runner.handle().rebuild(what, &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })?;
    bar.finish_and_clear();
    runner.stop();
    Ok(report)
}

fn open(place: Option<&str>, config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    match place {
        None => {
            let dir = &config.data_dir;
            anyhow::ensure!(
                dir.join("log").exists(),
                "there is no ledger in {}; name its log with --log",
                dir.display()
            );
            ledger::open_log(config)
        }
        #[cfg(feature = "kafka")]
        Some("kafka") => Ok(Arc::new(subledger_log::kafka::KafkaLog::open(config.kafka.options())?)),
        Some(address) => Ok(Arc::new(RemoteLog::connect(address)?)),
    }
}

fn print(report: &RebuildReport) {
    println!("{} commits folded in {:.1} s", report.commits, report.elapsed.as_secs_f64());
    match (&report.difference, report.compared) {
        (Some(difference), _) => println!("the rows in use were different: {difference:?}"),
        (None, true) => println!("the rows in use are the same, byte for byte"),
        (None, false) => println!("the rows in use could not be compared"),
    }
    if report.swapped {
        println!("the rebuilt rows are in use now");
    }
}
