//! A service in this process with a small tree of unions, people, and rounds held through the real ballot box.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use pingjia::database::Kind;
use pingjia::domain::account::{Account, Role};
use pingjia::domain::ballot::Ballot;
use pingjia::domain::ids::{PollId, UnionId};
use pingjia::domain::paper::{Answer, Scale};
use pingjia::domain::poll::{Approval, Assembly, Custody, Facts, Phase, Poll};
use pingjia::domain::rules::PaperOptions;
use pingjia::domain::slip::FormNonce;
use pingjia::domain::union::{Category, Union};
use pingjia::office::{Closing, Office};
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError, polls};
use pingjia::world;
use rand::Rng as _;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use tempfile::TempDir;

use crate::support::application::{self, Application};
use crate::support::installation::Installation;
use crate::support::tables::BIG;

pub const PASSWORD: &str = "a-sample-password";
pub const YEAR: u16 = 2026;

pub struct House {
    pub office: Office,
    pub base: String,
    _installation: Installation,
    _folder: TempDir,
}

impl House {
    /// An empty installation, served.
    pub fn on(kind: Kind) -> Self {
        let installation = Installation::new(kind);
        let folder = tempfile::tempdir().unwrap();
        let database = installation.database();
        let ballot_box = installation.try_start(database.clone()).unwrap();
        let Application { office, base, .. } =
            application::serve(database, ballot_box, &installation.vaults(), folder.path());
        House { office, base, _installation: installation, _folder: folder }
    }

    pub fn union(&self, above: Option<&Union>, name: &str, category: Category) -> Union {
        self.union_under(above, name, category, "qingdao-2020")
    }

    /// A union with a rule set of its own.
    pub fn union_under(&self, above: Option<&Union>, name: &str, category: Category, rule_set: &str) -> Union {
        let new = NewUnion {
            superior: above.map(|union| union.id),
            name: name.to_owned(),
            credit_code: None,
            category,
            rule_set: rule_set.to_owned(),
        };
        self.office.database.write(|c| unions::create(c, &new, nobody())).unwrap()
    }

    /// An account; signs in with [`PASSWORD`].
    pub fn account(&self, union: &Union, role: Role, username: &str) -> Account {
        // Hashing is slow on purpose: once is enough.
        static DIGEST: OnceLock<PasswordDigest> = OnceLock::new();
        let digest = DIGEST.get_or_init(|| PasswordDigest::of(PASSWORD, &[7; 16]).unwrap());
        let new =
            NewAccount { username: username.to_owned(), role, union: union.id, name: format!("{username}本人") };
        self.office.database.write(|c| accounts::create(c, &new, digest, nobody())).unwrap()
    }

    /// A draft whose electorate waits for approval.
    pub fn asked(&self, union: &Union, expected: u32) -> PollId {
        let today = world::date_in_china(world::now());
        let rules = &self.office.rules;
        let new = polls::NewPoll {
            union: union.id,
            year: YEAR,
            category: union.category,
            rule_set: rules.get(&union.rule_set).unwrap().reference(),
            paper: rules.paper(&union.rule_set, union.category, &PaperOptions::default()).unwrap(),
            facts: Facts {
                title: "2026年度会员评议职工之家".to_owned(),
                assembly: Assembly::Members,
                place: "礼堂".to_owned(),
                begins: today,
                ends: today,
                ends_at: None,
                member_total: expected,
                expected,
                chief_scrutineer: "甲".to_owned(),
                scrutineers: vec!["乙".to_owned()],
                tellers: vec!["丙".to_owned()],
                chair: "丁".to_owned(),
                applying_for: None,
                indicators: BTreeMap::new(),
            },
        };
        let mut rng = world::rng();
        let poll = self.office.database.write(|c| polls::create(c, &new, || rng.next_u32(), nobody())).unwrap();
        self.step(poll.id, "poll.ask", Phase::ask_approval);
        poll.id
    }

    pub fn load(&self, id: PollId) -> Poll {
        self.office.database.read(|c| polls::load(c, id)).unwrap().unwrap()
    }

    fn step(
        &self,
        id: PollId,
        action: &str,
        step: impl FnOnce(Phase) -> Result<Phase, pingjia::domain::poll::Refusal>,
    ) {
        let poll = self.load(id);
        let done: Result<(), StoreError> =
            self.office.database.write(|c| polls::advance(c, &poll, action, "", nobody(), step));
        done.unwrap();
    }

    /// A round that is open, in which so many were satisfied and so many not.
    pub fn open(&self, union: &Union, chair: &Account, satisfied: usize, dissatisfied: usize) -> PollId {
        let expected = u32::try_from(satisfied + dissatisfied).unwrap();
        let id = self.asked(union, expected);
        self.step(id, "poll.approve", |phase| phase.decide_approval(Approval::Approved { by: chair.id }));
        let office = &self.office;
        let slips = office.ballot_box.issue_slips(&self.load(id), expected, 0, chair.id, world::now()).unwrap();
        office.open(&self.load(id), union, chair.id, world::now()).unwrap();
        let poll = self.load(id);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for (place, slip) in slips.roll.iter().enumerate() {
            let said = if place < satisfied { Answer::Satisfied } else { Answer::Dissatisfied };
            let answers = poll.paper.items.iter().map(|item| match item.scale {
                Scale::Satisfaction => Some(said),
                _ => item.scale.answers().first().copied(),
            });
            let ballot = Ballot::from_answers(&poll.paper, answers.collect()).unwrap();
            let nonce = FormNonce(world::random_bytes());
            runtime.block_on(office.ballot_box.cast(id, slip, &nonce, &ballot)).unwrap();
        }
        id
    }

    /// The same, counted, confirmed and certified.
    pub fn certified(&self, union: &Union, chair: &Account, satisfied: usize, dissatisfied: usize) -> PollId {
        self.certified_with(union, chair, satisfied, dissatisfied, &Closing::default())
    }

    /// The same with what the chair adds to the figures.
    pub fn certified_with(
        &self,
        union: &Union,
        chair: &Account,
        satisfied: usize,
        dissatisfied: usize,
        closing: &Closing,
    ) -> PollId {
        let id = self.open(union, chair, satisfied, dissatisfied);
        let handed_out = u32::try_from(satisfied + dissatisfied).unwrap();
        let custody = Custody { present: handed_out, handed_out, spoiled: 0, unused: 0, confirmed_by: None };
        self.step(id, "poll.custody", |phase| phase.count_custody(custody));
        self.step(id, "poll.custody_confirm", |phase| phase.confirm_custody(chair.id));
        let office = &self.office;
        office.ballot_box.stop_phones(id, chair.id, world::now()).unwrap();
        office.ballot_box.close(&self.load(id), chair.id, world::now()).unwrap();
        let scrutineer = self.account(union, Role::Scrutineer, &format!("scrutineer{id}"));
        self.step(id, "poll.confirm_result", |phase| phase.confirm_result(scrutineer.id));
        office.certify(&self.load(id), closing, nobody()).unwrap();
        id
    }

    /// Somebody signed in.
    pub fn sign_in(&self, username: &str) -> Person {
        self.sign_in_with(username, PASSWORD).unwrap_or_else(|status| panic!("{username} signs in: {status}"))
    }

    pub fn sign_in_with(&self, username: &str, password: &str) -> Result<Person, StatusCode> {
        let redirect = reqwest::redirect::Policy::none();
        let client = Client::builder().cookie_store(true).redirect(redirect).build().unwrap();
        let person = Person { client, base: self.base.clone() };
        let answer = person.post_raw("/login", &[("username", username), ("password", password)]);
        if answer.status() == StatusCode::SEE_OTHER { Ok(person) } else { Err(answer.status()) }
    }

    /// Everything that GETs must leave as it is: how many rows each table has, and the versions of rounds.
    pub fn fingerprint(&self) -> Vec<i64> {
        use diesel::prelude::*;
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let counted = BIG.iter().map(|table| format!("SELECT count(*) AS n FROM {table}"));
        let versions = ["poll", "rectification", "title"];
        let versions =
            versions.iter().map(|table| format!("SELECT CAST(coalesce(sum(version), 0) AS BIGINT) AS n FROM {table}"));
        let queries: Vec<String> = counted.chain(versions).collect();
        self.office
            .database
            .read(|c| -> Result<Vec<i64>, pingjia::database::DatabaseError> {
                queries.iter().map(|query| Ok(diesel::sql_query(query).get_result::<Count>(c)?.n)).collect()
            })
            .unwrap()
    }
}

pub fn nobody() -> By {
    By { account: None, at: world::now() }
}

pub fn id_of(union: UnionId) -> String {
    union.to_string()
}

/// A browser without JavaScript.
pub struct Person {
    client: Client,
    base: String,
}

/// What came back.
pub struct Page {
    pub status: StatusCode,
    pub location: String,
    pub text: String,
    pub bytes: Vec<u8>,
}

impl Page {
    fn of(answer: Response) -> Self {
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let (status, bytes) = (answer.status(), answer.bytes().unwrap().to_vec());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Page { status, location: location.unwrap_or_default(), text, bytes }
    }

    /// What stands between two pieces of text, every time.
    pub fn between(&self, before: &str, after: &str) -> Vec<String> {
        self.text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).map(str::to_owned).collect()
    }

    /// The ids of the unions in the table.
    pub fn unions(&self) -> Vec<i64> {
        self.between("data-union=\"", "\"").iter().map(|id| id.parse().unwrap()).collect()
    }
}

impl Person {
    pub fn get(&self, path: &str) -> Page {
        let answer = self.client.get(format!("{}{path}", self.base)).header("accept", "text/html").send().unwrap();
        Page::of(answer)
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        self.client.get(format!("{}{path}", self.base)).send().unwrap().bytes().unwrap().to_vec()
    }

    fn post_raw(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.client.post(format!("{}{path}", self.base)).header("accept", "text/html").form(fields).send().unwrap()
    }

    /// Sends a form with the token that the pages of this session carry.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        Page::of(self.post_raw(path, &all))
    }

    /// Sends a form with a file.
    pub fn upload(&self, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Page {
        let token = self.token();
        let mut body = Vec::new();
        for (name, value) in [("form_token", token.as_str())].iter().chain(fields) {
            body.extend_from_slice(
                format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        body.extend_from_slice(
            b"--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"u.csv\"\r\nContent-Type: text/csv\r\n\r\n",
        );
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--XyZ--\r\n");
        let request = self.client.post(format!("{}{path}", self.base)).header("accept", "text/html");
        Page::of(request.header("content-type", "multipart/form-data; boundary=XyZ").body(body).send().unwrap())
    }

    fn token(&self) -> String {
        self.get("/password").between("name=\"form_token\" value=\"", "\"").remove(0)
    }
}
