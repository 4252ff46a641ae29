//! What callers did, on its way into the ledger's own history. Alike calls are one row with a count; the first of them is written at
//! once, the rest when a minute is over. So a flood of refusals is a few rows, and holds nobody up: what is told apart, and what is
//! written in a minute, has a limit, and beyond it others are counted together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use subledger_domain::{
    Command,
    access::{AccessOutcome, AccessRow},
    command::RecordAccess,
    ids::{CommandId, CustomerId, PartnerId},
};
use subledger_log::{
    Actor,
    codec::{Envelope, Wire as _},
};
use subledger_writer::{Clock, Submission};
use tokio_util::sync::CancellationToken;

use crate::{
    identity::Caller,
    ids,
    router::{self, Router, SubmitError, WhenFull},
};

/// How often it is looked what is to be written.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Alike calls within this time are one row.
const ALIKE: Duration = Duration::from_secs(60);
/// Rows told apart at a time; what comes beyond is counted together.
const KEYS_MAX: usize = 10_000;
/// Rows of one command.
const ROWS_PER_COMMAND: usize = 100;
/// Commands that wait for a writer which does not answer; beyond, rows wait and are counted together.
const COMMANDS_WAITING_MAX: usize = 100;
/// Longest text taken of a caller, in characters.
const TEXT_CHARS_MAX: usize = 200;
/// The reason of rows that hold calls of many.
const OTHERS: &str = "OTHERS";

/// A call, as far as it is told apart from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    outcome: AccessOutcome,
    principal: String,
    kind: &'static str,
    application: Option<String>,
    second_factor: bool,
    operation: String,
    reason: Option<String>,
    partner_id: Option<PartnerId>,
    customer_id: Option<CustomerId>,
    from: Option<String>,
}

/// A call that somebody must be able to ask about.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// What became of it.
    pub(crate) outcome: AccessOutcome,
    /// Who called; none if nobody is known.
    pub(crate) caller: Option<&'a Caller>,
    /// What for.
    pub(crate) operation: &'a str,
    /// Why it was refused, or made.
    pub(crate) reason: &'a str,
    /// In whose account.
    pub(crate) partner: Option<PartnerId>,
    /// About whom.
    pub(crate) customer: Option<CustomerId>,
    /// Where from.
    pub(crate) from: Option<std::net::IpAddr>,
}

/// Those of a key.
#[derive(Debug)]
struct Pending {
    count: u32,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    /// When a row of it was made last.
    told: Option<Instant>,
}

/// Collects calls.
pub(crate) struct Recorder {
    rows_per_minute: usize,
    clock: OnceLock<Arc<dyn Clock>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<Key, Pending>,
    /// The minute that is going on, and the rows made in it.
    minute: Option<(Instant, usize)>,
    waiting: VecDeque<Submission>,
}

impl Recorder {
    /// Collects at most so many rows in a minute.
    pub(super) fn new(rows_per_minute: usize) -> Self {
        Self { rows_per_minute, clock: OnceLock::new(), state: Mutex::default() }
    }

    /// Takes a call. Nothing is kept where nothing is written.
    pub(crate) fn note(&self, call: &Call<'_>) {
        if let Some(clock) = self.clock.get() {
            self.note_at(call, clock.now(), Instant::now());
        }
    }

    fn note_at(&self, call: &Call<'_>, at: DateTime<Utc>, now: Instant) {
        let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect::<String>();
        let key = Key {
            outcome: call.outcome,
            principal: call.caller.map(|caller| short(caller.principal.as_str())).unwrap_or_default(),
            kind: call.caller.map_or("", |caller| caller.kind.label()),
            application: call.caller.and_then(|caller| caller.application.as_deref()).map(short),
            second_factor: call.caller.is_some_and(|caller| caller.second_factor),
            operation: short(call.operation),
            reason: Some(short(call.reason)).filter(|reason| !reason.is_empty()),
            partner_id: call.partner.clone(),
            customer_id: call.customer.clone(),
            from: call.from.map(|from| from.to_string()),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if state.keys.len() < KEYS_MAX || state.keys.contains_key(&key) { key } else { key.of_others() };
        // Counts are not urgent: they are written when their minute is over.
        let told = (call.outcome == AccessOutcome::Counted).then_some(now);
        let pending = state.keys.entry(key).or_insert(Pending { count: 0, first_at: at, last_at: at, told });
        if pending.count == 0 {
            pending.first_at = at;
        }
        pending.count = pending.count.saturating_add(1);
        pending.last_at = pending.last_at.max(at);
    }

    /// Makes rows of what is due; of everything at the end.
    fn due(&self, now: Instant, everything: bool) -> Vec<AccessRow> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { keys, minute, waiting } = &mut *state;
        if minute.is_none_or(|(since, _)| now.duration_since(since) >= ALIKE) {
            *minute = Some((now, 0));
        }
        let made = minute.map_or(0, |(_, made)| made);
        let mut room = self.rows_per_minute.saturating_sub(made);
        if waiting.len() >= COMMANDS_WAITING_MAX {
            room = 0;
        }
        let mut rows = Vec::new();
        keys.retain(|key, pending| {
            let over = pending.told.is_none_or(|told| now.duration_since(told) >= ALIKE);
            if pending.count == 0 {
                return !over;
            }
            if (over || everything) && rows.len() < room {
                rows.push(key.row(pending));
                pending.count = 0;
                pending.told = Some(now);
            }
            true
        });
        *minute = minute.map(|(since, made)| (since, made + rows.len()));
        rows
    }

    /// Writes what is collected until told to stop, and then the rest.
    pub(crate) async fn run(self: Arc<Self>, router: Arc<dyn Router>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let _ = self.clock.set(clock);
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let rows = self.due(Instant::now(), stopped);
            self.write(&*router, rows).await;
            if stopped {
                return;
            }
        }
    }

    async fn write(&self, router: &dyn Router, rows: Vec<AccessRow>) {
        let mut batch: Vec<_> = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.waiting.drain(..).collect()
        };
        batch.extend(rows.chunks(ROWS_PER_COMMAND).filter_map(|rows| submission(rows.to_vec())));
        if batch.is_empty() {
            return;
        }
        let answers = router::submit(router, batch.clone(), WhenFull::Wait).await;
        let mut again = VecDeque::new();
        for (submission, answer) in batch.into_iter().zip(answers) {
            match answer {
                Ok(outcome) => {
                    if let Err(rejection) = outcome.result {
                        tracing::error!(%rejection, "what callers did is refused");
                    }
                }
                // Sent again under its id: it is written once.
                Err(SubmitError::Command(error)) => {
                    tracing::warn!(%error, "what callers did is not written yet");
                    again.push_back(submission);
                }
                Err(error) => tracing::error!(%error, "what callers did cannot be written"),
            }
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting = again;
    }
}

fn submission(rows: Vec<AccessRow>) -> Option<Submission> {
    let command = Command::RecordAccess(RecordAccess { rows });
    let command_id = CommandId::new(format!("access:{}", ids::random().simple())).ok()?;
    let envelope = Envelope { command_id, effective_at: None, expected_version: None, command };
    let actor = Actor { principal: "access".into(), channel: "access".into() };
    Submission::new(envelope.to_wire(), actor, None).ok()
}

impl Key {
    /// Calls that are not told apart.
    fn of_others(self) -> Self {
        Self {
            outcome: self.outcome,
            principal: String::new(),
            kind: "",
            application: None,
            second_factor: false,
            operation: String::new(),
            reason: Some(OTHERS.to_owned()),
            partner_id: None,
            customer_id: None,
            from: None,
        }
    }

    fn row(&self, pending: &Pending) -> AccessRow {
        let Self {
            outcome,
            principal,
            kind,
            application,
            second_factor,
            operation,
            reason,
            partner_id,
            customer_id,
            from,
        } = self.clone();
        AccessRow {
            outcome,
            principal,
            kind: kind.to_owned(),
            application,
            second_factor,
            operation,
            reason,
            partner_id,
            customer_id,
            from,
            first_at: pending.first_at,
            last_at: pending.last_at,
            count: pending.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_500_000_000 + second, 0).unwrap()
    }

    fn refused(reason: &str) -> Call<'_> {
        Call {
            outcome: AccessOutcome::Refused,
            caller: None,
            operation: "BillingService/GetInvoice",
            reason,
            partner: None,
            customer: None,
            from: None,
        }
    }

    #[test]
    fn the_first_is_written_at_once_and_the_rest_of_the_minute_as_a_count() {
        let (recorder, now) = (Recorder::new(1_000), Instant::now());
        recorder.note_at(&refused("TOKEN_EXPIRED"), at(0), now);
        assert_eq!(recorder.due(now, false).iter().map(|row| row.count).collect::<Vec<_>>(), [1]);
        for second in 1..=500 {
            recorder.note_at(&refused("TOKEN_EXPIRED"), at(second), now);
        }
        assert!(recorder.due(now + Duration::from_secs(59), false).is_empty());
        let rows = recorder.due(now + Duration::from_secs(60), false);
        assert_eq!(
            rows.iter().map(|row| (row.count, row.first_at, row.last_at)).collect::<Vec<_>>(),
            [(500, at(1), at(500))]
        );
        recorder.note_at(&refused("TOKEN_EXPIRED"), at(501), now);
        assert_eq!(recorder.due(now + Duration::from_secs(61), true).len(), 1, "nothing is lost at the end");
    }

    #[test]
    fn a_flood_of_different_refusals_is_bounded_and_counted_whole() {
        let (recorder, now) = (Recorder::new(100), Instant::now());
        let total = KEYS_MAX + 5_000;
        for n in 0..total {
            recorder.note_at(&refused(&format!("reason {n}")), at(0), now);
        }
        let mut counted = 0;
        for minute in 0..=u32::try_from(KEYS_MAX / 100).unwrap() + 1 {
            let rows = recorder.due(now + ALIKE * minute, false);
            assert!(rows.len() <= 100, "{} rows in a minute", rows.len());
            counted += rows.iter().map(|row| row.count as usize).sum::<usize>();
        }
        assert_eq!(counted, total);
    }
}
