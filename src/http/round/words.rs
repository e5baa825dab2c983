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
    let (what, detail) = act(&line.action, &line.detail);
    Entry {
        at: format!("{}月{}日 {:02}:{:02}", u8::from(at.month()), at.day(), at.hour(), at.minute()),
        who: line.who.clone().unwrap_or_else(|| "系统".to_owned()),
        what: if detail.is_empty() { what.to_owned() } else { format!("{what}：{detail}") },
    }
}

/// What was done, by the one name that every page gives it, and its details.
pub(in crate::http) fn act(action: &str, detail: &str) -> (&'static str, String) {
    const NAMES: &[(&str, &str)] = &[
        ("poll.create", "新建本轮评议"),
        ("poll.revise", "修改评议内容"),
        ("poll.officers", "更换监票人、计票人"),
        ("poll.ask", "提请上级工会批准参评名册"),
        ("poll.approve", "批准参评名册"),
        ("poll.return_roll", "退回参评名册"),
        ("poll.issue_slips", "制作选票"),
        ("poll.print_slips", "生成选票文件"),
        ("poll.open", "开始投票"),
        ("poll.custody", "登记选票去向"),
        ("poll.custody_confirm", "确认选票去向"),
        ("poll.void_slips", "作废选票"),
        ("poll.stop_phones", "停止手机投票"),
        ("poll.teller", "开始录入纸质选票"),
        ("poll.paper_spent", "录入纸质选票时，遇到已经计入的选票"),
        ("poll.drop_entries", "取消只有一人录入的纸质选票"),
        ("poll.close", "开票"),
        ("poll.closed", "计票完成"),
        ("poll.restored", "按保管处的封存记录恢复结果"),
        ("poll.confirm_result", "确认结果"),
        ("poll.certify", "签发结果报告单"),
        ("poll.correct", "签发更正后的结果报告单"),
        ("poll.accept", "上级工会同意结果报告单"),
        ("poll.return", "上级工会退回结果报告单"),
        ("poll.void", "作废本轮评议"),
        ("account.create", "建立账号"),
        ("account.password", "重设密码"),
        ("account.activate", "恢复账号"),
        ("account.deactivate", "停用账号"),
        ("rectification.report", "报告整改情况"),
        ("rectification.check", "复查整改"),
        ("rectification.return", "退回整改情况"),
        ("title.give", "登记称号"),
        ("title.confirm", "登记复核合格"),
        ("title.fail", "登记复核不合格"),
        ("title.end", "登记称号终止"),
    ];
    let name = NAMES.iter().find(|(known, _)| *known == action).map_or("其他操作", |(_, name)| name);
    let detail = match (action, detail.split_once('+')) {
        ("poll.issue_slips", Some((roll, "0"))) => format!("{roll} 张，没有备用"),
        ("poll.issue_slips", Some((roll, spares))) => format!("{roll} 张，备用 {spares} 张"),
        ("poll.print_slips", Some((format, count))) => {
            let format = match format {
                "pdf" => "PDF",
                "svg" | "png" => "二维码图片",
                "packets" => "备用票包",
                _ => "链接表",
            };
            format!("{format}，{count} 张")
        }
        ("poll.void_slips" | "poll.drop_entries", _) => format!("{detail} 张"),
        ("poll.teller", _) => format!("第{detail}录入人"),
        _ => detail.to_owned(),
    };
    (name, detail)
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
        assert_eq!((shown.at.as_str(), shown.what.as_str()), ("11月21日 07:05", "作废选票：3 张"));
        let by_itself = Line { who: None, action: "poll.closed".to_owned(), detail: String::new(), ..line };
        assert_eq!((entry(&by_itself).who.as_str(), entry(&by_itself).what.as_str()), ("系统", "计票完成"));
    }

    #[test]
    fn no_code_is_shown_to_people() {
        assert_eq!(act("poll.return_roll", "人数不符"), ("退回参评名册", "人数不符".to_owned()));
        assert_eq!(act("poll.teller", "2"), ("开始录入纸质选票", "第2录入人".to_owned()));
        assert_eq!(act("poll.issue_slips", "26+4").1, "26 张，备用 4 张");
        assert_eq!(act("poll.print_slips", "csv_gb+30"), ("生成选票文件", "链接表，30 张".to_owned()));
        assert_eq!(act("poll.issue_slips", "26+0").1, "26 张，没有备用");
        assert_eq!(act("poll.custody", "实到 9").0, "登记选票去向");
        assert_eq!(act("poll.something", "").0, "其他操作");
    }
}
