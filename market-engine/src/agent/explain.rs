//! One sentence for a household about an interval: what happened, and why.
//!
//! Every number in it is exact. Where a trade has no exact price per kWh (under mechanisms with a price
//! for each pair), the amount stands in its place.

use energy_core::{MicroPricePerKwh, NanoAmount, Side, WattHours};

use super::{
    Band, decimal,
    wording::{kwh, money},
};

/// What an interval brought a home, after clearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happened {
    /// Bought or sold; for a home that had neither need nor surplus either one.
    pub side: Side,
    /// Its verified need or surplus, Wh.
    pub net: WattHours,
    /// The part of it that was offered, Wh: less than `net` where its money did not cover more.
    pub offered: WattHours,
    /// The part that was traded, Wh.
    pub traded: WattHours,
    /// What the trade brought (+) or cost (−), fees included, 10⁻⁹ currency.
    pub amount: NanoAmount,
    /// The price limit that stood for it, fees included, µ/kWh.
    pub limit: MicroPricePerKwh,
    /// The zone's clearing price before fees, µ/kWh; none without trade, and where there is no single
    /// one.
    pub clearing_price: Option<MicroPricePerKwh>,
    /// Need ÷ (need + surplus) of the zone as measured: 0 all surplus, 1000 all need.
    pub scarcity_permille: u16,
    /// Supplied by the utility, Wh.
    pub from_utility: WattHours,
    /// Taken by the utility, Wh.
    pub to_utility: WattHours,
}

/// What happened and why, in one sentence.
#[must_use]
pub fn explain(band: &Band, happened: &Happened) -> String {
    let mut sentence = if happened.net == WattHours::ZERO {
        "Neither needed energy nor had any to spare".to_owned()
    } else if happened.traded == WattHours::ZERO {
        format!(
            "{}, because {}",
            nothing(happened.side),
            hindrance(band, happened)
        )
    } else {
        format!("{} because {}", trade(happened), balance(happened))
    };
    let is_cut = happened.offered < happened.net && happened.traded > WattHours::ZERO;
    if is_cut {
        let offered = kwh(happened.offered);
        sentence.push_str(&format!(
            "; its money covered {offered} of {}",
            kwh(happened.net)
        ));
    }
    for (energy, way, price) in [
        (happened.from_utility, "came from", band.retail),
        (happened.to_utility, "went to", band.feed_in),
    ] {
        if energy > WattHours::ZERO {
            let (energy, price) = (kwh(energy), decimal(price));
            sentence.push_str(&format!("; {energy} {way} the utility at {price}"));
        }
    }
    sentence.push('.');
    sentence
}

const fn nothing(side: Side) -> &'static str {
    match side {
        Side::Bid => "Bought nothing on the street",
        Side::Ask => "Sold nothing on the street",
    }
}

/// "Sold 1.2 kWh at 0.1462 a kWh".
fn trade(happened: &Happened) -> String {
    let traded = kwh(happened.traded);
    // A seller's amount is what it received, a buyer's is negative.
    let (verb, received) = match happened.side {
        Side::Bid => ("Bought", happened.amount.get().saturating_neg()),
        Side::Ask => ("Sold", happened.amount.get()),
    };
    let wh = i128::from(happened.traded.get());
    let price = i128::from(received)
        .checked_div(wh)
        .filter(|price| price.saturating_mul(wh) == i128::from(received))
        .and_then(|price| i64::try_from(price).ok());
    match price {
        Some(price) => {
            let price = decimal(MicroPricePerKwh::new(price));
            format!("{verb} {traded} at {price} a kWh")
        }
        None => format!(
            "{verb} {traded} for {} in all",
            money(NanoAmount::new(received))
        ),
    }
}

/// How the street stood, as the reason of price and quantity.
const fn balance(happened: &Happened) -> &'static str {
    match happened.scarcity_permille {
        0..=200 => "the street had far more to spare than it needed",
        201..=450 => "the street had more to spare than it needed",
        451..=550 => "surplus and need on the street were about even",
        551..=800 => "the street needed more than it had to spare",
        _ => "the street had hardly anything to spare",
    }
}

/// Why nothing was traded.
fn hindrance(band: &Band, happened: &Happened) -> String {
    if happened.offered == WattHours::ZERO {
        return "its money did not cover any".to_owned();
    }
    let limit = decimal(happened.limit);
    match (happened.side, happened.clearing_price) {
        (Side::Bid, None) if happened.scarcity_permille >= 1_000 => {
            "no home had any to spare".to_owned()
        }
        (Side::Ask, None) if happened.scarcity_permille == 0 => "no home needed any".to_owned(),
        (Side::Bid, None) => format!("no home sold at the {limit} a kWh up to which this one buys"),
        (Side::Ask, None) => {
            format!("no home bought at the {limit} a kWh from which this one sells")
        }
        (Side::Bid, Some(price)) => {
            let paid = shifted(price, band.buyer_fee.get());
            if paid > happened.limit {
                let paid = decimal(paid);
                format!("the price of {paid} a kWh was above the {limit} up to which it buys")
            } else {
                balance(happened).to_owned()
            }
        }
        (Side::Ask, Some(price)) => {
            let received = shifted(price, band.seller_fee.get().saturating_neg());
            if received < happened.limit {
                let received = decimal(received);
                format!("the price of {received} a kWh was below the {limit} from which it sells")
            } else {
                balance(happened).to_owned()
            }
        }
    }
}

fn shifted(price: MicroPricePerKwh, by: i64) -> MicroPricePerKwh {
    MicroPricePerKwh::new(price.get().saturating_add(by))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRICE: fn(i64) -> MicroPricePerKwh = MicroPricePerKwh::new;
    const WH: fn(u64) -> WattHours = WattHours::new;

    fn band() -> Band {
        Band {
            retail: PRICE(300_000),
            feed_in: PRICE(80_000),
            buyer_fee: PRICE(5_000),
            seller_fee: PRICE(5_000),
        }
    }

    /// A seller of 1.5 kWh, of which 1.2 were sold at 0.1512 less the fee.
    fn seller() -> Happened {
        Happened {
            side: Side::Ask,
            net: WH(1_500),
            offered: WH(1_500),
            traded: WH(1_200),
            amount: NanoAmount::new(1_200 * 146_200),
            limit: PRICE(140_000),
            clearing_price: Some(PRICE(151_200)),
            scarcity_permille: 640,
            from_utility: WH(0),
            to_utility: WH(300),
        }
    }

    fn buyer() -> Happened {
        Happened {
            side: Side::Bid,
            amount: NanoAmount::new(-1_200 * 220_000),
            limit: PRICE(230_000),
            clearing_price: Some(PRICE(215_000)),
            from_utility: WH(300),
            to_utility: WH(0),
            ..seller()
        }
    }

    #[track_caller]
    fn check(happened: Happened, sentence: &str) {
        assert_eq!(explain(&band(), &happened), sentence);
    }

    #[test]
    fn a_trade_names_energy_price_reason_and_rest() {
        check(
            seller(),
            "Sold 1.2 kWh at 0.1462 a kWh because the street needed more than it had to spare; 0.3 kWh went to the utility at 0.08.",
        );
        check(
            buyer(),
            "Bought 1.2 kWh at 0.22 a kWh because the street needed more than it had to spare; 0.3 kWh came from the utility at 0.30.",
        );
        let whole = Happened {
            traded: WH(1_500),
            amount: NanoAmount::new(-1_500 * 190_000),
            scarcity_permille: 90,
            from_utility: WH(0),
            ..buyer()
        };
        check(
            whole,
            "Bought 1.5 kWh at 0.19 a kWh because the street had far more to spare than it needed.",
        );
    }

    #[test]
    fn an_amount_stands_in_for_a_price_that_is_not_exact() {
        let pairs = Happened {
            amount: NanoAmount::new(175_440_001),
            clearing_price: None,
            ..seller()
        };
        check(
            pairs,
            "Sold 1.2 kWh for 0.175440001 in all because the street needed more than it had to spare; 0.3 kWh went to the utility at 0.08.",
        );
    }

    #[test]
    fn a_home_without_a_trade_learns_why() {
        let none = |happened: Happened| Happened {
            traded: WH(0),
            amount: NanoAmount::ZERO,
            from_utility: WH(0),
            to_utility: WH(0),
            ..happened
        };
        let dear = Happened {
            limit: PRICE(150_000),
            ..none(seller())
        };
        check(
            dear,
            "Sold nothing on the street, because the price of 0.1462 a kWh was below the 0.15 from which it sells.",
        );
        let modest = Happened {
            limit: PRICE(200_000),
            from_utility: WH(1_500),
            ..none(buyer())
        };
        check(
            modest,
            "Bought nothing on the street, because the price of 0.22 a kWh was above the 0.20 up to which it buys; 1.5 kWh came from the utility at 0.30.",
        );
        let night = Happened {
            clearing_price: None,
            scarcity_permille: 1_000,
            ..none(buyer())
        };
        check(
            night,
            "Bought nothing on the street, because no home had any to spare.",
        );
        let away = Happened {
            clearing_price: None,
            scarcity_permille: 0,
            ..none(seller())
        };
        check(
            away,
            "Sold nothing on the street, because no home needed any.",
        );
        let apart = Happened {
            clearing_price: None,
            ..none(seller())
        };
        check(
            apart,
            "Sold nothing on the street, because no home bought at the 0.14 a kWh from which this one sells.",
        );
        let idle = Happened {
            net: WH(0),
            offered: WH(0),
            from_utility: WH(40),
            to_utility: WH(40),
            ..none(buyer())
        };
        check(
            idle,
            "Neither needed energy nor had any to spare; 0.04 kWh came from the utility at 0.30; 0.04 kWh went to the utility at 0.08.",
        );
    }

    #[test]
    fn a_home_that_could_not_pay_learns_it() {
        let cut = Happened {
            offered: WH(1_200),
            ..buyer()
        };
        check(
            cut,
            "Bought 1.2 kWh at 0.22 a kWh because the street needed more than it had to spare; its money covered 1.2 kWh of 1.5 kWh; 0.3 kWh came from the utility at 0.30.",
        );
        let broke = Happened {
            offered: WH(0),
            traded: WH(0),
            amount: NanoAmount::ZERO,
            from_utility: WH(1_500),
            ..buyer()
        };
        check(
            broke,
            "Bought nothing on the street, because its money did not cover any; 1.5 kWh came from the utility at 0.30.",
        );
    }

    proptest! {
        #[test]
        fn it_is_one_sentence_for_any_numbers(
            is_bid: bool, net: u64, offered: u64, traded: u64, amount: i64, limit: i64,
            clearing_price: Option<i64>, scarcity_permille: u16, from: u64, to: u64,
        ) {
            let sentence = explain(&band(), &Happened {
                side: if is_bid { Side::Bid } else { Side::Ask },
                net: WH(net),
                offered: WH(offered),
                traded: WH(traded),
                amount: NanoAmount::new(amount),
                limit: PRICE(limit),
                clearing_price: clearing_price.map(PRICE),
                scarcity_permille,
                from_utility: WH(from),
                to_utility: WH(to),
            });
            prop_assert!(sentence.ends_with('.') && !sentence.contains(". "));
            prop_assert!(sentence.starts_with(char::is_uppercase));
        }

        #[test]
        fn price_times_energy_is_the_amount(traded in 1_u64..100_000, price in -100_000_i64..1_000_000) {
            let value = WH(traded).value(PRICE(price)).expect("small");
            let sold = Happened { traded: WH(traded), amount: value, ..seller() };
            let words = format!("Sold {} at {} a kWh", kwh(WH(traded)), decimal(PRICE(price)));
            prop_assert!(explain(&band(), &sold).starts_with(&words));
        }
    }
}
