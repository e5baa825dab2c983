//! A service in this process with two unions, their people signed in, and rounds to run.

use pingjia::ballot_box::{BallotBox, IssuedSlips, Options};
use pingjia::database::Database;
use pingjia::domain::account::{Account, Role};
use pingjia::domain::ballot::Ballot;
use pingjia::domain::ids::{PollId, UnionId};
use pingjia::domain::poll::{Approval, Assembly, Facts, Phase, Poll, Refusal};
use pingjia::domain::rules::PaperOptions;
use pingjia::domain::slip::{FormNonce, SlipCode};
use pingjia::domain::union::{Category, Union};
use pingjia::office::Office;
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::polls::{self, NewPoll};
use pingjia::store::sessions::{self, SessionToken};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError};
use pingjia::world;
use reqwest::blocking::{Client, Response};
use reqwest::header::{COOKIE, LOCATION};

use crate::support::application::{self, Application};

/// Somebody signed in.
pub struct Person {
    pub account: Account,
    pub token: SessionToken,
    pub base: String,
    client: Client,
}

/// An answer as tests look at it.
pub struct Page {
    pub status: u16,
    pub location: String,
    pub text: String,
}

impl Person {
    /// Asks for a page.
    pub fn get(&self, path: &str) -> Page {
        read(self.client.get(format!("{}{path}", self.base)).header(COOKIE, self.cookie()).send().unwrap())
    }

    /// Opens a stream.
    pub fn stream(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).header(COOKIE, self.cookie()).send().unwrap()
    }

    /// Sends a form of this session.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.form_token();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("form_token", token.as_str())]).collect();
        self.post_bare(path, &fields)
    }

    /// Sends a form as it is.
    pub fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.client.post(format!("{}{path}", self.base)).header(COOKIE, self.cookie());
        read(request.form(fields).send().unwrap())
    }

    fn cookie(&self) -> String {
        format!("pj_session={}", self.token.text())
    }
}

fn read(response: Response) -> Page {
    let location = response.headers().get(LOCATION).map_or("", |place| place.to_str().unwrap()).to_owned();
    Page { status: response.status().as_u16(), location, text: response.text().unwrap() }
}

/// A union and its people.
pub struct Staff {
    pub union: Union,
    pub chair: Person,
    pub scrutineer: Person,
    pub tellers: [Person; 3],
}

/// The service.
pub struct House {
    pub office: Office,
    pub superior: Union,
    pub officer: Person,
    pub ours: Staff,
    pub theirs: Staff,
    _folder: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vaults = [folder.path().join("vault-a"), folder.path().join("vault-b")];
        let database = Database::sqlite(&folder.path().join("pingjia.db")).unwrap();
        let options = Options { vaults: vaults.to_vec(), queue_limit: 64 };
        let ballot_box = BallotBox::start(database.clone(), options).unwrap();
        let Application { office, base, .. } = application::serve(database, ballot_box, &vaults, folder.path());
        let superior = union(&office, None, "示范区总工会", Category::CountyUnion);
        let officer = person(&office, &base, superior.id, Role::Superior, "officer", "钱上级");
        let ours = staff(&office, &base, &superior, "a", "甲厂工会");
        let theirs = staff(&office, &base, &superior, "b", "乙厂工会");
        House { office, superior, officer, ours, theirs, _folder: folder }
    }

    /// The round as it stands.
    pub fn poll(&self, id: PollId) -> Poll {
        self.office.database.read(|c| polls::load(c, id)).unwrap().unwrap()
    }

    /// A round of our union that is open, with its slips.
    pub fn open(&self, expected: u32, spares: u32) -> (PollId, IssuedSlips) {
        let chair = &self.ours.chair.account;
        let by = By { account: Some(chair.id), at: world::now() };
        let today = world::date_in_china(by.at);
        let rules = &self.office.rules;
        let new = NewPoll {
            union: self.ours.union.id,
            year: 2026,
            category: Category::Enterprise,
            rule_set: rules.require("qingdao-2020").unwrap().reference(),
            paper: rules.paper("qingdao-2020", Category::Enterprise, &PaperOptions::default()).unwrap(),
            facts: Facts {
                title: "2026年度会员评议职工之家".to_owned(),
                assembly: Assembly::Members,
                place: "礼堂".to_owned(),
                begins: today,
                ends: today,
                ends_at: None,
                member_total: expected,
                expected,
                chief_scrutineer: "李监票".to_owned(),
                scrutineers: Vec::new(),
                tellers: vec!["赵计票".to_owned(), "孙计票".to_owned()],
                chair: "王主席".to_owned(),
                applying_for: None,
                indicators: std::collections::BTreeMap::new(),
            },
        };
        let mut draws = 0..;
        let id = self.office.database.write(|c| polls::create(c, &new, || draws.next().unwrap(), by)).unwrap().id;
        self.advance(id, Phase::ask_approval);
        let approved = Approval::Approved { by: self.officer.account.id };
        self.advance(id, |phase| phase.decide_approval(approved));
        let slips = self.office.ballot_box.issue_slips(&self.poll(id), expected, spares, chair.id, by.at).unwrap();
        self.office.open(&self.poll(id), &self.ours.union, chair.id, by.at).unwrap();
        (id, slips)
    }

    fn advance(&self, id: PollId, step: impl FnOnce(Phase) -> Result<Phase, Refusal>) {
        let poll = self.poll(id);
        let by = By { account: None, at: world::now() };
        let moved = self
            .office
            .database
            .write(|c| -> Result<(), StoreError> { polls::advance(c, &poll, "poll.test", "", by, step) });
        moved.unwrap();
    }

    /// Casts on a phone.
    pub fn cast(&self, id: PollId, slip: &SlipCode, answer: &str) {
        let ballot = Ballot::parse(&self.poll(id).paper, [("home", answer)]).unwrap();
        let nonce = FormNonce(world::random_bytes());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(self.office.ballot_box.cast(id, slip, &nonce, &ballot)).unwrap();
    }

    /// The superior's word on the sheet in force.
    pub fn opine(&self, id: PollId, accepted: bool, text: &str) {
        let poll = self.poll(id);
        self.office.opine(&poll, &self.superior, &self.officer.account, accepted, text, world::now()).unwrap();
    }
}

fn union(office: &Office, superior: Option<UnionId>, name: &str, category: Category) -> Union {
    let new =
        NewUnion { superior, name: name.to_owned(), credit_code: None, category, rule_set: "qingdao-2020".to_owned() };
    let by = By { account: None, at: world::now() };
    office.database.write(|c| unions::create(c, &new, by)).unwrap()
}

fn staff(office: &Office, base: &str, superior: &Union, stem: &str, name: &str) -> Staff {
    let union = union(office, Some(superior.id), name, Category::Enterprise);
    let new = |role, suffix: &str, name: &str| person(office, base, union.id, role, &format!("{stem}.{suffix}"), name);
    Staff {
        chair: new(Role::Chair, "chair", "王主席"),
        scrutineer: new(Role::Scrutineer, "scrutineer", "李监票"),
        tellers: [
            new(Role::Teller, "teller1", "赵计票"),
            new(Role::Teller, "teller2", "孙计票"),
            new(Role::Teller, "teller3", "周计票"),
        ],
        union,
    }
}

fn person(office: &Office, base: &str, union: UnionId, role: Role, username: &str, name: &str) -> Person {
    let new = NewAccount { username: username.to_owned(), role, union, name: name.to_owned() };
    let at = world::now();
    let by = By { account: None, at };
    // Nobody signs in with a password here.
    let digest = PasswordDigest::of("password", &[7; 16]).unwrap();
    let token = SessionToken::new(world::random_bytes());
    let account = office
        .database
        .write(|c| -> Result<Account, StoreError> {
            let account = accounts::create(c, &new, &digest, by)?;
            sessions::create(c, &account, &token, at)?;
            Ok(account)
        })
        .unwrap();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Person { account, token, base: base.to_owned(), client }
}
