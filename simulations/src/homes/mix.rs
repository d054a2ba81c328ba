//! How many homes of each kind a street has.

use std::ops::RangeInclusive;

use super::{HOMES_MAX, HOMES_MIN, StreetError, roster::HomeKind};

/// The smallest roof and the largest that a mix can ask for, in W of peak power.
pub const SOLAR_PEAK_W: RangeInclusive<u32> = 500..=30_000;

/// Any two neighbours in it hold a seller and a buyer, so that the smallest streets trade too.
const PATTERN: [HomeKind; 24] = [
    HomeKind::SolarBattery,
    HomeKind::Consumer,
    HomeKind::Solar,
    HomeKind::Car,
    HomeKind::Consumer,
    HomeKind::Consumer,
    HomeKind::HeatPump,
    HomeKind::Solar,
    HomeKind::Consumer,
    HomeKind::Consumer,
    HomeKind::SolarBattery,
    HomeKind::Car,
    HomeKind::Consumer,
    HomeKind::SolarCar,
    HomeKind::Consumer,
    HomeKind::HeatPump,
    HomeKind::SolarBatteryHeatPump,
    HomeKind::Consumer,
    HomeKind::Solar,
    HomeKind::Car,
    HomeKind::Consumer,
    HomeKind::SolarBattery,
    HomeKind::Car,
    HomeKind::Consumer,
];

/// The kinds of a street's homes, and the size of its roofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    kinds: Vec<HomeKind>,
    solar_peak_w: Option<RangeInclusive<u32>>,
    has_dry_home: bool,
}

impl Mix {
    /// The mix of the demo: a fixed pattern in which a third of the homes have photovoltaics, small
    /// roofs of 2 to 4.6 kW, and one home that pays in very little and runs dry.
    ///
    /// # Errors
    /// [`StreetError::Homes`] unless there are [`HOMES_MIN`] to [`HOMES_MAX`].
    pub fn pattern(homes: u32) -> Result<Self, StreetError> {
        check_count(homes)?;
        let kinds = PATTERN.iter().copied().cycle();
        Ok(Self {
            kinds: kinds.take(usize::try_from(homes).unwrap_or(0)).collect(),
            solar_peak_w: None,
            has_dry_home: true,
        })
    }

    /// So many homes of each kind, roofs of any size in the range (W, in steps of 100 W), and nobody
    /// who runs dry.
    ///
    /// # Errors
    /// [`StreetError::Homes`] as above, [`StreetError::SolarPeak`] for a range that is empty or leaves
    /// [`SOLAR_PEAK_W`].
    pub fn of(
        counts: &[(HomeKind, u32)],
        solar_peak_w: RangeInclusive<u32>,
    ) -> Result<Self, StreetError> {
        let homes = counts
            .iter()
            .fold(0, |sum: u32, (_, n)| sum.saturating_add(*n));
        check_count(homes)?;
        let (low, high) = (*solar_peak_w.start(), *solar_peak_w.end());
        if low > high || !SOLAR_PEAK_W.contains(&low) || !SOLAR_PEAK_W.contains(&high) {
            return Err(StreetError::SolarPeak { low, high });
        }
        let kinds = counts
            .iter()
            .flat_map(|(kind, n)| (0..*n).map(|_| *kind))
            .collect();
        Ok(Self {
            kinds,
            solar_peak_w: Some(solar_peak_w),
            has_dry_home: false,
        })
    }

    /// A kind for each home, not yet shuffled.
    pub(super) fn kinds(&self) -> &[HomeKind] {
        &self.kinds
    }

    /// The roofs in hundreds of W, unless the pattern's.
    pub(super) fn solar_peak_100w(&self) -> Option<(u32, u32)> {
        let range = self.solar_peak_w.as_ref()?;
        Some((range.start() / 100, range.end() / 100))
    }

    /// Whether the first home without photovoltaics runs out of money.
    pub(super) const fn has_dry_home(&self) -> bool {
        self.has_dry_home
    }
}

fn check_count(got: u32) -> Result<(), StreetError> {
    if (HOMES_MIN..=HOMES_MAX).contains(&got) {
        Ok(())
    } else {
        Err(StreetError::Homes { got })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_has_bounds() {
        let of = |n, peak| Mix::of(&[(HomeKind::Solar, n), (HomeKind::Consumer, 1)], peak);
        assert!(of(1, 3_000..=3_000).is_ok());
        assert_eq!(of(0, 3_000..=3_000), Err(StreetError::Homes { got: 1 }));
        assert_eq!(
            of(u32::MAX, 3_000..=3_000),
            Err(StreetError::Homes { got: u32::MAX })
        );
        let (low, high) = (3_000, 4_000);
        assert_eq!(
            of(1, high..=low).expect_err("empty").to_string(),
            "expected roofs of 500 to 30000 W, the smallest first, got 4000 to 3000"
        );
        assert!(of(1, 100..=3_000).is_err() && of(1, 3_000..=40_000).is_err());
        assert!(Mix::pattern(1).is_err() && Mix::pattern(1_001).is_err());
    }
}
