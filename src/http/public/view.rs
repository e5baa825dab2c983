//! A certified sheet as people read it: verdict first, then figures, charts and what was checked.

use askama::Template;

use super::picture::Picture;
use crate::domain::dates::in_words;
use crate::domain::ids::SheetId;
use crate::domain::jwk::KeySet;
use crate::domain::jws::Statement;
use crate::domain::rules::RuleRegistry;
use crate::domain::sheet::{self, Finding, SheetPayload};
use crate::domain::standing::Rating;
use crate::domain::statement::{OpeningStatement, OpinionStatement};
use crate::domain::verdict::{Comparator, Metric, Outcome, Trigger, Verdict, warning_text};
use crate::http::declared::Declared;
use crate::http::page::Frame;
use crate::render::RenderError;
use crate::render::chart::{Chart, Table};

/// Width of charts on phones, in the chart's own units: their smallest letters are 12 px high on the narrowest screen.
const PHONE_WIDTH: f64 = 240.0;
/// Width of charts on larger screens: the same on a column of text.
const SCREEN_WIDTH: f64 = 560.0;

/// A drawn chart with the table that says the same.
pub(in crate::http) struct Drawn {
    /// For phones.
    pub(in crate::http) narrow: String,
    pub(in crate::http) wide: String,
    pub(in crate::http) table: Table,
}

impl Drawn {
    /// The chart at the width of pages and at that of phones.
    ///
    /// # Errors
    /// `Picture`, if the backend fails.
    pub(in crate::http) fn new(chart: &Chart) -> Result<Self, RenderError> {
        Ok(Drawn { narrow: chart.svg(PHONE_WIDTH)?, wide: chart.svg(SCREEN_WIDTH)?, table: chart.table() })
    }
}

/// The verdict in words.
pub(in crate::http) struct VerdictView {
    pub(in crate::http) code: &'static str,
    pub(in crate::http) label: String,
    /// Class of the notice: the words say it, the colour only helps.
    pub(in crate::http) tone: &'static str,
    pub(in crate::http) lines: Vec<String>,
}

/// One rate with every rule that it is held against, in words.
pub(in crate::http) struct MetricView {
    pub(in crate::http) title: String,
    pub(in crate::http) rate: &'static str,
    pub(in crate::http) display: String,
    pub(in crate::http) strict: String,
    pub(in crate::http) formula: String,
    pub(in crate::http) numerator: u64,
    pub(in crate::http) base: u64,
    pub(in crate::http) rules: Vec<RuleView>,
}

/// What one rule says of a rate.
pub(in crate::http) struct RuleView {
    pub(in crate::http) word: String,
    pub(in crate::http) threshold: String,
    pub(in crate::http) outcome: &'static str,
    pub(in crate::http) source: String,
}

/// A result for people: verdict, rates, figures and charts, the same on every page.
pub(in crate::http) struct ResultView {
    pub(in crate::http) verdict: VerdictView,
    pub(in crate::http) metrics: Vec<MetricView>,
    pub(in crate::http) counts: Vec<(&'static str, String)>,
    pub(in crate::http) charts: Vec<Drawn>,
}

impl ResultView {
    /// What the sheet says, signed or not yet.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub(in crate::http) fn of(s: &SheetPayload, rules: &RuleRegistry) -> Result<Self, RenderError> {
        Ok(ResultView { verdict: verdict(s), metrics: metric_views(s, rules), counts: counts(s), charts: charts(s)? })
    }
}

/// The public page of a sheet.
#[derive(Template)]
#[template(path = "public/sheet.html")]
pub struct SheetPage {
    frame: Frame,
    id: SheetId,
    s: SheetPayload,
    successor: Option<SheetId>,
    opinion: Option<OpinionStatement>,
    result: ResultView,
    facts: Vec<(&'static str, String)>,
    declared: Declared,
    follow_up: Vec<(&'static str, String)>,
    findings: Vec<Finding>,
    sound: bool,
    /// The digest in groups of eight.
    digest: Vec<String>,
    /// The fingerprint of the roll of slips that the opening statement fixed, likewise.
    roll_root: Vec<String>,
    /// Ending of the address, words, and whether it is a file to save.
    files: Vec<(&'static str, &'static str, bool)>,
}

/// What is shown beside the sheet itself.
pub struct Beside<'a> {
    pub id: SheetId,
    /// The sheet that corrects this one.
    pub successor: Option<SheetId>,
    /// The signed opinion of the union above.
    pub opinion: Option<OpinionStatement>,
    /// The keys of this installation, retired ones included.
    pub keys: &'a KeySet,
    pub rules: &'a RuleRegistry,
    pub frame: Frame,
}

impl SheetPage {
    /// The page of the sheet in `statement`.
    ///
    /// # Errors
    /// A chart that cannot be drawn.
    pub fn new(statement: &Statement, s: SheetPayload, beside: Beside<'_>) -> Result<Self, RenderError> {
        let mut findings = signatures(statement, &s, beside.keys);
        let named = statement.digest();
        findings.push(Finding::new(SheetId::of(&named) == beside.id, "网址里的编号与内容一致"));
        findings.extend(sheet::check(&s));
        findings.extend(opening(&s, beside.keys));
        Ok(SheetPage {
            frame: beside.frame,
            result: ResultView::of(&s, beside.rules)?,
            facts: facts(&s, beside.rules),
            declared: declared(&s, beside.rules),
            follow_up: follow_up(&s),
            sound: findings.iter().all(|finding| finding.holds),
            findings,
            digest: named.groups(),
            roll_root: s.proof.roll_root.groups(),
            files: files(&s, beside.opinion.is_some()),
            id: beside.id,
            successor: beside.successor,
            opinion: beside.opinion,
            s,
        })
    }
}

fn files(s: &SheetPayload, with_opinion: bool) -> Vec<(&'static str, &'static str, bool)> {
    let mut files = vec![(".pdf", "结果报告单 PDF，打印、签字、盖章用", true), (".xlsx", "表格（Excel）", true)];
    let pictures = [
        (Picture::Result, "/chart.png", "评议结果图（PNG），张贴、放映用"),
        (Picture::Detailed, "/chart.png?of=detailed", "分项评价图（PNG）"),
        (Picture::Pledges, "/chart.png?of=pledges", "承诺兑现图（PNG）"),
        (Picture::Turnout, "/chart.png?of=turnout", "到会与收票图（PNG）"),
    ];
    let drawn = pictures.into_iter().filter(|(picture, ..)| picture.chart(s).is_some());
    files.extend(drawn.map(|(_, address, words)| (address, words, true)));
    files.extend([
        (".json", "签名的结果报告单（JSON），核验用", true),
        ("/openings.json", "开票明细，重新数票用", true),
    ]);
    if with_opinion {
        files.insert(1, ("/opinion.pdf", "带上级工会意见的结果报告单 PDF，盖章、存档用", true));
        files.push(("/opinion.json", "签名的上级工会意见（JSON），核验用", true));
    }
    files
}

fn signatures(statement: &Statement, s: &SheetPayload, keys: &KeySet) -> Vec<Finding> {
    let mut findings: Vec<Finding> = statement
        .signatures()
        .iter()
        .map(|signature| {
            let text = format!("{} 数字签名", signature.key.algorithm().label());
            Finding::new(statement.holds(signature), text)
        })
        .collect();
    findings.push(Finding::new(statement.signers() == s.issuer.keys, "签名的钥匙就是结果报告单里写明的钥匙"));
    let ours = statement.signatures().iter().all(|signature| keys.contains(&signature.key));
    findings.push(Finding::new(ours, "签名的钥匙属于本系统"));
    findings
}

/// The sheet held against its opening statement, which must be signed by keys of ours.
fn opening(s: &SheetPayload, keys: &KeySet) -> Vec<Finding> {
    const SIGNED: &str = "开箱声明的数字签名有效，签名的钥匙属于本系统";
    let Some((opening, signed)) = OpeningStatement::signed(&s.proof.opening_statement) else {
        return vec![Finding::new(false, SIGNED)];
    };
    let kept = opening.check(s).unwrap_or_else(|error| vec![Finding::new(false, error.to_string())]);
    std::iter::once(Finding::new(signed.stands(&opening.issuer.keys, keys), SIGNED)).chain(kept).collect()
}

fn verdict(s: &SheetPayload) -> VerdictView {
    let assessment = &s.assessment;
    let tone = match Rating::of(s) {
        Rating::Met => "ok",
        Rating::NotMet | Rating::Overhaul | Rating::Invalid => "bad",
        Rating::ShortOfTier | Rating::CannotAssess => "warn",
    };
    let code = match assessment.verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not_met",
        Verdict::Invalid => "invalid",
        Verdict::CannotAssess => "cannot_assess",
    };
    let mut lines = Vec::new();
    if assessment.triggers.contains(&Trigger::Overhaul) {
        lines.push("按规定需要整顿。".to_owned());
    }
    if !assessment.tier_conditions.is_empty() {
        let tiers: Vec<String> =
            assessment.tier_conditions.iter().map(|id| format!("“{}”", s.tier_title(id))).collect();
        lines.push(format!("达到{}的满意率条件。等级由上级工会评定，不由票数决定。", tiers.join("、")));
    }
    if !s.counts.custody_reconciles {
        lines.push("印出的选票，与发出、写坏、剩余的加起来对不上。".to_owned());
    }
    if !s.counts.voided_as_counted() {
        lines.push(format!("作废了 {} 张选票，与写坏、剩余的加起来对不上。", s.counts.voided));
    }
    lines.extend(assessment.warnings.iter().map(|code| warning_text(code).into_owned()));
    VerdictView { code, label: s.conclusion(), tone, lines }
}

/// The tier that a rate was held against, as its rule set calls it: the sheet names no more than the rule.
fn tier_of<'r>(s: &SheetPayload, rules: &'r RuleRegistry, metric: &Metric) -> Option<&'r str> {
    let mut sets = std::iter::once(&s.round.rule_set).chain(&s.round.parents).filter_map(|set| rules.at(set));
    sets.find_map(|set| {
        let mut held = set.metrics.iter().filter(|rule| rule.rule.id == metric.rule);
        let rule = held.find(|rule| (rule.threshold, rule.comparator) == (metric.threshold, metric.comparator))?;
        Some(set.tier(rule.tier.as_deref()?)?.title.as_str())
    })
}

/// The words of the items a metric speaks of.
fn metric_title(s: &SheetPayload, metric: &Metric) -> String {
    let items = metric.id.strip_prefix("satisfaction.").unwrap_or(&metric.id);
    let titles: Vec<&str> = items.split('+').filter_map(|id| Some(s.item(id)?.title.as_str())).collect();
    if titles.is_empty() { items.to_owned() } else { titles.join("；") }
}

/// One card per rate: rules that share items and formula stand together.
fn metric_views(s: &SheetPayload, rules: &RuleRegistry) -> Vec<MetricView> {
    let mut views: Vec<(&Metric, MetricView)> = Vec::new();
    for metric in &s.assessment.metrics {
        let same = |(first, _): &&mut (&Metric, MetricView)| {
            (&first.id, first.numerator, first.base) == (&metric.id, metric.numerator, metric.base)
        };
        match views.iter_mut().find(same) {
            Some((_, view)) => view.rules.push(rule_view(s, rules, metric)),
            None => views.push((metric, metric_view(s, rules, metric))),
        }
    }
    views.into_iter().map(|(_, view)| view).collect()
}

fn metric_view(s: &SheetPayload, rules: &RuleRegistry, metric: &Metric) -> MetricView {
    MetricView {
        title: metric_title(s, metric),
        rate: metric.kind().label(),
        display: metric.display.clone().unwrap_or_else(|| "—".to_owned()),
        strict: metric.strict_display.clone().unwrap_or_default(),
        formula: metric.formula.clone(),
        numerator: metric.numerator,
        base: metric.base,
        rules: vec![rule_view(s, rules, metric)],
    }
}

fn rule_view(s: &SheetPayload, rules: &RuleRegistry, metric: &Metric) -> RuleView {
    let floor = metric.comparator == Comparator::Below;
    let tier = tier_of(s, rules, metric).map(|tier| format!("“{tier}”的")).unwrap_or_default();
    RuleView {
        word: format!("{tier}{}", if floor { "整顿线，低于" } else { "门槛，不低于" }),
        threshold: metric.threshold.percentage(),
        outcome: match (metric.outcome, floor) {
            (Outcome::Met, false) => "达到",
            (Outcome::Met, true) => "没有触及",
            (Outcome::NotMet, false) => "没有达到",
            (Outcome::NotMet, true) => "已经触及",
            (Outcome::CannotAssess, _) if s.assessment.verdict == Verdict::Invalid => "本轮无效，不作评定",
            (Outcome::CannotAssess, _) => "没有有效票，无法评定",
        },
        source: format!("依据：{}（{}）", metric.source, metric.rule),
    }
}

fn counts(s: &SheetPayload) -> Vec<(&'static str, String)> {
    let c = &s.counts;
    [
        ("会员总数", c.member_total),
        ("应到", c.expected),
        ("实到", c.present),
        ("印制选票", c.printed()),
        ("发出票", c.issued),
        ("写坏", c.spoiled),
        ("剩余", c.unused),
        ("收回票", c.returned),
        ("　其中手机", c.phone),
        ("　其中纸质", c.paper),
        ("有效票", c.valid),
        ("无效票", c.invalid),
    ]
    .map(|(label, count)| (label, count.to_string()))
    .into_iter()
    .collect()
}

fn charts(s: &SheetPayload) -> Result<Vec<Drawn>, RenderError> {
    Picture::ALL.iter().filter_map(|picture| picture.chart(s)).map(|chart| Drawn::new(&chart)).collect()
}

fn facts(s: &SheetPayload, rules: &RuleRegistry) -> Vec<(&'static str, String)> {
    let round = &s.round;
    let rule_set = rules.at(&round.rule_set).map_or_else(|| round.rule_set.id.clone(), |set| set.title.clone());
    let days = format!("{}至{}", in_words(round.begins), in_words(round.ends));
    let tier = round.applying_for.as_deref();
    let tier = tier.map(|id| rules.tier_title(&round.rule_set, id).unwrap_or_else(|| s.tier_title(id)));
    let mut facts = vec![
        ("工会类别", s.union.category.label().to_owned()),
        ("上级工会", s.union.superior.clone().unwrap_or_default()),
        ("统一社会信用代码", s.union.credit_code.clone().unwrap_or_default()),
        ("评议形式", round.assembly.label().to_owned()),
        ("评议主体", round.electorate.clone()),
        ("地点", round.place.clone()),
        ("起止日期", days),
        ("实际日期", round.actual_days()),
        ("申报等级", tier.unwrap_or_default().to_owned()),
        ("适用规则", format!("{rule_set}（{} 第 {} 版）", round.rule_set.id, round.rule_set.version)),
        ("总监票人", s.officers.chief_scrutineer.clone()),
        ("监票人", s.officers.scrutineers.join("、")),
        ("计票人", s.officers.tellers.join("、")),
        ("工会主席", s.officers.chair.clone()),
        ("公布方式", s.publication.way.clone()),
        ("公布日期", s.publication.on.map(in_words).unwrap_or_default()),
        ("签发日期", in_words(s.certified_on)),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// What was declared, beside the rule sets of the sheet that are known here.
fn declared(s: &SheetPayload, rules: &RuleRegistry) -> Declared {
    let sets = std::iter::once(&s.round.rule_set).chain(&s.round.parents).filter_map(|set| rules.at(set));
    let lineage: Vec<_> = sets.filter_map(|set| Some((&**set, set.resolve(s.union.category)?))).collect();
    Declared::of(&s.assessment, &s.declared_indicators, s.round.applying_for.as_deref(), &lineage)
}

fn follow_up(s: &SheetPayload) -> Vec<(&'static str, String)> {
    let f = &s.follow_up;
    let mut rows = vec![
        ("主要问题", f.problems.clone()),
        ("整改措施", f.rectification.clone()),
        ("责任人", f.responsible.clone()),
        ("期限", f.deadline.map(in_words).unwrap_or_default()),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::count::Count;
    use crate::domain::jws::tests::keys;
    use crate::domain::sheet::sample::Sample;
    use crate::domain::union::Category;
    use crate::domain::verdict::assess;

    #[test]
    fn a_void_round_is_not_said_to_have_no_valid_ballots() {
        // Sixty of a hundred were there; the rules require two thirds.
        let turnout =
            "[turnout]\nmode = \"required\"\nfraction = [2, 3]\nstatement = \"到会须达到三分之二\"\n[document]";
        let text = include_str!("../../rules/chaoyang-2013.toml").replace("chaoyang-2013", "own-2026");
        let text = text.replace("[document]", turnout);
        let rules = RuleRegistry::embedded().unwrap().with([("own.toml", text.as_str())]).unwrap();
        let said = |present, good: u64| {
            let answers = [("satisfied".to_owned(), good), ("dissatisfied".to_owned(), good.min(3))].into();
            let count = Count {
                rule_set: "own-2026".to_owned(),
                category: Category::Enterprise,
                year: 2026,
                member_total: 100,
                expected: 100,
                present,
                issued: 60,
                returned: good + good.min(3),
                invalid: 0,
                items: [("home".to_owned(), answers)].into(),
                indicators: [].into(),
                applying_for: None,
            };
            let mut sheet = Sample::new().sheet(&[]);
            sheet.assessment = assess(&rules, &count).unwrap();
            let view = metric_views(&sheet, &rules).remove(0);
            (view.display, view.rules[0].outcome, sheet.deciding().is_some())
        };
        assert_eq!(said(60, 57), ("95.00%".to_owned(), "本轮无效，不作评定", false));
        assert_eq!(said(67, 57), ("95.00%".to_owned(), "达到", true));
        assert_eq!(said(67, 0), ("—".to_owned(), "没有有效票，无法评定", true));
    }

    #[test]
    fn a_sheet_is_shown_with_what_was_checked() {
        let [ed25519, sm2] = keys();
        let signed = Statement::sign(&Sample::new().sheet(&[&ed25519, &sm2]), &[&ed25519, &sm2]).unwrap();
        let rules = RuleRegistry::embedded().unwrap();
        let own = KeySet::of(vec![ed25519.public().clone(), sm2.public().clone()]);
        let foreign = KeySet::of(Vec::new());
        let page = |keys: &KeySet| {
            let statement = Statement::parse(signed.as_bytes()).unwrap();
            let payload = SheetPayload::read(statement.payload()).unwrap();
            let id = payload.id().unwrap();
            let beside =
                Beside { id, successor: None, opinion: None, keys, rules: &rules, frame: Frame::public("结果") };
            SheetPage::new(&statement, payload, beside).unwrap().render().unwrap()
        };
        let shown = page(&own);
        if let Ok(folder) = std::env::var("PREVIEW") {
            std::fs::write(format!("{folder}/sheet.html"), &shown).unwrap();
        }
        assert!(shown.contains("data-sound=\"true\"") && shown.contains("data-verdict="));
        assert!(shown.contains("<svg") && !shown.contains("style="), "charts need no inline style");
        assert!(page(&foreign).contains("data-sound=\"false\""), "keys of strangers are not ours");
        let fingerprint = &shown.split("data-roll-root>").nth(1).unwrap().split("</p>").next().unwrap();
        let stated = Sample::new().opening_statement(&[]).roll_root;
        assert!(stated.groups().iter().all(|group| fingerprint.contains(group)), "{fingerprint}");
        assert!(shown.contains("✓ 开箱时固定的选票名册指纹与报告单一致"));
        let days = "<dt>起止日期</dt><dd>2026年9月1日至2026年9月7日</dd><dt>实际日期</dt><dd>2026年9月1日开始投票，2026年9月8日开票</dd>";
        assert!(shown.contains(days), "what was announced, and what was done");
    }

    #[test]
    fn the_tier_applied_for_stands_beside_what_was_asked_of_it() {
        let rules = RuleRegistry::embedded().unwrap();
        let mut s = Sample::new().sheet(&[]);
        let row = |s: &SheetPayload| {
            let rows = facts(s, &rules);
            rows.into_iter().find(|(label, _)| *label == "申报等级").map(|(_, tier)| tier)
        };
        assert_eq!(row(&s), None, "only where a tier is applied for");
        let set = rules.get("changzhou-2016").unwrap();
        s.round.rule_set = set.reference();
        s.round.applying_for = Some("trusted".to_owned());
        assert_eq!(row(&s).as_deref(), Some("信赖职工之家"));
        for (metric, rule) in s.assessment.metrics.iter_mut().zip(&set.metrics) {
            (metric.rule, metric.threshold, metric.comparator) =
                (rule.rule.id.clone(), rule.threshold, rule.comparator);
        }
        let views = metric_views(&s, &rules);
        let words: Vec<&str> = views[0].rules.iter().map(|rule| rule.word.as_str()).collect();
        assert_eq!(words, ["“模范职工之家”的门槛，不低于", "“信赖职工之家”的门槛，不低于"]);
    }
}
