//! The bookings of a forward interval.

use energy_core::{NanoAmount, Side, WattHours};

use super::result::{ForwardHome, ForwardRow};
use crate::account::{Account, Ledger};
use crate::journal::{Asset, JournalLine, LineKind};
use crate::posting::{signed, token_lines};
use crate::tariff::TariffPrices;
use crate::tokens::{self, TokenAccount};

/// The bookings of all homes; none when an amount does not fit a line.
pub(super) fn lines(
    tariff: TariffPrices,
    ledger: &Ledger,
    homes: &[ForwardHome],
    to_utility: WattHours,
) -> Option<Vec<JournalLine>> {
    let mut lines = Vec::new();
    for home in homes {
        let account = Account::Home(home.home);
        for (_, row) in &home.orders {
            trade_lines(&mut lines, account, row)?;
        }
        utility_lines(&mut lines, account, home, tariff)?;
        let credited = signed(home.credited)?;
        lines.push(line(
            account,
            Asset::Token,
            credited,
            LineKind::TokensCredited,
        ));
        let before = TokenAccount::from(&ledger.home(home.home));
        let (after, _) = tokens::verify(before, home.verified).ok()?;
        lines.extend(token_lines(account, before, after, home.minted)?);
    }
    let rest = signed(to_utility)?;
    lines.push(line(
        Account::Utility,
        Asset::Token,
        rest,
        LineKind::TokensCredited,
    ));
    Some(lines)
}

fn line(account: Account, asset: Asset, amount: i64, kind: LineKind) -> JournalLine {
    JournalLine {
        account,
        asset,
        amount,
        kind,
    }
}

/// What was allocated, in cash and energy, with the fee, and the imbalance in the bill. The other side
/// of the trade is in other homes' lines.
fn trade_lines(lines: &mut Vec<JournalLine>, home: Account, row: &ForwardRow) -> Option<()> {
    let (fee, energy) = (row.fee.get(), signed(row.allocated)?);
    let (energy, fee_kind) = match row.side {
        Side::Bid => (energy, LineKind::BuyerFee),
        Side::Ask => (energy.checked_neg()?, LineKind::SellerFee),
    };
    let value = row.amount.get().checked_add(fee)?;
    lines.push(line(home, Asset::Cash, value, LineKind::LocalTrade));
    lines.push(line(home, Asset::Cash, fee.checked_neg()?, fee_kind));
    lines.push(line(Account::Operator, Asset::Cash, fee, fee_kind));
    lines.push(line(home, Asset::Energy, energy, LineKind::LocalTrade));
    lines.push(line(
        home,
        Asset::Bill,
        row.imbalance.get(),
        LineKind::Imbalance,
    ));
    Some(())
}

/// What the utility supplied and took, at its tariff.
fn utility_lines(
    lines: &mut Vec<JournalLine>,
    account: Account,
    home: &ForwardHome,
    tariff: TariffPrices,
) -> Option<()> {
    let (import, export) = (home.residual_import, home.residual_export);
    let charge = import
        .value(tariff.retail)
        .and_then(NanoAmount::negated)
        .ok()?;
    let payment = export.value(tariff.feed_in).ok()?;
    for (asset, to_home, kind) in [
        (Asset::Bill, charge.get(), LineKind::UtilitySupply),
        (Asset::Bill, payment.get(), LineKind::UtilityPurchase),
        (Asset::Energy, signed(import)?, LineKind::UtilitySupply),
        (
            Asset::Energy,
            signed(export)?.checked_neg()?,
            LineKind::UtilityPurchase,
        ),
    ] {
        lines.push(line(account, asset, to_home, kind));
        lines.push(line(Account::Utility, asset, to_home.checked_neg()?, kind));
    }
    Some(())
}
