//! The `[roster]` table of a scenario: how many homes of each kind, and how large their roofs are.
//!
//! Without it a street is the demo's pattern: see `Mix::pattern`.

use serde::Deserialize;

use crate::{
    homes::{HomeKind, Mix},
    scenario::{ScenarioError, value},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RosterTable {
    no_solar: u32,
    heat_pump: u32,
    car: u32,
    solar: u32,
    solar_car: u32,
    solar_battery: u32,
    solar_battery_heat_pump: u32,
    solar_peak_w_min: u32,
    solar_peak_w_max: u32,
}

impl RosterTable {
    /// The mix, which must have as many homes as the scenario says.
    pub(crate) fn mix(&self, homes: u32) -> Result<Mix, ScenarioError> {
        let counts = [
            (HomeKind::Consumer, self.no_solar),
            (HomeKind::HeatPump, self.heat_pump),
            (HomeKind::Car, self.car),
            (HomeKind::Solar, self.solar),
            (HomeKind::SolarCar, self.solar_car),
            (HomeKind::SolarBattery, self.solar_battery),
            (HomeKind::SolarBatteryHeatPump, self.solar_battery_heat_pump),
        ];
        let listed: u64 = counts.iter().map(|(_, n)| u64::from(*n)).sum();
        if listed != u64::from(homes) {
            return Err(value(
                "homes",
                format!("the {listed} homes of the roster"),
                homes,
            ));
        }
        Ok(Mix::of(
            &counts,
            self.solar_peak_w_min..=self.solar_peak_w_max,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use crate::{homes::HomeKind, homes::Street, scenario::BUNDLED, scenario::Scenario};

    fn month() -> &'static str {
        let named = BUNDLED
            .iter()
            .find(|(name, _)| *name == "community-37-month");
        named.expect("bundled").1
    }

    #[test]
    fn the_street_has_the_homes_of_its_roster() {
        let scenario = Scenario::parse(month()).expect("bundled");
        let street = Street::of(scenario.seed, &scenario.mix, scenario.start_s).expect("in bounds");
        let count = |kind| street.homes().iter().filter(|h| h.kind == kind).count();
        assert_eq!(street.homes().len(), 37);
        assert_eq!(count(HomeKind::Solar), 10);
        assert_eq!(count(HomeKind::SolarBatteryHeatPump), 2);
        let solar = || street.homes().iter().filter(|h| h.has_pv());
        assert!(solar().all(|h| (3_000..=8_000).contains(&h.pv_peak_w)));
        assert!(solar().any(|h| h.pv_peak_w > 6_000) && solar().any(|h| h.pv_peak_w < 5_000));
        assert!(street.homes().iter().all(|h| !h.runs_dry));
    }

    #[test]
    fn a_roster_that_does_not_fit_is_named() {
        let refuse = |from: &str, to: &str| {
            assert!(month().contains(from), "the test changes something");
            Scenario::parse(&month().replace(from, to))
                .expect_err(to)
                .to_string()
        };
        assert_eq!(
            refuse("homes = 37", "homes = 36"),
            "expected `homes` to be the 37 homes of the roster, got `36`"
        );
        assert!(refuse("\nsolar = 10", "\nsolar = 11").contains("38 homes"));
        assert!(refuse("\nsolar = 10", "").contains("missing field `solar`"));
        assert!(refuse("\nsolar = ", "\nsolar_panels = ").contains("unknown field"));
        assert!(refuse("w_min = 3_000", "w_min = 9_000").contains("roofs of 500 to 30000 W"));
    }
}
