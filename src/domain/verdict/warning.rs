//! What people should know about a result besides its verdict.
//!
//! A warning is written as its stable code. On a sheet some carry what they speak of after colons, so that whoever reads
//! the sheet needs nothing else: `turnout_below_advised:112/200:2/3:decision`, `other_electorate:QD-3.1:sample:members`.

use std::borrow::Cow;

use super::{Fraction, percent};
use crate::domain::count::Count;
use crate::domain::rules::{Basis, Electorate, Turnout, TurnoutMode, Word};

macro_rules! warnings {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// A remark on a count. Its code is stable; its text is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Warning { $($(#[$doc])* $name,)+ }

        impl Warning {
            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Warning::$name => $code,)+ }
            }
        }

        fn sentence(code: &str) -> Option<&'static str> {
            match code { $($code => Some($text),)+ _ => None }
        }
    };
}

warnings! {
    /// Why the verdict is `invalid`.
    ReturnedExceedsIssued = "returned_exceeds_issued", "收回票多于发出票，本轮评议无效。";
    /// Why the verdict is `invalid`.
    TurnoutBelowRequired = "turnout_below_required", "到会率没有达到规则集要求的比例，本轮评议无效。";
    TurnoutBelowAdvised = "turnout_below_advised", "到会率低于建议的比例，请结合参评人数看待结果。";
    /// Why the verdict is `cannot_assess`.
    NoBallots = "no_valid_ballots", "没有可以计算的有效票，无法评定。";
    /// Why the verdict is `cannot_assess`.
    NoMetric = "no_ballot_metric", "规则集对这一类别或等级没有规定满意率门槛，无法评定。";
    TierWithoutBallot = "tier_without_ballot_condition", "申报的等级没有满意率条件，投票结果不能用来评定这一等级。";
    /// Beside a tier that was missed as well: sheets name no tier of a metric, so that this says which one the verdict is about.
    GeneralThreshold = "general_threshold_missed", "没有达到不论等级都适用的门槛。";
    PresentExceedsExpected = "present_exceeds_expected", "实到人数多于应到人数，请核对。";
    ExpectedExceedsMembers = "expected_exceeds_members", "应到人数多于会员总数，请核对。";
    IssuedExceedsExpected = "issued_exceeds_expected", "发出票多于应到人数，请核对。";
    ItemNotRated = "item_not_rated", "有的项目不在这一类别的评定范围内，只作参考。";
    UnknownIndicator = "unknown_indicator", "有的申报指标规则集没有规定，没有采用。";
    IndicatorAboveOne = "indicator_above_one", "有的申报比率超过100％，请核对。";
}

/// The Chinese sentence for a warning; the warning itself when it is unknown.
#[must_use]
pub fn warning_text(warning: &str) -> Cow<'_, str> {
    let parts: Vec<&str> = warning.split(':').collect();
    let text = match *parts.as_slice() {
        [code] => return Cow::Borrowed(sentence(code).unwrap_or(warning)),
        [OTHER_ELECTORATE, rule, asked, entitled] => electorate_sentence(rule, asked, entitled),
        [code, people, fraction, basis] => turnout_sentence(code, people, fraction, basis),
        _ => None,
    };
    text.map_or(Cow::Borrowed(warning), Cow::Owned)
}

/// The code of a turnout that falls short, with who was there and what the rule set asks for.
pub(super) fn low_turnout(count: &Count, turnout: &Turnout) -> String {
    let code = match turnout.mode {
        TurnoutMode::Required => Warning::TurnoutBelowRequired,
        TurnoutMode::Advised => Warning::TurnoutBelowAdvised,
    };
    let Fraction { num, den } = turnout.fraction;
    format!("{}:{}/{}:{num}/{den}:{}", code.code(), count.present, count.expected, turnout.basis.code())
}

const OTHER_ELECTORATE: &str = "other_electorate";

/// A rule asks other people than those who were entitled to vote.
#[must_use]
pub fn other_electorate(rule: &str, asked: Electorate, entitled: Electorate) -> String {
    format!("{OTHER_ELECTORATE}:{rule}:{}:{}", asked.code(), entitled.code())
}

fn pair(text: &str) -> Option<(u64, u64)> {
    let (part, whole) = text.split_once('/')?;
    Some((part.parse().ok()?, whole.parse().ok()?))
}

fn word<W: Word>(code: &str) -> Option<W> {
    W::ALL.iter().copied().find(|word| word.code() == code)
}

fn turnout_sentence(code: &str, people: &str, fraction: &str, basis: &str) -> Option<String> {
    let (present, expected) = pair(people)?;
    let rate = format!("到会率{}（{present} ÷ {expected}）", percent(present, expected)?);
    let _ = pair(fraction)?;
    let decided = match word(basis)? {
        Basis::Decision => "（系统约定）",
        Basis::Stated => "",
    };
    match code {
        "turnout_below_advised" => Some(format!("{rate}低于建议的{fraction}{decided}，请结合参评人数看待结果。")),
        "turnout_below_required" => Some(format!("{rate}没有达到规则集要求的{fraction}{decided}，本轮评议无效。")),
        _ => None,
    }
}

fn electorate_sentence(rule: &str, asked: &str, entitled: &str) -> Option<String> {
    let [asked, entitled]: [Electorate; 2] = [word(asked)?, word(entitled)?];
    Some(format!("{rule} 要求由{}评议，本次由{}评议。", asked.voters(), entitled.voters()))
}
