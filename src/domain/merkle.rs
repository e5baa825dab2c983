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
    Digest(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_the_published_vectors() {
        // Leaves and roots of the certificate-transparency test vectors for RFC 6962.
        let leaves: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
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
            assert_eq!(root(&leaves[..n]).to_string(), *expected, "{n} leaves");
        }
    }
}
