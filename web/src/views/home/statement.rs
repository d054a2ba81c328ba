//! The statement: a line for each interval of the day, and the sums below them.

use energy_core::{NanoAmount, Side, WattHours};

use super::HomePageFacts;
use crate::facts::HomeIntervalFacts;
use crate::format::{cents, ct_per_kwh, euro, euro_signed, kwh_exact, span, start};

/// One line of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// Where it is explained.
    pub href: String,
    /// `14:15–14:30`
    pub span: String,
    /// kWh taken and fed in.
    pub energy: String,
    /// What was traded with neighbours, kWh with its direction.
    pub local: String,
    /// The class of its colour.
    pub tone: &'static str,
    /// The clearing price, ct/kWh.
    pub price: String,
    /// Money with neighbours, fees included, ct.
    pub local_money: String,
    /// Money with the utility, ct.
    pub utility_money: String,
    /// What it came to, ct, + = for the home.
    pub total: String,
    /// What was saved, ct.
    pub saved: String,
    /// Marks: interpolated, no data, cut.
    pub mark: Option<&'static str>,
    /// How far it has come.
    pub state: &'static str,
}

pub(super) fn statement_line(facts: &HomePageFacts, line: &HomeIntervalFacts) -> StatementLine {
    let dash = || "–".to_owned();
    let (local, tone) = match (line.filled(Side::Ask), line.filled(Side::Bid)) {
        (sold, _) if sold.get() > 0 => (format!("{} sold", kwh_exact(sold)), "local"),
        (_, bought) if bought.get() > 0 => (format!("{} bought", kwh_exact(bought)), "use"),
        _ => (dash(), "none"),
    };
    let energy = match (line.import, line.export) {
        (Some(import), Some(export)) => match (import.get(), export.get()) {
            (_, 0) => format!("{} in", kwh_exact(import)),
            (0, _) => format!("{} out", kwh_exact(export)),
            _ => format!("{} in, {} out", kwh_exact(import), kwh_exact(export)),
        },
        _ => dash(),
    };
    let price = facts
        .intervals
        .iter()
        .find(|i| i.start == line.start)
        .and_then(|i| i.price);
    let negated = |n: NanoAmount| NanoAmount::new(n.get().saturating_neg());
    let local_money = line
        .order
        .filter(|o| o.fill.get() > 0)
        .map(|o| cents(o.amount));
    let mark = if line.import.is_none() {
        Some("no data")
    } else if line.cut.is_some() {
        Some("cut")
    } else if line.substituted {
        Some("interpolated")
    } else {
        None
    };
    StatementLine {
        href: format!("/homes/{}/intervals/{}", line.home, start(line.start)),
        span: span(line.start, facts.zone.interval),
        energy,
        local,
        tone,
        price: price.map_or_else(dash, ct_per_kwh),
        local_money: local_money.unwrap_or_else(dash),
        utility_money: if line.bill.get() == 0 {
            dash()
        } else {
            cents(negated(line.bill))
        },
        total: cents(negated(line.cost())),
        saved: cents(line.saved()),
        mark,
        state: line.state.word(),
    }
}

pub(super) fn sums(lines: &[HomeIntervalFacts]) -> Vec<(&'static str, String)> {
    let energy = |e: WattHours| format!("{} kWh", kwh_exact(e));
    let amount = |side: Side| {
        let of_side = |l: &HomeIntervalFacts| {
            l.order
                .filter(|o| o.side == side)
                .map_or(0, |o| o.amount.get())
        };
        money(lines, of_side)
    };
    let with_money = |e: WattHours, m: NanoAmount| format!("{}, {}", energy(e), euro_signed(m));
    vec![
        (
            "Sold to neighbours",
            with_money(
                total(lines, |l| l.filled(Side::Ask).get()),
                amount(Side::Ask),
            ),
        ),
        (
            "Bought from neighbours",
            with_money(
                total(lines, |l| l.filled(Side::Bid).get()),
                amount(Side::Bid),
            ),
        ),
        (
            "Supplied by the utility",
            energy(total(lines, |l| l.from_utility.get())),
        ),
        (
            "Taken by the utility",
            energy(total(lines, |l| l.to_utility.get())),
        ),
        (
            "Fees in it",
            euro(money(lines, |l| l.order.map_or(0, |o| o.fee.get()))),
        ),
        (
            "In all",
            euro_signed(money(lines, |l| l.cost().get().saturating_neg())),
        ),
        (
            "With the utility alone",
            euro_signed(money(lines, |l| l.without_market.get().saturating_neg())),
        ),
        (
            "Better off by",
            euro_signed(money(lines, |l| l.saved().get())),
        ),
    ]
}

pub(super) fn total(
    lines: &[HomeIntervalFacts],
    f: impl Fn(&HomeIntervalFacts) -> u64,
) -> WattHours {
    WattHours::new(lines.iter().map(f).fold(0, u64::saturating_add))
}

pub(super) fn money(
    lines: &[HomeIntervalFacts],
    f: impl Fn(&HomeIntervalFacts) -> i64,
) -> NanoAmount {
    NanoAmount::new(lines.iter().map(f).fold(0, i64::saturating_add))
}
