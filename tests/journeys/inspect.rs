//! Looking at one page the way its judges do: valid HTML, axe-core, nothing cut off or sticking out at any width or text
//! size, targets large enough, and a picture of it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::{Browser, Running, start};

/// The widths in CSS pixels at which every page is looked at: a small and an ordinary phone, a tablet, a desk.
const WIDTHS: [u32; 4] = [320, 390, 768, 1280];
/// The reader's own text size at which body text is 30 px: 112.5 % of it.
const LARGE_TEXT: f64 = 26.67;

/// Where the pictures of all pages are kept.
pub fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn tool(variable: &str, file: &str) -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(file);
    let place = std::env::var_os(variable).map_or(default, PathBuf::from);
    assert!(place.exists(), "{file} is not at {}; tests/run fetches it", place.display());
    place
}

/// The Nu HTML checker, as a service of its own.
pub fn checker() -> &'static str {
    static CHECKER: OnceLock<(Running, String)> = OnceLock::new();
    let (_, address) = CHECKER.get_or_init(|| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = format!(
            "echo started; exec java -Xmx256m -Dnu.validator.servlet.bind-address=127.0.0.1 -cp '{}' \
             nu.validator.servlet.Main {port} >/dev/null 2>&1",
            tool("PINGJIA_VNU", "vnu.jar").display()
        );
        let running = start(&mut Command::new("sh"), Path::new("sh"), &["-c", &script], |line| line == "started");
        for _ in 0..3000 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (running, format!("http://127.0.0.1:{port}/?out=json"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the HTML checker does not start: is Java installed?")
    });
    address
}

/// Messages that are not about us: the packaged checker of 2025 does not know what the standard has by now, and what
/// some old browser leaves out does no harm.
fn is_beside_the_point(message: &Value) -> bool {
    let words = message["message"].as_str().unwrap_or_default();
    words.starts_with("Attribute “autocorrect” not allowed") || words.contains("is not supported in all browsers")
}

/// What the Nu HTML checker finds: errors and warnings.
async fn faults(html: String) -> Vec<String> {
    let request = reqwest::Client::new().post(checker()).header("User-Agent", "pingjia");
    let request = request.header("Content-Type", "text/html; charset=utf-8");
    let answer = request.body(html).send().await.unwrap().bytes().await.unwrap();
    let told: Value = serde_json::from_slice(&answer).unwrap();
    let messages = told["messages"].as_array().unwrap().iter().filter(|message| !is_beside_the_point(message));
    messages
        .map(|message| format!("{} in line {}: {}", message["type"], message["lastLine"], message["message"]))
        .collect()
}

/// Finds text outside the page or its box, drawings with tiny letters, and targets too small for a finger.
const MEASURE: &str = include_str!("measure.js");

impl Browser {
    /// Looks at the page from all sides and keeps pictures named `<what>-<look>.png`. What is wrong is gathered, and
    /// [`Browser::close`] fails on it.
    pub async fn inspect(&self, what: &str) {
        self.valid_html(what).await;
        for width in WIDTHS {
            self.resize(width, 900).await;
            self.fits(&format!("{what} at {width}")).await;
            self.picture(&format!("{what}-{width}")).await;
            if width == 390 {
                self.accessible(what).await;
            }
        }
        self.accessible(&format!("{what} at 1280")).await;
        self.resize(390, 900).await;
        self.colours("dark").await;
        self.contrast(&format!("{what} in the dark")).await;
        self.picture(&format!("{what}-dark")).await;
        self.colours("light").await;
        for width in [390, 320] {
            self.resize(width, 900).await;
            self.text_size(LARGE_TEXT).await;
            self.fits(&format!("{what} at {width} with text of 30 px")).await;
        }
        self.picture_of_large_text(&format!("{what}-320-text-30")).await;
        self.text_size(16.0).await;
        self.resize(self.phone.width, self.phone.height).await;
    }

    /// The short look, for pages that another journey inspects: valid, within the screen, accessible.
    pub async fn glance(&self, what: &str) {
        self.valid_html(what).await;
        self.fits(what).await;
        self.accessible(what).await;
        self.picture(&format!("{what}-{}", self.phone.width)).await;
    }

    /// `light` or `dark`, as the phone is set.
    pub async fn colours(&self, scheme: &str) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The reader's own text size in CSS pixels.
    async fn text_size(&self, pixels: f64) {
        self.devtools("Page.setFontSizes", json!({"fontSizes": {"standard": pixels.round()}})).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, name: &str) {
        let size = self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let shot = json!({"format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true, "clip": clip});
        let data = self.devtools("Page.captureScreenshot", shot).await["data"].as_str().unwrap().to_owned();
        std::fs::write(pictures().join(format!("{name}.png")), BASE64.decode(data.as_bytes()).unwrap()).unwrap();
    }

    /// Keeps a picture of the whole page in a window as high as it: a picture that goes beyond the window forgets the
    /// reader's own text size.
    async fn picture_of_large_text(&self, name: &str) {
        let height = self.run("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        self.resize(320, u32::try_from(height).unwrap()).await;
        let data = self.devtools("Page.captureScreenshot", json!({"format": "png"})).await;
        let size = self.run("return parseFloat(getComputedStyle(document.body).fontSize)").await;
        assert!(size.as_f64() >= Some(30.0), "{name} shows text of {size} px");
        let data = data["data"].as_str().unwrap().as_bytes().to_vec();
        std::fs::write(pictures().join(format!("{name}.png")), BASE64.decode(&data).unwrap()).unwrap();
    }

    /// The page as the service sent it, whatever the method that asked for it.
    pub async fn sent_html(&self) -> String {
        if let Some(request) = self.documents().await.pop() {
            self.document.replace(request);
        }
        let request = self.document.borrow().clone();
        let answer = self.devtools("Network.getResponseBody", json!({"requestId": request})).await;
        let content = answer["body"].as_str().unwrap_or_else(|| panic!("no body: {answer}"));
        if answer["base64Encoded"] == true {
            return String::from_utf8(BASE64.decode(content.as_bytes()).unwrap()).unwrap();
        }
        content.to_owned()
    }

    /// The names of the requests for documents that were answered since this was asked last.
    async fn documents(&self) -> Vec<String> {
        let log = self.driver("se/log", json!({"type": "performance"})).await;
        let events = log.as_array().unwrap().iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            let document = event["method"] == "Network.responseReceived" && event["params"]["type"] == "Document";
            document.then(|| event["params"]["requestId"].as_str().unwrap().to_owned())
        });
        events.collect()
    }

    async fn valid_html(&self, what: &str) {
        for fault in faults(self.sent_html().await).await {
            self.complain(format!("{what}: {fault}"));
        }
    }

    /// Nothing sticks out at the side or is cut off, letters in drawings can be read, fingers meet their target.
    pub async fn fits(&self, what: &str) {
        for fault in self.run(MEASURE).await.as_array().unwrap() {
            self.complain(format!("{what}: {fault}"));
        }
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
    pub async fn accessible(&self, what: &str) {
        self.axe("{resultTypes: ['violations']}", what).await;
    }

    /// axe-core finds no text with too little contrast.
    async fn contrast(&self, what: &str) {
        self.axe("{resultTypes: ['violations'], runOnly: ['color-contrast', 'link-in-text-block']}", what).await;
    }

    async fn axe(&self, options: &str, what: &str) {
        static AXE: OnceLock<String> = OnceLock::new();
        // It does not run where scripts do not; the same page is looked at with scripts.
        if !self.phone.scripts {
            return;
        }
        let axe = AXE.get_or_init(|| std::fs::read_to_string(tool("PINGJIA_AXE", "axe.min.js")).unwrap());
        if self.run("return typeof axe").await == "undefined" {
            self.client.execute(axe, Vec::new()).await.unwrap();
        }
        let script = format!(
            "var done = arguments[arguments.length - 1]; axe.run(document, {options})\
             .then(function (found) {{ done(found.violations.map(function (v) {{ \
             return v.id + ' ' + v.nodes.map(function (n) {{ return n.html + ' ' + n.failureSummary; }}).join('; '); }})); }})"
        );
        for fault in self.client.execute_async(&script, Vec::new()).await.unwrap().as_array().unwrap() {
            self.complain(format!("{what}: {fault}"));
        }
    }

    fn complain(&self, fault: String) {
        eprintln!("{fault}");
        self.faults.borrow_mut().push(fault);
    }
}
