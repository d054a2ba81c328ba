//! A call auction in which a buyer may pay more for energy of one origin than of another.
//!
//! An ask has an [`Origin`], one of four classes. To a bid a kWh of class c is worth
//! `limit + the adders that apply to c`, at most [`Adders::most`]. The clearing maximises welfare,
//! `Σ fill × worth − Σ fill × ask`, over all ways to serve bids from classes, and among the optima the
//! quantity: a transportation problem, solved exactly in integers (`class_price.rs`, `class_fill.rs`).
//!
//! Each class has **one price**, which its buyers pay and its sellers get, so the budget balances in
//! each class by itself. Valid are the prices at which `Σ q·max(0, max_c(worth_c − p_c)) + Σ q·max(0,
//! p_c − ask) = welfare`: nobody pays more than the energy is worth to them, nobody sells below their
//! limit, and nobody would rather have had another class at its price. The valid price vectors are a
//! lattice with a lowest and a highest element `lo` and `hi`, and the price is, class by class,
//! `lo + floor(k·(hi − lo))`: the set is given by integer bounds on prices and on their differences,
//! so the vector in between, rounded down, is valid too.
//!
//! Without adders this is the call auction: the same welfare, quantity, price and fills.
//!
//! **Ties.** Who gains at the prices is filled whole. Who is indifferent to trading shares in
//! proportion to quantity, odd units by largest remainder, last ties by `keccak(interval ‖ order id)`,
//! as in the call auction: to be early or to split an order is no advantage. Where not everybody tied
//! can be served in proportion because the class they want is short, as many as possible are, and
//! then the others. Which class a bid gets among those it is indifferent to goes by that hash; it pays
//! for none of them more than it is worth to it, and gains the same.
//!
//! Sources: Shapley and Shubik 1971 (the lattice of prices of an assignment), Murota 2003 (its dual is
//! L♮-convex, so a step of one in a set of classes finds the optimum); the idea of adders inside one
//! optimum instead of passes one after the other is this project's.
//!
//! Limits: prices and adders within ±2^60 µ/kWh; cost O(b · n) for n orders and prices of b bits.

use energy_core::{Hash, IntervalStart, MicroPricePerKwh, Order, OrderId, Side, WattHours, keccak};
use serde::{Deserialize, Serialize};

use super::class_book::ClassBook;
use super::{class_fill, class_price};
use crate::K_PPM_MAX;
use crate::book::BookError;

/// The largest absolute price and the largest adder, µ/kWh.
pub(super) const PRICE_MAX: i64 = 1 << 60;

/// Where energy comes from: one of four classes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Origin {
    /// From renewable generation.
    #[serde(default)]
    pub green: bool,
    /// From within whatever the market calls near: a street, a feeder.
    #[serde(default)]
    pub local: bool,
}

impl Origin {
    /// All classes, in the order in which results name them.
    pub const ALL: [Self; 4] = [
        Self::new(false, false),
        Self::new(false, true),
        Self::new(true, false),
        Self::new(true, true),
    ];

    /// The class.
    #[must_use]
    pub const fn new(green: bool, local: bool) -> Self {
        Self { green, local }
    }

    /// Its place in [`Origin::ALL`].
    pub(super) fn index(self) -> usize {
        (usize::from(self.green) << 1) | usize::from(self.local)
    }
}

/// How much more a bid pays for energy of an origin, in µ/kWh, 0 to 2^60.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adders {
    /// For green energy.
    pub green: MicroPricePerKwh,
    /// For local energy; for green and local energy both.
    pub local: MicroPricePerKwh,
    /// The most that the bid pays whatever the origin; none is no such bound. Below the limit it only
    /// means that nothing is added.
    pub most: Option<MicroPricePerKwh>,
}

/// An order with what it says about origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginOrder {
    /// The order; a bid's price is what it pays for energy of any origin.
    pub order: Order,
    /// Where an ask's energy comes from. Plays no part in a bid.
    pub origin: Origin,
    /// What a bid pays more. Plays no part in an ask.
    pub adders: Adders,
}

impl OriginOrder {
    /// The order without any wish, of no particular origin.
    #[must_use]
    pub fn plain(order: Order) -> Self {
        Self {
            order,
            origin: Origin::default(),
            adders: Adders::default(),
        }
    }

    /// Whether it is a bid that pays more for some origin than for another.
    #[must_use]
    pub fn prefers(&self) -> bool {
        let Adders { green, local, most } = self.adders;
        let adds = green.get() > 0 || local.get() > 0;
        self.order.side == Side::Bid && adds && most.is_none_or(|most| most > self.order.price)
    }

    /// The most that a bid pays for a kWh of this origin; an ask's limit.
    ///
    /// # Errors
    /// [`OriginError::Price`] when a price or an adder is out of range.
    pub fn worth(&self, origin: Origin) -> Result<MicroPricePerKwh, OriginError> {
        let (id, limit) = (self.order.id, self.order.price.get());
        let Adders { green, local, most } = self.adders;
        let is_bid = self.order.side == Side::Bid;
        for (name, got, least) in [
            ("price", limit, -PRICE_MAX),
            ("green", green.get(), 0),
            ("local", local.get(), 0),
        ] {
            if (is_bid || name == "price") && !(least..=PRICE_MAX).contains(&got) {
                return Err(OriginError::Price { id, name, got });
            }
        }
        if !is_bid {
            return Ok(self.order.price);
        }
        let applies = |on: bool, adder: MicroPricePerKwh| if on { adder.get() } else { 0 };
        // Within ±3 · 2^60, which fits.
        let sum = limit
            .saturating_add(applies(origin.green, green))
            .saturating_add(applies(origin.local, local));
        let most = most.map_or(i64::MAX, MicroPricePerKwh::get).max(limit);
        Ok(MicroPricePerKwh::new(sum.min(most)))
    }
}

/// Orders with wishes cannot be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// They are not a book.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A price or adder beyond all reason, or an adder that takes away.
    #[error("order {id}: expected `{name}` of {least} to 2^60 µ/kWh, got {got}", least = if *.name == "price" { "-2^60" } else { "0" })]
    Price {
        /// Which order.
        id: OrderId,
        /// Which of its numbers.
        name: &'static str,
        /// What came.
        got: i64,
    },
}

/// One class of origin that is offered, and its market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassPrice {
    /// Which class.
    pub origin: Origin,
    /// Wh bought and sold of it.
    pub quantity: WattHours,
    /// Its price, between `lo` and `hi`. Where nothing is traded it is a price at which nobody wants
    /// to, part of the proof only.
    pub price: MicroPricePerKwh,
    /// The lowest of the valid prices.
    pub lo: MicroPricePerKwh,
    /// The highest of them.
    pub hi: MicroPricePerKwh,
}

/// How much of an order was filled with energy of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClassFill {
    /// Which order.
    pub order: OrderId,
    /// Which class.
    pub origin: Origin,
    /// How much, more than nothing.
    pub quantity: WattHours,
}

/// The claim of optimality: no clearing of this book has a greater welfare, because the prices prove
/// that none can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginCertificate {
    /// Wh sold, which is Wh bought.
    pub quantity: u128,
    /// Welfare of the fills, 10⁻⁹ currency.
    pub primal: i128,
    /// The least upper bound that the prices prove, equal to `primal`.
    pub dual: i128,
    /// [`origin_book_hash`].
    pub book_hash: Hash,
}

/// A book cleared by origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginClearing {
    /// The classes that are offered, in the order of [`Origin::ALL`]; none where there are no bids or
    /// no asks.
    pub prices: Vec<ClassPrice>,
    /// What was filled, by order and class.
    pub fills: Vec<ClassFill>,
    /// The proof.
    pub certificate: OriginCertificate,
}

impl OriginClearing {
    /// The price of a class, none where it is not offered.
    #[must_use]
    pub fn price(&self, origin: Origin) -> Option<MicroPricePerKwh> {
        let class = self.prices.iter().find(|class| class.origin == origin);
        class.map(|class| class.price)
    }
}

/// Clears a book by origin.
///
/// `k_ppm` places the prices between the lowest valid ones (0) and the highest (1 000 000). The result
/// is the same for any permutation of `orders`.
///
/// # Errors
/// [`OriginError`].
pub fn clear_by_origin(
    interval: IntervalStart,
    orders: &[OriginOrder],
    k_ppm: u32,
) -> Result<OriginClearing, OriginError> {
    if k_ppm > K_PPM_MAX {
        return Err(BookError::ShareParameter { got: k_ppm }.into());
    }
    let book = ClassBook::new(interval, orders)?;
    let book_hash = origin_book_hash(orders);
    let Some(some) = class_price::optimal(&book) else {
        return Ok(OriginClearing {
            prices: Vec::new(),
            fills: Vec::new(),
            certificate: OriginCertificate {
                quantity: 0,
                primal: 0,
                dual: 0,
                book_hash,
            },
        });
    };
    // Any optimal fills tell which prices are valid; which fills are made is decided at the final ones.
    let bounds = class_price::bounds(&book, &class_fill::fill(&book, &some));
    let price = class_price::between(&bounds, k_ppm);
    let fills = class_fill::fill(&book, &price);
    let overflow = BookError::WelfareOverflow;
    let prices = Origin::ALL
        .into_iter()
        .filter(|origin| book.is_offered(origin.index()))
        .map(|origin| {
            let class = origin.index();
            let sold = (book.asks.iter().zip(&fills.asks)).filter(|(ask, _)| ask.class == class);
            ClassPrice {
                origin,
                quantity: WattHours::new(sold.fold(0, |sum, (_, wh)| wh.saturating_add(sum))),
                price: MicroPricePerKwh::new(price[class]),
                lo: MicroPricePerKwh::new(bounds.lo[class]),
                hi: MicroPricePerKwh::new(bounds.hi[class]),
            }
        })
        .collect::<Vec<_>>();
    Ok(OriginClearing {
        certificate: OriginCertificate {
            quantity: prices.iter().fold(0, |sum, class| {
                u128::from(class.quantity.get()).saturating_add(sum)
            }),
            primal: book.welfare(&fills).ok_or(overflow)?,
            dual: book.dual(&price).ok_or(overflow)?,
            book_hash,
        },
        fills: book.named(&fills),
        prices,
    })
}

/// The hash of a book with origins, the same for any order of its rows.
///
/// `keccak("commonwatt/origin-book/1" ‖ number of rows u64 ‖ rows by id)`, a row being
/// `id (16) ‖ side (0 bid, 1 ask) ‖ quantity u64 ‖ price i64 ‖ rest`, the rest of an ask
/// `green (0 or 1) ‖ local (0 or 1)`, of a bid `green i64 ‖ local i64 ‖ most (0, or 1 ‖ i64)`;
/// numbers big-endian.
#[must_use]
pub fn origin_book_hash(orders: &[OriginOrder]) -> Hash {
    let mut rows: Vec<Vec<u8>> = orders.iter().map(row).collect();
    rows.sort_unstable();
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    keccak(&[
        b"commonwatt/origin-book/1",
        &count.to_be_bytes(),
        &rows.concat(),
    ])
}

fn row(wish: &OriginOrder) -> Vec<u8> {
    let OriginOrder {
        order,
        origin,
        adders,
    } = wish;
    let mut bytes = order.id.as_bytes().to_vec();
    bytes.push(u8::from(order.side == Side::Ask));
    bytes.extend_from_slice(&order.quantity.get().to_be_bytes());
    bytes.extend_from_slice(&order.price.get().to_be_bytes());
    match order.side {
        Side::Ask => bytes.extend_from_slice(&[origin.green.into(), origin.local.into()]),
        Side::Bid => {
            bytes.extend_from_slice(&adders.green.get().to_be_bytes());
            bytes.extend_from_slice(&adders.local.get().to_be_bytes());
            match adders.most {
                None => bytes.push(0),
                Some(most) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&most.get().to_be_bytes());
                }
            }
        }
    }
    bytes
}
