//! A demo service and a browser. Both end with the test process.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// A program that ends when this process does, with all that it started: a shell waits for its standard input to close.
pub struct Running {
    _stdin: ChildStdin,
    pub first_line: String,
}

pub fn start(command: &mut Command, program: &Path, arguments: &[&str], is_ready: impl Fn(&str) -> bool) -> Running {
    let mut child: Child = command
        .arg("-c")
        .arg(r#"setsid "$0" "$@" </dev/null & child=$!; cat >/dev/null; pkill -TERM -s $child"#)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first_line = lines.by_ref().map_while(Result::ok).find(|line| is_ready(line));
    let first_line = first_line.unwrap_or_else(|| panic!("{} did not start", program.display()));
    std::thread::spawn(move || lines.for_each(drop));
    Running { _stdin: child.stdin.take().unwrap(), first_line }
}

/// The demo: sample rounds of every phase, served.
pub struct Demo {
    _running: Running,
    pub base: String,
    links: Vec<String>,
    taken: AtomicUsize,
    pub told: Value,
}

/// The one demo that all journeys share.
pub fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journeys");
        for folder in [data.clone(), data.with_extension("vault"), PathBuf::from(format!("{}-vault", data.display()))] {
            let _ = std::fs::remove_dir_all(folder);
        }
        let program = Path::new(env!("CARGO_BIN_EXE_pingjia"));
        let arguments = ["demo", "--json", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let running = start(&mut Command::new("sh"), program, &arguments, |line| line.starts_with('{'));
        let told: Value = serde_json::from_str(&running.first_line).unwrap();
        let open = told["polls"].as_array().unwrap().iter().find(|poll| poll["phase"] == "open").unwrap();
        let links = open["ballot_links"].as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned());
        Demo {
            base: told["base_url"].as_str().unwrap().to_owned(),
            links: links.collect(),
            taken: AtomicUsize::new(0),
            _running: running,
            told,
        }
    })
}

impl Demo {
    /// The link of a slip that no other journey uses.
    pub fn link(&self) -> String {
        self.links[self.taken.fetch_add(1, Ordering::Relaxed)].clone()
    }

    /// The path of such a link.
    pub fn path(&self) -> String {
        self.link()[self.base.len()..].to_owned()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// What the demo says about itself.
impl Demo {
    fn polls(&self) -> impl Iterator<Item = &Value> {
        self.told["polls"].as_array().unwrap().iter()
    }

    /// All rounds in this phase.
    pub fn rounds(&self, phase: &str) -> Vec<String> {
        let polls = self.polls().filter(|poll| poll["phase"] == phase);
        polls.map(|poll| poll["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The first round in this phase.
    pub fn round(&self, phase: &str) -> String {
        self.rounds(phase).into_iter().next().unwrap_or_else(|| panic!("a round that is {phase}"))
    }

    /// The round whose rectification has come so far: `reported`, `returned` or `checked`.
    pub fn rectified(&self, how: &str) -> String {
        let poll = self.polls().find(|poll| poll["rectification"] == how);
        poll.unwrap_or_else(|| panic!("a rectification that is {how}"))["id"].as_str().unwrap().to_owned()
    }

    /// The union that holds a round, if there is such a round.
    pub fn union_of(&self, round: &str) -> Option<&str> {
        self.polls().find(|poll| poll["id"] == round)?["union"].as_str()
    }

    /// Somebody of this role who has to do with this round.
    pub fn account(&self, role: &str, round: Option<&str>) -> String {
        let rule_set = |union: &str| &self.polls().find(|poll| poll["union"] == union).unwrap()["rule_set"];
        let accounts = self.told["accounts"].as_array().unwrap();
        let fits = |account: &&Value| {
            let union = round.and_then(|round| self.union_of(round));
            let above = |union: &str| {
                rule_set(union).as_str().unwrap().split('-').next()
                    == account["username"].as_str().unwrap().split('.').next()
            };
            account["role"] == role
                && union.is_none_or(|union| account["union"] == union || (role == "superior" && above(union)))
        };
        accounts.iter().find(fits).expect("an account")["username"].as_str().unwrap().to_owned()
    }

    /// Name and path of one certified sheet per jurisdiction.
    pub fn sheets(&self) -> Vec<(&'static str, String)> {
        let names = [
            ("qingdao-2020", "sheet-qingdao"),
            ("shandong-2018", "sheet-shandong"),
            ("hohhot-2020", "sheet-hohhot"),
            ("changzhou-2016", "sheet-changzhou"),
            ("chaoyang-2013", "sheet-chaoyang"),
        ];
        let path = |rules: &str| {
            let found = self.polls().find(|poll| poll["rule_set"] == rules && poll["sheet"].is_string());
            format!("/sheets/{}", found.expect("a certified round")["sheet"].as_str().unwrap())
        };
        names.into_iter().map(|(rules, name)| (name, path(rules))).collect()
    }
}

/// What kind of phone it is.
#[derive(Clone, Copy)]
pub struct Phone {
    pub width: u32,
    pub height: u32,
    /// The reader's own text size in CSS pixels; browsers come with 16.
    pub text: u32,
    pub scripts: bool,
    pub dark: bool,
}

/// An ordinary phone.
pub const PHONE: Phone = Phone { width: 390, height: 800, text: 16, scripts: true, dark: false };

/// A browser of one's own.
pub struct Browser {
    pub client: Client,
    pub phone: Phone,
    /// What was found wrong with the pages so far.
    pub faults: RefCell<Vec<String>>,
    /// The request that brought the document on the screen, as devtools name it.
    pub document: RefCell<String>,
    session: String,
}

fn driver() -> &'static Running {
    static DRIVER: OnceLock<Running> = OnceLock::new();
    DRIVER.get_or_init(|| {
        // Chinese in screenshots comes from the fonts in this repository, whatever the machine has.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fonts");
        std::fs::create_dir_all(&folder).unwrap();
        let fonts = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fonts");
        let conf = format!(
            "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"><fontconfig><dir>{}</dir>\
             <dir>/usr/share/fonts</dir><cachedir>{}</cachedir></fontconfig>",
            fonts.display(),
            folder.join("cache").display()
        );
        std::fs::write(folder.join("fonts.conf"), conf).unwrap();
        let mut shell = Command::new("sh");
        shell.env("FONTCONFIG_FILE", folder.join("fonts.conf"));
        start(&mut shell, Path::new("chromedriver"), &["--port=0"], |line| {
            line.contains("started successfully on port")
        })
    })
}

fn driver_address() -> String {
    let port: String = driver().first_line.chars().filter(char::is_ascii_digit).collect();
    format!("http://127.0.0.1:{port}")
}

impl Browser {
    /// Starts Chromium as this phone. Fails when there is no chromedriver.
    pub async fn start(phone: Phone) -> Self {
        // It takes its time to start.
        std::thread::spawn(crate::inspect::checker);
        let mut preferences = json!({"webkit.webprefs.default_font_size": phone.text});
        if !phone.scripts {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
        ];
        let options = json!({"args": arguments, "prefs": preferences});
        let capabilities = json!({"goog:chromeOptions": options, "pageLoadStrategy": "normal",
            "goog:loggingPrefs": {"performance": "ALL"}});
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&driver_address())
            .await
            .expect("Chromium through chromedriver");
        let session = client.session_id().await.unwrap().unwrap();
        let browser = Browser { client, phone, faults: RefCell::default(), document: RefCell::default(), session };
        browser.colours(if phone.dark { "dark" } else { "light" }).await;
        browser.resize(phone.width, phone.height).await;
        browser
    }

    /// Gives the page this size, narrower than any window could be.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.driver("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Asks chromedriver for what WebDriver does not have.
    pub async fn driver(&self, what: &str, body: Value) -> Value {
        let address = format!("{}/session/{}/{what}", driver_address(), self.session);
        let answer = reqwest::Client::new().post(address).body(body.to_string()).send().await.unwrap();
        serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap()["value"].clone()
    }

    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// Asks until there is an answer: a page that is just leaving answers with errors of all kinds.
    async fn patiently<T>(&self, what: &str, ask: impl AsyncFn() -> Result<T, CmdError>) -> T {
        let mut last = None;
        for _ in 0..1600 {
            match ask().await {
                Ok(answer) => return answer,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what}: {last:?}");
    }

    /// The first element that matches, once there is one.
    pub async fn find(&self, css: &str) -> Element {
        self.patiently(css, async || self.client.find(Locator::Css(css)).await).await
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks what leads to another page, and waits until that is there.
    pub async fn go(&self, css: &str) {
        let before = self.client.find(Locator::Css("html")).await.unwrap();
        self.click(css).await;
        for _ in 0..2400 {
            let left = before.tag_name().await.is_err_and(|error| error.is_stale_element_reference());
            if left
                && self
                    .client
                    .execute("return document.readyState", Vec::new())
                    .await
                    .is_ok_and(|state| state == "complete")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{css} leads nowhere");
    }

    /// Goes back, and waits until the page is there to be seen: one that the browser kept asks first whether its login
    /// still goes on.
    pub async fn back(&self) {
        self.client.back().await.unwrap();
        let there = "return document.readyState === 'complete' && \
                     getComputedStyle(document.documentElement).visibility === 'visible'";
        for _ in 0..1600 {
            // A page that is just leaving answers with an error.
            if self.client.execute(there, Vec::new()).await.is_ok_and(|there| there == true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the page before stays out of sight");
    }

    pub async fn text(&self, css: &str) -> String {
        self.patiently(css, async || self.client.find(Locator::Css(css)).await?.text().await).await
    }

    /// Waits until this element says so.
    pub async fn shows(&self, css: &str, words: &str) {
        for _ in 0..600 {
            let found = self.client.find(Locator::Css(css)).await;
            // An element may be replaced while it is read.
            if let Ok(element) = found
                && element.text().await.is_ok_and(|text| text.contains(words))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{css} never says {words}");
    }

    /// Cuts this browser off its network, or lets it on again.
    pub async fn set_offline(&self, offline: bool) {
        let conditions = json!({"offline": offline, "latency": 0, "throughput": 500_000});
        self.driver("chromium/network_conditions", json!({"network_conditions": conditions})).await;
    }

    pub async fn count(&self, css: &str) -> usize {
        self.patiently(css, async || Ok(self.client.find_all(Locator::Css(css)).await?.len())).await
    }

    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Puts these words in a field, in the place of what is in it. Dates are set as they are sent: 2026-11-20.
    pub async fn fill(&self, css: &str, words: &str) {
        let field = self.find(css).await;
        let kind = field.attr("type").await.unwrap().unwrap_or_default();
        if kind == "date" {
            let script = "arguments[0].value = arguments[1]";
            let field = serde_json::to_value(field).unwrap();
            self.client.execute(script, vec![field, json!(words)]).await.unwrap();
            return;
        }
        field.clear().await.unwrap();
        field.send_keys(words).await.unwrap();
    }

    /// Signs somebody in, and whoever was signed in out.
    pub async fn sign_in(&self, base: &str, username: &str, password: &str) {
        self.client.delete_all_cookies().await.unwrap();
        self.open(&format!("{base}/login")).await;
        self.fill("#username", username).await;
        self.fill("#password", password).await;
        self.go("main button").await;
        self.find("form[action='/logout']").await;
    }

    /// The path of the page.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Chooses the answer at `place` (from 1) for every item.
    pub async fn answer_all(&self, place: usize) {
        for item in self.client.find_all(Locator::Css(".item")).await.unwrap() {
            let answers = item.find_all(Locator::Css(".answer")).await.unwrap();
            answers[(place - 1).min(answers.len() - 1)].click().await.unwrap();
        }
    }

    /// Ends it; fails if something was found wrong with the pages.
    pub async fn close(self) {
        self.client.close().await.unwrap();
        let faults = self.faults.into_inner();
        assert!(faults.is_empty(), "{} faults, listed above", faults.len());
    }
}
