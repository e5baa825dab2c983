//! What a certified round gives to everybody: receipts that anyone can prove, files that `pingjia verify` holds against
//! each other, and nothing in any of them that a member holds or wrote on a form.

use std::path::Path;
use std::process::Command;
use std::str::FromStr as _;

use pingjia::domain::digest::Digest;
use pingjia::domain::ids::PollId;
use pingjia::domain::merkle;
use pingjia::domain::slip::Receipt;
use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use serde_json::Value;

use crate::packets::unzipped;
use crate::round::{certify, counted, prepared, sheet_of};
use crate::service::{Page, Person, Service};
use crate::tools::{Folder, run};

/// The proof on the public page: place, number of receipts, root, path.
fn proof_on(page: &Page) -> (u64, u64, Digest, Vec<Digest>) {
    let (_, told) = page.body.split_once("<dt>位置</dt><dd>第 ").expect("a place");
    let place = told.split(' ').next().unwrap().parse().unwrap();
    let total = told.split_once("共 ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let digests =
        page.marked("class=\"code\"").iter().map(|text| Digest::from_str(text).expect("a digest")).collect::<Vec<_>>();
    let (root, path) = digests.split_first().expect("a root");
    (place, total, *root, path.to_vec())
}

/// The address of the sheet in force.
fn address(service: &Service, poll: PollId) -> String {
    let stored = service.database.read(|c| pingjia::store::polls::load(c, poll)).unwrap().unwrap();
    format!("/sheets/{}", stored.phase.sheet().expect("a sheet"))
}

fn look_up(anybody: &Person, tag: &str, receipt: &str) -> Page {
    let answer = anybody.post_raw("/receipts", &[("round", tag), ("receipt", receipt)]);
    Page { status: answer.status().as_u16(), location: String::new(), body: answer.text().unwrap() }
}

fn verify(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pingjia")).arg("verify").args(arguments).current_dir(folder).output();
    let output = output.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn receipts_are_proved_on_the_page_and_by_the_command() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    certify(&service.person("jia-chair"), poll);
    let anybody = service.anybody();
    let sheet = sheet_of(&service, poll);
    let tag = sheet["round"]["tag"].as_str().unwrap();
    let signed_root = Digest::from_str(sheet["proof"]["receipts_root"].as_str().unwrap()).unwrap();
    let id = service
        .database
        .read(|c| pingjia::store::polls::load(c, poll))
        .unwrap()
        .unwrap()
        .phase
        .sheet()
        .unwrap()
        .clone();
    let openings = anybody.get(&format!("/sheets/{id}/openings.json")).body;
    let published: Value = serde_json::from_str(&openings).unwrap();
    let receipts: Vec<&str> = published["receipts"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert_eq!(receipts.len(), 11);

    for (place, receipt) in receipts.iter().enumerate() {
        let page = look_up(&anybody, tag, &receipt.to_lowercase());
        assert!(page.body.contains("data-outcome=\"found\""), "{}", page.body);
        let (shown, total, root, path) = proof_on(&page);
        assert_eq!((usize::try_from(shown).unwrap(), total, root), (place, 11, signed_root));
        let leaf = Receipt::parse(receipt).unwrap().0;
        assert!(
            merkle::proves_inclusion(&signed_root, total, shown, &leaf, &path),
            "the path leads to the signed root"
        );
    }
    let missing = look_up(&anybody, tag, &Receipt([7; 15]).to_string());
    assert!(missing.body.contains("data-outcome=\"missing\""));

    let folder = Folder::new();
    folder.write("sheet.json", anybody.get(&format!("/sheets/{id}.json")).body.as_bytes());
    folder.write("jwks.json", anybody.get("/.well-known/jwks.json").body.as_bytes());
    folder.write("openings.json", openings.as_bytes());
    let all = |openings: &str, receipt: &str| {
        let given = ["sheet.json", "--key", "jwks.json", "--openings", openings, "--receipt", receipt];
        verify(folder.path(), &given)
    };
    let (code, said) = all("openings.json", receipts[4]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("已计入：第5个，共11个") && said.contains(&signed_root.to_string()), "{said}");
    let (code, said) = all("openings.json", &Receipt([7; 15]).to_string());
    assert_eq!(code, Some(1), "{said}");
    // Files that were altered: a receipt put in, taken out, changed.
    let altered: [fn(&mut Vec<Value>); 3] = [
        |receipts| receipts.insert(0, Value::from(Receipt([0; 15]).to_string())),
        |receipts| drop(receipts.pop()),
        |receipts| receipts[0] = Value::from(Receipt([0; 15]).to_string()),
    ];
    for (place, alter) in altered.into_iter().enumerate() {
        let mut changed = published.clone();
        alter(changed["receipts"].as_array_mut().unwrap());
        folder.write("altered.json", changed.to_string().as_bytes());
        let (code, said) = all("altered.json", receipts[4]);
        assert_eq!(code, Some(1), "alteration {place}: {said}");
    }
}

#[test]
fn openings_are_written_while_they_are_sent_and_not_sent_twice() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    certify(&service.person("jia-chair"), poll);
    let (anybody, openings) = (service.anybody(), format!("{}/openings.json", address(&service, poll)));
    let answer = anybody.head_of(&openings);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-length"), None, "its length was not known when it began");
    assert_eq!(header("content-encoding").as_deref(), Some("identity"), "random bytes do not pack well");
    assert_eq!(header("cache-control").as_deref(), Some("public, max-age=3600"));
    let tag = header("etag").expect("a tag");
    let file: Value = serde_json::from_slice(&answer.bytes().unwrap()).expect("whole");
    assert_eq!(file["receipts"].as_array().unwrap().len(), 11);
    let known = anybody.request(Method::GET, &openings).header(IF_NONE_MATCH, tag).send().unwrap();
    assert_eq!((known.status().as_u16(), known.bytes().unwrap().len()), (304, 0));
    let other = anybody.request(Method::GET, &openings).header(IF_NONE_MATCH, "W/\"other\"").send().unwrap();
    assert_eq!(other.status(), 200);
    let head = anybody.request(Method::HEAD, &openings).send().unwrap();
    assert_eq!((head.status().as_u16(), head.bytes().unwrap().len()), (200, 0));
}

/// Files are kept in memory for as long as they are true: an opinion makes others.
#[test]
fn files_of_a_sheet_follow_the_opinion_on_it() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    certify(&service.person("jia-chair"), poll);
    let (anybody, sheet) = (service.anybody(), address(&service, poll));
    let file = |ending: &str| {
        let answer = anybody.head_of(&format!("{sheet}{ending}"));
        (answer.status().as_u16(), answer.bytes().unwrap())
    };
    let (pdf, book) = (file(".pdf"), file(".xlsx"));
    assert_eq!((pdf.0, book.0, file("/opinion.pdf").0), (200, 200, 404));
    assert_eq!(file(".pdf"), pdf);
    let oversight = format!("/oversight/{poll}");
    let fields = [("decision", "accept"), ("reason", "做得好")];
    service.person("shi").submit(&oversight, &format!("{oversight}/opinion"), &fields);
    let with_opinion = file("/opinion.pdf");
    assert!(with_opinion.0 == 200 && with_opinion.1 != pdf.1);
    assert_eq!(file(".pdf"), pdf, "the sheet itself stays as it was signed");
    assert_ne!(file(".xlsx"), book, "the workbook tells the opinion");
    assert_eq!(file("/opinion.pdf"), with_opinion);
}

#[test]
fn exports_hold_nothing_that_a_member_holds() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    certify(&service.person("jia-chair"), poll);
    let stored = service.database.read(|c| pingjia::store::polls::load(c, poll)).unwrap().unwrap();
    let id = stored.phase.sheet().unwrap().clone();
    let (superior, folder) = (service.person("shi"), Folder::new());
    let mut texts = Vec::new();
    for (name, path) in [
        ("sheet.json", format!("/sheets/{id}.json")),
        ("openings.json", format!("/sheets/{id}/openings.json")),
        ("sheet.pdf", format!("/sheets/{id}.pdf")),
        ("sheet.xlsx", format!("/sheets/{id}.xlsx")),
        ("rollup.pdf", "/desk/rollup.pdf".to_owned()),
        ("rollup.xlsx", "/desk/rollup.xlsx".to_owned()),
        ("result", format!("/sheets/{id}")),
    ] {
        let answer = superior.head_of(&path);
        assert_eq!(answer.status(), 200, "{path}");
        let bytes = answer.bytes().unwrap().to_vec();
        let text = match name.rsplit('.').next() {
            Some("xlsx") => unzipped(bytes).into_iter().flat_map(|(_, file)| file).collect(),
            Some("pdf") => {
                let file = folder.write(name, &bytes);
                run("pdftotext", &["-layout", &file.to_string_lossy(), "-"]).stdout
            }
            _ => bytes,
        };
        texts.push((name, String::from_utf8_lossy(&text).into_owned()));
    }
    let openings = &texts[1].1;
    let receipts: Value = serde_json::from_str(openings).unwrap();
    for (name, text) in &texts {
        assert!(text.len() > 200, "{name} is there");
        for code in &codes {
            let body = &code[6..26];
            assert!(!text.contains(body) && !text.contains(&body.to_lowercase()), "a slip code in {name}");
        }
        for receipt in receipts["receipts"].as_array().unwrap() {
            let receipt = receipt.as_str().unwrap();
            assert_eq!(
                text.contains(receipt),
                *name == "openings.json",
                "receipts stand in the openings alone: {name}"
            );
        }
    }
}
