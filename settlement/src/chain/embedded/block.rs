//! A block of the embedded chain: at most one transaction, and a real header hash.
//!
//! The transaction, receipt and bloom fields of the header are what any Ethereum node computes.
//! `stateRoot` is not the root of a state trie, which the embedded chain does not keep, but a
//! running digest of all state changes since genesis; two chains with the same digest have the
//! same state.

use std::ops::Range;

use ethers::utils::rlp::RlpStream;
use revm::primitives::{Address, B256, Bytes, Log, alloy_primitives::Bloom, b256, keccak256};
use serde_json::{Value, json};

use super::{hex, transaction::Transaction};

/// Gas that a block can hold.
pub(super) const BLOCK_GAS: u64 = 60_000_000;
/// Wei per gas, the same in every block: the embedded chain is never crowded.
pub(super) const BASE_FEE: u64 = 1_000;

/// Root of an empty trie: keccak(0x80).
const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// Hash of an empty list of uncles: keccak(0xc0).
const EMPTY_UNCLES: B256 =
    b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// Hash of no execution requests: sha256 of nothing (EIP-7685).
const EMPTY_REQUESTS: B256 =
    b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Where a transaction or log is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) block_number: u64,
    pub(super) block_hash: B256,
    pub(super) timestamp: u64,
}

/// A transaction that ran, and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Mined {
    pub(super) tx: Transaction,
    pub(super) success: bool,
    pub(super) gas_used: u64,
    pub(super) contract: Option<Address>,
    /// Positions of its logs in the chain's list of logs.
    pub(super) logs: Range<usize>,
    /// What a failed one returned.
    pub(super) revert: Bytes,
}

/// A block with its hash.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) place: Place,
    pub(super) parent: B256,
    pub(super) state_digest: B256,
    pub(super) mined: Option<Mined>,
    bloom: Bloom,
    transactions_root: B256,
    receipts_root: B256,
    size: usize,
}

impl Block {
    /// Seals a block. `logs` are those of its transaction.
    pub(super) fn seal(
        number: u64,
        timestamp: u64,
        parent: B256,
        state_digest: B256,
        mined: Option<Mined>,
        logs: &[Log],
    ) -> Self {
        let mut bloom = Bloom::default();
        for log in logs {
            bloom.accrue_log(log);
        }
        let (transactions_root, receipts_root) = match &mined {
            Some(mined) => (
                single_item_root(&mined.tx.raw),
                single_item_root(&receipt_encoding(mined, &bloom, logs)),
            ),
            None => (EMPTY_ROOT, EMPTY_ROOT),
        };
        let place = Place {
            block_number: number,
            block_hash: B256::ZERO,
            timestamp,
        };
        let mut block = Self {
            place,
            parent,
            state_digest,
            mined,
            bloom,
            transactions_root,
            receipts_root,
            size: 0,
        };
        let header = block.header();
        block.place.block_hash = keccak256(&header);
        block.size = header.len() + block.mined.as_ref().map_or(0, |mined| mined.tx.raw.len()) + 6;
        block
    }

    /// Gas of its transaction, 0 without one.
    pub(super) fn gas_used(&self) -> u64 {
        self.mined.as_ref().map_or(0, |mined| mined.gas_used)
    }

    /// RLP of the header as of the Osaka fork.
    fn header(&self) -> Vec<u8> {
        let mut out = RlpStream::new_list(21);
        out.append(&self.parent.as_slice())
            .append(&EMPTY_UNCLES.as_slice())
            .append(&Address::ZERO.as_slice())
            .append(&self.state_digest.as_slice())
            .append(&self.transactions_root.as_slice())
            .append(&self.receipts_root.as_slice())
            .append(&self.bloom.as_slice())
            .append(&0_u8) // difficulty
            .append(&self.place.block_number)
            .append(&BLOCK_GAS)
            .append(&self.gas_used())
            .append(&self.place.timestamp)
            .append(&&[][..]) // extra data
            .append(&B256::ZERO.as_slice()) // mix hash
            .append(&&[0_u8; 8][..]) // nonce
            .append(&BASE_FEE)
            .append(&EMPTY_ROOT.as_slice()) // withdrawals
            .append(&0_u8) // blob gas used
            .append(&0_u8) // excess blob gas
            .append(&B256::ZERO.as_slice()) // parent beacon block root
            .append(&EMPTY_REQUESTS.as_slice());
        out.out().to_vec()
    }

    /// The JSON of `eth_getBlockByNumber`.
    pub(super) fn json(&self, full: bool) -> Value {
        let transactions: Vec<Value> = self
            .mined
            .iter()
            .map(|mined| match full {
                true => mined.tx.json(&self.place, BASE_FEE),
                false => json!(hex::hash(&mined.tx.hash)),
            })
            .collect();
        let zero = hex::hash(&B256::ZERO);
        json!({
            "number": hex::quantity(self.place.block_number),
            "hash": hex::hash(&self.place.block_hash),
            "parentHash": hex::hash(&self.parent),
            "sha3Uncles": hex::hash(&EMPTY_UNCLES),
            "miner": hex::address(&Address::ZERO),
            "stateRoot": hex::hash(&self.state_digest),
            "transactionsRoot": hex::hash(&self.transactions_root),
            "receiptsRoot": hex::hash(&self.receipts_root),
            "logsBloom": hex::bytes(self.bloom.as_slice()),
            "difficulty": "0x0",
            "totalDifficulty": "0x0",
            "gasLimit": hex::quantity(BLOCK_GAS),
            "gasUsed": hex::quantity(self.gas_used()),
            "timestamp": hex::quantity(self.place.timestamp),
            "extraData": "0x",
            "mixHash": zero,
            "nonce": "0x0000000000000000",
            "baseFeePerGas": hex::quantity(BASE_FEE),
            "withdrawalsRoot": hex::hash(&EMPTY_ROOT),
            "withdrawals": [],
            "blobGasUsed": "0x0",
            "excessBlobGas": "0x0",
            "parentBeaconBlockRoot": zero,
            "requestsHash": hex::hash(&EMPTY_REQUESTS),
            "size": hex::quantity(self.size as u64),
            "uncles": [],
            "transactions": transactions,
        })
    }

    /// The JSON of `eth_getTransactionReceipt`. `logs` are those of the transaction. A failed one
    /// has `revertReason`, as Besu gives it.
    pub(super) fn receipt_json(&self, mined: &Mined, logs: &[Log]) -> Value {
        let tx = &mined.tx;
        let logs: Vec<Value> = logs
            .iter()
            .enumerate()
            .map(|(index, log)| log_json(log, index, &self.place, &tx.hash))
            .collect();
        let mut receipt = json!({
            "type": hex::quantity(u64::from(tx.body.kind)),
            "status": hex::quantity(u64::from(mined.success)),
            "transactionHash": hex::hash(&tx.hash),
            "transactionIndex": "0x0",
            "blockHash": hex::hash(&self.place.block_hash),
            "blockNumber": hex::quantity(self.place.block_number),
            "from": hex::address(&tx.from),
            "to": tx.body.to.as_ref().map(hex::address),
            "contractAddress": mined.contract.as_ref().map(hex::address),
            "cumulativeGasUsed": hex::quantity(mined.gas_used),
            "gasUsed": hex::quantity(mined.gas_used),
            "effectiveGasPrice": hex::quantity(tx.gas_price(BASE_FEE)),
            "logs": logs,
            "logsBloom": hex::bytes(self.bloom.as_slice()),
        });
        if !mined.success {
            receipt["revertReason"] = json!(hex::bytes(&mined.revert));
        }
        receipt
    }
}

/// The JSON of a log.
pub(super) fn log_json(log: &Log, index: usize, place: &Place, transaction: &B256) -> Value {
    let topics: Vec<_> = log.topics().iter().map(hex::hash).collect();
    json!({
        "address": hex::address(&log.address),
        "topics": topics,
        "data": hex::bytes(&log.data.data),
        "blockNumber": hex::quantity(place.block_number),
        "blockHash": hex::hash(&place.block_hash),
        "blockTimestamp": hex::quantity(place.timestamp),
        "transactionHash": hex::hash(transaction),
        "transactionIndex": "0x0",
        "logIndex": hex::quantity(index as u64),
        "removed": false,
    })
}

/// The root of a trie with one item at index 0: its only node is a leaf whose path is rlp(0).
fn single_item_root(item: &[u8]) -> B256 {
    let mut leaf = RlpStream::new_list(2);
    leaf.append(&&[0x20_u8, 0x80][..]).append(&item);
    keccak256(leaf.out())
}

fn receipt_encoding(mined: &Mined, bloom: &Bloom, logs: &[Log]) -> Vec<u8> {
    let mut out = RlpStream::new_list(4);
    out.append(&u8::from(mined.success))
        .append(&mined.gas_used)
        .append(&bloom.as_slice());
    out.begin_list(logs.len());
    for log in logs {
        out.begin_list(3).append(&log.address.as_slice());
        out.begin_list(log.topics().len());
        for topic in log.topics() {
            out.append(&topic.as_slice());
        }
        out.append(&log.data.data.as_ref());
    }
    let list = out.out();
    match mined.tx.body.kind {
        0 => list.to_vec(),
        kind => [&[kind], list.as_ref()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(keccak256([0x80]), EMPTY_ROOT);
        assert_eq!(keccak256([0xc0]), EMPTY_UNCLES);
    }

    #[test]
    fn a_block_is_bound_to_its_parent_and_time() {
        let seal = |parent, time| {
            Block::seal(1, time, parent, B256::ZERO, None, &[])
                .place
                .block_hash
        };
        assert_ne!(seal(B256::ZERO, 1), seal(B256::ZERO, 2));
        assert_ne!(seal(B256::ZERO, 1), seal(B256::repeat_byte(1), 1));
        assert_eq!(seal(B256::ZERO, 1), seal(B256::ZERO, 1));
    }
}
