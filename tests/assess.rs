//! `pingjia assess` and `pingjia rules` as other programs call them: exit codes, outputs, reasons.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn pingjia(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pingjia"))
        .args(arguments)
        .env_remove("PINGJIA_RULES")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments may be gone before it read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed by a signal")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn verdict(count: &str) -> serde_json::Value {
    let output = pingjia(&["assess"], count);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const QINGDAO: &str = r#"{"rule_set": "qingdao-2020", "category": "enterprise", "year": 2026, "member_total": 1100,
    "expected": 1000, "present": 1000, "issued": 1000, "returned": 1000, "invalid": 0,
    "items": {"home": {"satisfied": 800, "basically_satisfied": 99, "dissatisfied": 90, "dont_know": 6, "abstain": 5}},
    "indicators": {"membership_rate": [1100, 1200]}}"#;

const CHANGZHOU: &str = r#"{"rule_set": "changzhou-2016", "category": "enterprise", "year": 2026, "member_total": 3,
    "expected": 3, "present": 1, "issued": 3, "returned": 3, "invalid": 1,
    "items": {"home_building": {"satisfied": 1, "basically_satisfied": 1}}, "applying_for": "trusted"}"#;

const VOID: &str = r#"{"rule_set": "hohhot-2020", "category": "joint_union", "year": 2026, "member_total": 50,
    "expected": 60, "present": 60, "issued": 59, "returned": 60,
    "items": {"union_work": {"satisfied": 60}, "chair": {"satisfied": 51, "abstain": 9},
    "awareness": {"know": 48, "dont_know": 12}}}"#;

/// The printed bytes are frozen: other programs read them.
#[test]
fn assessments_are_printed_as_agreed() {
    for (count, golden) in [
        (QINGDAO, include_str!("golden/assess-qingdao.json")),
        (CHANGZHOU, include_str!("golden/assess-changzhou.json")),
        (VOID, include_str!("golden/assess-void.json")),
    ] {
        let output = pingjia(&["assess"], count);
        assert_eq!(code(&output), 0);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), golden);
    }
}

#[test]
fn warnings_are_also_told_in_words() {
    let turnout = "到会率33.33%（1 ÷ 3）低于建议的2/3（系统约定），请结合参评人数看待结果。\n";
    assert_eq!(stderr(&pingjia(&["assess"], CHANGZHOU)), turnout);
    assert!(stderr(&pingjia(&["assess"], VOID)).contains("收回票多于发出票"));
    assert_eq!(stderr(&pingjia(&["assess"], QINGDAO)), "");
}

#[test]
fn every_verdict_exits_with_0() {
    let with = |from: &str, to: &str| {
        assert!(QINGDAO.contains(from));
        verdict(&QINGDAO.replace(from, to))["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(with("\"dissatisfied\": 90", "\"dissatisfied\": 90"), "not_met");
    assert_eq!(
        with("\"basically_satisfied\": 99, \"dissatisfied\": 90", "\"basically_satisfied\": 100, \"dissatisfied\": 89"),
        "met"
    );
    assert_eq!(with("\"issued\": 1000", "\"issued\": 999"), "invalid");
    let nobody = QINGDAO.split("\"returned\"").next().unwrap().to_owned() + r#""returned": 0, "items": {"home": {}}}"#;
    assert_eq!(verdict(&nobody)["verdict"], "cannot_assess");
}

#[test]
fn bad_input_exits_with_2_and_says_why() {
    let changed = |from: &str, to: &str| {
        assert!(QINGDAO.contains(from), "{from}");
        QINGDAO.replacen(from, to, 1)
    };
    let cases = [
        (String::new(), "EOF"),
        ("{".into(), "EOF"),
        ("这不是 JSON".into(), "第1行"),
        (changed("\"year\": 2026", "\"year\": \"2026\""), "string"),
        (changed("\"year\"", "\"yeer\""), "yeer"),
        (changed("\"year\": 2026,", ""), "year"),
        (changed("1100", "-1"), "-1"),
        (changed("1100", "1e99"), "floating point"),
        (changed("1100", "99999999999999999999999"), "第1行"),
        (changed("enterprise", "factory"), "factory"),
        (changed("enterprise", "county_union"), "county_union"),
        (changed("qingdao-2020", "atlantis"), "atlantis"),
        (changed("\"home\"", "\"canteen\""), "canteen"),
        (changed("\"satisfied\"", "\"delighted\""), "delighted"),
        (changed("\"satisfied\": 800", "\"satisfied\": 801"), "1001"),
        (changed("\"invalid\": 0", "\"invalid\": 1001"), "无效票"),
        (changed("\"satisfied\": 800", "\"satisfied\": 18446744073709551615"), "太大"),
        (changed("\"abstain\": 5", "\"abstain\": 5, \"abstain\": 5"), "duplicate field `abstain`"),
        (changed("[1100, 1200]", "[1100, 0]"), "分母"),
        (changed("\"items\": {\"home\"", "\"applying_for\": \"gold\", \"items\": {\"home\""), "gold"),
        (format!("{QINGDAO} {QINGDAO}"), "trailing"),
        ("[".repeat(100_000), "第1行"),
    ];
    for (input, reason) in cases {
        let output = pingjia(&["assess"], &input);
        assert_eq!(code(&output), 2, "{reason}: {}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{reason}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let absent = pingjia(&["assess", "/nowhere/count.json"], "");
    assert_eq!(code(&absent), 2);
    let twice = QINGDAO.replacen("\"items\": {", "\"items\": {\"home\": {}, ", 1);
    assert!(stderr(&pingjia(&["assess"], &twice)).contains("duplicate field `home`"));
}

#[test]
fn a_count_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("count.json");
    std::fs::write(&file, QINGDAO).unwrap();
    let from_file = pingjia(&["assess", file.to_str().unwrap()], "");
    assert_eq!(code(&from_file), 0);
    assert_eq!(from_file.stdout, pingjia(&["assess"], QINGDAO).stdout);
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(code(&pingjia(&["assess", file.to_str().unwrap()], "")), 2);
}

#[test]
fn rule_sets_are_listed_and_shown() {
    let list = pingjia(&["rules", "list"], "");
    assert_eq!(code(&list), 0);
    let list = String::from_utf8(list.stdout).unwrap();
    for id in ["qingdao-2020", "shandong-2018", "hohhot-2020", "changzhou-2016", "chaoyang-2013"] {
        assert!(list.contains(id));
        let shown = pingjia(&["rules", "show", id], "");
        assert_eq!(code(&shown), 0);
        assert!(String::from_utf8(shown.stdout).unwrap().contains("门槛"));
        let json = pingjia(&["rules", "show", id, "--json"], "");
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json["id"], id);
    }
    assert_eq!(code(&pingjia(&["rules", "show", "atlantis"], "")), 2);
}

#[test]
fn a_rule_set_of_somebody_else_is_checked_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    let path = file.to_str().unwrap();
    let shandong = include_str!("../src/rules/shandong-2018.toml");
    let own = shandong.replace("id = \"shandong-2018\"", "id = \"own-2026\"\nparent = \"chaoyang-2013\"");
    std::fs::write(&file, &own).unwrap();
    assert_eq!(code(&pingjia(&["rules", "check", path], "")), 0);
    let count = QINGDAO.replace("qingdao-2020", "own-2026").replace("\"membership_rate\"", "\"establishment_rate\"");
    let folder_path = folder.path().to_str().unwrap();
    let output = pingjia(&["assess", "--rules", folder_path], &count);
    let assessment: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules: Vec<_> = assessment["metrics"].as_array().unwrap().iter().map(|metric| &metric["rule"]).collect();
    assert_eq!(rules, ["SD-5.7", "CY-A1.1"]);

    std::fs::write(&file, own.replace("threshold = [7, 10]", "threshold = [7, 0]").replace("electorate", "electorat"))
        .unwrap();
    let faulty = pingjia(&["rules", "check", path], "");
    assert_eq!(code(&faulty), 1);
    let told = stderr(&faulty);
    assert!(told.contains("metric[1].threshold：分母不能为0") && told.contains("metric[1].electorat"), "{told}");
    assert!(told.contains("行") && told.contains("列"));
    assert_eq!(code(&pingjia(&["assess", "--rules", folder_path], &count)), 2);

    std::fs::write(&file, own.replace("chaoyang-2013", "atlantis")).unwrap();
    let orphan = pingjia(&["rules", "check", path], "");
    let line = own.lines().position(|line| line.starts_with("parent")).unwrap() + 1;
    assert_eq!(
        (code(&orphan), stderr(&orphan)),
        (1, format!("{path}：第{line}行 parent：上级规则集 atlantis 不存在\n"))
    );
    let asked = own.replacen("scale = \"satisfaction\"", "scale = \"awareness\"", 1);
    std::fs::write(&file, &asked).unwrap();
    let other = pingjia(&["rules", "check", path], "");
    let line = asked.lines().position(|line| line.starts_with("scale")).unwrap() + 1;
    let told = stderr(&other);
    assert_eq!(code(&other), 1, "{told}");
    assert!(
        told.starts_with(&format!("{path}：第{line}行 item[1].scale：上级规则集 chaoyang-2013 的项目 home")),
        "{told}"
    );

    let old = own.replacen("date = \"", "date = \"约", 1);
    std::fs::write(&file, &old).unwrap();
    let refused = pingjia(&["rules", "check", path], "");
    assert_eq!((code(&refused), stderr(&refused).contains("document.date：应为年")), (1, true));
    assert_eq!(code(&pingjia(&["assess", "--rules", folder_path], &count)), 0, "rounds may rest on it");

    std::fs::write(&file, shandong.replace("threshold = [7, 10]", "threshold = [6, 10]")).unwrap();
    let twice = pingjia(&["rules", "check", path], "");
    let line = shandong.lines().position(|line| line.starts_with("version")).unwrap() + 1;
    let told = stderr(&twice);
    assert_eq!((code(&twice), told.matches(path).count()), (1, 1), "{told}");
    assert!(told.contains(&format!("第{line}行 version：规则集 shandong-2018 的版本")), "{told}");
    std::fs::write(&file, b"id = \"\xff\"").unwrap();
    let binary = pingjia(&["rules", "check", path], "");
    assert_eq!((code(&binary), stderr(&binary).contains("不是 UTF-8 文字")), (2, true));
    assert_eq!(code(&pingjia(&["rules", "check", "/nowhere.toml"], "")), 2);
}
