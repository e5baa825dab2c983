//! Setting the result sheet: every block from the title to the seals, on as few pages as it needs.

use super::{HEADING, SheetItem, SheetPdf, SheetRectification};
use crate::render::RenderError;
use crate::render::chart::Chart;
use crate::render::chart::pen::Align;
use crate::render::flow::{Cell, Flow, OFFICIAL, Op};
use crate::render::font;
use crate::render::number::real;
use crate::render::page::{BLACK, POINTS, text_width};
use crate::render::qr::Qr;

const WIDE: f64 = OFFICIAL.wide;
/// Height of the lowest block: a seal of 42 mm and the words around it.
const SEAL_HIGH: f64 = 46.0;

/// How closely the sheet is set.
#[derive(Clone, Copy)]
struct Density {
    /// Size of text in points.
    size: f64,
    /// Space above and below the text of a cell in millimetres.
    pad: f64,
    /// Height of the room for signatures in millimetres.
    signature: f64,
    /// Width of a chart in its own units: the more, the smaller it is drawn.
    chart_units: f64,
}

/// From comfortable to dense.
const DENSITIES: [Density; 4] = [
    Density { size: 10.5, pad: 1.25, signature: 13.0, chart_units: 350.0 },
    Density { size: 9.5, pad: 0.8, signature: 12.0, chart_units: 370.0 },
    Density { size: 9.0, pad: 0.5, signature: 11.0, chart_units: 390.0 },
    Density { size: 8.5, pad: 0.24, signature: 10.0, chart_units: 410.0 },
];

impl SheetPdf<'_> {
    /// The most comfortable setting of those that need the fewest pages; the densest only where it makes one page.
    pub(super) fn closest(&self) -> Result<Flow, RenderError> {
        let [first, second, third, densest] = DENSITIES;
        let mut best = self.layout(first)?;
        for density in [second, third, densest] {
            let next = self.layout(density)?;
            if next.pages.len() < best.pages.len() && (density.size > densest.size || next.pages.len() == 1) {
                best = next;
            }
        }
        Ok(best)
    }

    fn layout(&self, density: Density) -> Result<Flow, RenderError> {
        let running = format!("{HEADING}（续）　{}", self.union_name);
        let running = font::fit(font::Face::Serif, 9.0, WIDE * POINTS, &running);
        let mut flow = Flow::new(OFFICIAL, density.size, density.pad, &running);
        self.title(&mut flow);
        self.particulars(&mut flow);
        self.counts(&mut flow);
        self.items(&mut flow);
        self.metrics(&mut flow);
        self.verdict(&mut flow);
        self.charts(&mut flow, density.chart_units);
        self.rectifications(&mut flow);
        self.opinion(&mut flow);
        self.signatures(&mut flow, density.signature)?;
        Ok(flow)
    }

    fn title(&self, flow: &mut Flow) {
        let middle = flow.block.left + WIDE / 2.0;
        let text = HEADING.to_owned();
        let at = (middle, flow.y + 6.4);
        flow.put(Op::Text { at, align: Align::Middle, size: 22.0, color: BLACK, bold: true, text });
        flow.text((middle, flow.y + 12.4), Align::Middle, 12.0, &format!("（{}）", self.round));
        flow.y += 14.8;
        if let Some(replaces) = &self.replaces {
            flow.paragraph(1.0, replaces);
            flow.y += 1.0;
        }
    }

    fn particulars(&self, flow: &mut Flow) {
        let (label, value) = (25.0, 53.0);
        let pair = |name: &str, text: &str| [Cell::label(label, name), Cell::words(value, text)];
        let whole = |name: &str, text: &str| [Cell::label(label, name), Cell::words(WIDE - label, text)];
        let small = |cells: [Cell; 2]| cells.map(|cell| if cell.label { cell } else { cell.scaled(0.86) });
        flow.row(&whole("工会名称", &self.union_name));
        if let Some(code) = &self.credit_code {
            flow.row(&[pair("信用代码", code), pair("工会类别", &self.category)].concat());
            flow.row(&[pair("上级工会", &self.superior_union), pair("年　　度", &self.year)].concat());
        } else {
            flow.row(&[pair("工会类别", &self.category), pair("年　　度", &self.year)].concat());
            flow.row(&whole("上级工会", &self.superior_union));
        }
        flow.row(&[pair("评议形式", &self.assembly), pair("评议主体", &self.electorate)].concat());
        match &self.applying_for {
            Some(tier) => flow.row(&[pair("地　　点", &self.place), pair("申报等级", tier)].concat()),
            None => flow.row(&whole("地　　点", &self.place)),
        }
        flow.row(&small(whole("起止时间", &format!("{}（实际：{}）", self.period, self.actual_days))));
        flow.row(&small(whole("适用规则", &format!("{}\n摘要 {}", self.rule_set, self.rule_set_digest))));
    }

    fn counts(&self, flow: &mut Flow) {
        let counts = &self.counts;
        let columns = [
            ("会员总数", counts.member_total.to_string()),
            ("应到", counts.expected.to_string()),
            ("实到", counts.present.to_string()),
            ("到会率", counts.turnout.clone()),
            ("发出票", counts.issued.to_string()),
            ("收回票", counts.returned.to_string()),
            ("有效票", counts.valid.to_string()),
            ("无效票", counts.invalid.to_string()),
        ];
        let wide = WIDE / real(columns.len());
        flow.head(columns.iter().map(|(name, _)| Cell::label(wide, name)).collect());
        flow.row(&columns.map(|(_, count)| Cell::figure(wide, &count)));
        flow.end_table();
        if !self.custody.is_empty() {
            flow.row(&[Cell::words(WIDE, &self.custody.join("")).scaled(0.86)]);
        }
    }

    /// One table per run of items with the same answers.
    fn items(&self, flow: &mut Flow) {
        let labels = |item: &SheetItem| item.bars.parts.iter().map(|part| part.label.clone()).collect::<Vec<_>>();
        let mut number = 0;
        for run in self.items.chunk_by(|one, next| labels(one) == labels(next)) {
            let Some(first) = run.first() else { continue };
            let names = labels(first);
            let wide = 17.5;
            let title = WIDE - wide * real(names.len() + 1);
            let mut head = vec![Cell::label(title, "评议项目（票数）")];
            head.extend(names.iter().map(|name| Cell::label(wide, name)));
            head.push(Cell::label(wide, "合计"));
            flow.head(head);
            for item in run {
                number += 1;
                let mut cells = vec![Cell::words(title, &format!("{number}. {}", item.bars.title))];
                cells.extend(item.bars.parts.iter().map(|part| Cell::figure(wide, &part.count.to_string())));
                cells.push(Cell::figure(wide, &item.bars.total().to_string()));
                flow.row(&cells);
            }
            flow.end_table();
        }
    }

    fn metrics(&self, flow: &mut Flow) {
        if self.metrics.is_empty() {
            return;
        }
        let widths = [46.0, 28.0, 20.0, 22.0, 20.0, 20.0];
        let names = ["指　　标", "分子 ÷ 分母", "结果", "严格满意率", "门槛", "评定"];
        flow.head(widths.iter().zip(names).map(|(wide, name)| Cell::label(*wide, name)).collect());
        for metric in &self.metrics {
            let fraction = format!("{} ÷ {}", metric.numerator, metric.base);
            let strict = if metric.strict_display.is_empty() { "—" } else { &metric.strict_display };
            let figures = [&metric.name, &fraction, &metric.display, strict, &metric.threshold, &metric.outcome]
                .map(String::from);
            let cells: Vec<Cell> = widths
                .iter()
                .zip(&figures)
                .enumerate()
                .map(
                    |(place, (wide, text))| {
                        if place == 0 { Cell::words(*wide, text) } else { Cell::figure(*wide, text) }
                    },
                )
                .collect();
            let note = [Cell::words(WIDE, &format!("公式：{}\n依据：{}", metric.formula, metric.source)).scaled(0.84)];
            // A metric and what it rests on stay together.
            flow.need(18.0);
            flow.row(&cells);
            flow.row(&note);
        }
        flow.end_table();
    }

    fn verdict(&self, flow: &mut Flow) {
        // What goes with the verdict stands beside it; without any the verdict has the row to itself.
        let room = if self.remarks.is_empty() { WIDE - 25.0 } else { 39.0 };
        let mut cells = vec![Cell::label(25.0, "结　　论"), Cell::figure(room, &self.verdict).scaled(1.35).bold()];
        if !self.remarks.is_empty() {
            cells.push(Cell::words(WIDE - 64.0, &self.remarks.join("\n")).scaled(0.9));
        }
        flow.row(&cells);
        if !self.indicators.is_empty() {
            let listed: Vec<String> = self.indicators.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let text = format!("{}（单位申报，未参与结论）", listed.join("；"));
            flow.row(&[Cell::label(25.0, "申报指标"), Cell::words(WIDE - 25.0, &text)]);
        }
    }

    /// Two charts a line: turnout, then the items.
    fn charts(&self, flow: &mut Flow, units: f64) {
        const CHART_WIDE: f64 = 76.0;
        let items =
            self.items.iter().map(|item| Chart::Distribution { title: String::new(), items: vec![item.bars.clone()] });
        let charts: Vec<Chart> = self.turnout.clone().into_iter().chain(items).collect();
        let height = |chart: &Chart| chart.height(units) * CHART_WIDE / units;
        for pair in charts.chunks(2) {
            let high = pair.iter().map(height).fold(0.0, f64::max);
            flow.need(high + 1.0);
            let (y, left) = (flow.y, flow.block.left);
            for (chart, x) in pair.iter().zip([left + 0.5, left + WIDE - CHART_WIDE - 0.5]) {
                flow.put(Op::Chart { at: (x, y + 0.5), wide: CHART_WIDE, chart: chart.clone(), page_width: units });
            }
            flow.y += high + 1.0;
            // The table's sides run on beside the charts.
            for x in [left, left + WIDE] {
                flow.put(Op::Line { from: (x, y), to: (x, y + high + 1.0), thick: 0.5 });
            }
            for y in [y, flow.y] {
                flow.put(Op::Line { from: (left, y), to: (left + WIDE, y), thick: 0.5 });
            }
        }
    }

    fn rectifications(&self, flow: &mut Flow) {
        let widths = [52.0, 56.0, 20.0, 28.0];
        let names = ["主要问题", "整改措施", "责任人", "期限"];
        flow.head(widths.iter().zip(names).map(|(wide, name)| Cell::label(*wide, name)).collect());
        let blank = [SheetRectification::default(), SheetRectification::default()];
        let rows: &[SheetRectification] = if self.rectifications.is_empty() { &blank } else { &self.rectifications };
        for row in rows {
            let [problem, measure, responsible, deadline] = widths;
            flow.row(&[
                Cell::words(problem, &row.problem),
                Cell::words(measure, &row.measure),
                Cell::figure(responsible, &row.responsible),
                Cell::figure(deadline, &row.deadline),
            ]);
        }
        flow.end_table();
        flow.row(&[Cell::label(25.0, "公布情况"), Cell::words(WIDE - 25.0, &self.publication)]);
    }

    /// The opinion of the union above; without one the paper leaves room for it beside the seals.
    fn opinion(&self, flow: &mut Flow) {
        let Some(opinion) = &self.opinion else { return };
        let words = format!("{}\n{}　{}　{}", opinion.words(), opinion.superior, opinion.by, opinion.given_on);
        flow.row(&[Cell::label(25.0, "上级工会\n意　　见"), Cell::words(WIDE - 25.0, &words)]);
    }

    /// Signatures, seals and the means of verification: one block that is never torn apart.
    fn signatures(&self, flow: &mut Flow, room: f64) -> Result<(), RenderError> {
        let mut words = format!(
            "核验网址：{}　电子签名：{}　本文件附有签名数据 {}.json",
            self.address,
            self.signatures.join("；"),
            self.attachment_name
        );
        if let Some(opinion) = &self.opinion {
            let signatures = opinion.signatures.join("；");
            let attached = format!("，附有 {}.opinion.json", self.attachment_name);
            words.extend(["　上级意见的电子签名：", &signatures, &attached]);
        }
        let proof = [Cell::words(WIDE, &words).scaled(7.0 / flow.size)];
        let heads = flow.height_of(&[Cell::label(WIDE, "（签名）")]);
        flow.need(heads + room + SEAL_HIGH + flow.height_of(&proof));
        let signers = [
            ("总监票人", std::slice::from_ref(&self.chief_scrutineer)),
            ("监票人", &self.scrutineers),
            ("计票人", &self.tellers),
            ("工会主席", std::slice::from_ref(&self.chair)),
        ];
        let (wide, scale) = (WIDE / 4.0, 0.86);
        flow.row(&signers.map(|(name, _)| Cell::label(wide, &format!("{name}（签名）"))));
        let names: Vec<Cell> = signers
            .iter()
            .map(|(_, names)| listed(names, flow.size * scale, wide - 2.4))
            .map(|names| Cell::figure(wide, &format!("\n{names}")).scaled(scale))
            .collect();
        flow.row_of_height(&names, room);
        let (union_wide, superior_wide) = (54.0, 54.0);
        let (top, left) = (flow.y, flow.block.left);
        let frame = [union_wide, superior_wide, WIDE - union_wide - superior_wide].map(|wide| Cell::words(wide, ""));
        flow.row_of_height(&frame, SEAL_HIGH);
        let date = format!("报送日期：{}", self.reported_on);
        seal(flow, (left, top), union_wide, ["本级工会（盖章处）", &self.union_name, &date]);
        let words = match &self.opinion {
            None => ["上级工会意见（盖章处）", &self.superior_union, "　　年　　月　　日"],
            Some(opinion) => ["上级工会（盖章处）", &opinion.superior, &opinion.given_on],
        };
        seal(flow, (left + union_wide, top), superior_wide, words);
        self.verification(flow, (left + union_wide + superior_wide, top), WIDE - union_wide - superior_wide)?;
        flow.row(&proof);
        Ok(())
    }

    /// QR code, digest in groups to compare by eye, and who signed.
    fn verification(&self, flow: &mut Flow, (x, y): (f64, f64), wide: f64) -> Result<(), RenderError> {
        const SIDE: f64 = 20.0;
        let code = Qr::of(&self.address)?;
        flow.put(Op::Qr { at: (x + wide - SIDE - 2.8, y + 2.8), side: SIDE, code });
        flow.text((x + 1.5, y + 4.4), Align::Left, 9.0, "核验二维码");
        for (words, place) in ["扫码打开核验", "页，与下面的", "摘要校验码", "逐组比对。"].into_iter().zip(0u8..)
        {
            flow.text((x + 1.5, y + 9.2 + 3.6 * f64::from(place)), Align::Left, 7.0, words);
        }
        let mut line = y + SIDE + 7.2;
        flow.text((x + 1.5, line), Align::Left, 7.4, "摘要校验码（SHA-256）");
        let digits: Vec<char> = self.digest.chars().collect();
        let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
        let column = (wide - 4.0) / 4.0;
        for row in groups.chunks(4) {
            line += 4.2;
            for (group, place) in row.iter().zip(0u8..) {
                flow.text((x + 1.8 + f64::from(place) * column, line), Align::Left, 9.0, group);
            }
        }
        Ok(())
    }
}

/// Room for a seal over name and date (GB/T 9704-2012, 7.3.5.1): what it is for above, whose it is and the day
/// below, nothing between.
fn seal(flow: &mut Flow, (x, y): (f64, f64), wide: f64, [purpose, name, date]: [&str; 3]) {
    let right = x + wide - 1.5;
    flow.text((x + 1.5, y + 4.4), Align::Left, 9.0, purpose);
    flow.text((right, y + SEAL_HIGH - 2.2), Align::Right, 9.0, date);
    let limit = (wide - 3.0) * POINTS;
    let size = font::size_to_fit(font::Face::Serif, 9.0, 7.0, limit, name);
    let mut lines = font::wrap(font::Face::Serif, size, limit, name);
    // A very long name stands in full at the head of the sheet: here the seal needs the room.
    if lines.len() > 2 {
        let rest = lines.split_off(1).concat();
        lines.push(font::fit(font::Face::Serif, size, limit, &rest));
    }
    let mut baseline = y + SEAL_HIGH - 6.8;
    for line in lines.iter().rev() {
        flow.text((right, baseline), Align::Right, size, line);
        baseline -= size * 1.25 / POINTS;
    }
}

/// Names in brackets, as many to a line as fit it whole.
fn listed(names: &[String], size: f64, limit: f64) -> String {
    let mut lines: Vec<String> = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let fits = |line: &String| text_width(font::Face::Serif, size, &format!("（{line}、{name}）")) <= limit;
        match lines.last_mut() {
            Some(line) if fits(line) => line.extend(["、", name]),
            _ => lines.push(name.clone()),
        }
    }
    if lines.is_empty() { String::new() } else { format!("（{}）", lines.join("、\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_where_a_seal_goes_however_long_the_name() {
        for name in ["平安里工会".to_owned(), "平安里街道滨海科技产业园区联合基层工会".repeat(9), String::new()]
        {
            let mut flow = Flow::new(OFFICIAL, 10.5, 1.0, "");
            seal(&mut flow, (28.0, 100.0), 54.0, ["本级工会（盖章处）", &name, "报送日期：2026年12月31日"]);
            assert!(flow.pages[0].len() <= 4, "two lines of a name at most");
            for op in &flow.pages[0] {
                let Op::Text { at, size, text, .. } = op else { unreachable!("only words") };
                assert!(at.1 < 105.0 || at.1 - size / POINTS > 100.0 + SEAL_HIGH - 14.0, "{text} at {}", at.1);
            }
        }
    }

    #[test]
    fn names_are_kept_whole() {
        let names = ["欧阳䶮一", "阿依古丽·买买提", "张𬱖"].map(str::to_owned);
        assert_eq!(listed(&names, 9.0, 42.0), "（欧阳䶮一、\n阿依古丽·买买提、张𬱖）");
        assert_eq!(listed(&[String::new()], 9.0, 36.0), "");
    }
}
