//! A round as the union above sees it: facts, turnout, sheets and journal; and what it decides.

use askama::Template;

use super::opening::OpeningView;
use super::words::{self, JournalRow};
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::dates;
use crate::domain::ids::AccountId;
use crate::domain::jws::Statement;
use crate::domain::poll::{Approval, Phase, Poll};
use crate::domain::rectification::Refusal;
use crate::domain::rules::{MetricRule, RuleRegistry};
use crate::domain::sheet::SheetPayload;
use crate::domain::standing::{Rating, Stage, Waits};
use crate::domain::statement::OpinionStatement;
use crate::domain::union::{Union, check_credit_code};
use crate::domain::verdict::{Warning, warning_text};
use crate::http::ask::Fields;
use crate::http::chair::draft::{WHICH_COUNTS, names_of_others};
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::round::rectification::View;
use crate::http::round::void_words;
use crate::store::journal::AccountLine;
use crate::store::sheets::StoredSheet;
use crate::store::{accounts, journal, polls, rectifications, sheets, statements, unions};
use crate::world::date_in_china;

/// Longest reason, in characters.
const REASON: usize = 500;
pub(super) const WITHOUT_REASON: &str = "退回要写明理由，不超过500字。";

/// A certified sheet in the list.
struct SheetRow {
    id: String,
    certified_on: String,
    rating: &'static str,
    /// Whether it is the one that counts.
    in_force: bool,
    /// The signed opinion on it: accepted, text, who.
    opinion: Option<(bool, String, String)>,
}

/// One line of the comparison of a corrected sheet with the one it replaces.
struct Change {
    label: &'static str,
    old: String,
    new: String,
}

/// What the sheet in force asks for, and how far it has come.
struct Rectifying {
    view: View,
    /// Whether this person may check what was reported, and if not, why not yet.
    may_check: Result<(), String>,
}

#[derive(Template)]
#[template(path = "superior/oversight.html")]
struct RoundPage {
    frame: Frame,
    crumbs: Vec<(i64, String)>,
    union: Union,
    poll: Poll,
    stage: Stage,
    facts: Vec<(&'static str, String)>,
    turnout: Option<(u64, u64, String)>,
    notes: Vec<String>,
    sheets: Vec<SheetRow>,
    changes: Vec<Change>,
    journal: Vec<JournalRow>,
    journal_place: journal::Place,
    opening: Option<OpeningView>,
    /// What was done to accounts of the union from the approval of the roll on; none before the opening if that is nothing.
    on_accounts: Option<Vec<JournalRow>>,
    /// What this person may decide now.
    decide: Waits,
    rectification: Option<Rectifying>,
    /// Whether this person may void the counted round.
    may_void: bool,
    /// What was typed, and what is wrong with it.
    reason: String,
    error: String,
}

impl RoundPage {
    fn decides_roll(&self) -> bool {
        self.decide == Waits::Roll
    }

    fn decides_sheet(&self) -> bool {
        self.decide == Waits::Sheet
    }
}

/// `GET /oversight/{id}`
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Watch])?;
    page(desk, poll, union, String::new())
}

/// `POST /oversight/{id}/roll`: approves the electorate, or returns it with a reason.
///
/// # Errors
/// `NOT_YOURS`, `wrong_phase`, `stale`; without a reason the page is shown again.
pub fn decide_roll(desk: &Desk<'_>) -> Answer {
    let (poll, union) = seen(desk)?;
    let by = desk.who.account.id;
    let (approval, action, detail, done) = match (desk.ask.form.get("decision"), reason(&desk.ask.form)) {
        ("approve", _) => (Approval::Approved { by }, "poll.approve", String::new(), "roll_approved"),
        ("return", Err(words)) => return page(desk, poll, union, words),
        ("return", Ok(text)) if text.is_empty() => return page(desk, poll, union, WITHOUT_REASON.to_owned()),
        ("return", Ok(reason)) => {
            (Approval::Returned { by, reason: reason.clone() }, "poll.return_roll", reason, "roll_returned")
        }
        _ => return page(desk, poll, union, "请选择“批准”或“退回”。".to_owned()),
    };
    desk.app
        .database
        .write(|c| polls::advance(c, &poll, action, &detail, desk.by(), |phase| phase.decide_approval(approval)))?;
    Ok(Reply::see_other(format!("/oversight/{}?done={done}", poll.id)))
}

/// `POST /oversight/{id}/opinion`: accepts the sheet, or returns it with a reason. Signed.
///
/// # Errors
/// `NOT_YOURS`, `wrong_phase`, `stale`; without a reason the page is shown again.
pub fn decide_sheet(desk: &Desk<'_>) -> Answer {
    let (poll, union) = seen(desk)?;
    let (accepted, text) = match (desk.ask.form.get("decision"), reason(&desk.ask.form)) {
        ("accept" | "return", Err(words)) => return page(desk, poll, union, words),
        ("accept", Ok(text)) => (true, if text.is_empty() { "同意".to_owned() } else { text }),
        ("return", Ok(text)) if text.is_empty() => return page(desk, poll, union, WITHOUT_REASON.to_owned()),
        ("return", Ok(text)) => (false, text),
        _ => return page(desk, poll, union, "请选择“同意”或“退回”。".to_owned()),
    };
    desk.app.office.opine(&poll, &desk.who.union, &desk.who.account, accepted, &text, desk.ask.now)?;
    let done = if accepted { "sheet_accepted" } else { "sheet_returned" };
    Ok(Reply::see_other(format!("/oversight/{}?done={done}", poll.id)))
}

/// `POST /oversight/{id}/void`: voids a counted round whose result is disputed; nothing of it was signed yet.
///
/// # Errors
/// `NOT_YOURS`, `wrong_phase`, `stale`; without a reason the page is shown again.
pub fn void(desk: &Desk<'_>) -> Answer {
    let (poll, union) = seen(desk)?;
    let text = match reason(&desk.ask.form) {
        Err(words) => return page(desk, poll, union, words),
        Ok(text) if text.is_empty() => return page(desk, poll, union, "作废要写明原因，不超过500字。".to_owned()),
        Ok(text) => text,
    };
    desk.app.ballot_box.void_disputed(&poll, text, desk.who.account.id, desk.ask.now)?;
    Ok(Reply::see_other(format!("/oversight/{}?done=voided", poll.id)))
}

/// The reason or opinion that was written; it may be signed and printed, so that every character must be seen.
pub(super) fn reason(fields: &Fields) -> Result<String, String> {
    let mut form = Filled::of(fields);
    let text = form.optional("reason", REASON);
    form.printable(["reason"]);
    form.error("reason").map_or(Ok(text), |words| Err(format!("{words}。")))
}

/// The round, if this person may decide on it and its page shows it as it is now.
fn seen(desk: &Desk<'_>) -> Result<(Poll, Union), Problem> {
    let (poll, union) = desk.poll(&[Act::Oversee])?;
    desk.saw(&poll.version)
        .map_err(|stale| Problem::from(stale).back_to(format!("/oversight/{}", poll.id), "回到本轮评议"))?;
    Ok((poll, union))
}

pub(super) fn page(desk: &Desk<'_>, poll: Poll, union: Union, error: String) -> Answer {
    let wrong = !error.is_empty();
    let stage = Stage::of(&poll.phase);
    let newer = desk.ask.query.get("newer").parse().unwrap_or(0);
    let (lineage, stored, opening, (lines, journal_place), others, moves, people, beaten, dropped) =
        desk.app.database.read(|c| -> Result<_, DatabaseError> {
            Ok((
                unions::lineage(c, &union)?,
                sheets::of_poll(c, poll.id)?,
                statements::load(c, poll.id, statements::OPENING)?,
                journal::of_poll(c, poll.id, newer)?,
                polls::beside(c, &poll)?,
                journal::of_accounts(c, &poll)?,
                accounts::of_union(c, union.id)?,
                journal::doers(c, poll.id, "poll.paper_spent")?.len(),
                journal::doers(c, poll.id, "poll.drop_entries")?,
            ))
        })?;
    let rectification = rectifying(desk, &poll, &union, &stored)?;
    let (rows, changes) = sheet_rows(desk, &poll, stored)?;
    let turnout = if poll.phase.opening().is_some() {
        let spent = desk.app.ballot_box.turnout(poll.id)?.spent;
        let expected = u64::from(poll.facts.expected);
        Some((spent, expected, words::rate(spent, expected)))
    } else {
        None
    };
    let decide = if desk.may(Act::Oversee, &union) { stage.waits() } else { Waits::Nothing };
    let page = RoundPage {
        frame: desk.frame(&format!("{} {}", union.name, poll.facts.title)).wide(),
        crumbs: words::crumbs(&desk.who.union, lineage),
        facts: facts(&desk.app.rules, &poll),
        turnout,
        notes: notes(&desk.app.rules, &poll, &union)
            .into_iter()
            .chain(words_on_others(&others))
            .chain(words_on_accounts(&moves))
            .chain(words_on_beaten(beaten))
            .chain(words_on_dropped(&dropped))
            .collect(),
        sheets: rows,
        changes,
        journal: words::journal(lines),
        journal_place,
        on_accounts: (opening.is_some() || !moves.is_empty()).then(|| words::on_accounts(moves, &people)),
        opening: opening.and_then(|stored| OpeningView::of(&stored, &desk.app.keys.key_set())),
        decide,
        rectification,
        may_void: stage == Stage::Closed && desk.may(Act::Oversee, &union),
        reason: desk.ask.form.trimmed("reason").to_owned(),
        error,
        union,
        stage,
        poll,
    };
    let reply = Reply::page(&page)?;
    Ok(reply.wrong_if(wrong))
}

/// Says so when tellers were brought paper ballots whose slips were spent already.
fn words_on_beaten(times: usize) -> Option<String> {
    let words = format!(
        "计票人录入纸质选票时，有{times}次遇到已经计入的选票（见办理记录）。可能是重复录入，也可能是别人抢先用手机投了会员的选票。请向监票人问清，不要追问是谁的票。"
    );
    (times > 0).then_some(words)
}

/// Says so when paper ballots that only one teller had entered were left out.
fn words_on_dropped(times: &[(AccountId, String)]) -> Option<String> {
    let entries: u64 = times.iter().filter_map(|(_, entries)| entries.parse::<u64>().ok()).sum();
    let words = format!(
        "监票人取消过{entries}张只有一名计票人录入的纸质选票（见办理记录）。原票后来找到的，应当已由两人重新录入；请问清。"
    );
    (entries > 0).then_some(words)
}

/// Says so when the union has other rounds in the same year.
fn words_on_others(others: &[Poll]) -> Option<String> {
    let (year, named) = names_of_others(others)?;
    Some(format!("该工会{year}年度还有：{named}。会员评家一年评一次。{WHICH_COUNTS}"))
}

fn rectifying(
    desk: &Desk<'_>,
    poll: &Poll,
    union: &Union,
    sheets: &[StoredSheet],
) -> Result<Option<Rectifying>, Problem> {
    let Some(stored) = desk.app.database.read(|c| rectifications::load(c, poll.id))? else { return Ok(None) };
    let may_check = match stored.rectification.may_check(Stage::of(&poll.phase)) {
        _ if !desk.may(Act::Oversee, union) => Err(String::new()),
        Err(refusal @ Refusal::SheetNotAccepted) => Err(format!("{refusal}。")),
        Err(_) => Err(String::new()),
        Ok(()) => Ok(()),
    };
    let view = View::of(poll, &stored, sheets, date_in_china(desk.ask.now))?;
    Ok(Some(Rectifying { view, may_check }))
}

fn facts(rules: &RuleRegistry, poll: &Poll) -> Vec<(&'static str, String)> {
    let facts = &poll.facts;
    let rule_set = rules.at(&poll.rule_set).map_or(poll.rule_set.id.as_str(), |set| set.title.as_str());
    let tier = facts.applying_for.as_deref();
    let tier = tier.map(|id| rules.tier_title(&poll.rule_set, id).unwrap_or(id));
    let mut rows = vec![
        ("年度", poll.year.to_string()),
        ("工会类别", poll.category.label().to_owned()),
        ("规则集", format!("{rule_set}（第{}版）", poll.rule_set.version)),
        ("申报等级", tier.unwrap_or_default().to_owned()),
        ("评议形式", facts.assembly.label().to_owned()),
        ("地点", facts.place.clone()),
        ("投票日期", format!("{}至{}", dates::in_words(facts.begins), facts.closes())),
        ("会员总数", facts.member_total.to_string()),
        ("应到", facts.expected.to_string()),
        ("总监票人", facts.chief_scrutineer.clone()),
        ("监票人", facts.scrutineers.join("、")),
        ("计票人", facts.tellers.join("、")),
        ("工会主席", facts.chair.clone()),
        ("评议项目", poll.paper.items.iter().map(|item| item.title.as_str()).collect::<Vec<_>>().join("；")),
    ];
    if let Some(custody) = poll.phase.custody() {
        let confirmed =
            if custody.confirmed_by.is_some() { "（监票人已确认）" } else { "（监票人还没有确认）" };
        rows.push(("发出票", format!("{}{confirmed}", custody.handed_out)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

/// What the person should know before deciding.
fn notes(rules: &RuleRegistry, poll: &Poll, union: &Union) -> Vec<String> {
    let mut notes = Vec::new();
    match &poll.phase {
        Phase::Draft { approval: Approval::Returned { reason, .. }, .. } => {
            notes.push(format!("退回参评名册的理由：{reason}"));
        }
        Phase::Void { reason } => notes.push(format!("本轮评议已经作废。{}", void_words(reason))),
        _ => {}
    }
    let asked = rules.at(&poll.rule_set).and_then(|set| rules.requirements_of(set, poll.category).ok());
    let members_alone = asked.is_some_and(|asked| MetricRule::ask_members_alone(&asked.metrics));
    if members_alone && poll.facts.expected > poll.facts.member_total {
        notes.push(warning_text(Warning::ExpectedExceedsMembers.code()).into_owned());
    }
    if let Some(oddity) = union.credit_code.as_deref().and_then(|code| check_credit_code(code).err()) {
        notes.push(format!("{oddity}（只作提醒）。"));
    }
    notes
}

/// Says so when others than their owners had to do with accounts of the union since the roll was approved.
fn words_on_accounts(lines: &[AccountLine]) -> Option<String> {
    let count = lines.iter().filter(|line| !line.is_own_password()).count();
    (count > 0).then(|| format!("本轮评议期间，本工会的账号有{count}次变动，见下面的“评议期间的账号变动”。"))
}

/// The sheets of a round, newest first, and how the newest differs from the one it replaces.
fn sheet_rows(desk: &Desk<'_>, poll: &Poll, stored: Vec<StoredSheet>) -> Result<(Vec<SheetRow>, Vec<Change>), Problem> {
    let mut rows = Vec::new();
    let mut payloads: Vec<(StoredSheet, SheetPayload)> = Vec::new();
    for sheet in stored {
        let statement = Statement::parse(sheet.body.as_bytes()).map_err(|error| Problem::internal(&error))?;
        let payload = SheetPayload::read(statement.payload()).map_err(|error| Problem::internal(&error))?;
        payloads.push((sheet, payload));
    }
    // A sheet stands before the one that it replaces.
    let mut next = poll.phase.sheet().cloned();
    while let Some(id) = next {
        let Some(place) = payloads.iter().position(|(sheet, _)| sheet.id == id) else { break };
        let (sheet, payload) = payloads.swap_remove(place);
        let kind = statements::opinion_on(&sheet.id);
        let opinion = desk.app.database.read(|c| statements::load(c, poll.id, &kind))?;
        let opinion = opinion
            .and_then(|text| Statement::parse(text.as_bytes()).ok())
            .and_then(|signed| OpinionStatement::read(signed.payload()).ok())
            .map(|opinion| {
                let who = format!("{} {} {}", opinion.superior, opinion.by, dates::in_words(opinion.given_on));
                (opinion.accepted, opinion.text, who)
            });
        rows.push((
            SheetRow {
                id: sheet.id.to_string(),
                certified_on: dates::in_words(payload.certified_on),
                rating: Rating::of(&payload).label(),
                in_force: rows.is_empty(),
                opinion,
            },
            payload,
        ));
        next = sheet.replaces;
    }
    let changes = match rows.as_slice() {
        [(_, new), (_, old), ..] => changes(old, new),
        _ => Vec::new(),
    };
    Ok((rows.into_iter().map(|(row, _)| row).collect(), changes))
}

/// What may differ between a sheet and its correction, side by side.
fn changes(old: &SheetPayload, new: &SheetPayload) -> Vec<Change> {
    type Field = (&'static str, fn(&SheetPayload) -> String);
    const FIELDS: [Field; 14] = [
        ("签发日期", |sheet| dates::in_words(sheet.certified_on)),
        ("结论", |sheet| Rating::of(sheet).label().to_owned()),
        ("会员总数", |sheet| sheet.counts.member_total.to_string()),
        ("应到", |sheet| sheet.counts.expected.to_string()),
        ("发出票", |sheet| sheet.counts.issued.to_string()),
        ("收回票", |sheet| sheet.counts.returned.to_string()),
        ("有效票", |sheet| sheet.counts.valid.to_string()),
        ("各项指标", |sheet| {
            let shown = |metric: &crate::domain::verdict::Metric| {
                format!("{}：{} ÷ {}", metric.rule, metric.numerator, metric.base)
            };
            sheet.assessment.metrics.iter().map(shown).collect::<Vec<_>>().join("；")
        }),
        ("主要问题", |sheet| sheet.follow_up.problems.clone()),
        ("整改措施", |sheet| sheet.follow_up.rectification.clone()),
        ("责任人", |sheet| sheet.follow_up.responsible.clone()),
        ("整改期限", |sheet| sheet.follow_up.deadline.map(dates::in_words).unwrap_or_default()),
        ("公布方式", |sheet| sheet.publication.way.clone()),
        ("公布日期", |sheet| sheet.publication.on.map(dates::in_words).unwrap_or_default()),
    ];
    let filled = |text: String| if text.is_empty() { "（空）".to_owned() } else { text };
    FIELDS.into_iter().map(|(label, of)| Change { label, old: filled(of(old)), new: filled(of(new)) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sheet::sample::Sample;
    use crate::domain::union::Category;

    #[test]
    fn more_people_than_members_are_odd_only_where_members_alone_vote() {
        let rules = RuleRegistry::embedded().unwrap();
        let told = |set: &str, category, expected| {
            let Sample { mut poll, union, .. } = Sample::new();
            (poll.rule_set, poll.category) = (rules.get(set).unwrap().reference(), category);
            poll.facts.expected = expected;
            notes(&rules, &poll, &union)
        };
        let odd = ["应到人数多于会员总数，请核对。"];
        assert_eq!(told("qingdao-2020", Category::Enterprise, 26), [] as [&str; 0]);
        assert_eq!(told("qingdao-2020", Category::Enterprise, 27), odd);
        assert_eq!(told("hohhot-2020", Category::Enterprise, 27), odd);
        // Employees, unions or both vote beside the members.
        assert_eq!(told("hohhot-2020", Category::GovernmentOrgan, 27), [] as [&str; 0]);
        assert_eq!(told("hohhot-2020", Category::TownshipUnion, 27), [] as [&str; 0]);
        assert_eq!(told("qingdao-2020", Category::TownshipUnion, 27), [] as [&str; 0]);
    }
}
