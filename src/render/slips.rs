//! Slips as PDF: QR code, code for typing and the questions to tick on every slip, several to a page, cut marks.
//!
//! A slip bears no number, and slips stand in the file in the order given, which is random already. What all slips
//! share is drawn once.

mod files;
mod layout;
mod lettering;
mod objects;
mod packets;
mod pdf;

pub use files::{CodeFile, CsvEncoding};

use self::layout::Layout;
use super::RenderError;
use super::font::{self, Face};
use super::page::text_width;
use super::qr::{QUIET_ZONE, Qr};
use crate::domain::paper::Paper;
use crate::domain::slip::SlipCode;

/// What is printed on every slip of a round.
#[derive(Debug, Clone)]
pub struct SlipSheet<'a> {
    /// Name of the round.
    pub title: &'a str,
    pub union_name: &'a str,
    /// Closing date (or date and time) in words.
    pub closes: &'a str,
    /// Where the service is reached: `https://pj.example.cn`. Links and the address for typing are made of it.
    pub public_url: &'a str,
    pub paper: &'a Paper,
    pub options: SlipOptions,
}

/// What the person who prints may choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlipOptions {
    /// The most slips to a page: 1, 2, 3, 4, 5, 6, 8 or 10; fewer are put where the questions need more room.
    pub per_page: u8,
    /// Side of the QR code's dark area in millimetres, 25 to 60.
    pub qr_side: f64,
    /// Whether the questions stand on the slip, which makes it the paper ballot too.
    pub questions: bool,
    /// Whether dashed lines for cutting are drawn.
    pub cut_marks: bool,
}

impl Default for SlipOptions {
    fn default() -> Self {
        SlipOptions { per_page: 5, qr_side: 25.0, questions: true, cut_marks: true }
    }
}

/// Columns and rows for each choice of slips to a page.
const GRIDS: [(u8, u8); 8] = [(2, 5), (2, 4), (2, 3), (1, 5), (2, 2), (1, 3), (1, 2), (1, 1)];

impl SlipSheet<'_> {
    /// The link of a slip, in upper case for QR's alphanumeric mode. Hosts and schemes do not mind; a path in front
    /// of `/V/` would, and stays as given.
    #[must_use]
    pub fn link(&self, slip: &SlipCode) -> String {
        let base = self.public_url.trim_end_matches('/');
        let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
        let (host, path) =
            rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
        format!("{}://{}{path}/V/{}", scheme.to_ascii_uppercase(), host.to_ascii_uppercase(), slip.link_form())
    }

    /// Characters on the slips that no font can print; to be reported before printing.
    #[must_use]
    pub fn missing(&self) -> Vec<char> {
        let items: String = self.paper.items.iter().map(|item| item.title.as_str()).collect();
        font::missing(&[self.title, self.union_name, self.closes, self.public_url, &items].concat())
    }

    /// How many slips a page will hold: what was asked for, or fewer where the questions need the room.
    ///
    /// # Errors
    /// `NoRoom`, when the questions do not fit one page even in small print.
    pub fn per_page(&self) -> Result<u8, RenderError> {
        self.layout().map(|layout| layout.columns * layout.rows)
    }

    /// One slip's QR code as SVG, for a page that is printed from the browser.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn code_svg(&self, slip: &SlipCode) -> Result<String, RenderError> {
        Ok(Qr::of(&self.link(slip))?.svg("扫码投票"))
    }

    fn layout(&self) -> Result<Layout, RenderError> {
        let asked = self.options.per_page.max(1);
        let grids = GRIDS.into_iter().filter(|(columns, rows)| columns * rows <= asked);
        for (columns, rows) in grids {
            let sizes: &[f64] = match (columns, rows) {
                (1, 1) => &[3.0, 2.7, 2.4, 2.1, 1.8, 1.5, 1.2, 1.0, 0.9, 0.8, 0.7],
                (1, 2) => &[2.4, 2.1, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9],
                _ => &[1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9],
            };
            for scale in sizes {
                if let Some(layout) = Layout::fit(self, columns, rows, *scale) {
                    return Ok(layout);
                }
            }
        }
        Err(RenderError::NoRoom)
    }
}

/// Room for a QR code with its quiet zone, for the longest link that stays at 29 modules.
fn qr_room(side: f64) -> f64 {
    side * f64::from(29 + 2 * QUIET_ZONE) / 29.0
}

/// The typing form with wide spaces (U+2002) between its groups.
fn spaced(typing_form: &str) -> String {
    typing_form.replace(' ', "\u{2002}")
}

/// Width of the longest typing form there can be, in millimetres at this size.
fn code_width(size: f64) -> f64 {
    text_width(Face::Sans, size, &spaced("MMMMM MMMM MMMM MMMM MMMM MMMMM"))
}

#[cfg(test)]
mod tests {
    use super::layout::Mark;
    use super::*;
    use crate::domain::paper::{Item, ItemId, Scale, Section};
    use crate::domain::slip::PollTag;

    fn paper(count: usize) -> Paper {
        let item = |place| Item {
            id: ItemId(format!("item_{place}")),
            section: Section::Overall,
            scale: Scale::Satisfaction,
            title: "职工之家建设（建家活动）".to_owned(),
        };
        Paper { items: (0..count).map(item).collect(), comment: false }
    }

    fn sheet<'a>(paper: &'a Paper, public_url: &'a str, per_page: u8) -> SlipSheet<'a> {
        SlipSheet {
            title: "2026年度会员评议职工之家",
            union_name: "平安里工会",
            closes: "2026年11月30日",
            public_url,
            paper,
            options: SlipOptions { per_page, ..SlipOptions::default() },
        }
    }

    #[test]
    fn links_are_in_upper_case_but_for_a_path_in_front() {
        let slip = SlipCode::from_random(PollTag::from_random(7), 9);
        let code = slip.link_form();
        let paper = paper(1);
        for (url, begin) in [
            ("https://pj.example.cn", "HTTPS://PJ.EXAMPLE.CN/V/"),
            ("http://127.0.0.1:8080/", "HTTP://127.0.0.1:8080/V/"),
            ("https://example.cn/pingjia", "HTTPS://EXAMPLE.CN/pingjia/V/"),
        ] {
            let link = sheet(&paper, url, 8).link(&slip);
            assert_eq!(link, format!("{begin}{code}"));
            assert_eq!(SlipCode::parse(&link).unwrap(), slip);
        }
    }

    #[test]
    fn longer_papers_get_fewer_slips_to_a_page_and_none_is_clipped() {
        let per_page = |count, asked| sheet(&paper(count), "https://pj.example.cn", asked).per_page().ok();
        assert_eq!([1, 4, 10, 30].map(|count| per_page(count, 10)), [Some(10), Some(8), Some(4), Some(1)]);
        assert_eq!(per_page(1, 2), Some(2));
        assert_eq!(per_page(200, 8), None, "said, not clipped");
        for count in 1..40 {
            let paper = paper(count);
            let layout = sheet(&paper, "https://pj.example.cn", 10).layout().unwrap();
            for mark in &layout.marks {
                let (x, y) = match mark {
                    Mark::Text { at, .. } | Mark::Box { at, .. } => *at,
                    Mark::Rule { to, .. } => *to,
                };
                assert!((4.0..=layout.wide - 4.0).contains(&x) && (4.0..=layout.high - 4.0).contains(&y), "{mark:?}");
                let clear = y < layout.qr_at.1 - 3.0 || x > layout.qr_at.0 + 25.0 + 3.0 || y > layout.qr_at.1 + 28.0;
                assert!(clear, "the quiet zone is clear: {mark:?}");
            }
            let boxes = layout.marks.iter().filter(|mark| matches!(mark, Mark::Box { .. })).count();
            assert_eq!(boxes, 4 * count);
        }
    }
}
