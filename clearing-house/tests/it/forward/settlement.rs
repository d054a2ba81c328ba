//! After delivery: who gets what, who pays for what is missing, and what comes late.

use clearing_house::corrections::{self, EnergyCorrection};
use clearing_house::forward::{
    AllocationRule, Delivery, ForwardBook, ForwardError, ForwardHome, ForwardOutcome, ForwardRules,
    ImbalanceRule, check_forward_interval, forward_reasons, settle_forward_interval,
};
use clearing_house::series::Series;
use clearing_house::{Account, Asset, Excluded, Ledger, LineKind, audit};
use energy_core::{HomeId, IntervalLength, NetWattHours, Side};
use market_engine::mechanism::Mechanism;

use super::{book_of, cleared, delivered, rules};
use crate::zone::{price, quarter, wh};

const BID: Side = Side::Bid;
const ASK: Side = Side::Ask;

/// Settles the tenth quarter.
fn settle(rules: &ForwardRules, book: &ForwardBook, deliveries: &[Delivery]) -> ForwardOutcome {
    let cleared = cleared(rules, book, quarter(10));
    let before = Ledger::default();
    let outcome = settle_forward_interval(rules, &before, &cleared, deliveries).expect("settled");
    check_forward_interval(&before, &outcome).expect("adds up");
    outcome
}

/// One seller and one buyer of 500 Wh at 0.175, and what they did.
fn pair(
    imbalance: ImbalanceRule,
    sold: Option<(u64, u64)>,
    bought: Option<(u64, u64)>,
) -> [ForwardHome; 2] {
    let rules = ForwardRules {
        imbalance,
        ..rules()
    };
    let book = book_of(
        &rules,
        10,
        &[(1, ASK, 500, 100_000), (2, BID, 500, 250_000)],
    );
    let deliveries = [delivered(1, sold), delivered(2, bought)];
    let outcome = settle(&rules, &book, &deliveries);
    outcome.homes.try_into().expect("two homes")
}

fn single(price_micro: i64) -> ImbalanceRule {
    let step = IntervalLength::QUARTER_HOUR;
    let series = Series::new(quarter(10), step, vec![price(price_micro)]);
    ImbalanceRule::Series(series.expect("a series"))
}

fn cost(home: &ForwardHome) -> i64 {
    home.cost().expect("small").get()
}

#[test]
fn what_was_traded_and_delivered_is_paid_at_the_clearing_price() {
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 620)), Some((700, 0)));
    assert_eq!(cost(&buyer), 500 * 180_000 + 200 * 300_000);
    assert_eq!(-cost(&seller), 500 * 170_000 + 120 * 80_000);
    assert_eq!((seller.imbalance.get(), buyer.imbalance.get()), (0, 0));
    assert_eq!(buyer.credited, wh(500));
    assert_eq!(seller.minted, wh(620));
}

#[test]
fn a_seller_who_falls_short_makes_the_buyer_whole() {
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 300)), Some((500, 0)));
    // As if the trade had been kept, to the last unit; the grid operator gets its fee for 300 Wh only.
    assert_eq!(cost(&buyer), 500 * 180_000);
    assert_eq!(buyer.residual_import, wh(200));
    assert_eq!(seller.imbalance.get(), -200 * 120_000);
    assert_eq!(seller.cash.get(), 300 * 170_000);
    assert_eq!(buyer.fee.get(), 300 * 5_000);
}

#[test]
fn a_buyer_who_falls_short_makes_the_seller_whole() {
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 500)), Some((100, 0)));
    assert_eq!(-cost(&seller), 500 * 170_000);
    assert_eq!(seller.residual_export, wh(400));
    // Bought at 0.175, sold back at 0.085.
    assert_eq!(buyer.imbalance.get(), -400 * 90_000);
    assert_eq!(cost(&buyer), 100 * 180_000 + 400 * 90_000);
}

#[test]
fn where_both_fall_short_only_what_was_performed_in_vain_is_charged() {
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 200)), Some((300, 0)));
    assert_eq!((seller.short(), buyer.short()), (Ok(wh(300)), Ok(wh(200))));
    assert_eq!(seller.imbalance.get(), -100 * 120_000);
    assert_eq!(buyer.imbalance.get(), 100 * 120_000);
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 0)), Some((0, 0)));
    assert_eq!((cost(&seller), cost(&buyer)), (0, 0));
}

#[test]
fn a_single_price_is_bounded_by_the_trade_and_by_the_tariff() {
    // (price, what a short seller pays a kWh, what a short buyer pays a kWh), trade at 0.175.
    for (single_price, sellers, buyers) in [
        (200_000, 25_000, 0),
        (150_000, 0, 25_000),
        (175_000, 0, 0),
        (-1_000_000, 0, 90_000),
        (9_000_000, 120_000, 0),
    ] {
        let [seller, buyer] = pair(single(single_price), Some((0, 400)), Some((500, 0)));
        assert_eq!(seller.imbalance.get(), -100 * sellers, "at {single_price}");
        assert!(cost(&buyer) <= buyer.without_market.get());
        let [seller, buyer] = pair(single(single_price), Some((0, 500)), Some((400, 0)));
        assert_eq!(buyer.imbalance.get(), -100 * buyers, "at {single_price}");
        assert!(cost(&seller) <= seller.without_market.get());
    }
    // Outside the list the utility's tariff holds.
    let step = IntervalLength::QUARTER_HOUR;
    let series = Series::new(quarter(11), step, vec![price(175_000)]).expect("a series");
    let later = ImbalanceRule::Series(series);
    let [seller, _] = pair(later, Some((0, 400)), Some((500, 0)));
    assert_eq!(seller.imbalance.get(), -100 * 120_000);
}

#[test]
fn scarcity_lies_between_feed_in_and_retail() {
    // Need 500, surplus 400: 0.085 + 0.210 · 5/9 = 0.201 666, rounded down, less the price of 0.175.
    let [seller, buyer] = pair(ImbalanceRule::Scarcity, Some((0, 400)), Some((500, 0)));
    assert_eq!(seller.imbalance.get(), -100 * 26_666);
    assert_eq!(buyer.imbalance.get(), 100 * 26_666);
    // Need 100, surplus 500: 0.085 + 0.210 / 6 = 0.120.
    let [_, buyer] = pair(ImbalanceRule::Scarcity, Some((0, 500)), Some((100, 0)));
    assert_eq!(buyer.imbalance.get(), -400 * 55_000);
}

#[test]
fn the_longer_side_is_reduced_in_proportion_or_the_newest_first() {
    let orders = [
        (1, ASK, 300, 100_000),
        (2, BID, 100, 250_000),
        (3, BID, 200, 250_000),
    ];
    let allocated = |allocation| {
        let rules = ForwardRules {
            allocation,
            ..rules()
        };
        let book = book_of(&rules, 10, &orders);
        let deliveries = [
            delivered(1, Some((0, 150))),
            delivered(2, Some((100, 0))),
            delivered(3, Some((200, 0))),
        ];
        let outcome = settle(&rules, &book, &deliveries);
        let homes = outcome.homes.iter();
        homes
            .map(|home| home.sum(BID, |row| row.allocated).expect("small").get())
            .collect::<Vec<_>>()
    };
    assert_eq!(allocated(AllocationRule::ProRata), [0, 50, 100]);
    assert_eq!(allocated(AllocationRule::Fifo), [0, 100, 50]);
}

#[test]
fn a_missing_meter_has_performed_nothing_and_settles_late_with_the_utility() {
    let rules = rules();
    let book = book_of(
        &rules,
        10,
        &[(1, ASK, 500, 100_000), (2, BID, 500, 250_000)],
    );
    let cleared = cleared(&rules, &book, quarter(10));
    let before = Ledger::default();
    // Not even listed: the home has an order, so it is there.
    let deliveries = [delivered(2, Some((500, 0)))];
    let outcome = settle_forward_interval(&rules, &before, &cleared, &deliveries).expect("settled");
    let [seller, buyer] = &outcome.homes[..] else {
        panic!("two homes")
    };
    assert_eq!(seller.excluded, Some(Excluded::NoReadings));
    assert_eq!((seller.energy, seller.cash.get()), (None, 0));
    assert_eq!(seller.imbalance.get(), -500 * 120_000);
    assert_eq!(cost(buyer), 500 * 180_000);

    // It did deliver: the utility takes it at its tariff, and nobody else is touched.
    let stands = seller.settled();
    let late = EnergyCorrection {
        interval: stands.interval,
        version: stands.version + 1,
        import: NetWattHours::new(0),
        export: NetWattHours::new(500),
    };
    let one = HomeId::new(1);
    let corrected = corrections::apply(&rules.market, &outcome.ledger, one, &[late], wh(500));
    let corrected = corrected.expect("corrected");
    assert_eq!(corrected.homes[0].bill.get(), -500 * 80_000);
    assert_eq!(corrected.homes[0].minted, wh(500));
    let touched = corrected.entries[0].lines.iter().map(|line| line.account);
    assert!(
        touched
            .filter(|a| matches!(a, Account::Home(_)))
            .all(|a| a == Account::Home(one))
    );
    let two = HomeId::new(2);
    assert_eq!(corrected.ledger.home(two), outcome.ledger.home(two));
    assert_eq!(
        audit::replay([&outcome.entry, &corrected.entries[0]]),
        Ok(corrected.ledger)
    );

    let mad = delivered(1, Some((0, 1_000_000_001)));
    let outcome = settle_forward_interval(&rules, &before, &cleared, &[mad]).expect("settled");
    assert_eq!(outcome.homes[0].excluded, Some(Excluded::ImplausibleEnergy));
}

#[test]
fn imbalance_is_in_the_bill_and_sums_to_zero_among_homes() {
    let rules = rules();
    let book = book_of(
        &rules,
        10,
        &[(1, ASK, 500, 100_000), (2, BID, 500, 250_000)],
    );
    let deliveries = [delivered(1, Some((0, 300))), delivered(2, Some((500, 0)))];
    let outcome = settle(&rules, &book, &deliveries);
    let lines = outcome.entry.lines.iter();
    let lines = lines.filter(|line| line.kind == LineKind::Imbalance);
    let lines: Vec<_> = lines
        .map(|line| (line.account, line.asset, line.amount))
        .collect();
    let of = |n| Account::Home(HomeId::new(n));
    assert_eq!(lines.len(), 2);
    assert!(lines.contains(&(of(1), Asset::Bill, -24_000_000)));
    assert!(lines.contains(&(of(2), Asset::Bill, 24_000_000)));
    assert_eq!(
        outcome.ledger.home(HomeId::new(1)).cash.get(),
        300 * 170_000
    );
}

#[test]
fn every_cent_is_told_in_plain_words() {
    let told = |home: &ForwardHome| forward_reasons(home).join(" ");
    let [seller, buyer] = pair(ImbalanceRule::Utility, Some((0, 300)), Some((500, 0)));
    assert_eq!(
        told(&seller),
        "Sold 0.500 kWh ahead at 0.175 a kWh; 0.300 kWh went to neighbours, with a fee of 0.0015 to the \
         grid operator. 0.200 kWh of that was not delivered. Making up for what fell short cost 0.024, \
         in the utility's bill."
    );
    assert_eq!(
        told(&buyer),
        "Bought 0.500 kWh ahead at 0.175 a kWh; 0.300 kWh came from neighbours, with a fee of 0.0015 to \
         the grid operator. 0.200 kWh of that had no counterpart, because the other side fell short. \
         Those who fell short made up for it with 0.024. The utility supplied 0.200 kWh at its retail \
         price."
    );
    let [seller, _] = pair(ImbalanceRule::Utility, None, Some((500, 0)));
    assert!(told(&seller).starts_with("No meter reading had arrived in time, so the home counts"));
}

#[test]
fn homes_without_orders_are_settled_with_the_utility() {
    let rules = rules();
    let outcome = settle(
        &rules,
        &ForwardBook::default(),
        &[delivered(7, Some((30, 50)))],
    );
    assert_eq!(outcome.imbalance, None);
    let home = &outcome.homes[0];
    assert_eq!(
        (cost(home), home.minted),
        (30 * 300_000 - 50 * 80_000, wh(50))
    );
    assert_eq!(outcome.ledger.utility_credited, wh(50));
}

#[test]
fn what_cannot_be_settled_is_named() {
    let rules = rules();
    let book = book_of(
        &rules,
        10,
        &[(1, ASK, 500, 100_000), (2, BID, 500, 250_000)],
    );
    let cleared = cleared(&rules, &book, quarter(10));
    let settle = |rules: &ForwardRules, cleared, deliveries: &[Delivery]| {
        settle_forward_interval(rules, &Ledger::default(), cleared, deliveries)
    };
    let twice = [delivered(1, None), delivered(1, None)];
    let home = HomeId::new(1);
    assert_eq!(
        settle(&rules, &cleared, &twice),
        Err(ForwardError::HomeTwice { home })
    );
    let mut other = cleared.clone();
    other.rows[0].traded = wh(499);
    assert_eq!(settle(&rules, &other, &[]), Err(ForwardError::Rows));
    let mut other = cleared.clone();
    other.clearing.price = Some(price(176_000));
    assert!(matches!(
        settle(&rules, &other, &[]),
        Err(ForwardError::Clearing(_))
    ));
    let mut pairwise = rules.clone();
    pairwise.market.mechanism = Mechanism::PayAsBid;
    let refused = settle(&pairwise, &cleared, &[]);
    assert!(matches!(refused, Err(ForwardError::Rules(_))));
    let long = ForwardRules {
        gate_closure_s: 604_801,
        ..rules.clone()
    };
    let message = settle(&long, &cleared, &[])
        .expect_err("too long")
        .to_string();
    assert!(message.contains("up to 604800 s") && message.contains("got 604801"));
}
