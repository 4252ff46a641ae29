//! A load generator: what a running ledger answers while so many callers ask as fast as it answers.
//!
//! The callers are a closed loop: each has so many calls on its way and sends the next when one is answered. So throughput is what the
//! ledger gives, and a time is what a caller waited; what would happen at a rate beyond that, this does not show.

mod caller;
mod mix;
mod tally;

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use indicatif::HumanCount;
use serde_json::{Value, json};
use subledger_writer::Clock as _;
use tokio::task::JoinSet;

use self::{
    caller::{Caller, Plan},
    mix::{Customers, Mix, Skew},
    tally::Tally,
};
use super::{help, world::World, write_json};
use crate::{
    client::{
        Failure,
        connect::{Address, Connection},
        generate::Random,
        output::line,
        times::timestamp,
    },
    clock::WallClock,
};

/// Longest prefix of ids, in characters.
const PREFIX_CHARS_MAX: usize = 16;

/// Arguments of `bench load`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = help!(
    "  subledger bench load                                        # one caller, one command per call\n  \
     subledger bench load --clients 4 --in-flight 16             # 64 callers on 4 connections\n  \
     subledger bench load --clients 4 --batch 100 --in-flight 4  # on streams, 4 batches of each on their way\n  \
     subledger bench load --mix get=2,as-of=1,list=1 --skew zipf --json reads.json\n  \
     subledger bench load --subscriptions 1000000 --each 10 --seconds 0   # only fills the ledger\n\n\
     It writes into the ledger: partners, customers and subscriptions whose ids begin with the prefix, and what is measured."
))]
pub(crate) struct Args {
    #[command(flatten)]
    address: Address,
    /// Connections
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    clients: u16,
    /// Calls, or batches, of each connection on their way at once
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    in_flight: u16,
    /// Commands of one batch, on one stream for each connection; without it, each command is a call
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    batch: Option<u16>,
    /// What is sent how often: purchase, seats (another number of them), get (a subscription), as-of (the same, as recorded when the run
    /// began), list (50 subscriptions of a partner)
    #[arg(long, default_value = "purchase=1,seats=1", value_name = "KIND=SHARE,…")]
    mix: Mix,
    /// Whom it concerns: uniform, zipf, hot-customer, hot-partner; hot-customer:50 sends half of all there
    #[arg(long, default_value = "uniform", value_name = "SKEW")]
    skew: Skew,
    /// How long to measure
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=86_400))]
    seconds: u32,
    /// How long to go on before measuring
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=3_600))]
    warm_up: u32,
    /// Subscriptions that there are first
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    subscriptions: u32,
    /// Subscriptions of each customer
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    each: u32,
    /// Partners they are spread over
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    partners: u32,
    /// Begins the ids of all that: a to z and digits
    #[arg(long, default_value = "load", value_name = "TEXT", value_parser = prefix)]
    prefix: String,
    /// Draws the same customers and kinds again
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Write the result as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
}

fn prefix(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.is_empty() || text.len() > PREFIX_CHARS_MAX || !text.chars().all(fits) {
        return Err(format!("a prefix has 1 to {PREFIX_CHARS_MAX} characters from a to z and digits"));
    }
    Ok(text.to_owned())
}

/// Fills the ledger, calls it for a while, prints what it answered.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if args.batch.is_some() && !args.mix.kinds().all(mix::Kind::is_command) {
        let text = "a stream takes commands only: leave --batch out, or get, as-of and list out of --mix";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut connections = Vec::new();
    for _ in 0..args.clients {
        connections.push(args.address.connect().await?);
    }
    let Some(first) = connections.first() else { return Ok(()) };
    let world = World {
        prefix: args.prefix.clone(),
        partners: args.partners,
        subscriptions: args.subscriptions.next_multiple_of(args.each),
        each: args.each,
        on: NaiveDate::from_ymd_opt(2018, 1, 1).unwrap_or_default(),
        effective_at: None,
        named: true,
    };
    let began = Instant::now();
    world.fill(first).await?;
    let filled = began.elapsed();
    line(format_args!(
        "{} subscriptions of {} customers and {} partners: there after {:.1} s",
        HumanCount(world.subscriptions.into()),
        HumanCount(world.customers().into()),
        HumanCount(world.partners.into()),
        filled.as_secs_f64()
    ))?;
    let tally = if args.seconds == 0 { None } else { Some(measure(&args, world, &connections).await?) };
    if let Some(tally) = &tally {
        tally.print()?;
    }
    match &args.json {
        Some(path) => write_json(path, &to_json(&args, filled, tally.as_ref())),
        None => Ok(()),
    }
}

async fn measure(args: &Args, world: World, connections: &[Connection]) -> Result<Tally, Failure> {
    line(format_args!("{} for {} s", described(args), args.seconds))?;
    let named = world.subscriptions;
    // Another run begins with other numbers of seats, else its first commands would change nothing.
    let now = WallClock.now();
    let turn = u32::try_from(now.timestamp_micros().rem_euclid(1 << 30)).unwrap_or(0);
    let plan = Arc::new(Plan {
        mix: args.mix.clone(),
        customers: Customers::new(args.skew, world.customers(), world.partners),
        run: format!("{}-{:x}", args.prefix, now.timestamp_micros()),
        as_of: timestamp(now),
        seats: (0..named).map(|_| AtomicU32::new(turn)).collect(),
        world,
    });
    let from = Instant::now() + Duration::from_secs(args.warm_up.into());
    let empty = Tally::new(from, from + Duration::from_secs(args.seconds.into()));
    let mut seeds = Random::new(args.seed);
    let mut callers = JoinSet::new();
    for connection in connections {
        let slots = if args.batch.is_some() { 1 } else { args.in_flight };
        for _ in 0..slots {
            let caller = Caller::new(Arc::clone(&plan), connection, callers.len(), seeds.next(), empty.clone());
            match args.batch {
                Some(batch) => callers.spawn(caller.stream(batch.into(), args.in_flight.into())),
                None => callers.spawn(caller.one_by_one()),
            };
        }
    }
    let mut all = empty;
    while let Some(tally) = callers.join_next().await {
        all.add(tally.map_err(|error| Failure::Usage(error.to_string()))?);
    }
    Ok(all)
}

fn described(args: &Args) -> String {
    let (clients, in_flight) = (args.clients, args.in_flight);
    let how = match args.batch {
        Some(batch) => format!("batches of {batch}, {in_flight} of each on their way"),
        None => format!("single calls, {in_flight} of each on their way"),
    };
    format!("{clients} connections, {how}, {}, {}", args.mix, args.skew)
}

fn to_json(args: &Args, filled: Duration, tally: Option<&Tally>) -> Value {
    json!({
        "address": args.address.to_string(),
        "clients": args.clients, "in_flight": args.in_flight, "batch": args.batch,
        "mix": args.mix.to_string(), "skew": args.skew.to_string(), "seed": args.seed,
        "subscriptions": args.subscriptions, "subscriptions_per_customer": args.each, "partners": args.partners,
        "fill_seconds": filled.as_secs_f64(), "warm_up_seconds": args.warm_up,
        "measured": tally.map(Tally::to_json),
    })
}
