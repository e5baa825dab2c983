//! The writer is held back and the queue is full: whoever comes then is told so, keeps the filled form, and is
//! counted once when it is sent again.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use pingjia::database::AnyConnection;
use pingjia::domain::slip::{FormNonce, SlipCode};
use pingjia::world;
use reqwest::blocking::{Client, Response};

use crate::house::House;

/// What a browser holds of an answer.
struct Shown {
    status: u16,
    retry_after: Option<String>,
    text: String,
}

fn shown(response: Response) -> Shown {
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    Shown { status: response.status().as_u16(), retry_after, text: response.text().unwrap() }
}

fn receipt(shown: &Shown) -> Option<String> {
    let (_, rest) = shown.text.split_once("data-receipt=\"")?;
    rest.split('"').next().map(str::to_owned)
}

/// The form on the page as a browser without scripts sends it: where to, and every hidden field.
fn form_on(page: &str) -> (String, Vec<(String, String)>) {
    let (_, form) = page.split_once("<form ").expect("a form");
    let form = form.split("</form>").next().unwrap();
    let attribute = |tag: &str, name: &str| -> Option<String> {
        tag.split_once(&format!("{name}=\""))?.1.split('"').next().map(str::to_owned)
    };
    let inputs = form.split("<input ").skip(1).map(|input| input.split('>').next().unwrap());
    let fields = inputs.map(|input| (attribute(input, "name").unwrap(), attribute(input, "value").unwrap()));
    (attribute(form, "action").unwrap(), fields.collect())
}

#[test]
fn a_full_queue_keeps_the_filled_form_alive() {
    let house = House::new();
    let (id, slips) = house.open(130, 0);
    let base = house.ours.chair.base.as_str();
    let client = Client::builder().timeout(Duration::from_mins(2)).build().unwrap();
    let post = |path: &str, fields: &[(String, String)]| {
        shown(client.post(format!("{base}{path}")).form(fields).send().unwrap())
    };
    let filled = |slip: &SlipCode| {
        let nonce = FormNonce(world::random_bytes()).text();
        let fields = [("home", "dissatisfied"), ("n", &nonce), ("step", "cast")];
        (format!("/V/{}", slip.link_form()), fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    };

    // Somebody else writes, for as long as the test likes.
    let AnyConnection::Sqlite(mut writer) = house.office.database.connect().unwrap() else { panic!("SQLite") };
    writer.batch_execute("BEGIN IMMEDIATE").unwrap();
    let (tell, told) = channel();
    let answers = std::thread::scope(|scope| {
        for slip in &slips.roll {
            let (tell, post) = (tell.clone(), &post);
            let (path, fields) = filled(slip);
            scope.spawn(move || {
                let answer = post(&path, &fields);
                tell.send((slip.clone(), path, fields, answer)).unwrap();
            });
        }
        drop(tell);
        // The writer has one group in hand and 64 wait: whoever comes then is answered at once. The rest is answered when
        // it goes on.
        let first = told.recv().unwrap();
        writer.batch_execute("ROLLBACK").unwrap();
        std::iter::once(first).chain(told.iter()).collect::<Vec<_>>()
    });
    let (busy, waited): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(.., answer)| answer.status == 503);
    assert!(waited.len() >= 64, "those who were queued are thanked: {}", waited.len());
    let mut receipts: BTreeSet<String> = waited.iter().map(|(.., answer)| receipt(answer).expect("thanked")).collect();
    assert_eq!(house.office.ballot_box.turnout(id).unwrap().spent, u64::try_from(waited.len()).unwrap());

    assert!(!busy.is_empty());
    for (place, (slip, path, fields, answer)) in busy.iter().enumerate() {
        assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("3")), "{}", answer.text);
        assert!(answer.text.contains("data-page=\"busy\"") && answer.text.contains("再试一次"), "{}", answer.text);
        let (action, kept) = form_on(&answer.text);
        let sorted = |fields: &[(String, String)]| fields.iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!((&action, sorted(&kept)), (path, sorted(fields)), "the same choices and the same nonce");
        let state = house.office.ballot_box.slip_state(id, slip).unwrap();
        assert_eq!(state, pingjia::ballot_box::SlipState::Unspent, "nothing was stored");
        // One tap; some tap three times at once.
        let answers: Vec<Shown> = std::thread::scope(|scope| {
            let taps = if place < 3 { 3 } else { 1 };
            let taps: Vec<_> = (0..taps).map(|_| scope.spawn(|| post(&action, &kept))).collect();
            taps.into_iter().map(|tap| tap.join().unwrap()).collect()
        });
        let got: BTreeSet<String> = answers.iter().map(|answer| receipt(answer).expect("thanked")).collect();
        assert_eq!(got.len(), 1);
        receipts.extend(got);
    }
    assert_eq!(receipts.len(), 130, "everybody has a receipt of their own");
    assert_eq!(house.office.ballot_box.turnout(id).unwrap().spent, 130);
}
