//! The chair's page while people vote: it hears of every ballot, and finds its way back to a service it lost.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Browser, PHONE, demo};
use crate::network::Network;
use crate::round::cast;

#[actix_web::test]
async fn a_page_that_lost_its_stream_of_events_finds_it_again() {
    let (network, browser) = (Network::before(&demo().base), Browser::start(PHONE).await);
    let round = demo().round("open");
    browser.sign_in(&network.base, &demo().account("chair", Some(&round)), "pingjia-demo").await;
    browser.open(&format!("{}/rounds/{round}", network.base)).await;
    let spent = async || browser.text("[data-now=spent]").await.parse::<u64>().unwrap();
    let reaches = async |count: u64| {
        for _ in 0..600 {
            if spent().await >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page never tells of {count} ballots");
    };
    // Other journeys cast in this round as well: the page may be ahead, and never behind.
    let vote = async || cast(demo().path().trim_start_matches("/V/"), "satisfied").await;
    let before = spent().await;
    vote().await;
    reaches(before + 1).await;
    network.set_down(true);
    // From the first attempt in vain on, what the page shows is what it had.
    let lost = "return performance.getEntriesByType('resource').filter(function (entry) { \
                return /\\/events$/.test(entry.name); }).length";
    for _ in 0..1200 {
        if browser.run(lost).await != json!(0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_ne!(browser.run(lost).await, json!(0), "the stream was cut");
    let before = spent().await;
    for _ in 0..2 {
        vote().await;
    }
    assert_eq!(spent().await, before, "nothing comes through");
    network.set_down(false);
    reaches(before + 2).await;
    browser.close().await;
}
