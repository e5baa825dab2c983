//! A round in preparation: its electorate is approved, its slips are made, and its box is opened.

use askama::Template;
use time::PrimitiveDateTime;

use super::setup::{Guide, guide};
use crate::domain::account::{Account, Act, Role};
use crate::domain::count::Count;
use crate::domain::dates;
use crate::domain::paper::Item;
use crate::domain::poll::{Approval, Facts, Phase, Poll, Refusal, SlipIssue};
use crate::domain::rules::RuleSet;
use crate::domain::union::Union;
use crate::domain::verdict::assess_by;
use crate::http::App;
use crate::http::declared::Declared;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::round::{Step, ask_in_doubt, steps};
use crate::store::{StoreError, accounts, polls};
use crate::world::time_in_china;

/// The one next step of a draft: words, and for the chair a button.
pub(super) struct Next {
    pub words: String,
    way: Option<Way>,
}

/// A button that leads to an address below the round's: address and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Done at once.
    Post(&'static str, &'static str),
    /// Asked about first.
    Ask(&'static str, &'static str),
}

#[derive(Template)]
#[template(path = "chair/draft.html")]
struct DraftPage {
    frame: Frame,
    poll: Poll,
    union: Union,
    next: Next,
    guide: Guide,
    /// What was declared for the tier applied for; none where none is.
    declared: Option<Declared>,
    is_chair: bool,
    issued: Option<SlipIssue>,
    /// What the chair should set right first.
    doubts: Vec<String>,
    /// Whether slips may be made (again).
    may_issue: bool,
    slips_form: Filled,
}

impl DraftPage {
    /// The sections of the paper with their items.
    fn paper(&self) -> Vec<(&'static str, Vec<&Item>)> {
        let mut sections: Vec<(&'static str, Vec<&Item>)> = Vec::new();
        for item in &self.poll.paper.items {
            match sections.last_mut() {
                Some((label, items)) if *label == item.section.label() => items.push(item),
                _ => sections.push((item.section.label(), vec![item])),
            }
        }
        sections
    }

    /// The tier applied for.
    fn tier(&self) -> Option<&str> {
        let id = self.poll.facts.applying_for.as_deref()?;
        Some(self.guide.tiers.iter().find(|tier| tier.id == id).map_or(id, |tier| &tier.title))
    }

    fn steps(&self) -> Vec<Step> {
        steps(&self.poll.phase)
    }

    fn base(&self) -> String {
        format!("/rounds/{}", self.poll.id)
    }

    fn days(&self) -> String {
        days(&self.poll.facts)
    }
}

/// The days of the ballot as announced.
fn days(facts: &Facts) -> String {
    let begins = dates::in_words(facts.begins);
    match facts.ends_at {
        None if facts.begins == facts.ends => begins,
        Some(hour) if facts.begins == facts.ends => format!("{begins}，{hour}截止"),
        _ => format!("{begins}至{}", facts.closes()),
    }
}

/// What to do next with a draft.
pub(super) fn next(poll: &Poll, role: Role) -> Next {
    let Phase::Draft { approval, slips } = &poll.phase else {
        return Next { words: "投票已经开始。".to_owned(), way: None };
    };
    if role != Role::Chair {
        return Next {
            words: "工会主席正在筹备，投票还没有开始，现在不用做什么。".to_owned(), way: None
        };
    }
    let (words, way) = match (approval, slips) {
        (Approval::NotAsked, _) => (
            format!("核对下面的内容，没有问题就提请上级工会批准参评名册（应到{}人）。", poll.facts.expected),
            Some(Way::Post("ask", "提请上级工会批准")),
        ),
        (Approval::Returned { reason, .. }, _) => (
            format!("上级工会退回了参评名册：{reason}。请点“修改”改好，再次提请。"),
            Some(Way::Post("ask", "再次提请批准")),
        ),
        (Approval::Asked, _) => ("已经提请上级工会批准参评名册，请等待批准。".to_owned(), None),
        (Approval::Approved { .. }, None) => {
            ("上级工会已经批准参评名册。下一步：在下面制作并打印选票。".to_owned(), None)
        }
        (Approval::Approved { .. }, Some(_)) => (
            "选票打印好、现场准备好以后，就可以开始投票。开始以后选票不能再改。".to_owned(),
            Some(Way::Ask("open", "开始投票")),
        ),
    };
    Next { words, way }
}

/// `GET /rounds/{id}/setup`: a round that was opened stands on a page of its own.
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Attend])?;
    if !matches!(poll.phase, Phase::Draft { .. }) {
        return Ok(Reply::see_other(format!("/rounds/{}", poll.id)));
    }
    let mut slips_form = Filled::default();
    // One in twenty, at least five.
    slips_form.set("spares", poll.facts.expected.div_ceil(20).max(5));
    page(desk, poll, union, slips_form)
}

/// The page, with the form of slips as it was filled in.
pub(super) fn page(desk: &Desk<'_>, poll: Poll, union: Union, slips_form: Filled) -> Answer {
    let is_wrong = slips_form.is_wrong();
    let role = desk.who.account.role;
    let newest = || desk.app.rules.require(&poll.rule_set.id);
    let set = desk.app.rules.at(&poll.rule_set).map_or_else(newest, Ok)?;
    let others = desk.app.database.read(|c| polls::beside(c, &poll))?;
    let late = is_over(&poll.facts, time_in_china(desk.ask.now)).map(|words| {
        let revisable = if poll.phase.is_revisable() {
            "请点“修改”改好日期，再提请上级工会批准。"
        } else {
            ""
        };
        format!("{words}{revisable}")
    });
    let page = DraftPage {
        doubts: late.into_iter().chain(words_on_others(&others)).collect(),
        frame: desk.frame(&poll.facts.title),
        next: next(&poll, role),
        guide: guide(desk.app, set, poll.category)?,
        declared: declared(desk.app, set, &poll),
        is_chair: role == Role::Chair,
        issued: match &poll.phase {
            Phase::Draft { slips, .. } => *slips,
            _ => None,
        },
        may_issue: matches!(poll.phase, Phase::Draft { approval: Approval::Approved { .. }, .. }),
        slips_form,
        poll,
        union,
    };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

/// What the union declares for the tier applied for, beside what it asks: of the ballot nothing is known yet.
fn declared(app: &App, set: &RuleSet, poll: &Poll) -> Option<Declared> {
    let tier = poll.facts.applying_for.as_deref()?;
    let lineage = app.rules.lineage_of(set, poll.category).ok()?;
    let assessment = assess_by(&app.rules, set, &Count::empty(poll)).ok()?;
    Some(Declared::of(&assessment, &poll.facts.indicators, Some(tier), &lineage)).filter(|own| !own.is_empty())
}

/// A refusal with the way back to the draft.
pub(super) fn back<E: Into<Problem>>(poll: &Poll) -> impl FnOnce(E) -> Problem {
    let place = format!("/rounds/{}/setup", poll.id);
    move |error| error.into().back_to(place, "回到本轮评议")
}

/// `POST /rounds/{id}/ask`: asks the union above to approve the electorate.
///
/// # Errors
/// `NOT_YOURS`, `no_superior`, `wrong_phase`, `stale`.
pub fn ask(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    desk.saw(&poll.version).map_err(back(&poll))?;
    if union.superior.is_none() {
        let way = "请联系系统管理员，用 pingjia setup --above 登记上级工会，再来报批。";
        let problem = Problem::conflict("no_superior", "本工会没有上级工会，不能报批参评名册", way);
        return Err(back(&poll)(problem));
    }
    let asked = desk.app.database.write(|c| -> Result<(), StoreError> {
        polls::advance(c, &poll, "poll.ask", "", desk.by(), Phase::ask_approval)
    });
    asked.map_err(back(&poll))?;
    Ok(Reply::see_other(format!("/rounds/{}/setup?done=asked", poll.id)))
}

/// `GET /rounds/{id}/open`: asks once, with what is fixed from then on and what speaks against opening now.
///
/// # Errors
/// `NOT_YOURS`, `not_approved`, `no_slips`, `wrong_phase`.
pub fn open_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = desk.poll(&[Act::Run])?;
    let slips = poll.phase.may_open().map_err(back(&poll))?;
    let people = desk.app.database.read(|c| accounts::of_union(c, poll.union))?;
    let lines = vec![
        format!("公布的投票日期：{}。", days(&poll.facts)),
        format!("选票一共 {} 张：应到 {} 张，备用 {} 张。", slips.printed(), slips.roll, slips.spares),
        "开始以后，拿到选票的人马上就能投票。选票的张数和内容都定下来，写进签名的开箱声明报上级工会，不能再改，也不能退回筹备。"
            .to_owned(),
    ];
    let doubts = doubts(&poll.facts, time_in_china(desk.ask.now), &people);
    ask_in_doubt(desk, &poll, "open", "开始投票", lines, doubts)
}

/// Says so when the announced end is past.
fn is_over(facts: &Facts, now: PrimitiveDateTime) -> Option<String> {
    facts.is_past(now).then(|| match facts.ends_at {
        Some(_) if now.date() == facts.ends => format!("公布的截止时间（今天{}）已经过去。", facts.hour()),
        _ => format!("今天是{}，公布的结束日期已经过去。", dates::in_words(now.date())),
    })
}

/// Which of several rounds of a year is shown to the unions above.
pub(in crate::http) const WHICH_COUNTS: &str =
    "汇总时采用已经签发结果报告单的那一轮；签发了不止一轮的，采用其中最后新建的。";

/// The other rounds that the union has in the same year: the year, and what they are called.
pub(in crate::http) fn names_of_others(others: &[Poll]) -> Option<(u16, String)> {
    let named = others.iter().map(|other| format!("《{}》（{}）", other.facts.title, other.phase.label()));
    Some((others.first()?.year, named.collect::<Vec<_>>().join("、")))
}

/// Says so to the union itself.
fn words_on_others(others: &[Poll]) -> Option<String> {
    let (year, named) = names_of_others(others)?;
    Some(format!(
        "本工会{year}年度另有一轮评议：{named}。会员评家一年评一次，确需再评的，要向上级工会说明理由。上级工会{WHICH_COUNTS}"
    ))
}

/// Says so when people who are named on the result sheet have no account: somebody else would act in their place.
fn without_account(facts: &Facts, people: &[Account]) -> Option<String> {
    let lacks = |name: &&String, role: Role| {
        !people.iter().any(|account| account.active && account.role == role && account.name == **name)
    };
    let scrutineers = std::iter::once(&facts.chief_scrutineer).chain(&facts.scrutineers);
    let scrutineers = scrutineers.filter(|name| lacks(name, Role::Scrutineer)).map(|name| format!("{name}（监票人）"));
    let tellers = facts.tellers.iter().filter(|name| lacks(name, Role::Teller)).map(|name| format!("{name}（计票人）"));
    let named: Vec<String> = scrutineers.chain(tellers).collect();
    (!named.is_empty()).then(|| {
        format!(
            "结果报告单上要印的人里，这些还没有同名的账号：{}。在系统里清点、录入、确认的是有账号的人，两边应当一致：请建立账号，或者更换监票人、计票人。",
            named.join("、")
        )
    })
}

/// What speaks against opening the box at this moment.
fn doubts(facts: &Facts, now: PrimitiveDateTime, people: &[Account]) -> Vec<String> {
    let scrutinised = people.iter().any(|account| account.role == Role::Scrutineer && account.active);
    let mut doubts = Vec::new();
    if now.date() < facts.begins {
        doubts.push(format!("今天是{}，还没有到公布的开始日期。", dates::in_words(now.date())));
    }
    doubts.extend(is_over(facts, now));
    if scrutinised {
        doubts.extend(without_account(facts, people));
    } else {
        doubts.push(
            "本工会还没有可用的监票人账号。没有监票人确认选票去向和结果，就不能开票，也不能签发。请先在“监票人与计票人”里建立账号。"
                .to_owned(),
        );
    }
    doubts
}

/// `POST /rounds/{id}/open`: the box opens for casting.
///
/// # Errors
/// `NOT_YOURS`, `not_approved`, `no_slips`, `wrong_phase`, `vault`.
pub fn open(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    if !matches!(poll.phase, Phase::Draft { .. }) {
        return Err(back(&poll)(Refusal::WrongPhase));
    }
    desk.app.office.open(&poll, &union, desk.who.account.id, desk.ask.now).map_err(back(&poll))?;
    Ok(Reply::see_other(format!("/rounds/{}?done=opened", poll.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dates::Hour;
    use crate::domain::ids::{AccountId, PollId, UnionId};
    use crate::domain::slip::PollTag;
    use crate::store::testing::new_poll;

    fn draft(phase: Phase) -> Poll {
        let new = new_poll(UnionId(1));
        Poll {
            id: PollId(1),
            tag: PollTag::from_random(1),
            union: new.union,
            year: new.year,
            category: new.category,
            rule_set: new.rule_set,
            paper: new.paper,
            facts: new.facts,
            phase,
            version: 0,
        }
    }

    #[test]
    fn the_chair_has_a_button_exactly_when_it_is_their_turn() {
        let asked = Phase::new().ask_approval().unwrap();
        let approved = asked.clone().decide_approval(Approval::Approved { by: AccountId(1) }).unwrap();
        let issued = approved.clone().issue_slips(SlipIssue { roll: 3, spares: 1 }).unwrap();
        let way = |phase: &Phase| next(&draft(phase.clone()), Role::Chair).way;
        assert_eq!(
            [way(&Phase::new()), way(&asked), way(&approved), way(&issued)],
            [Some(Way::Post("ask", "提请上级工会批准")), None, None, Some(Way::Ask("open", "开始投票"))]
        );
        assert_eq!(next(&draft(issued), Role::Teller).way, None);
    }

    #[test]
    fn whoever_opens_the_box_is_told_what_speaks_against_it() {
        let facts = draft(Phase::new()).facts;
        let account = |(role, name): (Role, &String)| Account {
            id: AccountId(1),
            username: String::new(),
            role,
            union: UnionId(1),
            name: name.clone(),
            active: true,
            must_change: false,
        };
        let scrutineers = std::iter::once(&facts.chief_scrutineer).chain(&facts.scrutineers);
        let named = scrutineers.map(|name| (Role::Scrutineer, name));
        let people: Vec<Account> =
            named.chain(facts.tellers.iter().map(|name| (Role::Teller, name))).map(account).collect();
        let noon = |day: time::Date| day.with_time(time::macros::time!(12:00));
        let on = |day| doubts(&facts, noon(day), &people);
        assert!(on(facts.begins).is_empty() && on(facts.ends).is_empty());
        assert!(on(facts.begins.previous_day().unwrap())[0].contains("还没有到公布的开始日期"));
        assert!(on(facts.ends.next_day().unwrap())[0].contains("结束日期已经过去"));
        let by_noon = Facts { ends_at: Hour::new(12), ..facts.clone() };
        assert!(doubts(&by_noon, noon(facts.ends), &people)[0].contains("公布的截止时间（今天12时）已经过去"));
        let with = |people: &[Account]| doubts(&facts, noon(facts.begins), people);
        assert!(with(&[])[0].contains("没有可用的监票人账号"));
        let (last, others) = people.split_last().unwrap();
        let away = Account { active: false, ..last.clone() };
        for people in [others.to_vec(), [others, &[away]].concat()] {
            assert!(with(&people)[0].contains(&format!("没有同名的账号：{}（计票人）", last.name)), "{people:?}");
        }
    }
}
