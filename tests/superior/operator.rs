//! The system administrator: makes unions and accounts, sees no round.

use pingjia::domain::account::Role;
use pingjia::domain::union::{Category, Union};
use pingjia::http::routes::{Access, table};
use reqwest::StatusCode;

use crate::{City, city};

on_both!(an_operator_makes_unions_and_accounts_and_sees_no_round);

fn an_operator_makes_unions_and_accounts_and_sees_no_round(City { house, root, east, .. }: City) {
    let factory = house.union(Some(&east), "甲厂工会", Category::Enterprise);
    let chair = house.account(&factory, Role::Chair, "chair");
    let round = house.certified(&factory, &chair, 9, 1);
    let superior = house.sign_in("city");
    let place = |union: &Union| format!("/unions/{}", union.id);
    let operator = [("role", "operator"), ("name", "李管理"), ("username", "li.guanli")];
    let refused = superior.post(&format!("{}/accounts", place(&east)), &operator);
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "an operator looks after a whole tree");
    assert!(!superior.get(&place(&east)).text.contains("value=\"operator\""));
    assert!(superior.get(&place(&root)).text.contains("value=\"operator\""));
    let made = superior.post(&format!("{}/accounts", place(&root)), &operator);
    let first = made.between("data-password>", "<").remove(0);
    let own = "李管理自己想好的密码";
    let changed = [("old_password", first.as_str()), ("new_password", own), ("repeated", own)];
    let new = house.sign_in_with("li.guanli", &first).unwrap();
    assert_eq!(new.post("/password", &changed).status, StatusCode::SEE_OTHER);
    let operator = house.sign_in_with("li.guanli", own).unwrap();

    // What is for operators, each once.
    assert_eq!(operator.get("/desk").location, "/unions");
    let fields = [("under", ""), ("name", "北区总工会"), ("category", "county_union"), ("rule_set", "qingdao-2020")];
    let north = operator.post("/unions", &fields);
    assert_eq!(north.status, StatusCode::SEE_OTHER, "{}", north.text);
    let north = north.location.split('?').next().unwrap().to_owned();
    let version = operator.get(&format!("{north}/edit")).between("name=\"version\" value=\"", "\"").remove(0);
    let edited = [&fields[..], &[("version", &*version), ("credit_code", "")]].concat();
    assert_eq!(operator.post(&format!("{north}/edit"), &edited).status, StatusCode::SEE_OTHER);
    let account = [("role", "superior"), ("name", "王五"), ("username", "wang.wu")];
    let shown = operator.post(&format!("{north}/accounts"), &account).between("data-password>", "<").remove(0);
    assert!(house.sign_in_with("wang.wu", &shown).is_ok());
    let actions = operator.get(&north).between("action=\"", "\"");
    let renew = actions.iter().find(|to| to.ends_with("/password") && to.len() > "/password".len()).unwrap();
    let fresh = operator.post(renew, &[]).between("data-password>", "<").remove(0);
    assert!(house.sign_in_with("wang.wu", &fresh).is_ok());
    let stop = renew.replace("/password", "/active");
    assert_eq!(operator.post(&stop, &[("active", "0")]).status, StatusCode::SEE_OTHER);
    let table_of_unions = "工会名称,工会类别\n乙厂工会,企业工会\n";
    let imported = operator.post("/unions/import/confirm", &[("under", ""), ("text", table_of_unions)]);
    assert!(imported.text.contains("已建立1个工会"), "{}", imported.text);

    // And nothing else: no page of theirs says a word of a round.
    let sheet = house.load(round).phase.sheet().unwrap().to_string();
    for page in ["/unions".to_owned(), place(&factory), place(&root)] {
        let text = operator.get(&page).text;
        assert!(!text.contains("/oversight/") && !text.contains(&sheet) && !text.contains("各年评议"), "{page}");
    }
    let before = house.fingerprint();
    let mut refused = 0;
    for endpoint in table() {
        let Access::Roles(roles) = endpoint.access else { continue };
        let path = endpoint.path.replace("{id}", &round.to_string()).replace("{account}", "1");
        if roles.contains(&Role::Operator) {
            assert!(path.starts_with("/unions"), "{path} is for operators");
            continue;
        }
        let status =
            if endpoint.method == "GET" { operator.get(&path).status } else { operator.post(&path, &[]).status };
        assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", endpoint.method);
        refused += 1;
    }
    assert!(refused > 40, "{refused} refusals");
    assert_eq!(house.fingerprint(), before);
}
