//! What changed between two moments of a partner's balances and invoices, and by which commits.

use std::collections::BTreeSet;

use subledger_domain::{ids::PartnerId, position::Position};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    change::{self, Cause},
    page::{Page, PageRequest, QueryError, list},
};

use super::{
    invoices::Invoice,
    ledger::{AccountFilter, Balance, list_balances},
};
use crate::tables::{balance_days, causes, invoice_index, invoices, receivables};

/// Balances that a partner has at most: currencies by accounts.
const BALANCES: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

/// A thing at two moments, which differs between them; none where it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// What an account holds.
    Balance(Option<Box<Balance>>, Option<Box<Balance>>),
    /// An invoice, without its lines.
    Invoice(Option<Box<Invoice>>, Option<Box<Invoice>>),
}

/// A change of a balance or an invoice.
pub type Change = change::Change<Changed>;

/// Changes of a partner's balances, by currency and account.
pub fn list_balance_changes(
    rows: &dyn Rows,
    partner: &PartnerId,
    from: &Horizon,
    to: &Horizon,
) -> Result<Vec<Change>, QueryError> {
    let at = |horizon: &Horizon| {
        let filter =
            AccountFilter { partner_id: Some(partner.clone()), horizon: horizon.clone(), ..AccountFilter::default() };
        list_balances(rows, &filter, BALANCES).map(|page| page.items)
    };
    let (before, after) = (at(from)?, at(to)?);
    let names: BTreeSet<_> = before.iter().chain(&after).map(|held| (held.currency, held.account)).collect();
    let mut changes = Vec::new();
    for (currency, account) in names {
        let find = |held: &[Balance]| {
            let found = held.iter().find(|held| (held.currency, held.account) == (currency, account));
            found.cloned().map(Box::new)
        };
        let (before, after) = (find(&before), find(&after));
        if before != after {
            let positions = balance_days::booked_between(rows, (partner, currency, account), from, to)?;
            changes.push(change(rows, Changed::Balance(before, after), positions)?);
        }
    }
    Ok(changes)
}

/// Changes of a partner's invoices, the oldest first; an item is none where nothing changed.
pub fn list_invoice_changes(
    rows: &dyn Rows,
    partner: &PartnerId,
    from: &Horizon,
    to: &Horizon,
    page: PageRequest<'_>,
) -> Result<Page<Change>, QueryError> {
    list(rows, &invoice_index::partner_prefix(Some(partner.as_str())), page, |key, _| {
        let number = invoice_index::read_partner_key(key)?;
        let missing = || StoreError(format!("an index names invoice {number}, which is not there"));
        let issued = invoices::get(rows, &number)?.ok_or_else(missing)?;
        let at = |horizon: &Horizon| {
            let seen = issued.is_seen(horizon).then(|| Invoice::new(rows, issued.clone(), horizon));
            Ok::<_, StoreError>(seen.transpose()?.map(Box::new))
        };
        let (before, after) = (at(from)?, at(to)?);
        if before == after {
            return Ok(None);
        }
        let mut positions = receivables::moved_between(rows, &issued, from, to)?;
        if before.is_some() != after.is_some() {
            positions.push(issued.position);
        }
        change(rows, Changed::Invoice(before, after), positions).map(Some)
    })
}

fn change(rows: &dyn Rows, what: Changed, positions: Vec<Position>) -> Result<Change, StoreError> {
    // By partition and number, each once: movements are in the order of days.
    let positions: BTreeSet<_> = positions.into_iter().collect();
    Change::new(what, positions.into_iter().collect(), |position| {
        let found = causes::cause(rows, position)?;
        Ok(found.map(|cause| Cause {
            position,
            command_id: cause.command_id,
            principal: cause.principal,
            channel: cause.channel,
            effective_at: cause.effective_at,
            recorded_at: cause.recorded_at,
            events: cause.events,
        }))
    })
}
