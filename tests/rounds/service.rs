//! A service for one test, and people who use it with plain forms.

use std::collections::BTreeMap;

use actix_web::dev::ServerHandle;
use diesel::RunQueryDsl as _;
use pingjia::ballot_box::BallotBox;
use pingjia::database::{Database, Kind};
use pingjia::domain::account::Role;
use pingjia::domain::ids::{PollId, UnionId};
use pingjia::domain::rules::RuleRegistry;
use pingjia::domain::union::{Category, Union};
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError, polls};
use pingjia::world;
use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;

use crate::support::application;
use crate::support::installation::Installation;

/// The password of everybody whom [`Service::new`] creates.
pub const PASSWORD: &str = "一个够长的测试密码";

/// A running service with two branches of unions below 市总工会, which has a superior `shi`.
///
/// | union | people |
/// |---|---|
/// | 甲厂工会 | `jia-chair`, `jia-scrutineer`, `jia-teller1`, `jia-teller2` |
/// | 乙区总工会 | `yi-superior` |
/// | 乙厂工会, below 乙区总工会 | `yi-chair`, `yi-scrutineer`, `yi-teller1` |
pub struct Service {
    pub base: String,
    pub database: Database,
    pub ballot_box: BallotBox,
    pub jia: Union,
    handles: Vec<ServerHandle>,
    pub installation: Installation,
}

impl Drop for Service {
    fn drop(&mut self) {
        for handle in &self.handles {
            drop(handle.stop(false));
        }
    }
}

fn by() -> By {
    By { account: None, at: world::now() }
}

fn union(database: &Database, superior: Option<UnionId>, name: &str, category: Category) -> Union {
    let new =
        NewUnion { superior, name: name.to_owned(), credit_code: None, category, rule_set: "qingdao-2020".to_owned() };
    database.write(|c| unions::create(c, &new, by())).unwrap()
}

/// Serves an installation by these rule sets: the address, and what ends it.
fn serve(
    rules: RuleRegistry,
    installation: &Installation,
    database: Database,
    ballot_box: BallotBox,
) -> (String, ServerHandle) {
    let data = tempfile::tempdir().unwrap();
    let served = application::serve_by(rules, database, ballot_box, &installation.vaults(), data.path());
    (served.base, served.handle)
}

impl Service {
    pub fn new() -> Self {
        Service::on(Kind::Sqlite)
    }

    pub fn on(kind: Kind) -> Self {
        let installation = Installation::new(kind);
        let database = installation.database();
        let ballot_box = installation.start();
        let city = union(&database, None, "市总工会", Category::GeneralUnion);
        let jia = union(&database, Some(city.id), "甲厂工会", Category::Enterprise);
        let district = union(&database, Some(city.id), "乙区总工会", Category::GeneralUnion);
        let yi = union(&database, Some(district.id), "乙厂工会", Category::Enterprise);
        let digest = PasswordDigest::of(PASSWORD, &[7; 16]).unwrap();
        let people = [
            ("shi", Role::Superior, &city),
            ("operator", Role::Operator, &city),
            ("jia-chair", Role::Chair, &jia),
            ("jia-scrutineer", Role::Scrutineer, &jia),
            ("jia-teller1", Role::Teller, &jia),
            ("jia-teller2", Role::Teller, &jia),
            ("yi-superior", Role::Superior, &district),
            ("yi-chair", Role::Chair, &yi),
            ("yi-scrutineer", Role::Scrutineer, &yi),
            ("yi-teller1", Role::Teller, &yi),
        ];
        for (username, role, home) in people {
            let new = NewAccount { username: username.into(), role, union: home.id, name: format!("张{username}") };
            database.write(|c| accounts::create(c, &new, &digest, by())).unwrap();
        }
        let rules = RuleRegistry::embedded().unwrap();
        let (base, handle) = serve(rules, &installation, database.clone(), ballot_box.clone());
        Service { base, database, ballot_box, jia, handles: vec![handle], installation }
    }

    /// Serves the same installation once more, as another process would: its address.
    pub fn beside(&mut self) -> String {
        self.beside_by(RuleRegistry::embedded().unwrap())
    }

    /// The same by other rule sets.
    pub fn beside_by(&mut self, rules: RuleRegistry) -> String {
        let installation = &self.installation;
        let (base, handle) = serve(rules, installation, installation.database(), installation.start());
        self.handles.push(handle);
        base
    }

    /// Somebody who is not signed in.
    pub fn anybody(&self) -> Person {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
        Person { client, base: self.base.clone(), token: String::new() }
    }

    /// Signs somebody in.
    pub fn person(&self, username: &str) -> Person {
        self.signed_in(username, PASSWORD)
    }

    pub fn signed_in(&self, username: &str, password: &str) -> Person {
        let mut person = self.anybody();
        let answer = person.post_raw("/login", &[("username", username), ("password", password)]);
        assert_eq!(answer.status(), 303, "{username} signs in");
        let page = person.get("/password");
        person.token = page.field("form_token").unwrap_or_else(|| panic!("a form token in {}", page.body));
        person
    }

    /// The newest round of a union.
    pub fn round_of(&self, union: UnionId) -> PollId {
        let polls = self.database.read(|c| polls::of_union(c, union)).unwrap();
        polls.into_iter().map(|poll| poll.id).max().expect("a round")
    }

    /// Code of the phase of a round.
    pub fn phase(&self, poll: PollId) -> &'static str {
        self.database.read(|c| polls::load(c, poll)).unwrap().unwrap().phase.code()
    }

    /// Everything in the database, table by table.
    pub fn contents(&self) -> BTreeMap<String, Vec<String>> {
        #[derive(diesel::QueryableByName)]
        struct Text {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let read = |sql: &str| -> Vec<String> {
            let rows = self
                .database
                .read(|c| -> Result<Vec<Text>, StoreError> { Ok(diesel::sql_query(sql).load::<Text>(c)?) });
            rows.unwrap().into_iter().map(|row| row.text).collect()
        };
        let tables = read("SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
        assert!(tables.len() > 10, "the tables are found: {tables:?}");
        let content = |table: &String| {
            let columns = read(&format!("SELECT name AS text FROM pragma_table_info('{table}')"));
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let mut rows = read(&format!("SELECT {} AS text FROM \"{table}\"", quoted.join(" || ',' || ")));
            rows.sort();
            rows
        };
        tables.iter().map(|table| (table.clone(), content(table))).collect()
    }
}

/// A browser without scripts.
pub struct Person {
    client: Client,
    base: String,
    /// The form token of the session.
    pub token: String,
}

/// What came back.
pub struct Page {
    pub status: u16,
    pub location: String,
    pub body: String,
}

impl Page {
    fn of(response: Response) -> Self {
        let location = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        Page {
            status: response.status().as_u16(),
            location: location.unwrap_or_default(),
            body: response.text().unwrap_or_default(),
        }
    }

    /// The value of the first input of this name.
    pub fn field(&self, name: &str) -> Option<String> {
        let inputs = self.body.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        inputs
            .into_iter()
            .find(|input| attribute(input, "name") == Some(name))
            .and_then(|input| attribute(input, "value").map(str::to_owned))
    }

    /// The text of the element that carries this attribute.
    pub fn marked(&self, attribute: &str) -> Vec<String> {
        let texts = self.body.split(attribute).skip(1);
        texts.filter_map(|rest| Some(rest.split_once('>')?.1.split('<').next()?.trim().to_owned())).collect()
    }

    /// The stable code of a problem page.
    pub fn problem(&self) -> String {
        self.marked("data-problem").into_iter().next().unwrap_or_default()
    }
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split_once(&format!("{name}=\""))?.1.split('"').next()
}

impl Person {
    pub fn get(&self, path: &str) -> Page {
        Page::of(self.client.get(format!("{}{path}", self.base)).send().unwrap())
    }

    /// GET without reading the body: for streams.
    pub fn head_of(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().unwrap()
    }

    /// Posts a form of a page of this session.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut fields = fields.to_vec();
        fields.push(("form_token", &self.token));
        Page::of(self.post_raw(path, &fields))
    }

    /// Posts and expects to be led on.
    pub fn step(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.post(path, fields);
        assert_eq!(page.status, 303, "POST {path}: {}", page.body);
        page
    }

    /// Fills in the form of a page that posts to `action`, its hidden fields included, submits it, and expects to be led on.
    pub fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.fill(page, action, fields);
        assert_eq!(answer.status, 303, "POST {action}: {}", answer.body);
        answer
    }

    /// The same, whatever the answer; fields given count before hidden ones.
    pub fn fill(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let shown = self.get(page);
        let form = shown.body.split("<form").find(|form| attribute(form, "action") == Some(action));
        let form = form.unwrap_or_else(|| panic!("a form for {action} on {page}: {}", shown.body));
        let form = form.split("</form>").next().unwrap();
        let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        let hidden = inputs.filter(|input| attribute(input, "type") == Some("hidden"));
        let hidden = hidden.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
        let all: Vec<(&str, &str)> = fields.iter().copied().chain(hidden).collect();
        Page::of(self.post_raw(action, &all))
    }

    /// Posts exactly these fields.
    pub fn post_raw(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.client.post(format!("{}{path}", self.base)).form(fields).send().unwrap()
    }

    /// Posts a file and reads it.
    pub fn file(&self, path: &str, fields: &[(&str, &str)]) -> (String, Vec<u8>) {
        let mut fields = fields.to_vec();
        fields.push(("form_token", &self.token));
        let response = self.post_raw(path, &fields);
        assert_eq!(response.status(), 200, "POST {path}");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, response.bytes().unwrap().to_vec())
    }

    /// Any request at all.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::blocking::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// The same browser at another process.
    pub fn at(&self, base: &str) -> Person {
        Person { client: self.client.clone(), base: base.to_owned(), token: self.token.clone() }
    }

    pub fn send(request: reqwest::blocking::RequestBuilder) -> Page {
        Page::of(request.send().unwrap())
    }
}
