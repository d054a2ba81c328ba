//! The bookings of an interval.

use energy_core::{Side, WattHours};

use crate::account::{Account, Ledger};
use crate::home::HomeResult;
use crate::journal::{Asset, JournalLine, LineKind};
use crate::order_row::OrderRow;
use crate::posting::{signed, token_lines};
use crate::tariff::TariffPrices;
use crate::tokens::{self, TokenAccount};

/// What the zone as a whole books besides its homes.
pub(crate) struct ZoneLines {
    /// Tokens that no home bought.
    pub(crate) to_utility: WattHours,
    /// What buyers paid beyond what sellers got, 10⁻⁹ currency.
    pub(crate) surplus: i64,
}

/// The bookings of the results; none when an amount does not fit a line.
pub(crate) fn lines(
    tariff: TariffPrices,
    ledger: &Ledger,
    results: &[HomeResult],
    zone: &ZoneLines,
) -> Option<Vec<JournalLine>> {
    let mut lines = Vec::new();
    for result in results {
        let home = Account::Home(result.home);
        if let Some(row) = &result.order {
            lines.extend(trade_lines(home, row)?);
        }
        lines.extend(utility_lines(home, result, tariff)?);
        let credited = signed(result.credited)?;
        lines.push(line(home, Asset::Token, credited, LineKind::TokensCredited));
        let before = TokenAccount::from(&ledger.home(result.home));
        let (after, _) = tokens::verify(before, result.verified).ok()?;
        lines.extend(token_lines(home, before, after, result.minted)?);
    }
    let (utility, to_utility) = (Account::Utility, signed(zone.to_utility)?);
    lines.push(line(
        utility,
        Asset::Token,
        to_utility,
        LineKind::TokensCredited,
    ));
    lines.push(line(
        Account::Zone,
        Asset::Cash,
        zone.surplus,
        LineKind::Surplus,
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

/// What an order traded: in the auction, with partners, as gifts, and the fee on all of it. The other
/// side of a trade is in other homes' lines.
fn trade_lines(home: Account, row: &OrderRow) -> Option<Vec<JournalLine>> {
    let direct = row.direct.unwrap_or_default();
    let fee = row.fee.get();
    let fee_kind = match row.side {
        Side::Bid => LineKind::BuyerFee,
        Side::Ask => LineKind::SellerFee,
    };
    let energy = |wh: WattHours| match row.side {
        Side::Bid => signed(wh),
        Side::Ask => signed(wh)?.checked_neg(),
    };
    let auction = row.value_in_auction().ok()?.get();
    let in_auction = energy(row.filled_in_auction().ok()?)?;
    Some(vec![
        line(home, Asset::Cash, auction, LineKind::LocalTrade),
        line(
            home,
            Asset::Cash,
            direct.value.get(),
            LineKind::PartnerTrade,
        ),
        line(home, Asset::Cash, fee.checked_neg()?, fee_kind),
        line(Account::Operator, Asset::Cash, fee, fee_kind),
        line(home, Asset::Energy, in_auction, LineKind::LocalTrade),
        line(
            home,
            Asset::Energy,
            energy(direct.partners)?,
            LineKind::PartnerTrade,
        ),
        line(home, Asset::Energy, energy(direct.gifts)?, LineKind::Gift),
    ])
}

/// What the utility supplied and took, at its tariff.
fn utility_lines(
    home: Account,
    result: &HomeResult,
    tariff: TariffPrices,
) -> Option<Vec<JournalLine>> {
    let (import, export) = (result.residual_import, result.residual_export);
    let supplied = import.value(tariff.retail).ok()?.get();
    let bought = export.value(tariff.feed_in).ok()?.get();
    let mut lines = Vec::new();
    for (asset, to_home, kind) in [
        (
            Asset::Bill,
            supplied.checked_neg()?,
            LineKind::UtilitySupply,
        ),
        (Asset::Bill, bought, LineKind::UtilityPurchase),
        (Asset::Energy, signed(import)?, LineKind::UtilitySupply),
        (
            Asset::Energy,
            signed(export)?.checked_neg()?,
            LineKind::UtilityPurchase,
        ),
    ] {
        lines.push(line(home, asset, to_home, kind));
        lines.push(line(Account::Utility, asset, to_home.checked_neg()?, kind));
    }
    Some(lines)
}
