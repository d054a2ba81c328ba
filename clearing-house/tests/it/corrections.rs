//! Data that comes late: afterwards the energy is that of the registers, and nobody else is touched.

use clearing_house::corrections::{self, Settled};
use clearing_house::metering::{GAP_INTERVALS_MAX, meter_interval};
use clearing_house::statement::Statement;
use clearing_house::{BoundaryReading, HomeInput, Ledger, audit, settle_interval, tokens};
use energy_core::{Hash, HomeId, IntervalLength, NetWattHours, Quality};
use proptest::prelude::*;

use crate::zone::{home, quarter, rules, wh};

const LENGTH: IntervalLength = IntervalLength::QUARTER_HOUR;

fn reading(n: i64, import: u64, export: u64) -> BoundaryReading {
    BoundaryReading {
        time_ms: quarter(n).millis().unsigned_abs(),
        import: wh(import),
        export: wh(export),
        generation: None,
        soc_permille: None,
        quality: Quality::GOOD,
        sequence: n.unsigned_abs(),
        hash: Hash::ZERO,
    }
}

#[test]
fn a_correction_down_becomes_carry() {
    let before = settle_interval(
        &rules(),
        quarter(0),
        &Ledger::default(),
        &[home(1, 0, 500), home(2, 500, 0)],
    )
    .expect("settled");
    let settled = [Settled {
        interval: quarter(0),
        version: 1,
        import: wh(0),
        export: wh(500),
    }];
    let readings = [reading(0, 0, 0), reading(1, 20, 440)];
    let due = corrections::due(LENGTH, &settled, &readings).expect("small");
    assert_eq!(
        (due[0].import.get(), due[0].export.get(), due[0].version),
        (20, -60, 2)
    );

    let one = HomeId::new(1);
    let after =
        corrections::apply(&rules(), &before.ledger, one, &due, wh(440)).expect("corrected");
    let account = after.ledger.home(one);
    assert_eq!((account.verified, account.carry), (wh(440), wh(60)));
    assert_eq!(account.cash, before.ledger.home(one).cash);
    assert_eq!(
        after.ledger.home(HomeId::new(2)),
        before.ledger.home(HomeId::new(2))
    );
    assert_eq!(after.homes[0].bill.get(), 20 * 300_000 + 60 * 80_000);
    assert_eq!(
        audit::replay([&before.entry, &after.entries[0]]),
        Ok(after.ledger.clone())
    );
    audit::check_ledger(&after.ledger).expect("adds up");

    let statement =
        Statement::of(one, quarter(0), quarter(1), &before.homes, &after.homes).expect("small");
    assert_eq!(
        (statement.exported, statement.verified.get()),
        (wh(440), 440)
    );
    assert_eq!(statement.corrections.bill, after.homes[0].bill);
    assert_eq!(
        statement.saved,
        Statement::of(one, quarter(0), quarter(1), &before.homes, [])
            .expect("small")
            .saved
    );

    // The next generation pays the carry off before it mints.
    let next = settle_interval(
        &rules(),
        quarter(1),
        &after.ledger,
        &[home(1, 0, 100), home(2, 100, 0)],
    )
    .expect("settled");
    assert_eq!(
        (next.homes[0].verified, next.homes[0].minted),
        (wh(100), wh(40))
    );
    assert_eq!(next.homes[1].credited, wh(40));
}

proptest! {
    #[test]
    fn late_readings_end_at_the_registers(
        steps in prop::collection::vec((0_u64..900, 0_u64..900, any::<bool>()), 2..14),
    ) {
        let mut readings = vec![reading(0, 0, 0)];
        for (n, (import, export, _)) in (1_i64..).zip(&steps) {
            let last = readings[readings.len() - 1];
            readings.push(reading(n, last.import.get() + import, last.export.get() + export));
        }
        // In time come only some of the readings; each interval is settled with those up to its end.
        let in_time: Vec<BoundaryReading> = readings.iter().enumerate()
            .filter(|(n, _)| *n == 0 || steps[*n - 1].2).map(|(_, r)| *r).collect();
        let (mut ledger, mut settled, mut results, mut journal) = (Ledger::default(), Vec::new(), Vec::new(), Vec::new());
        for n in 0..steps.len() as i64 {
            let known = in_time.partition_point(|r| r.time_ms <= quarter(n + 1).millis().unsigned_abs());
            let energy = meter_interval(quarter(n), LENGTH, &in_time[..known], Some(GAP_INTERVALS_MAX)).map(|m| m.energy);
            let homes = [HomeInput { energy, ..home(1, 0, 0) }, home(2, 400, 0), home(3, 0, 300)];
            let outcome = settle_interval(&rules(), quarter(n), &ledger, &homes).expect("settled");
            let (import, export) = energy.map_or((wh(0), wh(0)), |e| (e.import, e.export));
            settled.push(Settled { interval: quarter(n), version: 1, import, export });
            ledger = outcome.ledger;
            results.extend(outcome.homes);
            journal.push(outcome.entry);
        }
        let others = (ledger.home(HomeId::new(2)), ledger.home(HomeId::new(3)));
        let due = corrections::due(LENGTH, &settled, &readings).expect("small");
        let exports = steps.iter().map(|(_, export, _)| (wh(*export), None));
        let verified = tokens::verified_after(wh(0), exports, false, false).expect("small");
        let outcome = corrections::apply(&rules(), &ledger, HomeId::new(1), &due, verified).expect("corrected");

        let last = readings[readings.len() - 1];
        let statement = Statement::of(HomeId::new(1), quarter(0), quarter(steps.len() as i64), &results, &outcome.homes).expect("small");
        prop_assert_eq!(statement.exported, last.export);
        prop_assert_eq!(statement.verified, NetWattHours::new(last.export.get() as i64));
        prop_assert_eq!(others, (outcome.ledger.home(HomeId::new(2)), outcome.ledger.home(HomeId::new(3))));
        audit::check_ledger(&outcome.ledger).expect("adds up");
        journal.extend(outcome.entries);
        prop_assert_eq!(audit::replay(&journal).expect("a journal"), outcome.ledger);

        // Once corrected, nothing more is due.
        for correction in &due {
            let stands = settled.iter_mut().find(|s| s.interval == correction.interval).expect("it");
            stands.import = wh(stands.import.get().checked_add_signed(correction.import.get()).expect("fits"));
            stands.export = wh(stands.export.get().checked_add_signed(correction.export.get()).expect("fits"));
        }
        prop_assert_eq!(corrections::due(LENGTH, &settled, &readings).expect("small"), vec![]);
    }
}
