//! `subledger clock`: the business date.

use chrono::NaiveDate;
use subledger_log::codec::to_json;
use subledger_proto::api::{AdvanceClockRequest, GetClockRequest};

use super::{
    Failure,
    connect::Address,
    help,
    output::{Output, print_one},
    times,
};

/// Arguments of `clock`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger clock\n  \
     subledger clock advance 2018-02-15\n  \
     subledger clock run --set kafka.bootstrap=broker:9092"
))]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Shows the last closed day, the time, and whether this is a test clock
    Show,
    /// Closes the business days of a ledger on Kafka by the wall clock, until told to stop
    #[cfg(feature = "kafka")]
    Run(crate::roles::ClockArgs),
    /// Moves a test clock forward: closes every day up to this one, included
    Advance {
        /// The day, such as 2018-02-15
        #[arg(value_parser = times::date)]
        date: NaiveDate,
    },
}

impl Args {
    /// The role, if it is the clock itself that is to run.
    #[cfg(feature = "kafka")]
    pub(super) fn role(&self) -> Option<crate::roles::Role> {
        match &self.action {
            Some(Action::Run(args)) => Some(crate::roles::Role::Clock(args.clone())),
            _ => None,
        }
    }
}

/// Shows or moves the clock.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut admin = args.address.connect().await?.admin();
    let clock = match args.action {
        #[cfg(feature = "kafka")]
        Some(Action::Run(_)) => return Err(Failure::Usage("the clock runs as a role".into())),
        None | Some(Action::Show) => admin.get_clock(GetClockRequest {}).await?.into_inner(),
        Some(Action::Advance { date }) => {
            admin.advance_clock(AdvanceClockRequest { close_through: date.to_string() }).await?.into_inner()
        }
    };
    print_one(args.output, &to_json("subledger.v1.Clock", &clock)?)
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
            assert_eq!(args.address.to_string(), "http://h:1");
            assert!(args.output.output == crate::client::output::Format::Json);
        }
    }
}
