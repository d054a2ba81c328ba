//! One interval, numbers small enough to check by hand.

use clearing_house::statement::{Statement, reasons};
use clearing_house::{
    Account, Asset, CutReason, Excluded, HomeInput, Ledger, LineKind, SettleError, Tariff,
    ZoneRules, settle_interval,
};
use energy_core::{HomeId, NanoAmount, Side};

use crate::zone::{home, price, priced, quarter, rules, wh};

#[test]
fn one_sells_to_one_and_every_cent_is_named() {
    let homes = [
        priced(home(1, 0, 500), 90_000, 0),
        priced(home(2, 400, 0), 0, 200_000),
    ];
    let outcome =
        settle_interval(&rules(), quarter(40), &Ledger::default(), &homes).expect("settled");
    // The ask enters at 95 000, the bid at 195 000; the ask's rest is left, so the price is its limit.
    assert_eq!(outcome.clearing.price, Some(price(95_000)));
    let (seller, buyer) = (&outcome.homes[0], &outcome.homes[1]);

    assert_eq!(seller.cash.get(), 400 * 90_000);
    assert_eq!(seller.fee.get(), 400 * 5_000);
    assert_eq!(seller.residual_export, wh(100));
    assert_eq!(seller.utility_bill.get(), -100 * 80_000);
    assert_eq!(seller.without_market.get(), -500 * 80_000);
    assert_eq!((seller.verified, seller.minted), (wh(500), wh(500)));

    assert_eq!(buyer.cash.get(), -400 * 100_000);
    assert_eq!(buyer.utility_bill.get(), 0);
    assert_eq!(buyer.without_market.get(), 400 * 300_000);
    assert_eq!(buyer.credited, wh(400));
    assert_eq!(buyer.order.expect("it bought").credited, wh(400));

    assert_eq!(outcome.ledger.operator_cash.get(), 400 * 10_000);
    assert_eq!(outcome.ledger.utility_credited, wh(100));
    assert_eq!(outcome.ledger.cash(), Ok(NanoAmount::ZERO));
    assert_eq!(outcome.ledger.journal_head, outcome.entry.hash());
    let fees = outcome
        .entry
        .lines
        .iter()
        .filter(|l| l.account == Account::Operator && l.asset == Asset::Cash);
    assert_eq!(
        fees.map(|l| (l.amount, l.kind)).collect::<Vec<_>>(),
        [
            (2_000_000, LineKind::SellerFee),
            (2_000_000, LineKind::BuyerFee)
        ]
    );
}

#[test]
fn what_is_taken_and_fed_in_at_once_is_the_utilitys() {
    let homes = [home(1, 200, 1_000), home(2, 5_000, 0)];
    let outcome =
        settle_interval(&rules(), quarter(40), &Ledger::default(), &homes).expect("settled");
    let seller = &outcome.homes[0];
    let order = seller.order.expect("it had a surplus");
    assert_eq!(
        (order.side, order.quantity, order.fill),
        (Side::Ask, wh(800), wh(800))
    );
    assert_eq!(
        (seller.residual_import, seller.residual_export),
        (wh(200), wh(200))
    );
    assert_eq!(seller.utility_bill.get(), 200 * 300_000 - 200 * 80_000);
    // All 1 000 Wh are verified; 800 of the tokens follow the energy, 200 are the utility's.
    assert_eq!(outcome.homes[1].credited, wh(800));
    assert_eq!(outcome.ledger.utility_credited, wh(200));
    assert!(
        reasons(seller)
            .iter()
            .any(|s| s.starts_with("0.200 kWh of each was both taken and fed in"))
    );
}

#[test]
fn limits_never_move_towards_trading() {
    // Asks for less than the feed-in price and bids more than retail enter at the tariff.
    let homes = [
        priced(home(1, 0, 500), 0, 0),
        priced(home(2, 500, 0), 0, 900_000),
    ];
    let outcome =
        settle_interval(&rules(), quarter(0), &Ledger::default(), &homes).expect("settled");
    let mut entered: Vec<(Side, i64, i64)> = outcome
        .rows
        .iter()
        .map(|row| (row.side, row.limit.get(), row.price.get()))
        .collect();
    entered.sort();
    assert_eq!(
        entered,
        [(Side::Bid, 300_000, 295_000), (Side::Ask, 80_000, 85_000)]
    );
    // Outside the net band nobody trades: who wants 299 000 all in cannot get it.
    let homes = [
        priced(home(1, 0, 500), 299_000, 0),
        priced(home(2, 500, 0), 0, 300_000),
    ];
    let outcome =
        settle_interval(&rules(), quarter(0), &Ledger::default(), &homes).expect("settled");
    assert_eq!(outcome.clearing.price, None);
    assert!(
        reasons(&outcome.homes[0])
            .iter()
            .any(|s| s.contains("nobody on the street"))
    );
}

#[test]
fn a_home_that_has_run_dry_buys_what_it_can_pay() {
    let poor = HomeInput {
        escrow: NanoAmount::new(30_000_000),
        ..priced(home(2, 1_000, 0), 0, 200_000)
    };
    let homes = [home(1, 0, 2_000), poor.clone()];
    let outcome =
        settle_interval(&rules(), quarter(40), &Ledger::default(), &homes).expect("settled");
    let buyer = &outcome.homes[1];
    assert_eq!(buyer.order.expect("some").quantity, wh(150));
    assert_eq!(
        (buyer.cut, buyer.residual_import),
        (Some(CutReason::Funds), wh(850))
    );
    assert!(buyer.cash.get() >= -30_000_000);

    // Debt in the ledger counts; with nothing left there is no order, and the utility supplies it all.
    let mut ledger = outcome.ledger;
    let spent = HomeInput {
        escrow: NanoAmount::ZERO,
        ..poor
    };
    let outcome = settle_interval(
        &rules(),
        quarter(41),
        &ledger,
        &[home(1, 0, 2_000), spent.clone()],
    )
    .expect("settled");
    assert_eq!(
        (outcome.homes[1].order, outcome.homes[1].cut),
        (None, Some(CutReason::Funds))
    );
    assert_eq!(outcome.homes[1].residual_import, wh(1_000));

    // A guarantee by the zone helps.
    ledger.homes.remove(&HomeId::new(2));
    let guaranteed = ZoneRules {
        credit_limit: NanoAmount::new(200_000_000),
        ..rules()
    };
    let outcome = settle_interval(
        &guaranteed,
        quarter(41),
        &ledger,
        &[home(1, 0, 2_000), spent],
    )
    .expect("settled");
    assert_eq!(outcome.homes[1].cut, None);
}

#[test]
fn a_home_without_data_holds_nobody_up() {
    let silent = HomeInput {
        energy: None,
        ..home(3, 0, 0)
    };
    let broken = home(4, 0, 2_000_000_000);
    let homes = [home(1, 0, 500), home(2, 400, 0), silent, broken];
    let outcome =
        settle_interval(&rules(), quarter(40), &Ledger::default(), &homes).expect("settled");
    assert_eq!(outcome.clearing.certificate.quantity, 400);
    assert_eq!(outcome.homes[2].excluded, Some(Excluded::NoReadings));
    assert_eq!(outcome.homes[3].excluded, Some(Excluded::ImplausibleEnergy));
    assert_eq!(outcome.homes[3].cost(), Ok(NanoAmount::ZERO));
    assert_eq!(reasons(&outcome.homes[2]).len(), 1);
}

#[test]
fn negative_feed_in_prices_settle_and_sellers_must_be_able_to_pay() {
    let mut rules = rules();
    rules.tariff = Tariff::flat(price(300_000), price(-100_000));
    let homes = [
        HomeInput {
            escrow: NanoAmount::new(10_000_000),
            ..priced(home(1, 0, 500), 0, 0)
        },
        home(2, 400, 0),
    ];
    let outcome =
        settle_interval(&rules, quarter(40), &Ledger::default(), &homes).expect("settled");
    assert_eq!(outcome.ledger.cash(), Ok(NanoAmount::ZERO));
    let automatic = HomeInput {
        escrow: NanoAmount::ZERO,
        ..home(1, 0, 500)
    };
    let outcome = settle_interval(
        &rules,
        quarter(40),
        &Ledger::default(),
        &[automatic, home(2, 400, 0)],
    )
    .expect("settled");
    // The agent's ask is at −100 000 + a quarter of 400 000 and more: nothing to pay, nothing cut.
    assert_eq!(outcome.homes[0].cut, None);
}

#[test]
fn what_cannot_be_settled_is_named() {
    let settle = |rules: &ZoneRules, homes: &[HomeInput]| {
        settle_interval(rules, quarter(0), &Ledger::default(), homes)
    };
    let twice = [home(1, 0, 5), home(1, 5, 0)];
    assert_eq!(
        settle(&rules(), &twice),
        Err(SettleError::HomeTwice {
            home: HomeId::new(1)
        })
    );
    let same_meter = [
        home(1, 0, 5),
        HomeInput {
            meter: home(1, 0, 0).meter,
            ..home(2, 5, 0)
        },
    ];
    assert!(matches!(
        settle(&rules(), &same_meter),
        Err(SettleError::MeterTwice { .. })
    ));
    let mut upside_down = rules();
    upside_down.tariff = Tariff::flat(price(300_000), price(400_000));
    let message = settle(&upside_down, &[]).expect_err("rules").to_string();
    assert_eq!(
        message,
        "rules of the zone: expected a feed-in price up to the retail price of 300000 µ/kWh, got 400000 in the flat tariff"
    );
    let hourly = ZoneRules {
        interval: energy_core::IntervalLength::new(3_600).expect("a length"),
        ..rules()
    };
    assert!(matches!(
        settle_interval(&hourly, quarter(1), &Ledger::default(), &[]),
        Err(SettleError::Interval(_))
    ));
}

#[test]
fn a_statement_is_the_sum_of_its_parts() {
    let mut ledger = Ledger::default();
    let mut results = Vec::new();
    for n in 0..8 {
        let homes = [home(1, 30, 500), home(2, 400, 0), home(3, 90 * n, 40)];
        let outcome =
            settle_interval(&rules(), quarter(40 + n as i64), &ledger, &homes).expect("settled");
        ledger = outcome.ledger;
        results.extend(outcome.homes);
    }
    for n in 1..=3 {
        let statement =
            Statement::of(HomeId::new(n), quarter(40), quarter(48), &results, []).expect("small");
        let parts = statement.bought_local.amount.get()
            + statement.fees.get()
            + statement.bought_utility.amount.get()
            - statement.sold_local.amount.get()
            - statement.sold_utility.amount.get();
        assert_eq!(statement.cost.get(), parts);
        assert_eq!(statement.intervals, 8);
        assert!(statement.saved.get() > 0);
        let half =
            Statement::of(HomeId::new(n), quarter(40), quarter(44), &results, []).expect("small");
        assert_eq!(half.intervals, 4);
    }
}
