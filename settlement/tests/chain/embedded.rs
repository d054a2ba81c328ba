//! The embedded chain from outside: persistence, time, and the JSON-RPC that wallets speak.

use serde_json::{Value, json};
use settlement::chain::{
    Durability, EmbeddedChain, EmbeddedError, EmbeddedSettings, MemoryTxJournal, Rpc,
};

use crate::fixture::{START, connect, deployed, key, meter};

fn rpc(chain: &EmbeddedChain, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let answer: Value = serde_json::from_slice(&chain.json_rpc(body.as_bytes())).expect("JSON");
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

fn error(chain: &EmbeddedChain, method: &str, params: Value) -> (i64, String) {
    let error = chain.handle(method, &params).expect_err("an error");
    (error.code, error.message)
}

/// Everything that can be seen of a chain.
fn picture(chain: &EmbeddedChain) -> Value {
    let head = rpc(chain, "eth_blockNumber", json!([]));
    let head = u64::from_str_radix(&head.as_str().expect("text")[2..], 16).expect("a number");
    let blocks: Vec<Value> = (0..=head)
        .map(|number| {
            rpc(
                chain,
                "eth_getBlockByNumber",
                json!([format!("{number:#x}"), true]),
            )
        })
        .collect();
    let receipts: Vec<Value> = (0..=head)
        .map(|number| {
            rpc(
                chain,
                "eth_getBlockReceipts",
                json!([format!("{number:#x}")]),
            )
        })
        .collect();
    let logs = rpc(chain, "eth_getLogs", json!([{"fromBlock": "0x0"}]));
    json!({"blocks": blocks, "receipts": receipts, "logs": logs})
}

fn settings(path: &std::path::Path) -> EmbeddedSettings {
    EmbeddedSettings {
        path: Some(path.to_owned()),
        genesis_time: START - 1,
        ..EmbeddedSettings::default()
    }
}

#[tokio::test]
async fn a_reopened_chain_is_the_same_chain_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    let journal = MemoryTxJournal::default();
    let (before, addresses) = {
        let evm = EmbeddedChain::open(&settings(&path)).expect("opens");
        let chain = connect(Rpc::Embedded(evm.clone())).await;
        let contracts = deployed(&chain, &journal).await;
        evm.handle("evm_mine", &json!([])).expect("mines");
        assert!(matches!(
            EmbeddedChain::open(&settings(&path)),
            Err(EmbeddedError::InUse { .. })
        ));
        (picture(&evm), *contracts.addresses())
    };
    let evm = EmbeddedChain::open(&EmbeddedSettings {
        durability: Durability::Fsync,
        ..settings(&path)
    });
    let evm = evm.expect("opens again");
    assert_eq!(picture(&evm), before);
    assert_eq!(evm.time(), START);
    let chain = connect(Rpc::Embedded(evm.clone())).await;
    let contracts = chain.contracts(addresses);
    contracts
        .register_meters("meters", &[meter()], &journal)
        .await
        .expect("goes on");
    assert!(
        contracts
            .is_meter_active(meter().meter)
            .await
            .expect("a view")
    );
}

#[tokio::test]
async fn a_torn_journal_loses_the_last_transaction_and_sending_it_again_heals() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chain");
    let journal = MemoryTxJournal::default();
    let whole = {
        let evm = EmbeddedChain::open(&settings(&path)).expect("opens");
        let chain = connect(Rpc::Embedded(evm.clone())).await;
        deployed(&chain, &journal).await;
        picture(&evm)
    };
    let bytes = std::fs::read(&path).expect("reads");
    std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("cuts");
    let evm = EmbeddedChain::open(&settings(&path)).expect("opens");
    assert_ne!(picture(&evm), whole);
    deployed(&connect(Rpc::Embedded(evm.clone())).await, &journal).await;
    assert_eq!(picture(&evm), whole);
}

#[test]
fn time_is_set_never_goes_back_and_is_seen_without_a_block() {
    let chain = EmbeddedChain::in_memory();
    // A contract that returns block.timestamp: TIMESTAMP PUSH0 MSTORE 32 PUSH0 RETURN, run as
    // creation code by a call without an address.
    let now = |chain: &EmbeddedChain| {
        rpc(
            chain,
            "eth_call",
            json!([{"data": "0x425f5260205ff3"}, "latest"]),
        )
    };
    assert_eq!(chain.set_time(1_000), 1_000);
    assert_eq!(chain.set_time(900), 1_000);
    assert_eq!(now(&chain), json!(format!("0x{:064x}", 1_000)));
    chain
        .handle("evm_setNextBlockTimestamp", &json!([2_000]))
        .expect("forward");
    assert_eq!(now(&chain), json!(format!("0x{:064x}", 2_000)));
    assert!(
        error(&chain, "evm_setNextBlockTimestamp", json!([1_999]))
            .1
            .contains("never goes back")
    );
    assert_eq!(rpc(&chain, "eth_blockNumber", json!([])), "0x0");
    chain.handle("evm_mine", &json!([])).expect("mines");
    assert_eq!(
        rpc(&chain, "eth_getBlockByNumber", json!(["latest", false]))["timestamp"],
        "0x7d0"
    );
}

#[test]
fn visitors_cannot_move_time_or_make_money() {
    let chain = EmbeddedChain::in_memory();
    for method in [
        "evm_mine",
        "evm_setNextBlockTimestamp",
        "anvil_setBalance",
        "eth_sign",
        "nonsense",
    ] {
        let body = json!({"id": 1, "method": method, "params": [5, "0x5"]}).to_string();
        let answer: Value = serde_json::from_slice(&chain.json_rpc(body.as_bytes())).expect("JSON");
        assert_eq!(answer["error"]["code"], -32601, "{method}");
    }
}

#[test]
fn wrong_parameters_are_named() {
    let chain = EmbeddedChain::in_memory();
    let address = format!("0x{}", key("operator").address());
    let check = |method, params, expected: &str| {
        let (code, message) = error(&chain, method, params);
        assert!(message.contains(expected), "{method}: {message}");
        assert!(code < 0);
    };
    check(
        "eth_getBalance",
        json!(["0x12", "latest"]),
        "expected an address of 20 bytes",
    );
    check(
        "eth_getBalance",
        json!([address, "0x5"]),
        "newest block only",
    );
    check(
        "eth_getBalance",
        json!([address, "yesterday"]),
        "expected a quantity",
    );
    check("eth_call", json!([5]), "expected a call object");
    check(
        "eth_call",
        json!([{"to": address}, "latest", {"0x": {}}]),
        "state overrides",
    );
    check(
        "eth_sendRawTransaction",
        json!(["0x00"]),
        "expected a signed transaction",
    );
    check("eth_sendRawTransaction", json!(["0x03c0"]), "not supported");
    check(
        "eth_getLogs",
        json!([{"fromBlock": "0x5", "toBlock": "0x1"}]),
        "invalid block range",
    );
    check(
        "eth_getLogs",
        json!([{"topics": ["0x12"]}]),
        "expected a hash",
    );
    check(
        "eth_getLogs",
        json!([{"blockHash": format!("0x{:064x}", 5)}]),
        "unknown block",
    );
}

#[tokio::test]
async fn logs_are_found_by_topics_ranges_and_block_hash() {
    let evm = EmbeddedChain::in_memory();
    let chain = connect(Rpc::Embedded(evm.clone())).await;
    let journal = MemoryTxJournal::default();
    let contracts = deployed(&chain, &journal).await;
    let homes = [key("seller").address(), key("buyer").address()];
    contracts
        .mint_test_coins("mint", &homes, 7, &journal)
        .await
        .expect("mints");
    let find = |filter: Value| {
        rpc(&evm, "eth_getLogs", json!([filter]))
            .as_array()
            .expect("a list")
            .len()
    };

    let transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let stablecoin = format!("0x{}", contracts.addresses().stablecoin);
    let topic = |home: usize| format!("0x{:0>64}", homes[home].to_string());
    assert_eq!(
        find(json!({"fromBlock": "earliest", "address": stablecoin, "topics": [transfer]})),
        2
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [transfer, null, topic(0)]})),
        1
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [[transfer], [], [topic(0), topic(1)]]})),
        2
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [null, null, null, null]})),
        2,
        "only the registry's RoleGranted has three indexed fields"
    );
    assert_eq!(
        find(
            json!({"fromBlock": "0x0", "address": [stablecoin, topic(0)[..42]], "topics": [transfer]})
        ),
        2
    );
    assert_eq!(
        find(json!({"topics": [transfer]})),
        2,
        "the newest block alone"
    );
    let head = rpc(&evm, "eth_getBlockByNumber", json!(["finalized", false]));
    assert_eq!(find(json!({"blockHash": head["hash"]})), 2);
    assert_eq!(find(json!({"fromBlock": "0x0", "toBlock": "0x0"})), 0);
    assert_ne!(
        head["logsBloom"]
            .as_str()
            .expect("text")
            .trim_matches(['0', 'x']),
        ""
    );
}

#[tokio::test]
async fn what_wallets_ask_is_answered() {
    let evm = EmbeddedChain::in_memory();
    let chain = connect(Rpc::Embedded(evm.clone())).await;
    let operator = format!("0x{}", key("operator").address());
    deployed(&chain, &MemoryTxJournal::default()).await;
    assert_eq!(rpc(&evm, "eth_chainId", json!([])), "0x7a69");
    assert_eq!(rpc(&evm, "net_version", json!([])), "31337");
    assert_eq!(rpc(&evm, "eth_syncing", json!([])), false);
    assert_eq!(rpc(&evm, "eth_accounts", json!([])), json!([]));
    assert_eq!(rpc(&evm, "eth_gasPrice", json!([])), "0x3e9");
    assert_eq!(
        rpc(
            &evm,
            "eth_getTransactionCount",
            json!([operator, "pending"])
        ),
        "0x7"
    );
    let history = rpc(&evm, "eth_feeHistory", json!(["0x4", "latest", [25, 50]]));
    assert_eq!(
        history["baseFeePerGas"].as_array().expect("a list").len(),
        5
    );
    assert_eq!(history["reward"].as_array().expect("a list").len(), 4);
    let transfer = json!([{"from": operator, "to": operator, "value": "0x1"}]);
    assert_eq!(rpc(&evm, "eth_estimateGas", transfer), "0x5208");
    let block = rpc(&evm, "eth_getBlockByNumber", json!(["latest", true]));
    let by_hash = rpc(&evm, "eth_getBlockByHash", json!([block["hash"], true]));
    assert_eq!(block, by_hash);
    let hash = &block["transactions"][0]["hash"];
    assert_eq!(
        rpc(&evm, "eth_getTransactionByHash", json!([hash])),
        block["transactions"][0]
    );
    assert_eq!(
        rpc(&evm, "eth_getTransactionReceipt", json!([hash]))["status"],
        "0x1"
    );
    assert_eq!(
        rpc(&evm, "eth_getBlockByNumber", json!(["0xffff", false])),
        Value::Null
    );
    let unknown = format!("0x{:064x}", 1);
    assert_eq!(
        rpc(&evm, "eth_getTransactionReceipt", json!([unknown])),
        Value::Null
    );

    let batch =
        br#"[{"id":1,"method":"eth_chainId"},{"id":2,"method":"eth_blockNumber","params":[]}]"#;
    let answers: Value = serde_json::from_slice(&evm.json_rpc(batch)).expect("JSON");
    assert_eq!(answers.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn repeated_and_misnumbered_transactions_are_refused_in_geths_words() {
    let evm = EmbeddedChain::in_memory();
    let chain = connect(Rpc::Embedded(evm.clone())).await;
    let call = settlement::chain::PreparedCall {
        to: Some(key("seller").address()),
        data: vec![],
        value: 1,
    };
    let send = |raw: &[u8]| {
        evm.handle(
            "eth_sendRawTransaction",
            &json!([format!("0x{}", hex::encode(raw))]),
        )
    };
    let first = chain.operator().prepare(&call, 0).await.expect("signs");
    send(&first.raw).expect("takes it");
    assert_eq!(
        send(&first.raw).expect_err("twice").message,
        "already known"
    );
    let other = settlement::chain::PreparedCall {
        value: 2,
        ..call.clone()
    };
    let low = chain.operator().prepare(&other, 0).await.expect("signs");
    assert_eq!(
        send(&low.raw).expect_err("low").message,
        "nonce too low: next nonce 1, tx nonce 0"
    );
    let high = chain.operator().prepare(&other, 5).await.expect("signs");
    assert_eq!(
        send(&high.raw).expect_err("high").message,
        "nonce too high: next nonce 1, tx nonce 5"
    );
    let poor = chain.sender(key("poor"));
    let error = poor.prepare(&call, 0).await.expect_err("no money");
    assert!(error.to_string().contains("refuse"), "{error}");
}
