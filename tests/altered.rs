//! `pingjia verify` on PDFs that were altered, saved anew, cut or mixed up by other people's tools, while the signed
//! attachment stayed as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is a failed test"
)]

mod tools;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tools::{Folder, printed, run, vouched};

/// The exit code of `pingjia verify` and everything that it said.
fn verify(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
    let output = command.arg("verify").args(arguments).current_dir(folder.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// A folder with the sheet as the service hands it out, `sheet.pdf`, and the keys.
fn folder() -> (Folder, PathBuf) {
    let folder = Folder::new();
    for name in ["sheet.json", "jwks.json", "opinion.json"] {
        folder.write(name, &std::fs::read(Path::new("tests/golden").join(name)).unwrap());
    }
    let sheet = folder.write("sheet.pdf", &printed());
    (folder, sheet)
}

/// The file must fail although its attachment still holds, and the report must say how it differs.
fn fails(folder: &Folder, name: &str, how: &str) {
    let (code, said) = verify(folder, &[name, "--key", "jwks.json"]);
    assert_eq!(code, Some(1), "{name}: {said}");
    assert!(said.contains("✗ PDF 上看到的内容与签名内容一致") && said.contains(how), "{name}: {said}");
    assert!(said.contains("✓ 报告单的 Ed25519 签名有效"), "{name}: the attachment itself holds: {said}");
}

fn qpdf(folder: &Folder, arguments: &[&str], to: &str) -> PathBuf {
    let (from, to) = (folder.path().join("sheet.pdf"), folder.path().join(to));
    let (from, to) = (from.to_string_lossy().into_owned(), to.to_string_lossy().into_owned());
    run("qpdf", &[&[from.as_str()], arguments, &[to.as_str()]].concat());
    to.into()
}

#[test]
fn the_file_as_handed_out_holds() {
    let (folder, _) = folder();
    let (code, said) = verify(&folder, &["sheet.pdf", "--key", "jwks.json", "--opinion", "opinion.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("✓ 签发单位对这个 PDF 文件的签名有效") && said.contains("上级意见：同意"), "{said}");
}

/// Page content taken apart by qpdf, one figure moved or exchanged, and put together again.
#[test]
fn changed_figures_in_the_page_are_noticed() {
    let (folder, _) = folder();
    let open = qpdf(&folder, &["--qdf", "--object-streams=disable"], "open.pdf");
    fails(&folder, "open.pdf", "不要看这个 PDF");
    let bytes = std::fs::read(&open).unwrap();
    // The last glyph of some shown strings becomes another one.
    let strings: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, word)| word == b">]TJ").map(|(place, _)| place).collect();
    assert!(strings.len() > 100, "text is shown in the open");
    for place in strings.into_iter().step_by(10) {
        let mut changed = bytes.clone();
        changed[place - 1] ^= 1;
        folder.write("changed.pdf", &changed);
        let (code, said) = verify(&folder, &["changed.pdf", "--key", "jwks.json"]);
        assert_eq!(code, Some(1), "{said}");
    }
    // Every place of the file as handed out, one bit each.
    let printed = printed();
    for place in (0..printed.len()).step_by(printed.len() / 60) {
        let mut changed = printed.clone();
        changed[place] ^= 4;
        folder.write("changed.pdf", &changed);
        let (code, said) = verify(&folder, &["changed.pdf", "--key", "jwks.json"]);
        assert!(matches!(code, Some(1 | 2)), "byte {place}: {code:?} {said}");
    }
}

#[test]
fn pages_exchanged_laid_over_or_added_are_noticed() {
    let (folder, sheet) = folder();
    let sheet_path = sheet.to_string_lossy().into_owned();
    // Another page with other figures: the open file of the same sheet, turned.
    let other = qpdf(&folder, &["--rotate=90"], "other.pdf").to_string_lossy().into_owned();
    qpdf(&folder, &["--pages", &other, "1", "--"], "exchanged.pdf");
    qpdf(&folder, &["--pages", ".", "1", &other, "1", "--"], "added.pdf");
    qpdf(&folder, &["--overlay", &other, "--"], "overlaid.pdf");
    for name in ["exchanged.pdf", "added.pdf", "overlaid.pdf"] {
        fails(&folder, name, "改动过");
        let shown = run("qpdf", &["--list-attachments", &folder.path().join(name).to_string_lossy()]).stdout;
        assert!(String::from_utf8(shown).unwrap().contains(".json"), "{name} still carries the document");
    }
    // An incremental update: the original, and behind it a note on the page.
    let mut appended = std::fs::read(&sheet_path).unwrap();
    appended.extend_from_slice(
        b"\n999 0 obj\n<</Type/Annot/Subtype/FreeText/Contents(100%)/Rect[0 0 99 99]>>\nendobj\n%%EOF\n",
    );
    folder.write("appended.pdf", &appended);
    fails(&folder, "appended.pdf", "追加了内容");
    // Properties alone.
    let mut named = std::fs::read(&sheet_path).unwrap();
    let place = named.windows(6).position(|window| window == b"/Title").unwrap() + 12;
    named[place] ^= 1;
    folder.write("named.pdf", &named);
    fails(&folder, "named.pdf", "改过文件属性");
}

#[test]
fn a_file_saved_anew_is_told_from_an_altered_one() {
    let (folder, _) = folder();
    for (name, arguments) in [
        ("same.pdf", &["--object-streams=disable"][..]),
        ("packed.pdf", &["--object-streams=generate", "--recompress-flate", "--compression-level=9"]),
    ] {
        qpdf(&folder, arguments, name);
        fails(&folder, name, "另存过");
    }
}

#[test]
fn another_layout_holds_by_the_issuer_s_signature() {
    let (folder, _) = folder();
    let other = qpdf(&folder, &["--object-streams=disable", "--stream-data=preserve"], "layout.pdf");
    folder.write("older.pdf", &vouched(std::fs::read(other).unwrap()));
    let (code, said) = verify(&folder, &["older.pdf", "--key", "jwks.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("由另一版本的程序排版"), "{said}");
}

#[test]
fn exchanged_attachments_are_noticed() {
    let (folder, _) = folder();
    let list = String::from_utf8(
        run("qpdf", &["--list-attachments", &folder.path().join("sheet.pdf").to_string_lossy()]).stdout,
    )
    .unwrap();
    let name = list.split_whitespace().find(|word| word.contains(".json") && !word.contains(".face.")).unwrap();
    let (remove, key) = (format!("--remove-attachment={name}"), format!("--key={name}"));
    // A sheet of another round, truly signed, on the face of this one: the opinion's place is no sheet.
    let sheet = std::fs::read_to_string(folder.path().join("sheet.json")).unwrap();
    folder.write("cut.json", &sheet.as_bytes()[..sheet.len() - 9]);
    let attach = |file: &str, to: &str| {
        let file = folder.path().join(file).to_string_lossy().into_owned();
        qpdf(&folder, &[&remove], "bare.pdf");
        let (bare, to) = (folder.path().join("bare.pdf"), folder.path().join(to));
        run("qpdf", &[&bare.to_string_lossy(), "--add-attachment", &file, &key, "--", &to.to_string_lossy()]);
    };
    attach("cut.json", "cut.pdf");
    assert_eq!(verify(&folder, &["cut.pdf"]).0, Some(2), "no sheet can be read in it");
    attach("opinion.json", "opinion.pdf");
    assert_eq!(verify(&folder, &["opinion.pdf"]).0, Some(2));
    attach("sheet.json", "put-back.pdf");
    fails(&folder, "put-back.pdf", "另存过");
    // A second sheet beside the first, and a foreign file.
    for file in ["sheet.json", "jwks.json"] {
        let path = folder.path().join(file).to_string_lossy().into_owned();
        qpdf(&folder, &["--add-attachment", &path, "--key=zweite", "--"], "two.pdf");
        let (code, said) = verify(&folder, &["two.pdf", "--key", "jwks.json"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("✗ PDF 只附有一份报告单"), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_exits_with_2() {
    let (folder, sheet) = folder();
    let refused = |name: &str, words: &str| {
        let (code, said) = verify(&folder, &[name]);
        assert_eq!(code, Some(2), "{name}: {said}");
        assert!(said.starts_with("无法核验：") && said.contains(words) && said.lines().count() == 1, "{name}: {said}");
    };
    qpdf(&folder, &["--encrypt", "", "owner", "256", "--"], "secret.pdf");
    refused("secret.pdf", "加密");
    let copy = folder.path().join("copy.pdf");
    run("pdftocairo", &["-pdf", &sheet.to_string_lossy(), &copy.to_string_lossy()]);
    refused("copy.pdf", "没有签名的报告单附件");
    let whole = std::fs::read(&sheet).unwrap();
    folder.write("head.pdf", &whole[..200]);
    refused("head.pdf", "没有签名的报告单附件");
    folder.write("empty.pdf", b"");
    refused("empty.pdf", "空的");
    folder.write("picture.pdf", b"\x89PNG\r\n\x1a\n");
    refused("picture.pdf", "不是规范的签名文件");
    refused("opinion.json", "--opinion");
    refused("nowhere.pdf", "nowhere.pdf");
    refused(".", "");
    let huge = std::fs::File::create(folder.path().join("huge.pdf")).unwrap();
    huge.set_len(65 << 20).unwrap();
    refused("huge.pdf", "太大");
    refused("/dev/zero", "太大");
    // Cut anywhere: never a true sheet, never a crash.
    for part in 1..20 {
        folder.write("cut.pdf", &whole[..whole.len() * part / 20]);
        let (code, said) = verify(&folder, &["cut.pdf"]);
        assert!(matches!(code, Some(1 | 2)), "{part}: {code:?} {said}");
    }
}

#[test]
fn links_and_standard_input_are_read() {
    let (folder, _) = folder();
    std::os::unix::fs::symlink("sheet.pdf", folder.path().join("link.pdf")).unwrap();
    assert_eq!(verify(&folder, &["link.pdf", "--key", "jwks.json"]).0, Some(0));
    let input = std::fs::File::open(folder.path().join("sheet.json")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
    command.args(["verify", "-", "--key", "jwks.json"]).current_dir(folder.path());
    assert_eq!(command.stdin(input).stdout(Stdio::null()).status().unwrap().code(), Some(0));
}
