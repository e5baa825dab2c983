//! Titles of Homes (称号: 合格、先进、模范职工之家 …): who named a union what and when, the 复核 that keeps a title, and when the
//! rules speak of revoking it.
//!
//! What the documents say: Shandong, clause 5 (SD-5.8): a titled Home is re-verified every three years, one that passes
//! is confirmed, one that fails gets a term of half a year as a rule, and past it the naming body revokes the title;
//! (SD-5.3) three years in a row as 模范 open the way to a 五一 recommendation. Chaoyang, 三（二）3 (CY-3.3): where the members
//! are not satisfied the title may be revoked; what that means stays open, and its rule set takes a result that falls short
//! for it [D] (`upon`). Changzhou grades Homes, Hohhot names none; neither says how a title ends. All figures come from the rule sets.

use time::Date;

use super::rectification::{is_overdue, months_later};
use super::rules::{Consequence, ConsequenceKind, Rule, RuleRegistry, RuleSet, Tier};
use super::standing::{Class, Rating, Stage};
use super::union::Category;

/// Where a title stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// 复核到期: the day of the next 复核 has come.
    ReviewDue,
    /// 整改逾期: it failed the 复核 and the term for putting things right has passed.
    Expired,
    /// 评议未达标: the last result fell short, and the rules say that this may cost the title.
    InQuestion,
    /// 限期整改
    Correcting,
    /// 有效
    Held,
    /// 已终止
    Ended,
}

impl State {
    /// All states; what needs a deed comes first.
    pub const ALL: [State; 6] =
        [State::ReviewDue, State::Expired, State::InQuestion, State::Correcting, State::Held, State::Ended];

    /// The name in filters.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            State::ReviewDue => "review_due",
            State::Expired => "expired",
            State::InQuestion => "in_question",
            State::Correcting => "correcting",
            State::Held => "held",
            State::Ended => "ended",
        }
    }

    /// The Chinese word on pages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            State::ReviewDue => "复核到期",
            State::Expired => "整改逾期",
            State::InQuestion => "评议未达标",
            State::Correcting => "限期整改",
            State::Held => "有效",
            State::Ended => "已终止",
        }
    }
}

/// How a title ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// 撤销: by the body that had given it.
    Revoked,
    /// 改授: another title has taken its place.
    Replaced,
    /// 登记有误: it should not stand here.
    Mistaken,
}

impl End {
    /// All ends.
    pub const ALL: [End; 3] = [End::Revoked, End::Replaced, End::Mistaken];

    /// The name in forms and rows.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            End::Revoked => "revoked",
            End::Replaced => "replaced",
            End::Mistaken => "mistaken",
        }
    }

    /// The end with this name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        End::ALL.into_iter().find(|end| end.code() == code)
    }

    /// The Chinese word on pages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            End::Revoked => "已撤销",
            End::Replaced => "已改授",
            End::Mistaken => "登记有误",
        }
    }
}

/// How far a title has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// It stands. The day of the next 复核, where the rules asked for one when it was given or last reviewed.
    Held { review: Option<Date> },
    /// It failed the 复核 on a day and has until another to put right what was found.
    Correcting { failed_on: Date, until: Date, why: String },
    /// Nothing changes any more.
    Ended { on: Date, how: End, why: String },
}

/// What the members' own evaluation means for a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// The rules tie no revocation to it.
    Apart,
    /// They do, and the last result since the title was given does not fall short.
    Sound,
    /// They do, and it falls short.
    FellShort,
}

/// A title that a union was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// In full, as on the plaque: 模范职工之家.
    pub label: String,
    /// The grade of the union's rules, if it is one of theirs.
    pub tier: Option<String>,
    /// 命名单位
    pub named_by: String,
    /// 命名日期
    pub given_on: Date,
    /// The last 复核 that it passed.
    pub confirmed_on: Option<Date>,
    pub course: Course,
    pub evaluation: Evaluation,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("这项称号已经终止，不能再改")]
    AlreadyEnded,
    /// The rules of the union know no 复核.
    #[error("这家工会适用的规则没有规定复核")]
    NoReview,
    #[error("这项称号已经在限期整改")]
    AlreadyCorrecting,
    /// Before the title was given, or before the last step.
    #[error("日期不能早于命名或者上一次复核的日期")]
    TooEarly,
    /// The term would be over before it begins.
    #[error("整改期限不能早于复核日期")]
    TermTooEarly,
}

impl Refusal {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Refusal::AlreadyEnded => "title_ended",
            Refusal::NoReview => "no_review",
            Refusal::AlreadyCorrecting => "already_correcting",
            Refusal::TooEarly => "too_early",
            Refusal::TermTooEarly => "term_too_early",
        }
    }
}

/// What the rules that a union is judged by say of titles.
#[derive(Debug, Clone, Default)]
pub struct Terms<'r> {
    /// The grades, lowest first, of the nearest rule set that has any.
    pub tiers: &'r [Tier],
    /// 复核, with its years.
    pub review: Option<&'r Consequence>,
    /// The term after a 复核 that failed, with its months.
    pub correction: Option<&'r Consequence>,
    /// What ends a title that was not put right.
    pub revocation: Option<&'r Consequence>,
    /// What may end it because of a result alone: the rule set says because of which.
    pub question: Option<&'r Consequence>,
    streaks: Vec<&'r Consequence>,
}

impl RuleRegistry {
    /// What the rules say of the titles of such a union: each by its own rule set or the nearest that it inherits from.
    /// Nothing for unions that the rule set has no rules for.
    #[must_use]
    pub fn title_terms(&self, set: &str, category: Category) -> Terms<'_> {
        let Some(set) = self.get(set) else { return Terms::default() };
        let lineage = self.lineage_of(set, category).unwrap_or_default();
        let all = |kind: ConsequenceKind| {
            lineage.iter().copied().flat_map(move |(set, own): (&RuleSet, Category)| {
                set.consequences.iter().filter(move |found| found.kind == kind && found.rule.applies_to(own))
            })
        };
        Terms {
            tiers: lineage.iter().map(|(set, _)| set.tiers.as_slice()).find(|tiers| !tiers.is_empty()).unwrap_or(&[]),
            review: all(ConsequenceKind::Reverification).find(|found| found.years.is_some()),
            correction: all(ConsequenceKind::Rectification).find(|found| found.months.is_some()),
            revocation: all(ConsequenceKind::Revocation).next(),
            question: all(ConsequenceKind::Revocation).find(|found| found.upon.is_some()),
            streaks: all(ConsequenceKind::Streak).collect(),
        }
    }
}

impl Terms<'_> {
    /// The day of the 复核 that follows a day.
    #[must_use]
    pub fn next_review(&self, from: Date) -> Option<Date> {
        months_later(from, self.review?.years?.checked_mul(12)?)
    }

    /// The usual last day for putting right what a 复核 found.
    #[must_use]
    pub fn term(&self, failed_on: Date) -> Option<Date> {
        months_later(failed_on, self.correction?.months?)
    }

    /// Whether a result that falls short may cost a title: where the rules say so (CY-3.3), not where revocation follows
    /// a 复核 alone (SD-5.8).
    #[must_use]
    pub fn evaluation(&self) -> Evaluation {
        if self.question.is_some() { Evaluation::Sound } else { Evaluation::Apart }
    }
}

/// How long a title has been kept in a row, where a rule asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak<'r> {
    /// Full years since it was given.
    pub years: u32,
    /// Years that the rule asks for.
    pub asked: u32,
    pub rule: &'r Rule,
}

impl Title {
    /// A title as it is given.
    #[must_use]
    pub fn given(label: String, tier: Option<String>, named_by: String, given_on: Date, terms: &Terms<'_>) -> Self {
        let course = Course::Held { review: terms.next_review(given_on) };
        Title { label, tier, named_by, given_on, confirmed_on: None, course, evaluation: terms.evaluation() }
    }

    /// Where it stands on a day. The last day of a term still counts; a 复核 is due on its day.
    #[must_use]
    pub fn state(&self, today: Date) -> State {
        match &self.course {
            Course::Held { review } if review.is_some_and(|review| review <= today) => State::ReviewDue,
            Course::Held { .. } if self.evaluation == Evaluation::FellShort => State::InQuestion,
            Course::Held { .. } => State::Held,
            Course::Correcting { until, .. } if is_overdue(*until, today) => State::Expired,
            Course::Correcting { .. } => State::Correcting,
            Course::Ended { .. } => State::Ended,
        }
    }

    /// Whether it is no longer held.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.course, Course::Ended { .. })
    }

    /// The day by which something is to be done; of one that has ended, the day on which it did.
    #[must_use]
    pub fn due(&self) -> Option<Date> {
        match &self.course {
            Course::Held { review } => *review,
            Course::Correcting { until, .. } => Some(*until),
            Course::Ended { on, .. } => Some(*on),
        }
    }

    /// What the rules say is to be done now.
    #[must_use]
    pub fn advice<'r>(&self, terms: &Terms<'r>, today: Date) -> Option<&'r Consequence> {
        match self.state(today) {
            State::ReviewDue => terms.review,
            State::Expired => terms.revocation,
            // A title that was put down by an earlier version of the rules may be in question without such a rule.
            State::InQuestion => terms.question.or(terms.revocation),
            State::Correcting => terms.correction,
            State::Held | State::Ended => None,
        }
    }

    /// How long it has been kept, where a rule asks for that of its grade (SD-5.3: 连续三年保持模范荣誉称号). None while it
    /// is doubtful whether it will be kept.
    #[must_use]
    pub fn streak<'r>(&self, terms: &Terms<'r>, today: Date) -> Option<Streak<'r>> {
        let Course::Held { .. } = self.course else { return None };
        let found = terms.streaks.iter().find(|found| found.tier.is_none() || found.tier == self.tier)?;
        Some(Streak { years: full_years(self.given_on, today), asked: found.years?, rule: &found.rule })
    }

    /// It passed a 复核 and is confirmed, or put right in its term what one had found.
    ///
    /// # Errors
    /// `AlreadyEnded`, `NoReview`, `TooEarly`.
    pub fn confirm(self, on: Date, terms: &Terms<'_>) -> Result<Self, Refusal> {
        self.may_review(on, terms)?;
        let course = Course::Held { review: terms.next_review(on) };
        Ok(Title { course, confirmed_on: Some(on), ..self })
    }

    /// It failed a 复核 and has to put right what was found.
    ///
    /// # Errors
    /// `AlreadyEnded`, `NoReview`, `TooEarly`; `AlreadyCorrecting`, for a term does not begin anew; `TermTooEarly`.
    pub fn fail(self, on: Date, until: Date, why: String, terms: &Terms<'_>) -> Result<Self, Refusal> {
        self.may_review(on, terms)?;
        match self.course {
            Course::Correcting { .. } => Err(Refusal::AlreadyCorrecting),
            _ if until < on => Err(Refusal::TermTooEarly),
            _ => Ok(Title { course: Course::Correcting { failed_on: on, until, why }, ..self }),
        }
    }

    /// It is no longer held.
    ///
    /// # Errors
    /// `AlreadyEnded`, `TooEarly`.
    pub fn end(self, on: Date, how: End, why: String) -> Result<Self, Refusal> {
        self.may_change(on)?;
        Ok(Title { course: Course::Ended { on, how, why }, ..self })
    }

    fn may_review(&self, on: Date, terms: &Terms<'_>) -> Result<(), Refusal> {
        self.may_change(on)?;
        if terms.review.is_none() { Err(Refusal::NoReview) } else { Ok(()) }
    }

    fn may_change(&self, on: Date) -> Result<(), Refusal> {
        let last = match &self.course {
            Course::Ended { .. } => return Err(Refusal::AlreadyEnded),
            Course::Correcting { failed_on, .. } => *failed_on,
            Course::Held { .. } => self.confirmed_on.unwrap_or(self.given_on),
        };
        if on < last { Err(Refusal::TooEarly) } else { Ok(()) }
    }
}

/// Full years from one day to another: as many anniversaries as have come, that of 29 February on the 28th where there is none.
#[must_use]
pub fn full_years(from: Date, to: Date) -> u32 {
    let years = u32::try_from(to.year().saturating_sub(from.year())).unwrap_or(0);
    let has_come = months_later(from, years.saturating_mul(12)).is_some_and(|day| day <= to);
    if has_come { years } else { years.saturating_sub(1) }
}

/// Whether a result falls short, which rules may take for members who are not satisfied ([`super::rules::UponResult`]): not
/// where it is merely short of a tier that was not applied for. None of a result that says nothing: void or without ballots.
#[must_use]
pub fn falls_short(rating: Rating) -> Option<bool> {
    match rating {
        Rating::Met | Rating::ShortOfTier => Some(false),
        Rating::NotMet | Rating::Overhaul => Some(true),
        Rating::Invalid | Rating::CannotAssess => None,
    }
}

/// In how many years in a row, back from the newest result, the union above accepted a result that met its thresholds.
/// `results` are those of certified rounds, one of a year, newest first.
#[must_use]
pub fn met_in_a_row(results: &[(u16, Class)]) -> u32 {
    let met = |class: &Class| class.stage == Stage::Accepted && class.rating == Some(Rating::Met);
    let Some((newest, _)) = results.first() else { return 0 };
    let row = results
        .iter()
        .zip(0_u16..)
        .take_while(|((year, class), back)| year.checked_add(*back) == Some(*newest) && met(class));
    u32::try_from(row.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::date;

    use super::*;
    use crate::domain::standing::RateClass;

    const GIVEN: Date = date!(2023 - 05 - 10);

    fn rules() -> RuleRegistry {
        RuleRegistry::embedded().unwrap()
    }

    fn titled(terms: &Terms<'_>, tier: &str) -> Title {
        Title::given("模范职工之家".to_owned(), Some(tier.to_owned()), "市总工会".to_owned(), GIVEN, terms)
    }

    #[test]
    fn each_jurisdiction_says_its_own_of_titles() {
        let rules = rules();
        let said = |set: &str, category| {
            let terms = rules.title_terms(set, category);
            let tiers: Vec<&str> = terms.tiers.iter().map(|tier| tier.id.as_str()).collect();
            let id = |found: Option<&Consequence>| found.map(|found| found.rule.id.clone()).unwrap_or_default();
            (tiers.join(" "), id(terms.review), id(terms.revocation), terms.evaluation())
        };
        let shandong = ("qualified advanced model", "SD-5.8", "SD-5.8", Evaluation::Apart);
        let like = |(tiers, review, revocation, evaluation): (&str, &str, &str, _)| {
            (tiers.to_owned(), review.to_owned(), revocation.to_owned(), evaluation)
        };
        assert_eq!(said("shandong-2018", Category::GrassrootsUnion), like(shandong));
        assert_eq!(said("qingdao-2020", Category::Enterprise), like(shandong), "Shandong's rules are Qingdao's too");
        let changzhou = said("changzhou-2016", Category::Enterprise);
        assert_eq!(changzhou, like(("qualified model trusted", "", "", Evaluation::Apart)));
        assert_eq!(said("chaoyang-2013", Category::Enterprise), like(("", "", "CY-3.3", Evaluation::Sound)));
        assert_eq!(said("hohhot-2020", Category::Enterprise), like(("", "", "", Evaluation::Apart)));
        assert_eq!(said("no-such", Category::Enterprise), like(("", "", "", Evaluation::Apart)));
    }

    #[test]
    fn a_title_is_reviewed_every_three_years() {
        let rules = rules();
        let terms = rules.title_terms("qingdao-2020", Category::Enterprise);
        let title = titled(&terms, "model");
        assert_eq!(title.due(), Some(date!(2026 - 05 - 10)));
        assert_eq!(title.state(date!(2026 - 05 - 09)), State::Held);
        assert_eq!(title.state(date!(2026 - 05 - 10)), State::ReviewDue);
        let advice = title.advice(&terms, date!(2026 - 05 - 10)).unwrap();
        assert!(advice.rule.statement.contains("每三年复核一次"), "{}", advice.rule.statement);
        let early = title.clone().confirm(GIVEN - Duration::days(1), &terms);
        assert_eq!(early, Err(Refusal::TooEarly));
        let again = title.confirm(date!(2026 - 06 - 01), &terms).unwrap();
        assert_eq!((again.due(), again.confirmed_on), (Some(date!(2029 - 06 - 01)), Some(date!(2026 - 06 - 01))));
        assert_eq!(again.confirm(date!(2026 - 05 - 31), &terms), Err(Refusal::TooEarly), "the last one stands");
    }

    #[test]
    fn a_title_that_failed_is_put_right_in_half_a_year_or_revoked() {
        let rules = rules();
        let terms = rules.title_terms("shandong-2018", Category::GrassrootsUnion);
        let failed_on = date!(2026 - 08 - 31);
        let until = terms.term(failed_on).unwrap();
        assert_eq!(until, date!(2027 - 02 - 28));
        let why = || "阵地被占用".to_owned();
        let title = titled(&terms, "advanced");
        let backwards = title.clone().fail(failed_on, failed_on - Duration::days(1), why(), &terms);
        assert_eq!(backwards, Err(Refusal::TermTooEarly));
        let failed = title.fail(failed_on, until, why(), &terms).unwrap();
        assert_eq!([failed.state(until), failed.state(date!(2027 - 03 - 01))], [State::Correcting, State::Expired]);
        let rule = |on| failed.advice(&terms, on).map(|advice| advice.kind);
        assert_eq!(rule(until), Some(ConsequenceKind::Rectification));
        assert_eq!(rule(date!(2027 - 03 - 01)), Some(ConsequenceKind::Revocation));
        let again = failed.clone().fail(until, until, why(), &terms);
        assert_eq!(again, Err(Refusal::AlreadyCorrecting), "a term does not begin anew");
        let passed = failed.clone().confirm(until, &terms).unwrap();
        assert_eq!(passed.state(until), State::Held);
        assert_eq!(failed.clone().end(failed_on - Duration::days(1), End::Revoked, why()), Err(Refusal::TooEarly));
        let ended = failed.end(date!(2027 - 03 - 20), End::Revoked, why()).unwrap();
        assert_eq!(ended.state(date!(2030 - 01 - 01)), State::Ended);
        assert_eq!(ended.advice(&terms, date!(2030 - 01 - 01)), None);
        let late = date!(2030 - 01 - 01);
        assert_eq!(ended.clone().confirm(late, &terms), Err(Refusal::AlreadyEnded));
        assert_eq!(ended.clone().fail(late, late, why(), &terms), Err(Refusal::AlreadyEnded));
        assert_eq!(ended.end(late, End::Mistaken, why()), Err(Refusal::AlreadyEnded));
    }

    #[test]
    fn where_the_members_decide_a_result_that_falls_short_puts_a_title_in_question() {
        let rules = rules();
        let terms = rules.title_terms("chaoyang-2013", Category::Enterprise);
        let title = titled(&terms, "model");
        assert_eq!((title.due(), title.state(date!(2100 - 01 - 01))), (None, State::Held), "no review is named");
        let today = date!(2026 - 11 - 21);
        assert_eq!(title.clone().confirm(today, &terms), Err(Refusal::NoReview));
        assert_eq!(title.clone().fail(today, today, String::new(), &terms), Err(Refusal::NoReview));
        let short = Title { evaluation: Evaluation::FellShort, ..title };
        assert_eq!(short.state(today), State::InQuestion);
        let advice = short.advice(&terms, today).unwrap();
        assert!(advice.as_a_rule && advice.rule.id == "CY-3.3", "it may be revoked; nobody has to");
        let ended = short.end(today, End::Revoked, "会员不满意".to_owned()).unwrap();
        assert_eq!(ended.state(today), State::Ended);
        let ratings = Rating::ALL.map(falls_short);
        assert_eq!(ratings, [Some(false), Some(false), Some(true), Some(true), None, None]);
    }

    #[test]
    fn a_result_costs_a_title_only_where_the_rule_set_says_so() {
        let text = include_str!("../rules/chaoyang-2013.toml").replace("chaoyang-2013", "own-2026");
        let silent = text.replace("upon = \"not_met\"\n", "");
        assert_ne!(silent, text);
        for (text, evaluation) in [(text, Evaluation::Sound), (silent, Evaluation::Apart)] {
            let rules = rules().with([("own.toml", text.as_str())]).unwrap();
            let terms = rules.title_terms("own-2026", Category::Enterprise);
            assert_eq!((terms.evaluation(), terms.revocation.is_some()), (evaluation, true));
        }
    }

    #[test]
    fn a_streak_is_counted_where_a_rule_asks_for_it() {
        let rules = rules();
        let terms = rules.title_terms("shandong-2018", Category::GrassrootsUnion);
        let years = |title: &Title, on| title.streak(&terms, on).map(|streak| (streak.years, streak.asked));
        let model = titled(&terms, "model");
        assert_eq!(years(&model, date!(2026 - 05 - 09)), Some((2, 3)));
        assert_eq!(years(&model, date!(2026 - 05 - 10)), Some((3, 3)));
        assert_eq!(years(&titled(&terms, "advanced"), date!(2026 - 05 - 10)), None, "of 模范 alone");
        let failed = model.fail(date!(2026 - 05 - 10), date!(2026 - 11 - 10), String::new(), &terms).unwrap();
        assert_eq!(years(&failed, date!(2026 - 05 - 11)), None);
        let changzhou = rules.title_terms("changzhou-2016", Category::Enterprise);
        assert_eq!(titled(&changzhou, "model").streak(&changzhou, date!(2026 - 05 - 10)), None);
    }

    #[test]
    fn good_results_are_counted_back_from_the_newest() {
        let class = |stage, rating| Class { stage, rating: Some(rating), rate: Some(RateClass::satisfaction(18)) };
        let (met, short) = (class(Stage::Accepted, Rating::Met), class(Stage::Accepted, Rating::NotMet));
        let waiting = class(Stage::Certified, Rating::Met);
        assert_eq!(met_in_a_row(&[]), 0);
        assert_eq!(met_in_a_row(&[(2026, met), (2025, met), (2024, short), (2023, met)]), 2);
        assert_eq!(met_in_a_row(&[(2026, met), (2024, met)]), 1, "a year without a result breaks the row");
        assert_eq!(met_in_a_row(&[(2026, waiting), (2025, met)]), 0, "the union above has not accepted it");
    }

    fn day() -> impl Strategy<Value = Date> {
        (0_i64..60_000).prop_map(|days| date!(1990 - 01 - 01) + Duration::days(days))
    }

    proptest! {
        #[test]
        fn anniversaries_are_full_years(from in day(), years in 0_u32..60) {
            let anniversary = months_later(from, years * 12).unwrap();
            prop_assert_eq!(full_years(from, anniversary), years);
            if years > 0 {
                prop_assert_eq!(full_years(from, anniversary - Duration::days(1)), years - 1);
            }
        }

        #[test]
        fn a_review_is_due_from_one_day_on(given in day(), days in 0_i64..3_000) {
            let rules = rules();
            let terms = rules.title_terms("shandong-2018", Category::GrassrootsUnion);
            let title = Title::given(String::new(), None, String::new(), given, &terms);
            let today = given + Duration::days(days);
            prop_assert_eq!(title.state(today) == State::ReviewDue, full_years(given, today) >= 3);
        }
    }
}
