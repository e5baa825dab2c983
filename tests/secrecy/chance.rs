//! How right a claim may be by chance.
#![allow(clippy::cast_precision_loss, reason = "counts of a few hundred")]

use std::collections::HashMap;

use crate::attack::Claim;
use crate::truth::{Ballot, Truth};

/// All claims of all tests together flake less often than this.
const FLAKE: f64 = 1e-6;
/// More claims than all tests together make.
const CLAIMS: f64 = 50_000.0;

/// How right a claim is.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    /// Share of what could be known that the claim knows.
    pub share: f64,
    /// Chance stays below this share.
    pub limit: f64,
}

/// Holds claims against the truth.
pub struct Judge<'t> {
    ballots: &'t [Ballot],
    by_slip: HashMap<&'t [u8], &'t Ballot>,
    /// Place in the order of casting, by opening.
    place: HashMap<[u8; 32], usize>,
    /// Share of the ballots with each answer.
    common: [f64; 9],
    written: usize,
}

impl<'t> Judge<'t> {
    pub fn new(truth: &'t Truth) -> Self {
        let ballots = truth.ballots.as_slice();
        let all = ballots.len() as f64;
        Judge {
            ballots,
            by_slip: ballots.iter().map(|ballot| (ballot.digest.as_slice(), ballot)).collect(),
            place: ballots.iter().enumerate().map(|(place, ballot)| (ballot.opening, place)).collect(),
            common: std::array::from_fn(|answer| {
                ballots.iter().filter(|ballot| usize::from(ballot.home) == answer).count() as f64 / all
            }),
            written: ballots.iter().filter(|ballot| ballot.comment.is_some()).count(),
        }
    }

    /// How right a claim is.
    pub fn score(&self, claim: &Claim) -> Score {
        let all = self.ballots.len();
        let any = 1.0 / all as f64;
        let of = |slip: &[u8]| self.by_slip[slip];
        match claim {
            Claim::Answers(pairs) => {
                let likely = |answer: &u8| self.common[usize::from(*answer)];
                matches(pairs, all, |slip, answer| of(slip).home == *answer, likely)
            }
            Claim::Receipts(pairs) => matches(pairs, all, |slip, receipt| of(slip).receipt == *receipt, |_| any),
            Claim::Comments(pairs) => {
                matches(pairs, self.written, |slip, text| of(slip).comment.as_ref() == Some(text), |_| any)
            }
            Claim::Order(openings) => {
                let claimed: Vec<usize> = openings.iter().map(|opening| self.place[opening]).collect();
                order(&claimed, all)
            }
        }
    }
}

/// The claim gives entries to slips. Under chance it is a random injection, and the number of hits a sum
/// Σ a(i, π(i)) over a random permutation with every a in [0, 1]: then P(hits − E ≥ t) ≤ 2 exp(−t² / (4 E + 2 t))
/// (Chatterjee, Stein's method for concentration inequalities, 2007, proposition 1.1).
fn matches<E>(
    pairs: &[(Vec<u8>, E)],
    possible: usize,
    fits: impl Fn(&[u8], &E) -> bool,
    likely: impl Fn(&E) -> f64,
) -> Score {
    let hits = pairs.iter().filter(|(slip, entry)| fits(slip, entry)).count();
    let expected: f64 = pairs.iter().map(|(_, entry)| likely(entry)).sum();
    let rare = (2.0 * CLAIMS / FLAKE).ln();
    let more = rare + (rare * rare + 4.0 * rare * expected).sqrt();
    Score { share: hits as f64 / possible as f64, limit: (expected + more) / possible as f64 }
}

/// Pairs of ballots claimed in their true order. The number of inversions of a random permutation is a sum of
/// independent variables, uniform on 0..=j−1 for the j-th (Lehmer's code): P(|I − E| ≥ t) ≤ 2 exp(−2 t² / Σ (j−1)²),
/// by Hoeffding's inequality. Turned round, an order is known as well.
fn order(claimed: &[usize], all: usize) -> Score {
    let (n, in_order) = (claimed.len(), in_order(claimed, all));
    let pairs = (all * (all - 1) / 2) as f64;
    let (n, in_order) = (n as f64, in_order as f64);
    let own_pairs = n * (n - 1.0) / 2.0;
    let squares = (n - 1.0) * n * (2.0 * n - 1.0) / 6.0;
    let more = ((2.0 * CLAIMS / FLAKE).ln() * squares / 2.0).sqrt();
    Score { share: in_order.max(own_pairs - in_order) / pairs, limit: (own_pairs / 2.0 + more) / pairs }
}

/// Pairs of which the first is smaller, of numbers below `limit`: counted with a Fenwick tree.
fn in_order(numbers: &[usize], limit: usize) -> usize {
    let mut tree = vec![0; limit + 1];
    let mut pairs = 0;
    for number in numbers {
        let mut place = *number;
        while place > 0 {
            pairs += tree[place];
            place &= place - 1;
        }
        place = number + 1;
        while place <= limit {
            tree[place] += 1;
            place += place & place.wrapping_neg();
        }
    }
    pairs
}

#[test]
fn pairs_in_order_are_counted() {
    assert_eq!([in_order(&[0, 1, 2, 3], 4), in_order(&[3, 2, 1, 0], 4), in_order(&[1, 3, 0, 2], 4)], [6, 0, 3]);
}
