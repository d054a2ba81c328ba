//! What a zone has agreed on: tariff, fees, where the price lies, when it clears.

use energy_core::{
    IntervalLength, IntervalStart, MeterId, MicroPricePerKwh, NanoAmount, OrderId, Overflow, Side,
    ZoneId, keccak,
};
use market_engine::Fees;
use market_engine::agent::Band;
use market_engine::mechanism::{Mechanism, Terms};
use serde::{Deserialize, Serialize};

use crate::tariff::{Tariff, TariffError};

/// The largest price, either sign, that rules and preferences may name: 1 000 currency a kWh. With
/// [`ENERGY_WH_MAX`] it keeps every amount of an interval inside 64 bits.
pub const PRICE_MICRO_MAX: i64 = 1_000_000_000;

/// The most energy, in Wh, that one home can have in an interval and one live order can name.
pub const ENERGY_WH_MAX: u64 = 1_000_000_000;

/// Rules of a zone are not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The utility's prices cannot be.
    #[error(transparent)]
    Tariff(#[from] TariffError),
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

/// The rules of a zone.
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
    /// How trades are made of a book. In JSON it is left out for the call auction.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mechanism: Mechanism,
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

fn is_default(mechanism: &Mechanism) -> bool {
    *mechanism == Mechanism::default()
}

impl std::fmt::Debug for ZoneRules {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneRules")
            .field("zone", &self.zone)
            .field("interval", &self.interval)
            .field("tariff", &self.tariff)
            .field("fees", &self.fees)
            .field("mechanism", &self.mechanism)
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
        self.tariff.check(self.interval)?;
        let (buyer, seller) = (self.fees.buyer.get(), self.fees.seller.get());
        for (name, got) in [("buyer fee", buyer), ("seller fee", seller)] {
            if got.unsigned_abs() > PRICE_MICRO_MAX.unsigned_abs() {
                return Err(RulesError::Price { name, got });
            }
            if got < 0 {
                return Err(RulesError::Fee { name, got });
            }
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

    /// Tariff and fees of an interval, as the automatic agent sees them.
    #[must_use]
    pub fn band(&self, interval: IntervalStart) -> Band {
        let prices = self.tariff.at(interval);
        Band {
            retail: prices.retail,
            feed_in: prices.feed_in,
            buyer_fee: self.fees.buyer,
            seller_fee: self.fees.seller,
        }
    }

    /// What a mechanism needs to know in an interval: the tariff net of fees, and k. Where fees leave
    /// no room between the utility's prices the floor is the ceiling, and nobody trades.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn terms(&self, interval: IntervalStart) -> Result<Terms, Overflow> {
        let prices = self.tariff.at(interval);
        let ceiling = self.book_price(Side::Bid, prices.retail)?;
        let floor = self.book_price(Side::Ask, prices.feed_in)?;
        Ok(Terms {
            k_ppm: self.k_ppm,
            ceiling,
            floor: floor.min(ceiling),
        })
    }

    /// A limit inside the tariff of the interval: nobody buys above retail or sells below feed-in.
    #[must_use]
    pub fn all_in_limit(
        &self,
        interval: IntervalStart,
        side: Side,
        limit: MicroPricePerKwh,
    ) -> MicroPricePerKwh {
        let prices = self.tariff.at(interval);
        match side {
            Side::Bid => limit.min(prices.retail),
            Side::Ask => limit.max(prices.feed_in),
        }
    }

    /// The price at which an order enters the book: its all-in limit less the buyer's fee, or plus the
    /// seller's.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn book_price(
        &self,
        side: Side,
        all_in: MicroPricePerKwh,
    ) -> Result<MicroPricePerKwh, Overflow> {
        self.fees.in_book(side, all_in)
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
