//! The pages of the ballot: what each template is given, and the headers that all of them carry.

use std::sync::LazyLock;

use actix_web::http::{StatusCode, header};
use askama::Template;

use super::assets::{Assets, BALLOT_ASSETS, THANKS_ASSETS};
use super::rounds::{Round, Shown};
use super::words::{Word, day, whom_to_ask};
use crate::domain::ballot::{Ballot, COMMENT_LIMIT};
use crate::domain::paper::{Answer, Item, Paper};
use crate::domain::slip::{FormNonce, PollTag, Receipt, SlipCode};
use crate::http::problem::Problem;
use crate::http::reply::{Answer as Answered, Reply};
use crate::http::stencil::Stencil;

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
    question: Question<'p>,
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

/// The empty ballot.
pub fn empty(shown: &Shown, slip: &SlipCode, nonce: &FormNonce, gzip: bool) -> Answered {
    let stencil = if let Some(stencil) = shown.ballot.get() {
        stencil
    } else {
        let page = |[link, nonce]: [&str; 2]| {
            let page = ballot_page(&shown.round, link.to_owned(), nonce.to_owned(), Filled::default());
            page.render().map_err(|error| Problem::internal(&error))
        };
        let stencil = Stencil::of(page)?;
        shown.ballot.get_or_init(|| stencil)
    };
    let reply = Reply::filled(stencil, &[&slip.link_form(), &nonce.text()], gzip);
    Ok(reply.header(header::CONTENT_SECURITY_POLICY, BALLOT_ASSETS.policy.as_str()))
}

/// The ballot as filled in so far.
pub fn ballot(status: StatusCode, round: &Round, slip: &SlipCode, nonce: &FormNonce, filled: Filled<'_>) -> Answered {
    let page = |filled| ballot_page(round, slip.link_form(), nonce.text(), filled);
    let mut shown = page(filled);
    let comment = longest_comment(filled.comment);
    let mut longest = page(Filled { comment: &comment, ..filled });
    for item in longest.sections.iter_mut().flat_map(|section| &mut section.items) {
        item.left = true;
        for (place, answer) in item.answers.iter_mut().enumerate() {
            answer.chosen = place == 0;
        }
    }
    shown.filler = filler(&shown, &longest)?;
    Ok(uncompressed(send(status, &shown)?))
}

fn ballot_page<'p>(round: &'p Round, link: String, nonce: String, filled: Filled<'p>) -> BallotPage<'p> {
    let paper = &round.poll.paper;
    BallotPage {
        asset: &BALLOT_ASSETS,
        union: &round.union,
        title: &round.poll.facts.title,
        ends: format!("{}{}", day(round.poll.facts.ends), round.poll.facts.hour()),
        link,
        nonce,
        total: paper.items.len(),
        sections: sections(paper, filled.ballot),
        comment_asked: paper.comment,
        comment: filled.comment,
        refused: filled.refused,
        question: Question::default(),
        filler: String::new(),
    }
}

/// Zeros that make a page with choices in it as long as the longest that the same paper could have brought: on the way
/// the page is encrypted, but its length is to be seen. At least one zero.
fn filler(page: &impl Template, longest: &impl Template) -> Result<String, Problem> {
    let length = |html: askama::Result<String>| html.map(|html| html.len()).map_err(|error| Problem::internal(&error));
    let (page, longest) = (length(page.render())?, length(longest.render())?);
    Ok("0".repeat((longest + 1).saturating_sub(page)))
}

/// A comment that no other takes more room than; those that are too long to be taken, in steps.
fn longest_comment(comment: &str) -> String {
    // The template writes it as `&#38;`, and no other character takes more.
    "&".repeat(comment.chars().count().max(1).next_multiple_of(COMMENT_LIMIT))
}

/// The fields of the longest form on this paper, beside the same nonce: every item answered, and the word that casts.
fn longest_fields(paper: &Paper, fields: &[(String, String)]) -> Vec<(String, String)> {
    let answered = paper.items.iter().map(|item| {
        let codes = item.scale.answers().iter().map(|answer| answer.code());
        (item.id.0.clone(), codes.max_by_key(|code| code.len()).unwrap_or_default().to_owned())
    });
    let own = fields.iter().filter(|(name, _)| name != "step" && paper.item(name).is_none());
    let own = own.map(|(name, value)| match name.as_str() {
        "comment" => (name.clone(), longest_comment(value)),
        _ => (name.clone(), value.clone()),
    });
    answered.chain(own).chain([("step".to_owned(), "cast".to_owned())]).collect()
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

/// The one question back. The ballot carries it without blanks, and its script puts them in: when it is asked on the phone,
/// nothing on the way tells that there are any.
#[derive(Default)]
struct Question<'p> {
    blanks: Vec<Blank<'p>>,
    /// Place of the first blank.
    first: usize,
}

#[derive(Template)]
#[template(path = "member/held.html")]
struct HeldPage<'p> {
    asset: &'static Assets,
    code: &'p str,
    heading: &'p str,
    lines: &'p [&'p str],
    /// Nothing where the form may just be sent again.
    question: Option<Question<'p>>,
    link: String,
    /// The filled form, to be sent again as it is.
    fields: &'p [(String, String)],
    filler: String,
}

impl HeldPage<'_> {
    /// The page as it leaves, no shorter than `longest`.
    fn send(mut self, status: StatusCode, longest: &Self) -> Answered {
        self.filler = filler(&self, longest)?;
        Ok(uncompressed(send(status, &self)?))
    }
}

/// The one question back: items were left blank. Nothing is cast yet.
pub fn blanks(round: &Round, slip: &SlipCode, ballot: &Ballot, fields: &[(String, String)]) -> Answered {
    let paper = &round.poll.paper;
    let (longest, all): (_, Vec<usize>) = (longest_fields(paper, fields), (0..paper.items.len()).collect());
    let longest_question = Question { first: all.len(), ..question(paper, &all) };
    let longest = asking(longest_question, slip, &longest);
    asking(question(paper, &ballot.blanks()), slip, fields).send(StatusCode::OK, &longest)
}

/// The question about these blanks.
fn question<'p>(paper: &'p Paper, places: &[usize]) -> Question<'p> {
    let blanks: Vec<Blank<'_>> = places
        .iter()
        .filter_map(|place| Some(Blank { place: place + 1, title: paper.items.get(*place)?.title.as_str() }))
        .collect();
    Question { first: blanks.first().map_or(1, |blank| blank.place), blanks }
}

fn asking<'p>(question: Question<'p>, slip: &SlipCode, fields: &'p [(String, String)]) -> HeldPage<'p> {
    HeldPage {
        asset: &BALLOT_ASSETS,
        code: "blanks",
        heading: "还没有投票",
        lines: &[],
        question: Some(question),
        link: slip.link_form(),
        fields,
        filler: String::new(),
    }
}

/// The filled form is kept and can be sent again: nothing says yet that it was cast.
pub fn again(round: &Round, slip: &SlipCode, words: (&str, &str, &[&str]), fields: &[(String, String)]) -> Answered {
    let (code, heading, lines) = words;
    let longest = longest_fields(&round.poll.paper, fields);
    let page = |fields| HeldPage {
        asset: &BALLOT_ASSETS,
        code,
        heading,
        lines,
        question: None,
        link: slip.link_form(),
        fields,
        filler: String::new(),
    };
    let reply = page(fields).send(StatusCode::SERVICE_UNAVAILABLE, &page(&longest))?;
    Ok(reply.refusing(code, heading, &lines.concat()).header(header::RETRY_AFTER, RETRY_AFTER))
}

#[derive(Template)]
#[template(path = "member/thanks.html")]
struct ThanksPage<'p> {
    asset: &'static Assets,
    receipt: &'p str,
    /// The receipt in two lines of three groups.
    lines: [[&'p str; 3]; 2],
    tag: &'p str,
}

/// The thank-you. The same for the first answer and for every later one to the same form.
pub fn thanks(tag: PollTag, receipt: Receipt, gzip: bool) -> Answered {
    static STENCIL: LazyLock<Option<Stencil>> = LazyLock::new(|| {
        let page = |[receipt, tag, a, b, c, d, e, f]: [&str; 8]| {
            ThanksPage { asset: &THANKS_ASSETS, receipt, lines: [[a, b, c], [d, e, f]], tag }.render()
        };
        Stencil::of(page).ok()
    });
    let stencil = STENCIL.as_ref().ok_or_else(|| Problem::internal(&"the thank-you cannot be written"))?;
    let receipt = receipt.to_string();
    let mut words = vec![receipt.as_str(), tag.as_str()];
    words.extend(receipt.split_inclusive('-'));
    let reply = Reply::filled(stencil, &words, gzip);
    Ok(reply.header(header::CONTENT_SECURITY_POLICY, THANKS_ASSETS.policy.as_str()))
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

    fn round() -> Shown {
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
        Shown::new(Round { poll, union: "青岛海星机械有限公司工会委员会".to_owned() })
    }

    async fn text(answer: Answered) -> String {
        let body = answer.unwrap().into_http(false, false).into_body();
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
        let page = text(empty(&round(), &slip, &nonce, false)).await;
        keep("ballot", &page);
        assert_eq!(page.matches("type=\"radio\"").count(), 8 * 4 + 2);
        assert!(!page.contains(" checked"));
        assert!(page.contains(&nonce.text()) && page.contains("第 9 项，共 9 项"));
        assert!(!page.contains("src=") && !page.contains("url("), "one request");
    }

    #[actix_web::test]
    async fn the_question_back_keeps_the_form_as_it_was() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let round = round().round;
        let given = Ballot::parse(&round.poll.paper, [("home", "dissatisfied")]).unwrap();
        let fields = [("home".to_owned(), "dissatisfied".to_owned()), ("n".to_owned(), FormNonce([7; 32]).text())];
        let page = text(blanks(&round, &slip, &given, &fields)).await;
        keep("blanks", &page);
        assert!(page.contains("还没有投票") && page.contains(r#"<span class="blank-count">8</span> 项空着"#));
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
        let mut paper = round().round.poll.paper.clone();
        // Titles of unequal length, places of one and of two digits.
        for (id, title) in
            [("pledge_2", "修车棚"), ("pledge_3", "<每年>组织\"两次\"体检&复查"), ("pledge_4", "暑期托管班")]
        {
            paper.items.push(item(id, Section::Pledges, Scale::Pledge, title));
        }
        let shown = round();
        let poll = Poll { paper, ..shown.round.poll.clone() };
        let shown = Shown::new(Round { poll, union: shown.round.union.clone() });
        let round = &shown.round;
        let seen = async |answer: Answered| {
            // Whoever asks would take it compressed.
            let http = answer.unwrap().into_http(false, true);
            let encoding = http.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
            (encoding, to_bytes(http.into_body()).await.ok().unwrap().len())
        };
        let words = super::super::words::try_again(crate::ballot_box::CastRefusal::Busy);
        let (long, longest) = ("意见<&>".repeat(40), "&".repeat(200));
        // Nothing chosen; one or several items; everything but one.
        let home = |answer| vec![("home", answer)];
        let but = |left: &str| {
            let items = round.poll.paper.items.iter().filter(|item| item.id.as_str() != left);
            items.map(|item| (item.id.as_str(), item.scale.answers().last().unwrap().code())).collect::<Vec<_>>()
        };
        let choices = [
            vec![],
            home("satisfied"),
            home("basically_satisfied"),
            vec![("d1", "dont_know"), ("d2", "satisfied"), ("pledge_4", "partly_kept")],
            vec![("home", ""), ("awareness", "know")],
            but("home"),
            but("pledge_2"),
            but("pledge_3"),
            but("pledge_4"),
        ];
        let mut all = Vec::new();
        for (choice, comment) in choices.iter().zip(["", "好", "'\"<", &long, &longest, "", "", "", ""]) {
            let given = Ballot::parse(&round.poll.paper, choice.iter().copied()).unwrap();
            let nonce = FormNonce([7; 32]);
            let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let own = [("comment", comment), ("n", &nonce.text())].map(owned);
            let fields: Vec<_> = choice.iter().copied().map(owned).chain(own).collect();
            let cast: Vec<_> = fields.iter().cloned().chain([owned(("step", "cast"))]).collect();
            let filled = Filled { ballot: Some(&given), comment, refused: "" };
            all.push([
                seen(blanks(round, &slip, &given, &fields)).await,
                seen(again(round, &slip, words, &fields)).await,
                seen(again(round, &slip, words, &cast)).await,
                seen(ballot(StatusCode::OK, round, &slip, &nonce, filled)).await,
            ]);
        }
        assert!(all.iter().all(|pages| *pages == all[0]), "{all:?}");
        assert_eq!(all[0][1], all[0][2], "blanks that abstain are cast by a word of their own");
        assert!(all[0].iter().all(|(encoding, _)| encoding.as_deref() == Some("identity")));
        let fresh = async |random| {
            let slip = SlipCode::from_random(PollTag::from_random(77), random);
            seen(empty(&shown, &slip, &FormNonce([7; 32]), true)).await
        };
        assert_eq!(fresh(1).await.0.as_deref(), Some("gzip"), "an empty ballot may be compressed");
        assert_eq!(fresh(1).await, fresh(u128::MAX / 3).await, "but not the code in it");
    }

    #[actix_web::test]
    async fn the_thank_you_shows_the_receipt_and_no_choice() {
        let receipt = Receipt([9; 15]);
        let http = thanks(PollTag::from_random(77), receipt, false).unwrap().into_http(false, false);
        assert_eq!(http.headers().get(header::CACHE_CONTROL).unwrap(), "no-store");
        let page = text(thanks(PollTag::from_random(77), receipt, false)).await;
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
        let http = again(&round().round, &slip, words, &fields).unwrap().into_http(false, false);
        assert_eq!(http.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(http.headers().get(header::RETRY_AFTER).unwrap(), RETRY_AFTER);
        let page = text(again(&round().round, &slip, words, &fields)).await;
        keep("again", &page);
        assert!(page.contains("再试一次") && !page.contains("<b>"), "what came in is escaped");
        let spent = super::super::words::about_slip(crate::ballot_box::SlipState::Spent).unwrap();
        keep("spent", &text(word(&spent, Some(&round().round))).await);
    }
}
