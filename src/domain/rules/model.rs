//! What a rule set says, as types. Every number in it names the document and clause that it comes from.

use serde::Serialize;
use time::Date;

use super::reader::Finding;
use super::words::{
    Basis, Bound, ConsequenceKind, Denominator, Electorate, Joint, Period, Positive, TurnoutMode, Unit, UponResult,
};
use crate::domain::digest::Digest;
use crate::domain::paper::{Item, Scale};
use crate::domain::union::Category;
use crate::domain::verdict::{Comparator, Fraction, RateKind, Trigger};

/// The rules of one jurisdiction. Read from a TOML file; never changed afterwards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSet {
    pub id: String,
    pub version: Version,
    pub title: String,
    /// Name of the jurisdiction, e.g. 青岛市.
    pub jurisdiction: String,
    /// The rule set whose rules apply as well.
    pub parent: Option<String>,
    pub document: Document,
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    pub turnout: Turnout,
    pub categories: Vec<CategoryEntry>,
    pub items: Vec<ItemRule>,
    pub tiers: Vec<Tier>,
    pub indicators: Vec<Indicator>,
    pub metrics: Vec<MetricRule>,
    pub standards: Vec<Standard>,
    pub duties: Vec<Duty>,
    pub conditions: Vec<Condition>,
    pub vetoes: Vec<Veto>,
    pub consequences: Vec<Consequence>,
    pub coverage: Vec<Coverage>,
    pub spot_checks: Vec<SpotCheckRule>,
    pub grants: Vec<Grant>,
    pub size_classes: Vec<SizeClasses>,
    pub calendars: Vec<Calendar>,
    /// What newer checks refuse in this file; earlier versions of the program let it pass, and rounds may rest on it.
    #[serde(skip)]
    pub doubts: Vec<Finding>,
}

/// `major.minor.patch`; later versions of a rule set take the place of earlier ones for new rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The document that a rule set was read out of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    pub title: String,
    /// 发文机关
    pub issuer: String,
    /// 文号, where the document has one.
    pub number: Option<String>,
    /// Date as far as it is known: `2018-06-14`, `2020`.
    pub date: Option<String>,
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    pub document: String,
    pub number: Option<String>,
    pub clause: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "《{}》", self.document)?;
        if let Some(number) = &self.number {
            write!(f, "（{number}）")?;
        }
        f.write_str(&self.clause)
    }
}

/// What every rule has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// E.g. `QD-1.2`. Several entries may spell out one rule.
    pub id: String,
    pub source: Source,
    pub basis: Basis,
    /// The rule for people, in our own words.
    pub statement: String,
    /// Whom it applies to; empty = every category of the rule set.
    pub categories: Vec<Category>,
}

impl Rule {
    /// Whether the rule applies to this category of its rule set.
    #[must_use]
    pub fn applies_to(&self, category: Category) -> bool {
        self.categories.is_empty() || self.categories.contains(&category)
    }
}

/// A category that the rule set distinguishes, with the finer ones that fall under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryEntry {
    pub code: Category,
    pub includes: Vec<Category>,
}

/// An item of the ballot and who is asked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemRule {
    #[serde(flatten)]
    pub item: Item,
    /// Whether the item may have ballots of its own (a spot check beside the general ballot).
    pub own_ballots: bool,
    /// Which categories are asked; empty = all.
    pub categories: Vec<Category>,
}

/// Which part of the electorate should take part. Measured as 实到 ÷ 应到.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turnout {
    pub mode: TurnoutMode,
    pub fraction: Fraction,
    pub basis: Basis,
    pub statement: String,
}

/// A grade of Home. Tiers stand in ascending order and are cumulative: each one presupposes those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tier {
    pub rule: Rule,
    pub id: String,
    /// E.g. 模范职工之家.
    pub title: String,
    /// Who examines and who names, in words.
    pub decided_by: String,
}

/// A figure that unions declare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Indicator {
    pub id: String,
    pub title: String,
    pub unit: Unit,
    /// What the numerator counts; empty for plain numbers.
    pub numerator: String,
    /// What the denominator counts; empty for plain numbers.
    pub denominator: String,
}

/// A rate of the ballot held against a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricRule {
    pub rule: Rule,
    pub items: Vec<String>,
    pub joint: Joint,
    pub positive: Positive,
    pub denominator: Denominator,
    pub comparator: Comparator,
    pub threshold: Fraction,
    pub electorate: Electorate,
    /// The tier whose ballot condition this is; none: it decides every verdict.
    pub tier: Option<String>,
    /// What follows when the rate falls short.
    pub trigger: Option<Trigger>,
}

/// A declared figure held against a standard. It never decides a verdict; it only completes a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standard {
    pub rule: Rule,
    pub indicator: String,
    pub bound: Bound,
    /// None: the union above sets the figure.
    pub threshold: Option<Fraction>,
    /// The tier that it belongs to, if it does.
    pub tier: Option<String>,
}

/// Something to be done at least so many times in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duty {
    pub rule: Rule,
    /// What is to be done: `evaluation`, `congress` …
    pub what: String,
    pub times: u64,
    pub per: Period,
    pub tier: Option<String>,
}

/// A condition without a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    pub rule: Rule,
    pub tier: Option<String>,
}

/// 一票否决: events of the current year that bar an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Veto {
    pub rule: Rule,
    pub events: Vec<String>,
    /// How many such events are still allowed.
    pub allowed: u64,
    /// The tier that must not be applied for then; none: whatever is applied for.
    pub tier: Option<String>,
}

/// What follows from a result or a title, with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consequence {
    pub rule: Rule,
    pub kind: ConsequenceKind,
    pub months: Option<u32>,
    pub years: Option<u32>,
    /// Whether the figure may be departed from with a reason ("as a rule"). Nothing is decided by it: the files say it, and
    /// `pingjia rules show --json` hands it on.
    pub as_a_rule: bool,
    pub yuan: Option<u64>,
    /// The part by which a subsidy grows.
    pub raise: Option<Fraction>,
    /// The part by which a subsidy shrinks.
    pub cut: Option<Fraction>,
    pub tier: Option<String>,
    /// The result of an evaluation that is enough for a title to be revoked; none: results alone are not.
    pub upon: Option<UponResult>,
}

/// A share of the unions in an area that should have done something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub rule: Rule,
    /// Ids of the indicators; several are counted of the unions that did them all.
    pub indicators: Vec<String>,
    pub threshold: Fraction,
    /// The last day by which it should be reached, where the document names one.
    pub by: Option<Date>,
    /// How many titled homes there should be by then.
    pub homes: Option<u64>,
}

/// Rounds or unions that are checked by drawing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpotCheckRule {
    pub rule: Rule,
    /// The item that is asked in the check, if a ballot is taken.
    pub item: Option<String>,
    /// Share of those to be drawn; none where the document leaves it open.
    pub sample: Option<Fraction>,
}

/// One-time grant by the area of the home. Steps descend; the lower bound belongs to the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub rule: Rule,
    pub steps: Vec<GrantStep>,
}

/// From so many square metres on, so many yuan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GrantStep {
    pub from_square_metres: u64,
    pub yuan: u64,
}

/// Classes of units by staff. Steps descend; the lower bound belongs to the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeClasses {
    pub rule: Rule,
    pub classes: Vec<SizeClass>,
}

/// From so many persons on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeClass {
    pub from_persons: u64,
    pub title: String,
    /// What a unit of this size should have, in words.
    pub requires: String,
}

/// Months of the year in which applications run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calendar {
    pub rule: Rule,
    pub apply_month: u8,
    pub review_month: u8,
    /// How many years after the application the honour is given.
    pub honoured_after_years: u8,
    pub tier: Option<String>,
}

impl MetricRule {
    /// Whether nobody votes who is no member, by any of these: else those entitled may well be more than the members.
    #[must_use]
    pub fn ask_members_alone<'r>(metrics: impl IntoIterator<Item = &'r MetricRule>) -> bool {
        metrics.into_iter().all(|metric| metric.electorate.is_of_members())
    }

    /// The formula in words, as every result prints it: 满意率＝（满意票＋基本满意票）÷有效票.
    #[must_use]
    pub fn formula(&self, scale: Scale) -> String {
        let positive = match (scale, self.positive) {
            (Scale::Awareness, _) => "知道票",
            (Scale::Pledge, _) => "已兑现票",
            (Scale::Satisfaction, Positive::SatisfiedAndBasically) => "（满意票＋基本满意票）",
            (Scale::Satisfaction, Positive::SatisfiedOnly) => "满意票",
        };
        let pooled = if self.joint == Joint::Pooled && self.items.len() > 1 { "（各项合并计算）" } else { "" };
        let name = RateKind::of(scale).label();
        format!("{name}＝{positive}÷{}{pooled}", self.denominator.label())
    }
}

impl RuleSet {
    /// The categories that the rule set distinguishes.
    pub fn categories(&self) -> impl Iterator<Item = Category> + '_ {
        self.categories.iter().map(|entry| entry.code)
    }

    /// The rule set's own category that a union's category falls under; none when it has no rules for it.
    #[must_use]
    pub fn resolve(&self, category: Category) -> Option<Category> {
        let own = self.categories().find(|code| *code == category);
        own.or_else(|| self.categories.iter().find(|entry| entry.includes.contains(&category)).map(|entry| entry.code))
    }

    /// The item with this id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&ItemRule> {
        self.items.iter().find(|rule| rule.item.id.as_str() == id)
    }

    /// The tier with this id.
    #[must_use]
    pub fn tier(&self, id: &str) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.id == id)
    }

    /// The indicator with this id.
    #[must_use]
    pub fn indicator(&self, id: &str) -> Option<&Indicator> {
        self.indicators.iter().find(|indicator| indicator.id == id)
    }

    /// Every rule in it, in the order of the file's kinds. One id may come several times.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let metrics = self.metrics.iter().map(|x| &x.rule);
        metrics
            .chain(self.tiers.iter().map(|x| &x.rule))
            .chain(self.standards.iter().map(|x| &x.rule))
            .chain(self.duties.iter().map(|x| &x.rule))
            .chain(self.conditions.iter().map(|x| &x.rule))
            .chain(self.vetoes.iter().map(|x| &x.rule))
            .chain(self.consequences.iter().map(|x| &x.rule))
            .chain(self.coverage.iter().map(|x| &x.rule))
            .chain(self.spot_checks.iter().map(|x| &x.rule))
            .chain(self.grants.iter().map(|x| &x.rule))
            .chain(self.size_classes.iter().map(|x| &x.rule))
            .chain(self.calendars.iter().map(|x| &x.rule))
    }
}
