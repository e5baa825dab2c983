//! Drawing on any plotters backend in the chart's own units: bars, patterns, and text set by the vendored fonts.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily,
};

use super::Tone;
use crate::render::font::{self, Face};
use crate::render::number::{whole, width};

/// Red, green, blue.
pub type Color = (u8, u8, u8);

pub const WHITE: Color = (255, 255, 255);
pub const INK: Color = (28, 35, 43);
pub const GREY: Color = (92, 102, 112);
pub const PALE: Color = (224, 229, 234);
/// The main fill of bars.
pub const NAVY: Color = (31, 78, 121);
/// The unions' red: an accent for the threshold line, never a sign of something bad.
pub const RED: Color = (200, 16, 46);

/// Which end of the text stands at the point given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Middle,
    Right,
}

/// A pen on a backend.
pub struct Pen<'b, B: DrawingBackend> {
    backend: &'b mut B,
    unit: f64,
    page_width: f64,
}

type Drawn<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<'b, B: DrawingBackend> Pen<'b, B> {
    /// A pen for a chart of this width, `unit` device units to one of its own.
    pub fn new(backend: &'b mut B, unit: f64, page_width: f64) -> Self {
        Pen { backend, unit, page_width }
    }

    /// Width of the chart in its own units.
    pub fn page_width(&self) -> f64 {
        self.page_width
    }

    fn at(&self, (x, y): (f64, f64)) -> BackendCoord {
        (whole(x * self.unit), whole(y * self.unit))
    }

    /// A filled rectangle: upper left corner, then width and height.
    pub fn rect(&mut self, from: (f64, f64), size: (f64, f64), fill: Color) -> Drawn<B> {
        let (from, to) = (self.at(from), self.at((from.0 + size.0, from.1 + size.1)));
        self.backend.draw_rect(from, to, &Ink { color: fill, width: 1 }, true)
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, from: (f64, f64), size: (f64, f64), color: Color) -> Drawn<B> {
        let (left, top, right, bottom) = (from.0, from.1, from.0 + size.0, from.1 + size.1);
        self.line((left, top), (right, top), color, 0.8)?;
        self.line((right, top), (right, bottom), color, 0.8)?;
        self.line((right, bottom), (left, bottom), color, 0.8)?;
        self.line((left, bottom), (left, top), color, 0.8)
    }

    /// A line of this width.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: Color, thick: f64) -> Drawn<B> {
        let ink = Ink { color, width: width(thick * self.unit) };
        let (from, to) = (self.at(from), self.at(to));
        // As a path: backends draw paths, unlike lines, at their full width.
        self.backend.draw_path([from, to], &ink)
    }

    /// One line of text on its baseline.
    pub fn text(&mut self, at: (f64, f64), align: Align, size: f64, color: Color, text: &str) -> Drawn<B> {
        let label = Label { size: size * self.unit, color, align };
        let top = (at.0, at.1 - TOP_TO_BASELINE * size);
        let at = self.at(top);
        self.backend.draw_text(text, &label, at)
    }

    /// A bar's part: filled by the tone's pattern and framed.
    pub fn fill(&mut self, tone: Tone, from: (f64, f64), size: (f64, f64)) -> Drawn<B> {
        match tone {
            Tone::Full => self.rect(from, size, NAVY)?,
            Tone::Mostly => {
                self.rect(from, size, (205, 222, 238))?;
                self.hatch(from, size, 7.0, 1.6, false)?;
            }
            Tone::Against => {
                self.rect(from, size, WHITE)?;
                self.hatch(from, size, 7.0, 0.9, false)?;
                self.hatch(from, size, 7.0, 0.9, true)?;
            }
            Tone::Unknown => {
                self.rect(from, size, PALE)?;
                self.dots(from, size)?;
            }
            Tone::Blank => self.rect(from, size, WHITE)?,
        }
        self.frame(from, size, INK)
    }

    /// Diagonal lines, rising to the right or falling.
    fn hatch(&mut self, from: (f64, f64), size: (f64, f64), step: f64, thick: f64, falling: bool) -> Drawn<B> {
        let (left, top, right, bottom) = (from.0, from.1, from.0 + size.0, from.1 + size.1);
        let mut foot = left - size.1 + step / 2.0;
        while foot < right {
            let (begin, end) = (foot.max(left), (foot + size.1).min(right));
            let height = |x: f64| if falling { top + (x - foot) } else { bottom - (x - foot) };
            if end > begin {
                self.line((begin, height(begin)), (end, height(end)), NAVY, thick)?;
            }
            foot += step;
        }
        Ok(())
    }

    fn dots(&mut self, from: (f64, f64), size: (f64, f64)) -> Drawn<B> {
        let mut y = from.1 + 3.0;
        while y + 1.6 < from.1 + size.1 {
            let mut x = from.0 + 3.0;
            while x + 1.6 < from.0 + size.0 {
                self.rect((x, y), (1.6, 1.6), GREY)?;
                x += 6.0;
            }
            y += 6.0;
        }
        Ok(())
    }
}

struct Ink {
    color: Color,
    width: u32,
}

impl BackendStyle for Ink {
    fn color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: self.color }
    }
    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// Distance in em from the point that plotters' SVG backend is given for text anchored at its top to the baseline.
const TOP_TO_BASELINE: f64 = 0.76;
/// Plotters' SVG backend divides the size by this to get pixels per em.
const SIZE_OF_EM: f64 = 1.24;

/// Text in the chart's font. Backends that set text themselves read size, family and anchor; the others let it
/// draw itself from the vendored font.
struct Label {
    /// Device units per em.
    size: f64,
    color: Color,
    align: Align,
}

impl BackendTextStyle for Label {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        BackendColor { alpha: 1.0, rgb: self.color }
    }

    fn size(&self) -> f64 {
        self.size * SIZE_OF_EM
    }

    fn anchor(&self) -> Pos {
        let horizontal = match self.align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        Pos::new(horizontal, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(Face::Sans.css_families())
    }

    fn layout_box(&self, text: &str) -> Result<(BackendCoord, BackendCoord), Infallible> {
        Ok(((0, 0), (whole(font::width(Face::Sans, self.size, text)), whole(self.size))))
    }

    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (x, y): BackendCoord,
        mut draw: F,
    ) -> Result<Result<(), E>, Infallible> {
        let mut outcome = Ok(());
        let baseline = y + whole(TOP_TO_BASELINE * self.size);
        font::rasterise(Face::Sans, self.size, text, |across, down, coverage| {
            if outcome.is_ok() && coverage > 0.0 {
                let color = BackendColor { alpha: f64::from(coverage), rgb: self.color };
                outcome = draw(x + across, baseline + down, color);
            }
        });
        Ok(outcome)
    }
}

/// The em in device units of a text style as this house makes them, for backends that set text themselves.
pub fn em_of<S: BackendTextStyle>(style: &S) -> f64 {
    style.size() / SIZE_OF_EM
}

/// How far below the point given to a backend the baseline lies, in em.
pub fn baseline_below_top() -> f64 {
    TOP_TO_BASELINE
}

/// A backend that draws nothing: to learn how high a chart will be.
pub struct Nowhere;

impl DrawingBackend for Nowhere {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (u32::MAX, u32::MAX)
    }
    fn ensure_prepared(&mut self) -> Drawn<Self> {
        Ok(())
    }
    fn present(&mut self) -> Drawn<Self> {
        Ok(())
    }
    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn<Self> {
        Ok(())
    }
    fn draw_rect<S: BackendStyle>(&mut self, _: BackendCoord, _: BackendCoord, _: &S, _: bool) -> Drawn<Self> {
        Ok(())
    }
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, _: I, _: &S) -> Drawn<Self> {
        Ok(())
    }
    fn draw_text<S: BackendTextStyle>(&mut self, _: &str, _: &S, _: BackendCoord) -> Drawn<Self> {
        Ok(())
    }
}
