//! What the engine is compared with.

use energy_core::{Hash, Order, Side, keccak};
use market_engine::Quote;

/// The plain way: sort both sides, walk until they no longer meet. Gives quantity and marginal prices,
/// no fills.
pub(crate) fn clear(bids: &[Quote], asks: &[Quote]) -> (u64, u64, u64) {
    let pack = |quote: &Quote| u64::from(quote.price) << 32 | u64::from(quote.quantity);
    let (mut bids, mut asks): (Vec<u64>, Vec<u64>) = (
        bids.iter().map(pack).collect(),
        asks.iter().map(pack).collect(),
    );
    bids.sort_unstable_by(|a, b| b.cmp(a));
    asks.sort_unstable();
    let quantity = |word: u64| word & u64::from(u32::MAX);
    let (mut wanted, mut offered, mut traded) = (0, 0, 0);
    let (mut last_bid, mut last_ask) = (0, 0);
    let mut waiting = asks.iter();
    let mut ask = waiting.next();
    for bid in bids {
        wanted += quantity(bid);
        while let Some(word) = ask.filter(|word| offered < wanted && **word >> 32 <= bid >> 32) {
            offered += quantity(*word);
            last_ask = word >> 32;
            ask = waiting.next();
        }
        if traded == offered {
            break;
        }
        traded = wanted.min(offered);
        last_bid = bid >> 32;
    }
    (traded, last_bid, last_ask)
}

/// keccak over the rows that the book's hash is made of.
pub(crate) fn keccak_of(orders: &[Order]) -> Hash {
    let mut bytes = Vec::with_capacity(orders.len() * 33);
    for order in orders {
        bytes.extend_from_slice(order.id.as_bytes());
        bytes.push(u8::from(order.side == Side::Ask));
        bytes.extend_from_slice(&order.quantity.get().to_be_bytes());
        bytes.extend_from_slice(&order.price.get().to_be_bytes());
    }
    keccak(&[&bytes])
}
