//! The pages of the ballot: what each template is given, and the headers that all of them carry.

use actix_web::http::{StatusCode, header};
use askama::Template;

use super::assets::{Assets, BALLOT_ASSETS, THANKS_ASSETS};
use super::rounds::Round;
use super::words::{Word, day, whom_to_ask};
use crate::domain::ballot::Ballot;
use crate::domain::paper::{Answer, Item, Paper};
use crate::domain::slip::{FormNonce, PollTag, Receipt, SlipCode};
use crate::http::reply::{Answer as Answered, Reply};

/// Bytes of the thank-you without its style, at most.
const THANKS_LENGTH: usize = 2300;

/// Seconds after which a form that could not be taken may be sent again.
const RETRY_AFTER: &str = "3";

/// An answer as drawn.
pub struct AnswerView {
    code: &'static str,
    label: &'static str,
    chosen: bool,
}

/// An item as drawn.
pub struct ItemView<'p> {
    id: &'p str,
    title: &'p str,
    /// From 1.
    place: usize,
    answers: Vec<AnswerView>,
    /// Left blank by a member who came back to fill it in.
    left: bool,
}

/// Items under one heading.
pub struct SectionView<'p> {
    label: &'static str,
    items: Vec<ItemView<'p>>,
}

#[derive(Template)]
#[template(path = "member/ballot.html")]
struct BallotPage<'p> {
    asset: &'static Assets,
    union: &'p str,
    title: &'p str,
    ends: String,
    link: String,
    nonce: String,
    total: usize,
    sections: Vec<SectionView<'p>>,
    comment_asked: bool,
    comment: &'p str,
    refused: &'p str,
    filler: String,
}

/// What a member filled in so far, to be shown again in the same form.
#[derive(Default, Clone, Copy)]
pub struct Filled<'p> {
    pub ballot: Option<&'p Ballot>,
    pub comment: &'p str,
    /// Why it was not taken; empty when the member merely came back.
    pub refused: &'p str,
}

/// The ballot, empty or as filled in so far.
pub fn ballot(status: StatusCode, round: &Round, slip: &SlipCode, nonce: &FormNonce, filled: Filled<'_>) -> Answered {
    let paper = &round.poll.paper;
    let page = BallotPage {
        asset: &BALLOT_ASSETS,
        union: &round.union,
        title: &round.poll.facts.title,
        ends: format!("{}{}", day(round.poll.facts.ends), round.poll.facts.hour()),
        link: slip.link_form(),
        nonce: nonce.text(),
        total: paper.items.len(),
        sections: sections(paper, filled.ballot),
        comment_asked: paper.comment,
        comment: filled.comment,
        refused: filled.refused,
        // Answers are marks of equal length.
        filler: if filled.ballot.is_some() { filler([filled.comment]) } else { String::new() },
    };
    let reply = send(status, &page)?;
    Ok(if filled.ballot.is_some() { uncompressed(reply) } else { reply })
}

/// What a page carries of the choices is filled up to a multiple of so many bytes, as the script fills up the form: on the
/// way the page is encrypted, but its length is to be seen.
const FILL: usize = 2048;

/// Zeros to go beside these texts.
fn filler<'t>(carried: impl IntoIterator<Item = &'t str>) -> String {
    // The template writes these five as `&#60;`.
    let escaped = |text: &str| text.len() + 4 * text.matches(['<', '>', '&', '"', '\'']).count();
    let length: usize = carried.into_iter().map(escaped).sum();
    "0".repeat(length.max(1).next_multiple_of(FILL) - length)
}

/// As it is: compressed, its length would depend on the choices in it.
fn uncompressed(reply: Reply) -> Reply {
    reply.header(header::CONTENT_ENCODING, "identity")
}

fn sections<'p>(paper: &'p Paper, filled: Option<&Ballot>) -> Vec<SectionView<'p>> {
    let answers = filled.map(Ballot::answers);
    let mut sections: Vec<SectionView<'p>> = Vec::new();
    for (place, item) in (1..).zip(&paper.items) {
        let given = answers.and_then(|answers| answers.get(place - 1).copied().flatten());
        let view = item_view(item, place, given, filled.is_some() && given.is_none());
        match sections.last_mut().filter(|section| section.label == item.section.label()) {
            Some(section) => section.items.push(view),
            None => sections.push(SectionView { label: item.section.label(), items: vec![view] }),
        }
    }
    sections
}

fn item_view(item: &Item, place: usize, given: Option<Answer>, left: bool) -> ItemView<'_> {
    let view = |answer: &Answer| AnswerView {
        code: answer.code(),
        label: item.scale.label(*answer),
        chosen: given == Some(*answer),
    };
    let answers = item.scale.answers().iter().map(view).collect();
    ItemView { id: item.id.as_str(), title: &item.title, place, answers, left }
}

/// An item that was left blank.
struct Blank<'p> {
    place: usize,
    title: &'p str,
}

#[derive(Template)]
#[template(path = "member/held.html")]
struct HeldPage<'p> {
    asset: &'static Assets,
    code: &'p str,
    heading: &'p str,
    lines: Vec<String>,
    blanks: Vec<Blank<'p>>,
    /// Place of the first blank.
    first: usize,
    link: String,
    /// The filled form, to be sent again as it is.
    fields: &'p [(String, String)],
    filler: String,
}

/// The zeros for a page that carries these fields.
fn filler_of(fields: &[(String, String)]) -> String {
    filler(fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
}

/// The one question back: items were left blank. Nothing is cast yet.
pub fn blanks(round: &Round, slip: &SlipCode, ballot: &Ballot, fields: &[(String, String)]) -> Answered {
    let places = ballot.blanks();
    let items = &round.poll.paper.items;
    let blanks: Vec<Blank<'_>> = places
        .iter()
        .filter_map(|place| Some(Blank { place: place + 1, title: items.get(*place)?.title.as_str() }))
        .collect();
    let page = HeldPage {
        asset: &BALLOT_ASSETS,
        code: "blanks",
        heading: "还没有投票",
        lines: vec![format!("您有 {} 项空着：", blanks.len())],
        first: blanks.first().map_or(1, |blank| blank.place),
        blanks,
        link: slip.link_form(),
        fields,
        filler: filler_of(fields),
    };
    Ok(uncompressed(send(StatusCode::OK, &page)?))
}

/// The filled form is kept and can be sent again: nothing says yet that it was cast.
pub fn again(slip: &SlipCode, words: (&str, &str, &[&str]), fields: &[(String, String)]) -> Answered {
    let (code, heading, lines) = words;
    let page = HeldPage {
        asset: &BALLOT_ASSETS,
        code,
        heading,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        blanks: Vec::new(),
        first: 1,
        link: slip.link_form(),
        fields,
        filler: filler_of(fields),
    };
    let reply = send(StatusCode::SERVICE_UNAVAILABLE, &page)?.refusing(code, heading, &lines.concat());
    Ok(uncompressed(reply).header(header::RETRY_AFTER, RETRY_AFTER))
}

#[derive(Template)]
#[template(path = "member/thanks.html")]
struct ThanksPage<'p> {
    asset: &'static Assets,
    receipt: &'p str,
    /// The receipt in two lines of three groups.
    lines: [&'p [&'p str]; 2],
    tag: &'p str,
}

/// The thank-you. The same for the first answer and for every later one to the same form.
pub fn thanks(tag: PollTag, receipt: Receipt) -> Answered {
    let receipt = receipt.to_string();
    let groups: Vec<&str> = receipt.split_inclusive('-').collect();
    let (first, second) = groups.split_at_checked(3).unwrap_or_default();
    let asset = &THANKS_ASSETS;
    let page = ThanksPage { asset, receipt: &receipt, lines: [first, second], tag: tag.as_str() };
    let reply = Reply::page_of(&page, asset.style.len() + THANKS_LENGTH)?;
    // Small enough as it is: compressing it would cost more than taking in the ballot.
    Ok(reply
        .header(header::CONTENT_SECURITY_POLICY, asset.policy.as_str())
        .header(header::CONTENT_ENCODING, "identity"))
}

#[derive(Template)]
#[template(path = "member/word.html")]
struct WordPage<'p> {
    asset: &'static Assets,
    code: &'p str,
    heading: &'p str,
    lines: &'p [String],
    ways: &'p [(String, &'static str)],
    union: &'p str,
    title: &'p str,
    ask: String,
}

/// A page of words about a slip; names whom to ask when the round is known.
pub fn word(word: &Word, round: Option<&Round>) -> Answered {
    let page = WordPage {
        asset: &BALLOT_ASSETS,
        code: word.code,
        heading: word.heading,
        lines: &word.lines,
        ways: &word.ways,
        union: round.map_or("", |round| &round.union),
        title: round.map_or("", |round| &round.poll.facts.title),
        ask: round.map(|round| whom_to_ask(&round.poll)).unwrap_or_default(),
    };
    let reply = send(word.status, &page)?.refusing(word.code, word.heading, &word.lines.concat());
    Ok(match word.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            reply.header(header::RETRY_AFTER, RETRY_AFTER)
        }
        _ => reply,
    })
}

/// The rendered page under the policy that admits its own style and script. It is never stored anywhere.
fn send(status: StatusCode, page: &impl Template) -> Answered {
    let policy = BALLOT_ASSETS.policy.as_str();
    Ok(Reply::page(page)?.with_status(status).header(header::CONTENT_SECURITY_POLICY, policy))
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use time::macros::date;

    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::ids::{PollId, UnionId};
    use crate::domain::paper::{Scale, Section};
    use crate::domain::poll::{Assembly, Facts, Phase, Poll, RuleSetRef};
    use crate::domain::union::Category;

    fn item(id: &str, section: Section, scale: Scale, title: &str) -> Item {
        Item { id: id.into(), section, scale, title: title.to_owned() }
    }

    fn round() -> Round {
        let details = [
            "组织建设与民主管理",
            "思想引领与职工素质",
            "维护职工权益",
            "服务与帮扶",
            "文体活动与阵地",
            "经费使用与公开",
        ];
        let mut items = vec![item("home", Section::Overall, Scale::Satisfaction, "您对本单位职工之家建设是否满意")];
        items.extend(
            (1..).zip(details).map(|(n, title)| item(&format!("d{n}"), Section::Detailed, Scale::Satisfaction, title)),
        );
        items.push(item("awareness", Section::Awareness, Scale::Awareness, "您知道工会有哪些服务职工的政策吗"));
        items.push(item("pledge_1", Section::Pledges, Scale::Pledge, "新建母婴室和职工书屋"));
        let facts = Facts {
            title: "2026年度会员评议职工之家".to_owned(),
            assembly: Assembly::Members,
            place: "职工食堂".to_owned(),
            begins: date!(2026 - 11 - 20),
            ends: date!(2026 - 11 - 30),
            ends_at: None,
            member_total: 141,
            expected: 141,
            chief_scrutineer: "李秀兰".to_owned(),
            scrutineers: Vec::new(),
            tellers: Vec::new(),
            chair: "王建国".to_owned(),
            applying_for: None,
            indicators: std::collections::BTreeMap::default(),
        };
        let poll = Poll {
            id: PollId(7),
            tag: PollTag::from_random(77),
            union: UnionId(1),
            year: 2026,
            category: Category::Enterprise,
            rule_set: RuleSetRef { id: "qingdao-2020".to_owned(), version: "1".to_owned(), digest: Digest([0; 32]) },
            paper: Paper { items, comment: true },
            facts,
            phase: Phase::new(),
            version: 0,
        };
        Round { poll, union: "青岛海星机械有限公司工会委员会".to_owned() }
    }

    async fn text(answer: Answered) -> String {
        let body = answer.unwrap().into_http().into_body();
        String::from_utf8(to_bytes(body).await.ok().unwrap().to_vec()).unwrap()
    }

    fn keep(name: &str, html: &str) {
        if let Ok(folder) = std::env::var("PREVIEW") {
            std::fs::write(format!("{folder}/{name}.html"), html).unwrap();
        }
    }

    #[actix_web::test]
    async fn a_fresh_ballot_has_every_answer_and_none_chosen() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let nonce = FormNonce([7; 32]);
        let page = text(ballot(StatusCode::OK, &round(), &slip, &nonce, Filled::default())).await;
        keep("ballot", &page);
        assert_eq!(page.matches("type=\"radio\"").count(), 8 * 4 + 2);
        assert!(!page.contains(" checked"));
        assert!(page.contains(&nonce.text()) && page.contains("第 9 项，共 9 项"));
        assert!(!page.contains("src=") && !page.contains("url("), "one request");
    }

    #[actix_web::test]
    async fn the_question_back_keeps_the_form_as_it_was() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let round = round();
        let given = Ballot::parse(&round.poll.paper, [("home", "dissatisfied")]).unwrap();
        let fields = [("home".to_owned(), "dissatisfied".to_owned()), ("n".to_owned(), FormNonce([7; 32]).text())];
        let page = text(blanks(&round, &slip, &given, &fields)).await;
        keep("blanks", &page);
        assert!(page.contains("还没有投票") && page.contains("您有 8 项空着"));
        assert!(page.contains(r#"name="home" value="dissatisfied""#) && page.contains(&FormNonce([7; 32]).text()));
        let back = text(ballot(
            StatusCode::OK,
            &round,
            &slip,
            &FormNonce([7; 32]),
            Filled { ballot: Some(&given), ..Filled::default() },
        ))
        .await;
        keep("back", &back);
        assert_eq!(back.matches(" checked").count(), 1);
        assert_eq!(back.matches("item left").count(), 8);
    }

    #[actix_web::test]
    async fn the_length_of_a_page_tells_nothing_of_the_choices_in_it() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let round = round();
        let seen = async |answer: Answered| {
            let http = answer.unwrap().into_http();
            let encoding = http.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
            (encoding, to_bytes(http.into_body()).await.ok().unwrap().len())
        };
        let words = super::super::words::try_again(crate::ballot_box::CastRefusal::Busy);
        let long = "意见<&>".repeat(40);
        let mut all = Vec::new();
        for (home, comment) in
            [("satisfied", ""), ("basically_satisfied", "好"), ("dont_know", "'\"<"), ("dissatisfied", &long)]
        {
            let given = Ballot::parse(&round.poll.paper, [("home", home)]).unwrap();
            let nonce = FormNonce([7; 32]);
            let fields = [("home", home), ("comment", comment), ("n", &nonce.text())];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let filled = Filled { ballot: Some(&given), comment, refused: "" };
            all.push([
                seen(blanks(&round, &slip, &given, &fields)).await,
                seen(again(&slip, words, &fields)).await,
                seen(ballot(StatusCode::OK, &round, &slip, &nonce, filled)).await,
            ]);
        }
        assert!(all.iter().all(|pages| *pages == all[0]), "{all:?}");
        assert!(all[0].iter().all(|(encoding, _)| encoding.as_deref() == Some("identity")));
        let fresh = ballot(StatusCode::OK, &round, &slip, &FormNonce([7; 32]), Filled::default());
        assert_eq!(seen(fresh).await.0, None, "an empty ballot may be compressed");
    }

    #[actix_web::test]
    async fn the_thank_you_shows_the_receipt_and_no_choice() {
        let receipt = Receipt([9; 15]);
        let http = thanks(PollTag::from_random(77), receipt).unwrap().into_http();
        assert_eq!(http.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
        let page = text(thanks(PollTag::from_random(77), receipt)).await;
        keep("thanks", &page);
        assert!(page.contains(&format!("data-receipt=\"{receipt}\"")) && page.contains("投票成功"));
        for answer in ["满意", "不了解", "弃权", "兑现"] {
            assert!(!page.contains(answer), "{answer}");
        }
    }

    #[actix_web::test]
    async fn a_form_that_waits_can_be_sent_again() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let fields = [("home".to_owned(), "\"><b>".to_owned()), ("n".to_owned(), FormNonce([7; 32]).text())];
        let words = super::super::words::try_again(crate::ballot_box::CastRefusal::Busy);
        let http = again(&slip, words, &fields).unwrap().into_http();
        assert_eq!(http.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(http.headers().get(header::RETRY_AFTER).unwrap(), RETRY_AFTER);
        let page = text(again(&slip, words, &fields)).await;
        keep("again", &page);
        assert!(page.contains("再试一次") && !page.contains("<b>"), "what came in is escaped");
        let spent = super::super::words::about_slip(crate::ballot_box::SlipState::Spent).unwrap();
        keep("spent", &text(word(&spent, Some(&round()))).await);
    }
}
