//! Reading events by ranges of blocks, with a position that survives restarts and notices reorgs.
//!
//! Every request names the contract's address. An event of the same shape from another contract
//! is somebody else's claim, and the filters that `ethers` generates do let it through.

use energy_core::{Address, Hash};
use serde_json::{Value, json};

use super::{ClientError, Rpc, wire};

/// An event as the chain gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLog {
    /// Who emitted it: always the address that was asked for.
    pub address: Address,
    /// Signature hash first, then the indexed fields.
    pub topics: Vec<Hash>,
    /// The other fields, ABI-encoded.
    pub data: Vec<u8>,
    /// The block it is in.
    pub block: u64,
    /// That block's hash.
    pub block_hash: Hash,
    /// The transaction.
    pub transaction: Hash,
    /// Its place within the block.
    pub index: u64,
}

/// Up to where events were read: everything up to and including this block. Store it with what
/// was made of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorPosition {
    /// The last block read.
    pub block: u64,
    /// Its hash then.
    pub hash: Hash,
}

/// What a look brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogBatch {
    /// Events in order, and the position behind them. `at_head` is false if there is more.
    Read {
        /// Oldest first.
        logs: Vec<ChainLog>,
        /// To be stored.
        position: CursorPosition,
        /// Whether everything deep enough has been read.
        at_head: bool,
    },
    /// Nothing new is deep enough.
    UpToDate,
    /// The chain no longer has the block at the position: go back to an earlier stored position,
    /// undo what came after it, and read again.
    Reorganized {
        /// The position that no longer holds.
        lost: CursorPosition,
    },
}

/// Reads the events of one contract.
#[derive(Debug, Clone)]
pub struct LogCursor {
    rpc: Rpc,
    address: Address,
    /// Blocks that must lie on top of one that is read.
    depth: u64,
    /// Blocks per request; many nodes refuse more than some thousand.
    blocks_max: u64,
}

impl LogCursor {
    /// A cursor over the events of `address`.
    #[must_use]
    pub fn new(rpc: Rpc, address: Address, depth: u64) -> Self {
        Self {
            rpc,
            address,
            depth,
            blocks_max: 2_000,
        }
    }

    /// With another bound on the blocks per request (at least 1).
    #[must_use]
    pub fn with_blocks_max(mut self, blocks_max: u64) -> Self {
        self.blocks_max = blocks_max.max(1);
        self
    }

    /// The events after `since` (`None` = from the first block on), one request's worth.
    ///
    /// # Errors
    /// The chain does not answer sensibly.
    pub async fn read(&self, since: Option<CursorPosition>) -> Result<LogBatch, ClientError> {
        let head = wire::quantity64(
            "eth_blockNumber",
            &self.rpc.call("eth_blockNumber", json!([])).await?,
        )?;
        if let Some(lost) = since
            && self.block_hash(lost.block).await? != Some(lost.hash)
        {
            return Ok(LogBatch::Reorganized { lost });
        }
        let first = since.map_or(0, |position| position.block.saturating_add(1));
        let Some(newest) = head
            .checked_sub(self.depth)
            .filter(|newest| *newest >= first)
        else {
            return Ok(LogBatch::UpToDate);
        };
        let last = newest.min(first.saturating_add(self.blocks_max - 1));
        let logs = self.logs(first, last).await?;
        // The hash is read after the events: if the range changed in between, an event of the
        // last block disagrees now, or the position is found lost at the next look.
        let Some(hash) = self.block_hash(last).await? else {
            return Ok(LogBatch::UpToDate);
        };
        if logs
            .iter()
            .any(|log| log.block == last && log.block_hash != hash)
        {
            return Ok(LogBatch::UpToDate);
        }
        Ok(LogBatch::Read {
            logs,
            position: CursorPosition { block: last, hash },
            at_head: last == newest,
        })
    }

    async fn logs(&self, from: u64, to: u64) -> Result<Vec<ChainLog>, ClientError> {
        const METHOD: &str = "eth_getLogs";
        let filter = json!({
            "address": wire::text(self.address.as_bytes()),
            "fromBlock": wire::number(from),
            "toBlock": wire::number(to),
        });
        let answer = self.rpc.call(METHOD, json!([filter])).await?;
        let list = answer
            .as_array()
            .ok_or_else(|| ClientError::nonsense(METHOD, "a list of events", &answer))?;
        let mut logs = list.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        // Not every node can be trusted to filter.
        logs.retain(|log| log.address == self.address && (from..=to).contains(&log.block));
        logs.sort_by_key(|log| (log.block, log.index));
        Ok(logs)
    }

    async fn block_hash(&self, number: u64) -> Result<Option<Hash>, ClientError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let block = self
            .rpc
            .call(METHOD, json!([wire::number(number), false]))
            .await?;
        match block.get("hash") {
            None | Some(Value::Null) => Ok(None),
            Some(hash) => wire::hash(METHOD, hash).map(Some),
        }
    }
}

fn parse(log: &Value) -> Result<ChainLog, ClientError> {
    const METHOD: &str = "eth_getLogs";
    let field = |name: &str| log.get(name).unwrap_or(&Value::Null);
    let topics = field("topics")
        .as_array()
        .ok_or_else(|| ClientError::nonsense(METHOD, "topics", log))?;
    Ok(ChainLog {
        address: wire::address(METHOD, field("address"))?,
        topics: topics
            .iter()
            .map(|topic| wire::hash(METHOD, topic))
            .collect::<Result<_, _>>()?,
        data: wire::bytes(METHOD, field("data"))?,
        block: wire::quantity64(METHOD, field("blockNumber"))?,
        block_hash: wire::hash(METHOD, field("blockHash"))?,
        transaction: wire::hash(METHOD, field("transactionHash"))?,
        index: wire::quantity64(METHOD, field("logIndex"))?,
    })
}
