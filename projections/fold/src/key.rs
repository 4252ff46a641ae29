//! Parts of keys that have a fixed length, and reading keys back.

use chrono::{Datelike, NaiveDate};

use crate::{Key, StoreError};

/// Moves negative numbers before positive ones.
const SIGN_BIT: u32 = 0x8000_0000;

impl Key {
    /// Adds a byte.
    #[must_use]
    pub fn byte(self, byte: u8) -> Self {
        self.bytes(&[byte])
    }

    /// Adds a small number that sorts as numbers do: 2 bytes.
    #[must_use]
    pub fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds a number that sorts as numbers do: 4 bytes.
    #[must_use]
    pub fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds a day that sorts as days do: 4 bytes, days since the day before 0001-01-01 with the sign bit turned over.
    #[must_use]
    pub fn date(self, date: NaiveDate) -> Self {
        self.u32(date.num_days_from_ce().cast_unsigned() ^ SIGN_BIT)
    }
}

/// Reads the parts of a key in the order in which they were joined.
#[derive(Clone, Copy, Debug)]
pub struct KeyReader<'a> {
    rest: &'a [u8],
}

impl<'a> KeyReader<'a> {
    /// Begins after the prefix of a table; refuses another table's key.
    pub fn table(prefix: u8, key: &'a [u8]) -> Result<Self, StoreError> {
        match key.split_first() {
            Some((first, rest)) if *first == prefix => Ok(Self { rest }),
            _ => Err(damaged()),
        }
    }

    /// Begins with the rest of a key whose beginning is known.
    pub fn rest(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Begins after the first parts of a key; refuses one that does not begin so.
    pub fn after(prefix: &[u8], key: &'a [u8]) -> Result<Self, StoreError> {
        key.strip_prefix(prefix).map(|rest| Self { rest }).ok_or_else(damaged)
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, StoreError> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or_else(damaged)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        std::str::from_utf8(text).map_err(|_| damaged())
    }

    /// A text that is a typed value, such as an id.
    pub fn parse<T, E>(&mut self, new: impl FnOnce(&'a str) -> Result<T, E>) -> Result<T, StoreError> {
        new(self.text()?).map_err(|_| damaged())
    }

    /// A number.
    pub fn number(&mut self) -> Result<u64, StoreError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 4 bytes.
    pub fn u32(&mut self) -> Result<u32, StoreError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number of 2 bytes.
    pub fn u16(&mut self) -> Result<u16, StoreError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A byte.
    pub fn byte(&mut self) -> Result<u8, StoreError> {
        self.array().map(u8::from_be_bytes)
    }

    /// A day.
    pub fn date(&mut self) -> Result<NaiveDate, StoreError> {
        let days = (self.u32()? ^ SIGN_BIT).cast_signed();
        NaiveDate::from_num_days_from_ce_opt(days).ok_or_else(damaged)
    }

    /// Bytes of a fixed length.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or_else(damaged)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), StoreError> {
        if self.rest.is_empty() { Ok(()) } else { Err(damaged()) }
    }
}

fn damaged() -> StoreError {
    StoreError("a stored key is damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn parts_come_back() {
        let key =
            Key::table(7).text("a:b").byte(1).u16(515).u32(70_000).number(u64::MAX).date(day("2016-02-29")).build();
        let mut reader = KeyReader::table(7, &key).unwrap();
        assert_eq!(reader.text().unwrap(), "a:b");
        assert_eq!(reader.byte().unwrap(), 1);
        assert_eq!(reader.u16().unwrap(), 515);
        assert_eq!(reader.u32().unwrap(), 70_000);
        assert_eq!(reader.number().unwrap(), u64::MAX);
        assert_eq!(reader.date().unwrap(), day("2016-02-29"));
        reader.end().unwrap();
    }

    #[test]
    fn days_sort_as_days() {
        let days = ["-0005-01-01", "0000-12-31", "0001-01-01", "1999-12-31", "2000-01-01", "2018-02-28", "2018-03-01"];
        let keys: Vec<_> = days.map(|text| Key::default().date(day(text)).build()).to_vec();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(NaiveDate::MIN.num_days_from_ce(), {
            let key = Key::table(1).date(NaiveDate::MIN).build();
            KeyReader::table(1, &key).unwrap().date().unwrap().num_days_from_ce()
        });
    }

    #[test]
    fn refuses_what_is_no_such_key() {
        assert!(KeyReader::table(1, &[]).is_err());
        assert!(KeyReader::table(1, &[2]).is_err());
        assert!(KeyReader::table(1, &[1, b'a']).unwrap().text().is_err());
        assert!(KeyReader::table(1, &[1, 0xff, 0]).unwrap().text().is_err());
        assert!(KeyReader::table(1, &[1, 0]).unwrap().u16().is_err());
        assert!(KeyReader::table(1, &[1, 0]).unwrap().end().is_err());
    }
}
