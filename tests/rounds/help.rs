//! What the help tells people is what the program does.

use pingjia::domain::count::Count;
use pingjia::domain::rules::RuleRegistry;
use pingjia::domain::union::Category;
use pingjia::domain::verdict::assess;

use crate::round::prepared;
use crate::service::Service;

#[test]
fn nobody_is_told_that_a_lost_slip_can_be_voided() {
    let service = Service::new();
    let help = |who: &str| service.anybody().get(&format!("/help/{who}")).body;
    for (who, words) in
        [("members", "丢了的选票不能补"), ("chairs", "作废不了，所以不补"), ("scrutineers", "丢了的作废不了，不能补")]
    {
        let page = help(who);
        assert!(page.contains(words) && !page.contains("旧的会作废") && !page.contains("丢了、坏了"), "{who}");
    }
}

/// What the design says is not protected: each in its sentence, under its heading, beside a drawing of the way.
#[test]
fn the_secrecy_page_says_what_is_not_protected() {
    let page = Service::new().anybody().get("/secrecy").body;
    let part = |heading: &str| {
        let (_, rest) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("{heading}: {page}"));
        rest.split("</ul>").next().unwrap().to_owned()
    };
    let (not, seen) = (part("保护不到的"), part("看得到的"));
    for (what, part, words) in [
        ("an operator who alters the program", &not, "管机器的人改程序，或拿到箱和钥匙。"),
        ("a look over the shoulder", &not, "有人在旁边看您的手机。"),
        ("a unanimous result, and rounds below k", &not, "大家都选得一样，或手机投的不到 10 人。"),
        ("k − 1 accomplices", &not, "别的人几乎都串通好。"),
        ("a chair who copies codes", &not, "发票前抄下选票码，替会员投。"),
        ("tellers, of paper", &not, "交纸票的，计票人看得到码和选择。"),
        ("who has voted", &seen, "哪些选票用过了，和会场上一样。"),
        ("live steps", &seen, "各项总票数，多 10 张以上才更新。"),
    ] {
        assert!(part.contains(&format!("<li>{words}</li>")), "{what}: {part}");
    }
    let drawing = page.split("class=\"way card\"").nth(1).unwrap().split("</ol>").next().unwrap();
    let steps: Vec<&str> =
        drawing.split("</li>").filter(|step| step.contains("<svg") && step.contains("<path")).collect();
    assert_eq!(steps.len(), 4, "{drawing}");
    for words in ["选票上没有姓名", "选择上锁再保存", "钥匙另放一处", "打乱了一起开"] {
        assert!(steps.iter().any(|step| step.contains(words)), "{words}");
    }
}

#[test]
fn what_a_chair_voids_the_union_above_sees_with_its_reason() {
    let service = Service::new();
    let help = service.anybody().get("/help/chairs").body;
    assert!(help.contains("作废的评议和理由，上级工会看得到") && !help.contains("结果不理想，不能重来"));
    let (poll, _) = prepared(&service);
    service.person("jia-chair").step(&format!("/rounds/{poll}/void"), &[("reason", "会场停电")]);
    let superior = service.person("shi");
    let listed = superior.get(&format!("/unions/{}", service.jia.id)).body;
    assert!(listed.contains(&format!("/oversight/{poll}")) && listed.contains("已作废"));
    assert!(superior.get(&format!("/oversight/{poll}")).body.contains("会场停电"));
}

/// What sheets warn of is a turnout that the rules ask for or advise; no document speaks of ballots that came back.
#[test]
fn superiors_are_promised_no_warning_that_no_sheet_gives() {
    let help = Service::new().anybody().get("/help/superiors").body;
    assert!(help.contains("到会率低于规则集的要求或者建议的，结果报告单上会提醒") && !help.contains("收回的票少"));
    let registry = RuleRegistry::embedded().unwrap();
    let warned = |present, returned| {
        let count = Count {
            rule_set: "qingdao-2020".to_owned(),
            category: Category::Enterprise,
            year: 2026,
            member_total: 100,
            expected: 100,
            present,
            issued: 100,
            returned,
            invalid: 0,
            items: [("home".to_owned(), [("satisfied".to_owned(), returned)].into())].into(),
            indicators: [].into(),
            applying_for: None,
        };
        assess(&registry, &count).unwrap().warnings
    };
    assert_eq!(warned(10, 100), ["turnout_below_advised"]);
    assert_eq!(warned(100, 10), [] as [&str; 0]);
}
