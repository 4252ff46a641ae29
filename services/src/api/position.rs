//! Positions in requests and answers: reading one's own writes.

use std::time::Duration;

use subledger_log::{Layout, Position, codec::Wire};
use subledger_proto::common as pbc;
use tonic::{Code, Status, metadata::MetadataMap};

use super::errors;

/// How long a query waits for its `min_position`, unless the caller's own deadline is shorter.
pub(crate) const MIN_POSITION_WAIT_MAX: Duration = Duration::from_secs(10);
/// Kept of the caller's deadline to send the answer.
const ANSWER_RESERVE: Duration = Duration::from_millis(50);

/// What a query has to wait for, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Each must be reflected.
    pub(crate) positions: Vec<Position>,
    /// At most so long.
    pub(crate) wait: Duration,
}

/// Checks the `min_position` of a request.
pub(crate) fn wanted(min_position: &[pbc::Position], metadata: &MetadataMap, layout: Layout) -> Result<Wanted, Status> {
    let positions = positions("min_position", min_position, layout)?;
    Ok(Wanted { positions, wait: budget(metadata) })
}

/// Checks positions that a request names.
pub(crate) fn positions(field: &str, wire: &[pbc::Position], layout: Layout) -> Result<Vec<Position>, Status> {
    let checked = wire.iter().enumerate().map(|(n, wire)| {
        let path = format!("{field}[{n}]");
        let position = Position::from_wire(*wire).map_err(|error| errors::invalid_field(&error.within(&path)))?;
        if layout.contains(position.partition) {
            return Ok(position);
        }
        let what = format!("there is no partition {}", position.partition);
        Err(errors::field_status("PARTITION_NOT_FOUND", &path, &what))
    });
    checked.collect()
}

/// As the API has them.
pub(crate) fn to_wire(positions: &[Position]) -> Vec<pbc::Position> {
    positions.iter().map(Wire::to_wire).collect()
}

/// The wait was too short: says how far behind the answer would be.
pub(crate) fn too_far_behind(wanted: &Wanted, reflects: &[Position]) -> Status {
    let next = |position: &Position| {
        let at = reflects.iter().find(|at| at.partition == position.partition);
        at.map_or(0, |at| at.seq + 1)
    };
    let behind: u64 = wanted.positions.iter().map(|position| (position.seq + 1).saturating_sub(next(position))).sum();
    let first = wanted.positions.iter().find(|position| next(position) <= position.seq);
    let place = first.map(|position| format!("; {} is at {}", position.partition, next(position))).unwrap_or_default();
    let millis = wanted.wait.as_millis();
    status(behind, format!("the read model is still {behind} records behind min_position after {millis} ms{place}"))
}

fn status(behind: u64, message: String) -> Status {
    errors::status(
        Code::DeadlineExceeded,
        "MIN_POSITION_NOT_REACHED",
        message,
        &[("records_behind", behind.to_string())],
    )
}

/// The named limit, or less if the caller gives up earlier.
fn budget(metadata: &MetadataMap) -> Duration {
    let timeout = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse_timeout);
    timeout.map_or(MIN_POSITION_WAIT_MAX, |timeout| timeout.saturating_sub(ANSWER_RESERVE).min(MIN_POSITION_WAIT_MAX))
}

/// Up to eight digits and a unit, as gRPC over HTTP/2 has it.
fn parse_timeout(text: &str) -> Option<Duration> {
    let unit = text.char_indices().next_back()?;
    let amount: u64 = text[..unit.0].parse().ok().filter(|_| unit.0 <= 8)?;
    match unit.1 {
        'H' => Some(Duration::from_secs(amount * 3_600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use subledger_log::{Family, PartitionId};

    use super::*;

    #[test]
    fn the_callers_deadline_counts_if_it_is_shorter() {
        let with = |text: &'static str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            budget(&metadata)
        };
        assert_eq!(with("2S"), Duration::from_millis(1_950));
        assert_eq!(with("10m"), Duration::ZERO);
        assert_eq!(with("1H"), MIN_POSITION_WAIT_MAX);
        assert_eq!(with("nonsense"), MIN_POSITION_WAIT_MAX);
        assert_eq!(budget(&MetadataMap::new()), MIN_POSITION_WAIT_MAX);
    }

    #[test]
    fn says_how_far_behind() {
        let partition = PartitionId::new(Family::Customers, 1);
        let wanted = Wanted { positions: vec![Position { partition, seq: 9 }], wait: Duration::from_secs(1) };
        let status = too_far_behind(&wanted, &[Position { partition, seq: 3 }]);
        assert!(status.message().contains("6 records behind"), "{}", status.message());
        assert!(too_far_behind(&wanted, &[]).message().contains("10 records behind"));
    }
}
