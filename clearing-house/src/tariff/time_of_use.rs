//! Prices by windows of the local week.

use energy_core::{IntervalLength, IntervalStart};
use serde::{Deserialize, Serialize};

use super::{Place, TariffError, TariffPrices};

/// Minutes of a day.
pub(super) const DAY_MINUTES: u16 = 1_440;

/// The furthest that local time lies from UTC, in minutes.
pub(super) const UTC_OFFSET_MINUTES_MAX: i16 = 840;

/// The days on which a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Every day.
    All,
    /// Monday to Friday.
    Weekday,
    /// Saturday and Sunday.
    Weekend,
}

impl Days {
    fn include(self, is_weekend: bool) -> bool {
        match self {
            Self::All => true,
            Self::Weekday => !is_weekend,
            Self::Weekend => is_weekend,
        }
    }
}

/// A part of the local day with its prices. One over midnight is written as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffWindow {
    /// On which days.
    pub days: Days,
    /// The first minute of the local day, 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last, 1 to 1440.
    pub to_minute: u16,
    /// What holds then.
    #[serde(flatten)]
    pub prices: TariffPrices,
}

impl TariffWindow {
    fn holds(&self, is_weekend: bool, minute: u16) -> bool {
        self.days.include(is_weekend) && (self.from_minute..self.to_minute).contains(&minute)
    }
}

/// Prices by the local day and hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeOfUse {
    pub(super) utc_offset_minutes: i16,
    pub(super) windows: Vec<TariffWindow>,
    pub(super) otherwise: Option<TariffPrices>,
}

impl TimeOfUse {
    /// Windows of a week whose local time is UTC + `utc_offset_minutes` (−840 to 840), and the prices
    /// for all times outside them.
    ///
    /// # Errors
    /// [`TariffError`] when windows overlap, leave a time without prices, or have wrong ones.
    pub fn new(
        utc_offset_minutes: i16,
        windows: Vec<TariffWindow>,
        otherwise: Option<TariffPrices>,
    ) -> Result<Self, TariffError> {
        if !(-UTC_OFFSET_MINUTES_MAX..=UTC_OFFSET_MINUTES_MAX).contains(&utc_offset_minutes) {
            return Err(TariffError::Offset {
                got: utc_offset_minutes,
            });
        }
        for (n, window) in windows.iter().enumerate() {
            let (from_minute, to_minute) = (window.from_minute, window.to_minute);
            if from_minute >= to_minute || to_minute > DAY_MINUTES {
                return Err(TariffError::Window {
                    window: n,
                    from_minute,
                    to_minute,
                });
            }
            window.prices.check(Place::Window(n))?;
        }
        if let Some(prices) = otherwise {
            prices.check(Place::Otherwise)?;
        }
        for is_weekend in [false, true] {
            check_day(&windows, is_weekend, otherwise.is_some())?;
        }
        Ok(Self {
            utc_offset_minutes,
            windows,
            otherwise,
        })
    }

    pub(super) fn at(&self, interval: IntervalStart) -> TariffPrices {
        let offset_s = i64::from(self.utc_offset_minutes).saturating_mul(60);
        let local_s = interval.seconds().saturating_add(offset_s);
        // 1970-01-01 was a Thursday, the fourth day of its week.
        let weekday = local_s.div_euclid(86_400).saturating_add(3).rem_euclid(7);
        let minute = u16::try_from(local_s.rem_euclid(86_400).div_euclid(60))
            .expect("a day has 1440 minutes");
        self.windows
            .iter()
            .find(|window| window.holds(weekday >= 5, minute))
            .map(|window| window.prices)
            .or(self.otherwise)
            .expect("a tariff without the others covers the week")
    }

    /// All prices that it has.
    pub(super) fn all(&self) -> impl Iterator<Item = TariffPrices> {
        let windows = self.windows.iter().map(|window| window.prices);
        windows.chain(self.otherwise)
    }

    pub(super) fn check_edges(&self, interval: IntervalLength) -> Result<(), TariffError> {
        let interval_s = interval.seconds();
        let is_edge = |minute: u16| {
            i64::from(minute)
                .saturating_sub(self.utc_offset_minutes.into())
                .saturating_mul(60)
                .rem_euclid(interval_s.into())
                == 0
        };
        let wrong = self
            .windows
            .iter()
            .position(|window| !is_edge(window.from_minute) || !is_edge(window.to_minute));
        match wrong {
            Some(window) => Err(TariffError::Edge { interval_s, window }),
            None => Ok(()),
        }
    }
}

/// Whether the windows of a day cover it, each minute once.
fn check_day(
    windows: &[TariffWindow],
    is_weekend: bool,
    may_leave_gaps: bool,
) -> Result<(), TariffError> {
    let day = if is_weekend { "weekend" } else { "weekday" };
    let mut spans: Vec<(u16, u16)> = windows
        .iter()
        .filter(|window| window.days.include(is_weekend))
        .map(|window| (window.from_minute, window.to_minute))
        .collect();
    spans.sort_unstable();
    let mut covered = 0;
    for (from, to) in spans {
        if from < covered {
            return Err(TariffError::Overlap { day, minute: from });
        }
        if from > covered && !may_leave_gaps {
            break;
        }
        covered = to;
    }
    if covered < DAY_MINUTES && !may_leave_gaps {
        return Err(TariffError::Gap {
            day,
            minute: covered,
        });
    }
    Ok(())
}
