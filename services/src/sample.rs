//! Sample data: a small ledger to look at.

use std::collections::BTreeMap;

use anyhow::Context as _;
use subledger_log::{Actor, codec::command_from_json};
use subledger_writer::Submission;

use crate::router::{self, Router, WhenFull};

/// Commands as JSON lines. Their ids are fixed, so loading them again changes nothing.
const COMMANDS: &str = include_str!("../../deploy/sample/commands.jsonl");

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
