//! What stands around every page: title, who is signed in, the way around.

use crate::domain::account::Role;
use crate::store::sessions::SessionToken;

use super::gate::Who;

/// The frame of a page: `base.html` draws it.
#[derive(Debug, Clone)]
pub struct Frame {
    pub title: String,
    /// Nobody on public pages.
    pub who: Option<Signed>,
    /// Whether the page needs the width of a table.
    pub wide: bool,
    /// A word on what was just done.
    pub done: Option<&'static str>,
}

/// The person signed in, as the frame shows them.
#[derive(Debug, Clone)]
pub struct Signed {
    pub name: String,
    pub role: &'static str,
    pub union: String,
    /// What every form of this session carries as `form_token`.
    pub form_token: String,
    pub links: Vec<(&'static str, &'static str)>,
}

impl Frame {
    /// The frame of a page for everybody.
    #[must_use]
    pub fn public(title: &str) -> Self {
        Frame { title: title.to_owned(), who: None, wide: false, done: None }
    }

    /// The frame of a page for somebody signed in.
    #[must_use]
    pub fn signed_in(title: &str, who: &Who, token: &SessionToken) -> Self {
        let links = match who.account.role {
            Role::Chair => vec![("/desk", "工作台"), ("/people", "监票人与计票人")],
            Role::Scrutineer | Role::Teller => vec![("/desk", "工作台")],
            Role::Superior => {
                vec![
                    ("/desk", "下级工会评议情况"),
                    ("/approvals", "待办"),
                    ("/rectification", "整改"),
                    ("/titles", "称号"),
                    ("/unions", "工会与账号"),
                ]
            }
            Role::Operator => vec![("/desk", "工会与账号")],
        };
        let signed = Signed {
            name: who.account.name.clone(),
            role: who.account.role.label(),
            union: who.union.name.clone(),
            form_token: token.form_token(),
            links,
        };
        Frame { title: title.to_owned(), who: Some(signed), wide: false, done: None }
    }

    /// The same, as wide as tables need.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// What forms of this page carry as `form_token`.
    #[must_use]
    pub fn form_token(&self) -> &str {
        self.who.as_ref().map_or("", |who| &who.form_token)
    }

    /// The address of a file under `web/static`, which changes with its content.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        super::assets::url(name)
    }
}
