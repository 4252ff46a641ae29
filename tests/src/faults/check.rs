//! What is dear to look at: whether read models are what a rebuild makes of the log, and whether money adds up.

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_billing::{Account, AccountFilter, due_invoices, list_balances, trial_balance};
use subledger_fold::{memory::Memory, page::PageRequest};
use subledger_log::{Family, Log as _, sim::SimFaults};

use subledger_writer::stepped::SteppedWriter;

use super::{projectors, schedule::with, world::World};

/// Accounts of one page.
const BALANCES_MAX: usize = 1_000;

/// Looks at everything. For the moment nothing else happens.
pub(super) fn everything() {
    with(|world| {
        world.calm = true;
        world.apply_faults();
    });
    let count = with(|world| world.projectors.len());
    for number in 0..count {
        if with(|world| world.projectors[number].is_free()) {
            while !with(|world| world.violation.is_some() || projectors::is_up_to_date(world, number)) {
                projectors::turn(number, false);
            }
            with(|world| {
                let compared = compare(world, number);
                world.insist(compared);
            });
        }
    }
    with(|world| {
        let worth = {
            let partitions = &world.oracle.partitions;
            world.oracle.accounts.worth(|partition| partitions.get(&partition).and_then(|history| history.marked))
        };
        match worth {
            Ok(compared) => world.counters.worths += compared,
            Err(what) => world.violated(what),
        }
        world.calm = false;
        world.apply_faults();
    });
}

/// Live rows are those of a rebuild that reads in another order and applies other batches.
fn compare(world: &mut World, number: usize) -> Result<(), String> {
    if world.violation.is_some() {
        return Ok(());
    }
    let batch = 1 + world.random.below(50) as u64;
    let projection = Arc::clone(&world.projectors[number].projection);
    let name = projection.name();
    world.sim.set_faults(SimFaults { reader_mixes: 500, ..SimFaults::NONE });
    let rebuilt = projectors::rebuilt(&world.sim, projection, batch)?;
    world.sim.set_faults(SimFaults::NONE);
    let (live, rebuilt) = (world.projectors[number].store().rows(), rebuilt.rows());
    if let Some(key) = first_difference(&live, &rebuilt) {
        return Err(format!("{name} {number} differs from a rebuild first at key \"{}\"", key.escape_ascii()));
    }
    world.counters.compared += 1;
    if name == "billing" { balanced(world, &live) } else { Ok(()) }
}

fn first_difference(live: &Memory, rebuilt: &Memory) -> Option<Vec<u8>> {
    let (mut left, mut right) = (live.iter(), rebuilt.iter());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (one, other) if one == other => {}
            (one, other) => return one.or(other).map(|(key, _)| key.to_vec()),
        }
    }
}

/// Debits are credits, and what is unbilled or receivable is what was charged.
fn balanced(world: &World, rows: &Memory) -> Result<(), String> {
    for line in trial_balance(rows).map_err(|error| error.to_string())? {
        if !line.difference.is_zero() {
            return Err(format!("the trial balance in {} is off by {}", line.currency, line.difference));
        }
    }
    let page = PageRequest { size: BALANCES_MAX, token: "" };
    let balances = list_balances(rows, &AccountFilter::default(), page).map_err(|error| error.to_string())?;
    let mut owed: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for balance in balances.items {
        if matches!(balance.account, Account::Unbilled | Account::Receivable) {
            *owed.entry((balance.partner_id.to_string(), balance.currency.to_string())).or_default() += balance.amount;
        }
    }
    for (whose, charged) in world.oracle.accounts.totals() {
        let owed = owed.get(&whose).copied().unwrap_or_default();
        if owed != charged {
            return Err(format!("{whose:?} was charged {charged}, but {owed} is unbilled or receivable"));
        }
    }
    Ok(())
}

/// Whether a mended world has come to rest.
pub(super) fn is_settled() -> bool {
    with(|world| unsettled(world).is_empty())
}

/// What is still to happen.
pub(super) fn unsettled(world: &World) -> String {
    let mut open = Vec::new();
    if !world.clients.is_idle() {
        open.push(format!("no outcome of {:?}", world.clients.pending()));
    }
    for (index, node) in &world.owners {
        let taken = world.nodes[*node].hosts.get(index).map(|host| host.offset);
        let records = world.topic.partitions[usize::from(*index)].len() as u64;
        if taken.is_none_or(|taken| taken < records) {
            open.push(format!("{taken:?} of {records} records of {index} are taken"));
        }
    }
    if world.open_day(0).is_some() {
        open.push("a day is over and not closed".into());
    }
    let closed = world.oracle.last_closed();
    for (partition, history) in &world.oracle.partitions {
        if partition.family == Family::Customers && history.marked < closed {
            let node = world.owners.get(&partition.index).map(|node| &world.nodes[*node]);
            let host = node.and_then(|node| node.hosts.get(&partition.index));
            let writer = host.and_then(|host| host.writers.get(partition)).and_then(Option::as_ref);
            let (to_close, tail) = (writer.and_then(SteppedWriter::day_to_close), writer.and_then(SteppedWriter::tail));
            open.push(format!(
                "{partition} has marked {:?} of {closed:?}; its writer is {}, at {:?}, and would close {to_close:?}",
                history.marked,
                if writer.is_some() { "there" } else { "missing" },
                tail.map(|tail| tail.cursor)
            ));
        }
    }
    for number in 0..world.projectors.len() {
        if !projectors::is_up_to_date(world, number) {
            open.push(format!("projector {number} is behind"));
        } else if world.projectors[number].is_billing() {
            let due = due_invoices(world.projectors[number].store(), world.profile.layout.customers);
            open.extend(due.is_ok_and(|due| !due.is_empty()).then(|| "invoices are due".into()));
        }
    }
    open.join("; ")
}

/// What holds once everything has come to rest.
pub(super) fn at_rest(world: &mut World) {
    world.counters.invoices = world.oracle.invoices();
    let begin = NaiveDate::from_ymd_opt(2018, 1, 12).unwrap_or_default();
    let days = world.oracle.last_closed().map_or(0, |closed| (closed - begin).num_days());
    world.counters.days = u64::try_from(days).unwrap_or(0);
    let ends: Vec<String> =
        world.profile.layout.all().map(|p| format!("{p} {}", world.sim.end(p).unwrap_or(0))).collect();
    world.note(format!("at rest: {}", ends.join(", ")));
}
