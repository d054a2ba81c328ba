//! What became of each home: its orders, the rest with the utility, and what all of it comes to.

use std::collections::BTreeMap;

use energy_core::{HomeId, NanoAmount, Side, WattHours};

use super::ForwardError;
use super::clear::{ClearedOrder, ForwardClearing};
use super::generation::Generated;
use super::order::ForwardOrderId;
use super::result::{Delivery, ForwardHome, ForwardRow};
use crate::rules::ZoneRules;

type Orders = Vec<(ForwardOrderId, ForwardRow)>;

/// The orders of each home, by their forward order.
pub(super) fn by_home(cleared: &[ClearedOrder], rows: &[ForwardRow]) -> BTreeMap<HomeId, Orders> {
    let mut homes: BTreeMap<HomeId, Orders> = BTreeMap::new();
    for (order, row) in cleared.iter().zip(rows) {
        homes
            .entry(order.order.home)
            .or_default()
            .push((order.id, *row));
    }
    for orders in homes.values_mut() {
        orders.sort_unstable_by_key(|(id, _)| *id);
    }
    homes
}

/// A home with what is left for the utility. Its account is still the one before.
pub(super) fn home(
    rules: &ZoneRules,
    cleared: &ForwardClearing,
    delivery: &Delivery,
    orders: Orders,
    generated: &Generated,
) -> Result<ForwardHome, ForwardError> {
    let tariff = rules.tariff.at(cleared.interval);
    let known = delivery.usable();
    let energy = known.ok();
    let import = energy.map_or(WattHours::ZERO, |energy| energy.import);
    let export = energy.map_or(WattHours::ZERO, |energy| energy.export);
    let mut result = ForwardHome {
        home: delivery.home,
        interval: cleared.interval,
        energy,
        excluded: known.err(),
        closing: energy.and(delivery.closing),
        orders,
        clearing_price: cleared.clearing.price,
        residual_import: import,
        residual_export: export,
        utility_bill: NanoAmount::ZERO,
        imbalance: NanoAmount::ZERO,
        cash: NanoAmount::ZERO,
        fee: NanoAmount::ZERO,
        without_market: tariff.bill(import, export)?,
        verified: generated.verified,
        minted: generated.minted,
        credited: WattHours::ZERO,
        account: generated.account,
    };
    for (_, row) in &result.orders {
        let residual = match row.side {
            Side::Bid => &mut result.residual_import,
            Side::Ask => &mut result.residual_export,
        };
        *residual = residual.less(row.allocated)?;
        result.cash = result.cash.plus(row.amount)?;
        result.fee = result.fee.plus(row.fee)?;
        result.imbalance = result.imbalance.plus(row.imbalance)?;
        result.credited = result.credited.plus(row.credited)?;
    }
    result.utility_bill = tariff.bill(result.residual_import, result.residual_export)?;
    Ok(result)
}
