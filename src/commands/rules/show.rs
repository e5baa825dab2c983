//! Rule sets as people read them on a terminal.

use crate::domain::paper::Scale;
use crate::domain::rules::{Basis, MetricRule, Rule, RuleRegistry, RuleSet, Standard, Word};
use crate::domain::union::Category;
use crate::domain::verdict::Comparator;

/// A table of all rule sets.
pub(super) fn list(registry: &RuleRegistry) -> String {
    let mut rows = vec![["编号", "版本", "地区", "发文机关", "上级规则集", "规则", "名称"].map(str::to_owned)];
    rows.extend(registry.list().map(|set| {
        [
            set.id.clone(),
            set.version.to_string(),
            set.jurisdiction.clone(),
            set.document.issuer.clone(),
            set.parent.clone().unwrap_or_else(|| "－".to_owned()),
            set.rules().count().to_string(),
            set.title.clone(),
        ]
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let lines = rows.iter().map(|row| {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, widest)| format!("{cell}{}", " ".repeat(widest.saturating_sub(width(cell)) + 2)));
        padded.collect::<String>().trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns on a terminal: Chinese characters take two.
fn width(text: &str) -> usize {
    text.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum()
}

/// Everything that a rule set says.
pub(super) fn rule_set(set: &RuleSet) -> String {
    let mut lines = vec![
        format!("{}（{} {}）", set.title, set.id, set.version),
        format!("地区：{}", set.jurisdiction),
        format!(
            "依据：{}《{}》{}",
            set.document.issuer,
            set.document.title,
            set.document.number.as_deref().unwrap_or("")
        ),
        format!("日期：{}", set.document.date.as_deref().unwrap_or("未注明")),
        format!("摘要：{}", set.digest),
    ];
    if let Some(parent) = &set.parent {
        lines.push(format!("上级规则集：{parent}（其规则同样适用）"));
    }
    let turnout = &set.turnout;
    let (num, den) = (turnout.fraction.num(), turnout.fraction.den());
    lines.push(format!(
        "到会率：{} {num}/{den}〔{}〕{}",
        turnout.mode.label(),
        turnout.basis.label(),
        turnout.statement
    ));
    section(
        &mut lines,
        "工会类别",
        set.categories.iter().map(|entry| {
            let finer: Vec<_> = entry.includes.iter().map(|category| category.label()).collect();
            let finer = if finer.is_empty() { String::new() } else { format!("，包括{}", finer.join("、")) };
            format!("{} {}{finer}", entry.code.code(), entry.code.label())
        }),
    );
    section(&mut lines, "选票项目", set.items.iter().map(|rule| format!("{} {}", rule.item.id, rule.item.title)));
    section(&mut lines, "满意率、知晓率门槛", set.metrics.iter().map(|metric| metric_line(set, metric)));
    section(
        &mut lines,
        "等级（由低到高，逐级累加）",
        set.tiers.iter().map(|tier| format!("{} {}：{}；{}", tier.id, tier.title, plain(&tier.rule), tier.decided_by)),
    );
    section(&mut lines, "申报指标（单位申报，不影响结论）", set.standards.iter().map(|s| standard_line(set, s)));
    let rules = |list: Vec<&Rule>| list.into_iter().map(plain).collect::<Vec<_>>();
    section(&mut lines, "覆盖面目标", rules(set.coverage.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "抽查", rules(set.spot_checks.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "定期要做的事", rules(set.duties.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "其他条件", rules(set.conditions.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "一票否决", set.vetoes.iter().map(|x| format!("{}　{}", plain(&x.rule), x.events.join("；"))));
    section(&mut lines, "后果", rules(set.consequences.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "补助", rules(set.grants.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "规模分类", rules(set.size_classes.iter().map(|x| &x.rule).collect()).into_iter());
    section(&mut lines, "时间安排", rules(set.calendars.iter().map(|x| &x.rule).collect()).into_iter());
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, entries: impl Iterator<Item = String>) {
    let entries: Vec<_> = entries.map(|entry| format!("  {entry}")).collect();
    if !entries.is_empty() {
        lines.push(format!("\n{title}"));
        lines.extend(entries);
    }
}

fn plain(rule: &Rule) -> String {
    let decision =
        if rule.basis == Basis::Decision { format!("〔含{}〕", Basis::Decision.label()) } else { String::new() };
    format!("[{}] {decision}{}（{}{}）", rule.id, rule.statement, rule.source.clause, of(rule))
}

fn of(rule: &Rule) -> String {
    let labels: Vec<_> = rule.categories.iter().copied().map(Category::label).collect();
    if labels.is_empty() { String::new() } else { format!("；适用：{}", labels.join("、")) }
}

fn metric_line(set: &RuleSet, metric: &MetricRule) -> String {
    let scale = metric.items.first().and_then(|item| set.scale(item)).unwrap_or(Scale::Satisfaction);
    let limit = metric.threshold.percentage();
    let held = match metric.comparator {
        Comparator::AtLeast => format!("不低于 {limit} 为达标"),
        Comparator::Below => format!("低于 {limit} 为不达标"),
    };
    let trigger = metric.trigger.map_or(String::new(), |trigger| format!("并{}", trigger.label()));
    let tier = metric.tier.as_ref().map_or(String::new(), |tier| format!("；等级 {tier}"));
    format!(
        "{}　{} {held}{trigger}；{}；评议主体：{}；{}{tier}",
        plain(&metric.rule),
        metric.items.join("+"),
        metric.formula(scale),
        metric.electorate.label(),
        metric.joint.label(),
    )
}

fn standard_line(set: &RuleSet, standard: &Standard) -> String {
    let indicator = set.indicator(&standard.indicator);
    let limit = standard.threshold.and_then(|threshold| indicator?.display(threshold));
    let limit = limit.map_or_else(|| "由上级工会定".to_owned(), |limit| format!("{} {limit}", standard.bound.code()));
    let title = indicator.map_or("", |indicator| indicator.title.as_str());
    let tier = standard.tier.as_ref().map_or(String::new(), |tier| format!("；等级 {tier}"));
    format!("{}　{} {title} {limit}{tier}", plain(&standard.rule), standard.indicator)
}
