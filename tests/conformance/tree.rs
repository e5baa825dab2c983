//! Two who change the tree of unions at the same moment.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use pingjia::database::Kind;
use pingjia::domain::union::Category;
use pingjia::store::StoreError;
use pingjia::store::unions::{self, NewUnion};

use super::store::{BY, new_union, union};
use crate::support::installation::Installation;
use crate::support::round::eventually;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whoever creates a union below a tree that is just being put below another waits, and then knows its new place.
#[test]
fn a_union_created_meanwhile_stands_below_what_was_put_above() {
    let house = Installation::new(Kind::Postgres);
    let database = house.database();
    let root = database.write(|c| union(c, None, "甲集团工会")).unwrap();
    let mut owner = PgConnection::establish(&house.server_url().expect("on a server")).unwrap();
    let mut is_waiting = || {
        let waiting = "SELECT count(*) AS count FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        diesel::sql_query(waiting).get_result::<Waiting>(&mut owner).unwrap().count == 1
    };
    let new = NewUnion { category: Category::GeneralUnion, ..new_union(None, "市总工会") };
    let placed = database.write(|c| {
        let above = unions::create_above(c, &root, &new, BY)?;
        let (other, below) = (database.clone(), root.clone());
        let creating = std::thread::spawn(move || other.write(|c| union(c, Some(&below), "乙厂工会")).unwrap());
        eventually("the second waits for the first", &mut is_waiting);
        Ok::<_, StoreError>((above, creating))
    });
    let (above, creating) = placed.unwrap();
    let leaf = creating.join().unwrap();
    assert_eq!(leaf.path, format!("{}{}/{}/", above.path, root.id, leaf.id));
    assert_eq!(database.read(|c| unions::load(c, leaf.id)).unwrap(), Some(leaf));
}
