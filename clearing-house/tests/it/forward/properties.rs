//! Whatever is ordered, delivered, missing and late: it adds up, and who performed is not worse off.

use std::collections::BTreeMap;

use clearing_house::corrections;
use clearing_house::forward::imbalance::ImbalancePrices;
use clearing_house::forward::{
    AllocationRule, Delivery, ForwardBook, ForwardClearing, ForwardHome, ForwardOutcome,
    ForwardRow, ForwardRules, ImbalanceRule, check_forward_interval, clear_forward_interval,
    settle_forward_interval,
};
use clearing_house::series::Series;
use clearing_house::{Account, Asset, BoundaryReading, Ledger, Tariff, ZoneRules, audit};
use energy_core::{
    Hash, HomeId, IntervalLength, MicroPricePerKwh, NanoAmount, NetWattHours, Quality, Side,
};
use proptest::prelude::*;

use super::{RICH, cleared, delivered, gate, id, rules, terms};
use crate::zone::{price, quarter, wh};

/// Home, side, and its orders: Wh, limit, seconds after the one before.
type Orders = (u32, Side, Vec<(u64, i64, i64)>);

#[derive(Debug, Clone)]
struct World {
    rules: ForwardRules,
    orders: Vec<Orders>,
    deliveries: Vec<Delivery>,
}

fn imbalance_rules() -> impl Strategy<Value = ImbalanceRule> {
    let series = |p| Series::new(quarter(10), IntervalLength::QUARTER_HOUR, vec![price(p)]);
    prop_oneof![
        Just(ImbalanceRule::Utility),
        Just(ImbalanceRule::Scarcity),
        (-500_000_i64..900_000).prop_map(move |p| ImbalanceRule::Series(series(p).expect("one"))),
    ]
}

fn forward_rules() -> impl Strategy<Value = ForwardRules> {
    let tariff = (-200_000_i64..400_000, 0_i64..400_000)
        .prop_map(|(feed_in, width)| Tariff::flat(price(feed_in + width), price(feed_in)));
    let allocation = prop_oneof![Just(AllocationRule::ProRata), Just(AllocationRule::Fifo)];
    (
        tariff,
        0_i64..30_000,
        0_i64..30_000,
        0_u32..=1_000_000,
        allocation,
        imbalance_rules(),
    )
        .prop_map(|(tariff, buyer, seller, k_ppm, allocation, imbalance)| {
            let fees = clearing_house::Fees {
                buyer: price(buyer),
                seller: price(seller),
            };
            let market = ZoneRules {
                tariff,
                fees,
                k_ppm,
                ..rules().market
            };
            ForwardRules {
                market,
                allocation,
                imbalance,
                ..rules()
            }
        })
}

fn home_orders() -> impl Strategy<Value = (bool, Vec<(u64, i64, i64)>)> {
    let order = (1_u64..2_000, -300_000_i64..700_000, 0_i64..3);
    (any::<bool>(), prop::collection::vec(order, 0..4))
}

fn energies() -> impl Strategy<Value = Option<(u64, u64)>> {
    let some = prop_oneof![
        (0_u64..3_000, Just(0)),
        (Just(0), 0_u64..3_000),
        (0_u64..3_000, 0_u64..3_000),
    ];
    prop::option::weighted(0.9, some)
}

fn worlds() -> impl Strategy<Value = World> {
    let home = (home_orders(), energies());
    (forward_rules(), prop::collection::vec(home, 2..9)).prop_map(|(rules, homes)| {
        let mut world = World {
            rules,
            orders: Vec::new(),
            deliveries: Vec::new(),
        };
        for (n, ((is_buyer, orders), energy)) in (1..).zip(homes) {
            let side = if is_buyer { Side::Bid } else { Side::Ask };
            world.orders.push((n, side, orders));
            world.deliveries.push(delivered(n, energy));
        }
        world
    })
}

/// The book of the tenth quarter, the homes coming in the order given.
fn book(rules: &ForwardRules, orders: &[Orders]) -> ForwardBook {
    let mut book = ForwardBook::default();
    let mut now_s = gate(10) - 1_000;
    for (home, side, of_home) in orders {
        for (number, (wanted, limit, later_s)) in (0..).zip(of_home) {
            now_s += later_s;
            let terms = terms(10, &[*wanted], *limit);
            book.submit(rules, now_s, id(*home, number), *side, &terms, RICH)
                .expect("taken");
        }
    }
    book
}

fn settle(world: &World) -> (ForwardClearing, ForwardOutcome) {
    let book = book(&world.rules, &world.orders);
    let cleared = cleared(&world.rules, &book, quarter(10));
    let outcome = settle_forward_interval(
        &world.rules,
        &Ledger::default(),
        &cleared,
        &world.deliveries,
    );
    (cleared, outcome.expect("settled"))
}

fn total(rows: &[ForwardRow], side: Side, of: impl Fn(&ForwardRow) -> u64) -> u64 {
    rows.iter().filter(|row| row.side == side).map(of).sum()
}

/// What a home really bought or sold, net.
fn net(home: &ForwardHome, side: Side) -> u64 {
    let Some(energy) = home.energy else { return 0 };
    match side {
        Side::Bid => energy.import.saturating_less(energy.export).get(),
        Side::Ask => energy.export.saturating_less(energy.import).get(),
    }
}

/// Wh of a home's orders on a side.
fn sum(home: &ForwardHome, side: Side, of: impl Fn(&ForwardRow) -> u64) -> u64 {
    home.sum(side, |row| wh(of(row))).expect("small").get()
}

proptest! {
    #[test]
    fn flows_sum_to_zero_and_energy_telescopes(world in worlds()) {
        let (_, outcome) = settle(&world);
        check_forward_interval(&Ledger::default(), &outcome).expect("adds up");
        for asset in Asset::ALL {
            let lines = outcome.entry.lines.iter().filter(|line| line.asset == asset);
            prop_assert_eq!(lines.map(|line| i128::from(line.amount)).sum::<i128>(), 0);
        }
        let metered = |of: fn(&ForwardHome) -> u64| outcome.homes.iter().map(of).sum::<u64>();
        let import = metered(|h| h.energy.map_or(0, |e| e.import.get()));
        let export = metered(|h| h.energy.map_or(0, |e| e.export.get()));
        let bought = total(&outcome.rows, Side::Bid, |row| row.allocated.get());
        let sold = total(&outcome.rows, Side::Ask, |row| row.allocated.get());
        prop_assert_eq!(bought, sold);
        prop_assert_eq!(import, bought + metered(|h| h.residual_import.get()));
        prop_assert_eq!(export, sold + metered(|h| h.residual_export.get()));
        // Buyers, sellers, utility and operator: what is paid is received.
        let tariff = world.rules.market.tariff.at(quarter(10));
        let costs: i128 = outcome.homes.iter().map(|h| i128::from(h.cost().expect("small").get())).sum();
        let utility: i128 = outcome.homes.iter().map(|h| i128::from(h.utility_bill.get())).sum();
        let residual = |of: fn(&ForwardHome) -> u64, p: MicroPricePerKwh| i128::from(metered(of)) * i128::from(p.get());
        prop_assert_eq!(utility, residual(|h| h.residual_import.get(), tariff.retail) - residual(|h| h.residual_export.get(), tariff.feed_in));
        prop_assert_eq!(costs, utility + i128::from(outcome.ledger.operator_cash.get()));
    }

    #[test]
    fn allocation_is_what_was_traded_and_performed_and_matched(world in worlds()) {
        let (cleared, outcome) = settle(&world);
        let mut performed = BTreeMap::from([(Side::Bid, 0), (Side::Ask, 0)]);
        for home in &outcome.homes {
            for side in [Side::Bid, Side::Ask] {
                let d = sum(home, side, |row| row.traded.get()).min(net(home, side));
                prop_assert_eq!(sum(home, side, |row| row.performed.get()), d);
                *performed.get_mut(&side).expect("both") += d;
            }
        }
        let matched = performed[&Side::Bid].min(performed[&Side::Ask]);
        for (row, cleared) in outcome.rows.iter().zip(&cleared.rows) {
            prop_assert!(row.allocated <= row.performed && row.performed <= row.traded && row.traded <= row.quantity);
            prop_assert_eq!((row.order, row.traded), (cleared.order.id, cleared.traded));
            prop_assert!(row.credited <= row.allocated);
            // Nobody beyond a limit, for what was allocated.
            let at_limit = i128::from(row.allocated.get()) * i128::from(row.limit.get());
            let amount = i128::from(row.amount.get());
            let holds = if row.side == Side::Bid { -amount <= at_limit } else { amount >= at_limit };
            prop_assert!(holds);
        }
        for side in [Side::Bid, Side::Ask] {
            prop_assert_eq!(total(&outcome.rows, side, |row| row.allocated.get()), matched);
            let whole = u128::from(performed[&side]);
            for home in &outcome.homes {
                let d = u128::from(sum(home, side, |row| row.performed.get()));
                let a = u128::from(sum(home, side, |row| row.allocated.get()));
                // |a − A·d/D| < 1
                if world.rules.allocation == AllocationRule::ProRata && whole > 0 {
                    prop_assert!((a * whole).abs_diff(u128::from(matched) * d) < whole);
                }
            }
        }
    }

    #[test]
    fn fifo_serves_the_older_whole_before_the_newer(world in worlds()) {
        let rules = ForwardRules { allocation: AllocationRule::Fifo, ..world.rules.clone() };
        let (cleared, outcome) = settle(&World { rules, ..world });
        let rows: Vec<_> = outcome.rows.iter().zip(&cleared.rows).collect();
        for (older, by) in &rows {
            for (newer, then) in &rows {
                if older.side == newer.side && by.since_s < then.since_s && newer.allocated > wh(0) {
                    prop_assert_eq!(older.allocated, older.performed);
                }
                let one_home = by.order.home == then.order.home && older.side == newer.side;
                if one_home && by.since_s < then.since_s && newer.performed > wh(0) {
                    prop_assert_eq!(older.performed, older.traded);
                }
            }
        }
    }

    #[test]
    fn who_performed_is_never_worse_off_than_with_the_utility(world in worlds()) {
        let (cleared, outcome) = settle(&world);
        let tariff = world.rules.market.tariff.at(quarter(10));
        for home in &outcome.homes {
            let worse = home.cost().expect("small").get() - home.without_market.get();
            let short = i64::try_from(home.short().expect("small").get()).expect("small");
            // Who fell short pays at most the way from the price to the end of the band for it.
            let most = match (cleared.clearing.price, outcome.imbalance) {
                (Some(price), Some(prices)) => {
                    let ImbalancePrices { short_sellers, short_buyers } = prices;
                    prop_assert!(short_buyers <= price && price <= short_sellers);
                    prop_assert!(short_sellers <= tariff.retail && tariff.feed_in <= short_buyers);
                    (short_sellers.get() - price.get()).max(price.get() - short_buyers.get())
                }
                _ => 0,
            };
            prop_assert!(worse <= short * most, "{worse} worse, {short} Wh short");
            if short == 0 {
                prop_assert!(home.imbalance >= NanoAmount::ZERO);
            }
        }
    }

    #[test]
    fn with_the_utilitys_prices_who_performed_is_where_the_trade_put_them(world in worlds()) {
        let rules = ForwardRules { imbalance: ImbalanceRule::Utility, ..world.rules.clone() };
        let (cleared, outcome) = settle(&World { rules, ..world.clone() });
        let Some(clearing) = cleared.clearing.price else { return Ok(()) };
        let fees = world.rules.market.fees;
        let tariff = world.rules.market.tariff.at(quarter(10));
        for home in outcome.homes.iter().filter(|home| home.short() == Ok(wh(0))) {
            let Some(energy) = home.energy else { continue };
            let bought = i64::try_from(sum(home, Side::Bid, |r| r.traded.get())).expect("small");
            let sold = i64::try_from(sum(home, Side::Ask, |r| r.traded.get())).expect("small");
            let kept = bought * (clearing.get() + fees.buyer.get()) - sold * (clearing.get() - fees.seller.get());
            let rest = (i64::try_from(energy.import.get()).expect("small") - bought) * tariff.retail.get()
                - (i64::try_from(energy.export.get()).expect("small") - sold) * tariff.feed_in.get();
            prop_assert_eq!(home.cost().expect("small").get(), kept + rest);
        }
    }

    #[test]
    fn pro_rata_knows_no_order_of_arrival(
        (world, orders, deliveries) in worlds().prop_flat_map(|world| {
            let orders = Just(world.orders.clone()).prop_shuffle();
            let deliveries = Just(world.deliveries.clone()).prop_shuffle();
            (Just(world), orders, deliveries)
        }),
    ) {
        let rules = ForwardRules { allocation: AllocationRule::ProRata, ..world.rules.clone() };
        let (_, first) = settle(&World { rules: rules.clone(), ..world });
        let (_, second) = settle(&World { rules, orders, deliveries });
        prop_assert_eq!(first, second);
    }

    #[test]
    fn late_data_changes_only_the_home_that_was_late(world in worlds(), at in any::<prop::sample::Index>(), import in 0_u64..3_000, export in 0_u64..3_000) {
        let mut world = world;
        let at = at.index(world.deliveries.len());
        world.deliveries[at].energy = None;
        let home = world.deliveries[at].home;
        let (_, outcome) = settle(&world);
        let late = outcome.homes.iter().find(|h| h.home == home).expect("there");
        let reading = |n: i64, import, export| BoundaryReading {
            time_ms: quarter(n).millis().unsigned_abs(),
            import: wh(import),
            export: wh(export),
            generation: None,
            soc_permille: None,
            quality: Quality::GOOD,
            sequence: n.unsigned_abs(),
            hash: Hash::ZERO,
        };
        let readings = [reading(10, 7, 9), reading(11, 7 + import, 9 + export)];
        let due = corrections::due(IntervalLength::QUARTER_HOUR, &[late.settled()], &readings).expect("small");
        let corrected = corrections::apply(&world.rules.market, &outcome.ledger, home, &due, wh(export)).expect("corrected");
        for entry in &corrected.entries {
            prop_assert!(entry.lines.iter().all(|line| [Account::Home(home), Account::Utility, Account::Mint].contains(&line.account)));
        }
        let after = corrected.ledger;
        for other in outcome.homes.iter().filter(|h| h.home != home) {
            prop_assert_eq!(after.home(other.home), outcome.ledger.home(other.home));
        }
        // What is settled for the home is what its registers say, at the tariff.
        let added = |of: fn(&corrections::HomeCorrection) -> NetWattHours| corrected.homes.iter().map(|c| of(c).get()).sum::<i64>();
        prop_assert_eq!(added(|c| c.import), i64::try_from(import).expect("small"));
        prop_assert_eq!(added(|c| c.export), i64::try_from(export).expect("small"));
        let bill: i64 = corrected.homes.iter().map(|c| c.bill.get()).sum();
        let tariff = world.rules.market.tariff.at(quarter(10));
        prop_assert_eq!(bill, tariff.bill(wh(import), wh(export)).expect("small").get());
        let entries: Vec<_> = std::iter::once(&outcome.entry).chain(&corrected.entries).collect();
        prop_assert_eq!(audit::replay(entries), Ok(after));
    }
}

/// Orders over spans in the first quarters: home, side, first quarter, Wh in each, limit, and how much
/// less than wanted is delivered, in per cent.
fn spans() -> impl Strategy<Value = Vec<(u32, bool, i64, Vec<u64>, i64, u64)>> {
    let quantities = prop::collection::vec(0_u64..1_000, 1..6);
    let span = (
        1_u32..6,
        any::<bool>(),
        4_i64..10,
        quantities,
        -50_000_i64..400_000,
        0_u64..130,
    );
    prop::collection::vec(span, 1..14)
}

proptest! {
    /// A whole day: orders over spans, clearing at each gate, settlement four intervals later, and money
    /// that is reserved in between. No home ever owes more than it has paid in.
    #[test]
    fn nobody_owes_more_than_it_has(rules in forward_rules(), spans in spans(), escrow in 0_i64..400_000_000) {
        let mut book = ForwardBook::default();
        let mut ledger = Ledger::default();
        let free = |ledger: &Ledger, home| NanoAmount::new((escrow + ledger.home(home).cash.get()).max(0));
        let mut waiting: Vec<ForwardClearing> = Vec::new();
        let homes: Vec<HomeId> = (1..6).map(HomeId::new).collect();
        for n in 4..20_i64 {
            let now_s = gate(n) - 1;
            for (number, (home, is_buyer, first, quantities, limit, _)) in (0..).zip(&spans) {
                let side = if *is_buyer { Side::Bid } else { Side::Ask };
                if *first == n {
                    let terms = terms(n, quantities, *limit);
                    let free = free(&ledger, HomeId::new(*home));
                    // Some are refused, for the other side or for money.
                    let _ = book.submit(&rules, now_s, id(*home, number), side, &terms, free);
                    let kept: i64 = book.of_home(HomeId::new(*home)).flat_map(|o| o.reserved.values()).map(|a| a.get()).sum();
                    prop_assert!(kept <= free.get().max(0), "{kept} reserved of {free}");
                }
            }
            let funds = homes.iter().map(|home| (*home, free(&ledger, *home))).collect();
            let cleared = clear_forward_interval(&rules, quarter(n), gate(n), &book, &funds).expect("cleared");
            book.keep_for_trades(&cleared);
            waiting.push(cleared);
            if waiting.len() < 5 {
                continue;
            }
            let cleared = waiting.remove(0);
            let percent = spans.first().map_or(100, |span| span.5);
            let deliveries: Vec<Delivery> = homes.iter().map(|home| {
                let of = |side| cleared.rows.iter().filter(|row| row.order.home == *home && row.order.side == side).map(|row| row.traded.get()).sum::<u64>();
                delivered(home.get(), Some((of(Side::Bid) * percent / 100, of(Side::Ask))))
            }).collect();
            let outcome = settle_forward_interval(&rules, &ledger, &cleared, &deliveries).expect("settled");
            check_forward_interval(&ledger, &outcome).expect("adds up");
            book.release(cleared.interval);
            ledger = outcome.ledger;
            for home in &homes {
                let left = escrow + ledger.home(*home).cash.get();
                prop_assert!(left >= 0, "home {home} owes {}", -left);
            }
        }
    }
}
