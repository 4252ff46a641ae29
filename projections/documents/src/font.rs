//! The faces of the fonts: which of them has a character, measuring, and embedding what was used.

use std::collections::{BTreeMap, BTreeSet};

use pdf_writer::{
    Filter, Finish as _, Name, Pdf, Rect, Ref, Str,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};
use subsetter::GlyphRemapper;
use ttf_parser::Face;

const REGULAR: &[u8] = include_bytes!("../assets/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../assets/DejaVuSansCondensed-Bold.ttf");
/// Chinese and Japanese. In one weight only: bold text has its characters in that.
const EAST_ASIAN: &[u8] = include_bytes!("../assets/DroidSansFallback.ttf");
/// Korean, in one weight too.
const KOREAN: &[u8] = include_bytes!("../assets/NanumGothic.ttf");

/// Faces.
const FACES: usize = 4;
/// Thousandths of the size, in which PDF measures glyphs.
const PDF_UNITS: f32 = 1000.0;
/// Printed in place of a character that no font has.
const MISSING: char = '\u{25a1}';

/// The font that comes with the program cannot be read: the build is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the embedded font cannot be used: {0}")]
pub struct FontError(String);

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// A font of the document, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaceId(usize);

impl FaceId {
    /// Every face that a document may have.
    pub(crate) const ALL: [Self; FACES] = [Self(0), Self(1), Self(2), Self(3)];
    /// For what the weight's own face does not have, in this order.
    const FALLBACKS: [Self; 2] = [Self(2), Self(3)];

    /// Its name in page resources.
    pub(crate) fn resource(self) -> Name<'static> {
        Name([b"F1", b"F2", b"F3", b"F4"][self.0])
    }
}

/// All faces, and what was printed with them.
pub(crate) struct Fonts {
    faces: [Font; FACES],
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
            faces: [
                Font::new("DejaVuSansCondensed", REGULAR)?,
                Font::new("DejaVuSansCondensed-Bold", BOLD)?,
                Font::new("DroidSansFallback", EAST_ASIAN)?,
                Font::new("NanumGothic", KOREAN)?,
            ],
        })
    }

    /// The face and the glyph of a character: the weight's own if it has it, else the fallback's, else a box.
    fn find(&self, weight: Weight, c: char) -> (FaceId, u16) {
        let own = FaceId(usize::from(weight == Weight::Bold));
        let mut faces = [own].into_iter().chain(FaceId::FALLBACKS);
        let found = faces.find_map(|face| Some((face, self.faces[face.0].glyph(c)?)));
        found.unwrap_or_else(|| (own, self.faces[own.0].glyph(MISSING).unwrap_or_default()))
    }

    /// Width of a text in points.
    pub(crate) fn width(&self, weight: Weight, size: f32, text: &str) -> f32 {
        let advance = |c| {
            let (face, glyph) = self.find(weight, c);
            self.faces[face.0].advance(glyph)
        };
        text.chars().map(advance).sum::<f32>() / PDF_UNITS * size
    }

    /// The text as glyphs of the embedded fonts: stretches of one face each.
    pub(crate) fn encode(&mut self, weight: Weight, text: &str) -> Vec<(FaceId, Vec<u8>)> {
        let mut stretches: Vec<(FaceId, Vec<u8>)> = Vec::new();
        for c in text.chars() {
            let (face, glyph) = self.find(weight, c);
            let font = &mut self.faces[face.0];
            let glyph = font.glyphs.remap(glyph);
            font.characters.entry(glyph).or_insert(c);
            let bytes = glyph.to_be_bytes();
            match stretches.last_mut() {
                Some((last, stretch)) if *last == face => stretch.extend_from_slice(&bytes),
                _ => stretches.push((face, bytes.to_vec())),
            }
        }
        stretches
    }

    /// The characters of a text that no font has.
    pub(crate) fn missing(&self, text: &str) -> BTreeSet<char> {
        let has = |c: char| {
            [FaceId(0)].into_iter().chain(FaceId::FALLBACKS).any(|face| self.faces[face.0].glyph(c).is_some())
        };
        text.chars().filter(|c| !has(*c) && !c.is_control()).collect()
    }

    /// Writes every face with which something was printed; each takes [`FACE_OBJECTS`] objects. Readers do not miss what no page uses.
    pub(crate) fn write(&self, pdf: &mut Pdf, first: i32) -> Result<(), FontError> {
        for (face, font) in FaceId::ALL.into_iter().zip(&self.faces) {
            if self.is_used(face) {
                font.write(pdf, face.object(first))?;
            }
        }
        Ok(())
    }

    /// Whether anything was printed with it.
    pub(crate) fn is_used(&self, face: FaceId) -> bool {
        !self.faces[face.0].characters.is_empty()
    }
}

/// Objects that a face takes.
const FACE_OBJECTS: i32 = 5;
/// Objects that all faces take.
pub(crate) const FONT_OBJECTS: i32 = 4 * FACE_OBJECTS;

impl FaceId {
    /// The face's first object, if those of all faces begin with `first`.
    pub(crate) fn object(self, first: i32) -> i32 {
        first + i32::try_from(self.0).unwrap_or_default() * FACE_OBJECTS
    }
}

impl Font {
    fn new(name: &'static str, data: &'static [u8]) -> Result<Self, FontError> {
        let face = Face::parse(data, 0).map_err(|error| FontError(error.to_string()))?;
        Ok(Self { name, data, face, glyphs: GlyphRemapper::new(), characters: BTreeMap::new() })
    }

    /// None if it has none for the character.
    fn glyph(&self, c: char) -> Option<u16> {
        self.face.glyph_index(c).map(|glyph| glyph.0)
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
