//! Workbooks (XLSX) of a result and of a roll-up: real numbers, frozen heads, a sheet on method; and forms to be filled in.
//!
//! Every text is written as text, so that one beginning with `=`, `+`, `-` or `@` stays one. Percentages are numbers
//! cut to two decimals of a per cent, as everywhere; the exact numerator and base stand beside them.

mod table;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use time::Date;

use super::RenderError;
use super::rollup_pdf::RollUpSheet;
use super::sheet_pdf::SheetPdf;
use table::{Formats, Value, table};

/// The media type of workbooks.
pub const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The result workbook: 结果, 票数, 指标, 说明. The same sheet gives the same bytes.
///
/// # Errors
/// `Workbook`.
pub fn result(sheet: &SheetPdf<'_>) -> Result<Vec<u8>, RenderError> {
    build(sheet.date, |workbook, formats| {
        table(workbook, formats, "结果", &[("项目", 22.0), ("内容", 70.0)])?.rows(facts_of(sheet))?;
        let columns = [("评议项目", 36.0), ("答案", 14.0), ("票数", 10.0), ("占有效票", 12.0)];
        let mut counts = table(workbook, formats, "票数", &columns)?;
        let rows = sheet.items.iter().flat_map(|item| {
            item.bars.parts.iter().map(|part| {
                vec![
                    Value::from(&item.bars.title),
                    Value::from(&part.label),
                    Value::Count(part.count),
                    Value::Rate(part.count, item.bars.total()),
                ]
            })
        });
        counts.rows(rows)?;
        let columns = [
            ("指标", 30.0),
            ("分子", 10.0),
            ("分母", 10.0),
            ("结果", 11.0),
            ("严格满意率", 12.0),
            ("门槛", 12.0),
            ("评定", 12.0),
            ("公式", 50.0),
            ("依据", 50.0),
        ];
        let mut metrics = table(workbook, formats, "指标", &columns)?;
        let rows = sheet.metrics.iter().map(|metric| {
            vec![
                Value::from(&metric.name),
                Value::Count(metric.numerator),
                Value::Count(metric.base),
                Value::Rate(metric.numerator, metric.base),
                Value::shown(&metric.strict_display),
                Value::from(&metric.threshold),
                Value::from(&metric.outcome),
                Value::from(&metric.formula),
                Value::from(&metric.source),
            ]
        });
        metrics.rows(rows)?;
        let signed = [
            format!("本工作簿由签名的结果报告单生成，仅供查阅；以报告单及其签名数据为准，核验网址 {}。", sheet.address),
            format!("报告单摘要（SHA-256）：{}", sheet.digest),
            format!("适用规则：{}；规则文件摘要 {}", sheet.rule_set, sheet.rule_set_digest),
        ];
        method(workbook, formats, &signed)
    })
}

/// The roll-up workbook: 汇总, 结论, 说明. The same roll-up gives the same bytes.
///
/// # Errors
/// `Workbook`.
pub fn roll_up(sheet: &RollUpSheet) -> Result<Vec<u8>, RenderError> {
    build(sheet.date, |workbook, formats| {
        let columns = [
            ("工会名称", 44.0),
            ("类别", 18.0),
            ("应到", 10.0),
            ("实到", 10.0),
            ("发出票", 10.0),
            ("收回票", 10.0),
            ("有效票", 10.0),
            ("指标", 10.0),
            ("分子", 10.0),
            ("分母", 10.0),
            ("比率", 11.0),
            ("门槛", 13.0),
            ("结果", 16.0),
            ("报告单编号", 22.0),
            ("现有称号", 36.0),
            ("命名日期", 18.0),
        ];
        let rows = sheet.rows.iter().map(|row| {
            vec![
                Value::from(&row.union_name),
                Value::from(&row.category),
                row.expected.into(),
                row.present.into(),
                row.issued.into(),
                row.returned.into(),
                row.valid.into(),
                row.rate.map_or(Value::Nothing, |rate| rate.kind.label().into()),
                row.rate.map(|rate| rate.numerator).into(),
                row.rate.map(|rate| rate.base).into(),
                row.rate.map_or(Value::Nothing, |rate| Value::Rate(rate.numerator, rate.base)),
                row.rate.map_or(Value::Nothing, |rate| Value::Text(rate.comparator.bar(rate.threshold))),
                Value::from(&row.outcome),
                Value::from(&row.sheet),
                Value::from(&row.titles),
                Value::from(&row.titled_on),
            ]
        });
        let totals = sheet.totals();
        let mut sums = vec![Value::Text(format!("合计（{}）", totals.label())), Value::Nothing];
        let counted = [totals.expected, totals.present, totals.issued, totals.returned, totals.valid];
        sums.extend(counted.map(Value::Count));
        let mut all = table(workbook, formats, "汇总", &columns)?;
        all.worksheet.autofilter(0, 0, u32::try_from(sheet.rows.len()).unwrap_or(u32::MAX), 15)?;
        all.rows(rows.chain(std::iter::once(sums)))?;
        let mut outcomes = table(workbook, formats, "结论", &[("结论", 20.0), ("工会数", 12.0), ("占比", 12.0)])?;
        let total = sheet.outcomes.iter().map(|(_, count)| count).sum();
        let rows = sheet
            .outcomes
            .iter()
            .map(|(name, count)| vec![Value::from(name), Value::Count(*count), Value::Rate(*count, total)]);
        outcomes.rows(rows)?;
        let from = [format!("填报单位：{}；{}。", sheet.superior, sheet.as_of)];
        method(workbook, formats, &from)
    })
}

/// A workbook to be filled in: heads, some lines as an example, and columns of text, in which a long number keeps its
/// digits and a short one does not become a day.
///
/// # Errors
/// `Workbook`.
pub fn form<const N: usize>(
    name: &str,
    heads: &[&str; N],
    lines: &[[&str; N]],
    date: Date,
) -> Result<Vec<u8>, RenderError> {
    const WIDE: f64 = 22.0;
    build(date, |workbook, formats| {
        let worksheet = table(workbook, formats, name, &heads.map(|head| (head, WIDE)))?.worksheet;
        let text = Format::new().set_num_format("@");
        for (column, _) in (0u16..).zip(heads) {
            worksheet.set_column_format(column, &text)?;
        }
        for (row, cells) in (1u32..).zip(lines) {
            for (column, cell) in (0u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                worksheet.write_string_with_format(row, column, *cell, &text)?;
            }
        }
        Ok(())
    })
}

fn build(
    date: Date,
    fill: impl FnOnce(&mut Workbook, &Formats) -> Result<(), XlsxError>,
) -> Result<Vec<u8>, RenderError> {
    let mut workbook = Workbook::new();
    let made = || -> Result<Vec<u8>, XlsxError> {
        let year = u16::try_from(date.year()).unwrap_or(1900);
        let created = ExcelDateTime::from_ymd(year, u8::from(date.month()), date.day())?;
        workbook.set_properties(&DocProperties::new().set_author("Pingjia").set_creation_datetime(&created));
        fill(&mut workbook, &Formats::new())?;
        workbook.save_to_buffer()
    };
    made().map_err(|error| RenderError::Workbook(error.to_string()))
}

fn facts_of(sheet: &SheetPdf<'_>) -> Vec<Vec<Value>> {
    let counts = &sheet.counts;
    let (scrutineers, tellers, remarks) =
        (sheet.scrutineers.join("、"), sheet.tellers.join("、"), sheet.remarks.join(" "));
    let custody = sheet.custody.join("");
    let rows: Vec<(&str, Value)> = vec![
        ("评议", (&sheet.round).into()),
        ("工会名称", (&sheet.union_name).into()),
        ("统一社会信用代码", sheet.credit_code.as_deref().unwrap_or_default().into()),
        ("工会类别", (&sheet.category).into()),
        ("上级工会", (&sheet.superior_union).into()),
        ("年度", (&sheet.year).into()),
        ("申报等级", sheet.applying_for.as_deref().unwrap_or_default().into()),
        ("适用规则", (&sheet.rule_set).into()),
        ("评议形式", (&sheet.assembly).into()),
        ("起止时间", (&sheet.period).into()),
        ("实际日期", (&sheet.actual_days).into()),
        ("地点", (&sheet.place).into()),
        ("评议主体", (&sheet.electorate).into()),
        ("会员总数", Value::Count(counts.member_total)),
        ("应到", Value::Count(counts.expected)),
        ("实到", Value::Count(counts.present)),
        ("到会率", Value::Rate(counts.present, counts.expected)),
        ("发出票", Value::Count(counts.issued)),
        ("收回票", Value::Count(counts.returned)),
        ("有效票", Value::Count(counts.valid)),
        ("无效票", Value::Count(counts.invalid)),
        ("选票去向", (&custody).into()),
        ("结论", (&sheet.verdict).into()),
        ("说明", (&remarks).into()),
        ("公布情况", (&sheet.publication).into()),
        ("总监票人", (&sheet.chief_scrutineer).into()),
        ("监票人", (&scrutineers).into()),
        ("计票人", (&tellers).into()),
        ("工会主席", (&sheet.chair).into()),
        ("报送日期", (&sheet.reported_on).into()),
    ];
    let mut listed: Vec<Vec<Value>> = rows.into_iter().map(|(name, value)| vec![name.into(), value]).collect();
    for (name, value) in &sheet.indicators {
        listed.push(vec![Value::Text(format!("{name}（单位申报）")), value.into()]);
    }
    if let Some(opinion) = &sheet.opinion {
        let words = format!("{}（{}　{}　{}）", opinion.words(), opinion.superior, opinion.by, opinion.given_on);
        listed.push(vec!["上级工会意见".into(), (&words).into()]);
    }
    for row in &sheet.rectifications {
        let text = [&row.problem, &row.measure, &row.responsible, &row.deadline].map(String::as_str).join("；");
        listed.push(vec!["问题与整改".into(), (&text).into()]);
    }
    listed
}

/// The sheet on method.
fn method(workbook: &mut Workbook, formats: &Formats, own: &[String]) -> Result<(), XlsxError> {
    let mut words = table(workbook, formats, "说明", &[("说明", 100.0)])?;
    let general = [
        "满意率按规则列明的公式计算；没有另行规定的，为（满意 + 基本满意）÷ 有效票，不了解和弃权计入分母。",
        "严格满意率只计“满意”，分母相同。",
        "是否达到门槛用分子、分母的整数精确比较，不先取舍；“以上”包含本数，“低于”“达不到”不包含本数。",
        "表中百分数截到小数点后两位，不四舍五入：89.996% 显示为 89.99%。要精确值，请用分子除以分母。",
        "没有有效票的，无法计算，显示“—”。",
        "申报指标由单位自行申报，不影响评议结论。",
    ];
    let rows = own.iter().map(String::as_str).chain(general).map(|text| vec![Value::from(text)]);
    words.rows(rows)
}
