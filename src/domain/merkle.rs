//! Merkle tree hashes of RFC 6962, section 2.1: the roll root, the receipts' root and their proofs.

use sha2::{Digest as _, Sha256};

use super::digest::Digest;

/// Merkle Tree Hash (RFC 6962, 2.1) of the leaves in the order given; of nothing, the hash of the empty string.
/// Needs memory for one digest per level only.
pub fn root<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Digest {
    // Complete subtrees so far, largest first, each with its height.
    let mut stack: Vec<(u32, Digest)> = Vec::new();
    for leaf in leaves {
        let mut node = (0, leaf_hash(leaf.as_ref()));
        while let Some(&(height, left)) = stack.last().filter(|(height, _)| *height == node.0) {
            stack.pop();
            node = (height + 1, node_hash(&left, &node.1));
        }
        stack.push(node);
    }
    let last = stack.pop();
    match last {
        None => Digest::sha256(b""),
        Some((_, last)) => stack.into_iter().rev().fold(last, |right, (_, left)| node_hash(&left, &right)),
    }
}

/// Hash of a leaf: SHA-256(0x00 ‖ leaf).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut node = [1; 65];
    node[1..33].copy_from_slice(&left.0);
    node[33..].copy_from_slice(&right.0);
    Digest::sha256(&node)
}

/// Merkle audit path (RFC 6962, 2.1.1) of the leaf at `index`: the sibling hashes from the leaf up to the root.
/// `None` when there is no such leaf.
#[must_use]
pub fn inclusion_proof<L: AsRef<[u8]>>(leaves: &[L], index: usize) -> Option<Vec<Digest>> {
    let (mut leaves, mut index) = (leaves, index);
    leaves.get(index)?;
    let mut proof = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at_checked(split(leaves.len()))?;
        if index < left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Leaves below each of the lowest nodes that [`Upper`] keeps: a power of two.
const GROUP: usize = 64;

/// The upper levels of a tree: with them beside its leaves, a proof costs the hashing of one group of leaves and not of all.
#[derive(Debug)]
pub struct Upper(Vec<Vec<Digest>>);

impl Upper {
    /// The upper levels of the tree of these leaves.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(leaves: &[L]) -> Self {
        let mut levels = vec![leaves.chunks(GROUP).map(root).collect::<Vec<_>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            // A node without a right neighbour rises as it is.
            let above = level.chunks(2).filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                alone => alone.first().copied(),
            });
            levels.push(above.collect());
        }
        Upper(levels)
    }

    /// What [`inclusion_proof`] says of the leaves that this was made of.
    #[must_use]
    pub fn inclusion_proof<L: AsRef<[u8]>>(&self, leaves: &[L], index: usize) -> Option<Vec<Digest>> {
        let begin = index - index % GROUP;
        let group = leaves.get(begin..leaves.len().min(begin + GROUP))?;
        let mut proof = inclusion_proof(group, index % GROUP)?;
        let mut place = index / GROUP;
        for level in &self.0 {
            proof.extend(level.get(place ^ 1));
            place /= 2;
        }
        Some(proof)
    }
}

/// Whether `proof` shows that `leaf` is the leaf at `index` of the tree of `size` leaves with this root
/// (RFC 9162, 2.1.3.2, which spells out the check for the trees of RFC 6962).
#[must_use]
pub fn proves_inclusion(root: &Digest, size: u64, index: u64, leaf: &[u8], proof: &[Digest]) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = leaf_hash(leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place % 2 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // A node without a right neighbour rises unpaired to the next level where it is a right child.
            while place.is_multiple_of(2) && place != 0 {
                place /= 2;
                last /= 2;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place /= 2;
        last /= 2;
    }
    last == 0 && hash == *root
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: usize) -> usize {
    let half = n.next_power_of_two() / 2;
    half.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Leaves of the certificate-transparency test vectors for RFC 6962.
    const LEAVES: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];

    #[test]
    fn roots_of_the_published_vectors() {
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (n, expected) in roots.iter().enumerate() {
            assert_eq!(root(&LEAVES[..n]).to_string(), *expected, "{n} leaves");
        }
    }

    #[test]
    fn proofs_of_the_published_vectors() {
        // (leaf, counted from 1; size of the tree; path), certificate-transparency test vectors for RFC 6962.
        let vectors: [(usize, usize, &[&str]); 6] = [
            (1, 1, &[]),
            (
                1,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (3, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
            (
                2,
                5,
                &[
                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
            (5, 5, &["d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
        ];
        for (leaf, size, path) in vectors {
            let proof = inclusion_proof(&LEAVES[..size], leaf - 1).unwrap();
            assert_eq!(proof.iter().map(Digest::to_string).collect::<Vec<_>>(), path, "leaf {leaf} of {size}");
        }
    }

    #[test]
    fn the_upper_levels_give_the_same_proofs() {
        for size in [0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 64 * 5, 64 * 5 + 1, 64 * 8] {
            let leaves: Vec<[u8; 2]> = (0..size).map(u16::to_be_bytes).collect();
            let upper = Upper::of(&leaves);
            for index in 0..=leaves.len() {
                assert_eq!(upper.inclusion_proof(&leaves, index), inclusion_proof(&leaves, index), "{index} of {size}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_proof_shows_its_leaf_and_nothing_else(size in 1usize..36, salt in any::<u8>(), level in 0usize..8, bit in 0usize..256) {
            let leaves: Vec<[u8; 2]> = (0u8..).take(size).map(|n| [salt, n]).collect();
            let whole = root(&leaves);
            let wide = u64::try_from(size).unwrap();
            for (index, leaf) in leaves.iter().enumerate() {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let place = u64::try_from(index).unwrap();
                prop_assert!(proves_inclusion(&whole, wide, place, leaf, &proof));
                for other in (0..wide + 2).filter(|other| *other != place) {
                    prop_assert!(!proves_inclusion(&whole, wide, other, leaf, &proof));
                }
                prop_assert!(!proves_inclusion(&whole, wide, place, &[salt, 255], &proof));
                let mut flipped = whole;
                flipped.0[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!proves_inclusion(&flipped, wide, place, leaf, &proof));
                if let Some(step) = proof.get(level) {
                    let mut changed = proof.clone();
                    changed[level].0[bit / 8] ^= 1 << (bit % 8);
                    prop_assert!(!proves_inclusion(&whole, wide, place, leaf, &changed));
                    prop_assert!(!proves_inclusion(&whole, wide, place, leaf, &proof[..level]));
                    let longer = [&proof[..], &[*step]].concat();
                    prop_assert!(!proves_inclusion(&whole, wide, place, leaf, &longer));
                }
            }
            prop_assert_eq!(inclusion_proof(&leaves, size), None);
        }

        #[test]
        fn the_size_of_the_tree_is_proved_where_it_changes_the_path(size in 1usize..70) {
            let leaves: Vec<[u8; 1]> = (0u8..).take(size).map(|n| [n]).collect();
            let proof = inclusion_proof(&leaves, size - 1).unwrap();
            let wide = u64::try_from(size).unwrap();
            // The last leaf: half or twice the size gives a path of another length.
            for other in [wide / 2, wide * 2, wide * 4].into_iter().filter(|other| *other != wide) {
                prop_assert!(!proves_inclusion(&root(&leaves), other, wide - 1, &leaves[size - 1], &proof));
            }
        }
    }
}
