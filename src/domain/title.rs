//! Titles and what hangs on them: coverage targets, streaks, grants by area, size classes, the year's calendar.

use time::{Date, Month};

use super::rules::{Calendar, ConsequenceKind, Coverage, Grant, GrantStep, RuleSet, SizeClass, SizeClasses};
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

    /// Whether this many years of an unbroken title in a tier open the way to the higher honour. `None` where
    /// the rule set knows no such streak.
    #[must_use]
    pub fn streak_reached(&self, tier: &str, years: u32) -> Option<bool> {
        let streaks = self.consequences.iter().filter(|consequence| consequence.kind == ConsequenceKind::Streak);
        let streak = streaks.filter(|streak| streak.tier.as_deref() == Some(tier)).find_map(|streak| streak.years)?;
        Some(years >= streak)
    }

    /// The naming body may, or must, revoke a title: the statements of the rules that say so.
    #[must_use]
    pub fn revocation_rules(&self) -> Vec<&str> {
        let revocations = self.consequences.iter().filter(|rule| rule.kind == ConsequenceKind::Revocation);
        revocations.map(|rule| rule.rule.statement.as_str()).collect()
    }
}

impl Grant {
    /// The grant in yuan for a home of this area, given in hundredths of a square metre so that 99.99 m² stays
    /// below 100 m². `None` below the smallest area that the rule names.
    #[must_use]
    pub fn for_area(&self, hundredths: u64) -> Option<u64> {
        let reached = |step: &&GrantStep| u128::from(hundredths) >= u128::from(step.from_square_metres) * 100;
        self.steps.iter().find(reached).map(|step| step.yuan)
    }
}

impl SizeClasses {
    /// The class of a unit with so many persons; where a document names a number in two classes, the one that
    /// begins with it.
    #[must_use]
    pub fn of(&self, persons: u64) -> Option<&SizeClass> {
        self.classes.iter().find(|class| persons >= class.from_persons)
    }
}

/// Where a day falls in the year of applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// Applications are taken.
    Applying,
    /// Applications are examined.
    Reviewing,
    /// Neither.
    Between,
}

impl Calendar {
    /// The season of a day.
    #[must_use]
    pub fn season(&self, on: Date) -> Season {
        let is = |month: u8| Month::try_from(month).is_ok_and(|month| month == on.month());
        if is(self.apply_month) {
            Season::Applying
        } else if is(self.review_month) {
            Season::Reviewing
        } else {
            Season::Between
        }
    }

    /// The year in which an application of `year` is honoured.
    #[must_use]
    pub fn honoured_in(&self, year: u16) -> u16 {
        year.saturating_add(self.honoured_after_years.into())
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
    fn grants_go_by_the_lower_bound() {
        let set = set("chaoyang-2013");
        let grant = |hundredths| set.grants[0].for_area(hundredths);
        assert_eq!(grant(10_000), Some(20_000));
        assert_eq!(grant(9_999), Some(10_000));
        assert_eq!(grant(5_000), Some(10_000));
        assert_eq!(grant(4_999), Some(5_000));
        assert_eq!(grant(3_000), Some(5_000));
        assert_eq!(grant(2_999), None);
        assert_eq!(grant(u64::MAX), Some(20_000));
    }

    #[test]
    fn size_classes_go_by_the_lower_bound() {
        let set = set("chaoyang-2013");
        let class = |persons| set.size_classes[0].of(persons).unwrap().from_persons;
        assert_eq!([1000, 999, 500, 499, 100, 99, 0].map(class), [1000, 500, 500, 100, 100, 0, 0]);
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

    #[test]
    fn three_years_make_a_streak() {
        let shandong = set("shandong-2018");
        assert_eq!(
            [2, 3, 4].map(|years| shandong.streak_reached("model", years)),
            [Some(false), Some(true), Some(true)]
        );
        assert_eq!(shandong.streak_reached("advanced", 9), None);
        assert_eq!(shandong.revocation_rules().len(), 1);
    }

    #[test]
    fn changzhou_applies_in_october() {
        let set = set("changzhou-2016");
        let calendar = &set.calendars[0];
        assert_eq!(calendar.season(date!(2026 - 09 - 30)), Season::Between);
        assert_eq!(calendar.season(date!(2026 - 10 - 01)), Season::Applying);
        assert_eq!(calendar.season(date!(2026 - 10 - 31)), Season::Applying);
        assert_eq!(calendar.season(date!(2026 - 11 - 01)), Season::Reviewing);
        assert_eq!(calendar.honoured_in(2026), 2027);
    }
}
