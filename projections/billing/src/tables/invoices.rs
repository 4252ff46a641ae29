//! Issued invoices.
//!
//! Key: invoice number text. Row: [`Issued`].

use serde::{Deserialize, Serialize};
use subledger_domain::{event::InvoiceIssued, ids::InvoiceNumber, position::Position};
use subledger_fold::{Changes, Key, Rows, StoreError, as_of::Horizon};

use super::prefix::INVOICES;

/// An invoice as it was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// The commit.
    pub(crate) position: Position,
    /// The document.
    pub(crate) event: InvoiceIssued,
}

impl Issued {
    /// Whether it was issued by then.
    pub(crate) fn is_seen(&self, horizon: &Horizon) -> bool {
        horizon.knows(self.position) && horizon.reaches(self.event.invoice_date)
    }
}

/// Whether the invoice was issued by then.
pub(crate) fn is_seen(rows: &dyn Rows, number: &InvoiceNumber, horizon: &Horizon) -> Result<bool, StoreError> {
    Ok(get(rows, number)?.is_some_and(|issued| issued.is_seen(horizon)))
}

fn key(number: &InvoiceNumber) -> Vec<u8> {
    Key::table(INVOICES).text(number.as_str()).build()
}

pub(crate) fn get(rows: &(impl Rows + ?Sized), number: &InvoiceNumber) -> Result<Option<Issued>, StoreError> {
    subledger_fold::get(rows, &key(number))
}

/// Adds an invoice; a number that exists is an impossible history.
pub(crate) fn insert(rows: &mut dyn Changes, issued: &Issued) -> Result<(), StoreError> {
    let key = key(&issued.event.invoice_number);
    if rows.get(&key)?.is_some() {
        return Err(StoreError(format!("invoice {} was issued twice", issued.event.invoice_number)));
    }
    subledger_fold::put(rows, key, issued)
}

#[cfg(test)]
mod tests {
    use subledger_domain::position::{Family, PartitionId};
    use subledger_fold::memory::Memory;

    use super::*;
    use crate::tables::invoice_index::tests::issued_on;

    #[test]
    fn come_back_and_are_issued_once() {
        let position = Position { partition: PartitionId::new(Family::Partners, 1), seq: 4 };
        let issued = Issued { position, event: issued_on("p1", "N1", "2018-02-15") };
        let mut rows = Memory::default();
        insert(&mut rows, &issued).unwrap();
        assert!(insert(&mut rows, &issued).is_err());
        assert_eq!(get(&rows, &issued.event.invoice_number).unwrap(), Some(issued));
    }
}
