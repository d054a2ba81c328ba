//! A batch's header and leaves as the contracts' bindings take them.

use crate::chain::{abi, chain::ethers_address};
use crate::{BatchHeader, HomeLeaf};

pub(super) fn abi_header(header: &BatchHeader) -> abi::AbiHeader {
    abi::AbiHeader {
        number: header.number,
        parent_root: *header.parent_root.as_bytes(),
        settled_to: header.settled_to,
        home_root: *header.home_root.as_bytes(),
        credited_wh: header.credited.get(),
        evidence_root: *header.evidence_root.as_bytes(),
        minted_wh: header.minted.get(),
        carry_wh: header.carry.get(),
        market_root: *header.market_root.as_bytes(),
    }
}

pub(super) fn abi_leaf(leaf: &HomeLeaf) -> abi::AbiHomeLeaf {
    abi::AbiHomeLeaf {
        account: ethers_address(&leaf.account),
        credited_wh: leaf.credited.get(),
        retired_wh: leaf.retired.get(),
        cash_nano: leaf.cash.get(),
    }
}
