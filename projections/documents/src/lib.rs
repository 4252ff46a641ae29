//! Invoices as documents for people: A4 pages in PDF, with an embedded font. Pure: what is to be printed comes in as text, bytes go out, and
//! the same text gives the same bytes; no clock is looked at, a document's dates are the invoice's.
//!
//! `assets/` holds the font, `DejaVu Sans Condensed`, with its licence. Only the glyphs of a document are embedded in it. Characters that
//! the font does not have, such as Chinese ones, are printed as a box; JSON and CSV have everything.

mod canvas;
mod file;
mod font;
mod invoice;

pub use font::FontError;
pub use invoice::{Field, Invoice, LINES_MAX, Line, Money, Total, render};
