//! What `pingjia demo --json` tells other programs: a contract, down to the last name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::place::{House, told};
use crate::support::service::{ask, request};

/// The names of an object's members, sorted.
fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// All different texts under this name, sorted.
fn texts<'v>(objects: &'v [Value], name: &str) -> Vec<&'v str> {
    let texts: BTreeSet<&str> = objects.iter().map(|object| object[name].as_str().unwrap()).collect();
    texts.into_iter().collect()
}

#[test]
fn the_line_names_accounts_and_rounds_as_agreed_and_its_password_opens_the_door() {
    let told = told();
    assert_eq!(names(&told), ["accounts", "base_url", "polls"]);
    let (accounts, polls) = (told["accounts"].as_array().unwrap(), told["polls"].as_array().unwrap());
    for account in accounts {
        assert_eq!(names(account), ["password", "role", "union", "username"]);
    }
    for poll in polls {
        let members =
            ["ballot_links", "category", "id", "phase", "rectification", "rule_set", "sheet", "union", "year"];
        assert_eq!(names(poll), members);
        assert!(poll["id"].as_str().unwrap().parse::<i64>().is_ok() && poll["year"].is_u64(), "{poll}");
        let (phase, links) = (poll["phase"].as_str().unwrap(), poll["ballot_links"].as_array().unwrap());
        assert_eq!(links.is_empty(), phase != "open", "{poll}");
        assert_eq!(poll["sheet"].is_string(), ["certified", "reported"].contains(&phase), "{poll}");
        let base = format!("{}/V/", told["base_url"].as_str().unwrap());
        assert!(links.iter().all(|link| link.as_str().unwrap().starts_with(&base)), "{poll}");
    }
    assert_eq!(texts(accounts, "role"), ["chair", "operator", "scrutineer", "superior", "teller"]);
    let sets = ["changzhou-2016", "chaoyang-2013", "hohhot-2020", "qingdao-2020", "shandong-2018"];
    assert_eq!(texts(polls, "rule_set"), sets);
    assert_eq!(texts(polls, "phase"), ["certified", "closed", "counting", "draft", "open", "reported"]);
    let rules = pingjia::domain::rules::RuleRegistry::embedded().unwrap();
    for poll in polls {
        let category = pingjia::domain::union::Category::from_code(poll["category"].as_str().unwrap());
        let options = pingjia::domain::rules::PaperOptions::default();
        let paper = rules.paper(poll["rule_set"].as_str().unwrap(), category.expect("a category"), &options);
        assert!(paper.is_ok(), "{poll}");
    }

    let house = House::busy();
    let service = house.serve(None).unwrap();
    for role in ["chair", "superior"] {
        let account = accounts.iter().find(|account| account["role"] == role).unwrap();
        let [username, password] = ["username", "password"].map(|name| account[name].as_str().unwrap());
        let login = |password: &str| {
            let form = format!("username={username}&password={password}");
            ask(service.address, &request("POST", "/login", &form)).unwrap().status
        };
        assert_eq!(login(password), 303, "{username}");
        assert_ne!(login("another"), 303);
    }
}
