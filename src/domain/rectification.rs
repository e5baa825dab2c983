//! Deadlines in calendar months and years: rectification, yearly assessment, re-verification.

use time::{Date, Month};

use super::rules::{Consequence, ConsequenceKind, RuleRegistry, RuleSet};
use super::union::Category;

/// How long a union has to put things right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The last day that still counts.
    pub latest: Date,
    /// Whether the rule says "as a rule" (一般): a later day is allowed if a reason is given.
    pub as_a_rule: bool,
    /// Id of the rule, e.g. `SD-5.8`.
    pub rule: String,
}

/// Why a deadline cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadlineRefusal {
    #[error("整改期限不能早于提出整改的日期 {ordered}")]
    BeforeOrder { ordered: Date },
    #[error("整改期限一般不超过 {latest}；确需延长的，请写明理由")]
    NeedsReason { latest: Date },
    #[error("整改期限不能超过 {latest}")]
    TooLate { latest: Date },
}

impl DeadlineRefusal {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            DeadlineRefusal::BeforeOrder { .. } => "deadline_before_order",
            DeadlineRefusal::NeedsReason { .. } => "deadline_needs_reason",
            DeadlineRefusal::TooLate { .. } => "deadline_too_late",
        }
    }
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
        let latest = months_later(ordered, rule.months?)?;
        Some(Deadline { latest, as_a_rule: rule.as_a_rule, rule: rule.rule.id.clone() })
    }

    /// Checks a deadline that a superior union wants to set.
    ///
    /// # Errors
    /// When it lies before the order, or after the latest day and the rule or the missing reason forbids it.
    pub fn check_deadline(&self, ordered: Date, deadline: Date, reason: &str) -> Result<(), DeadlineRefusal> {
        if deadline < ordered {
            return Err(DeadlineRefusal::BeforeOrder { ordered });
        }
        match self.rectification_deadline(ordered) {
            Some(Deadline { latest, as_a_rule: false, .. }) if deadline > latest => {
                Err(DeadlineRefusal::TooLate { latest })
            }
            Some(Deadline { latest, .. }) if deadline > latest && reason.trim().is_empty() => {
                Err(DeadlineRefusal::NeedsReason { latest })
            }
            _ => Ok(()),
        }
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
        assert_eq!((deadline.latest, deadline.as_a_rule), (date!(2026 - 09 - 30), true));
        let check = |day, reason| shandong.check_deadline(ordered, day, reason).map_err(|refusal| refusal.code());
        assert_eq!(check(ordered, ""), Ok(()));
        assert_eq!(check(date!(2026 - 03 - 30), "理由"), Err("deadline_before_order"));
        assert_eq!(check(date!(2026 - 09 - 30), ""), Ok(()));
        assert_eq!(check(date!(2026 - 10 - 01), " "), Err("deadline_needs_reason"));
        assert_eq!(check(date!(2026 - 10 - 01), "场地改造"), Ok(()));
        assert_eq!(set("chaoyang-2013").rectification_deadline(ordered), None, "no period is named");
        let mut strict = shandong.clone();
        strict.consequences.iter_mut().for_each(|consequence| consequence.as_a_rule = false);
        let late = strict.check_deadline(ordered, date!(2026 - 10 - 01), "场地改造");
        assert_eq!(late, Err(DeadlineRefusal::TooLate { latest: date!(2026 - 09 - 30) }));
    }

    #[test]
    fn a_period_is_inherited() {
        let registry = RuleRegistry::embedded().unwrap();
        let by = |set: &str, category| {
            let found = registry.rectification_deadline(registry.get(set).unwrap(), category, date!(2026 - 03 - 31));
            found.map(|deadline| (deadline.latest, deadline.rule))
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
