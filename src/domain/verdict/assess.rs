//! `assess`: the verdict on a count.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::figures::{CountError, ItemFigures, figures, join};
use super::tiers::{indicators, standings};
use super::warning::{Warning, low_turnout};
use super::{Assessment, Comparator, Metric, Outcome, Verdict, percent};
use crate::domain::count::Count;
use crate::domain::paper::{Answer, Scale};
use crate::domain::rules::{Joint, MetricRule, RuleRegistry, RuleSet, Turnout, TurnoutMode};
use crate::domain::union::Category;

/// A metric with the rule that it was measured by.
pub(super) struct Measured<'r> {
    pub(super) set: &'r RuleSet,
    pub(super) rule: &'r MetricRule,
    pub(super) metric: Metric,
}

/// Assesses a count by the newest version of the rule set that it names, and by all that it inherits from.
/// Pure and exact: integers only, nothing is rounded before it is compared.
///
/// # Errors
/// When the count contradicts itself or names what its rule set does not know. Every verdict, `invalid` and
/// `cannot_assess` included, is no error.
pub fn assess(registry: &RuleRegistry, count: &Count) -> Result<Assessment, CountError> {
    assess_by(registry, registry.require(&count.rule_set)?, count)
}

/// As [`assess`], by one version of the rule set at hand: the one that a round was set up with.
///
/// # Errors
/// As [`assess`].
pub fn assess_by(registry: &RuleRegistry, set: &RuleSet, count: &Count) -> Result<Assessment, CountError> {
    let lineage = registry.lineage_of(set, count.category)?;
    let applied = applied_tiers(&lineage, count.applying_for.as_deref())?;
    let figures = figures(count, &lineage)?;
    let mut warnings = BTreeSet::new();
    let mut measured = Vec::new();
    for (set, category) in &lineage {
        for rule in set.metrics.iter().filter(|metric| metric.rule.applies_to(*category)) {
            for metric in measure(rule, &figures)? {
                measured.push(Measured { set, rule, metric });
            }
        }
    }
    compare_totals(count, &lineage, &mut warnings);
    if figures.keys().any(|item| !is_rated(&lineage, item)) {
        warnings.insert(Warning::ItemNotRated);
    }
    let void = is_void(count, &lineage, &figures, &mut warnings);
    if void {
        for measured in &mut measured {
            measured.metric.outcome = Outcome::CannotAssess;
        }
    }
    for measured in &mut measured {
        measured.metric.aside = !decides(measured, &applied);
    }
    let deciding: Vec<Outcome> =
        measured.iter().filter(|measured| !measured.metric.aside).map(|measured| measured.metric.outcome).collect();
    let verdict = if void { Verdict::Invalid } else { verdict(&deciding, &mut warnings) };
    if count.applying_for.as_deref().is_some_and(|tier| !measured.iter().any(|m| m.rule.tier.as_deref() == Some(tier)))
    {
        warnings.insert(Warning::TierWithoutBallot);
    }
    let is_tiered = measured.iter().any(|measured| measured.rule.tier.is_some());
    let mut general = measured.iter().filter(|m| m.rule.tier.is_none() && m.rule.comparator == Comparator::AtLeast);
    if is_tiered && general.any(|measured| measured.metric.outcome == Outcome::NotMet) {
        warnings.insert(Warning::GeneralThreshold);
    }
    let mut triggers: Vec<_> = measured
        .iter()
        .filter(|measured| measured.metric.outcome == Outcome::NotMet)
        .filter_map(|measured| measured.rule.trigger)
        .collect();
    triggers.sort_unstable();
    triggers.dedup();
    let indicators = indicators(count, &lineage, &mut warnings)?;
    let (tier_conditions, tiers) = standings(&lineage, &measured, &indicators);
    Ok(Assessment {
        verdict,
        tier_conditions,
        metrics: measured.into_iter().map(|measured| measured.metric).collect(),
        triggers,
        warnings: warnings.into_iter().map(|warning| warning.code().to_owned()).collect(),
        indicators,
        tiers,
    })
}

/// Per rule set of the lineage, the place of the tier that the verdict is about: the one applied for, else the
/// lowest with a ballot condition.
fn applied_tiers(
    lineage: &[(&RuleSet, Category)],
    applying_for: Option<&str>,
) -> Result<BTreeMap<String, usize>, CountError> {
    let mut applied = BTreeMap::new();
    let mut known = applying_for.is_none();
    for (set, category) in lineage {
        let named = set.tiers.iter().position(|tier| Some(tier.id.as_str()) == applying_for);
        known |= named.is_some();
        let lowest = set.tiers.iter().position(|tier| {
            let mut metrics = set.metrics.iter().filter(|metric| metric.rule.applies_to(*category));
            metrics.any(|metric| metric.tier.as_ref() == Some(&tier.id))
        });
        if let Some(place) = named.or(lowest) {
            applied.insert(set.id.clone(), place);
        }
    }
    if let (Some(tier), false) = (applying_for, known) {
        let tiers = lineage.iter().flat_map(|(set, _)| &set.tiers).map(|tier| tier.id.as_str());
        return Err(CountError::UnknownTier { tier: tier.to_owned(), known: join(tiers) });
    }
    Ok(applied)
}

/// Whether a metric decides the verdict: it belongs to no tier, or to the one applied for or one below it.
fn decides(measured: &Measured<'_>, applied: &BTreeMap<String, usize>) -> bool {
    let Some(tier) = &measured.rule.tier else { return true };
    let place = measured.set.tiers.iter().position(|known| known.id == *tier);
    place <= applied.get(&measured.set.id).copied() && place.is_some()
}

fn verdict(deciding: &[Outcome], warnings: &mut BTreeSet<Warning>) -> Verdict {
    if deciding.is_empty() {
        warnings.insert(Warning::NoMetric);
        return Verdict::CannotAssess;
    }
    if deciding.contains(&Outcome::CannotAssess) {
        warnings.insert(Warning::NoBallots);
    }
    if deciding.contains(&Outcome::NotMet) {
        Verdict::NotMet
    } else if deciding.contains(&Outcome::CannotAssess) {
        Verdict::CannotAssess
    } else {
        Verdict::Met
    }
}

/// Whether the round counts for nothing: more ballots came back than went out, or too few people were there.
fn is_void(
    count: &Count,
    lineage: &[(&RuleSet, Category)],
    figures: &BTreeMap<&str, ItemFigures<'_>>,
    warnings: &mut BTreeSet<Warning>,
) -> bool {
    let overfull = count.returned > count.issued || figures.values().any(ItemFigures::overfull);
    if overfull {
        warnings.insert(Warning::ReturnedExceedsIssued);
    }
    let mut too_few = false;
    for turnout in missed_turnouts(count, lineage) {
        if turnout.mode == TurnoutMode::Required {
            too_few = true;
            warnings.insert(Warning::TurnoutBelowRequired);
        } else {
            warnings.insert(Warning::TurnoutBelowAdvised);
        }
    }
    overfull || too_few
}

/// The turnouts of the rule sets that were not reached.
fn missed_turnouts<'r>(count: &Count, lineage: &[(&'r RuleSet, Category)]) -> Vec<&'r Turnout> {
    let below = |turnout: &&Turnout| turnout.fraction.compare(count.present, count.expected) == Some(Ordering::Less);
    lineage.iter().map(|(set, _)| &set.turnout).filter(below).collect()
}

/// The warnings of an assessment as a sheet carries them: those about the turnout with its figures.
#[must_use]
pub fn warnings_in_full(warnings: &[String], count: &Count, lineage: &[(&RuleSet, Category)]) -> Vec<String> {
    let mut full: Vec<String> = Vec::new();
    for warning in warnings {
        let missed = missed_turnouts(count, lineage).into_iter().map(|turnout| low_turnout(count, turnout));
        let with_figures: Vec<String> = missed.filter(|text| text.split(':').next() == Some(warning)).collect();
        let plain = with_figures.is_empty().then(|| warning.clone());
        for text in with_figures.into_iter().chain(plain) {
            if !full.contains(&text) {
                full.push(text);
            }
        }
    }
    full
}

/// Totals that look odd but may have a reason. Slips handed out may exceed those present: members who are away
/// vote by phone. Where employees or unions vote, those entitled may exceed the members.
fn compare_totals(count: &Count, lineage: &[(&RuleSet, Category)], warnings: &mut BTreeSet<Warning>) {
    if count.present > count.expected {
        warnings.insert(Warning::PresentExceedsExpected);
    }
    if count.issued > count.expected {
        warnings.insert(Warning::IssuedExceedsExpected);
    }
    let metrics = lineage
        .iter()
        .flat_map(|(set, category)| set.metrics.iter().filter(|metric| metric.rule.applies_to(*category)));
    if MetricRule::ask_members_alone(metrics) && count.expected > count.member_total {
        warnings.insert(Warning::ExpectedExceedsMembers);
    }
}

fn is_rated(lineage: &[(&RuleSet, Category)], item: &str) -> bool {
    crate::domain::rules::is_common_item(item)
        || lineage.iter().any(|(set, category)| set.item(item).is_some_and(|rule| rule.is_asked_of(*category)))
}

/// The metrics of one rule: one per item, or one for all of them together.
fn measure(rule: &MetricRule, figures: &BTreeMap<&str, ItemFigures<'_>>) -> Result<Vec<Metric>, CountError> {
    let mut parts = Vec::new();
    for item in &rule.items {
        let Some(found) = figures.get(item.as_str()) else {
            return Err(CountError::MissingItem { item: item.clone(), rule: rule.rule.id.clone() });
        };
        let base = found.base(rule.denominator).ok_or_else(|| CountError::OwnIssuedMissing { item: item.clone() })?;
        let (positive, strict) = (found.positive(rule.positive), found.given(Answer::Satisfied));
        parts.push(Part { items: vec![item], scale: found.scale, positive, strict, base });
    }
    if rule.joint == Joint::Pooled {
        parts = Part::pooled(parts)?.into_iter().collect();
    }
    Ok(parts.into_iter().map(|part| part.metric(rule)).collect())
}

/// Numerator and base of one rate.
struct Part<'r> {
    items: Vec<&'r str>,
    scale: Scale,
    positive: u64,
    strict: u64,
    base: u64,
}

impl Part<'_> {
    fn pooled(parts: Vec<Self>) -> Result<Option<Self>, CountError> {
        let too_large = || CountError::TooLarge { place: "items".to_owned() };
        let mut parts = parts.into_iter();
        let Some(mut sum) = parts.next() else { return Ok(None) };
        for part in parts {
            sum.items.extend(part.items);
            sum.positive = sum.positive.checked_add(part.positive).ok_or_else(too_large)?;
            sum.strict = sum.strict.checked_add(part.strict).ok_or_else(too_large)?;
            sum.base = sum.base.checked_add(part.base).ok_or_else(too_large)?;
        }
        Ok(Some(sum))
    }

    fn metric(self, rule: &MetricRule) -> Metric {
        let id = match self.scale {
            Scale::Awareness => self.items.join("+"),
            _ => format!("satisfaction.{}", self.items.join("+")),
        };
        let outcome = match rule.threshold.compare(self.positive, self.base) {
            None => Outcome::CannotAssess,
            Some(Ordering::Less) => Outcome::NotMet,
            Some(_) => Outcome::Met,
        };
        let strict = (self.scale == Scale::Satisfaction).then_some(self.strict);
        Metric {
            id,
            numerator: self.positive,
            base: self.base,
            display: percent(self.positive, self.base),
            strict_display: strict.and_then(|strict| percent(strict, self.base)),
            comparator: rule.comparator,
            threshold: rule.threshold,
            outcome,
            rule: rule.rule.id.clone(),
            source: rule.rule.source.to_string(),
            formula: rule.formula(self.scale),
            tier: rule.tier.clone(),
            aside: false,
        }
    }
}
