//! Reading batches: in any order, many at once, twice, with refusals and equivocations.

use energy_core::{
    Hash, IntervalLength, MerkleTree, Reading, ReadingBatch, Refusal, RefusalReason, leaf_hash,
};
use store::{ChainHead, RejectedMessage, Written};

use crate::street::{
    Street, accepted, batch, connection, gateway, judged, meter, reading, start, zone,
};
use clearing_house::accept::MeterRole;

/// A chain of batches of gateway 1, one reading each, a minute apart.
fn chain(count: u64) -> Vec<ReadingBatch> {
    let mut previous = Hash::ZERO;
    let mut batches = Vec::new();
    for n in 0..count {
        let time_ms = start(0).millis() + 60_000 * i64::try_from(n).expect("few");
        let next = batch(
            1,
            n + 1,
            previous,
            vec![reading(connection(1), 100 + n, time_ms, 10 * n, n)],
        );
        previous = next.header().hash();
        batches.push(next);
    }
    batches
}

fn head(batch: &ReadingBatch) -> Option<ChainHead> {
    Some(ChainHead {
        sequence: batch.header().sequence,
        hash: batch.header().hash(),
    })
}

#[test]
fn a_gap_waits_and_closes() {
    let street = Street::new();
    let batches = chain(4);
    let insert = |n: usize| {
        street
            .store
            .insert_batches(&[accepted(&batches[n])])
            .expect("kept")
            .remove(0)
    };
    assert_eq!(insert(2).through, None);
    assert_eq!(insert(0).through, head(&batches[0]));
    assert_eq!(insert(3).through, head(&batches[0]));
    let health = street.store.gateway_health(&zone()).expect("known");
    assert_eq!((health[0].gateway, health[0].waiting), (gateway(1), 2));
    assert_eq!(insert(1).through, head(&batches[3]));
    assert_eq!(
        street.store.gateway_health(&zone()).expect("known")[0].waiting,
        0
    );
    assert_eq!(
        street.store.complete_through(&gateway(2)).expect("asked"),
        None
    );
}

#[test]
fn a_new_chain_takes_over_when_its_sequences_are_higher() {
    let street = Street::new();
    let old: Vec<_> = chain(3).iter().map(accepted).collect();
    street.store.insert_batches(&old).expect("kept");
    let fresh = batch(
        1,
        1_000,
        Hash::ZERO,
        vec![reading(connection(1), 9_000, start(1).millis(), 500, 0)],
    );
    assert_eq!(
        street
            .store
            .insert_batches(&[accepted(&fresh)])
            .expect("kept")[0]
            .through,
        head(&fresh)
    );
}

#[test]
fn many_batches_are_one_commit_and_may_come_again() {
    let street = Street::new();
    let batches = chain(20);
    let prepared: Vec<_> = batches.iter().map(accepted).collect();
    let outcomes = street.store.insert_batches(&prepared).expect("kept");
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.written == Written::New && outcome.refused.is_empty())
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.through == head(&batches[19]))
    );
    let before = street.store.ingest_counts().expect("counted");
    let street = street.reopened();
    let again = street.store.insert_batches(&prepared).expect("kept");
    assert!(
        again
            .iter()
            .all(|outcome| outcome.written == Written::Already)
    );
    assert_eq!(street.store.ingest_counts().expect("counted"), before);
    assert_eq!(
        (before.batches, before.readings, before.refused),
        (20, 20, 0)
    );
    assert!(
        street
            .store
            .has_batch(&batches[7].header().hash())
            .expect("asked")
    );
}

#[test]
fn readings_are_found_by_time_and_sequence() {
    let street = Street::new();
    let store = &street.store;
    let prepared: Vec<_> = chain(20).iter().map(accepted).collect();
    store.insert_batches(&prepared).expect("kept");
    let meter = connection(1);
    let from = start(0).millis();
    let sequence = |found: Option<store::KeptReading>| found.map(|found| found.reading.sequence);
    assert_eq!(
        sequence(store.reading_at(&meter, from).expect("asked")),
        Some(100)
    );
    assert_eq!(
        sequence(store.reading_at(&meter, from + 1).expect("asked")),
        None
    );
    assert_eq!(
        sequence(store.reading_before(&meter, from + 60_000).expect("asked")),
        Some(100)
    );
    assert_eq!(
        sequence(store.reading_before(&meter, from).expect("asked")),
        None
    );
    assert_eq!(
        sequence(store.reading_after(&meter, from + 60_000).expect("asked")),
        Some(102)
    );
    assert_eq!(
        sequence(store.reading_before_sequence(&meter, 110).expect("asked")),
        Some(109)
    );
    assert_eq!(
        sequence(store.reading_after_sequence(&meter, 110).expect("asked")),
        Some(111)
    );
    assert_eq!(
        sequence(store.latest_reading(&meter).expect("asked")),
        Some(119)
    );
    assert_eq!(store.latest_readings(&zone()).expect("asked").len(), 1);
    assert_eq!(
        store
            .readings_between(&meter, from, from + 120_000)
            .expect("asked")
            .len(),
        3
    );
    assert_eq!(
        store
            .readings_at(&[connection(2), meter], from)
            .expect("asked")
            .iter()
            .flatten()
            .count(),
        1
    );
    let curve = store.curve(&meter, from, from + 120_000).expect("asked");
    assert_eq!(
        curve
            .iter()
            .map(|point| point.import.map(|wh| wh.get()))
            .collect::<Vec<_>>(),
        [Some(0), Some(10)]
    );
    assert!(
        curve.iter().all(|point| point.power.is_none()),
        "an absent value stays absent"
    );
    // Minutes 0 and 15 of these twenty are boundaries.
    let boundaries = store
        .boundary_readings(
            &meter,
            IntervalLength::QUARTER_HOUR,
            from,
            start(2).millis(),
        )
        .expect("asked");
    assert_eq!(
        boundaries
            .iter()
            .map(|found| found.reading.sequence)
            .collect::<Vec<_>>(),
        [100, 115]
    );
}

#[test]
fn the_lower_sequence_is_the_reading_at_a_boundary() {
    let street = Street::new();
    let at = start(1).millis();
    let first = batch(
        1,
        1,
        Hash::ZERO,
        vec![
            reading(connection(1), 5, at, 10, 0),
            reading(connection(1), 9, at, 10, 0),
        ],
    );
    street
        .store
        .insert_batches(&[accepted(&first)])
        .expect("kept");
    let found = street
        .store
        .reading_at(&connection(1), at)
        .expect("asked")
        .expect("there");
    assert_eq!(found.reading.sequence, 5);
    let boundaries = street
        .store
        .boundary_readings(&connection(1), IntervalLength::QUARTER_HOUR, at, at)
        .expect("asked");
    assert_eq!(boundaries, [found]);
}

#[test]
fn equivocation_keeps_both_and_freezes_that_meter_alone() {
    let street = Street::new();
    let store = &street.store;
    let at = start(0).millis();
    let honest = reading(connection(1), 5, at, 10, 0);
    let other = reading(connection(1), 5, at, 11, 0);
    let roof = reading(meter(1, MeterRole::Generation), 6, at, 0, 7);
    let first = batch(1, 1, Hash::ZERO, vec![honest.clone()]);
    let second = batch(
        1,
        2,
        first.header().hash(),
        vec![other.clone(), roof, honest.clone()],
    );
    let outcomes = store
        .insert_batches(&[accepted(&first), accepted(&second)])
        .expect("kept");
    let refusal = Refusal {
        meter: connection(1),
        sequence: 5,
        reason: RefusalReason::Equivocation,
    };
    assert_eq!(outcomes[1].refused, [refusal]);
    assert_eq!(
        store.insert_batches(&[accepted(&second)]).expect("kept")[0].refused,
        [refusal]
    );
    assert_eq!(
        store.refusals_since(&gateway(1), 2, 10).expect("asked"),
        [refusal]
    );

    let evidence = store.equivocations().expect("asked");
    assert_eq!(evidence.len(), 1);
    assert_eq!(
        (evidence[0].first_hash, evidence[0].second_hash),
        (honest.hash(), other.hash())
    );
    let frozen: Vec<bool> = store
        .meters(&zone())
        .expect("listed")
        .iter()
        .map(|meter| meter.frozen)
        .collect();
    assert_eq!(frozen, [true, false, false]);
    assert_eq!(
        store
            .reading(&connection(1), 5)
            .expect("asked")
            .expect("kept")
            .reading,
        honest
    );
    let health = &store.meter_health(&zone()).expect("known")[0];
    assert_eq!(
        (health.refused, health.refused_last, health.frozen),
        (1, Some(RefusalReason::Equivocation), true)
    );
    store.set_frozen(&connection(1), false).expect("thawed");
    assert!(
        !store
            .meter(&connection(1))
            .expect("asked")
            .expect("known")
            .frozen
    );
}

#[test]
fn a_refused_reading_is_known_and_equivocates_too() {
    let street = Street::new();
    let store = &street.store;
    let at = start(0).millis();
    let future = reading(connection(1), 5, at, 10, 0);
    let first = batch(1, 1, Hash::ZERO, vec![future.clone()]);
    store
        .insert_batches(&[judged(&first, &[Some(RefusalReason::FromTheFuture)])])
        .expect("kept");
    assert_eq!(
        store.known_hash(&connection(1), 5).expect("asked"),
        Some(future.hash())
    );
    assert_eq!(store.reading(&connection(1), 5).expect("asked"), None);
    let second = batch(
        1,
        2,
        first.header().hash(),
        vec![reading(connection(1), 5, at, 11, 0)],
    );
    let outcome = store
        .insert_batches(&[accepted(&second)])
        .expect("kept")
        .remove(0);
    assert_eq!(
        outcome
            .refused
            .iter()
            .map(|refusal| refusal.reason)
            .collect::<Vec<_>>(),
        [RefusalReason::Equivocation]
    );
    assert!(
        store
            .meter(&connection(1))
            .expect("asked")
            .expect("known")
            .frozen
    );
}

#[test]
fn a_batch_can_be_rebuilt_whole_for_its_merkle_tree() {
    let street = Street::new();
    let store = &street.store;
    let at = start(0).millis();
    let readings: Vec<Reading> = (0..5)
        .map(|n| reading(connection(1), 50 + n, at, 10, n))
        .collect();
    let whole = batch(1, 1, Hash::ZERO, readings.clone());
    let verdicts = [
        None,
        Some(RefusalReason::RegisterFell),
        None,
        None,
        Some(RefusalReason::FromTheFuture),
    ];
    let outcome = store
        .insert_batches(&[judged(&whole, &verdicts)])
        .expect("kept")
        .remove(0);
    assert_eq!(outcome.refused.len(), 2);
    let kept = store
        .reading(&connection(1), 52)
        .expect("asked")
        .expect("kept");
    assert_eq!((kept.place, kept.hash), (2, readings[2].hash()));
    let batch = store.batch(kept.batch).expect("whole");
    assert_eq!(batch.signed, whole.signed());
    let tree = MerkleTree::new(batch.members.iter().map(|member| member.hash).collect());
    assert_eq!(tree.root(), whole.header().root);
    assert_eq!(
        batch
            .members
            .iter()
            .map(|member| member.refused)
            .collect::<Vec<_>>(),
        verdicts
    );
    assert!(store.batch(999).is_err());
}

#[test]
fn unauthentic_messages_are_kept_once() {
    let street = Street::new();
    let message = RejectedMessage {
        received_ms: 1,
        source: "commonwatt/v1/elm-street/x/batch".to_owned(),
        reason: "not readable".to_owned(),
        bytes: leaf_hash(b"noise").as_bytes().to_vec(),
    };
    assert_eq!(
        street.store.record_rejected(&message).expect("kept"),
        Written::New
    );
    assert_eq!(
        street.store.record_rejected(&message).expect("kept"),
        Written::Already
    );
    assert_eq!(
        street.store.rejected_messages(10).expect("listed"),
        [message]
    );
}
