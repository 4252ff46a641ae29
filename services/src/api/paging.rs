//! Pages of lists (AIP-158).

use tonic::Status;

use super::errors;

/// Items of a page whose request names no size.
pub(crate) const PAGE_ITEMS_DEFAULT: usize = 50;

/// Items of the page asked for: the default for 0, the limit for more than the limit.
pub(crate) fn size(page_size: i32, limit: usize) -> Result<usize, Status> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE_ITEMS_DEFAULT.min(limit)),
        Ok(size) => Ok(size.min(limit)),
        Err(_) => Err(errors::field_status("INVALID_VALUE", "page_size", "must not be negative")),
    }
}

/// The token is not one of this list's.
pub(crate) fn invalid_token() -> Status {
    errors::field_status(
        "INVALID_PAGE_TOKEN",
        "page_token",
        "does not belong to this list; take next_page_token of the page before, with the other fields unchanged",
    )
}

/// A page of a list in memory, ordered by key: the token is the key of the next item, in hexadecimal.
pub(crate) fn slice<'a, K: AsRef<str>, T>(
    items: impl Iterator<Item = (K, T)> + 'a,
    size: usize,
    token: &str,
) -> Result<(Vec<T>, String), Status> {
    let from = decode(token).ok_or_else(invalid_token)?;
    let mut rest = items.skip_while(|(key, _)| key.as_ref() < from.as_str());
    let page: Vec<T> = rest.by_ref().take(size).map(|(_, item)| item).collect();
    let next = rest.next().map(|(key, _)| encode(key.as_ref())).unwrap_or_default();
    Ok((page, next))
}

fn encode(key: &str) -> String {
    use std::fmt::Write as _;
    key.bytes().fold(String::with_capacity(key.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(token: &str) -> Option<String> {
    if !token.len().is_multiple_of(2) || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = (0..token.len()).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16));
    String::from_utf8(bytes.collect::<Result<_, _>>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_coerced() {
        assert_eq!(size(0, 1_000).unwrap(), PAGE_ITEMS_DEFAULT);
        assert_eq!(size(5_000, 1_000).unwrap(), 1_000);
        assert_eq!(size(7, 1_000).unwrap(), 7);
        assert_eq!(size(-1, 1_000).unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn a_list_is_walked_once() {
        let items = || ["a", "b", "c"].into_iter().map(|key| (key, key));
        let (first, token) = slice(items(), 2, "").unwrap();
        let (second, end) = slice(items(), 2, &token).unwrap();
        assert_eq!((first, second, end.as_str()), (vec!["a", "b"], vec!["c"], ""));
        assert_eq!(slice(items(), 2, "xyz").unwrap_err().code(), tonic::Code::InvalidArgument);
    }
}
