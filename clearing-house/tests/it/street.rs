//! A street of 24 homes on a summer day, all on the automatic agent: the market must be worth having.

use clearing_house::audit::{self, ChainView, IntervalAudit};
use clearing_house::state::IntervalState;
use clearing_house::statement::Statement;
use clearing_house::{HomeInput, IntervalEnergy, Ledger, PricePreference, settle_interval};
use energy_core::{HomeId, NanoAmount, keccak};
use market_engine::agent::Mode;

use crate::zone::{home, quarter, rules, wh};

/// A number below `below` from a seed and a place.
fn dice(seed: u64, home: u32, quarter: i64, below: u64) -> u64 {
    let hash = keccak(&[
        &seed.to_be_bytes(),
        &home.to_be_bytes(),
        &quarter.to_be_bytes(),
    ]);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_be_bytes(bytes) % below
}

pub(crate) struct House {
    id: u32,
    /// Panels at their best, in Wh a quarter.
    peak: u64,
    /// Battery in Wh, and what is in it.
    battery: u64,
    stored: u64,
    generated: u64,
}

impl House {
    /// What the house measures in a quarter.
    pub(crate) fn step(&mut self, seed: u64, quarter: i64) -> HomeInput {
        // Up at 5:00, highest at 13:00, down at 21:00; a parabola with clouds.
        let (from, to) = (20, 84);
        let height = if (from..to).contains(&quarter) {
            (quarter - from) * (to - quarter)
        } else {
            0
        };
        let clouds = 600 + dice(seed, 0, quarter / 4, 400);
        let sun = self.peak * height.unsigned_abs() * clouds / (32 * 32 * 1_000);
        // Mornings and evenings cost more.
        let busy = if (26..36).contains(&quarter) || (68..90).contains(&quarter) {
            250
        } else {
            60
        };
        let load = 30 + dice(seed, self.id, quarter, busy);
        let (mut import, mut export) = (load.saturating_sub(sun), sun.saturating_sub(load));
        let charge = export.min(self.battery - self.stored).min(600);
        let discharge = import.min(self.stored).min(600);
        self.stored = self.stored + charge - discharge;
        self.generated += sun;
        import -= discharge;
        export -= charge;
        // Now and then both registers count within one quarter.
        let overlap = dice(seed, self.id, -1 - quarter, 20);
        let modes = [Mode::Balanced, Mode::Cheap, Mode::Green];
        HomeInput {
            preference: PricePreference::Auto(modes[self.id as usize % 3]),
            energy: Some(IntervalEnergy {
                import: wh(import + overlap),
                export: wh(export + overlap),
                substituted: false,
            }),
            generated_so_far: (self.battery > 0).then(|| wh(self.generated)),
            has_generation_meter: self.battery > 0,
            has_battery: self.battery > 0,
            soc_permille: (self.battery > 0).then(|| (self.stored * 1_000 / self.battery) as u16),
            escrow: NanoAmount::new(20_000_000_000),
            ..home(self.id, 0, 0)
        }
    }
}

/// 24 houses, every second one with panels, every fourth with a battery.
pub(crate) fn street(seed: u64) -> Vec<House> {
    (1..=24)
        .map(|id| House {
            id,
            peak: if id % 2 == 0 {
                700 + dice(seed, id, -1_000, 900)
            } else {
                0
            },
            battery: if id % 4 == 0 {
                5_000 + dice(seed, id, -2_000, 5_000)
            } else {
                0
            },
            stored: 0,
            generated: 0,
        })
        .collect()
}

#[test]
fn the_market_is_worth_having_and_everything_adds_up() {
    for seed in [1, 2, 3] {
        let rules = rules();
        let mut houses = street(seed);
        let mut ledger = Ledger::default();
        let (mut with_trade, mut inside_tariff, mut inside_net) = (0_u32, 0_u32, 0_u32);
        let (mut results, mut entries) = (Vec::new(), Vec::new());
        let (mut local, mut needed) = (0_u128, 0_u64);
        for n in 0..96 {
            let homes: Vec<HomeInput> =
                houses.iter_mut().map(|house| house.step(seed, n)).collect();
            let outcome = settle_interval(&rules, quarter(n), &ledger, &homes).expect("settled");
            audit::check_interval(&ledger, &outcome).expect("adds up");
            if let Some(price) = outcome.clearing.price {
                with_trade += 1;
                inside_tariff += u32::from(80_000 < price.get() && price.get() < 300_000);
                inside_net += u32::from(85_000 < price.get() && price.get() < 295_000);
            }
            local += outcome.clearing.certificate.quantity;
            needed += outcome
                .homes
                .iter()
                .filter_map(|h| h.energy)
                .map(|e| e.import.get())
                .sum::<u64>();
            for result in &outcome.homes {
                assert!(
                    result.cost().expect("small") <= result.without_market,
                    "seed {seed}, quarter {n}"
                );
            }
            ledger = outcome.ledger;
            results.extend(outcome.homes);
            entries.push(outcome.entry);
        }
        println!(
            "seed {seed}: {with_trade} intervals with trade, {inside_tariff} inside the tariff band, {inside_net} inside the net band, {local} of {needed} Wh bought locally"
        );
        assert!(with_trade >= 40, "a summer day has trade");
        assert!(2 * inside_net >= with_trade && 2 * inside_tariff >= with_trade);

        let (mut buyers_gain, mut sellers_gain) = (0, 0);
        for id in 1..=24 {
            let statement = Statement::of(HomeId::new(id), quarter(0), quarter(96), &results, [])
                .expect("small");
            assert!(statement.cost <= statement.without_market, "home {id}");
            assert!(statement.saved.get() > 0, "home {id} gained nothing");
            if id % 2 == 0 {
                sellers_gain += statement.saved.get()
            } else {
                buyers_gain += statement.saved.get()
            }
        }
        let gain = buyers_gain + sellers_gain;
        assert!(
            4 * buyers_gain >= gain && 4 * sellers_gain >= gain,
            "{buyers_gain} and {sellers_gain}"
        );

        audit::check_ledger(&ledger).expect("adds up");
        assert_eq!(audit::replay(&entries).expect("a journal"), ledger);
        let metered: u64 = results.iter().map(|result| result.verified.get()).sum();
        let chain = ChainView {
            minted: ledger.minted().expect("small"),
            carry: wh(0),
            cash_difference: 0,
        };
        let line = IntervalAudit::new(
            rules.zone,
            quarter(95),
            IntervalState::Final,
            wh(metered),
            &ledger,
            Some(&chain),
        )
        .expect("small");
        assert_eq!(
            (line.energy_difference_wh, line.cash_difference_nano),
            (0, 0)
        );
        assert_eq!(line.chain_wh, Some(line.ledger_wh));
    }
}
