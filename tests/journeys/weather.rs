//! Casting on a network that loses, cuts, delays and drops: nobody is told that they have voted when they have not, and
//! nobody who has is told that they have not.

use serde_json::json;

use crate::harness::{Browser, PHONE, Phone, demo};
use crate::network::{Network, Weather};

async fn page_of(network: &Network, phone: Phone) -> (Browser, String) {
    let browser = Browser::start(phone).await;
    let link = format!("{}{}", network.base, demo().path());
    browser.open(&link).await;
    browser.answer_all(1).await;
    (browser, link)
}

#[actix_web::test]
async fn every_kind_of_weather_ends_in_thanks() {
    let network = Network::before(&demo().base);
    let storms: [&[Weather]; 3] = [
        &[Weather::RequestLost, Weather::AnswerCut(300)],
        &[Weather::RequestCut, Weather::AnswerLost],
        &[Weather::AnswerCut(2000), Weather::Trickle(100)],
    ];
    let browser = Browser::start(PHONE).await;
    for storm in storms {
        let link = format!("{}{}", network.base, demo().path());
        browser.open(&link).await;
        browser.answer_all(1).await;
        network.foretell(storm);
        // In one script: on a busy machine the answer may be there before anybody could ask.
        let tap = "document.querySelector('.cast .button').click(); \
                   return document.querySelectorAll('[data-receipt]').length";
        assert_eq!(browser.run(tap).await, json!(0), "no thanks before an answer");
        browser.find("[data-receipt]").await;
        network.met(storm.len()).await;
        browser.open(&link).await;
        browser.find("[data-page=slip_spent]").await;
    }
    browser.close().await;
}

#[actix_web::test]
async fn from_its_length_nobody_on_the_way_can_tell_an_answer() {
    let network = Network::before(&demo().base);
    let browser = Browser::start(PHONE).await;
    for place in 1..=4 {
        browser.open(&format!("{}{}", network.base, demo().path())).await;
        browser.answer_all(place).await;
        browser.click(".cast .button").await;
        browser.find("[data-receipt]").await;
    }
    let sizes = network.sizes();
    assert_eq!(sizes.len(), 4);
    assert!(sizes.iter().all(|size| *size == sizes[0] && size.is_multiple_of(2048)), "{sizes:?}");
    browser.close().await;
}

#[actix_web::test]
async fn a_slow_answer_shows_that_something_is_going_on() {
    let network = Network::before(&demo().base);
    let (browser, _) = page_of(&network, PHONE).await;
    network.foretell(&[Weather::Held]);
    browser.click(".cast .button").await;
    assert_eq!(browser.text(".sending").await, "正在提交，请稍等。");
    let button = browser.find(".cast .button").await;
    assert_eq!(button.attr("aria-busy").await.unwrap().as_deref(), Some("true"));
    // Tapping on changes nothing: one submission is on its way.
    browser.run("for (var i = 0; i < 5; i++) { document.querySelector('.cast .button').click(); }").await;
    browser.accessible("ballot on its way").await;
    browser.picture("ballot-on-its-way-390").await;
    network.release();
    browser.find("[data-receipt]").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_refusal_at_the_door_is_shown_and_not_taken_for_a_bad_network() {
    let browser = Browser::start(PHONE).await;
    let link = demo().link();
    browser.open(&link).await;
    browser.answer_all(1).await;
    let swell = "var field = document.createElement('textarea'); field.name = 'comment'; field.hidden = true; \
                 field.value = 'x'.repeat(20000); document.querySelector('[data-cast]').appendChild(field)";
    browser.run(swell).await;
    browser.click(".cast .button").await;
    browser.find("[data-page=body_too_large]").await;
    assert!(browser.text("main").await.contains("这次没有投成"));
    browser.fits("ballot refused at the door").await;
    browser.accessible("ballot refused at the door").await;
    browser.picture("ballot-refused-at-the-door-390").await;
    browser.go("main a.button").await;
    browser.find("[data-page=ballot]").await;
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), link);
    browser.close().await;
}

#[actix_web::test]
async fn a_form_that_waited_overnight_still_works() {
    // In the evening the phone loses its network, in the morning it is there again.
    let network = Network::before(&demo().base);
    let (browser, link) = page_of(&network, PHONE).await;
    network.set_down(true);
    browser.click(".cast .button").await;
    let waiting = browser.find(".sending.notice").await;
    browser.shows(".sending", "网络不好").await;
    assert!(waiting.text().await.unwrap().contains("请不要关掉这个页面"));
    assert_eq!(browser.count("input:checked").await, browser.count(".item").await, "what was chosen is still there");
    browser.picture("ballot-without-network-390").await;
    network.set_down(false);
    browser.find("[data-receipt]").await;
    browser.open(&link).await;
    browser.find("[data-page=slip_spent]").await;
    browser.close().await;
}

#[actix_web::test]
async fn a_browser_that_is_offline_keeps_the_choices_and_says_so() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().link()).await;
    browser.answer_all(2).await;
    browser.set_offline(true).await;
    browser.click(".cast .button").await;
    browser.shows(".sending", "网络不好").await;
    browser.set_offline(false).await;
    browser.find("[data-receipt]").await;
    browser.close().await;
}

#[actix_web::test]
async fn without_scripts_a_lost_submission_can_be_made_again() {
    let network = Network::before(&demo().base);
    let (browser, link) = page_of(&network, Phone { scripts: false, ..PHONE }).await;
    network.set_down(true);
    // The browser shows its own page about a broken connection; WebDriver calls that an error.
    let _ = browser.find(".cast .button").await.click().await;
    browser.find(".neterror").await;
    network.set_down(false);
    browser.open(&link).await;
    browser.find("[data-page=ballot]").await;
    assert_eq!(browser.count("input:checked").await, 0, "a form fetched anew is empty");
    browser.answer_all(1).await;
    browser.click(".cast .button").await;
    browser.find("[data-receipt]").await;
    browser.close().await;
}

#[actix_web::test]
async fn the_same_form_in_two_tabs_is_thanked_in_both() {
    // Restored tabs and copied addresses: two windows, one slip.
    let link = demo().link();
    let browser = Browser::start(PHONE).await;
    browser.open(&link).await;
    browser.answer_all(1).await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second.clone()).await.unwrap();
    browser.open(&link).await;
    browser.answer_all(3).await;
    browser.client.switch_to_window(first).await.unwrap();
    browser.click(".cast .button").await;
    browser.find("[data-receipt]").await;
    browser.client.switch_to_window(second).await.unwrap();
    browser.click(".cast .button").await;
    browser.find("[data-page=slip_spent]").await;
    assert_eq!(browser.count("[data-receipt]").await, 0, "whoever holds the slip later does not get the receipt");
    assert_eq!(browser.run("return document.querySelectorAll('input').length").await, json!(0));
    browser.close().await;
}
