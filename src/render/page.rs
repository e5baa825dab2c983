//! A page of a PDF: text, lines, boxes, QR codes and charts placed in millimetres from the upper left corner.

use std::convert::Infallible;

use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, text_anchor::HPos,
};
use time::Date;

use super::RenderError;
use super::chart::Chart;
use super::chart::pen::{Align, Color, baseline_below_top, em_of};
use super::font::{self, Face};
use super::number::single;
use super::qr::Qr;

/// Points to a millimetre.
pub const POINTS: f64 = 72.0 / 25.4;
/// Black ink.
pub const BLACK: Color = (0, 0, 0);
/// For what may recede.
pub const GREY: Color = (90, 90, 90);
/// Width and height of A4 in millimetres.
pub const A4: (f64, f64) = (210.0, 297.0);

/// Width of a line of text in millimetres, size in points.
#[must_use]
pub fn text_width(face: Face, size: f64, text: &str) -> f64 {
    font::width(face, size, text) / POINTS
}

/// [`font::wrap`] with the limit in millimetres and the size in points.
#[must_use]
pub fn wrap(face: Face, size: f64, limit: f64, text: &str) -> Vec<String> {
    font::wrap(face, size, limit * POINTS, text)
}

/// A JSON file that a document carries.
pub struct Attachment<'a> {
    pub name: &'a str,
    /// For people, shown by PDF readers.
    pub description: &'a str,
    pub kind: AttachmentKind,
    pub bytes: Vec<u8>,
}

/// What a file is to the document that carries it (PDF/A-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    /// The source of what the pages show; stored packed.
    Source,
    /// Room for a statement that is put in once the file is made; stored as it is.
    Room,
}

/// A document being drawn.
pub struct Pdf {
    document: Document,
}

impl Pdf {
    /// A document with this title; with the same date and the same drawing, the same bytes.
    #[must_use]
    pub fn new(settings: SerializeSettings, title: &str, date: Option<Date>) -> Self {
        let mut document = Document::new_with(settings);
        let mut metadata = Metadata::new()
            .title(title.to_owned())
            .language("zh-CN".to_owned())
            .creator("Pingjia".to_owned())
            .producer("Pingjia, krilla".to_owned());
        if let Some(date) = date {
            metadata = metadata.creation_date(date_time(date)).document_id(format!("{title} {date}"));
        }
        document.set_metadata(metadata);
        Pdf { document }
    }

    /// Draws one page of this size in millimetres.
    ///
    /// # Errors
    /// Those of `draw`, and `Pdf` for a size that is none.
    pub fn page(
        &mut self,
        (wide, high): (f64, f64),
        draw: impl FnOnce(&mut Canvas<'_, '_>) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let settings = PageSettings::from_wh(single(wide * POINTS), single(high * POINTS))
            .ok_or_else(|| RenderError::Pdf("page size".to_owned()))?;
        let mut page = self.document.start_page_with(settings);
        let mut surface = page.surface();
        let drawn = draw(&mut Canvas { surface: &mut surface });
        surface.finish();
        page.finish();
        drawn
    }

    /// Attaches a file, dated like the document.
    ///
    /// # Errors
    /// `Pdf`, when a file of this name is attached already.
    pub fn attach(&mut self, date: Date, attachment: Attachment<'_>) -> Result<(), RenderError> {
        let Attachment { name, description, kind, bytes } = attachment;
        let file = krilla::embed::EmbeddedFile {
            path: name.to_owned(),
            mime_type: krilla::embed::MimeType::new("application/json"),
            description: Some(description.to_owned()),
            association_kind: match kind {
                AttachmentKind::Source => krilla::embed::AssociationKind::Source,
                AttachmentKind::Room => krilla::embed::AssociationKind::Supplement,
            },
            data: bytes.into(),
            modification_date: Some(date_time(date)),
            compress: Some(kind == AttachmentKind::Source),
            location: None,
        };
        self.document.embed_file(file).ok_or_else(|| RenderError::Pdf(format!("attached twice: {name}")))
    }

    /// The finished file.
    ///
    /// # Errors
    /// `Pdf`, with what krilla refused.
    pub fn finish(self) -> Result<Vec<u8>, RenderError> {
        self.document.finish().map_err(|error| RenderError::Pdf(error.to_string()))
    }
}

fn date_time(date: Date) -> DateTime {
    DateTime::new(u16::try_from(date.year()).unwrap_or_default())
        .month(u8::from(date.month()))
        .day(date.day())
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(8)
        .utc_offset_minute(0)
}

/// What can be drawn on: a page or a drawing that several pages share.
pub struct Canvas<'c, 's> {
    surface: &'c mut Surface<'s>,
}

impl Canvas<'_, '_> {
    /// One line of text: `x` of its left, middle or right, `y` of its baseline, size in points.
    pub fn text(&mut self, at: (f64, f64), align: Align, face: Face, size: f64, color: Color, text: &str) {
        self.fill(color);
        self.glyphs(at, align, face, size, text);
    }

    /// Black text made heavier by stroking it, as titles need and the one weight of the fonts lacks.
    pub fn bold_text(&mut self, at: (f64, f64), align: Align, face: Face, size: f64, text: &str) {
        self.fill(BLACK);
        self.surface.set_stroke(Some(Stroke { paint: paint(BLACK), width: single(size * 0.03), ..Stroke::default() }));
        self.glyphs(at, align, face, size, text);
    }

    fn glyphs(&mut self, (x, y): (f64, f64), align: Align, face: Face, size: f64, text: &str) {
        let glyphs: Vec<font::Glyph> = font::glyphs(face, text).collect();
        let wide: f64 = glyphs.iter().map(|glyph| glyph.advance * size).sum();
        let shift = match align {
            Align::Left => 0.0,
            Align::Middle => wide / 2.0,
            Align::Right => wide,
        };
        let mut pen = x * POINTS - shift;
        for run in glyphs.chunk_by(|one, next| one.face == next.face) {
            let Some(first) = run.first() else { continue };
            let mut words = String::new();
            let mut set = Vec::with_capacity(run.len());
            for glyph in run {
                let start = words.len();
                words.push(glyph.character);
                let id = GlyphId::new(u32::from(glyph.id));
                set.push(KrillaGlyph::new(id, single(glyph.advance), 0.0, 0.0, 0.0, start..words.len(), None));
            }
            let at = Point::from_xy(single(pen), single(y * POINTS));
            self.surface.draw_glyphs(at, &set, first.face.krilla(), &words, single(size), false);
            pen += run.iter().map(|glyph| glyph.advance * size).sum::<f64>();
        }
    }

    /// A line, `thick` points wide.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), thick: f64, color: Color) {
        self.stroke(&[from, to], thick, color, None);
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, (x, y): (f64, f64), (wide, high): (f64, f64), thick: f64, color: Color) {
        let corners = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high), (x, y)];
        self.stroke(&corners, thick, color, None);
    }

    /// A filled rectangle.
    pub fn rect(&mut self, (x, y): (f64, f64), (wide, high): (f64, f64), color: Color) {
        let points = |length: f64| single(length * POINTS);
        let Some(rect) = Rect::from_xywh(points(x), points(y), points(wide), points(high)) else { return };
        let mut path = PathBuilder::new();
        path.push_rect(rect);
        self.fill(color);
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    /// A QR code as one path, `side` millimetres from edge to edge of its dark area (the quiet zone lies outside).
    pub fn qr(&mut self, (x, y): (f64, f64), side: f64, code: &Qr) {
        let module = side * POINTS / f64::from(code.size());
        let mut path = PathBuilder::new();
        for polygon in code.outline() {
            for (place, corner) in polygon.into_iter().enumerate() {
                let (x, y) = (f32::from(corner.0), f32::from(corner.1));
                if place == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            path.close();
        }
        let Some(path) = path.finish() else { return };
        let module = single(module);
        let placed = Transform::from_row(module, 0.0, 0.0, module, single(x * POINTS), single(y * POINTS));
        self.surface.push_transform(&placed);
        self.fill(BLACK);
        self.surface.draw_path(&path);
        self.surface.pop();
    }

    /// A chart with its upper left corner at (x, y), `wide` millimetres wide, laid out for `page_width` of its own
    /// units.
    ///
    /// # Errors
    /// `Picture`.
    pub fn chart(&mut self, (x, y): (f64, f64), wide: f64, chart: &Chart, page_width: f64) -> Result<(), RenderError> {
        let scale = wide * POINTS / page_width / FINE;
        let placed =
            Transform::from_row(single(scale), 0.0, 0.0, single(scale), single(x * POINTS), single(y * POINTS));
        self.surface.push_transform(&placed);
        let mut backend = PdfBackend { canvas: Canvas { surface: self.surface } };
        let drawn = chart.draw(&mut backend, FINE, page_width);
        self.surface.pop();
        drawn.map_err(|error| RenderError::Picture(error.to_string()))
    }

    fn fill(&mut self, color: Color) {
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill { paint: paint(color), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }));
    }

    fn stroke(&mut self, corners: &[(f64, f64)], thick: f64, color: Color, dash: Option<StrokeDash>) {
        let mut path = PathBuilder::new();
        for (place, (x, y)) in corners.iter().enumerate() {
            let (x, y) = (single(x * POINTS), single(y * POINTS));
            if place == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke { paint: paint(color), width: single(thick), dash, ..Stroke::default() }));
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }
}

fn paint(color: Color) -> krilla::paint::Paint {
    if color == BLACK {
        return krilla::color::luma::Color::black().into();
    }
    rgb::Color::new(color.0, color.1, color.2).into()
}

/// Device units to a chart's unit: charts come in whole device units, so these are made fine.
const FINE: f64 = 20.0;

/// Plotters' drawing calls put straight into the PDF as vectors and text.
struct PdfBackend<'c, 's> {
    canvas: Canvas<'c, 's>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn millimetres((x, y): BackendCoord) -> (f64, f64) {
    (f64::from(x) / POINTS, f64::from(y) / POINTS)
}

impl DrawingBackend for PdfBackend<'_, '_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (u32::MAX, u32::MAX)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Drawn {
        self.canvas.rect(millimetres(at), (1.0 / POINTS, 1.0 / POINTS), color.rgb);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let (from, to) = (millimetres(from), millimetres(to));
        let size = (to.0 - from.0, to.1 - from.1);
        if fill {
            self.canvas.rect(from, size, style.color().rgb);
        } else {
            self.canvas.frame(from, size, f64::from(style.stroke_width()), style.color().rgb);
        }
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let corners: Vec<(f64, f64)> = path.into_iter().map(millimetres).collect();
        self.canvas.stroke(&corners, f64::from(style.stroke_width()), style.color().rgb, None);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let em = em_of(style);
        let (x, top) = millimetres(at);
        let align = match style.anchor().h_pos {
            HPos::Left => Align::Left,
            HPos::Center => Align::Middle,
            HPos::Right => Align::Right,
        };
        let baseline = top + baseline_below_top() * em / POINTS;
        self.canvas.text((x, baseline), align, Face::Sans, em, style.color().rgb, text);
        Ok(())
    }
}
