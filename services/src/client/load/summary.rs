//! What became of the commands: counts by outcome and reason, and the file of those that were not taken.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use serde_json::{Value, json};
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{Command, Outcome},
    common::Rejection,
};

use super::{
    Failure,
    progress::Progress,
    source::{Item, Unreadable},
};
use crate::client::output::{Column, Output, Printer};

/// The reason of a line that is no command.
const UNREADABLE: &str = "UNREADABLE";

const COLUMNS: &[Column] =
    &[Column::text("OUTCOME", "outcome"), Column::text("REASON", "reason"), Column::number("COMMANDS", "commands")];

/// The outcomes so far.
pub(super) struct Settled {
    counts: BTreeMap<(&'static str, String), u64>,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    progress: Progress,
}

impl Settled {
    /// Nothing yet. The file of rejections is made with the first.
    pub(super) fn new(path: PathBuf, progress: Progress) -> Self {
        Self { counts: BTreeMap::new(), path, file: None, progress }
    }

    /// Says something beside the progress.
    pub(super) fn say(&self, text: &str) {
        self.progress.say(text);
    }

    /// A command was read, and that is all.
    pub(super) fn readable(&mut self, item: &Item) {
        self.count("readable", "", item.bytes);
    }

    /// A line is no command.
    pub(super) fn unreadable(&mut self, item: &Item, unreadable: &Unreadable) -> Result<(), Failure> {
        let rejected =
            json!({"line": item.line, "reason": UNREADABLE, "message": unreadable.why, "text": unreadable.text});
        self.write(&rejected)?;
        self.count("unreadable", UNREADABLE, item.bytes);
        Ok(())
    }

    /// The ledger answered a command.
    pub(super) fn answered(&mut self, item: &Item, command: &Command, outcome: &Outcome) -> Result<(), Failure> {
        match &outcome.rejection {
            Some(rejection) => {
                self.write(&rejected(item.line, command, rejection)?)?;
                self.count("refused", &rejection.reason, item.bytes);
            }
            None if outcome.duplicate => self.count("accepted before", "", item.bytes),
            None => self.count("accepted", "", item.bytes),
        }
        Ok(())
    }

    fn count(&mut self, outcome: &'static str, reason: &str, bytes: u64) {
        *self.counts.entry((outcome, reason.to_owned())).or_default() += 1;
        self.progress.add(1, u64::from(!reason.is_empty()), bytes);
    }

    fn write(&mut self, rejected: &Value) -> Result<(), Failure> {
        let wrong = |path: &PathBuf, error| Failure::Usage(format!("cannot write {}: {error}", path.display()));
        if self.file.is_none() {
            let file = File::create(&self.path).map_err(|error| wrong(&self.path, error))?;
            self.file = Some(BufWriter::new(file));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        writeln!(file, "{rejected}").map_err(|error| wrong(&self.path, error))
    }

    /// Prints the summary. What was not taken is a failure.
    pub(super) fn finish(mut self, output: Output) -> Result<(), Failure> {
        if let Some(file) = &mut self.file {
            file.flush().map_err(|error| Failure::Usage(format!("cannot write {}: {error}", self.path.display())))?;
        }
        eprintln!("{}", self.progress.finish());
        let mut printer = Printer::stdout(output, COLUMNS)?;
        for ((outcome, reason), commands) in &self.counts {
            printer.row(&json!({"outcome": outcome, "reason": reason, "commands": commands}))?;
        }
        printer.finish()?;
        let refused: u64 = self.counts.iter().filter(|((_, reason), _)| !reason.is_empty()).map(|(_, n)| n).sum();
        if refused == 0 {
            return Ok(());
        }
        Err(Failure::Differs(format!("{refused} not taken; see {}", self.path.display())))
    }
}

/// One line of the file of rejections: where it was, why, and the command itself, ready to be corrected and sent again.
fn rejected(line: u64, command: &Command, rejection: &Rejection) -> Result<Value, Failure> {
    let metadata: BTreeMap<_, _> = rejection.metadata.iter().collect();
    Ok(json!({
        "line": line,
        "reason": rejection.reason,
        "message": rejection.message,
        "metadata": metadata,
        "command": to_json("subledger.v1.Command", command)?,
    }))
}
