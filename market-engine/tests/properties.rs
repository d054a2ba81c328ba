//! The auction against a brute force that knows nothing of merit order, and the checker against
//! everything that could be moved.

use energy_core::{
    CertificateKind, Clearing, HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order,
    OrderId, Side, WattHours, to_canonical,
};
use market_engine::{BookError, book_hash, call_auction, certificate_hash, checker};
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

/// Few prices and small quantities, so that ties and exact touches are common.
fn books() -> impl Strategy<Value = Vec<Order>> {
    prop::collection::vec((any::<bool>(), 0_u64..6, -3_i64..6), 0..7).prop_map(|rows| {
        (0_u8..)
            .zip(rows)
            .map(|(n, (is_bid, wh, price))| order(n, is_bid, wh, price))
            .collect()
    })
}

fn larger_books() -> impl Strategy<Value = Vec<Order>> {
    prop::collection::vec((any::<bool>(), 0_u64..2_000, -20_i64..300), 0..60).prop_map(|rows| {
        (0_u8..)
            .zip(rows)
            .map(|(n, (is_bid, wh, price))| order(n, is_bid, wh, price * 1_000))
            .collect()
    })
}

/// Best welfare and the largest quantity that reaches it, over every way to fill every order: for each
/// total, bids and asks are filled independently, so the best value of a side for each total is enough.
fn brute_force(book: &[Order]) -> (u64, i128) {
    let side = |wanted: Side| {
        let mut best: Vec<Option<i128>> = vec![Some(0)];
        for order in book.iter().filter(|order| order.side == wanted) {
            let (wh, price) = (order.quantity.get() as usize, i128::from(order.price.get()));
            let mut next = vec![None; best.len() + wh];
            for (total, value) in best.iter().enumerate() {
                let Some(value) = value else { continue };
                for fill in 0..=wh {
                    let signed = if wanted == Side::Bid { price } else { -price };
                    let candidate = value + signed * fill as i128;
                    let slot: &mut Option<i128> = &mut next[total + fill];
                    *slot = Some(slot.map_or(candidate, |other| other.max(candidate)));
                }
            }
            best = next;
        }
        best
    };
    let (bids, asks) = (side(Side::Bid), side(Side::Ask));
    bids.iter()
        .zip(&asks)
        .enumerate()
        .filter_map(|(total, (b, a))| Some((b.as_ref()? + a.as_ref()?, total as u64)))
        .max()
        .map(|(welfare, quantity)| (quantity, welfare))
        .expect("nothing is always possible")
}

/// Whether nobody regrets a trade and nobody is left wanting one at a price.
fn supports(book: &[Order], clearing: &Clearing, price: i64) -> bool {
    book.iter().all(|order| {
        let fill = clearing
            .fills
            .iter()
            .find(|fill| fill.order == order.id)
            .expect("one for each")
            .quantity;
        let limit = order.price.get();
        let (gains, loses) = match order.side {
            Side::Bid => (limit > price, limit < price),
            Side::Ask => (limit < price, limit > price),
        };
        (!gains || fill == order.quantity) && (!loses || fill == WattHours::ZERO)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn quantity_and_welfare_are_those_of_the_brute_force(book in books(), k_ppm in 0_u32..=1_000_000) {
        let clearing = call_auction(interval(), &book, k_ppm).expect("a book");
        let (quantity, welfare) = brute_force(&book);
        prop_assert_eq!(clearing.certificate.quantity, u128::from(quantity));
        prop_assert_eq!(clearing.certificate.primal, welfare);
        for price in -5..8 {
            let inside = clearing.price_lo.is_none_or(|lo| lo.get() <= price)
                && clearing.price_hi.is_none_or(|hi| price <= hi.get());
            prop_assert_eq!(supports(&book, &clearing, price), inside, "at {}", price);
        }
        prop_assert_eq!(checker::check(interval(), &book, &clearing, k_ppm), Ok(()));
    }

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
    fn the_checker_refuses_every_change(
        book in larger_books(), at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
        by in prop_oneof![-3_i64..0, 1_i64..4],
    ) {
        prop_assume!(book.len() > 1);
        let good = call_auction(interval(), &book, 500_000).expect("a book");
        let refused = |book: &[Order], clearing: &Clearing| checker::check(interval(), book, clearing, 500_000).is_err();
        let moved = |price: Option<MicroPricePerKwh>| Some(MicroPricePerKwh::new(price.map_or(0, |p| p.get()) + by));
        let (i, j) = (at.index(book.len()), other.index(book.len()));

        let price = Clearing { price: moved(good.price), ..good.clone() };
        prop_assert!(refused(&book, &price));
        let mut both = price;
        both.certificate.price = both.price;
        prop_assert!(refused(&book, &both));
        let low = Clearing { price_lo: moved(good.price_lo), ..good.clone() };
        let high = Clearing { price_hi: moved(good.price_hi), ..good.clone() };
        prop_assert!(refused(&book, &low) && refused(&book, &high));

        // One Wh from one order to another of the same side: sums stay, and still it is refused.
        let row = |n: usize| book.iter().find(|order| order.id == good.fills[n].order).expect("it");
        let mut shifted = good.clone();
        let (from, to) = (good.fills[i].quantity.get(), good.fills[j].quantity.get());
        if i != j && row(i).side == row(j).side && from > 0 {
            shifted.fills[i].quantity = WattHours::new(from - 1);
            shifted.fills[j].quantity = WattHours::new(to + 1);
            prop_assert!(refused(&book, &shifted));
        }
        let mut fill = good.clone();
        fill.fills[i].quantity = WattHours::new(from + 1);
        prop_assert!(refused(&book, &fill));

        let mut swapped = good.clone();
        swapped.fills.swap(i, j);
        prop_assert!(i == j || refused(&book, &swapped));
        let mut missing = good.clone();
        missing.fills.remove(i);
        prop_assert!(refused(&book, &missing));
        let mut shorter = book.clone();
        shorter.remove(i);
        prop_assert!(refused(&shorter, &good));

        for change in 0..4 {
            let mut changed = book.clone();
            let order = &mut changed[i];
            match change {
                0 => order.quantity = WattHours::new(order.quantity.get() + 1),
                1 => order.price = MicroPricePerKwh::new(order.price.get() + by),
                2 => order.side = if order.side == Side::Bid { Side::Ask } else { Side::Bid },
                _ => order.id = OrderId::derived("another", &[]),
            }
            prop_assert!(refused(&changed, &good));
        }

        let mut certificate = good.clone();
        certificate.certificate.quantity += 1;
        prop_assert!(refused(&book, &certificate));
        let mut certificate = good.clone();
        certificate.certificate.primal += i128::from(by);
        certificate.certificate.dual += i128::from(by);
        prop_assert!(refused(&book, &certificate));
        let mut certificate = good.clone();
        certificate.certificate.kind = CertificateKind::Feasible;
        prop_assert!(refused(&book, &certificate));
        let later = IntervalLength::QUARTER_HOUR.start_at(1_781_514_900).expect("aligned");
        // Another interval may break the ties the same way; it never makes another book acceptable.
        prop_assert!(checker::check(later, &changed_first(&book), &good, 500_000).is_err());
    }
}

fn changed_first(book: &[Order]) -> Vec<Order> {
    let mut changed = book.to_vec();
    changed[0].quantity = WattHours::new(changed[0].quantity.get() + 1);
    changed
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
