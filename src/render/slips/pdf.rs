//! Slips as PDF, written page by page as they are drawn. What all slips share is one drawing, a QR code one image
//! mask; every full page has the same length, so that the length of the file is known before the first is drawn.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::mpsc::sync_channel;

use super::layout::{Layout, Mark};
use super::lettering::Lettering;
use super::objects::{Objects, information};
use super::{SlipSheet, spaced};
use crate::domain::slip::SlipCode;
use crate::render::RenderError;
use crate::render::chart::pen::Align;
use crate::render::font::{self, Face};
use crate::render::page::{A4, POINTS};
use crate::render::qr::Qr;

/// Pages that each core draws ahead of writing.
const AHEAD: usize = 16;
/// All characters of codes for typing.
const CODE_CHARACTERS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What stands on every page but the codes.
struct Page {
    layout: Layout,
    lettering: Lettering,
    qr_side: f64,
    /// Modules of each code: they all have the same length.
    modules: u8,
}

impl SlipSheet<'_> {
    /// Writes the slips as one PDF while both cores draw; gives its length in bytes. `progress` is called after
    /// every page with the number of slips drawn so far. No more than a few pages are in memory at a time.
    ///
    /// # Errors
    /// `NoRoom`, `TooLong` for an address that fits no QR code, `Pdf`, `Io`.
    pub fn write_pdf(
        &self,
        slips: &[SlipCode],
        mut progress: impl FnMut(usize),
        out: impl Write,
    ) -> Result<u64, RenderError> {
        let Some(first) = slips.first() else { return Err(RenderError::NoRoom) };
        let page = self.page(first)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            // The first core draws pages 1, 3, 5 …, the second 2, 4, 6 …: taken in turn they come in order.
            let drawn: Vec<_> = (0..cores)
                .map(|core| {
                    let (send, drawn) = sync_channel(AHEAD);
                    let page = &page;
                    scope.spawn(move || {
                        for slips in slips.chunks(page.slips()).skip(core).step_by(cores) {
                            if send.send(page.own(self, slips)).is_err() {
                                return;
                            }
                        }
                    });
                    drawn
                })
                .collect();
            let mut turn = drawn.iter().cycle();
            let mut done = 0;
            self.write(&page, slips.len(), out, |on_page| {
                let next = turn.next().and_then(|core| core.recv().ok());
                done += on_page;
                progress(done);
                next.unwrap_or_else(|| Err(RenderError::Pdf("a page was not drawn".to_owned())))
            })
        })
    }

    /// The length that [`SlipSheet::write_pdf`] will give for this many slips such as `first`, without drawing them.
    ///
    /// # Errors
    /// As there.
    pub fn pdf_length(&self, first: &SlipCode, count: usize) -> Result<u64, RenderError> {
        let page = self.page(first)?;
        let sample = page.own(self, std::slice::from_ref(first))?;
        self.write(&page, count, std::io::sink(), |slips| Ok(sample.repeat(slips)))
    }

    fn page(&self, first: &SlipCode) -> Result<Page, RenderError> {
        let layout = self.layout()?;
        let mut lettering = Lettering::new();
        for mark in &layout.marks {
            if let Mark::Text { text, .. } = mark {
                lettering.keep(text);
            }
        }
        lettering.keep(&spaced(CODE_CHARACTERS));
        lettering.keep(&spaced(" "));
        let modules = Qr::of(&self.link(first))?.size();
        Ok(Page { layout, lettering, qr_side: self.options.qr_side, modules })
    }

    /// Writes the file around the pages that `own` gives: the drawing of so many slips' own marks.
    fn write(
        &self,
        page: &Page,
        count: usize,
        out: impl Write,
        mut own: impl FnMut(usize) -> Result<Vec<u8>, RenderError>,
    ) -> Result<u64, RenderError> {
        let mut objects = Objects::begin(out)?;
        let (catalog, pages) = (objects.reserve(), objects.reserve());
        let fonts = page.lettering.write(&mut objects)?;
        let frame = |wide: f64, high: f64| {
            format!("/Type/XObject/Subtype/Form/BBox[0 0 {:.2} {:.2}]", wide * POINTS, high * POINTS)
        };
        let entries = format!("{}/Resources<</Font<<{fonts}>>>>", frame(page.layout.wide, page.layout.high));
        let slip = objects.packed(&entries, page.common().as_bytes())?;
        let entries = format!("{}/Resources<</XObject<</S {slip} 0 R>>>>", frame(A4.0, A4.1));
        let on_page = page.slips();
        let full = objects.packed(&entries, page.grid(on_page, self.options.cut_marks).as_bytes())?;
        let left = count % on_page;
        let last = match left {
            0 => full,
            left => objects.packed(&entries, page.grid(left, self.options.cut_marks).as_bytes())?,
        };
        let mut kids = String::new();
        for begin in (0..count).step_by(on_page) {
            let slips = on_page.min(count - begin);
            let grid = if slips == on_page { "/G Do\n" } else { "/L Do\n" };
            let content = [grid.as_bytes(), &own(slips)?].concat();
            let content = objects.stream("", &content)?;
            let number = objects.add(&format!("<</Type/Page/Parent {pages} 0 R/Contents {content} 0 R>>"))?;
            let _ = write!(kids, "{number} 0 R ");
        }
        objects.put(
            pages,
            &format!(
                "<</Type/Pages/Count {}/Kids[{kids}]/MediaBox[0 0 {:.2} {:.2}]\
                 /Resources<</Font<<{fonts}>>/XObject<</G {full} 0 R/L {last} 0 R>>>>>>",
                count.div_ceil(on_page),
                A4.0 * POINTS,
                A4.1 * POINTS
            ),
        )?;
        objects.put(
            catalog,
            &format!("<</Type/Catalog/Pages {pages} 0 R/Lang(zh-CN)/ViewerPreferences<</DisplayDocTitle true/PrintScaling/None>>>>"),
        )?;
        let title = information(&format!("{} 选票", self.title));
        let info = objects.add(&format!("<</Title{title}/Creator(Pingjia)/Producer(Pingjia)>>"))?;
        Ok(objects.end(catalog, info)?)
    }
}

impl Page {
    fn slips(&self) -> usize {
        usize::from(self.layout.columns * self.layout.rows).max(1)
    }

    /// What is these slips' own: their QR codes and the same codes for typing. Slips on a page take the same number
    /// of bytes each, wherever they stand.
    fn own(&self, sheet: &SlipSheet<'_>, slips: &[SlipCode]) -> Result<Vec<u8>, RenderError> {
        let mut content = Vec::new();
        for (slip, place) in slips.iter().zip(0u8..) {
            let code = Qr::of(&sheet.link(slip))?;
            if code.size() != self.modules {
                return Err(RenderError::Pdf("a code of another size".to_owned()));
            }
            let (x, y) = self.corner(place);
            let side = self.qr_side * POINTS;
            let (qr_x, qr_y) = (x + self.layout.qr_at.0 * POINTS, y - self.layout.qr_at.1 * POINTS - side);
            let (bits, mask) = code.mask();
            write!(
                content,
                "q {side:06.2} 0 0 {side:06.2} {qr_x:06.2} {qr_y:06.2} cm BI/W {bits}/H {bits}/IM true ID "
            )?;
            content.extend_from_slice(&mask);
            content.extend_from_slice(b"\nEI Q\n");
            let at = (x + self.layout.code_at.0 * POINTS, y - self.layout.code_at.1 * POINTS);
            let typing = self.lettering.line(at, self.layout.code_size, false, &spaced(&slip.typing_form()));
            content.extend_from_slice(typing.as_bytes());
        }
        Ok(content)
    }

    /// The upper left corner of the slip in this place, in points from below.
    fn corner(&self, place: u8) -> (f64, f64) {
        let (column, row) = (place % self.layout.columns, place / self.layout.columns);
        let (x, y) = (f64::from(column) * self.layout.wide, f64::from(row) * self.layout.high);
        (x * POINTS, (A4.1 - y) * POINTS)
    }

    /// What all slips share.
    fn common(&self) -> String {
        let point = |(x, y): (f64, f64)| (x * POINTS, (self.layout.high - y) * POINTS);
        let mut drawing = String::new();
        for mark in &self.layout.marks {
            match mark {
                Mark::Text { at, align, size, heavy, text } => {
                    let (x, y) = point(*at);
                    let wide = font::width(Face::Sans, *size, text);
                    let shift = match align {
                        Align::Left => 0.0,
                        Align::Middle => wide / 2.0,
                        Align::Right => wide,
                    };
                    drawing.push_str(&self.lettering.line((x - shift, y), *size, *heavy, text));
                }
                Mark::Box { at, side } => {
                    let ((x, y), side) = (point(*at), side * POINTS);
                    let _ = writeln!(drawing, "0.9 w {x:.2} {:.2} {side:.2} {side:.2} re S", y - side);
                }
                Mark::Rule { from, to } => {
                    let (from, to) = (point(*from), point(*to));
                    let _ = writeln!(drawing, "0.6 w {:.2} {:.2} m {:.2} {:.2} l S", from.0, from.1, to.0, to.1);
                }
            }
        }
        drawing
    }

    /// So many slips without their own marks, and the lines for cutting.
    fn grid(&self, slips: usize, cut_marks: bool) -> String {
        let mut drawing = String::new();
        for (_, place) in (0..slips).zip(0u8..) {
            let (x, y) = self.corner(place);
            let _ = writeln!(drawing, "q 1 0 0 1 {x:.2} {:.2} cm/S Do Q", y - self.layout.high * POINTS);
        }
        if cut_marks {
            drawing.push_str("0.4 G 0.5 w [4 3] 0 d\n");
            for column in 1..self.layout.columns {
                let x = f64::from(column) * self.layout.wide * POINTS;
                let _ = writeln!(drawing, "{x:.2} 0 m {x:.2} {:.2} l S", A4.1 * POINTS);
            }
            for row in 1..self.layout.rows {
                let y = (A4.1 - f64::from(row) * self.layout.high) * POINTS;
                let _ = writeln!(drawing, "0 {y:.2} m {:.2} {y:.2} l S", A4.0 * POINTS);
            }
        }
        drawing
    }
}
