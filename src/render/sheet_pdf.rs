//! The certified result sheet (结果报告单) as PDF/A-3 with the signed JSON attached.
//!
//! Layout by the measures of GB/T 9704-2012. Nothing is drawn where seals and signatures go, and no red head: only
//! the issuing body may.

mod setting;

use krilla::SerializeSettings;
use krilla::configure::{Archival, ConfigurationBuilder};
use time::Date;

use super::RenderError;
use super::attachments::ROOM;
use super::chart::{Chart, ItemBars};
use super::font;
use super::page::{Attachment, AttachmentKind, Pdf};

/// Everything on the sheet, ready to be shown: the caller words and formats, this module sets. Empty text is shown
/// as an empty cell to be filled in by hand.
#[derive(Debug, Clone)]
pub struct SheetPdf<'a> {
    /// Name of the round, above the table: 2026年度会员评议职工之家.
    pub round: String,
    /// 工会名称
    pub union_name: String,
    /// 统一社会信用代码; left out when the union has none.
    pub credit_code: Option<String>,
    /// 工会类别
    pub category: String,
    /// 上级工会
    pub superior_union: String,
    /// 年度
    pub year: String,
    /// 适用规则集: name and version.
    pub rule_set: String,
    /// SHA-256 of the rule set's file.
    pub rule_set_digest: String,
    /// 申报等级; left out where the union applies for none.
    pub applying_for: Option<String>,
    /// 评议形式
    pub assembly: String,
    /// 评议起止时间, as announced.
    pub period: String,
    /// 实际日期: when casting really began and when the box was opened.
    pub actual_days: String,
    /// 地点
    pub place: String,
    /// 评议主体
    pub electorate: String,
    pub counts: SheetCounts,
    /// Sentences on custody and casting: phone and paper, printed = handed out + spoiled + unused.
    pub custody: Vec<String>,
    /// Per item: counts for the table and the chart. Turn every item of the paper into one of these.
    pub items: Vec<SheetItem>,
    /// Every metric held against a rule, inherited ones included.
    pub metrics: Vec<SheetMetric>,
    /// 结论: 达标, 未达标, 无效, 无法评定, or whether the condition of a tier is met.
    pub verdict: String,
    /// What goes with the verdict: 须整顿, tiers whose satisfaction condition holds, warnings. One sentence each.
    pub remarks: Vec<String>,
    /// 申报指标, name and value; labelled as declared by the union.
    pub indicators: Vec<(String, String)>,
    /// 主要问题、整改措施、责任人、期限; two empty rows are printed when there are none.
    pub rectifications: Vec<SheetRectification>,
    /// 公布方式与日期
    pub publication: String,
    /// 总监票人, by name.
    pub chief_scrutineer: String,
    /// 监票人
    pub scrutineers: Vec<String>,
    /// 计票人
    pub tellers: Vec<String>,
    /// 工会主席
    pub chair: String,
    /// 报送日期
    pub reported_on: String,
    /// 上级工会意见, where the sheet is printed with one; room is left for it otherwise.
    pub opinion: Option<SheetOpinion<'a>>,
    /// Earlier sheet that this one corrects, in words.
    pub replaces: Option<String>,
    /// SHA-256 of the canonical payload in hexadecimal; shown in groups of four.
    pub digest: String,
    /// The sheet's address, for people and in the QR code.
    pub address: String,
    /// Who signed: algorithm and key, one line each.
    pub signatures: Vec<String>,
    /// Date of the sheet: the file's only date, so that the same sheet gives the same bytes.
    pub date: Date,
    /// The signed JSON, attached as it is.
    pub attachment: &'a [u8],
    /// Name of the attached file without its ending: the sheet's id.
    pub attachment_name: String,
    /// Turnout, drawn beside the items' charts.
    pub turnout: Option<Chart>,
}

/// 会员总数 … 无效票
#[derive(Debug, Clone, Default)]
pub struct SheetCounts {
    pub member_total: u64,
    pub expected: u64,
    pub present: u64,
    /// 到会率 as shown: `94.00%`, or — where there is none.
    pub turnout: String,
    pub issued: u64,
    pub returned: u64,
    pub valid: u64,
    pub invalid: u64,
}

/// One item: its bar of answers (弃权 last) with the rate and thresholds for the chart.
#[derive(Debug, Clone)]
pub struct SheetItem {
    pub bars: ItemBars,
}

/// One rate held against one rule.
#[derive(Debug, Clone)]
pub struct SheetMetric {
    /// 职工之家建设满意率
    pub name: String,
    pub numerator: u64,
    pub base: u64,
    /// `92.70%`, or 无法计算.
    pub display: String,
    /// 严格满意率 (满意 only); empty where there is none.
    pub strict_display: String,
    /// 门槛与比较: `≥ 90%`.
    pub threshold: String,
    /// 达标, 未达标, 无法评定; 须整顿 or 不触发 for a trigger.
    pub outcome: String,
    /// The formula in words.
    pub formula: String,
    /// Rule id, document, number and clause.
    pub source: String,
}

/// A row of 主要问题、整改措施、责任人、期限.
#[derive(Debug, Clone, Default)]
pub struct SheetRectification {
    pub problem: String,
    pub measure: String,
    pub responsible: String,
    pub deadline: String,
}

/// 上级工会意见, as signed.
#[derive(Debug, Clone)]
pub struct SheetOpinion<'a> {
    /// 同意 or 退回.
    pub decision: String,
    pub text: String,
    /// Name of the union above.
    pub superior: String,
    /// Who signed for it, by name.
    pub by: String,
    pub given_on: String,
    /// Who signed: algorithm and key, one line each.
    pub signatures: Vec<String>,
    /// The signed JSON, attached as it is.
    pub attachment: &'a [u8],
}

impl SheetOpinion<'_> {
    /// 同意：…
    #[must_use]
    pub fn words(&self) -> String {
        if self.text == self.decision { self.text.clone() } else { format!("{}：{}", self.decision, self.text) }
    }
}

const HEADING: &str = "会员评议职工之家结果报告单";

impl SheetPdf<'_> {
    /// The sheet as PDF/A-3u: on one page where it fits, else continued with repeated heads. The same sheet gives
    /// the same bytes.
    ///
    /// # Errors
    /// `TooLong` for an address that fits no QR code, `Pdf`.
    pub fn pdf(&self) -> Result<Vec<u8>, RenderError> {
        let flow = self.closest()?;
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A3_U)
            .finish()
            .map_err(|error| RenderError::Pdf(format!("{error:?}")))?;
        let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
        let title = format!("{} {HEADING}", self.union_name);
        let mut pdf = Pdf::new(settings, &title, Some(self.date));
        let id = &self.attachment_name;
        let mut attach = |ending: &str, description: &str, kind, bytes| {
            let name = format!("{id}{ending}");
            pdf.attach(self.date, Attachment { name: &name, description, kind, bytes })
        };
        let source = AttachmentKind::Source;
        attach(".json", "本报告单的签名数据（JWS，JSON）", source, self.attachment.to_vec())?;
        if let Some(opinion) = &self.opinion {
            attach(".opinion.json", "上级工会意见的签名数据（JWS，JSON）", source, opinion.attachment.to_vec())?;
        }
        let blank = vec![b' '; ROOM];
        attach(".face.json", "签发单位对本 PDF 文件的签名（JWS，JSON）", AttachmentKind::Room, blank)?;
        flow.draw(&mut pdf, &format!("报告单编号 {id}"))?;
        pdf.finish()
    }

    /// Characters on the sheet that no font can print; to be reported before printing.
    #[must_use]
    pub fn missing(&self) -> Vec<char> {
        let facts = [&self.round, &self.union_name, &self.category, &self.superior_union, &self.rule_set, &self.place];
        let people = [&self.electorate, &self.publication, &self.chief_scrutineer, &self.chair, &self.address];
        let mut text: String = facts.into_iter().chain(people).map(String::as_str).collect();
        text.extend([self.credit_code.clone(), self.replaces.clone(), self.applying_for.clone()].into_iter().flatten());
        text.extend([&self.scrutineers, &self.tellers, &self.remarks, &self.custody].into_iter().flatten().cloned());
        text.extend(self.items.iter().map(|item| item.bars.title.as_str()));
        text.extend(self.indicators.iter().flat_map(|(name, value)| [name.as_str(), value]));
        for metric in &self.metrics {
            text.extend([metric.name.as_str(), &metric.formula, &metric.source]);
        }
        for row in &self.rectifications {
            text.extend([row.problem.as_str(), &row.measure, &row.responsible, &row.deadline]);
        }
        if let Some(opinion) = &self.opinion {
            text.extend([opinion.text.as_str(), &opinion.superior, &opinion.by]);
        }
        font::missing(&text)
    }
}
