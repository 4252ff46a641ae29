//! What goes wrong around a ledger on Kafka: its processes and its brokers are killed, or stand still and go on.

use std::{fmt, time::Duration};

use crate::{
    kafka::{Broker, Fleet, Part},
    random::Random,
    topic,
};

/// How long replicas may take to be in sync again.
const SYNC_MAX: Duration = Duration::from_secs(180);

/// Whom something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// A writer is killed, and started again.
    Writer,
    /// A writer stands still, mostly for longer than its session lasts, and goes on as if it still had its partitions.
    PausedWriter,
    /// A projector is killed, and started again.
    Projector,
    /// The gateway is killed, and started again.
    Gateway,
    /// The clock is killed, and started again.
    Clock,
    /// A broker is killed, and started again a while later.
    Broker,
    /// A broker stands still with all its connections, and goes on.
    PausedBroker,
    /// The broker that is the active controller is killed, so that another one becomes it.
    Controller,
}

impl Victim {
    /// All there are; the first ones are what no run should be without.
    pub const ALL: [Self; 8] = [
        Self::Writer,
        Self::Broker,
        Self::Projector,
        Self::PausedWriter,
        Self::PausedBroker,
        Self::Gateway,
        Self::Clock,
        Self::Controller,
    ];
}

/// What happened, for people.
#[derive(Debug)]
pub struct Happened {
    victim: Victim,
    which: u64,
    away: Duration,
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { victim, which, away } = self;
        write!(f, "{victim:?} {which}, away for {:.1} s", away.as_secs_f64())
    }
}

/// Lets something happen to a ledger, and returns once it is over.
pub async fn strike(
    victim: Victim,
    random: &mut Random,
    broker: &Broker,
    fleet: &mut Fleet,
    clock: &mut Part,
) -> anyhow::Result<Happened> {
    let mut away = Duration::ZERO;
    let mut which = random.below(broker.count) + 1;
    match victim {
        Victim::Writer => {
            let n = random.index(fleet.writers.len());
            which = n as u64;
            fleet.writers[n].kill_and_restart().await?;
        }
        Victim::PausedWriter => {
            let n = random.index(fleet.writers.len());
            which = n as u64;
            away = Duration::from_millis(random.below(9_000) + 1_000);
            let writer = &fleet.writers[n].process;
            writer.signal("STOP")?;
            tokio::time::sleep(away).await;
            writer.signal("CONT")?;
        }
        Victim::Projector => {
            let n = random.index(fleet.projectors.len());
            which = n as u64;
            fleet.projectors[n].kill_and_restart().await?;
        }
        Victim::Gateway => fleet.gateway.kill_and_restart().await?,
        Victim::Clock => clock.kill_and_restart().await?,
        Victim::Broker | Victim::Controller => {
            if victim == Victim::Controller {
                which = broker.controller()?;
            }
            away = Duration::from_millis(random.below(4_000));
            broker.kill_one(which)?;
            tokio::time::sleep(away).await;
            broker.restart_one(which)?;
            settle(broker, fleet)?;
        }
        Victim::PausedBroker => {
            away = Duration::from_millis(random.below(8_000) + 500);
            broker.pause_one(which)?;
            tokio::time::sleep(away).await;
            broker.continue_one(which)?;
            settle(broker, fleet)?;
        }
    }
    Ok(Happened { victim, which, away })
}

/// Two brokers away at once would be one too many: the next one is struck when everything is in sync again.
fn settle(broker: &Broker, fleet: &Fleet) -> anyhow::Result<()> {
    if broker.count == 1 {
        return Ok(());
    }
    topic::wait_in_sync(&broker.bootstrap, &fleet.options.topic_prefix, broker.count, SYNC_MAX)
}
