//! Whether the figures of a sheet agree with each other: nothing is taken from anywhere else.

use super::{ABSTAIN, SheetItem, SheetPayload};
use crate::domain::paper::{Answer, Scale};
use crate::domain::verdict::{Comparator, Metric, Outcome, Trigger, Verdict, percent};

/// One thing that was checked, in a sentence for people, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub holds: bool,
    pub text: String,
}

impl Finding {
    /// What was checked and whether it holds.
    #[must_use]
    pub fn new(holds: bool, text: impl Into<String>) -> Self {
        Finding { holds, text: text.into() }
    }
}

/// Checks every sum, rate and conclusion of the sheet against the counts in it.
#[must_use]
pub fn check(sheet: &SheetPayload) -> Vec<Finding> {
    let mut findings = slips(sheet);
    findings.extend(items(sheet));
    findings.extend(sheet.assessment.metrics.iter().map(|metric| rate(sheet, metric)));
    findings.push(conclusion(sheet));
    findings
}

fn slips(sheet: &SheetPayload) -> Vec<Finding> {
    let counts = &sheet.counts;
    let adds_up = |parts: &[u64], whole: u64| {
        parts.iter().try_fold(0u64, |sum, part| sum.checked_add(*part)).is_some_and(|sum| sum == whole)
    };
    let mut findings = vec![
        Finding::new(
            counts.expected >= counts.issued && counts.issued >= counts.returned,
            format!("应到{}≥发出{}≥收回{}", counts.expected, counts.issued, counts.returned),
        ),
        Finding::new(
            adds_up(&[counts.phone, counts.paper], counts.returned),
            format!("手机{}＋纸质{}＝收回{}", counts.phone, counts.paper, counts.returned),
        ),
        Finding::new(
            adds_up(&[counts.valid, counts.invalid], counts.returned) && counts.invalid <= counts.paper,
            format!("有效{}＋无效{}＝收回{}", counts.valid, counts.invalid, counts.returned),
        ),
        Finding::new(
            counts.returned.checked_add(counts.voided).is_some_and(|used| used <= counts.printed()),
            format!("收回{}＋作废{}不超过印制{}", counts.returned, counts.voided, counts.printed()),
        ),
    ];
    let reconciles = adds_up(&[counts.issued, counts.spoiled, counts.unused], counts.printed());
    let sum = format!("印制{}与发出{}＋写坏{}＋剩余{}", counts.printed(), counts.issued, counts.spoiled, counts.unused);
    findings.push(Finding::new(
        reconciles == counts.custody_reconciles,
        if reconciles { format!("{sum}相符") } else { format!("{sum}不符，报告单应当如实注明") },
    ));
    let sum = format!("作废{}与写坏{}＋剩余{}", counts.voided, counts.spoiled, counts.unused);
    findings.push(Finding::new(true, format!("{sum}{}", if counts.voided_as_counted() { "相符" } else { "不符" })));
    findings
}

fn items(sheet: &SheetPayload) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, item) in sheet.items.iter().enumerate() {
        let mut offered: Vec<&str> = item.scale.answers().iter().map(|answer| answer.code()).collect();
        offered.push(ABSTAIN);
        let complete =
            item.answers.len() == offered.len() && offered.iter().all(|code| item.answers.contains_key(*code));
        let once = sheet.items.iter().position(|other| other.id == item.id) == Some(place);
        findings.push(Finding::new(
            complete && once && item.total() == Some(sheet.counts.valid),
            format!("“{}”各档与弃权之和＝有效票{}", item.title, sheet.counts.valid),
        ));
    }
    if let Some(comments) = sheet.counts.comments {
        findings.push(Finding::new(comments <= sheet.counts.phone, format!("文字意见{comments}条不超过手机票数")));
    }
    findings
}

/// A rate is right when one of the formulas that rule sets may choose gives its numerator and base, and display
/// and outcome follow from them. Which formula applies is for the rule set to say.
fn rate(sheet: &SheetPayload, metric: &Metric) -> Finding {
    let sign = metric.comparator.sign();
    let text = format!(
        "{} {}：{}÷{}＝{}，与“{sign} {}/{}”的比较正确",
        metric.rule,
        metric.id,
        metric.numerator,
        metric.base,
        metric.display.as_deref().unwrap_or("无法计算"),
        metric.threshold.num(),
        metric.threshold.den()
    );
    let rated = rated_items(sheet, &metric.id);
    let positives = |strict: bool| rated.iter().map(|item| positive(item, strict)).sum::<u64>();
    let counts = &sheet.counts;
    let times = u64::try_from(rated.len()).unwrap_or(u64::MAX);
    let bases = [counts.valid, counts.returned, counts.issued].map(|base| base.saturating_mul(times));
    let answering = rated.iter().map(|item| item.total().unwrap_or(0).saturating_sub(item.abstain())).sum::<u64>();
    let has_strict = rated.iter().all(|item| item.scale == Scale::Satisfaction);
    let strict_display = if has_strict { percent(positives(true), metric.base) } else { None };
    let outcome = match metric.threshold.compare(metric.numerator, metric.base) {
        _ if sheet.assessment.verdict == Verdict::Invalid => Outcome::CannotAssess,
        None => Outcome::CannotAssess,
        Some(std::cmp::Ordering::Less) => Outcome::NotMet,
        Some(_) => Outcome::Met,
    };
    let holds = !rated.is_empty()
        && [positives(false), positives(true)].contains(&metric.numerator)
        && (bases.contains(&metric.base) || metric.base == answering)
        && metric.display == percent(metric.numerator, metric.base)
        && metric.strict_display == strict_display
        && metric.outcome == outcome;
    Finding::new(holds, text)
}

/// `satisfaction.<item>`, several items joined by `+` where they are pooled; `awareness` is the item of that name.
fn rated_items<'a>(sheet: &'a SheetPayload, metric: &str) -> Vec<&'a SheetItem> {
    let names = metric.strip_prefix("satisfaction.").unwrap_or(metric);
    let items: Option<Vec<&SheetItem>> = names.split('+').map(|name| sheet.item(name)).collect();
    items.unwrap_or_default()
}

fn positive(item: &SheetItem, strict: bool) -> u64 {
    match (item.scale, strict) {
        (Scale::Satisfaction, true) => item.count(Answer::Satisfied),
        (Scale::Satisfaction, false) => {
            item.count(Answer::Satisfied).saturating_add(item.count(Answer::BasicallySatisfied))
        }
        (Scale::Awareness, _) => item.count(Answer::Know),
        (Scale::Pledge, _) => item.count(Answer::Kept),
    }
}

/// The verdict against the outcomes. Which rules decide it is for the rule set to say; what no rule set can
/// conclude is noticed here: met without any rate met or below a floor, not met with every rate met, an overhaul
/// above every floor.
fn conclusion(sheet: &SheetPayload) -> Finding {
    let assessment = &sheet.assessment;
    let outcomes: Vec<Outcome> = assessment.metrics.iter().map(|metric| metric.outcome).collect();
    let below_a_floor = assessment
        .metrics
        .iter()
        .any(|metric| metric.comparator == Comparator::Below && metric.outcome == Outcome::NotMet);
    let any = |wanted: Outcome| outcomes.contains(&wanted);
    let verdict_fits = match assessment.verdict {
        Verdict::Met => any(Outcome::Met) && !below_a_floor && sheet.counts.valid > 0,
        Verdict::NotMet => any(Outcome::NotMet),
        Verdict::CannotAssess => true,
        Verdict::Invalid => sheet.counts.returned > sheet.counts.issued || sheet.counts.present < sheet.counts.expected,
    };
    let holds = verdict_fits && (below_a_floor || !assessment.triggers.contains(&Trigger::Overhaul));
    Finding::new(holds, format!("结论是{}，与各项比较结果一致", sheet.conclusion()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::jws::tests::keys;
    use crate::domain::sheet::sample::Sample;

    fn sheet() -> SheetPayload {
        let [ed25519, sm2] = keys();
        Sample::new().sheet(&[&ed25519, &sm2])
    }

    fn wrong(sheet: &SheetPayload) -> usize {
        check(sheet).iter().filter(|finding| !finding.holds).count()
    }

    #[test]
    fn a_true_sheet_holds() {
        assert_eq!(wrong(&sheet()), 0, "{:#?}", check(&sheet()));
        assert!(check(&sheet()).len() >= 11);
    }

    #[test]
    fn every_count_is_tied_to_another() {
        let counts: [fn(&mut SheetPayload) -> &mut u64; 10] = [
            |sheet| &mut sheet.counts.expected,
            |sheet| &mut sheet.counts.roll,
            |sheet| &mut sheet.counts.spares,
            |sheet| &mut sheet.counts.issued,
            |sheet| &mut sheet.counts.spoiled,
            |sheet| &mut sheet.counts.unused,
            |sheet| &mut sheet.counts.returned,
            |sheet| &mut sheet.counts.phone,
            |sheet| &mut sheet.counts.paper,
            |sheet| &mut sheet.counts.valid,
        ];
        for (place, count) in counts.into_iter().enumerate() {
            for by in [2, 100, u64::MAX] {
                let mut changed = sheet();
                let value = count(&mut changed);
                // The expected number may lie above what was handed out, not below.
                *value = if place == 0 { value.saturating_sub(by) } else { value.saturating_add(by) };
                assert!(wrong(&changed) > 0, "count {place} changed by {by}");
            }
        }
        let mut changed = sheet();
        changed.counts.custody_reconciles = false;
        assert!(wrong(&changed) > 0);
    }

    #[test]
    fn a_sheet_says_when_other_slips_were_voided_than_counted() {
        let said = |sheet: &SheetPayload, words: &str| check(sheet).iter().any(|finding| finding.text == words);
        let mut changed = sheet();
        assert!(said(&changed, "作废5与写坏1＋剩余4相符"));
        for voided in [4, 6] {
            changed.counts.voided = voided;
            assert!(said(&changed, &format!("作废{voided}与写坏1＋剩余4不符")));
        }
    }

    #[test]
    fn every_answer_is_tied_to_the_valid_ballots_and_to_the_rates() {
        for item in 0..3 {
            for code in sheet().items[item].answers.keys() {
                let mut changed = sheet();
                *changed.items[item].answers.get_mut(code).unwrap() += 1;
                assert!(wrong(&changed) > 0, "{item} {code}");
                changed.items[item].answers.remove(code);
                assert!(wrong(&changed) > 0, "{item} without {code}");
            }
        }
        // One ballot moved from dissatisfied to satisfied: the sums agree, the rate does not.
        let mut moved = sheet();
        *moved.items[0].answers.get_mut("dissatisfied").unwrap() -= 1;
        *moved.items[0].answers.get_mut("satisfied").unwrap() += 1;
        assert_eq!(wrong(&moved), 2);
    }

    #[test]
    fn rates_and_conclusion_follow_from_the_counts() {
        use crate::domain::verdict::Fraction;
        let meddling: [fn(&mut SheetPayload); 12] = [
            |sheet| sheet.assessment.metrics[0].numerator = 20,
            |sheet| sheet.assessment.metrics[0].base = 22 + 5,
            |sheet| sheet.assessment.metrics[0].display = Some("91.31%".to_owned()),
            |sheet| sheet.assessment.metrics[0].strict_display = None,
            |sheet| sheet.assessment.metrics[0].outcome = Outcome::NotMet,
            |sheet| sheet.assessment.metrics[0].threshold = Fraction::new(95, 100).unwrap(),
            |sheet| sheet.assessment.metrics[0].id = "satisfaction.chair".to_owned(),
            |sheet| sheet.assessment.verdict = Verdict::NotMet,
            |sheet| sheet.assessment.verdict = Verdict::Invalid,
            |sheet| sheet.assessment.metrics.clear(),
            |sheet| sheet.assessment.triggers.push(Trigger::Overhaul),
            |sheet| sheet.items[1] = sheet.items[0].clone(),
        ];
        for (place, change) in meddling.into_iter().enumerate() {
            let mut changed = sheet();
            change(&mut changed);
            let noticed = wrong(&changed) > 0;
            assert!(noticed, "change {place}");
        }
    }
}
