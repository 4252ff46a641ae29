//! Rows depend on the history alone: not on batches, not on how partitions are interleaved.

use proptest::{prelude::*, sample::Index};
use subledger_domain::{Event, Reason, Rejection, customer::SuspensionReason, event::SubscriptionReactivated};
use subledger_fold::{Changes, Rows, StoreError, memory::Memory};

use super::history::*;

const PARTITIONS: u16 = 3;

/// One partition's history: its own customers, and everything that may follow.
fn partition(index: u16, steps: &[(u8, u8)]) -> Vec<Entry> {
    let mut history = History::default();
    let ids: Vec<_> = (0..3).map(|number| format!("c-{index}-{number}")).collect();
    for id in &ids {
        history = history.with_customer(id, "Contoso", "p-1");
        history.commit(id, Ok(purchase(id, "p-1", "s", 1)));
    }
    for &(what, whose) in steps {
        let id = &ids[usize::from(whose) % ids.len()];
        let event: Event = match what % 6 {
            0 => seats(id, "s", 1, u32::from(whose)).into(),
            1 => suspended(id, "s", SuspensionReason::NonPayment).into(),
            2 => SubscriptionReactivated {
                customer_id: customer(id),
                subscription_id: subscription("s"),
                effective_on: day(4, 1),
            }
            .into(),
            3 => removed(id, "p-1").into(),
            4 => established(id, "p-1").into(),
            _ => {
                history.commit(id, Err(Rejection::new(Reason::QuantityUnchanged, "no")));
                continue;
            }
        };
        history.event(id, event);
    }
    history.entries.iter().map(|entry| Entry { partition: index, ..entry.clone() }).collect()
}

/// Interleaves partitions as `picks` say, each in its own order.
fn interleave(partitions: &[Vec<Entry>], picks: &[Index]) -> Vec<Entry> {
    let mut left: Vec<_> = partitions.iter().map(|entries| entries.iter()).collect();
    let mut picks = picks.iter().cycle();
    let mut entries = Vec::new();
    while !left.is_empty() {
        let at = picks.next().map_or(0, |pick| pick.index(left.len()));
        match left[at].next() {
            Some(entry) => entries.push(entry.clone()),
            None => drop(left.swap_remove(at)),
        }
    }
    entries
}

/// Changes kept aside until the batch ends, as the runtime does.
struct Batch<'a> {
    base: &'a Memory,
    whole: Memory,
    changed: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl<'a> Batch<'a> {
    fn new(base: &'a Memory) -> Self {
        Self { base, whole: base.clone(), changed: Vec::new() }
    }
}

impl Rows for Batch<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let last = self.changed.iter().rev().find(|(changed, _)| changed == key);
        last.map_or_else(|| self.base.get(key), |(_, row)| Ok(row.clone()))
    }

    fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.whole.scan(prefix, from, reverse, visit)
    }
}

impl Changes for Batch<'_> {
    fn put(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.whole.put(key.clone(), row.clone());
        self.changed.push((key, Some(row)));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.whole.delete(key.clone());
        self.changed.push((key, None));
    }
}

fn fold(entries: &[Entry]) -> Memory {
    let mut rows = Memory::default();
    for entry in entries {
        entry.fold(&mut rows).unwrap();
    }
    rows
}

fn fold_in_batches(entries: &[Entry], sizes: &[usize]) -> Memory {
    let (mut rows, mut rest) = (Memory::default(), entries);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, after) = rest.split_at((*size).min(rest.len()));
        let mut changes = Batch::new(&rows);
        for entry in batch {
            entry.fold(&mut changes).unwrap();
        }
        for (key, row) in std::mem::take(&mut changes.changed) {
            match row {
                Some(row) => rows.put(key, row),
                None => rows.delete(key),
            }
        }
        rest = after;
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn batches_and_interleavings_do_not_show(
        steps in proptest::collection::vec(any::<(u8, u8)>(), 0..20),
        picks in proptest::collection::vec(any::<Index>(), 1..20),
        sizes in proptest::collection::vec(1_usize..9, 1..6),
    ) {
        let partitions: Vec<_> = (0..PARTITIONS).map(|index| partition(index, &steps)).collect();
        let expected = fold(&partitions.concat());
        let shuffled = interleave(&partitions, &picks);
        prop_assert_eq!(shuffled.len(), partitions.concat().len());
        prop_assert_eq!(&fold(&shuffled), &expected);
        prop_assert_eq!(&fold_in_batches(&shuffled, &sizes), &expected);
    }
}
