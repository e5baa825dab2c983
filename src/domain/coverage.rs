//! Coverage targets of higher unions.

use time::Date;

use super::rules::{Coverage, RuleSet};
use super::union::Category;
use super::verdict::Outcome;

impl Coverage {
    /// Whether `done` of `all` unions reach the target; `cannot_assess` where there are none.
    #[must_use]
    pub fn outcome(&self, done: u64, all: u64) -> Outcome {
        match self.threshold.compare(done, all) {
            None => Outcome::CannotAssess,
            Some(std::cmp::Ordering::Less) => Outcome::NotMet,
            Some(_) => Outcome::Met,
        }
    }
}

impl RuleSet {
    /// The coverage targets that hold on a day for a union of this category that heads an area: those set for its
    /// category, and those set for nobody in particular, whether the rule set has its category or not (it has rules for
    /// those that are judged, not for the 总工会 above them). All without a date, and of those with dates the earliest
    /// that has not passed; once all have passed, the last one stays.
    #[must_use]
    pub fn coverage_targets(&self, category: Category, on: Date) -> Vec<&Coverage> {
        let own = self.resolve(category);
        let applies = |target: &&Coverage| {
            target.rule.categories.is_empty() || own.is_some_and(|own| target.rule.applies_to(own))
        };
        let all: Vec<&Coverage> = self.coverage.iter().filter(applies).collect();
        let counted_alike = |one: &Coverage, other: &Coverage| one.indicators == other.indicators;
        let in_force = |target: &&&Coverage| {
            let Some(by) = target.by else { return true };
            let rivals = all.iter().filter(|other| counted_alike(other, target)).filter_map(|other| other.by);
            let next = rivals.clone().filter(|day| *day >= on).min();
            next.or_else(|| rivals.max()) == Some(by)
        };
        all.iter().filter(in_force).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::rules::RuleRegistry;

    fn set(id: &str) -> RuleSet {
        let registry = RuleRegistry::embedded().unwrap();
        RuleSet::clone(registry.get(id).unwrap())
    }

    #[test]
    fn targets_of_chaoyang_change_with_the_year() {
        let set = set("chaoyang-2013");
        let at = |day| {
            let targets = set.coverage_targets(Category::CountyUnion, day);
            assert_eq!(targets.len(), 1, "the 总工会 of the district is in no category of the rule set");
            for above in [Category::GeneralUnion, Category::TownshipUnion] {
                assert_eq!(set.coverage_targets(above, day), targets);
            }
            (targets[0].outcome(60, 100), targets[0].homes)
        };
        assert_eq!(at(date!(2013 - 12 - 31)), (Outcome::Met, Some(200)));
        assert_eq!(at(date!(2014 - 01 - 01)), (Outcome::NotMet, Some(500)));
        assert_eq!(at(date!(2026 - 01 - 01)), (Outcome::NotMet, Some(500)));
        let first = &set.coverage[0];
        assert_eq!(first.outcome(59_999, 100_000), Outcome::NotMet);
        assert_eq!(first.outcome(0, 0), Outcome::CannotAssess);
    }

    #[test]
    fn townships_of_hohhot_have_two_targets() {
        let set = set("hohhot-2020");
        let targets = set.coverage_targets(Category::TownshipUnion, date!(2026 - 01 - 01));
        let outcomes: Vec<_> =
            targets.iter().map(|target| (target.indicators[0].as_str(), target.outcome(89, 100))).collect();
        assert_eq!(outcomes, [("evaluation_coverage", Outcome::NotMet), ("dual_display_coverage", Outcome::Met)]);
        assert_eq!(targets[0].outcome(90, 100), Outcome::Met);
        assert_eq!((targets[1].outcome(85, 100), targets[1].outcome(84, 100)), (Outcome::Met, Outcome::NotMet));
        for other in [Category::Enterprise, Category::CountyUnion, Category::GeneralUnion] {
            assert!(set.coverage_targets(other, date!(2026 - 01 - 01)).is_empty(), "set for townships");
        }
    }
}
