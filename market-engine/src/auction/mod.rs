//! The call auction of one zone for one interval.
//!
//! 1. Zero quantities play no part. The quantity is the largest among the welfare-maximal ones.
//! 2. `lo = max(last accepted ask, best rejected bid)`, `hi = min(last accepted bid, best rejected
//!    ask)`, where the unfilled rest of an order counts as rejected. `[lo, hi]` is exactly the set of
//!    prices at which nobody is left wanting to trade and nobody regrets a trade, also when nothing
//!    trades. The price is `lo + floor(k·(hi − lo))`; without trade there is none.
//! 3. Better-priced orders fill whole. The tied margin shares in proportion to quantity, odd units by
//!    largest remainder, last ties by `keccak(interval ‖ order id)`: being early is no advantage, and
//!    splitting an order in n parts moves at most n Wh.
//!
//! Sources: ARCHITECTURE.md; the price interval is the set of supporting prices of the linear program
//! whose optimum the auction is. Nothing is sorted: [`select`] finds the margin as a weighted order
//! statistic, in time proportional to the number of orders.
//!
//! Three passes: [`scan`] reads the orders once, checks and hashes them and writes a word for each;
//! [`select`] finds where the words cross; [`fill`] turns each word into its fill.

mod call;
pub(crate) mod crossing;
mod fill;
mod margin;
mod scan;
pub(crate) mod select;
mod sums;
mod wide;
mod words;

pub use call::{CallAuction, Cleared, call_auction};

use energy_core::MicroPricePerKwh;

use crate::K_PPM_MAX;

/// `lo + floor(k·(hi − lo))`, for lo ≤ hi.
pub(crate) fn between(lo: MicroPricePerKwh, hi: MicroPricePerKwh, k_ppm: u32) -> MicroPricePerKwh {
    let (lo_wide, hi_wide) = (i128::from(lo.get()), i128::from(hi.get()));
    // (hi − lo) < 2^64 and k ≤ 10^6 < 2^20, so the product is far inside i128.
    let step = hi_wide
        .saturating_sub(lo_wide)
        .saturating_mul(i128::from(k_ppm))
        .div_euclid(i128::from(K_PPM_MAX));
    let price = lo_wide.saturating_add(step);
    MicroPricePerKwh::new(
        i64::try_from(price).expect("a price between two 64-bit prices fits 64 bits"),
    )
}
