//! Charts: what they show, and the ways to have one: SVG, PNG, a table, or drawn into a PDF.
//!
//! A chart is drawn once, on any plotters backend ([`pen`]); nothing in it depends on colour alone.

mod draw;
pub(super) mod pen;

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters_backend::{DrawingBackend, DrawingErrorKind};

use self::pen::{Nowhere, Pen};
use super::RenderError;
use super::number::{real, whole, width};
use super::qr::{encode_png, escape};
use crate::domain::paper::{Answer, Item};
use crate::domain::tally::ItemTally;
use crate::domain::verdict::{Fraction, percent};

/// Width for pages on screens, in the chart's own units (text is 12 to 18 of them high).
pub const PAGE_WIDTH: f64 = 720.0;

/// How a part of a bar is filled. Each fill differs in pattern, not only in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// 满意, 知道, 已兑现
    Full,
    /// 基本满意, 部分兑现
    Mostly,
    /// 不满意, 未兑现
    Against,
    /// 不了解, 不知道
    Unknown,
    /// 弃权
    Blank,
}

/// A part of a bar with its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub label: String,
    pub count: u64,
    pub tone: Tone,
}

/// A line across a bar, with its words: `("市级门槛 ≥ 90%", 90/100)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub label: String,
    pub at: Fraction,
}

/// A rate to draw as a bar of its own, with the thresholds it is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// 满意率, 知晓率 …
    pub label: String,
    pub numerator: u64,
    pub base: u64,
    pub marks: Vec<Mark>,
}

/// The answers to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemBars {
    pub title: String,
    pub parts: Vec<Part>,
    pub rate: Option<Rate>,
}

impl ItemBars {
    /// The bar of an item: every answer in its printed order, then 弃权.
    #[must_use]
    pub fn new(item: &Item, tally: &ItemTally, rate: Option<Rate>) -> Self {
        let mut parts: Vec<Part> = tally
            .answers
            .iter()
            .map(|(answer, count)| Part {
                label: item.scale.label(*answer).to_owned(),
                count: *count,
                tone: tone(*answer),
            })
            .collect();
        parts.push(Part { label: "弃权".to_owned(), count: tally.abstain, tone: Tone::Blank });
        ItemBars { title: item.title.clone(), parts, rate }
    }

    /// All counts of the bar.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.count).sum()
    }
}

fn tone(answer: Answer) -> Tone {
    match answer {
        Answer::Satisfied | Answer::Know | Answer::Kept => Tone::Full,
        Answer::BasicallySatisfied | Answer::PartlyKept => Tone::Mostly,
        Answer::Dissatisfied | Answer::NotKept => Tone::Against,
        Answer::DontKnow => Tone::Unknown,
    }
}

/// One chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Per item: how many gave which answer, and the rate against its thresholds.
    Distribution { title: String, items: Vec<ItemBars> },
    /// 应到, 实到, 发出, 收回, 有效: counts of people and slips as shares of `base` (应到).
    Turnout { title: String, bars: Vec<(String, u64)>, base: u64, mark: Option<Mark> },
    /// Many unions: how many had which outcome, and how their rates spread. Rates are `(numerator, base)`.
    RollUp { title: String, outcomes: Vec<(String, u64)>, rates: Vec<(u64, u64)> },
}

/// The table beside a chart, for those who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Chart {
    /// The heading of the chart.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Chart::Distribution { title, .. } | Chart::Turnout { title, .. } | Chart::RollUp { title, .. } => title,
        }
    }

    /// The chart as SVG of this width (see [`PAGE_WIDTH`]): scales by its `viewBox`, has an explicit white ground
    /// for dark pages, `<title>` and `<desc>`, no script and no style attribute.
    ///
    /// # Errors
    /// `Picture`, if the backend fails.
    pub fn svg(&self, page_width: f64) -> Result<String, RenderError> {
        const UNIT: f64 = 2.0;
        let size = (width(page_width * UNIT), width(self.height(page_width) * UNIT));
        let mut svg = String::new();
        draw_on(self, SVGBackend::with_string(&mut svg, size), UNIT, page_width)?;
        let body = svg.split_once('>').map_or("", |(_, body)| body);
        let table = self.table();
        let rows: Vec<String> = table.rows.iter().map(|row| row.join(" ")).collect();
        Ok(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{body}"#,
            size.0,
            size.1,
            escape(self.title()),
            escape(&rows.join("；"))
        ))
    }

    /// The chart as PNG of this width, `scale` pixels to a unit: for slides. Needs no font on the system.
    ///
    /// # Errors
    /// `Picture`, if the backend fails.
    pub fn png(&self, page_width: f64, scale: u8) -> Result<Vec<u8>, RenderError> {
        let scale = f64::from(scale.max(1));
        let size = (width(page_width * scale), width(self.height(page_width) * scale));
        let bytes = usize::try_from(u64::from(size.0) * u64::from(size.1) * 3)
            .map_err(|error| RenderError::Picture(error.to_string()))?;
        let mut pixels = vec![255; bytes];
        draw_on(self, BitMapBackend::with_buffer(&mut pixels, size), scale, page_width)?;
        Ok(encode_png(size.0, size.1, png::ColorType::Rgb, png::BitDepth::Eight, &pixels))
    }

    /// Height of the chart when it is this wide.
    #[must_use]
    pub fn height(&self, page_width: f64) -> f64 {
        let mut nowhere = Nowhere;
        let drawn: Result<f64, _> = draw::chart(self, &mut Pen::new(&mut nowhere, 1.0, page_width));
        drawn.unwrap_or_default()
    }

    /// Draws the chart on a backend of which `unit` device units make one of the chart's.
    ///
    /// # Errors
    /// Those of the backend.
    pub fn draw<B: DrawingBackend>(
        &self,
        backend: &mut B,
        unit: f64,
        page_width: f64,
    ) -> Result<(), DrawingErrorKind<B::ErrorType>> {
        let mut pen = Pen::new(backend, unit, page_width);
        let height = self.height(page_width);
        pen.rect((0.0, 0.0), (page_width, height), pen::WHITE)?;
        draw::chart(self, &mut pen).map(drop)
    }

    /// The same figures as a table.
    #[must_use]
    pub fn table(&self) -> Table {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>();
        let shown = |part: u64, base: u64| percent(part, base).unwrap_or_else(|| "—".to_owned());
        let (head, rows) = match self {
            Chart::Distribution { items, .. } => (row(&["项目", "答案", "票数", "占有效票"]), distribution_rows(items)),
            Chart::Turnout { bars, base, .. } => (
                row(&["项目", "数量", "占应到"]),
                bars.iter().map(|(label, count)| row(&[label, &count.to_string(), &shown(*count, *base)])).collect(),
            ),
            Chart::RollUp { outcomes, rates, .. } => {
                let all = outcomes.iter().map(|(_, count)| count).sum();
                let outcome =
                    outcomes.iter().map(|(label, count)| row(&[label, &count.to_string(), &shown(*count, all)]));
                let spread = draw::bins(rates).into_iter().map(|(label, count)| {
                    let total = u64::try_from(rates.len()).unwrap_or(u64::MAX);
                    row(&[&format!("满意率 {label}"), &count.to_string(), &shown(count, total)])
                });
                (row(&["类别", "工会数", "占比"]), outcome.chain(spread).collect())
            }
        };
        Table { caption: self.title().to_owned(), head, rows }
    }
}

fn distribution_rows(items: &[ItemBars]) -> Vec<Vec<String>> {
    let shown = |part: u64, base: u64| percent(part, base).unwrap_or_else(|| "—".to_owned());
    let mut rows = Vec::new();
    for item in items {
        for part in &item.parts {
            rows.push(vec![
                item.title.clone(),
                part.label.clone(),
                part.count.to_string(),
                shown(part.count, item.total()),
            ]);
        }
        if let Some(rate) = &item.rate {
            let marks: Vec<&str> = rate.marks.iter().map(|mark| mark.label.as_str()).collect();
            rows.push(vec![
                item.title.clone(),
                [rate.label.as_str(), &marks.join("，")].join(" ").trim_end().to_owned(),
                format!("{} ÷ {}", rate.numerator, rate.base),
                shown(rate.numerator, rate.base),
            ]);
        }
    }
    rows
}

fn draw_on<B: DrawingBackend>(chart: &Chart, mut backend: B, unit: f64, page_width: f64) -> Result<(), RenderError> {
    chart
        .draw(&mut backend, unit, page_width)
        .and_then(|()| backend.present())
        .map_err(|error| RenderError::Picture(error.to_string()))
}

/// Where `part` of `parts` equal strips begins along `length`.
fn strip(length: f64, part: usize, parts: usize) -> f64 {
    f64::from(whole(length * real(part) / real(parts.max(1))))
}

#[cfg(test)]
mod tests;
