//! Every figure of a sheet, each by its name: on the printed sheet as poppler reads it, in the workbook, and on the
//! public page. All counts differ, so that no two of them can change places unnoticed.

use pingjia::domain::jws::{SecretKey, Statement};
use pingjia::domain::sheet::SheetPayload;
use pingjia::store::StoreError;
use pingjia::store::sheets::{self, StoredSheet};
use serde_json::{Value, json};

use crate::round::FACTS;
use crate::service::{Page, Service};
use crate::tools::{Folder, run};

/// What the sheet says of the slips, by the names that paper and page share.
const COUNTS: [(&str, &str); 7] = [
    ("会员总数", "1207"),
    ("应到", "903"),
    ("实到", "811"),
    ("发出票", "809"),
    ("收回票", "797"),
    ("有效票", "787"),
    ("无效票", "10"),
];
/// Per item: its answers in their order, 弃权 last. They add up to the valid ballots.
const ANSWERS: [(&str, [(&str, u64); 5]); 3] = [
    ("职工之家建设", [("满意", 521), ("基本满意", 133), ("不满意", 71), ("不了解", 43), ("弃权", 19)]),
    ("服务与帮扶", [("满意", 402), ("基本满意", 205), ("不满意", 91), ("不了解", 60), ("弃权", 29)]),
    ("为户外岗位配齐饮水点", [("已兑现", 377), ("部分兑现", 222), ("未兑现", 99), ("不了解", 58), ("弃权", 31)]),
];
const CODES: [[&str; 5]; 2] = [
    ["satisfied", "basically_satisfied", "dissatisfied", "dont_know", "abstain"],
    ["kept", "partly_kept", "not_kept", "dont_know", "abstain"],
];

/// The golden sheet with figures of its own.
fn payload() -> SheetPayload {
    let mut sheet: Value = serde_json::from_slice(&std::fs::read("tests/golden/sheet-payload.json").unwrap()).unwrap();
    for (name, count) in [
        ("member_total", 1207),
        ("expected", 903),
        ("present", 811),
        ("roll", 903),
        ("spares", 30),
        ("issued", 809),
        ("spoiled", 23),
        ("unused", 101),
        ("voided", 124),
        ("returned", 797),
        ("phone", 701),
        ("paper", 96),
        ("valid", 787),
        ("invalid", 10),
        ("comments", 67),
    ] {
        sheet["counts"][name] = json!(count);
    }
    for (place, (title, counts)) in ANSWERS.iter().enumerate() {
        sheet["items"][place]["title"] = json!(title);
        for (code, (_, count)) in CODES[usize::from(place == 2)].iter().zip(counts) {
            sheet["items"][place]["answers"][*code] = json!(count);
        }
    }
    for (metric, outcome) in [(0, "not_met"), (1, "met")] {
        let metric = &mut sheet["assessment"]["metrics"][metric];
        for (name, value) in [("numerator", json!(654)), ("base", json!(787)), ("outcome", json!(outcome))] {
            metric[name] = value;
        }
        (metric["display"], metric["strict_display"]) = (json!("83.10%"), json!("66.20%"));
    }
    sheet["assessment"]["verdict"] = json!("not_met");
    sheet["union"]["credit_code"] = json!("81370200MC00001234");
    SheetPayload::read(&sheet).unwrap()
}

/// The first row of words under a line that has all these words.
fn under<'t>(text: &'t str, heads: &[&str]) -> Vec<&'t str> {
    let words = |line: &'t str| line.split_whitespace().collect::<Vec<_>>();
    let mut lines = text.lines().map(words).filter(|words| !words.is_empty());
    let found = lines.find(|words| heads.iter().all(|head| words.contains(head)));
    assert!(found.is_some(), "{heads:?} in {text}");
    lines.next().unwrap_or_default()
}

/// The sheet on paper.
fn printed(text: &str) {
    let names = ["会员总数", "应到", "实到", "到会率", "发出票", "收回票", "有效票", "无效票"];
    let figures = under(text, &names);
    for (name, figure) in COUNTS.iter().chain(&[("到会率", "89.81%")]) {
        let place = names.iter().position(|known| known == name).unwrap();
        assert_eq!(figures[place], *figure, "{name}");
    }
    for (title, answers) in ANSWERS {
        let names: Vec<&str> = answers.iter().map(|(name, _)| *name).collect();
        // Items with the same answers stand under one head.
        let table =
            text.split("评议项目").find(|table| names.iter().all(|name| table.contains(name)) && table.contains(title));
        let table = table.unwrap_or_else(|| panic!("{title}: {text}"));
        let row = table.lines().find(|line| line.contains(title)).unwrap();
        let row: Vec<&str> = row.split(title).nth(1).unwrap().split_whitespace().collect();
        let counts: Vec<String> = answers.iter().map(|(_, count)| count.to_string()).collect();
        assert_eq!(row, [&counts[..], &["787".to_owned()]].concat(), "{title}");
        let head: Vec<&str> =
            table.lines().next().unwrap().split_whitespace().filter(|word| names.contains(word)).collect();
        assert_eq!(head, names, "{title}: in the order of their figures");
    }
    let rates: Vec<&str> = text.lines().filter(|line| line.contains("654 ÷ 787  ")).collect();
    for (rate, row) in ["≥ 90% 没有达到", "＜ 70% 不触发"].iter().zip(&rates) {
        let row = row.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row, format!("职工之家满意率 654 ÷ 787 83.10% 66.20% {rate}"));
    }
    assert_eq!(rates.len(), 2);
    assert_eq!(
        under(text, &["分子", "结果", "严格满意率", "门槛", "评定"])[0],
        "职工之家满意率",
        "the head stands above them"
    );
    let text = text.replace(char::is_whitespace, "");
    for words in [
        "印制选票933张（含备用30张）；发出809张、写坏23张、剩余101张；两者相符。",
        "手机投票701张，纸质投票96张；作废选票124张。",
        "收到文字意见67条。",
        "信用代码81370200MC00001234",
        "地点三楼会议室",
        "公布情况厂务公开栏，2026年9月9日",
        "公式：（满意＋基本满意）÷有效票",
        "依据：QD-1.2示例文件第一条",
        "依据：SD-4.1示例文件第二条",
        "应到903（100.00%）",
        "实到811（89.81%）",
        "发出809（89.59%）",
        "收回797（88.26%）",
        "有效787（87.15%）",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// The sheet on its public page.
fn shown(page: &Page) {
    let body = &page.body;
    let custody = [("印制选票", "933"), ("写坏", "23"), ("剩余", "101"), ("　其中手机", "701"), ("　其中纸质", "96")];
    for (name, figure) in COUNTS.iter().chain(&custody) {
        let row = format!("<th scope=\"row\">{name}</th><td class=\"number\">{figure}</td>");
        assert!(body.contains(&row), "{row}");
    }
    for (title, answers) in ANSWERS {
        for (name, count) in answers {
            let row = format!("<td>{name}</td><td class=\"number\">{count}</td>");
            let table = body.split("<caption").find(|table| table.contains(&row) && table.contains(title));
            assert!(table.is_some(), "{title}: {row}");
        }
    }
    for words in [
        "<strong>83.10%</strong> <span>满意率</span>",
        "<strong>66.20%</strong> <span>严格满意率",
        "（满意＋基本满意）÷有效票：<span class=\"keep\">654 ÷ 787</span>",
        "门槛，不低于 90%：没有达到",
        "整顿线，低于 70%：没有触及",
        "依据：示例文件第一条（QD-1.2）",
        "<dt>统一社会信用代码</dt><dd>81370200MC00001234</dd>",
        "<dt>地点</dt><dd>三楼会议室</dd>",
        "<dt>公布方式</dt><dd>厂务公开栏</dd>",
        "<dt>公布日期</dt><dd>2026年9月9日</dd>",
    ] {
        assert!(body.contains(words), "{words}");
    }
}

#[test]
fn every_figure_stands_by_its_name_on_paper_and_page() {
    let service = Service::new();
    service.person("jia-chair").step("/rounds", &FACTS);
    let (poll, sheet) = (service.round_of(service.jia.id), payload());
    let key = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let body = Statement::sign(&sheet, &[&key]).unwrap();
    let id = sheet.id().unwrap();
    let stored = StoredSheet { id: id.clone(), poll, union: service.jia.id, year: 2026, body, replaces: None };
    service.database.write(|c| -> Result<(), StoreError> { sheets::insert(c, &stored) }).unwrap();

    let (anybody, folder) = (service.anybody(), Folder::new());
    let page = anybody.get(&format!("/sheets/{id}"));
    assert_eq!(page.status, 200);
    shown(&page);
    let pdf = anybody.head_of(&format!("/sheets/{id}.pdf")).bytes().unwrap();
    let pdf = folder.write("figures.pdf", &pdf);
    printed(&String::from_utf8(run("pdftotext", &["-layout", &pdf.to_string_lossy(), "-"]).stdout).unwrap());
}
