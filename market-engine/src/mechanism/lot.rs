//! Lots: for each order of an interval a number that nobody chooses.
//!
//! `lot = SipHash-2-4(key; order id)`, `key` = the first 16 bytes of `keccak("commonwatt/lot/1" ‖
//! interval)`. It decides what prices must not: which of equal orders comes first, who gets an odd Wh,
//! and in which half of a MUDA an order trades. An order id is made by the node and changes with every
//! interval, so a lot cannot be aimed at; and it does not depend on any price or quantity, which is
//! what the truthfulness of McAfee, SBBA and MUDA rests on.
//!
//! SipHash (Aumasson, Bernstein 2012, *SipHash: a fast short-input PRF*) and not keccak for each order,
//! because a keccak takes longer than everything else that is done with an order.

use energy_core::{IntervalStart, OrderId, keccak};

const DOMAIN: &[u8] = b"commonwatt/lot/1";

/// Draws the lots of one interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lots {
    key: [u64; 2],
}

impl Lots {
    /// Those of an interval.
    pub(super) fn of(interval: IntervalStart) -> Self {
        let hash = keccak(&[DOMAIN, &interval.seconds().to_be_bytes()]);
        let (key, _) = words(hash.as_bytes());
        Self { key }
    }

    /// The lot of an order.
    pub(super) fn draw(&self, id: OrderId) -> u64 {
        let [k0, k1] = self.key;
        let mut state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let ([first, second], _) = words(id.as_bytes());
        // The last word holds the length, 16, in its top byte.
        for word in [first, second, 16 << 56] {
            state[3] ^= word;
            round(&mut state);
            round(&mut state);
            state[0] ^= word;
        }
        state[2] ^= 0xff;
        for _ in 0..4 {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

/// The first two little-endian words, and what is left.
fn words(bytes: &[u8]) -> ([u64; 2], &[u8]) {
    let (first, rest) = bytes.split_first_chunk().expect("at least 16 bytes");
    let (second, rest) = rest.split_first_chunk().expect("at least 16 bytes");
    (
        [u64::from_le_bytes(*first), u64::from_le_bytes(*second)],
        rest,
    )
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use energy_core::IntervalLength;
    use proptest::prelude::*;

    use super::*;

    /// The standard library's own SipHash-2-4.
    #[expect(deprecated, reason = "kept for exactly this: a second SipHash-2-4")]
    fn reference(key: [u64; 2], id: &[u8]) -> u64 {
        use std::hash::{Hasher, SipHasher};
        let mut hasher = SipHasher::new_with_keys(key[0], key[1]);
        hasher.write(id);
        hasher.finish()
    }

    #[test]
    fn a_lot_is_the_one_of_the_paper() {
        let key: [u8; 16] = std::array::from_fn(|i| i as u8);
        let lots = Lots { key: words(&key).0 };
        assert_eq!(lots.draw(OrderId::new(key)), 0x3f2a_cc7f_57c2_9bdb);
    }

    #[test]
    fn half_of_the_lots_are_odd() {
        let lots = Lots::of(IntervalLength::QUARTER_HOUR.containing(0));
        let odd = (0_u32..10_000)
            .filter(|n| lots.draw(OrderId::derived("order", &n.to_be_bytes())) & 1 == 1)
            .count();
        assert!((4_800..5_200).contains(&odd), "{odd}");
    }

    proptest! {
        #[test]
        fn a_lot_is_the_siphash_of_the_id(key in any::<[u64; 2]>(), id in any::<[u8; 16]>()) {
            prop_assert_eq!(Lots { key }.draw(OrderId::new(id)), reference(key, &id));
        }
    }
}
