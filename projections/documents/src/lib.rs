//! Invoices as documents for people: A4 pages in PDF, with an embedded font. Pure: what is to be printed comes in as text, bytes go out, and
//! the same text gives the same bytes; no clock is looked at, a document's dates are the invoice's.
//!
//! `assets/` holds the fonts with their licences: `DejaVu Sans Condensed`, and for what it does not have `Droid Sans Fallback` (Chinese and
//! Japanese, with Chinese forms) and `NanumGothic` (Korean), in one weight. Only the glyphs of a document are embedded in it. Characters
//! that no font has are printed as a box, and the document ends with a sentence that names them; JSON and CSV have everything.

mod canvas;
mod file;
mod font;
mod invoice;

pub use font::FontError;
pub use invoice::{Field, Invoice, LINES_MAX, Line, Money, Total, render};
