//! The attacker. Knows the program's source and holds the loot; knows nothing else.

use std::collections::{BTreeMap, HashSet};

use crate::loot::{Loot, Row, Step};

/// Longest stretch of a column that is tried byte by byte from its beginning; as much is tried from its end.
const BYTES: usize = 100;

/// Slips, each with what is claimed of it.
pub type Pairs<E> = Vec<(Vec<u8>, E)>;

/// What the attacker says is so.
pub enum Claim {
    /// This slip gave this answer to the item `home`.
    Answers(Pairs<u8>),
    /// This slip got this receipt.
    Receipts(Pairs<[u8; 15]>),
    /// This slip wrote this comment.
    Comments(Pairs<String>),
    /// The opened ballots were cast in this order.
    Order(Vec<[u8; 32]>),
}

/// Something known of each slip: its name and a value per slip, to sort by.
struct Feature {
    name: String,
    values: Vec<Vec<u8>>,
}

/// Every claim that the attacker can think of, each with how it came about.
pub fn claims(loot: &Loot) -> Vec<(String, Claim)> {
    // Commits of one slip: with several it is not known whose row is whose.
    let trail: Vec<(&[u8], &Step)> = loot
        .trail
        .iter()
        .filter_map(|step| match step.spent()[..] {
            [slip] => Some((slip, step)),
            _ => None,
        })
        .collect();
    let mut claims = by_content(loot, &trail);
    for feature in features(&trail) {
        by_sorting(loot, &trail, &feature, &mut claims);
    }
    claims
}

/// Looks for published entries in what the same commit wrote.
fn by_content(loot: &Loot, trail: &[(&[u8], &Step)]) -> Vec<(String, Claim)> {
    let published = &loot.published;
    let receipts: HashSet<&[u8]> = published.receipts.iter().map(<[u8; 15]>::as_slice).collect();
    let openings: HashSet<&[u8]> = published.openings.iter().map(|(opening, _)| opening.as_slice()).collect();
    let (mut found_receipts, mut found_comments) = (Vec::new(), Vec::new());
    let mut order: Vec<[u8; 32]> = Vec::new();
    let mut answers: BTreeMap<(&str, usize), Pairs<u8>> = BTreeMap::new();
    for (slip, step) in trail {
        for row in &step.rows {
            for (place, column) in row.columns.iter().enumerate() {
                let number = std::str::from_utf8(column).ok().and_then(|text| text.parse::<u8>().ok());
                if let Some(answer) = number.filter(|answer| *answer <= 8) {
                    answers.entry((&row.table, place)).or_default().push((slip.to_vec(), answer));
                }
                found_receipts.extend(
                    column
                        .windows(15)
                        .filter(|part| receipts.contains(part))
                        .map(|part| (slip.to_vec(), part.try_into().unwrap())),
                );
                let parts = column.windows(32).filter(|part| openings.contains(part));
                order.extend(parts.map(|part| <[u8; 32]>::try_from(part).unwrap()));
                if row.table != "slip" {
                    let written = published.comments.iter().filter(|comment| contains(column, comment.as_bytes()));
                    found_comments.extend(written.map(|comment| (slip.to_vec(), comment.clone())));
                }
            }
        }
    }
    let mut claims = vec![
        ("receipts in rows of the same commit".to_owned(), Claim::Receipts(found_receipts)),
        ("comments in rows of the same commit".to_owned(), Claim::Comments(found_comments)),
        ("openings in rows of the same commit".to_owned(), Claim::Order(order)),
    ];
    claims.extend(
        answers
            .into_iter()
            .map(|((table, place), pairs)| (format!("{table}, column {place}, as the answer"), Claim::Answers(pairs))),
    );
    claims
}

fn contains(column: &[u8], part: &[u8]) -> bool {
    column.len() >= part.len() && column.windows(part.len()).any(|window| window == part)
}

/// All that differs from slip to slip: order of commit, digest, sizes, and every column of every row that came
/// with it, as a whole and byte by byte.
fn features(trail: &[(&[u8], &Step)]) -> Vec<Feature> {
    let feature = |name: &str, value: &dyn Fn(usize) -> Vec<u8>| Feature {
        name: name.to_owned(),
        values: (0..trail.len()).map(value).collect(),
    };
    let number = |value: usize| value.to_be_bytes().to_vec();
    let mut features = vec![
        feature("order of casting", &number),
        feature("slip", &|place| trail[place].0.to_vec()),
        feature("size of the commit", &|place| number(trail[place].1.size)),
        feature("size of the log", &|place| number(trail[place].1.logged)),
        feature("number of rows", &|place| number(trail[place].1.rows.len())),
    ];
    let shapes: HashSet<(&str, usize)> = trail
        .iter()
        .flat_map(|(_, step)| step.rows.iter().map(|row| (row.table.as_str(), row.columns.len())))
        .collect();
    for (table, columns) in shapes {
        for column in 0..columns {
            let of = |place: usize| {
                let row = trail[place].1.rows.iter().find(|row: &&Row| row.table == table);
                row.map_or(&[][..], |row| row.columns[column].as_slice())
            };
            let name = format!("{table}, column {column}");
            features.push(feature(&name, &|place| of(place).to_vec()));
            features.push(feature(&format!("length of {name}"), &|place| number(of(place).len())));
            let longest = (0..trail.len()).map(|place| of(place).len()).max().unwrap_or(0);
            for byte in 0..longest.min(BYTES) {
                features.push(feature(&format!("byte {byte} of {name}"), &|place| {
                    of(place).get(byte).copied().into_iter().collect()
                }));
                features.push(feature(&format!("byte {byte} from the end of {name}"), &|place| {
                    of(place).iter().rev().nth(byte).copied().into_iter().collect()
                }));
            }
        }
    }
    features.retain(|feature| feature.name == "slip" || feature.values.iter().any(|value| *value != feature.values[0]));
    features
}

/// Sorts the slips by the feature and lays them beside the published entries: as these are stored, and sorted
/// by answer.
fn by_sorting(loot: &Loot, trail: &[(&[u8], &Step)], feature: &Feature, claims: &mut Vec<(String, Claim)>) {
    let published = &loot.published;
    let mut places: Vec<usize> = (0..trail.len()).collect();
    places.sort_unstable_by_key(|place| (&feature.values[*place], trail[*place].0));
    let mut sorted: Vec<u8> = published.openings.iter().map(|(_, answer)| *answer).collect();
    sorted.sort_unstable();
    for direction in ["ascending", "descending"] {
        let name = |beside: &str| format!("{}, {direction}, beside {beside}", feature.name);
        let slip = |place: usize| trail[place].0.to_vec();
        let beside = |answers: Vec<u8>| {
            Claim::Answers(places.iter().zip(answers).map(|(place, answer)| (slip(*place), answer)).collect())
        };
        claims.push((name("the openings"), beside(published.openings.iter().map(|(_, answer)| *answer).collect())));
        claims.push((name("the answers"), beside(sorted.clone())));
        let receipts = places.iter().zip(&published.receipts).map(|(place, receipt)| (slip(*place), *receipt));
        claims.push((name("the receipts"), Claim::Receipts(receipts.collect())));
        // Which slips wrote one is not known; where it shows, they stand together at one end.
        let comments = places.iter().zip(&published.comments).map(|(place, text)| (slip(*place), text.clone()));
        claims.push((name("the comments"), Claim::Comments(comments.collect())));
        let mut order: Vec<(usize, [u8; 32])> =
            places.iter().zip(&published.openings).map(|(place, (opening, _))| (*place, *opening)).collect();
        order.sort_unstable();
        let order = order.into_iter().map(|(_, opening)| opening).collect();
        claims.push((format!("{}, {direction}, gives the order", feature.name), Claim::Order(order)));
        places.reverse();
    }
}
