//! The closed lists of words that rule sets are written in, each with its code and its Chinese label.

use serde::{Serialize, Serializer};

use crate::domain::paper::{Scale, Section};
use crate::domain::union::Category;
use crate::domain::verdict::{Comparator, Trigger};

/// A word out of a closed list.
pub trait Word: Copy + 'static {
    /// The whole list.
    const ALL: &'static [Self];
    /// The word in rule sets and interfaces.
    fn code(self) -> &'static str;
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal, $label:literal;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The Chinese term.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)+ }
            }
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$($name::$variant,)+];
            fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)+ }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.code())
            }
        }
    )+};
}

words! {
    /// Whether a rule stands in its document or is this project's decision where the document is silent.
    Basis {
        Stated = "stated", "文件规定";
        Decision = "decision", "系统约定";
    }
    /// Which answers count as positive.
    Positive {
        SatisfiedAndBasically = "satisfied+basically_satisfied", "满意＋基本满意";
        SatisfiedOnly = "satisfied", "满意";
    }
    /// What a rate is taken of.
    Denominator {
        /// 有效票
        Valid = "valid", "有效票";
        /// 收回票
        Returned = "returned", "收回票";
        /// 发出票
        Issued = "issued", "发出票";
        /// Valid ballots that did not leave the item blank.
        Answering = "answering", "有效票中作答的票";
    }
    /// How a rule over several items is held.
    Joint {
        /// Each item must pass.
        Each = "each", "各项分别计算";
        /// The items' figures are added up first.
        Pooled = "pooled", "各项合并计算";
    }
    /// Who is asked (评议主体).
    Electorate {
        Members = "members", "会员";
        Employees = "employees", "职工";
        Delegates = "delegates", "会员代表（职工代表）";
        /// A congress of members or, where there are many, of their delegates.
        MembersOrDelegates = "members_or_delegates", "会员或者会员代表";
        UnionsAndMembers = "unions_and_members", "基层工会和会员";
        EmployeesAndMembers = "employees_and_members", "职工和会员";
        Sample = "sample", "随机抽取的会员";
    }
    /// What happens when a turnout is not reached.
    TurnoutMode {
        /// The round is invalid.
        Required = "required", "必须达到";
        /// The sheet carries a warning.
        Advised = "advised", "建议达到";
    }
    /// How a declared figure is held against its standard.
    Bound {
        AtLeast = ">=", "不低于";
        AtMost = "<=", "不超过";
        Exactly = "==", "等于";
    }
    /// What a declared figure is measured in.
    Unit {
        /// A part of a whole, shown as a percentage.
        Rate = "rate", "";
        SquareMetres = "square_metres", "平方米";
        Persons = "persons", "人";
        Units = "units", "个";
        Stars = "stars", "星";
        Times = "times", "次";
    }
    /// The stretch of time that a recurring duty refers to.
    Period {
        Month = "month", "每月";
        Quarter = "quarter", "每季度";
        HalfYear = "half_year", "每半年";
        Year = "year", "每年";
    }
    /// A result of an evaluation from which something follows by itself.
    UponResult {
        /// 未达标, with 整顿 or without; not what is merely short of a tier that was not applied for.
        NotMet = "not_met", "未达标";
    }
    /// What follows from a result or from a title.
    ConsequenceKind {
        /// 整顿
        Overhaul = "overhaul", "整顿";
        /// 限期整改
        Rectification = "rectification", "限期整改";
        /// 考核
        YearlyAssessment = "yearly_assessment", "定期考核";
        /// 复核
        Reverification = "reverification", "复核";
        /// 撤销称号
        Revocation = "revoke_title", "撤销称号";
        /// A title kept for some years opens the way to a higher honour.
        Streak = "streak", "连续保持称号";
        /// 结果上报
        ReportUp = "report_up", "结果上报";
        /// A sum of money.
        Award = "award", "奖励";
        /// A subsidy grows or shrinks.
        SubsidyChange = "subsidy_change", "补贴增减";
        /// The right to apply for a title.
        Eligibility = "eligibility", "申报资格";
    }
}

impl Electorate {
    /// Who votes, as sheets name them.
    #[must_use]
    pub fn voters(self) -> &'static str {
        match self {
            Electorate::Members => "全体会员",
            Electorate::Delegates => "会员代表",
            _ => self.label(),
        }
    }

    /// Whether nobody votes who is no member.
    #[must_use]
    pub fn is_of_members(self) -> bool {
        match self {
            Electorate::Members | Electorate::Delegates | Electorate::MembersOrDelegates | Electorate::Sample => true,
            Electorate::Employees | Electorate::UnionsAndMembers | Electorate::EmployeesAndMembers => false,
        }
    }
}

impl Word for Category {
    const ALL: &'static [Self] = &Category::ALL;
    fn code(self) -> &'static str {
        Category::code(self)
    }
}

impl Word for Comparator {
    const ALL: &'static [Self] = &[Comparator::AtLeast, Comparator::Below];
    fn code(self) -> &'static str {
        match self {
            Comparator::AtLeast => ">=",
            Comparator::Below => "<",
        }
    }
}

impl Word for Trigger {
    const ALL: &'static [Self] = &[Trigger::Overhaul];
    fn code(self) -> &'static str {
        match self {
            Trigger::Overhaul => "overhaul",
        }
    }
}

impl Word for Scale {
    const ALL: &'static [Self] = &[Scale::Satisfaction, Scale::Awareness, Scale::Pledge];
    fn code(self) -> &'static str {
        match self {
            Scale::Satisfaction => "satisfaction",
            Scale::Awareness => "awareness",
            Scale::Pledge => "pledge",
        }
    }
}

impl Word for Section {
    const ALL: &'static [Self] = &[Section::Overall, Section::Detailed, Section::Awareness, Section::Pledges];
    fn code(self) -> &'static str {
        match self {
            Section::Overall => "overall",
            Section::Detailed => "detailed",
            Section::Awareness => "awareness",
            Section::Pledges => "pledges",
        }
    }
}
