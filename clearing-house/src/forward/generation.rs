//! Energy tokens of a forward interval: minted on verified export, as in every zone
//! ([`crate::tokens`]); what was allocated carries them from sellers to buyers.

use std::collections::BTreeMap;

use energy_core::{Hash, HomeId, IntervalStart, Overflow, Side, WattHours, split};

use super::allocation::tie;
use super::clear::ClearedOrder;
use super::result::{Delivery, ForwardRow};
use super::settle::trade;
use crate::account::{HomeAccount, Ledger};
use crate::tokens::{self, TokenAccount};

/// What a home generated, as far as it counts.
pub(super) struct Generated {
    /// Its account before.
    pub(super) account: HomeAccount,
    /// Of its export, verified as generation.
    pub(super) verified: WattHours,
    /// Tokens minted on that.
    pub(super) minted: WattHours,
}

/// What every home generated; nothing where its energy is not known.
pub(super) fn generated(
    ledger: &Ledger,
    deliveries: &BTreeMap<HomeId, Delivery>,
) -> Result<BTreeMap<HomeId, Generated>, Overflow> {
    deliveries
        .values()
        .map(|delivery| {
            let of_home = of_home(ledger.home(delivery.home), delivery)?;
            Ok((delivery.home, of_home))
        })
        .collect()
}

fn of_home(account: HomeAccount, delivery: &Delivery) -> Result<Generated, Overflow> {
    let tokens = TokenAccount::from(&account);
    let verified = delivery.usable().map_or(WattHours::ZERO, |energy| {
        tokens::verifiable(
            tokens.verified,
            energy.export,
            delivery.generated_so_far,
            delivery.has_generation_meter,
            delivery.has_battery,
        )
    });
    let (_, minted) = tokens::verify(tokens, verified)?;
    Ok(Generated {
        account,
        verified,
        minted,
    })
}

/// Minted tokens go to what the seller was allocated first; the zone's local tokens are shared over
/// what the buyers were allocated. Gives the rest, which is the utility's.
pub(super) fn share_tokens(
    interval: IntervalStart,
    cleared: &[ClearedOrder],
    rows: &mut [ForwardRow],
    generated: &BTreeMap<HomeId, Generated>,
) -> Result<WattHours, Overflow> {
    let mut sold: BTreeMap<HomeId, WattHours> = BTreeMap::new();
    for (order, row) in cleared.iter().zip(rows.iter()) {
        if row.side == Side::Ask {
            let sum = sold.entry(order.order.home).or_default();
            *sum = sum.plus(row.allocated)?;
        }
    }
    let all = WattHours::sum(generated.values().map(|of| of.minted))?;
    let of_local = |(home, of): (&HomeId, &Generated)| {
        let sold = sold.get(home).copied().unwrap_or(WattHours::ZERO);
        of.minted.min(sold)
    };
    let local = WattHours::sum(generated.iter().map(of_local))?;

    let buyers = cleared.iter().filter(|row| row.order.side == Side::Bid);
    let ties: Vec<Hash> = buyers.map(|row| tie(interval, &trade(row))).collect();
    let mut bids: Vec<&mut ForwardRow> = rows
        .iter_mut()
        .filter(|row| row.side == Side::Bid)
        .collect();
    let weights: Vec<u64> = bids.iter().map(|row| row.allocated.get()).collect();
    for (row, part) in bids.iter_mut().zip(split(local.get(), &weights, &ties)) {
        row.credited = WattHours::new(part);
    }
    all.less(local)
}
