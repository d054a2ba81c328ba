//! Bundles of real outcomes, under every mechanism, whole and forged.

use clearing_house::{
    Fees, HomeInput, IntervalEnergy, Ledger, Partner, PricePreference, Tariff, Wishes, ZoneRules,
    settle_interval,
};
use energy_core::{IntervalLength, MeterId, from_canonical};

use super::*;

fn price(micro: i64) -> MicroPricePerKwh {
    MicroPricePerKwh::new(micro)
}

/// Home n of twelve: the even ones sell. The first four name each other, and give to the last.
fn home(n: u32, wishes: bool) -> HomeInput {
    let with = |home, share_ppm| Partner {
        home: HomeId::new(home),
        priority: 1,
        share_ppm,
    };
    let partners = (1..5)
        .filter(|other| *other != n)
        .map(|other| with(other, 400_000));
    let gifts = vec![with(11, 50_000)];
    let wish = Wishes::new(price(30_000), price(0), partners.collect(), gifts);
    let wh = WattHours::new(u64::from(n) * 37 % 400 + 50);
    let (import, export) = if n.is_multiple_of(2) {
        (WattHours::ZERO, wh)
    } else {
        (wh, WattHours::ZERO)
    };
    let step = i64::from(n) * 7_000;
    HomeInput {
        home: HomeId::new(n),
        meter: MeterId::derived("meter", &n.to_be_bytes()),
        preference: PricePreference::limits(price(85_000 + step), price(180_000 + step))
            .expect("prices"),
        wishes: if wishes && !(5..=10).contains(&n) {
            wish.expect("wishes")
        } else {
            Wishes::default()
        },
        energy: Some(IntervalEnergy {
            import,
            export,
            substituted: false,
        }),
        generated_so_far: None,
        has_generation_meter: false,
        has_battery: n.is_multiple_of(4),
        soc_permille: None,
        escrow: NanoAmount::new(10_000_000_000),
        closing: None,
    }
}

fn market(mechanism: Mechanism, wishes: bool) -> MarketProof {
    let rules = ZoneRules {
        zone: ZoneId::new("elm-street").expect("a name"),
        interval: IntervalLength::QUARTER_HOUR,
        tariff: Tariff::flat(price(300_000), price(80_000)),
        fees: Fees {
            buyer: price(5_000),
            seller: price(5_000),
        },
        mechanism,
        k_ppm: K_PPM,
        cutoff_s: 60,
        credit_limit: NanoAmount::ZERO,
        order_secret: [7; 32],
    };
    let interval = rules.interval.start_at(1_781_514_000).expect("aligned");
    let homes: Vec<HomeInput> = (1..13).map(|n| home(n, wishes)).collect();
    let outcome = settle_interval(&rules, interval, &Ledger::default(), &homes).expect("settled");
    assert!(outcome.rows.iter().any(|row| row.fill > WattHours::ZERO));
    assert_eq!(outcome.direct.len() > 1, wishes);
    let tree = energy_core::MerkleTree::new(vec![Hash::ZERO]);
    let is_optimal = outcome.clearing.certificate.kind == CertificateKind::Optimal;
    MarketProof {
        interval,
        certificate: outcome.clearing.certificate,
        order: None,
        rows: Rows::Book(outcome.rows),
        path: tree.proof(0).expect("one leaf"),
        mechanism: (!is_optimal).then(|| mechanism.to_string()),
    }
}

fn rows(market: &mut MarketProof) -> &mut Vec<OrderRow> {
    match &mut market.rows {
        Rows::Book(rows) => rows,
        Rows::Own(..) | Rows::None(_) => panic!("a book"),
    }
}

#[test]
fn every_mechanism_is_checked_with_and_without_wishes() {
    for mechanism in Mechanism::ALL {
        for wishes in [false, true] {
            let mut market = market(mechanism, wishes);
            let text = certificate(&market).expect("holds");
            let expected = match (mechanism, wishes) {
                (Mechanism::KDoubleAuction, false) => "welfare-maximal".to_owned(),
                (Mechanism::KDoubleAuction, true) => "feasible by origin".to_owned(),
                _ => format!("feasible under {mechanism}"),
            };
            assert!(text.ends_with(&expected), "{text}");
            // Each row alone keeps its limits too.
            for row in rows(&mut market).clone() {
                assert_eq!(amounts(&row, &market), Ok(()));
            }
        }
    }
}

#[test]
fn what_was_changed_is_refused_under_every_mechanism() {
    type Forgery = fn(&mut Vec<OrderRow>, usize);
    let forgeries: [Forgery; 6] = [
        |rows, at| rows[at].amount = NanoAmount::new(rows[at].amount.get() + 1),
        |rows, at| rows[at].fee = NanoAmount::new(rows[at].fee.get() + 1),
        |rows, at| rows[at].fill = WattHours::new(rows[at].fill.get() + 1),
        |rows, at| rows[at].quantity = WattHours::new(rows[at].quantity.get() + 1),
        |rows, at| rows[at].price = price(rows[at].price.get() + 1),
        |rows, at| {
            rows.remove(at);
        },
    ];
    for mechanism in Mechanism::ALL {
        let honest = market(mechanism, true);
        let count = rows(&mut honest.clone()).len();
        // Where a surplus may be left, money alone can go into it: only the tree of the rows tells.
        let first = usize::from(mechanism == Mechanism::McAfee);
        for (which, forgery) in forgeries.iter().enumerate().skip(first) {
            for at in 0..count {
                let mut forged = honest.clone();
                forgery(rows(&mut forged), at);
                assert!(
                    certificate(&forged).is_err(),
                    "{mechanism}: forgery {which} of row {at}"
                );
            }
        }
    }
}

#[test]
fn trades_of_named_homes_must_meet() {
    let mut market = market(Mechanism::KDoubleAuction, true);
    let rows = rows(&mut market);
    let at = rows
        .iter()
        .position(|row| row.direct.is_some_and(|d| d.gifts > WattHours::ZERO));
    let row = &mut rows[at.expect("a gift")];
    // The same energy, but as if it had been sold.
    let direct = row.direct.as_mut().expect("a gift");
    (direct.partners, direct.gifts) = (direct.gifts, direct.partners);
    assert!(certificate(&market).is_err());
}

#[test]
fn a_mechanism_must_be_named() {
    let mut market = market(Mechanism::PayAsBid, false);
    market.mechanism = None;
    assert!(certificate(&market).is_err_and(|e| e.contains("the name of the mechanism")));
    market.mechanism = Some("lottery".to_owned());
    assert!(certificate(&market).is_err_and(|e| e.contains("got `lottery`")));
    market.mechanism = Some("k-double-auction".to_owned());
    assert!(certificate(&market).is_ok());
}

#[test]
fn the_call_auction_is_written_as_ever() {
    let plain = to_canonical(&market(Mechanism::KDoubleAuction, false));
    let named = to_canonical(&market(Mechanism::McAfee, false));
    assert_eq!((plain[0], named[0]), (0x85, 0x86));
    assert!(from_canonical::<MarketProof>(&plain).is_ok_and(|market| market.mechanism.is_none()));
    assert!(from_canonical::<MarketProof>(&named).is_ok_and(|market| market.mechanism.is_some()));
}
