//! An invoice: who owes how much and when on top, then every line, then the totals.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::{
    canvas::{ACCENT, Canvas, HEIGHT, RED, RULE, SOFT, Style, TINT, WIDTH, wrapped},
    file::{self, About, Page},
    font::{FontError, Fonts, Weight},
};

/// Lines that a document prints; a longer invoice prints its totals and says where its lines stand.
pub const LINES_MAX: usize = 10_000;

const MARGIN: f32 = 40.0;
const INNER: f32 = WIDTH - 2.0 * MARGIN;
/// Where the body of a page ends.
const BOTTOM: f32 = HEIGHT - 52.0;
const LABEL: f32 = 8.0;
const TEXT: f32 = 9.0;
/// Text of lines; smaller where wide numbers need it.
const CELL: f32 = 7.5;
const CELL_MIN: f32 = 5.0;
/// Between two columns.
const GAP: f32 = 8.0;
/// The least room that a description gets.
const DESCRIPTION_MIN: f32 = 130.0;
/// Characters without a glyph that a document names.
const MISSING_MAX: usize = 20;
/// Lines of text that one description or address gets.
const WRAP_MAX: usize = 4;

/// Something named, such as the invoice date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// An amount as text, such as `-1,016.00`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money(pub String);

impl Money {
    fn style(&self, style: Style) -> Style {
        if self.0.starts_with('-') { style.colored(RED) } else { style }
    }
}

/// A sum of the whole invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Its name.
    pub label: String,
    /// What it is.
    pub amount: Money,
    /// Whether it is what is to be paid.
    pub strong: bool,
    /// Whether it is contained in other sums, and only told.
    pub memo: bool,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What was bought.
    pub title: String,
    /// For whom, and why.
    pub details: String,
    /// First day.
    pub from: String,
    /// Last day, included.
    pub to: String,
    /// Seats.
    pub quantity: String,
    /// Price of a seat, amount, discount, tax, total.
    pub amounts: [Money; 5],
}

/// What is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invoice {
    /// Such as `Invoice` or `Credit`.
    pub title: String,
    /// Its number.
    pub number: String,
    /// Its date; also the date of the file.
    pub date: NaiveDate,
    /// Who issues it; may be empty.
    pub issuer: String,
    /// Name first, then the address.
    pub bill_to: Vec<String>,
    /// What stands beside the address, in order.
    pub fields: Vec<Field>,
    /// Sums, in order.
    pub totals: Vec<Total>,
    /// Of every amount.
    pub currency: String,
    /// What is to be paid, and by when: shown large.
    pub due: Field,
    /// The lines; not more than [`LINES_MAX`].
    pub lines: Vec<Line>,
    /// Sentences after the totals.
    pub notes: Vec<String>,
}

/// The invoice as PDF.
pub fn render(invoice: &Invoice) -> Result<Vec<u8>, FontError> {
    let mut fonts = Fonts::new()?;
    let table = Table::of(&fonts, &invoice.lines);
    let mut printer = Printer { invoice, table, fonts: &mut fonts, page: Canvas::new(), bodies: Vec::new(), y: MARGIN };
    printer.head();
    printer.lines();
    printer.totals();
    let bodies = printer.finish();
    let count = bodies.len();
    let pages: Vec<Page> = bodies
        .into_iter()
        .enumerate()
        .map(|(at, body)| Page { body, foot: foot(invoice, &mut fonts, at + 1, count) })
        .collect();
    let title = format!("{} {}", invoice.title, invoice.number);
    file::write(&About { title: &title, author: &invoice.issuer, date: invoice.date }, &fonts, &pages)
}

fn foot(invoice: &Invoice, fonts: &mut Fonts, page: usize, of: usize) -> Vec<u8> {
    let mut canvas = Canvas::new();
    let y = HEIGHT - 30.0;
    canvas.rule(MARGIN, y - 14.0, INNER, 0.5, RULE);
    canvas.text(fonts, Style::soft(LABEL), MARGIN, y, &format!("{} {}", invoice.title, invoice.number));
    canvas.right(fonts, Style::soft(LABEL), WIDTH - MARGIN, y, &format!("Page {page} of {of}"));
    canvas.finish()
}

/// Where the columns of lines stand.
struct Table {
    size: f32,
    /// Width of the description.
    description: f32,
    /// Left edge of the days.
    period: f32,
    /// Right edges of quantity and the five amounts.
    right: [f32; 6],
}

const HEADS: [&str; 6] = ["Quantity", "Unit price", "Amount", "Discount", "Tax", "Total"];
const PERIOD_HEAD: &str = "Service period";

impl Table {
    /// Columns are as wide as their widest number; the description has the rest, and the text gets smaller before that is too little.
    fn of(fonts: &Fonts, lines: &[Line]) -> Self {
        let mut size = CELL;
        loop {
            let table = Self::sized(fonts, lines, size);
            if table.description >= DESCRIPTION_MIN || size <= CELL_MIN {
                return table;
            }
            size -= 0.25;
        }
    }

    fn sized(fonts: &Fonts, lines: &[Line], size: f32) -> Self {
        let regular = |text: &str| fonts.width(Weight::Regular, size, text);
        let head = |text: &str| fonts.width(Weight::Bold, size, text);
        let mut widths = HEADS.map(head);
        let mut period = head(PERIOD_HEAD);
        for line in lines {
            period = period.max(regular(&line.from)).max(regular(&format!("– {}", line.to)));
            widths[0] = widths[0].max(regular(&line.quantity));
            for (width, amount) in widths[1..].iter_mut().zip(&line.amounts) {
                *width = width.max(regular(&amount.0));
            }
        }
        let mut right = [0.0; 6];
        let mut x = WIDTH - MARGIN - 4.0;
        for (edge, width) in right.iter_mut().zip(widths).rev() {
            *edge = x;
            x -= width + GAP;
        }
        let period = x - period;
        Self { size, description: period - GAP - MARGIN - 4.0, period, right }
    }
}

struct Printer<'a> {
    invoice: &'a Invoice,
    table: Table,
    fonts: &'a mut Fonts,
    page: Canvas,
    bodies: Vec<Vec<u8>>,
    /// The base line of the next text.
    y: f32,
}

impl Printer<'_> {
    fn text(&mut self, style: Style, x: f32, text: &str) {
        self.page.text(self.fonts, style, x, self.y, text);
    }

    fn right(&mut self, style: Style, x: f32, text: &str) {
        self.page.right(self.fonts, style, x, self.y, text);
    }

    fn end_page(&mut self) {
        let page = std::mem::replace(&mut self.page, Canvas::new());
        self.bodies.push(page.finish());
        self.y = MARGIN + 10.0;
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.end_page();
        self.bodies
    }

    /// The top of the first page.
    fn head(&mut self) {
        let invoice = self.invoice;
        self.y = MARGIN + 18.0;
        self.text(Style::bold(22.0).colored(ACCENT), MARGIN, &invoice.title);
        self.right(Style::bold(11.0), WIDTH - MARGIN, &invoice.number);
        if !invoice.issuer.is_empty() {
            self.y += 14.0;
            self.text(Style::soft(TEXT), MARGIN, &invoice.issuer);
        }
        self.y += 14.0;
        self.page.rule(MARGIN, self.y, INNER, 1.0, ACCENT);
        self.y += 22.0;
        let top = self.y;
        let left_end = self.bill_to();
        self.y = top;
        let right_end = self.fields();
        self.y = left_end.max(right_end) + 10.0;
        self.due();
    }

    fn bill_to(&mut self) -> f32 {
        let invoice = self.invoice;
        self.text(Style::soft(LABEL), MARGIN, "Bill to");
        self.y += 13.0;
        for (at, line) in invoice.bill_to.iter().enumerate() {
            let style = if at == 0 { Style::bold(TEXT + 1.0) } else { Style::regular(TEXT) };
            for part in wrapped(self.fonts, style, INNER * 0.42, WRAP_MAX, line) {
                self.text(style, MARGIN, &part);
                self.y += 12.5;
            }
        }
        self.y
    }

    fn fields(&mut self) -> f32 {
        let invoice = self.invoice;
        let x = MARGIN + INNER * 0.48;
        let label_width = INNER * 0.18;
        for field in &invoice.fields {
            self.text(Style::soft(LABEL), x, &field.label);
            let width = WIDTH - MARGIN - x - label_width;
            for part in wrapped(self.fonts, Style::regular(TEXT), width, WRAP_MAX, &field.value) {
                self.text(Style::regular(TEXT), x + label_width, &part);
                self.y += 13.0;
            }
        }
        self.y
    }

    /// What is to be paid.
    fn due(&mut self) {
        let invoice = self.invoice;
        self.page.area(MARGIN, self.y, INNER, 34.0, TINT);
        self.y += 21.5;
        self.text(Style::regular(TEXT + 1.0), MARGIN + 10.0, &invoice.due.label);
        self.right(Style::bold(15.0).colored(ACCENT), WIDTH - MARGIN - 10.0, &invoice.due.value);
        self.y += 34.0;
    }

    fn lines(&mut self) {
        let invoice = self.invoice;
        if invoice.lines.is_empty() {
            return;
        }
        self.table_head();
        for line in &invoice.lines {
            self.line(line);
        }
        self.y += 8.0;
    }

    fn table_head(&mut self) {
        let size = self.table.size;
        self.page.area(MARGIN, self.y - 10.5, INNER, 16.0, TINT);
        let head = Style::bold(size);
        self.text(head, MARGIN + 4.0, "Description");
        self.text(head, self.table.period, PERIOD_HEAD);
        for (name, x) in HEADS.into_iter().zip(self.table.right) {
            self.right(head, x, name);
        }
        self.y += 18.0;
    }

    /// A line, on one page.
    fn line(&mut self, line: &Line) {
        let size = self.table.size;
        let (title, details) = (Style::regular(size), Style::soft(size - 0.5));
        let step = size + 2.5;
        let titles = wrapped(self.fonts, title, self.table.description, WRAP_MAX, &line.title);
        let rest = wrapped(self.fonts, details, self.table.description, WRAP_MAX, &line.details);
        let rows = (titles.len() + rest.len()).max(2);
        if self.y + step * count(rows) > BOTTOM {
            self.end_page();
            self.table_head();
        }
        let top = self.y;
        for (style, text) in titles.iter().map(|text| (title, text)).chain(rest.iter().map(|text| (details, text))) {
            self.text(style, MARGIN + 4.0, text);
            self.y += step;
        }
        self.y = top;
        self.text(title, self.table.period, &line.from);
        self.right(title, self.table.right[0], &line.quantity);
        let edges = self.table.right;
        for (amount, x) in line.amounts.iter().zip(&edges[1..]) {
            self.right(amount.style(title), *x, &amount.0);
        }
        self.y += step;
        self.text(title, self.table.period, &format!("– {}", line.to));
        self.y = top + step * count(rows) - 3.0;
        self.page.rule(MARGIN, self.y, INNER, 0.4, RULE);
        self.y += step + 1.5;
    }

    /// The sums, together on one page.
    fn totals(&mut self) {
        let invoice = self.invoice;
        let missing = missing(self.fonts, invoice);
        let notes = invoice.notes.iter().chain(&missing);
        let notes: Vec<String> =
            notes.flat_map(|note| wrapped(self.fonts, Style::soft(LABEL), INNER, WRAP_MAX, note)).collect();
        let height = 16.0 * count(invoice.totals.len()) + 11.0 * count(notes.len()) + 24.0;
        if self.y + height > BOTTOM {
            self.end_page();
        }
        let x = MARGIN + INNER * 0.48;
        self.text(Style::soft(LABEL), x, &format!("All amounts in {}", invoice.currency));
        self.y += 16.0;
        for total in &invoice.totals {
            let style = if total.strong {
                self.page.area(x - 6.0, self.y - 12.0, WIDTH - MARGIN - x + 6.0, 18.0, TINT);
                Style::bold(TEXT + 1.0)
            } else if total.memo {
                Style::regular(LABEL).colored(SOFT)
            } else {
                Style::regular(TEXT)
            };
            self.text(style, x, &total.label);
            self.right(total.amount.style(style), WIDTH - MARGIN - 4.0, &total.amount.0);
            self.y += 16.0;
        }
        self.y += 8.0;
        for note in notes {
            self.text(Style::soft(LABEL), MARGIN, &note);
            self.y += 11.0;
        }
    }
}

/// Names the characters that are printed as boxes, if there are any.
fn missing(fonts: &Fonts, invoice: &Invoice) -> Option<String> {
    let fields = invoice.fields.iter().flat_map(|field| [&field.label, &field.value]);
    let totals = invoice.totals.iter().map(|total| &total.label);
    let lines = invoice.lines.iter().flat_map(|line| [&line.title, &line.details]);
    let own = [&invoice.title, &invoice.number, &invoice.issuer, &invoice.due.label, &invoice.due.value];
    let texts = own.into_iter().chain(&invoice.bill_to).chain(&invoice.notes).chain(fields).chain(totals).chain(lines);
    let missing: BTreeSet<char> = texts.flat_map(|text| fonts.missing(text)).collect();
    let named: Vec<_> = missing.iter().take(MISSING_MAX).map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    let more =
        if missing.len() > MISSING_MAX { format!(" and {} more", missing.len() - MISSING_MAX) } else { String::new() };
    (!named.is_empty()).then(|| {
        format!("Printed as a box, because the fonts of this document do not have them: {}{more}.", named.join(", "))
    })
}

/// A small number of rows.
fn count(rows: usize) -> f32 {
    u16::try_from(rows).map_or(f32::MAX, f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used, reason = "a test")]
    fn what_no_font_has_is_named() {
        let fonts = Fonts::new().unwrap();
        let mut invoice = Invoice { bill_to: vec!["株式会社 한국 Ümläut €".into()], ..Invoice::default() };
        assert_eq!(missing(&fonts, &invoice), None);
        invoice.lines = vec![Line { details: "\u{1fae0} and \u{13000}".into(), ..Line::default() }];
        let said = missing(&fonts, &invoice).unwrap();
        assert!(said.ends_with("do not have them: U+13000, U+1FAE0."), "{said}");
        invoice.notes = vec![(0x13000..0x13100).filter_map(char::from_u32).collect()];
        assert!(missing(&fonts, &invoice).unwrap().ends_with("and 237 more."));
    }
}
