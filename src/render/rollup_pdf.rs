//! The roll-up sheet of a superior union: its unions in one table of any length, totals, outcomes, a chart.

use krilla::SerializeSettings;
use time::Date;

use super::RenderError;
use super::chart::pen::Align;
use super::chart::{Chart, PAGE_WIDTH};
use super::flow::{Block, Cell, Flow, Op};
use super::font::{self, Face};
use super::page::{BLACK, POINTS, Pdf};
use crate::domain::standing::DecidingRate;
use crate::domain::verdict::{RateKind, percent};

/// Everything on the roll-up, ready to be shown.
#[derive(Debug, Clone)]
pub struct RollUpSheet {
    /// 上级工会
    pub superior: String,
    /// 2026年度会员评家情况汇总表
    pub title: String,
    /// When the figures were taken, in words.
    pub as_of: String,
    pub rows: Vec<RollUpRow>,
    /// Outcomes with the number of unions, in the order in which they are listed; unions that nobody judges have none.
    pub outcomes: Vec<(String, u64)>,
    /// Date of the file.
    pub date: Date,
}

/// One union. What is not known yet is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollUpRow {
    pub union_name: String,
    pub category: String,
    /// 应到
    pub expected: Option<u64>,
    /// 实到
    pub present: Option<u64>,
    /// 发出票
    pub issued: Option<u64>,
    /// 收回票
    pub returned: Option<u64>,
    /// 有效票
    pub valid: Option<u64>,
    /// The rate that decided.
    pub rate: Option<DecidingRate>,
    /// 达标, 未达标, … or the phase of a round that is not yet certified.
    pub outcome: String,
    /// Id of the certified sheet, or empty.
    pub sheet: String,
    /// 现有称号, and the days on which they were given, in the same order; in the workbook alone.
    pub titles: String,
    pub titled_on: String,
}

/// Sums over the rows with a certified sheet, and over no others: only these know all their figures, so that every
/// sum and every rate of sums is about the same rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows these are.
    pub certified: u64,
    pub expected: u64,
    pub present: u64,
    pub issued: u64,
    pub returned: u64,
    pub valid: u64,
}

impl Totals {
    /// What the sums are about, for the label of their row.
    #[must_use]
    pub fn label(&self) -> String {
        format!("已报送报告单的{}家", self.certified)
    }
}

impl RollUpSheet {
    /// The sums of the rows with a certified sheet.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for row in self.rows.iter().filter(|row| !row.sheet.is_empty()) {
            totals.certified += 1;
            totals.expected += row.expected.unwrap_or_default();
            totals.present += row.present.unwrap_or_default();
            totals.issued += row.issued.unwrap_or_default();
            totals.returned += row.returned.unwrap_or_default();
            totals.valid += row.valid.unwrap_or_default();
        }
        totals
    }

    /// Unions without an outcome, because nobody judges them.
    fn unjudged(&self) -> u64 {
        let all = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        all.saturating_sub(self.outcomes.iter().map(|(_, count)| count).sum())
    }

    /// Outcomes and spread of the satisfaction rates as a chart.
    #[must_use]
    pub fn chart(&self) -> Chart {
        Chart::RollUp {
            title: String::new(),
            outcomes: self.outcomes.clone(),
            rates: self
                .rows
                .iter()
                .filter_map(|row| row.rate)
                .filter(|rate| rate.kind == RateKind::Satisfaction)
                .map(|rate| (rate.numerator, rate.base))
                .collect(),
        }
    }

    /// The roll-up as PDF, A4 across, heads repeated and pages numbered. The same roll-up gives the same bytes.
    ///
    /// # Errors
    /// `Pdf`, `Picture`.
    pub fn pdf(&self) -> Result<Vec<u8>, RenderError> {
        let running =
            font::fit(Face::Serif, 9.0, ACROSS.wide * POINTS, &format!("{}（续）　{}", self.title, self.superior));
        let mut flow = Flow::new(ACROSS, 9.5, 0.75, &running);
        self.heading(&mut flow);
        self.summary(&mut flow);
        self.table(&mut flow);
        let mut pdf = Pdf::new(SerializeSettings::default(), &self.title, Some(self.date));
        flow.draw(&mut pdf, &self.superior)?;
        pdf.finish()
    }

    /// Characters that no font can print; to be reported before printing.
    #[must_use]
    pub fn missing(&self) -> Vec<char> {
        let names: String = self.rows.iter().flat_map(|row| [row.union_name.as_str(), &row.category]).collect();
        font::missing(&[self.superior.as_str(), &self.title, &names].concat())
    }

    fn heading(&self, flow: &mut Flow) {
        let (left, right) = (flow.block.left, flow.block.left + ACROSS.wide);
        let size = font::size_to_fit(Face::Serif, 22.0, 12.0, ACROSS.wide * POINTS, &self.title);
        let at = (f64::midpoint(left, right), flow.y + 7.0);
        flow.put(Op::Text { at, align: Align::Middle, size, color: BLACK, bold: true, text: self.title.clone() });
        flow.text((left, flow.y + 14.0), Align::Left, 10.5, &format!("填报单位：{}", self.superior));
        flow.text((right, flow.y + 14.0), Align::Right, 10.5, &self.as_of);
        flow.y += 16.5;
    }

    fn summary(&self, flow: &mut Flow) {
        let totals = self.totals();
        let turnout = percent(totals.present, totals.expected).unwrap_or_else(|| "—".to_owned());
        summary_row(
            flow,
            &[
                ("合计范围", totals.label()),
                ("应到", totals.expected.to_string()),
                ("实到", totals.present.to_string()),
                ("到会率", turnout),
                ("发出票", totals.issued.to_string()),
                ("收回票", totals.returned.to_string()),
                ("有效票", totals.valid.to_string()),
            ],
        );
        flow.y += 2.0;
        let outcomes = self.outcomes.iter().map(|(name, count)| (name.as_str(), count.to_string()));
        let all = std::iter::once(("工会数", self.rows.len().to_string()));
        let unjudged = (self.unjudged() > 0).then(|| ("其中不评议", self.unjudged().to_string()));
        summary_row(flow, &all.chain(unjudged).chain(outcomes).collect::<Vec<_>>());
        let chart = self.chart();
        let chart_wide = 150.0;
        let high = chart.height(PAGE_WIDTH) * chart_wide / PAGE_WIDTH;
        flow.y += 2.0;
        flow.need(high);
        let at = (flow.block.left + (ACROSS.wide - chart_wide) / 2.0, flow.y);
        flow.put(Op::Chart { at, wide: chart_wide, chart, page_width: PAGE_WIDTH });
        flow.y += high + 2.0;
    }

    fn table(&self, flow: &mut Flow) {
        let columns = [
            (11.0, "序号"),
            (54.0, "工会名称"),
            (27.0, "类别"),
            (14.0, "应到"),
            (14.0, "实到"),
            (14.0, "收回票"),
            (14.0, "有效票"),
            (15.0, "指标"),
            (18.0, "比率"),
            (20.0, "门槛"),
            (24.0, "结果"),
        ];
        flow.head(columns.iter().map(|(wide, name)| Cell::label(*wide, name)).collect());
        for (row, number) in self.rows.iter().zip(1u64..) {
            let count = |count: Option<u64>| count.map_or_else(|| "—".to_owned(), |count| count.to_string());
            let rate = |shown: fn(DecidingRate) -> String| row.rate.map_or_else(|| "—".to_owned(), shown);
            let texts = [
                number.to_string(),
                row.union_name.clone(),
                row.category.clone(),
                count(row.expected),
                count(row.present),
                count(row.returned),
                count(row.valid),
                rate(|rate| rate.kind.label().to_owned()),
                rate(|rate| percent(rate.numerator, rate.base).unwrap_or_default()),
                rate(|rate| rate.comparator.bar(rate.threshold)),
                row.outcome.clone(),
            ];
            let cells: Vec<Cell> = columns
                .iter()
                .zip(&texts)
                .map(
                    |((wide, name), text)| {
                        if *name == "工会名称" { Cell::words(*wide, text) } else { Cell::figure(*wide, text) }
                    },
                )
                .collect();
            flow.row(&cells);
        }
        flow.end_table();
    }
}

/// Names over figures, in columns as wide as what stands in them, so that neither is broken.
fn summary_row(flow: &mut Flow, columns: &[(&str, String)]) {
    let width = |text: &str| font::width(Face::Serif, 1.0, text);
    let ems = |(name, figure): &(&str, String)| width(name).max(width(figure)).max(2.5) + 0.8;
    let unit = ACROSS.wide / columns.iter().map(ems).sum::<f64>();
    flow.row(&columns.iter().map(|column| Cell::label(ems(column) * unit, column.0)).collect::<Vec<_>>());
    flow.row(&columns.iter().map(|column| Cell::figure(ems(column) * unit, &column.1)).collect::<Vec<_>>());
}

/// The text block of GB/T 9704-2012 turned for a table across the page.
const ACROSS: Block = Block { page: (297.0, 210.0), left: 36.0, top: 28.0, wide: 225.0, high: 156.0 };
