//! Assessment: from a count and a rule set to metrics and a verdict, in integers only.

mod assess;
mod figures;
mod rate;
mod tiers;
mod warning;

pub use assess::{assess, assess_by, warnings_in_full};
pub use figures::CountError;
pub use rate::RateKind;
pub use warning::{Warning, other_electorate, warning_text};

use serde::{Deserialize, Serialize};

/// An exact fraction, written `[numerator, denominator]`. The denominator is never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u64; 2]", try_from = "[u64; 2]")]
pub struct Fraction {
    num: u64,
    den: u64,
}

impl Fraction {
    /// Two thirds.
    pub const TWO_THIRDS: Fraction = Fraction { num: 2, den: 3 };

    /// `num / den`; `None` when `den` is 0.
    #[must_use]
    pub fn new(num: u64, den: u64) -> Option<Self> {
        (den > 0).then_some(Fraction { num, den })
    }

    /// Numerator.
    #[must_use]
    pub fn num(self) -> u64 {
        self.num
    }

    /// Denominator, at least 1.
    #[must_use]
    pub fn den(self) -> u64 {
        self.den
    }

    /// How `part / base` compares with this fraction, by cross-multiplication; `None` at base 0.
    #[must_use]
    pub fn compare(self, part: u64, base: u64) -> Option<std::cmp::Ordering> {
        let left = u128::from(part) * u128::from(self.den);
        let right = u128::from(self.num) * u128::from(base);
        (base > 0).then(|| left.cmp(&right))
    }
}

impl From<Fraction> for [u64; 2] {
    fn from(fraction: Fraction) -> Self {
        [fraction.num, fraction.den]
    }
}

impl TryFrom<[u64; 2]> for Fraction {
    type Error = &'static str;
    fn try_from([num, den]: [u64; 2]) -> Result<Self, Self::Error> {
        Fraction::new(num, den).ok_or("a denominator of 0")
    }
}

/// Percentage cut (never rounded) to two decimals: 899 of 999 is `"89.98%"`. `None` at base 0.
#[must_use]
pub fn percent(part: u64, base: u64) -> Option<String> {
    let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(base))?;
    Some(format!("{}.{:02}%", hundredths / 100, hundredths % 100))
}

/// 结论
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// 达标
    Met,
    /// 未达标
    NotMet,
    /// 无效
    Invalid,
    /// 无法评定
    CannotAssess,
}

impl Verdict {
    /// The Chinese word on pages and sheets.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Verdict::Met => "达标",
            Verdict::NotMet => "未达标",
            Verdict::Invalid => "无效",
            Verdict::CannotAssess => "无法评定",
        }
    }
}

/// Outcome of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Met,
    NotMet,
    CannotAssess,
}

/// How a rate is held against its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparator {
    /// 以上: the number itself included.
    #[serde(rename = ">=")]
    AtLeast,
    /// 达不到: the number itself excluded. Such a rule is a trigger: it is *met* when the rate stays clear of it.
    #[serde(rename = "<")]
    Below,
}

/// One rate held against one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// `satisfaction.<item>` or `awareness`.
    pub id: String,
    pub numerator: u64,
    pub base: u64,
    /// Truncated percentage; null at base 0.
    pub display: Option<String>,
    /// The strict rate (满意 only) over the same base; null at base 0 and for awareness.
    pub strict_display: Option<String>,
    pub comparator: Comparator,
    pub threshold: Fraction,
    pub outcome: Outcome,
    /// Id of the rule, e.g. `QD-1.2`.
    pub rule: String,
    /// Document, number and clause, for people.
    pub source: String,
    /// The formula in words, for people: every result prints it.
    pub formula: String,
    /// The tier whose ballot condition it is; none: it decides whatever the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Whether that tier lies above the one that the verdict is about: then it decided nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
}

/// What follows from a count, apart from the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// 整顿
    Overhaul,
}

impl Trigger {
    /// The Chinese word on pages and sheets.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Trigger::Overhaul => "整顿",
        }
    }
}

/// What a union's declared figures say of a standard. They are the union's own word (单位申报) and never
/// change a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredIndicator {
    pub id: String,
    pub title: String,
    /// The declared figure; none when the union declared nothing.
    pub declared: Option<Fraction>,
    /// The declared figure for people: a truncated percentage, or a number with its unit.
    pub display: Option<String>,
    /// `>=`, `<=` or `==`.
    pub bound: String,
    /// None where the union above sets the figure.
    pub threshold: Option<Fraction>,
    /// `cannot_assess` where nothing was declared or nothing to compare with is known.
    pub outcome: Outcome,
    /// The tier that it completes, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    pub rule: String,
    pub source: String,
}

/// How far a count goes towards a tier. The ballot alone yields "meets the satisfaction condition of", never
/// "is".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierStanding {
    pub id: String,
    pub title: String,
    /// Outcome of the ballot conditions of this tier and all below it; none when they have none.
    pub ballot: Option<Outcome>,
    /// Outcome of the declared figures of this tier and all below it; none when they need none.
    pub indicators: Option<Outcome>,
    /// What remains to be examined, in words.
    pub to_examine: Vec<String>,
}

/// An assessment (contract of `pingjia assess`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub verdict: Verdict,
    /// Every tier whose ballot condition holds. The ballot alone never makes a union a tier.
    pub tier_conditions: Vec<String>,
    pub metrics: Vec<Metric>,
    pub triggers: Vec<Trigger>,
    /// Stable codes, on sheets some with their figures; [`warning_text`] says each in Chinese. They also name why a verdict is `invalid` or
    /// `cannot_assess`.
    pub warnings: Vec<String>,
    /// Declared figures beside their standards; no part of the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<DeclaredIndicator>,
    /// Standing towards every tier for which the rule sets name a requirement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierStanding>,
}

impl Assessment {
    /// The metric that decided in a round that applied for this tier, if for any: among those that the verdict rests on the
    /// first whose outcome is the verdict's own. Of several tiers it is that of the one that the verdict is about, which
    /// asks most, unless a threshold was missed that holds whatever the tier: as the conclusion on sheets has it. None where
    /// no metric decided, as in a void round: nothing in it was assessed.
    #[must_use]
    pub fn deciding(&self, applying_for: Option<&str>) -> Option<&Metric> {
        let outcome = match self.verdict {
            Verdict::Met => Outcome::Met,
            Verdict::NotMet => Outcome::NotMet,
            Verdict::CannotAssess => Outcome::CannotAssess,
            Verdict::Invalid => return None,
        };
        let tiers = self.tiers_of_metrics(applying_for);
        let fitting = self.metrics.iter().zip(tiers).filter(|(metric, (_, aside))| !aside && metric.outcome == outcome);
        let fitting: Vec<(&Metric, Option<&str>)> = fitting.map(|(metric, (tier, _))| (metric, tier)).collect();
        let general = |(metric, tier): &&(&Metric, Option<&str>)| {
            outcome == Outcome::NotMet && tier.is_none() && metric.comparator == Comparator::AtLeast
        };
        let place = |tier: &str| self.tiers.iter().position(|known| known.id == tier);
        let rank = |tier: Option<&str>| (tier.is_some() && tier == applying_for, tier.and_then(place));
        // Of several of one rank the first: the last that is looked at.
        let highest = || fitting.iter().rev().max_by_key(|(_, tier)| rank(*tier));
        fitting.iter().find(general).or_else(highest).map(|(metric, _)| *metric)
    }

    /// Per metric the tier whose condition it is, and whether that one decided nothing.
    ///
    /// Earlier sheets do not say so. Where one rate is held against as many thresholds as tiers have a ballot condition,
    /// as in every rule set with tiers that was built in then, each is that of one tier, in their order; else none is
    /// known to be of a tier.
    fn tiers_of_metrics(&self, applying_for: Option<&str>) -> Vec<(Option<&str>, bool)> {
        if self.metrics.iter().any(|metric| metric.tier.is_some()) {
            return self.metrics.iter().map(|metric| (metric.tier.as_deref(), metric.aside)).collect();
        }
        let tiers: Vec<&str> =
            self.tiers.iter().filter(|tier| tier.ballot.is_some()).map(|tier| tier.id.as_str()).collect();
        let one_rate = self.metrics.windows(2).all(|pair| matches!(pair, [one, other] if one.id == other.id));
        if !one_rate || tiers.len() != self.metrics.len() {
            return vec![(None, false); self.metrics.len()];
        }
        let judged = applying_for.and_then(|tier| tiers.iter().position(|known| *known == tier)).unwrap_or(0);
        tiers.into_iter().enumerate().map(|(place, tier)| (Some(tier), place > judged)).collect()
    }
}

#[cfg(test)]
mod tests;
