//! A union with its people signed in, and a round of it: any of the service's processes may be asked.

use std::net::SocketAddr;
use std::sync::Arc;

use pingjia::ballot_box::{BallotBox, IssuedSlips};
use pingjia::database::Database;
use pingjia::domain::account::{Account, Role};
use pingjia::domain::ids::{PollId, UnionId};
use pingjia::domain::poll::{Approval, Assembly, Facts, Phase, Poll, Refusal};
use pingjia::domain::rules::{PaperOptions, RuleRegistry};
use pingjia::domain::union::Category;
use pingjia::office::Office;
use pingjia::signing::SigningKeys;
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::polls::{self, NewPoll};
use pingjia::store::sessions::{self, SessionToken};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError};
use pingjia::world;
use reqwest::blocking::{Client, Response};
use reqwest::header::COOKIE;

use crate::support::days::day;
use crate::support::service::House;

/// Somebody signed in, at every process at once.
pub struct Person {
    account: Account,
    token: SessionToken,
    client: Client,
}

/// Status and text of an answer.
pub type Page = (u16, String);

impl Person {
    fn new(database: &Database, union: UnionId, role: Role, username: &str) -> Self {
        let new = NewAccount { username: username.to_owned(), role, union, name: format!("王{username}") };
        let digest = PasswordDigest::of("password", &[7; 16]).unwrap();
        let token = SessionToken::new(world::random_bytes());
        let account = database.write(|c| -> Result<Account, StoreError> {
            let account = accounts::create(c, &new, &digest, by())?;
            sessions::create(c, &account, &token, world::now())?;
            Ok(account)
        });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Person { account: account.unwrap(), token, client }
    }

    pub fn get(&self, at: SocketAddr, path: &str) -> Page {
        self.try_get(at, path).expect("a page")
    }

    /// The page, unless the process is not there or dies over it.
    pub fn try_get(&self, at: SocketAddr, path: &str) -> Option<Page> {
        let answer = self.client.get(format!("http://{at}{path}")).header(COOKIE, self.cookie()).send().ok()?;
        Some((answer.status().as_u16(), answer.text().ok()?))
    }

    pub fn post(&self, at: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.form_token();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("form_token", token.as_str())]).collect();
        read(self.client.post(format!("http://{at}{path}")).header(COOKIE, self.cookie()).form(&fields).send())
    }

    /// Posts and expects to be led on.
    pub fn step(&self, at: SocketAddr, path: &str, fields: &[(&str, &str)]) {
        let (status, text) = self.post(at, path, fields);
        assert_eq!(status, 303, "POST {path}: {text}");
    }

    fn cookie(&self) -> String {
        format!("pj_session={}", self.token.text())
    }
}

fn read(answer: reqwest::Result<Response>) -> Page {
    let answer = answer.expect("an answer");
    (answer.status().as_u16(), answer.text().expect("a whole page"))
}

fn by() -> By {
    By { account: None, at: world::now() }
}

/// A union and a round of it that is open.
pub struct Round {
    pub id: PollId,
    pub slips: IssuedSlips,
    pub chair: Person,
    pub scrutineer: Person,
    database: Database,
}

impl Round {
    /// Opens a round for so many members before any process serves.
    pub fn open(house: &House, members: u32) -> Self {
        let (database, ballots) = (house.database(), house.ballots());
        let rules = Arc::new(RuleRegistry::embedded().unwrap());
        let union = NewUnion {
            superior: None,
            name: "甲厂工会".to_owned(),
            credit_code: None,
            category: Category::Enterprise,
            rule_set: "qingdao-2020".to_owned(),
        };
        let union = database.write(|c| unions::create(c, &union, by())).unwrap();
        let chair = Person::new(&database, union.id, Role::Chair, "chair");
        let scrutineer = Person::new(&database, union.id, Role::Scrutineer, "scrutineer");
        let new = NewPoll {
            union: union.id,
            year: 2026,
            category: Category::Enterprise,
            rule_set: rules.require("qingdao-2020").unwrap().reference(),
            paper: rules.paper("qingdao-2020", Category::Enterprise, &PaperOptions::default()).unwrap(),
            facts: facts(members),
        };
        let mut draws = 0..;
        let id = database.write(|c| polls::create(c, &new, || draws.next().unwrap(), by())).unwrap().id;
        let load = || database.read(|c| polls::load(c, id)).unwrap().unwrap();
        let advance = |step: &dyn Fn(Phase) -> Result<Phase, Refusal>| {
            let moved = database
                .write(|c| -> Result<(), StoreError> { polls::advance(c, &load(), "poll.test", "", by(), step) });
            moved.unwrap();
        };
        advance(&Phase::ask_approval);
        advance(&|phase| phase.decide_approval(Approval::Approved { by: scrutineer.account.id }));
        let slips = ballots.issue_slips(&load(), members, 0, chair.account.id, world::now()).unwrap();
        let office = Office {
            database: database.clone(),
            ballot_box: ballots,
            keys: Arc::new(SigningKeys::load_or_create(&house.data()).unwrap()),
            rules,
            url: "http://test".to_owned(),
        };
        office.open(&load(), &union, chair.account.id, world::now()).unwrap();
        Round { id, slips, chair, scrutineer, database }
    }

    pub fn poll(&self) -> Poll {
        self.database.read(|c| polls::load(c, self.id)).unwrap().unwrap()
    }

    /// Custody, end of the phones, count and certificate, all through the pages of one process.
    pub fn end(&self, at: SocketAddr, members: usize) {
        let path = |step: &str| format!("/rounds/{}/{step}", self.id);
        let count = members.to_string();
        let custody = [("present", count.as_str()), ("handed_out", &count), ("spoiled", "0"), ("unused", "0")];
        self.chair.step(at, &path("custody"), &custody);
        let version = self.poll().version.to_string();
        self.scrutineer.step(at, &path("custody/confirm"), &[("version", &version)]);
        self.chair.step(at, &path("stop"), &[]);
        self.chair.step(at, &path("close"), &[]);
        self.scrutineer.step(at, &path("result/confirm"), &[]);
        self.chair.step(at, &path("certify"), &[("way", "公告栏"), ("published_on", &day(0))]);
    }

    /// The receipts as published, read by a box of the test's own.
    pub fn receipts(&self, ballots: &BallotBox) -> Vec<pingjia::domain::slip::Receipt> {
        ballots.receipts(self.id).unwrap().expect("published")
    }
}

fn facts(members: u32) -> Facts {
    let today = world::date_in_china(world::now());
    Facts {
        title: "2026年度会员评议职工之家".to_owned(),
        assembly: Assembly::Members,
        place: "礼堂".to_owned(),
        begins: today,
        ends: today,
        ends_at: None,
        member_total: members,
        expected: members,
        chief_scrutineer: "李监票".to_owned(),
        scrutineers: Vec::new(),
        tellers: vec!["赵计票".to_owned(), "孙计票".to_owned()],
        chair: "王主席".to_owned(),
        applying_for: None,
        indicators: std::collections::BTreeMap::new(),
    }
}
