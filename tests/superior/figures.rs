//! The roll-up on paper, as poppler reads it: outcomes, rates, thresholds and sums, each under its name. All counts
//! differ, so that no two of them can change places unnoticed.

use diesel::RunQueryDsl as _;
use pingjia::database::Kind;
use pingjia::domain::account::Role;
use pingjia::domain::ids::PollId;
use pingjia::domain::union::Category;
use pingjia::store::StoreError;

use super::City;
use super::house::House;
use crate::tools::{Folder, run};

/// Gives a certified round other figures: 应到, 实到, 发出, 收回, 有效, and the rate.
fn figures(house: &House, poll: PollId, [expected, present, issued, returned, valid, part]: [u32; 6]) {
    let set = format!(
        "UPDATE standing SET expected = {expected}, present = {present}, issued = {issued}, returned = {returned}, \
         valid = {valid}, numerator = {part}, base = {valid} WHERE poll_id = {poll}"
    );
    let done: Result<usize, StoreError> = house.office.database.write(|c| Ok(diesel::sql_query(&set).execute(c)?));
    assert_eq!(done.unwrap(), 1);
}

/// A line of names with the line of figures under it, pair by pair.
fn pairs<'t>(text: &'t str, heads: &[&str]) -> Vec<(&'t str, &'t str)> {
    let words = |line: &'t str| line.split_whitespace().collect::<Vec<_>>();
    let mut lines = text.lines().map(words).filter(|words| !words.is_empty());
    let names = lines.find(|words| heads.iter().all(|head| words.contains(head)));
    let names = names.unwrap_or_else(|| panic!("{heads:?} in {text}"));
    names.into_iter().zip(lines.next().unwrap()).collect()
}

#[test]
fn the_printed_roll_up_says_every_outcome_rate_and_threshold() {
    let City { house, east, .. } = super::city(Kind::Sqlite);
    let factory = |name: &str| house.union(Some(&east), name, Category::Enterprise);
    let (met, failed, open) = (factory("甲厂工会"), factory("乙厂工会"), factory("丙厂工会"));
    let chair = house.account(&met, Role::Chair, "chair");
    figures(&house, house.certified(&met, &chair, 9, 1), [211, 197, 193, 191, 181, 163]);
    figures(&house, house.certified(&failed, &chair, 8, 2), [107, 103, 101, 97, 89, 71]);
    house.open(&open, &chair, 3, 1);

    let folder = Folder::new();
    let pdf = folder.write("rollup-figures.pdf", &house.sign_in("city").bytes("/desk/rollup.pdf?year=2026"));
    let text = String::from_utf8(run("pdftotext", &["-layout", &pdf.to_string_lossy(), "-"]).stdout).unwrap();
    let row = |name: &str| {
        let line = text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split(name).nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let columns = ["序号", "工会名称", "类别", "应到", "实到", "收回票", "有效票", "指标", "比率", "门槛", "结果"];
    let head = text.lines().find(|line| line.contains("序号")).unwrap();
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), columns);
    assert_eq!(row("甲厂工会"), "企业工会 211 197 191 181 满意率 90.05% ≥ 90% 达标");
    assert_eq!(row("乙厂工会"), "企业工会 107 103 97 89 满意率 79.77% ≥ 90% 未达标");
    assert_eq!(row("丙厂工会"), "企业工会 4 — 4 — — — — 投票中", "an open round has a turnout and no rate");

    let sums = pairs(&text, &["合计范围", "到会率", "发出票"]);
    let summed = [
        ("合计范围", "已报送报告单的2家"),
        ("应到", "318"),
        ("实到", "300"),
        ("到会率", "94.33%"),
        ("发出票", "294"),
        ("收回票", "288"),
        ("有效票", "270"),
    ];
    assert_eq!(sums, summed);
    let outcomes = pairs(&text, &["工会数", "达标", "未达标"]);
    let held: Vec<_> = outcomes.into_iter().filter(|(_, count)| *count != "0").collect();
    let counted = [("工会数", "6"), ("其中不评议", "3"), ("达标", "1"), ("未达标", "1"), ("进行中", "1")];
    assert_eq!(held, counted, "nobody misses a round of the unions above");
    assert_eq!(row("东区总工会"), "旗县区总工会 — — — — — — — 本级不评议");
}
