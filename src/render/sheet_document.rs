//! From the signed document to the printed sheet. Everything on the paper comes out of the document, and the same
//! document always gives the same file: so `pingjia verify` can tell whether a PDF still shows what was signed.

use super::RenderError;
use super::chart::{Chart, ItemBars, Mark, Rate};
use super::sheet_pdf::{SheetCounts, SheetItem, SheetMetric, SheetOpinion, SheetPdf, SheetRectification};
use crate::domain::canonical::CanonicalError;
use crate::domain::dates::in_words;
use crate::domain::ids::SheetId;
use crate::domain::jws::{JwsError, Statement};
use crate::domain::sheet::{self, SheetError, SheetPayload};
use crate::domain::statement::{OpinionStatement, StatementError};
use crate::domain::verdict::{Comparator, Metric, Outcome, Verdict, percent, warning_text};

/// Why a document cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error(transparent)]
    Statement(#[from] JwsError),
    #[error(transparent)]
    Sheet(#[from] SheetError),
    #[error(transparent)]
    Opinion(#[from] StatementError),
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// The certified sheet as PDF/A-3 with the document attached, and with the signed opinion of the union above where
/// one is given. Signatures are not verified here. The issuer's statement on the file is put in later
/// ([`super::attachments::put_statement`]).
///
/// # Errors
/// See [`DocumentError`].
pub fn sheet_pdf(document: &[u8], opinion: Option<&[u8]>) -> Result<Vec<u8>, DocumentError> {
    Ok(read(document, opinion)?.pdf()?)
}

/// The certified sheet as a workbook. Signatures are not verified here.
///
/// # Errors
/// See [`DocumentError`].
pub fn sheet_workbook(document: &[u8], opinion: Option<&[u8]>) -> Result<Vec<u8>, DocumentError> {
    Ok(super::workbook::result(&read(document, opinion)?)?)
}

/// Characters of the sheet that no embedded font can print; to be reported before it is signed.
///
/// # Errors
/// See [`DocumentError`].
pub fn missing(document: &[u8]) -> Result<Vec<char>, DocumentError> {
    Ok(read(document, None)?.missing())
}

fn read<'d>(document: &'d [u8], opinion: Option<&'d [u8]>) -> Result<SheetPdf<'d>, DocumentError> {
    let statement = Statement::parse(document)?;
    let sheet = SheetPayload::read(statement.payload())?;
    let opinion = opinion.map(opinion_words).transpose()?;
    Ok(SheetPdf { opinion, ..words(&statement, &sheet, document)? })
}

fn opinion_words(document: &[u8]) -> Result<SheetOpinion<'_>, DocumentError> {
    let statement = Statement::parse(document)?;
    let opinion = OpinionStatement::read(statement.payload())?;
    Ok(SheetOpinion {
        decision: opinion.decision().to_owned(),
        signatures: signers(&statement),
        text: opinion.text,
        superior: opinion.superior,
        by: opinion.by,
        given_on: in_words(opinion.given_on),
        attachment: document,
    })
}

/// Who signed: algorithm and key.
fn signers(statement: &Statement) -> Vec<String> {
    let signed = |signature: &crate::domain::jws::Signature| {
        format!("{}，公钥指纹 {}", signature.key.algorithm().label(), signature.key.thumbprint())
    };
    statement.signatures().iter().map(signed).collect()
}

fn words<'d>(statement: &Statement, sheet: &SheetPayload, document: &'d [u8]) -> Result<SheetPdf<'d>, CanonicalError> {
    let (union, round, digest) = (&sheet.union, &sheet.round, statement.digest());
    let id = sheet.id()?;
    Ok(SheetPdf {
        round: round.title.clone(),
        union_name: union.name.clone(),
        credit_code: union.credit_code.clone(),
        category: union.category.label().to_owned(),
        superior_union: union.superior.clone().unwrap_or_default(),
        year: format!("{}年", round.year),
        rule_set: rule_sets(sheet),
        rule_set_digest: round.rule_set.digest.to_string(),
        applying_for: round.applying_for.as_deref().map(|tier| sheet.tier_title(tier).to_owned()),
        assembly: round.assembly.label().to_owned(),
        period: format!("{}至{}", in_words(round.begins), in_words(round.ends)),
        actual_days: round.actual_days(),
        place: round.place.clone(),
        electorate: round.electorate.clone(),
        counts: counts(sheet),
        custody: custody(&sheet.counts),
        items: sheet.items.iter().map(|item| SheetItem { bars: bars(sheet, item) }).collect(),
        metrics: sheet.assessment.metrics.iter().map(|rate| metric(sheet, rate)).collect(),
        verdict: sheet.conclusion(),
        remarks: remarks(sheet),
        indicators: indicators(sheet),
        rectifications: rectifications(sheet),
        publication: publication(sheet),
        chief_scrutineer: sheet.officers.chief_scrutineer.clone(),
        scrutineers: sheet.officers.scrutineers.clone(),
        tellers: sheet.officers.tellers.clone(),
        chair: sheet.officers.chair.clone(),
        reported_on: in_words(sheet.certified_on),
        opinion: None,
        replaces: sheet
            .replaces
            .as_ref()
            .map(|replaced| format!("本报告单更正并取代编号为{}的报告单（摘要{replaced}）。", SheetId::of(replaced))),
        digest: digest.to_string(),
        address: format!("{}/sheets/{id}", sheet.issuer.url),
        signatures: signers(statement),
        date: sheet.certified_on,
        attachment: document,
        attachment_name: id.to_string(),
        turnout: Some(turnout(&sheet.counts)),
    })
}

fn rule_sets(sheet: &SheetPayload) -> String {
    let round = &sheet.round;
    let own = format!("{}（{} {}）", round.rule_set_title, round.rule_set.id, round.rule_set.version);
    let parents = round.parents.iter().map(|parent| format!("并适用 {} {}", parent.id, parent.version));
    std::iter::once(own).chain(parents).collect::<Vec<_>>().join("，")
}

fn counts(sheet: &SheetPayload) -> SheetCounts {
    let counts = &sheet.counts;
    SheetCounts {
        member_total: counts.member_total,
        expected: counts.expected,
        present: counts.present,
        turnout: percent(counts.present, counts.expected).unwrap_or_else(|| "—".to_owned()),
        issued: counts.issued,
        returned: counts.returned,
        valid: counts.valid,
        invalid: counts.invalid,
    }
}

fn custody(counts: &sheet::Counts) -> Vec<String> {
    let printed = format!("印制选票{}张（含备用{}张）", counts.printed(), counts.spares);
    let used = format!("发出{}张、写坏{}张、剩余{}张", counts.issued, counts.spoiled, counts.unused);
    let agreement = if counts.custody_reconciles { "两者相符" } else { "两者不符" };
    let mut sentences = vec![
        format!("{printed}；{used}；{agreement}。"),
        format!("手机投票{}张，纸质投票{}张；作废选票{}张。", counts.phone, counts.paper, counts.voided),
    ];
    if !counts.voided_as_counted() {
        sentences
            .push(format!("作废选票{}张，与写坏{}张、剩余{}张不符。", counts.voided, counts.spoiled, counts.unused));
    }
    if let Some(comments) = counts.comments {
        sentences.push(format!("收到文字意见{comments}条。"));
    }
    sentences
}

/// What an item is called in a rate's name.
fn short_name(item: &sheet::SheetItem) -> &str {
    match item.id.as_str() {
        "home" => "职工之家",
        "home_building" => "建家活动",
        "union_work" => "工会工作",
        "chair" => "工会主席履职",
        "spot_check" => "抽查",
        "awareness" => "政策",
        _ => &item.title,
    }
}

/// 职工之家满意率: the items' names and the name of the rate.
#[must_use]
pub fn rate_name(sheet: &SheetPayload, metric: &Metric) -> String {
    let names = metric.id.strip_prefix("satisfaction.").unwrap_or(&metric.id);
    let items: Vec<&str> = names.split('+').map(|name| sheet.item(name).map_or(name, short_name)).collect();
    format!("{}{}", items.join("、"), metric.kind().label())
}

fn bars(sheet: &SheetPayload, item: &sheet::SheetItem) -> ItemBars {
    let names = [format!("satisfaction.{}", item.id), item.id.0.clone()];
    let metrics: Vec<&Metric> = sheet.assessment.metrics.iter().filter(|metric| names.contains(&metric.id)).collect();
    let rate = metrics.first().map(|first| Rate {
        label: first.kind().label().to_owned(),
        numerator: first.numerator,
        base: first.base,
        marks: metrics.iter().map(|metric| Mark { label: comparison(metric), at: metric.threshold }).collect(),
    });
    ItemBars::new(&item.item(), &item.tally(), rate)
}

fn comparison(metric: &Metric) -> String {
    match metric.comparator {
        Comparator::AtLeast => format!("门槛 {}", metric.threshold_text()),
        Comparator::Below => format!("低于 {} 整顿", metric.threshold.percentage()),
    }
}

fn metric(sheet: &SheetPayload, metric: &Metric) -> SheetMetric {
    let outcome = match (metric.comparator, metric.outcome) {
        (_, Outcome::CannotAssess) if sheet.assessment.verdict == Verdict::Invalid => "不作评定",
        (_, Outcome::CannotAssess) => "无法评定",
        (Comparator::AtLeast, Outcome::Met) => "达到",
        (Comparator::AtLeast, Outcome::NotMet) => "没有达到",
        (Comparator::Below, Outcome::Met) => "不触发",
        (Comparator::Below, Outcome::NotMet) => "须整顿",
    };
    SheetMetric {
        name: rate_name(sheet, metric),
        numerator: metric.numerator,
        base: metric.base,
        display: metric.display.clone().unwrap_or_else(|| "无法计算".to_owned()),
        strict_display: metric.strict_display.clone().unwrap_or_default(),
        threshold: metric.threshold_text(),
        outcome: outcome.to_owned(),
        formula: metric.formula.clone(),
        source: format!("{} {}", metric.rule, metric.source),
    }
}

fn remarks(sheet: &SheetPayload) -> Vec<String> {
    let assessment = &sheet.assessment;
    let mut remarks: Vec<String> =
        assessment.triggers.iter().map(|trigger| format!("须{}。", trigger.label())).collect();
    let conclusion = sheet.conclusion();
    let tiers = assessment.tier_conditions.iter();
    let held = tiers.map(|tier| format!("达到“{}”的满意率条件", sheet.tier_title(tier)));
    remarks.extend(held.filter(|held| *held != conclusion).map(|held| format!("{held}。")));
    remarks.extend(assessment.warnings.iter().map(|warning| warning_text(warning).into_owned()));
    remarks
}

/// Every declared figure: by its title where the rule set knows it, else by its id.
fn indicators(sheet: &SheetPayload) -> Vec<(String, String)> {
    let shown = |id: &String, [part, whole]: [u64; 2]| {
        let known = sheet.assessment.indicators.iter().find(|indicator| indicator.id == *id);
        let title = known.map_or(id, |indicator| &indicator.title);
        let value = known.and_then(|indicator| indicator.display.clone());
        (title.clone(), value.unwrap_or_else(|| format!("{part}/{whole}")))
    };
    sheet.declared_indicators.iter().map(|(id, figure)| shown(id, *figure)).collect()
}

fn rectifications(sheet: &SheetPayload) -> Vec<SheetRectification> {
    let follow_up = &sheet.follow_up;
    if *follow_up == sheet::FollowUp::default() {
        return Vec::new();
    }
    vec![SheetRectification {
        problem: follow_up.problems.clone(),
        measure: follow_up.rectification.clone(),
        responsible: follow_up.responsible.clone(),
        deadline: follow_up.deadline.map(in_words).unwrap_or_default(),
    }]
}

fn publication(sheet: &SheetPayload) -> String {
    let parts = [Some(sheet.publication.way.clone()), sheet.publication.on.map(in_words)];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join("，")
}

fn turnout(counts: &sheet::Counts) -> Chart {
    let bars = [
        ("应到", counts.expected),
        ("实到", counts.present),
        ("发出", counts.issued),
        ("收回", counts.returned),
        ("有效", counts.valid),
    ];
    Chart::Turnout {
        title: "参评情况".to_owned(),
        bars: bars.map(|(name, count)| (name.to_owned(), count)).to_vec(),
        base: counts.expected,
        mark: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = include_bytes!("../../tests/golden/sheet.json");

    #[test]
    fn the_same_document_gives_the_same_file() {
        let pdf = sheet_pdf(DOCUMENT, None).unwrap();
        assert_eq!(pdf, sheet_pdf(DOCUMENT, None).unwrap());
        assert!(pdf.starts_with(b"%PDF-"));
        assert!(missing(DOCUMENT).unwrap().is_empty());
    }

    #[test]
    fn rates_are_named_as_the_questions_are() {
        let registry = crate::domain::rules::RuleRegistry::embedded().unwrap();
        for rule in registry.list().flat_map(|set| &set.items) {
            let crate::domain::paper::Item { id, section, scale, title } = rule.item.clone();
            let openings = crate::domain::digest::Digest::sha256(b"");
            let item = sheet::SheetItem { id, section, scale, title, answers: [].into(), openings };
            assert!(item.title.contains(short_name(&item)), "{}: {}", short_name(&item), item.title);
        }
    }

    #[test]
    fn the_tier_applied_for_is_printed() {
        let [key, _] = crate::domain::jws::tests::keys();
        let mut sheet = sheet::sample::Sample::new().sheet(&[&key]);
        let printed = |sheet: &SheetPayload| {
            let signed = Statement::sign(sheet, &[&key]).unwrap();
            read(signed.as_bytes(), None).map(|pdf| pdf.applying_for).unwrap()
        };
        assert_eq!(printed(&sheet), None);
        sheet.round.applying_for = Some("trusted".to_owned());
        assert_eq!(printed(&sheet).as_deref(), Some("信赖职工之家"));
    }
}
