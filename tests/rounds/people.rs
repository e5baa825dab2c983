//! Accounts of those who count and confirm, while a round is under way.

use pingjia::database::Kind;
use pingjia::domain::account::Role;
use pingjia::store::accounts;

use crate::round::prepared;
use crate::service::{Person, Service};

/// The accounts of 甲厂工会 of this role.
fn accounts_of(service: &Service, role: Role) -> Vec<String> {
    let all = service.database.read(|c| accounts::of_union(c, service.jia.id)).unwrap();
    all.into_iter().filter(|account| account.role == role).map(|account| account.id.to_string()).collect()
}

/// The password that a page shows once.
fn shown(page: &crate::service::Page) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    page.marked("data-password").into_iter().next().expect("a password")
}

/// Somebody who has changed a one-time password.
fn settled(service: &Service, username: &str, password: &str) -> Person {
    let person = service.signed_in(username, password);
    let own = "自己想好的一个长密码";
    person.step("/password", &[("old_password", password), ("new_password", own), ("repeated", own)]);
    service.signed_in(username, own)
}

#[test]
fn a_chair_takes_nobodys_place_while_a_round_is_under_way() {
    taken_by_nobody(&Service::on(Kind::Sqlite));
}

#[test]
fn nor_on_postgresql() {
    taken_by_nobody(&Service::on(Kind::Postgres));
}

fn taken_by_nobody(service: &Service) {
    let (poll, _) = prepared(service);
    let (chair, superior) = (service.person("jia-chair"), service.person("shi"));
    let at = |step: &str| format!("/rounds/{poll}/{step}");
    let [scrutineer, teller] =
        [Role::Scrutineer, Role::Teller].map(|role| accounts_of(service, role).into_iter().next().unwrap());
    let renew = |account: &str| format!("/people/{account}/password");
    shown(&chair.post(&renew(&teller), &[]));
    let seen = superior.get(&format!("/oversight/{poll}")).body;
    assert!(seen.contains("本工会的账号有1次变动"), "also what is done on the eve of the opening");
    let new = |name: &'static str, username: &'static str| [("role", "teller"), ("name", name), ("username", username)];

    chair.step(&at("open"), &[]);
    for counting in [false, true] {
        if counting {
            chair.submit(&at("stop"), &at("stop"), &[]);
        }
        for account in [&scrutineer, &teller] {
            let refused = chair.post(&renew(account), &[]);
            assert_eq!((refused.status, refused.problem().as_str()), (409, "round_under_way"), "{}", refused.body);
            assert!(refused.body.contains("上级工会在“工会与账号”里打开本工会"), "and the way forward");
        }
        let page = chair.get("/people").body;
        assert!(page.contains("评议进行期间，密码由上级工会重设") && !page.contains("重设密码</button>"));
        let again = chair.post("/people", &new("张 jia-teller2", "jia-teller9"));
        assert!(again.status == 422 && again.body.contains("已经有账号"), "{}", again.body);
    }
    assert_eq!(service.person("jia-scrutineer").get("/desk").status, 200, "nobody was shut out");
    // Whoever falls ill is replaced, in sight of the union above.
    shown(&chair.post("/people", &new("周计票", "zhou")));
    chair.step(&format!("/people/{teller}/active"), &[("active", "0")]);
    chair.step(&format!("/people/{teller}/active"), &[("active", "1")]);

    let from_above = |account: &str| format!("/unions/{}/accounts/{account}/password", service.jia.id);
    assert!(superior.get(&format!("/unions/{}", service.jia.id)).body.contains(&from_above(&scrutineer)));
    let password = shown(&superior.post(&from_above(&scrutineer), &[]));
    settled(service, "jia-scrutineer", &password);

    // A superior of the very union is none for its count.
    let own = [("role", "superior"), ("name", "王主席"), ("username", "jia-superior")];
    let password = shown(&superior.post(&format!("/unions/{}/accounts", service.jia.id), &own));
    let own = settled(service, "jia-superior", &password);
    assert!(!own.get(&format!("/unions/{}", service.jia.id)).body.contains(&from_above(&teller)));
    assert_eq!(own.post(&from_above(&teller), &[]).status, 404);

    let seen = superior.get(&format!("/oversight/{poll}")).body;
    assert!(seen.contains("本工会的账号有6次变动"), "without what people did to their own passwords");
    let (_, seen) = seen.split_once("评议期间的账号变动</h2>").expect("what was done to accounts");
    let lines: Vec<Vec<&str>> = seen
        .split("<tr data-account-line>")
        .skip(1)
        .map(|line| line.split("</td>").skip(1).filter_map(|cell| cell.split('>').next_back()).collect())
        .map(|cells: Vec<&str>| cells.into_iter().take(2).collect())
        .collect();
    assert_eq!(
        lines,
        [
            ["王主席（上级工会）", "修改自己的密码"],
            ["张shi（上级工会）", "建立账号"],
            ["张jia-scrutineer（监票人）", "修改自己的密码"],
            ["张shi（上级工会）", "重设密码"],
            ["张jia-chair（工会主席）", "恢复账号"],
            ["张jia-chair（工会主席）", "停用账号"],
            ["张jia-chair（工会主席）", "建立账号"],
            ["张jia-chair（工会主席）", "重设密码"],
        ]
    );
    assert!(seen.contains("周计票（计票人，用户名 zhou）"));

    chair.step(&at("void"), &[("reason", "停电")]);
    shown(&chair.post(&renew(&teller), &[]));
    let after = superior.get(&format!("/oversight/{poll}")).body;
    assert_eq!(after.matches("<tr data-account-line>").count(), lines.len(), "what comes after it is not its");
}
