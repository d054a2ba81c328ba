//! Tariffs that change with time: what holds when, what is refused, and what is settled at which price.

use clearing_house::corrections::{self, EnergyCorrection};
use clearing_house::series::Series;
use clearing_house::tariff::{
    Days, PriceSeries, Tariff, TariffError, TariffPrices, TariffWindow, TimeOfUse,
};
use clearing_house::{Ledger, ZoneRules, audit, settle_interval};
use energy_core::{HomeId, IntervalLength, IntervalStart, NetWattHours};

use crate::zone::{home, price, quarter, rules, wh};

const NIGHT: TariffPrices = prices(200_000, 70_000);
const DAY: TariffPrices = prices(350_000, 90_000);

const fn prices(retail: i64, feed_in: i64) -> TariffPrices {
    use energy_core::MicroPricePerKwh;
    TariffPrices {
        retail: MicroPricePerKwh::new(retail),
        feed_in: MicroPricePerKwh::new(feed_in),
    }
}

fn window(days: Days, from: u16, to: u16, prices: TariffPrices) -> TariffWindow {
    TariffWindow {
        days,
        from_minute: from * 60,
        to_minute: to * 60,
        prices,
    }
}

/// Two hours ahead of UTC, weekdays from six to ten in the evening.
fn time_of_use() -> Tariff {
    let windows = vec![window(Days::Weekday, 6, 22, DAY)];
    Tariff::TimeOfUse(TimeOfUse::new(120, windows, Some(NIGHT)).expect("a tariff"))
}

fn series() -> Tariff {
    let prices = Series::new(quarter(4), IntervalLength::QUARTER_HOUR, vec![DAY, NIGHT]);
    let series = PriceSeries::new(prices.expect("a series"), prices_otherwise());
    Tariff::Series(series.expect("a tariff"))
}

fn prices_otherwise() -> TariffPrices {
    prices(300_000, 80_000)
}

#[test]
fn windows_hold_in_local_time_on_their_days() {
    let tariff = time_of_use();
    let monday = |hour: i64| tariff.at(quarter(hour * 4));
    assert_eq!([monday(3), monday(4)], [NIGHT, DAY]);
    assert_eq!([monday(19), monday(20)], [DAY, NIGHT]);
    // Friday 23:00 UTC is Saturday already, Sunday 23:00 UTC Monday.
    let after_days = |days: i64, hour: i64| tariff.at(quarter((days * 24 + hour) * 4));
    assert_eq!(
        [after_days(4, 12), after_days(5, 12), after_days(6, 12)],
        [DAY, NIGHT, NIGHT]
    );
    // 1969 is no exception: 31 December was a Wednesday.
    let before = IntervalLength::QUARTER_HOUR
        .start_at(-12 * 3_600)
        .expect("aligned");
    assert_eq!(tariff.at(before), DAY);
    let range = tariff.range();
    assert_eq!((range.lowest, range.highest), (NIGHT, DAY));
}

#[test]
fn a_week_is_covered_once_or_named_where_it_is_not() {
    let make = |windows: &[TariffWindow]| TimeOfUse::new(0, windows.to_vec(), None).map(|_| ());
    let (all, weekend) = (Days::All, Days::Weekend);
    assert_eq!(make(&[window(all, 0, 24, DAY)]), Ok(()));
    assert_eq!(
        make(&[
            window(Days::Weekday, 8, 24, DAY),
            window(weekend, 0, 24, NIGHT),
            window(Days::Weekday, 0, 8, NIGHT),
        ]),
        Ok(())
    );
    let gap = |day, minute| Err(TariffError::Gap { day, minute });
    assert_eq!(make(&[]), gap("weekday", 0));
    assert_eq!(
        make(&[window(all, 0, 8, DAY), window(all, 9, 24, DAY)]),
        gap("weekday", 480)
    );
    assert_eq!(
        make(&[window(all, 0, 8, DAY), window(Days::Weekday, 8, 24, DAY)]),
        gap("weekend", 480)
    );
    assert_eq!(
        make(&[window(all, 0, 24, DAY), window(weekend, 8, 9, NIGHT)]),
        Err(TariffError::Overlap {
            day: "weekend",
            minute: 480
        })
    );
    assert!(make(&[window(all, 8, 8, DAY)]).is_err());
    assert!(make(&[window(all, 0, 25, DAY)]).is_err());
    assert!(make(&[window(all, 0, 24, prices(1, 2))]).is_err());
    assert!(make(&[window(all, 0, 24, prices(i64::MAX, 2))]).is_err());
    assert!(TimeOfUse::new(841, vec![window(all, 0, 24, DAY)], None).is_err());
}

#[test]
fn prices_change_with_intervals_or_the_rules_are_refused() {
    let half_past = TariffWindow {
        from_minute: 390,
        ..window(Days::All, 0, 12, DAY)
    };
    let tariff = TimeOfUse::new(0, vec![half_past], Some(NIGHT)).expect("a tariff");
    let check = |interval_s, tariff| {
        let interval = IntervalLength::new(interval_s).expect("a length");
        let rules = ZoneRules {
            interval,
            tariff,
            ..rules()
        };
        rules.check().map_err(|error| error.to_string())
    };
    assert_eq!(check(1_800, Tariff::TimeOfUse(tariff.clone())), Ok(()));
    assert_eq!(
        check(3_600, Tariff::TimeOfUse(tariff)),
        Err("expected window 0 to begin and end at the edges of intervals of 3600 s".to_owned())
    );
    assert!(check(3_600, series()).is_err_and(|m| m.contains("got 900 s")));
    // An offset of a quarter moves the edges with it.
    let nepal = TimeOfUse::new(345, vec![window(Days::All, 6, 22, DAY)], Some(NIGHT));
    assert!(check(1_800, Tariff::TimeOfUse(nepal.expect("a tariff"))).is_err());
}

#[test]
fn a_tariff_reads_back_as_it_was_written_and_a_flat_one_is_two_prices() {
    let json = |tariff: &Tariff| serde_json::to_string(tariff).expect("written");
    let flat = Tariff::flat(price(300_000), price(80_000));
    assert_eq!(json(&flat), r#"{"retail":300000,"feed_in":80000}"#);
    for tariff in [flat, time_of_use(), series()] {
        let read: Tariff = serde_json::from_str(&json(&tariff)).expect("read");
        assert_eq!(read, tariff);
    }
    let refuse = |text: &str| {
        serde_json::from_str::<Tariff>(text)
            .expect_err(text)
            .to_string()
    };
    // What looks like two kinds at once is not quietly taken for the flat one.
    assert!(refuse(r#"{"retail":3,"feed_in":1,"windows":[]}"#).contains("expected a tariff"));
    assert!(refuse(r#"{"utc_offset_minutes":0,"windows":[]}"#).contains("neither on a weekday"));
    assert!(
        refuse(r#"{"start":900,"step":900,"prices":[[1,2]],"otherwise":{"retail":1,"feed_in":0}}"#)
            .contains("entry 0")
    );
}

#[test]
fn an_interval_is_settled_and_corrected_at_its_own_prices() {
    let rules = ZoneRules {
        tariff: series(),
        ..rules()
    };
    let mut ledger = Ledger::default();
    let mut bills = Vec::new();
    for n in 3..7 {
        let homes = [home(1, 1_000, 0), home(2, 0, 1_000), home(3, 1_000, 0)];
        let outcome = settle_interval(&rules, quarter(n), &ledger, &homes).expect("settled");
        audit::check_interval(&ledger, &outcome).expect("adds up");
        let bought: u64 = outcome.homes.iter().map(|h| h.residual_import.get()).sum();
        assert_eq!(bought, 1_000, "the rest is the utility's");
        bills.push(
            outcome
                .homes
                .iter()
                .map(|h| h.utility_bill.get())
                .sum::<i64>(),
        );
        ledger = outcome.ledger;
    }
    assert_eq!(bills, [300_000_000, 350_000_000, 200_000_000, 300_000_000]);

    let correction = |interval: IntervalStart| EnergyCorrection {
        interval,
        version: 2,
        import: NetWattHours::new(10),
        export: NetWattHours::new(-10),
    };
    let late = [quarter(3), quarter(4), quarter(5)].map(correction);
    let home = HomeId::new(1);
    let verified = ledger.home(home).verified;
    let outcome = corrections::apply(&rules, &ledger, home, &late, verified).expect("corrected");
    let bills: Vec<i64> = outcome.homes.iter().map(|c| c.bill.get()).collect();
    assert_eq!(bills, [3_800_000, 4_400_000, 2_700_000]);
    assert_eq!(wh(0), outcome.homes[0].minted);
}
