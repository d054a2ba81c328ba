//! A home battery under the self-consumption rule: it takes what the sun gives too much, gives what
//! the home takes too much, and never trades with the grid.

use super::clock::STEP_S;

/// A battery as its data sheet has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Battery {
    /// Usable capacity in Wh.
    pub capacity_wh: u32,
    /// The most it charges or discharges, in W at the terminals.
    pub power_w_max: u32,
    /// What is stored of what goes in, and what comes out of what is stored, in ‰ each.
    pub one_way_efficiency_permille: u16,
}

/// What one step does to the battery, in mWh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) charge: u64,
    pub(super) discharge: u64,
    pub(super) stored_after: u64,
}

impl Battery {
    pub(super) fn capacity_mwh(&self) -> u64 {
        u64::from(self.capacity_wh) * 1_000
    }

    /// The step after `stored` mWh, with `pv` and `load` in mWh. What is lost is rounded up, so that
    /// no energy is invented.
    pub(super) fn step(&self, stored: u64, pv: u64, load: u64) -> Exchange {
        let most = u64::from(self.power_w_max) * 1_000 * STEP_S.cast_unsigned() / 3_600;
        let efficiency = u64::from(self.one_way_efficiency_permille);
        if pv >= load {
            let room = self.capacity_mwh().saturating_sub(stored) * 1_000 / efficiency;
            let charge = (pv - load).min(most).min(room);
            Exchange {
                charge,
                discharge: 0,
                stored_after: stored + charge * efficiency / 1_000,
            }
        } else {
            let there = stored * efficiency / 1_000;
            let discharge = (load - pv).min(most).min(there);
            let drawn = (discharge * 1_000).div_ceil(efficiency);
            Exchange {
                charge: 0,
                discharge,
                stored_after: stored.saturating_sub(drawn),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BATTERY: Battery = Battery {
        capacity_wh: 5_000,
        power_w_max: 2_400,
        one_way_efficiency_permille: 960,
    };

    #[test]
    fn power_limits_a_step() {
        // 2.4 kW for five minutes are 200 Wh.
        assert_eq!(BATTERY.step(0, 900_000, 100_000).charge, 200_000);
        assert_eq!(BATTERY.step(5_000_000, 0, 900_000).discharge, 200_000);
        assert_eq!(BATTERY.step(0, 0, 900_000).discharge, 0);
    }

    proptest! {
        #[test]
        fn stored_energy_stays_within_capacity_and_none_is_invented(
            stored in 0_u64..=5_000_000, pv in 0_u64..1_000_000, load in 0_u64..1_000_000,
        ) {
            let step = BATTERY.step(stored, pv, load);
            prop_assert!(step.stored_after <= BATTERY.capacity_mwh());
            prop_assert!(step.stored_after + step.discharge <= stored + step.charge);
            prop_assert!(step.charge == 0 || step.discharge == 0);
        }
    }
}
