//! The sample unions and rounds of `pingjia demo`. All of them are made up; none is real.

use crate::domain::paper::Answer;
use crate::domain::union::Category;

/// How far a sample round has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Set up, the electorate waits for approval.
    Asked,
    /// Approved; slips not yet issued.
    Approved,
    /// Casting goes on.
    Open,
    /// Phones closed, custody confirmed, not yet opened.
    Counting,
    /// Counted, the scrutineer has not yet confirmed.
    Closed,
    Certified,
    /// The superior accepted the sheet.
    Reported,
}

/// Out of a hundred valid answers to one item: how many gave which; the rest abstains.
pub(super) type Weights = &'static [(Answer, u32)];

/// One sample round.
pub(super) struct Round {
    pub stage: Stage,
    /// How many years ago it was: a demonstration never looks out of date.
    pub years_ago: u16,
    pub expected: u32,
    /// Per cent of the electorate that votes.
    pub turnout: u32,
    /// Answers to overall and detailed items.
    pub satisfaction: Weights,
    pub awareness: Weights,
    pub detailed: bool,
    pub pledges: &'static [&'static str],
    pub comment: bool,
    /// What was reported after a result that fell short; nothing yet if empty.
    pub rectified: &'static str,
    /// What the union above said to that; nothing yet if none.
    pub answer: Option<Reply>,
    /// The tier applied for, and the figures declared for it: id, numerator, denominator.
    pub applying_for: Option<&'static str>,
    pub declared: &'static [(&'static str, [u64; 2])],
}

/// What a union above says to a report.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reply {
    Returned(&'static str),
    Checked(&'static str),
}

/// One sample title.
pub(super) struct SampleTitle {
    /// The grade of the rules; empty for a title that is none of theirs.
    pub tier: &'static str,
    pub label: &'static str,
    pub named_by: &'static str,
    /// How many days ago it was given.
    pub given: i64,
    /// How many days ago it was re-verified, and whether it passed.
    pub review: Option<(i64, bool)>,
}

/// One sample union with its rounds and titles.
pub(super) struct SampleUnion {
    pub name: &'static str,
    pub category: Category,
    pub credit_code: Option<&'static str>,
    /// Stem of the user names: `<stem>.zhuxi`, `<stem>.jianpiao` …
    pub stem: &'static str,
    pub chair: &'static str,
    pub scrutineer: &'static str,
    pub tellers: [&'static str; 2],
    pub place: &'static str,
    pub rounds: &'static [Round],
    pub titles: &'static [SampleTitle],
}

/// One jurisdiction: a superior union and the unions below it.
pub(super) struct Area {
    pub rule_set: &'static str,
    pub superior: &'static str,
    pub superior_category: Category,
    pub stem: &'static str,
    pub officer: &'static str,
    pub unions: &'static [SampleUnion],
}

use Answer::{BasicallySatisfied as Basically, Dissatisfied, DontKnow, Kept, Know, PartlyKept, Satisfied};

const HIGH: Weights = &[(Satisfied, 84), (Basically, 12), (Dissatisfied, 2), (DontKnow, 1)];
const GOOD: Weights = &[(Satisfied, 71), (Basically, 22), (Dissatisfied, 4), (DontKnow, 2)];
const FAIR: Weights = &[(Satisfied, 58), (Basically, 26), (Dissatisfied, 10), (DontKnow, 4)];
/// Falls short of every threshold, however the draw turns out.
const POOR: Weights = &[(Satisfied, 31), (Basically, 29), (Dissatisfied, 30), (DontKnow, 7)];
const AWARE: Weights = &[(Know, 88), (DontKnow, 10)];
const LESS_AWARE: Weights = &[(Know, 74), (DontKnow, 23)];
/// Weights of service pledges, the same for all.
pub(super) const PLEDGES_KEPT: Weights = &[(Kept, 78), (PartlyKept, 14), (Answer::NotKept, 3), (DontKnow, 4)];

const PLEDGES: &[&str] = &["更新职工食堂餐具消毒设备", "为一线职工组织一次免费体检", "职工书屋每周开放不少于五天"];

/// Enough to be 信赖职工之家 in Changzhou.
const DECLARED: &[(&str, [u64; 2])] =
    &[("membership_rate", [249, 255]), ("card_rate", [232, 249]), ("labour_contract_rate", [255, 255])];

const RECTIFIED: &str = "职工书屋新购图书三百册，以后每季度更新；活动改为早晚两场，夜班职工已经参加两次。";

const THIS_YEAR: u16 = 0;
const LAST_YEAR: u16 = 1;
const TWO_YEARS_AGO: u16 = 2;

const fn round(stage: Stage, years_ago: u16, expected: u32, turnout: u32, satisfaction: Weights) -> Round {
    Round {
        stage,
        years_ago,
        expected,
        turnout,
        satisfaction,
        awareness: AWARE,
        detailed: false,
        pledges: &[],
        comment: false,
        rectified: "",
        applying_for: None,
        declared: &[],
        answer: None,
    }
}

const fn union(
    name: &'static str,
    category: Category,
    stem: &'static str,
    people: [&'static str; 4],
    place: &'static str,
    rounds: &'static [Round],
) -> SampleUnion {
    let [chair, scrutineer, first, second] = people;
    SampleUnion {
        name,
        category,
        credit_code: None,
        stem,
        chair,
        scrutineer,
        tellers: [first, second],
        place,
        rounds,
        titles: &[],
    }
}

const fn title(tier: &'static str, label: &'static str, named_by: &'static str, given: i64) -> SampleTitle {
    SampleTitle { tier, label, named_by, given, review: None }
}

const CITY: &str = "青岛演示市总工会";

/// Every sample area. The first union of the first area holds the open round.
pub(super) const AREAS: &[Area] = &[
    Area {
        rule_set: "qingdao-2020",
        superior: "青岛演示区总工会",
        superior_category: Category::CountyUnion,
        stem: "qingdao",
        officer: "示例·孙向东",
        unions: &[
            SampleUnion {
                titles: &[title("", "新时代职工信赖的职工之家", CITY, 400)],
                ..union(
                    "晨帆精密机械有限公司工会",
                    Category::Enterprise,
                    "chenfan",
                    ["示例·王海宁", "示例·刘文静", "示例·赵明远", "示例·陈晓岚"],
                    "公司职工活动中心二楼",
                    &[
                        Round { detailed: true, comment: true, ..round(Stage::Open, THIS_YEAR, 120, 46, HIGH) },
                        round(Stage::Reported, LAST_YEAR, 116, 91, HIGH),
                    ],
                )
            },
            SampleUnion {
                titles: &[title("advanced", "先进职工之家", CITY, 1150)],
                ..union(
                    "海岬港务集团工会",
                    Category::StateOwnedEnterprise,
                    "haijia",
                    ["示例·李建新", "示例·周敏", "示例·吴双", "示例·郑凯"],
                    "集团礼堂",
                    &[
                        round(Stage::Certified, THIS_YEAR, 260, 93, FAIR),
                        round(Stage::Reported, LAST_YEAR, 60, 90, POOR),
                    ],
                )
            },
            SampleUnion {
                titles: &[SampleTitle {
                    review: Some((400, true)),
                    ..title("model", "模范职工之家", "山东演示省总工会", 1500)
                }],
                ..union(
                    "演示区教育研究院工会",
                    Category::PublicInstitution,
                    "jiaoyan",
                    ["示例·冯雪梅", "示例·韩立", "示例·杨柳", "示例·朱颖"],
                    "研究院学术报告厅",
                    &[
                        round(Stage::Reported, THIS_YEAR, 84, 96, HIGH),
                        Round { rectified: RECTIFIED, ..round(Stage::Reported, LAST_YEAR, 60, 92, POOR) },
                    ],
                )
            },
            union(
                "银杏街道工会",
                Category::TownshipUnion,
                "yinxing",
                ["示例·许国强", "示例·何丽", "示例·吕峰", "示例·施然"],
                "街道党群服务中心",
                &[round(Stage::Counting, THIS_YEAR, 150, 82, HIGH)],
            ),
            union(
                "青苗社会工作服务中心工会",
                Category::SocialOrganization,
                "qingmiao",
                ["示例·张悦", "示例·孔佳", "示例·曹宇", "示例·严冬"],
                "服务中心会议室",
                &[
                    round(Stage::Asked, THIS_YEAR, 32, 0, HIGH),
                    Round {
                        rectified: RECTIFIED,
                        answer: Some(Reply::Returned("请补充夜班职工参加活动的场次和人数。")),
                        ..round(Stage::Reported, LAST_YEAR, 48, 92, POOR)
                    },
                    Round {
                        rectified: RECTIFIED,
                        answer: Some(Reply::Checked("已到现场看过，整改属实。")),
                        ..round(Stage::Reported, TWO_YEARS_AGO, 48, 92, POOR)
                    },
                ],
            ),
        ],
    },
    Area {
        rule_set: "shandong-2018",
        superior: "山东演示市总工会",
        superior_category: Category::GeneralUnion,
        stem: "shandong",
        officer: "示例·魏长河",
        unions: &[
            SampleUnion {
                titles: &[SampleTitle {
                    review: Some((200, false)),
                    ..title("qualified", "合格职工之家", "山东演示市总工会", 1400)
                }],
                ..union(
                    "岱青纺织有限公司工会",
                    Category::GrassrootsUnion,
                    "daiqing",
                    ["示例·金玉", "示例·陶然", "示例·姜涛", "示例·戚薇"],
                    "一号车间会议区",
                    &[Round { pledges: PLEDGES, ..round(Stage::Certified, THIS_YEAR, 210, 88, POOR) }],
                )
            },
            SampleUnion {
                titles: &[title("advanced", "先进职工之家", "山东演示市总工会", 500)],
                ..union(
                    "泉涌水务有限公司工会",
                    Category::GrassrootsUnion,
                    "quanyong",
                    ["示例·谢安", "示例·邹静", "示例·喻明", "示例·柏松"],
                    "公司三楼会议室",
                    &[round(Stage::Reported, THIS_YEAR, 95, 90, FAIR)],
                )
            },
        ],
    },
    Area {
        rule_set: "hohhot-2020",
        superior: "呼和浩特演示区总工会",
        superior_category: Category::CountyUnion,
        stem: "hohhot",
        officer: "示例·苏日娜",
        unions: &[
            union(
                "草原乳品有限公司工会",
                Category::Enterprise,
                "caoyuan",
                ["示例·巴特尔", "示例·乌兰", "示例·云飞", "示例·白雪"],
                "公司多功能厅",
                &[round(Stage::Closed, THIS_YEAR, 180, 85, GOOD)],
            ),
            union(
                "新城楼宇联合基层工会",
                Category::JointUnion,
                "louyu",
                ["示例·高远", "示例·田甜", "示例·段磊", "示例·任爽"],
                "楼宇职工驿站",
                &[Round { awareness: LESS_AWARE, ..round(Stage::Certified, THIS_YEAR, 140, 79, HIGH) }],
            ),
            union(
                "青城行业工会联合会",
                Category::Federation,
                "qingcheng",
                ["示例·萨仁", "示例·方圆", "示例·汪洋", "示例·程程"],
                "联合会会议室",
                &[round(Stage::Approved, THIS_YEAR, 60, 0, HIGH)],
            ),
        ],
    },
    Area {
        rule_set: "changzhou-2016",
        superior: "常州演示区总工会",
        superior_category: Category::CountyUnion,
        stem: "changzhou",
        officer: "示例·沈嘉禾",
        unions: &[
            union(
                "运河新材料股份有限公司工会",
                Category::GrassrootsUnion,
                "yunhe",
                ["示例·钱程", "示例·范琳", "示例·顾晨", "示例·陆瑶"],
                "公司培训楼",
                &[Round {
                    applying_for: Some("trusted"),
                    declared: DECLARED,
                    ..round(Stage::Certified, THIS_YEAR, 230, 92, HIGH)
                }],
            ),
            SampleUnion {
                titles: &[title("model", "模范职工之家", "常州演示区总工会", 300)],
                ..union(
                    "龙城医院工会",
                    Category::GrassrootsUnion,
                    "longcheng",
                    ["示例·蒋宁", "示例·丁香", "示例·邵军", "示例·仲夏"],
                    "门诊楼六楼报告厅",
                    &[round(Stage::Reported, THIS_YEAR, 310, 87, FAIR)],
                )
            },
        ],
    },
    Area {
        rule_set: "chaoyang-2013",
        superior: "朝阳演示区总工会",
        superior_category: Category::CountyUnion,
        stem: "chaoyang",
        officer: "示例·赵启明",
        unions: &[
            SampleUnion {
                titles: &[title("", "职工之家", "朝阳演示区总工会", 600)],
                ..union(
                    "东方传媒科技有限公司工会",
                    Category::GrassrootsUnion,
                    "dongfang",
                    ["示例·林溪", "示例·夏青", "示例·雷鸣", "示例·龙飞"],
                    "公司共享大厅",
                    &[round(Stage::Certified, THIS_YEAR, 128, 95, HIGH)],
                )
            },
            union(
                "朝晖物业服务有限公司工会",
                Category::GrassrootsUnion,
                "chaohui",
                ["示例·贺兰", "示例·安然", "示例·秦川", "示例·江月"],
                "客服中心",
                &[round(Stage::Approved, THIS_YEAR, 74, 0, GOOD)],
            ),
        ],
    },
];
