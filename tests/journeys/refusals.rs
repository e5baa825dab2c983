//! What is not a ballot, or not now: each a clear refusal with a stable code, plain words and a way forward.

use reqwest::{Client, StatusCode};

use crate::harness::demo;

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn post(path: &str, kind: &str, body: String) -> (StatusCode, String) {
    let answer = Client::new().post(demo().url(path)).header("Content-Type", kind).body(body).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    (answer.status(), answer.text().await.unwrap())
}

async fn form(path: &str, body: impl Into<String>) -> (StatusCode, String) {
    post(path, "application/x-www-form-urlencoded", body.into()).await
}

async fn get(path: &str) -> (StatusCode, String) {
    let answer = reqwest::get(demo().url(path)).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

fn assert_refused((status, page): (StatusCode, String), expected: u16, code: &str, leads_to: &str) {
    assert_eq!(status.as_u16(), expected, "{code}: {page}");
    assert!(page.contains(code), "{code} in {page}");
    assert!(page.contains(&format!("href=\"{leads_to}\"")), "{code} leads to {leads_to}");
    assert!(!page.contains("投票成功"));
}

#[actix_web::test]
async fn forms_that_are_no_ballot_are_refused_and_spend_nothing() {
    let path = demo().path();
    let (_, ballot) = get(&path).await;
    let item = ballot.split("type=\"radio\" name=\"").nth(1).unwrap().split('"').next().unwrap();
    let refuse = |answer, status, code| assert_refused(answer, status, code, &path);
    refuse(form(&path, format!("{item}=satisfied")).await, 400, "form_nonce");
    refuse(form(&path, format!("n=forged&{item}=satisfied")).await, 400, "form_nonce");
    refuse(form(&path, format!("n={NONCE}&n={NONCE}&{item}=satisfied")).await, 400, "form_nonce");
    refuse(form(&path, format!("n={NONCE}&{item}=excellent")).await, 422, "answer_not_on_paper");
    refuse(form(&path, format!("n={NONCE}&{item}=satisfied&{item}=dissatisfied")).await, 422, "two_answers");
    refuse(form(&path, format!("n={NONCE}&{item}=satisfied&step=caste")).await, 400, "form_nonce");
    refuse(form(&path, format!("n={NONCE}&step=cast&comment=a&comment=b")).await, 422, "two_comments");
    refuse(form(&path, format!("n={NONCE}&age=65")).await, 422, "unknown_item");
    refuse(form(&path, "n=%zz").await, 400, "malformed_form");
    refuse(form(&path, format!("n={NONCE}&comment={}", "x".repeat(20_000))).await, 413, "body_too_large");
    refuse(post(&path, "application/json", "{}".to_owned()).await, 415, "not_a_form");
    let (status, page) = form(&path, format!("n={NONCE}&{item}=satisfied&comment={}", "x".repeat(201))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("意见超过了 200 字") && page.contains(NONCE) && page.contains(" checked"),
        "the form is kept"
    );
    assert_eq!(get(&path).await.0, StatusCode::OK, "the slip is unspent after all this");
}

#[actix_web::test]
async fn looking_spends_nothing() {
    let path = demo().path();
    for _ in 0..5 {
        assert_eq!(get(&path).await.0, StatusCode::OK);
    }
    let head = Client::new().head(demo().url(&path)).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let (_, ballot) = get(&path).await;
    let nonce = |page: &str| page.split("name=\"n\" value=\"").nth(1).unwrap()[..43].to_owned();
    assert_ne!(nonce(&ballot), nonce(&get(&path).await.1), "every form has a nonce of its own");
    let (status, page) = form(&path, format!("n={}&step=cast", nonce(&ballot))).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(page.contains("data-receipt"));
}

#[actix_web::test]
async fn slips_that_cannot_be_cast_say_why() {
    assert_refused(get("/V/ABC").await, 404, "slip_malformed", "/");
    let path = demo().path();
    let mut wrong = path.clone();
    let last = if path.ends_with('0') { "1" } else { "0" };
    wrong.replace_range(path.len() - 1.., last);
    assert_refused(get(&wrong).await, 404, "slip_mistyped", "/");

    let ours = pingjia::domain::slip::PollTag::parse(&path[3..8]).unwrap();
    let unknown = pingjia::domain::slip::SlipCode::from_random(ours, 77);
    assert_refused(get(&format!("/V/{}", unknown.link_form())).await, 404, "slip_unknown", "/");
    let all = format!("n={NONCE}&step=cast");
    assert_refused(form(&format!("/V/{}", unknown.link_form()), all.clone()).await, 404, "slip_unknown", "/");
    let foreign = pingjia::domain::slip::PollTag::from_random(12_345);
    let foreign = pingjia::domain::slip::SlipCode::from_random(foreign, 77);
    assert_refused(form(&format!("/V/{}", foreign.link_form()), all.clone()).await, 404, "round_unknown", "/");

    let (first, again) = (form(&path, all.clone()).await, form(&path, all).await);
    assert_eq!(first.0, StatusCode::OK);
    assert_eq!(first.1, again.1, "the same form gets the same page, however often it is sent");
    let other = format!("n=B{}&step=cast", &NONCE[1..]);
    let (status, page) = form(&path, other).await;
    assert!(status == StatusCode::CONFLICT && page.contains("slip_spent"), "{status}");
    let (status, page) = get(&path).await;
    assert!(status == StatusCode::GONE && page.contains("slip_spent") && !page.contains("data-receipt"));

    // Last, because guesses are counted per round and the demo has one open round.
    let mut slowed = false;
    for guess in 0..200u128 {
        let slip = pingjia::domain::slip::SlipCode::from_random(ours, 1_000_000 + guess);
        let (status, page) = get(&format!("/V/{}", slip.link_form())).await;
        slowed |= status == StatusCode::TOO_MANY_REQUESTS && page.contains("slip_unknown_slow");
    }
    assert!(slowed, "two hundred guesses in a row are noticed");
    assert_eq!(get(&demo().path()).await.0, StatusCode::OK, "a real slip is served all the same");
}
