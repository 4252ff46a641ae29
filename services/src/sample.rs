//! Sample data: a small ledger to look at.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::NaiveDate;
use subledger_log::{Actor, codec::command_from_json};
use subledger_writer::Submission;

use crate::{
    config::{Config, TestClockConfig, default_data_dir},
    router::{self, Router, WhenFull},
};

/// Commands as JSON lines. Their ids are fixed, so loading them again changes nothing.
const COMMANDS: &str = include_str!("../../deploy/sample/commands.jsonl");

/// The first business day of a ledger with sample data: the month of the published sample files.
const FIRST_DAY: (i32, u32, u32) = (2018, 1, 13);

/// Settings for a ledger to try things with: a directory of its own unless one is named, and a test clock, so that months can go by.
pub(crate) fn settings(mut config: Config) -> Config {
    if config.data_dir == default_data_dir() {
        config.data_dir.set_file_name("subledger-sample");
    }
    if !config.test_clock.enabled {
        let (year, month, day) = FIRST_DAY;
        let start = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        config.test_clock = TestClockConfig { enabled: true, start };
    }
    config
}

/// Submits the sample commands, in order.
pub(crate) async fn load(router: &dyn Router) -> anyhow::Result<()> {
    let batch = submissions()?;
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    let (mut recorded, mut known) = (0_usize, 0_usize);
    for answer in router::submit(router, batch, WhenFull::Wait).await {
        let outcome = answer.context("the sample data could not be loaded")?;
        *(if outcome.duplicate { &mut known } else { &mut recorded }) += 1;
        refused.extend(outcome.result.err().map(|rejection| (outcome.command_id.to_string(), rejection.to_string())));
    }
    for (command_id, rejection) in &refused {
        tracing::warn!(command_id, rejection, "a sample command was refused");
    }
    tracing::info!(recorded, known, "sample data loaded");
    Ok(())
}

fn submissions() -> anyhow::Result<Vec<Submission>> {
    let lines = COMMANDS.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let submission = |(number, line): (usize, &str)| {
        let place = || format!("line {} of the sample data", number + 1);
        let command = command_from_json(line).with_context(place)?;
        let actor = Actor { principal: "sample".into(), channel: "ledger".into() };
        Submission::new(command, actor, None).with_context(place)
    };
    lines.map(submission).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_is_a_command() {
        assert!(super::submissions().unwrap().len() > 10);
    }
}
