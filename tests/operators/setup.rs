//! The first unions of an installation, from the command line.

use super::place::{House, Ran, empty_server, run, texts};

/// `pingjia setup` with these options.
fn setup(house: &House, server: Option<&str>, options: &[&str]) -> Ran {
    let place = server.map_or(vec![], |url| vec!["--database-url", url]);
    run(&[&["setup", "--data", house.data()], &place[..], options].concat())
}

#[test]
fn a_union_is_put_above_one_that_has_none() {
    for server in [None, Some(empty_server())] {
        let house = House::empty();
        let said = |options: &[&str]| setup(&house, server.as_deref(), options);
        let early = said(&["--above", "甲厂工会", "--union", "市总工会", "--name", "张三"]);
        assert_eq!(early.code, Some(2), "nothing is there yet: {}", early.out);

        let factory = ["--union", "甲厂工会", "--category", "enterprise", "--name", "王主席"];
        let without = said(&factory);
        assert!(without.code == Some(2) && without.err.contains("--rule-set"), "{}", without.err);
        let first = said(&[&factory[..], &["--rule-set", "qingdao-2020"]].concat());
        assert_eq!(first.code, Some(0), "{}", first.err);
        assert!(first.err.contains("pingjia setup --above 甲厂工会"), "a dead end is named: {}", first.err);

        let above = ["--above", "甲厂工会", "--union", "市总工会", "--name", "张三"];
        let taken = said(&above);
        assert!(taken.code == Some(2) && taken.err.contains("--username"), "{}", taken.err);
        let unknown = said(&["--above", "乙厂工会", "--union", "市总工会", "--name", "张三", "--username", "shi"]);
        assert!(unknown.code == Some(2) && unknown.err.contains("现在有：甲厂工会"), "{}", unknown.err);
        let done = said(&[&above[..], &["--username", "shi"]].concat());
        assert_eq!(done.code, Some(0), "{}", done.err);
        assert!(done.out.contains("已登记 市总工会，是 甲厂工会 的上级工会。") && done.err.is_empty(), "{}", done.err);
        let again = said(&[&above[..], &["--username", "sheng"]].concat());
        assert!(again.code == Some(2) && again.err.contains("现在有：市总工会"), "{}", again.err);

        let database = server.clone().unwrap_or_else(|| house.sqlite_file().to_str().unwrap().to_owned());
        let unions = "SELECT name || ' ' || path || ' ' || rule_set AS text FROM trade_union ORDER BY path";
        let unions = texts(&database, unions);
        let [city, factory] = unions.as_slice() else { panic!("{unions:?}") };
        let path = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
        assert!(city.starts_with("市总工会") && city.ends_with("qingdao-2020"), "the rules of the union below: {city}");
        assert!(factory.starts_with("甲厂工会") && path(factory).starts_with(&path(city)), "{unions:?}");
        let people = texts(&database, "SELECT username || ' ' || role AS text FROM account ORDER BY id");
        assert_eq!(people, ["admin superior", "shi superior"]);
    }
}
