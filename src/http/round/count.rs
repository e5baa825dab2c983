//! Stopping phones, opening the box, confirming the result, voiding the round.

use askama::Template;

use super::{advance, back, done, round_in};
use crate::ballot_box::{BoxError, CastRefusal, LIVE_STEP};
use crate::domain::account::Act;
use crate::domain::ids::PollId;
use crate::domain::poll::{Phase, Poll, Refusal, VoidReason};
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};

/// Longest reason for voiding a round, in characters.
const REASON: usize = 200;

/// The question before a step that cannot be undone.
#[derive(Template)]
#[template(path = "round/ask.html")]
pub(super) struct AskPage {
    frame: Frame,
    id: PollId,
    /// Where the answer goes, behind the round's address.
    step: &'static str,
    lines: Vec<String>,
    /// What speaks against it.
    doubts: Vec<String>,
    button: &'static str,
    form: Filled,
    reason: bool,
    /// How many of something the question is about, to be sent back with the answer.
    pub seen: Option<u64>,
}

impl AskPage {
    pub(super) fn new(
        desk: &Desk<'_>,
        poll: &Poll,
        step: &'static str,
        button: &'static str,
        lines: Vec<String>,
    ) -> Self {
        AskPage {
            frame: desk.frame(&format!("{button}？")),
            id: poll.id,
            step,
            lines,
            doubts: Vec::new(),
            button,
            form: Filled::default(),
            reason: false,
            seen: None,
        }
    }
}

fn ask(desk: &Desk<'_>, poll: &Poll, step: &'static str, button: &'static str, lines: Vec<String>) -> Answer {
    ask_in_doubt(desk, poll, step, button, lines, Vec::new())
}

/// Asks before a step, with what speaks against it.
///
/// # Errors
/// Faults of the template.
pub(in crate::http) fn ask_in_doubt(
    desk: &Desk<'_>,
    poll: &Poll,
    step: &'static str,
    button: &'static str,
    lines: Vec<String>,
    doubts: Vec<String>,
) -> Answer {
    Reply::page(&AskPage { doubts, ..AskPage::new(desk, poll, step, button, lines) })
}

/// What speaks against opening the box for so few ballots.
fn too_few(spent: u64, expected: u64) -> Vec<String> {
    let mut doubts = Vec::new();
    if spent * 3 < expected * 2 {
        doubts.push(format!("只收回 {spent} 张，不到应到 {expected} 人的三分之二。还有人要投纸质选票的，请先等一等。"));
    }
    if spent < LIVE_STEP {
        doubts.push(format!("不到 {LIVE_STEP} 张票，结果可能让人猜出某个人怎么投的。"));
    }
    doubts
}

/// What speaks against stopping phones when so few have voted on them: tellers know every ballot on paper, so that the result
/// less those is what the phones said.
fn too_few_phones(spent: u64) -> Vec<String> {
    let few = (1..LIVE_STEP).contains(&spent);
    let words = format!(
        "用手机投的不到 {LIVE_STEP} 张。现在停止，再收了纸质选票，计票人从总数里减去纸质选票，就知道这几个人怎么投的。请等多一些人用手机投了再停止，或者不收纸质选票。"
    );
    few.then_some(words).into_iter().collect()
}

fn is_open(phase: &Phase) -> bool {
    matches!(phase, Phase::Open { .. })
}

/// Whether opening the box can begin or go on.
fn may_close(phase: &Phase) -> bool {
    matches!(phase, Phase::Counting { .. } | Phase::Closing { .. })
        || matches!(phase, Phase::Closed { opened, .. } if !opened.key_destroyed)
}

/// Whether the chair may still call the round off: not once the box is opened and the result can be seen, nor while
/// it is being opened; but a box that cannot be opened can be given up.
pub(super) fn may_void(phase: &Phase, in_trouble: bool) -> bool {
    match phase {
        Phase::Draft { .. } | Phase::Open { .. } | Phase::Counting { .. } => true,
        Phase::Closing { .. } => in_trouble,
        _ => false,
    }
}

/// The round, if its chair may call it off.
fn voidable(desk: &Desk<'_>) -> Result<Poll, Problem> {
    let (poll, _) = desk.poll(&[Act::Run])?;
    match poll.phase {
        _ if may_void(&poll.phase, desk.app.ballot_box.trouble(&poll)?.is_some()) => Ok(poll),
        Phase::Closing { .. } | Phase::Closed { .. } => Err(opened(poll.id)),
        _ => Err(back(poll.id)(Refusal::WrongPhase)),
    }
}

fn opened(id: PollId) -> Problem {
    let way = "请照实签发。有异议的，请告诉上级工会，由上级工会作废并重新评议。";
    back(id)(Problem::conflict("opened", "票箱已经打开，不能自行作废", way))
}

/// `GET /rounds/{id}/stop`: asks once.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn stop_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], is_open)?;
    let spent = desk.app.ballot_box.turnout(poll.id)?.spent;
    let mut lines = vec![
        format!("现在已经有 {spent} 人投票，应到 {} 人。", poll.facts.expected),
        "停止以后，手机上不能再投票，也不能恢复。还没有投的人只能交纸质选票。".to_owned(),
    ];
    if poll.phase.custody().is_none_or(|custody| custody.confirmed_by.is_none()) {
        lines.push("选票去向还没有登记并经监票人确认。可以先停止，确认以后才能开票。".to_owned());
    }
    ask_in_doubt(desk, &poll, "stop", "停止手机投票", lines, too_few_phones(spent))
}

/// `POST /rounds/{id}/stop`
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn stop(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], is_open)?;
    desk.app.ballot_box.stop_phones(poll.id, desk.who.account.id, desk.ask.now).map_err(back(poll.id))?;
    Ok(done(poll.id, "phones_stopped"))
}

/// `GET /rounds/{id}/close`: asks once.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn close_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], may_close)?;
    if !matches!(poll.phase, Phase::Counting { .. }) {
        let lines = vec!["会从断开的地方继续，不会重复计票，也不会丢票。".to_owned()];
        return ask(desk, &poll, "close", "继续开票", lines);
    }
    poll.phase.clone().begin_closing().map_err(back(poll.id))?;
    let spent = desk.app.ballot_box.turnout(poll.id)?.spent;
    let handed_out = poll.phase.custody().map_or(0, |custody| u64::from(custody.handed_out));
    let mut lines = vec![
        format!("发出 {handed_out} 张，收回 {spent} 张。"),
        "开票以后不能再录入纸质选票，也不能恢复。计完票，打开选票的密钥就会销毁。".to_owned(),
    ];
    let waiting = desk.app.ballot_box.paper_waiting(poll.id)?;
    if waiting > 0 {
        lines.push(format!(
            "还有 {waiting} 张纸质选票只有一名计票人录入，另一名计票人录完以后才能开票。找不到原票的，请监票人取消。"
        ));
    }
    if spent > handed_out {
        lines.push("收回的票比发出的多：开票后本轮评议会作废，票不会打开。".to_owned());
    }
    ask_in_doubt(desk, &poll, "close", "开票", lines, too_few(spent, poll.facts.expected.into()))
}

/// `POST /rounds/{id}/close`: opens the box and counts; goes on where it was interrupted.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `CustodyNotConfirmed`, `paper_waiting`, faults of the vault.
pub fn close(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], may_close)?;
    match desk.app.ballot_box.close(&poll, desk.who.account.id, desk.ask.now) {
        Ok(_) => Ok(done(poll.id, "closed")),
        // More slips came back than went out: the page says so.
        Err(BoxError::Cast(CastRefusal::Void)) => Ok(done(poll.id, "voided")),
        Err(error) => Err(back(poll.id)(error)),
    }
}

/// `POST /rounds/{id}/result/confirm`: a scrutineer or teller confirms the result.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn confirm_result(desk: &Desk<'_>) -> Answer {
    let closed = |phase: &Phase| matches!(phase, Phase::Closed { .. });
    let (poll, _) = round_in(desk, &[Act::Scrutinise, Act::Count], closed)?;
    let own = desk.who.account.id;
    let already = matches!(&poll.phase, Phase::Closed { confirmed_by, .. } if confirmed_by.contains(&own));
    if !already {
        advance(desk, &poll, "poll.confirm_result", "", |phase| phase.confirm_result(own))?;
    }
    Ok(done(poll.id, "result_confirmed"))
}

/// `GET /rounds/{id}/void`: asks for the reason.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `opened`.
pub fn void_form(desk: &Desk<'_>) -> Answer {
    let poll = voidable(desk)?;
    void_page(desk, &poll, Filled::default())
}

fn void_page(desk: &Desk<'_>, poll: &Poll, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let lines = vec![
        "作废以后，本轮已经投的票全部不算，密钥销毁，票再也打不开，不能恢复。".to_owned(),
        "需要重新评议的，另建一轮，重新印发选票。".to_owned(),
    ];
    let page = AskPage { form, reason: true, ..AskPage::new(desk, poll, "void", "作废本轮评议", lines) };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

/// `POST /rounds/{id}/void`: the round counts for nothing.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `opened`; without a reason the form is shown again.
pub fn void(desk: &Desk<'_>) -> Answer {
    let poll = voidable(desk)?;
    let mut form = Filled::of(&desk.ask.form);
    let text = form.line("reason", REASON);
    if form.is_wrong() {
        return void_page(desk, &poll, form);
    }
    let by = desk.who.account.id;
    let reason = match desk.app.ballot_box.beyond_counting(poll.id)? {
        Some(fault) => VoidReason::Stopped { fault, text, by },
        None => VoidReason::CalledOff { text, by },
    };
    match desk.app.ballot_box.void(poll.id, reason, Some(by), desk.ask.now) {
        Ok(()) => Ok(done(poll.id, "voided")),
        // Somebody has opened the box since the phase was read above.
        Err(BoxError::Refused(Refusal::WrongPhase)) => Err(opened(poll.id)),
        Err(error) => Err(back(poll.id)(error)),
    }
}
