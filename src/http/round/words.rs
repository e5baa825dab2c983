//! The journal of a round in words.

use time::UtcOffset;

use crate::store::journal::Line;

/// One line of the journal as shown.
pub(super) struct Entry {
    /// In China Standard Time.
    pub at: String,
    pub who: String,
    pub what: String,
}

/// The line for people.
pub(super) fn entry(line: &Line) -> Entry {
    let at = UtcOffset::from_hms(8, 0, 0).map_or(line.at, |offset| line.at.to_offset(offset));
    let detail = line.detail.as_str();
    let what = match line.action.as_str() {
        "poll.create" => "新建本轮评议".to_owned(),
        "poll.revise" => "修改评议内容".to_owned(),
        "poll.ask" => "提请上级工会批准参评名册".to_owned(),
        "poll.approve" => "批准参评名册".to_owned(),
        "poll.refuse" => with("退回参评名册", detail),
        "poll.issue_slips" => with("制作选票", &detail.replace('+', " 张，备用 ")).replace("备用 0", "没有备用"),
        "poll.open" => "开始投票".to_owned(),
        "poll.custody" => with("登记选票去向", detail),
        "poll.custody_confirm" => "确认选票去向".to_owned(),
        "poll.void_slips" => format!("作废选票 {detail} 张"),
        "poll.stop_phones" => "停止手机投票".to_owned(),
        "poll.teller" => format!("开始录入纸质选票（第{detail}录入人）"),
        "poll.close" => "开票".to_owned(),
        "poll.closed" => "计票完成".to_owned(),
        "poll.restored" => "按保管处的封存记录恢复结果".to_owned(),
        "poll.confirm_result" => "确认结果".to_owned(),
        "poll.certify" => with("签发结果报告单", detail),
        "poll.correct" => with("签发更正后的结果报告单", detail),
        "poll.accept" => with("上级工会同意", detail),
        "poll.return" => with("上级工会退回", detail),
        "poll.void" => with("作废本轮评议", detail),
        other => other.to_owned(),
    };
    Entry {
        at: format!("{}月{}日 {:02}:{:02}", u8::from(at.month()), at.day(), at.hour(), at.minute()),
        who: line.who.clone().unwrap_or_else(|| "系统".to_owned()),
        what,
    }
}

fn with(what: &str, detail: &str) -> String {
    if detail.is_empty() { what.to_owned() } else { format!("{what}：{detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn lines_are_in_local_time_and_in_words() {
        let line = Line {
            at: datetime!(2026-11-20 23:05 UTC),
            who: Some("王芳".to_owned()),
            action: "poll.void_slips".to_owned(),
            detail: "3".to_owned(),
        };
        let shown = entry(&line);
        assert_eq!((shown.at.as_str(), shown.what.as_str()), ("11月21日 07:05", "作废选票 3 张"));
        let by_itself = Line { who: None, action: "poll.closed".to_owned(), detail: String::new(), ..line };
        assert_eq!((entry(&by_itself).who.as_str(), entry(&by_itself).what.as_str()), ("系统", "计票完成"));
    }
}
