//! `eth_getLogs`: by addresses, topics and a range of blocks or one block hash.

use revm::primitives::{Address, B256, Log};
use serde_json::Value;

use super::{
    block::{Place, log_json},
    ledger::Ledger,
    methods::block_number,
    params,
};
use crate::chain::RpcError;

/// A parsed filter. An empty list of addresses or of alternatives matches everything.
struct LogFilter {
    from: u64,
    to: u64,
    addresses: Vec<Address>,
    topics: Vec<Vec<B256>>,
}

/// The logs that a filter object matches, oldest first.
pub(super) fn logs(ledger: &Ledger, object: &Value) -> Result<Value, RpcError> {
    let filter = LogFilter::parse(ledger, object)?;
    let first = ledger
        .logs
        .partition_point(|entry| entry.block < filter.from);
    let matching = ledger.logs[first..]
        .iter()
        .enumerate()
        .take_while(|(_, entry)| entry.block <= filter.to)
        .filter(|(_, entry)| filter.matches(&entry.log));
    Ok(matching
        .filter_map(|(offset, entry)| {
            let block = ledger.block(entry.block)?;
            let mined = block.mined.as_ref()?;
            let place: Place = block.place;
            Some(log_json(
                &entry.log,
                first + offset - mined.logs.start,
                &place,
                &mined.tx.hash,
            ))
        })
        .collect())
}

impl LogFilter {
    fn parse(ledger: &Ledger, object: &Value) -> Result<Self, RpcError> {
        let head = ledger.head().place.block_number;
        let (from, to) = match params::optional(object, "blockHash", params::hash)? {
            Some(hash) => {
                let block = ledger
                    .block_by_hash(&hash)
                    .ok_or_else(|| RpcError::refused("unknown block"))?;
                (block.place.block_number, block.place.block_number)
            }
            None => {
                let bound = |name| params::optional(object, name, |tag| block_number(ledger, tag));
                (
                    bound("fromBlock")?.unwrap_or(head),
                    bound("toBlock")?.unwrap_or(head),
                )
            }
        };
        if from > to {
            return Err(RpcError::params(format!(
                "invalid block range: from {from} to {to}"
            )));
        }
        Ok(Self {
            from,
            to,
            addresses: params::optional(object, "address", |value| {
                one_or_many(value, params::address)
            })?
            .unwrap_or_default(),
            topics: params::optional(object, "topics", topics)?.unwrap_or_default(),
        })
    }

    fn matches(&self, log: &Log) -> bool {
        let topics = log.topics();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(wanted, topic)| wanted.is_empty() || wanted.contains(topic))
    }
}

fn topics(value: &Value) -> Result<Vec<Vec<B256>>, RpcError> {
    let items = value.as_array().filter(|items| items.len() <= 4);
    let items = items
        .ok_or_else(|| RpcError::params(format!("expected at most four topics, got {value}")))?;
    items
        .iter()
        .map(|item| match item {
            Value::Null => Ok(Vec::new()),
            // A null among the alternatives matches everything.
            Value::Array(many) if many.iter().any(Value::is_null) => Ok(Vec::new()),
            item => one_or_many(item, params::hash),
        })
        .collect()
}

fn one_or_many<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, RpcError>,
) -> Result<Vec<T>, RpcError> {
    match value {
        Value::Array(many) => many.iter().map(read).collect(),
        one => Ok(vec![read(one)?]),
    }
}
