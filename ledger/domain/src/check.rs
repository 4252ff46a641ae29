//! Guards that every stream shares: time, texts, sizes.

use chrono::{Datelike, TimeDelta};
use rust_decimal::Decimal;

use crate::{Context, Reason, Rejection, money::Currency, personal::is_withheld};

/// Longest text of a person or a company, in characters (customers page decision G01).
pub(crate) const TEXT_CHARS_MAX: usize = 256;
/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;
/// Largest amount given by hand; what lies above is a mistake.
pub(crate) const AMOUNT_MAX: u64 = 1_000_000_000_000;
/// How far a sender's clock may run ahead of the ledger's.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(1);
/// Years in which something can take effect: what lies outside is a mistake, and would make the timers run for ages.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9000;

/// Nothing takes effect before it is recorded, but for a clock that runs a little ahead.
pub(crate) fn time(context: &Context) -> Result<(), Rejection> {
    if context.effective_at > context.recorded_at + AHEAD_MAX {
        let message = format!(
            "{} lies in the future: the ledger's time is {}",
            context.effective_at.to_rfc3339(),
            context.recorded_at.to_rfc3339()
        );
        return Err(Rejection::field(Reason::EffectiveInFuture, "effective_at", message)
            .with("recorded_at", context.recorded_at.to_rfc3339()));
    }
    if !YEARS.contains(&context.effective_at.year()) {
        let message = format!("The year must be {} to {}", YEARS.start(), YEARS.end());
        return Err(Rejection::field(Reason::InvalidValue, "effective_at", message));
    }
    Ok(())
}

/// A text that must be there: 1 to 256 characters after trimming.
pub(crate) fn required(field: &str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() {
        return Err(missing(field));
    }
    optional(field, text)
}

/// A text that may be empty.
pub(crate) fn optional(field: &str, text: &str) -> Result<(), Rejection> {
    let length = text.chars().count();
    if length > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        let message =
            format!("{field} must have at most {TEXT_CHARS_MAX} characters, none of them a control character");
        return Err(Rejection::field(Reason::InvalidValue, field, message).with("length", length));
    }
    Ok(())
}

/// A SHA-256 as text.
pub(crate) fn sha256(field: &str, text: &str) -> Result<(), Rejection> {
    if text.len() == SHA256_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(invalid(field, format!("The SHA-256 of the file has {SHA256_DIGITS} hexadecimal digits")))
}

/// An e-mail address.
pub(crate) fn email(field: &str, text: &str) -> Result<(), Rejection> {
    required(field, text)?;
    // It was checked when it came.
    if is_withheld(text) {
        return Ok(());
    }
    let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
    if parts.is_none() || text.contains(char::is_whitespace) || text.matches('@').count() != 1 {
        return Err(invalid(field, format!("{text:?} is no e-mail address: name@company.example is")));
    }
    Ok(())
}

/// A region of a country: what stands behind the hyphen in ISO 3166-2.
pub(crate) fn region(field: &str, code: &str) -> Result<(), Rejection> {
    if (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!("{code:?} is no region: 1 to 3 capital letters or digits are, such as WA or BC");
    Err(invalid(field, message))
}

/// 1 to `most` elements.
pub(crate) fn count(field: &str, length: usize, most: usize) -> Result<(), Rejection> {
    if length == 0 { Err(missing(field)) } else { at_most(field, length, most) }
}

/// 0 to `most` elements.
pub(crate) fn at_most(field: &str, length: usize, most: usize) -> Result<(), Rejection> {
    if length <= most {
        return Ok(());
    }
    let message = format!("{field} has {length} elements; at most {most} are taken at once");
    Err(Rejection::field(Reason::InvalidValue, field, message).with("maximum", most))
}

/// An amount above zero, in the currency's minor unit.
pub(crate) fn amount(field: &str, amount: Decimal, currency: Currency) -> Result<(), Rejection> {
    if amount <= Decimal::ZERO || amount > Decimal::from(AMOUNT_MAX) {
        return Err(invalid(field, format!("{field} is greater than zero and at most {AMOUNT_MAX}, not {amount}")));
    }
    minor_unit(field, amount, currency)
}

/// An amount has no more digits than its currency.
pub(crate) fn minor_unit(field: &str, amount: Decimal, currency: Currency) -> Result<(), Rejection> {
    let digits = currency.minor_digits();
    if amount.normalize().scale() <= digits {
        return Ok(());
    }
    Err(invalid(field, format!("{currency} has {digits} decimal places")).with("currency", currency))
}

/// A field that is not there.
pub(crate) fn missing(field: &str) -> Rejection {
    Rejection::field(Reason::RequiredFieldMissing, field, format!("{field} is required"))
}

/// A field with a value that its rule does not take.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Rejection {
    Rejection::field(Reason::InvalidValue, field, message)
}

/// A command that belongs to another stream; only a mistake in the program around can send it here.
pub(crate) fn misdirected(stream: &str) -> Rejection {
    Rejection::new(Reason::InvalidValue, format!("This command does not concern a {stream}"))
}
