//! What a member reads when there is no ballot to show: each refusal with its status, a stable code, plain words and a way
//! forward.

use actix_web::http::StatusCode;
use time::Date;

use crate::ballot_box::{CastRefusal, SlipState};
use crate::domain::ballot::BallotRefusal;
use crate::domain::poll::{Phase, Poll, VoidReason};
use crate::domain::slip::SlipCodeError;
use crate::http::problem::status_of;

/// A page of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub status: StatusCode,
    /// Stable; members may read it out on the telephone.
    pub code: &'static str,
    pub heading: &'static str,
    pub lines: Vec<String>,
    /// Address and words of each way forward.
    pub ways: Vec<(String, &'static str)>,
}

impl Word {
    fn new(status: StatusCode, code: &'static str, heading: &'static str, lines: &[&str]) -> Self {
        Word { status, code, heading, lines: lines.iter().map(|line| (*line).to_owned()).collect(), ways: Vec::new() }
    }

    /// What the ballot box refused, by the code and status that it has everywhere.
    fn refused(refusal: CastRefusal, heading: &'static str, lines: &[&str]) -> Self {
        Word::new(status_of(refusal), refusal.code(), heading, lines)
    }

    fn way(mut self, address: impl Into<String>, words: &'static str) -> Self {
        self.ways.push((address.into(), words));
        self
    }
}

/// `11月30日`
#[must_use]
pub fn day(date: Date) -> String {
    format!("{}月{}日", u8::from(date.month()), date.day())
}

/// Whom to ask about the round, by office and name as far as the round says.
#[must_use]
pub fn whom_to_ask(poll: &Poll) -> String {
    let chair = match poll.facts.chair.as_str() {
        "" => "本单位工会".to_owned(),
        name => format!("工会主席{name}"),
    };
    match poll.facts.chief_scrutineer.as_str() {
        "" => chair,
        name => format!("{chair}，或者总监票人{name}"),
    }
}

/// The code cannot be a slip code.
#[must_use]
pub fn mistyped(error: SlipCodeError) -> Word {
    let word = match error {
        SlipCodeError::Shape => Word::new(
            StatusCode::NOT_FOUND,
            "slip_malformed",
            "选票码不完整",
            &["选票码是 26 位字母和数字，印在选票的二维码旁边。", "请对着选票再输一遍，也可以用微信扫二维码。"],
        ),
        SlipCodeError::Check => Word::new(
            StatusCode::NOT_FOUND,
            "slip_mistyped",
            "选票码有一处不对",
            &["可能输错了一个字，或者前后颠倒了两个字。", "请对着选票再输一遍，也可以用微信扫二维码。"],
        ),
    };
    word.way("/", "重新输入选票码")
}

/// No round has this tag.
#[must_use]
pub fn unknown_round() -> Word {
    Word::new(
        StatusCode::NOT_FOUND,
        "round_unknown",
        "没有找到这张选票",
        &["这张选票不是从这里发出的。", "请把选票给发票的人看一看，请他们帮您核对。"],
    )
    .way("/", "重新输入选票码")
}

/// Too many unknown codes are tried on one round.
#[must_use]
pub fn slow_down() -> Word {
    Word::new(
        StatusCode::TOO_MANY_REQUESTS,
        "slip_unknown_slow",
        "没有找到这张选票",
        &["现在有人在连续试选票码，所以查得慢一些。", "您的选票如果是真的，不受影响。请对着选票再输一遍。"],
    )
    .way("/", "重新输入选票码")
}

/// Why this slip has no ballot to show; `None` when it has one.
#[must_use]
pub fn about_slip(state: SlipState) -> Option<Word> {
    match state {
        SlipState::Unspent => None,
        // Nothing was sent that could conflict: the ballot is just gone.
        SlipState::Spent => Some(Word { status: StatusCode::GONE, ..slip_spent() }),
        SlipState::Void => Some(slip_void()),
        SlipState::Unknown => Some(slip_unknown()),
    }
}

/// Why the round shows no ballot; `None` while it is open.
#[must_use]
pub fn about_phase(poll: &Poll) -> Option<Word> {
    match &poll.phase {
        Phase::Open { .. } => None,
        Phase::Draft { .. } => Some(not_open(poll)),
        Phase::Void { reason } => Some(void(Some(reason))),
        Phase::Counting { .. } => Some(
            Word::new(
                StatusCode::GONE,
                "round_closed",
                "手机投票已经停止",
                &[
                    "还没有投的，请在这张选票上选好，折好，自己投进现场的票箱。",
                    "如果您投过票，公布以后可以凭回执查验。",
                ],
            )
            .way(receipts(poll), "查验回执"),
        ),
        Phase::Closing { .. } | Phase::Closed { .. } => Some(
            Word::new(
                StatusCode::GONE,
                "round_closed",
                "投票已经结束",
                &["已经开票，正在计票。", "结果由工会公布。如果您投过票，公布以后可以凭回执查验。"],
            )
            .way(receipts(poll), "查验回执"),
        ),
        Phase::Certified { sheet, .. } | Phase::Reported { sheet, .. } => Some(
            Word::new(StatusCode::GONE, "round_closed", "投票已经结束", &["已经开票，结果报告单已经签发。"])
                .way(format!("/sheets/{sheet}"), "看结果")
                .way(receipts(poll), "查验回执"),
        ),
    }
}

/// What becomes of a submission that the ballot box refused for good; `None` when the same form may be sent again.
#[must_use]
pub fn about_cast(refusal: CastRefusal, poll: &Poll) -> Option<Word> {
    Some(match refusal {
        CastRefusal::UnknownSlip => slip_unknown(),
        CastRefusal::SlipSpent => slip_spent(),
        CastRefusal::SlipVoid => slip_void(),
        CastRefusal::NotOpen => not_open(poll),
        CastRefusal::Void => match &poll.phase {
            Phase::Void { reason } => void(Some(reason)),
            _ => void(None),
        },
        CastRefusal::Closed => Word::refused(
            refusal,
            "投票已经结束，这次没有计入",
            &[
                "您按“投票”的时候，手机投票已经截止。",
                "如果现场还在收纸质选票，可以在这张选票上选好，折好，自己投进票箱。",
            ],
        ),
        CastRefusal::Closing | CastRefusal::Busy | CastRefusal::Stopped | CastRefusal::Unavailable => return None,
    })
}

const UNCERTAIN: &str = "现在还不能告诉您，您的票投进去了没有。";
const AGAIN_IS_SAFE: &str = "不管按几次，一张选票只算一票。";

/// Code, heading and words for a submission that may be sent again as it is.
#[must_use]
pub fn try_again(refusal: CastRefusal) -> (&'static str, &'static str, &'static [&'static str]) {
    let (heading, lines): (_, &[_]) = match refusal {
        CastRefusal::Busy => ("还没有投成", &["现在投票的人多。请等几秒，再按一次。"]),
        CastRefusal::Closing => ("正在开票，请稍等", &["现在还不能告诉您，您的票算进去了没有。请过几分钟再按一次。"]),
        CastRefusal::Stopped => {
            ("投票箱暂时停用", &[UNCERTAIN, "请把选票收好，等工会通知恢复以后，再按一次。", AGAIN_IS_SAFE])
        }
        _ => ("还不能确定投成没有", &[UNCERTAIN, "请过一会儿再按一次。", AGAIN_IS_SAFE]),
    };
    (refusal.code(), heading, lines)
}

/// The box of the round is stopped: there is no ballot to show until it is mended.
#[must_use]
pub fn paused(link: &str) -> Word {
    Word::refused(
        CastRefusal::Stopped,
        "投票暂停",
        &[
            "投票箱暂时停用，正在处理。恢复以后再扫一次就行。",
            "请把选票收好。没有投过的，选票没有被用掉；已经投成的，不用再投。",
        ],
    )
    .way(format!("/V/{link}"), "再试一次")
}

/// The form has no nonce of ours, or asks for a step that is none: it was damaged on its way, or made by something else.
#[must_use]
pub fn bad_form(link: &str) -> Word {
    let lines = ["送来的内容不完整，没有收下。", "请回到选票，再选一次。"];
    Word::new(StatusCode::BAD_REQUEST, "form_nonce", "还没有投票", &lines).way(format!("/V/{link}"), "回到选票")
}

/// The form does not fit the paper.
#[must_use]
pub fn bad_ballot(refusal: &BallotRefusal, link: &str) -> Word {
    let (code, reason) = match refusal {
        BallotRefusal::AnswerNotOnPaper { .. } => ("answer_not_on_paper", "有一项的答案不在选票上。"),
        BallotRefusal::TwoAnswers { .. } => ("two_answers", "有一项选了两个答案。"),
        BallotRefusal::UnknownItem => ("unknown_item", "送来的内容里，有选票上没有的项目。"),
        BallotRefusal::CommentTooLong => ("comment_too_long", "意见超过了 200 字。"),
        BallotRefusal::TwoComments => ("two_comments", "送来了两条意见，只能有一条。"),
        BallotRefusal::CommentNotAsked => ("comment_not_asked", "这一轮评议不收文字意见。"),
    };
    Word::new(StatusCode::UNPROCESSABLE_ENTITY, code, "还没有投票", &[reason, "请回到选票，再选一次。"])
        .way(format!("/V/{link}"), "回到选票")
}

/// Something of ours failed before the ballot was touched.
#[must_use]
pub fn unavailable(link: &str) -> Word {
    Word::refused(
        CastRefusal::Unavailable,
        "暂时打不开选票",
        &["系统一时没有回应。请过一会儿再试。您的选票没有被用掉。"],
    )
    .way(format!("/V/{link}"), "再试一次")
}

fn slip_spent() -> Word {
    Word::refused(
        CastRefusal::SlipSpent,
        "这张选票已经投过票了",
        &[
            "如果是您自己投的，您的票已经在票箱里，不用再投。",
            "如果您还没有投过，请马上告诉监票人。",
            "一张选票只能投一次，第一次投的算数。",
        ],
    )
}

fn slip_void() -> Word {
    Word::refused(
        CastRefusal::SlipVoid,
        "这张选票已经作废",
        &["作废的选票不能投票。", "您有投票资格的话，可以请工会换一张新的。"],
    )
}

fn slip_unknown() -> Word {
    Word::refused(
        CastRefusal::UnknownSlip,
        "没有找到这张选票",
        &["这个码不是这一轮的选票。可能是重新印过，您手里的是旧的。", "请对着选票再输一遍，或者请工会看一看。"],
    )
    .way("/", "重新输入选票码")
}

fn not_open(poll: &Poll) -> Word {
    let begins = format!("计划{}开始。到时候再扫一次就行。", day(poll.facts.begins));
    Word::refused(CastRefusal::NotOpen, "投票还没有开始", &[&begins, "请把选票收好，不要给别人看上面的码。"])
}

fn void(reason: Option<&VoidReason>) -> Word {
    let why = match reason {
        Some(VoidReason::CalledOff { text, .. } | VoidReason::Disputed { text, .. }) if !text.is_empty() => {
            format!("原因：{text}")
        }
        Some(VoidReason::MoreSpentThanHandedOut { .. }) => "原因：收回的票比发出的多。".to_owned(),
        // Earlier versions wrote this down for faults that passed, too.
        Some(VoidReason::Stopped { text, .. }) => format!("投票箱出了故障，票没有清点。原因：{text}"),
        _ => "请等工会通知。".to_owned(),
    };
    Word::refused(
        CastRefusal::Void,
        "这一轮评议已经作废",
        &[&why, "已经投的票都不算数。重新评议的话，工会会发新的选票。"],
    )
}

fn receipts(poll: &Poll) -> String {
    format!("/receipts?round={}", poll.tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_one_code_and_one_status_wherever_it_is_told() {
        let poll = crate::domain::sheet::sample::Sample::new().poll;
        for refusal in [
            CastRefusal::UnknownSlip,
            CastRefusal::SlipSpent,
            CastRefusal::SlipVoid,
            CastRefusal::NotOpen,
            CastRefusal::Closing,
            CastRefusal::Closed,
            CastRefusal::Void,
            CastRefusal::Busy,
            CastRefusal::Stopped,
            CastRefusal::Unavailable,
        ] {
            let word = about_cast(refusal, &poll).map(|word| (word.code, word.status));
            let told = word.unwrap_or_else(|| (try_again(refusal).0, StatusCode::SERVICE_UNAVAILABLE));
            let problem = crate::http::problem::Problem::from(refusal);
            assert_eq!(told, (problem.code, problem.status), "{refusal:?}");
        }
        let code = |state| about_slip(state).map(|word| word.code);
        assert_eq!(code(SlipState::Spent), Some(CastRefusal::SlipSpent.code()));
        assert_eq!(code(SlipState::Void), Some(CastRefusal::SlipVoid.code()));
        assert_eq!(code(SlipState::Unknown), Some(CastRefusal::UnknownSlip.code()));
        assert_eq!(paused("X").code, CastRefusal::Stopped.code());
    }

    #[test]
    fn what_is_not_known_is_not_claimed() {
        for refusal in [CastRefusal::Stopped, CastRefusal::Unavailable] {
            let (_, heading, lines) = try_again(refusal);
            assert!(lines.contains(&UNCERTAIN) && lines.contains(&AGAIN_IS_SAFE), "{refusal:?}");
            assert!(!heading.contains("还没有投") && !lines.concat().contains("没有投成"), "{refusal:?}");
        }
        assert_eq!(paused("X").ways, [("/V/X".to_owned(), "再试一次")]);
    }
}
