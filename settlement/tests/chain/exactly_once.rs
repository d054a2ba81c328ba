//! One purpose, one effect: whatever crashes when, and whichever answer is lost.

use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use energy_core::{Address, keccak};
use serde_json::json;
use settlement::chain::{
    BroadcastState, ChainKey, EmbeddedChain, JournalError, MemoryTxJournal, PreparedCall, Rpc,
    SendError, Sender, SenderSettings, SignedTx, TxJournal,
};

use crate::fixture::{Loses, Server, key};

/// Adds one to its slot 0 at every call.
const COUNTER: &str = "600880600 95f395ff35f54600101 5f5500";

fn sender(rpc: Rpc) -> Sender {
    Sender::new(rpc, key("operator"), 31_337, SenderSettings::default())
}

fn chain_with_gas() -> EmbeddedChain {
    let evm = EmbeddedChain::in_memory();
    evm.fund(key("operator").address(), 10_u128.pow(20))
        .expect("funds");
    evm
}

async fn counter(evm: &EmbeddedChain, journal: &dyn TxJournal) -> Address {
    let data = hex::decode(COUNTER.replace(' ', "")).expect("hex");
    let deploy = PreparedCall {
        to: None,
        data,
        value: 0,
    };
    let sender = sender(Rpc::Embedded(evm.clone()));
    sender
        .send_once("deploy", &deploy, journal)
        .await
        .expect("deploys")
        .contract
        .expect("an address")
}

fn count(evm: &EmbeddedChain, counter: Address) -> u64 {
    let params = json!([format!("0x{counter}"), "0x0", "latest"]);
    let value = evm.handle("eth_getStorageAt", &params).expect("a slot");
    u64::from_str_radix(value.as_str().expect("text").trim_start_matches("0x"), 16)
        .expect("a number")
}

fn call(counter: Address) -> PreparedCall {
    PreparedCall {
        to: Some(counter),
        data: Vec::new(),
        value: 0,
    }
}

/// A journal whose process dies at a point, once.
struct CrashingJournal<'a> {
    kept: &'a MemoryTxJournal,
    point: AtomicU8,
}

const BEFORE_STORE: u8 = 1;
const AFTER_STORE: u8 = 2;

#[async_trait]
impl TxJournal for CrashingJournal<'_> {
    async fn load(&self, purpose: &str) -> Result<Option<SignedTx>, JournalError> {
        self.kept.load(purpose).await
    }

    async fn store(&self, purpose: &str, tx: &SignedTx) -> Result<(), JournalError> {
        let crash = || Err(JournalError("the process ended".into()));
        match self.point.load(Ordering::SeqCst) {
            BEFORE_STORE => crash(),
            AFTER_STORE => {
                self.kept.store(purpose, tx).await?;
                crash()
            }
            _ => self.kept.store(purpose, tx).await,
        }
    }

    async fn stored_since(
        &self,
        from: &Address,
        nonce: u64,
    ) -> Result<Vec<SignedTx>, JournalError> {
        self.kept.stored_since(from, nonce).await
    }
}

#[tokio::test]
async fn asking_twice_has_one_effect() {
    let (evm, journal) = (chain_with_gas(), MemoryTxJournal::default());
    let counter = counter(&evm, &journal).await;
    let sender = sender(Rpc::Embedded(evm.clone()));
    let first = sender
        .send_once("once", &call(counter), &journal)
        .await
        .expect("sends");
    let again = sender
        .send_once("once", &call(counter), &journal)
        .await
        .expect("knows");
    assert_eq!((first, count(&evm, counter)), (again, 1));
    sender
        .send_once("another", &call(counter), &journal)
        .await
        .expect("sends");
    assert_eq!(count(&evm, counter), 2);
}

#[tokio::test]
async fn a_crash_before_or_after_storing_has_one_effect_in_the_end() {
    for point in [BEFORE_STORE, AFTER_STORE] {
        let (evm, kept) = (chain_with_gas(), MemoryTxJournal::default());
        let counter = counter(&evm, &kept).await;
        let crashing = CrashingJournal {
            kept: &kept,
            point: point.into(),
        };
        let died = sender(Rpc::Embedded(evm.clone()))
            .send_once("p", &call(counter), &crashing)
            .await;
        assert!(matches!(died, Err(SendError::Journal(_))));
        assert_eq!(
            count(&evm, counter),
            0,
            "nothing is sent that is not stored"
        );
        // The next process.
        sender(Rpc::Embedded(evm.clone()))
            .send_once("p", &call(counter), &kept)
            .await
            .expect("sends");
        assert_eq!(count(&evm, counter), 1);
    }
}

#[tokio::test]
async fn a_crash_after_broadcast_has_one_effect() {
    let (evm, journal) = (chain_with_gas(), MemoryTxJournal::default());
    let counter = counter(&evm, &journal).await;
    let first = sender(Rpc::Embedded(evm.clone()));
    let tx = first.prepare(&call(counter), 1).await.expect("signs");
    journal.store("p", &tx).await.expect("stores");
    assert_eq!(
        first.broadcast(&tx).await.expect("sends"),
        BroadcastState::Accepted
    );
    // The process ends here, without having seen the outcome.
    let next = sender(Rpc::Embedded(evm.clone()));
    assert_eq!(
        next.broadcast(&tx).await.expect("known"),
        BroadcastState::Known
    );
    let outcome = next
        .send_once("p", &call(counter), &journal)
        .await
        .expect("finds it");
    assert_eq!((outcome.hash, count(&evm, counter)), (tx.hash, 1));
}

#[tokio::test]
async fn what_was_stored_and_not_sent_goes_before_what_is_new() {
    let (evm, kept) = (chain_with_gas(), MemoryTxJournal::default());
    let counter = counter(&evm, &kept).await;
    let crashing = CrashingJournal {
        kept: &kept,
        point: AFTER_STORE.into(),
    };
    let died = sender(Rpc::Embedded(evm.clone()))
        .send_once("first", &call(counter), &crashing)
        .await;
    assert!(died.is_err());
    let next = sender(Rpc::Embedded(evm.clone()));
    next.send_once("second", &call(counter), &kept)
        .await
        .expect("sends both");
    assert_eq!(count(&evm, counter), 2);
    next.send_once("first", &call(counter), &kept)
        .await
        .expect("is there");
    assert_eq!(count(&evm, counter), 2);
}

#[tokio::test]
async fn lost_requests_and_replies_have_one_effect() {
    let methods = [
        "eth_sendRawTransaction",
        "eth_getTransactionReceipt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_estimateGas",
        "eth_feeHistory",
    ];
    for what in [Loses::Request, Loses::Reply] {
        for method in methods {
            let (evm, journal) = (chain_with_gas(), MemoryTxJournal::default());
            let counter = counter(&evm, &journal).await;
            let server = Server::start(evm.clone());
            server.lose(method, what);
            let sender = sender(server.rpc());
            // Some losses end the attempt with an error; the node then asks again.
            let outcome = match sender.send_once("p", &call(counter), &journal).await {
                Ok(outcome) => outcome,
                Err(_) => sender
                    .send_once("p", &call(counter), &journal)
                    .await
                    .expect("the second time"),
            };
            assert!(outcome.success);
            assert_eq!(count(&evm, counter), 1, "{method}");
        }
    }
}

#[tokio::test]
async fn purposes_at_the_same_time_take_turns() {
    let (evm, journal) = (
        chain_with_gas(),
        std::sync::Arc::new(MemoryTxJournal::default()),
    );
    let counter = counter(&evm, journal.as_ref()).await;
    let server = Server::start(evm.clone());
    let sender = sender(server.rpc());
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (sender, journal) = (sender.clone(), journal.clone());
            // Every purpose is asked for twice.
            tokio::spawn(async move {
                sender
                    .send_once(
                        &format!("p{}", number / 2),
                        &call(counter),
                        journal.as_ref(),
                    )
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("sends");
    }
    assert_eq!(count(&evm, counter), 10);
}

#[tokio::test]
async fn a_nonce_used_by_somebody_else_is_named() {
    let (evm, journal) = (chain_with_gas(), MemoryTxJournal::default());
    let counter = counter(&evm, &journal).await;
    let sender = sender(Rpc::Embedded(evm.clone()));
    let ours = sender.prepare(&call(counter), 1).await.expect("signs");
    let theirs = sender
        .prepare(
            &PreparedCall {
                data: vec![1],
                ..call(counter)
            },
            1,
        )
        .await
        .expect("signs");
    sender.broadcast(&theirs).await.expect("sends");
    let error = sender.broadcast(&ours).await.expect_err("displaced");
    assert!(
        matches!(error, SendError::Displaced { nonce: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_call_that_would_fail_is_not_signed_and_a_failed_one_says_why() {
    let (evm, journal) = (chain_with_gas(), MemoryTxJournal::default());
    // A contract that reverts whatever it is called with.
    let data = hex::decode("600380600 95f395ff35f5ffd".replace(' ', "")).expect("hex");
    let sender = sender(Rpc::Embedded(evm.clone()));
    let deploy = PreparedCall {
        to: None,
        data,
        value: 0,
    };
    let contract = sender
        .send_once("deploy", &deploy, &journal)
        .await
        .expect("deploys")
        .contract;
    let error = sender
        .send_once("p", &call(contract.expect("set")), &journal)
        .await
        .expect_err("reverts");
    assert!(matches!(error, SendError::WouldRevert { .. }), "{error}");
    assert!(journal.load("p").await.expect("loads").is_none());
}

#[tokio::test]
async fn signing_is_deterministic_and_hashes_what_is_sent() {
    let evm = chain_with_gas();
    let sender = sender(Rpc::Embedded(evm.clone()));
    let call = call(ChainKey::derived(b"x", "y").address());
    let (one, two) = (
        sender.prepare(&call, 0).await,
        sender.prepare(&call, 0).await,
    );
    let (one, two) = (one.expect("signs"), two.expect("signs"));
    assert_eq!(one, two);
    assert_eq!(one.hash, keccak(&[&one.raw]));
    let depth_two = {
        sender.broadcast(&one).await.expect("sends");
        sender.confirm(&one.hash, 2).await.expect("answers")
    };
    assert!(depth_two.is_none(), "not deep enough yet");
    evm.handle("evm_mine", &json!([])).expect("mines");
    evm.handle("evm_mine", &json!([])).expect("mines");
    assert!(
        sender
            .confirm(&one.hash, 2)
            .await
            .expect("answers")
            .is_some()
    );
}
