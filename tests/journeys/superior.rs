//! The union above: looks over its area, filters, draws a spot check, takes unions in from a table, looks after accounts.

use serde_json::json;

use crate::harness::{Browser, PHONE, Phone, demo};

const PASSWORD: &str = "pingjia-demo";

async fn looks_over_the_area(phone: Phone) {
    let browser = Browser::start(phone).await;
    browser.sign_in(&demo().base, "hohhot.shangji", PASSWORD).await;
    let all = browser.count("tr[data-union]").await;
    assert!(all >= 4, "{all} unions");
    browser.click("#stage option[value=certified]").await;
    browser.go("form[action='/desk'] .button").await;
    let some = browser.count("tr[data-union]").await;
    assert!(some >= 1 && some < all, "{some} of {all} have certified");
    let address = browser.client.current_url().await.unwrap();
    assert!(address.query().unwrap_or_default().contains("stage=certified"), "a search can be kept: {address}");
    browser.client.refresh().await.unwrap();
    assert_eq!(browser.count("tr[data-union]").await, some, "and asked for again");
    browser.back().await;
    assert_eq!(browser.count("tr[data-union]").await, all, "the way back");
    browser.fill("#name", "没有这样的工会").await;
    browser.go("form[action='/desk'] .button").await;
    browser.find(".empty").await;
    assert_eq!(browser.find("#name").await.prop("value").await.unwrap().unwrap(), "没有这样的工会");

    browser.open(&demo().url("/spot-checks")).await;
    browser.fill("#count", "0").await;
    browser.go("main .button").await;
    assert!(browser.text(".notice.bad").await.contains("抽取几家：应在1到500之间"));
    browser.fill("#count", "2").await;
    browser.go("main .button").await;
    assert_eq!(browser.count("tr[data-drawn]").await, 2);
    assert_eq!(browser.count("[data-again=same]").await, 1, "it was drawn again with the same outcome");
    if phone.scripts {
        browser.inspect("spot-check").await;
    } else {
        browser.glance("spot-check-without-scripts").await;
    }
    let draw = browser.path().await;
    browser.client.refresh().await.unwrap();
    assert_eq!(browser.path().await, draw, "reloading draws nothing");
    browser.open(&demo().url("/spot-checks")).await;
    browser.glance("spot-checks-drawn").await;
    browser.close().await;
}

#[actix_web::test]
async fn the_superior_looks_over_the_area() {
    looks_over_the_area(PHONE).await;
}

#[actix_web::test]
async fn the_superior_looks_over_the_area_without_scripts() {
    looks_over_the_area(Phone { scripts: false, ..PHONE }).await;
}

#[actix_web::test]
async fn the_superior_takes_unions_in_and_looks_after_their_accounts() {
    let browser = Browser::start(Phone { width: 1280, height: 900, ..PHONE }).await;
    browser.sign_in(&demo().base, "changzhou.shangji", PASSWORD).await;
    browser.open(&demo().url("/unions/import")).await;
    browser.fill("#text", "工会名称,工会类别\n,企业工会").await;
    browser.go("main form .button").await;
    assert!(browser.count("tr[data-error-line]").await > 0, "what is wrong is listed by line");
    browser.inspect("import-refused").await;
    let table = "工会名称,工会类别,主席姓名,主席用户名\n旅程导入工会,grassroots_union,钱主席,lvcheng.zhuxi";
    browser.fill("#text", &table.replace("grassroots_union", "基层工会")).await;
    browser.go("main form .button").await;
    browser.find("#confirm").await;
    browser.inspect("import-checked").await;
    browser.go("#confirm").await;
    assert_eq!(browser.text("[data-username]").await, "lvcheng.zhuxi");
    browser.inspect("import-passwords").await;
    browser.go("main a.button").await;

    browser.open(&demo().url("/unions?name=旅程导入")).await;
    browser.go("tbody a[href^='/unions/']").await;
    browser.go("form[action$='/active'] button").await;
    assert!(browser.text("main").await.contains("已停用"));
    browser.inspect("union-with-closed-account").await;
    browser.go("form[action$='/active'] button").await;
    browser.go("form[action$='/password'] button").await;
    browser.find("[data-password]").await;
    browser.back().await;
    browser.client.forward().await.unwrap();
    assert_eq!(browser.run("return document.querySelectorAll('[data-password]').length").await, json!(0), "shown once");
    browser.close().await;
}

#[actix_web::test]
async fn a_wrong_password_and_an_expired_login_lead_on() {
    let browser = Browser::start(PHONE).await;
    browser.open(&demo().url("/approvals")).await;
    assert_eq!(browser.path().await, "/login", "a page behind the login leads to it");
    browser.fill("#username", "qingdao.shangji").await;
    browser.fill("#password", "falsch").await;
    browser.go("main button").await;
    assert!(browser.text("#wrong").await.contains("用户名或密码不对"));
    browser.inspect("login-refused").await;
    browser.fill("#password", PASSWORD).await;
    browser.go("main button").await;
    assert_eq!(browser.path().await, "/approvals", "and back to where one wanted to go");
    // A form that was open when the login ended.
    browser.open(&demo().url("/spot-checks")).await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.fill("#count", "1").await;
    browser.go("main form.card .button").await;
    assert_eq!(browser.text("[data-problem]").await, "sign_in");
    browser.inspect("problem-sign-in").await;
    // The way back of somebody who has logged out shows nothing of theirs.
    browser.sign_in(&demo().base, "qingdao.shangji", PASSWORD).await;
    browser.go("form[action='/logout'] button").await;
    browser.back().await;
    browser.find("#username").await;
    assert_eq!(browser.path().await, "/login", "the way back after logging out leads to the login");
    browser.close().await;
}

#[actix_web::test]
async fn a_page_that_was_left_comes_back_only_to_its_own_login() {
    let browser = Browser::start(PHONE).await;
    browser.sign_in(&demo().base, "hohhot.shangji", PASSWORD).await;
    let page = demo().url("/spot-checks");
    browser.open(&page).await;
    browser.fill("#count", "7").await;
    browser.open(&demo().url("/help")).await;
    browser.back().await;
    browser.find("#count").await;
    assert_eq!(browser.path().await, "/spot-checks", "the login goes on: the page is there again");

    // The login ends elsewhere: nothing changes in this browser, which may have kept the page whole.
    browser.open(&page).await;
    let token = browser.find("[name=form_token]").await.attr("value").await.unwrap().unwrap();
    browser.open(&demo().url("/help")).await;
    let cookie = browser.client.get_named_cookie("pj_session").await.unwrap();
    let ended = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ended = ended.post(demo().url("/logout")).header("Cookie", format!("pj_session={}", cookie.value()));
    assert_eq!(ended.form(&[("form_token", &token)]).send().await.unwrap().status().as_u16(), 303);
    browser.back().await;
    browser.find("#username").await;
    assert_eq!(browser.path().await, "/login", "a page whose login has ended is not shown again");

    // A password that was typed and not sent does not wait for the next person.
    browser.fill("#password", "nur getippt").await;
    browser.open(&demo().url("/help")).await;
    browser.back().await;
    assert_eq!(browser.find("#password").await.prop("value").await.unwrap().unwrap_or_default(), "");
    browser.close().await;
}
