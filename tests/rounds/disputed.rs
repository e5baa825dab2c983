//! A result that somebody disputes is voided by the union above, and by nobody who sees it.

use crate::round::{certify, counted, prepared};
use crate::service::Service;

#[test]
fn only_the_union_above_voids_a_counted_round_and_says_why() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    let superior = service.person("shi");
    let (oversight, void) = (format!("/oversight/{poll}"), format!("/oversight/{poll}/void"));
    assert!(!superior.get(&oversight).body.contains(&void), "not before the count");
    counted(&service, poll, &codes);
    let way_out = "有异议不要确认，请告诉上级工会，由上级工会作废并重新评议";
    assert!(service.person("jia-teller1").get(&format!("/rounds/{poll}")).body.contains(way_out));

    let own = service.person("jia-chair").post(&format!("/rounds/{poll}/void"), &[("reason", "结果不理想")]);
    assert_eq!((own.status, own.problem().as_str()), (409, "opened"));
    assert!(own.body.contains("由上级工会作废"), "the way out");

    let page = superior.get(&oversight);
    assert!(page.body.contains(&void) && !page.body.contains("90.90%"), "it sees no result before the sheet");
    let version = page.field("version").unwrap();
    let decide = |reason: &str| superior.post(&void, &[("version", &version), ("reason", reason)]);
    assert_eq!(decide(" ").status, 422, "not without a reason");
    assert_eq!(superior.post(&void, &[("version", "0"), ("reason", "点票有误")]).problem(), "stale");
    assert_eq!(service.phase(poll), "closed");
    assert_eq!(decide("点票有误").status, 303);
    assert_eq!(service.phase(poll), "void");
    for (who, path) in [("jia-chair", "rounds"), ("jia-scrutineer", "rounds"), ("shi", "oversight")] {
        let page = service.person(who).get(&format!("/{path}/{poll}")).body;
        assert!(page.contains("开票以后，结果有异议，由上级工会作废。原因：点票有误"), "one wording for all: {who}");
        assert!(!page.contains("90.90%"), "{who}: a void round has no result");
    }
    assert!(service.anybody().get(&format!("/V/{}", codes[0])).body.contains("点票有误"));
}

#[test]
fn a_certified_result_stands() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    counted(&service, poll, &codes);
    certify(&service.person("jia-chair"), poll);
    let superior = service.person("shi");
    let page = superior.get(&format!("/oversight/{poll}"));
    assert!(!page.body.contains(&format!("/oversight/{poll}/void")));
    let version = page.field("version").unwrap();
    let late = superior.post(&format!("/oversight/{poll}/void"), &[("version", &version), ("reason", "点票有误")]);
    assert_eq!((late.status, late.problem().as_str()), (409, "wrong_phase"));
    assert_eq!(service.phase(poll), "certified");
}
