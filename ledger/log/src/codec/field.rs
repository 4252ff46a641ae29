//! Conversions of single fields.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use prost_types::Timestamp;
use rust_decimal::Decimal;

/// A typed value and its protobuf form.
pub trait Wire<P>: Sized {
    /// The protobuf form.
    fn to_wire(&self) -> P;
    /// Checks the protobuf form and takes it.
    fn from_wire(wire: P) -> Result<Self, FieldError>;
}

/// A field whose value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// From the outermost message to the field, with dots.
    pub path: String,
    /// What is wrong and what would be accepted.
    pub what: String,
}

impl FieldError {
    /// An error of a value whose field the caller names with [`Self::within`].
    pub fn new(what: impl fmt::Display) -> Self {
        Self { path: String::new(), what: what.to_string() }
    }

    /// Says in which field it is.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.path = if self.path.is_empty() {
            field.to_owned()
        } else if self.path.starts_with('[') {
            format!("{field}{}", self.path)
        } else {
            format!("{field}.{}", self.path)
        };
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.path, self.what) }
    }
}

impl std::error::Error for FieldError {}

macro_rules! same {
    ($($type:ty)*) => {$(
        impl Wire<$type> for $type {
            fn to_wire(&self) -> $type {
                self.clone()
            }
            fn from_wire(wire: $type) -> Result<Self, FieldError> {
                Ok(wire)
            }
        }
    )*};
}

same! { bool u8 u32 u64 String }

impl Wire<Option<bool>> for Option<bool> {
    fn to_wire(&self) -> Option<bool> {
        *self
    }
    fn from_wire(wire: Option<bool>) -> Result<Self, FieldError> {
        Ok(wire)
    }
}

/// 0 stands for none.
impl Wire<u32> for Option<u32> {
    fn to_wire(&self) -> u32 {
        self.unwrap_or(0)
    }
    fn from_wire(wire: u32) -> Result<Self, FieldError> {
        Ok((wire != 0).then_some(wire))
    }
}

/// The empty string stands for none.
impl<T: Wire<String>> Wire<String> for Option<T> {
    fn to_wire(&self) -> String {
        self.as_ref().map(Wire::to_wire).unwrap_or_default()
    }
    fn from_wire(wire: String) -> Result<Self, FieldError> {
        if wire.is_empty() { Ok(None) } else { T::from_wire(wire).map(Some) }
    }
}

/// A message field that must be there.
impl<P, T: Wire<P>> Wire<Option<P>> for T {
    fn to_wire(&self) -> Option<P> {
        Some(Wire::to_wire(self))
    }
    fn from_wire(wire: Option<P>) -> Result<Self, FieldError> {
        wire.map_or_else(|| Err(FieldError::new("is required")), Wire::from_wire)
    }
}

impl<P, T: Wire<P>> Wire<Vec<P>> for Vec<T> {
    fn to_wire(&self) -> Vec<P> {
        self.iter().map(Wire::to_wire).collect()
    }
    fn from_wire(wire: Vec<P>) -> Result<Self, FieldError> {
        wire.into_iter().enumerate().map(|(n, p)| T::from_wire(p).map_err(|e| e.within(&format!("[{n}]")))).collect()
    }
}

impl<P, T: Wire<P> + Ord> Wire<Vec<P>> for BTreeSet<T> {
    fn to_wire(&self) -> Vec<P> {
        self.iter().map(Wire::to_wire).collect()
    }
    fn from_wire(wire: Vec<P>) -> Result<Self, FieldError> {
        wire.into_iter().enumerate().map(|(n, p)| T::from_wire(p).map_err(|e| e.within(&format!("[{n}]")))).collect()
    }
}

/// A date of four digits, two and two, without a general formatter: a charge has five dates, and is read by several.
fn usual_text(date: NaiveDate) -> Option<String> {
    let year = u32::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
    let number = year * 1_0000 + date.month() * 100 + date.day();
    let mut text = *b"0000-00-00";
    let units = [(0, 1000_0000), (1, 100_0000), (2, 10_0000), (3, 1_0000), (5, 1000), (6, 100), (8, 10), (9, 1)];
    for (at, unit) in units {
        text[at] += u8::try_from(number / unit % 10).ok()?;
    }
    std::str::from_utf8(&text).ok().map(str::to_owned)
}

fn usual_date(text: &[u8]) -> Option<NaiveDate> {
    let number = |digits: &[u8]| {
        let digit = |number, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0_u32, digit)
    };
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

impl Wire<String> for NaiveDate {
    fn to_wire(&self) -> String {
        usual_text(*self).unwrap_or_else(|| self.format("%Y-%m-%d").to_string())
    }
    fn from_wire(wire: String) -> Result<Self, FieldError> {
        usual_date(wire.as_bytes())
            .ok_or_else(|| FieldError::new(format!("{wire:?} is not a date; one looks like 2018-02-28")))
    }
}

/// Digits an amount may have: more would not fit a decimal of 96 bits with room for arithmetic.
const AMOUNT_DIGITS_MAX: usize = 24;

impl Wire<String> for Decimal {
    fn to_wire(&self) -> String {
        self.to_string()
    }
    fn from_wire(wire: String) -> Result<Self, FieldError> {
        let plain = wire.strip_prefix('-').unwrap_or(&wire);
        let digits = plain.bytes().filter(u8::is_ascii_digit).count();
        let shaped = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && plain.starts_with(|c: char| c.is_ascii_digit())
            && plain.ends_with(|c: char| c.is_ascii_digit())
            && digits <= AMOUNT_DIGITS_MAX;
        let amount = if shaped { wire.parse().ok() } else { None };
        amount.ok_or_else(|| {
            let shown: String = wire.chars().take(40).collect();
            FieldError::new(format!(
                "{shown:?} is not an amount; one looks like -48.00, with at most {AMOUNT_DIGITS_MAX} digits"
            ))
        })
    }
}

impl Wire<Timestamp> for DateTime<Utc> {
    fn to_wire(&self) -> Timestamp {
        Timestamp { seconds: self.timestamp(), nanos: i32::try_from(self.timestamp_subsec_nanos()).unwrap_or(0) }
    }
    fn from_wire(wire: Timestamp) -> Result<Self, FieldError> {
        let years = 1900..=9999;
        u32::try_from(wire.nanos)
            .ok()
            .and_then(|nanos| Self::from_timestamp(wire.seconds, nanos))
            .filter(|at| years.contains(&at.year()))
            .ok_or_else(|| FieldError::new("is not a time between the years 1900 and 9999"))
    }
}

impl Wire<Option<Timestamp>> for Option<DateTime<Utc>> {
    fn to_wire(&self) -> Option<Timestamp> {
        self.as_ref().map(Wire::to_wire)
    }
    fn from_wire(wire: Option<Timestamp>) -> Result<Self, FieldError> {
        wire.map(Wire::from_wire).transpose()
    }
}

/// Converts messages field by field: `message! { Domain => Protobuf { field, field } }`.
macro_rules! message {
    ($($domain:ident => $pb:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::codec::Wire<pb::$pb> for $domain {
            fn to_wire(&self) -> pb::$pb {
                pb::$pb { $($field: $crate::codec::Wire::to_wire(&self.$field),)* }
            }
            fn from_wire(wire: pb::$pb) -> Result<Self, $crate::codec::FieldError> {
                Ok(Self { $(
                    $field: $crate::codec::Wire::from_wire(wire.$field)
                        .map_err(|error: $crate::codec::FieldError| error.within(stringify!($field)))?,
                )* })
            }
        }
    )*};
}

/// Converts enumerations variant by variant; the unspecified value is no value.
macro_rules! enumeration {
    ($($type:ident { $($variant:ident),* $(,)? })*) => {$(
        impl $crate::codec::Wire<i32> for $type {
            fn to_wire(&self) -> i32 {
                match self { $(Self::$variant => pb::$type::$variant as i32,)* }
            }
            fn from_wire(wire: i32) -> Result<Self, $crate::codec::FieldError> {
                match pb::$type::try_from(wire) {
                    $(Ok(pb::$type::$variant) => Ok(Self::$variant),)*
                    _ => Err($crate::codec::FieldError::new(concat!(
                        "must be one of" $(, " ", stringify!($variant))*
                    ))),
                }
            }
        }

        impl $crate::codec::Wire<i32> for Option<$type> {
            fn to_wire(&self) -> i32 {
                self.as_ref().map_or(0, $crate::codec::Wire::to_wire)
            }
            fn from_wire(wire: i32) -> Result<Self, $crate::codec::FieldError> {
                if wire == 0 { Ok(None) } else { $crate::codec::Wire::from_wire(wire).map(Some) }
            }
        }
    )*};
}

/// Converts enumerations whose default stands for the unspecified value, as in messages of a time that knew no other.
macro_rules! defaulting {
    ($($type:ident { $default:ident $(, $variant:ident)* $(,)? })*) => {$(
        impl $crate::codec::Wire<i32> for $type {
            fn to_wire(&self) -> i32 {
                match self {
                    Self::$default => 0,
                    $(Self::$variant => pb::$type::$variant as i32,)*
                }
            }
            fn from_wire(wire: i32) -> Result<Self, $crate::codec::FieldError> {
                match pb::$type::try_from(wire) {
                    Ok(pb::$type::Unspecified | pb::$type::$default) => Ok(Self::$default),
                    $(Ok(pb::$type::$variant) => Ok(Self::$variant),)*
                    Err(_) => Err($crate::codec::FieldError::new(concat!(
                        "must be one of ", stringify!($default) $(, " ", stringify!($variant))*
                    ))),
                }
            }
        }
    )*};
}

/// Messages that may be absent.
macro_rules! optional {
    ($($type:ident)*) => {$(
        impl $crate::codec::Wire<Option<pb::$type>> for Option<$type> {
            fn to_wire(&self) -> Option<pb::$type> {
                self.as_ref().map($crate::codec::Wire::to_wire)
            }
            fn from_wire(wire: Option<pb::$type>) -> Result<Self, $crate::codec::FieldError> {
                wire.map($crate::codec::Wire::from_wire).transpose()
            }
        }
    )*};
}

pub(crate) use {defaulting, enumeration, message, optional};
