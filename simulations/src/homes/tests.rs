//! What must hold for every home at every time.

use proptest::prelude::*;

use super::*;

const JUNE_15_MS: i64 = 1_781_481_600_000;

fn street() -> Street {
    Street::starting(42, 24, JUNE_15_MS / 1_000).expect("24 homes are a street")
}

#[test]
fn a_street_has_bounds() {
    assert_eq!(
        Street::new(1, 1).expect_err("one is no street"),
        StreetError::Homes { got: 1 }
    );
    assert_eq!(
        Street::new(1, 1_001).expect_err("too long").to_string(),
        "expected 2 to 1000 homes, got 1001"
    );
    assert!(Street::starting(1, 2, -1).is_err());
    assert!(Street::new(1, 2).is_ok() && Street::new(1, 1_000).is_ok());
}

#[test]
fn every_street_has_a_seller_a_buyer_and_one_home_that_runs_dry() {
    for count in [2, 3, 10, 24, 25, 100] {
        let street = Street::new(9, count).expect("in bounds");
        assert!(street.homes().iter().any(Home::has_pv));
        assert!(street.homes().iter().any(|h| !h.has_pv()));
        assert_eq!(street.homes().iter().filter(|h| h.runs_dry).count(), 1);
        for home in street.homes() {
            assert_eq!(home.connection_meter().role, DeviceRole::Connection);
            assert!(!home.has_battery() || home.generation_meter().is_some());
        }
    }
}

#[test]
fn registers_do_not_depend_on_the_order_of_questions_or_a_restart() {
    let times: Vec<i64> = (0..40)
        .map(|i| JUNE_15_MS + i * 7_777_777 % (5 * 86_400_000))
        .collect();
    let forwards = street();
    let first: Vec<_> = times.iter().map(|t| forwards.states(*t)).collect();
    let backwards = street();
    let mut second: Vec<_> = times.iter().rev().map(|t| backwards.states(*t)).collect();
    second.reverse();
    assert_eq!(first, second);
    for (time, states) in times.iter().zip(&first) {
        assert_eq!(
            &street().states(*time),
            states,
            "a street made anew answers the same"
        );
    }
}

#[test]
fn counters_stand_still_before_the_start_and_begin_between_one_and_four_million() {
    let street = street();
    let before = street.states(JUNE_15_MS - 86_400_000 * 400);
    assert!(
        before
            .iter()
            .zip(street.states(JUNE_15_MS))
            .all(|(a, b)| a.import_wh == b.import_wh)
    );
    for state in before {
        assert!(
            (1..4_000_000).contains(&state.import_wh) && (1..4_000_000).contains(&state.export_wh)
        );
    }
}

#[test]
fn a_street_ends_after_ten_years_so_that_no_question_takes_forever() {
    let street = Street::starting(42, 2, JUNE_15_MS / 1_000).expect("two homes are a street");
    let last = street.states(i64::MAX);
    assert_eq!(
        last[0].import_wh,
        street.states(JUNE_15_MS + 3_700 * 86_400_000)[0].import_wh
    );
    assert!(last[0].import_wh > street.states(JUNE_15_MS)[0].import_wh);
}

#[test]
fn another_seed_is_another_street() {
    let other = Street::starting(43, 24, JUNE_15_MS / 1_000).expect("24 homes are a street");
    assert_ne!(
        other.states(JUNE_15_MS + 43_200_000),
        street().states(JUNE_15_MS + 43_200_000)
    );
}

#[test]
fn energy_balances_in_every_home_and_step() {
    let street = street();
    for step in 0..288 {
        let (from, to) = (
            JUNE_15_MS + step * 300_000,
            JUNE_15_MS + (step + 1) * 300_000,
        );
        for (a, b) in street.states(from).into_iter().zip(street.states(to)) {
            let moved = |of: fn(&HomeState) -> u64| (of(&b) - of(&a)).cast_signed();
            let sources = moved(|s| s.pv_wh.unwrap_or(0))
                + moved(|s| s.import_wh)
                + moved(|s| s.discharge_wh.unwrap_or(0));
            let sinks =
                moved(|s| s.load_wh) + moved(|s| s.export_wh) + moved(|s| s.charge_wh.unwrap_or(0));
            // Six counters, each rounded down to whole Wh.
            assert!(
                (sources - sinks).abs() <= 5,
                "home {} step {step}: {sources} in, {sinks} out",
                a.home
            );
        }
    }
}

#[test]
fn the_street_has_plenty_at_noon_in_june_and_little_at_dusk() {
    let start = 1_780_272_000_000; // 2026-06-01
    let street = Street::starting(42, 24, start / 1_000).expect("24 homes are a street");
    let ratio = |hour: i64| {
        let (mut surplus, mut need) = (0_u64, 0_u64);
        for day in 0..21 {
            for quarter in 0..4 {
                let from = start + day * 86_400_000 + hour * 3_600_000 + quarter * 900_000;
                for (a, b) in street
                    .states(from)
                    .into_iter()
                    .zip(street.states(from + 900_000))
                {
                    let (import, export) = (b.import_wh - a.import_wh, b.export_wh - a.export_wh);
                    surplus += export.saturating_sub(import);
                    need += import.saturating_sub(export);
                }
            }
        }
        surplus * 100 / need.max(1)
    };
    let noon = ratio(11);
    assert!(
        (80..=220).contains(&noon),
        "surplus is {noon} % of the need at noon"
    );
    assert!(
        ratio(5) < 60 && ratio(17) < 60,
        "scarce in the morning and the evening"
    );
    assert_eq!(ratio(22), 0);
}

proptest! {
    #[test]
    fn counters_never_fall(start in 0_i64..3 * 86_400_000, steps in prop::collection::vec(1_i64..900_000, 1..12)) {
        let street = street();
        let mut at = JUNE_15_MS + start;
        let mut last = street.states(at);
        for step in steps {
            at += step;
            let now = street.states(at);
            for (a, b) in last.iter().zip(&now) {
                prop_assert!(b.import_wh >= a.import_wh && b.export_wh >= a.export_wh && b.load_wh >= a.load_wh);
                prop_assert!(b.pv_wh >= a.pv_wh && b.charge_wh >= a.charge_wh && b.discharge_wh >= a.discharge_wh);
                prop_assert!(b.soc_permille.unwrap_or(0) <= 1_000);
            }
            last = now;
        }
    }
}
