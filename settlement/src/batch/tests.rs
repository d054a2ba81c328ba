//! A batch proves its leaves, survives its encoding, and refuses what does not add up.

use energy_core::{
    Address, Hash, IntervalLength, IntervalStart, MeterId, NanoAmount, WattHours, ZoneId,
    from_canonical, to_canonical,
};

use super::{BuildError, SettlementBatch};
use crate::{EvidenceLeaf, HomeLeaf, MarketLeaf, SumProof, TreeError};

fn home(n: u8, credited: u64, cash: i64) -> HomeLeaf {
    HomeLeaf {
        account: Address::new([n; 20]),
        credited: WattHours::new(credited),
        retired: WattHours::ZERO,
        cash: NanoAmount::new(cash),
    }
}

fn meter(n: u8, minted: u64) -> EvidenceLeaf {
    EvidenceLeaf {
        meter: MeterId::new([n; 16]),
        settled_to: 900,
        minted: WattHours::new(minted),
        carry: WattHours::ZERO,
        sequence: 1,
        reading: Hash::ZERO,
    }
}

fn market(zone: &str, start: i64) -> MarketLeaf {
    MarketLeaf {
        zone: ZoneId::new(zone).expect("a zone"),
        interval: IntervalLength::QUARTER_HOUR
            .start_at(start)
            .expect("aligned"),
        certificate: Hash::ZERO,
        order_rows: Hash::ZERO,
    }
}

fn build(homes: Vec<HomeLeaf>, evidence: Vec<EvidenceLeaf>) -> Result<SettlementBatch, BuildError> {
    SettlementBatch::build(
        1,
        Hash::ZERO,
        900,
        homes,
        evidence,
        vec![market("elm-street", 0)],
    )
}

fn small() -> SettlementBatch {
    build(
        vec![home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)],
        vec![meter(1, 4), meter(2, 6)],
    )
    .expect("adds up")
}

#[test]
fn every_leaf_is_proved_by_the_header() {
    let batch = small();
    let header = *batch.header();
    for index in 0..3 {
        let (leaf, proof) = batch.home_proof(index).expect("inside");
        let root = proof.root(leaf.node(index)).expect("fits");
        assert_eq!(
            (root.hash, root.a, root.b),
            (header.home_root, header.credited.get(), 0)
        );
    }
    let (leaf, proof) = batch.evidence_proof(MeterId::new([2; 16])).expect("inside");
    let root = proof.root(leaf.node()).expect("fits");
    assert_eq!((root.hash, root.a, root.b), (header.evidence_root, 10, 0));
    let (leaf, proof) = batch
        .market_proof(&leaf_zone(), leaf_interval())
        .expect("inside");
    assert_eq!(proof.root(leaf.hash()), Some(header.market_root));
    assert!(batch.home_proof(3).is_none());
}

fn leaf_zone() -> ZoneId {
    market("elm-street", 0).zone
}

fn leaf_interval() -> IntervalStart {
    market("elm-street", 0).interval
}

#[test]
fn a_batch_survives_its_encoding() {
    let batch = small();
    assert_eq!(
        from_canonical::<SettlementBatch>(&to_canonical(&batch)),
        Ok(batch.clone())
    );
    assert_eq!(batch.is_consistent(), Ok(true));
    let (_, proof) = batch.home_proof(1).expect("inside");
    assert_eq!(
        from_canonical::<SumProof<i64>>(&to_canonical(&proof)),
        Ok(proof)
    );
    let mut other = batch;
    other.header.carry = WattHours::new(1);
    assert_eq!(other.is_consistent(), Ok(false));
}

#[test]
fn what_does_not_add_up_is_refused() {
    let meters = vec![meter(1, 10)];
    let cash = build(vec![home(1, 10, 1), home(2, 0, -2)], meters.clone());
    assert_eq!(
        cash,
        Err(BuildError::CashSum {
            got: NanoAmount::new(-1)
        })
    );
    let energy = build(vec![home(1, 9, 0)], meters.clone());
    let (credited, minted) = (WattHours::new(9), WattHours::new(10));
    assert_eq!(
        energy,
        Err(BuildError::CreditedIsNotMinted { credited, minted })
    );
    assert_eq!(build(vec![], meters.clone()), Err(BuildError::NoHomes));
    let twice = build(vec![home(1, 10, 0), home(1, 0, 0)], meters);
    assert!(matches!(
        twice,
        Err(BuildError::AccountTwice {
            first: 0,
            second: 1,
            ..
        })
    ));
    let order = build(vec![home(1, 20, 0)], vec![meter(2, 10), meter(1, 10)]);
    assert!(matches!(order, Err(BuildError::MeterOrder { .. })));
    let overflow = build(vec![home(1, u64::MAX, 0), home(2, 1, 0)], vec![]);
    assert_eq!(overflow, Err(BuildError::Tree(TreeError::Overflow)));
    let ahead = EvidenceLeaf {
        settled_to: 901,
        ..meter(1, 10)
    };
    assert!(matches!(
        build(vec![home(1, 10, 0)], vec![ahead]),
        Err(BuildError::MeterAhead { .. })
    ));
    let markets = vec![market("elm-street", 900), market("elm-street", 0)];
    let unsorted = SettlementBatch::build(1, Hash::ZERO, 900, vec![home(1, 0, 0)], vec![], markets);
    assert!(matches!(unsorted, Err(BuildError::MarketOrder { .. })));
}

#[test]
fn the_next_batch_keeps_everybody_in_place_and_lets_nothing_fall() {
    let next =
        |homes, evidence| SettlementBatch::build(2, Hash::ZERO, 1800, homes, evidence, vec![]);
    let meters = vec![meter(1, 4), meter(2, 7)];
    let first = [home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)];
    let mut homes = first.to_vec();
    homes.push(home(4, 1, 0));
    let good = next(homes.clone(), meters.clone()).expect("adds up");
    assert_eq!(good.follows(&small()), Ok(()));
    assert!(matches!(
        small().follows(&good),
        Err(BuildError::NotNext {
            expected: 3,
            got: 1
        })
    ));

    homes.swap(1, 2);
    let moved = next(homes, meters.clone()).expect("adds up");
    assert!(matches!(
        moved.follows(&small()),
        Err(BuildError::AccountMoved { index: 1, .. })
    ));
    let fell = next(
        vec![home(1, 1, 40), home(2, 6, -30), home(3, 4, -10)],
        meters,
    )
    .expect("adds up");
    assert!(matches!(
        fell.follows(&small()),
        Err(BuildError::Fell {
            before: 7,
            got: 6,
            ..
        })
    ));
    let lost = next(
        vec![home(1, 0, 40), home(2, 7, -30), home(3, 3, -10)],
        vec![meter(2, 10)],
    )
    .expect("adds up");
    assert!(matches!(
        lost.follows(&small()),
        Err(BuildError::Fell {
            before: 4,
            got: 0,
            ..
        })
    ));
}
