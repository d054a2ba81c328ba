//! The same street under every mechanism: it adds up, and nobody loses by it.

use clearing_house::statement::reasons;
use clearing_house::{
    Account, Asset, HomeInput, Ledger, LineKind, Mechanism, ZoneRules, audit, settle_interval,
};
use energy_core::{CertificateKind, NanoAmount, Side};
use proptest::prelude::*;

use crate::conservation::homes;
use crate::street::street;
use crate::zone::{home, priced, quarter, rules, wh};

fn zone(mechanism: Mechanism) -> ZoneRules {
    ZoneRules {
        mechanism,
        ..rules()
    }
}

#[test]
fn every_mechanism_settles_a_summer_day() {
    for mechanism in Mechanism::ALL {
        let rules = zone(mechanism);
        let mut houses = street(1);
        let mut ledger = Ledger::default();
        let mut entries = Vec::new();
        let (mut traded, mut surplus) = (0_u64, 0_i64);
        for n in 0..96 {
            let homes: Vec<HomeInput> = houses.iter_mut().map(|house| house.step(1, n)).collect();
            let outcome = settle_interval(&rules, quarter(n), &ledger, &homes).expect("settled");
            audit::check_interval(&ledger, &outcome).expect("adds up");
            let of_side = |side| outcome.rows.iter().filter(move |row| row.side == side);
            let sum = |side| of_side(side).map(|row| row.fill.get()).sum::<u64>();
            assert_eq!(sum(Side::Bid), sum(Side::Ask), "{mechanism}");
            for result in &outcome.homes {
                let (cost, alone) = (result.cost().expect("small"), result.without_market);
                assert!(cost <= alone, "{mechanism}, quarter {n}");
            }
            traded += sum(Side::Bid);
            surplus += outcome.surplus.get();
            ledger = outcome.ledger;
            entries.push(outcome.entry);
        }
        assert!(traded > 0, "{mechanism} trades on a summer day");
        assert_eq!(ledger.zone_cash.get(), surplus, "{mechanism}");
        assert!(
            surplus == 0 || mechanism == Mechanism::McAfee,
            "{mechanism}"
        );
        assert_eq!(ledger.cash(), Ok(NanoAmount::ZERO), "{mechanism}");
        assert_eq!(audit::replay(&entries).expect("a journal"), ledger);
        let json = serde_json::to_string(&ledger).expect("JSON");
        assert_eq!(serde_json::from_str::<Ledger>(&json).expect("JSON"), ledger);
    }
}

#[test]
fn a_surplus_is_the_zones() {
    // Each side's last trade sets the price of the others and is left out.
    let homes = [
        priced(home(1, 0, 100), 100_000, 0),
        priced(home(2, 0, 100), 150_000, 0),
        priced(home(3, 100, 0), 0, 290_000),
        priced(home(4, 100, 0), 0, 170_000),
    ];
    let rules = zone(Mechanism::McAfee);
    let outcome =
        settle_interval(&rules, quarter(40), &Ledger::default(), &homes).expect("settled");
    audit::check_interval(&Ledger::default(), &outcome).expect("adds up");
    assert!(outcome.surplus > NanoAmount::ZERO);
    let mut to_zone = outcome
        .entry
        .lines
        .iter()
        .filter(|line| line.account == Account::Zone);
    let line = to_zone.next().expect("the zone has a line");
    assert_eq!(
        (line.asset, line.kind, line.amount),
        (Asset::Cash, LineKind::Surplus, outcome.surplus.get())
    );
    assert_eq!(to_zone.next(), None);
    assert_eq!(outcome.ledger.zone_cash, outcome.surplus);
}

#[test]
fn a_price_of_ones_own_is_named() {
    let homes = [
        priced(home(1, 0, 300), 100_000, 0),
        priced(home(2, 100, 0), 0, 290_000),
        priced(home(3, 200, 0), 0, 170_000),
    ];
    let rules = zone(Mechanism::PayAsBid);
    let outcome =
        settle_interval(&rules, quarter(40), &Ledger::default(), &homes).expect("settled");
    assert_eq!(outcome.clearing.price, None);
    assert_eq!(outcome.clearing.certificate.kind, CertificateKind::Feasible);
    let sentence = reasons(&outcome.homes[1])
        .into_iter()
        .find(|s| s.starts_with("Bought"));
    let row = outcome.homes[1].order.expect("it bought");
    let value = -row.value_in_auction().expect("small").get();
    let price = clearing_house::decimal(value / 100);
    let expected = format!("Bought 0.100 kWh on the street at {price} a kWh, and paid a fee of");
    assert!(
        sentence
            .as_deref()
            .is_some_and(|s| s.starts_with(&expected)),
        "{sentence:?}"
    );
    assert_eq!(outcome.homes[0].residual_export, wh(0));
}

#[test]
fn rules_name_the_mechanism_unless_it_is_the_call_auction() {
    let json = |mechanism| serde_json::to_value(zone(mechanism)).expect("JSON");
    assert_eq!(json(Mechanism::KDoubleAuction).get("mechanism"), None);
    let named = json(Mechanism::McAfee);
    assert_eq!(named["mechanism"], "mcafee");
    let back: ZoneRules = serde_json::from_value(named).expect("rules");
    assert_eq!(back.mechanism, Mechanism::McAfee);
}

proptest! {
    #[test]
    fn whatever_comes_adds_up_under_every_mechanism(homes in homes(), which in 0..Mechanism::ALL.len()) {
        let mechanism = Mechanism::ALL[which];
        let outcome = settle_interval(&zone(mechanism), quarter(0), &Ledger::default(), &homes).expect("settled");
        audit::check_interval(&Ledger::default(), &outcome).expect("adds up");
        for (input, result) in homes.iter().zip(&outcome.homes) {
            prop_assert!(result.cost().expect("small") <= result.without_market);
            prop_assert!(input.escrow.get() + result.account.cash.get() >= 0);
            if let Some(row) = result.order {
                let at_limit = i128::from(row.fill.get()) * i128::from(row.limit.get());
                let paid = i128::from(row.amount.get());
                let holds = if row.side == Side::Bid { -paid <= at_limit } else { paid >= at_limit };
                prop_assert!(holds);
            }
        }
    }
}
