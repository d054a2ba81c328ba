//! Randomness without state: a number for every (seed, home, purpose, index).
//!
//! Counter-based (the finaliser of SplitMix64 over the key), so that it does not matter in which
//! order, how often or on which thread it is asked.

/// What a random number is for. Each purpose is a stream of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Roster = 1,
    Registers,
    Clouds,
    CloudDay,
    HomeCloud,
    Temperature,
    Habit,
    Activity,
    Flutter,
    Washing,
    Cooking,
    Lunch,
    Charging,
    Voltage,
    Frequency,
}

/// The street itself, where a number belongs to no home.
pub(super) const STREET: u32 = 0;

/// The source of all numbers of a street.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    seed: u64,
}

impl Noise {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 64 bits.
    pub(super) fn bits(&self, home: u32, purpose: Purpose, index: i64) -> u64 {
        let key = mix(self.seed ^ 0x6f70_656e_2073_756e);
        let key = mix(key ^ (u64::from(home) << 16) ^ purpose as u64);
        mix(key ^ index.cast_unsigned())
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(
        &self,
        home: u32,
        purpose: Purpose,
        index: i64,
        low: u64,
        high: u64,
    ) -> u64 {
        low + self.bits(home, purpose, index) % (high - low + 1)
    }

    /// From 0 to below 1.
    pub(super) fn unit(&self, home: u32, purpose: Purpose, index: i64) -> f64 {
        // 53 bits fit an f64 exactly.
        (self.bits(home, purpose, index) >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// A smooth curve from 0 to below 1 with a new value at every whole `position`.
    pub(super) fn smooth(&self, home: u32, purpose: Purpose, position: f64) -> f64 {
        let left = position.floor();
        let x = position - left;
        let blend = x * x * (3.0 - 2.0 * x);
        let index = left as i64;
        let (a, b) = (
            self.unit(home, purpose, index),
            self.unit(home, purpose, index + 1),
        );
        a + (b - a) * blend
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_every_part_of_the_key() {
        let base = Noise::new(1).bits(1, Purpose::Clouds, 1);
        assert_ne!(base, Noise::new(2).bits(1, Purpose::Clouds, 1));
        assert_ne!(base, Noise::new(1).bits(2, Purpose::Clouds, 1));
        assert_ne!(base, Noise::new(1).bits(1, Purpose::CloudDay, 1));
        assert_ne!(base, Noise::new(1).bits(1, Purpose::Clouds, 2));
    }

    #[test]
    fn units_are_spread_evenly() {
        let noise = Noise::new(7);
        let mean = (0..10_000)
            .map(|i| noise.unit(3, Purpose::Flutter, i))
            .sum::<f64>()
            / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
