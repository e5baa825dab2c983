//! Where a round stands, as the unions above see it: its stage, how it came out, and the figures of its sheet.

use super::ids::SheetId;
use super::poll::{Approval, Phase};
use super::sheet::SheetPayload;
use super::verdict::{Comparator, Fraction, RateKind, Trigger, Verdict};

/// The stage of a round: its phase, and in the draft and after certifying what the union above said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Being set up.
    Draft,
    /// The electorate waits for the union above.
    RollAsked,
    /// The union above returned the electorate.
    RollReturned,
    /// The electorate is approved.
    RollApproved,
    Open,
    Counting,
    Closing,
    Closed,
    /// The sheet waits for the union above.
    Certified,
    /// The union above accepted the sheet.
    Accepted,
    /// The union above returned the sheet.
    SheetReturned,
    Void,
}

impl Stage {
    /// All stages, in the order in which rounds pass them.
    pub const ALL: [Stage; 12] = [
        Stage::Draft,
        Stage::RollAsked,
        Stage::RollReturned,
        Stage::RollApproved,
        Stage::Open,
        Stage::Counting,
        Stage::Closing,
        Stage::Closed,
        Stage::Certified,
        Stage::Accepted,
        Stage::SheetReturned,
        Stage::Void,
    ];

    /// The stage of a round in this phase.
    #[must_use]
    pub fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Draft { approval: Approval::NotAsked, .. } => Stage::Draft,
            Phase::Draft { approval: Approval::Asked, .. } => Stage::RollAsked,
            Phase::Draft { approval: Approval::Returned { .. }, .. } => Stage::RollReturned,
            Phase::Draft { approval: Approval::Approved { .. }, .. } => Stage::RollApproved,
            Phase::Open { .. } => Stage::Open,
            Phase::Counting { .. } => Stage::Counting,
            Phase::Closing { .. } => Stage::Closing,
            Phase::Closed { .. } => Stage::Closed,
            Phase::Certified { .. } => Stage::Certified,
            Phase::Reported { opinion, .. } if opinion.accepted => Stage::Accepted,
            Phase::Reported { .. } => Stage::SheetReturned,
            Phase::Void { .. } => Stage::Void,
        }
    }

    /// The name in filters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::RollAsked => "roll_asked",
            Stage::RollReturned => "roll_returned",
            Stage::RollApproved => "roll_approved",
            Stage::Open => "open",
            Stage::Counting => "counting",
            Stage::Closing => "closing",
            Stage::Closed => "closed",
            Stage::Certified => "certified",
            Stage::Accepted => "accepted",
            Stage::SheetReturned => "sheet_returned",
            Stage::Void => "void",
        }
    }

    /// The number in rows: classes begin with it.
    #[must_use]
    pub fn number(self) -> i16 {
        Stage::ALL.into_iter().zip(0..).find(|(stage, _)| *stage == self).map_or(0, |(_, number)| number)
    }

    /// The Chinese name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Stage::Draft => "筹备中",
            Stage::RollAsked => "名册待批准",
            Stage::RollReturned => "名册已退回",
            Stage::RollApproved => "名册已批准",
            Stage::Open => "投票中",
            Stage::Counting => "计票中",
            Stage::Closing => "开票中",
            Stage::Closed => "已开票待签发",
            Stage::Certified => "已报送待批复",
            Stage::Accepted => "上级已同意",
            Stage::SheetReturned => "已退回待更正",
            Stage::Void => "已作废",
        }
    }

    /// What it waits for from the union above.
    #[must_use]
    pub fn waits(self) -> Waits {
        match self {
            Stage::RollAsked => Waits::Roll,
            Stage::Certified => Waits::Sheet,
            _ => Waits::Nothing,
        }
    }

    /// Whether the round has a certified sheet: only then it counts as held.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(self, Stage::Certified | Stage::Accepted | Stage::SheetReturned)
    }

    /// Whether the box takes or holds ballots, so that turnout grows.
    #[must_use]
    pub fn is_casting(self) -> bool {
        matches!(self, Stage::Open | Stage::Counting | Stage::Closing)
    }
}

/// What a round waits for from the union above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    Nothing,
    /// The approval of its electorate.
    Roll,
    /// An opinion on its sheet.
    Sheet,
}

impl Waits {
    /// The number in rows.
    #[must_use]
    pub fn number(self) -> i16 {
        match self {
            Waits::Nothing => 0,
            Waits::Roll => 1,
            Waits::Sheet => 2,
        }
    }
}

/// How a certified round came out: the verdict, and among those not met the ones below the floor, and those from which
/// nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    Met,
    /// Not met is nothing but the ballot condition of a tier that the union did not apply for: nothing is demanded.
    ShortOfTier,
    NotMet,
    /// Not met, and so low that an overhaul (整顿) follows.
    Overhaul,
    Invalid,
    CannotAssess,
}

impl Rating {
    /// All ratings.
    pub const ALL: [Rating; 6] =
        [Rating::Met, Rating::ShortOfTier, Rating::NotMet, Rating::Overhaul, Rating::Invalid, Rating::CannotAssess];

    /// The rating of a sheet.
    #[must_use]
    pub fn of(sheet: &SheetPayload) -> Self {
        match sheet.assessment.verdict {
            _ if sheet.assessment.triggers.contains(&Trigger::Overhaul) => Rating::Overhaul,
            Verdict::Met => Rating::Met,
            Verdict::NotMet if !sheet.demands_rectification() => Rating::ShortOfTier,
            Verdict::NotMet => Rating::NotMet,
            Verdict::Invalid => Rating::Invalid,
            Verdict::CannotAssess => Rating::CannotAssess,
        }
    }

    /// The number in classes, never 0. Rows hold it: a rating keeps its number.
    fn number(self) -> i32 {
        match self {
            Rating::Met => 1,
            Rating::NotMet => 2,
            Rating::Overhaul => 3,
            Rating::Invalid => 4,
            Rating::CannotAssess => 5,
            Rating::ShortOfTier => 6,
        }
    }

    /// The name in filters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Rating::Met => "met",
            Rating::ShortOfTier => "short_of_tier",
            Rating::NotMet => "not_met",
            Rating::Overhaul => "overhaul",
            Rating::Invalid => "invalid",
            Rating::CannotAssess => "cannot_assess",
        }
    }

    /// The Chinese word on pages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Rating::Overhaul => "未达标·需整顿",
            Rating::ShortOfTier => "未达等级条件",
            Rating::Met => Verdict::Met.label(),
            Rating::NotMet => Verdict::NotMet.label(),
            Rating::Invalid => Verdict::Invalid.label(),
            Rating::CannotAssess => Verdict::CannotAssess.label(),
        }
    }
}

/// Stage, rating and rate of a round as one small number, so that a tree is counted from one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub stage: Stage,
    /// From certifying on.
    pub rating: Option<Rating>,
    /// The rate that decided; none without one.
    pub rate: Option<RateClass>,
}

/// What kind of rate decided, how it was held against its threshold, and about how high it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateClass {
    pub kind: RateKind,
    pub comparator: Comparator,
    /// In twentieths, cut, from [`RateClass::LOWEST`] (and below) to 20.
    pub twentieths: u8,
}

impl RateClass {
    /// All rates below one half are one.
    pub const LOWEST: u8 = 9;
    /// How many classes of rates there are from [`RateClass::LOWEST`] to 20.
    const STEPS: usize = 12;
    const COMPARATORS: [Comparator; 2] = [Comparator::AtLeast, Comparator::Below];

    /// The usual one: a satisfaction rate that should not lie below its threshold.
    #[must_use]
    pub fn satisfaction(twentieths: u8) -> Self {
        RateClass { kind: RateKind::Satisfaction, comparator: Comparator::AtLeast, twentieths }
    }

    /// All classes of rates, in the order of their numbers.
    fn all() -> impl Iterator<Item = RateClass> {
        RateKind::ALL.into_iter().flat_map(|kind| {
            RateClass::COMPARATORS.into_iter().flat_map(move |comparator| {
                (RateClass::LOWEST..=20).map(move |twentieths| RateClass { kind, comparator, twentieths })
            })
        })
    }

    /// From [`RateClass::LOWEST`] on, below 100.
    fn number(self) -> Option<i32> {
        let place = RateClass::all().position(|known| known == self)?;
        i32::try_from(place + usize::from(RateClass::LOWEST)).ok()
    }

    fn from_number(number: usize) -> Option<Self> {
        let place = number.checked_sub(RateClass::LOWEST.into())?;
        let variant = place / RateClass::STEPS;
        Some(RateClass {
            kind: *RateKind::ALL.get(variant / RateClass::COMPARATORS.len())?,
            comparator: *RateClass::COMPARATORS.get(variant % RateClass::COMPARATORS.len())?,
            twentieths: u8::try_from(place % RateClass::STEPS).ok()? + RateClass::LOWEST,
        })
    }
}

impl Class {
    /// The number in rows.
    #[must_use]
    pub fn number(self) -> i32 {
        let rating = self.rating.map_or(0, Rating::number);
        i32::from(self.stage.number()) * 1000 + rating * 100 + self.rate.and_then(RateClass::number).unwrap_or(0)
    }

    /// The class with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        let (stage, rate) = (usize::try_from(number / 1000).ok()?, usize::try_from(number % 100).ok()?);
        let rating = match number / 100 % 10 {
            0 => None,
            rating => Some(Rating::ALL.into_iter().find(|known| known.number() == rating)?),
        };
        Some(Class { stage: *Stage::ALL.get(stage)?, rating, rate: RateClass::from_number(rate) })
    }

    /// The numbers of all classes that `fits`.
    #[must_use]
    pub fn numbers(fits: impl Fn(Stage, Option<Rating>) -> bool) -> Vec<i32> {
        let ratings = || std::iter::once(None).chain(Rating::ALL.into_iter().map(Some));
        let mut numbers = Vec::new();
        for stage in Stage::ALL {
            for rating in ratings().filter(|rating| fits(stage, *rating) && (rating.is_none() || stage.is_held())) {
                let rates = std::iter::once(None).chain(RateClass::all().map(Some));
                numbers.extend(
                    rates
                        .filter(|rate| rating.is_some() || rate.is_none())
                        .map(|rate| Class { stage, rating, rate }.number()),
                );
            }
        }
        numbers
    }
}

/// What the sheet in force says, as far as the unions above see it at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetFigures {
    pub sheet: SheetId,
    pub rating: Rating,
    pub rate: Option<DecidingRate>,
    pub expected: u64,
    pub present: u64,
    pub issued: u64,
    pub returned: u64,
    pub valid: u64,
}

/// The rate that decided: see [`super::verdict::Assessment::deciding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidingRate {
    pub kind: RateKind,
    pub numerator: u64,
    /// Never 0: without ballots there is no rate.
    pub base: u64,
    pub comparator: Comparator,
    pub threshold: Fraction,
}

impl SheetFigures {
    /// Reads them off a sheet.
    #[must_use]
    pub fn of(id: SheetId, sheet: &SheetPayload) -> Self {
        SheetFigures {
            sheet: id,
            rating: Rating::of(sheet),
            rate: sheet.deciding().filter(|metric| metric.base > 0).map(|metric| DecidingRate {
                kind: metric.kind(),
                numerator: metric.numerator,
                base: metric.base,
                comparator: metric.comparator,
                threshold: metric.threshold,
            }),
            expected: sheet.counts.expected,
            present: sheet.counts.present,
            issued: sheet.counts.issued,
            returned: sheet.counts.returned,
            valid: sheet.counts.valid,
        }
    }

    /// The class of a round in `stage` with these figures.
    #[must_use]
    pub fn class(&self, stage: Stage) -> Class {
        Class { stage, rating: Some(self.rating), rate: self.rate.and_then(DecidingRate::class) }
    }
}

impl DecidingRate {
    fn class(self) -> Option<RateClass> {
        let twentieths = (u128::from(self.numerator) * 20).checked_div(u128::from(self.base))?;
        let twentieths = u8::try_from(twentieths.clamp(u128::from(RateClass::LOWEST), 20)).ok()?;
        Some(RateClass { kind: self.kind, comparator: self.comparator, twentieths })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Outcome;

    #[test]
    fn every_class_has_its_own_number() {
        let numbers = Class::numbers(|_, _| true);
        for number in &numbers {
            assert_eq!(Class::from_number(*number).map(Class::number), Some(*number));
        }
        let mut unique = numbers.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), numbers.len());
        // Nine stages without a rating and three held ones, which have 6 ratings × (72 rates or none) and none.
        assert_eq!(numbers.len(), 9 + 3 * (1 + 6 * 73));
        let usual =
            Class { stage: Stage::Accepted, rating: Some(Rating::Met), rate: Some(RateClass::satisfaction(18)) };
        assert_eq!(usual.number(), 9118, "the numbers of rows that were written before other kinds had their own");
        let numbered = |rating| Class { rating: Some(rating), ..usual }.number() / 100 % 10;
        assert_eq!(Rating::ALL.map(numbered), [1, 6, 2, 3, 4, 5], "rows and migrations hold these numbers");
        for unknown in [-1, 12_000, 9718] {
            assert_eq!(Class::from_number(unknown), None);
        }
    }

    #[test]
    fn figures_come_from_the_rate_that_decided() {
        let mut sheet = super::super::sheet::sample::Sample::new().sheet(&[]);
        let figures = |sheet: &SheetPayload| SheetFigures::of(sheet.id().unwrap(), sheet);
        assert_eq!(figures(&sheet).rating, Rating::Met);
        let last = sheet.assessment.metrics.last_mut().unwrap();
        last.outcome = Outcome::NotMet;
        (last.numerator, last.base) = (899, 999);
        let found = figures(&sheet).rate.unwrap();
        assert_eq!(found.numerator, 21, "what a tier asks that was not applied for has not decided");
        sheet.assessment.verdict = Verdict::NotMet;
        let found = figures(&sheet);
        assert_eq!((found.rating, found.rate.map(|rate| rate.numerator)), (Rating::NotMet, Some(899)));
        let floor = RateClass { comparator: Comparator::Below, ..RateClass::satisfaction(17) };
        assert_eq!(found.class(Stage::Accepted).rate, Some(floor), "89.98 % is cut, not rounded");
        sheet.assessment.metrics.last_mut().unwrap().id = "awareness".to_owned();
        let aware = figures(&sheet);
        assert_eq!(aware.rate.map(|rate| (rate.kind, rate.comparator)), Some((RateKind::Awareness, Comparator::Below)));
        assert_eq!(aware.class(Stage::Accepted).rate.map(|rate| rate.kind), Some(RateKind::Awareness));
        sheet.assessment.metrics.last_mut().unwrap().base = 0;
        assert_eq!(figures(&sheet).rate, None);
        sheet.assessment.metrics.last_mut().unwrap().base = 999;
        sheet.assessment.verdict = Verdict::Invalid;
        for metric in &mut sheet.assessment.metrics {
            metric.outcome = Outcome::CannotAssess;
        }
        let void = figures(&sheet);
        assert_eq!((void.rating, void.rate), (Rating::Invalid, None), "nothing was assessed: no rate for charts");
        sheet.assessment.triggers.push(Trigger::Overhaul);
        assert_eq!(figures(&sheet).rating, Rating::Overhaul);
    }
}
