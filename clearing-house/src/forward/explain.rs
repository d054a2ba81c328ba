//! What happened to a home in a forward interval and why, in plain sentences.

use energy_core::{NanoAmount, Side, WattHours};

use super::result::{ForwardHome, ForwardRow};
use crate::home::Excluded;
use crate::preference::decimal;
use crate::statement::{kwh, money};

/// The sentences, the first thing first.
#[must_use]
pub fn forward_reasons(home: &ForwardHome) -> Vec<String> {
    let mut sentences = Vec::new();
    let missing = match home.excluded {
        Some(Excluded::NoReadings) => "No meter reading had arrived in time",
        Some(Excluded::ImplausibleEnergy) => {
            "The meter reported more energy than a home can use or feed in"
        }
        None => "",
    };
    if home.excluded.is_some() {
        sentences.push(format!(
            "{missing}, so the home counts as having delivered and used nothing. Its energy follows as a correction at the utility's price."
        ));
    }
    for (_, row) in &home.orders {
        sentences.extend(of_order(home, row));
    }
    sentences.extend(imbalance(home.imbalance));
    if home.residual_import > WattHours::ZERO {
        let energy = kwh(home.residual_import);
        sentences.push(format!(
            "The utility supplied {energy} at its retail price."
        ));
    }
    if home.residual_export > WattHours::ZERO {
        let energy = kwh(home.residual_export);
        sentences.push(format!("The utility took {energy} at its feed-in price."));
    }
    sentences
}

/// One order, from what was offered to what went from home to home.
fn of_order(home: &ForwardHome, row: &ForwardRow) -> Vec<String> {
    let (offered, traded, used, with) = match row.side {
        Side::Bid => ("buy", "Bought", "used", "came from neighbours"),
        Side::Ask => ("sell", "Sold", "delivered", "went to neighbours"),
    };
    let Some(price) = home.clearing_price.filter(|_| row.traded > WattHours::ZERO) else {
        let energy = kwh(row.quantity);
        return vec![format!(
            "Offered to {offered} {energy} ahead; nobody on the street was on the other side at such a price."
        )];
    };
    let mut sentences = vec![format!(
        "{traded} {} ahead at {} a kWh; {} {with}, with a fee of {} to the grid operator.",
        kwh(row.traded),
        decimal(price.get()),
        kwh(row.allocated),
        money(row.fee)
    )];
    let short = row.traded.saturating_less(row.performed);
    if short > WattHours::ZERO {
        sentences.push(format!("{} of that was not {used}.", kwh(short)));
    }
    let in_vain = row.performed.saturating_less(row.allocated);
    if in_vain > WattHours::ZERO {
        sentences.push(format!(
            "{} of that had no counterpart, because the other side fell short.",
            kwh(in_vain)
        ));
    }
    sentences
}

fn imbalance(amount: NanoAmount) -> Option<String> {
    let size = NanoAmount::new(amount.get().saturating_abs());
    match amount.get() {
        0 => None,
        1.. => Some(format!(
            "Those who fell short made up for it with {}.",
            money(size)
        )),
        _ => Some(format!(
            "Making up for what fell short cost {}, in the utility's bill.",
            money(size)
        )),
    }
}
