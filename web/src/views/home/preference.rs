//! The price preference: its form, the prices somebody typed, and the rule they make.

use energy_core::MicroPricePerKwh;

use crate::facts::{HomeFacts, PriceRule, ZoneFacts};
use crate::format::{ct_input, ct_per_kwh};
use crate::problem::FieldProblem;

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
    /// What the utility pays, ct/kWh; `8 to 12` where it changes with time.
    pub feed_in: String,
    /// What the utility charges, ct/kWh, likewise.
    pub retail: String,
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
    let tariff = zone.tariff.range();
    RuleForm {
        action: format!("/homes/{}/preference", home.home),
        mode: mode.to_owned(),
        sell_above,
        buy_below,
        version: home.rule_version,
        feed_in: from_to(tariff.lowest.feed_in, tariff.highest.feed_in),
        retail: from_to(tariff.lowest.retail, tariff.highest.retail),
        ..RuleForm::default()
    }
}

/// One price, or the two between which it moves over time.
fn from_to(lowest: MicroPricePerKwh, highest: MicroPricePerKwh) -> String {
    if lowest == highest {
        ct_per_kwh(lowest)
    } else {
        format!("{} to {}", ct_per_kwh(lowest), ct_per_kwh(highest))
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
/// always there; a household that typed it meant something else, so it is told. Where the tariff
/// changes with time, a limit is judged by the prices at which it is furthest from harmless.
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
    let tariff = zone.tariff.range();
    check("sell_above", sell_above, Some(tariff.lowest.feed_in), None);
    check("buy_below", buy_below, None, Some(tariff.highest.retail));
    if problems.is_empty() {
        Ok(PriceRule::Own {
            sell_above,
            buy_below,
        })
    } else {
        Err(problems)
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
