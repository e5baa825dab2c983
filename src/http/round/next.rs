//! Where a running round stands, and the one next step for whoever looks at it.

use crate::domain::account::Role;
use crate::domain::poll::{Phase, Poll, VoidReason};
use crate::domain::rectification::State;

/// What to do now, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub heading: String,
    pub words: String,
    /// Part of the address behind the round's, and the words of the button; nothing when it is others' turn.
    pub way: Option<(&'static str, &'static str)>,
}

fn go(heading: &str, words: &str, way: (&'static str, &'static str)) -> Next {
    Next { heading: heading.to_owned(), words: words.to_owned(), way: Some(way) }
}

fn wait(heading: &str, words: impl Into<String>) -> Next {
    Next { heading: heading.to_owned(), words: words.into(), way: None }
}

/// What bears on the next step beside the phase.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances {
    /// Paper ballots that only one teller has entered.
    pub waiting: u64,
    /// Whether a scrutineer has confirmed the result.
    pub scrutinised: bool,
    /// Whether this person has confirmed the result.
    pub confirmed: bool,
    /// Where the rectification stands that the sheet asks for.
    pub rectification: Option<State>,
}

/// The next step of a round that was opened.
pub(super) fn next(poll: &Poll, role: Role, about: Circumstances) -> Next {
    match (&poll.phase, role) {
        (Phase::Draft { .. }, _) => wait("还在筹备", "开始投票以后，这里显示进展。"),
        (Phase::Void { reason }, _) => wait("本轮评议已经作废", void_words(reason)),
        (Phase::Certified { .. }, _) => wait("结果已经签发", "结果报告单已经送到上级工会，等待上级的意见。"),
        (Phase::Reported { opinion, .. }, _) if opinion.accepted => accepted(role, about.rectification),
        (Phase::Reported { .. }, Role::Chair) => go(
            "更正结果报告单",
            "上级工会退回了结果报告单。请按意见更正整改和公布情况，再签发一次；票数不会变。",
            ("/certify", "去更正"),
        ),
        (Phase::Reported { .. }, _) => wait("上级工会退回了结果报告单", "请等工会主席更正后再签发。"),
        (_, Role::Chair) => chair(poll, about),
        (_, Role::Scrutineer) => scrutineer(poll, about),
        _ => teller(poll, about),
    }
}

/// The sheet is accepted; what it asks for may still have to be done.
fn accepted(role: Role, rectification: Option<State>) -> Next {
    match rectification {
        Some(State::UnderWay | State::Overdue) if role == Role::Chair => go(
            "整改，报告整改情况",
            "上级工会已经同意结果报告单。请按期完成整改，报告整改情况，由上级工会复查。",
            ("#rectification", "去报告"),
        ),
        Some(State::UnderWay | State::Overdue) => {
            wait("正在整改", "上级工会已经同意结果报告单。整改完成以后，由工会主席报告整改情况。")
        }
        Some(State::Reported | State::SheetAwaited) => {
            wait("等上级工会复查整改", "整改情况已经送到上级工会。复查以前还可以改正。")
        }
        Some(State::Checked) => wait("本轮评议已经办完", "上级工会已经同意结果报告单，整改也已经复查。"),
        None | Some(State::SheetReturned) => {
            wait("本轮评议已经办完", "上级工会已经同意。结果报告单可以随时查看和下载。")
        }
    }
}

/// The way out when somebody does not agree with a result.
const DISPUTED: &str = "有异议不要确认，请告诉上级工会，由上级工会作废并重新评议。";

fn chair(poll: &Poll, about: Circumstances) -> Next {
    let custody = poll.phase.custody();
    let confirmed = custody.is_some_and(|custody| custody.confirmed_by.is_some());
    match &poll.phase {
        Phase::Open { .. } | Phase::Counting { .. } if custody.is_none() => {
            go("登记选票去向", "选票发完以后，填写实到人数，以及发出、写坏、剩下的张数。", ("#custody", "去填写"))
        }
        Phase::Open { .. } if !confirmed => {
            wait("等监票人确认选票去向", "请监票人用自己的账号登录，核对下面的数字并确认。")
        }
        Phase::Counting { .. } if !confirmed => {
            wait("等监票人确认选票去向", "确认以后才能开票。请监票人用自己的账号登录，核对并确认。")
        }
        Phase::Open { .. } => {
            go("到会的人都投完后，停止手机投票", "停止以后不能再用手机投票，也不能恢复。", ("/stop", "停止手机投票"))
        }
        Phase::Counting { .. } if about.waiting > 0 => wait(
            "等计票人录完纸质选票",
            format!("还有 {} 张只有一名计票人录入。两人都录完才能开票；找不到原票的，请监票人取消。", about.waiting),
        ),
        Phase::Counting { .. } => go(
            "开票",
            "有纸质选票的，请先让两名计票人录完。没有纸质选票，或者已经录完，就可以开票。",
            ("/close", "开票"),
        ),
        Phase::Closing { .. } => go(
            "正在开票",
            "请等一会儿再刷新。一直没有结果，就是中断了：按“继续开票”，会从断开的地方继续，不会重复计票。",
            ("/close", "继续开票"),
        ),
        Phase::Closed { opened, .. } if !opened.key_destroyed => go(
            "继续销毁密钥",
            "票已经计完，还有保管处没有确认密钥已销毁。系统会自动再试；也可以马上再试一次。",
            ("/close", "再试一次"),
        ),
        Phase::Closed { .. } if !about.scrutinised => {
            wait("等监票人确认结果", format!("请监票人用自己的账号登录，核对下面的结果并确认。{DISPUTED}"))
        }
        _ => go("签发结果报告单", "填写主要问题、整改措施和公布情况，签名后报上级工会。", ("/certify", "去签发")),
    }
}

fn scrutineer(poll: &Poll, about: Circumstances) -> Next {
    match &poll.phase {
        Phase::Open { custody: None, .. } | Phase::Counting { custody: None, .. } => {
            wait("请监督发票", "工会主席填写选票去向以后，由您清点核对。")
        }
        Phase::Open { custody: Some(custody), .. } | Phase::Counting { custody: Some(custody), .. }
            if custody.confirmed_by.is_none() =>
        {
            go("核对选票去向", "请清点选票，与下面的数字相符就确认；不符请工会主席改正。", ("#custody", "去核对"))
        }
        Phase::Open { .. } => wait("选票去向已经确认", "写坏的和剩下的选票，请和工会主席一起逐张作废，然后等待开票。"),
        Phase::Counting { .. } | Phase::Closing { .. } => wait("等待开票", "开票以后，请您核对结果。"),
        _ if about.confirmed => wait("您已经确认结果", "请等工会主席签发结果报告单。"),
        _ => {
            go("核对并确认结果", &format!("请核对下面的票数和结论，没有问题就确认。{DISPUTED}"), ("#confirm", "去确认"))
        }
    }
}

fn teller(poll: &Poll, about: Circumstances) -> Next {
    match &poll.phase {
        Phase::Open { .. } => wait("还没有轮到计票人", "手机投票停止以后，由您录入纸质选票。"),
        Phase::Counting { .. } => {
            go("录入纸质选票", "每张由两名计票人各录一遍，一致才计入。没有纸质选票就不用录。", ("/paper", "去录入"))
        }
        Phase::Closing { .. } => wait("正在开票", "请稍等，开票以后请您核对结果。"),
        _ if about.confirmed => wait("您已经确认结果", "请等工会主席签发结果报告单。"),
        _ => go("核对并确认结果", &format!("请核对下面的票数，没有问题就确认。{DISPUTED}"), ("#confirm", "去确认")),
    }
}

/// Why a round counts for nothing, in words.
pub(in crate::http) fn void_words(reason: &VoidReason) -> String {
    match reason {
        VoidReason::CalledOff { text, .. } => format!("作废原因：{text}"),
        VoidReason::Disputed { text, .. } => format!("开票以后，结果有异议，由上级工会作废。原因：{text}"),
        VoidReason::MoreSpentThanHandedOut { spent, handed_out } => {
            format!("发出 {handed_out} 张选票，却收回 {spent} 张。票数多于发出的选票，按规定作废。")
        }
        VoidReason::Stopped { fault, text, .. } => {
            format!("投票箱停用以后作废。停用原因：{fault}。作废原因：{text}")
        }
    }
}

/// One stage as drawn.
pub(in crate::http) struct Step {
    pub label: &'static str,
    pub done: bool,
    pub present: bool,
}

/// The stages of a round, the present one marked. None for a void round.
pub(in crate::http) fn steps(phase: &Phase) -> Vec<Step> {
    let present = match phase {
        Phase::Void { .. } => return Vec::new(),
        Phase::Draft { .. } => 0,
        Phase::Open { .. } => 1,
        Phase::Counting { .. } | Phase::Closing { .. } => 2,
        Phase::Closed { .. } => 3,
        Phase::Certified { .. } => 4,
        Phase::Reported { opinion, .. } => {
            if opinion.accepted {
                5
            } else {
                3
            }
        }
    };
    let labels = ["筹备", "投票", "计票", "确认签发", "上级意见"];
    (0..).zip(labels).map(|(place, label)| Step { label, done: place < present, present: place == present }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::ids::{AccountId, PollId, UnionId};
    use crate::domain::poll::{Custody, Opening, SlipIssue};
    use crate::domain::slip::PollTag;
    use crate::domain::union::Category;
    use crate::store::testing::new_poll;
    use time::macros::date;

    fn poll(phase: Phase) -> Poll {
        let new = new_poll(UnionId(1));
        Poll {
            id: PollId(1),
            tag: PollTag::from_random(1),
            union: new.union,
            year: new.year,
            category: Category::Enterprise,
            rule_set: new.rule_set,
            paper: new.paper,
            facts: new.facts,
            phase,
            version: 0,
        }
    }

    fn open() -> Phase {
        let opening = Opening {
            key_id: String::new(),
            key_digest: Digest([0; 32]),
            slips: SlipIssue { roll: 10, spares: 2 },
            roll_root: Digest([0; 32]),
            opened_on: date!(2026 - 11 - 20),
        };
        Phase::Open { opening, custody: None }
    }

    #[test]
    fn whoever_looks_has_one_next_step_and_nobody_waits_for_nobody() {
        let counted = Custody { present: 9, handed_out: 9, spoiled: 1, unused: 2, confirmed_by: None };
        let custody = open().count_custody(counted).unwrap();
        let confirmed = custody.clone().confirm_custody(AccountId(2)).unwrap();
        let counting = confirmed.clone().stop_phones().unwrap();
        let closing = counting.clone().begin_closing().unwrap();
        for phase in [open(), custody, confirmed, counting, closing] {
            let poll = poll(phase);
            let someone_acts = [Role::Chair, Role::Scrutineer, Role::Teller]
                .into_iter()
                .any(|role| next(&poll, role, Circumstances::default()).way.is_some());
            assert!(someone_acts, "{}", poll.phase.code());
            assert_eq!(steps(&poll.phase).iter().filter(|step| step.present).count(), 1);
        }
    }

    #[test]
    fn a_round_is_not_finished_before_its_rectification_is_checked() {
        let about = |rectification| accepted(Role::Chair, rectification);
        for state in [State::UnderWay, State::Overdue] {
            assert_eq!(about(Some(state)).way, Some(("#rectification", "去报告")));
            assert_eq!(accepted(Role::Teller, Some(state)).way, None);
        }
        assert!(about(Some(State::Reported)).heading.contains("等上级工会复查"));
        assert_eq!(about(Some(State::Checked)).heading, about(None).heading);
    }

    #[test]
    fn the_box_stays_shut_while_paper_waits() {
        let counted = Custody { present: 9, handed_out: 9, spoiled: 1, unused: 2, confirmed_by: Some(AccountId(2)) };
        let counting = poll(open().count_custody(counted).unwrap().stop_phones().unwrap());
        let about = |waiting| Circumstances { waiting, ..Circumstances::default() };
        assert_eq!(next(&counting, Role::Chair, about(0)).way, Some(("/close", "开票")));
        assert_eq!(next(&counting, Role::Chair, about(1)).way, None);
    }
}
