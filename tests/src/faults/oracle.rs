//! Reads every record as soon as it lies in the log, by rules written for this alone, and says what must not be.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::NaiveDate;
use prost::Message as _;
use rust_decimal::Decimal;
use subledger_domain::{Event, charge::InvoiceFamily, event::InvoiceIssued};
use subledger_log::{
    Body, Commit, Family, Layout, PartitionId, codec,
    sim::SimLog,
    tree::{Frontier, Hash},
};
use subledger_proto::api;
use subledger_writer::Outcome;

use super::money::Accounts;

/// Partner, family and currency of an invoice.
pub(super) type Series = (String, InvoiceFamily, String);

/// The history of one partition.
#[derive(Default)]
pub(super) struct History {
    /// Records read, those that are no history included.
    pub(super) offset: u64,
    pub(super) epoch: u64,
    pub(super) commits: Vec<Commit>,
    /// The tree's root before each commit, and after the last.
    pub(super) roots: Vec<Hash>,
    frontier: Frontier,
    ids: BTreeMap<String, u64>,
    /// The last day that it is done with.
    pub(super) marked: Option<NaiveDate>,
}

pub(super) struct Oracle {
    pub(super) partitions: BTreeMap<PartitionId, History>,
    versions: BTreeMap<(Family, String), u64>,
    sources: BTreeSet<(u32, u64)>,
    /// Business days that are closed, with the commit of the catalog.
    closed: Vec<(u64, NaiveDate)>,
    pub(super) accounts: Accounts,
    /// Until when each series is invoiced, and how many invoices it has.
    invoiced: BTreeMap<Series, (NaiveDate, u64)>,
}

impl Oracle {
    pub(super) fn new(layout: Layout) -> Self {
        let begin = || History { roots: vec![Frontier::default().root()], ..History::default() };
        Self {
            partitions: layout.all().map(|partition| (partition, begin())).collect(),
            versions: BTreeMap::new(),
            sources: BTreeSet::new(),
            closed: Vec::new(),
            accounts: Accounts::default(),
            invoiced: BTreeMap::new(),
        }
    }

    /// Reads what is new; the lines to note, and the first thing that must not be.
    pub(super) fn read(&mut self, log: &SimLog) -> (Vec<String>, Result<(), String>) {
        let mut lines = Vec::new();
        let partitions: Vec<PartitionId> = self.partitions.keys().copied().collect();
        for partition in partitions {
            let from = self.history(partition).offset;
            for bytes in log.records(partition, from) {
                if let Err(what) = self.record(partition, &bytes, &mut lines) {
                    return (lines, Err(what));
                }
            }
        }
        (lines, Ok(()))
    }

    pub(super) fn history(&self, partition: PartitionId) -> &History {
        &self.partitions[&partition]
    }

    /// Accepted commands of a stream.
    pub(super) fn version(&self, family: Family, stream: &str) -> u64 {
        self.versions.get(&(family, stream.to_owned())).copied().unwrap_or(0)
    }

    pub(super) fn last_closed(&self) -> Option<NaiveDate> {
        self.closed.last().map(|(_, date)| *date)
    }

    /// The next offset of a topic's partition after those recorded in a partition's first `commits`.
    pub(super) fn source_after(&self, partition: PartitionId, commits: u64, topic: u32) -> Option<u64> {
        let commits = self.history(partition).commits.iter().take(usize::try_from(commits).unwrap_or(usize::MAX));
        let sources = commits.filter_map(|commit| commit.source.as_ref()).filter(|source| source.partition == topic);
        sources.map(|source| source.offset + 1).max()
    }

    fn record(&mut self, partition: PartitionId, bytes: &Bytes, lines: &mut Vec<String>) -> Result<(), String> {
        let commit = codec::decode(bytes).map_err(|error| format!("{partition}: a record that is none: {error}"))?;
        let history = self.partitions.entry(partition).or_default();
        history.offset += 1;
        // The reader rule, once more: a start must bring a new epoch, anything else must be of the epoch that runs.
        let begins = matches!(commit.body, Body::WriterStarted { .. });
        let of_epoch = if begins { commit.epoch > history.epoch } else { commit.epoch == history.epoch };
        if !of_epoch || commit.position.seq != history.commits.len() as u64 {
            return Ok(());
        }
        let at = commit.position;
        history.epoch = commit.epoch;
        if commit.previous_root.is_some_and(|root| root != history.frontier.root()) {
            return Err(format!("{at}: the root before it is not that of the tree before it"));
        }
        history.frontier.push(bytes);
        history.roots.push(history.frontier.root());
        lines.push(line(&commit));
        if !begins {
            if let Some(first) = history.ids.insert(commit.command_id.clone(), at.seq) {
                return Err(format!("{at}: command {} is recorded at {first} already", commit.command_id));
            }
            self.command(&commit)?;
        }
        self.partitions.entry(partition).or_default().commits.push(commit);
        Ok(())
    }

    fn command(&mut self, commit: &Commit) -> Result<(), String> {
        let at = commit.position;
        if let Some(source) = &commit.source
            && !self.sources.insert((source.partition, source.offset))
        {
            return Err(format!("{at}: the record {}@{} of the topic is taken twice", source.partition, source.offset));
        }
        for position in &commit.decided_against {
            if position.seq >= self.history(position.partition).commits.len() as u64 {
                return Err(format!("{at}: decided against {position}, which is not there"));
            }
        }
        self.settled_before(commit)?;
        let Body::Accepted(events) = &commit.body else { return Ok(()) };
        if !commit.stream.is_empty() {
            let version = self.versions.entry((at.partition.family, commit.stream.clone())).or_default();
            if commit.stream_version_before != *version {
                let found = commit.stream_version_before;
                return Err(format!("{at}: {} stands at version {version}, the commit says {found}", commit.stream));
            }
            *version += 1;
        }
        let command = api::Command::decode(commit.command.clone()).map_err(|error| format!("{at}: {error}"))?;
        if command.expected_version.is_some_and(|expected| expected != commit.stream_version_before) {
            return Err(format!(
                "{at}: accepted at version {}, but another was expected",
                commit.stream_version_before
            ));
        }
        events.iter().try_for_each(|event| self.event(commit, event)).map_err(|what| format!("{at}: {what}"))
    }

    /// What closed days made due for a customer is decided before anything else of it.
    fn settled_before(&self, commit: &Commit) -> Result<(), String> {
        let catalog = commit.decided_against.iter().find(|position| position.partition == PartitionId::CATALOG);
        let Some(catalog) = catalog.filter(|_| commit.actor.channel != "clock") else { return Ok(()) };
        let known = self.closed.iter().rev().find(|(seq, _)| *seq <= catalog.seq);
        match known.and_then(|(_, day)| self.accounts.uncharged(&commit.stream, *day)) {
            None => Ok(()),
            Some(what) => Err(format!("{}: decided before what a closed day made due: {what}", commit.position)),
        }
    }

    fn event(&mut self, commit: &Commit, event: &Event) -> Result<(), String> {
        let partition = commit.position.partition;
        let marked = self.history(partition).marked;
        match event {
            Event::DayClosed(closed) => {
                if self.last_closed().is_some_and(|last| last.succ_opt() != Some(closed.date)) {
                    return Err(format!("{} is closed after {:?}", closed.date, self.last_closed()));
                }
                self.closed.push((commit.position.seq, closed.date));
            }
            Event::PartitionDayClosed(mark) => {
                if marked.is_some_and(|last| last.succ_opt() != Some(mark.date)) {
                    return Err(format!("{} is marked after {marked:?}", mark.date));
                }
                if self.last_closed().is_none_or(|last| last < mark.date) {
                    return Err(format!("{} is marked, but it is not closed", mark.date));
                }
                if let Some(what) = self.accounts.uncharged_in(partition, mark.date) {
                    return Err(format!("{} is marked, but not everything due is decided: {what}", mark.date));
                }
                self.partitions.entry(partition).or_default().marked = Some(mark.date);
            }
            Event::Charged(line) if marked.is_some_and(|marked| line.charged_on <= marked) => {
                return Err(format!("a line is charged on {}, which is done with", line.charged_on));
            }
            Event::InvoiceIssued(invoice) => self.invoice(invoice)?,
            _ => {}
        }
        self.accounts.apply(partition, marked, event)
    }

    fn invoice(&mut self, invoice: &InvoiceIssued) -> Result<(), String> {
        let customers = self.partitions.iter().filter(|(partition, _)| partition.family == Family::Customers);
        for (partition, history) in customers {
            if history.marked.is_none_or(|marked| marked.succ_opt() < Some(invoice.period_end)) {
                return Err(format!("an invoice up to {}, but {partition} is not done", invoice.period_end));
            }
        }
        let series = (invoice.partner_id.to_string(), invoice.family, invoice.currency.to_string());
        let (from, count) = self.invoiced.get(&series).copied().map_or((NaiveDate::MIN, 0), |known| known);
        if count > 0 && invoice.period_start != from {
            return Err(format!("an invoice from {} on, but the one before ends at {from}", invoice.period_start));
        }
        let lines = self.accounts.lines(&series);
        let on_it = lines.iter().filter(|(day, _)| *day >= from && *day < invoice.period_end);
        let (mut total, mut lines) = (Decimal::ZERO, 0_u32);
        for (_, amount) in on_it {
            total += amount;
            lines += 1;
        }
        if (total, lines) != (invoice.total, invoice.line_count) {
            let (said, count) = (invoice.total, invoice.line_count);
            return Err(format!("an invoice of {said} over {count} lines, but {lines} lines sum up to {total}"));
        }
        self.invoiced.insert(series, (invoice.period_end, count + 1));
        Ok(())
    }

    /// Invoices there are.
    pub(super) fn invoices(&self) -> u64 {
        self.invoiced.values().map(|(_, count)| count).sum()
    }

    /// An outcome that somebody was told is in the history, and says the same.
    pub(super) fn acknowledged(&self, command: &[u8], outcome: &Outcome) -> Result<(), String> {
        let (id, at) = (&outcome.command_id, outcome.position);
        let place = usize::try_from(at.seq).unwrap_or(usize::MAX);
        let Some(commit) = self.history(at.partition).commits.get(place) else {
            return Err(format!("command {id} is acknowledged at {at}, where nothing is"));
        };
        if commit.command_id != id.as_str() {
            return Err(format!("command {id} is acknowledged at {at}, where {} is", commit.command_id));
        }
        if commit.command != command {
            return Err(format!("command {id} is acknowledged at {at}, where another content has that id"));
        }
        let same = match (&commit.body, &outcome.result) {
            (Body::Accepted(events), Ok(told)) => events == told,
            (Body::Rejected(rejection), Err(told)) => rejection == told,
            _ => false,
        };
        if same {
            Ok(())
        } else {
            Err(format!("command {id} is acknowledged with an outcome that is not the one at {at}"))
        }
    }

    /// Where an id is recorded.
    pub(super) fn recorded(&self, partition: PartitionId, id: &str) -> Option<&Commit> {
        let history = self.history(partition);
        history.ids.get(id).and_then(|&seq| history.commits.get(usize::try_from(seq).ok()?))
    }
}

fn line(commit: &Commit) -> String {
    let what = match &commit.body {
        Body::Accepted(events) => events.iter().map(Event::name).collect::<Vec<_>>().join(" "),
        Body::Rejected(rejection) => rejection.reason.code().into(),
        Body::WriterStarted { writer_id } => format!("writer {writer_id} begins"),
    };
    format!("    {} epoch {} {} {}: {what}", commit.position, commit.epoch, commit.stream, commit.command_id)
}
