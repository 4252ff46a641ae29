//! Closing a day: everything due in the partition is decided, customer by customer, then the day is marked.
//!
//! A kill at any point loses nothing and repeats nothing: what was decided moved its customer's next due day, and the mark is the last.

use std::{
    collections::HashSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use prost::Message as _;
use subledger_domain::{
    Command, Context,
    command::{MarkDay, RunDue},
    ids::{CommandId, CustomerId},
};
use subledger_log::{
    Actor, Draft,
    codec::{Envelope, Wire},
};
use subledger_proto::api;
use uuid::Uuid;

use crate::{
    ReferenceView,
    block::BlockError,
    dedup::{IdKey, id_key},
    run::Writer,
};

/// Time between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Where closing a day stands.
#[derive(Default)]
pub(crate) struct DueRun {
    day: Option<NaiveDate>,
    /// Customers up to here have nothing to decide although they said so.
    after: Option<(NaiveDate, CustomerId)>,
    /// Ids of the slice that is not in the log yet.
    staged: HashSet<IdKey>,
    done: usize,
    total: usize,
    started: Option<Instant>,
    reported: Option<Instant>,
}

impl DueRun {
    /// What was staged is in the log now, or nowhere.
    pub(crate) fn forget_staged(&mut self) {
        self.staged.clear();
    }
}

impl Writer {
    /// The next day this partition has to close.
    pub(crate) fn day_to_close(&self) -> Option<NaiveDate> {
        self.day_to_close_by(&self.reference.view())
    }

    pub(crate) fn day_to_close_by(&self, view: &ReferenceView) -> Option<NaiveDate> {
        let customers = self.core.machine.customers()?;
        let last = view.reference.catalog.last_closed()?;
        let next = match customers.closed() {
            Some(closed) => closed.succ_opt()?,
            None => view.reference.catalog.first_closed()?,
        };
        (next <= last).then_some(next)
    }

    /// Decides a slice of what is due.
    pub(crate) fn close_days(&mut self) {
        if self.day_to_close().is_none() {
            return;
        }
        #[cfg(feature = "planted-bugs")]
        let day = self.day_to_close();
        if self.ensure_claimed().is_err() {
            return;
        }
        // Claiming again may have read that another writer closed it meanwhile.
        #[cfg(feature = "planted-bugs")]
        let closing = if subledger_domain::planted::has(subledger_domain::planted::Bug::ChooseDayBeforeClaim) {
            day
        } else {
            self.day_to_close()
        };
        #[cfg(not(feature = "planted-bugs"))]
        let closing = self.day_to_close();
        let Some(day) = closing else { return };
        self.begin(day);
        if let Err(BlockError::NotWritten(error) | BlockError::Lost(error)) = self.close_slice(day) {
            tracing::error!(partition = %self.partition(), %day, %error, "closing the day is interrupted; it goes on from the log");
            self.reset();
            std::thread::sleep(self.shared.options.due_retry);
        }
    }

    fn begin(&mut self, day: NaiveDate) {
        if self.due.day == Some(day) {
            return;
        }
        let total = self.core.machine.customers().map_or(0, |customers| customers.due_count(day));
        let now = Instant::now();
        self.shared.due_done.store(0, Ordering::Relaxed);
        self.shared.due_total.store(u64::try_from(total).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.due = DueRun { day: Some(day), total, started: Some(now), reported: Some(now), ..DueRun::default() };
    }

    fn close_slice(&mut self, day: NaiveDate) -> Result<(), BlockError> {
        let now = self.clock.now();
        let reference = std::sync::Arc::clone(&self.reference);
        let view = reference.view();
        let mut complete = false;
        for _ in 0..self.shared.options.due_customers_max {
            let Some(entry) = self.next_due(day) else {
                complete = true;
                break;
            };
            if !self.stage_due(&view, &entry.1, day, now) {
                self.due.after = Some(entry);
            }
            self.due.done += 1;
        }
        #[cfg(feature = "planted-bugs")]
        let complete = complete || subledger_domain::planted::has(subledger_domain::planted::Bug::MarkDayEarly);
        if complete {
            let context = Context {
                command_id: mark_id(&self.partition().to_string(), day),
                effective_at: end_of(day),
                recorded_at: now,
            };
            let events = vec![subledger_domain::event::PartitionDayClosed { date: day }.into()];
            let against = self.decided_against(&view);
            let draft = draft(&context, Command::MarkDay(MarkDay { date: day }), String::new(), Ok(events), against);
            if let Err(error) = self.stage_draft(draft) {
                tracing::error!(%day, %error, "the day's mark could not be staged");
            }
        }
        drop(view);
        self.flush()?;
        let done = if complete { self.due.total } else { self.due.done.min(self.due.total) };
        self.shared.due_done.store(u64::try_from(done).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.report(day, complete);
        Ok(())
    }

    /// Stages everything of a customer that days closed in the catalog have made due, so that a command which comes before the
    /// partition got to it is decided after it and not instead of it.
    pub(crate) fn settle(&mut self, view: &ReferenceView, customer: &CustomerId, now: DateTime<Utc>) {
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::SkipSettling) {
            return;
        }
        let Some(first) = self.day_to_close_by(view) else { return };
        let Some(last) = view.reference.catalog.last_closed() else { return };
        for day in first.iter_days().take_while(|day| *day <= last) {
            while self.core.machine.customers().is_some_and(|customers| customers.is_due(customer, day)) {
                if !self.stage_due(view, customer, day, now) {
                    return;
                }
            }
        }
    }

    /// Stages one decision about what is due. False if nothing came of it.
    fn stage_due(&mut self, view: &ReferenceView, customer: &CustomerId, day: NaiveDate, now: DateTime<Utc>) -> bool {
        let command = Command::RunDue(RunDue { customer_id: customer.clone(), date: day });
        let context =
            Context { command_id: self.unused_id(customer, day), effective_at: end_of(day), recorded_at: now };
        self.core.machine.prepare(&command);
        let staged = match self.core.machine.decide(&view.reference, &command, &context) {
            Ok(events) if events.is_empty() => Err("nothing is due although the state says so".to_owned()),
            Ok(events) => {
                let against = self.decided_against(view);
                let draft = draft(&context, command, customer.to_string(), Ok(events), against);
                let version = self.core.machine.version(&draft.stream);
                #[cfg(feature = "planted-bugs")]
                let version = if subledger_domain::planted::has(subledger_domain::planted::Bug::DoubleTimer) {
                    let id = format!("{}-again", draft.command_id);
                    let again = Draft { command_id: id, stream_version_before: version, ..draft.clone() };
                    version + u64::from(self.stage_draft(again).is_ok())
                } else {
                    version
                };
                self.stage_draft(Draft { stream_version_before: version, ..draft }).map_err(|error| error.to_string())
            }
            Err(rejection) => Err(rejection.to_string()),
        };
        self.due.staged.insert(id_key(context.command_id.as_str()));
        if let Err(error) = &staged {
            tracing::error!(%customer, %day, error, "what is due could not be decided; the customer is left as it is");
            metrics::counter!("subledger_due_failed_total").increment(1);
        }
        staged.is_ok()
    }

    fn next_due(&self, day: NaiveDate) -> Option<(NaiveDate, CustomerId)> {
        self.core.machine.customers()?.next_due(day, self.due.after.as_ref()).cloned()
    }

    /// The id of the next decision about what is due: a customer with very much due takes several.
    fn unused_id(&self, customer: &CustomerId, day: NaiveDate) -> CommandId {
        let mut part = 0_u32;
        loop {
            let id = due_id(customer, day, part);
            let key = id_key(id.as_str());
            if self.core.dedup.get(key).is_none() && !self.due.staged.contains(&key) {
                return id;
            }
            part += 1;
        }
    }

    fn report(&mut self, day: NaiveDate, complete: bool) {
        let due = &mut self.due;
        let (Some(started), Some(reported)) = (due.started, due.reported) else { return };
        let seconds = started.elapsed().as_secs_f64();
        if complete && due.done > 0 {
            tracing::info!(partition = %self.shared.partition, %day, customers = due.done, seconds, "day closed");
        } else if !complete && reported.elapsed() >= PROGRESS_EVERY {
            due.reported = Some(Instant::now());
            tracing::info!(partition = %self.shared.partition, %day, done = due.done, of = due.total, seconds, "closing the day");
        }
    }
}

/// The last microsecond of a day, UTC.
pub(crate) fn end_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + chrono::Duration::days(1) - chrono::Duration::microseconds(1)
}

fn derived(name: &str) -> CommandId {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
    CommandId::new(id).unwrap_or_else(|error| unreachable!("{error}"))
}

fn due_id(customer: &CustomerId, day: NaiveDate, part: u32) -> CommandId {
    derived(&format!("subledger/due/{customer}/{day}/{part}"))
}

/// Names what a preview decides; never recorded.
pub(crate) fn preview_id(customer: &CustomerId, day: NaiveDate, number: usize) -> CommandId {
    derived(&format!("subledger/preview/{customer}/{day}/{number}"))
}

fn mark_id(partition: &str, day: NaiveDate) -> CommandId {
    derived(&format!("subledger/mark/{partition}/{day}"))
}

fn draft(
    context: &Context,
    command: Command,
    stream: String,
    outcome: Result<Vec<subledger_domain::Event>, subledger_domain::Rejection>,
    decided_against: Vec<subledger_log::Position>,
) -> Draft {
    let envelope = Envelope {
        command_id: context.command_id.clone(),
        effective_at: Some(context.effective_at),
        expected_version: None,
        command,
    };
    let wire: api::Command = envelope.to_wire();
    Draft {
        command_id: context.command_id.to_string(),
        command: wire.encode_to_vec().into(),
        stream,
        stream_version_before: 0,
        decided_against,
        effective_at: context.effective_at,
        recorded_at: context.recorded_at,
        actor: Actor { principal: "ledger".into(), channel: "clock".into() },
        outcome,
        source: None,
    }
}
