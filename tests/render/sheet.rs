//! The result sheet and the roll-up on paper.

use pingjia::domain::paper::{Item, Scale, Section};
use pingjia::domain::standing::DecidingRate;
use pingjia::domain::tally::ItemTally;
use pingjia::domain::verdict::{Comparator, Fraction, RateKind};
use pingjia::render::chart::{Chart, ItemBars, Mark, Rate};
use pingjia::render::rollup_pdf::{RollUpRow, RollUpSheet};
use pingjia::render::sheet_pdf::{SheetCounts, SheetItem, SheetMetric, SheetOpinion, SheetPdf, SheetRectification};

use super::tools::{Folder, decoded, run, sound};
use super::{UNION, items};

fn bars(item: &Item, counts: [u64; 5], marks: &[(&str, u64)]) -> ItemBars {
    let answers: Vec<_> = item.scale.answers().iter().copied().zip(counts).collect();
    let positive = answers.iter().take(answers.len() / 2).map(|(_, count)| count).sum();
    let tally = ItemTally { item: item.id.clone(), answers, abstain: counts[4] };
    let rate = (!marks.is_empty()).then(|| Rate {
        label: if item.scale == Scale::Awareness { "知晓率" } else { "满意率" }.to_owned(),
        numerator: positive,
        base: tally.total(),
        marks: marks
            .iter()
            .map(|(label, num)| Mark { label: (*label).to_owned(), at: Fraction::new(*num, 100).unwrap() })
            .collect(),
    });
    ItemBars::new(item, &tally, rate)
}

/// A sheet with this many items; `factor` 0 gives one without a single ballot.
pub fn result(count: usize, factor: u64, attachment: &[u8]) -> SheetPdf<'_> {
    let counts = [127, 10, 3, 2, 1].map(|count| count * factor);
    let valid: u64 = counts.iter().sum();
    let numbers = [150, 141, 141, 144, 143].map(|count| count * factor.min(1));
    let marks = [("本市门槛 ≥ 90%", 90), ("低于 70% 须整顿", 70)];
    let items: Vec<Item> = items(count);
    SheetPdf {
        round: "2026年度会员评议职工之家".to_owned(),
        union_name: UNION.chars().take(40).collect(),
        credit_code: Some("81370200MC00001234".to_owned()),
        category: "联合基层工会".to_owned(),
        superior_union: "青岛市市北区平安里街道总工会".to_owned(),
        year: "2026年".to_owned(),
        rule_set: "青岛市会员评家规则（qingdao-2020，版本 1.0.0），上级规则：山东省（shandong-2018，版本 1.0.0）"
            .to_owned(),
        rule_set_digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        applying_for: None,
        assembly: "会员代表大会".to_owned(),
        period: "2026年11月20日至11月30日".to_owned(),
        actual_days: "2026年11月20日开始投票，2026年12月1日开票".to_owned(),
        place: "平安里街道职工服务中心三楼会议室".to_owned(),
        electorate: "全体会员代表".to_owned(),
        counts: SheetCounts {
            member_total: 1203,
            expected: numbers[0],
            present: numbers[1],
            turnout: if factor == 0 { "—" } else { "94.00%" }.to_owned(),
            issued: numbers[2],
            returned: valid,
            valid,
            invalid: 0,
        },
        custody: vec![
            "其中手机投票 130 张，纸质投票 13 张。".to_owned(),
            "印制 170 张 = 发出 141 张 + 写坏 2 张 + 未发 27 张。".to_owned(),
        ],
        items: items
            .iter()
            .map(|item| SheetItem {
                bars: bars(item, counts, if item.section == Section::Overall { &marks } else { &[] }),
            })
            .collect(),
        metrics: items
            .iter()
            .filter(|item| item.section == Section::Overall)
            .map(|item| SheetMetric {
                name: format!("{}满意率", item.title),
                numerator: counts[0] + counts[1],
                base: valid,
                display: if factor == 0 { "无法计算" } else { "95.80%" }.to_owned(),
                strict_display: if factor == 0 { "" } else { "88.81%" }.to_owned(),
                threshold: "≥ 90%".to_owned(),
                outcome: if factor == 0 { "无法评定" } else { "达标" }.to_owned(),
                formula: "（满意 + 基本满意）÷ 有效票；不了解和弃权计入分母；精确比较，显示时截去两位小数以后"
                    .to_owned(),
                source: "QD-1.2　青岛市总工会关于开展会员评家工作的意见（青工发〔2020〕8号）第二条第（一）项"
                    .to_owned(),
            })
            .collect(),
        verdict: if factor == 0 { "无法评定" } else { "达标" }.to_owned(),
        remarks: vec!["满足“模范职工之家”的满意率条件（是否授予由上级工会决定）。".to_owned()],
        indicators: vec![
            ("入会率".to_owned(), "95.12%（1203 ÷ 1265）".to_owned()),
            ("用卡率".to_owned(), "91.00%".to_owned()),
        ],
        rectifications: Vec::new(),
        publication: "厂务公开栏张贴，2026年12月1日".to_owned(),
        chief_scrutineer: "王㛃".to_owned(),
        scrutineers: vec!["李䶮".to_owned(), "赵平".to_owned()],
        tellers: vec!["张𬱖".to_owned(), "孙明".to_owned()],
        chair: "周安".to_owned(),
        reported_on: "2026年12月2日".to_owned(),
        opinion: None,
        replaces: None,
        digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        address: "https://pj.laiyang.example.cn/sheets/abcdefghij234567".to_owned(),
        signatures: vec!["Ed25519 kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned()],
        date: time::Date::from_calendar_date(2026, time::Month::December, 2).unwrap(),
        attachment,
        attachment_name: "abcdefghij234567".to_owned(),
        turnout: Some(Chart::Turnout {
            title: "到会与投票".to_owned(),
            bars: [
                ("应到", numbers[0]),
                ("实到", numbers[1]),
                ("发出票", numbers[2]),
                ("收回票", valid),
                ("有效票", valid),
            ]
            .map(|(name, count)| (name.to_owned(), count))
            .to_vec(),
            base: numbers[0],
            mark: Some(Mark { label: "建议到会率 ≥ 三分之二".to_owned(), at: Fraction::new(2, 3).unwrap() }),
        }),
    }
}

#[test]
fn the_result_sheet_says_everything_and_carries_its_json() {
    let folder = Folder::new();
    let json = br#"{"payload":"eyJ","signatures":[]}"#;
    for (name, items_count, factor, pages) in
        [("one", 1, 1, 1), ("empty", 1, 0, 1), ("ten", 10, 1, 3), ("hall", 3, 7_000_000, 2)]
    {
        let sheet = result(items_count, factor, json);
        assert_eq!(sheet.missing(), Vec::<char>::new());
        let file = sheet.pdf().unwrap();
        assert_eq!(file, result(items_count, factor, json).pdf().unwrap(), "{name}: same input, same bytes");
        let path = folder.write(&format!("sheet-{name}.pdf"), &file);
        let text = sound(&path).replace(char::is_whitespace, "");
        let pictures = folder.pages(&path, 150);
        assert_eq!(pictures.len(), pages, "{name}");
        let read: Vec<String> = pictures.iter().flat_map(|page| decoded(page)).collect();
        assert_eq!(read, std::slice::from_ref(&sheet.address), "{name}");
        for item in &sheet.items {
            assert!(text.contains(&item.bars.title), "{name}: {}", item.bars.title);
            for part in &item.bars.parts {
                assert!(text.contains(&part.count.to_string()), "{name}: {}", part.count);
            }
        }
        for words in [
            "王㛃",
            "李䶮",
            "张𬱖",
            "盖章处",
            "上级工会意见",
            "青工发〔2020〕8号",
            "本市门槛≥90%",
            "结论",
            "2026年12月1日开票",
            &sheet.verdict,
        ] {
            assert!(text.contains(words), "{name}: {words}");
        }
        for group in sheet.digest.as_bytes().chunks(4) {
            assert!(text.contains(std::str::from_utf8(group).unwrap()));
        }
        let attached = folder.path().join(format!("{name}.json"));
        let shown = run("qpdf", &["--show-attachment=abcdefghij234567.json", &path.to_string_lossy()]);
        std::fs::write(&attached, &shown.stdout).unwrap();
        assert_eq!(shown.stdout, json);
        let raw = String::from_utf8_lossy(&file).into_owned();
        assert!(raw.contains("<pdfaid:part>3</pdfaid:part>"), "{name}: PDF/A-3");
    }
}

/// A name is not torn, and the seals' places say whose they are.
#[test]
fn people_and_unions_stand_over_their_places() {
    let folder = Folder::new();
    let mut sheet = result(1, 1, b"{}");
    sheet.tellers = ["欧阳䶮一", "阿依古丽·买买提", "张𬱖"].map(str::to_owned).to_vec();
    sheet.union_name = "晨帆精密机械有限公司工会".to_owned();
    // One page, without a running head.
    sheet.indicators.clear();
    let text = sound(&folder.write("sheet-places.pdf", &sheet.pdf().unwrap()));
    let lines: Vec<&str> = text.split_whitespace().collect();
    for name in &sheet.tellers {
        assert!(lines.iter().any(|line| line.contains(name)), "{name}: {text}");
    }
    for words in [&sheet.union_name, &sheet.superior_union] {
        assert_eq!(text.matches(words.as_str()).count(), 2, "in the table and below the seal: {words}");
    }
}

/// What the union applies for stands with the particulars, and the sheet stays on its page.
#[test]
fn the_tier_applied_for_has_a_row_where_there_is_one() {
    let folder = Folder::new();
    let printed = |tier: Option<&str>| {
        let sheet = SheetPdf { applying_for: tier.map(str::to_owned), ..result(1, 1, b"{}") };
        let path = folder.write("sheet-tier.pdf", &sheet.pdf().unwrap());
        assert_eq!(folder.pages(&path, 60).len(), 1);
        sound(&path).replace(char::is_whitespace, "")
    };
    assert!(printed(Some("信赖职工之家")).contains("申报等级信赖职工之家"));
    assert!(!printed(None).contains("申报等级"));
}

/// Wherever a text comes from: what no font has is named before anything is printed.
#[test]
fn what_cannot_be_printed_is_named_wherever_it_stands() {
    type Put = fn(&mut SheetPdf<'_>, String);
    let places: [(&str, Put); 12] = [
        ("union", |sheet, text| sheet.union_name = text),
        ("category", |sheet, text| sheet.category = text),
        ("rule set", |sheet, text| sheet.rule_set = text),
        ("electorate", |sheet, text| sheet.electorate = text),
        ("place", |sheet, text| sheet.place = text),
        ("teller", |sheet, text| sheet.tellers.push(text)),
        ("remark", |sheet, text| sheet.remarks.push(text)),
        ("indicator", |sheet, text| sheet.indicators.push((text, "1%".to_owned()))),
        ("formula", |sheet, text| sheet.metrics[0].formula = text),
        ("source", |sheet, text| sheet.metrics[0].source = text),
        ("item", |sheet, text| sheet.items[0].bars.title = text),
        ("problem", |sheet, text| {
            sheet.rectifications = vec![SheetRectification { problem: text, ..SheetRectification::default() }];
        }),
    ];
    for (name, put) in places {
        let mut sheet = result(1, 1, b"{}");
        put(&mut sheet, "平安😀".to_owned());
        assert_eq!(sheet.missing(), ['😀'], "{name}");
    }
}

/// The opinion of the union above: room is left for it, or it stands on the sheet, signed documents of both attached.
#[test]
fn the_opinion_is_printed_where_one_is_given() {
    let folder = Folder::new();
    let (json, signed) = (b"{\"sheet\":1}", b"{\"opinion\":1}");
    let opinion = SheetOpinion {
        decision: "退回".to_owned(),
        text: "整改措施不具体，请写明责任人和完成期限，并在厂务公开栏公示。".repeat(6),
        superior: "青岛市市北区平安里街道总工会".to_owned(),
        by: "郑䶮".to_owned(),
        given_on: "2026年12月9日".to_owned(),
        signatures: vec!["Ed25519 kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned()],
        attachment: signed,
    };
    let sheet = SheetPdf { opinion: Some(opinion), ..result(1, 1, json) };
    assert_eq!(sheet.missing(), Vec::<char>::new());
    let path = folder.write("sheet-opinion.pdf", &sheet.pdf().unwrap());
    let text = sound(&path).replace(char::is_whitespace, "");
    for words in ["退回：整改措施不具体", "郑䶮", "2026年12月9日", "上级工会（盖章处）"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for (name, held) in [("abcdefghij234567.json", &json[..]), ("abcdefghij234567.opinion.json", signed)] {
        let shown = run("qpdf", &[&format!("--show-attachment={name}"), &path.to_string_lossy()]);
        assert_eq!(shown.stdout, held, "{name}");
    }
    let without = sound(&folder.write("sheet-room.pdf", &result(1, 1, json).pdf().unwrap()));
    assert!(without.contains("上级工会意见（盖章处）") && !without.contains("退回"));
}

/// A sheet with everything at its longest.
pub fn long() -> SheetPdf<'static> {
    let mut sheet = result(4, 1, b"{}");
    let words = |what: &str, count: usize| {
        (0..count).map(|place| [what, &place.to_string(), "条，"].concat()).collect::<String>()
    };
    sheet.union_name = UNION.repeat(3);
    sheet.replaces = Some(format!("本报告单更正并取代编号为abcdefghij234567的报告单（摘要{}）。", sheet.digest));
    sheet.indicators = (0..24).map(|place| (format!("申报指标之{place}"), format!("{place}.25%"))).collect();
    sheet.rectifications = (0..3)
        .map(|place| SheetRectification {
            problem: words(&format!("问题{place}"), 40),
            measure: words(&format!("措施{place}"), 60),
            responsible: "欧阳䶮".to_owned(),
            deadline: "2027年6月30日".to_owned(),
        })
        .collect();
    sheet.remarks = (0..6).map(|place| words(&format!("说明{place}"), 8)).collect();
    sheet.scrutineers = (0..9).map(|place| format!("监票人{place}")).collect();
    sheet
}

/// Pages go on cleanly, each with its number and the running head, nothing lost.
#[test]
fn a_sheet_with_much_to_say_goes_on_over_several_pages() {
    let (folder, sheet) = (Folder::new(), long());
    let path = folder.write("sheet-long.pdf", &sheet.pdf().unwrap());
    let text = sound(&path);
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!((3..=6).contains(&pages.len()), "{} pages", pages.len());
    for (page, number) in pages.iter().zip(1..) {
        let page = page.replace(char::is_whitespace, "");
        assert!(page.contains(&format!("—{number}/{}—", pages.len())), "page {number}");
        assert!(number == 1 || page.contains("结果报告单（续）"), "page {number}");
        // A row goes on under its head.
        assert!(!page.contains("措施05") || page.contains("整改措施"), "page {number}");
    }
    let seals = pages.iter().position(|page| page.contains("盖章处"));
    assert_eq!(seals, Some(pages.len() - 1), "the seals stand together at the end");
    let text = text.replace(char::is_whitespace, "");
    for (name, value) in &sheet.indicators {
        assert!(text.contains(name) && text.contains(value), "{name}");
    }
    let marks = |what: &str| text.matches(what).count();
    assert_eq!([marks("欧阳䶮"), marks("监票人8")], [3, 1]);
}

pub fn roll_up(unions: u64) -> RollUpSheet {
    let rows: Vec<RollUpRow> = (0..unions)
        .map(|place| RollUpRow {
            union_name: match place % 4 {
                0 => format!("第{place}联合基层工会"),
                1 => "=HYPERLINK(\"http://example.cn\")工会".to_owned(),
                2 => UNION.chars().take(40).collect(),
                _ => format!("莱阳路街道第{place}社区工会"),
            },
            category: "联合基层工会".to_owned(),
            expected: Some(150 + place),
            present: Some(140),
            issued: Some(140),
            returned: Some(139),
            valid: Some(137),
            rate: (place % 7 != 0).then(|| DecidingRate {
                kind: if place % 3 == 0 { RateKind::Awareness } else { RateKind::Satisfaction },
                numerator: 100 + place % 38,
                base: 137,
                comparator: if place % 3 == 1 { Comparator::Below } else { Comparator::AtLeast },
                threshold: Fraction::new(9, 10).unwrap(),
            }),
            outcome: if place % 7 == 0 { "投票中" } else { "达标" }.to_owned(),
            sheet: if place % 7 == 0 { "" } else { "abcdefghij234567" }.to_owned(),
            titles: if place % 5 == 0 { "模范职工之家（青岛市总工会）" } else { "" }.to_owned(),
            titled_on: if place % 5 == 0 { "2024年5月1日" } else { "" }.to_owned(),
        })
        .collect();
    let running = u64::try_from(rows.iter().filter(|row| row.rate.is_none()).count()).unwrap();
    RollUpSheet {
        superior: "青岛市市北区总工会".to_owned(),
        title: "2026年度会员评议职工之家情况汇总表".to_owned(),
        as_of: "截至2026年12月5日".to_owned(),
        outcomes: vec![("达标".to_owned(), unions - running), ("未达标".to_owned(), 0), ("进行中".to_owned(), running)],
        rows,
        date: time::Date::from_calendar_date(2026, time::Month::December, 5).unwrap(),
    }
}

#[test]
fn the_roll_up_repeats_its_head_on_every_page() {
    let folder = Folder::new();
    for unions in [0, 3, 5_000] {
        let sheet = roll_up(unions);
        assert_eq!(sheet.missing(), Vec::<char>::new());
        let file = sheet.pdf().unwrap();
        assert!(unions > 3 || file == roll_up(unions).pdf().unwrap(), "same input, same bytes");
        let path = folder.write(&format!("rollup-{unions}.pdf"), &file);
        let text = sound(&path);
        let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
        for (page, number) in pages.iter().zip(1..) {
            let page = page.replace(char::is_whitespace, "");
            assert!(page.contains("工会名称"), "page {number}");
            assert!(page.contains(&format!("—{number}/{}—", pages.len())), "page {number}");
        }
        let drawn = sheet.rows.iter().filter(|row| row.rate.is_some_and(|rate| rate.kind == RateKind::Satisfaction));
        let Chart::RollUp { rates, .. } = sheet.chart() else { panic!("a chart of many unions") };
        assert_eq!(rates.len(), drawn.count(), "satisfaction rates alone are drawn as such");
        let totals = sheet.totals();
        for figure in [unions, totals.expected, totals.present, totals.returned, totals.valid] {
            assert!(text.contains(&figure.to_string()), "{figure}");
        }
        let words: std::collections::BTreeSet<&str> = text.split_whitespace().collect();
        for number in 1..=unions {
            assert!(words.contains(number.to_string().as_str()), "row {number}");
        }
        if unions == 5_000 {
            assert!(pages.len() > 150, "{} pages", pages.len());
        }
    }
}
