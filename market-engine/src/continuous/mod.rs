//! A continuous double auction: an order book in which orders trade the moment they meet.
//!
//! - **Price, then time.** An incoming order trades with the best price of the other side first, and
//!   among equal prices with the order that has waited longest. Each trade is at the price of the
//!   order that waited, so nobody ever pays more, or gets less, than the limit.
//! - **Whole numbers.** Wh and 10⁻⁶ currency per kWh; any 64-bit price, negative ones too. A trade's
//!   money is Wh × price in 10⁻⁹ currency, exactly, paid by one and received by the other.
//! - **Never crossed.** After every operation the best bid is below the best ask.
//! - **Replacing.** A smaller quantity at the same price keeps the place in the queue; a new price or a
//!   larger quantity goes to the back of its queue, as cancelling and submitting again would.
//! - **One home on both sides** is decided by [`SelfTrade`].
//! - **Every Wh in one place.** What is submitted is traded, resting or dropped; what rests is later
//!   traded or cancelled.
//!
//! Orders are called by [`Ticket`], which the book gives out. A ticket names one order for ever: the
//! ticket of an order that is gone is refused, also when its slot serves another one by then.
//!
//! Cost: the orders of a price stand side by side in blocks of five, 128 bytes each, so that an operation
//! touches one block as a rule; nothing is allocated for an order once there are enough blocks. Prices
//! are found through regions and pages with a bitmap each, so that a book of a million orders inside a
//! tariff band has 55 regions to search, as many as a book of some thousand orders. What is left of the
//! difference between the two is the memory: a million orders take 28 MB and more, which caches do not keep,
//! and an operation waits for one line of it or two. `cargo bench -p market-engine --bench continuous`
//! shows the rates, and beside them what such an access alone costs.
//!
//! ```
//! use energy_core::{HomeId, MicroPricePerKwh, Side, WattHours};
//! use market_engine::continuous::{ContinuousBook, Event, NewOrder, SelfTrade};
//!
//! let order = |home, side, wh, price| NewOrder {
//!     home: HomeId::new(home),
//!     side,
//!     quantity: WattHours::new(wh),
//!     price: MicroPricePerKwh::new(price),
//! };
//! let mut book = ContinuousBook::new(SelfTrade::Skip);
//! let mut events = Vec::new();
//! let ask = book.submit(order(1, Side::Ask, 600, 100_000), &mut events)?;
//! let bid = book.submit(order(2, Side::Bid, 1_000, 250_000), &mut events)?;
//!
//! assert_eq!(bid.traded, WattHours::new(600));
//! let Event::Trade(trade) = events[0] else { panic!("expected a trade") };
//! assert_eq!(Some(trade.resting), ask.resting);
//! assert_eq!(trade.price, MicroPricePerKwh::new(100_000));
//! let best = book.best(Side::Bid).expect("400 Wh of the bid wait");
//! assert_eq!(best.quantity, WattHours::new(400));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod ladder;
mod message;
mod places;
mod queue;

pub use book::ContinuousBook;
pub use message::{
    ContinuousError, Event, NewOrder, Placement, Quote, Resting, SelfTrade, Ticket, Trade,
};
