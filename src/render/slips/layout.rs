//! Where everything on a slip stands, and whether it fits.

use super::{SlipSheet, code_width, qr_room};
use crate::domain::paper::{Item, Section};
use crate::render::chart::pen::Align;
use crate::render::font::{self, Face};
use crate::render::page::{A4, POINTS, text_width, wrap};

/// What printers cannot reach, and room for the scissors.
const PADDING: f64 = 4.5;

/// Something that stands on every slip.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Text { at: (f64, f64), align: Align, size: f64, heavy: bool, text: String },
    Box { at: (f64, f64), side: f64 },
    Rule { from: (f64, f64), to: (f64, f64) },
}

/// A slip laid out: millimetres from its own upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub columns: u8,
    pub rows: u8,
    pub wide: f64,
    pub high: f64,
    pub marks: Vec<Mark>,
    /// Upper left corner of the QR code's dark area.
    pub qr_at: (f64, f64),
    /// Beginning of the baseline of the code for typing.
    pub code_at: (f64, f64),
    pub code_size: f64,
}

/// Lays marks out from above to below.
struct Flow {
    marks: Vec<Mark>,
    scale: f64,
    left: f64,
    right: f64,
    y: f64,
    /// Width of the longest title of an item.
    titles_wide: f64,
    /// Whether something that should stay on one line did not.
    broken: bool,
}

impl Layout {
    /// The slip in a grid of this many columns and rows with text at `scale` times its usual size; `None` when
    /// something would be clipped.
    pub(super) fn fit(sheet: &SlipSheet<'_>, columns: u8, rows: u8, scale: f64) -> Option<Layout> {
        let (wide, high) = (A4.0 / f64::from(columns), A4.1 / f64::from(rows));
        let mut flow = Flow {
            marks: Vec::new(),
            scale,
            left: PADDING,
            right: wide - PADDING,
            y: PADDING,
            titles_wide: 0.0,
            broken: false,
        };
        flow.heading(sheet);
        let below_heading = flow.y;
        let room = qr_room(sheet.options.qr_side);
        let quiet = (room - sheet.options.qr_side) / 2.0;
        // The heading's rule is no part of the quiet zone, and the padding helps on the left.
        let qr_at = (PADDING + quiet / 2.0, below_heading + quiet);
        flow.left = PADDING + room - quiet / 2.0 + 1.0;
        if flow.right - flow.left < 45.0 * scale.max(1.0) {
            return None;
        }
        flow.y += 1.2;
        flow.instructions(sheet.options.questions);
        if sheet.options.questions {
            flow.items(sheet);
        }
        if flow.broken && scale > 0.75 {
            return None;
        }
        let lower = flow.y.max(below_heading + room);
        flow.left = PADDING;
        flow.y = lower;
        let (code_at, code_size) = flow.typing(sheet, high)?;
        Some(Layout { columns, rows, wide, high, marks: flow.marks, qr_at, code_at, code_size })
    }
}

impl Flow {
    fn put(&mut self, x: f64, size: f64, heavy: bool, text: &str) {
        self.marks.push(Mark::Text { at: (x, self.y), align: Align::Left, size, heavy, text: text.to_owned() });
    }

    /// Lines of text from the left edge on.
    fn lines(&mut self, size: f64, heavy: bool, indent: f64, text: &str) {
        for line in wrap(Face::Sans, size, self.right - self.left - indent, text) {
            self.y += size * 1.3 / POINTS;
            self.put(self.left + indent, size, heavy, &line);
        }
    }

    fn heading(&mut self, sheet: &SlipSheet<'_>) {
        let limit = (self.right - self.left) * POINTS;
        let title = format!("{}选票", sheet.title);
        let size = font::size_to_fit(Face::Sans, 11.0 * self.scale, 9.0, limit, &title);
        self.lines(size, true, 0.0, &title);
        let closes = format!("截止：{}", sheet.closes);
        let size = 8.0 * self.scale;
        let both = text_width(Face::Sans, size, sheet.union_name) + text_width(Face::Sans, size, &closes) + 4.0;
        self.y += 0.6;
        if both <= self.right - self.left {
            self.lines(size, false, 0.0, sheet.union_name);
            let at = (self.right, self.y);
            self.marks.push(Mark::Text { at, align: Align::Right, size, heavy: false, text: closes });
        } else {
            self.lines(size, false, 0.0, sheet.union_name);
            self.lines(size, false, 0.0, &closes);
        }
        self.y += 1.4;
        self.marks.push(Mark::Rule { from: (self.left, self.y), to: (self.right, self.y) });
    }

    /// Three lines, or as many to a line as there is room for.
    fn instructions(&mut self, questions: bool) {
        let size = 7.8 * self.scale;
        let second = if questions {
            "2. 不用手机的，在□内打“✓”，投入票箱。"
        } else {
            "2. 请自己填写，不要请人代填。"
        };
        let mut x = self.right;
        for words in ["1. 微信扫码，选好投票；一票只计一次。", second, "3. 不记名，不登记谁领了哪张；请勿转让、拍照。"]
        {
            let wide = text_width(Face::Sans, size, words);
            if x + wide > self.right {
                x = self.left;
                self.y += size * 1.3 / POINTS;
            }
            self.broken |= x + wide > self.right;
            self.put(x, size, false, words);
            x += wide + 4.0;
        }
        self.y += 1.0 * self.scale;
    }

    fn items(&mut self, sheet: &SlipSheet<'_>) {
        let sections = sheet.paper.items.chunk_by(|one, next| one.section == next.section).count();
        let mut section: Option<Section> = None;
        self.titles_wide = (sheet.paper.items.iter().zip(1..))
            .map(|(item, number)| text_width(Face::Sans, 8.8 * self.scale, &titled(item, number)))
            .fold(0.0, f64::max);
        for (item, number) in sheet.paper.items.iter().zip(1..) {
            if sections > 1 && section != Some(item.section) {
                self.y += 0.7 * self.scale;
                self.lines(7.4 * self.scale, true, 0.0, item.section.label());
                section = Some(item.section);
            }
            self.item(item, number);
        }
    }

    /// An item: its title, then its answers, on the same line where both have room.
    fn item(&mut self, item: &Item, number: u32) {
        let size = 8.8 * self.scale;
        let title = titled(item, number);
        self.y += 0.5 * self.scale;
        let answers: Vec<&str> = item.scale.answers().iter().map(|answer| item.scale.label(*answer)).collect();
        let answers_wide: f64 = answers.iter().map(|words| self.answer_width(size, words)).sum();
        let title_wide = text_width(Face::Sans, size, &title);
        self.lines(size, false, 0.0, &title);
        let same_line = title_wide + 4.0 + answers_wide <= self.right - self.left;
        let begin = if same_line {
            // Near enough to the title that the eye does not slip into the next line.
            (self.right - answers_wide).min(self.left + self.titles_wide.max(title_wide) + 6.0)
        } else {
            self.y += size * 1.42 / POINTS;
            self.left + 3.0 * self.scale
        };
        let mut x = begin;
        for words in answers {
            let wide = self.answer_width(size, words);
            if x > begin && x + wide > self.right + 2.5 {
                x = begin;
                self.y += size * 1.42 / POINTS;
                self.broken = true;
            }
            let square = size * 0.92 / POINTS;
            self.marks.push(Mark::Box { at: (x, self.y - square * 0.9), side: square });
            self.put(x + square + 0.8, size, false, words);
            x += wide;
        }
        self.y += 0.7 * self.scale;
    }

    fn answer_width(&self, size: f64, words: &str) -> f64 {
        size * 0.92 / POINTS + 0.8 + text_width(Face::Sans, size, words) + 2.6 * self.scale.min(1.2)
    }

    /// The lines for typing at the lower edge: where to go, and the place of the code. `None` when they do not fit.
    fn typing(&mut self, sheet: &SlipSheet<'_>, high: f64) -> Option<((f64, f64), f64)> {
        let limit = self.right - self.left;
        let address = sheet.public_url.trim_end_matches('/').trim_start_matches("https://");
        let words = format!("扫不了码？打开 {address} 输入选票码：");
        let size = 7.8 * self.scale.min(1.3);
        let code_size = (10.0 * self.scale.min(1.4)).min(10.0 * limit / code_width(10.0));
        let words_wide = text_width(Face::Sans, size, &words) + 1.0;
        if words_wide + code_width(code_size) <= limit {
            let top = high - PADDING - code_size * 1.35 / POINTS;
            if self.y > top {
                return None;
            }
            self.y = top + code_size * 1.3 / POINTS;
            self.put(self.left, size, false, &words);
            return Some(((self.left + words_wide, self.y), code_size));
        }
        let count = f64::from(u32::try_from(wrap(Face::Sans, size, limit, &words).len()).ok()?);
        let needed = count * size * 1.3 / POINTS + code_size * 1.35 / POINTS;
        let top = high - PADDING - needed;
        if self.y > top {
            return None;
        }
        self.y = top;
        self.lines(size, false, 0.0, &words);
        Some(((self.left, self.y + code_size * 1.3 / POINTS), code_size))
    }
}

fn titled(item: &Item, number: u32) -> String {
    format!("{number}. {}", item.title)
}
