//! From order rows to journal lines, and from the parent leaf to the leaf.

use clearing_house::{Account, Asset, JournalLine, LineKind, OrderRow};
use energy_core::{HomeId, IntervalLength, NanoAmount, Side, WattHours};
use settlement::HomeLeaf;

use super::bundle::{AccountProof, Bundle};
use super::certificate::own_row;
use super::meter;

/// The order asks for no more than the meter measured, on the side that it measured.
pub(crate) fn metering(bundle: &Bundle, length: IntervalLength) -> Result<String, String> {
    let first = meter::at(&bundle.connection, bundle.interval)?;
    let last = meter::at(&bundle.connection, bundle.interval.next(length))?;
    let grown = |name: &str, from: Option<WattHours>, to: Option<WattHours>| match (from, to) {
        (Some(from), Some(to)) => to
            .less(from)
            .map_err(|_| format!("the {name} register fell from {from} to {to}")),
        _ => Err(format!("the {name} register is absent")),
    };
    let import = grown("import", first.import, last.import)?;
    let export = grown("export", first.export, last.export)?;
    let measured = format!("import {import}, export {export}");
    let asked = bundle
        .markets
        .iter()
        .find(|m| m.interval == bundle.interval);
    let asked = asked.ok_or_else(|| "the market of the interval is missing".to_owned())?;
    let need = import.saturating_less(export);
    let surplus = export.saturating_less(import);
    let Some(row) = own_row(asked)? else {
        if surplus > WattHours::ZERO {
            return Err(format!(
                "{measured}: a surplus of {surplus} without an order"
            ));
        }
        let why = if need > WattHours::ZERO {
            ", none of which could be paid for"
        } else {
            ""
        };
        return Ok(format!("{measured}: a need of {need}{why}; no order"));
    };
    match row.side {
        Side::Bid if row.quantity == need => Ok(format!("{measured}: a need of {need}")),
        Side::Bid if row.quantity < need => Ok(format!(
            "{measured}: a need of {need}, of which {} could be paid for",
            row.quantity
        )),
        // Only who pays to get rid of energy can run out of money for it.
        Side::Ask if row.quantity == surplus || (row.limit.get() < 0 && row.quantity < surplus) => {
            Ok(format!("{measured}: a surplus of {surplus}"))
        }
        side => Err(format!(
            "{measured}: the order to {} {} is not what was measured",
            if side == Side::Bid { "buy" } else { "sell" },
            row.quantity
        )),
    }
}

/// The lines are those that follow from the rows, no more and no less.
pub(crate) fn lines(bundle: &Bundle) -> Result<String, String> {
    let mut expected = Vec::new();
    for market in &bundle.markets {
        if let Some(row) = own_row(market)? {
            expected.extend(lines_of(bundle.home, row)?);
        }
    }
    if expected != bundle.lines {
        return Err(format!(
            "expected the lines {expected:?}, got {:?}",
            bundle.lines
        ));
    }
    let (cash, tokens) = sums(&bundle.lines)?;
    Ok(format!(
        "{} lines: {} of money, {tokens} Wh of tokens",
        bundle.lines.len(),
        money(cash)
    ))
}

/// The lines that a row gives its home and that move the home's leaf.
pub(crate) fn lines_of(home: HomeId, row: &OrderRow) -> Result<Vec<JournalLine>, String> {
    let overflow = |_| "an amount of the row left its range".to_owned();
    let fee_kind = if row.side == Side::Bid {
        LineKind::BuyerFee
    } else {
        LineKind::SellerFee
    };
    let trade = row.value_in_auction().map_err(overflow)?;
    let partners = row.direct.unwrap_or_default().value;
    let fee = row.fee.negated().map_err(overflow)?;
    let tokens = i64::try_from(row.credited.get()).map_err(|_| "too many tokens".to_owned())?;
    let line = |asset, amount, kind| JournalLine {
        account: Account::Home(home),
        asset,
        amount,
        kind,
    };
    let lines = [
        line(Asset::Cash, trade.get(), LineKind::LocalTrade),
        line(Asset::Cash, partners.get(), LineKind::PartnerTrade),
        line(Asset::Cash, fee.get(), fee_kind),
        line(Asset::Token, tokens, LineKind::TokensCredited),
    ];
    Ok(lines.into_iter().filter(|line| line.amount != 0).collect())
}

/// Parent leaf + lines = leaf.
pub(crate) fn leaf(bundle: &Bundle) -> Result<String, String> {
    let leaf = &bundle.account.leaf;
    let nothing = HomeLeaf {
        account: leaf.account,
        credited: WattHours::ZERO,
        retired: WattHours::ZERO,
        cash: NanoAmount::ZERO,
    };
    let before = bundle
        .parent
        .as_ref()
        .map_or(&nothing, |parent| &parent.leaf);
    let (cash, tokens) = sums(&bundle.lines)?;
    let overflow = |_| "a balance left its range".to_owned();
    let tokens = u64::try_from(tokens).map_err(|_| "credited energy cannot fall".to_owned())?;
    let expected = HomeLeaf {
        account: before.account,
        credited: before
            .credited
            .plus(WattHours::new(tokens))
            .map_err(overflow)?,
        retired: before.retired,
        cash: before.cash.plus(cash).map_err(overflow)?,
    };
    if expected != *leaf {
        return Err(format!("expected {expected:?}, got {leaf:?}"));
    }
    Ok(format!(
        "{} → {} of money, {} → {} of tokens",
        money(before.cash),
        money(leaf.cash),
        before.credited,
        leaf.credited
    ))
}

/// The leaf is under its header, at the home's place.
pub(crate) fn leaf_path(proof: &AccountProof, home: HomeId) -> Result<String, String> {
    let place = Account::Home(home).leaf_index();
    if place != Some(proof.path.index) {
        return Err(format!(
            "expected the leaf at {place:?}, got {}",
            proof.path.index
        ));
    }
    let root = proof
        .path
        .root(proof.leaf.node(proof.path.index))
        .map_err(|e| e.to_string())?;
    let header = &proof.header;
    if root.hash != header.home_root || root.a != header.credited.get() || root.b != 0 {
        return Err(format!(
            "the path leads to {} with {} Wh and {} n; the header says {} with {} and 0 n",
            root.hash, root.a, root.b, header.home_root, header.credited
        ));
    }
    Ok(format!(
        "leaf {} of batch {}, cash of all leaves 0",
        proof.path.index, header.number
    ))
}

fn sums(lines: &[JournalLine]) -> Result<(NanoAmount, i64), String> {
    let total = |asset| {
        lines
            .iter()
            .filter(|l| l.asset == asset)
            .try_fold(0_i64, |sum, l| sum.checked_add(l.amount))
    };
    match (total(Asset::Cash), total(Asset::Token)) {
        (Some(cash), Some(tokens)) => Ok((NanoAmount::new(cash), tokens)),
        _ => Err("the lines' sum left its range".to_owned()),
    }
}

/// Exact, in whole currency.
fn money(amount: NanoAmount) -> String {
    let nano = amount.get().unsigned_abs();
    let sign = if amount.get() < 0 { "−" } else { "" };
    format!("{sign}{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000)
}
