//! The call auction of a book that does not fit words: quantities from 2^32 Wh, prices a thousand
//! currency units apart. No zone has such a book, but every book has a clearing.
//!
//! Sorts, and adds in 128 bits, so that it is slow and short. The tests also use it to check the quick
//! way.

use energy_core::{Order, Side};

use super::crossing::{Crossing, Margin};
use super::sums::Sums;
use crate::book::{BookError, total};

/// The rank of an order: by price, at equal prices asks before bids.
fn rank(order: &Order) -> (i64, bool) {
    (order.price.get(), order.side == Side::Bid)
}

/// Where the book crosses.
pub(super) fn crossing(orders: &[Order]) -> Result<Crossing, BookError> {
    let bids = total(orders, Side::Bid)?;
    total(orders, Side::Ask)?;
    let mut rows: Vec<&Order> = orders
        .iter()
        .filter(|order| order.quantity.get() > 0)
        .collect();
    rows.sort_unstable_by_key(|order| rank(order));
    if bids == 0 {
        return Ok(Crossing {
            above: rows.first().map(|order| order.price.get()),
            ..Crossing::default()
        });
    }
    let mut found = Crossing::default();
    let mut before = 0_u64;
    for level in rows.chunk_by(|a, b| rank(a) == rank(b)) {
        let (price, side) = (level[0].price.get(), level[0].side);
        if found.margin.is_some() {
            found.above = Some(price);
            break;
        }
        // One side at one price: its sum fits because the side's does.
        let offered = level
            .iter()
            .fold(0_u64, |sum, order| sum.saturating_add(order.quantity.get()));
        // Saturating is exact enough: the target fits 64 bits.
        if before.saturating_add(offered) >= bids {
            found.margin = Some(Margin::new(side, price, before, offered, bids));
        } else {
            before = before.saturating_add(offered);
            found.below = Some(price);
        }
    }
    Ok(found)
}

/// The fills of all orders but the margin's, in the order of the rows, and the margin's rows.
pub(super) fn fill(
    orders: &[Order],
    crossing: &Crossing,
    fills: &mut Vec<u64>,
    members: &mut Vec<u32>,
) -> Sums {
    let margin = crossing
        .margin
        .map(|margin| (margin.price, margin.side == Side::Bid));
    let mut sums = Sums::default();
    fills.clear();
    for (order, row) in orders.iter().zip(0_u32..) {
        // Without a margin there are no bids, and every ask is above.
        let place = margin.map_or(std::cmp::Ordering::Greater, |margin| {
            rank(order).cmp(&margin)
        });
        let fills_whole = match order.side {
            Side::Bid => place.is_gt(),
            Side::Ask => place.is_lt(),
        };
        if place.is_eq() && order.quantity.get() > 0 {
            members.push(row);
        }
        let fill = if fills_whole { order.quantity.get() } else { 0 };
        fills.push(fill);
        let (quantity, value) = match order.side {
            Side::Bid => (&mut sums.bought, &mut sums.bought_value),
            Side::Ask => (&mut sums.sold, &mut sums.sold_value),
        };
        // See `Sums`: neither can leave its type.
        *quantity = quantity.saturating_add(fill);
        let price = i128::from(order.price.get());
        *value = value.saturating_add(price.saturating_mul(fill.into()));
    }
    sums
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, MicroPricePerKwh, OrderId, WattHours};
    use proptest::prelude::*;

    use super::super::scan::Scan;
    use super::super::{fill as quick, select};
    use super::*;

    /// Many orders at few prices, or few at many; some without quantity.
    fn books() -> impl Strategy<Value = Vec<Order>> {
        let prices = prop_oneof![Just(3_i64), Just(40), Just(5_000), Just(1 << 28)];
        let rows = prices.prop_flat_map(|prices| {
            let row = (any::<bool>(), 0_u64..5, 0..prices);
            prop::collection::vec(row, 0..400)
        });
        (rows, -1_000_000_i64..1_000_000, 1_u64..1_000_000).prop_map(|(rows, base, wh)| {
            (0_u32..)
                .zip(rows)
                .map(|(n, (is_bid, quantity, price))| Order {
                    id: OrderId::new((u128::from(n) + 1).to_be_bytes()),
                    home: HomeId::new(n),
                    side: if is_bid { Side::Bid } else { Side::Ask },
                    quantity: WattHours::new(quantity * wh),
                    price: MicroPricePerKwh::new(base + price),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_quick_way_and_this_one_agree(orders in books()) {
            let mut scan = Scan::default();
            let (_, words) = scan.read(&orders).expect("distinct ids");
            let book = words.expect("fits words");
            let parts = [scan.words.iter().copied()];
            let quick_crossing = select::crossing(
                &parts, (book.low, book.high), book.bids, &mut Vec::new(), |key| book.price(key),
            );
            let crossing = crossing(&orders).expect("sums fit");
            prop_assert_eq!(quick_crossing, crossing);

            let (mut fills, mut members, mut quick_members) = (Vec::new(), Vec::new(), Vec::new());
            let sums = fill(&orders, &crossing, &mut fills, &mut members);
            let quick_sums = quick::fill(book, &crossing, &mut scan.words, &mut quick_members, None);
            prop_assert_eq!(quick_sums, sums);
            prop_assert_eq!(&scan.words, &fills);
            prop_assert_eq!(quick_members, members);
        }
    }
}
