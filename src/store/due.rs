//! Lists of what is to be done: state by state, what needs a deed first, and in each state by day.

use time::Date;

use crate::database::DatabaseError;
use crate::database::rectification::due_text;

/// A state that such a list is ordered by.
pub trait Ordered: Copy + Ord + 'static {
    /// All states in the order of the list.
    const STATES: &'static [Self];
    /// The name in addresses.
    fn name(self) -> &'static str;
}

/// The line after which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<S> {
    pub state: S,
    pub due: Option<Date>,
    /// The number of its row.
    pub row: i64,
}

impl<S> Place<S> {
    /// Day and row behind which the rows that begin with the day `from` go on.
    pub(super) fn behind(after: Option<Self>, from: &str) -> (String, i64) {
        let from = from.to_owned();
        after.map_or((from.clone(), 0), |after| (due_text(after.due).max(from), after.row))
    }
}

/// At most `limit` lines after `after`, those of one state alone if one is `wanted`; `part` gives the lines of a state.
pub(super) fn page<S: Ordered, L>(
    wanted: Option<S>,
    after: Option<Place<S>>,
    limit: usize,
    mut part: impl FnMut(S, Option<Place<S>>, usize) -> Result<Vec<L>, DatabaseError>,
) -> Result<Vec<L>, DatabaseError> {
    let mut lines = Vec::new();
    for state in S::STATES.iter().copied() {
        let passed = after.as_ref().is_some_and(|after| after.state > state);
        if passed || wanted.is_some_and(|wanted| wanted != state) || lines.len() >= limit {
            continue;
        }
        let after = after.filter(|after| after.state == state);
        lines.extend(part(state, after, limit - lines.len())?);
    }
    Ok(lines)
}
