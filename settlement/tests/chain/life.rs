//! The life of a settlement batch: deploy, register, deposit, propose, finality, sync, withdraw.

use energy_core::{Hash, NanoAmount, WattHours};
use settlement::chain::{
    Chain, ChainError, Contracts, LogBatch, MemoryTxJournal, SendError, SettlementEvent,
};

use crate::fixture::*;

/// What a run leaves, for comparing chains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) gas: Vec<(&'static str, u64)>,
    pub(crate) addresses: settlement::chain::ContractAddresses,
    pub(crate) final_root: Hash,
    pub(crate) buyer_money_nano: i128,
    pub(crate) events: Vec<SettlementEvent>,
}

/// The whole life, with every claim on the way checked.
pub(crate) async fn live(chain: &Chain) -> Trace {
    let journal = MemoryTxJournal::default();
    let contracts = deployed(chain, &journal).await;
    contracts.check_deployed().await.expect("code everywhere");
    let mut gas = Vec::new();

    contracts
        .register_meters("meters", &[meter()], &journal)
        .await
        .expect("registers");
    assert!(
        contracts
            .is_meter_active(meter().meter)
            .await
            .expect("a view")
    );

    let [operator, _, seller, buyer] = accounts()[..] else {
        panic!("four accounts")
    };
    let minted = contracts
        .mint_test_coins("mint", &[operator, buyer], 50_000_000, &journal)
        .await
        .expect("mints");
    gas.push(("mint", minted.gas_used));
    let deposit = contracts
        .deposit(
            "deposit/buyer",
            &chain.sender(key("buyer")),
            10_000_000,
            &journal,
        )
        .await;
    gas.push(("deposit", deposit.expect("deposits").gas_used));
    let deposit = contracts
        .deposit_for("deposit/for/buyer", buyer, 1_000_000, &journal)
        .await;
    gas.push(("depositFor", deposit.expect("deposits").gas_used));
    assert_eq!(
        contracts.stablecoins(buyer).await.expect("a view"),
        40_000_000
    );
    assert_eq!(contracts.final_batch().await.expect("a view"), None);

    let mut parent = Hash::ZERO;
    for number in 1..=3 {
        let batch = batch(number, parent);
        let settled = START + 900 * number;
        chain.set_time(settled).await.expect("time");
        let proposed = contracts
            .propose(&format!("propose/{number}"), batch.header(), &journal)
            .await;
        gas.push(("propose", proposed.expect("proposes").gas_used));

        let pending = contracts
            .pending()
            .await
            .expect("a view")
            .expect("its window runs");
        assert_eq!(pending.batch.number, number);
        assert_eq!(
            pending.batch.root,
            batch
                .header()
                .root(chain.chain_id(), &contracts.addresses().settlement)
        );
        assert!(
            !contracts
                .is_claimable(batch.header())
                .await
                .expect("a view")
        );
        refuses_while_the_window_runs(&contracts, number, pending.batch.root, &journal).await;

        // The window passes without a block on the embedded chain.
        chain.set_time(settled + WINDOW_S + 5).await.expect("time");
        assert_eq!(contracts.pending().await.expect("a view"), None);
        let last = contracts
            .final_batch()
            .await
            .expect("a view")
            .expect("final");
        assert_eq!((last.number, last.settled_to), (number, settled));
        assert_eq!(last.minted, WattHours::new(100 * number));

        contracts
            .sync(&format!("sync/{number}"), &batch, &journal)
            .await
            .expect("syncs");
        let account = contracts.account(buyer).await.expect("a view");
        assert_eq!(account.energy, WattHours::new(100 * number));
        assert_eq!(
            account.cash,
            NanoAmount::new(-20_000_000 * number as i64 - 1_000)
        );
        assert_eq!(
            account.money_nano(),
            11_000_000_000 + i128::from(account.cash.get())
        );
        parent = last.root;
        assert_eq!(contracts.current_root().await.expect("a view"), parent);
    }

    leave(chain, &contracts, parent, &journal).await;
    let energy = contracts.account(buyer).await.expect("a view").energy;
    contracts
        .take_energy("take", &chain.sender(key("buyer")), energy, &journal)
        .await
        .expect("takes");
    assert_eq!(
        contracts.energy_tokens(buyer).await.expect("a view"),
        energy
    );
    assert_eq!(
        contracts.energy_tokens(seller).await.expect("a view"),
        WattHours::ZERO
    );

    Trace {
        gas,
        addresses: *contracts.addresses(),
        final_root: parent,
        buyer_money_nano: contracts.account(buyer).await.expect("a view").money_nano(),
        events: events(&contracts).await,
    }
}

async fn refuses_while_the_window_runs(
    contracts: &Contracts,
    number: u64,
    root: Hash,
    journal: &MemoryTxJournal,
) {
    let next = batch(number + 1, root);
    let error = contracts
        .propose("too early", next.header(), journal)
        .await
        .expect_err("the window runs");
    let ChainError::Send(SendError::WouldRevert { reason }) = &error else {
        panic!("got {error}")
    };
    assert!(reason.starts_with("WindowRunning(finalAt "), "{reason}");
}

/// The seller takes its money out: asked for before batch 4, paid after it.
async fn leave(chain: &Chain, contracts: &Contracts, parent: Hash, journal: &MemoryTxJournal) {
    let seller = chain.sender(key("seller"));
    contracts
        .request_withdrawal("leave", &seller, u64::MAX, journal)
        .await
        .expect("asks");
    let request = contracts
        .withdrawal_request(seller.address())
        .await
        .expect("a view")
        .expect("open");
    assert_eq!((request.units, request.after_batch), (u64::MAX, 3));
    let batch = batch(4, parent);
    chain.set_time(START + 3_600).await.expect("time");
    contracts
        .propose("propose/4", batch.header(), journal)
        .await
        .expect("proposes");
    chain
        .set_time(START + 3_600 + WINDOW_S + 5)
        .await
        .expect("time");
    contracts
        .complete_withdrawal("leave/paid", chain.operator(), &batch, SELLER, journal)
        .await
        .expect("is paid");
    assert_eq!(
        contracts
            .stablecoins(seller.address())
            .await
            .expect("a view"),
        80_000
    );
    assert_eq!(
        contracts
            .account(seller.address())
            .await
            .expect("a view")
            .money_nano(),
        0
    );
}

async fn events(contracts: &Contracts) -> Vec<SettlementEvent> {
    let cursor = contracts.events(0).with_blocks_max(7);
    let (mut events, mut position) = (Vec::new(), None);
    loop {
        match cursor.read(position).await.expect("reads") {
            LogBatch::Read {
                logs,
                position: next,
                ..
            } => {
                events.extend(logs.iter().filter_map(|log| contracts.event(log)));
                position = Some(next);
            }
            LogBatch::UpToDate => return events,
            LogBatch::Reorganized { lost } => panic!("lost {lost:?}"),
        }
    }
}

#[tokio::test]
async fn a_batch_lives_from_proposal_to_withdrawal() {
    let (_, chain) = embedded().await;
    let trace = live(&chain).await;
    let proposals = trace
        .events
        .iter()
        .filter(|event| matches!(event, SettlementEvent::Proposed { .. }));
    assert_eq!(proposals.count(), 4);
    assert!(trace.events.contains(&SettlementEvent::Deposited {
        account: key("buyer").address(),
        payer: key("operator").address(),
        units: 1_000_000,
    }));
    // The first proposals fill new slots of the ring of roots; the steady cost is the business of
    // the contract's own gas test.
    let proposals: Vec<u64> = trace
        .gas
        .iter()
        .filter(|(what, _)| *what == "propose")
        .map(|(_, gas)| *gas)
        .collect();
    assert!(proposals.iter().all(|gas| *gas < 120_000), "{proposals:?}");
}

#[tokio::test]
async fn deploying_twice_with_one_journal_has_one_effect() {
    let (evm, chain) = embedded().await;
    let journal = MemoryTxJournal::default();
    let first = *deployed(&chain, &journal).await.addresses();
    let blocks = chain.block_number().await.expect("a number");
    assert_eq!(*deployed(&chain, &journal).await.addresses(), first);
    assert_eq!(chain.block_number().await.expect("a number"), blocks);
    // Another chain, the same key: the same addresses.
    let (_, other) = embedded().await;
    assert_eq!(
        *deployed(&other, &MemoryTxJournal::default())
            .await
            .addresses(),
        first
    );
    drop(evm);
}

/// Both were fine when they were signed; the second one is not any more when it runs.
#[tokio::test]
async fn a_transaction_that_fails_on_the_chain_says_why() {
    let (_, chain) = embedded().await;
    let journal = MemoryTxJournal::default();
    let contracts = deployed(&chain, &journal).await;
    contracts
        .register_meters("meters", &[meter()], &journal)
        .await
        .expect("registers");
    chain.set_time(START + 900).await.expect("time");
    let call = contracts
        .propose_call(batch(1, Hash::ZERO).header())
        .expect("encodes");
    let operator = chain.operator();
    let first = operator.prepare(&call, 8).await.expect("signs");
    let second = operator.prepare(&call, 9).await.expect("signs");
    assert!(operator.deliver(&first).await.expect("sends").success);
    let outcome = operator.deliver(&second).await.expect("is mined");
    assert!(!outcome.success);
    let reason = outcome.revert_reason.expect("a reason");
    assert_eq!(reason, "NotNextNumber(expected 2, got 1)");
}

#[tokio::test]
async fn a_street_without_contracts_is_noticed() {
    let (_, chain) = embedded().await;
    let addresses = *deployed(&chain, &MemoryTxJournal::default())
        .await
        .addresses();
    let (_, empty) = embedded().await;
    let error = empty
        .contracts(addresses)
        .check_deployed()
        .await
        .expect_err("nothing is there");
    assert!(
        matches!(
            error,
            ChainError::NoContract {
                contract: "Settlement",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_fund_of_gas_money_is_demanded_where_none_is_given_away() {
    let (evm, _) = embedded().await;
    let server = Server::start(evm);
    let chain = Chain::connect(server.rpc(), key("operator"), Default::default())
        .await
        .expect("connects");
    let error = chain
        .give_gas(&[key("nobody").address()], 1)
        .await
        .expect_err("no gas");
    assert!(
        matches!(
            error,
            ChainError::NeedsGas {
                expected: 1,
                got: 0,
                ..
            }
        ),
        "{error}"
    );
}
