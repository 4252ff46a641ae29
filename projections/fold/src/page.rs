//! Pages of lists (AIP-158): a size, an opaque token, and a bound on the rows that one page may read.

use std::fmt::Write as _;

use crate::{Rows, StoreError};

/// Items of a page whose request names no size.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// Items of a page at most; a larger size is taken as this one.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Rows that one page reads at most, if most of them do not match; it is then short, and the next one goes on.
pub const PAGE_ROWS_READ_MAX: usize = 20_000;

/// A query could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token is not one that this list gave out.
    #[error("the page token does not belong to this list")]
    InvalidPageToken,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRequest<'a> {
    /// Items at most; 0 for [`PAGE_SIZE_DEFAULT`].
    pub size: usize,
    /// [`Page::next`] of the page before; empty for the first.
    pub token: &'a str,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items; may be fewer than asked for even if more follow.
    pub items: Vec<T>,
    /// Token of the next page; none at the end.
    pub next: Option<String>,
}

/// Fills one page. The token is the key of the first row that the next page reads.
#[derive(Debug)]
pub struct Pager<T> {
    from: Vec<u8>,
    size: usize,
    rows_left: usize,
    items: Vec<T>,
    next: Option<Vec<u8>>,
}

impl<T> Pager<T> {
    /// Begins where the token says, which must be inside `prefix`.
    pub fn new(request: PageRequest<'_>, prefix: &[u8]) -> Result<Self, QueryError> {
        let from = from_hex(request.token).ok_or(QueryError::InvalidPageToken)?;
        if !from.is_empty() && !from.starts_with(prefix) {
            return Err(QueryError::InvalidPageToken);
        }
        let size = if request.size == 0 { PAGE_SIZE_DEFAULT } else { request.size.min(PAGE_SIZE_MAX) };
        Ok(Self { from, size, rows_left: PAGE_ROWS_READ_MAX, items: Vec::new(), next: None })
    }

    /// The first key to read; empty for the first page.
    pub fn from(&self) -> &[u8] {
        &self.from
    }

    /// Whether the page is complete.
    pub fn is_full(&self) -> bool {
        self.next.is_some()
    }

    /// Takes the row of `key`, if there is room and `item` is not none. Returns false when the page is complete.
    pub fn offer(
        &mut self,
        key: &[u8],
        item: impl FnOnce() -> Result<Option<T>, StoreError>,
    ) -> Result<bool, StoreError> {
        if self.items.len() == self.size || self.rows_left == 0 {
            self.next = Some(key.to_vec());
            return Ok(false);
        }
        self.rows_left -= 1;
        self.items.extend(item()?);
        Ok(true)
    }

    /// The page.
    pub fn finish(self) -> Page<T> {
        Page { items: self.items, next: self.next.map(|key| to_hex(&key)) }
    }
}

/// A page of the rows under `prefix` for which `item` gives something.
pub fn list<T>(
    rows: &dyn Rows,
    prefix: &[u8],
    request: PageRequest<'_>,
    item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    list_each(rows, &[prefix], false, request, item)
}

/// What becomes of a row of a list.
pub enum Step<T> {
    /// It is an item.
    Item(T),
    /// It is left out.
    Skip,
    /// So is every row before this key, which is after the row's own: the list goes on there.
    Leap(Vec<u8>),
}

/// [`list`] of few rows that lie far apart.
pub fn list_leaping<T>(
    rows: &dyn Rows,
    prefix: &[u8],
    request: PageRequest<'_>,
    mut item: impl FnMut(&[u8], &[u8]) -> Result<Step<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    let mut pager = Pager::new(request, prefix)?;
    let mut from = pager.from().to_vec();
    loop {
        let mut leap = None;
        rows.scan(prefix, &from, false, &mut |key, row| {
            let goes_on = pager.offer(key, || {
                Ok(match item(key, row)? {
                    Step::Item(item) => Some(item),
                    Step::Skip => None,
                    Step::Leap(to) => {
                        leap = Some(to).filter(|to| to.as_slice() > key);
                        None
                    }
                })
            })?;
            Ok(goes_on && leap.is_none())
        })?;
        match leap.filter(|to| to.starts_with(prefix)) {
            Some(to) => from = to,
            None => return Ok(pager.finish()),
        }
    }
}

/// The same as [`list`], the last row first.
pub fn list_reverse<T>(
    rows: &dyn Rows,
    prefix: &[u8],
    request: PageRequest<'_>,
    item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    list_each(rows, &[prefix], true, request, item)
}

/// A page of the rows under one prefix after the other. No prefix may begin with another.
pub fn list_each<T>(
    rows: &dyn Rows,
    prefixes: &[&[u8]],
    reverse: bool,
    request: PageRequest<'_>,
    mut item: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    let from = from_hex(request.token).ok_or(QueryError::InvalidPageToken)?;
    let first = prefixes.iter().position(|prefix| from.is_empty() || from.starts_with(prefix));
    let mut rest = prefixes.iter().skip(first.ok_or(QueryError::InvalidPageToken)?);
    let Some(prefix) = rest.next() else { return Err(QueryError::InvalidPageToken) };
    let mut pager = Pager::new(request, prefix)?;
    rows.scan(prefix, &from, reverse, &mut |key, row| pager.offer(key, || item(key, row)))?;
    for prefix in rest {
        if pager.is_full() {
            break;
        }
        rows.scan(prefix, &[], reverse, &mut |key, row| pager.offer(key, || item(key, row)))?;
    }
    Ok(pager.finish())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Changes, memory::Memory};

    fn numbers(count: u8) -> Memory {
        let mut rows = Memory::default();
        for number in 0..count {
            rows.put(vec![1, number], vec![number]);
        }
        rows.put(vec![2, 0], vec![99]);
        rows
    }

    fn pages(rows: &Memory, size: usize, keep: impl Fn(u8) -> bool) -> Vec<Vec<u8>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let request = PageRequest { size, token: &token };
            let page = list(rows, &[1], request, |_, row| Ok(Some(row[0]).filter(|n| keep(*n)))).unwrap();
            pages.push(page.items);
            match page.next {
                Some(next) => token = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn walks_a_list_once() {
        let rows = numbers(5);
        assert_eq!(pages(&rows, 2, |_| true), vec![vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(pages(&rows, 5, |_| true), vec![vec![0, 1, 2, 3, 4]]);
        assert_eq!(pages(&rows, 0, |n| n % 2 == 0), vec![vec![0, 2, 4]]);
        assert_eq!(pages(&numbers(0), 2, |_| true), vec![Vec::<u8>::new()]);
    }

    #[test]
    fn walks_prefixes_one_after_the_other_and_backwards() {
        let rows = numbers(3);
        let walk = |size, reverse| {
            let (mut found, mut token) = (Vec::new(), String::new());
            loop {
                let request = PageRequest { size, token: &token };
                let page = list_each(&rows, &[&[2], &[1]], reverse, request, |_, row| Ok(Some(row[0]))).unwrap();
                found.extend(page.items);
                match page.next {
                    Some(next) => token = next,
                    None => return found,
                }
            }
        };
        for size in 1..5 {
            assert_eq!(walk(size, false), [99, 0, 1, 2]);
            assert_eq!(walk(size, true), [99, 2, 1, 0]);
        }
        let last = list_reverse(&rows, &[1], PageRequest { size: 1, token: "" }, |_, row| Ok(Some(row[0]))).unwrap();
        assert_eq!((last.items, last.next.as_deref()), (vec![2], Some("0101")));
    }

    #[test]
    fn refuses_a_token_of_another_list() {
        let rows = numbers(3);
        for token in ["02", "0", "zz", "ü1", "0200"] {
            let page = list(&rows, &[1], PageRequest { size: 1, token }, |_, row| Ok(Some(row[0])));
            assert!(matches!(page, Err(QueryError::InvalidPageToken)), "{token}");
        }
    }

    /// Rows `[1, group, member]`, of which one member of each group is wanted.
    #[test]
    fn a_list_that_leaps_has_what_a_filter_has_and_reads_less() {
        let mut rows = Memory::default();
        for (group, member) in (0..20_u8).flat_map(|group| (0..100).map(move |member| (group, member))) {
            if (usize::from(group) * 7 + usize::from(member)) % 5 != 0 {
                rows.put(vec![1, group, member], Vec::new());
            }
            rows.put(vec![2, group, member], Vec::new());
        }
        for wanted in [0_u8, 1, 50, 99, 100] {
            for size in [1, 3, 1_000] {
                let (mut leaping, mut filtered, mut read) = (Vec::new(), Vec::new(), 0);
                let mut token = String::new();
                loop {
                    let request = PageRequest { size, token: &token };
                    let page = list_leaping(&rows, &[1], request, |key, _| {
                        read += 1;
                        Ok(match key[2].cmp(&wanted) {
                            std::cmp::Ordering::Less => Step::Leap(vec![1, key[1], wanted]),
                            std::cmp::Ordering::Equal => Step::Item(key.to_vec()),
                            std::cmp::Ordering::Greater => Step::Leap(vec![1, key[1] + 1]),
                        })
                    });
                    let page = page.unwrap();
                    leaping.extend(page.items);
                    let Some(next) = page.next else { break };
                    token = next;
                }
                let everything = PageRequest { size: 5_000, token: "" };
                let all = list(&rows, &[1], everything, |key, _| Ok((key[2] == wanted).then(|| key.to_vec()))).unwrap();
                filtered.extend(all.items);
                assert_eq!(leaping, filtered, "{wanted} by {size}");
                assert!(read <= 3 * 20 + 1, "{wanted} by {size}: {read} rows are read");
            }
        }
    }
}
