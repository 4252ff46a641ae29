//! `subledger clock`: the business date. Without `show` or `advance` it is the role that closes days.

use std::process::ExitCode;

use chrono::NaiveDate;
use subledger_log::codec::to_json;
use subledger_proto::api::GetClockRequest;

use super::{
    Failure, closing,
    connect::Address,
    finish, help,
    output::{Format, Output, print_one},
    times, wait,
};
use crate::config::Flags;

/// Arguments of `clock`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger clock --set kafka.bootstrap=broker:9092\n  \
     subledger clock show --address http://127.0.0.1:7440\n  \
     subledger clock advance 2018-02-15"
))]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    flags: Flags,
    /// With show and advance: where the ledger is. The environment is asked by hand: the role must know what the command line says.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "With show and advance: address of the ledger's gRPC interface [env: SUBLEDGER_ADDRESS] [default: http://127.0.0.1:7440]"
    )]
    address: Option<String>,
    /// With show and advance: how to print the answer
    #[arg(long, short = 'o', global = true, value_enum, value_name = "FORM")]
    output: Option<Format>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Shows the last closed day, the time, and whether this is a test clock
    Show,
    /// Closes business days, as without any subcommand
    #[command(hide = true)]
    Run {
        #[command(flatten)]
        flags: Flags,
    },
    /// Moves a test clock forward: closes every day up to this one, included
    Advance {
        /// The day, such as 2018-02-15
        #[arg(value_parser = times::date)]
        date: NaiveDate,
    },
}

/// Runs the role, or shows or moves the clock of a running ledger.
pub(crate) fn run(args: Args) -> ExitCode {
    let Args { action, flags, address, output } = args;
    let name = match &action {
        None | Some(Action::Run { .. }) if address.is_some() || output.is_some() => {
            return finish(Err(Failure::Usage(
                "`subledger clock` closes the days of a ledger on Kafka, and takes neither --address nor --output; to see the clock \
                 of a running ledger: `subledger clock show`"
                    .to_owned(),
            )));
        }
        None => return role(flags),
        Some(Action::Run { .. }) => "run",
        Some(Action::Show) => "show",
        Some(Action::Advance { .. }) => "advance",
    };
    if let Some(flag) = flags.first_given() {
        return finish(Err(Failure::Usage(format!("{flag} may not stand before `{name}`"))));
    }
    let output = Output { output: output.unwrap_or_default() };
    match action {
        Some(Action::Run { flags }) => role(flags),
        Some(Action::Advance { date }) => finish(wait(show(Address::or_default(address), output, Some(date)))),
        Some(Action::Show) | None => finish(wait(show(Address::or_default(address), output, None))),
    }
}

#[cfg(feature = "kafka")]
fn role(flags: Flags) -> ExitCode {
    crate::roles::run(crate::roles::Role::Clock(crate::roles::ClockArgs { flags }))
}

#[cfg(not(feature = "kafka"))]
fn role(_: Flags) -> ExitCode {
    finish(Err(Failure::Usage(
        "only a ledger on Kafka has a clock of its own, and this binary was built without Kafka; `serve` closes its days itself"
            .to_owned(),
    )))
}

async fn show(address: Address, output: Output, advance: Option<NaiveDate>) -> Result<(), Failure> {
    let connection = address.connect().await?;
    let clock = match advance {
        None => connection.admin().get_clock(GetClockRequest {}).await?.into_inner(),
        Some(date) => closing::advance(&connection, date).await?,
    };
    print_one(output, &to_json("subledger.v1.Clock", &clock)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// `serve` prints its hints with the address at the end.
    #[test]
    fn the_address_may_stand_anywhere() {
        let words: [&[&str]; 3] = [
            &["clock", "--address", "http://h:1", "-o", "json", "advance", "2018-01-31"],
            &["clock", "advance", "2018-01-31", "--address", "http://h:1", "-o", "json"],
            &["clock", "advance", "--address", "http://h:1", "2018-01-31", "--output", "json"],
        ];
        for words in words {
            let args = Line::try_parse_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}")).args;
            assert_eq!(args.address.as_deref(), Some("http://h:1"));
            assert_eq!(args.output, Some(Format::Json));
        }
    }
}
