//! The pictures of the help pages: taken from a demo of their own, kept with a description of what they show, and
//! refused when a page no longer looks like its picture. `PINGJIA_PICTURES=update` takes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{Browser, PHONE, start};

/// Most that a picture may weigh, in bytes.
const HEAVIEST: usize = 40 * 1024;
/// How far a box may have moved or grown sideways, in CSS pixels, since digits differ in width.
const LEEWAY: i64 = 12;
/// What of a page is described: what people read or press, with what they would notice when it changes.
/// Runs of ASCII (dates, codes, figures) become `#`, since every demo has others.
const DESCRIBE: &str = r"
var lines = [], high = window.innerHeight;
document.querySelectorAll('h1,h2,h3,p,li,label,legend,th,td,dt,dd,button,a,summary,input,select,textarea,figcaption,.phrase').forEach(function (e) {
  var r = e.getBoundingClientRect(), s = getComputedStyle(e);
  if (e.closest('details:not([open])') && e.tagName !== 'SUMMARY') return;
  if (r.width < 2 || r.height < 2 || r.left < 0 || r.top < 0 || r.bottom > high || s.visibility !== 'visible') return;
  var own = Array.from(e.childNodes).filter(function (n) { return n.nodeType === 3; }).map(function (n) { return n.data; }).join(' ');
  var text = own.replace(/[\x21-\x7e]+/g, '#').replace(/\s+/g, ' ').trim();
  if (!text && !/^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(e.tagName)) return;
  lines.push([Math.round(r.left), Math.round(r.width), e.tagName.toLowerCase() + ' ' + s.color + ' ' + s.backgroundColor + ' ' + s.fontSize + ' ' + text].join(' '));
});
return lines.join('\n') + '\n';";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares or writes one picture.
struct Album {
    updates: bool,
    wrong: Vec<String>,
}

impl Album {
    fn places(name: &str) -> (PathBuf, PathBuf) {
        let picture = repository().join(format!("web/static/help-{name}.png"));
        (picture, repository().join(format!("tests/journeys/help/{name}.txt")))
    }

    /// What the browser shows now, against what was kept under this name.
    async fn keep(&mut self, browser: &Browser, name: &str) {
        let shown = browser.run(DESCRIBE).await.as_str().unwrap().to_owned();
        assert!(shown.lines().count() > 3, "{name} shows something: {shown}");
        let (picture, description) = Self::places(name);
        if self.updates {
            let bytes = with_palette(&browser.client.screenshot().await.unwrap());
            assert!(bytes.len() <= HEAVIEST, "{name} weighs {} bytes", bytes.len());
            std::fs::write(description, format!("{}\n{shown}", digest(&bytes))).unwrap();
            std::fs::write(picture, bytes).unwrap();
            return;
        }
        let Ok(bytes) = std::fs::read(&picture) else {
            return self.wrong.push(format!("{} is missing", picture.display()));
        };
        let kept = std::fs::read_to_string(&description).unwrap_or_default();
        let (hash, kept) = kept.split_once('\n').unwrap_or_default();
        if hash != digest(&bytes) {
            self.wrong.push(format!(
                "{} is not the picture that {} describes",
                picture.display(),
                description.display()
            ));
        }
        if let Some(difference) = difference(kept, &shown) {
            self.wrong.push(format!("{name} no longer shows its page: {difference}"));
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The first line in which two descriptions differ by more than the leeway.
fn difference(kept: &str, shown: &str) -> Option<String> {
    let apart = |one: &str, other: &str| {
        let parts = |line: &str| {
            let mut parts = line.splitn(3, ' ').map(str::to_owned);
            let mut number = || parts.next().and_then(|word| word.parse::<i64>().ok()).unwrap_or(i64::MIN / 4);
            (number(), number(), parts.next().unwrap_or_default())
        };
        let (a, b) = (parts(one), parts(other));
        a.2 != b.2 || (a.0 - b.0).abs() > LEEWAY || (a.1 - b.1).abs() > LEEWAY
    };
    let (mut kept, mut shown) = (kept.lines(), shown.lines());
    loop {
        match (kept.next(), shown.next()) {
            (None, None) => return None,
            (Some(one), Some(other)) if !apart(one, other) => {}
            (one, other) => {
                let mut words = String::new();
                write!(words, "picture: {one:?}, page: {other:?}").unwrap();
                return Some(words);
            }
        }
    }
}

/// The same picture with at most 256 colours, which is all that our pages need: of those that are alike, the one that
/// covers most, so that what is large keeps its colour.
fn with_palette(picture: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let samples = frame.color_type.samples();
    let colour = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
    let mut alike = std::collections::BTreeMap::<[u8; 3], std::collections::BTreeMap<[u8; 3], usize>>::new();
    for pixel in pixels[..frame.buffer_size()].chunks(samples).map(colour) {
        *alike.entry(pixel.map(|value| value / 16)).or_default().entry(pixel).or_default() += 1;
    }
    let covers = |colours: &std::collections::BTreeMap<[u8; 3], usize>| colours.values().sum::<usize>();
    let mut alike: Vec<_> = alike.into_values().collect();
    alike.sort_by_key(|colours| std::cmp::Reverse(covers(colours)));
    alike.truncate(256);
    let most = |colours: &std::collections::BTreeMap<[u8; 3], usize>| {
        colours.iter().max_by_key(|(_, count)| **count).map(|(colour, _)| *colour)
    };
    let palette: Vec<[u8; 3]> = alike.iter().filter_map(most).collect();
    let far = |one: &[u8; 3], other: &[u8; 3]| -> u32 {
        one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    let mut known = std::collections::BTreeMap::<[u8; 3], u8>::new();
    let mut place = |colour: [u8; 3]| {
        *known.entry(colour).or_insert_with(|| {
            let nearest = (0..palette.len()).min_by_key(|place| far(&palette[*place], &colour)).unwrap();
            u8::try_from(nearest).unwrap()
        })
    };
    let data: Vec<u8> = pixels[..frame.buffer_size()].chunks(samples).map(|pixel| place(colour(pixel))).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, frame.width, frame.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    out
}

/// Signs in as the account whose username is given.
async fn sign_in(browser: &Browser, base: &str, username: &str) {
    browser.client.delete_all_cookies().await.unwrap();
    browser.resize(1000, 700).await;
    browser.open(&format!("{base}/login")).await;
    browser.find("#username").await.send_keys(username).await.unwrap();
    browser.find("#password").await.send_keys("pingjia-demo").await.unwrap();
    browser.click("main form .button").await;
    browser.find(".bar form").await;
}

/// Opens a page at a size, with what matches at its top.
async fn show(browser: &Browser, address: &str, (width, height): (u32, u32), css: &str) {
    browser.resize(width, height).await;
    browser.open(address).await;
    browser.find(css).await;
    let script =
        "document.activeElement.blur(); document.querySelector(arguments[0]).scrollIntoView(); window.scrollBy(0, -8)";
    browser.client.execute(script, vec![Value::from(css)]).await.unwrap();
}

#[actix_web::test]
async fn help_shows_the_pages_as_they_are() {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("help");
    for folder in [data.clone(), PathBuf::from(format!("{}-vault", data.display()))] {
        let _ = std::fs::remove_dir_all(folder);
    }
    let arguments = ["demo", "--json", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let program = Path::new(env!("CARGO_BIN_EXE_pingjia"));
    let running = start(&mut Command::new("sh"), program, &arguments, |line| line.starts_with('{'));
    let told: Value = serde_json::from_str(&running.first_line).unwrap();
    let base = told["base_url"].as_str().unwrap();
    let poll = |member: &str, value: &str| {
        told["polls"].as_array().unwrap().iter().find(|poll| poll[member] == value).unwrap()
    };
    let round = |phase: &str| poll("phase", phase);
    let rectified = |how: &str| poll("rectification", how);
    let address = |of: &Value, rest: &str| format!("{base}/rounds/{}{rest}", of["id"].as_str().unwrap());
    let account = |role: &str, of: &Value| {
        let fits = |person: &&Value| person["role"] == role && (role == "superior" || person["union"] == of["union"]);
        told["accounts"].as_array().unwrap().iter().find(fits).unwrap()["username"].as_str().unwrap()
    };
    let mut album =
        Album { updates: std::env::var("PINGJIA_PICTURES").is_ok_and(|word| word == "update"), wrong: Vec::new() };
    let browser = Browser::start(PHONE).await;

    show(&browser, round("open")["ballot_links"][0].as_str().unwrap(), (390, 640), "body").await;
    album.keep(&browser, "ballot").await;
    browser.answer_all(1).await;
    browser.click(".cast .button").await;
    browser.find("[data-receipt]").await;
    album.keep(&browser, "thanks").await;

    sign_in(&browser, base, account("chair", round("open"))).await;
    show(&browser, &address(round("open"), ""), (900, 720), "body").await;
    album.keep(&browser, "open").await;
    show(&browser, &address(round("open"), ""), (900, 560), "#custody").await;
    album.keep(&browser, "custody").await;
    sign_in(&browser, base, account("chair", round("closed"))).await;
    show(&browser, &address(round("closed"), ""), (900, 620), "#result").await;
    album.keep(&browser, "result").await;
    show(&browser, &address(round("closed"), ""), (900, 190), "#keys").await;
    album.keep(&browser, "keys").await;
    sign_in(&browser, base, account("chair", rectified("returned"))).await;
    show(&browser, &address(rectified("returned"), ""), (900, 1020), "#rectification").await;
    album.keep(&browser, "rectification").await;
    sign_in(&browser, base, account("teller", round("counting"))).await;
    show(&browser, &address(round("counting"), "/paper"), (390, 640), "body").await;
    album.keep(&browser, "paper").await;
    sign_in(&browser, base, account("superior", round("open"))).await;
    for (path, name) in [("/desk", "area"), ("/approvals", "approvals")] {
        show(&browser, &format!("{base}{path}"), (900, 620), "body").await;
        album.keep(&browser, name).await;
    }
    let to_check = address(rectified("reported"), "").replace("/rounds/", "/oversight/");
    show(&browser, &to_check, (900, 800), "#rectification").await;
    album.keep(&browser, "check").await;
    browser.close().await;
    assert!(album.wrong.is_empty(), "{}\nPINGJIA_PICTURES=update takes new pictures", album.wrong.join("\n"));
}

#[test]
fn a_page_that_changed_is_noticed() {
    let kept = "10 200 h1 rgb(0, 0, 0) 投票\n10 90 a rgb(1, 1, 1) 帮助\n";
    assert_eq!(difference(kept, &kept.replace("200", "205")), None, "digits differ in width");
    for changed in [
        kept.replace("投票", "选举"),
        kept.replace("90", "190"),
        kept.replace("10 90", "90 90"),
        kept.replace("(1,", "(9,"),
        kept.lines().next().unwrap().to_owned(),
    ] {
        assert!(difference(kept, &changed).is_some(), "{changed}");
    }
}
