//! Pages of a list: a bounded scan, and a token that says where the next page begins.

use std::fmt::Write as _;

use subledger_fold::{Rows, StoreError};

/// Items of a page, if the caller does not say.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// Most items of a page.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Most rows that one page looks at. A filter that few rows pass then gives a short page with a token.
pub const SCAN_ROWS_MAX: usize = 10_000;

/// A query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Rows could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token is not one that this list has given.
    #[error("the page token is not one of this list: repeat the request that gave it, with the same filters")]
    PageToken,
    /// The size is negative.
    #[error("the page size is {size}; it must be 0 (for {PAGE_SIZE_DEFAULT}) to {PAGE_SIZE_MAX}")]
    PageSize {
        /// The size asked for.
        size: i32,
    },
}

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    size: usize,
    from: Option<Vec<u8>>,
}

impl PageRequest {
    /// As the API has it: 0 for the default size, sizes over the limit taken as the limit, an empty token for the first page.
    pub fn new(size: i32, token: &str) -> Result<Self, QueryError> {
        let size = match usize::try_from(size) {
            Ok(0) => PAGE_SIZE_DEFAULT,
            Ok(size) => size.min(PAGE_SIZE_MAX),
            Err(_) => return Err(QueryError::PageSize { size }),
        };
        let from = if token.is_empty() { None } else { Some(from_hex(token).ok_or(QueryError::PageToken)?) };
        Ok(Self { size, from })
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { size: PAGE_SIZE_DEFAULT, from: None }
    }
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// A page of the rows that begin with one of `prefixes`, one after the other; `item` gives none for a row that is filtered out.
pub(crate) fn page<T>(
    rows: &(impl Rows + ?Sized),
    prefixes: &[Vec<u8>],
    reverse: bool,
    request: &PageRequest,
    mut item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    let (first, mut from) = match &request.from {
        None => (0, Vec::new()),
        Some(from) => {
            let inside = prefixes.iter().position(|prefix| from.starts_with(prefix));
            (inside.ok_or(QueryError::PageToken)?, from.clone())
        }
    };
    let (mut items, mut scanned, mut next) = (Vec::new(), 0, None);
    for prefix in &prefixes[first..] {
        rows.scan(prefix, &from, reverse, &mut |key, row| {
            if items.len() >= request.size || scanned >= SCAN_ROWS_MAX {
                next = Some(to_hex(key));
                return Ok(false);
            }
            scanned += 1;
            items.extend(item(key, row)?);
            Ok(true)
        })?;
        if next.is_some() {
            break;
        }
        from.clear();
    }
    Ok(Page { items, next })
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_key() {
        for key in [&b""[..], b"\x00\xff", b"\x10abc\x00"] {
            assert_eq!(from_hex(&to_hex(key)).as_deref(), Some(key));
        }
        for text in ["1", "zz", "+1", "ää"] {
            assert!(matches!(PageRequest::new(1, text), Err(QueryError::PageToken)), "{text}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let size = |size| PageRequest::new(size, "").map(|request| request.size);
        assert_eq!(size(0).unwrap(), PAGE_SIZE_DEFAULT);
        assert_eq!(size(7).unwrap(), 7);
        assert_eq!(size(i32::MAX).unwrap(), PAGE_SIZE_MAX);
        assert!(matches!(size(-1), Err(QueryError::PageSize { size: -1 })));
    }
}
