//! The process manager of earnings and payments: a pure function from rows to the commands that are due (design: "Documents").
//!
//! The commands are the same whenever and wherever they are computed. Their ids name partner, program, location, month or day, and the
//! revision of the partner that they were computed with: one that is refused because a fact came in between is followed by another.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};
use subledger_domain::{
    Command, calendar,
    command::{CloseEarnings, ExpireCoopFunds, OrderIncentivePayment},
    ids::{CommandId, ID_LENGTH_MAX, IncentiveProgramId, PartnerId},
    incentive::CoopShare,
    money::Currency,
};
use subledger_fold::{Rows, StoreError};

use super::{Failed, Scope, Waiting};
use crate::tables::{
    agenda::{self, Task},
    coop::{self, FundOf},
    enrollments::EnrollmentKey,
    markers, parties, reference,
};

/// Commands that one call gives; the oldest come first, the rest with later calls.
pub const AGENDA_PER_CALL_MAX: usize = 100;
/// Bytes of a hash that stand for an enrollment whose names are too long for a command id.
const HASH_BYTES: usize = 16;

/// A command that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueIncentive {
    /// Derived: a repetition has no effect.
    pub command_id: CommandId,
    /// 00:00 UTC after the day it is about.
    pub effective_at: DateTime<Utc>,
    /// Closes a month, orders a payment, or books what expired of a co-op fund.
    pub command: Command,
}

/// A month or payment that cannot be done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// The day that it is about.
    pub day: NaiveDate,
    /// What it waits for.
    pub waiting: Waiting,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueIncentives {
    /// To be sent.
    pub due: Vec<DueIncentive>,
    /// What waits.
    pub held: Vec<Held>,
}

/// The last day that everything is folded of: customers, of which there are so many partitions, and the catalog.
fn closed_through(rows: &dyn Rows, customers_partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    let (customers, catalog) = (markers::closed_through(rows, customers_partitions)?, reference::closed(rows)?);
    Ok(customers.zip(catalog).map(|(customers, catalog)| customers.min(catalog)))
}

/// The months to close and payments to order of days that are closed, the oldest first; then co-op funds that nobody claimed in time.
pub fn due_incentives(rows: &dyn Rows, customers_partitions: u16) -> Result<DueIncentives, StoreError> {
    let mut found = DueIncentives::default();
    let Some(closed) = closed_through(rows, customers_partitions)? else { return Ok(found) };
    let mut unclosed: BTreeMap<PartnerId, NaiveDate> = BTreeMap::new();
    // What waits holds up nobody else.
    for (day, task, key) in agenda::through(rows, closed, usize::MAX)? {
        if found.due.len() == AGENDA_PER_CALL_MAX {
            break;
        }
        let (partner_id, program_id) = (key.partner_id.clone(), key.program_id.clone());
        if task == Task::Close {
            unclosed.entry(partner_id.clone()).or_insert(day);
        }
        let due = match task {
            Task::Close => close(rows, customers_partitions, day, &key),
            Task::Order => order(rows, day, &key),
        };
        match due {
            Ok(due) => found.due.push(due),
            Err(Failed::Store(error)) => return Err(error),
            Err(Failed::Waiting(waiting)) => found.held.push(Held { partner_id, program_id, day, waiting }),
        }
    }
    for (deadline, fund) in coop::expiring(rows, closed, AGENDA_PER_CALL_MAX - found.due.len())? {
        // A month that is not closed yet may feed the fund.
        if unclosed.get(&fund.partner_id).is_none_or(|first| *first > deadline) {
            found.due.push(expire(deadline, fund)?);
        }
    }
    Ok(found)
}

fn expire(deadline: NaiveDate, of: FundOf) -> Result<DueIncentive, StoreError> {
    let FundOf { partner_id, program, usage_period_id, location_mpn_id } = of;
    let names = format!("{partner_id}:{program}:{usage_period_id}:{location_mpn_id}");
    let command_id = named("coop", &names, "expired")?;
    let command = ExpireCoopFunds { partner_id, program, location_mpn_id, usage_period_id };
    Ok(DueIncentive { command_id, effective_at: day_after(deadline), command: Command::ExpireCoopFunds(command) })
}

/// The last day through which nothing is left to be closed or ordered, but for what waits.
pub fn settled_through(rows: &dyn Rows, customers_partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    let Some(closed) = closed_through(rows, customers_partitions)? else { return Ok(None) };
    let found = due_incentives(rows, customers_partitions)?;
    Ok(if found.due.is_empty() { Some(closed) } else { None })
}

fn close(
    rows: &dyn Rows,
    customers_partitions: u16,
    earned_on: NaiveDate,
    key: &EnrollmentKey,
) -> Result<DueIncentive, Failed> {
    let folding = || Failed::Waiting(Waiting::Folding);
    let partner = parties::partner(rows, &key.partner_id)?.ok_or_else(folding)?;
    let period = calendar::first_of_month(earned_on);
    let enrollment = key.known(rows)?;
    let revisions = (enrollment.closed_revision, partner.revision);
    let mut scope = Scope::new(rows, key.clone(), period, revisions)?;
    scope.rate_levers()?;
    let (summing, coop) = scope.sum()?;
    let coop = coop.into_iter().map(|(code, usd)| share(rows, key, earned_on, code, usd));
    let coop = coop.collect::<Result<Vec<_>, _>>()?;
    let program = scope.program();
    let terms = program.terms(earned_on).or_else(|| program.cards.first()).ok_or_else(folding)?;
    let after = |days: u32| earned_on.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX);
    let ended = scope.enrollment().ended().into_iter().chain(program.discontinued_on).min();
    let is_last = ended.is_some_and(|ended| {
        calendar::anniversary(calendar::first_of_month(ended), terms.clawback_months) <= period && ended <= earned_on
    });
    let command = CloseEarnings {
        partner_id: key.partner_id.clone(),
        program_id: key.program_id.clone(),
        mpn_id: key.mpn_id.clone(),
        period,
        revision: partner.revision,
        levers: scope.lever_totals(),
        totals: summing.totals(),
        adjusted_usd: summing.adjusted_usd,
        earned_usd: summing.earned_usd,
        coop,
        line_count: summing.line_count,
        lines_digest: summing.digest(),
        order_on: after(terms.cooling_days),
        payment_on: after(terms.payment_days),
        payment_threshold: terms.payment_threshold,
        is_last,
        reflects: markers::positions(rows, customers_partitions, earned_on)?,
    };
    let month = period.format("%Y-%m");
    let command_id = command_id("earn", key, &format!("{month}:{}", partner.revision))?;
    Ok(DueIncentive { command_id, effective_at: day_after(earned_on), command: Command::CloseEarnings(command) })
}

/// What goes to the fund of a co-op program: that of the usage period which the earning date is in, in its currency.
fn share(
    rows: &dyn Rows,
    key: &EnrollmentKey,
    on: NaiveDate,
    program: String,
    amount_usd: Decimal,
) -> Result<CoopShare, Failed> {
    let Some(period) = reference::usage_period(rows, &program, on)? else {
        return Err(Failed::Waiting(Waiting::UsagePeriod { program, on }));
    };
    let usage_period_id = period.usage_period_id;
    let (from, to) = (Currency::DOLLAR, FundOf::currency(rows, &key.partner_id, (&program, &usage_period_id))?);
    let to = to.unwrap_or(from);
    let rate = reference::rate(rows, from, to, on)?.ok_or(Failed::Waiting(Waiting::Rate { from, to, on }))?;
    let amount = amount_usd.checked_mul(rate).ok_or_else(|| StoreError("a share of a fund is too large".to_owned()))?;
    Ok(CoopShare { program, usage_period_id, amount_usd, currency: to, amount: to.round(amount) })
}

fn order(rows: &dyn Rows, ordered_on: NaiveDate, key: &EnrollmentKey) -> Result<DueIncentive, Failed> {
    let partner = parties::partner(rows, &key.partner_id)?.ok_or(Failed::Waiting(Waiting::Folding))?;
    let bank = partner.bank.as_ref().filter(|_| partner.tax.is_some());
    let (currency, mut exchange_rate): (_, Option<Decimal>) = (bank.map(|bank| bank.currency), None);
    if let Some(to) = currency {
        let from = Currency::DOLLAR;
        let rate = reference::rate(rows, from, to, ordered_on)?;
        exchange_rate = Some(rate.ok_or(Failed::Waiting(Waiting::Rate { from, to, on: ordered_on }))?);
    }
    let command = OrderIncentivePayment {
        partner_id: key.partner_id.clone(),
        program_id: key.program_id.clone(),
        mpn_id: key.mpn_id.clone(),
        ordered_on,
        revision: partner.revision,
        currency,
        exchange_rate,
    };
    let command_id = command_id("pay", key, &format!("{ordered_on}:{}", partner.revision))?;
    let command = Command::OrderIncentivePayment(command);
    Ok(DueIncentive { command_id, effective_at: day_after(ordered_on), command })
}

fn day_after(day: NaiveDate) -> DateTime<Utc> {
    day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
}

/// `{kind}:{partner}:{program}:{location}:{rest}`; with long names `{kind}h:` and 32 digits of their SHA-256 in their place.
fn command_id(kind: &str, key: &EnrollmentKey, rest: &str) -> Result<CommandId, StoreError> {
    let EnrollmentKey { partner_id, program_id, mpn_id } = key;
    named(kind, &format!("{partner_id}:{program_id}:{mpn_id}"), rest)
}

fn named(kind: &str, names: &str, rest: &str) -> Result<CommandId, StoreError> {
    let short = CommandId::new(format!("{kind}:{names}:{rest}"));
    if let Ok(id) = short {
        return Ok(id);
    }
    let hash = Sha256::digest(names).iter().take(HASH_BYTES).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    debug_assert!(rest.len() + hash.len() + kind.len() + 3 <= ID_LENGTH_MAX);
    CommandId::new(format!("{kind}h:{hash}:{rest}")).map_err(|error| StoreError(error.to_string()))
}
