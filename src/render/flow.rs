//! Filling pages from above to below: rows of cells with repeated heads, continuation pages, page numbers.

use super::RenderError;
use super::chart::Chart;
use super::chart::pen::{Align, Color};
use super::font::{Face, size_to_fit};
use super::number::{real, times};
use super::page::{A4, BLACK, Canvas, GREY, POINTS, Pdf, wrap};
use super::qr::Qr;

/// Thickness of table lines in points.
const THIN: f64 = 0.5;
/// Ground of cells that name others.
const LABEL_GROUND: Color = (243, 243, 243);

/// The text block of a page, in millimetres.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub page: (f64, f64),
    pub left: f64,
    pub top: f64,
    pub wide: f64,
    pub high: f64,
}

/// The text block of GB/T 9704-2012: A4, 37 mm above, 28 mm to the left, 156 × 225 mm.
pub(super) const OFFICIAL: Block = Block { page: A4, left: 28.0, top: 37.0, wide: 156.0, high: 225.0 };

/// Something drawn on a page.
pub(super) enum Op {
    Text { at: (f64, f64), align: Align, size: f64, color: Color, bold: bool, text: String },
    Line { from: (f64, f64), to: (f64, f64), thick: f64 },
    Ground { at: (f64, f64), size: (f64, f64) },
    Qr { at: (f64, f64), side: f64, code: Qr },
    Chart { at: (f64, f64), wide: f64, chart: Chart, page_width: f64 },
}

/// A cell of a row.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub wide: f64,
    pub text: String,
    pub align: Align,
    /// Factor on the size of the table's text.
    pub scale: f64,
    /// Whether the cell names others: light ground, centred.
    pub label: bool,
    pub bold: bool,
}

impl Cell {
    /// A cell that names others.
    pub(super) fn label(wide: f64, text: &str) -> Self {
        Cell { wide, text: text.to_owned(), align: Align::Middle, scale: 1.0, label: true, bold: false }
    }

    /// A cell with words.
    pub(super) fn words(wide: f64, text: &str) -> Self {
        Cell { align: Align::Left, label: false, ..Cell::label(wide, text) }
    }

    /// A cell with a figure or a short word, centred.
    pub(super) fn figure(wide: f64, text: &str) -> Self {
        Cell { label: false, ..Cell::label(wide, text) }
    }

    pub(super) fn scaled(self, scale: f64) -> Self {
        Cell { scale, ..self }
    }

    pub(super) fn bold(self) -> Self {
        Cell { bold: true, ..self }
    }
}

/// Pages being filled.
pub(super) struct Flow {
    pub pages: Vec<Vec<Op>>,
    pub block: Block,
    pub y: f64,
    /// Size of table text in points.
    pub size: f64,
    /// Space above and below the text of a cell in millimetres.
    pub pad: f64,
    /// Row repeated at the top of the next page.
    head: Vec<Cell>,
    /// Whether the head waits for the table's first row: it never stands alone at the foot of a page.
    head_waits: bool,
    /// Line at the head of continuation pages.
    running: String,
}

impl Flow {
    pub(super) fn new(block: Block, size: f64, pad: f64, running: &str) -> Self {
        let running = running.to_owned();
        Flow { pages: vec![Vec::new()], block, y: block.top, size, pad, head: Vec::new(), head_waits: false, running }
    }

    pub(super) fn bottom(&self) -> f64 {
        self.block.top + self.block.high
    }

    pub(super) fn put(&mut self, op: Op) {
        if let Some(page) = self.pages.last_mut() {
            page.push(op);
        }
    }

    /// One line of text at a place of its own.
    pub(super) fn text(&mut self, at: (f64, f64), align: Align, size: f64, text: &str) {
        self.put(Op::Text { at, align, size, color: BLACK, bold: false, text: text.to_owned() });
    }

    /// Begins a new page; a table's head goes along.
    pub(super) fn break_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = self.block.top;
        if !self.running.is_empty() {
            let (at, text) = ((self.block.left, self.block.top - 4.0), self.running.clone());
            self.put(Op::Text { at, align: Align::Left, size: 9.0, color: GREY, bold: false, text });
        }
        if !self.head.is_empty() {
            self.head_waits = false;
            let head = std::mem::take(&mut self.head);
            self.row(&head);
            self.head = head;
        }
    }

    /// Makes sure that this much can be drawn on the page.
    pub(super) fn need(&mut self, high: f64) {
        if self.y + high > self.bottom() + 0.01 && self.y > self.block.top {
            self.break_page();
        }
    }

    /// A head row that is drawn above the next row, and again on every page until [`Flow::end_table`].
    pub(super) fn head(&mut self, cells: Vec<Cell>) {
        (self.head, self.head_waits) = (cells, true);
    }

    /// Ends the table; one without a row shows its head all the same.
    pub(super) fn end_table(&mut self) {
        self.draw_head(0.0);
        self.head = Vec::new();
    }

    /// Draws a waiting head where a row this high goes under it, on this page or the next.
    fn draw_head(&mut self, row: f64) {
        if !std::mem::take(&mut self.head_waits) {
            return;
        }
        let head = std::mem::take(&mut self.head);
        self.need((self.height_of(&head) + row).min(self.block.high));
        self.row(&head);
        self.head = head;
    }

    fn line_height(&self, scale: f64) -> f64 {
        self.size * scale * 1.32 / POINTS
    }

    /// A row as high as its highest cell. One that is higher than a page continues on the next.
    pub(super) fn row(&mut self, cells: &[Cell]) {
        self.row_of_height(cells, 0.0);
    }

    /// A row at least this high.
    pub(super) fn row_of_height(&mut self, cells: &[Cell], least: f64) {
        let cells: Vec<Cell> = cells.iter().map(|cell| self.unbroken(cell)).collect();
        let mut lines = self.lines(&cells);
        let tallest = cells.iter().map(|cell| self.line_height(cell.scale)).fold(0.0, f64::max);
        let most = times(self.block.high - 30.0, tallest.max(1.0)).max(1);
        loop {
            let rest: Vec<Vec<String>> = lines.iter_mut().map(|lines| lines.split_off(lines.len().min(most))).collect();
            let high = self.high(&cells, &lines).max(least);
            self.draw_head(high);
            self.need(high);
            self.draw_row(&cells, &lines, high);
            if rest.iter().all(Vec::is_empty) {
                return;
            }
            lines = rest;
        }
    }

    /// How high the row will be.
    pub(super) fn height_of(&self, cells: &[Cell]) -> f64 {
        self.high(cells, &self.lines(cells))
    }

    fn lines(&self, cells: &[Cell]) -> Vec<Vec<String>> {
        cells.iter().map(|cell| wrap(Face::Serif, self.size * cell.scale, cell.wide - 2.4, &cell.text)).collect()
    }

    fn high(&self, cells: &[Cell], lines: &[Vec<String>]) -> f64 {
        let highs = cells.iter().zip(lines).map(|(cell, lines)| real(lines.len()) * self.line_height(cell.scale));
        highs.fold(0.0, f64::max) + 2.0 * self.pad
    }

    /// The cell with its text made smaller if it is a number, a rate or a date wider than the cell: none is broken.
    fn unbroken(&self, cell: &Cell) -> Cell {
        let mut cell = cell.clone();
        let whole = |character: char| character.is_ascii_digit() || ".%年月日".contains(character);
        if cell.text.starts_with(|character: char| character.is_ascii_digit()) && cell.text.chars().all(whole) {
            let size = self.size * cell.scale;
            cell.scale = size_to_fit(Face::Serif, size, 5.0, (cell.wide - 2.5) * POINTS, &cell.text) / self.size;
        }
        cell
    }

    fn draw_row(&mut self, cells: &[Cell], wrapped: &[Vec<String>], high: f64) {
        let (top, mut x) = (self.y, self.block.left);
        for (cell, lines) in cells.iter().zip(wrapped) {
            if cell.label {
                self.put(Op::Ground { at: (x, top), size: (cell.wide, high) });
            }
            let step = self.line_height(cell.scale);
            let size = self.size * cell.scale;
            // The optical middle of Chinese characters lies 0.38 em above the baseline.
            let mut baseline = top + (high - real(lines.len()) * step) / 2.0 + step / 2.0 + 0.38 * size / POINTS;
            let at = match cell.align {
                Align::Left => x + 1.2,
                Align::Middle => x + cell.wide / 2.0,
                Align::Right => x + cell.wide - 1.2,
            };
            for line in lines {
                let (align, text) = (cell.align, line.clone());
                self.put(Op::Text { at: (at, baseline), align, size, color: BLACK, bold: cell.bold, text });
                baseline += step;
            }
            x += cell.wide;
        }
        self.rules(cells, top, high);
        self.y = top + high;
    }

    fn rules(&mut self, cells: &[Cell], top: f64, high: f64) {
        let (left, bottom) = (self.block.left, top + high);
        let right = left + cells.iter().map(|cell| cell.wide).sum::<f64>();
        let mut line = |from, to| self.put(Op::Line { from, to, thick: THIN });
        line((left, top), (right, top));
        line((left, bottom), (right, bottom));
        let mut x = left;
        line((x, top), (x, bottom));
        for cell in cells {
            x += cell.wide;
            line((x, top), (x, bottom));
        }
    }

    /// Lines of text across the block, without a frame.
    pub(super) fn paragraph(&mut self, scale: f64, text: &str) {
        let step = self.line_height(scale);
        for line in wrap(Face::Serif, self.size * scale, self.block.wide, text) {
            self.need(step);
            self.y += step;
            self.text((self.block.left, self.y - step * 0.25), Align::Left, self.size * scale, &line);
        }
    }

    /// Draws everything; each page bears its number of all, outside right on odd pages and left on even ones
    /// (GB/T 9704-2012, 7.5), and `foot` on the other side.
    pub(super) fn draw(self, pdf: &mut Pdf, foot: &str) -> Result<(), RenderError> {
        let (block, count) = (self.block, self.pages.len());
        for (page, number) in self.pages.into_iter().zip(1usize..) {
            pdf.page(block.page, |canvas| {
                for op in &page {
                    draw_op(canvas, op)?;
                }
                let y = block.top + block.high + 7.0 + 3.5;
                let (near, far) = (block.left + 5.0, block.left + block.wide - 5.0);
                let (at, align, other, other_align) = if number % 2 == 1 {
                    (far, Align::Right, block.left, Align::Left)
                } else {
                    (near, Align::Left, block.left + block.wide, Align::Right)
                };
                canvas.text((at, y), align, Face::Serif, 12.0, BLACK, &format!("— {number} / {count} —"));
                canvas.text((other, y), other_align, Face::Serif, 8.0, GREY, foot);
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn draw_op(canvas: &mut Canvas<'_, '_>, op: &Op) -> Result<(), RenderError> {
    match op {
        Op::Text { at, align, size, color, bold, text } => {
            if *bold {
                canvas.bold_text(*at, *align, Face::Serif, *size, text);
            } else {
                canvas.text(*at, *align, Face::Serif, *size, *color, text);
            }
        }
        Op::Line { from, to, thick } => canvas.line(*from, *to, *thick, BLACK),
        Op::Ground { at, size } => canvas.rect(*at, *size, LABEL_GROUND),
        Op::Qr { at, side, code } => canvas.qr(*at, *side, code),
        Op::Chart { at, wide, chart, page_width } => canvas.chart(*at, *wide, chart, *page_width)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(page: &[Op]) -> String {
        let texts =
            page.iter().filter_map(|op| if let Op::Text { text, .. } = op { Some(text.as_str()) } else { None });
        texts.collect()
    }

    #[test]
    fn a_cell_higher_than_a_page_goes_on_under_the_repeated_head() {
        let mut flow = Flow::new(OFFICIAL, 10.5, 1.0, "（续）");
        flow.head(vec![Cell::label(156.0, "主要问题")]);
        let long: String = (0..4_000).map(|place| char::from_u32(0x4e00 + place).unwrap()).collect();
        flow.row(&[Cell::words(156.0, &long)]);
        flow.end_table();
        assert!(flow.pages.len() >= 3, "{} pages", flow.pages.len());
        let all: Vec<String> = flow.pages.iter().map(|page| text_of(page)).collect();
        assert!(all.iter().skip(1).all(|page| page.starts_with("（续）主要问题")));
        assert_eq!(all.concat().replace("（续）", "").replace("主要问题", ""), long, "nothing is lost");
        for op in flow.pages.iter().flatten() {
            if let Op::Line { from, to, .. } = op {
                assert!(from.1.max(to.1) <= flow.bottom() + 0.1, "a line below the text block");
            }
        }
    }

    #[test]
    fn a_head_never_stands_alone_at_the_foot_of_a_page() {
        let mut flow = Flow::new(OFFICIAL, 10.5, 1.0, "");
        flow.y = flow.bottom() - 20.0;
        flow.head(vec![Cell::label(156.0, "头")]);
        flow.row_of_height(&[Cell::words(156.0, "行")], 30.0);
        flow.end_table();
        let texts: Vec<String> = flow.pages.iter().map(|page| text_of(page)).collect();
        assert_eq!(texts, ["", "头行"]);
        flow.head(vec![Cell::label(156.0, "空")]);
        flow.end_table();
        assert!(text_of(&flow.pages[1]).ends_with('空'), "a table without a row");
    }

    #[test]
    fn numbers_and_dates_are_not_broken() {
        for (wide, words) in [(12.0, "1001000000"), (9.0, "50.30%"), (24.0, "2027年12月24日")] {
            let mut flow = Flow::new(OFFICIAL, 10.5, 1.0, "");
            flow.row(&[Cell::figure(wide, words)]);
            assert_eq!(text_of(&flow.pages[0]), words);
            let lines = flow.pages[0].iter().filter(|op| matches!(op, Op::Text { .. })).count();
            assert_eq!(lines, 1);
        }
    }
}
