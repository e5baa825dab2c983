//! Pages that need no login: what they do, and what the ballot weighs.

use serde_json::json;

use crate::harness::{Browser, PHONE, demo};
use crate::member::NO_SECOND_TAP;

/// Highest that the page on secrecy may be on an ordinary phone, in CSS pixels: a screen and a half, with what is protected
/// on the first screen.
const SECRECY_HEIGHT: u64 = 1200;
/// Most that the ballot may weigh on the wire, gzipped: what the first round trip of a connection carries.
const BALLOT_WEIGHT: usize = 14 * 1024;

async fn fetch(path: &str) -> reqwest::Response {
    reqwest::get(demo().url(path)).await.unwrap()
}

/// Names of the sheets that the demo certified, as the page of a certified round's slip would lead to them.
fn sheet() -> String {
    let sheets: Vec<&str> =
        demo().told["polls"].as_array().unwrap().iter().filter_map(|p| p["sheet"].as_str()).collect();
    (*sheets.first().expect("the demo names its sheets")).to_owned()
}

#[actix_web::test]
async fn answers_to_the_ballot_are_accessible() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().link()).await;
    browser.click(".cast .button").await;
    browser.find("[data-page=blanks]").await;
    browser.accessible("blanks").await;
    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click("[value=back]").await;
    browser.find(".item.left").await;
    browser.accessible("ballot with blank items marked").await;
    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click(".cast .button").await;
    browser.find("[data-page=blanks]").await;
    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click("[value=cast]").await;
    browser.find("[data-receipt]").await;
    browser.accessible("thanks").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_receipt_of_an_open_round_is_told_to_wait() {
    let browser = Browser::start(PHONE).await;
    let tag = demo().path()[3..8].to_owned();
    browser.open(&demo().url(&format!("/receipts?round={tag}"))).await;
    browser.find("#receipt").await.send_keys("0000-0000-0000-0000-0000-0000").await.unwrap();
    browser.click("button[type=submit]").await;
    browser.find("[data-outcome=early]").await;
    assert!(!browser.client.current_url().await.unwrap().as_str().contains("0000"), "no receipt in the address");
    browser.accessible("receipt before the count").await;
    browser.picture("receipts-early").await;
    browser.close().await;
}

#[actix_web::test]
async fn published_receipts_are_found_with_their_proof() {
    let opened: serde_json::Value =
        serde_json::from_str(&fetch(&format!("/sheets/{}/openings.json", sheet())).await.text().await.unwrap())
            .unwrap();
    let receipt = opened["receipts"][0].as_str().unwrap();
    let signed: serde_json::Value =
        serde_json::from_str(&fetch(&format!("/sheets/{}.json", sheet())).await.text().await.unwrap()).unwrap();
    let payload = data_encoding::BASE64URL_NOPAD.decode(signed["payload"].as_str().unwrap().as_bytes()).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let browser = Browser::start(PHONE).await;
    for (typed, outcome) in [(receipt, "found"), ("0000-0000-0000-0000-0000-0001", "missing"), ("XYZ", "refused")] {
        browser.open(&demo().url(&format!("/receipts?round={}", payload["round"]["tag"].as_str().unwrap()))).await;
        browser.find("#receipt").await.send_keys(typed).await.unwrap();
        browser.click("button[type=submit]").await;
        browser.find(&format!("[data-outcome={outcome}]")).await;
        browser.accessible(outcome).await;
        browser.picture(&format!("receipts-{outcome}")).await;
    }
    browser.open(&demo().url(&format!("/sheets/{}", sheet()))).await;
    assert_eq!(browser.count("[data-sound=true]").await, 1, "{}", browser.text("[data-sound]").await);
    browser.close().await;
}

#[actix_web::test]
async fn a_sheet_can_be_downloaded_in_every_form() {
    let forms = [
        (".json", "{\""),
        (".pdf", "%PDF-"),
        (".xlsx", "PK"),
        ("/chart.png", "\u{fffd}PNG"),
        ("/chart.png?of=turnout", "\u{fffd}PNG"),
        ("/openings.json", "{\""),
    ];
    for (ending, begins) in forms {
        let answer = fetch(&format!("/sheets/{}{ending}", sheet())).await;
        assert_eq!(answer.status().as_u16(), 200, "{ending}");
        let bytes = answer.bytes().await.unwrap();
        assert!(String::from_utf8_lossy(&bytes[..20]).starts_with(begins), "{ending}");
    }
    let keys: serde_json::Value =
        serde_json::from_str(&fetch("/.well-known/jwks.json").await.text().await.unwrap()).unwrap();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert_eq!(fetch("/healthz").await.text().await.unwrap(), "ok\n");
}

#[actix_web::test]
async fn the_ballot_is_one_light_request() {
    let client = reqwest::Client::builder().build().unwrap();
    let answer = client.get(demo().link()).header("Accept-Encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
    {
        assert_eq!(answer.headers()[name], value);
    }
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let head: usize = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let weight = head + answer.bytes().await.unwrap().len();
    assert!(weight <= BALLOT_WEIGHT, "the ballot weighs {weight} bytes");

    let browser = Browser::start(PHONE).await;
    browser.open(&demo().link()).await;
    let others =
        browser.run("return performance.getEntriesByType('resource').map(function (r) { return r.name; })").await;
    assert_eq!(others, json!([]), "nothing else is fetched");
    let blocked = browser.run("return document.styleSheets.length + ' ' + getComputedStyle(document.querySelector('.item')).borderTopWidth").await;
    assert_eq!(blocked, json!("1 1px"), "the policy admits the page's own style");
    browser.close().await;
}

#[actix_web::test]
async fn the_page_on_secrecy_is_short() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().url("/secrecy")).await;
    let high = browser.run("return document.documentElement.scrollHeight").await.as_u64().unwrap();
    assert!(high <= SECRECY_HEIGHT, "{high} px");
    let protected = "return document.querySelector('main ul').getBoundingClientRect().bottom";
    let protected = browser.run(protected).await.as_f64().unwrap();
    assert!(protected <= f64::from(PHONE.height), "what is protected is seen without scrolling: {protected} px");
    browser.close().await;
}

#[actix_web::test]
async fn a_sheet_is_printed_without_what_only_screens_need() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().url(&format!("/sheets/{}", sheet()))).await;
    let union = browser.text("h1").await;
    let shown = "return Array.from(document.querySelectorAll('.no-print')).filter(function (part) { \
                 return part.getClientRects().length; }).length";
    assert_ne!(browser.run(shown).await, json!(0), "there on the screen");
    browser.devtools("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    assert_eq!(browser.run(shown).await, json!(0), "and gone on paper");
    browser.devtools("Emulation.setEmulatedMedia", json!({"media": ""})).await;
    let printed = browser.devtools("Page.printToPDF", json!({"paperWidth": 8.27, "paperHeight": 11.69})).await;
    let printed = data_encoding::BASE64.decode(printed["data"].as_str().unwrap().as_bytes()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), printed).unwrap();
    let text = std::process::Command::new("pdftotext").arg(file.path()).arg("-").output().expect("pdftotext");
    let text = String::from_utf8(text.stdout).unwrap().replace(char::is_whitespace, "");
    for words in [union.as_str(), "满意率", "票数", "摘要校验码"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("在浏览器打开") && !text.contains("开票明细，重新数票用"), "{text}");
    browser.close().await;
}
