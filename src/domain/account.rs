//! People who sign in: their roles, and what each may do to which union.

use serde::{Deserialize, Serialize};

use super::ids::{AccountId, UnionId};
use super::union::Union;

/// What a person signs in as. One account has one role in one union.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 工会主席: runs the rounds of the union.
    Chair,
    /// 监票人: confirms hand-out and result.
    Scrutineer,
    /// 计票人: enters paper ballots.
    Teller,
    /// 上级工会: watches over the unions below.
    Superior,
    /// 系统管理员: runs the installation; creates unions and accounts, sees no round from inside.
    Operator,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [Role::Chair, Role::Scrutineer, Role::Teller, Role::Superior, Role::Operator];

    /// The name in the database and in interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Role::Chair => "chair",
            Role::Scrutineer => "scrutineer",
            Role::Teller => "teller",
            Role::Superior => "superior",
            Role::Operator => "operator",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The Chinese term.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Role::Chair => "工会主席",
            Role::Scrutineer => "监票人",
            Role::Teller => "计票人",
            Role::Superior => "上级工会",
            Role::Operator => "系统管理员",
        }
    }
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub username: String,
    pub role: Role,
    pub union: UnionId,
    /// The person's name.
    pub name: String,
    /// Whether the account may still sign in.
    pub active: bool,
    /// Whether somebody else chose the password, so that it has to be changed before anything else.
    pub must_change: bool,
}

/// What somebody wants to do to a union or to one of its rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Set up and run its rounds, name its scrutineers and tellers.
    Run,
    /// Confirm hand-out and result.
    Scrutinise,
    /// Enter paper ballots.
    Count,
    /// Look at a round of one's own union while it goes on.
    Attend,
    /// See where its rounds stand and read its sheets.
    Watch,
    /// Approve its electorates and give an opinion on its sheets: never on one's own.
    Oversee,
    /// Create unions below it and their accounts.
    Administer,
    /// Change its name, category and rule set: never one's own, which are what it is judged by, unless nobody is above.
    Describe,
}

/// Whether a person of this role, at home in `home`, may do `act` to `target`. The one place that decides
/// who acts where: nobody acts outside the subtree that their union heads.
#[must_use]
pub fn may(role: Role, home: &Union, act: Act, target: &Union) -> bool {
    let own = home.id == target.id;
    let within = home.heads(target);
    match act {
        Act::Run => role == Role::Chair && own,
        Act::Scrutinise => role == Role::Scrutineer && own,
        Act::Count => role == Role::Teller && own,
        Act::Attend => matches!(role, Role::Chair | Role::Scrutineer | Role::Teller) && own,
        Act::Watch => role == Role::Superior && within,
        Act::Oversee => role == Role::Superior && within && !own,
        Act::Administer => matches!(role, Role::Superior | Role::Operator) && within,
        Act::Describe => may(role, home, Act::Administer, target) && (!own || home.superior.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::union::Category;

    fn union(id: i64, path: &str) -> Union {
        Union {
            id: UnionId(id),
            superior: None,
            path: path.to_owned(),
            name: String::new(),
            credit_code: None,
            category: Category::Enterprise,
            rule_set: "qingdao-2020".to_owned(),
        }
    }

    #[test]
    fn nobody_acts_outside_the_own_subtree() {
        const ACTS: [Act; 8] = [
            Act::Run,
            Act::Scrutinise,
            Act::Count,
            Act::Attend,
            Act::Watch,
            Act::Oversee,
            Act::Administer,
            Act::Describe,
        ];
        let home = union(7, "/1/7/");
        for foreign in [union(1, "/1/"), union(8, "/1/8/"), union(77, "/1/77/"), union(9, "/1/8/9/")] {
            for act in ACTS {
                for role in Role::ALL {
                    assert!(!may(role, &home, act, &foreign), "{role:?} {act:?} {}", foreign.path);
                }
            }
        }
    }

    #[test]
    fn the_union_above_decides_below_and_never_on_itself() {
        let (home, below) = (union(7, "/1/7/"), union(70, "/1/7/70/"));
        assert!(may(Role::Superior, &home, Act::Oversee, &below));
        assert!(!may(Role::Superior, &home, Act::Oversee, &home));
        assert!(!may(Role::Superior, &home, Act::Run, &below), "rounds are run by the union itself");
        assert!(!may(Role::Chair, &home, Act::Run, &below));
        assert!(may(Role::Chair, &home, Act::Run, &home));
        assert!(!may(Role::Chair, &home, Act::Scrutinise, &home), "nobody confirms what they counted themselves");
        assert!(!may(Role::Operator, &home, Act::Watch, &below), "operators see no round from inside");
    }

    #[test]
    fn no_union_chooses_the_rules_that_it_is_judged_by() {
        let (root, home, below) = (union(1, "/1/"), union(7, "/1/7/"), union(70, "/1/7/70/"));
        let home = Union { superior: Some(root.id), ..home };
        assert!(
            may(Role::Superior, &home, Act::Administer, &home) && !may(Role::Superior, &home, Act::Describe, &home)
        );
        assert!(may(Role::Superior, &home, Act::Describe, &below) && may(Role::Superior, &root, Act::Describe, &home));
        assert!(may(Role::Superior, &root, Act::Describe, &root), "nobody else could");
        assert!(!may(Role::Chair, &home, Act::Describe, &home));
    }

    #[test]
    fn every_role_has_its_own_code() {
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Some(role));
        }
    }
}
