//! Running the tools that judge what we print. A missing tool fails with its name.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tools of tests: a failure is a failed test"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that goes away with the test, unless `PINGJIA_PICTURES` names one to keep.
pub struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    pub fn new() -> Self {
        if let Some(path) = std::env::var_os("PINGJIA_PICTURES") {
            std::fs::create_dir_all(&path).unwrap();
            return Folder { path: path.into(), _temporary: None };
        }
        let folder = tempfile::tempdir().unwrap();
        Folder { path: folder.path().to_owned(), _temporary: Some(folder) }
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every page of a PDF as a PNG.
    pub fn pages(&self, pdf: &Path, dpi: u32) -> Vec<PathBuf> {
        let stem = pdf.file_stem().unwrap().to_string_lossy().into_owned();
        let stem = format!("{stem}-page");
        run(
            "pdftoppm",
            &["-png", "-r", &dpi.to_string(), &pdf.to_string_lossy(), &self.path.join(&stem).to_string_lossy()],
        );
        let mut pages: Vec<PathBuf> = std::fs::read_dir(&self.path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&stem))
            .collect();
        pages.sort();
        pages
    }
}

/// Runs a tool and wants it to succeed.
pub fn run(tool: &str, arguments: &[&str]) -> Output {
    let output = Command::new(tool)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{tool} is needed for this test and could not be run: {error}"));
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The contents of all QR codes in a picture, by zbarimg.
pub fn decoded(picture: &Path) -> Vec<String> {
    const NO_CODE_FOUND: i32 = 4;
    let arguments = ["--raw", "-q", "-Sdisable", "-Sqrcode.enable", &picture.to_string_lossy()];
    let output = Command::new("zbarimg")
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("zbarimg is needed for this test and could not be run: {error}"));
    assert!(output.status.success() || output.status.code() == Some(NO_CODE_FOUND), "zbarimg: {}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Checks the PDF's structure and that every font is embedded as a subset with Unicode; returns its text.
pub fn sound(pdf: &Path) -> String {
    let path = pdf.to_string_lossy();
    run("qpdf", &["--check", &path]);
    let fonts = String::from_utf8(run("pdffonts", &[&path]).stdout).unwrap();
    let lines: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(!lines.is_empty(), "no fonts: {fonts}");
    for line in lines {
        let columns: Vec<&str> = line.split_whitespace().rev().collect();
        // … emb sub uni object-number generation
        assert_eq!((columns[4], columns[3], columns[2]), ("yes", "yes", "yes"), "{line}");
    }
    String::from_utf8(run("pdftotext", &["-layout", &path, "-"]).stdout).unwrap()
}

/// The golden sheet as the service hands it out: with the issuer's statement on the file, by the golden keys.
pub fn printed() -> Vec<u8> {
    let document = std::fs::read("tests/golden/sheet.json").unwrap();
    vouched(pingjia::render::sheet_document::sheet_pdf(&document, None).unwrap())
}

/// The file with the statement of the golden keys on it.
pub fn vouched(pdf: Vec<u8>) -> Vec<u8> {
    use pingjia::domain::digest::Digest;
    use pingjia::domain::jws::{SecretKey, Statement};
    use pingjia::domain::statement::{FACE, FaceStatement};
    use pingjia::render::attachments::{put_statement, without_statement};
    let document = Statement::parse(&std::fs::read("tests/golden/sheet.json").unwrap()).unwrap();
    let ed25519 = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let sm2 = SecretKey::sm2(sm2::SecretKey::from_slice(&[2; 32]).unwrap()).unwrap();
    let issuer = pingjia::domain::sheet::SheetPayload::read(document.payload()).unwrap().issuer;
    let file = Digest::sha256(&without_statement(&pdf));
    let face = FaceStatement { format: FACE.to_owned(), issuer, sheet: document.digest(), file };
    put_statement(pdf, &Statement::sign(&face, &[&ed25519, &sm2]).unwrap()).unwrap()
}
