//! The published files: reconciliation and daily-rated usage. Their columns, how values are written, how a file that a provider sent is
//! read, and how two sides are compared. Pure: rows come in, bytes and findings go out, one at a time, so the size of a file does not matter.
//!
//! Every file is RFC 4180 in UTF-8 with CRLF and a header, and the same rows give the same bytes (billing-details.md section 3). Layouts:
//!
//! - license reconciliation, [`layout::LICENSE_INDIRECT`] (28 columns) and [`layout::LICENSE_DIRECT`] (27), as published;
//! - one-time and recurring reconciliation, [`layout::ONE_TIME_INDIRECT`] and [`layout::ONE_TIME_DIRECT`]: the page with its columns is not in the source
//!   (billing-details.md C5), so the layout is our own, [`layout::ONE_TIME_VERSION`];
//! - daily-rated usage, [`daily`] (50 columns), as published.

pub mod compare;
pub mod daily;
pub mod layout;
pub mod read;
mod row;
pub mod text;

pub use row::{FIRST_PARTY, Facts, ResellerOfRecord, Row, Sold, priced};

/// Writes one record: RFC 4180, CRLF, quotes only where they are needed.
pub fn write_record<I>(out: &mut Vec<u8>, cells: I)
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let cell = cell.as_ref();
        if cell.contains(['"', ',', '\r', '\n']) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}
