//! Sheets are verified by programs that are not ours: the commands of `docs/verify.md`, run as they stand there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is a failed test"
)]

mod tools;

use std::path::Path;
use std::process::{Command, Output};

use pingjia::domain::jwk::KeySet;
use pingjia::domain::jws::Statement;
use pingjia::signing::SigningKeys;
use tools::Folder;

const FILES: [&str; 4] = ["sheet.json", "jwks.json", "openings.json", "opinion.json"];

/// The fenced block of the page with this heading, e.g. `sh openssl`.
fn block(heading: &str) -> String {
    let page = include_str!("../docs/verify.md");
    let start = format!("```{heading}\n");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no block `{heading}`"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// The opening statement of the golden sheet's round, as the union above received it.
fn opening() -> String {
    let sheet = Statement::parse(include_bytes!("golden/sheet.json")).unwrap();
    sheet.payload()["proof"]["opening_statement"].as_str().unwrap().to_owned()
}

/// A folder with the golden sheet, its keys, its openings, and the page's scripts.
fn folder() -> Folder {
    let folder = Folder::new();
    for name in FILES {
        folder.write(name, &std::fs::read(Path::new("tests/golden").join(name)).unwrap());
    }
    folder.write("opening.json", opening().as_bytes());
    for script in ["jose.py", "split.py", "recount.py", "face.py", "opening.py"] {
        folder.write(script, block(&format!("python {script}")).as_bytes());
    }
    folder
}

/// Runs a shell block of the page in the folder. Debian's Python, which has the modules, goes before any other.
fn page_command(folder: &Folder, name: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_pingjia")).parent().unwrap();
    let path = format!("/usr/bin:{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &block(&format!("sh {name}"))]).current_dir(folder.path()).env("PATH", path);
    shell.output().expect("a shell is needed for this test")
}

fn succeeds(folder: &Folder, name: &str) -> String {
    let output = page_command(folder, name);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let missing = "install what tests/run lists: openssl, python3, python3-jwcrypto";
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "`{name}` of docs/verify.md: {text}{errors}\n({missing})");
    text
}

/// Replaces the first occurrence in one of the folder's files.
fn alter(folder: &Folder, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
    assert!(text.contains(from), "{file} holds {from}");
    folder.write(file, text.replacen(from, to, 1).as_bytes());
}

#[test]
fn our_own_command_as_on_the_page() {
    let folder = folder();
    let text = succeeds(&folder, "pingjia");
    assert!(text.contains("核验通过") && !text.contains('✗'), "{text}");
}

#[test]
fn a_jose_library_verifies_the_sheet() {
    let folder = folder();
    assert!(succeeds(&folder, "jose").contains("EdDSA signature holds"));
    // Another payload under the same signature.
    let sheet: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("sheet.json")).unwrap()).unwrap();
    let payload = sheet["payload"].as_str().unwrap();
    let tail = &payload[payload.len() - 12..];
    alter(&folder, "sheet.json", tail, &tail.chars().rev().collect::<String>());
    assert!(!page_command(&folder, "jose").status.success(), "a changed payload");
}

#[test]
fn openssl_verifies_both_signatures_from_files_alone() {
    let folder = folder();
    let text = succeeds(&folder, "openssl");
    assert_eq!(text.matches("Signature Verified Successfully").count(), 2, "{text}");
    let sheet = Statement::parse(&std::fs::read(folder.path().join("sheet.json")).unwrap()).unwrap();
    assert!(text.contains(&sheet.digest().to_string()), "the digest on the sheet: {text}");
    let verify = |number: &str, more: &[&str]| {
        let (key, input) = (format!("{number}.pem"), format!("{number}.input"));
        let signature = format!("{number}.signature");
        let mut arguments = vec!["pkeyutl", "-verify", "-pubin", "-inkey", &key, "-rawin"];
        arguments.extend(["-in", &input, "-sigfile", &signature]);
        arguments.extend(more);
        Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap().status.success()
    };
    let sm2 = ["-digest", "sm3", "-pkeyopt", "distid:1234567812345678"];
    assert!(verify("1", &[]) && verify("2", &sm2));
    for number in ["1", "2"] {
        alter(&folder, &format!("{number}.input"), ".", "..");
    }
    assert!(!verify("1", &[]) && !verify("2", &sm2), "a changed input");
}

#[test]
fn openssl_verifies_the_opinion_and_the_printed_file() {
    let folder = folder();
    let text = succeeds(&folder, "opinion");
    assert_eq!(text.matches("Signature Verified Successfully").count(), 2, "{text}");
    folder.write("sheet.pdf", &tools::printed());
    let text = succeeds(&folder, "face");
    assert!(text.contains("as the issuer signed it") && text.contains("Signature Verified Successfully"), "{text}");
    // One figure of the page, by a byte.
    let mut pdf = tools::printed();
    let place = pdf.windows(6).position(|window| window == b"/Title").unwrap() + 12;
    pdf[place] ^= 1;
    folder.write("sheet.pdf", &pdf);
    assert!(!page_command(&folder, "face").status.success(), "an altered file");
}

#[test]
fn the_opening_statement_that_was_received_is_the_one_of_the_sheet() {
    let folder = folder();
    let text = succeeds(&folder, "opening");
    assert!(text.contains("fixed before the first ballot"), "{text}");
    assert_eq!(text.matches("Signature Verified Successfully").count(), 2, "{text}");
    // A statement of another roll, which nobody signed.
    let payload = opening();
    let payload = payload.split('"').nth(3).unwrap();
    let stated = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    let other = String::from_utf8(stated).unwrap().replacen("\"roll_root\":\"", "\"roll_root\":\"0", 1);
    alter(&folder, "opening.json", payload, &data_encoding::BASE64URL_NOPAD.encode(other.as_bytes()));
    assert!(!page_command(&folder, "opening").status.success(), "another statement");
}

#[test]
fn anyone_can_count_again_in_python() {
    let folder = folder();
    assert!(succeeds(&folder, "recount").contains("recounted: 24 ballots"));
    // One vote in another column.
    let openings = std::fs::read_to_string(folder.path().join("openings.json")).unwrap();
    let (_, after) = openings.split_once("\"dissatisfied\":[").unwrap();
    let vote = after.split(']').next().unwrap();
    let moved = openings.replacen(&format!("\"dissatisfied\":[{vote}]"), "\"dissatisfied\":[]", 1).replacen(
        "\"satisfied\":[",
        &format!("\"satisfied\":[{vote},"),
        1,
    );
    folder.write("openings.json", moved.as_bytes());
    assert!(!page_command(&folder, "recount").status.success(), "a moved vote");
}

#[test]
fn every_exit_code_of_verify() {
    let folder = folder();
    let verify = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
        command.arg("verify").args(arguments).current_dir(folder.path()).output().unwrap().status.code()
    };
    assert_eq!(verify(&["sheet.json", "--key", "jwks.json", "--openings", "openings.json"]), Some(0));
    assert_eq!(verify(&["sheet.json"]), Some(3));
    assert_eq!(verify(&["sheet.json", "--key", "jwks.json", "--opening", "opening.json"]), Some(0));
    assert_eq!(verify(&["sheet.json", "--opening", "opinion.json"]), Some(2), "no opening statement");
    assert_eq!(verify(&["opening.json"]), Some(2), "no sheet");
    assert_eq!(verify(&["sheet.json", "--key", "sheet.json"]), Some(2), "no JWK set");
    assert_eq!(verify(&["nothing.json"]), Some(2));
    assert_eq!(verify(&["sheet.json", "--receipt", "abc"]), Some(2));
    let openings: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("openings.json")).unwrap()).unwrap();
    let receipt = openings["receipts"][5].as_str().unwrap().to_lowercase();
    let with = |receipt: &str| {
        verify(&["sheet.json", "--key", "jwks.json", "--openings", "openings.json", "--receipt", receipt])
    };
    assert_eq!(with(&receipt), Some(0));
    assert_eq!(with("0000-0000-0000-0000-0000-0000"), Some(1));
    alter(&folder, "jwks.json", "UDDReOZl1ipXAfp9", "UDDReOZl1ipXAfp8");
    assert_eq!(verify(&["sheet.json", "--key", "jwks.json"]), Some(2), "a set with a wrong thumbprint");
}

#[test]
fn keys_on_disk_are_those_that_openssl_reads_and_makes() {
    let data = tempfile::tempdir().unwrap();
    let keys = data.path().join("keys");
    SigningKeys::load_or_create(data.path()).unwrap();
    let shown = tools::run("openssl", &["pkey", "-in", &keys.join("ed25519.pem").to_string_lossy(), "-text", "-noout"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("ED25519 Private-Key"));
    // A key that the operator made with the page's command.
    let made = Command::new("sh").args(["-ec", &block("sh sm2")]).current_dir(&keys).output().unwrap();
    assert!(made.status.success(), "openssl genpkey");
    let loaded = SigningKeys::load_or_create(data.path()).unwrap();
    let signed = Statement::parse(loaded.sign(&serde_json::json!({"a": 1})).unwrap().as_bytes()).unwrap();
    assert!(!signed.forged() && signed.signatures().len() == 2);
    let public =
        tools::run("openssl", &["pkey", "-in", &keys.join("sm2.pem").to_string_lossy(), "-pubout", "-outform", "DER"]);
    let point = signed.signatures()[1].key.bare_jwk();
    let x = data_encoding::BASE64URL_NOPAD.decode(point.x.as_bytes()).unwrap();
    assert!(public.stdout.windows(32).any(|window| window == x), "the same point");
    assert_eq!(KeySet::parse(loaded.jwks().as_bytes()).unwrap().keys().len(), 2);
}
