//! The market's part of a bundle: rows, certificate, and their place in the settlement batch.

use clearing_house::{OrderRow, order_rows_tree};
use energy_core::{
    CertificateKind, Clearing, Fill, Hash, HomeId, IntervalStart, MicroPricePerKwh, NanoAmount,
    Order, Side, WattHours, ZoneId, keccak, leaf_hash, split, to_canonical,
};
use market_engine::mechanism::{Mechanism, Outcome, UnknownMechanism};
use market_engine::preference::BY_ORIGIN_CHECKED_AS;
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

/// What a row says it paid and received keeps its limit and follows from its fill.
///
/// The fee a kWh is what lies between the all-in limit and the price in the book. In the call auction
/// the value is that of the price; under other mechanisms it is bounded by the limit, as is what
/// partners paid each other. A gift costs its receiver nothing and brings its giver nothing.
fn amounts(row: &OrderRow, market: &MarketProof) -> Result<(), String> {
    let overflow = |_| format!("order {}: an amount left its range", row.order);
    let rate = match row.side {
        Side::Bid => row.limit.less(row.price),
        Side::Ask => row.price.less(row.limit),
    };
    let fee = row.fill.value(rate.map_err(overflow)?).map_err(overflow)?;
    if fee != row.fee {
        return Err(format!(
            "order {}: {} make a fee of {fee}, the row says {}",
            row.order, row.fill, row.fee
        ));
    }
    let direct = row.direct.unwrap_or_default();
    keeps_limit(row, direct.partners, direct.value)?;
    let filled = row.filled_in_auction().map_err(overflow)?;
    let value = row.value_in_auction().map_err(overflow)?;
    keeps_limit(row, filled, value)?;
    if market.certificate.kind == CertificateKind::Optimal {
        let price = market.certificate.price;
        let expected = filled
            .value(price.unwrap_or(MicroPricePerKwh::ZERO))
            .map_err(overflow)?;
        let expected = match row.side {
            Side::Bid => expected.negated().map_err(overflow)?,
            Side::Ask => expected,
        };
        if expected != value {
            return Err(format!(
                "order {}: {filled} at {} make {expected}; the row says {value}",
                row.order,
                shown(price)
            ));
        }
    }
    if row.side == Side::Ask && row.credited != WattHours::ZERO {
        return Err(format!(
            "order {} sells and is credited {} of tokens",
            row.order, row.credited
        ));
    }
    Ok(())
}

/// Money for energy is within the order's limit, and there is none for nothing.
fn keeps_limit(row: &OrderRow, filled: WattHours, value: NanoAmount) -> Result<(), String> {
    // A buyer's value is negative: it pays at most its limit.
    let at_limit = filled.value_wide(row.price);
    let value = i128::from(value.get());
    let holds = match row.side {
        Side::Bid => value >= -at_limit,
        Side::Ask => value >= at_limit,
    };
    if holds && (filled > WattHours::ZERO || value == 0) && row.fill <= row.quantity {
        Ok(())
    } else {
        Err(format!(
            "order {} was filled with {filled} for {value} n, beyond its limit",
            row.order
        ))
    }
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
    let named = mechanism(market)?;
    match &market.rows {
        Rows::Book(rows) => book(market, rows, named),
        Rows::Own(row, _) => {
            amounts(row, market)?;
            Ok(format!(
                "own order within its limit{}; the book is not this home's to see",
                match market.certificate.kind {
                    CertificateKind::Optimal => format!(" at {}", shown(market.certificate.price)),
                    CertificateKind::Feasible => String::new(),
                }
            ))
        }
        Rows::None(_) => Ok("no order in this interval".to_owned()),
    }
}

/// The mechanism beside a certificate of feasibility; a certificate of the optimum is the call
/// auction's and needs no name.
fn mechanism(market: &MarketProof) -> Result<Option<Mechanism>, String> {
    match (market.certificate.kind, &market.mechanism) {
        (CertificateKind::Optimal, None) => Ok(None),
        (CertificateKind::Optimal, Some(name)) => Err(format!(
            "expected no mechanism beside a proof of the optimum, got `{name}`"
        )),
        (CertificateKind::Feasible, None) => {
            Err("expected the name of the mechanism beside its certificate, got none".to_owned())
        }
        (CertificateKind::Feasible, Some(name)) => name
            .parse()
            .map(Some)
            .map_err(|e: UnknownMechanism| e.to_string()),
    }
}

fn book(
    market: &MarketProof,
    rows: &[OrderRow],
    named: Option<Mechanism>,
) -> Result<String, String> {
    if !rows.is_sorted_by(|a, b| a.order < b.order) {
        return Err("expected rows in rising order of their ids".to_owned());
    }
    rows.iter().try_for_each(|row| amounts(row, market))?;
    named_homes(rows)?;
    tokens(market.interval, rows)?;
    let left_its_range = |_| "an amount of a row left its range".to_owned();
    let orders = rows
        .iter()
        .map(|row| row.in_book(HomeId::new(0)))
        .collect::<Result<Vec<Order>, _>>()
        .map_err(left_its_range)?;
    let fills = rows
        .iter()
        .map(|row| {
            Ok(Fill {
                order: row.order,
                quantity: row.filled_in_auction()?,
            })
        })
        .collect::<Result<_, _>>()
        .map_err(left_its_range)?;
    // The valid prices are recomputed; what is checked is the certificate of the bundle.
    let valid = call_auction(market.interval, &orders, K_PPM).map_err(|e| e.to_string())?;
    let clearing = Clearing {
        price: market.certificate.price,
        price_lo: valid.price_lo,
        price_hi: valid.price_hi,
        fills,
        certificate: market.certificate.clone(),
    };
    let claim = match named {
        None => {
            checker::check(market.interval, &orders, &clearing, K_PPM)
                .map_err(|e| e.to_string())?;
            "welfare-maximal".to_owned()
        }
        Some(named) => feasible(named, rows, &orders, clearing)?,
    };
    Ok(format!(
        "{} orders, {} Wh at {}, {claim}",
        rows.len(),
        market.certificate.quantity,
        shown(market.certificate.price)
    ))
}

/// The clearing keeps what every mechanism promises.
fn feasible(
    named: Mechanism,
    rows: &[OrderRow],
    orders: &[Order],
    clearing: Clearing,
) -> Result<String, String> {
    let (mechanism, claim) = match named {
        // A call auction without its proof was one by origin.
        Mechanism::KDoubleAuction => (BY_ORIGIN_CHECKED_AS, "feasible by origin".to_owned()),
        other => (other, format!("feasible under {other}")),
    };
    let amounts = rows
        .iter()
        .map(|row| row.value_in_auction().map(|value| value.get().into()))
        .collect::<Result<Vec<i128>, _>>()
        .map_err(|_| "an amount of a row left its range")?;
    let outcome = Outcome {
        mechanism,
        clearing,
        surplus: -amounts.iter().sum::<i128>(),
        amounts,
    };
    checker::feasible(orders, &outcome).map_err(|e| e.to_string())?;
    Ok(claim)
}

/// What partners bought and were given is what partners sold and gave, and its money sums to zero.
fn named_homes(rows: &[OrderRow]) -> Result<(), String> {
    let (mut partners, mut gifts, mut value) = (0_i128, 0_i128, 0_i128);
    for row in rows {
        let direct = row.direct.unwrap_or_default();
        let sign = if row.side == Side::Bid { 1 } else { -1 };
        partners += sign * i128::from(direct.partners.get());
        gifts += sign * i128::from(direct.gifts.get());
        value += i128::from(direct.value.get());
    }
    if (partners, gifts, value) == (0, 0, 0) {
        Ok(())
    } else {
        Err(format!(
            "expected trades of named homes to sum to zero, got {partners} Wh of partners, {gifts} Wh of gifts and {value} n"
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

#[cfg(test)]
mod tests;
