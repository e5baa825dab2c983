//! A ballot: what one member says, read from a form, with nothing in it that says who.

use super::paper::{Answer, ItemId, Paper};
use super::text::seen;

/// Longest comment in characters.
pub const COMMENT_LIMIT: usize = 200;

/// The answers of one member, one per item of the paper in its order; `None` is 弃权 (abstain).
#[derive(Clone, PartialEq, Eq)]
pub struct Ballot {
    answers: Vec<Option<Answer>>,
    comment: Option<String>,
}

/// Why a form is not a ballot on this paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BallotRefusal {
    /// An answer that the item does not offer.
    #[error("有一项的答案不在选票上")]
    AnswerNotOnPaper { item: ItemId },
    /// Two answers to one item.
    #[error("有一项选了两个答案")]
    TwoAnswers { item: ItemId },
    /// A field that is no item of this paper.
    #[error("表单中有选票上没有的项目")]
    UnknownItem,
    /// More than `COMMENT_LIMIT` characters, or a comment where none is asked for.
    #[error("意见超过200字")]
    CommentTooLong,
    #[error("本次评议不征求文字意见")]
    CommentNotAsked,
    /// Two comments.
    #[error("有两条意见")]
    TwoComments,
}

impl Ballot {
    /// Reads the answers from the fields of a form: field name = item id, value = code of the answer, an
    /// empty value or no field = abstain; `comment` is the free comment. Fields that belong to the form
    /// itself must be taken out before.
    ///
    /// # Errors
    /// See [`BallotRefusal`].
    pub fn parse<'f>(
        paper: &Paper,
        fields: impl IntoIterator<Item = (&'f str, &'f str)>,
    ) -> Result<Self, BallotRefusal> {
        let mut answers = vec![None; paper.items.len()];
        let mut seen = vec![false; paper.items.len()];
        let mut comment = None;
        let mut commented = false;
        for (name, value) in fields {
            if name == "comment" {
                if std::mem::replace(&mut commented, true) {
                    return Err(BallotRefusal::TwoComments);
                }
                comment = read_comment(paper, value)?;
                continue;
            }
            let place =
                paper.items.iter().position(|item| item.id.as_str() == name).ok_or(BallotRefusal::UnknownItem)?;
            let (Some(item), Some(answer), Some(seen)) =
                (paper.items.get(place), answers.get_mut(place), seen.get_mut(place))
            else {
                return Err(BallotRefusal::UnknownItem);
            };
            if std::mem::replace(seen, true) {
                return Err(BallotRefusal::TwoAnswers { item: item.id.clone() });
            }
            if value.is_empty() {
                continue;
            }
            let given = Answer::from_code(value).filter(|given| item.scale.answers().contains(given));
            *answer = Some(given.ok_or_else(|| BallotRefusal::AnswerNotOnPaper { item: item.id.clone() })?);
        }
        Ok(Ballot { answers, comment })
    }

    /// A ballot of these answers, as two tellers read them off paper.
    ///
    /// # Errors
    /// When the number of answers differs from that of items, or one is not on the paper.
    pub fn from_answers(paper: &Paper, answers: Vec<Option<Answer>>) -> Result<Self, BallotRefusal> {
        if answers.len() != paper.items.len() {
            return Err(BallotRefusal::UnknownItem);
        }
        for (item, answer) in paper.items.iter().zip(&answers) {
            if answer.is_some_and(|answer| !item.scale.answers().contains(&answer)) {
                return Err(BallotRefusal::AnswerNotOnPaper { item: item.id.clone() });
            }
        }
        Ok(Ballot { answers, comment: None })
    }

    /// The answers in the order of the paper's items.
    #[must_use]
    pub fn answers(&self) -> &[Option<Answer>] {
        &self.answers
    }

    /// The free comment, if one was written.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The places of the items left blank.
    #[must_use]
    pub fn blanks(&self) -> Vec<usize> {
        (0..).zip(&self.answers).filter_map(|(place, answer)| answer.is_none().then_some(place)).collect()
    }
}

impl std::fmt::Debug for Ballot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ballot(…)")
    }
}

fn read_comment(paper: &Paper, text: &str) -> Result<Option<String>, BallotRefusal> {
    let seen = seen(text);
    let text = seen.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !paper.comment {
        return Err(BallotRefusal::CommentNotAsked);
    }
    if text.chars().count() > COMMENT_LIMIT {
        return Err(BallotRefusal::CommentTooLong);
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paper::{Item, Scale, Section};

    fn paper() -> Paper {
        let item = |id: &str, scale| Item { id: id.into(), section: Section::Overall, scale, title: id.into() };
        Paper { items: vec![item("home", Scale::Satisfaction), item("awareness", Scale::Awareness)], comment: false }
    }

    #[test]
    fn reads_answers_and_blanks() {
        let ballot = Ballot::parse(&paper(), [("awareness", "know"), ("home", "")]).unwrap();
        assert_eq!(ballot.answers(), [None, Some(Answer::Know)]);
        assert_eq!(ballot.blanks(), [0]);
    }

    #[test]
    fn refuses_what_the_paper_does_not_offer() {
        let refused =
            |fields: &[(&'static str, &'static str)]| Ballot::parse(&paper(), fields.iter().copied()).unwrap_err();
        assert_eq!(refused(&[("home", "kept")]), BallotRefusal::AnswerNotOnPaper { item: "home".into() });
        assert_eq!(
            refused(&[("home", "satisfied"), ("home", "satisfied")]),
            BallotRefusal::TwoAnswers { item: "home".into() }
        );
        assert_eq!(refused(&[("age", "65")]), BallotRefusal::UnknownItem);
        assert_eq!(refused(&[("comment", "好")]), BallotRefusal::CommentNotAsked);
        assert_eq!(refused(&[("comment", ""), ("comment", "")]), BallotRefusal::TwoComments);
    }

    #[test]
    fn a_comment_holds_only_what_can_be_seen() {
        let asked = Paper { comment: true, ..paper() };
        let comment = |text: &str| Ballot::parse(&asked, [("comment", text)]).unwrap().comment().map(str::to_owned);
        assert_eq!(comment(" 食堂\r\n很\u{0}好\u{202E}！\u{2066}\u{7}").as_deref(), Some("食堂\n很好！"));
        assert_eq!(comment("\u{202E}\u{0}\r"), None);
        let marked = "很\u{200B}\u{2060}\u{FEFF}\u{E0041}\u{E007F}好";
        assert_eq!(comment(marked).as_deref(), Some("很好"), "no mark that only its writer knows of");
        assert_eq!(comment(&"好\u{8}".repeat(COMMENT_LIMIT)).map(|kept| kept.chars().count()), Some(COMMENT_LIMIT));
    }
}
