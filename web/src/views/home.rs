//! One home: its day in power, energy and money, its price preference, its meters.

use askama::Template;
use energy_core::{HomeId, MicroPricePerKwh, NanoAmount, Side, WattHours};

use super::Chrome;
use super::street::Figure;
use crate::charts::{EnergySlot, PriceLimits, day_energy, day_price};
use crate::facts::{
    BalanceFacts, HomeFacts, HomeIntervalFacts, IntervalFacts, LiveFacts, MeterFacts, PriceRule,
    ZoneFacts,
};
use crate::format::{
    ago, cents, clock, ct_input, ct_per_kwh, day, euro, euro_exact, euro_signed, kwh, kwh_exact,
    midnight, percent, power, rfc3339, span, start,
};
use crate::problem::FieldProblem;
use crate::state::NodeStatus;

/// Everything the page is made from.
#[derive(Debug, Clone)]
pub struct HomePageFacts {
    /// The zone.
    pub zone: ZoneFacts,
    /// The home.
    pub home: HomeFacts,
    /// Its live values.
    pub live: Option<LiveFacts>,
    /// Its meters.
    pub meters: Vec<MeterFacts>,
    /// Its intervals of the shown day.
    pub lines: Vec<HomeIntervalFacts>,
    /// The zone's intervals of the shown day.
    pub intervals: Vec<IntervalFacts>,
    /// Its balance.
    pub balance: Option<BalanceFacts>,
    /// The midnight at which the shown day begins, milliseconds UTC.
    pub day_ms: i64,
}

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

/// The price preference as a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleForm {
    /// Where it is sent.
    pub action: String,
    /// `cheap`, `balanced`, `green` or `own`.
    pub mode: String,
    /// The field "sell above", as text.
    pub sell_above: String,
    /// The field "buy below", as text.
    pub buy_below: String,
    /// The version it is based on.
    pub version: i64,
    /// What is wrong with "sell above".
    pub sell_problem: Option<String>,
    /// What is wrong with "buy below".
    pub buy_problem: Option<String>,
    /// What is wrong with the whole.
    pub problem: Option<String>,
    /// What the utility pays, ct/kWh.
    pub feed_in: String,
    /// What the utility charges, ct/kWh.
    pub retail: String,
}

/// How fresh a meter's data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Which meter, in words.
    pub role: String,
    /// `2 min ago`
    pub ago: String,
    /// `fresh`, `late` or `silent`.
    pub tone: &'static str,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Which home.
    pub home: HomeId,
    /// Its name.
    pub name: String,
    /// What it has.
    pub equipment: String,
    /// The part that is renewed.
    pub now: HomeNow,
    /// The price preference.
    pub form: RuleForm,
    /// Whether the preference has just been changed.
    pub saved: bool,
}

/// The part that is renewed while the page is open.
#[derive(Debug, Template)]
#[template(path = "parts/home_now.html")]
pub struct HomeNow {
    /// Which home.
    pub home: HomeId,
    /// One sentence: what it is doing.
    pub doing: String,
    /// Power now, state of charge and so on.
    pub live: Vec<(&'static str, String)>,
    /// The three big numbers.
    pub figures: Vec<Figure>,
    /// `Monday, 15 June 2026`
    pub day: String,
    /// Whether the shown day is today.
    pub is_today: bool,
    /// The address of the day before.
    pub day_before: String,
    /// The address of the day after, if it is not in the future.
    pub day_after: Option<String>,
    /// The day's energy, an SVG.
    pub energy: String,
    /// The day's prices, an SVG.
    pub prices: String,
    /// The statement, newest first.
    pub statement: Vec<StatementLine>,
    /// The statement's sums.
    pub sums: Vec<(&'static str, String)>,
    /// Why the last order was cut, if it was.
    pub out_of_funds: Option<String>,
    /// Balance, to the last unit.
    pub balance: Vec<(&'static str, String)>,
    /// Its meters.
    pub meters: Vec<Freshness>,
    /// The command that checks a bundle.
    pub verify_command: String,
    /// The newest final interval: its span, its bundle and the bundle's file name.
    pub bundle: Option<(String, String, String)>,
    /// The address that renews this part.
    pub renew: String,
}

/// The form as it stands.
#[must_use]
pub fn form(zone: &ZoneFacts, home: &HomeFacts) -> RuleForm {
    let (mode, sell_above, buy_below) = match home.rule {
        PriceRule::Cheap => ("cheap", String::new(), String::new()),
        PriceRule::Balanced => ("balanced", String::new(), String::new()),
        PriceRule::Green => ("green", String::new(), String::new()),
        PriceRule::Own {
            sell_above,
            buy_below,
        } => ("own", ct_input(sell_above), ct_input(buy_below)),
    };
    RuleForm {
        action: format!("/homes/{}/preference", home.home),
        mode: mode.to_owned(),
        sell_above,
        buy_below,
        version: home.rule_version,
        feed_in: ct_per_kwh(zone.feed_in),
        retail: ct_per_kwh(zone.retail),
        ..RuleForm::default()
    }
}

/// A price in ct/kWh as somebody typed it: digits with a point or a comma, at most four decimals.
///
/// # Errors
/// What was expected and what came.
pub fn typed_price(text: &str) -> Result<MicroPricePerKwh, String> {
    let wanted = |got: &str| format!("expected a price in ct/kWh such as 18.5, got `{got}`");
    let plain = text.trim().replace(',', ".").replace('\u{2212}', "-");
    if plain.is_empty() {
        return Err("expected a price in ct/kWh such as 18.5, got nothing".to_owned());
    }
    let (negative, digits) = plain
        .strip_prefix('-')
        .map_or((false, plain.as_str()), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !(all_digits(whole) && all_digits(part))
        || (whole.is_empty() && part.is_empty())
        || whole.len() > 6
    {
        return Err(wanted(&shown(text)));
    }
    if part.len() > 4 {
        return Err(format!("expected at most 4 decimals, got {}", part.len()));
    }
    let micro = format!("{whole}{part:0<4}")
        .parse::<i64>()
        .map_err(|_| wanted(&shown(text)))?;
    if negative && micro > 0 {
        return Err(format!(
            "expected a price of 0 ct/kWh or more, got {}",
            shown(text)
        ));
    }
    Ok(MicroPricePerKwh::new(micro))
}

fn shown(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

/// The rule that limits make, or what is wrong with them. All-in prices.
///
/// A limit beyond the tariff on its harmless side changes nothing, because the utility's price is
/// always there; a household that typed it meant something else, so it is told.
///
/// # Errors
/// One problem per wrong field.
pub fn own_rule(
    zone: &ZoneFacts,
    sell_above: MicroPricePerKwh,
    buy_below: MicroPricePerKwh,
) -> Result<PriceRule, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut check = |field: &str,
                     price: MicroPricePerKwh,
                     least: Option<MicroPricePerKwh>,
                     most: Option<MicroPricePerKwh>| {
        let got = ct_per_kwh(price);
        let detail = if price.get() < 0 {
            format!("expected a price of 0 ct/kWh or more, got {got}")
        } else if let Some(least) = least.filter(|least| price < *least) {
            format!(
                "expected at least {} ct/kWh, which the utility pays anyway, got {got}",
                ct_per_kwh(least)
            )
        } else if let Some(most) = most.filter(|most| price > *most) {
            format!(
                "expected at most {} ct/kWh, for which the utility supplies anyway, got {got}",
                ct_per_kwh(most)
            )
        } else if price.get() > 10_000_000 {
            format!("expected at most 1000 ct/kWh, got {got}")
        } else {
            return;
        };
        problems.push(FieldProblem {
            pointer: format!("/{field}"),
            detail,
        });
    };
    check("sell_above", sell_above, Some(zone.feed_in), None);
    check("buy_below", buy_below, None, Some(zone.retail));
    if problems.is_empty() {
        Ok(PriceRule::Own {
            sell_above,
            buy_below,
        })
    } else {
        Err(problems)
    }
}

/// The part that is renewed.
#[must_use]
pub fn now(facts: &HomePageFacts, status: &NodeStatus) -> HomeNow {
    let today = midnight(status.grid_ms) == facts.day_ms;
    let day_href = |ms: i64| format!("/homes/{}?day={}", facts.home.home, &rfc3339(ms)[..10]);
    let slots: Vec<_> = facts.lines.iter().filter_map(slot).collect();
    let prices: Vec<_> = facts
        .intervals
        .iter()
        .map(|i| (i.start.millis(), i.price))
        .collect();
    let interval_ms = i64::from(facts.zone.interval.seconds()) * 1_000;
    let newest_final = facts
        .lines
        .iter()
        .rev()
        .find(|l| l.state == crate::facts::IntervalState::Final);
    let bundle = newest_final.map(|l| {
        let address = format!("/api/v1/homes/{}/bundles/{}", l.home, start(l.start));
        (
            span(l.start, facts.zone.interval),
            address,
            super::interval::bundle_file(l.home, l.start),
        )
    });
    let file = bundle
        .as_ref()
        .map_or("BUNDLE.cbor", |(_, _, file)| file.as_str());
    HomeNow {
        home: facts.home.home,
        doing: doing(facts),
        live: live(facts),
        figures: figures(facts, today),
        day: day(facts.day_ms),
        is_today: today,
        day_before: day_href(facts.day_ms - 86_400_000),
        day_after: (!today).then(|| day_href(facts.day_ms + 86_400_000)),
        energy: day_energy(facts.day_ms, interval_ms, &slots),
        prices: day_price(&facts.zone, facts.day_ms, &prices, limits(facts)),
        statement: facts
            .lines
            .iter()
            .rev()
            .map(|l| statement_line(facts, l))
            .collect(),
        sums: sums(&facts.lines),
        out_of_funds: facts.lines.last().and_then(|l| l.cut.clone()),
        balance: balance(facts.balance.as_ref()),
        meters: facts
            .meters
            .iter()
            .map(|m| freshness(m, status.grid_ms, interval_ms))
            .collect(),
        verify_command: format!("commonwatt verify {file} --trust trust.json"),
        bundle,
        renew: format!("{}&part=now", day_href(facts.day_ms)),
    }
}

/// What a home has, in words.
#[must_use]
pub fn equipment(home: &HomeFacts) -> String {
    match (home.has_pv, home.has_battery) {
        (true, true) => "Solar roof and battery",
        (true, false) => "Solar roof",
        (false, true) => "Battery",
        (false, false) => "Consumer",
    }
    .to_owned()
}

fn doing(facts: &HomePageFacts) -> String {
    let Some(last) = facts.lines.last() else {
        return "No interval of this day has been cleared yet.".to_owned();
    };
    let when = span(last.start, facts.zone.interval);
    let price = facts
        .intervals
        .iter()
        .find(|i| i.start == last.start)
        .and_then(|i| i.price);
    let at = price
        .map(|p| format!(" at {} ct/kWh", ct_per_kwh(p)))
        .unwrap_or_default();
    match (last.filled(Side::Ask).get(), last.filled(Side::Bid).get()) {
        (0, 0) if last.import.is_none() => format!("No data came from the meter for {when}."),
        (0, 0) => format!("Nothing traded with neighbours from {when}."),
        (sold, 0) => format!(
            "Sold {} kWh to neighbours from {when}{at}.",
            kwh_exact(WattHours::new(sold))
        ),
        (_, bought) => format!(
            "Bought {} kWh from neighbours from {when}{at}.",
            kwh_exact(WattHours::new(bought))
        ),
    }
}

fn live(facts: &HomePageFacts) -> Vec<(&'static str, String)> {
    let Some(live) = facts.live else {
        return Vec::new();
    };
    let grid = live
        .power
        .map(|p| (if p.get() < 0 { "Feeding in" } else { "Taking" }, power(p)));
    let pv = live.pv.map(|p| ("Solar", power(p)));
    let soc = live
        .soc_permille
        .map(|s| ("Battery", percent(u64::from(s), 1_000)));
    [pv, soc, grid].into_iter().flatten().collect()
}

fn total(lines: &[HomeIntervalFacts], f: impl Fn(&HomeIntervalFacts) -> u64) -> WattHours {
    WattHours::new(lines.iter().map(f).fold(0, u64::saturating_add))
}

fn money(lines: &[HomeIntervalFacts], f: impl Fn(&HomeIntervalFacts) -> i64) -> NanoAmount {
    NanoAmount::new(lines.iter().map(f).fold(0, i64::saturating_add))
}

fn figures(facts: &HomePageFacts, today: bool) -> Vec<Figure> {
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

fn slot(line: &HomeIntervalFacts) -> Option<EnergySlot> {
    line.import.and(line.export)?;
    Some(EnergySlot {
        start_ms: line.start.millis(),
        bought: line.filled(Side::Bid),
        from_utility: line.from_utility,
        sold: line.filled(Side::Ask),
        to_utility: line.to_utility,
        substituted: line.substituted,
    })
}

/// The home's own numbers; for the automatic agent the limits it last chose, where both are known.
fn limits(facts: &HomePageFacts) -> Option<PriceLimits> {
    match facts.home.rule {
        PriceRule::Own {
            sell_above,
            buy_below,
        } => Some(PriceLimits {
            sell_above,
            buy_below,
        }),
        _ => None,
    }
}

fn statement_line(facts: &HomePageFacts, line: &HomeIntervalFacts) -> StatementLine {
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

fn sums(lines: &[HomeIntervalFacts]) -> Vec<(&'static str, String)> {
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

fn balance(balance: Option<&BalanceFacts>) -> Vec<(&'static str, String)> {
    let Some(b) = balance else { return Vec::new() };
    let batch = |n: Option<u64>| {
        n.map_or_else(
            || "before the first batch".to_owned(),
            |n| format!("batch {n}"),
        )
    };
    let account = |a: &crate::facts::AccountFacts| {
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

fn freshness(meter: &MeterFacts, now_ms: i64, interval_ms: i64) -> Freshness {
    let age = meter.last_seen_ms.map(|at| now_ms.saturating_sub(at));
    let tone = match age {
        Some(age) if age <= interval_ms + 60_000 => "fresh",
        Some(age) if age <= 4 * interval_ms => "late",
        _ => "silent",
    };
    let trouble = if meter.frozen {
        Some(
            "frozen: it sent two different readings under one number; it must be enrolled again"
                .to_owned(),
        )
    } else {
        meter.error.clone()
    };
    let at = |at: i64| format!("last reading {} ({})", ago(at, now_ms), clock(at));
    Freshness {
        role: meter.role.clone(),
        ago: meter
            .last_seen_ms
            .map_or_else(|| "no reading yet".to_owned(), at),
        tone,
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_price_is_read_exactly_or_explained() {
        let micro = |text: &str| typed_price(text).map(MicroPricePerKwh::get);
        assert_eq!(micro("18.5"), Ok(185_000));
        assert_eq!(micro(" 18,25 "), Ok(182_500));
        assert_eq!(micro("0"), Ok(0));
        assert_eq!(micro(".0001"), Ok(1));
        assert!(micro("-1").is_err_and(|e| e.contains("0 ct/kWh or more") && e.contains("-1")));
        assert!(micro("abc").is_err_and(|e| e.contains("such as 18.5") && e.contains("abc")));
        assert!(micro("").is_err_and(|e| e.contains("got nothing")));
        assert!(micro("1e9").is_err());
        assert!(micro("1.00001").is_err_and(|e| e.contains("at most 4 decimals")));
        assert!(micro("99999999999999999999").is_err());
    }
}
