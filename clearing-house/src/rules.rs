//! What a zone has agreed on: tariff, fees, where the price lies, when it clears.

use energy_core::{
    IntervalLength, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount, OrderId, ZoneId, keccak,
};
use market_engine::agent::Band;
use serde::{Deserialize, Serialize};

/// The largest price, either sign, that rules and preferences may name: 1 000 currency a kWh. With
/// [`ENERGY_WH_MAX`] it keeps every amount of an interval inside 64 bits.
pub const PRICE_MICRO_MAX: i64 = 1_000_000_000;

/// The most energy, in Wh, that one home can have in an interval and one live order can name.
pub const ENERGY_WH_MAX: u64 = 1_000_000_000;

/// Rules of a zone are not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The utility would pay more than it charges.
    #[error("expected a feed-in price up to the retail price of {retail} µ/kWh, got {feed_in}")]
    Tariff {
        /// What the utility charges.
        retail: i64,
        /// What it pays.
        feed_in: i64,
    },
    /// A price beyond all reason.
    #[error("expected `{name}` within ±{PRICE_MICRO_MAX} µ/kWh, got {got}")]
    Price {
        /// Which setting.
        name: &'static str,
        /// What came.
        got: i64,
    },
    /// A fee that pays.
    #[error("expected `{name}` of 0 µ/kWh or more, got {got}")]
    Fee {
        /// Which setting.
        name: &'static str,
        /// What came.
        got: i64,
    },
    /// The share parameter is above one.
    #[error("expected `k_ppm` of 0 to 1000000, got {got}")]
    ShareParameter {
        /// What came.
        got: u32,
    },
    /// A credit limit below nothing.
    #[error("expected a credit limit of 0 or more, got {got}")]
    CreditLimit {
        /// What came, 10⁻⁹ currency.
        got: i64,
    },
}

/// The utility's prices for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// What it charges, µ/kWh.
    pub retail: MicroPricePerKwh,
    /// What it pays, µ/kWh.
    pub feed_in: MicroPricePerKwh,
}

/// What the grid operator gets for a kWh traded locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// From the buyer, µ/kWh, not negative.
    pub buyer: MicroPricePerKwh,
    /// From the seller, µ/kWh, not negative.
    pub seller: MicroPricePerKwh,
}

/// The rules of a metered zone.
/// As JSON the rules come without the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneRules {
    /// Which zone.
    pub zone: ZoneId,
    /// How long its intervals are.
    pub interval: IntervalLength,
    /// The utility's prices.
    pub tariff: Tariff,
    /// The grid operator's.
    pub fees: Fees,
    /// Where the price lies between the lowest and the highest valid one, in parts per million.
    pub k_ppm: u32,
    /// How long after its end an interval waits for missing data, in seconds of grid time.
    pub cutoff_s: u32,
    /// How far the zone lets each home's free funds go below what it has, guaranteed from a funded
    /// account. Not negative.
    pub credit_limit: NanoAmount,
    /// The key of the hash that names orders. Whoever has it can tell whose an order is.
    #[serde(skip)]
    pub order_secret: [u8; 32],
}

impl std::fmt::Debug for ZoneRules {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneRules")
            .field("zone", &self.zone)
            .field("interval", &self.interval)
            .field("tariff", &self.tariff)
            .field("fees", &self.fees)
            .field("k_ppm", &self.k_ppm)
            .field("cutoff_s", &self.cutoff_s)
            .field("credit_limit", &self.credit_limit)
            .finish_non_exhaustive()
    }
}

impl ZoneRules {
    /// Whether the rules can be used.
    ///
    /// # Errors
    /// [`RulesError`] names the first setting that cannot.
    pub fn check(&self) -> Result<(), RulesError> {
        let (retail, feed_in) = (self.tariff.retail.get(), self.tariff.feed_in.get());
        let (buyer, seller) = (self.fees.buyer.get(), self.fees.seller.get());
        for (name, got) in [
            ("retail", retail),
            ("feed_in", feed_in),
            ("buyer fee", buyer),
            ("seller fee", seller),
        ] {
            if !(-PRICE_MICRO_MAX..=PRICE_MICRO_MAX).contains(&got) {
                return Err(RulesError::Price { name, got });
            }
        }
        for (name, got) in [("buyer fee", buyer), ("seller fee", seller)] {
            if got < 0 {
                return Err(RulesError::Fee { name, got });
            }
        }
        if feed_in > retail {
            return Err(RulesError::Tariff { retail, feed_in });
        }
        if self.k_ppm > market_engine::K_PPM_MAX {
            return Err(RulesError::ShareParameter { got: self.k_ppm });
        }
        if self.credit_limit.get() < 0 {
            return Err(RulesError::CreditLimit {
                got: self.credit_limit.get(),
            });
        }
        Ok(())
    }

    /// Tariff and fees as the automatic agent sees them.
    #[must_use]
    pub fn band(&self) -> Band {
        Band {
            retail: self.tariff.retail,
            feed_in: self.tariff.feed_in,
            buyer_fee: self.fees.buyer,
            seller_fee: self.fees.seller,
        }
    }

    /// When an interval is cleared at the latest, in seconds UTC of grid time.
    #[must_use]
    pub fn cutoff_of(&self, interval: IntervalStart) -> i64 {
        interval
            .next(self.interval)
            .seconds()
            .saturating_add(i64::from(self.cutoff_s))
    }

    /// The name of a home's n-th order in an interval: the first 16 bytes of
    /// `keccak(secret ‖ zone hash ‖ interval i64 ‖ meter ‖ n u32)`. It changes with every interval, so
    /// that a published book does not say whose its orders are.
    #[must_use]
    pub fn order_id(&self, interval: IntervalStart, meter: &MeterId, n: u32) -> OrderId {
        let zone = self.zone.hash();
        let hash = keccak(&[
            &self.order_secret,
            zone.as_bytes(),
            &interval.seconds().to_be_bytes(),
            meter.as_bytes(),
            &n.to_be_bytes(),
        ]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        OrderId::new(bytes)
    }
}
