//! What the round of a union says in figures: the same on the page of an area and in its files.

use super::words;
use crate::domain::ids::PollId;
use crate::domain::standing::DecidingRate;
use crate::domain::union::Category;
use crate::store::rollup::RoundLine;

/// The figures of one union. What is not known yet is none.
pub(super) struct Figures {
    /// Class of the tag: the words say it, the colour only helps.
    pub tone: &'static str,
    /// The rating or, before there is one, the stage.
    pub tag: &'static str,
    /// The stage, where the tag shows the rating.
    pub stage: &'static str,
    pub expected: Option<u64>,
    pub present: Option<u64>,
    pub issued: Option<u64>,
    /// Ballots that came back. While the box takes or holds ballots, those that are in it now: only the turnout is
    /// known then, and it is exact.
    pub returned: Option<u64>,
    pub valid: Option<u64>,
    pub rate: Option<DecidingRate>,
    /// Id of the sheet in force, or empty.
    pub sheet: String,
}

impl Figures {
    /// The figures of a round, or of a union of this category without one; `spent` says how many slips are spent in a round that casts.
    ///
    /// # Errors
    /// Those of `spent`.
    pub fn of<E>(
        category: Category,
        round: Option<RoundLine>,
        spent: impl FnOnce(PollId) -> Result<u64, E>,
    ) -> Result<Self, E> {
        let Some(round) = round else { return Ok(Figures::none(category)) };
        let (tone, tag) = words::tag(round.class);
        let casting = round.class.stage.is_casting();
        Ok(Figures {
            tone,
            tag,
            stage: if round.class.rating.is_some() { round.class.stage.label() } else { "" },
            expected: Some(round.expected),
            present: round.present,
            issued: round.issued,
            returned: if casting { Some(spent(round.poll)?) } else { round.returned },
            valid: round.valid,
            rate: round.rate,
            sheet: round.sheet.unwrap_or_default(),
        })
    }

    fn none(category: Category) -> Self {
        Figures {
            tone: "",
            tag: if category.needs_rules() { "没有评议" } else { "本级不评议" },
            stage: "",
            expected: None,
            present: None,
            issued: None,
            returned: None,
            valid: None,
            rate: None,
            sheet: String::new(),
        }
    }
}
