//! `--as-of` and `--recorded-by`: a question about the past.

use subledger_proto::common::{AsOf, Position};

use super::{Failure, connect::position, times};

/// When to look; without either, now.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct LookBack {
    /// What was in effect at the end of this business day
    #[arg(long, value_name = "DATE", value_parser = times::date)]
    as_of: Option<chrono::NaiveDate>,
    /// What was recorded by this time, or up to this commit (such as customers/2@17; repeatable, one for each partition)
    #[arg(long, value_name = "TIME|POSITION", value_parser = moment)]
    recorded_by: Vec<Moment>,
}

#[derive(Clone, Debug)]
enum Moment {
    Instant(chrono::DateTime<chrono::Utc>),
    Position(Position),
}

fn moment(text: &str) -> Result<Moment, String> {
    if text.contains('@') { position(text).map(Moment::Position) } else { times::instant(text).map(Moment::Instant) }
}

impl LookBack {
    /// Whether it was asked for.
    pub(crate) fn is_given(&self) -> bool {
        self.as_of.is_some() || !self.recorded_by.is_empty()
    }

    /// The day by whose end an offer or a price was published.
    pub(crate) fn published_by(&self) -> Result<Option<chrono::NaiveDate>, Failure> {
        if self.recorded_by.is_empty() {
            return Ok(self.as_of);
        }
        Err(Failure::Usage(
            "offers, prices and partners are looked back at by --as-of, not by --recorded-by".to_owned(),
        ))
    }

    /// The API's form.
    pub(crate) fn to_wire(&self) -> Result<Option<AsOf>, Failure> {
        if !self.is_given() {
            return Ok(None);
        }
        let mut wire =
            AsOf { effective_on: self.as_of.map(|day| day.to_string()).unwrap_or_default(), ..AsOf::default() };
        for moment in &self.recorded_by {
            match moment {
                Moment::Position(position) => wire.recorded_positions.push(*position),
                Moment::Instant(at) => {
                    if wire.recorded_at.replace(times::timestamp(*at)).is_some() {
                        return Err(Failure::Usage("--recorded-by takes one time".to_owned()));
                    }
                }
            }
        }
        if wire.recorded_at.is_some() && !wire.recorded_positions.is_empty() {
            return Err(Failure::Usage("--recorded-by takes a time or positions, not both".to_owned()));
        }
        Ok(Some(wire))
    }
}
