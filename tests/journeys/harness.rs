//! A demo service, a browser, and a network that breaks on demand. All of them end with the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use data_encoding::BASE64;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// A program that ends when this process does: a shell waits for its standard input to close.
pub struct Running {
    _stdin: ChildStdin,
    pub first_line: String,
}

fn start(command: &mut Command, program: &Path, arguments: &[&str], is_ready: impl Fn(&str) -> bool) -> Running {
    let mut child: Child = command
        .arg("-c")
        .arg(r#""$0" "$@" </dev/null & child=$!; cat >/dev/null; kill $child"#)
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

    /// Names of the certified sheets, from the public pages of their rounds.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
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
        let capabilities = json!({"goog:chromeOptions": options, "pageLoadStrategy": "normal"});
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&driver_address())
            .await
            .expect("Chromium through chromedriver");
        let session = client.session_id().await.unwrap().unwrap();
        let browser = Browser { client, session };
        let scheme = if phone.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", media).await;
        browser.resize(phone.width, phone.height).await;
        browser
    }

    /// Gives the page this size, narrower than any window could be.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let address = format!("{}/session/{}/goog/cdp/execute", driver_address(), self.session);
        let body = json!({"cmd": command, "params": parameters}).to_string();
        let answer = reqwest::Client::new().post(address).body(body).send().await.unwrap().bytes().await.unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()["value"].clone()
    }

    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// The first element that matches, within ten seconds.
    pub async fn find(&self, css: &str) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(Duration::from_secs(40));
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Chooses the answer at `place` (from 1) for every item.
    pub async fn answer_all(&self, place: usize) {
        for item in self.client.find_all(Locator::Css(".item")).await.unwrap() {
            let answers = item.find_all(Locator::Css(".answer")).await.unwrap();
            answers[(place - 1).min(answers.len() - 1)].click().await.unwrap();
        }
    }

    /// Keeps a picture of the whole page in `target/screenshots`.
    pub async fn picture(&self, name: &str) {
        let size = self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let shot = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let data = self.devtools("Page.captureScreenshot", shot).await["data"].as_str().unwrap().to_owned();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), BASE64.decode(data.as_bytes()).unwrap()).unwrap();
    }

    /// Nothing sticks out at the side, so nobody has to scroll both ways.
    pub async fn assert_fits(&self, what: &str) {
        let script = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]";
        let widths = self.run(script).await;
        assert!(widths[0].as_u64() <= widths[1].as_u64(), "{what} is wider than the screen: {widths}");
    }

    /// Every element that matches is at least this wide and high, in CSS pixels.
    pub async fn assert_target(&self, css: &str, least: f64) {
        let script = "return Array.from(document.querySelectorAll(arguments[0])).map(function (e) { \
                      var r = e.getBoundingClientRect(); return [r.width, r.height]; })";
        let sizes = self.client.execute(script, vec![json!(css)]).await.unwrap();
        let sizes = sizes.as_array().unwrap();
        assert!(!sizes.is_empty(), "{css} is on the page");
        for size in sizes {
            assert!(size[0].as_f64() >= Some(least) && size[1].as_f64() >= Some(least), "{css}: {size}");
        }
    }

    /// axe-core finds nothing against WCAG 2.2 AA and its own best practices.
    pub async fn assert_accessible(&self, what: &str) {
        static AXE: OnceLock<String> = OnceLock::new();
        let axe = AXE.get_or_init(|| {
            let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe.min.js");
            let place = std::env::var_os("PINGJIA_AXE").map_or(default, PathBuf::from);
            std::fs::read_to_string(&place).unwrap_or_else(|error| {
                panic!("axe-core is not at {} ({error}); tests/run fetches it", place.display())
            })
        });
        self.client.execute(axe, Vec::new()).await.unwrap();
        let script = "var done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']})\
             .then(function (found) { done(found.violations.map(function (v) { \
             return v.id + ' ' + v.nodes.map(function (n) { return n.html + ' ' + n.failureSummary; }).join('; '); })); })";
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        assert_eq!(found, json!([]), "{what}");
    }

    pub async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// A network between browser and service that swallows the answers to the next few POSTs after the service has
/// answered them: the worst moment to break.
pub struct BadNetwork {
    pub base: String,
    swallow: &'static AtomicUsize,
}

impl BadNetwork {
    pub fn before(service: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let target = service.trim_start_matches("http://").to_owned();
        let swallow: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for incoming in listener.incoming().map_while(Result::ok) {
                let target = target.clone();
                std::thread::spawn(move || pass(incoming, &target, swallow));
            }
        });
        BadNetwork { base, swallow }
    }

    /// The answers to the next `count` POSTs are lost.
    pub fn swallow(&self, count: usize) {
        self.swallow.store(count, Ordering::SeqCst);
    }

    /// Waits until they are: then the service has stored what was sent.
    pub async fn swallowed(&self) {
        for _ in 0..400 {
            if self.swallow.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing was sent");
    }
}

/// Passes one request on and one answer back; the connection is not used again.
fn pass(mut incoming: TcpStream, target: &str, swallow: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(incoming.try_clone().ok()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut service = TcpStream::connect(target).ok()?;
    service.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
    service.write_all(&body).ok()?;
    let mut answer = Vec::new();
    service.read_to_end(&mut answer).ok()?;
    let lost = head.starts_with("POST")
        && swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if !lost {
        incoming.write_all(&answer).ok()?;
    }
    Some(())
}
