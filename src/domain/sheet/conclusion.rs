//! The conclusion in words. Where the verdict is about the ballot condition of a tier it says so: the ballot alone makes
//! no union a tier, and falling short of one is no failing.

use super::SheetPayload;
use crate::domain::verdict::{Metric, Outcome, TierStanding, Trigger, Verdict, Warning};

impl SheetPayload {
    /// 结论: 达标, 未达标 …, or whether the ballot condition of a tier is met.
    #[must_use]
    pub fn conclusion(&self) -> String {
        let verdict = self.assessment.verdict;
        let Some(tier) = self.tier_judged() else { return verdict.label().to_owned() };
        let held = if verdict == Verdict::Met { "达到" } else { "没有达到" };
        format!("{held}“{}”的满意率条件", tier.title)
    }

    /// The metric that decided: see [`crate::domain::verdict::Assessment::deciding`].
    #[must_use]
    pub fn deciding(&self) -> Option<&Metric> {
        self.assessment.deciding(self.round.applying_for.as_deref())
    }

    /// Whether the union has to set down what it will put right: where it fell short of what its rules demand, not
    /// where it fell short of a tier that it did not apply for.
    #[must_use]
    pub fn demands_rectification(&self) -> bool {
        let failed = self.assessment.verdict == Verdict::NotMet;
        let of_no_concern = self.round.applying_for.is_none() && self.tier_judged().is_some();
        (failed && !of_no_concern) || self.assessment.triggers.contains(&Trigger::Overhaul)
    }

    /// The tier whose ballot condition decided: the one applied for, else the lowest that has one. None where a threshold
    /// was missed that holds whatever the tier.
    fn tier_judged(&self) -> Option<&TierStanding> {
        let missed = |warning: &String| warning == Warning::GeneralThreshold.code();
        let outcome = match self.assessment.verdict {
            Verdict::Met => Outcome::Met,
            Verdict::NotMet if self.assessment.warnings.iter().any(missed) => return None,
            Verdict::NotMet => Outcome::NotMet,
            Verdict::Invalid | Verdict::CannotAssess => return None,
        };
        let applied = self.round.applying_for.as_deref();
        let mut tiers = self.assessment.tiers.iter().filter(|tier| tier.ballot.is_some());
        let tier = tiers.find(|tier| applied.is_none_or(|applied| tier.id == applied))?;
        (tier.ballot == Some(outcome)).then_some(tier)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::domain::count::Count;
    use crate::domain::rules::RuleRegistry;
    use crate::domain::sheet::sample::{OWN_TIER, Sample};
    use crate::domain::sheet::{SheetPayload, check};
    use crate::domain::standing::Rating;
    use crate::domain::union::Category;
    use crate::domain::verdict::{Trigger, assess};

    /// The sheet of a round in which so many of 100 were satisfied.
    fn sheet(set: &str, item: &str, good: u64, applying_for: Option<&str>) -> SheetPayload {
        sheet_by(&RuleRegistry::embedded().unwrap(), set, item, good, applying_for)
    }

    fn sheet_by(registry: &RuleRegistry, set: &str, item: &str, good: u64, applying_for: Option<&str>) -> SheetPayload {
        let mut sheet = Sample::new().sheet(&[]);
        let answers = [("satisfied".to_owned(), good), ("dissatisfied".to_owned(), 100 - good)].into();
        let count = Count {
            rule_set: set.to_owned(),
            category: Category::Enterprise,
            year: 2026,
            member_total: 100,
            expected: 100,
            present: 100,
            issued: 100,
            returned: 100,
            invalid: 0,
            items: [(item.to_owned(), answers)].into(),
            indicators: BTreeMap::new(),
            applying_for: applying_for.map(str::to_owned),
        };
        sheet.assessment = assess(registry, &count).unwrap();
        sheet.round.applying_for = count.applying_for;
        sheet
    }

    #[test]
    fn a_verdict_about_a_tier_names_it() {
        let changzhou = |good, applying_for| {
            let sheet = sheet("changzhou-2016", "home_building", good, applying_for);
            (sheet.conclusion(), sheet.demands_rectification())
        };
        assert_eq!(changzhou(84, None), ("没有达到“模范职工之家”的满意率条件".to_owned(), false));
        assert_eq!(changzhou(88, None), ("达到“模范职工之家”的满意率条件".to_owned(), false));
        assert_eq!(changzhou(84, Some("model")), ("没有达到“模范职工之家”的满意率条件".to_owned(), true));
        assert_eq!(changzhou(88, Some("trusted")), ("没有达到“信赖职工之家”的满意率条件".to_owned(), true));
        assert_eq!(changzhou(90, Some("trusted")), ("达到“信赖职工之家”的满意率条件".to_owned(), false));
        let rated = |good, applying_for| Rating::of(&sheet("changzhou-2016", "home_building", good, applying_for));
        assert_eq!([rated(84, None), rated(84, Some("model"))], [Rating::ShortOfTier, Rating::NotMet]);
        assert_eq!([rated(88, None), rated(88, Some("trusted"))], [Rating::Met, Rating::NotMet]);
        let plain = |good| {
            let sheet = sheet("qingdao-2020", "home", good, None);
            (sheet.conclusion(), sheet.demands_rectification())
        };
        assert_eq!([plain(89), plain(90)], [("未达标".to_owned(), true), ("达标".to_owned(), false)]);
    }

    #[test]
    fn the_check_of_the_conclusion_says_it_in_the_same_words() {
        for (set, item, applying_for) in
            [("qingdao-2020", "home", None), ("changzhou-2016", "home_building", Some("trusted"))]
        {
            for good in [60, 88, 100] {
                let sheet = sheet(set, item, good, applying_for);
                let last = check(&sheet).pop().unwrap();
                assert_eq!(last.text, format!("结论是{}，与各项比较结果一致", sheet.conclusion()));
            }
        }
    }

    #[test]
    fn a_tier_hides_no_threshold_that_holds_for_all() {
        let registry = RuleRegistry::embedded().unwrap().with([("own-tier.toml", OWN_TIER)]).unwrap();
        let said = |good, applying_for| {
            let sheet = sheet_by(&registry, "own-tier", "home", good, applying_for);
            (sheet.conclusion(), sheet.demands_rectification())
        };
        for applying_for in [None, Some("model")] {
            assert_eq!(said(85, applying_for), ("未达标".to_owned(), true), "90 % is asked of everybody");
            assert_eq!(said(95, applying_for), ("达到“模范职工之家”的满意率条件".to_owned(), false));
        }
        let short = "没有达到“模范职工之家”的满意率条件".to_owned();
        assert_eq!([said(92, None), said(92, Some("model"))], [(short.clone(), false), (short, true)]);
    }

    #[test]
    fn an_overhaul_is_set_down_whatever_the_tier() {
        let mut sheet = sheet("changzhou-2016", "home_building", 60, None);
        assert!(!sheet.demands_rectification());
        sheet.assessment.triggers.push(Trigger::Overhaul);
        assert!(sheet.demands_rectification());
    }
}
