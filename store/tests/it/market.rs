//! Cleared intervals, journal, ledger, leases.

use clearing_house::corrections::{EnergyCorrection, apply};
use clearing_house::state::IntervalState;
use clearing_house::{Account, IntervalOutcome, Ledger, Mechanism, ZoneRules, order_rows_tree};
use energy_core::{Hash, HomeId, NanoAmount, NetWattHours, WattHours, keccak, to_canonical};
use store::{IntervalRecord, StoreError, Written};

use crate::street::{START_S, Street, outcome, outcome_under, rules, start, zone};

/// Home 1 feeds in, home 2 uses.
const SUNNY: [(u64, u64); 2] = [(0, 500), (400, 0)];

fn record(outcome: IntervalOutcome) -> IntervalRecord {
    let interval = outcome.interval;
    let end = interval.next(rules().interval);
    IntervalRecord::new(outcome, end, end.millis())
}

/// The outcome of the next interval on what the store has.
fn next(street: &Street, n: i64) -> IntervalOutcome {
    outcome(
        start(n),
        &street.store.ledger(&zone()).expect("readable"),
        &SUNNY,
    )
}

#[test]
fn a_surplus_of_the_zone_is_kept() {
    let street = Street::new();
    let rules = ZoneRules {
        mechanism: Mechanism::McAfee,
        ..rules()
    };
    // Two homes sell and two buy; with one trade left out the others' prices differ.
    let energies = [(0, 500), (0, 400), (300, 0), (700, 0)];
    let mut made = outcome_under(&rules, start(0), &Ledger::default(), &energies);
    assert_eq!(made.ledger.zone_cash, made.surplus);
    assert!(made.surplus > NanoAmount::ZERO);
    let lease = street.lease();
    street
        .store
        .record_interval(&lease, &record(made.clone()))
        .expect("kept");
    let street = street.reopened();
    let ledger = street.store.ledger(&zone()).expect("readable");
    assert_eq!(ledger, made.ledger);
    made.entry
        .lines
        .retain(|line| line.account == Account::Zone);
    assert_eq!(made.entry.lines.len(), 1);
}

#[test]
fn all_of_an_interval_comes_back() {
    let street = Street::new();
    let lease = street.lease();
    let made = next(&street, 0);
    assert_eq!(
        street
            .store
            .record_interval(&lease, &record(made.clone()))
            .expect("kept"),
        Written::New
    );
    let street = street.reopened();
    let store = &street.store;

    let row = store
        .newest_interval(&zone())
        .expect("asked")
        .expect("there");
    assert_eq!(
        (row.start, row.end, row.state),
        (start(0), start(1), IntervalState::Cleared)
    );
    assert_eq!(
        (row.price, row.quantity),
        (made.clearing.price, WattHours::new(400))
    );
    assert_eq!(
        row.certificate_hash,
        keccak(&[&to_canonical(&made.clearing.certificate)])
    );
    assert_eq!(row.rows_root, order_rows_tree(&made.rows).root());
    assert_eq!(store.interval(&zone(), start(0)).expect("asked"), Some(row));
    assert_eq!(
        store.clearing(&zone(), start(0)).expect("asked"),
        Some(made.clearing)
    );
    let rows = store.order_rows(&zone(), start(0)).expect("asked");
    assert_eq!(
        rows.iter().map(|home| home.row).collect::<Vec<_>>(),
        made.rows
    );
    assert_eq!(
        rows.iter()
            .map(|row| row.order().expect("an order"))
            .collect::<Vec<_>>(),
        made.orders
    );
    let parts = store.interval_results(&zone(), start(0)).expect("asked");
    assert_eq!(
        parts
            .into_iter()
            .map(|part| part.result)
            .collect::<Vec<_>>(),
        made.homes
    );
    let entries = store.journal_of_interval(&zone(), start(0)).expect("asked");
    assert_eq!(
        entries
            .iter()
            .map(|numbered| numbered.entry.clone())
            .collect::<Vec<_>>(),
        [made.entry]
    );
    assert_eq!(store.ledger(&zone()).expect("asked"), made.ledger);
    assert_eq!(
        store.ledger_at(&zone(), start(0)).expect("asked"),
        Some(made.ledger)
    );
    assert_eq!(store.ledger_at(&zone(), start(1)).expect("asked"), None);
    assert_eq!(
        store.closings(&zone(), START_S + 1).expect("asked").len(),
        2
    );
    assert_eq!(store.closings(&zone(), START_S).expect("asked").len(), 0);
}

#[test]
fn a_cleared_interval_is_never_cleared_again() {
    let street = Street::new();
    let (store, lease) = (&street.store, street.lease());
    let made = next(&street, 0);
    store
        .record_interval(&lease, &record(made.clone()))
        .expect("kept");
    let later = IntervalRecord {
        cleared_at_ms: 99,
        ..record(made.clone())
    };
    assert_eq!(
        store.record_interval(&lease, &later).expect("same content"),
        Written::Already
    );
    let other = outcome(start(0), &Ledger::default(), &[(0, 501), (400, 0)]);
    assert!(matches!(
        store.record_interval(&lease, &record(other)),
        Err(StoreError::Conflict {
            what: "interval",
            ..
        })
    ));
    assert_eq!(store.ledger(&zone()).expect("asked"), made.ledger);
    // Nor one before it, nor one that does not follow in the journal.
    let before = outcome(start(-1), &made.ledger, &SUNNY);
    assert!(matches!(
        store.record_interval(&lease, &record(before)),
        Err(StoreError::Inconsistent { .. })
    ));
    let forked = outcome(start(1), &Ledger::default(), &SUNNY);
    assert!(matches!(
        store.record_interval(&lease, &record(forked)),
        Err(StoreError::JournalChain { .. })
    ));
    assert_eq!(
        store
            .intervals(&zone(), i64::MIN, i64::MAX)
            .expect("asked")
            .len(),
        1
    );
    assert_eq!(
        store
            .journal_head(&zone())
            .expect("asked")
            .map(|head| head.0),
        Some(1)
    );
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    let street = Street::new();
    let lease = street.lease();
    let good = record(next(&street, 0));
    let mut unsorted = good.clone();
    unsorted.rows.reverse();
    let mut lost = good.clone();
    lost.rows.pop();
    let stale = IntervalRecord {
        ledger: Ledger::default(),
        ..good.clone()
    };
    for bad in [unsorted, lost, stale] {
        assert!(matches!(
            street.store.record_interval(&lease, &bad),
            Err(StoreError::Inconsistent { .. })
        ));
    }
    street.store.record_interval(&lease, &good).expect("kept");
}

#[test]
fn only_the_newest_lease_writes() {
    let street = Street::new();
    let store = &street.store;
    let old = store
        .take_lease(&zone(), "first", 0, 1_000)
        .expect("asked")
        .expect("free");
    assert_eq!(
        store
            .take_lease(&zone(), "second", 999, 2_000)
            .expect("asked"),
        None
    );
    store.renew_lease(&old, 1_500).expect("still held");
    assert_eq!(
        store
            .take_lease(&zone(), "second", 1_499, 2_000)
            .expect("asked"),
        None
    );
    let new = store
        .take_lease(&zone(), "second", 1_500, 2_500)
        .expect("asked")
        .expect("expired");
    assert!(new.epoch > old.epoch);
    let made = next(&street, 0);
    let fenced = store.record_interval(&old, &record(made.clone()));
    assert!(matches!(
        fenced,
        Err(StoreError::Fenced {
            held: 1,
            current: 2,
            ..
        })
    ));
    assert!(store.renew_lease(&old, 9_999).is_err());
    store
        .record_interval(&new, &record(made.clone()))
        .expect("kept");
    assert!(matches!(
        store.record_interval(&old, &record(made)),
        Err(StoreError::Fenced { .. })
    ));
    // The same holder after a crash takes over at once, and fences its own past.
    let again = store
        .take_lease(&zone(), "second", 1_600, 2_600)
        .expect("asked")
        .expect("its own");
    assert_eq!(again.epoch, 3);
}

#[test]
fn the_journal_says_what_the_ledger_holds() {
    let street = Street::new();
    let (store, lease) = (&street.store, street.lease());
    let mut ledgers = Vec::new();
    for n in 0..3 {
        let made = next(&street, n);
        ledgers.push(made.ledger.clone());
        store.record_interval(&lease, &record(made)).expect("kept");
    }
    let totals = store
        .ledger_totals(&zone(), START_S, START_S + 2_700)
        .expect("asked");
    assert_eq!(totals.len(), 3);
    for ((_, totals), ledger) in totals.iter().zip(&ledgers) {
        assert_eq!(totals.minted, ledger.minted().expect("small"));
        assert_eq!(totals.verified, ledger.homes[&HomeId::new(1)].verified);
        assert_eq!(totals.cash_difference.get(), 0);
    }
    assert_eq!(totals[2].1.verified, WattHours::new(1_500));
    // A window in the middle still counts from the beginning.
    let middle = store
        .ledger_totals(&zone(), START_S + 900, START_S + 1_800)
        .expect("asked");
    assert_eq!(middle, totals[1..2]);

    let entries = store.journal(&zone(), 0, 9).expect("asked");
    let replayed = entries
        .iter()
        .try_fold(Ledger::default(), |ledger, entry| ledger.post(&entry.entry));
    assert_eq!(replayed.expect("follows"), ledgers[2]);
    // Parent state + lines = state.
    let home = Account::Home(HomeId::new(2));
    let lines = store.account_lines(&zone(), home, 1, 3).expect("asked");
    let cash: i64 = lines
        .iter()
        .filter(|line| line.line.asset == clearing_house::Asset::Cash)
        .map(|line| line.line.amount)
        .sum();
    let cash_at = |n: usize| ledgers[n].homes[&HomeId::new(2)].cash.get();
    assert_eq!(cash_at(0) + cash, cash_at(2));
    assert!(
        lines
            .iter()
            .all(|line| line.number > 1 && line.interval > start(0))
    );
}

#[test]
fn a_correction_adds_a_version_and_overwrites_nothing() {
    let street = Street::new();
    let (store, lease, home) = (&street.store, street.lease(), HomeId::new(1));
    for n in 0..2 {
        store
            .record_interval(&lease, &record(next(&street, n)))
            .expect("kept");
    }
    let cleared = store
        .home_result(home, start(0))
        .expect("asked")
        .expect("there");
    let settled = store
        .settled(&zone(), home, START_S, START_S + 1_800)
        .expect("asked");
    assert_eq!(
        settled
            .iter()
            .map(|of| (of.version, of.export.get()))
            .collect::<Vec<_>>(),
        [(1, 500), (1, 500)]
    );

    let correction = |n: i64, export: i64| EnergyCorrection {
        interval: start(n),
        version: 2,
        import: NetWattHours::new(0),
        export: NetWattHours::new(export),
    };
    let ledger = store.ledger(&zone()).expect("asked");
    let corrected = apply(
        &rules(),
        &ledger,
        home,
        &[correction(0, -100), correction(1, 40)],
        WattHours::new(940),
    )
    .expect("settled");
    assert_eq!(
        store.record_corrections(&lease, &corrected).expect("kept"),
        Written::New
    );
    assert_eq!(
        store.record_corrections(&lease, &corrected).expect("kept"),
        Written::Already
    );
    assert_eq!(store.ledger(&zone()).expect("asked"), corrected.ledger);

    let after = store
        .home_result(home, start(0))
        .expect("asked")
        .expect("there");
    assert_eq!(after.result, cleared.result);
    assert_eq!(after.corrections, corrected.homes[..1]);
    let settled = store
        .settled(&zone(), home, START_S, START_S + 1_800)
        .expect("asked");
    assert_eq!(
        settled
            .iter()
            .map(|of| (of.version, of.export.get()))
            .collect::<Vec<_>>(),
        [(2, 400), (2, 540)]
    );
    assert_eq!(
        store
            .journal_of_interval(&zone(), start(0))
            .expect("asked")
            .len(),
        2
    );
    // What the interval was cleared to can still be read.
    assert_eq!(
        store.ledger_at(&zone(), start(1)).expect("asked"),
        Some(ledger)
    );
    let unknown = apply(
        &rules(),
        &corrected.ledger,
        home,
        &[correction(7, 1)],
        WattHours::new(941),
    )
    .expect("settled");
    assert!(matches!(
        store.record_corrections(&lease, &unknown),
        Err(StoreError::Inconsistent { .. })
    ));
}

#[test]
fn an_interval_without_orders_is_one_too() {
    let street = Street::new();
    let lease = street.lease();
    let quiet = outcome(start(0), &Ledger::default(), &[(0, 0), (0, 0)]);
    street
        .store
        .record_interval(&lease, &record(quiet))
        .expect("kept");
    let row = street
        .store
        .newest_interval(&zone())
        .expect("asked")
        .expect("there");
    assert_eq!(
        (row.price, row.quantity, row.rows_root),
        (None, WattHours::ZERO, Hash::ZERO)
    );
}
