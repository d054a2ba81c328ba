//! Whatever comes, it adds up; whoever looks, sees the same.

use clearing_house::{
    Account, Asset, HomeInput, IntervalEnergy, JournalEntry, JournalError, JournalLine, Ledger,
};
use clearing_house::{LineKind, PricePreference, audit, order_rows_tree, settle_interval};
use energy_core::{Hash, HomeId, NanoAmount, Side, to_canonical};
use market_engine::agent::Mode;
use proptest::prelude::*;

use crate::zone::{home, price, quarter, rules, wh};

fn preferences() -> impl Strategy<Value = PricePreference> {
    prop_oneof![
        prop::sample::select(vec![Mode::Cheap, Mode::Balanced, Mode::Green])
            .prop_map(PricePreference::Auto),
        (0_i64..400_000, 0_i64..400_000).prop_map(|(sell, buy)| PricePreference::limits(
            price(sell),
            price(buy)
        )
        .expect("in range")),
    ]
}

pub(crate) fn homes() -> impl Strategy<Value = Vec<HomeInput>> {
    let energy = prop::option::weighted(0.9, (0_u64..5_000, 0_u64..5_000));
    let generation = (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(0_u64..40_000),
    );
    let one = (
        energy,
        preferences(),
        generation,
        prop::option::of(0_u16..=1_000),
        0_i64..2_000_000_000,
    );
    prop::collection::vec(one, 0..12).prop_map(|rows| {
        (1_u32..)
            .zip(rows)
            .map(
                |(
                    n,
                    (
                        energy,
                        preference,
                        (has_generation_meter, has_battery, generated),
                        soc,
                        escrow,
                    ),
                )| HomeInput {
                    preference,
                    energy: energy.map(|(import, export)| IntervalEnergy {
                        import: wh(import),
                        export: wh(export),
                        substituted: false,
                    }),
                    generated_so_far: generated.map(wh),
                    has_generation_meter,
                    has_battery,
                    soc_permille: soc,
                    escrow: NanoAmount::new(escrow),
                    ..home(n, 0, 0)
                },
            )
            .collect()
    })
}

proptest! {
    #[test]
    fn energy_money_and_tokens_add_up(intervals in prop::collection::vec(homes(), 1..6)) {
        let mut ledger = Ledger::default();
        let mut entries: Vec<JournalEntry> = Vec::new();
        for (n, homes) in (0_i64..).zip(&intervals) {
            let outcome = settle_interval(&rules(), quarter(n), &ledger, homes).expect("settled");
            audit::check_interval(&ledger, &outcome).expect("adds up");
            let bought: u64 = outcome.rows.iter().filter(|r| r.side == Side::Bid).map(|r| r.fill.get()).sum();
            let sold: u64 = outcome.rows.iter().filter(|r| r.side == Side::Ask).map(|r| r.fill.get()).sum();
            prop_assert_eq!(bought, sold);
            for (input, result) in homes.iter().zip(&outcome.homes) {
                // Never worse off than with the utility alone, never beyond its funds or its limit.
                prop_assert!(result.cost().expect("small") <= result.without_market);
                let had = input.escrow.get() + ledger.home(input.home).cash.get();
                prop_assert!(input.escrow.get() + result.account.cash.get() >= had.min(0));
                if let Some(row) = result.order {
                    let at_limit = i128::from(row.fill.get()) * i128::from(row.limit.get());
                    let paid = i128::from(row.amount.get());
                    let holds = if row.side == Side::Bid { -paid <= at_limit } else { paid >= at_limit };
                    prop_assert!(holds);
                    prop_assert!(row.credited <= row.fill);
                }
                prop_assert!(result.minted <= result.verified);
                prop_assert!(result.account.credited <= ledger.home(input.home).credited.plus(wh(5_000)).expect("small"));
            }
            ledger = outcome.ledger;
            entries.push(outcome.entry);
        }
        prop_assert_eq!(audit::replay(&entries).expect("a journal"), ledger);
    }

    #[test]
    fn the_order_of_homes_makes_no_difference(
        (homes, shuffled) in homes().prop_flat_map(|homes| (Just(homes.clone()), Just(homes).prop_shuffle())),
    ) {
        let a = settle_interval(&rules(), quarter(9), &Ledger::default(), &homes).expect("settled");
        let b = settle_interval(&rules(), quarter(9), &Ledger::default(), &shuffled).expect("settled");
        prop_assert_eq!(to_canonical(&a.entry), to_canonical(&b.entry));
        prop_assert_eq!(order_rows_tree(&a.rows).root(), order_rows_tree(&b.rows).root());
        prop_assert_eq!(a, b);
    }

    #[test]
    fn a_changed_journal_is_noticed(homes in homes(), by in prop_oneof![-3_i64..0, 1_i64..4], at in any::<prop::sample::Index>()) {
        let first = settle_interval(&rules(), quarter(0), &Ledger::default(), &homes).expect("settled");
        let second = settle_interval(&rules(), quarter(1), &first.ledger, &homes).expect("settled");
        let unchained = [second.entry.clone()];
        prop_assert!(audit::replay(&unchained).is_err());
        prop_assume!(!first.entry.lines.is_empty());
        let mut changed = first.entry.clone();
        let line = &mut changed.lines[at.index(first.entry.lines.len())];
        line.amount += by;
        prop_assert!(audit::replay([&changed, &second.entry]).is_err());
        let mut outcome = first;
        outcome.entry = changed;
        prop_assert!(audit::check_interval(&Ledger::default(), &outcome).is_err());
    }

    #[test]
    fn a_home_with_lines_and_no_result_is_noticed(homes in homes(), at in any::<prop::sample::Index>()) {
        let mut outcome = settle_interval(&rules(), quarter(0), &Ledger::default(), &homes).expect("settled");
        prop_assume!(!outcome.homes.is_empty());
        let left_out = outcome.homes.remove(at.index(outcome.homes.len()));
        let moved = left_out.energy.is_some_and(|energy| energy.import != energy.export);
        prop_assume!(moved);
        let noticed = audit::check_interval(&Ledger::default(), &outcome);
        prop_assert_eq!(noticed, Err(audit::AuditError::NoResult { home: left_out.home }));
    }
}

#[test]
fn an_entry_that_makes_something_from_nothing_cannot_be_made() {
    let line = |account, amount| JournalLine {
        account,
        asset: Asset::Cash,
        amount,
        kind: LineKind::LocalTrade,
    };
    let lines = vec![
        line(Account::Home(HomeId::new(1)), 5),
        line(Account::Operator, -4),
    ];
    let made = JournalEntry::new(rules().zone, quarter(0), 1, Hash::ZERO, lines);
    assert_eq!(
        made,
        Err(JournalError::Unbalanced {
            asset: Asset::Cash,
            sum: 1
        })
    );
}

#[test]
fn the_utility_can_have_no_cash() {
    let line = |account, amount| JournalLine {
        account,
        asset: Asset::Cash,
        amount,
        kind: LineKind::LocalTrade,
    };
    let lines = vec![
        line(Account::Home(HomeId::new(1)), 5),
        line(Account::Utility, -5),
    ];
    let entry =
        JournalEntry::new(rules().zone, quarter(0), 1, Hash::ZERO, lines).expect("balanced");
    assert!(matches!(
        Ledger::default().post(&entry),
        Err(JournalError::Account { .. })
    ));
}

#[test]
fn order_ids_change_with_every_interval() {
    let meter = home(1, 0, 0).meter;
    assert_ne!(
        rules().order_id(quarter(0), &meter, 0),
        rules().order_id(quarter(1), &meter, 0)
    );
    let mut other = rules();
    other.order_secret = [8; 32];
    assert_ne!(
        rules().order_id(quarter(0), &meter, 0),
        other.order_id(quarter(0), &meter, 0)
    );
}
