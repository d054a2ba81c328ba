//! How long one interval of a street of 24 homes takes. Run with
//! `cargo test -p store --release -- --ignored --nocapture`.

use std::time::Instant;

use clearing_house::Ledger;
use energy_core::Hash;
use store::IntervalRecord;

use crate::street::{Street, accepted, batch, connection, outcome, reading, start};

#[test]
#[ignore = "measures, does not check"]
fn an_interval_of_24_homes() {
    const ROUNDS: i64 = 50;
    let street = Street::empty();
    street.fill(24);
    let lease = street.lease();
    let energies: Vec<(u64, u64)> = (0..24)
        .map(|n| if n % 2 == 0 { (0, 500) } else { (400, 0) })
        .collect();
    let mut ledger = Ledger::default();
    let mut previous = [Hash::ZERO; 24];
    let (mut ingest, mut market) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let sequence = u64::try_from(round).expect("positive") + 1;
        let mut batches = Vec::new();
        for (n, previous) in (1_u32..).zip(&mut previous) {
            let one = |k| {
                reading(
                    connection(n),
                    2 * sequence + k,
                    start(round).millis(),
                    10 * sequence,
                    0,
                )
            };
            let next = batch(n, sequence, *previous, vec![one(0), one(1)]);
            *previous = next.header().hash();
            batches.push(accepted(&next));
        }
        let began = Instant::now();
        street.store.insert_batches(&batches).expect("kept");
        ingest.push(began.elapsed());
        let made = outcome(start(round), &ledger, &energies);
        ledger = made.ledger.clone();
        let record = IntervalRecord::new(made, start(round + 1), 0);
        let began = Instant::now();
        street.store.record_interval(&lease, &record).expect("kept");
        market.push(began.elapsed());
    }
    ingest.sort_unstable();
    market.sort_unstable();
    let middle = ingest.len() / 2;
    println!(
        "24 batches of 2 readings: median {:?}, longest {:?}",
        ingest[middle],
        ingest[ingest.len() - 1]
    );
    println!(
        "one interval record: median {:?}, longest {:?}",
        market[middle],
        market[market.len() - 1]
    );
}
