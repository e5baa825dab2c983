//! Rule sets with tiers over real HTTP: falling short of a tier that was not applied for is no failing.

use pingjia::domain::account::Role;
use pingjia::domain::union::Category;

use crate::{City, city, workbook};

on_both!(whoever_falls_short_of_a_tier_not_applied_for_has_failed_nothing, a_floor_is_called_so_and_not_a_threshold,);

fn whoever_falls_short_of_a_tier_not_applied_for_has_failed_nothing(City { house, east, .. }: City) {
    const WORD: &str = "未达等级条件";
    let superior = house.sign_in("east");
    assert!(!superior.get("/desk?year=2026").text.contains(&format!(">{WORD}</a>")), "no tile before there is one");
    let union = house.union_under(Some(&east), "甲厂工会", Category::Enterprise, "changzhou-2016");
    let chair = house.account(&union, Role::Chair, "chair");
    let round = house.certified(&union, &chair, 84, 16);
    let sheet = house.load(round).phase.sheet().unwrap().to_string();
    let page = superior.get(&format!("/sheets/{sheet}")).text;
    assert!(page.contains("notice warn\" data-verdict=\"not_met\"") && page.contains("没有达到“模范职工之家”"));

    let desk = superior.get("/desk?year=2026");
    let row = desk.text.split("甲厂工会</a>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains(&format!("<a class=\"tag warn\" href=\"/oversight/{round}\">{WORD}</a>")), "{row}");
    assert!(
        desk.text.contains(&format!("<strong>1</strong> <a href=\"/desk?year=2026&#38;outcome=short_of_tier\">{WORD}"))
    );
    assert_eq!(superior.get("/desk?year=2026&outcome=short_of_tier").unions(), [union.id.0]);
    assert!(superior.get("/desk?year=2026&outcome=not_met").unions().is_empty());
    let book = workbook(&superior.bytes("/desk/rollup.xlsx?year=2026"));
    let row = book[0].iter().find(|row| row[0] == "甲厂工会").unwrap();
    assert_eq!(row[12], WORD);
    assert!(book[1].contains(&[WORD, "1", "1"].map(str::to_owned).to_vec()), "{:?}", book[1]);
    let oversight = superior.get(&format!("/oversight/{round}")).text;
    assert!(
        oversight.contains(&format!("<td data-label=\"结论\">{WORD}</td>"))
            && !oversight.contains("id=\"rectification\"")
    );
    assert!(!superior.get("/rectification").text.contains("甲厂工会"), "nothing is to be put right");
}

fn a_floor_is_called_so_and_not_a_threshold(City { house, east, .. }: City) {
    for (name, good) in [("甲厂工会", 92), ("乙厂工会", 60)] {
        let union = house.union_under(Some(&east), name, Category::Enterprise, "shandong-2018");
        let chair = house.account(&union, Role::Chair, name);
        house.certified(&union, &chair, good, 100 - good);
    }
    let superior = house.sign_in("east");
    let desk = superior.get("/desk?year=2026").text;
    assert_eq!(desk.matches("<td data-label=\"门槛\" class=\"number\">整顿线 70%</td>").count(), 2);
    let book = workbook(&superior.bytes("/desk/rollup.xlsx?year=2026"));
    let bars: Vec<&str> = book[0].iter().filter(|row| row[0].contains("厂工会")).map(|row| row[11].as_str()).collect();
    assert_eq!(bars, ["整顿线 70%"; 2]);
    let list = superior.get("/rectification").text;
    assert!(list.contains("<span class=\"keep\">整顿线 70%</span>") && !list.contains("门槛 整顿线"));
}
