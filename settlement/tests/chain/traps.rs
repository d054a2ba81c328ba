//! The known traps of `ethers` 2.0.14, each shown and each avoided.

use std::sync::Arc;

use energy_core::{Address, keccak};
use ethers::{
    contract::{Contract, EthEvent},
    providers::{Middleware, Provider},
};
use serde_json::json;
use settlement::chain::{LogBatch, MemoryTxJournal, PreparedCall, Rpc, SettlementEvent, TxJournal};

use crate::fixture::*;

/// The same event as the settlement's, as anybody can emit it.
#[derive(Debug, Clone, EthEvent)]
struct Deposited {
    #[ethevent(indexed)]
    account: ethers::types::Address,
    #[ethevent(indexed)]
    payer: ethers::types::Address,
    amount_units: u64,
}

/// Emits LOG3 with the three topics and the data that it is called with.
const SPOOFER: &str = concat!(
    "601b80600 95f395ff3", // creation: copy 27 bytes from byte 9 and return them
    "604035602035600035",  // topic 3, 2, 1
    "60603603",            // size of the data
    "80606060003 7",       // copy the data to 0
    "6000a300",            // LOG3
);

async fn spoofer(chain: &settlement::chain::Chain, journal: &dyn TxJournal) -> Address {
    let code = SPOOFER.replace(' ', "");
    let length = (code.len() - 18) / 2;
    let code = format!("60{length:02x}{}", &code[4..]);
    let deploy = PreparedCall {
        to: None,
        data: hex::decode(code).expect("hex"),
        value: 0,
    };
    let outcome = chain
        .operator()
        .send_once("spoofer", &deploy, journal)
        .await
        .expect("deploys");
    outcome.contract.expect("an address")
}

#[tokio::test]
async fn trap_1_events_of_other_contracts_are_not_ours() {
    let (_, chain) = embedded().await;
    let journal = MemoryTxJournal::default();
    let contracts = deployed(&chain, &journal).await;
    let buyer = key("buyer").address();
    contracts
        .mint_test_coins("mint", &[key("operator").address()], 1_000, &journal)
        .await
        .expect("mints");
    contracts
        .deposit_for("deposit", buyer, 5, &journal)
        .await
        .expect("deposits");

    // Somebody claims a deposit of a million for the buyer.
    let word = |bytes: &[u8]| [&vec![0; 32 - bytes.len()][..], bytes].concat();
    let claim = [
        keccak(&[b"Deposited(address,address,uint64)"])
            .as_bytes()
            .to_vec(),
        word(buyer.as_bytes()),
        word(buyer.as_bytes()),
        word(&1_000_000_u64.to_be_bytes()),
    ]
    .concat();
    let call = PreparedCall {
        to: Some(spoofer(&chain, &journal).await),
        data: claim,
        value: 0,
    };
    chain
        .operator()
        .send_once("spoof", &call, &journal)
        .await
        .expect("emits");

    // The trap: a filter made through the contract's own instance finds both.
    let provider = Arc::new(Provider::new(chain.rpc().clone()));
    let settlement = ethers::types::Address::from(*contracts.addresses().settlement.as_bytes());
    let instance = Contract::new(settlement, ethers::abi::Abi::default(), provider);
    let found = instance
        .event::<Deposited>()
        .from_block(0)
        .query()
        .await
        .expect("queries");
    assert_eq!(found.len(), 2, "ethers leaves the address out");

    // Ours finds the real one.
    let LogBatch::Read { logs, at_head, .. } = contracts.events(0).read(None).await.expect("reads")
    else {
        panic!("expected logs")
    };
    assert!(
        at_head
            && logs
                .iter()
                .all(|log| log.address == contracts.addresses().settlement)
    );
    let deposits: Vec<_> = logs
        .iter()
        .filter_map(|log| contracts.event(log))
        .filter(|event| matches!(event, SettlementEvent::Deposited { .. }))
        .collect();
    let real = SettlementEvent::Deposited {
        account: buyer,
        payer: key("operator").address(),
        units: 5,
    };
    assert_eq!(deposits, [real]);

    // And a log of another contract, however it came, is not read as one of ours.
    let forged = settlement::chain::ChainLog {
        address: buyer,
        ..logs[logs.len() - 1].clone()
    };
    assert_eq!(contracts.event(&forged), None);
}

#[tokio::test]
async fn trap_2_the_priority_fee_follows_the_chain() {
    let (evm, chain) = embedded().await;
    let provider = Provider::new(evm.clone());
    let (_, tip) = provider
        .estimate_eip1559_fees(None)
        .await
        .expect("estimates");
    assert_eq!(
        tip.as_u64(),
        3_000_000_000,
        "ethers bids 3 gwei on any quiet chain"
    );

    let call = PreparedCall {
        to: Some(key("seller").address()),
        data: vec![],
        value: 1,
    };
    let tx = chain.operator().prepare(&call, 0).await.expect("signs");
    chain.operator().broadcast(&tx).await.expect("sends");
    let sent = evm
        .handle("eth_getTransactionByHash", &json!([tx.hash.to_string()]))
        .expect("known");
    assert_eq!(sent["maxPriorityFeePerGas"], "0x1");
    assert_eq!(
        sent["maxFeePerGas"], "0x7d1",
        "twice the base fee of 1000, and the tip"
    );
}

/// The trap: A at nonce n was mined and its reply lost while B waits at n + 1; a nonce manager that
/// signs A again at n + 1 settles twice and takes B's place.
#[tokio::test]
async fn trap_3_a_lost_reply_never_signs_again() {
    let evm = settlement::chain::EmbeddedChain::in_memory();
    evm.fund(key("operator").address(), GAS_MONEY)
        .expect("funds");
    let server = Server::start(evm.clone());
    let chain =
        settlement::chain::Chain::connect(server.rpc(), key("operator"), Default::default()).await;
    let chain = chain.expect("connects");
    let journal = MemoryTxJournal::default();
    let pay = |value| PreparedCall {
        to: Some(key("seller").address()),
        data: vec![],
        value,
    };
    server.lose("eth_sendRawTransaction", Loses::Reply);
    let (five, seventy) = (pay(5), pay(70));
    let (a, b) = tokio::join!(
        chain.operator().send_once("a", &five, &journal),
        chain.operator().send_once("b", &seventy, &journal),
    );
    let (a, b) = (a.expect("a is there"), b.expect("b is there"));
    assert_ne!(a.hash, b.hash);
    let balance = json!([format!("0x{}", key("seller").address()), "latest"]);
    assert_eq!(
        evm.handle("eth_getBalance", &balance).expect("a balance"),
        "0x4b",
        "5 + 70, once each"
    );
    assert_eq!(chain.block_number().await.expect("a number"), 2);
}

/// The trap: "subscriptions" over HTTP are filters in the node's memory; they end with it, and with
/// the process. Ours is a position that is stored.
#[tokio::test]
async fn trap_4_events_are_read_from_a_stored_position_and_a_reorg_is_noticed() {
    let (_, chain) = embedded().await;
    let journal = MemoryTxJournal::default();
    let contracts = deployed(&chain, &journal).await;
    contracts
        .mint_test_coins("mint", &[key("operator").address()], 1_000, &journal)
        .await
        .expect("mints");
    let buyer = key("buyer").address();
    let mut seen = Vec::new();
    let mut position = None;
    for round in 1..=3_u64 {
        contracts
            .deposit_for(&format!("d{round}"), buyer, round, &journal)
            .await
            .expect("deposits");
        // A new cursor each time, as after a restart: the position is all that is needed.
        let LogBatch::Read {
            logs,
            position: next,
            ..
        } = contracts.events(0).read(position).await.expect("reads")
        else {
            panic!("expected logs")
        };
        seen.extend(logs.iter().filter_map(|log| match contracts.event(log) {
            Some(SettlementEvent::Deposited { units, .. }) => Some(units),
            _ => None,
        }));
        position = Some(next);
    }
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(
        contracts.events(0).read(position).await.expect("reads"),
        LogBatch::UpToDate
    );
    assert_eq!(
        contracts.events(5).read(position).await.expect("reads"),
        LogBatch::UpToDate
    );

    // Another history behind the same address: the position is no longer true.
    let (other_evm, other) = embedded().await;
    other.set_time(START + 1).await.expect("time");
    for _ in 0..30 {
        other_evm.handle("evm_mine", &json!([])).expect("mines");
    }
    let elsewhere = other.contracts(*contracts.addresses()).events(0);
    let lost = position.expect("read");
    assert_eq!(
        elsewhere.read(position).await.expect("reads"),
        LogBatch::Reorganized { lost }
    );
}

/// None of the parts of `ethers` with traps is named in the source.
#[test]
fn the_trapped_parts_of_ethers_are_not_used() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chain");
    let banned = [
        "NonceManager",
        "GasEscalator",
        "SignerMiddleware",
        "estimate_eip1559_fees",
        ".watch(",
        ".subscribe",
        "_filter()",
        ".send()",
    ];
    let mut files = vec![folder];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(&path)
                    .expect("reads")
                    .map(|entry| entry.expect("an entry").path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("reads");
        for word in banned {
            // The HTTP client's `.send()` is not that of `ethers`.
            let is_http = path.ends_with("http.rs") && word == ".send()";
            assert!(
                is_http || !text.contains(word),
                "{} names {word}",
                path.display()
            );
        }
    }
    let _: fn(&Rpc) -> bool = Rpc::is_embedded;
}
