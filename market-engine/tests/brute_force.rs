//! Random small books against a brute force that knows nothing of merit order, prices or margins.
//!
//! `COMMONWATT_BOOKS=1000000` sets how many; `cargo xtask soak --only brute-force` does that. A book
//! that fails is printed with its number, which makes the same book again.

use energy_core::{
    Clearing, HomeId, IntervalLength, IntervalStart, MicroPricePerKwh, Order, OrderId, Side,
    WattHours,
};
use market_engine::{CallAuction, Fees, Quote, call_auction, checker, price_volume};

/// Lowest and highest price of a book: few, so that ties and exact touches are common.
const PRICES: std::ops::Range<i64> = -3..6;

#[test]
fn a_clearing_is_the_best_of_all_that_are_possible() {
    let books = books_wanted();
    for number in 0..books {
        let mut stream = Stream::new(number);
        let book = random_book(&mut stream);
        let k_ppm = [0, 500_000, 1_000_000, stream.below(1_000_001)][stream.below(4) as usize];
        let k_ppm = u32::try_from(k_ppm).expect("small");
        let found = examine(&book, k_ppm);
        assert!(
            found.is_ok(),
            "book {number}, k {k_ppm}: {found:?}\n{book:#?}"
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "the size of a test is a setting")]
fn books_wanted() -> u64 {
    match std::env::var("COMMONWATT_BOOKS") {
        Ok(text) => text.parse().expect("a number of books"),
        Err(_) => 50_000,
    }
}

fn interval() -> IntervalStart {
    IntervalLength::QUARTER_HOUR.start_at(900).expect("aligned")
}

fn examine(book: &[Order], k_ppm: u32) -> Result<(), String> {
    let clearing = call_auction(interval(), book, k_ppm).map_err(|error| error.to_string())?;
    let (quantity, welfare) = brute_force(book);
    let certificate = &clearing.certificate;
    expect("quantity", certificate.quantity, u128::from(quantity))?;
    expect("welfare", certificate.primal, welfare)?;
    expect("dual", certificate.dual, welfare)?;
    for price in PRICES.start - 1..=PRICES.end {
        let is_inside = clearing.price_lo.is_none_or(|lo| lo.get() <= price)
            && clearing.price_hi.is_none_or(|hi| price <= hi.get());
        let is_valid = supports(book, &clearing, price);
        expect(
            &format!("validity of the price {price}"),
            is_inside,
            is_valid,
        )?;
    }
    expect(
        "price",
        clearing.price,
        price_by_rule(&clearing, quantity, k_ppm),
    )?;
    checker::check(interval(), book, &clearing, k_ppm).map_err(|error| error.to_string())?;
    by_columns(book, &clearing, k_ppm)?;
    by_quotes(book, &clearing, k_ppm)?;
    far_from_zero(book, &clearing, k_ppm)
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, got {got:?}"))
}

/// Best welfare and the largest quantity that reaches it, over every way to fill every order: for each
/// total, bids and asks are filled independently, so the best value of a side for each total is enough.
fn brute_force(book: &[Order]) -> (u64, i128) {
    let (bids, asks) = (best_values(book, Side::Bid), best_values(book, Side::Ask));
    bids.iter()
        .zip(&asks)
        .zip(0_u64..)
        .map(|((bid, ask), total)| (bid + ask, total))
        .max()
        .map(|(welfare, quantity)| (quantity, welfare))
        .expect("nothing is always possible")
}

/// The best value of one side for each total of its fills.
fn best_values(book: &[Order], side: Side) -> Vec<i128> {
    let mut best = vec![0];
    for order in book.iter().filter(|order| order.side == side) {
        let wh = usize::try_from(order.quantity.get()).expect("small");
        let price = i128::from(order.price.get());
        let signed = if side == Side::Bid { price } else { -price };
        let mut next = vec![i128::MIN; best.len() + wh];
        for (total, value) in best.iter().enumerate() {
            for fill in 0..=wh {
                let candidate = value + signed * i128::try_from(fill).expect("small");
                let slot = &mut next[total + fill];
                *slot = candidate.max(*slot);
            }
        }
        best = next;
    }
    best
}

/// Whether nobody regrets a trade and nobody is left wanting one at a price.
fn supports(book: &[Order], clearing: &Clearing, price: i64) -> bool {
    book.iter().all(|order| {
        let fill = fill_of(clearing, order.id);
        let limit = order.price.get();
        let (gains, loses) = match order.side {
            Side::Bid => (limit > price, limit < price),
            Side::Ask => (limit < price, limit > price),
        };
        (!gains || fill == order.quantity) && (!loses || fill == WattHours::ZERO)
    })
}

fn fill_of(clearing: &Clearing, order: OrderId) -> WattHours {
    let fill = clearing.fills.iter().find(|fill| fill.order == order);
    fill.expect("one for each").quantity
}

fn price_by_rule(clearing: &Clearing, quantity: u64, k_ppm: u32) -> Option<MicroPricePerKwh> {
    let (lo, hi) = clearing.price_lo.zip(clearing.price_hi)?;
    let step = (hi.get() - lo.get()) * i64::from(k_ppm) / 1_000_000;
    (quantity > 0).then_some(MicroPricePerKwh::new(lo.get() + step))
}

/// The columns say the same, and their money sums to zero.
fn by_columns(book: &[Order], clearing: &Clearing, k_ppm: u32) -> Result<(), String> {
    let fees = Fees {
        buyer: MicroPricePerKwh::new(2),
        seller: MicroPricePerKwh::new(1),
    };
    let mut auction = CallAuction::default();
    let cleared = auction
        .clear(interval(), book, k_ppm, Some(fees))
        .map_err(|error| error.to_string())?;
    expect(
        "certificate by columns",
        &cleared.certificate,
        &clearing.certificate,
    )?;
    let fills: Vec<u64> = book
        .iter()
        .map(|order| fill_of(clearing, order.id).get())
        .collect();
    expect("fills by columns", auction.fills(), &fills)?;
    let paid: i128 = auction
        .amounts()
        .iter()
        .map(|amount| i128::from(amount.get()))
        .sum();
    expect("sum of money", paid + cleared.operator, 0)?;
    for ((order, amount), fill) in book.iter().zip(auction.amounts()).zip(fills) {
        let price = clearing.price.unwrap_or_default();
        let leg = fees.leg(order.side, WattHours::new(fill), price);
        expect("leg", Ok(*amount), leg)?;
    }
    Ok(())
}

/// Price and quantity alone are the same.
fn by_quotes(book: &[Order], clearing: &Clearing, k_ppm: u32) -> Result<(), String> {
    let steps = |price: i64| u32::try_from(price - PRICES.start).expect("not below the lowest");
    let quotes = |side: Side| -> Vec<Quote> {
        let of_side = book.iter().filter(|order| order.side == side);
        of_side
            .map(|order| Quote {
                price: steps(order.price.get()),
                quantity: u32::try_from(order.quantity.get()).expect("small"),
            })
            .collect()
    };
    let cleared = price_volume(&quotes(Side::Bid), &quotes(Side::Ask), k_ppm)
        .map_err(|error| error.to_string())?;
    let expected = |price: Option<MicroPricePerKwh>| price.map(|price| steps(price.get()));
    expect(
        "quantity of quotes",
        u128::from(cleared.quantity),
        clearing.certificate.quantity,
    )?;
    expect("price of quotes", cleared.price, expected(clearing.price))?;
    expect(
        "lowest price of quotes",
        cleared.price_lo,
        expected(clearing.price_lo),
    )?;
    expect(
        "highest price of quotes",
        cleared.price_hi,
        expected(clearing.price_hi),
    )
}

/// The same book far from zero and in large quantities, which goes another way through the engine.
fn far_from_zero(book: &[Order], clearing: &Clearing, k_ppm: u32) -> Result<(), String> {
    const OFFSET: i64 = 3 << 61;
    const TIMES: u64 = 1 << 33;
    let far: Vec<Order> = book
        .iter()
        .map(|order| Order {
            quantity: WattHours::new(order.quantity.get() * TIMES),
            price: MicroPricePerKwh::new(order.price.get() + OFFSET),
            ..*order
        })
        .collect();
    let got = call_auction(interval(), &far, k_ppm).map_err(|error| error.to_string())?;
    checker::check(interval(), &far, &got, k_ppm).map_err(|error| format!("far: {error}"))?;
    let back = |price: Option<MicroPricePerKwh>| price.map(|price| price.get() - OFFSET);
    let near = |price: Option<MicroPricePerKwh>| price.map(MicroPricePerKwh::get);
    expect("far price", back(got.price), near(clearing.price))?;
    expect(
        "far lowest price",
        back(got.price_lo),
        near(clearing.price_lo),
    )?;
    expect(
        "far highest price",
        back(got.price_hi),
        near(clearing.price_hi),
    )?;
    let certificate = &clearing.certificate;
    let times = i128::from(TIMES);
    expect(
        "far welfare",
        got.certificate.primal,
        certificate.primal * times,
    )?;
    expect(
        "far quantity",
        got.certificate.quantity,
        certificate.quantity * u128::from(TIMES),
    )
}

fn random_book(stream: &mut Stream) -> Vec<Order> {
    let size = stream.below(8);
    (0..size).map(|_| random_order(stream)).collect()
}

fn random_order(stream: &mut Stream) -> Order {
    let price = PRICES.start + i64::try_from(stream.below(9)).expect("small");
    Order {
        id: OrderId::new((u128::from(stream.next()) << 7).to_be_bytes()),
        home: HomeId::new(0),
        side: if stream.below(2) == 0 {
            Side::Bid
        } else {
            Side::Ask
        },
        quantity: WattHours::new(stream.below(6)),
        price: MicroPricePerKwh::new(price),
    }
}

/// Numbers that look random, and are the same for the same book.
struct Stream(u64);

impl Stream {
    fn new(number: u64) -> Self {
        let mut stream = Self(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| _ = stream.next());
        stream
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).expect("below a u64")
    }
}
