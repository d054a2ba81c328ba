//! The header of a settlement batch, and the root by which the chain knows it.
//!
//! root = `keccak(abi.encode(domain, chain id, contract, number, parent root, settled to, home root,
//! credited Wh, evidence root, minted Wh, carry Wh, market root))`: twelve words of 32 bytes. The
//! chain and the contract are in it, so a root means nothing anywhere else. Cash has no field: it
//! sums to zero, and a home tree with another sum proves nothing.

use energy_core::{Address, Hash, WattHours, keccak};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

const WORDS: usize = 12;

/// What every header hash begins with: `keccak("commonwatt/settlement-batch/1")`.
#[must_use]
pub fn batch_domain() -> Hash {
    keccak(&[b"commonwatt/settlement-batch/1"])
}

/// What a settlement batch commits to. Field for field the contract's `BatchHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct BatchHeader {
    /// 1 for the first, then one more each time.
    #[n(0)]
    pub number: u64,
    /// The root before, zero for the first.
    #[n(1)]
    pub parent_root: Hash,
    /// The end of the newest interval in it, in s UTC.
    #[n(2)]
    pub settled_to: u64,
    /// The root of the home tree.
    #[n(3)]
    pub home_root: Hash,
    /// Energy credited to all accounts since the beginning.
    #[n(4)]
    pub credited: WattHours,
    /// The root of the evidence tree.
    #[n(5)]
    pub evidence_root: Hash,
    /// Energy minted for all meters since the beginning, equal to `credited`.
    #[n(6)]
    pub minted: WattHours,
    /// Of that, what corrections took back and new generation has yet to fill.
    #[n(7)]
    pub carry: WattHours,
    /// The root of the market tree.
    #[n(8)]
    pub market_root: Hash,
}

impl BatchHeader {
    /// Its root on this chain and in this contract.
    #[must_use]
    pub fn root(&self, chain_id: u64, contract: &Address) -> Hash {
        keccak(&[&self.abi_encoded(chain_id, contract)])
    }

    /// The bytes of which the root is the hash.
    #[must_use]
    pub fn abi_encoded(&self, chain_id: u64, contract: &Address) -> Vec<u8> {
        let words: [[u8; 32]; WORDS] = [
            *batch_domain().as_bytes(),
            number_word(chain_id),
            address_word(contract),
            number_word(self.number),
            *self.parent_root.as_bytes(),
            number_word(self.settled_to),
            *self.home_root.as_bytes(),
            number_word(self.credited.get()),
            *self.evidence_root.as_bytes(),
            number_word(self.minted.get()),
            number_word(self.carry.get()),
            *self.market_root.as_bytes(),
        ];
        words.concat()
    }

    /// Verified energy: minted less carry.
    #[must_use]
    pub fn verified(&self) -> WattHours {
        self.minted.saturating_less(self.carry)
    }
}

fn number_word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

fn address_word(address: &Address) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address.as_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BatchHeader {
        BatchHeader {
            number: 1,
            parent_root: Hash::ZERO,
            settled_to: 900,
            home_root: keccak(&[b"homes"]),
            credited: WattHours::new(7),
            evidence_root: keccak(&[b"evidence"]),
            minted: WattHours::new(7),
            carry: WattHours::ZERO,
            market_root: keccak(&[b"markets"]),
        }
    }

    #[test]
    fn a_root_holds_on_one_chain_and_in_one_contract() {
        let here = Address::new([1; 20]);
        let root = header().root(31_337, &here);
        assert_eq!(header().abi_encoded(31_337, &here).len(), 384);
        assert_ne!(root, header().root(1, &here));
        assert_ne!(root, header().root(31_337, &Address::new([2; 20])));
        assert_ne!(
            root,
            BatchHeader {
                carry: WattHours::new(1),
                ..header()
            }
            .root(31_337, &here)
        );
    }
}
