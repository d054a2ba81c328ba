//! Merkle-sum trees: every node commits to the hashes and the sums of its two children, so that a
//! path proves not only that a leaf is in the tree but what all leaves add up to.
//!
//! A node is `keccak(0x01 ‖ hash ‖ a ‖ b ‖ hash ‖ a ‖ b)`, left child first, sums as 8 bytes
//! big-endian: `a` unsigned, `b` signed for cash and unsigned for carry. Leaves have the prefix
//! `0x00`, see [`crate::HomeLeaf`] and [`crate::EvidenceLeaf`]. The list is padded on the right with
//! (0, 0, 0) up to a power of two. A sum that leaves its 64 bits is an error at every level, in the
//! prover as in the verifier. The contract does the same in `SumTree.sol`.

use energy_core::{Hash, keccak};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The bytes of one level of a path in calldata: hash, a, b.
const LEVEL_BYTES: usize = 48;

/// A tree could not be built, or a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The sum of two nodes left its 64 bits.
    #[error("overflow: a sum of the tree left its 64-bit range")]
    Overflow,
    /// The index does not fit a tree of this depth; one place has one index.
    #[error("expected an index below 2^{depth}, got {index}")]
    Index {
        /// The index that came.
        index: u32,
        /// The depth of the path.
        depth: usize,
    },
}

/// The second sum of a node: signed for cash, unsigned for carry.
pub trait SecondSum: Copy + Default + PartialEq + std::fmt::Debug {
    /// The sum, none where it leaves the range.
    fn plus(self, other: Self) -> Option<Self>;
    /// Its eight bytes, big-endian.
    fn to_bytes(self) -> [u8; 8];
}

impl SecondSum for i64 {
    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn to_bytes(self) -> [u8; 8] {
        self.to_be_bytes()
    }
}

impl SecondSum for u64 {
    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn to_bytes(self) -> [u8; 8] {
        self.to_be_bytes()
    }
}

/// A node: its hash and the sums of everything below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct SumNode<B> {
    /// Its hash; zero for padding.
    #[n(0)]
    pub hash: Hash,
    /// First sum: energy in Wh.
    #[n(1)]
    pub a: u64,
    /// Second sum: cash in nano (signed) or carry in Wh.
    #[n(2)]
    pub b: B,
}

impl<B: SecondSum> SumNode<B> {
    /// The node above two.
    ///
    /// # Errors
    /// [`TreeError::Overflow`].
    pub fn parent(left: &Self, right: &Self) -> Result<Self, TreeError> {
        let hash = keccak(&[
            &[0x01],
            left.hash.as_bytes(),
            &left.a.to_be_bytes(),
            &left.b.to_bytes(),
            right.hash.as_bytes(),
            &right.a.to_be_bytes(),
            &right.b.to_bytes(),
        ]);
        let a = left.a.checked_add(right.a).ok_or(TreeError::Overflow)?;
        let b = left.b.plus(right.b).ok_or(TreeError::Overflow)?;
        Ok(Self { hash, a, b })
    }
}

/// A sum tree with all its levels, leaves first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumTree<B> {
    levels: Vec<Vec<SumNode<B>>>,
}

impl<B: SecondSum> SumTree<B> {
    /// The tree over these leaves, in their order. The root of one leaf is that leaf, the root of
    /// none is padding.
    ///
    /// # Errors
    /// [`TreeError::Overflow`] where a sum leaves its range.
    pub fn new(mut leaves: Vec<SumNode<B>>) -> Result<Self, TreeError> {
        leaves.resize(leaves.len().next_power_of_two(), SumNode::default());
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above: Result<Vec<_>, _> = level
                .chunks_exact(2)
                .map(|pair| SumNode::parent(&pair[0], &pair[1]))
                .collect();
            levels.push(above?);
        }
        Ok(Self { levels })
    }

    /// The root and the sums of all leaves.
    #[must_use]
    pub fn root(&self) -> SumNode<B> {
        self.levels
            .last()
            .and_then(|level| level.first())
            .copied()
            .unwrap_or_default()
    }

    /// The path of the leaf at `index`, none beyond the padded width.
    #[must_use]
    pub fn proof(&self, index: usize) -> Option<SumProof<B>> {
        self.range_proof(index, 0)
    }

    /// The path above the aligned range of 2^`height` leaves in which `index` lies. Its index counts
    /// ranges: the range starts at leaf `index << height`.
    #[must_use]
    pub fn range_proof(&self, index: usize, height: usize) -> Option<SumProof<B>> {
        let start = index.checked_shr(u32::try_from(height).ok()?)?;
        self.levels.get(height)?.get(start)?;
        let mut siblings = Vec::new();
        let mut place = start;
        for level in self.levels.iter().skip(height) {
            if let Some(sibling) = level.get(place ^ 1) {
                siblings.push(*sibling);
            }
            place >>= 1;
        }
        Some(SumProof {
            index: u32::try_from(start).ok()?,
            siblings,
        })
    }
}

/// The path from one node to the root: its index in its level, and the sibling of every level above,
/// lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct SumProof<B> {
    /// Which leaf.
    #[n(0)]
    pub index: u32,
    /// Siblings from the bottom up.
    #[n(1)]
    pub siblings: Vec<SumNode<B>>,
}

impl<B: SecondSum> SumProof<B> {
    /// The root and the sums that follow from this leaf along this path.
    ///
    /// # Errors
    /// [`TreeError::Index`] when the index does not fit the depth, [`TreeError::Overflow`].
    pub fn root(&self, leaf: SumNode<B>) -> Result<SumNode<B>, TreeError> {
        let depth = self.siblings.len();
        let beyond = u32::try_from(depth)
            .ok()
            .and_then(|d| self.index.checked_shr(d))
            .unwrap_or(0);
        if beyond != 0 {
            return Err(TreeError::Index {
                index: self.index,
                depth,
            });
        }
        let mut place = self.index;
        let mut node = leaf;
        for sibling in &self.siblings {
            let (left, right) = if place & 1 == 0 {
                (&node, sibling)
            } else {
                (sibling, &node)
            };
            node = SumNode::parent(left, right)?;
            place >>= 1;
        }
        Ok(node)
    }

    /// The path as the contract takes it: 48 bytes a level, lowest first.
    #[must_use]
    pub fn to_calldata(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.siblings.len().saturating_mul(LEVEL_BYTES));
        for sibling in &self.siblings {
            bytes.extend_from_slice(sibling.hash.as_bytes());
            bytes.extend_from_slice(&sibling.a.to_be_bytes());
            bytes.extend_from_slice(&sibling.b.to_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u8, a: u64, b: i64) -> SumNode<i64> {
        SumNode {
            hash: keccak(&[&[n]]),
            a,
            b,
        }
    }

    #[test]
    fn one_leaf_is_its_own_root_and_none_is_padding() {
        let leaf = node(1, 5, -3);
        assert_eq!(SumTree::new(vec![leaf]).expect("small").root(), leaf);
        assert_eq!(
            SumTree::<i64>::new(vec![]).expect("empty").root(),
            SumNode::default()
        );
    }

    #[test]
    fn sums_that_leave_their_range_are_refused() {
        assert_eq!(
            SumTree::new(vec![node(1, u64::MAX, 0), node(2, 1, 0)]),
            Err(TreeError::Overflow)
        );
        assert_eq!(
            SumTree::new(vec![node(1, 0, i64::MIN), node(2, 0, -1)]),
            Err(TreeError::Overflow)
        );
        let forged = SumProof {
            index: 0,
            siblings: vec![node(2, u64::MAX, 0)],
        };
        assert_eq!(forged.root(node(1, 1, 0)), Err(TreeError::Overflow));
    }

    #[test]
    fn a_range_proves_itself() {
        let leaves: Vec<_> = (0..8)
            .map(|n| node(n, u64::from(n), 1 - i64::from(n)))
            .collect();
        let tree = SumTree::new(leaves.clone()).expect("small");
        let range = SumTree::new(leaves[4..6].to_vec()).expect("small");
        let proof = tree.range_proof(4, 1).expect("inside");
        assert_eq!((proof.index, proof.siblings.len()), (2, 2));
        assert_eq!(proof.root(range.root()), Ok(tree.root()));
        assert_eq!(proof.to_calldata().len(), 96);
    }

    #[test]
    fn a_place_has_one_index() {
        let tree = SumTree::new((0..4).map(|n| node(n, 1, 0)).collect()).expect("small");
        let mut proof = tree.proof(1).expect("inside");
        proof.index = 5;
        assert_eq!(
            proof.root(node(1, 1, 0)),
            Err(TreeError::Index { index: 5, depth: 2 })
        );
        assert!(tree.proof(4).is_none());
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the strategies keep every sum small"
)]
mod property_tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves() -> impl Strategy<Value = Vec<SumNode<i64>>> {
        let leaf = (any::<[u8; 32]>(), 0_u64..1 << 40, -(1_i64 << 40)..1 << 40);
        prop::collection::vec(
            leaf.prop_map(|(h, a, b)| SumNode {
                hash: Hash::new(h),
                a,
                b,
            }),
            1..40,
        )
    }

    proptest! {
        #[test]
        fn every_leaf_proves_itself(leaves in leaves()) {
            let tree = SumTree::new(leaves.clone()).expect("sums fit");
            prop_assert_eq!(tree.root().a, leaves.iter().map(|l| l.a).sum::<u64>());
            prop_assert_eq!(tree.root().b, leaves.iter().map(|l| l.b).sum::<i64>());
            for (i, leaf) in leaves.iter().enumerate() {
                prop_assert_eq!(tree.proof(i).expect("inside").root(*leaf), Ok(tree.root()));
            }
        }

        #[test]
        fn a_changed_proof_is_refused(leaves in leaves(), which in any::<prop::sample::Index>(), bit in 0_usize..384, add in 1_u64..1000) {
            let tree = SumTree::new(leaves.clone()).expect("sums fit");
            let i = which.index(leaves.len());
            let proof = tree.proof(i).expect("inside");
            let leaf = leaves[i];
            prop_assert_ne!(proof.root(SumNode { a: leaf.a + add, ..leaf }), Ok(tree.root()));
            prop_assert_ne!(proof.root(SumNode { b: leaf.b.wrapping_add_unsigned(add), ..leaf }), Ok(tree.root()));
            for level in 0..proof.siblings.len() {
                let mut changed = proof.clone();
                let sibling = &mut changed.siblings[level];
                match bit / 8 {
                    byte @ 0..32 => {
                        let mut hash = *sibling.hash.as_bytes();
                        hash[byte] ^= 1 << (bit % 8);
                        sibling.hash = Hash::new(hash);
                    }
                    byte @ 32..40 => sibling.a ^= 1 << ((byte - 32) * 8 + bit % 8),
                    byte => sibling.b ^= 1 << ((byte - 40) * 8 + bit % 8),
                }
                prop_assert_ne!(changed.root(leaf), Ok(tree.root()));
                let mut moved = proof.clone();
                moved.index ^= 1 << level;
                // Two equal neighbours are the one case in which the place does not matter.
                let twin = leaves.get(i ^ (1 << level)) == Some(&leaf);
                prop_assert!(twin || level > 0 || moved.root(leaf) != Ok(tree.root()));
            }
        }
    }
}
