//! Sharing what is left at the margin among the orders that are tied there.
//!
//! In proportion to quantity, rounded down; then one Wh more to the largest remainders; of equal
//! remainders those with the lowest `keccak(interval ‖ order id)` come first. This is the rule of
//! [`energy_core::split`], but only orders that are tied at the cut of the remainders are hashed, and
//! nothing is sorted.

use energy_core::{Hash, IntervalStart, Order, keccak};

use super::crossing::Margin;

/// What each of the margin's orders is filled with, in the order of `members`, in Wh.
pub(super) fn share(
    interval: IntervalStart,
    orders: &[Order],
    members: &[u32],
    margin: Margin,
) -> Vec<u64> {
    let quantity = |row: &u32| orders[*row as usize].quantity.get();
    if margin.given == margin.offered {
        return members.iter().map(quantity).collect();
    }
    let (mut parts, mut rests) = (Vec::new(), Vec::new());
    parts.reserve_exact(members.len());
    rests.reserve_exact(members.len());
    for row in members {
        let (part, rest) = part_and_rest(margin.given, quantity(row), margin.offered);
        parts.push(part);
        rests.push(rest);
    }
    let shared = parts
        .iter()
        .fold(0_u64, |sum, part| sum.saturating_add(*part));
    // Fewer than there are members: every part lost less than one to rounding.
    let left = usize::try_from(margin.given.saturating_sub(shared)).unwrap_or(usize::MAX);
    let tie = |at: &usize| tie(interval, &orders[members[*at] as usize]);
    for at in largest(&rests, left, tie) {
        parts[at] = parts[at].saturating_add(1);
    }
    parts
}

/// `given × quantity ÷ offered` and what remains of it, for quantity ≤ offered and offered > 0.
fn part_and_rest(given: u64, quantity: u64, offered: u64) -> (u64, u64) {
    // A division of 64 bits is several times quicker than one of 128, and nearly always enough.
    if let Some(product) = given.checked_mul(quantity) {
        let part = product.checked_div(offered).unwrap_or(0);
        return (part, product.checked_rem(offered).unwrap_or(0));
    }
    let (product, offered) = (
        u128::from(given).saturating_mul(quantity.into()),
        u128::from(offered),
    );
    let narrow = |wide: Option<u128>| wide.and_then(|wide| u64::try_from(wide).ok()).unwrap_or(0);
    (
        narrow(product.checked_div(offered)),
        narrow(product.checked_rem(offered)),
    )
}

/// The places of the `count` largest rests; of equal ones those with the lowest tie.
fn largest(rests: &[u64], count: usize, tie: impl Fn(&usize) -> Hash) -> Vec<usize> {
    let Some(last) = count.checked_sub(1) else {
        return Vec::new();
    };
    let mut ranked = rests.to_vec();
    let (_, cut, _) = ranked.select_nth_unstable_by(last, |a, b| b.cmp(a));
    let cut = *cut;
    let places = |wanted: &dyn Fn(u64) -> bool| -> Vec<usize> {
        let rows = rests.iter().enumerate();
        rows.filter(|(_, rest)| wanted(**rest))
            .map(|(at, _)| at)
            .collect()
    };
    let mut chosen = places(&|rest| rest > cut);
    let tied = places(&|rest| rest == cut);
    let room = count.saturating_sub(chosen.len());
    if tied.len() == room {
        chosen.extend(tied);
        return chosen;
    }
    let mut tied: Vec<(Hash, usize)> = tied.into_iter().map(|at| (tie(&at), at)).collect();
    // At least one place is left, or the cut would be higher.
    tied.select_nth_unstable(room.saturating_sub(1));
    chosen.extend(tied.into_iter().take(room).map(|(_, at)| at));
    chosen
}

/// The last tie-breaker of an order: nobody can choose it, and it changes with every interval.
fn tie(interval: IntervalStart, order: &Order) -> Hash {
    keccak(&[&interval.seconds().to_be_bytes(), order.id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, OrderId, Side, WattHours, split};
    use proptest::prelude::*;

    use super::*;

    fn order(n: usize, wh: u64) -> Order {
        Order {
            id: OrderId::derived("member", &n.to_be_bytes()),
            home: HomeId::new(0),
            side: Side::Bid,
            quantity: WattHours::new(wh),
            price: MicroPricePerKwh::new(1),
        }
    }

    fn agrees_with_split(quantities: &[u64], share_of: f64) {
        let interval = IntervalLength::QUARTER_HOUR.start_at(900).expect("aligned");
        let orders: Vec<Order> = quantities
            .iter()
            .enumerate()
            .map(|(n, wh)| order(n, *wh))
            .collect();
        let members: Vec<u32> = (0_u32..).take(orders.len()).collect();
        let offered: u64 = quantities.iter().sum();
        let margin = Margin {
            side: Side::Bid,
            price: 1,
            given: (offered as f64 * share_of) as u64,
            offered,
        };
        let ties: Vec<Hash> = orders.iter().map(|order| tie(interval, order)).collect();
        assert_eq!(
            share(interval, &orders, &members, margin),
            split(margin.given, quantities, &ties)
        );
    }

    #[test]
    fn equal_orders_are_told_apart_by_hash_alone() {
        agrees_with_split(&[7; 40], 0.31);
        agrees_with_split(&[1, 1, 1], 0.4);
        agrees_with_split(&[1 << 40, 1 << 40, 3], 0.5);
    }

    proptest! {
        #[test]
        fn the_shares_are_those_of_split(
            quantities in prop::collection::vec(1_u64..12, 1..50),
            large in prop::collection::vec(1_u64..1 << 50, 1..20),
            share_of in 0.0..0.99_f64,
        ) {
            agrees_with_split(&quantities, share_of);
            agrees_with_split(&large, share_of);
        }
    }
}
