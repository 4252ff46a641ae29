//! `kafka init` and `kafka check`: the topics of a ledger.

use anyhow::Context as _;
use subledger_log::{LedgerId, kafka};

use super::Ended;
use crate::{
    config::{Config, Flags},
    ids,
};

/// Arguments of `kafka`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    subledger kafka init --set kafka.bootstrap=broker:9092 --set kafka.replication=3 --set layout.customers=12\n  \
    subledger kafka check --set kafka.bootstrap=broker:9092")]
pub(crate) struct Args {
    /// What to do
    action: Action,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Action {
    /// Makes the topics that are missing, with the settings they need, and checks all of them
    Init,
    /// Checks that every topic is there and set as it must be
    Check,
}

/// Makes or checks the topics.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    tokio::task::spawn_blocking(move || act(args.action, &config)).await.context("interrupted")??;
    Ok(Ended::Well)
}

fn act(action: Action, config: &Config) -> anyhow::Result<()> {
    let options = config.kafka.options();
    let (ledger_id, layout) = match action {
        Action::Init => {
            let made = kafka::init(&options, LedgerId(ids::random()), config.new_layout()?, config.kafka.replication)?;
            made.topics_created.iter().for_each(|topic| println!("made {topic}"));
            (made.ledger_id, made.layout)
        }
        Action::Check => kafka::check(&options)?,
    };
    println!(
        "ledger {ledger_id} at {} is ready: {} partners partitions, {} customers partitions",
        config.kafka.bootstrap, layout.partners, layout.customers
    );
    Ok(())
}
