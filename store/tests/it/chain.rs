//! Contracts, transactions, settlement batches, escrow.

use std::collections::BTreeMap;

use clearing_house::Ledger;
use clearing_house::state::IntervalState;
use energy_core::{Hash, WattHours, keccak};
use store::{
    BatchState, ChainCursor, ContractRecord, Escrow, EscrowEvent, EscrowKind, FinalRoot,
    IntervalRecord, SettlementBatchRecord, SignedTransaction, StoreError, TransactionState,
    Written,
};

use crate::street::{START_S, Street, address, outcome, start, zone};

fn signed(nonce: u64) -> Result<SignedTransaction, StoreError> {
    let raw = vec![2, u8::try_from(nonce).expect("few")];
    Ok(SignedTransaction {
        hash: keccak(&[&raw]),
        raw,
    })
}

#[test]
fn a_purpose_is_signed_once_and_a_nonce_used_once() {
    let street = Street::empty();
    let sender = address(0);
    let first = street
        .store
        .sign_once(&sender, "deploy/token", 3, signed)
        .expect("signed");
    assert_eq!((first.nonce, first.state), (3, TransactionState::Signed));
    let refused = street.store.sign_once(&sender, "propose/1", 0, |_| {
        Err(StoreError::Unknown {
            what: "key",
            key: "of the proposer".to_owned(),
        })
    });
    assert!(matches!(
        refused,
        Err(StoreError::Unknown { what: "key", .. })
    ));
    let street = street.reopened();
    let store = &street.store;
    let never = |_| -> Result<SignedTransaction, StoreError> { panic!("was signed before") };
    assert_eq!(
        store
            .sign_once(&sender, "deploy/token", 0, never)
            .expect("kept"),
        first
    );
    assert_eq!(
        store
            .sign_once(&sender, "propose/1", 0, signed)
            .expect("signed")
            .nonce,
        4
    );
    assert_eq!(store.next_nonce(&sender, 0).expect("asked"), 5);
    assert_eq!(store.next_nonce(&address(1), 7).expect("asked"), 7);

    store
        .set_transaction(&first.hash, TransactionState::Mined, Some(12), None)
        .expect("mined");
    store
        .set_transaction(&first.hash, TransactionState::Sent, None, None)
        .expect("its block went");
    store
        .set_transaction(&first.hash, TransactionState::Final, Some(13), None)
        .expect("final");
    let back = store.set_transaction(&first.hash, TransactionState::Sent, None, None);
    assert!(matches!(back, Err(StoreError::Step { .. })));
    let kept = store
        .transaction("deploy/token")
        .expect("asked")
        .expect("there");
    assert_eq!(
        (kept.state, kept.block),
        (TransactionState::Final, Some(13))
    );
    assert_eq!(
        store.transaction_by_hash(&first.hash).expect("asked"),
        Some(kept)
    );
    let open: Vec<u64> = store
        .transactions_in(TransactionState::Signed)
        .expect("asked")
        .iter()
        .map(|row| row.nonce)
        .collect();
    assert_eq!(open, [4]);
}

#[test]
fn a_contract_stays_where_it_is() {
    let street = Street::empty();
    let contract = ContractRecord {
        name: "Settlement".to_owned(),
        chain_id: 31_337,
        address: address(5),
        deployer: address(0),
        deploy_nonce: 1,
        block: 2,
    };
    assert_eq!(
        street.store.put_contract(&contract).expect("new"),
        Written::New
    );
    assert_eq!(
        street.store.put_contract(&contract).expect("same"),
        Written::Already
    );
    let moved = ContractRecord {
        address: address(6),
        ..contract.clone()
    };
    assert!(matches!(
        street.store.put_contract(&moved),
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(
        street.store.contract("Settlement").expect("asked"),
        Some(contract.clone())
    );
    assert_eq!(street.store.contracts().expect("asked"), [contract]);
}

fn batch(number: u64, intervals: i64) -> SettlementBatchRecord {
    let hash = |n: u64| keccak(&[&n.to_be_bytes()]);
    SettlementBatchRecord {
        number,
        settled_to_s: START_S + 900 * intervals,
        root: hash(number),
        parent_root: if number == 1 {
            Hash::ZERO
        } else {
            hash(number - 1)
        },
        header: vec![1],
        home_leaves: vec![2],
        evidence_leaves: vec![3],
        market_leaves: vec![4],
        credited: WattHours::new(500 * number),
        minted: WattHours::new(500 * number),
        carry: WattHours::new(20),
        journal_through: BTreeMap::from([(zone(), number)]),
        state: BatchState::Built,
        tx_hash: None,
        final_at_s: None,
    }
}

#[test]
fn intervals_follow_their_settlement_batch() {
    let street = Street::new();
    let (store, lease) = (&street.store, street.lease());
    let mut ledger = Ledger::default();
    for n in 0..3 {
        let made = outcome(start(n), &ledger, &[(0, 500), (400, 0)]);
        ledger = made.ledger.clone();
        store
            .record_interval(&lease, &IntervalRecord::new(made, start(n + 1), 0))
            .expect("kept");
    }
    let states = || -> Vec<IntervalState> {
        store
            .intervals(&zone(), i64::MIN, i64::MAX)
            .expect("asked")
            .iter()
            .map(|row| row.state)
            .collect()
    };
    use IntervalState::{Cleared, Final, Settled};
    assert_eq!(
        store.put_settlement_batch(&batch(1, 1)).expect("new"),
        Written::New
    );
    assert_eq!(states(), [Settled, Cleared, Cleared]);
    store
        .set_settlement_batch(1, BatchState::Pending, Some(Hash::new([9; 32])), None)
        .expect("proposed");
    store
        .set_settlement_batch(1, BatchState::Final, None, Some(77))
        .expect("final");
    assert_eq!(
        store.put_settlement_batch(&batch(1, 1)).expect("same"),
        Written::Already
    );
    assert_eq!(states(), [Final, Cleared, Cleared]);
    let kept = store.settlement_batch(1).expect("asked").expect("there");
    assert_eq!(
        (kept.tx_hash, kept.final_at_s),
        (Some(Hash::new([9; 32])), Some(77))
    );

    store.put_settlement_batch(&batch(2, 3)).expect("new");
    assert_eq!(states(), [Final, Settled, Settled]);
    store
        .set_settlement_batch(2, BatchState::Pending, None, None)
        .expect("proposed");
    assert_eq!(
        store
            .settlement_batch_covering(START_S + 1_800)
            .expect("asked")
            .map(|b| b.number),
        Some(2)
    );
    assert_eq!(
        store
            .newest_settlement_batch_in(BatchState::Pending)
            .expect("asked")
            .map(|b| b.number),
        Some(2)
    );
    store
        .set_settlement_batch(2, BatchState::Voided, None, None)
        .expect("challenged");
    assert_eq!(states(), [Final, Cleared, Cleared]);
    assert!(matches!(
        store.set_settlement_batch(2, BatchState::Final, None, None),
        Err(StoreError::Step { .. })
    ));
    assert!(matches!(
        store.set_settlement_batch(1, BatchState::Pending, None, None),
        Err(StoreError::Step { .. })
    ));
    // The voided number is built anew.
    store.put_settlement_batch(&batch(2, 2)).expect("new");
    assert_eq!(states(), [Final, Settled, Cleared]);
    assert_eq!(store.newest_settlement_batches(9).expect("asked").len(), 2);
    let verified = store
        .final_verified(START_S, START_S + 2_700)
        .expect("asked");
    assert_eq!(
        verified,
        BTreeMap::from([(START_S + 900, WattHours::new(480))])
    );
}

#[test]
fn a_batch_with_other_leaves_is_refused_and_one_alone_is_pending() {
    let street = Street::empty();
    let store = &street.store;
    store.put_settlement_batch(&batch(1, 1)).expect("new");
    let other = SettlementBatchRecord {
        home_leaves: vec![9],
        ..batch(1, 1)
    };
    assert!(matches!(
        store.put_settlement_batch(&other),
        Err(StoreError::Inconsistent { .. })
    ));
    store.put_settlement_batch(&batch(2, 2)).expect("new");
    store
        .set_settlement_batch(1, BatchState::Pending, None, None)
        .expect("proposed");
    assert!(
        store
            .set_settlement_batch(2, BatchState::Pending, None, None)
            .is_err()
    );

    let root = FinalRoot {
        number: 1,
        root: batch(1, 1).root,
        settled_to_s: START_S + 900,
        block: 5,
    };
    assert_eq!(store.put_final_root(&root).expect("new"), Written::New);
    assert_eq!(store.put_final_root(&root).expect("same"), Written::Already);
    assert!(
        store
            .put_final_root(&FinalRoot {
                block: 6,
                ..root.clone()
            })
            .is_err()
    );
    assert_eq!(store.final_roots().expect("asked"), [root]);
}

#[test]
fn escrow_events_count_once_and_go_with_their_blocks() {
    let street = Street::empty();
    let store = &street.store;
    let event = |block, kind, units| EscrowEvent {
        block,
        log_index: 0,
        tx_hash: Hash::new([u8::try_from(block).expect("few"); 32]),
        address: address(1),
        kind,
        units,
    };
    let cursor = |block| ChainCursor {
        block,
        block_hash: Hash::new([u8::try_from(block).expect("few"); 32]),
    };
    let first = [
        event(1, EscrowKind::Deposit, 100),
        event(2, EscrowKind::WithdrawRequest, 30),
    ];
    store
        .record_escrow_events("escrow", &first, cursor(2))
        .expect("kept");
    store
        .record_escrow_events("escrow", &first, cursor(2))
        .expect("kept again");
    let asked = |block| store.escrow(&address(1), block).expect("asked");
    assert_eq!(
        asked(None),
        Escrow {
            deposited: 100,
            withdrawn: 0,
            requested: 30
        }
    );
    store
        .record_escrow_events("escrow", &[event(3, EscrowKind::Withdrawn, 30)], cursor(3))
        .expect("kept");
    assert_eq!(
        asked(None),
        Escrow {
            deposited: 100,
            withdrawn: 30,
            requested: 0
        }
    );
    assert_eq!(
        asked(Some(1)),
        Escrow {
            deposited: 100,
            ..Escrow::default()
        }
    );
    let other = [event(3, EscrowKind::Deposit, 5)];
    assert!(matches!(
        store.record_escrow_events("escrow", &other, cursor(9)),
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(
        store.chain_cursor("escrow").expect("asked"),
        Some(cursor(3))
    );

    store
        .rewind_escrow_events("escrow", Some(cursor(2)))
        .expect("rewound");
    assert_eq!(asked(None).withdrawn, 0);
    store
        .record_escrow_events("escrow", &other, cursor(3))
        .expect("the other block");
    assert_eq!(asked(None).deposited, 105);
    store.rewind_escrow_events("escrow", None).expect("rewound");
    assert_eq!(
        (asked(None), store.chain_cursor("escrow").expect("asked")),
        (Escrow::default(), None)
    );
}
