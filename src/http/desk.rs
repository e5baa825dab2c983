//! Where a person begins after signing in.

use super::chair;
use super::gate::Desk;
use super::reply::{Answer, Reply};
use super::superior;
use crate::domain::account::Role;

/// `GET /desk`
///
/// # Errors
/// Those of the page that it leads to.
pub fn desk(desk: &Desk<'_>) -> Answer {
    match desk.who.account.role {
        Role::Superior => superior::area::show(desk),
        Role::Operator => Ok(Reply::see_other("/unions")),
        Role::Chair | Role::Scrutineer | Role::Teller => chair::dashboard::show(desk),
    }
}
