//! Custody of slips: counted by the chair, confirmed by the scrutineer; spoiled and unused slips are voided.

use askama::Template;

use super::{address, advance, back, done, round_in, show};
use crate::ballot_box::Voiding;
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::ids::PollId;
use crate::domain::packet::Scanned;
use crate::domain::poll::{Custody, Phase, Poll, SlipIssue};
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::{accounts, journal};

/// The way on from unlikely figures.
const INSIST: &str = "请再清点一遍；如果没有数错，请勾选下面的“确实如此”";

/// Most slips voided at a time.
const MOST: usize = 300;

/// Custody as the page shows it.
pub(super) struct View {
    pub printed: u64,
    pub counted: Option<Custody>,
    /// Whether every printed slip is accounted for, and that in words.
    pub balance: Option<(bool, String)>,
    /// Who confirmed.
    pub confirmed_by: Option<String>,
    pub voided: u64,
    /// How many slips ought to be void: spoiled and unused.
    pub to_void: Option<u64>,
    /// Whether it can still be changed.
    pub running: bool,
    pub voided_by_scrutineer: bool,
    /// What the scrutineer saw when confirming.
    pub version: i64,
}

impl View {
    /// Whether a slip is void that nobody counted as spoiled or unused.
    pub(super) fn is_beyond(&self) -> bool {
        self.to_void.is_some_and(|to_void| self.voided > to_void)
    }
}

/// Custody of an opened round.
pub(super) fn view(desk: &Desk<'_>, poll: &Poll) -> Result<Option<View>, Problem> {
    let Some(opening) = poll.phase.opening() else { return Ok(None) };
    let counted = poll.phase.custody().copied();
    let confirmer = counted.and_then(|custody| custody.confirmed_by);
    let confirmed_by = match confirmer {
        Some(id) => desk.app.database.read(|c| accounts::load(c, id))?.map(|account| account.name),
        None => None,
    };
    Ok(Some(View {
        printed: opening.slips.printed(),
        balance: counted.map(|custody| balance(opening.slips, &custody)),
        to_void: counted.map(|custody| u64::from(custody.spoiled) + u64::from(custody.unused)),
        counted,
        confirmed_by,
        voided: desk.app.ballot_box.turnout(poll.id)?.voided,
        running: is_running(&poll.phase),
        voided_by_scrutineer: is_voided_by_scrutineer(desk, poll)?,
        version: poll.version,
    }))
}

fn is_running(phase: &Phase) -> bool {
    matches!(phase, Phase::Open { .. } | Phase::Counting { .. })
}

/// Whether only a scrutineer voids slips: from the first confirmation on, and once paper ballots lie on the table, the chair
/// could else void those of members.
fn is_voided_by_scrutineer(desk: &Desk<'_>, poll: &Poll) -> Result<bool, DatabaseError> {
    if !matches!(poll.phase, Phase::Open { .. }) {
        return Ok(true);
    }
    // A chair who counts again drops the confirmation, and not that there was one.
    Ok(!desk.app.database.read(|c| journal::doers(c, poll.id, "poll.custody_confirm"))?.is_empty())
}

/// The round, if this person may void slips of it now.
fn round_to_void_in(desk: &Desk<'_>) -> Result<Poll, Problem> {
    let (poll, union) = round_in(desk, &[Act::Run, Act::Scrutinise], is_running)?;
    if !desk.may(Act::Scrutinise, &union) && is_voided_by_scrutineer(desk, &poll)? {
        let sentence = "选票去向确认以后，或者手机投票停止以后，只有监票人能作废选票";
        let way = "请监票人用自己的账号作废。";
        return Err(back(poll.id)(Problem::conflict("scrutineer_voids", sentence, way)));
    }
    Ok(poll)
}

/// Whether printed = handed out + spoiled + unused, in words.
fn balance(slips: SlipIssue, custody: &Custody) -> (bool, String) {
    let printed = slips.printed();
    let named = u64::from(custody.handed_out) + u64::from(custody.spoiled) + u64::from(custody.unused);
    let words = match named.cmp(&printed) {
        std::cmp::Ordering::Equal => format!("发出、写坏和剩余加起来正好 {printed} 张，对得上。"),
        std::cmp::Ordering::Less => format!("印了 {printed} 张，还差 {} 张没有交代。", printed - named),
        std::cmp::Ordering::Greater => format!("印了 {printed} 张，多出 {} 张，请重新清点。", named - printed),
    };
    (named == printed, words)
}

/// The form of custody with what was set down before.
pub(super) fn filled(poll: &Poll) -> Filled {
    let mut form = Filled::default();
    if let Some(custody) = poll.phase.custody() {
        form.set("present", custody.present);
        form.set("handed_out", custody.handed_out);
        form.set("spoiled", custody.spoiled);
        form.set("unused", custody.unused);
    }
    form
}

/// `POST /rounds/{id}/custody`: the chair counts; an earlier confirmation is dropped.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`; wrong figures show the form again.
pub fn custody(desk: &Desk<'_>) -> Answer {
    let (poll, union) = round_in(desk, &[Act::Run], is_running)?;
    let mut form = Filled::of(&desk.ask.form);
    let printed = poll.phase.opening().map_or(0, |opening| opening.slips.printed());
    let most = u32::try_from(printed).unwrap_or(u32::MAX);
    let custody = Custody {
        present: form.number("present", 0, poll.facts.member_total.max(poll.facts.expected)),
        handed_out: form.number("handed_out", 0, most),
        spoiled: form.number("spoiled", 0, most),
        unused: form.number("unused", 0, most),
        confirmed_by: None,
    };
    let spent = desk.app.ballot_box.turnout(poll.id)?.spent;
    // Such a sheet could never be signed, and after the count nothing can be put right any more.
    if custody.handed_out > poll.facts.expected {
        form.refuse("handed_out", format!("应到 {} 人，发出的选票不能比应到人数多", poll.facts.expected));
    }
    if u64::from(custody.handed_out) < spent && !form.ticked("insist") {
        form.refuse(
            "handed_out",
            format!("已经有 {spent} 张选票投了票。请再清点一遍；如果确实只发出这么多，请勾选下面的“确实如此”"),
        );
    }
    doubt_attendance(&mut form, &custody, poll.facts.expected);
    if form.is_wrong() {
        return show::page(desk, &poll, &union, form);
    }
    let detail = format!(
        "实到 {}，发出 {}，写坏 {}，剩余 {}",
        custody.present, custody.handed_out, custody.spoiled, custody.unused
    );
    advance(desk, &poll, "poll.custody", &detail, |phase| phase.count_custody(custody))?;
    Ok(done(poll.id, "custody"))
}

/// Unlikely figures of attendance are taken only with the box ticked.
fn doubt_attendance(form: &mut Filled, custody: &Custody, expected: u32) {
    let Custody { present, handed_out, .. } = *custody;
    if form.ticked("insist") {
        return;
    }
    if present > expected {
        form.refuse("present", format!("实到 {present} 人，比应到的 {expected} 人多。{INSIST}"));
    }
    if handed_out > present {
        form.refuse("present", format!("发出的票比到会的人多：发出 {handed_out} 张，实到 {present} 人。{INSIST}"));
    }
}

/// `POST /rounds/{id}/custody/confirm`: the scrutineer confirms the very figures that the page showed.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `stale` when the figures have changed since.
pub fn confirm_custody(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Scrutinise], is_running)?;
    desk.saw(&poll.version).map_err(back(poll.id))?;
    let own = desk.who.account.id;
    advance(desk, &poll, "poll.custody_confirm", "", |phase| phase.confirm_custody(own))?;
    Ok(done(poll.id, "custody_confirmed"))
}

#[derive(Template)]
#[template(path = "round/void_slips.html")]
struct VoidSlipsPage {
    frame: Frame,
    id: PollId,
    voided: u64,
    form: Filled,
    /// What became of each line.
    lines: Vec<(usize, &'static str, bool)>,
}

/// `GET /rounds/{id}/void-slips`
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `scrutineer_voids`.
pub fn void_slips_form(desk: &Desk<'_>) -> Answer {
    let poll = round_to_void_in(desk)?;
    void_page(desk, &poll, Filled::default())
}

fn void_page(desk: &Desk<'_>, poll: &Poll, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let lines = desk.ask.query.get("lines").bytes().take(MOST);
    let page = VoidSlipsPage {
        frame: desk.frame("作废选票"),
        id: poll.id,
        voided: desk.app.ballot_box.turnout(poll.id)?.voided,
        form,
        lines: (1..).zip(lines).map(|(place, letter)| told(place, letter)).collect(),
    };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

/// `POST /rounds/{id}/void-slips`: voids the slips and packets whose codes were typed or scanned, one per line. The answer
/// says of each line what it was; codes stand in no address.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `scrutineer_voids`; lines that are no codes show the form again, and nothing is voided.
pub fn void_slips(desk: &Desk<'_>) -> Answer {
    let poll = round_to_void_in(desk)?;
    let mut form = Filled::of(&desk.ask.form);
    let lines = form.lines("codes", 200, MOST);
    let mut slips = Vec::with_capacity(lines.len());
    let mut wrong = Vec::new();
    for (place, line) in (1..).zip(&lines) {
        match Scanned::parse(line) {
            Ok(scanned) if scanned.tag() == poll.tag => slips.push(scanned),
            Ok(_) => wrong.push(format!("第 {place} 行是别的评议的选票")),
            Err(error) => wrong.push(format!("第 {place} 行：{error}")),
        }
    }
    if lines.is_empty() {
        wrong.push("请输入或扫描选票码或包号，每行一个".to_owned());
    }
    if !wrong.is_empty() {
        form.refuse("codes", format!("{}。这次没有作废任何选票，改好后再提交", wrong.join("；")));
    }
    if form.is_wrong() {
        return void_page(desk, &poll, form);
    }
    let outcome =
        desk.app.ballot_box.void_scanned(poll.id, &slips, desk.who.account.id, desk.ask.now).map_err(back(poll.id))?;
    let letters: String = outcome.iter().map(|each| letter(*each)).collect();
    Ok(Reply::see_other(format!("{}/void-slips?lines={letters}", address(poll.id))))
}

fn letter(outcome: Voiding) -> char {
    match outcome {
        Voiding::Voided => 'u',
        Voiding::Spent => 's',
        Voiding::Already => 'v',
        Voiding::Entered => 'p',
        Voiding::Unknown => 'x',
        Voiding::Packet(_) => 'b',
        Voiding::PacketOpened => 'o',
        Voiding::UnknownPacket => 'n',
    }
}

/// Number of the line, what became of it, and whether that is as it should be.
fn told(place: usize, letter: u8) -> (usize, &'static str, bool) {
    match letter {
        b'u' => (place, "没有用过，现在已作废", true),
        b'v' => (place, "以前已经作废", true),
        b'p' => (place, "已交回，计票人正在录入，不能作废", false),
        b's' => (place, "已经投过票，不能作废。请查明这张选票是谁收回的", false),
        b'b' => (place, "没有拆过的一包，现在整包作废", true),
        b'o' => (place, "这一包里有选票用过，说明拆开过，没有整包作废。请拆开，把没有用过的逐张作废", false),
        b'n' => (place, "不是本轮评议的备用票包", false),
        _ => (place, "不是本轮评议的选票", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printed_slip_is_asked_for() {
        let slips = SlipIssue { roll: 100, spares: 5 };
        let words = |handed_out, spoiled, unused| {
            balance(slips, &Custody { present: 0, handed_out, spoiled, unused, confirmed_by: None })
        };
        assert_eq!(words(98, 2, 5), (true, "发出、写坏和剩余加起来正好 105 张，对得上。".to_owned()));
        assert_eq!(words(98, 2, 2), (false, "印了 105 张，还差 3 张没有交代。".to_owned()));
        assert!(words(100, 5, 5).1.contains("多出 5 张"));
    }

    #[test]
    fn what_a_line_was_goes_round_as_one_letter() {
        for (outcome, words) in [
            (Voiding::Voided, (1, "没有用过，现在已作废", true)),
            (Voiding::Already, (1, "以前已经作废", true)),
            (Voiding::Entered, (1, "已交回，计票人正在录入，不能作废", false)),
            (Voiding::Unknown, (1, "不是本轮评议的选票", false)),
            (Voiding::Packet(10), (1, "没有拆过的一包，现在整包作废", true)),
            (Voiding::UnknownPacket, (1, "不是本轮评议的备用票包", false)),
        ] {
            assert_eq!(told(1, u8::try_from(letter(outcome)).unwrap()), words);
        }
        for wrong in [Voiding::Spent, Voiding::PacketOpened] {
            assert!(!told(1, u8::try_from(letter(wrong)).unwrap()).2);
        }
    }

    #[test]
    fn more_slips_than_people_are_asked_about() {
        let asked = |present, handed_out| {
            let mut form = Filled::default();
            let custody = Custody { present, handed_out, spoiled: 0, unused: 0, confirmed_by: None };
            doubt_attendance(&mut form, &custody, 12);
            form.error("present").map(str::to_owned)
        };
        assert_eq!(asked(12, 12), None);
        assert!(asked(9, 10).unwrap().contains("发出的票比到会的人多"));
        assert!(asked(13, 12).unwrap().contains("比应到的 12 人多"));
        let mut form = Filled::default();
        form.set("insist", 1);
        doubt_attendance(
            &mut form,
            &Custody { present: 1, handed_out: 2, spoiled: 0, unused: 0, confirmed_by: None },
            2,
        );
        assert!(!form.is_wrong(), "ticked");
    }
}
