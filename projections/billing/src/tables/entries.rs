//! Entries: one side of a posting each, by account, in the order booked.
//!
//! Key: partner text, currency, account (1 byte), day booked, family of the log (1 byte, customers before partners: a day's charges
//! come before the invoice that carries them), partition (2 bytes), `seq` (8 bytes), index of the event in the commit (4 bytes).
//! Row: [`Row`]. An event posts at most one entry to an account, so the key is unique.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::{CustomerId, PartnerId},
    money::Currency,
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::prefix::ENTRIES;
use crate::ledger::Account;

/// What the key does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) customer_id: Option<CustomerId>,
    pub(crate) debit: Decimal,
    pub(crate) credit: Decimal,
    pub(crate) reference: String,
}

/// What the key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booking {
    pub(crate) partner_id: PartnerId,
    pub(crate) currency: Currency,
    pub(crate) account: Account,
    pub(crate) booked_on: NaiveDate,
    pub(crate) position: Position,
    pub(crate) index: u32,
}

/// The prefix of all entries, of one partner's, of those in one currency, of one account's: as far as the parts are given in turn.
pub(crate) fn prefix(partner: Option<&str>, currency: Option<Currency>, account: Option<Account>) -> Vec<u8> {
    super::balances::path(Key::table(ENTRIES), partner, currency, account).build()
}

impl Booking {
    fn key(&self) -> Vec<u8> {
        let path = prefix(Some(self.partner_id.as_str()), Some(self.currency), Some(self.account));
        let Position { partition, seq } = self.position;
        Key::default()
            .bytes(&path)
            .date(self.booked_on)
            .byte(family_code(partition.family))
            .u16(partition.index)
            .number(seq)
            .u32(self.index)
            .build()
    }

    /// Reads a key.
    pub(crate) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(ENTRIES, key)?;
        let partner_id = reader.parse(PartnerId::new)?;
        let currency = super::read_currency(&mut reader)?;
        let account = Account::read(&mut reader)?;
        let booked_on = reader.date()?;
        let family = family(reader.byte()?)?;
        let partition = PartitionId::new(family, reader.u16()?);
        let position = Position { partition, seq: reader.number()? };
        let index = reader.u32()?;
        reader.end()?;
        Ok(Self { partner_id, currency, account, booked_on, position, index })
    }
}

pub(super) fn family_code(family: Family) -> u8 {
    match family {
        Family::Catalog => 0,
        Family::Customers => 1,
        Family::Partners => 2,
    }
}

fn family(code: u8) -> Result<Family, StoreError> {
    Family::ALL
        .into_iter()
        .find(|family| family_code(*family) == code)
        .ok_or_else(|| StoreError(format!("a stored key is damaged: {code} is no family")))
}

/// Visits the entries that an account booked on a day.
pub(crate) fn each_of_day(
    rows: &dyn Rows,
    (partner, currency, account): (&PartnerId, Currency, Account),
    day: NaiveDate,
    visit: &mut dyn FnMut(Position, Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let path = prefix(Some(partner.as_str()), Some(currency), Some(account));
    let prefix = Key::default().bytes(&path).date(day).build();
    rows.scan(&prefix, &[], false, &mut |key, row| {
        visit(Booking::read(key)?.position, decode(row)?)?;
        Ok(true)
    })
}

pub(crate) fn put(rows: &mut dyn Changes, booking: &Booking, row: &Row) -> Result<(), StoreError> {
    subledger_fold::put(rows, booking.key(), row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(account: Account, day: u32, family: Family, seq: u64, index: u32) -> Booking {
        Booking {
            partner_id: PartnerId::new("p1").unwrap(),
            currency: Currency::new("USD").unwrap(),
            account,
            booked_on: NaiveDate::from_ymd_opt(2018, 1, day).unwrap(),
            position: Position { partition: PartitionId::new(family, 3), seq },
            index,
        }
    }

    #[test]
    fn keys_come_back_in_the_order_booked() {
        let bookings = [
            booking(Account::Receivable, 9, Family::Partners, 9, 9),
            booking(Account::Unbilled, 1, Family::Customers, 300, 0),
            booking(Account::Unbilled, 1, Family::Customers, 300, 2),
            booking(Account::Unbilled, 1, Family::Partners, 2, 0),
            booking(Account::Unbilled, 2, Family::Customers, 1, 0),
            booking(Account::Credits, 1, Family::Customers, 0, 0),
        ];
        let keys: Vec<_> = bookings.iter().map(Booking::key).collect();
        assert!(keys.is_sorted());
        for (key, booking) in keys.iter().zip(&bookings) {
            assert_eq!(&Booking::read(key).unwrap(), booking);
            assert!(key.starts_with(&prefix(Some("p1"), Some(booking.currency), Some(booking.account))));
            assert!(key.starts_with(&prefix(Some("p1"), None, Some(Account::Credits))));
            assert!(Booking::read(&key[..key.len() - 1]).is_err());
        }
    }
}
