//! Sharing a whole among many without losing or making a unit.

use crate::Hash;

/// Shares `whole` in proportion to `weights`; the parts sum to `whole` exactly.
///
/// Each part is first rounded down, then the units left over go one by one to the largest
/// remainders; equal remainders are ordered by `ties` (lowest first), so that neither position nor
/// time of arrival is an advantage. With all weights zero nothing can be shared: every part is zero.
///
/// # Panics
/// If `ties` is shorter than `weights`.
#[must_use]
pub fn split(whole: u64, weights: &[u64], ties: &[Hash]) -> Vec<u64> {
    assert!(
        ties.len() >= weights.len(),
        "one tie-breaker for each weight"
    );
    let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut given: u64 = 0;
    for (i, weight) in weights.iter().enumerate() {
        // u64 × u64 fits u128; a share never exceeds the whole.
        let product = u128::from(whole).saturating_mul(u128::from(*weight));
        let part = u64::try_from(product.checked_div(total).unwrap_or(0)).unwrap_or(u64::MAX);
        remainders.push((product.checked_rem(total).unwrap_or(0), i));
        given = given.saturating_add(part);
        parts.push(part);
    }
    remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| ties[a.1].cmp(&ties[b.1])));
    let left = usize::try_from(whole.saturating_sub(given)).unwrap_or(usize::MAX);
    for (_, i) in remainders.into_iter().take(left) {
        parts[i] = parts[i].saturating_add(1);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keccak;

    fn ties(n: usize) -> Vec<Hash> {
        (0..n).map(|i| keccak(&[&i.to_be_bytes()])).collect()
    }

    #[test]
    fn thirds_give_the_odd_unit_to_the_lowest_tie() {
        let parts = split(10, &[1, 1, 1], &ties(3));
        assert_eq!(parts.iter().sum::<u64>(), 10);
        assert_eq!(parts.iter().filter(|p| **p == 4).count(), 1);
        assert_eq!(split(7, &[0, 0], &ties(2)), vec![0, 0]);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole(whole in any::<u64>(), weights in prop::collection::vec(any::<u64>(), 1..20)) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let parts = split(whole, &weights, &ties(weights.len()));
            prop_assert_eq!(parts.iter().map(|p| u128::from(*p)).sum::<u128>(), u128::from(whole));
            prop_assert!(parts.iter().zip(&weights).all(|(p, w)| *w > 0 || *p == 0));
        }
    }
}
