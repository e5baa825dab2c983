//! The tree of unions, by materialised path.

use diesel::prelude::*;

use diesel::result::DatabaseErrorKind::ForeignKeyViolation;
use diesel::result::Error::DatabaseError as Violation;
use diesel::sql_types::Text;

use super::{By, StoreError};
use crate::database::schema::{rectification, standing, title, trade_union as t};
use crate::database::{AnyConnection, DatabaseError, journal};
use crate::domain::ids::UnionId;
use crate::domain::union::{Category, Union};

/// A union to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnion {
    /// The union above; none for a root.
    pub superior: Option<UnionId>,
    pub name: String,
    pub credit_code: Option<String>,
    pub category: Category,
    pub rule_set: String,
}

pub(super) type Row = (i64, Option<i64>, String, String, Option<String>, String, String);

pub(super) fn union_of(row: Row) -> Result<Union, DatabaseError> {
    let (id, superior, path, name, credit_code, category, rule_set) = row;
    let category = Category::from_code(&category)
        .ok_or_else(|| DatabaseError::Row(format!("category of union {id}: {category}")))?;
    Ok(Union { id: UnionId(id), superior: superior.map(UnionId), path, name, credit_code, category, rule_set })
}

/// The bounds `[from, to)` of the paths in the subtree that `path` heads, itself included.
pub(super) fn subtree(path: &str) -> (String, String) {
    // Paths end in '/'; '0' is the character after it.
    (path.to_owned(), format!("{}0", path.strip_suffix('/').unwrap_or(path)))
}

/// Creates a union below `superior`. Journals.
///
/// # Errors
/// `NoSuchUnion` when the union above does not exist.
pub fn create(connection: &mut AnyConnection, new: &NewUnion, by: By) -> Result<Union, StoreError> {
    // Two creators at once wait for each other on this value, which no committed row ever has.
    let inserted: QueryResult<i64> = diesel::insert_into(t::table)
        .values((
            t::superior_id.eq(new.superior.map(|id| id.0)),
            t::path.eq("new"),
            t::name.eq(&new.name),
            t::credit_code.eq(new.credit_code.as_deref()),
            t::category.eq(new.category.code()),
            t::rule_set.eq(&new.rule_set),
        ))
        .returning(t::id)
        .get_result(connection);
    let id = inserted.map_err(|error| match error {
        Violation(ForeignKeyViolation, _) => StoreError::NoSuchUnion,
        other => other.into(),
    })?;
    // Read after the wait: the other creator may have put a union above the whole tree.
    let above = match new.superior {
        None => "/".to_owned(),
        Some(id) => load(connection, id)?.ok_or(StoreError::NoSuchUnion)?.path,
    };
    let path = format!("{above}{id}/");
    diesel::update(t::table.filter(t::id.eq(id))).set(t::path.eq(&path)).execute(connection)?;
    let entry = journal::Entry {
        at: by.at,
        account: by.account,
        union: Some(UnionId(id)),
        poll: None,
        action: "union.create",
        detail: &new.name,
    };
    journal::write(connection, &entry)?;
    Ok(Union {
        id: UnionId(id),
        superior: new.superior,
        path,
        name: new.name.clone(),
        credit_code: new.credit_code.clone(),
        category: new.category,
        rule_set: new.rule_set.clone(),
    })
}

/// Creates a union above `root`, which nobody is above yet: its whole tree moves below the new one. Journals.
///
/// # Errors
/// `Stale` when somebody is above it by now.
pub fn create_above(connection: &mut AnyConnection, root: &Union, new: &NewUnion, by: By) -> Result<Union, StoreError> {
    let above = create(connection, &NewUnion { superior: None, ..new.clone() }, by)?;
    let placed = diesel::update(t::table.filter(t::id.eq(root.id.0)).filter(t::superior_id.is_null()))
        .set(t::superior_id.eq(above.id.0))
        .execute(connection)?;
    if placed != 1 {
        return Err(StoreError::Stale);
    }
    // Every table that knows the place of a union in the tree; a round that changes meanwhile waits for its union's row.
    let (from, to) = subtree(&root.path);
    let before = above.path.strip_suffix('/').unwrap_or(&above.path);
    macro_rules! move_below {
        ($($table:ident),+) => {$(
            diesel::update($table::table.filter($table::path.ge(&from)).filter($table::path.lt(&to)))
                .set($table::path.eq(before.into_sql::<Text>().concat($table::path)))
                .execute(connection)?;
        )+};
    }
    move_below!(t, standing, rectification, title);
    let entry = journal::Entry {
        at: by.at,
        account: by.account,
        union: Some(root.id),
        poll: None,
        action: "union.place",
        detail: &above.name,
    };
    journal::write(connection, &entry)?;
    Ok(above)
}

/// The unions that nobody is above, in the order in which they were created.
///
/// # Errors
/// Database faults.
pub fn roots(connection: &mut AnyConnection) -> Result<Vec<Union>, DatabaseError> {
    let rows: Vec<Row> = t::table.filter(t::superior_id.is_null()).order(t::id).load(connection)?;
    rows.into_iter().map(union_of).collect()
}

/// Changes name, credit code, category and rule set of a union from those of `before` to those of `union`, all else
/// being as it was. Journals. Rounds that exist keep the category and rules that they were set up with; coverage counts by
/// the new category.
///
/// # Errors
/// `NoSuchUnion` when it does not exist; `Stale` when somebody else was faster.
pub fn edit(connection: &mut AnyConnection, before: &Union, union: &Union, by: By) -> Result<(), StoreError> {
    let as_before = t::table
        .filter(t::id.eq(union.id.0))
        .filter(t::name.eq(&before.name))
        .filter(t::credit_code.is_null().eq(before.credit_code.is_none()))
        .filter(t::credit_code.is_null().or(t::credit_code.eq(before.credit_code.as_deref())))
        .filter(t::category.eq(before.category.code()))
        .filter(t::rule_set.eq(&before.rule_set));
    let changed = diesel::update(as_before)
        .set((
            t::name.eq(&union.name),
            t::credit_code.eq(union.credit_code.as_deref()),
            t::category.eq(union.category.code()),
            t::rule_set.eq(&union.rule_set),
        ))
        .execute(connection)?;
    if changed != 1 {
        load(connection, union.id)?.ok_or(StoreError::NoSuchUnion)?;
        return Err(StoreError::Stale);
    }
    diesel::update(standing::table.filter(standing::union_id.eq(union.id.0)))
        .set(standing::grassroots.eq(union.category.is_grassroots()))
        .execute(connection)?;
    let facts = |union: &Union| {
        let code = union.credit_code.as_deref().unwrap_or("-");
        format!("{} {} {} {code}", union.name, union.category.code(), union.rule_set)
    };
    let entry = journal::Entry {
        at: by.at,
        account: by.account,
        union: Some(union.id),
        poll: None,
        action: "union.edit",
        detail: &format!("{} -> {}", facts(before), facts(union)),
    };
    journal::write(connection, &entry)?;
    Ok(())
}

/// The union with this id.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, id: UnionId) -> Result<Option<Union>, DatabaseError> {
    t::table.find(id.0).first::<Row>(connection).optional()?.map(union_of).transpose()
}

/// The subtree that the union with this path heads, itself first, in the order of the tree; at most `limit`.
///
/// # Errors
/// Database faults.
pub fn below(connection: &mut AnyConnection, path: &str, limit: i64) -> Result<Vec<Union>, DatabaseError> {
    let (from, to) = subtree(path);
    let rows: Vec<Row> =
        t::table.filter(t::path.ge(from)).filter(t::path.lt(to)).order(t::path).limit(limit).load(connection)?;
    rows.into_iter().map(union_of).collect()
}

/// How many unions there are in the subtree, its head included.
///
/// # Errors
/// Database faults.
pub fn count_below(connection: &mut AnyConnection, path: &str) -> Result<i64, DatabaseError> {
    let (from, to) = subtree(path);
    Ok(t::table.filter(t::path.ge(from)).filter(t::path.lt(to)).count().get_result(connection)?)
}

/// The names from the root down to the union, itself last.
///
/// # Errors
/// Database faults.
pub fn lineage(connection: &mut AnyConnection, union: &Union) -> Result<Vec<Union>, DatabaseError> {
    let ids: Vec<i64> = union.path.split('/').filter_map(|id| id.parse().ok()).collect();
    let rows: Vec<Row> = t::table.filter(t::id.eq_any(ids)).order(t::path).load(connection)?;
    rows.into_iter().map(union_of).collect()
}

/// Those of `ids` that have unions below them.
///
/// # Errors
/// Database faults.
pub fn with_unions_below(connection: &mut AnyConnection, ids: &[UnionId]) -> Result<Vec<UnionId>, DatabaseError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let found: Vec<Option<i64>> =
        t::table.filter(t::superior_id.eq_any(ids)).select(t::superior_id).distinct().load(connection)?;
    Ok(found.into_iter().flatten().map(UnionId).collect())
}

/// The unions of an area with one of these names, in the order of the tree: an import finds superiors and
/// repetitions by name.
///
/// # Errors
/// Database faults.
pub fn named(connection: &mut AnyConnection, path: &str, names: &[&str]) -> Result<Vec<Union>, DatabaseError> {
    let mut found = Vec::new();
    let (from, to) = subtree(path);
    // Databases limit how many values one statement may carry.
    for some in names.chunks(500) {
        let rows: Vec<Row> = t::table
            .filter(t::path.ge(&from))
            .filter(t::path.lt(&to))
            .filter(t::name.eq_any(some))
            .order(t::path)
            .load(connection)?;
        found.extend(rows);
    }
    found.into_iter().map(union_of).collect()
}
