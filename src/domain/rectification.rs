//! Deadlines in calendar months and years: rectification, yearly assessment, re-verification.

use time::{Date, Month};

use super::rules::{Consequence, ConsequenceKind, Rule, RuleRegistry, RuleSet};
use super::union::Category;

/// How long a rule gives a union to put things right. Its statement says whom it is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The last day that still counts.
    pub latest: Date,
    pub months: u32,
    pub rule: Rule,
}

/// The day so many calendar months later: the same day of the month, or its last day where the month is
/// shorter (31 August and six months is 28 or 29 February). `None` past the last year that dates know.
#[must_use]
pub fn months_later(from: Date, months: u32) -> Option<Date> {
    let count = u32::from(u8::from(from.month())) - 1 + months % 12;
    let years = i32::try_from(months / 12 + count / 12).ok()?;
    let year = from.year().checked_add(years)?;
    let month = Month::try_from(u8::try_from(count % 12 + 1).ok()?).ok()?;
    Date::from_calendar_date(year, month, from.day().min(month.length(year))).ok()
}

/// The day so many years later; 29 February becomes 28 February where need be.
#[must_use]
pub fn years_later(from: Date, years: u32) -> Option<Date> {
    months_later(from, years.checked_mul(12)?)
}

impl RuleSet {
    fn consequence(&self, kind: ConsequenceKind) -> Option<&Consequence> {
        self.consequences.iter().find(|consequence| consequence.kind == kind)
    }

    /// The usual latest day for rectification that was ordered on a day. `None` where the rule set names no
    /// period: the superior union then sets one.
    #[must_use]
    pub fn rectification_deadline(&self, ordered: Date) -> Option<Deadline> {
        let rule = self.consequence(ConsequenceKind::Rectification)?;
        let months = rule.months?;
        Some(Deadline { latest: months_later(ordered, months)?, months, rule: rule.rule.clone() })
    }

    /// When a title given (or last confirmed) on a day is due for re-verification (复核).
    #[must_use]
    pub fn reverification_due(&self, confirmed: Date) -> Option<Date> {
        years_later(confirmed, self.consequence(ConsequenceKind::Reverification)?.years?)
    }

    /// When the next assessment (考核) of a titled union is due after one on this day.
    #[must_use]
    pub fn assessment_due(&self, assessed: Date) -> Option<Date> {
        years_later(assessed, self.consequence(ConsequenceKind::YearlyAssessment)?.years?)
    }
}

impl RuleRegistry {
    /// The usual latest day for rectification by a rule set or, where it names no period, by the nearest one that it
    /// inherits from.
    #[must_use]
    pub fn rectification_deadline(&self, set: &RuleSet, category: Category, ordered: Date) -> Option<Deadline> {
        let lineage = self.lineage_of(set, category).ok()?;
        lineage.iter().find_map(|(set, _)| set.rectification_deadline(ordered))
    }
}

/// Whether a deadline has passed without the work being accepted: the day itself still counts.
#[must_use]
pub fn is_overdue(deadline: Date, today: Date) -> bool {
    today > deadline
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn set(id: &str) -> RuleSet {
        let registry = RuleRegistry::embedded().unwrap();
        RuleSet::clone(registry.get(id).unwrap())
    }

    #[test]
    fn months_are_calendar_months() {
        assert_eq!(months_later(date!(2026 - 08 - 31), 6), Some(date!(2027 - 02 - 28)));
        assert_eq!(months_later(date!(2027 - 08 - 31), 6), Some(date!(2028 - 02 - 29)));
        assert_eq!(months_later(date!(2026 - 06 - 15), 6), Some(date!(2026 - 12 - 15)));
        assert_eq!(months_later(date!(2026 - 07 - 01), 6), Some(date!(2027 - 01 - 01)));
        assert_eq!(months_later(date!(2026 - 12 - 31), 0), Some(date!(2026 - 12 - 31)));
        assert_eq!(months_later(date!(2026 - 12 - 31), 11), Some(date!(2027 - 11 - 30)));
        assert_eq!(months_later(date!(2026 - 12 - 31), u32::MAX), None);
        assert_eq!(years_later(date!(2028 - 02 - 29), 3), Some(date!(2031 - 02 - 28)));
        assert_eq!(years_later(date!(2028 - 02 - 29), u32::MAX), None);
    }

    #[test]
    fn rectification_takes_six_months_as_a_rule() {
        let shandong = set("shandong-2018");
        let ordered = date!(2026 - 03 - 31);
        let deadline = shandong.rectification_deadline(ordered).unwrap();
        assert_eq!((deadline.latest, deadline.months), (date!(2026 - 09 - 30), 6));
        assert!(deadline.rule.statement.contains("复核不合格的职工之家"), "it says for whom");
        assert_eq!(set("chaoyang-2013").rectification_deadline(ordered), None, "no period is named");
    }

    #[test]
    fn a_period_is_inherited() {
        let registry = RuleRegistry::embedded().unwrap();
        let by = |set: &str, category| {
            let found = registry.rectification_deadline(registry.get(set).unwrap(), category, date!(2026 - 03 - 31));
            found.map(|deadline| (deadline.latest, deadline.rule.id))
        };
        let six_months = Some((date!(2026 - 09 - 30), "SD-5.8".to_owned()));
        assert_eq!(by("shandong-2018", Category::GrassrootsUnion), six_months);
        assert_eq!(by("qingdao-2020", Category::Enterprise), six_months);
        assert_eq!(by("chaoyang-2013", Category::GrassrootsUnion), None);
    }

    #[test]
    fn titles_are_assessed_yearly_and_verified_every_three_years() {
        let shandong = set("shandong-2018");
        assert_eq!(shandong.reverification_due(date!(2023 - 05 - 04)), Some(date!(2026 - 05 - 04)));
        assert_eq!(shandong.assessment_due(date!(2024 - 02 - 29)), Some(date!(2025 - 02 - 28)));
        assert_eq!(set("hohhot-2020").reverification_due(date!(2023 - 05 - 04)), None);
    }

    #[test]
    fn the_last_day_still_counts() {
        assert!(!is_overdue(date!(2026 - 09 - 30), date!(2026 - 09 - 30)));
        assert!(is_overdue(date!(2026 - 09 - 30), date!(2026 - 10 - 01)));
    }
}
