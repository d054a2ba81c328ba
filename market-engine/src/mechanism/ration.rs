//! Sharing too little among too many: in proportion to quantity, odd Wh by largest remainder, then by
//! lot.
//!
//! The parts are those of [`energy_core::split`] with the lots as ties. Only the remainders at the cut
//! need an order, and only where they are equal a lot is drawn, so that nothing is sorted: sharing a
//! side of a book costs less than ranking it.

use super::sides::{Step, total};

/// What each of `steps` gets of `whole` Wh, which is less than they have together. `lot` is asked for
/// the lot of a row; equal lots are in the order of rows.
pub(super) fn parts(whole: u64, steps: &[Step], lot: impl Fn(u32) -> u64) -> Vec<u64> {
    let all = total(steps);
    let (mut parts, rests): (Vec<u64>, Vec<u64>) = steps
        .iter()
        .map(|step| part_and_rest(whole, step.quantity, all))
        .unzip();
    let given = parts
        .iter()
        .fold(0_u64, |sum, part| sum.saturating_add(*part));
    // Fewer than there are parts: each remainder is less than one.
    let mut odd = usize::try_from(whole.saturating_sub(given)).unwrap_or(usize::MAX);
    let Some(last) = odd.checked_sub(1) else {
        return parts;
    };
    let mut ranked = rests.clone();
    let (_, cut, _) = ranked.select_nth_unstable_by(last, |a, b| b.cmp(a));
    let mut tied = Vec::new();
    for (at, (part, rest)) in parts.iter_mut().zip(&rests).enumerate() {
        if rest > cut {
            *part = part.saturating_add(1);
            odd = odd.saturating_sub(1);
        } else if rest == cut {
            tied.push((lot(steps[at].row), steps[at].row, at));
        }
    }
    // At least one is left, for the one at the cut.
    tied.select_nth_unstable(odd.saturating_sub(1));
    for (_, _, at) in &tied[..odd] {
        parts[*at] = parts[*at].saturating_add(1);
    }
    parts
}

/// `whole × weight / all`, rounded down, and what is left of the division, for weight ≤ all and all > 0.
fn part_and_rest(whole: u64, weight: u64, all: u64) -> (u64, u64) {
    if let Some(product) = whole.checked_mul(weight) {
        let part = product.checked_div(all).unwrap_or(0);
        return (part, product.checked_rem(all).unwrap_or(0));
    }
    let (product, all) = (
        u128::from(whole).saturating_mul(weight.into()),
        u128::from(all),
    );
    let part = product.checked_div(all).unwrap_or(0);
    let rest = product.checked_rem(all).unwrap_or(0);
    // The part is at most the whole, the rest less than all: both are 64 bits.
    (part as u64, rest as u64)
}

#[cfg(test)]
mod tests {
    use energy_core::{Hash, MicroPricePerKwh, split};
    use proptest::prelude::*;

    use super::*;

    /// Few different lots, so that they tie too.
    fn lot(row: u32) -> u64 {
        u64::from(row.wrapping_mul(2_654_435_761) >> 30)
    }

    fn reference(whole: u64, quantities: &[u64]) -> Vec<u64> {
        let ties: Vec<Hash> = (0_u32..)
            .zip(quantities)
            .map(|(row, _)| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&lot(row).to_be_bytes());
                bytes[8..12].copy_from_slice(&row.to_be_bytes());
                Hash::new(bytes)
            })
            .collect();
        split(whole, quantities, &ties)
    }

    fn check(whole: u64, quantities: &[u64]) {
        let steps: Vec<Step> = (0_u32..)
            .zip(quantities)
            .map(|(row, quantity)| Step {
                price: MicroPricePerKwh::ZERO,
                quantity: *quantity,
                row,
            })
            .collect();
        assert_eq!(parts(whole, &steps, lot), reference(whole, quantities));
    }

    #[test]
    fn the_largest_numbers_are_shared_too() {
        check(u64::MAX - 1, &[u64::MAX / 2, u64::MAX / 2 + 1]);
        check(1, &[u64::MAX / 3, u64::MAX / 3, u64::MAX / 3]);
        check(7, &[1, 1, 1, 1, 1, 1, 1, 1]);
    }

    proptest! {
        #[test]
        fn the_parts_are_those_of_a_split(
            quantities in prop::collection::vec(1_u64..40, 1..30), share in 0_u64..1_000,
        ) {
            let all: u64 = quantities.iter().sum();
            check(all * share / 1_000, &quantities);
        }
    }
}
