//! Everything in the database that is neither slip nor ballot: unions, people, sessions, rounds, sheets.
//!
//! Free functions on a connection. Those that write belong into [`crate::database::Database::write`], so that
//! the change and its line in the journal stand or fall together; the affected-row count decides.

pub mod accounts;
pub mod due;
pub mod journal;
pub mod polls;
pub mod rectifications;
pub mod rollup;
pub mod sessions;
pub mod sheets;
pub mod spot_checks;
pub mod statements;
pub mod titles;
pub mod unions;

use crate::database::DatabaseError;
use crate::domain::ids::AccountId;
use time::OffsetDateTime;

/// Who does something and when: for the journal.
#[derive(Debug, Clone, Copy)]
pub struct By {
    /// Nobody for what the command line or the service does by itself.
    pub account: Option<AccountId>,
    pub at: OffsetDateTime,
}

/// Why the store refuses a change.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The username is in use.
    #[error("这个用户名已经有人使用")]
    UsernameTaken,
    /// The union above does not exist.
    #[error("没有这个上级工会")]
    NoSuchUnion,
    /// Somebody else changed it in the meantime.
    #[error("刚刚被别人改动过，请刷新后再试")]
    Stale,
    /// The phase of the round does not allow the step.
    #[error(transparent)]
    Refused(#[from] crate::domain::poll::Refusal),
    /// The rectification does not allow the step.
    #[error(transparent)]
    Rectification(#[from] crate::domain::rectification::Refusal),
    /// The title does not allow the step.
    #[error(transparent)]
    Title(#[from] crate::domain::title::Refusal),
    /// The union holds a title of that name from that body already.
    #[error("这家工会已经有同一单位命名的这项称号")]
    SameTitle,
    #[error("没有这项称号")]
    NoSuchTitle,
    /// No such round.
    #[error("没有这一轮评议")]
    NoSuchPoll,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        StoreError::Database(DatabaseError::Query(error))
    }
}

/// Whether a database error says that a unique value exists already.
fn is_duplicate(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _))
}

#[cfg(test)]
pub(crate) mod testing {
    //! A database in memory of this process's own and a few rows for tests.

    use time::macros::{date, datetime};

    use super::{By, accounts, polls, unions};
    use crate::database::{AnyConnection, Database};
    use crate::domain::account::{Account, Role};
    use crate::domain::digest::Digest;
    use crate::domain::ids::UnionId;
    use crate::domain::paper::{Item, Paper, Scale, Section};
    use crate::domain::poll::{Assembly, Facts, RuleSetRef};
    use crate::domain::union::Category;

    pub fn by() -> By {
        By { account: None, at: datetime!(2026-11-21 9:00 +8) }
    }

    /// An empty database in a folder that lives as long as the test process.
    pub fn database() -> Database {
        let folder = tempfile::tempdir().unwrap().keep();
        Database::sqlite(&folder.join("test.db")).unwrap()
    }

    pub fn new_union(superior: Option<UnionId>, name: &str) -> unions::NewUnion {
        unions::NewUnion {
            superior,
            name: name.to_owned(),
            credit_code: None,
            category: Category::Enterprise,
            rule_set: "qingdao-2020".to_owned(),
        }
    }

    /// A chair in a union of its own.
    pub fn account(connection: &mut AnyConnection, username: &str) -> Account {
        let union = unions::create(connection, &new_union(None, username), by()).unwrap();
        let new = accounts::NewAccount {
            username: username.to_owned(),
            role: Role::Chair,
            union: union.id,
            name: username.to_owned(),
        };
        let digest = accounts::PasswordDigest::of("password", &[7; 16]).unwrap();
        accounts::create(connection, &new, &digest, by()).unwrap()
    }

    pub fn new_poll(union: UnionId) -> polls::NewPoll {
        let item = Item {
            id: "home".into(),
            section: Section::Overall,
            scale: Scale::Satisfaction,
            title: "职工之家建设".into(),
        };
        polls::NewPoll {
            union,
            year: 2026,
            category: Category::Enterprise,
            rule_set: RuleSetRef { id: "qingdao-2020".into(), version: "1".into(), digest: Digest::sha256(b"rules") },
            paper: Paper { items: vec![item], comment: false },
            facts: Facts {
                title: "2026年度会员评家".into(),
                assembly: Assembly::Members,
                place: "礼堂".into(),
                begins: date!(2026 - 11 - 21),
                ends: date!(2026 - 11 - 22),
                ends_at: None,
                member_total: 30,
                expected: 30,
                chief_scrutineer: "甲".into(),
                scrutineers: vec!["乙".into()],
                tellers: vec!["丙".into()],
                chair: "丁".into(),
                applying_for: None,
                indicators: std::collections::BTreeMap::new(),
            },
        }
    }
}
