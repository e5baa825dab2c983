//! Paper ballots: two tellers enter each independently, and what both read goes into the box.

use askama::Template;

use super::count::AskPage;
use super::{address, advance, back, done, round_in};
use crate::ballot_box::{BoxError, CastRefusal, PaperBallot, PaperEntry, Teller};
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::ballot::Ballot;
use crate::domain::ids::{AccountId, PollId};
use crate::domain::paper::Item;
use crate::domain::poll::{Phase, Poll};
use crate::domain::slip::SlipCode;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::{accounts, journal, polls};

/// The value of an item that the paper leaves blank: said on purpose, so that nothing is skipped by mistake.
const BLANK: &str = "blank";
/// The fields that are no items.
const OWN_FIELDS: [&str; 3] = ["form_token", "slip", "invalid"];

#[derive(Template)]
#[template(path = "round/paper.html")]
struct PaperPage<'p> {
    frame: Frame,
    id: PollId,
    items: &'p [Item],
    form: Filled,
    waiting: u64,
    /// Class, heading and words on the entry before.
    outcome: Option<(&'static str, &'static str, &'static str)>,
}

fn is_counting(phase: &Phase) -> bool {
    matches!(phase, Phase::Counting { .. })
}

/// `GET /rounds/{id}/paper`
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn paper_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Count], is_counting)?;
    page(desk, &poll, Filled::default())
}

fn page(desk: &Desk<'_>, poll: &Poll, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let page = PaperPage {
        frame: desk.frame("录入纸质选票"),
        id: poll.id,
        items: &poll.paper.items,
        waiting: desk.app.ballot_box.paper_waiting(poll.id)?,
        outcome: if form.is_wrong() { None } else { outcome(desk.ask.query.get("entry")) },
        form,
    };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

fn outcome(code: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match code {
        "waiting" => Some(("", "已录入，等待另一名计票人", "另一名计票人录入同样的内容后，这张选票才计入。")),
        "cast" => Some(("ok", "两人录入一致，已计入", "请接着录下一张。")),
        "differs" => {
            Some(("warn", "两人录入不一致，没有计入", "两人的录入都已取消。请一起看这张选票，再各自重新录入。"))
        }
        _ => None,
    }
}

/// `POST /rounds/{id}/paper`: one teller enters one paper ballot.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `two_tellers`; whatever is wrong with the entry shows the form again.
pub fn paper(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Count], is_counting)?;
    let mut form = Filled::of(&desk.ask.form);
    let slip = read_slip(&mut form, &poll);
    let ballot = read_ballot(desk, &mut form, &poll);
    let (Some(slip), Some(ballot)) = (slip, ballot) else { return page(desk, &poll, form) };
    let teller = teller(desk, &poll)?;
    let entry = match desk.app.ballot_box.enter_paper(&poll, teller, &slip, ballot) {
        Ok(PaperEntry::Waiting) => "waiting",
        Ok(PaperEntry::Cast) => "cast",
        Ok(PaperEntry::Differs) => "differs",
        Err(BoxError::Cast(refusal)) => {
            let Some(words) = about_slip(refusal) else { return Err(back(poll.id)(refusal)) };
            if refusal == CastRefusal::SlipSpent {
                // Somebody who knew the code may have been faster than the member; which slip it was is not set down.
                let noted = |c: &mut _| polls::note(c, &poll, "poll.paper_spent", "", desk.by());
                desk.app.database.write(noted).map_err(back(poll.id))?;
            }
            form.refuse("slip", words);
            return page(desk, &poll, form);
        }
        Err(error) => return Err(back(poll.id)(error)),
    };
    Ok(Reply::see_other(format!("{}/paper?entry={entry}", address(poll.id))))
}

/// `GET /rounds/{id}/paper/drop`: asks once.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`.
pub fn drop_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Scrutinise], is_counting)?;
    let waiting = desk.app.ballot_box.paper_waiting(poll.id)?;
    let lines = vec![
        format!("只有一名计票人录入的，现在有 {waiting} 张。录完这些票，或者取消这些录入，才能开票。"),
        "先请两名计票人把手里的纸质选票都录完。另一名计票人找不到那张票的，再取消，并且告诉两名计票人。".to_owned(),
        "取消的录入不计票。选票没有作废，找到了还可以由两人重新录入。".to_owned(),
    ];
    let mut page = AskPage::new(desk, &poll, "paper/drop", "取消只有一人录入的", lines);
    page.seen = Some(waiting);
    Reply::page(&page)
}

/// `POST /rounds/{id}/paper/drop`: the scrutineer drops what only one teller has entered.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `stale` when tellers have entered more or less since the page was shown.
pub fn drop_entries(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Scrutinise], is_counting)?;
    let seen = desk.ask.form.get("seen").parse().map_err(|_| back(poll.id)(BoxError::Stale))?;
    desk.app.ballot_box.drop_entries(poll.id, seen, desk.who.account.id, desk.ask.now).map_err(back(poll.id))?;
    Ok(done(poll.id, "entries_dropped"))
}

fn about_slip(refusal: CastRefusal) -> Option<&'static str> {
    match refusal {
        CastRefusal::SlipSpent => Some(
            "这张选票已经计入（两人已经录完，或者用手机投过），不再重复计票。请把这张纸质选票交给监票人另外放好，不要追问是谁的",
        ),
        CastRefusal::SlipVoid => Some("这张选票已经作废，不能计票"),
        CastRefusal::UnknownSlip => Some("本轮评议没有这张选票，请核对选票码"),
        _ => None,
    }
}

fn read_slip(form: &mut Filled, poll: &Poll) -> Option<SlipCode> {
    match SlipCode::parse(form.value("slip")) {
        Ok(slip) if slip.tag() == poll.tag => Some(slip),
        Ok(_) => {
            form.refuse("slip", "这是别的评议的选票");
            None
        }
        Err(error) => {
            form.refuse("slip", error.to_string());
            None
        }
    }
}

/// What the paper says: every item answered or left blank on purpose, or the whole invalid.
fn read_ballot(desk: &Desk<'_>, form: &mut Filled, poll: &Poll) -> Option<PaperBallot> {
    let fields = || desk.ask.form.iter().filter(|(name, _)| !OWN_FIELDS.contains(name));
    if form.ticked("invalid") {
        if fields().next().is_some() {
            form.refuse("invalid", "勾选了“无效票”，就不要再选下面的答案；没有写明答案的项目不影响整张票有效");
            return None;
        }
        return Some(PaperBallot::Invalid);
    }
    for item in &poll.paper.items {
        if form.value(item.id.as_str()).is_empty() {
            form.refuse(item.id.as_str(), format!("“{}”还没有录；选票上空着的，请选“空着（弃权）”", item.title));
        }
    }
    let given = fields().map(|(name, value)| (name, if value == BLANK { "" } else { value }));
    match Ballot::parse(&poll.paper, given) {
        Ok(ballot) if !form.is_wrong() => Some(PaperBallot::Valid(ballot)),
        Ok(_) => None,
        Err(error) => {
            form.refuse("entry", error.to_string());
            None
        }
    }
}

/// Which of the two this person is: the first place that is free when they first enter, set down in the round's
/// journal. A place becomes free when its holder's account is closed, so the two places are never one person's.
fn teller(desk: &Desk<'_>, poll: &Poll) -> Result<Teller, Problem> {
    let own = desk.who.account.id;
    let holders = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        let mut holders: [Option<(AccountId, String)>; 2] = [None, None];
        for (account, place) in journal::doers(c, poll.id, "poll.teller")? {
            if account == own {
                return Ok(Err(place));
            }
            let holder = accounts::load(c, account)?.filter(|account| account.active);
            let slot = if place == "1" { holders.first_mut() } else { holders.last_mut() };
            if let Some(slot) = slot {
                *slot = holder.map(|holder| (holder.id, holder.name));
            }
        }
        Ok(Ok(holders))
    })?;
    let place = match &holders {
        Err(place) => return Ok(if place == "1" { Teller::First } else { Teller::Second }),
        Ok([None, _]) => "1",
        Ok([_, None]) => "2",
        Ok([Some((_, first)), Some((_, second))]) => {
            let problem = Problem::conflict(
                "two_tellers",
                format!("本轮的纸质选票由{first}和{second}录入，第三个人不能再录"),
                "请由这两名计票人录完。其中一人不能继续的，请工会主席停用其账号，再由您接替。",
            );
            return Err(back(poll.id)(problem));
        }
    };
    // The round's version decides between two who come at the same moment; the other is asked to try again.
    advance(desk, poll, "poll.teller", place, Ok)?;
    Ok(if place == "1" { Teller::First } else { Teller::Second })
}
