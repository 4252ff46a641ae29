//! Pages into a file.

use chrono::{Datelike, NaiveDate};
use pdf_writer::{Date, Filter, Finish as _, Pdf, Rect, Ref, TextStr};

use crate::{
    canvas::{HEIGHT, WIDTH},
    font::{FONT_OBJECTS, FaceId, FontError, Fonts},
};

const CATALOG: i32 = 1;
const PAGES: i32 = 2;
const INFO: i32 = 3;
/// The first object of the fonts.
const FONTS: i32 = 4;
/// The first object after the fonts.
const FIRST_PAGE: i32 = FONTS + FONT_OBJECTS;
/// Objects of a page: itself, its body and its foot.
const PAGE_OBJECTS: i32 = 3;
/// Speed against size; the same input gives the same bytes.
const LEVEL: u8 = 6;

/// What a document says of itself.
pub(crate) struct About<'a> {
    pub(crate) title: &'a str,
    pub(crate) author: &'a str,
    pub(crate) date: NaiveDate,
}

/// Compresses a stream.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, LEVEL)
}

/// A page: its body, packed, and its foot, which is known only when all pages are.
pub(crate) struct Page {
    pub(crate) body: Vec<u8>,
    pub(crate) foot: Vec<u8>,
}

/// Writes the file.
pub(crate) fn write(about: &About<'_>, fonts: &Fonts, pages: &[Page]) -> Result<Vec<u8>, FontError> {
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    pdf.catalog(Ref::new(CATALOG)).pages(Ref::new(PAGES)).lang(TextStr("en-US"));
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    let ids = || (0..count).map(|n| Ref::new(FIRST_PAGE + n * PAGE_OBJECTS));
    pdf.pages(Ref::new(PAGES)).kids(ids()).count(count);
    for (page, id) in pages.iter().zip(ids()) {
        let (body, foot) = (Ref::new(id.get() + 1), Ref::new(id.get() + 2));
        let mut written = pdf.page(id);
        written.parent(Ref::new(PAGES)).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents_array([body, foot]);
        let mut resources = written.resources();
        let mut used = resources.fonts();
        for face in FaceId::ALL.into_iter().filter(|face| fonts.is_used(*face)) {
            used.pair(face.resource(), Ref::new(face.object(FONTS)));
        }
        used.finish();
        resources.finish();
        written.finish();
        pdf.stream(body, &page.body).filter(Filter::FlateDecode);
        pdf.stream(foot, &page.foot).filter(Filter::FlateDecode);
    }
    fonts.write(&mut pdf, FONTS)?;
    // The invoice's own date: a clock would make other bytes each time.
    let part = |number: u32| u8::try_from(number).unwrap_or_default();
    let date = Date::new(u16::try_from(about.date.year()).unwrap_or_default())
        .month(part(about.date.month()))
        .day(part(about.date.day()))
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(0);
    pdf.document_info(Ref::new(INFO))
        .title(TextStr(about.title))
        .author(TextStr(about.author))
        .producer(TextStr("Subledger"))
        .creation_date(date)
        .modified_date(date);
    Ok(pdf.finish())
}
