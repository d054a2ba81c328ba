//! Partners, gifts and origins in a settled interval.

use clearing_house::statement::{Statement, reasons};
use clearing_house::{
    Asset, BilateralKind, Gift, HomeInput, IntervalOutcome, Ledger, LineKind, Mechanism, Partner,
    Wishes, ZoneRules, audit, settle_interval,
};
use energy_core::{CertificateKind, HomeId, NanoAmount, Side, from_canonical, to_canonical};
use proptest::prelude::*;

use crate::conservation::homes;
use crate::zone::{home, price, priced, quarter, rules, wh};

fn with(home: u32, priority: u16, share_ppm: u32) -> Partner {
    Partner {
        home: HomeId::new(home),
        priority,
        share_ppm,
    }
}

fn wishing(home: HomeInput, green: i64, partners: &[Partner], gifts: &[Gift]) -> HomeInput {
    let wishes = Wishes::new(price(green), price(0), partners.to_vec(), gifts.to_vec());
    HomeInput {
        wishes: wishes.expect("wishes"),
        ..home
    }
}

fn settle(homes: &[HomeInput]) -> IntervalOutcome {
    let ledger = Ledger::default();
    let outcome = settle_interval(&rules(), quarter(40), &ledger, homes).expect("settled");
    audit::check_interval(&ledger, &outcome).expect("adds up");
    outcome
}

#[test]
fn partners_trade_first_and_the_rest_goes_to_the_auction() {
    let homes = [
        wishing(
            priced(home(1, 0, 500), 90_000, 0),
            0,
            &[with(2, 1, 600_000)],
            &[],
        ),
        wishing(
            priced(home(2, 400, 0), 0, 200_000),
            0,
            &[with(1, 1, 1_000_000)],
            &[],
        ),
        priced(home(3, 400, 0), 0, 250_000),
    ];
    let outcome = settle(&homes);
    // The ask enters at 95 000, the partner's bid at 195 000: they meet at 145 000, for 300 of 500 Wh.
    let direct = outcome.direct[0];
    assert_eq!((direct.quantity, direct.price), (wh(300), price(145_000)));
    assert_eq!(outcome.direct.len(), 1);
    // The last 200 Wh are the auction's, and the higher bid there is home 3's.
    assert_eq!(outcome.clearing.certificate.quantity, 200);
    assert_eq!(outcome.clearing.price, Some(price(245_000)));
    let (seller, partner) = (&outcome.homes[0], &outcome.homes[1]);
    assert_eq!(seller.cash.get(), 300 * 140_000 + 200 * 240_000);
    assert_eq!(partner.cash.get(), -300 * 150_000);
    assert_eq!(partner.residual_import, wh(100));
    assert_eq!(partner.credited, wh(300));

    let row = seller.order.expect("it sold");
    assert_eq!((row.quantity, row.fill), (wh(500), wh(500)));
    assert_eq!(row.filled_in_auction(), Ok(wh(200)));
    let of_kind = |kind| {
        let lines = outcome.entry.lines.iter();
        let lines = lines.filter(move |l| l.kind == kind && l.asset == Asset::Cash);
        lines.map(|line| line.amount).collect::<Vec<_>>()
    };
    assert_eq!(
        of_kind(LineKind::PartnerTrade),
        [300 * 145_000, -300 * 145_000]
    );
    assert_eq!(
        of_kind(LineKind::LocalTrade),
        [200 * 245_000, -200 * 245_000]
    );
    assert!(
        reasons(seller)
            .contains(&"Sold 0.300 kWh to home 2, a partner, at 0.145 a kWh.".to_owned())
    );
    assert!(
        reasons(partner)
            .contains(&"Bought 0.300 kWh from home 1, a partner, at 0.145 a kWh.".to_owned())
    );
    let statement =
        Statement::of(HomeId::new(1), quarter(40), quarter(41), &outcome.homes, []).expect("small");
    assert_eq!(statement.sold_local.energy, wh(500));
    assert_eq!(
        statement.sold_local.amount.get(),
        300 * 145_000 + 200 * 245_000
    );
}

#[test]
fn a_gift_costs_each_side_its_own_fee() {
    let homes = [
        wishing(home(1, 0, 500), 0, &[], &[with(2, 1, 200_000)]),
        home(2, 400, 0),
    ];
    let outcome = settle(&homes);
    let (giver, receiver) = (&outcome.homes[0], &outcome.homes[1]);
    assert_eq!(giver.direct[0].kind, BilateralKind::Gift);
    let row = receiver.order.expect("it got something");
    assert_eq!(row.direct.expect("a gift").gifts, wh(100));
    assert_eq!(row.filled_in_auction(), Ok(wh(300)));
    assert_eq!(row.fee.get(), 400 * 5_000);
    assert!(reasons(giver).contains(&"Gave 0.100 kWh to home 2.".to_owned()));
    assert!(reasons(receiver).contains(&"Got 0.100 kWh from home 1 as a gift.".to_owned()));

    // Without money for the fee there is no gift; the rest is sold as ever.
    let poor = HomeInput {
        escrow: NanoAmount::new(20 * 5_000),
        ..homes[0].clone()
    };
    let outcome = settle(&[poor, homes[1].clone()]);
    assert_eq!(outcome.direct[0].quantity, wh(20));
    // A receiver that has run dry gets none: it could not pay its fee.
    let dry = HomeInput {
        escrow: NanoAmount::ZERO,
        ..homes[1].clone()
    };
    assert_eq!(settle(&[homes[0].clone(), dry]).direct, []);
}

#[test]
fn green_energy_has_a_price_of_its_own() {
    // Home 1 sells from its roof, home 2 from a battery without a meter that says what is in it.
    let stored = HomeInput {
        has_battery: true,
        ..home(2, 0, 100)
    };
    let homes = [
        priced(home(1, 0, 100), 100_000, 0),
        priced(stored, 100_000, 0),
        wishing(priced(home(3, 100, 0), 0, 200_000), 50_000, &[], &[]),
        priced(home(4, 100, 0), 0, 200_000),
    ];
    let outcome = settle(&homes);
    assert_eq!(outcome.clearing.certificate.kind, CertificateKind::Feasible);
    let of_home = |n: usize| outcome.homes[n].order.expect("an order");
    assert!((0..4).all(|n| of_home(n).fill == wh(100)));
    // Grey between 105 000 and 195 000, green between 105 000 and 245 000.
    assert_eq!(
        of_home(2).value_in_auction(),
        Ok(NanoAmount::new(-100 * 175_000))
    );
    assert_eq!(
        of_home(0).value_in_auction(),
        Ok(NanoAmount::new(100 * 175_000))
    );
    assert_eq!(
        of_home(1).value_in_auction(),
        Ok(NanoAmount::new(100 * 150_000))
    );
    assert_eq!(of_home(2).limit, price(250_000));
    assert!(
        reasons(&outcome.homes[2])
            .iter()
            .any(|s| s.starts_with("Buys up to 0.25 a kWh"))
    );

    // Never above what the utility charges.
    let eager = wishing(priced(home(3, 100, 0), 0, 290_000), 500_000, &[], &[]);
    let outcome = settle(&[homes[0].clone(), eager]);
    assert_eq!(
        outcome.homes[1].order.expect("an order").limit,
        price(300_000)
    );

    // Other mechanisms know no origins.
    let rules = ZoneRules {
        mechanism: Mechanism::Sbba,
        ..rules()
    };
    let outcome =
        settle_interval(&rules, quarter(40), &Ledger::default(), &homes).expect("settled");
    assert_eq!(
        outcome.homes[2].order.expect("an order").limit,
        price(200_000)
    );
}

#[test]
fn a_row_without_wishes_is_written_as_ever() {
    let outcome = settle(&[home(1, 0, 500), home(2, 400, 0)]);
    let row = outcome.rows[0];
    let bytes = to_canonical(&row);
    // An array of nine.
    assert_eq!(bytes[0], 0x89);
    assert_eq!(from_canonical(&bytes), Ok(row));
    let given = settle(&[
        wishing(home(1, 0, 500), 0, &[], &[with(2, 1, 200_000)]),
        home(2, 400, 0),
    ]);
    let bytes = to_canonical(&given.rows[0]);
    assert_eq!(bytes[0], 0x8a);
    assert_eq!(from_canonical(&bytes), Ok(given.rows[0]));
}

/// Homes that name some of each other and pay more for some origins.
fn wishing_homes() -> impl Strategy<Value = Vec<HomeInput>> {
    let entries = || {
        prop::collection::btree_map(1..9_u32, (0..3_u16, 0..=1_000_000_u32), 0..5).prop_map(
            |entries| {
                let entry = |(home, (priority, share))| with(home, priority, share);
                entries.into_iter().map(entry).collect::<Vec<_>>()
            },
        )
    };
    let wish = (0_i64..60_000, 0_i64..60_000, entries(), entries()).prop_map(
        |(green, local, partners, gifts)| {
            Wishes::new(price(green), price(local), partners, gifts).expect("wishes")
        },
    );
    (homes(), prop::collection::vec(wish, 12)).prop_map(|(homes, wishes)| {
        let homes = homes.into_iter().zip(wishes);
        homes
            .map(|(home, wishes)| HomeInput { wishes, ..home })
            .collect()
    })
}

proptest! {
    #[test]
    fn energy_money_limits_and_funds_hold_whatever_is_wished(
        intervals in prop::collection::vec(wishing_homes(), 1..4), which in 0..Mechanism::ALL.len(),
    ) {
        let rules = ZoneRules { mechanism: Mechanism::ALL[which], ..rules() };
        let mut ledger = Ledger::default();
        let mut entries = Vec::new();
        for (n, homes) in (0_i64..).zip(&intervals) {
            let outcome = settle_interval(&rules, quarter(n), &ledger, homes).expect("settled");
            audit::check_interval(&ledger, &outcome).expect("adds up");
            let sum = |side| outcome.rows.iter().filter(|r| r.side == side).map(|r| r.fill.get()).sum::<u64>();
            prop_assert_eq!(sum(Side::Bid), sum(Side::Ask));
            for (input, result) in homes.iter().zip(&outcome.homes) {
                // What is given away is worth the feed-in price, and costs the fee.
                let given: u64 = match result.order {
                    Some(row) if row.side == Side::Ask => row.direct.map_or(0, |direct| direct.gifts.get()),
                    _ => 0,
                };
                let gift = i64::try_from(given).expect("small") * (80_000 + 5_000);
                prop_assert!(result.cost().expect("small").get() <= result.without_market.get() + gift);
                let had = input.escrow.get() + ledger.home(input.home).cash.get();
                prop_assert!(input.escrow.get() + result.account.cash.get() >= had.min(0));
                if let Some(row) = result.order {
                    prop_assert!(row.fill <= row.quantity && row.credited <= row.fill);
                    let paid_for = i128::from(row.fill.get() - given);
                    let fee_of_gifts = i128::from(given) * 5_000;
                    let paid = i128::from(row.amount.get());
                    let at_limit = paid_for * i128::from(row.limit.get());
                    let holds = if row.side == Side::Bid { -paid <= at_limit } else { paid >= at_limit - fee_of_gifts };
                prop_assert!(holds);
                }
            }
            ledger = outcome.ledger;
            entries.push(outcome.entry);
        }
        prop_assert_eq!(audit::replay(&entries).expect("a journal"), ledger);
    }

    #[test]
    fn the_order_of_homes_makes_no_difference(
        (homes, shuffled) in wishing_homes().prop_flat_map(|homes| (Just(homes.clone()), Just(homes).prop_shuffle())),
        which in 0..Mechanism::ALL.len(),
    ) {
        let rules = ZoneRules { mechanism: Mechanism::ALL[which], ..rules() };
        let settle = |homes: &[HomeInput]| settle_interval(&rules, quarter(9), &Ledger::default(), homes).expect("settled");
        prop_assert_eq!(settle(&homes), settle(&shuffled));
    }
}
