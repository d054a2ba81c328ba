//! The call auction from orders to fills, money and certificate.

use energy_core::{
    Certificate, Clearing, Fill, IntervalStart, MicroPricePerKwh, NanoAmount, Order, Side,
    WattHours,
};

use super::crossing::Crossing;
use super::scan::Scan;
use super::sums::Sums;
use super::words::Words;
use super::{between, fill, margin, select, wide};
use crate::K_PPM_MAX;
use crate::book::{BookError, countable};
use crate::legs::{Fees, Rates};

/// Clears a book at one price.
///
/// `k_ppm` places the price between the lowest valid one (0) and the highest (1 000 000). The fills
/// come in the order of the order ids, so the result is the same for any permutation of `orders`; books
/// that come by id are cleared quickest. [`CallAuction`] does the same by columns.
///
/// # Errors
/// [`BookError`] when ids repeat, sums overflow or `k_ppm` is above one.
pub fn call_auction(
    interval: IntervalStart,
    orders: &[Order],
    k_ppm: u32,
) -> Result<Clearing, BookError> {
    let mut auction = CallAuction::default();
    let cleared = auction.clear(interval, orders, k_ppm, None)?;
    Ok(Clearing {
        price: cleared.price,
        price_lo: cleared.price_lo,
        price_hi: cleared.price_hi,
        fills: auction.fills_by_id(orders),
        certificate: cleared.certificate,
    })
}

/// A call auction by columns, for huge books and for many: keeps its memory from one book to the next,
/// and gives the fills in the order of the rows, without ids.
///
/// Takes 16 bytes an order beyond the 40 of the order itself, 20 when rows do not come by id (and more
/// where a large part of a book is tied at the margin).
///
/// ```
/// use energy_core::{HomeId, IntervalLength, MicroPricePerKwh, Order, OrderId, Side, WattHours};
/// use market_engine::{CallAuction, Fees};
///
/// let order = |n: u8, side, wh, price| Order {
///     id: OrderId::new([n; 16]),
///     home: HomeId::new(n.into()),
///     side,
///     quantity: WattHours::new(wh),
///     price: MicroPricePerKwh::new(price),
/// };
/// let book = [order(1, Side::Bid, 900, 240_000), order(2, Side::Ask, 600, 100_000)];
/// let fees = Fees { buyer: MicroPricePerKwh::new(5_000), seller: MicroPricePerKwh::ZERO };
/// let interval = IntervalLength::QUARTER_HOUR.start_at(1_781_514_000)?;
///
/// let mut auction = CallAuction::default();
/// let cleared = auction.clear(interval, &book, 500_000, Some(fees))?;
/// assert_eq!(auction.fills(), [600, 600]);
/// let amounts: Vec<i64> = auction.amounts().iter().map(|amount| amount.get()).collect();
/// assert_eq!(amounts, [-600 * 245_000, 600 * 240_000]);
/// assert_eq!(cleared.operator, 600 * 5_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallAuction {
    /// Its words become the fills.
    scan: Scan,
    amounts: Vec<NanoAmount>,
    ladder: Vec<u64>,
    members: Vec<u32>,
}

/// What a [`CallAuction`] says of a book beside the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared {
    /// The uniform price, none without trade.
    pub price: Option<MicroPricePerKwh>,
    /// The lowest valid price, none when unbounded.
    pub price_lo: Option<MicroPricePerKwh>,
    /// The highest valid price, none when unbounded.
    pub price_hi: Option<MicroPricePerKwh>,
    /// What the zone's operator receives, in 10⁻⁹ currency; zero when no money was asked for.
    pub operator: i128,
    /// The proof of the optimum.
    pub certificate: Certificate,
}

impl CallAuction {
    /// Clears a book by the rules of [`call_auction`]; with `fees`, the money legs too.
    ///
    /// # Errors
    /// [`BookError`] as for [`call_auction`], and when an amount of money leaves 64 bits. The columns are
    /// then meaningless.
    pub fn clear(
        &mut self,
        interval: IntervalStart,
        orders: &[Order],
        k_ppm: u32,
        fees: Option<Fees>,
    ) -> Result<Cleared, BookError> {
        if k_ppm > K_PPM_MAX {
            return Err(BookError::ShareParameter { got: k_ppm });
        }
        countable(orders)?;
        self.members.clear();
        if fees.is_none() {
            self.amounts.clear();
        }
        let (book_hash, words) = self.scan.read(orders)?;
        let crossing = match &words {
            Some(book) => select::crossing(
                &[self.scan.words.iter().copied()],
                (book.low, book.high),
                book.bids,
                &mut self.ladder,
                |key| book.price(key),
            ),
            None => wide::crossing(orders)?,
        };
        let (price_lo, price_hi) = crossing.prices();
        let price = price_lo
            .zip(price_hi)
            .map(|(lo, hi)| between(lo, hi, k_ppm));
        // Whether anything trades is not known yet; if not, no rate matters. None inside: it does not fit.
        let rates = fees.map(|fees| price.map_or(Some(Rates::default()), |p| Rates::at(p, fees)));
        let money = rates.map(Option::unwrap_or_default);
        let sums = self.fill(interval, orders, words, &crossing, money);

        let quantity = sums.quantity(crossing.margin);
        let do_fit = rates.is_none_or(|rates| rates.is_some_and(|rates| rates.fit(quantity)));
        if quantity > 0 && !do_fit {
            return Err(BookError::AmountOverflow);
        }
        let price = price.filter(|_| quantity > 0);
        let certificate = sums
            .certificate(crossing.margin, price, book_hash)
            .ok_or(BookError::WelfareOverflow)?;
        Ok(Cleared {
            price,
            price_lo,
            price_hi,
            operator: fees.map_or(0, |fees| fees.operator(WattHours::new(quantity))),
            certificate,
        })
    }

    /// The fills of the last book in Wh, one for each row in the order in which they came.
    #[must_use]
    pub fn fills(&self) -> &[u64] {
        &self.scan.words
    }

    /// What the owner of each row receives, all-in, in the order in which they came; what a buyer pays is
    /// negative. Empty when no money was asked for.
    #[must_use]
    pub fn amounts(&self) -> &[NanoAmount] {
        &self.amounts
    }

    /// Fills all rows, the margin's too; the sums are without them.
    fn fill(
        &mut self,
        interval: IntervalStart,
        orders: &[Order],
        words: Option<Words>,
        crossing: &Crossing,
        money: Option<Rates>,
    ) -> Sums {
        let Self {
            scan,
            amounts,
            members,
            ..
        } = self;
        let fills = &mut scan.words;
        let sums = match words {
            Some(words) => {
                let money = money.map(|rates| (rates, &mut *amounts));
                fill::fill(words, crossing, fills, members, money)
            }
            None => wide::fill(orders, crossing, fills, members),
        };
        if let Some(margin) = crossing.margin {
            let parts = margin::share(interval, orders, members, margin);
            for (row, part) in members.iter().zip(parts) {
                fills[*row as usize] = part;
            }
        }
        if let Some(rates) = money {
            let side = |row: usize| usize::from(orders[row].side == Side::Bid);
            let amount = |row: usize| rates.of(side(row), fills[row]);
            if words.is_none() {
                amounts.clear();
                amounts.extend((0..orders.len()).map(amount));
            }
            for row in members.iter() {
                amounts[*row as usize] = amount(*row as usize);
            }
        }
        sums
    }

    fn fills_by_id(&self, orders: &[Order]) -> Vec<Fill> {
        let fill = |(order, wh): (&Order, &u64)| Fill {
            order: order.id,
            quantity: WattHours::new(*wh),
        };
        let fills = self.fills();
        if self.scan.by_id.is_empty() {
            return orders.iter().zip(fills).map(fill).collect();
        }
        let rows = self.scan.by_id.iter().map(|row| *row as usize);
        rows.map(|row| fill((&orders[row], &fills[row]))).collect()
    }
}
