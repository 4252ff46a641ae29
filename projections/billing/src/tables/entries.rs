//! Entries: one side of a posting each, by account, in the order booked.
//!
//! Key: partner text, currency, account (1 byte), day booked, family of the log (1 byte, customers before partners: a day's charges
//! come before the invoice that carries them), partition (2 bytes), `seq` (8 bytes), index of the event in the commit (4 bytes).
//! Row: [`Row`]. An event posts at most one entry to an account, so the key is unique.
//!
//! Only entries of partners' events are kept. What a charge posts follows from the charge ([`charge_posting`]), and charges lie in the
//! same order, so those entries are read from there; they have keys like the others, which tokens of pages name.

use std::collections::VecDeque;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::{Charged, InvoiceFamily},
    ids::{CustomerId, PartnerId},
    money::Currency,
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::{
    balance_days, balances,
    charges::{self, Place},
    prefix::ENTRIES,
    series::Series,
};
use crate::ledger::{Account, charge_posting};

/// Charges that are read at a time.
const CHARGES_READ: usize = 200;

/// Whose account.
pub(crate) type Of<'a> = (&'a PartnerId, Currency, Account);

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
    balances::path(Key::table(ENTRIES), partner, currency, account).build()
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
        Family::Access => 3,
    }
}

fn family(code: u8) -> Result<Family, StoreError> {
    Family::ALL
        .into_iter()
        .find(|family| family_code(*family) == code)
        .ok_or_else(|| StoreError(format!("a stored key is damaged: {code} is no family")))
}

/// What [`each`] calls with the key and the entry, until it returns false. Without an entry something was read that has none.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], Option<(Booking, Row)>) -> Result<bool, StoreError>;

/// Where reading begins.
struct Start {
    partner_id: PartnerId,
    currency: Currency,
    account: Account,
    /// None for the first entry.
    booking: Option<Booking>,
}

impl Start {
    fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(ENTRIES, key)?;
        let partner_id = reader.parse(PartnerId::new)?;
        let currency = super::read_currency(&mut reader)?;
        let account = Account::read(&mut reader)?;
        let booking = if reader.end().is_ok() { None } else { Some(Booking::read(key)?) };
        Ok(Self { partner_id, currency, account, booking })
    }
}

/// Whether [`each`] can begin with a key.
pub(crate) fn is_start(key: &[u8]) -> bool {
    key.is_empty() || Start::read(key).is_ok()
}

/// Visits the entries of one partner or all, in the accounts that are wanted, in the order of keys, beginning with the key `from`.
pub(crate) fn each(
    rows: &dyn Rows,
    partner: Option<&str>,
    wanted: &dyn Fn(Currency, Account) -> bool,
    from: &[u8],
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    let accounts = balances::prefix(partner, None, None);
    let mut start = if from.is_empty() { None } else { Some(Start::read(from)?) };
    let mut next = start
        .as_ref()
        .map(|start| balances::prefix(Some(start.partner_id.as_str()), Some(start.currency), Some(start.account)));
    loop {
        let mut found = None;
        rows.scan(&accounts, next.as_deref().unwrap_or_default(), false, &mut |key, _| {
            found = Some(key.to_vec());
            Ok(false)
        })?;
        let Some(key) = found else { return Ok(()) };
        let (partner_id, currency, account) = balances::read_key(&key)?;
        let of = (&partner_id, currency, account);
        let same = |start: &Start| (&start.partner_id, start.currency, start.account) == of;
        let booking = start.take().filter(same).and_then(|start| start.booking);
        let more = if wanted(currency, account) {
            each_of_account(rows, of, booking, visit)?
        } else {
            visit(&prefix(Some(partner_id.as_str()), Some(currency), Some(account)), None)?
        };
        if !more {
            return Ok(());
        }
        // The key right after this one.
        next = Some([key.as_slice(), &[0]].concat());
    }
}

fn each_of_account(rows: &dyn Rows, of: Of<'_>, from: Option<Booking>, visit: Visit<'_>) -> Result<bool, StoreError> {
    let mut from = from;
    let mut day = balance_days::first_day(rows, of, from.as_ref().map(|from| from.booked_on))?;
    while let Some(on) = day {
        let from = from.take().filter(|from| from.booked_on == on);
        if !each_of_day(rows, of, on, from.as_ref(), visit)? {
            return Ok(false);
        }
        day = on.succ_opt().map_or(Ok(None), |next| balance_days::first_day(rows, of, Some(next)))?;
    }
    Ok(true)
}

/// Visits the entries that an account booked on a day, beginning with one of them. False if `visit` wanted no more.
pub(crate) fn each_of_day(
    rows: &dyn Rows,
    of: Of<'_>,
    day: NaiveDate,
    from: Option<&Booking>,
    visit: Visit<'_>,
) -> Result<bool, StoreError> {
    let (partner_id, currency, account) = of;
    if from.is_none_or(|from| from.position.partition.family == Family::Customers) {
        let mut charges = DayCharges::new(partner_id, currency, day, from);
        while let Some((place, line)) = charges.next(rows)? {
            let booking = Booking {
                partner_id: partner_id.clone(),
                currency,
                account,
                booked_on: day,
                position: place.position(),
                index: place.index,
            };
            let key = booking.key();
            let posting = charge_posting(&line);
            let entry = posting.legs().iter().rfind(|leg| leg.account == account).map(|leg| {
                let (debit, credit, reference) = (leg.debit, leg.credit, line.line_id.into());
                (booking, Row { customer_id: Some(line.customer_id), debit, credit, reference })
            });
            if !visit(&key, entry)? {
                return Ok(false);
            }
        }
    }
    let path = prefix(Some(partner_id.as_str()), Some(currency), Some(account));
    let prefix = Key::default().bytes(&path).date(day).build();
    let mut more = true;
    rows.scan(&prefix, &from.map(Booking::key).unwrap_or_default(), false, &mut |key, row| {
        more = visit(key, Some((Booking::read(key)?, decode(row)?)))?;
        Ok(more)
    })?;
    Ok(more)
}

/// The charges of a partner in a currency on a day, of both families of invoices together, in the order of their entries.
struct DayCharges {
    day: NaiveDate,
    families: [OfFamily; 2],
}

/// Charges of one family of invoices.
struct OfFamily {
    series: Series,
    read: VecDeque<(Place, Charged)>,
    /// Where to read on; none at the end.
    from: Option<Vec<u8>>,
}

impl DayCharges {
    fn new(partner_id: &PartnerId, currency: Currency, day: NaiveDate, from: Option<&Booking>) -> Self {
        let first = Place { charged_on: day, partition: 0, seq: 0, index: 0 };
        let first = from.map_or(first, |from| {
            let Position { partition, seq } = from.position;
            Place { charged_on: day, partition: partition.index, seq, index: from.index }
        });
        let families = [InvoiceFamily::LicenseUsage, InvoiceFamily::OneTimeRecurring].map(|family| {
            let series = Series { partner_id: partner_id.clone(), family, currency };
            let from = Some(charges::key(&series, &first));
            OfFamily { series, read: VecDeque::new(), from }
        });
        Self { day, families }
    }

    fn next(&mut self, rows: &dyn Rows) -> Result<Option<(Place, Charged)>, StoreError> {
        for family in &mut self.families {
            family.read_on(rows, self.day)?;
        }
        let [a, b] = &mut self.families;
        let a_first = match (a.read.front(), b.read.front()) {
            (Some((a, _)), Some((b, _))) => a <= b,
            (a, _) => a.is_some(),
        };
        Ok(if a_first { a.read.pop_front() } else { b.read.pop_front() })
    }
}

impl OfFamily {
    /// Has a charge ready, if there is another one.
    fn read_on(&mut self, rows: &dyn Rows, day: NaiveDate) -> Result<(), StoreError> {
        if !self.read.is_empty() {
            return Ok(());
        }
        let Some(from) = self.from.take() else { return Ok(()) };
        let mut last = Vec::new();
        rows.scan(&charges::series_from(&self.series, Some(day)), &from, false, &mut |key, row| {
            self.read.push_back((charges::read_key(key)?.1, decode(row)?));
            last.clear();
            last.extend_from_slice(key);
            Ok(self.read.len() < CHARGES_READ)
        })?;
        if self.read.len() == CHARGES_READ {
            last.push(0);
            self.from = Some(last);
        }
        Ok(())
    }
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
