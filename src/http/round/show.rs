//! The page of a round from the opening of its box on.

use std::path::PathBuf;

use askama::Template;
use time::PrimitiveDateTime;

use super::count::may_void;
use super::next::{Circumstances, Next, Step, next, steps};
use super::words::{Entry, entry};
use super::{address, back, custody, rectification};
use crate::ballot_box::{KeyState, LIVE_STEP, Turnout};
use crate::domain::account::{Act, Role};
use crate::domain::dates::in_words;
use crate::domain::ids::{PollId, SheetId};
use crate::domain::jws::Statement;
use crate::domain::poll::{Opinion, Phase, Poll};
use crate::domain::rectification::State;
use crate::domain::sheet::SheetPayload;
use crate::domain::standing::Stage;
use crate::domain::union::Union;
use crate::domain::verdict::percent;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::public::view::{Drawn, ResultView};
use crate::http::reply::{Answer, Reply};
use crate::render::chart::{Chart, ItemBars};
use crate::store::{journal, sheets};
use crate::world::{date_in_china, time_in_china};

/// The box while ballots come in.
struct BoxView {
    turnout: Turnout,
    expected: u32,
    /// Share of the electorate that has voted.
    share: String,
    /// Ballots in the published live tally, and its charts.
    live: Option<(u64, Drawn)>,
    step: u64,
    open: bool,
}

#[derive(Template)]
#[template(path = "round/show.html")]
struct RoundPage<'p> {
    frame: Frame,
    poll: &'p Poll,
    id: PollId,
    union: &'p str,
    role: Role,
    steps: Vec<Step>,
    next: Next,
    /// Why the box is stopped.
    stopped: Option<String>,
    /// Unknown codes that were tried, when they are many.
    guesses: Option<u64>,
    in_box: Option<BoxView>,
    /// The last day as announced, where it has passed and phones still vote.
    overdue: Option<String>,
    custody: Option<custody::View>,
    form: Filled,
    waiting: u64,
    result: Option<ResultView>,
    /// Why no result can be shown.
    trouble: Option<String>,
    /// Whether this person may confirm the result now.
    may_confirm: bool,
    confirmed: Vec<String>,
    /// One word per folder of the vault.
    keys: Vec<&'static str>,
    comments: Vec<String>,
    sheet: Option<SheetId>,
    older: Vec<SheetId>,
    opinion: Option<(&'p Opinion, String)>,
    rectification: Option<rectification::View>,
    /// What the chair has to know about it at once.
    alarm: Option<(&'static str, String)>,
    /// Whether this person may report on it now.
    may_report: bool,
    may_void: bool,
    journal: Vec<Entry>,
    journal_place: journal::Place,
}

impl RoundPage<'_> {
    fn is_chair(&self) -> bool {
        self.role == Role::Chair
    }

    fn is_scrutineer(&self) -> bool {
        self.role == Role::Scrutineer
    }
}

/// `GET /rounds/{id}`: a draft has pages of its own; everything later stands here.
///
/// # Errors
/// `NOT_YOURS`, database faults.
pub fn show(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Attend])?;
    if matches!(poll.phase, Phase::Draft { .. }) {
        return Ok(Reply::see_other(format!("{}/setup", address(poll.id))));
    }
    let stored = rectification::of_rounds(desk, std::slice::from_ref(&poll))?.pop();
    let form = stored.map_or_else(
        || custody::filled(&poll),
        |(_, stored)| rectification::filled(&stored.rectification, date_in_china(desk.ask.now)),
    );
    page(desk, &poll, &union, form)
}

/// The page, with the form of custody or of a report as it was filled in.
pub(super) fn page(desk: &Desk<'_>, poll: &Poll, union: &Union, form: Filled) -> Answer {
    let app = desk.app;
    let is_wrong = form.is_wrong();
    let counting = matches!(poll.phase, Phase::Counting { .. });
    let waiting = if counting { app.ballot_box.paper_waiting(poll.id)? } else { 0 };
    let confirmers = app.office.confirmers(poll)?;
    let own = desk.who.account.id;
    let today = date_in_china(desk.ask.now);
    let rectify = rectification::of_rounds(desk, std::slice::from_ref(poll))?.pop().map(|(_, stored)| stored);
    let about = Circumstances {
        waiting,
        scrutinised: confirmers.iter().any(|account| account.role == Role::Scrutineer),
        confirmed: confirmers.iter().any(|account| account.id == own),
        rectification: rectify.as_ref().map(|stored| stored.rectification.state(Stage::of(&poll.phase), today)),
    };
    let closed = matches!(poll.phase, Phase::Closed { .. });
    let judges = desk.may(Act::Scrutinise, union) || desk.may(Act::Count, union);
    let (result, trouble) = result(desk, poll)?;
    let newer = desk.ask.query.get("newer").parse().unwrap_or(0);
    let ((lines, journal_place), sheets) = app.database.read(|c| {
        Ok::<_, crate::database::DatabaseError>((journal::of_poll(c, poll.id, newer)?, sheets::of_poll(c, poll.id)?))
    })?;
    let view = rectify.as_ref().map(|stored| rectification::View::of(poll, stored, &sheets, today)).transpose()?;
    let sheet = poll.phase.sheet().cloned();
    let stopped = fault(desk, poll)?;
    let may_void = desk.may(Act::Run, union) && may_void(&poll.phase, stopped.is_some());
    let role = desk.who.account.role;
    let page = RoundPage {
        frame: desk.frame(&poll.facts.title).wide(),
        id: poll.id,
        union: &union.name,
        role,
        steps: steps(&poll.phase),
        next: next(poll, role, about),
        stopped,
        guesses: app.rounds.guesses(poll),
        in_box: in_box(desk, poll)?,
        overdue: overdue(poll, time_in_china(desk.ask.now)),
        custody: custody::view(desk, poll)?,
        form,
        waiting,
        may_confirm: closed && judges && !about.confirmed && trouble.is_none(),
        result,
        trouble,
        confirmed: confirmers.iter().map(|account| format!("{}（{}）", account.name, account.role.label())).collect(),
        keys: if poll.phase.opened().is_some() { keys(desk, poll) } else { Vec::new() },
        comments: if poll.paper.comment && poll.phase.opened().is_some() {
            app.ballot_box.comments(poll.id)?
        } else {
            Vec::new()
        },
        older: sheets.into_iter().map(|sheet| sheet.id).filter(|id| Some(id) != sheet.as_ref()).collect(),
        sheet,
        opinion: match &poll.phase {
            Phase::Reported { opinion, .. } => Some((opinion, in_words(opinion.given_on))),
            _ => None,
        },
        may_report: desk.may(Act::Run, union)
            && rectify.as_ref().is_some_and(|stored| stored.rectification.may_report(Stage::of(&poll.phase)).is_ok()),
        alarm: rectify
            .as_ref()
            .and_then(|stored| rectification::alarm(&stored.rectification, Stage::of(&poll.phase), today)),
        rectification: view,
        may_void,
        journal: lines.iter().map(entry).collect(),
        journal_place,
        poll,
    };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

/// The next step of a running round in words, for the list of a union's rounds.
///
/// # Errors
/// Database faults.
pub fn next_words(desk: &Desk<'_>, poll: &Poll, rectification: Option<State>) -> Result<String, Problem> {
    Ok(next(poll, desk.who.account.role, circumstances(desk, poll, rectification)?).words)
}

fn circumstances(desk: &Desk<'_>, poll: &Poll, rectification: Option<State>) -> Result<Circumstances, Problem> {
    let counting = matches!(poll.phase, Phase::Counting { .. });
    let confirmers = desk.app.office.confirmers(poll)?;
    Ok(Circumstances {
        waiting: if counting { desk.app.ballot_box.paper_waiting(poll.id)? } else { 0 },
        scrutinised: confirmers.iter().any(|account| account.role == Role::Scrutineer),
        confirmed: confirmers.iter().any(|account| account.id == desk.who.account.id),
        rectification,
    })
}

fn in_box(desk: &Desk<'_>, poll: &Poll) -> Result<Option<BoxView>, Problem> {
    if !matches!(poll.phase, Phase::Open { .. } | Phase::Counting { .. }) {
        return Ok(None);
    }
    let turnout = desk.app.ballot_box.turnout(poll.id)?;
    let live = match desk.app.ballot_box.live(poll.id)? {
        None => None,
        Some(live) => {
            let items = poll
                .paper
                .items
                .iter()
                .filter_map(|item| Some(ItemBars::new(item, live.tally.item(item.id.as_str())?, None)));
            let chart =
                Chart::Distribution { title: format!("前 {} 张手机票", live.count), items: items.collect() };
            Some((live.count, Drawn::new(&chart).map_err(|error| Problem::internal(&error))?))
        }
    };
    Ok(Some(BoxView {
        turnout,
        expected: poll.facts.expected,
        share: percent(turnout.spent, poll.facts.expected.into()).unwrap_or_default(),
        live,
        step: LIVE_STEP,
        open: matches!(poll.phase, Phase::Open { .. }),
    }))
}

/// The end as announced, once it has passed and phones still vote: no day and no hour ends the ballot by itself.
fn overdue(poll: &Poll, now: PrimitiveDateTime) -> Option<String> {
    let passed = matches!(poll.phase, Phase::Open { .. }) && poll.facts.is_past(now);
    passed.then(|| poll.facts.closes())
}

/// What the sheet says: the signed one, or the one that would be signed now.
fn result(desk: &Desk<'_>, poll: &Poll) -> Result<(Option<ResultView>, Option<String>), Problem> {
    let payload = match &poll.phase {
        Phase::Closed { .. } => match desk.app.office.preview(poll, desk.by()) {
            Ok(payload) => payload,
            Err(error) => {
                let problem: Problem = back(poll.id)(error);
                return Ok((None, Some(format!("{}。{}", problem.sentence, problem.way))));
            }
        },
        Phase::Certified { sheet, .. } | Phase::Reported { sheet, .. } => signed(desk, sheet)?,
        _ => return Ok((None, None)),
    };
    let view = ResultView::of(&payload, &desk.app.rules).map_err(|error| Problem::internal(&error))?;
    Ok((Some(view), None))
}

/// What a signed sheet says.
pub(super) fn signed(desk: &Desk<'_>, id: &SheetId) -> Result<SheetPayload, Problem> {
    let stored = desk.app.database.read(|c| sheets::load(c, id))?.ok_or(Problem::NOT_FOUND)?;
    let statement = Statement::parse(stored.body.as_bytes()).map_err(|error| Problem::internal(&error))?;
    SheetPayload::read(statement.payload()).map_err(|error| Problem::internal(&error))
}

fn keys(desk: &Desk<'_>, poll: &Poll) -> Vec<&'static str> {
    let word = |state: &KeyState| match state {
        KeyState::Destroyed => "已销毁",
        KeyState::Held => "还没有销毁",
        KeyState::Unreachable => "现在读不到，还没有确认",
    };
    desk.app.ballot_box.key_states(poll).iter().map(word).collect()
}

/// Why the box of this round is stopped, in words for people.
fn fault(desk: &Desk<'_>, poll: &Poll) -> Result<Option<String>, Problem> {
    let why = desk.app.ballot_box.trouble(poll)?;
    Ok(why.map(|why| in_words_for_people(&why, &desk.app.config.vaults)))
}

/// Why a box is stopped, without folders and messages of the operating system: those are for the log.
fn in_words_for_people(why: &str, vaults: &[PathBuf]) -> String {
    match vaults.iter().position(|folder| why.contains(&folder.display().to_string())) {
        Some(place) => format!("第 {} 处密钥保管处（共 {} 处）不能用", place + 1, vaults.len()),
        None => why.split('：').take_while(|part| !part.contains("os error")).collect::<Vec<_>>().join("："),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chair_reads_no_path() {
        let vaults = ["/mnt/a".into(), "/mnt/b".into()];
        let why = "保管处 /mnt/b/poll-7 读不到本轮的密钥：No such file or directory (os error 2)";
        assert_eq!(in_words_for_people(why, &vaults), "第 2 处密钥保管处（共 2 处）不能用");
        let why = "封存记录不能读写：Input/output error (os error 5)";
        assert_eq!(in_words_for_people(why, &vaults), "封存记录不能读写");
        let why = "数据库是更早的副本：请恢复更新的备份";
        assert_eq!(in_words_for_people(why, &vaults), why);
    }
}
