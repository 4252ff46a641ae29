//! `subledger generate`: realistic commands for load tests, the same for the same seed.
//!
//! [`catalog`] has the offers and prices, [`story`] what partners and customers do; [`random`] is the only source of chance.

mod catalog;
pub(crate) mod random;
mod story;

use std::io::{self, BufWriter, Write};

use chrono::{DateTime, Utc};
use subledger_log::codec::to_json;
use subledger_proto::api::{Command, command::Body};

use self::story::Story;
use super::{Failure, help, times};

/// Arguments of `generate`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = help!(
    "  subledger generate --customers 1000 --seed 1 > commands.jsonl\n  \
     subledger generate --customers 20000 --commands 100000 --seed 7 | subledger load -\n  \
     subledger generate --customers 50 --seed 1 --start 2018-01-01 --days 28   # for a ledger on a test clock\n\n\
     Partners and catalog come first, then every customer with its agreement and first purchase, then changes of what they have.\n\
     The commands of one seed are one history: load them into an empty ledger, or use another --prefix."
))]
pub(crate) struct Args {
    /// How many customers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: u32,
    /// Chooses the history
    #[arg(long, value_name = "S")]
    seed: u64,
    /// How many partners; one for each hundred customers if absent
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    partners: Option<u32>,
    /// How many commands in all, at least; ten for each customer if absent
    #[arg(long, value_name = "M")]
    commands: Option<u64>,
    /// Beginning of every id
    #[arg(long, default_value = "g", value_name = "TEXT")]
    prefix: String,
    /// When the first command takes effect; without it, all take effect when they arrive
    #[arg(long, value_name = "TIME", value_parser = times::instant)]
    start: Option<DateTime<Utc>>,
    /// Days over which the commands are spread
    #[arg(long, default_value_t = 28, value_name = "N", requires = "start")]
    days: u32,
}

/// Milliseconds of a day.
const DAY_MILLIS: u64 = 86_400_000;
/// Commands for each customer, where no number is given.
const COMMANDS_EACH: u64 = 10;
/// Customers for each partner, where no number is given.
const CUSTOMERS_EACH: u32 = 100;

/// Writes the commands to standard output.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if subledger_domain::ids::PartnerId::new(&args.prefix).is_err() || args.prefix.len() > 20 {
        return Err(Failure::Usage("--prefix is 1 to 20 characters out of A-Z a-z 0-9 . _ : -".to_owned()));
    }
    write(args, &mut BufWriter::new(io::stdout().lock()))
}

fn write(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let partners = args.partners.unwrap_or(args.customers.div_ceil(CUSTOMERS_EACH));
    let wanted = args.commands.unwrap_or(u64::from(args.customers) * COMMANDS_EACH);
    let mut story = Story::new(&args.prefix, args.seed, args.customers, partners);
    let total = wanted.max(story.founding_commands());
    let mut count = 0;
    while count < total {
        let command = command(args, count, total, story.next());
        serde_json::to_writer(&mut *out, &to_json("subledger.v1.Command", &command)?)?;
        out.write_all(b"\n")?;
        count += 1;
    }
    Ok(out.flush()?)
}

/// The command at a place of the history: ids are counted, times go forward.
fn command(args: &Args, count: u64, total: u64, body: Body) -> Command {
    let spread = |start: DateTime<Utc>| {
        let millis = u128::from(args.days) * u128::from(DAY_MILLIS) * u128::from(count) / u128::from(total.max(1));
        let later = chrono::TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX));
        times::timestamp(start.checked_add_signed(later).unwrap_or(start))
    };
    Command {
        command_id: format!("{}-{}-{count}", args.prefix, args.seed),
        effective_at: args.start.map(spread),
        expected_version: None,
        body: Some(body),
    }
}

#[cfg(test)]
mod tests;
