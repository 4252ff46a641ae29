//! Closing business days: by the wall clock, or when somebody moves a test clock.
//!
//! A day is closed by one command to the catalog; every partition of customers then lets everything due decide and marks the day. The
//! command's id is derived from the date, so any number of clocks may close the same day. The catalog refuses a day that is not over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use subledger_domain::{Event, Reason, Rejection, ids::PartnerId, partner::Partner};
use subledger_fold::{Rows, StoreError};
use subledger_log::{
    Actor, Family, Log, PartitionId, ReadError,
    codec::{self, Wire as _},
    ends,
    limits::READ_BYTES,
};
use subledger_projection_runtime::{Handle as Projection, WaitError};
use subledger_proto::api;
use subledger_writer::{Clock, CommandError, Outcome, ReferenceFollower, Submission};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    ids,
    router::{self, Router, SubmitError, WhenFull},
};

/// Most days that one call closes: ten years.
pub(crate) const DAYS_MAX: usize = 3_660;
/// How long nothing may happen before waiting for a day's end is given up.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Reviews of partners sent at once.
const REVIEWS_MAX: usize = 500;
/// How often it is looked whether a day is done.
const POLL: Duration = Duration::from_millis(5);
/// How long to wait for records.
const READ_WAIT: Duration = Duration::from_millis(200);
/// The wall clock closes a day so long after midnight, for clocks that go wrong by a little.
const CLOSE_AFTER: TimeDelta = TimeDelta::minutes(5);
/// How often the wall clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// A day could not be closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloseError {
    /// Too far at once.
    #[error("from {from} through {through} are more days than can be closed at once")]
    TooMany {
        /// The first.
        from: NaiveDate,
        /// The last.
        through: NaiveDate,
        /// Most days of one call.
        limit: usize,
    },
    /// The catalog refused.
    #[error("{}", .0.message)]
    Refused(Rejection),
    /// The catalog's writer gave no outcome.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The day is closed, but not everything due is decided.
    #[error("{date} is closed, but nothing happened for {} s although not everything is done; call again to go on waiting", STALL_MAX.as_secs())]
    Slow {
        /// The day.
        date: NaiveDate,
    },
    /// The process stops.
    #[error("the ledger is shutting down")]
    ShuttingDown,
}

/// Closes days.
pub(crate) struct Days {
    pub(crate) router: Arc<dyn Router>,
    pub(crate) reference: Arc<ReferenceFollower>,
    pub(crate) log: Arc<dyn Log>,
    /// If it runs in this process, a day is done only when its invoices are issued.
    pub(crate) billing: Option<Projection>,
    /// If it runs in this process too, a day is done only when its earnings are closed and its payments ordered.
    pub(crate) incentive: Option<Projection>,
    /// If it runs in this process as well, a day that was closed by hand is done only when it shows what the day brought.
    pub(crate) customer: Option<Projection>,
    /// First day of a ledger without one; none for the day of its first record.
    pub(crate) start: Option<NaiveDate>,
    /// Who closes.
    pub(crate) actor: Actor,
    pub(crate) first_day: OnceLock<NaiveDate>,
}

impl Days {
    /// The first day that is open; none if the ledger is empty and follows the wall clock.
    pub(crate) fn first_open(&self) -> Result<Option<NaiveDate>, CloseError> {
        let closed = self.reference.view().reference.catalog.last_closed();
        if let Some(open) = closed.and_then(|day| day.succ_opt()) {
            return Ok(Some(open));
        }
        if let Some(start) = self.start.or_else(|| self.first_day.get().copied()) {
            return Ok(Some(start));
        }
        let first = first_record(&*self.log)?.map(|at| at.date_naive());
        Ok(first.map(|day| *self.first_day.get_or_init(|| day)))
    }

    /// Closes every open day up to `through`, and waits until everything due is decided and invoiced.
    pub(crate) async fn close_through(&self, through: NaiveDate) -> Result<(), CloseError> {
        let from = self.first_open()?.unwrap_or(through);
        let days: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= through).take(DAYS_MAX + 1).collect();
        if days.len() > DAYS_MAX {
            return Err(CloseError::TooMany { from, through, limit: DAYS_MAX });
        }
        let marks = if self.billing.is_none() && !days.is_empty() {
            Some(ends(&*self.log, self.log.layout().of(Family::Customers))?)
        } else {
            None
        };
        for &day in &days {
            self.close(day).await?;
        }
        match (&self.billing, marks) {
            (Some(billing), _) => {
                let day = through.min(self.last_closed(through));
                self.wait_for_invoices(billing, day).await?;
                if let Some(incentive) = &self.incentive {
                    self.wait_for_earnings(incentive, day).await?;
                }
                self.wait_until_shown(day).await
            }
            (None, Some(marks)) => self.wait_for_marks(marks, through).await,
            (None, None) => Ok(()),
        }
    }

    fn last_closed(&self, otherwise: NaiveDate) -> NaiveDate {
        self.reference.view().reference.catalog.last_closed().unwrap_or(otherwise)
    }

    /// Closes one day. Closing it again changes nothing.
    pub(crate) async fn close(&self, date: NaiveDate) -> Result<(), CloseError> {
        let mut outcome = self.submit(date, format!("close-day:{date}")).await?;
        // A refusal is recorded for good under its id: whoever came too early must not keep the day open for ever.
        if outcome.duplicate && outcome.result.is_err() {
            outcome = self.submit(date, format!("close-day:{date}:{:032x}", ids::random())).await?;
        }
        match outcome.result {
            Ok(_) => {}
            // Somebody closed it under another id.
            Err(rejection) if rejection.reason == Reason::DayAlreadyClosed => {}
            Err(rejection) => return Err(CloseError::Refused(rejection)),
        }
        self.review_memberships(date).await
    }

    /// Lets the memberships of partners see that the day is over. What a crash leaves out is seen at the end of the next day.
    async fn review_memberships(&self, date: NaiveDate) -> Result<(), CloseError> {
        let due: Vec<PartnerId> = {
            let view = self.reference.view();
            let due = |partner: &Partner| partner.memberships.next_due().is_some_and(|due| due <= date);
            view.reference.partners.iter().filter(|(_, partner)| due(partner)).map(|(id, _)| id.clone()).collect()
        };
        for share in due.chunks(REVIEWS_MAX) {
            let share = share.iter().map(|partner_id| self.review(partner_id, date)).collect::<Result<Vec<_>, _>>()?;
            for answer in router::submit(&*self.router, share, WhenFull::Wait).await {
                if let Err(refused) = answer?.result {
                    tracing::error!(%date, %refused, "the memberships of a partner could not be reviewed");
                }
            }
        }
        Ok(())
    }

    fn review(&self, partner_id: &PartnerId, date: NaiveDate) -> Result<Submission, CloseError> {
        let name = format!("subledger/review-memberships/{partner_id}/{date}");
        let command = api::Command {
            command_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string(),
            effective_at: Some(day_end(date).to_wire()),
            body: Some(api::command::Body::ReviewMemberships(api::ReviewMemberships {
                partner_id: partner_id.to_string(),
                date: date.to_string(),
            })),
            ..api::Command::default()
        };
        let invalid = |error| CommandError::Unavailable { reason: format!("cannot review {partner_id}: {error}") };
        Submission::new(command, self.actor.clone(), None).map_err(|error| SubmitError::Command(invalid(error)).into())
    }

    async fn submit(&self, date: NaiveDate, command_id: String) -> Result<Outcome, CloseError> {
        let command = api::Command {
            command_id,
            body: Some(api::command::Body::CloseDay(api::CloseDay { date: date.to_string() })),
            ..api::Command::default()
        };
        let invalid = |error| CommandError::Unavailable { reason: format!("cannot close {date}: {error}") };
        let submission =
            Submission::new(command, self.actor.clone(), None).map_err(|error| SubmitError::Command(invalid(error)))?;
        let answer = router::submit(&*self.router, vec![submission], WhenFull::Wait).await.pop();
        Ok(answer.ok_or(CloseError::ShuttingDown)??)
    }

    /// Waits until billing has folded the end of `date` in every partition and nothing is left to be invoiced.
    async fn wait_for_invoices(&self, billing: &Projection, date: NaiveDate) -> Result<(), CloseError> {
        let partitions = self.log.layout().count(Family::Customers);
        wait_until(billing, date, move |rows| {
            let closed = subledger_billing::closed_through(rows, partitions)?;
            Ok(closed.is_some_and(|closed| closed >= date) && !subledger_billing::has_due_invoices(rows, partitions)?)
        })
        .await
    }

    /// Waits until nothing of earnings and their payments is left but what waits for a rate.
    async fn wait_for_earnings(&self, incentive: &Projection, date: NaiveDate) -> Result<(), CloseError> {
        let partitions = self.log.layout().count(Family::Customers);
        wait_until(incentive, date, move |rows| {
            Ok(subledger_incentive::settled_through(rows, partitions)?.is_some_and(|closed| closed >= date))
        })
        .await
    }

    /// Waits until each read model has come as far as those that say when a day is done. One that cannot be folded holds nobody up.
    async fn wait_until_shown(&self, date: NaiveDate) -> Result<(), CloseError> {
        let deadline = Instant::now() + STALL_MAX;
        let done: Vec<_> = self.billing.iter().chain(&self.incentive).flat_map(Projection::positions).collect();
        for model in self.billing.iter().chain(&self.incentive).chain(&self.customer) {
            match model.wait_for(&done, deadline).await {
                Err(WaitError::Timeout { .. }) => return Err(CloseError::Slow { date }),
                Err(error) => tracing::warn!(%date, %error, "a read model does not show a closed day"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Waits until every partition of customers has marked `date`, reading from `from` on.
    async fn wait_for_marks(&self, from: BTreeMap<PartitionId, u64>, date: NaiveDate) -> Result<(), CloseError> {
        let log = Arc::clone(&self.log);
        let waiting = move || wait_for_marks(&*log, &from, date);
        tokio::task::spawn_blocking(waiting).await.map_err(|_| CloseError::ShuttingDown)?
    }

    /// Closes each day when the wall clock says it is over, until told to stop.
    pub(crate) async fn follow(&self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.catch_up(clock.now()).await {
                tracing::error!(%error, "a business day could not be closed; trying again in {} s", LOOK_EVERY.as_secs());
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn catch_up(&self, now: DateTime<Utc>) -> Result<(), CloseError> {
        let Some(first) = self.first_open()? else { return Ok(()) };
        let over = (now - CLOSE_AFTER).date_naive();
        for day in first.iter_days().take_while(|day| *day < over).take(DAYS_MAX) {
            self.close(day).await?;
            tracing::info!(%day, "business day closed");
        }
        Ok(())
    }
}

/// Waits until a read model says that a day is done. Nothing else than what is folded decides.
async fn wait_until<F>(model: &Projection, date: NaiveDate, is_done: F) -> Result<(), CloseError>
where
    F: Fn(&dyn Rows) -> Result<bool, StoreError> + Clone + Send + 'static,
{
    let mut last_news = Instant::now();
    let mut seen = Vec::new();
    loop {
        let positions = model.positions();
        if positions == seen {
            if last_news.elapsed() > STALL_MAX {
                return Err(CloseError::Slow { date });
            }
            tokio::time::sleep(POLL).await;
            continue;
        }
        (seen, last_news) = (positions, Instant::now());
        if model.query(is_done.clone()).await.map_err(|_| CloseError::ShuttingDown)?.value {
            return Ok(());
        }
    }
}

/// Blocks. A mark of a writer that lost its partition counts as well: the next writer repeats it, and only the wait depends on it.
fn wait_for_marks(log: &dyn Log, from: &BTreeMap<PartitionId, u64>, date: NaiveDate) -> Result<(), CloseError> {
    let starts: Vec<_> = from.iter().map(|(&partition, &offset)| (partition, offset)).collect();
    let mut missing: BTreeSet<PartitionId> = from.keys().copied().collect();
    let mut reader = log.reader(&starts)?;
    let mut last_news = Instant::now();
    while !missing.is_empty() {
        let records = reader.next(READ_BYTES, READ_WAIT)?;
        if !records.is_empty() {
            last_news = Instant::now();
        } else if last_news.elapsed() > STALL_MAX {
            return Err(CloseError::Slow { date });
        }
        for record in records {
            let Ok(commit) = codec::decode(&record.bytes) else { continue };
            let marks = |event: &Event| matches!(event, Event::PartitionDayClosed(mark) if mark.date >= date);
            if commit.events().iter().any(marks) {
                missing.remove(&record.partition);
            }
        }
    }
    Ok(())
}

/// The last microsecond of a day, UTC.
fn day_end(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1) - TimeDelta::microseconds(1)
}

/// When the ledger's first record was written; none if it has none.
fn first_record(log: &dyn Log) -> Result<Option<DateTime<Utc>>, ReadError> {
    if log.end(PartitionId::CATALOG)? == 0 {
        return Ok(None);
    }
    let records = log.reader(&[(PartitionId::CATALOG, 0)])?.next(1, READ_WAIT)?;
    Ok(records.first().and_then(|record| codec::decode(&record.bytes).ok()).map(|commit| commit.recorded_at))
}

#[cfg(test)]
mod tests;
