//! Keccak Merkle trees over an ordered list, as the EVM checks them.
//!
//! Leaves are `keccak(0x00 ‖ data)`, inner nodes `keccak(0x01 ‖ left ‖ right)`, so that no node can
//! pass for a leaf. The list is padded on the right with 32 zero bytes up to the next power of two;
//! no leaf hashes to zero, so padding proves nothing. The root of one leaf is that leaf, the root of
//! none is zero.

use crate::{Hash, keccak};

/// The hash of a leaf's data.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    keccak(&[&[0x00], data])
}

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    keccak(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// A tree with all its levels, leaves first.
#[derive(Debug, Clone)]
pub struct MerkleTree {
    levels: Vec<Vec<Hash>>,
}

impl MerkleTree {
    /// The tree over these leaf hashes, in their order.
    #[must_use]
    pub fn new(mut leaves: Vec<Hash>) -> Self {
        leaves.resize(leaves.len().next_power_of_two(), Hash::ZERO);
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level
                .chunks_exact(2)
                .map(|pair| node_hash(&pair[0], &pair[1]))
                .collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The root; zero for a tree without leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.levels
            .last()
            .and_then(|level| level.first())
            .copied()
            .unwrap_or(Hash::ZERO)
    }

    /// The path of the leaf at `index`, `None` beyond the padded width.
    #[must_use]
    pub fn proof(&self, index: usize) -> Option<MerkleProof> {
        self.levels.first()?.get(index)?;
        let mut siblings = Vec::new();
        let mut at = index;
        for level in &self.levels {
            if let Some(sibling) = level.get(at ^ 1) {
                siblings.push(*sibling);
            }
            at >>= 1;
        }
        Some(MerkleProof {
            index: u32::try_from(index).ok()?,
            siblings,
        })
    }
}

/// The path from one leaf to the root: its index, and the sibling of every level, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode, serde::Serialize)]
#[cbor(array)]
pub struct MerkleProof {
    /// Which leaf.
    #[n(0)]
    pub index: u32,
    /// Siblings from the bottom up.
    #[n(1)]
    pub siblings: Vec<Hash>,
}

impl MerkleProof {
    /// The root that follows from this leaf along this path, `None` when the index does not fit a
    /// tree of this depth (so that one place has one index).
    #[must_use]
    pub fn root(&self, leaf: Hash) -> Option<Hash> {
        let depth = u32::try_from(self.siblings.len()).ok()?;
        if depth < 32 && self.index >> depth != 0 {
            return None;
        }
        let mut at = self.index;
        let mut hash = leaf;
        for sibling in &self.siblings {
            hash = if at & 1 == 0 {
                node_hash(&hash, sibling)
            } else {
                node_hash(sibling, &hash)
            };
            at >>= 1;
        }
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_leaf_is_its_own_root_and_none_is_zero() {
        let leaf = leaf_hash(b"x");
        assert_eq!(MerkleTree::new(vec![leaf]).root(), leaf);
        assert_eq!(MerkleTree::new(vec![]).root(), Hash::ZERO);
    }

    proptest! {
        #[test]
        fn every_leaf_proves_itself_and_nothing_else(count in 1_usize..40, wrong in any::<u8>()) {
            let leaves: Vec<Hash> = (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            let tree = MerkleTree::new(leaves.clone());
            for (i, leaf) in leaves.iter().enumerate() {
                let proof = tree.proof(i).expect("inside");
                prop_assert_eq!(proof.root(*leaf), Some(tree.root()));
                prop_assert_ne!(proof.root(leaf_hash(&[wrong])), Some(tree.root()));
                let elsewhere = MerkleProof { index: proof.index ^ 1, ..proof };
                prop_assert!(elsewhere.siblings.is_empty() || elsewhere.root(*leaf) != Some(tree.root()));
            }
        }
    }
}
