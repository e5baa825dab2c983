//! A small round for tests, counted and certified: twenty-four ballots, one of them an invalid one on paper.

use std::collections::BTreeMap;

use time::macros::date;

use super::{Certification, FollowUp, Issuer, Judgement, Publication, SheetPayload};
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, PollId, UnionId};
use crate::domain::jws::{SecretKey, Statement};
use crate::domain::merkle;
use crate::domain::openings::{OpeningBlock, entry, opening};
use crate::domain::paper::{Answer, Item, Paper, Scale, Section};
use crate::domain::poll::{Assembly, Custody, Facts, Opened, Opening, Phase, Poll, RuleSetRef, SlipIssue};
use crate::domain::slip::{PollTag, Receipt};
use crate::domain::statement::{OpeningStatement, OpinionStatement};
use crate::domain::tally::Tally;
use crate::domain::union::{Category, Union};
use crate::domain::verdict::{Assessment, Comparator, Fraction, Metric, Outcome, Verdict, percent};

/// The round with everything that is published about it.
pub(crate) struct Sample {
    pub(crate) poll: Poll,
    pub(crate) union: Union,
    pub(crate) blocks: Vec<OpeningBlock>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) parents: Vec<RuleSetRef>,
}

fn paper() -> Paper {
    let item = |id: &str, section, scale, title: &str| Item { id: id.into(), section, scale, title: title.to_owned() };
    Paper {
        items: vec![
            item("home", Section::Overall, Scale::Satisfaction, "您对本单位职工之家建设是否满意？"),
            item("services", Section::Detailed, Scale::Satisfaction, "服务与帮扶"),
            item("pledge_1", Section::Pledges, Scale::Pledge, "为户外岗位配齐饮水点"),
        ],
        comment: false,
    }
}

fn facts() -> Facts {
    Facts {
        title: "2026年度会员评议职工之家".to_owned(),
        assembly: Assembly::Members,
        place: "三楼会议室".to_owned(),
        begins: date!(2026 - 09 - 01),
        ends: date!(2026 - 09 - 07),
        ends_at: None,
        member_total: 26,
        expected: 26,
        chief_scrutineer: "钱进".to_owned(),
        scrutineers: vec!["孙立".to_owned()],
        tellers: vec!["李元".to_owned(), "周文".to_owned()],
        chair: "吴桐".to_owned(),
        applying_for: None,
        indicators: BTreeMap::from([("membership_rate".to_owned(), [26, 27])]),
    }
}

/// What ballot number `n` says: mostly satisfied, one blank, one against.
fn answers(n: usize) -> [Option<Answer>; 3] {
    match n {
        0 => [None, None, None],
        1 => [Some(Answer::Dissatisfied), Some(Answer::DontKnow), Some(Answer::NotKept)],
        2 | 3 => [Some(Answer::BasicallySatisfied), Some(Answer::Dissatisfied), Some(Answer::PartlyKept)],
        _ => [Some(Answer::Satisfied), Some(Answer::Satisfied), Some(Answer::Kept)],
    }
}

impl Sample {
    pub(crate) fn new() -> Self {
        let (id, paper) = (PollId(7), paper());
        let ballots: Vec<[Option<Answer>; 3]> = (0..23).map(answers).collect();
        let mut tally = Tally::empty(&paper);
        for ballot in &ballots {
            tally.add(ballot);
        }
        tally.add_invalid();
        let block = |place: usize| {
            let item = &paper.items[place];
            let of_ballot =
                |(n, ballot): (u8, &[Option<Answer>; 3])| entry(&opening(id, &[n; 32], item), ballot[place]);
            OpeningBlock::of((0u8..).zip(&ballots).map(of_ballot).collect())
        };
        let blocks: Vec<OpeningBlock> = (0..3).map(block).collect();
        let cut = |digest: Digest| Receipt(digest.0[..15].try_into().unwrap());
        let mut receipts: Vec<Receipt> = (0..24u8).map(|n| cut(Digest::labelled("receipt", &[&[n]]))).collect();
        receipts.sort_unstable();
        let mut roll: Vec<Digest> = (0..30u8).map(|n| Digest::labelled("slip", &[&[n]])).collect();
        roll.sort_unstable();
        let opening = Opening {
            key_id: "key".to_owned(),
            key_digest: Digest::sha256(b"key"),
            slips: SlipIssue { roll: 26, spares: 4 },
            roll_root: merkle::root(roll.iter().map(|slip| slip.0)),
            opened_on: date!(2026 - 09 - 01),
        };
        let opened = Opened {
            openings: paper.items.iter().zip(&blocks).map(|(item, block)| (item.id.clone(), block.digest())).collect(),
            tally,
            phone: 22,
            paper: 2,
            voided: 5,
            receipts_root: merkle::root(receipts.iter().map(|receipt| receipt.0)),
            comments: 0,
            key_destroyed: true,
            closed_on: date!(2026 - 09 - 08),
        };
        let custody = Custody { present: 25, handed_out: 25, spoiled: 1, unused: 4, confirmed_by: Some(AccountId(2)) };
        let poll = Poll {
            id,
            tag: PollTag::from_random(0x15_4a2b),
            union: UnionId(42),
            year: 2026,
            category: Category::Enterprise,
            rule_set: rule_set("qingdao-2020"),
            paper,
            facts: facts(),
            phase: Phase::Closed { opening, custody, opened, confirmed_by: vec![AccountId(2), AccountId(3)] },
            version: 9,
        };
        let union = Union {
            id: UnionId(42),
            superior: Some(UnionId(7)),
            path: "/1/7/42/".to_owned(),
            name: "示例机械有限公司工会".to_owned(),
            credit_code: None,
            category: Category::Enterprise,
            rule_set: "qingdao-2020".to_owned(),
        };
        Sample { poll, union, blocks, receipts, parents: vec![rule_set("shandong-2018")] }
    }

    pub(crate) fn opening_statement(&self, keys: &[&SecretKey]) -> OpeningStatement {
        let opening = self.poll.phase.opening().unwrap();
        OpeningStatement::of(&self.poll, &self.union.name, opening, self.parents.clone(), issuer(keys)).unwrap()
    }

    /// What a chair certifies, with these keys.
    pub(crate) fn certification(&self, keys: &[&SecretKey]) -> Certification<'_> {
        Certification {
            poll: &self.poll,
            union: &self.union,
            superior: Some("示例市总工会"),
            judgement: Judgement {
                assessment: assessment(),
                parents: self.parents.clone(),
                rule_set_title: "示例市会员评家规则".to_owned(),
                electorate: "会员".to_owned(),
            },
            follow_up: FollowUp {
                problems: "文体活动场地不足".to_owned(),
                rectification: "与社区共用活动室".to_owned(),
                responsible: "吴桐".to_owned(),
                deadline: Some(date!(2026 - 12 - 31)),
            },
            publication: Publication { way: "厂务公开栏".to_owned(), on: Some(date!(2026 - 09 - 09)) },
            issuer: issuer(keys),
            opening_statement: Statement::sign(&self.opening_statement(keys), keys).unwrap(),
            certified_on: date!(2026 - 09 - 10),
            replaces: None,
        }
    }

    pub(crate) fn sheet(&self, keys: &[&SecretKey]) -> SheetPayload {
        SheetPayload::build(self.certification(keys)).unwrap()
    }

    pub(crate) fn opinion(&self, keys: &[&SecretKey]) -> OpinionStatement {
        OpinionStatement {
            format: crate::domain::statement::OPINION.to_owned(),
            issuer: issuer(keys),
            sheet: self.sheet(keys).digest().unwrap(),
            accepted: true,
            text: "同意。请按期落实整改措施。".to_owned(),
            superior: "示例市总工会".to_owned(),
            by: "郑重".to_owned(),
            given_on: date!(2026 - 09 - 15),
        }
    }
}

pub(crate) fn issuer(keys: &[&SecretKey]) -> Issuer {
    let keys = keys.iter().map(|key| key.public().thumbprint()).collect();
    Issuer { url: "https://pj.example.cn".to_owned(), keys }
}

fn rule_set(id: &str) -> RuleSetRef {
    RuleSetRef { id: id.to_owned(), version: "0.9.0".to_owned(), digest: Digest::sha256(id.as_bytes()) }
}

/// 19 satisfied and 2 basically satisfied of 23 valid ballots.
pub(crate) fn assessment() -> Assessment {
    let metric = |comparator, threshold: (u64, u64), rule: &str, source: &str| Metric {
        id: "satisfaction.home".to_owned(),
        numerator: 21,
        base: 23,
        display: percent(21, 23),
        strict_display: percent(19, 23),
        comparator,
        threshold: Fraction::new(threshold.0, threshold.1).unwrap(),
        outcome: Outcome::Met,
        rule: rule.to_owned(),
        source: source.to_owned(),
        formula: "（满意＋基本满意）÷有效票".to_owned(),
        tier: None,
        aside: false,
    };
    Assessment {
        verdict: Verdict::Met,
        tier_conditions: Vec::new(),
        metrics: vec![
            metric(Comparator::AtLeast, (90, 100), "QD-1.2", "示例文件第一条"),
            metric(Comparator::Below, (70, 100), "SD-4.1", "示例文件第二条"),
        ],
        triggers: Vec::new(),
        warnings: Vec::new(),
        indicators: Vec::new(),
        tiers: Vec::new(),
    }
}

/// A district's own tier above the threshold that it inherits.
pub(crate) const OWN_TIER: &str = r#"
    id = "own-tier"
    version = "1.0.0"
    title = "某区规则"
    jurisdiction = "某区"
    parent = "qingdao-2020"
    [document]
    title = "某区办法"
    issuer = "某区总工会"
    [[category]]
    code = "enterprise"
    [[item]]
    id = "home"
    title = "您对职工之家建设是否满意？"
    scale = "satisfaction"
    [[tier]]
    rule = "OT-1"
    clause = "一"
    statement = "模范职工之家。"
    id = "model"
    title = "模范职工之家"
    decided_by = "区总工会"
    [[metric]]
    rule = "OT-1"
    clause = "一"
    statement = "满意率须达到95％。"
    items = ["home"]
    threshold = [19, 20]
    electorate = "members"
    tier = "model"
"#;
