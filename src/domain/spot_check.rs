//! 随机抽查: a sample of unions drawn by a published seed, so that anyone can draw it again.
//!
//! Every candidate gets SHA-256 over the label `spot-check`, the seed and its id; the smallest are drawn.

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// A draw as the journal keeps it: the seed, the digest of the list of candidates, and the names of the drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    pub year: u16,
    /// Only unions whose round of the year is certified.
    pub held_only: bool,
    /// 128 random bits in hexadecimal.
    pub seed: String,
    /// How many there were.
    pub candidates: usize,
    /// SHA-256 over the ids of the candidates in ascending order.
    pub list: Digest,
    /// Id and name of each drawn union, in the order of the draw.
    pub drawn: Vec<(i64, String)>,
}

impl Draw {
    /// Draws `count` of these candidates, each an id and a name, or all where there are fewer.
    #[must_use]
    pub fn new(seed: String, year: u16, held_only: bool, candidates: Vec<(i64, String)>, count: usize) -> Self {
        let (number, list) = (candidates.len(), list_digest(&candidates));
        let mut drawn = order(&seed, candidates);
        drawn.truncate(count);
        Draw { year, held_only, seed, candidates: number, list, drawn }
    }

    /// Whether the same seed draws the same unions from the candidates of today; none if these are others.
    #[must_use]
    pub fn again(&self, candidates: Vec<(i64, String)>) -> Option<bool> {
        if list_digest(&candidates) != self.list {
            return None;
        }
        let again = Draw::new(self.seed.clone(), self.year, self.held_only, candidates, self.drawn.len());
        let ids = |draw: &Draw| draw.drawn.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        Some(ids(&again) == ids(self))
    }
}

/// The candidates in the order of a seed.
fn order(seed: &str, mut candidates: Vec<(i64, String)>) -> Vec<(i64, String)> {
    candidates
        .sort_by_cached_key(|(id, _)| Digest::labelled("spot-check", &[seed.as_bytes(), id.to_string().as_bytes()]).0);
    candidates
}

fn list_digest(candidates: &[(i64, String)]) -> Digest {
    let mut ids: Vec<i64> = candidates.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    let text: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Digest::labelled("spot-check-list", &[text.join(",").as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(ids: std::ops::Range<i64>) -> Vec<(i64, String)> {
        ids.map(|id| (id, format!("{id}厂工会"))).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_unions_whatever_their_order() {
        let draw = Draw::new("ab".to_owned(), 2026, false, candidates(1..200), 20);
        let mut reversed = candidates(1..200);
        reversed.reverse();
        assert_eq!(draw.again(reversed), Some(true));
        assert_eq!(draw.again(candidates(1..199)), None, "another list");
        let other = Draw::new("ac".to_owned(), 2026, false, candidates(1..200), 20);
        assert_ne!(other.drawn, draw.drawn);
        let mut tampered = draw;
        tampered.drawn.swap(0, 1);
        assert_eq!(tampered.again(candidates(1..200)), Some(false));
    }

    #[test]
    fn every_union_is_drawn_about_equally_often() {
        let mut times = [0u32; 10];
        for seed in 0..2000 {
            for (id, _) in Draw::new(seed.to_string(), 2026, false, candidates(0..10), 3).drawn {
                times[usize::try_from(id).unwrap()] += 1;
            }
        }
        assert!(times.iter().all(|count| (500..700).contains(count)), "{times:?}");
    }
}
