//! What the help tells people is what the program does.

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
