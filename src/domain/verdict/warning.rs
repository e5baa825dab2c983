//! What people should know about a result besides its verdict.

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

        /// The Chinese sentence for a warning's code; the code itself when it is unknown.
        #[must_use]
        pub fn warning_text(code: &str) -> &str {
            match code { $($code => $text,)+ _ => code }
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
    PresentExceedsExpected = "present_exceeds_expected", "实到人数多于应到人数，请核对。";
    ExpectedExceedsMembers = "expected_exceeds_members", "应到人数多于会员总数，请核对。";
    IssuedExceedsExpected = "issued_exceeds_expected", "发出票多于应到人数，请核对。";
    ItemNotRated = "item_not_rated", "有的项目不在这一类别的评定范围内，只作参考。";
    UnknownIndicator = "unknown_indicator", "有的申报指标规则集没有规定，没有采用。";
    IndicatorAboveOne = "indicator_above_one", "有的申报比率超过100％，请核对。";
}
