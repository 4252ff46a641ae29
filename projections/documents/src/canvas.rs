//! A page to draw on: text, lines and areas, in points from the top left corner.

use pdf_writer::{Content, Str};

use crate::font::{Fonts, Weight};

/// A4, in points.
pub(crate) const WIDTH: f32 = 595.28;
/// A4, in points.
pub(crate) const HEIGHT: f32 = 841.89;

/// Red, green and blue, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Color(pub(crate) f32, pub(crate) f32, pub(crate) f32);

/// Text.
pub(crate) const INK: Color = Color(0.09, 0.11, 0.14);
/// Text that matters less.
pub(crate) const SOFT: Color = Color(0.38, 0.42, 0.47);
/// Negative amounts.
pub(crate) const RED: Color = Color(0.70, 0.09, 0.09);
/// Lines.
pub(crate) const RULE: Color = Color(0.80, 0.83, 0.86);
/// Areas.
pub(crate) const TINT: Color = Color(0.945, 0.955, 0.965);
/// The name of the document, and what is to be paid.
pub(crate) const ACCENT: Color = Color(0.06, 0.26, 0.42);

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) weight: Weight,
    pub(crate) size: f32,
    pub(crate) color: Color,
}

impl Style {
    pub(crate) const fn regular(size: f32) -> Self {
        Self { weight: Weight::Regular, size, color: INK }
    }

    pub(crate) const fn bold(size: f32) -> Self {
        Self { weight: Weight::Bold, size, color: INK }
    }

    pub(crate) const fn soft(size: f32) -> Self {
        Self { weight: Weight::Regular, size, color: SOFT }
    }

    pub(crate) const fn colored(self, color: Color) -> Self {
        Self { color, ..self }
    }
}

/// One page being drawn.
pub(crate) struct Canvas {
    content: Content,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self { content: Content::new() }
    }

    /// A text that begins at `x`, on the base line `y`.
    pub(crate) fn text(&mut self, fonts: &mut Fonts, style: Style, x: f32, y: f32, text: &str) {
        if text.is_empty() {
            return;
        }
        self.content
            .set_fill_rgb(style.color.0, style.color.1, style.color.2)
            .begin_text()
            .next_line(rounded(x), rounded(HEIGHT - y));
        for (face, glyphs) in fonts.encode(style.weight, text) {
            self.content.set_font(face.resource(), style.size).show(Str(&glyphs));
        }
        self.content.end_text();
    }

    /// A text that ends at `x`.
    pub(crate) fn right(&mut self, fonts: &mut Fonts, style: Style, x: f32, y: f32, text: &str) {
        let width = fonts.width(style.weight, style.size, text);
        self.text(fonts, style, x - width, y, text);
    }

    /// A horizontal line.
    pub(crate) fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32, color: Color) {
        self.area(x, y - thickness / 2.0, width, thickness, color);
    }

    /// A filled area; `y` is its upper edge.
    pub(crate) fn area(&mut self, x: f32, y: f32, width: f32, height: f32, color: Color) {
        self.content
            .set_fill_rgb(color.0, color.1, color.2)
            .rect(rounded(x), rounded(HEIGHT - y - height), rounded(width), rounded(height))
            .fill_nonzero();
    }

    /// The page's content, packed.
    pub(crate) fn finish(self) -> Vec<u8> {
        crate::file::pack(self.content.finish().as_slice())
    }
}

/// To a hundredth of a point, which is finer than any printer and keeps files small.
fn rounded(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

/// A text in lines that are not wider than `width`; the last one ends in an ellipsis if the text has more.
pub(crate) fn wrapped(fonts: &Fonts, style: Style, width: f32, lines_max: usize, text: &str) -> Vec<String> {
    let fits = |text: &str| fonts.width(style.weight, style.size, text) <= width;
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().cloned().unwrap_or_default();
        let joined = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if fits(&joined) {
            *lines.last_mut().unwrap_or(&mut String::new()) = joined;
            continue;
        }
        if last.is_empty() {
            lines.pop();
        }
        // A word without a blank, such as an id, is broken where the line ends.
        let mut part = String::new();
        for c in word.chars() {
            if !part.is_empty() && !fits(&format!("{part}{c}")) {
                lines.push(std::mem::take(&mut part));
            }
            part.push(c);
        }
        lines.push(part);
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && !fits(&format!("{last}…")) {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}
