//! How far a count goes towards the tiers: the ballot conditions, and the figures that a union declares.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::assess::Measured;
use super::figures::CountError;
use super::warning::Warning;
use super::{DeclaredIndicator, Fraction, Outcome, TierStanding, percent};
use crate::domain::count::Count;
use crate::domain::rules::{Bound, Indicator, RuleSet, Standard, Unit, Word};
use crate::domain::union::Category;

/// The declared figures beside the standards that apply.
///
/// # Errors
/// A declared figure with denominator 0.
pub(super) fn indicators(
    count: &Count,
    lineage: &[(&RuleSet, Category)],
    warnings: &mut BTreeSet<Warning>,
) -> Result<Vec<DeclaredIndicator>, CountError> {
    for (id, [num, den]) in &count.indicators {
        if *den == 0 {
            return Err(CountError::IndicatorBase { indicator: id.clone() });
        }
        match lineage.iter().find_map(|(set, _)| set.indicator(id)) {
            None => drop(warnings.insert(Warning::UnknownIndicator)),
            Some(indicator) if indicator.unit == Unit::Rate && num > den => {
                warnings.insert(Warning::IndicatorAboveOne);
            }
            Some(_) => {}
        }
    }
    let mut declared = Vec::new();
    for (set, category) in lineage {
        for standard in set.standards.iter().filter(|standard| standard.rule.applies_to(*category)) {
            if let Some(indicator) = set.indicator(&standard.indicator) {
                let figure = count.indicators.get(&indicator.id).and_then(|[num, den]| Fraction::new(*num, *den));
                declared.push(hold(indicator, standard, figure));
            }
        }
    }
    Ok(declared)
}

fn hold(indicator: &Indicator, standard: &Standard, declared: Option<Fraction>) -> DeclaredIndicator {
    let compared = standard.threshold.zip(declared).and_then(|(threshold, d)| threshold.compare(d.num(), d.den()));
    let outcome = compared.map_or(Outcome::CannotAssess, |order| {
        let holds = match standard.bound {
            Bound::AtLeast => order != Ordering::Less,
            Bound::AtMost => order != Ordering::Greater,
            Bound::Exactly => order == Ordering::Equal,
        };
        if holds { Outcome::Met } else { Outcome::NotMet }
    });
    DeclaredIndicator {
        id: indicator.id.clone(),
        title: indicator.title.clone(),
        declared,
        display: declared.and_then(|figure| indicator.display(figure)),
        bound: standard.bound.code().to_owned(),
        threshold: standard.threshold,
        outcome,
        tier: standard.tier.clone(),
        rule: standard.rule.id.clone(),
        source: standard.rule.source.to_string(),
    }
}

impl Indicator {
    /// A figure of this indicator for people: a truncated percentage, or a number with its unit.
    #[must_use]
    pub fn display(&self, figure: Fraction) -> Option<String> {
        match (self.unit, figure.den()) {
            (Unit::Rate, _) => percent(figure.num(), figure.den()),
            (unit, 1) => Some(format!("{}{}", figure.num(), unit.label())),
            (unit, den) => Some(format!("{}/{den}{}", figure.num(), unit.label())),
        }
    }
}

/// The tiers whose ballot condition holds, and the standing towards each tier for which the rule set names any
/// requirement.
pub(super) fn standings(
    lineage: &[(&RuleSet, Category)],
    measured: &[Measured<'_>],
    indicators: &[DeclaredIndicator],
) -> (Vec<String>, Vec<TierStanding>) {
    let (mut holding, mut all) = (Vec::new(), Vec::new());
    for (set, category) in lineage {
        let (mut ballots, mut declared): (Vec<Outcome>, Vec<Outcome>) = (Vec::new(), Vec::new());
        let mut to_examine = Vec::new();
        for tier in &set.tiers {
            let belongs = |named: Option<&String>| named == Some(&tier.id);
            let own = measured.iter().filter(|m| std::ptr::eq(m.set, *set) && belongs(m.rule.tier.as_ref()));
            let before = ballots.len();
            ballots.extend(own.map(|measured| measured.metric.outcome));
            declared.extend(indicators.iter().filter(|i| belongs(i.tier.as_ref())).map(|i| i.outcome));
            to_examine.extend(words(set, *category, &tier.id));
            if ballots.len() > before && all_of(&ballots) == Some(Outcome::Met) {
                holding.push(tier.id.clone());
            }
            if !ballots.is_empty() || !declared.is_empty() || !to_examine.is_empty() {
                all.push(TierStanding {
                    id: tier.id.clone(),
                    title: tier.title.clone(),
                    ballot: all_of(&ballots),
                    indicators: all_of(&declared),
                    to_examine: to_examine.clone(),
                });
            }
        }
    }
    (holding, all)
}

/// What a tier asks for besides figures.
fn words(set: &RuleSet, category: Category, tier: &str) -> Vec<String> {
    let duties = set.duties.iter().map(|duty| (&duty.rule, &duty.tier));
    let conditions = set.conditions.iter().map(|condition| (&condition.rule, &condition.tier));
    duties
        .chain(conditions)
        .filter(|(rule, named)| named.as_deref() == Some(tier) && rule.applies_to(category))
        .map(|(rule, _)| rule.statement.clone())
        .collect()
}

/// Met if all are, not met if one is not, else open; none of none.
fn all_of(outcomes: &[Outcome]) -> Option<Outcome> {
    if outcomes.is_empty() {
        return None;
    }
    let worst = [Outcome::NotMet, Outcome::CannotAssess].into_iter().find(|outcome| outcomes.contains(outcome));
    Some(worst.unwrap_or(Outcome::Met))
}
