//! The ballot without a pointer and without eyes: the keyboard alone, what a screen reader is told, and where one stands
//! within a long paper.

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::harness::{Browser, PHONE, demo};

impl Browser {
    async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    async fn focused(&self) -> Value {
        self.run("var e = document.activeElement; return [e.tagName, e.name || '', e.type || '', e.textContent.trim()]")
            .await
    }

    /// Role and name of everything that a screen reader comes to, in its order.
    async fn spoken(&self) -> Vec<(String, String)> {
        self.devtools("Accessibility.enable", json!({})).await;
        let tree = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
        let word = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        nodes.map(|node| (word(&node["role"]), word(&node["name"]))).collect()
    }
}

#[actix_web::test]
async fn casts_with_the_keyboard_alone() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().link()).await;
    let items = browser.count(".item").await;
    let tab = Key::Tab + "";
    browser.press(&tab).await;
    assert_eq!(browser.focused().await[3], "保密说明", "the promise comes first");
    for item in 0..items {
        browser.press(&tab).await;
        let focused = browser.focused().await;
        assert_eq!(focused[2], "radio", "item {item}: {focused}");
        let ring = "return getComputedStyle(document.activeElement.nextElementSibling).outlineStyle";
        assert_eq!(browser.run(ring).await, "solid", "one sees where one is");
        browser.press(" ").await;
        // The arrow moves on to the second answer.
        browser.press(&(Key::Down + "")).await;
    }
    assert_eq!(browser.count("input:checked").await, items);
    assert_eq!(browser.count(".answer:nth-child(2) input:checked").await, items);
    let mut focused = json!(["", "", "", ""]);
    for _ in 0..3 {
        browser.press(&tab).await;
        focused = browser.focused().await;
        if focused[0] == "BUTTON" {
            break;
        }
    }
    assert_eq!(focused[3], "投票", "{focused}");
    browser.press(&(Key::Enter + "")).await;
    browser.find("[data-receipt]").await;
    let at = browser.run("return document.activeElement.id").await;
    assert_eq!(at, "main", "the reader begins at the thanks");
    browser.close().await;
}

#[actix_web::test]
async fn a_screen_reader_is_told_everything_in_order() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().link()).await;
    let items = browser.count(".item").await;
    let spoken = browser.spoken().await;
    let groups: Vec<&String> = spoken.iter().filter(|(role, _)| role == "group").map(|(_, name)| name).collect();
    assert_eq!(groups.len(), items, "every item is a group: {spoken:?}");
    for (place, group) in (1..).zip(&groups) {
        assert!(group.starts_with(&format!("第 {place} 项，共 {items} 项")), "one knows how far it is: {group}");
        assert!(group.chars().count() > 15, "and what is asked: {group}");
    }
    let answers: Vec<&String> = spoken.iter().filter(|(role, _)| role == "radio").map(|(_, name)| name).collect();
    assert!(answers.len() >= items * 2 && answers.iter().all(|name| !name.is_empty()), "{answers:?}");
    let last = spoken.iter().filter(|(role, _)| role == "button").map(|(_, name)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(last, ["投票"]);
    assert_eq!(browser.run("return document.documentElement.lang").await, "zh-CN");
    browser.close().await;
}
