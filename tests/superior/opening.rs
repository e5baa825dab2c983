//! The opening statement in the hands of the union above.

use pingjia::domain::account::Role;
use pingjia::domain::union::Category;
use pingjia::verify::{Conclusion, Request, verify};
use reqwest::StatusCode;

use crate::house::Page;
use crate::{City, city};

on_both!(the_opening_statement_is_held_from_the_first_ballot_on);

fn the_opening_statement_is_held_from_the_first_ballot_on(City { house, east, .. }: City) {
    let union = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let chair = house.account(&union, Role::Chair, "chair");
    let superior = house.sign_in("east");
    let draft = house.asked(&union, 10);
    assert_eq!(superior.get(&format!("/oversight/{draft}/opening.json")).status, StatusCode::NOT_FOUND);
    assert!(!superior.get(&format!("/oversight/{draft}")).text.contains("data-roll-root"));

    let (open, certified) = (house.open(&union, &chair, 3, 0), house.certified(&union, &chair, 9, 1));
    let received = |round| superior.bytes(&format!("/oversight/{round}/opening.json"));
    let fingerprint = |page: Page| page.between("data-roll-root>", "</p>").remove(0);
    for round in [open, certified] {
        let page = superior.get(&format!("/oversight/{round}"));
        assert!(page.text.contains("签名有效") && page.text.contains(&format!("/oversight/{round}/opening.json")));
        let root = house.load(round).phase.opening().unwrap().roll_root;
        let shown = fingerprint(page);
        assert!(root.groups().iter().all(|group| shown.contains(group)), "{shown}");
    }
    let sheet = house.load(certified).phase.sheet().unwrap().to_string();
    let page = superior.get(&format!("/sheets/{sheet}"));
    assert!(page.text.contains("data-sound=\"true\""), "{}", page.text);
    assert!(page.text.contains("✓ 开箱声明的数字签名有效") && page.text.contains("✓ 开箱时固定的选票名册指纹"));
    let of_round = fingerprint(superior.get(&format!("/oversight/{certified}")));
    assert_eq!(fingerprint(page), of_round, "one eye on each page");
    let (keys, document) = (house.office.keys.key_set(), superior.bytes(&format!("/sheets/{sheet}.json")));
    let with = |opening: &[u8]| {
        let request =
            Request { keys: Some(&keys), opening: Some(opening), ..Request::of(&document, &house.office.rules) };
        verify(request).unwrap().conclusion
    };
    assert_eq!(with(&received(certified)), Conclusion::Holds);
    assert_eq!(with(&received(open)), Conclusion::Fails, "the statement of another round");
    let chair = house.sign_in("chair");
    assert_eq!(chair.get(&format!("/oversight/{certified}/opening.json")).status, StatusCode::FORBIDDEN);
}
