//! The market's part of a bundle: rows, certificate, and their place in the settlement batch.

use clearing_house::{OrderRow, order_rows_tree};
use energy_core::{
    CertificateKind, Clearing, Fill, Hash, HomeId, IntervalStart, MicroPricePerKwh, NanoAmount,
    Order, Side, WattHours, ZoneId, keccak, leaf_hash, split, to_canonical,
};
use market_engine::{call_auction, certificate_hash, checker};
use settlement::{BatchHeader, MarketLeaf};

use super::bundle::{MarketProof, Rows};

/// Every zone of this version clears at the middle of the valid prices.
const K_PPM: u32 = 500_000;

/// The home's own row, if it had an order.
pub(crate) fn own_row(market: &MarketProof) -> Result<Option<&OrderRow>, String> {
    let Some(order) = market.order else {
        return Ok(None);
    };
    let row = match &market.rows {
        Rows::Book(rows) => rows.iter().find(|row| row.order == order),
        Rows::Own(row, _) => Some(row).filter(|row| row.order == order),
        Rows::None(_) => None,
    };
    row.map(Some)
        .ok_or_else(|| format!("order {order} is not among the rows"))
}

/// What a row says it paid, received and was credited follows from its fill and the price.
///
/// The fee a kWh is what lies between the all-in limit and the price in the book.
fn amounts(row: &OrderRow, price: Option<MicroPricePerKwh>) -> Result<(), String> {
    let overflow = |_| format!("order {}: an amount left its range", row.order);
    let rate = match row.side {
        Side::Bid => row.limit.less(row.price),
        Side::Ask => row.price.less(row.limit),
    };
    let fee = row.fill.value(rate.map_err(overflow)?).map_err(overflow)?;
    let value = row
        .fill
        .value(price.unwrap_or(MicroPricePerKwh::ZERO))
        .map_err(overflow)?;
    let amount = match row.side {
        Side::Bid => NanoAmount::ZERO.less(value.plus(fee).map_err(overflow)?),
        Side::Ask => value.less(fee),
    }
    .map_err(overflow)?;
    if (fee, amount) != (row.fee, row.amount) {
        return Err(format!(
            "order {}: {} at {} make {amount} with a fee of {fee}; the row says {} and {}",
            row.order,
            row.fill,
            shown(price),
            row.amount,
            row.fee
        ));
    }
    if row.side == Side::Ask && row.credited != WattHours::ZERO {
        return Err(format!(
            "order {} sells and is credited {} of tokens",
            row.order, row.credited
        ));
    }
    Ok(())
}

/// The tokens of the book are shared over what was bought.
fn tokens(interval: IntervalStart, rows: &[OrderRow]) -> Result<(), String> {
    let bids: Vec<&OrderRow> = rows.iter().filter(|row| row.side == Side::Bid).collect();
    let weights: Vec<u64> = bids.iter().map(|row| row.fill.get()).collect();
    let ties: Vec<Hash> = bids
        .iter()
        .map(|row| keccak(&[&interval.seconds().to_be_bytes(), row.order.as_bytes()]))
        .collect();
    let total = WattHours::sum(bids.iter().map(|row| row.credited)).map_err(|e| e.to_string())?;
    let shares = split(total.get(), &weights, &ties);
    match bids
        .iter()
        .zip(shares)
        .find(|(row, share)| row.credited.get() != *share)
    {
        None => Ok(()),
        Some((row, share)) => Err(format!(
            "order {}: its share of {total} of tokens is {share} Wh, the row says {}",
            row.order, row.credited
        )),
    }
}

/// The clearing holds: with the whole book by the checker, otherwise by its certificate's own claims.
pub(crate) fn certificate(market: &MarketProof) -> Result<String, String> {
    own_row(market)?;
    match &market.rows {
        Rows::Book(rows) => book(market, rows),
        Rows::Own(row, _) => {
            let price = market.certificate.price;
            within_limit(row, price)?;
            Ok(format!(
                "own order within its limit at {}; the book is not this home's to see",
                shown(price)
            ))
        }
        Rows::None(_) => Ok("no order in this interval".to_owned()),
    }
}

fn book(market: &MarketProof, rows: &[OrderRow]) -> Result<String, String> {
    if !rows.is_sorted_by(|a, b| a.order < b.order) {
        return Err("expected rows in rising order of their ids".to_owned());
    }
    let orders: Vec<Order> = rows
        .iter()
        .map(|row| Order {
            id: row.order,
            home: HomeId::new(0),
            side: row.side,
            quantity: row.quantity,
            price: row.price,
        })
        .collect();
    let fills = rows
        .iter()
        .map(|row| Fill {
            order: row.order,
            quantity: row.fill,
        })
        .collect();
    // The valid prices are recomputed; what is checked is the certificate of the bundle.
    let valid = call_auction(market.interval, &orders, K_PPM).map_err(|e| e.to_string())?;
    let clearing = Clearing {
        price: market.certificate.price,
        price_lo: valid.price_lo,
        price_hi: valid.price_hi,
        fills,
        certificate: market.certificate.clone(),
    };
    checker::check(market.interval, &orders, &clearing, K_PPM).map_err(|e| e.to_string())?;
    rows.iter()
        .try_for_each(|row| amounts(row, market.certificate.price))?;
    tokens(market.interval, rows)?;
    let claim = match market.certificate.kind {
        CertificateKind::Optimal => "welfare-maximal",
        CertificateKind::Feasible => "feasible",
    };
    Ok(format!(
        "{} orders, {} Wh at {}, {claim}",
        rows.len(),
        market.certificate.quantity,
        shown(clearing.price)
    ))
}

fn within_limit(row: &OrderRow, price: Option<MicroPricePerKwh>) -> Result<(), String> {
    let crosses = match (row.side, price) {
        (_, None) => row.fill.get() == 0,
        (Side::Bid, Some(price)) => row.fill.get() == 0 || price <= row.price,
        (Side::Ask, Some(price)) => row.fill.get() == 0 || price >= row.price,
    };
    if crosses && row.fill <= row.quantity {
        Ok(())
    } else {
        Err(format!(
            "order {} was filled with {} at {}, beyond its limit",
            row.order,
            row.fill,
            shown(price)
        ))
    }
}

/// The rows and the certificate are in the settlement batch.
pub(crate) fn market_path(
    market: &MarketProof,
    zone: &ZoneId,
    header: &BatchHeader,
) -> Result<String, String> {
    let leaf = MarketLeaf {
        zone: zone.clone(),
        interval: market.interval,
        certificate: certificate_hash(&market.certificate),
        order_rows: rows_root(&market.rows)?,
    };
    match market.path.root(leaf.hash()) {
        Some(root) if root == header.market_root => {
            Ok(format!("market {} of the batch", market.path.index + 1))
        }
        other => Err(format!(
            "the path leads to {other:?}, the header says {}",
            header.market_root
        )),
    }
}

fn rows_root(rows: &Rows) -> Result<Hash, String> {
    match rows {
        Rows::Book(rows) => Ok(order_rows_tree(rows).root()),
        Rows::Own(row, path) => path
            .root(leaf_hash(&to_canonical(row)))
            .ok_or_else(|| "the row's index does not fit its path".to_owned()),
        Rows::None(root) => Ok(*root),
    }
}

fn shown(price: Option<MicroPricePerKwh>) -> String {
    price.map_or("no price".to_owned(), |p| {
        format!("{} per kWh", clearing_house::decimal(p.get()))
    })
}
