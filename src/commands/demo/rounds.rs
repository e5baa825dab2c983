//! Holding the sample rounds: each goes through the steps of a real one as far as its stage says.

use anyhow::{Context, Result};
use futures_util::future::join_all;
use rand::{Rng, RngExt};
use time::{Duration, OffsetDateTime};

use super::data::{AREAS, Area, PLEDGES_KEPT, Reply, Round, SampleTitle, SampleUnion, Stage, Weights};
use super::{PASSWORD, Ready, SampleAccount, SamplePoll};
use crate::ballot_box::IssuedSlips;
use crate::domain::account::{Account, Role};
use crate::domain::ballot::Ballot;
use crate::domain::dates::{Hour, in_words};
use crate::domain::ids::{PollId, UnionId};
use crate::domain::paper::{Answer, Paper, Scale};
use crate::domain::poll::{Approval, Assembly, Custody, Facts, Phase, Poll};
use crate::domain::rectification::{Note, Rectification, Refusal, Report};
use crate::domain::rules::PaperOptions;
use crate::domain::sheet::{FollowUp, Publication};
use crate::domain::slip::{FormNonce, SlipCode};
use crate::domain::standing;
use crate::domain::title::Title;
use crate::domain::union::{Category, Union};
use crate::office::{Closing, Office};
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::polls::{self, NewPoll};
use crate::store::rectifications;
use crate::store::titles;
use crate::store::unions::{self, NewUnion};
use crate::store::{By, StoreError};
use crate::world;

/// Comments of the sample members.
const COMMENTS: [&str; 6] = [
    "希望多组织适合带孩子参加的活动。",
    "食堂夜班餐的时间可以再长一点。",
    "困难帮扶做得很及时，谢谢工会。",
    "职工书屋的书该更新了。",
    "建议把经费公开的明细再写细一些。",
    "体检项目希望能增加颈椎检查。",
];

/// The name of every sample system administrator.
const OPERATOR: &str = "示例·管理员";

/// The people of one sample union.
struct People {
    chair: Account,
    scrutineer: Account,
}

/// Creates everything and holds every round as far as its stage.
pub(super) fn fill(office: &Office) -> Result<Ready> {
    let mut ready = Ready { base_url: office.url.clone(), accounts: Vec::new(), polls: Vec::new() };
    // One hash for all: hashing on purpose takes long, and the password is printed anyway.
    let password = PasswordDigest::of(PASSWORD, &world::random_bytes())?;
    for area in AREAS {
        let (superior, officer) = create_superior(office, area, &password, &mut ready)?;
        for sample in area.unions {
            let (union, people) = create_union(office, area, sample, &superior, &password, &mut ready)?;
            for round in sample.rounds {
                let held = hold(office, sample, round, &union, &superior, &people, &officer)
                    .with_context(|| format!("示例 {}", sample.name))?;
                ready.polls.push(held);
            }
            for title in sample.titles {
                give(office, title, &union, &officer).with_context(|| format!("示例 {}", sample.name))?;
            }
        }
    }
    Ok(ready)
}

fn by(account: &Account, at: OffsetDateTime) -> By {
    By { account: Some(account.id), at }
}

fn create_superior(
    office: &Office,
    area: &Area,
    password: &PasswordDigest,
    ready: &mut Ready,
) -> Result<(Union, Account)> {
    let new = NewUnion {
        superior: None,
        name: area.superior.to_owned(),
        credit_code: None,
        category: area.superior_category,
        rule_set: area.rule_set.to_owned(),
    };
    let nobody = By { account: None, at: world::now() };
    let union = office.database.write(|c| unions::create(c, &new, nobody))?;
    let username = format!("{}.shangji", area.stem);
    let officer = create_account(office, union.id, Role::Superior, &username, area.officer, password)?;
    ready.accounts.push(listed(&officer, &union));
    let username = format!("{}.guanli", area.stem);
    let operator = create_account(office, union.id, Role::Operator, &username, OPERATOR, password)?;
    ready.accounts.push(listed(&operator, &union));
    Ok((union, officer))
}

fn create_union(
    office: &Office,
    area: &Area,
    sample: &SampleUnion,
    superior: &Union,
    password: &PasswordDigest,
    ready: &mut Ready,
) -> Result<(Union, People)> {
    let new = NewUnion {
        superior: Some(superior.id),
        name: sample.name.to_owned(),
        credit_code: sample.credit_code.map(str::to_owned),
        category: sample.category,
        rule_set: area.rule_set.to_owned(),
    };
    let nobody = By { account: None, at: world::now() };
    let union = office.database.write(|c| unions::create(c, &new, nobody))?;
    let mut create = |role: Role, suffix: &str, name: &str| -> Result<Account> {
        let username = format!("{}.{suffix}", sample.stem);
        let account = create_account(office, union.id, role, &username, name, password)?;
        ready.accounts.push(listed(&account, &union));
        Ok(account)
    };
    let chair = create(Role::Chair, "zhuxi", sample.chair)?;
    let scrutineer = create(Role::Scrutineer, "jianpiao", sample.scrutineer)?;
    create(Role::Teller, "jipiao1", sample.tellers[0])?;
    create(Role::Teller, "jipiao2", sample.tellers[1])?;
    Ok((union, People { chair, scrutineer }))
}

/// Puts down a title and how its last 复核 went.
fn give(office: &Office, sample: &SampleTitle, union: &Union, officer: &Account) -> Result<()> {
    let terms = office.rules.title_terms(&union.rule_set, union.category);
    let ago = |days| world::now() - Duration::days(days);
    let tier = (!sample.tier.is_empty()).then(|| sample.tier.to_owned());
    let given_on = world::date_in_china(ago(sample.given));
    let title = Title::given(sample.label.to_owned(), tier, sample.named_by.to_owned(), given_on, &terms);
    let id = office.database.write(|c| titles::give(c, union, &title, by(officer, ago(sample.given))))?;
    let Some((days, passed)) = sample.review else { return Ok(()) };
    let (on, by) = (world::date_in_china(ago(days)), by(officer, ago(days)));
    let action = if passed { titles::CONFIRM } else { titles::FAIL };
    office.database.write(|c| {
        titles::change(c, id, 0, action, &in_words(on), by, |title| match terms.term(on) {
            Some(until) if !passed => title.fail(on, until, "职工之家场地被占用，活动中断".to_owned(), &terms),
            _ => title.confirm(on, &terms),
        })
    })?;
    Ok(())
}

fn create_account(
    office: &Office,
    union: UnionId,
    role: Role,
    username: &str,
    name: &str,
    password: &PasswordDigest,
) -> Result<Account> {
    let new = NewAccount { username: username.to_owned(), role, union, name: name.to_owned() };
    let nobody = By { account: None, at: world::now() };
    Ok(office.database.write(|c| accounts::create(c, &new, password, nobody))?)
}

fn listed(account: &Account, union: &Union) -> SampleAccount {
    SampleAccount {
        role: account.role.code(),
        username: account.username.clone(),
        password: PASSWORD,
        union: union.name.clone(),
    }
}

/// Slips handed out that nobody casts.
const NOT_RETURNED: u8 = 2;

/// Takes one round through its steps, one after another, until its stage is reached.
fn hold(
    office: &Office,
    sample: &SampleUnion,
    round: &Round,
    union: &Union,
    superior: &Union,
    people: &People,
    officer: &Account,
) -> Result<SamplePoll> {
    let at = world::now() - Duration::days(366) * i32::from(round.years_ago);
    let id = set_up(office, sample, round, union, &people.chair, at)?.id;
    let mut unspent = Vec::new();
    advance(office, id, "poll.ask", by(&people.chair, at), Phase::ask_approval)?;
    if round.stage != Stage::Asked {
        let approved = Approval::Approved { by: officer.id };
        advance(office, id, "poll.approve", by(officer, at), |phase| phase.decide_approval(approved))?;
    }
    if !matches!(round.stage, Stage::Asked | Stage::Approved) {
        let slips = issue(office, id, &people.chair, at)?;
        office.open(&load(office, id)?, union, people.chair.id, at)?;
        let spares = slips.spares.clone();
        unspent = vote(office, id, round, slips)?;
        if round.stage != Stage::Open {
            // What custody counts as unused: all that is left but the slips handed out and not returned.
            let unused: Vec<SlipCode> =
                unspent.iter().chain(&spares).skip(usize::from(NOT_RETURNED)).cloned().collect();
            office.ballot_box.void_slips(id, &unused, people.chair.id, at)?;
        }
        finish(office, id, round, superior, people, officer, at)?;
    }
    let poll = load(office, id)?;
    let is_open = matches!(poll.phase, Phase::Open { .. });
    Ok(SamplePoll {
        id: id.to_string(),
        union: union.name.clone(),
        rule_set: poll.rule_set.id.clone(),
        category: poll.category.code(),
        phase: poll.phase.code(),
        year: poll.year,
        ballot_links: unspent
            .iter()
            .filter(|_| is_open)
            .map(|slip| format!("{}/V/{}", office.url, slip.link_form()))
            .collect(),
        sheet: poll.phase.sheet().map(ToString::to_string),
        rectification: (!round.rectified.is_empty()).then_some(match round.answer {
            None => "reported",
            Some(Reply::Returned(_)) => "returned",
            Some(Reply::Checked(_)) => "checked",
        }),
    })
}

fn load(office: &Office, id: PollId) -> Result<Poll> {
    office.database.read(|c| polls::load(c, id))?.context("the round just created")
}

fn advance(
    office: &Office,
    id: PollId,
    action: &str,
    by: By,
    step: impl FnOnce(Phase) -> Result<Phase, crate::domain::poll::Refusal>,
) -> Result<()> {
    let poll = load(office, id)?;
    office.database.write(|c| -> Result<(), StoreError> { polls::advance(c, &poll, action, "", by, step) })?;
    Ok(())
}

fn set_up(
    office: &Office,
    sample: &SampleUnion,
    round: &Round,
    union: &Union,
    chair: &Account,
    at: OffsetDateTime,
) -> Result<Poll> {
    let options = PaperOptions {
        detailed: round.detailed,
        pledges: round.pledges.iter().map(|pledge| (*pledge).to_owned()).collect(),
        comment: round.comment,
    };
    let begins = world::date_in_china(at);
    let year = u16::try_from(world::date_in_china(world::now()).year())?.saturating_sub(round.years_ago);
    let is_regional = matches!(union.category, Category::TownshipUnion | Category::Federation | Category::ZoneUnion);
    let new = NewPoll {
        union: union.id,
        year,
        category: union.category,
        rule_set: office.rules.require(&union.rule_set)?.reference(),
        paper: office.rules.paper(&union.rule_set, union.category, &options)?,
        facts: Facts {
            title: format!("{year}年度会员评议职工之家"),
            assembly: if is_regional { Assembly::Delegates } else { Assembly::Members },
            place: sample.place.to_owned(),
            begins,
            ends: begins + Duration::days(2),
            ends_at: Hour::new(18),
            member_total: round.expected + round.expected / 12,
            expected: round.expected,
            chief_scrutineer: sample.scrutineer.to_owned(),
            scrutineers: vec![sample.scrutineer.to_owned()],
            tellers: sample.tellers.iter().map(|name| (*name).to_owned()).collect(),
            chair: sample.chair.to_owned(),
            applying_for: round.applying_for.map(str::to_owned),
            indicators: round.declared.iter().map(|(id, figure)| ((*id).to_owned(), *figure)).collect(),
        },
    };
    let mut rng = world::rng();
    Ok(office.database.write(|c| polls::create(c, &new, || rng.next_u32(), by(chair, at)))?)
}

fn issue(office: &Office, id: PollId, chair: &Account, at: OffsetDateTime) -> Result<IssuedSlips> {
    let poll = load(office, id)?;
    let spares = (poll.facts.expected / 20).max(5);
    Ok(office.ballot_box.issue_slips(&poll, poll.facts.expected, spares, chair.id, at)?)
}

/// The share of the electorate that the round says casts, on phones; answers with the slips left over.
fn vote(office: &Office, id: PollId, round: &Round, slips: IssuedSlips) -> Result<Vec<SlipCode>> {
    let poll = load(office, id)?;
    let mut rng = world::rng();
    let mut slips = slips.roll;
    let left = slips.split_off(usize::try_from(round.expected * round.turnout / 100)?);
    let ballots: Vec<Ballot> =
        (0..slips.len()).map(|place| ballot(&poll.paper, round, place, &mut rng)).collect::<Result<_>>()?;
    let casting = slips.iter().zip(&ballots).map(|(slip, ballot)| {
        let nonce = FormNonce(world::random_bytes());
        async move { office.ballot_box.cast(id, slip, &nonce, ballot).await }
    });
    let mut casting: Vec<_> = casting.collect();
    let later = casting.split_off(casting.len() / 2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    for batch in [casting, later] {
        for outcome in runtime.block_on(join_all(batch)) {
            outcome?;
        }
        if round.stage == Stage::Open {
            // A live state is taken from the first batch and shown once the second one lies above it.
            std::thread::sleep(std::time::Duration::from_millis(600));
        }
    }
    Ok(left)
}

fn ballot(paper: &Paper, round: &Round, place: usize, rng: &mut impl Rng) -> Result<Ballot> {
    let fields: Vec<(&str, &str)> = paper
        .items
        .iter()
        .filter_map(|item| {
            let weights = match item.scale {
                Scale::Satisfaction => round.satisfaction,
                Scale::Awareness => round.awareness,
                Scale::Pledge => PLEDGES_KEPT,
            };
            draw(weights, rng).map(|answer| (item.id.as_str(), answer.code()))
        })
        .chain(COMMENTS.get(place).filter(|_| paper.comment).map(|comment| ("comment", *comment)))
        .collect();
    Ok(Ballot::parse(paper, fields)?)
}

/// An answer by weight; blank for the rest of a hundred.
fn draw(weights: Weights, rng: &mut impl Rng) -> Option<Answer> {
    let mut point = rng.random_range(0..100);
    for (answer, weight) in weights {
        if point < *weight {
            return Some(*answer);
        }
        point -= weight;
    }
    None
}

/// Custody, count, confirmation, sheet and opinion, as far as the stage says.
fn finish(
    office: &Office,
    id: PollId,
    round: &Round,
    superior: &Union,
    people: &People,
    officer: &Account,
    at: OffsetDateTime,
) -> Result<()> {
    if round.stage == Stage::Open {
        return Ok(());
    }
    let chair = by(&people.chair, at);
    let scrutineer = by(&people.scrutineer, at);
    let custody = custody(office, id)?;
    advance(office, id, "poll.custody", chair, |phase| phase.count_custody(custody))?;
    advance(office, id, "poll.custody_confirm", scrutineer, |phase| phase.confirm_custody(people.scrutineer.id))?;
    office.ballot_box.stop_phones(id, people.chair.id, at)?;
    if round.stage == Stage::Counting {
        return Ok(());
    }
    office.ballot_box.close(&load(office, id)?, people.chair.id, at)?;
    if round.stage == Stage::Closed {
        return Ok(());
    }
    advance(office, id, "poll.confirm_result", scrutineer, |phase| phase.confirm_result(people.scrutineer.id))?;
    let closing = Closing {
        follow_up: FollowUp {
            problems: "职工书屋图书更新不及时，夜班职工参加活动不便".to_owned(),
            rectification: "每季度更新图书一次，活动分两个时段举办".to_owned(),
            responsible: "工会宣教委员".to_owned(),
            deadline: Some(world::date_in_china(at) + Duration::days(90)),
        },
        publication: Publication {
            way: "会议宣布，单位公告栏张贴".to_owned(), on: Some(world::date_in_china(at))
        },
    };
    office.certify(&load(office, id)?, &closing, chair)?;
    if round.stage == Stage::Reported {
        office.opine(&load(office, id)?, superior, officer, true, "情况属实，同意。", at)?;
    }
    if !round.rectified.is_empty() {
        report(office, id, round.rectified, chair)?;
    }
    round.answer.map_or(Ok(()), |answer| reply(office, id, answer, by(officer, at)))
}

/// From the result to the report of what was done about it.
const REPORT_AFTER: Duration = Duration::days(70);
/// From the result to the word of the union above on the report.
const REPLY_AFTER: Duration = Duration::days(80);

/// Reports what was done after a result that fell short.
fn report(office: &Office, id: PollId, text: &str, chair: By) -> Result<()> {
    let at = chair.at + REPORT_AFTER;
    let done_on = world::date_in_china(at);
    let report = Report { text: text.to_owned(), done_on, reported_on: done_on };
    rectify(office, id, 0, "rectification.report", text, By { at, ..chair }, |asked, stage| asked.report(stage, report))
}

/// Says the word of the union above on what was reported.
fn reply(office: &Office, id: PollId, answer: Reply, officer: By) -> Result<()> {
    let at = officer.at + REPLY_AFTER;
    let by = By { at, ..officer };
    let note = |text: &str| Note { text: text.to_owned(), given_on: world::date_in_china(at) };
    match answer {
        Reply::Returned(text) => rectify(office, id, 1, "rectification.return", text, by, |reported, stage| {
            reported.send_back(stage, note(text))
        }),
        Reply::Checked(text) => {
            rectify(office, id, 1, "rectification.check", text, by, |reported, stage| reported.check(stage, note(text)))
        }
    }
}

/// Takes a step of a rectification that is at this version.
fn rectify(
    office: &Office,
    id: PollId,
    seen: i64,
    action: &str,
    text: &str,
    by: By,
    step: impl FnOnce(Rectification, standing::Stage) -> Result<Rectification, Refusal>,
) -> Result<()> {
    let poll = load(office, id)?;
    let stage = standing::Stage::of(&poll.phase);
    office.database.write(|c| -> Result<(), StoreError> {
        rectifications::change(c, &poll, seen, action, text, by, |rectification| step(rectification, stage))
    })?;
    Ok(())
}

/// As many slips handed out as were spent and a few more; the rest is unused.
fn custody(office: &Office, id: PollId) -> Result<Custody> {
    let turnout = office.ballot_box.turnout(id)?;
    let handed_out = (turnout.spent + u64::from(NOT_RETURNED)).min(turnout.printed);
    let handed_out = u32::try_from(handed_out)?;
    let unused = u32::try_from(turnout.printed)? - handed_out;
    Ok(Custody { present: handed_out, handed_out, spoiled: 0, unused, confirmed_by: None })
}
