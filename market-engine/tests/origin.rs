//! Clearing by origin against brute force, against the call auction, and against its own checker.

use energy_core::{HomeId, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours};
use market_engine::call_auction;
use market_engine::preference::{
    Adders, Origin, OriginClearing, OriginError, OriginOrder, check_by_origin, clear_by_origin,
};
use proptest::prelude::*;

fn interval() -> IntervalStart {
    energy_core::IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

fn price(micro: i64) -> MicroPricePerKwh {
    MicroPricePerKwh::new(micro)
}

fn order(n: u16, side: Side, wh: u64, limit: i64) -> Order {
    let mut id = [0x5a; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    Order {
        id: OrderId::new(id),
        home: HomeId::new(n.into()),
        side,
        quantity: WattHours::new(wh),
        price: price(limit),
    }
}

fn ask(n: u16, wh: u64, limit: i64, green: bool, local: bool) -> OriginOrder {
    OriginOrder {
        origin: Origin::new(green, local),
        ..OriginOrder::plain(order(n, Side::Ask, wh, limit))
    }
}

fn bid(n: u16, wh: u64, limit: i64, green: i64, local: i64) -> OriginOrder {
    OriginOrder {
        adders: Adders {
            green: price(green),
            local: price(local),
            most: None,
        },
        ..OriginOrder::plain(order(n, Side::Bid, wh, limit))
    }
}

fn clear(book: &[OriginOrder]) -> OriginClearing {
    let clearing = clear_by_origin(interval(), book, 500_000).expect("a book");
    check_by_origin(book, &clearing, 500_000).expect("the checker accepts");
    clearing
}

fn filled(clearing: &OriginClearing, order: &OriginOrder) -> u64 {
    let of_order = clearing
        .fills
        .iter()
        .filter(|fill| fill.order == order.order.id);
    of_order.map(|fill| fill.quantity.get()).sum()
}

#[test]
fn green_is_worth_its_adder_and_no_more() {
    let sun = ask(1, 100, 10, true, true);
    let grey = ask(2, 100, 10, false, false);
    let friend = bid(3, 100, 20, 5, 0);
    let anybody = bid(4, 100, 20, 0, 0);
    let clearing = clear(&[sun, grey, friend, anybody]);
    assert_eq!(clearing.certificate.primal, 100 * 15 + 100 * 10);
    let green = clearing
        .fills
        .iter()
        .find(|fill| fill.order == friend.order.id);
    assert_eq!(green.expect("filled").origin, sun.origin);
    let prices: Vec<_> = clearing
        .prices
        .iter()
        .map(|class| (class.lo.get(), class.hi.get(), class.price.get()))
        .collect();
    // Nobody is left over, so the limits bound the prices; green is worth up to 5 more.
    assert_eq!(prices, [(10, 20, 15), (10, 25, 17)]);
}

#[test]
fn who_is_indifferent_makes_way() {
    // One bid takes whatever is there; the other wants green only at this price.
    let book = [
        ask(1, 50, 10, true, false),
        ask(2, 50, 10, false, false),
        bid(3, 50, 12, 0, 0),
        bid(4, 50, 8, 7, 0),
    ];
    let clearing = clear(&book);
    assert_eq!(clearing.certificate.quantity, 100);
    assert_eq!(filled(&clearing, &book[3]), 50);
    let grey = clearing.price(Origin::new(false, false)).expect("offered");
    let green = clearing.price(Origin::new(true, false)).expect("offered");
    assert!((10..=12).contains(&grey.get()) && (10..=15).contains(&green.get()));
}

#[test]
fn the_most_bounds_what_is_added() {
    let mut wish = bid(2, 10, 20, 5, 5);
    wish.adders.most = Some(price(23));
    let worth = |origin| wish.worth(origin).expect("in range").get();
    let all: Vec<i64> = Origin::ALL.into_iter().map(worth).collect();
    assert_eq!(all, [20, 23, 23, 23]);
    wish.adders.most = Some(price(7));
    assert_eq!(wish.worth(Origin::new(true, true)), Ok(price(20)));
    assert_eq!(
        clear(&[wish, ask(1, 10, 21, true, true)])
            .certificate
            .quantity,
        0
    );
}

#[test]
fn what_is_no_book_is_named() {
    let twice = [bid(1, 5, 5, 0, 0), ask(1, 5, 5, false, false)];
    assert!(matches!(
        clear_by_origin(interval(), &twice, 0),
        Err(OriginError::Book(_))
    ));
    let message = clear_by_origin(interval(), &[bid(1, 5, 5, -1, 0)], 0);
    let message = message.expect_err("takes away").to_string();
    assert!(
        message.ends_with("expected `green` of 0 to 2^60 µ/kWh, got -1"),
        "{message}"
    );
    let far = [ask(1, 5, i64::MIN, false, false)];
    let message = clear_by_origin(interval(), &far, 0)
        .expect_err("far")
        .to_string();
    assert!(message.contains("`price` of -2^60 to 2^60"), "{message}");
    assert!(clear_by_origin(interval(), &[], 1_000_001).is_err());
    assert_eq!(clear(&[]).prices, []);
    assert_eq!(clear(&[bid(1, 5, 5, 0, 0)]).fills, []);
    assert_eq!(clear(&[ask(1, 5, 5, true, true)]).certificate.dual, 0);
}

#[test]
fn the_whole_range_of_prices_clears() {
    let far = 1_i64 << 60;
    let book = [
        ask(1, u64::MAX, -far, true, true),
        bid(2, 7, far, far, far),
        bid(3, u64::MAX - 7, -far, 0, 0),
    ];
    let clearing = clear(&book);
    assert_eq!(clearing.certificate.quantity, u128::from(u64::MAX));
}

/// Small books in which ties and near ties are common.
fn books(
    count: std::ops::Range<usize>,
    wh: u64,
    prices: i64,
) -> impl Strategy<Value = Vec<OriginOrder>> {
    let row = (
        any::<bool>(),
        0..=wh,
        0..=prices,
        any::<(bool, bool)>(),
        0..4_i64,
        0..4_i64,
        0..8_i64,
    );
    prop::collection::vec(row, count).prop_map(|rows| {
        let order = |(n, (is_bid, wh, limit, (a, b), green, local, most))| {
            let n = u16::try_from(n).expect("few");
            if is_bid {
                let mut wish = bid(n, wh, limit, green, local);
                wish.adders.most = (most < 4).then(|| price(limit + most));
                wish
            } else {
                ask(n, wh, limit, a, b)
            }
        };
        rows.into_iter().enumerate().map(order).collect()
    })
}

/// The book without the asks beyond the tenth Wh, so that trying all ways ends.
fn few_asks(mut book: Vec<OriginOrder>) -> Vec<OriginOrder> {
    let mut left = 10_u64;
    for ask in book.iter_mut().filter(|wish| wish.order.side == Side::Ask) {
        ask.order.quantity = WattHours::new(ask.order.quantity.get().min(left));
        left -= ask.order.quantity.get();
    }
    book
}

/// The best (welfare, quantity) of all ways to give units of asks to units of bids.
fn best_by_trying(book: &[OriginOrder]) -> (i128, u32) {
    let units = |side| {
        let of_side = book.iter().filter(move |wish| wish.order.side == side);
        of_side.flat_map(|wish| std::iter::repeat_n(wish, wish.order.quantity.get() as usize))
    };
    let asks: Vec<&OriginOrder> = units(Side::Ask).collect();
    let mut best = vec![None; 1 << asks.len()];
    best[0] = Some((0_i128, 0_u32));
    for bid in units(Side::Bid) {
        // From full sets down, so that a bid's unit is used once.
        for set in (0..best.len()).rev() {
            let Some((welfare, quantity)) = best[set] else {
                continue;
            };
            for (at, ask) in asks
                .iter()
                .enumerate()
                .filter(|(at, _)| set & (1 << at) == 0)
            {
                let worth = bid.worth(ask.origin).expect("in range").get();
                let gain = i128::from(worth - ask.order.price.get());
                let with = Some((welfare + gain, quantity + 1));
                best[set | (1 << at)] = best[set | (1 << at)].max(with);
            }
        }
    }
    best.into_iter().flatten().max().expect("the empty one")
}

/// All price vectors up to `most` whose dual value is least, as the lowest and the highest of each
/// class that is offered.
fn valid_prices_by_trying(book: &[OriginOrder], most: i64) -> Vec<(i64, i64)> {
    let with = |side| {
        book.iter()
            .filter(move |w| w.order.side == side && w.order.quantity.get() > 0)
    };
    let mut offered: Vec<Origin> = with(Side::Ask).map(|ask| ask.origin).collect();
    offered.sort_unstable();
    offered.dedup();
    let dual = |prices: &[i64]| -> i64 {
        let bids = with(Side::Bid).map(|bid| {
            let gain = |(origin, price): (&Origin, &i64)| {
                bid.worth(*origin).expect("in range").get() - price
            };
            bid.order.quantity.get() as i64
                * offered
                    .iter()
                    .zip(prices)
                    .map(gain)
                    .max()
                    .unwrap_or(0)
                    .max(0)
        });
        let asks = with(Side::Ask).map(|ask| {
            let at = offered
                .iter()
                .position(|origin| *origin == ask.origin)
                .expect("offered");
            ask.order.quantity.get() as i64 * (prices[at] - ask.order.price.get()).max(0)
        });
        bids.chain(asks).sum()
    };
    let count = (most + 1).pow(u32::try_from(offered.len()).expect("four"));
    let vectors = (0..count).map(|mut n| {
        let digit = |_| {
            let digit = n % (most + 1);
            n /= most + 1;
            digit
        };
        offered.iter().map(digit).collect::<Vec<i64>>()
    });
    let (mut least, mut valid) = (i64::MAX, Vec::new());
    for prices in vectors {
        let dual = dual(&prices);
        if dual < least {
            (least, valid) = (dual, Vec::new());
        }
        if dual == least {
            valid.push(prices);
        }
    }
    let of_class = |class: usize| {
        let of_class = || valid.iter().map(|prices| prices[class]);
        (
            of_class().min().expect("some"),
            of_class().max().expect("some"),
        )
    };
    (0..offered.len()).map(of_class).collect()
}

/// More books than the usual run of a property, since small ones are quick.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(400),
        ..usual
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn nothing_better_can_be_found_by_trying(book in books(0..8, 3, 8).prop_map(few_asks)) {
        let clearing = clear(&book);
        let (welfare, quantity) = best_by_trying(&book);
        prop_assert_eq!(clearing.certificate.primal, welfare);
        prop_assert_eq!(clearing.certificate.dual, welfare);
        prop_assert_eq!(clearing.certificate.quantity, u128::from(quantity));
    }

    #[test]
    fn the_bounds_are_those_of_all_valid_prices(mut book in books(0..6, 3, 3)) {
        // Limits from 3 to 6 and at most 3 more: no valid bound lies below 0 or above 9.
        for wish in &mut book {
            let Adders { green, local, most } = wish.adders;
            wish.order.price = price(wish.order.price.get() + 3);
            wish.adders = Adders { green: price(green.get().min(2)), local: price(local.get().min(1)), most: most.map(|most| price(most.get() + 3)) };
        }
        let clearing = clear(&book);
        let bounds: Vec<_> = clearing.prices.iter().map(|c| (c.lo.get(), c.hi.get())).collect();
        let has_bids = book.iter().any(|w| w.order.side == Side::Bid && w.order.quantity.get() > 0);
        let expected = if has_bids { valid_prices_by_trying(&book, 9) } else { Vec::new() };
        prop_assert_eq!(bounds, expected);
    }

    #[test]
    fn limits_quantities_and_money_hold(book in books(0..40, 900, 60), k in 0..=1_000_000_u32) {
        let clearing = clear_by_origin(interval(), &book, k).expect("a book");
        check_by_origin(&book, &clearing, k).expect("the checker accepts");
        let mut money = 0_i128;
        for fill in &clearing.fills {
            let wish = book.iter().find(|w| w.order.id == fill.order).expect("in the book");
            let price = clearing.price(fill.origin).expect("offered");
            let limit = wish.worth(fill.origin).expect("in range");
            let value = i128::from(fill.quantity.get()) * i128::from(price.get());
            match wish.order.side {
                Side::Bid => { prop_assert!(price <= limit); money -= value; }
                Side::Ask => { prop_assert!(price >= limit); prop_assert_eq!(fill.origin, wish.origin); money += value; }
            }
        }
        prop_assert_eq!(money, 0);
        for wish in &book {
            prop_assert!(filled(&clearing, wish) <= wish.order.quantity.get());
        }
    }

    #[test]
    fn without_adders_it_is_the_call_auction(mut book in books(0..40, 900, 30), k in 0..=1_000_000_u32) {
        for wish in &mut book {
            wish.adders = Adders::default();
        }
        let clearing = clear_by_origin(interval(), &book, k).expect("a book");
        check_by_origin(&book, &clearing, k).expect("the checker accepts");
        let orders: Vec<Order> = book.iter().map(|wish| wish.order).collect();
        let plain = call_auction(interval(), &orders, k).expect("a book");
        prop_assert_eq!(clearing.certificate.primal, plain.certificate.primal);
        prop_assert_eq!(clearing.certificate.quantity, plain.certificate.quantity);
        for class in clearing.prices.iter().filter(|class| class.quantity.get() > 0) {
            prop_assert_eq!(Some(class.price), plain.price);
            prop_assert_eq!((Some(class.lo), Some(class.hi)), (plain.price_lo, plain.price_hi));
        }
        for fill in &plain.fills {
            let wish = book.iter().find(|w| w.order.id == fill.order).expect("in the book");
            prop_assert_eq!(filled(&clearing, wish), fill.quantity.get());
        }
    }

    #[test]
    fn the_order_of_rows_makes_no_difference(
        (book, shuffled) in books(0..30, 50, 12).prop_flat_map(|book| (Just(book.clone()), Just(book).prop_shuffle())),
    ) {
        prop_assert_eq!(clear(&book), clear(&shuffled));
    }

    #[test]
    fn splitting_an_order_moves_at_most_a_unit_a_part(book in books(2..12, 60, 6), at in any::<prop::sample::Index>(), parts in 2..5_u16) {
        let whole = clear(&book);
        let at = at.index(book.len());
        let (mut split, old) = (book.clone(), book[at]);
        split.swap_remove(at);
        let quantity = old.order.quantity.get();
        let mut names = Vec::new();
        for n in 0..parts {
            let mut part = old;
            part.order.id = order(1_000 + n, Side::Bid, 0, 0).id;
            let (n, parts) = (u64::from(n), u64::from(parts));
            part.order.quantity = WattHours::new(quantity * (n + 1) / parts - quantity * n / parts);
            names.push(part);
            split.push(part);
        }
        let after = clear(&split);
        prop_assert_eq!(after.prices.iter().map(|c| c.price).collect::<Vec<_>>(), whole.prices.iter().map(|c| c.price).collect::<Vec<_>>());
        let got: u64 = names.iter().map(|part| filled(&after, part)).sum();
        prop_assert!(got.abs_diff(filled(&whole, &old)) <= u64::from(parts), "{got} and {}", filled(&whole, &old));
    }

    #[test]
    fn the_checker_refuses_what_was_changed(book in books(2..12, 20, 8), what in 0..6_u8, at in any::<prop::sample::Index>(), up in any::<bool>()) {
        let honest = clear(&book);
        let mut forged = honest.clone();
        let mut shown = book.clone();
        let by = if up { 1 } else { -1 };
        match what {
            0 if !forged.prices.is_empty() => {
                let class = &mut forged.prices[at.index(honest.prices.len())];
                class.price = price(class.price.get() + by);
            }
            1 if !forged.fills.is_empty() => {
                let fill = &mut forged.fills[at.index(honest.fills.len())];
                fill.quantity = WattHours::new(fill.quantity.get().checked_add_signed(by).expect("some"));
            }
            2 if !forged.fills.is_empty() => { forged.fills.remove(at.index(honest.fills.len())); }
            3 => { shown.remove(at.index(book.len())); }
            4 => { forged.certificate.primal += i128::from(by); forged.certificate.dual += i128::from(by); }
            5 => {
                let order = &mut shown[at.index(book.len())].order;
                order.price = price(order.price.get() + by);
            }
            _ => return Ok(()),
        }
        prop_assert!(check_by_origin(&shown, &forged, 500_000).is_err());
    }
}

#[test]
fn a_thousand_orders_clear_at_once() {
    // Prices as in a real zone, spread by a plain congruence.
    let mut state = 7_u64;
    let mut dice = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let book: Vec<OriginOrder> = (0..1_000)
        .map(|n| {
            let (wh, limit) = (1 + dice(1_000), 80_000 + dice(220_000) as i64);
            if dice(2) == 0 {
                bid(n, wh, limit, dice(40_000) as i64, dice(40_000) as i64)
            } else {
                ask(n, wh, limit, dice(2) == 0, dice(2) == 0)
            }
        })
        .collect();
    let clearing = clear(&book);
    assert_eq!(clearing.prices.len(), 4);
    assert!(clearing.certificate.quantity > 10_000);
}
