//! What holds for every book: fair shares at the margin, no advantage by order of arrival or by
//! splitting, money that sums to zero inside everybody's limits, and errors for what is no book.

use energy_core::{
    HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours,
    to_canonical,
};
use market_engine::{
    BookError, CallAuction, Fees, book_hash, call_auction, certificate_hash, checker,
};
use proptest::prelude::*;

fn interval() -> IntervalStart {
    IntervalLength::QUARTER_HOUR
        .start_at(1_781_514_000)
        .expect("aligned")
}

fn order(n: u8, is_bid: bool, wh: u64, price: i64) -> Order {
    Order {
        id: OrderId::derived("order", &[n]),
        home: HomeId::new(n.into()),
        side: if is_bid { Side::Bid } else { Side::Ask },
        quantity: WattHours::new(wh),
        price: MicroPricePerKwh::new(price),
    }
}

fn larger_books() -> impl Strategy<Value = Vec<Order>> {
    prop::collection::vec((any::<bool>(), 0_u64..2_000, -20_i64..300), 0..60).prop_map(|rows| {
        (0_u8..)
            .zip(rows)
            .map(|(n, (is_bid, wh, price))| order(n, is_bid, wh, price * 1_000))
            .collect()
    })
}

proptest! {
    #[test]
    fn better_orders_are_full_and_equal_ones_within_one_wh_of_their_share(book in larger_books()) {
        let clearing = call_auction(interval(), &book, 500_000).expect("a book");
        let fill = |order: &Order| clearing.fills.iter().find(|f| f.order == order.id).expect("one for each").quantity.get();
        for a in &book {
            for b in book.iter().filter(|b| b.side == a.side) {
                let is_better = if a.side == Side::Bid { a.price > b.price } else { a.price < b.price };
                prop_assert!(!(is_better && fill(b) > 0) || fill(a) == a.quantity.get());
                if a.price == b.price {
                    // fill a / quantity a and fill b / quantity b differ by less than one Wh each.
                    let cross = (fill(a) * b.quantity.get()).abs_diff(fill(b) * a.quantity.get());
                    prop_assert!(cross <= a.quantity.get() + b.quantity.get());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_arrival_makes_no_difference(
        (book, shuffled) in larger_books().prop_flat_map(|book| (Just(book.clone()), Just(book).prop_shuffle())),
    ) {
        let a = call_auction(interval(), &book, 500_000).expect("a book");
        let b = call_auction(interval(), &shuffled, 500_000).expect("a book");
        prop_assert_eq!(to_canonical(&a), to_canonical(&b));
        prop_assert_eq!(certificate_hash(&a.certificate), certificate_hash(&b.certificate));
        prop_assert_eq!(checker::check(interval(), &shuffled, &a, 500_000), Ok(()));
        let unowned: Vec<Order> = book.iter().map(|order| order.without_owner()).collect();
        prop_assert_eq!(book_hash(&unowned), book_hash(&book));
        prop_assert_eq!(checker::check(interval(), &unowned, &a, 500_000), Ok(()));
    }

    #[test]
    fn splitting_an_order_in_n_parts_moves_at_most_n_wh(
        book in larger_books(), parts in 2_u64..5, which in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!book.is_empty());
        let at = which.index(book.len());
        let whole = book[at];
        let before = call_auction(interval(), &book, 500_000).expect("a book");
        let mut split = book.clone();
        split.remove(at);
        let each = whole.quantity.get() / parts;
        for n in 0..parts {
            let wh = if n == 0 { whole.quantity.get() - each * (parts - 1) } else { each };
            split.push(Order { id: OrderId::derived("part", &n.to_be_bytes()), quantity: WattHours::new(wh), ..whole });
        }
        let after = call_auction(interval(), &split, 500_000).expect("a book");
        let had = before.fills.iter().find(|f| f.order == whole.id).expect("it").quantity.get();
        let has: u64 = after.fills.iter()
            .filter(|f| (0..parts).any(|n| f.order == OrderId::derived("part", &n.to_be_bytes())))
            .map(|f| f.quantity.get())
            .sum();
        prop_assert!(had.abs_diff(has) <= parts);
    }

    #[test]
    fn money_sums_to_zero_and_keeps_every_all_in_limit(
        rows in prop::collection::vec((any::<bool>(), 0_u64..2_000, -20_i64..300), 0..60),
        buyer in 0_i64..40_000, seller in -5_000_i64..40_000, k_ppm in 0_u32..=1_000_000,
    ) {
        let fees = Fees { buyer: MicroPricePerKwh::new(buyer), seller: MicroPricePerKwh::new(seller) };
        let all_in: Vec<Order> = (0_u8..)
            .zip(rows)
            .map(|(n, (is_bid, wh, price))| order(n, is_bid, wh, price * 1_000))
            .collect();
        let entered = |order: &Order| Order {
            price: fees.in_book(order.side, order.price).expect("small"),
            ..*order
        };
        let book: Vec<Order> = all_in.iter().map(entered).collect();
        let mut auction = CallAuction::default();
        let cleared = auction.clear(interval(), &book, k_ppm, Some(fees)).expect("a book");
        let mut sum = cleared.operator;
        for ((order, amount), fill) in all_in.iter().zip(auction.amounts()).zip(auction.fills()) {
            let limit = i128::from(*fill) * i128::from(order.price.get());
            let amount = i128::from(amount.get());
            sum += amount;
            match order.side {
                Side::Bid => prop_assert!(-amount <= limit),
                Side::Ask => prop_assert!(amount >= limit),
            }
        }
        prop_assert_eq!(sum, 0);
    }

    #[test]
    fn memory_of_the_last_book_leaves_no_trace(
        first in larger_books(), second in larger_books(), k_ppm in 0_u32..=1_000_000,
    ) {
        let (mut used, mut fresh) = (CallAuction::default(), CallAuction::default());
        used.clear(interval(), &first, k_ppm, Some(Fees::default())).expect("a book");
        let a = used.clear(interval(), &second, k_ppm, None).expect("a book");
        let b = fresh.clear(interval(), &second, k_ppm, None).expect("a book");
        prop_assert_eq!(a, b);
        prop_assert_eq!(used.fills(), fresh.fills());
        prop_assert_eq!(used.amounts(), &[]);
    }
}

/// Larger than what the quick ways begin at; whole runs of ids and of prices are the same or nearly so.
#[test]
fn a_book_of_twenty_thousand_orders_is_the_same_in_any_order() {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    let mut book: Vec<Order> = (0..20_000_u64)
        .map(|n| {
            let id = u128::from(next() % 500) << 90 | u128::from(n);
            Order {
                id: OrderId::new(id.to_be_bytes()),
                home: HomeId::new(0),
                side: if next() % 2 == 0 {
                    Side::Bid
                } else {
                    Side::Ask
                },
                quantity: WattHours::new(next() % 50),
                price: MicroPricePerKwh::new((next() % 30) as i64 * 1_000),
            }
        })
        .collect();
    let as_made = call_auction(interval(), &book, 500_000).expect("a book");
    assert_eq!(checker::check(interval(), &book, &as_made, 500_000), Ok(()));
    book.sort_unstable_by_key(|order| order.id);
    let by_id = call_auction(interval(), &book, 500_000).expect("a book");
    book.reverse();
    let reversed = call_auction(interval(), &book, 500_000).expect("a book");
    assert_eq!(to_canonical(&as_made), to_canonical(&by_id));
    assert_eq!(to_canonical(&as_made), to_canonical(&reversed));
    book[7].id = book[9_000].id;
    assert_eq!(
        call_auction(interval(), &book, 500_000),
        Err(BookError::DuplicateId { id: book[7].id })
    );
}

#[test]
fn what_is_no_book_is_refused_with_the_reason() {
    let twice = [order(1, true, 5, 5), order(1, false, 5, 5)];
    assert_eq!(
        call_auction(interval(), &twice, 500_000),
        Err(BookError::DuplicateId {
            id: OrderId::derived("order", &[1])
        })
    );
    let much = [order(1, true, u64::MAX, 5), order(2, true, 1, 5)];
    assert_eq!(
        call_auction(interval(), &much, 500_000),
        Err(BookError::QuantityOverflow { side: Side::Bid })
    );
    assert_eq!(
        call_auction(interval(), &[], 1_000_001),
        Err(BookError::ShareParameter { got: 1_000_001 })
    );
    let huge = [
        order(1, true, u64::MAX, i64::MAX),
        order(2, false, u64::MAX, i64::MIN),
    ];
    assert_eq!(
        call_auction(interval(), &huge, 500_000),
        Err(BookError::WelfareOverflow)
    );
    let dear = [
        order(1, true, 1 << 40, 1 << 40),
        order(2, false, 1 << 40, 0),
    ];
    let clear = |fees| CallAuction::default().clear(interval(), &dear, 500_000, fees);
    assert!(clear(None).is_ok());
    assert_eq!(clear(Some(Fees::default())), Err(BookError::AmountOverflow));
}

#[test]
fn the_largest_quantities_and_prices_clear() {
    let book = [
        order(1, true, 1 << 63, i64::MAX),
        order(2, false, 1 << 63, i64::MIN),
    ];
    let clearing = call_auction(interval(), &book, 500_000).expect("a book");
    assert_eq!(clearing.price.map(MicroPricePerKwh::get), Some(-1));
    assert_eq!(
        checker::check(interval(), &book, &clearing, 500_000),
        Ok(())
    );
}
