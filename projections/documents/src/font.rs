//! The two faces of the font: measuring, and embedding what was used.

use std::collections::BTreeMap;

use pdf_writer::{
    Filter, Finish as _, Name, Pdf, Rect, Ref, Str,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};
use subsetter::GlyphRemapper;
use ttf_parser::Face;

const REGULAR: &[u8] = include_bytes!("../assets/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../assets/DejaVuSansCondensed-Bold.ttf");

/// Thousandths of the size, in which PDF measures glyphs.
const PDF_UNITS: f32 = 1000.0;
/// Printed in place of a character that the font does not have.
const MISSING: char = '\u{25a1}';

/// The font that comes with the program cannot be read: the build is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the embedded font cannot be used: {0}")]
pub struct FontError(String);

/// Which face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    /// Its name in page resources.
    pub(crate) fn resource(self) -> Name<'static> {
        match self {
            Self::Regular => Name(b"F1"),
            Self::Bold => Name(b"F2"),
        }
    }
}

/// Both faces, and what was printed with them.
pub(crate) struct Fonts {
    regular: Font,
    bold: Font,
}

struct Font {
    name: &'static str,
    data: &'static [u8],
    face: Face<'static>,
    glyphs: GlyphRemapper,
    /// New glyph to character, for copying text.
    characters: BTreeMap<u16, char>,
}

impl Fonts {
    pub(crate) fn new() -> Result<Self, FontError> {
        Ok(Self {
            regular: Font::new("DejaVuSansCondensed", REGULAR)?,
            bold: Font::new("DejaVuSansCondensed-Bold", BOLD)?,
        })
    }

    fn of(&self, weight: Weight) -> &Font {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Width of a text in points.
    pub(crate) fn width(&self, weight: Weight, size: f32, text: &str) -> f32 {
        let font = self.of(weight);
        let units: f32 = text.chars().map(|c| font.advance(font.glyph(c))).sum();
        units / PDF_UNITS * size
    }

    /// The text as glyphs of the embedded font.
    pub(crate) fn encode(&mut self, weight: Weight, text: &str) -> Vec<u8> {
        let font = match weight {
            Weight::Regular => &mut self.regular,
            Weight::Bold => &mut self.bold,
        };
        let mut bytes = Vec::with_capacity(text.len() * 2);
        for c in text.chars() {
            let glyph = font.glyphs.remap(font.glyph(c));
            font.characters.entry(glyph).or_insert(c);
            bytes.extend_from_slice(&glyph.to_be_bytes());
        }
        bytes
    }

    /// Writes both faces; each takes five objects from `first` on.
    pub(crate) fn write(&self, pdf: &mut Pdf, first: [i32; 2]) -> Result<(), FontError> {
        self.regular.write(pdf, first[0])?;
        self.bold.write(pdf, first[1])
    }
}

impl Font {
    fn new(name: &'static str, data: &'static [u8]) -> Result<Self, FontError> {
        let face = Face::parse(data, 0).map_err(|error| FontError(error.to_string()))?;
        Ok(Self { name, data, face, glyphs: GlyphRemapper::new(), characters: BTreeMap::new() })
    }

    fn glyph(&self, c: char) -> u16 {
        let found = self.face.glyph_index(c).or_else(|| self.face.glyph_index(MISSING));
        found.map_or(0, |glyph| glyph.0)
    }

    /// In thousandths of the size.
    fn advance(&self, glyph: u16) -> f32 {
        let units = self.face.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap_or_default();
        self.scale(f32::from(units))
    }

    fn scale(&self, units: f32) -> f32 {
        units * PDF_UNITS / f32::from(self.face.units_per_em())
    }

    fn write(&self, pdf: &mut Pdf, first: i32) -> Result<(), FontError> {
        let [font, cid, descriptor, file, cmap] = [0, 1, 2, 3, 4].map(|offset| Ref::new(first + offset));
        let subset = subsetter::subset(self.data, 0, &self.glyphs).map_err(|error| FontError(error.to_string()))?;
        let base = format!("SUBSET+{}", self.name);
        let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
        pdf.type0_font(font)
            .base_font(Name(base.as_bytes()))
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(cmap);
        let mut written = pdf.cid_font(cid);
        written
            .subtype(CidFontType::Type2)
            .base_font(Name(base.as_bytes()))
            .system_info(system)
            .font_descriptor(descriptor)
            .default_width(0.0)
            .cid_to_gid_map_predefined(Name(b"Identity"));
        written.widths().consecutive(0, self.glyphs.remapped_gids().map(|glyph| self.advance(glyph)));
        written.finish();
        let bbox = self.face.global_bounding_box();
        let [x1, y1, x2, y2] = [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max].map(|v| self.scale(f32::from(v)));
        pdf.font_descriptor(descriptor)
            .name(Name(base.as_bytes()))
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(x1, y1, x2, y2))
            .italic_angle(0.0)
            .ascent(self.scale(f32::from(self.face.ascender())))
            .descent(self.scale(f32::from(self.face.descender())))
            .cap_height(self.scale(f32::from(self.face.capital_height().unwrap_or_default())))
            .stem_v(80.0)
            .font_file2(file);
        let packed = crate::file::pack(&subset);
        pdf.stream(file, &packed).filter(Filter::FlateDecode);
        let mut unicode = UnicodeCmap::<u16>::new(Name(b"Custom"), system);
        for (glyph, c) in &self.characters {
            unicode.pair(*glyph, *c);
        }
        let packed = crate::file::pack(unicode.finish().as_slice());
        pdf.stream(cmap, &packed).filter(Filter::FlateDecode);
        Ok(())
    }
}
