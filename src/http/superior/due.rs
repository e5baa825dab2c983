//! The addresses of lists that go state by state and day by day: `state=…&…&name=…&after=STATE.DAY.ROW`. What cannot be
//! understood is left out: a link that was cut still leads to a page.

use time::Date;

use crate::domain::dates;
use crate::http::ask::{Fields, encoded};
use crate::store::due::{Ordered, Place};

/// The state that is asked for.
pub(super) fn state<S: Ordered>(query: &Fields) -> Option<S> {
    named(query.get("state"))
}

/// The part of a union's name that is asked for; empty where none is.
pub(super) fn name(query: &Fields) -> String {
    query.trimmed("name").chars().take(60).collect()
}

/// The line after which the page begins.
pub(super) fn after<S: Ordered>(query: &Fields) -> Option<Place<S>> {
    let mut parts = query.get("after").split('.');
    let state = named(parts.next()?)?;
    let due = dates::read(parts.next()?)?;
    Some(Place { state, due: Some(due).filter(|due| *due != Date::MAX), row: parts.next()?.parse().ok()? })
}

/// The query that asks for this state and this part of a name, with a part that the list has to itself.
pub(super) fn query<S: Ordered>(state: Option<S>, own: Option<String>, name: &str) -> String {
    let state = state.map(|state| format!("state={}", state.name()));
    let name = (!name.is_empty()).then(|| format!("name={}", encoded(name)));
    [state, own, name].into_iter().flatten().collect::<Vec<_>>().join("&")
}

/// The query of the page of `query` that follows this place.
pub(super) fn next<S: Ordered>(query: String, place: Place<S>) -> String {
    let due = dates::written(place.due.unwrap_or(Date::MAX));
    let after = format!("after={}.{due}.{}", place.state.name(), place.row);
    [query, after].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&")
}

fn named<S: Ordered>(name: &str) -> Option<S> {
    S::STATES.iter().copied().find(|known| known.name() == name)
}
