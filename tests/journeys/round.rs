//! A whole round as its people go through it: the union above sets the union up, the chair prepares, opens, closes and
//! certifies, scrutineer and tellers do their part, the union above returns the sheet and accepts the corrected one, and a
//! member looks the receipt up. Once with scripts and once without.

use serde_json::json;

use crate::days::day;
use crate::harness::{Browser, PHONE, Phone, demo};
use crate::network::{Network, Weather};

const PASSWORD: &str = "旅程里自己想好的密码";
/// Members of the union, and spare slips.
const MEMBERS: usize = 60;
const SPARES: usize = 5;
/// Members who vote on their phones: all but one on paper, and one who does not vote.
const ON_PHONES: usize = MEMBERS - 2;

/// Of these, who votes before the page is looked at.
const FIRST: usize = 12;

/// A browser that goes from person to person.
struct Walk {
    browser: Browser,
    /// Stem of the usernames.
    stem: &'static str,
    codes: Vec<String>,
    /// Address of the round.
    round: String,
    receipt: String,
}

impl Walk {
    fn scripts(&self) -> bool {
        self.browser.phone.scripts
    }

    /// With scripts the page is looked at from all sides, without them shortly.
    async fn look(&self, page: &str) {
        if self.scripts() {
            self.browser.inspect(page).await;
        } else {
            self.browser.glance(&format!("{page}-without-scripts")).await;
        }
    }

    async fn open(&self, path: &str) {
        self.browser.open(&demo().url(path)).await;
    }

    async fn be(&self, who: &str) {
        self.browser.sign_in(&demo().base, &format!("{}.{who}", self.stem), PASSWORD).await;
    }

    async fn step(&self, ending: &str) {
        self.open(&format!("{}{ending}", self.round)).await;
    }

    /// The page says so in its word on what was just done.
    async fn says(&self, words: &str) {
        let said = self.browser.text(".notice[role=status]:not(#moved)").await;
        assert!(said.contains(words), "{said}");
    }

    /// The first login with a one-time password, which has to be changed.
    async fn first_login(&self, who: &str, password: &str, look: bool) {
        let b = &self.browser;
        b.sign_in(&demo().base, &format!("{}.{who}", self.stem), password).await;
        assert_eq!(b.path().await, "/password", "a one-time password opens nothing else");
        if look {
            for (field, words) in [("old_password", password), ("new_password", PASSWORD), ("repeated", "不一样的密码")]
            {
                b.fill(&format!("#{field}"), words).await;
            }
            b.go("main .button").await;
            assert_eq!(b.text("#repeated-error").await, "两次输入的新密码不一样");
            self.look("password-refused").await;
        }
        for (field, words) in [("old_password", password), ("new_password", PASSWORD), ("repeated", PASSWORD)] {
            b.fill(&format!("#{field}"), words).await;
        }
        b.go("main .button").await;
        assert_eq!(b.path().await, "/desk");
    }

    /// The union and its chair are set up by the union above.
    async fn set_up_union(&self, superior: &str) -> String {
        let b = &self.browser;
        b.sign_in(&demo().base, superior, "pingjia-demo").await;
        self.open("/unions/new").await;
        b.fill("#name", &format!("旅程{}工会", self.stem)).await;
        b.click("#category option[value=grassroots_union]").await;
        b.go("main .button").await;
        self.says("工会已建立").await;
        b.click("#role [value=chair]").await;
        b.fill("#name", "程主席").await;
        b.fill("#username", &format!("{}.chair", self.stem)).await;
        b.go("#new-account .button").await;
        self.look("one-time-passwords").await;
        b.text("[data-password]").await
    }

    /// The chair gives accounts to a scrutineer and two tellers.
    async fn add_people(&self) -> Vec<(&'static str, String)> {
        let b = &self.browser;
        let mut passwords = Vec::new();
        for (who, role, name) in
            [("jian", "scrutineer", "简监票"), ("ji1", "teller", "纪一"), ("ji2", "teller", "纪二")]
        {
            self.open("/people").await;
            b.click(&format!("#role [value={role}]")).await;
            b.fill("#name", name).await;
            b.fill("#username", &format!("{}.{who}", self.stem)).await;
            b.go("form.card .button").await;
            passwords.push((who, b.text("[data-password]").await));
        }
        self.open("/people").await;
        assert_eq!(b.count("main tbody tr").await, 3);
        passwords
    }

    /// The facts of a round, and the approval of its electorate.
    async fn prepare(&mut self, superior: &str, year: &str) {
        let b = &self.browser;
        self.be("chair").await;
        self.open("/rounds/new").await;
        let (members, fewer) = (MEMBERS.to_string(), (MEMBERS - 4).to_string());
        let facts = [
            ("year", year),
            ("title", "会员评议职工之家"),
            ("place", "三楼会议室"),
            ("begins", &day(-1)),
            ("ends", &day(0)),
            ("member_total", &fewer),
            ("expected", &members),
            ("chief_scrutineer", "简监票"),
            ("tellers", "纪一\n纪二"),
            ("chair", "程主席"),
        ];
        for (field, words) in facts {
            b.fill(&format!("#{field}"), words).await;
        }
        b.click("[name=assembly][value=members]").await;
        b.click("[name=comment]").await;
        b.go("main form > .row .button").await;
        let wrong = b.text(".notice.bad").await;
        assert!(wrong.contains("会员总数") || wrong.contains("应到人数"), "the field is named: {wrong}");
        assert_eq!(b.find("#title").await.prop("value").await.unwrap().unwrap(), "会员评议职工之家", "nothing is lost");
        self.look("round-new-refused").await;
        b.fill("#member_total", &members).await;
        b.go("main form > .row .button").await;
        self.says("本轮评议已新建").await;
        let round = b.path().await.trim_end_matches("/setup").to_owned();
        b.go("form[action$='/ask'] .button").await;
        self.says("已提请").await;
        b.sign_in(&demo().base, superior, "pingjia-demo").await;
        self.open("/approvals").await;
        b.go(&format!("a[href='{}']", round.replace("rounds", "oversight"))).await;
        b.go("[value=approve]").await;
        self.says("名册已批准").await;
        self.round = round;
    }

    /// The slips, made and downloaded over a network that cuts the first file.
    async fn print_slips(&mut self) {
        let (b, network) = (&self.browser, Network::before(&demo().base));
        b.sign_in(&network.base, &format!("{}.chair", self.stem), PASSWORD).await;
        b.open(&format!("{}{}/setup", network.base, self.round)).await;
        b.fill("#spares", &SPARES.to_string()).await;
        b.go("#slips .button").await;
        let codes = b.find("[name=codes]").await.attr("value").await.unwrap().unwrap();
        self.look("slips").await;
        self.codes = codes.split(' ').map(str::to_owned).collect();
        assert_eq!(self.codes.len(), MEMBERS + SPARES);
        if self.scripts() {
            b.download_slips(&network, &self.codes).await;
        }
        self.step("/poster").await;
        assert_eq!(b.count("main svg").await, 1, "the poster has its code");
    }

    /// What a member sees who scans this slip now.
    async fn scan(&self, slip: usize, page: &str, name: &str) {
        self.open(&format!("/V/{}", self.codes[slip])).await;
        self.browser.find(&format!("[data-page={page}]")).await;
        self.look(name).await;
    }

    /// Members cast from their phones while the chair watches.
    async fn cast_and_watch(&mut self) {
        let b = &self.browser;
        self.be("chair").await;
        self.step("/setup").await;
        b.go("a[href$='/open']").await;
        self.look("open-asked").await;
        b.go("form[action$='/open'] .button").await;
        self.says("投票已经开始").await;
        assert_eq!(b.text("[data-now=spent]").await, "0");
        self.look("round-opened").await;
        b.run("document.body.setAttribute('data-same-page', 'yes')").await;
        let vote = async |slip: usize| {
            let answer = if slip.is_multiple_of(7) { "dissatisfied" } else { "satisfied" };
            cast(&self.codes[slip], answer).await
        };
        for slip in 0..FIRST {
            vote(slip).await;
        }
        if self.scripts() {
            b.shows("[data-now=spent]", &FIRST.to_string()).await;
        } else {
            assert_ne!(b.text("[data-now=spent]").await, FIRST.to_string());
            b.go("#turnout a.button").await;
            assert_eq!(b.text("[data-now=spent]").await, FIRST.to_string());
        }
        // The box puts a state aside, which is published when ten more have come: however late that is, they are still to
        // come.
        let mut receipt = String::new();
        for slip in FIRST..ON_PHONES {
            receipt = vote(slip).await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        if self.scripts() {
            b.shows("[data-now=spent]", &ON_PHONES.to_string()).await;
        } else {
            b.go("#turnout a.button").await;
            assert_eq!(b.text("[data-now=spent]").await, ON_PHONES.to_string());
            while b.count("#live svg").await == 0 {
                b.go("#turnout a.button").await;
            }
        }
        self.receipt = receipt;
        b.find("#live svg").await;
        if self.scripts() {
            assert_eq!(b.count("[data-same-page]").await, 1, "the page kept itself up to date");
        }
        self.look("round-watched").await;
    }

    /// Where all slips went, confirmed by the scrutineer; the rest is voided and phones are stopped.
    async fn account_for_slips(&self) {
        let b = &self.browser;
        let members = MEMBERS.to_string();
        b.fill("#present", &members).await;
        b.go("#custody-form .button").await;
        let wrong = b.text("#custody-form .notice.bad").await;
        assert!(wrong.contains("发出票（张）：请填写这一项"), "each field is named: {wrong}");
        self.look("custody-refused").await;
        for (field, words) in [("handed_out", members.as_str()), ("spoiled", "1"), ("unused", "4")] {
            b.fill(&format!("#{field}"), words).await;
        }
        if self.scripts() {
            assert_eq!(b.text("#balance").await, "加起来正好，对得上。");
        }
        b.go("#custody-form .button").await;
        self.says("选票去向已保存").await;

        self.be("jian").await;
        self.step("").await;
        b.go("form[action$='/custody/confirm'] .button").await;
        self.says("选票去向已确认").await;
        b.go("a[href$='/void-slips']").await;
        let codes = self.codes[MEMBERS..].join("\n");
        b.fill("#codes", &format!("{codes}\n不是选票码")).await;
        b.go("main .button").await;
        assert!(b.text("#codes-error").await.contains("第 6 行"), "the line that is no code is pointed out");
        b.fill("#codes", &codes).await;
        b.go("main .button").await;
        assert_eq!(b.count(".lines li").await, SPARES);
        self.look("slips-voided").await;
        self.scan(MEMBERS, "slip_void", "member-void").await;

        self.be("chair").await;
        self.step("/stop").await;
        b.go("main .button").await;
        self.says("手机投票已停止").await;
        self.scan(ON_PHONES, "round_closed", "member-closed").await;
    }

    /// One teller's entry of a paper ballot.
    async fn enter(&self, who: &str, answer: &str, outcome: &str) {
        let b = &self.browser;
        self.be(who).await;
        self.step("/paper").await;
        b.fill("#slip", &self.codes[ON_PHONES]).await;
        for item in b.client.find_all(fantoccini::Locator::Css("fieldset")).await.unwrap() {
            let choice = format!("[value={answer}]");
            item.find(fantoccini::Locator::Css(&choice)).await.unwrap().click().await.unwrap();
        }
        b.go("main form .button").await;
        self.says(outcome).await;
    }

    /// Two tellers, first of different opinion.
    async fn enter_paper(&self) {
        let b = &self.browser;
        self.be("ji1").await;
        self.step("/paper").await;
        b.fill("#slip", "ABC").await;
        b.go("main form .button").await;
        b.find("#slip-error").await;
        self.look("paper-refused").await;
        self.enter("ji1", "satisfied", "等待另一名计票人").await;
        self.enter("ji2", "dissatisfied", "两人录入不一致").await;
        self.look("paper-differs").await;
        self.enter("ji2", "satisfied", "等待另一名计票人").await;
        self.enter("ji1", "satisfied", "已计入").await;
    }

    /// The count, its confirmation, the sheet.
    async fn count_and_certify(&self) {
        let b = &self.browser;
        self.be("chair").await;
        self.step("/close").await;
        b.go("main .button").await;
        self.says("开票完成").await;
        assert_eq!(b.count("[data-verdict]").await, 1);
        for who in ["jian", "ji2"] {
            self.be(who).await;
            self.step("").await;
            b.go("#confirm .button").await;
            self.says("结果已确认").await;
        }
        self.be("chair").await;
        self.step("/certify").await;
        b.go("main .button").await;
        assert!(b.text(".notice.bad").await.contains("公布方式：请填写这一项"));
        self.look("certify-refused").await;
        self.certify("会上宣布").await;
        self.says("结果报告单已签发").await;
    }

    async fn certify(&self, way: &str) {
        let fields = [
            ("problems", "食堂太挤"),
            ("rectification", "增加座位"),
            ("responsible", "程主席"),
            ("deadline", &day(30)),
            ("way", way),
            ("published_on", &day(0)),
        ];
        for (field, words) in fields {
            self.browser.fill(&format!("#{field}"), words).await;
        }
        self.browser.go("main .button").await;
    }

    /// The union above returns the sheet, the chair corrects it, the union above accepts.
    async fn report(&self, superior: &str) {
        let b = &self.browser;
        let oversight = self.round.replace("rounds", "oversight");
        b.sign_in(&demo().base, superior, "pingjia-demo").await;
        self.open(&oversight).await;
        b.go("[value=return]").await;
        b.find("#wrong").await;
        self.look("opinion-refused").await;
        b.fill("#reason", "请写明公布的地方").await;
        b.go("[value=return]").await;
        self.says("已退回").await;
        self.be("chair").await;
        self.step("").await;
        b.go("#next ~ p a.button").await;
        assert!(b.text("main").await.contains("请写明公布的地方"));
        self.certify("会上宣布，一楼公告栏张贴").await;
        self.says("更正后的结果报告单已签发").await;
        b.sign_in(&demo().base, superior, "pingjia-demo").await;
        self.open(&oversight).await;
        b.go("[value=accept]").await;
        self.says("已同意").await;
        self.look("oversight-accepted").await;
    }

    /// Nobody signed in: the sheet proves itself, and the receipt is in it.
    async fn look_up(&self) {
        let b = &self.browser;
        b.client.delete_all_cookies().await.unwrap();
        self.open(&format!("/V/{}", self.codes[0])).await;
        b.go("a[href^='/sheets/']").await;
        assert_eq!(b.count("[data-sound=true]").await, 1);
        assert!(b.text("main").await.contains("一楼公告栏"));
        self.look("sheet-of-round").await;
        self.open(&format!("/receipts?round={}", &self.codes[0][..5])).await;
        b.fill("#receipt", &self.receipt).await;
        b.go("button[type=submit]").await;
        b.find("[data-outcome=found]").await;
        self.look("receipt-found").await;
    }
}

/// Casts a ballot as a phone without scripts does; answers with the receipt.
pub async fn cast(code: &str, answer: &str) -> String {
    let address = demo().url(&format!("/V/{code}"));
    let client = reqwest::Client::new();
    let form = client.get(&address).send().await.unwrap().text().await.unwrap();
    let nonce = &form.split("name=\"n\" value=\"").nth(1).expect("a ballot")[..43];
    let mut fields = vec![("n", nonce), ("step", "cast")];
    fields.extend(form.split("type=\"radio\" name=\"").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once('"')?;
        rest.split('>').next()?.contains(&format!("\"{answer}\"")).then_some((name, answer))
    }));
    let thanks = client.post(&address).form(&fields).send().await.unwrap().text().await.unwrap();
    thanks.split("data-receipt=\"").nth(1).expect("thanks")[..29].to_owned()
}

async fn whole_round(phone: Phone, stem: &'static str, superior: &str) {
    let browser = Browser::start(phone).await;
    let mut walk = Walk { browser, stem, codes: Vec::new(), round: String::new(), receipt: String::new() };
    let password = walk.set_up_union(superior).await;
    walk.first_login("chair", &password, true).await;
    walk.look("desk-empty").await;
    for (who, password) in walk.add_people().await {
        walk.first_login(who, &password, false).await;
        walk.be("chair").await;
    }
    walk.prepare(superior, &day(0)[..4]).await;
    walk.print_slips().await;
    walk.scan(0, "round_not_open", "member-too-early").await;
    walk.cast_and_watch().await;
    walk.account_for_slips().await;
    walk.enter_paper().await;
    walk.count_and_certify().await;
    walk.report(superior).await;
    walk.look_up().await;
    walk.browser.close().await;
}

#[actix_web::test]
async fn a_round_from_the_first_login_to_the_accepted_sheet() {
    whole_round(PHONE, "youjiao", "shandong.shangji").await;
}

#[actix_web::test]
async fn the_same_round_without_scripts() {
    whole_round(Phone { scripts: false, ..PHONE }, "wujiao", "chaoyang.shangji").await;
}

#[actix_web::test]
async fn a_form_tapped_twice_is_sent_once() {
    let network = Network::before(&demo().base);
    let browser = Browser::start(PHONE).await;
    let chair = demo().account("chair", Some(&demo().round("reported")));
    browser.sign_in(&network.base, &chair, "pingjia-demo").await;
    browser.open(&format!("{}/people", network.base)).await;
    browser.click("#role [value=teller]").await;
    browser.fill("#name", "双击人").await;
    browser.fill("#username", "shuang.ji").await;
    // The second tap would be answered with “this name is taken”, and the password shown once would be lost.
    network.foretell(&[Weather::Held, Weather::Held]);
    let twice = "var b = document.querySelector('form.card .button'); b.click(); \
                 setTimeout(function () { b.click(); }, 300); return b.getAttribute('aria-busy')";
    // The driver answers when the page that the form leads to is there.
    let later = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        network.release();
    };
    let (busy, ()) = tokio::join!(browser.run(twice), later);
    assert_eq!(busy, json!("true"), "one sees that it is on its way");
    browser.find("[data-password]").await;
    network.met(1).await;
    assert_eq!(network.has_met(), 1, "it was sent once");
    browser.close().await;
}

#[actix_web::test]
async fn a_round_is_called_off() {
    let id = demo().rounds("draft").pop().expect("a draft");
    let browser = Browser::start(PHONE).await;
    browser.sign_in(&demo().base, &demo().account("chair", Some(&id)), "pingjia-demo").await;
    browser.open(&demo().url(&format!("/rounds/{id}/void"))).await;
    browser.go("main .button").await;
    assert_eq!(browser.text("#reason-error").await, "请填写这一项", "a reason is asked for");
    browser.inspect("void-refused").await;
    browser.fill("#reason", "会议改期").await;
    browser.go("main .button").await;
    assert!(browser.text("main").await.contains("本轮评议已作废"));
    browser.inspect("round-void").await;
    let left = browser.run("return document.querySelectorAll('main form').length").await;
    assert_eq!(left, json!(0), "nothing can be done with it any more");
    browser.close().await;
}
