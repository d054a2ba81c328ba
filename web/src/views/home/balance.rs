//! The balance, to the last unit.

use energy_core::{NanoAmount, WattHours};

use crate::facts::{AccountFacts, BalanceFacts};
use crate::format::{euro, euro_exact, kwh_exact};

pub(super) fn balance(balance: Option<&BalanceFacts>) -> Vec<(&'static str, String)> {
    let Some(b) = balance else { return Vec::new() };
    let batch = |n: Option<u64>| {
        n.map_or_else(
            || "before the first batch".to_owned(),
            |n| format!("batch {n}"),
        )
    };
    let account = |a: &AccountFacts| {
        let energy = WattHours::new(a.energy_wh.unsigned_abs());
        format!(
            "{} and {} kWh, {}",
            euro_exact(NanoAmount::new(a.money_nano)),
            kwh_exact(energy),
            batch(a.batch)
        )
    };
    vec![
        ("Final on the chain", account(&b.at_final)),
        ("Synced to the account", account(&b.at_synced)),
        ("Free to buy with now", euro(b.free_funds)),
    ]
}
