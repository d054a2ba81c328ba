//! The three big numbers: what the market saved, what was traded with neighbours, the balance.

use energy_core::{NanoAmount, Side, WattHours};

use super::HomePageFacts;
use super::statement::{money, total};
use crate::format::{euro, euro_signed, kwh};
use crate::views::street::Figure;

pub(super) fn figures(facts: &HomePageFacts, today: bool) -> Vec<Figure> {
    let lines = &facts.lines;
    let saved = money(lines, |l| l.saved().get());
    let cost = money(lines, |l| l.cost().get());
    let without = money(lines, |l| l.without_market.get());
    let (sold, bought) = (
        total(lines, |l| l.filled(Side::Ask).get()),
        total(lines, |l| l.filled(Side::Bid).get()),
    );
    let said = |cost: NanoAmount| match cost.get() {
        n if n < 0 => format!("earned {}", euro(NanoAmount::new(n.saturating_neg()))),
        _ => format!("paid {}", euro(cost)),
    };
    let when = if today { "today" } else { "that day" };
    let (traded, traded_note) = if sold >= bought {
        (
            sold,
            format!(
                "sold to neighbours {when}; bought {} kWh from them",
                kwh(bought)
            ),
        )
    } else {
        (
            bought,
            format!(
                "bought from neighbours {when}; sold {} kWh to them",
                kwh(sold)
            ),
        )
    };
    let balance = facts.balance.as_ref();
    vec![
        Figure {
            label: format!("Better off {when}"),
            value: euro_signed(saved),
            unit: String::new(),
            note: format!("{}, with the utility alone {}", said(cost), said(without)),
            tone: "use",
        },
        Figure {
            label: "With neighbours".to_owned(),
            value: kwh(traded),
            unit: "kWh".to_owned(),
            note: traded_note,
            tone: "local",
        },
        Figure {
            label: "Balance".to_owned(),
            value: balance.map_or_else(
                || "–".to_owned(),
                |b| euro(NanoAmount::new(b.at_synced.money_nano)),
            ),
            unit: String::new(),
            note: balance.map_or_else(
                || "no settlement batch yet".to_owned(),
                |b| {
                    format!(
                        "and {} kWh in energy tokens",
                        kwh(WattHours::new(b.at_synced.energy_wh.unsigned_abs()))
                    )
                },
            ),
            tone: "battery",
        },
    ]
}
