//! What the help tells people is what the program does.

use crate::round::prepared;
use crate::service::Service;

#[test]
fn nobody_is_told_that_a_lost_slip_can_be_voided() {
    let service = Service::new();
    let help = |who: &str| service.anybody().get(&format!("/help/{who}")).body;
    for (who, words) in
        [("members", "丢了的选票不能补"), ("chairs", "作废不了，所以不补"), ("scrutineers", "丢了的作废不了，不能补")]
    {
        let page = help(who);
        assert!(page.contains(words) && !page.contains("旧的会作废") && !page.contains("丢了、坏了"), "{who}");
    }
}

#[test]
fn what_a_chair_voids_the_union_above_sees_with_its_reason() {
    let service = Service::new();
    let help = service.anybody().get("/help/chairs").body;
    assert!(help.contains("作废的评议和理由，上级工会看得到") && !help.contains("结果不理想，不能重来"));
    let (poll, _) = prepared(&service);
    service.person("jia-chair").step(&format!("/rounds/{poll}/void"), &[("reason", "会场停电")]);
    let superior = service.person("shi");
    let listed = superior.get(&format!("/unions/{}", service.jia.id)).body;
    assert!(listed.contains(&format!("/oversight/{poll}")) && listed.contains("已作废"));
    assert!(superior.get(&format!("/oversight/{poll}")).body.contains("会场停电"));
}
