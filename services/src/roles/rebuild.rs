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
#[command(
    after_help = "With --address the process there rebuilds its own rows and goes on answering; interrupt it, and nothing has \
    changed. Without,\nthe rows of a data directory are rebuilt here, and the process that has them must be stopped.\n\n\
    Examples:\n  \
    subledger rebuild billing --address http://127.0.0.1:7440\n  \
    subledger rebuild customer --check --address http://127.0.0.1:7443\n  \
    subledger rebuild billing --data-dir /var/lib/subledger\n  \
    subledger rebuild billing --log kafka --set kafka.bootstrap=broker:9092 --data-dir /var/lib/projector\n\n\
    Exit codes:\n  \
    0  done\n  \
    1  refused, or with --check: the rows in use differ\n  \
    2  usage\n  \
    3  the address cannot be reached"
)]
pub(crate) struct Args {
    /// Which read model
    name: Name,
    /// A running process that has it: a ledger, or its projector
    #[arg(long, value_name = "URL", conflicts_with_all = ["log", "data_dir", "set"])]
    address: Option<String>,
    /// The log it follows: a ledger's address, or "kafka" [default: the ledger in the data directory]
    #[arg(long, value_name = "URL|kafka")]
    log: Option<String>,
    /// Only compare the rebuilt rows with those in use; change nothing
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

impl Args {
    /// The running process that is to do it: its address, which read model, and whether only to compare.
    pub(super) fn elsewhere(&self) -> Option<(&str, &'static str, bool)> {
        self.address.as_deref().map(|address| (address, self.name.as_str(), self.check))
    }
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
        Some("kafka") => {
            let log = subledger_log::kafka::KafkaLog::open(config.kafka.options())?;
            Ok(Arc::new(crate::kafka::with_keys(log, config)?))
        }
        Some(address) => Ok(Arc::new(RemoteLog::connect(address, &config.dial()?)?)),
    }
}

fn print(report: &RebuildReport) {
    let [folded, all] = [report.folded, report.elapsed].map(|time| time.as_secs_f64());
    println!("{} commits folded in {folded:.1} s; {all:.1} s until the rows were compared", report.commits);
    match (&report.difference, report.compared) {
        (Some(difference), _) => println!("the rows in use were different: {difference}"),
        (None, true) => println!("the rows in use are the same, byte for byte"),
        (None, false) => println!("the rows in use could not be compared"),
    }
    if report.swapped {
        println!("the rebuilt rows are in use now");
    }
}
