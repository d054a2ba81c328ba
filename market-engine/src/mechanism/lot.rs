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
use siphasher::sip::SipHasher24;

const DOMAIN: &[u8] = b"commonwatt/lot/1";

/// Draws the lots of one interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lots {
    keyed: SipHasher24,
}

impl Lots {
    /// Those of an interval.
    pub(super) fn of(interval: IntervalStart) -> Self {
        let hash = keccak(&[DOMAIN, &interval.seconds().to_be_bytes()]);
        let (key, _) = hash
            .as_bytes()
            .split_first_chunk()
            .expect("a hash has 32 bytes");
        Self {
            keyed: SipHasher24::new_with_key(key),
        }
    }

    /// The lot of an order.
    pub(super) fn draw(&self, id: OrderId) -> u64 {
        self.keyed.hash(id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use energy_core::IntervalLength;

    #[test]
    fn a_lot_is_the_one_of_the_paper() {
        let key: [u8; 16] = std::array::from_fn(|i| i as u8);
        let lots = Lots {
            keyed: SipHasher24::new_with_key(&key),
        };
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
}
