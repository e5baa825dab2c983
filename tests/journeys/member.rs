//! The member: scans, ticks, casts, on every kind of phone and on a network that breaks.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Browser, PHONE, Phone, demo};
use crate::network::{Network, Weather};

/// Nothing on the page, in its address or on the phone tells what was chosen.
async fn assert_keeps_no_choice(browser: &Browser, link: &str) {
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), link, "the address is the slip's own");
    assert_eq!(browser.count("input").await, 0, "no choice is left on the page");
    let page = browser.text("main").await;
    for answer in ["满意", "不了解", "弃权", "知道", "兑现"] {
        assert!(!page.contains(answer), "{answer} in: {page}");
    }
    let kept = browser
        .run("return [document.cookie, localStorage.length, sessionStorage.length, JSON.stringify(history.state)]")
        .await;
    assert_eq!(kept, json!(["", 0, 0, "null"]));
}

async fn cast(phone: Phone, name: &str) {
    let link = demo().link();
    let browser = Browser::start(phone).await;
    browser.open(&link).await;
    assert_eq!(browser.count("input:checked").await, 0, "nothing is preselected");
    browser.fits(name).await;
    browser.assert_target(".answer", 60.0).await;
    browser.assert_target(".cast .button", 60.0).await;
    let widths = "var w = Array.from(document.querySelectorAll('.item:first-of-type .answer span')).map(function (s) { \
                  var r = s.getBoundingClientRect(); return [Math.round(r.width), Math.round(r.height), \
                  getComputedStyle(s).color, getComputedStyle(s).backgroundColor].join(); }); \
                  return w.every(function (x) { return x === w[0]; })";
    assert_eq!(browser.run(widths).await, json!(true), "answers are equal in size and colour");
    browser.picture(&format!("ballot-{name}")).await;
    browser.answer_all(1).await;
    assert_eq!(browser.count("input:checked").await, browser.count(".item").await);
    browser.click(".cast .button").await;
    let receipt = browser.find("[data-receipt]").await.attr("data-receipt").await.unwrap().unwrap();
    assert_eq!(receipt.len(), 29);
    assert_eq!(browser.text("h1").await, "投票成功");
    browser.fits(&format!("thanks-{name}")).await;
    browser.picture(&format!("thanks-{name}")).await;
    assert_keeps_no_choice(&browser, &link).await;
    browser.close().await;
}

#[actix_web::test]
async fn casts_at_320() {
    cast(Phone { width: 320, ..PHONE }, "320").await;
}

#[actix_web::test]
async fn casts_at_390() {
    cast(PHONE, "390").await;
}

#[actix_web::test]
async fn casts_at_768_in_the_dark() {
    cast(Phone { width: 768, height: 1024, dark: true, ..PHONE }, "768-dark").await;
}

#[actix_web::test]
async fn casts_at_1280() {
    cast(Phone { width: 1280, height: 900, ..PHONE }, "1280").await;
}

#[actix_web::test]
async fn casts_lying_down() {
    cast(Phone { width: 680, height: 320, ..PHONE }, "landscape").await;
}

#[actix_web::test]
async fn casts_with_text_of_30_pixels_at_320() {
    // 112.5 % of 26.67 is 30.
    cast(Phone { width: 320, text: 27, ..PHONE }, "320-text-30").await;
}

#[actix_web::test]
async fn casts_without_scripts() {
    cast(Phone { scripts: false, ..PHONE }, "390-without-scripts").await;
}

/// For so long the page takes no other tap once it has turned to the question, or back.
pub const NO_SECOND_TAP: Duration = Duration::from_millis(750);

/// The one question back, there and back again.
async fn leaves_items_blank(phone: Phone) {
    let link = demo().link();
    let browser = Browser::start(phone).await;
    browser.open(&link).await;
    let nonce = "return document.querySelector('[name=n]').value";
    let first_nonce = browser.run(nonce).await;
    browser.click(".item:first-of-type .answer:nth-child(3)").await;
    if phone.scripts {
        // Where one button was, the other is now: a second tap of an impatient thumb must not cast.
        let twice = "document.querySelector('.cast .button').click(); document.querySelector('[value=cast]').click(); \
                     return document.getElementById('main').getAttribute('data-page')";
        assert_eq!(browser.run(twice).await, json!("blanks"));
    } else {
        browser.click(".cast .button").await;
    }
    browser.find("[data-page=blanks]").await;
    assert_eq!(browser.text("form > .stack h1").await, "还没有投票");
    assert_eq!(browser.client.title().await.unwrap(), "还没有投票");
    if phone.scripts {
        let asked = "return performance.getEntriesByType('resource').length";
        assert_eq!(
            browser.run(asked).await,
            json!(0),
            "nothing was sent, so nobody on the way sees that there are blanks"
        );
    }
    browser.assert_target(".twin .button", 60.0).await;
    let look = "return Array.from(document.querySelectorAll('.twin .button')).map(function (b) { var s = \
                getComputedStyle(b); return [s.color, s.backgroundColor, s.fontSize, s.borderColor].join(); })";
    let look = browser.run(look).await;
    assert_eq!(look[0], look[1], "both ways are equally plain");
    browser.picture(if phone.scripts { "blanks" } else { "blanks-without-scripts" }).await;

    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click("[value=back]").await;
    browser.find("[data-page=ballot] .item.left").await;
    assert_eq!(browser.run(nonce).await, first_nonce, "it is the same form");
    assert_eq!(browser.count("input:checked").await, 1, "what was chosen is still there");
    assert_eq!(browser.count(".item.left").await, browser.count(".item").await - 1);
    browser.picture(if phone.scripts { "ballot-back" } else { "ballot-back-without-scripts" }).await;
    if phone.scripts {
        browser.click(".item.left .answer:nth-child(1)").await;
        assert_eq!(
            browser.count(".item.left").await,
            browser.count(".item").await - 2,
            "what is filled in is not blank"
        );
    }

    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click(".cast .button").await;
    browser.find("[data-page=blanks]").await;
    tokio::time::sleep(NO_SECOND_TAP).await;
    browser.click("[value=cast]").await;
    browser.find("[data-receipt]").await;
    assert_keeps_no_choice(&browser, &link).await;
    if !phone.scripts {
        // Each page on the way back is asked for anew, and says only that the slip is spent.
        for _ in 0..2 {
            browser.client.back().await.unwrap();
            let left = "return document.querySelectorAll('.blank-list, input').length";
            assert_eq!(browser.run(left).await, json!(0), "no choice comes back");
        }
    }
    browser.close().await;
}

#[actix_web::test]
async fn is_asked_once_about_blank_items() {
    leaves_items_blank(PHONE).await;
}

#[actix_web::test]
async fn is_asked_once_about_blank_items_without_scripts() {
    leaves_items_blank(Phone { scripts: false, ..PHONE }).await;
}

#[actix_web::test]
async fn goes_back_and_finds_no_choice() {
    for scripts in [true, false] {
        let link = demo().link();
        let browser = Browser::start(Phone { scripts, ..PHONE }).await;
        browser.open(&demo().base).await;
        browser.open(&link).await;
        browser.answer_all(2).await;
        browser.open(&demo().url("/secrecy")).await;
        browser.client.back().await.unwrap();
        browser.find("[data-page=ballot]").await;
        if scripts {
            assert_eq!(browser.count("input:checked").await, 0, "an abandoned ballot is empty");
        }

        browser.answer_all(2).await;
        browser.click(".cast .button").await;
        browser.find("[data-receipt]").await;
        if scripts {
            browser.open(&demo().base).await;
        }
        browser.client.back().await.unwrap();
        browser.shows("h1", "这张选票已经投过票了").await;
        assert_eq!(browser.count("input:checked").await, 0, "a cast ballot is not shown again (scripts: {scripts})");
        browser.open(&link).await;
        assert_eq!(browser.text("h1").await, "这张选票已经投过票了");
        browser.picture("spent").await;
        browser.close().await;
    }
}

#[actix_web::test]
async fn reloads_the_thank_you() {
    for scripts in [true, false] {
        let browser = Browser::start(Phone { scripts, ..PHONE }).await;
        let link = demo().link();
        browser.open(&link).await;
        browser.answer_all(1).await;
        browser.click(".cast .button").await;
        let receipt = browser.find("[data-receipt]").await.attr("data-receipt").await.unwrap().unwrap();
        browser.client.refresh().await.unwrap();
        if scripts {
            // The page was fetched with the slip; nothing of the vote was kept on the phone to show again.
            browser.find("[data-page=slip_spent]").await;
            assert_eq!(browser.count(".receipt").await, 0);
        } else {
            // The same form went out again, and was answered with the same receipt.
            browser.shows(".receipt", &receipt[..10]).await;
        }
        browser.inspect(if scripts { "thanks-reloaded" } else { "thanks-reloaded-without-scripts" }).await;
        browser.close().await;
    }
}

#[actix_web::test]
async fn has_the_ballot_open_twice() {
    let link = demo().link();
    let (first, second) = (Browser::start(PHONE).await, Browser::start(PHONE).await);
    first.open(&link).await;
    second.open(&link).await;
    first.answer_all(1).await;
    second.answer_all(3).await;
    first.click(".cast .button").await;
    first.find("[data-receipt]").await;
    second.click(".cast .button").await;
    second.find("[data-page=slip_spent]").await;
    assert_eq!(second.text("h1").await, "这张选票已经投过票了");
    first.close().await;
    second.close().await;
}

#[actix_web::test]
async fn loses_the_answer_and_is_thanked_all_the_same() {
    let network = Network::before(&demo().base);
    let browser = Browser::start(PHONE).await;
    browser.open(&format!("{}{}", network.base, demo().path())).await;
    browser.answer_all(1).await;
    network.foretell(&[Weather::AnswerLost, Weather::AnswerLost, Weather::Held]);
    // A second and third tap change nothing.
    browser.run("for (var i = 0; i < 3; i++) { document.querySelector('.cast .button').click(); }").await;
    browser.shows(".sending.notice", "第 3 次").await;
    browser.picture("sending").await;
    network.release();
    browser.find("[data-receipt]").await;
    assert_eq!(browser.text("h1").await, "投票成功");
    browser.close().await;
}

#[actix_web::test]
async fn loses_the_answer_without_scripts_and_scans_again() {
    let network = Network::before(&demo().base);
    let browser = Browser::start(Phone { scripts: false, ..PHONE }).await;
    let link = format!("{}{}", network.base, demo().path());
    browser.open(&link).await;
    browser.answer_all(1).await;
    network.foretell(&[Weather::AnswerLost]);
    // The browser shows its own page about a broken connection; WebDriver calls that an error.
    let _ = browser.find(".cast .button").await.click().await;
    network.met(1).await;
    browser.open(&link).await;
    assert_eq!(browser.text("h1").await, "这张选票已经投过票了", "scanning again tells that the ballot is in the box");
    browser.close().await;
}

#[actix_web::test]
async fn types_the_code_by_hand() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().base).await;
    let code = demo().path().replace("/V/", "").replace('-', " ").to_lowercase();
    browser.find("#code").await.send_keys(&code[..code.len() - 3]).await.unwrap();
    browser.click("button[type=submit]").await;
    assert!(browser.text(".error").await.contains("您输入了 23 位"));
    browser.picture("front-refused").await;
    browser.find("#code").await.send_keys(&code[code.len() - 3..]).await.unwrap();
    browser.click("button[type=submit]").await;
    browser.find("[data-page=ballot]").await;
    browser.close().await;
}
