//! A generated year: partners, customers and subscriptions that live through it by chance, on a ledger of their own, and an audit of the
//! money that comes out.
//!
//! [`world`] is what is sold and by whom, [`story`] what customers do, [`settle`] how partners pay. [`audit`] reads everything through the
//! public interface, sums it by itself and compares; [`report`] prints it. Nothing here calls the code that it checks.

pub mod audit;
pub mod read;
pub mod report;
mod settle;
mod story;
mod world;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};
use chrono::{Datelike as _, Months, NaiveDate};
use serde_json::Value;

use crate::{client::Client, process::Serve, random::Random};
use report::Report;
use settle::Settlement;
use story::Story;

/// Commands of one batch.
const BATCH: usize = 200;
/// The first day.
const START: &str = "2020-01-01";

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many subscriptions are bought, about.
    pub subscriptions: usize,
    /// Chooses the history.
    pub seed: u64,
    /// Months from January 2020 on; 13 have the renewals of the first.
    pub months: u32,
    /// Whether to say on standard error how far it is.
    pub progress: bool,
}

/// What became of the commands.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By kind of command: accepted, refused.
    pub kinds: BTreeMap<String, (u64, u64)>,
    /// By reason of a refusal.
    pub refusals: BTreeMap<String, u64>,
}

impl Counts {
    fn note(&mut self, command: &Value, refusal: Option<&str>) {
        let mut names = command.as_object().into_iter().flat_map(|fields| fields.keys());
        let kind = names.find(|name| !["command_id", "effective_at"].contains(&name.as_str()));
        let counts = self.kinds.entry(kind.cloned().unwrap_or_default()).or_default();
        match refusal {
            None => counts.0 += 1,
            Some(reason) => {
                counts.1 += 1;
                *self.refusals.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }
}

/// Lives through the year in a ledger under `dir`, and audits it.
pub async fn run(dir: &Path, options: Options) -> anyhow::Result<Report> {
    ensure!((1..=36).contains(&options.months), "months: 1 to 36 can be run, not {}", options.months);
    let start = format!("test_clock.start={START}");
    let serve = Serve::start(&dir.join("ledger"), &["--set", "test_clock.enabled=true", "--set", &start]).await?;
    let client = Client::connect(&serve.address).await?;
    let counts = live(&client, options).await?;
    let mut report = audit::audit(&client, &serve.address, dir, options).await?;
    report.counts = counts;
    Ok(report)
}

/// The last day.
fn last_day(options: Options) -> anyhow::Result<NaiveDate> {
    let start: NaiveDate = START.parse()?;
    start.checked_add_months(Months::new(options.months)).and_then(|day| day.pred_opt()).context("a last day")
}

async fn live(client: &Client, options: Options) -> anyhow::Result<Counts> {
    let (start, last) = (START.parse::<NaiveDate>()?, last_day(options)?);
    let mut counts = Counts::default();
    for command in world::setup(START) {
        client.accepted(&command).await?;
        counts.note(&command, None);
    }
    let mut story = Story::new(options, Random::new(options.seed), start, last);
    let mut settlement = Settlement::new(Random::new(options.seed ^ 0x5e77_1e00));
    for day in start.iter_days().take_while(|day| *day <= last) {
        let commands = story.day(day);
        let refusals = submit(client, &commands, &mut counts).await?;
        story.learn(&commands, &refusals);
        let commands = settlement.day(client, day).await?;
        let refusals = submit(client, &commands, &mut counts).await?;
        settlement.learn(&commands, &refusals);
        client.advance(&day.to_string()).await?;
        if options.progress && day.day() == 1 {
            eprintln!("{day}: {} subscriptions, {} accepted", story.bought(), counts.accepted());
        }
    }
    Ok(counts)
}

impl Counts {
    /// Accepted commands.
    pub fn accepted(&self) -> u64 {
        self.kinds.values().map(|(accepted, _)| accepted).sum()
    }
}

/// Sends commands in their order; for each the reason of its refusal.
async fn submit(client: &Client, commands: &[Value], counts: &mut Counts) -> anyhow::Result<Vec<Option<String>>> {
    let outcomes = client.submit_stream(commands, BATCH).await?;
    ensure!(outcomes.len() == commands.len(), "{} commands had {} outcomes", commands.len(), outcomes.len());
    let refusals = outcomes.into_iter().zip(commands).map(|(outcome, command)| {
        let refusal = outcome.rejection.map(|rejection| rejection.reason);
        counts.note(command, refusal.as_deref());
        refusal
    });
    Ok(refusals.collect())
}
