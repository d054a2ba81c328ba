//! Signed transactions as they travel: decoding, the sender, the form that the EVM runs.
//!
//! Invariant: a decoded transaction encodes to exactly the bytes it came from, so its hash is the
//! hash of those bytes. Accepted are the types 0 (legacy, with or without EIP-155), 1 (EIP-2930)
//! and 2 (EIP-1559) with a low `s` (EIP-2). Blob and set-code transactions are refused.

use ethers::utils::rlp::{DecoderError, Rlp, RlpStream};
use revm::{
    context::{
        TxEnv,
        transaction::{AccessList, AccessListItem},
    },
    primitives::{Address, B256, Bytes, TxKind, U256, keccak256},
};
use serde_json::{Value, json};

use super::{block::Place, hex};
use crate::chain::RpcError;

/// Half of the order of secp256k1; a higher `s` is the malleated twin of a signature (EIP-2).
const HALF_ORDER: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    u64::MAX,
    0x7fff_ffff_ffff_ffff,
]);
/// Larger ones are refused before they are looked at; nodes have the same bound.
const RAW_BYTES_MAX: usize = 128 * 1024;

/// A transaction with its sender. Fees are in wei per gas.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) raw: Bytes,
    pub(super) hash: B256,
    pub(super) from: Address,
    pub(super) body: Body,
}

/// The signed content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) kind: u8,
    pub(super) chain_id: Option<u64>,
    pub(super) nonce: u64,
    /// Kinds 0 and 1: equal to `max_fee`.
    pub(super) priority_fee: u128,
    /// Kinds 0 and 1: the gas price.
    pub(super) max_fee: u128,
    pub(super) gas: u64,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) access_list: Vec<(Address, Vec<B256>)>,
    v: u64,
    r: U256,
    s: U256,
}

impl Transaction {
    /// Decodes bytes from outside and recovers the sender.
    pub(super) fn decode(raw: &[u8], chain_id: u64) -> Result<Self, RpcError> {
        let body = Body::decode(raw)?;
        if body.chain_id.is_some_and(|id| id != chain_id) {
            return Err(RpcError::refused(format!(
                "invalid chain id: expected {chain_id}, got {}",
                body.chain_id.unwrap_or_default()
            )));
        }
        let from = body.recover()?;
        Ok(Self {
            hash: keccak256(raw),
            raw: Bytes::copy_from_slice(raw),
            from,
            body,
        })
    }

    /// Decodes bytes from the own journal, whose checksum covers the sender.
    pub(super) fn from_journal(raw: &[u8], from: Address) -> Result<Self, RpcError> {
        Ok(Self {
            hash: keccak256(raw),
            raw: Bytes::copy_from_slice(raw),
            from,
            body: Body::decode(raw)?,
        })
    }

    /// What the EVM runs.
    pub(super) fn env(&self) -> TxEnv {
        let body = &self.body;
        let access_list = AccessList(
            body.access_list
                .iter()
                .map(|(address, keys)| AccessListItem {
                    address: *address,
                    storage_keys: keys.clone(),
                })
                .collect(),
        );
        TxEnv {
            tx_type: body.kind,
            caller: self.from,
            gas_limit: body.gas,
            gas_price: body.max_fee,
            gas_priority_fee: (body.kind == 2).then_some(body.priority_fee),
            kind: body.to.map_or(TxKind::Create, TxKind::Call),
            value: body.value,
            data: body.input.clone(),
            nonce: body.nonce,
            chain_id: body.chain_id,
            access_list,
            ..TxEnv::default()
        }
    }

    /// Wei per gas that the sender pays at this base fee.
    pub(super) fn gas_price(&self, base_fee: u64) -> u128 {
        let base_fee = u128::from(base_fee);
        self.body
            .max_fee
            .min(base_fee.saturating_add(self.body.priority_fee))
    }

    /// The JSON of `eth_getTransactionByHash`.
    pub(super) fn json(&self, place: &Place, base_fee: u64) -> Value {
        let body = &self.body;
        let mut value = json!({
            "hash": hex::hash(&self.hash),
            "type": hex::quantity(u64::from(body.kind)),
            "nonce": hex::quantity(body.nonce),
            "blockHash": hex::hash(&place.block_hash),
            "blockNumber": hex::quantity(place.block_number),
            "transactionIndex": "0x0",
            "from": hex::address(&self.from),
            "to": body.to.as_ref().map(hex::address),
            "value": hex::quantity256(body.value),
            "gas": hex::quantity(body.gas),
            "gasPrice": hex::quantity(self.gas_price(base_fee)),
            "input": hex::bytes(&body.input),
            "v": hex::quantity(body.v),
            "r": hex::quantity256(body.r),
            "s": hex::quantity256(body.s),
        });
        if let Some(chain_id) = body.chain_id {
            value["chainId"] = json!(hex::quantity(chain_id));
        }
        if body.kind > 0 {
            value["yParity"] = json!(hex::quantity(body.v));
            value["accessList"] = body
                .access_list
                .iter()
                .map(|(address, keys)| {
                    let keys: Vec<_> = keys.iter().map(hex::hash).collect();
                    json!({"address": hex::address(address), "storageKeys": keys})
                })
                .collect();
        }
        if body.kind == 2 {
            value["maxFeePerGas"] = json!(hex::quantity(body.max_fee));
            value["maxPriorityFeePerGas"] = json!(hex::quantity(body.priority_fee));
        }
        value
    }
}

impl Body {
    fn decode(raw: &[u8]) -> Result<Self, RpcError> {
        if raw.len() > RAW_BYTES_MAX {
            return Err(RpcError::refused(format!(
                "oversized data: transaction size {}, limit {RAW_BYTES_MAX}",
                raw.len()
            )));
        }
        let body = match raw.first() {
            Some(0xc0..) => Self::decode_legacy(&Rlp::new(raw)),
            Some(&kind @ (1 | 2)) => Self::decode_typed(kind, &Rlp::new(&raw[1..])),
            Some(3 | 4) => {
                return Err(RpcError::refused(
                    "transaction type not supported: expected type 0, 1 or 2",
                ));
            }
            _ => {
                return Err(RpcError::params(
                    "expected a signed transaction of type 0, 1 or 2",
                ));
            }
        }
        .map_err(|error| RpcError::params(format!("rlp: {error}")))?;
        if body.encode(true) != raw {
            return Err(RpcError::params(
                "the transaction is not in its canonical encoding",
            ));
        }
        Ok(body)
    }

    fn decode_legacy(rlp: &Rlp<'_>) -> Result<Self, DecoderError> {
        expect_items(rlp, 9)?;
        let gas_price = integer(rlp, 1)?;
        let v: u64 = narrow(integer(rlp, 6)?)?;
        Ok(Self {
            kind: 0,
            chain_id: (v >= 35).then(|| (v - 35) / 2),
            nonce: narrow(integer(rlp, 0)?)?,
            priority_fee: gas_price,
            max_fee: gas_price,
            gas: narrow(integer(rlp, 2)?)?,
            to: destination(rlp, 3)?,
            value: word(rlp, 4)?,
            input: Bytes::copy_from_slice(rlp.at(5)?.data()?),
            access_list: Vec::new(),
            v,
            r: word(rlp, 7)?,
            s: word(rlp, 8)?,
        })
    }

    fn decode_typed(kind: u8, rlp: &Rlp<'_>) -> Result<Self, DecoderError> {
        // Type 2 has one fee more than type 1; what follows is shifted by it.
        let shift = usize::from(kind == 2);
        expect_items(rlp, 11 + shift)?;
        Ok(Self {
            kind,
            chain_id: Some(narrow(integer(rlp, 0)?)?),
            nonce: narrow(integer(rlp, 1)?)?,
            priority_fee: integer(rlp, 2)?,
            max_fee: integer(rlp, 2 + shift)?,
            gas: narrow(integer(rlp, 3 + shift)?)?,
            to: destination(rlp, 4 + shift)?,
            value: word(rlp, 5 + shift)?,
            input: Bytes::copy_from_slice(rlp.at(6 + shift)?.data()?),
            access_list: access_list(&rlp.at(7 + shift)?)?,
            v: narrow(integer(rlp, 8 + shift)?)?,
            r: word(rlp, 9 + shift)?,
            s: word(rlp, 10 + shift)?,
        })
    }

    /// The encoding with the signature, or the preimage that is signed.
    fn encode(&self, signed: bool) -> Vec<u8> {
        let mut out = RlpStream::new();
        out.begin_unbounded_list();
        if self.kind > 0 {
            out.append(&self.chain_id.unwrap_or_default());
        }
        out.append(&self.nonce);
        if self.kind == 2 {
            out.append(&self.priority_fee);
        }
        out.append(&self.max_fee).append(&self.gas);
        out.append(&self.to.as_ref().map_or(&[][..], |to| to.as_slice()));
        append_word(&mut out, self.value);
        out.append(&self.input.as_ref());
        if self.kind > 0 {
            append_access_list(&mut out, &self.access_list);
        }
        if signed {
            out.append(&self.v);
            append_word(&mut out, self.r);
            append_word(&mut out, self.s);
        } else if let (0, Some(chain_id)) = (self.kind, self.chain_id) {
            out.append(&chain_id).append(&0_u8).append(&0_u8);
        }
        out.finalize_unbounded_list();
        let list = out.out();
        if self.kind == 0 {
            return list.to_vec();
        }
        let mut typed = Vec::with_capacity(list.len() + 1);
        typed.push(self.kind);
        typed.extend_from_slice(&list);
        typed
    }

    fn recover(&self) -> Result<Address, RpcError> {
        let legal_v = match (self.kind, self.chain_id) {
            (0, Some(_)) => true,
            (0, None) => matches!(self.v, 27 | 28),
            _ => self.v < 2,
        };
        if !legal_v || self.s > HALF_ORDER {
            return Err(RpcError::refused("invalid transaction v, r, s values"));
        }
        let signature = ethers::types::Signature {
            r: ethers::types::U256::from_big_endian(&self.r.to_be_bytes::<32>()),
            s: ethers::types::U256::from_big_endian(&self.s.to_be_bytes::<32>()),
            v: self.v,
        };
        let digest = ethers::types::H256(keccak256(self.encode(false)).0);
        signature
            .recover(digest)
            .map(|address| Address::new(address.0))
            .map_err(|error| RpcError::refused(format!("invalid sender: {error}")))
    }
}

fn expect_items(rlp: &Rlp<'_>, expected: usize) -> Result<(), DecoderError> {
    if rlp.item_count()? == expected {
        Ok(())
    } else {
        Err(DecoderError::RlpIncorrectListLen)
    }
}

fn integer(rlp: &Rlp<'_>, index: usize) -> Result<u128, DecoderError> {
    let bytes = rlp.at(index)?.data()?;
    if bytes.len() > 16 {
        return Err(DecoderError::RlpIsTooBig);
    }
    Ok(bytes
        .iter()
        .fold(0, |value, byte| (value << 8) | u128::from(*byte)))
}

fn narrow(value: u128) -> Result<u64, DecoderError> {
    u64::try_from(value).map_err(|_| DecoderError::RlpIsTooBig)
}

fn word(rlp: &Rlp<'_>, index: usize) -> Result<U256, DecoderError> {
    U256::try_from_be_slice(rlp.at(index)?.data()?).ok_or(DecoderError::RlpIsTooBig)
}

fn destination(rlp: &Rlp<'_>, index: usize) -> Result<Option<Address>, DecoderError> {
    let bytes = rlp.at(index)?.data()?;
    match bytes.len() {
        0 => Ok(None),
        _ => Address::try_from(bytes)
            .map(Some)
            .map_err(|_| DecoderError::RlpInvalidLength),
    }
}

fn access_list(rlp: &Rlp<'_>) -> Result<Vec<(Address, Vec<B256>)>, DecoderError> {
    rlp.iter()
        .map(|entry| {
            expect_items(&entry, 2)?;
            let address = destination(&entry, 0)?.ok_or(DecoderError::RlpInvalidLength)?;
            let keys = entry.at(1)?;
            let keys = keys
                .iter()
                .map(|key| B256::try_from(key.data()?).map_err(|_| DecoderError::RlpInvalidLength))
                .collect::<Result<_, _>>()?;
            Ok((address, keys))
        })
        .collect()
}

fn append_word(out: &mut RlpStream, value: U256) {
    out.append(&value.to_be_bytes_trimmed_vec());
}

fn append_access_list(out: &mut RlpStream, list: &[(Address, Vec<B256>)]) {
    out.begin_list(list.len());
    for (address, keys) in list {
        out.begin_list(2).append(&address.as_slice());
        out.begin_list(keys.len());
        for key in keys {
            out.append(&key.as_slice());
        }
    }
}

#[cfg(test)]
mod tests {
    use ethers::{
        signers::{LocalWallet, Signer},
        types::{
            Eip1559TransactionRequest, TransactionRequest, transaction::eip2718::TypedTransaction,
        },
    };
    use proptest::prelude::*;

    use super::*;

    fn signed(tx: &TypedTransaction) -> (Vec<u8>, Address) {
        let wallet = LocalWallet::from_bytes(&[7; 32])
            .expect("a key")
            .with_chain_id(31_337_u64);
        let signature = wallet.sign_transaction_sync(tx).expect("signs");
        (
            tx.rlp_signed(&signature).to_vec(),
            Address::new(wallet.address().0),
        )
    }

    fn eip1559() -> TypedTransaction {
        Eip1559TransactionRequest::new()
            .chain_id(31_337)
            .nonce(3)
            .to(ethers::types::Address::repeat_byte(9))
            .gas(21_000)
            .max_fee_per_gas(5_000)
            .max_priority_fee_per_gas(2)
            .value(77)
            .data(vec![1, 2, 3])
            .into()
    }

    #[test]
    fn ethers_transactions_are_understood() {
        let legacy: TypedTransaction = TransactionRequest::new()
            .chain_id(31_337)
            .nonce(0)
            .gas(21_000)
            .gas_price(9)
            .value(1)
            .into();
        for tx in [eip1559(), legacy] {
            let (raw, from) = signed(&tx);
            let decoded = Transaction::decode(&raw, 31_337).expect("decodes");
            assert_eq!(decoded.from, from);
            assert_eq!(decoded.body.nonce, tx.nonce().expect("set").as_u64());
            assert_eq!(decoded.body.chain_id, Some(31_337));
        }
    }

    #[test]
    fn another_chain_and_trailing_bytes_are_refused() {
        let (mut raw, _) = signed(&eip1559());
        assert!(
            Transaction::decode(&raw, 1)
                .expect_err("other chain")
                .message
                .contains("expected 1, got 31337")
        );
        raw.push(0);
        assert!(Transaction::decode(&raw, 31_337).is_err());
    }

    #[test]
    fn the_malleated_twin_of_a_signature_is_refused() {
        let (raw, _) = signed(&eip1559());
        let mut body = Body::decode(&raw).expect("decodes");
        let order = HALF_ORDER * U256::from(2) + U256::ONE;
        body.s = order - body.s;
        body.v ^= 1;
        assert!(
            Transaction::decode(&body.encode(true), 31_337)
                .expect_err("high s")
                .message
                .contains("v, r, s")
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Transaction::decode(&raw, 31_337);
        }

        #[test]
        fn a_changed_byte_never_keeps_the_sender(at in 0_usize..120, bit in 0_u8..8) {
            let (mut raw, from) = signed(&eip1559());
            let at = at % raw.len();
            raw[at] ^= 1 << bit;
            if let Ok(decoded) = Transaction::decode(&raw, 31_337) {
                prop_assert_ne!(decoded.from, from);
            }
        }
    }
}
